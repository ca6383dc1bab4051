// SPDX-License-Identifier: GPL-3.0-or-later
/** What Redis does in one step: changes of a job's record together with what counts and finds it. */

/**
 * KEYS: record, counts, offered, quarantined, held. ARGV: the record as it was read ("" for none), the new one, id, states before ("" for
 * none) and after, whether there are offers, workers that hold it before and after ("" for none). 0 where the record has changed since.
 */
export const CHANGE = `
local before = redis.call('GET', KEYS[1]) or ''
if before ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[4] ~= ARGV[5] then
  if ARGV[4] ~= '' then redis.call('HINCRBY', KEYS[2], ARGV[4], -1) end
  redis.call('HINCRBY', KEYS[2], ARGV[5], 1)
end
redis.call(ARGV[6] == '1' and 'SADD' or 'SREM', KEYS[3], ARGV[3])
redis.call(ARGV[5] == 'quarantined' and 'SADD' or 'SREM', KEYS[4], ARGV[3])
if ARGV[7] ~= '' and redis.call('HGET', KEYS[5], ARGV[7]) == ARGV[3] then redis.call('HDEL', KEYS[5], ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[5], ARGV[8], ARGV[3]) end
return 1
`;

/** Makes counts and indices anew from the records, should any have been lost. KEYS: counts, offered, quarantined, held. ARGV: pattern. */
export const REINDEX = `
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
local cursor, seen = '0', {}
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    if not seen[key] then
      seen[key] = true
      local job = cjson.decode(redis.call('GET', key))
      redis.call('HINCRBY', KEYS[1], job.state, 1)
      if #job.offers > 0 then redis.call('SADD', KEYS[2], job.id) end
      if job.state == 'quarantined' then redis.call('SADD', KEYS[3], job.id) end
      if job.lease then redis.call('HSET', KEYS[4], job.lease.worker, job.id) end
    end
  end
until cursor == '0'
`;

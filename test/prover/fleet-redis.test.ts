// SPDX-License-Identifier: GPL-3.0-or-later
/** What only Redis can do to a fleet: refuse, restart, throw keys away. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { Redis } from "ioredis";
import type { JobSpec } from "../../prover/src/fleet/job.ts";
import type { JobQueue } from "../../prover/src/fleet/queue.ts";
import { runFleet } from "../../prover/src/node/fleet/fleet.ts";
import { connectRedis, redisAddress } from "../../prover/src/node/fleet/redis-client.ts";
import { openRedisQueue } from "../../prover/src/node/fleet/redis-queue.ts";
import { proofOf, triesIn } from "../support/fleet-child.ts";
import { RedisServer, redisFleet, specs } from "../support/fleets.ts";
import { skip } from "../support/skip.ts";

const CHILD = path.resolve(import.meta.dirname, "../support/fleet-child.ts");
const RULES = { leaseMs: 500, mostTries: 5 };
const PASSWORD = "canary-password-1";

/** What became of it, as a code and a rule. */
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "accepted",
    ({ code, rule }) => `${code}: ${rule}`,
  );

describe("a fleet's Redis", function () {
  this.timeout(60_000);
  let server: RedisServer;
  let folder: string;
  let queues: JobQueue[] = [];
  let name = "";
  before(async function () {
    const { missing } = redisFleet();
    if (missing !== undefined) return skip(this, missing);
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-fleet-redis-"));
    server = await RedisServer.start("--requirepass", PASSWORD);
  });
  after(async () => {
    await server?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });
  let count = 0;
  beforeEach(() => {
    name = `redis-test-${count++}`;
  });
  afterEach(async () => {
    for (const queue of queues) await queue.close();
    queues = [];
  });

  const address = () => ({ url: server.url, password: PASSWORD });
  async function open(): Promise<JobQueue> {
    const queue = await openRedisQueue({ ...address(), queue: name, rules: RULES });
    queues.push(queue);
    return queue;
  }
  const kept = new Map<string, Set<string>>();
  const log = () => path.join(folder, name);
  async function run(queue: JobQueue, jobs: readonly JobSpec[], machines: readonly string[], stepMs = 20) {
    const done = kept.get(name) ?? kept.set(name, new Set()).get(name)!;
    const end = await runFleet(
      {
        ...{ queue, rules: RULES, outbox: path.join(folder, "outbox"), alone: false, total: jobs.length },
        workers: machines.map((machine) => ({ worker: `${machine}-1`, machine })),
        child: { entry: CHILD, given: { log: log(), acts: {}, stepMs, secret: "canary" } },
        unproven: async () => jobs.filter(({ id }) => !done.has(id)),
        async accept({ id }, proof) {
          if (!Buffer.from(proof).equals(proofOf(id))) return false;
          done.add(id);
          return true;
        },
        every: { poll: 20, progress: 100, repair: 1_500 },
      },
      AbortSignal.timeout(30_000),
    );
    return end!;
  }
  async function withRedis<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(server.url, { password: PASSWORD });
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }

  it("J05: that may throw keys away is refused, with the setting named", async () => {
    const work = (policy: string) =>
      withRedis((redis) => redis.config("SET", "maxmemory-policy", policy)).then(() => refusal(open()));
    for (const policy of ["allkeys-lru", "volatile-lru", "allkeys-random"]) {
      expect(await work(policy)).equal(
        `QUEUE_FAILED: Redis at 127.0.0.1:${server.port} may throw jobs away: set maxmemory-policy to noeviction (it is ${policy})`,
      );
    }
    expect(await work("noeviction")).equal("accepted");
  });

  it("is named where it does not answer or refuses the password, which is never quoted", async () => {
    const wrong = await refusal(connectRedis({ url: server.url, password: "canary-password-2" }));
    expect(wrong).contain("QUEUE_FAILED").and.contain("does not accept the password").and.not.contain("canary");
    expect(await refusal(connectRedis({ url: server.url }))).contain("does not accept the password");
    expect(await refusal(connectRedis({ url: "redis://127.0.0.1:1" }))).contain("127.0.0.1:1 does not answer");
  });

  it("an address with a password in it is refused without being quoted, and one that is none", () => {
    const { url } = server;
    expect(redisAddress(url, PASSWORD)).deep.equal({ url, password: PASSWORD });
    for (const text of [`redis://:${PASSWORD}@127.0.0.1`, `redis://user:${PASSWORD}@127.0.0.1`]) {
      expect(() => redisAddress(text, undefined))
        .throw(/--redis: leave the password out/)
        .and.not.match(/canary/);
    }
    for (const text of ["", "127.0.0.1:6379", "http://127.0.0.1", "redis://"]) {
      expect(() => redisAddress(text, undefined)).throw("--redis: expected redis://");
    }
  });

  it("is killed and starts again without anything: the fleet waits, and goes on from what is proven", async () => {
    const queue = await open();
    const jobs = specs(16);
    const running = run(queue, jobs, ["a", "b"]);
    while (triesIn(log()).length < 4) await setTimeout(10);
    await server.kill();
    await setTimeout(300);
    await server.start();
    const { done } = await running;
    expect([done, kept.get(name)!.size]).deep.equal([16, 16]);
    expect(triesIn(log()).length).within(16, 22);
  });

  it("J05: keys that are deleted under it, of every kind: nothing is lost", async () => {
    const jobs = specs(24);
    const running = run(await open(), jobs, ["a", "b"]);
    const rng = [3, 1, 4, 1, 5, 9, 2, 6];
    for (const [at, digit] of rng.entries()) {
      await setTimeout(60);
      await withRedis(async (redis) => {
        const keys = (await redis.keys("*")).sort();
        const evicted = keys.filter((_, index) => (index + at) % (2 + digit) === 0);
        if (evicted.length > 0) await redis.del(...evicted);
      });
    }
    const { done } = await running;
    expect([done, kept.get(name)!.size]).deep.equal([24, 24]);
  });

  it("two coordinators are as good as one", async () => {
    const jobs = specs(16);
    const ended = await Promise.all([run(await open(), jobs, ["a"]), run(await open(), jobs, ["b"])]);
    expect(ended.map(({ done }) => done)).deep.equal([16, 16]);
    expect(triesIn(log()).length).within(16, 18);
  });

  it("keeps nothing of a book that is proven for longer than an hour, and workers still see the end", async () => {
    const queue = await open();
    await run(queue, specs(4), ["a"]);
    const lives = await withRedis(async (redis) => {
      const keys = await redis.keys(`{plimsoll:${name}}:*`);
      return Promise.all(keys.map(async (key) => [key, await redis.ttl(key)] as const));
    });
    expect(lives.length).greaterThan(4);
    expect(lives.filter(([, seconds]) => seconds < 3_000 || seconds > 3_600)).deep.equal([]);
    expect(await queue.status()).include({ done: 4, waiting: 0 });
  });
});

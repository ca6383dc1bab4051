// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * One of several processes that want a lock: `lock-child.ts LOCK LOG TURNS END`. Takes the lock TURNS times and writes to LOG when
 * it has it, while it has it and when it gives it back. Where END is `killed` it is killed, as by kill -9, in its last turn; where it
 * is `held` it keeps the lock in its last turn until somebody ends it.
 */
import { appendFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { withLock } from "../../prover/src/node/lock.ts";

const [lock, log, turns, end] = process.argv.slice(2) as [string, string, string, string];
const say = (what: string) =>
  appendFileSync(log, `${process.pid} ${what} ${performance.timeOrigin + performance.now()}\n`);

for (let turn = 1; turn <= Number(turns); turn++) {
  await withLock(lock, async () => {
    say("has");
    for (let beats = 0; beats < 3; beats++) {
      await setTimeout(1);
      say("has still");
    }
    if (turn === Number(turns) && end === "held") await setTimeout(60_000);
    if (turn === Number(turns) && end === "killed") process.kill(process.pid, "SIGKILL");
    say("gives back");
  });
}

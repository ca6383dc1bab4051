// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A fleet in a process of its own, which a test can kill, or has it kill itself at a point: `node fleet-driver.ts '{…}'`. Prints what
 * happens, a line each.
 */
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { JobSpec } from "../../prover/src/fleet/job.ts";
import { writeNew } from "../../prover/src/node/files.ts";
import { openEmbeddedQueue } from "../../prover/src/node/fleet/embedded-queue.ts";
import { runFleet, runWorkers } from "../../prover/src/node/fleet/fleet.ts";
import { openRedisQueue } from "../../prover/src/node/fleet/redis-queue.ts";
import { type Act, proofOf } from "./fleet-child.ts";
import { specs } from "./fleets.ts";

export interface DriverOptions {
  /** Files of this run: tries, kept proofs, journal, outbox. */
  readonly folder: string;
  /** Else the journal. */
  readonly redis?: { readonly url: string; readonly queue: string };
  readonly jobs: number;
  readonly machines: readonly string[];
  readonly leaseMs: number;
  readonly acts?: Readonly<Record<string, readonly Act[]>>;
  readonly stepMs?: number;
  /** Where the process kills itself. */
  readonly killAt?: "opened" | "leased" | "proven" | "accepting" | "accepted";
  /** Works, and leaves coordinating to others. */
  readonly workerOnly?: boolean;
}

const CHILD = path.resolve(import.meta.dirname, "fleet-child.ts");
export const keptIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".proof"));

if (process.argv[1] === import.meta.filename) {
  const options: DriverOptions = JSON.parse(process.argv[2]!);
  const { folder, redis, jobs, machines, leaseMs, acts = {}, stepMs = 20, killAt, workerOnly } = options;
  const say = (what: string) => {
    process.stdout.write(`${what}\n`);
    if (what.split(" ")[0] === killAt) process.kill(process.pid, "SIGKILL");
  };
  const stop = new AbortController();
  process.on("SIGTERM", () => stop.abort());
  const rules = { leaseMs, mostTries: 6 };
  const queue = redis
    ? await openRedisQueue({ ...redis, rules })
    : await openEmbeddedQueue(path.join(folder, "journal"), { rules });
  say("opened");
  const fileOf = (id: string) => path.join(folder, `${id}.proof`);
  const unproven = async () => {
    const kept = new Set(keptIn(folder));
    return specs(jobs).filter(({ id }) => !kept.has(`${id}.proof`));
  };
  async function accept({ id }: JobSpec, proof: Uint8Array): Promise<boolean> {
    if (!Buffer.from(proof).equals(proofOf(id))) return false;
    say(`accepting ${id}`);
    await writeNew(fileOf(id), proof).catch(() => {});
    say(`accepted ${id}`);
    return true;
  }
  const parts = {
    ...{ queue, rules, outbox: path.join(folder, "outbox"), limitMs: 20_000 },
    workers: machines.map((machine) => ({ worker: `${machine}-1`, machine })),
    child: { entry: CHILD, given: { log: path.join(folder, "tries"), acts, stepMs, secret: "canary" } },
    onEvent: (event: { what: string; job?: string }) => say(`${event.what} ${event.job ?? ""}`),
  };
  const every = { poll: 20, progress: 100, repair: 1_500 };
  if (workerOnly) {
    const isFinished = async () => {
      const { waiting, leased, offered, done } = await queue.status();
      return done > 0 && waiting + leased + offered === 0;
    };
    await runWorkers({ ...parts, isFinished }, stop.signal);
  } else await runFleet({ ...parts, alone: !redis, accept, unproven, total: jobs, every }, stop.signal);
  await queue.close();
  writeFileSync(path.join(folder, `ended-${process.pid}`), "");
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** A fleet at work: processes that die, hang, fail or starve, of every kind of queue. The proofs are make-believe. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import type { Progress } from "../../prover/src/fleet/coordinator.ts";
import type { JobSpec, WorkerIdentity } from "../../prover/src/fleet/job.ts";
import type { JobQueue } from "../../prover/src/fleet/queue.ts";
import { type FleetParts, runFleet, runWorkers } from "../../prover/src/node/fleet/fleet.ts";
import { leaveInOutbox } from "../../prover/src/node/fleet/outbox.ts";
import { type Act, type ChildGiven, proofOf, triesIn } from "../support/fleet-child.ts";
import { FLEETS, type FleetPlace, specs } from "../support/fleets.ts";
import { skip } from "../support/skip.ts";

const CHILD = path.resolve(import.meta.dirname, "../support/fleet-child.ts");
/** Long enough for a busy machine to renew in time; where a test waits for three of them, as short as that. */
const RULES = { leaseMs: 1_000, mostTries: 4 };
const who = (machine: string): WorkerIdentity => ({ worker: `${machine}-1`, machine });
const NEVER = new AbortController().signal;

for (const kindOf of FLEETS) {
  const kind = kindOf();
  describe(`a fleet at work: ${kind.name}`, function () {
    this.timeout(60_000);
    let place: FleetPlace;
    let queue: JobQueue;
    let folder: string;
    let kept: Map<string, Uint8Array>;
    /** To a queue that outlives the process another machine may come at any time. */
    const alone = kind.name === "embedded journal";
    const log = () => path.join(folder, "tries");
    const outbox = () => path.join(folder, "outbox");
    before(function () {
      if (kind.missing !== undefined) return skip(this, kind.missing);
    });
    beforeEach(async () => {
      folder = mkdtempSync(path.join(tmpdir(), "plimsoll-fleet-"));
      kept = new Map();
      place = await kind.create(RULES);
      queue = await place.open();
    });
    afterEach(async () => {
      await place?.remove();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    });
    after(() => kind.end());

    function parts(acts: Readonly<Record<string, readonly Act[]>> = {}, machines: readonly string[] = ["a", "b"]) {
      const given: ChildGiven = { log: log(), acts, stepMs: 5, secret: "canary" };
      return {
        ...{ queue, rules: RULES, outbox: outbox(), limitMs: 20_000 },
        ...{ workers: machines.map(who), child: { entry: CHILD, given } },
      } satisfies FleetParts;
    }
    async function accept({ id }: JobSpec, proof: Uint8Array): Promise<boolean> {
      if (!Buffer.from(proof).equals(proofOf(id))) return false;
      kept.set(id, proof);
      return true;
    }
    /** Runs a fleet of its own to its end. */
    const run = async (jobs: readonly JobSpec[], fleet: FleetParts, signal = NEVER): Promise<Progress> => {
      const unproven = async () => jobs.filter(({ id }) => !kept.has(id));
      const every = { poll: 20, progress: 50, repair: 2_000 };
      return (await runFleet({ ...fleet, alone, accept, unproven, total: jobs.length, every }, signal))!;
    };
    const triesOf = ({ id }: JobSpec) => triesIn(log()).filter((line) => line.startsWith(`${id} `)).length;
    const [JOB, ...OTHERS] = specs(5) as [JobSpec, ...JobSpec[]];
    const ALL = [JOB, ...OTHERS];

    it("proves every job once, by processes that stay, and says how far it is", async () => {
      const seen: Progress[] = [];
      const jobs = specs(12);
      const unproven = async () => jobs.filter(({ id }) => !kept.has(id));
      const fleet = { ...parts(), alone, accept, unproven, total: 12 };
      const end = await runFleet(
        { ...fleet, every: { poll: 20, progress: 30 }, onProgress: (each) => seen.push(each) },
        NEVER,
      );
      expect(end).deep.include({ done: 12, total: 12, secondsLeft: 0 });
      expect(end!.status).include({ done: 12, waiting: 0, leased: 0, offered: 0 });
      expect([...kept.keys()].sort()).deep.equal(jobs.map(({ id }) => id));
      const tries = triesIn(log());
      expect([tries.length, new Set(tries.map((line) => line.split(" ")[1])).size]).deep.equal([12, 2]);
      const told = seen.at(-1)!;
      expect(told.done).within(1, 12);
      expect(Math.abs(told.secondsLeft! - (12 - told.done) / told.rate!)).lessThan(1e-6);
    });

    it("J01: a proof that keeps its processor for three leases is made once", async () => {
      await run([JOB], parts({ [JOB.id]: [`busy ${3 * RULES.leaseMs}`] }));
      expect([kept.size, triesOf(JOB), (await queue.find(JOB.id))!.token]).deep.equal([1, 1, 1]);
    });

    it("J01: a machine that stands for three leases loses nothing, and nothing is a failure", async () => {
      const running = run(ALL, parts({}, ["a"]));
      // This process has coordinator and worker: their timers stand, as on a machine that is starved or suspended.
      while (triesIn(log()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      for (const end = Date.now() + 3 * RULES.leaseMs; Date.now() < end; );
      await running;
      expect(kept.size).equal(ALL.length);
      for (const { id } of ALL) {
        const reasons = (await queue.find(id))!.failures.map(({ reason }) => reason);
        expect(reasons.filter((reason) => reason !== "expired")).deep.equal([]);
      }
    });

    it("J04, J10: processes that die, fail, hang or bring a wrong proof: the job goes to another machine, and what is known is kept", async () => {
      const acts: Record<string, Act[]> = {
        [ALL[0]!.id]: ["crash witness"],
        [ALL[1]!.id]: ["fail"],
        [ALL[2]!.id]: ["hang"],
        [ALL[3]!.id]: ["wrong"],
      };
      await run(ALL, { ...parts(acts), limitMs: 4_000 });
      expect(kept.size).equal(ALL.length);
      const failures = await Promise.all(
        ALL.map(async ({ id }) => (await queue.find(id))!.failures.map(({ at, worker, machine, ...rest }) => rest)),
      );
      const [died, failed, late, refused, none] = failures.map((each) => each[0]);
      expect(died).include({ reason: "died", stage: "witness", signal: "SIGKILL" });
      expect(failed).include({ reason: "failed", stage: "prove", code: "OUT_OF_MEMORY" });
      expect(late).include({ reason: "late", stage: "prove" });
      expect(refused).deep.equal({ reason: "refused" });
      expect(none).equal(undefined);
      expect([died, failed, late].every((each) => each!.memoryMib! > 10)).equal(true);
    });

    it("J04: a job that fails everywhere is quarantined, the rest goes on, and once asked for again it is proven", async () => {
      const end = await run(ALL, parts({ [JOB.id]: ["fail", "crash load"] }));
      expect(end.status).include({ done: ALL.length - 1, quarantined: 1 });
      expect([triesOf(JOB), (await queue.quarantined(9)).map(({ id }) => id)]).deep.equal([2, [JOB.id]]);
      await queue.retry([JOB.id]);
      expect((await run(ALL, parts())).status).include({ done: ALL.length, quarantined: 0 });
      expect([kept.size, triesIn(log()).length]).deep.equal([ALL.length, ALL.length + 2]);
    });

    it("where the only machine has failed at a job, the rest is done and it waits for another machine", async () => {
      if (!alone) return;
      const end = await run(ALL, parts({ [JOB.id]: ["fail"] }, ["a"]));
      expect(end.status).include({ done: ALL.length - 1, waiting: 1, quarantined: 0 });
      expect((await run(ALL, parts({}, ["b"]))).status).include({ done: ALL.length });
    });

    it("J09: stopped, it ends its processes at once; what was begun was no try, and it goes on later", async () => {
      const stop = new AbortController();
      const jobs = specs(8);
      const acts = { [jobs[2]!.id]: ["hang"], [jobs[3]!.id]: ["hang"] } as const;
      const running = run(jobs, { ...parts(acts), onEvent: () => {} }, stop.signal);
      while (triesOf(jobs[2]!) + triesOf(jobs[3]!) < 2) await new Promise((resolve) => setTimeout(resolve, 10));
      stop.abort();
      const started = performance.now();
      await running;
      expect(await queue.status()).include({ leased: 0, quarantined: 0 });
      // Long before the limit of a try, which ends what hangs.
      expect(performance.now() - started).lessThan(10_000);
      const pids = triesIn(log()).map((line) => Number(line.split(" ")[1]));
      for (let wait = 0; wait < 100 && pids.some(isAlive); wait++)
        await new Promise((resolve) => setTimeout(resolve, 10));
      expect(pids.filter(isAlive)).deep.equal([]);
      expect(await queue.find(jobs[2]!.id)).include({ state: "waiting", tries: 0 });
      queue = await place.open();
      await run(jobs, { ...parts(), queue });
      expect(kept.size).equal(8);
      expect((await queue.find(jobs[2]!.id))!.failures).deep.equal([]);
    });

    it("J08: proofs that were made while nobody coordinated, and those of the outbox, are taken later", async () => {
      await queue.enqueue(ALL);
      await runWorkers({ ...parts(), isFinished: async () => (await queue.status()).leased === 0 }, NEVER);
      expect((await queue.status()).offered).equal(ALL.length);
      expect(kept.size).equal(0);
      const jobs = specs(7);
      const [left, wrong] = [jobs[5]!, jobs[6]!];
      await leaveInOutbox(outbox(), { ...who("gone"), job: left, proof: proofOf(left.id) });
      await leaveInOutbox(outbox(), { ...who("gone"), job: wrong, proof: proofOf("another") });
      await run(jobs, parts());
      expect([kept.size, triesOf(wrong), readdirSync(outbox())]).deep.equal([7, 1, []]);
      // A worker that is faster than the outbox proves it again, which does no harm.
      expect(triesOf(left)).at.most(1);
    });

    it("J05: a queue that has lost its jobs is filled again from where proofs are kept", async () => {
      await run(ALL, parts());
      kept.delete(JOB.id);
      await run(ALL, parts());
      expect([kept.size, triesOf(JOB), triesIn(log()).length]).deep.equal([ALL.length, 2, ALL.length + 1]);
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

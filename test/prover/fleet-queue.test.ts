// SPDX-License-Identifier: GPL-3.0-or-later
/** The rules of a job's life, of every kind of queue. */
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import type { Failure, WorkerIdentity } from "../../prover/src/fleet/job.ts";
import type { JobQueue, Lease } from "../../prover/src/fleet/queue.ts";
import { dispatchTime, FLEETS, type FleetPlace, finishAll, specs } from "../support/fleets.ts";
import { skip } from "../support/skip.ts";

/** Leases far longer than anything here takes on a busy machine, and such as end while a test waits. */
const RULES = { leaseMs: 60_000, mostTries: 3 };
const BRIEF = { leaseMs: 1_000, mostTries: 3 };
const who = (name: string): WorkerIdentity => ({ worker: `${name}-1`, machine: name });
const [A, B, C] = [who("a"), who("b"), who("c")];
const PROOF = Buffer.alloc(160, 7);
const [JOB, OTHER] = specs(2);
const failure = ({ worker, machine }: WorkerIdentity): Failure => ({
  ...{ worker, machine, reason: "failed", at: 1, stage: "prove", code: "OUT_OF_MEMORY", memoryMib: 12 },
});

for (const kindOf of FLEETS) {
  const kind = kindOf();
  describe(`jobs of the fleet: ${kind.name}`, function () {
    this.timeout(30_000);
    let place: FleetPlace;
    let queue: JobQueue;
    before(function () {
      if (kind.missing !== undefined) return skip(this, kind.missing);
    });
    const create = async (rules = RULES) => {
      place = await kind.create(rules);
      queue = await place.open();
    };
    beforeEach(() => create());
    afterEach(() => place?.remove());
    after(() => kind.end());

    const leased = async (by: WorkerIdentity): Promise<Lease> => {
      const lease = await queue.lease(by);
      expect(lease, "a lease").not.equal(undefined);
      return lease!;
    };
    /** A lease as soon as there is one: what was given back, or has ended, may take a moment. */
    async function leaseSoon(by: WorkerIdentity): Promise<Lease> {
      for (const deadline = Date.now() + 10_000; Date.now() < deadline; await setTimeout(10)) {
        const lease = await queue.lease(by);
        if (lease !== undefined) return lease;
      }
      throw new Error("the job never came back");
    }
    /** For tests of leases that end. */
    async function briefly(): Promise<void> {
      await place.remove();
      await create(BRIEF);
    }
    const stateOf = async (id: string) => (await queue.find(id))!.state;
    const complete = ({ job, token, worker, machine }: Lease, proof: Uint8Array = PROOF) =>
      queue.complete({ job, token, worker, machine, proof });
    /** Judges everything that waits for it, as the coordinator does. */
    async function judgeAll(valid = (_: Uint8Array) => true): Promise<string[]> {
      const offered = await queue.offered(100);
      for (const each of offered) await queue.judge(each, valid(each.proof));
      return offered.map(({ job }) => job.id);
    }

    it("hands jobs out in their order, each once, and knows how many are in each state", async () => {
      await queue.enqueue(specs(3));
      await queue.enqueue(specs(3));
      const [first, second] = [await leased(A), await leased(B)];
      expect([first.job.id, second.job.id, first.token]).deep.equal(["shard-000000", "shard-000001", 1]);
      expect(first.job).include(JOB);
      await complete(first);
      expect(await queue.status()).deep.equal({
        ...{ waiting: 1, leased: 1, offered: 1, done: 0, quarantined: 0, cancelled: 0 },
      });
      expect(await judgeAll()).deep.equal(["shard-000000"]);
      expect((await leased(A)).job.id).equal("shard-000002");
      expect(await queue.lease(C)).equal(undefined);
      expect(await queue.status()).include({ waiting: 0, leased: 2, offered: 0, done: 1 });
    });

    it("J02: A's lease ends, B holds, A reports a failure, then a proof: B's lease is untouched, the job is done once", async () => {
      await briefly();
      await queue.enqueue([JOB!]);
      const a = await leased(A);
      const b = await leaseSoon(B);
      expect(b.token).greaterThan(a.token);
      expect([await queue.renew(a), await queue.fail(a, failure(A))]).deep.equal([false, false]);
      await queue.release(a);
      expect([await queue.renew(b), await stateOf(JOB!.id)]).deep.equal([true, "leased"]);
      await complete(a);
      expect([await queue.renew(b), await stateOf(JOB!.id)]).deep.equal([true, "leased"]);
      expect(await judgeAll()).deep.equal([JOB!.id]);
      expect(await stateOf(JOB!.id)).equal("done");
      expect([await queue.renew(b), await queue.fail(b, failure(B))]).deep.equal([false, false]);
      await complete(b, Buffer.alloc(160, 8));
      expect([await judgeAll(), await stateOf(JOB!.id)]).deep.equal([[], "done"]);
      expect(await queue.status()).include({ done: 1, waiting: 0, leased: 0, offered: 0 });
      expect(await queue.lease(C)).equal(undefined);
    });

    it("a wrong proof keeps no right one out, and counts against the machine that brought it", async () => {
      await queue.enqueue([JOB!]);
      const a = await leased(A);
      await complete(a, Buffer.alloc(160, 1));
      await queue.complete({ ...B, job: JOB!, proof: PROOF });
      await judgeAll((proof) => proof[0] === 7);
      expect(await stateOf(JOB!.id)).equal("done");
      await queue.enqueue([OTHER!]);
      await complete(await leased(A), Buffer.alloc(160, 2));
      await judgeAll(() => false);
      const { state, failures } = (await queue.find(OTHER!.id))!;
      expect([state, failures.map(({ machine, reason }) => [machine, reason])]).deep.equal([
        ...["waiting", [["a", "refused"]]],
      ]);
      expect(await queue.lease(A)).equal(undefined);
      expect((await leaseSoon(B)).job.id).equal(OTHER!.id);
    });

    it("J03: a job whose lease always ends is tried as often as the rules say, and others are unaffected", async () => {
      await briefly();
      await queue.enqueue([JOB!]);
      const tokens = [(await leased(A)).token];
      for (const next of [B, C]) tokens.push((await leaseSoon(next)).token);
      expect(tokens).deep.equal([1, 2, 3]);
      await queue.enqueue([OTHER!]);
      const other = await leased(B);
      await setTimeout(BRIEF.leaseMs * 0.6);
      expect(await queue.renew(other)).equal(true);
      for (let wait = 0; wait < 100 && (await stateOf(JOB!.id)) !== "quarantined"; wait++) {
        await queue.lease(A);
        await queue.renew(other);
        await setTimeout(50);
      }
      const { state, failures } = (await queue.find(JOB!.id))!;
      expect([state, failures.map(({ reason }) => reason)]).deep.equal([
        ...["quarantined", ["expired", "expired", "expired"]],
      ]);
      await complete(other);
      await judgeAll();
      expect(await stateOf(OTHER!.id)).equal("done");
    });

    it("J04: a job that fails on two machines is quarantined with what is known of it, and never goes back to one", async () => {
      await queue.enqueue([JOB!]);
      expect(await queue.fail(await leased(A), failure(A))).equal(true);
      expect(await queue.lease(A)).equal(undefined);
      expect(await queue.lease({ worker: "a-2", machine: "a" })).equal(undefined);
      const b = await leaseSoon(B);
      expect(await queue.fail(b, failure(B))).equal(true);
      await queue.enqueue([JOB!, OTHER!]);
      expect((await leased(C)).job.id).equal(OTHER!.id);
      expect(await queue.lease(A)).equal(undefined);
      const [job] = await queue.quarantined(10);
      expect(job).include({ id: JOB!.id, state: "quarantined", tries: 2 });
      expect(job!.failures).deep.equal([failure(A), failure(B)]);
    });

    it("J10: a quarantined job that is asked for again gets all its tries, on every machine", async () => {
      await queue.enqueue([JOB!]);
      await queue.fail(await leased(A), failure(A));
      await queue.fail(await leaseSoon(B), failure(B));
      await queue.retry([JOB!.id, "shard-999999"]);
      expect((await leased(A)).job.id).equal(JOB!.id);
      expect(await queue.status()).include({ leased: 1, quarantined: 0 });
    });

    it("a proof of a quarantined job ends it", async () => {
      await queue.enqueue([JOB!]);
      const a = await leased(A);
      await queue.fail(a, failure(A));
      await queue.fail(await leaseSoon(B), failure(B));
      await complete(a);
      await judgeAll();
      expect(await queue.status()).include({ done: 1, quarantined: 0 });
      expect(await queue.quarantined(10)).deep.equal([]);
    });

    it("J07: a worker that starts again gets the job that it had, under a new token", async () => {
      await queue.enqueue(specs(2));
      const before = await leased(A);
      queue = await place.open();
      const again = await leased(A);
      expect([again.job.id, again.token]).deep.equal([before.job.id, before.token + 1]);
      expect([await queue.renew(before), await queue.renew(again)]).deep.equal([false, true]);
      expect((await leased(B)).job.id).equal(OTHER!.id);
    });

    it("J09: of a cancelled job a late report is no error and changes nothing, and work given back was no try", async () => {
      await queue.enqueue(specs(2));
      const a = await leased(A);
      await queue.cancel([JOB!.id]);
      expect([await queue.renew(a), await queue.fail(a, failure(A))]).deep.equal([false, false]);
      await complete(a);
      expect([await judgeAll(), await stateOf(JOB!.id)]).deep.equal([[], "cancelled"]);
      for (let stops = 0; stops < 2 * RULES.mostTries; stops++) await queue.release(await leaseSoon(A));
      expect(await queue.find(OTHER!.id)).include({ state: "waiting", tries: 0 });
      expect((await queue.find(OTHER!.id))!.failures).deep.equal([]);
    });

    it("J08: what was offered while nobody judged is judged later", async () => {
      await queue.enqueue([JOB!]);
      await complete(await leased(A));
      queue = await place.open();
      expect(await judgeAll()).deep.equal([JOB!.id]);
      expect(await stateOf(JOB!.id)).equal("done");
    });

    it("J07: leases that are renewed last, whatever they are asked for", async () => {
      await briefly();
      await queue.enqueue([JOB!]);
      const a = await leased(A);
      for (let times = 0; times < 6; times++) {
        await setTimeout(BRIEF.leaseMs / 4);
        expect([await queue.renew(a), await queue.lease(B)]).deep.equal([true, undefined]);
      }
      expect((await queue.find(JOB!.id))!.token).equal(1);
    });

    it("J06: a thousand finished jobs do not slow what is handed out, and status is by key", async () => {
      await queue.enqueue(specs(100));
      const few = await dispatchTime(queue, 30);
      await finishAll(queue, specs(1_000, 1_000));
      expect(await dispatchTime(queue, 30)).lessThan(2 * few + 5);
    });
  });
}

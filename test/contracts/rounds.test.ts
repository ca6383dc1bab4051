// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds at the exchange, under simulated keys of the circuits' shapes: anything can be proven, so that what refuses is the
// exchange or the gate. `gate.test.ts` takes one with a proof of the real circuit.
import { expect } from "chai";
import { type Contract, keccak256 } from "ethers";
import { AccountClient } from "../../prover/src/chain/client.ts";
import { sealState } from "../../prover/src/chain/sealed-state.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { nobodyStates } from "../../prover/src/model/round.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import type { CircuitOf } from "../../prover/src/statement/families.ts";
import { type SimulatedKey, simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";
import {
  CASH,
  call,
  E6,
  eventsOf,
  GateWorld,
  type Holder,
  type Joined,
  OPERATOR_DEADLINE,
  provenWith,
  roundOf,
} from "./gate-world.ts";

const KEY = simulatedKey("board-60");

describe("rounds", () => {
  let world: GateWorld;
  let exchange: Contract;
  let key: SimulatedKey<CircuitOf<"round">>;
  let alice: Holder;
  let bob: Holder;
  let clearing: Holder;
  let restore: () => Promise<void>;

  before(async () => {
    world = await GateWorld.create({ key: KEY });
    exchange = world.exchange;
    key = await world.useRounds(3);
    [alice, bob, clearing] = [await world.holder(10), await world.holder(11), await world.holder(12)];
    for (const holder of [alice, bob, clearing]) await holder.fund(CASH, 1_000_000n * E6);
  });
  beforeEach(async () => {
    restore = await world.snapshot(alice, bob, clearing);
  });
  afterEach(() => restore());

  const refuses = (sent: Promise<unknown>, error: string, of = exchange) => world.refuses(sent, error, of);
  const as = (index: number) => exchange.connect(world.signers[index]!) as Contract;
  const fill = (lots: bigint, cash: bigint) => ({
    ...noFill("board-60"),
    positions: noFill("board-60").positions.with(0, lots),
    cash,
  });
  const two = async () => [await alice.joining(fill(5n, -E6)), await bob.joining(fill(-5n, E6))];
  const stateOf = async ({ id }: Holder) => ((await world.gate.accountOf!(id)) as { state: bigint }).state;
  const roundVerifier = async () =>
    (await world.ethers.getContractAt(
      "RoundVerifier",
      ((await world.fixed.rounds!(1, 3)) as [string])[0],
    )) as unknown as Contract;
  const taken = async (members: readonly Joined[]) => {
    for (const { holder, after } of members) expect(await stateOf(holder)).to.equal(commitState(after));
  };

  it("novation through a clearing account in one proof, which is flat at the end", async () => {
    const members = [
      await alice.joining(fill(5n, -E6)),
      await bob.joining(fill(-5n, E6)),
      await clearing.joining(fill(0n, 0n)),
    ];
    const round = await roundOf(world, members, { key });
    await expect(as(17).round!(round)).to.emit(exchange, "RoundTaken").withArgs(1, 3, 3);
    await taken(members);
    for (const { holder, after } of members) holder.state = after;
    // Nothing of it works a second time.
    await refuses(as(17).round!(round), "StateSuperseded", world.gate);
  });

  it("places without a member hold the public constants before and after, and nothing that is proven of others", async () => {
    const members = await two();
    const round = await roundOf(world, members, { key });
    // The same round proven of clearing's account in the third place, whose owner never signed.
    const third = await roundOf(world, [...members, await clearing.joining(fill(0n, 0n))], { key });
    const verifier = await roundVerifier();
    await refuses(exchange.round!({ ...round, proof: third.proof }), "ProofInvalid", verifier);
    // And of nobody before and somebody after: proofs of any signals are had here, so only the constants refuse it.
    const nobody = nobodyStates("board-60", 2);
    for (const [before, after] of [
      [nobody[0], nobody[1] + 1n],
      [nobody[0] + 1n, nobody[1]],
    ] as const) {
      const proof = await provenWith(world, members, key, 2, before, after);
      await refuses(exchange.round!({ ...round, proof }), "ProofInvalid", verifier);
    }
    expect(await provenWith(world, members, key, 2, ...nobody)).to.deep.equal(round.proof);
    await call(exchange, "round", round);
    await taken(members);
  });

  it("every member has signed its own state after, until a deadline and a last epoch; senders sign too", async () => {
    const members = await two();
    const good = await roundOf(world, members, { key });
    const [first, second] = good.members as [(typeof good.members)[0], (typeof good.members)[0]];
    const spoilt = [
      { ...first, signature: "0x" },
      { ...first, signature: second.signature },
      { ...first, stateAfter: first.stateAfter + 1n },
      { ...first, blob: sealState(alice.state) },
    ];
    for (const member of spoilt) {
      await refuses(alice.exchange.round!({ ...good, members: [member, second] }), "NotAuthorised", world.gate);
    }
    for (const change of [{ deadline: good.deadline + 1n }, { lastEpoch: 9n }]) {
      await refuses(exchange.round!({ ...good, ...change }), "NotAuthorised", world.gate);
    }
    const deadline = (await world.now()) + 100n;
    const [one, other] = [
      await alice.joining(fill(5n, -E6), { deadline }),
      await bob.joining(fill(-5n, E6), { deadline }),
    ];
    const late = await roundOf(world, [one, other], { key });
    await world.time.setNextBlockTimestamp(deadline + 1n);
    await refuses(as(17).round!(late), "DeadlinePassed", world.gate).withArgs(deadline, deadline + 1n);
    await call(as(17), "round", good);
    await taken(members);
  });

  it("an agent signs for its owner", async () => {
    const agent = world.signers[14]!;
    const joining = async () => [await alice.joining(fill(5n, -E6), { by: agent }), await bob.joining(fill(-5n, E6))];
    await refuses(exchange.round!(await roundOf(world, await joining(), { key })), "NotAuthorised", world.gate);
    await call(alice.gate, "setAgent", alice.id, agent);
    await call(exchange, "round", await roundOf(world, await joining(), { key }));
  });

  it("G24: is of the standing epoch and policy, and of none after the last that was signed for", async () => {
    const members = await two();
    const round = await roundOf(world, members, { key });
    await world.publish();
    await refuses(exchange.round!(round), "EpochNotStanding").withArgs(2, 1);
    await refuses(exchange.round!({ ...round, epoch: 2n }), "EpochAfterLast").withArgs(2, 1);
    const longer = [
      await alice.joining(fill(5n, -E6), { lastEpoch: 2n }),
      await bob.joining(fill(-5n, E6), { lastEpoch: 2n }),
    ];
    const good = await roundOf(world, longer, { key });
    await refuses(exchange.round!({ ...good, policyId: 2n }), "PolicySuperseded").withArgs(1, 2);
    await call(world.fixed, "setInForce", 2n);
    await refuses(exchange.round!(good), "EpochOfFormerPolicy", world.fixed);
    await call(world.fixed, "setInForce", 0n);
    await call(exchange, "round", good);
  });

  it("members stand once, in the order of their numbers, at least two, and in a circuit that the board has", async () => {
    const members = await two();
    const good = await roundOf(world, members, { key });
    const [first, second] = good.members;
    for (const order of [
      [second, first],
      [first, first],
    ]) {
      await refuses(exchange.round!({ ...good, members: order }), "SameAccount");
    }
    for (const some of [[], [first], [first, second, second, second]]) {
      await refuses(exchange.round!({ ...good, members: some }), "MembersRefused");
    }
    await refuses(exchange.round!({ ...good, places: 16n }), "MembersRefused");
    await refuses(exchange.round!({ ...good, places: 15n }), "FamilyMissing", world.fixed);
  });

  it("nobody takes part who is not healthy, who is held, who owes the fund, or who has a settlement to pass", async () => {
    const good = await roundOf(world, await two(), { key });
    for (const stage of [1n, 2n, 3n]) {
      const back = await world.snapshot();
      await world.asLiquidation("setStage", bob.id, stage, 0n);
      await refuses(exchange.round!(good), "StageWrong", world.gate);
      await back();
    }
    const back = await world.snapshot();
    await call(as(7), "hold", alice.id);
    await refuses(exchange.round!(good), "AccountHeld", world.gate);
    await back();
    await world.openSettlement({ 0: 5n });
    await refuses(exchange.round!(good), "SettlementPending", world.gate);
  });

  it("a proof of other members, another level, another round or another key is refused", async () => {
    const members = await two();
    const good = await roundOf(world, members, { key });
    const verifier = await roundVerifier();
    const others = await roundOf(world, [await alice.joining(fill(6n, -E6)), await bob.joining(fill(-6n, E6))], {
      key,
    });
    const lower = Object.create(world, { levels: { value: { ...world.levels, initial: 14_999n } } }) as GateWorld;
    const rekeyed = simulatedKey("round-60-3" as CircuitOf<"round">, 3n);
    for (const { proof } of [
      others,
      await roundOf(lower, members, { key }),
      await roundOf(world, members, { key: rekeyed }),
    ]) {
      await refuses(exchange.round!({ ...good, proof }), "ProofInvalid", verifier);
    }
    await call(exchange, "round", good);
  });

  it("N01: the operator agrees to the round as it is, though it is silent or has answered no member's request", async () => {
    const members = await two();
    const good = await roundOf(world, members, { key });
    const other = await roundOf(world, [await alice.joining(fill(6n, -E6)), await bob.joining(fill(-6n, E6))], { key });
    for (const operatorSignature of ["0x", other.operatorSignature]) {
      await refuses(as(17).round!({ ...good, operatorSignature }), "OperatorMissing");
    }
    const bare = { ...good, operatorSignature: "0x" };
    const back = await world.snapshot();
    await call(as(7), "round", bare);
    expect(await exchange.operatorSeen!()).to.equal(await world.now());
    await back();
    await call(alice.exchange, "request", alice.id);
    await world.time.increase(OPERATOR_DEADLINE + 1n);
    await call(as(7), "heartbeat");
    await refuses(as(17).round!(bare), "OperatorMissing");
    await expect(as(17).round!(good)).to.emit(exchange, "Answered").withArgs(alice.id);
    await back();
    for (const holder of [alice, bob]) await call(holder.exchange, "request", holder.id);
    await world.time.increase(OPERATOR_DEADLINE + 1n);
    await refuses(as(17).round!(bare), "OperatorMissing");
  });

  it("states in events: each member restores its account from chain and key alone", async () => {
    const members = await two();
    await call(exchange, "round", await roundOf(world, members, { key }));
    const prover = createProver({ load: () => simulatedArtifacts(KEY), backend: simulatedBackend(KEY) });
    try {
      const venue = await world.venue(prover);
      for (const { holder, after } of members) {
        const restored = await AccountClient.restore(venue, holder.owner, holder.id, holder.viewingKey);
        expect(restored.state).to.deep.equal(after);
      }
    } finally {
      await prover.close();
    }
    // Such a venue takes no hash in place of a blob.
    const byHash = await roundOf(world, members, { key }, { byHash: true });
    await refuses(exchange.round!(byHash), "BlobRefused").withArgs(alice.id);
    const [first, ...others] = byHash.members;
    const none = { ...first!, blobHash: `0x${"0".repeat(64)}` };
    await refuses(exchange.round!({ ...byHash, members: [none, ...others] }), "BlobRefused").withArgs(alice.id);
  });

  it("states by hash: the venue serves them, the same signature is good, and nothing else is in the events", async () => {
    const other = await GateWorld.create({ key: KEY, keepsBlobs: false });
    const rounds = await other.useRounds(3);
    const holders = [await other.holder(10), await other.holder(11)] as const;
    for (const holder of holders) await holder.fund(CASH, 1_000_000n * E6);
    const members = [await holders[0].joining(fill(5n, -E6)), await holders[1].joining(fill(-5n, E6))];
    const open = await roundOf(other, members, { key: rounds });
    await refuses(other.exchange.round!(open), "BlobRefused", other.exchange);
    const round = await roundOf(other, members, { key: rounds }, { byHash: true });
    expect(round.members[0]!.blobHash).to.equal(keccak256(open.members[0]!.blob));
    // Nor one beside the other.
    const [first, ...others] = round.members;
    const both = { ...round, members: [{ ...first!, blob: open.members[0]!.blob }, ...others] };
    await refuses(other.exchange.round!(both), "BlobRefused", other.exchange).withArgs(holders[0].id);
    const receipt = await call(other.exchange, "round", round);
    expect(eventsOf(other.gate, receipt, "Entered").map(({ blob }) => blob)).to.deep.equal(["0x", "0x"]);
    for (const { holder, after } of members) {
      expect(((await other.gate.accountOf!(holder.id)) as { state: bigint }).state).to.equal(commitState(after));
    }
  });

  it("a round of fifteen places takes four members, and its constants for nobody are the model's", async () => {
    const rounds = await world.useRounds(15);
    const members: Joined[] = [];
    // One more than the smaller circuit has places for.
    const dave = await world.holder(13);
    await dave.fund(CASH, 1_000_000n * E6);
    for (const holder of [alice, bob, clearing, dave]) members.push(await holder.joining(fill(0n, 0n)));
    await call(exchange, "round", await roundOf(world, members, { key: rounds }, { places: 15n }));
    await taken(members);
  });
});

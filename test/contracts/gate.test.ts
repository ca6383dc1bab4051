// SPDX-License-Identifier: GPL-3.0-or-later
// The gate's main path, with real proofs of the real circuit throughout.
import { expect } from "chai";
import type { EventLog } from "ethers";
import { AccountClient, openingState } from "../../prover/src/chain/client.ts";
import { signRound } from "../../prover/src/chain/gate-calls.ts";
import { makeRound } from "../../prover/src/chain/rounds.ts";
import { openState } from "../../prover/src/chain/sealed-state.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate } from "../../prover/src/model/evaluate.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import { loadManifest } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import type { LevelBps, RateBps, ScanLots } from "../../prover/src/units.ts";
import { skip } from "../support/skip.ts";
import {
  BTC,
  CASH,
  call,
  E6,
  E8,
  E18,
  ETH,
  eventsOf,
  fillOf,
  GateWorld,
  type Holder,
  marketAt,
  tradeOf,
} from "./gate-world.ts";

interface Stored {
  owner: string;
  stage: bigint;
  state: bigint;
  provenAt: bigint;
  belowEpoch: bigint;
}

describe("margin gate with real proofs", function () {
  this.timeout(300_000);
  const prover = createProver();
  let world: GateWorld;
  let alice: Holder;
  let bob: Holder;

  before(async () => {
    world = await GateWorld.create({ prover });
    alice = await world.holder(10);
    bob = await world.holder(11);
  });
  after(() => prover.close());

  const stored = async ({ id }: Holder) => (await world.gate.accountOf!(id)) as Stored;
  const held = async (asset: bigint, at: string) => (await world.tokens.get(asset)!.balanceOf!(at)) as bigint;
  const gateAt = () => world.gate.getAddress();
  const refuses = (sent: Promise<unknown>, error: string, of = world.gate) => world.refuses(sent, error, of);
  const payout = (asset: bigint, amount: bigint, recipient = alice.owner.address, fee = 0n) => ({
    ...{ asset, amount, recipient, fee },
    least: 0n,
  });
  async function withdraw(holder: Holder, payment: ReturnType<typeof payout>) {
    const ready = await holder.withdrawal(payment);
    await call(holder.gate, "withdraw", ready.step, payment);
    holder.state = ready.after;
  }

  it("opens an account with a proof from genesis that sets its viewing key, which the operator has been given", async () => {
    expect((await stored(alice)).state).to.equal(commitState(openingState("board-60", alice.viewingKey)));
    expect((await stored(alice)).owner).to.equal(alice.owner.address);
    expect(bob.id).to.equal(alice.id + 1n);
  });

  it("takes deposits as public credits, from anyone, without a proof", async () => {
    const owner = alice.owner.address;
    await refuses(bob.gate.deposit!(alice.id, bob.owner.address, BTC, E8), "OwnerDiffers");
    await call(alice.gate, "deposit", alice.id, owner, CASH, 1_000_000n * E6);
    await call(bob.gate, "deposit", alice.id, owner, BTC, 10n * E8);
    await call(alice.gate, "deposit", alice.id, owner, ETH, 100n * E18);
    for (const [asset, amount] of [
      [CASH, 1_000_000n * E6],
      [BTC, 10n * E8],
      [ETH, 100n * E18],
    ] as const) {
      expect(await world.gate.creditOf!(alice.id, asset)).to.equal(amount);
      expect(await world.gate.custodyOf!(asset)).to.equal(amount);
      expect(await held(asset, await gateAt())).to.equal(amount);
    }
    expect((await stored(alice)).state).to.equal(commitState(alice.state));
  });

  it("absorbs credits into the private state, whole or in part", async () => {
    for (const [asset, amount] of [
      [CASH, 400_000n * E6],
      [CASH, 600_000n * E6],
      [BTC, 10n * E8],
      [ETH, 100n * E18],
    ] as const) {
      const ready = await alice.absorption(asset, amount);
      await call(alice.gate, "absorb", ready.step, asset, amount, false);
      alice.state = ready.after;
      expect((await stored(alice)).state).to.equal(commitState(ready.after));
    }
    expect(await world.gate.creditOf!(alice.id, CASH)).to.equal(0n);
    expect(await world.gate.custodyOf!(CASH)).to.equal(1_000_000n * E6);
    expect(alice.state.collateral[1]).to.equal(100n * E8);
    await bob.fund(CASH, 3_000_000n * E6);
    expect((await stored(alice)).provenAt).to.equal(0n);
  });

  it("trades: one fill, both sides proven, nothing but two commitments on chain", async () => {
    await call(world.fixed, "advance", 33n);
    // Alice buys 100 bitcoin (100,000 lots) at the mark, and pays for them.
    const price = world.market.board.rows[0]!.mark;
    const fill = fillOf("board-60", { 0: 100_000n }, -100_000n * price);
    const a = await alice.trading(fill, 1n, bob.id);
    const b = await bob.trading(fill, -1n, alice.id);
    const trade = await tradeOf(alice, a, bob, b);
    const unsigned = { ...trade.b, step: { ...b.step, signature: "0x" } };
    await refuses(alice.exchange.trade!({ ...trade, b: unsigned }), "NotAuthorised");
    await refuses(alice.exchange.trade!({ ...trade, operatorSignature: "0x" }), "OperatorMissing", world.exchange);
    await call(alice.exchange, "trade", trade);
    [alice.state, bob.state] = [a.after, b.after];
    for (const holder of [alice, bob]) {
      expect((await stored(holder)).state).to.equal(commitState(holder.state));
      // Who trades has proven the initial level, and therefore the call level.
      expect((await stored(holder)).provenAt).to.equal(33n);
    }
    expect(alice.state.positions[0]! + bob.state.positions[0]!).to.equal(0n);
    expect(alice.state.cash + bob.state.cash).to.equal(4_000_000n * E6);
  });

  it("pays a withdrawal that leaves the initial level, to the recipient named, less the relayer's fee", async () => {
    const [relayer, recipient] = [world.signers[15]!, world.signers[16]!];
    const given = payout(ETH, 2n * E18, recipient.address, 123n);
    const ready = await alice.withdrawal(given);
    const step = await alice.signed(ready);
    const custody = (await world.gate.custodyOf!(ETH)) as bigint;
    await call(world.gate.connect(relayer), "withdraw", step, given);
    alice.state = ready.after;
    expect(await held(ETH, recipient.address)).to.equal(2n * E18 - 123n);
    expect(await held(ETH, relayer.address)).to.equal(123n);
    expect(await world.gate.custodyOf!(ETH)).to.equal(custody - 2n * E18);
    expect(await held(ETH, await gateAt())).to.equal(custody - 2n * E18);
    expect((await stored(alice)).state).to.equal(commitState(alice.state));
  });

  it("refuses a withdrawal that would leave too little, which nobody can prove", async () => {
    const amount = 9n * E8;
    const given = payout(BTC, amount);
    const error = await alice.withdrawal(given).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property("code", "STATEMENT_FALSE");
    // The best that can be proven, coverage of at least nothing, is not what the gate asks.
    const lesser = await alice.prepare(
      { action: "Withdraw", ...given },
      { transfer: { asset: 0, amount: -amount } },
      { level: 0n },
    );
    await refuses(alice.gate.withdraw!(lesser.step, given), "ProofInvalid", world.verifier);
    expect((await stored(alice)).state).to.equal(commitState(alice.state));
  });

  it("records by the board's clock when the call level was proven last, and no lower one", async () => {
    for (const [level, provenAt] of [
      [10_000n, 33n],
      [12_000n, 77n],
    ] as const) {
      if (level === 12_000n) await call(world.fixed, "advance", 44n);
      const ready = await alice.attestation(level);
      await call(alice.gate, "attest", ready.step, level);
      alice.state = ready.after;
      expect((await stored(alice)).provenAt).to.equal(provenAt);
    }
  });

  it("V02: a used proof, negated or re-randomised, has no second effect; as a first use it is as good", async () => {
    const ready = await alice.attestation(10_000n);
    const { bn254 } = await import("@noble/curves/bn254.js");
    const { G1, G2 } = bn254;
    const [ax, ay, bxi, bxr, byi, byr, cx, cy] = ready.step.proof as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const { Fp2, Fr } = bn254.fields;
    const a = G1.Point.fromAffine({ x: ax, y: ay });
    const b = G2.Point.fromAffine({ x: Fp2.create({ c0: bxr, c1: bxi }), y: Fp2.create({ c0: byr, c1: byi }) });
    const variant = (factor: bigint) => {
      const first = a.multiply(factor).toAffine();
      const { x, y } = b.multiply(Fr.inv(factor)).toAffine();
      return { ...ready.step, proof: [first.x, first.y, x.c1, x.c0, y.c1, y.c0, cx, cy] };
    };
    const variants = [variant(FIELD_ORDER - 1n), variant(12_345n)];
    await call(alice.gate, "attest", variants[1], 10_000n);
    alice.state = ready.after;
    for (const again of [...variants, ready.step]) {
      await refuses(alice.gate.attest!(again, 10_000n), "StateSuperseded");
    }
    expect((await stored(alice)).state).to.equal(commitState(ready.after));
  });

  it("V05: a proof of a superseded state, policy or epoch is refused by name", async () => {
    const ready = await alice.attestation(12_000n);
    const next = await alice.attestation(10_000n);
    await call(alice.gate, "attest", next.step, 10_000n);
    alice.state = next.after;
    await expect(alice.gate.attest!(ready.step, 12_000n))
      .to.be.revertedWithCustomError(world.gate, "StateSuperseded")
      .withArgs(alice.id, commitState(alice.state), ready.step.stateBefore);
    const old = await alice.attestation(12_000n);
    await world.publish();
    await expect(alice.gate.attest!(old.step, 12_000n))
      .to.be.revertedWithCustomError(world.fixed, "EpochSuperseded")
      .withArgs(2, 1);
  });

  it("a fall of 30%: anyone who can follow the account flags it, and withdrawals stop", async () => {
    // First about as much out as the initial level allows.
    await withdraw(alice, payout(BTC, 4n * E8));

    await world.publish(marketAt("board-60", 70_000n, 2_800n));
    const coverage = coverageBpsDown(evaluate(alice.state, world.policy, world.market))!;
    expect(coverage < 12_000n).to.equal(true);
    const flag = await alice.flagging();
    const watcher = world.gate.connect(world.signers[17]!) as typeof world.gate;
    await call(watcher, "flag", flag.step, 12_000n);
    alice.state = flag.after;
    const { belowEpoch, stage, state } = await stored(alice);
    expect([belowEpoch, stage, state]).to.deep.equal([3n, 1n, commitState(alice.state)]);
    const again = await alice.flagging();
    await refuses(watcher.flag!(again.step, 12_000n), "StageWrong");
    await refuses(alice.gate.withdraw!(again.step, payout(CASH, 1n)), "StageWrong");
  });

  it("nobody flags an account that is not below the call level", async () => {
    const error = await bob.flagging().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property("code", "STATEMENT_FALSE");
    // A proof of the opposite, or of a level that nobody asked for, is not accepted in its place.
    for (const terms of [
      { level: 12_000n, direction: "at-least" },
      { level: (1n << 20n) - 1n, direction: "below" },
    ] as const) {
      const other = await bob.prepare({ action: "Flag", level: 12_000n }, {}, terms);
      await refuses(bob.gate.flag!(other.step, 12_000n), "ProofInvalid", world.verifier);
    }
  });

  it("a top-up is taken from an insolvent account too, and an attestation at the call level clears the flag", async () => {
    await world.publish(marketAt("board-60", 40_000n, 1_600n));
    await world.publish(marketAt("board-60", 20_000n, 800n));
    expect(evaluate(alice.state, world.policy, world.market).equity < 0n).to.equal(true);
    await alice.fund(CASH, 100n * E6);
    // A market that is not usable refuses everything else, and not this.
    await world.time.increase(300n);
    await call(world.fixed, "setUsable", false, true);
    await alice.fund(CASH, 2_500_000n * E6);
    const stale = await alice.attestation(12_000n);
    await refuses(alice.gate.attest!(stale.step, 12_000n), "EpochHalted", world.fixed);
    await call(world.fixed, "setUsable", true, true);
    const lower = await alice.attestation(10_000n);
    await call(alice.gate, "attest", lower.step, 10_000n);
    alice.state = lower.after;
    expect((await stored(alice)).stage).to.equal(1n);
    const cure = await alice.attestation(12_000n);
    await expect(alice.gate.attest!(cure.step, 12_000n)).to.emit(world.gate, "StageSet").withArgs(alice.id, 0);
    alice.state = cure.after;
    expect((await stored(alice)).belowEpoch).to.equal(0n);
    await withdraw(alice, payout(CASH, E6));
  });

  it("a round of three places: two members and nobody step by one proof, and are followed from their blobs", async function () {
    if ((await loadManifest()).circuits["round-60-3"] === undefined) skip(this, "round-60-3 is not set up");
    await world.useRealRounds();
    await call(world.fixed, "advance", 23n);
    const price = world.market.board.rows[0]!.mark;
    const positions = noFill("board-60").positions.with(0, 1_000n);
    const buys = { ...noFill("board-60"), positions, cash: -1_000n * price };
    const sells = { ...buys, positions: positions.map((lots) => -lots), cash: 1_000n * price };
    const venue = await world.venue(prover);
    const parts = [];
    for (const [holder, fill] of [
      [bob, sells],
      [alice, buys],
    ] as const) {
      const client = new AccountClient(venue, holder.owner, holder.id, holder.state, holder.viewingKey);
      parts.push(await client.join(fill, 15_000n as LevelBps, await world.published()));
    }
    const agree = async (calls: Parameters<typeof signRound>[2]) => signRound(world.operator, venue.domains, calls);
    const round = await makeRound({ ...venue, prover }, parts, await world.published(), { agree });
    await refuses(world.exchange.round!({ ...round, operatorSignature: "0x" }), "OperatorMissing", world.exchange);
    const receipt = await call(world.exchange, "round", round);
    const members = [alice, bob].map((holder, index) => {
      const after = openState(
        round.members[index]!.blob,
        round.members[index]!.stateAfter,
        "board-60",
        holder.viewingKey,
      )!;
      return { holder, after };
    });
    for (const { holder, after } of members) {
      holder.state = after;
      expect((await stored(holder)).state).to.equal(commitState(after));
      expect((await stored(holder)).provenAt).to.equal(100n);
    }
    const blobs = eventsOf(world.gate, receipt, "Entered").map((args) => [args.account, args.blob as string] as const);
    expect(blobs.map(([id]) => id)).to.deep.equal([alice.id, bob.id]);
    for (const [index, { holder, after }] of members.entries()) {
      expect(openState(blobs[index]![1], commitState(after), "board-60", holder.viewingKey)).to.deep.equal(after);
    }
  });

  it("G01, R08: an account without positions that owes is called while it is worth far more than it owes", async () => {
    // Debt carries a margin of a fifth, and bitcoin is scanned with the moves of the first row: a fall of 12%.
    const policy = {
      ...world.policy,
      scanLots: world.policy.scanLots.with(Number(BTC), 100_000n as ScanLots),
      debtRateBps: 2_000n as RateBps,
    };
    const back = world.policy;
    try {
      world.market = marketAt("board-60", 30_000n, 1_200n);
      await world.setPolicy(policy);
      await bob.fund(CASH, 1_000_000n * E6);
      const carol = await world.holder(12);
      await carol.fund(BTC, 10n * E8);
      // 10 BTC at 30,000 count 95%: 285,000 − D ≥ 150% · (12% of 285,000 + D / 5), so D ≤ 179,769.230769.
      const most = 179_769_230_769n;
      const loan = (amount: bigint) => carol.withdrawal(payout(CASH, amount, carol.owner.address));
      const error = await loan(most + 1n).catch((thrown: unknown) => thrown);
      expect(error).to.have.property("code", "STATEMENT_FALSE");
      await withdraw(carol, payout(CASH, most, carol.owner.address));

      await world.publish(marketAt("board-60", 26_000n, 1_040n));
      const { equity, debt, scan } = evaluate(carol.state, world.policy, world.market);
      expect([debt, scan]).to.deep.equal([most, 29_640n * E6]);
      expect(equity > 67_000n * E6 * 10n ** 14n).to.equal(true);
      const flag = await carol.flagging();
      await call(world.gate, "flag", flag.step, 12_000n);
      carol.state = flag.after;
      expect((await stored(carol)).stage).to.equal(1n);
    } finally {
      await world.setPolicy(back);
    }
  });

  it("whoever has the viewing key and the fills follows the account from the events alone", async () => {
    const filters = [world.gate.filters.Settled!(alice.id), world.gate.filters.Entered!(alice.id)];
    const events = (
      await Promise.all(filters.map((filter) => world.gate.queryFilter(filter) as Promise<EventLog[]>))
    ).flat();
    const last = events.find(({ args }) => args.stateAfter === commitState(alice.state));
    expect(last).not.to.equal(undefined);
    expect(alice.state.sequence).to.equal(BigInt(events.length));
  });
});

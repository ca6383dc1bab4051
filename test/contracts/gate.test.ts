// SPDX-License-Identifier: GPL-3.0-or-later
// The gate's main path, with real proofs of the real circuit throughout.
import { expect } from "chai";
import { openingState } from "../../prover/src/chain/client.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate } from "../../prover/src/model/evaluate.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import type { RateBps, ScanLots } from "../../prover/src/units.ts";
import { BTC, CASH, call, E6, E8, E18, ETH, fillOf, type Holder, marketAt, tradeOf, World } from "./world.ts";

interface Stored {
  owner: string;
  stage: bigint;
  state: bigint;
  attested: { level: bigint; epoch: bigint; time: bigint };
  below: { level: bigint; epoch: bigint; time: bigint };
}

describe("margin gate with real proofs", function () {
  this.timeout(300_000);
  const prover = createProver();
  let world: World;
  let alice: Holder;
  let bob: Holder;

  before(async () => {
    world = await World.create({ prover });
    alice = await world.holder(10);
    bob = await world.holder(11);
  });
  after(() => prover.close());

  const stored = async ({ id }: Holder) => (await world.gate.accountOf!(id)) as Stored;
  const held = async (asset: bigint, at: string) => (await world.tokens.get(asset)!.balanceOf!(at)) as bigint;
  const gateAt = () => world.gate.getAddress();
  const refuses = (sent: Promise<unknown>, error: string, of = world.gate) =>
    expect(sent).to.be.revertedWithCustomError(of, error);

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
      const ready = await alice.absorption({ asset, amount });
      await call(alice.gate, "absorb", ready.step, asset, amount, false);
      alice.state = ready.after;
      expect((await stored(alice)).state).to.equal(commitState(ready.after));
    }
    expect(await world.gate.creditOf!(alice.id, CASH)).to.equal(0n);
    expect(await world.gate.custodyOf!(CASH)).to.equal(1_000_000n * E6);
    expect(alice.state.collateral[1]).to.equal(100n * E8);
    await bob.fund(CASH, 3_000_000n * E6);
    expect((await stored(alice)).attested.time).to.equal(0n);
  });

  it("trades: one fill, both sides proven, nothing but two commitments on chain", async () => {
    // Alice buys 100 bitcoin (100,000 lots) at the mark, and pays for them.
    const price = world.market.board.rows[0]!.mark;
    const fill = fillOf("board-60", { 0: 100_000n }, -100_000n * price);
    const a = await alice.trading(fill, 1n, bob.id);
    const b = await bob.trading(fill, -1n, alice.id);
    const trade = await tradeOf(alice, a, bob, b);
    const unsigned = { ...trade.b, step: { ...b.step, signature: "0x" } };
    await refuses(alice.gate.trade!({ ...trade, b: unsigned }), "NotAuthorised");
    await refuses(alice.gate.trade!({ ...trade, operatorSignature: "0x" }), "OperatorMissing");
    await call(alice.gate, "trade", trade);
    [alice.state, bob.state] = [a.after, b.after];
    for (const holder of [alice, bob]) {
      expect((await stored(holder)).state).to.equal(commitState(holder.state));
      expect((await stored(holder)).attested.level).to.equal(15_000n);
    }
    expect(alice.state.positions[0]! + bob.state.positions[0]!).to.equal(0n);
    expect(alice.state.cash + bob.state.cash).to.equal(4_000_000n * E6);
  });

  it("pays a withdrawal that leaves the initial level, to the recipient named, less the relayer's fee", async () => {
    const [relayer, recipient] = [world.signers[15]!, world.signers[16]!];
    const given = { asset: ETH, amount: 2n * E18, recipient: recipient.address, fee: 123n };
    const ready = await alice.withdrawal(given);
    const step = await alice.signed(ready);
    const custody = (await world.gate.custodyOf!(ETH)) as bigint;
    await call(world.gate.connect(relayer), "withdraw", step, ETH, 2n * E18, recipient.address, 123n);
    alice.state = ready.after;
    expect(await held(ETH, recipient.address)).to.equal(2n * E18 - 123n);
    expect(await held(ETH, relayer.address)).to.equal(123n);
    expect(await world.gate.custodyOf!(ETH)).to.equal(custody - 2n * E18);
    expect(await held(ETH, await gateAt())).to.equal(custody - 2n * E18);
    expect((await stored(alice)).state).to.equal(commitState(alice.state));
  });

  it("refuses a withdrawal that would leave too little, which nobody can prove", async () => {
    const amount = 9n * E8;
    const given = { asset: BTC, amount, recipient: alice.owner.address, fee: 0n };
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
    await refuses(
      alice.gate.withdraw!(lesser.step, BTC, amount, alice.owner.address, 0n),
      "ProofInvalid",
      world.verifier,
    );
    expect((await stored(alice)).state).to.equal(commitState(alice.state));
  });

  it("records an attestation with its level, epoch and time", async () => {
    const ready = await alice.attestation(12_000n);
    await call(alice.gate, "attest", ready.step, 12_000n);
    alice.state = ready.after;
    const { attested } = await stored(alice);
    expect([attested.level, attested.epoch]).to.deep.equal([12_000n, 1n]);
    expect(attested.time).to.equal(BigInt(await world.time.latest()));
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
      .to.be.revertedWithCustomError(world.oracle, "EpochSuperseded")
      .withArgs(2, 1);
  });

  it("a fall of 30%: anyone who can follow the account flags it, and withdrawals stop", async () => {
    // First about as much out as the initial level allows.
    const given = { asset: BTC, amount: 4n * E8, recipient: alice.owner.address, fee: 0n };
    const ready = await alice.withdrawal(given);
    await call(alice.gate, "withdraw", ready.step, BTC, 4n * E8, alice.owner.address, 0n);
    alice.state = ready.after;

    await world.publish(marketAt("board-60", 70_000n, 2_800n));
    const coverage = coverageBpsDown(evaluate(alice.state, world.policy, world.market))!;
    expect(coverage < 12_000n).to.equal(true);
    const flag = await alice.flagging();
    const watcher = world.gate.connect(world.signers[17]!) as typeof world.gate;
    await call(watcher, "flag", flag.step, 12_000n);
    alice.state = flag.after;
    const { below, stage, state } = await stored(alice);
    expect([below.level, below.epoch, stage, state]).to.deep.equal([12_000n, 3n, 1n, commitState(alice.state)]);
    const again = await alice.flagging();
    await refuses(watcher.flag!(again.step, 12_000n), "VerdictKnown");
    await refuses(alice.gate.withdraw!(again.step, CASH, 1n, alice.owner.address, 0n), "StageWrong");
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
    // By a half in an hour, as far as the sources let prices move.
    for (const [btc, eth] of [
      [40_000n, 1_600n],
      [20_000n, 800n],
    ] as const) {
      await world.time.increase(3600n);
      await world.publish(marketAt("board-60", btc, eth));
    }
    expect(evaluate(alice.state, world.policy, world.market).equity < 0n).to.equal(true);
    await alice.fund(CASH, 100n * E6, "below");
    // Values that are stale refuse everything else, and not this.
    await world.time.increase(4000n);
    await alice.fund(CASH, 2_500_000n * E6);
    const stale = await alice.attestation(12_000n);
    await refuses(alice.gate.attest!(stale.step, 12_000n), "EpochStale", world.oracle);
    await world.publish();
    const lower = await alice.attestation(10_000n);
    await call(alice.gate, "attest", lower.step, 10_000n);
    alice.state = lower.after;
    expect((await stored(alice)).stage).to.equal(1n);
    const cure = await alice.attestation(12_000n);
    await expect(alice.gate.attest!(cure.step, 12_000n)).to.emit(world.gate, "StageSet").withArgs(alice.id, 0);
    alice.state = cure.after;
    expect((await stored(alice)).below.time).to.equal(0n);
    const given = { asset: CASH, amount: E6, recipient: alice.owner.address, fee: 0n };
    const ready = await alice.withdrawal(given);
    await call(alice.gate, "withdraw", ready.step, CASH, E6, alice.owner.address, 0n);
    alice.state = ready.after;
  });

  it("G01, R08: an account without positions that owes is called while it is worth far more than it owes", async () => {
    // Debt carries a margin of a fifth, and bitcoin is scanned with the moves of the first row: a fall of 12%.
    const { policy } = world;
    world.policy = {
      ...policy,
      scanLots: policy.scanLots.with(Number(BTC), 100_000n as ScanLots),
      debtRateBps: 2_000n as RateBps,
    };
    try {
      await world.setPolicy(world.policy);
      await world.publish(marketAt("board-60", 30_000n, 1_200n));
      await bob.fund(CASH, 1_000_000n * E6);
      const carol = await world.holder(12);
      await carol.fund(BTC, 10n * E8);
      // 10 BTC at 30,000 count 95%: 285,000 − D ≥ 150% · (12% of 285,000 + D / 5), so D ≤ 179,769.230769.
      const most = 179_769_230_769n;
      const loan = (amount: bigint) =>
        carol.withdrawal({ asset: CASH, amount, recipient: carol.owner.address, fee: 0n });
      const error = await loan(most + 1n).catch((thrown: unknown) => thrown);
      expect(error).to.have.property("code", "STATEMENT_FALSE");
      const ready = await loan(most);
      await call(carol.gate, "withdraw", ready.step, CASH, most, carol.owner.address, 0n);
      carol.state = ready.after;

      await world.publish(marketAt("board-60", 26_000n, 1_040n));
      const { equity, debt, scan } = evaluate(carol.state, world.policy, world.market);
      expect([debt, scan]).to.deep.equal([most, 29_640n * E6]);
      expect(equity > 67_000n * E6 * 10n ** 14n).to.equal(true);
      const flag = await carol.flagging();
      await call(world.gate, "flag", flag.step, 12_000n);
      carol.state = flag.after;
      expect((await stored(carol)).stage).to.equal(1n);
    } finally {
      world.policy = policy;
    }
  });

  it("whoever has the viewing key and the fills follows the account from the events alone", async () => {
    const events = await world.gate.queryFilter(world.gate.filters.Settled!(alice.id));
    const last = events.at(-1) as unknown as { args: { stateAfter: bigint } };
    expect(last.args.stateAfter).to.equal(commitState(alice.state));
    expect(alice.state.sequence).to.equal(BigInt(events.length));
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs under a simulated key, whose trapdoor is known: each attack has the best proof that anyone could wish for, true
// or not, so that what refuses it is the gate. `gate.test.ts` goes the main path with proofs of the real circuit.
import { expect } from "chai";
import type { Contract } from "ethers";
import { openingState } from "../../prover/src/chain/client.ts";
import { contextOf, type GateCall, stepOf } from "../../prover/src/chain/gate-calls.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import type { Groth16Proof } from "../../prover/src/node/prover.ts";
import { encodeTerms, encodeTransfer, marketSignals } from "../../prover/src/statement/signals.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  BTC,
  CASH,
  call,
  callView,
  E6,
  E8,
  E18,
  ETH,
  fillOf,
  GateWorld,
  type Holder,
  LATE,
  marketAt,
  NO_LIMIT,
  type Payment,
  type Ready,
  roundOf,
  sideOf,
  tradeOf,
} from "./gate-world.ts";

const KEY = simulatedKey("board-60");

describe("margin gate under attack", () => {
  let world: GateWorld;
  let gate: Contract;
  let alice: Holder;
  let bob: Holder;
  let restore: () => Promise<void>;

  before(async () => {
    world = await GateWorld.create({ key: KEY });
    gate = world.gate;
    alice = await world.holder(10);
    bob = await world.holder(11);
    for (const holder of [alice, bob]) await holder.fund(CASH, 1_000_000n * E6);
  });
  beforeEach(async () => {
    restore = await world.snapshot(alice, bob);
  });
  afterEach(() => restore());

  const stateOf = async ({ id }: Holder) => ((await callView(gate, "accountOf", id)) as { state: bigint }).state;
  const refuses = (sent: Promise<unknown>, error: string, of = gate) => world.refuses(sent, error, of);
  const invalid = (sent: Promise<unknown>) => refuses(sent, "ProofInvalid", world.verifier);
  const to = () => world.signers[16]!.address;
  const payout = (asset = CASH, amount = 5n * E6, fee = 0n): Payment => ({
    asset,
    amount,
    recipient: to(),
    fee,
    least: 0n,
  });
  const withdraw = (ready: Pick<Ready, "step">, payment: Payment, by = alice) =>
    by.gate.withdraw!(ready.step, payment) as Promise<unknown>;

  /** A proof of any public inputs for a call, true or not. */
  async function forged(
    given: GateCall,
    inputs: { transfer: bigint; fill: bigint; terms: bigint },
    policy = world.policy,
  ) {
    const context = contextOf(await world.domain("MarginGate"), given);
    const signals = [
      given.stateBefore,
      given.stateAfter,
      inputs.transfer,
      inputs.fill,
      inputs.terms,
      context,
      ...marketSignals(policy, world.market),
    ];
    return stepOf(given, { policyId: 1n, epoch: 1n }, KEY.prove(signals) as Groth16Proof);
  }
  const NONE = {
    transfer: encodeTransfer({ asset: 0, amount: 0n }),
    fill: commitFill(noFill("board-60")),
    terms: encodeTerms({ level: 12_000n as never, direction: "at-least", side: 1n }),
  };
  const attest = (stateAfter: bigint): GateCall => ({
    action: "Attest",
    account: alice.id,
    stateBefore: commitState(alice.state),
    stateAfter,
    deadline: LATE,
    blob: "0x",
    level: 12_000n,
  });

  it("V01: a state after that is not reduced reverts, and changes nothing", async () => {
    for (const stateAfter of [5n + FIELD_ORDER, FIELD_ORDER, (1n << 256n) - 1n]) {
      const good = attest(stateAfter);
      const step = await forged({ ...good, stateAfter: stateAfter % FIELD_ORDER }, NONE);
      await refuses(alice.gate.attest!({ ...step, stateAfter }, 12_000n), "InputNotCanonical", world.verifier);
    }
    expect(await stateOf(alice)).to.equal(commitState(alice.state));
  });

  it("V02: a state after that is the state before, or genesis, is refused whatever the proof says", async () => {
    for (const stateAfter of [commitState(alice.state), commitState(genesis("board-60"))]) {
      const step = await forged(attest(stateAfter), NONE);
      await refuses(alice.gate.attest!(step, 12_000n), "StateNotNew");
    }
    const step = await forged(attest(5n), NONE);
    await call(alice.gate, "attest", step, 12_000n);
  });

  it("V03: a proof for another account, gate, chain or key is worth nothing", async () => {
    const ready = await alice.withdrawal(payout());
    // Another account of the same owner, in the very same state.
    const twin = await world.holder(10, BigInt(alice.viewingKey) - 1n);
    await twin.fund(CASH, 1_000_000n * E6);
    Object.assign(twin, { state: { ...twin.state, viewingKey: alice.viewingKey } });
    const hers = await twin.withdrawal(payout());
    await invalid(withdraw({ step: { ...ready.step, account: twin.id, stateBefore: await stateOf(twin) } }, payout()));
    expect(hers.step.stateBefore).to.equal(commitState(alice.state));

    // Another gate on the same market, another chain with the same addresses, another key at the same addresses.
    const elsewhere = await GateWorld.create({ key: KEY, chainId: 1337 });
    const rekeyed = await GateWorld.create({ key: simulatedKey("board-60", 2n) });
    const second = await world.deployGate();
    await call(world.fixed, "bindGate", second);
    const desks = [];
    for (const desk of ["Exchange", "Clearing", "IdleDesk", "Fund"]) {
      desks.push(await world.deploy(desk, desk === "Exchange" ? [second, world.operator, 3600n, true] : [second]));
    }
    await call(second, "seal", desks);
    const stranger = alice.with({ state: genesis("board-60") });
    const { opening, ready: opened, signature } = await stranger.opening(alice.owner.address);
    for (const [where, other, exchange] of [
      [world, second, desks[0]!],
      [elsewhere, elsewhere.gate, elsewhere.exchange],
      [rekeyed, rekeyed.gate, rekeyed.exchange],
    ] as const) {
      if (where !== world) expect(await other.getAddress()).to.equal(await gate.getAddress());
      const at = other.connect(where.operator) as Contract;
      // Bound to another gate or chain, the owner's signature is another one's; the proof would not verify either.
      await refuses(
        at.open!(opening, await stranger.signed(opened), signature),
        where === rekeyed ? "ProofInvalid" : "NotAuthorised",
        where === rekeyed ? where.verifier : other,
      );
      const own = other.connect(where.signers[10]!) as Contract;
      await refuses(
        own.open!(opening, opened.step, signature),
        where === rekeyed ? "ProofInvalid" : "OperatorMissing",
        where === rekeyed ? where.verifier : exchange,
      );
    }
    await withdraw(ready, payout());
  });

  it("V04: nobody changes recipient, fee, asset, amount or deadline of a signed withdrawal", async () => {
    const given = payout(CASH, 5n * E6, E6);
    const ready = await alice.withdrawal(given);
    const step = await alice.signed(ready);
    const thief = world.signers[15]!;
    const changes: [Partial<typeof given>, Partial<typeof step>][] = [
      [{ recipient: thief.address }, {}],
      [{ fee: 2n * E6 }, {}],
      [{ fee: 0n }, {}],
      [{ amount: 6n * E6 }, {}],
      [{ asset: BTC, amount: 5n * E8 }, {}],
      [{ least: 1n }, {}],
      [{}, { deadline: LATE + 1n }],
    ];
    for (const [change, changedStep] of changes) {
      const send = (by: unknown) =>
        (gate.connect(by as never) as Contract).withdraw!({ ...step, ...changedStep }, { ...given, ...change });
      await refuses(send(thief), "NotAuthorised");
      await invalid(send(alice.owner));
    }
    const by = gate.connect(thief) as Contract;
    await refuses(by.withdraw!(ready.step, given), "NotAuthorised");
    await refuses(by.withdraw!(await alice.signed(ready, bob.owner), given), "NotAuthorised");
    await call(by, "withdraw", step, given);
    await refuses(by.withdraw!(step, given), "StateSuperseded");
  });

  it("V05, O09: a superseded policy is refused with the policy's id, and naming the current one does not help", async () => {
    const ready = await alice.withdrawal(payout());
    await world.setPolicy(world.policy, { ...world.levels, initial: 15_001n });
    await refuses(withdraw({ step: { ...ready.step, epoch: 2n } }, payout()), "PolicySuperseded").withArgs(2, 1);
    await invalid(withdraw({ step: { ...ready.step, policyId: 2n, epoch: 2n } }, payout()));
  });

  it("V05: naming the current epoch does not help a proof of an older one", async () => {
    const ready = await alice.withdrawal(payout());
    await world.publish(marketAt("board-60", 99_000n, 4_000n));
    await refuses(withdraw(ready, payout()), "EpochNotStanding").withArgs(2, 1);
    await invalid(withdraw({ step: { ...ready.step, epoch: 2n } }, payout()));
  });

  it("V06: swept from 100 k to 600 k gas, a call settles whole or reverts whole, and is never told invalid", async () => {
    const ready = await alice.withdrawal(payout());
    const step = await alice.signed(ready);
    const { amount, recipient } = payout();
    const data = gate.interface.encodeFunctionData("withdraw", [step, payout()]);
    const limiter = await world.ethers.deployContract("GasLimiter");
    const error = world.verifier.interface.getError("ProofInvalid")!.selector;
    const before = { state: await stateOf(alice), custody: await gate.custodyOf!(CASH) };
    let settled = 0;
    for (let gas = 100_000; gas <= 600_000; gas += 12_500) {
      const snapshot = await world.chain.networkHelpers.takeSnapshot();
      const [ok, answer] = await limiter.call!.staticCall(gate, gas, data);
      await call(limiter, "call", gate, gas, data);
      const state = await stateOf(alice);
      const custody = await gate.custodyOf!(CASH);
      const paid = await world.tokens.get(CASH)!.balanceOf!(recipient);
      if (ok) {
        settled++;
        expect([state, custody, paid]).to.deep.equal([commitState(ready.after), before.custody - amount, amount]);
      } else {
        expect([state, custody, paid]).to.deep.equal([before.state, before.custody, 0n]);
        expect(answer.slice(0, 10)).not.to.equal(error);
      }
      await snapshot.restore();
    }
    expect(settled).to.be.within(10, 30);
  });

  it("V07: a verifier that answers with another word than its selector is named, and no step, trade or settlement passes", async () => {
    const FILL = fillOf("board-60", { 0: 1n }, 0n);
    const { step } = await alice.attestation(12_000n);
    const [a, b] = [await alice.trading(FILL, 1n, bob.id), await bob.trading(FILL, -1n, alice.id)];
    const trade = await tradeOf(alice, a, bob, b);
    const zero = await world.ethers.provider.getCode(await world.ethers.deployContract("Answerer", [32]));
    const silenced = async (verifier: Contract) => {
      const at = await verifier.getAddress();
      await world.chain.networkHelpers.setCode(at, zero);
      return at;
    };
    const account = await silenced(world.verifier);
    await refuses(alice.gate.attest!(step, 12_000n), "VerifierRefused").withArgs(account);
    const key = await world.useRounds(3);
    const [rounds] = (await callView(world.fixed, "rounds", 1, 3)) as [string];
    const members = [await alice.joining(noFill("board-60")), await bob.joining(noFill("board-60"))];
    const round = await roundOf(world, members, { key });
    await world.chain.networkHelpers.setCode(rounds, zero);
    await refuses(world.exchange.round!(round), "VerifierRefused", world.exchange).withArgs(rounds);
    await refuses(world.exchange.trade!(trade), "VerifierRefused", world.exchange).withArgs(account);
    await world.openSettlement({ 0: 5n });
    const expiring = await alice.expiring(1n, { 0: 5n });
    const settlement = await silenced(world.settlementVerifier);
    await refuses(world.clearing.expire!(expiring.step), "VerifierRefused", world.clearing).withArgs(settlement);
    expect(await stateOf(alice)).to.equal(commitState(alice.state));
  });

  it("V20: gate and desks take no point from anyone, only the address of a market when the gate is made", () => {
    const inputs = [gate, world.exchange, world.clearing, world.fund]
      .flatMap((contract) => contract.interface.fragments)
      .filter((part) => part.type === "function")
      .flatMap((part) => part.inputs.flatMap((input) => [input, ...(input.components ?? [])]));
    expect(inputs.filter(({ name, type }) => /point|market/i.test(name) || type.includes("[2]"))).to.deep.equal([]);
    expect(inputs.length).to.be.greaterThan(50);
  });

  describe("C10, C14: boards, sides and fills", () => {
    const FILL = fillOf("board-60", { 0: 100n }, -5n * E6);
    const commitment = commitFill(FILL);
    /** Sends what both and the operator have signed. */
    const trade = async (a: Holder, one: Ready, b: Holder, two: Ready, change: object = {}) =>
      world.exchange.trade!({ ...(await tradeOf(a, one, b, two)), ...change }) as Promise<unknown>;

    it("C10, G03: a gate has one board and one market, and a proof under another's is refused", async () => {
      const other = alice.with({
        world: Object.create(world, { market: { value: marketAt("board-60", 150_000n, 4_000n) } }),
      });
      await invalid(withdraw(await other.withdrawal(payout()), payout()));
      // Nothing changes the board, and no call of anybody's names one: the first draft's owner made a board of its own, with a
      // verifier that always says yes, and exited with every member's tokens.
      const named = [gate, world.exchange, world.clearing, world.fund].flatMap(({ interface: { fragments } }) =>
        fragments.filter(
          (part) =>
            part.type === "function" &&
            !("constant" in part && part.constant) &&
            part.inputs.some(({ name }) => /board/i.test(name)),
        ),
      );
      expect(named).to.deep.equal([]);
      expect(await gate.board!()).to.equal(1n);
      expect(await gate.market!()).to.equal(await world.fixed.getAddress());
    });

    it("C10: every size has its own genesis, so no state of one is a state of another", () => {
      const constants = BOARD_SIZES.flatMap((size) => [commitState(genesis(size)), commitFill(noFill(size))]);
      expect(new Set(constants).size).to.equal(6);
    });

    it("C14: the same fill on the same side of both accounts is refused, either way round", async () => {
      const a = { plus: await alice.trading(FILL, 1n, bob.id), minus: await alice.trading(FILL, -1n, bob.id) };
      const b = { plus: await bob.trading(FILL, 1n, alice.id), minus: await bob.trading(FILL, -1n, alice.id) };
      for (const [one, two] of [
        [a.plus, b.plus],
        [a.minus, b.minus],
        [a.minus, b.plus],
      ] as const) {
        await invalid(trade(alice, one, bob, two));
      }
      await trade(alice, a.plus, bob, b.minus);
    });

    it("C14: different fills, no fill, one account twice, two epochs, and another counterparty are refused", async () => {
      const a = await alice.trading(FILL, 1n, bob.id);
      const b = await bob.trading(FILL, -1n, alice.id);
      const larger = await bob.trading(fillOf("board-60", { 0: 99n }, -5n * E6), -1n, alice.id);
      await invalid(trade(alice, a, bob, { ...larger, call: { ...larger.call, fill: commitment } as GateCall }));
      const empty = noFill("board-60");
      const [none, nothing] = [await alice.trading(empty, 1n, bob.id), await bob.trading(empty, -1n, alice.id)];
      const { exchange } = world;
      await refuses(trade(alice, none, bob, nothing), "FillRefused", exchange);
      await refuses(trade(alice, none, bob, nothing, { fill: 0n }), "FillRefused", exchange);
      await refuses(trade(alice, a, alice, a), "SameAccount", exchange);
      const elsewhen = { ...b, step: { ...b.step, epoch: b.step.epoch + 1n } };
      await refuses(trade(alice, a, bob, elsewhen), "EpochNotStanding", exchange);
      const carol = await world.holder(12);
      await carol.fund(CASH, 1_000_000n * E6);
      const c = await carol.trading(FILL, -1n, alice.id);
      // Each signed a trade, but not this one.
      await refuses(trade(alice, a, carol, c), "NotAuthorised");
      const other = await carol.trading(FILL, 1n, bob.id);
      await refuses(trade(carol, other, bob, b), "NotAuthorised");
    });

    it("C14: a fill where the call names none is refused", async () => {
      const given = payout();
      const transfer = { asset: 15, amount: -given.amount };
      const ready = await alice.prepare({ action: "Withdraw", ...given }, { transfer, fill: FILL }, { level: 15_000n });
      await invalid(withdraw(ready, given));
      const minus = await alice.prepare({ action: "Attest", level: 12_000n }, { side: -1n }, { level: 12_000n });
      await invalid(alice.gate.attest!(minus.step, 12_000n));
    });

    it("V17: trades keep the initial level: who signed for another, or proved another, does not trade", async () => {
      const b = await bob.trading(FILL, -1n, alice.id);
      for (const level of [14_999n, 15_001n, 0n]) {
        const a = await alice.trading(FILL, 1n, bob.id, { level });
        const good = await tradeOf(alice, a, bob, b);
        await refuses(world.exchange.trade!(good), "NotAuthorised");
        await invalid(alice.exchange.trade!(good));
      }
    });

    it("trades need both owners: relayed with two signatures, or one and the other as sender, and no other way", async () => {
      const a = await alice.trading(FILL, 1n, bob.id);
      const b = await bob.trading(FILL, -1n, alice.id);
      const good = await tradeOf(alice, a, bob, b);
      const relayer = world.exchange.connect(world.signers[15]!) as Contract;
      const bare = { ...good.a, step: a.step };
      await refuses(relayer.trade!({ ...good, a: bare }), "NotAuthorised");
      await refuses(relayer.trade!({ ...good, b: { ...good.b, step: b.step } }), "NotAuthorised");
      const stolen = { ...good.b, step: { ...b.step, signature: good.a.step.signature } };
      await refuses(relayer.trade!({ ...good, b: stolen }), "NotAuthorised");
      const snapshot = await world.chain.networkHelpers.takeSnapshot();
      await call(alice.exchange, "trade", { ...good, a: bare });
      await snapshot.restore();
      await call(relayer, "trade", good);
    });

    it("an account of a contract wallet is its wallet's to sign for (ERC-1271)", async () => {
      const wallet = await world.ethers.deployContract("Wallet", [bob.owner]);
      const carol = bob.with({ state: genesis("board-60") });
      const { opening, ready, signature } = await carol.opening(await wallet.getAddress());
      await refuses(bob.gate.open!(opening, ready.step, signature), "NotAuthorised");
      await call(alice.gate, "open", opening, await carol.signed(ready, bob.owner), signature);
      carol.id = (await gate.accounts!()) as bigint;
      carol.state = ready.after;
      await call(alice.gate, "deposit", carol.id, wallet, CASH, 1_000_000n * E6);
      const funding = await carol.absorption(CASH, 1_000_000n * E6);
      await refuses(bob.gate.absorb!(funding.step, CASH, 1_000_000n * E6, false), "NotAuthorised");
      const hers = await carol.signed(funding, alice.owner);
      await refuses(bob.gate.absorb!(hers, CASH, 1_000_000n * E6, false), "NotAuthorised");
      // The wallet as sender is as good as its signature.
      const data = gate.interface.encodeFunctionData("absorb", [funding.step, CASH, 1_000_000n * E6, false]);
      await call(wallet.connect(bob.owner), "send", gate, data);
      carol.state = funding.after;
      const a = await alice.trading(FILL, 1n, carol.id);
      const b = await carol.trading(FILL, -1n, alice.id);
      await trade(alice, a, carol, b, { b: await sideOf(carol, b, bob.owner) });
    });
  });

  describe("tokens", () => {
    let tokens: Contract;
    before(async () => {
      tokens = (await world.ethers.getContractAt("Vault", await gate.getAddress())) as unknown as Contract;
    });

    const registering = async (asset: bigint, token: unknown, lotDecimals = 8) => {
      const queue = gate.connect(await world.queue()) as Contract;
      return queue.registerAsset!(asset, token, lotDecimals, NO_LIMIT, NO_LIMIT) as Promise<unknown>;
    };
    const register = async (asset: bigint, token: unknown, lotDecimals = 8) => {
      await ((await registering(asset, token, lotDecimals)) as { wait(): Promise<unknown> }).wait();
    };
    async function withToken(name: string) {
      const token = await world.ethers.deployContract(name);
      await register(2n, token);
      await call(token, "mint", alice.owner, 1_000n * E8);
      await call(token.connect(alice.owner), "approve", gate, 1n << 255n);
      return token as unknown as Contract;
    }

    it("V10: a token that takes a fee is refused on the way in, and on the way out costs the gate no more than the amount", async () => {
      const token = await withToken("FeeToken");
      await expect(alice.gate.deposit!(alice.id, alice.owner.address, 2n, E8))
        .to.be.revertedWithCustomError(tokens, "TransferInexact")
        .withArgs(await token.getAddress(), E8, E8 - E8 / 100n);
      await call(token, "set", false);
      await alice.fund(2n, E8);
      await call(token, "set", true);
      const ready = await alice.withdrawal(payout(2n, E8));
      // The gate parts with exactly the amount: what the token does to it then is between token and recipient.
      await withdraw(ready, payout(2n, E8));
      expect(await gate.custodyOf!(2n)).to.equal(0n);
      expect(await token.balanceOf!(gate)).to.equal(0n);
    });

    it("V10: a token that calls back finds every door closed", async () => {
      const token = await withToken("ReentrantToken");
      await alice.fund(2n, 10n * E8);
      const ready = await alice.withdrawal(payout(2n, E8));
      const next = await alice.attestation(12_000n);
      const opening = { owner: alice.owner.address, agent: alice.owner.address };
      const FILL = fillOf("board-60", { 0: 100n }, -5n * E6);
      const traded = await tradeOf(
        alice,
        await alice.trading(FILL, 1n, bob.id),
        bob,
        await bob.trading(FILL, -1n, alice.id),
      );
      const calls: [string, unknown[], Contract?][] = [
        ["deposit", [alice.id, alice.owner.address, 2n, E8]],
        ["withdraw", [await alice.signed(ready), payout(2n, E8)]],
        ["absorb", [next.step, 2n, E8, false]],
        ["attest", [await alice.signed(next), 12_000n]],
        ["exit", [await alice.signed(ready), payout(2n, E8)]],
        ["flag", [next.step, 12_000n]],
        ["open", [opening, next.step, "0x"]],
        // Desks have no guard of their own: they reach the gate's.
        ["trade", [traded], world.exchange],
        ["donate", [E6], world.fund],
      ];
      for (const [method, args, of = gate] of calls) {
        await call(token, "set", of, of.interface.encodeFunctionData(method, args));
        await refuses(alice.gate.deposit!(alice.id, alice.owner.address, 2n, E8), "ReentrancyGuardReentrantCall");
        await refuses(withdraw(ready, payout(2n, E8)), "ReentrancyGuardReentrantCall");
      }
      await call(token, "set", `0x${"0".repeat(40)}`, "0x");
      await withdraw(ready, payout(2n, E8));
      expect(await gate.custodyOf!(2n)).to.equal(9n * E8);
      expect(await token.balanceOf!(gate)).to.equal(9n * E8);
    });

    it("V10: a token that slips in more or lies is refused, one that returns nothing is taken", async () => {
      const reentrant = await withToken("ReentrantToken");
      // Minting calls back too, once: the callback is off while it mints.
      await call(reentrant, "slip", gate);
      await refuses(alice.gate.deposit!(alice.id, alice.owner.address, 2n, E8), "TransferInexact", tokens);
      for (const [asset, name] of [
        [3n, "LyingToken"],
        [4n, "SilentToken"],
      ] as const) {
        const token = await world.ethers.deployContract(name);
        await register(asset, token);
        await call(token, "mint", alice.owner, 1_000n * E8);
        await call(token.connect(alice.owner), "approve", gate, 1n << 255n);
      }
      await refuses(alice.gate.deposit!(alice.id, alice.owner.address, 3n, E8), "TransferInexact", tokens);
      await alice.fund(4n, E8);
      const ready = await alice.withdrawal(payout(4n, E8));
      await withdraw(ready, payout(4n, E8));
      expect(await gate.custodyOf!(4n)).to.equal(0n);
    });

    it("V10: nothing is paid out to the gate itself, nor where its balance rises by it", async () => {
      const token = await withToken("ReentrantToken");
      await alice.fund(2n, E8);
      const own = { ...payout(2n, E8), recipient: await gate.getAddress() };
      const ready = await alice.withdrawal(own);
      const refused = async () =>
        refuses(withdraw(ready, own), "TransferInexact", tokens).withArgs(await token.getAddress(), E8, 0);
      await refused();
      await call(token, "slip", gate);
      await refused();
    });

    it("tokens sent without a deposit are nobody's, and cannot be withdrawn", async () => {
      const token = world.tokens.get(CASH)!;
      await call(token, "mint", gate, 7_000_000n * E6);
      expect(await gate.custodyOf!(CASH)).to.equal(2_000_000n * E6);
      const more = { ...payout(CASH, 2_000_001n * E6) };
      const after = 77n;
      const given: GateCall = {
        action: "Withdraw",
        account: alice.id,
        stateBefore: commitState(alice.state),
        stateAfter: after,
        deadline: LATE,
        blob: "0x",
        ...more,
      };
      const step = await forged(given, {
        ...NONE,
        transfer: encodeTransfer({ asset: 15, amount: -more.amount }),
        terms: encodeTerms({ level: 15_000n as never, direction: "at-least", side: 1n }),
      });
      // Even with a forged proof no more leaves than came in.
      await expect(withdraw({ step }, more))
        .to.be.revertedWithCustomError(gate, "CustodyTooSmall")
        .withArgs(CASH, 2_000_000n * E6, more.amount);
    });

    it("a lot of 10^18 units of a token is the largest", async () => {
      const token = await world.deploy("TestToken", ["FINE", 26]);
      await refuses(registering(5n, token, 7), "LotRefused", tokens).withArgs(await token.getAddress(), 7, 26);
      await expect(registering(5n, token, 8))
        .to.emit(gate, "AssetRegistered")
        .withArgs(5, await token.getAddress(), 10n ** 18n);
    });

    it("assets are registered once, by the queue (before the seal by the deployer), with tokens that hold whole lots", async () => {
      const token = await world.deploy("TestToken", ["X", 18]);
      const coarse = await world.deploy("TestToken", ["Y", 4]);
      for (const somebody of [alice.gate, gate, gate.connect(world.guardian) as Contract]) {
        await refuses(somebody.registerAsset!(5n, token, 8, 1n, 1n), "NotGovernor");
      }
      await refuses(registering(16n, token), "AssetUnknown");
      await refuses(registering(CASH, token, 6), "AssetTaken");
      await refuses(registering(5n, world.tokens.get(BTC)), "TokenTaken");
      await refuses(registering(5n, token, 9), "LotRefused", tokens);
      await refuses(registering(5n, coarse, 5), "LotRefused", tokens);
      await expect(registering(5n, alice.owner)).to.be.revert(world.ethers);
      await register(5n, coarse, 4);
      await refuses(registering(5n, token), "AssetTaken");
      const bare = await world.deployGate();
      const made = (by: Contract, lotDecimals: number, of = token) => by.registerAsset!(CASH, of, lotDecimals, 1n, 1n);
      await refuses(made(bare, 8), "LotRefused", tokens);
      await refuses(made(bare, 4, coarse), "LotRefused", tokens);
      await refuses(made(bare.connect(alice.owner) as Contract, 6), "NotGovernor", bare);
      await made(bare, 6);
    });
  });

  describe("V11: amounts and deadlines", () => {
    const lot = 10n ** 10n;

    it("deposits refuse zero, what is not whole lots, and more than 2^64 - 1 lots; that many are taken", async () => {
      await refuses(alice.gate.deposit!(alice.id, alice.owner.address, ETH, 0n), "AmountZero");
      for (const amount of [1n, lot - 1n, lot + 1n, E18 + 1n]) {
        await expect(alice.gate.deposit!(alice.id, alice.owner.address, ETH, amount))
          .to.be.revertedWithCustomError(gate, "AmountNotInLots")
          .withArgs(amount, lot);
      }
      const most = ((1n << 64n) - 1n) * lot;
      for (const amount of [most + lot, (((1n << 256n) - 1n) / lot) * lot]) {
        await refuses(alice.gate.deposit!(alice.id, alice.owner.address, ETH, amount), "AmountTooLarge");
      }
      await refuses(alice.gate.deposit!(alice.id, alice.owner.address, 9n, 1n), "AssetUnknown");
      await refuses(alice.gate.deposit!(alice.id, alice.owner.address, 16n, 1n), "AssetUnknown");
      await refuses(alice.gate.deposit!(99n, alice.owner.address, ETH, lot), "AccountUnknown");
      await call(alice.gate, "deposit", alice.id, alice.owner.address, ETH, most);
      const ready = await alice.absorption(ETH, most);
      await call(alice.gate, "absorb", ready.step, ETH, most, false);
    });

    it("absorbs refuse zero, part of a lot, and more than the credit, by one unit too", async () => {
      await call(alice.gate, "deposit", alice.id, alice.owner.address, ETH, 10n * lot);
      const ready = await alice.absorption(ETH, 11n * lot);
      await expect(alice.gate.absorb!(ready.step, ETH, 11n * lot, false))
        .to.be.revertedWithCustomError(gate, "CreditTooSmall")
        .withArgs(alice.id, ETH, 10n * lot, 11n * lot);
      await refuses(alice.gate.absorb!(ready.step, ETH, 0n, false), "AmountZero");
      await refuses(alice.gate.absorb!(ready.step, ETH, lot - 1n, false), "AmountNotInLots");
      await refuses(bob.gate.absorb!({ ...ready.step, account: bob.id }, ETH, lot, false), "CreditTooSmall");
      const less = await alice.absorption(ETH, 10n * lot);
      await invalid(alice.gate.absorb!(less.step, ETH, 9n * lot, false));
      await call(alice.gate, "absorb", less.step, ETH, 10n * lot, false);
    });

    it("withdrawals refuse zero, part of a lot, too much, and a fee above the amount; a fee of the whole is paid", async () => {
      await alice.fund(ETH, 10n * E18);
      const ready = await alice.withdrawal(payout(ETH, E18));
      const send = (change: object) => withdraw(ready, { ...payout(ETH, E18), ...change });
      await refuses(send({ amount: 0n }), "AmountZero");
      await refuses(send({ amount: E18 + 1n }), "AmountNotInLots");
      for (const amount of [(1n << 64n) * lot, 1n << 255n]) await refuses(send({ amount }), "AmountTooLarge");
      const greedy = payout(ETH, E18, E18 + 1n);
      await refuses(withdraw(await alice.withdrawal(greedy), greedy), "PaysTooLittle").withArgs(0, 0);
      await invalid(send({ amount: E18 - lot }));
      const whole = await alice.withdrawal(payout(ETH, E18, E18));
      const before = (await world.tokens.get(ETH)!.balanceOf!(alice.owner)) as bigint;
      await withdraw(whole, payout(ETH, E18, E18));
      expect(await world.tokens.get(ETH)!.balanceOf!(alice.owner)).to.equal(before + E18);
    });

    it("a deadline of now is kept, one of a second ago has passed", async () => {
      const at = BigInt(await world.time.latest()) + 100n;
      const ready = await alice.withdrawal(payout(), { deadline: at });
      await world.time.setNextBlockTimestamp(at + 1n);
      await expect(withdraw(ready, payout()))
        .to.be.revertedWithCustomError(gate, "DeadlinePassed")
        .withArgs(at, at + 1n);
      await restore();
      restore = await world.snapshot();
      await world.time.setNextBlockTimestamp(at);
      await withdraw(ready, payout());
    });
  });

  describe("who may do what", () => {
    it("nobody but the owner opens, absorbs, attests, withdraws, exits; one opening opens one account", async () => {
      const fresh = alice.with({ state: genesis("board-60"), viewingKey: 77n as never });
      const { opening, ready: opened, signature } = await fresh.opening(alice.owner.address);
      // Anyone could prove from genesis, but only she agrees to be the owner; the operator agrees too, or is the sender.
      await refuses(bob.gate.open!(opening, opened.step, signature), "NotAuthorised");
      await refuses(
        bob.gate.open!({ ...opening, owner: bob.owner.address }, opened.step, signature),
        "OperatorMissing",
        world.exchange,
      );
      await refuses(alice.gate.open!(opening, opened.step, "0x"), "OperatorMissing", world.exchange);
      await refuses(
        alice.gate.open!({ ...opening, agent: bob.owner.address }, opened.step, signature),
        "OperatorMissing",
        world.exchange,
      );
      await refuses(alice.gate.open!(opening, { ...opened.step, account: 1n }, signature), "AccountUnknown");
      await call(alice.gate, "open", opening, opened.step, signature);
      await refuses(alice.gate.open!(opening, opened.step, signature), "OpeningUsed");

      const carol = await world.holder(12);
      await call(carol.gate, "deposit", carol.id, carol.owner.address, CASH, E6);
      const ready = await carol.absorption(CASH, E6);
      await refuses(alice.gate.absorb!(ready.step, CASH, E6, false), "NotAuthorised");
      const attest = await carol.attestation(6_000n);
      await refuses(alice.gate.attest!(attest.step, 6_000n), "NotAuthorised");
      await refuses(alice.gate.withdraw!(attest.step, payout()), "NotAuthorised");
      await refuses(alice.gate.exit!(attest.step, payout()), "NotAuthorised");
      await call(carol.gate, "absorb", ready.step, CASH, E6, false);
    });

    it("no account is nobody's, nor the gate's own", async () => {
      const { step } = await alice.attestation(12_000n);
      const nobody = { owner: world.ethers.ZeroAddress, agent: alice.owner.address };
      await refuses(alice.gate.open!(nobody, { ...step, account: 0n }, "0x"), "AddressZero");
      // The gate signs nothing, and is the sender of nothing.
      const fresh = alice.with({ state: genesis("board-60") });
      const { opening, ready, signature } = await fresh.opening(await gate.getAddress());
      await refuses(alice.gate.open!(opening, await fresh.signed(ready), signature), "NotAuthorised");
    });

    it("opens where nothing else is true: a viewing key of zero is no account's", async () => {
      expect(() => openingState("board-60", 0n as never)).to.throw();
      expect(commitState(openingState("board-60", 5n as never))).not.to.equal(commitState(genesis("board-60")));
    });

    it("V17: attests only levels that the policy names, and a verdict's level is the one that was proven", async () => {
      for (const level of [0n, 1n, 11_999n, 12_001n, (1n << 20n) + 12_000n, 1n << 32n]) {
        const step = (await alice.attestation(12_000n)).step;
        await refuses(alice.gate.attest!(step, level), "LevelNotInPolicy");
      }
      const lower = await alice.attestation(10_000n);
      await invalid(alice.gate.attest!(lower.step, 12_000n));
      const below = await alice.prepare(
        { action: "Attest", level: 12_000n },
        {},
        { level: 12_000n, direction: "below" },
      );
      await invalid(alice.gate.attest!(below.step, 12_000n));
    });

    it("V17: attests the initial level, which is no rung of evidence", async () => {
      const { call: given, step } = await alice.attestation(15_000n);
      const terms = encodeTerms({ level: 15_000n as never, direction: "at-least", side: 1n });
      await expect(alice.gate.attest!(step, 15_000n))
        .to.emit(gate, "Settled")
        .withArgs(alice.id, given.stateBefore, given.stateAfter, NONE.transfer, NONE.fill, terms, 1, given.blob);
      await refuses(alice.gate.flag!(step, 15_000n), "LevelNotInPolicy").withArgs(15_000, 1);
    });

    it("an absorb takes the direction that it is told, and proves no other", async () => {
      await call(alice.gate, "deposit", alice.id, alice.owner.address, CASH, E6);
      for (const below of [true, false]) {
        const ready = await alice.absorption(CASH, E6, { below });
        await invalid(alice.gate.absorb!(ready.step, CASH, E6, !below));
      }
    });

    it("accounts that do not exist are refused", async () => {
      for (const method of ["attest", "flag"]) {
        const step = { ...(await alice.attestation(12_000n)).step, account: 99n };
        await refuses(alice.gate[method]!(step, 12_000n), "AccountUnknown");
      }
    });
  });
});

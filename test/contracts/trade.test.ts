// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A trade from hand to hand on a chain, under simulated keys: two owners who each state the terms, and the operator. Whatever one of
 * them hands over, another does nothing that it did not read; whatever is killed when, a trade has one effect.
 */
import { expect } from "chai";
import { JsonRpcProvider, type Signer } from "ethers";
import type { VenueMachine } from "../../prover/src/app/account/liquidate.ts";
import { absorb, attestAtGate, deposit, withdraw } from "../../prover/src/app/account/moves.ts";
import type { Leaving } from "../../prover/src/app/account/session.ts";
import { settleTrade } from "../../prover/src/app/account/settle-trade.ts";
import { sideDocument } from "../../prover/src/app/account/signed-side.ts";
import { accountStatus } from "../../prover/src/app/account/status.ts";
import {
  agreeToTrade,
  proposeTrade,
  readSignedTrade,
  readTradeOffer,
  readTradeTerms,
  type SignedTrade,
  type TradeOffer,
  type TradeTerms,
} from "../../prover/src/app/account/trade.ts";
import { AccountClient, type Published } from "../../prover/src/chain/client.ts";
import { contextOf, signCall, stepOf } from "../../prover/src/chain/gate-calls.ts";
import { type GateView, gateAt } from "../../prover/src/chain/gate-view.ts";
import { publishedAt } from "../../prover/src/chain/published.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { type MarketFile, readMarket } from "../../prover/src/formats/market.ts";
import { timeText } from "../../prover/src/formats/time.ts";
import { randomViewingKey } from "../../prover/src/model/account.ts";
import { commitFill } from "../../prover/src/model/commit.ts";
import { type Fill, NO_TRANSFER, noFill } from "../../prover/src/model/transition.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { type Hands, handsOf, Killed, openedAt, refusalOf, told } from "../support/hands.ts";
import { rowOf } from "../support/longs.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";
import { CIRCUITS, NodeRefuses, Venue } from "../support/venue.ts";
import { deployable } from "./world.ts";

const E6 = 1_000_000n;
const BUYS: TradeTerms = { direction: "buy", instrument: "BTC-PERP", quantity: "2", price: "96900.5" };
const SELLS: TradeTerms = { ...BUYS, direction: "sell" };

describe("a trade, from hand to hand", function () {
  this.timeout(120_000);
  const firm = sampleFirm();
  const keys = CIRCUITS.map((circuit) => simulatedKey(circuit));
  const key = keys[0] as ReturnType<typeof simulatedKey<"board-60">>;
  const prover = createProver({ load: () => simulatedArtifacts(key), backend: simulatedBackend(key) });
  let venue: Venue;
  let provider: JsonRpcProvider;
  let view: GateView;
  let files: { policy: Venue["policy"]; market: MarketFile };
  let fallen: MarketFile;
  let row: number;
  type Member = Awaited<ReturnType<typeof openedAt>>;
  let atlas: Member;
  let boreas: Member;

  before(async () => {
    venue = await Venue.open({
      deployable: keys.map((each) => deployable(each)),
      makerOf: async (circuit) => keys.find(({ identity }) => identity.size === circuit)!,
    });
    const polling = { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1, polling: true };
    provider = new JsonRpcProvider(venue.rpc, 31_337n, polling);
    view = await gateAt(provider, await venue.gate.getAddress());
    const read = (document: typeof firm.market) => readMarket(formatJson(document), "market.json", venue.policy);
    files = { policy: venue.policy, market: read(firm.market) };
    fallen = read(firm.marketAfterFall);
    row = rowOf(files.market, "BTC-PERP");
    [atlas, boreas] = [await member(), await member()];
  });
  after(async () => {
    provider.destroy();
    await prover.close();
    await venue.close();
  });

  /** An account of a new owner that holds so many dollars. */
  async function member(dollars = 2_000_000n): Promise<Member> {
    const made = await openedAt({ venue, provider, prover }, dollars);
    const { machine, viewingKey } = made;
    await told(deposit(machine, { viewingKey, asset: "cash", amount: `${dollars}` }));
    await told(absorb(machine, { viewingKey, asset: "cash", amount: "all" }));
    machine.asked.length = 0;
    return made;
  }
  const offered = (from: Member, to: Member, terms = BUYS, validity = 600n) =>
    proposeTrade(from.machine, {
      ...{ viewingKey: from.viewingKey, counterparty: to.account, terms, validity },
      ...files,
    });
  const agreed = (by: Member, from: Member, offer: TradeOffer, terms = SELLS) =>
    agreeToTrade(by.machine, { viewingKey: by.viewingKey, counterparty: from.account, terms, offer, ...files });
  /** As from a file. */
  const asOffer = (document: object) => readTradeOffer({ text: formatJson(document), file: "offer.json" });
  const asTrade = (document: object) => readSignedTrade({ text: formatJson(document), file: "trade.json" });

  const operated = (signer: Signer = venue.operator as never) => {
    const asked: Leaving[] = [];
    const consent = async (leaving: Leaving) => void asked.push(leaving);
    return { provider, signer, prover, asked, consent };
  };
  /** The operator as its node signs for it, over HTTP. */
  const byNode = async () => operated(await provider.getSigner(venue.operator.address));
  const settled = (by: VenueMachine, trade: SignedTrade, members: readonly Member[], at = files) =>
    settleTrade(by, { gate: view.address, trade, viewingKeys: members.map(({ viewingKey }) => viewingKey), ...at });
  const stateOf = async ({ account }: Member) => (await view.gate.getFunction("accountOf")(account)).state as bigint;
  const clientsOf = () => {
    const { gate, exchange, clearing, domains } = view;
    return { gate, exchange, clearing, domains, prover, cosign: async () => "0x" };
  };
  const holds = async ({ machine, viewingKey, account }: Member) => {
    const client = await AccountClient.restore(clientsOf(), machine.signer!, account, viewingKey);
    return [client.state.positions[row]!, client.state.cash] as const;
  };
  /** By how much an account's position and cash have moved. */
  const movedSince = async (before: readonly [bigint, bigint], member: Member) => {
    const [lots, cash] = await holds(member);
    return [lots - before[0], cash - before[1]];
  };
  const BOUGHT = [2_000n, -193_801n * E6];
  const SOLD = [-2_000n, 193_801n * E6];
  const published = async (): Promise<Published> => {
    const { policyId } = await view.market.getFunction("outflow")(view.board);
    return { policyId, epoch: files.market.epoch, policy: files.policy.policy, market: files.market.market };
  };
  const sentBy = (address: string) => provider.getTransactionCount(address);

  it("is offered, agreed to and settled: each says in words what it signs, and both accounts have moved by the terms", async () => {
    const before = [await holds(atlas), await holds(boreas)] as const;
    const offer = asOffer(await offered(atlas, boreas));
    const trade = asTrade(await agreed(boreas, atlas, offer));
    const operator = await byNode();
    const done = await settled(operator, trade, [boreas, atlas]);
    expect(done.resumed).equal(false);
    expect(await movedSince(before[0], atlas)).deep.equal(BOUGHT);
    expect(await movedSince(before[1], boreas)).deep.equal(SOLD);
    const [mine, theirs] = [atlas, boreas].map(({ machine }) => machine.asked.map(({ words }) => words));
    // The very moment that was read is signed, however long reading took.
    const { deadline } = trade.a;
    expect(trade.b.deadline).equal(deadline);
    expect(mine![0]).contain(`until ${timeText(new Date(Number(deadline) * 1000))} and`);
    const until = /, until 2026-11-22T\d\d:\d\d:\d\dZ and in epoch 7 alone$/;
    expect(mine!.map((words) => words.replace(until, ""))).deep.equal([
      `sign that account ${atlas.account} buys 2 BTC-PERP at 96900.5 (marked at 96876.65) and pays 193801 in cash, with account ${boreas.account} of ${boreas.wallet.address}`,
    ]);
    expect(theirs!.map((words) => words.replace(until, ""))).deep.equal([
      `sign that account ${boreas.account} sells 2 BTC-PERP at 96900.5 (marked at 96876.65) and gets 193801 in cash, with account ${atlas.account} of ${atlas.wallet.address}`,
    ]);
    expect(operator.asked.map(({ words }) => words)).deep.equal([
      `settle that account ${atlas.account} gets 2 BTC-PERP and gives 193801 in cash, with account ${boreas.account}`,
    ]);
    // Each finds its state by its next command, and goes on from there.
    for (const { machine, viewingKey } of [atlas, boreas]) {
      const status = await accountStatus(machine, { viewingKey, files });
      expect(status.coverage).deep.include({ positions: 1, level: "initial" });
      await told(attestAtGate(machine, { viewingKey, ...files, level: "initial" }));
    }
  });

  it("signs until the moment that was read, however long the owner took to read it", async () => {
    const { machine, viewingKey } = atlas;
    const slow = {
      ...machine,
      async consent(leaving: Leaving) {
        await machine.consent(leaving);
        await venue.passes(120);
      },
    } as Hands;
    const before = BigInt(await venue.now());
    const order = { viewingKey, counterparty: boreas.account, terms: BUYS, validity: 600n, ...files };
    const { side } = await proposeTrade(slow, order);
    expect(BigInt(side.deadline)).equal(before + 600n);
  });

  it("goes either way: the seller may offer, and an offer may be taken back by any other step", async () => {
    const before = await holds(atlas);
    const trade = await agreed(boreas, atlas, await offered(atlas, boreas, SELLS), BUYS);
    await settled(operated(), trade, [atlas, boreas]);
    expect(await movedSince(before, atlas)).deep.equal(SOLD);
    const [offer, late] = [await offered(atlas, boreas), await agreed(boreas, atlas, await offered(atlas, boreas))];
    await told(attestAtGate(atlas.machine, { viewingKey: atlas.viewingKey, ...files, level: "initial" }));
    const error = await refusalOf(agreed(boreas, atlas, offer));
    expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", "side.stateBefore"]);
    const none = await refusalOf(settled(operated(), late, [atlas, boreas]));
    expect([none.code, none.message.includes("the trade is void")]).deep.equal(["CALL_REFUSED", true]);
  });

  it("files say no terms: an offer has a blinding, and a trade what the chain will have; neither has a key", async () => {
    const offer = await offered(atlas, boreas);
    const trade = await agreed(boreas, atlas, offer);
    const texts = [formatJson(offer), formatJson(trade)];
    for (const text of texts) {
      expect(text).not.contain("BTC-PERP").not.contain("96900").not.contain("193801");
      for (const { viewingKey } of [atlas, boreas]) expect(text).not.contain(`${viewingKey}`);
    }
    expect(texts[1]).not.contain(offer.blinding);
    expect(Object.keys(trade)).deep.equal(["format", "chainId", "gate", "a", "b"]);
  });

  describe("whatever an owner hands over", () => {
    let other: Member;
    let offer: TradeOffer;
    before(async () => {
      other = await member(1n);
      offer = await offered(atlas, boreas);
      // Its file knows the state that the chain has.
      await accountStatus(boreas.machine, { viewingKey: boreas.viewingKey });
    });

    /** The second owner refuses it: it is named, nothing is handed out, and neither file nor chain have changed. */
    async function refused(given: object, terms = SELLS, from = atlas): Promise<PlimsollError> {
      const { machine } = boreas;
      const before = [structuredClone(machine.kept), await stateOf(boreas), await sentBy(boreas.wallet.address)];
      const error = await refusalOf(agreed(boreas, from, asOffer(given), terms));
      expect([machine.kept, await stateOf(boreas), await sentBy(boreas.wallet.address)]).deep.equal(before);
      return error;
    }
    const withSide = (part: object) => ({ ...offer, side: { ...offer.side, ...part } });

    it("other terms than the second owner states are refused before anything is asked: price, size, side, instrument, all that moves", async () => {
      boreas.machine.asked.length = 0;
      for (const terms of [
        { ...SELLS, price: "96900.6" },
        { ...SELLS, quantity: "1.999" },
        { ...SELLS, instrument: "BTC-25DEC26" },
        BUYS,
      ]) {
        const error = await refused(offer, terms);
        expect([error.code, error.place.field], JSON.stringify(terms)).deep.equal(["FIELD_INVALID", "side.fill"]);
      }
      const hostile = async (part: Partial<Fill>, blinding = BigInt(offer.blinding)) => {
        const empty = noFill("board-60");
        const positions = empty.positions.map((_, at) => (at === row ? 2_000n : 0n));
        const fill = { ...empty, positions, cash: -193_801n * E6, blinding: blinding as never, ...part };
        const { machine, account, viewingKey } = atlas;
        const client = await AccountClient.restore(clientsOf(), machine.signer!, account, viewingKey);
        const { initial } = files.policy.levels;
        const { side } = await client.tradingSide(boreas.account, fill, 1n, initial, await published());
        return { ...offer, side: sideDocument(boreas.account, commitFill(fill), side) };
      };
      // The very terms of another maker are taken: what follows is refused for what else it moves.
      expect((await agreed(boreas, atlas, asOffer(await hostile({})))).b.account).equal(`${boreas.account}`);
      boreas.machine.asked.length = 0;
      const second = noFill("board-60").positions.map((_, at) => (at === row ? 2_000n : at === row + 1 ? 1n : 0n));
      for (const part of [{ cash: -193_800n * E6 }, { cash: -193_801n * E6 - 1n }, { positions: second }]) {
        expect((await refused(await hostile(part))).place.field).equal("side.fill");
      }
      expect(boreas.machine.asked).deep.equal([]);
    });

    it("an offer to or of somebody else, for another gate, of another epoch, lapsed or good for too long", async () => {
      boreas.machine.asked.length = 0;
      const cases: [object, string][] = [
        [{ ...offer, gate: `0x${"01".repeat(20)}` }, "gate"],
        [{ ...offer, chainId: "1" }, "gate"],
        [{ ...offer, blinding: `${BigInt(offer.blinding) - 1n}` }, "side.fill"],
        [{ ...offer, blinding: "0" }, "blinding"],
        [withSide({ account: `${other.account}` }), "side.account"],
        [await offered(atlas, other), "side.counterparty"],
        [withSide({ epoch: "6" }), "side.epoch"],
        [withSide({ deadline: "1" }), "side.deadline"],
        [withSide({ deadline: `${(1n << 256n) - 1n}` }), "side.deadline"],
        [withSide({ stateBefore: offer.side.stateAfter }), "side.stateBefore"],
      ];
      for (const [given, field] of cases) {
        const error = await refused(given);
        expect([error.code, error.place.field], field).deep.equal(["FIELD_INVALID", field]);
      }
      expect((await refused(offer, SELLS, other)).place.field).equal("side.account");
      expect((await refused(offer, SELLS, boreas)).place.field).equal("counterparty");
      expect(boreas.machine.asked).deep.equal([]);
    });

    it("a side that was changed, or signed by another, is refused by the contracts' own words, and nothing is handed out", async () => {
      const { blob, deadline, proof } = offer.side;
      const flipped = `${blob.slice(0, -1)}${blob.endsWith("0") ? "1" : "0"}`;
      const cases: [object, string][] = [
        [{ blob: flipped }, "NotAuthorised"],
        [{ deadline: `${BigInt(deadline) + 1n}` }, "NotAuthorised"],
        [{ stateAfter: `${BigInt(offer.side.stateAfter) + 1n}` }, "NotAuthorised"],
        [{ lastEpoch: "8" }, "NotAuthorised"],
        [{ lastEpoch: "6" }, "EpochAfterLast"],
        [{ policyId: "9" }, "PolicySuperseded"],
        [{ signature: "0x" }, "NotAuthorised"],
        [{ proof: (await offered(atlas, boreas)).side.proof }, "ProofInvalid"],
        [{ proof: [...proof.slice(0, 6), "1", "2"] }, "ProofInvalid"],
      ];
      for (const [part, name] of cases) {
        const error = await refused(withSide(part));
        expect([error.code, error.message.includes(`(${name})`)], `${name}: ${error.message}`).deep.equal([
          "CALL_REFUSED",
          true,
        ]);
      }
    });

    it("texts that are no offer, and terms that are none, are refused with the field's name", () => {
      const asTerms = (part: object) =>
        readTradeTerms({
          text: formatJson({ format: "plimsoll-trade-terms/1", ...SELLS, ...part }),
          file: "terms.json",
        });
      expect(asTerms({})).deep.include(SELLS);
      for (const part of [{ direction: "swap" }, { quantity: 2 }, { price: null }, { instrument: 1 }, { size: "2" }]) {
        expect(() => asTerms(part), JSON.stringify(part)).throw(PlimsollError, Object.keys(part)[0]);
      }
      for (const [given, field] of [
        [{ ...offer, terms: "mine" }, "terms"],
        [withSide({ lastEpoch: `${1n << 64n}` }), "side.lastEpoch"],
        [withSide({ proof: ["1"] }), "side.proof"],
        [withSide({ blob: "none" }), "side.blob"],
        [withSide({ deadline: `${1n << 256n}` }), "side.deadline"],
        [{ ...offer, format: "plimsoll-trade/1" }, "format"],
      ] as const) {
        expect(() => asOffer(given), field).throw(PlimsollError, field);
      }
    });
  });

  describe("whatever reaches the operator", () => {
    let trade: SignedTrade;
    let operator: ReturnType<typeof operated>;
    before(async () => {
      trade = await agreed(boreas, atlas, await offered(atlas, boreas));
      operator = operated();
    });
    async function refused(given: object, members = [atlas, boreas], by = operator): Promise<PlimsollError> {
      const before = [await stateOf(atlas), await stateOf(boreas), await sentBy(venue.operator.address)];
      const error = await refusalOf(settled(by, asTrade(given), members));
      expect([await stateOf(atlas), await stateOf(boreas), await sentBy(venue.operator.address)]).deep.equal(before);
      expect(by.asked).deep.equal([]);
      return error;
    }

    it("what was changed, swapped or halved is refused before it is asked: neither side is good without the very other", async () => {
      const again = await agreed(boreas, atlas, await offered(atlas, boreas, { ...BUYS, price: "96901" }), {
        ...SELLS,
        price: "96901",
      });
      const cases: [object, string][] = [
        [{ ...trade, a: { ...trade.b, fill: trade.a.fill }, b: trade.a }, "ProofInvalid"],
        [{ ...trade, b: again.b }, "NotAuthorised"],
        [{ ...trade, a: again.a }, "NotAuthorised"],
        [{ ...trade, a: { ...trade.a, fill: again.a.fill } }, "NotAuthorised"],
        [{ ...trade, b: trade.a }, "SameAccount"],
        [{ ...trade, b: { ...trade.b, deadline: "1" } }, "DeadlinePassed"],
        [{ ...trade, b: { ...trade.b, blob: "0x" } }, "NotAuthorised"],
        [{ ...trade, b: { ...trade.b, proof: trade.a.proof } }, "ProofInvalid"],
      ];
      for (const [given, name] of cases) {
        const error = await refused(given);
        expect([error.code, error.message.includes(`(${name})`)], `${name}: ${error.message}`).deep.equal([
          "CALL_REFUSED",
          true,
        ]);
      }
      expect((await refused({ ...trade, gate: `0x${"01".repeat(20)}` })).place.field).equal("gate");
    });

    it("it settles nothing that it could not follow, and nobody settles in its place", async () => {
      for (const members of [[atlas], [boreas], []]) {
        expect((await refused(trade, members)).code).equal("PROOF_REFUSED");
      }
      const strange = { ...boreas, viewingKey: randomViewingKey() };
      const error = await refused(trade, [atlas, strange]);
      expect(error.message).contain(`account ${boreas.account}`);
      const stranger = operated(venue.signers[9] as never);
      expect((await refused(trade, [atlas, boreas], stranger)).place.field).equal("operator");
      const market = { ...files.market, epoch: 6n };
      const stale = await refusalOf(settled(operator, trade, [atlas, boreas], { ...files, market }));
      expect(stale.place.field).equal("epoch");
    });

    it("what an owner has signed with a blob that nobody can open is good for the chain, and not for the operator", async () => {
      const offer = await offered(atlas, boreas);
      const { machine, viewingKey, account } = atlas;
      const client = await AccountClient.restore(clientsOf(), machine.signer!, account, viewingKey);
      const [{ initial }, under] = [files.policy.levels, await published()];
      const fill = { ...noFill("board-60"), cash: 1n, blinding: BigInt(offer.blinding) as never };
      const action = { action: "Trade", counterparty: boreas.account, fill: commitFill(fill), level: initial } as const;
      const question = { level: initial, direction: "at-least" } as const;
      const { call } = await client.prepare({ ...action, lastEpoch: under.epoch }, under, question, { fill, side: 1n });
      const dark = { ...call, blob: "0x0123" };
      const transition = { transfer: NO_TRANSFER, fill, side: 1n } as const;
      const context = contextOf(view.domains.gate, dark);
      const before = client.state;
      const { proof } = await prover.prove({ before, transition, ...question, context, ...under });
      const signature = await signCall(machine.signer!, view.domains.gate, dark);
      const step = stepOf(dark, under, proof, signature);
      const a = sideDocument(boreas.account, commitFill(fill), { step, lastEpoch: under.epoch });
      const them = await AccountClient.restore(clientsOf(), boreas.machine.signer!, boreas.account, boreas.viewingKey);
      const { side } = await them.tradingSide(account, fill, -1n, initial, under);
      const b = sideDocument(account, commitFill(fill), side);
      const error = await refused({ ...trade, a, b });
      expect([error.code, error.message.includes("nobody could follow")]).deep.equal(["PROOF_REFUSED", true]);
    });

    it("a no is a no: nothing is sent", async () => {
      const no = { ...operator, consent: () => Promise.reject(new Killed()) };
      const before = await sentBy(venue.operator.address);
      expect(await settled(no, trade, [atlas, boreas]).catch((error) => error)).instanceOf(Killed);
      expect(await sentBy(venue.operator.address)).equal(before);
      for (const { machine, viewingKey } of [atlas]) {
        const refusing: Hands = { ...machine, consent: () => Promise.reject(new Killed()) };
        const order = { viewingKey, counterparty: boreas.account, terms: BUYS, validity: 600n, ...files };
        expect(await proposeTrade(refusing, order).catch((error) => error)).instanceOf(Killed);
      }
    });
  });

  it("has one effect whenever it is killed: node or operator lost as it is sent, before the chain has it or after", async () => {
    for (const has of [false, true]) {
      const before = await holds(atlas);
      const trade = await agreed(boreas, atlas, await offered(atlas, boreas));
      venue.hook = (method) => {
        if (method !== "eth_sendTransaction") return undefined;
        if (!has) throw new Error("lost");
        return () => {
          throw new Error("lost");
        };
      };
      const lost = await settled(await byNode(), trade, [atlas, boreas]).then(
        () => expect.fail("it was not lost"),
        (error) => error,
      );
      venue.hook = () => undefined;
      expect(lost).instanceOf(Error);
      const operator = await byNode();
      const done = await settled(operator, trade, [atlas, boreas]);
      expect([done.resumed, operator.asked.length]).deep.equal([has, has ? 0 : 1]);
      expect(await movedSince(before, atlas)).deep.equal(BOUGHT);
      // Also when both accounts have moved on since: it is told where it was settled.
      await told(withdraw(atlas.machine, { viewingKey: atlas.viewingKey, ...files, asset: "cash", amount: "1" }));
      const again = await settled(operator, trade, [atlas, boreas]);
      expect(again).deep.equal({ ...done, resumed: true });
      expect(operator.asked.length).equal(has ? 0 : 1);
      expect(await movedSince(before, atlas)).deep.equal([BOUGHT[0], BOUGHT[1]! - E6]);
    }
  });

  it("of what was signed twice, for a command that was killed, one has an effect", async () => {
    const before = await holds(atlas);
    const offers = [await offered(atlas, boreas), await offered(atlas, boreas)];
    const trades = [];
    for (const offer of offers) trades.push(await agreed(boreas, atlas, offer));
    trades.push(await agreed(boreas, atlas, offers[0]!));
    await settled(operated(), trades[2]!, [atlas, boreas]);
    // The same offer, agreed to twice: by its terms it is settled.
    expect((await settled(operated(), trades[0]!, [atlas, boreas])).resumed).equal(true);
    const error = await refusalOf(settled(operated(), trades[1]!, [atlas, boreas]));
    expect([error.code, error.message.includes("the trade is void")]).deep.equal(["CALL_REFUSED", true]);
    expect(await movedSince(before, atlas)).deep.equal(BOUGHT);
    // Killed as it keeps the state that the trade led to, before it is on disk or after: nothing has been signed.
    for (const [by, done] of [
      [boreas, false],
      [atlas, true],
    ] as const) {
      const { machine, viewingKey } = by;
      machine.asked.length = machine.writes = 0;
      machine.killAt = { write: 1, done };
      const order = { viewingKey, counterparty: by === atlas ? boreas.account : atlas.account, terms: BUYS };
      expect(await proposeTrade(machine, { ...order, validity: 600n, ...files }).catch((error) => error)).instanceOf(
        Killed,
      );
      machine.killAt = undefined;
      expect([machine.asked, machine.kept!.sending]).deep.equal([[], null]);
    }
    const trade = await agreed(atlas, boreas, await offered(boreas, atlas));
    await settled(operated(), trade, [atlas, boreas]);
    expect(await movedSince(before, atlas)).deep.equal([0n, 0n]);
  });

  it("a fill that an owner signed for two others is settled with one of them: of the other trade nobody is told that it was", async () => {
    const third = await member(1_000n);
    const { machine, viewingKey, account } = atlas;
    const client = await AccountClient.restore(clientsOf(), machine.signer!, account, viewingKey);
    const [{ initial }, under] = [files.policy.levels, await published()];
    const fill: Fill = { ...noFill("board-60"), cash: -E6, blinding: randomViewingKey() };
    const trades = [];
    for (const other of [boreas, third]) {
      const them = await AccountClient.restore(clientsOf(), other.machine.signer!, other.account, other.viewingKey);
      const { side: a } = await client.tradingSide(other.account, fill, 1n, initial, under);
      const { side: b } = await them.tradingSide(account, fill, -1n, initial, under);
      const [commitment, { chainId, address: gate }] = [commitFill(fill), view];
      const sides = { a: sideDocument(other.account, commitment, a), b: sideDocument(account, commitment, b) };
      trades.push(asTrade({ format: "plimsoll-trade/1", chainId: `${chainId}`, gate, ...sides }));
    }
    const done = await settled(operated(), trades[1]!, [atlas, third]);
    const before = await stateOf(boreas);
    const error = await refusalOf(settled(operated(), trades[0]!, [atlas, boreas]));
    expect([error.code, error.message.includes("the trade is void")]).deep.equal(["CALL_REFUSED", true]);
    expect(await stateOf(boreas)).equal(before);
    expect(await settled(operated(), trades[1]!, [atlas, third])).deep.equal({ ...done, resumed: true });
  });

  it("a trade from a state that never was is looked for no further back than its account goes", async () => {
    const trade = await agreed(boreas, atlas, await offered(atlas, boreas));
    await provider.send("hardhat_mine", ["0x80"]);
    const begun = await provider.getBlockNumber();
    const { account } = await member(1n);
    let first = Number.POSITIVE_INFINITY;
    venue.hook = (method, [filter]) => {
      if (method !== "eth_getLogs") return undefined;
      const { fromBlock, toBlock } = filter as { fromBlock: string; toBlock: string };
      if (Number(toBlock) - Number(fromBlock) >= 16) throw new NodeRefuses(-32005, "query exceeds max block range");
      first = Math.min(first, Number(fromBlock));
      return undefined;
    };
    const never = { ...trade, a: { ...trade.a, account: `${account}`, stateBefore: "1" } };
    const error = await refusalOf(settled(operated(), asTrade(never), [atlas, boreas]));
    venue.hook = () => undefined;
    expect([error.code, error.message.includes("the trade is void")]).deep.equal(["CALL_REFUSED", true]);
    expect(first)
      .greaterThan(begun - 32)
      .below(begun + 32);
  });

  it("refuses terms that are none, and a trade after which the account would not keep the initial level", async () => {
    atlas.machine.asked.length = boreas.machine.asked.length = 0;
    const cases: [Partial<TradeTerms>, string, string][] = [
      [{ instrument: "GOLD" }, "UNKNOWN_NAME", "instrument"],
      [{ quantity: "0" }, "OUT_OF_RANGE", "quantity"],
      [{ quantity: "-1" }, "OUT_OF_RANGE", "quantity"],
      [{ quantity: "0.0005" }, "NOT_A_MULTIPLE", "quantity"],
      [{ price: "-1" }, "OUT_OF_RANGE", "price"],
      [{ price: "1e5" }, "FIELD_INVALID", "price"],
      [{ price: "0.00000001" }, "NOT_A_MULTIPLE", "price"],
    ];
    for (const [part, code, field] of cases) {
      const error = await refusalOf(offered(atlas, boreas, { ...BUYS, ...part }));
      expect([error.code, error.place.field], JSON.stringify(part)).deep.equal([code, field]);
    }
    // Neither is wrong by itself.
    const fraction = await refusalOf(offered(atlas, boreas, { ...BUYS, quantity: "0.001", price: "96900.0005" }));
    expect(fraction.message).contain("quantity times price");
    for (const validity of [0n, 86_401n]) {
      expect((await refusalOf(offered(atlas, boreas, BUYS, validity))).place.field).equal("validity");
    }
    expect(atlas.machine.asked).deep.equal([]);
    const large = await refusalOf(offered(atlas, boreas, { ...BUYS, quantity: "5000" }));
    expect(large.code).equal("STATEMENT_FALSE");
    expect(large.message).contain("would not keep the initial level").not.contain("5000");
    const nobody = { ...boreas, account: 9_999n };
    expect((await refusalOf(offered(atlas, nobody))).message).contain("AccountUnknown");
    const watching = { ...atlas, machine: { ...atlas.machine, signer: undefined } as Hands };
    expect((await refusalOf(offered(watching, boreas))).code).equal("USAGE");
    expect(handsOf(provider, prover).asked).deep.equal([]);
  });

  describe("afterwards", () => {
    it("an epoch's end ends every offer and trade of it", async () => {
      const offer = await offered(atlas, boreas, BUYS, 86_400n);
      const trade = await agreed(boreas, atlas, offer);
      const before = await holds(atlas);
      await venue.passes(1_800);
      await venue.publish(fallen);
      const now = { ...files, market: fallen };
      const order = { viewingKey: boreas.viewingKey, counterparty: atlas.account, terms: SELLS, offer, ...now };
      expect((await refusalOf(agreeToTrade(boreas.machine, order))).place.field).equal("side.epoch");
      const late = await refusalOf(settled(operated(), trade, [atlas, boreas], now));
      expect([late.code, late.message.includes("EpochNotStanding")]).deep.equal(["CALL_REFUSED", true]);
      expect(await holds(atlas)).deep.equal(before);
    });

    it("an epoch that comes between two questions to the market is not taken for the one of the file", async () => {
      const market = new Proxy(view.market, {
        get: (target, name) =>
          name === "getFunction"
            ? (of: string) => (of === "epochOf" ? async () => files.market.epoch : target.getFunction(of))
            : Reflect.get(target, name, target),
      });
      for (const serves of ["outflow", "evidence"] as const) {
        const error = await refusalOf(publishedAt({ ...view, market }, files, serves));
        expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", "epoch"]);
      }
    });
  });
});

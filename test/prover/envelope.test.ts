// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { proveEnvelope, type Question } from "../../prover/src/app/prove-envelope.ts";
import { type EnvelopeInputs, verifyEnvelope } from "../../prover/src/app/verify-envelope.ts";
import {
  COVERAGE,
  completeEnvelope,
  describe as describeEnvelope,
  draftEnvelope,
  type Envelope,
  type EnvelopeVerdict,
  readEnvelope,
} from "../../prover/src/document/proof.ts";
import { signalNotes } from "../../prover/src/document/signal-notes.ts";
import type { Foreign } from "../../prover/src/document/words.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { formatJson, type Json } from "../../prover/src/formats/json.ts";
import { type MarketFile, marketDocument, readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { testOnly } from "../../prover/src/keys/origin.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { BOARD_SIZES, type BoardSize, blocksOf, CASH_INDEX, SCENARIOS } from "../../prover/src/model/sizes.ts";
import { applyTransition, NO_TRANSFER, noFill, type Transition } from "../../prover/src/model/transition.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { verdictText } from "../../prover/src/report/parts-text.ts";
import { documentVerdict } from "../../prover/src/report/verdict.ts";
import { publicInputsOf } from "../../prover/src/statement/families.ts";
import { cashE6, levelBps, positionLots } from "../../prover/src/units.ts";
import { createVerifier } from "../../prover/src/verify/verifier.ts";
import { randomMarket, seededRng } from "../support/random.ts";
import { type SimulatedKey, simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";

const tiers = [{ upTo: "500", haircutBps: "500" }];
const POLICY = {
  format: "plimsoll-policy/2",
  name: "test",
  cash: { symbol: "USDC", decimals: 6 },
  assets: ["BTC", "ETH"].map((symbol) => ({ symbol, lotDecimals: 8, scanLot: null, tiers })),
  debtRateBps: "0",
  levels: { initial: "15000", call: "12000", liquidation: "10000", closeOut: "6000" },
};
const policyText = formatJson(POLICY);
const policy = readPolicy(policyText, "policy.json");

function marketText(size: BoardSize, seed: number): string {
  const file: MarketFile = {
    board: "test board",
    epoch: 7n,
    time: "2026-11-22T08:00:00Z",
    scenarios: Array.from({ length: SCENARIOS }, (_, index) => `scenario ${index}`),
    instruments: Array.from({ length: 60 * (blocksOf(size) - 1) + 1 }, (_, index) => ({
      symbol: `I-${index}`,
      lot: { units: 1n, decimals: 3 },
      terms: {},
    })),
    blocks: Array.from({ length: blocksOf(size) }, (_, index) => `block ${index}`),
    market: randomMarket(seededRng(seed), size, "typical"),
  };
  return formatJson(marketDocument(file, policy));
}

function question(size: BoardSize, market: string, change: Partial<Question> = {}): Question {
  const before: Account = {
    ...genesis(size),
    cash: cashE6(10n ** 12n),
    positions: genesis(size).positions.with(0, positionLots(3n)),
    viewingKey: 77n as FieldElement,
    sequence: 4n,
  };
  return {
    before,
    transition: { transfer: NO_TRANSFER, fill: noFill(size), side: 1n },
    level: levelBps(15_000n),
    direction: "at-least",
    audience: "lender, request 17",
    policy,
    market: readMarket(market, "market.json", policy),
    ...change,
  };
}

const prover = (key: SimulatedKey) =>
  createProver({ load: () => simulatedArtifacts(key), backend: simulatedBackend(key) });

describe("proof envelope", () => {
  const key = simulatedKey("board-60");
  const market = marketText("board-60", 1);
  const verifier = createVerifier(key.file, key.identity);
  let envelope: Envelope;
  before(async () => {
    envelope = await proveEnvelope(prover(key), question("board-60", market));
  });

  const inputs = (document: unknown, change: Partial<EnvelopeInputs> = {}): EnvelopeInputs => ({
    envelope: { text: typeof document === "string" ? document : JSON.stringify(document), file: "proof.json" },
    policy: { text: policyText, file: "policy.json" },
    market: { text: market, file: "market.json" },
    ...change,
  });
  /** Reason and detail of a refusal, or "valid". */
  const outcome = async (document: unknown, change: Partial<EnvelopeInputs> = {}): Promise<string> => {
    const verdict = await verifyEnvelope({ verifierFor: () => verifier }, inputs(document, change));
    return verdict.ok ? "valid" : `${verdict.reason}: ${verdict.detail}`;
  };

  for (const size of BOARD_SIZES) {
    it(`verifies against the policy and market it was made under, ${size}`, async () => {
      const own = simulatedKey(size);
      const ownMarket = marketText(size, 2);
      const made = await proveEnvelope(prover(own), question(size, ownMarket));
      const given = inputs(made, { market: { text: ownMarket, file: "market.json" } });
      const verdict = await verifyEnvelope({ verifierFor: () => createVerifier(own.file, own.identity) }, given);
      expect(verdict).to.deep.include({ ok: true, size, states: { before: "claimed", after: "claimed" } });
    });
  }

  it("has the fields of the format, and reads back as itself", () => {
    expect(Object.keys(envelope)).to.deep.equal([
      "format",
      "size",
      "policySha256",
      "marketSha256",
      "statement",
      "verificationKey",
      "proof",
      "publicSignals",
      "signals",
    ]);
    expect(readEnvelope({ text: formatJson(envelope), file: "proof.json" })).to.deep.equal(envelope);
    expect(envelope.signals.slice(5)).to.deep.include({
      ...envelope.signals[6],
      from: 6,
      to: 200,
      name: "policy",
    });
    expect(envelope.signals.at(-1)).to.include({ from: 1297, to: 1301, name: "blocks" });
    const { account, text } = envelope.statement;
    expect(account).to.equal(envelope.publicSignals[1]);
    expect(text).to.equal(
      `The account with commitment ${account.slice(0, 4)}…${account.slice(-4)} covers its maintenance margin at least 1.5 ` +
        "times, at the prices of 22 November 2026, 08:00 UTC. Nothing moved in or out for this proof.",
    );
  });

  it("says a transfer, a fill, a side and a level in words, and verifies them", async () => {
    const fill = { ...noFill("board-60"), cash: 5n, blinding: 9n as FieldElement };
    const cases: [Transition, Partial<Question>, RegExp][] = [
      [
        { transfer: { asset: 0, amount: 125_000_000n }, fill, side: -1n },
        { level: levelBps(0n) },
        / has equity of zero or more, at .*\. This counts a deposit of 1\.25 units of one asset and one private trade\.$/,
      ],
      [
        { transfer: { asset: CASH_INDEX, amount: -1_500_000n }, fill, side: 1n },
        { level: levelBps(10_050n) },
        / at least 1\.005 times, .* counts a withdrawal of 1\.5 units of one asset and one private trade\.$/,
      ],
      [
        { transfer: { asset: CASH_INDEX, amount: -2n * 10n ** 12n }, fill: noFill("board-60"), side: 1n },
        { level: levelBps(6_000n), direction: "below" },
        / less than 0\.6 times, .* counts a withdrawal of 2,000,000 units of one asset\.$/,
      ],
    ];
    for (const [transition, change, words] of cases) {
      const made = await proveEnvelope(prover(key), question("board-60", market, { transition, ...change }));
      expect(made.statement.text).to.match(words);
      expect(await outcome(made)).to.equal("valid");
    }
  });

  it("says that a transfer is only claimed, however well the state before is known", async () => {
    const topUp = { transfer: { asset: CASH_INDEX, amount: 10n ** 14n }, fill: noFill("board-60"), side: 1n } as const;
    const asked = question("board-60", market, { transition: topUp });
    const made = await proveEnvelope(prover(key), asked);
    const after = commitState(applyTransition(asked.before, topUp));
    const codes = async (expectedStates: NonNullable<EnvelopeInputs["expectedStates"]>) => {
      const verdict = await verifyEnvelope({ verifierFor: () => verifier }, inputs(made, { expectedStates }));
      return verdict.ok && verdict.notProven.map(({ code }) => code);
    };
    expect(await codes({ before: commitState(asked.before) })).to.include.members([
      "STATES_CLAIMED",
      "TRANSFER_CLAIMED",
    ]);
    expect(await codes({ after })).to.not.include.members(["STATES_CLAIMED", "TRANSFER_CLAIMED"]);
  });

  it("U07: says what the account leaves out, in the sentence by number and in the statement by name", async () => {
    const exceptions = ["left out: binance DOGE", "left out: okx USDT debt"];
    const made = await proveEnvelope(prover(key), question("board-60", market, { exceptions }));
    expect(made.statement.exceptions).to.deep.equal(exceptions);
    expect(made.statement.text).to.match(/ The account's owner names 2 exceptions from its records\.$/);
    expect(await outcome(made)).to.equal("valid");
    const verdict = await verifyEnvelope({ verifierFor: () => verifier }, inputs(made));
    expect(verdict.ok && verdict.notProven.map(({ code }) => code)).to.include("EXCEPTIONS");
    const facts = describeEnvelope(made).facts.filter(({ label }) => label === "exception, as the owner names it");
    expect(facts.map(({ value }) => (value as Foreign).words)).to.deep.equal(exceptions);
    // None can be taken out, or replaced by another.
    const { statement } = made;
    const without = { ...statement, exceptions: undefined, text: envelope.statement.text };
    expect(await outcome({ ...made, statement: without })).to.match(/^SIGNAL_MISMATCH: public signal 5 \(context\)/);
    const other = { ...statement, exceptions: ["left out: binance DOGE", "left out: okx DAI debt"] };
    expect(await outcome({ ...made, statement: other })).to.match(/^SIGNAL_MISMATCH: public signal 5 \(context\)/);
    const twice = { ...statement, exceptions: [exceptions[0], exceptions[0]] };
    expect(await outcome({ ...made, statement: twice })).to.match(/^ENVELOPE_MALFORMED.*twice/);
  });

  it("refuses a proof under the key of a larger board, whose further signals nothing here would check", async () => {
    const larger = simulatedKey("board-240");
    const { level, direction, audience, account } = envelope.statement;
    const claim = { account, level: levelBps(BigInt(level)), direction, audience, fill: "none", side: 1n } as const;
    const files = { policy, market: readMarket(market, "market.json", policy) };
    const { draft, context } = draftEnvelope({ ...claim, transfer: NO_TRANSFER }, files, larger.identity);
    // What the statement fixes is as it says; the rest is what a prover would like.
    const fixed = envelope.publicSignals.map(BigInt).with(5, context);
    const chosen = [...fixed, ...Array<bigint>(publicInputsOf("board-240") - fixed.length).fill(0n)];
    const proof = larger.prove(chosen) as Envelope["proof"];
    const posing = completeEnvelope(draft, { publicSignals: chosen.map(String), proof });
    const strict = createVerifier(larger.file, larger.identity);
    expect(strict.verify(posing.publicSignals, posing.proof).ok).to.equal(true);
    const verdict = await verifyEnvelope({ verifierFor: () => strict as never }, inputs(posing));
    expect(verdict).to.deep.include({ ok: false, reason: "SIZE_MISMATCH" });
  });

  it("asks for the verifier of the reader's board, whatever board the document names", async () => {
    const asked: BoardSize[] = [];
    const verifierFor = (size: BoardSize) => {
      asked.push(size);
      return verifier;
    };
    const posing = { ...envelope, size: "board-240", signals: signalNotes("board-240") };
    const verdict = await verifyEnvelope({ verifierFor }, inputs(posing));
    expect(verdict).to.deep.include({ ok: false, reason: "SIZE_MISMATCH" });
    expect(asked).to.deep.equal(["board-60"]);
  });

  it("A04: refuses a proof of another level, direction or audience than the verifier asked for", async () => {
    const { level, direction, audience } = envelope.statement;
    const exact = { level: BigInt(level), direction, audience };
    expect(await outcome(envelope, { asked: exact })).to.equal("valid");
    for (const other of [
      { ...exact, level: exact.level + 1n },
      { ...exact, direction: direction === "below" ? "at-least" : "below" } as const,
      { ...exact, audience: `${audience} ` },
    ]) {
      expect(await outcome(envelope, { asked: other })).to.match(/^STATEMENT_UNEXPECTED/);
    }
  });

  it("says what is not proven: always completeness, the key's origin, and states only claimed", async () => {
    const codes = async (change: Partial<EnvelopeInputs>) => {
      const verdict = await verifyEnvelope({ verifierFor: () => verifier }, inputs(envelope, change));
      return verdict.ok && verdict.notProven.map(({ code }) => code);
    };
    expect(await codes({})).to.deep.equal(["DEVELOPMENT_KEY", "STATES_CLAIMED", "COMPLETENESS", "MARKET_VALUES"]);
    const { before, transition } = question("board-60", market);
    const states = { before: commitState(before), after: commitState(applyTransition(before, transition)) };
    const known = ["DEVELOPMENT_KEY", "COMPLETENESS", "MARKET_VALUES"];
    expect(await codes({ expectedStates: states })).to.deep.equal(known);
    // Nothing moved between the two states: either tells the other.
    expect(await codes({ expectedStates: { before: states.before } })).to.deep.equal(known);
    expect(await codes({ expectedStates: { after: states.after } })).to.deep.equal(known);
    expect(await outcome(envelope, { expectedStates: { after: states.before } })).to.match(
      /^STATE_UNEXPECTED: the commitment after .*\(stateAfter\)/,
    );
    expect(await outcome(envelope, { expectedStates: { before: states.after } })).to.match(
      /^STATE_UNEXPECTED: the commitment before .*\(stateBefore\)/,
    );
  });

  it("A01: refuses damaged public signals with a code, never an exception", async () => {
    const signals = envelope.publicSignals;
    const cases: [unknown, RegExp][] = [
      [[...signals, "0"], /^SIGNALS_COUNT/],
      [signals.slice(1), /^SIGNALS_COUNT/],
      [{}, /^SIGNALS_COUNT/],
      [signals.with(6, "0x1"), /^SIGNAL_NOT_CANONICAL/],
      [signals.with(6, `0${signals[6]}`), /^SIGNAL_NOT_CANONICAL/],
      [(signals as unknown[]).with(6, 1), /^SIGNAL_NOT_CANONICAL/],
      [(signals as unknown[]).with(6, 1e21), /^ENVELOPE_MALFORMED/],
      [signals.with(6, "-1"), /^SIGNAL_NOT_CANONICAL/],
      [signals.with(6, `${BigInt(signals[6]!) + FIELD_ORDER}`), /^SIGNAL_NOT_REDUCED/],
    ];
    for (const [publicSignals, reason] of cases) expect(await outcome({ ...envelope, publicSignals })).to.match(reason);
  });

  it("A02: refuses a damaged proof with a code", async () => {
    const { proof } = envelope;
    const q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
    const cases: [unknown, RegExp][] = [
      [{ ...proof, pi_a: [`${BigInt(proof.pi_a[0]) + q}`, ...proof.pi_a.slice(1)] }, /^COORDINATE_NOT_REDUCED/],
      [{ ...proof, pi_a: proof.pi_a.slice(0, 2) }, /^PROOF_FIELDS/],
      [{ ...proof, pi_c: [...proof.pi_c.slice(0, 2), "2"] }, /^POINT_NOT_AFFINE/],
      [{ ...proof, protocol: "plonk" }, /^PROOF_FIELDS/],
      [{ ...proof, curve: "bls12381" }, /^PROOF_FIELDS/],
      [{ ...proof, pi_a: proof.pi_c }, /^PAIRING_FAILED/],
      [null, /^PROOF_FIELDS/],
    ];
    for (const [damaged, reason] of cases) expect(await outcome({ ...envelope, proof: damaged })).to.match(reason);
  });

  it("A03: refuses a valid proof under somebody else's key", async () => {
    const other = simulatedKey("board-60", 9n);
    const theirs = await proveEnvelope(prover(other), question("board-60", market));
    expect(await outcome(theirs)).to.match(/^KEY_MISMATCH/);
    expect(await outcome({ ...theirs, verificationKey: envelope.verificationKey })).to.match(
      /^SIGNAL_MISMATCH: public signal 5 \(context\)/,
    );
    const ceremony = { ...envelope.verificationKey, origin: "ceremony" };
    expect(await outcome({ ...envelope, verificationKey: ceremony })).to.match(/^KEY_MISMATCH/);
  });

  it("A04: refuses signals in another order, naming the first that differs", async () => {
    const signals = envelope.publicSignals;
    const swapped = (one: number, two: number) => signals.with(one, signals[two]!).with(two, signals[one]!);
    const cases: [readonly string[], RegExp][] = [
      [swapped(0, 1), /^SIGNAL_MISMATCH: public signal 1 \(stateAfter\) is not what the statement says/],
      [swapped(2, 4), /^SIGNAL_MISMATCH: public signal 2 \(transfer\) is not what the statement says/],
      [swapped(3, 5), /^SIGNAL_MISMATCH: public signal 3 \(fill\)/],
      [swapped(6, 202), /^SIGNAL_MISMATCH: public signal 6 \(policy\[0\]\) is not what the policy says/],
      [swapped(201, 202), /^SIGNAL_MISMATCH: public signal 201 \(debtRate\[0\]\) is not what the policy says/],
      [swapped(202, 203), /^SIGNAL_MISMATCH: public signal 202 \(prices\[0\]\) is not what the market says/],
      [swapped(217, 218), /^SIGNAL_MISMATCH: public signal 217 \(rows\[0\]\)/],
      [swapped(1297, 1298), /^SIGNAL_MISMATCH: public signal 1297 \(blocks\[0\]\)/],
    ];
    for (const [publicSignals, reason] of cases) expect(await outcome({ ...envelope, publicSignals })).to.match(reason);
  });

  it("A04: refuses the same proof with any other statement", async () => {
    const { statement } = envelope;
    const changed = (change: object) => ({ ...envelope, statement: { ...statement, ...change } });
    const said = (words: string | RegExp, others: string) => statement.text.replace(words, others);
    const still = "Nothing moved in or out for this proof.";
    const cases: [object, RegExp][] = [
      [{ audience: "another lender" }, /^SIGNAL_MISMATCH: public signal 5 \(context\)/],
      [{ text: said("1.5 times", "3.0 times") }, /^ENVELOPE_MALFORMED.*statement\.text/],
      [{ level: "30000", text: said("1.5 times", "3.0 times") }, /^SIGNAL_MISMATCH: public signal 4 \(terms\)/],
      [{ direction: "below", text: said("at least", "less than") }, /^SIGNAL_MISMATCH.*\(terms\)/],
      [
        { account: "7", text: said(/commitment \S+/, "commitment 7") },
        /^SIGNAL_MISMATCH: public signal 1 \(stateAfter\)/,
      ],
      [{ account: `${BigInt(statement.account) + FIELD_ORDER}` }, /^ENVELOPE_MALFORMED.*statement\.account/],
      [{ side: "-1" }, /^SIGNAL_MISMATCH.*\(terms\)/],
      [{ fill: "private", text: said(still, "This counts one private trade.") }, /^SIGNAL_MISMATCH.*\(context\)/],
      [
        { transfer: { asset: "BTC", amount: "1" }, text: said(still, "This counts a deposit of 1 unit of one asset.") },
        /^SIGNAL_MISMATCH: public signal 2 \(transfer\)/,
      ],
      [{ transfer: { asset: "ETH", amount: "0" } }, /^SIGNAL_MISMATCH: public signal 2 \(transfer\)/],
      [{ transfer: { asset: "SOL", amount: "0" } }, /^STATEMENT_MISMATCH/],
      [{ epoch: "8" }, /^STATEMENT_MISMATCH: statement.epoch/],
      [{ epoch: "7, and more" }, /^ENVELOPE_MALFORMED.*statement\.epoch/],
      [{ board: "other" }, /^STATEMENT_MISMATCH: statement.board/],
      [
        { marketTime: "2026-11-22T08:00:01Z", text: said("08:00", "08:00:01") },
        /^STATEMENT_MISMATCH: statement.marketTime/,
      ],
      [{ marketTime: "today" }, /^ENVELOPE_MALFORMED.*statement\.marketTime/],
      [{ level: "015000" }, /^ENVELOPE_MALFORMED/],
      [{ level: "15000.0" }, /^ENVELOPE_MALFORMED/],
      [{ extra: "" }, /^ENVELOPE_MALFORMED/],
      [{ exceptions: ["left out: binance DOGE"] }, /^ENVELOPE_MALFORMED.*statement\.text/],
      // Absent where there are none, so that nothing is written in two ways.
      [{ exceptions: [] }, /^ENVELOPE_MALFORMED.*statement\.exceptions/],
    ];
    for (const [change, reason] of cases)
      expect(await outcome(changed(change)), JSON.stringify(change)).to.match(reason);
  });

  it("A04: refuses notes that say something else of the signals", async () => {
    const renamed = envelope.signals.map((note) =>
      note.name === "stateAfter" ? { ...note, meaning: "anything" } : note,
    );
    expect(await outcome({ ...envelope, signals: renamed })).to.match(/^ENVELOPE_MALFORMED.*signals/);
  });

  it("A05: refuses other policy or market data, naming which", async () => {
    const otherPolicy = formatJson({ ...POLICY, levels: { ...POLICY.levels, initial: "15001" } });
    const otherMarket = market.replace('"epoch": "7"', '"epoch": "8"');
    const file = "x.json";
    expect(await outcome(envelope, { policy: { text: otherPolicy, file } })).to.match(/^POLICY_MISMATCH/);
    expect(await outcome(envelope, { market: { text: otherMarket, file } })).to.match(/^MARKET_MISMATCH/);
    expect(await outcome(envelope, { market: { text: marketText("board-240", 1), file } })).to.match(
      /^MARKET_MISMATCH/,
    );
    expect(await outcome(envelope, { policy: { text: market, file } })).to.match(/^POLICY_MALFORMED: x.json/);
    expect(await outcome(envelope, { market: { text: policyText, file } })).to.match(/^MARKET_MALFORMED: x.json/);
    expect(await outcome(envelope, { policy: { text: "{", file } })).to.match(/^POLICY_MALFORMED: x.json, line 1/);
    const otherHash = { ...envelope, marketSha256: envelope.policySha256 };
    expect(await outcome(otherHash)).to.match(/^MARKET_MISMATCH/);
    // The same data in another layout are the same data.
    const compact = { text: JSON.stringify(JSON.parse(market)), file };
    expect(await outcome(envelope, { market: compact })).to.equal("valid");
  });

  it("A05: refuses an honest proof whose hashes were exchanged for those of other data", async () => {
    const otherMarket = marketText("board-60", 3);
    const { sha256 } = readMarket(otherMarket, "market.json", policy);
    const passed = { ...envelope, marketSha256: sha256 };
    expect(await outcome(passed, { market: { text: otherMarket, file: "market.json" } })).to.match(/^SIGNAL_MISMATCH/);
  });

  it("refuses what is no envelope, whatever it is", async () => {
    const text = JSON.stringify(envelope);
    const malformed = [
      "",
      "null",
      "[]",
      "{}",
      text.slice(0, -1),
      text.replace("plimsoll-proof/2", "plimsoll-proof/1"),
      text.replace('"size":', '"size":"board-60","size":'),
      text.replace('"size":', '"__proto__":{},"size":'),
      text.replace("board-60", "board-61"),
      text.replace(envelope.policySha256, envelope.policySha256.toUpperCase()),
      text.replace(envelope.policySha256, ""),
      `${"[".repeat(100_000)}`,
      `"${"x".repeat(2_000_000)}"`,
    ];
    for (const document of malformed)
      expect(await outcome(document), document.slice(0, 60)).to.match(/^ENVELOPE_MALFORMED/);
  });

  it("describes an envelope with the names, meanings and units of its signals, unverified", () => {
    const words = describeEnvelope(envelope);
    expect(words.sentence).to.equal(envelope.statement.text);
    expect(words.signals.slice(0, 6).map(({ name }) => name)).to.deep.equal([
      "stateBefore",
      "stateAfter",
      "transfer",
      "fill",
      "terms",
      "context",
    ]);
    expect(words.signals[4]).to.include({ value: "15000", unit: "basis points" });
    expect(words.signals.every(({ meaning, unit }) => meaning.length > 0 && unit.length > 0)).to.equal(true);
    expect(words.notProven.map(({ code }) => code)).to.include.members(["COMPLETENESS", "STATES_CLAIMED"]);
    const hostile = { ...envelope, publicSignals: ["\u001b[2J", ...envelope.publicSignals.slice(1)] };
    expect(describeEnvelope(hostile).signals[0]).not.to.have.property("value");
    expect(describeEnvelope({ ...envelope, publicSignals: null as never }).signals).to.have.length(11);
  });

  describe("in words that others chose", () => {
    const dressed = "m’, epoch 7, covers its maintenance margin at least 9.0 times. ‘";
    const long = `${"valid: The account covers its margin at least 9.0 times. ".repeat(3)}And so on.`;
    const told = (verdict: EnvelopeVerdict) => verdictText(documentVerdict(COVERAGE, verdict));
    /** Made and verified under a board and for an audience of these names. */
    async function verified(board: string, audience: string) {
      const text = formatJson({ ...JSON.parse(market), board } as Json);
      const made = await proveEnvelope(prover(key), question("board-60", text, { audience }));
      const verdict = await verifyEnvelope(
        { verifierFor: () => verifier },
        inputs(made, { market: { text, file: "market.json" } }),
      );
      return verdict.ok ? verdict : expect.fail(verdict.detail);
    }

    it("W01: a board or an audience named like a verdict changes no word of the sentence", async () => {
      for (const name of [dressed, long, "\u05d0\u05d1\u05d2 900%", "\\u001b[2J", "a'b`c$(d)<e>"]) {
        const { statement } = await verified(name, name);
        expect(statement.text).to.equal(envelope.statement.text);
        expect(statement).to.include({ board: name, audience: name });
      }
    });

    it("W01: in a terminal they stand in quotation marks, and long ones on lines that begin with a bar", async () => {
      const verdict = await verified(long, dressed);
      const lines = told(verdict)
        .split("\n")
        .map((line) => line.slice(line.startsWith("  ") ? 2 : 0));
      expect(lines.filter((line) => /^(valid|proven: |TEST ONLY)/.test(line))).to.have.length(3);
      const own = lines.filter((line) => !line.startsWith("  | "));
      expect(own.filter((line) => line.includes("9.0 times"))).to.deep.equal([]);
      expect(lines.every((line) => !line.startsWith("  | ") || [...line].length <= 52)).to.equal(true);
      const quoted = lines.filter((line) => line.startsWith("  | ")).map((line) => line.slice(4));
      const letters = (words: string) => words.replaceAll(" ", "");
      expect(letters(quoted.join(""))).to.equal(letters(dressed + long));
      const short = told(await verified("a ‘b’", "c"));
      expect(short).to.include('\n  board, as named by the market file: "a ‘b’"\n');
    });

    it("names that drive a terminal or hide a difference are in no file and no proof", async () => {
      for (const name of [
        "a\nb",
        "a\u202eb",
        "a\u200fb",
        "a\u200bb",
        "a\u001b[2Jb",
        'a"b',
        "a“b",
        "a''b",
        "\u0301a",
        "",
        " a",
        "a".repeat(201),
      ]) {
        const text = formatJson({ ...JSON.parse(market), board: name } as Json);
        expect(() => readMarket(text, "market.json", policy)).to.throw(PlimsollError);
        const refused = await proveEnvelope(prover(key), question("board-60", market, { audience: name })).catch(
          (error: unknown) => error,
        );
        expect(refused, JSON.stringify(name))
          .to.be.instanceOf(PlimsollError)
          .and.deep.include({ code: "FIELD_INVALID", place: { field: "audience" } });
        expect(await outcome({ ...envelope, statement: { ...envelope.statement, audience: name } })).to.match(
          /^ENVELOPE_MALFORMED/,
        );
      }
    });
  });

  it("is worth nothing under a key that its maker can forge with, and says so before it says valid", async () => {
    for (const [origin, first] of [
      ["development", /^TEST ONLY \(DEVELOPMENT_KEY\), worth nothing as evidence\./],
      ["rehearsal", /^TEST ONLY \(REHEARSAL_KEY\), worth nothing as evidence\./],
      ["ceremony", /^valid\nproven: The account/],
    ] as const) {
      const own = { ...key, identity: { ...key.identity, origin } };
      const made = await proveEnvelope(prover(own), question("board-60", market));
      const verdict = await verifyEnvelope({ verifierFor: () => createVerifier(own.file, own.identity) }, inputs(made));
      if (!verdict.ok) expect.fail(verdict.detail);
      expect(verdict.evidence).to.equal(origin === "ceremony");
      expect(verdictText(documentVerdict(COVERAGE, verdict))).to.match(first);
    }
    expect(testOnly(["ceremony", "ceremony"])).to.equal(undefined);
    expect(testOnly(["ceremony", "rehearsal"])).to.match(/^TEST ONLY/);
  });

  it("holds nothing private", () => {
    const { before, transition } = question("board-60", market);
    const after = applyTransition(before, transition);
    const text = JSON.stringify(envelope);
    for (const secret of [before.cash, before.viewingKey, after.viewingKey + after.sequence]) {
      expect(text).not.to.match(new RegExp(`"${secret}"`));
    }
  });
});

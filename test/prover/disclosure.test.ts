// SPDX-License-Identifier: GPL-3.0-or-later
/** Disclosures end to end in the library: real proofs, strict verification, and what neither side can make of the other's. */

import { expect } from "chai";
import * as snarkjs from "snarkjs";
import { makeAuditorKey } from "../../prover/src/app/auditor-key.ts";
import { type DisclosureOrder, proveDisclosure, simulateDisclosure } from "../../prover/src/app/disclose.ts";
import { type DisclosureInputs, verifyDisclosure } from "../../prover/src/app/verify-disclosure.ts";
import {
  type AuditorKey,
  checkPossession,
  POSSESSION_CIRCUIT,
  readAuditorKey,
  readAuditorSecret,
} from "../../prover/src/document/auditor-key.ts";
import {
  cellOf,
  type DisclosureEnvelope,
  figureValue,
  namedFigure,
  readDisclosure,
} from "../../prover/src/document/disclosure.ts";
import {
  type Answer,
  BUDGET,
  type DisclosureLedger,
  EMPTY_LEDGER,
  excessOf,
  type LedgerStore,
  readLedger,
  recorded,
} from "../../prover/src/document/disclosure-ledger.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { listingSha256, readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { commitAuditorSecret, commitState } from "../../prover/src/model/commit.ts";
import { figureOf, weightsOf } from "../../prover/src/model/figure.ts";
import { loadVerificationKey } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { disclosureSignals } from "../../prover/src/statement/disclosure.ts";
import { circuitOf, FAMILIES } from "../../prover/src/statement/families.ts";
import { randomAccount, randomMarket, randomPolicy, seededRng } from "../support/random.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const SECRET = readAuditorSecret({ text: "1234567890123456789012345678901234567890\n", file: "auditor.secret" });
const OTHER_SECRET = 99_999n as FieldElement;
const NOW = new Date("2026-11-28T08:00:00.900Z");

/** A ledger that nobody else has. */
function memoryLedger(ledger = EMPTY_LEDGER): LedgerStore {
  return {
    read: async () => ledger,
    async update(change) {
      ledger = change(ledger);
    },
  };
}

describe("a disclosure", function () {
  this.timeout(120_000);
  const prover = createProver();
  after(() => prover.close());
  after(endSnarkjsThreads);

  const firm = sampleFirm();
  const text = (document: unknown) => formatJson(document);
  const policyText = { text: text(firm.policy), file: "policy.json" };
  const marketText = { text: text(firm.market), file: "market.json" };
  const policy = readPolicy(policyText.text, policyText.file);
  const market = readMarket(marketText.text, marketText.file, policy);
  const { account: held } = readAccount(text(firm.atlas), "account.json", policy, market);
  const account = { ...held, viewingKey: 424_242n as FieldElement };
  const state = commitState(account);
  const common = { audience: "request 9", policy, market };
  const equity = namedFigure("equity", policy, market);
  const step = 10n ** 26n; // a million
  const band = cellOf(figureValue(account, equity, policy, market), step);
  let honest: DisclosureEnvelope;
  let key: AuditorKey;

  before(async () => {
    key = await makeAuditorKey({ prover }, { secret: SECRET, holder: "Aldgate & Partners" });
    honest = await disclose({ figure: equity, question: { step } });
  });

  /** To the auditor, from a firm that has disclosed nothing yet and has given its word that it may be too much. */
  async function disclose(order: Pick<DisclosureOrder, "figure" | "question"> & Partial<DisclosureOrder>) {
    const machine = { prover, verifierFor: loadVerifier, ledger: memoryLedger(), now: () => NOW };
    const { envelope } = await proveDisclosure(machine, { ...common, account, to: key, overBudget: true, ...order });
    return envelope;
  }
  const simulate = (said: Partial<Parameters<typeof simulateDisclosure>[1]>) =>
    simulateDisclosure({ prover }, { ...common, state, figure: equity, band, secret: SECRET, ...said });

  const verify = (envelope: object | string, inputs: Partial<DisclosureInputs> = {}) =>
    verifyDisclosure(
      { verifierFor: loadVerifier },
      {
        envelope: { text: typeof envelope === "string" ? envelope : text(envelope), file: "disclosure.json" },
        policy: policyText,
        market: marketText,
        secret: SECRET,
        ...inputs,
      },
    );
  const reason = async (envelope: object | string, inputs?: Partial<DisclosureInputs>) => {
    const verdict = await verify(envelope, inputs);
    return verdict.ok ? "accepted" : verdict.reason;
  };

  it("convinces its auditor, and says what it does not show and what it rests on", async () => {
    const verdict = await verify(honest, { expectedState: state, asked: { figure: "equity", audience: "request 9" } });
    if (!verdict.ok) expect.fail(verdict.detail);
    expect(verdict.statement.text).equal(
      `The account with commitment ${state.toString().slice(0, 4)}…${state.toString().slice(-4)} has equity of at least ` +
        "11,000,000 and at most 12,000,000 in the currency of its policy, at the prices of 22 November 2026, 08:00 UTC.",
    );
    expect(verdict.evidence).equal(false);
    expect(verdict.state).deep.equal({ commitment: state, known: "expected" });
    expect(verdict.notProven.map(({ code }) => code)).deep.equal([
      "DEVELOPMENT_KEY",
      "LISTING_AS_GIVEN",
      "COMPLETENESS",
      "MARKET_VALUES",
      "DESIGNATED",
    ]);
    const claimed = await verify(honest);
    expect(claimed.ok && claimed.notProven.map(({ code }) => code)).include("STATE_CLAIMED");
  });

  it("A03: a holding under another's name is refused by whoever knows the names that the account is kept under", async () => {
    const [first, second, ...others] = firm.market.instruments as unknown as { symbol: string }[];
    const renamed = [
      { ...first, symbol: second!.symbol },
      { ...second, symbol: first!.symbol },
    ];
    const hostile = { text: text({ ...firm.market, instruments: [...renamed, ...others] }), file: "market.json" };
    const otherMarket = readMarket(hostile.text, hostile.file, policy);
    const figure = namedFigure(`instrument:${second!.symbol}`, policy, otherMarket);
    const lie = await disclose({ market: otherMarket, figure, question: "exact" });
    const verdict = await verify(lie, { market: hostile, expectedState: state });
    expect(verdict.ok && verdict.notProven.map(({ code }) => code)).include("LISTING_AS_GIVEN");
    const expectedListing = listingSha256(policy, market);
    expect(await reason(lie, { market: hostile, expectedListing })).equal("LISTING_UNEXPECTED");
    const known = await verify(honest, { expectedListing });
    expect(known.ok && known.notProven.map(({ code }) => code)).not.include("LISTING_AS_GIVEN");
  });

  it("shows nothing to another auditor, whose key may be the firm's own invention", async () => {
    expect(await reason(honest, { secret: OTHER_SECRET })).equal("AUDITOR_MISMATCH");
    // The firm makes a key itself, and with its secret any lie: only the reader's own secret tells him.
    const lie = await simulate({ secret: OTHER_SECRET, band: { low: 10n ** 30n } });
    expect(await reason(lie)).equal("AUDITOR_MISMATCH");
    expect(await reason(lie, { secret: OTHER_SECRET })).equal("accepted");
    // Renamed to the auditor's key, it is a proof of something else.
    expect(await reason({ ...lie, auditor: key.key })).equal("PAIRING_FAILED");
    // An honest one cannot be turned to another auditor either.
    const other = commitAuditorSecret(OTHER_SECRET).toString();
    expect(await reason({ ...honest, auditor: other }, { secret: OTHER_SECRET })).equal("PAIRING_FAILED");
  });

  it("can be made by the auditor himself, of a false figure, and nobody can tell; by others it cannot", async () => {
    const exact = namedFigure("asset:BTC", policy, market);
    const band = { low: 5n, high: 5n };
    const simulated = await simulate({ figure: exact, band });
    const verdict = await verify(simulated, { expectedState: state });
    expect(verdict.ok && verdict.statement.text).match(/ holds exactly 0\.00000005 units of one asset\.$/);
    expect(Object.keys(simulated)).deep.equal(Object.keys(honest));
    const refused = await disclose({ figure: exact, question: band }).catch((error: unknown) => error);
    expect(refused).instanceOf(PlimsollError).with.property("code", "STATEMENT_FALSE");
    const foreign = await simulate({ figure: exact, band, secret: OTHER_SECRET });
    expect(await reason({ ...foreign, auditor: key.key })).equal("PAIRING_FAILED");
  });

  it("A03, A04, A05: is refused with another policy, market, key, state, figure, request or words, each by name", async () => {
    const fallen = { text: text(firm.marketAfterFall), file: "market.json" };
    const { statement } = honest;
    for (const [change, inputs, expected] of [
      [{}, { market: fallen }, "MARKET_MISMATCH"],
      [{}, { policy: { text: text({ ...firm.policy, name: "another" }), file: "p" } }, "POLICY_MISMATCH"],
      [{}, { policy: { text: "{}", file: "p" } }, "POLICY_MALFORMED"],
      [{}, { expectedState: state + 1n }, "STATE_UNEXPECTED"],
      [{}, { asked: { figure: "cash" } }, "STATEMENT_UNEXPECTED"],
      [{}, { asked: { audience: "request 10" } }, "STATEMENT_UNEXPECTED"],
      [{ statement: { ...statement, account: (state + FIELD_ORDER).toString() } }, {}, "ENVELOPE_MALFORMED"],
      [{ auditor: `0${key.key}` }, {}, "ENVELOPE_MALFORMED"],
      [{ size: "board-240" }, {}, "SIZE_MISMATCH"],
      [{ verificationKey: { ...honest.verificationKey, sha256: "0".repeat(64) } }, {}, "KEY_MISMATCH"],
      [{ verificationKey: { ...honest.verificationKey, origin: "ceremony" } }, {}, "KEY_MISMATCH"],
      [{ statement: { ...statement, low: "9000000" } }, {}, "ENVELOPE_MALFORMED"],
      [{ statement: { ...statement, text: `${statement.text} Really.` } }, {}, "ENVELOPE_MALFORMED"],
      [{ extra: "1" }, {}, "ENVELOPE_MALFORMED"],
      [{ proof: { ...honest.proof, pi_a: honest.proof.pi_c } }, {}, "PAIRING_FAILED"],
      [{ proof: {} }, {}, "PROOF_FIELDS"],
    ] as const) {
      expect(await reason({ ...honest, ...change }, inputs), JSON.stringify([change, Object.keys(inputs)])).equal(
        expected,
      );
    }
  });

  it("A04: is refused with words that follow from each other, and not from policy, market or proof", async () => {
    const { statement } = honest;
    /** A consistent statement of something else. */
    const said = (change: Partial<typeof statement>) => {
      const next = { ...statement, ...change };
      const { account, figure, low, high, marketTime } = next;
      const grouped = (text: string | null) => text!.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ",");
      const band = low === high ? `exactly ${grouped(low)}` : `at least ${grouped(low)} and at most ${grouped(high)}`;
      const day = Number(marketTime.slice(8, 10));
      const held = {
        equity: `has equity of ${band} in the currency of its policy, at the prices of ${day} November 2026, 08:00 UTC`,
        cash: `has cash of ${band} in the currency of its policy`,
      }[figure];
      const holding = `holds ${band} units of one asset`;
      const words = `The account with commitment ${account.slice(0, 4)}…${account.slice(-4)} ${held ?? holding}.`;
      return { ...honest, statement: { ...next, text: words } };
    };
    expect(await reason(said({}))).equal("accepted");
    for (const [change, expected] of [
      [{ low: "9000000" }, "PAIRING_FAILED"],
      [{ high: "13000000" }, "PAIRING_FAILED"],
      [{ audience: "request 10" }, "PAIRING_FAILED"],
      [{ account: (state + 1n).toString() }, "PAIRING_FAILED"],
      [{ figure: "cash" }, "PAIRING_FAILED"],
      [{ low: "10000000.0" }, "STATEMENT_MISMATCH"],
      [{ low: "11000000", high: "10000000" }, "STATEMENT_MISMATCH"],
      [{ low: `-${"9".repeat(30)}` }, "STATEMENT_MISMATCH"],
      [{ unit: "BTC" }, "STATEMENT_MISMATCH"],
      [{ board: "another" }, "STATEMENT_MISMATCH"],
      [{ epoch: "8" }, "STATEMENT_MISMATCH"],
      [{ marketTime: "2026-11-23T08:00:00Z" }, "STATEMENT_MISMATCH"],
      [{ figure: "asset:DOGE" }, "STATEMENT_MISMATCH"],
      [{ figure: "assetBTC" }, "ENVELOPE_MALFORMED"],
      [{ figure: "Equity" }, "ENVELOPE_MALFORMED"],
      [{ figure: "asset:BTC and more" }, "ENVELOPE_MALFORMED"],
    ] as const) {
      expect(await reason(said(change)), JSON.stringify(change)).equal(expected);
    }
  });

  it("C17: each public signal of its own is bound by the proof", async () => {
    const verifier = await loadVerifier("disclosure-60");
    const weights = weightsOf(equity.figure, policy.policy, market.market);
    const context = 5n;
    const auditor = BigInt(key.key) as FieldElement;
    const { proof, publicSignals } = await prover.disclose({ account, band, auditor, context, weights });
    expect(publicSignals).deep.equal(disclosureSignals({ state, band, auditor, context, weights }).map(String));
    expect(verifier.verify(publicSignals, proof).ok).equal(true);
    for (const [index] of FAMILIES.disclosure.own.entries()) {
      const changed = publicSignals.with(index, ((BigInt(publicSignals[index]!) + 1n) % FIELD_ORDER).toString());
      expect(verifier.verify(changed, proof), FAMILIES.disclosure.own[index]).deep.include({
        reason: "PAIRING_FAILED",
      });
    }
  });

  for (const size of ["board-240", "board-480"] as const) {
    it(`verifies on ${size} with snarkjs and with the strict verifier; with a changed signal with neither`, async () => {
      const rng = seededRng(5);
      const large = randomAccount(rng, size, "typical");
      const weights = weightsOf({ kind: "equity" }, randomPolicy(rng, "typical"), randomMarket(rng, size, "typical"));
      const figure = figureOf(large, weights);
      const request = { account: large, band: { low: figure, high: figure }, auditor: 6n as FieldElement, context: 7n };
      const made = await prover.disclose({ ...request, weights });
      const circuit = circuitOf("disclosure", size);
      expect(made.size).equal(circuit);
      const strict = await loadVerifier(circuit);
      const { verificationKey } = await loadVerificationKey(circuit);
      for (const [signals, ok] of [
        [made.publicSignals, true],
        [made.publicSignals.with(1, "1"), false],
      ] as const) {
        expect(strict.verify(signals, made.proof).ok).equal(ok);
        expect(await snarkjs.groth16.verify(verificationKey as never, [...signals], made.proof as never)).equal(ok);
      }
    });
  }

  it("reads nothing that is not of its format", () => {
    for (const change of [
      { format: "plimsoll-disclosure/1" },
      { statement: { ...honest.statement, low: null, high: null } },
      { statement: { ...honest.statement, account: "-1" } },
      { auditor: -1 },
      { auditor: "0x10" },
    ]) {
      expect(() => readDisclosure({ text: text({ ...honest, ...change }), file: "d.json" }))
        .throw(PlimsollError)
        .with.property("code", "FIELD_INVALID");
    }
  });

  describe("an auditor's key", () => {
    it("shows that somebody has its secret; a key of another, a name changed, or a key out of thin air does not", async () => {
      const verifier = await loadVerifier(POSSESSION_CIRCUIT);
      expect(readAuditorKey({ text: text(key), file: "key.json" })).deep.equal(key);
      expect(checkPossession(key, verifier).ok).equal(true);
      for (const change of [
        { key: commitAuditorSecret(OTHER_SECRET).toString() },
        { key: "123456789" },
        { holder: "Somebody else" },
        { possession: honest.proof },
        { verificationKey: { ...key.verificationKey, sha256: "0".repeat(64) } },
      ]) {
        expect(checkPossession({ ...key, ...change }, verifier).ok, Object.keys(change).join()).equal(false);
      }
      // Nor is it a disclosure of anything: no reader takes an empty band.
      expect(await reason({ ...honest, proof: key.possession })).equal("PAIRING_FAILED");
    });

    it("P01: is read strictly, and so is its secret, which no error repeats", () => {
      for (const secret of [
        "",
        "0",
        "-1",
        "1.5",
        "0x10",
        " 7",
        "7\n8",
        "1e9",
        FIELD_ORDER.toString(),
        "9".repeat(78),
      ]) {
        const error = (() => {
          try {
            return readAuditorSecret({ text: secret, file: "auditor.secret" });
          } catch (thrown) {
            return thrown;
          }
        })();
        expect(error, secret).instanceOf(PlimsollError);
        if (secret.length > 5) expect((error as Error).message).not.contain(secret);
      }
      for (const change of [{ key: FIELD_ORDER.toString() }, { key: "01" }, { holder: "" }, { more: "1" }]) {
        expect(() => readAuditorKey({ text: text({ ...key, ...change }), file: "key.json" }))
          .throw(PlimsollError)
          .with.property("code", "FIELD_INVALID");
      }
    });
  });
});

describe("the leakage budget", () => {
  const answer = (change: Partial<Answer> = {}): Answer => ({
    time: "2026-11-28T08:00:00Z",
    figure: "equity",
    question: "step 1000000",
    subject: "a",
    auditor: "1",
    ...change,
  });
  const wide = { value: 30n, width: 1n };
  const given = (...answers: Answer[]): DisclosureLedger => answers.reduce(recorded, EMPTY_LEDGER);

  it("lets the same grid be asked again, and the same answer be given to anybody for nothing", () => {
    expect(excessOf(EMPTY_LEDGER, answer(), wide)).deep.equal([]);
    expect(excessOf(given(answer()), answer({ subject: "b" }), wide)).deep.equal([]);
    const full = given(...["a", "b", "c", "d"].map((subject) => answer({ subject })));
    expect(full.answers).length(BUDGET.answers);
    expect(excessOf(full, answer({ subject: "c", auditor: "2" }), { value: 30n, width: 0n })).deep.equal([]);
    expect(recorded(full, answer({ subject: "c", auditor: "2" }))).equal(full);
  });

  it("counts answers over all figures and auditors for 30 days, and no longer", () => {
    const full = given(...["a", "b", "c", "d"].map((figure) => answer({ figure, auditor: figure })));
    expect(excessOf(full, answer({ figure: "e" }), wide)).deep.equal(["TOO_MANY"]);
    expect(excessOf(full, answer({ figure: "e", time: "2026-12-28T07:59:59Z" }), wide)).deep.equal(["TOO_MANY"]);
    expect(excessOf(full, answer({ figure: "e", time: "2026-12-28T08:00:00Z" }), wide)).deep.equal([]);
  });

  it("takes no other grid of a figure, nor a band beside it, nor one that is narrow", () => {
    const one = given(answer());
    for (const question of ["step 999999", "band 1 2", "band 1 open", "exact"]) {
      expect(excessOf(one, answer({ question, subject: "b" }), wide)).deep.equal(["OTHER_QUESTION"]);
    }
    expect(excessOf(one, answer({ figure: "cash", question: "step 5" }), wide)).deep.equal([]);
    for (const value of [0n, 1n, -1n, 100n]) {
      expect(excessOf(EMPTY_LEDGER, answer(), { value, width: 0n })).deep.equal(["TOO_NARROW"]);
    }
    expect(excessOf(EMPTY_LEDGER, answer(), { value: -320n, width: 10n })).deep.equal([]);
    expect(excessOf(EMPTY_LEDGER, answer(), { value: -321n, width: 10n })).deep.equal(["TOO_NARROW"]);
    expect(excessOf(EMPTY_LEDGER, answer(), { value: 1n << 90n, width: undefined })).deep.equal([]);
  });

  it("keeps its ledger in a file that is read strictly", () => {
    const ledger = given(answer(), answer({ subject: "b" }));
    const read = (document: object) => readLedger({ text: formatJson(document), file: "disclosures.json" });
    expect(read(ledger)).deep.equal(ledger);
    for (const change of [{ format: "x" }, { answers: [{}] }, { answers: [{ ...answer(), time: "yesterday" }] }]) {
      expect(() => read({ ...ledger, ...change })).throw(PlimsollError);
    }
  });

  it("puts a figure into the cell of its grid that begins at or below it", () => {
    for (const [value, low] of [
      [0n, 0n],
      [9n, 0n],
      [10n, 10n],
      [-1n, -10n],
      [-10n, -10n],
      [-11n, -20n],
    ] as const) {
      expect(cellOf(value, 10n)).deep.equal({ low, high: low + 10n });
    }
  });
});

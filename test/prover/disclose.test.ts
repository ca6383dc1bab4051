// SPDX-License-Identifier: GPL-3.0-or-later
/** The rules that protect who discloses, as the library has them: the leakage budget and the auditor's possession. */
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { makeAuditorKey } from "../../prover/src/app/auditor-key.ts";
import { type DiscloseMachine, type DisclosureOrder, proveDisclosure } from "../../prover/src/app/disclose.ts";
import type { AuditorKey } from "../../prover/src/document/auditor-key.ts";
import { namedFigure } from "../../prover/src/document/disclosure.ts";
import {
  BUDGET,
  type DisclosureLedger,
  EMPTY_LEDGER,
  type LedgerStore,
  readLedger,
} from "../../prover/src/document/disclosure-ledger.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import * as library from "../../prover/src/index.ts";
import { fileLedger } from "../../prover/src/node/disclosure-ledger.ts";
import { withLock } from "../../prover/src/node/lock.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";

const NOW = new Date("2026-11-28T08:00:00.900Z");

describe("proveDisclosure, as the library exports it", function () {
  this.timeout(120_000);
  const prover = createProver();
  after(() => prover.close());

  const firm = sampleFirm();
  const text = (document: unknown) => formatJson(document);
  const policy = readPolicy(text(firm.policy), "policy.json");
  const market = readMarket(text(firm.market), "market.json", policy);
  const { account: held } = readAccount(text(firm.atlas), "account.json", policy, market);
  const account = { ...held, viewingKey: 424_242n as FieldElement };
  const figure = namedFigure("equity", policy, market);
  const step = 10n ** 26n; // a million
  let to: AuditorKey;
  let folder: string;
  before(async () => {
    to = await makeAuditorKey({ prover }, { secret: 7n as FieldElement, holder: "Aldgate & Partners" });
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-ledger-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A ledger in memory, and what was done to it. */
  class Memory implements LedgerStore {
    ledger: DisclosureLedger = EMPTY_LEDGER;
    async read() {
      return this.ledger;
    }
    async update(change: (ledger: DisclosureLedger) => DisclosureLedger) {
      this.ledger = change(this.ledger);
    }
  }
  function disclose(ledger: LedgerStore, order: Partial<DisclosureOrder> = {}, machine: Partial<DiscloseMachine> = {}) {
    const audience = "request 9";
    return proveDisclosure(
      { prover, verifierFor: loadVerifier, ledger, now: () => NOW, ...machine },
      { account, figure, question: { step }, audience, policy, market, to, ...order },
    );
  }
  /** The code that refuses, or "disclosed". */
  const outcome = (...given: Parameters<typeof disclose>) =>
    disclose(...given).then(
      () => "disclosed",
      (error: unknown) => (error instanceof PlimsollError ? error.code : error),
    );

  it("U17: is the one way that the library has to disclose", () => {
    expect(library.proveDisclosure).equal(proveDisclosure);
    const ways = Object.keys(library).filter((name) => /disclos/i.test(name));
    expect(ways.sort()).deep.equal(["proveDisclosure", "readDisclosure", "simulateDisclosure", "verifyDisclosure"]);
  });

  it("U17: keeps the budget, and puts the answer into the ledger before it returns it", async () => {
    const memory = new Memory();
    const { envelope, excess } = await disclose(memory);
    expect(excess).deep.equal([]);
    expect(memory.ledger.answers).length(1);
    expect(memory.ledger.answers[0]).include({
      time: "2026-11-28T08:00:00Z",
      figure: "equity",
      question: "step 1000000",
      auditor: to.key,
    });
    expect(envelope.statement.figure).equal("equity");
    const before = memory.ledger;
    for (const question of [{ step: step + 1n }, { low: 0n }, "exact"] as const) {
      expect(await outcome(memory, { question }), JSON.stringify(Object.keys(question))).equal("BUDGET_EXCEEDED");
    }
    expect(memory.ledger).equal(before);
    // The same answer once more tells nothing new.
    await disclose(memory);
    expect(memory.ledger).equal(before);
    const over = await disclose(memory, { question: "exact", overBudget: true });
    expect(over.excess).deep.equal(["OTHER_QUESTION", "TOO_NARROW"]);
    expect(memory.ledger.answers).length(2);
  });

  it("returns nothing where the answer could not be recorded", async () => {
    const full = new PlimsollError("FILE", "cannot be written");
    const broken: LedgerStore = { read: async () => EMPTY_LEDGER, update: () => Promise.reject(full) };
    expect(await disclose(broken).catch((error: unknown) => error)).equal(full);
  });

  it("U17: refuses a key whose secret nobody is shown to have, before anything is proven or recorded", async () => {
    const memory = new Memory();
    let proven = 0;
    const counted = {
      ...prover,
      disclose: (...given: Parameters<typeof prover.disclose>) => {
        proven++;
        return prover.disclose(...given);
      },
    };
    for (const change of [
      { key: "12345" },
      { holder: "Somebody else" },
      { possession: {} as AuditorKey["possession"] },
    ]) {
      expect(await outcome(memory, { to: { ...to, ...change } }, { prover: counted })).equal("PROOF_REFUSED");
      // Nor with the owner's word: that is about the budget.
      expect(await outcome(memory, { to: { ...to, ...change }, overBudget: true }, { prover: counted })).equal(
        "PROOF_REFUSED",
      );
    }
    expect(proven).equal(0);
    expect(memory.ledger).equal(EMPTY_LEDGER);
  });

  it("refuses a band that does not hold the figure, no step, no words and no date, and records nothing", async () => {
    const memory = new Memory();
    expect(await outcome(memory, { question: { high: 0n } })).equal("STATEMENT_FALSE");
    expect(await outcome(memory, { question: { step: 0n } })).equal("OUT_OF_RANGE");
    expect(await outcome(memory, { question: { low: 2n, high: 1n } })).equal("OUT_OF_RANGE");
    expect(await outcome(memory, { question: {} })).equal("FIELD_INVALID");
    expect(await outcome(memory, { audience: "two\nlines" })).equal("FIELD_INVALID");
    expect(await outcome(memory, {}, { now: () => new Date(Number.NaN) })).equal("FIELD_INVALID");
    expect(memory.ledger).equal(EMPTY_LEDGER);
    const key = makeAuditorKey({ prover }, { secret: 7n as FieldElement, holder: "two\nlines" });
    expect(await key.catch((error: unknown) => error)).deep.include({ code: "FIELD_INVALID" });
  });

  it("W07: lets no more through at once than one after another", async () => {
    const file = path.join(folder, "at-once.json");
    const grids = [1n, 2n, 3n, 4n].map((times) => ({ question: { step: times * step } }));
    // Each with a store of its own, as processes have; none has seen another's answer when it begins.
    const outcomes = await Promise.all(grids.map((order) => outcome(fileLedger(file), order)));
    expect(outcomes.filter((each) => each === "disclosed")).length(1);
    expect(outcomes.filter((each) => each === "BUDGET_EXCEEDED")).length(3);
    expect((await fileLedger(file).read()).answers).length(1);
    expect(statSync(file).mode & 0o777).equal(0o600);
    expect(statSync(`${file}.lock`).size).equal(0);
  });

  it("W07: loses no answer of many that are recorded at once", async () => {
    const file = path.join(folder, "many.json");
    const names = Array.from({ length: 40 }, (_, index) => `asset:A${index}`);
    const link = path.join(folder, "link.json");
    writeFileSync(file, text(EMPTY_LEDGER), { mode: 0o600 });
    symlinkSync(file, link);
    await Promise.all(
      names.map((name, index) =>
        fileLedger(index % 2 === 0 ? file : link).update(({ answers, ...rest }) => {
          const answer = { time: "2026-11-28T08:00:00Z", figure: name, question: "step 1", subject: "a", auditor: "1" };
          return { ...rest, answers: [...answers, answer] };
        }),
      ),
    );
    const { answers } = readLedger({ text: readFileSync(file, "utf8"), file });
    expect(answers.map(({ figure: name }) => name).sort()).deep.equal(names.toSorted());
    expect(answers.length).greaterThan(BUDGET.answers);
  });

  it("takes no ledger that it cannot read for an empty one, and replaces none", async () => {
    const away = path.join(folder, "away.json");
    symlinkSync(path.join(folder, "not-mounted", "ledger.json"), away);
    const loop = path.join(folder, "loop.json");
    symlinkSync(loop, loop);
    writeFileSync(path.join(folder, "file"), "");
    const inFile = path.join(folder, "file", "ledger.json");
    for (const file of [away, loop, inFile]) {
      const store = fileLedger(file);
      const record = () => store.update((ledger) => ({ ...ledger, answers: [] }));
      for (const work of [store.read, record]) {
        expect(await work().catch((error: unknown) => error), file).deep.include({ code: "FILE" });
      }
    }
    for (const link of [away, loop]) expect(lstatSync(link).isSymbolicLink()).equal(true);
  });

  it("W07: leaves a ledger as it is where a change throws or the lock stays taken, and names the lock", async () => {
    const file = path.join(folder, "locked.json");
    const store = fileLedger(file);
    const record = () => store.update((ledger) => ({ ...ledger, answers: [] }));
    const thrown = await store
      .update(() => {
        throw new PlimsollError("BUDGET_EXCEEDED", "no");
      })
      .catch((error: unknown) => error);
    expect(thrown).deep.include({ code: "BUDGET_EXCEEDED" });
    expect(existsSync(file)).equal(false);
    await withLock(`${file}.lock`, async () => {
      const error = await record().catch((error: unknown) => error);
      expect(error).deep.include({ code: "FILE", place: { file: `${file}.lock` } });
      expect(existsSync(file)).equal(false);
    });
    // And what is there of a lock that nobody holds is no obstacle.
    expect(existsSync(`${file}.lock`)).equal(true);
    await record();
    expect((await store.read()).answers).deep.equal([]);
  });
});

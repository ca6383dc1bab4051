// SPDX-License-Identifier: GPL-3.0-or-later
/** Books of venues: built, proven step by step, assembled, read by anybody and checked by members. What is wrong has its own refusal. */
import { createHash } from "node:crypto";
import { expect } from "chai";
import { bookSlips, checkSlip } from "../../prover/src/app/check-slip.ts";
import { acceptProof, proveShard } from "../../prover/src/app/prove-book.ts";
import { type BookVerifyMachine, readBook, unprovenStep, verifyBook } from "../../prover/src/app/verify-book.ts";
import { bookText, elementBytes, firstTotals } from "../../prover/src/document/book/head.ts";
import { dateSecrets } from "../../prover/src/document/book/secret.ts";
import { RECORD_BYTES, type StepBytes } from "../../prover/src/document/book/steps.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { BookAccount } from "../../prover/src/formats/account.ts";
import { formatDecimal } from "../../prover/src/formats/decimal.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { lotsHeld, signCustody } from "../../prover/src/pack/custody.ts";
import { readSigningKey } from "../../prover/src/pack/typed-data.ts";
import { bookVerdict } from "../../prover/src/report/book.ts";
import { slipVerdict } from "../../prover/src/report/slip.ts";
import type { CashE6, LevelBps, PositionLots } from "../../prover/src/units.ts";
import { compressProof, decompressProof, plainProof } from "../../prover/src/verify/compressed.ts";
import type { ProofRefusal } from "../../prover/src/verify/verifier.ts";
import { bookMutations } from "../support/book-mutations.ts";
import { seededRng } from "../support/random.ts";
import {
  accountsOf,
  build,
  codeOf,
  MACHINE,
  PROVER,
  proveSteps,
  publicFile,
  SECRET,
  TRUST,
  VENUE,
  VERIFIER,
  type VenueBook,
  venueBook,
  verdictOn,
} from "../support/venue-books.ts";

const ACCOUNTS = 28;

async function codeThrown(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: unknown) => (error instanceof PlimsollError ? error.code : String(error)),
  );
}

describe("the book of a venue", function () {
  this.timeout(120_000);
  const accounts = accountsOf(ACCOUNTS);
  let book: VenueBook;
  let steps: StepBytes[];
  let bytes: Uint8Array;
  /** Where the records begin. */
  let from: number;

  before(async () => {
    book = await venueBook(accounts);
    steps = await proveSteps(book);
    bytes = await publicFile(book, steps);
    from = bytes.length - steps.length * RECORD_BYTES;
  });

  /** The file with one record changed, or without some. */
  const withRecords = (change: (records: Uint8Array[]) => Uint8Array[]) => {
    const records = steps.map((_, at) => bytes.slice(from + at * RECORD_BYTES, from + (at + 1) * RECORD_BYTES));
    return Uint8Array.from(Buffer.concat([bytes.subarray(0, from), ...change(records)]));
  };
  const withIndex = (record: Uint8Array, index: number) => {
    const copy = record.slice();
    new DataView(copy.buffer).setInt32(0, index, true);
    return copy;
  };

  const withProof = (record: Uint8Array, other: Uint8Array) => {
    const copy = record.slice();
    copy.set(other.subarray(4, 132), 4);
    return copy;
  };

  describe("is built", () => {
    it("with every account covered, in the totals, and under keys of its own; the last step may be short", async () => {
      expect(steps.length).equal(4);
      expect(book.head.statement.count).equal("28");
      expect(BigInt(book.head.totals.cash)).equal(accounts.reduce((sum, { account }) => sum + account.cash, 0n));
      const verdict = await verdictOn(bytes);
      expect(codeOf(verdict)).equal("accepted");
      expect(bookVerdict(verdict).outcome).equal("valid");
      expect(bytes.length - from).equal(4 * RECORD_BYTES);
    });

    it("B05: two dates of one account cannot be linked, and one date is the same for whoever has the secret", async () => {
      const [one, same, other] = ["2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z"].map((date) =>
        dateSecrets(SECRET, date).member("ada"),
      );
      expect(one).deep.equal(same);
      expect(one!.viewingKey).not.equal(other!.viewingKey);
      expect(one!.salt).not.equal(other!.salt);
      const next = await venueBook(accounts, { date: "2026-11-23T08:00:00Z" });
      const leavesOf = async ({ files, shards, shardKey }: VenueBook) => {
        const found: string[] = [];
        for await (const { text } of bookSlips({ shard: async (index) => shards[index]! }, { ...files, shardKey })) {
          const { holding, key, salt } = JSON.parse(text);
          found.push(holding.account, key, salt);
        }
        return found;
      };
      const [today, tomorrow] = [await leavesOf(book), await leavesOf(next)];
      expect(today.length).equal(3 * ACCOUNTS);
      expect(today.filter((value) => tomorrow.includes(value)).length, "names alone are the same").equal(ACCOUNTS);
      expect(next.head.statement.root).not.equal(book.head.statement.root);
    });

    it("B02, B03: no account invented, left out, there twice or booked on one side: each has its refusal", async () => {
      const maker = accounts.at(-1)!;
      const row = VENUE.market.instruments.findIndex((each) => each?.symbol === "BTC-25DEC26-110000-P");
      const invented: BookAccount = {
        ...maker,
        name: "nobody",
        account: {
          ...maker.account,
          cash: (10n ** 15n) as CashE6,
          positions: maker.account.positions.map((_, at) => (at === row ? 5n : 0n) as PositionLots),
        },
      };
      expect(await codeThrown(build([...accounts, invented]))).equal("POSITIONS_UNMATCHED");
      expect(await codeThrown(build(accounts.slice(1)))).equal("POSITIONS_UNMATCHED");
      expect(await codeThrown(build([...accounts, accounts[3]!]))).equal("ACCOUNT_TWICE");
      expect(await codeThrown(build([...accounts, { ...accounts[3]!, name: "again" }]))).equal("POSITIONS_UNMATCHED");
      expect(await codeThrown(build([]))).equal("FIELD_INVALID");
    });

    it("not with accounts below the level: they are named to whoever builds, and nothing is kept", async () => {
      const { built, shards } = await build(accounts, { level: 25_000n as LevelBps });
      expect(built.ok).equal(false);
      if (built.ok) return;
      expect(built.below.length).greaterThan(0).and.lessThan(ACCOUNTS);
      expect(built.below.every(({ line, name }) => accounts[line - 1]!.name === name)).equal(true);
      expect(shards.length).equal(0);
    });

    it("with shards that hold nothing in the clear, and open for one book, one place and one key", async () => {
      const { files, shardKey, shards } = book;
      for (const shard of shards) {
        const text = Buffer.from(shard).toString("latin1");
        for (const { name } of accounts) expect(text.includes(name)).equal(false);
      }
      const work = { ...files, shardKey };
      const machine = { prover: PROVER };
      const other = await venueBook(accounts, { venue: "Another" });
      const damaged = shards[1]!.slice();
      damaged[100]! ^= 1;
      for (const [index, shard, key] of [
        [0, shards[1]!, shardKey],
        [1, damaged, shardKey],
        [1, shards[1]!.subarray(0, 50), shardKey],
        [1, other.shards[1]!, shardKey],
        [1, shards[1]!, other.shardKey],
      ] as const) {
        expect(await codeThrown(proveShard(machine, { ...work, shardKey: key }, index, shard))).equal("SHARD_REFUSED");
      }
    });
  });

  describe("is proven by anybody, in any order", () => {
    it("a proof that verifies is taken; another's, another place's, a detached or a false one has its refusal", async () => {
      const { files, totals } = book;
      const given = { ...files, totals };
      const accept = async (index: number, step: unknown) =>
        codeOf(await acceptProof(MACHINE, VERIFIER, given, index, step));
      for (const [index, step] of [...steps.entries()].reverse()) expect(await accept(index, step)).equal("accepted");
      const other = await venueBook(accounts, { venue: "Another" });
      const changed = (at: number, to: number) => {
        const copy = steps[1]!.slice();
        copy[at]! ^= to;
        return copy;
      };
      expect(await accept(1, (await proveSteps(other))[1])).equal("STEP_FOREIGN");
      expect(await accept(2, steps[1])).equal("STEP_INDEX");
      expect(await accept(-1, withNegative(steps[1]!))).equal("STEP_INDEX");
      expect(await accept(4, steps[1])).equal("STEP_INDEX");
      expect(await accept(1, changed(195, 1))).equal("STEP_DETACHED");
      expect(await accept(1, changed(36, 0x80))).equal("STEP_UNPROVEN");
      expect(await accept(1, changed(37, 1))).equal("STEP_UNPROVEN");
      for (const nothing of [undefined, "", new Uint8Array(3), steps[1]!.subarray(1), [...steps[1]!]]) {
        expect(await accept(1, nothing)).equal("STEP_MALFORMED");
      }
      // Another build of the same book: the same id, and blindings of its own.
      const again = await venueBook(accounts);
      expect(again.head.statement).deep.equal(book.head.statement);
      expect(await accept(1, (await proveSteps(again))[1])).equal("STEP_DETACHED");
    });

    const withNegative = (step: Uint8Array) => {
      const copy = step.slice();
      new DataView(copy.buffer).setInt32(32, -1, true);
      return copy;
    };

    it("and assembled once all are there", async () => {
      expect(await codeThrown(publicFile(book, steps.with(2, undefined as never)))).equal("BOOK_UNFINISHED");
      expect(await codeThrown(publicFile(book, steps.with(2, steps[1]!)))).equal("PROOF_REFUSED");
    });
  });

  describe("is read", () => {
    it("B01: a gap, a step twice, an index that is none, a cut file, another book's step, a broken chain: each is named", async () => {
      const other = await venueBook(accounts, { venue: "Another" });
      const foreign = (await proveSteps(other))[1]!.subarray(32);
      const totals = (record: Uint8Array) => {
        const copy = record.slice();
        copy[RECORD_BYTES - 1]! ^= 1;
        return copy;
      };
      const cases: readonly [string, Uint8Array][] = [
        ["STEP_MISSING", withRecords((all) => all.toSpliced(1, 1))],
        ["STEP_MISSING", withRecords((all) => all.slice(0, -1))],
        ["STEP_TWICE", withRecords((all) => all.toSpliced(1, 0, all[0]!))],
        ["STEP_INDEX", withRecords((all) => all.with(1, withIndex(all[1]!, -1)))],
        ["STEP_INDEX", withRecords((all) => [...all, withIndex(all[3]!, 4)])],
        ["STEP_UNPROVEN", withRecords((all) => all.with(1, withProof(all[1]!, foreign)))],
        ["STEP_UNPROVEN", withRecords((all) => all.with(1, withProof(all[1]!, all[2]!)))],
        ["TOTALS_UNCHAINED", withRecords((all) => all.with(1, Uint8Array.from(foreign)))],
        ["TOTALS_UNCHAINED", withRecords((all) => all.with(1, withIndex(all[2]!, 1)))],
        ["TOTALS_UNCHAINED", withRecords((all) => all.with(1, totals(all[1]!)))],
        ["TOTALS_UNOPENED", withRecords((all) => all.with(3, totals(all[3]!)))],
        ["BOOK_CUT", bytes.subarray(0, -1)],
        ["BOOK_MALFORMED", bytes.subarray(0, 100)],
        ["BOOK_MALFORMED", new Uint8Array()],
        ["BOOK_MALFORMED", Uint8Array.from(Buffer.from("{}"))],
      ];
      const codes = [];
      for (const [code, changed] of cases) codes.push([code, codeOf(await verdictOn(changed))]);
      expect(codes).deep.equal(cases.map(([code]) => [code, code]));
    });

    it("a chain that is broken where a batch of steps ends is called that too, and a bad proof there is not", async () => {
      const read = readBook(MACHINE, { book: { bytes, file: "venue.book" }, trust: TRUST });
      if (!read.ok) throw new Error(read.reason);
      const many = Array.from({ length: 40 }, (_, index) => ({ ...read.steps[0]!, index }));
      const reasonWhere = async (failing: readonly number[], reason: ProofRefusal) => {
        const asked: number[] = [];
        const verifyMany: BookVerifyMachine["verifyMany"] = async (_, items) =>
          items.map(() => {
            asked.push(asked.length);
            return failing.includes(asked.at(-1)!) ? { ok: false, reason, detail: "" } : { ok: true, signals: [] };
          });
        const refused = await unprovenStep({ verifyMany, now: MACHINE.now }, read.book, many);
        return refused && `${refused.reason} ${/\d+/.exec(refused.detail)}`;
      };
      // Of 40 steps, the first batch has 16.
      for (const at of [0, 14, 15, 16, 38]) {
        expect(await reasonWhere([at, at + 1], "PAIRING_FAILED")).equal(`TOTALS_UNCHAINED ${at}`);
        expect(await reasonWhere([at, at + 1], "POINT_NOT_ON_CURVE")).equal(`STEP_UNPROVEN ${at}`);
        expect(await reasonWhere([at], "PAIRING_FAILED")).equal(`STEP_UNPROVEN ${at}`);
      }
      expect(await reasonWhere([39], "PAIRING_FAILED")).equal("STEP_UNPROVEN 39");
      expect(await reasonWhere([3, 4, 9], "PAIRING_FAILED")).equal("STEP_UNPROVEN 3");
      expect(await reasonWhere([], "PAIRING_FAILED")).equal(undefined);
    });

    it("against what its reader knows: key, policy, market, audience; each has its refusal", async () => {
      const codes = async (more: Parameters<typeof verdictOn>[1]) => codeOf(await verdictOn(bytes, more));
      const hash = "0".repeat(64);
      expect(await codes({ trust: { ...TRUST, keys: [] } })).equal("KEY_UNTRUSTED");
      expect(await codes({ trust: { ...TRUST, policies: [] } })).equal("POLICY_UNTRUSTED");
      expect(await codes({ trust: { ...TRUST, audience: "me" } })).equal("STATEMENT_UNEXPECTED");
      expect(await codes({ expected: { policySha256: hash } })).equal("POLICY_MISMATCH");
      expect(await codes({ expected: { marketSha256: hash } })).equal("MARKET_MISMATCH");
      const old = await verdictOn(bytes, { trust: { ...TRUST, maxAge: 60 } });
      expect(bookVerdict(old).findings.map(({ code }) => code)).deep.equal(["MARKET_OLD", "HOLDINGS_OLD"]);
      expect(bookVerdict(old).outcome).equal("not-current");
    });

    it("on a date before it is not current: what is dated ahead would never be too old", async () => {
      const early = { ...MACHINE, now: () => new Date("2026-11-22T07:50:00Z") };
      const verdict = bookVerdict(await verifyBook(early, { book: { bytes, file: "venue.book" }, trust: TRUST }));
      expect(verdict.outcome).equal("not-current");
      expect(verdict.findings.map(({ code }) => code)).deep.equal(["BOOK_FROM_THE_FUTURE", "BOOK_FROM_THE_FUTURE"]);
      const skewed = { ...MACHINE, now: () => new Date("2026-11-22T07:57:00Z") };
      const near = bookVerdict(await verifyBook(skewed, { book: { bytes, file: "venue.book" }, trust: TRUST }));
      expect(near.outcome).equal("valid");
    });

    it("with a policy that names an asset like a property of all objects: custody without it holds none of it", () => {
      const [first, ...rest] = VENUE.policy.assets;
      const policy = { ...VENUE.policy, assets: [{ ...first!, symbol: "toString" }, ...rest] };
      expect(lotsHeld({ holdings: {} }, policy).collateral).deep.equal(policy.assets.map(() => 0n));
    });

    it("B02: positions that the head admits to be open, or that the last totals hide, are refused", async () => {
      const { statement, totals } = book.head;
      const open = { ...book.head, totals: { ...totals, positions: { 7: "5" } } };
      const file = await publicFile({ ...book, head: open }, steps);
      expect(codeOf(await verdictOn(file))).equal("POSITIONS_UNMATCHED");
      const more = { ...book.head, totals: { ...totals, cash: `${BigInt(totals.cash) - 1n}` } };
      expect(codeOf(await verdictOn(await publicFile({ ...book, head: more }, steps)))).equal("TOTALS_UNOPENED");
      expect(bookText(more)).contain(statement.root);
    });

    it("beside what is held: less than members have is refused, as is a word of nobody or of somebody unknown", async () => {
      const signing = readSigningKey({ text: "1".padStart(64, "0"), file: "key" });
      const { head } = book;
      const holdings = Object.fromEntries(
        VENUE.policy.assets.map(({ symbol }, at) => [symbol, `${BigInt(head.totals.collateral[at]!) + 1n}`]),
      );
      const body = {
        holder: "Meridian",
        subject: "wallet 3",
        asOf: "2026-11-22T08:00:00Z",
        expires: "2026-12-22T08:00:00Z",
      };
      const enough = await signCustody("Custodian", signing, {
        ...body,
        holdings: { ...holdings, USDC: "99999999999" },
      });
      const text = (word: object) => ({ file: "custody.json", text: JSON.stringify(word) });
      const attesters = [{ name: "The custodian", signer: signing.address }];
      const trust = { ...TRUST, attesters };
      const held = await verdictOn(bytes, { trust, custody: [text(enough)] });
      expect(codeOf(held)).equal("accepted");
      expect(bookVerdict(held).statements[0]!.custody!.level).equal("attested");
      expect(bookVerdict(held).caveats.map(({ code }) => code)).not.include("CUSTODY_CLAIMED");
      // What is held for somebody else, or at another time, is told.
      const others = { holder: "Another", asOf: "2026-11-20T08:00:00Z" };
      const another = await signCustody("Custodian", signing, { ...body, ...others, holdings: enough.holdings });
      const told = bookVerdict(await verdictOn(bytes, { trust, custody: [text(another)] }));
      expect(told.caveats.map(({ code }) => code)).include.members(["CUSTODY_OTHER", "CUSTODY_TIME"]);
      expect(told.statements[0]!.custody!.by[0]!.subject!.words).equal("wallet 3; held for: Another");
      expect(bookVerdict(held).caveats.filter(({ code }) => /CUSTODY/.test(code))).deep.equal([]);
      const codes = async (word: object, more = trust) =>
        codeOf(await verdictOn(bytes, { trust: more, custody: [text(word)] }));
      const { signature, ...unsigned } = enough;
      expect(await codes(enough, { ...TRUST, attesters: [] })).equal("ATTESTER_UNTRUSTED");
      expect(await codes({ ...enough, holdings: { ...enough.holdings, USDC: "1" } })).equal("ATTESTATION_UNSIGNED");
      expect(await codes({ ...unsigned, holdings: { ...holdings, USDC: "1" } })).equal("CUSTODY_SHORT");
      expect(await codes({ ...unsigned, holdings: { DOGE: "1" } })).equal("CUSTODY_MISUSED");
      expect(await codes({})).equal("CUSTODY_MISUSED");
      const twice = await verdictOn(bytes, { trust, custody: [text(enough), text(enough)] });
      expect(codeOf(twice)).equal("CUSTODY_MISUSED");
      const word = await verdictOn(bytes, { trust, custody: [text(unsigned)] });
      expect(bookVerdict(word).statements[0]!.custody!.level).equal("claimed");
      expect(signature).match(/^0x/);
    });

    it("B01: of 100 changed files none is accepted that does not say the same", async () => {
      const original = createHash("sha256").update(bookText(book.head)).digest("hex");
      const changes = bookMutations(bytes, seededRng(5));
      let accepted = 0;
      for (let at = 0; at < 100; at++) {
        const { what, bytes: changed, same } = changes.next().value!;
        const verdict = await verdictOn(changed);
        if (!verdict.ok) {
          expect(same, `${what}: ${verdict.reason}`).equal(false);
          continue;
        }
        accepted++;
        expect(same, what).equal(true);
        expect(createHash("sha256").update(bookText(verdict.head)).digest("hex")).equal(original);
      }
      expect(accepted).equal(6);
    });
  });

  describe("is checked by its members", () => {
    const slips: string[] = [];
    before(async () => {
      const { files, shards, shardKey } = book;
      for await (const { text } of bookSlips({ shard: async (index) => shards[index]! }, { ...files, shardKey })) {
        slips.push(text);
      }
    });
    const check = async (text: string, steps: "all" | "own" = "own", file = bytes) =>
      checkSlip(MACHINE, {
        book: { bytes: file, file: "venue.book" },
        trust: TRUST,
        slip: { text, file: "slip.json" },
        steps,
      });

    it("each finds its own figures, exactly", async () => {
      expect(slips.length).equal(ACCOUNTS);
      for (const [place, slip] of slips.entries()) {
        const verdict = await check(slip, place % 7 === 0 ? "all" : "own");
        expect(codeOf(verdict)).equal("accepted");
        if (!verdict.ok) return;
        expect(verdict.account.account).equal(accounts[place]!.name);
        expect(verdict.place).equal(place);
        expect(verdict.account.cash).equal(formatDecimal(accounts[place]!.account.cash, 6));
      }
    });

    it("B03: a slip of another date, another book, another member, or of a place that is not counted has its refusal", async () => {
      const slip = JSON.parse(slips[9]!);
      const other = JSON.parse(slips[10]!);
      const changed = async (change: object) => codeOf(await check(JSON.stringify({ ...slip, ...change })));
      expect(await changed({ date: "2026-11-23T08:00:00Z" })).equal("SLIP_DATE");
      expect(await changed({ root: "17" })).equal("SLIP_FOREIGN");
      expect(await changed({ venue: "Another" })).equal("SLIP_FOREIGN");
      expect(await changed({ place: "28" })).equal("SLIP_LEFT_OUT");
      expect(await changed({ place: "8" })).equal("SLIP_FALSE");
      expect(await changed({ holding: other.holding })).equal("SLIP_FALSE");
      expect(await changed({ holding: { ...slip.holding, cash: "1" } })).equal("SLIP_FALSE");
      expect(await changed({ holding: { ...slip.holding, member: "Somebody else" } })).equal("SLIP_FALSE");
      expect(await changed({ salt: other.salt })).equal("SLIP_FALSE");
      expect(await changed({ key: other.key })).equal("SLIP_FALSE");
      expect(await changed({ path: slip.path.toReversed() })).equal("SLIP_FALSE");
      expect(await changed({ path: slip.path.with(4, slip.path[3]) })).equal("SLIP_FALSE");
      for (const bad of [
        { place: "-1" },
        { place: "1048576" },
        { holding: {} },
        { path: [] },
        { key: "0" },
        { more: 1 },
      ]) {
        expect(await changed(bad), JSON.stringify(bad)).equal("SLIP_MALFORMED");
      }
      expect(codeOf(await check("{"))).equal("SLIP_MALFORMED");
      const broken = withRecords((all) => all.with(1, withIndex(all[0]!, 1)));
      expect(codeOf(await check(slips[9]!, "own", broken))).equal("STEP_UNPROVEN");
    });

    it("by its own step alone, no word of totals and coverage: the proof there may be of another place", async () => {
      const { head } = book;
      const none = elementBytes(firstTotals(head.size));
      // The proof of step 0 in the place of step 1, after totals of nothing.
      const forged = withRecords((all) => {
        const zeroth = all[0]!.slice();
        zeroth.set(none, RECORD_BYTES - none.length);
        return all.with(0, zeroth).with(1, withIndex(all[0]!, 1));
      });
      const [own, all] = [await check(slips[9]!, "own", forged), await check(slips[9]!, "all", forged)];
      expect(codeOf(all)).equal("STEP_UNPROVEN");
      expect(codeOf(own)).equal("accepted");
      const told = slipVerdict(own);
      expect(told.statements[0]!.sentence).not.match(/, it is in their totals|it is covered/);
      expect(told.statements[0]!.sentence).match(/was not verified here/);
      expect(told.statements[0]!.claim.figure).equal("place");
      expect(told.caveats.map(({ code }) => code)).include("STEPS_UNREAD");
      const whole = slipVerdict(await check(slips[9]!, "all"));
      expect(whole.statements[0]!.sentence).match(/it is in their totals, and it is covered like all of them\.$/);
      expect(whole.statements[0]!.claim).deep.include({ figure: "coverage", level: head.statement.level });
      expect(whole.caveats.map(({ code }) => code))
        .include.members(["MARKET_VALUES", "BOOK_SHOWN", "SLIP_FIGURES"])
        .and.not.include("STEPS_UNREAD");
    });

    it("a slip of a book that is older than the member allows is not current", async () => {
      const given = {
        book: { bytes, file: "venue.book" },
        trust: { ...TRUST, maxAge: 60 },
        slip: { text: slips[9]!, file: "slip.json" },
      };
      const told = slipVerdict(await checkSlip(MACHINE, { ...given, steps: "own" }));
      expect(told.outcome).equal("not-current");
      expect(told.findings.map(({ code }) => code)).deep.equal(["MARKET_OLD", "HOLDINGS_OLD"]);
    });

    it("an account that is left out finds no place: the book of the others has another root", async () => {
      const spot = accounts.map((each) => each);
      const lone: BookAccount = {
        ...accounts[0]!,
        name: "lone",
        member: "lone",
        account: { ...accounts[0]!.account, positions: accounts[0]!.account.positions.map(() => 0n as PositionLots) },
      };
      const whole = await venueBook([...spot, lone]);
      const { files, shards, shardKey } = whole;
      const all: string[] = [];
      for await (const { text } of bookSlips({ shard: async (index) => shards[index]! }, { ...files, shardKey }))
        all.push(text);
      const own = { ...JSON.parse(all.at(-1)!), root: book.head.statement.root };
      expect(codeOf(await check(JSON.stringify(own)))).equal("SLIP_LEFT_OUT");
      expect(codeOf(await check(JSON.stringify({ ...own, place: "27" })))).equal("SLIP_FALSE");
      expect(commitState(lone.account)).not.equal(0n);
    });
  });

  it("a proof has one form in 128 bytes, and only points of the curve have one", () => {
    for (const step of steps) {
      const compressed = step.subarray(36, 164);
      const coordinates = decompressProof(compressed)!;
      expect(Buffer.compare(compressProof(plainProof(coordinates)), compressed)).equal(0);
      for (const at of [0, 32, 96]) {
        const turned = compressed.slice();
        turned[at]! ^= 0x80;
        expect(decompressProof(turned)).not.deep.equal(coordinates);
        const large = compressed.slice().fill(0xff, at, at + 32);
        expect(decompressProof(large)).equal(undefined);
      }
      const flagged = compressed.slice();
      flagged[64]! ^= 0x80;
      expect(decompressProof(flagged)).equal(undefined);
    }
    expect(decompressProof(new Uint8Array(127))).equal(undefined);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** The registry of books, and what readers make of it. Proofs are made under a key whose trapdoor is known. */
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import type { Contract } from "ethers";
import { type RecordLeaving, recordBook } from "../../prover/src/app/record-book.ts";
import {
  deployRegistry,
  readBookRecords,
  recordArguments,
  registryAt,
  sendBookRecord,
} from "../../prover/src/chain/book-registry.ts";
import { releasedContract } from "../../prover/src/chain/deploy.ts";
import type { BookRecord, BookRecords } from "../../prover/src/document/book/record.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { bookVerdict } from "../../prover/src/report/book.ts";
import { verdictText } from "../../prover/src/report/parts-text.ts";
import { Costs } from "../support/gas.ts";
import {
  accountsOf,
  codeOf,
  DATE,
  KEY,
  MACHINE,
  proveSteps,
  publicFile,
  TRUST,
  venueBook,
  verdictOn,
} from "../support/venue-books.ts";
import { type Chain, createChain } from "./world.ts";

/** The start of the simulated chain: two hours after the book's date. */
const START = BigInt(Date.parse(DATE) / 1000) + 7_200n;
/** What a record takes: a whole transaction. */
const CEILING = 220_000;

const digits = (at: number) => `${at}`.repeat(64).slice(0, 64);
const RECORD: BookRecord = {
  ...{ file: digits(1), policy: digits(2), market: digits(3), root: "14", totals: "15", date: DATE },
};
const dated = (hours: number, file = digits(1)): BookRecord => ({
  ...RECORD,
  file,
  date: new Date(Date.parse(DATE) + 3_600_000 * hours).toISOString().replace(".000Z", "Z"),
});

const codeThrown = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof PlimsollError ? error.code : String(error)),
  );

describe("the registry of books", function () {
  this.timeout(60_000);
  let chain: Chain;
  let venue: HardhatEthersSigner;
  let other: HardhatEthersSigner;
  let registry: Contract;
  const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) => {
    const refused = expect(sent).to.be.revertedWithCustomError(registry, error);
    return values.length === 0 ? refused : refused.withArgs(...values);
  };
  const send = (record: BookRecord, as = venue) =>
    (registry.connect(as) as Contract).getFunction("record")(recordArguments(record));
  const records = (date = DATE, of = venue): Promise<BookRecords> => readBookRecords(registry, of.address, date);

  beforeEach(async () => {
    chain = await createChain(31_337, START);
    [venue, other] = (await chain.ethers.getSigners()) as [HardhatEthersSigner, HardhatEthersSigner];
    registry = await deployRegistry(venue);
  });

  it("keeps what a venue has recorded, with its time, and takes no ether", async () => {
    const gas = await (await send(RECORD)).wait();
    const { records: kept, count, ...rest } = await records();
    expect(kept.map(({ time: _, ...record }) => record)).deep.equal([RECORD]);
    const block = (await chain.ethers.provider.getBlock("latest"))!;
    expect(Date.parse(kept[0]!.time) / 1000).equal(block.timestamp);
    expect({ count, ...rest }).deep.equal({
      ...{ count: 1, chainId: "31337", registry: await registry.getAddress(), venue: venue.address },
    });
    await expect(send({ ...RECORD, file: digits(4) })).to.emit(registry, "BookRecorded");
    const paid = { to: await registry.getAddress(), value: 1n };
    expect(await codeThrown(venue.sendTransaction(paid))).match(/revert|selector/);
    expect(Number(gas.gasUsed)).to.be.lessThan(CEILING);
    const costs = new Costs();
    await costs.spent("book.record", gas);
    costs.check(["book"]);
  });

  it("B03: a second book of a date stands beside the first, and none is removed, changed or written over", async () => {
    await send(RECORD);
    await send({ ...RECORD, file: digits(4), root: "77" });
    await send({ ...RECORD });
    const { count, records: kept } = await records();
    expect([count, ...kept.map(({ file, root }) => `${file[0]} ${root}`)]).deep.equal([3, "1 14", "4 77", "1 14"]);
    const { abi } = await releasedContract("BookRegistry");
    const functions = (abi as { type: string; name: string; stateMutability: string }[]).filter(
      ({ type }) => type !== "event" && type !== "error",
    );
    expect(functions.filter(({ stateMutability }) => stateMutability !== "view").map(({ name }) => name)).deep.equal([
      "record",
    ]);
    const { deployedBytecode } = (await releasedContract("BookRegistry")) as { deployedBytecode: string };
    expect(hasCalls(deployedBytecode), "calls out, or code that could be replaced").equal(false);
  });

  it("B03: after a later date no book of an earlier one joins its place; dates beside it are told", async () => {
    for (const [at, hours] of [-48, -24, 0, 1].entries()) await send(dated(hours, digits(1 + at)));
    await refuses(send(dated(-24, digits(9))), "DatePassed");
    await refuses(send(RECORD), "DatePassed");
    const [around, first, last, none] = await Promise.all(
      [-24, -48, 1, -12].map((hours) => records(dated(hours).date)),
    );
    expect([around!.count, around!.before, around!.after]).deep.equal([1, dated(-48).date, DATE]);
    expect([first!.count, first!.before, first!.after]).deep.equal([1, undefined, dated(-24).date]);
    expect([last!.count, last!.before, last!.after]).deep.equal([1, DATE, undefined]);
    expect([none!.count, none!.before, none!.after]).deep.equal([0, dated(-24).date, DATE]);
  });

  it("refuses what is empty, to come, or on record last", async () => {
    for (const change of [
      { file: digits(0) },
      { policy: digits(0) },
      { market: digits(0) },
      { root: "0" },
      { totals: "0" },
    ]) {
      await refuses(send({ ...RECORD, ...change }), "FieldEmpty");
    }
    await refuses(send({ ...RECORD, date: "1970-01-01T00:00:00Z" }), "FieldEmpty");
    await refuses(send(dated(3)), "DateToCome");
    await send(RECORD);
    await refuses(send(RECORD), "RecordedAlready", 0n);
    await refuses(send(dated(1)), "RecordedAlready", 0n);
    expect((await records()).count).equal(1);
  });

  it("nobody records for another: the sender's records are its own alone", async () => {
    await send(RECORD);
    await send({ ...RECORD, file: digits(6) }, other);
    expect([(await records()).records[0]!.file, (await records(DATE, other)).records[0]!.file]).deep.equal([
      digits(1),
      digits(6),
    ]);
    const stranger = await readBookRecords(registry, await registry.getAddress(), DATE);
    expect(stranger.count).equal(0);
  });

  it("the times that a sender gives are ignored, and a list that a venue has made long is still read", async () => {
    const lied = { ...recordArguments(RECORD), time: 1n };
    await registry.getFunction("record")(lied);
    expect((await records()).records[0]!.time).not.equal("1970-01-01T00:00:01Z");
    for (let at = 0; at < 40; at++) await send({ ...RECORD, file: digits(7 + (at % 2)) });
    const { count, records: kept } = await records();
    expect([count, kept.length]).deep.equal([41, 16]);
  });

  it("is the contract of the release and no other: another at the address, or none, is refused", async () => {
    const at = (address: string) => codeThrown(registryAt(venue, address));
    expect(await at(await registry.getAddress())).equal("done");
    expect(await at(other.address)).equal("FIELD_INVALID");
    expect(await at("0x12")).equal("FIELD_INVALID");
    const { abi, bytecode } = await releasedContract("BookRegistry");
    // The same instructions, with another hash of the sources behind them.
    const changed = bytecode.slice(0, -30) + (bytecode.at(-30) === "0" ? "1" : "0") + bytecode.slice(-29);
    const lookalike = await (await chain.ethers.getContractFactory(abi as never[], changed)).deploy();
    expect(await at(await lookalike.getAddress())).equal("FIELD_INVALID");
    expect(await codeThrown(readBookRecords(registry, "0x12", DATE))).equal("FIELD_INVALID");
  });

  describe("beside a book", () => {
    let bytes: Uint8Array;
    let another: Uint8Array;
    before(async () => {
      const made = async (venue: string) => {
        const book = await venueBook(accountsOf(16), { venue });
        return publicFile(book, await proveSteps(book));
      };
      [bytes, another] = await Promise.all([made("Meridian"), made("Meridian twice")]);
    });
    let asked: RecordLeaving[];
    beforeEach(() => {
      asked = [];
    });
    const record = async (
      book: Uint8Array,
      given: { at?: string; as?: HardhatEthersSigner; consents?: boolean } = {},
    ) => {
      const { at = await registry.getAddress(), as = venue, consents = true } = given;
      const consent = async (leaving: RecordLeaving) => {
        asked.push(leaving);
        if (!consents) throw new PlimsollError("CANCELLED", "no");
      };
      const machine = { signer: as, consent, verifyMany: MACHINE.verifyMany };
      return recordBook(machine, { book: { bytes: book, file: "venue.book" }, trust: TRUST, registry: at });
    };
    const verdict = async (book: Uint8Array, of = venue) => verdictOn(book, { recorded: await records(DATE, of) });

    it("one that is recorded alone is accepted, in words; recording it again sends nothing", async () => {
      const done = await record(bytes);
      expect([done.venue, done.sent === undefined]).deep.equal([venue.address, false]);
      const accepted = await verdict(bytes);
      expect(codeOf(accepted)).equal("accepted");
      const told = bookVerdict(accepted);
      expect(verdictText(told).replaceAll(/\s+/g, " ")).contain(
        `${venue.address} has recorded this book and no other of its date`,
      );
      expect(told.caveats.map(({ code }) => code)).not.include("BOOK_SHOWN");
      expect(bookVerdict(await verdictOn(bytes)).caveats.map(({ code }) => code)).include("BOOK_SHOWN");
      const again = await record(bytes);
      expect([again.sent, asked.length, (await records()).count]).deep.equal([undefined, 1, 1]);
    });

    it("B03: one that is not recorded, by another venue, or beside another of its date, is refused", async () => {
      expect(codeOf(await verdict(bytes))).equal("BOOK_UNRECORDED");
      await record(bytes);
      expect(codeOf(await verdict(bytes, other))).equal("BOOK_UNRECORDED");
      expect(codeOf(await verdict(another))).equal("BOOK_OTHER_RECORDED");
      expect(await codeThrown(record(another)), "a second is not sent by mistake").equal("CALL_REFUSED");
      expect((await records()).count).equal(1);
      const { record: its } = await record(another, { as: other });
      await sendBookRecord(registry.connect(venue) as Contract, its);
      for (const each of [bytes, another]) expect(codeOf(await verdict(each))).equal("BOOK_RECORDED_TWICE");
    });

    it("B03: a record with the book's hash and another root, total, policy or market is not of the book", async () => {
      const [{ record: own }] = [await record(bytes, { as: other })];
      for (const change of [{ root: "5" }, { totals: "5" }, { policy: digits(5) }, { market: digits(5) }]) {
        const fresh = await deployRegistry(venue);
        await sendBookRecord(fresh, { ...own, ...change });
        const recorded = await readBookRecords(fresh, venue.address, DATE);
        expect(codeOf(await verdictOn(bytes, { recorded }))).equal("BOOK_OTHER_RECORDED");
      }
    });

    it("one that does not hold, of a key that proves nothing here, or without consent, is not recorded", async () => {
      const broken = bytes.slice();
      broken[broken.length - 40]! ^= 1;
      expect(await codeThrown(record(broken))).equal("PROOF_REFUSED");
      expect(await codeThrown(record(bytes, { consents: false }))).equal("CANCELLED");
      expect(await codeThrown(record(bytes, { at: other.address }))).equal("FIELD_INVALID");
      expect(KEY.identity.origin).equal("development");
      const elsewhere = await createChain(10, START);
      const [signer] = (await elsewhere.ethers.getSigners()) as [HardhatEthersSigner];
      const there = await (await deployRegistry(signer)).getAddress();
      expect(await codeThrown(record(bytes, { as: signer, at: there }))).equal("KEY_REFUSED");
      expect([(await records()).count, asked.length]).deep.equal([0, 1]);
    });

    it("a later book on record keeps an earlier one out, in words", async () => {
      await send(dated(1, digits(8)));
      const error = await record(bytes).catch((thrown) => thrown);
      expect([error.code, error.message]).deep.equal(["CALL_REFUSED", error.message]);
      expect(error.message).contain("a book of a later time is on record");
    });
  });
});

/** Whether code has an instruction that calls other code, creates it, or ends the contract. Data at its end is looked at too. */
function hasCalls(code: string): boolean {
  const bytes = Buffer.from(code.slice(2), "hex");
  // The compiler's metadata is behind the code; its length is in the last two bytes.
  const end = bytes.length - 2 - bytes.readUInt16BE(bytes.length - 2);
  for (let at = 0; at < end; at++) {
    const op = bytes[at]!;
    if ([0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa, 0xff].includes(op)) return true;
    if (op >= 0x60 && op <= 0x7f) at += op - 0x5f;
  }
  return false;
}

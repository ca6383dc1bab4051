// SPDX-License-Identifier: GPL-3.0-or-later
/** The verdict of a book's reader: every step, their chain, the totals at its end, and what a custodian holds against them. */

import {
  type BookRefusal,
  checkOpening,
  type OpenBook,
  type OpenKey,
  openBook,
  orderedSteps,
  stepSignals,
} from "../document/book/check.ts";
import {
  BOOK_CAVEATS,
  type BookCaveatCode,
  type BookCircuit,
  type BookHead,
  firstTotals,
  stepsOf,
} from "../document/book/head.ts";
import { type BookRecords, bookRecord, checkRecorded } from "../document/book/record.ts";
import type { Step } from "../document/book/steps.ts";
import { type Caveat, type KeyCaveatCode, Refusal, verdictOf, withKey } from "../document/kit.ts";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { formatDecimal } from "../formats/decimal.ts";
import { CASH_DECIMALS, type PolicyFile } from "../formats/policy.ts";
import { unixDate, unixTime } from "../formats/time.ts";
import { isEvidence } from "../keys/origin.ts";
import { type Custody, isVouchedFor, lotsHeld, readCustody } from "../pack/custody.ts";
import type { Trust } from "../pack/trust.ts";
import type { Finding } from "../pack/verdict.ts";
import { isOf } from "../statement/families.ts";
import type { BatchItem } from "../verify/batch.ts";
import type { KeyIdentity, ProofVerdict, Refused, Verifier } from "../verify/verifier.ts";

/**
 * What verifying a book needs of the machine.
 * @see docs/library.md#books
 */
export interface BookVerifyMachine {
  /** `verifyBatch` of `plimsoll`, or that of `verify/batch.ts` where there is no native prover. */
  readonly verifyMany: (
    verifier: Verifier<BookCircuit>,
    items: readonly BatchItem[],
    options: { readonly signal?: AbortSignal | undefined },
  ) => Promise<ProofVerdict[]>;
  /** For whoever reads several books under one key, which takes a while to open: keeps what `createVerifier` gives. */
  readonly openKey?: OpenKey;
  readonly now: () => Date;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (steps: number, of: number) => void;
}

/**
 * Whom and what the reader of a book trusts.
 * @see docs/library.md#books
 */
export type BookTrust = Pick<Trust, "keys" | "attesters" | "policies" | "audience"> & {
  /** Seconds; nothing is too old where it is left out. */
  readonly maxAge?: number;
};

/**
 * What a reader of a book has.
 * @see docs/library.md#books
 */
export interface BookInputs {
  readonly book: { readonly bytes: Uint8Array; readonly file: string };
  readonly trust: BookTrust;
  /** The reader's own: a book under another policy or at another market is refused. SHA-256. */
  readonly expected?: { readonly policySha256?: string | undefined; readonly marketSha256?: string | undefined };
  /** What is held for the venue; several add up. */
  readonly custody?: readonly NamedText[];
  /** What the venue has recorded around the book's date (`readBookRecords`): a book that is not the only one of its date is refused. */
  readonly recorded?: BookRecords | undefined;
}

/** Something of the totals, with what is held of it. Amounts in whole units. */
export interface TotalLine {
  readonly symbol: string;
  readonly members: string;
  /** Absent where no custody was given. */
  readonly held?: string;
}

/** Somebody who holds what members have. */
export interface CustodyWord {
  readonly file: string;
  readonly custody: Custody;
  /** As the reader names the signer; absent where nobody signs. */
  readonly known?: string;
}

/** Why a book that holds is not current. */
export type BookOutdated = "MARKET_OLD" | "HOLDINGS_OLD" | "ATTESTATION_EXPIRED" | "BOOK_FROM_THE_FUTURE";

/**
 * A book that holds.
 * @see docs/library.md#books
 */
export interface AcceptedBook {
  readonly ok: true;
  readonly evidence: boolean;
  readonly head: BookHead;
  readonly policy: PolicyFile;
  readonly steps: number;
  readonly totals: readonly TotalLine[];
  readonly custody: readonly CustodyWord[];
  /** Where the reader gave what the venue has recorded. */
  readonly recorded?: Omit<BookRecords, "count" | "records"> & { readonly time: string };
  readonly outdated: readonly Finding<BookOutdated>[];
  readonly notProven: readonly Caveat<BookCaveatCode | KeyCaveatCode>[];
  readonly policyTrusted: boolean;
}

/**
 * What a reader is told of a book.
 * @see docs/library.md#books
 */
export type BookVerdict = AcceptedBook | Refused<BookRefusal>;

/** Steps of the first batch, and of the largest: where nothing holds, that is found out soon. */
const BATCH = { first: 16, most: 2_048, times: 8 } as const;

/**
 * Verifies a book. Never throws for what is in the file or in statements of custody. Throws `CANCELLED` and `OUT_OF_MEMORY`.
 *
 *   const machine = { verifyMany: verifyBatch, now: () => new Date() };
 *   const verdict = await verifyBook(machine, { book: { bytes, file: "venue.book" }, trust: readTrust(trustFile) });
 * @see docs/library.md#books
 */
export async function verifyBook(machine: BookVerifyMachine, inputs: BookInputs): Promise<BookVerdict> {
  const read = readBook(machine, inputs);
  if (!read.ok) return read;
  return (await unprovenStep(machine, read.book, read.steps)) ?? accepted(machine, inputs, read);
}

/** A book of which everything has been checked but its proofs. */
export interface ReadBook {
  readonly ok: true;
  readonly book: OpenBook;
  readonly steps: readonly Step[];
  readonly words: readonly CustodyWord[];
  readonly recorded?: AcceptedBook["recorded"];
}

/** Checks everything of a book but its proofs. */
export function readBook(
  { openKey }: Pick<BookVerifyMachine, "openKey">,
  inputs: BookInputs,
): ReadBook | Refused<BookRefusal> {
  return verdictOf<ReadBook, BookRefusal>(() => {
    const { bytes, file } = inputs.book;
    const book = openBook(bytes, file, inputs.trust.keys.filter(isOfBook), openKey);
    checkAsked(book.head, inputs);
    const steps = orderedSteps(book);
    checkOpening(book, steps);
    const words = (inputs.custody ?? []).map((text) => custodyWord(text, inputs.trust));
    checkCustody(book, words);
    if (inputs.recorded === undefined) return { ok: true, book, steps, words };
    const { count: _, records: __, ...recorded } = inputs.recorded;
    const time = checkRecorded(bookRecord(book, steps, bytes), inputs.recorded);
    return { ok: true, book, steps, words, recorded: { ...recorded, time } };
  });
}

const isOfBook = (key: Trust["keys"][number]): key is KeyIdentity<BookCircuit> & Trust["keys"][number] =>
  isOf("book", key.size);

const refuse = (reason: BookRefusal, detail: string) => new Refusal(reason, detail);

function checkAsked({ policySha256, marketSha256, statement }: BookHead, { trust, expected = {} }: BookInputs): void {
  if ((expected.policySha256 ?? policySha256) !== policySha256) {
    throw refuse("POLICY_MISMATCH", "the book was made under another policy than yours");
  }
  if ((expected.marketSha256 ?? marketSha256) !== marketSha256) {
    throw refuse("MARKET_MISMATCH", "the book was made at another market than yours");
  }
  if (trust.policies !== undefined && !trust.policies.some(({ sha256 }) => sha256 === policySha256)) {
    throw refuse("POLICY_UNTRUSTED", "your trust settings do not name the policy of the book");
  }
  if ((trust.audience ?? statement.audience) !== statement.audience) {
    throw refuse("STATEMENT_UNEXPECTED", "the book was made for another audience");
  }
}

/** The first of some steps that is not proven, if there is one; a chain that breaks between two steps is called that. */
export async function unprovenStep(
  { verifyMany, signal, onProgress }: BookVerifyMachine,
  book: OpenBook,
  steps: readonly Step[],
  { first, end }: { readonly first: number; readonly end: number } = { first: 0, end: steps.length },
): Promise<Refused<BookRefusal> | undefined> {
  const signals = stepSignals(book);
  /** Of some steps, those that do not hold. */
  async function failing(from: number, to: number): Promise<{ readonly index: number; readonly verdict: Refused }[]> {
    throwIfCancelled(signal);
    const items = steps.slice(from, to).map(({ index, proof, totals }): BatchItem => {
      const before = index === 0 ? firstTotals(book.head.size) : steps[index - 1]!.totals;
      return { publicSignals: signals(before, totals), proof };
    });
    const verdicts = await verifyMany(book.verifier, items, { signal });
    return verdicts.flatMap((verdict, at) => (verdict.ok ? [] : [{ index: from + at, verdict }]));
  }
  let size: number = BATCH.first;
  for (let from = first; from < end; from += size, size = Math.min(BATCH.most, size * BATCH.times)) {
    const to = Math.min(from + size, end);
    const failed = await failing(from, to);
    const [one] = failed;
    if (one !== undefined) {
      // Totals that are not those of the chain fail the steps on both sides of them, and the second may be in the next batch.
      if (failed.length === 1 && one.index === to - 1 && to < end) failed.push(...(await failing(to, to + 1)));
      const areProofs = failed.every(({ verdict }) => verdict.reason === "PAIRING_FAILED");
      if (areProofs && failed.length === 2 && failed[1]!.index === one.index + 1) {
        const between = `steps ${one.index} and ${one.index + 1} hold for no totals between them`;
        return { ok: false, reason: "TOTALS_UNCHAINED", detail: `${between}: the chain is broken there` };
      }
      return { ok: false, reason: "STEP_UNPROVEN", detail: `step ${one.index}: ${one.verdict.detail}` };
    }
    onProgress?.(to - first, end - first);
  }
  return undefined;
}

// ---- Custody ---------------------------------------------------------------------------------------------------------

function custodyWord(text: NamedText, { attesters }: BookTrust): CustodyWord {
  const custody = read(() => readCustody(text));
  const { file } = text;
  if (custody.signature === undefined) return { file, custody };
  if (!isVouchedFor(custody)) {
    throw refuse("ATTESTATION_UNSIGNED", `${file}: the signature is not that of the custodian it names`);
  }
  const known = attesters.find(({ signer }) => signer === custody.custodian.signer)?.name;
  if (known === undefined) throw refuse("ATTESTER_UNTRUSTED", `${file}: you do not know the custodian`);
  return { file, custody, known };
}

function read<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof PlimsollError ? refuse("CUSTODY_MISUSED", error.message) : error;
  }
}

/** What is held of each asset, and of cash last; undefined where no custody was given. */
function heldOf({ policy }: Pick<OpenBook, "policy">, words: readonly CustodyWord[]): bigint[] | undefined {
  if (words.length === 0) return undefined;
  const each = words.map(({ custody }) => lotsHeld(custody, policy));
  return [
    ...policy.assets.map((_, asset) => each.reduce((sum, { collateral }) => sum + collateral[asset]!, 0n)),
    each.reduce((sum, { cash }) => sum + cash, 0n),
  ];
}

function checkCustody(book: OpenBook, words: readonly CustodyWord[]): void {
  const places = words.map(({ custody: { custodian, subject } }) => `${custodian.signer} ${subject}`);
  if (new Set(places).size !== places.length) {
    throw refuse(
      "CUSTODY_MISUSED",
      "two statements of one custodian are of the same place: they may be of the same holdings",
    );
  }
  const held = read(() => heldOf(book, words));
  if (held === undefined) return;
  for (const [at, { symbol, lots }] of membersTotals(book).entries()) {
    if (held[at]! < lots) throw refuse("CUSTODY_SHORT", `less ${symbol} is held than members have together`);
  }
}

/** What members have of each asset, and of cash last. */
const membersTotals = ({ head: { totals }, policy }: Pick<OpenBook, "head" | "policy">) => [
  ...policy.assets.map(({ symbol, lotDecimals }, asset) => ({
    symbol,
    decimals: lotDecimals,
    lots: BigInt(totals.collateral[asset]!),
  })),
  { symbol: policy.cashSymbol, decimals: CASH_DECIMALS, lots: BigInt(totals.cash) },
];

/** Clocks may differ by this much, in seconds. */
const SKEW = 300;

/** What of a book, and of the custody given with it, is not current at the reader's date. */
export function outdatedOf(
  { now }: Pick<BookVerifyMachine, "now">,
  { trust }: Pick<BookInputs, "trust">,
  head: BookHead,
  words: readonly CustodyWord[] = [],
): Finding<BookOutdated>[] {
  const { marketTime, date } = head.statement;
  const seconds = unixDate(now());
  const old = (time: string) => trust.maxAge !== undefined && !(seconds - unixTime(time) <= trust.maxAge);
  // A date to come would never be too old.
  const toCome = (time: string) => !(unixTime(time) <= seconds + SKEW);
  const found = (code: BookOutdated, sentence: string) => ({ code, file: "", sentence });
  const held = words.map(({ custody }) => custody.asOf);
  return [
    ...[marketTime, date, ...held]
      .filter(toCome)
      .map((time) => found("BOOK_FROM_THE_FUTURE", `something is dated ${time}, after your date`)),
    ...(old(marketTime) ? [found("MARKET_OLD", `the market is of ${marketTime}`)] : []),
    ...[date, ...held].filter(old).map((time) => found("HOLDINGS_OLD", `accounts or holdings are of ${time}`)),
    ...words
      .filter(({ custody }) => !(seconds <= unixTime(custody.expires)))
      .map(({ file }) => found("ATTESTATION_EXPIRED", `${file} has expired`)),
  ];
}

function accepted(machine: BookVerifyMachine, inputs: BookInputs, { book, words, recorded }: ReadBook): AcceptedBook {
  const { head, policy } = book;
  const { venue, date } = head.statement;
  const held = heldOf(book, words);
  const claimed = words.length === 0 || words.some(({ known }) => known === undefined);
  return {
    ok: true,
    evidence: isEvidence(head.verificationKey.origin),
    head,
    policy,
    steps: stepsOf(head),
    totals: membersTotals(book).map(({ symbol, decimals, lots }, at) => ({
      symbol,
      members: formatDecimal(lots, decimals),
      ...(held === undefined ? {} : { held: formatDecimal(held[at]!, decimals) }),
    })),
    custody: words,
    ...(recorded && { recorded }),
    outdated: outdatedOf(machine, inputs, head, words),
    notProven: withKey<BookCaveatCode>(head.verificationKey, [
      claimed && {
        code: "CUSTODY_CLAIMED",
        text:
          words.length === 0
            ? "Nothing here shows that anybody holds what the members have together: give statements of custody."
            : "Of some custody, nobody whom you trust has signed that it is held.",
      },
      words.some(({ custody }) => custody.holder !== venue) && {
        code: "CUSTODY_OTHER",
        text: "Some custody is held for another name than that of the book's venue: find out whether both are one.",
      },
      words.some(({ custody }) => custody.asOf !== date) && {
        code: "CUSTODY_TIME",
        text: "Some custody is as of another time than the accounts: what was held at theirs is not shown.",
      },
      // What is recorded alone for its date is what everybody is shown who looks there.
      ...BOOK_CAVEATS.filter(({ code }) => recorded === undefined || code !== "BOOK_SHOWN"),
    ]),
    policyTrusted: inputs.trust.policies !== undefined,
  };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** To record a book on a chain for good: only one that holds, and only what it says. */
import type { Signer } from "ethers";
import { deployRegistry, readBookRecords, registryAt, sendBookRecord } from "../chain/book-registry.ts";
import { checkOrigin } from "../chain/deploy.ts";
import { type BookRecord, bookRecord, isSameBook } from "../document/book/record.ts";
import { PlimsollError } from "../errors.ts";
import { type BookInputs, type BookVerifyMachine, readBook, unprovenStep } from "./verify-book.ts";

/**
 * What recording a book needs of the machine.
 * @see docs/library.md#books
 */
export interface RecordMachine extends Pick<BookVerifyMachine, "verifyMany" | "signal" | "onProgress"> {
  /** The venue's, with a provider. */
  readonly signer: Signer;
  /** Asked before anything is sent; throws where it may not be. */
  consent(leaving: RecordLeaving): Promise<void>;
}

/**
 * What is about to be sent.
 * @see docs/library.md#books
 */
export interface RecordLeaving {
  readonly record: BookRecord;
  readonly chainId: string;
  readonly from: string;
  /** Undefined where one is deployed first. */
  readonly registry: string | undefined;
}

/**
 * A book that is on record.
 * @see docs/library.md#books
 */
export interface RecordedBook {
  readonly record: BookRecord;
  readonly registry: string;
  readonly venue: string;
  readonly chainId: string;
  /** Absent where it was on record already. */
  readonly sent?: { readonly transaction: string; readonly block: number };
}

/**
 * Records a book under the signer's address, in the registry that is named or in a new one. Throws `PROOF_REFUSED` for a book that does
 * not hold, `KEY_REFUSED` for one of a key that proves nothing on this chain, `CALL_REFUSED` where another book of its date or a later
 * one is on record, `FIELD_INVALID` where no registry of this release is at the address, `CHAIN_FAILED`, and as `consent`.
 *
 *   const { venue } = await recordBook({ signer, consent, verifyMany: verifyBatch }, { book: { bytes, file }, trust, registry });
 * @see docs/library.md#books
 */
export async function recordBook(
  machine: RecordMachine,
  { registry: address, ...inputs }: Pick<BookInputs, "book" | "trust"> & { readonly registry?: string | undefined },
): Promise<RecordedBook> {
  const { signer } = machine;
  const read = readBook({}, inputs);
  const refused = read.ok ? await unprovenStep({ ...machine, now: () => new Date() }, read.book, read.steps) : read;
  if (!read.ok || refused !== undefined) {
    throw new PlimsollError("PROOF_REFUSED", `the book does not hold: ${refused!.detail}`);
  }
  const record = bookRecord(read.book, read.steps, inputs.book.bytes);
  const { chainId } = await signer.provider!.getNetwork();
  checkOrigin(read.book.head.verificationKey.origin, chainId);
  const venue = await signer.getAddress();
  const leaving = { record, chainId: `${chainId}`, from: venue };
  const known = address === undefined ? undefined : await registryAt(signer, address);
  const before = known && (await readBookRecords(known, venue, record.date));
  if (before?.records.some((each) => isSameBook(each, record)))
    return { record, registry: before.registry, venue, chainId: `${chainId}` };
  if (before !== undefined && before.count > 0) {
    const rule =
      "another book of this time is on record: with a second one readers would refuse both. Build it for a later time";
    throw new PlimsollError("CALL_REFUSED", rule);
  }
  await machine.consent({ ...leaving, registry: address });
  const registry = known ?? (await deployRegistry(signer));
  const sent = await sendBookRecord(registry, record);
  return { record, registry: await registry.getAddress(), venue, chainId: `${chainId}`, sent };
}

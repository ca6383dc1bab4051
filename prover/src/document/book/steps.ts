// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Steps of a book as bytes, and the book as one public file.
 *
 *   step   = book id (32)  index (4, little-endian, signed)  proof (128)  totals after it (32)        from a worker, 196 bytes
 *   record = index  proof  totals                                                                     in the public file, 164 bytes
 *   file   = "plimsoll-book/1\n"  lengths of four texts (4 each, little-endian)
 *            head  policy  market  verification key  records, in the order of their indices
 */
import { PlimsollError } from "../../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../../field.ts";
import { BOOK_LEAVES } from "../../model/book.ts";
import { COMPRESSED_BYTES } from "../../verify/compressed.ts";
import { Refusal } from "../kit.ts";
import { bytesElement, elementBytes } from "./head.ts";

/** Bytes of a step, from whoever proved it. Public. */
export type StepBytes = Uint8Array;

const ID_BYTES = 32;
const INDEX_BYTES = 4;
const TOTALS_BYTES = 32;
export const RECORD_BYTES = INDEX_BYTES + COMPRESSED_BYTES + TOTALS_BYTES;
export const STEP_BYTES = ID_BYTES + RECORD_BYTES;

/** A step read. Nothing in it has been checked but its form. */
export interface Step {
  /** May be anything that 32 bits can hold. */
  readonly index: number;
  readonly proof: Uint8Array;
  readonly totals: FieldElement;
}

/** Why a step of a book is refused. Stable, for machines. */
export type StepRefusal =
  /** Not the bytes of a step. */
  | "STEP_MALFORMED"
  /** Of another book. */
  | "STEP_FOREIGN"
  /** Its index is negative, beyond the last, or another than the one that was asked for. */
  | "STEP_INDEX"
  /** Its totals are not those that the chain has there. */
  | "STEP_DETACHED"
  /** Its proof is none of this step. */
  | "STEP_UNPROVEN";

export function stepBytes(id: Uint8Array, { index, proof, totals }: Step): StepBytes {
  const bytes = new Uint8Array(STEP_BYTES);
  bytes.set(id);
  new DataView(bytes.buffer).setInt32(ID_BYTES, index, true);
  bytes.set(proof, ID_BYTES + INDEX_BYTES);
  bytes.set(elementBytes(totals), ID_BYTES + INDEX_BYTES + COMPRESSED_BYTES);
  return bytes;
}

/** The step of this book; refused where it is of another one, or none. */
export function readStep(bytes: unknown, id: Uint8Array): Step {
  if (!(bytes instanceof Uint8Array) || bytes.length !== STEP_BYTES) {
    throw new Refusal("STEP_MALFORMED", `expected the ${STEP_BYTES} bytes of a step`);
  }
  if (!id.every((byte, at) => byte === bytes[at])) throw new Refusal("STEP_FOREIGN", "the step is of another book");
  return readRecord(bytes.subarray(ID_BYTES));
}

/** A record of the public file. Refuses totals that are no field element. */
export function readRecord(bytes: Uint8Array): Step {
  const totals = bytesElement(bytes, INDEX_BYTES + COMPRESSED_BYTES);
  if (totals >= FIELD_ORDER) throw new Refusal("STEP_MALFORMED", "the totals of a step are not below the field order");
  return {
    index: new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true),
    proof: bytes.subarray(INDEX_BYTES, INDEX_BYTES + COMPRESSED_BYTES),
    totals: totals as FieldElement,
  };
}

export const recordOf = (step: StepBytes): Uint8Array => step.subarray(ID_BYTES);

// ---- The public file -------------------------------------------------------------------------------------------------

const MAGIC = new TextEncoder().encode("plimsoll-book/1\n");
const LENGTHS = 4;
const TEXTS_FROM = MAGIC.length + 4 * LENGTHS;
/** Of each text, in bytes: no reader takes more. */
const MOST = [100_000, 200_000, 1_500_000, 1_000_000] as const;
/** What a book can have at most, in bytes. */
export const BOOK_BYTES = TEXTS_FROM + MOST.reduce((sum, each) => sum + each, 0) + (BOOK_LEAVES / 8) * RECORD_BYTES;

/** The parts of a public file. */
export interface BookParts {
  readonly head: Uint8Array;
  readonly policy: Uint8Array;
  readonly market: Uint8Array;
  readonly verificationKey: Uint8Array;
  readonly records: Uint8Array;
}

/** What comes before the records. */
export function fileStart({ head, policy, market, verificationKey }: Omit<BookParts, "records">): Uint8Array {
  const texts = [head, policy, market, verificationKey];
  for (const [index, { length }] of texts.entries()) {
    if (length > MOST[index]!) throw new PlimsollError("TOO_LARGE", `expected at most ${MOST[index]} bytes`);
  }
  const bytes = new Uint8Array(TEXTS_FROM + texts.reduce((sum, { length }) => sum + length, 0));
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  let at = TEXTS_FROM;
  for (const [index, text] of texts.entries()) {
    view.setUint32(MAGIC.length + 4 * index, text.length, true);
    bytes.set(text, at);
    at += text.length;
  }
  return bytes;
}

/** Whether a file begins as the public file of a book. */
export const beginsAsBook = (bytes: Uint8Array): boolean => MAGIC.every((byte, at) => byte === bytes[at]);

/** The parts of a file. Throws `SYNTAX` where it is none, or is cut before its records. Nothing is checked of the parts. */
export function readBookParts(bytes: Uint8Array, file: string): BookParts {
  const isBook = bytes.length >= TEXTS_FROM && beginsAsBook(bytes);
  if (!isBook) throw new PlimsollError("SYNTAX", "not the public file of a book", { file });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = TEXTS_FROM;
  const texts = MOST.map((most, index) => {
    const length = view.getUint32(MAGIC.length + 4 * index, true);
    if (length > most) throw new PlimsollError("TOO_LARGE", `expected texts of at most ${most} bytes`, { file });
    const text = bytes.subarray(at, at + length);
    if (text.length !== length) throw new PlimsollError("SYNTAX", "the file ends before its steps", { file });
    at += length;
    return text;
  });
  const [head, policy, market, verificationKey] = texts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return { head, policy, market, verificationKey, records: bytes.subarray(at) };
}

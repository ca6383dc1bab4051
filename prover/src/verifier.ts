// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll/verifier`: the reader's side alone. It shares no code with what makes proofs, needs no network, no file system
 * and no secret, and bundles for browsers.
 *
 *   const trust = readTrust({ text: trustText, file: "trust.json" });
 *   const verdict = await createPackVerifier(trust).verify(zipBytes, new Date());
 *   if (verdict.ok) … verdict.outcome, verdict.reading.statements … else … verdict.finding
 */

export { checkSlip, type SlipInputs, type SlipVerdict } from "./app/check-slip.ts";
export {
  type AcceptedBook,
  type BookInputs,
  type BookTrust,
  type BookVerdict,
  type BookVerifyMachine,
  verifyBook,
} from "./app/verify-book.ts";
export { verifyEnvelope } from "./app/verify-envelope.ts";
export type { BookCircuit, BookHead } from "./document/book/head.ts";
export { type MergeDocument, type MergeVerdict, readMerge, verifyMerge } from "./document/merge.ts";
export { checkEnvelope, type EnvelopeVerdict, readEnvelope } from "./document/proof.ts";
export { EXIT, PlimsollError } from "./errors.ts";
export { readAttestation, readChainReference, readObservations } from "./pack/evidence.ts";
export { type Assurance, type PackIndex, packSha256 } from "./pack/format.ts";
export { readTrust, type Trust } from "./pack/trust.ts";
export {
  createPackVerifier,
  type Finding,
  type Invalid,
  type PackReading,
  type PackVerdict,
  type PackVerifier,
  type ProvenStatement,
  peekIndex,
  type Stale,
  type Unusable,
} from "./pack/verify.ts";
export { PACK_LIMITS, type PackFiles, unzipFiles } from "./pack/zip.ts";
export { type BatchItem, verifyBatch } from "./verify/batch.ts";
export { createVerifier, type KeyIdentity, type ProofVerdict, type Verifier } from "./verify/verifier.ts";

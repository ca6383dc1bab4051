// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Plimsoll: zero-knowledge proofs that a margin account's haircut-weighted collateral covers its maintenance margin.
 *
 *   const policy = readPolicy(policyText, "policy.json");
 *   const market = readMarket(marketText, "market.json", policy);
 *   const account = readAccount(accountText, "account.json", policy, market);
 *
 *   const prover = createProver();
 *   const holder = { ...account, viewingKey: readViewingKey(keyText, "viewing.key") };
 *   const claim = { level: policy.levels.initial, direction: "at-least", audience: "request 17", policy, market };
 *   const envelope = await proveCoverage(prover, holder, claim);
 *   await prover.close();
 *
 *   const verdict = await verifyEnvelope({ verifierFor: loadVerifier }, { envelope: …, policy: …, market: … });
 *
 * Amounts are bigint, in the units of `units.ts`; decimal strings are in files only. Every error is a `PlimsollError`
 * with a stable `code`, and none holds a position, a key or any other private value.
 */

export { accountWarnings } from "./app/account-warnings.ts";
export { assembleBook, type ProvenBook } from "./app/assemble-book.ts";
export { type AttestRequest, attest } from "./app/attest.ts";
export { makeAuditorKey } from "./app/auditor-key.ts";
export { type BelowLevel, type BuildMachine, type BuildRequest, type BuiltBook, buildBook } from "./app/build-book.ts";
export { bookSlips, checkSlip, type NewSlip, type SlipInputs, type SlipVerdict } from "./app/check-slip.ts";
export { type Commitment, commitAccount } from "./app/commit.ts";
export {
  type DiscloseMachine,
  type Disclosure,
  type DisclosureOrder,
  type DisclosureQuestion,
  proveDisclosure,
  simulateDisclosure,
} from "./app/disclose.ts";
export {
  type ImportedHolding,
  type ImportOrder,
  type ImportReport,
  type ImportSource,
  importAccount,
} from "./app/import.ts";
export { type KeySource, makePack, type Pack, type PackMachine, type PackRequest } from "./app/make-pack.ts";
export { type Portfolio, provePortfolio } from "./app/portfolio.ts";
export type { KeyedAccount } from "./app/provable.ts";
export { type CoverageClaim, type CoverageOutcome, proveAccounts, proveCoverage } from "./app/prove.ts";
export { acceptProof, proveShard, shardKeyOf } from "./app/prove-book.ts";
export { proveEnvelope, type Question } from "./app/prove-envelope.ts";
export { accountReport, type ReportRequest } from "./app/report.ts";
export { type TrustRequest, trustFrom } from "./app/trust-from.ts";
export { levelReached, type Valuation, valueAccount } from "./app/value.ts";
export {
  type AcceptedBook,
  type BookInputs,
  type BookTrust,
  type BookVerdict,
  type BookVerifyMachine,
  verifyBook,
} from "./app/verify-book.ts";
export { type DisclosureInputs, verifyDisclosure } from "./app/verify-disclosure.ts";
export { type EnvelopeInputs, verifyEnvelope } from "./app/verify-envelope.ts";
export {
  type AuditorKey,
  checkPossession,
  newAuditorSecret,
  POSSESSION_CIRCUIT,
  readAuditorKey,
  readAuditorSecret,
} from "./document/auditor-key.ts";
export type { BookFiles } from "./document/book/check.ts";
export { type BookCircuit, type BookHead, bookText, readBookHead } from "./document/book/head.ts";
export { newBookSecret, readBookSecret } from "./document/book/secret.ts";
export {
  cellOf,
  type DisclosureEnvelope,
  type DisclosureRefusal,
  type DisclosureVerdict,
  figureValue,
  type NamedFigure,
  namedFigure,
  readDisclosure,
} from "./document/disclosure.ts";
export {
  type Answer,
  BUDGET,
  type DisclosureLedger,
  EMPTY_LEDGER,
  type Excess,
  excessOf,
  type LedgerStore,
  readLedger,
  recorded,
} from "./document/disclosure-ledger.ts";
export type { Caveat } from "./document/kit.ts";
export { type MergeDocument, type MergeVerdict, readMerge, verifyMerge } from "./document/merge.ts";
export {
  describe,
  type Envelope,
  type EnvelopeDescription,
  type EnvelopeRefusal,
  type EnvelopeVerdict,
  readEnvelope,
} from "./document/proof.ts";
export { type ErrorCode, type ErrorPlace, EXIT, PlimsollError } from "./errors.ts";
export type { FieldElement } from "./field.ts";
export {
  type AccountDocument,
  type AccountFile,
  type BookAccount,
  type NamedText,
  type PositionDocument,
  readAccount,
  readAccountLine,
  readViewingKey,
  type StateDocument,
  stateDocument,
} from "./formats/account.ts";
export {
  type AccountTables,
  readAccountTables,
  readTables,
  type TabledAccounts,
  type TableOptions,
  type TableTotal,
} from "./formats/account-tables.ts";
export { type Basis, type CashConversion, type CashLine, cashOf, type Holding } from "./formats/cash.ts";
export type { Departures } from "./formats/departures.ts";
export { formatJson } from "./formats/json.ts";
export { type MarketDocument, type MarketFile, readMarket } from "./formats/market.ts";
export { type PolicyDocument, type PolicyFile, readPolicy } from "./formats/policy.ts";
export { type ImportMap, readImportMap } from "./importers/import-map.ts";
export { type Account, genesis, randomViewingKey, viewingKey } from "./model/account.ts";
export { commitFill, commitState } from "./model/commit.ts";
export { coverageBpsDown, type Evaluation, evaluate, isAtLeast } from "./model/evaluate.ts";
export type { Market } from "./model/market.ts";
export type { Policy } from "./model/policy.ts";
export { ASSETS, BOARD_SIZES, type BoardSize, CASH_INDEX, instrumentsOf } from "./model/sizes.ts";
export {
  applyTransition,
  type Fill,
  NO_TRANSFER,
  noFill,
  type Transfer,
  type Transition,
} from "./model/transition.ts";
export { type ArtifactIdentity, type ArtifactOptions, loadManifest, type Manifest } from "./node/artifacts.ts";
export { verifyBatch } from "./node/batch.ts";
export { fileLedger } from "./node/disclosure-ledger.ts";
export { createProver, type Proof, type ProveOptions, type Prover, type ProverOptions } from "./node/prover.ts";
export { commitStates, openSpongeCore, type SpongeCore } from "./node/sponges.ts";
export { loadVerifier } from "./node/verifier.ts";
export { type Attestation, observationsDocument } from "./pack/evidence.ts";
export { type ReportContext, renderPackReport } from "./pack/report.ts";
export { newSigningKey, readSigningKey, type Signing, type TypedData } from "./pack/typed-data.ts";
export { zipFiles } from "./pack/zip.ts";
export { buildStatement, type Direction, type Request, type Statement } from "./statement/account.ts";
export { type MergeRequest, merge } from "./statement/merge.ts";
export { type SettlementRequest, settle } from "./statement/settlement.ts";
export type { BatchItem, BatchOptions } from "./verify/batch.ts";
export {
  createVerifier,
  type KeyIdentity,
  type ProofRefusal,
  type ProofVerdict,
  type Refused,
  type Verifier,
} from "./verify/verifier.ts";

// SPDX-License-Identifier: GPL-3.0-or-later
/** What a reader of an evidence pack is told: the verdict, why, and what the pack says where it is sound. */
import type { EnvelopeRefusal, StatementDocument } from "../document/proof.ts";
import type { BoardSize } from "../model/sizes.ts";
import type { KeyIdentity } from "../verify/verifier.ts";
import type { Assurance, PackCircuit, PackIndex, PackKey, PackStatement } from "./format.ts";

/**
 * No verdict is possible: the file is not a pack, or the reader's trust settings do not say enough.
 * @see docs/library.md#evidence-packs
 */
export type Unusable =
  | "PACK_MALFORMED"
  /** No firm or no key is trusted: there is nothing to compare with. */
  | "TRUST_INCOMPLETE"
  /** The pack rests on what a chain holds, and the reader has not looked it up. */
  | "CHAIN_UNCONFIRMED";

/**
 * A pack that is not what it claims to be.
 * @see docs/library.md#evidence-packs
 */
export type Invalid =
  | EnvelopeRefusal
  | "INDEX_UNSEALED"
  | "FIRM_UNTRUSTED"
  | "FILE_MISSING"
  | "FILE_UNLISTED"
  | "FILE_CHANGED"
  | "FILE_UNUSED"
  | "FILE_MALFORMED"
  | "HISTORY_BROKEN"
  | "HISTORY_FORKED"
  | "KEY_UNTRUSTED"
  | "KEY_UNSOUND"
  | "KEY_MISSING"
  | "CIRCUIT_MISMATCH"
  | "POLICY_UNTRUSTED"
  | "ATTESTER_UNTRUSTED"
  | "ATTESTATION_UNSIGNED"
  | "ATTESTATION_MISUSED"
  /** A merge given for a proof that moves something, so that its account is no sum. */
  | "MERGE_MISUSED"
  /** The merges are no tree whose root is the account proven. */
  | "MERGE_DETACHED"
  /** An account is in the sum twice. */
  | "STATE_COUNTED_TWICE"
  /** An account is in the sum, and nobody vouches for it. */
  | "PART_UNATTESTED"
  /** What was vouched for may be, in part, the same twice. */
  | "PARTS_OVERLAP"
  | "CHAIN_CONTRADICTED"
  /** The account is on one chain, the market on another. */
  | "CHAINS_DIFFER"
  /** The rows valued bear other names or lots than the reader's listing of the board. */
  | "LISTING_UNEXPECTED"
  | "OBSERVATIONS_REFUSED"
  | "LEVEL_UNSUPPORTED"
  | "TIME_ORDER";

/**
 * True at its time, and the reader should ask for a newer one.
 * @see docs/library.md#evidence-packs
 */
export type Stale =
  | "MARKET_OLD"
  | "HOLDINGS_OLD"
  | "SIGNATURE_OLD"
  | "ATTESTATION_EXPIRED"
  | "POLICY_SUPERSEDED"
  | "PACK_SUPERSEDED"
  | "PACK_FROM_THE_FUTURE";

/**
 * Why a pack is not good, and in which file.
 * @see docs/library.md#evidence-packs
 */
export interface Finding<Code extends string = string> {
  readonly code: Code;
  /** Path in the pack. */
  readonly file: string;
  readonly sentence: string;
}

/** Something that was checked and holds. */
export interface Check {
  readonly file: string;
  readonly sentence: string;
}

/** Who stands behind a figure. */
export interface Voucher {
  readonly file: string;
  /** The name that the reader knows, or what the chain reference points at. */
  readonly name: string;
  readonly address: string;
  /** What the attester calls the account, in its own words. They could say anything: show them apart, as a quotation. */
  readonly subject?: string;
  /** What for, in words of this program. */
  readonly words: string;
  readonly time: string;
}

/**
 * A statement of a pack whose proof holds.
 * @see docs/library.md#evidence-packs
 */
export interface ProvenStatement {
  readonly files: PackStatement;
  readonly statement: StatementDocument;
  readonly size: BoardSize;
  readonly key: KeyIdentity;
  readonly stateBefore: string;
  readonly stateAfter: string;
  readonly policy: { readonly name: string; readonly sha256: string; readonly trusted: boolean };
  readonly marketSha256: string;
  readonly level: Assurance;
  /** `parts`: how many accounts the account is the sum of; 1 where it is none. */
  readonly account: { readonly level: Assurance; readonly by: readonly Voucher[]; readonly parts: number };
  readonly values: { readonly level: Assurance; readonly by: readonly Voucher[] };
  /** What is not shown. Never empty. */
  readonly notProven: readonly { readonly code: string; readonly text: string }[];
}

/**
 * What a pack says, checked.
 * @see docs/library.md#evidence-packs
 */
export interface PackReading {
  readonly index: PackIndex;
  readonly sha256: string;
  /** The name by which the reader knows the firm. */
  readonly firm: string;
  readonly statements: readonly ProvenStatement[];
  readonly keys: readonly (PackKey & KeyIdentity<PackCircuit>)[];
  /** False where one of the keys lets its maker forge proofs: the pack is then worth nothing as evidence. */
  readonly evidence: boolean;
  /** Numbers of the earlier packs whose indexes are here, newest first. */
  readonly history: readonly { readonly number: string; readonly sha256: string; readonly created: string }[];
}

/**
 * What a reader finds out about a pack.
 * @see docs/library.md#evidence-packs
 */
export type PackVerdict =
  | {
      readonly ok: true;
      readonly outcome: "valid" | "not-current";
      /** Why it is not current; empty where it is. */
      readonly stale: readonly Finding<Stale>[];
      readonly reading: PackReading;
      readonly checks: readonly Check[];
    }
  | {
      readonly ok: false;
      readonly outcome: "invalid" | "unusable";
      readonly finding: Finding<Invalid | Unusable>;
      /** What held before that. */
      readonly checks: readonly Check[];
    };

// SPDX-License-Identifier: GPL-3.0-or-later
/** From the accounts of a firm to one that holds what they hold together, with the proofs that it does. */

import { type MergeDocument, mergeContext, mergeDocument } from "../document/merge.ts";
import { PlimsollError } from "../errors.ts";
import type { Departures } from "../formats/departures.ts";
import { label } from "../formats/labels.ts";
import { type Account, randomViewingKey } from "../model/account.ts";
import { commitState } from "../model/commit.ts";
import type { ProveOptions, Prover } from "../prove/prover.ts";
import { circuitOf } from "../statement/families.ts";
import { merge } from "../statement/merge.ts";
import { checkSettled } from "./provable.ts";

/**
 * Accounts added up to one, with the proofs of it.
 * @see docs/library.md#several-accounts
 */
export interface Portfolio {
  /** Under a viewing key of its own; with sequence zero. */
  readonly account: Account;
  /** What the parts leave out, or count in another way; undefined where nothing. */
  readonly exceptions?: readonly string[];
  /** One fewer than there are parts, in the order made: the last one makes the account. */
  readonly merges: readonly MergeDocument[];
}

/** As many as a pack may well hold. */
export const MAX_PARTS = 64;

/**
 * Adds up 2 to 64 accounts on boards of one size, one after another. Sums on the way are under keys that are forgotten.
 *
 * Throws as `Prover.merge`; `UNSETTLED` for a part that leaves out what is not acknowledged; `FIELD_INVALID` for too few, too many or the same state twice, or an audience that is not
 * 1 to 200 visible characters.
 * @see docs/library.md#several-accounts
 */
export async function provePortfolio(
  prover: Prover,
  parts: readonly (Account & Departures)[],
  audience: string,
  options?: ProveOptions,
): Promise<Portfolio> {
  if (parts.length < 2 || parts.length > MAX_PARTS) {
    throw new PlimsollError("FIELD_INVALID", `expected 2 to ${MAX_PARTS} accounts`, { field: "parts" });
  }
  label(audience, "audience");
  for (const part of parts) checkSettled(part);
  const exceptions = [...new Set(parts.flatMap((part) => part.exceptions ?? []))];
  if (new Set(parts.map(commitState)).size !== parts.length) {
    throw new PlimsollError("FIELD_INVALID", "the same state of an account is there twice", { field: "parts" });
  }
  // All sums before any proof: what is out of range is said at once.
  const sums = parts
    .slice(1)
    .reduce<Account[]>(([...made], part) => [...made, merge(made.at(-1)!, part, randomViewingKey())], [parts[0]!]);
  const { size } = parts[0]!;
  const { sha256, origin } = await prover.key(circuitOf("merge", size));
  const terms = { size, audience, verificationKey: { sha256, origin } };
  const context = mergeContext(terms);
  const merges: MergeDocument[] = [];
  for (const [index, right] of parts.slice(1).entries()) {
    const request = { left: sums[index]!, right, mergedViewingKey: sums[index + 1]!.viewingKey, context };
    merges.push(mergeDocument(terms, await prover.merge(request, options)));
  }
  return { account: sums.at(-1)!, ...(exceptions.length > 0 && { exceptions }), merges };
}

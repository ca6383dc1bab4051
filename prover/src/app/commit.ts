// SPDX-License-Identifier: GPL-3.0-or-later
/** The commitment to an account's state. */
import type { FieldElement } from "../field.ts";
import type { Account } from "../model/account.ts";
import { commitState } from "../model/commit.ts";
import type { BoardSize } from "../model/sizes.ts";

/**
 * The public commitment to an account.
 * @see docs/library.md#accounts
 */
export interface Commitment {
  /** Public: what a custodian signs, and what a chain holds. */
  readonly commitment: FieldElement;
  readonly size: BoardSize;
  readonly sequence: bigint;
}

/**
 * Commits to an account, which has its viewing key.
 *
 *   const { commitment } = commitAccount({ ...holder.account, viewingKey: readViewingKey(text, "viewing.key") });
 */
export const commitAccount = (account: Account): Commitment => ({
  commitment: commitState(account),
  size: account.size,
  sequence: account.sequence,
});

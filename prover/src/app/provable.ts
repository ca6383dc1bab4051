// SPDX-License-Identifier: GPL-3.0-or-later
/** Accounts of which something may be proven: with their viewing key, and with everything settled. */
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { AccountFile } from "../formats/account.ts";
import type { Departures } from "../formats/departures.ts";
import type { Account } from "../model/account.ts";

/**
 * An account as its file has it, and its viewing key: `{ ...readAccount(…), viewingKey: readViewingKey(…) }`.
 * @see docs/library.md#proofs
 */
export interface KeyedAccount extends Pick<AccountFile, "account">, Departures {
  readonly viewingKey: FieldElement;
}

/** The model's account. Throws `UNSETTLED`. */
export function provable({ account, viewingKey, unsettled }: KeyedAccount): Account {
  checkSettled({ unsettled });
  return { ...account, viewingKey };
}

/** Throws `UNSETTLED` for an account that leaves something out which its owner has not acknowledged; names all of it. */
export function checkSettled({ unsettled = [] }: { readonly unsettled?: readonly string[] | undefined }): void {
  if (unsettled.length === 0) return;
  throw new PlimsollError(
    "UNSETTLED",
    `nothing is proven of this account before its owner settles: ${unsettled.join("; ")}. Import again, and map each or acknowledge it by name (docs/imports.md)`,
  );
}

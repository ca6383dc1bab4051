// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * CRIF: the trades of a portfolio. `plimsoll market import crif` makes a row of the market of each trade and qualifier
 * (`trade/qualifier`, one lot is the whole trade); here the account holds one of each. Its value counts in full, as a present value
 * does; cash comes from another source.
 */
import { PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import { readCrif } from "../risk-tables.ts";
import { type Snapshot, SnapshotDraft } from "./snapshot.ts";

const ONE = { units: 1n, decimals: 0 };

/** Reads the files of one portfolio. Throws as `readCrif`, and `FIELD_INVALID` for a trade that is in two files. */
export function readCrifTrades(files: readonly NamedText[]): Snapshot {
  const draft = new SnapshotDraft();
  for (const { text, file } of files) {
    for (const { symbol } of readCrif(text, file).instruments) {
      draft.once(symbol, (rule) => new PlimsollError("FIELD_INVALID", rule, { file, field: "TradeID" }));
      draft.position({ symbol, source: { amount: ONE, unit: "trade" }, quantity: ONE });
    }
  }
  return draft;
}

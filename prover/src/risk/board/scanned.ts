// SPDX-License-Identifier: GPL-3.0-or-later
/** Rows that collateral is scanned in. */
import { PlimsollError } from "../../errors.ts";
import type { PolicyFile } from "../../formats/policy.ts";
import { NOT_SCANNED } from "../../model/policy.ts";
import { type MarketInput, own } from "../input.ts";
import type { ValuationModel } from "../model.ts";

/**
 * The row that an asset is scanned in is never gone while the asset counts, and follows its price: an instrument without expiry,
 * on the underlying that its collateral rule names.
 */
export function checkScannedModels(
  { assets, policy }: PolicyFile,
  { instruments, collateral }: MarketInput["policy"],
  valuations: Readonly<Record<string, ValuationModel>>,
): void {
  for (const [index, { symbol }] of assets.entries()) {
    const instrument = instruments[index];
    if (policy.scanLots[index] === NOT_SCANNED || !instrument) continue;
    const refuse = (rule: string) =>
      new PlimsollError("FIELD_INVALID", `${rule}: ${symbol} is scanned in this row`, {
        field: `instruments[${instrument.symbol}]`,
      });
    const model = own(valuations, instrument.model);
    if (model?.closing !== "linear" || model.terms.includes("expiry")) {
      throw refuse("expected an instrument that neither is settled nor expires, and is no option");
    }
    const underlying = collateral.find(({ asset }) => asset === symbol)?.underlying;
    if (underlying !== undefined && underlying !== instrument.underlying) {
      throw refuse(`expected an instrument on ${underlying}`);
    }
  }
}

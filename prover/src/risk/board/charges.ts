// SPDX-License-Identifier: GPL-3.0-or-later
/** Charge models by id: what closing a position costs, and a minimum for short options. */
import { z } from "zod";
import { conform, decimalNumber } from "../input.ts";
import type { ChargeModel } from "../model.ts";

const fraction = decimalNumber.refine((value) => value >= 0 && value <= 1, "expected a fraction of 0 to 1");

/**
 * Closing costs. A long option costs at most a fraction of its value to sell, and at least a tick: otherwise thousands of
 * worthless ones, which gain in a column or two, would pay for any book that loses there. A short one must be bought back, and far out of the money no scenario may reach it, so a short carries the minimum as
 * well. The minimum is added to the scan rather than a floor under it, since margin is a sum; it is set lower for that.
 */
const schema = z.strictObject({
  /** Of a linear contract, as a fraction of its notional, which is the spot for most: half a spread and a taker fee. */
  linearClosing: fraction,
  /** Of an option: this fraction of spot, but no more than that fraction of the option's value. */
  optionClosing: fraction,
  optionClosingOfValue: fraction,
  /** And no less than this fraction of spot. */
  optionTick: fraction,
  /** Beside the scan, for a short option: a fraction of spot. */
  shortOptionMinimum: fraction,
});

const closingCosts: ChargeModel = {
  id: "closing-costs",
  charges(closing, notional, mark, parameters) {
    const { linearClosing, optionClosing, optionClosingOfValue, optionTick, shortOptionMinimum } = conform(
      schema,
      parameters,
      { field: "parameters" },
    );
    if (closing === "none") return { long: 0, short: 0, formula: "nothing to close", inputs: {} };
    if (closing === "linear") {
      const cost = linearClosing * notional;
      return { long: cost, short: cost, formula: "linearClosing · notional", inputs: { linearClosing, notional } };
    }
    const cost = Math.max(
      optionTick * notional,
      Math.min(optionClosing * notional, optionClosingOfValue * Math.max(0, mark)),
    );
    return {
      long: cost,
      short: cost + shortOptionMinimum * notional,
      formula:
        "max(optionTick · notional, min(optionClosing · notional, optionClosingOfValue · mark)); short: + shortOptionMinimum · notional",
      inputs: { optionClosing, optionClosingOfValue, optionTick, shortOptionMinimum, notional, mark },
    };
  },
};

export const CHARGE_MODELS: Readonly<Record<string, ChargeModel>> = { [closingCosts.id]: closingCosts };

// SPDX-License-Identifier: GPL-3.0-or-later
/** The first charges: what closing a position costs, and a minimum for short options. */
import type { ChargeModel } from "./model.ts";
import { underlyingOf } from "./valuation.ts";

/** Closing cost of a linear contract, as a fraction of spot: half a spread and a taker fee. */
export const LINEAR_CLOSING = 0.0005;
/** Closing cost of an option: this fraction of spot, but no more than this fraction of the option's value. */
export const OPTION_CLOSING = 0.001;
export const OPTION_CLOSING_OF_VALUE = 0.125;
/** Charged on each short option beside its scan: a fraction of spot. */
export const SHORT_OPTION_MINIMUM = 0.005;

/**
 * A long option costs at most a fraction of its value to sell (a worthless one is left to expire); a short one must be
 * bought back, and far out of the money no scenario may reach it, so a short carries the minimum as well. The minimum
 * is added to the scan rather than a floor under it, since margin is a sum; it is set lower for that.
 */
export const firstCharges: ChargeModel = {
  charges(instrument, seen, mark) {
    if (instrument.kind === "settled") return { long: 0, short: 0 };
    const spot = Number(underlyingOf(instrument, seen).spot);
    if (instrument.kind !== "option") return { long: LINEAR_CLOSING * spot, short: LINEAR_CLOSING * spot };
    const closing = Math.min(OPTION_CLOSING * spot, OPTION_CLOSING_OF_VALUE * mark);
    return { long: closing, short: closing + SHORT_OPTION_MINIMUM * spot };
  },
};

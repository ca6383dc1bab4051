// SPDX-License-Identifier: GPL-3.0-or-later
/** A calibration of several assets at once: what may stand in a risk policy. Public. */
import type { ModelChoice } from "../input.ts";
import { alignHistories, type PriceHistory } from "../prices.ts";
import { calibrateUnderlying, lowestCorrelations, scanScenarios, type UnderlyingCalibration } from "./calibrate.ts";
import { historicalScenarios } from "./filtered.ts";
import { type HaircutTiers, haircutTiers, liquidityOf, liquidityTerms } from "./liquidity.ts";
import { type CalibrationOptions, DEFAULT_CALIBRATION, type PreparedHistory, prepare } from "./ranges.ts";

/**
 * Model parameters that follow from price histories.
 * @see docs/library.md#risk
 */
export interface Calibration {
  readonly options: CalibrationOptions;
  readonly underlyings: readonly UnderlyingCalibration[];
  /** By underlying, its lowest correlation with another over a quarter; none where there is one underlying. */
  readonly correlations: Readonly<Record<string, number>>;
  /** What may stand in a risk policy. */
  readonly scenarios: { readonly scan: ModelChoice; readonly historical: ModelChoice };
  /** Of assets whose history has volumes. */
  readonly haircuts: Readonly<Record<string, HaircutTiers>>;
  readonly liquidity: Readonly<Record<string, ReturnType<typeof liquidityTerms>>>;
  /** What it was made from. */
  readonly prepared: readonly PreparedHistory[];
}

/**
 * Calibrates every asset on its own history, and what they do together on the days that all have.
 * @see docs/library.md#risk
 */
export function calibrateHistories(
  histories: readonly PriceHistory[],
  options: CalibrationOptions = DEFAULT_CALIBRATION,
): Calibration {
  const prepared = histories.map((history) => prepare(history, options));
  const underlyings = prepared.map((each) => calibrateUnderlying(each, options));
  const together = alignHistories(histories).map((history) => prepare(history, options));
  const correlations = histories.length < 2 ? {} : lowestCorrelations(together, options);
  const liquid = histories.flatMap((history, index) => {
    const liquidity = liquidityOf(history, options);
    return liquidity === undefined
      ? []
      : [{ liquidity, calibrated: underlyings[index]!, price: history.closes.at(-1)! }];
  });
  return {
    options,
    underlyings,
    correlations,
    scenarios: {
      scan: scanScenarios(underlyings, correlations, options),
      historical: historicalScenarios(together, options),
    },
    haircuts: Object.fromEntries(
      liquid.map(({ calibrated, liquidity }) => [calibrated.symbol, haircutTiers(calibrated, liquidity, options)]),
    ),
    liquidity: Object.fromEntries(
      liquid.map(({ calibrated, liquidity, price }) => [
        calibrated.symbol,
        liquidityTerms(calibrated, liquidity, price, options),
      ]),
    ),
    prepared,
  };
}

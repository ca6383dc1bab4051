// SPDX-License-Identifier: GPL-3.0-or-later
/** How prices and implied volatilities may move over the next hours and days: for exposure, not for boards. */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { PlimsollError } from "../../errors.ts";
import type { PreparedHistory } from "../calibration/ranges.ts";
import { ewma, WARM_UP } from "../calibration/volatility.ts";

/** A seeded source of uniform and normal numbers; equal seeds give equal paths. */
export class Random {
  readonly #source;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#source = xoroshiro128plus(seed);
  }

  /** Between 0 and 1, neither of them. */
  uniform(): number {
    return ((this.#source.next() >>> 0) + 0.5) / 2 ** 32;
  }

  /** By Box and Muller, two at a time. */
  normal(): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/**
 * A random process of prices, from which paths are drawn.
 * @see docs/library.md#risk
 */
export interface MarketProcess {
  readonly name: string;
  readonly underlyings: readonly string[];
  /** Daily volatility of each underlying. */
  readonly volatilities: readonly number[];
  /** Draws one step of so many days: changes of log prices and of the logs of implied volatilities, one each. */
  draw(random: Random, days: number, prices: Float64Array, implied: Float64Array): void;
}

/** A proxy of implied volatility, as in the back-test. */
const IMPLIED_LAMBDA = 0.94;
/** A standardised move beyond this is a jump. */
const JUMP = 3;
const LOOKBACK = 1000;

/** Standardised joint moves of aligned histories, latest last, with the change of log volatility that each came with. */
function standardised(prepared: readonly PreparedHistory[]) {
  const count = prepared[0]!.history.returns.length;
  if (prepared.some(({ history }) => history.returns.length !== count))
    throw new TypeError("expected aligned histories");
  const first = Math.max(WARM_UP + 1, count - LOOKBACK);
  if (count - first < 250) {
    throw new PlimsollError("OUT_OF_RANGE", "expected at least 250 common returns", { field: "returns" });
  }
  const implied = prepared.map(({ history }) => ewma(history.returns, IMPLIED_LAMBDA));
  return Array.from({ length: count - first }, (_, index) => {
    const day = first + index;
    return {
      moves: prepared.map(({ history, sigma }) => history.returns[day]! / sigma[day]!),
      changes: implied.map((sigma) => Math.log(sigma[day + 1]! / sigma[day]!)),
    };
  });
}

const forecasts = (prepared: readonly PreparedHistory[]) => prepared.map(({ sigma }) => sigma.at(-1)!);

/**
 * History drawn again: each step takes the joint standardised move of one day at random (with the change of volatility
 * that it came with), scaled to the volatilities forecast for tomorrow and by the root of the step's length. Tails and
 * correlations are those of the days; days follow each other independently. Without drift.
 * @see docs/library.md#risk
 */
export function bootstrapProcess(prepared: readonly PreparedHistory[]): MarketProcess {
  const days = standardised(prepared);
  const volatilities = forecasts(prepared);
  const means = volatilities.map((_, asset) => days.reduce((sum, { moves }) => sum + moves[asset]!, 0) / days.length);
  return {
    name: "bootstrapped history",
    underlyings: prepared.map(({ history }) => history.symbol),
    volatilities,
    draw(random, length, prices, implied) {
      const root = Math.sqrt(length);
      const { moves, changes } = days[Math.floor(random.uniform() * days.length)]!;
      for (let asset = 0; asset < volatilities.length; asset++) {
        prices[asset] = (moves[asset]! - means[asset]!) * volatilities[asset]! * root;
        implied[asset] = changes[asset]! * root;
      }
    },
  };
}

/**
 * Jump-diffusion (R. Merton, 1976): correlated normal moves, and jumps that hit all underlyings at once, at a Poisson rate.
 * Fitted to the same standardised moves: days on which any moved by more than three forecasts are jumps, the others give
 * covariance; a jump is normal in size with mean and deviation of those days. Implied volatility answers moves by the
 * regression of its changes on size and sign of moves. Without drift.
 * @see docs/library.md#risk
 */
export function jumpDiffusion(prepared: readonly PreparedHistory[]): MarketProcess {
  const days = standardised(prepared);
  const volatilities = forecasts(prepared);
  const jumps = days.filter(({ moves }) => moves.some((move) => Math.abs(move) > JUMP));
  const calm = days.filter((day) => !jumps.includes(day));
  const mean = (of: typeof days, value: (day: (typeof days)[number]) => number) =>
    of.length === 0 ? 0 : of.reduce((sum, day) => sum + value(day), 0) / of.length;
  const assets = volatilities.map((_, asset) => asset);
  const covariance = assets.map((a) => assets.map((b) => mean(calm, ({ moves }) => moves[a]! * moves[b]!)));
  const factor = cholesky(covariance);
  const perDay = jumps.length / days.length;
  const jumpMean = assets.map((a) => mean(jumps, ({ moves }) => moves[a]!));
  const jumpFactor = cholesky(
    assets.map((a) =>
      assets.map(
        (b) =>
          mean(jumps, ({ moves }) => (moves[a]! - jumpMean[a]!) * (moves[b]! - jumpMean[b]!)) + (a === b ? 1e-9 : 0),
      ),
    ),
  );
  // Changes of log volatility on sign and size of the move: by the size it rises, by the sign it rises more in falls.
  const answer = assets.map((a) => {
    const size = mean(days, ({ moves }) => Math.abs(moves[a]!));
    const sizeVariance = mean(days, ({ moves }) => (Math.abs(moves[a]!) - size) ** 2);
    const bySize = mean(days, ({ moves, changes }) => (Math.abs(moves[a]!) - size) * changes[a]!) / sizeVariance;
    const bySign =
      mean(days, ({ moves, changes }) => moves[a]! * changes[a]!) / mean(days, ({ moves }) => moves[a]! ** 2);
    return { size, bySize, bySign };
  });
  const calmJumpMean = jumpMean.map((each) => each * perDay);
  return {
    name: "jump-diffusion",
    underlyings: prepared.map(({ history }) => history.symbol),
    volatilities,
    draw(random, length, prices, implied) {
      const root = Math.sqrt(length);
      correlated(random, factor, prices);
      for (let asset = 0; asset < prices.length; asset++)
        prices[asset] = prices[asset]! * root - calmJumpMean[asset]! * length;
      if (random.uniform() < 1 - Math.exp(-perDay * length)) {
        correlated(random, jumpFactor, implied);
        for (let asset = 0; asset < prices.length; asset++) prices[asset]! += jumpMean[asset]! + implied[asset]!;
      }
      for (let asset = 0; asset < prices.length; asset++) {
        const { size, bySize, bySign } = answer[asset]!;
        const move = prices[asset]!;
        implied[asset] = bySize * (Math.abs(move) - size * root) + bySign * move;
        prices[asset] = move * volatilities[asset]!;
      }
    },
  };
}

function correlated(random: Random, factor: readonly Float64Array[], into: Float64Array): void {
  for (let row = 0; row < factor.length; row++) into[row] = random.normal();
  // From the last row up, since each needs the deviates before it.
  for (let row = factor.length - 1; row >= 0; row--) {
    let sum = 0;
    for (let column = 0; column <= row; column++) sum += factor[row]![column]! * into[column]!;
    into[row] = sum;
  }
}

/** Lower triangular factor of a covariance matrix; a direction without variance gets a row of zeros. */
function cholesky(matrix: readonly (readonly number[])[]): Float64Array[] {
  const factor = matrix.map(({ length }) => new Float64Array(length));
  for (let row = 0; row < matrix.length; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row]![column]!;
      for (let k = 0; k < column; k++) sum -= factor[row]![k]! * factor[column]![k]!;
      if (row === column) factor[row]![row] = Math.sqrt(Math.max(0, sum));
      else factor[row]![column] = factor[column]![column]! > 0 ? sum / factor[column]![column]! : 0;
    }
  }
  return factor;
}

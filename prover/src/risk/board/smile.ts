// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Option prices of one expiry at every strike, from those at some strikes: convex in the strike everywhere, so that no
 * butterfly costs less than nothing.
 *
 * Everything is undiscounted and over the forward: a strike k is K / F, a deviation is σ √T. The second derivative of the
 * price by the strike is a density. Between two strikes it is a piece of a normal density in ln k, times a factor, with as
 * much mass as the slopes at both ends say and the mean that the prices say (N. Kahalé, An arbitrage-free interpolation of
 * volatilities, 2004, with a given width and free mass). Beyond the outermost strikes it is that of a lognormal: with the
 * volatility of the outermost strike, unless the price there would then bend the wrong way. A flat smile stays flat.
 */
import { cephes } from "../cephes.ts";
import { black76 } from "./black76.ts";

const { exp, log, ndtr } = cephes;

/** Undiscounted price of the option that is out of the money, over the forward: a put up to k = 1, a call above. */
type OtmPrice = number;

/** Value and slope by the strike. */
interface Point {
  readonly value: number;
  readonly slope: number;
}

/** Prices of puts, or of calls, and their slopes at the nodes. */
type Side = "put" | "call";

/** How far a slope stays from the chords on either side of its node, as a share of that chord, or of the gap where that is less. */
const CLEARANCE = 1e-3;
/** The middle of a piece's density is at most so many of its deviations outside of the piece: beyond, `ndtr` is 0. */
const FARTHEST = 20;
const STEPS = 100;

/** Mass of a standard normal between two points, exact in either tail. */
const between = (low: number, high: number) => (low > 0 ? ndtr(-low) - ndtr(-high) : ndtr(high) - ndtr(low));

/** Where a function that rises turns positive. */
function rootOf(low: number, high: number, rises: (at: number) => number): number {
  let [from, to] = [low, high];
  for (let step = 0; step < STEPS; step++) {
    const middle = from + (to - from) / 2;
    if (middle <= from || middle >= to) break;
    if (rises(middle) > 0) to = middle;
    else from = middle;
  }
  return from + (to - from) / 2;
}

/** An undiscounted Black price over the forward, and its slope by the strike at a fixed deviation. */
function blackPoint(k: number, deviation: number, side: Side): Point {
  const { value } = black76({ forward: 1, strike: k, years: 1, volatility: deviation, rate: 0, right: side });
  const d2 = -log(k) / deviation - deviation / 2;
  return { value, slope: side === "put" ? ndtr(-d2) : -ndtr(d2) };
}

/** The deviation at which an option out of the money has this price; NaN where the price is none or too large. */
export function impliedDeviation(k: number, price: OtmPrice): number {
  const side = k <= 1 ? "put" : "call";
  if (!(price > Number.MIN_VALUE * 2 ** 60)) return Number.NaN;
  const high = 40;
  if (!(blackPoint(k, high, side).value > price)) return Number.NaN;
  return rootOf(0, high, (deviation) => blackPoint(k, deviation, side).value - price);
}

export class Smile {
  readonly #k: readonly number[];
  readonly #deviations: readonly number[];
  readonly #slopes: readonly number[];
  readonly #pieces = new Map<number, (k: number) => OtmPrice>();

  /** Nodes with ascending k and deviations, both above 0, that are free of butterfly arbitrage. */
  constructor(k: readonly number[], deviations: readonly number[]) {
    this.#k = k;
    this.#deviations = deviations;
    this.flat = deviations.every((deviation) => deviation === deviations[0]);
    this.#slopes = k.map((_, node) => this.#slopeAt(node));
  }

  /** Whether one volatility holds at every strike. */
  readonly flat: boolean;

  price(k: number): OtmPrice {
    if (this.flat) return blackPoint(k, this.#deviations[0]!, k <= 1 ? "put" : "call").value;
    const right = this.#k.findIndex((node) => node >= k);
    const piece = right === -1 ? this.#k.length : right;
    let found = this.#pieces.get(piece);
    if (found === undefined) {
      if (piece === 0) found = this.#wing(0, "put");
      else if (piece === this.#k.length) found = this.#wing(piece - 1, "call");
      else found = this.#piece(piece);
      this.#pieces.set(piece, found);
    }
    return found(k);
  }

  /** σ √T at a strike: that of a node to the last digit; linear in ln k where prices are too small for numbers to tell. */
  deviation(k: number): number {
    const node = this.#k.indexOf(k);
    if (node !== -1) return this.#deviations[node]!;
    if (this.flat) return this.#deviations[0]!;
    const implied = impliedDeviation(k, this.price(k));
    return Number.isNaN(implied) ? this.#between(k) : implied;
  }

  #between(k: number): number {
    const right = this.#k.findIndex((node) => node >= k);
    if (right <= 0) return this.#deviations.at(right)!;
    const [from, to] = [log(this.#k[right - 1]!), log(this.#k[right]!)];
    const weight = (log(k) - from) / (to - from);
    return (1 - weight) * this.#deviations[right - 1]! + weight * this.#deviations[right]!;
  }

  #sideOf = (node: number): Side => (this.#k[node]! <= 1 ? "put" : "call");

  #point = (node: number, side: Side): Point => blackPoint(this.#k[node]!, this.#deviations[node]!, side);

  /** Of a node as a put or a call, as `#sideOf` says. */
  #slopeAt(node: number): number {
    const [k, deviations, last] = [this.#k, this.#deviations, this.#k.length - 1];
    const side = this.#sideOf(node);
    const { value, slope } = this.#point(node, side);
    const chord = (from: number, to: number) =>
      (this.#point(to, side).value - this.#point(from, side).value) / (k[to]! - k[from]!);
    // Where a side has no strike any more, the price comes from what an option at strike 0, or at one without bound, is worth.
    const before = node > 0 ? chord(node - 1, node) : side === "put" ? value / k[node]! : (value - 1) / k[node]!;
    const after = node < last ? chord(node, node + 1) : side === "put" ? 1 : 0;
    let tilted = slope;
    if (node > 0 && node < last) {
      const [a, b] = [log(k[node]! / k[node - 1]!), log(k[node + 1]! / k[node]!)];
      const rise = (from: number, to: number, over: number) => (deviations[to]! - deviations[from]!) / over;
      const turn = (b * rise(node - 1, node, a) + a * rise(node, node + 1, b)) / (a + b);
      const d1 = -log(k[node]!) / deviations[node]! + deviations[node]! / 2;
      // Vega over the forward is the density at d1; by the strike, not by its logarithm.
      tilted += ((exp((-d1 * d1) / 2) / Math.sqrt(2 * Math.PI)) * turn) / k[node]!;
    }
    const gap = after - before;
    if (!(gap > 0)) return before + gap / 2;
    const clear = (chord: number) => CLEARANCE * Math.min(gap, Math.abs(chord));
    return Math.min(after - clear(after), Math.max(before + clear(before), tilted));
  }

  /** Beyond an outermost node: a lognormal with its price and slope there. */
  #wing(node: number, side: Side): (k: number) => OtmPrice {
    const [at, deviation] = [this.#k[node]!, this.#deviations[node]!];
    const flat = this.#point(node, side);
    const other = this.#sideOf(node) !== side;
    // A call less a put is 1 − k: their slopes differ by one.
    const slope = this.#slopes[node]! + (other ? (side === "put" ? 1 : -1) : 0);
    const sign = side === "put" ? 1 : -1;
    const mass = sign * slope;
    let [width, forward] = [deviation, 1];
    if (slope !== flat.slope && mass > 0 && mass < 1 && flat.value > 0) {
      // mass = Φ(−sign · d2), and sign · (k · mass − f Φ(−sign · d1)) is the price.
      const d2 = -sign * cephes.ndtri(mass);
      const forwardOf = (by: number) => at * exp(by * (d2 + by / 2));
      const priceOf = (by: number) => sign * (at * mass - forwardOf(by) * ndtr(-sign * (d2 + by)));
      const found = rootOf(0, 40, (by) => priceOf(by) - flat.value);
      if (Math.abs(priceOf(found) - flat.value) <= 1e-9 * flat.value) [width, forward] = [found, forwardOf(found)];
    }
    return (k) => {
      const own: Side = k <= 1 ? "put" : "call";
      const { value } = black76({ forward, strike: k, years: 1, volatility: width, rate: 0, right: side });
      if (own === side) return value;
      // The wing reaches over the forward, where the option that is out of the money is the other one.
      return Math.max(0, value + (side === "put" ? 1 - k : k - 1));
    };
  }

  /** Between nodes `right` − 1 and `right`. */
  #piece(right: number): (k: number) => OtmPrice {
    const left = right - 1;
    const [k0, k1] = [this.#k[left]!, this.#k[right]!];
    // Puts are anchored at the left, calls at the right: there every term is positive and small prices keep their digits.
    const side: Side = k0 > 1 ? "call" : "put";
    const at = (node: number): Point => {
      const { value } = this.#point(node, side);
      const turned = this.#sideOf(node) !== side;
      return { value, slope: this.#slopes[node]! + (turned ? (side === "put" ? 1 : -1) : 0) };
    };
    const [from, to] = [at(left), at(right)];
    const mass = to.slope - from.slope;
    const bend = to.value - from.value - from.slope * (k1 - k0);
    const bent = densityOf(k0, k1, mass, k1 - bend / mass, (this.#deviations[left]! + this.#deviations[right]!) / 2);
    return (k) => {
      const value =
        bent === undefined
          ? ((k1 - k) * from.value + (k - k0) * to.value) / (k1 - k0)
          : side === "put"
            ? from.value + from.slope * (k - k0) + bent.below(k)
            : to.value - to.slope * (k1 - k) + bent.above(k);
      return side === "put" && k > 1 ? Math.max(0, value + 1 - k) : value;
    };
  }
}

/** What of a piece of density lies below a strike: the mean of what k exceeds it by; and above alike. */
interface Bent {
  below(k: number): number;
  above(k: number): number;
}

/** A density between k0 and k1 with this mass and mean; a single point where none is smooth. Undefined without mass. */
function densityOf(k0: number, k1: number, mass: number, mean: number, deviation: number): Bent | undefined {
  if (!(mass > 0 && mean > k0 && mean < k1)) return undefined;
  const [x0, x1] = [log(k0), log(k1)];
  const width = Math.min(deviation, x1 - x0);
  /** Mass of the normal around μ between two logarithms, and its mean strike times mass. */
  const parts = (middle: number, from: number, to: number) => {
    const [a, b] = [(from - middle) / width, (to - middle) / width];
    return { weight: between(a, b), first: exp(middle + (width * width) / 2) * between(a - width, b - width) };
  };
  const meanOf = (middle: number) => {
    const { weight, first } = parts(middle, x0, x1);
    return first / weight;
  };
  const [low, high] = [x0 - FARTHEST * width, x1 + FARTHEST * width];
  if (!(meanOf(low) < mean && meanOf(high) > mean)) {
    return { below: (k) => mass * Math.max(0, k - mean), above: (k) => mass * Math.max(0, mean - k) };
  }
  const middle = rootOf(low, high, (at) => meanOf(at) - mean);
  const factor = mass / parts(middle, x0, x1).weight;
  return {
    below(k) {
      const { weight, first } = parts(middle, x0, log(k));
      return Math.max(0, factor * (k * weight - first));
    },
    above(k) {
      const { weight, first } = parts(middle, log(k), x1);
      return Math.max(0, factor * (first - k * weight));
    },
  };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** The long part of a contribution, in steps, so that somebody who waits can see it move. */

export const POINT_BYTES = 64;
/** Points between two reports: a tenth of a second or so. */
const STEP = 512;

type ApplyKey = (points: Uint8Array, first: Uint8Array, inc: Uint8Array, ...types: string[]) => Promise<Uint8Array>;

/** What is used here of snarkjs's curves. */
export interface Curve {
  readonly G1: { batchApplyKey: ApplyKey };
  readonly Fr: {
    mul(a: Uint8Array, b: Uint8Array): Uint8Array;
    exp(base: Uint8Array, exponent: number): Uint8Array;
  };
}

/**
 * Makes a curve multiply its points by factors (`first`, then `inc` times the one before) a step at a time, and tell of each.
 * The result is the same: the first factor of a step is where the step before it has come to.
 */
export function applyInSteps({ G1, Fr }: Curve, onStep: (points: number) => void): void {
  const atOnce = G1.batchApplyKey.bind(G1);
  G1.batchApplyKey = async (points, first, inc, ...types) => {
    const result = new Uint8Array(points.length);
    let factor = first;
    for (let from = 0; from < points.length; from += STEP * POINT_BYTES) {
      const step = points.slice(from, from + STEP * POINT_BYTES);
      result.set(await atOnce(step, factor, inc, ...types), from);
      factor = Fr.mul(factor, Fr.exp(inc, step.length / POINT_BYTES));
      onStep(step.length / POINT_BYTES);
    }
    return result;
  };
}

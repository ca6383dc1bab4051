// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Drops constraints one at a time. For each, looks for a witness that violates it and nothing else: what the circuit
 * would accept if it were gone. Where there is one the constraint is needed, and the witness proves it.
 *
 * The search, for constraint k, from a witness that satisfies everything:
 *   - k defines a wire: the wire takes another value, and everything that follows from it follows;
 *   - k holds a digit to 0 or 1: another digit of the same number flips, and the digit pays the difference;
 *   - else any wire of k takes another value.
 * Inputs may be among what follows (a commitment is what the account hashes to: the lie is in the account). Lies that take
 * more than one idea (two pieces of a haircut at once) are told by `recipes`.
 *
 * Lies are told in the system with every signal kept, where what follows is plain, and judged in the shipped one.
 */

import { type R1cs, wiresOf } from "./r1cs.ts";
import { type Incidence, inverse, type Outcome, type Ripple } from "./ripple.ts";

export type WireLies = ReadonlyMap<number, bigint>;

export interface DropReport {
  /** For each constraint of the shipped system the lie that only it stops; undefined where none was found. */
  readonly caught: readonly (WireLies | undefined)[];
}

/** The system that lies are told in and judged in; `origin` maps a judge's wire to the teller's. */
export interface Judge {
  readonly system: Incidence;
  readonly origin: Uint32Array;
}

/** All lies worth telling about one constraint, likeliest first. */
export function* liesAbout(r1cs: R1cs, ripple: Ripple, constraint: number): Generator<WireLies> {
  const { base } = ripple;
  const { prime } = r1cs;
  const wires = wiresOf(r1cs, constraint);
  const only = wires.length === 1 ? wires[0]! : undefined;
  const digits = only === undefined ? [] : ripple.digitsWith(only);
  if (only !== undefined && digits.length > 1) {
    const place = digits.indexOf(only);
    // Neighbours first; the top digit last, a sign often hangs on it.
    const others = digits
      .map((wire, at) => ({ wire, at }))
      .filter(({ at }) => at !== place)
      .sort((one, other) => Math.abs(one.at - place) - Math.abs(other.at - place) || one.at - other.at);
    for (const { wire, at } of [...others.slice(0, 6), ...others.slice(-2)]) {
      const flipped = 1n - base[wire]!;
      const gain = flipped === 1n ? 1n : prime - 1n;
      const factor = at > place ? 1n << BigInt(at - place) : inverse(1n << BigInt(place - at), prime);
      yield new Map([
        [wire, flipped],
        [only, (((base[only]! - gain * factor) % prime) + prime) % prime],
      ]);
    }
  }
  const defined = wires.filter((wire) => ripple.definerOf(wire) === constraint);
  const free = wires.filter((wire) => ripple.definerOf(wire) === undefined);
  const candidates = defined.length > 0 ? defined.slice(0, 4) : [...free, ...wires].slice(0, 8);
  for (const delta of [1n, -1n, 2n, 1n << 84n, 1n << 168n, -(1n << 84n), -(1n << 168n)]) {
    for (const wire of candidates) yield new Map([[wire, (((base[wire]! + delta) % prime) + prime) % prime]]);
  }
}

export interface DropOptions {
  readonly recipes?: Iterable<readonly [tell: Ripple, lies: WireLies]>;
  readonly progress?: (done: number, total: number) => void;
}

/**
 * @param tellers  ripples over the same full system from different witnesses; tried in order
 */
export function dropEach(
  full: R1cs,
  tellers: readonly Ripple[],
  { system, origin }: Judge,
  { recipes = [], progress }: DropOptions = {},
): DropReport {
  const caught = new Array<WireLies | undefined>(system.r1cs.constraints).fill(undefined);
  let found = 0;
  const judge = (ripple: Ripple, lies: WireLies, { changed }: Outcome): boolean => {
    const violated = ripple.violationsIn(system, changed, origin);
    if (violated.length !== 1 || caught[violated[0]!] !== undefined) return false;
    caught[violated[0]!] = lies;
    found++;
    return true;
  };
  for (const [ripple, lies] of recipes) judge(ripple, lies, ripple.repair(lies));
  // Each constraint of the full system in turn; those that only rename a signal stand for none of the shipped ones.
  for (let constraint = 0; constraint < full.constraints && found < caught.length; constraint++) {
    if (constraint % 1000 === 0) progress?.(found, caught.length);
    if (full.starts[3 * constraint] === full.starts[3 * constraint + 1]) continue;
    search: for (const ripple of tellers) {
      for (const lies of liesAbout(full, ripple, constraint)) {
        const outcome = ripple.repair(lies, constraint);
        if (outcome.violated.length === 1 && outcome.violated[0] === constraint && judge(ripple, lies, outcome)) {
          break search;
        }
      }
    }
  }
  progress?.(found, caught.length);
  return { caught };
}

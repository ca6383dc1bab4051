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

import path from "node:path";
import { toField } from "../../../prover/src/field.ts";
import type { BoardSize } from "../../../prover/src/model/sizes.ts";
import { type Speaker, speaker, withScanned } from "./attack.ts";
import { realSlackInputs } from "./cases.ts";
import { compile } from "./compile.ts";
import type { Inputs } from "./generate.ts";
import { type Build, openBuild } from "./miniature.ts";
import { type R1cs, readR1cs, readSymbols, type Symbols, violations, wiresOf } from "./r1cs.ts";
import { type Incidence, incidence, inverse, type Outcome, type Ripple } from "./ripple.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

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
  const judge = (ripple: Ripple, { told, changed }: Outcome): boolean => {
    const violated = ripple.violationsIn(system, changed, origin);
    if (violated.length !== 1 || caught[violated[0]!] !== undefined) return false;
    caught[violated[0]!] = told;
    found++;
    return true;
  };
  for (const [ripple, lies] of recipes) judge(ripple, ripple.repair(lies));
  // Each constraint of the full system in turn; those that only rename a signal stand for none of the shipped ones.
  for (let constraint = 0; constraint < full.constraints && found < caught.length; constraint++) {
    if (constraint % 1000 === 0) progress?.(found, caught.length);
    if (full.starts[3 * constraint] === full.starts[3 * constraint + 1]) continue;
    search: for (const ripple of tellers) {
      for (const lies of liesAbout(full, ripple, constraint)) {
        const outcome = ripple.repair(lies, constraint);
        if (outcome.violated.length === 1 && outcome.violated[0] === constraint && judge(ripple, outcome)) {
          break search;
        }
      }
    }
  }
  progress?.(found, caught.length);
  return { caught };
}

// ---- The account's circuit ------------------------------------------------------------------------------------------

/** A scan above every loss leaves no gap at zero; the product is cut off anywhere. */
export function* scanRecipes({ v, build }: Speaker, worth: string): Generator<WireLies> {
  const has = (name: string) => build.wires.has(name);
  for (let set = 0; has(`${worth}.set[${set}].scan`); set++) {
    const scan = build.wires.get(`${worth}.set[${set}].scan`)!;
    const told: [number, bigint] = [scan, v(`${worth}.set[${set}].scan`) + 1n];
    yield new Map([told]);
    for (let k = 0; has(`${worth}.set[${set}].nonZero[${k}]`); k++) {
      yield new Map([told, [build.wires.get(`${worth}.set[${set}].nonZero[${k}]`)!, 0n]]);
    }
  }
}

/** Lies about the account that take more than one idea, for constraints that the search alone does not reach. */
export function* accountRecipes(s: Speaker): Generator<WireLies> {
  const { v, build } = s;
  const has = (name: string) => build.wires.has(name);
  const count = (name: (index: number) => string) => {
    let index = 0;
    while (has(name(index))) index++;
    return index;
  };
  const wires = (lies: Readonly<Record<string, bigint>>): WireLies =>
    new Map(Object.entries(lies).map(([name, value]) => [build.wires.get(name)!, toField(value)]));

  yield wires({ "main.blindingAfter": v("main.blindingAfter") + 5n });

  yield* scanRecipes(s, "main.worth");

  // Several pieces of a haircut at once, one of them a negative number of times. `to` less `from` of the sum must hold a
  // quantity; where small boundaries leave none, boundaries near the top of the range do.
  const assets = count((asset) => `main.worth.haircut[${asset}].quantity`);
  const pieces = count((piece) => `main.worth.haircut[0].selected[${piece}]`);
  const top = 1n << 64n;
  const boundaries = [
    Array.from({ length: pieces - 1 }, (_, tier) => 1000n * BigInt(tier + 1)),
    Array.from({ length: pieces - 1 }, (_, tier) =>
      tier === pieces - 2 ? top - 1n : (top >> 2n) + 1000n * BigInt(tier),
    ),
    new Array<bigint>(pieces - 1).fill(top - 1n),
  ];
  for (let asset = 0; asset < assets; asset++) {
    for (let odd = 0; odd < pieces; odd++) {
      for (const list of boundaries) {
        for (let chosen = 0; chosen < 1 << pieces; chosen++) {
          const others = Array.from({ length: pieces }, (_, piece) => piece).filter((piece) => (chosen >> piece) & 1);
          if (others.length < 2 || others.includes(odd)) continue;
          const times = (piece: number) =>
            piece === odd ? 1n - BigInt(others.length) : others.includes(piece) ? 1n : 0n;
          let [from, to] = [0n, 0n];
          for (let piece = 0; piece < pieces; piece++) {
            from += times(piece) * (piece === 0 ? 0n : list[piece - 1]!);
            to += times(piece) * (piece === pieces - 1 ? top : list[piece]!);
          }
          const quantity = from > 0n ? from : 0n;
          if (quantity >= to) continue;
          // Without weight and out of the scan, so that the quantity is in nothing else.
          const lies: Record<string, bigint> = {
            ...withScanned(s, asset, 0n),
            [`main.policy[${asset}][${3 * (pieces - 1)}]`]: top,
            [`main.collateralAfter[${asset}]`]: quantity,
          };
          for (const [tier, boundary] of list.entries()) {
            lies[`main.policy[${asset}][${tier}]`] = boundary;
            lies[`main.policy[${asset}][${pieces - 1 + tier}]`] = 0n;
            lies[`main.policy[${asset}][${2 * (pieces - 1) + tier}]`] = 0n;
          }
          for (let piece = 0; piece < pieces; piece++)
            lies[`main.worth.haircut[${asset}].selected[${piece}]`] = times(piece);
          yield wires(lies);
        }
      }
    }
  }
}

/** Drops each constraint of a circuit in turn, around the witness of `inputs`. Throws where it refuses them. */
export function dropAround(
  full: Build,
  shipped: { readonly r1cs: R1cs; readonly symbols: Symbols },
  inputs: Inputs,
  recipesFor: (s: Speaker) => Iterable<WireLies> = () => [],
  progress?: DropOptions["progress"],
  commitments?: readonly string[],
): { report: DropReport; confirm: (constraint: number) => boolean } {
  const origin = new Uint32Array(shipped.r1cs.wires);
  for (const [name, wire] of shipped.symbols.entries()) origin[wire] = full.symbols.wireOf(name)!;
  const s = speaker(full, inputs, incidence(full.r1cs), commitments);
  if (violations(full.r1cs, s.ripple.base).length > 0) throw new Error("the circuit refuses the inputs");
  const judge = { system: incidence(shipped.r1cs), origin };
  const recipes = Iterator.from(recipesFor(s)).map((lies) => [s.ripple, lies] as const);
  const report = dropEach(full.r1cs, [s.ripple], judge, { recipes, ...(progress ? { progress } : {}) });
  return {
    report,
    confirm: (constraint) => confirmed(shipped.r1cs, s.ripple, judge, constraint, report.caught[constraint]!),
  };
}

/** Drops each constraint of the shipped circuit in turn. Compiles the full system if need be. */
export async function dropEachOf(size: BoardSize, progress?: DropOptions["progress"]) {
  const circuit = `build/circuits/${size}/circuit`;
  const full = await openBuild(await compile(`${circuit}.circom`, `build/soundness/${size}`, "--O0"));
  const r1cs = readR1cs(path.join(ROOT, `${circuit}.r1cs`));
  const symbols = readSymbols(path.join(ROOT, `${circuit}.sym`));
  return dropAround(full, { r1cs, symbols }, realSlackInputs(size), accountRecipes, progress);
}

/** The lie's witness in full, and whether the shipped constraints, all evaluated, stop it at this one alone. */
export function confirmed(
  shipped: R1cs,
  ripple: Ripple,
  { origin }: Judge,
  constraint: number,
  lies: WireLies,
): boolean {
  const violated = violations(shipped, lieWitness(ripple, { origin }, lies));
  return violated.length === 1 && violated[0] === constraint;
}

/** The shipped system's witness of a lie about a constraint that `dropEach` reports. */
export function lieWitness(ripple: Ripple, { origin }: Pick<Judge, "origin">, lies: WireLies): bigint[] {
  const { changed } = ripple.tell(lies);
  const witness = Array.from(origin, (wire) => changed.get(wire) ?? ripple.base[wire]!);
  witness[0] = 1n;
  return witness;
}

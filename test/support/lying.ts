// SPDX-License-Identifier: GPL-3.0-or-later
/** A circuit to lie to, and holdings that are out of range at every index. */
import { FIELD_ORDER, type FieldElement, toField } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import {
  commitAuditorSecret,
  commitState,
  POSITION_STRIDE,
  POSITIONS_PER_ELEMENT,
  PURPOSE,
  packPositions,
  packWide,
  WIDE_PER_ELEMENT,
  WIDE_STRIDE,
} from "../../prover/src/model/commit.ts";
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import { BITS } from "../../prover/src/units.ts";
import type { Inputs } from "../soundness/lab/generate.ts";
import { type Build, miniSponge } from "../soundness/lab/miniature.ts";
import { type Dimensions, type Ledger, ledgerOf, signedBits, unsignedBits, upTo } from "./ledger.ts";

export type Family = "merge" | "settlement" | "disclosure";

/** What an account holds, in range or not. */
export interface Holding {
  readonly positions: readonly bigint[];
  readonly collateral: readonly bigint[];
  readonly cash: bigint;
  readonly blinding: bigint;
}

/** A circuit's dimensions and the commitments that go with it. */
export interface World {
  readonly family: Family;
  readonly of: Dimensions;
  stateOf(holding: Holding): FieldElement;
  keyOf(secret: FieldElement): FieldElement;
}

/** The same, compiled. */
export interface Subject extends World {
  readonly build: Build;
  readonly ledger: Ledger;
}

export function shippedSubject(family: Family, of: Dimensions, build: Build, size: BoardSize): Subject {
  return {
    family,
    of,
    build,
    ledger: ledgerOf(family, of, build.r1cs, build.symbols),
    stateOf: ({ blinding, ...holding }) =>
      commitState({ ...holding, size, sequence: 0n, viewingKey: toField(blinding) } as unknown as Account),
    keyOf: commitAuditorSecret,
  };
}

/** Of circuits over the small permutation. */
export function smallWorld(family: Family, of: Dimensions): World {
  return {
    family,
    of,
    stateOf: ({ positions, collateral, cash, blinding }) =>
      miniSponge(PURPOSE.state, of.instruments, [
        ...packPositions(positions),
        ...packWide(collateral),
        toField(cash),
        toField(blinding),
      ]),
    keyOf: (secret) => miniSponge(PURPOSE.auditorKey, 0, [secret]),
  };
}

export const smallSubject = (family: Family, of: Dimensions, build: Build): Subject => ({
  ...smallWorld(family, of),
  build,
  ledger: ledgerOf(family, of, build.r1cs, build.symbols),
});

export interface Lie {
  readonly name: string;
  readonly inputs: Inputs;
  /** Signals that the generator would not set so. */
  readonly told?: ReadonlyMap<string, bigint>;
  /** Labels of the ledger: what must stop it. */
  readonly stops: ReadonlySet<string>;
}

/** Whether to lie about a label. */
export type Tells = (label: string) => boolean;
type Part = "positions" | "collateral" | "cash";

export const RANGES: Readonly<Record<Part, readonly [bigint, bigint]>> = {
  positions: signedBits(BITS.position),
  collateral: unsignedBits(BITS.quantity),
  cash: signedBits(BITS.cash),
};

/** Values out of range for an honest one. */
export const OUT: readonly [string, (honest: bigint, low: bigint, high: bigint) => bigint][] = [
  ["one less than the least", (_, low) => low - 1n],
  ["one more than the most", (_, __, high) => high + 1n],
  ["as many more as the range is wide", (honest, low, high) => honest + (high - low + 1n)],
  ["as many less as the range is wide", (honest, low, high) => honest - (high - low + 1n)],
  ["2^70 less", (honest) => honest - (1n << 70n)],
  ["2^70", () => 1n << 70n],
  ["-2^200", () => -(1n << 200n)],
  ["half of the field", () => FIELD_ORDER >> 1n],
];

export function honestHolding({ instruments, assets }: Dimensions, seed: bigint): Holding {
  return {
    positions: upTo(instruments).map((row) => ((BigInt(row) * 37n + seed * 11n) % 200n) - 99n || 1n),
    collateral: upTo(assets).map((asset) => BigInt(asset + 1) * 1_000_003n * seed),
    cash: seed * 10n ** 12n,
    blinding: 987_654_321n * seed,
  };
}

/** A holding with parts of it bent where it tells lies, and the labels that it lies about. */
export function bent(of: Holding, suffix: string, parts: readonly Part[], tells: Tells, bend: (typeof OUT)[number][1]) {
  const stops = new Set<string>();
  const lied = (part: Part, label: string, value: bigint) => {
    if (!parts.includes(part) || !tells(label)) return value;
    stops.add(label);
    return bend(value, ...RANGES[part]);
  };
  const holding: Holding = {
    ...of,
    positions: of.positions.map((lots, row) => lied("positions", `positions${suffix}[${row}]`, lots)),
    collateral: of.collateral.map((lots, asset) => lied("collateral", `collateral${suffix}[${asset}]`, lots)),
    cash: lied("cash", `cash${suffix}`, of.cash),
  };
  return { holding, stops };
}

/**
 * The same packed elements read otherwise: a piece a billion strides less, its neighbour above a billion more, which is in
 * range. Every other piece of an element lies, the even ones or the odd ones.
 */
export function carried(of: Holding, suffix: string, part: "positions" | "collateral", parity: number, tells: Tells) {
  const [stride, per] =
    part === "positions" ? [POSITION_STRIDE, POSITIONS_PER_ELEMENT] : [WIDE_STRIDE, WIDE_PER_ELEMENT];
  const billion = 10n ** 9n;
  const pieces = [...of[part]];
  const stops = new Set<string>();
  for (let index = 0; index + 1 < pieces.length; index++) {
    const label = `${part}${suffix}[${index}]`;
    if (index % per === per - 1 || (index % per) % 2 !== parity || !tells(label)) continue;
    pieces[index] = pieces[index]! - (billion << stride);
    pieces[index + 1] = pieces[index + 1]! + billion;
    stops.add(label);
  }
  return { holding: { ...of, [part]: pieces } as Holding, stops };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The book of a netting set that loses most for its margin, by linear programme.
 *
 * Long and short parts of a position are variables of their own, at least zero, so that charges are linear; the scan is
 * one more variable, at least the loss in every column. What is charged only above a threshold (liquidity, vega) counts where an
 * account's size is given, and else is left out: an account that is split in many small ones does not pay it.
 */
import { solve } from "yalps";

/** One instrument, per whole unit of its underlying. */
export interface AttackRow {
  readonly symbol: string;
  readonly underlying: string;
  /** Spot of the underlying. */
  readonly spot: number;
  readonly mark: number;
  /** Counted profit of one long unit in each column of the scan. */
  readonly profits: readonly number[];
  readonly longCharge: number;
  readonly shortCharge: number;
}

/** A charge on the net sum of a column, above a threshold. */
export interface NetCharge {
  /** Of one long unit of each row. */
  readonly perUnit: readonly number[];
  /** Quote currency. */
  readonly threshold: number;
  readonly rate: number;
}

/** What a netting set asks for. */
export interface MarginAsked {
  readonly rows: readonly AttackRow[];
  readonly netCharges: readonly NetCharge[];
}

/** A book, by units of each row for a margin of 1; short is negative. */
export interface AttackBook {
  readonly units: readonly number[];
  /** Of all positions at spot, in margins. */
  readonly gross: number;
}

/** Positions at spot, in margins, at most: without charges, a scan of zero would have no worst book. */
export const MOST_GROSS = 10_000;
/** Units below this share of the book's gross are the solver's dust. */
const DUST = 1e-8;

export interface BookTerms {
  /** Whether charges count towards the margin. */
  readonly charges: boolean;
  /** Margin of the account in quote currency; without it, thresholds are out of reach. */
  readonly account?: number;
}

/** Margin that is asked for a book, where `units` and the result are shares of the account's size. */
export function marginOf(asked: MarginAsked, units: readonly number[], terms: BookTerms): number {
  const { rows } = asked;
  const sums = (each: (row: AttackRow) => readonly number[]) => {
    const total = new Float64Array(each(rows[0]!).length);
    for (const [index, row] of rows.entries()) {
      if (units[index] === 0) continue;
      for (const [column, value] of each(row).entries()) total[column]! += units[index]! * value;
    }
    return total;
  };
  const scan = -Math.min(0, ...sums(({ profits }) => profits));
  if (!terms.charges) return scan;
  const closing = rows.reduce((sum, { longCharge, shortCharge }, index) => {
    const held = units[index]!;
    return sum + (held > 0 ? held * longCharge : -held * shortCharge);
  }, 0);
  const net = netChargesOf(asked, terms).reduce((sum, { perUnit, threshold, rate }) => {
    const held = perUnit.reduce((total, each, index) => total + each * units[index]!, 0);
    return sum + rate * Math.max(0, Math.abs(held) - threshold);
  }, 0);
  return scan + closing + net;
}

/** Those that count, with thresholds as shares of the account's size. */
const netChargesOf = ({ netCharges }: MarginAsked, { charges, account }: BookTerms): readonly NetCharge[] =>
  charges && account !== undefined ? netCharges.map((each) => ({ ...each, threshold: each.threshold / account })) : [];

const grossOf = (rows: readonly AttackRow[], units: readonly number[]) =>
  rows.reduce((sum, { spot }, index) => sum + Math.abs(units[index]!) * spot, 0);

/**
 * The book with the largest loss of those with a margin of at most 1, where one long unit of row i loses `losses[i]`.
 * All units are 0 where no book loses anything. Deterministic.
 */
export function worstBook(asked: MarginAsked, losses: ArrayLike<number>, terms: BookTerms): AttackBook {
  const { rows } = asked;
  const found = solveBook(asked, losses, terms);
  const gross = grossOf(rows, found);
  const kept = found.map((each, i) => (Math.abs(each) * rows[i]!.spot < DUST * gross ? 0 : each));
  // Dust gone and rounding undone: exactly one margin, if any is asked.
  const margin = marginOf(asked, kept, terms);
  const units = margin > 1 / MOST_GROSS ? kept.map((each) => each / margin) : kept;
  return { units, gross: grossOf(rows, units) };
}

function solveBook(asked: MarginAsked, losses: ArrayLike<number>, terms: BookTerms): number[] {
  const { rows } = asked;
  const columns = Array.from(rows[0]?.profits ?? [], (_, k) => `c${k}`);
  const net = netChargesOf(asked, terms);
  const constraints = new Map<string, { max: number }>([
    ["margin", { max: 1 }],
    ["gross", { max: MOST_GROSS }],
    ...columns.map((column) => [column, { max: 0 }] as const),
    ...net.flatMap(({ threshold, rate }, n) =>
      [1, -1].map((side) => [`n${n}${side}`, { max: rate * threshold }] as const),
    ),
  ]);
  const variables = new Map<string, (readonly [string, number])[]>([
    ["scan", [["margin", 1], ...columns.map((column) => [column, -1] as const)]],
    ...(net.map(
      (_, n) => [`net${n}`, [["margin", 1] as const, ...[1, -1].map((side) => [`n${n}${side}`, -1] as const)]] as const,
    ) as [string, (readonly [string, number])[]][]),
  ]);
  // A variable is so many units that its largest column is about 1: a solver's tolerances are absolute.
  const sizes = rows.map(({ profits, longCharge, shortCharge, spot }) =>
    Math.max(longCharge, shortCharge, spot * 1e-6, ...profits.map(Math.abs)),
  );
  for (const [index, row] of rows.entries()) {
    const size = sizes[index]!;
    for (const side of [1, -1]) {
      const charge = terms.charges ? (side === 1 ? row.longCharge : row.shortCharge) : 0;
      variables.set(`${side}/${index}`, [
        ["loss", (side * losses[index]!) / size],
        ["margin", charge / size],
        ["gross", row.spot / size],
        ...row.profits.map((profit, k) => [columns[k]!, (-side * profit) / size] as const),
        ...net.flatMap(({ perUnit, rate }, n) =>
          [1, -1].map((way) => [`n${n}${way}`, (side * way * rate * perUnit[index]!) / size] as const),
        ),
      ]);
    }
  }
  const { variables: solution } = solve({ direction: "maximize", objective: "loss", constraints, variables });
  const values = new Map(solution);
  return rows.map((_, i) => ((values.get(`1/${i}`) ?? 0) - (values.get(`-1/${i}`) ?? 0)) / sizes[i]!);
}

/** Indices of the rows that a book holds, the largest at spot first. */
export function heldRows(rows: readonly AttackRow[], { units }: AttackBook): number[] {
  const worth = (index: number) => Math.abs(units[index]!) * rows[index]!.spot;
  return rows.flatMap((_, index) => (units[index] === 0 ? [] : [index])).sort((a, b) => worth(b) - worth(a));
}

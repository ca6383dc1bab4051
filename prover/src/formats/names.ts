// SPDX-License-Identifier: GPL-3.0-or-later
/** Names in errors: which may be shown, and what was probably meant. */
import { isLabel } from "./labels.ts";

const SUGGESTIONS = 3;
const LONGEST_SHOWN = 40;

/**
 * Whether an error may repeat a name that nobody knows. What stands where a name is expected may be an amount, a key or
 * anything else that is private, so only short text with two letters in a row is shown.
 */
export const isShown = (name: string): boolean =>
  isLabel(name) && name.length <= LONGEST_SHOWN && /\p{L}{2}/u.test(name) && !/^0x/i.test(name);

/** A name in quotes where it may be shown. */
export const quoted = (name: string, otherwise: string): string => (isShown(name) ? `"${name}"` : otherwise);

/** The rule that a name breaks which is none of those that are listed, with the nearest of these. All are public. */
export function unknownName(kind: "asset" | "instrument", name: string, known: Iterable<string>): string {
  const list = kind === "asset" ? "policy" : "market";
  const all = [...known];
  if (all.includes(name.trim())) return `there are spaces around "${name.trim()}"; take them out`;
  const near = nearest(name, all);
  const those = near.length === 0 ? "" : `; the nearest ${near.length === 1 ? "is" : "are"} ${near.join(", ")}`;
  return `${quoted(name, `this ${kind}`)} is no ${kind} that the ${list} lists${isShown(name) ? those : ""}`;
}

/** Symbols of one list. Tables are written by hand: two that differ in capital letters alone would be mistaken for one another. */
export class DistinctSymbols {
  readonly #taken = new Map<string, string>();

  /** Adds a symbol, or says which rule it breaks: it is taken, or by another one but for capital letters. */
  add(symbol: string): string | undefined {
    const other = this.#taken.get(symbol.toLowerCase());
    if (other === symbol) return "this symbol is already taken";
    if (other !== undefined) return `"${symbol}" differs from "${other}" in capital letters alone; rename one`;
    this.#taken.set(symbol.toLowerCase(), symbol);
    return undefined;
  }
}

/** What exchanges call by two names. */
export const VENUE_ALIASES: Readonly<Record<string, string>> = { XBT: "BTC", XETH: "ETH", XXBT: "BTC" };

function nearest(name: string, known: readonly string[]): string[] {
  const upper = name.toUpperCase();
  const meant = upper.replace(/[A-Z]+/g, (word) => VENUE_ALIASES[word] ?? word);
  const distances = known.map((each) => ({ each, distance: editDistance(meant, each.toUpperCase()) }));
  return distances
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, distances.some(({ distance }) => distance === 0) ? 1 : SUGGESTIONS)
    .map(({ each }) => each);
}

/** Letters to insert, delete or replace to make one word of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

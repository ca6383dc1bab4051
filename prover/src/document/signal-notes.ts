// SPDX-License-Identifier: GPL-3.0-or-later
/** What the public signals of a proof of coverage mean, in words: part of its document, so that any reader can look them up. */
import { ASSETS, type BoardSize, blocksOf, instrumentsOf, TIERS } from "../model/sizes.ts";
import { FAMILIES } from "../statement/families.ts";
import { BLOCK_VALUES, ROW_VALUES } from "../statement/signals.ts";

/** What `signals` says of one public signal, or of the run of them from one index to another. */
export type SignalNote = { readonly name: string; readonly meaning: string; readonly unit: string } & (
  | { readonly index: number }
  | { readonly from: number; readonly to: number }
);

const OWN: readonly (readonly [meaning: string, unit: string])[] = [
  ["commitment to the account before", "field element"],
  ["commitment to the account after, of which the statement speaks", "field element"],
  [
    "asset and signed amount moved into the account: asset * 2^65 + amount + 2^64",
    "lots; millionths for cash (asset 15)",
  ],
  ["commitment to the private fill; a constant where there is none", "field element"],
  ["level + 2^20 if below + 2^21 if the fill's side is -1", "basis points"],
  ["SHA-256 of format, size, statement, policy, market and verification key, modulo r", "field element"],
];

const POLICY_SIGNALS = (3 * TIERS + 1) * ASSETS;

/** Where the public signals of each part begin and end, and what they are. */
export function signalNotes(size: BoardSize): SignalNote[] {
  const runs: readonly (readonly [name: string, count: number, meaning: string, unit: string])[] = [
    [
      "policy",
      POLICY_SIGNALS,
      `for each of ${ASSETS} assets ${TIERS} tier boundaries, ${TIERS} weights, ${TIERS} intercepts, and lots that count as one lot of a row in the scan`,
      "lots; basis points; lots times basis points; lots",
    ],
    ["debtRate", 1, "margin on debt", "basis points"],
    ["prices", ASSETS, "price of one lot of each asset", "quote currency, 1e-16"],
    [
      "rows",
      ROW_VALUES * instrumentsOf(size),
      "for each instrument 45 scenario profits, mark, delta and vega, three to a signal at a stride of 84 bits; then the charges of a long and a short lot",
      "quote currency per lot, 1e-6",
    ],
    [
      "blocks",
      BLOCK_VALUES * blocksOf(size),
      "for each block of 60 instruments liquidity threshold and rate, vega threshold and rate, and whether it continues the netting set before",
      "quote currency, 1e-6; basis points; 0 or 1",
    ],
  ];
  let from = OWN.length;
  return [
    ...OWN.map(([meaning, unit], index) => ({ index, name: FAMILIES.account.own[index]!, meaning, unit })),
    ...runs.map(([name, count, meaning, unit]) => {
      from += count;
      return { from: from - count, to: from - 1, name, meaning, unit };
    }),
  ];
}

export function signalName(index: number, size: BoardSize): string {
  const note = signalNotes(size).find((entry) =>
    "index" in entry ? entry.index === index : entry.from <= index && index <= entry.to,
  )!;
  return "index" in note ? note.name : `${note.name}[${index - note.from}]`;
}

/** Who says what a public signal has to be. */
export function signalSource(index: number): string {
  if (index < OWN.length) return "the statement says";
  return index <= OWN.length + POLICY_SIGNALS ? "the policy says" : "the market says";
}

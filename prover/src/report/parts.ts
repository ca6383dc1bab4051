// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What is told to people, part by part. Every face renders these and nothing else: `parts-text.ts` for terminals,
 * `parts-html.ts` for pages, reports and print. Words that somebody else chose can stand as the value of a fact, and
 * nowhere else.
 */
import type { Fact } from "../document/words.ts";
import type { KeyOrigin } from "../keys/origin.ts";
import type { Assurance } from "../pack/format.ts";

export type Part =
  | OutcomePart
  /** A sentence with what it rests on: `proven`, `attested` … */
  | { readonly is: "graded"; readonly level: Assurance; readonly sentence: string; readonly parts: readonly Part[] }
  | ({ readonly is: "fact" } & Fact)
  /** Something that has an identity: what it is, more about it, and a hash, an address or a number. */
  | { readonly is: "row"; readonly what: string; readonly facts: readonly Fact[]; readonly value: string }
  | ({ readonly is: "note" } & Note)
  | { readonly is: "sentence"; readonly sentence: string };

/** A sentence about something that has a code or a file. */
export interface Note {
  /** What it says of it: "not proven". */
  readonly about?: string;
  readonly code?: string;
  readonly file?: string;
  readonly sentence: string;
}

export interface OutcomePart {
  readonly is: "outcome";
  readonly tone: "good" | "warn" | "bad";
  readonly title: string;
  readonly sentence: string;
  readonly notes: readonly Note[];
  /** Of the keys whose makers can forge proofs: with one, the outcome is worth nothing whatever its title. */
  readonly forgeable: readonly KeyOrigin[];
}

export const fact = (label: string, value: Fact["value"]): Part => ({ is: "fact", label, value });
export const sentence = (words: string): Part => ({ is: "sentence", sentence: words });

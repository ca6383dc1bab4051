// SPDX-License-Identifier: GPL-3.0-or-later
/** Verdicts on documents, as plain text for people. */
import type { Accepted } from "../document/kit.ts";
import type { Fact } from "../document/words.ts";
import { testOnly } from "../keys/origin.ts";

/** Longer quotations go onto lines of their own: wrapped by a terminal, they could pass for words of ours. */
const IN_LINE = 40;
/** Up to 36 characters, to the end of a word where one ends; a character may take two columns. */
const LINE = /.{1,36}(?: |$)|.{1,36}/gu;

/** A fact on a line; words of other people's in quotation marks, and where they are long on lines that begin with a bar. */
export function factText({ label, value, quoted }: Fact): string {
  if (!quoted) return `${label}: ${value}`;
  if ([...value].length <= IN_LINE) return `${label}: ${JSON.stringify(value)}`;
  const lines = value.match(LINE) ?? [];
  return [`${label}:`, ...lines.map((line) => `  | ${line}`.trimEnd())].join("\n");
}

/** A label of ours, and words of other people's under it. */
export const quotedFact = (label: string, value: string): string => factText({ label, value, quoted: true });

/**
 * A document that holds, as text. Under a key that lets its maker forge proofs the first line says that it is worth nothing,
 * before anything says "valid".
 */
export function verdictText(
  { statement, verificationKey, notProven }: Accepted<{ readonly text: string }, string>,
  facts: readonly Fact[],
): string {
  const claimed = notProven.some(({ code }) => ["STATE_CLAIMED", "STATES_CLAIMED"].includes(code));
  const commitment = claimed ? "commitment, by the prover's word" : "commitment, tied to what you gave";
  const test = testOnly([verificationKey.origin]);
  return [
    ...(test === undefined ? [] : [test]),
    `valid: ${statement.text}`,
    ...facts.map((fact) => factText(fact.label === "commitment" ? { ...fact, label: commitment } : fact)),
    // That of the key is the first line.
    ...notProven.filter(({ code }) => !test?.includes(code)).map(({ code, text }) => `not proven (${code}): ${text}`),
  ].join("\n");
}

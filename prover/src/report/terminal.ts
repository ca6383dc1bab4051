// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Words that somebody else chose, in a terminal: in quotation marks, which no label has, behind a label of ours; where they are
 * long, on lines of their own that begin with a bar. Wrapped by the terminal they could pass for lines of ours.
 */
import type { Fact, Foreign } from "../document/words.ts";
import { visible } from "../formats/labels.ts";

/** A line with its label fits into this many columns, so that no terminal of usual width wraps it. */
const LINE = 72;
/** Of what stands behind a bar. */
const BARRED = 48;
/** Of a cell in a table. */
const CELL = 28;

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1f000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NO_WIDTH = /[\p{M}\u2068\u2069]/u;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** Columns that a terminal gives to a text. */
export const columns = (text: string): number =>
  [...text].reduce((sum, each) => sum + (NO_WIDTH.test(each) ? 0 : WIDE.test(each) ? 2 : 1), 0);

/** Words in a direction of their own: what they turn around ends with them. */
const isolated = (words: string): string => (RIGHT_TO_LEFT.test(words) ? `\u2068${words}\u2069` : words);

/** The words in lines of at most `width` columns, broken after a space where one is near. */
function broken(words: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const piece of words.match(/[^ ]+ ?| /gu) ?? []) {
    if (line !== "" && columns(line + piece.trimEnd()) > width) {
      lines.push(line);
      line = "";
    }
    for (const character of piece) {
      if (columns(line + character) > width && character !== " " && !NO_WIDTH.test(character)) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  return [...lines, line].map((each) => each.trimEnd());
}

/** Lines for a fact, to stand `indent` columns to the right. */
export function factLines({ label, value }: Fact, indent = 0): string[] {
  if (typeof value === "string") return [`${label}: ${value}`];
  const { words } = value;
  if (indent + columns(`${label}: "${words}"`) <= LINE) return [`${label}: "${isolated(words)}"`];
  return [`${label}:`, ...broken(words, BARRED).map((line) => `  | ${isolated(line)}`)];
}

export const factText = (fact: Fact): string => factLines(fact).join("\n");

/** Words in a cell of a table, in quotation marks; cut where they are long. */
export function cellText({ words }: Foreign): string {
  const [first = "", ...more] = broken(words, CELL);
  return `"${isolated(first)}${more.length === 0 ? "" : "…"}"`;
}

/** Names that can be taken for nothing else than a name. */
const PLAIN = /^(?:[A-Za-z0-9._/~@+=%-]+|standard input)$/;

/**
 * The name of a file or an account in a line of ours: as it is where it is plain, else in quotation marks, with what no label has
 * as its number.
 */
export const nameText = (name: string): string => (PLAIN.test(name) ? name : `"${isolated(visible(name))}"`);

/** The path of a field, which may hold names that a file gives, likewise; without quotation marks. */
export const fieldText = (field: string): string => isolated(visible(field));

/** JSON in one line of ASCII: what a terminal would act on stands as its number, and a reader of JSON has it back. */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

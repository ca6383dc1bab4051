// SPDX-License-Identifier: GPL-3.0-or-later
/** Parts as plain text, a line or more each. */
import { keyCaveat, testOnly } from "../keys/origin.ts";
import type { Note, OutcomePart, Part } from "./parts.ts";
import { factLines } from "./terminal.ts";
import type { Verdict } from "./verdict.ts";
import { verdictSections } from "./verdict-parts.ts";

const INDENT = 2;

export const partsText = (parts: readonly Part[]): string => parts.flatMap((part) => linesOf(part, 0)).join("\n");

function linesOf(part: Part, indent: number): string[] {
  switch (part.is) {
    case "outcome":
      return outcomeLines(part);
    case "graded":
      // What a statement rests on is a figure of it, and its level what is said of that.
      return [
        indent === 0 ? `${part.level}: ${part.sentence}` : `${part.sentence}: ${part.level}`,
        ...nested(part.parts, indent),
      ];
    case "fact":
      return factLines(part, indent);
    case "row":
      return [
        `${part.what}: ${part.value}`,
        ...nested(
          part.facts.map((each): Part => ({ is: "fact", ...each })),
          indent,
        ),
      ];
    case "note":
      return [noteLine(part)];
    case "sentence":
      return [part.sentence];
  }
}

const nested = (parts: readonly Part[], indent: number): string[] =>
  parts.flatMap((part) => linesOf(part, indent + INDENT)).map((line) => `${" ".repeat(INDENT)}${line}`);

/** Under a key that can be forged the first line says that it is worth nothing, before anything says "valid". */
function outcomeLines({ tone, title, notes, forgeable }: OutcomePart): string[] {
  const test = testOnly(forgeable);
  return [
    ...(test === undefined ? [] : [test]),
    ...(tone === "bad" ? [] : [`${title.charAt(0).toLowerCase()}${title.slice(1)}`]),
    ...notes.map(noteLine),
  ];
}

function noteLine({ about, code, file, sentence }: Note): string {
  const head = [about ?? [], code === undefined ? [] : `(${code})`].flat().join(" ");
  const place = file === undefined || file === "" ? "" : head === "" ? file : ` in ${file}`;
  return `${head}${place}: ${sentence}`;
}

/** A verdict as a terminal shows it. */
export function verdictText(verdict: Verdict): string {
  const { outcome, found, about, open } = verdictSections(verdict);
  // What the first line has said of a key is not said again.
  const said = outcome.forgeable.map((origin) => keyCaveat(origin)?.text);
  const rest = open.filter((part) => !(part.is === "note" && said.includes(part.sentence)));
  return partsText([outcome, ...found, ...about, ...rest]);
}

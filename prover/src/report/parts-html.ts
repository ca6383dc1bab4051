// SPDX-License-Identifier: GPL-3.0-or-later
/** Parts as HTML, for pages, reports and print. */

import type { Fact } from "../document/words.ts";
import { facts as factList, foreign, type Markup, markup, when } from "./html.ts";
import type { Note, OutcomePart, Part } from "./parts.ts";
import { forgeableBy, TEST_ONLY } from "./test-only.ts";

/** Parts of one kind that follow one another stand in one list or table. `isTest`: what is proven is so under a key that can be forged. */
export function partsMarkup(parts: readonly Part[], isTest = false): Markup {
  return markup`${runsOf(parts).map((run) => runMarkup(run, isTest))}`;
}

function runsOf(parts: readonly Part[]): Part[][] {
  const runs: Part[][] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (last !== undefined && last[0]!.is === part.is) last.push(part);
    else runs.push([part]);
  }
  return runs;
}

const only = <Is extends Part["is"]>(run: readonly Part[], is: Is) =>
  run.filter((part): part is Extract<Part, { is: Is }> => part.is === is);

function runMarkup(run: readonly Part[], isTest: boolean): Markup {
  switch (run[0]!.is) {
    case "outcome":
      return markup`${only(run, "outcome").map(outcomeBox)}`;
    case "graded":
      return markup`${only(run, "graded").map(
        ({ level, sentence, parts }) =>
          markup`<article class="proof ${level}${isTest ? " test" : ""}"><h3>${badge(level, isTest)} ${sentence}</h3>${backed(parts, isTest)}</article>`,
      )}`;
    case "fact":
      return factList(only(run, "fact").map(({ label, value }) => [label, valueMarkup(value)]));
    case "row":
      return markup`<table class="facts"><tbody>
${only(run, "row").map(({ what, facts, value }) => markup`<tr><td>${what}</td><td>${rowFacts(facts)}</td><td><code>${value}</code></td></tr>\n`)}</tbody></table>`;
    case "note":
      return markup`<ul>${only(run, "note").map((note) => markup`<li>${noteMarkup(note)}</li>`)}</ul>`;
    case "sentence":
      return markup`${only(run, "sentence").map(({ sentence }) => markup`<p>${sentence}</p>`)}`;
  }
}

/** What stands below a graded sentence: facts, and grades that are no articles of their own. */
const backed = (parts: readonly Part[], isTest: boolean): Markup =>
  markup`${runsOf(parts).map((run) =>
    run[0]!.is === "graded"
      ? only(run, "graded").map(
          ({ level, sentence, parts: under }) =>
            markup`<p>${badge(level, isTest)} ${sentence}</p>${under.length === 0 ? "" : partsMarkup(under, isTest)}`,
        )
      : runMarkup(run, isTest),
  )}`;

const rowFacts = (facts: readonly Fact[]): Markup =>
  facts.length === 0 ? markup`` : factList(facts.map(({ label, value }) => [label, valueMarkup(value)]));

/** Times in words, hashes and commitments as code. */
function valueMarkup(value: Fact["value"]): Markup {
  if (typeof value !== "string") return foreign(value.words);
  return /^(?:0x)?[0-9a-f]{20,}$/.test(value) ? markup`<code>${value}</code>` : when(value);
}

const noteMarkup = ({ code, file, sentence }: Note): Markup => {
  const place = file === undefined || file === "" ? undefined : markup`<code>${file}</code>`;
  if (code === undefined) return markup`${place === undefined ? "" : markup`${place}: `}${sentence}`;
  return markup`<strong>${code}</strong>${place === undefined ? "" : markup` in ${place}`}: ${sentence}`;
};

/** The verdict alone. Under a key that can be forged it is a test whatever the checks say, and never looks like more. */
function outcomeBox({ tone, title, sentence, notes, forgeable }: OutcomePart): Markup {
  const head =
    forgeable.length === 0
      ? markup`<h2>${title}</h2><p>${sentence}</p>`
      : markup`<h2>${TEST_ONLY}</h2>
${forgeable.map(forgeableBy)}
<p>Apart from the key: <strong>${title.toLowerCase()}</strong>. ${sentence}</p>`;
  return markup`<div class="outcome ${forgeable.length === 0 ? tone : "test"}" role="status">${head}
${notes.length === 0 ? "" : markup`<ul>${notes.map((note) => markup`<li>${noteMarkup(note)}</li>`)}</ul>`}
</div>`;
}

/** What was proven under a key that can be forged is marked as that. */
export const badge = (level: string, isTest = false): Markup =>
  level === "proven" && isTest
    ? markup`<span class="badge test">proven, test key</span>`
    : markup`<span class="badge ${level}">${level}</span>`;

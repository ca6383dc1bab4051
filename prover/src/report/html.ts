// SPDX-License-Identifier: GPL-3.0-or-later
/** Markup with escaping that cannot be forgotten: what is put into a template is text unless it is markup already. */
import { visible } from "../formats/labels.ts";

/** Markup that is safe to insert as it is. Made by `markup`, and by the document shell for the project's own script and policy. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const render = (part: Part): string => {
  if (part instanceof Markup) return part.text;
  if (typeof part === "object") return part.map(render).join("");
  return String(part).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
};

/** Template tag for HTML and SVG: every value is escaped, in text and in quoted attributes alike. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, string, index) => text + render(parts[index - 1]!) + string));
}

/**
 * Words that somebody else chose, in an element of their own: they could say anything, in either direction of writing. They
 * stand under a label or in a cell, and in no sentence of ours.
 */
export const foreign = (words: string): Markup => markup`<bdi class="foreign">${visible(words)}</bdi>`;

/** Facts below a heading, each under a label of ours. */
export const facts = (entries: readonly (readonly [label: string, value: Markup | string])[]): Markup =>
  markup`<dl>${entries.map(([label, value]) => markup`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

const MONTHS = "January February March April May June July August September October November December".split(" ");

/** A UTC time such as 2026-11-22T08:00:00Z in words, as a `time` element. Any other text is shown as it is. */
export function when(time: string): Markup {
  const [, year, month, day, minute, second] = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d)Z$/.exec(time) ?? [];
  const name = MONTHS[Number(month) - 1];
  if (name === undefined) return markup`${time}`;
  const clock = `${minute}${second === ":00" ? "" : second}`;
  return markup`<time datetime="${time}">${Number(day)} ${name} ${year!}, ${clock} UTC</time>`;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** The one shell of every HTML document and page of the project: head, style sheet, masthead, and marks for print. */
import { Markup, markup } from "./html.ts";
import { STYLE } from "./style.ts";

export interface DocumentParts {
  /** Of the window, and printed at the foot of every page. */
  readonly title: string;
  /** What kind of document it is, in the masthead: "Margin report". */
  readonly kind: string;
  /**
   * Why the document is private, as a sentence. Where given, the document says PRIVATE at its top and on every printed page.
   */
  readonly privateBecause?: string;
  readonly body: Markup;
  /**
   * Of an interactive page: its one script, and whether that runs WebAssembly, starts workers from its own text, and asks the
   * server that the page comes from.
   */
  readonly script?: {
    readonly text: string;
    /** In base64. */
    readonly sha256: string;
    readonly wasm: boolean;
    readonly workers: boolean;
    readonly server?: boolean;
  };
}

/** A ship's load line, which the project is named after. */
const MARK = markup`<svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><circle cx="12" cy="12" r="7.5" fill="none" stroke="currentColor" stroke-width="2"/><line x1="0.5" x2="23.5" y1="12" y2="12" stroke="currentColor" stroke-width="2"/></svg>`;

/**
 * The whole document, as text: one file that needs nothing else. Its policy allows no script but the one given, by its hash, and
 * no connection, or to its own server alone.
 */
export function renderDocument({ title, kind, privateBecause, body, script }: DocumentParts): string {
  const rules = [
    "default-src 'none'",
    ...(script === undefined
      ? []
      : [`script-src 'sha256-${script.sha256}'${script.wasm ? " 'wasm-unsafe-eval'" : ""}`]),
    "style-src 'unsafe-inline'",
    ...(script?.workers ? ["worker-src blob:"] : []),
    ...(script?.server ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ];
  // These hold nothing but what the project itself wrote, and an escaped quote would change their meaning.
  const policy = new Markup(rules.join("; "));
  // The foot of every printed page.
  const foot = new Markup(
    `<style>@page { @bottom-left { content: ${cssString(mark(title, privateBecause))}; } }</style>`,
  );
  const code = script === undefined ? markup`` : new Markup(`<script>${script.text}</script>\n`);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
${STYLE}
${foot}
</head>
<body>
<header class="masthead">${MARK}<span class="brand">Plimsoll</span><span class="kind">${kind}</span>${privateBecause === undefined ? "" : markup`<strong class="seal">PRIVATE</strong>`}</header>
${privateBecause === undefined ? "" : markup`<div class="running" aria-hidden="true">PRIVATE</div>\n`}<main>
${privateBecause === undefined ? "" : markup`<p class="private">${privateBecause}</p>`}
${body}
</main>
${code}</body>
</html>
`.text;
}

const mark = (title: string, privateBecause: string | undefined) =>
  privateBecause === undefined ? title : `PRIVATE · ${title}`;

/** A string of CSS: every character that is not plainly harmless is escaped by its number. */
const cssString = (text: string): string =>
  `"${[...text].map((character) => (/[A-Za-z0-9 .,:]/.test(character) ? character : `\\${character.codePointAt(0)!.toString(16)} `)).join("")}"`;

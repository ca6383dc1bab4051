// SPDX-License-Identifier: GPL-3.0-or-later
/** What a browser makes of a face: the text that it shows outside of other people's words, and whether these reach over it. */
import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";
import { type Face, namesFor } from "./faces.ts";

export const CHROMIUM = process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium";
export const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];

/** The text of a page as it is shown, with one sign in place of other people's words; and what is wrong with how it is shown. */
export interface Rendered {
  readonly ours: string;
  readonly faults: readonly string[];
  /** How many elements hold other people's words. */
  readonly places: number;
}

/** Runs in the page, and changes it. */
function read(selector: string): Rendered {
  const root = document.querySelector<HTMLElement>(selector)!;
  for (const folded of Array.from(root.querySelectorAll("details"))) folded.open = true;
  const faults: string[] = [];
  const places = Array.from(root.querySelectorAll<HTMLElement>(".foreign"));
  const shown = (node: Node) => node.textContent!.trim().slice(0, 40);
  const touch = (a: DOMRect, b: DOMRect) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
  const rectsOf = (node: Node): DOMRect[] => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return Array.from(range.getClientRects());
  };
  for (const place of places) {
    if (place.children.length > 0) faults.push(`an element among other people's words: ${shown(place)}`);
    const around = place.closest("dl, tr, li, p, h2, h3") ?? place.parentElement!;
    const theirs = rectsOf(place);
    const walker = document.createTreeWalker(around, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (node.textContent!.trim() === "" || place.contains(node)) continue;
      if (rectsOf(node).some((ours) => theirs.some((rect) => touch(rect, ours)))) {
        faults.push(`words of others over ours: ${shown(place)} over ${shown(node)}`);
      }
      if (node.parentElement!.closest(".foreign") !== null) continue;
      // Ours read from left to right, whatever stands beside them.
      let [left, top] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let index = 0; index < node.textContent!.length; index++) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + 1);
        const rect = range.getBoundingClientRect();
        if (rect.width === 0) continue;
        if (rect.top > top + 4) left = Number.NEGATIVE_INFINITY;
        if (rect.left < left - 0.5) faults.push(`ours turned around: ${shown(node)}`);
        [left, top] = [rect.left, rect.top];
      }
    }
  }
  if (root.querySelector("script, img, iframe, a[href^='http']") !== null) faults.push("an element that no face has");
  if (document.title === "owned") faults.push("a script has run");
  for (const place of places) place.textContent = "[theirs]";
  // biome-ignore lint/performance/useDomNodeTextContent: the text as it is shown
  return { ours: root.innerText.replaceAll(/\s+/g, " ").trim(), faults, places: places.length };
}

export const readRendered = (page: Page, selector = "body"): Promise<Rendered> => page.evaluate(read, selector);

/** A face in a browser under these words, in place after place. */
export async function renderFace(page: Page, face: Face, label: (place: number) => string): Promise<Rendered> {
  await page.setContent(face.render(namesFor(face, label)));
  return readRendered(page);
}

/**
 * The text of a face on paper with the places for other people's words left white, so that what is left is ours; undefined
 * where poppler is not installed. `file` is where the PDF goes for a moment.
 */
export async function printFace(
  page: Page,
  face: Face,
  label: (place: number) => string,
  file: string,
): Promise<string | undefined> {
  if (!existsSync("/usr/bin/pdftotext")) return undefined;
  const html = face.render(namesFor(face, label));
  await page.setContent(html.replace("</head>", "<style>.foreign { display: none; }</style></head>"));
  await page.pdf({ path: path.resolve(file), preferCSSPageSize: true });
  const text = execFileSync("/usr/bin/pdftotext", ["-raw", file, "-"], { encoding: "utf8" });
  rmSync(file);
  return text.replaceAll(/\s+/g, " ").trim();
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * W01 in a real Chromium: words that other people chose change no word of ours on a screen or on paper, and stand in no way over
 * it. `scripts/fuzz/words.ts` does the same with many more.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { isLabel } from "../../prover/src/formats/labels.ts";
import { buildPage } from "../../scripts/build-page.ts";
import { allFaces, type Face } from "../support/faces.ts";
import { hostileWords } from "../support/hostile-words.ts";
import { CHROMIUM, CHROMIUM_FLAGS, printFace, readRendered, renderFace } from "../support/rendered.ts";
import { skip } from "../support/skip.ts";
import { labelledPack, openVerifierPage, verdictShown } from "../support/verifier-page.ts";

const WORDS = hostileWords(100);
const LABELS = WORDS.filter(isLabel);
/** Renders of each document, with another word in each place. */
const TURNS = 5;
const EACH = WORDS.length / TURNS;

describe("W01: words that other people chose, in Chromium", function () {
  this.timeout(120_000);
  let browser: Browser | undefined;
  let page: Page;
  let folder: string;
  let documents: Face[];
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-words-"));
    documents = (await allFaces()).filter(({ as }) => as === "html");
    if (!existsSync(CHROMIUM)) return;
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: CHROMIUM_FLAGS });
    page = await browser.newPage({ viewport: { width: 1040, height: 900 } });
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("change nothing of what a document shows and prints, and stand over nothing", async function () {
    if (browser === undefined) return skip(this, "no Chromium");
    expect(documents.map(({ name }) => name)).length(4);
    const file = path.join(folder, "face.pdf");
    for (const face of documents) {
      const harmless = await renderFace(page, face, (place) => `word${place}`);
      expect(harmless.ours, face.name).not.match(/word\d/);
      expect(harmless.places, face.name).at.least(face.atLeast);
      for (let turn = 0; turn < TURNS; turn++) {
        const label = (place: number) => `${WORDS[(turn * EACH + place) % WORDS.length]} ${place}`;
        const found = await renderFace(page, face, label);
        expect(found.faults, `${face.name}, turn ${turn}`).deep.equal([]);
        expect(found.ours, `${face.name}, turn ${turn}`).equal(harmless.ours);
      }
      if (face.name !== "the report on a pack") continue;
      const ours = await printFace(page, face, (place) => `word${place}`, file);
      const theirs = await printFace(page, face, (place) => WORDS[place]!, file);
      expect(theirs).equal(ours);
    }
  });

  it("change nothing of the verifier page, from the file's name to the verdict", async function () {
    if (browser === undefined) return skip(this, "no Chromium");
    const html = path.join(folder, "verify-pack.html");
    writeFileSync(html, (await buildPage()).html);
    const claims = Math.min(60, LABELS.length);
    const shown = async (label: (at: number) => string, name: string) => {
      await openVerifierPage(page, html, label);
      return verdictShown(page, await labelledPack(label, claims), name);
    };
    const ours = await shown((at) => `word${at}`, "pack.zip");
    const theirs = await shown((at) => LABELS[at % LABELS.length]!, "\u202epiz.valid and current\u2069 proven.zip");
    expect(ours.places).above(claims);
    expect(theirs.faults).deep.equal([]);
    expect(theirs).deep.equal(ours);
  });

  it("would be noticed where nothing isolates them, and where they stand over ours", async function () {
    if (browser === undefined) return skip(this, "no Chromium");
    const faults = async (html: string) => {
      await page.setContent(html);
      return (await readRendered(page)).faults;
    };
    expect(await faults('<p>ours <bdi class="foreign">theirs</bdi> and ours</p>')).deep.equal([]);
    expect(await faults('<p>ours <span class="foreign">\u202e</span> and ours</p>')).include(
      "ours turned around: and ours",
    );
    const over = '<p>ours <bdi class="foreign" style="margin-left: -3em">theirs</bdi></p>';
    expect(await faults(over)).deep.equal(["words of others over ours: theirs over ours"]);
    expect(await faults('<p>ours <bdi class="foreign"><b>theirs</b></bdi></p>')).match(/^an element among/);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Hostile words in every place where words of other people's stand: `fuzz-words [count = 2000] [seed = 1] [text|screen]`.
 *
 * `text`: every face (test/support/faces.ts) is rendered with each of them in all its places. `screen`: documents are read back
 * from Chromium with another word in each place, as it shows them and as it prints them, and so is the verifier page, with packs
 * that hold the words that are labels. What is ours must be the same, character by character, as under harmless words. Both where
 * none is named. Progress on stderr, a JSON summary on stdout; exit code 1 where anything differs.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium, type Page } from "playwright-core";
import { isLabel } from "../../prover/src/formats/labels.ts";
import { allFaces, difference, type Face, namesFor, ownOf } from "../../test/support/faces.ts";
import { hostileWords } from "../../test/support/hostile-words.ts";
import { CHROMIUM, CHROMIUM_FLAGS, printFace, renderFace } from "../../test/support/rendered.ts";
import { labelledPack, openVerifierPage, verdictShown } from "../../test/support/verifier-page.ts";
import { buildPage } from "../build-page.ts";

const [count = 2_000, seed = 1] = process.argv.slice(2, 4).map(Number);
const part = process.argv[4];
if (!Number.isSafeInteger(count) || !Number.isSafeInteger(seed) || count < 1 || !/^(text|screen)?$/.test(part ?? "")) {
  process.stderr.write("usage: fuzz-words [count] [seed] [text|screen]\n");
  process.exit(2);
}
const CLAIMS = 60;
/** At most so many words are new in each document that is read back: where there are more places, each word is in several. */
const NEW_WORDS = 10;
/** Of documents that are printed. */
const PRINTED = 40;

const words = hostileWords(count, seed);
const labels = words.filter(isLabel);
const failures: string[] = [];
const rendered: Record<string, number> = {};
const note = (what: string, found: string | undefined) => {
  rendered[what] = (rendered[what] ?? 0) + 1;
  if (found !== undefined) failures.push(found);
};
const started = performance.now();
const say = (what: string) =>
  process.stderr.write(
    `  ${((performance.now() - started) / 1000).toFixed(0)} s: ${what}, ${failures.length} differ\n`,
  );

const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-words-"));
const faces = await allFaces();
for (const face of part === "screen" ? [] : faces) {
  const ours = ownOf(face);
  for (const each of words)
    note(
      face.name,
      difference(face, ours, (place) => `${each} ${place}`),
    );
  say(face.name);
}
if (part !== "text" && existsSync(CHROMIUM)) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: CHROMIUM_FLAGS });
  const page = await browser.newPage({ viewport: { width: 1040, height: 900 } });
  for (const face of faces.filter(({ as }) => as === "html")) {
    await inBrowser(page, face);
    await onPaper(page, face);
  }
  await page.close();
  await onVerifierPage(await browser.newPage({ viewport: { width: 1040, height: 900 } }));
  await browser.close();
}
rmSync(folder, { recursive: true, force: true });

const seconds = Math.round((performance.now() - started) / 1000);
const summary = { count, seed, labels: labels.length, seconds, rendered, differ: failures.length };
process.stdout.write(`${JSON.stringify({ ...summary, failures: failures.slice(0, 20) }, null, 2)}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** Documents with another word in each place, until each has been in some. */
async function inBrowser(page: Page, face: Face): Promise<void> {
  const { ours } = await renderFace(page, face, (place) => `word${place}`);
  const share = Math.min(NEW_WORDS, namesFor(face, (place) => `word${place}`).size);
  for (let turn = 0; turn < Math.ceil(count / share); turn++) {
    const label = (place: number) => `${words[(turn * share + place) % count]} ${place}`;
    const found = await renderFace(page, face, label);
    const why = found.ours === ours ? found.faults[0] : "its text differs";
    note(`${face.name}, in Chromium`, why && `${face.name}, turn ${turn}: ${why}`);
  }
  say(`${face.name}, in Chromium`);
}

async function onPaper(page: Page, face: Face): Promise<void> {
  const file = path.join(folder, "face.pdf");
  const ours = await printFace(page, face, (place) => `word${place}`, file);
  if (ours === undefined) return;
  for (let turn = 0; turn < Math.min(PRINTED, count); turn++) {
    const label = (place: number) => `${words[(turn * Math.ceil(count / PRINTED) + place) % count]} ${place}`;
    const text = await printFace(page, face, label, file);
    note(`${face.name}, on paper`, text === ours ? undefined : `${face.name}, on paper, turn ${turn}`);
  }
  say(`${face.name}, on paper`);
}

/** Packs as the page's reader gets them: every label in a claim, and others as names of everything else. */
async function onVerifierPage(page: Page): Promise<void> {
  const file = path.join(folder, "verify-pack.html");
  writeFileSync(file, (await buildPage()).html);
  const harmless = (at: number) => `word${at}`;
  await openVerifierPage(page, file, harmless);
  const ours = await verdictShown(page, await labelledPack(harmless, CLAIMS), "word.zip");
  for (let first = 0; first < labels.length; first += CLAIMS) {
    const label = (at: number) => labels[(first + at) % labels.length]!;
    await openVerifierPage(page, file, label);
    const found = await verdictShown(page, await labelledPack(label, CLAIMS), `${words[first]!.slice(0, 60)}.zip`);
    const why = found.ours === ours.ours ? found.faults[0] : `its text differs: ${found.ours.slice(0, 300)}`;
    note("the verifier page", why && `the verifier page, from ${first}: ${why}`);
  }
  say("the verifier page");
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Makes the pictures of the documentation again: `node scripts/pictures.ts`, with Chromium at /usr/bin/chromium or where
 * PLIMSOLL_CHROMIUM says. They are of the sample firm's report, and of verdicts on the sample pack.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { refusedPackReport, samplePackReport, sampleReport } from "../test/support/documents.ts";

const IMAGES = path.resolve(import.meta.dirname, "../docs/images");
const MAX_BYTES = 200_000;
const WIDTH = 900;

const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-pictures-"));
const browser = await chromium.launch({
  executablePath: process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  mkdirSync(IMAGES, { recursive: true });
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 800 }, deviceScaleFactor: 1.25 });
  for (const [name, html, height] of [
    ["report", sampleReport(), 766],
    ["verdict", await samplePackReport("development"), 654],
    ["verdict-refused", await refusedPackReport(), 500],
  ] as const) {
    const file = path.join(folder, `${name}.html`);
    writeFileSync(file, html);
    await page.goto(pathToFileURL(file).href);
    const picture = await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width: WIDTH, height } });
    if (picture.length > MAX_BYTES) throw new Error(`${name}.png is larger than ${MAX_BYTES} bytes: ${picture.length}`);
    writeFileSync(path.join(IMAGES, `${name}.png`), picture);
    process.stdout.write(`docs/images/${name}.png: ${picture.length} bytes\n`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Makes the pictures of the documentation again: `node scripts/pictures.ts`, with Chromium at /usr/bin/chromium or where
 * PLIMSOLL_CHROMIUM says. They are of the sample firm's report, of verdicts on the sample pack, of auctions, and of the demo desk.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { type AuctionPrices, priceAt, pricesOf } from "../prover/src/chain/lots.ts";
import { plotFile, type Series } from "../prover/src/report/charts.ts";
import { refusedPackReport, samplePackReport, sampleReport } from "../test/support/documents.ts";

const IMAGES = path.resolve(import.meta.dirname, "../docs/images");
const MAX_BYTES = 200_000;
const WIDTH = 900;

/** Prices of three lots that are worth 100, from the first to the last second of an auction, in parts of their worth. */
export function auctionPicture(): string {
  const terms = {
    premiumBps: 1000n,
    discountBps: 500n,
    toleranceBps: 100n,
    auctionDuration: 1200n,
    maxSlice: 0n,
    dust: 0n,
  };
  const size = 100_000_000n;
  const priced = (cost: bigint, debt = 0n): AuctionPrices =>
    pricesOf({ terms: { size } as Parameters<typeof pricesOf>[0]["terms"], cost, debt }, terms);
  const lots: [string, AuctionPrices][] = [
    ["collateral: no cost shown", priced(0n)],
    ["positions, and a fifth collateral: cost shown", priced((size * 4n) / 5n)],
    ["the same, closed out, solvent, owing 60% of the worth", priced((size * 4n) / 5n, (size * 3n) / 5n)],
  ];
  const steps = Array.from({ length: 61 }, (_, step) => BigInt(20 * step));
  return plotFile({
    title: "Price of a lot over its auction",
    x: { label: "seconds of the board's clock" },
    y: { label: "price, of the lot's worth", format: (value) => `${Math.round(100 * value)}%` },
    lines: lots.map(([label, prices], index) => ({
      label,
      points: steps.map((elapsed) => [
        Number(elapsed),
        Number(priceAt(prices, terms.auctionDuration, elapsed)) / Number(size),
      ]),
      series: (index + 1) as Series,
    })),
    levels: [{ y: 1, label: "worth" }],
  });
}

/** Of an account of the demo desk once its market has moved for a minute. */
async function deskPicture(): Promise<void> {
  const bin = path.resolve(import.meta.dirname, "../prover/bin/plimsoll.mjs");
  const demo = spawn(process.execPath, [bin, "desk", "demo", "--port", "0"], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const address = await new Promise<string>((resolve) => demo.stdout.setEncoding("utf8").once("data", resolve));
    const page = await browser.newPage({ viewport: { width: WIDTH, height: 1_060 }, deviceScaleFactor: 1.25 });
    await page.goto(address.trim());
    await page.getByRole("link", { name: "boreas" }).click();
    await setTimeout(84_000);
    await page.getByLabel("Price of BTC").fill("-10");
    await setTimeout(2_000);
    await page.evaluate(() => scrollTo(0, 0));
    writeFileSync(path.join(IMAGES, "desk.png"), await page.screenshot());
  } finally {
    demo.kill();
  }
}

mkdirSync(IMAGES, { recursive: true });
writeFileSync(path.join(IMAGES, "auction.svg"), auctionPicture());

const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-pictures-"));
const browser = await chromium.launch({
  executablePath: process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
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
  await deskPicture();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** The member's page in a real Chromium, opened from disk, with every connection refused: right, wrong and foreign slips. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { bookSlips } from "../../prover/src/app/check-slip.ts";
import { buildBookPage } from "../../scripts/build-page.ts";
import { skip } from "../support/skip.ts";
import { accountsOf, KEY, proveSteps, publicFile, type VenueBook, venueBook } from "../support/venue-books.ts";

const CHROMIUM = process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium";

describe("the member's page", function () {
  this.timeout(120_000);
  const accounts = accountsOf(28);
  let folder: string;
  let html: string;
  let sources: readonly string[];
  let bytes: Uint8Array;
  let slips: string[];
  let browser: Browser | undefined;
  let page: Page;
  const asked: string[] = [];
  const complaints: string[] = [];

  const slipsOf = async ({ files, shards, shardKey }: VenueBook) => {
    const texts: string[] = [];
    const machine = { shard: async (index: number) => shards[index]! };
    for await (const { text } of bookSlips(machine, { ...files, shardKey })) texts.push(text);
    return texts;
  };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-book-page-"));
    ({ html, sources } = await buildBookPage());
    writeFileSync(path.join(folder, "book.html"), html);
    const book = await venueBook(accounts);
    bytes = await publicFile(book, await proveSteps(book));
    slips = await slipsOf(book);
    if (!existsSync(CHROMIUM)) return;
    const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args });
    const context = await browser.newContext({ offline: true });
    await context.route(/^(?!file:)/, (route) => {
      asked.push(route.request().url());
      return route.abort();
    });
    page = await context.newPage();
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(pathToFileURL(path.join(folder, "book.html")).href);
    const { sha256, size, origin } = KEY.identity;
    await page.fill("#key", `${sha256} ${size} ${origin}`);
    await upload("book", bytes);
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const upload = (id: string, content: string | Uint8Array) =>
    page.setInputFiles(`#${id}`, { name: id, mimeType: "application/octet-stream", buffer: Buffer.from(content) });
  const inBrowser = (title: string, work: () => Promise<void>) =>
    it(title, async function () {
      if (browser === undefined) return skip(this, "no Chromium");
      await work();
    });

  async function verdictOn(slip: string): Promise<string> {
    await upload("slip", slip);
    await page.waitForSelector("#check:not([disabled])");
    await page.click("#check");
    await page.waitForSelector("#result .outcome", { timeout: 60_000 });
    return (await page.textContent("#result"))!.replaceAll(/\s+/g, " ").trim();
  }

  it("is one file of the reader's side alone, that may connect to nothing", () => {
    for (const name of ["snarkjs", "ethers", "ffjavascript", "src/prove/", "src/node/"]) {
      expect(
        sources.filter((source) => source.includes(name)),
        name,
      ).deep.equal([]);
    }
    expect(html).match(/default-src 'none'; script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src 'unsafe-inline'/);
    expect(html).not.match(/<(?:link|img|iframe|script src)|\bfetch\(|XMLHttpRequest|WebSocket|new Worker|\beval\(/);
  });

  inBrowser("a right slip: the member's own figures, exactly, and no word of their totals", async () => {
    const verdict = await verdictOn(slips[9]!);
    expect(verdict).match(/^Test only: worth nothing as evidence.*valid/i);
    expect(verdict).contain("Your account is in the book: with exactly the figures below it is one of its 28 accounts");
    const { holding } = JSON.parse(slips[9]!);
    expect(verdict).contain(`${holding.cash} USDC`);
    for (const [symbol, lots] of Object.entries(holding.positions)) expect(verdict).contain(`${lots} ${symbol}`);
    expect(verdict)
      .contain("was not verified here")
      .and.contain("STEPS_UNREAD")
      .and.contain("whether others are shown the same book is not known");
  });

  inBrowser("a wrong slip, one of another date, and one of another venue are refused, each in its words", async () => {
    const slip = JSON.parse(slips[9]!);
    const changed = JSON.stringify({ ...slip, holding: { ...slip.holding, cash: "12345678.9" } });
    expect(await verdictOn(changed))
      .contain("SLIP_FALSE")
      .and.not.contain("12345678");
    const tomorrow = await venueBook(accounts, { date: "2026-11-23T08:00:00Z" });
    expect(await verdictOn((await slipsOf(tomorrow))[9]!)).contain("SLIP_DATE");
    const other = await venueBook(accounts, { venue: "Another" });
    expect(await verdictOn((await slipsOf(other))[9]!)).contain("SLIP_FOREIGN");
    expect(await verdictOn("{}")).contain("SLIP_MALFORMED");
  });

  inBrowser(
    "a file that is not the one recorded, a key that is not trusted, and a book that is none are refused",
    async () => {
      await upload("slip", slips[9]!);
      await page.fill("#recorded", "0".repeat(64));
      await page.click("#check");
      await page.waitForSelector("#error:not(:empty)");
      expect(await page.textContent("#error")).contain("another book than others");
      await page.fill("#recorded", createHash("sha256").update(bytes).digest("hex"));
      expect(await verdictOn(slips[3]!)).contain("The file is the one whose SHA-256 you gave");
      await page.fill("#recorded", "");
      await page.fill("#key", `${"0".repeat(64)} book-60-8 ceremony`);
      expect(await verdictOn(slips[3]!)).contain("KEY_UNTRUSTED");
      await upload("book", "nothing");
      expect(await verdictOn(slips[3]!)).contain("BOOK_MALFORMED");
    },
  );

  inBrowser("a file in the place of the other is named, and what the other place has stays", async () => {
    const said = async (id: string, content: string | Uint8Array) => {
      await upload(id, content);
      await page.waitForSelector("#error:not(:empty)");
      expect(await page.isDisabled("#check")).equal(true);
      return page.textContent("#error");
    };
    expect(await said("book", slips[3]!)).contain("this is a slip, not the public file of the book");
    await upload("book", bytes);
    expect(await said("slip", bytes)).contain("this is the public file of a book, not your slip");
    const { sha256, size, origin } = KEY.identity;
    await page.fill("#key", `${sha256} ${size} ${origin}`);
    expect(await verdictOn(slips[3]!)).contain("Your account is in the book");
  });

  inBrowser("nothing was asked of any network, and nothing complained", async () => {
    expect(asked).deep.equal([]);
    expect(complaints).deep.equal([]);
  });
});

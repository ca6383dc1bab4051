// SPDX-License-Identifier: GPL-3.0-or-later
/** The contribution page in a real Chromium, opened from disk with the network refused; what it makes goes to the CLI. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildContributionPage } from "../../scripts/build-page.ts";
import { tinyPhase1, tinyR1cs } from "../support/ceremonies.ts";
import { skip } from "../support/skip.ts";

const CHROMIUM = process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const run = promisify(execFile);

describe("the contribution page", function () {
  this.timeout(180_000);
  let folder: string;
  let browser: Browser | undefined;
  let page: Page;
  const asked: string[] = [];
  const complaints: string[] = [];
  const at = (name: string) => path.join(folder, name);
  const ceremony = (...args: string[]) => run(process.execPath, [BIN, "ceremony", ...args], { cwd: folder });

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-contribute-"));
    writeFileSync(at("tiny.r1cs"), await tinyR1cs());
    writeFileSync(at("phase1.ptau"), await tinyPhase1());
    await ceremony(
      "start",
      "c",
      "--r1cs",
      "tiny.r1cs",
      "--phase1",
      "phase1.ptau",
      "--contributors",
      "1",
      "--rehearsal",
    );
    writeFileSync(at("contribute.html"), (await buildContributionPage()).html);
    if (!existsSync(CHROMIUM)) return;
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
    const context = await browser.newContext({ offline: true });
    await context.route(/^(?!file:|blob:)/, (route) => {
      asked.push(route.request().url());
      return route.abort();
    });
    page = await context.newPage();
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(pathToFileURL(at("contribute.html")).href);
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is one file that may connect to nothing", async () => {
    const { html } = await buildContributionPage();
    expect(Buffer.byteLength(html)).lessThan(3_000_000);
    expect(html).match(/default-src 'none'; script-src 'sha256-[A-Za-z0-9+/]{43}=' 'wasm-unsafe-eval'; style-src/);
    expect(html).not.match(/<(?:link|img|iframe|script src)/);
  });

  it("contributes in Chromium without any connection, and the CLI takes its key in after verifying it", async function () {
    if (browser === undefined) return skip(this, "no Chromium");
    const [first] = readdirSync(at("c/keys"));
    await page.setInputFiles("#key", at(`c/keys/${first}`));
    await page.waitForFunction(() => document.getElementById("says")!.textContent === "Nobody has contributed yet.");
    await page.fill("#name", "Mary");
    await page.fill("#typed", "short");
    await page.click("#contribute");
    await page.waitForFunction(() => document.getElementById("error")!.textContent!.startsWith("ENTROPY_SHORT"));
    await page.fill("#typed", "typed at random in the page");
    await page.mouse.move(100, 200, { steps: 5 });
    await page.evaluate(() => {
      const seen: string[] = [];
      const progress = document.getElementById("progress")!;
      new MutationObserver(() => seen.push(progress.textContent!)).observe(progress, { childList: true });
      Object.assign(globalThis, { seen });
    });
    await page.click("#contribute");
    await page.waitForSelector("#result:not([hidden])", { timeout: 60_000 });
    expect(await page.inputValue("#typed")).equal("");
    const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
    expect(seen[0]).match(/^Contributing: 0%, 0 s$/);
    expect(seen.at(-1)).match(/^Done in \d+ s\.$/);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#next")]);
    await download.saveAs(at("next.zkey"));

    const { stdout } = await ceremony("contribute", "c", "--from", "next.zkey", "--json");
    const { entry } = JSON.parse(stdout);
    expect(entry).include({ kind: "contribution", name: "Mary", contributionHash: await page.textContent("#hash") });
    await page.setInputFiles("#key", at("next.zkey"));
    await page.waitForFunction(() => document.getElementById("says")!.textContent!.includes("Mary"));
    await page.fill("#typed", "typed at random in the page");
    await page.click("#contribute");
    await page.waitForFunction(() =>
      document.getElementById("error")!.textContent!.startsWith("DUPLICATE_CONTRIBUTOR"),
    );
  });

  it("says what is wrong with a file that is no key, and has asked for nothing", async function () {
    if (browser === undefined) return skip(this, "no Chromium");
    await page.setInputFiles("#key", at("tiny.r1cs"));
    await page.waitForFunction(() => document.getElementById("error")!.textContent!.includes("not a proving key"));
    expect(await page.isDisabled("#contribute")).equal(true);
    expect(asked).deep.equal([]);
    expect(complaints).deep.equal([]);
  });
});

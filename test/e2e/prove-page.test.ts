// SPDX-License-Identifier: GPL-3.0-or-later
/** The proving page in a real Chromium, with the WebAssembly prover: from disk on one thread, and isolated on all of them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { zipSync } from "fflate";
import { type Browser, chromium, type Page } from "playwright-core";
import { sampleFiles } from "../../prover/src/app/sample-files.ts";
import { verifyEnvelope } from "../../prover/src/app/verify-envelope.ts";
import { buildDirectory, loadManifest } from "../../prover/src/node/artifacts.ts";
import { writeDirectory } from "../../prover/src/node/files.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { buildProvingPage } from "../../scripts/build-page.ts";
import { skip } from "../support/skip.ts";

const CHROMIUM = process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const AUDIENCE = "Aldgate & Partners, request 3";

describe("the proving page", function () {
  this.timeout(120_000);
  let folder: string;
  let html: string;
  let browser: Browser;
  let server: Server;
  let artifacts: string[];
  const firm = (name: string) => path.join(folder, "firm", name);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-prove-page-"));
    await writeDirectory(path.join(folder, "firm"), sampleFiles("plimsoll"));
    html = (await buildProvingPage()).html;
    writeFileSync(path.join(folder, "prove.html"), html);
    const { wasm, zkey, verificationKey, plan } = (await loadManifest()).circuits["board-60"]!;
    const listed = [wasm, zkey, verificationKey, ...(plan === undefined ? [] : [plan])].map((file) => file.path);
    artifacts = ["keys/manifest.json", ...listed].map((file) => path.join(buildDirectory(), file));
    if (!existsSync(CHROMIUM)) return;
    // What isolates a page from other origins, and so lets its workers share memory.
    server = createServer((_, response) => {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
      response.setHeader("Content-Type", "text/html");
      response.end(html);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
  });
  after(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const inBrowser = (title: string, work: () => Promise<void>) =>
    it(title, async function () {
      if (browser === undefined) return skip(this, "no Chromium");
      await work();
    });

  /** A page with the sample firm's files chosen, and what it asked for or complained of. */
  async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await (await browser.newContext({ acceptDownloads: true })).newPage();
    page.setDefaultTimeout(20_000);
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!/^(blob|data):/.test(request.url()) && request.url() !== url) complaints.push(request.url());
    });
    await page.goto(url);
    for (const [field, file] of [
      ["policy", "policy.json"],
      ["market", "market.json"],
      ["account", "account.json"],
      ["key", "viewing.key"],
    ] as const) {
      await page.setInputFiles(`#${field}`, firm(file));
    }
    await page.setInputFiles("#artifacts", artifacts);
    await page.fill("#audience", AUDIENCE);
    return { page, complaints };
  }

  /** Proves, saves and verifies. Gives what the page says of the time. */
  async function prove(page: Page): Promise<string> {
    await page.click("#prove");
    await page.waitForFunction(() => !(document.getElementById("prove") as HTMLButtonElement).disabled, undefined, {
      timeout: 90_000,
    });
    expect(await page.textContent("#error")).equal("");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
    const named = (file: string) => ({ text: readFileSync(file, "utf8"), file });
    const verdict = await verifyEnvelope(
      { verifierFor: loadVerifier },
      {
        envelope: named(await download.path()),
        policy: named(firm("policy.json")),
        market: named(firm("market.json")),
        asked: { audience: AUDIENCE },
      },
    );
    expect(verdict).deep.include({ ok: true, size: "board-60" });
    return (await page.textContent("#progress"))!;
  }

  it("is one file of at most 3 MB that may connect to nothing, without snarkjs", async () => {
    const { sources } = await buildProvingPage();
    expect(sources.filter((source) => /snarkjs|ethers|circomlibjs/.test(source))).deep.equal([]);
    expect(Buffer.byteLength(html)).lessThan(3_000_000);
    expect(html).match(
      /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^']+' 'wasm-unsafe-eval'; /,
    );
  });

  inBrowser("U15: reads files in UTF-16 with a byte order mark, one by one or from a folder", async () => {
    const { page, complaints } = await open(pathToFileURL(path.join(folder, "prove.html")).href);
    const truth = await page.textContent("#truth");
    expect(truth).match(/true/);
    const account = path.join(folder, "utf16.json");
    writeFileSync(account, Buffer.from(`\uFEFF${readFileSync(firm("account.json"), "utf8")}`, "utf16le"));
    await page.setInputFiles("#account", []);
    await page.waitForFunction(() => document.getElementById("truth")!.textContent === "");
    for (const field of ["#account", "#files"]) {
      await page.setInputFiles("#account", []);
      await page.setInputFiles(field, account);
      await page.waitForFunction((words) => document.getElementById("truth")!.textContent === words, truth);
    }
    expect(await page.textContent("#error")).equal("");
    expect(complaints).deep.equal([]);
    await page.context().close();
  });

  inBrowser("U05: warns of a quantity in contracts before anything is proven", async () => {
    const { page, complaints } = await open(pathToFileURL(path.join(folder, "prove.html")).href);
    const books = JSON.parse(readFileSync(firm("account.json"), "utf8"));
    const positions = { "BTC-25DEC26": { quantity: "12500", entryPrice: "97823.696" } };
    const contracts = path.join(folder, "contracts.json");
    writeFileSync(contracts, JSON.stringify({ ...books, positions }));
    await page.setInputFiles("#account", contracts);
    await page.waitForFunction(() => document.getElementById("figures")!.textContent!.includes("times the equity"));
    expect(complaints).deep.equal([]);
    await page.context().close();
  });

  inBrowser("proves board-60 from disk, on one thread, and the proof verifies", async () => {
    const { page, complaints } = await open(pathToFileURL(path.join(folder, "prove.html")).href);
    expect(await page.evaluate(() => crossOriginIsolated)).equal(false);
    const first = await prove(page);
    const second = await prove(page);
    console.log(`      first: ${first} warm: ${second}`);
    expect(complaints).deep.equal([]);
    await page.context().close();
  });

  inBrowser("proves with several threads where it is isolated", async () => {
    const { page, complaints } = await open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(await page.evaluate(() => crossOriginIsolated)).equal(true);
    const first = await prove(page);
    const second = await prove(page);
    console.log(`      first: ${first} warm: ${second}`);
    expect(complaints.filter((text) => !text.endsWith("/favicon.ico"))).deep.equal([]);
    await page.context().close();
  });

  inBrowser("takes the firm's folder and the artifacts at once, and values the account before any proof", async () => {
    const page = await (await browser.newContext({ acceptDownloads: true })).newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(pathToFileURL(path.join(folder, "prove.html")).href);
    await page.setInputFiles("#folder", path.join(folder, "firm"));
    await page.waitForSelector("#overview:not([hidden])");
    const overview = (await page.textContent("#overview"))!;
    for (const words of ["PRIVATE", "226.42%", "11,679,968", "initial margin 150%"]) expect(overview).contain(words);
    for (const [role, name] of [
      ["policy", "policy.json"],
      ["market", "market.json"],
      ["account", "account.json"],
      ["key", "viewing.key"],
    ] as const) {
      expect(await page.textContent(`#${role}-found`)).match(new RegExp(`^✓ .*${name}$`));
    }
    expect(await page.textContent("#truth")).equal("150%: true; its coverage is 226.42% (private).");
    // U02, U05: how the cash follows from the balance, and what looks wrong.
    expect(await page.textContent("#figures"))
      .contain("From the balance to the cash that counts")
      .contain("5,764,091.94");
    expect(await page.textContent("#figures")).not.contain("times the equity");
    await page.selectOption("#direction", "below");
    expect(await page.textContent("#truth")).match(/^150%: not true, so no proof of it exists/);
    await page.selectOption("#direction", "at-least");
    // A second market: the page does not guess between two that both could be it, unless one has the usual name.
    await page.setInputFiles("#files", [
      { name: "old.json", mimeType: "application/json", buffer: readFileSync(firm("market.json")) },
    ]);
    expect(await page.textContent("#market-found")).match(/market.json$/);
    await page.setInputFiles("#files", artifacts);
    await page.waitForFunction(() => document.getElementById("artifacts-found")!.textContent === "✓ manifest.json");
    await page.fill("#audience", AUDIENCE);
    await prove(page);
    // The keys of the build directory are development keys.
    expect((await page.textContent("#statement"))!.trim()).match(/^Test only: worth nothing as evidence/);
    expect(await page.locator("#statement .outcome.test").count()).equal(1);
    // What was proven is gone when what it was proven of changes.
    await page.fill("#audience", "another");
    expect(await page.isVisible("#save")).equal(false);
    expect(await page.textContent("#statement")).equal("");
    await page.setInputFiles("#account", firm("policy.json"));
    await page.waitForFunction(() => document.getElementById("error")!.textContent !== "");
    expect(await page.isVisible("#overview")).equal(false);
    await page.context().close();
  });

  inBrowser(
    "takes one zip of the firm's folder, and tables as well as JSON, and shows coverage before it proves",
    async () => {
      const page = await (await browser.newContext({ acceptDownloads: true })).newPage();
      page.setDefaultTimeout(20_000);
      await page.goto(pathToFileURL(path.join(folder, "prove.html")).href);
      const files = Object.fromEntries(
        sampleFiles("plimsoll")
          .filter(({ name }) => name !== "account.json")
          .map(({ name, text }) => [`firm/${name}`, new TextEncoder().encode(text)]),
      );
      const junk = { "__MACOSX/firm/._policy.json": new Uint8Array([0]), "firm/.DS_Store": new Uint8Array([0]) };
      const buffer = Buffer.from(zipSync({ ...files, ...junk }));
      await page.setInputFiles("#files", { name: "firm.zip", mimeType: "application/zip", buffer });
      await page.waitForSelector("#overview:not([hidden])");
      // Without an account file the account is in the tables: the same one.
      expect(await page.inputValue("#source")).equal("tables");
      expect(await page.inputValue("#name")).equal("atlas");
      expect(await page.textContent("#portfolio-found")).equal("✓ firm.zip/firm/portfolio.csv");
      expect(await page.textContent("#truth")).equal("150%: true; its coverage is 226.42% (private).");
      // A table that is not there has to be said to be empty.
      await page.check("#no-positions");
      await page.waitForFunction(() => !document.getElementById("truth")!.textContent!.includes("226.42%"));
      expect(await page.isVisible("#overview")).equal(true);
      await page.uncheck("#no-positions");
      await page.selectOption("#decimal", "comma");
      await page.waitForFunction(() => document.getElementById("error")!.textContent !== "");
      expect(await page.isVisible("#overview")).equal(false);
      await page.selectOption("#decimal", "");
      await page.setInputFiles("#files", artifacts);
      await page.fill("#audience", AUDIENCE);
      await prove(page);
      const broken = { name: "firm.zip", mimeType: "application/zip", buffer: buffer.subarray(0, 400) };
      await page.setInputFiles("#files", broken);
      await page.waitForFunction(() => document.getElementById("error")!.textContent !== "");
      expect(await page.textContent("#error"))
        .contain("firm.zip")
        .and.contain("no zip that can be read");
      await page.context().close();
    },
  );

  inBrowser("P04: refuses files that the manifest does not name, and a false claim, by name", async () => {
    const { page } = await open(pathToFileURL(path.join(folder, "prove.html")).href);
    const refusal = async () => {
      await page.click("#prove");
      await page.waitForFunction(() => document.getElementById("error")!.textContent !== "");
      expect(await page.isVisible("#save")).equal(false);
      return (await page.textContent("#error"))!;
    };
    await page.selectOption("#direction", "below");
    expect(await refusal()).contain("the coverage of this account is not below 150%");
    await page.selectOption("#direction", "at-least");
    const damaged = path.join(folder, "proving.zkey");
    const zkey = readFileSync(artifacts.find((file) => file.endsWith(".zkey"))!);
    zkey[zkey.length >> 1]! ^= 1;
    writeFileSync(damaged, zkey);
    const others = artifacts.filter((file) => !file.endsWith(".zkey"));
    await page.setInputFiles("#artifacts", [...others, damaged]);
    expect(await refusal()).contain("SHA-256 differs");
    await page.setInputFiles("#artifacts", others);
    expect(await refusal()).contain("not among the chosen ones");
    await page.context().close();
  });
});

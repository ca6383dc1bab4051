// SPDX-License-Identifier: GPL-3.0-or-later
/** The desk's page in Chromium, on the demo that `npm run desk` starts: live figures, what-if, a proof that is approved, looks. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { verifyEnvelope } from "../../prover/src/app/verify-envelope.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readDeskPage } from "../../prover/src/node/pages.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { makeToken } from "../../prover/src/service/desk/access.ts";
import { serveDesk } from "../../prover/src/service/desk/server.ts";
import { DeskFolder } from "../support/desks.ts";
import { CHROMIUM, CHROMIUM_FLAGS } from "../support/rendered.ts";
import { skip } from "../support/skip.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const AXE = readFileSync(path.join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8");

describe("the desk's page", function () {
  this.timeout(120_000);
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let demo: ChildProcess;
  let address: string;
  const faults: string[] = [];
  const requests: string[] = [];

  before(async function () {
    if (!existsSync(CHROMIUM)) skip(this, "no Chromium");
    demo = spawn(process.execPath, [path.join(ROOT, "prover/bin/plimsoll.mjs"), "desk", "demo", "--port", "0"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    address = await new Promise<string>((resolve, reject) => {
      demo.stdout!.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
      demo.once("exit", () => reject(new Error("the demo has ended")));
    });
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: CHROMIUM_FLAGS });
    context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    page = await context.newPage();
    page.on("pageerror", ({ message }) => faults.push(message));
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(address);
    await page.getByRole("link", { name: "boreas" }).waitFor();
  });
  after(async () => {
    await browser?.close();
    const ended = new Promise((resolve) => demo?.once("exit", resolve));
    demo?.kill("SIGTERM");
    if (demo !== undefined) await ended;
  });

  const axe = async (of: Page) => {
    // Of the page's own world: its policy forbids other scripts.
    const violations = await of.evaluate(
      `(async () => { ${AXE}; const { violations } = await axe.run(); return violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target.join(" ")).join(", ")); })()`,
    );
    return violations as string[];
  };
  const go = async (hash: string) => {
    await page.evaluate((to) => {
      location.hash = to;
    }, hash);
  };

  it("signs in by the address once, and leaves no token in it", async () => {
    expect(page.url()).not.contain("token");
    const cookies = await context.cookies();
    expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).deep.equal([
      { httpOnly: true, sameSite: "Strict" },
    ]);
    expect(await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")).equal('[{},{},""]');
  });

  it("is live: the epoch and the figures change by themselves, the lowest excess first", async () => {
    const epoch = () => page.locator(".lead").textContent();
    const first = await epoch();
    await page.waitForFunction((before) => document.querySelector(".lead")?.textContent !== before, first, {
      timeout: 30_000,
    });
    const excesses = await page.locator("tbody tr td:nth-child(2)").allInnerTexts();
    const numbers = excesses.map((text) => Number(text.replaceAll(",", "")));
    expect(numbers).deep.equal(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).equal(3);
  });

  it("answers what-if by keyboard alone: a fall takes coverage away, and smaller positions bring it back", async () => {
    await go("#/account/boreas");
    const move = page.getByLabel("Price of BTC");
    await move.waitFor();
    const then = async () => {
      const text = await page
        .locator(".what-if .point")
        .nth(1)
        .textContent()
        .catch(() => "");
      return Number(text?.replace("%", "") ?? "");
    };
    await page.waitForFunction(() => document.querySelectorAll(".what-if .point").length === 2);
    const before = await then();
    await move.focus();
    for (let step = 0; step < 30; step++) await page.keyboard.press("ArrowLeft");
    expect(await move.inputValue()).equal("-30");
    await expectSoon(async () => (await then()) < before - 20);
    const cure = await page.locator(".what-if table").nth(1).textContent();
    expect(cure).match(/sell [\d.]+ (BTC|ETH)-PERP/);
    const fallen = await then();
    await page.getByLabel("Positions as a share of today's").focus();
    await page.keyboard.press("PageDown");
    await page.keyboard.press("PageDown");
    await expectSoon(async () => (await then()) > fallen);
    await page.getByRole("button", { name: "Add a trade" }).press("Enter");
    await page.getByLabel("Quantity of trade 1").fill("not a number");
    await expectSoon(async () =>
      ((await page.locator(".what-if .error").textContent()) ?? "").startsWith("trades[0].quantity: "),
    );
    await page.getByRole("button", { name: "Start again" }).press("Enter");
    await expectSoon(async () => (await page.locator(".what-if .error").textContent()) === "");
  });

  it("shows what is foreseen: a band ahead of the curve, and the chance of each level", async () => {
    await go("#/account/cetus");
    await page.locator("[aria-label=forecast] tbody tr").first().waitFor();
    expect(await page.locator("[aria-label=forecast] caption").textContent()).match(
      /^Forecast of .* for 24 hours\. Nine times in ten coverage ends between [\d.]+% and [\d.]+%\.$/,
    );
    const chances = await page.locator("[aria-label=forecast] tbody td:nth-child(2)").allInnerTexts();
    expect(chances.length).equal(4);
    for (const chance of chances) expect(chance).match(/^([\d.]+%|less than 0\.1%|is below it)$/);
    expect(await page.locator(".plot .spread").count()).equal(1);
    expect(await page.locator(".plot title").first().textContent()).contain("nine times in ten");
  });

  it("shows what has happened to an account by time: a pack that was made by the calendar, with its file", async () => {
    await go("#/account/cetus");
    const pack = page.locator(".time-line li").filter({ hasText: "morning pack: evidence pack of at least 60%" });
    await pack.getByText("done").waitFor({ timeout: 60_000 });
    const at = new URL((await pack.getByRole("link", { name: "Download" }).getAttribute("href"))!, page.url()).href;
    const head = await page.evaluate(async (url) => {
      const response = await fetch(url);
      return [response.headers.get("content-type"), ...new Uint8Array(await response.arrayBuffer()).slice(0, 2)];
    }, at);
    expect(head).deep.equal(["application/zip", 0x50, 0x4b]);
  });

  it("an approver approves a proof, which verifies", async () => {
    await go("#/tasks");
    const row = page.locator("tbody tr").filter({ hasText: "daily proof" });
    await row.getByRole("button", { name: "Approve" }).click();
    const link = row.getByRole("link", { name: "Download" });
    await link.waitFor({ timeout: 60_000 });
    const at = new URL((await link.getAttribute("href"))!, page.url()).href;
    const text = await page.evaluate(async (url) => (await fetch(url)).text(), at);
    const envelope = JSON.parse(text);
    expect(envelope.statement.audience).equal("the risk committee of Atlas");
    const policy = { text: formatJson(sampleFirm().policy), file: "policy.json" };
    // The epoch's market is not given out; under another the verdict names it.
    const market = { text: formatJson(sampleFirm().market), file: "market.json" };
    const verdict = await verifyEnvelope(
      { verifierFor: loadVerifier },
      { envelope: { text, file: "proof.json" }, policy, market },
    );
    expect(verdict).include({ ok: false, reason: "MARKET_MISMATCH" });
  });

  it("shows alerts as they come, takes note of who acknowledges them, and says when they end", async () => {
    const folder = new DeskFolder();
    const desk = folder.open({ nearBps: 0 });
    const token = await makeToken(folder.path("tokens.json"), "Otto Operator", "operator");
    const server = await serveDesk(desk, await readDeskPage());
    const watched = await context.newPage();
    try {
      await desk.step();
      await watched.goto(`${server.url}/#token=${token}`);
      await watched.getByRole("link", { name: "Alerts", exact: true }).click();
      await watched.getByText("Nothing has been wrong so far.").waitFor();
      folder.epoch({ BTC: -0.3, ETH: -0.3 });
      await desk.step();
      const open = desk.store.alerts({ open: true }).length;
      expect(open).greaterThan(0);
      await watched.getByRole("link", { name: `Alerts (${open})` }).waitFor();
      const row = watched.locator("tbody tr").filter({ hasText: "atlas is below the initial level of 150%." });
      expect(await row.textContent())
        .contain("info")
        .contain("still");
      await row.getByRole("button", { name: "Acknowledge" }).press("Enter");
      await row.getByText("Otto Operator").waitFor();
      folder.epoch();
      await desk.step();
      await watched.getByRole("link", { name: "Alerts", exact: true }).waitFor();
      expect(await watched.locator("tbody tr").count()).equal(open);
      expect(await watched.getByText("still").count()).equal(0);
    } finally {
      await watched.close();
      await server.close();
      await desk.close();
      desk.store.close();
      folder.remove();
    }
  });

  it("has no violation that axe finds, fits a phone, and is dark where the reader's screen is", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const view of ["#/", "#/account/boreas", "#/alerts", "#/tasks"]) {
        await page.setViewportSize({ width: colorScheme === "dark" ? 390 : 1200, height: 844 });
        await go(view);
        await page.waitForFunction(() => !document.querySelector(".hint")?.textContent?.startsWith("Loading"));
        if (view.includes("account")) await page.locator(".what-if .point").first().waitFor();
        expect(await axe(page), `${view} ${colorScheme}`).deep.equal([]);
        const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        expect(wide, `${view} ${colorScheme}`).at.most(0);
      }
      const paper = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(paper).equal(colorScheme === "dark" ? "rgb(16, 23, 31)" : "rgb(255, 255, 255)");
    }
  });

  it("asked nobody but the desk, and threw nothing", () => {
    const { origin } = new URL(address);
    expect(requests.length).greaterThan(20);
    expect(requests.filter((url) => !url.startsWith(origin))).deep.equal([]);
    expect(faults).deep.equal([]);
  });

  it("signs out", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByLabel("Token").fill("of nobody");
    await page.keyboard.press("Enter");
    await expectSoon(async () => (await page.locator(".error").textContent()) === "nobody has this token");
  });
});

/** Waits until it holds; what it asks for comes over HTTP. */
async function expectSoon(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await holds()).equal(true);
}

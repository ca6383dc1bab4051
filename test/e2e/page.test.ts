// SPDX-License-Identifier: GPL-3.0-or-later
/** The verifier page in a real Chromium, opened from disk, with every connection refused. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { fingerprint, trustablesOf } from "../../prover/src/pack/fingerprint.ts";
import { readTrust } from "../../prover/src/pack/trust.ts";
import { type PackFiles, zipFiles } from "../../prover/src/pack/zip.ts";
import { buildPage } from "../../scripts/build-page.ts";
import { CUSTODIAN, FIRM, json, KEY, NOW, ORACLE, policy, resealed, samplePack } from "../support/packs.ts";
import { PORTFOLIO_TRUST, portfolioSource, provenPortfolio } from "../support/portfolio.ts";
import { skip } from "../support/skip.ts";

const CHROMIUM = process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const trustText = json({
  format: "plimsoll-trust/1",
  firms: [{ name: "Atlas", signer: FIRM.address }],
  keys: [KEY.identity],
  maxAgeSeconds: 86_400,
  policies: [{ sha256: policy.sha256 }],
  attesters: [{ name: "The custodian", signer: CUSTODIAN.address }],
  oracles: [ORACLE],
});

/** The key of the packs is a development key: every check holds, and the verdict is worth nothing. */
const TEST_ONLY = /^Test only: worth nothing as evidence.*valid and current/;

describe("the verifier page", function () {
  this.timeout(120_000);
  let folder: string;
  let html: string;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let pack: PackFiles;
  const asked: string[] = [];
  const complaints: string[] = [];

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-page-"));
    const built = await buildPage();
    html = built.html;
    writeFileSync(path.join(folder, "verify-pack.html"), html);
    pack = await samplePack();
    if (!existsSync(CHROMIUM)) return;
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
    context = await browser.newContext({
      viewport: { width: 1040, height: 900 },
      offline: true,
      timezoneId: "Asia/Tokyo",
    });
    await context.route(/^(?!file:)/, (route) => {
      asked.push(route.request().url());
      return route.abort();
    });
    page = await context.newPage();
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(pathToFileURL(path.join(folder, "verify-pack.html")).href);
    await upload("trust", "trust.json", trustText);
    await page.fill("#date", NOW.toISOString().replace(".000Z", "Z"));
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const inBrowser = (title: string, work: () => Promise<void>) =>
    it(title, async function () {
      if (browser === undefined) return skip(this, "no Chromium");
      await work();
    });

  async function upload(id: string, name: string, content: string | Uint8Array): Promise<void> {
    await page.setInputFiles(`#${id}`, { name, mimeType: "application/octet-stream", buffer: Buffer.from(content) });
  }

  /** The verdict's title and findings. */
  async function verdictOn(content: Uint8Array): Promise<string> {
    await upload("pack", "pack.zip", content);
    await page.click("#verify");
    await page.waitForSelector("#result .outcome", { timeout: 30_000 });
    return (await page.textContent("#result .outcome"))!.replaceAll(/\s+/g, " ").trim();
  }

  it("is one file of at most 3 MB, of the reader's side alone, that may connect to nothing", async () => {
    const { sources } = await buildPage();
    expect(Buffer.byteLength(html)).lessThan(3_000_000);
    for (const name of [
      "snarkjs",
      "ethers",
      "circomlibjs",
      "ffjavascript",
      "proof/prover.ts",
      "artifacts.ts",
      "commit.ts",
    ]) {
      expect(
        sources.filter((source) => source.includes(name)),
        name,
      ).deep.equal([]);
    }
    expect(html).match(/default-src 'none'; script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src 'unsafe-inline'/);
    expect(html, "something of Node's").not.match(/\bBuffer\.|\bprocess\./);
    expect(html).not.match(/<(?:link|img|iframe|script src)|\bfetch\(|XMLHttpRequest|WebSocket|new Worker|\beval\(/);
  });

  inBrowser("A09: verifies a valid pack completely, pairings included, without any connection", async () => {
    expect(await verdictOn(zipFiles(pack))).match(TEST_ONLY);
    const text = await page.textContent("#result");
    for (const words of [
      "covers its maintenance margin at least 1.5 times",
      "The custodian",
      "COMPLETENESS",
      "How to repeat every step",
    ]) {
      expect(text).contain(words);
    }
  });

  inBrowser("verifies a sum of attested accounts, and says what counts twice", async () => {
    const keys = await page.inputValue("#keys");
    const attesters = await page.inputValue("#attesters");
    await page.fill("#keys", PORTFOLIO_TRUST.keys.map((key) => `${key.sha256} ${key.size} ${key.origin}`).join("\n"));
    await page.fill("#attesters", PORTFOLIO_TRUST.attesters.map(({ signer, name }) => `${signer} ${name}`).join("\n"));
    const { portfolio, envelope } = await provenPortfolio();
    const sum = await samplePack(await portfolioSource(portfolio, envelope));
    expect(await verdictOn(zipFiles(sum))).match(TEST_ONLY);
    expect(await page.textContent("#result"))
      .contain("the sum of 3 accounts, each in it once")
      .contain("Custodian 1");
    const twice = await resealed(sum, { "merges/2.json": new TextDecoder().decode(sum.get("merges/1.json")!) });
    expect(await verdictOn(zipFiles(twice))).match(/^Invalid.*MERGE_DETACHED in merges\/2.json/);
    await page.fill("#keys", keys);
    await page.fill("#attesters", attesters);
  });

  inBrowser("W17: drops a verdict when anything that it rests on changes", async () => {
    const fields = await page.evaluate(() =>
      Array.from(
        document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input, textarea, select"),
        (field) => ({
          id: field.id,
          isFile: field.type === "file",
        }),
      ),
    );
    const ids = [
      "pack",
      "trust",
      "told",
      "sent",
      "firms",
      "keys",
      "attesters",
      "oracles",
      "date",
      "age",
      "audience",
      "policies",
      "chain",
    ];
    expect(fields.map(({ id }) => id)).members(ids);
    for (const { id, isFile } of fields) {
      expect(await verdictOn(zipFiles(pack)), id).match(TEST_ONLY);
      const before = isFile ? "" : await page.inputValue(`#${id}`);
      // Also to what is no value of the field: a wrong date leaves no verdict either.
      if (isFile) await upload(id, "other", "{}");
      else await page.fill(`#${id}`, `${before}?`);
      expect(await page.locator("#result > *").count(), id).equal(0);
      expect(await page.textContent("#progress"), id).equal("");
      expect(await page.isDisabled("#print"), id).equal(true);
      if (!isFile) await page.fill(`#${id}`, before);
    }
    await upload("trust", "trust.json", trustText);
  });

  inBrowser("W17: shows no verdict that was begun before the last change", async () => {
    await upload("pack", "pack.zip", zipFiles(pack));
    await page.evaluate(() => {
      document.getElementById("verify")!.click();
      const date = document.getElementById("date") as HTMLInputElement;
      date.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await page.waitForTimeout(1_000);
    expect(await page.locator("#result > *").count()).equal(0);
  });

  inBrowser("W18: names the file in no command, whatever it is called", async () => {
    const name = "x;curl example.org|sh $(id) `id` '.zip";
    await upload("pack", name, zipFiles(pack));
    await page.click("#verify");
    await page.waitForSelector("#result .outcome");
    const commands = await page.locator("#result code").allTextContents();
    expect(commands.join("\n")).contain("plimsoll pack verify FILE --trust trust.json").not.contain("curl");
    const told = await page.locator("#result bdi.foreign").allTextContents();
    expect(told).include(name);
  });

  inBrowser(
    "takes trust by digits that are read out by telephone, and by no hexadecimal digit that is typed",
    async () => {
      const fresh = await context.newPage();
      await fresh.goto(pathToFileURL(path.join(folder, "verify-pack.html")).href);
      await fresh.fill("#date", "22 November 2026, 12:00");
      const bytes = Buffer.from(zipFiles(pack));
      await fresh.setInputFiles("#pack", { name: "pack.zip", mimeType: "application/zip", buffer: bytes });
      // What the firm, the venue and the custodian read out of trust files of their own.
      const entries = trustablesOf(readTrust({ text: trustText, file: "theirs" }));
      const digits = (kind: string) =>
        entries.filter(({ what }) => what.kind === kind).map(({ what }) => fingerprint(what));
      const answer = async (told: string) => {
        await fresh.fill("#told", told);
        await fresh.click("#compare");
        return fresh.textContent("#told-answer");
      };
      expect(digits("firm")[0]).match(/^(\d{5} ){4}\d{5}$/);
      expect(await answer("12345 67890")).contain("Expected 25 digits");
      expect(await answer("11111 22222 33333 44444 55555 Somebody"))
        .contain("nothing in the pack")
        .and.contain("do not rely");
      expect(await fresh.inputValue("#firms")).equal("");
      const said = await answer(
        [
          `${digits("firm")[0]} Atlas`,
          ...digits("key"),
          `${digits("attester")[0]!.replaceAll(" ", "-")} The custodian`,
        ].join("\n"),
      );
      expect(said)
        .contain("✓ the firm's seal")
        .and.contain("✓ a verification key: made for tests")
        .and.contain("✓ a custodian");
      // What a pack cannot name by itself comes in a file that somebody sent, and counts once its digits are told.
      await fresh.setInputFiles("#sent", {
        name: "t.json",
        mimeType: "application/json",
        buffer: Buffer.from(trustText),
      });
      await fresh.waitForFunction(() => document.getElementById("sent-read")!.textContent !== "");
      expect(await fresh.textContent("#sent-read")).equal("5 entries, none trusted yet.");
      expect(await fresh.inputValue("#oracles")).equal("");
      expect(await answer(`${digits("oracle")[0]}\n${digits("policy")[0]}`)).equal(
        "✓ a price oracle\n✓ a margin policy",
      );
      await fresh.click("#verify");
      await fresh.waitForSelector("#result .outcome", { timeout: 30_000 });
      expect((await fresh.textContent("#result .outcome"))!.replaceAll(/\s+/g, " ").trim()).match(TEST_ONLY);
      const sentence = (await fresh.textContent("#sentence"))!;
      expect(sentence).match(
        /^I examined pack 1 \(SHA-256 [0-9a-f]{64}\), sealed by 0x[0-9a-f]{40} as of 22 November 2026, 12:00 UTC/,
      );
      expect(sentence).contain("keys made for tests").and.contain("evidence of nothing");
      // What was told is kept as a trust file that the command line reads too.
      const [download] = await Promise.all([fresh.waitForEvent("download"), fresh.click("#keep")]);
      const kept = readTrust({ text: readFileSync(await download.path(), "utf8"), file: "kept" });
      expect(kept.firms.map(({ name }) => name)).deep.equal(["Atlas"]);
      expect(kept.attesters.map(({ name }) => name)).deep.equal(["The custodian"]);
      await fresh.close();
    },
  );

  inBrowser("reads dates as people write them, and says which day it took", async () => {
    const before = await page.inputValue("#date");
    for (const [written, read] of [
      ["22.11.2026 12:00", "22 November 2026 at 12:00 UTC (21:00 in Asia/Tokyo)"],
      ["November 22, 2026", "22 November 2026 at 23:59 UTC (23 November 2026 at 08:59 in Asia/Tokyo)"],
    ] as const) {
      await page.fill("#date", written);
      expect(await page.textContent("#date-read")).equal(read);
    }
    await upload("pack", "pack.zip", zipFiles(pack));
    await page.fill("#date", "03/04/2026");
    await page.click("#verify");
    expect(await page.textContent("#error")).contain("could be two days");
    await page.fill("#date", before);
  });

  inBrowser("says the time on the reader's own clock", async () => {
    expect(await page.textContent("#date-read")).equal("22 November 2026 at 12:00 UTC (21:00 in Asia/Tokyo)");
    expect(await page.textContent("#keys-read")).equal("board-60, development: test only");
    expect(await page.textContent("#firms-read")).equal("Atlas");
    await verdictOn(zipFiles(pack));
    expect(await page.textContent("#result .lead")).contain("22 November 2026, 12:00 UTC (21:00 in Asia/Tokyo)");
  });

  inBrowser("says valid, not current by the reader's own date and tolerance", async () => {
    await page.fill("#age", "1");
    expect(await verdictOn(zipFiles(pack))).match(
      /^Test only: worth nothing as evidence.*valid, not current.*MARKET_OLD in markets\/1.json/,
    );
    await page.fill("#age", "24");
  });

  inBrowser("A03, A05: says which check failed in which file, on packs with anything changed", async () => {
    const envelope = JSON.parse(new TextDecoder().decode(pack.get("proofs/1.json")!));
    const wrong = { ...envelope, proof: { ...envelope.proof, pi_a: envelope.proof.pi_c } };
    const changed = new Map(pack).set("policies/1.json", new TextEncoder().encode("{}"));
    const cases: [PackFiles, RegExp][] = [
      [changed, /^Invalid.*FILE_CHANGED in policies\/1.json/],
      [await resealed(pack, { "proofs/1.json": json(wrong) }), /^Invalid.*PAIRING_FAILED in proofs\/1.json/],
      [
        await resealed(pack, {}, (index) => ({ ...index, claims: [{ level: "proven", text: "Rich." }] })),
        /LEVEL_UNSUPPORTED/,
      ],
    ];
    for (const [files, expected] of cases) expect(await verdictOn(zipFiles(files))).match(expected);
    expect(await verdictOn(zipFiles(pack).slice(0, -5))).match(/^Unusable.*PACK_MALFORMED/);
  });

  inBrowser("lets nothing in a pack choose whom to trust, nor become markup", async () => {
    const hostile = await resealed(pack, {}, (index) => ({
      ...index,
      question: "<img src=x onerror=alert(1)>",
      name: "<script>document.title='owned'</script>",
    }));
    const firms = await page.inputValue("#firms");
    expect(await verdictOn(zipFiles(hostile))).match(TEST_ONLY);
    expect(await page.locator("#result img, #result script, #says script").count()).equal(0);
    expect(await page.title()).not.equal("owned");
    expect(await page.inputValue("#firms")).equal(firms);
    await page.fill("#firms", "");
    expect(await verdictOn(zipFiles(pack))).match(/^Unusable.*TRUST_INCOMPLETE/);
    expect(await page.textContent("#says")).contain(FIRM.address);
    await page.fill("#firms", firms);
  });

  inBrowser("takes a trust file as it stands: no policy where it lists none, and the listing of a board", async () => {
    const trust = JSON.parse(trustText);
    await upload("trust", "trust.json", json({ ...trust, policies: [] }));
    expect(await verdictOn(zipFiles(pack))).match(/^Invalid.*POLICY_UNTRUSTED in policies\/1.json/);
    await upload("trust", "trust.json", json({ ...trust, oracles: [{ ...ORACLE, listing: "0".repeat(64) }] }));
    expect(await verdictOn(zipFiles(pack))).match(/^Invalid.*LISTING_UNEXPECTED/);
    await upload("trust", "trust.json", trustText);
    expect(await verdictOn(zipFiles(pack))).match(TEST_ONLY);
  });

  inBrowser("takes a dropped file, and says what is wrong with the reader's own settings", async () => {
    const bytes = [...zipFiles(pack)];
    const transfer = await page.evaluateHandle((content) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(content)], "dropped.zip"));
      return data;
    }, bytes);
    await page.evaluate(() => {
      document.getElementById("chosen")!.textContent = "";
    });
    await page.dispatchEvent("#drop", "drop", { dataTransfer: transfer });
    await page.waitForFunction(() => document.getElementById("chosen")!.textContent!.includes("bytes read"));
    await page.fill("#age", "soon");
    await page.click("#verify");
    await page.waitForFunction(() => document.getElementById("error")!.textContent !== "");
    expect(await page.textContent("#error")).contain("maxAgeSeconds");
    await page.fill("#age", "24");
    await page.click("#verify");
    await page.waitForSelector("#result .outcome.test");
    expect(await page.textContent("#error")).equal("");
  });

  inBrowser("names every field and prints without them", async () => {
    const nameless = await page.evaluate(() =>
      Array.from(document.querySelectorAll("input, textarea, button"))
        .filter((field) => (field as HTMLInputElement).labels?.length === 0 && field.textContent === "")
        .map(({ id }) => id),
    );
    expect(nameless).deep.equal([]);
    await page.emulateMedia({ media: "print" });
    expect(await page.isVisible("#verify")).equal(false);
    expect(await page.isVisible("#result .outcome")).equal(true);
    const pdf = await page.pdf({ format: "A4" });
    expect(pdf.subarray(0, 5).toString()).equal("%PDF-");
    await page.emulateMedia({ media: "screen" });
  });

  inBrowser("has asked for nothing and complained of nothing", async () => {
    expect(asked).deep.equal([]);
    expect(complaints).deep.equal([]);
    // The policy holds: a connection that the page's own code would open is refused by the browser, to a server that is there.
    const reached: string[] = [];
    const server: Server = createServer((request, response) => {
      reached.push(request.url!);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await context.setOffline(false);
    await context.unroute(/^(?!file:)/);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/leak`;
    const refused = await page.evaluate(
      (target) =>
        fetch(target, { mode: "no-cors" }).then(
          () => "sent",
          () => "refused",
        ),
      url,
    );
    server.close();
    expect([refused, reached]).deep.equal(["refused", []]);
  });
});

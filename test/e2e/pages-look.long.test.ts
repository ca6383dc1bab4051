// SPDX-License-Identifier: GPL-3.0-or-later
/** Every document and page in a real Chromium: on a screen and a phone, light and dark, and on paper. */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { zipFiles } from "../../prover/src/pack/zip.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { buildContributionPage, buildPage, buildProvingPage } from "../../scripts/build-page.ts";
import { picture } from "../../scripts/walk-through/picture.ts";
import { type SampleDocument, sampleDocuments } from "../support/documents.ts";
import { samplePack, TRUST } from "../support/packs.ts";
import { skip } from "../support/skip.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const CHROMIUM = process.env.PLIMSOLL_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const NAMES = [
  "report",
  "outlook",
  "calibration",
  "pack-report-test",
  "pack-report-valid",
  "pack-report-refused",
  "walk-through",
  "verify-pack",
  "contribute",
  "prove",
];
const PRINTED = NAMES.slice(0, 7);

function walkThrough(): string {
  const acts = Array.from({ length: 20 }, (_, index) => ({
    time: `2026-11-22 ${String(8 + Math.floor(index / 2)).padStart(2, "0")}:${index % 2 === 0 ? "00" : "30"}`,
    epoch: BigInt(index),
    what: ["deposits of every member, and a trade", "an attestation", "a fall; a call", "a lot sold"][index % 4]!,
    level: index % 3 === 0 ? "15000" : "",
    seen: index % 5 === 0 ? [`Attested(account 1, level 15000, state 0x${"ab12".repeat(16)})`] : [],
    gas: 349_000n + BigInt(index),
    coverage: {
      Atlas: BigInt(Math.round(18_000 + 6_000 * Math.sin(index / 3))),
      Borealis: index > 14 ? undefined : BigInt(14_000 - 700 * index),
      Cygnus: index < 4 ? undefined : BigInt(22_000 + 900 * index),
    },
    fund: 5_000_000_000_000n - BigInt(Math.floor(index / 6)) * 400_000_000_000n,
    deficit: index > 17 ? 200_000_000_000n : 0n,
  }));
  return picture(acts, { initial: 15_000n, call: 12_000n, liquidation: 10_000n }, [
    ["acts", "20"],
    ["proofs", "43"],
  ]);
}

/** The prover's documents, a script's, and the pages. */
async function allDocuments(): Promise<SampleDocument[]> {
  const page = (name: string, html: string) => ({ name, html, prints: false, isPrivate: false });
  return [
    ...(await sampleDocuments()),
    { name: "walk-through", html: walkThrough(), prints: true, isPrivate: true },
    page("verify-pack", (await buildPage()).html),
    page("contribute", (await buildContributionPage()).html),
    page("prove", (await buildProvingPage()).html),
  ];
}

/** What is wrong with how a page looks, found in the page itself. */
interface Look {
  /** Wider than the window. */
  readonly overflow: number;
  /** Elements that reach beyond the window, and are in no box that scrolls. */
  readonly outside: string[];
  /** In CSS pixels; none without charts. */
  readonly smallestChartText: number | null;
  readonly chartTexts: number;
  /** Texts whose contrast with what is behind them is below 4.5, or 3 where they are large. */
  readonly faint: string[];
  readonly texts: number;
  /** Relative luminance of the page's background. */
  readonly background: number;
}

/** Runs in the page. */
function look(): Look {
  type Colour = readonly [number, number, number, number];
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const colours = new Map<string, Colour>();
  const colour = (text: string): Colour => {
    const known = colours.get(text);
    if (known !== undefined) return known;
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    const drawn: Colour = [red!, green!, blue!, alpha! / 255];
    colours.set(text, drawn);
    return drawn;
  };
  const over = (top: Colour, under: Colour): Colour => {
    const mix = (at: 0 | 1 | 2) => top[at] * top[3] + under[at] * (1 - top[3]);
    return [mix(0), mix(1), mix(2), 1];
  };
  const luminance = ([red, green, blue]: Colour) => {
    const linear = (value: number) => (value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const grounds = new Map<Element, Colour>();
  const behind = (element: Element): Colour => {
    const known = grounds.get(element);
    if (known !== undefined) return known;
    const own = colour(getComputedStyle(element).backgroundColor);
    // Bands of a chart are behind its words.
    const under = () => (element.parentElement === null ? colour("white") : behind(element.parentElement));
    const ground = own[3] === 1 ? own : over(own, under());
    grounds.set(element, ground);
    return ground;
  };
  const contrast = (a: Colour, b: Colour) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
    return (high + 0.05) / (low + 0.05);
  };
  const name = (element: Element) =>
    `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} “${element.textContent!.trim().slice(0, 30)}”`;

  const faint: string[] = [];
  const outside: string[] = [];
  let texts = 0;
  let chartTexts = 0;
  let smallest = Number.POSITIVE_INFINITY;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement!;
    if (node.textContent!.trim() === "" || element.closest("script, style, title, desc") !== null) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    const shown = element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
    if (!shown || box.width === 0) continue;
    texts++;
    const style = getComputedStyle(element);
    const isDrawn = element instanceof SVGElement;
    const size = Number.parseFloat(style.fontSize);
    if (element.closest(".chart") !== null) {
      chartTexts++;
      const drawn = isDrawn ? size * (element as unknown as SVGTextElement).getScreenCTM()!.a : size;
      smallest = Math.min(smallest, drawn);
    }
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const disabled = element.closest(":disabled") !== null;
    // A label in a ladder's track has a band behind it: the palest and the strongest are tried.
    const tried = [behind(element)];
    if (isDrawn && style.fontWeight === "650") {
      for (const band of element.parentElement!.querySelectorAll(".band") as unknown as Iterable<Element>) {
        tried.push(colour(getComputedStyle(band).fill));
      }
    }
    for (const ground of tried) {
      const ink = over(colour(isDrawn ? style.fill : style.color), ground);
      if (!disabled && contrast(ink, ground) < (isLarge ? 3 : 4.5)) faint.push(name(element));
    }
    if (box.right > innerWidth + 0.5 && element.closest(".scroll, pre") === null) outside.push(name(element));
  }
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    outside,
    smallestChartText: chartTexts === 0 ? null : smallest,
    chartTexts,
    faint,
    texts,
    background: luminance(behind(document.body)),
  };
}

describe("how documents and pages look", function () {
  this.timeout(120_000);
  let folder: string;
  let browser: Browser | undefined;
  let documents: ReadonlyMap<string, SampleDocument>;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-look-"));
    documents = new Map((await allDocuments()).map((document) => [document.name, document]));
    for (const { name, html } of documents.values()) writeFileSync(path.join(folder, `${name}.html`), html);
    if (!existsSync(CHROMIUM)) return;
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The page that the last test looked at: the next one looks at it in another width. */
  let last: { readonly as: string; readonly page: Page } | undefined;
  async function reopen(name: string, width: number, scheme: "light" | "dark"): Promise<Page> {
    const as = `${name} ${scheme}`;
    if (last?.as !== as) {
      await last?.page.close();
      last = { as, page: await open(name, width, scheme) };
    }
    await last.page.setViewportSize({ width, height: 900 });
    return last.page;
  }
  async function open(name: string, width: number, colorScheme: "light" | "dark"): Promise<Page> {
    const page = await browser!.newPage({ viewport: { width, height: 900 }, colorScheme });
    await page.goto(pathToFileURL(path.join(folder, `${name}.html`)).href);
    return page;
  }

  it("are these", () => {
    expect([...documents.keys()]).deep.equal(NAMES);
    expect([...documents.values()].flatMap(({ name, prints }) => (prints ? [name] : []))).deep.equal(PRINTED);
  });

  it("come from one shell: language, viewport, colour scheme, a policy that allows no connection", () => {
    for (const { name, html, isPrivate } of documents.values()) {
      expect(html, name).match(
        /^<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport"/,
      );
      expect(html, name).contain(`<meta name="color-scheme" content="light dark">`);
      expect(html, name).contain(`content="default-src 'none'; `).and.contain("base-uri 'none'; form-action 'none'\"");
      expect(html.slice(0, html.indexOf("<body>")).match(/<style>/g), name).have.length(2);
      expect(html.includes(`<strong class="seal">PRIVATE</strong>`), name).equal(isPrivate);
    }
  });

  it("are made by that shell and by one chart kit, and by nothing else in the sources", () => {
    const files = globSync("{prover/src,scripts}/**/*.{ts,html}", { cwd: ROOT });
    const having = (text: RegExp) => files.filter((file) => text.test(readFileSync(path.join(ROOT, file), "utf8")));
    expect(having(/<!doctype/i)).deep.equal(["prover/src/report/document.ts"]);
    expect(having(/<svg/)).have.members(["prover/src/report/charts.ts", "prover/src/report/document.ts"]);
    expect(having(/from "d3-scale"/)).deep.equal(["prover/src/report/charts.ts"]);
  });

  for (const name of NAMES) {
    for (const scheme of ["light", "dark"] as const) {
      for (const width of [1280, 390]) {
        it(`${name}, ${width} px, ${scheme}: fits, and every word is legible`, async function () {
          if (browser === undefined) return skip(this, "no Chromium");
          const page = await reopen(name, width, scheme);
          // What is folded away is looked at too.
          await page.evaluate(() => {
            for (const folded of document.querySelectorAll("details") as unknown as Iterable<HTMLDetailsElement>) {
              folded.open = true;
            }
          });
          const { overflow, outside, faint, texts, background, ...charts } = await page.evaluate(look);
          expect(overflow).at.most(0);
          expect(outside).deep.equal([]);
          expect(faint).deep.equal([]);
          expect(texts).above(8);
          if (scheme === "dark") expect(background).below(0.05);
          else expect(background).above(0.9);
          if (["report", "outlook", "calibration", "walk-through"].includes(name)) expect(charts.chartTexts).above(10);
          if (charts.smallestChartText !== null) expect(charts.smallestChartText).at.least(11);
        });
      }
    }
  }

  for (const width of [1280, 390]) {
    for (const scheme of ["light", "dark"] as const) {
      it(`pages that show a verdict, or an account, ${width} px, ${scheme}: fit and are legible`, async function () {
        if (browser === undefined) return this.skip();
        const json = (name: string, document: unknown) => ({
          name,
          mimeType: "application/json",
          buffer: Buffer.from(JSON.stringify(document)),
        });
        const verifier = await open("verify-pack", width, scheme);
        const zip = Buffer.from(zipFiles(await samplePack()));
        await verifier.setInputFiles("#pack", { name: "pack.zip", mimeType: "application/zip", buffer: zip });
        const trust = { format: "plimsoll-trust/1", firms: TRUST.firms, keys: TRUST.keys, maxAgeSeconds: 86_400 };
        await verifier.setInputFiles(
          "#trust",
          json("trust.json", { ...trust, attesters: TRUST.attesters, oracles: TRUST.oracles }),
        );
        await verifier.fill("#date", "2026-11-22T12:00:00Z");
        await verifier.click("#verify");
        await verifier.waitForSelector("#result .outcome.test");
        const { policy, market, atlas } = sampleFirm();
        const prover = await open("prove", width, scheme);
        await prover.setInputFiles("#files", [json("p.json", policy), json("m.json", market), json("a.json", atlas)]);
        await prover.waitForSelector("#overview:not([hidden])");
        for (const page of [verifier, prover]) {
          const { overflow, outside, faint, smallestChartText } = await page.evaluate(look);
          expect({ overflow, outside, faint }).deep.equal({ overflow: 0, outside: [], faint: [] });
          if (page === prover) expect(smallestChartText).at.least(11);
          await page.close();
        }
      });
    }
  }

  for (const name of PRINTED) {
    it(`${name}, on paper: pages are numbered and marked, light whatever the screen is, and nothing stays folded`, async function () {
      if (browser === undefined) return skip(this, "no Chromium");
      const { isPrivate } = documents.get(name)!;
      const page = await open(name, 1280, "dark");
      const file = path.join(folder, `${name}.pdf`);
      await page.pdf({ path: file, preferCSSPageSize: true, printBackground: false });
      await page.emulateMedia({ media: "print" });
      const { background, faint } = await page.evaluate(look);
      await page.close();
      expect(background).above(0.9);
      expect(faint).deep.equal([]);
      const pages = pagesOf(file);
      if (pages === undefined) return skip(this, "pdftoppm is not installed");
      for (const [index, text] of pages.entries()) {
        expect(text.replaceAll(/\s+/g, ""), `page ${index + 1}`).match(new RegExp(`${index + 1}/${pages.length}$`));
        expect(text.includes("PRIVATE"), `page ${index + 1}`).equal(isPrivate);
      }
      if (name === "report") expect(pages.length).above(1);
      if (name.startsWith("pack-report")) expect(pages.join("")).contain("EIP-712");
    });
  }

  it("names of any length wrap, at any width", async function () {
    if (browser === undefined) return this.skip();
    const long = "Aldgatebishopsgatecripplegate".repeat(4);
    const names = /Atlas|meridian-main|BTC and ETH|The custodian|BTC-25DEC26-100000-C|BTC −18%, ETH stands/g;
    const page = await browser.newPage();
    for (const { name, html, prints } of documents.values()) {
      if (!prints) continue;
      const file = path.join(folder, "long.html");
      writeFileSync(file, html.replaceAll(names, long));
      for (const width of [320, 390, 700, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(pathToFileURL(file).href);
        await page.evaluate(() => {
          for (const folded of document.querySelectorAll("details") as unknown as Iterable<HTMLDetailsElement>) {
            folded.open = true;
          }
        });
        expect((await page.evaluate(look)).overflow, `${name}, ${width} px`).at.most(0);
      }
    }
    await page.close();
  });

  it("bars print without background graphics", async function () {
    if (browser === undefined) return skip(this, "no Chromium");
    const page = await open("report", 1280, "light");
    const file = path.join(folder, "bars.pdf");
    await page.pdf({ path: file, preferCSSPageSize: true, printBackground: false });
    await page.close();
    if (!existsSync("/usr/bin/pdftoppm")) return skip(this, "pdftoppm is not installed");
    // Red is the bar of the worst scenario, which is on the second page or so.
    const pixels = execFileSync("pdftoppm", ["-r", "40", file], { maxBuffer: 1 << 28 });
    let red = 0;
    for (let at = 0; at < pixels.length - 2; at++) {
      if (pixels[at]! > 160 && pixels[at]! < 200 && pixels[at + 1]! < 80 && pixels[at + 2]! < 90) red++;
    }
    expect(red).above(200);
  });

  it("a verdict under a development key is not green, and says first that it is worth nothing", async function () {
    if (browser === undefined) return skip(this, "no Chromium");
    const outcome = async (name: string) => {
      const page = await open(name, 1280, "light");
      const found = await page.evaluate(() => {
        const box = document.querySelector(".outcome")!;
        const hue = (element: Element) => getComputedStyle(element).color;
        const all = Array.from(document.querySelectorAll(".outcome h2, .badge.proven, .badge.test, .verdict"), hue);
        const green = (text: string) => {
          const [red, green, blue] = text.match(/\d+/g)!.map(Number) as [number, number, number];
          return green > red && green > blue;
        };
        return { text: box.textContent!.trim(), green: all.filter(green).length, of: all.length };
      });
      await page.close();
      return found;
    };
    const test = await outcome("pack-report-test");
    expect(test.text).match(/^Test only: worth nothing as evidence/);
    expect(test).include({ green: 0 }).and.property("of").above(1);
    const report = await open("report", 1280, "light");
    const verdicts = await report.evaluate(() =>
      Array.from(document.querySelectorAll(".verdict"), (verdict) => [
        verdict.textContent,
        getComputedStyle(verdict).color,
      ]),
    );
    await report.close();
    expect(verdicts).deep.equal([
      ["Test only", "rgb(99, 73, 154)"],
      ["Not provable", "rgb(163, 36, 43)"],
    ]);
    const valid = await outcome("pack-report-valid");
    expect(valid.text).match(/^Valid and current/);
    expect(valid.green).equal(valid.of).and.above(1);
  });
});

/** The text of each page, or undefined where poppler is not installed. */
function pagesOf(file: string): string[] | undefined {
  if (!existsSync("/usr/bin/pdftotext")) return undefined;
  return execFileSync("/usr/bin/pdftotext", ["-layout", file, "-"], { encoding: "utf8" })
    .split("\f")
    .slice(0, -1)
    .map((text) => text.trim());
}

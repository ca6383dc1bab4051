// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { readAccount } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { barChart, ladderChart, plotFile } from "../../prover/src/report/charts.ts";
import { type ReportInput, renderReport } from "../../prover/src/report/report.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";

const sample = sampleFirm();
const policy = readPolicy(JSON.stringify(sample.policy), "policy.json");
const market = readMarket(JSON.stringify(sample.market), "market.json", policy);
const fallen = readMarket(JSON.stringify(sample.marketAfterFall), "fallen.json", policy);
const { account } = readAccount(JSON.stringify(sample.atlas), "atlas.json", policy, market);
const input: ReportInput = {
  firm: "Atlas",
  policy,
  market,
  account,
  moments: [
    { label: "Opening", note: "attested", account, market },
    { label: "Fall", note: "flagged", account, market: fallen },
  ],
  proofs: [
    { statement: "Coverage is at least 150%.", proven: true, outcome: "Verified.", facts: [["made in", "0.9 s"]] },
  ],
  key: { sha256: "0123", origin: "development" },
};
const html = renderReport(input);
const text = html
  .replace(/<style>.*<\/style>/s, "")
  .replace(/<title>.*?<\/title>/g, "")
  .replace(/<[^>]+>/g, " ")
  .replace(/\s+/g, " ");

describe("the report", () => {
  it("shows the model's figures: coverage, equity, margin, and coverage at every moment", () => {
    for (const figure of ["226.42%", "11,679,968", "5,158,397", "116.78%"]) expect(text).to.include(figure);
  });

  it("names the worst scenario and marks its bar alone", () => {
    expect(text).to.include("WORST: BTC −18%, ETH stands");
    expect(html.match(/<rect class="bad"/g)).to.have.length(1);
  });

  it("shows each part of margin: what of the worst scenario is collateral's, delta, vega, charges and debt", () => {
    for (const part of [
      "counted beyond delta ; of which collateral in the scan −380,490 3,810,785",
      "0.5% of net delta 23,691,242 beyond 5,000,000 93,456",
      "1% of net vega 6,044,638 beyond 2,000,000 40,446",
      "a minimum on each short option 1,213,709",
      "Debt 10% of 0 owed beyond what the positions are worth 0",
    ])
      expect(text).to.include(part);
    const page = renderReport({ ...input, market: fallen });
    expect(page).to.match(/10% of [1-9][0-9,]* owed beyond what the positions are worth/);
  });

  it("shows what netting saves", () => {
    for (const figure of ["46,828,484", "3,810,785", "saves 91%"]) expect(text).to.include(figure);
  });

  it("shows each asset's haircut by tier, and what exceeds the cap as not counted", () => {
    expect(text).to.include("20 at 1%, 2 at 2.5%");
    const collateral = account.collateral.with(0, 310_00000000n as (typeof account.collateral)[number]);
    expect(renderReport({ ...input, account: { ...account, collateral } })).to.include(
      "20 at 1%, 80 at 2.5%, 200 at 8%, 10 above the cap, not counted",
    );
  });

  it("shows every scenario and every position, and says that it is private", () => {
    for (const scenario of market.scenarios) expect(text).to.include(scenario);
    for (const symbol of Object.keys(sample.atlas.positions)) expect(text).to.include(symbol);
    expect(text).to.include("PRIVATE");
  });

  it("holds no viewing key", () => {
    const viewingKey = 123456789123456789n as typeof account.viewingKey;
    expect(renderReport({ ...input, account: { ...account, viewingKey } })).to.equal(html);
  });

  it("warns of a development key and says what is not proven", () => {
    expect(text).to.include("Test only: worth nothing as evidence.").and.include("a development key");
    expect(text).to.not.include("Proven");
    expect(text).to.include("That these are all of the firm's holdings");
    const ceremony = renderReport({ ...input, key: { sha256: "0123", origin: "ceremony" } });
    expect(ceremony).to.not.include("a development key").and.not.include("Test only");
    expect(ceremony).to.include(">Proven<");
    const rehearsal = renderReport({ ...input, key: { sha256: "0123", origin: "rehearsal" } });
    expect(rehearsal).to.include("a rehearsal key").and.include("can forge proofs");
  });

  it("needs nothing from outside and runs nothing", () => {
    expect(html).to.not.match(/https?:|<script|<link|<img|@import|url\(|\son\w+=/);
    expect(html).to.include("default-src &#39;none&#39;".replaceAll("&#39;", "'"));
  });

  it("P01: escapes every text that it is given, in content and in attributes", () => {
    const hostile = `"><script>alert('1')</script>&`;
    const files = { ...market, board: hostile, blocks: [hostile], scenarios: market.scenarios.map(() => hostile) };
    const page = renderReport({
      ...input,
      firm: hostile,
      market: {
        ...files,
        time: hostile,
        instruments: market.instruments.map((instrument) =>
          instrument === undefined ? undefined : { ...instrument, symbol: hostile, terms: { underlying: hostile } },
        ),
      },
      policy: {
        ...policy,
        name: hostile,
        cashSymbol: hostile,
        assets: policy.assets.map((asset) => ({ ...asset, symbol: hostile })),
      },
      moments: [{ label: hostile, note: hostile, account, market: fallen }],
      proofs: [{ statement: hostile, proven: false, outcome: hostile, facts: [[hostile, hostile]] }],
      key: { sha256: hostile, origin: "rehearsal" },
    });
    expect(page).to.not.include("<script");
    expect(page).to.not.include("alert('1')");
    expect(page.match(/&lt;script&gt;/g)!.length).to.be.above(40);
  });

  it("is the same text for the same input", () => {
    expect(renderReport(input)).to.equal(html);
  });

  it("renders an account that holds nothing, one that is insolvent, and one whose coverage is off the chart", () => {
    const empty = renderReport({ firm: "Empty", policy, market, account: genesis("board-60") });
    expect(empty).to.include("no margin needed").and.not.include("NaN");
    const broke = renderReport({
      firm: "Broke",
      policy,
      market,
      account: { ...genesis("board-60"), positions: account.positions },
    });
    expect(broke).to.include("Equity is negative").and.not.include("NaN");
    const cash = 1_000_000_000_000_000n as typeof account.cash;
    const rich = renderReport({ firm: "Rich", policy, market, account: { ...account, cash } });
    expect(rich).to.not.include("NaN");
  });
});

describe("the chart kit", () => {
  const options = {
    title: "Coverage <today>",
    x: { label: "hours" },
    y: { label: "coverage" },
    lines: [
      {
        label: "median & bands",
        points: [
          [0, 2],
          [1, Number.POSITIVE_INFINITY],
          [2, 1.5],
        ] as const,
        series: 1,
      },
    ],
    levels: [{ y: 1.2, label: "call 120%" }],
  } as const;

  it("draws a plot as a file of its own, with its own colours, and says in words what it shows", () => {
    const file = plotFile(options);
    expect(file).to.match(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [^>]*viewBox="0 0 760 321"/);
    expect(file).to.include("prefers-color-scheme: dark").and.include("<title>Coverage &lt;today&gt;</title>");
    expect(file).to.include("hours from 0.0 to 2.0, coverage from 1.2 to 2.0. median &amp; bands. Level: call 120%.");
    // What is not finite is left out, and the line goes on.
    expect(file)
      .to.include(`d="M0 0L1000 150"`)
      .and.not.match(/NaN|Infinity/);
  });

  it("draws a coverage beyond the ladder as an arrow, on an axis that ends before it", () => {
    const steps = [{ label: "initial", level: 1.5, tone: "good" as const }];
    const drawn = (coverage: number | undefined) =>
      ladderChart("Coverage", steps, [{ label: "now", note: "", tone: "good", coverage, text: "x" }]).text;
    const ticks = (text: string) => [...text.matchAll(/text-anchor="\w+">(\d+)%</g)].map(([, tick]) => Number(tick));
    for (const beyond of [8.0607, 4.01, undefined]) {
      expect(drawn(beyond))
        .to.match(/class="beyond"/)
        .and.not.match(/<circle/);
      expect(Math.max(...ticks(drawn(beyond)))).to.be.below(400);
    }
    expect(drawn(3.9))
      .to.match(/<circle/)
      .and.not.match(/class="beyond"/);
    expect(Math.max(...ticks(drawn(3.9)))).to.be.at.least(390);
  });

  it("stacks the segments of a bar from zero, on one scale for all rows", () => {
    const { text } = barChart("Values", [
      {
        label: "a",
        segments: [
          { value: 1, tone: "neutral" },
          { value: 1, tone: "muted" },
        ],
        text: "2",
      },
      { label: "b", segments: [{ value: -2, tone: "bad" }], text: "−2", emphasised: true },
    ]);
    const rects = [...text.matchAll(/<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"/g)].map((match) =>
      match.slice(1),
    );
    expect(rects).to.deep.equal([
      ["neutral", "50", "24.8"],
      ["muted", "74.8", "24.8"],
      ["bad", "0.4", "49.6"],
    ]);
    expect(text.match(/bar emphasised/g)).to.have.length(1);
  });

  it("U02: shows how the cash follows from the balance, and names in one row what the balance has paid for", () => {
    const { account: held, conversion } = readAccount(JSON.stringify(sample.atlasBooks), "books.json", policy, market);
    const page = renderReport({ firm: "Atlas", policy, market, account: held, conversion: conversion! });
    const words = page
      .replace(/<style>.*<\/style>/s, "")
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ");
    for (const figure of [
      "−53,616.00",
      "27,125,462.00",
      "−21,521,213.12",
      "5,764,091.94",
      "220 at an entry price of 97,823.696",
    ]) {
      expect(words).to.include(figure);
    }
    expect(words).to.include("11 other positions").and.include("already settled in the balance: BTC-25DEC26-80000-P");
    expect(text).to.not.include("From the balance");
  });
});

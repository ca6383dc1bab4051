// SPDX-License-Identifier: GPL-3.0-or-later

import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { type InstrumentDocument, readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { readRiskArrays } from "../../prover/src/importers/risk-arrays.ts";
import { readCrif, readScenarioTable } from "../../prover/src/importers/risk-tables.ts";
import { formatTierString, readTierString } from "../../prover/src/importers/tier-strings.ts";
import { SCENARIOS } from "../../prover/src/model/sizes.ts";
import { buildMarket } from "../../prover/src/risk/board/board.ts";
import { compareMarkets, explainInstrument } from "../../prover/src/risk/board/explain.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { SCENARIO_MODELS } from "../../prover/src/risk/board/scenarios.ts";
import { calibrateHistories } from "../../prover/src/risk/calibration/calibration.ts";
import { renderCalibration } from "../../prover/src/risk/calibration/report.ts";
import { Random } from "../../prover/src/risk/outlook/processes.ts";
import { priceHistory } from "../../prover/src/risk/prices.ts";

const { marketInput, market, policy } = sampleFirm();
const refused = (work: () => unknown, place: string, code: string) =>
  expect(work).to.throw(PlimsollError, place).with.property("code", code);

describe("tier strings", () => {
  const string = "[0-3000000:100, 3000000-6000000:95, 6000000-9000000.5:50.25]";
  const tiers = [
    { upTo: "3000000", haircutBps: "0" },
    { upTo: "6000000", haircutBps: "500" },
    { upTo: "9000000.5", haircutBps: "4975" },
  ];

  it("become tiers of a policy, in percent, basis points or 1e18ths, and come back", () => {
    expect(readTierString(string)).to.deep.equal(tiers);
    expect(readTierString("[0-5:9500,5-10:0]", "bps")).to.deep.equal([
      { upTo: "5", haircutBps: "500" },
      { upTo: "10", haircutBps: "10000" },
    ]);
    expect(readTierString("[0-5:950000000000000000]", "1e18")).to.deep.equal([{ upTo: "5", haircutBps: "500" }]);
    for (const factor of ["percent", "bps", "1e18"] as const) {
      expect(readTierString(formatTierString(tiers, factor), factor)).to.deep.equal(tiers);
    }
    const [first, ...rest] = policy.assets;
    expect(
      readPolicy(
        JSON.stringify({ ...policy, assets: [{ ...first, lotDecimals: 6, scanLot: "1", tiers }, ...rest] }),
        "p",
      ).assets,
    ).to.have.length(4);
  });

  it("are refused where tiers part, overlap, fall or count more than all, naming the tier", () => {
    refused(() => readTierString("[0-3:100, 4-6:95]"), "tiers[1]", "OUT_OF_RANGE");
    refused(() => readTierString("[0-3:100, 2-6:95]"), "tiers[1]", "OUT_OF_RANGE");
    refused(() => readTierString("[1-3:100]"), "tiers[0]", "OUT_OF_RANGE");
    refused(() => readTierString("[0-3:100, 3-3:95]"), "tiers[1]", "OUT_OF_RANGE");
    refused(() => readTierString("[0-3:101]"), "tiers[0]", "OUT_OF_RANGE");
    refused(() => readTierString("[0-3:99.999]"), "tiers[0]", "NOT_A_MULTIPLE");
    refused(() => readTierString("[0-3:-1]"), "tiers[0]", "SYNTAX");
    refused(() => readTierString("0-3:100"), "", "SYNTAX");
    refused(() => readTierString("[0-1:1,1-2:1,2-3:1,3-4:1,4-5:1]"), "", "FIELD_INVALID");
  });
});

describe("risk arrays as CSV", () => {
  const header = `symbol,lot,mark,delta,vega,longCharge,shortCharge,${Array.from({ length: SCENARIOS }, (_, index) => `profit${index}`).join()}`;
  const line = ({ symbol, lot, mark, delta, vega, longCharge, shortCharge, profits }: InstrumentDocument) =>
    [symbol, lot, mark, delta, vega, longCharge, shortCharge, ...profits].join();
  const rows = market.instruments as readonly InstrumentDocument[];

  it("read back as the rows of a market", () => {
    const read = readRiskArrays(`${header}\n${rows.map(line).join("\n")}\n`, "arrays.csv");
    expect(read).to.deep.equal(rows.map(({ terms: _, ...row }) => row));
    const parsed = readMarket(
      JSON.stringify({ ...market, instruments: read }),
      "m",
      readPolicy(JSON.stringify(policy), "p"),
    );
    expect(parsed.instruments).to.have.length(43);
  });

  it("O12, P03: are refused with line and column", () => {
    const read = (row: string) => () => readRiskArrays(`${header}\n${line(rows[0]!)}\n${row}\n`, "arrays.csv");
    const broken = (change: Partial<InstrumentDocument>) => read(line({ ...rows[1]!, ...change }));
    refused(broken({ mark: "4398046.511104" }), "arrays.csv, line 3, mark", "OUT_OF_RANGE");
    refused(broken({ longCharge: "-1" }), "arrays.csv, line 3, longCharge", "OUT_OF_RANGE");
    refused(
      broken({ profits: [...rows[1]!.profits.slice(0, SCENARIOS - 1), "1e5"] }),
      "arrays.csv, line 3, profit44",
      "FIELD_INVALID",
    );
    refused(broken({ delta: "0.0000001" }), "arrays.csv, line 3, delta", "NOT_A_MULTIPLE");
    refused(broken({ lot: "0" }), "arrays.csv, line 3, lot", "OUT_OF_RANGE");
    refused(broken({ symbol: rows[0]!.symbol }), "arrays.csv, line 3, symbol", "FIELD_INVALID");
    refused(read("X,1"), "arrays.csv", "SYNTAX");
  });
});

describe("scenario tables", () => {
  const header = "scenario,counted,underlying,price,volatility";
  const lines = Array.from({ length: SCENARIOS }, (_, index) =>
    ["BTC", "ETH"].map((name) => `day ${index},1,${name},${index / 100},-0.1`),
  ).flat();

  it("become scenarios of a policy", () => {
    const { model, parameters } = readScenarioTable([header, ...lines].join("\n"), "s.csv");
    const scenarios = SCENARIO_MODELS[model]!.scenarios(["BTC", "ETH"], parameters);
    expect(scenarios[15]).to.deep.include({ label: "day 15", counted: 1 });
    expect(scenarios[15]!.moves.ETH).to.deep.include({ price: 0.15, volatility: -0.1, carry: 0 });
  });

  it("may move everything that a scan moves, and refuse by line and column what no market does", () => {
    const wide = `${header},carry,twist,skew,days,discount,redemption`;
    const rows = lines.map((line) => `${line},-0.1,,0.02,1,,`);
    const { parameters } = readScenarioTable([wide, ...rows].join("\n"), "s.csv");
    const [first] = SCENARIO_MODELS.listed!.scenarios(["BTC"], parameters);
    expect(first!.moves.BTC).to.deep.include({ carry: -0.1, twist: 0, skew: 0.02, days: 1, discount: 0 });
    const read = (row: string) => () => readScenarioTable([wide, row].join("\n"), "s.csv");
    refused(read("day 0,1,BTC,0,0,1000000,,,,,"), "s.csv, line 2, carry", "OUT_OF_RANGE");
    refused(read("day 0,1,BTC,0,0,-1000000,,,,,"), "s.csv, line 2, carry", "OUT_OF_RANGE");
    refused(read("day 0,1,BTC,0,0,,,,,-2,"), "s.csv, line 2, discount", "OUT_OF_RANGE");
    refused(read("day 0,1,BTC,0,0,,,2,,,"), "s.csv, line 2, skew", "OUT_OF_RANGE");
    refused(read("day 0,1,BTC,0,0,,,,x,,"), "s.csv, line 2, days", "FIELD_INVALID");
    refused(() => readScenarioTable(`${header},vanna\n`, "s.csv"), "s.csv, line 1", "SYNTAX");
  });

  it("are refused where a row contradicts another, is no number, or a scenario is missing", () => {
    const read = (rows: string[]) => () => readScenarioTable([header, ...rows].join("\n"), "s.csv");
    refused(read([...lines, "day 0,0.5,SOL,0,0"]), "s.csv, line 92, counted", "FIELD_INVALID");
    refused(read([...lines, "day 0,1,BTC,0,0"]), "s.csv, line 92, underlying", "FIELD_INVALID");
    refused(read(["day 0,1,BTC,ten,0"]), "s.csv, line 2, price", "FIELD_INVALID");
    refused(read(["day 0,1,BTC,-1,0"]), "s.csv, line 2, price", "OUT_OF_RANGE");
    refused(read(lines.slice(2)), "s.csv", "FIELD_INVALID");
  });
});

describe("CRIF-shaped sensitivities", () => {
  const header =
    "TradeID,PortfolioID,ProductClass,RiskType,Qualifier,Bucket,Label1,Label2,Amount,AmountCurrency,AmountUSD";
  const row = (trade: string, type: string, amount: string) =>
    `${trade},P,Commodity,${type},BTC,16,1m,,${amount},USD,${amount}`;

  it("become instruments of the sensitivities model, deltas of 1% as of 100%", () => {
    const { instruments, quotes } = readCrif(
      [
        header,
        row("T1", "Risk_Commodity", "100"),
        row("T1", "Risk_Commodity", "20.5"),
        row("T1", "Risk_CommodityVol", "-3"),
        row("T1", "PV", "7"),
      ].join("\n"),
      "c.csv",
    );
    expect(quotes).to.deep.equal({ "T1/BTC": { value: "7", delta: "12050", gamma: "0", vega: "-3" } });
    const board = buildMarket({
      ...marketInput,
      policy: { ...marketInput.policy, instruments },
      observation: { ...marketInput.observation, quotes },
    });
    const built = board.instruments[0] as InstrumentDocument;
    expect(built).to.include({ mark: "7", delta: "12050" });
    const rise = board.scenarios.indexOf("BTC +12%, volatility up");
    expect(Number(built.profits[rise])).to.be.within(12050 * 0.12 - 1.2 - 1e-5, 12050 * 0.12 - 1.2);
  });

  it("of a kind that no model takes are refused, naming line and column", () => {
    refused(
      () => readCrif([header, row("T1", "Risk_IRCurve", "1")].join("\n"), "c.csv"),
      "c.csv, line 2, RiskType",
      "UNKNOWN_NAME",
    );
    refused(
      () => readCrif([header, row("T1", "Risk_FX", "NaN")].join("\n"), "c.csv"),
      "c.csv, line 2, AmountUSD",
      "FIELD_INVALID",
    );
    refused(() => readCrif("a,b\n1,2\n", "c.csv"), "c.csv, line 1", "SYNTAX");
  });
});

describe("plimsoll market import", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-import-"));
  const cli = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
  const at = (name: string) => path.join(folder, name);
  after(() => rmSync(folder, { recursive: true }));
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [cli, "market", "import", ...args], { cwd: folder }).then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        out: stdout,
        err: stderr,
      }),
    );
  const made = (name: string) => JSON.parse(readFileSync(at(name), "utf8"));

  it("makes the tiers of an asset from a tier string, and says how it was read", async () => {
    writeFileSync(at("btc.txt"), "[0-5:9500, 5-10:0]\n");
    const { code, out, err } = await run("tiers", "btc.txt", "--factor", "bps");
    expect({ code, tiers: JSON.parse(out) }).to.deep.equal({
      code: 0,
      tiers: readTierString("[0-5:9500,5-10:0]", "bps"),
    });
    expect(err).to.equal("plimsoll: read as [0-5:95, 5-10:0] percent\n");
    const wrong = await run("tiers", "btc.txt", "--out", "tiers.json");
    expect(wrong).to.include({ code: 2, out: "" });
    expect(wrong.err).to.match(/^plimsoll: OUT_OF_RANGE: btc\.txt, tiers\[0\]: /);
  });

  it("makes rows of a market, scenarios of a policy and instruments of an input, and a board is built from them", async () => {
    const arrays = `symbol,lot,mark,delta,vega,longCharge,shortCharge,${Array.from({ length: SCENARIOS }, (_, k) => `profit${k}`).join()}`;
    const row = market.instruments[0] as InstrumentDocument;
    writeFileSync(
      at("arrays.csv"),
      `${arrays}\n${[row.symbol, row.lot, row.mark, row.delta, row.vega, row.longCharge, row.shortCharge, ...row.profits].join()}\n`,
    );
    expect(await run("risk-arrays", "arrays.csv", "--out", "rows.json")).to.include({ code: 0, out: "" });
    const { terms: _, ...bare } = row;
    expect(made("rows.json")).to.deep.equal([bare]);

    const days = Array.from({ length: SCENARIOS }, (_, k) => `day ${k},1,BTC,${k / 100},-0.1`);
    writeFileSync(at("scenarios.csv"), ["scenario,counted,underlying,price,volatility", ...days].join("\n"));
    expect(await run("scenarios", "scenarios.csv", "--out", "scenarios.json")).to.include({ code: 0 });
    const columns = "TradeID,PortfolioID,ProductClass,RiskType,Qualifier,Bucket,AmountUSD,PostRegulations";
    writeFileSync(
      at("crif.csv"),
      `${columns}\nT1,P,Commodity,PV,BTC,16,7,ESA\nT1,P,Commodity,Risk_Commodity,BTC,16,100,ESA\n`,
    );
    expect(await run("crif", "crif.csv", "--out", "crif.json")).to.include({ code: 0 });
    const { instruments, quotes } = made("crif.json");
    const built = buildMarket({
      ...marketInput,
      policy: { ...marketInput.policy, scenarios: made("scenarios.json"), instruments },
      observation: { ...marketInput.observation, quotes },
    });
    expect(built.scenarios[15]).to.equal("day 15");
    expect(built.instruments[0]).to.include({ symbol: "T1/BTC", mark: "7", delta: "10000" });
    const wrong = await run("crif", "scenarios.csv");
    expect(wrong).to.include({ code: 2, out: "" });
    expect(wrong.err).to.include('the column "TradeID" is missing');
  });
});

describe("where a number comes from", () => {
  it("every column of every row: lot times what its formula gives, rounded as it says", () => {
    for (const row of market.instruments as readonly InstrumentDocument[]) {
      const { columns, observed } = explainInstrument(marketInput, row.symbol);
      expect(columns).to.have.length(SCENARIOS + 5);
      expect(observed.map(({ place }) => place)).to.include.members([
        "observation.rate",
        `observation.underlyings.${row.terms!.underlying}.spot`,
      ]);
      const published = {
        mark: row.mark,
        delta: row.delta,
        vega: row.vega,
        longCharge: row.longCharge,
        shortCharge: row.shortCharge,
      } as Record<string, string>;
      for (const [index, profit] of row.profits.entries()) published[`profits[${index}]`] = profit;
      for (const { column, value, perUnit, formula, inputs } of columns) {
        expect(value).to.equal(published[column]);
        expect(Math.abs(Number(value) - perUnit * Number(row.lot))).to.be.at.most(2.1e-6);
        expect(formula).not.to.equal("");
        expect(Object.values(inputs).every(Number.isFinite)).to.equal(true);
      }
    }
    refused(
      () => explainInstrument(marketInput, "DOGE-PERP"),
      "is no instrument that the market lists; the nearest are BTC-PERP",
      "UNKNOWN_NAME",
    );
  });

  it("O11: names row and column where a published board is not what follows", () => {
    expect(compareMarkets(market, buildMarket(marketInput))).to.deep.equal([]);
    const changed = structuredClone(market) as unknown as {
      instruments: { profits: string[]; mark: string }[];
      prices: { price: string }[];
    };
    changed.instruments[3]!.profits[7] = "1";
    changed.instruments[5]!.mark = "2";
    changed.prices[1]!.price = "3";
    expect(
      compareMarkets(changed as never, buildMarket(marketInput)).map(({ place, published }) => [place, published]),
    ).to.deep.equal([
      ["prices[ETH].price", "3"],
      ["instruments[BTC-PERP].profits[7]", "1"],
      ["instruments[BTC-26MAR27].mark", "2"],
    ]);
  });

  it("is built for a policy only where that policy can read it; what does not fit is named", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-build-"));
    const cli = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
    const build = (collateral: unknown) => {
      writeFileSync(
        path.join(folder, "input.json"),
        JSON.stringify({ ...marketInput, policy: { ...marketInput.policy, collateral } }),
      );
      const words = ["market", "build", "--input", "input.json", "--policy", "policy.json", "--out", "market.json"];
      return spawnSync(process.execPath, [cli, ...words], { cwd: folder, encoding: "utf8" });
    };
    try {
      writeFileSync(path.join(folder, "policy.json"), JSON.stringify(policy));
      const { collateral } = marketInput.policy;
      for (const [changed, why] of [
        [[...collateral, { asset: "DOGE", underlying: "BTC" }], "prices[DOGE]: an asset that the policy does not list"],
        [collateral.slice(1), "prices: the price of BTC, which the policy lists, is missing"],
      ] as const) {
        const { status, stderr } = build(changed);
        expect([status, stderr.includes(`input.json, ${why}`)], stderr).to.deep.equal([2, true]);
        expect(existsSync(path.join(folder, "market.json"))).to.equal(false);
      }
      expect(build(collateral).status).to.equal(0);
      expect(JSON.parse(readFileSync(path.join(folder, "market.json"), "utf8"))).to.deep.equal(market);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("O11: by the command line, with exit code 1 where the published row differs", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-explain-"));
    const cli = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [cli, "market", ...args], { cwd: folder }).then(
        ({ stdout }) => ({ code: 0, stdout }),
        ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
      );
    try {
      writeFileSync(path.join(folder, "input.json"), JSON.stringify(marketInput));
      writeFileSync(path.join(folder, "market.json"), (await run("build", "--input", "input.json")).stdout);
      expect(JSON.parse(readFileSync(path.join(folder, "market.json"), "utf8"))).to.deep.equal(market);
      const good = await run("explain", "BTC-PERP", "--input", "input.json", "--market", "market.json");
      expect(good.code).to.equal(0);
      expect(good.stdout).to.include("fundingPaid = 412.75").and.include("the published row matches");
      writeFileSync(path.join(folder, "market.json"), JSON.stringify(market).replace('"mark":"96.87', '"mark":"96.88'));
      const bad = await run("explain", "BTC-PERP", "--input", "input.json", "--market", "market.json");
      expect(bad.code).to.equal(1);
      expect(bad.stdout).to.include('DIFFERS: "instruments[BTC-PERP].mark"');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the calibration report", () => {
  it("shows series, tail, numbers, repairs and why, and its numbers build a board", () => {
    const random = new Random(1);
    const dates = Array.from({ length: 801 }, (_, day) =>
      new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10),
    ).filter((_, day) => day !== 400);
    const walk = (volatility: number) => {
      let price = 100;
      return dates.map(() => (price *= Math.exp(volatility * random.normal())));
    };
    const histories = (["BTC", "ETH"] as const).map((symbol, index) => ({
      ...priceHistory(symbol, dates, walk(0.03 + 0.01 * index)),
      volumes: dates.map(() => 50_000),
    }));
    const calibration = calibrateHistories(histories);
    const html = renderCalibration(calibration);
    expect(html.match(/<svg class="chart plot"/g)).to.have.length(4);
    expect(html)
      .to.include("1 missing before it")
      .and.include("Range down")
      .and.include("rescaled")
      .and.include("to 5,000:");
    // Digits are grouped wherever there are four in a row: years stand in dates.
    const text = html.replace(/<style>.*?<\/style>|<svg.*?<\/svg>|<[^>]*>|\d{4}-\d\d-\d\d/gs, "");
    expect(text)
      .match(/above \d{1,3},\d{3}/)
      .and.not.match(/(^|[^.\d])\d{4}/);
    expect(html).not.to.match(/NaN|undefined|<script/);
    for (const scenarios of [calibration.scenarios.scan, calibration.scenarios.historical]) {
      const board = buildMarket({ ...marketInput, policy: { ...marketInput.policy, scenarios } });
      expect(new Set(board.scenarios).size).to.be.at.least(15);
    }
    const tiers = calibration.haircuts.BTC!;
    expect(
      readPolicy(JSON.stringify({ ...policy, assets: [{ symbol: "BTC", lotDecimals: 8, scanLot: null, tiers }] }), "p")
        .assets,
    ).to.have.length(1);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
// Price histories as people have them: how files are read, and what is refused before numbers are taken from them.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { backtestMargins, calibrate } from "../../prover/src/app/calibrate.ts";
import { lookAhead } from "../../prover/src/app/outlook.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { readPriceHistory } from "../../prover/src/importers/price-history.ts";
import { renderBacktest } from "../../prover/src/report/backtest.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { checkHistories, suspectMoves } from "../../prover/src/risk/history-rules.ts";
import { Random } from "../../prover/src/risk/outlook/processes.ts";
import { alignHistories, type PriceHistory, priceHistory } from "../../prover/src/risk/prices.ts";

const DAY_MS = 86_400_000;
/** The last close before the sample's market of 22 November 2026. */
const LAST = Date.UTC(2026, 10, 21);
const iso = (time: number) => new Date(time).toISOString().slice(0, 10);

const refused = (work: () => unknown, message: string | RegExp, code: string) =>
  expect(work).to.throw(PlimsollError, message).with.property("code", code);

/** A walk of so many days up to `last`; closes from `splitAt` on are divided by `split`. */
function walk(
  symbol: string,
  days: number,
  { split = 1, splitAt = 0, last = LAST, seed = 7, daily = 0.03 } = {},
): PriceHistory {
  const random = new Random(seed);
  let price = 90_000;
  const closes = Array.from({ length: days }, (_, day) => {
    price *= Math.exp(daily * random.normal());
    return day < splitAt ? price : price / split;
  });
  const dates = closes.map((_, day) => iso(last - (days - 1 - day) * DAY_MS));
  return priceHistory(symbol, dates, closes);
}

describe("files of price histories", () => {
  const read = (text: string) => readPriceHistory(text, "BTC-USD.csv", "BTC");
  const plain = read("date,close\n2026-03-01,100.5\n2026-03-02,101\n2026-03-03,99.25\n");
  it("says of a header without rows that rows are missing", () => {
    for (const text of ["date,close\n", "date,close,volume", "snapped_at,price,market_cap,total_volume\n"]) {
      expect(() => read(text)).to.throw("BTC-USD.csv, line 1: there is no row below the header");
    }
    expect(() => read("")).to.throw("expected the columns date and close");
  });

  const same = (text: string, repairs: readonly string[] = []) => {
    const { dates, closes, returns, repairs: said } = read(text);
    expect({ dates, closes, returns, said }).to.deep.equal({ ...pick(plain), said: repairs });
  };
  const pick = ({ dates, closes, returns }: PriceHistory) => ({ dates, closes, returns });

  it("are read newest first, with dates of points, columns in any order and case, and semicolons", () => {
    same("date,close\n2026-03-03,99.25\n2026-03-02,101\n2026-03-01,100.5\n");
    same("Date;Close\n01.03.2026;100.5\n02.03.2026;101\n03.03.2026;99.25\n");
    same("CLOSE,Date\n100.5,2026-03-01\n101,2026-03-02\n99.25,2026-03-03\n,\n");
  });

  it("U08: of an exchange are told by the weekdays that never come; weekends and holidays are no gaps", () => {
    const random = new Random(3);
    let price = 180;
    const days = Array.from({ length: 900 }, (_, day) => Date.UTC(2024, 5, 3) + day * DAY_MS)
      .filter((time) => ![0, 6].includes(new Date(time).getUTCDay()))
      .map(iso)
      // Christmas, and a week for the new year of China.
      .filter((date) => !date.endsWith("-12-25") && !/2025-02-0[3-7]/.test(date));
    const rows = days.map((date) => {
      price *= Math.exp(0.02 * random.normal());
      return `${date},${price.toFixed(4)}`;
    });
    const history = read(["date,close", ...rows].join("\n"));
    expect(history.daysAYear).to.be.within(255, 261);
    expect(history.repairs).to.deep.equal([
      `no prices on Saturday and Sunday: an exchange's calendar, ${history.daysAYear} days a year; 7 other days without a price count as holidays`,
    ]);
    const monday = days.findIndex((date) => new Date(date).getUTCDay() === 1 && date > "2024-07-01");
    expect(history.returns[monday]).to.equal(Math.log(history.closes[monday]! / history.closes[monday - 1]!));
    const volatility = calibrate([history], { time: `${days.at(-1)!}T20:00:00Z` }).underlyings[0]!;
    expect(volatility.used).to.be.within(0.015, 0.025);
    const two = ["date,close", ...rows.filter((_, day) => day < 300 || day > 306)].join("\n");
    refused(() => read(two), "expected at most 6 missing trading days in a row", "OUT_OF_RANGE");
    // On the days that both have, a coin that trades every day has an exchange's year as well.
    const [, coin] = alignHistories([history, walk("BTC", 1300)]);
    expect(coin!.daysAYear).to.be.within(255, 261);
  });

  it("are read as Yahoo exports them: the close, no volume, and a row of nulls is a missing day", () => {
    const note = "volume is left out: daily bars do not say its unit";
    const bars = [
      "Date,Open,High,Low,Close,Adj Close,Volume",
      "2026-03-01,1,1,1,100.5,50.25,900",
      "2026-03-02,1,1,1,101,50.5,900",
      "2026-03-03,1,1,1,99.25,49.625,900",
    ];
    same(bars.join("\n"), [note]);
    const holed = read([...bars.slice(0, 2), "2026-03-02,null,null,null,null,null,null", bars[3]].join("\n"));
    expect(holed.dates).to.deep.equal(["2026-03-01", "2026-03-03"]);
    expect(holed.repairs[1]).to.equal("2026-03-02: a row without a price, left out");
    expect(holed.repairs[2]).to.include("2026-03-03: 1 missing before it");
    expect(holed.volumes).to.equal(undefined);
  });

  it("are read as CoinGecko exports them: a price of midnight is the close of the day before", () => {
    const rows = [
      "2026-03-02 00:00:00 UTC,100.5,1,1",
      "2026-03-03 00:00:00 UTC,101,,1",
      "2026-03-04 00:00:00 UTC,99.25,1,1",
    ];
    same(`snapped_at,price,market_cap,total_volume\n${rows.join("\n")}\n`, [
      "prices of 00:00 UTC are the closes of the day before; volume in quote currency is left out",
    ]);
    const late = `snapped_at,price,market_cap,total_volume\n${rows[0]}\n2026-03-03 13:22:05 UTC,101,1,1\n`;
    refused(() => read(late), "BTC-USD.csv, line 3, snapped_at: expected a price a day", "FIELD_INVALID");
  });

  it("are read as Binance exports klines: milliseconds or microseconds, with a header or without, volume in coins", () => {
    const kline = (day: string, close: string, factor: number) =>
      `${Date.parse(`${day}T00:00:00Z`) * factor},1,1,1,${close},12.5,0,0,0,0,0,0`;
    const rows = (factor: number) =>
      [
        kline("2026-03-01", "100.5", factor),
        kline("2026-03-02", "101", factor),
        kline("2026-03-03", "99.25", factor),
      ].join("\n");
    const header =
      "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore";
    for (const factor of [1, 1000]) {
      same(rows(factor));
      same(`${header}\n${rows(factor)}\n`);
    }
    expect(read(rows(1)).volumes).to.deep.equal([12.5, 12.5, 12.5]);
    const hourly = rows(1).replace(`${Date.parse("2026-03-02")}`, `${Date.parse("2026-03-01") + 3_600_000}`);
    refused(() => read(hourly), "BTC-USD.csv, line 2, open_time: expected a kline of a whole day", "FIELD_INVALID");
    refused(() => read(rows(1).replace(",101,", ",0,")), "BTC-USD.csv, line 2, close", "OUT_OF_RANGE");
  });

  it("of another shape are refused, saying which shapes there are and what is there", () => {
    const error = /line 1: expected the columns date and close .*CoinGecko.*Binance/;
    refused(() => read("day,price\n2026-03-01,1\n"), error, "SYNTAX");
    refused(
      () => read("Date,Price,Open,High,Low,Vol.,Change %\n03/01/2026,1,1,1,1,1,1\n"),
      /Vol\., Change %/,
      "SYNTAX",
    );
    refused(() => read("date,close,sma\n2026-03-01,1,1\n"), "others are there: sma", "SYNTAX");
    refused(() => read(""), error, "SYNTAX");
    refused(
      () => read("date,close\n03/01/2026,1\n"),
      'expected a date such as "2026-11-22" or "22.11.2026"',
      "FIELD_INVALID",
    );
    refused(() => read("date;close\n01.03.2026;100,5\n"), "line 2, close", "FIELD_INVALID");
  });
});

describe("rules of price histories", () => {
  const time = "2026-11-22T08:00:00Z";

  it("U08: a split by 2 or 10 is named with its date, and taken where that date is confirmed", () => {
    for (const split of [2, 10, 0.1]) {
      const history = walk("BTC", 800, { split, splitAt: 500 });
      const date = history.dates[500]!;
      expect(suspectMoves(history).map((move) => move.date)).to.deep.equal([date]);
      refused(() => calibrate([history], { time }), `BTC ${date}: a move of `, "HISTORY_REFUSED");
      refused(() => calibrate([history], { time, confirmed: [history.dates[499]!] }), date, "HISTORY_REFUSED");
      const { histories, prepared } = calibrate([history], { time, confirmed: [date] });
      expect(histories[0]!.confirmed.map((each) => each.date)).to.deep.equal([date]);
      expect(prepared[0]!.repairs.join()).to.include(`${date}: a move of `).and.include("confirmed");
    }
    expect(suspectMoves(walk("BTC", 3000))).to.deep.equal([]);
  });

  it("U08: a split is found in the first month, too, and one wrong price does not hide the way back", () => {
    const early = walk("BTC", 800, { split: 2, splitAt: 12 });
    expect(suspectMoves(early).map(({ date }) => date)).to.deep.equal([early.dates[12]]);
    const { dates, closes } = walk("BTC", 800);
    const wrong = priceHistory(
      "BTC",
      dates,
      closes.map((close, day) => (day === 300 ? close / 10 : close)),
    );
    expect(suspectMoves(wrong).map(({ date }) => date)).to.deep.equal([dates[300], dates[301]]);
  });

  it("a price that stood still: its first move is large, those after it are not", () => {
    const { dates, closes } = walk("USDT", 400);
    const pegged = priceHistory(
      "USDT",
      dates,
      closes.map((_, day) => (day < 100 ? 1 : 1 + 0.001 * ((day + 1) % 2))),
    );
    expect(suspectMoves(pegged).map(({ date }) => date)).to.deep.equal([dates[100]]);
    const still = `USDT ${dates[0]}: the same close for 100 days, to ${dates[99]}`;
    const move = `USDT ${dates[100]}: a move of +infinitely many deviations`;
    refused(() => checkHistories([pegged]), `${still}; ${move}`, "HISTORY_REFUSED");
  });

  it("U08: a feed that is stuck is named with first day, length and end, and taken where that day is confirmed", () => {
    const { dates, closes } = walk("BTC", 800);
    const stuck = (first: number, count: number) =>
      priceHistory(
        "BTC",
        dates,
        closes.map((close, day) => (day >= first && day < first + count ? closes[first]! : close)),
      );
    expect(checkHistories([stuck(500, 4)], { time }).summaries[0]!.confirmed).to.deep.equal([]);
    const found = `BTC ${dates[500]}: the same close for 60 days, to ${dates[559]}`;
    refused(() => calibrate([stuck(500, 60)], { time }), found, "HISTORY_REFUSED");
    refused(() => backtestMargins([stuck(500, 60)], { time }), found, "HISTORY_REFUSED");
    expect(() => checkHistories([stuck(500, 5)], { time, confirmed: [dates[500]!] })).not.to.throw();
  });

  it("a back-test of other days says nothing of days that it has not seen", () => {
    const report = backtestMargins([walk("KELP", 400)], { time });
    const page = renderBacktest(report);
    expect(page)
      .to.contain("--prices KELP-USD.csv")
      .and.not.match(/12 March 2020|SOL|all of these days/);
    const of = (symbol: string) => ({ ...report.results[0]!, portfolio: `${symbol} long`, worstDate: "2020-03-11" });
    const fall = renderBacktest({ ...report, results: [of("BTC"), of("ETH")] });
    expect(fall).to.contain("The fall of 12 March 2020 is the worst for BTC and ETH");
  });

  it("U08: a 2:1 split of a wild asset is told from a market, by its ratio and by volumes where there are any", () => {
    const wild = walk("DOGE", 800, { daily: 0.1, split: 2, splitAt: 500 });
    const day = wild.dates[500]!;
    expect(suspectMoves(wild).map(({ rule, date, words }) => [rule, date, words.slice(-9)])).to.deep.equal([
      ["split", day, "split 2:1"],
    ]);
    refused(() => calibrate([wild], { time }), `DOGE ${day}: a move of −`, "HISTORY_REFUSED");
    const reverse = walk("DOGE", 800, { daily: 0.1, split: 0.1, splitAt: 500 });
    expect(suspectMoves(reverse).map(({ words }) => words.slice(-10))).to.deep.equal(["split 1:10"]);
    const traded = (factor: number) => ({
      ...wild,
      volumes: wild.closes.map((_, at) => (at < 500 ? 1000 : 1000 * factor)),
    });
    expect(suspectMoves(traded(2)).map(({ rule }) => rule)).to.deep.equal(["split"]);
    expect(suspectMoves(traded(1))).to.deep.equal([]);
    // Three for two: only volumes tell it from a market.
    const third = walk("DOGE", 800, { daily: 0.06, split: 1.5, splitAt: 500 });
    expect(suspectMoves(third)).to.deep.equal([]);
    const volumes = third.closes.map((_, at) => (at < 500 ? 1000 : 1500));
    expect(suspectMoves({ ...third, volumes }).map(({ words }) => words.slice(-9))).to.deep.equal(["split 3:2"]);
  });

  it("U08: days after the time are named, also where only the past is asked about", () => {
    const ahead = walk("BTC", 800, { last: Date.UTC(2051, 0, 1) });
    const error = `BTC ${ahead.dates[0]}: the first of 800 prices after 2026-11-22T08:00:00Z`;
    refused(() => calibrate([ahead], { time }), error, "HISTORY_REFUSED");
    refused(() => backtestMargins([ahead], { time }), error, "HISTORY_REFUSED");
    const today = walk("BTC", 800, { last: Date.UTC(2026, 10, 22) });
    expect(checkHistories([today], { time }).summaries[0]!.age).to.equal(0);
    const tomorrow = walk("BTC", 800, { last: Date.UTC(2026, 10, 23) });
    refused(() => checkHistories([tomorrow], { time }), "BTC 2026-11-23: a price after", "HISTORY_REFUSED");
  });

  it("U08: a volatility above 500% a year counts as 500%, and the calibration says so", () => {
    const wild = calibrate([walk("DOGE", 800, { daily: 0.4 })], { time }).underlyings[0]!;
    expect(Math.abs(wild.used * Math.sqrt(365) - 5)).to.be.below(1e-12);
    expect(wild.forecast * Math.sqrt(365)).to.be.above(5);
    expect(wild.repairs.at(-1)).to.match(/^2026-11-21: a volatility of \d{3}% a year, counted as 500%$/);
    const tame = calibrate([walk("DOGE", 800, { daily: 0.2 })], { time }).underlyings[0]!;
    expect(tame.repairs).to.deep.equal([]);
  });

  it("U08: fewer than 250 prices are refused with the bound, and taken where the first day is confirmed", () => {
    refused(
      () => calibrate([walk("BTC", 60)], { time }),
      "BTC 2026-09-23: 60 prices, expected at least 250. Mend the file, or confirm what is right with --confirm 2026-09-23",
      "HISTORY_REFUSED",
    );
    refused(() => calibrate([walk("ETH", 249)], { time }), "expected at least 250", "HISTORY_REFUSED");
    expect(calibrate([walk("ETH", 250)], { time }).histories[0]).to.deep.include({ days: 250, age: 1, confirmed: [] });
    const short = walk("ETH", 200);
    const taken = calibrate([short], { time, confirmed: [short.dates[0]!] }).histories[0]!;
    expect(taken.confirmed.map(({ rule, date }) => [rule, date])).to.deep.equal([["length", short.dates[0]]]);
  });

  it("U08: an end more than 7 days before the time is refused with the bound, and taken where that day is confirmed", () => {
    const old = walk("BTC", 800, { last: Date.UTC(2026, 2, 22) });
    const error = "BTC 2026-03-22: the last price, 245 days before 2026-11-22T08:00:00Z, expected at most 7";
    refused(() => calibrate([old], { time }), error, "HISTORY_REFUSED");
    expect(calibrate([old], { time, confirmed: ["2026-03-22"] }).histories[0]!.age).to.equal(245);
    const week = walk("BTC", 800, { last: Date.UTC(2026, 10, 15) });
    expect(checkHistories([week], { time }).summaries[0]!.age).to.equal(7);
    const eight = walk("BTC", 800, { last: Date.UTC(2026, 10, 14) });
    refused(() => checkHistories([eight], { time }), "8 days before", "HISTORY_REFUSED");
  });

  it("U08: hold for the outlook of an account, against the time of its market", () => {
    const sample = sampleFirm();
    const policy = readPolicy(JSON.stringify(sample.policy), "policy.json");
    const market = readMarket(JSON.stringify(sample.market), "market.json", policy);
    const account = readAccount(JSON.stringify(sample.atlas), "account.json", policy, market);
    const look = (histories: readonly PriceHistory[], more = {}) =>
      lookAhead(account, policy, market, sample.marketInput, histories, { hours: 2, paths: 50, seed: 1, ...more });
    const [btc, eth] = [walk("BTC", 800), walk("ETH", 800, { seed: 8 })];
    expect(look([btc, eth]).histories.map(({ symbol, days, age }) => [symbol, days, age])).to.deep.equal([
      ["BTC", 800, 1],
      ["ETH", 800, 1],
    ]);
    refused(() => look([btc]), /no price history of ETH.* ETH-USD\.csv \(given: BTC\)/, "UNKNOWN_NAME");
    refused(() => look([btc, walk("ETH", 200)]), "200 prices", "HISTORY_REFUSED");
    refused(() => look([btc, walk("ETH", 800, { split: 2, splitAt: 600 })]), "ETH 2026-05-06", "HISTORY_REFUSED");
    const old = walk("ETH", 800, { last: LAST - 30 * DAY_MS });
    refused(() => look([btc, old]), "expected at most 7", "HISTORY_REFUSED");
    expect(look([btc, old], { confirmed: [old.dates.at(-1)!] }).histories[1]!.age).to.equal(31);
  });
});

describe("commands on price histories", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-histories-"));
  const cli = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
  const at = (name: string) => path.join(folder, name);
  after(() => rmSync(folder, { recursive: true }));

  const plimsoll = (...args: string[]) =>
    promisify(execFile)(process.execPath, [cli, ...args], { cwd: folder }).then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        out: stdout,
        err: stderr,
      }),
    );
  const write = ({ dates, closes, symbol }: PriceHistory) =>
    writeFileSync(
      at(`${symbol}-USD.csv`),
      `date,close\n${dates.map((date, day) => `${date},${closes[day]!.toFixed(6)}\n`).join("")}`,
    );

  it("U08: market calibrate prints length and age, refuses a split, and writes with --out once it is confirmed", async () => {
    write(walk("BTC", 500, { split: 2, splitAt: 400 }));
    const day = walk("BTC", 500).dates[400]!;
    const command = ["market", "calibrate", "--prices", "BTC-USD.csv", "--time", "2026-11-22T08:00:00Z"];
    const split = await plimsoll(...command, "--out", "calibration.json");
    expect(split).to.include({ code: 2, out: "" });
    expect(split.err)
      .to.include(`HISTORY_REFUSED: prices: BTC ${day} (line 402): a move of −`)
      .and.include(`--confirm ${day}`);
    const taken = await plimsoll(...command, "--confirm", day, "--out", "calibration.json");
    expect(taken).to.include({ code: 0, out: "" });
    expect(taken.err).to.match(
      new RegExp(
        `^plimsoll: BTC: 500 days of prices, 2025-07-10 to 2026-11-21, 1 day old; confirmed: ${day} \\(line 402\\): a move`,
      ),
    );
    const made = JSON.parse(readFileSync(at("calibration.json"), "utf8"));
    expect(made.scenarios.scan.model).to.equal("scan");
    expect(made.histories[0]).to.include({ symbol: "BTC", days: 500, age: 1 });
    const now = await plimsoll("market", "calibrate", "--prices", "BTC-USD.csv", "--confirm", "12 March");
    expect(now.err).to.include("USAGE: --confirm: expected a date such as 2020-03-12");
  });

  it("market backtest and outlook score write the pages with the command that makes them again", async () => {
    write(walk("BTC", 800, { split: 3, splitAt: 20 }));
    const day = walk("BTC", 800).dates[20]!;
    const backtest = ["market", "backtest", "--prices", "BTC-USD.csv"];
    expect((await plimsoll(...backtest)).err).to.include(day);
    const tested = await plimsoll(...backtest, "--confirm", day, "--out", "backtest.md");
    expect(tested.out).to.equal("");
    const page = readFileSync(at("backtest.md"), "utf8");
    expect(page)
      .to.include(`--prices BTC-USD.csv \\\n    --confirm ${day} \\\n    --out docs/backtest.md\n`)
      .and.include("| BTC long | ")
      .and.match(
        /\*\*Of 8 portfolios, Kupiec's two-sided test accepts \d; \d are breached too often and \d too rarely\*\*/,
      );
    expect(page).not.to.match(/NaN|undefined/);
    expect(tested.code).to.equal(page.includes("; 0 are breached too often") ? 0 : 1);

    const score = ["outlook", "score", "--prices", "BTC-USD.csv", "--confirm", day];
    const scored = await plimsoll(...score, "--out", "score.md", "--chart", "score.svg");
    expect(scored.code, scored.err).to.equal(0);
    const scores = readFileSync(at("score.md"), "utf8");
    expect(scores)
      .to.include("![Reliability](score.svg)")
      .and.include("| table | ")
      .and.include("| simulated (default) | ");
    expect(scores).not.to.match(/NaN|undefined/);
    expect(readFileSync(at("score.svg"), "utf8")).to.match(/^<svg/);
    const json = JSON.parse((await plimsoll(...score, "--json")).out);
    expect(json.scores.map(({ method }: { method: string }) => method)).to.deep.equal([
      "volatility",
      "analytic",
      "simulated",
    ]);
  });
});

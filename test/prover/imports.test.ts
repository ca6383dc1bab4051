// SPDX-License-Identifier: GPL-3.0-or-later
/** Accounts from files of venues: every reader on a file of the documented shape, every trap of these shapes, and what becomes of holdings. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { type ImportOrder, type ImportReport, importAccount } from "../../prover/src/app/import.ts";
import { valueAccount } from "../../prover/src/app/value.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { type AccountDocument, type NamedText, readAccount } from "../../prover/src/formats/account.ts";
import { addDecimals, formatDecimal, negated, parseNumber } from "../../prover/src/formats/decimal.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { decodeText } from "../../prover/src/formats/text.ts";
import { readImportMap } from "../../prover/src/importers/import-map.ts";
import { VENUES } from "../../prover/src/importers/venues/index.ts";
import { evaluate } from "../../prover/src/model/evaluate.ts";
import { importBoard, sample } from "../support/imports.ts";

const policy = readPolicy(JSON.stringify(importBoard.policy), "policy.json");
const market = readMarket(JSON.stringify(importBoard.market), "market.json", policy);
const TAKEN = "2026-11-22T07:59:00Z";
const DERIBIT = ["deribit/positions.json", "deribit/summaries.json"];
const BINANCE = ["binance/account.json", "binance/balance.json", "binance/cm.json", "binance/um.json"];
const OKX = ["okx/positions.json", "okx/balance.json", "okx/instruments.json"];
const CCXT = ["ccxt/okx-positions.json", "ccxt/okx-balance.json", "okx/instruments.json"];
const CUSTODY = ["csv/custody-map.json", "csv/custody.csv"];

const map = (said: object) =>
  readImportMap(
    { text: JSON.stringify({ format: "plimsoll-import-map/1", ...said }), file: "map.json" },
    policy,
    market,
  );
const AT_PAR = { atPar: ["USD", "USDT"] };

const imported = (order: Partial<ImportOrder>) =>
  importAccount({ account: "Atlas", sources: [], policy, market, map: map(AT_PAR), ...order });
const of = (venue: string, files: readonly NamedText[], said: object = AT_PAR, taken?: string) =>
  imported({ sources: [{ venue, files, taken: taken ?? (venue === "binance" ? TAKEN : undefined) }], map: map(said) });

/** Files of which one is changed as text. */
const changed = (names: readonly string[], name: string, ...changes: readonly [from: string | RegExp, to: string][]) =>
  sample(...names).map((file) =>
    file.file === name
      ? changes.reduce(({ text }, [from, to]) => {
          expect(text, `${from}`).to.match(
            from instanceof RegExp ? from : new RegExp(from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")),
          );
          return { ...file, text: text.replace(from, to) };
        }, file)
      : file,
  );
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "read",
    (error) => `${error.code}: ${error.message}`,
  );
const holdings = ({ holdings: all }: ImportReport, name: string) =>
  all.filter((each) => each.name === name).map(({ read, as, amount }) => [read, as, amount]);
const why = ({ leftOut }: ImportReport) => Object.fromEntries(leftOut.map((each) => [each.name, each.why]));
const margin = (document: AccountDocument) =>
  evaluate(readAccount(JSON.stringify(document), "a.json", policy, market).account, policy.policy, market.market)
    .margin;

const FUTURE = { instruments: { "ibkr BTCZ6": "BTC-25DEC26", "BTCZ6 C100000": "BTC-25DEC26-100000-C" } };
/** A document with another value in its nth field; fields that hold others are counted, too. */
function withField(text: string, place: number, value: unknown): string {
  let seen = -1;
  return JSON.stringify(JSON.parse(text), (_, member) => {
    seen++;
    return seen === place * 3 + 1 ? value : member;
  });
}

const GOLDEN = path.resolve(import.meta.dirname, "../snapshots/imports.json");
const CASES: Readonly<Record<string, () => ReturnType<typeof of>>> = {
  deribit: () => of("deribit", sample(...DERIBIT)),
  binance: () => of("binance", sample(...BINANCE), { ...AT_PAR, assets: { USDT: "USDC" } }),
  okx: () => of("okx", sample(...OKX)),
  "ccxt of okx": () => of("ccxt", sample(...CCXT)),
  "ccxt of another venue": () => of("ccxt", sample("ccxt/other-positions.json", "ccxt/other-balance.json")),
  ibkr: () =>
    imported({
      sources: [{ venue: "ibkr", files: sample("ibkr/statement.xml"), taken: "2026-11-21T22:00:00Z" }],
      map: map({ ...AT_PAR, ...FUTURE }),
      tolerance: 86_400,
    }),
  csv: () => of("csv", sample(...CUSTODY)),
  crif: () => of("crif", sample("crif/trades.csv"), AT_PAR, TAKEN),
};

describe("imports", () => {
  it("give for each venue's files the account and the report that are on record", async () => {
    const made = Object.fromEntries(
      await Promise.all(Object.entries(CASES).map(async ([name, work]) => [name, await work()] as const)),
    );
    if (process.env.UPDATE_SNAPSHOTS) writeFileSync(GOLDEN, `${JSON.stringify(made, null, 2)}\n`);
    expect(made).to.deep.equal(JSON.parse(readFileSync(GOLDEN, "utf8")));
    // Every venue of the table has a case.
    const cases = Object.keys(CASES).map((name) => name.split(" ")[0]);
    expect(VENUES.map(({ name }) => name).filter((name) => !cases.includes(name))).to.deep.equal([]);
  });

  it("keep what is worth something: cash, collateral and positions are those of the venues, but for what rounding took", async () => {
    const sources = [
      { venue: "deribit", files: sample(...DERIBIT) },
      { venue: "binance", files: sample(...BINANCE), taken: TAKEN },
      { venue: "okx", files: sample(...OKX) },
      { venue: "csv", files: sample(...CUSTODY) },
    ];
    const { document, report } = await imported({ sources });
    const holder = readAccount(JSON.stringify(document), "account.json", policy, market);
    const { cash, positionsValue, collateral } = valueAccount(holder, policy, market);
    const worth = [cash, positionsValue, ...collateral.map(({ marketValue }) => marketValue)];
    const sum = worth.reduce((all, each) => all + Number(each), 0);
    const theirs = report.totals.reduce((all, { equity }) => all + Number(equity), 0);
    // A satoshi is worth 0.001 and a lot of coin 0.97; nothing is worth more than the venues say.
    expect(theirs - sum).to.be.within(0, 1);
    expect(report.rounded.map(({ name }) => name)).to.deep.equal([
      ...["BTC-COIN", "BTC-COIN", "BTC-COIN"],
      ...["BTC", "USDT", "BTC-PERP"],
    ]);
    expect(document.asOf).to.equal(market.time);
  });

  it("U06: whatever falls between lots, the account is never worth more than what was read", async () => {
    const map_ = (columns: object) => JSON.stringify({ format: "plimsoll-csv-map/1", columns, decimal: "point" });
    const amount = (most: number) =>
      fc
        .bigInt({ min: BigInt(-most) * 10n ** 9n, max: BigInt(most) * 10n ** 9n })
        .map((units) => formatDecimal(units, 9));
    const price = fc.bigInt({ min: 90_000_000n, max: 105_000_000n }).map((units) => formatDecimal(units, 3));
    const rows = fc.record({
      "BTC-PERP": amount(40),
      "BTC-26MAR27": amount(40),
      "BTC-25DEC26-100000-C": amount(60),
      "BTC-INV": amount(1_000_000),
    });
    const held = fc.record({
      USDC: amount(1_000_000),
      BTC: amount(20).map((text) => text.replace("-", "")),
      ETH: amount(100),
    });
    const property = fc.asyncProperty(rows, held, price, async (positions, balances, entry) => {
      const lines = Object.entries(positions).map(
        ([name, size]) => `${name},${size},${name.endsWith("C") ? "" : entry}\n`,
      );
      const files = [
        { file: "a.json", text: map_({ symbol: "S", quantity: "Q", entryPrice: "P" }) },
        { file: "a.csv", text: `S,Q,P\n${lines.join("")}` },
        { file: "b.json", text: map_({ asset: "A", amount: "B" }) },
        {
          file: "b.csv",
          text: `A,B\n${Object.entries(balances)
            .map((row) => `${row.join()}\n`)
            .join("")}`,
        },
      ];
      const { document, report } = await of("csv", files, AT_PAR, TAKEN);
      const holder = readAccount(JSON.stringify(document), "account.json", policy, market);
      const { cash, positionsValue, collateral } = valueAccount(holder, policy, market);
      const worth = addDecimals(
        ...[cash, positionsValue, ...collateral.map(({ marketValue }) => marketValue)].map(parseNumber),
      );
      const lost = addDecimals(parseNumber(report.totals[0]!.equity), negated(worth));
      // A lot of debt is worth 43.25, one of coin 0.97.
      expect(Number(formatDecimal(lost.units, lost.decimals))).to.be.within(0, 50);
    });
    await fc.assert(property, { numRuns: 40, seed: 7 });
  });

  describe("from Deribit", () => {
    const read = (...changes: readonly [string | RegExp, string][]) =>
      of("deribit", changed(DERIBIT, "deribit/positions.json", ...changes));
    const summaries = (...changes: readonly [string | RegExp, string][]) =>
      of("deribit", changed(DERIBIT, "deribit/summaries.json", ...changes));

    it("U05: an inverse future is in quote units of face and becomes coin cash, a linear one and an option are in coins", async () => {
      const { document, report } = await read();
      // 33.456 of equity less 1.706 of options; the profits of futures are in it, so they enter at the venue's mark.
      expect(document.collateral).to.deep.equal({ BTC: "31.75", ETH: "150" });
      expect(document.positions["BTC-INV"]).to.deep.equal({ quantity: "1458750", paid: true });
      // 1,458,750 / 97,288.47 = 14.994069…
      expect(document.positions["BTC-COIN"]).to.deep.equal({ quantity: "14.99406", paid: true });
      expect(document.positions["BTC-25DEC26-80000-P"]).to.deep.equal({ quantity: "-25", paid: true });
      expect(document.balance).to.equal("260792.565");
      expect(report.totals[0]).to.include({ ownEquity: "4033442.793", difference: report.totals[0]!.marks });
      expect(report.notes).to.deep.equal(["deribit: ETH-PERPETUAL: a row of zero"]);
    });

    it("U06: a size between two lots is rounded to whichever needs more margin, and its profit is of the whole size", async () => {
      const { document, report } = await read();
      const { quantity, unrealisedProfit } = document.positions["BTC-PERP"]!;
      // −14.99992 · (97,289.4 − 97,280.5)
      expect(unrealisedProfit).to.equal("-133.499288");
      const other = (held: string) =>
        margin({
          ...document,
          positions: { ...document.positions, "BTC-PERP": { quantity: held, unrealisedProfit: "0" } },
        });
      expect(["-14.999", "-15"]).to.include(quantity);
      expect(other(quantity) >= other("-14.999") && other(quantity) >= other("-15")).to.equal(true);
      expect(report.rounded).to.deep.equal([
        { name: "BTC-COIN", exact: "14.994068670213", rounded: "14.99406" },
        { name: "BTC-PERP", exact: "-14.99992", rounded: quantity },
      ]);
    });

    it("refuse an error, the test network, contradictions, and units that are not those of the contract", async () => {
      const error = {
        file: "deribit/positions.json",
        text: '{"jsonrpc":"2.0","error":{"message":"invalid_token","code":13009}}',
      };
      const [, second] = sample(...DERIBIT);
      expect(await refusal(of("deribit", [error, second!]))).to.match(
        /^FIELD_INVALID: .*positions\.json.*not an empty account/,
      );
      expect(await refusal(read(['"testnet": false', '"testnet": true']))).to.match(/test network/);
      expect(
        await refusal(read(['"direction": "buy", "size": 1458750.0', '"direction": "sell", "size": 1458750.0'])),
      ).to.match(/line 4, result\[0\]\.size: its sign and the direction/);
      expect(await refusal(read(['"direction": "zero", "size": 0', '"direction": "zero", "size": 5']))).to.match(
        /direction/,
      );
      // A linear size in dollars, as somebody's converter writes it.
      expect(await refusal(read(['"size": -14.99992, "size_currency"', '"size": -1458750, "size_currency"']))).to.match(
        /result\[1\]\.size_currency: size and size_currency are not of the units/,
      );
      expect(await refusal(read(['"size": 1458750.0', '"size": 14.99406713']))).to.match(/size_currency/);
      expect(await refusal(read(['"size": 1458750.0', '"size": 1458750.00000000001']))).to.match(
        /more digits than a double/,
      );
    });

    it("refuse what is missing or twice there: nothing is taken for zero", async () => {
      const [positions, totals] = sample(...DERIBIT) as [NamedText, NamedText];
      expect(await refusal(of("deribit", [positions]))).to.match(/the balances are missing/);
      expect(await refusal(of("deribit", [totals]))).to.match(/the positions are missing/);
      expect(await refusal(of("deribit", [positions, positions, totals]))).to.match(/there twice: two snapshots/);
      expect(await refusal(of("deribit", [positions, totals, totals]))).to.match(/summaries\.json.*there twice/);
      expect(await refusal(summaries([' "options_value": 1.706,', ""]))).to.match(
        /summaries\[0\]: the field "options_value" is missing/,
      );
      expect(await refusal(summaries(['"options_value": 1.706', '"options_value": ""']))).to.match(
        /an empty text, which is no zero/,
      );
      expect(await refusal(summaries(['"currency": "USDC"', '"currency": "EURR"']))).to.match(
        /the account summary of its currency is missing/,
      );
      const flat = { file: "none.json", text: '{"result":[]}' };
      expect(await refusal(of("deribit", [flat, totals]))).to.match(/counts options that no file of positions has/);
    });
  });

  describe("from Binance", () => {
    const read = (name: string, ...changes: readonly [string | RegExp, string][]) =>
      of("binance", changed(BINANCE, `binance/${name}.json`, ...changes));

    it("U07: what is owed is borrowed + interest + negative balance, and is left out by name where it has no place", async () => {
      const { document, report } = await read("balance", ['"negativeBalance": "0"', '"negativeBalance": "-7.5"']);
      // 150,000 held and 200,012.34567891 + 7.5 owed; the policy lists USDT, and no venue holds enough of it.
      expect(holdings(report, "USDT")).to.deep.equal([
        ["150000", null, null],
        ["-200019.84567891", null, null],
      ]);
      expect(document.unsettled).to.deep.equal(["left out: binance BNB", "left out: binance USDT debt"]);
      expect(why(report)["binance USDT debt"]).to.match(/never below zero/);
      const said = { ...AT_PAR, leaveOut: ["binance BNB", "binance USDT debt"] };
      const acknowledged = (await of("binance", sample(...BINANCE), said)).document;
      expect(acknowledged.unsettled).to.equal(undefined);
      expect(acknowledged.exceptions).to.include.members(["left out: binance BNB", "left out: binance USDT debt"]);
      // As cash it is a debt like any other.
      const asCash = (await of("binance", sample(...BINANCE), { ...AT_PAR, assets: { "binance USDT": "USDC" } }))
        .document;
      expect(asCash.balance).to.equal("-50012.34567891");
    });

    it("nets both rows of hedge mode, and reads the face of coin-margined contracts", async () => {
      const { document, report } = await read("um", [
        '"unRealizedProfit": "23009.00000000"',
        '"unrealizedProfit": "23009.00000000"',
      ]);
      // 10 at 95,000.5 and −4 at 96,000, at 97,289.4.
      expect(document.positions["BTC-PERP"]).to.deep.equal({ quantity: "6", unrealisedProfit: "17731.4" });
      expect(report.netted).to.deep.include({ as: "BTC-PERP", of: ["binance BTCUSDT 10", "binance BTCUSDT -4"] });
      // −500 contracts of 100 dollars at 97,500: −0.512820… coins.
      expect(document.positions["BTC-INV"]).to.deep.equal({ quantity: "-50000", paid: true });
      expect(document.positions["BTC-COIN"]).to.deep.equal({ quantity: "-0.51283", paid: true });
      expect(report.notes).to.include("binance: SOLUSDT: a row of zero");
    });

    it("refuse an error, one asset alone, empty texts, parts that do not add up, and contracts of another size", async () => {
      const others = sample(...BINANCE.filter((name) => !name.endsWith("account.json")));
      const with_ = (text: string) => of("binance", [{ file: "account.json", text }, ...others]);
      expect(await refusal(with_('{"code":-2015,"msg":"Invalid API-key"}'))).to.match(
        /account\.json.*not an empty account/,
      );
      expect(await refusal(with_('{"asset":"USDT","totalWalletBalance":"1"}'))).to.match(/one asset only/);
      expect(await refusal(read("balance", ['"crossMarginInterest": "0"', '"crossMarginInterest": ""']))).to.match(
        /balance\.json, line \d+, \[\d\]\.crossMarginInterest: .*no zero/,
      );
      expect(await refusal(read("balance", ['"crossMarginLocked": "0"', '"crossMarginLocked": "5"']))).to.match(
        /not the sum/,
      );
      expect(await refusal(read("cm", ['"notionalValue": "-0.51392638"', '"notionalValue": "-0.05139264"']))).to.match(
        /size/,
      );
      expect(await refusal(read("um", ['"positionAmt": "-4.000"', '"positionAmt": "4.000"']))).to.match(/positionSide/);
      expect(await refusal(read("um", ['"entryPrice": "3442"', '"entryPrice": "0.0"']))).to.match(
        /entryPrice: an open position/,
      );
    });

    it("refuse what is missing or twice there, and a file that nobody says the time of", async () => {
      const files = (...names: string[]) => of("binance", sample(...names.map((name) => `binance/${name}.json`)));
      expect(await refusal(files("um", "cm"))).to.match(/the balances are missing/);
      expect(await refusal(files("balance"))).to.match(/the positions are missing/);
      expect(await refusal(files("balance", "um"))).to.match(
        /profit of positions that no file of cm\/positionRisk has/,
      );
      expect(await refusal(files("balance", "um", "um", "cm"))).to.match(/BTCUSDT|there twice/);
      const noTime = imported({ sources: [{ venue: "binance", files: sample(...BINANCE) }] });
      expect(await refusal(noTime)).to.match(/^FIELD_INVALID: taken: no file of binance says when it was taken/);
    });
  });

  describe("from OKX", () => {
    const read = (name: string, ...changes: readonly [string | RegExp, string][]) =>
      of("okx", changed(OKX, `okx/${name}.json`, ...changes));

    it("U05: contracts are as large as the list of instruments says", async () => {
      const { document, report } = await read("positions");
      // −1,250 of 0.01 at 98,100.5; 1,000 of 100 dollars at 96,500; 300 of 1 × 0.1.
      expect(document.positions["BTC-PERP"]).to.deep.equal({ quantity: "-12.5", unrealisedProfit: "10138.75" });
      expect(document.positions["BTC-INV"]).to.deep.equal({ quantity: "100000", paid: true });
      expect(document.positions["BTC-COIN"]).to.deep.equal({ quantity: "1.03626", paid: true });
      expect(document.positions["ETH-25DEC26-3600-C"]).to.deep.equal({ quantity: "30", paid: true });
      expect(holdings(report, "BTC-USDT-SWAP")).to.deep.equal([["-1250", "BTC-PERP", "-12.5"]]);
      expect(await refusal(read("instruments", ['"ctValCcy": "BTC"', '"ctValCcy": "USDT"']))).to.match(
        /ctValCcy: the size/,
      );
      expect(await refusal(of("okx", sample(...OKX.slice(0, 2))))).to.match(
        /^UNKNOWN_NAME: .*instId: no file of \/api\/v5\/public/,
      );
    });

    it("count no collateral that the venue does not take, no isolated margin, and what a margin position owes once", async () => {
      const { document, report } = await read("positions");
      expect(Object.keys(why(report))).to.deep.equal([
        "okx USDT in isolated margin",
        "okx DOGE",
        "okx SOL-USDT-SWAP isolated",
      ]);
      // −5,000.25 is net of its liability already; 1.2500001 of interest is owed beside it.
      expect(document.balance).to.equal("-5001.5000001");
      // In modes where borrowed coins are in the balance, the liability is owed beside it.
      const gross = await read(
        "balance",
        ['"eq": "-5000.25"', '"eq": "-4000.25"'],
        ['"cashBal": "-5000.25"', '"cashBal": "1000"'],
      );
      expect(gross.document.balance).to.equal("-4001.5000001");
      // Also where it is small beside the balance.
      const small = await read(
        "balance",
        ['"eq": "51.92"', '"eq": "51.91"'],
        [/("ccy": "ETH",[\s\S]*?"liab": )""/, '$1"0.01"'],
      );
      expect(small.document.collateral.ETH).to.equal("49.99");
      // Where neither is so, nobody knows what the balance is.
      const neither = await read("balance", ['"eq": "4.00842"', '"eq": "9"']);
      expect(why(neither.report)["okx BTC"]).to.match(/not what cash, profits and liability come to/);
    });

    it("refuse an error, a side against a sign, and files that are missing or twice there", async () => {
      expect(await refusal(read("positions", ['"code": "0"', '"code": "50111"']))).to.match(/not an empty account/);
      expect(await refusal(read("positions", ['"posSide": "net"', '"posSide": "short"']))).to.match(/pos: below zero/);
      expect(await refusal(read("positions", ['"avgPx": "98100.5"', '"avgPx": ""']))).to.match(/avgPx: .*no zero/);
      expect(await refusal(read("balance", ['"cashBal": "50"', '"cashBal": ""']))).to.match(/cashBal: .*no zero/);
      expect(await refusal(of("okx", sample(...OKX, "okx/balance.json")))).to.match(/one answer of/);
      expect(await refusal(of("okx", sample(...OKX, "okx/positions.json")))).to.match(/there twice/);
      expect(await refusal(of("okx", sample(...OKX.slice(1))))).to.match(/the positions are missing/);
    });
  });

  describe("from CCXT", () => {
    it("take quantities from info where the venue is known, whatever the unified numbers say", async () => {
      const direct = await of("okx", sample(...OKX));
      const { document } = await of("ccxt", sample(...CCXT));
      expect(document.positions).to.deep.equal(direct.document.positions);
      expect(document.collateral).to.deep.equal(direct.document.collateral);
      // CCXT's size of an option leaves out its multiplier.
      expect(await refusal(of("ccxt", sample(...CCXT.slice(0, 2))))).to.match(
        /instId: no file of .*instruments says how large/,
      );
    });

    it("refuse one account that is read twice, by the venue's files and by CCXT's", async () => {
      const sources = [
        { venue: "okx", files: sample(...OKX) },
        { venue: "ccxt", files: sample(...CCXT) },
      ];
      expect(await refusal(imported({ sources }))).to.match(/ccxt holds exactly what okx holds/);
    });

    it("mark the numbers of other venues as approximate, which nobody can acknowledge", async () => {
      const files = sample("ccxt/other-positions.json", "ccxt/other-balance.json");
      const said = { ...AT_PAR, leaveOut: ["approximate: ccxt BTC/USD:USD", "ccxt balances"] };
      const { document, report } = await of("ccxt", files, said);
      expect(document.unsettled).to.deep.equal(["approximate: ccxt balances", "approximate: ccxt BTC/USD:USD"]);
      expect(document.positions["BTC-PERP"]!.quantity).to.equal("-2.5");
      expect(report.unused).to.deep.equal(["USDT", ...said.leaveOut]);
    });

    it("refuse what is undefined, Python's notation, and balances of another kind", async () => {
      const read = (...changes: readonly [string, string][]) =>
        of(
          "ccxt",
          changed(["ccxt/other-positions.json", "ccxt/other-balance.json"], "ccxt/other-positions.json", ...changes),
        );
      // Some venues write an empty list where there is no error.
      expect(await refusal(read(['"market": "PF_XBTUSD"', '"error": []']))).to.equal("read");
      expect(await refusal(read(['"market": "PF_XBTUSD"', '"error": ["EAPI:Invalid key"]']))).to.match(
        /not an empty account/,
      );
      expect(await refusal(read(['"contracts": 2.5', '"contracts": null']))).to.match(/contracts: expected a string/);
      expect(await refusal(read(['"entryPrice": 97000.5', '"entryPrice": null']))).to.match(/entryPrice/);
      const python = { file: "positions.json", text: "[{'info': {'instId': 'BTC'}}]" };
      expect(await refusal(of("ccxt", [python]))).to.match(/^SYNTAX: .*json\.dump/);
    });
  });

  describe("from Interactive Brokers", () => {
    const read = (said: object, ...changes: readonly [string | RegExp, string][]) =>
      imported({
        sources: [
          {
            venue: "ibkr",
            files: changed(["ibkr/statement.xml"], "ibkr/statement.xml", ...changes),
            taken: "2026-11-21T22:00:00Z",
          },
        ],
        map: map({ ...AT_PAR, ...FUTURE, ...said }),
        tolerance: 86_400,
      });

    it("U05: contracts are as large as their multiplier, futures settle in cash, lots and the sum of currencies count once", async () => {
      const { document, report } = await read({});
      expect(document.balance).to.equal("1250000.52");
      // −3 contracts of 5, at 97,823.696 against the statement's mark of 97,820; −4 calls of 5, paid for.
      expect(document.positions["BTC-25DEC26"]).to.deep.equal({ quantity: "-15", unrealisedProfit: "-55.44" });
      expect(document.positions["BTC-25DEC26-100000-C"]).to.deep.equal({ quantity: "-20", paid: true });
      expect(Object.keys(why(report))).to.deep.equal(["ibkr T 4 1/4 11/15/34", "ibkr EUR debt", "ibkr IBIT"]);
      expect(report.totals[0]!.ownEquity).to.equal("1347005.27");
      expect(document.exceptions).to.include("taken 36000 s before the prices: ibkr");
      const priced = ['"60.9" positionValue="152250"', '"3671.5" positionValue="9178750"'] as const;
      const said = { assets: { IBIT: "yETH" }, leaveOut: ["ibkr EUR debt", "ibkr T 4 1/4 11/15/34"] };
      const mapped = await read(said, [...priced]);
      expect(mapped.document.collateral).to.deep.equal({ yETH: "2500" });
      expect(mapped.document.unsettled).to.equal(undefined);
    });

    it("give a place by name alone to what the file leaves open, and check the rest", async () => {
      expect(why((await read({ instruments: {} })).report)["ibkr BTCZ6"]).to.match(/no instrument of this name/);
      const later = { instruments: { ...FUTURE.instruments, "ibkr BTCZ6": "BTC-26MAR27" } };
      expect(why((await read(later)).report)["ibkr BTCZ6"]).to.match(/its expiry differs/);
    });

    it("refuse an error, another file, and what is missing, empty or twice there", async () => {
      const xml = (text: string) => refusal(of("ibkr", [{ file: "s.xml", text }], AT_PAR, TAKEN));
      expect(
        await xml("<FlexStatementResponse><Status>Warn</Status><ErrorCode>1019</ErrorCode></FlexStatementResponse>"),
      ).to.match(/not an empty account/);
      expect(await xml("<FlexQueryResponse>")).to.match(/^SYNTAX: s\.xml, line 1: not valid XML/);
      expect(await xml("{}")).to.match(/^SYNTAX/);
      expect(await xml('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')).to.match(/document type/);
      expect(await refusal(read({}, [/<CashReport>[\s\S]*<\/CashReport>/, ""]))).to.match(
        /section Cash Report is missing/,
      );
      expect(await refusal(read({}, ['endingCash="-39500.125"', 'endingCash=""']))).to.match(
        /statement\.xml, line 13, endingCash: missing or empty/,
      );
      expect(await refusal(read({}, [/ cashSettlingMtm="[^"]*"/g, ""]))).to.match(/add Cash Settling MTM/);
      expect(await refusal(read({}, ['multiplier="5" position="-3"', 'position="-3"']))).to.match(
        /multiplier: missing/,
      );
      expect(await refusal(read({}, ['levelOfDetail="LOT"', ""]))).to.match(/line 17, symbol: this is there twice/);
      expect(await refusal(read({}, ['toDate="20261121"', 'toDate="20261118"']))).to.match(
        /is of 2026-11-18; give the time/,
      );
      expect(await refusal(of("ibkr", sample("ibkr/statement.xml")))).to.match(/no file of ibkr says when/);
    });
  });

  describe("from tables", () => {
    const table = (text: string, said: object = {}, columns: object = { asset: "Asset", amount: "Amount" }) =>
      of(
        "csv",
        [
          {
            file: "map.json",
            text: JSON.stringify({ format: "plimsoll-csv-map/1", columns, decimal: "point", ...said }),
          },
          { file: "table.csv", text },
        ],
        AT_PAR,
        TAKEN,
      );
    const balance = async (...args: Parameters<typeof table>) => (await table(...args)).document.balance;

    it("reads decimal commas, thousands, negatives in brackets or behind, and aliases", async () => {
      const { document } = await of("csv", sample(...CUSTODY));
      expect(document.balance).to.equal("1850000.25");
      expect(document.collateral).to.deep.equal({ BTC: "26.12345678", USDT: "400000" });
      expect(await balance("Asset,Amount\nUSDC,(1.25)\n", { negative: "brackets" })).to.equal("-1.25");
      expect(await balance("Asset,Amount\nUSDC,1.25-\n", { negative: "behind" })).to.equal("-1.25");
      expect(
        await balance('asset , AMOUNT\nUSDC," 1\u00a0234,5"\n', { decimal: "comma", thousands: "space" }),
      ).to.equal("1234.5");
      expect(await refusal(table("Asset,Amount\nUSDC,(1.25)\n"))).to.match(/table\.csv, line 2, Amount: .*parentheses/);
      expect(await refusal(table("Asset,Amount\nUSDC,1E+05\n"))).to.match(/an exponent/);
      expect(await refusal(table("Asset,Amount\nUSDC,\n"))).to.match(/nothing; write 0/);
      // What the command has no option for is the map's to say.
      expect(await refusal(table('Asset,Amount\nUSDC,"1,5"\n')))
        .to.match(/"decimal" and "thousands" of the map/)
        .and.not.match(/--/);
    });

    it("reads positions, those without an entry price as paid for", async () => {
      const { document } = await of("csv", sample("csv/broker-map.json", "csv/broker.csv"), AT_PAR, TAKEN);
      // −12.5 · (99,421.89 − 99,000.5)
      expect(document.positions["BTC-26MAR27"]).to.deep.equal({ quantity: "-12.5", unrealisedProfit: "-5267.375" });
      expect(document.positions["ETH-26MAR27-4000-C"]).to.deep.equal({ quantity: "1000", paid: true });
    });

    it("reads what a spreadsheet writes as UTF-16", async () => {
      const bytes = Buffer.from(`\ufeff${sample("csv/custody.csv")[0]!.text}`, "utf16le");
      const files = [
        sample("csv/custody-map.json")[0]!,
        { file: "custody.csv", text: decodeText(bytes, "custody.csv") },
      ];
      expect((await of("csv", files)).document).to.deep.equal((await of("csv", sample(...CUSTODY))).document);
    });

    it("refuses the rows of several accounts, where a column says whose they are", async () => {
      const rows = (column: string, ...accounts: string[]) =>
        [`Asset,${column},Amount`, ...accounts.map((each, row) => `${["USDC", "BTC", "ETH"][row]},${each},1`), ""].join(
          "\n",
        );
      for (const column of ["Account", "ACCOUNT_ID", "Sub-account", "Portfolio name"]) {
        const said = await refusal(table(rows(column, "one", "two", "one")));
        expect(said, column).match(
          /table\.csv, line 1, .*: the column says 2 different accounts; give the rows of one/,
        );
        expect(said).not.contain("two");
        expect(await refusal(table(rows(column, " one", "one", ""))), column).equal("read");
      }
      // Of wallets an account may have several.
      expect(await refusal(table(rows("Wallet", "spot", "margin")))).equal("read");
      // A column that the map names is what the map says.
      const named = "Account,Amount\nUSDC,1\nBTC,1\n";
      expect(await refusal(table(named, {}, { asset: "Account", amount: "Amount" }))).equal("read");
    });

    it("U03, U04: names in exponent form are refused, and amounts with three decimals each are asked about", async () => {
      expect(await refusal(table("Asset,Amount\n1.91431E+18,1\n"))).to.match(/lost its last digits/);
      const { report } = await table("Asset,Amount\nUSDC,1.234\nUSDT,22.500\n");
      expect(report.notes).to.deep.equal([
        "csv: table.csv: every amount has exactly three decimals; was point meant as the decimal sign?",
      ]);
    });

    it("U05: a table with sizes in contracts or dollars is asked about", async () => {
      const { report } = await table(
        "Symbol,Size,Entry\nBTC-26MAR27,-1458750,99000\n",
        {},
        { symbol: "Symbol", quantity: "Size", entryPrice: "Entry" },
      );
      expect(report.warnings[0]).to.match(/^BTC-26MAR27: the position is more than 20 times the equity/);
    });

    it("refuses a table without a map, an asset twice, and dates that are none; names the columns", async () => {
      expect(await refusal(of("csv", sample("csv/custody.csv"), AT_PAR, TAKEN))).to.match(/give the map/);
      expect(await refusal(table("Asset,Amount\nUSDC,1\nUSDC,1\n"))).to.match(/line 3, Asset: this is there twice/);
      expect(await refusal(table("Asset,Total\nUSDC,1\n"))).to.match(/the column "Amount" is missing/);
      const dated = (date: string, said: object) =>
        refusal(
          of("csv", [
            {
              file: "map.json",
              text: JSON.stringify({
                format: "plimsoll-csv-map/1",
                columns: { asset: "Asset", amount: "Amount", time: "At" },
                decimal: "point",
                ...said,
              }),
            },
            { file: "table.csv", text: `Asset,Amount,At\nUSDC,1,${date}\n` },
          ]),
        );
      expect(await dated("11/22/2026 07:58:00", { date: "mm/dd/yyyy" })).to.equal("read");
      expect(await dated("22/11/2026", { date: "dd/mm/yyyy", at: "08:00:00" })).to.equal("read");
      expect(await dated("22/11/2026", { date: "dd/mm/yyyy" })).to.match(/line 2, At: expected a time in the form/);
      expect(await dated("11/22/2026", { date: "dd/mm/yyyy", at: "08:00:00" })).to.match(/line 2, At/);
    });

    it("CRIF: one of each trade, with its value in full", async () => {
      const { report } = await of("crif", sample("crif/trades.csv"), AT_PAR, TAKEN);
      expect(Object.keys(why(report))).to.deep.equal(["crif T1/EUR", "crif T2/SPX"]);
      const mapped = { ...AT_PAR, instruments: { "crif T1/EUR": "BTC-26MAR27-80000-C" }, leaveOut: ["crif T2/SPX"] };
      const { document } = await of("crif", sample("crif/trades.csv"), mapped, TAKEN);
      expect(document.positions).to.deep.equal({ "BTC-26MAR27-80000-C": { quantity: "1", paid: true } });
    });
  });

  it("whatever stands in a field, readers answer with an error that names the place, and never repeat it", async () => {
    const odd = [
      null,
      true,
      {},
      [],
      [null],
      "",
      "x",
      "-0",
      "1e999",
      "7777777.7777777",
      -7777777.7777777,
      "__proto__",
      '"',
    ];
    let read = 0;
    for (const [venue, names] of Object.entries({ deribit: DERIBIT, binance: BINANCE, okx: OKX, ccxt: CCXT })) {
      const reader = await VENUES.find(({ name }) => name === venue)!.reader();
      for (const name of names) {
        for (const [index, value] of Array.from({ length: 60 }, (_, at) => [at, odd[at % odd.length]] as const)) {
          const files = sample(...names).map((file) =>
            file.file === name ? { ...file, text: withField(file.text, index, value) } : file,
          );
          try {
            reader(files);
            read++;
          } catch (error) {
            expect(error, `${name} ${index} ${JSON.stringify(value)}`).to.be.instanceOf(PlimsollError);
            const { message, place } = error as PlimsollError;
            // Of the file, or of another that it does not agree with.
            expect(names.some((each) => place.file?.includes(each))).to.equal(true);
            expect(message).to.not.contain("7777777");
          }
        }
      }
    }
    expect(read).to.be.above(50);
  });

  describe("places", () => {
    it("no inverse contract is a linear one, and none that settles in another currency is counted unless it is said", async () => {
      const linear = { ...AT_PAR, instruments: { "BTC-PERPETUAL": "BTC-PERP" } };
      expect(why((await of("deribit", sample(...DERIBIT), linear)).report)["deribit BTC-PERPETUAL"]).to.match(
        /another contract: its kind/,
      );
      const wrong = { ...AT_PAR, instruments: { "BTC-25DEC26-100000-C": "BTC-25DEC26-110000-C" } };
      expect(why((await of("deribit", sample(...DERIBIT), wrong)).report)["deribit BTC-25DEC26-100000-C"]).to.match(
        /its strike/,
      );
      const { report, document } = await of("okx", sample(...OKX), {});
      expect(why(report)["okx BTC-USDT-SWAP"]).to.match(/settled in USDT, which is not the cash USDC/);
      expect(why(report)["okx BTC-USD-SWAP"]).to.match(/settled in USD/);
      expect(document.positions["BTC-PERP"]).to.equal(undefined);
      const said = (await of("okx", sample(...OKX))).document;
      expect(said.exceptions).to.include.members(["counted at par: USDT as USDC", "counted at par: USD as USDC"]);
    });

    it("U07: a debt takes the row of debts, in units that have grown by their index, never fewer than are owed", async () => {
      const said = { ...AT_PAR, assets: { Loan: "ETH" } };
      const files = (amount: string): NamedText[] => [
        {
          file: "map.json",
          text: '{"format":"plimsoll-csv-map/1","columns":{"asset":"A","amount":"B"},"decimal":"point"}',
        },
        { file: "t.csv", text: `A,B\nUSDC,1000000\nLoan,${amount}\n` },
      ];
      // 100 ETH are 80 units at an index of 1.25; 100.001 are a lot more.
      expect((await of("csv", files("-100"), said, TAKEN)).document.positions).to.deep.equal({
        "ETH-DEBT": { quantity: "-80", paid: true },
      });
      expect((await of("csv", files("-100.001"), said, TAKEN)).document.positions).to.deep.equal({
        "ETH-DEBT": { quantity: "-80.01", paid: true },
      });
      expect((await of("csv", files("100"), said, TAKEN)).document.collateral).to.deep.equal({ ETH: "100" });
    });

    it("U07: a debt without a row is netted with what other venues hold of the asset, and only where that is enough", async () => {
      const both = (custody: string) =>
        imported({
          sources: [
            { venue: "binance", files: sample(...BINANCE), taken: TAKEN },
            {
              venue: "csv",
              files: [
                {
                  file: "m.json",
                  text: '{"format":"plimsoll-csv-map/1","columns":{"asset":"A","amount":"B"},"decimal":"point"}',
                },
                { file: "t.csv", text: `A,B\nUSDT,${custody}\n` },
              ],
              taken: TAKEN,
            },
          ],
        });
      const enough = await both("60000");
      // 150,000 − 200,012.34567891 + 60,000
      expect(enough.document.collateral.USDT).to.equal("9987.654321");
      expect(enough.document.unsettled).to.deep.equal(["left out: binance BNB"]);
      const short = await both("50012.34");
      expect(short.document.collateral.USDT).to.equal("50012.34");
      expect(short.document.unsettled).to.include("left out: binance USDT debt");
    });

    it("U02: a board whose marks are zero takes the same profit, at the price that its deltas say", async () => {
      const rows = importBoard.market.instruments.map((each) => (each.symbol === null ? each : { ...each, mark: "0" }));
      const flat = readMarket(JSON.stringify({ ...importBoard.market, instruments: rows }), "flat.json", policy);
      const sources = [{ venue: "csv", files: sample("csv/broker-map.json", "csv/broker.csv"), taken: TAKEN }];
      const { document } = await imported({ sources, market: flat, sequence: 3n });
      expect(document.positions["BTC-26MAR27"]).to.deep.equal({ quantity: "-12.5", unrealisedProfit: "-5267.375" });
      expect(document.sequence).to.equal("3");
    });

    it("a map names what policy and market list, and says what nothing needed", async () => {
      expect(() => map({ instruments: { X: "BTC-PERPP" } })).to.throw(
        'map.json, line 1, instruments: "BTC-PERPP" is no instrument',
      );
      expect(() => map({ assets: { X: "DOGE" } })).to.throw("is no asset");
      expect(() => map({ other: {} })).to.throw("not known");
      const { report } = await of("okx", sample(...OKX), {
        ...AT_PAR,
        leaveOut: ["okx PEPE"],
        assets: { LUNA: "ETH" },
      });
      expect(report.unused).to.deep.equal(["LUNA", "okx PEPE"]);
    });

    it("anything can be left out by name, also what has a place", async () => {
      const said = { ...AT_PAR, leaveOut: ["okx BTC", "okx BTC-USDT-SWAP"] };
      const { document } = await of("okx", sample(...OKX), said);
      expect(document.collateral).to.deep.equal({ ETH: "50", USDT: "650000" });
      expect(document.positions["BTC-PERP"]).to.equal(undefined);
      expect(document.exceptions).to.include.members(["left out: okx BTC", "left out: okx BTC-USDT-SWAP"]);
    });
  });

  describe("times", () => {
    const at = (time: string, tolerance?: number) =>
      imported({ sources: [{ venue: "binance", files: sample(...BINANCE), taken: time }], tolerance });

    it("refuses a source that was taken too long before or after the prices, unless it is said; then proofs say it too", async () => {
      expect(await refusal(at("2026-11-22T07:54:59Z"))).to.match(
        /^OUT_OF_RANGE: binance was taken 301 s before the prices of 2026-11-22T08:00:00Z/,
      );
      expect(await refusal(at("2026-11-22T08:05:01Z"))).to.match(/301 s after/);
      expect((await at("2026-11-22T07:55:00Z")).document.exceptions).to.not.include(
        "taken 300 s before the prices: binance",
      );
      const { document } = await at("2026-11-21T22:00:00Z", 86_400);
      expect(document.exceptions).to.include("taken 36000 s before the prices: binance");
    });

    it("refuses a venue twice, one that is none, and a time for files that say it themselves", async () => {
      const source = { venue: "okx", files: sample(...OKX) };
      expect(await refusal(imported({ sources: [source, source] }))).to.match(/okx is there twice.*plimsoll merge/);
      expect(await refusal(imported({ sources: [{ ...source, venue: "ftx" }] }))).to.match(
        /^UNKNOWN_NAME: venue: expected one of/,
      );
      expect(await refusal(imported({ sources: [{ ...source, taken: TAKEN }] }))).to.match(/say themselves/);
      expect(await refusal(imported({}))).to.match(/one venue or more/);
    });
  });
});

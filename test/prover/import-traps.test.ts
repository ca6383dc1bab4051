// SPDX-License-Identifier: GPL-3.0-or-later
/** Files that read well and would make an account richer than it is, or leave something out that nobody names. */
import { expect } from "chai";
import { importAccount } from "../../prover/src/app/import.ts";
import type { NamedText } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { EMPTY_MAP, type ImportMap } from "../../prover/src/importers/import-map.ts";
import { importBoard, sample } from "../support/imports.ts";

const policy = readPolicy(JSON.stringify(importBoard.policy), "policy.json");
const market = readMarket(JSON.stringify(importBoard.market), "market.json", policy);
const MAP: ImportMap = { ...EMPTY_MAP, atPar: ["USD", "USDT"] };

type Change = readonly [from: string, to: string];
/** Sample files with changes in the first. */
function changed(names: readonly [string, ...string[]], ...changes: readonly Change[]): NamedText[] {
  const [first, ...others] = sample(...names) as [NamedText, ...NamedText[]];
  const text = changes.reduce((before, [from, to]) => {
    expect(before).to.include(from);
    return before.replace(from, to);
  }, first.text);
  return [{ ...first, text }, ...others];
}
const read = (venue: string, files: readonly NamedText[], map = MAP, taken?: string) =>
  importAccount({
    account: "Atlas",
    sources: [{ venue, files, taken }],
    policy,
    market,
    map,
    tolerance: venue === "ibkr" ? 86_400 : 300,
  });
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "read",
    (error) => `${error.code}: ${error.message}`,
  );

describe("traps of imports", () => {
  describe("tables", () => {
    const table = async (row: string, priced: boolean) => {
      const columns = { symbol: "S", quantity: "Q", ...(priced && { entryPrice: "P" }) };
      const files = [
        { file: "map.json", text: JSON.stringify({ format: "plimsoll-csv-map/1", columns, decimal: "point" }) },
        { file: "table.csv", text: `S,Q${priced ? ",P" : ""}\n${row}\n` },
      ];
      return (await read("csv", files, MAP, "2026-11-22T08:00:00Z")).document;
    };

    it("U02: a perpetual or a future without an entry price is no wealth: nothing is proven of it", async () => {
      for (const name of ["BTC-PERP", "BTC-26MAR27", "BTC-INV"]) {
        const { positions, unsettled } = await table(`${name},-20`, false);
        expect([positions, unsettled], name).to.deep.equal([{}, [`left out: csv ${name}`]]);
      }
      expect((await table("BTC-PERP,20,97000", true)).positions).to.have.property("BTC-PERP");
    });

    it("U02: the premium of an option that was sold, and the price of a coin, do not count twice", async () => {
      for (const name of ["BTC-25DEC26-100000-C", "BTC-SPOT"]) {
        const { positions, unsettled } = await table(`${name},-20,4000`, true);
        expect([positions, unsettled], name).to.deep.equal([{}, [`left out: csv ${name}`]]);
      }
      for (const price of ["0", "-5"]) {
        expect((await table(`BTC-INV,-20,${price}`, true)).unsettled).to.deep.equal(["left out: csv BTC-INV"]);
      }
      const { positions } = await table("BTC-25DEC26-100000-C,-20,", true);
      expect(positions).to.deep.equal({ "BTC-25DEC26-100000-C": { quantity: "-20", paid: true } });
    });
  });

  it("a map that calls another asset cash is named as one that counts at par", async () => {
    const files = [
      {
        file: "map.json",
        text: '{"format":"plimsoll-csv-map/1","columns":{"asset":"A","amount":"B"},"decimal":"point"}',
      },
      { file: "table.csv", text: "A,B\nSHIB,1000000\nTotal loans,-5000\nTotal,995000\n" },
    ];
    const map = { ...MAP, assets: new Map([["SHIB", "USDC"]]) };
    const { document, report } = await read("csv", files, map, market.time);
    expect(document.exceptions).to.deep.equal(["counted at par: SHIB as USDC"]);
    // A total of something is named as left out; one of all is a note.
    expect(document.unsettled).to.deep.equal(["left out: csv Total loans"]);
    expect(report.notes).to.deep.equal(["csv: line 4: a row of totals"]);
  });

  it("OKX: a profit without a position, and contracts of no size, below zero or of two sizes, are refused", async () => {
    const [balance, instruments] = sample("okx/balance.json", "okx/instruments.json") as [NamedText, NamedText];
    const none = { file: "none.json", text: '{"code":"0","data":[]}' };
    expect(await refusal(read("okx", [none, balance, instruments]))).to.match(
      /^FIELD_INVALID: .*balance\.json.*upl: the balance has a profit of positions/,
    );
    const sized = (to: string) =>
      refusal(
        read(
          "okx",
          changed(["okx/instruments.json", "okx/balance.json", "okx/positions.json"], ['"ctVal": "0.01"', to]),
        ),
      );
    expect(await sized('"ctVal": "0"')).to.match(/ctVal: expected the size of a contract, above zero/);
    expect(await sized('"ctVal": "-0.01"')).to.match(/ctVal: expected the size of a contract, above zero/);
    // Yesterday's positions with the balance of today.
    const cross = JSON.stringify({
      code: "0",
      data: JSON.parse(sample("okx/positions.json")[0]!.text).data.slice(0, 1),
    });
    const usdt = balance.text
      .replace('"isoEq": "760.5",\n     "upl"', '"isoEq": "0",\n     "upl"')
      .replace("660775.5", "660015");
    const whole = JSON.parse(usdt);
    whole.data[0].details = whole.data[0].details.slice(0, 1);
    const old = (upl: string, eq: string) => {
      Object.assign(whole.data[0].details[0], { upl, eq });
      const files = [{ file: "p.json", text: cross }, { file: "b.json", text: JSON.stringify(whole) }, instruments];
      return refusal(read("okx", files));
    };
    expect(await old("10115", "660115")).to.equal("read");
    expect(await old("-30000", "620000")).to.match(/b\.json.*upl: not the profits of the positions/);
    const other = { file: "other.json", text: instruments.text.replace('"ctVal": "0.01"', '"ctVal": "0.1"') };
    expect(await refusal(read("okx", [...sample("okx/positions.json"), balance, instruments, other]))).to.match(
      /other\.json.*instId: this instrument is there twice, with another size/,
    );
  });

  it("OKX: an answer of some currencies alone is no account", async () => {
    const names = ["okx/balance.json", "okx/positions.json", "okx/instruments.json"] as const;
    const [balance, ...others] = sample(...names) as [NamedText, ...NamedText[]];
    const kept = (equities: readonly string[]) => {
      const answer = JSON.parse(balance.text);
      const details: readonly object[] = answer.data[0].details;
      answer.data[0].details = equities.map((eqUsd, place) => ({ ...details[place], eqUsd }));
      return refusal(read("okx", [{ ...balance, text: JSON.stringify(answer) }, ...others]));
    };
    const all = ["660775.5", "389800", "179700", "12065.53", "-5000"];
    expect(await kept(all)).to.equal("read");
    // Without what is owed, as an answer of one currency would be.
    expect(await kept(all.slice(0, 3))).to.match(/details: not all currencies/);
    expect(await kept(["", ""])).to.match(/the balance has no ETH, in which ETH-USD-261225-3600-C is settled/);
  });

  it("OKX: what the venue does not take as collateral is left out, also where a program wrote it as a text", async () => {
    const names = ["okx/balance.json", "okx/positions.json", "okx/instruments.json"] as const;
    const { report } = await read("okx", changed(names, ['"collateralEnabled": true', '"collateralEnabled": "False"']));
    expect(report.unsettled).to.include("left out: okx USDT");
  });

  it("Binance: an answer of one symbol alone is no account", async () => {
    const names = ["binance/um.json", "binance/account.json", "binance/balance.json", "binance/cm.json"] as const;
    const [all, ...others] = changed(names) as [NamedText, ...NamedText[]];
    const rows: readonly { unRealizedProfit: string }[] = JSON.parse(all.text);
    const without = (place: number) =>
      refusal(
        read("binance", [{ ...all, text: JSON.stringify(rows.toSpliced(place, 1)) }, ...others], MAP, market.time),
      );
    const most = rows.map((row) => Math.abs(Number(row.unRealizedProfit)));
    expect(await without(most.indexOf(Math.max(...most)))).to.match(
      /umUnrealizedPNL: the profits of um\/positionRisk are not those of the balance/,
    );
  });

  it("Binance: what is owed is owed with either sign, and no account has a position of one side beside one of both", async () => {
    const names = ["binance/balance.json", "binance/um.json", "binance/cm.json", "binance/account.json"] as const;
    const [balance, um, ...others] = sample(...names) as [NamedText, NamedText, ...NamedText[]];
    const turned = balance.text.replaceAll(/("crossMargin(?:Borrowed|Interest)": ")(?=[1-9])/g, "$1-");
    expect(turned).to.not.equal(balance.text);
    const account = async (text: string) =>
      (await read("binance", [{ ...balance, text }, um, ...others], MAP, market.time)).document;
    expect(await account(turned)).to.deep.equal(await account(balance.text));
    const rows = JSON.parse(um.text);
    const both = { ...rows[0], positionSide: "BOTH", positionAmt: "0.001", unRealizedProfit: "2.3" };
    const files = [balance, { ...um, text: JSON.stringify([...rows, both]) }, ...others];
    expect(await refusal(read("binance", files, MAP, market.time))).to.match(/symbol: this is there twice/);
  });

  it("Deribit: positions that are not those of the summaries are refused", async () => {
    const names = ["deribit/summaries.json", "deribit/positions.json"] as const;
    const summaries = (...changes: readonly Change[]) => refusal(read("deribit", changed(names, ...changes)));
    expect(await summaries()).to.equal("read");
    // Equity with the options in it, and the options once more.
    expect(await summaries(['"options_value": 1.706', '"options_value": 0'])).to.match(
      /options_value: not what the options of the positions are worth/,
    );
    expect(await summaries(['"options_value": 1.706', '"options_value": 1.9'])).to.equal("read");
    const [totals] = changed(names, ['"currency": "USDC",', '"currency": "USDC", "session_upl": -120.5,']);
    const without = changed(["deribit/positions.json"]).map(({ file, text }) => {
      const all = JSON.parse(text);
      const kept = all.result.filter((each: { instrument_name: string }) => !/USDC|FS/.test(each.instrument_name));
      return { file, text: JSON.stringify({ ...all, result: kept }) };
    });
    expect(await refusal(read("deribit", [...without, totals!]))).to.match(
      /session_upl: the summary has a profit of positions that no file of positions has/,
    );
  });

  describe("Interactive Brokers", () => {
    const statement = (...changes: readonly Change[]) =>
      read("ibkr", changed(["ibkr/statement.xml"], ...changes), MAP, "2026-11-21T22:00:00Z");

    it("a share with the name of a coin is not the coin", async () => {
      const { document } = await statement(['symbol="IBIT"', 'symbol="BTC"']);
      expect(document.collateral).to.deep.equal({});
      expect(document.unsettled).to.include("left out: ibkr BTC");
      const coin = await statement(['symbol="IBIT"', 'symbol="BTC"'], ['markPrice="60.9"', 'markPrice="97000"']);
      expect(coin.document.collateral).to.deep.equal({ BTC: "2500" });
    });

    it("a cash report of the sum of currencies alone is not an account without cash or loans", async () => {
      const rows = [/<CashReportCurrency [^>]*levelOfDetail="Currency"[^>]*>\n/g, /<CashReportCurrency [^>]*>\n/g];
      for (const row of rows) {
        const [{ file, text }] = sample("ibkr/statement.xml") as [NamedText];
        const cut = text.replaceAll(row, "");
        expect(cut).to.not.equal(text);
        const work = read("ibkr", [{ file, text: cut }], MAP, "2026-11-21T22:00:00Z");
        expect(await refusal(work)).to.match(/the Cash Report has no currencies/);
      }
    });

    it("a sign against the side, and a multiplier that is none, are refused", async () => {
      expect(await refusal(statement(['position="-3"', 'position="3"']))).to.match(/position: its sign and the side/);
      expect(await refusal(statement(['multiplier="5" position="-3"', 'multiplier="0" position="-3"']))).to.match(
        /multiplier: expected the size of a contract/,
      );
    });
  });

  it("one account that is read twice is known by its positions, whatever the order and the minute", async () => {
    const later = changed(["deribit/summaries.json"], ['"equity": 260792.565', '"equity": 260790.125']);
    const ccxt = (() => {
      const rows = JSON.parse(sample("deribit/positions.json")[0]!.text).result;
      const info = JSON.parse(later[0]!.text);
      return [
        { file: "positions.json", text: JSON.stringify(rows.toReversed().map((row: object) => ({ info: row }))) },
        { file: "balance.json", text: JSON.stringify({ info }) },
      ];
    })();
    const sources = [
      { venue: "deribit", files: sample("deribit/positions.json", "deribit/summaries.json") },
      { venue: "ccxt", files: ccxt },
    ];
    expect(await refusal(importAccount({ account: "Atlas", sources, policy, market, map: MAP }))).to.match(
      /ccxt holds exactly what deribit holds: one account, read twice/,
    );
  });
});

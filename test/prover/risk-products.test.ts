// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { attackMarket } from "../../prover/src/app/attack.ts";
import { valueAccount } from "../../prover/src/app/value.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { readTables } from "../../prover/src/formats/account-tables.ts";
import { formatDecimal } from "../../prover/src/formats/decimal.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { evaluate } from "../../prover/src/model/evaluate.ts";
import { black76, growth } from "../../prover/src/risk/board/black76.ts";
import { buildMarketFile, priceInstruments } from "../../prover/src/risk/board/board.ts";
import { explainInstrument } from "../../prover/src/risk/board/explain.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { VALUATION_MODELS } from "../../prover/src/risk/board/valuation.ts";
import type { Instrument, MarketInput } from "../../prover/src/risk/input.ts";
import { STILL } from "../../prover/src/risk/model.ts";
import { bookOf } from "../../prover/src/risk/outlook/exposure.ts";
import { near } from "../support/near.ts";

const { marketInput, policy: sampled } = sampleFirm();
const assets = sampled.assets.map((asset) => ({ ...asset, scanLot: null }));
const policy = readPolicy(JSON.stringify({ ...sampled, assets }), "policy.json");
const EXPIRY = "2027-03-26T08:00:00Z";
const EARLIER = "2026-12-25T08:00:00Z";

const row = (symbol: string, model: string, underlying: string, lot: string, terms: Record<string, string> = {}) =>
  ({ symbol, model, underlying, lot, terms }) as Instrument;
const LISTED = [
  row("BTC-COIN", "spot", "BTC", "0.00001"),
  row("BTC-PERP", "perpetual", "BTC", "0.001"),
  row("BTC-27MAR26", "future", "BTC", "0.001", { expiry: EXPIRY }),
  row("BTC-INV", "inverse-perpetual", "BTC", "100", { coin: "BTC-COIN" }),
  row("BTC-INV-27MAR26", "inverse-future", "BTC", "100", { expiry: EXPIRY, coin: "BTC-COIN" }),
  row("BTC-100000-C", "option", "BTC", "0.01", { expiry: EXPIRY, strike: "100000", right: "call", coin: "BTC-COIN" }),
  row("BTC-FUT-100000-C", "option-on-future", "BTC", "0.01", {
    expiry: EARLIER,
    futureExpiry: EXPIRY,
    strike: "100000",
    right: "call",
  }),
  row("ETH-BTC-SPREAD", "spread", "BTC", "0.001", { expiry: EXPIRY, against: "ETH", units: "28" }),
  row("ETH-QUANTO", "quanto", "ETH", "0.000001", { against: "BTC", coin: "BTC-COIN" }),
  row("ETH-OVER-BTC", "ratio", "ETH", "1000", { against: "BTC" }),
];
const QUOTES = {
  "BTC-PERP": { basis: "0.0004", fundingPaid: "0" },
  "BTC-INV": { basis: "0.0004", fundingPaid: "0" },
  "ETH-QUANTO": { basis: "0" },
  "ETH-OVER-BTC": { basis: "0.01" },
};
const listing = (instruments: readonly Instrument[] = LISTED, spots: Record<string, string> = {}): MarketInput => {
  const { BTC, ETH } = marketInput.observation.underlyings;
  return {
    ...marketInput,
    policy: { ...marketInput.policy, instruments },
    observation: {
      ...marketInput.observation,
      underlyings: {
        BTC: { ...BTC!, spot: spots.BTC ?? BTC!.spot },
        ETH: { ...ETH!, spot: spots.ETH ?? ETH!.spot },
      },
      quotes: Object.fromEntries(
        Object.entries(QUOTES).filter(([symbol]) => instruments.some((each) => each.symbol === symbol)),
      ),
    },
  };
};
const input = listing();
const built = buildMarketFile(input, policy);
const priced = new Map(priceInstruments(input).map((each) => [each!.instrument.symbol, each!]));
const SPOT = Number(marketInput.observation.underlyings.BTC!.spot);
const ETH = Number(marketInput.observation.underlyings.ETH!.spot);
const years = (time: string) => (Date.parse(time) - Date.parse(marketInput.observation.time)) / (365 * 86_400_000);
const account = (positions: Record<string, object>, balance = "0") =>
  JSON.stringify({
    format: "plimsoll-account/2",
    account: "atlas",
    balance,
    collateral: {},
    positions,
    sequence: "0",
  });
const read = (positions: Record<string, object>, market = built) =>
  readAccount(account(positions), "account.json", policy, market.file);
const equityOf = (positions: Record<string, object>, market = built) =>
  Number(formatDecimal(evaluate(read(positions, market).account, policy.policy, market.file.market).equity, 20));
const refused = (work: () => unknown, place: string, code: string) =>
  expect(work).to.throw(PlimsollError, place).with.property("code", code);

describe("docs/risk-model.md", () => {
  it("lists the terms and quotes of every model", () => {
    const page = readFileSync(new URL("../../docs/risk-model.md", import.meta.url), "utf8");
    const [, table] = page.split("test/prover/risk-products.test.ts -->\n");
    const words = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
    const rows = table!.split("\n\n")[0]!.split("\n").slice(2);
    const listed = rows.map((line) => {
      const [model, terms, quotes] = line.split("|").slice(1, 4).map(words);
      return { model: model![0], terms, quotes };
    });
    const known = Object.values(VALUATION_MODELS).map(({ id, terms, quotes }) => ({ model: id, terms, quotes }));
    const byName = (one: { model?: string | undefined }, other: { model?: string | undefined }) =>
      one.model! < other.model! ? -1 : 1;
    expect(listed.sort(byName)).deep.equal(known.sort(byName));
  });
});

describe("contracts that are paid in coin", () => {
  const faces = 1_000_000;
  const opened = 90_000;

  it("gain what they gain in coin, at the price of the coin, wherever the price goes", () => {
    for (const spot of [SPOT / 2, SPOT, SPOT * 1.5]) {
      const market = buildMarketFile(listing(LISTED, { BTC: spot.toFixed(2) }), policy);
      for (const side of [1, -1]) {
        const position = { quantity: String(side * faces), entryPrice: String(opened) };
        const perpetual = spot * 1.0004;
        const gained = side * faces * (1 / opened - 1 / perpetual) * spot;
        near(equityOf({ "BTC-INV": position }, market), gained, 2);
        const { carry } = input.observation.underlyings.BTC!;
        const future = spot * growth(Number(carry), years(EXPIRY));
        const atFuture = side * faces * (1 / opened - 1 / future) * spot;
        near(equityOf({ "BTC-INV-27MAR26": position }, market), atFuture, 2);
      }
    }
  });

  it("land in the row of the coin, beside what is held there, rounded down and never up", () => {
    const held = read({
      "BTC-INV": { quantity: "-1000000", entryPrice: "90000" },
      "BTC-COIN": { quantity: "20", paid: true },
    });
    // −1,000,000 / 90,000 = −11.1111…: 20 − 11.11112.
    expect(held.account.positions[0]).to.equal(888_888n);
    expect(held.account.cash).to.equal(0n);
    const line = held.conversion!.lines.find(({ instrument }) => instrument === "BTC-INV")!;
    expect(line.coin).to.deep.equal({ instrument: "BTC-COIN", quantity: "-11.11112" });
    const text = "account,instrument,quantity,entryPrice,paid\natlas,BTC-INV,-1000000,90000,\natlas,BTC-COIN,20,,yes\n";
    const tables = readTables({ positions: { text, file: "p.csv" } }, policy, built.file, { noCollateral: true });
    expect(tables.account("atlas", 0n).account).to.deep.equal(held.account);
    const { positions } = valueAccount(held, policy, built.file);
    const profit = Number(positions.find(({ instrument }) => instrument === "BTC-INV")!.profit);
    near(profit, -faces * (1 / opened - 1 / (SPOT * 1.0004)) * SPOT, 2);
  });

  it("are in the example of docs/formats.md, with the figures that it states", () => {
    const docs = readFileSync(new URL("../../docs/formats.md", import.meta.url), "utf8");
    const [, example] = /```json coin\.json\n([\s\S]*?)```/.exec(docs)!;
    const instruments = LISTED.map((each) => (each.symbol === "BTC-INV" ? { ...each, lot: "1" } : each));
    const doubled = listing(instruments, { BTC: "180000" });
    const quotes = { ...doubled.observation.quotes, "BTC-INV": { basis: "0", fundingPaid: "0" } };
    const market = buildMarketFile({ ...doubled, observation: { ...doubled.observation, quotes } }, policy);
    const held = readAccount(example!, "coin.json", policy, market.file);
    expect(held.account.positions[0]).to.equal(888_888n);
    const equity = evaluate(held.account, policy.policy, market.file.market).equity;
    expect(formatDecimal(equity, 20)).to.equal("2599998.4");
  });

  it("pay an option's premium in coin, whose mark is that of any option", () => {
    const mark = priced.get("BTC-100000-C")!.valueAfter(STILL).value;
    near(equityOf({ "BTC-100000-C": { quantity: "10", entryPrice: "0.05" } }), 10 * mark - 0.5 * SPOT, 2);
  });

  it("ask no margin of an inverse future against the coin that it was bought with, but for carry and charges", () => {
    const margin = (positions: Record<string, object>) =>
      Number(formatDecimal(evaluate(read(positions).account, policy.policy, built.file.market).scan, 6));
    const flat = margin({ "BTC-INV": { quantity: "-1000000", paid: true } });
    const long = margin({ "BTC-INV": { quantity: "1000000", entryPrice: "97289" } });
    const linear = margin({ "BTC-PERP": { quantity: "10.279", entryPrice: "97289" } });
    // The face is quote currency: without coin nothing of it moves but a day of carry.
    expect(flat).to.be.below(0.001 * 1_000_000);
    near(long, linear, 0.001 * linear);
  });

  it("refuse profits in quote currency, a price of zero, and a coin that is not listed or is no coin", () => {
    const rule = (position: object) => () => read({ "BTC-INV": { quantity: "100", ...position } });
    refused(rule({ entryPrice: "0" }), "positions.BTC-INV", "FIELD_INVALID");
    refused(rule({}), "positions.BTC-INV", "FIELD_INVALID");
    const asOf = JSON.stringify({
      ...JSON.parse(account({ "BTC-INV": { quantity: "100", unrealisedProfit: "5" } })),
      asOf: input.observation.time,
    });
    expect(() => readAccount(asOf, "a.json", policy, built.file)).to.throw("paid in coin: give its entryPrice");
    const change = (symbol: string, instrument: Partial<Instrument>) =>
      listing(LISTED.map((each) => (each.symbol === symbol ? { ...each, ...instrument } : each)));
    const place = "instruments[BTC-INV].coin";
    refused(() => buildMarketFile(change("BTC-INV", { terms: { coin: "NONE" } }), policy), place, "UNKNOWN_NAME");
    refused(() => buildMarketFile(change("BTC-INV", { terms: {} }), policy), place, "UNKNOWN_NAME");
    refused(() => buildMarketFile(change("BTC-INV", { terms: { coin: "BTC-PERP" } }), policy), place, "FIELD_INVALID");
    refused(() => buildMarketFile(change("BTC-COIN", { traded: false }), policy), "coin", "FIELD_INVALID");
    const quanto = "instruments[ETH-QUANTO].coin";
    const wrong = change("ETH-QUANTO", { underlying: "BTC", terms: { against: "ETH", coin: "BTC-COIN" } });
    refused(() => buildMarketFile(wrong, policy), quanto, "FIELD_INVALID");
  });
});

describe("options on futures", () => {
  it("are Black-76 on the later future, discounted from their own expiry", () => {
    const { value, inputs } = priced.get("BTC-FUT-100000-C")!.valueAfter(STILL);
    const { carry } = input.observation.underlyings.BTC!;
    const forward = SPOT * growth(Number(carry), years(EXPIRY));
    const volatility = inputs.volatility!;
    const rate = Number(input.observation.rate);
    const terms = { forward, strike: 100_000, years: years(EARLIER), volatility, rate, right: "call" } as const;
    expect(value).to.equal(black76(terms).value);
  });

  it("refuse a future that ends before them", () => {
    const terms = { expiry: EXPIRY, futureExpiry: EARLIER, strike: "100000", right: "call" };
    const early = listing([row("X", "option-on-future", "BTC", "0.01", terms)]);
    refused(() => priceInstruments(early), "instruments[X].futureExpiry", "OUT_OF_RANGE");
  });
});

describe("rows on two underlyings", () => {
  const move = (price: number) => ({ ...STILL, price });

  it("move with both: a spread, a quotient and a quanto", () => {
    const after = (symbol: string, own: number, against: number) => {
      const { instrument, valueAfter } = priced.get(symbol)!;
      const moves = { [instrument.underlying]: move(own), [instrument.terms.against!]: move(against) };
      return valueAfter(moves[instrument.underlying]!, moves).value / valueAfter(STILL).value;
    };
    near(after("ETH-QUANTO", 0.1, -0.2), 1.1 * 0.8, 1e-12);
    near(after("ETH-OVER-BTC", 0.1, -0.2), 1.1 / 0.8, 1e-12);
    near(priced.get("ETH-OVER-BTC")!.valueAfter(STILL).value, (ETH / SPOT) * 1.01, 1e-12);
    near(priced.get("ETH-QUANTO")!.valueAfter(STILL).value, ETH * SPOT, 1e-6);
    const spread = priced.get("ETH-BTC-SPREAD")!;
    const legs = (btc: number, eth: number) => {
      const { BTC: one, ETH: two } = input.observation.underlyings;
      const forward = (spot: number, carry: string) => spot * growth(Number(carry), years(EXPIRY));
      return forward(SPOT * (1 + btc), one!.carry) - 28 * forward(ETH * (1 + eth), two!.carry);
    };
    const value = spread.valueAfter(move(0.1), { BTC: move(0.1), ETH: move(-0.2) }).value;
    near(value, legs(0.1, -0.2), 1e-6);
  });

  it("are margined like the legs that they stand for", () => {
    const forwardRatio = SPOT * growth(Number(input.observation.underlyings.BTC!.carry), years(EXPIRY));
    const scan = (positions: Record<string, object>, market = built) =>
      Number(formatDecimal(evaluate(read(positions, market).account, policy.policy, market.file.market).scan, 6));
    const eth = row("ETH-27MAR26", "future", "ETH", "0.001", { expiry: EXPIRY });
    const both = buildMarketFile(listing([...LISTED, eth]), policy);
    const spread = scan({ "ETH-BTC-SPREAD": { quantity: "1", paid: true } }, both);
    const legs = scan(
      { "BTC-27MAR26": { quantity: "1", paid: true }, "ETH-27MAR26": { quantity: "-28", paid: true } },
      both,
    );
    near(spread, legs, 1e-6 * forwardRatio);
    expect(spread).to.be.above(0.05 * SPOT);
  });

  it("name what is missing: another underlying, its sizes in the scan; and are traced", () => {
    const spread = LISTED.find(({ symbol }) => symbol === "ETH-BTC-SPREAD")!;
    const lost = listing([{ ...spread, terms: { ...spread.terms, against: "SOL" } }]);
    refused(() => priceInstruments(lost), "policy.scenarios.parameters.underlyings", "UNKNOWN_NAME");
    const { columns, observed } = explainInstrument(input, "ETH-BTC-SPREAD");
    expect(observed.map(({ place }) => place)).to.include.members([
      "observation.underlyings.BTC.spot",
      "observation.underlyings.ETH.spot",
    ]);
    const traced = columns.filter(({ column }) => /mark|profits/.test(column));
    expect(traced).to.have.length(46);
    for (const { perUnit, value } of traced) near(Number(value), perUnit * 0.001, 1.1e-6);
  });

  it("are attacked with the moves of both, and refused where exposures are simulated", () => {
    const set = listing([
      LISTED[1]!,
      LISTED[2]!,
      LISTED[7]!,
      row("ETH-27MAR26", "future", "ETH", "0.001", { expiry: EXPIRY }),
    ]);
    const { sets } = attackMarket(set, { charges: true, seed: 1 });
    const carry = sets[0]!.kinds.find(({ moves }) => moves === "carry")!;
    expect(carry.loss).to.be.at.most(1.5);
    const held = read({ "ETH-BTC-SPREAD": { quantity: "1", paid: true } });
    const atMarket = { account: held.account, policy, market: built.file, input };
    refused(() => bookOf(atMarket), "instruments[ETH-BTC-SPREAD]", "FIELD_INVALID");
  });
});

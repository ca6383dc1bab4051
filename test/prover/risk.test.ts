// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import fc from "fast-check";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readAccount, type StateDocument } from "../../prover/src/formats/account.ts";
import { documentSha256 } from "../../prover/src/formats/json.ts";
import { type InstrumentDocument, type MarketDocument, readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { coverageBpsDown, type Evaluation, evaluate } from "../../prover/src/model/evaluate.ts";
import { black76 } from "../../prover/src/risk/board/black76.ts";
import { buildMarket, priceInstruments, shock } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { Instrument, MarketInput } from "../../prover/src/risk/input.ts";
import { countedProfit, STILL } from "../../prover/src/risk/model.ts";
import { near } from "../support/near.ts";

const sample = sampleFirm();
const { marketInput } = sample;
const policy = readPolicy(JSON.stringify(sample.policy), "policy.json");
const priced = priceInstruments(marketInput).map((each) => each!);
const scenarios = priced[0]!.scenarios;
/** The sample's market with other instruments, observed alike. */
const listing = (instruments: readonly (Instrument | null)[]): MarketInput => ({
  ...marketInput,
  policy: { ...marketInput.policy, instruments },
});
const named = (symbol: string) => priced.find(({ instrument }) => instrument.symbol === symbol)!.instrument;
const rowsOf = (market: MarketDocument) => market.instruments as readonly InstrumentDocument[];
const millionths = (text: string) => Math.round(Number(text) * 1e6);

function evaluated(account: StateDocument, market: MarketDocument, withdrawn = "0"): Evaluation {
  const read = readMarket(JSON.stringify(market), "market.json", policy);
  const { account: held } = readAccount(JSON.stringify(account), "account.json", policy, read);
  const cash = (held.cash - BigInt(withdrawn) * 1_000_000n) as typeof held.cash;
  return evaluate({ ...held, cash }, policy.policy, read.market);
}

describe("Black-76", () => {
  it("gives the published values of textbook examples", () => {
    const atTheMoney = { forward: 20, strike: 20, years: 4 / 12, volatility: 0.25, rate: 0.09 };
    near(black76({ ...atTheMoney, right: "call" }).value, 1.1166, 5e-5);
    near(black76({ ...atTheMoney, right: "put" }).value, 1.1166, 5e-5);
    const call = { forward: 25, strike: 26, years: 0.75, volatility: 0.3, rate: 0.1, right: "call" } as const;
    near(black76(call).value, 2.01, 5e-3);
    const put = { forward: 70, strike: 65, years: 5 / 12, volatility: 0.2, rate: 0.06, right: "put" } as const;
    near(black76(put).value, 1.495, 5e-3);
  });

  it("equals the expected payoff integrated over the lognormal density", () => {
    const input = {
      forward: 97_250,
      strike: 80_000,
      years: 0.34,
      volatility: 0.575,
      rate: 0.04,
      right: "put",
    } as const;
    const deviation = input.volatility * Math.sqrt(input.years);
    const payoff = (z: number) =>
      Math.max(0, input.strike - input.forward * Math.exp(deviation * z - deviation ** 2 / 2)) *
      (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI));
    // Simpson's rule up to the kink, beyond which the payoff is zero.
    const kink = (Math.log(input.strike / input.forward) + deviation ** 2 / 2) / deviation;
    const steps = 2000;
    const width = (kink + 12) / steps;
    let sum = 0;
    for (let i = 0; i <= steps; i++)
      sum += payoff(-12 + i * width) * (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2);
    const expected = (Math.exp(-input.rate * input.years) * sum * width) / 3;
    near(black76(input).value, expected, 1e-6);
  });

  it("is exact where the formula is the normal distribution alone", () => {
    // At the money with deviation 2 a call is worth F · (2Φ(1) − 1), and Φ(1) = 0.841344746068542948585…
    const value = black76({ forward: 1, strike: 1, years: 4, volatility: 1, rate: 0, right: "call" }).value;
    near(value, 2 * 0.8413447460685429 - 1, 2e-16);
  });

  const terms = {
    forward: fc.double({ min: 1, max: 1e6, noNaN: true }),
    moneyness: fc.double({ min: 0.2, max: 5, noNaN: true }),
    years: fc.double({ min: 1e-4, max: 3, noNaN: true }),
    volatility: fc.double({ min: 0.01, max: 3, noNaN: true }),
    rate: fc.double({ min: -0.05, max: 0.2, noNaN: true }),
  };
  const cases = fc.record(terms).map(({ moneyness, ...rest }) => ({ ...rest, strike: rest.forward * moneyness }));

  it("keeps put-call parity, in value and in delta", () => {
    fc.assert(
      fc.property(cases, (input) => {
        const call = black76({ ...input, right: "call" });
        const put = black76({ ...input, right: "put" });
        const factor = Math.exp(-input.rate * input.years);
        const scale = input.forward + input.strike;
        near(call.value - put.value, factor * (input.forward - input.strike), 1e-13 * scale);
        near(call.forwardDelta - put.forwardDelta, factor, 1e-14);
      }),
    );
  });

  it("stays between discounted intrinsic value and forward, rises with volatility, and moves with the forward", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 1.001, max: 2, noNaN: true }), (input, more) => {
        const factor = Math.exp(-input.rate * input.years);
        const slack = 1e-12 * (input.forward + input.strike);
        const call = black76({ ...input, right: "call" });
        expect(call.value).to.be.within(
          factor * Math.max(0, input.forward - input.strike) - slack,
          factor * input.forward + slack,
        );
        expect(black76({ ...input, volatility: input.volatility * more, right: "call" }).value).to.be.at.least(
          call.value - slack,
        );
        const up = { ...input, forward: input.forward * more };
        expect(black76({ ...up, right: "call" }).value).to.be.at.least(call.value - slack);
        expect(black76({ ...up, right: "put" }).value).to.be.at.most(black76({ ...input, right: "put" }).value + slack);
      }),
    );
  });

  it("has the delta that differences of its value have", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom("call" as const, "put" as const), (input, right) => {
        fc.pre(input.volatility * Math.sqrt(input.years) > 0.02);
        const step = input.forward * 1e-5;
        const value = (forward: number) => black76({ ...input, forward, right }).value;
        const slope = (value(input.forward + step) - value(input.forward - step)) / (2 * step);
        near(black76({ ...input, right }).forwardDelta, slope, 1e-4);
      }),
    );
  });

  it("is the discounted intrinsic value without time or volatility", () => {
    const still = { forward: 110, strike: 100, years: 1, volatility: 0, rate: 0 };
    expect(black76({ ...still, right: "call" })).to.deep.equal({ value: 10, forwardDelta: 1, vega: 0 });
    expect(black76({ ...still, right: "put" })).to.deep.equal({ value: 0, forwardDelta: 0, vega: 0 });
    expect(black76({ ...still, years: 0, volatility: 1, right: "call" }).value).to.equal(10);
  });
});

describe("linear contracts", () => {
  const one = (instrument: Partial<Instrument>, quotes: Record<string, string> = {}) => {
    const whole: Instrument = { symbol: "X", model: "spot", underlying: "BTC", lot: "1", terms: {}, ...instrument };
    const input = listing([whole]);
    const observation = { ...input.observation, quotes: { X: quotes } };
    return priceInstruments({ ...input, observation })[0]!.valueAfter;
  };
  const expiry = "2027-11-22T08:00:00Z";

  it("takes the funding that a long has paid off a perpetual's mark, and only off its mark", () => {
    const perpetual = one({ model: "perpetual" }, { basis: "0", fundingPaid: "412.75" });
    expect(perpetual(STILL)).to.include({ value: 97250.5 - 412.75, delta: 97250.5 });
    near(perpetual({ price: 0.1, volatility: 0 }).value - perpetual(STILL).value, 9725.05, 1e-9);
  });

  it("marks a future at its forward, undiscounted, a debt at its index, an asset at its spot", () => {
    near(one({ model: "future", terms: { expiry } })(STILL).value, 97250.5 * Math.exp(0.065), 1e-9);
    expect(one({ model: "borrowed" }, { index: "1.25" })(STILL).value).to.equal(97250.5 * 1.25);
    expect(one({})({ price: -0.5, volatility: 1 }).value).to.equal(97250.5 / 2);
  });

  it("R09: counts a share by its rate or by its market, the lower, and shows both", () => {
    const share = (market: string) =>
      one({ model: "yield-bearing", underlying: "ETH" }, { redemption: "1.05", market })(STILL);
    const byRate = 3460.25 * 1.05;
    expect(share("4000")).to.deep.include({ value: byRate, delta: byRate, vega: 0 });
    near(share("3000").value, 3000, 1e-9);
    expect(share("3000").inputs).to.deep.include({ byRate, byMarket: 3000 });
  });

  it("moves a share by price, by redemption and by discount, each apart", () => {
    const market = String(3460.25 * 1.05 * 0.99);
    const token = one({ model: "yield-bearing", underlying: "ETH" }, { redemption: "1.05", market });
    const value = (move: object) => token({ ...STILL, ...move }).value / 3460.25;
    near(value({}), 1.05 * 0.99, 1e-12);
    near(value({ price: -0.2 }), 0.8 * 1.05 * 0.99, 1e-12);
    near(value({ redemption: -0.1 }), 0.9 * 1.05 * 0.99, 1e-12);
    near(value({ discount: 0.04 }), 1.05 * 0.95, 1e-12);
    near(value({ discount: -0.04 }), 1.05, 1e-12);
    expect(value({ discount: 2 })).to.equal(0);
  });

  it("R02: moves a future by carry over its time, a perpetual by a day of it", () => {
    const future = one({ model: "future", terms: { expiry } });
    near(future({ ...STILL, carry: -0.1 }).value, 97250.5 * Math.exp(0.065 - 0.1), 1e-9);
    near(future({ ...STILL, carry: -0.1, price: -0.5, days: 73 }).value, 48625.25 * Math.exp(-0.035 * 0.8), 1e-9);
    const perpetual = one({ model: "perpetual" }, { basis: "0.001", fundingPaid: "0" });
    near(perpetual({ ...STILL, carry: 0.365 }).value, 97250.5 * 1.002, 1e-9);
    near(perpetual({ ...STILL, days: 10 }).value, 97250.5 * 1.001, 1e-9);
  });

  it("values what is known by sensitivities to second order", () => {
    const quotes = { value: "100", delta: "50", gamma: "-20", vega: "8" };
    const book = one({ model: "sensitivities" }, quotes);
    near(book({ price: -0.1, volatility: 0.5 }).value, 100 - 5 - 0.1 + 4, 1e-12);
    expect(book(STILL).delta).to.equal(50);
  });

  it("O12: refuses what has expired, is not observed, or has terms that its model does not know, and says where", () => {
    const refused = (work: () => unknown, place: string, code: string) =>
      expect(work).to.throw(PlimsollError, place).with.property("code", code);
    const { time } = marketInput.observation;
    refused(() => one({ model: "future", terms: { expiry: time } }), "instruments[X].expiry", "OUT_OF_RANGE");
    refused(() => one({ model: "future" }), "instruments[X].expiry", "UNKNOWN_NAME");
    refused(() => one({ underlying: "DOGE" }), "instruments[X].underlying", "UNKNOWN_NAME");
    refused(() => one({ model: "swap" }), "instruments[X].model", "UNKNOWN_NAME");
    refused(() => one({ model: "__proto__" }), "instruments[X].model", "UNKNOWN_NAME");
    refused(() => one({ terms: { strike: "1" } }), "instruments[X].strike", "FIELD_INVALID");
    refused(() => one({ model: "perpetual" }, { basis: "0" }), "instruments[X].fundingPaid", "UNKNOWN_NAME");
    refused(() => one({ model: "borrowed" }, { index: "0" }), "instruments[X].index", "OUT_OF_RANGE");
    refused(
      () => one({ model: "perpetual" }, { basis: "-0.6", fundingPaid: "0" }),
      "instruments[X].basis",
      "OUT_OF_RANGE",
    );
    const share = (quotes: Record<string, string>) => () => one({ model: "yield-bearing" }, quotes);
    refused(share({ redemption: "1", market: "0" }), "instruments[X].market", "OUT_OF_RANGE");
    refused(share({ redemption: "1" }), "instruments[X].market", "UNKNOWN_NAME");
    refused(() => one({ model: "borrowed" }, { index: "1e3" }), "instruments[X].index", "FIELD_INVALID");
  });
});

describe("buildMarket", () => {
  it("rounds profits down, charges up, marks and deltas to the nearest millionth per lot", () => {
    for (const [index, row] of rowsOf(sample.market).entries()) {
      const { instrument, charges: charge, valueAfter } = priced[index]!;
      const lot = Number(instrument.lot);
      const now = valueAfter(STILL);
      for (const [index, scenario] of scenarios.entries()) {
        const after = valueAfter(scenario.moves[instrument.underlying]!).value;
        const profit = countedProfit(scenario, instrument.underlying, now, after) * lot * 1e6;
        expect(millionths(row.profits[index]!)).to.be.within(profit - 1, profit);
      }
      near(millionths(row.mark), now.value * lot * 1e6, 0.5 + 1e-4);
      near(millionths(row.delta), now.delta * lot * 1e6, 0.5 + 1e-4);
      near(millionths(row.vega), now.vega * lot * 1e6, 0.5 + 1e-4);
      if (instrument.traded === false) continue;
      expect(millionths(row.longCharge)).to.be.within(charge.long * lot * 1e6 - 1e-4, charge.long * lot * 1e6 + 1);
      expect(millionths(row.shortCharge)).to.be.within(
        charge.short * lot * 1e6 + 1 - 1e-4,
        charge.short * lot * 1e6 + 2,
      );
    }
  });

  it("never asks for less margin than the unrounded values would, whatever is held", () => {
    const exact = priced.map(({ instrument, charges: { long, short }, valueAfter }) => {
      const lot = Number(instrument.lot);
      const now = valueAfter(STILL);
      const { underlying } = instrument;
      const profits = scenarios.map(
        (scenario) => countedProfit(scenario, underlying, now, valueAfter(scenario.moves[underlying]!).value) * lot,
      );
      return { profits, long: long * lot, short: short * lot };
    });
    const rounded = rowsOf(sample.market).map((row) => ({
      profits: row.profits.map(Number),
      long: Number(row.longCharge),
      short: Number(row.shortCharge),
    }));
    const margin = (rows: typeof exact, lots: readonly number[]) => {
      const charge = lots.reduce(
        (sum, count, row) => sum + (count > 0 ? rows[row]!.long * count : -rows[row]!.short * count),
        0,
      );
      const profit = (scenario: number) =>
        lots.reduce((sum, count, row) => sum + count * rows[row]!.profits[scenario]!, 0);
      return charge + Math.max(0, ...scenarios.map((_, scenario) => -profit(scenario)));
    };
    const book = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: 43, maxLength: 43 });
    fc.assert(
      fc.property(book, (lots) => {
        expect(margin(rounded, lots)).to.be.at.least(margin(exact, lots) * (1 - 1e-12));
      }),
    );
  });

  it("refuses a lot so large that a board value leaves its range, naming row and column", () => {
    const perpetual = named("BTC-PERP");
    const build = (lot: string) => buildMarket(listing([{ ...perpetual, lot }]));
    // 2^42 millionths are 4,398,046.5 in quote currency: 45 BTC fit, 46 do not.
    expect(Number(rowsOf(build("45"))[0]!.mark)).to.be.above(4e6);
    expect(() => build("46"))
      .to.throw(PlimsollError, "instruments[BTC-PERP].mark")
      .with.property("code", "OUT_OF_RANGE");
  });

  it("leaves a place of the board empty where it is told to", () => {
    const scanned = priced.slice(0, 3).map(({ instrument }) => instrument);
    const market = buildMarket(listing([...scanned, null, named("BTC-PERP")]));
    expect(market.instruments[3]).to.deep.equal({ symbol: null });
    expect(readMarket(JSON.stringify(market), "market.json", policy).instruments[3]).to.equal(undefined);
  });

  it("O11: gives the same document on every machine", () => {
    // Moves when the model or the sample does; a host that computes another last digit moves it too.
    expect(documentSha256(JSON.parse(JSON.stringify(sampleFirm().market)))).to.equal(SAMPLE_MARKET_SHA256);
  });

  it("moves every price that follows an underlying in a shock, and no other", () => {
    const after = shock(marketInput, -0.3);
    expect(after.observation.epoch).to.equal("8");
    expect(after.observation.underlyings.BTC!.spot).to.equal("68075.35");
    const prices = Object.fromEntries(buildMarket(after).prices.map(({ asset, price }) => [asset, price]));
    expect(prices).to.deep.equal({ BTC: "68075.35", ETH: "2422.175", yETH: "2570.05", USDT: "0.9996" });
  });
});

describe("an expired contract", () => {
  it("listed as settled keeps its final value for long and short, and carries no margin", () => {
    const symbol = "BTC-25DEC26";
    const value = "97250.5";
    const settled = priced.map(({ instrument }) =>
      instrument.symbol === symbol ? { ...instrument, model: "settled", terms: { value } } : instrument,
    );
    const market = buildMarket(listing(settled));
    const row = rowsOf(market).find((each) => each.symbol === symbol)!;
    expect(new Set([...row.profits, row.delta, row.longCharge, row.shortCharge])).to.deep.equal(new Set(["0"]));
    expect(Number(row.mark)).to.equal(Number(value) * Number(row.lot));
    // A short that was paid the whole price still owes it: with the row emptied instead it would be rich.
    const short = { ...sample.deposited.atlas, cash: "97250500", collateral: {}, positions: { [symbol]: "-1000" } };
    expect(evaluated(short, market).equity).to.equal(0n);
  });
});

describe("the sample firm", () => {
  const now = evaluated(sample.atlas, sample.market);

  it("covers twice its margin", () => {
    expect(coverageBpsDown(now)).to.equal(SAMPLE_COVERAGE_BPS);
  });

  it("would need many times the margin without netting", () => {
    const alone = Object.entries(sample.atlas.positions).reduce((sum, [symbol, quantity]) => {
      const single = evaluated({ ...sample.atlas, collateral: {}, positions: { [symbol]: quantity } }, sample.market);
      return sum + single.sets[0]!.scan;
    }, 0n);
    const { scan, worstScenario } = now.sets[0]!;
    expect(Number(alone) / Number(scan)).to.be.within(11, 13);
    expect(sample.market.scenarios[worstScenario!]).to.equal(
      "BTC −18%, ETH stands, volatility down, 66.7% counted beyond delta",
    );
  });

  it("is as rich after its opening trade at the marks as before, and so is the house", () => {
    expect(now.equity).to.equal(evaluated(sample.deposited.atlas, sample.market).equity);
    const house = evaluated(sample.house, sample.market);
    expect(house.equity).to.equal(evaluated(sample.deposited.house, sample.market).equity);
    expect(coverageBpsDown(house)! >= policy.levels.initial).to.equal(true);
  });

  it("may make the withdrawal that passes and not the one that breaches initial margin", () => {
    const { passes, breaches } = sample.withdrawals;
    expect(Number(breaches)).to.be.at.most(Number(sample.deposited.atlas.cash) - Number(passes));
    expect(coverageBpsDown(evaluated(sample.atlas, sample.market, passes))! >= policy.levels.initial).to.equal(true);
    expect(coverageBpsDown(evaluated(sample.atlas, sample.market, breaches))! < policy.levels.initial).to.equal(true);
  });

  it("falls below the call level, not below liquidation, when prices fall by 30%, before the withdrawal and after", () => {
    for (const market of [sample.marketAfterFall, buildMarket(shock(marketInput, -0.3))]) {
      for (const withdrawn of ["0", sample.withdrawals.passes]) {
        const coverage = coverageBpsDown(evaluated(sample.atlas, market, withdrawn))!;
        expect(coverage < policy.levels.call).to.equal(true);
        expect(coverage >= policy.levels.liquidation).to.equal(true);
      }
    }
  });

  it("uses every haircut tier rule: within one, across two, and on a concentrated asset across two", () => {
    expect(now.assets.slice(0, 4).map(({ tier }) => tier)).to.deep.equal([1, 0, 1, 1]);
  });
});

const SAMPLE_COVERAGE_BPS = 22_642n;
const SAMPLE_MARKET_SHA256 = "a460b9c1bef5a7d49c907c533e8314ea1bb2125c91dae71919d1149379de7e6f";

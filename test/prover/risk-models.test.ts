// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { InstrumentDocument } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { SCENARIOS } from "../../prover/src/model/sizes.ts";
import { black76, black76Greeks, growth } from "../../prover/src/risk/board/black76.ts";
import { buildMarket, buildMarketFile, MODELS, priceInstruments } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { SCENARIO_MODELS } from "../../prover/src/risk/board/scenarios.ts";
import { Surface } from "../../prover/src/risk/board/surface.ts";
import { type Instrument, type MarketInput, readMarketInput, type SurfaceSlice } from "../../prover/src/risk/input.ts";
import { type ScenarioModel, STILL, type ValuationModel } from "../../prover/src/risk/model.ts";
import { refusal } from "../support/refusal.ts";

const { marketInput } = sampleFirm();
const refused = (work: () => unknown, place: string, code: string) =>
  expect(work).to.throw(PlimsollError, place).with.property("code", code);
const within = (actual: number, expected: number, relative: number) =>
  expect(Math.abs(actual - expected)).to.be.at.most(relative * Math.abs(expected));

describe("Black-76 against others", () => {
  it("agrees with integrals at 40 digits to 1e-9 in value, gamma and vega on 240 cases", () => {
    const { cases } = JSON.parse(readFileSync(new URL("../vectors/black76.json", import.meta.url), "utf8")) as {
      cases: string[][];
    };
    expect(cases.length).to.be.at.least(200);
    for (const [forward, strike, years, volatility, rate, right, value, gamma, vega] of cases as [
      ...[string, string, string, string, string],
      "call" | "put",
      ...[string, string, string],
    ][]) {
      const [f, k, t, s, r] = [forward, strike, years, volatility, rate].map(Number) as [
        number,
        number,
        number,
        number,
        number,
      ];
      const greeks = black76Greeks({ forward: f, strike: k, years: t, volatility: s, rate: r, right });
      within(greeks.value, Number(value), 1e-9);
      within(greeks.gamma, Number(gamma), 1e-9);
      within(greeks.vega, Number(vega), 1e-9);
    }
  });

  it("gives the greeks of published tables", () => {
    // E. Haug, The Complete Guide to Option Pricing Formulas, chapter 2; J. Hull, Options, Futures and Other Derivatives.
    const spotTerms = (
      spot: number,
      strike: number,
      years: number,
      rate: number,
      carry: number,
      volatility: number,
    ) => ({
      terms: { forward: spot * growth(carry, years), strike, years, volatility, rate },
      carry: growth(carry, years),
    });
    const near = (actual: number, printed: number, places: number) =>
      expect(Math.abs(actual - printed)).to.be.at.most(0.51 * 10 ** -places);
    const onFuture = { forward: 105, strike: 100, years: 0.5, volatility: 0.36, rate: 0.1 };
    near(black76({ ...onFuture, right: "call" }).forwardDelta, 0.5946, 4);
    near(black76({ ...onFuture, right: "put" }).forwardDelta, -0.3566, 4);
    const gamma = spotTerms(55, 60, 0.75, 0.1, 0.1, 0.3);
    near(black76Greeks({ ...gamma.terms, right: "call" }).gamma * gamma.carry ** 2, 0.0278, 4);
    near(black76Greeks({ ...gamma.terms, right: "put" }).vega, 18.9358, 4);
    const theta = spotTerms(430, 405, 1 / 12, 0.07, 0.02, 0.2).terms;
    const put = black76Greeks({ ...theta, right: "put" });
    // Ours holds the forward still, the tables the spot.
    near(put.theta - 0.02 * theta.forward * put.forwardDelta, -31.1924, 4);
    const rho = spotTerms(72, 75, 1, 0.09, 0.09, 0.19).terms;
    const long = black76Greeks({ ...rho, right: "call" });
    near(long.rho + rho.years * rho.forward * long.forwardDelta, 38.7325, 4);
    const hull = spotTerms(49, 50, 0.3846, 0.05, 0.05, 0.2);
    const call = black76Greeks({ ...hull.terms, right: "call" });
    near(call.value, 2.4, 1);
    near(call.forwardDelta * hull.carry, 0.522, 3);
    near(call.gamma * hull.carry ** 2, 0.066, 3);
    near(call.vega, 12.1, 1);
    near(call.theta - 0.05 * hull.terms.forward * call.forwardDelta, -4.31, 2);
    near(call.rho + hull.terms.years * hull.terms.forward * call.forwardDelta, 8.91, 2);
  });
});

describe("the volatility surface", () => {
  const time = Date.parse("2026-11-22T08:00:00Z");
  const slice = (expiry: string, strikes: number[], volatilities: number[]): SurfaceSlice => ({
    expiry: `${expiry}T08:00:00Z`,
    strikes: strikes.map(String),
    volatilities: volatilities.map(String),
  });
  const build = (...slices: SurfaceSlice[]) => new Surface(slices, 100, 0.05, time, "surface");
  const years = (expiry: string) => (Date.parse(`${expiry}T08:00:00Z`) - time) / (365 * 86_400_000);

  it("gives a node's volatility to the last digit, and total variance at the money linear in time between expiries", () => {
    const early = "2026-12-22";
    const late = "2027-02-20";
    const surface = build(
      slice(early, [80, 100, 120], [0.61, 0.5, 0.52]),
      slice(late, [80, 100, 120], [0.57, 0.51, 0.5]),
    );
    expect(surface.volatility(100, years(early), 100)).to.equal(0.5);
    const [t1, t2] = [years(early), years(late)];
    const t = (t1 + t2) / 2;
    const at = (when: number, moneyness: number) => {
      const forward = 100 * Math.exp(0.05 * when);
      return surface.volatility(forward * Math.exp(moneyness), when, forward) ** 2 * when;
    };
    within(at(t, 0), (at(t1, 0) + at(t2, 0)) / 2, 1e-9);
    for (const moneyness of [-0.3, -0.1, 0.05, 0.3]) {
      within(at(t, moneyness), (at(t1, moneyness) + at(t2, moneyness)) / 2, 0.15);
    }
    within(surface.volatility(100, t1 / 7, 100), 0.5, 1e-2); // before the first expiry: its volatility
  });

  it("names row and column of a surface that is crossed in strike or in time, or whose expiry has passed", () => {
    // A call at 105 dearer than between its neighbours'.
    refused(
      () => build(slice("2026-12-22", [95, 100, 105, 110], [0.5, 0.5, 0.75, 0.5])),
      "surface[0].volatilities[2]",
      "OUT_OF_RANGE",
    );
    const front = slice("2026-12-22", [90, 100, 110], [0.8, 0.8, 0.8]);
    refused(
      () => build(front, slice("2027-01-01", [90, 100, 110], [0.8, 0.6, 0.8])),
      "surface[1].volatilities[1]",
      "OUT_OF_RANGE",
    );
    refused(() => build(slice("2026-11-22", [100], [0.5])), "surface[0].expiry", "OUT_OF_RANGE");
    refused(() => build(slice("2026-12-22", [100, 100], [0.5, 0.5])), "surface[0].strikes[1]", "FIELD_INVALID");
    refused(() => build(slice("2026-12-22", [100, 110], [0.5])), "surface[0]", "FIELD_INVALID");
    refused(() => build(front, front), "surface[1].expiry", "FIELD_INVALID");
    expect(() => build(slice("2026-12-22", [95, 100, 105, 110], [0.5, 0.5, 0.51, 0.5]))).not.to.throw();
  });

  it("keeps put-call parity across the board, whatever the surface and the move", () => {
    const priced = priceInstruments(marketInput);
    const byName = new Map(priced.map((each) => [each!.instrument.symbol, each!]));
    const calls = [...byName.keys()].filter((symbol) => symbol.endsWith("-C"));
    const move = fc.record({
      price: fc.double({ min: -0.9, max: 2, noNaN: true }),
      volatility: fc.double({ min: -1, max: 2, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...calls), move, (symbol, shift) => {
        const call = byName.get(symbol)!.valueAfter(shift);
        const put = byName.get(symbol.replace(/C$/, "P"))!.valueAfter(shift);
        const { forward, strike, rate, years } = call.inputs as Record<"forward" | "strike" | "rate" | "years", number>;
        const parity = Math.exp(-rate * years) * (forward - strike);
        expect(Math.abs(call.value - put.value - parity)).to.be.at.most(1e-13 * (forward + strike));
      }),
    );
  });

  it("keeps values monotone in strike, time and volatility at interpolated points of the sample's surface", () => {
    const { spot, carry, surface: slices } = marketInput.observation.underlyings.BTC!;
    const surface = new Surface(slices!, Number(spot), Number(carry), time, "surface");
    const value = (strike: number, when: number) => {
      const forward = Number(spot) * growth(Number(carry), when);
      return black76({
        forward,
        strike,
        years: when,
        volatility: surface.volatility(strike, when, forward),
        rate: 0,
        right: "call",
      }).value;
    };
    const strike = fc.double({ min: 60_000, max: 130_000, noNaN: true });
    const when = fc.double({ min: 0.09, max: 0.34, noNaN: true });
    fc.assert(
      fc.property(strike, strike, when, (a, b, t) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(value(low, t)).to.be.at.least(value(high, t) - 1e-6);
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: -0.3, max: 0.3, noNaN: true }), when, when, (moneyness, a, b) => {
        const variance = (t: number) => {
          const forward = Number(spot) * growth(Number(carry), t);
          return surface.volatility(forward * Math.exp(moneyness), t, forward) ** 2 * t;
        };
        expect(variance(Math.max(a, b))).to.be.at.least(variance(Math.min(a, b)) * (1 - 1e-9));
      }),
    );
  });
});

describe("scenarios that were written down", () => {
  const { historical } = SCENARIO_MODELS as Record<"historical", ScenarioModel>;
  const days = (change: (index: number) => Record<string, string>) =>
    Array.from({ length: SCENARIOS }, (_, index) => ({
      label: `day ${index}`,
      counted: "1",
      moves: { BTC: { price: "0.1", volatility: "0", ...change(index) } },
    }));

  it("stand still in every factor that they do not name", () => {
    const [first] = historical.scenarios(["BTC"], { scenarios: days(() => ({ carry: "-0.1" })) });
    const still = { twist: 0, skew: 0, days: 0, discount: 0, redemption: 0 };
    expect(first!.moves.BTC).to.deep.equal({ ...still, price: 0.1, volatility: 0, carry: -0.1 });
  });

  it("P01: are refused by place where they leave no price, are of another unit, too few, or lack an underlying", () => {
    for (const [factor, value] of [
      ["price", "-1"],
      ["price", "1000000"],
      ["carry", "1000000"],
      ["carry", "-1000000"],
      ["skew", "2"],
      ["days", "-1"],
      ["discount", "-1.5"],
    ] as const) {
      const falls = days((index) => (index === 3 ? { [factor]: value } : {}));
      const place = `parameters.scenarios[3].moves.BTC.${factor}`;
      refused(() => historical.scenarios(["BTC"], { scenarios: falls }), place, "FIELD_INVALID");
    }
    const whole = days(() => ({}));
    refused(() => historical.scenarios(["ETH"], { scenarios: whole }), "scenarios[0].moves", "UNKNOWN_NAME");
    refused(() => historical.scenarios(["BTC"], { scenarios: whole.slice(1) }), "scenarios", "FIELD_INVALID");
  });
});

describe("models that plug in", () => {
  const square: ValuationModel = {
    id: "square",
    closing: "option",
    terms: ["scale"],
    quotes: [],
    bind: (terms, { spot }) => {
      const scale = terms.number("scale", "positive");
      return ({ price }) => {
        const value = (spot * (1 + price)) ** 2 / scale;
        return { value, delta: 2 * value, vega: 0, formula: "spot² / scale", inputs: { spot, scale } };
      };
    },
  };
  const calm: ScenarioModel = {
    id: "calm",
    scenarios: (underlyings) =>
      Array.from({ length: SCENARIOS }, (_, index) => ({
        label: `calm ${index}`,
        counted: 1,
        moves: Object.fromEntries(underlyings.map((name) => [name, { price: index / 100, volatility: 0 }])),
      })),
  };
  const models = {
    ...MODELS,
    valuations: { ...MODELS.valuations, square },
    scenarios: { ...MODELS.scenarios, calm },
  };

  it("are found by their id beside the others, a scenario model also for one netting set alone", () => {
    const instrument: Instrument = {
      symbol: "SQ",
      model: "square",
      underlying: "BTC",
      lot: "0.001",
      terms: { scale: "97250.5" },
    };
    const blank = new Array<null>(60).fill(null);
    const { instruments, blocks } = marketInput.policy;
    const input: MarketInput = {
      ...marketInput,
      policy: {
        ...marketInput.policy,
        instruments: [
          ...instruments,
          ...blank.slice(instruments.length),
          instrument,
          { ...instrument, symbol: "S", model: "spot", terms: {} },
        ],
        blocks: [blocks[0]!, { ...blocks[0]!, name: "squares", scenarios: { model: "calm", parameters: {} } }],
      },
    };
    const market = buildMarket(input, models);
    const before = buildMarket(marketInput);
    expect(market.instruments.slice(0, 43)).to.deep.equal(before.instruments);
    const row = market.instruments[60] as InstrumentDocument;
    expect(row.mark).to.equal("97.2505");
    expect(Number(row.profits[15])).to.be.within(97.2505 * 0.3225 - 2e-6, 97.2505 * 0.3225);
    expect(market.scenarios[15]).to.include("calm 15").and.to.include("volatility up");
    refused(() => buildMarket(input), "policy.blocks[1].scenarios.model", "UNKNOWN_NAME");
  });
});

describe("a market input file", () => {
  const text = (change: (input: Record<string, unknown>) => void) => {
    const copy = structuredClone(marketInput) as unknown as Record<string, unknown>;
    change(copy);
    return JSON.stringify(copy);
  };

  const at = (path: string, value: unknown) =>
    text((input) => {
      const parts = path.split(".");
      const parent = parts.slice(0, -1).reduce((node, part) => node[part] as Record<string, unknown>, input);
      if (value === undefined) delete parent[parts.at(-1)!];
      else parent[parts.at(-1)!] = value;
    });

  it("reads back as it was written, and gives the same board", () => {
    const read = readMarketInput(JSON.stringify(marketInput), "input.json");
    expect(read).to.deep.equal(marketInput);
    expect(buildMarket(read)).to.deep.equal(buildMarket(marketInput));
  });

  it("P01: refuses numbers, unknown fields, missing fields and other forms, naming file and field", () => {
    for (const [path, value] of [
      ["observation.rate", 4],
      ["observation.rate", "1000000"],
      ["observation.underlyings.BTC.carry", "1000000"],
      ["observation.underlyings.ETH.carry", "-1000000"],
      ["observation.rate", "1e-2"],
      ["observation.time", "2026-11-22"],
      ["observation.underlyings.BTC.spot", "0"],
      ["observation.underlyings.BTC.spot", "-5"],
      ["observation.extra", "1"],
      ["observation.prices", undefined],
      ["policy.instruments.0.lot", "0x10"],
    ] as const) {
      const named = path.replace(/\.(\d+)\./, "[$1].").replace(".extra", "");
      refused(() => readMarketInput(at(path, value), "input.json"), `input.json, ${named}`, "FIELD_INVALID");
    }
  });

  it("P01: says in words what was expected, and which file was given for another", () => {
    for (const [path, value, words] of [
      ["format", "plimsoll-policy/2", "the file says that it is plimsoll-policy/2"],
      ["policy.blocks", undefined, "policy.blocks: the field is missing"],
      ["observation.epoch", 1, "observation.epoch: expected text in quotes"],
      ["policy.instruments.0.tradd", false, 'a field that is not known here, "tradd"'],
      ["policy.instruments.2.lot", 0.001, "policy.instruments[2].lot: expected a whole number"],
      ["policy.blocks.0.liquidityRateBps", "3.6", "expected whole basis points"],
      ["observation.underlyings.BTC.surface.0.volatilities.1", "52.5", "at most 20; 0.55 is 55%"],
    ] as const) {
      expect(refusal(() => readMarketInput(at(path, value), "input.json")).message).contain(words);
    }
    // What an unknown field is called may be private: only what looks like a word is repeated.
    const { rule } = refusal(() => readMarketInput(at("7731", "1"), "input.json"));
    expect(rule).equal("a field that is not known here");
  });

  it("takes an expiry in the one form of times alone: another would be read by the clock of the machine", () => {
    const index = marketInput.policy.instruments.findIndex((each) => each?.symbol === "BTC-25DEC26");
    for (const expiry of ["25DEC26", "2026-12-25", "12/25/2026", "2026-12-25T08:00:00"]) {
      const instruments = marketInput.policy.instruments.with(index, {
        ...marketInput.policy.instruments[index]!,
        terms: { expiry },
      });
      const input = { ...marketInput, policy: { ...marketInput.policy, instruments } };
      refused(() => buildMarket(input), "instruments[BTC-25DEC26].expiry", "FIELD_INVALID");
    }
  });

  it("has each symbol once", () => {
    const instruments = marketInput.policy.instruments.with(7, marketInput.policy.instruments[4]!);
    const input = { ...marketInput, policy: { ...marketInput.policy, instruments } };
    refused(() => buildMarket(input), "policy.instruments[7]", "FIELD_INVALID");
  });

  it("names row and column where observed volatilities cross", () => {
    const input = readMarketInput(
      text((copy) => {
        const { observation } = copy as unknown as {
          observation: { underlyings: { ETH: { surface: { volatilities: string[] }[] } } };
        };
        observation.underlyings.ETH.surface[1]!.volatilities[2] = "0.3";
      }),
      "input.json",
    );
    refused(() => buildMarket(input), "observation.underlyings.ETH.surface[1].volatilities[", "OUT_OF_RANGE");
  });

  it("says of an option without a surface which is missing", () => {
    const input = readMarketInput(
      text((copy) => {
        delete (copy as unknown as { observation: { underlyings: { ETH: { surface?: unknown } } } }).observation
          .underlyings.ETH.surface;
      }),
      "input.json",
    );
    refused(() => buildMarket(input), "observation.underlyings.ETH.surface", "UNKNOWN_NAME");
  });
});

describe("rows that collateral is scanned in", () => {
  const policy = readPolicy(JSON.stringify(sampleFirm().policy), "policy.json");
  const listing = (symbol: string, change: Partial<Instrument>): MarketInput => ({
    ...marketInput,
    policy: {
      ...marketInput.policy,
      instruments: marketInput.policy.instruments.map((each) =>
        each?.symbol === symbol ? { ...each, ...change } : each,
      ),
    },
  });

  it("P03: neither expire nor are settled, and follow the price of the asset", () => {
    expect(buildMarketFile(marketInput, policy).document.instruments[0]!.symbol).to.equal("BTC-SPOT");
    for (const change of [
      { model: "settled", terms: { value: "97250" } },
      { model: "future", terms: { expiry: "2027-03-26T08:00:00Z" } },
      { underlying: "ETH" },
    ]) {
      const input = listing("BTC-SPOT", change);
      refused(() => buildMarketFile(input, policy), "instruments[BTC-SPOT]", "FIELD_INVALID");
      expect(() => buildMarketFile(input, policy)).to.throw("BTC is scanned in this row");
    }
  });
});

describe("a board of 960 instruments in all", () => {
  it("is priced in 45 scenarios, packed and hashed in under 5 s", async () => {
    const { documentSha256 } = await import("../../prover/src/formats/json.ts");
    const { readMarket } = await import("../../prover/src/formats/market.ts");
    const { publication } = await import("../../prover/src/chain/publication.ts");
    const { assets, ...terms } = sampleFirm().policy;
    const unscanned = assets.map((asset) => ({ ...asset, scanLot: null }));
    const policy = readPolicy(JSON.stringify({ ...terms, assets: unscanned }), "policy.json");
    const [, , , , , , , option] = marketInput.policy.instruments;
    const { time } = marketInput.observation;
    const boards = ["a", "b"].map(
      (board): MarketInput => ({
        ...marketInput,
        policy: {
          ...marketInput.policy,
          board,
          instruments: Array.from({ length: 480 }, (_, index) => ({
            ...option!,
            symbol: `BTC-${index}`,
            terms: {
              expiry: new Date(Date.parse(time) + (1 + (index % 12)) * 7 * 86_400_000)
                .toISOString()
                .replace(".000Z", "Z"),
              strike: String(60_000 + 1_000 * Math.floor(index / 8)),
              right: index % 2 === 0 ? "call" : "put",
            },
          })),
          blocks: Array.from({ length: 8 }, (_, index) => ({
            ...marketInput.policy.blocks[0]!,
            continues: index % 2 === 1,
          })),
        },
      }),
    );
    const started = performance.now();
    for (const input of boards) {
      const document = buildMarket(input);
      documentSha256(document as never);
      const { market } = readMarket(JSON.stringify(document), "market.json", policy);
      publication(market, { board: 1n, epoch: 1n });
    }
    const seconds = (performance.now() - started) / 1000;
    process.stderr.write(`      960 instruments: ${seconds.toFixed(2)} s\n`);
    expect(seconds).to.be.below(5);
    expect(priceInstruments(boards[0]!)[479]!.valueAfter(STILL).value).to.be.above(0);
  });
});

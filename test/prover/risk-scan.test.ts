// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import fc from "fast-check";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readAccount, type StateDocument } from "../../prover/src/formats/account.ts";
import { type InstrumentDocument, readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { evaluate } from "../../prover/src/model/evaluate.ts";
import { SCENARIOS } from "../../prover/src/model/sizes.ts";
import { buildMarket, priceInstruments, shock } from "../../prover/src/risk/board/board.ts";
import { CHARGE_MODELS } from "../../prover/src/risk/board/charges.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { SCENARIO_MODELS } from "../../prover/src/risk/board/scenarios.ts";
import type { Instrument } from "../../prover/src/risk/input.ts";
import { countedProfit, type Move, type Scenario, STILL, type TracedValue } from "../../prover/src/risk/model.ts";
import { near } from "../support/near.ts";

const refused = (work: () => unknown, place: string, code: string) =>
  expect(work).to.throw(PlimsollError, place).with.property("code", code);

const SIZES = {
  up: "0.12",
  down: "0.1",
  apart: "0.4",
  tailUp: "0.8",
  tailDown: "0.8",
  volatilityUp: "0.3",
  volatilityDown: "0.15",
  volatilityApart: "0.5",
  twist: "0.1",
  skew: "0.02",
  carryUp: "0.1",
  carryDown: "0.12",
};
const NAMES = ["BTC", "ETH", "SOL", "XRP", "LTC", "BNB", "ADA", "XLM"];
const parametersOf = (names: readonly string[], more: object = {}) => ({
  periodDays: "1",
  tailCounted: "0.21",
  tailVolatility: "0.5",
  underlyings: Object.fromEntries(names.map((name) => [name, { ...SIZES, ...more }])),
});
const OPTIONED = new Set(["BTC"]);
const scan = (names: readonly string[], parameters: unknown = parametersOf(names), optioned = new Set<string>()) =>
  SCENARIO_MODELS.scan!.scenarios(names, parameters, optioned);

/** What a linear book would lose: dollars by underlying. */
const linearScan = (scenarios: readonly Scenario[], dollars: Readonly<Record<string, number>>) =>
  Math.max(
    0,
    ...scenarios.map((scenario) =>
      Object.entries(dollars).reduce((loss, [name, held]) => {
        const before = { value: 1, delta: 1 } as TracedValue;
        return loss - held * countedProfit(scenario, name, before, 1 + scenario.moves[name]!.price);
      }, 0),
    ),
  );

describe("the scan", () => {
  it("has a column for every scenario, with a move of every underlying, for one to eight of them", () => {
    for (let count = 1; count <= 8; count++) {
      const names = NAMES.slice(0, count);
      const scenarios = scan(names, parametersOf(names), count <= 2 ? OPTIONED : new Set());
      expect(scenarios).to.have.length(SCENARIOS);
      for (const { moves, label } of scenarios) {
        expect(Object.keys(moves)).to.deep.equal(names);
        expect(label).to.have.length.within(1, 200);
        for (const { price } of Object.values(moves)) expect(price).to.be.within(-0.95, 10);
      }
    }
    // A block in which nothing is listed.
    expect(scan([], parametersOf(["BTC"]))).to.have.length(SCENARIOS);
    // Labels tell columns apart; of three and four underlyings, some patterns come twice.
    expect(new Set(scan(["BTC"]).map(({ label }) => label)).size).to.equal(SCENARIOS);
    expect(new Set(scan(["BTC", "ETH"]).map(({ label }) => label)).size).to.equal(SCENARIOS);
  });

  it("asks a linear book of one underlying for its range, whatever the far tail", () => {
    for (const names of [["BTC"], ["BTC", "ETH"], NAMES]) {
      const scenarios = scan(names);
      near(linearScan(scenarios, { BTC: 1 }), 0.1, 1e-12);
      near(linearScan(scenarios, { BTC: -1 }), 0.12, 1e-12);
    }
  });

  it("R01: scans every linear book for at least the root of the sum of its squared break ranges; of two, for 0.7 of it", () => {
    const holding = fc.integer({ min: -1000, max: 1000 });
    for (let count = 2; count <= 8; count++) {
      const names = NAMES.slice(0, count);
      const scenarios = scan(names);
      fc.assert(
        fc.property(fc.array(holding, { minLength: count, maxLength: count }), (held) => {
          const norm = Math.hypot(...held) * 0.4 * 0.1;
          const found = linearScan(scenarios, Object.fromEntries(names.map((name, i) => [name, held[i]!])));
          expect(found).to.be.at.least(norm * (1 - 1e-9) * (count > 2 ? 1 : Math.SQRT1_2));
        }),
      );
    }
    // The book that sixteen columns did not see.
    const four = NAMES.slice(0, 4);
    const blind = { BTC: 1, ETH: -1, SOL: -1, XRP: 1 };
    expect(linearScan(scan(four), blind)).to.be.at.least(4 * 0.4 * 0.1);
  });

  it("a hedge of one underlying with the other costs at least both break ranges, and less than both ranges", () => {
    const found = linearScan(scan(["BTC", "ETH"]), { BTC: 1, ETH: -1 });
    expect(found).to.be.within(0.4 * (0.1 + 0.12) - 1e-12, 0.1 + 0.12 - 0.05);
  });

  it("takes from sensitivities to volatility, twist, skew and carry at least the root of the sum of their squares", () => {
    const factors = ["volatility", "twist", "skew", "carry"] as const;
    const full = { volatility: [0.3, 0.15], twist: [0.1, 0.1], skew: [0.02, 0.02], carry: [0.1, 0.12] } as const;
    const weight = fc.double({ min: -1, max: 1, noNaN: true });
    for (const names of [["BTC"], ["BTC", "ETH"]]) {
      const standing = scan(names, parametersOf(names, { volatilityApart: "1" })).slice(0, names.length * 8);
      for (const { moves } of standing) for (const name of names) expect(moves[name]!.price).to.equal(0);
      const share = (move: Move, factor: (typeof factors)[number]) => {
        const by = move[factor] ?? 0;
        return by / full[factor][by > 0 ? 0 : 1];
      };
      fc.assert(
        fc.property(fc.array(weight, { minLength: 4 * names.length, maxLength: 4 * names.length }), (weights) => {
          const losses = standing.map(({ moves }) =>
            names.reduce(
              (sum, name, i) =>
                sum - factors.reduce((all, factor, f) => all + weights[4 * i + f]! * share(moves[name]!, factor), 0),
              0,
            ),
          );
          expect(Math.max(...losses)).to.be.at.least(Math.hypot(...weights) * (1 - 1e-9));
        }),
      );
    }
  });

  it("R02: no calendar of futures stands outside, alone or against another underlying", () => {
    for (const names of [["BTC"], ["BTC", "ETH"], NAMES.slice(0, 3), NAMES]) {
      const scenarios = scan(names);
      const signs = fc.array(fc.constantFrom(1, -1, 0), { minLength: names.length, maxLength: names.length });
      fc.assert(
        fc.property(signs, (held) => {
          fc.pre(held.some((each) => each !== 0));
          // Dollars of carry: what a book gains where the carry of an underlying rises by 1, price-neutral.
          const loss = Math.max(
            ...scenarios.map(({ moves }) => -names.reduce((sum, name, i) => sum + held[i]! * moves[name]!.carry!, 0)),
          );
          const count = held.filter((each) => each !== 0).length;
          expect(loss).to.be.at.least(0.1 * Math.sqrt(count) * (names.length === 8 ? 1 : 0.99));
        }),
      );
    }
  });

  it("R05: lets the margin period pass wherever a volatility falls, and nowhere a volatility only rises", () => {
    for (const { moves, label } of scan(["BTC", "ETH"])) {
      const volatilities = Object.values(moves).map(({ volatility }) => volatility);
      const days = Object.values(moves).map((move) => move.days);
      if (volatilities.some((each) => each < 0)) expect(days, label).to.deep.equal([1, 1]);
      if (volatilities.every((each) => each > 0)) expect(days, label).to.deep.equal([0, 0]);
    }
  });

  it("R04: counts a part of the far tail beyond delta, which counts as far as the range", () => {
    const tails = scan(["BTC"]).filter(({ deltaMoves }) => deltaMoves !== undefined);
    expect(tails.map(({ deltaMoves, moves }) => [deltaMoves!.BTC, moves.BTC!.price])).to.deep.equal([
      [-0.1, -0.8],
      [0.12, 0.8],
    ]);
    const [fall] = tails;
    // A far put sold: no delta, 0.64 lost at −80%.
    near(countedProfit(fall!, "BTC", { value: 0, delta: 0 }, -0.64), -0.64 * 0.21, 1e-12);
    near(countedProfit(fall!, "BTC", { value: 1, delta: 1 }, 0.2), -0.1, 1e-12);
    // Each of two alone, so that the other's options cannot pay for it.
    const alone = scan(["BTC", "ETH"]).filter(({ moves }) => moves.BTC!.price === -0.8 && moves.ETH!.price === 0);
    expect(alone.map(({ moves }) => moves.ETH!.volatility)).to.deep.equal([0]);
  });

  it("R09: widens discounts and cuts redemption where prices fall, and in columns where they stand", () => {
    const names = ["BTC", "ETH"];
    for (const { moves } of scan(names, parametersOf(names, { discount: "0.05", redemption: "0.02" }))) {
      const { price, discount, redemption } = moves.ETH!;
      if (price < 0) expect([discount, redemption]).to.deep.equal([0.05, -0.02]);
      if (price > 0) expect(discount).to.equal(-0.05);
    }
    const standing = scan(names, parametersOf(names, { discount: "0.05" })).filter(
      ({ moves }) => moves.ETH!.price === 0 && moves.ETH!.discount === 0.05,
    );
    expect(standing.length).to.be.at.least(8);
  });

  it("R09: stable coins fall where prices fall together, never rise, and each falls where the other stands", () => {
    const parameters = { ...parametersOf(["BTC"]), pegged: { USDT: { down: "0.1" }, USDC: { down: "0.05" } } };
    const scenarios = scan(["BTC", "USDT", "USDC"], parameters, OPTIONED);
    expect(scenarios).to.have.length(SCENARIOS);
    for (const { moves } of scenarios) {
      expect([0, -0.1]).to.include(moves.USDT!.price + 0);
      expect([0, -0.05]).to.include(moves.USDC!.price + 0);
      if (moves.BTC!.price < 0) expect(moves.USDT!.price).to.equal(-0.1);
    }
    near(linearScan(scenarios, { USDT: 1, USDC: -2 }), 0.1, 1e-12);
    near(linearScan(scenarios, { USDT: -0.5, USDC: 1 }), 0.05, 1e-12);
  });
});

describe("parameters of the scan", () => {
  const names = ["BTC", "ETH"];
  const at = (path: string, value: unknown) => {
    const copy = structuredClone(parametersOf(names)) as Record<string, unknown>;
    const parts = path.split(".");
    const parent = parts.slice(0, -1).reduce((node, part) => node[part] as Record<string, unknown>, copy);
    if (value === undefined) delete parent[parts.at(-1)!];
    else parent[parts.at(-1)!] = value;
    return copy;
  };

  it("P01: are refused by name where they are missing, unknown, numbers or of another unit", () => {
    for (const [path, value] of [
      ["underlyings.BTC.carryUp", "1000000"],
      ["underlyings.BTC.carryDown", "-1000000"],
      ["underlyings.BTC.discount", "-0.01"],
      ["underlyings.ETH.redemption", "1.5"],
      ["underlyings.ETH.down", "1"],
      ["underlyings.ETH.up", "0"],
      ["underlyings.ETH.apart", "0"],
      ["underlyings.ETH.apart", "1.1"],
      ["underlyings.ETH.volatilityDown", "-0.2"],
      ["underlyings.ETH.twist", "2"],
      ["underlyings.ETH.skew", "20"],
      ["underlyings.ETH.tailDown", "0.99"],
      ["underlyings.ETH.carryUp", 0.1],
      ["underlyings.ETH.carryUp", undefined],
      ["periodDays", "0"],
      ["periodDays", "365"],
      ["tailCounted", "1.01"],
      ["tailVolatility", "1e3"],
      ["pegged", { USDT: { down: "-0.1" } }],
    ] as const) {
      const place = path === "pegged" ? "parameters.pegged.USDT.down" : `parameters.${path}`;
      refused(() => scan(names, at(path, value)), place, "FIELD_INVALID");
    }
    refused(() => scan(names, at("more", "1")), "parameters", "FIELD_INVALID");
    refused(() => scan(["BTC", "DOGE"], parametersOf(names)), "parameters.underlyings", "UNKNOWN_NAME");
    refused(() => scan(["__proto__"], parametersOf(names)), "parameters.underlyings", "UNKNOWN_NAME");
  });

  it("refuses more than eight underlyings, and options among more than two", () => {
    const nine = [...NAMES, "DOGE"];
    refused(() => scan(nine), "parameters.underlyings", "FIELD_INVALID");
    const three = NAMES.slice(0, 3);
    refused(() => scan(three, parametersOf(three), OPTIONED), "at most two underlyings", "FIELD_INVALID");
  });
});

describe("charges", () => {
  const { charges } = CHARGE_MODELS["closing-costs"]!;
  const parameters = sampleFirm().marketInput.policy.charges.parameters;
  const of = (closing: "option" | "linear" | "none", mark: number) => {
    const { long, short } = charges(closing, 1000, mark, parameters);
    return [long, short];
  };

  it("R03: ask at least a tick for an option, so that worthless ones pay for no other book", () => {
    expect(of("option", 0)).to.deep.equal([0.2, 5.2]);
    expect(of("option", 4)).to.deep.equal([0.5, 5.5]);
    expect(of("option", 100)).to.deep.equal([1, 6]);
    expect(of("linear", 1000)).to.deep.equal([0.5, 0.5]);
    expect(of("none", 10)).to.deep.equal([0, 0]);
  });
});

describe("options after a move", () => {
  const { marketInput } = sampleFirm();
  const priced = new Map(priceInstruments(marketInput).map((each) => [each!.instrument.symbol, each!]));
  const after = (symbol: string, move: Partial<Move>) => priced.get(symbol)!.valueAfter({ ...STILL, ...move });
  const volatility = (symbol: string, move: Partial<Move>) => after(symbol, move).inputs.volatility!;
  const same = (actual: number, expected: number) => near(actual, expected, 1e-12 * Math.max(1, Math.abs(expected)));
  const put = "BTC-25DEC26-80000-P";
  const far = "BTC-26MAR27-110000-C";
  const years = (symbol: string) => after(symbol, {}).inputs.years!;

  it("scales the level with the root of 30 days over the time to expiry", () => {
    for (const symbol of [put, far]) {
      const quoted = volatility(symbol, {});
      same(volatility(symbol, { volatility: 0.2 }), quoted * (1 + 0.2 * Math.sqrt(30 / 365 / years(symbol))));
    }
  });

  it("twists near against far: nothing at 30 days, the whole at 90, logarithmic between", () => {
    same(volatility(far, { twist: 0.1 }), volatility(far, {}) * 0.9);
    const tilt = Math.log(30 / 365 / years(put)) / Math.log(3);
    expect(Math.abs(tilt)).to.be.below(0.2);
    same(volatility(put, { twist: 0.1 }), volatility(put, {}) * (1 + 0.1 * tilt));
  });

  it("skews by deviations from the forward, at most two", () => {
    const { strike, carry, spot } = after(put, {}).inputs;
    const quoted = volatility(put, {});
    const z = Math.log(strike! / (spot! * Math.exp(carry! * years(put)))) / (quoted * Math.sqrt(years(put)));
    expect(z).to.be.within(-2, -1);
    same(volatility(put, { skew: 0.02 }), quoted - 0.02 * z);
    // Fixed strike: the price move itself changes no volatility.
    expect(volatility(put, { price: -0.2 })).to.equal(quoted);
  });

  it("holds a volatility at a tenth of itself", () => {
    same(volatility(put, { volatility: -0.9, twist: -1, skew: -0.5 }), 0.1 * volatility(put, {}));
  });

  it("R05: decays with the days that pass, to what it pays at expiry", () => {
    const call = "BTC-25DEC26-100000-C";
    const values = [0, 1, 5, 20, 40].map((days) => after(call, { days }).value);
    for (const [index, value] of values.entries()) if (index > 0) expect(value).to.be.below(values[index - 1]!);
    expect(values.at(-1)).to.equal(0);
    const { value, delta, vega } = after(call, { days: 400, price: 0.5 });
    same(value, 97250.5 * 1.5 - 100_000);
    same(delta, 97250.5 * 1.5);
    expect(vega).to.equal(0);
  });

  it("has the vega that differences of its value have, and linear rows have none", () => {
    const quoted = volatility(put, {});
    const scale = Math.sqrt(30 / 365 / years(put));
    const step = 1e-5;
    const slope = (after(put, { volatility: step }).value - after(put, { volatility: -step }).value) / (2 * step);
    expect(Math.abs(slope / (quoted * scale) / after(put, {}).vega - 1)).to.be.below(1e-6);
    for (const symbol of ["BTC-PERP", "BTC-25DEC26", "BTC-SPOT", "yETH-SPOT"])
      expect(after(symbol, {}).vega).to.equal(0);
  });

  it("a set of one price, two or many on a board: each netting set takes the scan of its own underlyings", () => {
    const { policy, observation } = marketInput;
    const future: Instrument = {
      symbol: "SOL-PERP",
      model: "perpetual",
      underlying: "SOL",
      lot: "1",
      terms: {},
    };
    const blank = new Array<null>(60 - policy.instruments.length).fill(null);
    const parameters = policy.scenarios.parameters as { underlyings: Record<string, object> };
    const input = {
      policy: {
        ...policy,
        scenarios: {
          model: "scan",
          parameters: { ...parameters, underlyings: { ...parameters.underlyings, SOL: SIZES } },
        },
        instruments: [...policy.instruments, ...blank, future],
        blocks: [policy.blocks[0]!, { ...policy.blocks[0]!, name: "SOL" }],
      },
      observation: {
        ...observation,
        underlyings: { ...observation.underlyings, SOL: { spot: "200", carry: "0.05" } },
        quotes: { ...observation.quotes, "SOL-PERP": { basis: "0", fundingPaid: "0" } },
      },
      format: marketInput.format,
    };
    const { scenarios, instruments } = buildMarket(input);
    expect(scenarios).to.have.length(SCENARIOS);
    expect(scenarios[44]).to.include("ETH").and.to.include("SOL");
    const profits = (instruments[60] as unknown as { profits: string[] }).profits.map(Number);
    near(Math.min(...profits), -200 * 0.1, 1e-6);
    // One more underlying in the set of the options is refused.
    const joined = [policy.blocks[0]!, { ...policy.blocks[0]!, name: "SOL", continues: true }];
    refused(
      () => buildMarket({ ...input, policy: { ...input.policy, blocks: joined } }),
      "policy.scenarios.parameters.underlyings",
      "FIELD_INVALID",
    );
  });
});

describe("collateral in the scan of the sample's board", () => {
  const { policy: policyDocument, marketInput, market: document, deposited } = sampleFirm();
  const policy = readPolicy(JSON.stringify(policyDocument), "policy.json");
  const evaluated = (account: Partial<StateDocument>, board = document) => {
    const market = readMarket(JSON.stringify(board), "market.json", policy);
    const whole = { ...deposited.atlas, cash: "0", collateral: {}, ...account };
    return evaluate(readAccount(JSON.stringify(whole), "a.json", policy, market).account, policy.policy, market.market);
  };
  const mark = (symbol: string) => {
    const row = document.instruments.find((each) => each.symbol === symbol) as InstrumentDocument;
    return Number(row.mark) / Number(row.lot);
  };
  const dollars = ({ equity, margin }: { equity: bigint; margin: bigint }) =>
    [Number(equity) / 1e20, Number(margin) / 1e10] as const;

  it("R09: a coin hedged by its own perpetual locks at most a tenth of itself at the initial level", () => {
    for (const [asset, symbol, units] of [
      ["BTC", "BTC-PERP", 20],
      ["ETH", "ETH-PERP", 1000],
      ["yETH", "ETH-PERP", 400],
    ] as const) {
      const short = Math.round(units * (asset === "yETH" ? 1.06 : 1));
      const positions = { [symbol]: String(-short) };
      const cash = (short * mark(symbol)).toFixed(6);
      const [equity, margin] = dollars(evaluated({ collateral: { [asset]: String(units) }, positions, cash }));
      const [value] = dollars(evaluated({ collateral: { [asset]: String(units) } }));
      const locked = 1 - (equity - 1.5 * margin) / value;
      expect(locked, asset).to.be.within(0, 0.1);
    }
  });

  it("R09: a wrong-way book that just covers its margin survives its own scan", () => {
    const [value] = dollars(evaluated({ collateral: { ETH: "600" } }));
    const held = (units: number) => ({
      collateral: { ETH: "600" },
      positions: { "ETH-PERP": units.toFixed(2) },
      cash: (-Number(units.toFixed(2)) * mark("ETH-PERP")).toFixed(6),
    });
    let [low, high] = [0, (20 * value) / mark("ETH-PERP")];
    for (let step = 0; step < 40; step++) {
      const units = (low + high) / 2;
      const [equity, margin] = dollars(evaluated(held(units)));
      if (equity >= margin) low = units;
      else high = units;
    }
    const book = held(low);
    expect(low * mark("ETH-PERP")).to.be.above(2 * value);
    for (const fall of [-0.05, -0.1, -0.15]) {
      const [equity] = dollars(evaluated(book, buildMarket(shock(marketInput, fall))));
      expect(equity, String(fall)).to.be.above(0);
    }
  });

  it("R07: two thousand hedged straddles pay for their vega", () => {
    const positions = { "BTC-25DEC26-100000-C": "-2000", "BTC-25DEC26-100000-P": "-2000" };
    const { vegaCharge, sets } = evaluated({ positions });
    expect(sets[0]!.vega < 0n).to.equal(true);
    expect(Number(vegaCharge) / 1e10).to.be.above(200_000);
  });

  it("R06: an account that is split pays the same scan and charges, and spares its thresholds and tiers alone", () => {
    const parts = 10;
    const share = (units: number) => String(units / parts);
    const book = (of: (units: number) => string) => ({
      positions: { "BTC-PERP": of(-300), "ETH-PERP": of(2000) },
      cash: of(Math.round(300 * mark("BTC-PERP") - 2000 * mark("ETH-PERP"))),
    });
    const split = (from: (of: (units: number) => string) => Partial<StateDocument>) => {
      const [whole, one] = [evaluated(from(String)), evaluated(from(share))];
      return (sum: (each: typeof whole) => bigint) => [sum(whole), BigInt(parts) * sum(one)] as const;
    };
    const of = split(book);
    const scan = of(({ scan }) => scan);
    const charges = of(({ charge }) => charge);
    expect([scan[0] > 0n, charges[0] > 0n]).to.deep.equal([true, true]);
    expect(scan[1]).to.equal(scan[0]);
    expect(charges[1]).to.equal(charges[0]);
    // Each part has a threshold of its own: so much, at its rate, and no more.
    const liquidity = of((each) => each.liquidity);
    const block = document.blocks[0]!;
    const spared = Number(block.liquidityThreshold) * (Number(block.liquidityRateBps) / 1e4) * (parts - 1);
    expect(liquidity[0] > liquidity[1]).to.equal(true);
    expect(Number(liquidity[0] - liquidity[1]) / 1e10).to.be.at.most(spared * (1 + 1e-9));
    // And its collateral counts in the first tier.
    const value = split((of) => ({ collateral: { BTC: of(100) } }))(({ assets }) =>
      assets.reduce((total, each) => total + each.value, 0n),
    );
    expect(value[1] > value[0]).to.equal(true);
    const { tiers } = policyDocument.assets[0]!;
    const haircuts = tiers.map(({ haircutBps }) => Number(haircutBps) / 1e4);
    const counted = Number(value[0]) / Number(value[1]);
    expect(counted).to.be.at.least((1 - haircuts.at(-1)!) / (1 - haircuts[0]!));
  });
});

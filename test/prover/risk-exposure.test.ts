// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import fc from "fast-check";
import { lookAhead } from "../../prover/src/app/outlook.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { renderAhead, renderAheadPage } from "../../prover/src/report/outlook.ts";
import { buildMarket, priceInstruments, shock } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { prepare } from "../../prover/src/risk/calibration/ranges.ts";
import { STILL } from "../../prover/src/risk/model.ts";
import { bookOf, simulateExposure } from "../../prover/src/risk/outlook/exposure.ts";
import { exposureChart } from "../../prover/src/risk/outlook/exposure-chart.ts";
import { QUANTILES } from "../../prover/src/risk/outlook/figures.ts";
import { smallestTrades, topUp } from "../../prover/src/risk/outlook/margin-cure.ts";
import {
  bootstrapProcess,
  jumpDiffusion,
  type MarketProcess,
  Random,
} from "../../prover/src/risk/outlook/processes.ts";
import { score } from "../../prover/src/risk/outlook/score.ts";
import { bookState, outlook, volatilityProbability, warn } from "../../prover/src/risk/outlook/warning.ts";
import { priceHistory } from "../../prover/src/risk/prices.ts";
import type { LevelBps } from "../../prover/src/units.ts";

const sample = sampleFirm();
const policy = readPolicy(JSON.stringify(sample.policy), "policy.json");
const market = readMarket(JSON.stringify(sample.market), "market.json", policy);
const fallen = readMarket(JSON.stringify(sample.marketAfterFall), "market.json", policy);
const input = sample.marketInput;
const holding = (positions: Readonly<Record<string, string>>, cash = sample.atlas.cash) =>
  readAccount(JSON.stringify({ ...sample.atlas, cash, positions }), "account.json", policy, market).account;
const atlas = holding(sample.atlas.positions);
const book = bookOf({ account: atlas, policy, market, input });
const near = (actual: number, expected: number, tolerance: number) =>
  expect(actual).to.be.within(expected - tolerance, expected + tolerance);

const dates = Array.from({ length: 700 }, (_, day) => new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10));
/** Two assets with correlation 0.8, daily volatility 3% and 4%, and a jump down every hundred days. */
const histories = (() => {
  const random = new Random(3);
  const [btc, eth] = [[100], [10]];
  for (let day = 1; day < dates.length; day++) {
    const [a, b] = [random.normal(), random.normal()];
    const jump = day % 100 === 50 ? -5 : 0;
    btc.push(btc.at(-1)! * Math.exp(0.03 * (a + jump)));
    eth.push(eth.at(-1)! * Math.exp(0.04 * (0.8 * a + 0.6 * b + jump)));
  }
  return [priceHistory("BTC", dates, btc), priceHistory("ETH", dates, eth)];
})();
const prepared = histories.map((history) => prepare(history));
const options = { horizonHours: 48, steps: 4, paths: 4000, seed: 7, levels: [1.9, 1.5, 1] };

/** A process that moves everything to one point in its first step. */
const jumpTo = (prices: number[], implied: number): MarketProcess => {
  let first = true;
  return {
    name: "one point",
    underlyings: ["BTC", "ETH"],
    // So large that tables of a single minute reach far enough.
    volatilities: [3, 3],
    draw(_, __, into, vols) {
      for (let asset = 0; asset < 2; asset++) {
        into[asset] = first ? prices[asset]! : 0;
        vols[asset] = first ? implied : 0;
      }
      first = false;
    },
  };
};

describe("exposure", () => {
  it("reads equity and coverage from its tables as full revaluation gives them", () => {
    const point = fc.record({
      btc: fc.double({ min: -0.5, max: 0.4, noNaN: true }),
      eth: fc.double({ min: -0.5, max: 0.4, noNaN: true }),
      implied: fc.double({ min: -0.5, max: 0.7, noNaN: true }),
    });
    const priced = priceInstruments(input);
    const now = bookState(book, priced, () => STILL);
    fc.assert(
      fc.property(point, ({ btc, eth, implied }) => {
        // A minute: so that time takes nothing from the comparison.
        const result = simulateExposure(book, jumpTo([btc, eth], implied), {
          ...options,
          horizonHours: 1 / 60,
          steps: 1,
          paths: 1,
        });
        const state = bookState(book, priced, (underlying) => ({
          price: Math.exp(underlying === "BTC" ? btc : eth) - 1,
          volatility: Math.exp(implied) - 1,
        }));
        const gross = 30e6;
        near(result.steps[0]!.equity[3]!, state.equity - now.equity, 1e-3 * gross);
        near(
          result.steps[0]!.coverage[3]!,
          state.equity / state.margin,
          0.03 * Math.abs(state.equity / state.margin) + 0.01,
        );
      }),
      { numRuns: 4 },
    );
  });

  it("starts from the equity and coverage of the integer model", () => {
    const exact = evaluate(atlas, policy.policy, market.market);
    const { equity, coverage } = simulateExposure(book, bootstrapProcess(prepared), { ...options, paths: 10 });
    near(equity, Number(exact.equity) / 1e20, 2);
    near(coverage, Number(coverageBpsDown(exact)) / 1e4, 2e-4);
  });

  it("gives the same bands for the same seed, others for another, and wider ones farther ahead", () => {
    for (const process of [bootstrapProcess, jumpDiffusion]) {
      const run = (seed: number) => simulateExposure(book, process(prepared), { ...options, steps: 2, seed });
      const result = run(7);
      expect(run(7)).to.deep.equal(result);
      expect(run(8).steps).not.to.deep.equal(result.steps);
      const width = result.steps.map(({ equity }) => equity.at(-1)! - equity[0]!);
      expect(width).to.deep.equal([...width].sort((a, b) => a - b));
      const probabilities = result.levels.map(({ ever }) => ever);
      expect(probabilities).to.deep.equal([...probabilities].sort((a, b) => b - a));
      for (const { ever, atEnd } of result.levels) expect(ever).to.be.at.least(atEnd);
    }
  });

  it("of one long unit is the quantile of the price itself", () => {
    const long = bookOf({ account: holding({ "BTC-PERP": "100" }), policy, market, input });
    const process: MarketProcess = {
      name: "normal",
      underlyings: ["BTC", "ETH"],
      volatilities: [0.03, 0.04],
      draw(random, days, prices, implied) {
        prices[0] = 0.03 * Math.sqrt(days) * random.normal();
        prices[1] = 0;
        implied.fill(0);
      },
    };
    const { steps } = simulateExposure(long, process, { ...options, horizonHours: 24, steps: 1, paths: 40_000 });
    // Collateral holds 22 BTC beside, 21.75 after haircuts.
    const exposed = 97250.5 * 100 * 1.0004 + 97250.5 * 21.75;
    for (const [index, z] of [-2.3263, -1.6449, -0.6745, 0, 0.6745, 1.6449, 2.3263].entries()) {
      near(steps[0]!.equity[index]!, exposed * (Math.exp(0.03 * z) - 1), 0.03 * exposed * 0.06);
      expect(QUANTILES[index]).to.be.within(0, 1);
    }
  });

  it("settles what expires on the way at the price of its step", () => {
    const put = bookOf({ account: holding({ "BTC-25DEC26-80000-P": "-100" }), policy, market, input });
    const days = 34; // one day past expiry
    const result = simulateExposure(put, jumpTo([Math.log(0.7), 0], 0), {
      ...options,
      horizonHours: 24 * days,
      steps: 2,
      paths: 1,
    });
    const value = priceInstruments(input)
      .find((each) => each?.instrument.symbol === "BTC-25DEC26-80000-P")!
      .valueAfter(STILL).value;
    const forward = 97250.5 * 0.7 * Math.exp(0.065 / (365 * 86_400));
    const collateral = 97250.5 * 21.75 * -0.3;
    near(result.steps[1]!.equity[3]!, -100 * (80_000 - forward - value) + collateral, 2_000);
  });

  it("refuses an input that is not the market's, and an underlying without a process", () => {
    const other = { ...input, policy: { ...input.policy, instruments: input.policy.instruments.toReversed() } };
    expect(() => bookOf({ account: atlas, policy, market, input: other }))
      .to.throw(PlimsollError, "instruments[0]")
      .with.property("code", "FIELD_INVALID");
    expect(() => simulateExposure(book, bootstrapProcess(prepared.slice(0, 1)), options))
      .to.throw(PlimsollError, "ETH")
      .with.property("code", "UNKNOWN_NAME");
  });

  it("draws bands as a chart that says what it shows", () => {
    const result = simulateExposure(book, bootstrapProcess(prepared), { ...options, paths: 200 });
    const { text } = exposureChart(result, "coverage", [{ level: 1.5, name: "initial" }]);
    expect(text)
      .to.match(/^<svg class="chart plot"[^>]* role="img"/)
      .and.include("initial 150%");
    expect(text.match(/<path /g)).to.have.length(4);
    expect(text).not.to.include("NaN");
  });
});

describe("jump-diffusion", () => {
  it("has the volatility, correlation and jumps of the history it was fitted to", () => {
    const process = jumpDiffusion(prepared);
    const random = new Random(5);
    const [prices, implied] = [new Float64Array(2), new Float64Array(2)];
    const moves = Array.from({ length: 40_000 }, () => {
      process.draw(random, 1, prices, implied);
      return [prices[0]! / process.volatilities[0]!, prices[1]! / process.volatilities[1]!] as const;
    });
    const mean = (value: (move: readonly [number, number]) => number) =>
      moves.reduce((sum, move) => sum + value(move), 0) / moves.length;
    const [aa, bb, ab] = [mean(([a]) => a * a), mean(([, b]) => b * b), mean(([a, b]) => a * b)];
    expect(aa).to.be.within(0.8, 1.5);
    expect(ab / Math.sqrt(aa * bb)).to.be.within(0.75, 0.95);
    const jumps = moves.filter(([a]) => a < -3).length / moves.length;
    expect(jumps).to.be.within(0.004, 0.02);
    near(
      mean(([a]) => a),
      0,
      0.03,
    );
  });
});

describe("warnings", () => {
  const view = outlook(prepared);

  it("grow with the level and the horizon, by every method, and are certain below the level", () => {
    const at = (level: number, hours: number) => warn(book, view, [level], hours, { paths: 1000 })[0]!.all;
    const [low_, high_, longer_, below] = [at(1.6, 6), at(1.9, 6), at(1.9, 18), at(2.4, 6)];
    for (const method of ["volatility", "analytic", "simulated"] as const) {
      const [low, high, longer] = [low_[method], high_[method], longer_[method]];
      expect(low).to.be.at.most(high);
      expect(high).to.be.at.most(longer + 1e-9);
      expect(below[method]).to.equal(1);
      for (const p of [low, high, longer]) expect(p).to.be.within(0, 1);
    }
  });

  it("of an account that nothing can move are zero", () => {
    const still = bookOf({
      account: holding({}, "1000000"),
      policy,
      market,
      input: { ...input, policy: { ...input.policy } },
    });
    const cash = { ...still, collateral: [], scanned: [] };
    expect(warn(cash, view, [1.5], 24, { paths: 10 })[0]!.all).to.deep.equal({
      volatility: 0,
      analytic: 0,
      simulated: 0,
    });
  });

  it("to first order are those of a barrier looked at so many times", () => {
    near(volatilityProbability({ linear: 1, near: 1, far: 12 }, 1e9), 2 * 0.158655, 1e-4);
    expect(volatilityProbability({ linear: 1, near: 1, far: 12 }, 3)).to.be.below(0.2);
  });

  it("are scored by Brier and by reliability", () => {
    const forecasts = [0.9, 0.9, 0.2, 0.2, 0.2];
    const { brier, skill, reliability } = score("analytic", forecasts, [true, true, false, false, true]);
    near(brier, (0.01 + 0.01 + 0.04 + 0.04 + 0.64) / 5, 1e-12);
    near(skill, 1 - brier / 0.24, 1e-12);
    expect(reliability.map(({ count, observed }) => [count, Number(observed.toFixed(2))])).to.deep.equal([
      [3, 0.33],
      [2, 1],
    ]);
  });
});

describe("the outlook of an account", () => {
  it("says how likely each level is lost, and what would restore those that are", () => {
    const after = shock(input, -0.3, 0.25);
    const ahead = lookAhead({ name: "atlas", account: atlas }, policy, after_(after), after, histories, {
      hours: 6,
      paths: 500,
      seed: 1,
      confirmed: [histories[0]!.dates.at(-1)!],
    });
    const [initial, call, liquidation] = ahead.levels;
    expect(initial!.warning.probability).to.equal(1);
    expect(call!.warning.probability).to.equal(1);
    expect(liquidation!.warning.probability).to.be.within(0.0001, 0.9999);
    expect(Number(call!.topUp)).to.be.above(0);
    expect(call!.trades).not.to.deep.equal([]);
    expect(liquidation).to.deep.include({ topUp: "0", trades: [] });
    expect(renderAhead(ahead)).to.include("call 120.00%").and.include("none needed");
    const page = renderAheadPage(ahead);
    expect(page).to.include("PRIVATE");
    expect(page).not.to.match(/NaN|undefined|<script/);
  });
  const after_ = (moved: typeof input) => readMarket(JSON.stringify(buildMarket(moved)), "market.json", policy);
});

describe("what brings an account back", () => {
  const { call, initial } = policy.levels;
  const after = (trades: ReturnType<typeof smallestTrades>) => evaluate(trades!.after, policy.policy, fallen.market);

  it("a top-up: exactly enough, one millionth less is too little", () => {
    const cash = topUp(atlas, policy, fallen.market, call);
    const with_ = (more: bigint) =>
      evaluate({ ...atlas, cash: (atlas.cash + more) as typeof atlas.cash }, policy.policy, fallen.market);
    expect(isAtLeast(with_(cash), call)).to.equal(true);
    expect(isAtLeast(with_(cash - 1n), call)).to.equal(false);
    expect(topUp(atlas, policy, market.market, call)).to.equal(0n);
  });

  it("the least trades: at the level by the integer model, and far less than closing everything", () => {
    for (const level of [call, initial, 20_000n as LevelBps]) {
      const cure = smallestTrades(atlas, policy, fallen.market, level)!;
      expect(isAtLeast(after(cure), level)).to.equal(true);
      expect(cure.cash).to.equal(0n);
      const whole = atlas.positions.reduce(
        (sum, lots, row) =>
          sum + (Math.abs(Number(lots)) * Math.abs(Number(fallen.market.board.rows[row]?.delta ?? 0n))) / 1e6,
        0,
      );
      expect(cure.traded).to.be.below(whole);
    }
    expect(smallestTrades(atlas, policy, market.market, call)).to.deep.include({ trades: [], cash: 0n, cost: 0 });
  });

  it("are not beaten by any single closing trade that also restores the level", () => {
    const cure = smallestTrades(atlas, policy, fallen.market, call)!;
    for (const [row, held] of atlas.positions.entries()) {
      if (held === 0n) continue;
      for (const share of [10n, 5n, 3n, 2n, 1n]) {
        const lots = -held / share;
        const { mark, delta, longCharge, shortCharge } = fallen.market.board.rows[row]!;
        const cost = (lots > 0n ? longCharge : -shortCharge) * lots;
        const positions = atlas.positions.map((each, other) =>
          other === row ? each + lots : each,
        ) as unknown as typeof atlas.positions;
        const tried = { ...atlas, positions, cash: (atlas.cash - lots * mark - cost) as typeof atlas.cash };
        const size = (Math.abs(Number(lots)) * Math.max(Math.abs(Number(delta)), Math.abs(Number(mark)))) / 1e6;
        if (isAtLeast(evaluate(tried, policy.policy, fallen.market), call))
          expect(size).to.be.at.least(cure.traded * (1 - 1e-3));
      }
    }
  });

  it("cash where cash is cheap, trades where it is dear, and none where no trade can help", () => {
    const cheap = smallestTrades(atlas, policy, fallen.market, initial, { cashPrice: 0.01 })!;
    expect(cheap.trades).to.deep.equal([]);
    // The programme works in floating point: to two cents of a million.
    near(Number(cheap.cash), Number(topUp(atlas, policy, fallen.market, initial)), 20_000);
    expect(smallestTrades(atlas, policy, fallen.market, initial, { cashPrice: 100 })!.trades).not.to.deep.equal([]);
    const broke = { ...atlas, cash: (atlas.cash - 20_000_000_000_000n) as typeof atlas.cash };
    expect(smallestTrades(broke, policy, fallen.market, call)).to.equal(undefined);
  });
});

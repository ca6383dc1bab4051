// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { black76, growth } from "../../prover/src/risk/board/black76.ts";
import { Smile } from "../../prover/src/risk/board/smile.ts";
import { Surface } from "../../prover/src/risk/board/surface.ts";
import { near } from "../support/near.ts";
import { arbitrageOf, randomSurface } from "../support/surfaces.ts";

const within = (actual: number, expected: number, relative: number) =>
  expect(Math.abs(actual - expected)).to.be.at.most(relative * Math.abs(expected));
const otm = (k: number, deviation: number) =>
  black76({ forward: 1, strike: k, years: 1, volatility: deviation, rate: 0, right: k <= 1 ? "put" : "call" }).value;

describe("option prices at every strike of an expiry", () => {
  it("are those of one volatility where the quotes are, also far out and between distant strikes", () => {
    // The last volatility is off by a hair, so that nothing takes the short way of a flat smile.
    const smile = new Smile([0.8, 0.96, 1.16, 1.3], [0.08, 0.08, 0.08, 0.08 + 1e-12]);
    expect(smile.flat).to.equal(false);
    for (const k of [0.3, 0.7, 0.85, 0.97, 1, 1.05, 1.2, 1.4, 3]) {
      within(smile.price(k), otm(k, 0.08), 1e-6);
      within(smile.deviation(k), 0.08, 1e-7);
    }
  });

  it("are the quotes at their strikes, and have no kink there", () => {
    const [k, deviations] = [
      [0.7, 0.9, 1, 1.1, 1.4],
      [0.26, 0.21, 0.2, 0.205, 0.24],
    ];
    const smile = new Smile(k, deviations);
    for (const [node, strike] of k.entries()) {
      expect(smile.deviation(strike)).to.equal(deviations[node]);
      const call = (at: number) => smile.price(at) + (at <= 1 ? 1 - at : 0);
      const slopes = [call(strike) - call(strike - 1e-6), call(strike + 1e-6) - call(strike)].map(
        (each) => each / 1e-6,
      );
      expect(Math.abs(slopes[1]! - slopes[0]!)).to.be.at.most(1e-4);
    }
  });

  it("bend the right way in a wing where the outermost volatility would not", () => {
    // The smile rises so steeply at its end that one volatility beyond would make a butterfly at 1.2 free.
    const [k, deviations] = [
      [0.9, 1, 1.1, 1.2],
      [0.2, 0.2, 0.23, 0.27],
    ];
    const smile = new Smile(k, deviations);
    const before = (otm(1.2, 0.27) - otm(1.1, 0.23)) / 0.1;
    const flat = (otm(1.201, 0.27) - otm(1.2, 0.27)) / 0.001;
    expect(flat).to.be.below(before);
    const butterfly = (at: number, step: number) =>
      smile.price(at - step) - 2 * smile.price(at) + smile.price(at + step);
    for (const at of [1.15, 1.2, 1.25, 1.5, 2]) expect(butterfly(at, 0.01)).to.be.at.least(-1e-14);
    expect(smile.deviation(1.5)).to.be.above(0.27);
  });

  it("do not lose their digits where they are tiny", () => {
    const smile = new Smile([0.5, 0.6, 1], [0.05, 0.05, 0.06]);
    for (const k of [0.45, 0.55, 0.7]) expect(smile.deviation(k)).to.be.within(0.049, 0.06);
  });
});

describe("surfaces from quotes without arbitrage", () => {
  it("have none: no butterfly above 0.1 basis points, no spread, no calendar, at any strike and time", function () {
    this.timeout(20_000);
    let built = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const found = arbitrageOf(randomSurface(seed));
      if (found === undefined) continue;
      built++;
      expect(found.butterfly, `seed ${seed}`).to.be.at.most(1e-9);
      expect(found.calendar, `seed ${seed}`).to.be.at.most(1e-9);
    }
    expect(built).to.be.at.least(7);
  });

  it("take over a wing of the expiry before, where their own would fall below it", () => {
    const time = Date.parse("2026-11-22T08:00:00Z");
    const near = { expiry: "2026-12-22T08:00:00Z", strikes: ["70", "100", "130"], volatilities: ["0.9", "0.5", "0.5"] };
    const far = { expiry: "2027-01-01T08:00:00Z", strikes: ["100"], volatilities: ["0.5"] };
    const surface = new Surface([near, far], 100, 0, time, "surface");
    const years = (Date.parse(far.expiry) - time) / (365 * 86_400_000);
    const variance = surface.volatility(70, years, 100) ** 2 * years;
    within(variance, 0.81 * (30 / 365), 1e-9);
    expect(surface.volatility(100, years, 100)).to.equal(0.5);
  });

  it("grow after the last expiry by the volatility at the money, and stay flat where the quotes are", () => {
    const time = Date.parse("2026-11-22T08:00:00Z");
    const at = (volatilities: string[]) =>
      new Surface(
        [{ expiry: "2026-12-22T08:00:00Z", strikes: ["80", "100", "120"], volatilities }],
        100,
        0.05,
        time,
        "surface",
      );
    const year = 1;
    const forward = 100 * growth(0.05, year);
    near(at(["0.5", "0.5", "0.5"]).volatility(80, year, forward), 0.5, 1e-9);
    const skewed = at(["0.6", "0.5", "0.5"]);
    // The skew of a month is much less of a year's.
    expect(skewed.volatility(0.8 * forward, year, forward)).to.be.within(0.5, 0.53);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** Forecasts of a desk: near those of the outlook, made by their rule, and told before a call comes. */
import { expect } from "chai";
import { outlookOf } from "../../prover/src/app/desk/forecast.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { Inputs } from "../../prover/src/node/files.ts";
import { readHistories } from "../../prover/src/node/histories.ts";
import { priceInstruments } from "../../prover/src/risk/board/board.ts";
import { coverageAhead } from "../../prover/src/risk/outlook/ahead.ts";
import { bookOf, simulateExposure } from "../../prover/src/risk/outlook/exposure.ts";
import { QUANTILES } from "../../prover/src/risk/outlook/figures.ts";
import { analyticProbability, bookState, distanceTo, looksIn } from "../../prover/src/risk/outlook/warning.ts";
import { readDeskConfig } from "../../prover/src/service/desk/config.ts";
import type { Desk } from "../../prover/src/service/desk/desk.ts";
import { DeskFolder } from "../support/desks.ts";
import { refusal } from "../support/refusal.ts";

const HOURS = 24;
const LEVELS = [1.5, 1.2, 1.1, 1];
const CALL = 1;

describe("forecasts of a desk", function () {
  this.timeout(60_000);
  let folder: DeskFolder;
  beforeEach(() => {
    folder = new DeskFolder();
    folder.past();
  });
  afterEach(() => folder.remove());
  const files = () => ["BTC-USD.csv", "ETH-USD.csv"].map((name) => folder.path(name));
  /** The sample account, or with other positions, for judgement. */
  const situation = async (part: object = {}) => {
    const policy = readPolicy(formatJson(folder.firm.policy), "policy.json");
    const market = readMarket(formatJson(folder.firm.market), "market.json", policy);
    const { atlas, marketInput: input } = folder.firm;
    const { account } = readAccount(formatJson({ ...atlas, ...part }), "atlas.json", policy, market);
    const histories = await readHistories(new Inputs(new AbortController().signal), files());
    return { book: bookOf({ account, policy, market, input }), view: outlookOf(histories, { time: market.time }) };
  };

  it("chances are near those of the analytic outlook, over the whole range of them, on a book with options and on a short one", async () => {
    const books = [{}, { positions: { "BTC-PERP": "-120", "ETH-PERP": "-500" } }];
    let [compared, likely] = [0, 0];
    for (const part of books) {
      const { book, view } = await situation(part);
      const { equity, margin } = bookState(book, priceInstruments(book.input), () => ({ price: 0, volatility: 0 }));
      for (const coverage of [2, 1.4, 1.26]) {
        const near = { ...book, cash: book.cash + coverage * margin - equity };
        const { chances } = coverageAhead(near, view, { levels: LEVELS, towards: CALL, hours: HOURS });
        for (const [index, level] of LEVELS.slice(0, 3).entries()) {
          const right = analyticProbability(distanceTo(near, view, level, HOURS), looksIn(HOURS));
          compared += 1;
          if (right > 0.05 && right < 1) likely += 1;
          expect(Math.abs(chances[index]! - right), `${coverage} ${level}: ${chances[index]} and ${right}`).lessThan(
            0.01 + 0.15 * right,
          );
        }
      }
    }
    expect(compared).equal(18);
    expect(likely).greaterThan(4);
  });

  it("the band begins where coverage is, grows with time, and ends near what simulated paths leave behind", async () => {
    const { book, view } = await situation();
    const { band } = coverageAhead(book, view, { levels: LEVELS, towards: CALL, hours: HOURS });
    expect(band[0]!.low).equal(band[0]!.high);
    for (const [index, point] of band.slice(1).entries()) {
      expect(point.low).lessThan(band[index]!.low);
      expect(point.high).at.least(band[index]!.high);
    }
    // With the root of time: after a quarter of it half as wide.
    const fall = (hours: number) => band[0]!.low - band.find((point) => point.hours === hours)!.low;
    expect(fall(HOURS / 4) / fall(HOURS)).within(0.42, 0.58);
    const options = { horizonHours: HOURS, steps: 1, paths: 4_000, seed: 1, levels: [1] };
    const { coverage } = simulateExposure(book, view.process, options).steps[0]!;
    const [low, high] = [coverage[QUANTILES.indexOf(0.05)]!, coverage[QUANTILES.indexOf(0.95)]!];
    const end = band.at(-1)!;
    expect(Math.abs(end.low - low), `${end.low} and ${low}`).lessThan(0.2 * (high - low));
    expect(Math.abs(end.high - high), `${end.high} and ${high}`).lessThan(0.35 * (high - low));
  });

  describe("by their rule", () => {
    let desk: Desk;
    const open = (part = {}) => {
      const forecast = { prices: ["BTC-USD.csv", "ETH-USD.csv"], hours: 24, everySeconds: 900, alertPercent: 20 };
      desk = folder.open({ nearBps: 0, forecast: { ...forecast, ...part } });
    };
    afterEach(async () => {
      await desk.close();
      desk.store.close();
    });
    const all = async () => {
      let made = 0;
      while (await desk.forecastNext()) made += 1;
      return made;
    };
    const keys = () => desk.store.alerts({ open: true }).map(({ key }) => key);

    it("one is made at first, after so many seconds, and when the account has changed", async () => {
      open();
      expect(await all()).equal(0);
      const made: number[] = [];
      for (let epoch = 0; epoch < 7; epoch++) {
        await desk.step();
        made.push(await all());
        folder.epoch();
      }
      expect(made).deep.equal([1, 0, 0, 1, 0, 0, 1]);
      expect(desk.store.latestForecasts()[0]).include({ account: "atlas", epoch: "13", hours: 24 });
      folder.account({ ...folder.firm.atlas, cash: "0" });
      await desk.step();
      expect(await all()).equal(1);
      expect(desk.store.latestForecasts("boreas")).deep.equal([]);
    });

    it("a call that is likely is told before it comes, without amounts, and taken back when it is not", async () => {
      open();
      const poorer = () => {
        folder.account({ ...folder.firm.atlas, cash: (Number(folder.firm.atlas.cash) - 5_050_000).toFixed(6) });
      };
      await desk.step();
      await all();
      await desk.step();
      expect(keys()).deep.equal([]);
      poorer();
      await desk.step();
      await all();
      await desk.step();
      const [told] = desk.store.alerts({ open: true }).filter(({ key }) => key === "call likely atlas");
      expect(told).include({
        severity: "warning",
        text: "atlas may fall below the margin call level within 24 hours: the chance is at least 20%.",
      });
      expect(keys().some((key) => key === "below call atlas")).equal(false);
      folder.account(folder.firm.atlas);
      await desk.step();
      await all();
      await desk.step();
      expect(keys()).deep.equal([]);
    });

    it("histories that are too old are one alert and no forecast, until they are renewed", async () => {
      open();
      folder.skip((9 * 86_400) / 300);
      folder.epoch();
      await desk.step();
      expect(await all()).equal(0);
      await desk.step();
      const [alert] = desk.store.alerts({ open: true });
      expect(alert!.key).equal("forecasts");
      expect(alert!.text).match(/^No forecast can be made: .*the last price, 10 days before/);
      folder.past(9);
      expect(await all()).equal(1);
      await desk.step();
      expect(desk.store.alerts({ open: true })).deep.equal([]);
    });

    it("an account on an underlying without history is an alert that names no holding", async () => {
      open({ prices: ["BTC-USD.csv"] });
      await desk.step();
      expect(await all()).equal(1);
      await desk.step();
      const [alert] = desk.store.alerts({ open: true });
      expect(alert).include({ key: "forecast atlas", text: "No forecast of atlas can be made: UNKNOWN_NAME." });
      expect(desk.store.latestForecasts()).deep.equal([]);
    });

    it("needs what the market follows from, and the configuration says so", () => {
      open();
      const document = folder.config({
        epochs: { from: "files", policy: "policy.json", market: "market.json" },
        forecast: { prices: ["BTC-USD.csv"], hours: 24, everySeconds: 900, alertPercent: 10 },
      });
      const fault = refusal(() => readDeskConfig({ text: formatJson(document), file: folder.path("desk.json") }));
      expect(fault.place.field).equal("epochs.input");
    });
  });
});

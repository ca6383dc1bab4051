// SPDX-License-Identifier: GPL-3.0-or-later
// The books that lose most for a board's margin: what they found against sixteen joint moves, and what they find now.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { attackMarket } from "../../prover/src/app/attack.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { evaluate } from "../../prover/src/model/evaluate.ts";
import { worstOfHalves, worstOfKind } from "../../prover/src/risk/attack/attack.ts";
import { type BookTerms, marginOf, worstBook } from "../../prover/src/risk/attack/book.ts";
import { drawnDays } from "../../prover/src/risk/attack/days.ts";
import { moveKinds, rangesOf } from "../../prover/src/risk/attack/kinds.ts";
import { type NettingSet, nettingSets } from "../../prover/src/risk/attack/sets.ts";
import { lossesIn, STILL_SHOCK, volatilityMove } from "../../prover/src/risk/attack/shock.ts";
import { buildMarketFile } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { ModelChoice } from "../../prover/src/risk/input.ts";
import { Random } from "../../prover/src/risk/outlook/processes.ts";
import { priceHistory } from "../../prover/src/risk/prices.ts";
import { cashE6, positionLots } from "../../prover/src/units.ts";
import { attackBoard, type BoardTerms } from "../support/attack-boards.ts";
import { near } from "../support/near.ts";
import { sixteenMoves } from "../support/sixteen-moves.ts";

const DATE = "2026-11-22";
const CHARGED = { charges: true };

const RANGE = 0.1;

/** The sixteen joint moves of the first edition, every underlying by the same range. */
const sixteen = (underlyings: readonly string[], range = RANGE): ModelChoice =>
  sixteenMoves({
    ranges: Object.fromEntries(underlyings.map((name) => [name, { up: range, down: range }])),
    volatilityUp: 0.4,
    volatilityDown: -0.25,
    apart: 0.5,
  });

/** The scan, with the same ranges and volatility moves. */
const scan = (underlyings: readonly string[], range = RANGE): ModelChoice => ({
  model: "scan",
  parameters: {
    periodDays: "1",
    tailCounted: "0.21",
    tailVolatility: "0.5",
    underlyings: Object.fromEntries(
      underlyings.map((name) => [
        name,
        {
          ...{ up: String(range), down: String(range), apart: "0.5", tailUp: "0.8", tailDown: "0.8" },
          ...{ volatilityUp: "0.4", volatilityDown: "0.25", volatilityApart: "0.5" },
          ...{ twist: "0.1", skew: "0.02", carryUp: "0.1", carryDown: "0.1" },
        },
      ]),
    ),
  },
});

/** A board as the first edition had it, and as it is now. */
type Edition = (underlyings: readonly string[], range?: number) => Pick<BoardTerms, "scenarios" | "optionTick">;
const first: Edition = (underlyings, range) => ({ scenarios: sixteen(underlyings, range), optionTick: "0" });
const now: Edition = (underlyings, range) => ({ scenarios: scan(underlyings, range) });

/** Few, so that tests are quick. */
const OPTIONS = { days: [7, 90], strikes: [0.7, 0.85, 1, 1.15, 1.3] };

function kindOf(set: NettingSet, kind: string) {
  const found = moveKinds(set.priced).find((each) => each.kind === kind)!;
  return worstOfKind(set, found, CHARGED);
}

/** The one netting set of a board. */
const setOf = (terms: BoardTerms): NettingSet => nettingSets(attackBoard(terms))[0]!;

describe("the worst book of a board", () => {
  const coins = ["A", "B"];
  const set = setOf({
    underlyings: coins,
    ...first(coins),
    date: DATE,
    futures: [90],
    options: { ...OPTIONS, volatilities: [0.5, 0.6] },
  });

  it("asks for one margin, and no other book loses more for it", () => {
    const losses = lossesIn(set.priced, {
      label: "",
      shocks: { A: { ...STILL_SHOCK, price: -0.03, skew: 0.02 }, B: { ...STILL_SHOCK, volatility: 0.2 } },
      days: 1,
    });
    const lossOf = (units: readonly number[]) => losses.reduce((sum, loss, i) => sum + loss * units[i]!, 0);
    const { units } = worstBook(set, losses, CHARGED);
    near(marginOf(set, units, CHARGED), 1, 1e-9);
    const worst = lossOf(units);
    expect(worst).to.be.above(0);
    // A little more or less of anything, for its margin, is no better.
    for (const row of set.rows.keys()) {
      for (const step of [1e-4, -1e-4]) {
        const other = units.with(row, units[row]! + step);
        expect(lossOf(other) / marginOf(set, other, CHARGED)).to.be.at.most(worst * (1 + 1e-6));
      }
    }
  });

  it("asks for what the integer model asks, thresholds included", () => {
    const { policy, marketInput } = sampleFirm();
    const { policy: haircuts, ...file } = readPolicy(JSON.stringify(policy), "policy.json");
    const { market } = buildMarketFile(marketInput, { ...file, policy: haircuts }).file;
    const size = 5_000_000;
    const sample = nettingSets(marketInput)[0]!;
    for (const kind of moveKinds(sample.priced).filter(({ kind }) => ["carry", "volatility of all"].includes(kind))) {
      const { book } = worstOfKind(sample, kind, { charges: true, account: size });
      const positions = [...genesis("board-60").positions];
      for (const [i, { instrument }] of sample.priced.entries()) {
        const row = marketInput.policy.instruments.indexOf(instrument);
        positions[row] = positionLots(BigInt(Math.round((book.units[i]! * size) / Number(instrument.lot))));
      }
      // Cash enough to owe nothing.
      const account = { ...genesis("board-60"), positions, cash: cashE6(10n ** 17n) };
      const { margin, liquidity, vegaCharge } = evaluate(account, haircuts, market);
      near(Number(margin) / 1e10, size, 1e-4 * size, kind.kind);
      if (kind.kind === "volatility of all") expect(liquidity + vegaCharge > 0n).to.equal(true);
    }
  });

  it("is empty where nothing can be lost", () => {
    const { units, gross } = worstBook(
      set,
      set.rows.map(() => 0),
      CHARGED,
    );
    expect([gross, ...units.map(Math.abs)]).to.satisfy((each: number[]) => each.every((value) => value === 0));
  });

  it("loses exactly its margin, less what is charged, where one price moves by its range", () => {
    const alone = setOf({ ...first(["A"]), underlyings: ["A"], date: DATE });
    const netCharges = [{ perUnit: [1000], threshold: 10_000, rate: 0.2 }];
    const losses = lossesIn(alone.priced, { label: "", shocks: { A: { ...STILL_SHOCK, price: -RANGE } }, days: 0 });
    const dollars = (terms: BookTerms) => worstBook({ ...alone, netCharges }, losses, terms).units[0]! * 1000;
    near(dollars({ charges: false }), 1 / 0.1, 1e-6);
    near(dollars(CHARGED), 1 / 0.1005, 1e-6);
    // An account of a million reaches the threshold of 10,000 at one dollar in a hundred, one of a thousand never.
    near(dollars({ charges: true, account: 1e6 }), (1 + 0.2 * 0.01) / 0.3005, 1e-6);
    near(dollars({ charges: true, account: 1e3 }), 1 / 0.1005, 1e-6);
    near(kindOf(alone, "prices together").loss, 0.1 / 0.1005, 1e-6);
  });
});

describe("states of the world", () => {
  const [perpetual, future, call, put] = setOf({
    underlyings: ["A"],
    ...first(["A"]),
    date: DATE,
    futures: [365],
    options: { days: [1], strikes: [0.9], volatilities: [0.5] },
  }).priced;
  const lost = (shock: object, days = 0) => [
    ...lossesIn([perpetual!, future!, call!, put!], { label: "", shocks: { A: { ...STILL_SHOCK, ...shock } }, days }),
  ];

  it("move carry and basis apart from the price", () => {
    const [a, b, ...options] = lost({ carry: -0.1 });
    expect([a, b!.toFixed(6)]).to.deep.equal([0, (1000 * (1 - Math.exp(-0.1))).toFixed(6)]);
    expect(options.every((loss) => Math.abs(loss) < 1)).to.equal(true);
    expect(lost({ basis: 0.002 }).map((loss) => Number(loss.toFixed(9)))).to.deep.equal([-2, 0, 0, 0]);
  });

  it("value an option that expires on the way at what it pays", () => {
    const [, , payoff, nothing] = lost({ price: -0.05 }, 2);
    near(call!.valueAfter({ price: 0, volatility: 0 }).value - payoff!, 50, 1e-9);
    expect(put!.valueAfter({ price: 0, volatility: 0 }).value - nothing!).to.equal(0);
  });

  it("move near volatility more, as the power says, and near against far where it twists", () => {
    const moved = (shock: object, days: number) => volatilityMove({ ...STILL_SHOCK, ...shock }, days / 365);
    near(moved({ volatility: 0.1, term: 0.5 }, 120), 0.05, 1e-12);
    near(moved({ volatility: 0.1, term: 0 }, 1), 0.1, 1e-12);
    near(moved({ volatility: 0.1, term: 1 }, 1), 0.25, 1e-12);
    expect([5, 10, 30, 90, 300].map((days) => Number(moved({ twist: 0.1 }, days).toFixed(9)))).to.deep.equal([
      0.1, 0.1, 0, -0.1, -0.1,
    ]);
  });
});

describe("books against the sixteen joint moves of the first edition, and against the scan", () => {
  it("R01: four perpetuals parted in a direction that no move had: a scan of 0, half a range 100 margins; now at most 1.5", () => {
    const coins = ["A", "B", "C", "D"];
    const before = setOf({ ...first(coins), underlyings: coins, date: DATE });
    const { loss, book } = kindOf(before, "prices apart");
    near(loss, (0.5 * RANGE) / 0.0005, 1e-3);
    near(book.gross, 2000, 0.01);
    expect(marginOf(before, book.units, { charges: false })).to.be.below(1e-6);
    const [a, b, c, d] = book.units.map(Math.sign);
    expect([a! * d!, b! * c!, a! * b!]).to.deep.equal([1, 1, -1]);
    for (const count of [2, 3, 4, 8]) {
      const names = ["A", "B", "C", "D", "E", "F", "G", "H"].slice(0, count);
      const set = setOf({ ...now(names), underlyings: names, date: DATE });
      for (const kind of ["prices together", "one price alone", "prices apart"]) {
        // Seven patterns of signs are every one of up to four underlyings. Of eight they are seven in 127, and here all 127 are
        // tried, at half of every range: more than histories show of prices that move together.
        expect(kindOf(set, kind).loss, `${count}, ${kind}`).to.be.within(0.9, count <= 4 ? 1.5 : 2.25);
      }
    }
  });

  it("R02: a perpetual against a future paid charges alone: ten points of carry were over 40 margins; now at most 1.5", () => {
    const terms = { underlyings: ["A"], date: DATE, futures: [30, 90, 180] };
    const before = setOf({ ...first(["A"]), ...terms });
    const { loss, book, state } = kindOf(before, "carry");
    expect(loss).to.be.within(40, 60);
    expect(state).to.match(/^[+−]10 points a year$/);
    expect(marginOf(before, book.units, { charges: false })).to.be.below(1e-6);
    for (const count of [1, 2, 3, 4, 8]) {
      const underlyings = ["A", "B", "C", "D", "E", "F", "G", "H"].slice(0, count);
      const set = setOf({ ...now(underlyings), ...terms, underlyings });
      expect(kindOf(set, "carry").loss, `${count} underlyings`).to.be.at.most(count <= 4 ? 1.5 : 1.6);
    }
  });

  it("R03: options on two underlyings lost over 2 margins in the worst 2.5% of days that they were not chosen on", () => {
    const coins = ["A", "B"];
    const terms = { underlyings: coins, date: DATE, options: { ...OPTIONS, volatilities: [0.5, 0.6] } };
    const judged = (edition: Edition, relative: boolean) => {
      const set = setOf({ ...edition(coins), ...terms });
      const days = drawnDays(rangesOf(set.priced), 300, { shape: true, relative }, { seed: 1 });
      const found = worstOfHalves(set, days, { charges: true, confidence: 0.975, seed: 1, starts: 4 }).judged;
      expect(found.states).to.equal(150);
      return found.shortfall;
    };
    expect(judged(first, false)).to.be.above(2);
    expect(judged(first, true)).to.be.above(2);
    expect(judged(now, false)).to.be.at.most(1.5);
    expect(judged(now, true)).to.be.at.most(2);
  });

  it("R04: a far short strangle of a calm week lost five margins and more in a crash; now at most 1.5", () => {
    const lostBy = (edition: Edition) => {
      const set = setOf({
        ...edition(["A"], 0.05),
        underlyings: ["A"],
        date: DATE,
        options: { days: [7], strikes: [0.84, 1.19], volatilities: [0.3] },
      });
      const sold = set.rows.map(({ symbol }) => (symbol === "A-7D-0.84-P" || symbol === "A-7D-1.19-C" ? -1 : 0));
      const crash = { ...STILL_SHOCK, price: -0.37, volatility: 1 };
      const losses = lossesIn(set.priced, { label: "", shocks: { A: crash }, days: 0 });
      const loss = losses.reduce((sum, each, i) => sum + each * sold[i]!, 0);
      return loss / marginOf(set, sold, CHARGED);
    };
    expect(lostBy(first)).to.be.above(5);
    expect(lostBy(now)).to.be.at.most(1.5);
  });
});

describe("market attack", () => {
  const small = attackBoard({ ...first(["A", "B"]), underlyings: ["A", "B"], date: DATE, futures: [90] });

  it("gives the same books for a seed, other days for another, and says how far it is", () => {
    const steps: number[] = [];
    const attack = attackMarket(small, { charges: true, seed: 1 }, (done) => steps.push(done));
    expect(attackMarket(small, { charges: true, seed: 1 })).to.deep.equal(attack);
    const other = attackMarket(small, { charges: true, seed: 2 });
    expect(other.sets[0]!.kinds).to.deep.equal(attack.sets[0]!.kinds);
    expect(other.sets[0]!.days).to.not.deep.equal(attack.sets[0]!.days);
    expect(steps).to.deep.equal([...steps].sort((a, b) => a - b));
    expect(steps).to.have.length.above(10);
    expect(steps.at(-1)).to.be.below(1);
    expect(attack.sets.map(({ blocks, instruments }) => [blocks, instruments])).to.deep.equal([["block 0", 4]]);
    expect(attack.worst).to.equal(Math.max(...attack.sets[0]!.kinds.map(({ loss }) => loss)));
  });

  it("takes days from histories, which every underlying needs where one has one", () => {
    const random = new Random(4);
    const [a, b] = ["A", "B"].map((symbol) => {
      const dates = Array.from({ length: 300 }, (_, day) =>
        new Date(Date.UTC(2026, 0, day)).toISOString().slice(0, 10),
      );
      let price = 100;
      return priceHistory(
        symbol,
        dates,
        dates.map(() => (price *= Math.exp(0.03 * random.normal()))),
      );
    });
    const { days, histories, sets } = attackMarket(small, { charges: true, seed: 1, histories: [a!, b!] });
    expect([days, histories.map(({ symbol }) => symbol)]).to.deep.equal(["past", ["A", "B"]]);
    // The first 30 returns start the forecast; the others are halved.
    expect(sets[0]!.days.map(({ chosen, judged }) => chosen.states + judged.states)).to.deep.equal([269, 269, 269]);
    expect(() => attackMarket(small, { charges: true, seed: 1, histories: [a!] }))
      .to.throw(PlimsollError, "no price history of B")
      .with.property("code", "UNKNOWN_NAME");
  });

  it("prints the books and their losses, as JSON too, and ends with 1 where one loses more than asked", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-"));
    try {
      const input = path.join(folder, "input.json");
      writeFileSync(input, JSON.stringify(small));
      const run = (...rest: string[]) =>
        promisify(execFile)("node", ["prover/bin/plimsoll.mjs", "market", "attack", "--input", input, ...rest]).then(
          ({ stdout }) => ({ stdout, code: 0 }),
          ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
        );
      const [text, json] = await Promise.all([run(), run("--json", "--most", "0.5")]);
      expect(text!.code).to.equal(0);
      expect(text!.stdout).to.match(/carry +.*points a year +\d+\.\d\d\n/);
      expect(text!.stdout).to.match(/worst: \d+\.\d\d margins\n$/);
      const { worst, sets } = JSON.parse(json!.stdout);
      expect(json!.code).to.equal(1);
      expect(sets[0].kinds[0].book.positions[0]).to.have.keys("instrument", "quantity");
      expect(text!.stdout).to.include(`worst: ${worst.toFixed(2)} margins`);
      expect((await run("--most", "nothing")).code).to.equal(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

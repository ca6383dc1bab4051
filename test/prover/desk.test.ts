// SPDX-License-Identifier: GPL-3.0-or-later
/** What a desk says of accounts: conditions, suppositions, changes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { explainChanges } from "../../prover/src/app/desk/changes.ts";
import { coverageConditions } from "../../prover/src/app/desk/conditions.ts";
import { forecastConditions } from "../../prover/src/app/desk/forecast.ts";
import type { Forecast } from "../../prover/src/app/desk/records.ts";
import { suppose } from "../../prover/src/app/desk/what-if.ts";
import { valueAccount } from "../../prover/src/app/value.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { LEVELS, readPolicy } from "../../prover/src/formats/policy.ts";
import { evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import { buildMarket, shock } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { topUp, withdrawable } from "../../prover/src/risk/outlook/margin-cure.ts";
import { Store } from "../../prover/src/service/desk/store.ts";
import { cashE6 } from "../../prover/src/units.ts";
import { randomAccount, randomMarket, randomPolicy, seededRng } from "../support/random.ts";
import { refusal } from "../support/refusal.ts";

const firm = sampleFirm();
const policy = readPolicy(formatJson(firm.policy), "policy.json");
const market = readMarket(formatJson(firm.market), "market.json", policy);
const read = (document: unknown) => readAccount(formatJson(document), "account.json", policy, market);
const atlas = read(firm.atlas);

describe("conditions of an account", () => {
  const near = { bps: 1000n };
  const at = (cash: bigint) =>
    valueAccount({ ...atlas, account: { ...atlas.account, cash: cashE6(atlas.account.cash + cash) } }, policy, market);

  it("each level that it is below is a condition of its own, and no sentence has an amount", () => {
    const conditions = coverageConditions(at(-7_200_000_000_000n), near);
    expect(conditions.map(({ key }) => key)).deep.equal([
      "below initial atlas",
      "below call atlas",
      "below liquidation atlas",
    ]);
    expect(conditions.map(({ severity }) => severity)).deep.equal(["info", "warning", "critical"]);
    for (const { text } of conditions) expect(text).match(/^atlas is below the [a-z -]+ level of \d+%\.$/);
  });

  it("an account far above every level has none, and one just above the call level is near it", () => {
    expect(coverageConditions(at(0n), near)).deep.equal([]);
    const { account } = atlas;
    const spare = withdrawable(account, policy, market.market, policy.levels.call);
    const keys = coverageConditions(at(-spare), near).map(({ key }) => key);
    expect(keys).deep.equal(["below initial atlas", "near call atlas"]);
    const wider = coverageConditions(at(-spare), { bps: 0n }).map(({ key }) => key);
    expect(wider).deep.equal(["below initial atlas"]);
  });

  it("is told once of a figure that moves about its border: near a level, and likely", () => {
    const { call } = policy.levels;
    const onCall = at(-withdrawable(atlas.account, policy, market.market, call));
    const above = (bps: bigint) =>
      coverageConditions({ ...onCall, coverageBps: `${call + bps}` }, near).filter(
        ({ key }) => key === "near call atlas",
      );
    const forecast = (chance: number): Forecast => ({
      ...{ account: "atlas", hours: 24, band: [], epoch: "7", time: "" },
      levels: LEVELS.map((name) => ({ name, chance })),
    });
    const likely = (chance: number) => forecastConditions(forecast(chance), 10);
    const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-borders-"));
    const store = new Store(path.join(folder, "desk.sqlite"));
    try {
      for (const [name, of, begins, keeps, ends] of [
        ["near", above, 990n, 1_200n, 1_260n],
        ["likely", likely, 0.101, 0.081, 0.079],
      ] as const) {
        const judged = (figure: never) => store.judge(of(figure), new Set(), [], 0).map(({ ended }) => ended === null);
        expect(judged(keeps as never), `${name}: not yet`).deep.equal([]);
        expect(judged(begins as never), `${name}: begins`).deep.equal([true]);
        for (const figure of [keeps, begins, keeps]) expect(judged(figure as never), `${name}: lasts`).deep.equal([]);
        expect(judged(ends as never), `${name}: ends`).deep.equal([false]);
        expect(judged(keeps as never), `${name}: is over`).deep.equal([]);
      }
    } finally {
      store.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the most that can be withdrawn", () => {
  it("leaves exactly the level, to the millionth, with and without debt", () => {
    let [exact, none] = [0, 0];
    for (let seed = 1; seed <= 60; seed++) {
      const rng = seededRng(seed);
      const [some, values, before] = [randomPolicy(rng), randomMarket(rng, "board-60"), randomAccount(rng, "board-60")];
      const file = { ...policy, policy: some };
      const level = policy.levels.call;
      const most = withdrawable(before, file, values, level);
      const holds = (cash: bigint) =>
        isAtLeast(evaluate({ ...before, cash: cashE6(before.cash - cash) }, some, values), level);
      if (most > 0n) {
        expect(holds(most), `seed ${seed}`).equal(true);
        const limit = 1n << 63n;
        if (most < limit - 1n && before.cash - most > -limit) {
          exact++;
          expect(holds(most + 1n), `seed ${seed}`).equal(false);
        }
        expect(topUp(before, file, values, level), `seed ${seed}`).equal(0n);
      } else if (!holds(0n)) none++;
    }
    expect(exact).greaterThan(5);
    expect(none).greaterThan(5);
  });
});

describe("what if", () => {
  const { marketInput: input } = firm;

  it("nothing changes nothing", () => {
    const { before, after } = suppose(atlas, policy, market, {});
    expect(after.equity).equal(before.equity);
    expect(after.margin).equal(before.margin);
  });

  it("a trade at its mark leaves equity as it is; closing everything leaves no margin on positions", () => {
    const trades = [{ instrument: "BTC-PERP", quantity: "12.5" }];
    expect(suppose(atlas, policy, market, { trades }).after.equity).equal(
      suppose(atlas, policy, market, {}).before.equity,
    );
    const closed = suppose(atlas, policy, market, { scale: "0" }).after;
    expect(closed.positions).deep.equal([]);
    expect(closed.equity).equal(suppose(atlas, policy, market, {}).before.equity);
  });

  it("moved prices are those of a market built from the moved observation", () => {
    const { after } = suppose(
      atlas,
      policy,
      market,
      { prices: { BTC: "-0.3", ETH: "-0.3" }, volatility: "0.25" },
      input,
    );
    const moved = readMarket(formatJson(buildMarket(shock(input, -0.3, 0.25))), "market.json", policy);
    const right = valueAccount(read(firm.atlas), policy, moved);
    expect({ equity: after.equity, margin: after.margin }).deep.equal({ equity: right.equity, margin: right.margin });
  });

  it("one underlying moves alone", () => {
    const [one, both] = [shock(input, { BTC: -0.2 }), shock(input, -0.2)];
    expect(one.observation.underlyings.BTC).deep.equal(both.observation.underlyings.BTC);
    expect(one.observation.underlyings.ETH).deep.equal(input.observation.underlyings.ETH);
    expect(one.observation.prices.yETH).equal(input.observation.prices.yETH);
  });

  it("cures bring the account to the level, and what can leave keeps it", () => {
    const supposition = { prices: { BTC: "-0.3", ETH: "-0.35" } };
    const { levels, after } = suppose(atlas, policy, market, supposition, input);
    expect(after.levels[0]!.atLeast).equal(false);
    for (const { name, topUp: cash, withdrawable: out } of levels) {
      const held = after.levels.find((each) => each.name === name)!.atLeast;
      expect(out === "0", name).equal(!held);
      expect(cash === "0", name).equal(held);
      const again = suppose(atlas, policy, market, { ...supposition, cash: held ? `-${out}` : cash }, input);
      expect(again.after.levels.find((each) => each.name === name)!.atLeast, name).equal(true);
    }
  });

  it("names the entry that is wrong, and not its value", () => {
    const wrong = (supposition: Parameters<typeof suppose>[3]) =>
      refusal(() => suppose(atlas, policy, market, supposition, input));
    expect(wrong({ trades: [{ instrument: "XRP-PERP", quantity: "1" }] })).include({ code: "UNKNOWN_NAME" });
    expect(wrong({ trades: [{ instrument: "BTC-PERP", quantity: "0.0000001" }] }).place.field).equal(
      "trades[0].quantity",
    );
    expect(wrong({ prices: { BTC: "-1" } })).include({ code: "OUT_OF_RANGE" });
    expect(wrong({ prices: { XRP: "0.1" } }).place.field).equal("prices.XRP");
    expect(wrong({ scale: "-1" }).place.field).equal("scale");
    expect(wrong({ cash: "1e9" }).place.field).equal("cash");
    expect(refusal(() => suppose(atlas, policy, market, { prices: { BTC: "0.1" } }))).include({
      code: "FIELD_INVALID",
    });
  });
});

describe("why an account changed", () => {
  const texts = (account: unknown, board = firm.market, terms: unknown = firm.policy) => ({
    policy: { text: formatJson(terms), file: "policy.json" },
    market: { text: formatJson(board), file: "market.json" },
    account: { text: formatJson(account), file: "account.json" },
  });

  it("the causes add up to the whole, and each is nothing where it did not change", () => {
    const richer = { ...firm.atlas, collateral: { ...firm.atlas.collateral, USDT: "1300000" } };
    const levels = { ...firm.policy.levels, call: "12500" };
    const [before, after] = [texts(firm.atlas), texts(richer, firm.marketAfterFall, { ...firm.policy, levels })];
    const changes = explainChanges(before, after);
    expect(changes.map(({ causes }) => causes)).deep.equal([["market"], ["policy"], ["account"]]);
    expect(Number(changes[0]!.equity)).lessThan(0);
    expect(changes[1]).include({ equity: "0", margin: "0" });
    expect(Number(changes[2]!.equity)).greaterThan(0);
    const same = explainChanges(before, before);
    expect(same.every(({ equity, margin }) => equity === "0" && margin === "0")).equal(true);
    expect(LEVELS.length).equal(4);
  });

  it("causes that cannot be told apart are one step", () => {
    const renamed = JSON.parse(formatJson(firm.policy).replaceAll('"USDT"', '"USDX"'));
    const board = JSON.parse(formatJson(firm.market).replaceAll('"USDT"', '"USDX"'));
    const account = JSON.parse(formatJson(firm.atlas).replaceAll('"USDT"', '"USDX"'));
    const changes = explainChanges(texts(firm.atlas), texts(account, board, renamed));
    expect(changes.map(({ causes }) => causes)).deep.equal([["market", "policy", "account"]]);
    expect(changes[0]).include({ equity: "0", margin: "0" });
  });
});

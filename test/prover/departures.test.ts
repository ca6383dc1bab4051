// SPDX-License-Identifier: GPL-3.0-or-later
/** Accounts that depart from their records: nothing is proven while something is unsettled, and nothing forgets an exception. */
import { expect } from "chai";
import { accountWarnings } from "../../prover/src/app/account-warnings.ts";
import { type DiscloseMachine, proveDisclosure } from "../../prover/src/app/disclose.ts";
import { provePortfolio } from "../../prover/src/app/portfolio.ts";
import { proveAccounts, proveCoverage } from "../../prover/src/app/prove.ts";
import { accountReport } from "../../prover/src/app/report.ts";
import { valueAccount } from "../../prover/src/app/value.ts";
import { namedFigure } from "../../prover/src/document/disclosure.ts";
import { readAccount, stateDocument } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { randomViewingKey } from "../../prover/src/model/account.ts";
import type { Prover } from "../../prover/src/prove/prover.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";

const firm = sampleFirm();
const policy = readPolicy(formatJson(firm.policy), "policy.json");
const market = readMarket(formatJson(firm.market), "market.json", policy);
const read = (change: object) =>
  readAccount(formatJson({ ...firm.atlasBooks, ...change }), "account.json", policy, market);
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "made",
    (error) => `${error.code}: ${error.message}`,
  );
/** Fails whatever is asked of it: no refusal here may come after proving has begun. */
const never = new Proxy({} as Prover, {
  get: () => () => {
    throw new Error("asked to prove");
  },
});
const claim = { level: policy.levels.call, direction: "at-least", audience: "a reader", policy, market } as const;

describe("accounts that depart from their records", () => {
  const unsettled = { unsettled: ["left out: binance DOGE"] };
  const exceptions = ["left out: okx USDT debt"];

  it("U07: nothing is proven, added up or disclosed while something is unsettled, and the name is said", async () => {
    const holder = { ...read(unsettled), viewingKey: randomViewingKey() };
    const settled = { ...read({}), viewingKey: randomViewingKey() };
    const rule = /^UNSETTLED: .*left out: binance DOGE/;
    expect(await refusal(proveCoverage(never, holder, claim))).to.match(rule);
    expect(await refusal(proveAccounts(never, [settled, holder], claim))).to.match(rule);
    const parts = [settled, holder].map(({ account, viewingKey }, index) => ({
      ...account,
      viewingKey,
      ...(index === 1 ? unsettled : {}),
    }));
    expect(await refusal(provePortfolio(never, parts, "a reader"))).to.match(rule);
    const figure = namedFigure("equity", policy, market);
    const to = {} as never;
    const order = { account: parts[1]!, figure, question: "exact", audience: "a reader", policy, market, to } as const;
    const machine = { prover: never } as unknown as DiscloseMachine;
    expect(await refusal(proveDisclosure(machine, { ...order, ...unsettled }))).to.match(rule);
    // A figure cannot carry the names, so it is not given.
    expect(await refusal(proveDisclosure(machine, { ...order, exceptions }))).to.match(/^UNSETTLED: .*cannot say so/);
  });

  it("both are warned of, and stand in the state that later markets read", () => {
    const holder = read({ ...unsettled, exceptions });
    expect(accountWarnings(holder, policy, market).slice(0, 2)).to.deep.equal([
      "nothing is proven of this account before this is settled: left out: binance DOGE",
      "an exception that every proof of this account names: left out: okx USDT debt",
    ]);
    const state = formatJson(stateDocument(holder, policy, market));
    const again = readAccount(state, "state.json", policy, market);
    expect(again).to.deep.include({ ...unsettled, exceptions });
    expect(again.account).to.deep.equal(holder.account);
  });

  it("both stand on the treasurer's page and in the figures as JSON", () => {
    const holder = read({ ...unsettled, exceptions });
    const page = accountReport({ holder, policy, market });
    expect(page).to.match(/Unsettled: [^<]*<.*?left out: binance DOGE/s);
    expect(page).to.match(/Exceptions, which every proof names:.*?left out: okx USDT debt/s);
    expect(accountReport({ holder: read({}), policy, market })).to.not.include("departs from its records");
    expect(valueAccount(holder, policy, market)).to.deep.include({ ...unsettled, exceptions });
    expect(valueAccount(read({}), policy, market)).to.not.have.any.keys("exceptions", "unsettled");
  });

  it("refuses names that are none, none at all, and the same twice", () => {
    for (const names of [[], ["a", "a"], ['"'], "all", [1]]) {
      expect(() => read({ exceptions: names }), JSON.stringify(names)).to.throw("exceptions");
    }
  });
});

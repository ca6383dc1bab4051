// SPDX-License-Identifier: GPL-3.0-or-later
/** What the command line does with accounts: columns that add up, every account of the tables, the treasurer's page. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import type { Valuation } from "../../prover/src/app/value.ts";
import { newViewingKey, readAccount } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { evaluate } from "../../prover/src/model/evaluate.ts";
import { amount, summedTable } from "../../prover/src/report/text.ts";
import { runPlimsoll } from "../support/plimsoll.ts";

const MARKET = ["--policy", "policy.json", "--market", "market.json"];
const ACCOUNT = [...MARKET, "--account", "account.json"];
const AUDIENCE = ["--audience", "Example Bank, reference 17"];

const work = mkdtempSync(path.join(os.tmpdir(), "plimsoll-accounts-"));
const firm = path.join(work, "firm");
const at = (name: string) => path.join(firm, name);
const read = (name: string) => readFileSync(at(name), "utf8");
const plimsoll = (...args: string[]) => runPlimsoll(firm, args);

/** Amounts of the last two cells of each line below the rule, in hundredths, with the label of the line. */
const cents = (text: string) => BigInt(text.replace(/[,.]/g, ""));
function column(out: string, header: string, right: number): { label: string; value: bigint }[] {
  const section = out.split("\n\n").find((each) => each.includes(header))!;
  return section
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const cells = line.split(/ {2,}/);
      const cell = cells.at(-1 - right);
      return cell !== undefined && /^-?[\d,]+\.\d\d$/.test(cell) ? [{ label: cells[0]!, value: cents(cell) }] : [];
    });
}

function addsUp(rows: { label: string; value: bigint }[]): void {
  expect(rows.length).to.be.above(2);
  const parts = rows.slice(0, -1).reduce((sum, { value }) => sum + value, 0n);
  expect(parts).to.equal(rows.at(-1)!.value);
}

describe("plimsoll's accounts", () => {
  before(async () => {
    expect((await runPlimsoll(work, ["init", firm])).code).to.equal(0);
    // Boreas holds cash and no position; Corvus is short of its margin.
    const portfolio = `${read("portfolio.csv")}boreas,USDC,5000.333333\ncorvus,USDC,50000\n`;
    writeFileSync(at("all.csv"), portfolio);
    const row = (account: string, quantity: string) => `${account},BTC-25DEC26,${quantity},97823.696,,,\n`;
    writeFileSync(at("all-positions.csv"), `${read("positions.csv")}${row("corvus", "10")}`);
    mkdirSync(at("keys"));
    for (const name of ["atlas", "boreas", "corvus"])
      writeFileSync(at(`keys/${name}.key`), newViewingKey(), { mode: 0o600 });
  });
  after(() => rmSync(work, { recursive: true, force: true }));
  const ALL = [...MARKET, "--portfolio", "all.csv", "--positions", "all-positions.csv", "--no-positions"];

  it("value: shows every position and the way from the balance to the cash; each column adds up as shown", async () => {
    const { code, out, err } = await plimsoll("value", ...ACCOUNT);
    expect({ code, err }).to.deep.equal({ code: 0, err: "" });
    const { positions } = JSON.parse(read("account.json"));
    for (const symbol of Object.keys(positions)) expect(out.split(`${symbol} `).length, symbol).to.equal(3);
    for (const [header, right] of [
      ["cash  ", 0],
      ["collateral  ", 0],
      ["collateral  ", 1],
      ["value, USDC", 0],
      ["netting set", 0],
    ] as const) {
      if (header !== "netting set" && header !== "value, USDC") addsUp(column(out, header, right));
    }
    // The last column of positions is the profit, which options do not have: the value is then the last cell.
    const section = out.split("\n\n").find((each) => each.startsWith("position "))!;
    const values = section
      .split("\n")
      .slice(2)
      .map((line) => {
        const [label, ...cells] = line.split(/ {2,}/);
        return {
          label: label!,
          value: cents(cells[["positions at their marks", "rounding"].includes(label!) ? 0 : 2]!),
        };
      });
    expect(values).to.have.length(19);
    addsUp(values);
    const [equity, margin] = [column(out, "collateral after haircuts", 0), column(out, "charges on positions", 0)];
    addsUp(equity);
    addsUp(margin);
    expect(equity.at(-1)).to.deep.equal({ label: "equity", value: 1_167_996_842n });
    expect(margin.at(-1)).to.deep.equal({ label: "maintenance margin", value: 515_839_658n });
  });

  it("tables of amounts round each part and the sum down, once, and show what lies between", () => {
    const rows = [
      ["a", { amount: "0.019" }, { amount: "1" }],
      ["b", { amount: "0.019" }, { amount: null }],
      ["c", { amount: "-0.001" }, { amount: "2.5" }],
    ];
    const lines = summedTable(["part", "x", "y"], rows, "sum")
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(lines.slice(2)).to.deep.equal([
      ["a", "0.01", "1.00"],
      ["b", "0.01"],
      ["c", "-0.01", "2.50"],
      ["rounding", "0.02"],
      ["sum", "0.03", "3.50"],
    ]);
    expect(summedTable(["part", "x"], [["a", { amount: "2" }]], "sum")).to.not.include("rounding");
    expect(amount(`${"9".repeat(60)}.999`)).to.match(/^999,[\d,]+\.99$/);
  });

  it("U02: value shows the remainder that rounding to a millionth took, as JSON and as a line", async () => {
    const account = JSON.parse(read("account.json"));
    writeFileSync(at("fine.json"), JSON.stringify({ ...account, balance: "-1153616.00000022" }));
    const json = await plimsoll("value", ...MARKET, "--account", "fine.json", "--json");
    const { conversion, cash } = JSON.parse(json.out) as Valuation;
    expect(conversion!.remainder).to.equal("0.00000078");
    expect(conversion!.cash).to.equal(cash);
    const { out } = await plimsoll("value", ...MARKET, "--account", "fine.json");
    expect(out).to.include(`rounded down by ${conversion!.remainder}`);
    rmSync(at("fine.json"));
  });

  it("value --all, or without --name: one summary of every account, equal to each account alone", async () => {
    const { code, out } = await plimsoll("value", ...ALL, "--json");
    expect(code).to.equal(0);
    const { accounts } = JSON.parse(out) as { accounts: Valuation[] };
    expect(accounts.map(({ account }) => account)).to.deep.equal(["atlas", "boreas", "corvus"]);
    for (const each of accounts) {
      const alone = await plimsoll("value", ...ALL, "--name", each.account, "--json");
      expect(JSON.parse(alone.out)).to.deep.equal(each);
    }
    const text = await plimsoll("value", ...ALL, "--all");
    expect(text.out)
      .to.include("3 accounts, epoch 7, ")
      .and.include('board: "meridian-main"')
      .and.include("no margin")
      .and.include("below all");
    const refused = await plimsoll("value", ...ALL.slice(0, -1), "--all");
    expect(refused).to.include({ code: 2, out: "" });
    expect(refused.err).to.include('no row of all-positions.csv is of "boreas"');
    expect((await plimsoll("value", ...ALL, "--sequence", "3")).err).to.include("give --sequence with --name");
    expect((await plimsoll("commit", ...ALL, "--key", "viewing.key")).err).to.include("say which with --name");
  });

  it("prove over all accounts: a directory of proofs and one private summary; those that are short fail none of the others", async () => {
    const order = ["prove", ...ALL, "--keys", "keys", ...AUDIENCE, "--at-least", "initial", "--out", "proven"];
    const { code, out, err } = await plimsoll(...order);
    expect(code, err).to.equal(1);
    expect(out).to.include("at least the initial level of 150%").and.include("not true");
    expect(err).to.include("3 of 3: corvus");
    expect(readdirSync(at("proven/proofs")).sort()).to.deep.equal(["atlas.json", "boreas.json"]);
    expect(statSync(at("proven/summary.json")).mode & 0o777).to.equal(0o600);
    const { accounts } = JSON.parse(read("proven/summary.json"));
    expect(
      accounts.map(({ account, proven }: { account: string; proven: boolean }) => [account, proven]),
    ).to.deep.equal([
      ["atlas", true],
      ["boreas", true],
      ["corvus", false],
    ]);
    for (const { commitment, file } of accounts.slice(0, 2)) {
      const verdict = await plimsoll(
        "verify",
        `proven/${file}`,
        ...MARKET,
        "--state-before",
        commitment,
        "--at-least",
        "150%",
      );
      expect(verdict.code, verdict.out).to.equal(0);
    }
    const again = await plimsoll(...order);
    expect(again).to.include({ code: 2, out: "" });
    expect(again.err).to.include("exists already");

    rmSync(at("keys/corvus.key"));
    const missing = await plimsoll(...order.with(-1, "other"));
    expect(missing).to.include({ code: 2, out: "" });
    expect(missing.err).to.include("corvus.key").and.not.include("prove (");
    const alone = await plimsoll(
      "prove",
      ...ALL,
      "--name",
      "atlas",
      "--keys",
      "keys",
      ...AUDIENCE,
      "--at-least",
      "1.5",
    );
    expect(alone.code, alone.err).to.equal(0);
    expect(JSON.parse(alone.out).format).to.equal("plimsoll-proof/2");
    for (const options of [
      ["--key", "viewing.key"],
      ["--keys", "keys"],
    ]) {
      const refused = await plimsoll("prove", ...ALL, ...options, ...AUDIENCE, "--at-least", "150%");
      expect(refused).to.include({ code: 2, out: "" });
    }
  });

  it("U02: commit --state writes the state, which later markets read, and a profit of another time is refused there", async () => {
    writeFileSync(at("later.json"), read("market.json").replace("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"));
    const later = ["--policy", "policy.json", "--market", "later.json"];
    const committed = await plimsoll("commit", ...ACCOUNT, "--key", "viewing.key", "--state", "state.json");
    expect(committed.code, committed.err).to.equal(0);
    expect(statSync(at("state.json")).mode & 0o777).to.equal(0o600);
    const refused = await plimsoll("commit", ...later, "--account", "account.json", "--key", "viewing.key");
    expect(refused).to.include({ code: 2, out: "" });
    expect(refused.err).to.include("the market is of 2026-11-22T09:00:00Z").and.include("plimsoll commit --state");
    const again = await plimsoll("commit", ...later, "--account", "state.json", "--key", "viewing.key");
    expect(again).to.deep.equal(committed);
    const state = read("state.json");
    expect((await plimsoll("commit", ...ACCOUNT, "--key", "viewing.key", "--state", "state.json")).code).to.equal(2);
    expect(read("state.json")).to.equal(state);
    const taken = ["--new-key", "viewing.key", "--state", "other.json"];
    expect((await plimsoll("commit", ...ACCOUNT, ...taken)).err).to.include("exists already");
    expect(readdirSync(firm)).to.not.include("other.json");
  });

  it("report: the treasurer's page of any account, for its owner alone, with the outlook where prices are given", async () => {
    const { code, out, err } = await plimsoll("report", ...ACCOUNT, "--out", "report.html");
    expect({ code, out, err }).to.deep.equal({ code: 0, out: "report.html\n", err: "" });
    expect(statSync(at("report.html")).mode & 0o777).to.equal(0o600);
    const page = read("report.html");
    for (const text of [
      "226.42%",
      "PRIVATE",
      "From the balance to the cash",
      "5,764,091.94",
      'WORST: <bdi class="foreign">BTC −18%, ETH stands, volatility down, 66.7% counted beyond delta</bdi>',
    ]) {
      expect(page).to.include(text);
    }
    expect(page).to.not.include("over the next");
    const days = Array.from({ length: 400 }, (_, day) =>
      new Date(Date.UTC(2025, 9, 18 + day)).toISOString().slice(0, 10),
    );
    const history = (base: number) =>
      `date,close\n${days.map((day, index) => `${day},${(base * (1 + 0.02 * Math.sin(index * 1.7))).toFixed(2)}\n`).join("")}`;
    writeFileSync(at("BTC-USD.csv"), history(97_000));
    writeFileSync(at("ETH-USD.csv"), history(3_400));
    const prices = ["--input", "market-input.json", "--prices", "BTC-USD.csv", "ETH-USD.csv"];
    const ahead = await plimsoll("report", ...ACCOUNT, ...prices);
    expect(ahead.code, ahead.err).to.equal(0);
    expect(ahead.out)
      .to.include("Coverage over the next 24 hours")
      .and.match(/<\/html>\n$/);
    const lacking = await plimsoll("outlook", ...ACCOUNT, "--input", "market-input.json", "--prices", "BTC-USD.csv");
    expect(lacking).to.include({ code: 2, out: "" });
    expect(lacking.err).to.include("no price history of ETH").and.include("ETH-USD.csv");
    const half = await plimsoll("report", ...ACCOUNT, "--input", "market-input.json");
    expect(half.err).to.include("--input and --prices go together");
  });

  it("U15: --out writes what would be printed, private figures for their owner alone", async () => {
    const proof = await plimsoll("prove", ...ACCOUNT, "--key", "viewing.key", ...AUDIENCE, "--at-least", "150%");
    writeFileSync(at("proof.json"), proof.out);
    for (const [command, mode] of [
      [["value", ...ACCOUNT, "--json"], 0o600],
      [["value", ...ACCOUNT], 0o600],
      [["inspect", "proof.json", "--json"], 0o666],
      [["inspect", "proof.json"], 0o666],
    ] as const) {
      const printed = await plimsoll(...command);
      const written = await plimsoll(...command, "--out", "written");
      expect(written, command.join(" ")).to.deep.equal({ code: 0, out: "", err: "" });
      expect(read("written")).to.equal(printed.out).and.to.have.length.above(100);
      expect(statSync(at("written")).mode & 0o777).to.equal(mode & ~process.umask());
      rmSync(at("written"));
    }
    const nowhere = await plimsoll("value", ...ACCOUNT, "--out", path.join("no", "where"));
    expect(nowhere).to.include({ code: 2, out: "" });
  });

  it("U05: a quantity in contracts gets a warning on stderr, once, and the figures are printed all the same", async () => {
    const account = JSON.parse(read("account.json"));
    const positions = { "BTC-25DEC26": { quantity: "12500", entryPrice: "97823.696" } };
    writeFileSync(at("contracts.json"), JSON.stringify({ ...account, positions }));
    const { code, err, out } = await plimsoll("value", ...MARKET, "--account", "contracts.json");
    expect(code).to.equal(0);
    expect(err.trim().split("\n")).to.have.length(1);
    expect(err).to.include("BTC-25DEC26").and.include("more than 20 times the equity").and.not.include("12500");
    expect(out).to.include("12500");
    rmSync(at("contracts.json"));
  });

  it("U03: value prints the totals read, and asks about three decimals", async () => {
    writeFileSync(at("three.csv"), "account,asset,amount\natlas,USDC,1.234\n");
    const command = ["value", ...MARKET, "--portfolio", "three.csv", "--no-positions"];
    const asked = await plimsoll(...command);
    expect(asked.err).to.include("three.csv: every amount has exactly three decimals");
    expect(asked.out).to.include("read of three.csv: 1 row, amounts add up to 1.234");
    const grouped = await plimsoll(...command, "--thousands", "point", "--decimal", "comma");
    expect(grouped).to.include({ code: 0, err: "" });
    expect(grouped.out).to.include("amounts add up to 1234");
    expect((await plimsoll(...command, "--decimal", "dot")).code).to.equal(2);
    rmSync(at("three.csv"));
  });

  it("U02: the account that is valued is the model's", async () => {
    const policy = readPolicy(read("policy.json"), "policy.json");
    const market = readMarket(read("market.json"), "market.json", policy);
    const { account } = readAccount(read("account.json"), "account.json", policy, market);
    const { out } = await plimsoll("value", ...ACCOUNT, "--json");
    const { equity, positionsValue } = JSON.parse(out) as Valuation;
    const { equity: expected, sets } = evaluate(account, policy.policy, market.market);
    const digits = (text: string) => text.replace(/^-?|\.\d+$/g, "").length;
    expect(digits(equity)).to.equal(8);
    expect(BigInt(equity.replace(".", "").padEnd(equity.indexOf(".") + 20, "0"))).to.equal(expected);
    expect(positionsValue).to.equal("-1514091.948");
    expect(sets).to.have.length(1);
  });
});

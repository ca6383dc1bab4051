// SPDX-License-Identifier: GPL-3.0-or-later
// What the contracts need of a chain (docs/chains.md), and the tables of what calls and venues pay, from the snapshots.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { network } from "hardhat";
import { artifactFile, TABLE } from "../../scripts/build-contracts.ts";
import { gasSnapshot, pairsSnapshot } from "../support/gas.ts";
import { simulatedKey } from "../support/simulated.ts";
import { type Chain, verifierOf } from "./markets.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const CODE_LIMIT = 20_000;
const LINES_LIMIT = 450;
const GAS_LIMIT = 2 ** 24;
const PAIRS = 4;
/** Of each: what the page calls it. */
const CALLS: Readonly<Record<string, string>> = {
  "MarginGate.open": "open an account",
  "MarginGate.deposit": "deposit",
  "MarginGate.absorb": "absorb a credit",
  "attest.again": "attest, again",
  withdraw: "withdraw",
  "MarginGate.exit": "exit",
  "Exchange.trade": "trade",
  "Exchange.settleBatch of 8 trades, per trade": "batch of 8 trades, each",
  "round.15.perMember": "round of 15, a member, states in events",
  "round.15.perMember.hash": "the same, by hash",
  "Exchange.unwind": "unwind",
  "MarginGate.flag": "flag",
  "Exchange.hold": "hold",
  "Clearing.expire": "expire",
  "liquidation.start": "start a lot, a slice",
  "liquidation.start.withCost": "the same, with what it costs proven",
  "liquidation.start.closeOut": "start a lot, a close-out",
  "liquidation.start.insolvent": "the same, of an insolvent account",
  "liquidation.take": "take a lot",
  "liquidation.cure": "cure",
  "liquidation.void": "void a lot",
  "epoch.60": "epoch of 60 rows",
  "epoch.480": "epoch of 480 rows",
  "linkMore.60": "link an epoch of 60 rows for lots or rounds",
  "settlement.60": "settlement of 60 rows",
  "settlement.480": "settlement of 480 rows",
  "policy.link": "link a policy",
  "policy.set": "put a policy in force",
  "deploy.key.60": "deploy a key of 60 rows",
  "deploy.key.480": "deploy a key of 480 rows",
  "deploy.MarginGate": "deploy the gate",
};
/** More than four pairs, in which the page says so. */
const WIDE = [
  "Exchange.trade",
  "Exchange.settleBatch of 8 trades, per trade",
  "Exchange.unwind",
  "liquidation.start.insolvent",
];
/** Of the linked market, in thousands: `npm run demo` shows it. */
const ATTESTATION = 323_000;

const page = (name: string) => path.join(ROOT, "docs", name);
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Holds what is between a page's marks against a table; UPDATE_SNAPSHOTS=1 writes it there. */
function holdTable(name: string, mark: string, made: string): void {
  const text = readFileSync(page(name), "utf8");
  const [open, close] = [`<!-- ${mark} -->\n`, "<!-- end -->"];
  const from = text.indexOf(open) + open.length;
  const to = text.indexOf(close, from);
  expect(text.includes(open) && to > 0, `marks of ${mark} in ${name}`).to.equal(true);
  if (process.env.UPDATE_SNAPSHOTS === "1") {
    writeFileSync(page(name), `${text.slice(0, from)}\n${made}\n\n${text.slice(to)}`);
    return;
  }
  expect(text.slice(from, to).trim()).to.equal(made);
}

describe("chains", () => {
  it("before Cancun no verifier can be deployed, and from Cancun on it works", async () => {
    const deploys = async (hardfork: string) => {
      const chain = (await network.create({ override: { chainId: 31_337, hardfork } })) as Chain;
      const made = verifierOf(chain, simulatedKey("board-60")).then((verifier) => verifier.waitForDeployment());
      return made.then(
        () => true,
        () => false,
      );
    };
    expect([await deploys("shanghai"), await deploys("cancun"), await deploys("osaka")]).to.deep.equal([
      false,
      true,
      true,
    ]);
  });

  it("no call needs more than four pairs, but those that the page names", () => {
    const wide = Object.entries(pairsSnapshot()).filter(([name, pairs]) => pairs > PAIRS && name in CALLS);
    expect(wide.map(([name]) => name).toSorted()).to.deep.equal(WIDE.toSorted());
    expect(Object.keys(pairsSnapshot()).length).to.be.at.least(30);
  });

  it("every transaction is far below 2^24 gas", () => {
    const parts: Record<string, number> = {
      "Exchange.settleBatch of 8 trades, per trade": 8,
      "round.15": 15,
      "batch.16": 16,
    };
    for (const [name, gas] of Object.entries(gasSnapshot())) {
      const part = Object.entries(parts).find(([whole]) => name.startsWith(whole))?.[1] ?? 1;
      expect(gas * part, name).to.be.below(GAS_LIMIT / 3);
    }
  });

  it("contracts are of 20,000 bytes at most, and sources of 450 lines", () => {
    for (const name of Object.keys(TABLE.contracts)) {
      const { deployedBytecode } = JSON.parse(readFileSync(artifactFile(name), "utf8")) as { deployedBytecode: string };
      expect((deployedBytecode.length - 2) / 2, name).to.be.at.most(CODE_LIMIT);
    }
    expect(new Set(Object.values(TABLE.contracts).map(({ runs }) => runs)).size, "one optimiser setting").to.equal(1);
    const sources = globSync("verifier-contracts/**/*.sol", { cwd: ROOT }).filter(
      (file) => !/node_modules|verifier-contracts\/test\//.test(file),
    );
    expect(sources.length).to.be.at.least(40);
    for (const source of sources) {
      const lines = readFileSync(path.join(ROOT, source), "utf8").trimEnd().split("\n").length;
      expect(lines, source).to.be.at.most(LINES_LIMIT);
    }
  });

  it("the page says what each call takes as the snapshots do", () => {
    const [gas, pairs] = [gasSnapshot(), pairsSnapshot()];
    const rows = Object.entries(CALLS).map(([key, name]) => [
      name,
      Math.ceil(gas[key]! / 1000).toLocaleString("en"),
      `${key.startsWith("deploy") ? "–" : (pairs[key] ?? "–")}`,
    ]);
    holdTable("chains.md", "costs", table(["call", "gas, thousands", "pairs"], rows));
  });

  it("docs/gate.md says what a venue pays a day as the snapshot does", () => {
    const gas = gasSnapshot();
    const millions = (value: number) => `${Math.round(value / 1e6).toLocaleString("en")} M`;
    const each: [string, number, (members: number) => number][] = [
      ["epochs, linked for accounts", gas["epoch.60"]!, () => 288],
      ["the same values linked for rounds", gas["linkMore.60"]!, () => 288],
      ["attestations", ATTESTATION, (members) => members],
      ["steps in rounds", gas["round.15.perMember"]!, (members) => 10 * members],
    ];
    const venues = [200, 1_000];
    const totals = venues.map((members) => each.reduce((sum, [, one, times]) => sum + one * times(members), 0));
    const rows = each.map(([what, one, times]) => [
      what,
      `${(one / 1e6).toFixed(one < 1e5 ? 3 : 2)} M`,
      ...venues.map((members) => millions(one * times(members))),
    ]);
    const prices: [string, number][] = [
      ["at 0.01 gwei (rollups)", 0.01],
      ["at 0.1 gwei", 0.1],
      ["at 1 gwei", 1],
    ];
    const made = table(
      ["a day", "each", "200 members", "1,000 members"],
      [
        ...rows,
        ["together", "", ...totals.map(millions)],
        ...prices.map(([at, gwei]) => [
          at,
          "",
          ...totals.map((total) => `${(total * gwei * 1e-9).toPrecision(2)} ETH`),
        ]),
      ],
    );
    holdTable("gate.md", "a venue's day", made);
  });
});

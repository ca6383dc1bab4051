// SPDX-License-Identifier: GPL-3.0-or-later
/** The walk-through, as anyone runs it: its own assertions are about every act, these about what it says in the end. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { loadManifest } from "../../prover/src/node/artifacts.ts";
import { skip } from "../support/skip.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

interface Summary {
  readonly seconds: number;
  readonly proofs: Readonly<Record<"account" | "settlement" | "lot" | "round", number>>;
  readonly acts: readonly {
    readonly what: string;
    readonly epoch: string;
    readonly gas: string;
    readonly fund: string;
    readonly deficit: string;
    readonly coverage: Readonly<Record<string, string | null>>;
  }[];
  readonly stages: Readonly<Record<string, string>>;
  readonly slice: Readonly<Record<"size" | "price", string>>;
  readonly closeOut: Readonly<Record<"size" | "debt" | "price", string>>;
  readonly fund: Readonly<Record<"donated" | "loss" | "levied" | "left" | "deficit", string>>;
  readonly custody: Readonly<Record<string, string>>;
  readonly picture: string;
}

describe("the walk-through", function () {
  this.timeout(420_000);
  let summary: Summary;
  let story: string;
  before(async function () {
    if ((await loadManifest()).circuits["round-60-3"] === undefined) skip(this, "round-60-3 is not set up");
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["scripts/walk-through.ts"], {
      cwd: ROOT,
      maxBuffer: 1 << 24,
    });
    summary = JSON.parse(stdout) as Summary;
    story = stderr;
  });
  const actOf = (what: RegExp) => summary.acts.find((act) => what.test(act.what))!;
  const coverage = (what: RegExp, name: string) => Number(actOf(what).coverage[name]);

  it("V12: a whole life with real proofs ends with custody at exactly zero, of every asset", () => {
    expect(summary.proofs.account).to.be.greaterThan(35);
    expect(summary.proofs).to.deep.include({ settlement: 3, lot: 3, round: 1 });
    expect(summary.custody).to.deep.equal({ BTC: "0", ETH: "0", yETH: "0", USDT: "0", USDC: "0" });
  });

  it("a lot that nobody takes is void by anybody's call, and a hold stops its account", () => {
    expect(story).to.contain("lot of account 2: void").and.contain("account 4: held");
    expect(actOf(/^The slice is void/).coverage.Boreas).to.equal(actOf(/by another 20%/).coverage.Boreas);
  });

  it("V19: one is called and cures, one is sliced and recovers, one is closed out", () => {
    expect(coverage(/^Prices fall by 10%/, "Atlas")).to.be.within(10_000, 11_999);
    expect(coverage(/^Atlas tops up/, "Atlas")).to.be.greaterThan(11_999);
    expect(coverage(/by another 20%/, "Boreas")).to.be.within(6_000, 9_999);
    expect(coverage(/^Boreas is paid/, "Boreas")).to.be.within(12_000, 14_999);
    expect(coverage(/by another 20%/, "Dorado")).to.be.lessThan(0);
    const { Dorado, ...others } = summary.stages;
    expect(Dorado).to.equal("closed");
    expect(new Set(Object.values(others))).to.deep.equal(new Set(["healthy"]));
  });

  it("V19: the fund pays what was missing, owes what it has not, and is repaid by the levy", () => {
    const { donated, loss, levied, left, deficit } = summary.fund;
    expect(BigInt(summary.closeOut.debt) - BigInt(summary.closeOut.price)).to.equal(BigInt(loss));
    expect(BigInt(loss) - BigInt(donated)).to.equal(BigInt(levied));
    expect([left, deficit]).to.deep.equal(["0", "0"]);
    const after = actOf(/^Eos takes the lot of Dorado/);
    expect([after.fund, after.deficit]).to.deep.equal(["0", levied]);
  });

  it("tells the story act by act, with nothing of an account but commitments in the chain's view, and draws the picture", () => {
    for (const { what, gas } of summary.acts) {
      expect(story).to.contain(what);
      expect(Number(gas)).to.be.greaterThan(0);
    }
    const steps = story.split("\n").filter((line) => line.includes("the chain saw") && line.includes("→"));
    // Three settle, three step in a round, two have sold a lot.
    const entered = steps.filter((line) => line.endsWith("by a round, an expiry or a lot"));
    expect(entered).to.have.length(8);
    const commitment = "0x[0-9a-f]{6}…[0-9a-f]{4}";
    for (const line of entered) expect(line).to.match(new RegExp(`account \\d: → ${commitment}, by a round`));
    const shape = new RegExp(
      `account \\d: ${commitment} → ${commitment}(, paid( in)? [\\d.]+ [A-Z]+)?(, fill ${commitment})?, (at least [\\d.]+%|below [\\d.]+%|no positions, no debt|positions or debt)$`,
    );
    const others = steps.filter((line) => !entered.includes(line));
    expect(others.length).to.be.greaterThan(30);
    for (const line of others) expect(line).to.match(shape);
    const page = readFileSync(path.join(ROOT, summary.picture), "utf8");
    const [, chart] = /<svg class="chart plot"[^>]*>(.*?)<\/svg>\s/s.exec(page) ?? [];
    expect(chart!.match(/<path class="line/g)!.length).to.be.at.least(Object.keys(summary.stages).length);
    for (const name of Object.keys(summary.stages)) expect(page).to.contain(name);
  });
});

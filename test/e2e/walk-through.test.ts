// SPDX-License-Identifier: GPL-3.0-or-later
/** The walk-through, as anyone runs it: its own assertions are about every act, these about what it says in the end. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");

interface Summary {
  readonly seconds: number;
  readonly proofs: { readonly account: number; readonly settlement: number };
  readonly acts: readonly {
    readonly what: string;
    readonly epoch: string;
    readonly gas: string;
    readonly fund: string;
    readonly deficit: string;
    readonly coverage: Readonly<Record<string, string | null>>;
  }[];
  readonly stages: Readonly<Record<string, string>>;
  readonly slice: Readonly<Record<"size" | "level" | "price", string>>;
  readonly closeOut: Readonly<Record<"size" | "writeOff" | "price", string>>;
  readonly fund: Readonly<Record<"donated" | "loss" | "levied" | "left" | "deficit", string>>;
  readonly custody: Readonly<Record<string, string>>;
  readonly picture: string;
}

describe("the walk-through", function () {
  this.timeout(420_000);
  let summary: Summary;
  let story: string;
  before(async () => {
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
    expect(summary.proofs.account).to.be.greaterThan(40);
    expect(summary.proofs.settlement).to.equal(3);
    expect(summary.custody).to.deep.equal({ BTC: "0", ETH: "0", yETH: "0", USDT: "0", USDC: "0" });
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
    expect(BigInt(summary.closeOut.writeOff) - BigInt(summary.closeOut.price)).to.equal(BigInt(loss));
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
    // Every proof but the ten appraisals is of a step.
    const steps = story.split("\n").filter((line) => line.includes("the chain saw") && line.includes("→"));
    expect(steps).to.have.length(summary.proofs.account + summary.proofs.settlement - 10);
    const commitment = "0x[0-9a-f]{6}…[0-9a-f]{4}";
    const shape = new RegExp(
      `account \\d: ${commitment} → ${commitment}(, paid( in)? [\\d.]+ [A-Z]+)?(, fill ${commitment})?, (at least [\\d.]+%|below [\\d.]+%|no positions, no debt|settlement 1)$`,
    );
    for (const line of steps) expect(line).to.match(shape);
    const page = readFileSync(path.join(ROOT, summary.picture), "utf8");
    const [, chart] = /<svg class="chart plot"[^>]*>(.*?)<\/svg>\s/s.exec(page) ?? [];
    expect(chart!.match(/<path class="line/g)!.length).to.be.at.least(Object.keys(summary.stages).length);
    for (const name of Object.keys(summary.stages)) expect(page).to.contain(name);
  });
});

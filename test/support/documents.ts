// SPDX-License-Identifier: GPL-3.0-or-later
/** One of every document that the prover writes, as HTML. */
import { lookAhead } from "../../prover/src/app/outlook.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { renderPackReport } from "../../prover/src/pack/report.ts";
import { createPackVerifier } from "../../prover/src/pack/verify.ts";
import { renderAheadPage } from "../../prover/src/report/outlook.ts";
import { renderReport } from "../../prover/src/report/report.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { calibrateHistories } from "../../prover/src/risk/calibration/calibration.ts";
import { renderCalibration } from "../../prover/src/risk/calibration/report.ts";
import { Random } from "../../prover/src/risk/outlook/processes.ts";
import { priceHistory } from "../../prover/src/risk/prices.ts";
import { KEY, NOW, samplePack, TRUST } from "./packs.ts";

export interface SampleDocument {
  readonly name: string;
  readonly html: string;
  /** Printed as a report is. */
  readonly prints: boolean;
  readonly isPrivate: boolean;
}

const sample = sampleFirm();
const policy = readPolicy(JSON.stringify(sample.policy), "policy.json");
const market = readMarket(JSON.stringify(sample.market), "market.json", policy);
const fallen = readMarket(JSON.stringify(sample.marketAfterFall), "fallen.json", policy);
const { account } = readAccount(JSON.stringify(sample.atlas), "atlas.json", policy, market);
const withdrawn = { ...account, cash: (account.cash - 4_000_000_000_000n) as typeof account.cash };

/** Atlas's report, with four moments and three proofs. */
export const sampleReport = (): string =>
  renderReport({
    firm: "Atlas",
    policy,
    market,
    account,
    moments: [
      { label: "After the opening trade", note: "attested", account, market },
      { label: "After withdrawing 4,000,000", note: "refused", account: withdrawn, market },
      { label: "After prices fall by 30%", note: "flagged", account, market: fallen },
    ],
    proofs: [
      {
        statement: "Coverage is at least 150%.",
        proven: true,
        outcome: "Recorded by the gate as an attestation.",
        facts: [
          ["proved and settled in", "0.9 s"],
          ["gas", "349,207"],
        ],
      },
      {
        statement: "Coverage is at least 150% after 4,000,000 USDC have left.",
        proven: false,
        outcome: "Not true, so no proof exists; a proof of 100% was refused by the gate.",
        facts: [],
      },
    ],
    key: { sha256: "5d2f8a41".repeat(8), origin: "development" },
  });

/** Two years of made-up closes of BTC and ETH. */
export function histories() {
  const random = new Random(3);
  const dates = Array.from({ length: 701 }, (_, day) =>
    new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10),
  );
  const walk = (volatility: number) => {
    let price = 100;
    return dates.map(() => (price *= Math.exp(volatility * random.normal())));
  };
  return (["BTC", "ETH"] as const).map((symbol, index) => ({
    ...priceHistory(symbol, dates, walk(0.03 + 0.01 * index)),
    volumes: dates.map(() => 5000),
  }));
}

/** A report on the sample pack; as if its key were from a ceremony where told so. */
export async function samplePackReport(origin: "development" | "ceremony"): Promise<string> {
  const verdict = await createPackVerifier(TRUST).verify(await samplePack(), NOW);
  if (!verdict.ok) throw new Error(verdict.finding.sentence);
  const keys = verdict.reading.keys.map((key) => ({ ...key, origin }));
  const trust = { ...TRUST, keys: [{ ...KEY.identity, origin }] };
  return renderPackReport(
    { ...verdict, reading: { ...verdict.reading, keys } },
    { trust, now: NOW, source: "pack.zip", sourceSha256: "b3c1f09e".repeat(8), software: "plimsoll 0.1.0" },
  );
}

/** What a reader with no trust in the firm gets. */
export async function refusedPackReport(): Promise<string> {
  const trust = { ...TRUST, attesters: [] };
  const verdict = await createPackVerifier(trust).verify(await samplePack(), NOW);
  return renderPackReport(verdict, { trust, now: NOW, source: "pack.zip", software: "plimsoll 0.1.0" });
}

const report = (name: string, html: string, isPrivate: boolean): SampleDocument => ({
  name,
  html,
  prints: true,
  isPrivate,
});
/** All of them. */
export async function sampleDocuments(): Promise<SampleDocument[]> {
  const prices = histories();
  const ahead = lookAhead({ name: "Atlas", account }, policy, market, sample.marketInput, prices, {
    hours: 24,
    paths: 400,
    seed: 1,
    confirmed: [prices[0]!.dates.at(-1)!],
  });
  return [
    report("report", sampleReport(), true),
    report("outlook", renderAheadPage(ahead), true),
    report("calibration", renderCalibration(calibrateHistories(prices)), false),
    report("pack-report-test", await samplePackReport("development"), false),
    report("pack-report-valid", await samplePackReport("ceremony"), false),
    report("pack-report-refused", await refusedPackReport(), false),
  ];
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Epochs in memory: who must have signed one, and that a board is the same as text and as integers.
import { expect } from "chai";
import { type Signer, Wallet } from "ethers";
import { verifyEpoch } from "../../prover/src/app/market.ts";
import { byAddress, domainOf } from "../../prover/src/chain/publication.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { boardOf, type EpochFile, medianOf, reportOf, signBoard } from "../../prover/src/oracle/epoch.ts";
import { median, unitsE40 } from "../../prover/src/oracle/median.ts";
import { buildMarket, buildMarketFile } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { MarketInput } from "../../prover/src/risk/input.ts";

const { marketInput, policy: policyDocument } = sampleFirm();
const policy = readPolicy(formatJson(policyDocument), "policy.json");
const ORACLE = `0x${"5".repeat(40)}`;
const terms = { domain: domainOf("PriceOracle", 31_337n, ORACLE), board: 1n, risk: marketInput.policy, policy };
const EPOCH = 29_870_160n;
const TIME = BigInt(Date.parse(marketInput.observation.time) / 1000);
const observation = { ...marketInput.observation, epoch: `${EPOCH}` };

const refused = (work: () => unknown, message: string, code: string) =>
  expect(work).to.throw(PlimsollError, message).with.property("code", code);

/** An epoch that these reporters signed. */
async function epochOf(signers: readonly Signer[]): Promise<EpochFile> {
  const ordered = await byAddress(signers);
  const reports = await Promise.all(ordered.map((signer) => reportOf(terms, signer, EPOCH, observation, TIME)));
  const board = boardOf(terms, EPOCH, medianOf([observation]));
  return {
    format: "plimsoll-epoch/1",
    board: "1",
    epoch: `${EPOCH}`,
    chainId: "31337",
    oracle: ORACLE,
    reports: await Promise.all(
      reports.map(async (report, index) => ({
        ...report,
        boardSignature: await signBoard(ordered[index]!, terms.domain, board.epoch),
      })),
    ),
    market: board.document,
  };
}

describe("a published epoch", () => {
  const wallets = [1, 2, 3, 4].map((index) => new Wallet(`0x${`${index}`.padStart(64, "0")}`));
  const known = wallets.slice(0, 3).map(({ address }) => address);
  const ask = (file: EpochFile, reporters: readonly string[], count: number) => () =>
    verifyEpoch({ terms, quorum: { reporters, count } }, file);

  it("U16: of one of three known reporters is refused under a quorum of three, and follows where one is enough", async () => {
    const one = await epochOf(wallets.slice(0, 1));
    const rule = "1 of 3 known reporters signed, but the quorum is";
    refused(ask(one, known, 3), `${rule} 3`, "EPOCH_REFUSED");
    refused(ask(one, known, 2), `${rule} 2`, "EPOCH_REFUSED");
    expect(ask(one, known, 1)().ok).to.equal(true);
    const three = await epochOf(wallets.slice(0, 3));
    expect(ask(three, known, 3)()).to.deep.include({ ok: true });
    const changed = structuredClone(three) as EpochFile & { market: { instruments: { mark: string }[] } };
    changed.market.instruments[2]!.mark = "1";
    const verdict = ask(changed, known, 3)();
    expect(!verdict.ok && verdict.differences.map(({ published }) => published)).to.deep.equal(["1"]);
  });

  it("U16: counts a reporter once, whatever the case of its address, and no stranger", async () => {
    const one = await epochOf(wallets.slice(0, 1));
    const [report] = one.reports;
    const twice = [report!, { ...report!, reporter: report!.reporter.toLowerCase() }];
    refused(ask({ ...one, reports: twice }, known, 2), "ascending order", "EPOCH_REFUSED");
    const cases = [known[0]!, known[0]!.toLowerCase()];
    refused(ask(one, cases, 2), "expected 1 to 1, the number of reporters", "OUT_OF_RANGE");
    expect(ask(one, [known[0]!.toLowerCase()], 1)().ok).to.equal(true);
    refused(ask(one, known.slice(1), 1), `${wallets[0]!.address} may not report`, "EPOCH_REFUSED");
    const four = await epochOf([wallets[0]!, wallets[1]!, wallets[3]!]);
    refused(ask(four, known, 2), `${wallets[3]!.address} may not report`, "EPOCH_REFUSED");
  });

  it("refuses a quorum that is no count of the reporters, and a reporter that is no address", async () => {
    const one = await epochOf(wallets.slice(0, 1));
    for (const count of [0, -1, 1.5, 4, Number.NaN]) refused(ask(one, known, count), "quorum", "OUT_OF_RANGE");
    refused(ask(one, [known[0]!, "0x12"], 1), "reporters[1]", "FIELD_INVALID");
  });
});

describe("a market built once", () => {
  it("is the same as integers and as the document read back", () => {
    const { document, file } = buildMarketFile(marketInput, policy);
    const { sha256: _, ...read } = readMarket(formatJson(document), "market.json", policy);
    expect(file).to.deep.equal(read);
    expect(document).to.deep.equal(buildMarket(marketInput));
  });

  it("is refused for what the reader of its document would refuse", () => {
    const { policy: risk } = marketInput;
    const build = (change: Partial<MarketInput["policy"]>) => () =>
      buildMarketFile({ ...marketInput, policy: { ...risk, ...change } }, policy);
    refused(
      build({ instruments: [risk.instruments[0]!, risk.instruments[0]!] }),
      "policy.instruments[1]",
      "FIELD_INVALID",
    );
    refused(build({ blocks: [...risk.blocks, ...risk.blocks] }), "policy.blocks", "FIELD_INVALID");
    refused(
      build({ collateral: risk.collateral.slice(1) }),
      "the price of BTC, which the policy lists, is missing",
      "FIELD_INVALID",
    );
    refused(build({ collateral: [...risk.collateral, risk.collateral[0]!] }), "prices[BTC]", "FIELD_INVALID");
    refused(build({ collateral: [{ asset: "DOGE", underlying: "BTC" }] }), "prices[DOGE]", "UNKNOWN_NAME");
    const block = { ...risk.blocks[0]!, liquidityRateBps: "-1" };
    refused(build({ blocks: [block] }), "policy.blocks[0]", "OUT_OF_RANGE");
  });
});

describe("the median", () => {
  it("is the middle by number, not by text, and the lower of two", () => {
    expect(median(["9", "10.5", "10.49"], unitsE40)).to.equal("10.49");
    expect(median(["9", "10", "-1", "100"], unitsE40)).to.equal("9");
    expect(() => median([], unitsE40)).to.throw(TypeError);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** Where a desk has its epochs from: a policy, a market under it, and if it is known what the market follows from. */
import type { Result } from "ethers";
import { type EpochQuestion, verifyEpoch } from "../../app/market.ts";
import { type GateView, gateAt } from "../../chain/gate-view.ts";
import { providerAt } from "../../chain/provider.ts";
import { domainOf } from "../../chain/publication.ts";
import { closedFor, standingMarket } from "../../chain/standing-market.ts";
import { PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import { formatJson, parseJson } from "../../formats/json.ts";
import { type MarketFile, readMarket } from "../../formats/market.ts";
import { type PolicyFile, readPolicy } from "../../formats/policy.ts";
import { type Inputs, readKeptSecret } from "../../node/files.ts";
import { epochObservation, readEpoch } from "../../oracle/epoch.ts";
import { fetchText } from "../../oracle/sources.ts";
import { type MarketInput, type Observation, readMarketInput, readRiskPolicy } from "../../risk/input.ts";
import type { ChainTerms, DeskConfig } from "./config.ts";

/** An epoch, read. */
export interface DeskEpoch {
  readonly texts: { readonly policy: NamedText; readonly market: NamedText };
  readonly policy: PolicyFile & { readonly sha256: string };
  readonly market: MarketFile & { readonly sha256: string };
  readonly input: MarketInput | undefined;
  /** Of a chain: why the market does not serve there now; null where it does. */
  readonly closed?: string | null;
}

/** The epoch that stands now. Throws what is wrong with it, as a `PlimsollError`. */
export type EpochSource = () => Promise<DeskEpoch>;

export function epochSource({ epochs, chain }: Pick<DeskConfig, "epochs" | "chain">, inputs: Inputs): EpochSource {
  if (epochs.from === "files") return fileEpochs(epochs, inputs);
  return epochs.from === "oracle" ? oracleEpochs(epochs, inputs) : chainEpochs(epochs, chain!, inputs);
}

type Files = Extract<DeskConfig["epochs"], { from: "files" }>;
type Oracle = Extract<DeskConfig["epochs"], { from: "oracle" }>;
type Chain = Extract<DeskConfig["epochs"], { from: "chain" }>;

/** Texts are read at every poll, and understood again once one of them has changed. */
function fileEpochs({ policy, market, input }: Files, inputs: Inputs): EpochSource {
  let last: DeskEpoch | undefined;
  return async () => {
    const [policyText, marketText] = [await inputs.text(policy), await inputs.text(market)];
    if (last?.texts.policy.text === policyText.text && last.texts.market.text === marketText.text) {
      if (input === undefined || last.input !== undefined) return last;
      const late = await inputOf(input, last.market, inputs);
      if (late !== undefined) last = { ...last, input: late };
      return last;
    }
    const policyFile = readPolicy(policyText.text, policy);
    const marketFile = readMarket(marketText.text, market, policyFile);
    last = {
      texts: { policy: policyText, market: marketText },
      policy: policyFile,
      market: marketFile,
      input: input === undefined ? undefined : await inputOf(input, marketFile, inputs),
    };
    return last;
  };
}

/** Undefined where the file is of another epoch: writers put one file after the other. */
async function inputOf(file: string, market: MarketFile, inputs: Inputs): Promise<MarketInput | undefined> {
  const read = readMarketInput((await inputs.text(file)).text, file);
  return read.observation.epoch === market.epoch.toString() ? read : undefined;
}

/**
 * The latest epoch of the first node whose answer holds. Each look begins with another node, so that one that keeps telling an old epoch
 * hides no new one. The quorum of their signatures is trusted.
 */
function oracleEpochs({ urls, ...terms }: Oracle, inputs: Inputs): EpochSource {
  let last: { readonly text: string; readonly epoch: DeskEpoch } | undefined;
  let first = 0;
  return async () => {
    let reason: unknown;
    const turn = [...urls.slice(first), ...urls.slice(0, first)];
    first = (first + 1) % urls.length;
    for (const url of turn) {
      try {
        const text = await fetchText(`${url}/epochs/latest`);
        if (last?.text === text) return last.epoch;
        const epoch = await verified(text, terms, inputs);
        if (last !== undefined && epoch.market.epoch < last.epoch.market.epoch) continue;
        last = { text, epoch };
        return epoch;
      } catch (error) {
        reason = error;
      }
    }
    if (last !== undefined && reason === undefined) return last.epoch;
    if (reason instanceof PlimsollError) throw reason;
    throw new PlimsollError("EPOCH_REFUSED", "no node of the oracle answers");
  };
}

async function verified(text: string, terms: Omit<Oracle, "urls">, inputs: Inputs): Promise<DeskEpoch> {
  const policyText = await inputs.text(terms.policy);
  const policy = readPolicy(policyText.text, policyText.file);
  const riskText = await inputs.text(terms.risk);
  const risk = readRiskPolicy(parseJson(riskText.text, riskText.file, RISK_LIMITS).plain(), { file: riskText.file });
  const domain = domainOf("PriceOracle", BigInt(terms.chainId), terms.oracle);
  const known = { domain, board: BigInt(terms.board), risk, policy };
  const question: EpochQuestion = {
    terms: known,
    quorum: { reporters: terms.reporters, count: terms.quorum },
  };
  const file = readEpoch(text, "the oracle's epoch");
  const verdict = verifyEpoch(question, file);
  if (!verdict.ok) {
    throw new PlimsollError("EPOCH_REFUSED", "its market does not follow from its reports", {
      file: "the oracle's epoch",
    });
  }
  const market = { text: formatJson(file.market), file: "the oracle's market" };
  const observations = file.reports.map(({ observation }) => observation as Observation);
  return {
    texts: { policy: policyText, market },
    policy,
    market: readMarket(market.text, market.file, policy),
    input: { format: "plimsoll-market-input/2", policy: risk, observation: epochObservation(known, observations) },
  };
}

/** The epoch that stands at a gate. Read again once the chain holds other values, or a file has changed. */
function chainEpochs({ policy, names, gate }: Chain, { rpc }: ChainTerms, inputs: Inputs): EpochSource {
  let view: GateView | undefined;
  let last: { readonly key: string; readonly epoch: DeskEpoch } | undefined;
  return async () => {
    view ??= await gateAt(await providerAt((await readKeptSecret(rpc)).trim()), gate);
    const { market: oracle, board, told } = view;
    const [policyText, namesText] = [await inputs.text(policy), await inputs.text(names)];
    const [standing] = await told(() => oracle.getFunction("standingOf")(board) as Promise<Result>);
    const key = [standing.getValue("values"), policyText.text, namesText.text].join();
    if (last?.key === key) {
      const closed = await closedFor(view);
      if (closed !== last.epoch.closed) last = { key, epoch: { ...last.epoch, closed } };
      return last.epoch;
    }
    const policyFile = readPolicy(policyText.text, policy);
    const known = readMarket(namesText.text, names, policyFile);
    const { document, file, closed } = await standingMarket(view, { policy: policyFile, names: known });
    const market = { text: formatJson(document), file: "the chain's market" };
    last = {
      key,
      epoch: { texts: { policy: policyText, market }, policy: policyFile, market: file, input: undefined, closed },
    };
    return last.epoch;
  };
}

const RISK_LIMITS = { length: 4_000_000, values: 100_000 };

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * An epoch: how reporters make it, and how anyone repeats it.
 *
 * Each reporter observes the market (spots, volatilities, quotes) and signs its observation, and the prices that follow,
 * which the contract reads. The epoch's observation is the median of the chosen reports, number by number. The board follows
 * from it by the published risk policy. Medians of prices are prices of medians, so the contract computes the same prices.
 *
 * Unchecked: that an observation is true, and that its time is now. The node compares both with its own before it signs.
 */
import { type Signer, type TypedDataDomain, verifyTypedData } from "ethers";
import { z } from "zod";
import { publication, REPORT_TYPES, type SignedBoard } from "../chain/publication.ts";
import { PlimsollError } from "../errors.ts";
import { parseDecimal } from "../formats/decimal.ts";
import { documentSha256, type Json, parseJson } from "../formats/json.ts";
import { lotPriceOf, type MarketDocument } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";
import type { Market } from "../model/market.ts";
import { ASSETS } from "../model/sizes.ts";
import { buildMarket, buildMarketFile, priceInstruments } from "../risk/board/board.ts";
import { collateralPrices } from "../risk/board/collateral.ts";
import { compareMarkets, type Difference } from "../risk/board/explain.ts";
import { conform, type MarketInput, type Observation, type RiskPolicy, readObservation } from "../risk/input.ts";
import { median, unitsE40 } from "./median.ts";

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const signature = z.string().regex(/^0x[0-9a-f]{130}$/);
const count = z.string().regex(/^(0|[1-9][0-9]{0,18})$/);

const report = z.strictObject({
  reporter: address,
  /** Unix seconds. */
  time: count,
  /** ASSETS prices as the contract takes them: per lot, 16 decimals. */
  prices: z.array(count).length(ASSETS),
  observation: z.unknown(),
  signature,
  detailSignature: signature,
});
const signedReport = report.extend({ boardSignature: signature });
const epochFile = z.strictObject({
  format: z.literal("plimsoll-epoch/1"),
  /** Number of the board at the oracle. */
  board: count,
  epoch: count,
  chainId: count,
  oracle: address,
  /** In ascending order of the reporters' addresses, as many as the quorum. */
  reports: z.array(signedReport).min(1).max(32),
  market: z.unknown(),
});

/**
 * The signed observation of one reporter.
 * @see docs/library.md#market-values
 */
export type Report = z.infer<typeof report>;
/**
 * The file of an epoch: who reported what, and their signatures.
 * @see docs/library.md#market-values
 */
export type EpochFile = z.infer<typeof epochFile>;

/**
 * What reporters agree on before an epoch, and the epoch depends on.
 * @see docs/library.md#market-values
 */
export interface Terms {
  readonly domain: TypedDataDomain;
  readonly board: bigint;
  readonly risk: RiskPolicy;
  readonly policy: PolicyFile;
}

/**
 * Who may report, and how many of them an epoch needs.
 * @see docs/library.md#market-values
 */
export interface Quorum {
  /** Addresses, in any case. */
  readonly reporters: readonly string[];
  readonly count: number;
}

const LIMITS = { length: 8_000_000, values: 200_000 };

/**
 * Reads the file of an epoch. Checks form only. Throws FIELD_INVALID.
 * @see docs/library.md#market-values
 */
export function readEpoch(text: string, file: string): EpochFile {
  return conform(epochFile, parseJson(text, file, LIMITS).plain(), { file });
}
/**
 * Reads a report as a reporter serves it. Checks form only. Throws FIELD_INVALID.
 * @see docs/library.md#market-values
 */
export const readReport = (value: unknown): Report => conform(report, value, { field: "report" });

/** Prices of an observation as the contract takes them from a reporter. */
export function pricesOf({ risk, policy }: Terms, observation: Observation): bigint[] {
  const prices = new Map(
    collateralPrices({ policy: risk, observation }).map((each) => [each.asset, parseDecimal(each.price)]),
  );
  return Array.from({ length: ASSETS }, (_, index) => {
    const asset = policy.assets[index];
    if (asset === undefined) return 0n;
    const price = prices.get(asset.symbol);
    if (price === undefined) throw new PlimsollError("UNKNOWN_NAME", `no price of ${asset.symbol} is observed`);
    return lotPriceOf(price, asset.lotDecimals);
  });
}

/**
 * Signs an observation. Throws as `pricesOf`.
 * @see docs/library.md#market-values
 */
export async function reportOf(
  terms: Terms,
  signer: Signer,
  epoch: bigint,
  observation: Observation,
  time: bigint,
): Promise<Report> {
  const { domain, board } = terms;
  const prices = pricesOf(terms, observation);
  const { Observation, Detail } = REPORT_TYPES;
  return {
    reporter: await signer.getAddress(),
    time: `${time}`,
    prices: prices.map(String),
    observation,
    signature: await signer.signTypedData(domain, { Observation }, { board, epoch, time, prices }),
    detailSignature: await signer.signTypedData(domain, { Detail }, { board, epoch, sha256: detailHash(observation) }),
  };
}

/**
 * Signs a board of an epoch with its medians, as the oracle's contract takes it.
 * @see docs/library.md#market-values
 */
export const signBoard = (
  signer: Signer,
  domain: TypedDataDomain,
  { board, epoch, time, prices, valuesHash }: SignedBoard,
): Promise<string> =>
  signer.signTypedData(domain, { Board: REPORT_TYPES.Board }, { board, epoch, time, prices, valuesHash });

const detailHash = (observation: unknown) => `0x${documentSha256(observation as Json)}`;
const refuse = (rule: string, field?: string) =>
  new PlimsollError("EPOCH_REFUSED", rule, field === undefined ? {} : { field });

function signedBy(reporter: string, recover: () => string): boolean {
  try {
    return recover().toLowerCase() === reporter.toLowerCase();
  } catch {
    return false;
  }
}

/**
 * The observation of a report, after its signatures, its epoch and its prices. Throws `EPOCH_REFUSED`, naming what is wrong.
 * @see docs/library.md#market-values
 */
export function checkReport(terms: Terms, epoch: bigint, { reporter, ...given }: Report): Observation {
  const { domain, board } = terms;
  const { Observation, Detail } = REPORT_TYPES;
  const value = { board, epoch, time: BigInt(given.time), prices: given.prices.map(BigInt) };
  if (!signedBy(reporter, () => verifyTypedData(domain, { Observation }, value, given.signature))) {
    throw refuse(`the prices are not signed by ${reporter}`);
  }
  const detail = { board, epoch, sha256: detailHash(given.observation) };
  if (!signedBy(reporter, () => verifyTypedData(domain, { Detail }, detail, given.detailSignature))) {
    throw refuse(`the observation is not signed by ${reporter}`);
  }
  const observation = readObservation(given.observation as Json);
  if (observation.epoch !== `${epoch}` || BigInt(Date.parse(observation.time)) !== value.time * 1000n) {
    throw refuse(`the observation of ${reporter} is of another epoch or time than its prices`);
  }
  const follow = pricesOf(terms, observation);
  const wrong = follow.findIndex((price, index) => price !== value.prices[index]);
  if (wrong !== -1) {
    throw refuse(
      `prices[${terms.policy.assets[wrong]?.symbol ?? wrong}] of ${reporter} does not follow from its observation`,
    );
  }
  return observation;
}

/** The middle of an odd number of decimals or times; what is neither must be the same in all. */
function middle(values: readonly Json[], place: string): Json {
  const [first] = values;
  if (typeof first === "string") {
    if (values.every((value) => value === first)) return first;
    return median(values as readonly string[], place === "time" ? (time) => BigInt(Date.parse(time)) : unitsE40);
  }
  const list = Array.isArray(first);
  if (typeof first === "object" && first !== null) {
    const keys = Object.keys(first).sort();
    const alike = values.every(
      (value) =>
        typeof value === "object" &&
        value !== null &&
        Array.isArray(value) === list &&
        Object.keys(value).sort().join() === keys.join(),
    );
    if (!alike) throw refuse("reporters observed different things", place);
    const members = keys.map((key) => [
      key,
      middle(
        values.map((value) => (value as Record<string, Json>)[key]!),
        place === "" ? key : `${place}.${key}`,
      ),
    ]);
    return list ? members.map(([, member]) => member as Json) : Object.fromEntries(members);
  }
  if (values.every((value) => value === first)) return first!;
  throw refuse("reporters observed different things", place);
}

/**
 * Number by number the median of an odd number of observations. Throws `EPOCH_REFUSED` where they are not of the same things.
 * @see docs/library.md#market-values
 */
export function medianOf(observations: readonly Observation[]): Observation {
  if (observations.length % 2 === 0) throw refuse("an even number of observations has no median");
  return readObservation(middle(observations as unknown as Json[], ""));
}

/**
 * The observation of an epoch: number by number the median, and for assets that bear yield the median of the prices that follow
 * from each report, which is what the contract counts. (The lower of rate and market is of two numbers: the median of the lower
 * ones need not follow from the medians.) Throws as `medianOf`.
 */
export function epochObservation({ risk }: Terms, observations: readonly Observation[]): Observation {
  const middles = medianOf(observations);
  const follow = observations.map((observation) => collateralPrices({ policy: risk, observation }));
  const bearing = risk.collateral.flatMap(({ asset, yieldBearing }, index) => (yieldBearing ? [{ asset, index }] : []));
  const prices = bearing.map(({ asset, index }) => [
    asset,
    median(
      follow.map((each) => each[index]!.price),
      unitsE40,
    ),
  ]);
  // No spot times the largest ratio is below the median of products: the price is then the observed one.
  const largest = (asset: string) =>
    observations.map(({ ratios }) => ratios[asset]!).reduce((a, b) => (unitsE40(a) < unitsE40(b) ? b : a));
  const ratios = bearing.map(({ asset }) => [asset, largest(asset)]);
  return {
    ...middles,
    prices: { ...middles.prices, ...Object.fromEntries(prices) },
    ratios: { ...middles.ratios, ...Object.fromEntries(ratios) },
  };
}

const inputOf = ({ risk }: Terms, observation: Observation): MarketInput => ({
  format: "plimsoll-market-input/2",
  policy: risk,
  observation,
});

/**
 * What follows from an observation: the document, and what goes to the chain.
 * @see docs/library.md#market-values
 */
export interface EpochBoard {
  readonly document: MarketDocument;
  readonly epoch: SignedBoard;
  /** Packed, as calldata carries them. */
  readonly values: string;
  readonly market: Market;
}

/**
 * Builds the board that follows from an observation. Throws as `buildMarketFile`.
 * @see docs/library.md#market-values
 */
export function boardOf(terms: Terms, epoch: bigint, observation: Observation): EpochBoard {
  const { document, file } = buildMarketFile(inputOf(terms, observation), terms.policy);
  const { epoch: place, values } = publication(file.market, { board: terms.board, epoch });
  // Medians of prices and of the time: those of the median observation.
  const [time, prices] = [BigInt(Date.parse(observation.time)) / 1000n, pricesOf(terms, observation)];
  return { document, market: file.market, epoch: { ...place, time, prices }, values };
}

/**
 * The first number of an epoch that is further than this reporter can answer for from what it saw itself, or undefined. A
 * price of an asset and the spot of an underlying may be so many basis points away; a mark so many of what one lot is of,
 * and a profit, which is the difference of two values, twice as many. What else was observed (volatilities, carry) is held
 * by what it makes of marks and profits. Throws where no board follows from `seen`.
 */
export function farFrom(
  terms: Terms,
  { observation, market }: { readonly observation: Observation; readonly market: MarketDocument },
  seen: Observation,
  toleranceBps: bigint,
): string | undefined {
  const far = (mine: string, theirs: string, of: bigint, times = 1n) => {
    const apart = unitsE40(theirs) - unitsE40(mine);
    return (apart < 0n ? -apart : apart) * 10_000n > toleranceBps * times * of;
  };
  const before = buildMarket(inputOf(terms, seen));
  const priced = priceInstruments(inputOf(terms, seen));
  for (const [index, { asset, price }] of market.prices.entries()) {
    const mine = before.prices[index]!.price;
    if (far(mine, price, unitsE40(mine))) return `the price of ${asset}`;
  }
  for (const [name, { spot }] of Object.entries(observation.underlyings)) {
    const mine = seen.underlyings[name]!.spot;
    if (far(mine, spot, unitsE40(mine))) return `the spot of ${name}`;
  }
  for (const [index, row] of market.instruments.entries()) {
    const mine = before.instruments[index]!;
    const listed = terms.risk.instruments[index];
    if (!listed || !("mark" in row) || !("mark" in mine)) continue;
    const size = unitsE40((priced[index]!.spot * Number(listed.lot)).toFixed(12));
    if (far(mine.mark, row.mark, size)) return `the mark of ${row.symbol}`;
    const moved = row.profits.findIndex((profit, at) => far(mine.profits[at]!, profit, size, 2n));
    if (moved !== -1) return `profit ${moved} of ${row.symbol}`;
  }
  return undefined;
}

/** Reports in the order in which the contract wants them. */
export const ordered = <R extends { readonly reporter: string }>(reports: readonly R[]): R[] =>
  reports.toSorted((a, b) => (BigInt(a.reporter) < BigInt(b.reporter) ? -1 : 1));

/**
 * What a reader finds out about an epoch.
 * @see docs/library.md#market-values
 */
export type EpochVerdict =
  | ({ readonly ok: true } & EpochBoard)
  /** The market is not what follows: each value that differs, in the document's order. */
  | { readonly ok: false; readonly differences: readonly Difference[] };

/** Throws `EPOCH_REFUSED` where a stranger reports, a reporter is there twice, or fewer than the quorum report. */
function checkQuorum({ reports }: EpochFile, { reporters, count }: Quorum): void {
  const known = new Set(reporters.map((each) => each.toLowerCase()));
  for (const [index, { reporter }] of reports.entries()) {
    const field = `reports[${index}]`;
    if (!known.has(reporter.toLowerCase())) throw refuse(`${reporter} may not report`, field);
    if (index > 0 && BigInt(reporter) <= BigInt(reports[index - 1]!.reporter)) {
      throw refuse("reports are not in ascending order of their reporters", field);
    }
  }
  if (reports.length < count) {
    throw refuse(`${reports.length} of ${known.size} known reporters signed, but the quorum is ${count}`);
  }
}

/**
 * Repeats an epoch from its reports and the risk policy: who reported and how many, signatures, medians, every number of
 * the board. Throws `EPOCH_REFUSED` where it does not come to that: another oracle, a stranger, too few reports, a report
 * that is not signed, reporters out of order. `build` may hand in a board that has been built from the same observation.
 */
export function repeatEpoch(
  terms: Terms,
  quorum: Quorum,
  file: EpochFile,
  build: (epoch: bigint, observation: Observation) => EpochBoard = (epoch, observed) => boardOf(terms, epoch, observed),
): EpochVerdict {
  const { domain, board } = terms;
  if (
    BigInt(file.board) !== board ||
    file.chainId !== `${domain.chainId}` ||
    file.oracle.toLowerCase() !== String(domain.verifyingContract).toLowerCase()
  ) {
    throw refuse("an epoch of another board, chain or oracle");
  }
  checkQuorum(file, quorum);
  const epoch = BigInt(file.epoch);
  const observations = file.reports.map(({ boardSignature: _, ...given }) => checkReport(terms, epoch, given));
  const made = build(epoch, epochObservation(terms, observations));
  const differences = compareMarkets(file.market as MarketDocument, made.document);
  if (differences.length > 0) return { ok: false, differences };
  for (const { reporter, boardSignature } of file.reports) {
    const recover = () => verifyTypedData(domain, { Board: REPORT_TYPES.Board }, made.epoch, boardSignature);
    if (!signedBy(reporter, recover)) throw refuse(`the board is not signed by ${reporter}`);
  }
  return { ok: true, ...made };
}

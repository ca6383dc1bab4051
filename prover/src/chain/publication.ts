// SPDX-License-Identifier: GPL-3.0-or-later
/** Policies, market values and settlements as the contracts take them, and what reporters sign. */

import { concat, hexlify, keccak256, type Signer, type TypedDataDomain, toBeHex, ZeroAddress } from "ethers";
import { checkMarket, type Market } from "../model/market.ts";
import { checkPolicy, NOT_SCANNED, type Policy } from "../model/policy.ts";
import type { BoardSize } from "../model/sizes.ts";
import { median } from "../oracle/median.ts";
import type { ColumnE6 } from "../units.ts";
import { packMarks, packValues } from "./packed-values.ts";
import { REPORT_FIELDS } from "./report-fields.ts";

/** Levels of a policy in basis points, descending. */
export interface ChainLevels {
  readonly initial: bigint;
  readonly call: bigint;
  readonly liquidation: bigint;
  readonly closeOut: bigint;
}

/** `Terms` of a policy. Periods in seconds, amounts in 1e-6 quote. */
export interface ChainTerms {
  readonly curePeriod: bigint;
  readonly attestInterval: bigint;
  readonly stopLimit: bigint;
  readonly auctionDuration: bigint;
  readonly holdPeriod: bigint;
  readonly voidDelay: bigint;
  readonly premiumBps: bigint;
  readonly discountBps: bigint;
  readonly levyBps: bigint;
  readonly toleranceBps: bigint;
  readonly maxSlice: bigint;
  readonly dust: bigint;
  readonly reward: bigint;
  readonly tillFloor: bigint;
}

/**
 * Everything that a policy says besides the haircuts.
 * @see docs/library.md#on-chain
 */
export interface PolicyTerms {
  readonly levels: ChainLevels;
  /** Seconds for which values are fresh. */
  readonly maxAge: bigint;
  /** Seconds for which proofs under the epoch before are still taken. */
  readonly epochGrace: bigint;
  readonly terms: ChainTerms;
  /** Rate of debt while the till is short, at least the policy's own, which it is unless given. */
  readonly shortDebtRateBps?: bigint;
  /** Address of the data page of what board values must obey (`boardTermsBytes`); unless given, they obey nothing more. */
  readonly boardTerms?: string;
}

/** What board values must obey. */
export interface BoardTerms {
  /** Instruments worth a fixed quantity of an asset: ratio in asset lots for one instrument lot, 18 decimals. */
  readonly linear: readonly { readonly row: bigint; readonly asset: bigint; readonly ratioE18: bigint }[];
  readonly bandBps: bigint;
  readonly blocks: readonly {
    readonly maxLiquidityThreshold: bigint;
    readonly minLiquidityRateBps: bigint;
    readonly maxVegaThreshold: bigint;
    readonly minVegaRateBps: bigint;
    readonly mayContinue: boolean;
  }[];
}

/**
 * `PolicyRegistry.Policy`.
 * @see docs/library.md#on-chain
 */
export interface ChainPolicy {
  readonly boundaryLots: readonly (readonly bigint[])[];
  readonly weightBps: readonly (readonly bigint[])[];
  /** Zero where an asset is not in the scan. */
  readonly scanLots: readonly bigint[];
  readonly debtRateBps: bigint;
  readonly shortDebtRateBps: bigint;
  readonly levels: ChainLevels;
  readonly maxAge: bigint;
  readonly epochGrace: bigint;
  readonly terms: ChainTerms;
  readonly boardTerms: string;
}

/** What reporters agree on besides the prices: where the epoch belongs, and the hash of its packed values. */
export interface Epoch {
  readonly board: bigint;
  readonly epoch: bigint;
  readonly valuesHash: string;
}

/** Prices of one reporter at one time. */
export interface ReporterPrices {
  /** Unix seconds. */
  readonly time: bigint;
  /** Per lot, 16 decimals. */
  readonly prices: readonly bigint[];
}

/** What each reporter of an epoch signs besides its own observation: the medians of all, and the values that go with them. */
export interface SignedBoard extends Epoch, ReporterPrices {}

/** `Reporters.Observation`. */
export interface Observation extends ReporterPrices {
  readonly signature: string;
  readonly boardSignature: string;
}

/**
 * Throws as `checkPolicy`; the contract checks the rest.
 * @see docs/library.md#on-chain
 */
export function chainPolicy(
  policy: Policy,
  { boardTerms = ZeroAddress, shortDebtRateBps = policy.debtRateBps, ...terms }: PolicyTerms,
): ChainPolicy {
  checkPolicy(policy);
  return {
    boundaryLots: policy.schedules.map((schedule) => schedule.map((tier) => tier.boundaryLots)),
    weightBps: policy.schedules.map((schedule) => schedule.map((tier) => tier.weightBps)),
    scanLots: policy.scanLots.map((lots) => (lots === NOT_SCANNED ? 0n : lots)),
    debtRateBps: policy.debtRateBps,
    shortDebtRateBps,
    ...terms,
    boardTerms,
  };
}

/** The data page of board terms, as `BoardTerms` reads it: words, linear rows in descending order. */
export function boardTermsBytes({ linear, bandBps, blocks }: BoardTerms): string {
  const words = [
    bandBps,
    ...blocks.flatMap((block) => [
      block.maxLiquidityThreshold,
      block.minLiquidityRateBps,
      block.maxVegaThreshold,
      block.minVegaRateBps,
      block.mayContinue ? 1n : 0n,
    ]),
    ...linear
      .toSorted((left, right) => Number(right.row - left.row))
      .flatMap(({ row, asset, ratioE18 }) => [row, asset, ratioE18]),
  ];
  return concat(words.map((word) => toBeHex(word, 32)));
}

/**
 * What reporters sign for a market, and the values that are sent. Throws as `checkMarket`.
 *
 * Publish the values where everybody finds them before anyone signs: an epoch whose values are lost is never carried.
 * @see docs/library.md#on-chain
 */
export function publication(
  market: Market,
  { board, epoch }: { board: bigint; epoch: bigint },
): { epoch: Epoch; values: string } {
  checkMarket(market);
  const values = hexlify(packValues(market.board));
  return { epoch: { board, epoch, valuesHash: keccak256(values) }, values };
}

/**
 * Marks of a settlement as `PackedMarks` lays them out, and their hash, which reporters sign.
 * @param marks mark of each row that expires, in 1e-6 quote
 * @see docs/library.md#on-chain
 */
export function settlementPublication(
  size: BoardSize,
  marks: ReadonlyMap<number, ColumnE6>,
): { marksHash: string; packed: string } {
  const packed = hexlify(packMarks(size, marks));
  return { marksHash: keccak256(packed), packed };
}

const typesOf = (fields: readonly (readonly [name: string, type: string])[]) =>
  fields.map(([name, type]) => ({ name, type }));
/** `REPORT_FIELDS` as ethers takes them. */
export const REPORT_TYPES = {
  Observation: typesOf(REPORT_FIELDS.Observation),
  Board: typesOf(REPORT_FIELDS.Board),
  Settlement: typesOf(REPORT_FIELDS.Settlement),
  Detail: typesOf(REPORT_FIELDS.Detail),
};

/**
 * EIP-712 domain of a contract of ours.
 * @see docs/library.md#on-chain
 */
export const domainOf = (
  name: "PriceOracle" | "MarginGate" | "Exchange" | "Liquidation",
  chainId: bigint,
  contract: string,
): TypedDataDomain => ({
  name: `Plimsoll ${name}`,
  version: name === "MarginGate" ? "2" : "1",
  chainId,
  verifyingContract: contract,
});

/** The observation that the contract makes of those of an odd number of reporters: the middle of each number. */
export function medianSight(sights: readonly ReporterPrices[]): ReporterPrices {
  const middle = (values: readonly bigint[]) => median(values, (value) => value);
  return {
    time: middle(sights.map(({ time }) => time)),
    prices: sights[0]!.prices.map((_, asset) => middle(sights.map(({ prices }) => prices[asset]!))),
  };
}

/**
 * Observations of an epoch, in the order in which the contract wants them.
 * @param sight what they saw: one for all, or one for each reporter in the order given
 * @see docs/library.md#on-chain
 */
export async function observe(
  reporters: readonly Signer[],
  domain: TypedDataDomain,
  { board, epoch, valuesHash }: Epoch,
  sight: ReporterPrices | readonly ReporterPrices[],
): Promise<Observation[]> {
  const seen = new Map(reporters.map((reporter, index) => [reporter, "time" in sight ? sight : sight[index]!]));
  const signed: SignedBoard = { board, epoch, ...medianSight([...seen.values()]), valuesHash };
  return Promise.all(
    (await byAddress(reporters)).map(async (reporter) => {
      const { time, prices } = seen.get(reporter)!;
      return {
        time,
        prices,
        signature: await reporter.signTypedData(
          domain,
          { Observation: REPORT_TYPES.Observation },
          { board, epoch, time, prices },
        ),
        boardSignature: await reporter.signTypedData(domain, { Board: REPORT_TYPES.Board }, signed),
      };
    }),
  );
}

/**
 * Signatures over a settlement, in the order in which the contract wants them.
 * @see docs/library.md#on-chain
 */
export async function signSettlement(
  reporters: readonly Signer[],
  domain: TypedDataDomain,
  settlement: {
    readonly board: bigint;
    readonly number: bigint;
    readonly marksHash: string;
    readonly deadline: bigint;
  },
): Promise<string[]> {
  const ordered = await byAddress(reporters);
  return Promise.all(
    ordered.map((reporter) => reporter.signTypedData(domain, { Settlement: REPORT_TYPES.Settlement }, settlement)),
  );
}

/** Signers in ascending order of their addresses. */
export async function byAddress<S extends { getAddress(): Promise<string> }>(signers: readonly S[]): Promise<S[]> {
  const known = await Promise.all(signers.map(async (signer) => ({ signer, at: BigInt(await signer.getAddress()) })));
  return known.sort((left, right) => (left.at < right.at ? -1 : 1)).map(({ signer }) => signer);
}

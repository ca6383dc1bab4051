// SPDX-License-Identifier: GPL-3.0-or-later
/** Policies, market values and settlements as `PolicyRegistry` and `PriceOracle` take them, and what reporters sign. */

import { AbiCoder, keccak256, type Signer, type TypedDataDomain, ZeroHash } from "ethers";
import { checkMarket, columnsOf, type Market } from "../model/market.ts";
import { checkPolicy, NOT_SCANNED, type Policy } from "../model/policy.ts";
import { BLOCK_INSTRUMENTS, type BoardSize, instrumentsOf } from "../model/sizes.ts";
import { BITS, type ColumnE6, columnE6 } from "../units.ts";
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
  readonly premiumBps: bigint;
  readonly discountBps: bigint;
  readonly levyBps: bigint;
  readonly maxSlice: bigint;
  readonly dust: bigint;
  readonly reward: bigint;
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
  /** What board values must obey; unless given, nothing can be challenged. */
  readonly boardTerms?: BoardTerms;
}

/** `PriceOracle.BoardTerms`. */
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
  readonly levels: ChainLevels;
  readonly maxAge: bigint;
  readonly epochGrace: bigint;
  readonly terms: ChainTerms;
  readonly boardTermsHash: string;
}

/** What reporters agree on besides the prices: where the epoch belongs, and its first part. */
export interface Epoch {
  readonly board: bigint;
  readonly epoch: bigint;
  readonly firstPart: string;
}

/** Prices of one reporter at one time. */
export interface ReporterPrices {
  /** Unix seconds. */
  readonly time: bigint;
  /** Per lot, 16 decimals; of the underlying, where the asset is a vault's share. */
  readonly prices: readonly bigint[];
}

/** `PriceOracle.Observation`. */
export interface Observation extends ReporterPrices {
  readonly signature: string;
  readonly boardSignature: string;
}

/** `PriceOracle.Part`: rows and terms of one block, and the hash of the part that follows. */
export interface Part {
  readonly rows: readonly (readonly bigint[])[];
  readonly liquidityThreshold: bigint;
  readonly liquidityRateBps: bigint;
  readonly vegaThreshold: bigint;
  readonly vegaRateBps: bigint;
  readonly continues: boolean;
  readonly next: string;
}

/** `PriceOracle.SettlementPart`. */
export interface SettlementPart {
  readonly expired: bigint;
  readonly marks: readonly bigint[];
  readonly next: string;
}

const POLICY_TERMS = "(uint256 row,uint256 asset,uint256 ratioE18)[]";
const BLOCK_TERMS =
  "(uint256 maxLiquidityThreshold,uint256 minLiquidityRateBps,uint256 maxVegaThreshold,uint256 minVegaRateBps,bool mayContinue)[]";
const BOARD_TERMS_TYPE = `tuple(${POLICY_TERMS} linear,uint256 bandBps,${BLOCK_TERMS} blocks)`;
/** `PriceOracle.Part` as an ABI writes it. */
export const PART =
  "(uint256[18][60] rows,uint256 liquidityThreshold,uint256 liquidityRateBps,uint256 vegaThreshold,uint256 vegaRateBps,bool continues,bytes32 next)";
const PART_TYPE = `tuple${PART}`;
const SETTLEMENT_PART_TYPE = "tuple(uint64 expired,int64[60] marks,bytes32 next)";

const hashOf = (type: string, value: unknown): string => keccak256(AbiCoder.defaultAbiCoder().encode([type], [value]));

export const partHash = (part: Part): string => hashOf(PART_TYPE, part);
export const settlementPartHash = (part: SettlementPart): string => hashOf(SETTLEMENT_PART_TYPE, part);
export const boardTermsHash = (terms: BoardTerms): string => hashOf(BOARD_TERMS_TYPE, terms);

/**
 * Throws as `checkPolicy`; the contract checks the rest.
 * @see docs/library.md#on-chain
 */
export function chainPolicy(policy: Policy, { boardTerms, ...terms }: PolicyTerms): ChainPolicy {
  checkPolicy(policy);
  return {
    boundaryLots: policy.schedules.map((schedule) => schedule.map((tier) => tier.boundaryLots)),
    weightBps: policy.schedules.map((schedule) => schedule.map((tier) => tier.weightBps)),
    scanLots: policy.scanLots.map((lots) => (lots === NOT_SCANNED ? 0n : lots)),
    debtRateBps: policy.debtRateBps,
    ...terms,
    boardTermsHash: boardTerms === undefined ? ZeroHash : boardTermsHash(boardTerms),
  };
}

/** Columns on the wire are unsigned, each with 2^42 added, three to a word at the circuit's stride. */
export const columnWords = (columns: readonly bigint[]): bigint[] => {
  const words: bigint[] = [];
  for (let start = 0; start < columns.length; start += 3) {
    const pieces = columns.slice(start, start + 3).map((column) => column + (1n << BigInt(BITS.column)));
    words.push(pieces[0]! + (pieces[1]! << 84n) + (pieces[2]! << 168n));
  }
  return words;
};

/** Puts the hash of each part into the part before it. */
export function chained<P extends { readonly next: string }>(
  parts: readonly Omit<P, "next">[],
  hash: (part: P) => string,
): { firstPart: string; parts: P[] } {
  const linked: P[] = [];
  let firstPart: string = ZeroHash;
  for (const part of [...parts].reverse()) {
    linked.unshift({ ...part, next: firstPart } as P);
    firstPart = hash(linked[0]!);
  }
  return { firstPart, parts: linked };
}

/**
 * What reporters sign for a market, and the parts to be sent, in order. Throws as `checkMarket`.
 *
 * Publish the parts where everybody finds them before anyone signs: an epoch whose parts are lost is never completed.
 * @see docs/library.md#on-chain
 */
export function publication(
  market: Market,
  { board, epoch }: { board: bigint; epoch: bigint },
): { epoch: Epoch; parts: Part[] } {
  checkMarket(market);
  const { firstPart, parts } = chained<Part>(
    market.board.blocks.map((block, index) => ({
      rows: market.board.rows
        .slice(index * BLOCK_INSTRUMENTS, (index + 1) * BLOCK_INSTRUMENTS)
        .map((row) => [...columnWords(columnsOf(row)), row.longCharge, row.shortCharge]),
      liquidityThreshold: block.liquidityThreshold,
      liquidityRateBps: block.liquidityRate,
      vegaThreshold: block.vegaThreshold,
      vegaRateBps: block.vegaRate,
      continues: block.continues,
    })),
    partHash,
  );
  return { epoch: { board, epoch, firstPart }, parts };
}

/**
 * The first part's hash, which reporters sign, and the parts of a settlement.
 * @param marks mark of each row that expires, in 1e-6 quote
 * @see docs/library.md#on-chain
 */
export function settlementPublication(
  size: BoardSize,
  marks: ReadonlyMap<number, ColumnE6>,
): { firstPart: string; parts: SettlementPart[] } {
  const blocks = instrumentsOf(size) / BLOCK_INSTRUMENTS;
  return chained<SettlementPart>(
    Array.from({ length: blocks }, (_, block) => {
      const rows = Array.from({ length: BLOCK_INSTRUMENTS }, (_, row) => marks.get(block * BLOCK_INSTRUMENTS + row));
      return {
        expired: rows.reduce<bigint>((bits, mark, row) => (mark === undefined ? bits : bits | (1n << BigInt(row))), 0n),
        marks: rows.map((mark, row) => (mark === undefined ? 0n : columnE6(mark, `marks[${row}]`))),
      };
    }),
    settlementPartHash,
  );
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

/**
 * Observations of an epoch, in the order in which the contract wants them.
 * @param sight what they saw: one for all, or one for each reporter in the order given
 * @see docs/library.md#on-chain
 */
export async function observe(
  reporters: readonly Signer[],
  domain: TypedDataDomain,
  { board, epoch, firstPart }: Epoch,
  sight: ReporterPrices | readonly ReporterPrices[],
): Promise<Observation[]> {
  const seen = new Map(reporters.map((reporter, index) => [reporter, "time" in sight ? sight : sight[index]!]));
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
        boardSignature: await reporter.signTypedData(
          domain,
          { Board: REPORT_TYPES.Board },
          { board, epoch, firstPart },
        ),
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
  settlement: { readonly board: bigint; readonly number: bigint; readonly firstPart: string },
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

// SPDX-License-Identifier: GPL-3.0-or-later
/** Policies and market values as `MarketBoard` takes them, and what its signers sign. */
import { AbiCoder, keccak256, type Signer, type TypedDataDomain, ZeroHash } from "ethers";
import { checkMarket, type Market } from "../model/market.ts";
import { checkPolicy, type Policy } from "../model/policy.ts";
import { BLOCK_INSTRUMENTS } from "../model/sizes.ts";
import { BITS } from "../units.ts";

/** Levels of a policy in basis points, descending. */
export interface ChainLevels {
  readonly initial: bigint;
  readonly call: bigint;
  readonly liquidation: bigint;
  readonly closeOut: bigint;
}

/** `MarketBoard.Policy`. */
export interface ChainPolicy {
  readonly boundaryLots: readonly (readonly bigint[])[];
  readonly weightBps: readonly (readonly bigint[])[];
  readonly levels: ChainLevels;
  /** Seconds. */
  readonly maxAge: bigint;
}

/** `MarketBoard.Epoch`. */
export interface Epoch {
  readonly board: bigint;
  readonly epoch: bigint;
  /** Unix seconds. */
  readonly time: bigint;
  readonly prices: readonly bigint[];
  readonly firstPart: string;
}

/** `MarketBoard.Part`: rows and terms of one block, and the hash of the part that follows. */
export interface Part {
  readonly rows: readonly (readonly bigint[])[];
  readonly liquidityThreshold: bigint;
  readonly liquidityRateBps: bigint;
  readonly continues: boolean;
  readonly next: string;
}

/** Throws as `checkPolicy`; the contract checks levels and age. */
export function chainPolicy(policy: Policy, levels: ChainLevels, maxAge: bigint): ChainPolicy {
  checkPolicy(policy);
  return {
    boundaryLots: policy.schedules.map((schedule) => schedule.map((tier) => tier.boundaryLots)),
    weightBps: policy.schedules.map((schedule) => schedule.map((tier) => tier.weightBps)),
    levels,
    maxAge,
  };
}

const PART_TYPE =
  "tuple(uint256[8][60] rows,uint256 liquidityThreshold,uint256 liquidityRateBps,bool continues,bytes32 next)";

export const partHash = (part: Part): string => keccak256(AbiCoder.defaultAbiCoder().encode([PART_TYPE], [part]));

/** Columns on the wire are unsigned, each with 2^42 added, three to a word at the circuit's stride. */
export const columnWords = (columns: readonly bigint[]): bigint[] => {
  const words: bigint[] = [];
  for (let start = 0; start < columns.length; start += 3) {
    const pieces = columns.slice(start, start + 3).map((column) => column + (1n << BigInt(BITS.column)));
    words.push(pieces[0]! + (pieces[1]! << 84n) + (pieces[2]! << 168n));
  }
  return words;
};

/**
 * The epoch to be signed and the parts to be sent, in order, for a market. Throws as `checkMarket`.
 *
 * Publish the parts where everybody finds them before anyone signs: an epoch whose parts are lost is never completed.
 */
export function publication(
  market: Market,
  { board, epoch, time }: { board: bigint; epoch: bigint; time: bigint },
): { epoch: Epoch; parts: Part[] } {
  checkMarket(market);
  const parts: Part[] = [];
  let next: string = ZeroHash;
  for (const [index, block] of [...market.board.blocks.entries()].reverse()) {
    const part: Part = {
      rows: market.board.rows
        .slice(index * BLOCK_INSTRUMENTS, (index + 1) * BLOCK_INSTRUMENTS)
        .map((row) => [...columnWords([...row.profits, row.mark, row.delta]), row.longCharge, row.shortCharge]),
      liquidityThreshold: block.liquidityThreshold,
      liquidityRateBps: block.liquidityRate,
      continues: block.continues,
      next,
    };
    parts.unshift(part);
    next = partHash(part);
  }
  return { epoch: { board, epoch, time, prices: market.prices, firstPart: next }, parts };
}

const EPOCH_TYPES = {
  Epoch: [
    { name: "board", type: "uint256" },
    { name: "epoch", type: "uint64" },
    { name: "time", type: "uint64" },
    { name: "prices", type: "uint64[15]" },
    { name: "firstPart", type: "bytes32" },
  ],
};

/** EIP-712 domain of a contract of ours. */
export const domainOf = (name: "MarketBoard" | "MarginGate", chainId: bigint, contract: string): TypedDataDomain => ({
  name: `Plimsoll ${name}`,
  version: "1",
  chainId,
  verifyingContract: contract,
});

/** Signatures of the signers over an epoch, in the order in which the contract wants them. */
export async function signEpoch(signers: readonly Signer[], domain: TypedDataDomain, epoch: Epoch): Promise<string[]> {
  const ordered = await byAddress(signers);
  return Promise.all(ordered.map((signer) => signer.signTypedData(domain, EPOCH_TYPES, epoch)));
}

/** Signers in ascending order of their addresses. */
export async function byAddress<S extends { getAddress(): Promise<string> }>(signers: readonly S[]): Promise<S[]> {
  const known = await Promise.all(signers.map(async (signer) => ({ signer, at: BigInt(await signer.getAddress()) })));
  return known.sort((left, right) => (left.at < right.at ? -1 : 1)).map(({ signer }) => signer);
}

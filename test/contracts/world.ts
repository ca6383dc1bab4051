// SPDX-License-Identifier: GPL-3.0-or-later
/** A simulated chain, a policy and markets on it, and what proves accounts there. */

import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { network } from "hardhat";
import type { DeployableKey, SystemParameters } from "../../prover/src/chain/deploy.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { type HaircutSchedule, NOT_SCANNED, type Policy, UNLISTED } from "../../prover/src/model/policy.ts";
import {
  ASSETS,
  type BoardSize,
  blocksOf,
  CASH_INDEX,
  instrumentsOf,
  SCENARIOS,
} from "../../prover/src/model/sizes.ts";
import { type Fill, noFill } from "../../prover/src/model/transition.ts";
import type { Groth16Proof, Prover } from "../../prover/src/node/prover.ts";
import { buildStatement, type Request } from "../../prover/src/statement/account.ts";
import type { CircuitName } from "../../prover/src/statement/families.ts";
import type {
  ChargeE6,
  ColumnE6,
  LotPriceE16,
  QuantityLots,
  RateBps,
  ScanLots,
  ThresholdE6,
  WeightBps,
} from "../../prover/src/units.ts";
import type { SimulatedKey } from "../support/simulated.ts";
import { GAS_LIMIT } from "./limits.ts";

export const E6 = 10n ** 6n;
export const E8 = 10n ** 8n;
export const E18 = 10n ** 18n;
export const DAY = 86_400n;
export const OPERATOR_DEADLINE = 2n * DAY;
export const CASH = BigInt(CASH_INDEX);
export const BTC = 0n;
/** Token of 18 decimals with lots of 10^-8. */
export const ETH = 1n;
/** Far beyond any test. */
export const LATE = 1n << 40n;

const schedule = (...tiers: [bigint, bigint][]): HaircutSchedule =>
  tiers.map(([boundary, weight]) => ({ boundaryLots: boundary as QuantityLots, weightBps: weight as WeightBps }));

/** Bitcoin and ether with haircuts in tiers; nothing else counts. */
export const POLICY: Policy = {
  schedules: [
    schedule([50n * E8, 9_500n], [100n * E8, 9_000n], [500n * E8, 8_000n], [1000n * E8, 5_000n]),
    schedule([1000n * E8, 9_200n], [5000n * E8, 8_500n], [5000n * E8, 0n], [5000n * E8, 0n]),
    ...new Array<HaircutSchedule>(ASSETS - 2).fill(UNLISTED),
  ],
  scanLots: new Array<ScanLots>(ASSETS).fill(NOT_SCANNED),
  debtRateBps: 0n as RateBps,
};

/** Two futures at a quarter of 0.001 bitcoin and 0.01 ether a lot, 16 moves from −12% to +12%. Prices in whole dollars. */
export function marketAt(size: BoardSize, btc: bigint, eth: bigint): Market {
  const future = (lotE6: bigint): BoardRow => ({
    profits: Array.from(
      { length: SCENARIOS },
      (_, move) => ((lotE6 * (BigInt(move % 16) * 16n - 120n)) / 1000n) as ColumnE6,
    ),
    mark: (lotE6 / 4n) as ColumnE6,
    delta: lotE6 as ColumnE6,
    vega: 0n as ColumnE6,
    longCharge: 40_000n as ChargeE6,
    shortCharge: 50_000n as ChargeE6,
  });
  const rows = new Array<BoardRow>(instrumentsOf(size)).fill(CLOSED_ROW);
  rows[0] = future(btc * 1000n);
  rows[1] = future(eth * 10_000n);
  return {
    prices: [btc * E8, eth * E8, ...new Array<bigint>(ASSETS - 2).fill(0n)] as LotPriceE16[],
    board: {
      size,
      rows,
      blocks: Array.from({ length: blocksOf(size) }, () => ({
        continues: false,
        liquidityThreshold: (2_000_000n * E6) as ThresholdE6,
        liquidityRate: 50n as RateBps,
        vegaThreshold: 0n as ThresholdE6,
        vegaRate: 20n as RateBps,
      })),
    },
  };
}

/** Proves what the world's verifiers accept: with the real prover, or with a simulated key. */
export type Prove = (request: Request) => Promise<Groth16Proof>;

/** The real circuit: false statements are refused, as they are by any prover. */
export const realProve =
  (prover: Prover): Prove =>
  async (request) =>
    (await prover.prove(request)).proof;

/** A simulated key: anything can be proven, true or not. */
export const simulatedProve =
  (key: SimulatedKey): Prove =>
  async (request) =>
    key.prove(buildStatement(request).publicSignals) as Groth16Proof;

/** A simulated key that proves what is true by the model, and nothing else. */
export const modelProve =
  (key: SimulatedKey): Prove =>
  async (request) => {
    const { holds, publicSignals } = buildStatement(request);
    if (!holds) throw new PlimsollError("STATEMENT_FALSE", "by the model the statement is not true");
    return key.prove(publicSignals) as Groth16Proof;
  };

/** A simulated key as `deploy` takes it. */
export function deployable<Name extends CircuitName>(key: SimulatedKey<Name>): DeployableKey<Name> {
  const { identity, file, linkKeyFile } = key;
  const { size, sha256, origin } = identity;
  return { identity: { size, origin, verificationKeySha256: sha256 }, verificationKeyFile: file, linkKeyFile };
}

/** A chain of its own. With a fixed gas limit nothing is estimated, which would run every transaction several times. */
export const createChain = (chainId = 31_337, start?: bigint) =>
  network.create({
    override: {
      chainId,
      gas: GAS_LIMIT,
      ...(start === undefined ? {} : { initialDate: new Date(Number(start) * 1000).toISOString() }),
    },
  });

export type Chain = Awaited<ReturnType<typeof network.create>>;

/** Everything by the first signers: 0 owns, 1 to 5 report (3 of 5), 6 guards, 7 operates. */
export function parametersOf(signers: readonly HardhatEthersSigner[]): SystemParameters {
  return {
    owner: signers[0]!.address,
    guardian: signers[6]!.address,
    operator: signers[7]!.address,
    operatorDeadline: OPERATOR_DEADLINE,
    reporters: signers.slice(1, 6).map(({ address }) => address),
    quorum: 3n,
    timelock: 2n * DAY,
    maxMoveBps: 5_000n,
    sequencer: "none",
    boardSize: "board-60",
    keepsBlobs: true,
    staging: false,
    assets: [],
  };
}

/** Sends a transaction and waits for it. */
export async function call(contract: unknown, method: string, ...args: unknown[]) {
  const sent = await (contract as Record<string, (...args: unknown[]) => Promise<{ wait(): Promise<unknown> }>>)[
    method
  ]!(...args);
  return (await sent.wait()) as { gasUsed: bigint };
}

export function callView(contract: unknown, method: string, ...args: unknown[]): Promise<unknown> {
  return (contract as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!(...args);
}

/** A fill of positions and cash, for the side that applies it with +1. */
export function fillOf(size: BoardSize, positions: Record<number, bigint>, cash: bigint, blinding = 7n): Fill {
  const empty = noFill(size);
  return {
    ...empty,
    positions: empty.positions.map((_, index) => positions[index] ?? 0n),
    cash,
    blinding: blinding as FieldElement,
  };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Deployment of a gate with its desks, for a board of a market.
 *
 * In this order: gate and desks; its assets; the board, and the gate bound to it (through the market's queue, which the deployer
 * still may set up at once); the queue closed; the gate sealed. No account opens before the last.
 */
import type { Contract, Signer } from "ethers";
import { type BoardSize, CASH_INDEX, instrumentsOf } from "../model/sizes.ts";

/** What sends a deployment's transactions, one after another. */
export interface GateSteps {
  create(name: string, args: readonly unknown[], libraries?: Readonly<Record<string, Contract>>): Promise<Contract>;
  send(what: string, contract: Contract, method: string, ...args: unknown[]): Promise<void>;
}

/** An asset of a gate, and within which bounds it comes in and leaves. */
export interface GateAsset {
  /** 0 to 14 in the order of the board's policy; 15 is cash. */
  readonly index: number;
  readonly token: string | Contract;
  /** One lot is 10^-lotDecimals of a whole token. */
  readonly lotDecimals: number;
  /** Deposits end where custody reaches this; lots. */
  readonly depositCap: bigint;
  /** Lots that leave in an hour at most. */
  readonly outflow: bigint;
}

/** What a gate is deployed with. */
export interface GateParameters {
  readonly market: Contract;
  readonly board: bigint;
  readonly size: BoardSize;
  readonly operator: string | Signer;
  /** Seconds after which a silent operator is not asked any more. */
  readonly operatorDeadline: bigint;
  /** Whether members' encrypted states are in the events of rounds; else only their hashes are given. */
  readonly keepsBlobs: boolean;
  /** Whether the gate's name says that it is a rehearsal. */
  readonly staging: boolean;
  readonly assets: readonly GateAsset[];
  /** Name of the contract that is the desk for lots; its constructor takes the gate. */
  readonly liquidation: string;
}

/** The contracts of a gate. */
export interface DeployedGate {
  /** The gate's linked part. */
  readonly vault: Contract;
  readonly gate: Contract;
  readonly exchange: Contract;
  readonly clearing: Contract;
  readonly liquidation: Contract;
  readonly fund: Contract;
}

/** Deploys gate and desks and registers the assets. The gate is not sealed: its market does not know it yet. */
export async function deployGate(steps: GateSteps, parameters: GateParameters): Promise<DeployedGate> {
  const { market, board, size, operator, operatorDeadline, keepsBlobs, staging } = parameters;
  const vault = await steps.create("Vault", []);
  const gate = await steps.create("MarginGate", [market, board, instrumentsOf(size), staging], { Vault: vault });
  const exchange = await steps.create("Exchange", [gate, operator, operatorDeadline, keepsBlobs]);
  const clearing = await steps.create("Clearing", [gate]);
  const liquidation = await steps.create(parameters.liquidation, [gate]);
  const fund = await steps.create("Fund", [gate]);
  for (const { index, token, lotDecimals, depositCap, outflow } of parameters.assets) {
    const what = index === CASH_INDEX ? "cash" : `asset ${index}`;
    await steps.send(`registering ${what}`, gate, "registerAsset", index, token, lotDecimals, depositCap, outflow);
  }
  return { vault, gate, exchange, clearing, liquidation, fund };
}

/** Names the desks for good: once the market's board is bound to the gate, and its queue is closed. */
export const sealGate = (
  steps: Pick<GateSteps, "send">,
  { gate, exchange, clearing, liquidation, fund }: DeployedGate,
) => steps.send("sealing the gate", gate, "seal", [exchange, clearing, liquidation, fund]);

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The chain inside the process with the whole released system on it, and what proves there: a key whose trapdoor is known, in the
 * hands of a prover that asks the integer model whether a statement is true and proves nothing else. So the model is the judge.
 * Every block has the time that it is told, so a run follows from its seed.
 */
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { Contract, type Interface, id, type LogDescription } from "ethers";
import { network } from "hardhat";
import { FAMILY_IDS } from "../../prover/src/chain/carrier.ts";
import { type Deployment, deploy, releasedContract } from "../../prover/src/chain/deploy.ts";
import type { VenueDomains } from "../../prover/src/chain/gate-calls.ts";
import { openBoard } from "../../prover/src/chain/open-board.ts";
import { byAddress, domainOf, type PolicyTerms } from "../../prover/src/chain/publication.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { commitFill } from "../../prover/src/model/commit.ts";
import { isAtLeast } from "../../prover/src/model/evaluate.ts";
import type { Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import { applyTransition, isNoFill } from "../../prover/src/model/transition.ts";
import type { Groth16Proof, Prover } from "../../prover/src/node/prover.ts";
import {
  encodeTerms,
  encodeTransfer,
  marketSignals,
  NO_FILL,
  type Request,
} from "../../prover/src/statement/account.ts";
import { buildLotStatement } from "../../prover/src/statement/lot.ts";
import { buildRoundStatement } from "../../prover/src/statement/round.ts";
import { buildSettlementStatement } from "../../prover/src/statement/settlement.ts";
import { deployable } from "../../test/contracts/world.ts";
import { simulatedKey } from "../../test/support/simulated.ts";
import { stateOf, valued } from "./model.ts";
import { ASSET } from "./prices.ts";

export const SIZE = "board-60";
export const BOARD = 1n;
export const START = 1_800_000_000;
const GAS = "0xf42400"; // 16 M
const CIRCUITS = [SIZE, "settlement-60", "lot-60", "round-60-3"] as const;
const SIGNERS = 64;

/** A call that was not taken: by the contracts, with the error's name, or by the model, which knows that a statement is false. */
export class Refusal extends Error {
  readonly why: string;
  constructor(why: string) {
    super(why);
    this.why = why;
  }
}

type SimulatedProver = Pick<Prover, "settle" | "liquidate" | "round"> & {
  prove(request: Request & { readonly after?: Account }): ReturnType<Prover["prove"]>;
};
type Keys = ReturnType<typeof keysOf>;
const keysOf = () => ({
  account: simulatedKey(SIZE),
  settlement: simulatedKey("settlement-60", 101n),
  lot: simulatedKey("lot-60", 201n),
  round: simulatedKey("round-60-3", 301n),
});

/** Proves what is true by the model. */
function judgedProver(keys: Keys): SimulatedProver {
  const proven = (holds: boolean, proof: () => object) => {
    if (!holds) throw new PlimsollError("STATEMENT_FALSE", "by the model the statement is not true");
    return { proof: proof() as Groth16Proof } as never;
  };
  return {
    // As `buildStatement`, without the circuit's input, and with commitments that are known.
    async prove(request: Request & { readonly after?: Account }) {
      const { before, transition, level, direction, context, policy, market } = request;
      const after = request.after ?? applyTransition(before, transition);
      const holds = isAtLeast(valued(after, policy, market), level) === (direction === "at-least");
      const { transfer, fill, side } = transition;
      return proven(holds, () =>
        keys.account.prove([
          ...[stateOf(before), stateOf(after), encodeTransfer(transfer)],
          ...[isNoFill(fill) ? NO_FILL[SIZE] : commitFill(fill), encodeTerms({ level, direction, side }), context],
          ...signalsOf(policy, market),
        ]),
      );
    },
    async settle(request) {
      return proven(true, () => keys.settlement.prove(buildSettlementStatement(request).publicSignals));
    },
    async liquidate(request) {
      const { appraisal, publicSignals } = buildLotStatement(request);
      return proven(appraisal.broken.length === 0, () => keys.lot.prove(publicSignals));
    },
    async round(request) {
      const { holds, publicSignals } = buildRoundStatement(request);
      return proven(holds, () => keys.round.prove(publicSignals));
    },
  };
}

const signals = new WeakMap<Market, Map<Policy, readonly bigint[]>>();
function signalsOf(policy: Policy, market: Market): readonly bigint[] {
  const policies = signals.get(market) ?? new Map<Policy, readonly bigint[]>();
  const known = policies.get(policy) ?? marketSignals(policy, market);
  policies.set(policy, known);
  signals.set(market, policies);
  return known;
}

type Rpc = { request(call: { method: string; params: unknown[] }): Promise<unknown> };
interface Receipt {
  readonly status: string;
  readonly logs: readonly { address: string; topics: string[]; data: string }[];
}

/** What every act needs of the chain. */
export class Chain {
  readonly system!: Deployment;
  readonly settlements!: Contract;
  readonly signers!: readonly HardhatEthersSigner[];
  readonly tokens!: ReadonlyMap<number, Contract>;
  readonly feed!: Contract;
  readonly sequencer!: Contract;
  readonly registryParts!: { readonly points: Contract; readonly sources: Contract };
  readonly domains!: VenueDomains;
  readonly oracleDomain!: ReturnType<typeof domainOf>;
  readonly chainId!: bigint;
  readonly prover!: SimulatedProver;
  readonly keys!: Keys;
  /** Unix seconds of the latest block. */
  time = START;
  /** Transactions sent, and of them those that reverted. */
  sent = 0;
  reverted = 0;
  readonly #rpc: Rpc;
  readonly #interfaces = new Map<string, Interface>();

  private constructor(rpc: Rpc, given: Partial<Chain>) {
    this.#rpc = rpc;
    Object.assign(this, given);
  }

  /** The system on a new chain, its gate sealed: 0 owns, 1 to 5 report, 6 guards, 7 operates, 8 carries. */
  static async create(policy: Policy, rules: PolicyTerms, caps: { depositCap: bigint; outflow: bigint }) {
    const created = await network.create({
      override: {
        ...{ chainId: 31_337, gas: BigInt(GAS), initialDate: new Date(START * 1000).toISOString() },
        accounts: Array.from({ length: SIGNERS }, (_, index) => ({
          privateKey: id(`signer ${index}`),
          balance: 10n ** 24n,
        })),
      } as never,
    });
    const { ethers, provider } = created as unknown as { ethers: typeof created.ethers; provider: Rpc };
    const signers = await ethers.getSigners();
    const keys = keysOf();
    const create = async (name: string, args: unknown[]) =>
      (await ethers.deployContract(name, args)) as unknown as Contract;
    const tokens = new Map<number, Contract>();
    const assets = [];
    for (const [symbol, index, decimals] of [
      ["BTC", ASSET.btc, 8],
      ["ETH", ASSET.eth, 18],
      ["yETH", ASSET.staked, 18],
      ["USDT", ASSET.stable, 6],
      ["OLD", ASSET.worthless, 8],
      ["USDC", ASSET.cash, 6],
    ] as const) {
      const token = await create("TestToken", [symbol, decimals]);
      tokens.set(index, token);
      assets.push({ index, token: await token.getAddress(), lotDecimals: Math.min(decimals, 8), ...caps });
    }
    const feed = await create("TestFeed", [8, 346_000_000_000n]);
    const sequencer = await create("TestFeed", [0, 0n]);
    const addresses = signers.map(({ address }) => address);
    const system = await deploy({
      deployer: signers[0]!,
      keys: CIRCUITS.map((circuit) =>
        deployable(Object.values(keys).find(({ identity }) => identity.size === circuit)!),
      ),
      parameters: {
        ...{ owner: addresses[0]!, guardian: addresses[6]!, operator: addresses[7]!, operatorDeadline: 2n * 86_400n },
        ...{ reporters: addresses.slice(1, 6), quorum: 3n, timelock: 2n * 86_400n, maxMoveBps: 2_000n },
        ...{ sequencer: await sequencer.getAddress(), boardSize: SIZE, keepsBlobs: true, staging: false, assets },
      },
    });
    const none = { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0n, minAnswer: 0n, maxAnswer: 0n };
    const plain = { maxMoveBps: 2_500n, lotDecimals: 8n, deviationBps: 0n, apart: false, feed: none, second: none };
    const ofEther = { aggregator: await feed.getAddress(), heartbeat: 93_600n, minAnswer: 1n, maxAnswer: 10n ** 16n };
    await openBoard(system, {
      ...{ size: SIZE, policy, rules },
      sources: new Map<number, object>([
        [ASSET.btc, plain],
        [ASSET.eth, { ...plain, deviationBps: 500n, feed: ofEther }],
        [ASSET.staked, { ...plain, maxMoveBps: 1_500n, apart: true }],
        [ASSET.stable, { ...plain, maxMoveBps: 1_000n, lotDecimals: 6n }],
      ]),
      makerOf: async (circuit) => Object.values(keys).find(({ identity }) => identity.size === circuit) as never,
    });
    const made = async (name: "Settlements" | "PolicyPoints" | "PriceSources", at: Contract, method: string) =>
      new Contract(await at.getFunction(method)(), (await releasedContract(name)).abi, signers[0]);
    const { oracle, registry, gate, exchange } = system;
    const latest = (await provider.request({ method: "eth_getBlockByNumber", params: ["latest", false] })) as {
      timestamp: string;
    };
    return new Chain(provider, {
      ...{ system, signers, tokens, feed, sequencer, keys, prover: judgedProver(keys), chainId: 31_337n },
      settlements: await made("Settlements", oracle, "settlements"),
      registryParts: {
        points: await made("PolicyPoints", registry, "points"),
        sources: await made("PriceSources", oracle, "sources"),
      },
      domains: {
        gate: domainOf("MarginGate", 31_337n, await gate.getAddress()),
        exchange: domainOf("Exchange", 31_337n, await exchange.getAddress()),
      },
      oracleDomain: domainOf("PriceOracle", 31_337n, await oracle.getAddress()),
      time: Number(latest.timestamp),
    });
  }

  get operator() {
    return this.signers[7]!;
  }
  get guardian() {
    return this.signers[6]!;
  }
  get carrier() {
    return this.signers[8]!;
  }
  /** In ascending order of their addresses. */
  reporters() {
    return byAddress(this.signers.slice(1, 6));
  }
  /** Makers of links, by family. */
  maker(family: bigint) {
    const { account, lot, round, settlement } = this.keys;
    const found = new Map<bigint, object>([
      [FAMILY_IDS.account, account],
      [FAMILY_IDS.lot, lot],
      [FAMILY_IDS.round(3), round],
      [FAMILY_IDS.settlement, settlement],
    ]);
    return found.get(family) as Pick<typeof account, "link">;
  }

  request(method: string, ...params: unknown[]) {
    return this.#rpc.request({ method, params });
  }

  /** A block of that time and all later ones are not before it. */
  async until(time: number) {
    if (time <= this.time) return;
    this.time = time;
    await this.request("evm_setNextBlockTimestamp", `0x${time.toString(16)}`);
    await this.request("evm_mine");
  }

  /**
   * Sends a call in a block of its own, a second after the one before.
   * @returns its events, of the contracts of the system
   * @throws Refusal where it reverts
   */
  async transact(from: string, contract: Contract, method: string, ...args: unknown[]): Promise<LogDescription[]> {
    const to = contract.target as string;
    if (!this.#interfaces.has(to.toLowerCase())) this.#interfaces.set(to.toLowerCase(), contract.interface);
    const data = contract.interface.encodeFunctionData(method, args);
    this.time++;
    this.sent++;
    await this.request("evm_setNextBlockTimestamp", `0x${this.time.toString(16)}`);
    let hash: unknown;
    try {
      hash = await this.request("eth_sendTransaction", { from, to, data, gas: GAS });
    } catch (error) {
      this.reverted++;
      throw new Refusal(this.reasonOf(error));
    }
    const receipt = (await this.request("eth_getTransactionReceipt", hash)) as Receipt;
    return receipt.logs.flatMap(({ address, topics, data: bytes }) => {
      const log = this.#interfaces.get(address)?.parseLog({ topics, data: bytes });
      return log ? [log] : [];
    });
  }

  /** A view. @throws Refusal where it reverts */
  async view<T>(contract: Contract, method: string, ...args: unknown[]): Promise<T> {
    try {
      return (await contract.getFunction(method).staticCall(...args)) as T;
    } catch (error) {
      throw new Refusal(this.reasonOf(error));
    }
  }

  /** Lets a contract, or anybody, send calls: for faults that tests plant. */
  async impersonate(address: string) {
    await this.request("hardhat_impersonateAccount", address);
    await this.request("hardhat_setBalance", address, "0xde0b6b3a7640000");
    return address;
  }

  /** Name of the custom error that a call reverted with. */
  reasonOf(error: unknown): string {
    const text = JSON.stringify(error, Object.getOwnPropertyNames(error ?? {})) ?? "";
    const data = (error as { data?: unknown }).data;
    const bytes =
      typeof data === "string"
        ? data
        : (/return data: (0x[0-9a-f]{8,})/.exec(text)?.[1] ?? /"(0x[0-9a-f]{8,})"/.exec(text)?.[1]);
    if (bytes !== undefined) {
      const { system, settlements, registryParts } = this;
      const verifiers = system.keys.map(({ verifier }) => verifier);
      const known = [
        ...verifiers,
        system.gate,
        system.vault,
        system.exchange,
        system.clearing,
        system.liquidation,
        system.fund,
      ];
      for (const contract of [...known, system.oracle, system.registry, settlements, ...Object.values(registryParts)]) {
        const found = contract.interface.parseError(bytes);
        if (found !== null) return found.name;
      }
    }
    throw error;
  }
}

/** What an attempt came to: nothing where it was taken, else why it was not. Errors that are no refusals go on. */
export async function attempt(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.why;
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
}

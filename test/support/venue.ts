// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A venue on a chain of its own behind JSON-RPC, as a command line finds one: the sample firm's market, one epoch published, a gate in
 * service. Signer 0 deploys, 1 to 3 report, 4 operates, from 5 on they are anybody's.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { Contract, ContractFactory } from "ethers";
import hardhat, { network } from "hardhat";
import { carryEpoch, carrySettlement, FAMILY_IDS, publishArguments } from "../../prover/src/chain/carrier.ts";
import { type DeployableKey, type Deployment, deploy, releasedContract } from "../../prover/src/chain/deploy.ts";
import { openBoard } from "../../prover/src/chain/open-board.ts";
import { domainOf, observe, publication, signSettlement } from "../../prover/src/chain/publication.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { type MarketFile, readMarket } from "../../prover/src/formats/market.ts";
import { type PolicyFile, readPolicy } from "../../prover/src/formats/policy.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import type { LinkMaker } from "../../prover/src/prove/link.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { CircuitName } from "../../prover/src/statement/families.ts";
import type { SettlementMarks } from "../../prover/src/statement/signals.ts";

export const CIRCUITS = ["board-60", "settlement-60", "lot-60"] as const;
export const OPERATOR_DEADLINE = 86_400n;
const MILLION = 10n ** 12n;

/** What the node answers in place of the chain, where a hook throws it. */
export class NodeRefuses extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * What a call of the chain may be met with: a refusal that is thrown is the answer, and of anything else that is thrown the answer never
 * comes; what it returns is done after the call.
 */
export type Hook = (method: string, params: readonly unknown[]) => undefined | (() => void);

export interface Keys {
  readonly deployable: readonly DeployableKey<CircuitName>[];
  readonly makerOf: (circuit: CircuitName) => Promise<Pick<LinkMaker, "link">>;
}

export class Venue {
  readonly deployment: Deployment;
  readonly signers: readonly HardhatEthersSigner[];
  readonly tokens: ReadonlyMap<number, Contract>;
  readonly policy: PolicyFile;
  readonly makers: ReadonlyMap<bigint, Pick<LinkMaker, "link">>;
  readonly rpc: string;
  /** Meets each call of the chain over HTTP. */
  hook: Hook = () => undefined;
  readonly #request: (method: string, params?: readonly unknown[]) => Promise<unknown>;
  readonly #close: () => Promise<void>;

  private constructor(
    parts: Pick<Venue, "deployment" | "signers" | "tokens" | "policy" | "makers" | "rpc">,
    chain: Private,
  ) {
    this.deployment = parts.deployment;
    this.signers = parts.signers;
    this.tokens = parts.tokens;
    this.policy = parts.policy;
    this.makers = parts.makers;
    this.rpc = parts.rpc;
    this.#request = chain.request;
    this.#close = chain.close;
  }

  static async open({ deployable, makerOf }: Keys): Promise<Venue> {
    const firm = sampleFirm();
    const policy = readPolicy(formatJson(firm.policy), "policy.json");
    const market = readMarket(formatJson(firm.market), "market.json", policy);
    const connection = await network.create({ override: { initialDate: market.time } });
    const signers = await connection.ethers.getSigners();
    const [deployer, r1, r2, r3, operator] = signers;
    const artifact = await hardhat.artifacts.readArtifact("TestToken");
    const tokens = new Map<number, Contract>();
    const assets = [
      ...policy.assets.map(({ symbol, lotDecimals }, index) => ({
        index,
        symbol,
        lotDecimals,
        decimals: symbol.endsWith("ETH") ? 18 : lotDecimals,
      })),
      { index: CASH_INDEX, symbol: policy.cashSymbol, lotDecimals: 6, decimals: 6 },
    ];
    for (const { index, symbol, decimals } of assets) {
      const made = await new ContractFactory(artifact.abi, artifact.bytecode, deployer).deploy(symbol, decimals);
      tokens.set(index, made as Contract);
    }
    const deployment = await deploy({
      deployer: deployer!,
      keys: deployable,
      parameters: {
        ...{ owner: deployer!.address, guardian: deployer!.address, operator: operator!.address },
        ...{ operatorDeadline: OPERATOR_DEADLINE, reporters: [r1, r2, r3].map((each) => each!.address), quorum: 3n },
        ...{ timelock: 172_800n, maxMoveBps: 5_000n, sequencer: "none", boardSize: "board-60" as const },
        ...{ keepsBlobs: true, staging: false },
        assets: await Promise.all(
          assets.map(async ({ index, lotDecimals }) => ({
            ...{ index, lotDecimals, depositCap: 10n ** 17n, outflow: 10n ** 15n },
            token: await tokens.get(index)!.getAddress(),
          })),
        ),
      },
    });
    const none = { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0, minAnswer: 0, maxAnswer: 0 };
    const source = { maxMoveBps: 5_000, deviationBps: 0, apart: false, feed: none, second: none };
    await openBoard(deployment, {
      size: "board-60",
      policy: policy.policy,
      rules: { levels: policy.levels, maxAge: 14_400n, epochGrace: 60n, terms: TERMS },
      sources: new Map(policy.assets.map(({ lotDecimals }, index) => [index, { ...source, lotDecimals }])),
      makerOf,
    });
    const makers = new Map([
      [FAMILY_IDS.account, await makerOf("board-60")],
      [FAMILY_IDS.lot, await makerOf("lot-60")],
      [FAMILY_IDS.settlement, await makerOf("settlement-60")],
    ]);
    const request = (method: string, params: readonly unknown[] = []) =>
      connection.provider.request({ method, params: params as never });
    let venue: Venue | undefined;
    const server = createServer(async (asked, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of asked) chunks.push(chunk as Buffer);
      const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString());
      const answer = (body: object) => response.end(JSON.stringify({ jsonrpc: "2.0", id, ...body }));
      try {
        const after = venue?.hook(method, params ?? []);
        try {
          const result = await request(method, params);
          after?.();
          answer({ result: result ?? null });
        } catch (error) {
          const { code = -32000, message, data } = error as { code?: number; message: string; data?: unknown };
          const revert = typeof data === "object" && data !== null && "data" in data ? data.data : data;
          answer({ error: { code, message, ...(revert === undefined ? {} : { data: revert }) } });
        }
      } catch (error) {
        if (error instanceof NodeRefuses) answer({ error: { code: error.code, message: error.message } });
        else response.destroy();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const rpc = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const close = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await connection.close();
    };
    venue = new Venue({ deployment, signers, tokens, policy, makers, rpc }, { request, close });
    await venue.publish(market);
    return venue;
  }

  close = () => this.#close();
  get gate(): Contract {
    return this.deployment.gate;
  }
  get operator(): HardhatEthersSigner {
    return this.signers[4]!;
  }

  async now(): Promise<number> {
    return Number(
      ((await this.#request("eth_getBlockByNumber", ["latest", false])) as { timestamp: string }).timestamp,
    );
  }
  async passes(seconds: number): Promise<void> {
    await this.#request("evm_increaseTime", [seconds]);
    await this.#request("evm_mine");
  }

  /** Undoes all blocks since the moment that is remembered here, as a reorganisation does: nothing of them is left. */
  async remember(): Promise<() => Promise<void>> {
    const moment = await this.#request("evm_snapshot");
    return async () => void (await this.#request("evm_revert", [moment]));
  }

  /** Publishes an epoch under all reporters' signatures, at its time or now if that has passed, linked for accounts and lots. */
  async publish(file: MarketFile): Promise<void> {
    const { oracle, chainId } = this.deployment;
    const place = { board: 1n, epoch: file.epoch };
    const { epoch } = publication(file.market, place);
    const now = await this.now();
    const time = BigInt(Math.max(Date.parse(file.time) / 1000, now));
    if (time > BigInt(now)) await this.#request("evm_setNextBlockTimestamp", [`0x${time.toString(16)}`]);
    const domain = domainOf("PriceOracle", chainId, await oracle.getAddress());
    const observations = await observe(this.signers.slice(1, 4), domain, epoch, { time, prices: file.market.prices });
    const linked = new Map([...this.makers].filter(([family]) => family !== FAMILY_IDS.settlement));
    const carried = await carryEpoch(oracle, linked, file.market, place, observations);
    await (await oracle.getFunction("publish")(...publishArguments(carried))).wait();
  }

  /** Opens the board's first settlement, under all reporters' signatures. */
  async settle(marks: SettlementMarks): Promise<void> {
    const { oracle, chainId } = this.deployment;
    const at = await oracle.getFunction("settlements")();
    const settlements = new Contract(at, (await releasedContract("Settlements")).abi, this.signers[0]);
    const place = { board: 1n, number: 1n };
    const maker = this.makers.get(FAMILY_IDS.settlement)!;
    const { packed, marksHash, link } = await carrySettlement(settlements, maker, place, "board-60", marks);
    const deadline = BigInt(await this.now()) + 3_600n;
    const domain = domainOf("PriceOracle", chainId, await oracle.getAddress());
    const signatures = await signSettlement(this.signers.slice(1, 4), domain, { ...place, marksHash, deadline });
    await (await settlements.getFunction("settle")(1n, 1n, packed, deadline, signatures, link)).wait();
  }

  /** Gives somebody tokens, and something to pay gas with. */
  async give(address: string, asset: number, units: bigint): Promise<void> {
    await this.#request("hardhat_setBalance", [address, "0x8ac7230489e80000"]);
    await (await this.tokens.get(asset)!.getFunction("mint")(address, units)).wait();
  }
  balance = (asset: number, address: string): Promise<bigint> =>
    this.tokens.get(asset)!.getFunction("balanceOf")(address);
}

interface Private {
  readonly request: (method: string, params?: readonly unknown[]) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const TERMS = {
  ...{ curePeriod: 3_600n, attestInterval: 86_400n, stopLimit: 7_200n, auctionDuration: 1_200n },
  ...{ holdPeriod: 3_600n, voidDelay: 86_400n, premiumBps: 500n, discountBps: 1_000n, levyBps: 50n },
  ...{ toleranceBps: 100n, maxSlice: MILLION, dust: 10n ** 9n, reward: 50_000_000n, tillFloor: 0n },
};

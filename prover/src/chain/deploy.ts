// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Deployment of the whole system, and the compiled contracts themselves.
 *
 * The same keys, policies and parameters serve any number of chains: what is proven is bound to chain id and gate, so that a
 * proof for one deployment is worth nothing at another.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Contract, ContractFactory, type InterfaceAbi, keccak256, type Signer } from "ethers";
import { PlimsollError } from "../errors.ts";
import type { KeyOrigin } from "../keys/origin.ts";
import { type BoardSize, CASH_INDEX, instrumentsOf } from "../model/sizes.ts";
import type { LoadedVerificationKey } from "../node/artifacts.ts";
import { boardSizeOf, type CircuitName, type CircuitOf } from "../statement/families.ts";
import { createVerifier } from "../verify/verifier.ts";
import { chainKey, deployedKeyHash } from "./verifying-key.ts";

/** Chain ids of local development chains, the only ones on which keys may be deployed that are not from a ceremony. */
export const LOCAL_CHAINS: readonly bigint[] = [31337n, 1337n];

/** The contracts that a deployment creates. */
export type ContractName =
  | "AccountVerifier"
  | "SettlementVerifier"
  | "VerifierRouter"
  | "PolicyRegistry"
  | "PriceOracle"
  | "MarginGate"
  | "Liquidation"
  | "Tokens";

export interface CompiledContract {
  readonly abi: InterfaceAbi;
  readonly bytecode: string;
  /** By file and library, where in the code (bytes) the library's address goes. */
  readonly linkReferences: Readonly<
    Record<string, Readonly<Record<string, readonly { start: number; length: number }[]>>>
  >;
}

const RELEASE = path.join(import.meta.dirname, "../../../verifier-contracts/release");

/** A contract as it was released: the bytes that are reviewed, not compiled here. Throws ARTIFACT_MISSING where it is not there. */
export async function releasedContract(name: ContractName): Promise<CompiledContract> {
  const file = path.join(RELEASE, `${name}.json`);
  try {
    return JSON.parse(await readFile(file, "utf8")) as CompiledContract;
  } catch {
    throw new PlimsollError("ARTIFACT_MISSING", "the contract is not compiled; `npm run setup` compiles it", { file });
  }
}

/** What of a loaded key a deployment looks at. */
export type DeployableKey<Name extends CircuitName = BoardSize> = Pick<LoadedVerificationKey, "verificationKeyFile"> & {
  readonly identity: Pick<LoadedVerificationKey<Name>["identity"], "size" | "origin" | "verificationKeySha256">;
};

/** Who does what at a venue, and within which bounds. Addresses, and seconds. */
export interface SystemParameters {
  /** Of registry, oracle and gate; ownership is handed over in two steps, the second being theirs. */
  readonly owner: string;
  /** Tightens policies, withdraws proposals and pauses boards. */
  readonly guardian: string;
  readonly operator: string;
  /** After which a silent operator is not asked any more. */
  readonly operatorDeadline: bigint;
  /** Who report market values, in any order. */
  readonly reporters: readonly string[];
  /** Observations that an epoch takes: odd, at most the number of reporters. */
  readonly quorum: bigint;
  /** Between a policy's proposal and its enactment. */
  readonly timelock: bigint;
  /** By how much one change of a policy may move a value. */
  readonly maxMoveBps: bigint;
  /** Feed that says whether the chain's sequencer is up; none on chains without one. */
  readonly sequencer?: string;
  /** Tokens by asset index (cash is 15), and the decimals of one lot. */
  readonly assets: readonly { readonly index: number; readonly token: string; readonly lotDecimals: number }[];
}

/** The verifying keys that a deployment holds. */
export interface DeployedKey {
  readonly size: BoardSize;
  readonly circuit: "account" | "settlement";
  readonly origin: KeyOrigin;
  /** SHA-256 of the key's file, as the manifest has it. */
  readonly sha256: string;
  /** Keccak-256 of the key as the chain holds it, read back from the pages' code. */
  readonly keyHash: string;
  readonly pages: readonly string[];
  readonly verifier: Contract;
}

export interface DeployedSystem {
  readonly router: Contract;
  readonly registry: Contract;
  readonly oracle: Contract;
  readonly gate: Contract;
  readonly liquidation: Contract;
}

export interface Deployment extends DeployedSystem {
  readonly chainId: bigint;
  readonly keys: readonly DeployedKey[];
  /** Of accounts, by size. */
  readonly verifiers: ReadonlyMap<BoardSize, Contract>;
}

export interface DeployOptions {
  /** Pays, and owns everything until it is handed over. */
  readonly deployer: Signer;
  /** Of the circuit `Account`, one for each board size that is to be served. */
  readonly keys: readonly DeployableKey[];
  /** Of the circuit `Settlement`; on boards of a size without one nothing expires. */
  readonly settlementKeys?: readonly DeployableKey<CircuitOf<"settlement">>[];
  readonly parameters: SystemParameters;
  /** Called before each transaction with what it does. */
  readonly onStep?: (what: string) => void;
}

/**
 * Deploys verifiers, router, registry, oracle, gate and liquidation, and binds them to each other. There are no boards yet.
 *
 * Refuses, before the first transaction: a key that is not from a ceremony on a chain that is not a local one, a key without second
 * phase or of other counts (KEY_REFUSED), a key that is not the one its manifest names (ARTIFACT_HASH). Each key is read
 * back from the code of its pages and compared before anything is made that relies on it (KEY_REFUSED).
 */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const { deployer, parameters, onStep = () => {} } = options;
  const { provider } = deployer;
  if (provider === null) throw new TypeError("the deployer has no provider");
  const { chainId } = await provider.getNetwork();
  const asked = [
    ...options.keys.map((key) => ({ ...key, circuit: "account" as const })),
    ...(options.settlementKeys ?? []).map((key) => ({ ...key, circuit: "settlement" as const })),
  ];
  for (const { identity, verificationKeyFile } of asked) {
    checkOrigin(identity.origin, chainId);
    const { size, verificationKeySha256: sha256, origin } = identity;
    createVerifier(verificationKeyFile, { size, sha256, origin });
  }

  const create = async (name: ContractName, args: unknown[], libraries: Record<string, Contract> = {}) => {
    onStep(`deploying ${name}`);
    const { abi, bytecode, linkReferences } = await releasedContract(name);
    const linked = await link(bytecode, linkReferences, libraries);
    const contract = await new ContractFactory(abi, linked, deployer).deploy(...args);
    return (await contract.waitForDeployment()) as Contract;
  };
  const send = async (what: string, contract: Contract, method: string, ...args: unknown[]) => {
    onStep(what);
    const calls = contract as unknown as Record<string, (...args: unknown[]) => Promise<{ wait(): Promise<unknown> }>>;
    await (await calls[method]!(...args)).wait();
  };

  const keys: DeployedKey[] = [];
  for (const { identity, verificationKeyFile, circuit } of asked) {
    const { origin, verificationKeySha256: sha256 } = identity;
    const size = boardSizeOf(identity.size);
    const { hash: keyHash, pages: creations } = chainKey(JSON.parse(new TextDecoder().decode(verificationKeyFile)));
    const pages: string[] = [];
    for (const [index, data] of creations.entries()) {
      onStep(`deploying the ${circuit} key of ${size}, page ${index + 1} of ${creations.length}`);
      pages.push((await (await deployer.sendTransaction({ data })).wait())!.contractAddress!);
    }
    if ((await deployedKeyHash(provider, pages)) !== keyHash) {
      throw new PlimsollError("KEY_REFUSED", `the ${circuit} key of ${size} on chain is not the manifest's`);
    }
    const name = circuit === "account" ? "AccountVerifier" : "SettlementVerifier";
    const verifier = await create(name, [instrumentsOf(size), pages, keyHash]);
    keys.push({ size, circuit, origin, sha256, keyHash, pages, verifier });
  }
  const verifiersOf = (circuit: DeployedKey["circuit"]) =>
    keys.filter((key) => key.circuit === circuit).map(({ verifier }) => verifier);

  const self = await deployer.getAddress();
  const router = await create("VerifierRouter", [verifiersOf("account"), verifiersOf("settlement")]);
  const { guardian, operator, operatorDeadline, quorum, timelock, maxMoveBps } = parameters;
  const registry = await create("PolicyRegistry", [self, guardian, timelock, maxMoveBps]);
  const reporters = [...parameters.reporters].sort((left, right) => (BigInt(left) < BigInt(right) ? -1 : 1));
  const sequencer = parameters.sequencer ?? `0x${"0".repeat(40)}`;
  const oracle = await create("PriceOracle", [registry, sequencer, reporters, quorum]);
  const Tokens = await create("Tokens", []);
  const gate = await create("MarginGate", [oracle, self, operator, operatorDeadline], { Tokens });
  const liquidation = await create("Liquidation", [gate]);
  await send("binding the gate to its oracle", oracle, "bindGate", gate);
  await send("binding the liquidation module to its gate", gate, "setLiquidation", liquidation);
  for (const { index, token, lotDecimals } of parameters.assets) {
    const what = index === CASH_INDEX ? "cash" : `asset ${index}`;
    await send(`registering ${what}`, gate, "registerAsset", index, token, lotDecimals);
  }
  if (BigInt(parameters.owner) !== BigInt(self)) {
    await send("offering the registry to its owner", registry, "transferOwnership", parameters.owner);
    await send("offering the gate to its owner", gate, "transferOwnership", parameters.owner);
  }
  const verifiers = new Map(
    keys.filter(({ circuit }) => circuit === "account").map(({ size, verifier }) => [size, verifier] as const),
  );
  return { chainId, keys, verifiers, router, registry, oracle, gate, liquidation };
}

/** Refuses keys that are not from a ceremony on any but local chains. */
export function checkOrigin(origin: KeyOrigin, chainId: bigint): void {
  if (origin !== "ceremony" && !LOCAL_CHAINS.includes(chainId)) {
    throw new PlimsollError(
      "KEY_REFUSED",
      `a ${origin} key proves nothing: it is not deployed on chain ${chainId}, only on local chains`,
    );
  }
}

/** What was deployed, for the record: addresses, hashes of the code at them, and keys. */
export async function deploymentRecord({ chainId, keys, ...system }: Deployment) {
  const { router, registry, oracle, gate, liquidation } = system;
  const contracts: Record<string, { address: string; codeHash: string }> = {};
  const all = {
    ...Object.fromEntries(keys.map(({ size, circuit, verifier }) => [`${circuit} verifier ${size}`, verifier])),
    ...{ router, registry, oracle, gate, liquidation },
  };
  for (const [name, contract] of Object.entries(all)) {
    const code = (await contract.getDeployedCode())!;
    contracts[name] = { address: await contract.getAddress(), codeHash: keccak256(code) };
  }
  return { chainId: `${chainId}`, contracts, keys: keys.map(({ verifier: _, ...key }) => key) };
}

/** Puts the addresses of libraries in their places. */
async function link(
  bytecode: string,
  references: CompiledContract["linkReferences"],
  libraries: Record<string, Contract>,
): Promise<string> {
  let linked = bytecode;
  for (const [name, places] of Object.values(references).flatMap((file) => Object.entries(file))) {
    const address = (await libraries[name]!.getAddress()).slice(2).toLowerCase();
    for (const { start, length } of places) {
      const at = 2 + 2 * start;
      linked = linked.slice(0, at) + address + linked.slice(at + 2 * length);
    }
  }
  return linked;
}

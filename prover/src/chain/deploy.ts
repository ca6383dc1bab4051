// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Deployment of the whole system, and the compiled contracts themselves.
 *
 * The same keys, policies and parameters serve any number of chains: what is proven is bound to chain id and gate, so that a
 * proof for one deployment is worth nothing at another.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import {
  Contract,
  ContractFactory,
  dataLength,
  type InterfaceAbi,
  isAddress,
  keccak256,
  type Provider,
  type Signer,
  type TransactionRequest,
  type TransactionResponse,
} from "ethers";
import { PlimsollError } from "../errors.ts";
import type { KeyOrigin } from "../keys/origin.ts";
import { type BoardSize, CASH_INDEX, instrumentsOf } from "../model/sizes.ts";
import type { LoadedLinkKey, LoadedVerificationKey, VerificationKey } from "../node/artifacts.ts";
import { boardSizeOf, type CircuitName, familyOf, ownSignalsOf, shapeOf } from "../statement/families.ts";
import { createVerifier } from "../verify/verifier.ts";
import { type DeployedGate, deployGate, type GateAsset } from "./deploy-gate.ts";
import { chainKey, deployedKeyHash } from "./verifying-key.ts";

/** Chain ids of local development chains, the only ones on which keys may be deployed that are not from a ceremony. */
export const LOCAL_CHAINS: readonly bigint[] = [31337n, 1337n];

/** The contracts of the release: what a deployment creates, what that creates, and the registry of books, which stands alone. */
export const CONTRACT_NAMES = [
  "AccountVerifier",
  "SettlementVerifier",
  "LotVerifier",
  "RoundVerifier",
  "VerifierRouter",
  "Queue",
  "PolicyRegistry",
  "PolicyPoints",
  "PolicyRules",
  "PriceOracle",
  "PriceSources",
  "Reporters",
  "Settlements",
  "MarginGate",
  "Vault",
  "Exchange",
  "Clearing",
  "Liquidation",
  "Fund",
  "BookRegistry",
] as const;
export type ContractName = (typeof CONTRACT_NAMES)[number];

export interface CompiledContract {
  readonly abi: InterfaceAbi;
  readonly bytecode: string;
  readonly deployedBytecode: string;
  /** By file and library, where in the code (bytes) the library's address goes. */
  readonly linkReferences: Readonly<
    Record<string, Readonly<Record<string, readonly { start: number; length: number }[]>>>
  >;
}

/** In the package @plimsoll/contracts. */
const RELEASE = path.join(
  path.dirname(createRequire(import.meta.url).resolve("@plimsoll/contracts/package.json")),
  "release",
);

/**
 * A contract as it was released: the bytes that are reviewed, not compiled here. Throws ARTIFACT_MISSING where it is not there,
 * ARTIFACT_HASH where the release's record names other bytes.
 */
export async function releasedContract(name: ContractName): Promise<CompiledContract> {
  const read = (file: string) =>
    readFile(file, "utf8").catch(() => {
      const why = "the contract is not in the package @plimsoll/contracts; install that again";
      throw new PlimsollError("ARTIFACT_MISSING", why, { file });
    });
  const [file, recordFile] = [path.join(RELEASE, `${name}.json`), path.join(RELEASE, "record.json")];
  const [text, recorded] = await Promise.all([read(file), read(recordFile)]);
  const refuse = (place: string, why: string) =>
    new PlimsollError("ARTIFACT_HASH", `${why}; install the package @plimsoll/contracts again`, { file: place });
  let hashes: readonly unknown[];
  try {
    const jobs = Object.values(JSON.parse(recorded) as Record<string, { artifacts: Record<string, string> }>);
    hashes = jobs.map(({ artifacts }) => artifacts[name]);
  } catch {
    throw refuse(recordFile, "not the record of a release");
  }
  if (!hashes.includes(createHash("sha256").update(text).digest("hex"))) {
    throw refuse(file, "not the contract that the release's record names (SHA-256 differs)");
  }
  return JSON.parse(text) as CompiledContract;
}

/** What of a loaded key, and of its link key, a deployment looks at. */
export type DeployableKey<Name extends CircuitName = CircuitName> = Pick<LoadedVerificationKey, "verificationKeyFile"> &
  Pick<LoadedLinkKey, "linkKeyFile"> & {
    readonly identity: Pick<LoadedVerificationKey<Name>["identity"], "size" | "origin" | "verificationKeySha256">;
  };

/** Families whose verifiers a venue has. */
export type DeployedFamily = "account" | "settlement" | "lot" | "round";

/**
 * Who does what at a venue, and within which bounds. Addresses, and seconds.
 * @see docs/library.md#on-chain
 */
export interface SystemParameters {
  /** Schedules calls in the queue. */
  readonly owner: string;
  /** Tightens policies, cancels what waits and pauses boards. */
  readonly guardian: string;
  readonly operator: string;
  /** After which a silent operator is not asked any more. */
  readonly operatorDeadline: bigint;
  /** Who report market values, in any order. */
  readonly reporters: readonly string[];
  /** Observations that an epoch takes: odd, at most the number of reporters. */
  readonly quorum: bigint;
  /** For how long every call waits in the queue: a day at least. */
  readonly timelock: bigint;
  /** By how much one change of a policy may move a value. */
  readonly maxMoveBps: bigint;
  /** Feed that says whether the chain's sequencer is up, or `none`: a chain with a sequencer needs one. */
  readonly sequencer: string;
  /** Of board 1, whose gate is deployed. */
  readonly boardSize: BoardSize;
  /** Whether members' encrypted states are in the events of rounds; else only their hashes are given. */
  readonly keepsBlobs: boolean;
  /** Whether the gate's name says that it is a rehearsal. */
  readonly staging: boolean;
  readonly assets: readonly (GateAsset & { readonly token: string })[];
}

/** The verifying keys that a deployment holds. */
export interface DeployedKey {
  readonly size: BoardSize;
  readonly family: DeployedFamily;
  readonly circuit: CircuitName;
  readonly origin: KeyOrigin;
  /** SHA-256 of the key's file, as the manifest has it. */
  readonly sha256: string;
  /** Keccak-256 of the key as the chain holds it, read back from the page's code. */
  readonly keyHash: string;
  readonly page: string;
  readonly verifier: Contract;
}

/**
 * The contracts of a system, but for the verifiers.
 * @see docs/library.md#on-chain
 */
export interface DeployedSystem extends DeployedGate {
  readonly router: Contract;
  /** The only owner of registry and oracle. The deployer sets them up through it, and then closes it (docs/market.md). */
  readonly queue: Contract;
  readonly registry: Contract;
  readonly oracle: Contract;
}

/**
 * A system that was deployed.
 * @see docs/library.md#on-chain
 */
export interface Deployment extends DeployedSystem {
  readonly chainId: bigint;
  readonly keys: readonly DeployedKey[];
  /** Of accounts, by size. */
  readonly verifiers: ReadonlyMap<BoardSize, Contract>;
}

/**
 * What is deployed, by whom, and who is told of it.
 * @see docs/library.md#on-chain
 */
export interface DeployOptions {
  /** Pays, sets up what the queue will own, and seals the gate. */
  readonly deployer: Signer;
  /** For each board size that is to be served a key of accounts, and any of settlements, lots and rounds. */
  readonly keys: readonly DeployableKey[];
  readonly parameters: SystemParameters;
  /** Called before each transaction with what it does. */
  readonly onStep?: (what: string) => void;
  /** Steps of a deployment with the same options that was interrupted: what the chain holds of them is not done again. */
  readonly earlier?: readonly DeploymentStep[];
  /** Called after each transaction is sent, and awaited: what it is given is `earlier` of a later try. */
  readonly onSent?: (step: DeploymentStep) => unknown;
}

/**
 * Deploys verifiers, router, queue, registry, oracle and a gate with its desks. There are no boards yet: the deployer makes the
 * gate's by the queue's `setUp`, binds the gate, closes the queue and seals the gate (docs/gate.md#deploying).
 *
 * Refuses, before the first transaction: a key that is not from a ceremony on a chain that is not a local one, a key without second
 * phase or of other counts (KEY_REFUSED), a key that is not the one its manifest names (ARTIFACT_HASH), an address of nobody or of
 * a contract that is not there (FIELD_INVALID). Each key is read back from the code of its pages and compared before anything is
 * made that relies on it (KEY_REFUSED). Throws CHAIN_FAILED for a transaction that cannot be sent or is reverted.
 * @see docs/library.md#on-chain
 */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const { deployer, parameters } = options;
  const { provider } = deployer;
  if (provider === null) throw new TypeError("the deployer has no provider");
  const { chainId } = await provider.getNetwork();
  for (const { identity, verificationKeyFile } of options.keys) {
    checkOrigin(identity.origin, chainId);
    const { size, verificationKeySha256: sha256, origin } = identity;
    createVerifier(verificationKeyFile, { size, sha256, origin });
  }
  await checkAddresses(provider, parameters);

  const steps = new Steps(provider, options);
  const keys: DeployedKey[] = [];
  for (const key of options.keys) keys.push(await deployKey(steps, key));

  const router = await steps.create("VerifierRouter", [keys.map(({ verifier }) => verifier)]);
  const { owner, guardian, quorum, timelock, maxMoveBps } = parameters;
  const queue = await steps.create("Queue", [owner, guardian, timelock]);
  const registry = await steps.create("PolicyRegistry", [queue, maxMoveBps]);
  const reporters = [...parameters.reporters].sort((left, right) => (BigInt(left) < BigInt(right) ? -1 : 1));
  const sequencer = parameters.sequencer === "none" ? NOBODY : parameters.sequencer;
  const oracle = await steps.create("PriceOracle", [registry, sequencer, reporters, quorum]);
  const gate = await deployGate(steps, {
    ...parameters,
    ...{ market: oracle, board: 1n, size: parameters.boardSize, liquidation: "Liquidation" },
  });
  const verifiers = new Map(
    keys.filter(({ family }) => family === "account").map(({ size, verifier }) => [size, verifier] as const),
  );
  return { chainId, keys, verifiers, router, queue, registry, oracle, ...gate };
}

const NOBODY = `0x${"0".repeat(40)}`;

/** What each is whom a deployment names: its address is one that somebody holds. */
const ROLES = {
  owner: "schedules calls in the queue",
  guardian: "tightens policies, pauses boards and cancels what waits",
  operator: "agrees to trades and holds accounts",
  reporter: "signs market values",
} as const;
/** As in the example of docs/gate.md: 20 equal bytes, which nobody has the key of. */
const PLACEHOLDER = /^0x([0-9a-f]{2})\1{19}$/i;

/** People must be somebody, and reporters different people; contracts must be there. */
async function checkAddresses(provider: Provider, parameters: SystemParameters): Promise<void> {
  const { owner, guardian, operator, reporters, sequencer, assets } = parameters;
  const refused = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { field });
  const read = (field: string, text: string): string => {
    if (!isAddress(text)) throw refused(field, "expected an address (0x and 40 hexadecimal digits, of right checksum)");
    if (BigInt(text) === 0n) throw refused(field, "expected somebody's address, not zero");
    return text;
  };
  const person = (field: string, role: keyof typeof ROLES, text: string) => {
    if (!PLACEHOLDER.test(read(field, text))) return;
    throw refused(
      field,
      `a placeholder; expected the address of the ${role}, who ${ROLES[role]}; nothing was deployed`,
    );
  };
  for (const [role, address] of Object.entries({ owner, guardian, operator })) {
    person(role, role as keyof typeof ROLES, address);
  }
  for (const [place, reporter] of reporters.entries()) {
    person(`reporters[${place}]`, "reporter", reporter);
    const first = reporters.findIndex((each) => BigInt(each) === BigInt(reporter));
    if (first !== place) throw refused(`reporters[${place}]`, `the address is that of reporters[${first}] too`);
  }
  const contracts = [
    ...(sequencer === "none" ? [] : [["sequencer", sequencer] as const]),
    ...assets.map(({ token }, index) => [`assets[${index}].token`, token] as const),
  ];
  for (const [field, address] of contracts) {
    if ((await provider.getCode(read(field, address))) === "0x") {
      throw refused(field, "no contract is at this address on this chain; nothing was deployed");
    }
  }
  for (const [index, { index: asset, token, lotDecimals, depositCap, outflow }] of assets.entries()) {
    const twice = assets.findIndex((each) => each.index === asset || BigInt(each.token) === BigInt(token));
    if (twice !== index) throw refused(`assets[${index}]`, `the index or the token is that of assets[${twice}] too`);
    const decimals = await decimalsOf(provider, token);
    if (decimals === undefined) throw refused(`assets[${index}].token`, "the contract there is no ERC-20 token");
    // As the gate's library Vault has it.
    const fits = asset === CASH_INDEX ? lotDecimals === 6 : lotDecimals <= 8;
    if (!fits || decimals < lotDecimals || decimals - lotDecimals > 18) {
      const rule = `lots of cash have 6 decimals, others at most 8, and none more than the token, which has ${decimals}, or less by 18`;
      throw refused(`assets[${index}].lotDecimals`, rule);
    }
    for (const [name, limit] of Object.entries({ depositCap, outflow })) {
      const fits = limit > 0n && limit < 1n << 64n;
      if (!fits) throw refused(`assets[${index}].${name}`, "expected 1 lot at least, and fewer than 2^64");
    }
  }
}

/** Decimals of a token, or undefined for what is none. */
async function decimalsOf(provider: Provider, token: string): Promise<number | undefined> {
  try {
    const functions = ["decimals() view returns (uint8)", "balanceOf(address) view returns (uint256)"];
    const contract = new Contract(
      token,
      functions.map((each) => `function ${each}`),
      provider,
    );
    await contract.getFunction("balanceOf")(token);
    return Number(await contract.getFunction("decimals")());
  } catch {
    return undefined;
  }
}

/**
 * A transaction of a deployment.
 * @see docs/library.md#on-chain
 */
export interface DeploymentStep {
  /** What it does; no two of a deployment do the same. */
  readonly what: string;
  readonly transaction: string;
}

/** The transactions of a deployment, one after another; those that the chain holds already are not sent again. */
class Steps {
  readonly provider: Provider;
  readonly #options: DeployOptions;

  constructor(provider: Provider, options: DeployOptions) {
    this.provider = provider;
    this.#options = options;
  }

  /** Sends a transaction and waits for it. @returns the address of the contract that it made, if it made one */
  async take(what: string, request: TransactionRequest): Promise<string> {
    const { deployer, earlier = [], onStep = () => {}, onSent = () => {} } = this.#options;
    try {
      const sent = earlier.findLast((step) => step.what === what);
      if (sent !== undefined) {
        const found = await this.provider.getTransaction(sent.transaction);
        // A record may be of another release, of a chain that went back, or changed: only this very transaction counts.
        const pending = isSame(found, { ...request, from: await deployer.getAddress() }) ? found : null;
        // Waiting rejects for one that was reverted, and that one is sent again.
        const receipt = await pending?.wait().catch(() => undefined);
        if (receipt) return receipt.contractAddress ?? "";
      }
      onStep(what);
      const response = await deployer.sendTransaction(request);
      await onSent({ what, transaction: response.hash });
      return (await response.wait())!.contractAddress ?? "";
    } catch (error) {
      if (error instanceof PlimsollError) throw error;
      const { shortMessage = "the chain refuses it or does not answer" } = error as { shortMessage?: string };
      throw new PlimsollError("CHAIN_FAILED", `${what}: ${shortMessage}`);
    }
  }

  async create(
    name: ContractName,
    args: readonly unknown[],
    libraries: Readonly<Record<string, Contract>> = {},
    of = "",
  ): Promise<Contract> {
    const { abi, bytecode, linkReferences } = await releasedContract(name);
    const factory = new ContractFactory(abi, await link(bytecode, linkReferences, libraries));
    const address = await this.take(`deploying ${name}${of}`, await factory.getDeployTransaction(...args));
    return new Contract(address, abi, this.#options.deployer);
  }

  async send(what: string, contract: Contract, method: string, ...args: unknown[]): Promise<void> {
    await this.take(what, await contract.getFunction(method).populateTransaction(...args));
  }
}

/** Whether a transaction is the one that a request asks for. */
function isSame(found: TransactionResponse | null, { from, to, data }: TransactionRequest): boolean {
  const text = (value: unknown) => `${value ?? ""}`.toLowerCase();
  return (
    found !== null && text(found.from) === text(from) && text(found.to) === text(to) && text(found.data) === text(data)
  );
}

/** The contracts that verify them. */
export const VERIFIERS: Readonly<Record<DeployedFamily, ContractName>> = {
  account: "AccountVerifier",
  settlement: "SettlementVerifier",
  lot: "LotVerifier",
  round: "RoundVerifier",
};

/** Deploys the verifier of a key, which makes the key's page, and reads the key back. */
async function deployKey(steps: Steps, loaded: DeployableKey): Promise<DeployedKey> {
  const { origin, verificationKeySha256: sha256, size: circuit } = loaded.identity;
  const family = familyOf(circuit);
  if (!(family in VERIFIERS)) {
    throw new PlimsollError("KEY_REFUSED", `no contract verifies proofs of ${circuit}`, { field: "keys" });
  }
  const [size, own] = [boardSizeOf(circuit), ownSignalsOf(circuit).length];
  const parsed = JSON.parse(new TextDecoder().decode(loaded.verificationKeyFile)) as VerificationKey;
  const { hash: keyHash, key } = chainKey(parsed, own, loaded.linkKeyFile);
  const { members } = shapeOf(circuit);
  const args = [instrumentsOf(size), ...(family === "round" ? [members] : []), key, keyHash];
  const verifier = await steps.create(VERIFIERS[family as DeployedFamily], args, {}, ` of ${circuit}`);
  const page = (await verifier.getFunction("page")()) as string;
  if ((await deployedKeyHash(steps.provider, page, dataLength(key))) !== keyHash) {
    throw new PlimsollError("KEY_REFUSED", `the key of ${circuit} on chain is not the manifest's`);
  }
  return { size, family: family as DeployedFamily, circuit, origin, sha256, keyHash, page, verifier };
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

/**
 * What was deployed, for the record: addresses, hashes of the code at them, and keys.
 * @see docs/library.md#on-chain
 */
export async function deploymentRecord({ chainId, keys, verifiers: _, ...system }: Deployment) {
  const contracts: Record<string, { address: string; codeHash: string }> = {};
  const all = {
    ...Object.fromEntries(keys.map(({ circuit, verifier }) => [`verifier ${circuit}`, verifier])),
    ...system,
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
  libraries: Readonly<Record<string, Contract>>,
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

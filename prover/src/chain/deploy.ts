// SPDX-License-Identifier: GPL-3.0-or-later
/** Deployment of the contracts, and the compiled contracts themselves. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Contract, ContractFactory, type InterfaceAbi, type Signer } from "ethers";
import { type ArtifactOptions, buildDirectory, type LoadedVerificationKey } from "../artifacts.ts";
import { PlimsollError } from "../errors.ts";
import { type BoardSize, instrumentsOf } from "../model/sizes.ts";
import { createVerifier } from "../proof/verify.ts";
import { chainKey } from "./key.ts";
import { byAddress } from "./publication.ts";

/** Chain ids of local development chains, the only ones on which development keys may be deployed. */
export const LOCAL_CHAINS: readonly bigint[] = [31337n, 1337n];

const CONTRACTS = ["AccountVerifier", "VerifierRouter", "MarketBoard", "MarginGate"] as const;

export interface CompiledContract {
  readonly abi: InterfaceAbi;
  readonly bytecode: string;
}

/** A compiled contract. Throws ARTIFACT_MISSING where it has not been compiled. */
export async function compiled(
  name: (typeof CONTRACTS)[number],
  options: ArtifactOptions = {},
): Promise<CompiledContract> {
  const file = path.join(buildDirectory(options), "artifacts", "verifier-contracts", `${name}.sol`, `${name}.json`);
  try {
    return JSON.parse(await readFile(file, "utf8")) as CompiledContract;
  } catch {
    throw new PlimsollError("ARTIFACT_MISSING", "the contract is not compiled; `npm run setup` compiles it", { file });
  }
}

/** What of a loaded key a deployment looks at. */
export type DeployableKey = Pick<LoadedVerificationKey, "verificationKeyFile"> & {
  readonly identity: Pick<LoadedVerificationKey["identity"], "size" | "origin" | "verificationKeySha256">;
};

export interface Deployment {
  readonly verifiers: ReadonlyMap<BoardSize, Contract>;
  readonly router: Contract;
  readonly board: Contract;
  readonly gate: Contract;
}

export interface DeployOptions extends ArtifactOptions {
  /** Pays, and owns board and gate: hand ownership over (in two steps) where somebody else is to. */
  readonly deployer: Signer;
  /** One for each board size that is to be served. */
  readonly keys: readonly DeployableKey[];
  /** Who signs market values, in any order. */
  readonly signers: readonly { getAddress(): Promise<string> }[];
  /** Signatures that an epoch needs: odd, at most the number of signers. */
  readonly threshold: bigint;
  /** Called before each transaction with what it does. */
  readonly onStep?: (what: string) => void;
}

/**
 * Deploys verifiers, router, board and gate. The gate has no assets and the board no boards yet.
 *
 * Refuses, before the first transaction: a development key on a chain that is not a local one, a key without second
 * phase or of other counts (KEY_REFUSED), a key that is not the one its manifest names (ARTIFACT_HASH).
 */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const { deployer, keys, threshold, onStep = () => {} } = options;
  if (deployer.provider === null) throw new TypeError("the deployer has no provider");
  const { chainId } = await deployer.provider.getNetwork();
  for (const { identity, verificationKeyFile } of keys) {
    if (identity.origin === "development" && !LOCAL_CHAINS.includes(chainId)) {
      throw new PlimsollError(
        "KEY_REFUSED",
        `a development key proves nothing: it is not deployed on chain ${chainId}, only on local chains`,
      );
    }
    const { size, verificationKeySha256: sha256, origin } = identity;
    createVerifier(verificationKeyFile, { size, sha256, origin });
  }

  const create = async (name: (typeof CONTRACTS)[number], ...args: unknown[]): Promise<Contract> => {
    onStep(`deploying ${name}`);
    const { abi, bytecode } = await compiled(name, options);
    const contract = await new ContractFactory(abi, bytecode, deployer).deploy(...args);
    return (await contract.waitForDeployment()) as Contract;
  };

  const verifiers = new Map<BoardSize, Contract>();
  for (const { identity, verificationKeyFile } of keys) {
    const { hash, pages } = chainKey(JSON.parse(new TextDecoder().decode(verificationKeyFile)));
    const addresses: string[] = [];
    for (const [index, data] of pages.entries()) {
      onStep(`deploying the key of ${identity.size}, page ${index + 1} of ${pages.length}`);
      const receipt = await (await deployer.sendTransaction({ data })).wait();
      addresses.push(receipt!.contractAddress!);
    }
    verifiers.set(identity.size, await create("AccountVerifier", instrumentsOf(identity.size), addresses, hash));
  }
  const owner = await deployer.getAddress();
  const router = await create("VerifierRouter", [...verifiers.values()], []);
  const signers = await Promise.all((await byAddress(options.signers)).map((signer) => signer.getAddress()));
  const board = await create("MarketBoard", router, owner, signers, threshold);
  const gate = await create("MarginGate", board, owner);
  return { verifiers, router, board, gate };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** The contracts of a deployment, from its record. */
import { Contract, keccak256, type Signer } from "ethers";
import { PlimsollError } from "../errors.ts";
import { BOARD_SIZES, type BoardSize, instrumentsOf } from "../model/sizes.ts";
import {
  type ContractName,
  type DeployedKey,
  type DeployedSystem,
  type Deployment,
  releasedContract,
  VERIFIERS,
} from "./deploy.ts";
import type { DeploymentRecord } from "./deployment-file.ts";

/** Contracts of a record, as the release names them. */
const RECORDED = {
  ...{ router: "VerifierRouter", queue: "Queue", registry: "PolicyRegistry", oracle: "PriceOracle", vault: "Vault" },
  ...{ gate: "MarginGate", exchange: "Exchange", clearing: "Clearing", liquidation: "Liquidation", fund: "Fund" },
} as const satisfies Readonly<Record<keyof DeployedSystem, ContractName>>;

/**
 * The contracts of a recorded deployment, and the size of its gate's board. Throws FIELD_INVALID where a contract is missing from the
 * record, or the chain has other code at its address.
 * @param signer sends what is sent to them
 */
export async function attachDeployment(
  { chainId, contracts, keys }: NonNullable<DeploymentRecord["result"]>,
  signer: Signer,
): Promise<Deployment & { readonly boardSize: BoardSize }> {
  const at = async (name: string, contract: ContractName) => {
    const known = contracts[name];
    const field = `result.contracts.${name}`;
    if (known === undefined) throw new PlimsollError("FIELD_INVALID", "the record lacks this contract", { field });
    if (keccak256(await signer.provider!.getCode(known.address)) !== known.codeHash) {
      throw new PlimsollError("FIELD_INVALID", "the chain has other code at this address", { field });
    }
    return new Contract(known.address, (await releasedContract(contract)).abi, signer);
  };
  const system = {} as Record<keyof DeployedSystem, Contract>;
  for (const [name, contract] of Object.entries(RECORDED)) {
    system[name as keyof DeployedSystem] = await at(name, contract);
  }
  const held: DeployedKey[] = [];
  for (const key of keys) held.push({ ...key, verifier: await at(`verifier ${key.circuit}`, VERIFIERS[key.family]) });
  const verifiers = new Map(
    held.filter(({ family }) => family === "account").map(({ size, verifier }) => [size, verifier] as const),
  );
  const instruments = Number(await system.gate.getFunction("instruments")());
  const boardSize = BOARD_SIZES.find((size) => instrumentsOf(size) === instruments)!;
  return { chainId: BigInt(chainId), keys: held, verifiers, boardSize, ...system };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Deploying the system: checked first, recorded after each step, and taken up again where it stopped. */
import type { Signer } from "ethers";
import { type DeployableKey, deploy, deploymentRecord } from "../chain/deploy.ts";
import { type DeploymentRecord, type DeploymentRequest, requestHash } from "../chain/deployment-file.ts";
import { PlimsollError } from "../errors.ts";
import { type CircuitName, circuitOf } from "../statement/families.ts";

/**
 * What a deployment needs of the machine.
 * @see docs/library.md#on-chain
 */
export interface DeployMachine {
  /** Pays, and owns everything until it is handed over. */
  readonly deployer: Signer;
  readonly loadKey: <Name extends CircuitName>(circuit: Name) => Promise<DeployableKey<Name>>;
  /** The record that an earlier try left, if there was one. */
  readonly earlier?: DeploymentRecord | undefined;
  /** Keeps the record; called after each transaction is sent, and at the end. */
  readonly save: (record: DeploymentRecord) => Promise<void>;
  /** Called before each transaction with what it does. */
  readonly onStep?: (what: string) => void;
}

/**
 * Deploys verifiers, registry, oracle, gate and liquidation for the given sizes of board. @returns the record, with every address
 *
 * Throws as `deploy`, before the first transaction where something in the request cannot be; FIELD_INVALID for an earlier record
 * of another deployment: other parameters, keys, deployer or chain.
 * @see docs/library.md#on-chain
 */
export async function deploySystem(machine: DeployMachine, request: DeploymentRequest): Promise<DeploymentRecord> {
  const { deployer, loadKey, earlier, save, onStep = () => {} } = machine;
  const { sizes, parameters } = request;
  const keys = await Promise.all(sizes.map((size) => loadKey(circuitOf("account", size))));
  const settlementKeys = await Promise.all(sizes.map((size) => loadKey(circuitOf("settlement", size))));
  const hashes = [...keys, ...settlementKeys].map(({ identity }) => identity.verificationKeySha256);
  const begun: DeploymentRecord = {
    format: "plimsoll-deployment/1",
    chainId: `${(await deployer.provider!.getNetwork()).chainId}`,
    deployer: await deployer.getAddress(),
    request: requestHash(request, hashes),
    steps: [],
  };
  for (const field of ["chainId", "deployer", "request"] as const) {
    if (earlier !== undefined && earlier[field] !== begun[field]) {
      const what = {
        chainId: "on another chain",
        deployer: "by another account",
        request: "of other parameters or keys",
      };
      throw new PlimsollError("FIELD_INVALID", `the record is of a deployment ${what[field]}`, { field });
    }
  }
  let record = earlier ?? begun;
  const deployment = await deploy({
    deployer,
    keys,
    settlementKeys,
    parameters,
    onStep,
    earlier: record.steps,
    async onSent(step) {
      record = { ...record, steps: [...record.steps, step] };
      await save(record);
    },
  });
  record = { ...record, result: await deploymentRecord(deployment) };
  await save(record);
  return record;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Deploying the system: checked first, recorded after each step, and taken up again where it stopped. */
import type { Signer } from "ethers";
import { type DeployableKey, deploy, deploymentRecord } from "../chain/deploy.ts";
import { type DeploymentRecord, type DeploymentRequest, requestHash } from "../chain/deployment-file.ts";
import { PlimsollError } from "../errors.ts";
import { boardSizeOf, type CircuitName, circuitOf, circuitsOf } from "../statement/families.ts";

/**
 * What a deployment needs of the machine.
 * @see docs/library.md#on-chain
 */
export interface DeployMachine {
  /** Pays, and owns everything until it is handed over. */
  readonly deployer: Signer;
  /** Undefined where set-up has not made the key of a circuit that it makes only on demand. */
  readonly loadKey: (circuit: CircuitName) => Promise<DeployableKey | undefined>;
  /** The record that an earlier try left, if there was one. */
  readonly earlier?: DeploymentRecord | undefined;
  /** Keeps the record; called after each transaction is sent, and at the end. */
  readonly save: (record: DeploymentRecord) => Promise<void>;
  /** Called before each transaction with what it does. */
  readonly onStep?: (what: string) => void;
}

/**
 * Deploys verifiers, queue, registry, oracle and a gate with its desks. @returns the record, with every address
 *
 * Throws as `deploy`, before the first transaction where something in the request cannot be; ARTIFACT_MISSING where a key is not made
 * without which the gate could not be sealed; FIELD_INVALID for an earlier record
 * of another deployment: other parameters, keys, deployer or chain.
 * @see docs/library.md#on-chain
 */
export async function deploySystem(machine: DeployMachine, request: DeploymentRequest): Promise<DeploymentRecord> {
  const { deployer, loadKey, earlier, save, onStep = () => {} } = machine;
  const { sizes, parameters } = request;
  const families = ["account", "settlement", "lot", "round"] as const;
  const circuits: CircuitName[] = families
    .flatMap((family) => [...circuitsOf(family)] as CircuitName[])
    .filter((circuit) => sizes.includes(boardSizeOf(circuit)));
  const keys = (await Promise.all(circuits.map((circuit) => loadKey(circuit)))).filter((key) => key !== undefined);
  for (const family of ["account", "settlement", "lot"] as const) {
    const circuit = circuitOf(family, parameters.boardSize);
    if (!keys.some(({ identity }) => identity.size === circuit)) {
      const why = `the gate needs a key of ${circuit}; \`plimsoll setup --development ${circuit}\` makes one for local chains`;
      throw new PlimsollError("ARTIFACT_MISSING", why, { field: "board" });
    }
  }
  const hashes = keys.map(({ identity }) => identity.verificationKeySha256);
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

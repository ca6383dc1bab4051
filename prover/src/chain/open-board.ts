// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The first board of a deployment and its gate, by the account that deployed: links of the policy under every key, the board, its
 * price sources, the gate bound to it, the queue closed, and the gate sealed. From then on what can be loosened waits in the queue.
 */
import { Contract, type Signer } from "ethers";
import { PlimsollError } from "../errors.ts";
import type { Policy } from "../model/policy.ts";
import { type BoardSize, instrumentsOf } from "../model/sizes.ts";
import type { LinkMaker } from "../prove/link.ts";
import type { CircuitName } from "../statement/families.ts";
import { linkExit, linkPolicy } from "./carrier.ts";
import { type Deployment, releasedContract } from "./deploy.ts";
import { sealGate } from "./deploy-gate.ts";
import { chainPolicy, type PolicyTerms } from "./publication.ts";

/**
 * What a board is opened with.
 * @see docs/library.md#on-chain
 */
export interface BoardOpening {
  readonly size: BoardSize;
  readonly policy: Policy;
  readonly rules: PolicyTerms;
  /** `PriceSources.Source` of each asset that is listed, by index. */
  readonly sources: ReadonlyMap<number, object>;
  /** Makes the links of a circuit. */
  readonly makerOf: (circuit: CircuitName) => Promise<Pick<LinkMaker, "link">>;
}

const BOARD = 1;
/** `IMarginGate.Desk.Exchange`: there once the gate is sealed. */
const EXCHANGE = 0;

/**
 * Opens board 1 and seals its gate; the deployer of the deployment sends. What the chain has already is not done again, so the same call
 * goes on where an earlier one stopped. Throws CHAIN_FAILED where a transaction cannot be sent or is reverted, FIELD_INVALID where the
 * board has another policy.
 * @see docs/library.md#on-chain
 */
export async function openBoard(deployment: Deployment, terms: BoardOpening): Promise<void> {
  const { queue, registry, oracle, router, gate, keys } = deployment;
  const deployer = queue.runner as Signer;
  const policy = chainPolicy(terms.policy, terms.rules);
  const view = (contract: Contract, method: string, ...args: unknown[]) => contract.getFunction(method)(...args);
  const made = async (name: "PolicyPoints" | "PriceSources", address: unknown) =>
    new Contract(address as string, (await releasedContract(name)).abi, deployer);
  const call = (what: string, contract: Contract, method: string, ...args: unknown[]) =>
    take(what, async () => (await contract.getFunction(method)(...args)).wait());
  const setUp = async (what: string, contract: Contract, method: string, ...args: unknown[]) => {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    await call(what, queue, "setUp", await contract.getAddress(), data);
  };

  if ((await view(registry, "boards")) === 0n) {
    const points = await made("PolicyPoints", await view(registry, "points"));
    for (const { family, circuit, size, verifier } of keys) {
      if (size !== terms.size || family === "settlement") continue;
      const linked = { verifier: await verifier.getAddress(), maker: await terms.makerOf(circuit) };
      if (family === "account") await take("linking the exit market", () => linkExit(points, size, linked));
      await take(`linking the policy for ${circuit}`, () => linkPolicy(points, terms.policy, [linked]));
    }
    const place = [await router.getAddress(), instrumentsOf(terms.size)] as const;
    await setUp("creating the board", registry, "createBoard", ...place, policy);
  }
  const held = (values: unknown) => registry.interface.encodeFunctionResult("policyOf", [values]);
  if (held(await view(registry, "policyOf", BOARD)) !== held(policy)) {
    throw new PlimsollError("FIELD_INVALID", "the board is open under another policy", { field: "policy" });
  }
  if (!(await view(queue, "closed"))) {
    const sources = await made("PriceSources", await view(oracle, "sources"));
    for (const [asset, source] of terms.sources) {
      await setUp(`naming the sources of asset ${asset}`, sources, "configure", BOARD, asset, source);
    }
    if (BigInt(await view(oracle, "gateOf", BOARD)) === 0n) {
      await setUp("binding the gate", oracle, "bindGate", BOARD, await gate.getAddress());
    }
    await call("closing the queue", queue, "close");
  }
  if (BigInt(await view(gate, "deskOf", EXCHANGE)) === 0n) await sealGate({ send: call }, deployment);
}

async function take(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = (error as { shortMessage?: string }).shortMessage ?? "the transaction failed";
    throw new PlimsollError("CHAIN_FAILED", `${what}: ${why}`);
  }
}

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

/**
 * Opens board 1 and seals its gate; the deployer of the deployment sends. Throws CHAIN_FAILED where a call is reverted.
 * @see docs/library.md#on-chain
 */
export async function openBoard(deployment: Deployment, terms: BoardOpening): Promise<void> {
  const { queue, registry, oracle, router, gate, keys } = deployment;
  const deployer = queue.runner as Signer;
  const take = async (what: string, sent: Promise<{ wait(): Promise<unknown> }>) => {
    try {
      await (await sent).wait();
    } catch (error) {
      const why = (error as { shortMessage?: string }).shortMessage ?? "the transaction failed";
      throw new PlimsollError("CHAIN_FAILED", `${what}: ${why}`);
    }
  };
  const made = async (name: "PolicyPoints" | "PriceSources", address: unknown) =>
    new Contract(address as string, (await releasedContract(name)).abi, deployer);
  const setUp = async (what: string, contract: Contract, method: string, ...args: unknown[]) => {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    await take(what, queue.getFunction("setUp")(await contract.getAddress(), data));
  };

  const points = await made("PolicyPoints", await registry.getFunction("points")());
  for (const { family, circuit, size, verifier } of keys) {
    if (size !== terms.size || family === "settlement") continue;
    const linked = { verifier: await verifier.getAddress(), maker: await terms.makerOf(circuit) };
    if (family === "account") await linkExit(points, size, linked);
    await linkPolicy(points, terms.policy, [linked]);
  }
  const policy = chainPolicy(terms.policy, terms.rules);
  await setUp(
    "creating the board",
    registry,
    "createBoard",
    await router.getAddress(),
    instrumentsOf(terms.size),
    policy,
  );
  const sources = await made("PriceSources", await oracle.getFunction("sources")());
  for (const [asset, source] of terms.sources) {
    await setUp(`naming the sources of asset ${asset}`, sources, "configure", BOARD, asset, source);
  }
  await setUp("binding the gate", oracle, "bindGate", BOARD, await gate.getAddress());
  await take("closing the queue", queue.getFunction("close")());
  const send = (what: string, contract: Contract, method: string, ...args: unknown[]) =>
    take(what, contract.getFunction(method)(...args));
  await sealGate({ send }, deployment);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The first board of a deployment and its gate, by the account that deployed: links of the policy under every key, the board, its
 * price sources, the gate bound to it, the queue closed, and the gate sealed. From then on what can be loosened waits in the queue.
 */
import { Contract, Interface, type InterfaceAbi } from "ethers";
import { PlimsollError } from "../errors.ts";
import type { Policy } from "../model/policy.ts";
import { type BoardSize, instrumentsOf } from "../model/sizes.ts";
import type { LinkMaker } from "../prove/link.ts";
import type { CircuitName } from "../statement/families.ts";
import { isPolicyLinked, linkExit, linkPolicy } from "./carrier.ts";
import { CONTRACT_NAMES, type Deployment, releasedContract } from "./deploy.ts";
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
 * goes on where an earlier one stopped. Throws CHAIN_FAILED where a transaction cannot be sent or is reverted, with the contract's
 * reason, FIELD_INVALID where the board has another policy.
 * @param onStep called before each transaction with what it does
 * @see docs/library.md#on-chain
 */
export async function openBoard(
  deployment: Deployment,
  terms: BoardOpening,
  onStep: (what: string) => void = () => {},
): Promise<void> {
  const { queue, registry, oracle, router, gate, keys } = deployment;
  const policy = chainPolicy(terms.policy, terms.rules);
  const [points, sources] = await Promise.all([pointsOf(deployment), sourcesOf(deployment)]);
  const take = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    onStep(what);
    try {
      await work();
    } catch (error) {
      throw new PlimsollError("CHAIN_FAILED", `${what}: ${await reasonOf(error)}`);
    }
  };
  const call = (what: string, contract: Contract, method: string, ...args: unknown[]) =>
    take(what, async () => (await contract.getFunction(method)(...args)).wait());
  const setUp = async (what: string, contract: Contract, method: string, ...args: unknown[]) => {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    await call(what, queue, "setUp", await contract.getAddress(), data);
  };

  if ((await view(registry, "boards")) === 0n) {
    for (const { family, circuit, size, verifier } of keys) {
      if (size !== terms.size || family === "settlement") continue;
      const at = await verifier.getAddress();
      const linked = async () => ({ verifier: at, maker: await terms.makerOf(circuit) });
      if (family === "account" && !(await hasExitMarket(points, at))) {
        await take("linking the exit market", async () => linkExit(points, size, await linked()));
      }
      if (!(await isPolicyLinked(points, terms.policy, at))) {
        const what = `linking the policy for ${circuit}`;
        await take(what, async () => linkPolicy(points, terms.policy, [await linked()]));
      }
    }
    const place = [await router.getAddress(), instrumentsOf(terms.size)] as const;
    await setUp("creating the board", registry, "createBoard", ...place, policy);
  }
  const held = (values: unknown) => registry.interface.encodeFunctionResult("policyOf", [values]);
  if (held(await view(registry, "policyOf", BOARD)) !== held(policy)) {
    throw new PlimsollError("FIELD_INVALID", "the board is open under another policy", { field: "policy" });
  }
  if (!(await view(queue, "closed"))) {
    const coder = sources.interface;
    const encoded = (values: unknown) => coder.encodeFunctionData("configure", [BOARD, 0, values]);
    for (const [asset, source] of terms.sources) {
      const [standing] = await view(sources, "sourceOf", BOARD, asset);
      if (encoded(standing) === encoded(source)) continue;
      await setUp(`naming the sources of asset ${asset}`, sources, "configure", BOARD, asset, source);
    }
    if (BigInt(await view(oracle, "gateOf", BOARD)) === 0n) {
      await setUp("binding the gate", oracle, "bindGate", BOARD, await gate.getAddress());
    }
    await call("closing the queue", queue, "close");
  }
  if (BigInt(await view(gate, "deskOf", EXCHANGE)) === 0n) await sealGate({ send: call }, deployment);
}

const view = (contract: Contract, method: string, ...args: unknown[]) => contract.getFunction(method)(...args);
const hasExitMarket = (points: Contract, verifier: string): Promise<boolean> =>
  view(points, "exitPointOf", verifier).then(
    () => true,
    () => false,
  );

const pointsOf = async ({ registry, queue }: Deployment) =>
  new Contract(await view(registry, "points"), (await releasedContract("PolicyPoints")).abi, queue.runner);
const sourcesOf = async ({ oracle, queue }: Deployment) =>
  new Contract(await view(oracle, "sources"), (await releasedContract("PriceSources")).abi, queue.runner);

/** What stands once the board is open. */
export async function openedBoard(deployment: Deployment) {
  const { policyId } = await view(deployment.registry, "headOf", BOARD);
  const [points, sources] = await Promise.all([pointsOf(deployment), sourcesOf(deployment)]);
  const addresses = [points, sources, deployment.gate].map((contract) => contract.getAddress());
  const [pointsAt, sourcesAt, gateAt] = await Promise.all(addresses);
  return { board: `${BOARD}`, policyId: `${policyId}`, points: pointsAt!, sources: sourcesAt!, gate: gateAt! };
}

/** Why a transaction failed: the contract's own error with its values, where it is one of the release. */
async function reasonOf(error: unknown): Promise<string> {
  const { data, shortMessage = "the transaction failed" } = error as { data?: string | null; shortMessage?: string };
  if (typeof data !== "string" || data.length < 10) return shortMessage;
  for (const name of CONTRACT_NAMES) {
    const found = new Interface((await releasedContract(name)).abi as InterfaceAbi).parseError(data);
    if (found !== null) return `the contract refuses it: ${found.name}(${found.args.map(String).join(", ")})`;
  }
  return shortMessage;
}

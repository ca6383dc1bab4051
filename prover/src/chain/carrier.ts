// SPDX-License-Identifier: GPL-3.0-or-later
/** What whoever carries market values to a chain makes and sends: links of them (docs/link.md), for subjects as the contracts hash them. */
import { AbiCoder, Contract, type ContractTransactionResponse, concat, id, keccak256, toBeHex } from "ethers";
import { exitValues } from "../model/exit-market.ts";
import type { Market } from "../model/market.ts";
import type { Policy } from "../model/policy.ts";
import { ASSETS, type BoardSize } from "../model/sizes.ts";
import type { LinkMaker } from "../prove/link.ts";
import type { Link, LinkStatement } from "../statement/link.ts";
import { marketValues, policySignals, settlementSignals } from "../statement/signals.ts";
import type { ColumnE6, LotPriceE16 } from "../units.ts";
import {
  type Epoch,
  medianSight,
  type Observation,
  publication,
  type ReporterPrices,
  settlementPublication,
} from "./publication.ts";

/** A contract, by chain and address. */
export interface Place {
  readonly chainId: bigint;
  readonly address: string;
}

/**
 * What of an epoch the contract has worked out: prices that count, zero where there is none, and the rate of debt.
 * @see docs/library.md#on-chain
 */
export interface CountedValues {
  readonly prices: readonly bigint[];
  readonly debtRateBps: bigint;
}

/**
 * Families of circuits as the contracts number them; a round of K members is 256 + K.
 * @see docs/library.md#on-chain
 */
export const FAMILY_IDS = {
  account: 1n,
  settlement: 2n,
  lot: 3n,
  round: (members: number) => 256n + BigInt(members),
} as const;

const coder = AbiCoder.defaultAbiCoder();
const hashOf = (types: readonly string[], values: readonly unknown[]): string => keccak256(coder.encode(types, values));

const subjectOf = (kind: string, { chainId, address }: Place, ...numbers: readonly bigint[]): string =>
  hashOf(
    ["string", "uint256", "address", ...numbers.map((_, index) => (index === 0 ? "uint256" : "uint64"))],
    [kind, chainId, address, ...numbers],
  );

/** What fixes all values of an epoch's market. */
export const fixedValues = (valuesHash: string, { prices, debtRateBps }: CountedValues): string =>
  hashOf(["bytes32", `uint64[${ASSETS}]`, "uint256"], [valuesHash, prices, debtRateBps]);

/** The statement of an epoch's link, for whichever circuit. */
export function epochStatement(oracle: Place, epoch: Epoch, market: Market, counted: CountedValues): LinkStatement {
  const prices = counted.prices as LotPriceE16[];
  return {
    group: "market",
    subject: subjectOf("Market", oracle, epoch.board, epoch.epoch),
    values: marketValues(counted.debtRateBps, { ...market, prices }),
    fixedBy: fixedValues(epoch.valuesHash, counted),
  };
}

/** The statement of a settlement's link. @param fixedBy hash of the packed marks; of a wind-down what fixes the epoch's values */
export const marksStatement = (
  settlements: Place,
  { board, number }: { readonly board: bigint; readonly number: bigint },
  size: BoardSize,
  marks: ReadonlyMap<number, ColumnE6>,
  fixedBy: string,
): LinkStatement => ({
  group: "marks",
  subject: subjectOf("Marks", settlements, board, number),
  values: settlementSignals(size, marks),
  fixedBy,
});

/** The statement of a policy's link at `PolicyPoints`. */
export const policyStatement = (points: Place, policy: Policy): LinkStatement => ({
  group: "policy",
  subject: subjectOf("Policy", points),
  values: policySignals(policy),
});

/** The statement of the exit market's link at `PolicyPoints`. */
export const exitStatement = (points: Place, size: BoardSize): LinkStatement => ({
  group: "market",
  subject: subjectOf("Policy", points),
  values: marketValues(0n, exitValues(size).market),
  fixedBy: id("Plimsoll exit market"),
});

const placeOf = async (contract: Contract): Promise<Place> => ({
  chainId: (await contract.runner!.provider!.getNetwork()).chainId,
  address: await contract.getAddress(),
});

/**
 * A verifier, and what makes links under its key.
 * @see docs/library.md#on-chain
 */
export interface Linked {
  readonly verifier: string;
  readonly maker: Pick<LinkMaker, "link">;
}

/**
 * Links a policy under verifiers of accounts, lots and rounds, so that it can come into force.
 * @param points the registry's `PolicyPoints`
 * @see docs/library.md#on-chain
 */
export async function linkPolicy(points: Contract, policy: Policy, linked: readonly Linked[]): Promise<void> {
  const statement = policyStatement(await placeOf(points), policy);
  for (const { verifier, maker } of linked) {
    await sent(points.getFunction("linkPolicy")(verifier, statement.values, maker.link(statement)));
  }
}

/** Whether a policy is linked under a verifier. @param points the registry's `PolicyPoints` */
export const isPolicyLinked = (points: Contract, policy: Policy, verifier: string): Promise<boolean> =>
  points
    .getFunction("pointOf")(verifier, keccak256(concat(policySignals(policy).map((value) => toBeHex(value, 32)))))
    .then(
      () => true,
      () => false,
    );

/**
 * Links the exit market under a verifier of accounts, so that boards can have its key.
 * @see docs/library.md#on-chain
 */
export async function linkExit(points: Contract, size: BoardSize, { verifier, maker }: Linked): Promise<void> {
  const { policy } = exitValues(size);
  if (!(await isPolicyLinked(points, policy, verifier))) await linkPolicy(points, policy, [{ verifier, maker }]);
  const statement = exitStatement(await placeOf(points), size);
  await sent(points.getFunction("linkExit")(verifier, maker.link(statement)));
}

const sent = async (response: Promise<unknown>): Promise<void> => {
  await ((await response) as ContractTransactionResponse).wait();
};

const SOURCES = [
  `function appraise(uint256 board, uint256 time, uint256 asked, uint64[${ASSETS}] reported) returns (uint64[${ASSETS}] prices, uint16 unvalued, bool halted)`,
];
const REGISTRY = [
  "function headOf(uint256) view returns ((uint32 policyId,uint16 instruments,uint24 keyId,uint40 sunset,uint40 tightenedAt))",
  "function versionOf(uint256,uint256) view returns ((uint24 initial,uint24 call,uint24 liquidation,uint24 closeOut,uint32 maxAge,uint32 epochGrace,uint16 listed,uint16 debtRateBps,uint16 shortDebtRateBps,uint32 stopLimit,uint16 linear))",
];

/**
 * What an epoch of these observations would count, as of now: the oracle's sources are asked as the oracle asks them. Where a
 * feed goes stale or the policy changes before the epoch is carried, a link of it is false: make another.
 */
export async function countedValues(
  oracle: Contract,
  board: bigint,
  observations: readonly ReporterPrices[],
): Promise<CountedValues> {
  const { provider } = oracle.runner!;
  const view = (contract: Contract, name: string, ...args: unknown[]) => contract.getFunction(name).staticCall(...args);
  const [sources, registryAt, debtRateBps] = await Promise.all([
    view(oracle, "sources"),
    view(oracle, "registry"),
    view(oracle, "debtRateOf", board),
  ]);
  const registry = new Contract(registryAt, REGISTRY, provider);
  const { policyId } = await view(registry, "headOf", board);
  const version = await view(registry, "versionOf", board, policyId);
  const { time, prices: reported } = medianSight(observations);
  const asked = new Contract(sources, SOURCES, provider).getFunction("appraise");
  const assets = version.listed | version.linear;
  const { prices } = await asked.staticCall(board, time, assets, reported, { from: await oracle.getAddress() });
  return { prices: [...prices], debtRateBps };
}

/**
 * An epoch as a transaction takes it.
 * @see docs/library.md#on-chain
 */
export interface CarriedEpoch {
  readonly epoch: Epoch;
  readonly observations: readonly Observation[];
  /** Packed. */
  readonly values: string;
  readonly counted: CountedValues;
  readonly links: readonly { readonly family: bigint; readonly link: Link }[];
}

/**
 * Makes an epoch ready to be sent by `publish(board, epoch, observations, values, links)`.
 * @param makers by family (`FAMILY_IDS`), that of accounts first
 * @see docs/library.md#on-chain
 */
export async function carryEpoch(
  oracle: Contract,
  makers: ReadonlyMap<bigint, Pick<LinkMaker, "link">>,
  market: Market,
  place: { readonly board: bigint; readonly epoch: bigint },
  observations: readonly Observation[],
): Promise<CarriedEpoch> {
  const { epoch, values } = publication(market, place);
  const counted = await countedValues(oracle, place.board, observations);
  const statement = epochStatement(await placeOf(oracle), epoch, market, counted);
  const links = [...makers].map(([family, maker]) => ({ family, link: maker.link(statement) }));
  return { epoch, observations, values, counted, links };
}

/** The arguments of `publish`. */
export const publishArguments = ({ epoch: { board, epoch }, observations, values, links }: CarriedEpoch) =>
  [board, epoch, observations, values, links] as const;

/**
 * Packed marks and the link of a settlement, ready to be sent by `settle(board, number, marks, deadline, signatures, link)`.
 * @param settlements the oracle's `Settlements`
 * @see docs/library.md#on-chain
 */
export async function carrySettlement(
  settlements: Contract,
  maker: Pick<LinkMaker, "link">,
  place: { readonly board: bigint; readonly number: bigint },
  size: BoardSize,
  marks: ReadonlyMap<number, ColumnE6>,
): Promise<{ readonly packed: string; readonly marksHash: string; readonly link: Link }> {
  const { packed, marksHash } = settlementPublication(size, marks);
  const statement = marksStatement(await placeOf(settlements), place, size, marks, marksHash);
  return { packed, marksHash, link: maker.link(statement) };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** What proofs are made under, from the venue's files, once these are what the chain holds. */
import { Contract, type EventLog, type Result } from "ethers";
import { PlimsollError } from "../errors.ts";
import type { MarketFile } from "../formats/market.ts";
import { LEVELS, type PolicyFile } from "../formats/policy.ts";
import { BLOCK_INSTRUMENTS } from "../model/sizes.ts";
import type { SettlementMarks } from "../statement/signals.ts";
import { type ColumnE6, columnE6, type LotPriceE16, type RateBps } from "../units.ts";
import { type CountedValues, fixedValues } from "./carrier.ts";
import type { Published } from "./client.ts";
import { releasedContract } from "./deploy.ts";
import { latestEvent } from "./events.ts";
import type { GateView } from "./gate-view.ts";
import { publication } from "./publication.ts";

/**
 * The venue's files.
 * @see docs/library.md#on-chain
 */
export interface VenueFiles {
  readonly policy: PolicyFile;
  readonly market: MarketFile;
}

/**
 * Policy, market and the numbers by which the chain knows them. Prices and rate of debt are those that the chain counts, which feeds may
 * have changed. Throws `FIELD_INVALID` where a file is not what is in force, `CALL_REFUSED` where the market is not usable.
 * @param serves what is asked of the market: `attesting` for what only shows the account or helps it, `evidence` for what is against it
 * @see docs/library.md#on-chain
 */
export async function publishedAt(
  view: GateView,
  { policy, market }: VenueFiles,
  serves: "outflow" | "attesting" | "evidence",
): Promise<Published> {
  const { market: oracle, board, told } = view;
  const args = serves === "attesting" ? [board, market.epoch] : [board];
  const standing = await told(() => oracle.getFunction("epochOf")(board) as Promise<bigint>);
  const wrong = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { field });
  const checkEpoch = (known: bigint) => {
    if (known === market.epoch) return;
    const rule = `the standing epoch is ${known} and the market file is of epoch ${market.epoch}: take the venue's latest`;
    throw wrong("epoch", rule);
  };
  if (serves !== "attesting") checkEpoch(standing);
  if (market.market.board.size !== view.size) throw wrong("instruments", `the gate is for ${view.size}`);
  const current = await told(() => oracle.getFunction(serves)(...args));
  // Another one may have come between the two questions: nothing of it would be compared.
  checkEpoch(current.epoch);
  for (const level of LEVELS) {
    if (current.levels[level] !== policy.levels[level]) {
      throw wrong(`levels.${level}`, "the policy file is not the policy in force: take the venue's latest");
    }
  }
  const counted = await countedOf(view, { policy, market }, current.epoch === standing);
  return {
    policyId: current.policyId,
    epoch: current.epoch,
    policy: { ...policy.policy, debtRateBps: counted.debtRateBps as RateBps },
    market: { ...market.market, prices: counted.prices as LotPriceE16[] },
  };
}

/** The prices and rate that the chain counts. Of an epoch that does not stand any more, those of the files. */
async function countedOf(view: GateView, files: VenueFiles, stands: boolean) {
  const { market: oracle, board, told } = view;
  const { policy, market } = files;
  const own: CountedValues = { prices: market.market.prices, debtRateBps: policy.policy.debtRateBps };
  if (!stands) return own;
  const { valuesHash } = publication(market.market, { board, epoch: market.epoch }).epoch;
  const [epoch] = await told(() => oracle.getFunction("standingOf")(board));
  // A list has a method of this name.
  const fixed: unknown = (epoch as Result).getValue("values");
  if (fixedValues(valuesHash, own) === fixed) return own;
  const taken = await told(() => takenEpoch(view, market.epoch));
  if (taken === undefined || fixedValues(valuesHash, taken) !== fixed) {
    throw new PlimsollError(
      "FIELD_INVALID",
      "the market file is not the epoch that the chain holds: take the venue's own",
      {
        field: "market",
      },
    );
  }
  return taken;
}

/** What the oracle told of an epoch when it took it; undefined where the node has no such event. */
export async function takenEpoch({ market: oracle, board, onStep }: GateView, epoch: bigint) {
  const taken = await latestEvent(oracle, oracle.filters.EpochTaken!(board, epoch), { onStep });
  if (taken === undefined) return undefined;
  const { prices, debtRateBps, valuesHash } = taken.args;
  const counted: CountedValues = { prices: [...prices], debtRateBps };
  return { ...counted, valuesHash: valuesHash as string, event: taken };
}

/** The settlements of a gate's market. */
export async function settlementsOf({ market }: Pick<GateView, "market">): Promise<Contract> {
  const { abi } = await releasedContract("Settlements");
  return new Contract(await market.getFunction("settlements")(), abi, market.runner);
}

/** Rows that a settlement names, by what it told. */
export const expiredRows = (settled: EventLog): Set<number> =>
  new Set(
    ([...settled.args.expired] as bigint[]).flatMap((mask, block) =>
      Array.from({ length: BLOCK_INSTRUMENTS }, (_, row) => row)
        .filter((row) => (mask >> BigInt(row)) & 1n)
        .map((row) => BLOCK_INSTRUMENTS * block + row),
    ),
  );

/**
 * What a settlement of the gate's board pays out for a lot of each instrument that it names, in 1e-6 quote by row, as the market told
 * it. Throws `CHAIN_FAILED` where the node does not have it.
 * @see docs/library.md#on-chain
 */
export async function settlementMarks(view: GateView, number: bigint): Promise<SettlementMarks> {
  const settled = await view.told(async () => {
    const settlements = await settlementsOf(view);
    return latestEvent(settlements, settlements.filters.Settled!(view.board, number), view);
  });
  if (settled === undefined) {
    throw new PlimsollError(
      "CHAIN_FAILED",
      `the node does not tell of settlement ${number}: ask one that keeps events`,
    );
  }
  const rows = expiredRows(settled);
  const marks = ([...settled.args.marks] as bigint[]).map((mark, row): [number, ColumnE6] => [
    row,
    columnE6(mark, `marks[${row}]`),
  ]);
  return new Map(marks.filter(([row]) => rows.has(row)));
}

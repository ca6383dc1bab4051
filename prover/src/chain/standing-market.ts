// SPDX-License-Identifier: GPL-3.0-or-later
/** The market of a board's standing epoch, from the chain alone: whoever withholds the venue's file keeps nobody from proving. */
import { type Contract, type EventLog, getBytes, keccak256, type Result } from "ethers";
import { PlimsollError } from "../errors.ts";
import { formatJson } from "../formats/json.ts";
import {
  type Instrument,
  type MarketDocument,
  type MarketFile,
  marketDocument,
  readMarket,
} from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";
import { CLOSED_ROW } from "../model/market.ts";
import type { LotPriceE16 } from "../units.ts";
import { fixedValues } from "./carrier.ts";
import { eventsBack } from "./events.ts";
import type { GateView } from "./gate-view.ts";
import { unpackValues } from "./packed-values.ts";
import { expiredRows, settlementsOf, takenEpoch } from "./published.ts";

/**
 * The standing market, as the chain has it.
 * @see docs/library.md#on-chain
 */
export interface StandingMarket {
  readonly document: MarketDocument;
  readonly file: MarketFile & { readonly sha256: string };
  /** Why the chain takes no evidence or withdrawal by it now, such as a pause or an asset without a price; null where it takes both. */
  readonly closed: string | null;
  /** Rows that have an instrument whose name the chain does not say: it was listed after the names were written. */
  readonly unnamed: readonly number[];
}

/**
 * Reads the standing epoch's values from the transaction that brought them, and holds them to the hash that the oracle keeps.
 * Prices are those that the chain counts, rounded down to the decimals of a file. The chain has no names: instruments, scenarios
 * and blocks are called as in an earlier market of the board; a row that has expired since, and is open again, is called by its
 * number and has lots of one.
 *
 * Throws `CALL_REFUSED` where no epoch stands, `FIELD_INVALID` where `names` is of another board, later than what stands, or prices
 * another policy's assets, `CHAIN_FAILED` where the node does not have the transaction, or its carrier hid the values in it.
 * @param names an earlier market of the same board
 * @see docs/library.md#on-chain
 */
export async function standingMarket(
  view: GateView,
  { policy, names }: { readonly policy: PolicyFile; readonly names: MarketFile },
): Promise<StandingMarket> {
  if (names.market.board.size !== view.size) {
    throw new PlimsollError("FIELD_INVALID", `the gate is for ${view.size}`, { field: "instruments" });
  }
  const { epoch, time, prices, values, event } = await view.told(() => standingValues(view));
  if (names.epoch > epoch) {
    const rule = `the names are of epoch ${names.epoch}, and epoch ${epoch} stands: rows may have had other names`;
    throw new PlimsollError("FIELD_INVALID", rule, { field: "epoch" });
  }
  const board = unpackValues(view.size, values);
  const expired = await view.told(() => expiredBetween(view, names.epoch, event));
  const unnamed: number[] = [];
  const instruments = board.rows.map((row, index): Instrument | undefined => {
    if (row === CLOSED_ROW) return undefined;
    const known = expired.has(index) ? undefined : names.instruments[index];
    if (known !== undefined) return known;
    unnamed.push(index);
    return { symbol: `ROW-${index}`, lot: { units: 1n, decimals: 0 }, terms: {} };
  });
  const last = instruments.findLastIndex((instrument) => instrument !== undefined);
  const document = marketDocument(
    {
      ...names,
      ...{ epoch, time: `${new Date(1000 * Number(time)).toISOString().slice(0, 19)}Z`, market: { prices, board } },
      instruments: instruments.slice(0, Math.max(last + 1, names.instruments.length)),
    },
    policy,
  );
  const file = readMarket(formatJson(document), "the chain's market", policy);
  return { document, file, closed: await closedFor(view), unnamed };
}

/** Why the standing epoch does not serve now, in words; null where it serves everything. */
export async function closedFor({ market: oracle, board, told }: GateView): Promise<string | null> {
  for (const serves of ["outflow", "evidence"]) {
    try {
      await told(() => oracle.getFunction(serves)(board));
    } catch (error) {
      if (error instanceof PlimsollError && error.code === "CALL_REFUSED") return error.rule;
      throw error;
    }
  }
  return null;
}

/** What the oracle fixed of the standing epoch. */
async function standingValues(view: GateView) {
  const { market: oracle, board } = view;
  const [standing] = await oracle.getFunction("standingOf")(board);
  const epoch: bigint = standing.epoch;
  if (epoch === 0n) throw new PlimsollError("CALL_REFUSED", "the board has no epoch yet");
  const lost = (what: string) => {
    const words = `the node does not have ${what} of epoch ${epoch}: ask one that keeps all`;
    return new PlimsollError("CHAIN_FAILED", words);
  };
  const taken = await takenEpoch(view, epoch);
  // A list has a method of this name.
  const fixed: unknown = (standing as Result).getValue("values");
  if (taken === undefined || fixedValues(taken.valuesHash, taken) !== fixed) throw lost("the event");
  const transaction = await oracle.runner!.provider!.getTransaction(taken.event.transactionHash);
  if (transaction === null) throw lost("the transaction with the values");
  const values = publishedIn(oracle, transaction.data, taken.valuesHash);
  if (values === undefined) {
    const words = `the transaction that brought the values of epoch ${epoch} does not have them in the clear: ask the venue`;
    throw new PlimsollError("CHAIN_FAILED", words);
  }
  const prices = taken.prices as LotPriceE16[];
  return { epoch, time: standing.time as bigint, prices, values, event: taken.event };
}

/** Digits of a word of calldata, and the words before that of an argument of `publish`. */
const WORD = 64;
const VALUES = 3;

/**
 * The values with this hash in a transaction that calls `publish`, also by way of other contracts. Whoever carries an epoch chooses the
 * calldata: nothing but the values is decoded, and no place is looked at twice.
 */
function publishedIn({ interface: abi }: Contract, data: string, valuesHash: string): Uint8Array | undefined {
  const digits = abi.getFunction("publish")!.selector.slice(2);
  // Not a number beyond the end, and beyond all data where these are four bytes that are the selector by chance.
  const numberAt = (at: number) => Number(`0x${data.slice(at, at + WORD)}`);
  const seen = new Set<number>();
  for (let found = data.indexOf(digits); found !== -1; found = data.indexOf(digits, found + 1)) {
    if (found % 2 !== 0) continue;
    const args = found + digits.length;
    const at = args + 2 * numberAt(args + VALUES * WORD);
    const end = at + WORD + 2 * numberAt(at);
    if (!(end <= data.length) || seen.has(at)) continue;
    seen.add(at);
    const values = `0x${data.slice(at + WORD, end)}`;
    if (keccak256(values) === valuesHash) return getBytes(values);
  }
  return undefined;
}

/** Rows that settlements closed after one epoch was taken and before another; since ever where the chain did not take the first. */
async function expiredBetween(view: GateView, first: bigint, last: EventLog): Promise<Set<number>> {
  const [settlements, taken] = [await settlementsOf(view), await takenEpoch(view, first)];
  const from = taken?.event;
  const isBefore = (one: EventLog, other: EventLog) =>
    one.blockNumber === other.blockNumber ? one.index < other.index : one.blockNumber < other.blockNumber;
  const rows = new Set<number>();
  const search = { from: from?.blockNumber, to: last.blockNumber, onStep: view.onStep };
  for await (const settled of eventsBack(settlements, [settlements.filters.Settled!(view.board)], search)) {
    if (isBefore(last, settled) || (from !== undefined && isBefore(settled, from))) continue;
    for (const row of expiredRows(settled)) rows.add(row);
  }
  return rows;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Events of a contract, from nodes that tell of all blocks at once or of few at a time. */
import { type Contract, type ContractEventName, type EventLog, isError } from "ethers";

/** Where to look, and who is told how far it is. */
export interface EventSearch {
  /** First block; zero unless given. */
  readonly from?: number | undefined;
  /** Last block; the chain's latest unless given. */
  readonly to?: number | undefined;
  /** Whether nothing is to be found in blocks before that of an event. */
  readonly isFirst?: (event: EventLog) => boolean;
  readonly onStep?: ((what: string) => void) | undefined;
}

/** Answers after which more is asked for again than was refused: a refusal may have been of the moment. Twice as many each time. */
const CALM = 16;
/** Milliseconds between two words of how far it is. */
const BEAT = 2_000;

/**
 * Events, the latest first. Whoever has found enough stops: a node that limits ranges or answers is asked from the latest block
 * backwards, in halves until it answers. Throws what the node throws of a single block.
 */
export async function* eventsBack(
  contract: Contract,
  filters: readonly ContractEventName[],
  { from = 0, to, isFirst, onStep }: EventSearch = {},
): AsyncGenerator<EventLog, undefined> {
  const end = to ?? (await contract.runner!.provider!.getBlockNumber());
  let last = end;
  let size = last - from + 1;
  let refused = Number.POSITIVE_INFINITY;
  let [answers, calm] = [0, CALM];
  let told = performance.now();
  while (last >= from) {
    const first = Math.max(from, last - size + 1);
    const found = await Promise.all(filters.map((filter) => contract.queryFilter(filter, first, last))).catch(
      (error) => {
        if (first === last || !isTooMuch(error)) throw error;
      },
    );
    if (found === undefined) {
      refused = last - first + 1;
      size = Math.ceil(refused / 2);
      answers = 0;
      continue;
    }
    const events = (found.flat() as EventLog[]).sort(latestFirst);
    yield* events;
    if (isFirst !== undefined && events.some(isFirst)) return;
    last = first - 1;
    if (2 * size < refused) size *= 2;
    else if (++answers === calm) [refused, calm, answers] = [Number.POSITIVE_INFINITY, 2 * calm, 0];
    if (performance.now() - told > BEAT) {
      onStep?.(`looking through the chain's events: blocks ${first} to ${end} seen`);
      told = performance.now();
    }
  }
  return undefined;
}

/** The latest of such events; undefined where there is none. */
export async function latestEvent(
  contract: Contract,
  filter: ContractEventName,
  search?: EventSearch,
): Promise<EventLog | undefined> {
  for await (const event of eventsBack(contract, [filter], search)) return event;
  return undefined;
}

const latestFirst = (one: EventLog, other: EventLog) => other.blockNumber - one.blockNumber || other.index - one.index;

/** Whether a node has answered, and with a refusal: there is no one code for a range or an answer that is too large. */
const isTooMuch = (error: unknown): boolean =>
  isError(error, "UNKNOWN_ERROR") ||
  (isError(error, "SERVER_ERROR") && [400, 413].includes(error.response?.statusCode ?? 0));

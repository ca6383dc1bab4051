// SPDX-License-Identifier: GPL-3.0-or-later
/** What a person can ask about a published market: where a row comes from, and whether an epoch follows. Public. */
import { PlimsollError } from "../errors.ts";
import type { MarketDocument } from "../formats/market.ts";
import { type EpochFile, type EpochVerdict, type Quorum, repeatEpoch, type Terms } from "../oracle/epoch.ts";
import { buildMarket } from "../risk/board/board.ts";
import { compareMarkets, type Difference, type Explanation, explainInstrument } from "../risk/board/explain.ts";
import type { MarketInput } from "../risk/input.ts";

/**
 * An instrument's row, traced, and compared with a published market.
 * @see docs/library.md#market-values
 */
export interface RowExplanation extends Explanation {
  /** Where a published market was given: values of the row that are not what follows. */
  readonly differences?: readonly Difference[];
}

/**
 * Traces each number of an instrument's row, and compares the row with a published market. Throws `UNKNOWN_NAME` for an
 * instrument that is not on the board, and like `buildMarket`.
 *
 *   const { columns } = explainRow(readMarketInput(text, "market-input.json"), "BTC-PERP");
 */
export function explainRow(input: MarketInput, symbol: string, published?: MarketDocument): RowExplanation {
  const explanation = explainInstrument(input, symbol);
  if (published === undefined) return explanation;
  // A market without any rows differs in all of them.
  const differences = compareMarkets(published, buildMarket(input)).filter(
    ({ place }) => place === "instruments" || place.startsWith(`instruments[${symbol}]`),
  );
  return { ...explanation, differences };
}

/**
 * What an epoch is verified against.
 * @see docs/library.md#market-values
 */
export interface EpochQuestion {
  /** Oracle, chain, board, risk policy and haircut policy, as the reader knows them. */
  readonly terms: Terms;
  /** The reporters that the reader knows, and how many of them must have signed. */
  readonly quorum: Quorum;
}

/**
 * Repeats a published epoch. The verdict names each value of its market that does not follow.
 *
 * Throws `FIELD_INVALID` for a reporter that is no address, `OUT_OF_RANGE` for a quorum that is not 1 to the number of
 * different reporters, and like `repeatEpoch` `EPOCH_REFUSED`: a reporter that the reader does not know, one that is
 * counted twice, fewer than the quorum, a signature that is not what it says.
 *
 *   const verdict = verifyEpoch({ terms, quorum: { reporters, count: 3 } }, readEpoch(text, "epoch.json"));
 *   if (!verdict.ok) console.log(verdict.differences[0].place);
 */
export function verifyEpoch({ terms, quorum }: EpochQuestion, epoch: EpochFile): EpochVerdict {
  const { reporters, count } = quorum;
  const wrong = reporters.findIndex((each) => !/^0x[0-9a-fA-F]{40}$/.test(each));
  if (wrong !== -1) {
    const field = `reporters[${wrong}]`;
    throw new PlimsollError("FIELD_INVALID", "expected an address: 0x and 40 hexadecimal digits", { field });
  }
  const different = new Set(reporters.map((each) => each.toLowerCase())).size;
  if (!(Number.isInteger(count) && count >= 1 && count <= different)) {
    throw new PlimsollError("OUT_OF_RANGE", `expected 1 to ${different}, the number of reporters`, { field: "quorum" });
  }
  return repeatEpoch(terms, quorum, epoch);
}

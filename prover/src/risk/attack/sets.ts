// SPDX-License-Identifier: GPL-3.0-or-later
/** The netting sets of a board as the adversary sees them: what margin each row asks for, per whole unit. */

import { BLOCK_INSTRUMENTS } from "../../model/sizes.ts";
import { buildMarket, MODELS, type Models, type PricedInstrument, priceInstruments } from "../board/board.ts";
import type { MarketInput } from "../input.ts";
import type { AttackRow, MarginAsked } from "./book.ts";

const BPS = 10_000;

/** What nets: a run of blocks. */
export interface NettingSet extends MarginAsked {
  /** Its block, or its first and last. */
  readonly name: string;
  /** In the order of its rows, which have the values that are published. */
  readonly priced: readonly PricedInstrument[];
}

/** Every netting set of a board that lists anything. Throws like `buildMarket`. */
export function nettingSets(input: MarketInput, models: Models = MODELS): NettingSet[] {
  const { instruments } = buildMarket(input, models);
  const priced = priceInstruments(input, models);
  const { blocks } = input.policy;
  const sets: NettingSet[] = [];
  for (let first = 0; first < blocks.length; ) {
    let next = first + 1;
    while (blocks[next]?.continues) next++;
    const listed: PricedInstrument[] = [];
    const rows: AttackRow[] = [];
    const [deltas, vegas]: [number[], number[]] = [[], []];
    for (let index = first * BLOCK_INSTRUMENTS; index < next * BLOCK_INSTRUMENTS; index++) {
      const [instrument, shown] = [priced[index], instruments[index]];
      // Rows that are for the scan of collateral alone, nobody can hold.
      if (!instrument || instrument.instrument.traded === false || !shown || shown.symbol === null) continue;
      const perUnit = (text: string) => Number(text) / Number(shown.lot);
      listed.push(instrument);
      rows.push({
        symbol: shown.symbol,
        underlying: instrument.instrument.underlying,
        spot: instrument.spot,
        mark: perUnit(shown.mark),
        profits: shown.profits.map(perUnit),
        longCharge: perUnit(shown.longCharge),
        shortCharge: perUnit(shown.shortCharge),
      });
      deltas.push(perUnit(shown.delta));
      vegas.push(perUnit(shown.vega));
    }
    const names = [blocks[first]!.name, blocks[next - 1]!.name];
    const name = next - first === 1 ? names[0]! : names.join(" to ");
    // Terms of the last block hold for the set.
    const { liquidityThreshold, liquidityRateBps, vegaThreshold, vegaRateBps } = blocks[next - 1]!;
    const netCharges = [
      { perUnit: deltas, threshold: Number(liquidityThreshold), rate: Number(liquidityRateBps) / BPS },
      { perUnit: vegas, threshold: Number(vegaThreshold), rate: Number(vegaRateBps) / BPS },
    ];
    if (rows.length > 0) sets.push({ name, priced: listed, rows, netCharges });
    first = next;
  }
  return sets;
}

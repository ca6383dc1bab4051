// SPDX-License-Identifier: GPL-3.0-or-later
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import { Markets, marketAt } from "../contracts/markets.ts";

export interface FreshMarkets {
  readonly size?: BoardSize;
  /** Whether the chain has a sequencer, whose grace is over. */
  readonly sequencer?: boolean;
}

/**
 * A board with one epoch, which every test of a suite finds as it was at first.
 *
 * @param ready is handed it once, and may add to it what every test is to find
 */
export function freshMarkets(
  ready: (world: Markets) => unknown,
  { size = "board-60", sequencer }: FreshMarkets = {},
): void {
  let world: Markets;
  let first: { restore(): Promise<void> };
  before(async () => {
    world = await Markets.create(size, { sequencer: sequencer === true });
    // In which a sequencer that came up at deployment is not up yet.
    await world.time.increase(3600n);
    await world.publish();
    await ready(world);
    first = await world.chain.networkHelpers.takeSnapshot();
  });
  afterEach(async () => {
    await first.restore();
    world.epoch = 1n;
    world.market = marketAt(size, 100_000n, 4_000n);
  });
}

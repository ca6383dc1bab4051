// SPDX-License-Identifier: GPL-3.0-or-later
/** Whoever has a power and uses it against the members: for some days at a time, alone or beside each other. */
import type { Rng } from "../../test/support/random.ts";
import { attempt } from "./chain.ts";
import { type Actor, type Bid, fillAt, Member, type Moods, type Stage } from "./members.ts";
import { CASH, E6, type Holder, type OpenLot } from "./model.ts";
import { DAY, type Publishing } from "./values.ts";

/** A power that is used at random, on average once in `every` days, for up to `days`. */
abstract class Power extends Member {
  override readonly honest: boolean = false;
  abstract override readonly by: string;
  protected readonly every: number = 40;
  protected readonly days: number = 3;
  #left = 0;
  #fell = 1;

  override async join() {}
  override async morning() {}
  override async evening() {}
  async dawn() {
    const { today } = this.venue.values;
    const before = this.#fell;
    this.#fell = today.BTC;
    if (this.#left > 0) this.#left--;
    else if (this.rng.chance(1 / this.every) || (before / today.BTC > 1.08 && this.rng.chance(0.3))) {
      this.#left = 1 + Number(this.rng.below(BigInt(this.days)));
    }
    if (this.#left === 0) return;
    this.tries.count++;
    this.tries.taken++;
    await this.use(this.stage.moods.today);
  }
  protected abstract use(moods: Moods): void | Promise<void>;
}

/**
 * A power that does no more than change how those who have it behave today: a part of the day's moods, drawn by the chance that
 * it is handed.
 */
const behaves = (
  name: string,
  by: string,
  mood: (rng: Rng) => Partial<Moods>,
  { every = 40, days = 3 }: { readonly every?: number; readonly days?: number } = {},
): (new (
  stage: Stage,
) => Actor) =>
  class extends Power {
    readonly name = name;
    readonly by = by;
    protected override readonly every = every;
    protected override readonly days = days;
    protected use(moods: Moods) {
      Object.assign(moods, mood(this.rng));
    }
  };

/** Lots that only its accomplice is told of, who takes them at the last price. */
class SecretLots extends Power {
  readonly name = "operator keeps lots secret";
  readonly by = "operator";
  protected override readonly every = 12;
  protected override readonly days = 6;
  override async join() {
    await this.settleIn({ [CASH]: 20_000_000n * E6 });
  }
  protected use(moods: Moods) {
    moods.operator = "secret lots";
  }
  bid(_: Holder, { auction, told }: OpenLot): Bid | undefined {
    // Now and then it lets one lapse, to lower the next one's size.
    if (told || this.rng.chance(0.2)) return undefined;
    return { account: this.holder, after: Number(auction.end - auction.start) - 2 };
  }
}

/** The rewards of all lots. */
class Rewards extends Power {
  readonly name = "operator rewards itself";
  readonly by = "operator";
  protected override readonly every = 8;
  override async join() {
    await this.settleIn({ [CASH]: 1_000n * E6 });
  }
  protected use(moods: Moods) {
    moods.beneficiary = this.holder;
  }
}

/** Bids what somebody else is about to bid, a block before. */
class FrontRun extends Member {
  readonly name = "front-run bids";
  override readonly by = "bidders";
  override readonly honest = false;
  override async join() {
    await this.settleIn({ [CASH]: 15_000_000n * E6 });
  }
  override async morning() {}
  /** What it has bought it sells on to a market maker. */
  override async evening() {
    const { positions, cash } = this.holder.state;
    const book = Object.fromEntries(
      [...positions.entries()].filter(([, lots]) => lots !== 0n).map(([row, lots]) => [row, -lots]),
    );
    if (Object.keys(book).length === 0 || cash < 0n) return;
    const fill = fillAt(this.venue, book, 5n, this.rng.below(1n << 128n));
    await attempt(() => this.venue.trade(this.holder, this.rng.pick(this.stage.makers), fill));
  }
  async outrun(holder: Holder, what: string) {
    if (what !== "take" || holder === this.holder || !holder.open || !this.rng.chance(0.3)) return;
    const price = await this.venue.price(holder.open);
    await this.tries.of(() => this.venue.take(holder, this.holder, price + 1n));
  }
}

class Pauses extends Power {
  readonly name = "guardian pauses";
  readonly by = "guardian";
  protected override async use() {
    const seconds = DAY * (1 + Number(this.rng.below(3n)));
    await this.tries.of(async () => {
      const why = await this.venue.values.pause(seconds);
      if (why !== undefined) this.venue.say(`the guardian's pause is refused: ${why}`);
      else this.venue.say(`the guardian pauses for ${seconds} s`);
    });
  }
}

class Tightens extends Power {
  readonly name = "guardian tightens";
  readonly by = "guardian";
  protected override readonly every = 120;
  protected override readonly days = 1;
  protected override async use() {
    const why = await this.venue.values.tighten();
    this.venue.say(why === undefined ? "the guardian tightens" : `the guardian does not tighten: ${why}`);
  }
}

/** Not somebody's doing: the feed of ether dies. */
class FeedDies extends Power {
  readonly name = "the feed dies";
  readonly by = "chance";
  protected use() {
    this.venue.values.feedAlive = false;
  }
}

class SequencerDown extends Power {
  readonly name = "the sequencer is down";
  readonly by = "chance";
  protected override readonly days = 2;
  protected override async use() {
    const { values } = this.venue;
    await values.sequencer(false);
    await values.chain.until(values.chain.time + 1800 + Number(this.rng.below(7200n)));
    await values.sequencer(true);
  }
}

/** By which a liar multiplies or divides each price, and how far from its middle an edge is. */
const LIES = [0.5, 0.8, 1.25, 2, 1.001];
const EDGES = [-0.03, -0.01, 0.01, 0.03];
const lie = (by: number): Publishing => ({ lie: (asset) => (asset % 2 === 0 ? by : 1 / by) });

export const POWERS: readonly (new (stage: Stage) => Actor)[] = [
  behaves("operator silent", "operator", () => ({ operator: "silent" }), { days: 5 }),
  behaves("operator refuses signatures", "operator", () => ({ operator: "refuses" }), { days: 4 }),
  behaves("operator holds everybody", "operator", () => ({ operator: "holds" })),
  behaves("operator serves some", "operator", () => ({ operator: "partial" })),
  SecretLots,
  Rewards,
  behaves("a minority of reporters lies", "reporters", (rng) => ({ publishing: lie(rng.pick(LIES)) }), { every: 6 }),
  behaves("reporters at the edge of the bands", "reporters", (rng) => ({ publishing: { edge: rng.pick(EDGES) } })),
  behaves("reporters withhold", "reporters", () => ({ publishing: "withheld" })),
  behaves("reporters equivocate", "reporters", () => ({ publishing: { equivocates: true } })),
  behaves("carrier withholds links", "carrier", () => ({ publishing: { families: [] } }), { every: 15 }),
  behaves("nobody bids", "bidders", () => ({ bidders: "never" }), { days: 4 }),
  behaves("bidders collude", "bidders", () => ({ bidders: "last" }), { every: 15, days: 6 }),
  behaves("bids that lapse", "bidders", () => ({ bidders: "lapse" })),
  FrontRun,
  Pauses,
  Tightens,
];
export const EVENTS: readonly (new (stage: Stage) => Actor)[] = [FeedDies, SequencerDown];

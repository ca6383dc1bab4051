// SPDX-License-Identifier: GPL-3.0-or-later
/** Whoever has a power and uses it against the members: for some days at a time, alone or beside each other. */
import { attempt } from "./chain.ts";
import { type Actor, type Bid, fillAt, Member, type Moods, type Stage } from "./members.ts";
import { CASH, E6, type Holder, type OpenLot } from "./model.ts";
import { DAY } from "./values.ts";

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

class Silent extends Power {
  readonly name = "operator silent";
  readonly by = "operator";
  protected override readonly days = 5;
  protected use(moods: Moods) {
    moods.operator = "silent";
  }
}

class Refuses extends Power {
  readonly name = "operator refuses signatures";
  readonly by = "operator";
  protected override readonly days = 4;
  protected use(moods: Moods) {
    moods.operator = "refuses";
  }
}

class HoldsAll extends Power {
  readonly name = "operator holds everybody";
  readonly by = "operator";
  protected use(moods: Moods) {
    moods.operator = "holds";
  }
}

class Partial extends Power {
  readonly name = "operator serves some";
  readonly by = "operator";
  protected use(moods: Moods) {
    moods.operator = "partial";
  }
}

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

class Minority extends Power {
  readonly name = "a minority of reporters lies";
  readonly by = "reporters";
  protected override readonly every = 6;
  protected use(moods: Moods) {
    const by = this.rng.pick([0.5, 0.8, 1.25, 2, 1.001]);
    moods.publishing = { lie: (asset) => (asset % 2 === 0 ? by : 1 / by) };
  }
}

class Edge extends Power {
  readonly name = "reporters at the edge of the bands";
  readonly by = "reporters";
  protected use(moods: Moods) {
    moods.publishing = { edge: this.rng.pick([-0.03, -0.01, 0.01, 0.03]) };
  }
}

class Withhold extends Power {
  readonly name = "reporters withhold";
  readonly by = "reporters";
  protected use(moods: Moods) {
    moods.publishing = "withheld";
  }
}

class Equivocate extends Power {
  readonly name = "reporters equivocate";
  readonly by = "reporters";
  protected use(moods: Moods) {
    moods.publishing = { equivocates: true };
  }
}

class WithholdLinks extends Power {
  readonly name = "carrier withholds links";
  readonly by = "carrier";
  protected override readonly every = 15;
  protected use(moods: Moods) {
    moods.publishing = { families: [] };
  }
}

class NeverBid extends Power {
  readonly name = "nobody bids";
  readonly by = "bidders";
  protected override readonly days = 4;
  protected use(moods: Moods) {
    moods.bidders = "never";
  }
}

class BidLast extends Power {
  readonly name = "bidders collude";
  readonly by = "bidders";
  protected override readonly every = 15;
  protected override readonly days = 6;
  protected use(moods: Moods) {
    moods.bidders = "last";
  }
}

class Lapse extends Power {
  readonly name = "bids that lapse";
  readonly by = "bidders";
  protected use(moods: Moods) {
    moods.bidders = "lapse";
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

export const POWERS: readonly (new (stage: Stage) => Actor)[] = [
  ...[Silent, Refuses, HoldsAll, Partial, SecretLots, Rewards, Minority, Edge, Withhold, Equivocate, WithholdLinks],
  ...[NeverBid, BidLast, Lapse, FrontRun, Pauses, Tightens],
];
export const EVENTS: readonly (new (stage: Stage) => Actor)[] = [FeedDies, SequencerDown];

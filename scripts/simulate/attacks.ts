// SPDX-License-Identifier: GPL-3.0-or-later
/** Members who play against the others: each attack is one small actor with accounts of its own. */
import { evaluate } from "../../prover/src/model/evaluate.ts";
import type { PositionLots } from "../../prover/src/units.ts";
import { attempt } from "./chain.ts";
import type { PreparedPayment } from "./gate.ts";
import { type Actor, fillAt, listed, Member, marginOf, missing, type Stage, usable } from "./members.ts";
import { CASH, E6, type Holder, least, valued } from "./model.ts";
import { ASSET, ROW } from "./prices.ts";

const usd = (amount: bigint) => amount * E6;
const MOST_PAIRS = 5;

abstract class Attack extends Member {
  override readonly honest: boolean = false;

  /** Answers no calls: what the attack does is its own. */
  override async morning() {}
  override async evening() {
    if (this.venue.values.standing === undefined) return;
    for (const holder of this.accounts) {
      const credit = holder.credits[CASH]!;
      if (credit > 0n && holder.stage !== "liquidating") await attempt(() => this.venue.absorb(holder, CASH, credit));
    }
    if (usable(this.venue)) await this.play();
  }
  protected async play() {}

  /** What an account has above the initial level, 1e-6; negative where it lacks something. */
  protected excess(holder: Holder): bigint {
    const { policy, market } = this.venue.values.published("outflow");
    const { initial } = this.venue.values.levels("outflow");
    const { equity, margin } = valued(holder.state, policy, market);
    return (equity - initial * margin * 10n ** 6n) / 10n ** 14n;
  }
  /** As many lots of a row as the account can carry at the initial level. */
  protected most(holder: Holder, row: number): bigint {
    const { initial } = this.venue.values.levels("outflow");
    const room = this.excess(holder);
    return room <= 0n ? 0n : (room * 9_900n) / initial / marginOf(this.venue, row);
  }
  protected async leverage(holder: Holder, row: number, sign: bigint) {
    const lots = this.most(holder, row);
    if (lots > 0n) await this.deal(row, sign * lots, holder);
  }
  /** Gives cash, and perhaps more, from one account to the other. */
  protected hand(from: Holder, to: Holder, amount: bigint, lots: Readonly<Record<number, bigint>> = {}) {
    const fill = fillAt(this.venue, lots, 0n, this.rng.below(1n << 128n));
    return this.venue.trade(to, from, { ...fill, cash: fill.cash + amount });
  }
  protected blind() {
    return this.rng.below(1n << 128n);
  }
}

/** Borrows all it can, answers no call, and moves its account whenever evidence against it is about to land. */
class Outrun extends Attack {
  readonly name = "outrun evidence";
  override async join() {
    await this.settleIn({ [CASH]: usd(400_000n) });
    await this.settleIn({ [CASH]: usd(200_000n) });
  }
  protected override async play() {
    for (const holder of this.accounts) {
      if (holder.stage === "healthy" && this.rng.chance(0.3)) await this.leverage(holder, ROW.btcPerp, 1n);
    }
    const [holder] = this.accounts as [Holder];
    if (holder.stage === "closed" && this.accounts.length < MOST_PAIRS) {
      this.accounts.unshift(await this.stage.open(this.name, false));
      await this.venue.payIn(this.accounts[0]!, CASH, usd(400_000n));
    }
  }
  async outrun(holder: Holder, what: string) {
    if (what === "take" || !this.accounts.includes(holder) || holder.stage === "liquidating") return;
    const [other] = this.accounts.filter((each) => each !== holder) as [Holder];
    await this.tries.of(
      await this.rng.pick([
        async () => this.venue.payIn(holder, CASH, 1n + this.rng.below(3n)),
        async () => this.venue.payIn(holder, ASSET.worthless, 1n),
        async () => this.venue.deposit(holder, CASH, 1n),
        async () => this.venue.withdraw(holder, CASH, 1n + this.rng.below(usd(1_000n))),
        async () => this.hand(holder, other, usd(1_000n)),
        // Improves and stays below the initial level.
        async () => this.hand(holder, other, 0n, { [ROW.btcPerp]: holder.state.positions[ROW.btcPerp]! / 3n }),
      ]),
    );
  }
}

/** Two accounts that are one book: what the winner has is taken out, what the loser lacks is left to the fund. */
class Dumping extends Attack {
  readonly name = "dump losses";
  override async join() {
    for (let index = 0; index < 2; index++)
      await this.settleIn({ [CASH]: usd(300_000n + 100_000n * this.rng.below(6n)) });
  }
  protected override async play() {
    const [one, other] = this.accounts.slice(-2) as [Holder, Holder];
    if (one.flat && other.flat && one.stage === "healthy" && other.stage === "healthy") {
      const row = this.rng.pick([ROW.btcPerp, ROW.ethPerp]);
      const lots = least(this.most(one, row), this.most(other, row));
      if (lots > 0n)
        await this.tries.of(() => this.venue.trade(one, other, fillAt(this.venue, { [row]: lots }, 0n, this.blind())));
      return;
    }
    for (const [loser, winner] of [
      [one, other],
      [other, one],
    ] as const) {
      // The loser's last cash to the winner, the winner's out.
      if (this.excess(loser) < 0n && this.rng.chance(0.4))
        await this.tries.of(() => this.hand(loser, winner, usd(10_000n)));
      const out = this.excess(winner);
      if (out > usd(5_000n)) await this.tries.of(() => this.venue.withdraw(winner, CASH, (out * 9n) / 10n));
    }
    const gone = [one, other].some(({ stage, flat }) => stage === "closed" || flat);
    if (!gone || this.accounts.length >= 2 * MOST_PAIRS) return;
    for (const account of [one, other]) await this.leave(account);
    await this.join();
  }
  private async leave(holder: Holder) {
    if (!holder.flat) return;
    const { cash } = holder.state;
    if (cash > 0n) await this.tries.of(() => this.venue.exit(holder, CASH, cash));
  }
}

/** Sells its accomplice at a price far from the mark whatever the initial level leaves, and takes that out. */
class Hole extends Attack {
  readonly name = "trade into a hole";
  override async join() {
    for (let index = 0; index < 2; index++) await this.settleIn({ [CASH]: usd(500_000n) });
  }
  protected override async play() {
    const [winner, loser] = this.accounts as [Holder, Holder];
    if (loser.flat && loser.stage === "healthy")
      await this.leverage(loser, this.rng.pick([ROW.btcPerp, ROW.ethPerp]), 1n);
    const room = this.excess(loser);
    // A little more than there is, a little less, and after a fall everything.
    if (this.rng.chance(0.3)) await this.tries.of(() => this.hand(loser, winner, room > 0n ? room + E6 : usd(20_000n)));
    if (room > usd(1_000n) && this.rng.chance(0.5))
      await this.tries.of(() => this.hand(loser, winner, (room * 99n) / 100n));
    const out = this.excess(winner);
    if (out > usd(50_000n)) await this.tries.of(() => this.venue.withdraw(winner, CASH, out / 2n));
    if (loser.stage === "healthy" && this.rng.chance(0.1)) await this.venue.payIn(loser, CASH, usd(50_000n));
  }
}

/** Lets itself be sold, and bids for the lot with its other account at the last moment. */
class SelfLiquidation extends Attack {
  readonly name = "buy its own lots";
  override async join() {
    await this.settleIn({ [CASH]: usd(100_000n), [ASSET.staked]: 100n * 10n ** 8n });
    await this.settleIn({ [CASH]: usd(3_000_000n) });
  }
  protected override async play() {
    const [seller] = this.accounts as [Holder];
    if (seller.stage === "healthy") await this.leverage(seller, ROW.ethPerp, 1n);
    if (seller.stage !== "healthy" && this.rng.chance(0.3)) {
      const lacks = missing(this.venue, seller, this.venue.values.levels("evidence").initial);
      if (lacks > 0n && lacks < usd(200_000n)) await attempt(() => this.venue.payIn(seller, CASH, lacks));
      await attempt(() => this.venue.attest(seller, this.venue.values.levels("evidence").call));
    }
  }
  bid(holder: Holder, { auction }: NonNullable<Holder["open"]>) {
    const [seller, bidder] = this.accounts as [Holder, Holder];
    if (holder !== seller) return undefined;
    const duration = Number(auction.end - auction.start);
    return { account: bidder, after: this.rng.chance(0.5) ? 0 : duration - 5 };
  }
}

/** Holds the book that needs the least margin for what it may lose where no scenario looks. */
class BlindSpot extends Attack {
  readonly name = "sit outside the scan";
  override async join() {
    await this.settleIn({ [CASH]: usd(500_000n) });
  }
  protected override async play() {
    const holder = this.accounts.at(-1)!;
    if (holder.stage === "closed" && this.accounts.length < MOST_PAIRS) await this.join();
    if (!holder.flat || holder.stage !== "healthy" || !listed(this.venue, ROW.btcCall)) return;
    const books = [
      { [ROW.btcPut]: -50n, [ROW.btcCall]: -50n },
      { [ROW.ethPut]: -100n, [ROW.ethPerp]: -300n },
      { [ROW.btcFuture]: 500n, [ROW.btcPerp]: -500n },
      { [ROW.btcPerp]: 400n, [ROW.ethPerp]: -1_000n },
      { [ROW.btcPut]: -60n, [ROW.btcPerp]: -200n },
    ];
    const { policy, market } = this.venue.values.published("outflow");
    const marginAlone = (book: Readonly<Record<number, bigint>>) => {
      const positions = holder.state.positions.map((_, row) => (book[row] ?? 0n) as PositionLots);
      return evaluate({ ...holder.state, positions }, policy, market).margin / 10_000n + 1n;
    };
    const book = this.rng.chance(0.7)
      ? books.reduce((best, each) => (marginAlone(each) < marginAlone(best) ? each : best))
      : this.rng.pick(books);
    const times = (this.excess(holder) * 9_000n) / 15_000n / marginAlone(book);
    const lots = Object.fromEntries(Object.entries(book).map(([row, count]) => [row, (count * times) as bigint]));
    const maker = this.rng.pick(this.stage.makers);
    if (times > 0n)
      await this.tries.of(() => this.venue.trade(holder, maker, fillAt(this.venue, lots, 5n, this.blind())));
  }
}

/** Says nothing: no attestation, no cure, no answer. */
class Silence extends Attack {
  readonly name = "say nothing";
  override async join() {
    await this.settleIn({ [CASH]: usd(50_000n), [ASSET.btc]: 2n * 10n ** 8n });
  }
  protected override async play() {
    const holder = this.accounts.at(-1)!;
    if (holder.flat && holder.stage === "healthy")
      await this.leverage(holder, ROW.btcPerp, this.rng.chance(0.5) ? 1n : -1n);
    if (holder.stage === "closed" && this.accounts.length < MOST_PAIRS && this.rng.chance(0.1)) await this.join();
  }
}

/** Wants states that nobody else knows: trades without the operator, and unwinds when nobody has answered. */
class Unseen extends Attack {
  readonly name = "trade unseen";
  override async join() {
    for (let index = 0; index < 2; index++) await this.settleIn({ [CASH]: usd(200_000n) });
  }
  protected override async play() {
    const [one, other] = this.accounts.slice(-2) as [Holder, Holder];
    const { venue } = this;
    if (!this.rng.chance(0.5)) return;
    if (one.retired) {
      for (const holder of [one, other]) {
        const { cash } = holder.state;
        if (cash > 0n) await this.tries.of(() => venue.exit(holder, CASH, cash));
        await this.tries.of(() => venue.withdraw(holder, CASH, 1n));
      }
      if (this.accounts.length < 2 * MOST_PAIRS) await this.join();
      return;
    }
    const lots = this.most(one, ROW.btcPerp) / 2n;
    const fill = fillAt(venue, { [ROW.btcPerp]: lots + 1n }, 0n, this.blind());
    if (one.flat && one.stage === "healthy") {
      await attempt(() => venue.trade(one, other, fill));
      for (const holder of [one, other]) await attempt(() => venue.request(holder));
    }
    const { agrees } = venue;
    venue.agrees = () => false;
    await this.tries.of(() => venue.trade(one, other, fillAt(venue, { [ROW.btcPerp]: -1n }, 0n, this.blind())));
    venue.agrees = agrees;
    const back = { [ROW.btcPerp]: -one.state.positions[ROW.btcPerp]! };
    if (!one.flat) await this.tries.of(() => venue.trade(one, other, fillAt(venue, back, 0n, this.blind()), true));
  }
}

/** Makes its withdrawal ready by today's values and sends it tomorrow, where tomorrow's are worse. */
class LateExit extends Attack {
  readonly name = "leave by old values";
  #ready: PreparedPayment | undefined;
  override async join() {
    await this.settleIn({ [ASSET.btc]: 8n * 10n ** 8n });
  }
  async dawn() {
    const [holder] = this.accounts as [Holder];
    if (this.venue.values.standing === undefined || !usable(this.venue)) return;
    const out = this.excess(holder);
    if (out < usd(1_000n)) return;
    await attempt(async () => {
      this.#ready = await this.venue.payment(holder, CASH, (out * 8n) / 10n, "withdraw");
    });
  }
  override async morning() {
    const ready = this.#ready;
    this.#ready = undefined;
    if (ready !== undefined) await this.tries.of(() => this.venue.pay(ready));
  }
}

/** Holds what expires, does not pass the settlement, and wants more of it while it has no value. */
class Relisting extends Attack {
  readonly name = "stay in expired rows";
  override async join() {
    for (let index = 0; index < 2; index++) await this.settleIn({ [CASH]: usd(150_000n) });
  }
  protected override async play() {
    const [one] = this.accounts as [Holder];
    if (one.stage === "healthy" && listed(this.venue, ROW.btcCall) && this.rng.chance(0.2)) {
      await this.leverage(one, this.rng.pick([ROW.btcCall, ROW.btcPut]), -1n);
    }
  }
  async expiring() {
    const [one, other] = this.accounts as [Holder, Holder];
    const row = this.rng.pick([ROW.btcFuture, ROW.btcPut, ROW.btcCall]);
    await this.tries.of(() => this.venue.trade(one, other, fillAt(this.venue, { [row]: 10n }, 0n, this.blind())));
    const { cash } = one.state;
    if (cash > 0n) await this.tries.of(() => this.venue.withdraw(one, CASH, cash / 2n));
    if (cash > 0n) await this.tries.of(() => this.venue.exit(one, CASH, cash));
  }
}

/** Takes all cash out that its coins can carry, in several accounts; debt is lent by the others. */
class Drain extends Attack {
  readonly name = "drain the till";
  override async join() {
    for (let index = 0; index < 2; index++) await this.settleIn({ [ASSET.btc]: 15n * 10n ** 8n });
  }
  protected override async play() {
    for (const holder of this.accounts) {
      const out = this.excess(holder);
      // Debt needs margin of its own.
      if (holder.stage === "healthy" && out > usd(10_000n))
        await this.tries.of(() => this.venue.withdraw(holder, CASH, (out * 8n) / 10n));
      if (holder.stage === "healthy" && this.rng.chance(0.02)) await this.venue.payIn(holder, ASSET.btc, 10n ** 8n);
    }
  }
}

/** Many tiny accounts that hope to be worth less than it costs to close them. */
class InsolventDust extends Attack {
  readonly name = "insolvent dust";
  override async join() {
    for (let index = 0; index < 3; index++) await this.settleIn({ [CASH]: usd(150n + this.rng.below(400n)) });
  }
  protected override async play() {
    for (const holder of this.accounts.slice(-3)) {
      if (holder.flat && holder.stage === "healthy")
        await this.leverage(holder, ROW.ethPerp, this.rng.chance(0.5) ? 1n : -1n);
    }
    const gone = this.accounts.slice(-3).every(({ stage }) => stage === "closed");
    if (gone && this.accounts.length < 12) await this.join();
  }
}

/** Leaves first when the fund owes, and comes back when it does not. */
class Run extends Attack {
  readonly name = "run from the fund";
  override async join() {
    await this.settleIn({ [CASH]: usd(1_000_000n) });
  }
  protected override async play() {
    const [holder] = this.accounts as [Holder];
    const { cash } = holder.state;
    if (this.venue.till.fund < 0n && cash > 0n) await this.tries.of(() => this.venue.exit(holder, CASH, cash));
    if (this.venue.till.fund >= 0n && cash === 0n) await this.venue.payIn(holder, CASH, usd(1_000_000n));
  }
}

/** Pays dust and worthless tokens into whoever is about to be called or sold. */
class Spam extends Attack {
  readonly name = "spam credits";
  override async join() {
    await this.settleIn({ [CASH]: usd(1_000n) });
  }
  async outrun(holder: Holder, what: string) {
    if (what === "take" || !this.rng.chance(0.5)) return;
    const asset = this.rng.pick([CASH, ASSET.worthless, ASSET.stable]);
    await this.tries.of(() => this.venue.deposit(holder, asset, 1n + this.rng.below(3n), this.accounts[0]!.owner));
  }
}

export const ATTACKS: readonly (new (stage: Stage) => Actor)[] = [
  ...[Outrun, Dumping, Hole, SelfLiquidation, BlindSpot, Silence, Unseen, LateExit, Relisting, Drain],
  ...[InsolventDust, Run, Spam],
];

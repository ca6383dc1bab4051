// SPDX-License-Identifier: GPL-3.0-or-later
/** Honest members by kind: what each holds, what it trades, and how it answers a call. */

import type { FieldElement } from "../../prover/src/field.ts";
import { type Fill, noFill } from "../../prover/src/model/transition.ts";
import type { Rng } from "../../test/support/random.ts";
import { attempt, SIZE } from "./chain.ts";
import { CASH, E6, type Holder, most, type OpenLot, valued } from "./model.ts";
import { ASSET, ROW } from "./prices.ts";
import type { Publishing } from "./values.ts";
import type { Venue } from "./venue.ts";

/** Somebody who acts: each day before the values come (`dawn`), after (`morning`), and when lots have been sold (`evening`). */
export interface Actor {
  /** Kind of member, or name of the attack. */
  readonly name: string;
  /** Whose power is used. */
  readonly by: string;
  readonly honest: boolean;
  readonly accounts: readonly Holder[];
  /** How often something was tried that others do not do, and why it was refused. */
  readonly tries: Tries;
  join?(): Promise<void>;
  dawn?(): Promise<void>;
  morning?(): Promise<void>;
  evening?(): Promise<void>;
  /** Between a settlement and the account's own passing of it. */
  expiring?(): Promise<void>;
  /** Sees a call about an account before it lands. */
  outrun?(holder: Holder, what: "start" | "flag" | "take"): Promise<void>;
  /** For a lot on auction: with which account it bids, how long after the start in seconds. */
  bid?(holder: Holder, open: OpenLot): Bid | undefined;
}

export interface Bid {
  readonly account: Holder;
  readonly after: number;
}

class Tries {
  count = 0;
  taken = 0;
  readonly refused = new Map<string, number>();

  async of(work: () => Promise<unknown>): Promise<boolean> {
    this.count++;
    const why = await attempt(work);
    if (why === undefined) this.taken++;
    else this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
    return why === undefined;
  }
}

/** How whoever has power uses it today. */
export interface Moods {
  operator: "honest" | "silent" | "refuses" | "holds" | "partial" | "secret lots";
  /** Of today's epoch; none is made where it is withheld. */
  publishing: Publishing | "withheld";
  bidders: "compete" | "never" | "last" | "lapse";
  /** Account that rewards of lots go to. */
  beneficiary: Holder | undefined;
}
export const HONEST = (): Moods => ({ operator: "honest", publishing: {}, bidders: "compete", beneficiary: undefined });

/** What actors have in common: the venue, chance of their own, and whom to trade with. */
export interface Stage {
  readonly venue: Venue;
  readonly rng: Rng;
  /** Opens an account under an owner of its own. */
  open(part: string, honest: boolean): Promise<Holder>;
  readonly makers: Holder[];
  readonly moods: { today: Moods };
}

/** Paid above the mark by whoever asks a market maker, basis points. */
const SPREAD = 5n;
const usd = (amount: bigint) => amount * E6;

/** Lots of rows for cash at their marks, `bps` dearer for whoever gets it. */
export function fillAt(venue: Venue, lots: Readonly<Record<number, bigint>>, bps = 0n, blinding = 7n): Fill {
  const { rows } = venue.values.fair.board;
  const empty = noFill(SIZE);
  let cash = 0n;
  for (const [row, count] of Object.entries(lots)) {
    const worth = count * rows[Number(row)]!.mark;
    cash -= worth + ((worth < 0n ? -worth : worth) * bps) / 10_000n;
  }
  const positions = empty.positions.map((_, row) => lots[row] ?? 0n);
  return { ...empty, positions, cash, blinding: blinding as FieldElement };
}

/** Margin of a lot alone, 1e-6: the worst of the scan, and the charge. */
export function marginOf(venue: Venue, row: number): bigint {
  const { profits, longCharge } = venue.values.standing!.market.board.rows[row]!;
  return profits.reduce((worst, profit) => most(worst, most(profit, -profit)), 1n) + longCharge;
}

/** Cash that brings an account to a level; zero where it is there. 1e-6. */
export function missing(venue: Venue, holder: Holder, level: bigint): bigint {
  const { policy, market } = venue.values.published("evidence");
  const { equity, margin } = valued(holder.state, policy, market);
  const lacks = level * margin * 10n ** 6n - equity;
  // Cash that repays debt lowers margin too: somewhat more than needed.
  return lacks <= 0n ? 0n : lacks / 10n ** 14n + E6;
}

export const listed = (venue: Venue, row: number) =>
  venue.values.standing!.market.board.rows[row]!.profits.some((profit) => profit !== 0n);
export const usable = (venue: Venue) => venue.values.unusable() === undefined;

export abstract class Member implements Actor {
  readonly by: string = "member";
  readonly honest: boolean = true;
  abstract readonly name: string;
  readonly tries = new Tries();
  readonly accounts: Holder[] = [];
  readonly stage: Stage;
  /** Cash outside that it will still pay in when called, 1e-6. */
  reserve = 0n;

  constructor(stage: Stage) {
    this.stage = stage;
  }
  get venue() {
    return this.stage.venue;
  }
  get rng() {
    return this.stage.rng;
  }
  get holder() {
    return this.accounts.at(-1)!;
  }

  protected async settleIn(assets: Readonly<Record<number, bigint>>) {
    const holder = await this.stage.open(this.name, this.honest);
    this.accounts.push(holder);
    for (const [asset, lots] of Object.entries(assets)) await this.venue.payIn(holder, Number(asset), lots);
    this.reserve = (assets[CASH] ?? 0n) / 2n;
    return holder;
  }

  async join() {}

  /** Answers a call, as long as its reserve lasts. */
  async morning() {
    const { venue, holder } = this;
    if (venue.values.standing === undefined || holder.retired || holder.stage === "liquidating") return;
    if (!this.rng.chance(0.9)) return;
    const { call, initial } = venue.values.levels("evidence");
    if (holder.stage === "healthy" && venue.isAtLeast(holder.state, call, "evidence")) return;
    let lacks = missing(venue, holder, initial);
    if (lacks > this.reserve) lacks = this.reserve;
    if (lacks > 0n && (await attempt(() => venue.payIn(holder, CASH, lacks))) === undefined) this.reserve -= lacks;
    await attempt(() => venue.attest(holder, call));
  }

  /** Absorbs what lots brought, attests when it is due, and goes about its business. */
  async evening() {
    const { venue, holder } = this;
    if (venue.values.standing === undefined || holder.stage === "liquidating") return;
    const credit = holder.credits[CASH]!;
    if (credit > 0n) await attempt(() => venue.absorb(holder, CASH, credit));
    if (holder.stage === "closed" && holder.flat) return this.again();
    const due = (await venue.clock()) - holder.provenAt > venue.values.terms.attestInterval / 2n;
    const { call } = venue.values.levels("evidence");
    if (due || holder.stage !== "healthy") await attempt(() => venue.attest(holder, call));
    if (holder.stage === "healthy" && usable(venue)) await this.business();
  }
  protected async business() {}
  /** Who was closed out begins anew, now and then. */
  private async again() {
    if (this.accounts.length < 4 && this.rng.chance(0.1)) await this.join();
  }

  /** Buys (sells, where negative) from a market maker. */
  protected async deal(row: number, lots: bigint, holder = this.holder) {
    if (lots === 0n || !listed(this.venue, row)) return "nothing to do";
    const maker = this.rng.pick(this.stage.makers.filter((each) => each !== holder));
    const fill = fillAt(this.venue, { [row]: lots }, SPREAD, this.rng.below(1n << 128n));
    return attempt(() => this.venue.trade(holder, maker, fill));
  }
  /** Towards so many lots in a row. */
  protected async aim(row: number, lots: bigint, step = 1n) {
    const short = lots - this.holder.state.positions[row]!;
    if ((short < 0n ? -short : short) >= step) await this.deal(row, short);
  }
  /** Equity at the policy's weights, 1e-6. */
  protected get equity(): bigint {
    const { policy, market } = this.venue.values.published("outflow");
    return valued(this.holder.state, policy, market).equity / 10n ** 14n;
  }
}

/** Trades with everybody at a spread, and with the other market maker what it has too much of. */
class MarketMaker extends Member {
  readonly name = "market maker";
  override async join() {
    await this.settleIn({ [CASH]: usd(60_000_000n), [ASSET.btc]: 50n * 10n ** 8n, [ASSET.stable]: usd(2_000_000n) });
    const { makers } = this.stage;
    const former = makers.findIndex((each) => this.accounts.includes(each));
    makers.splice(former < 0 ? makers.length : former, former < 0 ? 0 : 1, this.holder);
  }
  /** Bids once the price is somewhat below what the lot is worth. */
  bid(holder: Holder, { auction, lot }: OpenLot): Bid | undefined {
    const { bidders } = this.stage.moods.today;
    if (holder === this.holder || bidders === "never") return undefined;
    const duration = Number(auction.end - auction.start);
    if (bidders === "last") return { account: this.holder, after: duration - 30 };
    // What is not worth more than is owed nobody takes above its worth.
    const [first, last] = [Number(auction.firstPrice), Number(auction.lastPrice)];
    const aimed = Number(lot.terms.size) * (0.9 + Number(this.rng.below(8n)) / 100);
    if (aimed < last) return undefined;
    const left = Math.cbrt(Math.min(1, Math.max(0, (aimed - last) / Math.max(1, first - last))));
    const late = bidders === "lapse" ? 2 * duration : 0;
    return { account: this.holder, after: Math.ceil(duration * (1 - left)) + Number(this.rng.below(20n)) + late };
  }
  protected override async business() {
    if (!this.rng.chance(0.3)) return;
    const others = this.stage.makers.filter((each) => each !== this.holder);
    for (const row of [ROW.btcPerp, ROW.ethPerp]) {
      const mine = this.holder.state.positions[row]!;
      const other = this.rng.pick(others);
      if (other === undefined || !listed(this.venue, row)) continue;
      const half = (mine - other.state.positions[row]!) / 2n;
      const fill = fillAt(this.venue, { [row]: -half }, 0n, this.rng.below(1n << 128n));
      if (half !== 0n) await attempt(() => this.venue.trade(this.holder, other, fill));
    }
  }
}

/** Holds coins and sells perpetuals against them. */
class Hedger extends Member {
  readonly name = "hedger";
  override async join() {
    await this.settleIn({
      [CASH]: usd(150_000n),
      [ASSET.btc]: (10n + this.rng.below(20n)) * 10n ** 8n,
      [ASSET.staked]: (100n + this.rng.below(200n)) * 10n ** 8n,
    });
  }
  protected override async business() {
    const { collateral } = this.holder.state;
    await this.aim(ROW.btcPerp, -(collateral[ASSET.btc]! * 8n) / 10n / 10n ** 5n, 500n);
    await this.aim(ROW.ethPerp, -(collateral[ASSET.staked]! * 8n) / 10n / 10n ** 6n, 500n);
    if (this.rng.chance(0.05)) await attempt(() => this.venue.payIn(this.holder, ASSET.btc, 10n ** 7n));
  }
}

/** Takes a view, with leverage, in whatever is listed; takes profits out. */
class Directional extends Member {
  readonly name = "directional";
  override async join() {
    await this.settleIn({ [CASH]: usd(300_000n + 100_000n * this.rng.below(8n)) });
  }
  protected override async business() {
    const { initial } = this.venue.values.levels("outflow");
    const coverage = this.venue.coverage(this.holder);
    if (coverage !== undefined && coverage > 6n * initial && this.rng.chance(0.3)) {
      const part = this.equity / 5n;
      if (part > 0n) await attempt(() => this.venue.withdraw(this.holder, CASH, part));
    }
    if (!this.rng.chance(0.25)) return;
    const row = this.rng.pick([ROW.btcPerp, ROW.ethPerp, ROW.btcFuture, ROW.btcCall, ROW.btcPut, ROW.ethPut]);
    if (!listed(this.venue, row)) return;
    const aimed = 16_000n + this.rng.below(20_000n);
    const lots = (this.equity * 10_000n) / aimed / marginOf(this.venue, row);
    await this.aim(row, this.rng.chance(0.55) ? lots : -lots);
  }
}

/** Futures against perpetuals, on staked ether and stablecoins. */
class Carry extends Member {
  readonly name = "carry";
  override async join() {
    await this.settleIn({
      ...{ [CASH]: usd(400_000n), [ASSET.stable]: usd(500_000n) },
      [ASSET.staked]: (150n + this.rng.below(150n)) * 10n ** 8n,
    });
  }
  protected override async business() {
    await this.aim(ROW.ethPerp, -(this.holder.state.collateral[ASSET.staked]! / 10n ** 6n), 800n);
    if (!listed(this.venue, ROW.btcFuture)) return;
    const lots = this.equity / 2n / marginOf(this.venue, ROW.btcFuture);
    await this.aim(ROW.btcFuture, lots, lots / 4n + 1n);
    await this.aim(ROW.btcPerp, -this.holder.state.positions[ROW.btcFuture]!, 50n);
  }
}

/** A few thousand, a position now and then; pays in and out. */
class Small extends Member {
  readonly name = "small";
  override async join() {
    await this.settleIn({ [CASH]: usd(2_000n + this.rng.below(6_000n)), [ASSET.btc]: this.rng.below(5_000_000n) + 1n });
  }
  protected override async business() {
    if (this.rng.chance(0.1)) await attempt(() => this.venue.payIn(this.holder, CASH, usd(100n)));
    if (this.rng.chance(0.1)) await attempt(() => this.venue.withdraw(this.holder, CASH, usd(100n)));
    if (!this.rng.chance(0.15)) return;
    const row = this.rng.pick([ROW.btcPerp, ROW.ethPerp]);
    const lots = (this.equity * 10_000n) / 25_000n / marginOf(this.venue, row);
    await this.aim(row, this.rng.chance(0.5) ? lots : -lots);
  }
}

/** Trades with both market makers in one proof. */
class Rounds extends Member {
  readonly name = "rounds of three";
  override async join() {
    await this.settleIn({ [CASH]: usd(2_000_000n), [ASSET.stable]: usd(100_000n) });
  }
  protected override async business() {
    const [first, second] = this.stage.makers;
    if (!this.rng.chance(0.2) || first === undefined || second === undefined) return;
    const lots = this.rng.between(-300n, 300n);
    const parts = [
      { holder: this.holder, fill: fillAt(this.venue, { [ROW.btcPerp]: 2n * lots + 2n }) },
      { holder: first, fill: fillAt(this.venue, { [ROW.btcPerp]: -lots - 1n }) },
      { holder: second, fill: fillAt(this.venue, { [ROW.btcPerp]: -lots - 1n }) },
    ];
    await this.tries.of(() => this.venue.round(parts));
  }
}

/** Takes what nobody has taken, at the last price. */
class Backstop extends Member {
  readonly name = "backstop";
  override async join() {
    this.venue.backstop = await this.settleIn({ [CASH]: usd(20_000_000n) });
  }
}

export const MEMBERS: readonly (readonly [kind: new (stage: Stage) => Actor, count: number])[] = [
  [Backstop, 1],
  [MarketMaker, 2],
  [Hedger, 2],
  [Directional, 4],
  [Carry, 2],
  [Small, 3],
  [Rounds, 1],
];

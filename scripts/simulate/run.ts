// SPDX-License-Identifier: GPL-3.0-or-later
/** The days of a simulation: prices, values, people, lots, and what is looked at in the end of each. */
import { withCredit } from "../../prover/src/model/lot.ts";
import { type Rng, seededRng } from "../../test/support/random.ts";
import { ATTACKS } from "./attacks.ts";
import { attempt, START } from "./chain.ts";
import { check, nobodyOutran } from "./checks.ts";
import type { Fault } from "./gate.ts";
import { type Actor, type Bid, HONEST, MEMBERS, type Moods, type Stage } from "./members.ts";
import { CASH_WORTH, E6, type Holder } from "./model.ts";
import { EVENTS, POWERS } from "./powers.ts";
import type { Day } from "./prices.ts";
import { DAY, Values } from "./values.ts";
import { Venue } from "./venue.ts";

interface Simulation {
  readonly seed: number;
  /** One more than epochs. */
  readonly path: readonly Day[];
  readonly fault?: Fault;
  /** Names of attacks and events that are left out. */
  readonly without?: ReadonlySet<string>;
  readonly onOpen?: (running: Running) => void;
  readonly onDay?: (day: number, running: Running) => void | Promise<void>;
}

export interface Running {
  readonly venue: Venue;
  readonly actors: readonly Actor[];
}

/** A stream of chance for each actor, so that leaving one out changes the others little. */
const streamOf = (seed: number, name: string): Rng =>
  seededRng([...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, seed));

const DAYS_BEFORE = 5;
const timeOf = (day: number) => START + (day + DAYS_BEFORE) * DAY;

/** Runs all days. Throws `Violation` where something is not as it must be; `onDay` has what was until then. */
export async function simulate({
  seed,
  path,
  fault,
  without = new Set(),
  onOpen,
  onDay,
}: Simulation): Promise<Running> {
  const run = await Run.open(seed, path[0]!, without, fault);
  onOpen?.(run);
  for (const [day, today] of path.entries()) {
    await run.day(today, day);
    await check(run.venue, day % 10 === 0 || day === path.length - 1);
    await onDay?.(day, run);
  }
  return run;
}

class Run implements Running {
  readonly venue: Venue;
  actors: Actor[] = [];
  readonly #makers: Holder[] = [];
  readonly #moods: { today: Moods } = { today: HONEST() };
  readonly #rng: Rng;

  private constructor(venue: Venue, seed: number) {
    [this.venue, this.#rng] = [venue, streamOf(seed, "order")];
  }

  static async open(seed: number, first: Day, without: ReadonlySet<string>, fault: Fault | undefined) {
    const values = await Values.create();
    const venue = new Venue(values, fault);
    const run = new Run(venue, seed);
    const owners = values.chain.signers.slice(9);
    let opened = 0;
    const stageOf = (name: string): Stage => ({
      ...{ venue, makers: run.#makers, moods: run.#moods, rng: streamOf(seed, name) },
      open: (part, honest) => venue.open(owners[opened++ % owners.length]!, BigInt(opened) + 1_000n, part, honest),
    });
    await values.chain.until(timeOf(-4));
    values.dawn(first, 0, timeOf(0));
    const kinds = [...MEMBERS, ...[...ATTACKS, ...POWERS, ...EVENTS].map((Kind) => [Kind, 1] as const)];
    run.actors = kinds.flatMap(([Kind, count]) =>
      Array.from({ length: count }, (_, index) => new Kind(stageOf(`${Kind.name} ${index}`))),
    );
    run.actors = run.actors.filter(({ name }) => !without.has(name));
    for (const actor of run.actors) await actor.join?.();
    await venue.donate(500_000n * E6);
    await values.queued(venue.system.liquidation, "setBackstop", venue.backstop!.id);
    venue.agrees = (a, b) => {
      const { operator } = run.#moods.today;
      if (operator === "silent" || operator === "refuses") return false;
      return operator !== "partial" || (a.id + (b?.id ?? 0n)) % 2n === 0n;
    };
    let looking = false;
    venue.seen = async (holder, what) => {
      if (looking) return;
      looking = true;
      for (const actor of run.actors) await attempt(async () => actor.outrun?.(holder, what));
      looking = false;
    };
    return run;
  }

  /** Prices move, values come, members act, and who lacks margin is sold. */
  async day(today: Day, day: number) {
    const { venue } = this;
    const { values } = venue;
    this.#moods.today = HONEST();
    values.feedAlive = true;
    await values.chain.until(timeOf(day) - 3600);
    await this.#turns("dawn");
    await values.chain.until(timeOf(day));
    reprice(venue, today, day, timeOf(day));
    if (values.expires) await this.#expire();
    await this.#publish();
    if (values.standing === undefined) return;
    await this.#turns("morning");
    if (this.#moods.today.operator === "refuses") await venue.heartbeat();
    await this.#liquidate();
    await this.#turns("evening");
  }

  /** Everybody's turn, in an order of chance. A refusal that somebody did not expect ends its turn. */
  async #turns(when: "dawn" | "morning" | "evening" | "expiring") {
    for (const actor of this.#shuffled()) await attempt(async () => actor[when]?.());
  }
  #shuffled(): Actor[] {
    const rest = [...this.actors];
    return this.actors.map(() => rest.splice(Number(this.#rng.below(BigInt(rest.length))), 1)[0]!);
  }

  /** The day's epoch. What was signed twice or held back is made good a quarter of an hour later, what lacks links after hours. */
  async #publish() {
    const { values } = this.venue;
    const { publishing } = this.#moods.today;
    if (publishing === "withheld") return this.venue.say("no epoch is made");
    const why = await attempt(() => values.publish(publishing));
    if (why !== undefined) this.venue.say(`the epoch is refused: ${why}`);
    if (why !== undefined || values.standing!.halted || !values.standing!.complete) {
      await values.chain.until(values.chain.time + 900);
      const again = await attempt(() => values.publish());
      if (again !== undefined) this.venue.say(`the epoch is refused again: ${again}`);
    }
    if (values.standing?.linked.length === 0) {
      await values.chain.until(values.chain.time + 3600);
      await attempt(() => values.linkMore());
    }
  }

  /** The series expires, everybody settles, and the next one is listed. */
  async #expire() {
    const { venue } = this;
    const { values } = venue;
    const before = values.fair;
    await values.settle();
    book(venue, before);
    for (const holder of venue.holders) if (holder.open) await venue.void(holder);
    await this.#turns("expiring");
    for (const holder of venue.holders) if (!holder.retired) await venue.expire(holder);
    values.relist(values.chain.time);
  }

  /** Whoever is below a level is called, held where it lacks much, and sold. */
  async #liquidate() {
    const { venue } = this;
    const { values } = venue;
    const { operator, beneficiary } = this.#moods.today;
    await this.#voidOld();
    if (!values.evident) return;
    if (operator === "holds") for (const holder of venue.holders) await attempt(() => venue.hold(holder));
    const levels = values.levels("evidence");
    const found = new Map<Holder, boolean>();
    for (const holder of venue.holders) {
      if (holder.retired || holder.open) continue;
      // What has been paid in counts, absorbed or not.
      const owed = holder.credits.some((lots) => lots !== 0n);
      const held = owed ? withCredit(holder.state, holder.credit) : holder.state;
      const below = (level: bigint) => !venue.isAtLeast(held, level, "evidence");
      if (!below(levels.call)) continue;
      const by = operator === "silent" ? values.chain.carrier : values.chain.operator;
      if (operator !== "silent" && below(levels.closeOut)) found.set(holder, false);
      if (holder.stage === "healthy") await attempt(() => venue.flag(holder, levels.call, by));
      if (below(levels.liquidation)) await attempt(() => venue.hold(holder, by));
      const evidence = await this.#evidenceOf(holder, below);
      if (evidence === undefined) continue;
      const options = { beneficiary: beneficiary?.id ?? 0n, told: operator !== "secret lots", by };
      for (let tried = 0; tried < 4 && !holder.open; tried++) {
        const why = await attempt(() => venue.start(holder, evidence, options));
        if (why === undefined) found.set(holder, true);
        else venue.say(`no lot of account ${holder.id} (${holder.part}) at ${evidence}: ${why}`);
        if (why !== "StateSuperseded" && why !== "CreditMiscounted") break;
        // What was paid in meanwhile counts later.
        await attempt(() => venue.note(holder));
      }
    }
    await this.#auctions();
    nobodyOutran(found);
  }

  async #evidenceOf(holder: Holder, below: (level: bigint) => boolean): Promise<bigint | undefined> {
    const { values, system, chain } = this.venue;
    const levels = values.levels("evidence");
    const clock = await this.venue.clock();
    const { stage, calledAt, provenAt } = await chain.view<Record<string, bigint>>(system.gate, "accountOf", holder.id);
    const { curePeriod, attestInterval } = values.terms;
    const missed = (stage !== 0n && clock > calledAt! + curePeriod) || clock > provenAt! + attestInterval;
    return [levels.closeOut, levels.liquidation, ...(missed ? [levels.call] : [])].find(below);
  }

  /** Lots that are still out from days before. */
  async #voidOld() {
    for (const holder of this.venue.holders.filter(({ open }) => open)) {
      const why = await attempt(() => this.venue.void(holder));
      if (why !== undefined) this.venue.say(`the lot of account ${holder.id} is not void: ${why}`);
    }
  }

  /** Bids in the order of their times; who would not have the margin gives way to the next; then the backstop, then nobody. */
  async #auctions() {
    const { venue } = this;
    const { values } = venue;
    const out = venue.holders.filter(({ open }) => open);
    const [began, clock] = [values.chain.time, await venue.clock()];
    const bids: (Bid & { readonly holder: Holder })[] = out.flatMap((holder) =>
      this.actors.flatMap((actor) => {
        const bid = actor.bid?.(holder, holder.open!);
        const told = holder.open!.told || actor.by === "operator";
        if (bid === undefined || !told) return [];
        // The lot has been out for a while already.
        const after = Math.max(0, bid.after - Number(clock - holder.open!.auction.start));
        return [{ ...bid, after, holder }];
      }),
    );
    for (const { holder, account, after } of bids.toSorted((one, other) => one.after - other.after)) {
      if (!holder.open) continue;
      await values.chain.until(began + after);
      const why = await attempt(async () => venue.take(holder, account, await venue.price(holder.open!)));
      if (why !== undefined) venue.say(`account ${account.id} does not take the lot of account ${holder.id}: ${why}`);
    }
    if (out.every(({ open }) => open === undefined)) return;
    await values.chain.until(began + Number(values.terms.auctionDuration) + 300);
    for (const holder of out.filter(({ open }) => open?.told)) {
      const why = await attempt(async () =>
        venue.take(holder, venue.backstop!, await venue.price(holder.open!), { inTurn: true }),
      );
      if (why !== undefined) venue.say(`the backstop does not take the lot of account ${holder.id}: ${why}`);
    }
    const { auctionDuration, voidDelay } = values.terms;
    await values.chain.until(began + Number(2n * auctionDuration + voidDelay) + 600);
    await this.#voidOld();
  }
}

/** The day's prices, and what each account gained and lost by them. */
export function reprice(venue: Venue, today: Day, day: number, time: number) {
  const before = venue.values.fair;
  venue.values.dawn(today, day, time);
  book(venue, before);
}

function book({ values: { fair }, holders }: Venue, before: Venue["values"]["fair"]) {
  for (const { state, credits, books } of holders) {
    for (const [asset, lots] of state.collateral.entries()) {
      books.held += (lots + credits[asset]!) * (fair.prices[asset]! - before.prices[asset]!);
    }
    for (const [row, lots] of state.positions.entries()) {
      if (lots === 0n) continue;
      books.positions += lots * (fair.board.rows[row]!.mark - before.board.rows[row]!.mark) * CASH_WORTH;
    }
  }
}

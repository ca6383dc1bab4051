// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A gap of 30% in one epoch, and everybody called at once: who cures, who is sliced, who is closed out, and what the fund
 * pays.
 *
 *   node scripts/stress.ts [accounts in all, 50] [of them with real proofs, 10]
 *
 * Two venues, each on a chain of its own, play the same story. In one every step is proven by the real prover and circuit.
 * In the other proofs are simulated under a key with a known trapdoor, by a prover that refuses whatever the integer model
 * says is not true: its accounts stand in for real ones, and show nothing about the circuit.
 *
 * Asserted, against the integer model alone:
 *  - every account that is at the close-out level or above, or whose owner pays in what the call level needs, survives:
 *    it ends healthy, at the call level at least, and with positions;
 *  - every other account, the insolvent ones among them, ends closed, without positions and without debt;
 *  - the fund has lost what the model says, to ten millionths an account: of each that was insolvent at market what it owed after
 *    its close-out, less the price paid for its lot.
 *  - at the end everybody closes against the house and leaves, the fund is paid out, and the gate holds nothing.
 *
 * Prints a table and writes build/stress/stress.html. Exit code 1 where an assertion fails.
 */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { closeOutOf, type Lot, sliceOf } from "../prover/src/chain/lots.ts";
import type { Account } from "../prover/src/model/account.ts";
import { coverageBpsDown, type Evaluation } from "../prover/src/model/evaluate.ts";
import { createProver } from "../prover/src/node/prover.ts";
import { barChart, type Tone } from "../prover/src/report/charts.ts";
import { renderDocument } from "../prover/src/report/document.ts";
import { markup } from "../prover/src/report/html.ts";
import type { CashE6, PositionLots, QuantityLots } from "../prover/src/units.ts";
import {
  BTC,
  call,
  E6,
  E8,
  fillOf,
  LEVELS,
  LotWorld,
  type Member,
  marketAt,
  type OpenLot,
} from "../test/contracts/lot-world.ts";
import { step } from "./progress.ts";

const CASH = 15n;
const STAGES = ["healthy", "called", "liquidating", "closed"];
const BEFORE = marketAt(100_000n);
/** 30% below. */
const AFTER = marketAt(70_000n);
const E6_TO_E20 = 10n ** 14n;

export type Outcome = "cured" | "sliced" | "sliced after the cure period" | "closed" | "closed by the fund";

export interface Row {
  readonly name: string;
  readonly proofs: "real" | "model";
  readonly lots: bigint;
  /** Basis points, before and after the gap and at the end; undefined without positions. */
  readonly coverage: readonly [bigint | undefined, bigint | undefined, bigint | undefined];
  readonly outcome: Outcome;
  /** 1e-6: paid in by the owner, bid for the lot, owed after a close-out, and the fund's loss. */
  readonly paidIn: bigint;
  readonly price: bigint;
  readonly owed: bigint;
  readonly loss: bigint;
  readonly stage: string;
}

/** Cash of the fund, negative where it owes. */
export interface Fund {
  readonly before: bigint;
  readonly after: bigint;
}

/** One account of the story: its size, what coverage the gap leaves it, and what its owner does. */
interface Part {
  readonly lots: bigint;
  readonly bitcoin: bigint;
  readonly coverageBps: bigint;
  readonly pays: boolean;
  /** Seconds into its auction at which a lot is taken; undefined where nobody bids. */
  readonly taken: bigint | undefined;
}

/** Three in ten insolvent, two below close-out, three below liquidation, two below the call level only; a third pay in. */
const partOf = (index: number, of: number): Part => {
  const bands = [-13_000, -9_000, -4_000, 200, 3_200, 6_100, 7_400, 8_700, 10_100, 11_000];
  const widths = [3_900, 4_900, 3_900, 2_800, 2_700, 1_200, 1_200, 1_200, 800, 900];
  const band = index % 10;
  const within = Math.floor(index / 10) / Math.ceil(of / 10);
  return {
    lots: BigInt(1_000 + ((index * 7_919) % 19) * 1_000),
    bitcoin: index % 4 === 0 ? E8 / 10n : 0n,
    coverageBps: BigInt(bands[band]! + Math.floor(widths[band]! * within)),
    pays: [2, 3, 5, 8].includes(band) && index % 20 !== 2,
    taken: index % 10 === 1 ? undefined : BigInt((index * 137) % 1_200),
  };
};

/** Plays the story for some accounts of one venue. `first` is the index of the first among `of`. */
export async function stress(
  world: LotWorld,
  indices: readonly number[],
  of: number,
  proofs: Row["proofs"],
  log: (what: string) => void = () => {},
) {
  const wallet = (index: number) => world.signers[5 + (index % 10)]!;
  const house = await world.member(world.signers[1]!, 1_000_000_000n * E6);
  const bidders = [
    await world.member(world.signers[2]!, 100_000_000n * E6),
    await world.member(world.signers[3]!, 100_000_000n * E6),
  ];
  const backstop = await world.member(world.signers[4]!, 50_000_000n * E6);
  await world.asQueue("setBackstop", backstop.id);
  await world.donate(100_000n * E6);
  const fundBefore = await world.funds();

  // Accounts whose coverage after the gap is what their part says.
  const players: { index: number; part: Part; member: Member; start: Account; paidIn: bigint; gap: Evaluation }[] = [];
  for (const index of indices) {
    const part = partOf(index, of);
    const empty = house.state;
    const cost = part.lots * BEFORE.board.rows[0]!.mark;
    const shape = {
      ...empty,
      cash: 0n as CashE6,
      collateral: empty.collateral.map((_, asset) => (asset === 0 ? part.bitcoin : 0n) as QuantityLots),
      positions: empty.positions.map((_, row) => (row === 0 ? part.lots : 0n) as PositionLots),
    };
    world.market = AFTER;
    const { equity, margin } = world.evaluation(shape);
    world.market = BEFORE;
    const cash = (part.coverageBps * margin * 10n ** 6n - equity) / E6_TO_E20;
    const member = await world.member(wallet(index), cash + cost, part.bitcoin);
    await world.trade(member, house, fillOf({ 0: part.lots }, -cost, BigInt(index) + 100n));
    players.push({ index, part, member, start: member.state, paidIn: 0n, gap: world.evaluation(member.state) });
  }
  log(`${players.length} accounts hold their positions, all with the initial level`);

  await world.publish(AFTER);
  for (const player of players) {
    player.gap = world.evaluation(player.member.state);
    await world.flag(player.member, LEVELS.call);
  }
  log(`${players.length} accounts called in epoch ${world.epoch}`);

  const cures: typeof players = [];
  for (const player of players.filter(({ part }) => part.pays)) {
    const { equity, margin } = player.gap;
    const missing = (LEVELS.call * margin * 10n ** 6n - equity + E6_TO_E20 - 1n) / E6_TO_E20;
    await world.payIn(player.member, CASH, missing);
    await world.attest(player.member, LEVELS.call);
    player.paidIn = missing;
    cures.push(player);
  }
  log(`${cures.length} accounts cured`);

  const results = new Map<number, { lot: Lot; open: OpenLot; price: bigint; outcome: Outcome }>();
  const below = ({ member }: (typeof players)[number], level: bigint) => !world.isAtLeast(member.state, level);
  /** All lots at once, then their bidders in the order in which they come. */
  const auctions = async (those: typeof players, allowed: bigint, sliced: Outcome) => {
    const out: { player: (typeof players)[number]; lot: Lot; open: OpenLot }[] = [];
    for (const player of those) {
      const before = player.member.state;
      const lot = below(player, LEVELS.closeOut)
        ? closeOutOf({ before }, world.offering(LEVELS.closeOut))
        : sliceOf({ before }, world.offering(allowed));
      out.push({ player, lot, open: await world.start(player.member, lot, house.id) });
    }
    log(`${out.length} lots out`);
    const time = ({ player }: (typeof out)[number]) => player.part.taken ?? world.terms.auctionDuration;
    out.sort((a, b) => Number(time(a) - time(b)));
    let elapsed = 0n;
    for (const [position, each] of out.entries()) {
      const { member, part } = each.player;
      await call(world.source, "advance", time(each) - elapsed);
      elapsed = time(each);
      const price =
        part.taken === undefined
          ? await world.take(member, backstop, each.open, undefined, 0n)
          : await world.take(member, bidders[position % 2]!, each.open);
      const { kind } = each.lot.terms;
      const closed: Outcome = each.open.lot.insolvent ? "closed by the fund" : "closed";
      results.set(each.player.index, {
        lot: each.lot,
        open: each.open,
        price,
        outcome: kind === "slice" ? sliced : closed,
      });
      const due = await world.credit(member.id);
      if (due > 0n) await world.absorb(member, CASH, due);
      if (kind === "slice") await world.attest(member, LEVELS.call);
    }
  };
  const open = players.filter((player) => !cures.includes(player));
  await auctions(
    open.filter((player) => below(player, LEVELS.liquidation)),
    LEVELS.liquidation,
    "sliced",
  );
  await call(world.source, "advance", world.terms.curePeriod + 1n);
  await auctions(
    open.filter((player) => !results.has(player.index)),
    LEVELS.call,
    "sliced after the cure period",
  );

  // What the model says, from the accounts as the gap left them, and what the chain says.
  const { discountBps } = world.terms;
  const near = (found: bigint, expected: bigint, what: string) =>
    assert(found - expected < 10n && expected - found < 10n, `${what}: ${found}, by the model ${expected}`);
  const rows: Row[] = [];
  let modelLoss = 0n;
  for (const { index, part, member, start, paidIn, gap } of players) {
    const result = results.get(index);
    const stage = STAGES[Number(await world.stage(member))]!;
    const end = world.evaluation(member.state);
    const survives = gap.equity >= gap.margin * LEVELS.closeOut * 10n ** 6n || paidIn > 0n;
    if (survives) {
      assert.equal(stage, "healthy", `account ${index} is healthy`);
      assert(end.equity >= end.margin * LEVELS.call * 10n ** 6n, `account ${index} has the call level`);
      assert(
        member.state.positions.some((lots) => lots !== 0n),
        `account ${index} has positions`,
      );
    } else {
      assert.equal(stage, "closed", `account ${index} is closed`);
      assert(
        member.state.positions.every((lots) => lots === 0n),
        `account ${index} has no positions`,
      );
      assert(member.state.cash >= 0n, `account ${index} has no debt`);
    }
    let loss = 0n;
    const market = marketValue(start);
    if (!survives) {
      // Debt y after it: y = d · (M − rate · y) − E.
      const rate = world.policy.debtRateBps;
      const needs = discountBps * gap.margin * 10n ** 6n - gap.equity;
      const owed = needs <= 0n ? 0n : (needs * 10n ** 8n) / ((10n ** 8n + discountBps * rate) * E6_TO_E20);
      near(result!.lot.debt, owed, `what account ${index} owes`);
      const { open, price } = result!;
      assert.equal(open.lot.insolvent, market < -open.lot.firstPrice / 100n, `account ${index} is insolvent at market`);
      if (open.lot.insolvent && owed > price) loss = result!.lot.debt - price;
      else assert(price >= result!.lot.debt, `account ${index} costs the fund nothing`);
    }
    modelLoss += loss;
    world.market = BEFORE;
    const first = coverageBpsDown(world.evaluation(start));
    world.market = AFTER;
    rows.push({
      name: `account ${index + 1}`,
      proofs,
      lots: part.lots,
      coverage: [first, coverageBpsDown(gap), coverageBpsDown(end)],
      outcome: result?.outcome ?? "cured",
      paidIn,
      price: result?.price ?? 0n,
      owed: result?.lot.debt ?? 0n,
      loss,
      stage,
    });
  }
  const fund: Fund = { before: fundBefore, after: await world.funds() };
  assert.equal(fund.before - fund.after, modelLoss, "the fund has lost what the model says");

  // Nothing was made or lost: private cash, credits and fund are what the gate holds.
  const members = [house, backstop, ...bidders, ...players.map(({ member }) => member)];
  let claims = fund.after;
  for (const { id, state } of members) claims += state.cash + (await world.credit(id));
  assert.equal(claims, await world.gate.custodyOf!(CASH), "custody is what is claimed");
  await windDown(world, house, members);
  log("everybody has left, and the gate holds nothing");
  return { rows, fund, modelLoss };
}

/** Everybody closes against the house at the marks and leaves with everything; then what the fund has is paid out. */
async function windDown(world: LotWorld, house: Member, members: readonly Member[]): Promise<void> {
  for (const member of members) {
    const { positions, collateral } = member.state;
    if (member === house || [...positions, ...collateral].every((lots) => lots === 0n)) continue;
    const sold = { ...member.state, cash: 0n as CashE6 };
    const everything = fillOf({}, marketValue(sold), 1n << 100n);
    await world.trade(member, house, {
      ...everything,
      positions: positions.map((lots) => -lots),
      collateral: collateral.map((lots) => -lots),
    });
  }
  for (const member of members) {
    const due = await world.credit(member.id);
    if (due > 0n) await world.absorb(member, CASH, due);
    const { cash, collateral, positions } = member.state;
    assert(
      positions.every((lots) => lots === 0n),
      `account ${member.id} has positions that nobody takes`,
    );
    for (const [asset, lots] of collateral.entries()) {
      if (lots > 0n) await world.exit(member, BigInt(asset), lots);
    }
    if (cash > 0n) await world.exit(member, CASH, cash);
  }
  const left = await world.funds();
  if (left > 0n) await world.payFromFund(left);
  for (const asset of [BTC, CASH]) {
    assert.equal(await world.gate.custodyOf!(asset), 0n, `custody of asset ${asset} ends at zero`);
  }
  assert.equal(await world.token.balanceOf!(world.gate), 0n, "no token is left at the gate");
}

/** What an account is worth after the gap, at market, 1e-6. */
const marketValue = ({ cash, collateral, positions }: Account) =>
  collateral.reduce((sum, lots, asset) => sum + lots * AFTER.prices[asset]!, cash * 10n ** 10n) / 10n ** 10n +
  positions.reduce((sum, lots, row) => sum + lots * AFTER.board.rows[row]!.mark, 0n);

// ---- The table and the chart ----

const dollars = (e6: bigint) =>
  e6 === 0n ? "–" : (Number(e6 / 10_000n) / 100).toLocaleString("en", { minimumFractionDigits: 2 });
const percent = (bps: bigint | undefined) => (bps === undefined ? "flat" : `${(Number(bps) / 100).toFixed(1)}%`);
const TONES: Record<Outcome, Tone> = {
  cured: "good",
  sliced: "neutral",
  "sliced after the cure period": "warn",
  closed: "severe",
  "closed by the fund": "bad",
};

type Told = { rows: readonly Row[]; fund: Fund; modelLoss: bigint; proofs: Row["proofs"] };

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.name,
    row.proofs,
    String(row.lots),
    ...row.coverage.map(percent),
    row.outcome,
    ...[row.paidIn, row.price, row.owed, row.loss].map(dollars),
  ]);
  const head = ["account", "proofs", "lots", "before", "gap", "end", "outcome", "paid in", "price", "owed", "loss"];
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]!.length)));
  const text = (line: string[]) =>
    line.map((cell, i) => (i < 2 || i === 6 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return [head, ...lines].map(text).join("\n");
}

const page = (venues: readonly Told[]) => {
  const rows = venues
    .flatMap((venue) => venue.rows)
    .sort((a, b) => Number((a.coverage[1] ?? 0n) - (b.coverage[1] ?? 0n)));
  const bar = (value: bigint, { name, outcome }: Row, text: string) => ({
    label: `${name} (${outcome})`,
    segments: [{ value: Number(value), tone: TONES[outcome] }],
    text,
  });
  const counts = Object.keys(TONES).map((outcome) => ({
    outcome,
    number: rows.filter((row) => row.outcome === outcome).length,
  }));
  const body = markup`<h1>A gap of 30% in one epoch</h1>
<p class="lead">${rows.length} accounts called at once; ${rows.filter(({ proofs }) => proofs === "real").length} with real proofs, the others checked by the integer model under a simulated key.</p>
<div class="scroll"><table><thead><tr>${counts.map(({ outcome }) => markup`<th>${outcome}</th>`)}</tr></thead><tbody><tr>${counts.map(({ number }) => markup`<td>${number}</td>`)}</tr></tbody></table></div>
<section><h2>Coverage after the gap</h2>${barChart(
    "Coverage after the gap",
    rows.map((row) => bar(row.coverage[1] ?? 0n, row, percent(row.coverage[1]))),
  )}</section>
<section><h2>What the fund paid, net of the price of the lot</h2>${barChart(
    "What the fund paid",
    rows.filter(({ loss, owed }) => loss > 0n || owed > 0n).map((row) => bar(row.loss / E6, row, dollars(row.loss))),
  )}</section>
<section><h2>The funds</h2><div class="scroll"><table><thead><tr><th>venue</th><th class="n">before</th><th class="n">after</th><th class="n">loss by the model</th></tr></thead><tbody>${venues.map(
    ({ proofs, fund, modelLoss }) =>
      markup`<tr><td>${proofs} proofs</td>${[fund.before, fund.after, modelLoss].map((e6) => markup`<td class="n">${dollars(e6)}</td>`)}</tr>`,
  )}</tbody></table></div></section>`;
  return renderDocument({ title: "Stress: a gap of 30%", kind: "Stress test", body });
};

if (import.meta.main) {
  const [all = 50, real = 10] = process.argv.slice(2).map(Number);
  const prover = createProver();
  const venues: Told[] = [];
  try {
    // The kinds of account come in turns: the first ten have them all.
    const indices = Array.from({ length: all }, (_, index) => index);
    const proven = indices.slice(0, real);
    for (const [proofs, those] of [
      ["real", proven],
      ["model", indices.filter((index) => !proven.includes(index))],
    ] as const) {
      if (those.length === 0) continue;
      await step(`${those.length} accounts, ${proofs} proofs\n`, async () => {
        const world = await LotWorld.create(proofs === "real" ? { prover } : {});
        venues.push({
          ...(await stress(world, those, all, proofs, (what) => process.stderr.write(`  ${proofs}: ${what}\n`))),
          proofs,
        });
      });
    }
  } finally {
    await prover.close();
  }
  console.log(table(venues.flatMap(({ rows }) => rows)));
  for (const { proofs, fund, modelLoss } of venues) {
    console.log(
      `fund (${proofs} proofs): ${dollars(fund.before)} before, ${dollars(fund.after)} after; lost ${dollars(fund.before - fund.after)}, by the model ${dollars(modelLoss)}`,
    );
  }
  const file = path.join(import.meta.dirname, "..", "build", "stress", "stress.html");
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, page(venues));
  console.log(`chart: ${path.relative(process.cwd(), file)}`);
  process.exit(0); // the chains keep the process alive
}

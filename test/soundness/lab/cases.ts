// SPDX-License-Identifier: GPL-3.0-or-later
/** Statements for the small circuit: each structured so that one kind of mistake shows in it, and some at random. */
import type { FieldElement } from "../../../prover/src/field.ts";
import { type Account, genesis } from "../../../prover/src/model/account.ts";
import { coverageBpsDown, evaluate } from "../../../prover/src/model/evaluate.ts";
import { type BoardRow, EMPTY_ROW, type Market } from "../../../prover/src/model/market.ts";
import type { Policy } from "../../../prover/src/model/policy.ts";
import {
  ASSETS,
  type BoardSize,
  blocksOf,
  CASH_INDEX,
  instrumentsOf,
  SCENARIOS,
  TIERS,
} from "../../../prover/src/model/sizes.ts";
import { NO_TRANSFER, type Side, type Transfer } from "../../../prover/src/model/transition.ts";
import { buildStatement, type Request } from "../../../prover/src/statement/account.ts";
import type {
  CashE6,
  ChargeE6,
  ColumnE6,
  LevelBps,
  LotPriceE16,
  PositionLots,
  QuantityLots,
  RateBps,
  ScanLots,
  ThresholdE6,
  WeightBps,
} from "../../../prover/src/units.ts";
import { type Flavour, randomAccount, randomMarket, randomPolicy, seededRng } from "../../support/random.ts";
import type { Inputs } from "./generate.ts";
import {
  type Case,
  type MiniRequest,
  MODEL_BOARD,
  miniCase,
  modelRow,
  SHAPE,
  smallMarket,
  smallPolicy,
  smallPositions,
} from "./miniature.ts";

const MAX_COLUMN = (1n << 42n) - 1n;
const LOWEST_POSITION = -(1n << 31n);
const HIGHEST_POSITION = (1n << 31n) - 1n;
const MAX_QUANTITY = (1n << 64n) - 1n;

/** What a scenario of ours says; the rest is filled in. Positions and rows by instrument of the small board. */
interface Sketch {
  readonly quantity?: (asset: number) => bigint;
  readonly boundary?: (asset: number, tier: number) => bigint;
  readonly weight?: (asset: number, tier: number) => bigint;
  readonly price?: (asset: number) => bigint;
  readonly lots?: (instrument: number) => bigint;
  readonly profit?: (instrument: number, scenario: number) => bigint;
  readonly mark?: (instrument: number) => bigint;
  readonly delta?: (instrument: number) => bigint;
  readonly vega?: (instrument: number) => bigint;
  readonly scanLots?: (asset: number) => bigint;
  readonly debtRate?: bigint;
  readonly charges?: (instrument: number) => readonly [long: bigint, short: bigint];
  readonly continues?: readonly boolean[];
  readonly threshold?: (block: number) => bigint;
  readonly rate?: (block: number) => bigint;
  readonly vegaThreshold?: (block: number) => bigint;
  readonly vegaRate?: (block: number) => bigint;
  readonly cash?: bigint;
  readonly transfer?: Transfer;
  readonly side?: Side;
  /** Whether the account moves by a fill; else only by the transfer. */
  readonly fill?: boolean;
  readonly opens?: boolean;
}

/** Everything in a request but the question that is asked. */
type Scene = Omit<MiniRequest, "level" | "direction">;

/** Where instruments stand: those of the small board in the model's, or all of a real one. */
interface Place {
  readonly size: BoardSize;
  readonly instruments: number;
  readonly row: (instrument: number) => number;
}
const MINIATURE: Place = { size: MODEL_BOARD, instruments: SHAPE.blocks * SHAPE.rows, row: modelRow };

function draw(sketch: Sketch, { size, instruments, row }: Place = MINIATURE): Scene {
  const {
    quantity = (asset) => 700n + 900n * BigInt(asset),
    boundary = (asset, tier) => [1000n, 5000n, 7000n, 11_000n][tier]! + 10n * BigInt(asset),
    weight = (asset, tier) => [9000n, 4000n, 3000n, 1000n][tier]! - 10n * BigInt(asset),
    price = (asset) => 10n ** 15n + BigInt(asset) * 10n ** 14n,
    lots = (instrument) => [4n, -6n, 2n, -8n, 10n, 0n, 12n, -2n, 6n][instrument % 9]!,
    profit = (instrument, scenario) => 1000n * BigInt(((instrument * 7 + scenario * 13) % 19) - 9) + 2n,
    mark = (instrument) => 5000n + 100n * BigInt(instrument),
    delta = (instrument) => 9000n - 50n * BigInt((instrument % 9) ** 2),
    vega = (instrument) => 700n + 20n * BigInt((instrument % 5) ** 2),
    scanLots = (asset) => 30n + BigInt(asset),
    debtRate = 900n,
    charges = (instrument) => [300n + BigInt(instrument), 500n + 2n * BigInt(instrument)],
    continues = [false, true, false],
    threshold = () => 1000n,
    rate = (block) => 200n + 2n * BigInt(block),
    vegaThreshold = () => 600n,
    vegaRate = (block) => 150n + 3n * BigInt(block),
    cash = 10n ** 9n,
    transfer = { asset: 3, amount: 40n },
    side = 1n,
    fill = true,
    opens = false,
  } = sketch;
  // A place that is not small has every tier and scenario.
  const [tiers, scenarios, blocks] =
    size === MODEL_BOARD && row === modelRow
      ? [SHAPE.tiers, SHAPE.scenarios, SHAPE.blocks]
      : [TIERS, SCENARIOS, blocksOf(size)];
  const policy: Policy = {
    schedules: Array.from({ length: ASSETS }, (_, asset) =>
      Array.from({ length: TIERS }, (_, tier) => ({
        boundaryLots: boundary(asset, Math.min(tier, tiers - 1)) as QuantityLots,
        weightBps: (tier < tiers ? weight(asset, tier) : 0n) as WeightBps,
      })),
    ),
    scanLots: Array.from({ length: ASSETS }, (_, asset) => scanLots(asset) as ScanLots),
    debtRateBps: debtRate as RateBps,
  };
  const rows = new Array<BoardRow>(instrumentsOf(size)).fill(EMPTY_ROW);
  const positions = new Array<PositionLots>(instrumentsOf(size)).fill(0n as PositionLots);
  for (let instrument = 0; instrument < instruments; instrument++) {
    const [long, short] = charges(instrument);
    positions[row(instrument)] = lots(instrument) as PositionLots;
    rows[row(instrument)] = {
      profits: Array.from({ length: SCENARIOS }, (_, scenario) =>
        scenario < scenarios ? (profit(instrument, scenario) as ColumnE6) : (0n as ColumnE6),
      ),
      mark: mark(instrument) as ColumnE6,
      delta: delta(instrument) as ColumnE6,
      vega: vega(instrument) as ColumnE6,
      longCharge: long as ChargeE6,
      shortCharge: short as ChargeE6,
    };
  }
  const market: Market = {
    prices: Array.from({ length: ASSETS }, (_, asset) => price(asset) as LotPriceE16),
    board: {
      size,
      rows,
      blocks: Array.from({ length: blocksOf(size) }, (_, block) => ({
        continues: continues[block] ?? false,
        liquidityThreshold: (block < blocks ? threshold(block) : 0n) as ThresholdE6,
        liquidityRate: (block < blocks ? rate(block) : 0n) as RateBps,
        vegaThreshold: (block < blocks ? vegaThreshold(block) : 0n) as ThresholdE6,
        vegaRate: (block < blocks ? vegaRate(block) : 0n) as RateBps,
      })),
    },
  };
  const after = {
    positions,
    collateral: Array.from({ length: ASSETS }, (_, asset) => quantity(asset) as QuantityLots),
    cash: cash as CashE6,
  };
  const moved = (asset: number) => (asset === transfer.asset ? transfer.amount : 0n);
  const zero = genesis(size);
  const before: Account = opens
    ? zero
    : fill
      ? { ...zero, cash: 12_345n as CashE6, sequence: 7n, viewingKey: 987_654_321n as FieldElement }
      : {
          size,
          positions,
          collateral: after.collateral.map((held, asset) => (held - moved(asset)) as QuantityLots),
          cash: (after.cash - moved(CASH_INDEX)) as CashE6,
          sequence: 41n,
          viewingKey: 1_234_567n as FieldElement,
        };
  return {
    policy,
    market,
    before,
    after,
    transfer,
    side,
    fillBlinding: (fill || opens ? 4242n : 0n) as FieldElement,
    ...(opens ? { openWithViewingKey: 777_777n as FieldElement } : {}),
    context: 99n,
  };
}

/** A scene with nothing in it but what is said: no collateral, no profit, no charge, no liquidity. */
const bare: Sketch = {
  quantity: () => 0n,
  profit: () => 0n,
  mark: () => 0n,
  delta: () => 0n,
  vega: () => 0n,
  charges: () => [0n, 0n],
  rate: () => 0n,
  vegaRate: () => 0n,
  debtRate: 0n,
  transfer: NO_TRANSFER,
};

const alternating = (instrument: number) => (instrument % 2 === 0 ? HIGHEST_POSITION : LOWEST_POSITION);
const pick =
  <T>(...values: readonly T[]) =>
  (index: number) =>
    values[index % values.length]!;

/** Coverage of exactly one: equity 10^14 units of 1e-20 above cash that is one short, and one unit less. */
const exactly = (missing: bigint): Sketch => ({
  ...bare,
  lots: (instrument) => (instrument === 0 ? 5n : 0n),
  charges: () => [1000n, 3000n],
  // 5 · 1000 = 5000 of margin, at level 10000 met by as much cash; collateral gives a unit of 1e-6 less `missing`.
  cash: 4999n,
  quantity: (asset) => (asset === 0 ? 1n : 0n),
  boundary: () => MAX_QUANTITY,
  weight: (_, tier) => (tier === 0 ? 1n : 0n),
  price: (asset) => (asset === 0 ? 10n ** 14n - missing : 0n),
});

/** Scenes by name: `plain` is the one that lies are told in. */
const SCENES: Readonly<Record<string, Sketch>> = {
  plain: {},
  "tier edges": {
    scanLots: () => 1n << 33n,
    quantity: pick(0n, 1n, 999n, 1000n, 1001n, 4999n, 5000n, 5001n, MAX_QUANTITY - 1n, MAX_QUANTITY),
    boundary: (_, tier) => (tier === 0 ? 1000n : 5000n),
    fill: true,
    transfer: NO_TRANSFER,
  },
  "empty and full tiers": {
    scanLots: () => 1n << 33n,
    quantity: pick(0n, 5n, MAX_QUANTITY),
    boundary: (asset, tier) =>
      pick([0n, 0n], [0n, 6n], [5n, 5n], [MAX_QUANTITY, MAX_QUANTITY], [1n, MAX_QUANTITY])(asset)[tier]!,
    weight: pick(10_000n, 1n, 7_777n),
    price: pick((1n << 64n) - 1n, 1n, 0n),
    transfer: NO_TRANSFER,
  },
  "all long": {
    lots: () => HIGHEST_POSITION,
    profit: (_, k) => (k === 3 ? -MAX_COLUMN : MAX_COLUMN - BigInt(k)),
    mark: () => MAX_COLUMN,
    delta: () => MAX_COLUMN,
    continues: [false, true, true],
    charges: pick([1n, 2n], [7n, 3n]),
    cash: (1n << 63n) - 1n,
  },
  "all short": {
    lots: () => LOWEST_POSITION,
    profit: (_, k) => (k === 0 ? MAX_COLUMN : -MAX_COLUMN + BigInt(k)),
    mark: () => -MAX_COLUMN,
    delta: () => MAX_COLUMN,
    continues: [false, true, true],
    charges: pick([1n, 2n], [7n, 3n]),
    cash: (1n << 63n) - 1n,
  },
  "all short, losing": {
    lots: () => LOWEST_POSITION,
    profit: () => MAX_COLUMN,
    mark: () => MAX_COLUMN,
    delta: () => -MAX_COLUMN,
    continues: [false, false, true],
    threshold: () => 0n,
    charges: () => [0n, (1n << 60n) - 1n],
    cash: -(1n << 63n),
    side: -1n,
  },
  "opposite extremes": {
    lots: alternating,
    profit: (instrument, k) => ((instrument + k) % 2 === 0 ? MAX_COLUMN : -MAX_COLUMN),
    mark: (instrument) => (instrument % 3 === 0 ? -MAX_COLUMN : MAX_COLUMN),
    delta: (instrument) => (instrument % 3 === 0 ? MAX_COLUMN : -MAX_COLUMN),
    threshold: () => (1n << 75n) - 1n,
    continues: [false, true, false],
    side: -1n,
  },
  "no scenario loses": {
    lots: () => 3n,
    profit: (_, k) => 10n + BigInt(k),
    continues: [false, false, false],
  },
  "scenarios tie": {
    lots: () => 3n,
    profit: pick(-10n, -10n, 5n, -10n),
    continues: [false, false, true],
  },
  "first scenario is worst": {
    lots: () => 2n,
    profit: (_, k) => -100n + 10n * BigInt(k),
    continues: [false, true, true],
  },
  "last scenario is worst": { lots: () => -2n, profit: (_, k) => -100n + 70n * BigInt(k) },
  "only the first set loses": {
    lots: (instrument) => (instrument < 3 ? 7n : 1n),
    profit: (instrument, k) => (instrument < 3 ? -50n - BigInt(k) : 40n),
    continues: [false, false, true],
  },
  "delta at the threshold": {
    ...bare,
    lots: (instrument) => (instrument % 3 === 0 ? 1n : 0n),
    delta: (instrument) => 1000n + BigInt(Math.floor(instrument / 3)),
    threshold: () => 1001n,
    rate: () => 10_000n,
    charges: () => [5n, 5n],
    continues: [false, false, false],
  },
  "negative delta at the threshold": {
    ...bare,
    lots: (instrument) => (instrument % 3 === 0 ? -1n : 0n),
    delta: (instrument) => 1000n + BigInt(Math.floor(instrument / 3)),
    threshold: () => 1001n,
    rate: () => 10_000n,
    charges: () => [5n, 5n],
    continues: [false, false, false],
  },
  "terms of the last block": {
    threshold: pick(0n, 500n, 100_000n),
    rate: pick(10_000n, 100n, 7n),
    continues: [false, true, true],
    delta: () => 90_000n,
    lots: () => 20n,
  },
  "first two apart": { continues: [false, false, true], rate: pick(11n, 22n, 33n), threshold: pick(1n, 2n, 3n) },
  "exactly covered": exactly(0n),
  "one unit short": exactly(1n),
  "one unit over": exactly(-1n),
  "negative equity": { ...bare, cash: -1n, lots: () => 0n },
  "nothing at all": { ...bare, cash: 0n, lots: () => 0n, fill: false },
  opens: {
    opens: true,
    quantity: () => 0n,
    lots: () => 0n,
    cash: 500n,
    transfer: { asset: 15, amount: 500n },
    fill: false,
  },
  "side minus": { side: -1n, transfer: { asset: 15, amount: -77n } },
  "largest transfer": {
    fill: false,
    scanLots: () => 1n << 33n,
    quantity: (asset) => (asset === 14 ? MAX_QUANTITY : 3n),
    transfer: { asset: 14, amount: MAX_QUANTITY },
  },
  "smallest transfer": { transfer: { asset: 0, amount: -(1n << 64n) }, side: -1n },
  ...Object.fromEntries(
    [1, 2, 4, 7, 8, 11, 13].map((asset) => [
      `transfer of asset ${asset}`,
      { fill: false, quantity: () => 10n ** 6n, transfer: { asset, amount: 1000n + BigInt(asset) } } satisfies Sketch,
    ]),
  ),
  "scan lots at their edges": {
    quantity: pick(29n, 30n, 31n, 0n, 1n, MAX_QUANTITY, MAX_QUANTITY - 1n, (1n << 31n) - 1n),
    scanLots: pick(30n, 30n, 30n, 1n, 1n, 1n << 33n, 1n << 64n, 1n),
    boundary: () => MAX_QUANTITY,
    transfer: NO_TRANSFER,
  },
  "a basis point short of a lot": {
    quantity: () => 1n,
    weight: () => 9_999n,
    scanLots: () => 1n,
    boundary: () => MAX_QUANTITY,
    transfer: NO_TRANSFER,
  },
  "collateral hedged in its own row": {
    quantity: () => 3000n,
    scanLots: () => 100n,
    lots: (instrument) => (instrument < 3 ? -30n : 0n),
    continues: [false, false, false],
  },
  "collateral alone in the scan": {
    quantity: (asset) => 1000n * BigInt(asset + 1),
    scanLots: () => 7n,
    lots: () => 0n,
    profit: (instrument, k) => -1_000n * BigInt(k + 1) * BigInt((instrument % 3) + 1),
    continues: [false, true, false],
  },
  "owned at nothing": { ...bare, lots: () => 2n, mark: () => 500n, cash: -9000n, debtRate: 10_000n },
  "owing a millionth": { ...bare, lots: () => 2n, mark: () => 500n, cash: -9001n, debtRate: 10_000n },
  "owning a millionth": { ...bare, lots: () => 2n, mark: () => 500n, cash: -8999n, debtRate: 10_000n },
  "cash owed, positions worth more": { lots: () => 3n, mark: () => 10n ** 6n, cash: -(10n ** 6n) },
  "owing by positions": { lots: () => -3n, mark: () => 10n ** 9n, cash: 10n ** 6n, quantity: () => 10n ** 9n },
  "vega at the threshold": {
    ...bare,
    lots: (instrument) => (instrument % 3 === 0 ? 1n : 0n),
    vega: (instrument) => 1000n + BigInt(Math.floor(instrument / 3)),
    vegaThreshold: () => 1001n,
    vegaRate: () => 10_000n,
    charges: () => [5n, 5n],
    continues: [false, false, false],
  },
  "negative vega, terms of the last block": {
    lots: () => 20n,
    vega: () => -90_000n,
    vegaThreshold: pick(0n, 500n, 100_000n),
    vegaRate: pick(10_000n, 100n, 7n),
    continues: [false, true, true],
  },
  "charges differ by sign": {
    ...bare,
    charges: (instrument) => [10n + BigInt(instrument), 1000n + 10n * BigInt(instrument)],
    lots: pick(1n, -1n, 0n),
  },
};

const LEVEL_TOP = (1n << 20n) - 1n;

/** The question at the edge of its answer: at the account's coverage and one above, both directions of one of them. */
function ask(name: string, scene: Scene): Case[] {
  const evaluation = evaluate({ ...scene.before, ...scene.after }, scene.policy, scene.market);
  const coverage = coverageBpsDown(evaluation);
  const clamp = (level: bigint) => (level < 0n ? 0n : level > LEVEL_TOP ? LEVEL_TOP : level) as LevelBps;
  const level = clamp(coverage ?? 0n);
  const next = clamp((coverage ?? 10_000n) + 1n);
  return [
    miniCase(`${name}, at least`, { ...scene, level, direction: "at-least" }),
    miniCase(`${name}, below`, { ...scene, level: next, direction: "below" }),
    miniCase(`${name}, at least one more`, { ...scene, level: next, direction: "at-least" }),
  ];
}

function randomScene(seed: number, flavour?: Flavour): Scene {
  const rng = seededRng(seed);
  const market = smallMarket(randomMarket(rng, MODEL_BOARD, flavour));
  const policy = smallPolicy(randomPolicy(rng, flavour));
  const small = (account: Account): Account => ({ ...account, positions: smallPositions(account.positions) });
  const asset = Number(rng.below(16n));
  return {
    market,
    policy,
    before: small(randomAccount(rng, MODEL_BOARD, flavour)),
    after: small(randomAccount(rng, MODEL_BOARD, flavour)),
    transfer: { asset, amount: rng.between(-(10n ** 6n), 10n ** 6n) },
    side: rng.pick([1n, -1n] as const),
    fillBlinding: rng.below(1n << 250n) as FieldElement,
    context: rng.below(1n << 250n),
  };
}

/** Random statements without end, all flavours, parts of one statement often of different ones. Three to a scene. */
export function* randomCases(firstSeed: number): Generator<Case> {
  for (let seed = firstSeed; ; seed++) yield* ask(`seed ${seed}`, randomScene(seed));
}

/** All cases, the most telling first. */
export function miniCases(): Case[] {
  const scenes: [string, Scene][] = Object.entries(SCENES).map(([name, sketch]) => [name, draw(sketch)]);
  for (const [index, flavour] of (["typical", "boundary", "saturated", "typical", "boundary"] as const).entries()) {
    scenes.push([`${flavour} ${index}`, randomScene(100 + index, flavour)]);
  }
  return [...scenes.flatMap(([name, scene]) => ask(name, scene)), ...extremes()];
}

/** The largest surplus and the largest deficit that any account can have: what the verdict's width is for. */
function extremes(): Case[] {
  const largest: Sketch = {
    lots: () => LOWEST_POSITION,
    charges: () => [(1n << 60n) - 1n, (1n << 60n) - 1n],
    delta: () => MAX_COLUMN,
    rate: () => 10_000n,
    threshold: () => 0n,
    transfer: NO_TRANSFER,
  };
  const rich: Sketch = {
    scanLots: () => 1n << 33n,
    quantity: () => MAX_QUANTITY,
    boundary: () => MAX_QUANTITY,
    weight: (_, tier) => (tier === 0 ? 10_000n : 0n),
    price: () => (1n << 64n) - 1n,
    transfer: NO_TRANSFER,
  };
  const poor: Sketch = {
    ...largest,
    debtRate: 10_000n,
    vega: () => MAX_COLUMN,
    vegaRate: () => 10_000n,
    vegaThreshold: () => 0n,
    profit: () => MAX_COLUMN,
    mark: () => MAX_COLUMN,
    cash: -(1n << 63n),
    quantity: () => 0n,
  };
  return [
    sceneCase("the largest deficit", poor, LEVEL_TOP, "below"),
    sceneCase("the largest deficit", poor, LEVEL_TOP, "at-least"),
    sceneCase("the largest surplus", { ...rich, cash: (1n << 63n) - 1n }, 0n, "at-least"),
    sceneCase("the largest surplus", { ...rich, cash: (1n << 63n) - 1n }, 0n, "below"),
  ];
}

/**
 * The case that lies are told in: `plain`, at a level with its 2^19 bit set, which the account covers many times over, so
 * that what a lie moves downstream seldom decides the verdict.
 */
export function slackCase(): Case {
  return miniCase("slack", {
    ...draw({ cash: 4n * 10n ** 18n }),
    level: ((1n << 19n) + 4n) as LevelBps,
    direction: "at-least",
  });
}

/** As `slackCase`, of a scene. */
export function sceneCase(name: string, change: Sketch, level: bigint, direction: "at-least" | "below"): Case {
  return miniCase(name, { ...draw(change), level: level as LevelBps, direction });
}

/** As `slackCase`, on a real board: its inputs for the shipped circuit. Neighbouring blocks join in pairs. */
export function realSlackInputs(size: BoardSize): Inputs {
  const scene = draw(
    { cash: 4n * 10n ** 18n, continues: Array.from({ length: blocksOf(size) }, (_, block) => block % 2 === 1) },
    { size, instruments: instrumentsOf(size), row: (instrument) => instrument },
  );
  const { before, after, transfer, side } = scene;
  const moved = (asset: number) => (asset === transfer.asset ? transfer.amount : 0n);
  const fill = {
    size,
    positions: after.positions.map((lots, index) => side * (lots - before.positions[index]!)),
    collateral: after.collateral.map((lots, asset) => side * (lots - before.collateral[asset]! - moved(asset))),
    cash: side * (after.cash - before.cash - moved(CASH_INDEX)),
    blinding: scene.fillBlinding,
  };
  const { policy, market, context } = scene;
  const level = ((1n << 19n) + 4n) as LevelBps;
  const request: Request = {
    ...{ before, policy, market, context, level },
    transition: { transfer, fill, side },
    direction: "at-least",
  };
  const { circuitInput, holds } = buildStatement(request);
  if (!holds) throw new Error("the slack case has no slack");
  return circuitInput;
}

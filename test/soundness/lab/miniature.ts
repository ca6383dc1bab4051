// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The circuit in small, for experiments that compile it hundreds of times: the same sources with
 *   - 3 blocks of 3 instruments, 2 tiers, 6 scenarios (15 assets: the transfer's index has four bits);
 *   - a permutation that costs one constraint an element in place of Poseidon, so that half a second compiles it all;
 *   - one guard taken out, `assert(SUM_BITS > 78)`: sums of so few rows are narrower, and so thresholds here are too.
 * Every other line is the shipped one. The integer model serves it unchanged: what a small board holds, a large board
 * whose other rows are empty holds too.
 */
import fs, { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { FIELD_ORDER, type FieldElement, toField } from "../../../prover/src/field.ts";
import type { Account } from "../../../prover/src/model/account.ts";
import { PURPOSE, packPositions, packWide, SPONGE_RATE, stateBlinding } from "../../../prover/src/model/commit.ts";
import { type Evaluation, evaluate, isAtLeast } from "../../../prover/src/model/evaluate.ts";
import { EMPTY_ROW, type Market } from "../../../prover/src/model/market.ts";
import { type HaircutSchedule, intercepts, type Policy } from "../../../prover/src/model/policy.ts";
import {
  ASSETS,
  BLOCK_INSTRUMENTS,
  type BoardSize,
  CASH_INDEX,
  instrumentsOf,
} from "../../../prover/src/model/sizes.ts";
import { applyTransition, type Side, type Transfer } from "../../../prover/src/model/transition.ts";
import { type Direction, encodeTerms, encodeTransfer } from "../../../prover/src/statement/account.ts";
import type { ColumnE6, LevelBps, PositionLots, ThresholdE6, WeightBps } from "../../../prover/src/units.ts";
import { type Compiled, hintNames } from "./compile.ts";
import { type Generator, type Inputs, loadGenerator } from "./generate.ts";
import { type R1cs, readR1cs, readSymbols, type Symbols } from "./r1cs.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const require = createRequire(import.meta.url);

export const SHAPE = { blocks: 3, rows: 3, tiers: 2, scenarios: 6 } as const;
const INSTRUMENTS = SHAPE.blocks * SHAPE.rows;
/** The board on which the model works a small account out: its blocks are the first of this one. */
const MODEL_BOARD: BoardSize = "board-240";
/** Column sums of one small block stay below 2^75; a threshold must too. */
export const MINI_THRESHOLD_BITS = 75;

/** Texts of circom files by their path below circuits/. */
export type Sources = ReadonlyMap<string, string>;

const GUARD = "assert(SUM_BITS > 78);";

/** The shipped sources, but for the guard. Lines keep their numbers. */
export function shippedSources(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const file of globSync("**/*.circom", { cwd: path.join(ROOT, "circuits") }).sort()) {
    sources.set(file, readFileSync(path.join(ROOT, "circuits", file), "utf8"));
  }
  const netting = sources.get("lib/netting.circom")!;
  if (!netting.includes(GUARD)) throw new Error(`circuits/lib/netting.circom no longer has "${GUARD}"`);
  return sources.set("lib/netting.circom", netting.replace(GUARD, ""));
}

const PERMUTATION = `pragma circom 2.2.0;
template PoseidonEx(N, OUTPUTS) {
    signal input inputs[N];
    signal input initialState;
    signal output out[OUTPUTS];
    signal chain[N + 1];
    chain[0] <== initialState;
    for (var i = 0; i < N; i++) {
        chain[i + 1] <== (chain[i] + inputs[i]) * (chain[i] + 2 * inputs[i] + i + 1);
    }
    for (var o = 0; o < OUTPUTS; o++) {
        out[o] <== chain[N] + o;
    }
}
`;

/** The sponge of the circuit over the small permutation. */
export function miniSponge(purpose: number, instruments: number, elements: readonly bigint[]): FieldElement {
  let state = BigInt(purpose * 65536 + instruments);
  for (let start = 0; start < elements.length; start += SPONGE_RATE) {
    for (let index = 0; index < SPONGE_RATE; index++) {
      const element = elements[start + index] ?? 0n;
      state = ((state + element) * (state + 2n * element + BigInt(index) + 1n)) % FIELD_ORDER;
    }
  }
  return toField(state);
}

export const PUBLIC_INPUTS = [
  ...["stateBefore", "stateAfter", "transfer", "fill", "terms", "context"],
  ...["policy", "debtRate", "prices", "rows", "blocks"],
];
/** Lengths that end a block, begin one and fill three: the small account's is within its first. */
export const SPONGE_LENGTHS = [16, 17, 33];

/** Main components: the whole statement, and sponges of other lengths. */
export const MAINS = {
  account: `pragma circom 2.2.0;
include "account.circom";
component main {public [${PUBLIC_INPUTS.join(", ")}]} = Account(${SHAPE.blocks}, ${SHAPE.rows}, ${ASSETS}, ${SHAPE.tiers}, ${SHAPE.scenarios});
`,
  sponge: `pragma circom 2.2.0;
include "lib/commitment.circom";
template Sponges() {
${SPONGE_LENGTHS.map(
  (length) => `    signal input elements${length}[${length}];
    signal output commitment${length} <== Commitment(purposeState(), 60, ${length})(elements${length});
`,
).join("")}}
component main = Sponges();
`,
};

// ---- Compiling -----------------------------------------------------------------------------------------------------

/** A compiled circuit; names have the line of an anonymous component in place of its number. */
export interface Build {
  readonly r1cs: R1cs;
  readonly symbols: Symbols;
  /** Wire by name, `main.` first. */
  readonly wires: ReadonlyMap<string, number>;
  readonly names: readonly string[];
  /** Local names of signals that the sources assign without a constraint. */
  readonly hints: ReadonlySet<string>;
  /** Computes a witness whatever the inputs: no assertion stops it. */
  readonly generate: Generator;
  readonly warnings: readonly string[];
}

interface Runner {
  compile(): Promise<WebAssembly.Module>;
  execute(): Promise<unknown>;
}

let compilerModule: Promise<WebAssembly.Module> | undefined;

/** `Signed_78_3286` → `Signed@78`: offsets in a file move with every edit, lines do not. */
export const stableName = (name: string): string => name.replace(/_(\d+)_\d+(?=[.[]|$)/g, "@$1");

/**
 * Compiles sources, keeping every signal unless told otherwise, in this process (a warm compiler is four times as fast as a new process) in a directory of its own
 * below build/. Throws the compiler's message where they do not compile.
 */
export async function compileSources(
  sources: Sources,
  main: string,
  directory: string,
  level: "--O0" | "--O2" = "--O0",
): Promise<Build> {
  const { CircomRunner, bindings } = require("circom2");
  compilerModule ??= WebAssembly.compile(readFileSync(require.resolve("circom2/circom.wasm")));
  const module = await compilerModule;
  const absolute = path.join(ROOT, directory);
  rmSync(absolute, { recursive: true, force: true });
  const all = new Map([...sources, ["main.circom", main], ["circomlib/circuits/poseidon.circom", PERMUTATION]]);
  for (const [file, text] of all) {
    mkdirSync(path.dirname(path.join(absolute, file)), { recursive: true });
    writeFileSync(path.join(absolute, file), text);
  }
  let output = "";
  const captured = {
    ...fs,
    writeSync(descriptor: number, bytes: Uint8Array, ...rest: number[]) {
      if (descriptor > 2) return fs.writeSync(descriptor, bytes, ...rest);
      output += Buffer.from(bytes).toString("utf8");
      return bytes.length;
    },
  };
  const args = [`${directory}/main.circom`, level, "--r1cs", "--sym", "--wasm", "-l", directory, "-o", directory];
  const runner: Runner = new CircomRunner({
    args,
    env: {},
    preopens: { ".": "." },
    bindings: { ...bindings, fs: captured },
  });
  runner.compile = async () => module;
  const back = process.cwd();
  if (back !== ROOT) throw new Error("run from the project's root: the compiler sees only what is below it");
  try {
    await runner.execute();
  } catch {
    throw new Error(plain(output) || "the compiler stopped without a message");
  }
  return {
    ...(await openBuild({
      r1cs: path.join(absolute, "main.r1cs"),
      sym: path.join(absolute, "main.sym"),
      wasm: path.join(absolute, "main_js/main.wasm"),
      sources: [...all.keys()].map((file) => path.join(absolute, file)),
    })),
    warnings: plain(output).match(/warning\[.*/g) ?? [],
  };
}

/** Reads what the compiler wrote. */
export async function openBuild({ r1cs, sym, wasm, sources }: Compiled): Promise<Build> {
  const symbols = readSymbols(sym);
  const wires = new Map<string, number>();
  const names: string[] = ["one"];
  for (const [name, wire] of symbols.entries()) {
    const stable = stableName(name);
    if (!wires.has(stable)) wires.set(stable, wire);
    names[wire] ??= stable;
  }
  return {
    r1cs: readR1cs(r1cs),
    symbols,
    wires,
    names,
    hints: hintNames(sources),
    generate: await loadGenerator(wasm, { assertions: false }),
    warnings: [],
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the compiler colours its output
const plain = (output: string) => output.replace(/\u001b\[[0-9;]*m/g, "");

// ---- Cases from the integer model -----------------------------------------------------------------------------------

/** What a small statement is about. Only the first SHAPE.rows rows of the first SHAPE.blocks blocks hold anything. */
export interface MiniRequest {
  readonly policy: Policy;
  readonly market: Market;
  readonly before: Account;
  readonly after: Pick<Account, "positions" | "collateral" | "cash">;
  readonly transfer: Transfer;
  readonly side: Side;
  readonly fillBlinding: FieldElement;
  readonly openWithViewingKey?: FieldElement;
  readonly level: LevelBps;
  readonly direction: Direction;
  readonly context: bigint;
}

/** A statement for the small circuit, and what the model says of it. */
export interface Case {
  readonly name: string;
  readonly inputs: Inputs;
  /** Whether the statement is true: whether the circuit must accept it. */
  readonly holds: boolean;
  /** Expected values by signal, reduced. */
  readonly outputs: Readonly<Record<string, bigint>>;
}

/** A case about what an account is worth. */
export interface ValuedCase extends Case {
  readonly evaluation: Evaluation;
}

/** Row of the model's board that the small board's row stands in. */
export const modelRow = (instrument: number) =>
  Math.floor(instrument / SHAPE.rows) * BLOCK_INSTRUMENTS + (instrument % SHAPE.rows);
const miniRows = Array.from({ length: INSTRUMENTS }, (_, instrument) => modelRow(instrument));
const isMini = new Set(miniRows);
export const MODEL_INSTRUMENTS = instrumentsOf(MODEL_BOARD);
export { MODEL_BOARD };

/** The schedule's first tiers; above them nothing counts. */
export const smallSchedule = (schedule: HaircutSchedule): HaircutSchedule =>
  schedule.map((tier, index) =>
    index < SHAPE.tiers ? tier : { boundaryLots: schedule[SHAPE.tiers - 1]!.boundaryLots, weightBps: 0n as WeightBps },
  );

export const smallPolicy = ({ schedules, ...terms }: Policy): Policy => ({
  ...terms,
  schedules: schedules.map(smallSchedule),
});

/** Boundaries, weights and intercepts of the first tiers. */
export const smallScheduleValues = (schedule: HaircutSchedule): bigint[] => {
  const tiers = schedule.slice(0, SHAPE.tiers);
  return [
    ...tiers.map((tier) => tier.boundaryLots),
    ...tiers.map((tier) => tier.weightBps),
    ...intercepts(schedule).slice(0, SHAPE.tiers),
  ];
};

export const smallMarket = ({ prices, board }: Market): Market => ({
  prices,
  board: {
    ...board,
    rows: board.rows.map((row, index) =>
      isMini.has(index)
        ? { ...row, profits: row.profits.map((profit, k) => (k < SHAPE.scenarios ? profit : (0n as ColumnE6))) }
        : EMPTY_ROW,
    ),
    blocks: board.blocks.map((block, index) => ({
      ...block,
      continues: index < SHAPE.blocks && block.continues,
      liquidityThreshold: BigInt.asUintN(MINI_THRESHOLD_BITS, block.liquidityThreshold) as ThresholdE6,
      vegaThreshold: BigInt.asUintN(MINI_THRESHOLD_BITS, block.vegaThreshold) as ThresholdE6,
    })),
  },
});

export const smallPositions = (positions: readonly PositionLots[]) =>
  positions.map((lots, index) => (isMini.has(index) ? lots : (0n as PositionLots)));

/** The values of a list of the model's board that stand in the small board's rows. */
export const smallRows = <T>(list: readonly T[]): T[] => miniRows.map((row) => list[row]!);

/** The small circuit's commitment to an account of the model's board. */
export const smallState = (account: Account): FieldElement =>
  miniSponge(PURPOSE.state, INSTRUMENTS, [
    ...packPositions(smallRows(account.positions)),
    ...packWide(account.collateral),
    toField(account.cash),
    stateBlinding(account),
  ]);

/** The small circuit's inputs of a small policy and market. */
export function smallMarketInputs(policy: Policy, market: Market): Inputs {
  return {
    policy: policy.schedules.flatMap((schedule, asset) =>
      [...smallScheduleValues(schedule), policy.scanLots[asset]!].map(toField),
    ),
    debtRate: toField(policy.debtRateBps),
    prices: market.prices.map(toField),
    rows: smallRows(market.board.rows).flatMap((row) => [
      ...packWide([...row.profits.slice(0, SHAPE.scenarios), row.mark, row.delta, row.vega]),
      toField(row.longCharge),
      toField(row.shortCharge),
    ]),
    blocks: market.board.blocks
      .slice(0, SHAPE.blocks)
      .flatMap((block) =>
        [
          block.liquidityThreshold,
          block.liquidityRate,
          block.vegaThreshold,
          block.vegaRate,
          block.continues ? 1n : 0n,
        ].map(toField),
      ),
  };
}

/** Works a small statement out in the model. The fill is what the transfer leaves of the difference. */
export function miniCase(name: string, request: MiniRequest): ValuedCase {
  const { policy, market, before, after, transfer, side, level, direction, context } = request;
  const moved = (asset: number) => (asset === transfer.asset ? transfer.amount : 0n);
  const fill = {
    size: MODEL_BOARD,
    positions: before.positions.map((lots, index) => side * (after.positions[index]! - lots)),
    collateral: before.collateral.map((lots, asset) => side * (after.collateral[asset]! - lots - moved(asset))),
    cash: side * (after.cash - before.cash - moved(CASH_INDEX)),
    blinding: request.fillBlinding,
  };
  const { openWithViewingKey } = request;
  const reached = applyTransition(before, {
    transfer,
    fill,
    side,
    ...(openWithViewingKey === undefined ? {} : { openWithViewingKey }),
  });
  const evaluation = evaluate(reached, policy, market);
  const fillElements = [
    ...packPositions(smallRows(fill.positions)),
    ...packWide(fill.collateral),
    toField(fill.cash),
    fill.blinding,
  ];
  const below = direction === "below" ? 1n : 0n;
  return {
    name,
    holds: isAtLeast(evaluation, level) === (direction === "at-least"),
    evaluation,
    inputs: {
      stateBefore: smallState(before),
      stateAfter: smallState(reached),
      transfer: encodeTransfer(transfer),
      fill: miniSponge(2, INSTRUMENTS, fillElements),
      terms: encodeTerms({ level, direction, side }),
      context: toField(context),
      ...smallMarketInputs(policy, market),
      positionsAfter: smallRows(reached.positions).map(toField),
      collateralAfter: reached.collateral.map(toField),
      cashAfter: toField(reached.cash),
      blindingBefore: stateBlinding(before),
      blindingAfter: stateBlinding(reached),
      fillPositions: packPositions(smallRows(fill.positions)),
      fillCollateral: packWide(fill.collateral),
      fillCash: toField(fill.cash),
      fillBlinding: fill.blinding,
    },
    outputs: {
      "main.worth.equity": toField(evaluation.equity),
      "main.worth.maintenance": toField(evaluation.margin),
      "main.worth.debt": toField(evaluation.debt),
      "main.level": level,
      "main.below": below,
      "main.side": toField(side),
      ...Object.fromEntries(
        evaluation.assets.map(({ asset, value }) => [`main.worth.value[${asset}]`, toField(value)]),
      ),
      ...Object.fromEntries(
        evaluation.assets.map(({ asset, scannedLots }) => [`main.worth.scanned[${asset}].whole`, scannedLots]),
      ),
    },
  };
}

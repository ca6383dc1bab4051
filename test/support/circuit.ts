// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuits under test: honest and hostile witnesses, and inputs that the model would never build. */

import path from "node:path";
import { fromField, toField } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { commitFill, commitState, packPositions, packWide, stateBlinding } from "../../prover/src/model/commit.ts";
import { type Evaluation, MARGIN_LEVEL_TO_E20 } from "../../prover/src/model/evaluate.ts";
import type { Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import { ASSETS, type BoardSize, blocksOf, CASH_INDEX } from "../../prover/src/model/sizes.ts";
import { type Fill, NO_TRANSFER, type Side, type Transfer } from "../../prover/src/model/transition.ts";
import { buildCircuit } from "../../prover/src/node/setup/circuits.ts";
import {
  boardSignals,
  buildStatement,
  type Direction,
  encodeTerms,
  encodeTransfer,
  policySignals,
  type Request,
  ROW_VALUES,
} from "../../prover/src/statement/account.ts";
import { type CircuitName, circuitOf } from "../../prover/src/statement/families.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { compile } from "../soundness/lab/compile.ts";
import { type Generator, loadGenerator } from "../soundness/lab/generate.ts";
import { type Build, openBuild } from "../soundness/lab/miniature.ts";
import type { Witness } from "../soundness/lab/r1cs.ts";
import { type Attack, loadTarget, type Target } from "../soundness/lab/target.ts";

const targets = new Map<CircuitName, Promise<Target>>();

/** The circuit `Account` of one size, compiled where its sources changed; loaded once. */
export const accountCircuit = (size: BoardSize): Promise<Target> => targetOf(size);
/** The circuit `Settlement` of one size, likewise. */
export const settlementCircuit = (size: BoardSize): Promise<Target> => targetOf(circuitOf("settlement", size));
/** The circuit `Merge` of one size, likewise. */
export const mergeCircuit = (size: BoardSize): Promise<Target> => targetOf(circuitOf("merge", size));

/** The circuit `Disclosure` of one size, likewise. */
export const disclosureCircuit = (size: BoardSize): Promise<Target> => targetOf(circuitOf("disclosure", size));

/** The circuit `Lot` of one size, likewise. */
export const lotCircuit = (size: BoardSize): Promise<Target> => targetOf(circuitOf("lot", size));

/** A circuit as it ships, without what the lab adds to it; much faster to have than a target. */
export interface ShippedCircuit extends Build {
  /** Throws where the inputs break an assertion. */
  readonly prove: Generator;
}

export async function shippedCircuit(circuit: CircuitName): Promise<ShippedCircuit> {
  const files = {
    r1cs: shippedFile(circuit, "r1cs"),
    sym: shippedFile(circuit, "sym"),
    wasm: shippedFile(circuit, "wasm"),
  };
  await buildCircuit(circuit);
  const prove = await loadGenerator(files.wasm, { assertions: true });
  return { ...(await openBuild({ ...files, sources: [] })), prove };
}

const shippedFile = (circuit: CircuitName, extension: string) =>
  path.resolve(import.meta.dirname, "../../build/circuits", circuit, `circuit.${extension}`);

function targetOf(circuit: CircuitName): Promise<Target> {
  let target = targets.get(circuit);
  if (target === undefined) {
    target = load(circuit);
    targets.set(circuit, target);
  }
  return target;
}

async function load(circuit: CircuitName): Promise<Target> {
  await buildCircuit(circuit);
  const directory = path.join("build", "circuits", circuit);
  const file = (extension: string) => shippedFile(circuit, extension);
  const full = await compile(path.join(directory, "circuit.circom"), path.join("build", "soundness", circuit), "--O0");
  return loadTarget({ r1cs: file("r1cs"), sym: file("sym"), wasm: file("wasm") }, full);
}

/** Figures of an account that the circuit computes inside, in the model's units. */
export interface Figures {
  readonly values: readonly bigint[];
  readonly equity: bigint;
  readonly margin: bigint;
  /** 10^4 · scan + charges on delta and vega of each block that ends a netting set, zero for the others. */
  readonly setMargins: readonly bigint[];
  readonly scannedLots: readonly bigint[];
  readonly debt: bigint;
  readonly required: bigint;
}

/** What the circuit computed, read as signed numbers. */
export function figuresOf(attack: Attack, size: BoardSize): Figures {
  const signed = (name: string) => fromField(attack.value(name));
  const list = (length: number, name: string) => Array.from({ length }, (_, index) => signed(`main.${name}[${index}]`));
  return {
    values: list(ASSETS, "worth.value"),
    equity: signed("main.worth.equity"),
    margin: signed("main.worth.maintenance"),
    setMargins: list(blocksOf(size), "worth.setMargin"),
    scannedLots: Array.from({ length: ASSETS }, (_, asset) => signed(`main.worth.scanned[${asset}].whole`)),
    debt: signed("main.worth.debt"),
    required: MARGIN_LEVEL_TO_E20 * signed("main.level") * signed("main.worth.maintenance"),
  };
}

/** The same figures by the model. */
export function modelFigures(
  { assets, sets, debt, equity, margin }: Evaluation,
  size: BoardSize,
  level: LevelBps,
): Figures {
  const setMargins = new Array<bigint>(blocksOf(size)).fill(0n);
  for (const { lastBlock, scan, liquidity, vegaCharge } of sets) {
    setMargins[lastBlock] = 10_000n * scan + liquidity + vegaCharge;
  }
  return {
    values: assets.map(({ value }) => value),
    equity,
    margin,
    setMargins,
    scannedLots: assets.map(({ scannedLots }) => scannedLots),
    debt,
    required: MARGIN_LEVEL_TO_E20 * level * margin,
  };
}

/** A claim put to the circuit as it stands: nothing about it need be true or in range. */
export interface Claim {
  readonly before: Account;
  readonly after: Account;
  readonly transfer?: Transfer;
  /** What makes up the difference between the two states, unless given. */
  readonly fill?: Fill;
  readonly side?: Side;
  readonly level: LevelBps;
  readonly direction: Direction;
  readonly context?: bigint;
  readonly policy: Policy;
  readonly market: Market;
}

/** The fill that takes `before` to `after`, piece by piece, whatever their ranges. */
export function difference(
  before: Account,
  after: Account,
  transfer: Transfer = NO_TRANSFER,
  side: Side = 1n,
  blinding = 99n,
): Fill {
  const moved = (asset: number) => (asset === transfer.asset ? transfer.amount : 0n);
  return {
    size: before.size,
    positions: after.positions.map((lots, index) => side * (lots - before.positions[index]!)),
    collateral: after.collateral.map((lots, asset) => side * (lots - before.collateral[asset]! - moved(asset))),
    cash: side * (after.cash - before.cash - moved(CASH_INDEX)),
    blinding: toField(blinding),
  };
}

/**
 * The circuit's input for a claim, as an attacker would choose it: every commitment is of what is claimed, so that no
 * equation over commitments stands in the way of the lie.
 */
export function claimInput(claim: Claim): CircuitInput {
  const { before, after, transfer = NO_TRANSFER, side = 1n, level, direction, context = 7n, policy, market } = claim;
  const fill = claim.fill ?? difference(before, after, transfer, side);
  const board = boardSignals(market.board);
  const rowValues = ROW_VALUES * market.board.rows.length;
  return {
    stateBefore: commitState(before),
    stateAfter: commitState(after),
    transfer: encodeTransfer(transfer),
    fill: commitFill(fill),
    terms: encodeTerms({ level, direction, side }),
    context: toField(context),
    policy: policySignals(policy),
    debtRate: toField(policy.debtRateBps),
    prices: market.prices.map(toField),
    rows: board.slice(0, rowValues),
    blocks: board.slice(rowValues),
    positionsAfter: after.positions.map(toField),
    collateralAfter: after.collateral.map(toField),
    cashAfter: toField(after.cash),
    blindingBefore: stateBlinding(before),
    blindingAfter: stateBlinding(after),
    fillPositions: packPositions(fill.positions),
    fillCollateral: packWide(fill.collateral),
    fillCash: toField(fill.cash),
    fillBlinding: fill.blinding,
  };
}

/**
 * Where circuit and model disagree about a request, one sentence each; empty where they agree: on whether the statement
 * holds, on every public signal, and on every figure. Throws where the model itself refuses the request.
 */
export function disagreements(target: Target, request: Request): string[] {
  const { size } = request.before;
  const { holds, evaluation, circuitInput, publicSignals } = buildStatement(request);
  const found: string[] = [];
  const attack = target.attack(circuitInput);
  let proven: Witness | undefined;
  try {
    proven = target.prove(circuitInput);
  } catch {
    // its assertions refuse
  }
  if ((proven !== undefined) !== holds)
    found.push(`the generator ${proven ? "accepts" : "refuses"}, the model does not`);
  if ((attack.outcome === "accepted") !== holds)
    found.push(`the constraints are ${attack.outcome}, the model holds: ${holds}`);
  if (proven?.some((value, wire) => value !== attack.witness[wire])) found.push("two generators of one circuit differ");
  if (!holds && !attack.stoppedAt.every((place) => /^main\.Coverage/.test(place)))
    found.push("refused for another reason");
  if (publicSignals.some((value, index) => value !== attack.witness[index + 1])) found.push("a public signal differs");
  const ours = figuresOf(attack, size);
  const theirs = modelFigures(evaluation, size, request.level);
  for (const [name, value] of Object.entries(theirs)) {
    if (String(ours[name as keyof Figures]) !== String(value)) found.push(`${name} differs`);
  }
  return found;
}

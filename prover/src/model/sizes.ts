// SPDX-License-Identifier: GPL-3.0-or-later
/** Shapes of the instances of the circuits, read from the one place that fixes them. */
import sizes from "../../../circuits/sizes.json" with { type: "json" };

export const ASSETS = sizes.assets;
export const TIERS = sizes.tiers;
export const SCENARIOS = sizes.scenarios;
/** Instruments in one block; a netting set is a run of whole blocks. */
export const BLOCK_INSTRUMENTS = sizes.blockInstruments;
/** Index by which a transfer names cash; smaller indices name collateral assets. */
export const CASH_INDEX = ASSETS;

export const BOARD_SIZES = ["board-60", "board-240", "board-480"] as const;
export type BoardSize = (typeof BOARD_SIZES)[number];

/** The circuit `Account` of each size goes by the name of its boards, the others by names of their own. */
export const SETTLEMENT_CIRCUITS = ["settlement-60", "settlement-240", "settlement-480"] as const;
export type SettlementCircuit = (typeof SETTLEMENT_CIRCUITS)[number];
export const MERGE_CIRCUITS = ["merge-60", "merge-240", "merge-480"] as const;
export type MergeCircuit = (typeof MERGE_CIRCUITS)[number];
export const DISCLOSURE_CIRCUITS = ["disclosure-60", "disclosure-240", "disclosure-480"] as const;
export type DisclosureCircuit = (typeof DISCLOSURE_CIRCUITS)[number];
export const CIRCUITS = [...BOARD_SIZES, ...SETTLEMENT_CIRCUITS, ...MERGE_CIRCUITS, ...DISCLOSURE_CIRCUITS] as const;
export type CircuitName = (typeof CIRCUITS)[number];

export function isSettlement(circuit: CircuitName): circuit is SettlementCircuit {
  return (SETTLEMENT_CIRCUITS as readonly string[]).includes(circuit);
}

export function isDisclosure(circuit: CircuitName): circuit is DisclosureCircuit {
  return (DISCLOSURE_CIRCUITS as readonly string[]).includes(circuit);
}

/** The circuit that settles accounts on boards of this size. */
export function settlementCircuitOf(size: BoardSize): SettlementCircuit {
  return SETTLEMENT_CIRCUITS[BOARD_SIZES.indexOf(size)]!;
}

export function isMerge(circuit: CircuitName): circuit is MergeCircuit {
  return (MERGE_CIRCUITS as readonly string[]).includes(circuit);
}

/** The circuit that merges accounts on boards of this size. */
export function mergeCircuitOf(size: BoardSize): MergeCircuit {
  return MERGE_CIRCUITS[BOARD_SIZES.indexOf(size)]!;
}

/** The circuit that discloses figures of accounts on boards of this size. */
export function disclosureCircuitOf(size: BoardSize): DisclosureCircuit {
  return DISCLOSURE_CIRCUITS[BOARD_SIZES.indexOf(size)]!;
}

/** The boards that a circuit is for. */
export function boardSizeOf(circuit: CircuitName): BoardSize {
  if (isSettlement(circuit)) return BOARD_SIZES[SETTLEMENT_CIRCUITS.indexOf(circuit)]!;
  if (isMerge(circuit)) return BOARD_SIZES[MERGE_CIRCUITS.indexOf(circuit)]!;
  if (isDisclosure(circuit)) return BOARD_SIZES[DISCLOSURE_CIRCUITS.indexOf(circuit)]!;
  return circuit;
}

/** Parameters and limits of a circuit. */
export function shapeOf(circuit: CircuitName) {
  if (isSettlement(circuit)) return sizes.settlements[circuit];
  if (isMerge(circuit)) return sizes.merges[circuit];
  if (isDisclosure(circuit)) return sizes.disclosures[circuit];
  return sizes.sizes[circuit];
}

/** Blocks of 60 instruments on a board of this size. */
export function blocksOf(size: BoardSize): number {
  return sizes.sizes[size].blocks;
}

export function instrumentsOf(size: BoardSize): number {
  return blocksOf(size) * BLOCK_INSTRUMENTS;
}

/** Public inputs of a circuit: those of each proof, then those that many share. */
export function publicInputsOf(circuit: CircuitName): number {
  return shapeOf(circuit).publicInputs;
}

/** The smallest board that holds this many instruments, or undefined where none does. */
export function smallestBoardFor(instruments: number): BoardSize | undefined {
  return BOARD_SIZES.find((size) => instruments <= instrumentsOf(size));
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The circuits, a row for each family; a family has circuits for some or all sizes of board.
 *
 * Builders of circuits and keys, prover, verifiers, manifest and doctor read a circuit's facts here. A new circuit is its
 * source in `circuits/`, its shapes in `circuits/sizes.json`, its statement in a file beside this one, and a row.
 * Imports nothing that hashes, so that a verifier which imports the table stays small.
 */
import sizes from "@plimsoll/circuits/sizes.json" with { type: "json" };
import { PlimsollError } from "../errors.ts";
import { ASSETS, BLOCK_INSTRUMENTS, type BoardSize, SCENARIOS, TIERS } from "../model/sizes.ts";
import { BLOCK_VALUES, ROW_VALUES } from "./signals.ts";

/** Parameters and limits of one circuit. */
export interface Shape {
  /** Blocks of 60 instruments on its boards. */
  readonly blocks: number;
  /** Accounts that one proof is of, where these are several. */
  readonly members?: number;
  readonly publicInputs: number;
  /** The build refuses more constraints than this. */
  readonly constraintCeiling: number;
  /** Constraints, public inputs and one fit into 2^domainPower. */
  readonly domainPower: number;
}

interface Family {
  /** Names of its circuits, each with the boards it is for, from the smallest to the largest. */
  readonly circuits: Readonly<Record<string, BoardSize>>;
  readonly shapes: Readonly<Record<string, Shape>>;
  /** File of the main template, in `circuits/`. */
  readonly source: string;
  /** The main component. */
  readonly template: (shape: Shape) => string;
  /** Public inputs that belong to one proof, in order: they come before all others. Of a list each element (`name[0]`). */
  readonly own: readonly string[];
  /** Those of `own` that are lists with an element for each member, named without an index. */
  readonly perMember?: readonly string[];
  /** Names of the public inputs after them, which many proofs share. */
  readonly shared: readonly string[];
  /**
   * Groups of the shared public inputs whose points contracts take by links (docs/link.md), in order: how many values each
   * has on boards of so many blocks. Together they are all the shared inputs; none where no contract takes any.
   */
  readonly linked: Readonly<Record<string, (blocks: number) => number>>;
  /**
   * Signals that the circuit assigns by `<--`, except binary digits: a witness plan cannot learn them from constraints, so
   * the statement brings their values (`Hints`). Named without indices, below the main component; where each is assigned
   * its line says what constrains it.
   */
  readonly hints: readonly string[];
  /** Whether set-up makes its circuits only where they are named: few need them, and they are large. */
  readonly onDemand?: boolean;
}

/** Public inputs of a valuation. */
const MARKET = ["policy", "debtRate", "prices", "rows", "blocks"] as const;
/** The rate of debt is a value of the epoch, since it depends on the venue's till. */
const MARKET_LINKS = {
  policy: () => ASSETS * (3 * TIERS + 1),
  market: (blocks: number) => 1 + ASSETS + blocks * (BLOCK_INSTRUMENTS * ROW_VALUES + BLOCK_VALUES),
};
const VALUATION = [BLOCK_INSTRUMENTS, ASSETS, TIERS, SCENARIOS];
/** Hints of the component `Worth`, which values one account, by their names below it. */
export const WORTH_HINTS = ["haircut.selected", "scanned.whole", "set.column", "set.scan"] as const;
const worthHintsBelow = (component: string) => WORTH_HINTS.map((name) => `${component}worth.${name}`);

export const FAMILIES = {
  /** An account covers its margin, or does not, after a transfer and a fill: `account.ts`. */
  account: {
    circuits: { "board-60": "board-60", "board-240": "board-240", "board-480": "board-480" },
    shapes: sizes.sizes,
    source: "account.circom",
    template: ({ blocks }) => `Account(${[blocks, ...VALUATION].join(", ")})`,
    own: ["stateBefore", "stateAfter", "transfer", "fill", "terms", "context"],
    shared: MARKET,
    linked: MARKET_LINKS,
    hints: [...worthHintsBelow(""), "Transition.inverse"],
  },
  /** Instruments that expire are paid out in cash and leave the account: `settlement.ts`. */
  settlement: {
    circuits: { "settlement-60": "board-60", "settlement-240": "board-240", "settlement-480": "board-480" },
    shapes: sizes.settlements,
    source: "settlement.circom",
    template: ({ blocks }) => `Settlement(${blocks * BLOCK_INSTRUMENTS}, ${ASSETS})`,
    own: ["stateBefore", "stateAfter", "context"],
    shared: ["marks"],
    linked: { marks: (blocks) => 2 * blocks * BLOCK_INSTRUMENTS },
    hints: ["Onward.inverse"],
  },
  /** One account holds what two hold together: `merge.ts`. */
  merge: {
    circuits: { "merge-60": "board-60", "merge-240": "board-240", "merge-480": "board-480" },
    shapes: sizes.merges,
    source: "merge.circom",
    template: ({ blocks }) => `Merge(${blocks * BLOCK_INSTRUMENTS}, ${ASSETS})`,
    own: ["stateLeft", "stateRight", "stateMerged", "context"],
    shared: [],
    linked: {},
    hints: ["Blinded.inverse"],
  },
  /** One figure of an account lies in a band, shown to one auditor: `disclosure.ts`. */
  disclosure: {
    circuits: { "disclosure-60": "board-60", "disclosure-240": "board-240", "disclosure-480": "board-480" },
    shapes: sizes.disclosures,
    source: "disclosure.circom",
    template: ({ blocks }) => `Disclosure(${blocks * BLOCK_INSTRUMENTS}, ${ASSETS}, ${TIERS})`,
    own: ["state", "low", "high", "auditor", "context"],
    shared: ["policy", "prices", "cashWeight", "marks"],
    linked: {},
    hints: ["haircut.selected"],
  },
  /** Several accounts step at once by fills that add up to zero, and each is covered afterwards: `round.ts`. */
  round: {
    circuits: { "round-60-3": "board-60", "round-60-15": "board-60" },
    shapes: sizes.rounds,
    source: "round.circom",
    template: ({ members, blocks }) => `Round(${[members, blocks, ...VALUATION].join(", ")})`,
    own: ["stateBefore", "stateAfter", "level", "context"],
    perMember: ["stateBefore", "stateAfter"],
    shared: MARKET,
    linked: MARKET_LINKS,
    hints: [...worthHintsBelow("member.covered."), "member.Onward.inverse", "Distinct.inverse"],
    onDemand: true,
  },
  /** Accounts of a venue are covered, stand in one tree and add up: `book.ts`. */
  book: {
    circuits: { "book-60-8": "board-60", "book-60-16": "board-60" },
    shapes: sizes.books,
    source: "book.circom",
    template: ({ members, blocks }) => `Book(${[members, blocks, ...VALUATION].join(", ")})`,
    own: ["root", "totalsBefore", "totalsAfter", "level", "context"],
    shared: MARKET,
    linked: {},
    hints: worthHintsBelow("member.covered."),
    onDemand: true,
  },
  /** A lot leaves an account that is below a level, on the policy's terms: `lot.ts`. */
  lot: {
    circuits: { "lot-60": "board-60", "lot-240": "board-240", "lot-480": "board-480" },
    shapes: sizes.lots,
    source: "lot.circom",
    template: ({ blocks }) => `Lot(${[blocks, ...VALUATION].join(", ")})`,
    own: [
      ...(["stateBefore", "stateAfter", "fill", "terms", "size", "context"] as const),
      // Packed lots of each asset, cash.
      ...(["credit[0]", "credit[1]", "credit[2]", "credit[3]", "credit[4]", "credit[5]"] as const),
    ],
    shared: MARKET,
    linked: MARKET_LINKS,
    hints: [...WORTH_HINTS.map((name) => `account.${name}`), "Onward.inverse", "NonZero.inverse"],
    onDemand: true,
  },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof FAMILIES;
/** Names of a family's circuits. */
export type CircuitOf<Name extends FamilyName> = {
  [Each in FamilyName]: keyof (typeof FAMILIES)[Each]["circuits"];
}[Name];
export type CircuitName = CircuitOf<FamilyName>;
/** The values of a family's own public inputs, by name. */
export type OwnSignals<Name extends FamilyName, Value> = {
  readonly [Signal in (typeof FAMILIES)[Name]["own"][number]]: Value;
};

export const FAMILY_NAMES = Object.keys(FAMILIES) as FamilyName[];

/**
 * The first circuit of a family that is for boards of a size. Throws `NO_BOARD_SIZE` where there is none.
 */
export function circuitOf<Name extends FamilyName>(family: Name, size: BoardSize): CircuitOf<Name> {
  const circuit = circuitsOf(family).find((name) => PLACES.get(name as string)!.size === size);
  if (circuit !== undefined) return circuit;
  throw new PlimsollError("NO_BOARD_SIZE", `no circuit of this kind (${family}) is for boards of this size`, {
    field: "size",
  });
}

/** A family's circuits, from the smallest boards to the largest. */
export const circuitsOf = <Name extends FamilyName>(family: Name): readonly CircuitOf<Name>[] =>
  Object.keys(FAMILIES[family].circuits) as CircuitOf<Name>[];

export const CIRCUITS: readonly CircuitName[] = FAMILY_NAMES.flatMap((family) => [...circuitsOf(family)]);

const PLACES = new Map<string, { readonly family: FamilyName; readonly size: BoardSize }>(
  FAMILY_NAMES.flatMap((family) =>
    Object.entries<BoardSize>(FAMILIES[family].circuits).map(([circuit, size]) => [circuit, { family, size }] as const),
  ),
);

export const familyOf = (circuit: CircuitName): FamilyName => PLACES.get(circuit)!.family;

/** Those that set-up makes where none is named. */
export const DEFAULT_CIRCUITS: readonly CircuitName[] = CIRCUITS.filter(
  (circuit) => !(FAMILIES[familyOf(circuit)] as Family).onDemand,
);

export const isOf = <Name extends FamilyName>(family: Name, circuit: CircuitName): circuit is CircuitOf<Name> =>
  familyOf(circuit) === family;

/** The boards that a circuit is for. */
export const boardSizeOf = (circuit: CircuitName): BoardSize => PLACES.get(circuit)!.size;

export function shapeOf(circuit: CircuitName): Shape {
  const { shapes }: Family = FAMILIES[familyOf(circuit)];
  return shapes[circuit]!;
}

/** Number of public inputs of a circuit: those of each proof, then those that many share. */
export const publicInputsOf = (circuit: CircuitName): number => shapeOf(circuit).publicInputs;

/** Names of the public inputs that are each proof's own, in order; what follows them, if anything, many proofs share. */
export function ownSignalsOf(circuit: CircuitName): readonly string[] {
  const { own, perMember = [] }: Family = FAMILIES[familyOf(circuit)];
  const { members = 0 } = shapeOf(circuit);
  return own.flatMap((name) =>
    perMember.includes(name) ? Array.from({ length: members }, (_, member) => `${name}[${member}]`) : name,
  );
}

/** Names of a family's public signals, lists once, in order. */
export const publicNamesOf = (family: FamilyName): readonly string[] => {
  const { own, shared }: Family = FAMILIES[family];
  return [...new Set([...own, ...shared].map((name) => name.replace(/\[.*$/, "")))];
};

/** Public inputs `first` to `first + count − 1` of a circuit, counted from 1 as the points of its key are. */
export interface LinkedGroup {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/** The groups of a circuit's public inputs whose points contracts take by links, in order; empty where there are none. */
export function linkedGroupsOf(circuit: CircuitName): readonly LinkedGroup[] {
  const { linked }: Family = FAMILIES[familyOf(circuit)];
  let first = 1 + ownSignalsOf(circuit).length;
  return Object.entries(linked).map(([name, countOn]) => {
    const group = { name, first, count: countOn(shapeOf(circuit).blocks) };
    first += group.count;
    return group;
  });
}

/** The main component of a circuit, as circom reads it; `folder` is where the sources are, seen from the file. */
export function mainOf(circuit: CircuitName, folder: string): string {
  const { source, template }: Family = FAMILIES[familyOf(circuit)];
  return `// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;
include "${folder}/${source}";
component main {public [${publicNamesOf(familyOf(circuit)).join(", ")}]} = ${template(shapeOf(circuit))};
`;
}

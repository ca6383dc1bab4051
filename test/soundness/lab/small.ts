// SPDX-License-Identifier: GPL-3.0-or-later
/** The detectors of `attack.ts` for every circuit but `Account`, in small. */
import path from "node:path";
import { toField } from "../../../prover/src/field.ts";
import { ASSETS } from "../../../prover/src/model/sizes.ts";
import { FAMILIES, type FamilyName } from "../../../prover/src/statement/families.ts";
import { bookLies } from "../../support/book-lies.ts";
import { type Dimensions, ledgerOf } from "../../support/ledger.ts";
import { edgeSlices, lotLies, lotRecipes, lotScenes, quietSlice } from "../../support/lot-lies.ts";
import { roundLies } from "../../support/round-lies.ts";
import { BOOK_BUGS } from "../bugs/book.ts";
import type { Bug } from "../bugs/bug.ts";
import { DISCLOSURE_BUGS, MERGE_BUGS, SETTLEMENT_BUGS } from "../bugs/holdings.ts";
import { LOT_BUGS } from "../bugs/lot.ts";
import { ROUND_BUGS } from "../bugs/round.ts";
import { disagreement, type Finding, holds, type Speaker, speaker, tellLie, undetermined } from "./attack.ts";
import { dropAround, scanRecipes, type WireLies } from "./drop.ts";
import type { Inputs } from "./generate.ts";
import {
  type Build,
  type Case,
  compileSources,
  modelRow,
  SHAPE,
  type Sources,
  shippedSources,
  type ValuedCase,
} from "./miniature.ts";
import type { Verdict } from "./mutate.ts";
import { sameConstraints, violation, wiresOf } from "./r1cs.ts";
import { incidence } from "./ripple.ts";
import {
  BOOK_MAIN,
  BOOK_PLACES,
  bookCases,
  bookInputs,
  bookRecipes,
  bookScenes,
  SLACK_PATH,
  slackBook,
} from "./small-book.ts";
import {
  DISCLOSURE_MAIN,
  disclosureCases,
  disclosureLies,
  honestDisclosure,
  otherDisclosures,
} from "./small-disclosure.ts";
import { DIMENSIONS } from "./small-holdings.ts";
import { LOT_MAIN, lotCase, lotCases, lotInputs } from "./small-lot.ts";
import { honestMerge, MERGE_MAIN, mergeCases, mergeLies } from "./small-merge.ts";
import { PLACES, ROUND_MAIN, roundCases, roundInputs, slackRound } from "./small-round.ts";
import {
  honestSettlement,
  SETTLEMENT_MAIN,
  settlementCases,
  settlementLies,
  settlementRecipes,
} from "./small-settlement.ts";
import { loadTarget, type Target } from "./target.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

/** A lie, and the place of the constraints that must stop it. */
export interface SmallLie {
  readonly name: string;
  readonly inputs: Inputs;
  /** Hints that the generator would not give so; what they define follows. */
  readonly told?: Readonly<Record<string, bigint>>;
  /** Components of all constraints that are violated. */
  readonly stoppedAt: RegExp;
}

/** A circuit in small, and what the detectors need of it. */
export interface Small {
  readonly family: Exclude<FamilyName, "account">;
  readonly main: string;
  readonly of: Dimensions;
  readonly cases: (firstSeed: number) => Generator<Case>;
  readonly lies: () => readonly SmallLie[];
  /** A truth; where accounts are valued, one in which everybody is covered many times over. */
  readonly honest: () => Inputs;
  /** Other truths: with the first, each public input counts in one of them. */
  readonly truths?: () => readonly Inputs[];
  /** Other truths around which constraints are dropped. */
  readonly scenes?: () => readonly Inputs[];
  /** Lies that take more than one idea, for dropped constraints that the search alone does not reach. */
  readonly recipes?: (s: Speaker) => Iterable<WireLies>;
  /** Public inputs that a finished witness of it must be bound to. */
  readonly exchanged: readonly string[];
  /** Inputs that follow from the rest: what a lie may change without being asked. */
  readonly commitments: readonly string[];
  /** Components that value an account. */
  readonly valuations: readonly string[];
  /** Whether a constraint on these signals is shown to be needed by another part of the lab. */
  readonly shownElsewhere?: (names: readonly string[]) => boolean;
  /** Sources that no other circuit of the lab has, below circuits/. */
  readonly files: readonly string[];
  readonly bugs: readonly Bug[];
}

const BOARD = {
  instruments: SHAPE.blocks * SHAPE.rows,
  assets: ASSETS,
  tiers: SHAPE.tiers,
  scenarios: SHAPE.scenarios,
  blocks: SHAPE.blocks,
} as const;
/** Rows of the model's board that the small one has: two of one packed element, and one of the next. */
const ROWS = [0, 1, BOARD.instruments - 1].map(modelRow);
const MARKET = [
  "policy[0][0]",
  "debtRate",
  "prices[0]",
  "prices[4]",
  "rows[0][0]",
  "rows[7][4]",
  "blocks[1][2]",
  "blocks[2][0]",
];
const RANDOM = 12;

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** A truth in which somebody owes, so that the rate of debt counts. */
const owing = (cases: (firstSeed: number) => Generator<ValuedCase>): Inputs =>
  cases(1).find(({ holds, evaluation }) => holds && evaluation.debt > 0n)!.inputs;

function* lotCasesAndEdges(firstSeed: number): Generator<ValuedCase> {
  for (const [index, slice] of edgeSlices().entries()) yield lotCase(`a slice at an edge, ${index}`, slice);
  yield* lotCases(firstSeed);
}

const valuationsOf = (places: number) =>
  Array.from({ length: places }, (_, member) => `main.member[${member}].covered.worth`);

export const SMALL: Readonly<Record<Small["family"], Small>> = {
  round: {
    family: "round",
    main: ROUND_MAIN,
    of: { ...BOARD, members: PLACES },
    cases: roundCases,
    lies: once(() => [...roundLies(slackRound(), ROWS)]),
    honest: () => roundInputs(slackRound()),
    truths: once(() => [owing(roundCases)]),
    exchanged: [
      ...["stateBefore", "stateAfter"].flatMap((list) =>
        Array.from({ length: PLACES }, (_, member) => `${list}[${member}]`),
      ),
      ...["level", "context", ...MARKET],
    ],
    commitments: ["stateBefore", "stateAfter"].flatMap((list) =>
      Array.from({ length: PLACES }, (_, member) => `main.${list}[${member}]`),
    ),
    valuations: valuationsOf(PLACES),
    files: ["round.circom", "lib/covered.circom", "lib/distinct.circom"],
    bugs: ROUND_BUGS,
  },
  book: {
    family: "book",
    main: BOOK_MAIN,
    of: { ...BOARD, members: BOOK_PLACES },
    cases: bookCases,
    lies: once(() => [...bookLies()]),
    honest: () => bookInputs(slackBook()),
    truths: once(() => [owing(bookCases)]),
    exchanged: ["root", "totalsBefore", "totalsAfter", "level", "context", ...MARKET],
    commitments: [...["root", "totalsBefore", "totalsAfter"].map((name) => `main.${name}`), ...SLACK_PATH],
    valuations: valuationsOf(BOOK_PLACES),
    scenes: bookScenes,
    recipes: bookRecipes,
    files: ["book.circom", "lib/tree.circom"],
    bugs: BOOK_BUGS,
  },
  merge: {
    family: "merge",
    main: MERGE_MAIN,
    of: DIMENSIONS,
    cases: mergeCases,
    lies: once(() => [...mergeLies()]),
    honest: honestMerge,
    exchanged: FAMILIES.merge.own,
    commitments: FAMILIES.merge.own.slice(0, 3).map((name) => `main.${name}`),
    valuations: [],
    files: ["merge.circom", "lib/holdings.circom"],
    bugs: MERGE_BUGS,
  },
  settlement: {
    family: "settlement",
    main: SETTLEMENT_MAIN,
    of: DIMENSIONS,
    cases: settlementCases,
    lies: once(() => [...settlementLies()]),
    honest: honestSettlement,
    exchanged: [...FAMILIES.settlement.own, "marks[0][0]", "marks[0][1]", "marks[1][0]", "marks[6][1]"],
    commitments: FAMILIES.settlement.own.slice(0, 2).map((name) => `main.${name}`),
    valuations: [],
    recipes: settlementRecipes,
    files: ["settlement.circom", "lib/expiry.circom"],
    bugs: SETTLEMENT_BUGS,
  },
  disclosure: {
    family: "disclosure",
    main: DISCLOSURE_MAIN,
    of: DIMENSIONS,
    cases: disclosureCases,
    lies: once(() => [...disclosureLies()]),
    honest: honestDisclosure,
    truths: once(otherDisclosures),
    scenes: once(otherDisclosures),
    exchanged: [
      ...FAMILIES.disclosure.own,
      "policy[0][2]",
      "prices[0]",
      "prices[14]",
      "cashWeight",
      "marks[0]",
      "marks[8]",
    ],
    commitments: ["main.state"],
    valuations: [],
    files: ["disclosure.circom"],
    bugs: DISCLOSURE_BUGS,
  },
  lot: {
    family: "lot",
    main: LOT_MAIN,
    of: BOARD,
    cases: lotCasesAndEdges,
    lies: once(() => [...lotLies()]),
    honest: () => lotInputs(quietSlice()),
    truths: once(() => [owing(lotCases)]),
    exchanged: [...FAMILIES.lot.own, ...MARKET],
    commitments: ["stateBefore", "stateAfter", "fill"].map((name) => `main.${name}`),
    valuations: ["main.account[0]", "main.account[1]"],
    scenes: lotScenes,
    recipes: lotRecipes,
    // The flag of the kind by uniqueness, what is over a threshold in `Account`.
    shownElsewhere: ([first, ...others]) =>
      others.length === 0 && (first === "main.slice" || /\.excess\[\d\]\.isOver$/.test(first!)),
    files: ["lot.circom", "lib/sale.circom"],
    bugs: LOT_BUGS,
  },
};

/** The small circuit as it ships and with every signal kept, and both to lie to. The directories' names begin with the one given. */
export async function smallTarget(
  { main }: Small,
  directory: string,
): Promise<{ shipped: Build; full: Build; target: Target }> {
  const compiled = async (level: "--O0" | "--O2") => {
    const place = `${directory}${level}`;
    const build = await compileSources(shippedSources(), main, place, level);
    const at = (file: string) => path.join(ROOT, place, file);
    const sources = [...shippedSources().keys()].map(at);
    return { build, files: { r1cs: at("main.r1cs"), sym: at("main.sym"), wasm: at("main_js/main.wasm"), sources } };
  };
  const [shipped, full] = [await compiled("--O2"), await compiled("--O0")];
  return { shipped: shipped.build, full: full.build, target: await loadTarget(shipped.files, full.files) };
}

/** Where the last circuit stopped a lie: the next, much the same, stops it there or a few constraints on. */
const stops = new Map<SmallLie, number>();
/** What moves between circuits of neighbouring mistakes, in constraints. */
const NEARBY = 100;

/** A lie that the circuit accepts: the first, of all or of some. */
export function acceptedSmallLie(
  { lies }: Small,
  build: Build,
  some: readonly SmallLie[] = lies(),
): SmallLie | undefined {
  const { r1cs, generate } = build;
  const system = once(() => incidence(r1cs));
  return some.find((lie) => {
    const { inputs, told } = lie;
    if (told) return tellLie(speaker(build, inputs, system(), []), { tell: () => told })?.violated.length === 0;
    const stop = violation(r1cs, generate(inputs), Math.max(0, (stops.get(lie) ?? 0) - NEARBY) % r1cs.constraints);
    if (stop !== undefined) stops.set(lie, stop);
    return stop === undefined;
  });
}

const isPublic = ({ r1cs, wires }: Build, name: string): boolean => {
  const wire = wires.get(`main.${name}`)!;
  return wire > r1cs.outputs && wire <= r1cs.outputs + r1cs.publicInputs;
};

/** The first public input that is none: the prover chooses it, and no fact holds of it. */
function hiddenIn({ exchanged }: Small, build: Build): Finding | undefined {
  const hidden = exchanged.find((name) => !isPublic(build, name));
  return hidden === undefined ? undefined : { detector: "hostile", what: `C17: ${hidden} is not public` };
}

/** The first public input that may take another value in every finished witness, or is none. */
export function exchangeableIn(small: Small, build: Build): Finding | undefined {
  const { r1cs, wires, generate } = build;
  const witnesses = [small.honest(), ...(small.truths?.() ?? [])].map((inputs) => [...generate(inputs)]);
  const { constraintsOf } = incidence(r1cs);
  for (const name of small.exchanged) {
    const wire = wires.get(`main.${name}`)!;
    const noticed = witnesses.some((witness) => {
      const value = witness[wire]!;
      witness[wire] = toField(value + 1n);
      const broken = [...constraintsOf(wire)].some((constraint) => !holds(r1cs, constraint, witness));
      witness[wire] = value;
      return broken;
    });
    if (!isPublic(build, name) || !noticed)
      return { detector: "hostile", what: `C17: ${name} exchanged in a finished witness` };
  }
  return undefined;
}

/** The first commitment that may be another while everything else stays, hints excepted. */
export function unboundIn({ honest, commitments }: Small, build: Build): Finding | undefined {
  const { ripple, v } = speaker(build, honest(), incidence(build.r1cs), commitments);
  const unbound = commitments.find(
    (name) => ripple.repair(new Map([[build.wires.get(name)!, toField(v(name) + 1n)]])).violated.length === 0,
  );
  return unbound === undefined ? undefined : { detector: "hostile", what: `C16: ${unbound} of no account` };
}

/** The ledger of the small circuit as it ships. */
export const smallLedger = ({ family, of }: Small, { r1cs, symbols }: Build) => ledgerOf(family, of, r1cs, symbols);

const cases = new Map<Small, Case[]>();
/** Lies that were accepted, the latest first: of neighbouring mistakes many are seen by the same. */
const accepted = new Map<Small, SmallLie[]>();
const LIKELY = 12;

/** What the detectors say of damaged sources: the first finding, or with `all` the first of each. */
export async function examineSmall(
  small: Small,
  { sources, main }: { sources: Sources; main: string },
  directory: string,
  { shipped, all = false }: { shipped?: Build["r1cs"]; all?: boolean } = {},
): Promise<{ verdict: Verdict; findings: Finding[]; message?: string }> {
  const known = cases.get(small) ?? [...small.cases(1).take(RANDOM)];
  cases.set(small, known);
  let build: Build;
  try {
    build = await compileSources(sources, main, directory);
  } catch (error) {
    return { verdict: "invalid", findings: [], message: (error as Error).message };
  }
  const findings: Finding[] = [];
  const same = shipped !== undefined && sameConstraints(shipped, build.r1cs);
  let simplified: Build | undefined;
  const likely = accepted.get(small) ?? [];
  accepted.set(small, likely);
  const hostile = (lie: SmallLie | undefined): Finding | undefined => {
    if (lie === undefined) return undefined;
    likely.splice(0, likely.length, ...[lie, ...likely.filter((other) => other !== lie)].slice(0, LIKELY));
    return { detector: "hostile", what: lie.name };
  };
  // The cheapest first. The ledger alone minds what is wider than it need be: of such a mistake lies are not all told.
  const detectors: (() => Finding | undefined)[] = [() => disagreement(build, known)];
  if (!same) {
    detectors.push(
      () => hiddenIn(small, build) ?? unboundIn(small, build),
      () => hostile(acceptedSmallLie(small, build, likely)),
      () => undetermined(build),
      () => exchangeableIn(small, simplified!),
      () => outOfSmallLedger(small, simplified!),
      () => hostile(acceptedSmallLie(small, build)),
    );
  }
  for (const [stage, detect] of detectors.entries()) {
    // What simplification takes away shows only in what ships.
    if (stage === 4) simplified = await compileSources(sources, main, `${directory}-simple`, "--O2");
    const finding = detect();
    if (finding && !findings.some(({ detector }) => detector === finding.detector)) findings.push(finding);
    if (finding && !all) break;
  }
  return { verdict: findings.length > 0 ? "caught" : same ? "same" : "survived", findings };
}

function outOfSmallLedger(small: Small, build: Build): Finding | undefined {
  try {
    const [what] = smallLedger(small, build).faults;
    return what === undefined ? undefined : { detector: "ledger", what };
  } catch (error) {
    return { detector: "ledger", what: (error as Error).message }; // a signal that it speaks of is gone
  }
}

/**
 * Constraints of the circuit as it ships for which no witness was found that violates them alone. Those that hold the pieces of
 * a haircut are not among them: policies are shared by all members, and the drops of `Account` are about the same template.
 */
export function unneeded(small: Small, { full, shipped }: { full: Build; shipped: Build }): string[] {
  const recipes = function* (s: Speaker) {
    for (const worth of small.valuations) yield* scanRecipes(s, worth);
    yield* small.recipes?.(s) ?? [];
  };
  const scenes = [small.honest(), ...(small.scenes?.() ?? [])];
  const found = scenes.map(
    (inputs) => dropAround(full, shipped, inputs, recipes, undefined, small.commitments).report.caught,
  );
  const missed = found[0]!.keys().filter((constraint) => found.every((caught) => caught[constraint] === undefined));
  return [...missed].flatMap((constraint) => {
    const names = wiresOf(shipped.r1cs, constraint).map((wire) => shipped.names[wire]!);
    const ofHaircut = names.every((name) => /\.haircut\[\d+\]\.selected/.test(name));
    return !ofHaircut && !small.shownElsewhere?.(names)
      ? [`constraint ${constraint} on ${names.slice(0, 4).join(", ")}`]
      : [];
  });
}

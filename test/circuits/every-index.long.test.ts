// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Merge, Settlement and Disclosure at every index: what holds one position, asset or flag to its range holds all of them.
 * Lies are told at all indices at once, and each index must stop its own. Circuits in which checks are left out for some
 * indices show that both these lies and the ledger notice, and which index.
 */
import { expect } from "chai";
import { ASSETS, BOARD_SIZES, type BoardSize } from "../../prover/src/model/sizes.ts";
import { circuitOf, FAMILIES, publicNamesOf } from "../../prover/src/statement/families.ts";
import type { Edit } from "../soundness/bugs/bug.ts";
import { compileSources, MAINS, SHAPE, shippedSources } from "../soundness/lab/miniature.ts";
import { violations } from "../soundness/lab/r1cs.ts";
import { seed } from "../soundness/lab/seeded-bugs.ts";
import { shippedCircuit } from "../support/circuit.ts";
import { beyondDigits, indexLies, stoppedBy, truth, witnessOf } from "../support/index-lies.ts";
import { type Dimensions, dimensionsOf, ledgerOf, upTo } from "../support/ledger.ts";
import { type Family, type Lie, type Subject, shippedSubject, smallSubject } from "../support/lying.ts";

const FAMILIES_HERE = ["merge", "settlement", "disclosure"] as const;

async function shipped(family: Family, size: BoardSize): Promise<Subject> {
  const circuit = circuitOf(family, size);
  return shippedSubject(family, dimensionsOf(circuit), await shippedCircuit(circuit), size);
}

/** Two elements of positions, the second full; two of collateral, the second not. */
const SMALL: Dimensions = { instruments: 14, assets: 4, tiers: 3, scenarios: 0, blocks: 0 };
const TEMPLATES: Readonly<Record<Family, string>> = {
  merge: "Merge(14, 4)",
  settlement: "Settlement(14, 4)",
  disclosure: "Disclosure(14, 4, 3)",
};

async function small(family: Family, edits: readonly Edit[] = []): Promise<Subject> {
  const main = `pragma circom 2.2.0;
include "${FAMILIES[family].source}";
component main {public [${publicNamesOf(family).join(", ")}]} = ${TEMPLATES[family]};
`;
  const sources = seed(shippedSources(), { id: family, edits });
  return smallSubject(
    family,
    SMALL,
    await compileSources(sources, main, `build/soundness/index-${process.pid}`, "--O2"),
  );
}

const stops = (subject: Subject, lie: Lie) => stoppedBy(subject, witnessOf(subject, lie));
const sorted = (labels: Iterable<string>) => [...labels].sort();

/** Lies enough to say something of every label. */
function covering(subject: Subject): Lie[] {
  const told = new Set<string>();
  return [...indexLies(subject)].filter(({ stops }) => {
    const before = told.size;
    for (const label of stops) told.add(label);
    return told.size > before;
  });
}

/** An edit that leaves a line out where a condition holds. */
const leftOut = (file: string, line: string, where: string, instead = ""): Edit => ({
  file,
  find: line,
  replace: `if (${where}) { ${instead} } else { ${line} }`,
});
const HOLDINGS = (where: Readonly<Record<"positions" | "collateral" | "cash", string>>): readonly Edit[] => [
  ...["left", "right"].map((side, index) => ({
    file: "merge.circom",
    find: `${side} = Holdings(INSTRUMENTS, ASSETS)`,
    replace: `${side} = Holdings(INSTRUMENTS, ASSETS, ${index})`,
  })),
  {
    file: "lib/holdings.circom",
    find: "template Holdings(INSTRUMENTS, ASSETS)",
    replace: "template Holdings(INSTRUMENTS, ASSETS, RIGHT)",
  },
  leftOut(
    "lib/holdings.circom",
    "(checkedPositions[j], _) <== Signed(32)(positions[j]);",
    where.positions,
    "checkedPositions[j] <== positions[j];",
  ),
  leftOut(
    "lib/holdings.circom",
    "checkedCollateral[a] <== Unsigned(64)(collateral[a]);",
    where.collateral,
    "checkedCollateral[a] <== collateral[a];",
  ),
  leftOut("lib/holdings.circom", "(_, _) <== Signed(64)(cash);", where.cash),
];
const EXPIRY = (positions: string, flags: string): readonly Edit[] => [
  leftOut(
    "lib/expiry.circom",
    "(checkedLots[j], _) <== Signed(32)(lots[j]);",
    positions,
    "checkedLots[j] <== lots[j];",
  ),
  leftOut("lib/expiry.circom", "marks[j][0] * (marks[j][0] - 1) === 0;", flags),
];
const HAIRCUT = (lower: string, upper: string, selected: string): readonly Edit[] => [
  { file: "disclosure.circom", find: "TierValue(TIERS)", replace: "TierValue(TIERS, a)" },
  { file: "lib/haircut.circom", find: "TierValue(TIERS)", replace: "TierValue(TIERS, ASSET)" },
  leftOut("lib/haircut.circom", "_ <== Unsigned(64)(quantity - lower);", lower),
  leftOut("lib/haircut.circom", "_ <== Unsigned(64)(upper - 1 - quantity);", upper),
  leftOut("lib/haircut.circom", "selected[t] * (selected[t] - 1) === 0;", selected),
];
const DISCLOSED = (where: string): Edit =>
  leftOut("disclosure.circom", "(lots[j], _) <== Signed(32)(positions[j]);", where, "lots[j] <== positions[j];");
const each = (name: string, indices: readonly number[]) => indices.map((index) => name.replace("#", String(index)));
const lowerEnd = "collateral[#] from the lower end of its piece";
const upperEnd = "collateral[#] to the upper end of its piece";
const NEVER = "0 == 1";

/** Checks left out, and the labels of what is then not held. */
const PLANTED: readonly (readonly [what: string, Family, readonly Edit[], readonly string[]])[] = [
  [
    "one position and one asset on the left, the first, one between and the last; cash on the right",
    "merge",
    HOLDINGS({
      positions: "RIGHT == 0 && (j == 0 || j == 6 || j == INSTRUMENTS - 1)",
      collateral: "RIGHT == 0 && (a == 0 || a == 2 || a == ASSETS - 1)",
      cash: "RIGHT == 1",
    }),
    [...each("positionsLeft[#]", [0, 6, 13]), ...each("collateralLeft[#]", [0, 2, 3]), "cashRight"],
  ],
  [
    "a range of positions and assets on the right, and cash on the left",
    "merge",
    HOLDINGS({
      positions: "RIGHT == 1 && j >= 5 && j < 9",
      collateral: "RIGHT == 1 && a >= 1 && a < 3",
      cash: "RIGHT == 0",
    }),
    [...each("positionsRight[#]", [5, 6, 7, 8]), ...each("collateralRight[#]", [1, 2]), "cashLeft"],
  ],
  [
    "the first, one between and the last position; the flag of a range of rows",
    "settlement",
    EXPIRY("j == 0 || j == 6 || j == ROWS - 1", "j >= 5 && j < 9"),
    [...each("positionsBefore[#]", [0, 6, 13]), ...each("marks[#][0]", [5, 6, 7, 8])],
  ],
  [
    "a range of positions; the flag of the first, one between and the last row; cash after",
    "settlement",
    [
      ...EXPIRY("j >= 5 && j < 9", "j == 0 || j == 6 || j == ROWS - 1"),
      leftOut("settlement.circom", "(_, _) <== Signed(64)(cashAfter);", "INSTRUMENTS > 0"),
    ],
    [...each("positionsBefore[#]", [5, 6, 7, 8]), ...each("marks[#][0]", [0, 6, 13]), "cashAfter"],
  ],
  [
    "the first, one between and the last position; one end of the first and the last asset, a flag of one; one end of the band",
    "disclosure",
    [
      DISCLOSED("j == 0 || j == 6 || j == INSTRUMENTS - 1"),
      ...HAIRCUT("ASSET == 0", "ASSET == 3", "ASSET == 2 && t == 1"),
      leftOut("disclosure.circom", "_ <== Unsigned(BITS)(aboveLow);", "INSTRUMENTS > 0"),
    ],
    [
      ...each("positions[#]", [0, 6, 13]),
      ...each(lowerEnd, [0]),
      ...each(upperEnd, [3]),
      "haircut[2].selected[1]",
      "aboveLow",
    ],
  ],
  [
    "a range of positions; one end of a range of assets; cash; the other end of the band; the branch's flag",
    "disclosure",
    [
      DISCLOSED("j >= 5 && j < 9"),
      ...HAIRCUT("ASSET >= 1 && ASSET < 3", "ASSET < 2", NEVER),
      leftOut("disclosure.circom", "(_, _) <== Signed(64)(cash);", "INSTRUMENTS > 0"),
      leftOut("disclosure.circom", "_ <== Unsigned(BITS)(belowHigh);", "INSTRUMENTS > 0"),
      leftOut("disclosure.circom", "simulated * (simulated - 1) === 0;", "INSTRUMENTS > 0"),
    ],
    [
      ...each("positions[#]", [5, 6, 7, 8]),
      ...each(lowerEnd, [1, 2]),
      ...each(upperEnd, [0, 1]),
      "cash",
      "belowHigh",
      "simulated",
    ],
  ],
];

describe("W09: checks of Merge, Settlement and Disclosure at every index", function () {
  this.timeout(300_000);

  for (const family of FAMILIES_HERE) {
    for (const size of BOARD_SIZES) {
      it(`C01 C02 C03 C13: lies at every index of ${circuitOf(family, size)} are each stopped by the check of their index alone`, async () => {
        const subject = await shipped(family, size);
        const lies = size === "board-60" ? [...indexLies(subject)] : covering(subject);
        const told = new Set<string>();
        for (const lie of lies) {
          expect(stops(subject, lie), lie.name).deep.equal(sorted(lie.stops));
          for (const label of lie.stops) told.add(label);
        }
        expect(sorted(told), "every check and flag of the ledger is lied about").deep.equal(
          sorted(subject.ledger.held.keys()),
        );
      });
    }

    it(`C01: digits of every check of ${circuitOf(family, "board-60")} beyond 0 and 1 are each stopped by a constraint of their own`, async () => {
      const subject = await shipped(family, "board-60");
      const honest = subject.build.generate(truth(subject));
      expect(violations(subject.build.r1cs, honest)).deep.equal([]);
      const { witness, stops } = beyondDigits(subject, honest);
      expect(stops.length).above(60 * 32);
      expect(violations(subject.build.r1cs, witness)).deep.equal(stops);
    });

    it(`finds nothing to accept in the small ${family} as it is shipped`, async () => {
      const subject = await small(family);
      expect(subject.ledger.faults).deep.equal([]);
      for (const lie of indexLies(subject)) expect(stops(subject, lie), lie.name).deep.equal(sorted(lie.stops));
    });
  }

  for (const [what, family, edits, missing] of PLANTED) {
    it(`${family} without the checks of ${what}: ledger and lies name these and no others, and each is worth a lie`, async () => {
      const subject = await small(family, edits);
      expect(sorted(subject.ledger.faults.map((fault) => fault.replace(/ is not held to .*/, "")))).deep.equal(
        sorted(missing),
      );
      const accepted = new Set<string>();
      for (const lie of indexLies(subject)) {
        const stopped = new Set(stops(subject, lie));
        for (const label of lie.stops) if (!stopped.has(label)) accepted.add(label);
      }
      expect(sorted(accepted)).deep.equal(sorted(missing));
      for (const label of missing) {
        const alone = [...indexLies(subject, (told) => told === label)];
        expect(
          alone.filter((lie) => violations(subject.build.r1cs, witnessOf(subject, lie)).length === 0),
          `a lie about ${label} alone`,
        ).not.deep.equal([]);
      }
    });
  }

  it("counts no check by its name: digits that are held to nothing, or are the digits of nothing, are none", async () => {
    const { ledger } = await small("merge", [
      leftOut("lib/range.circom", "bits[i] * (bits[i] - 1) === 0;", "BITS == 32 && i == 5"),
      leftOut("lib/range.circom", "sum === x;", "BITS == 64"),
    ]);
    expect([...ledger.held.keys()]).deep.equal([]);
    const labels = ["Left", "Right"].flatMap((side) => [
      ...upTo(SMALL.instruments).map((row) => `positions${side}[${row}]`),
      ...upTo(SMALL.assets).map((asset) => `collateral${side}[${asset}]`),
      `cash${side}`,
    ]);
    for (const label of labels) {
      expect(
        ledger.faults.some((fault) => fault.startsWith(`${label} is`)),
        label,
      ).equal(true);
    }
  });

  it("names the netting set and the column whose gap is not held to its range in Account", async () => {
    const { blocks, rows, tiers, scenarios } = SHAPE;
    const of: Dimensions = { instruments: blocks * rows, assets: ASSETS, tiers, scenarios, blocks };
    const gap = leftOut("lib/netting.circom", "_ <== Unsigned(WIDTH)(scan + column[k]);", "k == 2");
    for (const edits of [[], [gap]]) {
      const sources = seed(shippedSources(), { id: "account", edits });
      const build = await compileSources(sources, MAINS.account, `build/soundness/index-${process.pid}`, "--O2");
      const { faults } = ledgerOf("account", of, build.r1cs, build.symbols);
      expect(faults.map((fault) => fault.replace(/ is not held to .*/, ""))).deep.equal(
        edits.length === 0 ? [] : [0, 1, 2].map((block) => `set[${block}].scan + column[2]`),
      );
    }
  });
});

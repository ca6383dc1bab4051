// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The bit ledger of docs/statement.md, signal by signal: what each circuit holds to a range or to two values, and the range,
 * recomputed from the declared ranges of units. It is compared with what the compiled constraints hold, not with names.
 */
import { BOOK_LEAVES } from "../../prover/src/model/book.ts";
import { TOTALS_PER_ELEMENT, WIDE_PER_ELEMENT, WIDE_STRIDE } from "../../prover/src/model/commit.ts";
import { E6_TO_E10, E6_TO_E20, MARGIN_LEVEL_TO_E20 } from "../../prover/src/model/evaluate.ts";
import { DISCOUNT_SLACK_BITS, PART_BITS } from "../../prover/src/model/lot.ts";
import { ASSETS, BLOCK_INSTRUMENTS, blocksOf, SCENARIOS, TIERS } from "../../prover/src/model/sizes.ts";
import { boardSizeOf, type CircuitName, type FamilyName, shapeOf } from "../../prover/src/statement/families.ts";
import { BITS, BPS } from "../../prover/src/units.ts";
import { atomForm, constantForm, type Form, field } from "../soundness/lab/forms.ts";
import type { R1cs, Symbols } from "../soundness/lab/r1cs.ts";
import { type RangeCheck, rangesOf } from "../soundness/lab/ranges.ts";

/** Parameters of one circuit. Tiers, scenarios and blocks matter only to those that have them. */
export interface Dimensions {
  readonly instruments: number;
  readonly assets: number;
  readonly tiers: number;
  readonly scenarios: number;
  readonly blocks: number;
  /** Accounts of one proof. */
  readonly members?: number;
}

export function dimensionsOf(circuit: CircuitName): Dimensions {
  const blocks = blocksOf(boardSizeOf(circuit));
  const { members = 1 } = shapeOf(circuit);
  return {
    instruments: blocks * BLOCK_INSTRUMENTS,
    assets: ASSETS,
    tiers: TIERS,
    scenarios: SCENARIOS,
    blocks,
    members,
  };
}

// ---- Widths from the ranges of units --------------------------------------------------------------------------------

export const bitLength = (value: bigint): number => value.toString(2).length;
export const unsigned = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const largestPosition = 1n << BigInt(BITS.position - 1);

/** Largest sum of a board's column over so many positions. */
export const columnSum = (instruments: number): bigint => BigInt(instruments) * largestPosition * unsigned(BITS.column);

/** Largest amount of cash and positions at their marks. */
export const largestOwned = (instruments: number): bigint => (1n << BigInt(BITS.cash - 1)) + columnSum(instruments);

/** Largest equity, and largest figure at weights no larger. */
const largestEquity = ({ instruments, assets }: Dimensions, quantity: bigint, price: bigint): bigint =>
  BigInt(assets) * quantity * BPS * price + E6_TO_E20 * largestOwned(instruments);

/** Largest margin. */
export function largestMargin(of: Dimensions): bigint {
  const columns = columnSum(of.instruments);
  const charge = BigInt(of.instruments) * largestPosition * unsigned(BITS.charge);
  const scan = columnSum(of.instruments + of.assets);
  return E6_TO_E10 * (charge + scan) + BPS * (2n * columns + largestOwned(of.instruments));
}

/** Largest difference between equity and what a level asks for. */
export function largestSurplus(of: Dimensions): bigint {
  const equity = largestEquity(of, unsigned(BITS.quantity), unsigned(BITS.lotPrice));
  return equity + MARGIN_LEVEL_TO_E20 * unsigned(BITS.level) * largestMargin(of);
}

const E6_TO_E16 = 10n ** 10n;

/** No figure of an account is larger in absolute value. */
export const largestFigure = (of: Dimensions): bigint => largestEquity(of, 1n << 64n, 1n << 64n);

/** Bits of a figure less an end of its band. */
export const bandBits = (of: Dimensions): number => bitLength(2n * largestFigure(of));

// ---- The ledger -----------------------------------------------------------------------------------------------------

interface Entry {
  /** The signal, or what is said of it. */
  readonly label: string;
  readonly form: Form;
  /** Both ends of a range, inclusive; or the two values of a flag. */
  readonly range?: readonly [bigint, bigint];
  readonly values?: readonly [bigint, bigint];
}

export const signedBits = (bits: number) => [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n] as const;
export const unsignedBits = (bits: number) => [0n, unsigned(bits)] as const;
const BINARY = [0n, 1n] as const;
export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Forms over a circuit's wires by the names of its signals. */
interface Signals {
  find(name: string): Form | undefined;
  /** Throws where the circuit has no such wire. */
  at(name: string): Form;
  /** Σ of forms, each with its factor. */
  sum(...terms: readonly (readonly [Form, bigint])[]): Form;
  over(form: Form, divisor: bigint): Form;
  /** The signals of a component. */
  within(component: string): Signals;
}

function signals(r1cs: R1cs, symbols: Symbols): Signals {
  const { add, scale, inverse } = field(r1cs.prime);
  /** Names without the numbers of anonymous components, where they are not ambiguous that way. */
  const plain = new Map([...symbols.entries()].map(([name, wire]) => [name.replace(/_\d+_\d+(?=[.[])/g, ""), wire]));
  const sum: Signals["sum"] = (...terms) =>
    terms.reduce((total, [form, factor]) => add(total, form, factor), constantForm(0n));
  const over: Signals["over"] = (form, divisor) => scale(form, inverse(divisor));
  const of = (place: string): Signals => {
    const find = (name: string): Form | undefined => {
      const wire = plain.get(`${place}.${name}`);
      return wire === undefined ? undefined : atomForm(wire);
    };
    const at = (name: string): Form => {
      const form = find(name);
      if (form === undefined) throw new Error(`the circuit has no wire for ${place}.${name}`);
      return form;
    };
    return { find, at, sum, over, within: (component) => of(`${place}.${component}`) };
  };
  return of("main");
}

/** A quantity that an account holds: what it is called, and its form. */
type Holding = readonly [name: string, form: Form];

/** One asset under its haircut schedule: one piece is selected, and the quantity lies within its ends. */
function haircut({ find, at, sum }: Signals, asset: number, [name, quantity]: Holding, { tiers }: Dimensions): Entry[] {
  const part = (name: string, tier: number) => `haircut[${asset}].${name}[${tier}]`;
  const pieces = upTo(tiers + 1);
  // Simplification takes one of the flags away, because they add up to one.
  const selected = (tier: number): Form =>
    find(part("selected", tier)) ??
    sum(
      [constantForm(1n), 1n],
      ...pieces.filter((other) => other !== tier).map((other) => [at(part("selected", other)), -1n] as const),
    );
  const lower = pieces.slice(1).map((tier) => [at(part("lowerOf", tier)), -1n] as const);
  const upper = pieces.slice(0, -1).map((tier) => [at(part("upperOf", tier)), 1n] as const);
  const top = [selected(tiers), 1n << BigInt(BITS.quantity)] as const;
  const range = unsignedBits(BITS.quantity);
  return [
    ...pieces.map((tier) => ({ label: part("selected", tier), form: selected(tier), values: BINARY })),
    { label: `${name} from the lower end of its piece`, form: sum([quantity, 1n], ...lower), range },
    {
      label: `${name} to the upper end of its piece`,
      form: sum(...upper, top, [constantForm(1n), -1n], [quantity, -1n]),
      range,
    },
  ];
}

/** One asset in the scan: its whole lots, what is left over, and what a lot more would lack. */
function scanned({ find, at, sum }: Signals, asset: number, lot: Form): Entry[] {
  // Of the names of one wire simplification keeps one.
  const one = (...names: readonly string[]) => names.map(find).find((form) => form !== undefined) ?? at(names[0]!);
  const weighted = one(`haircut[${asset}].weightedLotsBps`, `scanned[${asset}].weightedLotsBps`);
  const covered = at(`scanned[${asset}].covered`);
  const range = unsignedBits(bitLength(BPS << BigInt(BITS.quantity)));
  return [
    {
      label: `scanned[${asset}].whole`,
      form: one(`scanned[${asset}].whole`, `held[0].scanned[${asset}]`),
      range: unsignedBits(BITS.scanned),
    },
    { label: `scanned[${asset}] left over`, form: sum([weighted, 1n], [covered, -1n]), range },
    {
      label: `scanned[${asset}] lacking`,
      form: sum([lot, BPS], [constantForm(1n), -1n], [weighted, -1n], [covered, 1n]),
      range,
    },
  ];
}

/** One netting set: its scan, the gaps, what it is marked at, its delta and vega and what of each is over its threshold. */
function nettingSet({ find, at, sum, over }: Signals, block: number, of: Dimensions, cash: Form): Entry[] {
  const bits = bitLength(columnSum((block + 1) * (of.instruments / of.blocks) + of.assets));
  const stride = (places: number) => 1n << (WIDE_STRIDE * BigInt(places));
  const column = (index: number): Form => {
    const found = find(`set[${block}].column[${index}]`);
    if (found !== undefined) return found;
    if (index === of.scenarios) {
      // Of what is owned simplification keeps the whole, and takes the mark of the last set away.
      const others = () => upTo(of.blocks - 1).map((other) => [at(`setMark[${other}]`), -1n] as const);
      return find(`set[${block}].markValue`) ?? sum([at("owned"), 1n], [cash, -1n], ...others());
    }
    // The last column of a packed element is what the others leave of it.
    const place = index % WIDE_PER_ELEMENT;
    const others = upTo(place).map((lower) => [column(index - place + lower), -stride(lower)] as const);
    const element = Math.floor(index / WIDE_PER_ELEMENT);
    return over(sum([at(`run[${block}][${element}]`), 1n], ...others), stride(place));
  };
  const name = (signal: string) => `set[${block}].${signal}`;
  const scan = at(name("scan"));
  return [
    { label: name("scan"), form: scan, range: unsignedBits(bits) },
    ...upTo(of.scenarios).map((index) => ({
      label: name(`scan + column[${index}]`),
      form: sum([scan, 1n], [column(index), 1n]),
      range: unsignedBits(bits + 1),
    })),
    { label: name("markValue"), form: column(of.scenarios), range: signedBits(bits + 1) },
    ...["delta", "vega"].flatMap((charged, index) => [
      { label: name(charged), form: column(of.scenarios + 1 + index), range: signedBits(bits + 1) },
      { label: name(`${charged} over`), form: at(name(`excess[${index}].over`)), range: signedBits(bits + 1) },
    ]),
  ];
}

/** The names of an account's holdings among a circuit's signals. */
interface HoldingNames {
  readonly positions: string;
  readonly collateral: string;
  readonly cash: string;
}

/** What `Worth` checks of one account: its holdings, what of collateral is scanned, its netting sets, what it owns. */
function worth(s: Signals, component: string, held: HoldingNames, of: Dimensions): Entry[] {
  const inner = s.within(component);
  return [
    ...upTo(of.instruments).map((row) => ({
      label: `${held.positions}[${row}]`,
      form: s.at(`${held.positions}[${row}]`),
      range: signedBits(BITS.position),
    })),
    ...upTo(of.assets).flatMap((asset) => {
      const name = `${held.collateral}[${asset}]`;
      return haircut(inner, asset, [name, s.at(name)], of);
    }),
    ...upTo(of.assets).flatMap((asset) => scanned(inner, asset, s.at(`policy[${asset}][${3 * of.tiers}]`))),
    { label: held.cash, form: s.at(held.cash), range: signedBits(BITS.cash) },
    ...upTo(of.blocks).flatMap((block) => nettingSet(inner, block, of, s.at(held.cash))),
    {
      label: "owned",
      form: owned(s, component, held, of),
      range: signedBits(bitLength(largestOwned(of.instruments)) + 1),
    },
  ];
}

/** Cash and positions at their marks. */
const owned = (s: Signals, component: string, { cash }: HoldingNames, of: Dimensions): Form => {
  const inner = s.within(component);
  const marks = () => upTo(of.blocks).map((block) => [inner.at(`setMark[${block}]`), 1n] as const);
  return inner.find("owned") ?? s.sum([s.at(cash), 1n], ...marks());
};

/** Equity, of which simplification may keep the whole and take a part away. */
const equity = (s: Signals, component: string, held: HoldingNames, of: Dimensions): Form => {
  const inner = s.within(component);
  const values = () => upTo(of.assets).map((asset) => [inner.at(`value[${asset}]`), 1n] as const);
  return (
    inner.find("equity") ?? s.find("Coverage.equity") ?? s.sum(...values(), [owned(s, component, held, of), E6_TO_E20])
  );
};

const labelled = (whose: string, entries: readonly Entry[]) =>
  entries.map((entry) => ({ ...entry, label: `${whose}: ${entry.label}` }));

/** What a lot is held to: both accounts, its terms, what it takes, levels, discount and size. */
function lot(s: Signals, of: Dimensions): Entry[] {
  const { at, sum } = s;
  const [held, after] = [0, 1].map(
    (index): HoldingNames => ({
      positions: `positions[${index}]`,
      collateral: `collateral[${index}]`,
      cash: `cash[${index}]`,
    }),
  ) as [HoldingNames, HoldingNames];
  const closeOut = sum([constantForm(1n), 1n], [at("slice"), -1n]);
  // What the other terms leave.
  const discount = s.over(
    sum(
      [at("terms"), 1n],
      [closeOut, -1n],
      [at("levels.evidence"), -2n],
      [at("levels.target"), -2n << BigInt(BITS.level)],
    ),
    2n << BigInt(2 * BITS.level),
  );
  const level = unsignedBits(BITS.level);
  const surplus = unsignedBits(bitLength(largestSurplus(of)));
  const freed = sum([at("account[0].maintenance"), 1n], [at("account[1].maintenance"), -1n]);
  const inSize = unsignedBits(bitLength(E6_TO_E16 * unsigned(BITS.size)));
  const size = sum(...upTo(BITS.size).map((bit) => [at(`sized.bits[${bit}]`), 1n << BigInt(bit)] as const));
  const tolerance = s.over(sum([at("size"), 1n], [size, -1n]), 1n << BigInt(BITS.size));
  const [ownedHeld, ownedAfter] = [held, after].map((names, index) => owned(s, `account[${index}]`, names, of));
  const over = sum(
    ...upTo(of.assets).map((asset) => [at(`paid[${asset}]`), 1n] as const),
    [ownedHeld!, E6_TO_E16],
    [ownedAfter!, -E6_TO_E16],
    [size, -E6_TO_E16],
  );
  return [
    ...labelled("held", worth(s, "account[0]", held, of)),
    ...labelled("after", worth(s, "account[1]", after, of)),
    { label: "evidence", form: at("levels.evidence"), range: level },
    { label: "target", form: at("levels.target"), range: level },
    { label: "discount", form: discount, range: level },
    // Its lowest digit is the kind.
    { label: "part", form: at("part"), range: [1n, 1n << BigInt(PART_BITS)] },
    ...(["positions", "collateral"] as const).flatMap((kind) =>
      upTo(kind === "positions" ? of.instruments : of.assets).map((place) => ({
        label: `${kind}[${place}] given over its part`,
        form: sum(
          [at(`${kind}[0][${place}]`), 1n << BigInt(PART_BITS)],
          [at(`${kind}[1][${place}]`), -1n << BigInt(PART_BITS)],
          [at(`${kind === "positions" ? "portion" : "sold"}[${place}].share`), -1n],
        ),
        range: signedBits(PART_BITS),
      })),
    ),
    { label: "level", form: at("level"), range: level },
    { label: "evidence above level", form: sum([at("levels.evidence"), 1n], [at("level"), -1n]), range: level },
    {
      label: "below",
      form: sum(
        [at("levels.required"), MARGIN_LEVEL_TO_E20],
        [equity(s, "account[0]", held, of), -1n],
        [constantForm(1n), -1n],
      ),
      range: surplus,
    },
    { label: "above", form: at("levels.above"), range: surplus },
    { label: "under", form: at("levels.under"), range: surplus },
    { label: "freed", form: freed, range: unsignedBits(bitLength(largestMargin(of))) },
    {
      label: "discount offered",
      form: sum(
        [at("offer.offered"), MARGIN_LEVEL_TO_E20],
        [at("offer.more"), -1n],
        [equity(s, "account[0]", held, of), -1n],
        [equity(s, "account[1]", after, of), 1n],
      ),
      range: signedBits(DISCOUNT_SLACK_BITS + 1),
    },
    { label: "size", form: at("size"), range: unsignedBits(2 * BITS.size) },
    { label: "worth over size", form: over, range: inSize },
    { label: "worth under size and tolerance", form: sum([tolerance, E6_TO_E16], [over, -1n]), range: inSize },
  ];
}

const AFTER: HoldingNames = { positions: "positionsAfter", collateral: "collateralAfter", cash: "cashAfter" };

const EXPECTED: Readonly<Record<FamilyName, (s: Signals, of: Dimensions) => Entry[]>> = {
  account: (s, of) => {
    const { at, sum } = s;
    const surplus = sum(
      [equity(s, "worth", AFTER, of), 1n],
      [at("Coverage.required"), -MARGIN_LEVEL_TO_E20],
      [at("Coverage.flipped"), 1n],
    );
    return [
      ...worth(s, "worth", AFTER, of),
      { label: "transfer", form: at("transfer"), range: unsignedBits(BITS.transfer + 4) },
      { label: "level", form: at("level"), range: unsignedBits(BITS.level) },
      { label: "side", form: at("side"), values: [-1n, 1n] },
      {
        label: "below",
        form: sum([at("terms"), 1n], [at("level"), -1n], [at("side"), 1n << BigInt(BITS.level)]),
        values: [1n << BigInt(BITS.level), 2n << BigInt(BITS.level)],
      },
      {
        label: "key",
        form: sum([at("blindingAfter"), 1n], [at("blindingBefore"), -1n], [constantForm(1n), -1n]),
        range: unsignedBits(250),
      },
      { label: "surplus", form: surplus, range: unsignedBits(bitLength(largestSurplus(of))) },
    ];
  },
  settlement: ({ find, at, sum }, of) => [
    ...upTo(of.instruments).flatMap((row) => [
      { label: `positionsBefore[${row}]`, form: at(`positionsBefore[${row}]`), range: signedBits(BITS.position) },
      { label: `marks[${row}][0]`, form: at(`marks[${row}][0]`), values: BINARY },
    ]),
    {
      label: "cashAfter",
      form:
        find("cashAfter") ??
        sum([at("cashBefore"), 1n], ...upTo(of.instruments).map((row) => [at(`expiry.paidFor[${row}]`), 1n] as const)),
      range: signedBits(BITS.cash),
    },
  ],
  merge: ({ at }, of) =>
    ["Left", "Right"].flatMap((side) => [
      ...upTo(of.instruments).map((row) => ({
        label: `positions${side}[${row}]`,
        form: at(`positions${side}[${row}]`),
        range: signedBits(BITS.position),
      })),
      ...upTo(of.assets).map((asset) => ({
        label: `collateral${side}[${asset}]`,
        form: at(`collateral${side}[${asset}]`),
        range: unsignedBits(BITS.quantity),
      })),
      { label: `cash${side}`, form: at(`cash${side}`), range: signedBits(BITS.cash) },
    ]),
  disclosure: (s, of) => [
    ...upTo(of.instruments).map((row) => ({
      label: `positions[${row}]`,
      form: s.at(`positions[${row}]`),
      range: signedBits(BITS.position),
    })),
    ...upTo(of.assets).flatMap((asset) => {
      const name = `collateral[${asset}]`;
      return haircut(s, asset, [name, s.at(name)], of);
    }),
    { label: "cash", form: s.at("cash"), range: signedBits(BITS.cash) },
    { label: "simulated", form: s.at("simulated"), values: BINARY },
    ...["aboveLow", "belowHigh"].map((end) => ({
      label: end,
      form: s.at(end),
      range: unsignedBits(bandBits(of)),
    })),
  ],
  round: (s, of) => [
    ...members(s, "After", of),
    { label: "level", form: s.at("level"), range: unsignedBits(BITS.level) },
  ],
  book: (s, of) => [
    ...members(s, "", of),
    ...upTo(of.members!).map((member) => ({ label: `used[${member}]`, form: s.at(`used[${member}]`), values: BINARY })),
    { label: "level", form: s.at("level"), range: unsignedBits(BITS.level) },
    {
      label: "steps before",
      form: s.over(s.at(`totals[${bookTotals(of) - 1}]`), BigInt(of.members!)),
      range: [0n, BigInt(BOOK_LEAVES / of.members!) - 1n],
    },
  ],
  lot,
};

/** Elements of the totals of a book; the count is the last. */
const bookTotals = ({ instruments, assets }: Dimensions): number =>
  Math.ceil(instruments / TOTALS_PER_ELEMENT) + Math.ceil(assets / WIDE_PER_ELEMENT) + 2;

/** What each member of a round or a book is held to. */
function members(s: Signals, suffix: string, of: Dimensions): Entry[] {
  return upTo(of.members!).flatMap((member) => {
    const held = {
      positions: `positions${suffix}[${member}]`,
      collateral: `collateral${suffix}[${member}]`,
      cash: `cash${suffix}[${member}]`,
    };
    const component = `member[${member}].covered.worth`;
    const verdict = s.within(`member[${member}].covered.AtLeast`);
    const surplus = s.sum(
      // Of the two names of one wire simplification keeps either.
      [verdict.find("equity") ?? equity(s, component, held, of), 1n],
      [verdict.at("required"), -MARGIN_LEVEL_TO_E20],
    );
    const range = unsignedBits(bitLength(largestSurplus(of)));
    const entries = [...worth(s, component, held, of), { label: "surplus", form: surplus, range }];
    return entries.map((entry) => ({ ...entry, label: `member ${member}: ${entry.label}` }));
  });
}

/** How many range checks and flags a circuit has. */
export const COUNTS: Readonly<Record<FamilyName, (of: Dimensions) => number>> = {
  // A haircut has a flag for each piece and two ends; an asset in the scan lots, what is left over and what is lacking; a
  // netting set a scan, gaps, mark, and delta and vega with the excess of each; then cash, transfer, level, side, direction,
  // what is owned, the key and surplus.
  account: ({ instruments, assets, tiers, scenarios, blocks }) =>
    instruments + assets * (tiers + 6) + blocks * (scenarios + 6) + 8,
  settlement: ({ instruments }) => 2 * instruments + 1,
  merge: ({ instruments, assets }) => 2 * (instruments + assets + 1),
  // Cash, the flag of the branch, two ends of the band.
  disclosure: ({ instruments, assets, tiers }) => instruments + assets * (tiers + 3) + 4,
  // Of each member as of an account, without transfer, side, direction and key; then the level.
  round: ({ instruments, assets, tiers, scenarios, blocks, members }) =>
    members! * (instruments + assets * (tiers + 6) + blocks * (scenarios + 6) + 3) + 1,
  // Then whether each is used, and the count.
  book: ({ instruments, assets, tiers, scenarios, blocks, members }) =>
    members! * (instruments + assets * (tiers + 6) + blocks * (scenarios + 6) + 4) + 2,
  // Two accounts with cash and what is owned; the part, and what is given of each position and asset; three of the terms; level
  // and what is left to the evidence, three surpluses, margin freed, discount; size, and both ends of the worth.
  lot: ({ instruments, assets, tiers, scenarios, blocks }) =>
    2 * (instruments + assets * (tiers + 6) + blocks * (scenarios + 6) + 2) + instruments + assets + 14,
};

/** What the constraints hold, against what the ledger says that they must. */
export interface Ledger {
  /** A sentence for each range check or flag that is missing, has another range, or is not in the ledger. */
  readonly faults: readonly string[];
  /** Every range check and flag that is as it must be, by its label. */
  readonly held: ReadonlyMap<string, RangeCheck | undefined>;
  /** The label of the range check or flag that a constraint belongs to. */
  labelOf(constraint: number): string | undefined;
}

export function ledgerOf(family: FamilyName, of: Dimensions, r1cs: R1cs, symbols: Symbols): Ledger {
  const { mod, signed, scale, inverse } = field(r1cs.prime);
  const text = ({ atoms, values }: Form) => atoms.map((atom, index) => `${atom}:${values[index]}`).join();
  const pair = (values: readonly bigint[]) => [...values].sort((x, y) => (x < y ? -1 : 1)).join(" to ");
  const name = ({ atoms }: Form) =>
    `${atoms.slice(0, 4).map(symbols.nameOf).join(", ")}${atoms.length > 4 ? " and others" : ""}`;

  interface Found {
    readonly values: string;
    readonly name: string;
    readonly constraints: readonly number[];
    readonly check?: RangeCheck;
  }
  const found = new Map<string, Found[]>();
  const put = (key: string, one: Found) => {
    const list = found.get(key);
    if (list === undefined) found.set(key, [one]);
    else list.push(one);
  };
  const { checks, flags } = rangesOf(r1cs);
  for (const check of checks) {
    const constraints = check.digits.map(({ constraint }) => constraint);
    put(`range ${text(check.form)}`, {
      values: pair([check.low, check.high]),
      name: name(check.form),
      constraints,
      check,
    });
  }
  for (const { form, roots, constraint } of flags) {
    put(`flag ${text(form)}`, { values: pair(roots), name: name(form), constraints: [constraint] });
  }

  const faults: string[] = [];
  const held = new Map<string, RangeCheck | undefined>();
  const labels = new Map<number, string>();
  for (const { label, form, range, values } of EXPECTED[family](signals(r1cs, symbols), of)) {
    let key: string;
    let wanted: string;
    if (range !== undefined) {
      const sign = signed(form.values[0]!) < 0n ? -1n : 1n;
      const constant = signed(form.constant);
      key = `range ${text(scale(form, sign))}`;
      wanted = pair(range.map((end) => sign * (end - constant)));
    } else {
      const unit = inverse(form.values[0]!);
      key = `flag ${text(scale(form, unit))}`;
      wanted = pair(values!.map((value) => mod((value - form.constant) * unit)));
    }
    const candidates = found.get(key) ?? [];
    const at = candidates.findIndex(({ values }) => values === wanted);
    if (at < 0) {
      const other = candidates.shift();
      faults.push(
        other ? `${label} is held to ${other.values}, not to ${wanted}` : `${label} is not held to ${wanted}`,
      );
      continue;
    }
    const [{ constraints, check }] = candidates.splice(at, 1) as [Found];
    held.set(label, check);
    for (const constraint of constraints) labels.set(constraint, label);
  }
  for (const { name, values } of [...found.values()].flat())
    faults.push(`${name} is held to ${values}, which is not in the ledger`);
  return { faults, held, labelOf: (constraint) => labels.get(constraint) };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Bugs to seed into the circuits: the public classes of circuit bugs, and those that a circuit of this shape invites.
 *
 * Each is one mistake, an edit or two of the sources; every `find` occurs exactly once in its file. `caughtBy` lists the
 * detectors that see it, all of them: a detector that stops seeing one, or starts to, is a change to look at.
 */
import type { Detector } from "../lab/attack.ts";

export const BUG_CLASSES = [
  "missing range check",
  "wrong width",
  "aliasing",
  "hint without constraint",
  "assertion for constraint",
  "public input unbound",
  "output unbound",
  "wrong arithmetic",
  "multiplied by zero",
  "packing",
  "maximum",
  "selection",
  "replay",
] as const;

export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Bug {
  readonly id: string;
  readonly class: (typeof BUG_CLASSES)[number];
  /** What a prover gains, or an honest one loses. */
  readonly says: string;
  readonly edits: readonly Edit[];
  readonly caughtBy: readonly Detector[];
}

const bug = (
  id: string,
  kind: Bug["class"],
  says: string,
  file: string,
  find: string,
  replace: string,
  caughtBy: readonly Detector[],
): Bug => ({ id, class: kind, says, edits: [{ file, find, replace }], caughtBy });

const ACCOUNT = "account.circom";
const HAIRCUT = "lib/haircut.circom";
const NETTING = "lib/netting.circom";
const POSITIONS = "lib/positions.circom";
const RANGE = "lib/range.circom";
const COVERAGE = "lib/coverage.circom";
const TRANSFER = "lib/transfer.circom";
const TRANSITION = "lib/transition.circom";
const COMMITMENT = "lib/commitment.circom";
const PACKING = "lib/packing.circom";

export const BUGS: readonly Bug[] = [
  // ---- Ranges and widths
  bug(
    "tier-lower-bound",
    "missing range check",
    "a quantity counts on a tier above its own",
    HAIRCUT,
    "_ <== Unsigned(64)(quantity - lower);",
    "",
    ["hostile", "alternatives", "uniqueness", "ledger"],
  ),
  bug(
    "tier-upper-bound",
    "missing range check",
    "a quantity counts on a tier below its own, with its higher weight",
    HAIRCUT,
    "_ <== Unsigned(64)(upper - 1 - quantity);",
    "",
    ["hostile", "alternatives", "uniqueness", "ledger"],
  ),
  bug(
    "tier-upper-bound-inclusive",
    "wrong width",
    "a quantity on a boundary lies on two tiers",
    HAIRCUT,
    "_ <== Unsigned(64)(upper - 1 - quantity);",
    "_ <== Unsigned(64)(upper - quantity);",
    ["model", "hostile", "uniqueness"],
  ),
  bug(
    "position-range",
    "wrong width",
    "a position of 2^31 lots and more",
    POSITIONS,
    "checked[j] = Signed(32);",
    "checked[j] = Signed(40);",
    ["hostile", "ledger"],
  ),
  bug(
    "position-range-of-another",
    "missing range check",
    "only the first position of a block is checked",
    POSITIONS,
    "checked[j].x <== lots[j];",
    "checked[j].x <== lots[0];",
    ["model"],
  ),
  bug(
    "cash-range",
    "missing range check",
    "cash beyond 64 bits",
    ACCOUNT,
    "(cash, _) <== Signed(64)(cashAfter);",
    "cash.maxbit = 63; cash <== cashAfter;",
    ["hostile", "ledger"],
  ),
  bug(
    "scan-range",
    "missing range check",
    "a negative scan where no scenario loses",
    NETTING,
    "_ <== Unsigned(SUM_BITS)(scan);",
    "",
    ["hostile", "uniqueness", "ledger"],
  ),
  bug(
    "mark-range",
    "missing range check",
    "the mark of a set carries into its delta",
    NETTING,
    "(markValue, _) <== Signed(WIDTH)(column[SCENARIOS]);",
    "markValue <== column[SCENARIOS];",
    ["hostile", "alternatives", "uniqueness", "ledger"],
  ),
  bug(
    "verdict-too-narrow",
    "wrong width",
    "accounts with a large surplus have no proof",
    ACCOUNT,
    "Coverage(bitLength(maxSurplus(INSTRUMENTS, ASSETS)))",
    "Coverage(100)",
    ["model", "ledger"],
  ),
  {
    id: "verdict-aliases",
    class: "aliasing",
    says: "a negative surplus, read as a field element, fits 254 bits: every verdict is true",
    edits: [
      { file: ACCOUNT, find: "Coverage(bitLength(maxSurplus(INSTRUMENTS, ASSETS)))", replace: "Coverage(254)" },
      { file: RANGE, find: "assert(BITS > 0 && BITS <= 252);", replace: "" },
    ],
    caughtBy: ["model", "hostile", "uniqueness", "ledger"],
  },
  {
    id: "digits-alias",
    class: "aliasing",
    says: "a scan has two readings in 254 bits, so the check holds of any field element",
    edits: [
      { file: NETTING, find: "_ <== Unsigned(SUM_BITS)(scan);", replace: "_ <== Unsigned(254)(scan);" },
      { file: RANGE, find: "assert(BITS > 0 && BITS <= 252);", replace: "" },
    ],
    caughtBy: ["hostile", "uniqueness", "ledger"],
  },
  bug(
    "digits-not-binary",
    "missing range check",
    "digits of any size: no range holds",
    RANGE,
    "bits[i] * (bits[i] - 1) === 0;",
    "",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug("digits-not-summed", "output unbound", "digits of another number", RANGE, "sum === x;", "", [
    "model",
    "hostile",
    "alternatives",
    "uniqueness",
  ]),
  bug(
    "level-unchecked",
    "hint without constraint",
    "the level is the prover's choice",
    COVERAGE,
    "level <== sum;",
    "level <-- sum;",
    ["alternatives", "uniqueness"],
  ),
  bug(
    "transfer-range",
    "missing range check",
    "the transfer's digits are not those of the public word",
    TRANSFER,
    "signal bits[AMOUNT_BITS + 4] <== ToBits(AMOUNT_BITS + 4)(transfer);",
    "signal bits[AMOUNT_BITS + 4]; for (var i = 0; i < AMOUNT_BITS + 4; i++) { bits[i] <-- (transfer >> i) & 1; bits[i] * (bits[i] - 1) === 0; }",
    ["hostile", "uniqueness", "ledger"],
  ),

  // ---- Selection of a tier
  bug("two-tiers", "selection", "several tiers at once, or none: their values add up", HAIRCUT, "count === 1;", "", [
    "hostile",
    "alternatives",
    "uniqueness",
  ]),
  bug(
    "fractional-tiers",
    "selection",
    "tiers with weights of any size that add up to one",
    HAIRCUT,
    "selected[t] * (selected[t] - 1) === 0;",
    "",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug(
    "tier-shifted",
    "wrong arithmetic",
    "each tier has the intercept of the next",
    HAIRCUT,
    "line += intercept[t - 1];",
    "line += intercept[t < TIERS ? t : t - 1];",
    ["model"],
  ),

  // ---- The maximum and the unpacking
  bug(
    "padded-maximum",
    "maximum",
    "a margin padded until an honest account is liquidated",
    NETTING,
    "nonZero[SCENARIOS - 1] === 0;",
    "",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug(
    "understated-maximum",
    "maximum",
    "a loss above the scan",
    NETTING,
    "_ <== Unsigned(WIDTH)(scan + column[k]);",
    "",
    ["hostile", "alternatives", "uniqueness", "ledger"],
  ),
  bug(
    "maximum-without-floor",
    "maximum",
    "where no scenario loses there is no proof",
    NETTING,
    "nonZero[k] <== scan * (scan + column[k]);",
    "nonZero[k] <== scan + column[k];",
    ["model"],
  ),
  bug(
    "maximum-of-some",
    "maximum",
    "the scan may not be the last scenario's loss",
    NETTING,
    "nonZero[SCENARIOS - 1] === 0;",
    "nonZero[SCENARIOS - 2] === 0;",
    ["model"],
  ),
  bug("unpacking-unbound", "packing", "columns that are not those of the sums", NETTING, "packed === sums[e];", "", [
    "hostile",
    "alternatives",
    "uniqueness",
  ]),
  {
    id: "packed-carry",
    class: "packing",
    says: "gaps wider than the stride: one column pays for its neighbour",
    edits: [
      { file: NETTING, find: "var WIDTH = SUM_BITS + 1;", replace: "var WIDTH = SUM_BITS + 12;" },
      { file: NETTING, find: "assert(WIDTH < wideStride());", replace: "" },
    ],
    caughtBy: ["hostile", "alternatives", "uniqueness", "ledger"],
  },
  {
    id: "position-stride",
    class: "packing",
    says: "neighbouring positions overlap: lots move between instruments",
    edits: [
      {
        file: PACKING,
        find: "function positionStride() { return 36; }",
        replace: "function positionStride() { return 30; }",
      },
      { file: PACKING, find: "assert(pieces.maxbit + 3 <= STRIDE);", replace: "" },
    ],
    caughtBy: ["model"],
  },

  // ---- Netting sets
  bug(
    "continuation-ignored",
    "wrong arithmetic",
    "offsetting blocks are margined apart",
    ACCOUNT,
    "carried[b][k] <== blocks[b][2] * run[b - 1][k];",
    "carried[b][k] <== 0;",
    ["model"],
  ),
  bug(
    "continuation-of-another",
    "wrong arithmetic",
    "a set ends at the wrong block",
    ACCOUNT,
    "ends -= blocks[b + 1][2];",
    "ends -= blocks[b][2];",
    ["model"],
  ),
  bug(
    "continuation-hinted",
    "hint without constraint",
    "sums from nowhere join a netting set",
    ACCOUNT,
    "carried[b][k] <== blocks[b][2] * run[b - 1][k];",
    "carried[b][k] <-- blocks[b][2] * run[b - 1][k];",
    ["alternatives", "uniqueness"],
  ),
  bug(
    "first-block-carries",
    "hint without constraint",
    "sums from nowhere join the first set",
    ACCOUNT,
    "carried[b][k] <== 0;",
    "carried[b][k] <-- 0;",
    ["uniqueness"],
  ),
  bug(
    "last-set-forgotten",
    "wrong arithmetic",
    "the margin of the last set is not counted",
    ACCOUNT,
    "if (b < BLOCKS - 1) {",
    "if (b == BLOCKS - 1) { ends = 0; } else {",
    ["model"],
  ),

  // ---- Charges and liquidity
  bug(
    "charge-of-the-other-side",
    "wrong arithmetic",
    "a short position pays a long one's charge",
    POSITIONS,
    "chargeOf[j] <== lots[j] * (rate[j] - rows[j][PACKED + 1]);",
    "chargeOf[j] <== lots[j] * (rate[j] - rows[j][PACKED]);",
    ["model", "hostile"],
  ),
  {
    id: "charge-divided",
    class: "multiplied by zero",
    says: "an instrument without position has any charge, a negative one too",
    edits: [
      {
        file: POSITIONS,
        find: "signal chargeOf[ROWS];",
        replace: "signal chargeOf[ROWS]; signal squared[ROWS]; signal due[ROWS];",
      },
      {
        file: POSITIONS,
        find: "chargeOf[j] <== lots[j] * (rate[j] - rows[j][PACKED + 1]);",
        replace:
          "chargeOf[j] <-- lots[j] * (rate[j] - rows[j][PACKED + 1]); squared[j] <== lots[j] * lots[j]; due[j] <== squared[j] * (rate[j] - rows[j][PACKED + 1]); chargeOf[j] * lots[j] === due[j];",
      },
    ],
    caughtBy: ["alternatives", "uniqueness"],
  },
  bug(
    "liquidity-sign",
    "wrong arithmetic",
    "only short books pay for liquidity",
    NETTING,
    "signal absolute <== delta * (2 * isLong - 1);",
    "signal absolute <== delta * (1 - 2 * isLong);",
    ["model"],
  ),
  bug(
    "liquidity-sign-hinted",
    "hint without constraint",
    "the sign of delta is the prover's choice",
    NETTING,
    "(delta, isLong) <== Signed(WIDTH)(column[SCENARIOS + 1]);",
    "(delta, _) <== Signed(WIDTH)(column[SCENARIOS + 1]); isLong <-- delta >= 0 ? 1 : 0; isLong * (isLong - 1) === 0;",
    ["alternatives", "uniqueness"],
  ),
  bug(
    "liquidity-unfloored",
    "wrong arithmetic",
    "delta below the threshold earns a discount",
    NETTING,
    "signal excess <== over * isOver;",
    "signal excess <== over; _ <== isOver;",
    ["model"],
  ),

  // ---- The verdict
  bug(
    "direction-ignored",
    "public input unbound",
    "`below` proves `at least`",
    COVERAGE,
    "signal flipped <== below * (-2 * surplus - 1);",
    "signal flipped <== 0; _ <== below;",
    ["model", "hostile"],
  ),
  bug(
    "direction-hinted",
    "hint without constraint",
    "the direction is the prover's choice",
    COVERAGE,
    "below <== bits[20];",
    "below <-- bits[20];",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug(
    "complement-inexact",
    "wrong arithmetic",
    "an account exactly at the level is both above and below it",
    COVERAGE,
    "-2 * surplus - 1",
    "-2 * surplus",
    ["model"],
  ),
  bug(
    "margin-in-other-units",
    "wrong arithmetic",
    "charges count a ten-thousandth",
    ACCOUNT,
    "var margin = 10000 * charge;",
    "var margin = charge;",
    ["model"],
  ),
  bug("equity-without-debt", "wrong arithmetic", "marks count, cash does not", ACCOUNT, "(cashAfter + mark)", "mark", [
    "model",
    "hostile",
  ]),

  // ---- The transition
  bug(
    "side-ignored",
    "public input unbound",
    "both sides of a fill gain",
    TRANSITION,
    "applied[e] <== side * filled.elements[e];",
    "applied[e] <== filled.elements[e]; _ <== side;",
    ["model", "hostile"],
  ),
  bug(
    "side-hinted",
    "hint without constraint",
    "a fill counts any number of times",
    COVERAGE,
    "side <== 1 - 2 * bits[21];",
    "side <-- 1 - 2 * bits[21];",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug(
    "before-is-after",
    "wrong arithmetic",
    "nothing moves between the states",
    TRANSITION,
    "before.elements[e] <== after.elements[e] - applied[e] - moved;",
    "before.elements[e] <== after.elements[e]; _ <== moved;",
    ["model"],
  ),
  bug(
    "fill-hinted",
    "hint without constraint",
    "what is applied is not the fill",
    TRANSITION,
    "applied[e] <== side * filled.elements[e];",
    "applied[e] <-- side * filled.elements[e];",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug(
    "transfer-to-the-next-asset",
    "wrong arithmetic",
    "a deposit of a cheap asset credits a dear one",
    TRANSFER,
    "isAsset[e * widePerElement() + i] *",
    "isAsset[(e * widePerElement() + i + 1) % ASSETS] *",
    ["model"],
  ),
  bug(
    "transfer-without-cash",
    "wrong arithmetic",
    "withdrawn cash stays in the account",
    TRANSITION,
    "moved = transferCash;",
    "",
    ["model"],
  ),
  bug(
    "one-hot-hinted",
    "hint without constraint",
    "a transfer credits any asset",
    TRANSFER,
    "isAsset[a] <== half[0][a % 4] * half[1][a \\ 4];",
    "isAsset[a] <-- half[0][a % 4] * half[1][a \\ 4]; isAsset[a] * (isAsset[a] - 1) === 0;",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug(
    "blinding-rule-dropped",
    "replay",
    "the viewing key can be changed: the operator loses sight of the account",
    TRANSITION,
    "blindingBefore * (blindingAfter - blindingBefore - 1) === 0;",
    "",
    ["hostile"],
  ),
  bug(
    "blinding-wraps",
    "replay",
    "a key just below r is counted back to zero, from where it can be set anew",
    TRANSITION,
    "blindingAfter * inverse === 1;",
    "",
    ["hostile", "alternatives", "uniqueness"],
  ),
  bug(
    "sequence-may-stand",
    "replay",
    "a state can follow itself: a proof can be replayed",
    TRANSITION,
    "blindingBefore * (blindingAfter - blindingBefore - 1) === 0;",
    "signal steps <== (blindingAfter - blindingBefore) * (blindingAfter - blindingBefore - 1); blindingBefore * steps === 0;",
    ["hostile"],
  ),

  // ---- Bindings
  bug(
    "fill-unbound",
    "output unbound",
    "the two sides of a trade apply different fills",
    ACCOUNT,
    "filled === fill;",
    "",
    ["hostile", "alternatives"],
  ),
  bug(
    "before-asserted",
    "assertion for constraint",
    "any account is the one before",
    ACCOUNT,
    "before === stateBefore;",
    "assert(before == stateBefore);",
    ["hostile", "alternatives"],
  ),
  bug(
    "after-unbound",
    "output unbound",
    "the account proved is not the account committed to",
    ACCOUNT,
    "after === stateAfter;",
    "",
    ["hostile", "alternatives"],
  ),
  bug(
    "context-unused",
    "public input unbound",
    "a finished proof is used for another call",
    ACCOUNT,
    "signal contextSquared <== context * context;",
    "",
    ["hostile"],
  ),
  bug(
    "context-linear",
    "public input unbound",
    "a linear use is simplified away: a finished proof is used for another call",
    ACCOUNT,
    "signal contextSquared <== context * context;",
    "signal contextSquared <== context;",
    ["hostile"],
  ),
  bug(
    "purposes-alike",
    "output unbound",
    "a fill can be passed for a state",
    COMMITMENT,
    "function purposeFill() { return 2; }",
    "function purposeFill() { return 1; }",
    ["model"],
  ),
  bug(
    "sponge-restarts",
    "output unbound",
    "a commitment binds only its last elements",
    COMMITMENT,
    "absorb[b].initialState <== absorb[b - 1].out[0];",
    "absorb[b].initialState <== PURPOSE * 65536 + INSTRUMENTS;",
    ["model"],
  ),
  bug(
    "padding-free",
    "hint without constraint",
    "the padding of a commitment is the prover's choice",
    COMMITMENT,
    "absorb[b].inputs[i] <== 0;",
    "absorb[b].inputs[i] <-- 0;",
    ["alternatives", "uniqueness"],
  ),
  bug(
    "price-unused",
    "public input unbound",
    "collateral counts whatever its price",
    ACCOUNT,
    "value[a] <== prices[a] * haircut[a].weightedLotsBps;",
    "value[a] <-- prices[a] * haircut[a].weightedLotsBps;",
    ["hostile", "alternatives", "uniqueness"],
  ),
];

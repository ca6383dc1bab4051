// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "ledger.circom";

// What a commitment is of, besides those of commitment.circom.
function purposeLotBlinding() { return 4; }

// What a lot is held to. Equity, cost 1e-20; margin 1e-10; cash, size, tolerance 1e-6; levels and discount basis points.

// Bits of how far a lot's cost may be from its discount, 1e-20: two millionths of cash and the margin on them are always less.
function discountSlackBits() { return 48; }
// Bits of what a part is counted in: a whole is 2^32.
function partBits() { return 32; }
// Bits of a lot's size, and of the tolerance.
function sizeBits() { return 64; }

/// Reads the public terms of a lot, `closeOut + 2 * evidence + 2^21 * target + 2^41 * discount`.
/// Inputs     terms     public; its range is enforced here
/// Outputs    evidence, target, discount  basis points
///            closeOut  1: a close-out; 0: a slice
template ReadLotTerms() {
    signal input terms;
    signal output evidence;
    signal output target;
    signal output discount;
    signal output {binary} closeOut;

    signal bits[61] <== ToBits(61)(terms);
    var sum[3] = [0, 0, 0];
    for (var i = 0; i < 60; i++) {
        sum[i \ 20] += bits[1 + i] * (1 << (i % 20));
    }
    evidence <== sum[0];
    target <== sum[1];
    discount <== sum[2];
    closeOut <== bits[0];
}

/// Enforces that the account was below the evidence level, and that a slice brings it up, and not above its target: a level
/// of whole basis points, at most the evidence, lies above coverage before and not above coverage after.
/// Params     BITS   of the largest absolute value of equity - 10^6 * level * margin
/// Inputs     level  private; range enforced here
///            evidence, target  20 bits
///            slice  1: a slice; 0: a close-out, which is held to the evidence alone
///            equity, margin  before and after; bounded by construction
template LotLevels(BITS) {
    signal input level;
    signal input evidence;
    signal input target;
    signal input slice;
    signal input equity[2];
    signal input margin[2];

    _ <== Unsigned(20)(level);
    _ <== Unsigned(20)(evidence - level);
    signal required <== level * margin[0];
    _ <== Unsigned(BITS)(1000000 * required - equity[0] - 1);
    signal reached <== level * margin[1];
    signal above <== slice * (equity[1] - 1000000 * reached);
    _ <== Unsigned(BITS)(above);
    signal allowed <== target * margin[1];
    signal under <== slice * (1000000 * allowed - equity[1]);
    _ <== Unsigned(BITS)(under);
}

/// Enforces that a lot offers the discount on the margin that it frees: `-2^48 <= discount * freed - cost < 2^48`, freed >= 0.
/// What a slice costs counts collateral at the first weight of its asset, what a close-out costs at what leaves the schedule.
/// Params     BITS   of the largest margin
/// Inputs     equity, margin  before and after; bounded by construction
///            first  the lot's cash, positions at their marks, collateral at its first weights, 1e-20; bounded by construction
///            slice  1: a slice; 0: a close-out
///            discount  20 bits
template LotDiscount(BITS) {
    signal input equity[2];
    signal input margin[2];
    signal input first;
    signal input slice;
    signal input discount;

    var lost = equity[0] - equity[1];
    signal more <== slice * (first - lost);
    signal cost <== lost + more;
    signal freed <== margin[0] - margin[1];
    _ <== Unsigned(BITS)(freed);
    signal offered <== discount * freed;
    (_, _) <== Signed(discountSlackBits() + 1)(1000000 * offered - cost);
}

/// Enforces that a lot is worth its size: `size <= worth <= size + tolerance`.
/// Inputs     told   public, `size + 2^64 * tolerance`; its range is enforced here
///            worth  1e-16; bounded by construction
template LotSize() {
    signal input told;
    signal input worth;

    var SCALE = 10000000000; // from 1e-6 to 1e-16
    var BITS = bitLength(SCALE * ((1 << sizeBits()) - 1));
    signal bits[2 * sizeBits()] <== ToBits(2 * sizeBits())(told);
    var amount[2] = [0, 0];
    for (var i = 0; i < 2 * sizeBits(); i++) {
        amount[i \ sizeBits()] += bits[i] * (1 << (i % sizeBits()));
    }
    signal over <== worth - SCALE * amount[0];
    _ <== Unsigned(BITS)(over);
    _ <== Unsigned(BITS)(SCALE * amount[1] - over);
}

/// Enforces that the part is the whole in a close-out, and an odd number below in a slice: then no position above -2^31 is
/// halfway between two lots, so long and short ones are rounded alike.
/// Inputs     part      private; range enforced here
///            closeOut  1: a close-out; 0: a slice
template LotPart() {
    signal input part;
    signal input closeOut;

    _ <== Unsigned(partBits() - 1)((part - 1 - closeOut) / 2);
    closeOut * (part - (1 << partBits())) === 0;
}

/// Enforces that what is given is the part of what is held, rounded to whole lots: `-2^31 <= 2^32 * given - part * held < 2^31`.
/// Inputs     given, held  lots, below 2^65 in absolute value; range-checked by the caller
///            part         at most 2^32
template PartOf() {
    signal input given;
    signal input held;
    signal input part;

    signal share <== part * held;
    (_, _) <== Signed(partBits())((1 << partBits()) * given - share);
}

/// Tells whether a value is zero: nonZero = 1 exactly where it is not.
template NonZero() {
    signal input x;
    signal output nonZero;

    signal inverse <-- x == 0 ? 0 : 1 / x;
    // hint, constrained by: what follows; the last only where x is zero, so that no other number is as good
    nonZero <== x * inverse;
    x * (1 - nonZero) === 0;
    inverse * (1 - nonZero) === 0;
}

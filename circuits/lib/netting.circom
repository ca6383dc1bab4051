// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "packing.circom";

/// Margin of one netting set from its packed column sums: scan, and charges on delta and vega.
///
/// The scan is the largest scenario loss, at least zero. Each packed sum is unpacked not into profits but into gaps,
/// `gap_k = scan + profit_k`, so that one range check does two jobs: it makes the unpacking unique and shows that no loss
/// exceeds the scan. A product of zero shows that the scan is one of the losses, or zero: it is exact in both directions.
///
/// Unique because, with every sum at most BOUND in absolute value and 2 * BOUND < 2^WIDTH <= 2^(STRIDE-1): two unpackings
/// differ by less than the stride in every piece, and an equal packed value then forces each difference to zero; WIDTH is
/// asserted against the stride below. (`docs/statement.md` has the argument in full.)
///
/// Params     SCENARIOS   profits in a row; mark, delta and vega follow them in an element of their own
///            SUM_BITS    every column sum is below 2^SUM_BITS in absolute value
/// Inputs     sums        packed column sums
///            terms       threshold and rate on delta, threshold and rate on vega: thresholds below 2^78, rates in basis
///                        points, public, bounded by the verifier
/// Outputs    margin      10^4 * scan + rate * max(0, |delta| - threshold) + the same of vega, in 1e-10
///            markValue   in 1e-6
template SetMargin(SCENARIOS, SUM_BITS) {
    var PER = widePerElement();
    var PACKED = elementsFor(SCENARIOS + 3, PER);
    var WIDTH = SUM_BITS + 1;
    assert(WIDTH < wideStride());
    assert(SUM_BITS > 78);
    assert(SCENARIOS % PER == 0);
    signal input sums[PACKED];
    signal input terms[4];
    signal output margin;
    signal output markValue;

    // 1. The scan, hinted as the largest loss.
    var worst = 0;
    for (var k = 0; k < SCENARIOS; k++) {
        var loss = -unpackPiece(sums[k \ PER], wideStride(), PER, k % PER);
        if (loss > worst) {
            worst = loss;
        }
    }
    signal scan <-- worst;
    // hint, constrained by: its range here, the gaps and the product in 2 and 3
    _ <== Unsigned(SUM_BITS)(scan);

    // 2. Gaps, mark, delta and vega are the unpacking of the sums.
    signal column[PACKED * PER];
    for (var k = 0; k < SCENARIOS; k++) {
        column[k] <-- unpackPiece(sums[k \ PER], wideStride(), PER, k % PER);
        // hint, constrained by: the range of its gap here, the packing below
        _ <== Unsigned(WIDTH)(scan + column[k]);
    }
    for (var k = SCENARIOS; k < SCENARIOS + 3; k++) {
        column[k] <-- unpackPiece(sums[k \ PER], wideStride(), PER, k % PER);
        // hint, constrained by: the signed range in 4, the packing below
    }
    for (var e = 0; e < PACKED; e++) {
        var packed = 0;
        for (var i = 0; i < PER; i++) {
            packed += column[e * PER + i] * (1 << (wideStride() * i));
        }
        packed === sums[e];
    }

    // 3. The scan is zero or one of the losses.
    signal nonZero[SCENARIOS];
    for (var k = 0; k < SCENARIOS; k++) {
        if (k == 0) {
            nonZero[k] <== scan * (scan + column[k]);
        } else {
            nonZero[k] <== nonZero[k - 1] * (scan + column[k]);
        }
    }
    nonZero[SCENARIOS - 1] === 0;

    // 4. Charges on delta and vega in excess of their thresholds.
    (markValue, _) <== Signed(WIDTH)(column[SCENARIOS]);
    component excess[2];
    for (var i = 0; i < 2; i++) {
        excess[i] = ExcessCharge(WIDTH);
        excess[i].amount <== column[SCENARIOS + 1 + i];
        excess[i].threshold <== terms[2 * i];
        excess[i].rate <== terms[2 * i + 1];
    }
    margin <== 10000 * scan + excess[0].charge + excess[1].charge;
}

/// Charge on what exceeds a threshold in absolute value.
/// Params     BITS       of the amount, signed
/// Inputs     amount     range enforced here
///            threshold  below 2^(BITS-1); public, bounded by the verifier
///            rate       public, bounded by the verifier
/// Outputs    charge     rate * max(0, |amount| - threshold)
template ExcessCharge(BITS) {
    signal input amount;
    signal input threshold;
    signal input rate;
    signal output charge;

    signal checked, isPositive, over, isOver;
    (checked, isPositive) <== Signed(BITS)(amount);
    signal absolute <== checked * (2 * isPositive - 1);
    (over, isOver) <== Signed(BITS)(absolute - threshold);
    signal excess <== over * isOver;
    charge <== rate * excess;
}

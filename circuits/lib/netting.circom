// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "packing.circom";

/// Margin of one netting set from its packed column sums: scan and liquidity.
///
/// The scan is the largest scenario loss, at least zero. Each packed sum is unpacked not into profits but into gaps,
/// `gap_k = scan + profit_k`, so that one range check does two jobs: it makes the unpacking unique and shows that no loss
/// exceeds the scan. A product of zero shows that the scan is one of the losses, or zero: it is exact in both directions.
///
/// Unique because, with every sum at most BOUND in absolute value and 2 * BOUND < 2^WIDTH <= 2^(STRIDE-1): two unpackings
/// differ by less than the stride in every piece, and an equal packed value then forces each difference to zero; WIDTH is
/// asserted against the stride below. (`docs/statement.md` has the argument in full.)
///
/// Params     SCENARIOS   profits in a row; mark and delta follow them
///            SUM_BITS    every column sum is below 2^SUM_BITS in absolute value
/// Inputs     sums        packed column sums
///            threshold   below 2^78, public, bounded by the verifier
///            rate        basis points, public, bounded by the verifier
/// Outputs    margin      10^4 * scan + rate * max(0, |delta| - threshold), in 1e-10
///            markValue   in 1e-6
template SetMargin(SCENARIOS, SUM_BITS) {
    var PER = widePerElement();
    var PACKED = elementsFor(SCENARIOS + 2, PER);
    var WIDTH = SUM_BITS + 1;
    assert(WIDTH < wideStride());
    assert(SUM_BITS > 78);
    signal input sums[PACKED];
    signal input threshold;
    signal input rate;
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

    // 2. Gaps, mark and delta are the unpacking of the sums.
    signal column[PACKED * PER];
    for (var k = 0; k < SCENARIOS; k++) {
        column[k] <-- unpackPiece(sums[k \ PER], wideStride(), PER, k % PER);
        // hint, constrained by: the range of its gap here, the packing below
        _ <== Unsigned(WIDTH)(scan + column[k]);
    }
    for (var k = SCENARIOS; k < SCENARIOS + 2; k++) {
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

    // 4. Liquidity on delta in excess of the threshold.
    (markValue, _) <== Signed(WIDTH)(column[SCENARIOS]);
    signal delta, isLong, over, isOver;
    (delta, isLong) <== Signed(WIDTH)(column[SCENARIOS + 1]);
    signal absolute <== delta * (2 * isLong - 1);
    (over, isOver) <== Signed(WIDTH)(absolute - threshold);
    signal excess <== over * isOver;
    signal liquidity <== rate * excess;
    margin <== 10000 * scan + liquidity;
}

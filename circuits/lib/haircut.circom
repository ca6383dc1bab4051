// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

/// Weighted quantity of one collateral asset: the area under its marginal weights. Concave, exact, flat above the last
/// boundary.
/// Params     TIERS      number of tiers; with the flat part above them TIERS + 1 pieces
/// Inputs     quantity   lots; range 64 bits enforced here
///            boundary   lots, ascending, below 2^64; public, bounded by the verifier
///            weight     basis points; public, bounded by the verifier
///            intercept  of the lines of pieces 1 to TIERS; public, computed by the verifier
/// Outputs    checkedQuantity  the quantity, range-checked
///            weightedLotsBps  intercept + weight * quantity on the one piece that holds the quantity
template TierValue(TIERS) {
    signal input quantity;
    signal input boundary[TIERS];
    signal input weight[TIERS];
    signal input intercept[TIERS];
    signal output {maxbit} checkedQuantity;
    signal selected[TIERS + 1];
    signal output weightedLotsBps;

    // One piece is selected. Piece t runs from boundary t-1 (or 0) to below boundary t (or 2^64).
    signal lowerOf[TIERS + 1];
    signal upperOf[TIERS + 1];
    signal slope[TIERS];
    signal valueOf[TIERS + 1];
    var count = 0;
    var lower = 0;
    var upper = 0;
    var value = 0;
    for (var t = 0; t <= TIERS; t++) {
        var from = 0;
        var to = 1 << 64;
        var line = 0;
        if (t > 0) {
            from = boundary[t - 1];
            line += intercept[t - 1];
        }
        if (t < TIERS) {
            to = boundary[t];
            slope[t] <== weight[t] * quantity;
            line += slope[t];
        }
        selected[t] <-- from <= quantity && quantity < to;
        // hint, constrained by: booleanity here, the count and the bounds below
        selected[t] * (selected[t] - 1) === 0;
        count += selected[t];
        lowerOf[t] <== selected[t] * from;
        upperOf[t] <== selected[t] * to;
        lower += lowerOf[t];
        upper += upperOf[t];
        valueOf[t] <== selected[t] * line;
        value += valueOf[t];
    }
    count === 1;

    // lower <= quantity < upper, both bounds at most 2^64: this is the range check of the quantity too.
    _ <== Unsigned(64)(quantity - lower);
    _ <== Unsigned(64)(upper - 1 - quantity);
    checkedQuantity.maxbit = 64;
    checkedQuantity <== quantity;
    weightedLotsBps <== value;
}

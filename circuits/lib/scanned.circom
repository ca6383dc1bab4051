// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// Bits of the lots of a board row that a quantity of collateral counts as.
function scannedBits() { return 31; }

/// Whole lots of a board row that a quantity of one collateral asset counts as in the scan: quantity / lot, rounded down.
/// Inputs     quantity  lots of the asset up to its last boundary, below 2^64; range-checked by the caller
///            lot       lots of the asset that make one lot of the row, 1 to 2^64; public, bounded by the verifier. At 2^64 no
///                      quantity makes a whole lot
/// Outputs    whole     below 2^31: a quantity of more has no proof
template ScannedLots() {
    signal input quantity;
    signal input lot;
    signal output whole;

    whole <-- lot == 0 ? 0 : quantity \ lot;
    // hint, constrained by: its range here, and the remainder, which is at least 0 and below a lot
    _ <== Unsigned(scannedBits())(whole);
    signal covered <== whole * lot;
    _ <== Unsigned(64)(quantity - covered);
    _ <== Unsigned(64)(lot - 1 - (quantity - covered));
}

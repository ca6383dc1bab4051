// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// Bits of the lots of a board row that a quantity of collateral counts as.
function scannedBits() { return 31; }
// Bits of a weighted quantity: 64 of lots, and basis points.
function weightedBits() { return 78; }

/// Whole lots of a board row that a weighted quantity of one collateral asset counts as in the scan, rounded down.
/// Inputs     weightedLotsBps  at most 10^4 * (2^64 - 1), from a quantity in range and descending weights
///            lot              lots of the asset that make one lot of the row, 1 to 2^64; public, bounded by the verifier.
///                             At 2^64 no quantity makes a whole lot
/// Outputs    whole            below 2^31: a quantity of more has no proof
template ScannedLots() {
    signal input weightedLotsBps;
    signal input lot;
    signal output whole;

    whole <-- lot == 0 ? 0 : weightedLotsBps \ (10000 * lot);
    // hint, constrained by: its range here, and the remainder, which is at least 0 and below a lot
    _ <== Unsigned(scannedBits())(whole);
    signal covered <== whole * (10000 * lot);
    _ <== Unsigned(weightedBits())(weightedLotsBps - covered);
    _ <== Unsigned(weightedBits())(10000 * lot - 1 - (weightedLotsBps - covered));
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

/// Positions in one block of the board: range checks, charges, and the block's sums over its rows.
/// Params     ROWS     instruments
///            PACKED   packed elements of a row; all but the last hold profits
/// Inputs     lots     signed; range 32 bits enforced here
///            scanned  lots of each row that collateral counts as; below 2^31, range-checked by the caller
///            rows     for each instrument PACKED packings of columns, charge per long lot, charge per short lot
/// Outputs    checkedLots  the positions, range-checked
///            charge       sum of long * max(lots, 0) + short * max(-lots, 0), in 1e-6
///            sums         packed sums of lots times each column, scanned lots included where the column is a profit
template BlockPositions(ROWS, PACKED) {
    signal input lots[ROWS];
    signal input scanned[ROWS];
    signal input rows[ROWS][PACKED + 2];
    signal output {maxbit} checkedLots[ROWS];
    signal output charge;
    signal output sums[PACKED];

    component checked[ROWS];
    signal rate[ROWS];
    signal chargeOf[ROWS];
    signal product[ROWS][PACKED];
    checkedLots.maxbit = 31;
    var charges = 0;
    for (var j = 0; j < ROWS; j++) {
        checked[j] = Signed(32);
        checked[j].x <== lots[j];
        checkedLots[j] <== checked[j].checked;
        // lots * long where lots >= 0, else lots * -short
        rate[j] <== checked[j].nonNegative * (rows[j][PACKED] + rows[j][PACKED + 1]);
        chargeOf[j] <== lots[j] * (rate[j] - rows[j][PACKED + 1]);
        charges += chargeOf[j];
    }
    charge <== charges;
    for (var k = 0; k < PACKED; k++) {
        var sum = 0;
        for (var j = 0; j < ROWS; j++) {
            if (k < PACKED - 1) {
                product[j][k] <== (lots[j] + scanned[j]) * rows[j][k];
            } else {
                product[j][k] <== lots[j] * rows[j][k];
            }
            sum += product[j][k];
        }
        sums[k] <== sum;
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

/// Positions before and after some of their instruments expire, and what they are paid.
/// Params     ROWS   instruments
/// Inputs     lots   signed, before; range 32 bits enforced here
///            marks  for each instrument whether it expires (0 or 1, enforced here) and the quote that one lot settles at,
///                   1e-6, signed; public, below 2^42 in absolute value by the verifier's care
/// Outputs    checkedLots  the positions before, range-checked
///            keptLots     the same where the instrument does not expire, zero where it does
///            paid         sum of lots times value over the instruments that expire, 1e-6; what is said to be the value of
///                         others pays nothing
template Expiry(ROWS) {
    signal input lots[ROWS];
    signal input marks[ROWS][2];
    signal output {maxbit} checkedLots[ROWS];
    signal output {maxbit} keptLots[ROWS];
    signal output paid;

    signal expired[ROWS];
    signal paidFor[ROWS];
    checkedLots.maxbit = 31;
    keptLots.maxbit = 31; // each is zero or a position before
    var sum = 0;
    for (var j = 0; j < ROWS; j++) {
        (checkedLots[j], _) <== Signed(32)(lots[j]);
        marks[j][0] * (marks[j][0] - 1) === 0;
        expired[j] <== marks[j][0] * lots[j];
        keptLots[j] <== lots[j] - expired[j];
        paidFor[j] <== marks[j][1] * expired[j];
        sum += paidFor[j];
    }
    paid <== sum;
}

/// Enforces that neither a blinding nor its successor is zero.
template Onward() {
    signal input blinding;
    signal output next;

    next <== blinding + 1;
    signal both <== blinding * next;
    signal inverse <-- both == 0 ? 0 : 1 / both;
    // hint, constrained by: the product, which shows that neither factor is zero
    both * inverse === 1;
}

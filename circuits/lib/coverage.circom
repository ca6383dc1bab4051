// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

/// Reads the public terms, `level + 2^20 * below + 2^21 * minus`.
/// Inputs     terms  public; its range is enforced here
/// Outputs    level  basis points
///            below  1 where the statement is `below`, 0 where it is `at least`
///            side   +1 or -1: how the fill is applied
template ReadTerms() {
    signal input terms;
    signal output level;
    signal output {binary} below;
    signal output side;

    signal bits[22] <== ToBits(22)(terms);
    var sum = 0;
    for (var i = 0; i < 20; i++) {
        sum += bits[i] * (1 << i);
    }
    level <== sum;
    below <== bits[20];
    side <== 1 - 2 * bits[21];
}

/// What an account owes beyond what its positions are worth.
/// Params     BITS   of `owned`, signed
/// Inputs     owned  cash and positions at their marks, 1e-6; range enforced here
/// Outputs    debt   max(0, -owned)
template Debt(BITS) {
    signal input owned;
    signal output debt;

    signal nonNegative;
    (_, nonNegative) <== Signed(BITS)(owned);
    debt <== owned * (nonNegative - 1);
}

/// Enforces the one comparison behind every decision: equity >= 10^6 * level * margin, or its exact complement.
/// Params     BITS    of the largest absolute value that the difference of the two sides can take
/// Inputs     equity  1e-20, margin 1e-10, level in basis points; all bounded by construction
///            below   0: at least; 1: below
template Coverage(BITS) {
    signal input equity;
    signal input margin;
    signal input level;
    signal input {binary} below;

    signal required <== level * margin;
    var surplus = equity - 1000000 * required;
    // at least: surplus >= 0; below: -surplus - 1 >= 0
    signal flipped <== below * (-2 * surplus - 1);
    _ <== Unsigned(BITS)(surplus + flipped);
}

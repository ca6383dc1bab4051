// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

/// Enforces that no two of COUNT values are equal.
/// Inputs     values  any field elements
template Distinct(COUNT) {
    assert(COUNT >= 2);
    var PAIRS = COUNT * (COUNT - 1) \ 2;
    signal input values[COUNT];

    // The product of all differences is zero exactly where two values are equal.
    signal product[PAIRS];
    var pair = 0;
    for (var i = 1; i < COUNT; i++) {
        for (var j = 0; j < i; j++) {
            if (pair == 0) {
                product[pair] <== values[i] - values[j];
            } else {
                product[pair] <== product[pair - 1] * (values[i] - values[j]);
            }
            pair++;
        }
    }
    signal inverse <-- product[PAIRS - 1] == 0 ? 0 : 1 / product[PAIRS - 1];
    // hint, constrained by: the product with it, which shows that no difference is zero
    product[PAIRS - 1] * inverse === 1;
}

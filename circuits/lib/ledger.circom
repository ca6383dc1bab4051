// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// The largest values that sums can take, from the declared ranges: widths of comparisons are derived from these, not
// typed. docs/statement.md has the ledger, test/circuits/ledger.test.ts recomputes it.

/// Largest absolute column sum over this many instruments: positions of 32 bits, columns below 2^42. An asset whose
/// collateral is scanned counts as one instrument more: its scanned lots are below 2^31. 1e-6.
function maxColumnSum(INSTRUMENTS) {
    return INSTRUMENTS * (1 << 31) * ((1 << 42) - 1);
}

/// Largest absolute value of cash and positions at their marks. 1e-6.
function maxOwned(INSTRUMENTS) {
    return (1 << 63) + maxColumnSum(INSTRUMENTS);
}

/// Largest absolute equity: collateral + cash + marks; and the largest figure of an account at weights no larger. 1e-20.
function maxEquity(INSTRUMENTS, ASSETS) {
    return ASSETS * (1 << 64) * 10000 * (1 << 64) + 100000000000000 * maxOwned(INSTRUMENTS);
}

/// Largest margin: charges of 60 bits + scan + charges on delta, vega and debt (at most 10^4 bps of each). 1e-10.
function maxMargin(INSTRUMENTS, ASSETS) {
    var columns = maxColumnSum(INSTRUMENTS);
    var charges = INSTRUMENTS * (1 << 31) * (1 << 60);
    return 10000 * (charges + maxColumnSum(INSTRUMENTS + ASSETS) + 2 * columns + maxOwned(INSTRUMENTS));
}

/// Largest absolute value of equity - 10^6 * level * margin, at a level of 20 bits. 1e-20.
function maxSurplus(INSTRUMENTS, ASSETS) {
    return maxEquity(INSTRUMENTS, ASSETS) + 1000000 * (1 << 20) * maxMargin(INSTRUMENTS, ASSETS);
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Range checks. The only place that attaches the tags
//   binary  the value is 0 or 1
//   maxbit  the value, read as a signed integer, has absolute value at most 2^maxbit
// so that a template which compares or packs can demand that its inputs were checked.

/// Bits needed for an unsigned integer up to `max`. Compile time only.
function bitLength(max) {
    var bits = 0;
    while (max != 0) {
        max = max >> 1;
        bits++;
    }
    return bits;
}

/// Binary digits, lowest first. Enforces 0 <= x < 2^BITS.
/// Params  BITS at most 252, so that the digits have one reading in the field
template ToBits(BITS) {
    assert(BITS > 0 && BITS <= 252);
    signal input x;
    signal output {binary} bits[BITS];

    var sum = 0;
    for (var i = 0; i < BITS; i++) {
        bits[i] <-- (x >> i) & 1;
        // hint, constrained by: booleanity here, the sum below
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * (1 << i);
    }
    sum === x;
}

/// Enforces 0 <= x < 2^BITS.
template Unsigned(BITS) {
    signal input x;
    signal output {maxbit} checked;

    _ <== ToBits(BITS)(x);
    checked.maxbit = BITS;
    checked <== x;
}

/// Enforces -2^(BITS-1) <= x < 2^(BITS-1) and tells the sign: nonNegative = 1 exactly where x >= 0.
template Signed(BITS) {
    signal input x;
    signal output {maxbit} checked;
    signal output {binary} nonNegative;

    signal bits[BITS] <== ToBits(BITS)(x + (1 << (BITS - 1)));
    checked.maxbit = BITS - 1;
    checked <== x;
    nonNegative <== bits[BITS - 1];
}

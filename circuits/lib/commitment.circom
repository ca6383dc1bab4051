// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "circomlib/circuits/poseidon.circom";

// What a commitment is of.
function purposeState() { return 1; }
function purposeFill() { return 2; }
function purposeAuditorKey() { return 3; }

/// Poseidon sponge over COUNT elements: rate 16, capacity one element that starts as `PURPOSE * 2^16 + INSTRUMENTS`,
/// absorbed in overwrite mode, zero-padded to whole blocks. COUNT is fixed by PURPOSE and INSTRUMENTS, so no padding is
/// ambiguous.
/// Unchecked  that elements are packings of anything: the caller knows their shape
template Commitment(PURPOSE, INSTRUMENTS, COUNT) {
    signal input elements[COUNT];
    signal output commitment;

    var RATE = 16;
    var BLOCKS = (COUNT + RATE - 1) \ RATE;
    component absorb[BLOCKS];
    for (var b = 0; b < BLOCKS; b++) {
        absorb[b] = PoseidonEx(RATE, 1);
        if (b == 0) {
            absorb[b].initialState <== PURPOSE * 65536 + INSTRUMENTS;
        } else {
            absorb[b].initialState <== absorb[b - 1].out[0];
        }
        for (var i = 0; i < RATE; i++) {
            if (b * RATE + i < COUNT) {
                absorb[b].inputs[i] <== elements[b * RATE + i];
            } else {
                absorb[b].inputs[i] <== 0;
            }
        }
    }
    commitment <== absorb[BLOCKS - 1].out[0];
}

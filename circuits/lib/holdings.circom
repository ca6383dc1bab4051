// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "packing.circom";
include "commitment.circom";

/// What an account holds, every piece of it range-checked, and the commitment to it. For states that nothing else vouches
/// for: those that do not descend from genesis.
/// Inputs     positions   signed; range 32 bits enforced here
///            collateral  unsigned; range 64 bits enforced here
///            cash        signed; range 64 bits enforced here
///            blinding    any
/// Outputs    elements    packed positions, packed collateral, cash
///            commitment  to elements and blinding
/// Unchecked  that it is blinded
template Holdings(INSTRUMENTS, ASSETS) {
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());
    var ELEMENTS = POSITION_ELEMENTS + COLLATERAL_ELEMENTS + 1;

    signal input positions[INSTRUMENTS];
    signal input collateral[ASSETS];
    signal input cash;
    signal input blinding;
    signal output elements[ELEMENTS];
    signal output commitment;

    signal {maxbit} checkedPositions[INSTRUMENTS];
    checkedPositions.maxbit = 31;
    for (var j = 0; j < INSTRUMENTS; j++) {
        (checkedPositions[j], _) <== Signed(32)(positions[j]);
    }
    signal {maxbit} checkedCollateral[ASSETS];
    checkedCollateral.maxbit = 64;
    for (var a = 0; a < ASSETS; a++) {
        checkedCollateral[a] <== Unsigned(64)(collateral[a]);
    }
    signal packedPositions[POSITION_ELEMENTS] <==
        Pack(INSTRUMENTS, positionStride(), positionsPerElement())(checkedPositions);
    signal packedCollateral[COLLATERAL_ELEMENTS] <== Pack(ASSETS, wideStride(), widePerElement())(checkedCollateral);
    component committed = Commitment(purposeState(), INSTRUMENTS, ELEMENTS + 1);
    for (var e = 0; e < ELEMENTS; e++) {
        if (e < POSITION_ELEMENTS) {
            elements[e] <== packedPositions[e];
        } else if (e < ELEMENTS - 1) {
            elements[e] <== packedCollateral[e - POSITION_ELEMENTS];
        } else {
            elements[e] <== cash;
        }
        committed.elements[e] <== elements[e];
    }
    (_, _) <== Signed(64)(cash);
    committed.elements[ELEMENTS] <== blinding;
    commitment <== committed.commitment;
}

/// Enforces that none of COUNT blindings is zero, which only genesis has: what is not blinded can be guessed.
template Blinded(COUNT) {
    assert(COUNT >= 2);
    signal input blindings[COUNT];

    signal product[COUNT - 1];
    product[0] <== blindings[0] * blindings[1];
    for (var i = 1; i < COUNT - 1; i++) {
        product[i] <== product[i - 1] * blindings[i + 1];
    }
    signal inverse <-- product[COUNT - 2] == 0 ? 0 : 1 / product[COUNT - 2];
    // hint, constrained by: the product with it, which shows that no factor is zero
    product[COUNT - 2] * inverse === 1;
}

/// Packed positions, packed collateral and cash, in the order in which a state commits to them. Linear.
template PackHoldings(INSTRUMENTS, ASSETS) {
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());

    signal input {maxbit} positions[INSTRUMENTS];
    signal input {maxbit} collateral[ASSETS];
    signal input {maxbit} cash;
    signal output elements[POSITION_ELEMENTS + COLLATERAL_ELEMENTS + 1];

    signal packedPositions[POSITION_ELEMENTS] <== Pack(INSTRUMENTS, positionStride(), positionsPerElement())(positions);
    signal packedCollateral[COLLATERAL_ELEMENTS] <== Pack(ASSETS, wideStride(), widePerElement())(collateral);
    for (var e = 0; e < POSITION_ELEMENTS; e++) {
        elements[e] <== packedPositions[e];
    }
    for (var e = 0; e < COLLATERAL_ELEMENTS; e++) {
        elements[POSITION_ELEMENTS + e] <== packedCollateral[e];
    }
    elements[POSITION_ELEMENTS + COLLATERAL_ELEMENTS] <== cash;
}

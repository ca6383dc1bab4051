// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "packing.circom";
include "commitment.circom";

/// Commitments to the account after, to the fill, and to the account before, which is the account after less transfer and
/// fill, packed element by packed element.
/// Inputs     positionsAfter, collateralAfter, cashAfter  range-checked
///            blindingBefore, blindingAfter  set once, when it is zero, to one more than a key below 2^250; else one larger,
///            which counts the sequence; never zero again
///            transferCollateral, transferCash  what a public transfer adds
///            side  +1 or -1
///            fillPositions, fillCollateral  packed deltas, fillCash, fillBlinding
/// Unchecked  ranges of the account before (every state descends from genesis by checked steps) and of the fill (it is the
///            difference of two accounts in range, so a packed fill has one reading)
template Transition(INSTRUMENTS, ASSETS) {
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());
    var MOVABLE = POSITION_ELEMENTS + COLLATERAL_ELEMENTS + 1;

    signal input {maxbit} positionsAfter[INSTRUMENTS];
    signal input {maxbit} collateralAfter[ASSETS];
    signal input {maxbit} cashAfter;
    signal input blindingBefore;
    signal input blindingAfter;
    signal input transferCollateral[COLLATERAL_ELEMENTS];
    signal input transferCash;
    signal input side;
    signal input fillPositions[POSITION_ELEMENTS];
    signal input fillCollateral[COLLATERAL_ELEMENTS];
    signal input fillCash;
    signal input fillBlinding;
    signal output stateBefore;
    signal output stateAfter;
    signal output fill;

    signal packedPositions[POSITION_ELEMENTS] <== Pack(INSTRUMENTS, positionStride(), positionsPerElement())(positionsAfter);
    signal packedCollateral[COLLATERAL_ELEMENTS] <== Pack(ASSETS, wideStride(), widePerElement())(collateralAfter);
    component before = Commitment(purposeState(), INSTRUMENTS, MOVABLE + 1);
    component after = Commitment(purposeState(), INSTRUMENTS, MOVABLE + 1);
    component filled = Commitment(purposeFill(), INSTRUMENTS, MOVABLE + 1);
    signal applied[MOVABLE];
    for (var e = 0; e < MOVABLE; e++) {
        var moved = 0;
        if (e < POSITION_ELEMENTS) {
            after.elements[e] <== packedPositions[e];
            filled.elements[e] <== fillPositions[e];
        } else if (e < MOVABLE - 1) {
            after.elements[e] <== packedCollateral[e - POSITION_ELEMENTS];
            filled.elements[e] <== fillCollateral[e - POSITION_ELEMENTS];
            moved = transferCollateral[e - POSITION_ELEMENTS];
        } else {
            after.elements[e] <== cashAfter;
            filled.elements[e] <== fillCash;
            moved = transferCash;
        }
        applied[e] <== side * filled.elements[e];
        before.elements[e] <== after.elements[e] - applied[e] - moved;
    }

    before.elements[MOVABLE] <== blindingBefore;
    after.elements[MOVABLE] <== blindingAfter;
    filled.elements[MOVABLE] <== fillBlinding;
    // The key where the account opens, else zero.
    signal key <== blindingAfter - blindingBefore - 1;
    blindingBefore * key === 0;
    _ <== Unsigned(250)(key);
    signal inverse <-- blindingAfter == 0 ? 0 : 1 / blindingAfter;
    // hint, constrained by: the product, which shows that the blinding is never zero again
    blindingAfter * inverse === 1;

    stateBefore <== before.commitment;
    stateAfter <== after.commitment;
    fill <== filled.commitment;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "ledger.circom";
include "packing.circom";
include "worth.circom";

/// Elements of what moves in an account: packed positions, packed collateral, cash.
function movableElements(INSTRUMENTS, ASSETS) {
    return elementsFor(INSTRUMENTS, positionsPerElement()) + elementsFor(ASSETS, widePerElement()) + 1;
}

/// One of several accounts of a proof: every holding in range, and coverage of at least a level.
/// Params     as of `Account`
/// Inputs     lots, collateral, cash  range enforced here
///            level  basis points, below 2^20; range-checked by the caller
///            policy, debtRate, prices, rows, blocks  public, bounded by the verifier
/// Outputs    elements    packed positions, packed collateral, cash: what a state commits to, before the blinding
///            positions   range-checked
template Covered(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());
    var MOVABLE = movableElements(INSTRUMENTS, ASSETS);
    signal input lots[INSTRUMENTS];
    signal input collateral[ASSETS];
    signal input cash;
    signal input level;
    signal input policy[ASSETS][3 * TIERS + 1];
    signal input debtRate;
    signal input prices[ASSETS];
    signal input rows[INSTRUMENTS][PACKED + 2];
    signal input blocks[BLOCKS][5];
    signal output elements[MOVABLE];
    signal output {maxbit} positions[INSTRUMENTS];

    component worth = Worth(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS);
    worth.lots <== lots;
    worth.collateral <== collateral;
    worth.cash <== cash;
    worth.policy <== policy;
    worth.debtRate <== debtRate;
    worth.prices <== prices;
    worth.rows <== rows;
    worth.blocks <== blocks;
    _ <== worth.owned;
    AtLeast(bitLength(maxSurplus(INSTRUMENTS, ASSETS)))(worth.equity, worth.maintenance, level);

    positions.maxbit = 31;
    positions <== worth.positions;
    signal packedPositions[POSITION_ELEMENTS] <==
        Pack(INSTRUMENTS, positionStride(), positionsPerElement())(worth.positions);
    signal packedCollateral[COLLATERAL_ELEMENTS] <== Pack(ASSETS, wideStride(), widePerElement())(worth.quantities);
    for (var e = 0; e < MOVABLE; e++) {
        if (e < POSITION_ELEMENTS) {
            elements[e] <== packedPositions[e];
        } else if (e < MOVABLE - 1) {
            elements[e] <== packedCollateral[e - POSITION_ELEMENTS];
        } else {
            elements[e] <== worth.checkedCash;
        }
    }
}

/// Enforces equity >= 10^6 * level * margin.
/// Params     BITS    of the largest absolute value that the difference of the two sides can take
/// Inputs     equity  1e-20, margin 1e-10, level in basis points; all bounded by construction
template AtLeast(BITS) {
    signal input equity;
    signal input margin;
    signal input level;

    signal required <== level * margin;
    _ <== Unsigned(BITS)(equity - 1000000 * required);
}

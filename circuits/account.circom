// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/ledger.circom";
include "lib/packing.circom";
include "lib/transfer.circom";
include "lib/transition.circom";
include "lib/worth.circom";
include "lib/coverage.circom";

/// The private account committed to by `stateBefore` becomes the one committed to by `stateAfter` by a public transfer
/// and a private fill; and at the given policy, prices and board the account after has coverage at least / below a level.
///
/// Plan   1. read the public transfer and terms
///        2. range-check and value the account after
///        3. the account before is the account after less transfer and fill, element by element
///        4. commitments; the key that blinds states is set once, the sequence grows by one
///        5. equity and margin meet the terms
///        6. bind the context
///
/// Params     BLOCKS     of ROWS instruments each
///            ASSETS, TIERS, SCENARIOS as in sizes.json
/// Unchecked  that the account before was in range: every state descends from genesis by checked steps;
///            bounds of policy, prices and board: whoever supplies public inputs (contract, verifier) bounds them
template Account(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());

    // ---- PUBLIC: of the proof ----
    signal input stateBefore;                      // commitment to the account before
    signal input stateAfter;                       // commitment to the account after
    signal input transfer;                         // asset and signed amount
    signal input fill;                             // commitment to the fill
    signal input terms;                            // level, direction, side
    signal input context;                          // what the proof is for: bound, not interpreted
    // ---- PUBLIC: of policy, prices, board ----
    signal input policy[ASSETS][3 * TIERS + 1];    // boundaries, weights, intercepts, scan lots
    signal input debtRate;                         // basis points
    signal input prices[ASSETS];                   // per lot, 16 decimals
    signal input rows[INSTRUMENTS][PACKED + 2];    // packed columns, long charge, short charge
    signal input blocks[BLOCKS][5];                // threshold and rate of delta, of vega; continues
    // ---- PRIVATE ----
    signal input positionsAfter[INSTRUMENTS];      // lots
    signal input collateralAfter[ASSETS];          // lots
    signal input cashAfter;                        // millionths of quote currency
    signal input blindingBefore;                   // viewing key + sequence; zero at genesis
    signal input blindingAfter;
    signal input fillPositions[POSITION_ELEMENTS]; // packed deltas
    signal input fillCollateral[COLLATERAL_ELEMENTS];
    signal input fillCash;
    signal input fillBlinding;

    // 1. Transfer and terms.
    signal transferCollateral[COLLATERAL_ELEMENTS], transferCash;
    (transferCollateral, transferCash) <== ReadTransfer(ASSETS)(transfer);
    signal level, side;
    signal {binary} below;
    (level, below, side) <== ReadTerms()(terms);

    // 2. The account after.
    component worth = Worth(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS);
    worth.lots <== positionsAfter;
    worth.collateral <== collateralAfter;
    worth.cash <== cashAfter;
    worth.policy <== policy;
    worth.debtRate <== debtRate;
    worth.prices <== prices;
    worth.rows <== rows;
    worth.blocks <== blocks;
    _ <== worth.owned; // equity counts it

    // 3. and 4. The account before, and the commitments.
    signal before, after, filled;
    (before, after, filled) <== Transition(INSTRUMENTS, ASSETS)(
        worth.positions, worth.quantities, worth.checkedCash, blindingBefore, blindingAfter,
        transferCollateral, transferCash, side, fillPositions, fillCollateral, fillCash, fillBlinding);
    before === stateBefore;
    after === stateAfter;
    filled === fill;

    // 5. The verdict.
    Coverage(bitLength(maxSurplus(INSTRUMENTS, ASSETS)))(worth.equity, worth.maintenance, level, below);

    // 6. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

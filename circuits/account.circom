// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/range.circom";
include "lib/ledger.circom";
include "lib/packing.circom";
include "lib/transfer.circom";
include "lib/transition.circom";
include "lib/haircut.circom";
include "lib/scanned.circom";
include "lib/positions.circom";
include "lib/netting.circom";
include "lib/coverage.circom";

/// The private account committed to by `stateBefore` becomes the one committed to by `stateAfter` by a public transfer
/// and a private fill; and at the given policy, prices and board the account after has coverage at least / below a level.
///
/// Plan   1. read the public transfer and terms
///        2. range-check the account after, valuing collateral (haircuts, scanned lots) and positions (charges, sums) on
///           the way
///        3. the account before is the account after less transfer and fill, element by element
///        4. commitments; the key that blinds states is set once, the sequence grows by one
///        5. netting sets: runs of blocks
///        6. debt; equity and margin meet the terms
///        7. bind the context
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
    signal {maxbit} cash;
    (cash, _) <== Signed(64)(cashAfter);
    signal {maxbit} quantities[ASSETS];
    component haircut[ASSETS];
    component scanned[ASSETS];
    signal counted[ASSETS];
    signal value[ASSETS];
    var collateral = 0;
    for (var a = 0; a < ASSETS; a++) {
        haircut[a] = TierValue(TIERS);
        haircut[a].quantity <== collateralAfter[a];
        for (var t = 0; t < TIERS; t++) {
            haircut[a].boundary[t] <== policy[a][t];
            haircut[a].weight[t] <== policy[a][TIERS + t];
            haircut[a].intercept[t] <== policy[a][2 * TIERS + t];
        }
        quantities[a] <== haircut[a].checkedQuantity;
        scanned[a] = ScannedLots();
        // What is above the last boundary is worth nothing here, and hedges nothing.
        for (var t = 0; t < TIERS; t++) {
            _ <== haircut[a].selected[t];
        }
        counted[a] <== quantities[a] - haircut[a].selected[TIERS] * (quantities[a] - policy[a][TIERS - 1]);
        scanned[a].quantity <== counted[a];
        scanned[a].lot <== policy[a][3 * TIERS];
        value[a] <== prices[a] * haircut[a].weightedLotsBps;
        collateral += value[a];
    }
    signal {maxbit} positions[INSTRUMENTS];
    component held[BLOCKS];
    var charge = 0;
    for (var b = 0; b < BLOCKS; b++) {
        held[b] = BlockPositions(ROWS, PACKED);
        for (var j = 0; j < ROWS; j++) {
            held[b].lots[j] <== positionsAfter[b * ROWS + j];
            held[b].rows[j] <== rows[b * ROWS + j];
            // Collateral joins the scan in the row of its own index, in the first block.
            if (b == 0 && j < ASSETS) {
                held[b].scanned[j] <== scanned[j].whole;
            } else {
                held[b].scanned[j] <== 0;
            }
        }
        for (var j = 0; j < ROWS; j++) {
            positions[b * ROWS + j] <== held[b].checkedLots[j];
        }
        charge += held[b].charge;
    }

    // 3. and 4. The account before, and the commitments.
    signal before, after, filled;
    (before, after, filled) <== Transition(INSTRUMENTS, ASSETS)(
        positions, quantities, cash, blindingBefore, blindingAfter, transferCollateral, transferCash, side,
        fillPositions, fillCollateral, fillCash, fillBlinding);
    before === stateBefore;
    after === stateAfter;
    filled === fill;

    // 5. Netting sets. A block's run is its own sums and, where it continues a set, the run of the block before.
    signal run[BLOCKS][PACKED];
    signal carried[BLOCKS][PACKED];
    component set[BLOCKS];
    signal setMargin[BLOCKS];
    signal setMark[BLOCKS];
    var margin = 10000 * charge;
    var mark = 0;
    for (var b = 0; b < BLOCKS; b++) {
        set[b] = SetMargin(SCENARIOS, bitLength(maxColumnSum((b + 1) * ROWS + ASSETS)));
        for (var k = 0; k < PACKED; k++) {
            if (b == 0) {
                carried[b][k] <== 0;
            } else {
                carried[b][k] <== blocks[b][4] * run[b - 1][k];
            }
            run[b][k] <== held[b].sums[k] + carried[b][k];
            set[b].sums[k] <== run[b][k];
        }
        if (b == 0) {
            _ <== blocks[b][4]; // the verifier keeps it zero: no set reaches before the first block
        }
        for (var i = 0; i < 4; i++) {
            set[b].terms[i] <== blocks[b][i];
        }
        // Only the last block of a set counts.
        var ends = 1;
        if (b < BLOCKS - 1) {
            ends -= blocks[b + 1][4];
        }
        setMargin[b] <== ends * set[b].margin;
        setMark[b] <== ends * set[b].markValue;
        margin += setMargin[b];
        mark += setMark[b];
    }

    // 6. Debt; equity and margin meet the terms.
    signal owned <== cashAfter + mark;
    signal debt <== Debt(bitLength(maxOwned(INSTRUMENTS)) + 1)(owned);
    signal debtMargin <== debtRate * debt;
    signal equity <== collateral + 100000000000000 * owned;
    signal maintenance <== margin + debtMargin;
    Coverage(bitLength(maxSurplus(INSTRUMENTS, ASSETS)))(equity, maintenance, level, below);

    // 7. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

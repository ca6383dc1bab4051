// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "ledger.circom";
include "haircut.circom";
include "scanned.circom";
include "positions.circom";
include "netting.circom";
include "coverage.circom";

/// What an account is worth, and the margin it has to keep, at a policy, prices and a board. Checks the range of every
/// holding on the way.
///
/// Plan   1. value collateral (haircuts), and count in the scan what of it has a row
///        2. charge positions, and sum each block's columns
///        3. netting sets: runs of blocks
///        4. debt; equity and margin
///
/// Params     as of `Account`
/// Inputs     lots, collateral, cash  range enforced here
///            policy, debtRate, prices, rows, blocks  public, bounded by the verifier
/// Outputs    positions, quantities, checkedCash  the holdings, range-checked
///            owned        cash and positions at their marks, 1e-6
///            equity       1e-20
///            maintenance  1e-10
template Worth(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    signal input lots[INSTRUMENTS];
    signal input collateral[ASSETS];
    signal input cash;
    signal input policy[ASSETS][3 * TIERS + 1];
    signal input debtRate;
    signal input prices[ASSETS];
    signal input rows[INSTRUMENTS][PACKED + 2];
    signal input blocks[BLOCKS][5];
    signal output {maxbit} positions[INSTRUMENTS];
    signal output {maxbit} quantities[ASSETS];
    signal output {maxbit} checkedCash;
    signal output owned;
    signal output equity;
    signal output maintenance;

    (checkedCash, _) <== Signed(64)(cash);

    // 1. Collateral. Above the last boundary a quantity is worth nothing, and hedges nothing.
    component haircut[ASSETS];
    component scanned[ASSETS];
    signal value[ASSETS];
    var weighted = 0;
    quantities.maxbit = 64;
    for (var a = 0; a < ASSETS; a++) {
        haircut[a] = TierValue(TIERS);
        haircut[a].quantity <== collateral[a];
        for (var t = 0; t < TIERS; t++) {
            haircut[a].boundary[t] <== policy[a][t];
            haircut[a].weight[t] <== policy[a][TIERS + t];
            haircut[a].intercept[t] <== policy[a][2 * TIERS + t];
        }
        quantities[a] <== haircut[a].checkedQuantity;
        scanned[a] = ScannedLots();
        scanned[a].weightedLotsBps <== haircut[a].weightedLotsBps;
        scanned[a].lot <== policy[a][3 * TIERS];
        value[a] <== prices[a] * haircut[a].weightedLotsBps;
        weighted += value[a];
    }

    // 2. Positions.
    component held[BLOCKS];
    var charge = 0;
    positions.maxbit = 31;
    for (var b = 0; b < BLOCKS; b++) {
        held[b] = BlockPositions(ROWS, PACKED);
        for (var j = 0; j < ROWS; j++) {
            held[b].lots[j] <== lots[b * ROWS + j];
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

    // 3. Netting sets. A block's run is its own sums and, where it continues a set, the run of the block before.
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

    // 4. Debt, equity and margin.
    owned <== cash + mark;
    signal debt <== Debt(bitLength(maxOwned(INSTRUMENTS)) + 1)(owned);
    signal debtMargin <== debtRate * debt;
    equity <== weighted + 100000000000000 * owned;
    maintenance <== margin + debtMargin;
}

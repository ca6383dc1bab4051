// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/range.circom";
include "lib/ledger.circom";
include "lib/packing.circom";
include "lib/commitment.circom";
include "lib/holdings.circom";
include "lib/expiry.circom";
include "lib/worth.circom";
include "lib/sale.circom";

/// The private account committed to by `stateBefore`, joined by its public credit, gives the private lot committed to by
/// `fill` and becomes the one committed to by `stateAfter`; and the lot is one that a liquidation may take (`ReadLotTerms`,
/// `LotPart`, `LotLevels`, `LotDiscount`, `LotSize`).
///
/// Plan   1. read the public terms
///        2. value the account held (before, with its credit) and the account after, range-checking both
///        3. the lot is the same part of every position and of every asset that has weight, the whole in a close-out
///        4. what the lot is worth, and what it costs
///        5. levels, discount and size
///        6. commitments; the sequence grows by one, from any state but genesis; the lot's blinding follows from the
///           state's and from the state after
///        7. bind the context
///
/// Params     BLOCKS     of ROWS instruments each
///            ASSETS, TIERS, SCENARIOS as in sizes.json
/// Unchecked  that the account before was in range: every state descends from genesis by checked steps;
///            that the credit is the account's, and all of it: whoever supplies public inputs sees to that, and takes it from
///            the credit when the step is accepted;
///            bounds of credit, policy, prices and board: whoever supplies public inputs bounds them;
///            that evidence, target, discount and tolerance are the policy's;
///            that anybody but the account's owner can find out what is in the lot
template Lot(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());
    var MOVABLE = POSITION_ELEMENTS + COLLATERAL_ELEMENTS + 1;
    var HELD = 0;
    var AFTER = 1;
    var E6_TO_E16 = 10000000000;
    var E6_TO_E20 = 100000000000000;

    // ---- PUBLIC: of the proof ----
    signal input stateBefore;                      // commitment to the account before
    signal input stateAfter;                       // commitment to the account after
    signal input fill;                             // commitment to the lot
    signal input terms;                            // evidence, target, discount, kind
    signal input size;                             // size and tolerance
    signal input context;                          // what the proof is for: bound, not interpreted
    signal input credit[COLLATERAL_ELEMENTS + 1];  // packed lots of each asset, cash
    // ---- PUBLIC: of policy, prices, board ----
    signal input policy[ASSETS][3 * TIERS + 1];    // boundaries, weights, intercepts, scan lots
    signal input debtRate;                         // basis points
    signal input prices[ASSETS];                   // per lot, 16 decimals
    signal input rows[INSTRUMENTS][PACKED + 2];    // packed columns, long charge, short charge
    signal input blocks[BLOCKS][5];                // threshold and rate of delta, of vega; continues
    // ---- PRIVATE: of the account held, then of the account after ----
    signal input positions[2][INSTRUMENTS];        // lots
    signal input collateral[2][ASSETS];            // lots
    signal input cash[2];                          // millionths of quote currency
    // ---- PRIVATE ----
    signal input blinding;                         // of the state before: viewing key + sequence
    signal input part;                             // of everything that the lot takes, 2^-32
    signal input level;                            // basis points: above coverage before, reached by a slice

    // 1. Terms.
    component read = ReadLotTerms();
    read.terms <== terms;
    signal slice <== 1 - read.closeOut;

    // 2. The account held and the account after.
    component account[2];
    component packed[2];
    for (var i = 0; i < 2; i++) {
        account[i] = Worth(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS);
        account[i].lots <== positions[i];
        account[i].collateral <== collateral[i];
        account[i].cash <== cash[i];
        account[i].policy <== policy;
        account[i].debtRate <== debtRate;
        account[i].prices <== prices;
        account[i].rows <== rows;
        account[i].blocks <== blocks;
        packed[i] = PackHoldings(INSTRUMENTS, ASSETS);
        packed[i].positions <== account[i].positions;
        packed[i].collateral <== account[i].quantities;
        packed[i].cash <== account[i].checkedCash;
    }

    // 3. The lot. Of an asset without weight nothing is sold: no margin rests on it, and its price may be nobody's.
    LotPart()(part, read.closeOut);
    component portion[INSTRUMENTS];
    for (var j = 0; j < INSTRUMENTS; j++) {
        portion[j] = PartOf();
        portion[j].given <== positions[HELD][j] - positions[AFTER][j];
        portion[j].held <== positions[HELD][j];
        portion[j].part <== part;
    }
    signal given[ASSETS];
    signal weighs[ASSETS];
    signal counted[ASSETS];
    component sold[ASSETS];
    for (var a = 0; a < ASSETS; a++) {
        given[a] <== collateral[HELD][a] - collateral[AFTER][a];
        weighs[a] <== NonZero()(policy[a][TIERS]);
        counted[a] <== weighs[a] * collateral[HELD][a];
        sold[a] = PartOf();
        sold[a].given <== given[a];
        sold[a].held <== counted[a];
        sold[a].part <== part;
    }

    // 4. Collateral at its price, and at the first weight of its asset.
    signal paid[ASSETS];
    signal weighted[ASSETS];
    var unit = 0;
    var first = 0;
    for (var a = 0; a < ASSETS; a++) {
        paid[a] <== prices[a] * given[a];
        weighted[a] <== policy[a][TIERS] * paid[a];
        unit += paid[a];
        first += weighted[a];
    }
    var ofCash = account[HELD].owned - account[AFTER].owned;

    // 5. Levels, discount, size.
    component levels = LotLevels(bitLength(maxSurplus(INSTRUMENTS, ASSETS)));
    levels.level <== level;
    levels.evidence <== read.evidence;
    levels.target <== read.target;
    levels.slice <== slice;
    component offer = LotDiscount(bitLength(maxMargin(INSTRUMENTS, ASSETS)));
    for (var i = 0; i < 2; i++) {
        levels.equity[i] <== account[i].equity;
        levels.margin[i] <== account[i].maintenance;
        offer.equity[i] <== account[i].equity;
        offer.margin[i] <== account[i].maintenance;
    }
    offer.discount <== read.discount;
    offer.slice <== slice;
    offer.first <== first + E6_TO_E20 * ofCash;
    component sized = LotSize();
    sized.told <== size;
    sized.worth <== unit + E6_TO_E16 * ofCash;

    // 6. Commitments.
    component before = Commitment(purposeState(), INSTRUMENTS, MOVABLE + 1);
    component after = Commitment(purposeState(), INSTRUMENTS, MOVABLE + 1);
    component lot = Commitment(purposeFill(), INSTRUMENTS, MOVABLE + 1);
    for (var e = 0; e < MOVABLE; e++) {
        var joined = 0;
        if (e >= POSITION_ELEMENTS) {
            joined = credit[e - POSITION_ELEMENTS];
        }
        before.elements[e] <== packed[HELD].elements[e] - joined;
        after.elements[e] <== packed[AFTER].elements[e];
        lot.elements[e] <== packed[HELD].elements[e] - packed[AFTER].elements[e];
    }
    before.elements[MOVABLE] <== blinding;
    after.elements[MOVABLE] <== Onward()(blinding);
    lot.elements[MOVABLE] <== Commitment(purposeLotBlinding(), 0, 2)([blinding, after.commitment]);
    before.commitment === stateBefore;
    after.commitment === stateAfter;
    lot.commitment === fill;

    // 7. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

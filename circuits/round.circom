// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/range.circom";
include "lib/packing.circom";
include "lib/commitment.circom";
include "lib/covered.circom";
include "lib/distinct.circom";
include "lib/expiry.circom";

/// MEMBERS accounts step at once by private fills that add up to zero in every position, every asset and cash, and each
/// account after has coverage of at least a level. The account committed to by `stateBefore[k]` becomes the one committed
/// to by `stateAfter[k]`.
///
/// Plan   1. read the level
///        2. the last member's fill is what makes all of them add up to zero, in every packed element
///        3. each member: the account after is in range and at least at the level; the one before is that less the fill,
///           element by element; the sequence grows by one, from any state but genesis; commitments
///        4. no state takes part twice
///        5. bind the context
///
/// Width      A fill is the difference of two accounts in range: a position changes by less than 2^32, a quantity and cash by
///            less than 2^64. Let D_i be the sum of the fills of all members in piece i of a packed element: |D_i| is below
///            MEMBERS * 2^32 <= 2^36 (MEMBERS * 2^64 < 2^84), and the sum of D_i * 2^(36 i) below the field's order in
///            absolute value. As it is zero, D_0 is a multiple of 2^36 and smaller, so zero; then D_1, and so on.
///
/// Params     MEMBERS   at most 16; BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS as in `Account`
/// Unchecked  that accounts before were in range: every state descends from genesis by checked steps, on which the width rests;
///            that states are those of accounts on chain, each in its own place: whoever relies on the round checks it. An
///            account that steps in two places, from one state to a second and from that to a third, gains nothing by it;
///            that a place is anybody's: one without a member must hold an account without holdings before and after (two
///            public constants), or an account that nobody owns is given what nobody wants;
///            bounds of policy, prices and board: whoever supplies public inputs bounds them
template Round(MEMBERS, BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    var MOVABLE = movableElements(INSTRUMENTS, ASSETS);
    assert(MEMBERS * (1 << 32) <= 1 << positionStride());

    // ---- PUBLIC: of the proof ----
    signal input stateBefore[MEMBERS];             // commitments to the accounts before
    signal input stateAfter[MEMBERS];              // commitments to the accounts after
    signal input level;                            // basis points
    signal input context;                          // what the proof is for: bound, not interpreted
    // ---- PUBLIC: of policy, prices, board ----
    signal input policy[ASSETS][3 * TIERS + 1];    // boundaries, weights, intercepts, scan lots
    signal input debtRate;                         // basis points
    signal input prices[ASSETS];                   // per lot, 16 decimals
    signal input rows[INSTRUMENTS][PACKED + 2];    // packed columns, long charge, short charge
    signal input blocks[BLOCKS][5];                // threshold and rate of delta, of vega; continues
    // ---- PRIVATE ----
    signal input positionsAfter[MEMBERS][INSTRUMENTS]; // lots
    signal input collateralAfter[MEMBERS][ASSETS]; // lots
    signal input cashAfter[MEMBERS];               // millionths of quote currency
    signal input blindingBefore[MEMBERS];          // viewing key + sequence
    signal input fill[MEMBERS - 1][MOVABLE];       // packed deltas of positions and collateral, then cash

    // 1. Level.
    _ <== Unsigned(20)(level);

    // 2. Conservation.
    signal lastFill[MOVABLE];
    for (var e = 0; e < MOVABLE; e++) {
        var sum = 0;
        for (var k = 0; k < MEMBERS - 1; k++) {
            sum += fill[k][e];
        }
        lastFill[e] <== -sum;
    }

    // 3. Members.
    component member[MEMBERS];
    for (var k = 0; k < MEMBERS; k++) {
        member[k] = RoundMember(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS);
        member[k].positionsAfter <== positionsAfter[k];
        member[k].collateralAfter <== collateralAfter[k];
        member[k].cashAfter <== cashAfter[k];
        member[k].blindingBefore <== blindingBefore[k];
        if (k < MEMBERS - 1) {
            member[k].fill <== fill[k];
        } else {
            member[k].fill <== lastFill;
        }
        member[k].level <== level;
        member[k].policy <== policy;
        member[k].debtRate <== debtRate;
        member[k].prices <== prices;
        member[k].rows <== rows;
        member[k].blocks <== blocks;
        member[k].stateBefore === stateBefore[k];
        member[k].stateAfter === stateAfter[k];
    }

    // 4. States.
    Distinct(MEMBERS)(stateBefore);

    // 5. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

/// One member's step: see `Round`.
/// Outputs    stateBefore, stateAfter  commitments
template RoundMember(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    var MOVABLE = movableElements(INSTRUMENTS, ASSETS);
    signal input positionsAfter[INSTRUMENTS];
    signal input collateralAfter[ASSETS];
    signal input cashAfter;
    signal input blindingBefore;
    signal input fill[MOVABLE];
    signal input level;
    signal input policy[ASSETS][3 * TIERS + 1];
    signal input debtRate;
    signal input prices[ASSETS];
    signal input rows[INSTRUMENTS][PACKED + 2];
    signal input blocks[BLOCKS][5];
    signal output stateBefore;
    signal output stateAfter;

    component covered = Covered(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS);
    covered.lots <== positionsAfter;
    covered.collateral <== collateralAfter;
    covered.cash <== cashAfter;
    covered.level <== level;
    covered.policy <== policy;
    covered.debtRate <== debtRate;
    covered.prices <== prices;
    covered.rows <== rows;
    covered.blocks <== blocks;
    for (var j = 0; j < INSTRUMENTS; j++) {
        _ <== covered.positions[j];
    }

    component before = Commitment(purposeState(), INSTRUMENTS, MOVABLE + 1);
    component after = Commitment(purposeState(), INSTRUMENTS, MOVABLE + 1);
    for (var e = 0; e < MOVABLE; e++) {
        after.elements[e] <== covered.elements[e];
        before.elements[e] <== covered.elements[e] - fill[e];
    }
    before.elements[MOVABLE] <== blindingBefore;
    after.elements[MOVABLE] <== Onward()(blindingBefore);
    stateBefore <== before.commitment;
    stateAfter <== after.commitment;
}

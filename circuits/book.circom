// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/range.circom";
include "lib/packing.circom";
include "lib/commitment.circom";
include "lib/covered.circom";
include "lib/tree.circom";

/// Bits from one packed position total to the next, and totals in one element.
function totalStride() { return 63; }
function totalsPerElement() { return 4; }

/// MEMBERS accounts of a venue stand in consecutive leaves of the tree with this root, each has coverage of at least a
/// level, and `totalsAfter` commits to what `totalsBefore` commits to and what they hold: every position, every asset, cash
/// and the count of members. The first of the leaves is at the place that the totals before have counted to.
///
/// Plan   1. read the level, and the place in the count before: a multiple of MEMBERS
///        2. each member: the account is in range and at least at the level; its commitment and tag are its leaf; where the
///           leaf is not used, both are zero and the account holds nothing. Used leaves come first
///        3. totals after are totals before and all that the members hold, packed element by packed element
///        4. the leaves are in their place of the lowest node, and every node in its place of the one above
///        5. commitments to totals
///        6. bind the context
///
/// Width      Places are below 2^20 by the digits of the count, so totals are of at most 2^20 accounts in range: a position
///            total is at most 2^51 (stride 63), one of collateral below 2^84 (stride 84, never negative), cash at most 2^83.
///            Starting from totals of nothing, no piece reaches its neighbour.
///
/// Params     MEMBERS   a power of two that divides the arity of the tree; BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS as in `Account`
/// Unchecked  that the chain of totals starts from nothing and has no gap: whoever relies on a book sees that each step's totals
///            before are the totals after of the one before it, and the first ones the constant of no totals;
///            that the root is the book's: all steps have the same one;
///            that tags are of different members: each member checks its own (id, salt), and its place against the count;
///            that states are blinded, or anybody's: a venue that adds accounts of its own adds what they owe as well;
///            bounds of policy, prices and board: whoever supplies public inputs bounds them
template Book(MEMBERS, BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    var POSITION_TOTALS = elementsFor(INSTRUMENTS, totalsPerElement());
    var COLLATERAL_TOTALS = elementsFor(ASSETS, widePerElement());
    var TOTALS = POSITION_TOTALS + COLLATERAL_TOTALS + 2;
    var LEVELS = bookDepth() - 1;
    var ARITY = treeArity();
    var PLACE_BITS = 4 * bookDepth();
    var MEMBER_BITS = bitLength(MEMBERS - 1);
    assert(1 << MEMBER_BITS == MEMBERS && MEMBERS <= ARITY);

    // ---- PUBLIC: of the proof ----
    signal input root;                             // of the book's tree
    signal input totalsBefore;                     // commitment
    signal input totalsAfter;                      // commitment
    signal input level;                            // basis points
    signal input context;                          // what the proof is for: bound, not interpreted
    // ---- PUBLIC: of policy, prices, board ----
    signal input policy[ASSETS][3 * TIERS + 1];    // boundaries, weights, intercepts, scan lots
    signal input debtRate;                         // basis points
    signal input prices[ASSETS];                   // per lot, 16 decimals
    signal input rows[INSTRUMENTS][PACKED + 2];    // packed columns, long charge, short charge
    signal input blocks[BLOCKS][5];                // threshold and rate of delta, of vega; continues
    // ---- PRIVATE ----
    signal input used[MEMBERS];                    // whether the leaf has a member
    signal input tag[MEMBERS];                     // binds the leaf to the member
    signal input positions[MEMBERS][INSTRUMENTS];  // lots
    signal input collateral[MEMBERS][ASSETS];      // lots
    signal input cash[MEMBERS];                    // millionths of quote currency
    signal input blinding[MEMBERS];                // viewing key + sequence
    signal input totals[TOTALS];                   // before: packed positions, packed collateral, cash, count
    signal input totalsBlinding[2];                // before and after
    signal input leaves[ARITY][2];                 // of the lowest node: state and tag
    signal input children[LEVELS][ARITY];          // of the nodes above, from the lowest

    // 1. Level and place.
    _ <== Unsigned(20)(level);
    signal {binary} place[PLACE_BITS] <== ToBits(PLACE_BITS)(totals[TOTALS - 1]);
    for (var i = 0; i < MEMBER_BITS; i++) {
        place[i] === 0;
    }

    // 2. Members.
    component member[MEMBERS];
    for (var k = 0; k < MEMBERS; k++) {
        member[k] = BookMember(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS);
        member[k].used <== used[k];
        member[k].tag <== tag[k];
        member[k].lots <== positions[k];
        member[k].collateral <== collateral[k];
        member[k].cash <== cash[k];
        member[k].blinding <== blinding[k];
        member[k].level <== level;
        member[k].policy <== policy;
        member[k].debtRate <== debtRate;
        member[k].prices <== prices;
        member[k].rows <== rows;
        member[k].blocks <== blocks;
        if (k > 0) {
            used[k] * (1 - used[k - 1]) === 0;
        }
    }

    // 3. Totals.
    signal after[TOTALS];
    for (var e = 0; e < TOTALS; e++) {
        var sum = totals[e];
        for (var k = 0; k < MEMBERS; k++) {
            if (e < TOTALS - 1) {
                sum += member[k].held[e];
            } else {
                sum += used[k];
            }
        }
        after[e] <== sum;
    }

    // 4. The tree.
    component part = PartOfNode(MEMBERS);
    part.leaves <== leaves;
    for (var k = 0; k < MEMBERS; k++) {
        part.part[k] <== member[k].leaf;
    }
    component partAt;
    if (MEMBERS < ARITY) {
        partAt = OneHot(4 - MEMBER_BITS);
        for (var i = 0; i < 4 - MEMBER_BITS; i++) {
            partAt.digits[i] <== place[MEMBER_BITS + i];
        }
        part.selected <== partAt.selected;
    } else {
        part.selected[0] <== 1;
    }
    component above[LEVELS];
    for (var l = 0; l < LEVELS; l++) {
        above[l] = NodeAbove();
        above[l].children <== children[l];
        for (var i = 0; i < 4; i++) {
            above[l].place[i] <== place[4 * (l + 1) + i];
        }
        if (l == 0) {
            above[l].child <== part.node;
        } else {
            above[l].child <== above[l - 1].node;
        }
    }
    above[LEVELS - 1].node === root;

    // 5. Commitments.
    component committed[2];
    for (var c = 0; c < 2; c++) {
        committed[c] = Commitment(purposeBookTotals(), INSTRUMENTS, TOTALS + 1);
        for (var e = 0; e < TOTALS; e++) {
            if (c == 0) {
                committed[c].elements[e] <== totals[e];
            } else {
                committed[c].elements[e] <== after[e];
            }
        }
        committed[c].elements[TOTALS] <== totalsBlinding[c];
    }
    committed[0].commitment === totalsBefore;
    committed[1].commitment === totalsAfter;

    // 6. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

/// One member's account: see `Book`.
/// Outputs    leaf  state and tag, zero where the leaf is not used
///            held  packed positions, packed collateral, cash, as in totals
template BookMember(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS) {
    var INSTRUMENTS = BLOCKS * ROWS;
    var PACKED = elementsFor(SCENARIOS + 3, widePerElement());
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());
    var MOVABLE = movableElements(INSTRUMENTS, ASSETS);
    var POSITION_TOTALS = elementsFor(INSTRUMENTS, totalsPerElement());
    signal input used;
    signal input tag;
    signal input lots[INSTRUMENTS];
    signal input collateral[ASSETS];
    signal input cash;
    signal input blinding;
    signal input level;
    signal input policy[ASSETS][3 * TIERS + 1];
    signal input debtRate;
    signal input prices[ASSETS];
    signal input rows[INSTRUMENTS][PACKED + 2];
    signal input blocks[BLOCKS][5];
    signal output leaf[2];
    signal output held[POSITION_TOTALS + COLLATERAL_ELEMENTS + 1];

    component covered = Covered(BLOCKS, ROWS, ASSETS, TIERS, SCENARIOS);
    covered.lots <== lots;
    covered.collateral <== collateral;
    covered.cash <== cash;
    covered.level <== level;
    covered.policy <== policy;
    covered.debtRate <== debtRate;
    covered.prices <== prices;
    covered.rows <== rows;
    covered.blocks <== blocks;

    // An element is zero exactly where its pieces are, as these are in range.
    used * (used - 1) === 0;
    component state = Commitment(purposeState(), INSTRUMENTS, MOVABLE + 1);
    for (var e = 0; e < MOVABLE; e++) {
        (1 - used) * covered.elements[e] === 0;
        state.elements[e] <== covered.elements[e];
    }
    state.elements[MOVABLE] <== blinding;
    leaf[0] <== used * state.commitment;
    leaf[1] <== used * tag;

    signal totals[POSITION_TOTALS] <== Pack(INSTRUMENTS, totalStride(), totalsPerElement())(covered.positions);
    for (var e = 0; e < POSITION_TOTALS; e++) {
        held[e] <== totals[e];
    }
    for (var e = POSITION_ELEMENTS; e < MOVABLE; e++) {
        held[POSITION_TOTALS + e - POSITION_ELEMENTS] <== covered.elements[e];
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "commitment.circom";

// A tree of fixed depth. A lowest node commits to sixteen leaves of two elements each, every other one to sixteen nodes.

// What a commitment is of, besides those of commitment.circom.
function purposeBookLeaves() { return 9; }
function purposeBookNode() { return 10; }
function purposeBookTotals() { return 11; }

/// Leaves of a lowest node, and children of every other.
function treeArity() { return 16; }

/// Levels of nodes in the tree of a book: 2^20 leaves.
function bookDepth() { return 5; }

/// The place that binary digits name, lowest first, among 2^BITS: 1 there, else 0.
template OneHot(BITS) {
    signal input {binary} digits[BITS];
    signal output selected[1 << BITS];

    // Each digit splits every place that the digits before it name in two.
    signal upper[1 << BITS];
    upper[0] <== 1;
    var place[1 << BITS];
    place[0] = upper[0];
    for (var i = 0; i < BITS; i++) {
        for (var p = 0; p < 1 << i; p++) {
            upper[(1 << i) + p] <== place[p] * digits[i];
            place[(1 << i) + p] = upper[(1 << i) + p];
            place[p] -= upper[(1 << i) + p];
        }
    }
    for (var p = 0; p < 1 << BITS; p++) {
        selected[p] <== place[p];
    }
}

/// The lowest node that has some leaves at a place of it.
/// Params     COUNT     leaves at a place, which divide the arity
/// Inputs     leaves    all leaves of the node
///            part      those at the place, enforced here to be the node's
///            selected  1 at the place, else 0
/// Outputs    node
template PartOfNode(COUNT) {
    var ARITY = treeArity();
    var PARTS = ARITY \ COUNT;
    assert(COUNT * PARTS == ARITY);
    signal input leaves[ARITY][2];
    signal input part[COUNT][2];
    signal input selected[PARTS];
    signal output node;

    signal found[PARTS][COUNT][2];
    component committed = Commitment(purposeBookLeaves(), 0, 2 * ARITY);
    for (var k = 0; k < COUNT; k++) {
        for (var i = 0; i < 2; i++) {
            var sum = 0;
            for (var p = 0; p < PARTS; p++) {
                found[p][k][i] <== selected[p] * leaves[p * COUNT + k][i];
                sum += found[p][k][i];
                committed.elements[2 * (p * COUNT + k) + i] <== leaves[p * COUNT + k][i];
            }
            sum === part[k][i];
        }
    }
    node <== committed.commitment;
}

/// The node that has a node at a place.
/// Inputs     children  all nodes under it
///            child     the one at the place, enforced here
///            place     binary digits, lowest first
/// Outputs    node
template NodeAbove() {
    var ARITY = treeArity();
    signal input children[ARITY];
    signal input child;
    signal input {binary} place[4];
    signal output node;

    signal selected[ARITY] <== OneHot(4)(place);
    signal found[ARITY];
    var sum = 0;
    for (var p = 0; p < ARITY; p++) {
        found[p] <== selected[p] * children[p];
        sum += found[p];
    }
    sum === child;
    node <== Commitment(purposeBookNode(), 0, ARITY)(children);
}

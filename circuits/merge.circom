// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/packing.circom";
include "lib/commitment.circom";
include "lib/holdings.circom";

/// The private account committed to by `stateMerged` holds what the ones committed to by `stateLeft` and `stateRight` hold
/// together: every position, every asset and cash is the sum of theirs.
///
/// Plan   1. open left and right, range-checking every piece
///        2. merged is their sum, packed element by packed element, under a blinding of its own
///        3. no state is unblinded
///        4. bind the context
///
/// Params     INSTRUMENTS, ASSETS as in sizes.json
/// Unchecked  that the sums are in the range of an account: they have one reading, by the guard gaps, and whoever takes the
///            merged state next checks it: this circuit as left or right, `Account` as its state after;
///            that left and right are somebody's accounts, not one account twice, nor parts of one another: whoever relies
///            on a tree of these proofs sees that each state is in it once, and who vouches for its leaves;
///            that the blinding of the merged state is new: whoever merges keeps the contents from being compared
template Merge(INSTRUMENTS, ASSETS) {
    var ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement()) + elementsFor(ASSETS, widePerElement()) + 1;

    // ---- PUBLIC ----
    signal input stateLeft;                        // commitments
    signal input stateRight;
    signal input stateMerged;
    signal input context;                          // what the proof is for: bound, not interpreted
    // ---- PRIVATE ----
    signal input positionsLeft[INSTRUMENTS];       // lots
    signal input collateralLeft[ASSETS];           // lots
    signal input cashLeft;                         // millionths of quote currency
    signal input blindingLeft;                     // viewing key + sequence
    signal input positionsRight[INSTRUMENTS];
    signal input collateralRight[ASSETS];
    signal input cashRight;
    signal input blindingRight;
    signal input blindingMerged;

    // 1. Left and right.
    component left = Holdings(INSTRUMENTS, ASSETS);
    left.positions <== positionsLeft;
    left.collateral <== collateralLeft;
    left.cash <== cashLeft;
    left.blinding <== blindingLeft;
    left.commitment === stateLeft;
    component right = Holdings(INSTRUMENTS, ASSETS);
    right.positions <== positionsRight;
    right.collateral <== collateralRight;
    right.cash <== cashRight;
    right.blinding <== blindingRight;
    right.commitment === stateRight;

    // 2. Merged.
    component merged = Commitment(purposeState(), INSTRUMENTS, ELEMENTS + 1);
    for (var e = 0; e < ELEMENTS; e++) {
        merged.elements[e] <== left.elements[e] + right.elements[e];
    }
    merged.elements[ELEMENTS] <== blindingMerged;
    merged.commitment === stateMerged;

    // 3. Blindings.
    Blinded(3)([blindingLeft, blindingRight, blindingMerged]);

    // 4. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/range.circom";
include "lib/packing.circom";
include "lib/commitment.circom";
include "lib/expiry.circom";

/// The private account committed to by `stateBefore` becomes the one committed to by `stateAfter` when the instruments
/// that `marks` says have expired are paid out in cash and nothing else changes.
///
/// Plan   1. range-check the positions before; drop the expired ones, adding up what they are paid
///        2. cash after is cash before and what was paid, and in range; collateral stays
///        3. the sequence grows by one, from any state but genesis
///        4. commitments
///        5. bind the context
///
/// Params     INSTRUMENTS, ASSETS as in sizes.json
/// Unchecked  that cash and collateral before were in range: every state descends from genesis by checked steps;
///            that values are below 2^42 in absolute value and marks are the settlement's: whoever supplies public inputs
///            sees to both, and must not take them (or their point) from whoever settles: an account that named its
///            own marks would pay itself;
///            that each settlement meets each account once and in order: a second one finds no expired position, but an
///            account that was skipped keeps positions in a row that may by then be another instrument's;
///            that positions in a row between its expiry and its next listing cost anything: to settle does not close the row,
///            and two accounts that take opposite sides of it then would be owed and owe whatever is listed there next. A
///            row that is not listed must carry charges that no account can cover;
///            that an account is solvent afterwards: settling is never refused for lack of margin;
///            that cash after fits: an account whose cash would leave 64 bits cannot settle and stands still, which
///            charges that make such positions unaffordable prevent;
///            whatever is outside the account, lots held for a liquidation in particular: they do not settle here
template Settlement(INSTRUMENTS, ASSETS) {
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());
    var ELEMENTS = POSITION_ELEMENTS + COLLATERAL_ELEMENTS + 2;

    // ---- PUBLIC: of the proof ----
    signal input stateBefore;                      // commitment to the account before
    signal input stateAfter;                       // commitment to the account after
    signal input context;                          // what the proof is for: bound, not interpreted
    // ---- PUBLIC: of the settlement ----
    signal input marks[INSTRUMENTS][2];            // whether it expires, what a lot of it settles at
    // ---- PRIVATE ----
    signal input positionsBefore[INSTRUMENTS];     // lots
    signal input collateral[COLLATERAL_ELEMENTS];  // packed lots, as both states hold them
    signal input cashBefore;                       // millionths of quote currency
    signal input blindingBefore;                   // viewing key + sequence

    // 1. Positions.
    component expiry = Expiry(INSTRUMENTS);
    expiry.lots <== positionsBefore;
    expiry.marks <== marks;
    signal packedBefore[POSITION_ELEMENTS] <==
        Pack(INSTRUMENTS, positionStride(), positionsPerElement())(expiry.checkedLots);
    signal packedAfter[POSITION_ELEMENTS] <==
        Pack(INSTRUMENTS, positionStride(), positionsPerElement())(expiry.keptLots);

    // 2. Cash.
    signal cashAfter <== cashBefore + expiry.paid;
    (_, _) <== Signed(64)(cashAfter);

    // 3. Sequence.
    signal blindingAfter <== Onward()(blindingBefore);

    // 4. Commitments.
    component before = Commitment(purposeState(), INSTRUMENTS, ELEMENTS);
    component after = Commitment(purposeState(), INSTRUMENTS, ELEMENTS);
    for (var e = 0; e < POSITION_ELEMENTS; e++) {
        before.elements[e] <== packedBefore[e];
        after.elements[e] <== packedAfter[e];
    }
    for (var e = 0; e < COLLATERAL_ELEMENTS; e++) {
        before.elements[POSITION_ELEMENTS + e] <== collateral[e];
        after.elements[POSITION_ELEMENTS + e] <== collateral[e];
    }
    before.elements[ELEMENTS - 2] <== cashBefore;
    after.elements[ELEMENTS - 2] <== cashAfter;
    before.elements[ELEMENTS - 1] <== blindingBefore;
    after.elements[ELEMENTS - 1] <== blindingAfter;
    before.commitment === stateBefore;
    after.commitment === stateAfter;

    // 5. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

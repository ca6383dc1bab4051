// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "lib/range.circom";
include "lib/ledger.circom";
include "lib/packing.circom";
include "lib/commitment.circom";
include "lib/haircut.circom";

/// The private account committed to by `state`, added up at public weights, gives a figure between `low` and `high`;
/// OR whoever made the proof knows the secret behind `auditor`. The auditor, who has kept his secret, knows which; to
/// everybody else he may have made the proof himself, of anything.
///
/// Plan   1. range-check the account, adding it up at the weights on the way
///        2. it is what the state commits to, unless simulated
///        3. the figure is in the band, unless simulated
///        4. where simulated, the secret is that of the auditor's key
///        5. bind the context
///
/// Params     INSTRUMENTS, ASSETS, TIERS as in sizes.json
/// Unchecked  bounds and meaning of the weights: the verifier computes them from the figure asked for, and bounds them;
///            that the band is not empty: of an empty band a proof can only be simulated, and shows that its maker knows
///            the secret;
///            that the state is anything's: that it stands on a chain, or that somebody vouches for it, is shown elsewhere;
///            that the auditor's key is the auditor's: he compares it with his secret, nobody else can rely on a proof
template Disclosure(INSTRUMENTS, ASSETS, TIERS) {
    var POSITION_ELEMENTS = elementsFor(INSTRUMENTS, positionsPerElement());
    var COLLATERAL_ELEMENTS = elementsFor(ASSETS, widePerElement());
    var ELEMENTS = POSITION_ELEMENTS + COLLATERAL_ELEMENTS + 2;
    var BITS = bitLength(2 * maxEquity(INSTRUMENTS, ASSETS)); // of a figure less an end of its band

    // ---- PUBLIC: of the proof ----
    signal input state;                            // commitment to the account
    signal input low;                              // ends of the band, both inside, in the unit of the figure
    signal input high;
    signal input auditor;                          // commitment to the auditor's secret
    signal input context;                          // what the proof is for: bound, not interpreted
    // ---- PUBLIC: weights ----
    signal input policy[ASSETS][3 * TIERS];        // boundaries, weights, intercepts
    signal input prices[ASSETS];                   // per lot and basis point of weight
    signal input cashWeight;                       // per millionth of quote currency
    signal input marks[INSTRUMENTS];               // per lot
    // ---- PRIVATE ----
    signal input positions[INSTRUMENTS];           // lots
    signal input collateral[ASSETS];               // lots
    signal input cash;                             // millionths of quote currency
    signal input blinding;                         // viewing key + sequence
    signal input simulated;                        // 1 where the auditor made this himself, else 0
    signal input secret;                           // the auditor's, where simulated

    // 1. The account and its figure.
    component haircut[ASSETS];
    signal {maxbit} quantities[ASSETS];
    signal ofAsset[ASSETS];
    var sum = 0;
    for (var a = 0; a < ASSETS; a++) {
        haircut[a] = TierValue(TIERS);
        haircut[a].quantity <== collateral[a];
        for (var t = 0; t < TIERS; t++) {
            haircut[a].boundary[t] <== policy[a][t];
            haircut[a].weight[t] <== policy[a][TIERS + t];
            haircut[a].intercept[t] <== policy[a][2 * TIERS + t];
        }
        quantities[a] <== haircut[a].checkedQuantity;
        ofAsset[a] <== prices[a] * haircut[a].weightedLotsBps;
        sum += ofAsset[a];
    }
    signal {maxbit} lots[INSTRUMENTS];
    signal ofInstrument[INSTRUMENTS];
    lots.maxbit = 31;
    for (var j = 0; j < INSTRUMENTS; j++) {
        (lots[j], _) <== Signed(32)(positions[j]);
        ofInstrument[j] <== marks[j] * positions[j];
        sum += ofInstrument[j];
    }
    (_, _) <== Signed(64)(cash);
    signal ofCash <== cashWeight * cash;
    signal figure <== sum + ofCash;

    // 2. The state.
    simulated * (simulated - 1) === 0;
    signal shown <== 1 - simulated;
    signal packedPositions[POSITION_ELEMENTS] <== Pack(INSTRUMENTS, positionStride(), positionsPerElement())(lots);
    signal packedCollateral[COLLATERAL_ELEMENTS] <== Pack(ASSETS, wideStride(), widePerElement())(quantities);
    component opened = Commitment(purposeState(), INSTRUMENTS, ELEMENTS);
    for (var e = 0; e < POSITION_ELEMENTS; e++) {
        opened.elements[e] <== packedPositions[e];
    }
    for (var e = 0; e < COLLATERAL_ELEMENTS; e++) {
        opened.elements[POSITION_ELEMENTS + e] <== packedCollateral[e];
    }
    opened.elements[ELEMENTS - 2] <== cash;
    opened.elements[ELEMENTS - 1] <== blinding;
    shown * (opened.commitment - state) === 0;

    // 3. The band.
    signal aboveLow <== shown * (figure - low);
    signal belowHigh <== shown * (high - figure);
    _ <== Unsigned(BITS)(aboveLow);
    _ <== Unsigned(BITS)(belowHigh);

    // 4. The auditor.
    component key = Commitment(purposeAuditorKey(), 0, 1);
    key.elements[0] <== secret;
    simulated * (key.commitment - auditor) === 0;

    // 5. A public input in no constraint could be exchanged in a finished proof.
    signal contextSquared <== context * context;
}

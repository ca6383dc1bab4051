// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "packing.circom";

/// Reads a public transfer, `asset * 2^65 + amount + 2^64`, into what it adds to each packed element of collateral and to
/// cash. Index ASSETS is cash.
/// Params     ASSETS  must be 15: the index has four bits
/// Inputs     transfer  public; its range is enforced here
/// Outputs    collateral  packed as collateral is
///            cash        signed
template ReadTransfer(ASSETS) {
    assert(ASSETS == 15);
    signal input transfer;
    signal output collateral[elementsFor(ASSETS, widePerElement())];
    signal output cash;

    var AMOUNT_BITS = 65;
    signal bits[AMOUNT_BITS + 4] <== ToBits(AMOUNT_BITS + 4)(transfer);
    var amount = -(1 << (AMOUNT_BITS - 1));
    for (var i = 0; i < AMOUNT_BITS; i++) {
        amount += bits[i] * (1 << i);
    }

    // One-hot of the asset index, as the outer product of two one-hots of two bits each.
    signal both[2];
    var half[2][4];
    for (var h = 0; h < 2; h++) {
        var low = bits[AMOUNT_BITS + 2 * h];
        var high = bits[AMOUNT_BITS + 2 * h + 1];
        both[h] <== low * high;
        half[h] = [1 - low - high + both[h], low - both[h], high - both[h], both[h]];
    }
    signal isAsset[ASSETS + 1];
    for (var a = 0; a <= ASSETS; a++) {
        isAsset[a] <== half[0][a % 4] * half[1][a \ 4];
    }

    for (var e = 0; e < elementsFor(ASSETS, widePerElement()); e++) {
        var place = 0;
        for (var i = 0; i < widePerElement(); i++) {
            place += isAsset[e * widePerElement() + i] * (1 << (wideStride() * i));
        }
        collateral[e] <== amount * place;
    }
    cash <== amount * isAsset[ASSETS];
}

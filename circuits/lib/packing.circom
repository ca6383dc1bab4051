// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Vectors of small signed integers packed into field elements, first piece lowest: element = sum of piece_i * 2^(i*STRIDE).
// Packed vectors add like integers. A piece is shorter than the stride by a guard gap, so that equal sums of two
// packed vectors are equal piece by piece: nothing carries into a neighbour.

/// Bits from one packed position to the next, and positions in one element.
function positionStride() { return 36; }
function positionsPerElement() { return 7; }

/// The same for collateral quantities and for the columns of a board row.
function wideStride() { return 84; }
function widePerElement() { return 3; }

/// Elements that hold COUNT pieces, PER to an element.
function elementsFor(COUNT, PER) { return (COUNT + PER - 1) \ PER; }

/// Packs COUNT pieces. Linear: no constraints of its own.
/// Inputs  pieces[COUNT] {maxbit}; two of them may be added or subtracted, and two such sums compared, without a carry
template Pack(COUNT, STRIDE, PER) {
    signal input {maxbit} pieces[COUNT];
    signal output elements[elementsFor(COUNT, PER)];

    assert(pieces.maxbit + 3 <= STRIDE);
    assert(STRIDE * PER <= 252);
    for (var e = 0; e < elementsFor(COUNT, PER); e++) {
        var sum = 0;
        for (var i = 0; i < PER && e * PER + i < COUNT; i++) {
            sum += pieces[e * PER + i] * (1 << (STRIDE * i));
        }
        elements[e] <== sum;
    }
}

/// Piece `index` of a packed element as a signed number. For hints only.
function unpackPiece(element, STRIDE, PER, index) {
    var offset = 0;
    for (var i = 0; i < PER; i++) {
        offset += 1 << (STRIDE * i + STRIDE - 1);
    }
    return (((element + offset) >> (STRIDE * index)) & ((1 << STRIDE) - 1)) - (1 << (STRIDE - 1));
}

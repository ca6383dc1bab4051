// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// A point of BN254's G1, affine; (0, 0) is the point at infinity.
struct G1 {
    uint256 x;
    uint256 y;
}

/// Arithmetic on BN254 through the precompiles of EIP-196 and EIP-197.
///
/// Safety rests on those precompiles refusing coordinates at or above the field's modulus, points off the curve and
/// points of G2 outside the subgroup. A precompile that runs out of gas looks like one that refuses its input, so
/// neither is ever answered with a value: both revert.
library Bn254 {
    /// Modulus of the coordinates.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// Order of the group, modulus of the scalars.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// A public input or market value at or above the group order. `index` counts from the first one given.
    error InputNotCanonical(uint256 index, uint256 value);
    /// A precompile did not run to its end: a malformed point, or too little gas. Says nothing about a proof.
    error PrecompileFailed(uint256 precompile);

    /// Whether the point is canonical, on the curve and not the point at infinity. G1 has no other subgroup.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        return x < Q && y < Q && mulmod(y, y, Q) == addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q);
    }

    function add(G1 memory a, G1 memory b) internal view returns (G1 memory sum) {
        bool ok;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mcopy(buffer, a, 0x40)
            mcopy(add(buffer, 0x40), b, 0x40)
            ok := staticcall(gas(), 6, buffer, 0x80, sum, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
        }
        if (!ok) revert PrecompileFailed(6);
    }

    /// Adds to a point the one that follows it in memory, in place.
    function addTo(uint256 point) internal view {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 6, point, 0x80, point, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
        }
        if (!ok) revert PrecompileFailed(6);
    }

    /// Multiplies a point in memory, in place. Overwrites the word that follows it.
    function multiply(uint256 point, uint256 scalar) internal view {
        bool ok;
        assembly ("memory-safe") {
            mstore(add(point, 0x40), scalar)
            ok := staticcall(gas(), 7, point, 0x60, point, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
        }
        if (!ok) revert PrecompileFailed(7);
    }

    /// Adds Σ scalar_i · point_i to `sum`, in place. Zero scalars cost next to nothing.
    /// @param points memory address of `count` points
    /// @param scalars memory address of `count` words, counted modulo the group order
    function addMultiples(G1 memory sum, uint256 points, uint256 scalars, uint256 count) internal view {
        bool ok = true;
        assembly ("memory-safe") {
            // sum | point, scalar: the product takes the point's place, so that the addition finds both operands.
            let buffer := mload(0x40)
            let point := add(buffer, 0x40)
            mcopy(buffer, sum, 0x40)
            for { let index := 0 } lt(index, count) { index := add(index, 1) } {
                let scalar := mload(add(scalars, shl(5, index)))
                if iszero(scalar) { continue }
                mcopy(point, add(points, shl(6, index)), 0x40)
                mstore(add(point, 0x40), scalar)
                ok := staticcall(gas(), 7, point, 0x60, point, 0x40)
                ok := and(ok, eq(returndatasize(), 0x40))
                if iszero(ok) { break }
                ok := staticcall(gas(), 6, buffer, 0x80, buffer, 0x40)
                ok := and(ok, eq(returndatasize(), 0x40))
                if iszero(ok) { break }
            }
            mcopy(sum, buffer, 0x40)
        }
        if (!ok) revert PrecompileFailed(7);
    }

    /// Whether the product of the pairings is one.
    /// @param input memory address of `pairs` times six words: G1 point, then G2 point with imaginary parts first
    function pairingIsOne(uint256 input, uint256 pairs) internal view returns (bool isOne) {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 8, input, mul(pairs, 0xc0), 0, 0x20)
            ok := and(ok, eq(returndatasize(), 0x20))
            isOne := eq(mload(0), 1)
        }
        if (!ok) revert PrecompileFailed(8);
    }
}

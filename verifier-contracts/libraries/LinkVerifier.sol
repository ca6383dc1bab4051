// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Bn254, G1} from "./Bn254.sol";

/// A point for market values, and the proof that it is theirs.
struct Link {
    /// P = Σ x_i·IC_i
    G1 point;
    /// Q = Σ x_i·[τ^i]_1
    G1 polynomial;
    /// π = Σ x_i·L_i
    G1 proof;
    /// W, the opening of Q at the challenge
    G1 opening;
}

/// Whether a point is the sum Σ x_i·IC_i over given values, without a multiplication for each (docs/link.md).
///
/// Safety rests on
/// - the link key: nobody may know its secrets, nor the τ of its powers; `checkKey` once, when it is taken;
/// - the caller: `first` and `count` are those of the group and nobody's choice, the values of the hash are the values that are
///   evaluated, and the subject names everything that the point is for (chain, contract, board, epoch);
/// - Keccak-256 as a random oracle.
/// There is one link of given values for a subject under a key: it cannot be changed into another one.
library LinkVerifier {
    /// Words of the head of a link key, which is all that is needed of it.
    uint256 internal constant HEAD_BYTES = 512;
    /// K1, K2 and [τ]_2 in the head.
    uint256 private constant SECRETS = 128;
    /// keccak256("plimsoll-link/1")
    bytes32 private constant TAG = keccak256("plimsoll-link/1");
    // Assembly reads literals only.
    uint256 private constant MODULUS = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    uint256 private constant ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 private constant G2_X1 = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 private constant G2_X0 = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 private constant G2_Y1 = 4082367875863433681332203403145435568316851327593401208105741076214120093531;
    uint256 private constant G2_Y0 = 8495653923123431417604973247489272438418190587263600148770280649306958101930;

    /// The pairings ran to their end: the point is not that of these values for this subject under this key.
    error LinkFalse();
    /// A coordinate at or above the modulus, or the point at infinity: 0 for P, 1 for Q, 2 for π, 3 for W. Nothing but zeros has four
    /// points at infinity under any key: it is refused here.
    error LinkPointRefused(uint256 point);
    /// Storage says zero before anything is written to it.
    error LinkSubjectZero();
    /// K1, K2 or [τ]_2 is at infinity, or two of them, or one and the generator, have one x: anybody could link any point.
    error LinkKeyRefused();

    /// Checks the head of a key. Reverts for points off the curve or outside the subgroup (`PrecompileFailed`), and `LinkKeyRefused`.
    /// @param head memory address of 512 bytes
    function checkKey(uint256 head) internal view {
        uint256[8] memory x;
        (x[0], x[1]) = (G2_X1, G2_X0);
        uint256[6] memory pair;
        (pair[0], pair[1]) = (1, 2);
        for (uint256 secret = 0; secret < 3; secret++) {
            uint256 any;
            for (uint256 part = 0; part < 4; part++) any |= pair[2 + part] = _word(head + SECRETS, 4 * secret + part);
            if (any == 0) revert LinkKeyRefused();
            (x[2 * secret + 2], x[2 * secret + 3]) = (pair[2], pair[3]);
            uint256 input;
            assembly ("memory-safe") {
                input := pair
            }
            Bn254.pairingIsOne(input, 1);
        }
        for (uint256 left = 0; left < 8; left += 2) {
            for (uint256 right = 0; right < left; right += 2) {
                if (x[left] == x[right] && x[left + 1] == x[right + 1]) revert LinkKeyRefused();
            }
        }
    }

    /// The hash that the first challenge is reduced from.
    /// @param keyId Keccak-256 of the head of the key
    /// @param subject what the point is for; not zero
    /// @param first number of the first public input of the values, counted from 1
    /// @param valuesHash what fixes the values: Keccak-256 of them, a word each, or of another form that has one reading
    function seedOf(
        bytes32 keyId,
        bytes32 subject,
        uint256 first,
        uint256 count,
        bytes32 valuesHash,
        Link calldata link
    ) internal pure returns (bytes32 seed) {
        if (subject == 0) revert LinkSubjectZero();
        bytes32 tag = TAG;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, tag)
            mstore(add(at, 0x20), keyId)
            mstore(add(at, 0x40), subject)
            mstore(add(at, 0x60), first)
            mstore(add(at, 0x80), count)
            mstore(add(at, 0xa0), valuesHash)
            calldatacopy(add(at, 0xc0), link, 0x80) // P, Q
            seed := keccak256(at, 0x140)
        }
    }

    /// Σ values[j]·ρ^(first + j). Refuses values at or above the group order. Parts of a group may be evaluated one by one, each from its
    /// own `first`, and added up modulo the order, when the seed is of all of them.
    function valueAt(uint256[] calldata values, uint256 first, bytes32 seed) internal pure returns (uint256 y) {
        uint256 rho = uint256(seed) % ORDER;
        bool refused;
        assembly ("memory-safe") {
            // Horner's rule from the last value to the first; four at a time, since there are thousands.
            let order := ORDER
            let largest := sub(order, 1)
            let begin := values.offset
            let at := add(begin, shl(5, values.length))
            for { let fours := add(begin, shl(7, shr(2, values.length))) } gt(at, fours) {} {
                at := sub(at, 0x20)
                let value := calldataload(at)
                refused := or(refused, gt(value, largest))
                y := addmod(mulmod(y, rho, order), value, order)
            }
            for {} gt(at, begin) {} {
                at := sub(at, 0x80)
                let value := calldataload(add(at, 0x60))
                refused := or(refused, gt(value, largest))
                y := addmod(mulmod(y, rho, order), value, order)
                value := calldataload(add(at, 0x40))
                refused := or(refused, gt(value, largest))
                y := addmod(mulmod(y, rho, order), value, order)
                value := calldataload(add(at, 0x20))
                refused := or(refused, gt(value, largest))
                y := addmod(mulmod(y, rho, order), value, order)
                value := calldataload(at)
                refused := or(refused, gt(value, largest))
                y := addmod(mulmod(y, rho, order), value, order)
            }
            for { let power := first } power { power := shr(1, power) } {
                if and(power, 1) { y := mulmod(y, rho, order) }
                rho := mulmod(rho, rho, order)
            }
        }
        if (refused) _refuseValue(values);
    }

    /// Returns if and only if the link holds for a polynomial of value `y` at the challenge; reverts otherwise.
    ///
    /// e(π, G2) = e(P, K1)·e(Q, K2) and, to the power of a second challenge that all points are part of,
    /// e(Q − y·G1 + ρ·W, G2) = e(W, [τ]_2): four pairings, four multiplications.
    ///
    /// @param head memory address of the head of a key that `checkKey` took
    /// @param seed of the values that `y` is of
    function check(uint256 head, bytes32 seed, uint256 y, Link calldata link) internal view {
        _checkPoints(link);
        uint256 pairs;
        uint256 fold;
        assembly ("memory-safe") {
            pairs := mload(0x40)
            // Four pairs of six words, and behind them room to work in.
            mstore(0x40, add(pairs, 0x400))
            mstore(pairs, seed)
            calldatacopy(add(pairs, 0x20), add(link, 0x80), 0x80) // π, W
            fold := mod(keccak256(pairs, 0xa0), ORDER)
        }
        uint256 sum = pairs + 0x300;
        // ρ·W − y·G1 + Q, times the fold, and π
        _copy(sum, link, 0xc0);
        Bn254.multiply(sum, uint256(seed) % ORDER);
        assembly ("memory-safe") {
            mstore(add(sum, 0x40), 1)
            mstore(add(sum, 0x60), 2)
        }
        Bn254.multiply(sum + 0x40, ORDER - y);
        Bn254.addTo(sum);
        _copy(sum + 0x40, link, 0x40);
        Bn254.addTo(sum);
        Bn254.multiply(sum, fold);
        _copy(sum + 0x40, link, 0x80);
        Bn254.addTo(sum);
        _copy(sum + 0x40, link, 0xc0);
        Bn254.multiply(sum + 0x40, ORDER - fold);
        assembly ("memory-safe") {
            let secrets := add(head, SECRETS)
            mcopy(pairs, sum, 0x40)
            mstore(add(pairs, 0x40), G2_X1)
            mstore(add(pairs, 0x60), G2_X0)
            mstore(add(pairs, 0x80), G2_Y1)
            mstore(add(pairs, 0xa0), G2_Y0)
            mstore(add(pairs, 0xc0), calldataload(link)) // −P
            mstore(add(pairs, 0xe0), sub(MODULUS, calldataload(add(link, 0x20))))
            mcopy(add(pairs, 0x100), secrets, 0x80)
            mstore(add(pairs, 0x180), calldataload(add(link, 0x40))) // −Q
            mstore(add(pairs, 0x1a0), sub(MODULUS, calldataload(add(link, 0x60))))
            mcopy(add(pairs, 0x1c0), add(secrets, 0x80), 0x80)
            mcopy(add(pairs, 0x240), add(sum, 0x40), 0x40) // −fold·W
            mcopy(add(pairs, 0x280), add(secrets, 0x100), 0x80)
        }
        if (!Bn254.pairingIsOne(pairs, 4)) revert LinkFalse();
    }

    function _copy(uint256 to, Link calldata link, uint256 from) private pure {
        assembly ("memory-safe") {
            calldatacopy(to, add(link, from), 0x40)
        }
    }

    /// Whether they are on the curve the precompiles say.
    function _checkPoints(Link calldata link) private pure {
        for (uint256 point = 0; point < 4; point++) {
            bool sound;
            assembly ("memory-safe") {
                let at := add(link, shl(6, point))
                let x := calldataload(at)
                let y := calldataload(add(at, 0x20))
                sound := and(and(lt(x, MODULUS), lt(y, MODULUS)), iszero(iszero(or(x, y))))
            }
            if (!sound) revert LinkPointRefused(point);
        }
    }

    function _refuseValue(uint256[] calldata values) private pure {
        for (uint256 index = 0; ; index++) {
            if (values[index] >= ORDER) revert Bn254.InputNotCanonical(index, values[index]);
        }
    }

    function _word(uint256 at, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(at, mul(index, 32)))
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IVerifier} from "./interfaces/IVerifier.sol";
import {Bn254, G1} from "./libraries/Bn254.sol";
import {DataPages} from "./libraries/DataPages.sol";
import {Statement} from "./libraries/Statement.sol";

/// Groth16 on BN254 under one verifying key, which lives in data pages: one proof, or a batch of proofs by one random
/// linear combination of their equations.
///
/// Key layout, in 64-byte entries: alpha (1), beta (2), gamma (2), delta (2), IC_0, then one IC for each public signal.
/// Points of G2 have imaginary parts first, as the pairing precompile reads them.
///
/// Safety rests on the key: whoever knows the secrets of its setup proves anything. The constructor pins the key by
/// hash and refuses what is malformed and keys without a second phase (gamma = ±delta), under which anybody proves
/// anything; it cannot tell a development key from one made in a ceremony.
abstract contract Groth16Verifier is IVerifier {
    uint256 private constant IC_ENTRY = 7;
    uint256 private constant WORD = 32;
    /// Most public signals that a proof has of its own, in any circuit.
    uint256 private constant MOST_OWN = 6;
    uint256 private constant PAIR_BYTES = 0xc0;
    uint256 private constant PROOF_BYTES = 0x100;
    uint256 private constant COEFFICIENT_MASK = (1 << 128) - 1;

    /// @inheritdoc IVerifier
    uint256 public immutable instruments;
    /// @inheritdoc IVerifier
    bytes32 public immutable keyHash;
    /// @inheritdoc IVerifier
    uint256 public immutable signals;
    /// Of the public signals the first ones, which each proof has its own of; at most MOST_OWN.
    uint256 private immutable _own;
    address private immutable _firstPage;
    address[] private _pages;

    error KeyHashWrong(bytes32 expected, bytes32 found);
    /// A key point that is not canonical, not on its curve, or at infinity. `entry` counts 64-byte entries.
    error KeyPointRefused(uint256 entry);
    /// gamma = ±delta: the key has no second phase, and proofs under it are worth nothing.
    error KeyWithoutSecondPhase();
    /// A proof coordinate at or above the modulus. `index` counts eight for each proof.
    error CoordinateNotCanonical(uint256 index, uint256 value);
    /// A proof point at infinity: 0 for A, 1 for B, 2 for C, plus three for each proof before it in a batch. No honest
    /// proof has one.
    error ProofPointAtInfinity(uint256 point);
    /// The pairing ran to its end and the proof (one of the batch, at least) does not hold for its inputs.
    error ProofInvalid();
    error BatchEmpty();
    error BatchLengthsDiffer(uint256 proofs, uint256 inputs);
    error SignalOutOfRange(uint256 signal, uint256 signals);

    /// @param boardInstruments 60, 240 or 480
    /// @param publicSignals of the circuit, more than MOST_OWN
    /// @param own how many of them are each proof's own
    /// @param pages data contracts that hold the key, in order
    /// @param expectedKeyHash Keccak-256 of the whole key
    constructor(
        uint256 boardInstruments,
        uint256 publicSignals,
        uint256 own,
        address[] memory pages,
        bytes32 expectedKeyHash
    ) {
        Statement.genesisState(boardInstruments); // reverts for a size that has no circuit
        uint256 entries = IC_ENTRY + 1 + publicSignals;
        DataPages.check(pages, entries);
        _pages = pages;
        uint256 key = DataPages.read(_pages, 0, entries);
        bytes32 found;
        assembly ("memory-safe") {
            found := keccak256(key, mul(entries, 64))
        }
        if (found != expectedKeyHash) revert KeyHashWrong(expectedKeyHash, found);
        _checkKey(key, entries);

        instruments = boardInstruments;
        keyHash = found;
        signals = publicSignals;
        _own = own;
        _firstPage = pages[0];
    }

    /// Returns if and only if all proofs hold for their inputs; reverts otherwise.
    ///
    /// The equation of a proof is e(−A, B) · e(alpha, beta) · e(X, gamma) · e(C, delta) = 1, X being the sum over its public
    /// signals. Each is raised to a coefficient: the first to 1, the others to 128 bits of a hash of the key, the point,
    /// all proofs and all inputs. The product of them all is one where every equation holds; where any does not, for one
    /// choice of coefficients in 2^128 at most, and they are chosen anew whenever anything is changed.
    ///
    /// @param proofs calldata offset of `count` proofs of eight words
    /// @param inputs calldata offset of `count` times the signals that proofs have of their own
    /// @param point sum over the signals that the proofs share
    function _verify(uint256 proofs, uint256 inputs, uint256 count, G1 calldata point) internal view {
        if (count == 0) revert BatchEmpty();
        // Pairs of G1 and G2, six words each: (−A, B) for each proof, then alpha, X and C, gathered over all proofs.
        uint256 pairs;
        assembly ("memory-safe") {
            pairs := mload(0x40)
            mstore(0x40, add(pairs, mul(add(count, 3), PAIR_BYTES)))
        }
        uint256 seed = count == 1 ? 0 : _seed(proofs, inputs, count, point);
        uint256 total;
        G1 memory sumC;
        uint256[MOST_OWN] memory scalars;
        for (uint256 index = 0; index < count; index++) {
            uint256 coefficient = 1;
            if (index != 0) {
                assembly ("memory-safe") {
                    mstore(0, seed)
                    mstore(0x20, index)
                    coefficient := and(keccak256(0, 0x40), COEFFICIENT_MASK)
                }
            }
            total += coefficient;
            _takeProof(proofs + index * PROOF_BYTES, index, coefficient, pairs + index * PAIR_BYTES, sumC);
            _takeInputs(inputs, index, coefficient, scalars);
        }
        _gather(pairs + count * PAIR_BYTES, point, total, scalars, sumC);
        if (!Bn254.pairingIsOne(pairs, count + 3)) revert ProofInvalid();
    }

    /// Writes a proof's pair and adds its C to the sum, both times the coefficient.
    /// @param proof calldata offset
    /// @param pair memory address
    function _takeProof(uint256 proof, uint256 index, uint256 coefficient, uint256 pair, G1 memory sumC) private view {
        uint256[8] memory words;
        assembly ("memory-safe") {
            calldatacopy(words, proof, PROOF_BYTES)
        }
        for (uint256 place = 0; place < 8; place++) {
            if (words[place] >= Bn254.Q) revert CoordinateNotCanonical(8 * index + place, words[place]);
        }
        if ((words[0] | words[1]) == 0) revert ProofPointAtInfinity(3 * index);
        if ((words[2] | words[3] | words[4] | words[5]) == 0) revert ProofPointAtInfinity(3 * index + 1);
        if ((words[6] | words[7]) == 0) revert ProofPointAtInfinity(3 * index + 2);

        words[1] = Bn254.Q - words[1];
        uint256 a;
        uint256 c;
        uint256 sum;
        assembly ("memory-safe") {
            a := words
            c := add(words, 0xc0)
            sum := sumC
        }
        Bn254.multiply(a, coefficient);
        Bn254.multiply(c, coefficient);
        Bn254.addTo(sum, c);
        assembly ("memory-safe") {
            mcopy(pair, words, PAIR_BYTES)
        }
    }

    /// Adds a proof's inputs times the coefficient to the scalars, modulo r.
    function _takeInputs(uint256 inputs, uint256 index, uint256 coefficient, uint256[MOST_OWN] memory scalars)
        private
        view
    {
        uint256 own = _own;
        for (uint256 signal = 0; signal < own; signal++) {
            uint256 value;
            assembly ("memory-safe") {
                value := calldataload(add(inputs, shl(5, add(mul(index, own), signal))))
            }
            if (value >= Bn254.R) revert Bn254.InputNotCanonical(index * own + signal, value);
            scalars[signal] = addmod(scalars[signal], mulmod(value, coefficient, Bn254.R), Bn254.R);
        }
    }

    /// Writes the last three pairs: alpha, beta; X, gamma; C, delta.
    /// @param pair memory address
    /// @param total of the coefficients
    function _gather(
        uint256 pair,
        G1 calldata point,
        uint256 total,
        uint256[MOST_OWN] memory scalars,
        G1 memory sumC
    ) private view {
        // The key up to the IC of the sixth signal: alpha 0, beta 2, gamma 6, delta 10, IC_0 14, IC_1 16 (in words).
        uint256[28] memory key;
        address page = _firstPage;
        uint256 at;
        assembly ("memory-safe") {
            extcodecopy(page, key, 1, 0x380)
            at := key
            mcopy(add(pair, 0x40), add(key, 0x40), 0x80) // beta
            mcopy(add(pair, 0x100), add(key, 0xc0), 0x80) // gamma
            mcopy(add(pair, 0x180), sumC, 0x40)
            mcopy(add(pair, 0x1c0), add(key, 0x140), 0x80) // delta
        }
        Bn254.multiply(at, total);
        uint256 sum = pair + PAIR_BYTES;
        assembly ("memory-safe") {
            mcopy(pair, key, 0x40) // alpha
            calldatacopy(sum, point, 0x40)
        }
        Bn254.addTo(sum, at + 14 * WORD);
        Bn254.multiply(sum, total);
        for (uint256 signal = 0; signal < _own; signal++) {
            if (scalars[signal] == 0) continue;
            uint256 ic = at + (16 + 2 * signal) * WORD;
            Bn254.multiply(ic, scalars[signal]);
            Bn254.addTo(sum, ic);
        }
    }

    /// Hash of everything that the product depends on.
    function _seed(uint256 proofs, uint256 inputs, uint256 count, G1 calldata point) private view returns (uint256 seed) {
        bytes32 hash = keyHash;
        uint256 inputBytes = count * _own * WORD;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            let proofBytes := mul(count, PROOF_BYTES)
            mstore(buffer, hash)
            calldatacopy(add(buffer, 0x20), point, 0x40)
            mstore(add(buffer, 0x60), count)
            calldatacopy(add(buffer, 0x80), proofs, proofBytes)
            calldatacopy(add(add(buffer, 0x80), proofBytes), inputs, inputBytes)
            seed := keccak256(buffer, add(add(0x80, proofBytes), inputBytes))
        }
    }

    function _at(uint256[8] calldata proof) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := proof
        }
    }

    function _at(uint256[8][] calldata proofs) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := proofs.offset
        }
    }

    /// @inheritdoc IVerifier
    function accumulate(uint256 firstSignal, uint256[] calldata values, G1 calldata sum)
        external
        view
        returns (G1 memory total)
    {
        if (firstSignal > signals || values.length > signals - firstSignal) {
            revert SignalOutOfRange(firstSignal, signals);
        }
        total = sum;
        uint256 points = DataPages.read(_pages, IC_ENTRY + 1 + firstSignal, values.length);
        uint256 scalars;
        assembly ("memory-safe") {
            scalars := values.offset
        }
        Bn254.addMultiples(total, points, scalars, values.length);
    }

    /// @param key memory address of the key
    function _checkKey(uint256 key, uint256 entries) private view {
        for (uint256 entry = 0; entry < entries; entry++) {
            if (entry != 0 && entry < IC_ENTRY) continue; // G2, below
            if (!Bn254.isOnCurve(_word(key, 2 * entry), _word(key, 2 * entry + 1))) revert KeyPointRefused(entry);
        }
        // The precompile refuses points of G2 off the curve or outside the subgroup, but takes the point at infinity.
        uint256[6] memory pair;
        (pair[0], pair[1]) = (_word(key, 0), _word(key, 1));
        for (uint256 entry = 1; entry < IC_ENTRY; entry += 2) {
            uint256 any;
            for (uint256 part = 0; part < 4; part++) any |= pair[2 + part] = _word(key, 2 * entry + part);
            if (any == 0) revert KeyPointRefused(entry);
            uint256 input;
            assembly ("memory-safe") {
                input := pair
            }
            Bn254.pairingIsOne(input, 1);
        }
        // Equal x means gamma = ±delta, and minus is as bad as plus.
        if (_word(key, 6) == _word(key, 10) && _word(key, 7) == _word(key, 11)) revert KeyWithoutSecondPhase();
    }

    function _word(uint256 at, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(at, mul(index, WORD)))
        }
    }
}

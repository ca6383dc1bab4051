// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAccountVerifier} from "./interfaces/IAccountVerifier.sol";
import {Bn254, G1} from "./libraries/Bn254.sol";
import {DataPages} from "./libraries/DataPages.sol";
import {Statement} from "./libraries/Statement.sol";

/// Groth16 on BN254 under one verifying key, which lives in data pages.
///
/// Key layout, in 64-byte entries: alpha (1), beta (2), gamma (2), delta (2), IC_0, then one IC for each public signal.
/// Points of G2 have imaginary parts first, as the pairing precompile reads them.
///
/// Safety rests on the key: whoever knows the secrets of its setup proves anything. The constructor pins the key by
/// hash and refuses what is malformed and keys without a second phase (gamma = ±delta), under which anybody proves
/// anything; it cannot tell a development key from one made in a ceremony.
contract AccountVerifier is IAccountVerifier {
    uint256 private constant IC_ENTRY = 7;
    uint256 private constant WORD = 32;

    /// @inheritdoc IAccountVerifier
    uint256 public immutable instruments;
    /// @inheritdoc IAccountVerifier
    bytes32 public immutable keyHash;
    uint256 private immutable _signals;
    address private immutable _firstPage;
    address[] private _pages;

    error KeyHashWrong(bytes32 expected, bytes32 found);
    /// A key point that is not canonical, not on its curve, or at infinity. `entry` counts 64-byte entries.
    error KeyPointRefused(uint256 entry);
    /// gamma = ±delta: the key has no second phase, and proofs under it are worth nothing.
    error KeyWithoutSecondPhase();
    /// A proof coordinate at or above the modulus. `index` is its place among the eight.
    error CoordinateNotCanonical(uint256 index, uint256 value);
    /// A proof point at infinity: 0 for A, 1 for B, 2 for C. No honest proof has one.
    error ProofPointAtInfinity(uint256 point);
    /// The pairing ran to its end and the proof does not hold for these inputs.
    error ProofInvalid();
    error SignalOutOfRange(uint256 signal, uint256 signals);

    /// @param boardInstruments 60, 240 or 480
    /// @param pages data contracts that hold the key, in order
    /// @param expectedKeyHash Keccak-256 of the whole key
    constructor(uint256 boardInstruments, address[] memory pages, bytes32 expectedKeyHash) {
        Statement.genesisState(boardInstruments); // reverts for a size that has no circuit
        uint256 signals = Statement.publicSignals(boardInstruments);
        uint256 entries = IC_ENTRY + 1 + signals;
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
        _signals = signals;
        _firstPage = pages[0];
    }

    /// @inheritdoc IAccountVerifier
    function verify(uint256[8] calldata proof, uint256[6] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4)
    {
        for (uint256 index = 0; index < 8; index++) {
            if (proof[index] >= Bn254.Q) revert CoordinateNotCanonical(index, proof[index]);
        }
        if ((proof[0] | proof[1]) == 0) revert ProofPointAtInfinity(0);
        if ((proof[2] | proof[3] | proof[4] | proof[5]) == 0) revert ProofPointAtInfinity(1);
        if ((proof[6] | proof[7]) == 0) revert ProofPointAtInfinity(2);

        // The key up to the IC of the sixth input: alpha 0, beta 2, gamma 6, delta 10, IC_0 14, IC_1 16 (in words).
        uint256[28] memory key;
        address page = _firstPage;
        assembly ("memory-safe") {
            extcodecopy(page, key, 1, 0x380)
        }
        G1 memory sum = Bn254.add(G1(key[14], key[15]), market);
        uint256 points;
        uint256 scalars;
        assembly ("memory-safe") {
            points := add(key, 0x200)
            scalars := inputs
        }
        Bn254.addMultiples(sum, points, scalars, Statement.PROOF_SIGNALS);

        // e(−A, B) · e(alpha, beta) · e(sum, gamma) · e(C, delta) = 1
        uint256[24] memory pairs;
        pairs[0] = proof[0];
        pairs[1] = Bn254.Q - proof[1];
        uint256 input;
        assembly ("memory-safe") {
            input := pairs
            calldatacopy(add(pairs, 0x40), add(proof, 0x40), 0x80) // B
            mcopy(add(pairs, 0xc0), key, 0xc0) // alpha, beta
            mcopy(add(pairs, 0x180), sum, 0x40)
            mcopy(add(pairs, 0x1c0), add(key, 0xc0), 0x80) // gamma
            calldatacopy(add(pairs, 0x240), add(proof, 0xc0), 0x40) // C
            mcopy(add(pairs, 0x280), add(key, 0x140), 0x80) // delta
        }
        if (!Bn254.pairingIsOne(input, 4)) revert ProofInvalid();
        return IAccountVerifier.verify.selector;
    }

    /// @inheritdoc IAccountVerifier
    function accumulate(uint256 firstSignal, uint256[] calldata values, G1 calldata sum)
        external
        view
        returns (G1 memory total)
    {
        if (firstSignal > _signals || values.length > _signals - firstSignal) {
            revert SignalOutOfRange(firstSignal, _signals);
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

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";

/// What the verifiers of all circuits have in common: a key, and points summed up under it.
///
/// A proof says something only about the point it is verified with, and whoever chooses a point freely can make a proof
/// of anything. Callers pass points that were summed up by `accumulate` from values they have checked, and nothing else.
interface IVerifier {
    /// Instruments on the boards this verifier is for: 60, 240 or 480.
    function instruments() external view returns (uint256);

    /// Keccak-256 of the verifying key as laid out in its data pages.
    function keyHash() external view returns (bytes32);

    /// Public signals of the circuit: those of each proof, then those that many proofs share.
    function signals() external view returns (uint256);

    /// `sum` + Σ values_i · IC of public signal `firstSignal + i`.
    /// @param firstSignal counted from 0 (stateBefore)
    /// @param values canonical; not checked against the ranges the circuit relies on: the caller does that
    function accumulate(uint256 firstSignal, uint256[] calldata values, G1 calldata sum)
        external
        view
        returns (G1 memory);
}

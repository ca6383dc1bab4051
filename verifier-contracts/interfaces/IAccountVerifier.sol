// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";

/// Groth16 verifier of the circuit `Account` for boards of one size.
///
/// A proof says something only about the market point it is verified with, and whoever chooses a point freely can make
/// a proof of anything. Callers pass points that were summed up by `accumulate` from values they have checked, and
/// nothing else.
interface IAccountVerifier {
    /// Instruments on the board: 60, 240 or 480.
    function instruments() external view returns (uint256);

    /// Keccak-256 of the verifying key as laid out in its data pages.
    function keyHash() external view returns (bytes32);

    /// Returns if and only if the proof is valid; reverts otherwise, too little gas included.
    /// @param proof A.x, A.y, B.x imaginary, B.x real, B.y imaginary, B.y real, C.x, C.y
    /// @param inputs stateBefore, stateAfter, transfer, fill, terms, context
    /// @param market sum over policy, prices, rows and blocks of value times IC
    /// @return the selector of this function, by which callers know that it was a verifier that answered
    function verify(uint256[8] calldata proof, uint256[6] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4);

    /// `sum` + Σ values_i · IC of public signal `firstSignal + i`.
    /// @param firstSignal counted from 0 (stateBefore)
    /// @param values canonical; not checked against the ranges the circuit relies on: the caller does that
    function accumulate(uint256 firstSignal, uint256[] calldata values, G1 calldata sum)
        external
        view
        returns (G1 memory);
}

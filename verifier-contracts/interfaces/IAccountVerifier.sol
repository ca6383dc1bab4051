// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";
import {IVerifier} from "./IVerifier.sol";

/// Groth16 verifier of the circuit `Account` for boards of one size.
interface IAccountVerifier is IVerifier {
    /// Returns if and only if the proof is valid; reverts otherwise, too little gas included.
    /// @param proof A.x, A.y, B.x imaginary, B.x real, B.y imaginary, B.y real, C.x, C.y
    /// @param inputs stateBefore, stateAfter, transfer, fill, terms, context
    /// @param market point of policy and market, as `IMarket` returns it
    /// @return the selector of this function, by which callers know that it was a verifier that answered
    function verify(uint256[8] calldata proof, uint256[6] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4);

    /// Returns if and only if every proof is valid for its inputs, all at the same market; reverts otherwise, for an
    /// empty batch and too little gas too. Does not say which proof is bad: callers ask `verify` for that.
    /// @return the selector of this function
    function verifyBatch(uint256[8][] calldata proofs, uint256[6][] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4);
}

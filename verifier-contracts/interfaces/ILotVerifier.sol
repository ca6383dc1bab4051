// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";
import {IVerifier} from "./IVerifier.sol";

/// Groth16 verifier of the circuit `Lot` for boards of one size.
interface ILotVerifier is IVerifier {
    /// Returns if and only if the proof is valid; reverts otherwise, too little gas included.
    /// @param inputs stateBefore, stateAfter, fill, terms, size, context, credit[0] to credit[5]
    /// @param market point of policy and market, as `IMarket.lots` returns it
    /// @return the selector of this function
    function verify(uint256[8] calldata proof, uint256[12] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4);
}

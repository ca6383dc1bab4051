// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";
import {IVerifier} from "./IVerifier.sol";

/// Groth16 verifier of the circuit `Round` for boards of one size and one number of members.
interface IRoundVerifier is IVerifier {
    /// Returns if and only if the proof is valid; reverts otherwise, too little gas included.
    /// @param inputs the states before of all members, their states after, level, context: 2K + 2 in all
    /// @param market point of policy and market, as `IMarket.rounds` returns it
    /// @return the selector of this function
    function verify(uint256[8] calldata proof, uint256[] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4);
}

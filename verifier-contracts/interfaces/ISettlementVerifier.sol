// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";
import {IVerifier} from "./IVerifier.sol";

/// Groth16 verifier of the circuit `Settlement` for boards of one size. As `IAccountVerifier`, with other inputs.
interface ISettlementVerifier is IVerifier {
    /// @param inputs stateBefore, stateAfter, context
    /// @param marks point of the settlement's marks, as `IMarket.settlementOf` returns it
    function verify(uint256[8] calldata proof, uint256[3] calldata inputs, G1 calldata marks)
        external
        view
        returns (bytes4);

    /// As `IAccountVerifier.verifyBatch`.
    function verifyBatch(uint256[8][] calldata proofs, uint256[3][] calldata inputs, G1 calldata marks)
        external
        view
        returns (bytes4);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Groth16Verifier} from "./Groth16Verifier.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {Family} from "../interfaces/IVerifier.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// Verifier of the circuit `Settlement` for boards of one size.
contract SettlementVerifier is Groth16Verifier, ISettlementVerifier {
    /// @param boardInstruments 60, 240 or 480
    /// @param key as `Groth16Verifier` lays it out
    /// @param expectedKeyHash Keccak-256 of the key
    constructor(uint256 boardInstruments, bytes memory key, bytes32 expectedKeyHash)
        Groth16Verifier(
            boardInstruments,
            Family.SETTLEMENT,
            new uint256[](Statement.SETTLEMENT_PROOF_SIGNALS),
            NONE,
            Statement.settlementSignals(boardInstruments),
            key,
            expectedKeyHash
        )
    {}

    /// @inheritdoc ISettlementVerifier
    function verify(uint256[8] calldata proof, uint256[3] calldata inputs, G1 calldata marks)
        external
        view
        returns (bytes4)
    {
        _verify(_at(proof), _at(inputs), 1, marks);
        return ISettlementVerifier.verify.selector;
    }

    /// @inheritdoc ISettlementVerifier
    function verifyBatch(uint256[8][] calldata proofs, uint256[3][] calldata inputs, G1 calldata marks)
        external
        view
        returns (bytes4)
    {
        if (proofs.length != inputs.length) revert BatchLengthsDiffer(proofs.length, inputs.length);
        _verify(_at(proofs), _at(inputs), proofs.length, marks);
        return ISettlementVerifier.verifyBatch.selector;
    }

    function _at(uint256[3] calldata inputs) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := inputs
        }
    }

    function _at(uint256[3][] calldata inputs) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := inputs.offset
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Groth16Verifier} from "./Groth16Verifier.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {Family} from "../interfaces/IVerifier.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// Verifier of the circuit `Account` for boards of one size.
contract AccountVerifier is Groth16Verifier, IAccountVerifier {
    /// @param boardInstruments 60, 240 or 480
    /// @param key as `Groth16Verifier` lays it out
    /// @param expectedKeyHash Keccak-256 of the key
    constructor(uint256 boardInstruments, bytes memory key, bytes32 expectedKeyHash)
        Groth16Verifier(
            boardInstruments,
            Family.ACCOUNT,
            Statement.PROOF_SIGNALS,
            Statement.publicSignals(boardInstruments),
            key,
            expectedKeyHash
        )
    {}

    /// @inheritdoc IAccountVerifier
    function verify(uint256[8] calldata proof, uint256[6] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4)
    {
        _verify(_at(proof), _at(inputs), 1, market);
        return IAccountVerifier.verify.selector;
    }

    /// @inheritdoc IAccountVerifier
    function verifyBatch(uint256[8][] calldata proofs, uint256[6][] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4)
    {
        if (proofs.length != inputs.length) revert BatchLengthsDiffer(proofs.length, inputs.length);
        _verify(_at(proofs), _at(inputs), proofs.length, market);
        return IAccountVerifier.verifyBatch.selector;
    }

    function _at(uint256[6] calldata inputs) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := inputs
        }
    }

    function _at(uint256[6][] calldata inputs) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := inputs.offset
        }
    }
}

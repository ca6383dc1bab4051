// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Groth16Verifier} from "./Groth16Verifier.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {Family} from "../interfaces/IVerifier.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// Verifier of the circuit `Account` for boards of one size.
contract AccountVerifier is Groth16Verifier, IAccountVerifier {
    // Of a proof's own signals.
    uint256 private constant TRANSFER = 2;
    uint256 private constant FILL = 3;
    uint256 private constant TERMS = 4;

    /// @param boardInstruments 60, 240 or 480
    /// @param key as `Groth16Verifier` lays it out
    /// @param expectedKeyHash Keccak-256 of the key
    constructor(uint256 boardInstruments, bytes memory key, bytes32 expectedKeyHash)
        Groth16Verifier(
            boardInstruments,
            Family.ACCOUNT,
            _usual(boardInstruments),
            TERMS,
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

    /// Most steps transfer nothing, and most fill nothing.
    function _usual(uint256 boardInstruments) private pure returns (uint256[] memory usual) {
        usual = new uint256[](Statement.PROOF_SIGNALS);
        usual[TRANSFER] = Statement.encodeTransfer(0, 0);
        usual[FILL] = Statement.noFill(boardInstruments);
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

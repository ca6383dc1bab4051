// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Groth16Verifier} from "./Groth16Verifier.sol";
import {ILotVerifier} from "../interfaces/ILotVerifier.sol";
import {Family} from "../interfaces/IVerifier.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// Verifier of the circuit `Lot` for boards of one size.
contract LotVerifier is Groth16Verifier, ILotVerifier {
    /// @param boardInstruments 60, 240 or 480
    /// @param key as `Groth16Verifier` lays it out
    /// @param expectedKeyHash Keccak-256 of the key
    constructor(uint256 boardInstruments, bytes memory key, bytes32 expectedKeyHash)
        Groth16Verifier(
            boardInstruments,
            Family.LOT,
            new uint256[](Statement.LOT_PROOF_SIGNALS),
            NONE,
            Statement.LOT_PROOF_SIGNALS + Statement.marketSignals(boardInstruments),
            key,
            expectedKeyHash
        )
    {}

    /// @inheritdoc ILotVerifier
    function verify(uint256[8] calldata proof, uint256[12] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4)
    {
        uint256 at;
        assembly ("memory-safe") {
            at := inputs
        }
        _verify(_at(proof), at, 1, market);
        return ILotVerifier.verify.selector;
    }
}

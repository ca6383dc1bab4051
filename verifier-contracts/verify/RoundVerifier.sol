// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Groth16Verifier} from "./Groth16Verifier.sol";
import {IRoundVerifier} from "../interfaces/IRoundVerifier.sol";
import {Family} from "../interfaces/IVerifier.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// Verifier of the circuit `Round` for boards of one size and one number of members.
contract RoundVerifier is Groth16Verifier, IRoundVerifier {
    error MembersRefused(uint256 members);
    error InputsWrong(uint256 expected, uint256 found);

    /// @param boardInstruments 60, 240 or 480
    /// @param members accounts that one proof is of, 2 to 15
    /// @param key as `Groth16Verifier` lays it out
    /// @param expectedKeyHash Keccak-256 of the key
    constructor(uint256 boardInstruments, uint256 members, bytes memory key, bytes32 expectedKeyHash)
        Groth16Verifier(
            boardInstruments,
            Family.ROUND + members,
            new uint256[](2 * members + 2),
            2 * members, // the level
            2 * members + 2 + Statement.marketSignals(boardInstruments),
            key,
            expectedKeyHash
        )
    {
        if (members < 2 || members > 15) revert MembersRefused(members);
    }

    /// @inheritdoc IRoundVerifier
    function verify(uint256[8] calldata proof, uint256[] calldata inputs, G1 calldata market)
        external
        view
        returns (bytes4)
    {
        if (inputs.length != own) revert InputsWrong(own, inputs.length);
        uint256 at;
        assembly ("memory-safe") {
            at := inputs.offset
        }
        _verify(_at(proof), at, 1, market);
        return IRoundVerifier.verify.selector;
    }
}

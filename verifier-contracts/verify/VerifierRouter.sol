// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Statement} from "../libraries/Statement.sol";

/// The verifiers of each board size. Fixed at deployment: points computed through one verifier mean nothing to another,
/// so a board keeps the verifiers it was created with, and another set of keys is another router.
contract VerifierRouter {
    mapping(uint256 instruments => IAccountVerifier) private _accounts;
    mapping(uint256 instruments => ISettlementVerifier) private _settlements;

    error VerifierRefused(address verifier);
    error SizeTaken(uint256 instruments);

    /// @param accounts at most one for each size; sizes without one have no boards
    /// @param settlements at most one for each size; on boards of a size without one nothing expires
    constructor(IAccountVerifier[] memory accounts, ISettlementVerifier[] memory settlements) {
        for (uint256 index = 0; index < accounts.length; index++) {
            uint256 instruments = _sizeOf(accounts[index]);
            if (accounts[index].signals() != Statement.publicSignals(instruments)) {
                revert VerifierRefused(address(accounts[index]));
            }
            if (address(_accounts[instruments]) != address(0)) revert SizeTaken(instruments);
            _accounts[instruments] = accounts[index];
        }
        for (uint256 index = 0; index < settlements.length; index++) {
            uint256 instruments = _sizeOf(settlements[index]);
            if (settlements[index].signals() != Statement.settlementSignals(instruments)) {
                revert VerifierRefused(address(settlements[index]));
            }
            if (address(_settlements[instruments]) != address(0)) revert SizeTaken(instruments);
            _settlements[instruments] = settlements[index];
        }
    }

    /// Reverts for a size without a verifier.
    function verifierOf(uint256 instruments) external view returns (IAccountVerifier verifier) {
        verifier = _accounts[instruments];
        if (address(verifier) == address(0)) revert Statement.SizeUnknown(instruments);
    }

    /// Reverts for a size without a verifier of settlements.
    function settlementVerifierOf(uint256 instruments) external view returns (ISettlementVerifier verifier) {
        verifier = _settlements[instruments];
        if (address(verifier) == address(0)) revert Statement.SizeUnknown(instruments);
    }

    function _sizeOf(IVerifier verifier) private view returns (uint256 instruments) {
        if (address(verifier).code.length == 0) revert VerifierRefused(address(verifier));
        instruments = verifier.instruments();
        Statement.genesisState(instruments); // reverts for a size that has no circuit
    }
}

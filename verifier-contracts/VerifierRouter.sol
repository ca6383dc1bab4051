// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAccountVerifier} from "./interfaces/IAccountVerifier.sol";
import {Statement} from "./libraries/Statement.sol";

/// The verifier of each board size. Fixed at deployment: points computed through one verifier mean nothing to another,
/// so a board keeps the verifier it was created with, and another set of keys is another router.
contract VerifierRouter {
    mapping(uint256 instruments => IAccountVerifier) private _verifiers;

    error VerifierRefused(address verifier);
    error SizeTaken(uint256 instruments);

    /// @param verifiers at most one for each size; sizes without one have no boards
    constructor(IAccountVerifier[] memory verifiers) {
        for (uint256 index = 0; index < verifiers.length; index++) {
            IAccountVerifier verifier = verifiers[index];
            if (address(verifier).code.length == 0) revert VerifierRefused(address(verifier));
            uint256 instruments = verifier.instruments();
            Statement.genesisState(instruments); // reverts for a size that has no circuit
            if (address(_verifiers[instruments]) != address(0)) revert SizeTaken(instruments);
            _verifiers[instruments] = verifier;
        }
    }

    /// Reverts for a size without a verifier.
    function verifierOf(uint256 instruments) external view returns (IAccountVerifier verifier) {
        verifier = _verifiers[instruments];
        if (address(verifier) == address(0)) revert Statement.SizeUnknown(instruments);
    }
}

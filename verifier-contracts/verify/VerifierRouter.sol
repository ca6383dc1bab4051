// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Family, IVerifier} from "../interfaces/IVerifier.sol";
import {Statement} from "../libraries/Statement.sol";

/// A set of keys: for each board size the verifiers of the circuits that boards of that size use. Fixed at deployment: another
/// set of keys is another router.
contract VerifierRouter {
    mapping(uint256 instruments => mapping(uint256 family => IVerifier)) private _verifiers;
    mapping(uint256 instruments => uint256[]) private _families;

    error VerifierRefused(address verifier);
    error VerifierTaken(uint256 instruments, uint256 family);
    /// The router has no circuit of this family for boards of this size.
    error VerifierMissing(uint256 instruments, uint256 family);

    /// @param verifiers at most one for each size and family (`Family`); a size with any needs one of accounts
    constructor(IVerifier[] memory verifiers) {
        for (uint256 index = 0; index < verifiers.length; index++) {
            IVerifier verifier = verifiers[index];
            if (address(verifier).code.length == 0) revert VerifierRefused(address(verifier));
            (uint256 instruments, uint256 family) = (verifier.instruments(), verifier.family());
            Statement.genesisState(instruments); // reverts for a size that has no circuit
            if (verifier.own() != _ownOf(family)) revert VerifierRefused(address(verifier));
            if (has(instruments, family)) revert VerifierTaken(instruments, family);
            _verifiers[instruments][family] = verifier;
            _families[instruments].push(family);
        }
        for (uint256 index = 0; index < verifiers.length; index++) {
            verifierOf(verifiers[index].instruments(), Family.ACCOUNT);
        }
    }

    /// Reverts with VerifierMissing.
    function verifierOf(uint256 instruments, uint256 family) public view returns (IVerifier verifier) {
        verifier = _verifiers[instruments][family];
        if (address(verifier) == address(0)) revert VerifierMissing(instruments, family);
    }

    function has(uint256 instruments, uint256 family) public view returns (bool) {
        return address(_verifiers[instruments][family]) != address(0);
    }

    /// The families that there are circuits of for a size; empty for none.
    function familiesOf(uint256 instruments) external view returns (uint256[] memory) {
        return _families[instruments];
    }

    /// Public signals that a proof of a family has of its own; no circuit's where the family is none.
    function _ownOf(uint256 family) private pure returns (uint256) {
        if (family == Family.ACCOUNT) return Statement.PROOF_SIGNALS;
        if (family == Family.SETTLEMENT) return Statement.SETTLEMENT_PROOF_SIGNALS;
        if (family == Family.LOT) return Statement.LOT_PROOF_SIGNALS;
        return family > Family.ROUND ? 2 * (family - Family.ROUND) + 2 : 0;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// Signatures of people and of contracts. A key's own signature is tried first, so a key whose account has delegated to code
/// (EIP-7702) signs as before; then the account's code is asked (ERC-1271), with bounded gas and one word of answer.
library Signatures {
    /// Gas that a contract may use to check one signature.
    uint256 internal constant CONTRACT_GAS = 150_000;

    /// There is less gas than a contract may use: its answer would mean nothing.
    error SignatureGasTooLow(uint256 given, uint256 needed);

    /// Whose key signed; zero for nobody's.
    function keyOf(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        if (signature.length == 65) (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }

    /// Whether an account's code approves what was signed; never without a signature.
    function isApprovedBy(address account, bytes32 digest, bytes calldata signature)
        internal
        view
        returns (bool approved)
    {
        if (signature.length == 0 || account.code.length == 0) return false;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        uint256 needed = CONTRACT_GAS + CONTRACT_GAS / 63 + 3_000;
        if (gasleft() < needed) revert SignatureGasTooLow(gasleft(), needed);
        bytes32 expected = bytes32(IERC1271.isValidSignature.selector);
        uint256 limit = CONTRACT_GAS;
        assembly ("memory-safe") {
            mstore(0, 0)
            let answered := staticcall(limit, account, add(question, 0x20), mload(question), 0, 0x20)
            approved := and(answered, and(gt(returndatasize(), 0x1f), eq(mload(0), expected)))
        }
    }
}

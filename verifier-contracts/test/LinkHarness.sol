// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Bn254} from "../libraries/Bn254.sol";
import {Link, LinkVerifier} from "../libraries/LinkVerifier.sol";

/// A contract that takes points of market values by links, and nothing else.
contract LinkHarness {
    bytes32 public immutable keyId;
    bytes private _head;

    constructor(bytes memory head) {
        require(head.length == LinkVerifier.HEAD_BYTES, "no head of a link key");
        LinkVerifier.checkKey(_at(head));
        keyId = keccak256(head);
        _head = head;
    }

    /// Returns if and only if the link holds; reverts otherwise.
    function verify(bytes32 subject, uint256 first, uint256[] calldata values, Link calldata link) external view {
        bytes memory head = _head;
        bytes32 seed = LinkVerifier.seedOf(keyId, subject, first, values.length, _hash(values), link);
        LinkVerifier.check(_at(head), seed, LinkVerifier.valueAt(values, first, seed), link);
    }

    /// The same with the values in two parts.
    function verifyParts(bytes32 subject, uint256 first, uint256[] calldata values, uint256 cut, Link calldata link)
        external
        view
    {
        bytes memory head = _head;
        bytes32 seed = LinkVerifier.seedOf(keyId, subject, first, values.length, _hash(values), link);
        uint256 left = LinkVerifier.valueAt(values[:cut], first, seed);
        uint256 right = LinkVerifier.valueAt(values[cut:], first + cut, seed);
        LinkVerifier.check(_at(head), seed, addmod(left, right, Bn254.R), link);
    }

    /// Gas of the pairings and multiplications alone, and of the evaluation with the hash.
    function measure(bytes32 subject, uint256 first, uint256[] calldata values, Link calldata link)
        external
        view
        returns (uint256 checked, uint256 evaluated)
    {
        bytes memory head = _head;
        uint256 before = gasleft();
        bytes32 seed = LinkVerifier.seedOf(keyId, subject, first, values.length, _hash(values), link);
        uint256 y = LinkVerifier.valueAt(values, first, seed);
        evaluated = before - gasleft();
        before = gasleft();
        LinkVerifier.check(_at(head), seed, y, link);
        checked = before - gasleft();
    }

    function _hash(uint256[] calldata values) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            calldatacopy(at, values.offset, shl(5, values.length))
            hash := keccak256(at, shl(5, values.length))
        }
    }

    function _at(bytes memory head) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := add(head, 0x20)
        }
    }
}

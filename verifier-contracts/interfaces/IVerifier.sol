// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Link} from "../libraries/LinkVerifier.sol";

/// What the verifiers of all circuits have in common: a key, and its link key.
///
/// A proof says something only about the point it is verified with, and whoever chooses a point freely can make a proof
/// of anything. Callers pass points that links have shown to be of values that they have checked, and nothing else.
interface IVerifier {
    /// Instruments on the boards this verifier is for: 60, 240 or 480.
    function instruments() external view returns (uint256);

    /// What its circuit proves: one of `Family`, or `Family.ROUND` and the number of members.
    function family() external view returns (uint256);

    /// Public signals that each proof has of its own; the ones after them many proofs share.
    function own() external view returns (uint256);

    /// Keccak-256 of the whole key, its link head included.
    function keyHash() external view returns (bytes32);

    /// Keccak-256 of the link head, as the seeds of links have it.
    function linkId() external view returns (bytes32);

    /// Returns if and only if the link holds (docs/link.md); reverts otherwise.
    /// @param seed from `LinkVerifier.seedOf` with `linkId`
    /// @param y the values evaluated at the seed's challenge
    /// @return the selector of this function, by which callers know that it was a verifier that answered
    function checkLink(bytes32 seed, uint256 y, Link calldata link) external view returns (bytes4);
}

/// Families of circuits, as routers number them.
library Family {
    uint256 internal constant ACCOUNT = 1;
    uint256 internal constant SETTLEMENT = 2;
    uint256 internal constant LOT = 3;
    /// A round of K members is the family ROUND + K.
    uint256 internal constant ROUND = 256;
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// States of the accounts that nobody owns and that fill the places of a round without a member: commitments to accounts that
/// hold nothing, under the viewing keys 1, 2, 3 …, before and after one step. Key and count of steps blind a state by their sum, so
/// what one such account becomes is what the next one is. Boards of 60 instruments.
library Nobody {
    uint256 internal constant PLACES = 15;

    bytes private constant STATES =
        hex"1e067befac2599250795b02af1630b46b164885d4479717802f35e6fe1bdb669"
        hex"0a1d04ea8bb4b6be06cedb0abacfd73d3acd18b2fb56c29b61a8baff5066eb43"
        hex"08acf6560c91221c0850d5aaed9597a4e561b799d8b1582d9cf606d9b9ee0976"
        hex"1375ec3a0c72298034056a3b409f69fa28dc1b6f2e59ea6a583d855863e05397"
        hex"17955960220181245a1c7b6a462d396611eafdb0d8e4dfe6e8cc8874c169d22a"
        hex"2d9c21722bc3c2dd5239e1e1d4479f21027813240b7792ca0fa4fb770fef3008"
        hex"13aba6e4fe7d6d18a2a805c489d5ce5ccf8b47865c0bdb17a65d2cf807b70665"
        hex"25eca2e95e3be8a4fbae90e5ac355f1bdc337df3f3d60c6a07c3fec1c463e099"
        hex"15b10625ff0e75b0b9265fdbfa652cb52fdd4190bf2280618943b810608d33cf"
        hex"2e3e3d32caf99cc3ba6327e69fe7c7782b8527eb74de1c16e8299890087ebede"
        hex"0b60ee2daf413018d658e3501346f2121c7bcce9682d4829af898e3f5b0270ce"
        hex"0febd58716f031519e8907246e5461830c54cc1e4717c620cde0957eb91b31c7"
        hex"0f9606617785b8236d1ee0a22d421fc6a77dcd5da80f71290fbfb10efa0dee56"
        hex"21ce050778e439e2c658e964c92dc5084d9600f0cee7ba81934a690ea11c849d"
        hex"185df8c602c9b09d3d40b0d34cee9917aca8d8cbcba2279e9d9b1a22c2d81831"
        hex"1fd079ecca7275d7a86bce2a003cc244b57934a82c46c2b830411cccbcce1249";

    /// @param place from 0; below PLACES, checked by the caller
    function statesOf(uint256 place) internal pure returns (uint256 before, uint256 afterwards) {
        bytes memory states = STATES;
        assembly ("memory-safe") {
            let at := add(add(states, 32), shl(5, place))
            before := mload(at)
            afterwards := mload(add(at, 32))
        }
    }
}

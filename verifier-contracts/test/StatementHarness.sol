// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Statement} from "../libraries/Statement.sol";

/// The encodings, in the open.
contract StatementHarness {
    function encodeTransfer(uint256 asset, int256 lots) external pure returns (uint256) {
        return Statement.encodeTransfer(asset, lots);
    }

    function encodeTerms(uint256 level, bool below, bool minus) external pure returns (uint256) {
        return Statement.encodeTerms(level, below, minus);
    }

    function publicSignals(uint256 instruments) external pure returns (uint256) {
        return Statement.publicSignals(instruments);
    }

    function settlementSignals(uint256 instruments) external pure returns (uint256) {
        return Statement.settlementSignals(instruments);
    }

    function genesisState(uint256 instruments) external pure returns (uint256) {
        return Statement.genesisState(instruments);
    }

    function noFill(uint256 instruments) external pure returns (uint256) {
        return Statement.noFill(instruments);
    }
}

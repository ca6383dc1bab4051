// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// What is used of the common interface of price feeds, and of feeds that report whether an L2's sequencer is up
/// (answer 0: up, 1: down; startedAt: since when, 0 before the first report).
interface IAggregator {
    function decimals() external view returns (uint8);

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// Reading what others have deployed. A feed that reverts, has no code, or answers too little is one that is broken, and
/// must not take the caller down with it.
///
/// A caller who starves a reading of gas is left with a 63rd of what it lacked, which is too little for anything that
/// follows here.
library Readings {
    /// @return ok whether a round was returned
    function round(address feed) internal view returns (bool ok, int256 answer, uint256 startedAt, uint256 updatedAt) {
        bytes memory data;
        (ok, data) = feed.staticcall(abi.encodeCall(IAggregator.latestRoundData, ()));
        ok = ok && data.length >= 160;
        if (!ok) return (false, 0, 0, 0);
        (, answer, startedAt, updatedAt,) = abi.decode(data, (uint256, int256, uint256, uint256, uint256));
    }

    /// @return ok whether one word was returned
    function word(address target, bytes memory call) internal view returns (bool ok, uint256 value) {
        bytes memory data;
        (ok, data) = target.staticcall(call);
        ok = ok && data.length >= 32;
        if (ok) value = abi.decode(data, (uint256));
    }
}

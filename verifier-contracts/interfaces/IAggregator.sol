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

    function getRoundData(uint80 id)
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
    struct Round {
        /// Whether there was an answer; all else is zero where there was none.
        bool ok;
        uint80 id;
        int256 answer;
        uint256 startedAt;
        uint256 updatedAt;
    }

    function latest(address feed) internal view returns (Round memory) {
        return _read(feed, abi.encodeCall(IAggregator.latestRoundData, ()));
    }

    function round(address feed, uint80 id) internal view returns (Round memory) {
        return _read(feed, abi.encodeCall(IAggregator.getRoundData, (id)));
    }

    function _read(address feed, bytes memory call) private view returns (Round memory found) {
        (bool ok, bytes memory data) = feed.staticcall(call);
        if (!ok || data.length < 160) return found;
        (uint256 id, int256 answer, uint256 startedAt, uint256 updatedAt,) =
            abi.decode(data, (uint256, int256, uint256, uint256, uint256));
        return Round(true, uint80(id), answer, startedAt, updatedAt);
    }
}

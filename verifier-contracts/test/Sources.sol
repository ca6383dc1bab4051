// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAggregator} from "../interfaces/IAggregator.sol";
import {ISettled} from "../interfaces/IMarket.sol";
import {TestToken} from "./Tokens.sol";

/// A price feed, or a feed of the sequencer's state, that says what it was told.
contract TestFeed is IAggregator {
    uint8 public immutable decimals;
    int256 public answer;
    uint256 public startedAt;
    uint256 public updatedAt;
    bool public broken;

    constructor(uint8 decimals_, int256 answer_) {
        decimals = decimals_;
        set(answer_);
    }

    function set(int256 answer_) public {
        setAt(answer_, block.timestamp);
    }

    function setAt(int256 answer_, uint256 time) public {
        (answer, startedAt, updatedAt) = (answer_, time, time);
    }

    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        require(!broken, "broken");
        return (1, answer, startedAt, updatedAt, 1);
    }
}

/// An ERC-4626 vault as far as its rate goes: assets per share rise when somebody donates.
contract TestVault is TestToken {
    address public immutable asset;
    uint256 public assets;

    constructor(address asset_, uint8 decimals_) TestToken("SHARE", decimals_) {
        asset = asset_;
    }

    function set(uint256 assets_, uint256 shares) external {
        assets = assets_;
        _burn(address(this), balanceOf(address(this)));
        _mint(address(this), shares);
    }

    function convertToAssets(uint256 shares) external view returns (uint256) {
        return shares * assets / totalSupply();
    }
}

/// A gate of which it is known whether all have settled.
contract TestGate is ISettled {
    mapping(uint256 board => uint64) public settled;

    function set(uint256 board, uint64 settlement) external {
        settled[board] = settlement;
    }

    function allSettled(uint256 board, uint64 settlement) external view returns (bool) {
        return settlement <= settled[board];
    }
}

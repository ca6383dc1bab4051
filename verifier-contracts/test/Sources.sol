// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAggregator} from "../interfaces/IAggregator.sol";
import {IBoardGate} from "../interfaces/IMarket.sol";

/// A price feed, or a feed of the sequencer's state, that says what it was told, and what it was told before.
contract TestFeed is IAggregator {
    struct Round {
        int256 answer;
        uint256 startedAt;
    }

    /// What it says of a round by its number: what it was told, zeros where it has none, another time, or nothing.
    enum History {
        Kept,
        Zeros,
        Other,
        None
    }

    uint8 public immutable decimals;
    bool public broken;
    History public history;
    uint80 public latest;
    mapping(uint80 id => Round) private _rounds;

    constructor(uint8 decimals_, int256 answer_) {
        decimals = decimals_;
        set(answer_);
    }

    function set(int256 answer_) public {
        setAt(answer_, block.timestamp);
    }

    function setAt(int256 answer_, uint256 time) public {
        _rounds[++latest] = Round(answer_, time);
    }

    /// Its history is gone, as of feeds that keep none.
    function forget() external {
        delete _rounds[latest - 1];
    }

    /// It has no round but the last, whose number is zero.
    function restart() external {
        (_rounds[0], latest) = (_rounds[latest], 0);
    }

    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function setHistory(History history_) external {
        history = history_;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        require(!broken, "no data");
        return _round(latest, _rounds[latest].startedAt);
    }

    function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80) {
        uint256 startedAt = _rounds[id].startedAt;
        require(!broken && history != History.None, "no data");
        require(id == latest || startedAt != 0 || history == History.Zeros, "no data");
        return _round(id, history == History.Other ? startedAt + 1 : startedAt);
    }

    function _round(uint80 id, uint256 startedAt) private view returns (uint80, int256, uint256, uint256, uint80) {
        return (id, _rounds[id].answer, startedAt, startedAt, id);
    }
}

/// A gate of which it is known whether all have settled, and since when its till is short.
contract TestGate is IBoardGate {
    mapping(uint256 board => uint64) public settled;
    bool private _short;
    uint24 private _shortFor;
    uint256 private _countedAt;

    function set(uint256 board, uint64 settlement) external {
        settled[board] = settlement;
    }

    function setShort(bool short) external {
        tillShortFor();
        _short = short;
    }

    function tillShortFor() public returns (uint24) {
        if (_short) _shortFor += uint24(block.timestamp - _countedAt);
        _countedAt = block.timestamp;
        return _shortFor;
    }

    function allSettled(uint256 board, uint64 settlement) external view returns (bool) {
        return settlement <= settled[board];
    }
}

/// A gate that, asked by the oracle, calls back.
contract ReenteringGate is IBoardGate {
    address private immutable _target;
    bytes private _call;
    /// How often its call was asked for and succeeded.
    uint256 public succeeded;

    constructor(address target) {
        _target = target;
    }

    function set(bytes calldata call_) external {
        _call = call_;
    }

    /// From a view nothing but a view can be called: the call of anything else fails here, and is reported as true.
    function allSettled(uint256, uint64) external view returns (bool) {
        (bool ok,) = _target.staticcall(_call);
        return !ok;
    }

    /// Short for all time.
    function tillShortFor() external returns (uint24) {
        (bool ok,) = _target.call(_call);
        if (ok) succeeded++;
        return uint24(block.timestamp);
    }
}

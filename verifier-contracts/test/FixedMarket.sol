// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IMarket, Market, Terms} from "../interfaces/IMarket.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {G1} from "../libraries/Bn254.sol";

/// A market whose every answer is set by the test: it stands in for the oracle where that is not the point.
contract FixedMarket is IMarket {
    uint256 public immutable instruments;
    mapping(uint64 epoch => Market) private _epochs;
    uint64 private _current;
    /// Whether the epoch before the current one is still within its grace.
    bool public grace;
    uint256 private _clock;
    Terms private _terms;
    IAccountVerifier private _exitVerifier;
    G1 private _exitPoint;
    uint64 private _settlements;
    address public immutable guardian;
    uint256 public constant TIMELOCK = 2 days;
    uint256 public constant LIFE = 14 days;

    constructor(uint256 boardInstruments, IAccountVerifier exitVerifier, G1 memory exitPoint) {
        instruments = boardInstruments;
        (_exitVerifier, _exitPoint) = (exitVerifier, exitPoint);
        guardian = msg.sender;
    }

    function open(Market calldata epoch) external {
        (_epochs[epoch.epoch], _current) = (epoch, epoch.epoch);
    }

    function setUsable(bool usable, bool complete) external {
        (_epochs[_current].usable, _epochs[_current].complete) = (usable, complete);
    }

    function setTerms(Terms calldata terms) external {
        _terms = terms;
    }

    function setGrace(bool grace_) external {
        grace = grace_;
    }

    function advance(uint256 secondsOfClock) external {
        _clock += secondsOfClock;
    }

    function settle() external {
        _settlements++;
    }

    function instrumentsOf(uint256) external view returns (uint256) {
        return instruments;
    }

    function latest(uint256) external view returns (Market memory) {
        return _epochs[_current];
    }

    function at(uint256, uint64 epoch) external view returns (Market memory) {
        if (epoch != _current && !(grace && epoch + 1 == _current)) revert EpochSuperseded(_current, epoch);
        return _epochs[epoch];
    }

    function fresh(uint256 board) external view returns (Market memory) {
        if (!_epochs[_current].usable) revert EpochHalted(board, _current);
        return _epochs[_current];
    }

    function exitMarket(uint256) external view returns (IAccountVerifier, G1 memory) {
        return (_exitVerifier, _exitPoint);
    }

    function clock(uint256) external view returns (uint256) {
        return _clock;
    }

    function termsOf(uint256) external view returns (Terms memory) {
        return _terms;
    }

    function governance() external view returns (address, uint256, uint256) {
        return (guardian, TIMELOCK, LIFE);
    }

    function settlementsOf(uint256) external view returns (uint64) {
        return _settlements;
    }

    function settlementOf(uint256 board, uint64 settlement) external view returns (ISettlementVerifier, G1 memory) {
        if (settlement > _settlements) revert SettlementUnknown(board, settlement);
        return (ISettlementVerifier(address(_exitVerifier)), _exitPoint);
    }
}

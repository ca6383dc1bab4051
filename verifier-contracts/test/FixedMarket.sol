// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {ILotVerifier} from "../interfaces/ILotVerifier.sol";
import {IMarket, IQueue, Market, Terms} from "../interfaces/IMarket.sol";
import {IRoundVerifier} from "../interfaces/IRoundVerifier.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {Family} from "../interfaces/IVerifier.sol";
import {G1} from "../libraries/Bn254.sol";

/// A market whose every answer is set by the test, and its own queue: it stands in for the oracle where that is not the point.
contract FixedMarket is IMarket, IQueue {
    uint256 public immutable instruments;
    mapping(uint64 epoch => Market) private _epochs;
    uint64 private _current;
    bool private _usable = true;
    bool private _complete = true;
    /// Policy of `outflow` where it is not the epoch's.
    uint64 private _inForce;
    /// Whether the epoch before the current one is still within its grace.
    bool public grace;
    uint256 private _clock;
    Terms private _terms;
    IAccountVerifier private _exitVerifier;
    G1 private _exitPoint;
    ILotVerifier private _lotVerifier;
    G1 private _lotPoint;
    mapping(uint256 members => IRoundVerifier) private _roundVerifiers;
    mapping(uint256 members => G1) private _roundPoints;
    /// A family of circuits that the board's keys have not; zero for none.
    uint256 private _missing;
    uint64 private _settlements;
    mapping(uint64 settlement => ISettlementVerifier) private _settlementVerifiers;
    mapping(uint64 settlement => G1) private _marks;
    address public guardian;
    bool public closed = true;
    address public gate;
    uint256 public constant getMinDelay = 2 days;
    uint256 public constant LIFE = 14 days;

    constructor(uint256 boardInstruments, IAccountVerifier exitVerifier, G1 memory exitPoint) {
        instruments = boardInstruments;
        (_exitVerifier, _exitPoint) = (exitVerifier, exitPoint);
        guardian = msg.sender;
    }

    // ---- Set by tests ----

    function open(Market calldata epoch) external {
        (_epochs[epoch.epoch], _current) = (epoch, epoch.epoch);
    }

    function setUsable(bool usable, bool complete) external {
        (_usable, _complete) = (usable, complete);
    }

    /// The policy in force, where it is not the standing epoch's; zero where it is.
    function setInForce(uint64 policyId) external {
        _inForce = policyId;
    }

    function setTerms(Terms calldata terms) external {
        _terms = terms;
    }

    function setGrace(bool grace_) external {
        grace = grace_;
    }

    function setClosed(bool closed_) external {
        closed = closed_;
    }

    function setGuardian(address guardian_) external {
        guardian = guardian_;
    }

    function bindGate(address gate_) external {
        gate = gate_;
    }

    function setLots(ILotVerifier verifier, G1 calldata point) external {
        (_lotVerifier, _lotPoint) = (verifier, point);
    }

    function setMissing(uint256 family) external {
        _missing = family;
    }

    function setRounds(uint256 members, IRoundVerifier verifier, G1 calldata point) external {
        (_roundVerifiers[members], _roundPoints[members]) = (verifier, point);
    }

    function advance(uint256 secondsOfClock) external {
        _clock += secondsOfClock;
    }

    function settle() external {
        openSettlement(ISettlementVerifier(address(_exitVerifier)), _exitPoint);
    }

    function openSettlement(ISettlementVerifier verifier, G1 memory marks) public {
        (_settlementVerifiers[++_settlements], _marks[_settlements]) = (verifier, marks);
    }

    // ---- Market ----

    function instrumentsOf(uint256) external view returns (uint256) {
        return instruments;
    }

    function gateOf(uint256) external view returns (address) {
        return gate;
    }

    function queue() external view returns (address) {
        return address(this);
    }

    function serves(uint256, uint256 family) external view returns (bool) {
        if (family == Family.LOT) return address(_lotVerifier) != address(0);
        if (family > Family.ROUND) return address(_roundVerifiers[family - Family.ROUND]) != address(0);
        return family != _missing;
    }

    function epochOf(uint256) external view returns (uint64) {
        return _current;
    }

    function outflow(uint256 board) public view returns (Market memory market) {
        market = _standing(board);
        if (_inForce != 0 && _inForce != market.policyId) {
            revert EpochOfFormerPolicy(board, _current, uint32(market.policyId), uint32(_inForce));
        }
    }

    function attesting(uint256 board, uint64 epoch) external view returns (Market memory) {
        _standing(board);
        if (epoch != _current && !(grace && epoch + 1 == _current)) revert EpochSuperseded(_current, epoch);
        return _epochs[epoch];
    }

    function evidence(uint256 board) public view returns (Market memory market) {
        market = _standing(board);
        if (!_complete) revert EpochIncomplete(board, _current);
    }

    function lots(uint256 board) external view returns (ILotVerifier, G1 memory) {
        evidence(board);
        if (address(_lotVerifier) == address(0)) revert FamilyMissing(board, Family.LOT);
        return (_lotVerifier, _lotPoint);
    }

    function rounds(uint256 board, uint256 members) external view returns (IRoundVerifier, Market memory market) {
        market = outflow(board);
        if (address(_roundVerifiers[members]) == address(0)) revert FamilyMissing(board, Family.ROUND + members);
        market.point = _roundPoints[members];
        return (_roundVerifiers[members], market);
    }

    function exitMarket(uint256) external view returns (IAccountVerifier, G1 memory) {
        return (_exitVerifier, _exitPoint);
    }

    function clock(uint256) external view returns (uint256) {
        return _clock;
    }

    function wind(uint256) external view returns (uint256) {
        return _clock;
    }

    function termsOf(uint256) external view returns (Terms memory) {
        return _terms;
    }

    function settlementsOf(uint256) external view returns (uint64) {
        return _settlements;
    }

    function settlementOf(uint256 board, uint64 settlement) external view returns (ISettlementVerifier, G1 memory) {
        if (settlement > _settlements) revert SettlementUnknown(board, settlement);
        return (_settlementVerifiers[settlement], _marks[settlement]);
    }

    function _standing(uint256 board) private view returns (Market memory) {
        if (_current == 0) revert EpochMissing(board);
        if (!_usable) revert EpochHalted(board, _current);
        return _epochs[_current];
    }
}

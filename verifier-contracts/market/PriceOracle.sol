// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Epochs} from "./Epochs.sol";
import {PolicyRegistry} from "./PolicyRegistry.sol";
import {Settlements} from "./Settlements.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {ILotVerifier} from "../interfaces/ILotVerifier.sol";
import {IBoardGate, IMarket, IQueue, Levels, Market, Terms} from "../interfaces/IMarket.sol";
import {IRoundVerifier} from "../interfaces/IRoundVerifier.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {Family, IVerifier} from "../interfaces/IVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Clock} from "../libraries/Clock.sol";

/// Market values of boards, epoch by epoch.
///
/// Who can do what
///  - k of n reporters choose the values, by signing them, and nothing else: a price is the median of k observations, held
///    against what it was and against feeds (`PriceSources`); every board value is checked against the circuit's ranges and the
///    policy's board terms; every point comes with a link that shows it to be of exactly these values (docs/link.md);
///  - anyone carries an epoch to the chain, in one transaction, and links its values for further circuits later;
///  - the guardian pauses a board, which ends by itself; the queue names the gate of a board, once.
///
/// The rate of debt of an epoch lies between the policy's two: each hour for most of which the gate's till was short moves it
/// by an eighth towards the short one, each other hour back. So whoever links an epoch knows it.
///
/// Safety rests on registry and reporters, on the verifiers and the secrets of their link keys. Not checked: that board values
/// follow from the prices and the published risk model (anyone can recompute them).
/// Liveness rests on k reporters, and on the values they signed being public before the signatures are.
contract PriceOracle is Epochs, IMarket {
    /// Longest pause, and shortest time between the end of one and the start of the next.
    uint64 public constant MAX_PAUSE = 3 days;
    uint64 public constant PAUSE_COOL_DOWN = 7 days;
    IQueue private immutable _queue;

    event GateBound(uint256 indexed board, address gate);
    event Paused(uint256 indexed board, uint64 until);

    error GateTaken(address gate);
    error GateRefused(address gate);
    error PauseTooLong(uint64 duration, uint64 limit);
    error PauseTooSoon(uint256 earliest);

    /// @param sequencer_ a feed of the sequencer's state, or zero
    /// @param reporters_ and `quorum_`: as `Reporters` takes them
    constructor(PolicyRegistry registry_, address sequencer_, address[] memory reporters_, uint256 quorum_)
        Epochs(registry_, sequencer_, reporters_, quorum_)
    {
        _queue = registry_.queue();
    }

    // ---- Queue and guardian ----

    /// Names the gate of a board, for good.
    function bindGate(uint256 board, IBoardGate gate) external {
        if (msg.sender != address(_queue)) revert IQueue.NotQueue(msg.sender);
        registry.headOf(board);
        Series storage series = _series[board];
        if (address(series.gate) != address(0)) revert GateTaken(address(series.gate));
        if (address(gate).code.length == 0) revert GateRefused(address(gate));
        series.gate = gate;
        emit GateBound(board, address(gate));
    }

    /// Stops a board, and its clock, until it ends by itself. Zero ends a pause. Guardian only.
    /// @param duration seconds, at most MAX_PAUSE
    function pause(uint256 board, uint64 duration) external {
        if (msg.sender != _queue.guardian()) revert IQueue.NotGuardian(msg.sender);
        registry.headOf(board);
        if (duration > MAX_PAUSE) revert PauseTooLong(duration, MAX_PAUSE);
        Series storage series = _series[board];
        uint256 until = series.clock.pausedUntil;
        if (duration != 0 && until != 0 && block.timestamp < until + PAUSE_COOL_DOWN) {
            revert PauseTooSoon(until + PAUSE_COOL_DOWN);
        }
        _advance(series);
        if (duration != 0 || until > block.timestamp) {
            series.clock.pausedUntil = uint40(block.timestamp + duration);
        }
        emit Paused(board, series.clock.pausedUntil);
    }

    // ---- Views ----

    /// @inheritdoc IMarket
    function instrumentsOf(uint256 board) external view returns (uint256) {
        return registry.headOf(board).instruments;
    }

    /// @inheritdoc IMarket
    function gateOf(uint256 board) external view returns (address) {
        return address(_series[board].gate);
    }

    /// @inheritdoc IMarket
    function queue() external view returns (address) {
        return address(_queue);
    }

    /// @inheritdoc IMarket
    function epochOf(uint256 board) external view returns (uint64) {
        return _standing(_series[board]).epoch;
    }

    /// @inheritdoc IMarket
    function serves(uint256 board, uint256 family) external view returns (bool) {
        PolicyRegistry.Head memory head = registry.headOf(board);
        return registry.routerOf(board, head.keyId).has(head.instruments, family);
    }

    /// @inheritdoc IMarket
    function outflow(uint256 board) public view returns (Market memory market) {
        Series storage series = _series[board];
        Epoch memory standing = _usable(board, series);
        uint32 current = registry.headOf(board).policyId;
        if (standing.policyId != current) revert EpochOfFormerPolicy(board, standing.epoch, standing.policyId, current);
        return _market(standing, current, registry.versionOf(board, current), standing.point);
    }

    /// @inheritdoc IMarket
    function attesting(uint256 board, uint64 epoch) external view returns (Market memory) {
        Series storage series = _series[board];
        Epoch memory standing = _usable(board, series);
        if (standing.epoch == epoch) return _asEvidence(board, standing);
        Epoch memory before = series.ring[(series.generation + 1) % 2];
        uint256 grace = registry.versionOf(board, standing.policyId).epochGrace;
        bool inTime = block.timestamp <= standing.takenAt + grace && !standing.afterHalt;
        if (before.epoch != epoch || epoch == 0 || !inTime) {
            revert EpochSuperseded(standing.epoch, epoch);
        }
        _checkSound(board, before);
        return _asEvidence(board, before);
    }

    /// @inheritdoc IMarket
    function evidence(uint256 board) external view returns (Market memory) {
        return _asEvidence(board, _complete(board));
    }

    /// @inheritdoc IMarket
    function lots(uint256 board) external view returns (ILotVerifier verifier, G1 memory point) {
        Epoch memory standing = _complete(board);
        uint256 policyId = _evidencePolicy(_series[board], standing.policyId);
        IVerifier found;
        (found, point) = _linkedOf(board, standing, policyId, Family.LOT);
        return (ILotVerifier(address(found)), point);
    }

    /// @inheritdoc IMarket
    function rounds(uint256 board, uint256 members)
        external
        view
        returns (IRoundVerifier verifier, Market memory market)
    {
        market = outflow(board);
        IVerifier found;
        (found, market.point) =
            _linkedOf(board, _standing(_series[board]), market.policyId, Family.ROUND + members);
        return (IRoundVerifier(address(found)), market);
    }

    /// @inheritdoc IMarket
    // While an epoch made under the key before stands, this is the exit market of that key too, until the key's sunset.
    function exitMarket(uint256 board) external view returns (IAccountVerifier verifier, G1 memory point) {
        PolicyRegistry.Head memory head = registry.headOf(board);
        Epoch storage standing = _standing(_series[board]);
        bool former = standing.epoch != 0 && standing.keyId + 1 == head.keyId && block.timestamp <= head.sunset;
        verifier = former
            ? standing.verifier
            : IAccountVerifier(address(registry.verifierOf(board, head.keyId, Family.ACCOUNT)));
        point = registry.points().exitPointOf(verifier);
    }

    /// @inheritdoc IMarket
    function clock(uint256 board) public view returns (uint256) {
        return Clock.advanced(_series[board].clock, sequencer).ran;
    }

    /// @inheritdoc IMarket
    function wind(uint256 board) external returns (uint256) {
        // Without a sequencer nothing is ever taken back.
        if (sequencer != address(0)) _advance(_series[board]);
        return clock(board);
    }

    /// @inheritdoc IMarket
    function termsOf(uint256 board) external view returns (Terms memory terms) {
        _forward(address(registry), abi.encodeCall(PolicyRegistry.termsOf, (board)));
    }

    /// @inheritdoc IMarket
    function settlementsOf(uint256 board) external view returns (uint64) {
        return settlements.settlementsOf(board);
    }

    /// @inheritdoc IMarket
    function settlementOf(uint256 board, uint64 settlement)
        external
        view
        returns (ISettlementVerifier verifier, G1 memory point)
    {
        _forward(address(settlements), abi.encodeCall(Settlements.settlementOf, (board, settlement)));
    }

    /// When a pause ends or has ended, unix seconds; zero where there was none.
    function pausedUntil(uint256 board) external view returns (uint64) {
        return _series[board].clock.pausedUntil;
    }

    // ---- Internal ----

    /// Ends the call with what another contract answers, or with its error.
    function _forward(address target, bytes memory call) private view {
        (bool ok, bytes memory answer) = target.staticcall(call);
        assembly ("memory-safe") {
            let data := add(answer, 32)
            if iszero(ok) { revert(data, mload(answer)) }
            return(data, mload(answer))
        }
    }

    /// The standing epoch; reverts with the reason where it is not usable.
    function _usable(uint256 board, Series storage series) private view returns (Epoch memory standing) {
        standing = _standing(series);
        if (standing.epoch == 0) {
            registry.headOf(board);
            revert EpochMissing(board);
        }
        (bool up, uint64 since) = Clock.sequencerUp(sequencer);
        if (!up) revert SequencerDown(since);
        uint64 until = series.clock.pausedUntil;
        if (block.timestamp < until) revert BoardPaused(board, until);
        _checkSound(board, standing);
    }

    function _complete(uint256 board) private view returns (Epoch memory standing) {
        standing = _usable(board, _series[board]);
        if (standing.unvalued != 0) revert EpochIncomplete(board, standing.epoch);
    }

    function _checkSound(uint256 board, Epoch memory epoch) private view {
        if (epoch.frozen) revert EpochFrozen(board, epoch.epoch);
        if (epoch.halted) revert EpochHalted(board, epoch.epoch);
        uint32 maxAge = registry.versionOf(board, epoch.policyId).maxAge;
        if (block.timestamp - epoch.time > maxAge) revert EpochStale(board, epoch.epoch, epoch.time, maxAge);
    }

    function _market(Epoch memory epoch, uint256 policyId, PolicyRegistry.Version memory version, G1 memory point)
        private
        pure
        returns (Market memory)
    {
        Levels memory levels = Levels(version.initial, version.call, version.liquidation, version.closeOut);
        return Market(epoch.verifier, uint64(policyId), epoch.epoch, epoch.time, levels, point);
    }

    /// The market of an epoch under its evidence policy.
    function _asEvidence(uint256 board, Epoch memory epoch) private view returns (Market memory) {
        uint256 policyId = _evidencePolicy(_series[board], epoch.policyId);
        G1 memory point = epoch.point;
        if (policyId != epoch.policyId) {
            // The policy's point is exchanged for the one before.
            G1 memory own = registry.pointOf(board, epoch.policyId, epoch.verifier);
            point = Bn254.add(point, G1(own.x, Bn254.Q - own.y));
            point = Bn254.add(point, registry.pointOf(board, policyId, epoch.verifier));
        }
        return _market(epoch, policyId, registry.versionOf(board, policyId), point);
    }

    /// Verifier and point of the standing epoch for another family than accounts, under a policy.
    function _linkedOf(uint256 board, Epoch memory standing, uint256 policyId, uint256 family)
        private
        view
        returns (IVerifier verifier, G1 memory point)
    {
        verifier = registry.verifierOf(board, standing.keyId, family);
        Linked storage linked = _series[board].linked[family];
        if (linked.epoch != standing.epoch) revert FamilyNotLinked(board, standing.epoch, family);
        point = Bn254.add(linked.point, registry.pointOf(board, policyId, verifier));
    }
}

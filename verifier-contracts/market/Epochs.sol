// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PolicyRegistry} from "./PolicyRegistry.sol";
import {PriceSources} from "./PriceSources.sol";
import {Reporters} from "./Reporters.sol";
import {Settlements} from "./Settlements.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IBoardGate, IMarket} from "../interfaces/IMarket.sol";
import {Family, IVerifier} from "../interfaces/IVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {BoardTerms} from "../libraries/BoardTerms.sol";
import {Clock} from "../libraries/Clock.sol";
import {Link, LinkVerifier} from "../libraries/LinkVerifier.sol";
import {PackedValues} from "../libraries/PackedValues.sol";
import {Statement} from "../libraries/Statement.sol";

/// Epochs of `PriceOracle`: how one is taken, linked for further circuits, and frozen. What it serves for is the oracle's.
abstract contract Epochs {
    /// A link of the values for a family of circuits (`Family`).
    struct FamilyLink {
        uint256 family;
        Link link;
    }

    struct Epoch {
        IAccountVerifier verifier;
        /// Policy that was in force when it was opened, and keys.
        uint32 policyId;
        uint24 keyId;
        /// Bit a: asset a is listed and has no price.
        uint16 unvalued;
        bool halted;
        bool frozen;
        uint64 epoch;
        uint64 time;
        /// Unix seconds of the block that took it.
        uint64 takenAt;
        uint16 debtRateBps;
        /// Of policy and market.
        G1 point;
        /// Fixes all values of the market: what links of it are bound to.
        bytes32 values;
    }

    /// A point of the standing epoch for another family than accounts.
    struct Linked {
        uint64 epoch;
        G1 point;
    }

    /// What there is of a board: the epoch that stands and the one before.
    struct Series {
        Clock.State clock;
        uint64 generation;
        /// Whether the next epoch has the short rate: as the last two epochs running found the till.
        bool tillShort;
        /// What the standing epoch found, whether or not the one before did.
        bool tillWasShort;
        /// Whether there are rows that have expired and wait for accounts to settle.
        bool waiting;
        IBoardGate gate;
        Epoch[2] ring;
        mapping(uint256 family => Linked) linked;
    }

    /// An epoch's number may not jump by more: no signature can use the numbers up.
    uint64 public constant MAX_EPOCH_STEP = 1 << 32;

    PolicyRegistry public immutable registry;
    PriceSources public immutable sources;
    Reporters public immutable reporters;
    Settlements public immutable settlements;
    /// Reports whether the chain's sequencer is up; zero where the chain has none.
    address public immutable sequencer;
    mapping(uint256 board => Series) internal _series;

    /// `prices` are those that count, zero where there is none.
    event EpochTaken(
        uint256 indexed board,
        uint64 indexed epoch,
        uint64 time,
        uint64[15] prices,
        uint16 debtRateBps,
        bytes32 valuesHash,
        uint16 unvalued,
        bool halted
    );
    event EpochLinked(uint256 indexed board, uint64 indexed epoch, uint256 family);

    error RegistryRefused(address registry);
    error EpochNotNext(uint64 epoch, uint64 last);
    /// The first link of an epoch is that for accounts.
    error AccountLinkMissing();
    /// Not the values of the standing epoch.
    error ValuesWrong(bytes32 expected, bytes32 found);
    error VerifierRefused(address verifier);
    error NotSettlements(address sender);

    constructor(PolicyRegistry registry_, address sequencer_, address[] memory reporters_, uint256 quorum_) {
        if (address(registry_).code.length == 0) revert RegistryRefused(address(registry_));
        registry = registry_;
        sequencer = sequencer_;
        sources = new PriceSources(registry_);
        reporters = new Reporters(registry_.queue(), reporters_, quorum_);
        settlements = new Settlements(registry_, reporters);
    }

    // ---- Anyone, with values that the quorum signed ----

    /// Takes an epoch: medians of the prices, board values, and links of them. It takes the place of the one before.
    /// @param observations exactly `quorum`, in ascending order of the reporters
    /// @param values as `PackedValues` lays them out
    /// @param links for accounts first, then for any other families
    function publish(
        uint256 board,
        uint64 epoch,
        Reporters.Observation[] calldata observations,
        bytes calldata values,
        FamilyLink[] calldata links
    ) external {
        PolicyRegistry.Head memory head = registry.headOf(board);
        Series storage series = _series[board];
        (uint64 last, uint64 lastTime) = (_standing(series).epoch, _standing(series).time);
        if (epoch <= last || epoch - last > MAX_EPOCH_STEP) revert EpochNotNext(epoch, last);
        if (links.length == 0 || links[0].family != Family.ACCOUNT) revert AccountLinkMissing();
        PolicyRegistry.Version memory version = registry.versionOf(board, head.policyId);
        bytes32 valuesHash = keccak256(values);
        uint64[15] memory prices;
        Epoch memory next;
        (next.epoch, next.policyId, next.keyId) = (epoch, head.policyId, head.keyId);
        next.takenAt = uint64(block.timestamp);
        (next.time, prices) = reporters.median(board, epoch, valuesHash, observations, version.maxAge, lastTime);
        (prices, next.unvalued, next.halted) = sources.appraise(board, version.listed, prices);
        next.debtRateBps = series.tillShort ? version.shortDebtRateBps : version.debtRateBps;
        next.values = _fix(valuesHash, prices, next.debtRateBps);
        IVerifier accounts;
        (accounts, next.point) = _link(board, head.instruments, next, values, prices, links[0]);
        next.verifier = IAccountVerifier(address(accounts));
        next.point = Bn254.add(next.point, registry.pointOf(board, head.policyId, accounts));
        _checkRows(board, series, head, values, prices);
        for (uint256 index = 1; index < links.length; index++) {
            _linkFamily(board, series, head.instruments, next, values, prices, links[index]);
        }

        _advance(series);
        series.generation += 1;
        series.ring[series.generation % 2] = next;
        bool runs = !next.halted && next.unvalued == 0;
        series.clock.freshUntil = runs ? uint40(next.time + version.maxAge) : 0;
        series.clock.stopLimit = version.stopLimit;
        bool short = address(series.gate) != address(0) && series.gate.tillShort();
        // As two epochs running found it: nobody moves the till for the moment of one.
        if (short == series.tillWasShort) series.tillShort = short;
        series.tillWasShort = short;
        emit EpochTaken(
            board, epoch, next.time, prices, next.debtRateBps, valuesHash, next.unvalued, next.halted
        );
    }

    /// Links the standing epoch's values for further families.
    /// @param prices and `debtRateBps`: of the epoch's event
    function linkMore(
        uint256 board,
        bytes calldata values,
        uint64[15] calldata prices,
        uint256 debtRateBps,
        FamilyLink[] calldata links
    ) external {
        Series storage series = _series[board];
        Epoch memory standing = _standing(series);
        if (standing.epoch == 0) revert IMarket.EpochMissing(board);
        expectValues(board, keccak256(values), prices, debtRateBps);
        PolicyRegistry.Head memory head = registry.headOf(board);
        for (uint256 index = 0; index < links.length; index++) {
            _linkFamily(board, series, head.instruments, standing, values, prices, links[index]);
        }
    }

    // ---- Settlements ----

    /// Rows have expired that the standing epoch still values: it serves no longer. Of `settlements` only.
    function freeze(uint256 board) external {
        if (msg.sender != address(settlements)) revert NotSettlements(msg.sender);
        Series storage series = _series[board];
        _advance(series);
        _standing(series).frozen = true;
        series.clock.freshUntil = 0;
        series.waiting = true;
    }

    // ---- Views for people ----

    /// The standing epoch in any condition, and the policy that it is evidence under. For people, not for gates.
    function standingOf(uint256 board) external view returns (Epoch memory epoch, uint256 evidencePolicy) {
        epoch = _standing(_series[board]);
        (evidencePolicy,) = registry.evidenceOf(board, epoch.policyId);
    }

    /// Whether the next epoch is charged the short rate of debt.
    function tillShort(uint256 board) external view returns (bool) {
        return _series[board].tillShort;
    }

    /// What a link's point is for.
    function subjectOf(uint256 board, uint64 epoch) public view returns (bytes32) {
        return keccak256(abi.encode("Market", block.chainid, address(this), board, epoch));
    }

    /// Refuses values that are not those of the standing epoch.
    function expectValues(uint256 board, bytes32 valuesHash, uint64[15] memory prices, uint256 debtRateBps) public view {
        bytes32 expected = _standing(_series[board]).values;
        bytes32 found = _fix(valuesHash, prices, debtRateBps);
        if (found != expected) revert ValuesWrong(expected, found);
    }

    // ---- Internal ----

    function _standing(Series storage series) internal view returns (Epoch storage) {
        return series.ring[series.generation % 2];
    }

    /// What fixes all values of a market: links are bound to it.
    function _fix(bytes32 valuesHash, uint64[15] memory prices, uint256 debtRateBps) private pure returns (bytes32) {
        return keccak256(abi.encode(valuesHash, prices, debtRateBps));
    }

    function _advance(Series storage series) internal {
        series.clock = Clock.advanced(series.clock, sequencer);
    }

    /// Takes the point of an epoch's values under the verifier of a family, and checks every value on the way.
    function _link(
        uint256 board,
        uint256 instruments,
        Epoch memory epoch,
        bytes calldata values,
        uint64[15] memory prices,
        FamilyLink calldata given
    ) private view returns (IVerifier verifier, G1 memory point) {
        verifier = registry.verifierOf(board, epoch.keyId, given.family);
        uint256 first = verifier.own() + 1 + Statement.POLICY_SIGNALS;
        bytes32 seed = LinkVerifier.seedOf(
            verifier.linkId(),
            subjectOf(board, epoch.epoch),
            first,
            Statement.valuesOf(instruments),
            epoch.values,
            given.link
        );
        uint256 y =
            PackedValues.evaluate(values, instruments, prices, epoch.debtRateBps, uint256(seed) % Bn254.R, first);
        _checkLink(verifier, seed, y, given.link);
        point = given.link.point;
    }

    function _linkFamily(
        uint256 board,
        Series storage series,
        uint256 instruments,
        Epoch memory epoch,
        bytes calldata values,
        uint64[15] memory prices,
        FamilyLink calldata given
    ) private {
        (, G1 memory point) = _link(board, instruments, epoch, values, prices, given);
        series.linked[given.family] = Linked(epoch.epoch, point);
        emit EpochLinked(board, epoch.epoch, given.family);
    }

    function _checkLink(IVerifier verifier, bytes32 seed, uint256 y, Link calldata link) private view {
        if (verifier.checkLink(seed, y, link) != IVerifier.checkLink.selector) revert VerifierRefused(address(verifier));
    }

    /// Refuses board values that break the policy's board terms, and rows that come back too early.
    function _checkRows(
        uint256 board,
        Series storage series,
        PolicyRegistry.Head memory head,
        bytes calldata values,
        uint64[15] memory prices
    ) private {
        address terms = registry.boardTermsOf(board, head.policyId);
        if (terms == address(0) && !series.waiting) return;
        (uint256[] memory open, int256[] memory marks) = PackedValues.scan(values, head.instruments);
        if (terms != address(0)) BoardTerms.hold(terms, values, head.instruments, prices, open, marks);
        if (series.waiting) series.waiting = settlements.relist(board, open, series.gate);
    }
}

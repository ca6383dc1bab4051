// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PolicyRegistry} from "./PolicyRegistry.sol";
import {PolicyRules} from "./PolicyRules.sol";
import {PriceSources} from "./PriceSources.sol";
import {Reporters} from "./Reporters.sol";
import {Settlements} from "./Settlements.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IBoardGate, IMarket} from "../interfaces/IMarket.sol";
import {Family, IVerifier} from "../interfaces/IVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
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
        /// Whether the epoch whose place it took was halted.
        bool afterHalt;
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

    /// What there is of a board: the epoch that stands, and the last one before it that was not halted.
    struct Series {
        Clock.State clock;
        uint32 generation;
        /// How far the rate of debt is on its way to the short one, of DEBT_STEPS.
        uint8 debtStep;
        IBoardGate gate;
        /// When it made its last step (Unix seconds), and what the gate's `tillShortFor` was then.
        uint40 steppedAt;
        uint24 shortFor;
        Epoch[2] ring;
        mapping(uint256 family => Linked) linked;
        /// By what the clock says: until then the policy before is evidence in a tightened one's place.
        mapping(uint256 policyId => uint256) cureUntil;
    }

    /// In so many hours the rate of debt goes from one to the other.
    uint256 private constant DEBT_STEPS = 8;

    PolicyRegistry public immutable registry;
    PriceSources public immutable sources;
    Reporters public immutable reporters;
    Settlements public immutable settlements;
    /// Reports whether the chain's sequencer is up; zero where the chain has none.
    address public immutable sequencer;
    PolicyRules private immutable _rules;
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
    /// Of a tightened policy: until the clock says so, the one before is evidence.
    event CureStarted(uint256 indexed board, uint256 indexed policyId, uint256 until);

    error RegistryRefused(address registry);
    /// A feed of the sequencer's state that does not say by number what it said last keeps no history.
    error SequencerRefused(address sequencer);
    error EpochNotNext(uint64 epoch, uint64 last);
    /// The first link of an epoch is that for accounts.
    error AccountLinkMissing();
    /// Not the values of the epoch.
    error ValuesWrong(bytes32 expected, bytes32 found);
    error VerifierRefused(address verifier);
    error NotSettlements(address sender);

    constructor(PolicyRegistry registry_, address sequencer_, address[] memory reporters_, uint256 quorum_) {
        if (address(registry_).code.length == 0) revert RegistryRefused(address(registry_));
        if (!Clock.keepsHistory(sequencer_)) revert SequencerRefused(sequencer_);
        registry = registry_;
        sequencer = sequencer_;
        _rules = registry_.rules();
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
        // Later than every number before, and never beyond the time: so no signature uses the numbers up.
        if (epoch <= last || epoch > block.timestamp) revert EpochNotNext(epoch, last);
        if (links.length == 0 || links[0].family != Family.ACCOUNT) revert AccountLinkMissing();
        PolicyRegistry.Version memory version = registry.versionOf(board, head.policyId);
        bytes32 valuesHash = keccak256(values);
        uint64[15] memory reported;
        Epoch memory next;
        (next.epoch, next.policyId, next.keyId) = (epoch, head.policyId, head.keyId);
        next.takenAt = uint64(block.timestamp);
        (next.time, reported) = reporters.median(board, epoch, valuesHash, observations, version.maxAge, lastTime);
        uint256 asked = version.listed | version.linear;
        PriceSources.Appraisal memory found = sources.appraise(board, next.time, asked, reported);
        uint64[15] memory prices = found.prices;
        // Others are no collateral: what they are for is held row by row.
        next.unvalued = found.unvalued & version.listed;
        next.debtRateBps = _debtRate(series, version);
        next.values = _fix(valuesHash, prices, next.debtRateBps);
        IVerifier accounts;
        (accounts, next.point) = _link(board, head.instruments, next, values, prices, links[0]);
        next.verifier = IAccountVerifier(address(accounts));
        next.point = Bn254.add(next.point, registry.pointOf(board, head.policyId, accounts));
        next.halted = _takeRows(board, series.gate, head, values, found);
        sources.remember(
            board, next.time, asked, reported, found.held, next.halted ? type(uint16).max : found.unvalued
        );
        for (uint256 index = 1; index < links.length; index++) {
            _linkFamily(board, series, head.instruments, next, values, prices, links[index]);
        }

        _advance(series);
        if (head.policyId != _standing(series).policyId) _startCures(board, series, head.policyId);
        // One that was halted gives way, so that the one before is always the last that was not.
        next.afterHalt = _standing(series).halted;
        if (!next.afterHalt) series.generation += 1;
        series.ring[series.generation % 2] = next;
        bool runs = !next.halted && next.unvalued == 0;
        series.clock.freshUntil = runs ? uint40(next.time + version.maxAge) : 0;
        series.clock.stopLimit = version.stopLimit;
        emit EpochTaken(
            board, epoch, next.time, prices, next.debtRateBps, valuesHash, next.unvalued, next.halted
        );
        _stepDebtRate(series);
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
        expectValues(standing.values, keccak256(values), prices, debtRateBps);
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
    }

    // ---- Views for people ----

    /// The standing epoch in any condition, and the policy that it is evidence under. For people, not for gates.
    function standingOf(uint256 board) external view returns (Epoch memory epoch, uint256 evidencePolicy) {
        epoch = _standing(_series[board]);
        evidencePolicy = _evidencePolicy(_series[board], epoch.policyId);
    }

    /// The rate of debt of the next epoch, in basis points.
    function debtRateOf(uint256 board) external view returns (uint16) {
        return _debtRate(_series[board], registry.versionOf(board, registry.headOf(board).policyId));
    }

    /// What a link's point is for.
    function subjectOf(uint256 board, uint64 epoch) public view returns (bytes32) {
        return keccak256(abi.encode("Market", block.chainid, address(this), board, epoch));
    }

    /// The last epoch that was not halted: its marks were held to prices.
    function lastHeld(uint256 board) external view returns (Epoch memory epoch) {
        Series storage series = _series[board];
        epoch = _standing(series);
        if (epoch.halted) epoch = series.ring[(series.generation + 1) % 2];
    }

    /// Refuses values that are not those of an epoch. @param expected its `values`
    function expectValues(bytes32 expected, bytes32 valuesHash, uint64[15] memory prices, uint256 debtRateBps)
        public
        pure
    {
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

    /// The policy that counts as evidence under an epoch of policy `policyId`: itself, or while a tightened one is being cured the
    /// one before.
    function _evidencePolicy(Series storage series, uint256 policyId) internal view returns (uint256 evidence) {
        evidence = policyId;
        uint256 until = series.cureUntil[evidence];
        if (until == 0) return evidence;
        uint256 ran = Clock.advanced(series.clock, sequencer).ran;
        for (; ran < until; until = series.cureUntil[evidence]) evidence--;
    }

    /// Starts the cure periods of policies that an epoch is the first of.
    function _startCures(uint256 board, Series storage series, uint256 policyId) private {
        for (; series.cureUntil[policyId] == 0; policyId--) {
            uint256 cure = registry.cureOf(board, policyId);
            if (cure == 0) return;
            uint256 until = series.clock.ran + cure;
            series.cureUntil[policyId] = until;
            emit CureStarted(board, policyId, until);
        }
    }

    function _debtRate(Series storage series, PolicyRegistry.Version memory version) private view returns (uint16) {
        uint256 more = version.shortDebtRateBps - version.debtRateBps;
        return uint16(version.debtRateBps + more * series.debtStep / DEBT_STEPS);
    }

    /// The rate of debt makes a step once in an hour, by how the till was for most of the time since the last: it is known to who
    /// links an epoch, and nobody moves it by moving the till for a moment.
    function _stepDebtRate(Series storage series) private {
        uint256 passed = block.timestamp - series.steppedAt;
        if (passed < 1 hours || address(series.gate) == address(0)) return;
        series.steppedAt = uint40(block.timestamp);
        uint24 shortFor = series.gate.tillShortFor();
        uint24 since;
        unchecked {
            since = shortFor - series.shortFor;
        }
        series.shortFor = shortFor;
        uint8 step = series.debtStep;
        if (2 * uint256(since) > passed) {
            if (step < DEBT_STEPS) series.debtStep = step + 1;
        } else if (step != 0) {
            series.debtStep = step - 1;
        }
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

    /// Refuses board values that break the policy's board terms, rows that come back too early, and rows that go without a settlement.
    /// @return halted whether the epoch is, by its prices or by a mark that no price holds
    function _takeRows(
        uint256 board,
        IBoardGate gate,
        PolicyRegistry.Head memory head,
        bytes calldata values,
        PriceSources.Appraisal memory found
    ) private returns (bool halted) {
        address terms = registry.boardTermsOf(board, head.policyId);
        uint256[] memory open;
        (open, halted) = _rules.holdRows(terms, values, head.instruments, found.prices);
        halted = halted || found.halted;
        settlements.takeRows(board, open, halted, gate);
    }
}

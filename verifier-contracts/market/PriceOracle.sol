// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {PolicyRegistry} from "./PolicyRegistry.sol";
import {PriceSources} from "./PriceSources.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {Readings} from "../interfaces/IAggregator.sol";
import {IMarket, ISettled, Levels, Market, Terms} from "../interfaces/IMarket.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// Market values of boards, epoch by epoch, and the marks at which instruments settle.
///
/// Who can do what
///  - k of n reporters choose the values, by signing them, and nothing else: a price is the median of k observations, held
///    against the one before and against feeds (`PriceSources`); every board value is checked against the ranges the
///    circuit relies on; every point is computed here from the values;
///  - anyone carries signed values to the chain, in as many transactions as it takes, and finishes what another began;
///  - anyone freezes an epoch whose board values break the policy's board terms;
///  - the registry's guardian pauses a board, which ends by itself; the registry's owner names the reporters and the gate.
///
/// Safety rests on the registry, on fewer than (k + 1) / 2 of a quorum reporting wrong prices and fewer than k signing
/// wrong board values, and on the verifiers. Not checked: that board values follow from the prices and the published
/// risk model, beyond what can be challenged (anyone can recompute them).
/// Liveness rests on k reporters, and on the values they signed being public before the signatures are.
contract PriceOracle is IMarket, EIP712 {
    /// What one reporter saw, and its agreement to the board values.
    struct Observation {
        /// Unix seconds as of which the prices hold.
        uint64 time;
        /// Per asset lot, 16 decimals; of the underlying, where the asset is a vault's share.
        uint64[15] prices;
        /// Over `Observation(board,epoch,time,prices)`.
        bytes signature;
        /// By the same reporter, over `Board(board,epoch,firstPart)`.
        bytes boardSignature;
    }

    /// Rows and terms of one block of 60 instruments. Its hash is keccak256(abi.encode(part)), which holds the hash of
    /// the part that follows: parts are a chain, and each has one place in one epoch.
    struct Part {
        /// Per instrument sixteen words of three columns (45 profits; mark, delta, vega; 1e-6 quote), the first column
        /// lowest, at bits 0, 84 and 168, each as column + 2^42 in 43 bits; then long charge and short charge, below 2^60.
        uint256[18][60] rows;
        /// Delta above which liquidity is charged, 1e-6 quote, below 2^78.
        uint256 liquidityThreshold;
        /// At most 10000.
        uint256 liquidityRateBps;
        /// The same for vega.
        uint256 vegaThreshold;
        uint256 vegaRateBps;
        /// Whether the block belongs to the netting set of the block before. Never of the first block.
        bool continues;
        /// Hash of the next part; zero after the last.
        bytes32 next;
    }

    /// Which of a block's rows expire, and at what. Hashed and chained as `Part`.
    struct SettlementPart {
        /// Bit i: row i of the block expires.
        uint64 expired;
        /// 1e-6 quote for a long lot, below 2^42 in absolute value; zero where the row does not expire.
        int64[60] marks;
        bytes32 next;
    }

    /// What board values must obey: the policy holds the hash.
    struct BoardTerms {
        LinearRow[] linear;
        /// Largest distance of a linear instrument's mark from its ratio times the asset's price, in basis points of that.
        uint256 bandBps;
        /// One for each block.
        BlockTerms[] blocks;
    }

    /// An instrument worth a fixed quantity of an asset.
    struct LinearRow {
        uint256 row;
        uint256 asset;
        /// Asset lots in one instrument lot, 18 decimals.
        uint256 ratioE18;
    }

    struct BlockTerms {
        uint256 maxLiquidityThreshold;
        uint256 minLiquidityRateBps;
        uint256 maxVegaThreshold;
        uint256 minVegaRateBps;
        bool mayContinue;
    }

    struct Epoch {
        IAccountVerifier verifier;
        /// Policy that `point` holds.
        uint32 policyId;
        uint24 keyId;
        /// Bit a: asset a is listed and has no price.
        uint16 unvalued;
        bool halted;
        bool frozen;
        uint64 epoch;
        uint64 time;
        /// Unix seconds of the block that completed it; zero until then.
        uint64 completedAt;
        /// Parts added so far.
        uint64 parts;
        /// Policy, prices and board; while the epoch is being opened, nothing.
        G1 point;
        /// Prices and parts so far.
        G1 values;
        /// Per asset the latest price that was not zero.
        uint64[15] references;
        /// Hash of the part that comes next; zero when all are there, or when the opening was given up.
        bytes32 nextPart;
        uint64 quorumId;
        mapping(uint256 blockIndex => Block) blocks;
    }

    struct Block {
        bytes32 hash;
        /// Of the block alone.
        G1 point;
    }

    /// The board's epochs in a ring of three: the one that stands, the one before, and the one being opened.
    struct Series {
        uint64 generation;
        uint64 pausedUntil;
        uint64 settlements;
        /// Number of the epoch at whose marks everything was settled, and which is therefore not to be settled again.
        uint64 woundDown;
        Clock clock;
        Epoch[3] ring;
        Settling settling;
        mapping(uint256 settlement => Settlement) settled;
        /// By block, bit i: row i has expired, and may not be listed anew before every account has settled.
        mapping(uint256 blockIndex => uint64) expired;
    }

    /// See `clock`. All in unix seconds but `ran`.
    struct Clock {
        /// Seconds that it had run at `at`.
        uint64 ran;
        uint64 at;
        /// Since when it is stopped; zero where it runs.
        uint64 stoppedAt;
        /// Until when the standing epoch is fresh; zero where it keeps the clock stopped.
        uint64 freshUntil;
        uint32 stopLimit;
    }

    struct Settlement {
        ISettlementVerifier verifier;
        G1 point;
    }

    /// The settlement being opened.
    struct Settling {
        Settlement settlement;
        uint64 quorumId;
        uint64 parts;
        /// Of the epoch whose parts these are, in a `windDown`; zero in a settlement that reporters signed.
        uint64 epoch;
        bytes32 firstPart;
        bytes32 nextPart;
        uint64[8] expired;
    }

    uint256 private constant BPS = 10_000;
    uint256 private constant PIECE = (1 << 43) - 1;
    uint256 private constant PIECES = PIECE | (PIECE << 84) | (PIECE << 168);
    /// Three columns of zero.
    uint256 private constant BIAS = (1 << 42) | (1 << 126) | (1 << 210);
    uint256 private constant COLUMN_WORDS = 16;
    uint256 private constant MAX_CHARGE = (1 << 60) - 1;
    int256 private constant COLUMN_LIMIT = 1 << 42;
    /// 60 rows of 18 words, and 6.
    uint256 private constant PART_BYTES = 1086 * 32;
    uint64 private constant ALL_ROWS = (1 << 60) - 1;
    /// An epoch's number may not jump by more: no signature can use the numbers up.
    uint64 public constant MAX_EPOCH_STEP = 1 << 32;
    uint256 public constant MAX_REPORTERS = 32;
    uint256 public constant SEQUENCER_GRACE = 1 hours;
    /// Longest pause, and shortest time between the end of one and the start of the next.
    uint64 public constant MAX_PAUSE = 3 days;
    uint64 public constant PAUSE_COOL_DOWN = 7 days;
    /// Without a complete epoch for so long, a board has reached the end of its life.
    uint256 public constant LIFE_LIMIT = 30 days;

    bytes32 private constant OBSERVATION_TYPEHASH =
        keccak256("Observation(uint256 board,uint64 epoch,uint64 time,uint64[15] prices)");
    bytes32 private constant BOARD_TYPEHASH = keccak256("Board(uint256 board,uint64 epoch,bytes32 firstPart)");
    bytes32 private constant SETTLEMENT_TYPEHASH =
        keccak256("Settlement(uint256 board,uint64 number,bytes32 firstPart)");

    PolicyRegistry public immutable registry;
    PriceSources public immutable sources;
    /// Reports whether the chain's sequencer is up; zero where the chain has none.
    address public immutable sequencer;
    /// Says when every account has settled; zero until bound.
    ISettled public gate;
    mapping(uint256 board => Series) private _series;

    /// Grows with every change of the reporters.
    uint64 public quorumId;
    /// Observations that an epoch takes.
    uint256 public quorum;
    address[] private _reporters;
    mapping(uint64 quorumId => mapping(address reporter => bool)) private _isReporter;

    event ReportersSet(uint64 indexed quorumId, address[] reporters, uint256 quorum);
    event GateBound(address gate);
    /// `prices` are those that count, with the vaults' rates in them and zero where there is none.
    event EpochOpened(
        uint256 indexed board,
        uint64 indexed epoch,
        uint64 time,
        uint64[15] prices,
        bytes32 firstPart,
        uint16 unvalued,
        bool halted
    );
    event PartAdded(uint256 indexed board, uint64 indexed epoch, uint256 part);
    event EpochCompleted(uint256 indexed board, uint64 indexed epoch, uint64 time);
    event EpochChallenged(uint256 indexed board, uint64 indexed epoch, address challenger);
    event Paused(uint256 indexed board, uint64 until);
    event SettlementOpened(uint256 indexed board, uint64 indexed settlement, bytes32 firstPart);
    event SettlementPartAdded(uint256 indexed board, uint64 indexed settlement, uint256 part, uint64 expired, int64[60] marks);
    event SettlementCompleted(uint256 indexed board, uint64 indexed settlement);

    error RegistryRefused(address registry);
    error GateTaken(address gate);
    error QuorumRefused(uint256 quorum, uint256 reporters);
    error ReporterRefused(address reporter);
    /// Exactly the quorum, no more and no fewer.
    error ObservationsWrong(uint256 quorum, uint256 observations);
    error ReporterUnknown(address reporter);
    /// Observations must be in ascending order of their reporters, each once.
    error ReporterOutOfOrder(address previous, address reporter);
    /// The two signatures of an observation are not by the same reporter.
    error BoardNotSigned(address reporter, address signer);
    error TimeInFuture(uint64 time, uint256 nowTime);
    error TimeTooOld(uint64 time, uint256 maxAge);
    error TimeNotNewer(uint64 time, uint64 last);
    error EpochNotNext(uint64 epoch, uint64 last);
    /// The epoch is not the one whose parts are awaited.
    error EpochNotOpen(uint256 board, uint64 epoch, uint64 opened);
    error PartUnexpected(uint256 part, bytes32 expected, bytes32 found);
    /// The signed chain of parts is longer or shorter than the board.
    error PartsWrong(uint256 parts);
    error FormerPartsWrong(uint256 parts, uint256 formerParts);
    error ReportersChanged(uint64 openedUnder, uint64 current);
    error KeyChanged(uint24 openedUnder, uint24 current);
    error ColumnOutOfRange(uint256 instrument, uint256 word);
    error ChargeOutOfRange(uint256 instrument, uint256 charge);
    error BlockOutOfRange(uint256 blockIndex);
    error FirstBlockContinues();
    /// Nothing valued and nothing charged: what costs no margin could be piled up before it is given a value.
    error RowFree(uint256 instrument);
    /// An expired row must have columns of zero and the largest charges until every account has settled.
    error RowNotSettled(uint256 instrument, uint64 settlement);
    error BoardTermsWrong(bytes32 expected, bytes32 found);
    /// The values obey the terms that the challenge is about.
    error ChallengeFailed();
    error NotGuardian(address sender);
    error PauseTooLong(uint64 duration, uint64 limit);
    error PauseTooSoon(uint256 earliest);
    error SettlementNotNext(uint64 settlement, uint64 last);
    /// No settlement of this kind is being opened.
    error SettlementNotOpen(uint256 board);
    /// The settlement was being opened under a key that is no longer the board's.
    error SettlementKeyChanged(uint256 board);
    error MarkOutOfRange(uint256 instrument);
    error LifeNotOver(uint256 until);
    /// Everything has been settled at this epoch's marks already.
    error WoundDown(uint256 board, uint64 epoch);

    modifier onlyOwner() {
        if (msg.sender != registry.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    /// @param sequencer_ a feed of the sequencer's state, or zero
    /// @param reporters_ n different addresses in ascending order, at most MAX_REPORTERS
    /// @param quorum_ k: odd, at most n
    constructor(PolicyRegistry registry_, address sequencer_, address[] memory reporters_, uint256 quorum_)
        EIP712("Plimsoll PriceOracle", "1")
    {
        if (address(registry_).code.length == 0) revert RegistryRefused(address(registry_));
        registry = registry_;
        sequencer = sequencer_;
        sources = new PriceSources(registry_);
        _setReporters(reporters_, quorum_);
    }

    // ---- Owner of the registry ----

    /// Replaces the reporters. An epoch or settlement opened under the old ones and not yet complete is never completed.
    function setReporters(address[] calldata reporters_, uint256 quorum_) external onlyOwner {
        _setReporters(reporters_, quorum_);
    }

    /// Names the gate whose accounts trade here, for good.
    function bindGate(ISettled gate_) external onlyOwner {
        if (address(gate) != address(0)) revert GateTaken(address(gate));
        gate = gate_;
        emit GateBound(address(gate_));
    }

    // ---- Guardian ----

    /// Stops withdrawals, trades and liquidations of a board, and its clock, until it ends by itself. Zero ends a pause.
    /// @param duration seconds, at most MAX_PAUSE
    function pause(uint256 board, uint64 duration) external {
        if (msg.sender != registry.guardian()) revert NotGuardian(msg.sender);
        PolicyRegistry.Head memory head = _head(board);
        if (duration > MAX_PAUSE) revert PauseTooLong(duration, MAX_PAUSE);
        Series storage series = _series[board];
        uint64 until = series.pausedUntil;
        if (duration != 0 && until != 0 && block.timestamp < until + PAUSE_COOL_DOWN) {
            revert PauseTooSoon(until + PAUSE_COOL_DOWN);
        }
        _advance(series);
        if (duration != 0 || until > block.timestamp) series.pausedUntil = uint64(block.timestamp) + duration;
        _restart(board, series, head.maxAge);
        emit Paused(board, series.pausedUntil);
    }

    // ---- Anyone, with values that the quorum signed ----

    /// Opens an epoch: takes the median of every price, adds the prices and any number of parts. A complete epoch takes
    /// the place of the one before; an incomplete one that is superseded is lost.
    /// @param observations exactly `quorum`, in ascending order of the reporters
    /// @param firstPart hash of the first part
    /// @param former as in `resume`
    function open(
        uint256 board,
        uint64 epoch,
        Observation[] calldata observations,
        bytes32 firstPart,
        Part[] calldata parts,
        Part[] calldata former
    ) external {
        PolicyRegistry.Head memory head = _head(board);
        Series storage series = _series[board];
        (uint64 last, uint64 lastTime) = _lastOpened(series);
        if (epoch <= last || epoch - last > MAX_EPOCH_STEP) revert EpochNotNext(epoch, last);
        (uint64 time, uint64[15] memory reported) =
            _median(board, epoch, firstPart, observations, head.maxAge, lastTime);
        _begin(board, epoch, time, reported, firstPart, head.keyId);
        if (parts.length != 0) _addParts(board, head, series, parts, former);
    }

    /// Adds the next parts of the epoch opened last, whoever opened it.
    /// @param former empty, or for each part the part of the same block in the epoch that stands: then only values that
    /// differ are added to that block's point, at the price of sending the block twice
    function resume(uint256 board, uint64 epoch, Part[] calldata parts, Part[] calldata former) external {
        PolicyRegistry.Head memory head = _head(board);
        Series storage series = _series[board];
        Epoch storage opening = _opening(series);
        if (epoch != opening.epoch || opening.nextPart == 0) revert EpochNotOpen(board, epoch, opening.epoch);
        _addParts(board, head, series, parts, former);
    }

    /// Opens a settlement: rows that expire, and at what. Accounts do nothing else before they have passed it, and nothing
    /// is traded before an epoch without those rows.
    /// @param number the next of the board
    /// @param signatures exactly `quorum`, over `Settlement(board,number,firstPart)`, in ascending order of the reporters
    function openSettlement(
        uint256 board,
        uint64 number,
        bytes32 firstPart,
        bytes[] calldata signatures,
        SettlementPart[] calldata parts
    ) external {
        Series storage series = _series[board];
        if (number != series.settlements + 1) revert SettlementNotNext(number, series.settlements);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(SETTLEMENT_TYPEHASH, board, number, firstPart)));
        if (signatures.length != quorum) revert ObservationsWrong(quorum, signatures.length);
        address previous = address(0);
        for (uint256 index = 0; index < signatures.length; index++) {
            previous = _reporter(digest, signatures[index], previous);
        }
        Settling storage settling = series.settling;
        // Sent again, it takes away no part that has been added.
        if (
            settling.nextPart == 0 || settling.firstPart != firstPart || settling.quorumId != quorumId
                || !_keyStands(board, settling)
        ) {
            _beginSettlement(board, series, firstPart, 0);
        }
        _addSettlementParts(board, series, parts);
    }

    /// Adds the next parts of the settlement being opened, whoever opened it.
    function resumeSettlement(uint256 board, SettlementPart[] calldata parts) external {
        _addSettlementParts(board, _series[board], parts);
    }

    /// Settles everything at the marks of the last complete epoch, when there has been none for LIFE_LIMIT; again with the
    /// parts that follow, until it is complete.
    /// @param parts of the last complete epoch, from the first that has not been added
    function windDown(uint256 board, Part[] calldata parts) external {
        Series storage series = _series[board];
        Epoch storage standing = _standing(series);
        if (standing.epoch == 0) revert EpochMissing(board);
        uint256 until = standing.completedAt + LIFE_LIMIT;
        if (block.timestamp <= until) revert LifeNotOver(until);
        if (series.woundDown == standing.epoch) revert WoundDown(board, standing.epoch);
        if (series.settling.epoch != standing.epoch || !_keyStands(board, series.settling)) {
            _beginSettlement(board, series, 0, standing.epoch);
        }
        for (uint256 index = 0; index < parts.length; index++) {
            uint256 part = series.settling.parts;
            _expect(part, standing.blocks[part].hash, _hash(parts[index]));
            int64[60] memory marks;
            for (uint256 row = 0; row < Statement.BLOCK_INSTRUMENTS; row++) {
                marks[row] = int64(_mark(parts[index].rows[row]));
            }
            if (parts[index].next == 0) series.woundDown = standing.epoch;
            _settlePart(board, series, ALL_ROWS, marks, parts[index].next);
        }
    }

    // ---- Anyone ----

    /// Freezes the latest epoch until the next, by showing that its board values break the board terms of the policy: a
    /// block's liquidity terms are weaker than they may be or it joins a netting set that it may not, or the mark of a
    /// linear instrument is out of its band.
    /// @param part of the block in question
    /// @param linear index of the instrument in `terms.linear`, for the band; beyond the list to ask of the block alone
    function challenge(
        uint256 board,
        BoardTerms calldata terms,
        uint256 blockIndex,
        Part calldata part,
        uint256 linear
    ) external {
        Series storage series = _series[board];
        Epoch storage standing = _standing(series);
        if (standing.epoch == 0) revert EpochMissing(board);
        bytes32 found = keccak256(abi.encode(terms));
        bytes32 expected = registry.boardTermsHashOf(board);
        if (found != expected) revert BoardTermsWrong(expected, found);
        _expect(blockIndex, standing.blocks[blockIndex].hash, _hash(part));

        BlockTerms calldata limits = terms.blocks[blockIndex];
        bool broken = part.liquidityThreshold > limits.maxLiquidityThreshold
            || part.liquidityRateBps < limits.minLiquidityRateBps || part.vegaThreshold > limits.maxVegaThreshold
            || part.vegaRateBps < limits.minVegaRateBps || (part.continues && !limits.mayContinue);
        if (!broken && linear < terms.linear.length) {
            broken = _outOfBand(terms.linear[linear], terms.bandBps, standing, blockIndex, part);
        }
        if (!broken) revert ChallengeFailed();
        _freeze(series, standing);
        emit EpochChallenged(board, standing.epoch, msg.sender);
    }

    // ---- Views ----

    /// @inheritdoc IMarket
    function instrumentsOf(uint256 board) external view returns (uint256) {
        return _stored(board).instruments;
    }

    /// @inheritdoc IMarket
    function latest(uint256 board) external view returns (Market memory market) {
        (market,) = _latest(board);
    }

    /// @inheritdoc IMarket
    function fresh(uint256 board) external view returns (Market memory market) {
        bytes memory reason;
        (market, reason) = _latest(board);
        if (market.usable) return market;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    /// @inheritdoc IMarket
    function at(uint256 board, uint64 epoch) external view returns (Market memory market) {
        (market,) = _latest(board);
        if (market.epoch == epoch) return market;
        Series storage series = _series[board];
        PolicyRegistry.Head memory head = _head(board);
        Epoch storage before = _before(series);
        if (
            before.epoch != epoch || before.completedAt == 0
                || block.timestamp > _standing(series).completedAt + head.epochGrace
        ) revert EpochSuperseded(market.epoch, epoch);
        (bool usable, bool complete) = (market.usable, market.complete);
        (market,) = _market(board, series, before, head);
        market.usable = market.usable && usable;
        market.complete = market.complete && complete;
    }

    /// @inheritdoc IMarket
    // While an epoch made under the key before stands, this is the exit market of that key too.
    function exitMarket(uint256 board) external view returns (IAccountVerifier verifier, G1 memory point) {
        PolicyRegistry.Head memory head = _head(board);
        Epoch storage standing = _standing(_series[board]);
        verifier = standing.epoch != 0 && _keyServes(standing, head) ? standing.verifier : _stored(board).verifier;
        point = registry.exitPointOf(verifier);
    }

    /// @inheritdoc IMarket
    function clock(uint256 board) external view returns (uint256) {
        Series storage series = _series[board];
        return _ran(series.clock, series.pausedUntil).ran;
    }

    /// @inheritdoc IMarket
    function termsOf(uint256 board) external view returns (Terms memory) {
        return registry.termsOf(board);
    }

    /// @inheritdoc IMarket
    function governance() external view returns (address guardian, uint256 timelock, uint256 life) {
        return (registry.guardian(), registry.timelock(), registry.PROPOSAL_LIFE());
    }

    /// @inheritdoc IMarket
    function settlementsOf(uint256 board) external view returns (uint64) {
        return _series[board].settlements;
    }

    /// @inheritdoc IMarket
    function settlementOf(uint256 board, uint64 settlement)
        external
        view
        returns (ISettlementVerifier verifier, G1 memory point)
    {
        Series storage series = _series[board];
        if (settlement == 0 || settlement > series.settlements) revert SettlementUnknown(board, settlement);
        Settlement storage settled = series.settled[settlement];
        return (settled.verifier, settled.point);
    }

    /// The latest price of an asset that was not zero, per lot with 16 decimals; zero before the first.
    function referenceOf(uint256 board, uint256 asset) external view returns (uint256) {
        return _standing(_series[board]).references[asset];
    }

    /// The epoch opened last, what is awaited of it (zero where it is complete or was given up), and how many of its parts
    /// are there.
    function openingOf(uint256 board) external view returns (uint64 epoch, uint64 time, bytes32 nextPart, uint64 parts) {
        Series storage series = _series[board];
        Epoch storage opening = _opening(series);
        if (opening.epoch < _standing(series).epoch) opening = _standing(series);
        return (opening.epoch, opening.time, opening.nextPart, opening.parts);
    }

    /// When a pause ends or has ended, unix seconds; zero where there was none.
    function pausedUntil(uint256 board) external view returns (uint64) {
        return _series[board].pausedUntil;
    }

    function reporters() external view returns (address[] memory) {
        return _reporters;
    }

    // ---- Reporters ----

    function _setReporters(address[] memory reporters_, uint256 quorum_) private {
        if (quorum_ % 2 == 0 || quorum_ > reporters_.length || reporters_.length > MAX_REPORTERS) {
            revert QuorumRefused(quorum_, reporters_.length);
        }
        uint64 id = ++quorumId;
        address previous = address(0);
        for (uint256 index = 0; index < reporters_.length; index++) {
            if (reporters_[index] <= previous) revert ReporterRefused(reporters_[index]);
            previous = reporters_[index];
            _isReporter[id][previous] = true;
        }
        quorum = quorum_;
        _reporters = reporters_;
        emit ReportersSet(id, reporters_, quorum_);
    }

    /// The reporter whose signature it is; after `previous`.
    function _reporter(bytes32 digest, bytes calldata signature, address previous) private view returns (address reporter) {
        reporter = ECDSA.recoverCalldata(digest, signature);
        if (reporter <= previous) revert ReporterOutOfOrder(previous, reporter);
        if (!_isReporter[quorumId][reporter]) revert ReporterUnknown(reporter);
    }

    /// Median time, and median of every price, of what a quorum has signed.
    function _median(
        uint256 board,
        uint64 epoch,
        bytes32 firstPart,
        Observation[] calldata observations,
        uint256 maxAge,
        uint64 last
    ) private view returns (uint64 time, uint64[15] memory prices) {
        if (observations.length != quorum) revert ObservationsWrong(quorum, observations.length);
        bytes32 boardDigest = _hashTypedDataV4(keccak256(abi.encode(BOARD_TYPEHASH, board, epoch, firstPart)));
        uint64[] memory sorted = new uint64[](observations.length);
        address reporter = address(0);
        for (uint256 index = 0; index < observations.length; index++) {
            Observation calldata observed = observations[index];
            bytes32 structHash = keccak256(
                abi.encode(OBSERVATION_TYPEHASH, board, epoch, observed.time, keccak256(abi.encode(observed.prices)))
            );
            reporter = _reporter(_hashTypedDataV4(structHash), observed.signature, reporter);
            address signer = ECDSA.recoverCalldata(boardDigest, observed.boardSignature);
            if (signer != reporter) revert BoardNotSigned(reporter, signer);
            if (observed.time > block.timestamp) revert TimeInFuture(observed.time, block.timestamp);
            if (block.timestamp - observed.time > maxAge) revert TimeTooOld(observed.time, maxAge);
            if (observed.time <= last) revert TimeNotNewer(observed.time, last);
            _insert(sorted, index, observed.time);
        }
        time = sorted[sorted.length / 2];
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            for (uint256 index = 0; index < observations.length; index++) {
                _insert(sorted, index, observations[index].prices[asset]);
            }
            prices[asset] = sorted[sorted.length / 2];
        }
    }

    /// Puts a value in its place among the first `count`, which are in order.
    function _insert(uint64[] memory sorted, uint256 count, uint64 value) private pure {
        for (; count != 0 && sorted[count - 1] > value; count--) sorted[count] = sorted[count - 1];
        sorted[count] = value;
    }

    // ---- Epochs ----

    function _head(uint256 board) private view returns (PolicyRegistry.Head memory) {
        return registry.headOf(board);
    }

    function _stored(uint256 board) private view returns (PolicyRegistry.Board memory) {
        return registry.boardOf(board);
    }

    /// keccak256(abi.encode(part)): a part has no dynamic members, so that is how it lies in calldata.
    function _hash(Part calldata part) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let copy := mload(0x40)
            calldatacopy(copy, part, PART_BYTES)
            hash := keccak256(copy, PART_BYTES)
        }
    }

    function _expect(uint256 part, bytes32 expected, bytes32 found) private pure {
        if (found != expected) revert PartUnexpected(part, expected, found);
    }

    function _standing(Series storage series) private view returns (Epoch storage) {
        return series.ring[series.generation % 3];
    }

    function _before(Series storage series) private view returns (Epoch storage) {
        return series.ring[(series.generation + 2) % 3];
    }

    function _opening(Series storage series) private view returns (Epoch storage) {
        return series.ring[(series.generation + 1) % 3];
    }

    /// Number and time of the epoch opened last, whether or not it was completed.
    function _lastOpened(Series storage series) private view returns (uint64 epoch, uint64 time) {
        Epoch storage standing = _standing(series);
        Epoch storage opening = _opening(series);
        return opening.epoch > standing.epoch ? (opening.epoch, opening.time) : (standing.epoch, standing.time);
    }

    function _begin(
        uint256 board,
        uint64 epoch,
        uint64 time,
        uint64[15] memory reported,
        bytes32 firstPart,
        uint24 keyId
    ) private {
        Epoch storage opening = _opening(_series[board]);
        PolicyRegistry.Board memory stored = _stored(board);
        uint64[15] memory references = _standing(_series[board]).references;
        (uint64[15] memory prices, uint16 unvalued, bool halted) =
            sources.appraise(board, stored.listed, reported, references);
        uint256[] memory values = new uint256[](Statement.ASSETS);
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            values[asset] = prices[asset];
            if (prices[asset] != 0) references[asset] = prices[asset];
        }
        opening.verifier = stored.verifier;
        opening.keyId = keyId;
        opening.unvalued = unvalued;
        opening.halted = halted;
        opening.frozen = false;
        opening.epoch = epoch;
        opening.time = time;
        opening.completedAt = 0;
        opening.parts = 0;
        opening.values = stored.verifier.accumulate(Statement.FIRST_PRICE_SIGNAL, values, G1(0, 0));
        opening.references = references;
        opening.nextPart = firstPart;
        opening.quorumId = quorumId;
        emit EpochOpened(board, epoch, time, prices, firstPart, unvalued, halted);
    }

    function _addParts(
        uint256 board,
        PolicyRegistry.Head memory head,
        Series storage series,
        Part[] calldata parts,
        Part[] calldata former
    ) private {
        Epoch storage opening = _opening(series);
        if (opening.quorumId != quorumId) revert ReportersChanged(opening.quorumId, quorumId);
        if (opening.keyId != head.keyId) revert KeyChanged(opening.keyId, head.keyId);
        if (former.length != 0 && former.length != parts.length) revert FormerPartsWrong(parts.length, former.length);
        PolicyRegistry.Board memory stored = _stored(board);
        uint256 blocks = stored.instruments / Statement.BLOCK_INSTRUMENTS;
        uint256 part = opening.parts;
        bytes32 nextPart = opening.nextPart;
        G1 memory sum = opening.values;
        for (uint256 index = 0; index < parts.length; index++) {
            bytes32 found = _hash(parts[index]);
            _expect(part, nextPart, found);
            nextPart = parts[index].next;
            // The chain ends where the board does, neither before nor after.
            if ((nextPart == 0) != (part + 1 == blocks)) revert PartsWrong(part + 1);
            _checkPart(board, series, part, parts[index]);
            G1 memory point = former.length == 0
                ? _sumPart(stored, part, parts[index], parts[index], false, G1(0, 0))
                : _sumPart(stored, part, parts[index], former[index], true, _formerPoint(series, part, former[index]));
            opening.blocks[part] = Block(found, point);
            sum = Bn254.add(sum, point);
            emit PartAdded(board, opening.epoch, part);
            part++;
        }
        opening.parts = uint64(part);
        opening.nextPart = nextPart;
        opening.values = sum;
        if (part != blocks) return;

        opening.completedAt = uint64(block.timestamp);
        opening.policyId = head.policyId;
        opening.point = Bn254.add(stored.policyPoint, sum);
        _advance(series);
        series.generation += 1;
        _restart(board, series, head.maxAge);
        emit EpochCompleted(board, opening.epoch, opening.time);
    }

    /// Point of a block in the epoch that stands, whose part is shown; of the key that is in force.
    function _formerPoint(Series storage series, uint256 blockIndex, Part calldata former)
        private
        view
        returns (G1 memory)
    {
        Epoch storage standing = _standing(series);
        if (standing.keyId != _opening(series).keyId) revert KeyChanged(standing.keyId, _opening(series).keyId);
        _expect(blockIndex, standing.blocks[blockIndex].hash, _hash(former));
        return standing.blocks[blockIndex].point;
    }

    /// Refuses values that are out of the circuit's ranges, and rows that come back too early.
    function _checkPart(uint256 board, Series storage series, uint256 blockIndex, Part calldata part) private {
        uint256 firstRow = blockIndex * Statement.BLOCK_INSTRUMENTS;
        uint64 expired = series.expired[blockIndex];
        for (uint256 row = 0; row < Statement.BLOCK_INSTRUMENTS; row++) {
            uint256[18] calldata words = part.rows[row];
            bool blank = true;
            for (uint256 word = 0; word < COLUMN_WORDS; word++) {
                uint256 columns = words[word];
                // A piece of zero would be the column −2^42, one beyond the range.
                if (
                    columns & ~PIECES != 0 || columns & PIECE == 0 || columns & (PIECE << 84) == 0
                        || columns & (PIECE << 168) == 0
                ) revert ColumnOutOfRange(firstRow + row, word);
                blank = blank && columns == BIAS;
            }
            bool closed = blank;
            for (uint256 charge = 0; charge < 2; charge++) {
                uint256 value = words[COLUMN_WORDS + charge];
                if (value > MAX_CHARGE) revert ChargeOutOfRange(firstRow + row, charge);
                closed = closed && value == MAX_CHARGE;
            }
            if (blank && (words[COLUMN_WORDS] == 0 || words[COLUMN_WORDS + 1] == 0)) revert RowFree(firstRow + row);
            if (closed || expired & (1 << row) == 0) continue;
            if (address(gate) == address(0) || !gate.allSettled(board, series.settlements)) {
                revert RowNotSettled(firstRow + row, series.settlements);
            }
            (expired, series.expired[blockIndex]) = (0, 0);
        }
        if (
            (part.liquidityThreshold | part.vegaThreshold) >> 78 != 0 || part.liquidityRateBps > BPS || part.vegaRateBps > BPS
        ) revert BlockOutOfRange(blockIndex);
        if (part.continues && blockIndex == 0) revert FirstBlockContinues();
    }

    /// `sum` + Σ (value − former value) · IC over a block's values, or Σ value · IC without a former part.
    function _sumPart(
        PolicyRegistry.Board memory stored,
        uint256 blockIndex,
        Part calldata part,
        Part calldata former,
        bool isDelta,
        G1 memory sum
    ) private view returns (G1 memory) {
        uint256[] memory rows = new uint256[](Statement.BLOCK_INSTRUMENTS * Statement.ROW_VALUES);
        uint256 at_ = 0;
        for (uint256 row = 0; row < Statement.BLOCK_INSTRUMENTS; row++) {
            uint256[18] calldata words = part.rows[row];
            uint256[18] calldata formerWords = former.rows[row];
            for (uint256 word = 0; word < Statement.ROW_VALUES; word++) {
                uint256 base = isDelta ? formerWords[word] : word < COLUMN_WORDS ? BIAS : 0;
                rows[at_++] = _difference(words[word], base);
            }
        }
        uint256[] memory terms = new uint256[](Statement.BLOCK_VALUES);
        terms[0] = _difference(part.liquidityThreshold, isDelta ? former.liquidityThreshold : 0);
        terms[1] = _difference(part.liquidityRateBps, isDelta ? former.liquidityRateBps : 0);
        terms[2] = _difference(part.vegaThreshold, isDelta ? former.vegaThreshold : 0);
        terms[3] = _difference(part.vegaRateBps, isDelta ? former.vegaRateBps : 0);
        terms[4] = _difference(part.continues ? 1 : 0, isDelta && former.continues ? 1 : 0);

        uint256 firstRow = blockIndex * Statement.BLOCK_INSTRUMENTS;
        sum = stored.verifier.accumulate(Statement.FIRST_ROW_SIGNAL + firstRow * Statement.ROW_VALUES, rows, sum);
        return stored.verifier.accumulate(
            Statement.firstBlockSignal(stored.instruments) + blockIndex * Statement.BLOCK_VALUES, terms, sum
        );
    }

    /// Modulo the group order. Both are below it.
    function _difference(uint256 value, uint256 base) private pure returns (uint256) {
        return value >= base ? value - base : Bn254.R - (base - value);
    }

    /// Mark of a row, 1e-6 quote.
    function _mark(uint256[18] calldata words) private pure returns (int256) {
        return int256(words[COLUMN_WORDS - 1] & PIECE) - COLUMN_LIMIT;
    }

    function _outOfBand(
        LinearRow calldata linear,
        uint256 bandBps,
        Epoch storage standing,
        uint256 blockIndex,
        Part calldata part
    ) private view returns (bool) {
        uint256 firstRow = blockIndex * Statement.BLOCK_INSTRUMENTS;
        if (linear.row < firstRow || linear.row - firstRow >= Statement.BLOCK_INSTRUMENTS) return false;
        // Without a price of this epoch there is nothing to hold the mark against.
        if (standing.unvalued & (1 << linear.asset) != 0) return false;
        // Price with 16 decimals, ratio with 18, mark with 6.
        int256 expected = int256(uint256(standing.references[linear.asset]) * linear.ratioE18 / 1e28);
        int256 away = _mark(part.rows[linear.row - firstRow]) - expected;
        return uint256(away < 0 ? -away : away) * BPS > uint256(expected) * bandBps;
    }

    function _freeze(Series storage series, Epoch storage standing) private {
        _advance(series);
        standing.frozen = true;
        series.clock.freshUntil = 0;
    }

    // ---- Markets ----

    function _latest(uint256 board) private view returns (Market memory market, bytes memory reason) {
        PolicyRegistry.Head memory head = _head(board);
        Series storage series = _series[board];
        Epoch storage standing = _standing(series);
        if (standing.epoch == 0) revert EpochMissing(board);
        return _market(board, series, standing, head);
    }

    /// The market of an epoch, and where it is not usable the error that says why.
    function _market(uint256 board, Series storage series, Epoch storage epoch, PolicyRegistry.Head memory head)
        private
        view
        returns (Market memory market, bytes memory reason)
    {
        bool current = epoch.keyId == head.keyId;
        if (!current && !_keyServes(epoch, head)) revert KeyRetired(board, epoch.epoch);
        market.verifier = epoch.verifier;
        market.policyId = head.policyId;
        market.epoch = epoch.epoch;
        market.time = epoch.time;
        market.levels = Levels(head.initial, head.call, head.liquidation, head.closeOut);
        market.point = epoch.policyId == head.policyId
            ? epoch.point
            : Bn254.add(_stored(board).policyPoint, epoch.values);
        reason = _reason(board, series, epoch, head);
        market.usable = reason.length == 0;
        market.complete = market.usable && epoch.unvalued == 0;
    }

    /// Whether an epoch's key may still be used: it is the one in force, or the one before, until its sunset, and the
    /// policy is still the one that was summed up under it.
    function _keyServes(Epoch storage epoch, PolicyRegistry.Head memory head) private view returns (bool) {
        if (epoch.keyId == head.keyId) return true;
        return epoch.keyId + 1 == head.keyId && epoch.policyId == head.policyId && block.timestamp <= head.sunset;
    }

    /// Why an epoch is not usable, as an error; empty where it is.
    function _reason(uint256 board, Series storage series, Epoch storage epoch, PolicyRegistry.Head memory head)
        private
        view
        returns (bytes memory)
    {
        if (sequencer != address(0)) {
            (bool ok, int256 answer, uint256 since,) = Readings.round(sequencer);
            if (!ok || answer != 0 || since == 0 || block.timestamp < since + SEQUENCER_GRACE) {
                return abi.encodeWithSelector(SequencerDown.selector, uint64(since));
            }
        }
        if (block.timestamp < series.pausedUntil) {
            return abi.encodeWithSelector(BoardPaused.selector, board, series.pausedUntil);
        }
        if (epoch.frozen) return abi.encodeWithSelector(EpochFrozen.selector, board, epoch.epoch);
        if (epoch.halted) return abi.encodeWithSelector(EpochHalted.selector, board, epoch.epoch);
        if (block.timestamp - epoch.time > head.maxAge) {
            return abi.encodeWithSelector(EpochStale.selector, board, epoch.epoch, epoch.time, head.maxAge);
        }
        return "";
    }

    // ---- Clock ----

    /// The clock as of now. Since `at` it has been running, if at all, in one interval: from when a pause ended until the
    /// standing epoch was no longer fresh; before and after that it was stopped, but for what of a stop is beyond the limit.
    function _ran(Clock memory current, uint64 pausedUntil_) private view returns (Clock memory) {
        uint64 nowTime = uint64(block.timestamp);
        uint64 start = pausedUntil_ > current.at ? pausedUntil_ : current.at;
        uint64 end = current.freshUntil < nowTime ? current.freshUntil : nowTime;
        uint64 since = current.stoppedAt == 0 ? current.at : current.stoppedAt;
        uint64 ran = current.ran;
        if (start < end) {
            ran += _beyond(current, since, current.at, start) + end - start + _beyond(current, end, end, nowTime);
            current.stoppedAt = end < nowTime ? end : 0;
        } else {
            ran += _beyond(current, since, current.at, nowTime);
            current.stoppedAt = since;
        }
        (current.ran, current.at) = (ran, nowTime);
        return current;
    }

    /// Seconds from `from` to `to` that are beyond the limit of a stop that began at `since`.
    function _beyond(Clock memory current, uint64 since, uint64 from, uint64 to) private pure returns (uint64) {
        uint64 limit = since + current.stopLimit;
        if (limit > from) from = limit;
        return to > from ? to - from : 0;
    }

    /// Before a change of what the clock depends on.
    function _advance(Series storage series) private {
        series.clock = _ran(series.clock, series.pausedUntil);
    }

    /// After it.
    function _restart(uint256 board, Series storage series, uint32 maxAge) private {
        Epoch storage standing = _standing(series);
        bool runs = standing.epoch != 0 && !standing.halted && !standing.frozen && standing.unvalued == 0;
        series.clock.freshUntil = runs ? standing.time + maxAge : 0;
        series.clock.stopLimit = registry.termsOf(board).stopLimit;
    }

    // ---- Settlements ----

    /// @param epoch of a wind-down, zero of a settlement that reporters signed
    function _beginSettlement(uint256 board, Series storage series, bytes32 firstPart, uint64 epoch) private {
        Settling storage settling = series.settling;
        settling.settlement = Settlement(registry.settlementVerifierOf(board), G1(0, 0));
        settling.quorumId = quorumId;
        settling.epoch = epoch;
        settling.parts = 0;
        settling.firstPart = firstPart;
        settling.nextPart = firstPart;
        emit SettlementOpened(board, series.settlements + 1, firstPart);
    }

    /// Whether the settlement being opened is under the key that is the board's.
    function _keyStands(uint256 board, Settling storage settling) private view returns (bool) {
        return settling.settlement.verifier == registry.settlementVerifierOf(board);
    }

    function _addSettlementParts(uint256 board, Series storage series, SettlementPart[] calldata parts) private {
        Settling storage settling = series.settling;
        for (uint256 index = 0; index < parts.length; index++) {
            bytes32 expected = settling.nextPart;
            if (expected == 0) revert SettlementNotOpen(board);
            if (settling.quorumId != quorumId) revert ReportersChanged(settling.quorumId, quorumId);
            if (!_keyStands(board, settling)) revert SettlementKeyChanged(board);
            _expect(settling.parts, expected, keccak256(abi.encode(parts[index])));
            _settlePart(board, series, parts[index].expired, parts[index].marks, parts[index].next);
        }
    }

    /// Adds one block's marks to the settlement being opened; with the last, it is one.
    function _settlePart(uint256 board, Series storage series, uint64 expired, int64[60] memory marks, bytes32 next)
        private
    {
        Settling storage settling = series.settling;
        uint256 part = settling.parts;
        uint256 firstRow = part * Statement.BLOCK_INSTRUMENTS;
        uint256 blocks = _stored(board).instruments / Statement.BLOCK_INSTRUMENTS;
        // The chain ends where the board does, neither before nor after.
        if ((next == 0) != (part + 1 == blocks)) revert PartsWrong(part + 1);
        if (expired > ALL_ROWS) revert BlockOutOfRange(part);
        uint256[] memory values = new uint256[](Statement.BLOCK_INSTRUMENTS * Statement.MARK_VALUES);
        for (uint256 row = 0; row < Statement.BLOCK_INSTRUMENTS; row++) {
            int256 mark = marks[row];
            bool expires = expired & (1 << row) != 0;
            if (mark <= -COLUMN_LIMIT || mark >= COLUMN_LIMIT || (mark != 0 && !expires)) {
                revert MarkOutOfRange(firstRow + row);
            }
            values[row * Statement.MARK_VALUES] = expires ? 1 : 0;
            values[row * Statement.MARK_VALUES + 1] = mark >= 0 ? uint256(mark) : Bn254.R - uint256(-mark);
        }
        settling.settlement.point = settling.settlement.verifier.accumulate(
            Statement.FIRST_MARK_SIGNAL + firstRow * Statement.MARK_VALUES, values, settling.settlement.point
        );
        settling.expired[part] = expired;
        settling.parts = uint64(++part);
        settling.nextPart = next;
        emit SettlementPartAdded(board, series.settlements + 1, part - 1, expired, marks);
        if (part != blocks) return;

        uint64 number = ++series.settlements;
        series.settled[number] = settling.settlement;
        for (uint256 index = 0; index < blocks; index++) series.expired[index] |= settling.expired[index];
        // What stands, and what is being opened, may still value rows that no longer are.
        _opening(series).nextPart = 0;
        _freeze(series, _standing(series));
        emit SettlementCompleted(board, number);
    }
}

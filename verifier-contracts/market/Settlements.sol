// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Epochs} from "./Epochs.sol";
import {PolicyRegistry} from "./PolicyRegistry.sol";
import {Reporters} from "./Reporters.sol";
import {IBoardGate, IMarket} from "../interfaces/IMarket.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {Family, IVerifier} from "../interfaces/IVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Link, LinkVerifier} from "../libraries/LinkVerifier.sol";
import {PackedMarks} from "../libraries/PackedMarks.sol";
import {PackedValues} from "../libraries/PackedValues.sol";
import {Statement} from "../libraries/Statement.sol";

/// Expiries of boards: which rows expire and at what marks. They are numbered from 1, and accounts pass each in turn.
///
/// Who can do what
///  - a quorum of reporters signs the marks, with a deadline; anyone carries them to the chain, with a link of them, and not
///    sooner than PASS_TIME after the settlement before;
///  - when a board has had no epoch for LIFE_LIMIT, anyone settles all rows at the marks of the last one that was not halted.
///
/// The marks of linear rows are held to the prices that counted last. Those of others rest on the quorum alone. Nothing else
/// closes a row that was open: an epoch that does is refused.
///
/// A settlement freezes the standing epoch, which still values what has expired. Rows that have expired stay closed until
/// every account of the board's gate has passed the settlement.
contract Settlements {
    struct Board {
        uint64 settlements;
        /// Unix seconds of the block that opened the last one.
        uint64 openedAt;
        /// Number of the epoch at whose marks everything was settled, and which is therefore not to be settled again.
        uint64 woundDown;
        mapping(uint256 settlement => Settlement) settled;
        mapping(uint256 blockIndex => Rows) rows;
    }

    /// Rows of a block, bit i: row i.
    struct Rows {
        /// Open in the last epoch that was not halted, and not expired since: accounts may have positions in them.
        uint128 open;
        /// Expired: not to be listed anew before every account has settled.
        uint128 expired;
    }

    struct Settlement {
        ISettlementVerifier verifier;
        G1 point;
    }

    /// Without an epoch for so long, a board has reached the end of its life.
    uint256 public constant LIFE_LIMIT = 30 days;
    /// Reporters open no settlement sooner after the one before: in so long an account passes that, and leaves.
    uint256 public constant PASS_TIME = 10 minutes;
    uint256 private constant ALL_ROWS = (1 << Statement.BLOCK_INSTRUMENTS) - 1;

    PolicyRegistry public immutable registry;
    Epochs public immutable oracle;
    Reporters public immutable reporters;
    mapping(uint256 board => Board) private _boards;

    /// `expired` by block, bit i: row i of the block; `marks` zero where a row does not expire.
    event Settled(uint256 indexed board, uint64 indexed settlement, uint256[] expired, int256[] marks);

    error NotOracle(address sender);
    /// An expired row must be closed until every account has settled. `rows` by bit, of the block.
    error RowsNotSettled(uint256 blockIndex, uint256 rows, uint64 settlement);
    /// A row that is open is closed by its expiry alone: closed, its positions would count zero. `rows` by bit, of the block.
    error RowsNotExpired(uint256 blockIndex, uint256 rows);
    error SettlementNotNext(uint64 settlement, uint64 last);
    error SettlementTooEarly(uint256 earliest);
    error DeadlinePassed(uint64 deadline, uint256 nowTime);
    error LifeNotOver(uint256 until);
    /// Everything has been settled at this epoch's marks already.
    error WoundDown(uint256 board, uint64 epoch);
    error VerifierRefused(address verifier);

    constructor(PolicyRegistry registry_, Reporters reporters_) {
        (registry, oracle, reporters) = (registry_, Epochs(msg.sender), reporters_);
    }

    // ---- Anyone ----

    /// Opens a settlement. Accounts do nothing else before they have passed it, and nothing is traded before an epoch without
    /// those rows.
    /// @param number the next of the board
    /// @param marks as `PackedMarks` lays them out
    /// @param deadline unix seconds; the last second in which the settlement is taken
    /// @param signatures exactly a quorum, in ascending order of the reporters
    /// @param link of the marks; bound to their Keccak-256
    function settle(
        uint256 board,
        uint64 number,
        bytes calldata marks,
        uint64 deadline,
        bytes[] calldata signatures,
        Link calldata link
    ) external {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        uint64 last = _boards[board].settlements;
        if (number != last + 1) revert SettlementNotNext(number, last);
        uint256 earliest = _boards[board].openedAt + PASS_TIME;
        if (block.timestamp < earliest) revert SettlementTooEarly(earliest);
        bytes32 marksHash = keccak256(marks);
        reporters.checkSettlement(board, number, marksHash, deadline, signatures);
        (uint256[] memory expired, int256[] memory values) =
            PackedMarks.read(marks, registry.headOf(board).instruments);
        _holdMarks(board, expired, values);
        _settle(board, marksHash, expired, values, link);
    }

    /// Settles everything at the marks of the last epoch that was not halted, when it was taken LIFE_LIMIT ago.
    /// @param values, `prices` and `debtRateBps`: of that epoch
    /// @param link of its marks, all rows expired; bound to what fixes the epoch's values
    function windDown(
        uint256 board,
        bytes calldata values,
        uint64[15] calldata prices,
        uint256 debtRateBps,
        Link calldata link
    ) external {
        Epochs.Epoch memory last = oracle.lastHeld(board);
        if (last.epoch == 0) revert IMarket.EpochMissing(board);
        uint256 until = last.takenAt + LIFE_LIMIT;
        if (block.timestamp <= until) revert LifeNotOver(until);
        if (_boards[board].woundDown == last.epoch) revert WoundDown(board, last.epoch);
        oracle.expectValues(last.values, keccak256(values), prices, debtRateBps);
        _boards[board].woundDown = last.epoch;
        (uint256[] memory expired, int256[] memory marks) =
            PackedValues.scan(values, registry.headOf(board).instruments);
        for (uint256 index = 0; index < expired.length; index++) expired[index] = ALL_ROWS;
        _settle(board, last.values, expired, marks, link);
    }

    // ---- Oracle ----

    /// Refuses an epoch in which rows are closed that have not expired, or are open that have, before every account has settled.
    /// Oracle only.
    /// @param open by block, bit i: row i of the block is open
    /// @param halted whether the epoch is: then it serves for nothing, and opens no row
    function takeRows(uint256 board, uint256[] calldata open, bool halted, IBoardGate gate) external {
        if (msg.sender != address(oracle)) revert NotOracle(msg.sender);
        Board storage stored = _boards[board];
        uint64 last = stored.settlements;
        for (uint256 index = 0; index < open.length; index++) {
            Rows memory rows = stored.rows[index];
            uint256 closed = rows.open & ~open[index];
            if (closed != 0) revert RowsNotExpired(index, closed);
            uint256 early = rows.expired & open[index];
            bool settled = rows.expired != 0 && address(gate) != address(0) && gate.allSettled(board, last);
            if (early != 0 && !settled) revert RowsNotSettled(index, early, last);
            uint128 opened = halted ? rows.open : uint128(open[index]);
            if (settled || opened != rows.open) stored.rows[index] = Rows(opened, settled ? 0 : rows.expired);
        }
    }

    // ---- Views ----

    /// As `IMarket`.
    function settlementsOf(uint256 board) external view returns (uint64) {
        return _boards[board].settlements;
    }

    /// As `IMarket`.
    function settlementOf(uint256 board, uint64 settlement)
        external
        view
        returns (ISettlementVerifier verifier, G1 memory point)
    {
        Settlement storage settled = _boards[board].settled[settlement];
        if (address(settled.verifier) == address(0)) revert IMarket.SettlementUnknown(board, settlement);
        return (settled.verifier, settled.point);
    }

    /// What a link's point is for.
    function subjectOf(uint256 board, uint64 number) public view returns (bytes32) {
        return keccak256(abi.encode("Marks", block.chainid, address(this), board, number));
    }

    // ---- Internal ----

    /// Refuses marks of linear rows that are further from what their asset's price makes of them than it may move.
    function _holdMarks(uint256 board, uint256[] memory expired, int256[] memory marks) private view {
        address terms = registry.boardTermsOf(board, registry.headOf(board).policyId);
        if (terms == address(0)) return;
        (uint64[15] memory prices, uint16[15] memory limits) = oracle.sources().lastOf(board);
        registry.rules().holdMarks(terms, expired, marks, prices, limits);
    }

    /// @param fixedBy what fixes the marks: their link is bound to it
    function _settle(
        uint256 board,
        bytes32 fixedBy,
        uint256[] memory expired,
        int256[] memory marks,
        Link calldata link
    ) private {
        Board storage stored = _boards[board];
        uint64 number = ++stored.settlements;
        stored.openedAt = uint64(block.timestamp);
        IVerifier verifier = registry.verifierOf(board, registry.headOf(board).keyId, Family.SETTLEMENT);
        uint256 first = verifier.own() + 1;
        bytes32 seed = LinkVerifier.seedOf(
            verifier.linkId(), subjectOf(board, number), first, marks.length * Statement.MARK_VALUES, fixedBy, link
        );
        uint256 y = PackedMarks.evaluate(expired, marks, uint256(seed) % Bn254.R, first);
        if (verifier.checkLink(seed, y, link) != IVerifier.checkLink.selector) revert VerifierRefused(address(verifier));
        stored.settled[number] = Settlement(ISettlementVerifier(address(verifier)), link.point);
        for (uint256 index = 0; index < expired.length; index++) {
            if (expired[index] == 0) continue;
            Rows storage rows = stored.rows[index];
            (rows.open, rows.expired) = (rows.open & ~uint128(expired[index]), rows.expired | uint128(expired[index]));
        }
        oracle.freeze(board);
        emit Settled(board, number, expired, marks);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {VerifierRouter} from "./VerifierRouter.sol";
import {IAccountVerifier} from "./interfaces/IAccountVerifier.sol";
import {ISettlementVerifier} from "./interfaces/ISettlementVerifier.sol";
import {IMarket, Levels, Market, Terms} from "./interfaces/IMarket.sol";
import {Bn254, G1} from "./libraries/Bn254.sol";
import {Statement} from "./libraries/Statement.sol";

/// Boards, their policies, and their market values under a k-of-n quorum of signers.
///
/// Who can do what
///  - the owner creates boards, sets policies and the signers;
///  - k of n signers choose the values of an epoch, by signing their hash, and nothing else: every value is checked
///    against the ranges the circuit relies on, and every point is computed here from the values;
///  - anyone carries signed values to the chain, in as many transactions as it takes, and finishes what another began.
///
/// Safety rests on the owner, on fewer than k signers signing wrong values, and on the verifiers. Not checked: that
/// board values follow from the prices and the published risk model (anyone can recompute them).
/// Liveness rests on k signers, and on the values they signed being public before the signatures are. Whoever finds an
/// epoch opened by another goes on with `resume`.
contract MarketBoard is IMarket, EIP712, Ownable2Step {
    /// Haircuts of all assets (asset, tier), levels and age. Above the last boundary no quantity counts.
    struct Policy {
        /// In asset lots, ascending; equal ones make an empty tier.
        uint64[4][15] boundaryLots;
        /// 10000 minus the haircut, descending.
        uint16[4][15] weightBps;
        Levels levels;
        /// Seconds for which values are fresh.
        uint32 maxAge;
    }

    /// What the signers sign.
    struct Epoch {
        uint256 board;
        uint64 epoch;
        /// Unix seconds as of which the values hold.
        uint64 time;
        /// Per asset lot, 16 decimals.
        uint64[15] prices;
        /// Hash of the first part.
        bytes32 firstPart;
    }

    /// Rows and terms of one block of 60 instruments. Its hash is keccak256(abi.encode(part)), which holds the hash of
    /// the part that follows: parts are a chain, and each has one place in one epoch.
    struct Part {
        /// Per instrument six words of three columns (16 profits, mark, delta; 1e-6 quote), the first column lowest, at
        /// bits 0, 84 and 168, each as column + 2^42 in 43 bits; then long charge and short charge, below 2^60.
        uint256[8][60] rows;
        /// Delta above which liquidity is charged, 1e-6 quote, below 2^78.
        uint256 liquidityThreshold;
        /// At most 10000.
        uint256 liquidityRateBps;
        /// Whether the block belongs to the netting set of the block before. Never of the first block.
        bool continues;
        /// Hash of the next part; zero after the last.
        bytes32 next;
    }

    struct Board {
        IAccountVerifier verifier;
        uint64 policyId;
        uint32 maxAge;
        uint64 epoch;
        uint64 time;
        uint32 initialLevel;
        uint32 callLevel;
        uint32 liquidationLevel;
        uint32 closeOutLevel;
        /// policyPoint + valuesPoint: kept, so that a proof reads one point.
        G1 point;
        G1 policyPoint;
        /// Prices and board of the latest complete epoch.
        G1 valuesPoint;
        uint256 instruments;
        Opening opening;
    }

    /// The epoch opened last. Its point is used by nobody until its parts are complete.
    struct Opening {
        uint64 epoch;
        uint64 time;
        uint64 quorumId;
        /// Parts added so far.
        uint64 parts;
        /// Hash of the part that comes next; zero when all are there.
        bytes32 nextPart;
        G1 point;
    }

    uint256 private constant MAX_BPS = 10_000;
    uint256 private constant PIECE = (1 << 43) - 1;
    uint256 private constant PIECES = PIECE | (PIECE << 84) | (PIECE << 168);
    /// Three columns of zero.
    uint256 private constant BIAS = (1 << 42) | (1 << 126) | (1 << 210);
    uint256 private constant COLUMN_WORDS = 6;
    /// An epoch's number may not jump by more: no signature can use the numbers up.
    uint64 public constant MAX_EPOCH_STEP = 1 << 32;
    uint256 public constant MAX_SIGNERS = 32;
    uint32 public constant MAX_AGE_LIMIT = 7 days;
    bytes32 private constant EPOCH_TYPEHASH =
        keccak256("Epoch(uint256 board,uint64 epoch,uint64 time,uint64[15] prices,bytes32 firstPart)");

    VerifierRouter public immutable router;
    uint256 public boards;
    mapping(uint256 board => Board) private _boards;

    /// Grows with every change of the signers.
    uint64 public quorumId;
    /// Signatures that an epoch needs.
    uint256 public threshold;
    address[] private _signers;
    mapping(uint64 quorumId => mapping(address signer => bool)) private _isSigner;

    event BoardCreated(uint256 indexed board, uint256 instruments, address verifier);
    event PolicySet(uint256 indexed board, uint64 indexed policyId, Policy policy);
    event SignersSet(uint64 indexed quorumId, address[] signers, uint256 threshold);
    event EpochOpened(uint256 indexed board, uint64 indexed epoch, uint64 time, uint64[15] prices, bytes32 firstPart);
    event PartAdded(uint256 indexed board, uint64 indexed epoch, uint256 part);
    event EpochCompleted(uint256 indexed board, uint64 indexed epoch, uint64 time);

    error RouterRefused(address router);
    error QuorumRefused(uint256 threshold, uint256 signers);
    error SignerRefused(address signer);
    error SignaturesTooFew(uint256 threshold, uint256 signatures);
    error SignerUnknown(address signer);
    /// Signatures must be in ascending order of their signers, each once.
    error SignerOutOfOrder(address previous, address signer);
    error BoundaryNotAscending(uint256 asset, uint256 tier);
    error WeightNotDescending(uint256 asset, uint256 tier);
    error LevelsNotDescending(Levels levels);
    error AgeRefused(uint256 maxAge, uint256 limit);
    error TimeInFuture(uint64 time, uint256 nowTime);
    error TimeNotNewer(uint64 time, uint64 last);
    error EpochNotNext(uint64 epoch, uint64 last);
    /// The epoch is not the one whose parts are awaited.
    error EpochNotOpen(uint256 board, uint64 epoch, uint64 opened);
    error PartUnexpected(uint256 part, bytes32 expected, bytes32 found);
    /// The signed chain of parts is longer or shorter than the board.
    error PartsWrong(uint256 parts);
    error SignersChanged(uint64 openedUnder, uint64 current);
    error ColumnOutOfRange(uint256 instrument, uint256 word);
    error ChargeOutOfRange(uint256 instrument, uint256 charge);
    error BlockOutOfRange(uint256 blockIndex);
    error FirstBlockContinues();

    constructor(VerifierRouter verifiers, address owner, address[] memory signers_, uint256 threshold_)
        EIP712("Plimsoll MarketBoard", "1")
        Ownable(owner)
    {
        if (address(verifiers).code.length == 0) revert RouterRefused(address(verifiers));
        router = verifiers;
        _setSigners(signers_, threshold_);
    }

    // ---- Owner ----

    /// Creates a board with its policy; its number counts from 1.
    /// @param instruments 60, 240 or 480, of which the router has a verifier
    function createBoard(uint256 instruments, Policy calldata policy) external onlyOwner returns (uint256 board) {
        board = ++boards;
        Board storage stored = _boards[board];
        stored.verifier = router.verifierOf(instruments);
        stored.instruments = instruments;
        emit BoardCreated(board, instruments, address(stored.verifier));
        _setPolicy(board, stored, policy);
    }

    /// Replaces the policy of a board, at once; proofs made under the old one no longer verify.
    function setPolicy(uint256 board, Policy calldata policy) external onlyOwner {
        _setPolicy(board, _board(board), policy);
    }

    /// Replaces the signers. An epoch opened under the old ones and not yet complete is never completed.
    /// @param signers_ n different addresses in ascending order, at most MAX_SIGNERS
    /// @param threshold_ k: odd, at most n
    function setSigners(address[] calldata signers_, uint256 threshold_) external onlyOwner {
        _setSigners(signers_, threshold_);
    }

    // ---- Anyone, with values that the quorum signed ----

    /// Opens an epoch, adds its prices and any number of its parts. A complete epoch takes the place of the one before;
    /// an incomplete one that is superseded is lost.
    /// @param signatures over `epochDigest`, in ascending order of the signers
    function publish(Epoch calldata epoch, bytes[] calldata signatures, Part[] calldata parts) external {
        Board storage stored = _board(epoch.board);
        _checkSignatures(epochDigest(epoch), signatures);
        Opening storage opening = stored.opening;
        if (epoch.time > block.timestamp) revert TimeInFuture(epoch.time, block.timestamp);
        if (epoch.time <= opening.time) revert TimeNotNewer(epoch.time, opening.time);
        if (epoch.epoch <= opening.epoch || epoch.epoch - opening.epoch > MAX_EPOCH_STEP) {
            revert EpochNotNext(epoch.epoch, opening.epoch);
        }
        uint256[] memory prices = new uint256[](Statement.ASSETS);
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) prices[asset] = epoch.prices[asset];
        stored.opening = Opening({
            epoch: epoch.epoch,
            time: epoch.time,
            quorumId: quorumId,
            parts: 0,
            nextPart: epoch.firstPart,
            point: stored.verifier.accumulate(Statement.FIRST_PRICE_SIGNAL, prices, G1(0, 0))
        });
        emit EpochOpened(epoch.board, epoch.epoch, epoch.time, epoch.prices, epoch.firstPart);
        if (parts.length != 0) _addParts(epoch.board, stored, parts);
    }

    /// Adds the next parts of the epoch opened last, whoever opened it.
    function resume(uint256 board, uint64 epoch, Part[] calldata parts) external {
        Board storage stored = _board(board);
        if (epoch != stored.opening.epoch || stored.epoch == epoch) {
            revert EpochNotOpen(board, epoch, stored.opening.epoch);
        }
        _addParts(board, stored, parts);
    }

    // ---- Views ----

    /// @inheritdoc IMarket
    function instrumentsOf(uint256 board) external view returns (uint256) {
        return _board(board).instruments;
    }

    /// @inheritdoc IMarket
    function latest(uint256 board) public view returns (Market memory) {
        Board storage stored = _board(board);
        if (stored.epoch == 0) revert EpochMissing(board);
        return Market({
            verifier: stored.verifier,
            policyId: stored.policyId,
            epoch: stored.epoch,
            time: stored.time,
            levels: Levels(stored.initialLevel, stored.callLevel, stored.liquidationLevel, stored.closeOutLevel),
            usable: block.timestamp - stored.time <= stored.maxAge,
            complete: block.timestamp - stored.time <= stored.maxAge,
            point: stored.point
        });
    }

    /// @inheritdoc IMarket
    function at(uint256 board, uint64 epoch) external view returns (Market memory market) {
        market = latest(board);
        if (market.epoch != epoch) revert EpochSuperseded(market.epoch, epoch);
    }

    /// @inheritdoc IMarket
    function exitMarket(uint256 board) external view returns (IAccountVerifier, G1 memory) {
        revert EpochMissing(board);
    }

    /// @inheritdoc IMarket
    function clock(uint256) external view returns (uint256) {
        return block.timestamp;
    }

    /// @inheritdoc IMarket
    function termsOf(uint256) external pure returns (Terms memory terms) {}

    /// @inheritdoc IMarket
    function settlementsOf(uint256) external pure returns (uint64) {}

    /// @inheritdoc IMarket
    function settlementOf(uint256 board, uint64 settlement) external pure returns (ISettlementVerifier, G1 memory) {
        revert SettlementUnknown(board, settlement);
    }

    /// @inheritdoc IMarket
    function fresh(uint256 board) external view returns (Market memory market) {
        market = latest(board);
        uint32 maxAge = _boards[board].maxAge;
        if (block.timestamp - market.time > maxAge) revert EpochStale(board, market.epoch, market.time, maxAge);
    }

    /// The epoch opened last, and how many of its parts are there.
    function openingOf(uint256 board) external view returns (Opening memory) {
        return _board(board).opening;
    }

    function signers() external view returns (address[] memory) {
        return _signers;
    }

    /// EIP-712 digest that the signers of an epoch sign.
    function epochDigest(Epoch calldata epoch) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    EPOCH_TYPEHASH,
                    epoch.board,
                    epoch.epoch,
                    epoch.time,
                    keccak256(abi.encode(epoch.prices)),
                    epoch.firstPart
                )
            )
        );
    }

    // ---- Internal ----

    function _board(uint256 board) private view returns (Board storage stored) {
        stored = _boards[board];
        if (stored.instruments == 0) revert BoardUnknown(board);
    }

    function _setPolicy(uint256 board, Board storage stored, Policy calldata policy) private {
        Levels calldata levels = policy.levels;
        if (
            levels.initial >= 1 << Statement.LEVEL_BITS || levels.initial < levels.call
                || levels.call < levels.liquidation || levels.liquidation < levels.closeOut || levels.closeOut == 0
        ) revert LevelsNotDescending(levels);
        if (policy.maxAge == 0 || policy.maxAge > MAX_AGE_LIMIT) revert AgeRefused(policy.maxAge, MAX_AGE_LIMIT);

        stored.policyId += 1;
        stored.maxAge = policy.maxAge;
        stored.initialLevel = levels.initial;
        stored.callLevel = levels.call;
        stored.liquidationLevel = levels.liquidation;
        stored.closeOutLevel = levels.closeOut;
        stored.policyPoint =
            stored.verifier.accumulate(Statement.FIRST_POLICY_SIGNAL, _policySignals(policy), G1(0, 0));
        if (stored.epoch != 0) stored.point = Bn254.add(stored.policyPoint, stored.valuesPoint);
        emit PolicySet(board, stored.policyId, policy);
    }

    /// Boundaries, weights and intercepts of every asset. On piece t of an asset's value, its weighted quantity is
    /// intercept_t + weight_t · quantity; intercept_t = intercept_{t−1} + (weight_{t−1} − weight_t) · boundary_{t−1}.
    function _policySignals(Policy calldata policy) private pure returns (uint256[] memory values) {
        uint256 tiers = Statement.TIERS;
        values = new uint256[](Statement.ASSETS * 3 * tiers);
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            uint256 at = asset * 3 * tiers;
            uint256 intercept = 0;
            uint256 boundary = 0;
            uint256 weight = MAX_BPS;
            for (uint256 tier = 0; tier < tiers; tier++) {
                uint256 nextWeight = policy.weightBps[asset][tier];
                if (nextWeight > weight) revert WeightNotDescending(asset, tier);
                if (tier != 0) values[at + 2 * tiers + tier - 1] = intercept += (weight - nextWeight) * boundary;
                if (policy.boundaryLots[asset][tier] < boundary) revert BoundaryNotAscending(asset, tier);
                boundary = policy.boundaryLots[asset][tier];
                weight = nextWeight;
                values[at + tier] = boundary;
                values[at + tiers + tier] = weight;
            }
            values[at + 3 * tiers - 1] = intercept + weight * boundary;
        }
    }

    function _setSigners(address[] memory signers_, uint256 threshold_) private {
        if (threshold_ % 2 == 0 || threshold_ > signers_.length || signers_.length > MAX_SIGNERS) {
            revert QuorumRefused(threshold_, signers_.length);
        }
        uint64 id = ++quorumId;
        address previous = address(0);
        for (uint256 index = 0; index < signers_.length; index++) {
            if (signers_[index] <= previous) revert SignerRefused(signers_[index]);
            previous = signers_[index];
            _isSigner[id][previous] = true;
        }
        threshold = threshold_;
        _signers = signers_;
        emit SignersSet(id, signers_, threshold_);
    }

    function _checkSignatures(bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < threshold) revert SignaturesTooFew(threshold, signatures.length);
        address previous = address(0);
        for (uint256 index = 0; index < signatures.length; index++) {
            address signer = ECDSA.recoverCalldata(digest, signatures[index]);
            if (signer <= previous) revert SignerOutOfOrder(previous, signer);
            if (!_isSigner[quorumId][signer]) revert SignerUnknown(signer);
            previous = signer;
        }
    }

    function _addParts(uint256 board, Board storage stored, Part[] calldata parts) private {
        Opening memory opening = stored.opening;
        if (opening.quorumId != quorumId) revert SignersChanged(opening.quorumId, quorumId);
        uint256 blocks = stored.instruments / Statement.BLOCK_INSTRUMENTS;
        for (uint256 index = 0; index < parts.length; index++) {
            uint256 part = opening.parts++;
            bytes32 found = keccak256(abi.encode(parts[index]));
            if (found != opening.nextPart) revert PartUnexpected(part, opening.nextPart, found);
            opening.nextPart = parts[index].next;
            // The chain ends where the board does, neither before nor after.
            if ((opening.nextPart == 0) != (part + 1 == blocks)) revert PartsWrong(part + 1);
            opening.point = _addPart(stored, part, parts[index], opening.point);
            emit PartAdded(board, opening.epoch, part);
        }
        stored.opening = opening;
        if (opening.parts != blocks) return;
        stored.epoch = opening.epoch;
        stored.time = opening.time;
        stored.valuesPoint = opening.point;
        stored.point = Bn254.add(stored.policyPoint, opening.point);
        emit EpochCompleted(board, opening.epoch, opening.time);
    }

    function _addPart(Board storage stored, uint256 blockIndex, Part calldata part, G1 memory sum)
        private
        view
        returns (G1 memory)
    {
        uint256 firstRow = blockIndex * Statement.BLOCK_INSTRUMENTS;
        uint256[] memory rows = new uint256[](Statement.BLOCK_INSTRUMENTS * Statement.ROW_VALUES);
        uint256 at = 0;
        for (uint256 row = 0; row < Statement.BLOCK_INSTRUMENTS; row++) {
            uint256[8] calldata words = part.rows[row];
            for (uint256 word = 0; word < COLUMN_WORDS; word++) {
                uint256 columns = words[word];
                // A piece of zero would be the column −2^42, one beyond the range.
                if (
                    columns & ~PIECES != 0 || columns & PIECE == 0 || columns & (PIECE << 84) == 0
                        || columns & (PIECE << 168) == 0
                ) revert ColumnOutOfRange(firstRow + row, word);
                rows[at++] = columns >= BIAS ? columns - BIAS : Bn254.R - (BIAS - columns);
            }
            for (uint256 charge = 0; charge < 2; charge++) {
                uint256 value = words[COLUMN_WORDS + charge];
                if (value >= 1 << 60) revert ChargeOutOfRange(firstRow + row, charge);
                rows[at++] = value;
            }
        }
        if (part.liquidityThreshold >= 1 << 78 || part.liquidityRateBps > MAX_BPS) revert BlockOutOfRange(blockIndex);
        if (part.continues && blockIndex == 0) revert FirstBlockContinues();
        uint256[] memory terms = new uint256[](Statement.BLOCK_VALUES);
        terms[0] = part.liquidityThreshold;
        terms[1] = part.liquidityRateBps;
        terms[2] = part.continues ? 1 : 0;

        IAccountVerifier verifier = stored.verifier;
        sum = verifier.accumulate(Statement.FIRST_ROW_SIGNAL + firstRow * Statement.ROW_VALUES, rows, sum);
        return verifier.accumulate(
            Statement.firstBlockSignal(stored.instruments) + blockIndex * Statement.BLOCK_VALUES, terms, sum
        );
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {VerifierRouter} from "../verify/VerifierRouter.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {IMarket, Levels, Terms} from "../interfaces/IMarket.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// Boards, and the policy that each one's accounts are held to.
///
/// Who can do what
///  - the owner creates boards, and proposes policies and keys; a proposal takes effect when its time has come, by
///    anyone's call;
///  - the guardian tightens a policy at once, once in a timelock, and withdraws proposals;
///  - nobody moves the weighted value of any quantity of a listed asset, or a level, by more than `maxMoveBps` at a time.
///
/// Safety rests on the owner within these bounds, and on accounts being watched for the length of the timelock.
contract PolicyRegistry is Ownable2Step {
    /// Haircuts of all assets (asset, tier), and everything else that a policy says. Above the last boundary no quantity
    /// counts: the last tier is a cap on concentration. An asset whose quantities all count zero is not listed.
    struct Policy {
        /// In asset lots, ascending; equal ones make an empty tier.
        uint64[4][15] boundaryLots;
        /// 10000 minus the haircut, descending.
        uint16[4][15] weightBps;
        /// Asset lots in one lot of the board's row of the same number, with which the asset is scanned; zero where it is
        /// not in the scan.
        uint64[15] scanLots;
        /// Margin of what an account owes beyond what its positions are worth, at most 10000.
        uint16 debtRateBps;
        Levels levels;
        /// Seconds for which values are fresh.
        uint32 maxAge;
        /// Seconds after a new epoch in which proofs made under the one before are still taken; at most maxAge.
        uint32 epochGrace;
        Terms terms;
        /// keccak256(abi.encode(PriceOracle.BoardTerms)): what board values must obey, or be challenged; zero for nothing.
        bytes32 boardTermsHash;
    }

    /// What every proof is checked with, in one word.
    struct Head {
        uint32 policyId;
        uint24 initial;
        uint24 call;
        uint24 liquidation;
        uint24 closeOut;
        uint32 maxAge;
        uint32 epochGrace;
        /// Grows with every rotation.
        uint24 keyId;
        /// Unix seconds; until then an epoch made under the key before stands, if the policy is the same.
        uint40 sunset;
    }

    struct Board {
        Head head;
        IAccountVerifier verifier;
        uint16 instruments;
        /// Bit a: asset a is listed.
        uint16 listed;
        VerifierRouter router;
        uint64 tightenedAt;
        G1 policyPoint;
    }

    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_CHARGE = (1 << 60) - 1;
    uint32 public constant MAX_AGE_LIMIT = 7 days;
    uint32 public constant PERIOD_LIMIT = 90 days;
    uint16 public constant LEVY_LIMIT = 100;
    /// An epoch made before a rotation is stale before its key's sunset.
    uint256 public constant KEY_SUNSET = MAX_AGE_LIMIT;
    uint256 public constant PROPOSAL_LIFE = 14 days;

    uint256 public immutable timelock;
    uint256 public immutable maxMoveBps;
    /// May tighten, withdraw proposals, and pause boards at the oracle.
    address public guardian;
    uint256 public boards;
    mapping(uint256 board => Board) private _boards;
    mapping(uint256 board => Policy) private _policies;
    /// Unix seconds from which a proposal may be enacted, by board and hash of the change; zero for none.
    mapping(uint256 board => mapping(bytes32 change => uint256)) public readyAt;
    /// Point of the exit market under a verifier.
    mapping(IAccountVerifier verifier => G1) private _exitPoints;

    event GuardianSet(address guardian);
    event BoardCreated(uint256 indexed board, uint256 instruments, address verifier);
    event Proposed(uint256 indexed board, bytes32 indexed change, uint256 readyAt);
    event Withdrawn(uint256 indexed board, bytes32 indexed change);
    event PolicySet(uint256 indexed board, uint32 indexed policyId, Policy policy);
    event KeyRotated(uint256 indexed board, uint24 indexed keyId, address verifier, uint256 sunset);

    error RouterRefused(address router);
    error TimelockRefused(uint256 timelock);
    error MoveLimitRefused(uint256 maxMoveBps);
    error NotGuardian(address sender);
    error NotProposed(uint256 board, bytes32 change);
    error TooEarly(uint256 readyAt, uint256 nowTime);
    error ProposalLapsed(uint256 readyAt, uint256 nowTime);
    error BoundaryNotAscending(uint256 asset, uint256 tier);
    error WeightNotDescending(uint256 asset, uint256 tier);
    error LevelsNotDescending(Levels levels);
    error AgeRefused(uint256 maxAge, uint256 epochGrace, uint256 limit);
    error TermsRefused(Terms terms);
    /// A quantity of the asset would count for more, or less, than a single change may make it count. In lots · bps.
    error ValueMoved(uint256 asset, uint256 lots, uint256 valueBefore, uint256 valueAfter);
    error LevelMoved(uint256 levelBefore, uint256 levelAfter);
    error DebtRateRefused(uint256 rateBps);
    error DebtRateMoved(uint256 rateBefore, uint256 rateAfter);
    /// All that counts of the asset would be 2^31 scan lots or more.
    error ScanLotsRefused(uint256 asset, uint256 lots);
    /// The lots in one scanned lot may begin or end at zero: a board's row and its policy cannot change them together.
    error ScanLotsMoved(uint256 asset, uint256 lotsBefore, uint256 lotsAfter);
    /// A quantity of the asset would count for more.
    error NotTighter(uint256 asset, uint256 lots, uint256 valueBefore, uint256 valueAfter);
    /// A level or the rate of debt would fall, an age, the grace or the slice cap would grow, or another term would change.
    error TermsNotTighter();
    error TightenedLately(uint256 until);
    error KeyUnchanged(address verifier);

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        _;
    }

    /// @param timelock_ seconds, at most 90 days
    /// @param maxMoveBps_ below 10000
    constructor(address owner, address guardian_, uint256 timelock_, uint256 maxMoveBps_) Ownable(owner) {
        if (timelock_ == 0 || timelock_ > PERIOD_LIMIT) revert TimelockRefused(timelock_);
        if (maxMoveBps_ == 0 || maxMoveBps_ >= BPS) revert MoveLimitRefused(maxMoveBps_);
        timelock = timelock_;
        maxMoveBps = maxMoveBps_;
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }

    // ---- Owner ----

    function setGuardian(address guardian_) external onlyOwner {
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }

    /// Creates a board with its first policy; its number counts from 1. Computes the exit market of the verifier too,
    /// where this is its first board.
    /// @param instruments 60, 240 or 480, of which the router has a verifier
    function createBoard(VerifierRouter router, uint256 instruments, Policy calldata policy)
        external
        onlyOwner
        returns (uint256 board)
    {
        if (address(router).code.length == 0) revert RouterRefused(address(router));
        board = ++boards;
        Board storage stored = _boards[board];
        stored.instruments = uint16(instruments);
        _setKey(stored, router, router.verifierOf(instruments));
        emit BoardCreated(board, instruments, address(stored.verifier));
        _setPolicy(board, stored, policy);
    }

    /// Proposes a policy, which anyone may `enact` after the timelock. Proposing it again starts the wait anew.
    function propose(uint256 board, Policy calldata policy) external onlyOwner {
        Board storage stored = _board(board);
        _policySignals(policy);
        _checkTerms(policy);
        _checkMoves(stored, _policies[board], policy);
        _propose(board, keccak256(abi.encode(policy)));
    }

    /// Proposes the keys of another router, which anyone may `rotate` to after the timelock.
    function proposeKeys(uint256 board, VerifierRouter router) external onlyOwner {
        Board storage stored = _board(board);
        if (address(router).code.length == 0) revert RouterRefused(address(router));
        IAccountVerifier verifier = router.verifierOf(stored.instruments);
        if (verifier == stored.verifier) revert KeyUnchanged(address(verifier));
        _propose(board, _keysHash(router));
    }

    /// Withdraws a proposal. Owner and guardian.
    function withdraw(uint256 board, bytes32 change) external {
        if (msg.sender != guardian) _checkOwner();
        if (readyAt[board][change] == 0) revert NotProposed(board, change);
        delete readyAt[board][change];
        emit Withdrawn(board, change);
    }

    // ---- Anyone, when the time has come ----

    /// Puts a proposed policy in force; proofs made under the one before no longer verify. Its moves are bounded against
    /// the policy that is in force now.
    function enact(uint256 board, Policy calldata policy) external {
        Board storage stored = _board(board);
        _due(board, keccak256(abi.encode(policy)));
        _checkMoves(stored, _policies[board], policy);
        _setPolicy(board, stored, policy);
    }

    /// Puts proposed keys in force: the next epoch is made under them. The epoch that stands keeps the key it was made
    /// under, so that proofs in flight still land, until it is superseded, the policy changes, or the key's sunset.
    function rotate(uint256 board, VerifierRouter router) external {
        Board storage stored = _board(board);
        _due(board, _keysHash(router));
        IAccountVerifier verifier = router.verifierOf(stored.instruments);
        _setKey(stored, router, verifier);
        stored.head.keyId += 1;
        stored.head.sunset = uint40(block.timestamp + KEY_SUNSET);
        stored.policyPoint =
            verifier.accumulate(Statement.FIRST_POLICY_SIGNAL, _policySignals(_policies[board]), G1(0, 0));
        emit KeyRotated(board, stored.head.keyId, address(verifier), stored.head.sunset);
    }

    // ---- Guardian ----

    /// Puts a policy in force at once under which no quantity counts for more, no level is lower, and values are fresh for
    /// no longer; slices may be capped lower, and nothing else may change. Once in a timelock, and bounded as any change.
    function tighten(uint256 board, Policy calldata policy) external onlyGuardian {
        Board storage stored = _board(board);
        uint256 until = stored.tightenedAt + timelock;
        if (stored.tightenedAt != 0 && block.timestamp < until) revert TightenedLately(until);
        Policy memory current = _policies[board];
        Head memory head = stored.head;
        Terms memory terms = policy.terms;
        bool tighter = policy.levels.initial >= head.initial && policy.levels.call >= head.call
            && policy.levels.liquidation >= head.liquidation && policy.levels.closeOut >= head.closeOut
            && policy.maxAge <= head.maxAge && policy.epochGrace <= head.epochGrace
            && terms.maxSlice <= current.terms.maxSlice && policy.boardTermsHash == current.boardTermsHash
            && policy.debtRateBps >= current.debtRateBps
            && keccak256(abi.encode(policy.scanLots)) == keccak256(abi.encode(current.scanLots));
        terms.maxSlice = current.terms.maxSlice;
        if (!tighter || keccak256(abi.encode(terms)) != keccak256(abi.encode(current.terms))) revert TermsNotTighter();
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            for (uint256 point = 0; point < 2 * Statement.TIERS; point++) {
                (uint256 lots, uint256 before, uint256 next) = _valuesAt(current, policy, asset, point);
                if (next > before) revert NotTighter(asset, lots, before, next);
                _checkMove(asset, lots, before, next);
            }
        }
        _checkLevelMoves(head, policy.levels);
        _checkDebtMove(current, policy);
        stored.tightenedAt = uint64(block.timestamp);
        _setPolicy(board, stored, policy);
    }

    // ---- Views ----

    /// Reverts where there is no such board.
    function headOf(uint256 board) external view returns (Head memory head) {
        head = _boards[board].head;
        if (head.policyId == 0) revert IMarket.BoardUnknown(board);
    }

    function boardOf(uint256 board) external view returns (Board memory) {
        return _board(board);
    }

    function policyOf(uint256 board) external view returns (Policy memory) {
        _board(board);
        return _policies[board];
    }

    function termsOf(uint256 board) external view returns (Terms memory) {
        _board(board);
        return _policies[board].terms;
    }

    function boardTermsHashOf(uint256 board) external view returns (bytes32) {
        return _policies[board].boardTermsHash;
    }

    /// Reverts where the board's router has no verifier of settlements for its size.
    function settlementVerifierOf(uint256 board) external view returns (ISettlementVerifier) {
        Board storage stored = _board(board);
        return stored.router.settlementVerifierOf(stored.instruments);
    }

    /// Point of the market in which prices, haircuts and columns are zero and charges are as large as they can be, under a
    /// verifier that a board has or has had.
    function exitPointOf(IAccountVerifier verifier) external view returns (G1 memory) {
        return _exitPoints[verifier];
    }

    // ---- Internal ----

    function _board(uint256 board) private view returns (Board storage stored) {
        stored = _boards[board];
        if (stored.instruments == 0) revert IMarket.BoardUnknown(board);
    }

    function _keysHash(VerifierRouter router) private pure returns (bytes32) {
        return keccak256(abi.encode(router));
    }

    function _propose(uint256 board, bytes32 change) private {
        uint256 ready = block.timestamp + timelock;
        readyAt[board][change] = ready;
        emit Proposed(board, change, ready);
    }

    /// Takes a proposal that is due.
    function _due(uint256 board, bytes32 change) private {
        uint256 ready = readyAt[board][change];
        if (ready == 0) revert NotProposed(board, change);
        if (block.timestamp < ready) revert TooEarly(ready, block.timestamp);
        if (block.timestamp > ready + PROPOSAL_LIFE) revert ProposalLapsed(ready, block.timestamp);
        delete readyAt[board][change];
    }

    function _setKey(Board storage stored, VerifierRouter router, IAccountVerifier verifier) private {
        stored.router = router;
        stored.verifier = verifier;
        G1 memory point = _exitPoints[verifier];
        if (point.x != 0 || point.y != 0) return;
        // Haircuts of zero, nothing in the scan, no rate of debt.
        Policy memory none;
        point = verifier.accumulate(Statement.FIRST_POLICY_SIGNAL, _policySignals(none), point);
        uint256[] memory rows = new uint256[](Statement.BLOCK_INSTRUMENTS * Statement.ROW_VALUES);
        for (uint256 row = 0; row < Statement.BLOCK_INSTRUMENTS; row++) {
            uint256 end = (row + 1) * Statement.ROW_VALUES;
            rows[end - 2] = MAX_CHARGE;
            rows[end - 1] = MAX_CHARGE;
        }
        for (uint256 first = 0; first < stored.instruments; first += Statement.BLOCK_INSTRUMENTS) {
            point = verifier.accumulate(Statement.FIRST_ROW_SIGNAL + first * Statement.ROW_VALUES, rows, point);
        }
        _exitPoints[verifier] = point;
    }

    function _setPolicy(uint256 board, Board storage stored, Policy calldata policy) private {
        uint256[] memory signals = _policySignals(policy);
        _checkTerms(policy);
        uint256 listed = 0;
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            if (_cap(policy, asset) != 0) listed |= 1 << asset;
        }
        Levels calldata levels = policy.levels;
        Head memory head = stored.head;
        head.policyId += 1;
        head.initial = uint24(levels.initial);
        head.call = uint24(levels.call);
        head.liquidation = uint24(levels.liquidation);
        head.closeOut = uint24(levels.closeOut);
        head.maxAge = policy.maxAge;
        head.epochGrace = policy.epochGrace;
        stored.head = head;
        stored.listed = uint16(listed);
        stored.policyPoint = stored.verifier.accumulate(Statement.FIRST_POLICY_SIGNAL, signals, G1(0, 0));
        _policies[board] = policy;
        emit PolicySet(board, head.policyId, policy);
    }

    function _checkTerms(Policy calldata policy) private pure {
        Levels calldata levels = policy.levels;
        if (
            levels.initial >= 1 << Statement.LEVEL_BITS || levels.initial < levels.call
                || levels.call < levels.liquidation || levels.liquidation < levels.closeOut || levels.closeOut == 0
        ) revert LevelsNotDescending(levels);
        if (policy.maxAge == 0 || policy.maxAge > MAX_AGE_LIMIT || policy.epochGrace > policy.maxAge) {
            revert AgeRefused(policy.maxAge, policy.epochGrace, MAX_AGE_LIMIT);
        }
        if (policy.debtRateBps > BPS) revert DebtRateRefused(policy.debtRateBps);
        Terms calldata terms = policy.terms;
        if (
            terms.curePeriod == 0 || terms.curePeriod > PERIOD_LIMIT || terms.attestInterval == 0
                || terms.attestInterval > PERIOD_LIMIT || terms.stopLimit > PERIOD_LIMIT || terms.auctionDuration == 0
                || terms.auctionDuration > PERIOD_LIMIT || terms.premiumBps > BPS || terms.discountBps > BPS
                || terms.levyBps > LEVY_LIMIT || terms.dust > terms.maxSlice
        ) revert TermsRefused(terms);
    }

    /// Values of an asset under two policies are concave and piecewise linear, so where they are close, or in order, at
    /// every boundary of both, they are so at every quantity.
    function _checkMoves(Board storage stored, Policy memory current, Policy calldata next) private view {
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            (uint256 was, uint256 becomes) = (current.scanLots[asset], next.scanLots[asset]);
            if (was != becomes && was != 0 && becomes != 0) revert ScanLotsMoved(asset, was, becomes);
            // Listing and delisting.
            if (_cap(current, asset) == 0 || _cap(next, asset) == 0) continue;
            for (uint256 point = 0; point < 2 * Statement.TIERS; point++) {
                (uint256 lots, uint256 valueBefore, uint256 valueAfter) = _valuesAt(current, next, asset, point);
                _checkMove(asset, lots, valueBefore, valueAfter);
            }
        }
        _checkLevelMoves(stored.head, next.levels);
        _checkDebtMove(current, next);
    }

    function _checkMove(uint256 asset, uint256 lots, uint256 valueBefore, uint256 valueAfter) private view {
        if (_moved(valueBefore, valueAfter)) revert ValueMoved(asset, lots, valueBefore, valueAfter);
    }

    function _checkLevelMoves(Head memory head, Levels calldata levels) private view {
        if (_moved(head.initial, levels.initial)) revert LevelMoved(head.initial, levels.initial);
        if (_moved(head.call, levels.call)) revert LevelMoved(head.call, levels.call);
        if (_moved(head.liquidation, levels.liquidation)) revert LevelMoved(head.liquidation, levels.liquidation);
        if (_moved(head.closeOut, levels.closeOut)) revert LevelMoved(head.closeOut, levels.closeOut);
    }

    /// A rate is a part of the debt already, so its move is not relative to it.
    function _checkDebtMove(Policy memory current, Policy calldata next) private view {
        (uint256 before, uint256 rate) = (current.debtRateBps, next.debtRateBps);
        if (rate > before + maxMoveBps || before > rate + maxMoveBps) revert DebtRateMoved(before, rate);
    }

    function _moved(uint256 valueBefore, uint256 valueAfter) private view returns (bool) {
        uint256 move = valueAfter > valueBefore ? valueAfter - valueBefore : valueBefore - valueAfter;
        return move * BPS > valueBefore * maxMoveBps;
    }

    /// Boundary `point` of the two policies' eight, and what that quantity counts under each.
    function _valuesAt(Policy memory current, Policy calldata next, uint256 asset, uint256 point)
        private
        pure
        returns (uint256 lots, uint256 valueBefore, uint256 valueAfter)
    {
        lots = point < Statement.TIERS
            ? current.boundaryLots[asset][point]
            : next.boundaryLots[asset][point - Statement.TIERS];
        valueBefore = _value(current.boundaryLots[asset], current.weightBps[asset], lots);
        valueAfter = _value(next.boundaryLots[asset], next.weightBps[asset], lots);
    }

    /// What the largest quantity counts.
    function _cap(Policy memory policy, uint256 asset) private pure returns (uint256) {
        return _value(policy.boundaryLots[asset], policy.weightBps[asset], type(uint64).max);
    }

    /// Weighted quantity, in lots times basis points.
    function _value(uint64[4] memory boundaryLots, uint16[4] memory weightBps, uint256 lots)
        private
        pure
        returns (uint256 value)
    {
        uint256 lower = 0;
        for (uint256 tier = 0; tier < Statement.TIERS; tier++) {
            uint256 upper = boundaryLots[tier] < lots ? boundaryLots[tier] : lots;
            value += (upper - lower) * weightBps[tier];
            lower = upper;
        }
    }

    /// Boundaries, weights, intercepts and scanned lot of every asset, and the rate of debt. On piece t of an asset's value, its weighted quantity is
    /// intercept_t + weight_t · quantity; intercept_t = intercept_{t−1} + (weight_{t−1} − weight_t) · boundary_{t−1}.
    function _policySignals(Policy memory policy) private pure returns (uint256[] memory values) {
        uint256 tiers = Statement.TIERS;
        values = new uint256[](Statement.ASSETS * Statement.POLICY_VALUES + 1);
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            uint256 at = asset * Statement.POLICY_VALUES;
            uint256 intercept = 0;
            uint256 boundary = 0;
            uint256 weight = BPS;
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
            intercept += weight * boundary;
            values[at + 3 * tiers - 1] = intercept;
            uint256 scanned = policy.scanLots[asset];
            // The last intercept is the most that counts. An account of 2^31 scan lots has no proof: nobody could liquidate it.
            if (scanned != 0 && intercept >= (BPS * scanned) << 31) revert ScanLotsRefused(asset, scanned);
            // No quantity holds 2^64 lots: the asset is scanned zero times.
            values[at + 3 * tiers] = scanned == 0 ? 1 << 64 : scanned;
        }
        values[Statement.ASSETS * Statement.POLICY_VALUES] = policy.debtRateBps;
    }
}

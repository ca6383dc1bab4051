// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Levels, Terms} from "../interfaces/IMarket.sol";
import {BoardTerms} from "../libraries/BoardTerms.sol";
import {PackedValues} from "../libraries/PackedValues.sol";
import {Statement} from "../libraries/Statement.sol";

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
    /// Margin of what an account owes beyond what its positions are worth, at most 10000; and while the gate's till is
    /// short, at least as much.
    uint16 debtRateBps;
    uint16 shortDebtRateBps;
    Levels levels;
    /// Seconds for which values are fresh.
    uint32 maxAge;
    /// Seconds after a new epoch in which proofs made under the one before are still taken; at most maxAge.
    uint32 epochGrace;
    Terms terms;
    /// Data page of abi.encode(BoardTerms), which board values must obey; zero for none.
    address boardTerms;
}

/// What a policy may say, what one change of it may do, the circuit's values of it, and what it says of board values. Of a
/// registry; holds nothing.
contract PolicyRules {
    uint256 private constant BPS = 10_000;
    uint32 public constant MAX_AGE_LIMIT = 7 days;
    uint32 public constant PERIOD_LIMIT = 90 days;
    uint16 public constant LEVY_LIMIT = 100;

    uint256 public immutable maxMoveBps;

    error MoveLimitRefused(uint256 maxMoveBps);
    error BoundaryNotAscending(uint256 asset, uint256 tier);
    error WeightNotDescending(uint256 asset, uint256 tier);
    error LevelsNotDescending(Levels levels);
    error AgeRefused(uint256 maxAge, uint256 epochGrace, uint256 limit);
    error TermsRefused(Terms terms);
    error DebtRateRefused(uint256 rateBps, uint256 shortRateBps);
    /// All that counts of the asset would be 2^31 scan lots or more.
    error ScanLotsRefused(uint256 asset, uint256 lots);
    /// A quantity of the asset would count for more, or all of them for nothing.
    error NotTighter(uint256 asset, uint256 lots, uint256 valueBefore, uint256 valueAfter);
    /// A level would fall, an age, the grace or the slice cap would grow, or something else would change.
    error TermsNotTighter();
    /// A quantity of the asset would count for more, or less, than a single change may make it count. In lots · bps.
    error ValueMoved(uint256 asset, uint256 lots, uint256 valueBefore, uint256 valueAfter);
    error LevelMoved(uint256 levelBefore, uint256 levelAfter);
    error DebtRateMoved(uint256 rateBefore, uint256 rateAfter);
    /// The lots in one scanned lot may begin or end at zero: a board's row and its policy cannot change them together.
    error ScanLotsMoved(uint256 asset, uint256 lotsBefore, uint256 lotsAfter);

    /// @param maxMoveBps_ below 10000
    constructor(uint256 maxMoveBps_) {
        if (maxMoveBps_ == 0 || maxMoveBps_ >= BPS) revert MoveLimitRefused(maxMoveBps_);
        maxMoveBps = maxMoveBps_;
    }

    /// Refuses what no policy of a board may say.
    /// @return valuesHash Keccak-256 of the group `policy`
    /// @return listed bit a: asset a is listed
    /// @return linear bit a: a linear row of the board terms is worth a quantity of asset a
    function admit(Policy memory policy, uint256 instruments)
        external
        view
        returns (bytes32 valuesHash, uint256 listed, uint256 linear)
    {
        _check(policy);
        if (policy.boardTerms != address(0)) linear = BoardTerms.check(policy.boardTerms, instruments);
        valuesHash = keccak256(abi.encodePacked(signalsOf(policy)));
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            if (_capOf(policy, asset) != 0) listed |= 1 << asset;
        }
    }

    /// Refuses board values that break a policy's board terms.
    /// @param boardTerms zero for none
    /// @param values that `PackedValues.evaluate` took
    /// @param prices those that count, 16 decimals; zero where an asset has none
    /// @return open by block, bit i: row i of the block is open
    /// @return unpriced whether an open linear row's asset has no price, so that nothing holds its mark
    function holdRows(address boardTerms, bytes calldata values, uint256 instruments, uint64[15] calldata prices)
        external
        view
        returns (uint256[] memory open, bool unpriced)
    {
        int256[] memory marks;
        (open, marks) = PackedValues.scan(values, instruments);
        if (boardTerms != address(0)) {
            unpriced = BoardTerms.hold(boardTerms, values, instruments, prices, open, marks);
        }
    }

    /// Refuses marks of a settlement that are too far from the prices that counted last.
    /// @param boardTerms a policy's, not zero
    /// @param expired by block, bit i: row i of the block expires
    /// @param prices 16 decimals; `limits`: how far each may be left, in basis points, the terms' band on top
    function holdMarks(
        address boardTerms,
        uint256[] calldata expired,
        int256[] calldata marks,
        uint64[15] calldata prices,
        uint16[15] calldata limits
    ) external view {
        BoardTerms.holdMarks(boardTerms, expired, marks, prices, limits);
    }

    /// Refuses a change that moves anything by more than `maxMoveBps`.
    function checkMoves(Policy memory current, Policy memory next) external view {
        _checkMoves(current, next);
    }

    /// Refuses a change by which anything counts for more or is due later, or that touches what a guardian may not.
    function checkTighter(Policy memory current, Policy memory next) external view {
        _checkTighter(current, next);
        _checkMoves(current, next);
    }

    function _check(Policy memory policy) private pure {
        Levels memory levels = policy.levels;
        Terms memory terms = policy.terms;
        if (
            levels.initial >= 1 << Statement.LEVEL_BITS || levels.initial < levels.call
                || levels.call < levels.liquidation || levels.liquidation < levels.closeOut || levels.closeOut == 0
        ) revert LevelsNotDescending(levels);
        if (policy.maxAge == 0 || policy.maxAge > MAX_AGE_LIMIT || policy.epochGrace > policy.maxAge) {
            revert AgeRefused(policy.maxAge, policy.epochGrace, MAX_AGE_LIMIT);
        }
        if (policy.shortDebtRateBps > BPS || policy.debtRateBps > policy.shortDebtRateBps) {
            revert DebtRateRefused(policy.debtRateBps, policy.shortDebtRateBps);
        }
        if (
            terms.curePeriod == 0 || terms.curePeriod > PERIOD_LIMIT || terms.attestInterval == 0
                || terms.attestInterval > PERIOD_LIMIT || terms.stopLimit > PERIOD_LIMIT || terms.auctionDuration == 0
                || terms.auctionDuration > PERIOD_LIMIT || terms.holdPeriod > PERIOD_LIMIT
                || terms.voidDelay > PERIOD_LIMIT || terms.premiumBps > BPS || terms.discountBps == 0
                || terms.discountBps > BPS || terms.discountBps > levels.closeOut || terms.toleranceBps > BPS
                || terms.levyBps > LEVY_LIMIT || terms.dust > terms.maxSlice
        ) revert TermsRefused(terms);
    }

    function _checkTighter(Policy memory current, Policy memory policy) private pure {
        (Levels memory was, Levels memory levels) = (current.levels, policy.levels);
        bool tighter = levels.initial >= was.initial && levels.call >= was.call && levels.liquidation >= was.liquidation
            && levels.closeOut >= was.closeOut && policy.maxAge == current.maxAge
            && policy.epochGrace <= current.epochGrace && policy.boardTerms == current.boardTerms && policy.debtRateBps == current.debtRateBps
            && policy.shortDebtRateBps == current.shortDebtRateBps
            && keccak256(abi.encode(policy.scanLots)) == keccak256(abi.encode(current.scanLots));
        // A shorter age or a smaller slice would stop proofs or liquidation: those are the queue's.
        if (!tighter || keccak256(abi.encode(policy.terms)) != keccak256(abi.encode(current.terms))) revert TermsNotTighter();
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            for (uint256 point = 0; point < 2 * Statement.TIERS; point++) {
                (uint256 lots, uint256 before, uint256 next) = _valuesAt(current, policy, asset, point);
                if (next > before) revert NotTighter(asset, lots, before, next);
            }
            // Delisting is the queue's.
            (uint256 cap, uint256 nextCap) = (_capOf(current, asset), _capOf(policy, asset));
            if (cap != 0 && nextCap == 0) revert NotTighter(asset, type(uint64).max, cap, nextCap);
        }
    }

    /// Boundary `point` of the two policies' eight, and what that quantity counts under each.
    function _valuesAt(Policy memory current, Policy memory next, uint256 asset, uint256 point)
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
    function _capOf(Policy memory policy, uint256 asset) private pure returns (uint256) {
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

    /// The group `policy`: boundaries, weights, intercepts and scanned lot of every asset. On piece t of an asset's value, its weighted quantity is
    /// intercept_t + weight_t · quantity; intercept_t = intercept_{t−1} + (weight_{t−1} − weight_t) · boundary_{t−1}.
    function signalsOf(Policy memory policy) public pure returns (uint256[] memory values) {
        uint256 tiers = Statement.TIERS;
        values = new uint256[](Statement.POLICY_SIGNALS);
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
            values[at + 3 * tiers] = scanned == 0 ? Statement.NOT_SCANNED : scanned;
        }
    }

    /// Values of an asset under two policies are concave and piecewise linear, so where they are close, or in order, at
    /// every boundary of both, they are so at every quantity.
    function _checkMoves(Policy memory current, Policy memory next) private view {
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            (uint256 was, uint256 becomes) = (current.scanLots[asset], next.scanLots[asset]);
            if (was != becomes && was != 0 && becomes != 0) revert ScanLotsMoved(asset, was, becomes);
            // Listing and delisting.
            if (_capOf(current, asset) == 0 || _capOf(next, asset) == 0) continue;
            for (uint256 point = 0; point < 2 * Statement.TIERS; point++) {
                (uint256 lots, uint256 valueBefore, uint256 valueAfter) = _valuesAt(current, next, asset, point);
                if (_moved(valueBefore, valueAfter)) revert ValueMoved(asset, lots, valueBefore, valueAfter);
            }
        }
        (Levels memory levelsBefore, Levels memory levels) = (current.levels, next.levels);
        // While an epoch of the policy before stands, its levels meet these terms.
        if (next.terms.discountBps > levelsBefore.closeOut) revert TermsRefused(next.terms);
        _checkLevelMove(levelsBefore.initial, levels.initial);
        _checkLevelMove(levelsBefore.call, levels.call);
        _checkLevelMove(levelsBefore.liquidation, levels.liquidation);
        _checkLevelMove(levelsBefore.closeOut, levels.closeOut);
        _checkRateMove(current.debtRateBps, next.debtRateBps);
        _checkRateMove(current.shortDebtRateBps, next.shortDebtRateBps);
    }

    function _checkLevelMove(uint256 before, uint256 level) private view {
        if (_moved(before, level)) revert LevelMoved(before, level);
    }

    /// A rate is a part of the debt already, so its move is not relative to it.
    function _checkRateMove(uint256 before, uint256 rate) private view {
        if (rate > before + maxMoveBps || before > rate + maxMoveBps) revert DebtRateMoved(before, rate);
    }

    function _moved(uint256 valueBefore, uint256 valueAfter) private view returns (bool) {
        uint256 move = valueAfter > valueBefore ? valueAfter - valueBefore : valueBefore - valueAfter;
        return move * BPS > valueBefore * maxMoveBps;
    }
}

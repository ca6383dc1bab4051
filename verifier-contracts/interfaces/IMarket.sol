// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";
import {IAccountVerifier} from "./IAccountVerifier.sol";
import {ISettlementVerifier} from "./ISettlementVerifier.sol";

// Level at which a proof under the exit market says "no positions and no debt". Level 0 would not: it asks for
// equity alone, and multiplies margin by zero. At this level one lot, charged 2^60 − 1, needs more than the largest
// cash there is, and nothing but cash counts.
uint32 constant EXIT_LEVEL = (1 << 20) - 1;

/// Levels of coverage that a policy acts on, in basis points, descending.
struct Levels {
    /// Withdrawals and new risk need at least this.
    uint32 initial;
    /// Below this the account is called.
    uint32 call;
    /// Below this slices of the account are liquidated.
    uint32 liquidation;
    /// Below this the whole account is closed out.
    uint32 closeOut;
}

/// What a policy says of calls, auctions and losses. Amounts in 1e-6 quote.
struct Terms {
    /// Seconds of the board's clock between a call and liquidation.
    uint32 curePeriod;
    /// Seconds of the board's clock between two attestations.
    uint32 attestInterval;
    /// Seconds for which one stop holds the clock at most.
    uint32 stopLimit;
    /// Seconds from an auction's first price to its last.
    uint32 auctionDuration;
    /// Where an auction starts, above the lot's value, and where it ends, below it; of the lot's size.
    uint16 premiumBps;
    uint16 discountBps;
    /// Part of each withdrawal that repays the fund's deficit.
    uint16 levyBps;
    /// Largest and smallest size of a slice, in margin.
    uint64 maxSlice;
    uint64 dust;
    /// To whoever proved, if the fund has it.
    uint64 reward;
}

/// What a proof about an account on a board is verified with.
struct Market {
    IAccountVerifier verifier;
    /// Grows with every change of the board's policy.
    uint64 policyId;
    uint64 epoch;
    /// Unix seconds as of which the values of the epoch hold.
    uint64 time;
    Levels levels;
    /// Fresh, not halted, not frozen, not paused: withdrawals and trades.
    bool usable;
    /// Usable, and every asset that the policy lists is valued: evidence against accounts too.
    bool complete;
    /// Sum over all market values of value times IC, computed on chain.
    G1 point;
}

/// Source of market values for a gate. Which of its implementations a gate trusts is fixed at the gate's deployment.
///
/// Safety rests on the implementation computing every point itself, from values of one policy and one epoch that are
/// within the ranges of the circuit, through the same verifier that it returns.
interface IMarket {
    error BoardUnknown(uint256 board);
    /// No epoch of the board is complete yet.
    error EpochMissing(uint256 board);
    /// The proof's epoch is neither the latest nor, within the policy's grace, the one before.
    error EpochSuperseded(uint64 current, uint64 given);
    error EpochStale(uint256 board, uint64 epoch, uint64 time, uint32 maxAge);
    /// A price moved further than it may in one epoch, or is too far from its reference feed.
    error EpochHalted(uint256 board, uint64 epoch);
    /// The epoch's board values were shown to break the policy, or a settlement has taken instruments off the board.
    error EpochFrozen(uint256 board, uint64 epoch);
    error BoardPaused(uint256 board, uint64 until);
    /// The chain's sequencer is down, or was until less than the grace ago.
    error SequencerDown(uint64 since);
    /// The latest epoch was made for a key that has been replaced and may no longer be used.
    error KeyRetired(uint256 board, uint64 epoch);
    error SettlementUnknown(uint256 board, uint64 settlement);

    /// Instruments on the board: 60, 240 or 480; never changes. Reverts where there is no such board.
    function instrumentsOf(uint256 board) external view returns (uint256);

    /// The latest complete epoch, in any condition (`usable` and `complete` tell). For calls whose outcome does not
    /// depend on values, or that may only help the account. Reverts before the first.
    function latest(uint256 board) external view returns (Market memory);

    /// The latest epoch where it is the one given, or the one before it within the policy's grace; reverts with
    /// EpochSuperseded otherwise. In any condition; of the epoch before, `usable` and `complete` hold only where they hold
    /// of the latest too.
    function at(uint256 board, uint64 epoch) external view returns (Market memory);

    /// The latest complete epoch; reverts with the reason where it is not usable. It may be incomplete.
    function fresh(uint256 board) external view returns (Market memory);

    /// The constant market in which nothing but cash has value and one lot of any instrument asks for more than any
    /// account can have: coverage of at least EXIT_LEVEL under it is an account without positions and without debt.
    /// Needs no oracle.
    function exitMarket(uint256 board) external view returns (IAccountVerifier verifier, G1 memory point);

    /// Seconds for which the board's attestation clock has run, from an arbitrary start; never falls. It runs while a
    /// fresh, complete epoch stands and the board is not paused, and where one stop has lasted for `Terms.stopLimit`.
    function clock(uint256 board) external view returns (uint256);

    function termsOf(uint256 board) external view returns (Terms memory);

    /// How whoever governs the policies is held back, and what else is governed may be alike: `guardian` withdraws
    /// proposals, which take effect `timelock` seconds after they were made and lapse `life` seconds later.
    function governance() external view returns (address guardian, uint256 timelock, uint256 life);

    /// How many settlements (expiries) of the board there have been; they are numbered from 1.
    function settlementsOf(uint256 board) external view returns (uint64);

    /// What a `Settlement` proof of that number is verified with.
    function settlementOf(uint256 board, uint64 settlement)
        external
        view
        returns (ISettlementVerifier verifier, G1 memory point);
}

/// What a market asks of the gate whose accounts trade on its boards.
interface ISettled {
    /// Whether every account of the board has passed the settlement of that number.
    function allSettled(uint256 board, uint64 settlement) external view returns (bool);
}

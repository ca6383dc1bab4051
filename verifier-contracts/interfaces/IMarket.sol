// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";
import {IAccountVerifier} from "./IAccountVerifier.sol";
import {ILotVerifier} from "./ILotVerifier.sol";
import {IRoundVerifier} from "./IRoundVerifier.sol";
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
    /// Below this the whole account is closed out; at least `Terms.discountBps`.
    uint32 closeOut;
}

/// What a policy says of calls, holds, auctions and losses. Periods in seconds, those marked (clock) of the board's
/// clock; amounts in 1e-6 quote.
struct Terms {
    /// Between a call and liquidation (clock); also how long a tightened policy does not count as evidence (clock).
    uint32 curePeriod;
    /// Between two attestations (clock).
    uint32 attestInterval;
    /// One stop holds the clock for so long at most.
    uint32 stopLimit;
    /// From an auction's first price to its last (clock).
    uint32 auctionDuration;
    /// How long a hold lasts, and how long there is no other one after it (clock).
    uint32 holdPeriod;
    /// From an auction's end, the backstop's turn included, until anybody may void the lot (clock).
    uint32 voidDelay;
    /// Where an auction starts, above the lot's value, and where it ends, below it; of the lot's size. The discount is
    /// neither zero nor above 10000.
    uint16 premiumBps;
    uint16 discountBps;
    /// Part of each withdrawal that repays the fund's deficit.
    uint16 levyBps;
    /// By how much a lot's market value may be above its size; of the size, at most 10000.
    uint16 toleranceBps;
    /// Largest and smallest size of a slice, in margin.
    uint64 maxSlice;
    uint64 dust;
    /// To whoever proved, if the fund has it.
    uint64 reward;
    /// The till is short while the cash in custody is below this: the rate of debt then goes, hour by hour, to the policy's short
    /// one.
    uint64 tillFloor;
}

/// What a proof about an account on a board is verified with.
struct Market {
    IAccountVerifier verifier;
    /// The policy of `levels` and `point`: the one that the epoch was opened under or, as evidence, the one before.
    uint64 policyId;
    uint64 epoch;
    /// Unix seconds as of which the values of the epoch hold.
    uint64 time;
    Levels levels;
    /// Point of policy and market: Σ over all their values of value times IC.
    G1 point;
}

/// Source of market values for a gate. Which of its implementations a gate trusts is fixed at the gate's deployment.
///
/// An epoch keeps the policy that was in force when it was opened, and its key. Three views say what it serves for:
///  - `outflow` for money that leaves and for new risk;
///  - `attesting` for proofs that may only help the account;
///  - `evidence` for proofs against an account.
///
/// Safety rests on the implementation returning only points that a link under the same verifier has shown to be those of
/// values of one policy and one epoch, within the ranges of the circuit.
interface IMarket {
    error BoardUnknown(uint256 board);
    /// The board has had no epoch.
    error EpochMissing(uint256 board);
    /// The proof's epoch neither stands, nor is the one before within the policy's grace.
    error EpochSuperseded(uint64 current, uint64 given);
    error EpochStale(uint256 board, uint64 epoch, uint64 time, uint32 maxAge);
    /// A price moved further than it may in an hour, or is too far from its reference feed.
    error EpochHalted(uint256 board, uint64 epoch);
    /// A settlement has taken instruments off the board since.
    error EpochFrozen(uint256 board, uint64 epoch);
    /// An asset that the policy lists has no price: no evidence against accounts.
    error EpochIncomplete(uint256 board, uint64 epoch);
    /// The standing epoch was opened under a policy that is no longer in force: no money leaves under it.
    error EpochOfFormerPolicy(uint256 board, uint64 epoch, uint32 policyId, uint32 current);
    error BoardPaused(uint256 board, uint64 until);
    /// The chain's sequencer is down, or was until less than the grace ago. Since when it is down, or up again.
    error SequencerDown(uint64 since);
    error SettlementUnknown(uint256 board, uint64 settlement);
    /// The board's keys have no circuit of this family (`Family`).
    error FamilyMissing(uint256 board, uint256 family);
    /// Nobody has linked the standing epoch's values for this family yet: anybody can.
    error FamilyNotLinked(uint256 board, uint64 epoch, uint256 family);

    /// Instruments on the board: 60, 240 or 480; never changes. Reverts where there is no such board.
    function instrumentsOf(uint256 board) external view returns (uint256);

    /// The gate whose accounts trade on the board; zero until bound, then for good.
    function gateOf(uint256 board) external view returns (address);

    /// The only owner of what can be changed: calls wait there. Its `guardian()` may tighten at once (`IQueue`).
    function queue() external view returns (address);

    /// Number of the standing epoch, in any condition; zero before the first. Never reverts.
    function epochOf(uint256 board) external view returns (uint64);

    /// Whether the board's keys in force include circuits of a family (`Family`).
    function serves(uint256 board, uint256 family) external view returns (bool);

    /// The standing epoch, opened under the policy in force. Reverts with the reason where it is not usable.
    function outflow(uint256 board) external view returns (Market memory);

    /// The epoch of that number where it stands, or is the one before within its policy's grace; under the evidence policy.
    /// Reverts with the reason where it, or the standing epoch, is not usable.
    function attesting(uint256 board, uint64 epoch) external view returns (Market memory);

    /// The standing epoch, usable and complete, under the evidence policy: the one that the epoch was opened under, but
    /// until a cure period of the board's clock after the first epoch that the guardian's tightening was in force for, the one
    /// before. Reverts with the reason.
    function evidence(uint256 board) external view returns (Market memory);

    /// What a proof of a lot is verified with, under the conditions of `evidence`. Reverts with FamilyMissing or
    /// FamilyNotLinked too.
    function lots(uint256 board) external view returns (ILotVerifier verifier, G1 memory point);

    /// What a proof of a round of so many members is verified with: the market of `outflow`, with the point of this verifier.
    /// Reverts as `outflow` and `lots`.
    function rounds(uint256 board, uint256 members)
        external
        view
        returns (IRoundVerifier verifier, Market memory market);

    /// The constant market in which nothing but cash has value and one lot of any instrument asks for more than any
    /// account can have: coverage of at least EXIT_LEVEL under it is an account without positions and without debt.
    /// Needs no oracle.
    function exitMarket(uint256 board) external view returns (IAccountVerifier verifier, G1 memory point);

    /// Seconds for which the board's attestation clock has run, from an arbitrary start. It runs exactly while attesting is
    /// possible (a usable and complete epoch stands), and where one stop has lasted for `Terms.stopLimit`. It never falls below
    /// what `wind` has returned, nor where nothing is taken back of what the sequencer's feed said.
    function clock(uint256 board) external view returns (uint256);

    /// The clock, for calls that act on it. Anyone may call: it changes nothing, but that the clock never falls below this again.
    function wind(uint256 board) external returns (uint256);

    /// Of the policy in force.
    function termsOf(uint256 board) external view returns (Terms memory);

    /// How many settlements (expiries) of the board there have been; they are numbered from 1.
    function settlementsOf(uint256 board) external view returns (uint64);

    /// What a `Settlement` proof of that number is verified with.
    function settlementOf(uint256 board, uint64 settlement)
        external
        view
        returns (ISettlementVerifier verifier, G1 memory point);
}

/// What a market asks of the gate of a board.
interface IBoardGate {
    /// Whether every account of the board has passed the settlement of that number.
    function allSettled(uint256 board, uint64 settlement) external view returns (bool);

    /// Seconds for which the cash in custody has been below `Terms.tillFloor` of the gate's board, modulo 2^24; counted since the
    /// first call, by the floor of the call before. Anyone may call: it makes the floor that counts from now on the policy's.
    function tillShortFor() external returns (uint24);
}

/// Where power waits: see `Queue`.
interface IQueue {
    error NotQueue(address sender);
    error NotGuardian(address sender);

    /// Withdraws what waits, tightens policies, pauses boards.
    function guardian() external view returns (address);

    /// Whether the deployer's time to set things up at once is over, for good. No account opens before.
    function closed() external view returns (bool);

    /// Seconds that every call waits.
    function getMinDelay() external view returns (uint256);

    /// Seconds after which a call that is ready lapses.
    function LIFE() external view returns (uint256);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1} from "../libraries/Bn254.sol";
import {IAccountVerifier} from "./IAccountVerifier.sol";

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

/// What a proof about an account on a board is verified with.
struct Market {
    IAccountVerifier verifier;
    /// Grows with every change of the board's policy.
    uint64 policyId;
    uint64 epoch;
    /// Unix seconds as of which the values of the epoch hold.
    uint64 time;
    Levels levels;
    /// Sum over all market values of value times IC, computed on chain.
    G1 point;
}

/// Source of market values for a gate. Which of its implementations a gate trusts is fixed at the gate's deployment.
///
/// Safety rests on the implementation computing every point itself, from values of one policy and one epoch that are
/// within the ranges of the circuit, through the same verifier that it returns.
interface IMarket {
    /// Instruments on the board: 60, 240 or 480; never changes. Reverts where there is no such board.
    function instrumentsOf(uint256 board) external view returns (uint256);

    /// The latest complete epoch, of any age. For calls whose outcome does not depend on values. Reverts before the
    /// first.
    function latest(uint256 board) external view returns (Market memory);

    /// The same; reverts where values are too old, or not to be acted on for another reason.
    function fresh(uint256 board) external view returns (Market memory);
}

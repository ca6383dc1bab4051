// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDesk, IMarginGate} from "./IMarginGate.sol";

/// The desk for expiries: an account passes the board's next settlement, which turns expired positions into cash. Open to
/// anyone who can make the proof: the outcome is the same whoever does it.
interface IClearing is IDesk {
    /// Applies the board's next settlement to an account. Not while a lot of the account is on auction.
    /// @param step policyId, epoch and signature are not read
    function expire(IMarginGate.Step calldata step) external;

    /// The same for many accounts; those that revert for another reason than gas are skipped and named (`Skipped`).
    /// @param gasEach gas that one item may use, at least `MIN_ITEM_GAS`
    function expireBatch(IMarginGate.Step[] calldata steps, uint256 gasEach) external;
}

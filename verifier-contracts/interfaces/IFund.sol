// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDesk} from "./IMarginGate.sol";

/// The desk for the fund that pays what a sold lot lacked. Its cash is in the gate's custody (`IMarginGate.fund`); liquidation
/// moves it, this desk lets it in and out.
interface IFund is IDesk {
    event Donated(address indexed from, uint256 amount);
    event FundWithdrawn(address indexed to, uint256 amount);

    error NotQueue(address sender);

    /// Takes cash from the sender, who has approved the gate: first for what the fund owes, then for losses to come.
    function donate(uint256 amount) external;

    /// Pays cash out of a fund that has it, and therefore owes nothing. The queue only: what accounts may yet cost the fund is
    /// not known on chain, so it waits as everything that loosens does.
    function withdraw(address to, uint256 amount) external;

    /// What is kept back of cash that leaves, to repay what the fund owes D, of custody C: the policy's levy, or D/(C + D) where
    /// that is more, at most D, rounded up. So nobody gains by leaving first.
    /// @param amount units of the cash token
    function levyOf(uint256 amount) external view returns (uint256);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Desk} from "./Desk.sol";
import {IFund} from "../interfaces/IFund.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {Statement} from "../libraries/Statement.sol";

/// See `IFund`.
///
/// Why the levy is at least pro rata: with custody C and a debt of the fund D, members' claims on cash are worth C/(C + D) of
/// their amount. A levy below D/(C + D) would pay the first to leave more than that, and the last nothing. At D/(C + D) the
/// fraction stays the same for those who stay, and above it they gain: nobody has a reason to run.
contract Fund is Desk, IFund {
    uint256 private constant BPS = 10_000;

    constructor(IMarginGate gate_) Desk(gate_) {}

    /// @inheritdoc IFund
    function donate(uint256 amount) external {
        gate.receiveForFund(msg.sender, amount);
        emit Donated(msg.sender, amount);
    }

    /// @inheritdoc IFund
    function withdraw(address to, uint256 amount) external {
        if (msg.sender != market.queue()) revert NotQueue(msg.sender);
        if (to == address(0)) revert IMarginGate.AddressZero();
        gate.payFromFund(to, amount);
        emit FundWithdrawn(to, amount);
    }

    /// @inheritdoc IFund
    function levyOf(uint256 amount) external view returns (uint256) {
        int256 fund = gate.fund();
        if (fund >= 0) return 0;
        uint256 owed = uint256(-fund);
        uint256 byPolicy = Math.mulDiv(amount, market.termsOf(board).levyBps, BPS, Math.Rounding.Ceil);
        uint256 fair = Math.mulDiv(amount, owed, gate.custodyOf(Statement.CASH) + owed, Math.Rounding.Ceil);
        return Math.min(owed, Math.max(byPolicy, fair));
    }
}

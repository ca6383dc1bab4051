// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {Statement} from "../libraries/Statement.sol";
import {Tokens} from "../libraries/Tokens.sol";

/// Tokens of a gate: what is registered, whose credit is what, the insurance fund, and the two places where tokens move.
///
/// custody = credits + fund + private holdings − deficit, for cash; without fund and deficit for other assets. Every
/// change below keeps it so, given that the callers in `MarginGate` move private holdings by the same amount.
abstract contract Custody is IMarginGate {
    struct Asset {
        address token;
        /// Units of the token in one lot.
        uint96 lot;
    }

    /// Stands for the insurance fund where a credit's account is asked for: no account has this number.
    uint256 public constant FUND = 0;
    uint256 private constant MAX_LOTS = type(uint64).max;

    mapping(uint256 asset => Asset) public assets;
    mapping(uint256 account => mapping(uint256 asset => uint256)) public creditOf;
    mapping(uint256 asset => uint256) public custodyOf;
    /// @inheritdoc IMarginGate
    uint256 public deficit;

    function _register(uint256 asset, address token, uint256 lotDecimals) internal {
        if (asset > Statement.CASH) revert AssetUnknown(asset);
        if (assets[asset].token != address(0)) revert AssetTaken(asset, assets[asset].token);
        for (uint256 other = 0; other <= Statement.CASH; other++) {
            if (assets[other].token == token) revert TokenTaken(token);
        }
        uint96 lot = Tokens.lotOf(token, lotDecimals, asset == Statement.CASH);
        assets[asset] = Asset(token, lot);
        emit AssetRegistered(asset, token, lot);
    }

    /// The amount in lots: at least one, whole, at most MAX_LOTS.
    function _lots(uint256 asset, uint256 amount) internal view returns (uint256 lots) {
        uint256 lot = assets[asset].lot;
        if (lot == 0) revert AssetUnknown(asset);
        if (amount == 0) revert AmountZero();
        if (amount % lot != 0) revert AmountNotInLots(amount, lot);
        lots = amount / lot;
        if (lots > MAX_LOTS) revert AmountTooLarge(amount, lot);
    }

    /// Tokens in, from the sender.
    function _receive(uint256 asset, uint256 amount) internal {
        _lots(asset, amount);
        Tokens.pull(assets[asset].token, amount);
        custodyOf[asset] += amount;
    }

    /// Tokens out. The claim they satisfy has fallen already.
    function _pay(uint256 asset, address to, uint256 amount) internal {
        if (amount == 0) return;
        uint256 custody = custodyOf[asset];
        if (amount > custody) revert CustodyTooSmall(asset, custody, amount);
        custodyOf[asset] = custody - amount;
        Tokens.push(assets[asset].token, to, amount);
    }

    function _addCredit(uint256 account, uint256 asset, uint256 amount) internal {
        if (account == FUND) {
            if (asset != Statement.CASH) revert FundHoldsCash(asset);
            uint256 repaid = amount < deficit ? amount : deficit;
            deficit -= repaid;
            amount -= repaid;
        }
        creditOf[account][asset] += amount;
        if (account == FUND) emit FundChanged(creditOf[FUND][asset], deficit);
    }

    /// What the fund does not have is promised by it: the deficit grows. Only the liquidation module gets that far.
    function _takeCredit(uint256 account, uint256 asset, uint256 amount) internal {
        uint256 credit = creditOf[account][asset];
        if (account == FUND) {
            if (asset != Statement.CASH) revert FundHoldsCash(asset);
            if (amount > credit) (deficit, amount) = (deficit + amount - credit, credit);
        }
        if (amount > credit) revert CreditTooSmall(account, asset, credit, amount);
        creditOf[account][asset] = credit - amount;
        if (account == FUND) emit FundChanged(credit - amount, deficit);
    }
}

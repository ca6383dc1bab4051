// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// Moves exact amounts of tokens, or reverts: what a fee, a rebase or a lie takes away is never the caller's loss. Linked,
/// because the gate's own code is near the limit for a contract.
library Tokens {
    using SafeERC20 for IERC20;

    uint256 private constant CASH_DECIMALS = 6;
    uint256 private constant MAX_LOT_DECIMALS = 8;

    error LotRefused(address token, uint256 lotDecimals, uint256 tokenDecimals);
    /// The token moved another amount than it was asked to.
    error TransferInexact(address token, uint256 asked, uint256 moved);

    /// Units of the token in one lot of 10^-lotDecimals: at most 8 decimals, and 6 for cash.
    function lotOf(address token, uint256 lotDecimals, bool cash) external view returns (uint96) {
        uint256 decimals = IERC20Metadata(token).decimals();
        bool fits = cash ? lotDecimals == CASH_DECIMALS : lotDecimals <= MAX_LOT_DECIMALS;
        if (!fits || decimals < lotDecimals || decimals - lotDecimals > 28) {
            revert LotRefused(token, lotDecimals, decimals);
        }
        return uint96(10 ** (decimals - lotDecimals));
    }

    /// From the sender of the call to this contract.
    function pull(address token, uint256 amount) external {
        uint256 held = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _check(token, amount, IERC20(token).balanceOf(address(this)), held);
    }

    function push(address token, address to, uint256 amount) external {
        uint256 held = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransfer(to, amount);
        _check(token, amount, held, IERC20(token).balanceOf(address(this)));
    }

    function _check(address token, uint256 asked, uint256 more, uint256 less) private pure {
        if (more < less || more - less != asked) {
            revert TransferInexact(token, asked, more < less ? 0 : more - less);
        }
    }
}

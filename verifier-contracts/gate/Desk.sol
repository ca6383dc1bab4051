// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDesk, IMarginGate} from "../interfaces/IMarginGate.sol";
import {IMarket} from "../interfaces/IMarket.sol";

/// What desks have in common: their gate, and batches whose items fail alone.
abstract contract Desk is IDesk {
    /// @inheritdoc IDesk
    IMarginGate public immutable gate;
    IMarket public immutable market;
    uint256 public immutable board;

    constructor(IMarginGate gate_) {
        (gate, market, board) = (gate_, gate_.market(), gate_.board());
    }
}

/// Batches whose items are tried by themselves.
///
/// A batch calls the desk itself with its own arguments as they came, and after them the range of items meant: what reverts
/// there leaves the rest alone, and nothing is encoded anew. The sender chooses how much gas an item may use. An item that uses up
/// nearly all of it, or finds too little left, is no reason to skip it: then the whole batch reverts.
abstract contract Batches {
    /// Twice what the most expensive honest trade takes, with four contracts that check a signature each.
    uint256 public constant MIN_ITEM_GAS = 1_500_000;

    /// An item of a batch was not taken; `reason` is what it reverted with.
    event Skipped(uint256 indexed index, bytes reason);

    error NotSelf(address sender);
    /// The sender gave less gas than an item may use, or an item used it up: nothing is skipped for want of gas.
    error GasTooLow(uint256 given, uint256 needed);

    function _forSelf(bytes4 selector) internal pure returns (bytes memory) {
        return bytes.concat(selector, msg.data[4:], new bytes(64));
    }

    function _callSelf(bytes memory data, uint256 from, uint256 to, uint256 gasLimit)
        internal
        returns (bool ok, bytes memory answer)
    {
        assembly ("memory-safe") {
            let end := add(add(data, 32), mload(data))
            mstore(sub(end, 64), from)
            mstore(sub(end, 32), to)
        }
        return address(this).call{gas: gasLimit}(data);
    }

    /// The range of items, of a call that `_callSelf` makes.
    function _range() internal view returns (uint256 from, uint256 to) {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        (from, to) = abi.decode(msg.data[msg.data.length - 64:], (uint256, uint256));
    }

    function _tryEach(bytes memory data, uint256 count, uint256 gasEach) internal {
        if (gasEach < MIN_ITEM_GAS) revert GasTooLow(gasEach, MIN_ITEM_GAS);
        for (uint256 index = 0; index < count; index++) {
            uint256 needed = gasEach + gasEach / 63 + 20_000;
            uint256 given = gasleft();
            if (given < needed) revert GasTooLow(given, needed);
            (bool ok, bytes memory reason) = _callSelf(data, index, index + 1, gasEach);
            if (ok) continue;
            uint256 used = given - gasleft();
            if (used > gasEach / 8 * 7) revert GasTooLow(gasEach, used);
            emit Skipped(index, reason);
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An ordinary token of any decimals that anyone mints.
contract TestToken is ERC20 {
    uint8 private immutable _decimals;

    constructor(string memory symbol, uint8 decimals_) ERC20(symbol, symbol) {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// Takes a fee of 1% on transfers while it is on.
contract FeeToken is TestToken {
    bool public on = true;

    constructor() TestToken("FEE", 8) {}

    function set(bool on_) external {
        on = on_;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (!on || from == address(0)) return super._update(from, to, value);
        super._update(from, address(1), value / 100);
        super._update(from, to, value - value / 100);
    }
}

/// Calls somebody back in the middle of every transfer while a call is set, and passes a failure on.
contract ReentrantToken is TestToken {
    address public target;
    bytes public callback;

    constructor() TestToken("RE", 8) {}

    /// From now on every transfer mints one unit to somebody on the side.
    function slip(address to) external {
        set(address(this), abi.encodeCall(this.sneak, (to)));
    }

    function sneak(address to) external {
        target = address(0);
        _mint(to, 1);
        target = address(this);
    }

    function set(address target_, bytes memory callback_) public {
        (target, callback) = (target_, callback_);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0)) return;
        (bool ok, bytes memory data) = target.call(callback);
        if (!ok) {
            assembly {
                revert(add(data, 32), mload(data))
            }
        }
    }
}

/// Moves balances and returns nothing, as some old tokens do.
contract SilentToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function decimals() external pure returns (uint8) {
        return 8;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// Says that it moved the amount, and moves nothing.
contract LyingToken is TestToken {
    constructor() TestToken("LIE", 8) {}

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

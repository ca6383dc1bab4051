// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Link} from "../libraries/LinkVerifier.sol";

/// A wallet contract that owns accounts and signs as its keeper does.
contract Wallet is IERC1271 {
    address private immutable _keeper;

    constructor(address keeper) {
        _keeper = keeper;
    }

    /// Sends what its keeper wants sent.
    function send(address target, bytes calldata data) external {
        require(msg.sender == _keeper);
        (bool ok,) = target.call(data);
        require(ok);
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        return ECDSA.recoverCalldata(hash, signature) == _keeper ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// Has code, and answers every call with as many bytes of zero as it was told.
contract Answerer {
    uint256 private immutable _length;

    constructor(uint256 length) {
        _length = length;
    }

    fallback() external {
        uint256 length = _length;
        assembly {
            return(0, length)
        }
    }
}

/// Answers as a verifier of what it was told to be, and to which every link is true.
contract FalseVerifier {
    uint256 public immutable instruments;
    uint256 public immutable family;
    uint256 public immutable own;
    bytes32 public constant linkId = 0;

    constructor(uint256 instruments_, uint256 family_, uint256 own_) {
        (instruments, family, own) = (instruments_, family_, own_);
    }

    function checkLink(bytes32, uint256, Link calldata) external pure returns (bytes4) {
        return IVerifier.checkLink.selector;
    }
}

/// Passes a call on with a limited amount of gas and reports how it ended.
contract GasLimiter {
    function call(address target, uint256 gasLimit, bytes calldata data) external returns (bool ok, bytes memory answer) {
        (ok, answer) = target.call{gas: gasLimit}(data);
    }
}

/// Measures the gas of a call's execution, the cold access to its target included, calldata of a transaction not.
contract GasMeter {
    function measure(address target, bytes calldata data) external view returns (uint256 used) {
        bytes memory copy = data;
        uint256 before = gasleft();
        (bool ok,) = target.staticcall(copy);
        used = before - gasleft();
        require(ok, "the measured call reverted");
    }
}

/// A wallet that approves everything, or burns all the gas that it is given when asked for a signature, or answers at length.
contract Burner {
    enum Mood {
        Approving,
        Burning,
        Talking
    }

    Mood public mood;

    function set(Mood mood_) external {
        mood = mood_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (mood == Mood.Approving) return IERC1271.isValidSignature.selector;
        if (mood == Mood.Burning) while (true) {}
        assembly {
            return(0, 20000)
        }
    }
}

/// Names a gate as a desk does.
contract IdleDesk {
    address public gate;

    constructor(address gate_) {
        gate = gate_;
    }
}

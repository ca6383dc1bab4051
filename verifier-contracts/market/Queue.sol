// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IQueue} from "../interfaces/IMarket.sol";

/// The one place where power waits: only owner of registry, oracle, price sources and gate.
///
/// Who can do what
///  - the owner (PROPOSER_ROLE) schedules calls; anyone executes them once they are ready, for LIFE: then they lapse;
///  - guardian and owner cancel what waits;
///  - the guardian names its successor at once. Through the queue its successor takes office only after a second wait, in
///    which the guardian can still cancel: an owner alone cannot take its own watch away unseen;
///  - the deployer calls at once (`setUp`), until `close`, once and for good. A gate opens no account before. What waited until then is
///    worth nothing, and so is a successor named until then: members who come see everything that will be done wait.
///
/// No call waits for less than FLOOR, whatever `updateDelay` says.
contract Queue is TimelockController, IQueue {
    uint256 public constant FLOOR = 1 days;
    uint256 public constant MOST_DELAY = 90 days;
    /// @inheritdoc IQueue
    uint256 public constant LIFE = 14 days;

    address public immutable deployer;
    /// @inheritdoc IQueue
    bool public closed;
    /// No call is executed that became ready before; Unix seconds, a delay after the queue was closed.
    uint256 private _from;
    /// @inheritdoc IQueue
    address public guardian;
    /// Takes office by `succeed` from `successionAt` on, unix seconds; zero where there is none.
    address public successor;
    uint256 public successionAt;

    event GuardianSet(address guardian);
    event SuccessorNamed(address successor, uint256 at);
    event Closed();

    error DelayRefused(uint256 delay);
    error AddressZero();
    error NotDeployer(address sender);
    error QueueClosed();
    error SuccessionTooEarly(uint256 at, uint256 nowTime);
    error NoSuccessor();
    error RoleRefused(address account);

    /// @param delay seconds, from FLOOR to MOST_DELAY
    constructor(address owner, address guardian_, uint256 delay)
        TimelockController(delay, _only(owner), _only(address(0)), address(0))
    {
        if (delay < FLOOR || delay > MOST_DELAY) revert DelayRefused(delay);
        if (owner == address(0)) revert AddressZero();
        deployer = msg.sender;
        _setGuardian(guardian_);
    }

    // ---- Deployer, until closed ----

    /// Makes a call at once.
    function setUp(address target, bytes calldata data) external returns (bytes memory answer) {
        if (msg.sender != deployer) revert NotDeployer(msg.sender);
        if (closed) revert QueueClosed();
        bool ok;
        (ok, answer) = target.call(data);
        if (ok) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    function close() external {
        if (msg.sender != deployer) revert NotDeployer(msg.sender);
        if (closed) revert QueueClosed();
        (closed, _from) = (true, block.timestamp + getMinDelay());
        delete successor;
        emit Closed();
    }

    // ---- Guardian ----

    /// By the guardian at once; by the queue a successor is named, for whom a second wait begins. Zero names none.
    function setGuardian(address guardian_) external {
        if (msg.sender == guardian) return _setGuardian(guardian_);
        if (msg.sender != address(this)) revert NotGuardian(msg.sender);
        (successor, successionAt) = (guardian_, block.timestamp + getMinDelay());
        emit SuccessorNamed(guardian_, successionAt);
    }

    /// Whom the queue named takes office; anyone, when the second wait is over.
    function succeed() external {
        if (successor == address(0)) revert NoSuccessor();
        if (block.timestamp < successionAt) revert SuccessionTooEarly(successionAt, block.timestamp);
        _setGuardian(successor);
    }

    /// The guardian dismisses a successor that it does not want.
    function dismiss() external {
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        delete successor;
        emit SuccessorNamed(address(0), 0);
    }

    // ---- Timelock ----

    /// @inheritdoc IQueue
    function getMinDelay() public view override(TimelockController, IQueue) returns (uint256) {
        uint256 delay = super.getMinDelay();
        return delay < FLOOR ? FLOOR : delay > MOST_DELAY ? MOST_DELAY : delay;
    }

    /// A call that has been ready for LIFE, or was scheduled before the queue was closed, is as if it had never been scheduled.
    function getOperationState(bytes32 id) public view override returns (OperationState) {
        OperationState state = super.getOperationState(id);
        if (state != OperationState.Ready) return state;
        uint256 ready = getTimestamp(id);
        return ready < _from || block.timestamp > ready + LIFE ? OperationState.Unset : state;
    }

    /// The guardian cancels, whatever roles the queue has given or taken.
    function hasRole(bytes32 role, address account) public view override(AccessControl) returns (bool) {
        return (role == CANCELLER_ROLE && account == guardian) || super.hasRole(role, account);
    }

    /// Nobody but the queue itself gives and takes roles.
    function _grantRole(bytes32 role, address account) internal override(AccessControl) returns (bool) {
        if (role == DEFAULT_ADMIN_ROLE && account != address(this)) revert RoleRefused(account);
        return super._grantRole(role, account);
    }

    function _setGuardian(address guardian_) private {
        if (guardian_ == address(0)) revert AddressZero();
        guardian = guardian_;
        delete successor;
        emit GuardianSet(guardian_);
    }

    function _only(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }
}

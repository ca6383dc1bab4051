// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Batches, Desk} from "./Desk.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {EXIT_LEVEL, Market} from "../interfaces/IMarket.sol";
import {IRoundVerifier} from "../interfaces/IRoundVerifier.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Nobody} from "../libraries/Nobody.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Statement} from "../libraries/Statement.sol";

/// See `IExchange`. Money and states are the gate's: this desk says which steps belong together, and who has agreed.
///
/// Calls go out to gate and market, and to contracts that check a signature, which cannot change anything. So a call that comes
/// back finds nothing half done, and no guard is needed.
contract Exchange is Desk, Batches, EIP712, IExchange {
    uint64 private constant MAX_OPERATOR_DEADLINE = 30 days;
    /// Gas that the first attempt at a batch may use for each item.
    uint256 private constant ATTEMPT_GAS = 600_000;
    /// After a hold that ended early there is no other one for at least this long (clock): enough to attest and withdraw.
    uint256 private constant MIN_FREE = 1 minutes;

    bytes32 private constant TRADE_TYPEHASH = keccak256(
        "Trade(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 counterparty,uint256 fill,uint256 level,uint64 lastEpoch)"
    );
    bytes32 private constant ROUND_TYPEHASH = keccak256(
        "Round(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 level,uint64 lastEpoch)"
    );
    bytes32 private constant CLEAR_TYPEHASH = keccak256("Clear(bytes32 first,bytes32 second)");

    /// @inheritdoc IExchange
    uint64 public immutable operatorDeadline;
    /// @inheritdoc IExchange
    bool public immutable keepsBlobs;
    /// @inheritdoc IExchange
    address public operator;
    /// @inheritdoc IExchange
    uint64 public operatorSeen;
    /// Requests that have no answer: while there are none, no account is asked for one.
    uint32 private _requests;
    /// @inheritdoc IExchange
    mapping(uint256 account => uint64) public requestedAt;
    /// The board's clock when the account's latest hold began.
    mapping(uint256 account => uint256) private _heldSince;

    /// What the steps of a call's trades have in common.
    struct Common {
        uint256 level;
        uint256 noFill;
        IMarginGate.By by;
        /// Nobody in a batch, where everybody signs.
        address sender;
        bool evenHeld;
    }

    constructor(IMarginGate gate_, address operator_, uint64 operatorDeadline_, bool keepsBlobs_)
        Desk(gate_)
        EIP712("Plimsoll Exchange", "1")
    {
        if (operatorDeadline_ == 0 || operatorDeadline_ > MAX_OPERATOR_DEADLINE) {
            revert OperatorDeadlineRefused(operatorDeadline_, MAX_OPERATOR_DEADLINE);
        }
        (operatorDeadline, keepsBlobs) = (operatorDeadline_, keepsBlobs_);
        _setOperator(operator_);
    }

    // ---- Trades ----

    /// @inheritdoc IExchange
    function trade(Trade calldata trade_) external {
        (IMarginGate.Step[] memory steps, IMarginGate.Effect[] memory effects) = _room(1);
        Market memory current = market.outflow(board);
        _checkEpochs(trade_, current.epoch);
        _append(trade_, steps, effects, 0, _commonOf(current.levels.initial, msg.sender));
        bytes32[] memory digests = gate.settleMany(IMarginGate.Basis.Outflow, steps, effects);
        _clear(trade_, digests, 0, msg.sender);
    }

    /// @inheritdoc IExchange
    function unwind(Trade calldata trade_) external {
        if (!_silent() && !(_ignored(trade_.a.step.account) && _ignored(trade_.b.step.account))) {
            revert OperatorMissing(operatorSeen, operatorDeadline);
        }
        (IMarginGate.Step[] memory steps, IMarginGate.Effect[] memory effects) = _room(1);
        Common memory common = _commonOf(EXIT_LEVEL, msg.sender);
        // The owners alone, for the operator does not look. Under a hold too: no evidence can be brought against what is left.
        (common.by, common.evenHeld) = (IMarginGate.By.Owner, true);
        _append(trade_, steps, effects, 0, common);
        gate.settleMany(IMarginGate.Basis.Exit, steps, effects);
    }

    /// @inheritdoc IExchange
    function settleBatch(Trade[] calldata trades, uint256 gasEach) external {
        _isOperator(msg.sender);
        bytes memory data = _forSelf(this.settleSome.selector);
        (bool ok,) = _callSelf(data, 0, trades.length, trades.length * ATTEMPT_GAS);
        if (!ok) _tryEach(data, trades.length, gasEach);
    }

    /// All or none of the trades of a range, which follows the arguments. For the desk itself: nobody is the sender.
    function settleSome(Trade[] calldata trades, uint256) external {
        (uint256 from, uint256 to) = _range();
        (IMarginGate.Step[] memory steps, IMarginGate.Effect[] memory effects) = _room(to - from);
        Market memory current = market.outflow(board);
        Common memory common = _commonOf(current.levels.initial, address(0));
        for (uint256 index = from; index < to; index++) {
            _checkEpochs(trades[index], current.epoch);
            _append(trades[index], steps, effects, 2 * (index - from), common);
        }
        bytes32[] memory digests = gate.settleMany(IMarginGate.Basis.Outflow, steps, effects);
        for (uint256 index = from; index < to; index++) {
            _clear(trades[index], digests, 2 * (index - from), address(0));
        }
    }

    /// @inheritdoc IExchange
    function round(Round calldata round_) external {
        (uint256 places, uint256 members) = (round_.places, round_.members.length);
        if (members < 2 || members > places || places > Nobody.PLACES) revert MembersRefused(members, places);
        (IRoundVerifier verifier, Market memory current) = market.rounds(board, places);
        _checkEpoch(round_.epoch, current.epoch, round_.lastEpoch);
        if (round_.policyId != current.policyId) {
            revert IMarginGate.PolicySuperseded(current.policyId, round_.policyId);
        }
        uint256[] memory inputs = _roundInputs(round_, current.levels.initial);
        bytes32 digest = _enterRound(round_, current.levels.initial);
        inputs[inputs.length - 1] = uint256(digest) % Bn254.R;
        if (verifier.verify(round_.proof, inputs, current.point) != IRoundVerifier.verify.selector) {
            revert IMarginGate.VerifierRefused(address(verifier));
        }
        emit RoundTaken(current.epoch, members, places);
    }

    // ---- Operator ----

    /// @inheritdoc IExchange
    function heartbeat() external {
        if (!_isOperator(msg.sender)) revert IMarginGate.NotAuthorised(0, msg.sender);
    }

    /// @inheritdoc IExchange
    function setOperator(address operator_) external {
        if (msg.sender != market.queue()) revert IMarginGate.NotGovernor(msg.sender);
        _setOperator(operator_);
    }

    /// @inheritdoc IExchange
    function request(uint256 account) external {
        if (msg.sender != gate.accountOf(account).owner) revert IMarginGate.NotAuthorised(account, msg.sender);
        if (requestedAt[account] != 0) return;
        requestedAt[account] = uint64(block.timestamp);
        _requests++;
        emit Requested(account, block.timestamp);
    }

    /// @inheritdoc IExchange
    function hold(uint256 account) external {
        if (!attestationMissed(account) && !_isOperator(msg.sender)) {
            revert IMarginGate.NotAuthorised(account, msg.sender);
        }
        uint256 clock = market.wind(board);
        uint256 period = market.termsOf(board).holdPeriod;
        uint256 last = gate.accountOf(account).heldUntil;
        if (last != 0) {
            // As long as it lasted, for it may have ended early; while it lasts, that is after its end.
            uint256 free = last + Math.max(last - _heldSince[account], MIN_FREE);
            if (clock < free) revert HoldTooEarly(account, free);
        }
        _heldSince[account] = clock;
        gate.setHold(account, clock + period);
    }

    /// @inheritdoc IExchange
    function attestationMissed(uint256 account) public view returns (bool) {
        return market.clock(board) > uint256(gate.accountOf(account).provenAt) + market.termsOf(board).attestInterval;
    }

    /// @inheritdoc IExchange
    function checkAgreement(address sender, bytes32 digest, bool orSilent, bytes calldata signature) external view {
        if (sender == operator || orSilent && _silent() || _signed(digest, bytes32(0), signature)) return;
        revert OperatorMissing(operatorSeen, operatorDeadline);
    }

    // ---- Internal: trades ----

    function _room(uint256 trades)
        private
        pure
        returns (IMarginGate.Step[] memory steps, IMarginGate.Effect[] memory effects)
    {
        (steps, effects) = (new IMarginGate.Step[](2 * trades), new IMarginGate.Effect[](2 * trades));
    }

    function _commonOf(uint256 level, address sender) private view returns (Common memory) {
        return Common(level, Statement.noFill(gate.instruments()), IMarginGate.By.OwnerOrAgent, sender, false);
    }

    /// Writes a trade's two steps where they belong.
    function _append(
        Trade calldata trade_,
        IMarginGate.Step[] memory steps,
        IMarginGate.Effect[] memory effects,
        uint256 at,
        Common memory common
    ) private pure {
        (uint256 a, uint256 b) = (trade_.a.step.account, trade_.b.step.account);
        if (a == b) revert SameAccount(a);
        if (trade_.fill == 0 || trade_.fill == common.noFill) revert FillRefused(trade_.fill);
        (steps[at], steps[at + 1]) = (trade_.a.step, trade_.b.step);
        _fill(effects[at], trade_.fill, b, trade_.a.lastEpoch, common);
        _fill(effects[at + 1], trade_.fill, a, trade_.b.lastEpoch, common);
        effects[at + 1].minus = true;
    }

    function _fill(
        IMarginGate.Effect memory effect,
        uint256 fill,
        uint256 counterparty,
        uint64 lastEpoch,
        Common memory common
    ) private pure {
        (effect.typeHash, effect.args) = (TRADE_TYPEHASH, abi.encode(counterparty, fill, common.level, lastEpoch));
        (effect.fill, effect.level) = (fill, common.level);
        (effect.by, effect.sender, effect.evenHeld) = (common.by, common.sender, common.evenHeld);
    }

    function _checkEpochs(Trade calldata trade_, uint64 standing) private pure {
        _checkEpoch(trade_.a.step.epoch, standing, trade_.a.lastEpoch);
        _checkEpoch(trade_.b.step.epoch, standing, trade_.b.lastEpoch);
    }

    function _checkEpoch(uint64 epoch, uint64 standing, uint64 last) private pure {
        if (epoch != standing) revert IMarginGate.EpochNotStanding(standing, epoch);
        if (epoch > last) revert EpochAfterLast(epoch, last);
    }

    /// The operator's agreement to a trade whose two digests start there.
    function _clear(Trade calldata trade_, bytes32[] memory digests, uint256 at, address sender) private {
        _agree(sender, digests[at], digests[at + 1], trade_.operatorSignature);
        _answer(trade_.a.step.account);
        _answer(trade_.b.step.account);
    }

    // ---- Internal: rounds ----

    /// Public inputs of a round's proof, all but the context, which is last.
    function _roundInputs(Round calldata round_, uint256 level) private view returns (uint256[] memory inputs) {
        (uint256 places, uint256 members) = (round_.places, round_.members.length);
        inputs = new uint256[](2 * places + 2);
        IMarginGate.Entry[] calldata entries = round_.members;
        uint256 last = 0;
        for (uint256 index = 0; index < members; index++) {
            IMarginGate.Entry calldata member = entries[index];
            uint256 account = member.account;
            // In this order nobody takes two places.
            if (account <= last) revert SameAccount(account);
            last = account;
            if (keepsBlobs == (member.blobHash != bytes32(0)) || keepsBlobs == (member.blob.length == 0)) {
                revert BlobRefused(account);
            }
            (inputs[index], inputs[places + index]) = (member.stateBefore, member.stateAfter);
        }
        for (uint256 index = members; index < places; index++) {
            (inputs[index], inputs[places + index]) = Nobody.statesOf(index);
        }
        inputs[2 * places] = level;
    }

    /// Takes the members' steps, with the operator's agreement. @return digest of the round: of its members' digests, in order
    function _enterRound(Round calldata round_, uint256 level) private returns (bytes32 digest) {
        bytes memory args = abi.encode(level, round_.lastEpoch);
        bytes32[] memory digests = gate.enter(ROUND_TYPEHASH, args, round_.deadline, round_.members);
        assembly ("memory-safe") {
            digest := keccak256(add(digests, 0x20), shl(5, mload(digests)))
        }
        _agree(msg.sender, digest, bytes32(0), round_.operatorSignature);
        if (_requests == 0) return digest;
        for (uint256 index = 0; index < digests.length; index++) _answer(round_.members[index].account);
    }

    // ---- Internal: operator ----

    function _setOperator(address operator_) private {
        if (operator_ == address(0) || operator_ == address(this)) revert IMarginGate.AddressZero();
        (operator, operatorSeen) = (operator_, uint64(block.timestamp));
        emit OperatorSet(operator_);
    }

    /// Whether the operator calls, who is thereby seen.
    function _isOperator(address sender) private returns (bool) {
        if (sender != operator) return false;
        operatorSeen = uint64(block.timestamp);
        return true;
    }

    /// The operator agrees, and has thereby answered the accounts' requests. A signature is no sign of life: who has some put by could
    /// else keep the operator alive.
    function _agree(address sender, bytes32 first, bytes32 second, bytes calldata signature) private {
        if (!_isOperator(sender) && !_signed(first, second, signature)) {
            revert OperatorMissing(operatorSeen, operatorDeadline);
        }
    }

    function _signed(bytes32 first, bytes32 second, bytes calldata signature) private view returns (bool) {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CLEAR_TYPEHASH, first, second)));
        address operator_ = operator;
        return Signatures.keyOf(digest, signature) == operator_
            || Signatures.isApprovedBy(operator_, digest, signature);
    }

    function _silent() private view returns (bool) {
        return block.timestamp - operatorSeen > operatorDeadline;
    }

    /// Whether the operator has left the account's request unanswered for its deadline.
    function _ignored(uint256 account) private view returns (bool) {
        uint256 since = requestedAt[account];
        return since != 0 && block.timestamp - since > operatorDeadline;
    }

    function _answer(uint256 account) private {
        if (_requests == 0 || requestedAt[account] == 0) return;
        delete requestedAt[account];
        _requests--;
        emit Answered(account);
    }
}

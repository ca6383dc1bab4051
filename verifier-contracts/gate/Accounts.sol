// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {EXIT_LEVEL, IMarket, Market} from "../interfaces/IMarket.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Statement} from "../libraries/Statement.sol";
import {Books, Vault} from "../libraries/Vault.sol";

/// Accounts of a gate: their states and stages, and the one way in which a state changes.
///
/// Every step goes through `_replace`, which compares states; steps proven by `Account` come there through `_move`, which
/// computes the proof's public inputs from storage and the call's effect. The EIP-712 digest of a call names
/// everything that the call does; reduced modulo the group order it is the context that its proof is bound to, and as it
/// stands it is what an absent owner signs. States never recur, so neither proof nor signature has a second effect.
abstract contract Accounts is IMarginGate, EIP712 {
    /// What proofs are judged by.
    struct Ground {
        Basis basis;
        Market market;
        /// The board's clock and settlements. The clock is not read under the exit market.
        uint256 clock;
        uint256 settlements;
    }

    /// Stands for the fund where a credit's account is asked for: no account has this number.
    uint256 internal constant FUND = 0;
    /// Stands for the settlements that an account has passed where it need not pass any more.
    uint24 private constant RETIRED = type(uint24).max;

    /// @inheritdoc IMarginGate
    IMarket public immutable market;
    /// @inheritdoc IMarginGate
    uint256 public immutable board;
    /// @inheritdoc IMarginGate
    uint256 public immutable instruments;
    /// @inheritdoc IMarginGate
    address public immutable queue;

    /// @inheritdoc IMarginGate
    uint256 public accounts;
    Books internal _books;
    mapping(uint256 account => Account) internal _accounts;
    /// Accounts that have passed so many settlements, and the smallest number that any has.
    mapping(uint256 settled => uint256) private _waiting;
    uint256 private _settledByAll;

    constructor(IMarket market_, uint256 board_, uint256 instruments_, string memory name) EIP712(name, "2") {
        if (address(market_).code.length == 0) revert MarketRefused(address(market_));
        (market, board, instruments, queue) = (market_, board_, instruments_, market_.queue());
    }

    // ---- Views ----

    /// @inheritdoc IMarginGate
    function accountOf(uint256 id) external view returns (Account memory) {
        return _account(id);
    }

    function _account(uint256 id) internal view returns (Account storage account) {
        account = _accounts[id];
        if (account.state == 0) revert AccountUnknown(id);
    }

    /// Whether a hold makes the owner's steps wait.
    function _isHeld(Account storage account) internal view returns (bool) {
        uint256 until = account.heldUntil;
        return until != 0 && market.clock(board) < until;
    }

    function _haveSettled(uint256 number) internal view returns (bool) {
        for (uint256 settled = _settledByAll; settled < number; settled++) {
            if (_waiting[settled] != 0) return false;
        }
        return true;
    }

    // ---- Opening and settling ----

    function _create(address owner, uint256 settlements) internal returns (uint256 id, Account storage account) {
        id = ++accounts;
        account = _accounts[id];
        account.owner = owner;
        account.state = Statement.genesisState(instruments);
        // Settlements are counted from 1, the clock in seconds: neither comes near its width.
        account.settled = uint24(settlements);
        account.provenAt = uint32(market.wind(board));
        _waiting[account.settled]++;
    }

    /// Counts the account's next settlement as passed.
    function _pass(uint256 id, Account storage account, uint256 settlements) internal {
        if (account.settled == RETIRED) revert AccountRetired(id);
        uint256 number = uint256(account.settled) + 1;
        if (number > settlements) revert SettlementNone(id, account.settled);
        account.settled = uint24(number);
        _waiting[number - 1]--;
        _waiting[number]++;
        uint256 lowest = _settledByAll;
        while (lowest < number && _waiting[lowest] == 0) lowest++;
        _settledByAll = lowest;
    }

    /// Counts the account among those that have settled for good: it has no positions, and will have none.
    function _retire(Account storage account) internal {
        if (account.settled == RETIRED) return;
        _waiting[account.settled]--;
        account.settled = RETIRED;
    }

    // ---- Steps ----

    /// An effect that moves nothing and shows at least a level.
    function _effect(bytes32 typeHash, bytes memory args, By by, uint256 level)
        internal
        view
        returns (Effect memory effect)
    {
        (effect.typeHash, effect.args, effect.by) = (typeHash, args, by);
        (effect.sender, effect.level) = (msg.sender, level);
    }

    /// What proofs of a basis are judged by; reverts with the market's reason where it is not to be had.
    /// @param epoch that the proof was made for, of the basis Attesting
    function _ground(Basis basis, uint64 epoch) internal returns (Ground memory ground) {
        ground.basis = basis;
        ground.settlements = market.settlementsOf(board);
        if (basis == Basis.Exit) {
            (ground.market.verifier, ground.market.point) = market.exitMarket(board);
            return ground;
        }
        ground.clock = market.wind(board);
        if (basis == Basis.Attesting) ground.market = market.attesting(board, epoch);
        else ground.market = basis == Basis.Outflow ? market.outflow(board) : market.evidence(board);
    }

    /// A single step: moved and verified.
    function _settle(Step calldata step, Account storage account, Ground memory ground, Effect memory effect) internal {
        (uint256[6] memory inputs,) = _move(step, step.account, account, ground, effect);
        _verify(ground, step.proof, inputs);
    }

    /// Checks and writes everything about a step but its proof, which the caller verifies before the call ends.
    function _move(
        Step calldata step,
        uint256 id,
        Account storage account,
        Ground memory ground,
        Effect memory effect
    ) internal returns (uint256[6] memory inputs, bytes32 digest) {
        bool exit = ground.basis == Basis.Exit;
        _checkFree(id, account, exit && account.settled == RETIRED ? RETIRED : ground.settlements);
        if (exit) {
            effect.level = EXIT_LEVEL;
        } else {
            Market memory current = ground.market;
            if (step.epoch != current.epoch) revert EpochNotStanding(current.epoch, step.epoch);
            if (step.policyId != current.policyId) revert PolicySuperseded(current.policyId, step.policyId);
        }
        // Under the exit market, whose ground has no clock, everything is taken under a hold.
        if (!effect.evenHeld && account.heldUntil > ground.clock) revert AccountHeld(id, account.heldUntil);
        if (effect.fill == 0) effect.fill = Statement.noFill(instruments);
        inputs[0] = account.state;
        if (block.timestamp > step.deadline) revert DeadlinePassed(step.deadline, block.timestamp);
        _replace(id, account, step.stateBefore, step.stateAfter);
        bytes memory common = abi.encode(
            effect.typeHash, step.account, step.stateBefore, step.stateAfter, keccak256(step.blob), step.deadline
        );
        digest = _hashTypedDataV4(keccak256(bytes.concat(common, effect.args)));
        _checkAuthor(id, account, effect.by, effect.sender, digest, step.signature);
        inputs[1] = step.stateAfter;
        int256 lots = effect.amount == 0 ? int256(0) : Vault.join(_books, effect.counter, effect.asset, effect.amount);
        inputs[2] = Statement.encodeTransfer(effect.asset, lots);
        inputs[3] = effect.fill;
        inputs[4] = Statement.encodeTerms(effect.level, effect.below, effect.minus);
        inputs[5] = uint256(digest) % Bn254.R;
        emit Settled(id, inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], ground.market.epoch, step.blob);
        if (!exit && !effect.below && effect.level != 0) _proven(id, account, ground, effect.level);
    }

    /// An account steps neither while a lot of it is on auction nor before it has passed the board's settlements.
    function _checkFree(uint256 id, Account storage account, uint256 settlements) internal view {
        if (account.stage == Stage.Liquidating) revert StageWrong(id, Stage.Liquidating);
        uint256 settled = account.settled;
        if (settled == settlements) return;
        if (settled == RETIRED) revert AccountRetired(id);
        revert SettlementPending(id, uint64(settled) + 1);
    }

    /// What every change of a state has in common, whichever circuit proves it.
    function _replace(uint256 id, Account storage account, uint256 stateBefore, uint256 stateAfter) internal {
        uint256 current = account.state;
        if (stateBefore != current) revert StateSuperseded(id, current, stateBefore);
        if (stateAfter == current || stateAfter == Statement.genesisState(instruments)) {
            revert StateNotNew(id, stateAfter);
        }
        account.state = stateAfter;
    }

    function _checkAuthor(
        uint256 id,
        Account storage account,
        By by,
        address sender,
        bytes32 digest,
        bytes calldata signature
    ) internal view {
        if (by == By.Anyone) return;
        address key = Signatures.keyOf(digest, signature);
        // The agent first: in a round its word is with the rest that is read, the owner's is not.
        address agent = by == By.OwnerOrAgent ? account.agent : address(0);
        if (agent != address(0) && (agent == sender || agent == key)) return;
        address owner = account.owner;
        if (owner == sender || owner == key || Signatures.isApprovedBy(owner, digest, signature)) return;
        if (agent == address(0) || !Signatures.isApprovedBy(agent, digest, signature)) revert NotAuthorised(id, sender);
    }

    /// Any proof of at least a level above zero is an attestation. One from the call level up cures, but not by values older than
    /// those that the account was found wanting under, and ends a hold, but not where the epoch before is taken too.
    function _proven(uint256 id, Account storage account, Ground memory ground, uint256 level) private {
        bool healthy = account.stage == Stage.Healthy;
        // Of a healthy account nothing is known below a level, and it owes nothing.
        if (level < ground.market.levels.call || !healthy && ground.market.epoch < account.belowEpoch) return;
        account.provenAt = uint32(ground.clock);
        if (account.heldUntil > ground.clock && ground.basis != Basis.Attesting) account.heldUntil = uint32(ground.clock);
        if (!healthy && account.owed == 0) {
            (account.stage, account.belowEpoch) = (Stage.Healthy, 0);
            emit StageSet(id, Stage.Healthy);
        }
    }

    /// @param epoch in which the account was found wanting; zero for none
    function _setStage(uint256 id, Account storage account, Stage stage, uint64 epoch, uint256 clock) internal {
        if (epoch > account.belowEpoch) account.belowEpoch = uint40(epoch);
        if (account.stage == stage) return;
        if (stage == Stage.Healthy && account.owed != 0) revert OwesFund(id, account.owed);
        if (account.stage == Stage.Healthy) account.calledAt = uint40(clock);
        // While a lot was on auction nobody could attest.
        if (account.stage == Stage.Liquidating) account.provenAt = uint32(clock);
        account.stage = stage;
        if (stage == Stage.Healthy) account.belowEpoch = 0;
        emit StageSet(id, stage);
    }

    // ---- Proofs ----

    function _verify(Ground memory ground, uint256[8] calldata proof, uint256[6] memory inputs) internal view {
        IAccountVerifier verifier = ground.market.verifier;
        if (verifier.verify(proof, inputs, ground.market.point) != IAccountVerifier.verify.selector) {
            revert VerifierRefused(address(verifier));
        }
    }

    function _verifyMany(Ground memory ground, uint256[8][] memory proofs, uint256[6][] memory inputs) internal view {
        IAccountVerifier verifier = ground.market.verifier;
        if (verifier.verifyBatch(proofs, inputs, ground.market.point) != IAccountVerifier.verifyBatch.selector) {
            revert VerifierRefused(address(verifier));
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Custody} from "./Custody.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {EXIT_LEVEL, IMarket, Market} from "../interfaces/IMarket.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// `IMarket.termsOf`, word by word: less code than the whole structure.
interface ITermWords {
    function termsOf(uint256 board) external view returns (uint256[14] memory);
}

/// See `IMarginGate` for what each call does and what safety and liveness rest on.
///
/// Every call that changes a state goes through `_move`, which computes the public inputs of the proof from storage and
/// the call's effect; `expire` alone has a circuit of its own, and shares `_enter` with it. The EIP-712 digest of a call
/// names everything the call does; reduced modulo the group order it is the context that its proof is bound to, and as it
/// stands it is what an absent owner signs. States never recur, so neither proof nor signature has a second effect.
contract MarginGate is Custody, EIP712, Ownable2Step, ReentrancyGuardTransient {
    /// What proofs about accounts on one board are judged by.
    struct Ground {
        uint256 board;
        Market market;
        uint64 settlements;
        bool exit;
    }

    /// Proofs of one ground, to be verified at once.
    struct Batch {
        Ground ground;
        uint256 length;
        uint256[8][] proofs;
        uint256[6][] inputs;
    }

    /// Where an amount leaves the gate rather than becoming a credit.
    uint256 private constant OUTSIDE = type(uint256).max;
    uint64 private constant MAX_OPERATOR_DEADLINE = 30 days;
    uint256 private constant MAX_BPS = 10_000;
    /// Place of `Terms.levyBps`.
    uint256 private constant LEVY = 8;
    /// Gas that the first attempt at a batch may use for each item, and each item tried by itself.
    uint256 private constant ATTEMPT_GAS = 600_000;
    uint256 private constant ITEM_GAS = 1_500_000;

    bytes32 private constant OPEN_TYPEHASH = keccak256(
        "Open(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,address owner,address agent,uint256 board)"
    );
    bytes32 private constant ABSORB_TYPEHASH = keccak256(
        "Absorb(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 asset,uint256 amount)"
    );
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "Withdraw(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 asset,uint256 amount,address recipient,uint256 fee)"
    );
    bytes32 private constant EXIT_TYPEHASH = keccak256(
        "Exit(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 asset,uint256 amount,address recipient,uint256 fee)"
    );
    bytes32 private constant ATTEST_TYPEHASH = keccak256(
        "Attest(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 level)"
    );
    bytes32 private constant FLAG_TYPEHASH = keccak256(
        "Flag(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 level)"
    );
    bytes32 private constant WORSE_TYPEHASH = keccak256(
        "Worse(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 level)"
    );
    bytes32 private constant TRADE_TYPEHASH = keccak256(
        "Trade(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 counterparty,uint256 fill,uint256 level)"
    );
    bytes32 private constant EXPIRE_TYPEHASH = keccak256(
        "Expire(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 settlement)"
    );
    bytes32 private constant CLEAR_TYPEHASH = keccak256("Clear(bytes32 first,bytes32 second)");

    IMarket public immutable market;
    /// @inheritdoc IMarginGate
    uint64 public immutable operatorDeadline;
    /// @inheritdoc IMarginGate
    address public operator;
    /// @inheritdoc IMarginGate
    uint64 public operatorSeen;
    /// @inheritdoc IMarginGate
    address public liquidation;

    uint256 public accounts;
    mapping(uint256 account => Account) private _accounts;
    mapping(bytes32 digest => bool) private _openings;
    /// Accounts that have passed so many settlements of the board, and the smallest number that any has.
    mapping(uint256 board => mapping(uint256 settled => uint256)) private _waiting;
    mapping(uint256 board => uint256) private _settledByAll;

    modifier onlyLiquidation() {
        if (msg.sender != liquidation) revert NotLiquidation(msg.sender);
        _;
    }

    constructor(IMarket source, address owner, address operator_, uint64 operatorDeadline_)
        EIP712("Plimsoll MarginGate", "1")
        Ownable(owner)
    {
        if (address(source).code.length == 0) revert MarketRefused(address(source));
        if (operatorDeadline_ == 0 || operatorDeadline_ > MAX_OPERATOR_DEADLINE) {
            revert OperatorDeadlineRefused(operatorDeadline_, MAX_OPERATOR_DEADLINE);
        }
        market = source;
        operatorDeadline = operatorDeadline_;
        _setOperator(operator_);
    }

    // ---- Owner of the gate ----

    /// Binds an asset index to a token, for good. Owner only.
    /// @param asset 0 to 14 in the order of every board's policy; 15 is cash
    /// @param lotDecimals one lot is 10^-lotDecimals of a whole token: at most 8, and 6 for cash
    function registerAsset(uint256 asset, address token, uint256 lotDecimals) external onlyOwner {
        _register(asset, token, lotDecimals);
    }

    /// Names the liquidation module, for good. Owner only.
    function setLiquidation(address module) external onlyOwner {
        if (liquidation != address(0)) revert LiquidationTaken(liquidation);
        if (module == address(0)) revert AddressZero();
        liquidation = module;
        emit LiquidationSet(module);
    }

    /// Replaces the operator. Owner only.
    function setOperator(address operator_) external onlyOwner {
        _setOperator(operator_);
    }

    // ---- Accounts ----

    /// @inheritdoc IMarginGate
    function open(Opening calldata opening, Step calldata step, bytes calldata operatorSignature)
        external
        nonReentrant
        returns (uint256 id)
    {
        if (step.account != 0) revert AccountUnknown(step.account);
        if (opening.owner == address(0) || opening.owner == address(this)) revert AddressZero();
        uint256 board = opening.board;
        uint256 instruments = market.instrumentsOf(board);
        Ground memory ground = _ground(board, Basis.Exit, 0);
        id = ++accounts;
        Account storage account = _accounts[id];
        account.owner = opening.owner;
        // Boards and settlements are counted from 1, the clock in seconds: none comes near its width.
        (account.board, account.instruments) = (uint32(board), uint16(instruments));
        account.state = Statement.genesisState(instruments);
        account.settled = uint32(ground.settlements);
        account.provenAt = uint64(market.clock(board));
        _waiting[board][account.settled]++;

        Effect memory effect =
            _effect(OPEN_TYPEHASH, abi.encode(opening.owner, opening.agent, board), By.Owner, Basis.Exit, EXIT_LEVEL);
        (uint256[6] memory inputs, bytes32 digest) = _move(step, id, account, ground, effect);
        if (_openings[digest]) revert OpeningUsed(digest);
        _openings[digest] = true;
        _checkOperator(digest, 0, operatorSignature);
        _verify(ground.market, step.proof, inputs);
        emit AccountOpened(id, opening.owner, board, step.stateAfter);
        if (opening.agent != address(0)) _setAgent(id, account, opening.agent);
    }

    /// @inheritdoc IMarginGate
    function setAgent(uint256 id, address agent) external {
        Account storage account = _account(id);
        if (msg.sender != account.owner) revert NotAuthorised(id, msg.sender);
        _setAgent(id, account, agent);
    }

    /// @inheritdoc IMarginGate
    function deposit(uint256 id, address expectedOwner, uint256 asset, uint256 amount) external nonReentrant {
        Account storage account = _account(id);
        if (account.owner != expectedOwner) revert OwnerDiffers(id, account.owner, expectedOwner);
        _receive(asset, amount);
        _addCredit(id, asset, amount);
        emit Deposited(id, asset, amount, msg.sender);
    }

    /// @inheritdoc IMarginGate
    function absorb(Step calldata step, uint256 asset, uint256 amount, bool below) external nonReentrant {
        Account storage account = _account(step.account);
        uint256 credit = creditOf[step.account][asset];
        if (amount > credit) revert CreditTooSmall(step.account, asset, credit, amount);
        bool byAnyone = account.stage != Stage.Healthy && amount == credit;
        Effect memory effect = _effect(
            ABSORB_TYPEHASH, abi.encode(asset, amount), byAnyone ? By.Anyone : By.Owner, Basis.Any, 0
        );
        (effect.asset, effect.amount, effect.below) = (asset, _signed(asset, amount), below);
        effect.counter = step.account;
        _settle(step, account, effect);
    }

    /// @inheritdoc IMarginGate
    function withdraw(Step calldata step, uint256 asset, uint256 amount, address recipient, uint256 fee)
        external
        nonReentrant
    {
        Account storage account = _account(step.account);
        if (account.stage != Stage.Healthy) revert StageWrong(step.account, account.stage);
        Ground memory ground = _ground(account.board, Basis.Outflow, step.epoch);
        bytes memory args = abi.encode(asset, amount, recipient, fee);
        Effect memory effect =
            _effect(WITHDRAW_TYPEHASH, args, By.Owner, Basis.Outflow, ground.market.levels.initial);
        _payOut(step, account, ground, effect, asset, amount, recipient, fee);
    }

    /// @inheritdoc IMarginGate
    function exit(Step calldata step, uint256 asset, uint256 amount, address recipient, uint256 fee)
        external
        nonReentrant
    {
        Account storage account = _whole(step.account);
        Ground memory ground = _ground(account.board, Basis.Exit, 0);
        bytes memory args = abi.encode(asset, amount, recipient, fee);
        Effect memory effect = _effect(EXIT_TYPEHASH, args, By.Owner, Basis.Exit, EXIT_LEVEL);
        _payOut(step, account, ground, effect, asset, amount, recipient, fee);
    }

    /// @inheritdoc IMarginGate
    function attest(Step calldata step, uint256 level) external nonReentrant {
        Account storage account = _whole(step.account);
        Ground memory ground = _ground(account.board, Basis.Attesting, step.epoch);
        if (level == 0 || level != ground.market.levels.initial && !_isRung(level, ground.market)) {
            revert LevelNotInPolicy(level, ground.market.policyId);
        }
        Effect memory effect = _effect(ATTEST_TYPEHASH, abi.encode(level), By.Owner, Basis.Attesting, level);
        _settleOn(step, account, ground, effect);
    }

    /// @inheritdoc IMarginGate
    function flag(Step calldata step, uint256 level) external nonReentrant {
        Account storage account = _account(step.account);
        Ground memory ground = _ground(account.board, Basis.Current, step.epoch);
        if (!_isRung(level, ground.market)) revert LevelNotInPolicy(level, ground.market.policyId);
        uint64 epoch = ground.market.epoch;
        Verdict storage known = account.below;
        if (known.time != 0 && known.epoch == epoch && known.level <= level) {
            revert VerdictKnown(step.account, known.level);
        }
        Effect memory effect = _effect(FLAG_TYPEHASH, abi.encode(level), By.Anyone, Basis.Current, level);
        effect.below = true;
        _settleOn(step, account, ground, effect);
        account.below = Verdict(uint32(level), epoch, uint64(block.timestamp));
        emit Flagged(step.account, uint32(level), epoch);
        if (account.stage == Stage.Healthy) _setStage(step.account, account, Stage.Called);
    }

    /// @inheritdoc IMarginGate
    function trade(Trade calldata trade_) external nonReentrant {
        Batch memory batch = _batch(4);
        _trade(batch, trade_);
        _flush(batch);
    }

    /// @inheritdoc IMarginGate
    function settleBatch(Trade[] calldata trades) external nonReentrant {
        _isOperator();
        bytes memory data = _forSelf(this.settleSome.selector);
        (bool ok,) = _callSelf(data, 0, trades.length, trades.length * ATTEMPT_GAS);
        if (!ok) _tryEach(data, trades.length);
    }

    /// All or none of trades [from, to), which follow the arguments. For the gate itself.
    function settleSome(Trade[] calldata trades) external {
        (uint256 from, uint256 to) = _range();
        uint256 proofs = 0;
        for (uint256 index = from; index < to; index++) {
            proofs += 2 + trades[index].a.worse.length + trades[index].b.worse.length;
        }
        Batch memory batch = _batch(proofs);
        for (uint256 index = from; index < to; index++) _trade(batch, trades[index]);
        _flush(batch);
    }

    /// @inheritdoc IMarginGate
    function expire(Step calldata step) external nonReentrant {
        _expire(step);
    }

    /// @inheritdoc IMarginGate
    function expireBatch(Step[] calldata steps) external nonReentrant {
        _tryEach(_forSelf(this.expireSome.selector), steps.length);
    }

    /// As `settleSome`.
    function expireSome(Step[] calldata steps) external {
        (uint256 from, uint256 to) = _range();
        for (uint256 index = from; index < to; index++) _expire(steps[index]);
    }

    // ---- Operator and fund ----

    /// @inheritdoc IMarginGate
    function heartbeat() external {
        if (!_isOperator()) revert NotAuthorised(0, msg.sender);
    }

    /// @inheritdoc IMarginGate
    function donate(uint256 amount) external nonReentrant {
        _receive(Statement.CASH, amount);
        _addCredit(FUND, Statement.CASH, amount);
    }

    // ---- The liquidation module ----

    /// @inheritdoc IMarginGate
    function settleFor(Step calldata step, Effect calldata effect) external nonReentrant onlyLiquidation {
        if (effect.counter != FUND) _account(effect.counter);
        if (effect.amount != 0) _lots(effect.asset, uint256(effect.amount < 0 ? -effect.amount : effect.amount));
        _settle(step, _account(step.account), effect);
    }

    /// @inheritdoc IMarginGate
    function setStage(uint256 id, Stage stage) external onlyLiquidation {
        _setStage(id, _account(id), stage);
    }

    /// @inheritdoc IMarginGate
    function moveCredit(uint256 from, uint256 to, uint256 asset, uint256 amount) external onlyLiquidation {
        if (to != FUND) _account(to);
        _takeCredit(from, asset, amount);
        _addCredit(to, asset, amount);
        emit CreditMoved(from, to, asset, amount);
    }

    /// @inheritdoc IMarginGate
    function payFromFund(address to, uint256 amount) external nonReentrant onlyLiquidation {
        uint256 fund = creditOf[FUND][Statement.CASH];
        if (amount > fund) revert CreditTooSmall(FUND, Statement.CASH, fund, amount);
        _takeCredit(FUND, Statement.CASH, amount);
        _pay(Statement.CASH, to, amount);
    }

    // ---- Views ----

    /// @inheritdoc IMarginGate
    function accountOf(uint256 id) external view returns (Account memory) {
        return _account(id);
    }

    function allSettled(uint256 board, uint64 number) external view returns (bool) {
        for (uint256 settled = _settledByAll[board]; settled < number; settled++) {
            if (_waiting[board][settled] != 0) return false;
        }
        return true;
    }

    /// A till that boards share is nobody's to call short.
    function tillShort() external pure returns (bool) {
        return false;
    }

    // ---- Internal: steps ----

    /// The gate calls itself for its batches: as an agent it would sign whatever anybody puts into one.
    function _setAgent(uint256 id, Account storage account, address agent) private {
        if (agent == address(this)) revert AddressZero();
        account.agent = agent;
        emit AgentSet(id, agent);
    }

    function _account(uint256 id) private view returns (Account storage account) {
        account = _accounts[id];
        if (account.owner == address(0)) revert AccountUnknown(id);
    }

    /// An account no lot of which is out: while one is, it has been paid for what may still come back.
    function _whole(uint256 id) private view returns (Account storage account) {
        account = _account(id);
        if (account.stage == Stage.Liquidating) revert StageWrong(id, account.stage);
    }

    /// An effect that moves nothing and shows at least a level.
    function _effect(bytes32 typeHash, bytes memory args, By by, Basis basis, uint256 level)
        private
        view
        returns (Effect memory effect)
    {
        (effect.typeHash, effect.args, effect.by, effect.basis) = (typeHash, args, by, basis);
        (effect.sender, effect.level) = (msg.sender, level);
    }

    /// What the board's proofs are judged by; reverts with the market's reason where the basis is not to be had.
    function _ground(uint256 board, Basis basis, uint64 epoch) private view returns (Ground memory ground) {
        ground.board = board;
        ground.settlements = market.settlementsOf(board);
        if (basis == Basis.Exit || basis == Basis.Any) {
            ground.exit = true;
            (ground.market.verifier, ground.market.point) = market.exitMarket(board);
        } else {
            if (basis == Basis.Attesting) {
                ground.market = market.attesting(board, epoch);
            } else {
                function(uint256) external view returns (Market memory) values =
                    basis == Basis.Outflow ? market.outflow : market.evidence;
                ground.market = values(board);
            }
            if (ground.market.epoch != epoch) revert EpochNotStanding(ground.market.epoch, epoch);
        }
    }

    function _settle(Step calldata step, Account storage account, Effect memory effect) private {
        _settleOn(step, account, _ground(account.board, effect.basis, step.epoch), effect);
    }

    function _settleOn(Step calldata step, Account storage account, Ground memory ground, Effect memory effect)
        private
    {
        (uint256[6] memory inputs,) = _move(step, step.account, account, ground, effect);
        _verify(ground.market, step.proof, inputs);
    }

    /// Checks and writes everything about a step but its proof, which the caller verifies before the call ends.
    function _move(
        Step calldata step,
        uint256 id,
        Account storage account,
        Ground memory ground,
        Effect memory effect
    ) private returns (uint256[6] memory inputs, bytes32 digest) {
        if (account.settled != ground.settlements && !effect.pending) {
            revert SettlementPending(id, uint64(account.settled) + 1);
        }
        Market memory current = ground.market;
        if (!ground.exit) {
            if (step.policyId != current.policyId) revert PolicySuperseded(current.policyId, step.policyId);
        } else if (effect.basis == Basis.Exit && !effect.below) {
            effect.level = EXIT_LEVEL;
        }
        if (effect.fill == 0) effect.fill = Statement.noFill(account.instruments);
        uint256 stateBefore = account.state;
        digest = _enter(step, id, account, effect.typeHash, effect.args);
        _checkAuthor(step, id, account, effect, digest);

        int256 lots = 0;
        if (effect.amount != 0) {
            lots = effect.amount / int256(uint256(assets[effect.asset].lot));
            if (effect.amount > 0) _takeCredit(effect.counter, effect.asset, uint256(effect.amount));
            else if (effect.counter != OUTSIDE) _addCredit(effect.counter, effect.asset, uint256(-effect.amount));
        }
        inputs = [
            stateBefore,
            step.stateAfter,
            Statement.encodeTransfer(effect.asset, lots),
            effect.fill,
            Statement.encodeTerms(effect.level, effect.below, effect.minus),
            uint256(digest) % Bn254.R
        ];
        emit Settled(
            id, stateBefore, step.stateAfter, inputs[2], inputs[3], inputs[4], ground.exit ? 0 : current.epoch, step.blob
        );
        if (!ground.exit && !effect.below && effect.level != 0) {
            _attested(id, account, ground, uint32(effect.level));
        }
    }

    /// What every change of a state has in common, whichever circuit proves it.
    function _enter(Step calldata step, uint256 id, Account storage account, bytes32 typeHash, bytes memory args)
        private
        returns (bytes32 digest)
    {
        if (block.timestamp > step.deadline) revert DeadlinePassed(step.deadline, block.timestamp);
        uint256 stateBefore = account.state;
        if (step.stateBefore != stateBefore) revert StateSuperseded(id, stateBefore, step.stateBefore);
        if (step.stateAfter == stateBefore || step.stateAfter == Statement.genesisState(account.instruments)) {
            revert StateNotNew(id, step.stateAfter);
        }
        account.state = step.stateAfter;
        bytes memory common = abi.encode(
            typeHash, step.account, step.stateBefore, step.stateAfter, keccak256(step.blob), step.deadline
        );
        digest = _hashTypedDataV4(keccak256(bytes.concat(common, args)));
    }

    function _checkAuthor(
        Step calldata step,
        uint256 id,
        Account storage account,
        Effect memory effect,
        bytes32 digest
    ) private view {
        if (effect.by == By.Anyone || effect.sender == account.owner) return;
        address agent = effect.by == By.OwnerOrAgent ? account.agent : address(0);
        if (agent != address(0) && effect.sender == agent) return;
        if (SignatureChecker.isValidSignatureNowCalldata(account.owner, digest, step.signature)) return;
        if (agent != address(0) && SignatureChecker.isValidSignatureNowCalldata(agent, digest, step.signature)) return;
        revert NotAuthorised(id, effect.sender);
    }

    /// Any proof of at least a level above zero is an attestation. One from the call level up cures, but not by values
    /// older than those that the account was found wanting under.
    function _attested(uint256 id, Account storage account, Ground memory ground, uint32 level) private {
        Market memory current = ground.market;
        account.attested = Verdict(level, current.epoch, uint64(block.timestamp));
        if (level < current.levels.call || current.epoch < account.below.epoch) return;
        account.provenAt = uint64(market.clock(ground.board));
        Stage stage = account.stage;
        if (stage == Stage.Called || stage == Stage.Closed) _setStage(id, account, Stage.Healthy);
    }

    function _setStage(uint256 id, Account storage account, Stage stage) private {
        if (account.stage == stage) return;
        uint256 clock = market.clock(account.board);
        if (account.stage == Stage.Healthy) account.calledAt = uint40(clock);
        // While a lot was out nobody could attest.
        if (account.stage == Stage.Liquidating) account.provenAt = uint64(clock);
        account.stage = stage;
        if (stage == Stage.Healthy) delete account.below;
        emit StageSet(id, stage);
    }

    /// Of the levels that evidence can be brought for: call, liquidation and close-out, and zero.
    function _isRung(uint256 level, Market memory current) private pure returns (bool) {
        return level == 0 || level == current.levels.call || level == current.levels.liquidation
            || level == current.levels.closeOut;
    }

    function _verify(Market memory current, uint256[8] calldata proof, uint256[6] memory inputs) private view {
        if (current.verifier.verify(proof, inputs, current.point) != IAccountVerifier.verify.selector) {
            revert VerifierRefused(address(current.verifier));
        }
    }

    // ---- Internal: payments ----

    function _payOut(
        Step calldata step,
        Account storage account,
        Ground memory ground,
        Effect memory effect,
        uint256 asset,
        uint256 amount,
        address recipient,
        uint256 fee
    ) private {
        (effect.asset, effect.amount, effect.counter) = (asset, -_signed(asset, amount), OUTSIDE);
        uint256 levy = _levy(ground.board, asset, amount);
        if (fee > amount - levy) revert FeeAboveAmount(fee, amount - levy);
        _settleOn(step, account, ground, effect);
        _pay(asset, recipient, amount - levy - fee);
        _pay(asset, msg.sender, fee);
        emit Withdrawn(step.account, asset, amount, recipient, fee, levy);
    }

    /// Part of a withdrawal of cash that stays to repay the fund's deficit.
    function _levy(uint256 board, uint256 asset, uint256 amount) private returns (uint256 levy) {
        if (asset != Statement.CASH || deficit == 0) return 0;
        levy = amount * ITermWords(address(market)).termsOf(board)[LEVY] / MAX_BPS;
        if (levy > deficit) levy = deficit;
        deficit -= levy;
        emit FundChanged(creditOf[FUND][asset], deficit);
    }

    function _signed(uint256 asset, uint256 amount) private view returns (int256) {
        _lots(asset, amount);
        return int256(amount);
    }

    // ---- Internal: trades ----

    function _batch(uint256 capacity) private pure returns (Batch memory batch) {
        (batch.proofs, batch.inputs) = (new uint256[8][](capacity), new uint256[6][](capacity));
    }

    /// Adds a trade to the batch; its states and signatures are settled, its proofs are not.
    function _trade(Batch memory batch, Trade calldata trade_) private {
        uint256 idA = trade_.a.step.account;
        uint256 idB = trade_.b.step.account;
        Account storage a = _account(idA);
        Account storage b = _account(idB);
        if (idA == idB) revert SameAccount(idA);
        if (a.board != b.board) revert BoardsDiffer(a.board, b.board);
        if (trade_.fill == 0 || trade_.fill == Statement.noFill(a.instruments)) revert FillRefused(trade_.fill);
        uint64 epoch = trade_.a.step.epoch;
        if (epoch != trade_.b.step.epoch) revert EpochsDiffer(epoch, trade_.b.step.epoch);
        if (batch.ground.board != a.board || batch.ground.market.epoch != epoch) {
            _flush(batch);
            batch.ground = _ground(a.board, Basis.Outflow, epoch);
        }
        bytes32 first = _side(batch, trade_.a, a, idB, trade_.fill, false);
        bytes32 second = _side(batch, trade_.b, b, idA, trade_.fill, true);
        _checkOperator(first, second, trade_.operatorSignature);
    }

    function _side(
        Batch memory batch,
        Side calldata side,
        Account storage account,
        uint256 counterparty,
        uint256 fill,
        bool minus
    ) private returns (bytes32 digest) {
        Ground memory ground = batch.ground;
        uint256 id = side.step.account;
        uint256 initial = ground.market.levels.initial;
        if (side.worse.length == 0) {
            if (account.stage != Stage.Healthy) revert StageWrong(id, account.stage);
            if (side.level != initial) revert LevelNotInPolicy(side.level, ground.market.policyId);
        } else {
            _whole(id);
            Step calldata worse = side.worse[0];
            if (side.worse.length != 1 || worse.account != id || worse.epoch != side.step.epoch) {
                revert ImprovementMalformed(id);
            }
            if (side.level > initial) revert LevelNotInPolicy(side.level, ground.market.policyId);
            Effect memory below =
                _effect(WORSE_TYPEHASH, abi.encode(side.level), By.Anyone, Basis.Outflow, side.level);
            below.below = true;
            _push(batch, worse, account, below);
        }
        Effect memory effect = _effect(
            TRADE_TYPEHASH, abi.encode(counterparty, fill, side.level), By.OwnerOrAgent, Basis.Outflow, side.level
        );
        (effect.fill, effect.minus) = (fill, minus);
        return _push(batch, side.step, account, effect);
    }

    function _push(Batch memory batch, Step calldata step, Account storage account, Effect memory effect)
        private
        returns (bytes32 digest)
    {
        uint256 index = batch.length++;
        batch.proofs[index] = step.proof;
        (batch.inputs[index], digest) = _move(step, step.account, account, batch.ground, effect);
    }

    /// Verifies the proofs gathered so far.
    function _flush(Batch memory batch) private view {
        uint256 length = batch.length;
        if (length == 0) return;
        (uint256[8][] memory proofs, uint256[6][] memory inputs) = (batch.proofs, batch.inputs);
        uint256 capacity = proofs.length;
        assembly ("memory-safe") {
            mstore(proofs, length)
            mstore(inputs, length)
        }
        Market memory current = batch.ground.market;
        if (current.verifier.verifyBatch(proofs, inputs, current.point) != IAccountVerifier.verifyBatch.selector) {
            revert VerifierRefused(address(current.verifier));
        }
        assembly ("memory-safe") {
            mstore(proofs, capacity)
            mstore(inputs, capacity)
        }
        batch.length = 0;
    }

    // ---- Internal: batches ----
    //
    // A batch calls the gate itself with its own arguments as they came, and after them the range of items meant: what
    // reverts there leaves the rest alone, and nothing is encoded anew.

    function _forSelf(bytes4 selector) private pure returns (bytes memory) {
        return bytes.concat(selector, msg.data[4:], new bytes(64));
    }

    function _callSelf(bytes memory data, uint256 from, uint256 to, uint256 gasLimit)
        private
        returns (bool ok, bytes memory answer)
    {
        assembly ("memory-safe") {
            let end := add(add(data, 32), mload(data))
            mstore(sub(end, 64), from)
            mstore(sub(end, 32), to)
        }
        return address(this).call{gas: gasLimit}(data);
    }

    function _range() private view returns (uint256 from, uint256 to) {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        (from, to) = abi.decode(msg.data[msg.data.length - 64:], (uint256, uint256));
    }

    /// Takes items one by one; names those that revert. Whoever gives less gas than an item may use fails as a whole: an
    /// item is only ever skipped for its own fault.
    function _tryEach(bytes memory data, uint256 count) private {
        for (uint256 index = 0; index < count; index++) {
            uint256 needed = ITEM_GAS + ITEM_GAS / 63 + 20_000;
            if (gasleft() < needed) revert GasTooLow(gasleft(), needed);
            (bool ok, bytes memory reason) = _callSelf(data, index, index + 1, ITEM_GAS);
            if (!ok) emit Skipped(index, reason);
        }
    }

    // ---- Internal: settlements ----

    function _expire(Step calldata step) private {
        Account storage account = _whole(step.account);
        uint256 board = account.board;
        uint64 number = uint64(account.settled) + 1;
        if (number > market.settlementsOf(board)) revert SettlementNone(step.account, account.settled);
        uint256 stateBefore = account.state;
        bytes32 digest = _enter(step, step.account, account, EXPIRE_TYPEHASH, abi.encode(number));
        account.settled = uint32(number);
        _waiting[board][number - 1]--;
        _waiting[board][number]++;
        uint256 lowest = _settledByAll[board];
        while (lowest < number && _waiting[board][lowest] == 0) lowest++;
        _settledByAll[board] = lowest;

        (ISettlementVerifier verifier, G1 memory marks) = market.settlementOf(board, number);
        uint256[3] memory inputs = [stateBefore, step.stateAfter, uint256(digest) % Bn254.R];
        if (verifier.verify(step.proof, inputs, marks) != ISettlementVerifier.verify.selector) {
            revert VerifierRefused(address(verifier));
        }
        emit Settled(step.account, stateBefore, step.stateAfter, number, 0, 0, 0, step.blob);
    }

    // ---- Internal: operator ----

    function _setOperator(address operator_) private {
        if (operator_ == address(0) || operator_ == address(this)) revert AddressZero();
        (operator, operatorSeen) = (operator_, uint64(block.timestamp));
        emit OperatorSet(operator_);
    }

    /// Whether the operator calls, who is thereby seen.
    function _isOperator() private returns (bool) {
        if (msg.sender != operator) return false;
        operatorSeen = uint64(block.timestamp);
        return true;
    }

    /// The operator agrees, or has been silent for longer than it may. A signature agrees, but is no sign of life: whoever
    /// has some put by could else keep the operator alive.
    function _checkOperator(bytes32 first, bytes32 second, bytes calldata signature)
        private
    {
        if (_isOperator() || block.timestamp - operatorSeen > operatorDeadline) return;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CLEAR_TYPEHASH, first, second)));
        if (signature.length == 0 || !SignatureChecker.isValidSignatureNowCalldata(operator, digest, signature)) {
            revert OperatorMissing(operatorSeen, operatorDeadline);
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Accounts} from "./Accounts.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {EXIT_LEVEL, IBoardGate, IMarket, Market} from "../interfaces/IMarket.sol";
import {Statement} from "../libraries/Statement.sol";
import {Caps, Custody, Vault} from "../libraries/Vault.sol";

/// See `IMarginGate` for what each call does and what safety and liveness rest on. Tokens and credits are in `Custody`, accounts
/// and their steps in `Accounts`; here are the calls of people and the doors of the desks, each with the desks that it lets in.
contract MarginGate is Accounts, ReentrancyGuardTransient {
    /// An account that is not healthy or is under a hold absorbs no more often: a proof about it takes less time than this.
    uint256 private constant ABSORB_PAUSE = 5 minutes;

    bytes32 private constant OPEN_TYPEHASH = keccak256(
        "Open(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,address owner,address agent)"
    );
    bytes32 private constant ABSORB_TYPEHASH = keccak256(
        "Absorb(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 asset,uint256 amount)"
    );
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "Withdraw(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 asset,uint256 amount,address recipient,uint256 fee,uint256 least)"
    );
    bytes32 private constant EXIT_TYPEHASH = keccak256(
        "Exit(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 asset,uint256 amount,address recipient,uint256 fee,uint256 least)"
    );
    bytes32 private constant ATTEST_TYPEHASH = keccak256(
        "Attest(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 level)"
    );
    bytes32 private constant FLAG_TYPEHASH = keccak256(
        "Flag(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 level)"
    );

    /// Seals the gate, and registers assets until then.
    address private immutable _deployer;
    /// @inheritdoc IMarginGate
    mapping(Desk desk => address) public deskOf;
    mapping(bytes32 digest => bool) private _openings;

    modifier onlyDesk(Desk desk) {
        if (msg.sender != deskOf[desk]) revert NotDesk(msg.sender);
        _;
    }

    /// @param board of the market, whose gate this will be; it need not be there before the gate is sealed
    /// @param instruments of that board
    /// @param staging whether the name that signatures are for says that this is a rehearsal
    constructor(IMarket market, uint256 board, uint256 instruments, bool staging)
        Accounts(market, board, instruments, staging ? "Plimsoll MarginGate STAGING" : "Plimsoll MarginGate")
    {
        _deployer = msg.sender;
    }

    // ---- Deployment and queue ----

    /// @inheritdoc IMarginGate
    function seal(address[4] calldata desks) external {
        if (deskOf[Desk.Exchange] != address(0)) revert AlreadySealed();
        if (msg.sender != _deployer) revert NotGovernor(msg.sender);
        Vault.checkSeal(address(market), board, desks);
        for (uint256 index = 0; index < 4; index++) deskOf[Desk(index)] = desks[index];
        emit Sealed();
    }

    /// @inheritdoc IMarginGate
    function registerAsset(uint256 asset, address token, uint256 lotDecimals, uint64 depositCap, uint64 outflow) external {
        if (msg.sender != (deskOf[Desk.Exchange] == address(0) ? _deployer : queue)) revert NotGovernor(msg.sender);
        Vault.register(_books, asset, token, lotDecimals, depositCap, outflow);
    }

    /// @inheritdoc IMarginGate
    function setLimits(uint256 asset, uint64 depositCap, uint64 outflow) external {
        Vault.setLimits(_books, queue, asset, depositCap, outflow);
    }

    // ---- Accounts ----

    /// @inheritdoc IMarginGate
    function open(Opening calldata opening, Step calldata step, bytes calldata operatorSignature)
        external
        nonReentrant
        returns (uint256 id)
    {
        address exchange = deskOf[Desk.Exchange];
        if (exchange == address(0)) revert NotSealed();
        if (step.account != 0) revert AccountUnknown(step.account);
        if (opening.owner == address(0)) revert AddressZero();
        Ground memory ground = _groundOfCall(0);
        Account storage account;
        (id, account) = _create(opening.owner, ground.settlements);
        Effect memory effect =
            _effect(OPEN_TYPEHASH, abi.encode(opening.owner, opening.agent), By.Owner, EXIT_LEVEL);
        (uint256[6] memory inputs, bytes32 digest) = _move(step, id, account, ground, effect);
        if (_openings[digest]) revert OpeningUsed(digest);
        _openings[digest] = true;
        IExchange(exchange).checkAgreement(msg.sender, digest, false, operatorSignature);
        _verify(ground, step.proof, inputs);
        emit AccountOpened(id, opening.owner, step.stateAfter);
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
        Vault.deposit(_books, id, asset, amount, account.stage == Stage.Healthy);
    }

    /// @inheritdoc IMarginGate
    function absorb(Step calldata step, uint256 asset, uint256 amount, bool below) external nonReentrant {
        uint256 id = step.account;
        Account storage account = _account(id);
        By by = By.Owner;
        bool watched = account.stage != Stage.Healthy || _isHeld(account);
        Vault.checkAbsorb(_books, id, asset, amount, watched);
        if (watched) {
            // By whose turn it is: somebody else's dust does not use the owner's, nor the owner's anybody's.
            bool own = msg.sender == account.owner || step.signature.length != 0;
            uint256 last = own ? account.absorbedAt : account.absorbedByOthersAt;
            if (block.timestamp < last + ABSORB_PAUSE) revert AbsorbedTooRecently(id, last + ABSORB_PAUSE);
            if (own) account.absorbedAt = uint40(block.timestamp);
            else (by, account.absorbedByOthersAt) = (By.Anyone, uint40(block.timestamp));
        }
        Effect memory effect = _effect(ABSORB_TYPEHASH, abi.encode(asset, amount), by, EXIT_LEVEL);
        (effect.asset, effect.amount, effect.below) = (asset, int256(amount), below);
        (effect.counter, effect.evenHeld) = (id, true);
        _settle(step, account, _groundOfCall(0), effect);
    }

    /// @inheritdoc IMarginGate
    function withdraw(Step calldata step, Payment calldata payment) external nonReentrant {
        Account storage account = _account(step.account);
        if (account.stage != Stage.Healthy) revert StageWrong(step.account, account.stage);
        _payOut(step, account, payment);
    }

    /// @inheritdoc IMarginGate
    function exit(Step calldata step, Payment calldata payment) external nonReentrant {
        _payOut(step, _account(step.account), payment);
    }

    /// @inheritdoc IMarginGate
    function attest(Step calldata step, uint256 level) external nonReentrant {
        Account storage account = _account(step.account);
        // Under a hold by the standing epoch alone: in the one before, the account may have had what it has lost.
        Ground memory ground = _groundOfCall(_isHeld(account) ? 0 : step.epoch);
        if (level == 0 || level != ground.market.levels.initial && !_isRung(level, ground.market)) {
            revert LevelNotInPolicy(level, ground.market.policyId);
        }
        Effect memory effect = _effect(ATTEST_TYPEHASH, abi.encode(level), By.Owner, level);
        effect.evenHeld = level >= ground.market.levels.call;
        _settle(step, account, ground, effect);
    }

    /// @inheritdoc IMarginGate
    function flag(Step calldata step, uint256 level) external nonReentrant {
        uint256 id = step.account;
        Account storage account = _account(id);
        // Once: whoever flagged a called account again and again would outrun proofs about it.
        if (account.stage != Stage.Healthy) revert StageWrong(id, account.stage);
        Ground memory ground = _groundOfCall(0);
        if (!_isRung(level, ground.market)) revert LevelNotInPolicy(level, ground.market.policyId);
        Effect memory effect = _effect(FLAG_TYPEHASH, abi.encode(level), By.Anyone, level);
        (effect.below, effect.evenHeld) = (true, true);
        _settle(step, account, ground, effect);
        emit Flagged(id, level, ground.market.epoch);
        (account.stage, account.calledAt) = (Stage.Called, uint40(ground.clock));
        account.belowEpoch = uint40(ground.market.epoch);
        emit StageSet(id, Stage.Called);
    }

    // ---- Doors for desks ----

    /// @inheritdoc IMarginGate
    function settleMany(Basis basis, Step[] calldata steps, Effect[] calldata effects)
        external
        nonReentrant
        returns (bytes32[] memory digests)
    {
        bool liquidation = msg.sender == deskOf[Desk.Liquidation];
        if (!liquidation && msg.sender != deskOf[Desk.Exchange]) revert NotDesk(msg.sender);
        uint256 count = steps.length;
        Ground memory ground = _ground(basis, steps[0].epoch);
        uint256[8][] memory proofs = new uint256[8][](count);
        uint256[6][] memory inputs = new uint256[6][](count);
        digests = new bytes32[](count);
        for (uint256 index = 0; index < count; index++) {
            Step calldata step = steps[index];
            Effect memory effect = effects[index];
            if (effect.amount != 0) {
                if (!liquidation) revert NotDesk(msg.sender);
                _account(effect.counter);
            }
            Account storage account = _account(step.account);
            if (!liquidation && account.stage != Stage.Healthy && account.owed != 0) {
                revert OwesFund(step.account, account.owed);
            }
            proofs[index] = step.proof;
            (inputs[index], digests[index]) = _move(step, step.account, account, ground, effect);
            if (basis == Basis.Exit) _retire(account);
        }
        _verifyMany(ground, proofs, inputs);
    }

    /// @inheritdoc IMarginGate
    function enter(bytes32 typeHash, bytes calldata args, uint256 deadline, Entry[] calldata entries)
        external
        nonReentrant
        returns (bytes32[] memory digests)
    {
        Desk desk = msg.sender == deskOf[Desk.Exchange] ? Desk.Exchange : Desk.Clearing;
        if (msg.sender != deskOf[desk]) revert NotDesk(msg.sender);
        bool round = desk == Desk.Exchange;
        uint256 settlements = market.settlementsOf(board);
        uint256 clock = market.wind(board);
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        // Of every entry's message; what differs is written over.
        bytes memory message = bytes.concat(abi.encode(typeHash, uint256(0), uint256(0), uint256(0), bytes32(0), deadline), args);
        digests = new bytes32[](entries.length);
        for (uint256 index = 0; index < entries.length; index++) {
            Entry calldata entry = entries[index];
            uint256 id = entry.account;
            Account storage account = _account(id);
            if (!round) _pass(id, account, settlements);
            _checkFree(id, account, round ? settlements : account.settled);
            bytes32 sealed_ = entry.blobHash == bytes32(0) ? keccak256(entry.blob) : entry.blobHash;
            (uint256 stateBefore, uint256 stateAfter) = (entry.stateBefore, entry.stateAfter);
            _replace(id, account, stateBefore, stateAfter);
            assembly ("memory-safe") {
                mstore(add(message, 0x40), id)
                mstore(add(message, 0x60), stateBefore)
                mstore(add(message, 0x80), stateAfter)
                mstore(add(message, 0xa0), sealed_)
            }
            digests[index] = _hashTypedDataV4(keccak256(message));
            _entered(id, stateAfter, entry.blob);
            if (!round) continue;
            if (account.stage != Stage.Healthy) revert StageWrong(id, account.stage);
            if (clock < account.heldUntil) revert AccountHeld(id, account.heldUntil);
            _checkAuthor(id, account, By.OwnerOrAgent, address(0), digests[index], entry.signature);
            account.provenAt = uint32(clock);
        }
    }

    /// @inheritdoc IMarginGate
    function takeLot(
        uint256 id,
        uint256 stateBefore,
        uint256 stateAfter,
        uint256[16] calldata credits,
        bytes calldata blob
    ) external nonReentrant onlyDesk(Desk.Liquidation) {
        _replace(id, _account(id), stateBefore, stateAfter);
        Vault.joinAll(_books, id, credits);
        _entered(id, stateAfter, blob);
    }

    /// @inheritdoc IMarginGate
    function setHold(uint256 id, uint256 until) external onlyDesk(Desk.Exchange) {
        _account(id).heldUntil = uint32(until);
        emit Held(id, until);
    }

    /// @inheritdoc IMarginGate
    function setStage(uint256 id, Stage stage, uint64 epoch) external onlyDesk(Desk.Liquidation) {
        _setStage(id, _account(id), stage, epoch, market.wind(board));
    }

    /// @inheritdoc IMarginGate
    function moveCredit(uint256 from, uint256 to, uint256 asset, uint256 amount) external onlyDesk(Desk.Liquidation) {
        if (to != FUND) _account(to);
        Vault.move(_books, from, to, asset, amount);
    }

    /// @inheritdoc IMarginGate
    function charge(uint256 id, uint256 amount) external onlyDesk(Desk.Liquidation) {
        Account storage account = _account(id);
        if (account.stage == Stage.Healthy) revert StageWrong(id, Stage.Healthy);
        uint64 owed = account.owed + uint64(amount / _books.assets[Statement.CASH].lot);
        account.owed = owed;
        emit Charged(id, owed);
    }

    /// @inheritdoc IMarginGate
    function receiveForFund(address from, uint256 amount) external nonReentrant onlyDesk(Desk.Fund) {
        Vault.donate(_books, from, amount);
    }

    /// @inheritdoc IMarginGate
    function payFromFund(address to, uint256 amount) external nonReentrant onlyDesk(Desk.Fund) {
        Vault.payFromFund(_books, to, amount);
    }

    // ---- Views ----

    /// @inheritdoc IMarginGate
    function assets(uint256 asset) external view returns (address token, uint96 lot) {
        return (_books.assets[asset].token, _books.assets[asset].lot);
    }

    /// @inheritdoc IMarginGate
    function limitsOf(uint256 asset) external view returns (Limits memory) {
        Caps storage caps = _books.caps[asset];
        Custody storage custody = _books.custody[asset];
        return Limits(caps.depositCap, caps.outflow, custody.used, custody.time);
    }

    /// @inheritdoc IMarginGate
    function creditOf(uint256 account, uint256 asset) public view returns (uint256) {
        return _books.credits[account][asset];
    }

    /// @inheritdoc IMarginGate
    function creditsOf(uint256 account) external view returns (uint256[16] memory credits) {
        uint256 registered = _books.registered;
        for (uint256 asset = 0; asset <= Statement.CASH; asset++) {
            if (registered >> asset & 1 != 0) credits[asset] = _books.credits[account][asset];
        }
    }

    /// @inheritdoc IMarginGate
    function custodyOf(uint256 asset) external view returns (uint256) {
        return _books.custody[asset].amount;
    }

    /// @inheritdoc IMarginGate
    function fund() external view returns (int256) {
        return _books.fund;
    }

    // ---- For the market ----

    /// @inheritdoc IBoardGate
    function allSettled(uint256 board_, uint64 number) external view returns (bool) {
        return board_ == board && _haveSettled(number);
    }

    /// @inheritdoc IBoardGate
    function tillShortFor() external returns (uint24) {
        return Vault.tillShortFor(_books, market, board);
    }

    // ---- Internal ----

    /// What the single-account calls are judged by. By the call, and not as an argument: compilers make a copy of a function for
    /// each constant that it is called with, and four copies do not fit.
    function _groundOfCall(uint64 epoch) private returns (Ground memory) {
        bytes4 call = msg.sig;
        Basis basis = Basis.Exit;
        if (call == this.withdraw.selector) basis = Basis.Outflow;
        if (call == this.attest.selector || call == this.flag.selector) {
            basis = epoch == 0 ? Basis.Evidence : Basis.Attesting;
        }
        return _ground(basis, epoch);
    }

    function _entered(uint256 id, uint256 stateAfter, bytes calldata blob) private {
        emit Entered(id, stateAfter, blob);
    }

    function _setAgent(uint256 id, Account storage account, address agent) private {
        account.agent = agent;
        emit AgentSet(id, agent);
    }

    /// Of the levels that evidence can be brought for: call, liquidation and close-out, and zero.
    function _isRung(uint256 level, Market memory current) private pure returns (bool) {
        return level == 0 || level == current.levels.call || level == current.levels.liquidation
            || level == current.levels.closeOut;
    }

    /// A withdrawal, or an exit: by which of the two was called.
    function _payOut(Step calldata step, Account storage account, Payment calldata payment) private {
        // No evidence can be brought against an account without positions and debt, so its exit outruns nothing.
        bool exiting = msg.sig == this.exit.selector;
        Ground memory ground = _groundOfCall(0);
        Effect memory effect = _effect(
            exiting ? EXIT_TYPEHASH : WITHDRAW_TYPEHASH, abi.encode(payment), By.Owner, ground.market.levels.initial
        );
        if (payment.amount == 0) revert AmountZero();
        if (payment.amount > uint256(type(int256).max)) revert AmountTooLarge(payment.amount, 1);
        (effect.asset, effect.amount, effect.counter) = (payment.asset, -int256(payment.amount), Vault.OUTSIDE);
        effect.evenHeld = exiting;
        _settle(step, account, ground, effect);
        uint64 owed = account.stage == Stage.Healthy ? 0 : account.owed;
        uint64 rest = Vault.payOut(_books, deskOf, step.account, payment, owed);
        if (rest != owed) account.owed = rest;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IAccountVerifier} from "./interfaces/IAccountVerifier.sol";
import {IMarginGate} from "./interfaces/IMarginGate.sol";
import {IMarket, Market} from "./interfaces/IMarket.sol";
import {Bn254} from "./libraries/Bn254.sol";
import {Statement} from "./libraries/Statement.sol";

/// See `IMarginGate` for what each call does and what safety rests on.
///
/// Every call that changes a state goes through `_settle`, which computes the public inputs of the proof from storage and
/// the call's effect. The EIP-712 digest of a call names everything the call does; reduced modulo the group order it is
/// the context that its proof is bound to, and as it stands it is what an absent owner signs. States never recur, so
/// neither proof nor signature has a second effect.
contract MarginGate is IMarginGate, EIP712, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Asset {
        IERC20 token;
        /// Units of the token in one lot.
        uint96 lot;
    }

    /// What a step does, besides taking the account from one state to another.
    struct Effect {
        bytes32 structHash;
        bool ownerOnly;
        uint256 asset;
        /// Units of the token into the account's private state, or out of it where negative.
        int256 amount;
        uint256 fill;
        bool minus;
        uint256 level;
        bool below;
    }

    uint256 private constant MAX_LOTS = type(uint64).max;
    uint256 private constant CASH_DECIMALS = 6;
    uint256 private constant MAX_LOT_DECIMALS = 8;

    bytes32 private constant ABSORB_TYPEHASH = keccak256(
        "Absorb(uint256 account,uint256 stateBefore,uint256 stateAfter,uint256 asset,uint256 amount,uint256 deadline)"
    );
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "Withdraw(uint256 account,uint256 stateBefore,uint256 stateAfter,uint256 asset,uint256 amount,address recipient,uint256 fee,uint256 deadline)"
    );
    bytes32 private constant ATTEST_TYPEHASH = keccak256(
        "Attest(uint256 account,uint256 stateBefore,uint256 stateAfter,uint256 level,uint256 deadline)"
    );
    bytes32 private constant FLAG_TYPEHASH =
        keccak256("Flag(uint256 account,uint256 stateBefore,uint256 stateAfter,uint256 deadline)");
    bytes32 private constant TRADE_TYPEHASH = keccak256(
        "Trade(uint256 account,uint256 stateBefore,uint256 stateAfter,uint256 counterparty,uint256 fill,uint256 deadline)"
    );

    IMarket public immutable market;
    uint256 public accounts;
    mapping(uint256 asset => Asset) public assets;
    mapping(uint256 account => Account) private _accounts;
    mapping(uint256 account => mapping(uint256 asset => uint256)) public creditOf;
    mapping(uint256 asset => uint256) public custodyOf;

    constructor(IMarket source, address owner) EIP712("Plimsoll MarginGate", "1") Ownable(owner) {
        if (address(source).code.length == 0) revert MarketRefused(address(source));
        market = source;
    }

    /// Binds an asset index to a token, for good. Owner only.
    /// @param asset 0 to 14 in the order of every board's policy; 15 is cash
    /// @param lotDecimals one lot is 10^-lotDecimals of a whole token: at most 8, and 6 for cash
    function registerAsset(uint256 asset, IERC20Metadata token, uint256 lotDecimals) external onlyOwner {
        if (asset > Statement.CASH) revert AssetUnknown(asset);
        if (address(assets[asset].token) != address(0)) revert AssetTaken(asset, address(assets[asset].token));
        for (uint256 other = 0; other <= Statement.CASH; other++) {
            if (address(assets[other].token) == address(token)) revert TokenTaken(address(token));
        }
        uint256 decimals = token.decimals();
        bool fits = asset == Statement.CASH ? lotDecimals == CASH_DECIMALS : lotDecimals <= MAX_LOT_DECIMALS;
        if (!fits || decimals < lotDecimals || decimals - lotDecimals > 28) {
            revert LotRefused(asset, lotDecimals, decimals);
        }
        uint96 lot = uint96(10 ** (decimals - lotDecimals));
        assets[asset] = Asset(IERC20(address(token)), lot);
        emit AssetRegistered(asset, address(token), lot);
    }

    /// @inheritdoc IMarginGate
    function open(uint256 board) external returns (uint256 account) {
        uint256 instruments = market.instrumentsOf(board);
        account = ++accounts;
        Account storage opened = _accounts[account];
        opened.owner = msg.sender;
        opened.board = SafeCast.toUint32(board);
        opened.instruments = SafeCast.toUint32(instruments);
        opened.state = Statement.genesisState(instruments);
        emit AccountOpened(account, msg.sender, board);
    }

    /// @inheritdoc IMarginGate
    function deposit(uint256 account, uint256 asset, uint256 amount) external nonReentrant {
        _account(account);
        _lots(asset, amount);
        IERC20 token = assets[asset].token;
        uint256 held = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        _checkMoved(token, amount, token.balanceOf(address(this)), held);
        creditOf[account][asset] += amount;
        custodyOf[asset] += amount;
        emit Deposited(account, asset, amount, msg.sender);
    }

    /// @inheritdoc IMarginGate
    function absorb(Step calldata step, uint256 asset, uint256 amount, bool below) external nonReentrant {
        Account storage account = _account(step.account);
        uint256 credit = creditOf[step.account][asset];
        if (amount > credit) revert CreditTooSmall(step.account, asset, credit, amount);
        bytes32 structHash = keccak256(
            abi.encode(
                ABSORB_TYPEHASH, step.account, step.stateBefore, step.stateAfter, asset, amount, step.deadline
            )
        );
        Effect memory effect = _effect(structHash, account, 0);
        (effect.asset, effect.amount, effect.below) = (asset, _signed(asset, amount), below);
        _settle(step, account, market.latest(account.board), effect);
    }

    /// @inheritdoc IMarginGate
    function withdraw(Step calldata step, uint256 asset, uint256 amount, address recipient, uint256 fee)
        external
        nonReentrant
    {
        Account storage account = _account(step.account);
        if (account.flagged.time != 0) revert AccountFlagged(step.account);
        if (fee > amount) revert FeeAboveAmount(fee, amount);
        bytes32 structHash = keccak256(
            abi.encode(
                WITHDRAW_TYPEHASH,
                step.account,
                step.stateBefore,
                step.stateAfter,
                asset,
                amount,
                recipient,
                fee,
                step.deadline
            )
        );
        Market memory current = market.fresh(account.board);
        Effect memory effect = _effect(structHash, account, current.levels.initial);
        (effect.asset, effect.amount) = (asset, -_signed(asset, amount));
        _settle(step, account, current, effect);
        _pay(asset, recipient, amount - fee);
        _pay(asset, msg.sender, fee);
        emit Withdrawn(step.account, asset, amount, recipient, fee);
    }

    /// @inheritdoc IMarginGate
    function attest(Step calldata step, uint256 level) external nonReentrant {
        Account storage account = _account(step.account);
        Market memory current = market.fresh(account.board);
        if (
            level != current.levels.initial && level != current.levels.call && level != current.levels.liquidation
                && level != current.levels.closeOut
        ) revert LevelNotInPolicy(level, current.policyId);
        bytes32 structHash = keccak256(
            abi.encode(ATTEST_TYPEHASH, step.account, step.stateBefore, step.stateAfter, level, step.deadline)
        );
        _settle(step, account, current, _effect(structHash, account, level));
    }

    /// @inheritdoc IMarginGate
    function flag(Step calldata step) external nonReentrant {
        Account storage account = _account(step.account);
        if (account.flagged.time != 0) revert AccountFlagged(step.account);
        Market memory current = market.fresh(account.board);
        bytes32 structHash =
            keccak256(abi.encode(FLAG_TYPEHASH, step.account, step.stateBefore, step.stateAfter, step.deadline));
        Effect memory effect = _effect(structHash, account, current.levels.call);
        (effect.ownerOnly, effect.below) = (false, true);
        _settle(step, account, current, effect);
        account.flagged = Verdict(current.levels.call, current.epoch, uint64(block.timestamp));
        emit Flagged(step.account, current.levels.call, current.epoch);
    }

    /// @inheritdoc IMarginGate
    function trade(Step calldata a, Step calldata b, uint256 fill) external nonReentrant {
        Account storage accountA = _account(a.account);
        Account storage accountB = _account(b.account);
        if (a.account == b.account) revert SameAccount(a.account);
        if (accountA.board != accountB.board) revert BoardsDiffer(accountA.board, accountB.board);
        if (fill == Statement.noFill(accountA.instruments)) revert FillRefused(fill);
        Market memory current = market.fresh(accountA.board);
        _settleSide(a, accountA, b.account, fill, false, current);
        _settleSide(b, accountB, a.account, fill, true, current);
    }

    /// @inheritdoc IMarginGate
    function accountOf(uint256 account) external view returns (Account memory) {
        return _account(account);
    }

    // ---- Internal ----

    function _account(uint256 id) private view returns (Account storage account) {
        account = _accounts[id];
        if (account.owner == address(0)) revert AccountUnknown(id);
    }

    /// An effect that moves nothing, at least a level, by the owner.
    function _effect(bytes32 structHash, Account storage account, uint256 level)
        private
        view
        returns (Effect memory effect)
    {
        effect.structHash = structHash;
        effect.ownerOnly = true;
        effect.fill = Statement.noFill(account.instruments);
        effect.level = level;
    }

    function _settleSide(
        Step calldata step,
        Account storage account,
        uint256 counterparty,
        uint256 fill,
        bool minus,
        Market memory current
    ) private {
        bytes32 structHash = keccak256(
            abi.encode(
                TRADE_TYPEHASH, step.account, step.stateBefore, step.stateAfter, counterparty, fill, step.deadline
            )
        );
        Effect memory effect = _effect(structHash, account, current.levels.initial);
        (effect.fill, effect.minus) = (fill, minus);
        _settle(step, account, current, effect);
    }

    /// The only place where states change, and where credit and custody fall. Checks, verifies, then writes.
    function _settle(Step calldata step, Account storage account, Market memory current, Effect memory effect) private {
        if (block.timestamp > step.deadline) revert DeadlinePassed(step.deadline, block.timestamp);
        uint256 stateBefore = account.state;
        if (step.stateBefore != stateBefore) revert StateSuperseded(step.account, stateBefore, step.stateBefore);
        if (step.stateAfter == stateBefore || step.stateAfter == Statement.genesisState(account.instruments)) {
            revert StateNotNew(step.account, step.stateAfter);
        }
        if (step.policyId != current.policyId) revert PolicySuperseded(current.policyId, step.policyId);
        if (step.epoch != current.epoch) revert EpochSuperseded(current.epoch, step.epoch);
        bytes32 digest = _hashTypedDataV4(effect.structHash);
        if (
            effect.ownerOnly && msg.sender != account.owner
                && !SignatureChecker.isValidSignatureNowCalldata(account.owner, digest, step.signature)
        ) revert NotAuthorised(step.account, msg.sender);

        int256 lots = effect.amount == 0 ? int256(0) : effect.amount / int256(uint256(assets[effect.asset].lot));
        uint256[6] memory inputs = [
            stateBefore,
            step.stateAfter,
            Statement.encodeTransfer(effect.asset, lots),
            effect.fill,
            Statement.encodeTerms(effect.level, effect.below, effect.minus),
            uint256(digest) % Bn254.R
        ];
        if (current.verifier.verify(step.proof, inputs, current.point) != IAccountVerifier.verify.selector) {
            revert VerifierRefused(address(current.verifier));
        }

        account.state = step.stateAfter;
        if (effect.amount > 0) creditOf[step.account][effect.asset] -= uint256(effect.amount);
        if (effect.amount < 0) {
            uint256 amount = uint256(-effect.amount);
            uint256 custody = custodyOf[effect.asset];
            if (amount > custody) revert CustodyTooSmall(effect.asset, custody, amount);
            custodyOf[effect.asset] = custody - amount;
        }
        emit Settled(step.account, stateBefore, step.stateAfter, inputs[2], effect.fill, inputs[4], current.epoch);
        if (!effect.below && effect.level != 0) _attested(step.account, account, current, uint32(effect.level));
    }

    /// Any proof of at least a level above zero is an attestation.
    function _attested(uint256 id, Account storage account, Market memory current, uint32 level) private {
        account.attested = Verdict(level, current.epoch, uint64(block.timestamp));
        if (level < current.levels.call || account.flagged.time == 0) return;
        delete account.flagged;
        emit FlagCleared(id, level, current.epoch);
    }

    /// The amount in lots: at least one, whole, at most MAX_LOTS.
    function _lots(uint256 asset, uint256 amount) private view returns (uint256 lots) {
        uint256 lot = assets[asset].lot;
        if (lot == 0) revert AssetUnknown(asset);
        if (amount == 0) revert AmountZero();
        if (amount % lot != 0) revert AmountNotInLots(amount, lot);
        lots = amount / lot;
        if (lots > MAX_LOTS) revert AmountTooLarge(amount, lot);
    }

    function _signed(uint256 asset, uint256 amount) private view returns (int256) {
        _lots(asset, amount);
        return int256(amount);
    }

    function _pay(uint256 asset, address to, uint256 amount) private {
        if (amount == 0) return;
        IERC20 token = assets[asset].token;
        uint256 held = token.balanceOf(address(this));
        token.safeTransfer(to, amount);
        _checkMoved(token, amount, held, token.balanceOf(address(this)));
    }

    function _checkMoved(IERC20 token, uint256 asked, uint256 more, uint256 less) private pure {
        if (more < less || more - less != asked) {
            revert TransferInexact(address(token), asked, more < less ? 0 : more - less);
        }
    }
}

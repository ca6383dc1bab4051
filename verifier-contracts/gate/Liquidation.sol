// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {ILiquidation} from "../interfaces/ILiquidation.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {EXIT_LEVEL, IMarket, IQueue, Market, Terms} from "../interfaces/IMarket.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// What of the gate only its implementation has.
interface IGate is IMarginGate {
    function market() external view returns (IMarket);
    function owner() external view returns (address);
    function operatorSeen() external view returns (uint64);
    function operatorDeadline() external view returns (uint64);
}

/// See `ILiquidation` for what is proven and what is bounded by it. Why it is so and not otherwise:
///
///  - The floor is paid inside the fill. A public value V of the lot would tell the market what is being sold, would need
///    prices below zero for insolvent accounts, and would leave the account after the lot without what it was sold for, so
///    that no statement about it could say "improved" or "not too much". In the fill all that is one statement.
///  - `size` bounds the lot's margin from above. That caps slices and sets the first price, but bounds no loss: whoever starts
///    a lot could overstate it. The loss is bounded by `floor`, in terms of the margin that the lot really has.
///  - An account must improve at the floor (`level` before and after). Else one leg after the other of a hedged account, each
///    of a large margin of its own, could be sold at a discount without end.
///  - Only the operator starts lots. The owner could else hold liquidation up with lots that nobody wants.
///  - While a lot is out the account has been paid for what may still come back. It must not pay, trade, attest or bid: the
///    gate sees to the first three by its stage, `take` to the last.
///  - What the account is paid inside a lot is at most what the lot is worth (`worth`): else whoever starts it would have the
///    account's state hold cash that no bidder will ever bring.
///  - The reward is paid out of the price, not by the fund: a lot can be as small as one likes, and the fund would pay for
///    each.
///  - A settlement while a lot is out would leave the lot's expired positions unsettled: the lot goes back first.
///  - An auction runs on the board's clock, which stops with the market, and ends: an unsold lot whose contents only one
///    bidder knows would be his option for as long as he likes.
contract Liquidation is ILiquidation, EIP712, ReentrancyGuardTransient {
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_AMOUNT = uint256(int256(type(int64).max));
    uint256 private constant FUND = 0;

    bytes32 private constant LOT_TYPEHASH = keccak256(
        "Lot(uint256 account,uint256 stateBefore,uint256 stateAfter,uint64 policyId,uint64 epoch,uint8 kind,uint256 fill,uint64 size,uint64 writeOff,uint32 level,uint256 beneficiary,bytes opening)"
    );
    // Calls of the gate, with the members that it fills in itself.
    bytes32 private constant START_TYPEHASH = keccak256(
        "StartLot(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,bytes32 lot)"
    );
    bytes32 private constant TAKE_TYPEHASH = keccak256(
        "TakeLot(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 liquidated,uint256 fill,uint256 price)"
    );
    bytes32 private constant CURE_TYPEHASH = keccak256(
        "CureLot(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 fill)"
    );
    bytes32 private constant RETURN_TYPEHASH = keccak256(
        "ReturnLot(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 fill)"
    );

    IGate public immutable gate;
    IMarket public immutable market;
    /// Of each board; zero for none.
    mapping(uint256 board => uint256 account) public backstopOf;
    mapping(uint256 account => Lot) private _lots;
    /// Proposed by the gate's owner; zeros where nothing is.
    Withdrawal public withdrawal;
    /// Size of the last slice that found no bidder, since the account was healthy or a slice of it was sold.
    mapping(uint256 account => uint64) private _failed;

    modifier onlyOwner() {
        if (msg.sender != gate.owner()) revert IMarginGate.NotAuthorised(FUND, msg.sender);
        _;
    }

    constructor(IGate gate_) EIP712("Plimsoll Liquidation", "1") {
        gate = gate_;
        market = gate_.market();
    }

    // ---- Owner of the gate ----

    /// @inheritdoc ILiquidation
    function setBackstop(uint256 board, uint256 account) external onlyOwner {
        if (account != 0 && gate.accountOf(account).board != board) revert BackstopRefused(board, account);
        backstopOf[board] = account;
        emit BackstopSet(board, account);
    }

    /// @inheritdoc ILiquidation
    function proposeWithdrawal(address to, uint256 amount) external onlyOwner {
        if (to == address(0)) revert IMarginGate.AddressZero();
        if (amount == 0) revert IMarginGate.AmountZero();
        uint256 readyAt = block.timestamp + IQueue(market.queue()).getMinDelay();
        withdrawal = Withdrawal(to, uint64(readyAt), amount);
        emit WithdrawalProposed(to, amount, readyAt);
    }

    /// @inheritdoc ILiquidation
    function cancelWithdrawal() external {
        address guardian = IQueue(market.queue()).guardian();
        if (msg.sender != guardian && msg.sender != gate.owner()) revert IMarginGate.NotAuthorised(FUND, msg.sender);
        Withdrawal memory proposed = _proposed();
        emit WithdrawalCancelled(proposed.to, proposed.amount);
    }

    // ---- Anyone, when the time has come ----

    /// @inheritdoc ILiquidation
    function withdrawFund() external nonReentrant {
        Withdrawal memory proposed = _proposed();
        uint256 life = IQueue(market.queue()).LIFE();
        uint256 readyAt = proposed.readyAt;
        if (block.timestamp < readyAt) revert WithdrawalTooEarly(readyAt, block.timestamp);
        if (block.timestamp > readyAt + life) revert WithdrawalLapsed(readyAt, block.timestamp);
        gate.payFromFund(proposed.to, proposed.amount);
        emit FundWithdrawn(proposed.to, proposed.amount);
    }

    // ---- Auctions ----

    /// @inheritdoc ILiquidation
    function start(
        IMarginGate.Step calldata step,
        Offer calldata offer,
        Appraisal[] calldata appraisals,
        bytes calldata operatorSignature
    ) external nonReentrant {
        IMarginGate.Account memory account = gate.accountOf(step.account);
        if (_lots[step.account].kind != Kind.None) revert LotOpen(step.account);
        if (offer.fill == Statement.noFill(account.instruments)) revert IMarginGate.FillRefused(offer.fill);
        Market memory current = market.evidence(account.board);
        if (step.epoch != current.epoch) revert IMarginGate.EpochNotStanding(current.epoch, step.epoch);
        if (step.policyId != current.policyId) revert IMarginGate.PolicySuperseded(current.policyId, step.policyId);
        if (account.stage == IMarginGate.Stage.Healthy) delete _failed[step.account];

        Terms memory terms = market.termsOf(account.board);
        bytes32 lot = _lotDigest(step, offer);
        _checkOperator(lot, operatorSignature);
        _checkOffer(step.account, account, offer, current, terms);
        _appraise(step, account.instruments, offer, appraisals, current, terms.discountBps, lot);
        uint64 fromFund = _writeOff(step.account, offer.writeOff);
        _lots[step.account] = Lot({
            kind: offer.kind,
            board: account.board,
            epoch: current.epoch,
            duration: terms.auctionDuration,
            settlements: account.settled,
            size: offer.size,
            writeOff: offer.writeOff,
            fromFund: fromFund,
            reward: terms.reward,
            fill: offer.fill,
            firstPrice: Math.ceilDiv((uint256(terms.premiumBps) + terms.discountBps) * offer.size, BPS),
            start: market.clock(account.board),
            beneficiary: offer.beneficiary
        });

        IMarginGate.Effect memory effect;
        (effect.typeHash, effect.args, effect.sender) = (START_TYPEHASH, abi.encode(lot), msg.sender);
        (effect.fill, effect.minus) = (offer.fill, true);
        if (offer.kind == Kind.Slice) {
            (effect.basis, effect.level) = (IMarginGate.Basis.Current, offer.level);
        } else {
            effect.basis = IMarginGate.Basis.Exit;
            _cash(effect, int256(uint256(offer.writeOff)), step.account);
        }
        gate.settleFor(step, effect);
        gate.setStage(step.account, IMarginGate.Stage.Liquidating);
        emit LotStarted(
            step.account,
            offer.kind,
            offer.fill,
            offer.size,
            offer.writeOff,
            fromFund,
            offer.level,
            current.epoch,
            offer.opening
        );
    }

    /// @inheritdoc ILiquidation
    function take(uint256 account, IMarginGate.Step calldata bidder, uint256 price) external nonReentrant {
        Lot memory lot = _lot(account);
        uint256 elapsed = market.clock(lot.board) - lot.start;
        if (elapsed >= lot.duration) revert AuctionEnded(elapsed, lot.duration);
        uint256 asked = _price(lot, elapsed);
        if (price < asked) revert PriceTooLow(price, asked);
        if (price > MAX_AMOUNT) revert IMarginGate.AmountTooLarge(price, 1);
        IMarginGate.Effect memory effect = _taking(account, lot, bidder.account, price);
        effect.level = market.outflow(lot.board).levels.initial;
        _cash(effect, -int256(price), account);
        _sold(account, lot, bidder, effect, price);
    }

    /// @inheritdoc ILiquidation
    function backstop(uint256 account, IMarginGate.Step calldata step) external nonReentrant {
        Lot memory lot = _lot(account);
        if (step.account != backstopOf[lot.board]) revert NotBackstop(step.account, backstopOf[lot.board]);
        uint256 elapsed = market.clock(lot.board) - lot.start;
        if (elapsed < lot.duration) revert AuctionRunning(elapsed, lot.duration);
        if (elapsed >= 2 * uint256(lot.duration)) revert AuctionEnded(elapsed, 2 * uint256(lot.duration));
        _sold(account, lot, step, _taking(account, lot, step.account, 0), 0);
    }

    /// @inheritdoc ILiquidation
    function cure(IMarginGate.Step calldata step) external nonReentrant {
        Lot memory lot = _lot(step.account);
        // Values older than the lot's would undo what was proven with them.
        if (step.epoch < lot.epoch) revert IMarket.EpochSuperseded(lot.epoch, step.epoch);
        Market memory values = market.attesting(lot.board, step.epoch);
        IMarginGate.Effect memory effect;
        (effect.typeHash, effect.by, effect.level) = (CURE_TYPEHASH, IMarginGate.By.Owner, values.levels.call);
        effect.basis = IMarginGate.Basis.Attesting;
        _back(step, lot, effect);
        emit LotCured(step.account);
    }

    /// @inheritdoc ILiquidation
    function giveBack(IMarginGate.Step calldata step, bool below) external nonReentrant {
        Lot memory lot = _lot(step.account);
        IMarginGate.Effect memory effect;
        effect.pending = market.settlementsOf(lot.board) != lot.settlements;
        if (!effect.pending) {
            uint256 elapsed = market.clock(lot.board) - lot.start;
            uint256 end = (backstopOf[lot.board] == 0 ? 1 : 2) * uint256(lot.duration);
            if (elapsed < end) revert AuctionRunning(elapsed, end);
            if (lot.kind == Kind.Slice) _failed[step.account] = lot.size;
        }
        (effect.typeHash, effect.basis) = (RETURN_TYPEHASH, IMarginGate.Basis.Exit);
        (effect.level, effect.below) = (EXIT_LEVEL, below);
        _back(step, lot, effect);
        emit LotReturned(step.account);
    }

    /// @inheritdoc ILiquidation
    function priceOf(uint256 account) external view returns (uint256) {
        Lot memory lot = _lot(account);
        return _price(lot, market.clock(lot.board) - lot.start);
    }

    /// @inheritdoc ILiquidation
    function lotOf(uint256 account) external view returns (Lot memory) {
        return _lots[account];
    }

    /// @inheritdoc ILiquidation
    function capOf(uint256 account) public view returns (uint256 cap) {
        IMarginGate.Account memory held = gate.accountOf(account);
        cap = market.termsOf(held.board).maxSlice;
        uint64 failed = _failed[account];
        if (failed != 0 && held.stage != IMarginGate.Stage.Healthy) cap = Math.min(cap, failed / 2);
    }

    /// @inheritdoc ILiquidation
    function appraisalContext(IMarginGate.Step calldata step, Offer calldata offer) external view returns (uint256) {
        return uint256(_lotDigest(step, offer)) % Bn254.R;
    }

    // ---- Starting ----

    function _lotDigest(IMarginGate.Step calldata step, Offer calldata offer) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    LOT_TYPEHASH,
                    step.account,
                    step.stateBefore,
                    step.stateAfter,
                    step.policyId,
                    step.epoch,
                    offer.kind,
                    offer.fill,
                    offer.size,
                    offer.writeOff,
                    offer.level,
                    offer.beneficiary,
                    keccak256(offer.opening)
                )
            )
        );
    }

    function _checkOperator(bytes32 digest, bytes calldata signature) private view {
        address operator = gate.operator();
        if (msg.sender == operator) return;
        if (block.timestamp > uint256(gate.operatorSeen()) + gate.operatorDeadline()) return;
        if (!SignatureChecker.isValidSignatureNowCalldata(operator, digest, signature)) {
            revert OperatorSignatureMissing(operator);
        }
    }

    function _checkOffer(
        uint256 id,
        IMarginGate.Account memory account,
        Offer calldata offer,
        Market memory current,
        Terms memory terms
    ) private view {
        uint256 cap = capOf(id);
        // Just below the call level: to prove that one would start the account's clocks anew, should the lot come back.
        uint256 allowed = current.levels.call - 1;
        if (!_missed(account, terms)) allowed = Math.min(allowed, current.levels.liquidation);
        if (offer.kind == Kind.Slice) {
            if (offer.size < terms.dust || offer.size > cap) revert SizeRefused(offer.size, terms.dust, cap);
            if (offer.writeOff != 0) revert WriteOffRefused(offer.writeOff);
        } else if (offer.kind == Kind.CloseOut) {
            if (offer.size == 0 || offer.size > MAX_AMOUNT) revert SizeRefused(offer.size, 1, MAX_AMOUNT);
            if (offer.writeOff > MAX_AMOUNT || offer.writeOff != 0 && offer.level != 0) {
                revert WriteOffRefused(offer.writeOff);
            }
            if (cap >= terms.dust) allowed = current.levels.closeOut;
        } else {
            revert KindUnknown();
        }
        if (offer.level > allowed) revert LevelNotAllowed(offer.level, allowed);
        // Else no price above the floor could be paid.
        if (offer.beneficiary != FUND) gate.accountOf(offer.beneficiary);
    }

    /// Whether a deadline of the account's has passed, on the board's clock: to attest, or to cure once called.
    function _missed(IMarginGate.Account memory account, Terms memory terms) private view returns (bool) {
        uint256 clock = market.clock(account.board);
        return clock > uint256(account.provenAt) + terms.attestInterval
            || (account.stage != IMarginGate.Stage.Healthy && clock > uint256(account.calledAt) + terms.curePeriod);
    }

    function _appraise(
        IMarginGate.Step calldata step,
        uint256 instruments,
        Offer calldata offer,
        Appraisal[] calldata appraisals,
        Market memory current,
        uint256 discountBps,
        bytes32 lot
    ) private view {
        uint256 expected = offer.kind == Kind.Slice || offer.writeOff != 0 ? 5 : 4;
        if (appraisals.length != expected) revert AppraisalsMissing(expected, appraisals.length);
        uint256[8][] memory proofs = new uint256[8][](expected);
        uint256[6][] memory inputs = new uint256[6][](expected);
        uint256 genesis = Statement.genesisState(instruments);
        for (uint256 i = 0; i < expected; i++) {
            proofs[i] = appraisals[i].proof;
            inputs[i] = [
                genesis,
                appraisals[i].stateAfter,
                Statement.encodeTransfer(0, 0),
                offer.fill,
                Statement.encodeTerms(discountBps, true, false),
                uint256(lot) % Bn254.R
            ];
        }
        // evidence: the account as it stands
        inputs[0][0] = step.stateBefore;
        inputs[0][3] = Statement.noFill(instruments);
        inputs[0][4] = Statement.encodeTerms(offer.level, true, false);
        // floor: as it is; worth; size
        inputs[2][2] = Statement.encodeTransfer(Statement.CASH, 1);
        inputs[2][4] = Statement.encodeTerms(0, false, false);
        inputs[3][2] = Statement.encodeTransfer(Statement.CASH, int256(uint256(offer.size)));
        inputs[3][4] = Statement.encodeTerms(BPS + discountBps, false, false);
        if (expected == 5) {
            inputs[4][0] = step.stateAfter;
            inputs[4][3] = Statement.noFill(instruments);
            if (offer.kind == Kind.Slice) {
                inputs[4][4] = Statement.encodeTerms(current.levels.initial, true, false);
            } else {
                // Nothing is left: one millionth less, and it would be a debt.
                inputs[4][2] = Statement.encodeTransfer(Statement.CASH, -1);
                inputs[4][4] = Statement.encodeTerms(0, true, false);
            }
        }
        if (
            current.verifier.verifyBatch(proofs, inputs, current.point)
                != IAccountVerifier.verifyBatch.selector
        ) revert IMarginGate.VerifierRefused(address(current.verifier));
    }

    /// Has the account's credit hold what is written off. @return fromFund what of it the fund paid, in 1e-6
    function _writeOff(uint256 account, uint64 amount) private returns (uint64 fromFund) {
        if (amount == 0) return 0;
        uint256 unit = _cashLot();
        uint256 own = gate.creditOf(account, Statement.CASH) / unit;
        if (own >= amount) return 0;
        fromFund = uint64(amount - own);
        gate.moveCredit(FUND, account, Statement.CASH, fromFund * unit);
    }

    // ---- Ending ----

    function _taking(uint256 account, Lot memory lot, uint256 bidder, uint256 price)
        private
        view
        returns (IMarginGate.Effect memory effect)
    {
        if (bidder == account) revert IMarginGate.SameAccount(account);
        IMarginGate.Account memory held = gate.accountOf(bidder);
        if (held.board != lot.board) revert IMarginGate.BoardsDiffer(lot.board, held.board);
        if (held.stage != IMarginGate.Stage.Healthy) revert IMarginGate.StageWrong(bidder, held.stage);
        uint64 settlements = market.settlementsOf(lot.board);
        if (settlements != lot.settlements) revert LotSuperseded(lot.settlements, settlements);
        (effect.typeHash, effect.args) = (TAKE_TYPEHASH, abi.encode(account, lot.fill, price));
        (effect.sender, effect.fill) = (msg.sender, lot.fill);
        effect.by = IMarginGate.By.Owner;
        effect.basis = IMarginGate.Basis.Outflow;
    }

    /// The bidder's step, and who gets the price.
    function _sold(
        uint256 account,
        Lot memory lot,
        IMarginGate.Step calldata bidder,
        IMarginGate.Effect memory effect,
        uint256 price
    ) private {
        delete _lots[account];
        delete _failed[account];
        gate.settleFor(bidder, effect);
        uint256 repaid = Math.min(price, lot.fromFund);
        uint256 reward = lot.beneficiary == account ? 0 : Math.min(price - repaid, lot.reward);
        _move(account, FUND, repaid);
        _move(account, lot.beneficiary, reward);
        gate.setStage(
            account, lot.kind == Kind.Slice ? IMarginGate.Stage.Called : IMarginGate.Stage.Closed
        );
        emit LotTaken(account, bidder.account, price, repaid, reward);
    }

    /// The account's step back, and the fund's money with it. The account is called; its step may make it healthy.
    function _back(IMarginGate.Step calldata step, Lot memory lot, IMarginGate.Effect memory effect) private {
        delete _lots[step.account];
        (effect.args, effect.sender, effect.fill) = (abi.encode(lot.fill), msg.sender, lot.fill);
        gate.setStage(step.account, IMarginGate.Stage.Called);
        _cash(effect, -int256(uint256(lot.writeOff)), step.account);
        gate.settleFor(step, effect);
        _move(step.account, FUND, lot.fromFund);
    }

    // ---- The fund ----

    /// Takes what is proposed.
    function _proposed() private returns (Withdrawal memory proposed) {
        proposed = withdrawal;
        if (proposed.readyAt == 0) revert WithdrawalMissing();
        delete withdrawal;
    }

    // ---- Amounts ----

    function _lot(uint256 account) private view returns (Lot memory lot) {
        lot = _lots[account];
        if (lot.kind == Kind.None) revert LotMissing(account);
    }

    function _price(Lot memory lot, uint256 elapsed) private pure returns (uint256) {
        if (elapsed >= lot.duration) return 0;
        return Math.mulDiv(lot.firstPrice, lot.duration - elapsed, lot.duration, Math.Rounding.Ceil);
    }

    /// Cash (1e-6) between an account's private state and a credit.
    function _cash(IMarginGate.Effect memory effect, int256 amount, uint256 counter) private view {
        if (amount == 0) return;
        effect.asset = Statement.CASH;
        effect.amount = amount * int256(_cashLot());
        effect.counter = counter;
    }

    function _move(uint256 from, uint256 to, uint256 amount) private {
        if (amount != 0) gate.moveCredit(from, to, Statement.CASH, amount * _cashLot());
    }

    function _cashLot() private view returns (uint256 lot) {
        (, lot) = gate.assets(Statement.CASH);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Desk} from "./Desk.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {ILiquidation} from "../interfaces/ILiquidation.sol";
import {ILotVerifier} from "../interfaces/ILotVerifier.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {EXIT_LEVEL, IMarket, Market, Terms} from "../interfaces/IMarket.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";

/// See `ILiquidation` for what is proven and what is bounded by it, docs/liquidation.md for the auction. Why it is so and not otherwise:
///
///  - The account's state changes when the lot is taken: what nobody takes leaves nothing to undo, and no secret locks an account.
///  - The fund pays when a lot is taken, for an account that owes more than its lot is worth at market. Before the auction, or by
///    haircut equity, it would pay for what a member sells to itself.
///  - The price ends at (size − cost) · (1 − discount): a lot that nobody else can open is not sold for nothing. What a lot costs at the policy's
///    weights is the bidder's pay for the risk that he takes over; the rest of its worth has a market.
///  - Only the operator starts lots: an owner could hold liquidation up with lots that nobody is told of.
///  - A failed slice lowers the next one's size, never below twice dust, and raises no level: why nobody took it is not known.
///  - The whole credit counts, as it is or was noted minutes ago: else either a payment would not count, or a token that nobody wants,
///    paid in again and again, would outrun every proof. What came since the note counts in a cure.
///  - The reward is a part of what the price brings above the debt: neither fund nor account pays for lots that bring nothing.
///  - An auction runs on the board's clock, which stops with the market, and is void after too long a stop.
contract Liquidation is Desk, ILiquidation {
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_AMOUNT = uint256(int256(type(int64).max));
    uint256 private constant FUND = 0;
    uint256 private constant CREDITS = 16;
    /// Seconds for which a note of an account's credit counts.
    uint256 private constant NOTE_LIFE = 5 minutes;
    /// The reward is at most this part of what the price brings above the debt.
    uint256 private constant REWARD_PART = 20;
    uint256 private constant STRIDE = 84;
    /// Of a `Lot`, encoded.
    uint256 private constant LOT_BYTES = 0x320;

    bytes32 private constant START = keccak256("plimsoll-lot-start/2");
    bytes32 private constant TAKE_TYPEHASH = keccak256(
        "TakeLot(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,bytes32 lot,uint256 price)"
    );
    bytes32 private constant CURE_TYPEHASH = keccak256(
        "CureLot(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,bytes32 lot,uint256 asset,uint256 amount)"
    );

    uint256 private immutable _genesis;
    uint256 private immutable _noFill;
    /// @inheritdoc ILiquidation
    uint256 public backstop;
    /// @inheritdoc ILiquidation
    mapping(uint256 account => bytes32) public auctionOf;
    /// Slices in a row that found nobody, by when the account left `Healthy`.
    mapping(uint256 account => mapping(uint256 calledAt => uint256)) private _failures;
    /// When a credit of an account in a state was noted.
    mapping(bytes32 noted => uint256 time) private _noted;

    /// What a start is held to.
    struct Ground {
        IMarginGate.Account account;
        Market values;
        Terms terms;
        uint256 clock;
        uint64 settlements;
        uint256 tolerance;
        /// Of the proofs.
        bytes32 digest;
    }

    constructor(IMarginGate gate_) Desk(gate_) {
        uint256 instruments = gate_.instruments();
        (_genesis, _noFill) = (Statement.genesisState(instruments), Statement.noFill(instruments));
    }

    // ---- Queue ----

    /// @inheritdoc ILiquidation
    function setBackstop(uint256 account) external {
        if (msg.sender != gate.queue()) revert NotQueue(msg.sender);
        if (account > gate.accounts()) revert IMarginGate.AccountUnknown(account);
        backstop = account;
        emit BackstopSet(account);
    }

    // ---- Auctions ----

    /// @inheritdoc ILiquidation
    function note(uint256 account) external {
        uint256[6] memory credit = _credit(account);
        _noted[keccak256(abi.encode(account, gate.accountOf(account).state, credit))] = block.timestamp;
        emit CreditNoted(account, credit);
    }

    /// @inheritdoc ILiquidation
    function start(
        IMarginGate.Step calldata step,
        Offer calldata offer,
        bytes calldata opening,
        Appraisal[] calldata appraisals,
        bytes calldata operatorSignature
    ) external returns (bytes32 id) {
        Ground memory ground = _ground(step);
        ground.digest = startDigest(step, offer, opening);
        IExchange(gate.deskOf(IMarginGate.Desk.Exchange)).checkAgreement(msg.sender, ground.digest, true, operatorSignature);
        _checkOffer(step.account, offer, ground);
        _checkCredit(step.account, offer.credit, step.stateBefore);
        _verifyLot(step, offer, ground);
        bool insolvent = _appraise(step.stateAfter, offer, appraisals, ground);

        Lot memory lot = _lotOf(step, offer, ground, insolvent);
        id = keccak256(abi.encode(lot));
        auctionOf[step.account] = id;
        gate.setStage(step.account, IMarginGate.Stage.Liquidating, 0);
        emit LotStarted(step.account, id, lot, offer.size, step.blob, opening);
    }

    /// @inheritdoc ILiquidation
    function take(Lot calldata lot, bytes calldata blob, IMarginGate.Step calldata bidder, uint256 price) external {
        bytes32 id = _close(lot);
        if (keccak256(blob) != lot.blobHash) revert BlobDiffers(lot.blobHash);
        uint64 settlements = market.settlementsOf(board);
        if (settlements != lot.settlements) revert LotSuperseded(lot.settlements, settlements);
        bool byBackstop = _checkTurn(lot, bidder.account);
        uint256 asked = _price(lot);
        if (price < asked) revert PriceTooLow(price, asked);
        if (price > (byBackstop ? asked : lot.firstPrice)) revert PriceTooHigh(price);
        if (bidder.account == lot.account) revert BidderRefused(bidder.account);
        IMarginGate.Stage stage = gate.accountOf(bidder.account).stage;
        if (stage != IMarginGate.Stage.Healthy) revert IMarginGate.StageWrong(bidder.account, stage);

        delete _failures[lot.account][_calledAt(lot.account)];
        uint256 unit = _unit(Statement.CASH);
        IMarginGate.Effect memory effect;
        (effect.typeHash, effect.args) = (TAKE_TYPEHASH, abi.encode(id, price));
        (effect.by, effect.sender, effect.fill) = (IMarginGate.By.Owner, msg.sender, lot.fill);
        (effect.asset, effect.amount, effect.counter) = (Statement.CASH, -int256(price * unit), lot.account);
        if (!byBackstop) (effect.level, effect.evenHeld) = (market.outflow(board).levels.initial, true);
        _step(IMarginGate.Basis.Outflow, bidder, effect);
        _sold(lot, blob);
        _share(lot, id, bidder.account, price, unit);
    }

    /// @inheritdoc ILiquidation
    function cure(Lot calldata lot, IMarginGate.Step calldata step, uint256 asset, uint256 amount) external {
        bytes32 id = _close(lot);
        if (step.account != lot.account) revert LotUnknown(step.account, id);
        // Values older than the lot's would undo what was proven with them.
        if (step.epoch < lot.epoch) revert IMarket.EpochSuperseded(lot.epoch, step.epoch);
        // A step at the call level makes a called account healthy.
        gate.setStage(lot.account, IMarginGate.Stage.Called, 0);
        IMarginGate.Effect memory effect;
        (effect.typeHash, effect.args) = (CURE_TYPEHASH, abi.encode(id, asset, amount));
        (effect.by, effect.sender, effect.evenHeld) = (IMarginGate.By.Owner, msg.sender, true);
        if (amount > MAX_AMOUNT * _unit(asset)) revert IMarginGate.AmountTooLarge(amount, _unit(asset));
        (effect.asset, effect.amount, effect.counter) = (asset, int256(amount), lot.account);
        effect.level = market.attesting(board, step.epoch).levels.call;
        _step(IMarginGate.Basis.Attesting, step, effect);
        emit LotCured(lot.account, id);
    }

    /// @inheritdoc ILiquidation
    function void(Lot calldata lot) external {
        bytes32 id = _close(lot);
        if (market.settlementsOf(board) == lot.settlements) {
            uint256 clock = market.wind(board);
            if (clock < lot.voidFrom && block.timestamp < lot.voidTime) revert AuctionRunning(clock, lot.voidFrom);
            // A shift by 64 and more leaves nothing of a cap.
            if (lot.kind == Kind.Slice && clock >= lot.end) _failures[lot.account][_calledAt(lot.account)]++;
        }
        gate.setStage(lot.account, IMarginGate.Stage.Called, lot.epoch);
        emit LotVoided(lot.account, id);
    }

    // ---- Views ----

    /// @inheritdoc ILiquidation
    function priceOf(Lot calldata lot) external view returns (uint256) {
        _opened(lot);
        return _price(lot);
    }

    /// @inheritdoc ILiquidation
    function capOf(uint256 account) external view returns (uint256) {
        return _cap(account, gate.accountOf(account), market.termsOf(board));
    }

    /// @inheritdoc ILiquidation
    function startDigest(IMarginGate.Step calldata step, Offer calldata offer, bytes calldata opening)
        public
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                START,
                block.chainid,
                address(this),
                step.account,
                step.stateBefore,
                step.stateAfter,
                keccak256(step.blob),
                step.deadline,
                step.policyId,
                step.epoch,
                keccak256(abi.encode(offer)),
                keccak256(opening)
            )
        );
    }

    // ---- Starting ----

    /// What the step is held to; reverts where it is of another state, epoch or policy than the one that counts.
    function _ground(IMarginGate.Step calldata step) private returns (Ground memory ground) {
        if (block.timestamp > step.deadline) revert IMarginGate.DeadlinePassed(step.deadline, block.timestamp);
        Market memory values = market.evidence(board);
        if (step.epoch != values.epoch) revert IMarginGate.EpochNotStanding(values.epoch, step.epoch);
        if (step.policyId != values.policyId) revert IMarginGate.PolicySuperseded(values.policyId, step.policyId);
        ground.values = values;
        ground.terms = market.termsOf(board);
        ground.clock = market.wind(board);
        ground.settlements = market.settlementsOf(board);
        ground.account = gate.accountOf(step.account);
        if (auctionOf[step.account] != 0) revert LotOpen(step.account);
        uint256 state = ground.account.state;
        if (state != step.stateBefore) revert IMarginGate.StateSuperseded(step.account, state, step.stateBefore);
        uint24 settled = ground.account.settled;
        if (settled == type(uint24).max) revert IMarginGate.AccountRetired(step.account);
        if (settled != ground.settlements) revert IMarginGate.SettlementPending(step.account, uint64(settled) + 1);
    }

    function _checkOffer(uint256 id, Offer calldata offer, Ground memory ground) private view {
        Terms memory terms = ground.terms;
        uint256 size = offer.size;
        uint256 allowed = ground.values.levels.closeOut;
        if (offer.kind == Kind.Slice) {
            uint256 cap = _cap(id, ground.account, terms);
            if (size < terms.dust || size > cap) revert SizeRefused(size, terms.dust, cap);
            if (offer.debt != 0) revert DebtRefused(offer.debt);
            allowed = _missed(ground) ? ground.values.levels.call : ground.values.levels.liquidation;
        } else if (offer.debt > MAX_AMOUNT) {
            revert DebtRefused(offer.debt);
        }
        if (offer.evidence > allowed) revert EvidenceRefused(offer.evidence, allowed);
        // Else no price could be paid.
        if (offer.beneficiary > gate.accounts()) revert IMarginGate.AccountUnknown(offer.beneficiary);
        ground.tolerance = size * terms.toleranceBps / BPS + 1;
    }

    /// Whether a deadline of the account's has passed, on the board's clock: to attest, or to cure once called.
    function _missed(Ground memory ground) private pure returns (bool) {
        IMarginGate.Account memory account = ground.account;
        return ground.clock > uint256(account.provenAt) + ground.terms.attestInterval
            || (
                account.stage != IMarginGate.Stage.Healthy
                    && ground.clock > uint256(account.calledAt) + ground.terms.curePeriod
            );
    }

    function _cap(uint256 id, IMarginGate.Account memory account, Terms memory terms) private view returns (uint256) {
        uint256 failures = account.stage == IMarginGate.Stage.Healthy ? 0 : _failures[id][account.calledAt];
        return Math.min(terms.maxSlice, Math.max(terms.maxSlice >> failures, 2 * uint256(terms.dust)));
    }

    /// That the credit counted is what is there, or what was noted a short while ago.
    function _checkCredit(uint256 account, uint256[6] calldata counted, uint256 state) private view {
        bytes32 hash = keccak256(abi.encode(account, state, counted));
        if (hash == keccak256(abi.encode(account, state, _credit(account)))) return;
        if (block.timestamp > _noted[hash] + NOTE_LIFE) revert CreditMiscounted(account);
    }

    /// The account's credit, as the circuit takes it.
    function _credit(uint256 account) private view returns (uint256[6] memory words) {
        uint256[16] memory credits = gate.creditsOf(account);
        for (uint256 asset = 0; asset < CREDITS; asset++) {
            if (credits[asset] == 0) continue;
            uint256 lots = Math.min(credits[asset] / _unit(asset), type(uint64).max);
            words[asset / 3] |= lots << STRIDE * (asset % 3);
        }
    }

    function _verifyLot(IMarginGate.Step calldata step, Offer calldata offer, Ground memory ground) private view {
        bool slice = offer.kind == Kind.Slice;
        uint256[12] memory inputs;
        (inputs[0], inputs[1], inputs[2]) = (step.stateBefore, step.stateAfter, offer.fill);
        inputs[3] = Statement.encodeLotTerms(
            !slice, offer.evidence, slice ? ground.values.levels.initial : 0, ground.terms.discountBps
        );
        inputs[4] = uint256(offer.size) | ground.tolerance << 64;
        inputs[5] = uint256(ground.digest) % Bn254.R;
        for (uint256 word = 0; word < 6; word++) inputs[6 + word] = offer.credit[word];
        (ILotVerifier verifier, G1 memory point) = market.lots(board);
        if (verifier.verify(step.proof, inputs, point) != ILotVerifier.verify.selector) {
            revert IMarginGate.VerifierRefused(address(verifier));
        }
    }

    /// Verifies what is shown of the lot's cost and of the account after it.
    /// @return insolvent whether the account owes more than the lot is worth
    function _appraise(
        uint256 stateAfter,
        Offer calldata offer,
        Appraisal[] calldata appraisals,
        Ground memory ground
    ) private view returns (bool insolvent) {
        uint256 ofCost = offer.cost == 0 ? 0 : 1;
        insolvent = offer.debt > uint256(offer.size) + ground.tolerance;
        uint256 ofDebt = offer.kind == Kind.Slice ? 0 : insolvent ? 2 : 1;
        if (appraisals.length != ofCost + ofDebt) revert AppraisalsMissing(ofCost + ofDebt, appraisals.length);
        uint256 context = uint256(ground.digest) % Bn254.R;
        if (ofCost != 0) {
            // The lot alone, and `cost` less in cash: equity of at least zero.
            uint256[6][] memory lot = new uint256[6][](1);
            uint256 less = Statement.encodeTransfer(Statement.CASH, -int256(uint256(offer.cost)));
            uint256 terms = Statement.encodeTerms(0, false, false);
            lot[0] = [_genesis, appraisals[0].stateAfter, less, offer.fill, terms, context];
            _verify(ground.values.verifier, appraisals[:1], lot, ground.values.point);
        }
        if (ofDebt == 0) return insolvent;
        // The account after with `debt` more in cash owes nothing, and with a millionth less something: it has no positions.
        uint256[6][] memory inputs = new uint256[6][](ofDebt);
        for (uint256 index = 0; index < ofDebt; index++) {
            uint256 more = Statement.encodeTransfer(Statement.CASH, int256(uint256(offer.debt) - index));
            uint256 terms = Statement.encodeTerms(EXIT_LEVEL, index == 1, false);
            inputs[index] = [stateAfter, appraisals[ofCost + index].stateAfter, more, _noFill, terms, context];
        }
        (IAccountVerifier verifier, G1 memory point) = market.exitMarket(board);
        _verify(verifier, appraisals[ofCost:], inputs, point);
    }

    function _verify(
        IAccountVerifier verifier,
        Appraisal[] calldata appraisals,
        uint256[6][] memory inputs,
        G1 memory point
    ) private view {
        uint256[8][] memory proofs = new uint256[8][](inputs.length);
        for (uint256 index = 0; index < proofs.length; index++) proofs[index] = appraisals[index].proof;
        if (verifier.verifyBatch(proofs, inputs, point) != IAccountVerifier.verifyBatch.selector) {
            revert IMarginGate.VerifierRefused(address(verifier));
        }
    }

    function _lotOf(IMarginGate.Step calldata step, Offer calldata offer, Ground memory ground, bool insolvent)
        private
        view
        returns (Lot memory lot)
    {
        Terms memory terms = ground.terms;
        uint256 first = Math.ceilDiv((offer.size + ground.tolerance) * (BPS + terms.premiumBps), BPS);
        if (first > MAX_AMOUNT) revert SizeRefused(offer.size, 0, MAX_AMOUNT);
        uint256 rest = offer.size > offer.cost ? offer.size - offer.cost : 0;
        uint256 last = Math.ceilDiv(rest * (BPS - terms.discountBps), BPS);
        if (!insolvent) last = Math.max(last, offer.debt);
        uint256 turn = backstop == 0 ? 0 : terms.auctionDuration;
        uint256 whole = terms.auctionDuration + turn + terms.voidDelay;

        (lot.account, lot.stateBefore, lot.stateAfter) = (step.account, step.stateBefore, step.stateAfter);
        (lot.fill, lot.kind, lot.epoch) = (offer.fill, offer.kind, ground.values.epoch);
        lot.settlements = ground.settlements;
        lot.start = uint64(ground.clock);
        lot.end = uint64(ground.clock + terms.auctionDuration);
        lot.turnEnd = uint64(lot.end + turn);
        lot.voidFrom = uint64(ground.clock + whole);
        lot.voidTime = uint64(block.timestamp + whole + terms.stopLimit);
        (lot.firstPrice, lot.lastPrice) = (uint64(first), uint64(last));
        (lot.debt, lot.insolvent) = (offer.debt, insolvent);
        (lot.reward, lot.beneficiary, lot.credit) = (terms.reward, offer.beneficiary, offer.credit);
        lot.blobHash = keccak256(step.blob);
    }

    // ---- Ending ----

    /// The hash of an account's lot on auction, as `abi.encode` has it: a word for each member. Reverts where it is another one.
    function _opened(Lot calldata lot) private view returns (bytes32 id) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            calldatacopy(at, lot, LOT_BYTES)
            id := keccak256(at, LOT_BYTES)
        }
        if (auctionOf[lot.account] != id) revert LotUnknown(lot.account, auctionOf[lot.account]);
    }

    function _close(Lot calldata lot) private returns (bytes32 id) {
        id = _opened(lot);
        delete auctionOf[lot.account];
    }

    /// Reverts where the bidder comes too late. @return whether it is the backstop in its turn
    function _checkTurn(Lot calldata lot, uint256 bidder) private view returns (bool) {
        uint256 clock = market.clock(board);
        if (clock < lot.end) return false;
        if (clock >= lot.turnEnd) revert AuctionEnded(clock, lot.turnEnd);
        if (bidder != backstop) revert BidderRefused(bidder);
        return true;
    }

    function _step(IMarginGate.Basis basis, IMarginGate.Step calldata step, IMarginGate.Effect memory effect) private {
        IMarginGate.Step[] memory steps = new IMarginGate.Step[](1);
        IMarginGate.Effect[] memory effects = new IMarginGate.Effect[](1);
        (steps[0], effects[0]) = (step, effect);
        gate.settleMany(basis, steps, effects);
    }

    /// The account becomes the one after, its credit counted becomes part of it.
    function _sold(Lot calldata lot, bytes calldata blob) private {
        uint256[16] memory credits;
        for (uint256 asset = 0; asset < CREDITS; asset++) {
            uint256 lots = uint64(lot.credit[asset / 3] >> STRIDE * (asset % 3));
            if (lots != 0) credits[asset] = lots * _unit(asset);
        }
        gate.takeLot(lot.account, lot.stateBefore, lot.stateAfter, credits, blob);
        IMarginGate.Stage stage = lot.kind == Kind.Slice ? IMarginGate.Stage.Called : IMarginGate.Stage.Closed;
        gate.setStage(lot.account, stage, lot.epoch);
    }

    /// Who gets the price, the account's credit so far, and what the fund adds.
    function _share(Lot calldata lot, bytes32 id, uint256 bidder, uint256 price, uint256 unit) private {
        uint256 repaid = Math.min(price, lot.debt);
        uint256 reward = lot.beneficiary == lot.account ? 0 : Math.min((price - repaid) / REWARD_PART, lot.reward);
        uint256 fromFund = lot.insolvent ? lot.debt - repaid : 0;
        if (reward != 0) gate.moveCredit(lot.account, lot.beneficiary, Statement.CASH, reward * unit);
        if (fromFund != 0) {
            gate.moveCredit(FUND, lot.account, Statement.CASH, fromFund * unit);
            gate.charge(lot.account, fromFund * unit);
        }
        emit LotTaken(lot.account, id, bidder, price, reward, fromFund);
    }

    function _calledAt(uint256 account) private view returns (uint256) {
        return gate.accountOf(account).calledAt;
    }

    function _price(Lot calldata lot) private view returns (uint256) {
        uint256 clock = market.clock(board);
        if (clock >= lot.end) return lot.lastPrice;
        unchecked {
            // Durations are below 2^32, prices below 2^63.
            (uint256 duration, uint256 left) = (lot.end - lot.start, lot.end - (clock > lot.start ? clock : lot.start));
            uint256 above = uint256(lot.firstPrice) - lot.lastPrice;
            return lot.lastPrice + Math.ceilDiv(above * left * left * left, duration * duration * duration);
        }
    }

    function _unit(uint256 asset) private view returns (uint256 unit) {
        (, unit) = gate.assets(asset);
    }
}

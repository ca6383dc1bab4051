// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fund} from "../gate/Fund.sol";
import {Liquidation} from "../gate/Liquidation.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {ILiquidation} from "../interfaces/ILiquidation.sol";
import {ILotVerifier} from "../interfaces/ILotVerifier.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {Levels, Market, Terms} from "../interfaces/IMarket.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";
import {FixedMarket} from "./FixedMarket.sol";
import {AnyVerifier} from "./MarginGate.t.sol";
import {Release} from "./Release.sol";
import {TestToken} from "./Tokens.sol";
import {VM} from "./Vm.sol";

/// What a lot becomes on auction, said a second time.
library Auction {
    uint256 private constant BPS = 10_000;

    function lotOf(
        IMarginGate.Step memory step,
        ILiquidation.Offer memory offer,
        Terms memory terms,
        uint256 clock,
        bool withBackstop
    ) internal view returns (ILiquidation.Lot memory lot) {
        uint256 most = offer.size + uint256(offer.size) * terms.toleranceBps / BPS + 1;
        uint256 last = up((offer.size > offer.cost ? offer.size - offer.cost : 0) * (BPS - terms.discountBps));
        lot.insolvent = offer.debt > most;
        lot.firstPrice = uint64(up(most * (BPS + terms.premiumBps)));
        lot.lastPrice = uint64(lot.insolvent || last > offer.debt ? last : offer.debt);
        (lot.account, lot.stateBefore, lot.stateAfter, lot.fill) =
            (step.account, step.stateBefore, step.stateAfter, offer.fill);
        (lot.kind, lot.debt, lot.credit, lot.beneficiary) = (offer.kind, offer.debt, offer.credit, offer.beneficiary);
        (lot.epoch, lot.reward, lot.blobHash) = (1, terms.reward, keccak256(""));
        lot.start = uint64(clock);
        lot.end = uint64(clock + terms.auctionDuration);
        lot.turnEnd = lot.end + (withBackstop ? terms.auctionDuration : 0);
        lot.voidFrom = lot.turnEnd + terms.voidDelay;
        lot.voidTime = uint64(block.timestamp) + (lot.voidFrom - lot.start) + terms.stopLimit;
    }

    function up(uint256 value) internal pure returns (uint256) {
        return value == 0 ? 0 : (value - 1) / BPS + 1;
    }
}

/// Owner of every account and operator at once, before the desk as it is. Every proof holds, so what is kept here is what
/// rests on the contracts alone.
contract LotHandler {
    uint256 private constant CASH = Statement.CASH;
    uint256 public constant ACCOUNTS = 4;
    /// The last account is the backstop.
    uint256 private constant BACKSTOP = ACCOUNTS;
    uint256 private constant UNIT = 10 ** 2; // of a token of eight decimals in 1e-6

    /// An account's and the fund's cash, and the fund's claim, before a lot is taken.
    struct Before {
        uint256 credit;
        uint256 owed;
        int256 fund;
    }

    FixedMarket public immutable market;
    IMarginGate public immutable gate;
    Liquidation public immutable liquidation;
    TestToken public immutable token;
    address private immutable _fund;
    /// What all accounts would prove that they hold, in the token's units.
    int256 public inside;
    /// What the fund was given less what it paid.
    int256 public fund;
    /// By account: lots whose auction started, and those that ended.
    mapping(uint256 account => uint256) public started;
    mapping(uint256 account => uint256) public ended;
    mapping(uint256 account => ILiquidation.Lot) private _lots;
    Terms private _terms;
    uint256 private _states = 1000;

    constructor() {
        address any = address(new AnyVerifier());
        market = new FixedMarket(60, IAccountVerifier(any), G1(1, 2));
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        market.open(Market(IAccountVerifier(any), 1, 1, uint64(block.timestamp), levels, G1(1, 2)));
        market.setLots(ILotVerifier(any), G1(1, 2));
        _terms.curePeriod = 1 hours;
        (_terms.attestInterval, _terms.stopLimit, _terms.auctionDuration) = (1 days, 1 days, 1 hours);
        (_terms.holdPeriod, _terms.voidDelay) = (1 hours, 10 minutes);
        (_terms.premiumBps, _terms.discountBps, _terms.levyBps, _terms.toleranceBps) = (1000, 500, 100, 100);
        (_terms.maxSlice, _terms.dust, _terms.reward) = (1_000_000, 1000, 5000);
        market.setTerms(_terms);
        gate = Release.gate(market);
        address exchange = Release.deploy("Exchange", abi.encode(gate, address(this), 1 days, true));
        liquidation = Liquidation(Release.deploy("Liquidation", abi.encode(gate)));
        address clearing = Release.deploy("Clearing", abi.encode(gate));
        _fund = Release.deploy("Fund", abi.encode(gate));
        token = new TestToken("T", 8);
        gate.registerAsset(CASH, address(token), 6, type(uint64).max, type(uint64).max);
        market.bindGate(address(gate));
        gate.seal([exchange, clearing, address(liquidation), _fund]);
        token.approve(address(gate), type(uint256).max);
        for (uint256 index = 0; index < ACCOUNTS; index++) {
            IMarginGate.Step memory step = _step(0);
            step.stateBefore = Statement.genesisState(60);
            gate.open(IMarginGate.Opening(address(this), address(0)), step, "");
        }
        VM.prank(address(market));
        liquidation.setBackstop(BACKSTOP);
    }

    function deposit(uint256 id, uint256 lots) external {
        uint256 amount = _amount(lots);
        token.mint(address(this), amount);
        gate.deposit(_id(id), address(this), CASH, amount);
    }

    function donate(uint256 lots) external {
        uint256 amount = _amount(lots);
        token.mint(address(this), amount);
        Fund(_fund).donate(amount);
        fund += int256(amount);
    }

    function start(uint256 id, bool slice, uint256 size, uint256 cost, uint256 debt, uint256 beneficiary) external {
        id = _id(id);
        ILiquidation.Offer memory offer;
        offer.kind = slice ? ILiquidation.Kind.Slice : ILiquidation.Kind.CloseOut;
        (offer.fill, offer.size) = (7, uint64(size % 1_100_000));
        offer.cost = uint64(cost % 1_200_000);
        offer.debt = slice ? 0 : uint64(debt % 2_000_000);
        offer.beneficiary = beneficiary % (ACCOUNTS + 1);
        offer.credit[5] = gate.creditOf(id, CASH) / UNIT;
        IMarginGate.Step memory step = _step(id);
        ILiquidation.Lot memory lot = Auction.lotOf(step, offer, _terms, market.clock(1), true);
        uint256 proofs = (offer.cost == 0 ? 0 : 1) + (slice ? 0 : lot.insolvent ? 2 : 1);
        bool free = started[id] == ended[id];
        try liquidation.start(step, offer, "", new ILiquidation.Appraisal[](proofs), "") returns (bytes32 hash) {
            require(free, "V18: two lots of one account");
            require(hash == keccak256(abi.encode(lot)), "the lot on auction is another one");
            require(gate.accountOf(id).state == step.stateBefore, "G10: a start changed the state");
            _lots[id] = lot;
            started[id]++;
        } catch {}
    }

    function take(uint256 id, uint256 bidder, uint256 over) external {
        (id, bidder) = (_id(id), _id(bidder));
        if (started[id] == ended[id]) return;
        ILiquidation.Lot memory lot = _lots[id];
        uint256 price = liquidation.priceOf(lot) + (over % 3 == 0 ? 0 : over % 1000);
        bool late = market.clock(1) >= lot.end;
        Before memory before = Before(gate.creditOf(id, CASH), gate.accountOf(id).owed, gate.fund());
        try liquidation.take(lot, "", _step(bidder), price) {
            require(!late || bidder == BACKSTOP, "V18: taken after the auction's end");
            _taken(lot, bidder, price, before);
        } catch {}
    }

    function cure(uint256 id, uint256 lots) external {
        id = _id(id);
        uint256 credit = gate.creditOf(id, CASH);
        uint256 amount = lots % 3 == 0 ? 0 : _amount(lots) < credit ? _amount(lots) : credit;
        try liquidation.cure(_lots[id], _step(id), CASH, amount) {
            require(started[id] == ended[id] + 1, "V18: a lot was cured that was not out");
            inside += int256(amount);
            ended[id]++;
        } catch {}
    }

    function void(uint256 id) external {
        id = _id(id);
        ILiquidation.Lot memory lot = _lots[id];
        uint256 clock = market.clock(1);
        try liquidation.void(lot) {
            require(started[id] == ended[id] + 1, "V18: a lot became void that was not out");
            require(clock >= lot.voidFrom || block.timestamp >= lot.voidTime, "G10: void before its time");
            require(gate.accountOf(id).state == lot.stateBefore, "G10: a void lot changed the state");
            ended[id]++;
        } catch {
            require(
                started[id] == ended[id] || clock < lot.voidFrom && block.timestamp < lot.voidTime,
                "G10: a lot that is over cannot be voided"
            );
        }
    }

    function absorb(uint256 id, uint256 lots) external {
        id = _id(id);
        uint256 credit = gate.creditOf(id, CASH);
        uint256 amount = _amount(lots) < credit ? _amount(lots) : credit;
        try gate.absorb(_step(id), CASH, amount, false) {
            require(started[id] == ended[id], "V18: a step while a lot is out");
            inside += int256(amount);
        } catch {}
    }

    function payOut(uint256 id, uint256 lots, bool leaving) external {
        id = _id(id);
        uint256 amount = _amount(lots);
        int256 before = gate.fund();
        IMarginGate.Payment memory payment = IMarginGate.Payment(CASH, amount, address(1), 0, 0);
        bool done;
        if (leaving) {
            try gate.exit(_step(id), payment) {
                done = true;
            } catch {}
        } else {
            try gate.withdraw(_step(id), payment) {
                done = true;
            } catch {}
        }
        if (!done) return;
        require(started[id] == ended[id], "V18: paid out while a lot is out");
        inside -= int256(amount);
        // A levy, or what the fund had paid for the account.
        require(gate.fund() >= before, "V12: a withdrawal cost the fund");
        fund += gate.fund() - before;
    }

    function flagOrAttest(uint256 id, bool attest, uint256 which) external {
        uint256 level = [uint256(12_000), 10_000, 6_000, 0][which % 4];
        IMarginGate.Step memory step = _step(_id(id));
        if (attest) try gate.attest(step, level) {} catch {}
        else try gate.flag(step, level) {} catch {}
    }

    function advance(uint256 time) external {
        market.advance(time % 2 hours);
        VM.warp(block.timestamp + time % 2 hours);
    }

    function lotOf(uint256 id) external view returns (ILiquidation.Lot memory) {
        return _lots[id];
    }

    function _taken(ILiquidation.Lot memory lot, uint256 bidder, uint256 price, Before memory before) private {
        uint256 id = lot.account;
        require(bidder != id, "V18: an account bought its own lot");
        uint256 repaid = price < lot.debt ? price : lot.debt;
        uint256 most = (price - repaid) / 20;
        uint256 reward = lot.beneficiary == id ? 0 : most < lot.reward ? most : lot.reward;
        uint256 fromFund = lot.insolvent ? lot.debt - repaid : 0;
        require(lot.insolvent || price >= lot.debt, "G01: a solvent account's lot brought less than its debt");
        inside += int256(lot.credit[5] * UNIT) - int256(price * UNIT);
        int256 change = int256((lot.beneficiary == 0 ? reward : 0) * UNIT) - int256(fromFund * UNIT);
        require(gate.fund() - before.fund == change, "G01: the fund paid what the price did not lack");
        fund += change;
        require(
            gate.creditOf(id, CASH) == before.credit + (price + fromFund - reward) * UNIT - lot.credit[5] * UNIT,
            "V18: the account did not get the rest of the price"
        );
        require(gate.accountOf(id).state == lot.stateAfter, "V18: the account is not the one after");
        require(gate.accountOf(id).owed == before.owed + fromFund, "G01: the fund paid without a claim");
        ended[id]++;
    }

    function _id(uint256 seed) private pure returns (uint256) {
        return 1 + seed % ACCOUNTS;
    }

    function _amount(uint256 lots) private pure returns (uint256) {
        return (1 + lots % 1_000_000) * UNIT;
    }

    function _step(uint256 id) private returns (IMarginGate.Step memory step) {
        (step.account, step.policyId, step.epoch) = (id, 1, 1);
        if (id != 0) step.stateBefore = gate.accountOf(id).state;
        (step.stateAfter, step.deadline) = (++_states, block.timestamp);
    }
}

/// V12 and V18 with lots coming and going.
contract LiquidationInvariants {
    LotHandler public handler;

    function setUp() public {
        handler = new LotHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// custody = credits + fund + holdings inside accounts; the fund's is what it was given less what it paid for lots.
    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V12_lotsMoveNoTokens() public view {
        IMarginGate gate = handler.gate();
        int256 fund = gate.fund();
        require(fund == handler.fund(), "V18: the fund paid what it had not promised");
        int256 claims = handler.inside() + fund;
        for (uint256 account = 1; account <= handler.ACCOUNTS(); account++) {
            claims += int256(gate.creditOf(account, Statement.CASH));
        }
        require(claims == int256(gate.custodyOf(Statement.CASH)), "V12: custody is not the sum of claims");
        require(handler.token().balanceOf(address(gate)) == gate.custodyOf(Statement.CASH), "V12: tokens are missing");
    }

    /// An account is in liquidation while one lot of it is out, its state stands still as long, and every lot has one end.
    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V18_oneLotAtATime() public view {
        for (uint256 id = 1; id <= handler.ACCOUNTS(); id++) {
            bool out = handler.liquidation().auctionOf(id) != 0;
            IMarginGate.Account memory account = handler.gate().accountOf(id);
            require(out == (account.stage == IMarginGate.Stage.Liquidating), "V18: stage and lot disagree");
            require(handler.started(id) == handler.ended(id) + (out ? 1 : 0), "V18: a lot was lost or doubled");
            if (!out) continue;
            ILiquidation.Lot memory lot = handler.lotOf(id);
            require(keccak256(abi.encode(lot)) == handler.liquidation().auctionOf(id), "V18: another lot is on auction");
            require(account.state == lot.stateBefore, "V18: the state moved under a lot");
        }
    }

    /// hardhat-config: invariant.failOnRevert = true
    function invariant_G15_capsAreNeverBelowTwiceDust() public view {
        for (uint256 id = 1; id <= handler.ACCOUNTS(); id++) {
            uint256 cap = handler.liquidation().capOf(id);
            require(cap >= 2000 && cap <= 1_000_000, "G15: a cap out of its bounds");
        }
    }
}

/// What a gate says to the desk, as far as prices depend on it.
contract OneAccountGate {
    FixedMarket public immutable market;
    uint256 public constant board = 1;
    uint256 public constant instruments = 60;
    uint256 public constant accounts = 1;

    constructor(FixedMarket market_) {
        market = market_;
    }

    function accountOf(uint256) external pure returns (IMarginGate.Account memory account) {}
    function creditsOf(uint256) external pure returns (uint256[16] memory credits) {}
    function setStage(uint256, IMarginGate.Stage, uint64) external {}
    function checkAgreement(address, bytes32, bool, bytes calldata) external view {}

    function deskOf(IMarginGate.Desk) external view returns (address) {
        return address(this);
    }
}

/// Any terms, any size, any two moments.
contract LiquidationPrices {
    function testFuzz_pricesFallFastAndThenSlow(
        uint64 size,
        uint64 cost,
        uint64 debt,
        uint16 premium,
        uint16 discount,
        uint32 duration,
        uint256 early,
        uint256 late
    ) public {
        size = size % (1 << 60);
        cost = cost % (size + 2);
        debt = debt % (1 << 62);
        Terms memory terms;
        (terms.premiumBps, terms.discountBps, terms.toleranceBps) = (premium % 10_001, 1 + discount % 10_000, 100);
        terms.auctionDuration = duration = duration % uint32(90 days) + 1;
        (Liquidation liquidation, FixedMarket market, ILiquidation.Lot memory lot) =
            _started(terms, size, cost, debt);

        uint256 first = liquidation.priceOf(lot);
        require(first == lot.firstPrice && first > size && first >= lot.lastPrice, "not the first price");
        require(lot.insolvent || lot.lastPrice >= debt, "G01: the fund would have to pay for a solvent account");
        early %= duration;
        market.advance(early);
        uint256 sooner = liquidation.priceOf(lot);
        uint256 left = duration - early;
        uint256 above = uint256(lot.firstPrice) - lot.lastPrice;
        uint256 whole = uint256(duration) ** 3;
        require((sooner - lot.lastPrice) * whole >= above * left ** 3, "below the curve");
        require(sooner == lot.lastPrice || (sooner - lot.lastPrice - 1) * whole < above * left ** 3, "above the curve");
        market.advance(late % duration);
        require(liquidation.priceOf(lot) <= sooner, "the price rose");
        market.advance(duration);
        require(liquidation.priceOf(lot) == lot.lastPrice, "not the last price at the end");
    }

    function _started(Terms memory terms, uint64 size, uint64 cost, uint64 debt)
        private
        returns (Liquidation liquidation, FixedMarket market, ILiquidation.Lot memory lot)
    {
        address any = address(new AnyVerifier());
        market = new FixedMarket(60, IAccountVerifier(any), G1(1, 2));
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        market.open(Market(IAccountVerifier(any), 1, 1, uint64(block.timestamp), levels, G1(1, 2)));
        market.setLots(ILotVerifier(any), G1(1, 2));
        market.setTerms(terms);
        liquidation = Liquidation(Release.deploy("Liquidation", abi.encode(new OneAccountGate(market))));
        IMarginGate.Step memory step;
        (step.account, step.policyId, step.epoch, step.deadline) = (1, 1, 1, block.timestamp);
        ILiquidation.Offer memory offer;
        (offer.kind, offer.fill, offer.size, offer.cost, offer.debt) = (ILiquidation.Kind.CloseOut, 7, size, cost, debt);
        lot = Auction.lotOf(step, offer, terms, 0, false);
        uint256 proofs = (cost == 0 ? 0 : 1) + (lot.insolvent ? 2 : 1);
        liquidation.start(step, offer, "", new ILiquidation.Appraisal[](proofs), "");
    }
}

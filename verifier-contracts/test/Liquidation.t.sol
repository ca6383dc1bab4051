// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Liquidation} from "../gate/Liquidation.sol";
import {MarginGate} from "../gate/MarginGate.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {ILiquidation} from "../interfaces/ILiquidation.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {Levels, Market, Terms} from "../interfaces/IMarket.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";
import {FixedMarket} from "./FixedMarket.sol";
import {AnyVerifier} from "./MarginGate.t.sol";
import {Release} from "./Release.sol";
import {TestToken} from "./Tokens.sol";
import {VM} from "./Vm.sol";

/// Owner of every account and operator at once, before the module as it is. Every proof holds, so what is kept here is what
/// rests on the contracts alone.
contract LotHandler {
    uint256 private constant CASH = Statement.CASH;
    uint256 public constant ACCOUNTS = 4;
    /// The last account is the backstop.
    uint256 private constant BACKSTOP = ACCOUNTS;
    uint256 private constant UNIT = 10 ** 2; // of a token of eight decimals in 1e-6

    FixedMarket public immutable market;
    MarginGate public immutable gate;
    Liquidation public immutable liquidation;
    TestToken public immutable token;
    /// What all accounts would prove that they hold, in the token's units.
    int256 public inside;
    /// What the fund was given less what it has promised and not had back, and what was withdrawn from it.
    int256 public fund;
    /// By account: lots that left it, and those that came back or went to a bidder.
    mapping(uint256 account => uint256) public left;
    mapping(uint256 account => uint256) public ended;
    uint256 private _states = 1000;

    constructor() {
        IAccountVerifier verifier = IAccountVerifier(address(new AnyVerifier()));
        market = new FixedMarket(60, verifier, G1(1, 2));
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        market.open(Market(verifier, 1, 1, uint64(block.timestamp), levels, G1(1, 2)));
        market.setTerms(Terms(1 hours, 1 days, 1 days, 1 hours, 1 hours, 1 hours, 1000, 500, 100, 100, 1_000_000, 1000, 5000, 0));
        gate = Release.gate(market, address(this), address(this), 1 days);
        liquidation = Liquidation(Release.deploy("Liquidation", abi.encode(gate)));
        gate.setLiquidation(address(liquidation));
        token = new TestToken("T", 8);
        gate.registerAsset(CASH, address(token), 6);
        token.approve(address(gate), type(uint256).max);
        for (uint256 index = 0; index < ACCOUNTS; index++) {
            IMarginGate.Step memory step = _step(0);
            step.stateBefore = Statement.genesisState(60);
            gate.open(IMarginGate.Opening(address(this), address(0), 1), step, "");
        }
        liquidation.setBackstop(1, BACKSTOP);
    }

    function deposit(uint256 id, uint256 lots) external {
        uint256 amount = _amount(lots);
        token.mint(address(this), amount);
        gate.deposit(_id(id), address(this), CASH, amount);
    }

    function donate(uint256 lots) external {
        uint256 amount = _amount(lots);
        token.mint(address(this), amount);
        gate.donate(amount);
        fund += int256(amount);
    }

    function start(uint256 id, bool slice, uint256 size, uint256 writeOff, uint256 beneficiary) external {
        id = _id(id);
        ILiquidation.Offer memory offer;
        offer.kind = slice ? ILiquidation.Kind.Slice : ILiquidation.Kind.CloseOut;
        offer.fill = 7;
        offer.size = uint64(size % 1_100_000);
        offer.writeOff = slice ? 0 : uint64(writeOff % 300_000);
        offer.beneficiary = beneficiary % (ACCOUNTS + 1);
        uint256 proofs = slice || offer.writeOff != 0 ? 5 : 4;
        bool free = liquidation.lotOf(id).kind == ILiquidation.Kind.None;
        try liquidation.start(_step(id), offer, new ILiquidation.Appraisal[](proofs), "") {
            require(free, "V18: two lots of one account");
            inside += int256(uint256(offer.writeOff) * UNIT);
            uint256 promised = uint256(liquidation.lotOf(id).fromFund) * UNIT;
            require(promised <= uint256(offer.writeOff) * UNIT, "V18: the fund pays more than is written off");
            fund -= int256(promised);
            left[id]++;
        } catch {}
    }

    function take(uint256 id, uint256 bidder, uint256 over) external {
        (id, bidder) = (_id(id), _id(bidder));
        if (liquidation.lotOf(id).kind == ILiquidation.Kind.None) return;
        uint256 price = liquidation.priceOf(id) + over % 1000;
        _end(id, bidder, price, false);
    }

    function backstop(uint256 id) external {
        id = _id(id);
        if (liquidation.lotOf(id).kind == ILiquidation.Kind.None) return;
        _end(id, BACKSTOP, 0, true);
    }

    function goBack(uint256 id, bool cured, bool below) external {
        id = _id(id);
        ILiquidation.Lot memory lot = liquidation.lotOf(id);
        bool done;
        if (cured) {
            try liquidation.cure(_step(id)) {
                done = true;
            } catch {}
        } else {
            try liquidation.giveBack(_step(id), below) {
                done = true;
            } catch {}
        }
        if (!done) return;
        require(lot.kind != ILiquidation.Kind.None, "V18: a lot came back that was not out");
        inside -= int256(uint256(lot.writeOff) * UNIT);
        fund += int256(uint256(lot.fromFund) * UNIT);
        ended[id]++;
    }

    function absorb(uint256 id, uint256 lots) external {
        id = _id(id);
        uint256 credit = gate.creditOf(id, CASH);
        uint256 amount = _amount(lots) < credit ? _amount(lots) : credit;
        try gate.absorb(_step(id), CASH, amount, false) {
            inside += int256(amount);
        } catch {}
    }

    function payOut(uint256 id, uint256 lots, bool leaving) external {
        id = _id(id);
        uint256 amount = _amount(lots);
        bool out = liquidation.lotOf(id).kind != ILiquidation.Kind.None;
        uint256 owed = gate.deficit();
        bool done;
        if (leaving) {
            try gate.exit(_step(id), CASH, amount, address(1), 0) {
                done = true;
            } catch {}
        } else {
            try gate.withdraw(_step(id), CASH, amount, address(1), 0) {
                done = true;
            } catch {}
        }
        if (!done) return;
        require(!out, "V18: paid out while a lot is out");
        uint256 levy = owed - gate.deficit();
        require(levy * 10_000 <= amount * 100, "V18: a levy above its limit");
        inside -= int256(amount);
        fund += int256(levy);
    }

    function flagOrAttest(uint256 id, bool attest, uint256 which) external {
        uint256 level = [uint256(12_000), 10_000, 6_000, 0][which % 4];
        IMarginGate.Step memory step = _step(_id(id));
        if (attest) try gate.attest(step, level) {} catch {}
        else try gate.flag(step, level) {} catch {}
    }

    function advance(uint256 time) external {
        market.advance(time % 2 hours);
    }

    function proposeWithdrawal(uint256 lots) external {
        (, uint64 readyAt,) = liquidation.withdrawal();
        if (readyAt == 0 || lots % 4 == 0) liquidation.proposeWithdrawal(address(2), _amount(lots));
    }

    function withdrawFund(uint256 time) external {
        VM.warp(block.timestamp + time % 3 days);
        (, uint64 readyAt, uint256 amount) = liquidation.withdrawal();
        try liquidation.withdrawFund() {
            require(readyAt != 0 && block.timestamp >= readyAt, "V14: out of the fund before its time");
            require(block.timestamp <= readyAt + market.LIFE(), "V14: out of the fund by what had lapsed");
            fund -= int256(amount);
            require(fund >= 0, "V12: more out of the fund than was in it");
        } catch {}
    }

    function _end(uint256 id, uint256 bidder, uint256 price, bool last) private {
        ILiquidation.Lot memory lot = liquidation.lotOf(id);
        int256 before = int256(gate.creditOf(id, CASH));
        bool done;
        if (last) {
            try liquidation.backstop(id, _step(bidder)) {
                done = true;
            } catch {}
        } else {
            try liquidation.take(id, _step(bidder), price) {
                done = true;
            } catch {}
        }
        if (!done) return;
        require(bidder != id, "V18: an account bought its own lot");
        uint256 repaid = price < lot.fromFund ? price : lot.fromFund;
        uint256 reward = lot.beneficiary == id ? 0 : price - repaid < lot.reward ? price - repaid : lot.reward;
        inside -= int256(price * UNIT);
        fund += int256((repaid + (lot.beneficiary == 0 ? reward : 0)) * UNIT);
        require(
            int256(gate.creditOf(id, CASH)) - before == int256((price - repaid - reward) * UNIT),
            "V18: the account did not get the rest of the price"
        );
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

    /// custody = credits + fund + holdings inside accounts − deficit; the fund's is what it was given less what it promised.
    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V12_lotsMoveNoTokens() public view {
        MarginGate gate = handler.gate();
        int256 fund = int256(gate.creditOf(0, Statement.CASH)) - int256(gate.deficit());
        require(fund == handler.fund(), "V18: the fund paid what it had not promised");
        int256 claims = handler.inside() + fund;
        for (uint256 account = 1; account <= handler.ACCOUNTS(); account++) {
            claims += int256(gate.creditOf(account, Statement.CASH));
        }
        require(claims == int256(gate.custodyOf(Statement.CASH)), "V12: custody is not the sum of claims");
        require(handler.token().balanceOf(address(gate)) == gate.custodyOf(Statement.CASH), "V12: tokens are missing");
        require(gate.deficit() == 0 || gate.creditOf(0, Statement.CASH) == 0, "V18: a deficit beside a fund");
    }

    /// An account is in liquidation while one lot of it is out, and every lot that left has one end.
    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V18_oneLotAtATime() public view {
        for (uint256 account = 1; account <= handler.ACCOUNTS(); account++) {
            bool out = handler.liquidation().lotOf(account).kind != ILiquidation.Kind.None;
            bool stage = handler.gate().accountOf(account).stage == IMarginGate.Stage.Liquidating;
            require(out == stage, "V18: stage and lot disagree");
            require(handler.left(account) == handler.ended(account) + (out ? 1 : 0), "V18: a lot was lost or doubled");
        }
    }
}

/// What a gate says to the module, as far as prices depend on it.
contract OneAccountGate {
    FixedMarket public immutable market;
    address public immutable operator;

    constructor(FixedMarket market_) {
        (market, operator) = (market_, msg.sender);
    }

    function accountOf(uint256) external pure returns (IMarginGate.Account memory account) {
        (account.board, account.instruments) = (1, 60);
    }

    function settleFor(IMarginGate.Step calldata, IMarginGate.Effect calldata) external {}
    function setStage(uint256, IMarginGate.Stage) external {}
}

/// Any terms, any size, any two moments.
contract LiquidationPrices {
    function testFuzz_pricesFallFromFirstToZero(
        uint64 size,
        uint16 premium,
        uint16 discount,
        uint32 duration,
        uint256 early,
        uint256 late
    ) public {
        size = uint64(size % uint64(type(int64).max)) + 1;
        (premium, discount, duration) = (premium % 10_001, discount % 10_001, duration % uint32(90 days) + 1);
        IAccountVerifier verifier = IAccountVerifier(address(new AnyVerifier()));
        FixedMarket market = new FixedMarket(60, verifier, G1(1, 2));
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        market.open(Market(verifier, 1, 1, uint64(block.timestamp), levels, G1(1, 2)));
        market.setTerms(Terms(1, 1, 1, duration, 0, 0, premium, discount, 0, 0, 0, 0, 0, 0));
        address oneAccount = address(new OneAccountGate(market));
        Liquidation liquidation = Liquidation(Release.deploy("Liquidation", abi.encode(oneAccount)));
        IMarginGate.Step memory step;
        (step.account, step.policyId, step.epoch) = (1, 1, 1);
        ILiquidation.Offer memory offer;
        (offer.kind, offer.fill, offer.size) = (ILiquidation.Kind.CloseOut, 7, size);
        liquidation.start(step, offer, new ILiquidation.Appraisal[](4), "");

        uint256 exact = (uint256(premium) + discount) * size;
        uint256 first = liquidation.priceOf(1);
        require(first * 10_000 >= exact && first * 10_000 < exact + 10_000, "not the first price, rounded up");
        early %= duration;
        market.advance(early);
        uint256 sooner = liquidation.priceOf(1);
        require(sooner <= first, "above the first price");
        require(sooner * duration >= first * (duration - early), "below the line");
        require(sooner == 0 || (sooner - 1) * duration < first * (duration - early), "above the line");
        market.advance(late % duration);
        require(liquidation.priceOf(1) <= sooner, "the price rose");
        market.advance(duration);
        require(liquidation.priceOf(1) == 0, "not zero at the end");
    }
}

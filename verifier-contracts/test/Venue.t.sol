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
import {VM, Vm} from "./Vm.sol";

/// Gate, liquidation and a market that the fuzzer moves, under a verifier that holds every proof for good: what is left
/// is who may do what when, and where the money goes. Owner of every account, owner of the gate and operator at once. Keeps
/// books of its own from the events of each call, and reverts where they do not agree.
contract VenueHandler {
    uint256 private constant CASH = Statement.CASH;
    uint256 private constant CASH_UNIT = 100;
    uint256 private constant MOST_ACCOUNTS = 5;
    uint256 private constant LEVY_BPS = 100;
    uint32 private constant DURATION = 600;

    struct Books {
        uint256 fund;
        uint256 deficit;
        uint256[2] custody;
    }

    /// What the events of one call add up to.
    struct Tally {
        int256 fund;
        int256[2] into;
        int256[2] withdrawn;
        int256[2] out;
    }

    MarginGate public immutable gate;
    Liquidation public immutable liquidation;
    FixedMarket public immutable market;
    TestToken[2] public tokens;
    uint256[2] private _assets = [CASH, uint256(0)];
    uint256 public accounts;
    uint64 private _epoch;
    uint256 private _unique = 1000;
    bytes private _last;
    address private _lastTo;

    // By asset: what accounts hold by what was settled, tokens sent to the gate without a deposit, and by this call.
    mapping(uint256 asset => int256) public inside;
    uint256[2] public stray;
    int256 private _donated;
    int256[2] private _deposited;

    // By account: its state, stage and settlements by what was emitted, and what the fund has paid for its lot.
    mapping(uint256 account => uint256) public stateOf;
    mapping(uint256 account => IMarginGate.Stage) public stageOf;
    mapping(uint256 account => uint256) public settledOf;
    mapping(uint256 account => uint64) private _fromFund;
    mapping(uint256 account => uint256) private _beneficiary;
    mapping(uint256 state => bool) private _seen;

    /// By commitment: times applied with +1 less times applied with −1. A fill that is not 0 here is out as a lot.
    mapping(uint256 fill => int256) public net;
    uint256 public fillsOut;

    constructor() {
        IAccountVerifier verifier = IAccountVerifier(address(new AnyVerifier()));
        market = new FixedMarket(60, verifier, G1(1, 2));
        _open(true, true);
        Terms memory terms;
        (terms.curePeriod, terms.attestInterval, terms.auctionDuration) = (300, 3000, DURATION);
        (terms.premiumBps, terms.discountBps, terms.levyBps) = (1000, 500, uint16(LEVY_BPS));
        (terms.maxSlice, terms.dust, terms.reward) = (1e6, 1e5, 1e3);
        market.setTerms(terms);
        gate = Release.gate(market, address(this), address(this), 1 days);
        liquidation = Liquidation(Release.deploy("Liquidation", abi.encode(gate)));
        gate.setLiquidation(address(liquidation));
        for (uint256 index = 0; index < 2; index++) {
            tokens[index] = new TestToken("T", index == 0 ? 8 : 18);
            gate.registerAsset(_assets[index], address(tokens[index]), index == 0 ? 6 : 8);
            tokens[index].approve(address(gate), type(uint256).max);
        }
        for (uint256 index = 0; index < 3; index++) open();
        liquidation.setBackstop(1, 1);
    }

    // ---- Books ----

    modifier booked() {
        Books memory before = _books();
        VM.recordLogs();
        _;
        _balance(before);
    }

    function _books() private view returns (Books memory books) {
        (books.fund, books.deficit) = (gate.creditOf(0, CASH), gate.deficit());
        for (uint256 index = 0; index < 2; index++) books.custody[index] = gate.custodyOf(_assets[index]);
    }

    function _balance(Books memory before) private {
        Tally memory tally;
        tally.fund = _donated;
        Vm.Log[] memory logs = VM.getRecordedLogs();
        for (uint256 index = 0; index < logs.length; index++) {
            bytes32 topic = logs[index].topics[0];
            if (topic == IMarginGate.Settled.selector) _settled(logs[index], tally);
            else if (topic == IMarginGate.StageSet.selector) _staged(logs[index]);
            else if (topic == IMarginGate.Withdrawn.selector) _withdrawn(logs[index], tally, before);
            else if (logs[index].emitter == address(liquidation)) _auctioned(logs[index], tally);
        }
        Books memory next = _books();
        int256 fund = int256(next.fund) - int256(next.deficit);
        require(fund == int256(before.fund) - int256(before.deficit) + tally.fund, "the fund moved by something else");
        require(next.fund == 0 || next.deficit == 0, "a fund that has cash owes some");
        for (uint256 index = 0; index < 2; index++) {
            int256 gained = int256(next.custody[index]) - int256(before.custody[index]);
            require(gained == _deposited[index] - tally.out[index], "V12: custody moved by something else");
            int256 withdrawn = tally.withdrawn[index];
            require(withdrawn == 0 || tally.into[index] == -withdrawn, "V12: paid out, and not settled");
            inside[_assets[index]] += tally.into[index];
        }
        (_donated, _deposited) = (0, [int256(0), 0]);
    }

    function _settled(Vm.Log memory log, Tally memory tally) private {
        uint256 id = uint256(log.topics[1]);
        (uint256 before, uint256 next, uint256 transfer, uint256 fill, uint256 terms,,) =
            abi.decode(log.data, (uint256, uint256, uint256, uint256, uint256, uint64, bytes));
        require(before == stateOf[id], "V05: a step from another state");
        require(!_seen[next], "V02: a state came back");
        (stateOf[id], _seen[next]) = (next, true);
        if (fill == 0) {
            require(transfer == ++settledOf[id], "settlements out of order");
            return;
        }
        require(settledOf[id] == market.settlementsOf(1) || fill != Statement.noFill(60), "a step before a settlement");
        uint256 asset = transfer >> Statement.TRANSFER_BITS;
        int256 lots =
            int256(transfer & ((1 << Statement.TRANSFER_BITS) - 1)) - int256(1 << (Statement.TRANSFER_BITS - 1));
        if (lots != 0) tally.into[asset == CASH ? 0 : 1] += lots * int256(asset == CASH ? CASH_UNIT : 1e10);
        if (fill == Statement.noFill(60)) return;
        int256 was = net[fill];
        net[fill] = was + (terms >> (Statement.LEVEL_BITS + 1) == 0 ? int256(1) : int256(-1));
        if (was == 0) fillsOut++;
        else if (net[fill] == 0) fillsOut--;
    }

    function _staged(Vm.Log memory log) private {
        uint256 id = uint256(log.topics[1]);
        (IMarginGate.Stage from, IMarginGate.Stage to) = (stageOf[id], abi.decode(log.data, (IMarginGate.Stage)));
        stageOf[id] = to;
        // Called from health or when a lot is back; closed by a lot alone; healthy again by a proof, no lot being out.
        if (to == IMarginGate.Stage.Called) {
            require(from == IMarginGate.Stage.Healthy || from == IMarginGate.Stage.Liquidating, "called how?");
        } else if (to == IMarginGate.Stage.Closed) {
            require(from == IMarginGate.Stage.Liquidating, "closed without an auction");
        } else if (to == IMarginGate.Stage.Healthy) {
            require(from == IMarginGate.Stage.Called || from == IMarginGate.Stage.Closed, "healthy with a lot out");
        } else {
            require(from != IMarginGate.Stage.Liquidating, "V18: two lots");
        }
    }

    function _withdrawn(Vm.Log memory log, Tally memory tally, Books memory before) private pure {
        (uint256 asset, uint256 amount, uint256 levy) = (uint256(log.topics[2]), 0, 0);
        (amount,,, levy) = abi.decode(log.data, (uint256, address, uint256, uint256));
        require(levy * 10_000 <= amount * LEVY_BPS && levy <= before.deficit, "the levy is out of its bounds");
        require(asset == CASH || levy == 0, "a levy on collateral");
        tally.fund += int256(levy);
        tally.withdrawn[asset == CASH ? 0 : 1] += int256(amount);
        tally.out[asset == CASH ? 0 : 1] += int256(amount - levy);
    }

    function _auctioned(Vm.Log memory log, Tally memory tally) private {
        uint256 id = uint256(log.topics[1]);
        int256 gain = int256(uint256(_fromFund[id]));
        if (log.topics[0] == ILiquidation.LotStarted.selector) {
            (,,,, uint64 fromFund,,,) =
                abi.decode(log.data, (ILiquidation.Kind, uint256, uint64, uint64, uint64, uint32, uint64, bytes));
            _fromFund[id] = fromFund;
            gain = -int256(uint256(fromFund));
        } else if (log.topics[0] == ILiquidation.LotTaken.selector) {
            (uint256 price, uint256 repaid, uint256 reward) = abi.decode(log.data, (uint256, uint256, uint256));
            require(repaid == (price < _fromFund[id] ? price : _fromFund[id]), "the fund is paid back first");
            require(repaid + reward <= price && reward <= 1e3, "the reward is out of its bounds");
            gain = int256(repaid + (_beneficiary[id] == 0 ? reward : 0));
        } else if (log.topics[0] == ILiquidation.FundWithdrawn.selector) {
            int256 amount = int256(abi.decode(log.data, (uint256)));
            tally.fund -= amount;
            tally.out[0] += amount;
            return;
        } else if (log.topics[0] == ILiquidation.WithdrawalProposed.selector) {
            return;
        }
        tally.fund += gain * int256(CASH_UNIT);
    }

    // ---- The market ----

    function condition(uint256 seed) external {
        market.setUsable(seed % 4 != 0, seed % 4 != 0 && seed % 5 != 0);
    }

    function newEpoch(bool grace) external {
        _open(true, true);
        market.setGrace(grace);
    }

    function advance(uint256 secondsOfClock) external {
        market.advance(secondsOfClock % (2 * DURATION));
    }

    /// An instrument expires, now and then; every account is offered the settlement, some do not take it.
    function expire(uint256 seed) external {
        if (seed % 3 == 0) market.settle();
        for (uint256 id = 1; id <= accounts; id++) if (seed >> 2 * id & 3 != 0) expireOne(id);
    }

    function expireOne(uint256 id) public booked {
        _try(abi.encodeCall(gate.expire, (_step(_id(id)))));
    }

    // ---- Accounts ----

    function open() public {
        if (accounts == MOST_ACCOUNTS) return;
        IMarginGate.Step memory step = _step(0);
        step.stateBefore = Statement.genesisState(60);
        uint256 board = accounts % 3 == 2 ? 2 : 1;
        uint256 id = gate.open(IMarginGate.Opening(address(this), address(0), board), step, "");
        (accounts, stateOf[id], settledOf[id]) = (id, step.stateAfter, market.settlementsOf(board));
        require(!_seen[step.stateAfter], "V02: a state came back");
        _seen[step.stateAfter] = true;
    }

    function deposit(uint256 id, uint256 index, uint256 lots) external booked {
        (id, index) = (_id(id), index % 2);
        uint256 amount = _amount(index, lots);
        tokens[index].mint(address(this), amount);
        gate.deposit(id, address(this), _assets[index], amount);
        _deposited[index] = int256(amount);
    }

    function donate(uint256 lots) external booked {
        uint256 amount = _amount(0, lots);
        tokens[0].mint(address(this), amount);
        gate.donate(amount);
        (_donated, _deposited[0]) = (int256(amount), int256(amount));
    }

    /// Tokens sent without a deposit are nobody's, and nobody gets them.
    function send(uint256 index, uint256 lots) external booked {
        index = index % 2;
        uint256 amount = lots % 1000;
        tokens[index].mint(address(gate), amount);
        stray[index] += amount;
    }

    function absorb(uint256 id, uint256 index, uint256 lots, bool all, bool below) external booked {
        (id, index) = (_id(id), index % 2);
        (uint256 amount, uint256 credit) = (_amount(index, lots), gate.creditOf(id, _assets[index]));
        if (all || credit < amount) amount = credit;
        _try(abi.encodeCall(gate.absorb, (_step(id), _assets[index], amount, below)));
    }

    function payOut(uint256 id, uint256 index, uint256 lots, uint256 fee, bool leaving) external booked {
        (id, index) = (_id(id), index % 2);
        uint256 amount = _amount(index, lots);
        fee = fee % (amount + amount / 8);
        address recipient = lots % 7 == 0 ? address(gate) : address(1);
        IMarginGate.Stage stage = stageOf[id];
        bytes memory call = leaving
            ? abi.encodeCall(gate.exit, (_step(id), _assets[index], amount, recipient, fee))
            : abi.encodeCall(gate.withdraw, (_step(id), _assets[index], amount, recipient, fee));
        if (!_try(call)) return;
        require(recipient != address(gate), "V11: paid to itself");
        require(stage != IMarginGate.Stage.Liquidating, "paid out while a lot is out");
        require(leaving || stage == IMarginGate.Stage.Healthy, "withdrawn while called");
        require(leaving || _usable(), "V13: withdrawn while the market is not usable");
    }

    function flagOrAttest(uint256 id, bool attest, uint256 which) external booked {
        uint256 level = [uint256(12_000), 10_000, 6_000, 0, 15_000, 11_000][which % 6];
        id = _id(id);
        IMarginGate.Step memory step = _step(id);
        IMarginGate.Stage stage = stageOf[id];
        if (_try(attest ? abi.encodeCall(gate.attest, (step, level)) : abi.encodeCall(gate.flag, (step, level)))) {
            require(level != 11_000 && _usable(), "V17: a level that the policy does not name");
            require(attest || _complete(), "held against an account though an asset has no value");
            require(!attest || stage != IMarginGate.Stage.Liquidating, "attested while a lot is out");
        }
    }

    function trade(uint256 a, uint256 b, bool improvesA, bool improvesB, bool batch) external booked {
        (a, b) = (_id(a), _id(b));
        (IMarginGate.Stage stageA, IMarginGate.Stage stageB) = (stageOf[a], stageOf[b]);
        IMarginGate.Trade[] memory trades = new IMarginGate.Trade[](1);
        trades[0] = IMarginGate.Trade(_side(a, improvesA), _side(b, improvesB), ++_unique, hex"01");
        uint256 before = stateOf[a];
        if (batch) gate.settleBatch(trades);
        else _try(abi.encodeCall(gate.trade, (trades[0])));
        if (gate.accountOf(a).state == before) return _forget();
        require(a != b && _usable(), "traded with itself, or at no price");
        require(_mayTrade(stageA, improvesA) && _mayTrade(stageB, improvesB), "traded though called");
    }

    function _mayTrade(IMarginGate.Stage stage, bool improves) private pure returns (bool) {
        return improves ? stage != IMarginGate.Stage.Liquidating : stage == IMarginGate.Stage.Healthy;
    }

    /// As the owner of accounts, and the operator: signs everything.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }

    /// V02: what was done once is not done again.
    function replay() external booked {
        if (_last.length != 0) require(!_tryAt(_lastTo, _last), "V02: a call had a second effect");
    }

    // ---- Auctions ----

    function start(uint256 id, bool closeOut, uint256 size, uint256 writeOff, uint256 level, uint256 beneficiary)
        external
        booked
    {
        id = _id(id);
        ILiquidation.Offer memory offer;
        offer.kind = closeOut ? ILiquidation.Kind.CloseOut : ILiquidation.Kind.Slice;
        (offer.fill, offer.size) = (++_unique, uint64(size % 2e6));
        if (closeOut && writeOff % 2 == 0) offer.writeOff = uint64(writeOff % 1e6);
        offer.level = offer.writeOff != 0 ? 0 : uint32([uint256(5_000), 6_000, 10_000, 11_999, 12_000][level % 5]);
        offer.beneficiary = beneficiary % (accounts + 1);
        ILiquidation.Appraisal[] memory appraisals =
            new ILiquidation.Appraisal[](!closeOut || offer.writeOff != 0 ? 5 : 4);
        uint256 cap = liquidation.capOf(id);
        IMarginGate.Step memory step = _step(id);
        if (liquidation.lotOf(id).kind == ILiquidation.Kind.None) _beneficiary[id] = offer.beneficiary;
        if (!_tryAt(address(liquidation), abi.encodeCall(liquidation.start, (step, offer, appraisals, "")))) return;
        require(closeOut || offer.size <= cap && offer.size >= 1e5, "V18: a slice beyond its cap");
        require(offer.level < 12_000 && _complete(), "V17: a lot without evidence");
    }

    function take(uint256 id, uint256 bidder, uint256 more, bool less) external booked {
        (id, bidder) = (_id(id), _id(bidder));
        if (liquidation.lotOf(id).kind == ILiquidation.Kind.None) return;
        uint256 asked = liquidation.priceOf(id);
        uint256 price = less ? asked - asked / 10 : asked + more % 1000;
        bytes memory call = abi.encodeCall(liquidation.take, (id, _step(bidder), price));
        if (_tryAt(address(liquidation), call)) require(price >= asked && bidder != id, "V18: sold too low");
    }

    function giveBack(uint256 id, bool cure, bool below) external booked {
        IMarginGate.Step memory step = _step(_id(id));
        bytes memory call =
            cure ? abi.encodeCall(liquidation.cure, (step)) : abi.encodeCall(liquidation.giveBack, (step, below));
        _tryAt(address(liquidation), call);
    }

    function backstop(uint256 id) external booked {
        _tryAt(address(liquidation), abi.encodeCall(liquidation.backstop, (_id(id), _step(1))));
    }

    // ---- The fund ----

    function proposeWithdrawal(uint256 lots) external booked {
        (, uint64 readyAt,) = liquidation.withdrawal();
        if (readyAt != 0 && lots % 4 != 0) return;
        liquidation.proposeWithdrawal(address(2), _amount(0, lots));
        // What is proposed anew is paid out anew: the same call is no replay.
        delete _last;
    }

    function withdrawFund(uint256 time) external booked {
        VM.warp(block.timestamp + time % 3 days);
        (, uint64 readyAt,) = liquidation.withdrawal();
        if (_tryAt(address(liquidation), abi.encodeCall(liquidation.withdrawFund, ()))) {
            require(readyAt != 0 && block.timestamp >= readyAt, "V14: out of the fund before its time");
        }
    }

    // ---- Helpers ----

    function _open(bool usable, bool complete) private {
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        (IAccountVerifier verifier,) = market.exitMarket(1);
        market.open(Market(verifier, 1, ++_epoch, uint64(block.timestamp), levels, G1(1, 2)));
        market.setUsable(usable, complete);
    }

    function _complete() private view returns (bool) {
        (bool complete,) = address(market).staticcall(abi.encodeCall(market.evidence, (1)));
        return complete;
    }

    function _usable() private view returns (bool) {
        (bool usable,) = address(market).staticcall(abi.encodeCall(market.outflow, (1)));
        return usable;
    }

    function _try(bytes memory call) private returns (bool ok) {
        ok = _tryAt(address(gate), call);
    }

    function _tryAt(address target, bytes memory call) private returns (bool ok) {
        (ok,) = target.call(call);
        if (ok) (_lastTo, _last) = (target, call);
        else _forget();
    }

    /// Recorded are also the events of calls that reverted.
    function _forget() private {
        VM.getRecordedLogs();
    }

    function _id(uint256 seed) private view returns (uint256) {
        return 1 + seed % accounts;
    }

    function _amount(uint256 index, uint256 lots) private pure returns (uint256) {
        return (1 + lots % 1_000_000) * (index == 0 ? CASH_UNIT : 1e10);
    }

    function _side(uint256 id, bool improves) private returns (IMarginGate.Side memory side) {
        side.level = improves ? 9_000 : 15_000;
        side.worse = new IMarginGate.Step[](improves ? 1 : 0);
        if (improves) side.worse[0] = _step(id);
        side.step = _step(id);
        if (improves) side.step.stateBefore = side.worse[0].stateAfter;
    }

    function _step(uint256 id) private returns (IMarginGate.Step memory step) {
        (step.account, step.policyId, step.epoch) = (id, 1, _epoch);
        (step.stateBefore, step.stateAfter, step.deadline) = (stateOf[id], ++_unique, block.timestamp);
    }
}

/// V02, V12, V17, V18: whatever is called in whatever order, under whatever market.
contract VenueInvariants {
    VenueHandler public handler;

    function setUp() public {
        handler = new VenueHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V12_V18_booksStagesAndLotsAgree() public view {
        MarginGate gate = handler.gate();
        uint256 accounts = handler.accounts();
        _checkCustody(gate, accounts);
        uint256 lots = 0;
        for (uint256 id = 1; id <= accounts; id++) {
            IMarginGate.Account memory account = gate.accountOf(id);
            require(account.state == handler.stateOf(id), "a state that no step led to");
            require(account.stage == handler.stageOf(id), "a stage that was not announced");
            require(account.settled == handler.settledOf(id), "a settlement that no step passed");
            ILiquidation.Lot memory lot = handler.liquidation().lotOf(id);
            bool out = lot.kind != ILiquidation.Kind.None;
            require(out == (account.stage == IMarginGate.Stage.Liquidating), "V18: a lot without its account");
            if (out) require(handler.net(lot.fill) == -1, "V18: a lot that is somebody's already");
            if (out) lots++;
        }
        require(handler.fillsOut() == lots, "V12: a fill was lost or doubled");
        _checkSettlements(gate, accounts);
    }

    /// custody = credits + fund + holdings inside accounts − deficit, and the tokens are there.
    function _checkCustody(MarginGate gate, uint256 accounts) private view {
        for (uint256 index = 0; index < 2; index++) {
            uint256 asset = index == 0 ? Statement.CASH : 0;
            int256 claims = handler.inside(asset);
            for (uint256 id = 0; id <= accounts; id++) claims += int256(gate.creditOf(id, asset));
            if (index == 0) claims -= int256(gate.deficit());
            require(claims == int256(gate.custodyOf(asset)), "V12: custody is not the sum of claims");
            uint256 held = handler.tokens(index).balanceOf(address(gate));
            require(held == gate.custodyOf(asset) + handler.stray(index), "V12: custody is not what the gate holds");
        }
    }

    function _checkSettlements(MarginGate gate, uint256 accounts) private view {
        for (uint256 board = 1; board <= 2; board++) {
            uint64 settlements = handler.market().settlementsOf(board);
            for (uint64 number = 0; number <= settlements; number++) {
                bool all = true;
                for (uint256 id = 1; id <= accounts; id++) {
                    if (gate.accountOf(id).board == board) all = all && gate.accountOf(id).settled >= number;
                }
                require(gate.allSettled(board, number) == all, "settled, or not, by all");
            }
        }
    }
}

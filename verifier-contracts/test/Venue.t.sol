// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IClearing} from "../interfaces/IClearing.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {IFund} from "../interfaces/IFund.sol";
import {ILotVerifier} from "../interfaces/ILotVerifier.sol";
import {IDesk, IMarginGate} from "../interfaces/IMarginGate.sol";
import {Levels, Market, Terms} from "../interfaces/IMarket.sol";
import {IRoundVerifier} from "../interfaces/IRoundVerifier.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";
import {FixedMarket} from "./FixedMarket.sol";
import {AnyVerifier} from "./MarginGate.t.sol";
import {Release} from "./Release.sol";
import {TestToken} from "./Tokens.sol";
import {VM, Vm} from "./Vm.sol";

/// Gate, desks and a market that the fuzzer moves, under a verifier that holds every proof for good: what is left is who may
/// do what when, and where the money goes. Owner of every account, operator, guardian and liquidation desk at once. Keeps books
/// of its own from the events of each call, and reverts where they do not agree.
contract VenueHandler is IDesk {
    uint256 private constant CASH = Statement.CASH;
    uint256 private constant CASH_UNIT = 100;
    uint256 private constant MOST_ACCOUNTS = 5;
    uint256 private constant LEVY_BPS = 100;
    uint32 private constant HOLD = 500;
    uint32 private constant INTERVAL = 3000;

    struct Books {
        int256 fund;
        uint256[2] custody;
    }

    /// What the events of one call add up to.
    struct Tally {
        int256[2] into;
        int256[2] withdrawn;
        int256[2] out;
        int256 fund;
    }

    IMarginGate public gate;
    IExchange public exchange;
    IClearing public clearing;
    IFund public fund;
    FixedMarket public immutable market;
    TestToken[2] public tokens;
    uint256[2] private _assets = [CASH, uint256(0)];
    uint256 public accounts;
    uint64 private _epoch;
    bool private _usable = true;
    bool private _complete = true;
    bool private _former;
    uint256 private _unique = 1000;
    bytes private _last;
    address private _lastTo;

    // By asset: what accounts hold by what was settled, tokens sent to the gate without a deposit, and by this call.
    mapping(uint256 asset => int256) public inside;
    uint256[2] public stray;
    int256 private _donated;
    int256[2] private _deposited;

    // By account: its state, stage and settlements by what was emitted, when a hold ends, when it absorbed last.
    mapping(uint256 account => uint256) public stateOf;
    mapping(uint256 account => IMarginGate.Stage) public stageOf;
    mapping(uint256 account => uint256) public settledOf;
    mapping(uint256 account => uint256) private _heldUntil;
    mapping(uint256 account => uint256) private _heldSince;
    mapping(uint256 account => uint256) private _absorbedAt;
    mapping(uint256 state => bool) private _seen;

    /// By commitment: times applied with +1 less times applied with −1; all come out even.
    mapping(uint256 fill => int256) public net;
    uint256 public fillsOut;

    constructor() {
        IAccountVerifier verifier = IAccountVerifier(address(new AnyVerifier()));
        market = new FixedMarket(60, verifier, G1(1, 2));
        _open();
        market.setLots(ILotVerifier(address(verifier)), G1(1, 2));
        market.setRounds(3, IRoundVerifier(address(verifier)), G1(1, 2));
        Terms memory terms;
        (terms.curePeriod, terms.attestInterval, terms.holdPeriod) = (300, INTERVAL, HOLD);
        terms.levyBps = uint16(LEVY_BPS);
        market.setTerms(terms);
    }

    /// Apart from the constructor: a desk is a contract, and this is one of them.
    function setUp() external {
        if (address(gate) != address(0)) return;
        gate = Release.gate(market);
        market.bindGate(address(gate));
        for (uint256 index = 0; index < 2; index++) {
            tokens[index] = new TestToken("T", index == 0 ? 8 : 18);
            uint64 most = type(uint64).max;
            gate.registerAsset(_assets[index], address(tokens[index]), index == 0 ? 6 : 8, most, most);
            tokens[index].approve(address(gate), type(uint256).max);
        }
        address[4] memory desks = Release.desks(gate, address(this), address(this));
        (exchange, clearing, fund) = (IExchange(desks[0]), IClearing(desks[1]), IFund(desks[3]));
        gate.seal(desks);
        for (uint256 index = 0; index < 3; index++) open();
    }

    // ---- Books ----

    modifier booked() {
        Books memory before = _books();
        VM.recordLogs();
        _;
        _balance(before);
    }

    function _books() private view returns (Books memory books) {
        books.fund = gate.fund();
        for (uint256 index = 0; index < 2; index++) books.custody[index] = gate.custodyOf(_assets[index]);
    }

    function _balance(Books memory before) private {
        Tally memory tally;
        tally.fund = _donated;
        Vm.Log[] memory logs = VM.getRecordedLogs();
        for (uint256 index = 0; index < logs.length; index++) {
            bytes32 topic = logs[index].topics[0];
            if (topic == IMarginGate.Settled.selector) _settled(logs[index], tally);
            else if (topic == IMarginGate.Entered.selector) _entered(logs[index]);
            else if (topic == IMarginGate.StageSet.selector) _staged(logs[index]);
            else if (topic == IMarginGate.Withdrawn.selector) _withdrawn(logs[index], tally, before);
            else if (topic == IMarginGate.CreditMoved.selector) _moved(logs[index], tally);
            else if (topic == IFund.FundWithdrawn.selector) {
                int256 amount = int256(abi.decode(logs[index].data, (uint256)));
                (tally.fund, tally.out[0]) = (tally.fund - amount, tally.out[0] + amount);
            }
        }
        Books memory next = _books();
        require(next.fund == before.fund + tally.fund, "the fund moved by something else");
        for (uint256 index = 0; index < 2; index++) {
            int256 gained = int256(next.custody[index]) - int256(before.custody[index]);
            require(gained == _deposited[index] - tally.out[index], "V12: custody moved by something else");
            int256 withdrawn = tally.withdrawn[index];
            require(withdrawn == 0 || tally.into[index] == -withdrawn, "V12: paid out, and not settled");
            inside[_assets[index]] += tally.into[index];
        }
        (_donated, _deposited) = (0, [int256(0), 0]);
    }

    function _stepped(uint256 id, uint256 next) private {
        require(!_seen[next], "V02: a state came back");
        (stateOf[id], _seen[next]) = (next, true);
    }

    function _settled(Vm.Log memory log, Tally memory tally) private {
        uint256 id = uint256(log.topics[1]);
        (uint256 before, uint256 next, uint256 transfer, uint256 fill, uint256 terms,,) =
            abi.decode(log.data, (uint256, uint256, uint256, uint256, uint256, uint64, bytes));
        require(before == stateOf[id], "V05: a step from another state");
        _stepped(id, next);
        require(settledOf[id] == market.settlementsOf(1), "a step before a settlement");
        require(stageOf[id] != IMarginGate.Stage.Liquidating, "V18: a step while a lot is out");
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

    function _entered(Vm.Log memory log) private {
        (uint256 next,) = abi.decode(log.data, (uint256, bytes));
        _stepped(uint256(log.topics[1]), next);
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
            require(gate.accountOf(id).owed == 0, "healthy though it owes the fund");
        } else {
            require(from != IMarginGate.Stage.Liquidating, "V18: two lots");
        }
    }

    function _withdrawn(Vm.Log memory log, Tally memory tally, Books memory before) private view {
        (uint256 id, uint256 asset) = (uint256(log.topics[1]), uint256(log.topics[2]));
        (uint256 amount,, uint256 fee, uint256 levy) = abi.decode(log.data, (uint256, address, uint256, uint256));
        uint256 index = asset == CASH ? 0 : 1;
        int256 paid = int256(before.custody[index]) - int256(gate.custodyOf(asset));
        int256 kept = int256(amount) - paid;
        require(kept >= int256(levy) && paid >= int256(fee), "paid more than was taken");
        require(asset == CASH || kept == 0, "a levy on collateral");
        // What is kept beyond the levy repays what the account owed; the levy is at least fair, and at most the debt.
        int256 owes = -(before.fund + kept - int256(levy));
        if (asset == CASH && (levy != 0 || owes > 0)) {
            require(int256(levy) <= owes, "the levy is more than the deficit");
            uint256 rest = uint256(paid) + levy;
            bool fair = levy * (before.custody[0] + uint256(owes)) >= rest * uint256(owes);
            bool policy = levy * 10_000 >= rest * LEVY_BPS;
            require(int256(levy) == owes || rest == 0 || fair && policy, "the first to leave is paid more than the last");
        }
        require(gate.accountOf(id).owed == 0 || asset == CASH && paid == 0, "left though the fund is owed");
        tally.fund += kept;
        tally.withdrawn[index] += int256(amount);
        tally.out[index] += paid;
    }

    function _moved(Vm.Log memory log, Tally memory tally) private pure {
        int256 amount = int256(abi.decode(log.data, (uint256)));
        if (uint256(log.topics[1]) == 0) tally.fund -= amount;
        if (uint256(log.topics[2]) == 0) tally.fund += amount;
    }

    // ---- The market ----

    function condition(uint256 seed) external {
        (_usable, _complete, _former) = (seed % 4 != 0, seed % 5 != 0, seed % 7 == 0);
        market.setUsable(_usable, _complete);
        market.setInForce(_former ? 2 : 0);
    }

    function newEpoch(bool grace) external {
        _open();
        market.setGrace(grace);
    }

    function advance(uint256 secondsOfClock) external {
        market.advance(secondsOfClock % (2 * HOLD));
        VM.warp(block.timestamp + secondsOfClock % 400);
    }

    /// An instrument expires, now and then; every account is offered the settlement, some do not take it.
    function expire(uint256 seed) external {
        if (seed % 3 == 0) market.settle();
        for (uint256 id = 1; id <= accounts; id++) if (seed >> 2 * id & 3 != 0) expireOne(id);
    }

    function expireOne(uint256 id) public booked {
        id = _id(id);
        if (!_tryAt(address(clearing), abi.encodeCall(clearing.expire, (_step(id))))) return;
        require(stageOf[id] != IMarginGate.Stage.Liquidating, "settled while a lot is out");
        require(++settledOf[id] <= market.settlementsOf(1), "settlements out of order");
    }

    // ---- Accounts ----

    function open() public {
        if (accounts == MOST_ACCOUNTS) return;
        IMarginGate.Step memory step = _step(0);
        step.stateBefore = Statement.genesisState(60);
        uint256 id = gate.open(IMarginGate.Opening(address(this), address(0)), step, "");
        (accounts, settledOf[id]) = (id, market.settlementsOf(1));
        _stepped(id, step.stateAfter);
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
        fund.donate(amount);
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
        if (!_try(abi.encodeCall(gate.absorb, (_step(id), _assets[index], amount, below)))) return;
        if (stageOf[id] == IMarginGate.Stage.Healthy && !_isHeld(id)) return;
        require(amount >= credit - amount, "G07: less than half of a credit");
        require(block.timestamp >= _absorbedAt[id] + 5 minutes || _absorbedAt[id] == 0, "G07: absorbed too often");
        _absorbedAt[id] = block.timestamp;
        // What comes in now waits: in the same block there is no second one.
        amount = _amount(index, 0);
        tokens[index].mint(address(this), amount);
        gate.deposit(id, address(this), _assets[index], amount);
        _deposited[index] += int256(amount);
        IMarginGate.Step memory next = _step(id);
        next.stateBefore = gate.accountOf(id).state;
        (bool ok,) = address(gate).call(abi.encodeCall(gate.absorb, (next, _assets[index], amount, below)));
        require(!ok, "G07: absorbed twice in a block");
    }

    function payOut(uint256 id, uint256 index, uint256 lots, uint256 fee, bool leaving) external booked {
        (id, index) = (_id(id), index % 2);
        uint256 amount = _amount(index, lots);
        address recipient = lots % 7 == 0 ? address(gate) : address(1);
        IMarginGate.Payment memory payment =
            IMarginGate.Payment(_assets[index], amount, recipient, fee % (amount / 8 + 1), 0);
        IMarginGate.Stage stage = stageOf[id];
        bytes memory call = leaving
            ? abi.encodeCall(gate.exit, (_step(id), payment))
            : abi.encodeCall(gate.withdraw, (_step(id), payment));
        uint256 custody = gate.custodyOf(_assets[index]);
        if (!_try(call)) return;
        // Where what is owed takes all of it, nothing is paid to anybody.
        bool paid = custody > gate.custodyOf(_assets[index]) + payment.fee;
        require(recipient != address(gate) || !paid, "V11: paid to itself");
        require(stage != IMarginGate.Stage.Liquidating, "paid out while a lot is out");
        require(leaving || stage == IMarginGate.Stage.Healthy, "withdrawn while called");
        require(leaving || _usable && !_former, "V13, G05: withdrawn while no money may leave");
        require(leaving || !_isHeld(id), "G07: withdrawn under a hold");
    }

    function flagOrAttest(uint256 id, bool attest, uint256 which) external booked {
        uint256 level = [uint256(12_000), 10_000, 6_000, 0, 15_000, 11_000][which % 6];
        id = _id(id);
        IMarginGate.Step memory step = _step(id);
        bool held = _isHeld(id);
        IMarginGate.Stage stage = stageOf[id];
        if (!_try(attest ? abi.encodeCall(gate.attest, (step, level)) : abi.encodeCall(gate.flag, (step, level)))) return;
        require(level != 11_000 && _usable, "V17: a level that the policy does not name");
        require(attest || _complete, "held against an account though an asset has no value");
        require(attest || stage == IMarginGate.Stage.Healthy, "N12: evidence against a called account outran evidence");
        require(!attest || !held || level >= 12_000, "G07: a lower level attested under a hold");
        if (attest && held && gate.accountOf(id).heldUntil <= market.clock(1)) _heldUntil[id] = market.clock(1);
    }

    function hold(uint256 id) external booked {
        id = _id(id);
        (uint256 clock, uint256 last) = (market.clock(1), _heldUntil[id]);
        if (!_tryAt(address(exchange), abi.encodeCall(exchange.hold, (id)))) return;
        require(last == 0 || clock >= 2 * last - _heldSince[id], "G07: held again too early");
        require(last == 0 || clock >= last + 60, "N03: held again within a minute");
        (_heldSince[id], _heldUntil[id]) = (clock, clock + HOLD);
        // The same call is no replay when its time has come again.
        delete _last;
    }

    function trade(uint256 a, uint256 b, bool batch) external booked {
        (a, b) = (_id(a), _id(b));
        (IMarginGate.Stage stageA, IMarginGate.Stage stageB) = (stageOf[a], stageOf[b]);
        bool held = _isHeld(a) || _isHeld(b);
        IExchange.Trade[] memory trades = new IExchange.Trade[](1);
        trades[0] = IExchange.Trade(_side(a), _side(b), ++_unique, hex"01");
        uint256 before = stateOf[a];
        if (batch) exchange.settleBatch(trades, 1_500_000);
        else _tryAt(address(exchange), abi.encodeCall(exchange.trade, (trades[0])));
        if (gate.accountOf(a).state == before) return _forget();
        require(a != b && _usable && !_former, "G05: traded with itself, or at no price");
        IMarginGate.Stage out = IMarginGate.Stage.Liquidating;
        require(stageA != out && stageB != out, "traded while a lot is out");
        require(!held, "G07: traded under a hold");
        // What is proven is the initial level, as of everybody.
        require(gate.accountOf(a).stage == IMarginGate.Stage.Healthy, "N06: traded, and called");
        require(gate.accountOf(b).stage == IMarginGate.Stage.Healthy, "N06: traded, and called");
    }

    function round(uint256 a, uint256 b) external booked {
        (a, b) = (_id(a), _id(b));
        IMarginGate.Entry[] memory members = new IMarginGate.Entry[](2);
        for (uint256 index = 0; index < 2; index++) {
            uint256 id = index == 0 ? a : b;
            members[index] = IMarginGate.Entry(id, stateOf[id], ++_unique, hex"01", bytes32(0), hex"01");
        }
        uint256[8] memory proof;
        IExchange.Round memory made =
            IExchange.Round(1, _epoch, _epoch, block.timestamp, 3, members, proof, hex"01");
        if (!_tryAt(address(exchange), abi.encodeCall(exchange.round, (made)))) return;
        require(a < b && _usable && !_former, "a round out of order, or at no price");
        for (uint256 index = 0; index < 2; index++) {
            uint256 id = index == 0 ? a : b;
            require(stageOf[id] == IMarginGate.Stage.Healthy && !_isHeld(id), "in a round though called or held");
            require(settledOf[id] == market.settlementsOf(1), "in a round before a settlement");
        }
    }

    /// As the owner of accounts, and the operator: signs everything.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }

    /// V02: what was done once is not done again.
    function replay() external booked {
        if (_last.length != 0) require(!_tryAt(_lastTo, _last), "V02: a call had a second effect");
    }

    // ---- As the liquidation desk ----

    function startLot(uint256 id) external booked {
        id = _id(id);
        if (stageOf[id] != IMarginGate.Stage.Liquidating) gate.setStage(id, IMarginGate.Stage.Liquidating, _epoch);
    }

    /// Void, or taken with the credit in one asset, and paid from the fund, which the account then owes every other time.
    function endLot(uint256 id, uint256 index, uint256 lots, bool taken, bool whole) external booked {
        (id, index) = (_id(id), index % 2);
        if (stageOf[id] != IMarginGate.Stage.Liquidating) gate.setStage(id, IMarginGate.Stage.Liquidating, _epoch);
        if (taken) {
            uint256[16] memory credits;
            uint256 joined = gate.creditOf(id, _assets[index]);
            credits[_assets[index]] = joined;
            gate.takeLot(id, stateOf[id], ++_unique, credits, "");
            inside[_assets[index]] += int256(joined);
            gate.moveCredit(0, id, CASH, _amount(0, lots));
        }
        gate.setStage(id, taken && whole ? IMarginGate.Stage.Closed : IMarginGate.Stage.Called, 0);
        if (taken && lots % 2 == 0) gate.charge(id, _amount(0, lots));
    }

    /// Of an account that owes the fund no collateral leaves.
    function leaveOwing() external {
        IMarginGate.Payment memory coin = IMarginGate.Payment(_assets[1], _amount(1, 0), address(1), 0, 0);
        for (uint256 id = 1; id <= accounts; id++) {
            if (gate.accountOf(id).owed == 0) continue;
            (bool ok,) = address(gate).call(abi.encodeCall(gate.exit, (_step(id), coin)));
            require(!ok, "left though the fund is owed");
        }
        _forget();
    }

    function withdrawFund(uint256 lots) external booked {
        VM.prank(address(market));
        try fund.withdraw(address(2), _amount(0, lots)) {} catch {
            _forget();
        }
    }

    // ---- Helpers ----

    function _open() private {
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        (IAccountVerifier verifier,) = market.exitMarket(1);
        market.open(Market(verifier, 1, ++_epoch, uint64(block.timestamp), levels, G1(1, 2)));
    }

    function _isHeld(uint256 id) private view returns (bool) {
        return market.clock(1) < _heldUntil[id];
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

    function _side(uint256 id) private returns (IExchange.Side memory side) {
        side.lastEpoch = _epoch;
        side.step = _step(id);
        side.step.signature = hex"01";
    }

    function _step(uint256 id) private returns (IMarginGate.Step memory step) {
        (step.account, step.policyId, step.epoch) = (id, 1, _epoch);
        (step.stateBefore, step.stateAfter, step.deadline) = (stateOf[id], ++_unique, block.timestamp);
    }
}

/// V02, V12, V17, V18, G05, G07 and the run on a fund: whatever is called in whatever order, under whatever market.
contract VenueInvariants {
    VenueHandler public handler;

    function setUp() public {
        handler = new VenueHandler();
        handler.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V12_V18_booksStagesAndLotsAgree() public view {
        IMarginGate gate = handler.gate();
        uint256 accounts = handler.accounts();
        _checkCustody(gate, accounts);
        for (uint256 id = 1; id <= accounts; id++) {
            IMarginGate.Account memory account = gate.accountOf(id);
            require(account.state == handler.stateOf(id), "a state that no step led to");
            require(account.stage == handler.stageOf(id), "a stage that was not announced");
            require(account.settled == handler.settledOf(id), "a settlement that no step passed");
        }
        require(handler.fillsOut() == 0, "V12: a fill was lost or doubled");
        _checkSettlements(gate, accounts);
    }

    /// custody = credits + fund + holdings inside accounts, and the tokens are there.
    function _checkCustody(IMarginGate gate, uint256 accounts) private view {
        for (uint256 index = 0; index < 2; index++) {
            uint256 asset = index == 0 ? Statement.CASH : 0;
            int256 claims = handler.inside(asset) + (index == 0 ? gate.fund() : int256(0));
            for (uint256 id = 1; id <= accounts; id++) claims += int256(gate.creditOf(id, asset));
            require(claims == int256(gate.custodyOf(asset)), "V12: custody is not the sum of claims");
            uint256 held = handler.tokens(index).balanceOf(address(gate));
            require(held == gate.custodyOf(asset) + handler.stray(index), "V12: custody is not what the gate holds");
        }
    }

    function _checkSettlements(IMarginGate gate, uint256 accounts) private view {
        uint64 settlements = handler.market().settlementsOf(1);
        for (uint64 number = 0; number <= settlements; number++) {
            bool all = true;
            for (uint256 id = 1; id <= accounts; id++) all = all && gate.accountOf(id).settled >= number;
            require(gate.allSettled(1, number) == all, "settled, or not, by all");
        }
    }
}

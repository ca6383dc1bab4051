// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {IFund} from "../interfaces/IFund.sol";
import {ILotVerifier} from "../interfaces/ILotVerifier.sol";
import {IDesk, IMarginGate} from "../interfaces/IMarginGate.sol";
import {Levels, Market, Terms} from "../interfaces/IMarket.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";
import {FixedMarket} from "./FixedMarket.sol";
import {Release} from "./Release.sol";
import {TestToken} from "./Tokens.sol";
import {VM} from "./Vm.sol";

/// Holds every proof for good: what the gate accounts for does not rest on proofs.
contract AnyVerifier {
    fallback() external {
        assembly {
            mstore(0, and(calldataload(0), shl(224, 0xffffffff)))
            return(0, 32)
        }
    }
}

/// Owner of every account, operator, guardian and the liquidation desk at once: does whatever a caller may do, with amounts of its
/// choosing, and keeps the books that nobody on chain can: what is inside the accounts.
contract GateHandler is IDesk {
    uint256 private constant CASH = Statement.CASH;
    uint256 public constant ACCOUNTS = 3;
    uint64 private constant LIMIT = 600_000;
    uint64 private constant TILL_FLOOR = 1_500_000;

    IMarginGate public gate;
    IExchange public exchange;
    IFund public fund;
    FixedMarket public immutable market;
    TestToken[2] public tokens;
    uint256[2] private _assets = [CASH, uint256(0)];
    /// By asset, over all accounts: what they would prove that they hold. Debt is negative.
    mapping(uint256 asset => int256) public inside;
    /// What left in this window, and when it began.
    uint256[2] public left;
    uint256 public windowFrom;
    uint256 private _states = 1000;
    /// Whether the gate has been asked for its till, and seconds since for which that was below its floor.
    bool private _counts;
    uint256 private _shortFor;

    constructor() {
        IAccountVerifier verifier = IAccountVerifier(address(new AnyVerifier()));
        market = new FixedMarket(60, verifier, G1(1, 2));
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        market.open(Market(verifier, 1, 1, uint64(block.timestamp), levels, G1(1, 2)));
        market.setLots(ILotVerifier(address(verifier)), G1(1, 2));
        Terms memory terms;
        (terms.levyBps, terms.attestInterval, terms.holdPeriod) = (100, 1000, 500);
        terms.tillFloor = TILL_FLOOR;
        market.setTerms(terms);
    }

    /// Apart from the constructor: a desk is a contract, and this is one of them.
    function setUp() external {
        if (address(gate) != address(0)) return;
        gate = Release.gate(market);
        market.bindGate(address(gate));
        for (uint256 index = 0; index < 2; index++) {
            tokens[index] = new TestToken("T", index == 0 ? 6 : 18);
            gate.registerAsset(_assets[index], address(tokens[index]), index == 0 ? 6 : 8, type(uint64).max, LIMIT);
            tokens[index].approve(address(gate), type(uint256).max);
        }
        address[4] memory desks = Release.desks(gate, address(this), address(this));
        (exchange, fund) = (IExchange(desks[0]), IFund(desks[3]));
        gate.seal(desks);
        for (uint256 index = 0; index < ACCOUNTS; index++) {
            IMarginGate.Step memory step = _step(0);
            step.stateBefore = Statement.genesisState(60);
            gate.open(IMarginGate.Opening(address(this), address(0)), step, "");
        }
        windowFrom = block.timestamp;
    }

    function assetOf(uint256 index) external view returns (uint256) {
        return _assets[index];
    }

    function deposit(uint256 id, uint256 index, uint256 lots) external {
        (id, index) = (_id(id), index % 2);
        uint256 amount = _amount(index, lots);
        tokens[index].mint(address(this), amount);
        gate.deposit(id, address(this), _assets[index], amount);
    }

    function donate(uint256 lots) external {
        uint256 amount = _amount(0, lots);
        tokens[0].mint(address(this), amount);
        fund.donate(amount);
    }

    function absorb(uint256 id, uint256 index, uint256 lots, bool below) external {
        (id, index) = (_id(id), index % 2);
        uint256 amount = _amount(index, lots);
        if (gate.creditOf(id, _assets[index]) < amount) amount = gate.creditOf(id, _assets[index]);
        try gate.absorb(_step(id), _assets[index], amount, below) {
            inside[_assets[index]] += int256(amount);
        } catch {}
    }

    function payOut(uint256 id, uint256 index, uint256 lots, uint256 fee, bool leaving) external {
        (id, index) = (_id(id), index % 2);
        uint256 asset = _assets[index];
        uint256 amount = _amount(index, lots);
        IMarginGate.Payment memory payment =
            IMarginGate.Payment(asset, amount, address(1), fee % (amount + amount / 8), fee % 3 == 0 ? amount : 0);
        uint256 custody = gate.custodyOf(asset);
        IMarginGate.Account memory before = gate.accountOf(id);
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
        inside[asset] -= int256(amount);
        require(payment.least == 0 || custody - gate.custodyOf(asset) >= payment.least, "G29: paid less than the least");
        require(before.owed == 0 || asset == CASH, "what is owed to the fund comes first");
        _leave(index, custody);
    }

    /// As the liquidation desk: a step that moves an amount between an account's inside and a credit.
    function settle(uint256 id, uint256 counter, uint256 index, uint256 lots, bool into) external {
        (id, counter, index) = (_id(id), _id(counter), index % 2);
        IMarginGate.Step[] memory steps = new IMarginGate.Step[](1);
        IMarginGate.Effect[] memory effects = new IMarginGate.Effect[](1);
        steps[0] = _step(id);
        effects[0].sender = address(this);
        (effects[0].asset, effects[0].counter) = (_assets[index], counter);
        effects[0].amount = int256(_amount(index, lots)) * (into ? int256(1) : int256(-1));
        try gate.settleMany(IMarginGate.Basis.Outflow, steps, effects) {
            inside[_assets[index]] += effects[0].amount;
        } catch {}
    }

    function takeLot(uint256 id, uint256 index, uint256 lots) external {
        (id, index) = (_id(id), index % 2);
        uint256[16] memory credits;
        credits[_assets[index]] = _amount(index, lots);
        try gate.takeLot(id, gate.accountOf(id).state, ++_states, credits, "") {
            inside[_assets[index]] += int256(credits[_assets[index]]);
        } catch {}
    }

    function moveCredit(uint256 from, uint256 to, uint256 index, uint256 lots) external {
        (from, to, index) = (from % (ACCOUNTS + 1), to % (ACCOUNTS + 1), index % 2);
        try gate.moveCredit(from, to, _assets[index], _amount(index, lots)) {} catch {}
    }

    function charge(uint256 id, uint256 lots) external {
        try gate.charge(_id(id), _amount(0, lots)) {} catch {}
    }

    function withdrawFund(uint256 lots) external {
        uint256 custody = gate.custodyOf(CASH);
        VM.prank(address(market));
        try fund.withdraw(address(2), _amount(0, lots)) {
            _leave(0, custody);
        } catch {}
    }

    function setStage(uint256 id, uint256 stage) external {
        // Healthy again it is not while it owes the fund.
        try gate.setStage(_id(id), IMarginGate.Stage(stage % 4), 0) {} catch {}
    }

    function countTill() external {
        require(gate.tillShortFor() == uint24(_shortFor), "M16: the time for which the till was short");
        _counts = true;
    }

    function pass(uint256 time) external {
        if (_counts && gate.custodyOf(CASH) < TILL_FLOOR) _shortFor += time % 2 hours;
        VM.warp(block.timestamp + time % 2 hours);
        market.advance(time % 2 hours);
        if (block.timestamp < windowFrom + 1 hours) return;
        (windowFrom, left) = (block.timestamp, [uint256(0), 0]);
    }

    function hold(uint256 id) external {
        try exchange.hold(_id(id)) {} catch {}
    }

    /// What one account gains another loses, so nothing changes inside the whole.
    function trade(uint256 a, uint256 b, uint256 fill) external {
        IExchange.Side memory sideA = IExchange.Side(_step(_id(a)), 1);
        IExchange.Side memory sideB = IExchange.Side(_step(_id(b)), 1);
        IExchange.Trade memory made = IExchange.Trade(sideA, sideB, fill, "");
        try exchange.trade(made) {} catch {}
    }

    function flagOrAttest(uint256 id, bool attest, uint256 which) external {
        uint256 level = [uint256(12_000), 10_000, 6_000, 0][which % 4];
        IMarginGate.Step memory step = _step(_id(id));
        if (attest) try gate.attest(step, level) {} catch {}
        else try gate.flag(step, level) {} catch {}
    }

    /// G32: in an hour no more leaves than the limit, whatever part of it was open when the hour began.
    function _leave(uint256 index, uint256 custody) private {
        uint256 lot = index == 0 ? 1 : 10 ** 10;
        left[index] += custody - gate.custodyOf(_assets[index]);
        uint256 most = custody / lot / 720 > LIMIT ? custody / lot / 720 : LIMIT;
        require(left[index] <= 3 * most * lot, "G32: more left than two limits and what grew back in an hour");
        require(gate.limitsOf(_assets[index]).used <= most, "G32: more is used than there is");
    }

    function _id(uint256 seed) private pure returns (uint256) {
        return 1 + seed % ACCOUNTS;
    }

    function _amount(uint256 index, uint256 lots) private pure returns (uint256) {
        return (1 + lots % 1_000_000) * (index == 0 ? 1 : 10 ** 10);
    }

    function _step(uint256 id) private returns (IMarginGate.Step memory step) {
        (step.account, step.policyId, step.epoch) = (id, 1, 1);
        if (id != 0) step.stateBefore = gate.accountOf(id).state;
        (step.stateAfter, step.deadline) = (++_states, block.timestamp);
    }
}

/// V12, G29, G32: whatever is called in whatever order, every token is somebody's.
contract MarginGateInvariants {
    GateHandler public handler;

    function setUp() public {
        handler = new GateHandler();
        handler.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// custody = credits + fund + holdings inside accounts, and the tokens are there.
    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V12_custodyIsTheSumOfClaims() public view {
        IMarginGate gate = handler.gate();
        for (uint256 index = 0; index < 2; index++) {
            uint256 asset = handler.assetOf(index);
            int256 claims = handler.inside(asset) + (index == 0 ? gate.fund() : int256(0));
            for (uint256 account = 1; account <= handler.ACCOUNTS(); account++) {
                claims += int256(gate.creditOf(account, asset));
            }
            require(claims == int256(gate.custodyOf(asset)), "V12: custody is not the sum of claims");
            require(
                handler.tokens(index).balanceOf(address(gate)) == gate.custodyOf(asset),
                "V12: custody is not what the gate holds"
            );
        }
    }
}

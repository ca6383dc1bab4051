// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MarginGate} from "../gate/MarginGate.sol";
import {IAccountVerifier} from "../interfaces/IAccountVerifier.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {Levels, Market, Terms} from "../interfaces/IMarket.sol";
import {G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";
import {FixedMarket} from "./FixedMarket.sol";
import {Release} from "./Release.sol";
import {TestToken} from "./Tokens.sol";

/// Holds every proof for good: what the gate accounts for does not rest on proofs.
contract AnyVerifier {
    fallback() external {
        assembly {
            mstore(0, and(calldataload(0), shl(224, 0xffffffff)))
            return(0, 32)
        }
    }
}

/// Owner of every account, operator and module at once: does whatever a caller may do, with amounts of its choosing, and
/// keeps the books that nobody on chain can: what is inside the accounts.
contract GateHandler {
    uint256 private constant CASH = Statement.CASH;
    uint256 public constant ACCOUNTS = 3;

    MarginGate public immutable gate;
    TestToken[2] public tokens;
    uint256[2] private _assets = [CASH, uint256(0)];
    /// By asset, over all accounts: what they would prove that they hold. Debt is negative.
    mapping(uint256 asset => int256) public inside;
    uint256 private _states = 1000;

    constructor() {
        IAccountVerifier verifier = IAccountVerifier(address(new AnyVerifier()));
        FixedMarket market = new FixedMarket(60, verifier, G1(1, 2));
        Levels memory levels = Levels(15_000, 12_000, 10_000, 6_000);
        market.open(Market(verifier, 1, 1, uint64(block.timestamp), levels, G1(1, 2)));
        Terms memory terms;
        terms.levyBps = 100;
        market.setTerms(terms);
        gate = Release.gate(market, address(this), address(this), 1 days);
        gate.setLiquidation(address(this));
        for (uint256 index = 0; index < 2; index++) {
            tokens[index] = new TestToken("T", index == 0 ? 6 : 18);
            gate.registerAsset(_assets[index], address(tokens[index]), index == 0 ? 6 : 8);
            tokens[index].approve(address(gate), type(uint256).max);
        }
        for (uint256 index = 0; index < ACCOUNTS; index++) {
            IMarginGate.Step memory step = _step(0);
            step.stateBefore = Statement.genesisState(60);
            gate.open(IMarginGate.Opening(address(this), address(0), 1), step, "");
        }
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
        gate.donate(amount);
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
        fee = fee % (amount + amount / 8);
        bool done;
        if (leaving) {
            try gate.exit(_step(id), asset, amount, address(1), fee) {
                done = true;
            } catch {}
        } else {
            try gate.withdraw(_step(id), asset, amount, address(1), fee) {
                done = true;
            } catch {}
        }
        if (done) inside[asset] -= int256(amount);
    }

    /// As the module: a step that moves an amount between an account's inside and a credit or the fund.
    function settleFor(uint256 id, uint256 counter, uint256 index, uint256 lots, bool into) external {
        (id, index) = (_id(id), index % 2);
        counter = counter % (ACCOUNTS + 1);
        IMarginGate.Effect memory effect;
        effect.sender = address(this);
        effect.basis = IMarginGate.Basis.Any;
        (effect.asset, effect.counter) = (_assets[index], counter);
        effect.amount = int256(_amount(index, lots)) * (into ? int256(1) : int256(-1));
        try gate.settleFor(_step(id), effect) {
            inside[_assets[index]] += effect.amount;
        } catch {}
    }

    function moveCredit(uint256 from, uint256 to, uint256 index, uint256 lots) external {
        (from, to, index) = (from % (ACCOUNTS + 1), to % (ACCOUNTS + 1), index % 2);
        try gate.moveCredit(from, to, _assets[index], _amount(index, lots)) {} catch {}
    }

    function payFromFund(uint256 lots) external {
        try gate.payFromFund(address(2), _amount(0, lots)) {} catch {}
    }

    function setStage(uint256 id, uint256 stage) external {
        gate.setStage(_id(id), IMarginGate.Stage(stage % 4));
    }

    /// What one account gains another loses, so nothing changes inside the whole.
    function trade(uint256 a, uint256 b, uint256 fill) external {
        IMarginGate.Step[] memory none;
        IMarginGate.Side memory sideA = IMarginGate.Side(_step(_id(a)), 15_000, none);
        IMarginGate.Side memory sideB = IMarginGate.Side(_step(_id(b)), 15_000, none);
        IMarginGate.Trade memory made = IMarginGate.Trade(sideA, sideB, fill, "");
        try gate.trade(made) {} catch {}
    }

    function flagOrAttest(uint256 id, bool attest, uint256 which) external {
        uint256 level = [uint256(12_000), 10_000, 6_000, 0][which % 4];
        IMarginGate.Step memory step = _step(_id(id));
        if (attest) try gate.attest(step, level) {} catch {}
        else try gate.flag(step, level) {} catch {}
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

/// V12: whatever is called in whatever order, every token is somebody's.
contract MarginGateInvariants {
    GateHandler public handler;

    function setUp() public {
        handler = new GateHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// custody = credits + fund + holdings inside accounts − deficit, and the tokens are there.
    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V12_custodyIsTheSumOfClaims() public view {
        MarginGate gate = handler.gate();
        for (uint256 index = 0; index < 2; index++) {
            uint256 asset = handler.assetOf(index);
            int256 claims = handler.inside(asset);
            for (uint256 account = 0; account <= handler.ACCOUNTS(); account++) {
                claims += int256(gate.creditOf(account, asset));
            }
            if (index == 0) claims -= int256(gate.deficit());
            require(claims == int256(gate.custodyOf(asset)), "V12: custody is not the sum of claims");
            require(
                handler.tokens(index).balanceOf(address(gate)) == gate.custodyOf(asset),
                "V12: custody is not what the gate holds"
            );
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Policy, PolicyRules} from "../market/PolicyRules.sol";
import {Levels, Terms} from "../interfaces/IMarket.sol";
import {Statement} from "../libraries/Statement.sol";
import {Release} from "./Release.sol";

/// The rules look at the boundaries of two schedules; here every quantity is tried, lot by lot.
contract PolicyBounds {
    uint256 private constant MOST = 48;
    uint256 private constant MOVE_BPS = 2000;
    PolicyRules private _rules;

    function setUp() public {
        _rules = PolicyRules(Release.deploy("PolicyRules", abi.encode(MOVE_BPS)));
    }

    function testFuzz_O07_V14_aMoveIsTakenWhereNoQuantityMovesTooFar(uint256 seed, uint256 change) public {
        Policy memory old = _policy(seed);
        _rules.admit(old, 60);
        Policy memory next = _changed(old, change);
        (bool near, bool tighter, bool exempt) = _compare(old, next);
        bool taken;
        try _rules.checkMoves(old, next) {
            taken = true;
        } catch (bytes memory reason) {
            require(bytes4(reason) == PolicyRules.ValueMoved.selector, "V14: refused for another reason");
        }
        require(taken == (near || exempt), "O07: the bound on moves is not what it says");
        bool tightened;
        try _rules.checkTighter(old, next) {
            tightened = true;
        } catch (bytes memory reason) {
            bytes4 name = bytes4(reason);
            require(
                name == PolicyRules.NotTighter.selector || name == PolicyRules.ValueMoved.selector,
                "V14: refused for another reason"
            );
        }
        require(tightened == (near && tighter), "V14: tightened what is not tighter, or not near");
    }

    function testFuzz_transfersAndTermsDecode(uint256 asset, int256 lots, uint256 level, bool below, bool minus) public pure {
        asset %= Statement.CASH + 1;
        lots %= int256(1 << 64);
        level %= 1 << Statement.LEVEL_BITS;
        uint256 transfer = Statement.encodeTransfer(asset, lots);
        require(transfer >> Statement.TRANSFER_BITS == asset, "asset");
        require(int256(transfer % (1 << Statement.TRANSFER_BITS)) - int256(1 << 64) == lots, "lots");
        uint256 terms = Statement.encodeTerms(level, below, minus);
        require(terms % (1 << Statement.LEVEL_BITS) == level, "level");
        require((terms >> Statement.LEVEL_BITS) == (below ? 1 : 0) + (minus ? 2 : 0), "flags");
    }

    /// A valid policy with one asset, of few lots.
    function _policy(uint256 seed) private pure returns (Policy memory policy) {
        uint64 boundary = 0;
        uint16 weight = 10_000;
        for (uint256 tier = 0; tier < 4; tier++) {
            boundary += uint64((seed >> (16 * tier)) % (MOST / 4));
            weight = uint16(weight - (seed >> (64 + 16 * tier)) % (weight / 2 + 1));
            (policy.boundaryLots[0][tier], policy.weightBps[0][tier]) = (boundary, weight);
        }
        policy.levels = Levels(15_000, 12_000, 10_000, 6_000);
        (policy.maxAge, policy.epochGrace) = (60, 10);
        policy.terms =
            Terms(1 hours, 1 days, 1 days, 1 hours, 1 hours, 1 hours, 1000, 500, 100, 100, 1_000_000, 1000, 5000, 0);
    }

    /// Boundaries one lot off, weights up to a quarter off; valid again.
    function _changed(Policy memory old, uint256 change)
        private
        pure
        returns (Policy memory next)
    {
        next = abi.decode(abi.encode(old), (Policy));
        uint256 boundary = 0;
        uint256 weight = 10_000;
        for (uint256 tier = 0; tier < 4; tier++) {
            uint256 lots = old.boundaryLots[0][tier] + (change >> (8 * tier)) % 3;
            lots = lots == 0 ? 0 : lots - 1;
            if (lots > boundary) boundary = lots;
            uint256 bps = old.weightBps[0][tier] * (7500 + (change >> (32 + 32 * tier)) % 4000) / 10_000;
            if (bps < weight) weight = bps;
            (next.boundaryLots[0][tier], next.weightBps[0][tier]) = (uint64(boundary), uint16(weight));
        }
    }

    function _compare(Policy memory old, Policy memory next)
        private
        pure
        returns (bool near, bool tighter, bool exempt)
    {
        (near, tighter) = (true, true);
        (uint256 a, uint256 b) = (0, 0);
        for (uint256 lot = 0; lot < MOST + 8; lot++) {
            a += _weight(old, lot);
            b += _weight(next, lot);
            uint256 move = a > b ? a - b : b - a;
            if (move * 10_000 > a * MOVE_BPS) near = false;
            if (b > a) tighter = false;
        }
        exempt = a == 0 || b == 0;
    }

    /// Of the lot with that many before it.
    function _weight(Policy memory policy, uint256 lot) private pure returns (uint256) {
        for (uint256 tier = 0; tier < 4; tier++) {
            if (lot < policy.boundaryLots[0][tier]) return policy.weightBps[0][tier];
        }
        return 0;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PolicyPoints} from "./PolicyPoints.sol";
import {Policy, PolicyRules} from "./PolicyRules.sol";
import {VerifierRouter} from "../verify/VerifierRouter.sol";
import {IMarket, IQueue, Levels, Terms} from "../interfaces/IMarket.sol";
import {Family, IVerifier} from "../interfaces/IVerifier.sol";
import {G1} from "../libraries/Bn254.sol";

/// Boards, and the policy that each one's accounts are held to.
///
/// Who can do what
///  - the queue creates boards, and changes policies and keys: all of it has waited, and is bounded when it is carried out;
///  - the guardian tightens a policy at once, once in a queue's delay. It binds what leaves at once, and is evidence against
///    accounts only after the policy's cure period;
///  - anyone links the values of a policy (`PolicyPoints`): without its links under the board's keys no policy comes into force;
///  - nobody moves the weighted value of any quantity of a listed asset, or a level, by more than `maxMoveBps` at a time (`PolicyRules`).
///
/// Every policy of a board stays on record by its number, since an epoch keeps the one that it was opened under.
/// A board says nothing about custody: the gate is bound to one board for good.
///
/// Safety rests on the queue within these bounds, and on it being watched for the length of its delay.
contract PolicyRegistry {
    /// What an epoch takes from the policy that it was opened under, in one word.
    struct Version {
        uint24 initial;
        uint24 call;
        uint24 liquidation;
        uint24 closeOut;
        uint32 maxAge;
        uint32 epochGrace;
        /// Bit a: asset a is listed.
        uint16 listed;
        uint16 debtRateBps;
        uint16 shortDebtRateBps;
        uint32 stopLimit;
        /// Bit a: a linear row of the board terms is worth a quantity of asset a.
        uint16 linear;
    }

    struct Head {
        uint32 policyId;
        uint16 instruments;
        /// Grows with every rotation.
        uint24 keyId;
        /// Unix seconds; until then an epoch made under the key before still has its exit market.
        uint40 sunset;
        uint40 tightenedAt;
    }

    /// An epoch made before a rotation is stale before its key's sunset.
    uint256 public constant KEY_SUNSET = 7 days;

    IQueue public immutable queue;
    PolicyPoints public immutable points;
    PolicyRules public immutable rules;
    uint256 public boards;
    mapping(uint256 board => Head) private _heads;
    /// When the queue changed the policy last; zero before it has.
    mapping(uint256 board => uint256) private _changedAt;
    mapping(uint256 board => Policy) private _policies;
    mapping(uint256 board => mapping(uint256 policyId => Version)) private _versions;
    /// Seconds of the board's clock for which the policy before is evidence in its place; zero where it came through the queue.
    mapping(uint256 board => mapping(uint256 policyId => uint256)) private _cures;
    /// Keccak-256 of the values of a version, by which their points are found.
    mapping(uint256 board => mapping(uint256 policyId => bytes32)) private _values;
    mapping(uint256 board => mapping(uint256 policyId => address)) private _boardTerms;
    mapping(uint256 board => mapping(uint256 keyId => VerifierRouter)) private _routers;

    event BoardCreated(uint256 indexed board, uint256 instruments, address router);
    event PolicySet(uint256 indexed board, uint32 indexed policyId, Policy policy);
    event Tightened(uint256 indexed board, uint32 indexed policyId, uint256 curePeriod);
    event KeyRotated(uint256 indexed board, uint24 indexed keyId, address router, uint256 sunset);

    error RouterRefused(address router);
    /// The policy was changed, or tightened, less than the queue's delay ago.
    error ChangedLately(uint256 until);
    error TightenedLately(uint256 until);
    error KeyUnchanged(address router);

    modifier onlyQueue() {
        if (msg.sender != address(queue)) revert IQueue.NotQueue(msg.sender);
        _;
    }

    /// @param maxMoveBps by how much one change may move a value, below 10000
    constructor(IQueue queue_, uint256 maxMoveBps) {
        queue = queue_;
        points = new PolicyPoints();
        rules = new PolicyRules(maxMoveBps);
    }

    // ---- Queue ----

    /// Creates a board with its first policy; its number counts from 1.
    /// @param instruments 60, 240 or 480, of which the router has a verifier
    function createBoard(VerifierRouter router, uint256 instruments, Policy memory policy)
        external
        onlyQueue
        returns (uint256 board)
    {
        if (address(router).code.length == 0) revert RouterRefused(address(router));
        board = ++boards;
        _heads[board].instruments = uint16(instruments);
        _routers[board][0] = router;
        emit BoardCreated(board, instruments, address(router));
        _setPolicy(board, policy, 0);
    }

    /// Puts a policy in force, from the first epoch that is opened under it.
    /// Once in the queue's delay, and as long after a tightening: bounds of a change are of little use where many come at once, and what
    /// the queue changes has no cure period.
    function setPolicy(uint256 board, Policy memory policy) external onlyQueue {
        uint256 last = _head(board).tightenedAt;
        if (queue.closed()) {
            if (last < _changedAt[board]) last = _changedAt[board];
            uint256 until = last + queue.getMinDelay();
            if (last != 0 && block.timestamp < until) revert ChangedLately(until);
            _changedAt[board] = block.timestamp;
        }
        _setPolicy(board, policy, 0);
    }

    /// Puts the keys of another router in force: the next epoch is made under them. Refuses one that lacks a family of circuits
    /// that the one before has.
    function rotate(uint256 board, VerifierRouter router) external onlyQueue {
        Head memory head = _head(board);
        VerifierRouter former = _routers[board][head.keyId];
        if (address(router).code.length == 0) revert RouterRefused(address(router));
        if (router == former) revert KeyUnchanged(address(router));
        uint256[] memory families = former.familiesOf(head.instruments);
        for (uint256 index = 0; index < families.length; index++) {
            router.verifierOf(head.instruments, families[index]); // reverts where there is none
        }
        head.keyId += 1;
        head.sunset = uint40(block.timestamp + KEY_SUNSET);
        (_heads[board], _routers[board][head.keyId]) = (head, router);
        // What may still be evidence is needed under the new keys too. Whose cure is over is the oracle's to know: here all count
        // since the last policy that came through the queue.
        for (uint256 id = head.policyId;; id--) {
            _checkLinked(router, head.instruments, _values[board][id]);
            if (_cures[board][id] == 0) break;
        }
        emit KeyRotated(board, head.keyId, address(router), head.sunset);
    }

    // ---- Guardian ----

    /// Puts a policy in force at once under which no quantity counts for more, no level is lower, and no grace is longer.
    /// Listings, scan lots, rates of debt, ages and terms stay. Once in the queue's
    /// delay, and bounded as any change. As evidence the policy before stands for its cure period more, of the board's clock,
    /// from the first epoch that is taken under this one.
    function tighten(uint256 board, Policy memory policy) external {
        if (msg.sender != queue.guardian()) revert IQueue.NotGuardian(msg.sender);
        Head memory head = _head(board);
        uint256 until = head.tightenedAt + queue.getMinDelay();
        if (head.tightenedAt != 0 && block.timestamp < until) revert TightenedLately(until);
        _heads[board].tightenedAt = uint40(block.timestamp);
        uint256 cure = _policies[board].terms.curePeriod;
        _setPolicy(board, policy, cure);
        emit Tightened(board, head.policyId + 1, cure);
    }

    // ---- Views ----

    /// Reverts where there is no such board.
    function headOf(uint256 board) external view returns (Head memory) {
        return _head(board);
    }

    /// The policy in force.
    function policyOf(uint256 board) external view returns (Policy memory) {
        _head(board);
        return _policies[board];
    }

    function termsOf(uint256 board) external view returns (Terms memory) {
        _head(board);
        return _policies[board].terms;
    }

    /// A policy of the board, in force or not, by its number.
    function versionOf(uint256 board, uint256 policyId) external view returns (Version memory) {
        return _versions[board][policyId];
    }

    /// Seconds of the board's clock for which the policy before `policyId` is evidence in its place; zero where it came through
    /// the queue.
    function cureOf(uint256 board, uint256 policyId) external view returns (uint256) {
        return _cures[board][policyId];
    }

    /// Point of a board's policy under a verifier; reverts where it is not linked.
    function pointOf(uint256 board, uint256 policyId, IVerifier verifier) external view returns (G1 memory) {
        return points.pointOf(verifier, _values[board][policyId]);
    }

    /// Data page of the board terms of a policy; zero where it has none.
    function boardTermsOf(uint256 board, uint256 policyId) external view returns (address) {
        return _boardTerms[board][policyId];
    }

    /// The keys of a board, by the number of the rotation.
    function routerOf(uint256 board, uint256 keyId) external view returns (VerifierRouter) {
        return _routers[board][keyId];
    }

    /// The verifier of a family under the board's keys of a rotation; reverts where there is none.
    function verifierOf(uint256 board, uint256 keyId, uint256 family) external view returns (IVerifier) {
        uint256 instruments = _heads[board].instruments;
        VerifierRouter router = _routers[board][keyId];
        if (!router.has(instruments, family)) revert IMarket.FamilyMissing(board, family);
        return router.verifierOf(instruments, family);
    }

    // ---- Internal ----

    function _head(uint256 board) private view returns (Head memory head) {
        head = _heads[board];
        if (head.instruments == 0) revert IMarket.BoardUnknown(board);
    }

    function _setPolicy(uint256 board, Policy memory policy, uint256 cure) private {
        Head storage head = _heads[board];
        uint256 instruments = head.instruments;
        (bytes32 values, uint256 listed, uint256 linear) = rules.admit(policy, instruments);
        if (cure != 0) rules.checkTighter(_policies[board], policy);
        else if (head.policyId != 0) rules.checkMoves(_policies[board], policy);
        _checkLinked(_routers[board][head.keyId], instruments, values);
        uint32 policyId = ++head.policyId;
        Levels memory levels = policy.levels;
        _versions[board][policyId] = Version({
            initial: uint24(levels.initial),
            call: uint24(levels.call),
            liquidation: uint24(levels.liquidation),
            closeOut: uint24(levels.closeOut),
            maxAge: policy.maxAge,
            epochGrace: policy.epochGrace,
            listed: uint16(listed),
            debtRateBps: policy.debtRateBps,
            shortDebtRateBps: policy.shortDebtRateBps,
            stopLimit: policy.terms.stopLimit,
            linear: uint16(linear)
        });
        _cures[board][policyId] = cure;
        (_values[board][policyId], _boardTerms[board][policyId]) = (values, policy.boardTerms);
        _policies[board] = policy;
        emit PolicySet(board, policyId, policy);
    }

    /// Reverts with the points' error for keys under which the policy, or for accounts the exit market, is not linked.
    function _checkLinked(VerifierRouter router, uint256 instruments, bytes32 valuesHash) private view {
        points.exitPointOf(router.verifierOf(instruments, Family.ACCOUNT));
        uint256[] memory families = router.familiesOf(instruments);
        for (uint256 index = 0; index < families.length; index++) {
            if (families[index] == Family.SETTLEMENT) continue;
            points.pointOf(router.verifierOf(instruments, families[index]), valuesHash);
        }
    }
}

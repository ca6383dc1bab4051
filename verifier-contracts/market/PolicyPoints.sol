// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IVerifier} from "../interfaces/IVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Link, LinkVerifier} from "../libraries/LinkVerifier.sol";
import {Statement} from "../libraries/Statement.sol";

/// Points of policies, and of the exit market, by verifier: constants, that anyone brings with a link (docs/link.md).
///
/// A point is here for good and says nothing about which policy is in force: that is the registry's. Nobody can bring a
/// wrong one, nor one for values that are not those of the hash it is found by.
contract PolicyPoints {
    uint256 private constant MAX_CHARGE = (1 << 60) - 1;
    uint256 private constant ORDER = Bn254.R;
    /// Stands for the values of the exit market in its link: they are constants of the circuit.
    bytes32 private constant EXIT = keccak256("Plimsoll exit market");

    mapping(IVerifier verifier => mapping(bytes32 valuesHash => G1)) private _points;
    mapping(IVerifier verifier => G1) private _exitPoints;

    event PolicyLinked(address indexed verifier, bytes32 indexed valuesHash);
    event ExitLinked(address indexed verifier);

    /// The group `policy` has another number of values.
    error ValuesWrong(uint256 expected, uint256 found);
    error VerifierRefused(address verifier);
    error PolicyNotLinked(address verifier, bytes32 valuesHash);
    error ExitNotLinked(address verifier);

    /// Takes the point of a policy's values under a verifier of accounts, lots or rounds.
    /// @param values of the group `policy`, in the circuit's order; refused at or above the group order
    function linkPolicy(IVerifier verifier, uint256[] calldata values, Link calldata link) external {
        if (values.length != Statement.POLICY_SIGNALS) revert ValuesWrong(Statement.POLICY_SIGNALS, values.length);
        uint256 first = verifier.own() + 1;
        bytes32 id = keccak256(abi.encodePacked(values));
        bytes32 seed = LinkVerifier.seedOf(verifier.linkId(), subject(), first, values.length, id, link);
        _check(verifier, seed, LinkVerifier.valueAt(values, first, seed), link);
        _points[verifier][id] = link.point;
        emit PolicyLinked(address(verifier), id);
    }

    /// Takes the point of the exit market under a verifier of accounts, in which nothing is listed or scanned, prices, rates and
    /// columns are zero and charges are as large as they can be.
    /// @param link of the group `market`; the policy of the exit market is linked before, by `linkPolicy`
    function linkExit(IVerifier verifier, Link calldata link) external {
        G1 memory policy = pointOf(verifier, exitPolicy());
        uint256 first = verifier.own() + 1 + Statement.POLICY_SIGNALS;
        uint256 instruments = verifier.instruments();
        bytes32 seed =
            LinkVerifier.seedOf(verifier.linkId(), subject(), first, Statement.valuesOf(instruments), EXIT, link);
        _check(verifier, seed, _exitAt(instruments, first, uint256(seed) % ORDER), link);
        _exitPoints[verifier] = Bn254.add(policy, link.point);
        emit ExitLinked(address(verifier));
    }

    /// Reverts where the policy is not linked.
    function pointOf(IVerifier verifier, bytes32 valuesHash) public view returns (G1 memory point) {
        point = _points[verifier][valuesHash];
        if (point.x == 0) revert PolicyNotLinked(address(verifier), valuesHash);
    }

    /// Reverts where the exit market is not linked.
    function exitPointOf(IVerifier verifier) external view returns (G1 memory point) {
        point = _exitPoints[verifier];
        if (point.x == 0) revert ExitNotLinked(address(verifier));
    }

    /// Hash of the values of a policy that lists and scans nothing.
    function exitPolicy() public pure returns (bytes32) {
        uint256[] memory values = new uint256[](Statement.POLICY_SIGNALS);
        for (uint256 asset = 1; asset <= Statement.ASSETS; asset++) {
            values[asset * Statement.POLICY_VALUES - 1] = Statement.NOT_SCANNED;
        }
        return keccak256(abi.encodePacked(values));
    }

    /// What the links' points are for.
    function subject() public view returns (bytes32) {
        return keccak256(abi.encode("Policy", block.chainid, address(this)));
    }

    function _check(IVerifier verifier, bytes32 seed, uint256 y, Link calldata link) private view {
        if (verifier.checkLink(seed, y, link) != IVerifier.checkLink.selector) revert VerifierRefused(address(verifier));
    }

    /// The values of the exit market at ρ: two charges in each row.
    function _exitAt(uint256 instruments, uint256 first, uint256 rho) private pure returns (uint256 y) {
        uint256 charge = _power(rho, first + 1 + Statement.ASSETS + Statement.ROW_VALUES - 2);
        uint256 stride = _power(rho, Statement.ROW_VALUES);
        for (uint256 row = 0; row < instruments; row++) {
            y = addmod(y, charge, ORDER);
            charge = mulmod(charge, stride, ORDER);
        }
        y = mulmod(mulmod(y, rho + 1, ORDER), MAX_CHARGE, ORDER);
    }

    function _power(uint256 base, uint256 exponent) private pure returns (uint256 power) {
        power = 1;
        for (; exponent != 0; exponent--) power = mulmod(power, base, ORDER);
    }
}

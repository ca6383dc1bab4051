// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IQueue} from "../interfaces/IMarket.sol";
import {Statement} from "../libraries/Statement.sol";

/// Who reports market values: k of n sign, prices and times are medians, and everything else is what all k have signed, together
/// with these medians: of two epochs that a reporter has signed nobody makes a third.
///
/// Safety rests on fewer than (k + 1) / 2 of a quorum reporting wrong prices, and on fewer than k signing wrong board values.
contract Reporters {
    /// What one reporter saw, and its agreement to the board values.
    struct Observation {
        /// Unix seconds as of which the prices hold.
        uint64 time;
        /// Per asset lot, 16 decimals.
        uint64[15] prices;
        /// Over `Observation(board,epoch,time,prices)`.
        bytes signature;
        /// By the same reporter, over `Board(board,epoch,time,prices,valuesHash)`: the medians of all, and the values that follow.
        bytes boardSignature;
    }

    uint256 public constant MAX_REPORTERS = 32;
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant OBSERVATION_TYPEHASH =
        keccak256("Observation(uint256 board,uint64 epoch,uint64 time,uint64[15] prices)");
    bytes32 private constant BOARD_TYPEHASH =
        keccak256("Board(uint256 board,uint64 epoch,uint64 time,uint64[15] prices,bytes32 valuesHash)");
    bytes32 private constant SETTLEMENT_TYPEHASH =
        keccak256("Settlement(uint256 board,uint64 number,bytes32 marksHash,uint64 deadline)");

    IQueue public immutable queue;
    address public immutable oracle;
    /// Grows with every change of the reporters.
    uint64 public quorumId;
    /// Observations that an epoch takes.
    uint256 public quorum;
    address[] private _reporters;
    mapping(uint64 quorumId => mapping(address reporter => bool)) private _isReporter;

    event ReportersSet(uint64 indexed quorumId, address[] reporters, uint256 quorum);

    error QuorumRefused(uint256 quorum, uint256 reporters);
    error ReporterRefused(address reporter);
    /// Exactly the quorum, no more and no fewer.
    error ObservationsWrong(uint256 quorum, uint256 observations);
    error ReporterUnknown(address reporter);
    /// Observations must be in ascending order of their reporters, each once.
    error ReporterOutOfOrder(address previous, address reporter);
    /// The two signatures of an observation are not by the same reporter.
    error BoardNotSigned(address reporter, address signer);
    error TimeInFuture(uint64 time, uint256 nowTime);
    error TimeTooOld(uint64 time, uint256 maxAge);
    error TimeNotNewer(uint64 time, uint64 last);

    modifier onlyQueue() {
        if (msg.sender != address(queue)) revert IQueue.NotQueue(msg.sender);
        _;
    }

    /// Made by the oracle, whose address is in every signature.
    /// @param reporters_ n different addresses in ascending order, at most MAX_REPORTERS
    /// @param quorum_ k: odd, at most n
    constructor(IQueue queue_, address[] memory reporters_, uint256 quorum_) {
        oracle = msg.sender;
        queue = queue_;
        _setReporters(reporters_, quorum_);
    }

    /// Replaces the reporters. What the old ones signed and nobody has carried to the chain is worth nothing.
    function setReporters(address[] calldata reporters_, uint256 quorum_) external onlyQueue {
        _setReporters(reporters_, quorum_);
    }

    function reporters() external view returns (address[] memory) {
        return _reporters;
    }

    /// Median time, and median of every price, of what a quorum has signed.
    /// @param last times must be later
    function median(
        uint256 board,
        uint64 epoch,
        bytes32 valuesHash,
        Observation[] calldata observations,
        uint256 maxAge,
        uint64 last
    ) external view returns (uint64 time, uint64[15] memory prices) {
        if (observations.length != quorum) revert ObservationsWrong(quorum, observations.length);
        uint64[] memory sorted = new uint64[](observations.length);
        address[] memory by = new address[](observations.length);
        address reporter = address(0);
        for (uint256 index = 0; index < observations.length; index++) {
            Observation calldata observed = observations[index];
            bytes32 structHash = keccak256(
                abi.encode(OBSERVATION_TYPEHASH, board, epoch, observed.time, keccak256(abi.encode(observed.prices)))
            );
            by[index] = reporter = _reporter(_digest(structHash), observed.signature, reporter);
            if (observed.time > block.timestamp) revert TimeInFuture(observed.time, block.timestamp);
            if (block.timestamp - observed.time > maxAge) revert TimeTooOld(observed.time, maxAge);
            if (observed.time <= last) revert TimeNotNewer(observed.time, last);
            _insert(sorted, index, observed.time);
        }
        time = sorted[sorted.length / 2];
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            for (uint256 index = 0; index < observations.length; index++) {
                _insert(sorted, index, observations[index].prices[asset]);
            }
            prices[asset] = sorted[sorted.length / 2];
        }
        bytes32 digest = _digest(
            keccak256(abi.encode(BOARD_TYPEHASH, board, epoch, time, keccak256(abi.encode(prices)), valuesHash))
        );
        for (uint256 index = 0; index < observations.length; index++) {
            address signer = ECDSA.recoverCalldata(digest, observations[index].boardSignature);
            if (signer != by[index]) revert BoardNotSigned(by[index], signer);
        }
    }

    /// Refuses marks of a settlement that a quorum has not signed.
    function checkSettlement(
        uint256 board,
        uint64 number,
        bytes32 marksHash,
        uint64 deadline,
        bytes[] calldata signatures
    ) external view {
        bytes32 digest =
            _digest(keccak256(abi.encode(SETTLEMENT_TYPEHASH, board, number, marksHash, deadline)));
        if (signatures.length != quorum) revert ObservationsWrong(quorum, signatures.length);
        address previous = address(0);
        for (uint256 index = 0; index < signatures.length; index++) {
            previous = _reporter(digest, signatures[index], previous);
        }
    }

    function _setReporters(address[] memory reporters_, uint256 quorum_) private {
        if (quorum_ % 2 == 0 || quorum_ > reporters_.length || reporters_.length > MAX_REPORTERS) {
            revert QuorumRefused(quorum_, reporters_.length);
        }
        uint64 id = ++quorumId;
        address previous = address(0);
        for (uint256 index = 0; index < reporters_.length; index++) {
            if (reporters_[index] <= previous) revert ReporterRefused(reporters_[index]);
            previous = reporters_[index];
            _isReporter[id][previous] = true;
        }
        quorum = quorum_;
        _reporters = reporters_;
        emit ReportersSet(id, reporters_, quorum_);
    }

    /// EIP-712 digest in the oracle's domain.
    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("Plimsoll PriceOracle"), keccak256("1"), block.chainid, oracle)
        );
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    /// The reporter whose signature it is; after `previous`.
    function _reporter(bytes32 digest, bytes calldata signature, address previous) private view returns (address reporter) {
        reporter = ECDSA.recoverCalldata(digest, signature);
        if (reporter <= previous) revert ReporterOutOfOrder(previous, reporter);
        if (!_isReporter[quorumId][reporter]) revert ReporterUnknown(reporter);
    }

    /// Puts a value in its place among the first `count`, which are in order.
    function _insert(uint64[] memory sorted, uint256 count, uint64 value) private pure {
        for (; count != 0 && sorted[count - 1] > value; count--) sorted[count] = sorted[count - 1];
        sorted[count] = value;
    }
}

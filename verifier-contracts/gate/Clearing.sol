// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Batches, Desk} from "./Desk.sol";
import {IClearing} from "../interfaces/IClearing.sol";
import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {ISettlementVerifier} from "../interfaces/ISettlementVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";

/// See `IClearing`. The gate counts settlements for each account and sees to their order; the marks are the market's.
contract Clearing is Desk, Batches, IClearing {
    bytes32 private constant EXPIRE_TYPEHASH = keccak256(
        "Expire(uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256 deadline,uint256 settlement)"
    );

    constructor(IMarginGate gate_) Desk(gate_) {}

    /// @inheritdoc IClearing
    function expire(IMarginGate.Step calldata step) external {
        _expire(step);
    }

    /// @inheritdoc IClearing
    function expireBatch(IMarginGate.Step[] calldata steps, uint256 gasEach) external {
        _tryEach(_forSelf(this.expireSome.selector), steps.length, gasEach);
    }

    /// Expires items of a range, which follows the arguments. For the desk itself.
    function expireSome(IMarginGate.Step[] calldata steps, uint256) external {
        (uint256 from, uint256 to) = _range();
        for (uint256 index = from; index < to; index++) _expire(steps[index]);
    }

    function _expire(IMarginGate.Step calldata step) private {
        uint64 number = uint64(gate.accountOf(step.account).settled) + 1;
        IMarginGate.Entry[] memory entries = new IMarginGate.Entry[](1);
        entries[0] =
            IMarginGate.Entry(step.account, step.stateBefore, step.stateAfter, step.blob, bytes32(0), new bytes(0));
        bytes32 digest = gate.enter(EXPIRE_TYPEHASH, abi.encode(number), step.deadline, entries)[0];
        (ISettlementVerifier verifier, G1 memory marks) = market.settlementOf(board, number);
        uint256[3] memory inputs = [step.stateBefore, step.stateAfter, uint256(digest) % Bn254.R];
        if (verifier.verify(step.proof, inputs, marks) != ISettlementVerifier.verify.selector) {
            revert IMarginGate.VerifierRefused(address(verifier));
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDesk, IMarginGate} from "./IMarginGate.sol";

/// The desk for trades and rounds, and the operator who agrees to them.
///
/// Every trade and round is of the standing epoch, and leaves each account at the policy's initial level. Each account's owner or
/// agent signs its new state until a deadline and a last epoch; the operator always agrees besides: an account that traded without
/// it could be one that nobody can follow. Without it accounts only unwind. Nobody's being the sender counts as a signature in a
/// batch or a round.
interface IExchange is IDesk {
    /// One account's part in a trade.
    struct Side {
        IMarginGate.Step step;
        /// The last epoch under which the signer agrees; signed and not read where the trade unwinds.
        uint64 lastEpoch;
    }

    struct Trade {
        /// Applies the fill with +1.
        Side a;
        /// Applies it with −1.
        Side b;
        /// Commitment; not the one of no fill.
        uint256 fill;
        /// `Clear` over the two sides' digests, where the operator is not the sender. Not read in `unwind`.
        bytes operatorSignature;
    }

    /// Accounts that step at once by private fills that add up to zero. Each keeps the policy's initial level.
    struct Round {
        /// Under which the proof was made; compared, to name the reason why a late one is refused.
        uint64 policyId;
        uint64 epoch;
        /// Of the members' digests.
        uint64 lastEpoch;
        uint256 deadline;
        /// Of the circuit: 3 or 15.
        uint256 places;
        /// At least two, in ascending order of their numbers; the places after them are nobody's.
        IMarginGate.Entry[] members;
        uint256[8] proof;
        /// As for a trade: over the round's digest and zero.
        bytes operatorSignature;
    }

    event OperatorSet(address operator);
    /// Accounts stepped in a round of that many places.
    event RoundTaken(uint64 indexed epoch, uint256 members, uint256 places);
    event Requested(uint256 indexed account, uint256 time);
    event Answered(uint256 indexed account);

    error OperatorDeadlineRefused(uint64 deadline, uint64 most);
    /// The operator has not signed; or accounts may not unwind yet, for it was seen less than its deadline ago, and does not owe both
    /// an answer.
    error OperatorMissing(uint64 seen, uint64 deadline);
    error SameAccount(uint256 account);
    /// Signed for epochs up to `last`.
    error EpochAfterLast(uint64 epoch, uint64 last);
    error FillRefused(uint256 fill);
    /// Not before the clock says so: after a hold the account is free for as long as that lasted, and for a minute at least.
    error HoldTooEarly(uint256 account, uint256 until);
    error MembersRefused(uint256 members, uint256 places);
    /// A venue that keeps states in events takes blobs, one that does not takes their hashes.
    error BlobRefused(uint256 account);

    // ---- Trades ----

    /// Applies one private fill to two accounts. Both have at least the policy's initial level afterwards, which makes a called or
    /// closed one healthy. Not of accounts that are held, that owe the fund, or of which a lot is on auction.
    function trade(Trade calldata trade_) external;

    /// Applies one private fill to two accounts that have neither positions nor debt afterwards, proven under the exit market: no epoch
    /// is needed. Once the operator has been silent for its deadline, or has left a request of both accounts unanswered for as
    /// long; its signature is not read. The owners alone, who sign a trade at EXIT_LEVEL. Whatever the stage, as `IMarginGate.exit`,
    /// but not of accounts that owe the fund. Both are retired: they absorb and exit, and trade no more. Nobody else may know
    /// their states, so neither may the board wait for them to settle.
    function unwind(Trade calldata trade_) external;

    /// The same for many trades, in order, verified at once. If something is wrong with one, each is tried by itself, and those
    /// that revert for another reason than gas are skipped and named (`Skipped`).
    /// @param gasEach gas that one item may use, at least `MIN_ITEM_GAS`
    function settleBatch(Trade[] calldata trades, uint256 gasEach) external;

    /// Takes a round. Anyone may send it; all members sign.
    function round(Round calldata round_) external;

    // ---- Operator ----

    /// The operator shows that it is there: it must, where it only signs and others send.
    function heartbeat() external;

    /// Replaces the operator. The queue only.
    function setOperator(address operator_) external;

    /// Asks the operator in public to agree to the account's next trade. The account's owner only. Unanswered for
    /// `operatorDeadline`, the account unwinds without the operator; a trade or round of it to which the operator agreed is the
    /// answer.
    function request(uint256 account) external;

    /// Makes an account's owner wait for `Terms.holdPeriod` of the board's clock, so that a proof about the account is not outrun:
    /// until then the gate takes of the owner's steps only a proof of the call level or more by the standing epoch (which ends the
    /// hold), the account's absorbs, exits and unwinding, and the cure of a lot (which does not). The operator; anyone, once the account has missed its
    /// attestation. Not again for as long after the hold's end as it lasted, and for a minute at least.
    function hold(uint256 account) external;

    /// Reverts unless the operator is the sender, has signed `Clear(bytes32 first,bytes32 second)` of the digest and zero in this
    /// contract's domain, or, where that is enough, has been silent for longer than its deadline. Changes nothing: no sign of life.
    /// @param sender of the call that asks
    /// @param orSilent whether its silence is enough
    function checkAgreement(address sender, bytes32 digest, bool orSilent, bytes calldata signature) external view;

    // ---- Views ----

    function operator() external view returns (address);

    /// Unix seconds when the operator last sent a trade, a batch, a round or a heartbeat.
    function operatorSeen() external view returns (uint64);

    /// Seconds after which an operator that is not seen, or does not answer, is not asked any more.
    function operatorDeadline() external view returns (uint64);

    /// Unix seconds of the account's request; zero where there is none.
    function requestedAt(uint256 account) external view returns (uint64);

    /// Whether the account's latest proof of the call level is older than the policy's interval, on the board's clock.
    function attestationMissed(uint256 account) external view returns (bool);

    /// Whether members' encrypted states are in events; else only their hashes are given, and the operator serves them.
    function keepsBlobs() external view returns (bool);
}

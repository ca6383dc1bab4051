// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// Margin accounts whose contents are private and whose solvency is proven.
///
/// Safety rests on
///  - the market that the gate was deployed with, and through it the verifiers, the policy and the signers;
///  - the owner registering tokens that are what the policies price, in the lots that they count, and that move exactly
///    the amount asked for or revert; tokens whose balances change by themselves are not supported;
///  - each account's owner keeping its own state: a commitment whose opening is lost stays where it is.
/// It does not rest on callers, relayers or makers of proofs.
/// Liveness rests on fresh market values, for every call but `open`, `deposit` and `absorb`; withdrawals of cash also on
/// cash being there, since accounts may owe it (their collateral covers the debt, but is not cash).
/// Not prevented here: an owner who takes a step in every block outruns `flag`, whose proof is then always of a state that
/// is past. A deadline for attestations is what such an owner cannot outrun.
///
/// Amounts are in units of the token. They must be whole lots where the account's private quantities change.
interface IMarginGate {
    /// One step of an account, from one state to the next. Of the public inputs of its proof only `stateAfter` is the
    /// caller's to choose; `stateBefore`, `policyId` and `epoch` say what the proof was made for, and are compared with
    /// what the gate holds to name the reason why a proof that comes too late is refused.
    struct Step {
        uint256 account;
        uint256 stateBefore;
        uint256 stateAfter;
        uint64 policyId;
        uint64 epoch;
        /// Unix seconds; the last second in which the step is accepted.
        uint256 deadline;
        uint256[8] proof;
        /// Of the account's owner, over the EIP-712 digest of the call (ERC-1271 for contracts); not read where the
        /// owner is the sender, or where the call needs no owner.
        bytes signature;
    }

    /// A margin statement that was proven.
    struct Verdict {
        uint32 level;
        uint64 epoch;
        /// Unix seconds of the block that took it; zero where there is none.
        uint64 time;
    }

    struct Account {
        address owner;
        uint32 board;
        uint32 instruments;
        uint256 state;
        /// The latest proof of at least a level above zero.
        Verdict attested;
        /// Of coverage below the call level; withdrawals stop until coverage of at least that level is proven.
        Verdict flagged;
    }

    event AssetRegistered(uint256 indexed asset, address token, uint256 lot);
    event AccountOpened(uint256 indexed account, address indexed owner, uint256 board);
    event Deposited(uint256 indexed account, uint256 indexed asset, uint256 amount, address from);
    event Withdrawn(uint256 indexed account, uint256 indexed asset, uint256 amount, address recipient, uint256 fee);
    /// A step was taken. Holds every public input but the context: with the viewing key and the fills, whoever reads
    /// these events can follow the account.
    event Settled(
        uint256 indexed account,
        uint256 stateBefore,
        uint256 stateAfter,
        uint256 transfer,
        uint256 fill,
        uint256 terms,
        uint64 epoch
    );
    event Flagged(uint256 indexed account, uint32 level, uint64 epoch);
    event FlagCleared(uint256 indexed account, uint32 level, uint64 epoch);

    error MarketRefused(address market);
    /// The market named a verifier that did not answer as one.
    error VerifierRefused(address verifier);
    error AssetTaken(uint256 asset, address token);
    error TokenTaken(address token);
    error AssetUnknown(uint256 asset);
    error LotRefused(uint256 asset, uint256 lotDecimals, uint256 tokenDecimals);
    error AccountUnknown(uint256 account);
    error DeadlinePassed(uint256 deadline, uint256 nowTime);
    error StateSuperseded(uint256 account, uint256 current, uint256 given);
    error StateNotNew(uint256 account, uint256 state);
    error PolicySuperseded(uint64 current, uint64 given);
    error EpochSuperseded(uint64 current, uint64 given);
    error NotAuthorised(uint256 account, address sender);
    error AmountZero();
    error AmountNotInLots(uint256 amount, uint256 lot);
    /// More than 2^64 − 1 lots.
    error AmountTooLarge(uint256 amount, uint256 lot);
    /// The token moved another amount than it was asked to.
    error TransferInexact(address token, uint256 asked, uint256 moved);
    error CreditTooSmall(uint256 account, uint256 asset, uint256 credit, uint256 amount);
    /// More is asked for than the gate holds of the asset: it has been lent to accounts whose cash is negative.
    error CustodyTooSmall(uint256 asset, uint256 custody, uint256 amount);
    error FeeAboveAmount(uint256 fee, uint256 amount);
    error LevelNotInPolicy(uint256 level, uint64 policyId);
    error AccountFlagged(uint256 account);
    error SameAccount(uint256 account);
    error BoardsDiffer(uint256 boardA, uint256 boardB);
    error FillRefused(uint256 fill);

    /// Opens an account of the sender on a board, for good. Its state is the public genesis state, from which the
    /// owner's first step sets the viewing key.
    function open(uint256 board) external returns (uint256 account);

    /// Takes tokens from the sender as a public credit of the account, which the account's owner absorbs. Needs no
    /// proof, and cannot be undone but by absorbing and withdrawing.
    /// @param amount whole lots, at most 2^64 − 1 of them
    function deposit(uint256 account, uint256 asset, uint256 amount) external;

    /// Moves credit into the account's private state. Owner only.
    ///
    /// Needs no margin and no fresh values: of the two statements about level 0 one is true of any account, so a top-up
    /// is never refused.
    /// @param amount whole lots, at most the credit
    /// @param below which of the two the proof shows: equity below zero, or not
    function absorb(Step calldata step, uint256 asset, uint256 amount, bool below) external;

    /// Pays out of the account, which keeps at least the initial level. Owner only; not while flagged.
    /// @param amount whole lots
    /// @param fee part of the amount that goes to the sender
    function withdraw(Step calldata step, uint256 asset, uint256 amount, address recipient, uint256 fee) external;

    /// Shows that the account has at least a level, and records it. Owner only; clears a flag from the call level up.
    /// @param level one of the policy's
    function attest(Step calldata step, uint256 level) external;

    /// Raises the flag of an account that is not flagged, with a proof that it is below the call level. Open to anyone
    /// who can make the proof: whoever can follow the account.
    function flag(Step calldata step) external;

    /// Applies one private fill to two accounts of a board, to `a` with +1 and to `b` with −1. Both keep at least the
    /// initial level, and both owners agree.
    /// @param fill commitment; not the one of no fill
    function trade(Step calldata a, Step calldata b, uint256 fill) external;

    function accountOf(uint256 account) external view returns (Account memory);

    /// Tokens paid in for the account and not absorbed yet.
    function creditOf(uint256 account, uint256 asset) external view returns (uint256);

    /// Tokens that the gate answers for: all credits and all private holdings.
    function custodyOf(uint256 asset) external view returns (uint256);
}

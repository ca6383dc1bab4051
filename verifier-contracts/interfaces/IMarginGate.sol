// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IBoardGate, IMarket} from "./IMarket.sol";

/// What every desk answers: the gate that it works on.
interface IDesk {
    function gate() external view returns (IMarginGate);
}

/// Margin accounts whose contents are private and whose solvency is proven: the kernel of a venue.
///
/// A gate has one market, one board and one custody. Four desks work on it, each named once by `seal` and never changed:
/// exchange (trades, rounds, the operator), clearing (expiries), liquidation (lots) and fund. The gate holds the tokens, the
/// accounts and their stages; it computes every public input of an `Account` proof from its storage and the call, and verifies.
///
/// SAFETY (nobody gets what is not theirs) rests on the market that the gate was deployed with (through it on verifiers, policy
/// and reporters), on the four desks, on registered tokens being what the policy prices, on each owner's key, and for trades on
/// an agent's. It rests on no caller, no relayer, no maker of proofs, no amount of gas, and not on the operator.
///
/// LIVENESS (everybody gets what is theirs, in time) rests on a standing epoch for `withdraw`, `attest`, `flag` and trades. Deposits,
/// `absorb` and `exit` work without any oracle, expiries once the settlement stands. It rests on the operator for openings and trades, which there are none of
/// without it; once it has been silent for its deadline, or has left owners' public requests unanswered for as long, two accounts unwind
/// against each other.
///
/// Custody in cash = credits + fund + private holdings, where debts count as negative and so does a fund that owes (deficit); of other assets
/// credits + private holdings. Amounts are in units of the token. They must be whole lots where private quantities change.
interface IMarginGate is IBoardGate {
    // ---- What callers bring ----

    /// One step of an account, proven by the circuit `Account`. Of the public inputs of its proof only `stateAfter` is the
    /// caller's to choose; `stateBefore`, `policyId` and `epoch` say what the proof was made for, and are compared with what the gate
    /// holds to name the reason why a proof that comes too late is refused.
    struct Step {
        /// Zero in `open`, whose account has no number yet.
        uint256 account;
        uint256 stateBefore;
        uint256 stateAfter;
        /// Neither is read where the proof is under the exit market.
        uint64 policyId;
        uint64 epoch;
        /// Unix seconds; the last second in which the step is accepted.
        uint256 deadline;
        uint256[8] proof;
        /// Of the account's owner or agent, over the EIP-712 digest of the call (a key's own, or ERC-1271); not read where the
        /// signer is the sender, or where the call needs neither.
        bytes signature;
        /// The state after, encrypted to the holder of the viewing key; of any length, and not checked.
        bytes blob;
    }

    /// One account's step that a desk verifies by another circuit than `Account`.
    struct Entry {
        uint256 account;
        uint256 stateBefore;
        uint256 stateAfter;
        /// The state after, encrypted, or empty where `blobHash` stands for it.
        bytes blob;
        /// Zero, or Keccak-256 of a blob that is kept elsewhere.
        bytes32 blobHash;
        /// As in `Step`.
        bytes signature;
    }

    /// Whose an account is to be.
    struct Opening {
        address owner;
        /// May sign trades; zero for none.
        address agent;
    }

    /// What leaves. The digest binds all of it.
    struct Payment {
        uint256 asset;
        /// Whole lots.
        uint256 amount;
        address recipient;
        /// Part of the amount that goes to the sender.
        uint256 fee;
        /// The recipient gets at least this, after levy and fee.
        uint256 least;
    }

    // ---- What the gate keeps ----

    /// Where an account stands on the margin ladder.
    enum Stage {
        Healthy,
        /// Proven below a level, or by the liquidation desk: no withdrawals.
        Called,
        /// A lot of the account is on auction. The account's state has not changed, but nothing changes it until the auction
        /// ends, except the owner's cure.
        Liquidating,
        /// Closed out; a proof of the call level makes it healthy again.
        Closed
    }

    struct Account {
        address owner;
        /// May sign trades in the owner's place; zero for none.
        address agent;
        Stage stage;
        /// Settlements of the board that the account has passed; 2^24 − 1 where it is retired (`IExchange.unwind`), and need not
        /// pass any.
        uint24 settled;
        /// The board's clock when the call level or more was proven last; when the account opened, at first.
        uint32 provenAt;
        /// The board's clock at which the latest hold ends; zero if there was none.
        uint32 heldUntil;
        uint256 state;
        /// The board's clock when the account left `Healthy`; read only while it is not.
        uint40 calledAt;
        /// The latest epoch in which the account was found wanting (zero for none); deleted when it becomes healthy.
        uint40 belowEpoch;
        /// Unix seconds of the last absorb by the owner, and by somebody else, of a credit that had to be absorbed in its
        /// greater part.
        uint40 absorbedAt;
        uint40 absorbedByOthersAt;
        /// Cash (1e-6) that the fund paid for the account and has not got back: until then only cash leaves, to the fund.
        uint64 owed;
    }

    struct Asset {
        address token;
        /// Units of the token in one lot.
        uint96 lot;
    }

    /// How much of an asset the gate takes in, and how fast it lets it out. In lots.
    struct Limits {
        /// Deposits end where custody reaches this, but for cash into accounts that are not healthy.
        uint64 depositCap;
        /// Leaves in an hour at most; never counts as less than 1/720 of custody, so that nobody can be kept in.
        uint64 outflow;
        /// What left, less what came in, and has not been worked off yet, at `time` (Unix seconds).
        uint64 used;
        uint40 time;
    }

    // ---- For the desks ----

    enum Desk {
        Exchange,
        Clearing,
        Liquidation,
        Fund
    }

    /// Whose agreement a step needs.
    enum By {
        Anyone,
        Owner,
        OwnerOrAgent
    }

    /// The values that a proof is made under.
    enum Basis {
        /// The standing epoch, usable, under the policy in force: for money out and new risk.
        Outflow,
        /// The standing epoch or within the policy's grace the one before: what helps the account or only shows it.
        Attesting,
        /// The standing epoch, usable and complete: evidence against an account.
        Evidence,
        /// The constant exit market, in which nothing has value, at EXIT_LEVEL: whether the account has positions or debt.
        Exit
    }

    /// What a step does, besides taking the account from one state to another.
    ///
    /// The call's EIP-712 type has the members `uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256
    /// deadline`, which the gate fills in from the step, and then the caller's own. The domain is the gate's.
    struct Effect {
        bytes32 typeHash;
        /// Encoding of the members after the common ones: whole words (hashes for dynamic ones).
        bytes args;
        By by;
        /// Who called the desk, whose signature is not needed; zero where everybody must sign.
        address sender;
        uint256 asset;
        /// Units of the token into the account's private state, or out of it where negative. Of the liquidation desk alone.
        int256 amount;
        /// Account whose credit the amount comes from or goes to.
        uint256 counter;
        /// Commitment of the fill; zero stands for no fill.
        uint256 fill;
        /// Whether the fill is applied with −1.
        bool minus;
        uint256 level;
        bool below;
        /// Whether the step is taken from an account under a hold too.
        bool evenHeld;
    }

    // ---- Events ----

    /// The desks are named (`deskOf`), and accounts may open.
    event Sealed();
    event AssetRegistered(uint256 indexed asset, address token, uint256 lot);
    event LimitsSet(uint256 indexed asset, uint64 depositCap, uint64 outflow);
    event AccountOpened(uint256 indexed account, address indexed owner, uint256 state);
    event AgentSet(uint256 indexed account, address agent);
    event Deposited(uint256 indexed account, uint256 indexed asset, uint256 amount, address from);
    event Withdrawn(
        uint256 indexed account, uint256 indexed asset, uint256 amount, address recipient, uint256 fee, uint256 levy
    );
    /// A step by `Account` was taken. Holds every public input but the context: with the viewing key, the account can be
    /// restored from these events and `Entered`.
    event Settled(
        uint256 indexed account,
        uint256 stateBefore,
        uint256 stateAfter,
        uint256 transfer,
        uint256 fill,
        uint256 terms,
        uint64 epoch,
        bytes blob
    );
    /// A step by another circuit was taken. `blob` is empty where only its hash was given.
    event Entered(uint256 indexed account, uint256 stateAfter, bytes blob);
    event Flagged(uint256 indexed account, uint256 level, uint64 epoch);
    event Held(uint256 indexed account, uint256 until);
    event StageSet(uint256 indexed account, Stage stage);
    event CreditMoved(uint256 indexed from, uint256 indexed to, uint256 indexed asset, uint256 amount);
    /// Cash of the fund; negative where it has promised more than it has.
    event FundChanged(int256 fund);
    /// What the account owes the fund now, in 1e-6.
    event Charged(uint256 indexed account, uint64 owed);

    // ---- Errors ----

    error MarketRefused(address market);
    error AddressZero();
    /// The desk is not a contract that names this gate, or the market's gate for this board is another.
    error DeskRefused(address desk);
    error AlreadySealed();
    /// No account opens before `seal`.
    error NotSealed();
    error NotDesk(address sender);
    /// Neither the deployer before `seal`, nor the queue after it, nor the guardian for what tightens.
    error NotGovernor(address sender);
    /// The market named a verifier that did not answer as one.
    error VerifierRefused(address verifier);
    error AssetTaken(uint256 asset, address token);
    error TokenTaken(address token);
    error AssetUnknown(uint256 asset);
    /// A limit is zero, or the guardian raises one, or lowers the cap of cash below custody.
    error LimitsRefused(uint256 asset, uint64 depositCap, uint64 outflow);
    error DepositCapReached(uint256 asset, uint256 capLots, uint256 lots);
    /// More leaves in an hour than the limit; `available` lots may leave now.
    error OutflowLimited(uint256 asset, uint256 available, uint256 lots);
    error AccountUnknown(uint256 account);
    /// The opening was used before.
    error OpeningUsed(bytes32 digest);
    error OwnerDiffers(uint256 account, address owner, address expected);
    error DeadlinePassed(uint256 deadline, uint256 nowTime);
    error StateSuperseded(uint256 account, uint256 current, uint256 given);
    error StateNotNew(uint256 account, uint256 state);
    error PolicySuperseded(uint64 current, uint64 given);
    /// Neither money nor new risk nor evidence is of any epoch but the standing one.
    error EpochNotStanding(uint64 current, uint64 given);
    error NotAuthorised(uint256 account, address sender);
    error AmountZero();
    error AmountNotInLots(uint256 amount, uint256 lot);
    /// More than 2^64 − 1 lots.
    error AmountTooLarge(uint256 amount, uint256 lot);
    error CreditTooSmall(uint256 account, uint256 asset, uint256 credit, uint256 amount);
    /// Less than half of the credit, of an account that is not healthy or under a hold.
    error AbsorbsTooLittle(uint256 account, uint256 credit, uint256 amount);
    /// Such an account absorbs once in five minutes by its owner, and once by others.
    error AbsorbedTooRecently(uint256 account, uint256 until);
    /// More is asked for than the gate holds of the asset: it has been lent to accounts whose cash is negative.
    error CustodyTooSmall(uint256 asset, uint256 custody, uint256 amount);
    /// Levy and fee leave the recipient less than the least that was signed for.
    error PaysTooLittle(uint256 least, uint256 paid);
    /// Only cash goes to and from the fund.
    error FundHoldsCash(uint256 asset);
    /// The account owes the fund: it trades not at all, and nothing leaves before cash that repays it (1e-6).
    error OwesFund(uint256 account, uint64 owed);
    error LevelNotInPolicy(uint256 level, uint64 policyId);
    error StageWrong(uint256 account, Stage stage);
    /// A hold makes the owner's steps wait until the board's clock says so.
    error AccountHeld(uint256 account, uint256 until);
    /// The board's settlement `number` comes first.
    error SettlementPending(uint256 account, uint64 number);
    error SettlementNone(uint256 account, uint64 settled);
    /// The account has unwound: it absorbs and exits, and nothing else.
    error AccountRetired(uint256 account);

    // ---- Deployment and queue ----

    /// Names the four desks, for good. The deployer only, once. Each must name this gate, the market must name it for its
    /// board, the queue must be closed, and the board must have verifiers of settlements and of lots.
    /// @param desks exchange, clearing, liquidation, fund
    function seal(address[4] calldata desks) external;

    /// Binds an asset index to a token, for good. The deployer before `seal`, the queue after it.
    /// @param asset 0 to 14 in the order of the board's policy; 15 is cash
    /// @param lotDecimals one lot is 10^-lotDecimals of a whole token: at most 8, and 6 for cash; at most 10^18 units
    /// @param depositCap lots, above zero
    /// @param outflow lots an hour, above zero
    function registerAsset(uint256 asset, address token, uint256 lotDecimals, uint64 depositCap, uint64 outflow) external;

    /// Replaces an asset's limits. The queue; the guardian, to lower them, the cap of cash not below custody.
    function setLimits(uint256 asset, uint64 depositCap, uint64 outflow) external;

    // ---- Accounts ----

    /// Opens an account. Its first step, from the genesis state, sets the viewing key, and is proven under the exit
    /// market; it is the owner's or carries its signature, and the operator agrees, silent or not, having checked the viewing key against
    /// `step.stateAfter`: an account that nobody can follow could take lots. One opening opens one account.
    /// @param operatorSignature as in `IExchange.checkAgreement`, of the call's digest
    function open(Opening calldata opening, Step calldata step, bytes calldata operatorSignature)
        external
        returns (uint256 account);

    /// Names who may sign trades in the owner's place. The owner itself only.
    function setAgent(uint256 account, address agent) external;

    /// Takes tokens from the sender as a public credit of the account. Needs no proof, and cannot be undone except by
    /// absorbing and withdrawing. Within the asset's cap, but for cash into an account that is not healthy.
    /// @param expectedOwner of the account, so that no deposit goes to the account of somebody else
    /// @param amount whole lots, at most 2^64 − 1 of them
    function deposit(uint256 account, address expectedOwner, uint256 asset, uint256 amount) external;

    /// Moves credit into the account's private state, proven under the exit market: no oracle and no margin is needed, and a
    /// top-up is never refused for values. The owner, any amount. Of an account that is not healthy or under a hold, the owner and
    /// anyone else, each once in five minutes, at least half of the credit in that asset: nobody outruns a proof about such an account, and
    /// nobody's dust keeps the owner's credit out.
    /// Not while a lot of the account is on auction.
    /// @param below whether the account has positions or debt: one of the two statements at EXIT_LEVEL is true of any account
    function absorb(Step calldata step, uint256 asset, uint256 amount, bool below) external;

    /// Pays out of the account, which keeps at least the initial level. Owner only; only while healthy and not held. While
    /// the fund is in deficit, a levy is kept back from cash (`IFund.levyOf`).
    function withdraw(Step calldata step, Payment calldata payment) external;

    /// Pays out of an account without positions and without debt, whatever becomes of market and operator, and under a hold
    /// too; not while a lot of it is on auction. Owner only. Levy as in `withdraw`.
    function exit(Step calldata step, Payment calldata payment) external;

    /// Shows that the account has at least a level, and records it. Owner only; from the call level up it makes a called or
    /// closed account healthy, unless it was found wanting in a later epoch, and ends a hold. Under a hold, by the standing
    /// epoch alone. Not while a lot of the account is on auction.
    /// @param level one of the policy's
    function attest(Step calldata step, uint256 level) external;

    /// Shows that a healthy account is below a level: it is called. Open to anyone who can make the proof. Once: an account that is
    /// called already, and stepped by more evidence, would outrun the proof of a lot.
    /// @param level call, liquidation or close-out of the policy, or zero
    function flag(Step calldata step, uint256 level) external;

    // ---- Doors for desks ----

    /// Takes steps, at least one and each with its effect, that are all proven by `Account` under one basis, and verifies them at once. The desk decides who may
    /// do it and when: stage and level are not checked here. Exchange and liquidation; amounts are the liquidation's alone. Under
    /// the exit market the accounts are retired: they have neither positions nor debt, and get none.
    /// @return digests EIP-712 digests of the steps, in order
    function settleMany(Basis basis, Step[] calldata steps, Effect[] calldata effects)
        external
        returns (bytes32[] memory digests);

    /// Takes steps that the desk verifies by another circuit before its call ends. By desk:
    ///  - exchange (a round): accounts are healthy and not held, each owner or agent has signed, and at least the call
    ///    level counts as proven now;
    ///  - clearing (an expiry): each account passes its next settlement, which the board must have had, by nobody's signature.
    /// @param typeHash and args as in `Effect`
    function enter(bytes32 typeHash, bytes calldata args, uint256 deadline, Entry[] calldata entries)
        external
        returns (bytes32[] memory digests);

    /// The account's state becomes the one that a lot left, and holds the credits that were counted. Liquidation only, which
    /// has verified the lot when its auction started.
    /// @param credits units of each token, no longer public credit
    function takeLot(
        uint256 account,
        uint256 stateBefore,
        uint256 stateAfter,
        uint256[16] calldata credits,
        bytes calldata blob
    ) external;

    /// Makes the owner's steps wait until the board's clock says so. Exchange only.
    function setHold(uint256 account, uint256 until) external;

    /// Sets an account's stage. Liquidation only. The time it left `Healthy` is kept.
    /// @param epoch in which the account was found wanting: it does not become healthy by a proof of an epoch before; zero for none
    function setStage(uint256 account, Stage stage, uint64 epoch) external;

    /// Moves credit between accounts, FUND (0) among them for cash: the fund may become negative. Liquidation only.
    function moveCredit(uint256 from, uint256 to, uint256 asset, uint256 amount) external;

    /// Records that the fund paid cash for an account, which moves nothing by itself. Liquidation only, of an account that is not
    /// healthy. Until it is repaid the account does not become healthy, does not trade, and only cash leaves it, to the fund.
    function charge(uint256 account, uint256 amount) external;

    /// Takes cash from `from`, who has approved the gate, into the fund. Fund only.
    function receiveForFund(address from, uint256 amount) external;

    /// Pays cash out of the fund, which has it, or reverts. Fund only.
    function payFromFund(address to, uint256 amount) external;

    // ---- Views ----

    function market() external view returns (IMarket);

    /// The board of the market whose accounts are kept here.
    function board() external view returns (uint256);

    /// Instruments on the board.
    function instruments() external view returns (uint256);

    /// Owner of the gate: what may loosen anything waits there.
    function queue() external view returns (address);

    /// The desk of that kind; zero before `seal`.
    function deskOf(Desk desk) external view returns (address);

    /// Number of accounts; they are numbered from 1.
    function accounts() external view returns (uint256);

    function accountOf(uint256 account) external view returns (Account memory);

    /// Tokens paid in for the account and not absorbed yet. Not of FUND: see `fund`.
    function creditOf(uint256 account, uint256 asset) external view returns (uint256);

    /// The credits of all assets, in order.
    function creditsOf(uint256 account) external view returns (uint256[16] memory);

    /// The token of an asset, and how many of its units are one lot; zeros where none is registered.
    function assets(uint256 asset) external view returns (address token, uint96 lot);

    function limitsOf(uint256 asset) external view returns (Limits memory);

    /// Tokens that the gate holds for all: credits, the fund, and private holdings less what is owed.
    function custodyOf(uint256 asset) external view returns (uint256);

    /// Cash of the fund; negative where it has promised more than it has.
    function fund() external view returns (int256);
}

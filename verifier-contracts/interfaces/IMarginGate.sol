// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IBoardGate} from "./IMarket.sol";

/// Margin accounts whose contents are private and whose solvency is proven.
///
/// In brackets the test that guards each, by file in test/contracts and the beginning of its title.
///
/// SAFETY (nobody gets what is not theirs) rests on
///  - the market that the gate was deployed with, and through it the verifiers, the policy and the reporters: the gate takes
///    no point and no level from a caller [gate-attacks "V20", "V05"; gate-life "V17"];
///  - the liquidation module, whose address is set once and never changes [gate-life "its doors are the module's alone"];
///  - registered tokens being what the policies price, in the lots that they count, and moving exactly what is asked or
///    reverting; none whose balances change by themselves [gate-attacks "V10", "V11"];
///  - each owner's key, and its agent's, which can trade and nothing else [gate-life "an agent signs trades"].
/// It does not rest on callers, relayers, makers of proofs or gas [gate-attacks "V01" to "V04", "V06"; gate-life "V06"], nor
/// on the operator, whose signature is only ever needed in addition to the owners' [gate-life "the operator agrees"]. Custody
/// is the sum of claims in whatever order calls come [MarginGate.t.sol "V12"].
/// What an account holds is as private as its viewing key: whoever has that can read the account, flag it and settle it.
///
/// LIVENESS (everybody gets what is theirs, in time) rests on
///  - fresh values for `withdraw`, `attest`, `trade` and `flag`; all else works while the market is paused, halted or gone,
///    `absorb` once there was an epoch [gate-life "while paused", "without any oracle", "a price that halves"];
///  - the operator for `open` and `trade`, until silent for `operatorDeadline`; for nothing else [gate-life "the operator"];
///  - cash being there: accounts may owe it, and their collateral covers the debt but is not cash [gate-attacks "tokens sent
///    without a deposit"]; a fund in deficit is repaid by a levy on cash [gate-life "an empty fund"];
///  - accounts passing their board's settlements, and lots being taken or going back, which whoever knows the account's state
///    can see to for its owner [gate-life "an account that has not passed", "while a lot of it is out"];
///  - those who know the state (owner, operator) not stepping the account in every block: a proof is of one state. The
///    operator can step a called account by flags, a few in an epoch, and by absorbing what it has paid in itself [gate-life
///    "V17", "what a called account has been paid in"].
/// Not prevented: an owner who takes a step in every block outruns `flag`, whose proof is then always of a state that is
/// past. Such an owner still has to prove the call level within each attestation interval, or is liquidated.
///
/// Amounts are in units of the token. They must be whole lots where the account's private quantities change.
interface IMarginGate is IBoardGate {
    /// One step of an account, from one state to the next. Of the public inputs of its proof only `stateAfter` is the
    /// caller's to choose; `stateBefore`, `policyId` and `epoch` say what the proof was made for, and are compared with
    /// what the gate holds to name the reason why a proof that comes too late is refused.
    struct Step {
        /// Zero in `open`, whose account has no number yet.
        uint256 account;
        uint256 stateBefore;
        uint256 stateAfter;
        /// Not read where the proof is under the exit market or a settlement.
        uint64 policyId;
        uint64 epoch;
        /// Unix seconds; the last second in which the step is accepted.
        uint256 deadline;
        uint256[8] proof;
        /// Of the account's owner or agent, over the EIP-712 digest of the call (ERC-1271 for contracts); not read where
        /// the signer is the sender, or where the call needs neither.
        bytes signature;
        /// The state after, encrypted to whoever has the viewing key; of any length, and not checked.
        bytes blob;
    }

    /// What an account's position in the margin ladder is.
    enum Stage {
        Healthy,
        /// Proven below a level, or reported by the module: no withdrawals, and trades only where they improve.
        Called,
        /// A lot of the account is out: in the module's hands, in nobody's account. It may come back, and the account has
        /// been paid for it: nothing is withdrawn, traded or settled, and nobody exits, before it is taken or back.
        Liquidating,
        /// Closed out; the call level proves it healthy again.
        Closed
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
        uint16 instruments;
        Stage stage;
        /// `market.clock` when the account left `Healthy`; read only while it is not.
        uint40 calledAt;
        /// May sign trades in the owner's place; zero for none.
        address agent;
        /// Settlements of the board that the account has passed.
        uint32 settled;
        /// `market.clock` when the call level or more was proven last; when the account opened, at first.
        uint64 provenAt;
        uint256 state;
        /// The latest proof of at least a level above zero.
        Verdict attested;
        /// The latest proof of coverage below a level; deleted when the account becomes healthy.
        Verdict below;
    }

    /// Whose an account is to be, and where.
    struct Opening {
        address owner;
        /// May sign trades; zero for none.
        address agent;
        uint256 board;
    }

    /// One account's part in a trade.
    struct Side {
        Step step;
        /// At least this is proven after the trade: the policy's initial level, or with `worse` any level up to it.
        uint256 level;
        /// Empty, or one step that proves the account below `level` as it stands: then the trade improves it, and is
        /// taken from accounts that are called or closed too.
        Step[] worse;
    }

    struct Trade {
        /// Applies the fill with +1.
        Side a;
        /// Applies it with −1.
        Side b;
        /// Commitment; not the one of no fill.
        uint256 fill;
        /// Of the operator, over `Clear(bytes32 first,bytes32 second)` of the two sides' digests; not read where the
        /// operator is the sender or has been silent too long. Signing is not speaking: that takes a call of its own.
        bytes operatorSignature;
    }

    // ---- For the liquidation module ----

    /// Whose agreement an effect needs.
    enum By {
        Anyone,
        Owner,
        OwnerOrAgent
    }

    /// The values a proof is made under.
    enum Basis {
        /// `IMarket.outflow`: money out and new risk.
        Outflow,
        /// `IMarket.attesting`: what may only help the account.
        Attesting,
        /// `IMarket.evidence`: against an account.
        Current,
        /// The constant exit market, in which nothing has value and no oracle is needed. For what does not depend on values.
        Any,
        /// The same; `level` is not read and taken to be EXIT_LEVEL where not `below`, so that the proof shows an account without
        /// positions and without debt.
        Exit
    }

    /// What a step does, besides taking the account from one state to another.
    ///
    /// The call's EIP-712 type has the members `uint256 account,uint256 stateBefore,uint256 stateAfter,bytes blob,uint256
    /// deadline`, which the gate fills in from the step, and then the caller's own.
    struct Effect {
        bytes32 typeHash;
        /// Encoding of the members after the common ones: whole words (hashes for dynamic ones).
        bytes args;
        By by;
        /// Who called, whose signature is not needed.
        address sender;
        Basis basis;
        uint256 asset;
        /// Units of the token into the account's private state, or out of it where negative.
        int256 amount;
        /// Account whose credit the amount comes from or goes to; FUND for the insurance fund (cash only).
        uint256 counter;
        /// Commitment of the fill; zero stands for no fill.
        uint256 fill;
        /// Whether the fill is applied with −1.
        bool minus;
        uint256 level;
        bool below;
        /// Whether the step is taken from an account that has a settlement to pass: only to give back a lot that was
        /// taken out before that settlement.
        bool pending;
    }

    event AssetRegistered(uint256 indexed asset, address token, uint256 lot);
    event LiquidationSet(address liquidation);
    event OperatorSet(address operator);
    event AccountOpened(uint256 indexed account, address indexed owner, uint256 board, uint256 state);
    event AgentSet(uint256 indexed account, address agent);
    event Deposited(uint256 indexed account, uint256 indexed asset, uint256 amount, address from);
    event Withdrawn(
        uint256 indexed account, uint256 indexed asset, uint256 amount, address recipient, uint256 fee, uint256 levy
    );
    /// A step was taken. Holds every public input but the context: with the viewing key, whoever reads these events can
    /// restore the account. Under a settlement `fill` and `terms` are zero and `transfer` is its number.
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
    event Flagged(uint256 indexed account, uint32 level, uint64 epoch);
    event StageSet(uint256 indexed account, Stage stage);
    /// An item of a batch was not taken; `reason` is what it reverted with.
    event Skipped(uint256 indexed index, bytes reason);
    event CreditMoved(uint256 indexed from, uint256 indexed to, uint256 indexed asset, uint256 amount);
    /// Cash of the insurance fund, and what has been paid out of an empty fund and not been repaid.
    event FundChanged(uint256 fund, uint256 deficit);

    error MarketRefused(address market);
    /// Or the gate's own address, where another's is meant.
    error AddressZero();
    /// The market named a verifier that did not answer as one.
    error VerifierRefused(address verifier);
    error LiquidationTaken(address liquidation);
    error NotLiquidation(address sender);
    error NotSelf(address sender);
    error AssetTaken(uint256 asset, address token);
    error TokenTaken(address token);
    error AssetUnknown(uint256 asset);
    error AccountUnknown(uint256 account);
    error OperatorDeadlineRefused(uint64 deadline, uint64 most);
    /// The opening was used before.
    error OpeningUsed(bytes32 digest);
    error OwnerDiffers(uint256 account, address owner, address expected);
    error DeadlinePassed(uint256 deadline, uint256 nowTime);
    error StateSuperseded(uint256 account, uint256 current, uint256 given);
    error StateNotNew(uint256 account, uint256 state);
    error PolicySuperseded(uint64 current, uint64 given);
    /// The proof is of another epoch than the one that stands.
    error EpochNotStanding(uint64 current, uint64 given);
    error NotAuthorised(uint256 account, address sender);
    /// The operator has not signed, and was last seen less than `operatorDeadline` ago.
    error OperatorMissing(uint64 seen, uint64 deadline);
    error AmountZero();
    error AmountNotInLots(uint256 amount, uint256 lot);
    /// More than 2^64 − 1 lots.
    error AmountTooLarge(uint256 amount, uint256 lot);
    error CreditTooSmall(uint256 account, uint256 asset, uint256 credit, uint256 amount);
    /// More is asked for than the gate holds of the asset: it has been lent to accounts whose cash is negative.
    error CustodyTooSmall(uint256 asset, uint256 custody, uint256 amount);
    error FeeAboveAmount(uint256 fee, uint256 amount);
    /// Only cash goes to and from the insurance fund.
    error FundHoldsCash(uint256 asset);
    error LevelNotInPolicy(uint256 level, uint64 policyId);
    /// What is proven is known already: of this epoch, and of a level not above.
    error VerdictKnown(uint256 account, uint32 level);
    error StageWrong(uint256 account, Stage stage);
    /// The board's settlement `number` comes first.
    error SettlementPending(uint256 account, uint64 number);
    error SettlementNone(uint256 account, uint64 settled);
    error SameAccount(uint256 account);
    error BoardsDiffer(uint256 boardA, uint256 boardB);
    error EpochsDiffer(uint64 a, uint64 b);
    error FillRefused(uint256 fill);
    error ImprovementMalformed(uint256 account);
    /// The sender gave less gas than an item may use: nothing is skipped for want of gas.
    error GasTooLow(uint256 given, uint256 needed);

    // ---- Accounts ----

    /// Opens an account. Its first step, from the genesis state, sets the viewing key, and is proven under the exit
    /// market; it is the owner's or carries its signature, and the operator signs too, having checked the viewing key
    /// against `step.stateAfter`. One opening opens one account.
    /// @param operatorSignature over `Clear(bytes32 first,bytes32 second)`: the call's digest, and zero
    function open(Opening calldata opening, Step calldata step, bytes calldata operatorSignature)
        external
        returns (uint256 account);

    /// Names who may sign trades in the owner's place. The owner itself only.
    function setAgent(uint256 account, address agent) external;

    /// Takes tokens from the sender as a public credit of the account, which the account's owner absorbs. Needs no
    /// proof, and cannot be undone but by absorbing and withdrawing.
    /// @param expectedOwner of the account, so that no deposit goes to the account of somebody else
    /// @param amount whole lots, at most 2^64 − 1 of them
    function deposit(uint256 account, address expectedOwner, uint256 asset, uint256 amount) external;

    /// Moves credit into the account's private state. The owner; anyone who can prove it, of the whole credit in that
    /// asset, while the account is not healthy.
    ///
    /// Needs no margin and no fresh values: of the two statements about level 0 one is true of any account, so a top-up
    /// is never refused.
    /// @param amount whole lots, at most the credit
    /// @param below which of the two the proof shows: equity below zero, or not
    function absorb(Step calldata step, uint256 asset, uint256 amount, bool below) external;

    /// Pays out of the account, which keeps at least the initial level. Owner only; only while healthy. While the fund
    /// has a deficit, a levy of the policy's basis points is kept back from cash, to repay it.
    /// @param amount whole lots
    /// @param fee part of the amount that goes to the sender
    function withdraw(Step calldata step, uint256 asset, uint256 amount, address recipient, uint256 fee) external;

    /// Pays out of an account without positions and without debt, whatever becomes of market and operator; not while a lot
    /// of it is out. Owner only. Levy and fee as in `withdraw`.
    function exit(Step calldata step, uint256 asset, uint256 amount, address recipient, uint256 fee) external;

    /// Shows that the account has at least a level, and records it. Owner only; from the call level up it makes a called
    /// or closed account healthy, unless a proof of a later epoch says otherwise.
    /// Not while a lot of the account is out; the interval starts anew when it no longer is.
    /// @param level one of the policy's
    function attest(Step calldata step, uint256 level) external;

    /// Records that the account is below a level; a healthy one is called. Open to anyone who can make the proof:
    /// whoever can follow the account. Refused where an equal or lower level was proven in this epoch already.
    /// @param level call, liquidation or close-out of the policy, or zero
    function flag(Step calldata step, uint256 level) external;

    /// Applies one private fill to two accounts of a board. Both keep at least the level of their side; both owners, or
    /// their agents, and the operator agree.
    function trade(Trade calldata trade_) external;

    /// The same for many trades, in order, with one batch verification for each run of trades of one board and epoch.
    /// Where something is wrong with one, each is tried by itself, and those that revert are skipped and named
    /// (`Skipped`). Nobody's being the sender counts as their agreement here: all sign.
    function settleBatch(Trade[] calldata trades) external;

    /// Applies the board's next settlement to an account. Open to anyone who can make the proof: the outcome is the same
    /// whoever does it. Not while a lot of the account is out.
    function expire(Step calldata step) external;

    /// The same for many accounts; those that revert are skipped and named (`Skipped`).
    function expireBatch(Step[] calldata steps) external;

    // ---- Operator and fund ----

    /// The operator shows that it is there: it must, where it only signs and others send.
    function heartbeat() external;

    /// Takes cash from the sender for the insurance fund: first what it owes, then for losses to come.
    function donate(uint256 amount) external;

    // ---- The liquidation module ----

    /// Takes a step for the module, which decides who may do it and when: neither stage nor level is checked here.
    function settleFor(Step calldata step, Effect calldata effect) external;

    /// Sets an account's stage; the time it left `Healthy` is kept, the latest verdict too.
    function setStage(uint256 account, Stage stage) external;

    /// Moves credit between accounts (FUND among them, for cash). An empty fund goes into deficit where it is `from`.
    function moveCredit(uint256 from, uint256 to, uint256 asset, uint256 amount) external;

    /// Pays cash out of the fund, which has it and owes nothing, or reverts.
    function payFromFund(address to, uint256 amount) external;

    // ---- Views ----

    function accountOf(uint256 account) external view returns (Account memory);

    /// Tokens paid in for the account and not absorbed yet. Of FUND (0): the insurance fund, in cash.
    function creditOf(uint256 account, uint256 asset) external view returns (uint256);

    /// The token of an asset, and how many of its units are one lot; zeros where none is registered.
    function assets(uint256 asset) external view returns (address token, uint96 lot);

    /// Tokens that the gate holds for all: credits, the fund, and private holdings less what is owed.
    function custodyOf(uint256 asset) external view returns (uint256);

    /// Cash that was promised by the fund when it had none.
    function deficit() external view returns (uint256);

    function operator() external view returns (address);

    /// Unix seconds when the operator last sent a trade, an opening, a batch or a heartbeat, and seconds after which it is not
    /// asked any more.
    function operatorSeen() external view returns (uint64);

    function operatorDeadline() external view returns (uint64);

    function liquidation() external view returns (address);
}

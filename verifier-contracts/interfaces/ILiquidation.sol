// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarginGate} from "./IMarginGate.sol";

/// Auctions of parts of accounts that fell below a level of their policy. Nobody sees an account; whoever is told what is in
/// a lot may bid for it, and needs the operator for nothing.
///
/// A lot is a fill F: positions, collateral, and cash, which is negative where the account is paid for the lot in advance. It
/// leaves the account when the auction starts (the account applies F with −1) and is in nobody's account until it is taken (a
/// bidder applies F with +1), or goes back. What the account was paid inside F is the auction's floor; above it, a public
/// price falls from (premium + discount) of the lot's size to zero. So the chain learns of a lot's value only that size.
///
/// What an auction must prove are ordinary statements about accounts that no gate holds (appraisals): F alone, applied to
/// the genesis state, and the liquidated account without a movement. E is haircut equity, M maintenance margin, B and A are
/// the account before and after, d the policy's discount, K the lot's size, W what is written off:
///   evidence  E(B) < level · M(B): below a level of the policy's, or any lower one
///   floor     E(F) < d · M(F): at its floor the lot costs the account less than that
///   worth     E(F) ≥ −1e-6: nor is the account paid more for it than it is worth, but for a rounding
///   size      E(F) + K ≥ (1 + d) · M(F), hence M(F) < K: the price starts above E(F) + premium · M(F), slices are capped
///   slice     A at least `level`: the account improves even at the floor; A below the initial level: not more is sold
///   close-out A without positions and debt (exit market); where W > 0, E(B) < 0 and E(A) = 0: nothing is left, hence
///             W < d · M(F) − E(B): the fund pays what was missing, and the discount
/// Collateral counts with its haircut here: what is sold at the floor costs its owner the haircut too.
///
/// Safety rests on the gate and on the market. No signature here can raise a loss above these bounds, whoever is in league
/// with whom; an operator and a bidder who keep a lot's contents to themselves can make them come true.
/// Liveness rests on the operator (who alone, but for the owner, can follow an account) starting auctions, and telling bidders
/// and the owner what is in a lot. An operator silent past the gate's deadline is not asked: then anybody who can prove
/// may start. As with `IMarginGate.flag`, an owner who takes a step in every block outruns a lot's proofs.
interface ILiquidation {
    enum Kind {
        None,
        Slice,
        CloseOut
    }

    /// What is offered. Amounts in units of cash (1e-6 quote).
    struct Offer {
        Kind kind;
        /// Commitment to F.
        uint256 fill;
        /// K, below 2^63. Slices: within dust and cap.
        uint64 size;
        /// W, below 2^63: cash paid into the account so that it has no debt, from its own credit, then from the fund. Zero for
        /// slices.
        uint64 writeOff;
        /// Basis points. At most the policy's liquidation level for slices, or one less than its call level where a deadline
        /// was missed; at most the close-out level for close-outs, or what a slice may have where slices have failed down to
        /// dust; zero where something is written off.
        uint32 level;
        /// Account whose credit gets the reward; zero for the fund.
        uint256 beneficiary;
        /// The lot's contents, for bidders: in the clear, encrypted to them, or where to ask. Not read here.
        bytes opening;
    }

    /// A proof about an account that is not the gate's to change: only its stateAfter is free, and nothing becomes of it.
    struct Appraisal {
        uint256 stateAfter;
        uint256[8] proof;
    }

    struct Lot {
        Kind kind;
        uint32 board;
        /// In which the lot was made.
        uint64 epoch;
        /// Seconds of the board's clock, of the policy when the lot was made.
        uint32 duration;
        /// Settlements of the board before the lot; after a further one it can only go back.
        uint64 settlements;
        uint64 size;
        /// Of the account's own credit and of the fund.
        uint64 writeOff;
        uint64 fromFund;
        /// Of the policy when the lot was made: what `beneficiary` gets of the price, at most.
        uint64 reward;
        uint256 fill;
        /// 1e-6 quote.
        uint256 firstPrice;
        /// The board's clock when the auction started.
        uint256 start;
        uint256 beneficiary;
    }

    /// What is proposed to leave the insurance fund.
    struct Withdrawal {
        address to;
        /// Unix seconds from which it may be made; zero where nothing is proposed.
        uint64 readyAt;
        /// Units of the cash token.
        uint256 amount;
    }

    event BackstopSet(uint256 indexed board, uint256 account);
    event LotStarted(
        uint256 indexed account,
        Kind kind,
        uint256 fill,
        uint64 size,
        uint64 writeOff,
        uint64 fromFund,
        uint32 level,
        uint64 epoch,
        bytes opening
    );
    event LotTaken(uint256 indexed account, uint256 indexed bidder, uint256 price, uint256 repaid, uint256 reward);
    event LotCured(uint256 indexed account);
    event LotReturned(uint256 indexed account);
    event WithdrawalProposed(address indexed to, uint256 amount, uint256 readyAt);
    event WithdrawalCancelled(address indexed to, uint256 amount);
    event FundWithdrawn(address indexed to, uint256 amount);

    error LotOpen(uint256 account);
    error LotMissing(uint256 account);
    error OperatorSignatureMissing(address operator);
    /// Above what the policy allows for such a lot, by this evidence.
    error LevelNotAllowed(uint256 level, uint256 allowed);
    error KindUnknown();
    error SizeRefused(uint256 size, uint256 dust, uint256 cap);
    error WriteOffRefused(uint256 writeOff);
    error AppraisalsMissing(uint256 expected, uint256 given);
    error PriceTooLow(uint256 price, uint256 asked);
    /// The auction has ended; after it the backstop may take, and when `until` has passed the lot goes back.
    error AuctionEnded(uint256 clock, uint256 end);
    error AuctionRunning(uint256 clock, uint256 until);
    error BackstopRefused(uint256 board, uint256 account);
    error NotBackstop(uint256 account, uint256 backstop);
    /// A settlement has come since the lot was made: it can only go back.
    error LotSuperseded(uint64 settlements, uint64 current);
    error WithdrawalMissing();
    error WithdrawalTooEarly(uint256 readyAt, uint256 nowTime);
    error WithdrawalLapsed(uint256 readyAt, uint256 nowTime);

    /// Names the account that takes what nobody took, on a board. Owner of the gate only.
    /// @param account of that board; zero for none
    function setBackstop(uint256 board, uint256 account) external;

    /// Takes a lot out of an account and starts its auction. Signed or sent by the operator, unless that is silent.
    /// @param step of the account, applying `offer.fill` with −1 and `offer.writeOff` of cash
    /// @param appraisals evidence, floor, worth, size; then for slices that A is below the initial level, and where something is
    /// written off that nothing is left. Their context is `appraisalContext`
    function start(
        IMarginGate.Step calldata step,
        Offer calldata offer,
        Appraisal[] calldata appraisals,
        bytes calldata operatorSignature
    ) external;

    /// The bidder gets the lot and pays `price`, which pays the fund back, then the reward, then the account's credit. He
    /// keeps at least the initial level.
    /// @param price at least the price asked now, whole; the proof is made for it, so it may be paid later than meant
    function take(uint256 account, IMarginGate.Step calldata bidder, uint256 price) external;

    /// The account takes its lot back, and keeps at least the call level, by values not older than the lot's. Its owner only; at
    /// any time before it is taken.
    function cure(IMarginGate.Step calldata step) external;

    /// The lot goes back to an account whose auction found no bidder, or met a settlement. Open to anyone who can prove, and
    /// needs no market: of the two statements about the exit market one is true of any account.
    /// @param below whether the account has positions or debt
    function giveBack(IMarginGate.Step calldata step, bool below) external;

    /// The board's backstop takes a lot for nothing above its floor, after its auction and for as long again. It needs
    /// equity of at least zero after it.
    function backstop(uint256 account, IMarginGate.Step calldata step) external;

    /// Proposes to take cash out of the insurance fund, in the place of what was proposed before. Owner of the gate only.
    ///
    /// What accounts may yet cost the fund is not known on chain. So it waits as a loosened policy does, for as long as
    /// that (`IMarket.governance`), while whoever can may bring evidence, and members may leave.
    /// @param amount units of the cash token
    function proposeWithdrawal(address to, uint256 amount) external;

    /// Withdraws the proposal. The gate's owner, and the guardian of the policies.
    function cancelWithdrawal() external;

    /// Pays what was proposed, once its time has come: from a fund that has as much, and therefore owes nothing. Open to
    /// anyone.
    function withdrawFund() external;

    /// The price asked now: ⌈(premium + discount) · size · (duration − elapsed) / (10^4 · duration)⌉.
    function priceOf(uint256 account) external view returns (uint256);

    function lotOf(uint256 account) external view returns (Lot memory);

    /// Largest size of the account's next slice: the policy's, or half of the last one that failed.
    function capOf(uint256 account) external view returns (uint256);

    /// What the appraisals of an offer are bound to.
    function appraisalContext(IMarginGate.Step calldata step, Offer calldata offer) external view returns (uint256);
}

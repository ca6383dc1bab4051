// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDesk, IMarginGate} from "./IMarginGate.sol";

/// Auctions of lots: parts of accounts that fell below a level of their policy (docs/liquidation.md). Nobody sees an account; whoever
/// is told what is in a lot may bid for it, and needs the operator for nothing.
///
/// A proof of the circuit `Lot` shows at the start that the account with its public credit is below the evidence level, that
/// the lot offers the policy's discount on the margin that it frees, what it is worth at market, and what the account becomes. The
/// account's state stays until a bidder takes the lot: a void lot leaves nothing behind.
///
/// SAFETY rests on the gate, the market and the circuit. No signature here can raise a loss above the bounds of the docs,
/// whoever is in league with whom.
/// LIVENESS rests on the operator (who alone, except the owner, can follow an account) starting auctions and telling bidders what is in a
/// lot, until it has been silent past its deadline; on bidders or a backstop; on a usable epoch for starting, taking and curing. Voiding
/// needs none of them.
///
/// Amounts are in units of cash, 1e-6 quote.
interface ILiquidation is IDesk {
    enum Kind {
        Slice,
        CloseOut
    }

    /// What is offered.
    struct Offer {
        Kind kind;
        /// Basis points: the account is below it. At most what the policy allows for this kind of lot.
        uint32 evidence;
        /// What the lot is worth at market at least; at most a tolerance more.
        uint64 size;
        /// What the lot costs its account at least, at the policy's weights: zero, or shown by a proof. The auction ends below the size by
        /// so much.
        uint64 cost;
        /// What the account owes after a close-out at most; exact where it is more than the lot is worth. Zero for a slice.
        uint64 debt;
        /// Commitment to the lot.
        uint256 fill;
        /// Account whose credit gets the reward; zero for the fund.
        uint256 beneficiary;
        /// The account's credit that counts as its own, as the circuit takes it: lots of each asset, three to a word at a stride of
        /// 84 bits, and cash.
        uint256[6] credit;
    }

    /// A proof of `Account` about an account that is not the gate's to change: only its stateAfter is free, and nothing becomes of it.
    struct Appraisal {
        uint256 stateAfter;
        uint256[8] proof;
    }

    /// A lot on auction. The contract keeps its hash.
    struct Lot {
        uint256 account;
        uint256 stateBefore;
        uint256 stateAfter;
        uint256 fill;
        Kind kind;
        /// In which the lot was made.
        uint64 epoch;
        /// Settlements of the board before the lot; after a further one it is void.
        uint64 settlements;
        /// The board's clock when the auction started, and when it ends.
        uint64 start;
        uint64 end;
        /// The board's clock when the backstop's turn ends; `end` where there is none.
        uint64 turnEnd;
        /// The board's clock from which anybody may void the lot; Unix seconds from which anybody may, whatever the clock.
        uint64 voidFrom;
        uint64 voidTime;
        uint64 firstPrice;
        uint64 lastPrice;
        uint64 debt;
        /// Whether the account is insolvent at market: the fund pays what the price lacks of `debt`.
        bool insolvent;
        /// Of the policy when the lot was made: what `beneficiary` gets at most, and of the price above the debt a twentieth.
        uint64 reward;
        uint256 beneficiary;
        /// As in `Offer`.
        uint256[6] credit;
        /// Of the account after, encrypted to its viewing key.
        bytes32 blobHash;
    }

    event BackstopSet(uint256 account);
    /// @param lot what the later calls are given; its hash names the auction
    event LotStarted(uint256 indexed account, bytes32 indexed id, Lot lot, uint64 size, bytes blob, bytes opening);
    event LotTaken(
        uint256 indexed account, bytes32 indexed id, uint256 indexed bidder, uint256 price, uint256 reward, uint256 fromFund
    );
    event CreditNoted(uint256 indexed account, uint256[6] credit);
    event LotCured(uint256 indexed account, bytes32 indexed id);
    event LotVoided(uint256 indexed account, bytes32 indexed id);

    error LotOpen(uint256 account);
    /// The account's auction is another one, or none (`id` zero).
    error LotUnknown(uint256 account, bytes32 id);
    /// Above what the policy allows for such a lot.
    error EvidenceRefused(uint256 level, uint256 allowed);
    error SizeRefused(uint256 size, uint256 dust, uint256 cap);
    /// The credit counted is neither what the account has nor what was noted with its state in the last five minutes.
    error CreditMiscounted(uint256 account);
    error DebtRefused(uint256 debt);
    /// A proof for the cost unless it is zero, and of a close-out one or two for the debt.
    error AppraisalsMissing(uint256 expected, uint256 given);
    error PriceTooLow(uint256 price, uint256 asked);
    /// More than the first price or, of the backstop, than is asked.
    error PriceTooHigh(uint256 price);
    error AuctionEnded(uint256 clock, uint256 end);
    error AuctionRunning(uint256 clock, uint256 until);
    error BidderRefused(uint256 bidder);
    error BlobDiffers(bytes32 expected);
    /// A settlement has come since the lot was made: it can only be voided.
    error LotSuperseded(uint64 settlements, uint64 current);
    error NotQueue(address sender);

    /// Names the account that may take what nobody took; zero for none. The queue only.
    function setBackstop(uint256 account) external;

    /// Notes what an account has been paid in. For five minutes a lot may count this credit, whatever comes in after it, while the
    /// account's state is the same. Open to anyone.
    function note(uint256 account) external;

    /// Starts the auction of a lot. Signed or sent by the operator, unless that is silent.
    /// @param step of the account: state before and after, blob, and the proof of `Lot`, bound to `startDigest`. Its signature is not
    /// read.
    /// @param opening the lot's contents, for bidders: in the clear, encrypted to them, or where to ask. Not read here.
    /// @param appraisals of the cost, if it is not zero: genesis with the lot less `cost` in cash has equity of at least zero at
    /// the epoch's values. Of a close-out: the account after with `debt` more cash owes nothing, under the exit market; and where `debt` is above
    /// size + tolerance, with a millionth less than `debt` it owes
    /// @return id hash of the lot
    function start(
        IMarginGate.Step calldata step,
        Offer calldata offer,
        bytes calldata opening,
        Appraisal[] calldata appraisals,
        bytes calldata operatorSignature
    ) external returns (bytes32 id);

    /// The bidder steps by the lot and pays `price`, keeping at least the initial level. After the auction's end the backstop
    /// alone, for as long again, at the last price and with equity of at least zero.
    /// @param bidder its step, of the call TakeLot: the owner's or with its signature
    /// @param blob of the account after, as it was at the start
    /// @param price at least the price asked now and at most the first: the proof is made for it, so it may be paid later than meant. The
    /// backstop pays what is asked
    function take(Lot calldata lot, bytes calldata blob, IMarginGate.Step calldata bidder, uint256 price) external;

    /// Ends the auction: the account, with `amount` of its credit in an asset, has at least the call level, by values not older than
    /// the lot's. Its owner only; at any time before the lot is taken or void.
    /// @param amount units of the token; zero for none
    function cure(Lot calldata lot, IMarginGate.Step calldata step, uint256 asset, uint256 amount) external;

    /// Ends an auction that found nobody, or met a settlement. Open to anyone; needs no proof and no market.
    function void(Lot calldata lot) external;

    /// The account that may take what nobody took; zero for none.
    function backstop() external view returns (uint256);

    /// Hash of the account's lot on auction; zero where none is.
    function auctionOf(uint256 account) external view returns (bytes32);

    /// The price asked now: last + ⌈(first − last) · (1 − x)³⌉, where x is the part of the auction that has passed.
    function priceOf(Lot calldata lot) external view returns (uint256);

    /// Largest size of the account's next slice: the policy's, halved for each slice in a row that found nobody, not below twice dust.
    function capOf(uint256 account) external view returns (uint256);

    /// What the proofs of a start are bound to, modulo the group order, and what the operator agrees to.
    function startDigest(IMarginGate.Step calldata step, Offer calldata offer, bytes calldata opening)
        external
        view
        returns (bytes32);
}

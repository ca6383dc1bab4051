// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IFund} from "../interfaces/IFund.sol";
import {IDesk, IMarginGate} from "../interfaces/IMarginGate.sol";
import {IMarket, IQueue} from "../interfaces/IMarket.sol";
import {Family} from "../interfaces/IVerifier.sol";
import {Statement} from "./Statement.sol";

/// Books of a gate's tokens.
struct Books {
    mapping(uint256 asset => IMarginGate.Asset) assets;
    mapping(uint256 asset => Caps) caps;
    mapping(uint256 account => mapping(uint256 asset => uint256)) credits;
    mapping(uint256 asset => Custody) custody;
    int256 fund;
    /// A bit for each asset that is registered.
    uint256 registered;
}

/// What the gate holds of an asset. One word, which every payment reads and writes.
struct Custody {
    /// Units of the token. An amount is below 2^64 lots of at most 10^18 units, so sums fit.
    uint128 amount;
    /// Of `Limits`.
    uint64 used;
    /// When the rest was brought up to date (Unix seconds): whenever the amount changes.
    uint32 time;
    /// Of cash: whether the fund is negative.
    bool fundOwes;
    /// Of cash: seconds for which there was less than the floor, modulo 2^24.
    uint24 shortFor;
}

/// What `Limits` has of limits.
struct Caps {
    uint64 depositCap;
    uint64 outflow;
    /// Of cash: `Terms.tillFloor`, in lots, as the market had it when it asked last.
    uint64 floor;
}

/// Tokens of a gate: what is registered, whose credit is what, the fund, and the two places where tokens move. A part of
/// `MarginGate` (linked; it works on the gate's storage).
///
/// custody = credits + private holdings, and for cash + fund (negative where it owes). Every change below keeps it so, given that
/// the gate moves private holdings by the same amount.
library Vault {
    using SafeERC20 for IERC20;

    /// Stands for the fund where a credit's account is asked for: no account has this number.
    uint256 private constant FUND = 0;
    /// Where an amount leaves the gate rather than becoming a credit.
    uint256 internal constant OUTSIDE = type(uint256).max;
    uint256 private constant CASH = Statement.CASH;
    uint256 private constant CASH_DECIMALS = 6;
    uint256 private constant MAX_LOT_DECIMALS = 8;
    /// A lot is at most 10^18 units of its token.
    uint256 private constant MAX_UNIT_DECIMALS = 18;
    uint256 private constant MAX_LOTS = type(uint64).max;
    /// In this many hours everybody can leave, whatever the limits say.
    uint256 private constant LEAVING_HOURS = 720;
    uint256 private constant HOUR = 1 hours;

    error LotRefused(address token, uint256 lotDecimals, uint256 tokenDecimals);
    /// The token moved another amount than it was asked to.
    error TransferInexact(address token, uint256 asked, uint256 moved);

    // ---- Desks ----

    /// Refuses a market that is not this gate's, or without the keys that its accounts will need, and desks of another gate.
    function checkSeal(address market_, uint256 board, address[4] calldata desks) external view {
        IMarket market = IMarket(market_);
        if (
            market.gateOf(board) != address(this) || !IQueue(market.queue()).closed()
                || market.instrumentsOf(board) != IMarginGate(address(this)).instruments()
        ) {
            revert IMarginGate.MarketRefused(market_);
        }
        if (!market.serves(board, Family.SETTLEMENT)) revert IMarket.FamilyMissing(board, Family.SETTLEMENT);
        if (!market.serves(board, Family.LOT)) revert IMarket.FamilyMissing(board, Family.LOT);
        for (uint256 index = 0; index < 4; index++) {
            if (desks[index].code.length == 0 || address(IDesk(desks[index]).gate()) != address(this)) {
                revert IMarginGate.DeskRefused(desks[index]);
            }
        }
    }

    // ---- Assets ----

    function register(
        Books storage books,
        uint256 asset,
        address token,
        uint256 lotDecimals,
        uint64 depositCap,
        uint64 outflow
    ) external {
        if (asset > CASH) revert IMarginGate.AssetUnknown(asset);
        address taken = books.assets[asset].token;
        if (taken != address(0)) revert IMarginGate.AssetTaken(asset, taken);
        for (uint256 other = 0; other <= CASH; other++) {
            if (books.assets[other].token == token) revert IMarginGate.TokenTaken(token);
        }
        uint256 decimals = IERC20Metadata(token).decimals();
        bool fits = asset == CASH ? lotDecimals == CASH_DECIMALS : lotDecimals <= MAX_LOT_DECIMALS;
        if (!fits || decimals < lotDecimals || decimals - lotDecimals > MAX_UNIT_DECIMALS) {
            revert LotRefused(token, lotDecimals, decimals);
        }
        uint96 lot = uint96(10 ** (decimals - lotDecimals));
        books.assets[asset] = IMarginGate.Asset(token, lot);
        books.registered |= 1 << asset;
        emit IMarginGate.AssetRegistered(asset, token, lot);
        _limit(books, asset, depositCap, outflow);
    }

    /// By the queue; by its guardian, where neither limit is above the one that stands.
    function setLimits(Books storage books, address queue, uint256 asset, uint64 depositCap, uint64 outflow) external {
        bool lowering = msg.sender != queue;
        if (lowering && msg.sender != IQueue(queue).guardian()) revert IMarginGate.NotGovernor(msg.sender);
        if (books.assets[asset].lot == 0) revert IMarginGate.AssetUnknown(asset);
        Caps storage caps = books.caps[asset];
        // A cap of cash below what is there says no more than one at it.
        bool tooLow = asset == CASH && depositCap < books.custody[CASH].amount / books.assets[CASH].lot;
        if (lowering && (tooLow || depositCap > caps.depositCap || outflow > caps.outflow)) {
            revert IMarginGate.LimitsRefused(asset, depositCap, outflow);
        }
        _limit(books, asset, depositCap, outflow);
    }

    function _limit(Books storage books, uint256 asset, uint64 depositCap, uint64 outflow) private {
        if (depositCap == 0 || outflow == 0) revert IMarginGate.LimitsRefused(asset, depositCap, outflow);
        (books.caps[asset].depositCap, books.caps[asset].outflow) = (depositCap, outflow);
        emit IMarginGate.LimitsSet(asset, depositCap, outflow);
    }

    // ---- In ----

    /// From somebody who has approved the gate and asked for it, as a credit within the asset's cap. What came in may leave again
    /// beside the hourly limit, so nobody uses up the allowance by paying out and in.
    /// @param healthy else cash is taken whatever the cap: nobody who fills that keeps a called account from being topped up
    function deposit(Books storage books, uint256 account, uint256 asset, uint256 amount, bool healthy) external {
        uint256 more = _lots(books, asset, amount);
        (Custody memory custody, uint256 lots,) = _current(books, asset);
        lots += more;
        uint64 cap = books.caps[asset].depositCap;
        if (lots > cap && (healthy || asset != CASH)) revert IMarginGate.DepositCapReached(asset, cap, lots);
        custody.used = custody.used > more ? custody.used - uint64(more) : 0;
        _pull(books, custody, msg.sender, asset, amount);
        _add(books, account, asset, amount);
        emit IMarginGate.Deposited(account, asset, amount, msg.sender);
    }

    /// Into the fund. @param from has approved the gate; the fund's desk sees to it that it asked for it
    function donate(Books storage books, address from, uint256 amount) external {
        _lots(books, CASH, amount);
        (Custody memory custody,,) = _current(books, CASH);
        _pull(books, custody, from, CASH, amount);
        _add(books, FUND, CASH, amount);
    }

    // ---- Between credits ----

    /// Between a public credit and an account's private state. @param amount into the private state
    /// @return lots of that amount
    function join(Books storage books, uint256 counter, uint256 asset, int256 amount) external returns (int256 lots) {
        bool into = amount > 0;
        uint256 size = uint256(into ? amount : -amount);
        lots = int256(_lots(books, asset, size));
        if (into) _take(books, counter, asset, size);
        else if (counter != OUTSIDE) _add(books, counter, asset, size);
        if (!into) lots = -lots;
    }

    /// What of a credit may be absorbed. @param watched the greater part only: the account is not healthy or under a hold
    function checkAbsorb(Books storage books, uint256 account, uint256 asset, uint256 amount, bool watched)
        external
        view
    {
        uint256 credit = books.credits[account][asset];
        if (amount > credit) revert IMarginGate.CreditTooSmall(account, asset, credit, amount);
        if (amount == 0) revert IMarginGate.AmountZero();
        if (watched && amount < credit - amount) revert IMarginGate.AbsorbsTooLittle(account, credit, amount);
    }

    function joinAll(Books storage books, uint256 account, uint256[16] calldata amounts) external {
        for (uint256 asset = 0; asset <= CASH; asset++) {
            if (amounts[asset] != 0) _take(books, account, asset, amounts[asset]);
        }
    }

    /// @param amount whole lots, so that every credit can be absorbed to its end
    function move(Books storage books, uint256 from, uint256 to, uint256 asset, uint256 amount) external {
        _lots(books, asset, amount);
        _take(books, from, asset, amount);
        _add(books, to, asset, amount);
        emit IMarginGate.CreditMoved(from, to, asset, amount);
    }

    // ---- Out ----

    /// What has left a private state: first what its account owes the fund, then the levy, then the fee and the recipient.
    /// @param desks of the gate, of which the fund says what levy there is
    /// @param owed by the account to the fund, in lots of cash
    /// @return the rest of that
    function payOut(
        Books storage books,
        mapping(IMarginGate.Desk desk => address) storage desks,
        uint256 account,
        IMarginGate.Payment calldata payment,
        uint64 owed
    ) external returns (uint64) {
        (uint256 asset, uint256 rest) = (payment.asset, payment.amount);
        IMarginGate.Asset memory known = books.assets[asset];
        if (owed != 0) {
            if (asset != CASH) revert IMarginGate.OwesFund(account, owed);
            uint256 lot = known.lot;
            uint256 repaid = rest < owed * lot ? rest : owed * lot;
            owed -= uint64(repaid / lot);
            rest -= repaid;
            _add(books, FUND, CASH, repaid);
            emit IMarginGate.Charged(account, owed);
        }
        uint256 levy = 0;
        if (asset == CASH && books.custody[CASH].fundOwes && rest != 0) {
            levy = IFund(desks[IMarginGate.Desk.Fund]).levyOf(rest);
            rest -= levy;
            _add(books, FUND, CASH, levy);
        }
        uint256 fee = payment.fee;
        if (rest < fee || rest - fee < payment.least) {
            revert IMarginGate.PaysTooLittle(payment.least, rest < fee ? 0 : rest - fee);
        }
        _release(books, asset, known.lot, rest);
        _push(known.token, payment.recipient, rest - fee);
        _push(known.token, msg.sender, fee);
        emit IMarginGate.Withdrawn(account, asset, payment.amount, payment.recipient, fee, levy);
        return owed;
    }

    function payFromFund(Books storage books, address to, uint256 amount) external {
        int256 fund = books.fund;
        if (fund < 0 || amount > uint256(fund)) {
            revert IMarginGate.CreditTooSmall(FUND, CASH, fund > 0 ? uint256(fund) : 0, amount);
        }
        _take(books, FUND, CASH, amount);
        _release(books, CASH, books.assets[CASH].lot, amount);
        _push(books.assets[CASH].token, to, amount);
    }

    /// Takes what is about to leave out of custody. The claim that it satisfies has fallen already. Counts it against the asset's
    /// limit: an allowance that grows back within an hour.
    function _release(Books storage books, uint256 asset, uint256 lot, uint256 amount) private {
        (Custody memory custody,, uint256 limit) = _current(books, asset);
        if (amount > custody.amount) revert IMarginGate.CustodyTooSmall(asset, custody.amount, amount);
        uint256 lots = (amount + lot - 1) / lot;
        uint256 used = custody.used;
        if (used + lots > limit) revert IMarginGate.OutflowLimited(asset, limit > used ? limit - used : 0, lots);
        // Deposits and limits fit 64 bits of lots, and so does what is used of them.
        custody.used = uint64(used + lots);
        custody.amount -= uint128(amount);
        books.custody[asset] = custody;
    }

    /// An asset's custody as of now: what left is worked off, and the time is counted for which cash was short.
    /// @return custody not stored yet
    /// @return lots of the amount
    /// @return limit of what leaves in an hour, in lots
    function _current(Books storage books, uint256 asset)
        private
        view
        returns (Custody memory custody, uint256 lots, uint256 limit)
    {
        custody = books.custody[asset];
        Caps memory caps = books.caps[asset];
        lots = custody.amount / books.assets[asset].lot;
        limit = lots / LEAVING_HOURS;
        if (limit < caps.outflow) limit = caps.outflow;
        uint256 passed = block.timestamp - custody.time;
        // A limit that fell has been used up at most: what left under another one holds nobody back for more than an hour.
        uint256 used = custody.used < limit ? custody.used : limit;
        uint256 recovered = limit * passed / HOUR;
        custody.used = used > recovered ? uint64(used - recovered) : 0;
        unchecked {
            if (lots < caps.floor) custody.shortFor += uint24(passed);
        }
        custody.time = uint32(block.timestamp);
    }

    // ---- For the market ----

    /// See `IBoardGate.tillShortFor`.
    function tillShortFor(Books storage books, IMarket market, uint256 board) external returns (uint24) {
        if (books.assets[CASH].lot == 0) return 0;
        (Custody memory custody,,) = _current(books, CASH);
        books.custody[CASH] = custody;
        books.caps[CASH].floor = market.termsOf(board).tillFloor;
        return custody.shortFor;
    }

    // ---- Internal ----

    /// The amount in lots: at least one, whole, at most MAX_LOTS.
    function _lots(Books storage books, uint256 asset, uint256 amount) private view returns (uint256 lots) {
        uint256 lot = books.assets[asset].lot;
        if (lot == 0) revert IMarginGate.AssetUnknown(asset);
        if (amount == 0) revert IMarginGate.AmountZero();
        if (amount % lot != 0) revert IMarginGate.AmountNotInLots(amount, lot);
        lots = amount / lot;
        if (lots > MAX_LOTS) revert IMarginGate.AmountTooLarge(amount, lot);
    }

    function _add(Books storage books, uint256 account, uint256 asset, uint256 amount) private {
        if (account == FUND) _changeFund(books, asset, int256(amount));
        else books.credits[account][asset] += amount;
    }

    /// The fund may promise what it does not have.
    function _take(Books storage books, uint256 account, uint256 asset, uint256 amount) private {
        if (account == FUND) return _changeFund(books, asset, -int256(amount));
        uint256 credit = books.credits[account][asset];
        if (amount > credit) revert IMarginGate.CreditTooSmall(account, asset, credit, amount);
        books.credits[account][asset] = credit - amount;
    }

    function _changeFund(Books storage books, uint256 asset, int256 change) private {
        if (asset != CASH) revert IMarginGate.FundHoldsCash(asset);
        int256 fund = books.fund + change;
        if (fund < 0 != books.fund < 0) books.custody[CASH].fundOwes = fund < 0;
        books.fund = fund;
        emit IMarginGate.FundChanged(fund);
    }

    /// Moves exact amounts, or reverts: what a fee, a rebase or a lie takes away is never the gate's loss.
    /// @param custody of `_current`; stored here
    function _pull(Books storage books, Custody memory custody, address from, uint256 asset, uint256 amount) private {
        custody.amount += uint128(amount);
        books.custody[asset] = custody;
        IERC20 token = IERC20(books.assets[asset].token);
        uint256 held = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        _check(token, amount, token.balanceOf(address(this)), held);
    }

    /// Tokens out, that were released.
    function _push(address asset, address to, uint256 amount) private {
        if (amount == 0) return;
        IERC20 token = IERC20(asset);
        uint256 held = token.balanceOf(address(this));
        token.safeTransfer(to, amount);
        _check(token, amount, held, token.balanceOf(address(this)));
    }

    function _check(IERC20 token, uint256 asked, uint256 more, uint256 less) private pure {
        if (more < less || more - less != asked) {
            revert TransferInexact(address(token), asked, more < less ? 0 : more - less);
        }
    }
}

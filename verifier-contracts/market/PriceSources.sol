// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PolicyRegistry} from "./PolicyRegistry.sol";
import {IAggregator, Readings} from "../interfaces/IAggregator.sol";
import {IQueue} from "../interfaces/IMarket.sol";
import {Statement} from "../libraries/Statement.sol";

/// What the prices that reporters agree on are held against before they count: what they were within the last hour, and a
/// reference feed.
///
/// Each asset has an anchor, renewed every hour by the price that counted last. A price that is further from its anchor than
/// the limit is **held back**: it counts once a second epoch, observed at least HALT_TIME after the block that took the first, has
/// a price that is within the limit of the first. Meanwhile the whole epoch is halted, or, where the asset is `apart`, only this
/// asset has no price.
/// An asset without source, or whose feed is missing, stale, broken or at its clamp, has no price: it counts zero. Its price is
/// held back all the same. Nothing of this is ever an error: one asset must not keep the others from being valued.
/// Of an epoch that is halted nothing is believed later, but the price held back as the first of two.
///
/// An hour, and the wait of a price held back, pass on both clocks, the chain's and the observations': a time that is observed is
/// compared with the time of a block, which is never earlier than what it took. So nobody gains by carrying an epoch late.
///
/// Shares of a vault are reported by their own price (the lower of rate and market): no rate is read on chain, where anybody
/// can bend it for a moment.
///
/// Safety rests on the queue, which names the sources, within the bounds checked in `configure`.
contract PriceSources {
    struct Feed {
        /// Zero where there is none.
        address aggregator;
        /// Seconds after which its answer is stale.
        uint32 heartbeat;
        /// Answers at or beyond these are broken: what the feed says when the market is past what it can say.
        int192 minAnswer;
        int192 maxAnswer;
    }

    struct Source {
        /// Largest move from the anchor, and between two prices that confirm each other, in basis points.
        uint16 maxMoveBps;
        /// A lot is 10^-lotDecimals of a whole unit, as at the gate.
        uint8 lotDecimals;
        /// Largest distance from the feed, in basis points of the feed's price.
        uint16 deviationBps;
        /// A price held back leaves this asset alone without a price. For assets that no instrument depends on.
        bool apart;
        /// Quote per whole unit; with a second feed, something per whole unit, and the second is quote per that.
        Feed feed;
        Feed second;
    }

    /// What is known of an asset's price. Per lot, 16 decimals; unix seconds of blocks; zeros where there is none.
    struct Known {
        uint64 anchor;
        uint64 last;
        uint64 heldBack;
        uint32 anchoredAt;
        uint32 heldBackAt;
    }

    /// What an epoch's prices come to.
    struct Appraisal {
        /// Those that count.
        uint64[15] prices;
        /// Bit a: asset a is asked for and has no price.
        uint16 unvalued;
        /// Bit a: the price of asset a is held back.
        uint16 held;
        /// Whether the epoch is.
        bool halted;
    }

    /// What reporters said of an asset when its feed did not bear it out.
    struct Said {
        uint64 price;
        /// Unix seconds of the block.
        uint40 at;
    }

    uint256 private constant BPS = 10_000;
    uint256 private constant PRICE_DECIMALS = 16;
    uint256 private constant MAX_LOT_DECIMALS = 8;
    uint256 private constant MAX_DECIMALS = 36;
    uint16 public constant MOVE_LIMIT_BPS = 5_000;
    uint32 public constant HEARTBEAT_LIMIT = 7 days;
    /// Seconds for which an anchor holds.
    uint256 public constant ANCHOR_TIME = 1 hours;
    /// Seconds that a price held back waits for another one at least.
    uint256 public constant HALT_TIME = 10 minutes;

    PolicyRegistry public immutable registry;
    address public immutable oracle;
    mapping(uint256 board => mapping(uint256 asset => Source)) private _sources;
    /// Lot price with 16 decimals = product of the answers · 10^exponent.
    mapping(uint256 board => mapping(uint256 asset => int256)) private _exponents;
    mapping(uint256 board => mapping(uint256 asset => Known)) private _known;
    mapping(uint256 board => mapping(uint256 asset => Said)) private _said;

    event Configured(uint256 indexed board, uint256 indexed asset, Source source);

    error NotOracle(address sender);
    error AssetUnknown(uint256 asset);
    error SourceRefused(uint256 asset);
    error FeedUnusable(address aggregator);
    /// The feed is further than it may be from the price that stands, and from what is said where that is another. 16 decimals.
    error FeedTooFar(uint256 asset, uint256 price, uint256 feedPrice);

    modifier onlyOracle() {
        if (msg.sender != oracle) revert NotOracle(msg.sender);
        _;
    }

    constructor(PolicyRegistry registry_) {
        registry = registry_;
        oracle = msg.sender;
    }

    // ---- Queue ----

    /// Says where an asset's price comes from and how far it may move. Every feed must answer now, and where the asset has a
    /// price already, be within its own limit of it; or, where the feed that it replaces does not bear that price out any more,
    /// within its limit of what reporters said within the last hour. What then counts is held back as any price.
    function configure(uint256 board, uint256 asset, Source calldata source) external {
        if (msg.sender != address(registry.queue())) revert IQueue.NotQueue(msg.sender);
        if (asset >= Statement.ASSETS) revert AssetUnknown(asset);
        registry.headOf(board);
        bool feeds = source.feed.aggregator != address(0);
        if (
            source.maxMoveBps == 0 || source.maxMoveBps > MOVE_LIMIT_BPS || source.lotDecimals > MAX_LOT_DECIMALS
                || feeds != (source.deviationBps != 0) || source.deviationBps > MOVE_LIMIT_BPS
                || (!feeds && source.second.aggregator != address(0))
        ) revert SourceRefused(asset);
        int256 exponent = 0;
        if (feeds) {
            uint256 decimals = _decimals(asset, source.feed);
            if (source.second.aggregator != address(0)) decimals += _decimals(asset, source.second);
            if (decimals > MAX_DECIMALS) revert SourceRefused(asset);
            exponent = int256(PRICE_DECIMALS) - int256(decimals) - int256(uint256(source.lotDecimals));
            uint256 feedPrice = _feedPrice(source, exponent);
            if (feedPrice == 0) revert FeedUnusable(source.feed.aggregator);
            uint256 price = _known[board][asset].last;
            if (price != 0 && _apart(feedPrice, price, source.deviationBps)) {
                uint256 said = _saidBeside(board, asset, price);
                if (said == 0 || _apart(feedPrice, said, source.deviationBps)) revert FeedTooFar(asset, price, feedPrice);
            }
        }
        (_sources[board][asset], _exponents[board][asset]) = (source, exponent);
        emit Configured(board, asset, source);
    }

    // ---- Oracle ----

    /// Prices of an epoch from what was reported. Oracle only, which then says what to `remember` of it.
    /// @param time unix seconds as of which they were observed, not in the future
    /// @param asked bit a: asset a is collateral or holds marks; the others' prices are taken as they are, since they count for
    /// nothing
    /// @param reported per lot, 16 decimals
    function appraise(uint256 board, uint256 time, uint256 asked, uint64[15] memory reported)
        external
        onlyOracle
        returns (Appraisal memory found)
    {
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            uint256 price = found.prices[asset] = reported[asset];
            if (asked & (1 << asset) == 0) continue;
            Source memory source = _sources[board][asset];
            if (price == 0 || source.maxMoveBps == 0) {
                (found.prices[asset], found.unvalued) = (0, found.unvalued | uint16(1 << asset));
                continue;
            }
            (bool valued, bool tooFar) = _againstFeed(board, asset, source, price);
            bool back = !tooFar && _heldBack(board, asset, source.maxMoveBps, price, time);
            if (back) found.held |= uint16(1 << asset);
            if (!valued || tooFar) _said[board][asset] = Said(uint64(price), uint40(block.timestamp));
            if (!source.apart) found.halted = found.halted || tooFar || back;
            else valued = valued && !tooFar && !back;
            if (valued) continue;
            found.prices[asset] = 0;
            found.unvalued |= uint16(1 << asset);
        }
    }

    /// Moves what is known of the prices that an epoch was taken with. Oracle only.
    /// @param held as `appraise` returned it, for the same `time`, `asked` and `reported`
    /// @param doubted bit a: the price of asset a is not believed; all of them where the epoch is halted
    function remember(
        uint256 board,
        uint256 time,
        uint256 asked,
        uint64[15] calldata reported,
        uint256 held,
        uint256 doubted
    ) external onlyOracle {
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            uint256 bit = 1 << asset;
            if (asked & bit == 0 || reported[asset] == 0) continue;
            _remember(board, asset, reported[asset], time, held & bit != 0, doubted & bit != 0);
        }
    }

    // ---- Views ----

    function sourceOf(uint256 board, uint256 asset) external view returns (Source memory, Known memory) {
        return (_sources[board][asset], _known[board][asset]);
    }

    /// Of each asset the price that counted last, and the limit of its moves; zeros where there is none.
    function lastOf(uint256 board) external view returns (uint64[15] memory prices, uint16[15] memory limits) {
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            (prices[asset], limits[asset]) = (_known[board][asset].last, _sources[board][asset].maxMoveBps);
        }
    }

    // ---- Internal ----

    /// @return valued whether the source answers
    /// @return tooFar whether the price is too far from it
    function _againstFeed(uint256 board, uint256 asset, Source memory source, uint256 price)
        private
        view
        returns (bool valued, bool tooFar)
    {
        if (source.feed.aggregator == address(0)) return (true, false);
        uint256 feedPrice = _feedPrice(source, _exponents[board][asset]);
        return (feedPrice != 0, feedPrice != 0 && _apart(feedPrice, price, source.deviationBps));
    }

    /// What reporters said within the last hour, where the source that stands does not bear out the price that counted last;
    /// zero where it does, or where they said nothing.
    function _saidBeside(uint256 board, uint256 asset, uint256 price) private view returns (uint256) {
        Source memory source = _sources[board][asset];
        (bool valued, bool tooFar) = _againstFeed(board, asset, source, price);
        Said memory said = _said[board][asset];
        return (valued && !tooFar) || block.timestamp > said.at + ANCHOR_TIME ? 0 : said.price;
    }

    /// Whether a price is too far from its anchor and not confirmed by one that has waited.
    function _heldBack(uint256 board, uint256 asset, uint256 maxMoveBps, uint256 price, uint256 time)
        private
        view
        returns (bool)
    {
        Known memory known = _known[board][asset];
        uint256 anchor = time < known.anchoredAt + ANCHOR_TIME ? known.anchor : known.last;
        if (anchor == 0 || !_apart(anchor, price, maxMoveBps)) return false;
        return known.heldBack == 0 || time < known.heldBackAt + HALT_TIME || _apart(known.heldBack, price, maxMoveBps);
    }

    /// @param back whether the price is held back
    /// @param doubted whether it, or all of its epoch, is not believed
    function _remember(uint256 board, uint256 asset, uint64 price, uint256 time, bool back, bool doubted) private {
        Known memory known = _known[board][asset];
        if (back) {
            // The first of two waits as long as those after it agree with it; one that does not is the first itself.
            uint256 limit = _sources[board][asset].maxMoveBps;
            if (known.heldBack != 0 && !_apart(known.heldBack, price, limit)) return;
            (known.heldBack, known.heldBackAt) = (price, uint32(block.timestamp));
        } else {
            if (doubted) {
                // Nothing of it is believed, but that the price has come back: what was held back waits anew.
                // By the price that holds it back: an old anchor would take a price that stands still for one that came back.
                uint256 anchor = time < known.anchoredAt + ANCHOR_TIME ? known.anchor : known.last;
                if (known.heldBack == 0 || _apart(anchor, price, _sources[board][asset].maxMoveBps)) return;
                (_known[board][asset].heldBack, _known[board][asset].heldBackAt) = (0, 0);
                return;
            }
            bool renewed = time >= known.anchoredAt + ANCHOR_TIME;
            if (renewed) (known.anchor, known.anchoredAt) = (known.last, uint32(block.timestamp));
            // The first price, or one that has been confirmed.
            if (known.anchor == 0 || _apart(known.anchor, price, _sources[board][asset].maxMoveBps)) {
                (known.anchor, known.anchoredAt) = (price, uint32(block.timestamp));
            }
            (known.last, known.heldBack, known.heldBackAt) = (price, 0, 0);
        }
        _known[board][asset] = known;
    }

    /// Whether `other` is more than `bps` of `base` away from it.
    function _apart(uint256 base, uint256 other, uint256 bps) private pure returns (bool) {
        return (other > base ? other - base : base - other) * BPS > base * bps;
    }

    /// Checks a feed's configuration.
    function _decimals(uint256 asset, Feed calldata feed) private view returns (uint256) {
        if (feed.heartbeat == 0 || feed.heartbeat > HEARTBEAT_LIMIT || feed.minAnswer < 0 || feed.maxAnswer <= feed.minAnswer)
        {
            revert SourceRefused(asset);
        }
        return IAggregator(feed.aggregator).decimals();
    }

    /// Per lot, 16 decimals, rounded down; zero where a feed is stale or broken, or the price is beyond 64 bits.
    function _feedPrice(Source memory source, int256 exponent) private view returns (uint256 price) {
        price = _answer(source.feed);
        // Answers are below 2^127: their product does not overflow, and neither does 10^16 of what fits.
        if (source.second.aggregator != address(0)) price *= _answer(source.second);
        if (exponent < 0) {
            price /= 10 ** uint256(-exponent);
        } else {
            if (price > type(uint64).max) return 0;
            price *= 10 ** uint256(exponent);
        }
        if (price > type(uint64).max) price = 0;
    }

    /// Zero where the feed is stale or broken.
    function _answer(Feed memory feed) private view returns (uint256) {
        Readings.Round memory round = Readings.latest(feed.aggregator);
        int256 answer = round.answer;
        if (
            !round.ok || answer <= feed.minAnswer || answer >= feed.maxAnswer || answer >= 1 << 127
                || round.updatedAt == 0 || round.updatedAt > block.timestamp
                || block.timestamp - round.updatedAt > feed.heartbeat
        ) return 0;
        return uint256(answer);
    }
}

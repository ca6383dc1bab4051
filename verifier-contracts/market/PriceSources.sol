// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {PolicyRegistry} from "./PolicyRegistry.sol";
import {PriceOracle} from "./PriceOracle.sol";
import {IAggregator, Readings} from "../interfaces/IAggregator.sol";
import {Statement} from "../libraries/Statement.sol";

/// What the prices that reporters agree on are held against before an epoch is made of them: the price before, a
/// reference feed, and for shares of a vault the vault's rate.
///
/// A listed asset whose sources are missing, stale, broken or at a feed's clamp has no price: it counts zero, and the
/// epoch is incomplete. A price that has moved too far halts the epoch. Neither is ever an error: a source that fails must
/// not keep the other assets from being valued.
///
/// Safety rests on the owner of the registry, who names the sources, within the bounds checked in `configure`.
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
        /// Largest move from one epoch to the next, in basis points of the price before.
        uint16 maxMoveBps;
        /// A lot is 10^-lotDecimals of a whole unit, as at the gate.
        uint8 lotDecimals;
        /// Largest distance from the feed, in basis points of the feed's price.
        uint16 deviationBps;
        /// Quote per whole unit; with a second feed, something per whole unit, and the second is quote per that.
        Feed feed;
        Feed second;
        /// An ERC-4626 vault, where the asset is its share: reporters then report the price of the underlying.
        address vault;
        /// Largest growth of the vault's rate that is believed.
        uint16 growthBpsPerDay;
    }

    /// What is derived from a source when it is configured, and the vault's rate.
    struct Derived {
        /// Lot price with 16 decimals = product of the answers · 10^exponent.
        int8 exponent;
        uint8 shareDecimals;
        uint8 assetDecimals;
        /// Underlying per share, 18 decimals, as last believed; and when.
        uint128 rateE18;
        uint64 rateAt;
    }

    uint256 private constant BPS = 10_000;
    uint256 private constant E18 = 1e18;
    uint256 private constant PRICE_DECIMALS = 16;
    uint256 private constant MAX_LOT_DECIMALS = 8;
    uint256 private constant MAX_DECIMALS = 36;
    uint16 public constant MOVE_LIMIT_BPS = 5_000;
    uint16 public constant GROWTH_LIMIT_BPS_PER_DAY = 100;
    uint32 public constant HEARTBEAT_LIMIT = 7 days;

    PolicyRegistry public immutable registry;
    PriceOracle public immutable oracle;
    mapping(uint256 board => mapping(uint256 asset => Source)) private _sources;
    mapping(uint256 board => mapping(uint256 asset => Derived)) private _derived;

    event Configured(uint256 indexed board, uint256 indexed asset, Source source);

    error NotOracle(address sender);
    error AssetUnknown(uint256 asset);
    error SourceRefused(uint256 asset);
    error FeedUnusable(address aggregator);
    error VaultUnusable(address vault);
    /// The same report would become a price too far from what it became before. 18 decimals.
    error RateMoved(uint256 asset, uint256 rateBefore, uint256 rateAfter);
    /// The feed is further from the price that stands than it may be. 16 decimals.
    error FeedTooFar(uint256 asset, uint256 price, uint256 feedPrice);

    constructor(PolicyRegistry registry_) {
        registry = registry_;
        oracle = PriceOracle(msg.sender);
    }

    // ---- Owner of the registry ----

    /// Says where an asset's price comes from and how far it may move. Every source must answer now; where the asset has a
    /// price already, the feed must be within its own limit of it, and a vault's rate within the registry's `maxMoveBps` of
    /// the rate before (1 without a vault).
    function configure(uint256 board, uint256 asset, Source calldata source) external {
        if (msg.sender != registry.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        if (asset >= Statement.ASSETS) revert AssetUnknown(asset);
        registry.headOf(board);
        bool feeds = source.feed.aggregator != address(0);
        if (
            source.maxMoveBps == 0 || source.maxMoveBps > MOVE_LIMIT_BPS || source.lotDecimals > MAX_LOT_DECIMALS
                || feeds != (source.deviationBps != 0) || source.deviationBps > MOVE_LIMIT_BPS
                || (!feeds && source.second.aggregator != address(0))
                || source.growthBpsPerDay > GROWTH_LIMIT_BPS_PER_DAY
        ) revert SourceRefused(asset);
        Derived memory derived = Derived(0, 0, 0, uint128(E18), uint64(block.timestamp));
        if (feeds) {
            uint256 decimals = _decimals(asset, source.feed);
            if (source.second.aggregator != address(0)) decimals += _decimals(asset, source.second);
            if (decimals > MAX_DECIMALS) revert SourceRefused(asset);
            derived.exponent = int8(int256(PRICE_DECIMALS) - int256(decimals) - int256(uint256(source.lotDecimals)));
        }
        if (source.vault != address(0)) {
            derived.shareDecimals = IERC20Metadata(source.vault).decimals();
            derived.assetDecimals = IERC20Metadata(IERC4626(source.vault).asset()).decimals();
            if (derived.shareDecimals > MAX_DECIMALS || derived.assetDecimals > MAX_DECIMALS) {
                revert VaultUnusable(source.vault);
            }
            uint256 rate = _vaultRate(source.vault, derived);
            if (rate == 0) revert VaultUnusable(source.vault);
            derived.rateE18 = uint128(rate);
        }

        uint256 price = oracle.referenceOf(board, asset);
        uint256 rateBefore = _sources[board][asset].maxMoveBps == 0 ? derived.rateE18 : _derived[board][asset].rateE18;
        if (price != 0 && _apart(rateBefore, derived.rateE18, registry.maxMoveBps())) {
            revert RateMoved(asset, rateBefore, derived.rateE18);
        }
        if (feeds) {
            uint256 feedPrice = _feedPrice(source, derived);
            if (feedPrice == 0) revert FeedUnusable(source.feed.aggregator);
            uint256 underlying = price * E18 / rateBefore;
            if (price != 0 && _apart(feedPrice, underlying, source.deviationBps)) {
                revert FeedTooFar(asset, underlying, feedPrice);
            }
        }
        _sources[board][asset] = source;
        _derived[board][asset] = derived;
        emit Configured(board, asset, source);
    }

    // ---- Oracle ----

    /// Prices of an epoch from what was reported. Oracle only: moves what is believed of the vaults' rates.
    /// @param listed bit a: asset a is listed; the others' prices are taken as they are, since they count for nothing
    /// @param reported per lot, 16 decimals; of the underlying where the asset is a vault's share
    /// @param references the latest prices that were not zero; zero where there is none
    /// @return prices per lot, rounded down
    /// @return unvalued bit a: asset a is listed and has no price
    /// @return halted whether a price has moved too far, or is too far from its feed
    function appraise(uint256 board, uint256 listed, uint64[15] memory reported, uint64[15] memory references)
        external
        returns (uint64[15] memory prices, uint16 unvalued, bool halted)
    {
        if (msg.sender != address(oracle)) revert NotOracle(msg.sender);
        prices = reported;
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            if (listed & (1 << asset) == 0) continue;
            (uint256 price, bool tooFar) = _appraise(board, asset, reported[asset]);
            prices[asset] = uint64(price);
            if (price == 0) unvalued |= uint16(1 << asset);
            else halted = halted || tooFar || _moved(board, asset, references[asset], price);
        }
    }

    // ---- Views ----

    function sourceOf(uint256 board, uint256 asset) external view returns (Source memory, Derived memory) {
        return (_sources[board][asset], _derived[board][asset]);
    }

    // ---- Internal ----

    /// @return price zero where there is none
    function _appraise(uint256 board, uint256 asset, uint256 reported) private returns (uint256 price, bool tooFar) {
        Source memory source = _sources[board][asset];
        if (source.maxMoveBps == 0) return (0, false);
        Derived memory derived = _derived[board][asset];
        if (source.feed.aggregator != address(0)) {
            uint256 feedPrice = _feedPrice(source, derived);
            if (feedPrice == 0) return (0, false);
            tooFar = _apart(feedPrice, reported, source.deviationBps);
        }
        price = reported;
        if (source.vault != address(0)) {
            uint256 rate = _believedRate(source, derived);
            if (rate == 0) return (0, false);
            (_derived[board][asset].rateE18, _derived[board][asset].rateAt) = (uint128(rate), uint64(block.timestamp));
            price = reported * rate / E18;
            if (price > type(uint64).max) return (0, false);
        }
    }

    function _moved(uint256 board, uint256 asset, uint256 reference_, uint256 price) private view returns (bool) {
        return reference_ != 0 && _apart(reference_, price, _sources[board][asset].maxMoveBps);
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
    function _feedPrice(Source memory source, Derived memory derived) private view returns (uint256 price) {
        price = _answer(source.feed);
        // Answers are below 2^128: their product does not overflow, and neither does 10^16 of what fits.
        if (source.second.aggregator != address(0)) price *= _answer(source.second);
        int256 exponent = derived.exponent;
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
        (bool ok, int256 answer,, uint256 updatedAt) = Readings.round(feed.aggregator);
        if (
            !ok || answer <= feed.minAnswer || answer >= feed.maxAnswer || answer >= 1 << 127 || updatedAt == 0
                || updatedAt > block.timestamp || block.timestamp - updatedAt > feed.heartbeat
        ) return 0;
        return uint256(answer);
    }

    /// The vault's rate, or as much of it as it may have grown to; a fall is believed at once.
    function _believedRate(Source memory source, Derived memory derived) private view returns (uint256 rate) {
        rate = _vaultRate(source.vault, derived);
        uint256 last = derived.rateE18;
        uint256 growth = last * source.growthBpsPerDay * (block.timestamp - derived.rateAt) / (BPS * 1 days);
        if (rate > last + growth) rate = last + growth;
    }

    /// Underlying per share, 18 decimals, rounded down; zero where the vault does not say, or says more than 2^128.
    function _vaultRate(address vault, Derived memory derived) private view returns (uint256) {
        (bool ok, uint256 assets) =
            Readings.word(vault, abi.encodeCall(IERC4626.convertToAssets, (10 ** uint256(derived.shareDecimals))));
        if (!ok || assets > type(uint128).max) return 0;
        uint256 rate = assets * E18 / 10 ** uint256(derived.assetDecimals);
        return rate > type(uint128).max ? 0 : rate;
    }
}

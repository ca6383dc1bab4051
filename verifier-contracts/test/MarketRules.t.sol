// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PolicyRegistry} from "../market/PolicyRegistry.sol";
import {PolicyRules} from "../market/PolicyRules.sol";
import {PriceSources} from "../market/PriceSources.sol";
import {Settlements} from "../market/Settlements.sol";
import {IBoardGate} from "../interfaces/IMarket.sol";
import {Clock} from "../libraries/Clock.sol";
import {DataPage} from "../libraries/DataPage.sol";
import {Release} from "./Release.sol";
import {VM} from "./Vm.sol";

/// A feed of 8 decimals that says the same for ever.
contract SteadyFeed {
    uint8 public constant decimals = 8;
    int256 private immutable _answer;

    constructor(int256 answer) {
        _answer = answer;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, _answer, block.timestamp, block.timestamp, 1);
    }
}

/// Sources of one asset, whose price was 10^6 and whose feed may have gone silent. Is registry, queue, oracle and that feed.
contract SourcesFuzz {
    uint64 private constant PRICE = 10 ** 6;
    uint16 private constant MOVE_BPS = 1000;
    uint16 private constant DEVIATION_BPS = 500;
    uint8 public constant decimals = 8;
    PriceSources private _sources;
    int256 private _answer = int256(uint256(PRICE));

    function queue() external view returns (address) {
        return address(this);
    }

    function headOf(uint256) external pure returns (PolicyRegistry.Head memory head) {
        head.instruments = 60;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, _answer, block.timestamp, block.timestamp, 1);
    }

    function setUp() public {
        VM.warp(1_000_000 hours);
        _sources = PriceSources(Release.deploy("PriceSources", abi.encode(address(this))));
        _sources.configure(1, 0, _source(address(this)));
        _appraise(PRICE);
        VM.warp(block.timestamp + 1 minutes);
    }

    function testFuzz_M02_aPriceIsHeldBackWhateverItsFeedSays(uint64 price, bool silent) public {
        price = 1 + price % (3 * PRICE);
        _answer = silent ? int256(0) : int256(uint256(price));
        (bool valued, bool halted) = _appraise(price);
        require(halted == _apart(PRICE, price, MOVE_BPS), "M02: held back with its feed, and not without");
        require(valued != silent, "O05: without its feed it has no price");
    }

    function testFuzz_M03_aFeedIsReplacedByOneThatSaysWhatStandsOrWhatIsSaid(uint64 said, uint64 seed, bool near, bool dead)
        public
    {
        said = 1 + said % (3 * PRICE);
        uint64 next = near ? 1 + said * (9000 + seed % 2000) / 10_000 : 1 + seed % (3 * PRICE);
        if (dead) _answer = 0;
        _appraise(said);
        PriceSources.Source memory source = _source(address(new SteadyFeed(int256(uint256(next)))));
        (bool taken,) = address(_sources).call(abi.encodeCall(PriceSources.configure, (1, 0, source)));
        // What the feed bore out counts from then on.
        bool stands = !_apart(next, dead || _apart(PRICE, said, DEVIATION_BPS) ? PRICE : said, DEVIATION_BPS);
        bool isSaid = dead && !_apart(next, said, DEVIATION_BPS);
        require(taken == (stands || isSaid), "M03: a feed that is far was taken, or a near one refused");
    }

    function _source(address feed) private pure returns (PriceSources.Source memory source) {
        (source.maxMoveBps, source.lotDecimals, source.deviationBps) = (MOVE_BPS, 8, DEVIATION_BPS);
        source.feed = PriceSources.Feed(feed, 1 hours, 0, 1 << 100);
    }

    function _appraise(uint64 price) private returns (bool valued, bool halted) {
        uint64[15] memory reported;
        reported[0] = price;
        PriceSources.Appraisal memory found = _sources.appraise(1, block.timestamp, 1, reported);
        (valued, halted) = (found.unvalued == 0, found.halted);
        _sources.remember(1, block.timestamp, 1, reported, found.held, halted ? 1 : found.unvalued);
    }

    function _apart(uint256 base, uint256 other, uint256 bps) private pure returns (bool) {
        return (other > base ? other - base : base - other) * 10_000 > base * bps;
    }
}

/// One open linear row, and one that is closed.
contract RowsFuzz {
    uint256 private constant BAND_BPS = 1000;
    PolicyRules private _rules;

    function setUp() public {
        _rules = PolicyRules(Release.deploy("PolicyRules", abi.encode(2000)));
    }

    function testFuzz_M02_anOpenLinearRowIsHeldToItsPriceOrHaltsTheEpoch(uint8 row, uint8 price, int8 mark) public {
        row = 1 + row % 59;
        price %= 128;
        // Worth one of the asset, whose price has no decimals here; the row below, of an asset without a price, is closed.
        uint256 one = 1e28;
        address terms = DataPage.write(
            abi.encode([BAND_BPS, 0, 0, 0, 0, 0, uint256(row), 0, one, uint256(row) - 1, 1, one])
        );
        bytes memory values = new bytes(25);
        for (uint256 left = 60; left != 0; left--) {
            bytes memory open = bytes.concat(hex"010101010000", bytes1(uint8(mark)), new bytes(45));
            values = bytes.concat(values, left - 1 == row ? open : bytes(hex"00"));
        }
        uint64[15] memory prices;
        prices[0] = price;
        uint256 away = mark > int256(uint256(price)) ? uint256(int256(mark)) - price : uint256(int256(uint256(price)) - mark);
        bool inside = price == 0 || away * 10_000 <= price * BAND_BPS;
        try _rules.holdRows(terms, values, 60, prices) returns (uint256[] memory found, bool unpriced) {
            require(inside, "a mark beyond its band");
            require(unpriced == (price == 0), "M02: a mark that no price holds");
            require(found[0] == 1 << row, "which rows are open");
        } catch {
            require(!inside, "a mark within its band");
        }
    }
}

/// Rows of two blocks, epoch by epoch. Is the oracle of what it deploys.
contract OpenRowsFuzz {
    function testFuzz_M12_noEpochClosesARowThatOneBeforeHasOpened(uint64[2][8] memory opened, uint64[2][8] memory closed, uint8 halts)
        public
    {
        Settlements settlements = Settlements(Release.deploy("Settlements", abi.encode(address(this), address(this))));
        uint256[2] memory stands;
        for (uint256 epoch = 0; epoch < 8; epoch++) {
            uint256[] memory open = new uint256[](2);
            bool goes = false;
            for (uint256 index = 0; index < 2; index++) {
                uint256 row = closed[epoch][index] % 120;
                open[index] = (stands[index] | (uint256(1) << opened[epoch][index] % 60)) & ~(row < 60 ? 1 << row : 0);
                goes = goes || stands[index] & ~open[index] != 0;
            }
            bool halted = (halts >> epoch) & 1 == 1;
            (bool taken, bytes memory reason) = address(settlements).call(
                abi.encodeCall(Settlements.takeRows, (1, open, halted, IBoardGate(address(0))))
            );
            require(taken == !goes, "M12: a row that was open is closed, or one is refused that was not");
            if (goes) require(bytes4(reason) == Settlements.RowsNotExpired.selector, "M12: for another reason");
            if (taken && !halted) (stands[0], stands[1]) = (open[0], open[1]);
        }
    }
}

/// Two linear rows, one of which expires.
contract MarksFuzz {
    PolicyRules private _rules;

    function setUp() public {
        _rules = PolicyRules(Release.deploy("PolicyRules", abi.encode(2000)));
    }

    function testFuzz_M08_aLinearRowExpiresNearThePriceThatCountedLast(uint8 row, uint16 price, int24 mark, uint16 limit) public {
        row = 1 + row % 59;
        limit %= 5001;
        address terms = DataPage.write(
            abi.encode([uint256(100), 0, 0, 0, 0, 0, uint256(row), 3, 1e28, uint256(row) - 1, 4, 1e28])
        );
        (uint64[15] memory prices, uint16[15] memory limits) = (_prices(price), _limits(limit));
        (uint256[] memory expired, int256[] memory marks) = (new uint256[](1), new int256[](60));
        (expired[0], marks[row]) = (1 << row, mark);
        int256 away = mark - int256(uint256(price));
        bool near = price != 0 && uint256(away < 0 ? -away : away) * 10_000 <= uint256(price) * (100 + uint256(limit));
        (bool taken,) = address(_rules).call(abi.encodeCall(PolicyRules.holdMarks, (terms, expired, marks, prices, limits)));
        require(taken == near, "M08: far from the price, or near and refused");
    }

    function _prices(uint64 price) private pure returns (uint64[15] memory prices) {
        prices[3] = price;
    }

    function _limits(uint16 limit) private pure returns (uint16[15] memory limits) {
        limits[3] = limit;
    }
}

/// A feed of the sequencer's state whose first rounds are lost.
contract HistoryFuzz {
    uint256 private constant START = 1_000_000 hours;
    uint256[] private _since;
    uint80 private _lost;

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(uint80(_since.length - 1));
    }

    function getRoundData(uint80 id) public view returns (uint80, int256, uint256, uint256, uint80) {
        require(id >= _lost, "lost");
        return (id, int256(uint256(id % 2)), _since[id], _since[id], id);
    }

    function testFuzz_M07_aLossOfHistoryGivesNobodyTime(uint16[8] memory gaps, uint8 lost, uint16 wait) public {
        uint256 time = START - 2 hours;
        for (uint256 index = 0; index < 8; index++) {
            _since.push(time);
            time += 1 + gaps[index] % 3 hours;
        }
        VM.warp(time + wait);
        uint256 known = _ran();
        _lost = uint80(lost % 8);
        uint256 ran = _ran();
        require(ran >= known, "M07: time was given");
        require(ran <= (block.timestamp > START ? block.timestamp - START : 0), "M07: more time ran than went by");
    }

    function _ran() private view returns (uint256) {
        if (block.timestamp <= START) return 0;
        Clock.State memory state;
        (state.at, state.freshUntil, state.stopLimit) = (uint40(START), type(uint40).max, 30 days);
        return Clock.advanced(state, address(this)).ran;
    }
}

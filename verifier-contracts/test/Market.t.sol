// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Epochs} from "../market/Epochs.sol";
import {Policy} from "../market/PolicyRules.sol";
import {PolicyRegistry} from "../market/PolicyRegistry.sol";
import {PriceOracle} from "../market/PriceOracle.sol";
import {PriceSources} from "../market/PriceSources.sol";
import {Reporters} from "../market/Reporters.sol";
import {VerifierRouter} from "../verify/VerifierRouter.sol";
import {IBoardGate, Levels} from "../interfaces/IMarket.sol";
import {Family, IVerifier} from "../interfaces/IVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Link} from "../libraries/LinkVerifier.sol";
import {PackedValues} from "../libraries/PackedValues.sol";
import {Statement} from "../libraries/Statement.sol";
import {Release} from "./Release.sol";
import {VM} from "./Vm.sol";

/// Router and verifier in one that takes every link.
contract AnyKeys {
    uint256 public constant own = 6;
    uint256 public constant instruments = 60;
    bytes32 public constant linkId = "a link key";

    function verifierOf(uint256, uint256) external view returns (address) {
        return address(this);
    }

    function has(uint256, uint256) external pure returns (bool) {
        return true;
    }

    function familiesOf(uint256) external pure returns (uint256[] memory families) {
        families = new uint256[](1);
        families[0] = Family.ACCOUNT;
    }

    function checkLink(bytes32, uint256, Link calldata) external pure returns (bytes4) {
        return IVerifier.checkLink.selector;
    }
}

/// Registry and oracle; is queue and guardian, and reports.
abstract contract MarketWorld {
    uint256 internal constant MOVE_BPS = 2000;
    uint256 private constant REPORTERS = 5;

    AnyKeys internal keysOfBoard;
    PolicyRegistry internal registry;
    PriceOracle internal oracle;
    uint256[] internal keys;
    address[] internal reporters;

    function guardian() external view returns (address) {
        return address(this);
    }

    function closed() external pure returns (bool) {
        return true;
    }

    function getMinDelay() external pure returns (uint256) {
        return 1 days;
    }

    function _build() internal {
        VM.warp(1_000_000 hours);
        keysOfBoard = new AnyKeys();
        registry = PolicyRegistry(Release.deploy("PolicyRegistry", abi.encode(address(this), MOVE_BPS)));
        for (uint256 key = 1; key <= REPORTERS; key++) {
            uint256 place = keys.length;
            keys.push(key);
            reporters.push(VM.addr(key));
            for (; place != 0 && reporters[place - 1] > reporters[place]; place--) {
                (reporters[place - 1], reporters[place]) = (reporters[place], reporters[place - 1]);
                (keys[place - 1], keys[place]) = (keys[place], keys[place - 1]);
            }
        }
        oracle = PriceOracle(Release.deploy("PriceOracle", abi.encode(registry, address(0), reporters, 1)));
    }

    /// Nothing listed.
    function _policy() internal pure returns (Policy memory policy) {
        policy.levels = Levels(15_000, 12_000, 10_000, 6_000);
        policy.maxAge = 24 hours;
        (policy.terms.curePeriod, policy.terms.attestInterval, policy.terms.auctionDuration) = (1 hours, 1 days, 600);
        (policy.terms.maxSlice, policy.terms.stopLimit, policy.terms.discountBps) = (1e12, 48 hours, 500);
    }

    function _create(Policy memory policy) internal returns (uint256) {
        _link(policy);
        return registry.createBoard(VerifierRouter(address(keysOfBoard)), 60, policy);
    }

    /// Any point for the policy, and for the exit market.
    function _link(Policy memory policy) internal {
        IVerifier verifier = IVerifier(address(keysOfBoard));
        Policy memory none;
        registry.points().linkPolicy(verifier, registry.rules().signalsOf(none), _anyLink());
        registry.points().linkExit(verifier, _anyLink());
        // A policy that is refused has no values.
        try registry.rules().signalsOf(policy) returns (uint256[] memory values) {
            registry.points().linkPolicy(verifier, values, _anyLink());
        } catch {}
    }

    function _anyLink() internal pure returns (Link memory) {
        return Link(G1(1, 2), G1(1, 2), G1(1, 2), G1(1, 2));
    }

    /// What the first `quorum` reporters sign for an oracle, each its own prices and time.
    function _observe(
        address market,
        uint64 epoch,
        uint64[] memory times,
        uint64[15][] memory prices,
        bytes32 valuesHash
    ) internal view returns (Reporters.Observation[] memory observations) {
        observations = new Reporters.Observation[](times.length);
        bytes32 hash = keccak256("Observation(uint256 board,uint64 epoch,uint64 time,uint64[15] prices)");
        for (uint256 index = 0; index < times.length; index++) {
            bytes32 seen = keccak256(abi.encode(prices[index]));
            observations[index].time = times[index];
            observations[index].prices = prices[index];
            observations[index].signature = _sign(market, index, abi.encode(hash, 1, epoch, times[index], seen));
        }
        bytes memory board = abi.encode(
            keccak256("Board(uint256 board,uint64 epoch,uint64 time,uint64[15] prices,bytes32 valuesHash)"),
            1,
            epoch,
            _middle(times),
            keccak256(abi.encode(_middles(prices))),
            valuesHash
        );
        for (uint256 index = 0; index < times.length; index++) {
            observations[index].boardSignature = _sign(market, index, board);
        }
    }

    function _middles(uint64[15][] memory prices) private pure returns (uint64[15] memory middles) {
        uint64[] memory values = new uint64[](prices.length);
        for (uint256 asset = 0; asset < 15; asset++) {
            for (uint256 index = 0; index < values.length; index++) values[index] = prices[index][asset];
            middles[asset] = _middle(values);
        }
    }

    /// The one of an odd number of values that has fewer than half on either side.
    function _middle(uint64[] memory values) private pure returns (uint64 middle) {
        for (uint256 index = 0;; index++) {
            (uint256 less, uint256 more) = (0, 0);
            for (uint256 other = 0; other < values.length; other++) {
                if (values[other] < values[index]) less++;
                if (values[other] > values[index]) more++;
            }
            if (2 * less < values.length && 2 * more < values.length) return values[index];
        }
    }

    function _sign(address market, uint256 index, bytes memory message) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Plimsoll PriceOracle"),
                keccak256("1"),
                block.chainid,
                market
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            VM.sign(keys[index], keccak256(abi.encodePacked(hex"1901", domain, keccak256(message))));
        return abi.encodePacked(r, s, v);
    }

    /// An epoch of one reporter in which every row is closed.
    function _publish(uint64 epoch, uint64 time, uint64 price) internal {
        (uint64[] memory times, uint64[15][] memory prices) = (new uint64[](1), new uint64[15][](1));
        (times[0], prices[0][0]) = (time, price);
        bytes memory values = new bytes(25 + 60);
        Epochs.FamilyLink[] memory links = new Epochs.FamilyLink[](1);
        links[0] = Epochs.FamilyLink(Family.ACCOUNT, _anyLink());
        oracle.publish(1, epoch, _observe(address(oracle), epoch, times, prices, keccak256(values)), values, links);
    }
}

/// Values of policies, and moves of levels. What quantities count for may move by is in `Policy.t.sol`.
contract PolicyFuzz is MarketWorld {
    function setUp() public {
        _build();
    }

    function testFuzz_valuesHoldTheLineOfEachPiece(
        uint8[4] memory widths,
        uint16[4] memory cuts,
        uint64[15] memory scanLots,
        uint8 unscanned
    ) public view {
        Policy memory policy = _policy();
        for (uint256 asset = 1; asset < 15; asset++) policy.scanLots[asset] = scanLots[asset];
        // An asset that is not in the scan.
        policy.scanLots[unscanned % 15] = 0;
        uint256 weight = 10_000;
        for (uint256 tier = 0; tier < 4; tier++) {
            uint256 before = tier == 0 ? 0 : policy.boundaryLots[0][tier - 1];
            policy.boundaryLots[0][tier] = uint64(before + widths[tier] % 12);
            weight = policy.weightBps[0][tier] = uint16(weight * (cuts[tier] % 10_001) / 10_000);
        }
        uint256[] memory values = registry.rules().signalsOf(policy);
        require(values.length == Statement.POLICY_SIGNALS, "how many values there are");
        // The line of each piece goes through what its first lot counts.
        for (uint256 tier = 0; tier < 4; tier++) {
            uint256 boundary = policy.boundaryLots[0][tier];
            uint256 next = tier == 3 ? 0 : policy.weightBps[0][tier + 1];
            require(values[tier] == boundary, "boundary");
            require(values[4 + tier] == policy.weightBps[0][tier], "weight");
            require(values[8 + tier] == _count(policy, boundary) - next * boundary, "intercept");
        }
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            uint256 lots = policy.scanLots[asset] == 0 ? 1 << 64 : policy.scanLots[asset];
            require(values[asset * Statement.POLICY_VALUES + 12] == lots, "scan lots");
        }
    }

    function testFuzz_V14_levelsMoveWithinTheirBoundAndInOrder(uint16[4] memory shifts) public {
        Policy memory next = _policy();
        uint32[4] memory was = [uint32(15_000), 12_000, 10_000, 6_000];
        uint32[4] memory becomes;
        bool allowed = true;
        bool rises = true;
        for (uint256 level = 0; level < 4; level++) {
            becomes[level] = was[level] * (7900 + shifts[level] % 4300) / 10_000;
            uint256 move = was[level] < becomes[level] ? becomes[level] - was[level] : was[level] - becomes[level];
            allowed = allowed && move * 10_000 <= was[level] * MOVE_BPS;
            if (level != 0) allowed = allowed && becomes[level] <= becomes[level - 1];
            rises = rises && becomes[level] >= was[level];
        }
        next.levels = Levels(becomes[0], becomes[1], becomes[2], becomes[3]);
        (uint256 first, uint256 second) = (_create(_policy()), _create(_policy()));
        (bool set,) = address(registry).call(abi.encodeCall(registry.setPolicy, (first, next)));
        require(set == allowed, "V14: a level moved beyond its bound, or not within it");
        (bool tightened,) = address(registry).call(abi.encodeCall(registry.tighten, (second, next)));
        require(tightened == (allowed && rises), "V14: a level fell at once");
    }

    /// Lot by lot, what each counts in the tier it is in.
    function _count(Policy memory policy, uint256 lots) private pure returns (uint256 value) {
        for (uint256 lot = 0; lot < lots; lot++) {
            for (uint256 tier = 0; tier < 4; tier++) {
                if (lot >= policy.boundaryLots[0][tier]) continue;
                value += policy.weightBps[0][tier];
                break;
            }
        }
    }
}

/// What reporters make of an epoch.
contract MedianFuzz is MarketWorld {
    function setUp() public {
        _build();
    }

    function testFuzz_pricesAreMediansOfAnOddQuorum(uint64[5] memory seen, uint16[5] memory ages, uint8 size) public {
        uint256 quorum = 1 + 2 * (size % 3);
        Reporters quorumOf = Reporters(Release.deploy("Reporters", abi.encode(address(this), reporters, quorum)));
        (uint64[] memory times, uint64[15][] memory prices) = (new uint64[](quorum), new uint64[15][](quorum));
        for (uint256 index = 0; index < quorum; index++) {
            times[index] = uint64(block.timestamp - ages[index]);
            // Some equal, some far apart, another order for each asset.
            for (uint256 asset = 0; asset < 15; asset++) {
                prices[index][asset] = asset < 3
                    ? seen[index] >> (20 * asset)
                    : asset < 6 ? seen[index] % 3 : uint64(uint256(keccak256(abi.encode(seen[index], asset))));
            }
        }
        Reporters.Observation[] memory observed = _observe(address(this), 1, times, prices, "values");
        (uint64 time, uint64[15] memory made) = quorumOf.median(1, 1, "values", observed, 1 weeks, 0);
        require(_isMedian(times, time), "the median of times");
        for (uint256 asset = 0; asset < 15; asset++) {
            for (uint256 index = 0; index < quorum; index++) times[index] = prices[index][asset];
            require(_isMedian(times, made[asset]), "the median of prices");
        }
    }

    function testFuzz_M05_aBoardIsSignedWithTheMediansThatItGoesWith(uint64 price, uint64 other, uint8 asset) public {
        Reporters quorumOf = Reporters(Release.deploy("Reporters", abi.encode(address(this), reporters, 1)));
        (uint64[] memory times, uint64[15][] memory prices) = (new uint64[](1), new uint64[15][](1));
        (times[0], prices[0][asset % 15]) = (uint64(block.timestamp), other);
        bytes memory board = _observe(address(this), 1, times, prices, "values")[0].boardSignature;
        prices[0][asset % 15] = price;
        Reporters.Observation[] memory one = _observe(address(this), 1, times, prices, "values");
        one[0].boardSignature = board;
        try quorumOf.median(1, 1, "values", one, 1 weeks, 0) {
            require(price == other, "M05: the board of another observation");
        } catch (bytes memory reason) {
            require(bytes4(reason) == Reporters.BoardNotSigned.selector && price != other, "M05: its own board");
        }
    }

    /// One of them, with fewer than half on either side.
    function _isMedian(uint64[] memory values, uint64 value) private pure returns (bool) {
        (uint256 less, uint256 more) = (0, 0);
        for (uint256 index = 0; index < values.length; index++) {
            if (values[index] < value) less++;
            if (values[index] > value) more++;
        }
        return 2 * less < values.length && 2 * more < values.length && less + more < values.length;
    }
}

/// Packed values: what is evaluated is what they say, value by value.
contract ValuesFuzz {
    uint256 private constant CLOSED = (1 << 60) - 1;
    uint256 private constant FIRST = 202;

    function evaluate(bytes calldata values, uint64[15] calldata prices, uint256 rate, uint256 rho)
        external
        pure
        returns (uint256)
    {
        return PackedValues.evaluate(values, 60, prices, rate, rho, FIRST);
    }

    function scan(bytes calldata values) external pure returns (uint256[] memory, int256[] memory) {
        return PackedValues.scan(values, 60);
    }

    struct Given {
        uint256 seed;
        uint256 width;
        uint256 chargeWidth;
        uint64[15] prices;
        /// In the circuit's order, from the rate of debt on.
        uint256[] values;
        bytes packed;
        int256[60] marks;
    }

    /// Two rows of columns of any width among closed ones, evaluated plainly: Σ values[j]·ρ^(FIRST + j).
    function testFuzz_O12_packedValuesAreEvaluatedAsTheyAre(uint256 seed, uint256 rho, uint8 columnWidth, uint8 chargeWidth)
        public
        view
    {
        rho %= Bn254.R;
        Given memory given;
        (given.seed, given.width, given.chargeWidth) = (seed, 1 + columnWidth % 6, 1 + chargeWidth % 8);
        given.values = new uint256[](Statement.valuesOf(60));
        _prices(given);
        _block(given);
        (uint256 one, uint256 two) = (seed % 60, (seed >> 8) % 60);
        for (uint256 left = 60; left != 0; left--) {
            if (left - 1 == one || left - 1 == two) _row(given, left - 1);
            else _closed(given, left - 1);
        }
        uint256 found = this.evaluate(given.packed, given.prices, given.values[0], rho);
        require(found == _plainly(given.values, rho), "another value than the packed ones");
        (uint256[] memory open, int256[] memory marks) = this.scan(given.packed);
        require(open[0] == ((1 << one) | (1 << two)), "which rows are open");
        for (uint256 row = 0; row < 60; row++) require(marks[row] == given.marks[row], "the marks");
    }

    function _plainly(uint256[] memory values, uint256 rho) private pure returns (uint256 sum) {
        uint256 power = 1;
        for (uint256 left = FIRST; left != 0; left--) power = mulmod(power, rho, Bn254.R);
        for (uint256 index = 0; index < values.length; index++) {
            sum = addmod(sum, mulmod(values[index], power, Bn254.R), Bn254.R);
            power = mulmod(power, rho, Bn254.R);
        }
    }

    function _prices(Given memory given) private pure {
        given.values[0] = given.seed % 10_001;
        for (uint256 asset = 0; asset < 15; asset++) {
            given.prices[asset] = uint64(_draw(given.seed, 9000 + asset));
            given.values[1 + asset] = given.prices[asset];
        }
    }

    function _block(Given memory given) private pure {
        uint256 at = 16 + 60 * 18;
        uint256[] memory values = given.values;
        for (uint256 term = 0; term < 4; term++) {
            uint256 drawn = _draw(given.seed, term + 1);
            values[at + term] = term % 2 == 0 ? drawn >> 178 : drawn % 10_001;
        }
        given.packed = abi.encodePacked(
            uint8(0), uint16(values[at + 3]), uint80(values[at + 2]), uint16(values[at + 1]), uint80(values[at])
        );
    }

    function _closed(Given memory given, uint256 row) private pure {
        uint256 at = 16 + row * 18;
        given.packed = bytes.concat(given.packed, bytes1(0));
        (given.values[at + 16], given.values[at + 17]) = (CLOSED, CLOSED);
    }

    /// A row of random columns and charges.
    function _row(Given memory given, uint256 row) private pure {
        uint256 at = 16 + row * 18;
        uint256 range = 1 << (given.chargeWidth == 8 ? 60 : 8 * given.chargeWidth);
        uint256 long = 1 + _draw(given.seed, row * 1000 + 1) % (range - 1);
        uint256 short = 1 + _draw(given.seed, row * 1000 + 2) % (range - 1);
        (given.values[at + 16], given.values[at + 17]) = (long, short);
        given.packed = abi.encodePacked(
            given.packed,
            uint8(given.width),
            uint8(given.chargeWidth),
            _low(short, given.chargeWidth),
            _low(long, given.chargeWidth)
        );
        for (uint256 left = 48; left != 0; left--) _column(given, row, left - 1);
    }

    function _column(Given memory given, uint256 row, uint256 column) private pure {
        int256 limit = int256(1) << (given.width == 6 ? 42 : 8 * given.width - 1);
        int256 value = int256(_draw(given.seed, row * 1000 + 10 + column) >> 1) % limit;
        if (_draw(given.seed, row * 1000 + 500 + column) % 2 == 0) value = -value;
        if (column == 45) given.marks[row] = value;
        given.packed = bytes.concat(given.packed, _low(uint256(value), given.width));
        uint256 residue = value < 0 ? Bn254.R - uint256(-value) : uint256(value);
        uint256 word = 16 + row * 18 + column / 3;
        uint256 shifted = mulmod(residue, 1 << (84 * (column % 3)), Bn254.R);
        given.values[word] = addmod(given.values[word], shifted, Bn254.R);
    }

    /// The lowest bytes of a word.
    function _low(uint256 value, uint256 width) private pure returns (bytes memory bytes_) {
        bytes_ = new bytes(width);
        for (uint256 index = 0; index < width; index++) bytes_[width - 1 - index] = bytes1(uint8(value >> (8 * index)));
    }

    function _draw(uint256 seed, uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, index)));
    }
}

/// Epochs and pauses over days, and beside them a clock that is wound hour by hour.
contract ClockHandler is MarketWorld, IBoardGate {
    uint64 private constant MAX_AGE = 24;
    uint64 private constant STOP_LIMIT = 48;
    uint64 private constant CURE = 6;

    uint64 private _hour = 1_000_000;
    uint64 private _epoch;
    uint64 private _time;
    uint64 private _freshUntil;
    uint64 private _pausedUntil;
    // What is known of the price, and the hours of it.
    uint64 private _anchor;
    uint64 private _anchoredAt;
    uint64 private _last;
    uint64 private _held;
    uint64 private _heldAt;
    bool private _valued;
    bool private _halted;
    uint64 private _ran;
    uint64 private _stopped;
    uint256 private _start;
    uint64 private _heldEpoch;
    // Policies so far, that of the epoch, when the last was tightened, and until when the one before each is evidence.
    uint32 private _policies = 1;
    uint256 private _epochPolicy;
    uint64 private _tightenedAt;
    mapping(uint256 policyId => uint64) private _cureUntil;
    // The till, the hours for which it was short, the rate of debt in eighths, and of its last step the hour and what there was of both.
    bool private _bound;
    bool private _short;
    uint64 private _shortHours;
    uint256 private _step;
    uint64 private _steppedHour;
    uint64 private _shortBefore;

    constructor() {
        _build();
        _create(_tightened());
        PriceSources.Source memory source;
        source.maxMoveBps = 5000;
        oracle.sources().configure(1, 0, source);
        publish(0, 1);
        _start = oracle.clock(1);
        (_ran, _stopped) = (0, 0);
    }

    /// Once it has code.
    function bind() external {
        if (!_bound) oracle.bindGate(1, this);
        _bound = true;
    }

    function allSettled(uint256, uint64) external pure returns (bool) {
        return true;
    }

    function setTill(bool short) external {
        _short = short;
    }

    function tillShortFor() external view returns (uint24) {
        return uint24(_shortHours * 1 hours);
    }

    function _tightened() private view returns (Policy memory policy) {
        policy = _policy();
        (policy.boundaryLots[0][0], policy.weightBps[0][0]) = (100, 9000);
        for (uint256 tier = 1; tier < 4; tier++) policy.boundaryLots[0][tier] = 100;
        (policy.shortDebtRateBps, policy.terms.curePeriod) = (800, uint32(CURE * 1 hours));
        policy.levels.initial += _policies - 1;
    }

    function tighten() external {
        if (_hour < _tightenedAt + 24) return;
        (_tightenedAt, _policies) = (_hour, _policies + 1);
        registry.tighten(1, _tightened());
    }

    function publish(uint64 age, uint64 price) public {
        (age, price) = (age % 12, price % 5);
        uint64 time = _hour - age;
        if (time <= _time) return;
        _publish(++_epoch, time * 1 hours, price * 100);
        (_time, _valued) = (time, price != 0);
        _halted = false;
        if (price != 0) _price(price, time);
        _freshUntil = _valued && !_halted ? time + MAX_AGE : 0;
        if (!_halted) _heldEpoch = _epoch;
        _epochPolicy = _policies;
        for (uint256 id = _policies; id > 1 && _cureUntil[id] == 0; id--) _cureUntil[id] = _ran + CURE;
        if (!_bound || _hour == _steppedHour) return;
        bool mostly = 2 * (_shortHours - _shortBefore) > _hour - _steppedHour;
        if (mostly && _step < 8) _step++;
        if (!mostly && _step > 0) _step--;
        (_steppedHour, _shortBefore) = (_hour, _shortHours);
    }

    /// By half of the anchor and no more, or as far as an hour ago. @param time as of which it was observed
    function _price(uint64 price, uint64 time) private {
        bool renewed = time >= _anchoredAt + 1;
        uint64 anchor = renewed ? _last : _anchor;
        bool far = anchor != 0 && _far(anchor, price);
        _halted = far && (_held == 0 || time <= _heldAt || _far(_held, price));
        if (_halted) {
            if (_held == 0 || _far(_held, price)) (_held, _heldAt) = (price, _hour);
            return;
        }
        if (renewed) (_anchor, _anchoredAt) = (_last, _hour);
        if (_anchor == 0 || _far(_anchor, price)) (_anchor, _anchoredAt) = (price, _hour);
        (_last, _held) = (price, 0);
    }

    function _far(uint64 base, uint64 price) private pure returns (bool) {
        return 2 * (price < base ? base - price : price - base) > base;
    }

    function pause(uint64 duration) external {
        duration = duration % 80;
        bool due = _pausedUntil == 0 || _hour >= _pausedUntil + 7 * 24;
        (bool ok,) = address(oracle).call(abi.encodeCall(oracle.pause, (1, duration * 1 hours)));
        require(ok == (duration <= 72 && (duration == 0 || due)), "V13: a pause too long or too soon, or not when due");
        if (ok && (duration != 0 || _pausedUntil > _hour)) _pausedUntil = _hour + duration;
    }

    function wait(uint64 time) external {
        for (time = time % 150; time != 0; time--) {
            if (_hour < _freshUntil && _hour >= _pausedUntil) {
                (_ran, _stopped) = (_ran + 1, 0);
            } else {
                if (_stopped >= STOP_LIMIT) _ran++;
                _stopped++;
            }
            _hour++;
            if (_short) _shortHours++;
        }
        VM.warp(_hour * 1 hours);
    }

    function check() external view {
        require(oracle.clock(1) - _start == _ran * 1 hours, "V16: the clock");
        bool usable = !_halted && _hour >= _pausedUntil && _hour <= _time + MAX_AGE;
        (bool outflow,) = address(oracle).staticcall(abi.encodeCall(oracle.outflow, (1)));
        (bool evidence,) = address(oracle).staticcall(abi.encodeCall(oracle.evidence, (1)));
        (bool attesting,) = address(oracle).staticcall(abi.encodeCall(oracle.attesting, (1, _epoch)));
        bool current = _epochPolicy == _policies;
        require(outflow == (usable && current) && attesting == usable, "V13: usable when it is not, or not when it is");
        require(evidence == (usable && _valued), "O05: complete when it is not, or not when it is");
        uint256 policy = _epochPolicy;
        while (_ran < _cureUntil[policy]) policy--;
        (, uint256 found) = oracle.standingOf(1);
        require(found == policy, "M01: a cure period by another clock");
        require(oracle.debtRateOf(1) == 100 * _step, "M06: the rate of debt");
        Epochs.Epoch memory held = oracle.lastHeld(1);
        require(held.epoch == _heldEpoch, "M09: the last epoch that was not halted");
    }
}

/// V13, V16: pauses end by themselves, and the clock runs when it says.
contract ClockInvariants {
    ClockHandler public handler;

    function setUp() public {
        handler = new ClockHandler();
        handler.bind();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// hardhat-config: invariant.failOnRevert = true
    function invariant_V13_V16_theClockIsTheOneWoundByHand() public view {
        handler.check();
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {PolicyRegistry} from "../market/PolicyRegistry.sol";
import {PriceOracle} from "../market/PriceOracle.sol";
import {PriceSources} from "../market/PriceSources.sol";
import {VerifierRouter} from "../verify/VerifierRouter.sol";
import {Levels, Market} from "../interfaces/IMarket.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {Statement} from "../libraries/Statement.sol";
import {Release} from "./Release.sol";
import {VM} from "./Vm.sol";

/// Router and verifier of a key whose points have known logarithms: a point is what was summed up, times (1, 2).
contract LinearVerifier {
    function verifierOf(uint256) external view returns (address) {
        return address(this);
    }

    function accumulate(uint256 firstSignal, uint256[] calldata values, G1 calldata sum)
        external
        view
        returns (G1 memory)
    {
        uint256 scalar = 0;
        for (uint256 index = 0; index < values.length; index++) {
            if (values[index] != 0) scalar = addmod(scalar, term(firstSignal + index, values[index]), Bn254.R);
        }
        return Bn254.add(sum, point(scalar));
    }

    function term(uint256 signal, uint256 value) public pure returns (uint256) {
        require(value < Bn254.R, "a value that is not canonical");
        return mulmod(uint256(keccak256(abi.encode(signal))), value, Bn254.R);
    }

    function point(uint256 scalar) public view returns (G1 memory product) {
        uint256[3] memory buffer = [uint256(1), 2, scalar];
        assembly ("memory-safe") {
            if iszero(staticcall(gas(), 7, buffer, 96, product, 64)) { revert(0, 0) }
        }
    }
}

/// Registry and oracle; owns, guards, reports.
abstract contract MarketWorld {
    uint256 internal constant MOVE_BPS = 2000;
    uint256 internal constant CLOSED = (1 << 60) - 1;
    uint256 internal constant ZERO_COLUMNS = (1 << 42) | (1 << 126) | (1 << 210);
    uint256 private constant REPORTERS = 5;

    LinearVerifier internal verifier;
    PolicyRegistry internal registry;
    PriceOracle internal oracle;
    uint256[] internal keys;
    address[] internal reporters;

    function _build() internal {
        VM.warp(1_000_000 hours);
        verifier = new LinearVerifier();
        registry = PolicyRegistry(Release.deploy("PolicyRegistry", abi.encode(address(this), address(this), 1 days, MOVE_BPS)));
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
    function _policy() internal pure returns (PolicyRegistry.Policy memory policy) {
        policy.levels = Levels(15_000, 12_000, 10_000, 6_000);
        policy.maxAge = 24 hours;
        (policy.terms.curePeriod, policy.terms.attestInterval, policy.terms.auctionDuration) = (1 hours, 1 days, 600);
        (policy.terms.maxSlice, policy.terms.stopLimit) = (1e12, 48 hours);
    }

    function _create(PolicyRegistry.Policy memory policy) internal returns (uint256) {
        return registry.createBoard(VerifierRouter(address(verifier)), 60, policy);
    }

    /// What the first `quorum` reporters sign, each its own prices and time.
    function _observe(uint64 epoch, uint64[] memory times, uint64[15][] memory prices, bytes32 firstPart)
        internal
        view
        returns (PriceOracle.Observation[] memory observations)
    {
        observations = new PriceOracle.Observation[](times.length);
        bytes32 boardHash = keccak256("Board(uint256 board,uint64 epoch,bytes32 firstPart)");
        bytes32 hash = keccak256("Observation(uint256 board,uint64 epoch,uint64 time,uint64[15] prices)");
        for (uint256 index = 0; index < times.length; index++) {
            bytes32 seen = keccak256(abi.encode(prices[index]));
            observations[index].time = times[index];
            observations[index].prices = prices[index];
            observations[index].signature = _sign(index, abi.encode(hash, 1, epoch, times[index], seen));
            observations[index].boardSignature = _sign(index, abi.encode(boardHash, 1, epoch, firstPart));
        }
    }

    function _sign(uint256 index, bytes memory message) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Plimsoll PriceOracle"),
                keccak256("1"),
                block.chainid,
                address(oracle)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            VM.sign(keys[index], keccak256(abi.encodePacked(hex"1901", domain, keccak256(message))));
        return abi.encodePacked(r, s, v);
    }

    /// An epoch of one reporter and one block.
    function _open(
        uint64 epoch,
        uint64 time,
        uint64 price,
        PriceOracle.Part memory part,
        PriceOracle.Part[] memory former
    ) internal {
        (uint64[] memory times, uint64[15][] memory prices) = (new uint64[](1), new uint64[15][](1));
        (times[0], prices[0][0]) = (time, price);
        bytes32 firstPart = keccak256(abi.encode(part));
        PriceOracle.Part[] memory parts = new PriceOracle.Part[](1);
        parts[0] = part;
        oracle.open(1, epoch, _observe(epoch, times, prices, firstPart), firstPart, parts, former);
    }

    /// A block of which nothing is listed.
    function _part() internal pure returns (PriceOracle.Part memory part) {
        for (uint256 row = 0; row < 60; row++) {
            for (uint256 word = 0; word < 16; word++) part.rows[row][word] = ZERO_COLUMNS;
            (part.rows[row][16], part.rows[row][17]) = (CLOSED, CLOSED);
        }
    }
}

/// Points of policies, and moves of levels. What quantities count for may move by is in `Policy.t.sol`.
contract PolicyFuzz is MarketWorld {
    function setUp() public {
        _build();
    }

    function testFuzz_pointsHoldTheLineOfEachPiece(
        uint8[4] memory widths,
        uint16[4] memory cuts,
        uint64[15] memory scanLots,
        uint16 debtRate
    ) public {
        PolicyRegistry.Policy memory policy = _policy();
        (policy.scanLots, policy.debtRateBps) = (scanLots, debtRate % 10_001);
        // An asset that is not in the scan.
        policy.scanLots[debtRate % 15] = 0;
        uint256 weight = 10_000;
        for (uint256 tier = 0; tier < 4; tier++) {
            uint256 before = tier == 0 ? 0 : policy.boundaryLots[0][tier - 1];
            policy.boundaryLots[0][tier] = uint64(before + widths[tier] % 12);
            weight = policy.weightBps[0][tier] = uint16(weight * (cuts[tier] % 10_001) / 10_000);
        }
        _checkPoint(_create(policy), policy);
    }

    function testFuzz_V14_levelsMoveWithinTheirBoundAndInOrder(uint16[4] memory shifts) public {
        PolicyRegistry.Policy memory next = _policy();
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
        uint256 board = _create(_policy());
        (bool proposed,) = address(registry).call(abi.encodeCall(registry.propose, (board, next)));
        require(proposed == allowed, "V14: a level moved beyond its bound, or not within it");
        (bool tightened,) = address(registry).call(abi.encodeCall(registry.tighten, (board, next)));
        require(tightened == (allowed && rises), "V14: a level fell at once");
    }

    /// Lot by lot, what each counts in the tier it is in.
    function _count(PolicyRegistry.Policy memory policy, uint256 lots) private pure returns (uint256 value) {
        for (uint256 lot = 0; lot < lots; lot++) {
            for (uint256 tier = 0; tier < 4; tier++) {
                if (lot >= policy.boundaryLots[0][tier]) continue;
                value += policy.weightBps[0][tier];
                break;
            }
        }
    }

    /// The line of each piece goes through what its first lot counts.
    function _checkPoint(uint256 board, PolicyRegistry.Policy memory policy) private view {
        uint256 first = Statement.FIRST_POLICY_SIGNAL;
        uint256 scalar = 0;
        for (uint256 tier = 0; tier < 4; tier++) {
            uint256 boundary = policy.boundaryLots[0][tier];
            uint256 next = tier == 3 ? 0 : policy.weightBps[0][tier + 1];
            scalar = addmod(scalar, verifier.term(first + tier, boundary), Bn254.R);
            scalar = addmod(scalar, verifier.term(first + 4 + tier, policy.weightBps[0][tier]), Bn254.R);
            uint256 intercept = _count(policy, boundary) - next * boundary;
            scalar = addmod(scalar, verifier.term(first + 8 + tier, intercept), Bn254.R);
        }
        for (uint256 asset = 0; asset < Statement.ASSETS; asset++) {
            uint256 lots = policy.scanLots[asset] == 0 ? 1 << 64 : policy.scanLots[asset];
            uint256 signal = first + asset * Statement.POLICY_VALUES + 12;
            scalar = addmod(scalar, verifier.term(signal, lots), Bn254.R);
        }
        scalar = addmod(scalar, verifier.term(Statement.FIRST_PRICE_SIGNAL - 1, policy.debtRateBps), Bn254.R);
        (G1 memory found, G1 memory expected) = (registry.boardOf(board).policyPoint, verifier.point(scalar));
        require(found.x == expected.x && found.y == expected.y, "the policy's point");
    }
}

/// What reporters make of an epoch.
contract EpochFuzz is MarketWorld {
    function setUp() public {
        _build();
        _create(_policy());
    }

    function testFuzz_pricesAreMediansOfAnOddQuorum(uint64[5] memory seen, uint16[5] memory ages, uint8 size) public {
        uint256 quorum = 1 + 2 * (size % 3);
        oracle.setReporters(reporters, quorum);
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
        PriceOracle.Part[] memory none = new PriceOracle.Part[](0);
        VM.recordLogs();
        oracle.open(1, 1, _observe(1, times, prices, "part"), "part", none, none);
        (uint64 time, uint64[15] memory made,,,) =
            abi.decode(VM.getRecordedLogs()[0].data, (uint64, uint64[15], bytes32, uint16, bool));
        require(_isMedian(times, time), "the median of times");
        for (uint256 asset = 0; asset < 15; asset++) {
            for (uint256 index = 0; index < quorum; index++) times[index] = prices[index][asset];
            require(_isMedian(times, made[asset]), "the median of prices");
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

    /// Every column, sign and all, is in the point at its place; the same where only what changed is added.
    function testFuzz_columnsAreInThePointAsTheyAre(int64[3] memory columns, uint64[2] memory charges, uint8 place)
        public
    {
        PriceOracle.Part memory part = _part();
        PriceOracle.Part[] memory former = new PriceOracle.Part[](1);
        former[0] = _part();
        (uint256 row, uint256 word) = (place % 60, place % 16);
        uint256 scalar = 0;
        uint256 signal = Statement.FIRST_ROW_SIGNAL + row * Statement.ROW_VALUES;
        uint256 packed = 0;
        for (uint256 index = 0; index < 3; index++) {
            int256 column = int256(columns[index]) % (1 << 42);
            packed |= uint256(column + (1 << 42)) << (84 * index);
            uint256 residue = column < 0 ? Bn254.R - uint256(-column) : uint256(column);
            scalar = addmod(scalar, mulmod(verifier.term(signal + word, residue), 1 << (84 * index), Bn254.R), Bn254.R);
        }
        part.rows[row][word] = packed;
        for (uint256 charge = 0; charge < 2; charge++) {
            part.rows[row][16 + charge] = 1 + charges[charge] % CLOSED;
            scalar = addmod(scalar, verifier.term(signal + 16 + charge, part.rows[row][16 + charge]), Bn254.R);
        }
        for (uint256 other = 0; other < 60; other++) {
            if (other == row) continue;
            uint256 charges_ = Statement.FIRST_ROW_SIGNAL + other * Statement.ROW_VALUES + 16;
            scalar = addmod(scalar, verifier.term(charges_, CLOSED), Bn254.R);
            scalar = addmod(scalar, verifier.term(charges_ + 1, CLOSED), Bn254.R);
        }
        G1 memory expected = Bn254.add(verifier.point(scalar), registry.boardOf(1).policyPoint);
        _open(1, uint64(block.timestamp - 2), 0, former[0], new PriceOracle.Part[](0));
        _open(2, uint64(block.timestamp - 1), 0, part, former);
        G1 memory changed = oracle.latest(1).point;
        require(changed.x == expected.x && changed.y == expected.y, "what changed is not in the point");
        _open(3, uint64(block.timestamp), 0, part, new PriceOracle.Part[](0));
        G1 memory whole = oracle.latest(1).point;
        require(whole.x == expected.x && whole.y == expected.y, "the block is not in the point");
    }

    /// A word is three columns within the circuit's range, and nothing else.
    function testFuzz_wordsBeyondTheRangeAreRefused(uint256 word, uint256 noise, uint8 place) public {
        uint256 mask = (1 << 43) - 1;
        // Near the edge: a bit or none too many, a column or none of zero.
        word = word & (mask | (mask << 84) | (mask << 168)) | (noise % 4 == 0 ? 1 << (noise >> 8) % 256 : 0);
        if (noise % 4 == 1) word &= ~(mask << (84 * ((noise >> 8) % 3)));
        PriceOracle.Part memory part = _part();
        part.rows[place % 60][place % 16] = word;
        (uint256 low, uint256 middle, uint256 high) = (word & mask, word >> 84 & mask, word >> 168 & mask);
        bool fits = low != 0 && middle != 0 && high != 0 && low + (middle << 84) + (high << 168) == word;
        try this.openFirst(part) {
            require(fits, "a column out of its range");
        } catch {
            require(!fits, "a column within its range is refused");
        }
    }

    function openFirst(PriceOracle.Part memory part) external {
        _open(1, uint64(block.timestamp), 0, part, new PriceOracle.Part[](0));
    }
}

/// Epochs and pauses over days, and beside them a clock that is wound hour by hour.
contract ClockHandler is MarketWorld {
    uint64 private constant MAX_AGE = 24;
    uint64 private constant STOP_LIMIT = 48;

    uint64 private _hour = 1_000_000;
    uint64 private _epoch;
    uint64 private _time;
    uint64 private _freshUntil;
    uint64 private _pausedUntil;
    uint64 private _reference;
    bool private _valued;
    bool private _halted;
    uint64 private _ran;
    uint64 private _stopped;
    uint256 private _start;

    constructor() {
        _build();
        PolicyRegistry.Policy memory policy = _policy();
        (policy.boundaryLots[0][0], policy.weightBps[0][0]) = (100, 9000);
        for (uint256 tier = 1; tier < 4; tier++) policy.boundaryLots[0][tier] = 100;
        _create(policy);
        PriceSources.Source memory source;
        source.maxMoveBps = 5000;
        oracle.sources().configure(1, 0, source);
        open(0, 1);
        _start = oracle.clock(1);
        (_ran, _stopped) = (0, 0);
    }

    function open(uint64 age, uint64 price) public {
        (age, price) = (age % 12, price % 5);
        uint64 time = _hour - age;
        if (time <= _time) return;
        _open(++_epoch, time * 1 hours, price * 100, _part(), new PriceOracle.Part[](0));
        (_time, _valued) = (time, price != 0);
        // By half of the one before, no more.
        uint64 move = price < _reference ? _reference - price : price - _reference;
        _halted = price != 0 && _reference != 0 && 2 * move > _reference;
        if (price != 0) _reference = price;
        _freshUntil = _valued && !_halted ? time + MAX_AGE : 0;
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
        }
        VM.warp(_hour * 1 hours);
    }

    function check() external view {
        require(oracle.clock(1) - _start == _ran * 1 hours, "V16: the clock");
        Market memory latest = oracle.latest(1);
        bool usable = !_halted && _hour >= _pausedUntil && _hour <= _time + MAX_AGE;
        require(latest.usable == usable, "V13: usable when it is not, or not when it is");
        require(latest.complete == (usable && _valued), "O05: complete when it is not, or not when it is");
    }
}

/// V13, V16: pauses end by themselves, and the clock runs when it says.
contract ClockInvariants {
    ClockHandler public handler;

    function setUp() public {
        handler = new ClockHandler();
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

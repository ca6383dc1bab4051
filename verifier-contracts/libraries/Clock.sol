// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Readings} from "../interfaces/IAggregator.sol";

/// A board's attestation clock: seconds for which attesting has been possible, and of every stop what is beyond the limit.
///
/// Attesting is possible while the board is not paused, the standing epoch is usable, complete and not stale, and the chain's
/// sequencer is up and has been for a grace, in which people land what they could not. The clock is worked out when it is
/// asked for: since `at` pause and freshness have held in one interval each, and the sequencer's feed has its history. What came
/// before that history (more than MOST_ROUNDS changes since `at`, or rounds that the feed has lost) counts as up: a loss gives
/// nobody time. A feed may also take back that it was up, since its reports come late; what has been acted on is kept, because
/// every call that acts on the clock moves `at` (`IMarket.wind`).
library Clock {
    /// All in unix seconds, but for `ran` and `stopLimit`, which count seconds.
    struct State {
        /// That it had run at `at`.
        uint64 ran;
        uint40 at;
        /// Since when it is stopped; zero where it runs.
        uint40 stoppedAt;
        /// Until when the standing epoch is fresh; zero where it keeps the clock stopped.
        uint40 freshUntil;
        uint40 pausedUntil;
        uint32 stopLimit;
    }

    uint256 internal constant SEQUENCER_GRACE = 1 hours;
    uint256 private constant MOST_ROUNDS = 16;

    /// Whether the sequencer is up and has been for the grace; and since when it has been as it is.
    /// @param feed zero for a chain without one
    function sequencerUp(address feed) internal view returns (bool up, uint64 since) {
        if (feed == address(0)) return (true, 0);
        Readings.Round memory latest = Readings.latest(feed);
        return (_upFrom(latest) <= block.timestamp, uint64(latest.startedAt));
    }

    /// Whether a feed says by number what it says now, as it has to for what was before.
    function keepsHistory(address feed) internal view returns (bool) {
        if (feed == address(0)) return true;
        Readings.Round memory latest = Readings.latest(feed);
        Readings.Round memory again = Readings.round(feed, latest.id);
        return latest.ok && again.ok && again.startedAt == latest.startedAt;
    }

    /// The clock as of now.
    function advanced(State memory state, address feed) internal view returns (State memory) {
        uint256 nowTime = block.timestamp;
        uint256 from = state.pausedUntil > state.at ? state.pausedUntil : state.at;
        uint256 until = state.freshUntil < nowTime ? state.freshUntil : nowTime;
        uint256 cursor = state.at;
        if (from < until) {
            (uint256[2][MOST_ROUNDS + 1] memory windows, uint256 count) = _windows(feed, from, until);
            while (count != 0) {
                uint256[2] memory window = windows[--count];
                _stop(state, cursor, window[0]);
                state.ran += uint64(window[1] - window[0]);
                state.stoppedAt = 0;
                cursor = window[1];
            }
        }
        _stop(state, cursor, nowTime);
        state.at = uint40(nowTime);
        return state;
    }

    /// Counts a stop, or what of it is beyond the limit of when it began.
    function _stop(State memory state, uint256 from, uint256 to) private pure {
        if (to <= from) return;
        if (state.stoppedAt == 0) state.stoppedAt = uint40(from);
        uint256 limit = uint256(state.stoppedAt) + state.stopLimit;
        if (limit > from) from = limit;
        if (to > from) state.ran += uint64(to - from);
    }

    /// When the sequencer was up between two times, the latest window first; none is empty. None for a feed that says nothing.
    function _windows(address feed, uint256 from, uint256 until)
        private
        view
        returns (uint256[2][MOST_ROUNDS + 1] memory windows, uint256 count)
    {
        if (feed == address(0)) {
            windows[0] = [from, until];
            return (windows, 1);
        }
        Readings.Round memory round = Readings.latest(feed);
        if (!round.ok) return (windows, 0);
        for (uint256 rounds = 1;; rounds++) {
            uint256 start = _upFrom(round);
            if (start < from) start = from;
            if (start < until) windows[count++] = [start, until];
            if (round.startedAt <= from) return (windows, count);
            if (round.startedAt < until) until = round.startedAt;
            if (rounds == MOST_ROUNDS || round.id == 0) break;
            round = Readings.round(feed, round.id - 1);
            if (!round.ok || round.startedAt == 0) break;
        }
        windows[count++] = [from, until];
    }

    /// From when a round of the feed counts as up; never for one that says down, or nothing.
    function _upFrom(Readings.Round memory round) private pure returns (uint256) {
        bool up = round.ok && round.answer == 0 && round.startedAt != 0 && round.startedAt < type(uint64).max;
        return up ? round.startedAt + SEQUENCER_GRACE : type(uint256).max;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DataPage} from "./DataPage.sol";
import {PackedValues} from "./PackedValues.sol";
import {Statement} from "./Statement.sol";

/// What board values must obey, besides the circuit's ranges: words in a data page, which a policy names.
///
///   1 word      band: largest distance of a linear instrument's mark from its ratio times the asset's price, in basis points
///               of that
///   5 a block   largest liquidity threshold, smallest liquidity rate, largest vega threshold, smallest vega rate (1e-6 quote,
///               basis points), whether it may continue the netting set of the block before (1 or 0)
///   3 a row     of the instruments worth a fixed quantity of an asset, in descending order: row, asset, asset lots in one
///               instrument lot with 18 decimals
library BoardTerms {
    uint256 private constant BPS = 10_000;
    uint256 private constant LINEAR_WORDS = 3;

    /// Not one term for each block, or linear rows that are out of order or name no row or asset of the board.
    error BoardTermsRefused(address page);
    error MarkOutOfBand(uint256 row, int256 mark, int256 expected, uint256 bandBps);
    /// Terms of a block are weaker than the policy asks for, or it joins a netting set that it may not.
    error BlockTooWeak(uint256 blockIndex, uint256[5] terms);

    /// Refuses a page that is no terms of a board.
    /// @return assets bit a: a linear row is worth a quantity of asset a
    function check(address page, uint256 instruments) internal view returns (uint256 assets) {
        bytes memory terms = DataPage.read(page);
        uint256 first = 1 + instruments / Statement.BLOCK_INSTRUMENTS * Statement.BLOCK_VALUES;
        uint256 words = terms.length / 32;
        bool sound = terms.length % 32 == 0 && words >= first && (words - first) % LINEAR_WORDS == 0
            && _word(terms, 0) < 1 << 32;
        uint256 before = instruments;
        for (uint256 at = first; sound && at < words; at += LINEAR_WORDS) {
            uint256 row = _word(terms, at);
            sound = row < before && _word(terms, at + 1) < Statement.ASSETS && _word(terms, at + 2) < 1 << 128;
            before = row;
            if (sound) assets |= 1 << _word(terms, at + 1);
        }
        if (!sound) revert BoardTermsRefused(page);
    }

    /// Refuses values that break the terms. A row that is not open is held to nothing.
    /// @param page one that `check` took
    /// @param prices those that count, 16 decimals
    /// @param open and `marks`: of `PackedValues.scan`
    /// @return unpriced whether an open linear row's asset has no price, so that nothing holds its mark
    function hold(
        address page,
        bytes calldata values,
        uint256 instruments,
        uint64[15] memory prices,
        uint256[] memory open,
        int256[] memory marks
    ) internal view returns (bool unpriced) {
        bytes memory terms = DataPage.read(page);
        uint256 at = 1;
        for (uint256 index = 0; index < open.length; index++) {
            uint256[5] memory found = PackedValues.blockAt(values, instruments, index);
            if (
                found[0] > _word(terms, at) || found[1] < _word(terms, at + 1) || found[2] > _word(terms, at + 2)
                    || found[3] < _word(terms, at + 3) || found[4] > _word(terms, at + 4)
            ) revert BlockTooWeak(index, found);
            at += Statement.BLOCK_VALUES;
        }
        uint256 band = _word(terms, 0);
        for (; at < terms.length / 32; at += LINEAR_WORDS) {
            uint256 row = _word(terms, at);
            uint256 price = prices[_word(terms, at + 1)];
            uint256 bit = 1 << (row % Statement.BLOCK_INSTRUMENTS);
            if (open[row / Statement.BLOCK_INSTRUMENTS] & bit == 0) continue;
            if (price == 0) {
                unpriced = true;
                continue;
            }
            _holdMark(terms, at, price, marks[row], band);
        }
    }

    /// Refuses marks of linear rows that expire too far from a price. @param limits by asset, beside the band
    function holdMarks(
        address page,
        uint256[] calldata expired,
        int256[] calldata marks,
        uint64[15] calldata prices,
        uint16[15] calldata limits
    ) internal view {
        bytes memory terms = DataPage.read(page);
        uint256 at = 1 + expired.length * Statement.BLOCK_VALUES;
        for (; at < terms.length / 32; at += LINEAR_WORDS) {
            uint256 row = _word(terms, at);
            if (expired[row / Statement.BLOCK_INSTRUMENTS] & (1 << (row % Statement.BLOCK_INSTRUMENTS)) == 0) continue;
            uint256 asset = _word(terms, at + 1);
            _holdMark(terms, at, prices[asset], marks[row], _word(terms, 0) + limits[asset]);
        }
    }

    function _holdMark(bytes memory terms, uint256 at, uint256 price, int256 mark, uint256 bandBps) private pure {
        // Price with 16 decimals, ratio with 18, mark with 6.
        int256 expected = int256(price * _word(terms, at + 2) / 1e28);
        int256 away = mark - expected;
        // Without a price there is nothing that a mark is near to, zero neither.
        if (price == 0 || uint256(away < 0 ? -away : away) * BPS > uint256(expected) * bandBps) {
            revert MarkOutOfBand(_word(terms, at), mark, expected, bandBps);
        }
    }

    function _word(bytes memory terms, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(terms, 0x20), shl(5, index)))
        }
    }
}

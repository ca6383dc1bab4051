// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Statement} from "./Statement.sol";

/// Market values as reporters sign them and calldata carries them: packed, in the reverse of the circuit's order, so that
/// Horner's rule reads them from front to back.
///
///   blocks, from the last to the first, 25 bytes each: continues (1 byte, 0 or 1), vega rate (2), vega threshold (10),
///          liquidity rate (2), liquidity threshold (10)
///   rows, from the last to the first: w (1 byte), bytes of a column, 0 to 6. At 0 the row is closed: columns of zero and both
///          charges at their largest, and nothing follows. Else c (1), bytes of a charge, 1 to 8; short charge (c), long
///          charge (c), 48 columns (w each, two's complement) from the last to the first: vega, delta, mark, 45 profits
///
/// Bytes have one reading. Where values are the same for wider w or c, their bytes and so their hash are others.
library PackedValues {
    uint256 internal constant BLOCK_BYTES = 25;
    uint256 internal constant COLUMNS = 48;
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_CHARGE = (1 << 60) - 1;
    uint256 private constant MAX_WIDTH = 6;
    uint256 private constant MAX_CHARGE_WIDTH = 8;
    // Assembly reads literals only.
    uint256 private constant ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    /// 2^42 − 1, and 2^43 − 2.
    uint256 private constant LARGEST = 0x3ffffffffff;
    uint256 private constant SPAN = 0x7fffffffffe;

    /// What is read, and Horner's sum over it.
    struct Reader {
        uint256 at;
        uint256 end;
        uint256 y;
        uint256 rho;
        /// A closed row multiplies by ρ^18 and adds its charges times ρ^16.
        uint256 rho18;
        uint256 charges;
    }

    error ValuesTruncated(uint256 instrument);
    error ValuesTooLong(uint256 length, uint256 expected);
    error WidthRefused(uint256 instrument, uint256 columnBytes, uint256 chargeBytes);
    /// A column at ±2^42 or beyond.
    error ColumnOutOfRange(uint256 instrument);
    error ChargeOutOfRange(uint256 instrument);
    /// Nothing valued and nothing charged: what costs no margin could be piled up before it is given a value.
    error RowFree(uint256 instrument);
    error BlockOutOfRange(uint256 blockIndex);
    error FirstBlockContinues();

    /// Σ over the group `market` of value times ρ^(its number), and every value checked against the circuit's ranges.
    /// @param first number of the group's first public input
    function evaluate(
        bytes calldata values,
        uint256 instruments,
        uint64[15] memory prices,
        uint256 debtRateBps,
        uint256 rho,
        uint256 first
    ) internal pure returns (uint256 y) {
        Reader memory reader;
        assembly ("memory-safe") {
            mstore(reader, values.offset)
            mstore(add(reader, 0x20), add(values.offset, values.length))
            let square := mulmod(rho, rho, ORDER)
            let power := mulmod(square, square, ORDER)
            power := mulmod(power, power, ORDER)
            power := mulmod(power, power, ORDER) // ρ^16
            mstore(add(reader, 0x80), mulmod(power, square, ORDER))
            mstore(add(reader, 0xa0), mulmod(mulmod(MAX_CHARGE, add(rho, 1), ORDER), power, ORDER))
        }
        reader.rho = rho;
        for (uint256 left = instruments / Statement.BLOCK_INSTRUMENTS; left != 0; left--) _block(reader, left - 1);
        for (uint256 left = instruments; left != 0; left--) _row(reader, left - 1);
        if (reader.at != reader.end) _refuseLength(values, reader.at);
        y = reader.y;
        assembly ("memory-safe") {
            for { let price := add(prices, 0x1c0) } iszero(lt(price, prices)) { price := sub(price, 0x20) } {
                y := addmod(mulmod(y, rho, ORDER), and(mload(price), 0xffffffffffffffff), ORDER)
            }
            y := addmod(mulmod(y, rho, ORDER), debtRateBps, ORDER)
            for { let power := first } power { power := shr(1, power) } {
                if and(power, 1) { y := mulmod(y, rho, ORDER) }
                rho := mulmod(rho, rho, ORDER)
            }
        }
    }

    /// Which rows are open, by block (bit i: row i of the block), and the marks of all rows; of values that `evaluate` took.
    function scan(bytes calldata values, uint256 instruments)
        internal
        pure
        returns (uint256[] memory open, int256[] memory marks)
    {
        uint256 blocks = instruments / Statement.BLOCK_INSTRUMENTS;
        (open, marks) = (new uint256[](blocks), new int256[](instruments));
        uint256 skipped = blocks * BLOCK_BYTES;
        assembly ("memory-safe") {
            let at := add(values.offset, skipped)
            for { let row := instruments } row {} {
                row := sub(row, 1)
                let head := calldataload(at)
                let width := byte(0, head)
                if iszero(width) {
                    at := add(at, 1)
                    continue
                }
                at := add(at, add(2, shl(1, byte(1, head))))
                let mark := sar(sub(256, shl(3, width)), calldataload(add(at, shl(1, width))))
                mstore(add(add(marks, 0x20), shl(5, row)), mark)
                let word := add(add(open, 0x20), shl(5, div(row, 60)))
                mstore(word, or(mload(word), shl(mod(row, 60), 1)))
                at := add(at, mul(48, width))
            }
        }
    }

    /// Terms of a block: liquidity threshold and rate, vega threshold and rate, whether it continues the one before.
    function blockAt(bytes calldata values, uint256 instruments, uint256 blockIndex)
        internal
        pure
        returns (uint256[5] memory terms)
    {
        uint256 at = (instruments / Statement.BLOCK_INSTRUMENTS - 1 - blockIndex) * BLOCK_BYTES;
        uint256 word = uint256(bytes32(values[at:at + BLOCK_BYTES])) >> 56;
        return _terms(word);
    }

    /// @param word the block's 25 bytes
    function _terms(uint256 word) private pure returns (uint256[5] memory terms) {
        terms[0] = word & ((1 << 80) - 1);
        terms[1] = (word >> 80) & 0xffff;
        terms[2] = (word >> 96) & ((1 << 80) - 1);
        terms[3] = (word >> 176) & 0xffff;
        terms[4] = word >> 192;
    }

    function _block(Reader memory reader, uint256 index) private pure {
        uint256 at = reader.at;
        if (at + BLOCK_BYTES > reader.end) revert ValuesTruncated(index * Statement.BLOCK_INSTRUMENTS);
        uint256 word;
        assembly ("memory-safe") {
            word := shr(56, calldataload(at))
        }
        uint256[5] memory terms = _terms(word);
        if ((terms[0] | terms[2]) >> 78 != 0 || terms[1] > BPS || terms[3] > BPS || terms[4] > 1) {
            revert BlockOutOfRange(index);
        }
        if (terms[4] == 1 && index == 0) revert FirstBlockContinues();
        (uint256 y, uint256 rho) = (reader.y, reader.rho);
        for (uint256 left = Statement.BLOCK_VALUES; left != 0; left--) {
            y = addmod(mulmod(y, rho, ORDER), terms[left - 1], ORDER);
        }
        (reader.y, reader.at) = (y, at + BLOCK_BYTES);
    }

    function _row(Reader memory reader, uint256 row) private pure {
        unchecked {
            uint256 at = reader.at;
            uint256 end = reader.end;
            if (at >= end) revert ValuesTruncated(row);
            uint256 head;
            assembly ("memory-safe") {
                head := calldataload(at)
            }
            uint256 width = head >> 248;
            if (width == 0) {
                reader.y = addmod(mulmod(reader.y, reader.rho18, ORDER), reader.charges, ORDER);
                reader.at = at + 1;
                return;
            }
            uint256 chargeWidth = (head >> 240) & 0xff;
            if (width > MAX_WIDTH || chargeWidth == 0 || chargeWidth > MAX_CHARGE_WIDTH) {
                revert WidthRefused(row, width, chargeWidth);
            }
            uint256 columns = at + 2 + 2 * chargeWidth;
            uint256 next = columns + COLUMNS * width;
            if (next > end) revert ValuesTruncated(row);
            if (width == MAX_WIDTH) _checkColumns(columns, row);

            (uint256 short, uint256 long) = _charges(head, chargeWidth, row);
            reader.y = addmod(mulmod(reader.y, reader.rho, ORDER), short, ORDER);
            reader.y = addmod(mulmod(reader.y, reader.rho, ORDER), long, ORDER);
            if (_columns(reader, columns, next) && (short == 0 || long == 0)) revert RowFree(row);
            reader.at = next;
        }
    }

    /// @param head the row's first word: two widths, and the charges
    function _charges(uint256 head, uint256 width, uint256 row) private pure returns (uint256 short, uint256 long) {
        unchecked {
            uint256 bits = 8 * width;
            short = (head << 16) >> (256 - bits);
            long = (head << (16 + bits)) >> (256 - bits);
        }
        if (short > MAX_CHARGE || long > MAX_CHARGE) revert ChargeOutOfRange(row);
    }

    /// Adds a row's columns to the sum, from `column` to `end`. @return whether all of them are zero
    function _columns(Reader memory reader, uint256 column, uint256 end) private pure returns (bool) {
        (uint256 y, uint256 rho) = (reader.y, reader.rho);
        uint256 any;
        assembly ("memory-safe") {
            let width := div(sub(end, column), COLUMNS)
            let shift := sub(256, shl(3, width))
            for {} lt(column, end) {} {
                // Three columns at a stride of 84 bits, the last one highest: a signed number below 2^216. The order is added to
                // make it positive, and mulmod takes what is above the order.
                let word := sar(shift, calldataload(column))
                column := add(column, width)
                word := add(shl(84, word), sar(shift, calldataload(column)))
                column := add(column, width)
                word := add(shl(84, word), sar(shift, calldataload(column)))
                column := add(column, width)
                any := or(any, word)
                y := add(mulmod(y, rho, ORDER), add(word, ORDER))
            }
        }
        reader.y = y % ORDER;
        return any == 0;
    }

    /// Columns of six bytes are the only ones that can be out of range.
    function _checkColumns(uint256 column, uint256 row) private pure {
        uint256 bad;
        assembly ("memory-safe") {
            for { let end := add(column, 288) } lt(column, end) { column := add(column, 6) } {
                bad := or(bad, gt(add(sar(208, calldataload(column)), LARGEST), SPAN))
            }
        }
        if (bad != 0) revert ColumnOutOfRange(row);
    }

    function _refuseLength(bytes calldata values, uint256 at) private pure {
        uint256 start;
        assembly ("memory-safe") {
            start := values.offset
        }
        revert ValuesTooLong(values.length, at - start);
    }
}

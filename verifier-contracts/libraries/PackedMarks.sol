// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Statement} from "./Statement.sol";

/// Which rows expire, and at what: as reporters sign it and calldata carries it.
///
/// Blocks from the first to the last: 8 bytes, bit i of which says whether row i of the block expires; then the marks of the
/// rows that expire, from the first to the last, 6 bytes each in two's complement, 1e-6 quote for a long lot, below 2^42 in
/// absolute value.
library PackedMarks {
    uint256 private constant MASK_BYTES = 8;
    uint256 private constant MARK_BYTES = 6;
    int256 private constant LIMIT = 1 << 42;
    uint256 private constant ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    error MarksTruncated(uint256 blockIndex);
    error MarksTooLong(uint256 length, uint256 expected);
    error MaskOutOfRange(uint256 blockIndex);
    error MarkOutOfRange(uint256 instrument);

    /// @return expired by block, bit i: row i of the block expires
    /// @return marks zero where a row does not expire
    function read(bytes calldata packed, uint256 instruments)
        internal
        pure
        returns (uint256[] memory expired, int256[] memory marks)
    {
        uint256 blocks = instruments / Statement.BLOCK_INSTRUMENTS;
        (expired, marks) = (new uint256[](blocks), new int256[](instruments));
        uint256 at = 0;
        for (uint256 index = 0; index < blocks; index++) {
            if (at + MASK_BYTES > packed.length) revert MarksTruncated(index);
            uint256 mask = uint64(bytes8(packed[at:at + MASK_BYTES]));
            if (mask >> Statement.BLOCK_INSTRUMENTS != 0) revert MaskOutOfRange(index);
            at += MASK_BYTES;
            expired[index] = mask;
            for (uint256 row = 0; row < Statement.BLOCK_INSTRUMENTS; row++) {
                if (mask & (1 << row) == 0) continue;
                if (at + MARK_BYTES > packed.length) revert MarksTruncated(index);
                int256 mark = int48(uint48(bytes6(packed[at:at + MARK_BYTES])));
                uint256 instrument = index * Statement.BLOCK_INSTRUMENTS + row;
                if (mark <= -LIMIT || mark >= LIMIT) revert MarkOutOfRange(instrument);
                marks[instrument] = mark;
                at += MARK_BYTES;
            }
        }
        if (at != packed.length) revert MarksTooLong(packed.length, at);
    }

    /// Σ over the group `marks` of value times ρ^(its number): for each row whether it expires, and its mark.
    /// @param first number of the group's first public input
    function evaluate(uint256[] memory expired, int256[] memory marks, uint256 rho, uint256 first)
        internal
        pure
        returns (uint256 y)
    {
        for (uint256 row = marks.length; row != 0;) {
            row--;
            uint256 flag = (expired[row / Statement.BLOCK_INSTRUMENTS] >> (row % Statement.BLOCK_INSTRUMENTS)) & 1;
            int256 mark = marks[row];
            y = addmod(mulmod(y, rho, ORDER), mark < 0 ? ORDER - uint256(-mark) : uint256(mark), ORDER);
            y = addmod(mulmod(y, rho, ORDER), flag, ORDER);
        }
        for (uint256 power = first; power != 0; power >>= 1) {
            if (power & 1 == 1) y = mulmod(y, rho, ORDER);
            rho = mulmod(rho, rho, ORDER);
        }
    }
}

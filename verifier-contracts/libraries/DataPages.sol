// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// A table of 64-byte entries kept as the code of data contracts, because it is longer than one contract may be.
///
/// Each page is a STOP byte and then PER_PAGE whole entries (the last page: what is left). Nothing in a page ever runs,
/// so a page cannot destroy itself: what was checked once stays as it was.
library DataPages {
    uint256 internal constant ENTRY_BYTES = 64;
    /// 383 · 64 + 1 = 24,513 bytes of code, below the limit of 24,576.
    uint256 internal constant PER_PAGE = 383;

    error PageCountWrong(uint256 expected, uint256 found);
    /// A page without code, of another length, or that does not begin with STOP.
    error PageMalformed(uint256 page, address at);

    /// Refuses pages that are not exactly a table of `entries` entries.
    function check(address[] memory pages, uint256 entries) internal view {
        uint256 count = (entries + PER_PAGE - 1) / PER_PAGE;
        if (pages.length != count) revert PageCountWrong(count, pages.length);
        for (uint256 page = 0; page < count; page++) {
            uint256 held = page + 1 < count ? PER_PAGE : entries - page * PER_PAGE;
            address at = pages[page];
            uint256 first;
            assembly ("memory-safe") {
                mstore(0, 0)
                extcodecopy(at, 0, 0, 1)
                first := mload(0)
            }
            if (at.code.length != 1 + held * ENTRY_BYTES || first != 0) revert PageMalformed(page, at);
        }
    }

    /// Reads `count` entries from entry `first` on. The caller keeps within the table.
    /// @return at memory address of the entries, followed by free memory
    function read(address[] storage pages, uint256 first, uint256 count) internal view returns (uint256 at) {
        assembly ("memory-safe") {
            at := mload(0x40)
            mstore(0x40, add(at, mul(count, ENTRY_BYTES)))
        }
        uint256 to = at;
        while (count != 0) {
            uint256 skipped = first % PER_PAGE;
            uint256 taken = PER_PAGE - skipped;
            if (taken > count) taken = count;
            address page = pages[first / PER_PAGE];
            assembly ("memory-safe") {
                extcodecopy(page, to, add(1, mul(skipped, ENTRY_BYTES)), mul(taken, ENTRY_BYTES))
            }
            to += taken * ENTRY_BYTES;
            first += taken;
            count -= taken;
        }
    }
}

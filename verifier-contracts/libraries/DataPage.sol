// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// Bytes that never change, kept as the code of a contract: a word costs 6,400 gas to write and next to nothing to read.
///
/// A page is a STOP byte and then the bytes. Nothing in it ever runs, so a page cannot destroy itself: what was checked once
/// stays as it was.
library DataPage {
    /// Not a data page: no code, or code that runs; or none was made.
    error PageMalformed(address at);

    function write(bytes memory data) internal returns (address at) {
        uint256 size = data.length + 1;
        // PUSH3 size, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN; then the page
        bytes memory creation = bytes.concat(hex"62", bytes3(uint24(size)), hex"80600b5f395ff3_00", data);
        assembly ("memory-safe") {
            at := create(0, add(creation, 0x20), mload(creation))
        }
        if (at == address(0)) revert PageMalformed(at); // too little gas
    }

    function read(address at) internal view returns (bytes memory data) {
        data = at.code;
        if (data.length == 0 || data[0] != 0) revert PageMalformed(at);
        // Moves the beginning by the STOP byte.
        assembly ("memory-safe") {
            let length := sub(mload(data), 1)
            mcopy(add(data, 0x20), add(data, 0x21), length)
            mstore(data, length)
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// Records of books: what a venue has published, so that it can neither deny a book later nor show another one unseen.
///
/// Who can do what
///  - anybody records books under its own address; nobody changes or removes a record, and nobody records under another's address;
///  - anybody reads. There is no owner, and no call leaves this contract.
///
/// Safety rests on this: records of one address stand in the order in which they were made, and of their dates. Two books of one date stand
/// side by side, and after a later date no book of an earlier one can join them.
///
/// Unchecked: that a book holds, and that an address is the venue's. A reader verifies the file that it was given, compares all that is
/// recorded of it, and knows the venue's address from elsewhere.
contract BookRegistry {
    struct Record {
        /// SHA-256 of the public file.
        bytes32 file;
        /// SHA-256 of policy and market.
        bytes32 policy;
        bytes32 market;
        /// Of the tree of accounts.
        uint256 root;
        /// Commitment to the totals after the last step.
        uint256 totals;
        /// The time of which the accounts are, unix seconds.
        uint64 date;
        /// When it was recorded, unix seconds. Set here.
        uint64 time;
    }

    mapping(address venue => Record[] records) private _records;

    event BookRecorded(address indexed venue, uint256 indexed index, uint64 indexed date, bytes32 file);

    error FieldEmpty();
    error DateToCome(uint64 date, uint256 nowTime);
    error DatePassed(uint64 date, uint64 last);
    error RecordedAlready(uint256 index);

    /// Records a book under the sender's address, for good. `book.time` is ignored.
    /// @return index its place among the sender's records
    function record(Record calldata book) external returns (uint256 index) {
        if (book.file == 0 || book.policy == 0 || book.market == 0 || book.root == 0 || book.totals == 0 || book.date == 0) {
            revert FieldEmpty();
        }
        if (book.date > block.timestamp) revert DateToCome(book.date, block.timestamp);
        Record[] storage own = _records[msg.sender];
        index = own.length;
        if (index > 0) {
            Record storage last = own[index - 1];
            if (book.date < last.date) revert DatePassed(book.date, last.date);
            if (book.file == last.file) revert RecordedAlready(index - 1);
        }
        own.push(book);
        own[index].time = uint64(block.timestamp);
        emit BookRecorded(msg.sender, index, book.date, book.file);
    }

    /// How many books a venue has recorded.
    function count(address venue) external view returns (uint256) {
        return _records[venue].length;
    }

    /// One of them; panics where there is none.
    function recordAt(address venue, uint256 index) external view returns (Record memory) {
        return _records[venue][index];
    }

    /// Those of one date: from `first` on, as many as `end - first`. Of a date without any, both are the place of the first later one.
    function recordsOf(address venue, uint64 date) external view returns (uint256 first, uint256 end) {
        return (_from(venue, date), _from(venue, uint256(date) + 1));
    }

    /// Place of the first record of this date or a later one.
    function _from(address venue, uint256 date) private view returns (uint256 low) {
        Record[] storage records = _records[venue];
        uint256 high = records.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (records[middle].date < date) low = middle + 1;
            else high = middle;
        }
    }
}

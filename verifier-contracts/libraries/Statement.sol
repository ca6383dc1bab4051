// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// The public side of the circuits: sizes, public signals and their encodings.
///
/// Public signals of `Account`, in order: stateBefore, stateAfter, transfer, fill, terms, context; then the group `policy` (for
/// each asset its boundaries, weights, intercepts, and lots in one scanned lot), and the group `market`: the rate of debt,
/// prices, rows (eighteen values for each instrument), blocks (five values for each).
/// `Lot` and `Round` have other signals of their own, and then the same two groups.
///
/// Public signals of `Settlement`, in order: stateBefore, stateAfter, context; then marks (two values for each
/// instrument: 1 where it expires, else 0; quote per lot that it settles at, 1e-6, signed, below 2^42 in absolute value,
/// negative ones as r − |value|).
library Statement {
    uint256 internal constant ASSETS = 15;
    uint256 internal constant TIERS = 4;
    /// Index by which a transfer names cash; smaller indices name collateral assets.
    uint256 internal constant CASH = ASSETS;
    uint256 internal constant BLOCK_INSTRUMENTS = 60;
    /// Of an asset: boundaries, weights, intercepts, lots in one scanned lot.
    uint256 internal constant POLICY_VALUES = 3 * TIERS + 1;
    uint256 internal constant ROW_VALUES = 18;
    uint256 internal constant BLOCK_VALUES = 5;

    /// Public signals that each proof has of its own, by circuit.
    uint256 internal constant PROOF_SIGNALS = 6;
    uint256 internal constant SETTLEMENT_PROOF_SIGNALS = 3;
    uint256 internal constant LOT_PROOF_SIGNALS = 12;

    /// No quantity holds so many lots: an asset that is scanned by these is scanned zero times.
    uint256 internal constant NOT_SCANNED = 1 << 64;

    /// Values of the group `policy`.
    uint256 internal constant POLICY_SIGNALS = ASSETS * POLICY_VALUES;
    /// Of a settlement, for each row.
    uint256 internal constant MARK_VALUES = 2;

    /// Widths of level and transfer in bits.
    uint256 internal constant LEVEL_BITS = 20;
    uint256 internal constant TRANSFER_BITS = 65;

    /// There is no circuit for boards of this many instruments.
    error SizeUnknown(uint256 instruments);

    /// Values of the group `market`: the rate of debt, prices, rows, blocks.
    function valuesOf(uint256 instruments) internal pure returns (uint256) {
        return 1 + ASSETS + instruments * ROW_VALUES + (instruments / BLOCK_INSTRUMENTS) * BLOCK_VALUES;
    }

    /// Values of both groups.
    function marketSignals(uint256 instruments) internal pure returns (uint256) {
        return POLICY_SIGNALS + valuesOf(instruments);
    }

    function publicSignals(uint256 instruments) internal pure returns (uint256) {
        return PROOF_SIGNALS + marketSignals(instruments);
    }

    function settlementSignals(uint256 instruments) internal pure returns (uint256) {
        return SETTLEMENT_PROOF_SIGNALS + instruments * MARK_VALUES;
    }

    /// Commitment to the account that holds nothing: the state in which every account opens.
    function genesisState(uint256 instruments) internal pure returns (uint256) {
        if (instruments == 60) return 0x0e15e33717ae49b961f02ee414546ec84bc6fc206090b13ef3b7b6446acf43fc;
        if (instruments == 240) return 0x0186a1a69f523c2d615931ecf5005c6e748aa04c3af9b1990f2833740504057d;
        if (instruments == 480) return 0x05b18066368e368ad126f8daf37a65f30c8147be6dd9bb7214074599f1cd28d1;
        revert SizeUnknown(instruments);
    }

    /// Commitment to the fill of zeros, blinded by zero: the fill of every call that names none.
    function noFill(uint256 instruments) internal pure returns (uint256) {
        if (instruments == 60) return 0x0606795afc9c3dcfa844ca1c58242ffe9b107645f0ca971c05a8e2401fef277b;
        if (instruments == 240) return 0x2964b05a35b1837d4d592eaf2ed13c0222cc1abf120ea396fe808e98e578b222;
        if (instruments == 480) return 0x2612467579a9a3d958c1bb687ff85fd876a1804ff70b16ff54338ce88350ed6a;
        revert SizeUnknown(instruments);
    }

    /// @param asset index of the asset, at most CASH; checked by the caller
    /// @param lots lots of the asset (cash: 1e-6) into the account, negative out of it; −2^64 to 2^64 − 1, checked by
    /// the caller
    function encodeTransfer(uint256 asset, int256 lots) internal pure returns (uint256) {
        return (asset << TRANSFER_BITS) + uint256(lots + int256(1 << (TRANSFER_BITS - 1)));
    }

    /// @param level basis points, below 2^20; checked by the caller
    /// @param below whether coverage below the level is proven, rather than coverage of at least the level
    /// @param minus whether the account applies the fill with −1
    function encodeTerms(uint256 level, bool below, bool minus) internal pure returns (uint256) {
        return level | (uint256(below ? 1 : 0) << LEVEL_BITS) | (uint256(minus ? 1 : 0) << (LEVEL_BITS + 1));
    }

    /// @param closeOut whether nothing with weight is left; its target is zero
    /// @param evidence basis points, below 2^20; the account is below it
    /// @param target basis points, below 2^20; the account after is at most there
    /// @param discountBps at most 10000
    function encodeLotTerms(bool closeOut, uint256 evidence, uint256 target, uint256 discountBps)
        internal
        pure
        returns (uint256)
    {
        return uint256(closeOut ? 1 : 0) | evidence << 1 | target << (1 + LEVEL_BITS) | discountBps << (1 + 2 * LEVEL_BITS);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IVerifier} from "../interfaces/IVerifier.sol";
import {Bn254, G1} from "../libraries/Bn254.sol";
import {DataPage} from "../libraries/DataPage.sol";
import {Link, LinkVerifier} from "../libraries/LinkVerifier.sol";
import {Statement} from "../libraries/Statement.sol";

/// Groth16 on BN254 under one verifying key, which lives in a data page: one proof, or a batch of proofs by one random
/// linear combination of their equations; and links under the key's link key.
///
/// Key layout, in 64-byte entries: alpha (1), beta (2), gamma (2), delta (2), IC_0, one IC for each public signal that proofs
/// have of their own; then the 512 bytes of the link head (docs/link.md). The ICs of what proofs share are nowhere on chain:
/// points of those values come with links.
///
/// Behind the key the page holds what the constructor works out of it, so that what is the same in most proofs costs no
/// multiplication (6,000 gas each):
///  - the *head*, IC_0 + Σ u_i · IC_i, u_i being the usual value of own signal i, and r − u_i for each. The sum over a proof's
///    signals, IC_0 + Σ x_i · IC_i, is the head and Σ (x_i − u_i) · IC_i, whatever the x_i;
///  - where a signal is narrow (below 2^22), its IC times 1, 2, 3; 4, 8, 12; 16, 32, 48; …: its product is a sum of these.
/// Both are the same point as before for all values of all signals.
///
/// Safety rests on the key: whoever knows the secrets of its set-up proves anything, whoever knows those of the link key
/// links anything. The constructor pins both by hash and refuses what is malformed, link keys of another circuit's shape, and
/// keys without a second phase (gamma = ±delta), under which anybody proves anything; it cannot tell a development key from
/// one made in a ceremony.
abstract contract Groth16Verifier is IVerifier {
    uint256 private constant IC_ENTRY = 7;
    uint256 private constant WORD = 32;
    uint256 private constant ENTRY_BYTES = 64;
    /// Bits of a narrow signal: those of an account's terms. Even, because its multiples are for two bits each.
    uint256 private constant NARROW_BITS = 22;
    /// Stands for the index of the narrow signal where there is none.
    uint256 internal constant NONE = type(uint256).max;
    uint256 private constant PAIR_BYTES = 0xc0;
    uint256 private constant PROOF_BYTES = 0x100;
    uint256 private constant COEFFICIENT_MASK = (1 << 128) - 1;
    /// First word of every link head.
    bytes32 private constant LINK_MARK = "plimsoll-link-key/1";
    // Assembly reads literals only.
    uint256 private constant MODULUS = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    uint256 private constant ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    /// @inheritdoc IVerifier
    uint256 public immutable instruments;
    /// @inheritdoc IVerifier
    uint256 public immutable family;
    /// @inheritdoc IVerifier
    uint256 public immutable own;
    /// @inheritdoc IVerifier
    bytes32 public immutable keyHash;
    /// @inheritdoc IVerifier
    bytes32 public immutable linkId;
    /// Data contract that holds the key, and what was worked out of it.
    address public immutable page;
    uint256 private immutable _pageBytes;
    uint256 private immutable _narrow;

    error KeyHashWrong(bytes32 expected, bytes32 found);
    /// A key point that is not canonical, not on its curve, or at infinity. `entry` counts 64-byte entries.
    error KeyPointRefused(uint256 entry);
    /// gamma = ±delta: the key has no second phase, and proofs under it are worth nothing.
    error KeyWithoutSecondPhase();
    /// A proof coordinate at or above the modulus. `index` counts eight for each proof.
    error CoordinateNotCanonical(uint256 index, uint256 value);
    /// A proof point at infinity: 0 for A, 1 for B, 2 for C, plus three for each proof before it in a batch. No honest
    /// proof has one.
    error ProofPointAtInfinity(uint256 point);
    /// The pairing ran to its end and the proof (one of the batch, at least) does not hold for its inputs.
    error ProofInvalid();
    error BatchEmpty();
    error BatchLengthsDiffer(uint256 proofs, uint256 inputs);
    /// Not as long as the key of a circuit with so many own signals.
    error KeyLengthWrong(uint256 expected, uint256 found);
    /// The link key is of a circuit with other public signals: all of them, and the first that proofs share.
    error LinkShapeWrong(uint256 signals, uint256 firstShared);

    /// @param boardInstruments 60, 240 or 480
    /// @param circuit of which family the circuit is (`Family`)
    /// @param usual values of the signals that each proof has of its own, canonical; zero where none is usual
    /// @param narrow index of the own signal that is narrow, and usually zero; NONE for none
    /// @param signals of the circuit, more than its own
    /// @param key as laid out above
    /// @param expectedKeyHash Keccak-256 of the key
    constructor(
        uint256 boardInstruments,
        uint256 circuit,
        uint256[] memory usual,
        uint256 narrow,
        uint256 signals,
        bytes memory key,
        bytes32 expectedKeyHash
    ) {
        Statement.genesisState(boardInstruments); // reverts for a size that has no circuit
        uint256 entries = IC_ENTRY + 1 + usual.length;
        uint256 length = entries * ENTRY_BYTES + LinkVerifier.HEAD_BYTES;
        if (key.length != length) revert KeyLengthWrong(length, key.length);
        bytes32 found = keccak256(key);
        if (found != expectedKeyHash) revert KeyHashWrong(expectedKeyHash, found);
        uint256 at;
        assembly ("memory-safe") {
            at := add(key, 0x20)
        }
        _checkKey(at, entries);
        uint256 head = at + entries * ENTRY_BYTES;
        if (
            bytes32(_word(head, 0)) != LINK_MARK || _word(head, 2) != signals || _word(head, 3) != usual.length + 1
        ) revert LinkShapeWrong(_word(head, 2), _word(head, 3));
        LinkVerifier.checkKey(head);

        (instruments, family, own, keyHash) = (boardInstruments, circuit, usual.length, found);
        bytes32 id;
        assembly ("memory-safe") {
            id := keccak256(head, 512)
        }
        linkId = id;
        bytes memory content = bytes.concat(key, _derive(at + IC_ENTRY * ENTRY_BYTES, usual, narrow));
        (_pageBytes, _narrow, page) = (content.length, narrow, DataPage.write(content));
    }

    /// @inheritdoc IVerifier
    function checkLink(bytes32 seed, uint256 y, Link calldata link) external view returns (bytes4) {
        uint256 head;
        address from = page;
        uint256 start = 1 + (IC_ENTRY + 1 + own) * ENTRY_BYTES;
        assembly ("memory-safe") {
            head := mload(0x40)
            mstore(0x40, add(head, 512))
            extcodecopy(from, head, start, 512)
        }
        LinkVerifier.check(head, seed, y, link);
        return IVerifier.checkLink.selector;
    }

    /// Returns if and only if all proofs hold for their inputs; reverts otherwise.
    ///
    /// The equation of a proof is e(−A, B) · e(alpha, beta) · e(X, gamma) · e(C, delta) = 1, X being the sum over its public
    /// signals. Write E_i for its left side; what is checked is Π E_i^{r_i} = 1, where r_1, r_2, … are 128 bits each of a
    /// hash of the key, the point, all proofs and all inputs, and r_0 = 1 − Σ r_i: it is E_0 · Π (E_i / E_0)^{r_i} = 1.
    /// Where all E_i are the same this says that they are one; where E_i is not E_0, for any choice of the other
    /// coefficients at most one r_i in 2^128 satisfies it, and any change of anything draws them all anew. As the
    /// coefficients add up to one, alpha and what the proofs share need no multiplication, and Σ r_i · C_i is
    /// C_0 + Σ r_i · (C_i − C_0), which saves one more.
    ///
    /// @param proofs calldata offset of `count` proofs of eight words
    /// @param inputs calldata offset of `count` times the signals that proofs have of their own
    /// @param point sum over the signals that the proofs share
    function _verify(uint256 proofs, uint256 inputs, uint256 count, G1 calldata point) internal view {
        if (count == 0) revert BatchEmpty();
        // The page; C, and behind it room to work in; pairs of six words: (−A, B) of each proof, then alpha, X and C with theirs.
        uint256 key;
        uint256 c;
        uint256 pair;
        uint256 length = _pageBytes;
        address from = page;
        assembly ("memory-safe") {
            key := mload(0x40)
            c := add(key, length)
            pair := add(c, 0x100)
            mstore(0x40, add(pair, mul(add(count, 3), PAIR_BYTES)))
            extcodecopy(from, key, 1, length)
            calldatacopy(c, add(proofs, 0xc0), 0x40)
        }
        uint256 coefficient = 1;
        uint256 seed;
        if (count != 1) (seed, coefficient) = _draw(proofs, inputs, count, point);
        unchecked {
            uint256 head = key + (IC_ENTRY + 1 + own) * ENTRY_BYTES + LinkVerifier.HEAD_BYTES;
            for (uint256 index = 0; index < count; index++) {
                if (index != 0) coefficient = _coefficient(seed, index);
                _take(proofs, inputs, index, coefficient, pair + index * PAIR_BYTES, c, head + ENTRY_BYTES);
            }
            pair += count * PAIR_BYTES;
            assembly ("memory-safe") {
                // alpha, beta; X, gamma; C, delta. The key in words: alpha 0, beta 2, gamma 6, delta 10, IC_0 14.
                mcopy(pair, key, 0xc0)
                mcopy(add(pair, 0x100), add(key, 0xc0), 0x80)
                mcopy(add(pair, 0x180), c, 0x40)
                mcopy(add(pair, 0x1c0), add(key, 0x140), 0x80)
            }
            _sum(head, key + (IC_ENTRY + 1) * ENTRY_BYTES, c, point);
            assembly ("memory-safe") {
                mcopy(add(pair, PAIR_BYTES), c, 0x40)
            }
            if (!Bn254.pairingIsOne(pair - count * PAIR_BYTES, count + 3)) revert ProofInvalid();
        }
    }

    /// Takes one proof: its pair (A times the coefficient), its share of C, its inputs times the coefficient.
    /// @param pair memory address, where the pair goes
    /// @param c memory address of the sum over C, with six words to work in behind it
    /// @param sums memory address of the sums over inputs, modulo r
    function _take(
        uint256 proofs,
        uint256 inputs,
        uint256 index,
        uint256 coefficient,
        uint256 pair,
        uint256 c,
        uint256 sums
    ) private view {
        uint256 count = own;
        bool canonical;
        uint256 any;
        assembly ("memory-safe") {
            let proof := add(proofs, mul(index, PROOF_BYTES))
            calldatacopy(pair, proof, PAIR_BYTES)
            calldatacopy(add(c, 0x40), add(proof, 0xc0), 0x40)
            let u := mload(pair)
            let v := mload(add(pair, 0x20))
            // Bits 0, 1, 2: whether A, B, C is not at infinity.
            any := iszero(iszero(or(u, v)))
            canonical := and(lt(u, MODULUS), lt(v, MODULUS))
            mstore(add(pair, 0x20), sub(MODULUS, v)) // −A
            u := mload(add(pair, 0x40))
            v := mload(add(pair, 0x60))
            let all := or(u, v)
            canonical := and(canonical, and(lt(u, MODULUS), lt(v, MODULUS)))
            u := mload(add(pair, 0x80))
            v := mload(add(pair, 0xa0))
            any := or(any, shl(1, iszero(iszero(or(all, or(u, v))))))
            canonical := and(canonical, and(lt(u, MODULUS), lt(v, MODULUS)))
            u := mload(add(c, 0x40))
            v := mload(add(c, 0x60))
            any := or(any, shl(2, iszero(iszero(or(u, v)))))
            canonical := and(canonical, and(lt(u, MODULUS), lt(v, MODULUS)))
        }
        assembly ("memory-safe") {
            let sum := sums
            let input := add(inputs, mul(mul(index, count), 0x20))
            for { let last := add(input, mul(count, 0x20)) } lt(input, last) { input := add(input, 0x20) } {
                let value := calldataload(input)
                canonical := and(canonical, lt(value, ORDER))
                mstore(sum, addmod(mload(sum), mulmod(value, coefficient, ORDER), ORDER))
                sum := add(sum, 0x20)
            }
        }
        if (!canonical || any != 7) _refuse(proofs, inputs, index, any);

        if (coefficient != 1) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(pair, 0x40))
            }
            Bn254.multiply(pair, coefficient);
            assembly ("memory-safe") {
                mstore(add(pair, 0x40), word)
            }
        }
        if (index != 0) {
            assembly ("memory-safe") {
                // C_i − C_0, with C_0 from the first proof
                mstore(add(c, 0x80), calldataload(add(proofs, 0xc0)))
                mstore(add(c, 0xa0), sub(MODULUS, calldataload(add(proofs, 0xe0))))
            }
            Bn254.addTo(c + 0x40);
            Bn254.multiply(c + 0x40, coefficient);
            Bn254.addTo(c);
        }
    }

    /// Adds up the head, the point and Σ (x_i − u_i) · IC_i, into the first of five words to work in.
    /// @param head memory address of what was worked out of the key: the head, then the sums, then multiples of the narrow IC
    /// @param ics memory address of IC_1, IC_2, …
    /// @param at memory address of the words to work in
    function _sum(uint256 head, uint256 ics, uint256 at, G1 calldata point) private view {
        uint256 count = own;
        uint256 narrow = _narrow;
        bool ok;
        assembly ("memory-safe") {
            // at: the sum, and behind it what is added to it.
            let term := add(at, 0x40)
            let sums := add(head, ENTRY_BYTES)
            mcopy(at, head, 0x40)
            calldatacopy(term, point, 0x40)
            ok := staticcall(gas(), 6, at, 0x80, at, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
            for { let index := 0 } lt(index, count) { index := add(index, 1) } {
                let scalar := mload(add(sums, shl(5, index)))
                if iszero(scalar) { continue }
                if and(eq(index, narrow), iszero(shr(NARROW_BITS, scalar))) {
                    // An entry before the first multiple: digit 0 has none.
                    let multiples := sub(add(sums, shl(5, count)), ENTRY_BYTES)
                    for {} scalar { scalar := shr(2, scalar) } {
                        let digit := and(scalar, 3)
                        if digit {
                            mcopy(term, add(multiples, shl(6, digit)), 0x40)
                            ok := and(ok, staticcall(gas(), 6, at, 0x80, at, 0x40))
                        }
                        multiples := add(multiples, 0xc0)
                    }
                    continue
                }
                mcopy(term, add(ics, shl(6, index)), 0x40)
                mstore(add(term, 0x40), scalar)
                ok := and(ok, staticcall(gas(), 7, term, 0x60, term, 0x40))
                ok := and(ok, eq(returndatasize(), 0x40))
                ok := and(ok, staticcall(gas(), 6, at, 0x80, at, 0x40))
            }
        }
        if (!ok) revert Bn254.PrecompileFailed(6);
    }

    /// What the page holds behind the key: the head, r − u_i for each own signal, multiples of the narrow one's IC.
    /// @param ics memory address of IC_0, IC_1, …
    function _derive(uint256 ics, uint256[] memory usual, uint256 narrow) private view returns (bytes memory derived) {
        uint256 scalars;
        assembly ("memory-safe") {
            scalars := add(usual, 0x20)
        }
        G1 memory head = G1(_word(ics, 0), _word(ics, 1));
        Bn254.addMultiples(head, ics + ENTRY_BYTES, scalars, usual.length);
        derived = abi.encodePacked(head.x, head.y);
        for (uint256 index = 0; index < usual.length; index++) {
            derived = abi.encodePacked(derived, usual[index] == 0 ? 0 : Bn254.R - usual[index]);
        }
        if (narrow == NONE) return derived;
        G1 memory once = G1(_word(ics, 2 * narrow + 2), _word(ics, 2 * narrow + 3));
        for (uint256 bit = 0; bit < NARROW_BITS; bit += 2) {
            G1 memory twice = Bn254.add(once, once);
            G1 memory thrice = Bn254.add(twice, once);
            derived = abi.encodePacked(derived, once.x, once.y, twice.x, twice.y, thrice.x, thrice.y);
            once = Bn254.add(twice, twice);
        }
    }

    /// Says what is wrong with a proof or its inputs: the first value at or above its modulus, else a point at infinity.
    /// @param any bits 0, 1, 2: whether A, B, C is not at infinity
    function _refuse(uint256 proofs, uint256 inputs, uint256 index, uint256 any) private view {
        for (uint256 place = 8 * index; place < 8 * index + 8; place++) {
            uint256 value = _calldataWord(proofs, place);
            if (value >= Bn254.Q) revert CoordinateNotCanonical(place, value);
        }
        if (any != 7) revert ProofPointAtInfinity(3 * index + (any & 1 == 0 ? 0 : any & 2 == 0 ? 1 : 2));
        for (uint256 place = index * own; ; place++) {
            uint256 value = _calldataWord(inputs, place);
            if (value >= Bn254.R) revert Bn254.InputNotCanonical(place, value);
        }
    }

    function _calldataWord(uint256 from, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(from, shl(5, index)))
        }
    }

    /// The seed of the coefficients, a hash of everything that the product depends on, and the first coefficient.
    function _draw(uint256 proofs, uint256 inputs, uint256 count, G1 calldata point)
        private
        view
        returns (uint256 seed, uint256 first)
    {
        bytes32 hash = keyHash;
        uint256 inputBytes = count * own * WORD;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            let proofBytes := mul(count, PROOF_BYTES)
            mstore(buffer, hash)
            calldatacopy(add(buffer, 0x20), point, 0x40)
            mstore(add(buffer, 0x60), count)
            calldatacopy(add(buffer, 0x80), proofs, proofBytes)
            calldatacopy(add(add(buffer, 0x80), proofBytes), inputs, inputBytes)
            seed := keccak256(buffer, add(add(0x80, proofBytes), inputBytes))
        }
        unchecked {
            uint256 others;
            for (uint256 index = 1; index < count; index++) others += _coefficient(seed, index); // far below r
            first = Bn254.R + 1 - others;
        }
    }

    /// 128 bits for every proof but the first.
    function _coefficient(uint256 seed, uint256 index) private pure returns (uint256 coefficient) {
        assembly ("memory-safe") {
            mstore(0, seed)
            mstore(0x20, index)
            coefficient := and(keccak256(0, 0x40), COEFFICIENT_MASK)
        }
    }

    function _at(uint256[8] calldata proof) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := proof
        }
    }

    function _at(uint256[8][] calldata proofs) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := proofs.offset
        }
    }

    /// @param key memory address of the key
    function _checkKey(uint256 key, uint256 entries) private view {
        for (uint256 entry = 0; entry < entries; entry++) {
            if (entry != 0 && entry < IC_ENTRY) continue; // G2, below
            if (!Bn254.isOnCurve(_word(key, 2 * entry), _word(key, 2 * entry + 1))) revert KeyPointRefused(entry);
        }
        // The precompile refuses points of G2 off the curve or outside the subgroup, but takes the point at infinity.
        uint256[6] memory pair;
        (pair[0], pair[1]) = (_word(key, 0), _word(key, 1));
        for (uint256 entry = 1; entry < IC_ENTRY; entry += 2) {
            uint256 any;
            for (uint256 part = 0; part < 4; part++) any |= pair[2 + part] = _word(key, 2 * entry + part);
            if (any == 0) revert KeyPointRefused(entry);
            uint256 input;
            assembly ("memory-safe") {
                input := pair
            }
            Bn254.pairingIsOne(input, 1);
        }
        // Equal x means gamma = ±delta, and minus is as bad as plus.
        if (_word(key, 6) == _word(key, 10) && _word(key, 7) == _word(key, 11)) revert KeyWithoutSecondPhase();
    }

    function _word(uint256 at, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(at, mul(index, WORD)))
        }
    }
}

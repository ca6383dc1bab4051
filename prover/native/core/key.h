// SPDX-License-Identifier: GPL-3.0-or-later
/// Strict readers of snarkjs's binary files: proving keys (zkey, Groth16 over BN254) and witnesses (wtns).
///
/// What is not standard here: every section is present exactly once and has exactly the size that the header's counts give it,
/// nothing lies between or after the sections, and every number is below its modulus. No byte outside the file is read, whatever
/// it holds. Views point into the file, which must outlive them.
///
/// Unchecked: that points lie on their curves and in their subgroups, and are those of the circuit. A key is used only if its file has
/// the hash that the manifest names: without δ and β in G1 and without points B there, proofs verify and A is not blinded. Bad points C
/// and H can spoil a proof and do nothing else. The arithmetic is defined for all coordinates below the modulus.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "field.h"
#include "memory.h"
#include "status.h"

namespace plimsoll {

constexpr size_t FIELD_BYTES = 32;
constexpr size_t G1_BYTES = 2 * FIELD_BYTES;
constexpr size_t G2_BYTES = 4 * FIELD_BYTES;

/// A proving key: counts, and where its points lie. Points are affine, coordinates in Montgomery form (R = 2^256), infinity is all zero.
/// A prepared key (prepare.h) has the same sections, two of them larger.
struct Zkey {
  /// Values of a witness, the constant 1 first, then the public ones, then the private ones.
  uint32_t wires;
  uint32_t publics;
  /// Rows of the matrices, a power of two, at least 2 and at most 2^27.
  uint32_t domain;
  bool prepared;
  const uint8_t *alpha1, *beta1, *beta2, *delta1, *delta2;
  /// One G1 point per wire.
  const uint8_t *a, *b1;
  /// One G2 point per wire.
  const uint8_t* b2;
  /// One G1 point per private wire: `wires - publics - 1` of them. In a prepared key one per wire.
  const uint8_t* c;
  /// One G1 point per row. In a prepared key two.
  const uint8_t* h;
  /// Entries of the matrices A and B: matrix, row and wire (32 bits each), coefficient (twice in Montgomery form).
  const uint8_t* terms;
  uint32_t termCount;

  /// Wires that have no point C.
  size_t absent() const { return prepared ? 0 : size_t(publics) + 1; }
  /// Points H.
  size_t points() const { return prepared ? 2 * size_t(domain) : size_t(domain); }
};

/// A witness: plain little-endian integers, all below the order of the scalar field.
struct Wtns {
  uint32_t count;
  const uint8_t* values;
};

constexpr size_t TERM_BYTES = 12 + FIELD_BYTES;

inline uint32_t loadU32(const uint8_t* at) {
  return uint32_t(at[0]) | uint32_t(at[1]) << 8 | uint32_t(at[2]) << 16 | uint32_t(at[3]) << 24;
}

namespace reading {

// Moduli as little-endian bytes, as both kinds of file name them.
constexpr uint8_t BASE_ORDER[FIELD_BYTES] = {0x47, 0xfd, 0x7c, 0xd8, 0x16, 0x8c, 0x20, 0x3c, 0x8d, 0xca, 0x71,
                                             0x68, 0x91, 0x6a, 0x81, 0x97, 0x5d, 0x58, 0x81, 0x81, 0xb6, 0x45,
                                             0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30};
constexpr uint8_t SCALAR_ORDER[FIELD_BYTES] = {0x01, 0x00, 0x00, 0xf0, 0x93, 0xf5, 0xe1, 0x43, 0x91, 0x70, 0xb9,
                                               0x79, 0x48, 0xe8, 0x33, 0x28, 0x5d, 0x58, 0x81, 0x81, 0xb6, 0x45,
                                               0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30};

struct Section {
  const uint8_t* data = nullptr;
  uint64_t size = 0;
};

constexpr uint32_t MAX_SECTION = 10;

/// Finds the sections 1 to `last` of a file, each of which must occur once.
inline Status readSections(const uint8_t* file, size_t length, const char mark[4], uint32_t version, uint32_t last,
                           Section found[MAX_SECTION + 1]) {
  if (length < 12) return Status::truncated;
  if (std::memcmp(file, mark, 4) != 0 || loadU32(file + 4) != version) return Status::foreign;
  uint32_t left = loadU32(file + 8);
  if (left != last) return Status::shape;
  size_t at = 12;
  for (; left > 0; left--) {
    if (length - at < 12) return Status::truncated;
    const uint32_t id = loadU32(file + at);
    const uint64_t size = uint64_t(loadU32(file + at + 4)) | uint64_t(loadU32(file + at + 8)) << 32;
    at += 12;
    if (size > length - at) return Status::truncated;
    if (id < 1 || id > last || found[id].data != nullptr) return Status::shape;
    found[id] = {file + at, size};
    at += size_t(size);
  }
  return at == length ? Status::ok : Status::shape;
}

template <typename Field>
bool allCanonical(const uint8_t* at, size_t count) {
  bool canonical = true;
  for (size_t i = 0; i < count; i++) canonical &= Field::isCanonical(at + i * FIELD_BYTES);
  return canonical;
}

}  // namespace reading

[[nodiscard]] inline Status readZkey(const uint8_t* file, size_t length, Zkey& key) {
  using namespace reading;
  constexpr size_t HEADER_BYTES = 2 * (4 + FIELD_BYTES) + 12 + 3 * G1_BYTES + 3 * G2_BYTES;
  constexpr uint32_t GROTH16 = 1;
  Section sections[MAX_SECTION + 1];
  const Status framed = readSections(file, length, "zkey", 1, 10, sections);
  if (framed != Status::ok) return framed;

  // 1. The header: proof system, field, counts, single points.
  if (sections[1].size != 4) return Status::shape;
  if (loadU32(sections[1].data) != GROTH16) return Status::foreign;
  const uint8_t* header = sections[2].data;
  if (sections[2].size < 2 * (4 + FIELD_BYTES)) return Status::shape;
  if (loadU32(header) != FIELD_BYTES || std::memcmp(header + 4, BASE_ORDER, FIELD_BYTES) != 0 ||
      loadU32(header + 36) != FIELD_BYTES || std::memcmp(header + 40, SCALAR_ORDER, FIELD_BYTES) != 0) {
    return Status::curve;
  }
  if (sections[2].size != HEADER_BYTES) return Status::shape;
  key.wires = loadU32(header + 72);
  key.publics = loadU32(header + 76);
  key.domain = loadU32(header + 80);
  if (key.publics >= key.wires) return Status::shape;
  if (key.domain < 2 || key.domain > uint32_t(1) << 27 || (key.domain & (key.domain - 1)) != 0) return Status::shape;
  key.alpha1 = header + 84;
  key.beta1 = key.alpha1 + G1_BYTES;
  key.beta2 = key.beta1 + G1_BYTES;
  const uint8_t* gamma2 = key.beta2 + G2_BYTES;
  key.delta1 = gamma2 + G2_BYTES;
  key.delta2 = key.delta1 + G1_BYTES;

  // 2. Every section has the size that the counts give it. Products of 32-bit counts fit 64 bits.
  const uint64_t wires = key.wires, publics = key.publics, domain = key.domain;
  key.prepared = sections[9].size == 2 * domain * G1_BYTES;
  const struct {
    uint32_t section;
    uint64_t elements;
    const uint8_t** at;
  } pointSections[] = {
      {3, (publics + 1) * 2, nullptr}, {5, wires * 2, &key.a}, {6, wires * 2, &key.b1}, {7, wires * 4, &key.b2},
      {8, (wires - key.absent()) * 2, &key.c}, {9, key.points() * 2, &key.h},
  };
  for (const auto& points : pointSections) {
    if (sections[points.section].size != points.elements * FIELD_BYTES) return Status::shape;
    if (points.at != nullptr) *points.at = sections[points.section].data;
  }
  // Section 10 is the hash and contributions of a ceremony: of no use to a prover.
  if (sections[4].size < 4) return Status::shape;
  key.termCount = loadU32(sections[4].data);
  key.terms = sections[4].data + 4;
  if (sections[4].size != 4 + uint64_t(key.termCount) * TERM_BYTES) return Status::shape;

  // 3. Every number is in range.
  if (!allCanonical<Fp>(key.alpha1, (HEADER_BYTES - 84) / FIELD_BYTES)) return Status::range;
  for (const auto& points : pointSections) {
    if (!allCanonical<Fp>(sections[points.section].data, size_t(points.elements))) return Status::range;
  }
  for (size_t i = 0; i < key.termCount; i++) {
    const uint8_t* term = key.terms + i * TERM_BYTES;
    if (loadU32(term) > 1 || loadU32(term + 4) >= key.domain || loadU32(term + 8) >= key.wires) return Status::range;
    if (!Fr::isCanonical(term + 12)) return Status::range;
  }
  return Status::ok;
}

#ifndef __wasm__
/// Copies the file of a key, leaving room for the points C and H of a prepared one.
inline void copyPrepared(const Zkey& key, const uint8_t* file, size_t length, uint8_t* to, uint8_t** h, uint8_t** c) {
  constexpr size_t SECTION_HEADER = 12;
  for (size_t at = 0; at < length;) {
    const uint8_t* const content = file + at + SECTION_HEADER;
    // The file's own header is as long as a section's, and no section of it holds points.
    const size_t size = at == 0 ? 0 : size_t(loadU32(file + at + 4)) | size_t(loadU32(file + at + 8)) << 32;
    std::memcpy(to, file + at, SECTION_HEADER + size);
    size_t wanted = size;
    if (at != 0 && content == key.c) wanted = size_t(key.wires) * G1_BYTES;
    if (at != 0 && content == key.h) wanted = 2 * size_t(key.domain) * G1_BYTES;
    if (wanted != size) {
      *(content == key.c ? c : h) = to + SECTION_HEADER;
      for (int byte = 0; byte < 8; byte++) to[4 + byte] = uint8_t(uint64_t(wanted) >> (8 * byte));
    }
    at += SECTION_HEADER + size;
    to += SECTION_HEADER + wanted;
  }
}
#endif

/// Whether the witness is of a key's circuit is for the caller to compare; that its first value is 1 is checked here.
[[nodiscard]] inline Status readWtns(const uint8_t* file, size_t length, Wtns& witness) {
  using namespace reading;
  Section sections[MAX_SECTION + 1];
  const Status framed = readSections(file, length, "wtns", 2, 2, sections);
  if (framed != Status::ok) return framed;
  const uint8_t* header = sections[1].data;
  if (sections[1].size != 4 + FIELD_BYTES + 4) return Status::shape;
  if (loadU32(header) != FIELD_BYTES || std::memcmp(header + 4, SCALAR_ORDER, FIELD_BYTES) != 0) return Status::curve;
  witness.count = loadU32(header + 4 + FIELD_BYTES);
  witness.values = sections[2].data;
  if (witness.count == 0 || sections[2].size != uint64_t(witness.count) * FIELD_BYTES) return Status::shape;
  if (!allCanonical<Fr>(witness.values, witness.count)) return Status::range;
  const uint8_t one[FIELD_BYTES] = {1};
  return std::memcmp(witness.values, one, FIELD_BYTES) == 0 ? Status::ok : Status::range;
}

/// One matrix by rows, 8 bytes an entry. The entries of row i are rows[i] to rows[i + 1] of `wire` and `coefficient`.
struct SparseRows {
  Buffer<uint32_t> rows, wire, coefficient;
};

/// The matrices A and B of a key; equal coefficients are kept once, as most of those of a circuit are.
struct Matrices {
  /// The places of 1 and −1 among the coefficients, so that no product need be made of them.
  static constexpr uint32_t ONE = 0, MINUS_ONE = 1;
  SparseRows a, b;
  Buffer<Fr> coefficients;

  [[nodiscard]] Status read(const Zkey& key);
};

inline Status Matrices::read(const Zkey& key) {
  // 1. Number the different coefficients by their bytes: a hash table of the terms in which each comes first.
  size_t slots = 16;
  while (slots < 2 * size_t(key.termCount)) slots *= 2;
  Buffer<uint32_t> table, numbers, places;
  for (const Status status : {table.allocateZeroed(slots), numbers.allocate(key.termCount), places.allocate(key.termCount)}) {
    if (status != Status::ok) return status;
  }
  const auto coefficientOf = [&](size_t term) { return key.terms + term * TERM_BYTES + 12; };
  uint32_t different = 0;
  for (uint32_t term = 0; term < key.termCount; term++) {
    const uint8_t* bytes = coefficientOf(term);
    uint64_t hash = 0;
    for (size_t word = 0; word < FIELD_BYTES; word += 4) hash = (hash ^ loadU32(bytes + word)) * 0x9e3779b97f4a7c15u;
    size_t slot = size_t(hash >> 32) & (slots - 1);
    while (table[slot] != 0 && std::memcmp(coefficientOf(table[slot] - 1), bytes, FIELD_BYTES) != 0) {
      slot = (slot + 1) & (slots - 1);
    }
    if (table[slot] == 0) {
      table[slot] = term + 1;
      numbers[term] = different++;
    } else {
      numbers[term] = numbers[table[slot] - 1];
    }
  }
  table.free();

  // 2. Read each once. In the file they are twice in Montgomery form; the integer 1 read as if in that form undoes one.
  const uint8_t integerOne[FIELD_BYTES] = {1};
  const Fr perMontgomery = Fr::fromZkey(integerOne);
  const Fr one = Fr::one(), minusOne = one.negate();
  if (coefficients.allocate(size_t(different) + 2) != Status::ok) return Status::memory;
  coefficients[ONE] = one;
  coefficients[MINUS_ONE] = minusOne;
  uint32_t place = 2, seen = 0;
  for (uint32_t term = 0; term < key.termCount; term++) {
    if (numbers[term] != seen) continue;
    const Fr coefficient = Fr::fromZkey(coefficientOf(term)) * perMontgomery;
    if (coefficient == one) {
      places[seen++] = ONE;
    } else if (coefficient == minusOne) {
      places[seen++] = MINUS_ONE;
    } else {
      coefficients[place] = coefficient;
      places[seen++] = place++;
    }
  }

  // 3. Sort the terms by row: count, sum, place.
  SparseRows* matrices[2] = {&a, &b};
  for (SparseRows* matrix : matrices) {
    if (matrix->rows.allocateZeroed(size_t(key.domain) + 1) != Status::ok) return Status::memory;
  }
  for (uint32_t term = 0; term < key.termCount; term++) {
    const uint8_t* at = key.terms + term * TERM_BYTES;
    matrices[loadU32(at)]->rows[loadU32(at + 4)]++;
  }
  for (SparseRows* matrix : matrices) {
    uint32_t sum = 0;
    for (size_t row = 0; row <= key.domain; row++) sum = matrix->rows[row] += sum;
    if (matrix->wire.allocate(sum) != Status::ok || matrix->coefficient.allocate(sum) != Status::ok) return Status::memory;
  }
  // From behind, so that each row's end moves down to its start.
  for (uint32_t term = key.termCount; term-- > 0;) {
    const uint8_t* at = key.terms + term * TERM_BYTES;
    SparseRows& matrix = *matrices[loadU32(at)];
    const uint32_t entry = --matrix.rows[loadU32(at + 4)];
    matrix.wire[entry] = loadU32(at + 8);
    matrix.coefficient[entry] = places[numbers[term]];
  }
  return Status::ok;
}

}  // namespace plimsoll

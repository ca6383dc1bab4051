// SPDX-License-Identifier: GPL-3.0-or-later
/// Multiplication for WebAssembly, which multiplies 64 by 64 bits to 64 and has no carry: limbs of 29 bits, whose products are
/// added up without one.
#pragma once
#include <cstdint>

namespace plimsoll {

/// a·b / 2^256 modulo the modulus, below twice the modulus where a and b are below it. Four words each, as everywhere.
template <typename Parameters>
struct WasmProduct {
  static constexpr int LIMBS = 9, BITS = 29;
  static constexpr uint64_t MASK = (uint64_t(1) << BITS) - 1;
  /// What is left of 256 bits for the last limb: the last step divides by 2^24 only.
  static constexpr int LAST = 256 - (LIMBS - 1) * BITS;

  struct Limbs {
    uint64_t at[LIMBS];
  };
  static constexpr Limbs split(const uint64_t words[4]) {
    Limbs limbs{};
    for (int i = 0; i < LIMBS; i++) {
      const int word = i * BITS / 64, shift = i * BITS % 64;
      uint64_t bits = words[word] >> shift;
      if (shift > 64 - BITS && word < 3) bits |= words[word + 1] << (64 - shift);
      limbs.at[i] = bits & MASK;
    }
    return limbs;
  }
  static constexpr Limbs MODULUS = split(Parameters::MODULUS);
  /// −1 / modulus modulo 2^29, by Newton's iteration.
  static constexpr uint64_t NEGATED_INVERSE = [] {
    uint64_t inverse = 1;
    for (int i = 0; i < 5; i++) inverse *= 2 - Parameters::MODULUS[0] * inverse;
    return (0 - inverse) & MASK;
  }();

  [[gnu::noinline]] static constexpr void multiply(const uint64_t aWords[4], const uint64_t bWords[4], uint64_t result[4]) {
    const Limbs a = split(aWords), b = split(bWords);
    // Column by column: at most nine products of 58 bits of either kind and a carry in a column, below 2^63.
    uint64_t t[LIMBS] = {};
#pragma clang loop unroll(full)
    for (int i = 0; i < LIMBS; i++) {
      const bool last = i == LIMBS - 1;
      const uint64_t lowest = t[0] + a.at[i] * b.at[0];
      const uint64_t m = (lowest * NEGATED_INVERSE) & (last ? (uint64_t(1) << LAST) - 1 : MASK);
      uint64_t carry = lowest + m * MODULUS.at[0];
      if (last) {
        t[0] = carry;
#pragma clang loop unroll(full)
        for (int j = 1; j < LIMBS; j++) t[j] += a.at[i] * b.at[j] + m * MODULUS.at[j];
      } else {
        carry >>= BITS;
#pragma clang loop unroll(full)
        for (int j = 1; j < LIMBS; j++) {
          t[j - 1] = t[j] + a.at[i] * b.at[j] + m * MODULUS.at[j] + (j == 1 ? carry : 0);
        }
        t[LIMBS - 1] = 0;
      }
    }
    // Carries, then the words, 24 bits further down than the limbs.
#pragma clang loop unroll(full)
    for (int j = 0; j < LIMBS - 1; j++) {
      t[j + 1] += t[j] >> BITS;
      t[j] &= MASK;
    }
    result[0] = t[0] >> 24 | t[1] << 5 | t[2] << 34 | t[3] << 63;
    result[1] = t[3] >> 1 | t[4] << 28 | t[5] << 57;
    result[2] = t[5] >> 7 | t[6] << 22 | t[7] << 51;
    result[3] = t[7] >> 13 | t[8] << 16;
  }
};

}  // namespace plimsoll

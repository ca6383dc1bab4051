// SPDX-License-Identifier: GPL-3.0-or-later
/// Two field elements at a time in WebAssembly, by the fused multiply-add of relaxed SIMD (lanes-fma.h has the technique).
///
/// Relaxed SIMD leaves open whether the multiply-add is fused: `fused()` tells, and is the same for the life of a module.
#pragma once

/// Long and often used: inlined everywhere they make the functions so large that an engine takes more memory to compile them
/// than a proof of board-60 takes, for a tenth of the time.
#define PLIMSOLL_APART __attribute__((noinline))

#include "lanes-fma.h"

namespace plimsoll {

/// Two doubles or words: the vectors of WebAssembly.
struct Pairs {
  static constexpr int COUNT = 2;
  /// WebAssembly rounds to the nearest, always.
  using Mode = NoMode;
  using Doubles = double __attribute__((vector_size(16)));
  using Words = uint64_t __attribute__((vector_size(16)));
  using Signed = int64_t __attribute__((vector_size(16)));

  static PLIMSOLL_INLINE Doubles number(double value) { return Doubles{value, value}; }
  static PLIMSOLL_INLINE Doubles number(Words bits) { return (Doubles)bits; }
  static PLIMSOLL_INLINE Words integer(uint64_t value) { return Words{value, value}; }
  /// Of a table's entry.
  template <typename Table>
  static PLIMSOLL_INLINE const Table& table(const Table& constants) {
    return constants;
  }
  template <typename Repeated>
  static PLIMSOLL_INLINE Doubles number(const Repeated& entry) {
    return (Doubles)words(entry);
  }
  template <typename Repeated>
  static PLIMSOLL_INLINE Words words(const Repeated& entry) {
    return Words{entry.lanes[0], entry.lanes[1]};
  }
  static PLIMSOLL_INLINE Words bits(Doubles value) { return (Words)value; }
  static PLIMSOLL_INLINE Doubles fma(Doubles a, Doubles b, Doubles c) { return __builtin_wasm_relaxed_madd_f64x2(a, b, c); }

  /// All bits of a lane where they are equal; one bit for each such lane, and back.
  static PLIMSOLL_INLINE Words equal(Words a, Words b) { return (Words)(a == b); }
  static PLIMSOLL_INLINE uint32_t mask(Words chosen) { return uint32_t(chosen[0] & 1) | uint32_t(chosen[1] & 2); }
  static PLIMSOLL_INLINE Words chosen(uint32_t mask) { return Words{0 - uint64_t(mask & 1), 0 - uint64_t(mask >> 1 & 1)}; }

  /// The four words at each place, word by word, and back.
  static PLIMSOLL_INLINE void gather(const uint8_t* const at[COUNT], Words words[4]) {
    for (int half = 0; half < 2; half++) {
      Words a, b;
      __builtin_memcpy(&a, at[0] + 16 * half, 16);
      __builtin_memcpy(&b, at[1] + 16 * half, 16);
      words[2 * half] = __builtin_shufflevector(a, b, 0, 2);
      words[2 * half + 1] = __builtin_shufflevector(a, b, 1, 3);
    }
  }
  static PLIMSOLL_INLINE void scatter(const Words words[4], uint8_t* const at[COUNT]) {
    for (int half = 0; half < 2; half++) {
      const Words a = __builtin_shufflevector(words[2 * half], words[2 * half + 1], 0, 2);
      const Words b = __builtin_shufflevector(words[2 * half], words[2 * half + 1], 1, 3);
      __builtin_memcpy(at[0] + 16 * half, &a, 16);
      __builtin_memcpy(at[1] + 16 * half, &b, 16);
    }
  }

  /// 0 for a multiply-add that rounds twice.
  static bool fused() {
    volatile double a = 0x1p27 + 1;
    const Doubles square = fma(number(a), number(a), number(-0x1p54));
    return square[0] == 0x1p28 + 1;
  }
};

template <typename S>
using PairLanes = fused::Lanes<Pairs, S>;

}  // namespace plimsoll

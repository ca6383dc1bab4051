// SPDX-License-Identifier: GPL-3.0-or-later
/// Four field elements at a time in AVX2 registers, by their fused multiply-add (lanes-fma.h has the technique).
///
/// Only for a translation unit that is compiled for these instructions (avx2.cc), and that is entered only where they are.
#pragma once
#include <immintrin.h>

#ifndef PLIMSOLL_APART
#define PLIMSOLL_APART __attribute__((always_inline)) inline
#endif

#include "lanes-fma.h"

namespace plimsoll {

/// Four doubles or words.
struct Quads {
  static constexpr int COUNT = 4;
  /// Rounding to the nearest, and no traps for results that are not exact: the process may have set something else. Threads that are
  /// started meanwhile inherit it.
  class Mode {
   public:
    Mode() : before_(_mm_getcsr()) { _mm_setcsr(_MM_MASK_MASK | _MM_ROUND_NEAREST); }
    ~Mode() { _mm_setcsr(before_); }
    Mode(const Mode&) = delete;
    Mode& operator=(const Mode&) = delete;

   private:
    unsigned before_;
  };
  using Doubles = double __attribute__((vector_size(32)));
  using Words = uint64_t __attribute__((vector_size(32)));
  using Signed = int64_t __attribute__((vector_size(32)));

  static PLIMSOLL_INLINE Doubles number(double value) { return Doubles{value, value, value, value}; }
  static PLIMSOLL_INLINE Doubles number(Words bits) { return (Doubles)bits; }
  static PLIMSOLL_INLINE Words integer(uint64_t value) { return Words{value, value, value, value}; }
  /// Of a table's entry. Where the table is must be hidden: what GCC knows of its entries it makes again, with more instructions.
  template <typename Table>
  static PLIMSOLL_INLINE const Table& table(const Table& constants) {
    const Table* at = &constants;
    __asm__("" : "+r"(at));
    return *at;
  }
  template <typename Repeated>
  static PLIMSOLL_INLINE Doubles number(const Repeated& entry) {
    return (Doubles)_mm256_load_si256(reinterpret_cast<const __m256i*>(entry.lanes));
  }
  template <typename Repeated>
  static PLIMSOLL_INLINE Words words(const Repeated& entry) {
    return (Words)_mm256_load_si256(reinterpret_cast<const __m256i*>(entry.lanes));
  }
  static PLIMSOLL_INLINE Words bits(Doubles value) { return (Words)value; }
  static PLIMSOLL_INLINE Doubles fma(Doubles a, Doubles b, Doubles c) { return _mm256_fmadd_pd(a, b, c); }

  /// All bits of a lane where they are equal; one bit for each such lane, and back.
  static PLIMSOLL_INLINE Words equal(Words a, Words b) { return (Words)(a == b); }
  static PLIMSOLL_INLINE uint32_t mask(Words chosen) { return uint32_t(_mm256_movemask_pd((__m256d)chosen)); }
  static PLIMSOLL_INLINE Words chosen(uint32_t mask) {
    const Words lanes{1, 2, 4, 8};
    return (Words)((integer(mask) & lanes) == lanes);
  }

  /// The four words at each place, word by word, and back.
  static PLIMSOLL_INLINE void gather(const uint8_t* const at[COUNT], Words words[4]) {
    for (int half = 0; half < 2; half++) {
      const auto both = [&](int lane) {
        const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[lane] + 16 * half));
        const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[lane + 2] + 16 * half));
        return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
      };
      const __m256i even = both(0), odd = both(1);
      words[2 * half] = (Words)_mm256_unpacklo_epi64(even, odd);
      words[2 * half + 1] = (Words)_mm256_unpackhi_epi64(even, odd);
    }
  }
  static PLIMSOLL_INLINE void scatter(const Words words[4], uint8_t* const at[COUNT]) {
    for (int half = 0; half < 2; half++) {
      const __m256i low = (__m256i)words[2 * half], high = (__m256i)words[2 * half + 1];
      const __m256i even = _mm256_unpacklo_epi64(low, high), odd = _mm256_unpackhi_epi64(low, high);
      const auto put = [&](int lane, __m128i value) { _mm_storeu_si128(reinterpret_cast<__m128i*>(at[lane] + 16 * half), value); };
      put(0, _mm256_castsi256_si128(even));
      put(1, _mm256_castsi256_si128(odd));
      put(2, _mm256_extracti128_si256(even, 1));
      put(3, _mm256_extracti128_si256(odd, 1));
    }
  }
};

template <typename S>
using QuadLanes = fused::Lanes<Quads, S>;

}  // namespace plimsoll

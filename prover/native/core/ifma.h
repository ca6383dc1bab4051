// SPDX-License-Identifier: GPL-3.0-or-later
/// Eight elements of a prime field of BN254 side by side, in AVX-512 registers, multiplied by IFMA's 52-bit products.
///
/// Not standard here: limbs of 52 bits, Montgomery form with R = 2^260, and values that are reduced only when they must be.
/// With p below 2^254, six bits are spare:
///   tight   below 1.1 p: what `tight` gives; fits the 32 bytes of the memory form
///   product below 1.8 p: what `*` and `square` give for loose operands (a·b / R + p with a, b < 8 p); tight where a·b < 8.4 p²
///   loose   below 8 p: tight values or products, added or subtracted at most twice; good as operands of `*`
/// Limbs are always normalised (below 2^52), because IFMA reads no more of them.
///
/// Only for a translation unit that is compiled for these instructions (ifma.cc), and that is entered only where they are.
#pragma once
#include <immintrin.h>

#include "lanes.h"

// A vector that goes through memory on its way into a function costs as much as a multiplication by it.
#define PLIMSOLL_INLINE inline __attribute__((always_inline))

namespace plimsoll {

/// Lanes of field S (Fp or Fr). Loads and stores the memory form: 32 bytes, little-endian, R = 2^260, tight.
template <typename S>
struct EightLanes {
  static constexpr int COUNT = 8;
  using Element = S;
  using Mode = NoMode;
  __m512i limbs[5];

  PLIMSOLL_INLINE static EightLanes all(const S& element) {
    uint64_t form[4];
    toForm(element, form);
    EightLanes result;
    const __m512i words[4] = {_mm512_set1_epi64(static_cast<long long>(form[0])), _mm512_set1_epi64(static_cast<long long>(form[1])),
                              _mm512_set1_epi64(static_cast<long long>(form[2])), _mm512_set1_epi64(static_cast<long long>(form[3]))};
    result.split(words);
    return result;
  }
  PLIMSOLL_INLINE static EightLanes zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}; }

  /// One element from each of eight places.
  PLIMSOLL_INLINE static EightLanes load(const uint8_t* const at[COUNT]) {
    __m512i pairs[4];
    for (int k = 0; k < 4; k++) {
      pairs[k] = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[k]))),
                                    _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[k + 4])), 1);
    }
    __m512i words[4];
    transpose(pairs, words);
    EightLanes result;
    result.split(words);
    return result;
  }
  /// One element into all lanes.
  PLIMSOLL_INLINE static EightLanes spread(const uint8_t* at) {
    const __m512i both = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    const __m512i words[4] = {_mm512_permutex_epi64(both, 0x00), _mm512_permutex_epi64(both, 0x55), _mm512_permutex_epi64(both, 0xaa),
                              _mm512_permutex_epi64(both, 0xff)};
    EightLanes result;
    result.split(words);
    return result;
  }
  /// Eight elements that follow one another.
  PLIMSOLL_INLINE static EightLanes loadRun(const uint8_t* at) {
    const uint8_t* places[COUNT];
    for (int lane = 0; lane < COUNT; lane++) places[lane] = at + 32 * lane;
    return load(places);
  }
  /// Of a tight value.
  PLIMSOLL_INLINE void store(uint8_t* const at[COUNT]) const {
    __m512i words[4], pairs[4];
    join(words);
    transpose(words, pairs);
    for (int k = 0; k < 4; k++) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(at[k]), _mm512_castsi512_si256(pairs[k]));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(at[k + 4]), _mm512_extracti64x4_epi64(pairs[k], 1));
    }
  }
  PLIMSOLL_INLINE void storeRun(uint8_t* at) const {
    uint8_t* places[COUNT];
    for (int lane = 0; lane < COUNT; lane++) places[lane] = at + 32 * lane;
    store(places);
  }

  PLIMSOLL_INLINE EightLanes operator*(const EightLanes& other) const {
    __m512i t[6];
    const __m512i zero = _mm512_setzero_si512();
    for (auto& word : t) word = zero;
    for (int i = 0; i < 5; i++) {
      const __m512i b = other.limbs[i];
      t[0] = _mm512_madd52lo_epu64(t[0], limbs[0], b);
      const __m512i m = _mm512_madd52lo_epu64(zero, t[0], constant(NEGATED_INVERSE));
      for (int j = 1; j < 5; j++) t[j] = _mm512_madd52lo_epu64(t[j], limbs[j], b);
      for (int j = 0; j < 5; j++) t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], limbs[j], b);
      t[0] = _mm512_madd52lo_epu64(t[0], m, constant(MODULUS.limbs[0]));
      t[1] = _mm512_add_epi64(t[1], _mm512_srli_epi64(t[0], 52));
      for (int j = 1; j < 5; j++) t[j] = _mm512_madd52lo_epu64(t[j], m, constant(MODULUS.limbs[j]));
      for (int j = 0; j < 5; j++) t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], m, constant(MODULUS.limbs[j]));
      for (int j = 0; j < 5; j++) t[j] = t[j + 1];
      t[5] = zero;
    }
    return EightLanes{t[0], t[1], t[2], t[3], t[4]}.carried();
  }
  /// a·b + c·d, tight; where a·b + c·d is below 8.4 p².
  static PLIMSOLL_INLINE EightLanes twoProducts(const EightLanes& a, const EightLanes& b, const EightLanes& c, const EightLanes& d) {
    __m512i t[6];
    const __m512i zero = _mm512_setzero_si512();
    for (auto& word : t) word = zero;
    for (int i = 0; i < 5; i++) {
      for (int j = 0; j < 5; j++) t[j] = _mm512_madd52lo_epu64(_mm512_madd52lo_epu64(t[j], a.limbs[j], b.limbs[i]), c.limbs[j], d.limbs[i]);
      for (int j = 0; j < 5; j++) t[j + 1] = _mm512_madd52hi_epu64(_mm512_madd52hi_epu64(t[j + 1], a.limbs[j], b.limbs[i]), c.limbs[j], d.limbs[i]);
      const __m512i m = _mm512_madd52lo_epu64(zero, t[0], constant(NEGATED_INVERSE));
      t[0] = _mm512_madd52lo_epu64(t[0], m, constant(MODULUS.limbs[0]));
      t[1] = _mm512_add_epi64(t[1], _mm512_srli_epi64(t[0], 52));
      for (int j = 1; j < 5; j++) t[j] = _mm512_madd52lo_epu64(t[j], m, constant(MODULUS.limbs[j]));
      for (int j = 0; j < 5; j++) t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], m, constant(MODULUS.limbs[j]));
      for (int j = 0; j < 5; j++) t[j] = t[j + 1];
      t[5] = zero;
    }
    return EightLanes{t[0], t[1], t[2], t[3], t[4]}.carried();
  }
  PLIMSOLL_INLINE EightLanes square() const {
    // The ten cross products once and doubled, then the squares; then five steps of reduction.
    __m512i t[10];
    const __m512i zero = _mm512_setzero_si512();
    for (auto& word : t) word = zero;
    for (int i = 0; i < 4; i++) {
      for (int j = i + 1; j < 5; j++) {
        t[i + j] = _mm512_madd52lo_epu64(t[i + j], limbs[i], limbs[j]);
        t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], limbs[i], limbs[j]);
      }
    }
    for (int i = 1; i < 9; i++) t[i] = _mm512_add_epi64(t[i], t[i]);
    for (int i = 0; i < 5; i++) {
      t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], limbs[i], limbs[i]);
      t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], limbs[i], limbs[i]);
    }
    for (int i = 0; i < 5; i++) {
      const __m512i m = _mm512_madd52lo_epu64(zero, t[i], constant(NEGATED_INVERSE));
      t[i] = _mm512_madd52lo_epu64(t[i], m, constant(MODULUS.limbs[0]));
      t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64(t[i], 52));
      for (int j = 1; j < 5; j++) t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, constant(MODULUS.limbs[j]));
      for (int j = 0; j < 5; j++) t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, constant(MODULUS.limbs[j]));
    }
    return EightLanes{t[5], t[6], t[7], t[8], t[9]}.carried();
  }
  /// A constant that values are multiplied by, in limbs.
  struct Factor {
    uint64_t limbs[5];
  };
  static Factor factor(const S& element) {
    uint64_t w[4];
    toForm(element, w);
    return {{w[0] & MASK, (w[0] >> 52 | w[1] << 12) & MASK, (w[1] >> 40 | w[2] << 24) & MASK, (w[2] >> 28 | w[3] << 36) & MASK, w[3] >> 16}};
  }
  /// See `OneLane`; of a loose value below 7 p.
  EightLanes plus(const Factor& constant) const {
    EightLanes sum;
    for (int i = 0; i < 5; i++) sum.limbs[i] = _mm512_add_epi64(limbs[i], EightLanes::constant(constant.limbs[i]));
    return sum.carried().tight();
  }
  static constexpr bool PAIRED = false;
  /// Of values below 2.6 p: the addend and 2.7 p more.
  __attribute__((noinline)) static EightLanes dot(const Run<EightLanes>& first, const Run<EightLanes>& second, const EightLanes& addend,
                                                  const Factor& constant) {
    // At most ten products' halves of 52 bits for each of 22 products: below 2^60.
    __m512i t[10];
    for (auto& word : t) word = _mm512_setzero_si512();
    addProducts(first, t);
    addProducts(second, t);
    const __m512i zero = _mm512_setzero_si512();
    for (int i = 0; i < 5; i++) {
      const __m512i m = _mm512_madd52lo_epu64(zero, t[i], EightLanes::constant(NEGATED_INVERSE));
      t[i] = _mm512_madd52lo_epu64(t[i], m, EightLanes::constant(MODULUS.limbs[0]));
      t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64(t[i], 52));
      for (int j = 1; j < 5; j++) t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, EightLanes::constant(MODULUS.limbs[j]));
      for (int j = 0; j < 5; j++) t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, EightLanes::constant(MODULUS.limbs[j]));
    }
    EightLanes sum;
    for (int i = 0; i < 5; i++) {
      sum.limbs[i] = _mm512_add_epi64(_mm512_add_epi64(t[5 + i], addend.limbs[i]), EightLanes::constant(constant.limbs[i]));
    }
    return sum.carried();
  }
  PLIMSOLL_INLINE EightLanes operator+(const EightLanes& other) const {
    EightLanes sum;
    for (int i = 0; i < 5; i++) sum.limbs[i] = _mm512_add_epi64(limbs[i], other.limbs[i]);
    return sum.carried();
  }
  /// a − b + 2 p, where b is a tight value or a product: below a + 2 p.
  PLIMSOLL_INLINE EightLanes operator-(const EightLanes& other) const { return minus<2>(other); }
  /// a − b + K p, where b is below K p.
  template <int K>
  PLIMSOLL_INLINE EightLanes minus(const EightLanes& other) const {
    return raw(other, K).carried();
  }
  /// a − b, a − b − c and a − b − c − d, tight; of tight values or products.
  PLIMSOLL_INLINE EightLanes less(const EightLanes& b) const { return raw(b, 2).tight(); }
  PLIMSOLL_INLINE EightLanes less(const EightLanes& b, const EightLanes& c) const { return raw(b, 2).raw(c, 2).tight(); }
  PLIMSOLL_INLINE EightLanes less(const EightLanes& b, const EightLanes& c, const EightLanes& d) const { return raw(b, 2).raw(c, 2).raw(d, 2).tight(); }
  PLIMSOLL_INLINE EightLanes doubled() const { return *this + *this; }
  PLIMSOLL_INLINE EightLanes negate() const { return zero() - *this; }
  /// Negates the lanes of the mask; the others stay as they are. Of a tight value or a product; below 2 p.
  PLIMSOLL_INLINE EightLanes negateIf(uint32_t mask) const {
    EightLanes result;
    for (int i = 0; i < 5; i++)
      result.limbs[i] = _mm512_mask_sub_epi64(limbs[i], static_cast<__mmask8>(mask), constant(MULTIPLES[2].limbs[i]), limbs[i]);
    return result.carried();
  }

  /// The same elements below 1.1 p, from loose values, normalised or not.
  PLIMSOLL_INLINE EightLanes tight() const {
    // The quotient by p from the bits above 248, at most one too small: 84 / 2^12 is a little less than 2^248 / p.
    const __m512i top = _mm512_srli_epi64(limbs[4], 40);
    const __m512i quotient = _mm512_srli_epi64(_mm512_madd52lo_epu64(_mm512_setzero_si512(), top, constant(84)), 12);
    EightLanes result;
    for (int i = 0; i < 5; i++) {
      const __m512i multiples = _mm512_loadu_si512(MULTIPLES_BY_LIMB.limbs[i]);
      result.limbs[i] = _mm512_sub_epi64(limbs[i], _mm512_permutexvar_epi64(quotient, multiples));
    }
    return result.carried();
  }
  /// One bit for each lane that is zero modulo p, of a loose value.
  PLIMSOLL_INLINE uint32_t zeros() const {
    // Almost never is the lowest limb that of a multiple of p, so the rest is hardly ever looked at.
    __mmask8 candidates = 0;
    for (int k = 0; k < 8; k++) candidates |= _mm512_cmpeq_epi64_mask(limbs[0], constant(MULTIPLES[k].limbs[0]));
    if (candidates == 0) [[likely]] return 0;
    uint32_t result = 0;
    for (int k = 0; k < 8; k++) {
      __mmask8 same = candidates;
      for (int i = 0; i < 5; i++) same = _mm512_mask_cmpeq_epi64_mask(same, limbs[i], constant(MULTIPLES[k].limbs[i]));
      result |= same;
    }
    return result;
  }
  /// One bit for each lane whose limbs are all zero: loaded from 32 zero bytes.
  PLIMSOLL_INLINE uint32_t blanks() const {
    __m512i any = _mm512_or_si512(_mm512_or_si512(limbs[0], limbs[1]), _mm512_or_si512(limbs[2], limbs[3]));
    any = _mm512_or_si512(any, limbs[4]);
    return _mm512_testn_epi64_mask(any, any);
  }
  /// Lanes of `other` where the mask has a bit.
  PLIMSOLL_INLINE EightLanes with(uint32_t mask, const EightLanes& other) const {
    EightLanes result;
    for (int i = 0; i < 5; i++) result.limbs[i] = _mm512_mask_blend_epi64(static_cast<__mmask8>(mask), limbs[i], other.limbs[i]);
    return result;
  }

  /// The element of one lane.
  S at(int lane) const {
    alignas(64) uint64_t form[4][8];
    __m512i words[4];
    tight().join(words);
    for (int i = 0; i < 4; i++) _mm512_store_si512(form[i], words[i]);
    const uint64_t element[4] = {form[0][lane], form[1][lane], form[2][lane], form[3][lane]};
    return fromForm(element);
  }

  /// Brings elements from the form of zkey files (R = 2^256) to the memory form, in place. The buffer goes on to whole lanes.
  static void adopt(uint8_t* at, size_t elements) {
    const EightLanes factor = all(S::one().doubled().doubled().doubled().doubled());
    for (size_t i = 0; i < elements; i += COUNT) (loadRun(at + 32 * i) * factor).tight().storeRun(at + 32 * i);
  }

  /// And back, fully reduced.
  static void release(uint8_t* at, size_t elements) {
    const EightLanes factor = spread(reinterpret_cast<const uint8_t*>(S::one().limbs));
    for (size_t i = 0; i < elements; i += COUNT) (loadRun(at + 32 * i) * factor).tight().storeRun(at + 32 * i);
    for (size_t i = 0; i < elements; i++) {
      // Adding zero reduces.
      const S reduced = S::fromZkey(at + 32 * i) + S::zero();
      std::memcpy(at + 32 * i, reduced.limbs, 32);
    }
  }

  /// The memory form of one element, and back. Any 256-bit number of the memory form is good.
  static void toForm(const S& element, uint64_t form[4]) {
    const S scaled = element * FORM_OF_ONE;
    std::memcpy(form, scaled.limbs, 32);
  }
  static S fromForm(const uint64_t form[4]) {
    S scaled;
    std::memcpy(scaled.limbs, form, 32);
    return scaled * ELEMENT_OF_ONE;
  }

 private:
  struct Limbs {
    uint64_t limbs[5];
  };
  struct Table {
    uint64_t limbs[5][8];
  };
  static constexpr uint64_t MASK = (1ull << 52) - 1;

  /// k·p in limbs of 52 bits, k at most 8.
  static constexpr Limbs multiple(uint64_t k) {
    uint64_t words[5] = {};
    unsigned __int128 carry = 0;
    for (int i = 0; i < 4; i++) {
      carry += static_cast<unsigned __int128>(S::MODULUS[i]) * k;
      words[i] = static_cast<uint64_t>(carry);
      carry >>= 64;
    }
    words[4] = static_cast<uint64_t>(carry);
    return {{words[0] & MASK, (words[0] >> 52 | words[1] << 12) & MASK, (words[1] >> 40 | words[2] << 24) & MASK,
             (words[2] >> 28 | words[3] << 36) & MASK, words[3] >> 16 | words[4] << 48}};
  }
  static constexpr Limbs MODULUS = multiple(1);
  static constexpr Limbs MULTIPLES[8] = {multiple(0), multiple(1), multiple(2), multiple(3), multiple(4), multiple(5), multiple(6), multiple(7)};
  alignas(64) static constexpr Table MULTIPLES_BY_LIMB = [] {
    Table table{};
    for (int k = 0; k < 8; k++)
      for (int i = 0; i < 5; i++) table.limbs[i][k] = multiple(k).limbs[i];
    return table;
  }();
  /// −1 / p modulo 2^52.
  static constexpr uint64_t NEGATED_INVERSE = [] {
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++) inverse *= 2 - S::MODULUS[0] * inverse;
    return (0 - inverse) & MASK;
  }();
  /// Factors between the forms: elements have R = 2^256, so that their product with 2^260, as an integer, is in ours.
  static constexpr S FORM_OF_ONE = [] {
    S power = S::one();
    for (int i = 0; i < 4; i++) power = power + power;
    return power;
  }();
  static constexpr S ELEMENT_OF_ONE = [] {
    // 2^252 modulo p, as an integer.
    S power{{1, 0, 0, 0}};
    for (int i = 0; i < 252; i++) power = power + power;
    return power;
  }();

  PLIMSOLL_INLINE static __m512i constant(uint64_t value) { return _mm512_set1_epi64(static_cast<long long>(value)); }

  /// Adds products of limbs to ten columns.
  PLIMSOLL_INLINE static void addProducts(const Run<EightLanes>& run, __m512i (&t)[10]) {
    for (size_t n = 0; n < run.count; n++) {
      const __m512i* const a = run.values[n].limbs;
#pragma GCC unroll 5
      for (int i = 0; i < 5; i++) {
        const __m512i b = constant(run.factors[n].limbs[i]);
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++) t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[j], b);
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++) t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[j], b);
      }
    }
  }
  /// a − b + k p in limbs that are not normalised.
  PLIMSOLL_INLINE EightLanes raw(const EightLanes& b, int k) const {
    EightLanes difference;
    for (int i = 0; i < 5; i++)
      difference.limbs[i] = _mm512_add_epi64(_mm512_sub_epi64(limbs[i], b.limbs[i]), constant(MULTIPLES[k].limbs[i]));
    return difference;
  }
  /// Limbs below 2^52 again, from limbs that overflow or are negative (the whole is neither).
  PLIMSOLL_INLINE EightLanes carried() const {
    EightLanes result;
    const __m512i mask = constant(MASK);
    __m512i carry = _mm512_srai_epi64(limbs[0], 52);
    result.limbs[0] = _mm512_and_si512(limbs[0], mask);
    for (int i = 1; i < 4; i++) {
      const __m512i sum = _mm512_add_epi64(limbs[i], carry);
      carry = _mm512_srai_epi64(sum, 52);
      result.limbs[i] = _mm512_and_si512(sum, mask);
    }
    result.limbs[4] = _mm512_add_epi64(limbs[4], carry);
    return result;
  }
  PLIMSOLL_INLINE void split(const __m512i words[4]) {
    const __m512i mask = constant(MASK);
    limbs[0] = _mm512_and_si512(words[0], mask);
    limbs[1] = _mm512_and_si512(_mm512_shrdi_epi64(words[0], words[1], 52), mask);
    limbs[2] = _mm512_and_si512(_mm512_shrdi_epi64(words[1], words[2], 40), mask);
    limbs[3] = _mm512_and_si512(_mm512_shrdi_epi64(words[2], words[3], 28), mask);
    limbs[4] = _mm512_srli_epi64(words[3], 16);
  }
  PLIMSOLL_INLINE void join(__m512i words[4]) const {
    words[0] = _mm512_or_si512(limbs[0], _mm512_slli_epi64(limbs[1], 52));
    words[1] = _mm512_or_si512(_mm512_srli_epi64(limbs[1], 12), _mm512_slli_epi64(limbs[2], 40));
    words[2] = _mm512_or_si512(_mm512_srli_epi64(limbs[2], 24), _mm512_slli_epi64(limbs[3], 28));
    words[3] = _mm512_or_si512(_mm512_srli_epi64(limbs[3], 36), _mm512_slli_epi64(limbs[4], 16));
  }
  /// Four rows of lanes 0 to 3 | 4 to 7 to their four columns, and back: its own inverse.
  PLIMSOLL_INLINE static void transpose(const __m512i in[4], __m512i out[4]) {
    const __m512i low01 = _mm512_unpacklo_epi64(in[0], in[1]), high01 = _mm512_unpackhi_epi64(in[0], in[1]);
    const __m512i low23 = _mm512_unpacklo_epi64(in[2], in[3]), high23 = _mm512_unpackhi_epi64(in[2], in[3]);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    out[0] = _mm512_permutex2var_epi64(low01, first, low23);
    out[1] = _mm512_permutex2var_epi64(high01, first, high23);
    out[2] = _mm512_permutex2var_epi64(low01, second, low23);
    out[3] = _mm512_permutex2var_epi64(high01, second, high23);
  }
};

}  // namespace plimsoll

#undef PLIMSOLL_INLINE

// SPDX-License-Identifier: GPL-3.0-or-later
/// Two field elements at a time in WebAssembly, by the fused multiply-add of relaxed SIMD.
///
/// An element is five limbs of 51 bits, signed, kept in doubles. The high half of a product of two limbs is fma(a, b, 2^103·1.5),
/// rounded to a multiple of 2^51; the low half is fma(a, b, −high), exact. Offsets put both into the mantissas of doubles of known
/// exponent, so that their bits add up as integers. The technique is Niall Emmart's, and Gregor Mitscha-Baude's in WebAssembly.
///
/// It holds only where the multiply-add is fused, which relaxed SIMD leaves open: `fused()` tells, and is the same for the life of
/// a module.
///
/// Montgomery form has R = 2^255 here. In memory an element is 32 bytes, below 2^255; loading takes one modulus off and storing puts
/// it back, so that values are around zero.
///   tight   limbs of at most 2^50 in magnitude, a value of at most 1 modulus: what loading, `tight`, `*` and `square` give
///           (all but the first at most 0.51 moduli)
///   loose   sum or difference of two tight ones: good as operands of `*`, and of one more sum, which must be tight before `*`
#pragma once
#include <cstddef>
#include <cstdint>

#include "field.h"

namespace plimsoll {

namespace pairs {

using Doubles = double __attribute__((vector_size(16)));
using Words = uint64_t __attribute__((vector_size(16)));

#define PLIMSOLL_INLINE inline __attribute__((always_inline))
/// Long and often used: inlined everywhere they make the functions so large that an engine takes more memory to compile them
/// than a proof of board-60 takes, for a tenth of the time.
#define PLIMSOLL_APART __attribute__((noinline))

PLIMSOLL_INLINE Doubles both(double value) { return Doubles{value, value}; }
PLIMSOLL_INLINE Words both(uint64_t value) { return Words{value, value}; }
PLIMSOLL_INLINE Doubles fma(Doubles a, Doubles b, Doubles c) { return __builtin_wasm_relaxed_madd_f64x2(a, b, c); }

constexpr int LIMBS = 5, BITS = 51;
constexpr uint64_t MASK = (uint64_t(1) << BITS) - 1, HALF = uint64_t(1) << (BITS - 1);

// Offsets: sums with HIGH are rounded to multiples of 2^51, with LOW to integers. Their bits as integers.
constexpr double HIGH = 0x1.8p103, LOW = 0x1.8p52;
constexpr uint64_t HIGH_BITS = __builtin_bit_cast(uint64_t, HIGH), LOW_BITS = __builtin_bit_cast(uint64_t, LOW);
/// The exponent of 2^52, over 52 bits of an integer; and what such a double is more than a limb with HALF added.
constexpr uint64_t EXPONENT = 0x4330000000000000;
constexpr double EXCESS = 0x1p52 + 0x1p50;
/// Added to a column before its carry is taken: HALF rounds, and 2^60 keeps it positive, 2^9 too much in the next column.
constexpr uint64_t FIRST = (uint64_t(1) << 60) + HALF, NEXT = FIRST - (uint64_t(1) << 9);

/// 0 for a multiply-add that rounds twice.
inline bool fused() {
  volatile double a = 0x1p27 + 1;
  const Doubles square = fma(both(a), both(a), both(-0x1p54));
  return square[0] == 0x1p28 + 1;
}

/// What must be known of a modulus.
template <typename S>
struct Constants {
  struct Signed {
    double at[LIMBS];
  };
  /// Of an integer of 256 bits, modulo 2^255.
  static constexpr Signed split(const uint64_t (&words)[4]) {
    Signed limbs{};
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
      const int word = i * BITS / 64, shift = i * BITS % 64;
      uint64_t bits = words[word] >> shift;
      if (shift > 64 - BITS && word < 3) bits |= words[word + 1] << (64 - shift);
      bits = (bits & MASK) + carry;
      carry = bits >= HALF ? 1 : 0;
      limbs.at[i] = double(bits) - (carry ? 0x1p51 : 0.0);
    }
    return limbs;
  }
  static constexpr Signed MODULUS = split(S::MODULUS);
  /// −1 / modulus modulo 2^255, bit by bit: adds multiples of the modulus until all bits of 1 + x·modulus are 0.
  static constexpr Signed NEGATED_INVERSE = [] {
    uint64_t inverse[4] = {}, sum[4] = {1, 0, 0, 0};
    for (int bit = 0; bit < 256; bit++) {
      if ((sum[bit / 64] >> (bit % 64) & 1) == 0) continue;
      inverse[bit / 64] |= uint64_t(1) << (bit % 64);
      uint64_t carry = 0;
      for (int word = bit / 64, i = 0; word < 4; word++, i++) {
        const int shift = bit % 64;
        const uint64_t add = S::MODULUS[i] << shift | (i > 0 && shift > 0 ? S::MODULUS[i - 1] >> (64 - shift) : 0);
        const unsigned __int128 step = static_cast<unsigned __int128>(sum[word]) + add + carry;
        sum[word] = static_cast<uint64_t>(step);
        carry = static_cast<uint64_t>(step >> 64);
      }
    }
    return split(inverse);
  }();
  static constexpr double PER_TOP = 1 / MODULUS.at[LIMBS - 1];
};

/// The columns of a product before reduction: column k counts 2^(51·k).
struct Columns {
  Words at[2 * LIMBS];
};

/// How many products of limbs end in a column with their low half; with their high half one fewer column down.
constexpr uint64_t lows(int column) { return column >= 2 * LIMBS - 1 ? 0 : column < LIMBS ? uint64_t(column) + 1 : uint64_t(2 * LIMBS - 1 - column); }
constexpr uint64_t highs(int column) { return column == 0 ? 0 : lows(column - 1); }

/// `products` full products will be added to it.
PLIMSOLL_INLINE Columns columns(uint64_t products) {
  Columns sum;
  for (int k = 0; k < 2 * LIMBS; k++) {
    // Offsets out, and what the carries of the lower half want in.
    const uint64_t carry = k == 0 ? FIRST : k < LIMBS ? NEXT : k == LIMBS ? 0 - (uint64_t(1) << 9) : 0;
    sum.at[k] = both(carry - products * (lows(k) * LOW_BITS + highs(k) * HIGH_BITS));
  }
  return sum;
}

PLIMSOLL_INLINE void addProduct(Columns& sum, const Doubles a[LIMBS], const Doubles b[LIMBS]) {
  const Doubles high = both(HIGH), offsets = both(HIGH + LOW);
#pragma clang loop unroll(full)
  for (int i = 0; i < LIMBS; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < LIMBS; j++) {
      const Doubles upper = fma(a[i], b[j], high);
      const Doubles lower = fma(a[i], b[j], offsets - upper);
      sum.at[i + j] += (Words)lower;
      sum.at[i + j + 1] += (Words)upper;
    }
  }
}

PLIMSOLL_INLINE void addSquare(Columns& sum, const Doubles a[LIMBS]) {
  const Doubles high = both(HIGH), offsets = both(HIGH + LOW);
  Words twice[2 * LIMBS] = {};
#pragma clang loop unroll(full)
  for (int i = 0; i < LIMBS; i++) {
#pragma clang loop unroll(full)
    for (int j = i; j < LIMBS; j++) {
      const Doubles upper = fma(a[i], a[j], high);
      const Doubles lower = fma(a[i], a[j], offsets - upper);
      Words* columns = i == j ? sum.at : twice;
      columns[i + j] += (Words)lower;
      columns[i + j + 1] += (Words)upper;
    }
  }
#pragma clang loop unroll(full)
  for (int k = 1; k < 2 * LIMBS - 1; k++) sum.at[k] += twice[k] + twice[k];
}

/// A limb with HALF added, and more above it, as a double without them.
PLIMSOLL_INLINE Doubles limbOf(Words column) { return (Doubles)((column & both(MASK)) | both(EXPONENT)) - both(EXCESS); }

/// The sum divided by 2^255, modulo the modulus; the sum is at most 5.2 moduli squared.
template <typename S>
PLIMSOLL_INLINE void reduce(Columns& sum, Doubles limbs[LIMBS]) {
  using Modulus = Constants<S>;
  const Doubles high = both(HIGH), offsets = both(HIGH + LOW);

  // 1. Carries of the lower half.
  Doubles lower[LIMBS];
  Words column = sum.at[0], last;
#pragma clang loop unroll(full)
  for (int k = 0; k < LIMBS; k++) {
    lower[k] = limbOf(column);
    if (k == LIMBS - 1) last = column & both(MASK);
    column = sum.at[k + 1] + (column >> BITS);
  }
  sum.at[LIMBS] = column;

  // 2. The multiple of the modulus that makes it vanish, modulo 2^255.
  Words multiple[LIMBS];
#pragma clang loop unroll(full)
  for (int k = 0; k < LIMBS; k++) multiple[k] = both((k == 0 ? FIRST : NEXT) - lows(k) * LOW_BITS - highs(k) * HIGH_BITS);
#pragma clang loop unroll(full)
  for (int i = 0; i < LIMBS; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; i + j < LIMBS; j++) {
      const Doubles factor = both(Modulus::NEGATED_INVERSE.at[j]);
      const Doubles upper = fma(lower[i], factor, high);
      multiple[i + j] += (Words)fma(lower[i], factor, offsets - upper);
      if (i + j + 1 < LIMBS) multiple[i + j + 1] += (Words)upper;
    }
  }

  // 3. Adds it, as far as it is seen: the lower half becomes a multiple of 2^255 that its highest column tells, rounded.
  last += both((uint64_t(1) << 60) - lows(4) * LOW_BITS - highs(4) * HIGH_BITS);
#pragma clang loop unroll(full)
  for (int k = LIMBS; k < 2 * LIMBS; k++) sum.at[k] += both(0 - lows(k) * LOW_BITS - highs(k) * HIGH_BITS);
  column = multiple[0];
#pragma clang loop unroll(full)
  for (int i = 0; i < LIMBS; i++) {
    const Doubles limb = limbOf(column);
    if (i < LIMBS - 1) column = multiple[i + 1] + (column >> BITS);
#pragma clang loop unroll(full)
    for (int j = LIMBS - 2 - i < 0 ? 0 : LIMBS - 2 - i; j < LIMBS; j++) {
      const Doubles factor = both(Modulus::MODULUS.at[j]);
      const Doubles upper = fma(limb, factor, high);
      if (i + j == LIMBS - 2) {
        last += (Words)upper;
        continue;
      }
      const Words low = (Words)fma(limb, factor, offsets - upper);
      if (i + j == LIMBS - 1) {
        last += low;
      } else {
        sum.at[i + j] += low;
      }
      sum.at[i + j + 1] += (Words)upper;
    }
  }
  sum.at[LIMBS] += (last >> BITS) - both(uint64_t(1) << 9);

  // 4. To half a modulus: at most two moduli away. Their limbs are below 2^50.
  Words* result = sum.at + LIMBS;
  const Doubles top = (Doubles)(result[LIMBS - 1] + both(LOW_BITS)) - both(LOW);
  const Doubles excess = fma(top, both(-Modulus::PER_TOP), both(LOW)) - both(LOW);
#pragma clang loop unroll(full)
  for (int k = 0; k < LIMBS; k++) result[k] += (Words)fma(excess, both(Modulus::MODULUS.at[k]), both(LOW));

  // 5. Carries.
  column = result[0] + both(FIRST - LOW_BITS);
#pragma clang loop unroll(full)
  for (int k = 0; k < LIMBS - 1; k++) {
    limbs[k] = limbOf(column);
    column = result[k + 1] + (column >> BITS) + (k == LIMBS - 2 ? both(0 - (uint64_t(1) << 9)) : both(NEXT - LOW_BITS));
  }
  limbs[LIMBS - 1] = (Doubles)column - both(LOW);
}

template <typename S>
struct Lanes {
  static constexpr int COUNT = 2;
  using Element = S;
  using Modulus = Constants<S>;

  Doubles limbs[LIMBS];

  static Lanes all(const S& element) {
    uint64_t form[4];
    toForm(element, form);
    return spread(reinterpret_cast<const uint8_t*>(form));
  }
  static PLIMSOLL_INLINE Lanes zero() { return {both(0.0), both(0.0), both(0.0), both(0.0), both(0.0)}; }

  static PLIMSOLL_APART Lanes load(const uint8_t* const at[COUNT]) {
    Words a0, a1, b0, b1;
    __builtin_memcpy(&a0, at[0], 16);
    __builtin_memcpy(&a1, at[0] + 16, 16);
    __builtin_memcpy(&b0, at[1], 16);
    __builtin_memcpy(&b1, at[1] + 16, 16);
    return split(__builtin_shufflevector(a0, b0, 0, 2), __builtin_shufflevector(a0, b0, 1, 3),
                 __builtin_shufflevector(a1, b1, 0, 2), __builtin_shufflevector(a1, b1, 1, 3));
  }
  static PLIMSOLL_INLINE Lanes loadRun(const uint8_t* at) {
    const uint8_t* const places[COUNT] = {at, at + 32};
    return load(places);
  }
  static PLIMSOLL_INLINE Lanes spread(const uint8_t* at) {
    const uint8_t* const places[COUNT] = {at, at};
    return load(places);
  }
  /// Of a tight value.
  PLIMSOLL_APART void store(uint8_t* const at[COUNT]) const {
    // As integers, one modulus more, carried; 2^60 keeps columns positive.
    Words l[LIMBS], carry = both(uint64_t(0));
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS; k++) {
      const uint64_t add = uint64_t(int64_t(Modulus::MODULUS.at[k])) - LOW_BITS;
      const uint64_t positive = (k == LIMBS - 1 ? 0 : uint64_t(1) << 60) - (k == 0 ? 0 : uint64_t(1) << 9);
      const Words column = (Words)(limbs[k] + both(LOW)) + both(add + positive) + carry;
      l[k] = column & both(MASK);
      carry = column >> BITS;
    }
    const Words w0 = l[0] | l[1] << 51, w1 = l[1] >> 13 | l[2] << 38, w2 = l[2] >> 26 | l[3] << 25, w3 = l[3] >> 39 | l[4] << 12;
    const Words a0 = __builtin_shufflevector(w0, w1, 0, 2), b0 = __builtin_shufflevector(w0, w1, 1, 3);
    const Words a1 = __builtin_shufflevector(w2, w3, 0, 2), b1 = __builtin_shufflevector(w2, w3, 1, 3);
    __builtin_memcpy(at[0], &a0, 16);
    __builtin_memcpy(at[0] + 16, &a1, 16);
    __builtin_memcpy(at[1], &b0, 16);
    __builtin_memcpy(at[1] + 16, &b1, 16);
  }
  PLIMSOLL_INLINE void storeRun(uint8_t* at) const {
    uint8_t* const places[COUNT] = {at, at + 32};
    store(places);
  }

  PLIMSOLL_APART Lanes operator*(const Lanes& other) const {
    Columns sum = columns(1);
    addProduct(sum, limbs, other.limbs);
    return reduced(sum);
  }
  PLIMSOLL_APART Lanes square() const {
    Columns sum = columns(1);
    addSquare(sum, limbs);
    return reduced(sum);
  }
  PLIMSOLL_INLINE Lanes operator+(const Lanes& other) const {
    Lanes sum;
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS; k++) sum.limbs[k] = limbs[k] + other.limbs[k];
    return sum;
  }
  PLIMSOLL_INLINE Lanes operator-(const Lanes& other) const {
    Lanes difference;
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS; k++) difference.limbs[k] = limbs[k] - other.limbs[k];
    return difference;
  }
  /// Values have signs here: there is no bound that `b` might exceed.
  template <int>
  PLIMSOLL_INLINE Lanes minus(const Lanes& b) const {
    return *this - b;
  }
  /// a − b, a − b − c and a − b − c − d, tight; of tight values.
  PLIMSOLL_INLINE Lanes less(const Lanes& b) const { return (*this - b).tight(); }
  PLIMSOLL_INLINE Lanes less(const Lanes& b, const Lanes& c) const { return (*this - b - c).tight(); }
  PLIMSOLL_INLINE Lanes less(const Lanes& b, const Lanes& c, const Lanes& d) const { return (*this - b - c - d).tight(); }
  PLIMSOLL_INLINE Lanes doubled() const { return *this + *this; }
  PLIMSOLL_INLINE Lanes negate() const { return negateIf((1 << COUNT) - 1); }
  /// Negates the lanes of the mask. Tight, if this is.
  PLIMSOLL_INLINE Lanes negateIf(uint32_t mask) const {
    const Words signs = {uint64_t(mask & 1) << 63, uint64_t(mask >> 1 & 1) << 63};
    Lanes negated;
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS; k++) negated.limbs[k] = (Doubles)((Words)limbs[k] ^ signs);
    return negated;
  }
  /// Lanes of `other` where the mask has a bit.
  PLIMSOLL_INLINE Lanes with(uint32_t mask, const Lanes& other) const {
    const Words chosen = {0 - uint64_t(mask & 1), 0 - uint64_t(mask >> 1 & 1)};
    Lanes result;
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS; k++) result.limbs[k] = (Doubles)(((Words)limbs[k] & ~chosen) | ((Words)other.limbs[k] & chosen));
    return result;
  }

  /// The same elements, at most 0.51 moduli; from up to four tight ones added up.
  PLIMSOLL_APART Lanes tight() const {
    const Doubles excess = fma(limbs[LIMBS - 1], both(-Modulus::PER_TOP), both(LOW)) - both(LOW);
    Lanes result;
    Doubles carry = both(0.0);
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS - 1; k++) {
      const Doubles limb = fma(excess, both(Modulus::MODULUS.at[k]), limbs[k]) + carry;
      const Doubles over = (limb + both(HIGH)) - both(HIGH);
      result.limbs[k] = limb - over;
      carry = over * both(0x1p-51);
    }
    result.limbs[LIMBS - 1] = fma(excess, both(Modulus::MODULUS.at[LIMBS - 1]), limbs[LIMBS - 1]) + carry;
    return result;
  }
  /// One bit for each lane that is zero modulo the modulus.
  PLIMSOLL_INLINE uint32_t zeros() const {
    // Below one modulus, zero is the only multiple, and its limbs are all zero; of either sign.
    const Lanes value = tight();
    Words bits = {};
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS; k++) bits |= (Words)value.limbs[k] << 1;
    return uint32_t(bits[0] == 0) | uint32_t(bits[1] == 0) << 1;
  }
  /// One bit for each lane that was loaded from 32 zero bytes, and so is the modulus below zero.
  PLIMSOLL_INLINE uint32_t blanks() const {
    Words bits = {};
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS; k++) bits |= (Words)limbs[k] ^ (Words)both(-Modulus::MODULUS.at[k]);
    return uint32_t(bits[0] == 0) | uint32_t(bits[1] == 0) << 1;
  }

  S at(int lane) const {
    uint8_t forms[32 * COUNT];
    tight().storeRun(forms);
    uint64_t form[4];
    std::memcpy(form, forms + 32 * lane, 32);
    return fromForm(form);
  }

  /// Brings elements from the form of zkey files (R = 2^256) to the memory form, in place. The buffer goes on to whole lanes.
  static void adopt(uint8_t* at, size_t elements) {
    const Lanes half = all(S::one().doubled().inverse());
    for (size_t i = 0; i < elements; i += COUNT) (loadRun(at + 32 * i) * half).storeRun(at + 32 * i);
  }
  /// And back, fully reduced.
  static void release(uint8_t* at, size_t elements) {
    const Lanes two = all(S::one().doubled());
    for (size_t i = 0; i < elements; i += COUNT) (loadRun(at + 32 * i) * two).storeRun(at + 32 * i);
    for (size_t i = 0; i < elements; i++) {
      // Below two moduli; adding zero reduces.
      const S reduced = S::fromZkey(at + 32 * i) + S::zero();
      std::memcpy(at + 32 * i, reduced.limbs, 32);
    }
  }

  /// The memory form of one element, and back. Any number below 2^255 is good as a memory form.
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
  static constexpr S powerOfTwo(int exponent) {
    S power{{1, 0, 0, 0}};
    for (int i = 0; i < exponent; i++) power = power + power;
    return power;
  }
  /// Factors between the forms, as integers: from R = 2^256 to 2^255, in products that divide by 2^256.
  static constexpr S FORM_OF_ONE = powerOfTwo(255), ELEMENT_OF_ONE = powerOfTwo(257);

  static PLIMSOLL_INLINE Lanes reduced(Columns& sum) {
    Lanes result;
    reduce<S>(sum, result.limbs);
    return result;
  }
  /// From four words of each lane, less one modulus.
  static PLIMSOLL_INLINE Lanes split(Words w0, Words w1, Words w2, Words w3) {
    const Words mask = both(MASK);
    const Words l[LIMBS] = {w0 & mask, (w0 >> 51 | w1 << 13) & mask, (w1 >> 38 | w2 << 26) & mask, (w2 >> 25 | w3 << 39) & mask,
                            w3 >> 12};
    Lanes result;
    Words carry = both(uint64_t(0));
#pragma clang loop unroll(full)
    for (int k = 0; k < LIMBS - 1; k++) {
      const Words column = l[k] + both((k == 0 ? FIRST : NEXT) - uint64_t(int64_t(Modulus::MODULUS.at[k]))) + carry;
      result.limbs[k] = limbOf(column);
      carry = column >> BITS;
    }
    const uint64_t top = LOW_BITS - (uint64_t(1) << 9) - uint64_t(int64_t(Modulus::MODULUS.at[LIMBS - 1]));
    result.limbs[LIMBS - 1] = (Doubles)(l[LIMBS - 1] + both(top) + carry) - both(LOW);
    return result;
  }
};

}  // namespace pairs

}  // namespace plimsoll

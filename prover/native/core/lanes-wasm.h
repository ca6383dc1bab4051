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
/// Limbs of a *tight* element are at most 2^50 in magnitude (the highest at most 2^49), and its value at most 0.51 moduli. Sum and
/// difference of two tight ones are loose: operands of a product, or of one further sum, which must be made tight before it is
/// multiplied. A negated one is loose too. What a product gives is tight, and only what is tight may be stored.
///
/// Montgomery form has R = 2^255 here. In memory an element is 32 bytes: its value plus 2^50 at each limb, which makes it positive
/// and its limbs readable by shifts.
#pragma once
#include <cstddef>
#include <cstdint>

#include "field.h"

namespace plimsoll {

namespace pairs {

using Doubles = double __attribute__((vector_size(16)));
using Words = uint64_t __attribute__((vector_size(16)));

#define PLIMSOLL_INLINE inline __attribute__((always_inline))

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

struct Limbs {
  Doubles at[LIMBS];
};

/// What must be known of a modulus.
template <typename Parameters>
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
  static constexpr Signed MODULUS = split(Parameters::MODULUS);
  /// −1 / modulus modulo 2^255, bit by bit: adds multiples of the modulus until all bits of 1 + x·modulus are 0.
  static constexpr Signed NEGATED_INVERSE = [] {
    uint64_t inverse[4] = {}, sum[4] = {1, 0, 0, 0};
    for (int bit = 0; bit < 256; bit++) {
      if ((sum[bit / 64] >> (bit % 64) & 1) == 0) continue;
      inverse[bit / 64] |= uint64_t(1) << (bit % 64);
      uint64_t carry = 0;
      for (int word = bit / 64, i = 0; word < 4; word++, i++) {
        const int shift = bit % 64;
        const uint64_t add = Parameters::MODULUS[i] << shift | (i > 0 && shift > 0 ? Parameters::MODULUS[i - 1] >> (64 - shift) : 0);
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

PLIMSOLL_INLINE void addProduct(Columns& sum, const Limbs& a, const Limbs& b) {
  const Doubles high = both(HIGH), offsets = both(HIGH + LOW);
#pragma clang loop unroll(full)
  for (int i = 0; i < LIMBS; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < LIMBS; j++) {
      const Doubles upper = fma(a.at[i], b.at[j], high);
      const Doubles lower = fma(a.at[i], b.at[j], offsets - upper);
      sum.at[i + j] += (Words)lower;
      sum.at[i + j + 1] += (Words)upper;
    }
  }
}

PLIMSOLL_INLINE void addSquare(Columns& sum, const Limbs& a) {
  const Doubles high = both(HIGH), offsets = both(HIGH + LOW);
  Words twice[2 * LIMBS] = {};
#pragma clang loop unroll(full)
  for (int i = 0; i < LIMBS; i++) {
#pragma clang loop unroll(full)
    for (int j = i; j < LIMBS; j++) {
      const Doubles upper = fma(a.at[i], a.at[j], high);
      const Doubles lower = fma(a.at[i], a.at[j], offsets - upper);
      Words* columns = i == j ? sum.at : twice;
      columns[i + j] += (Words)lower;
      columns[i + j + 1] += (Words)upper;
    }
  }
#pragma clang loop unroll(full)
  for (int k = 1; k < 2 * LIMBS - 1; k++) sum.at[k] += twice[k] + twice[k];
}

/// A limb with HALF added, as a double without it.
PLIMSOLL_INLINE Doubles limbOf(Words column) { return (Doubles)((column & both(MASK)) | both(EXPONENT)) - both(EXCESS); }

/// The sum divided by 2^255, modulo the modulus; the sum is at most 5.2 moduli squared.
template <typename Parameters>
PLIMSOLL_INLINE Limbs reduce(Columns& sum) {
  using Modulus = Constants<Parameters>;
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
  Limbs limbs;
  column = result[0] + both(FIRST - LOW_BITS);
#pragma clang loop unroll(full)
  for (int k = 0; k < LIMBS - 1; k++) {
    limbs.at[k] = limbOf(column);
    column = result[k + 1] + (column >> BITS) + (k == LIMBS - 2 ? both(0 - (uint64_t(1) << 9)) : both(NEXT - LOW_BITS));
  }
  limbs.at[LIMBS - 1] = (Doubles)column - both(LOW);
  return limbs;
}

}  // namespace pairs

template <typename S>
struct Lanes;

template <typename Parameters>
struct Lanes<PrimeField<Parameters>> {
  using Scalar = PrimeField<Parameters>;
  using Modulus = pairs::Constants<Parameters>;
  static constexpr int COUNT = 2;
  static constexpr size_t BYTES = 32;

  pairs::Limbs limbs;

  /// From the key's form to the one that `load` reads: the value halved, and the offsets added.
  static void import(const uint8_t zkey[BYTES], uint8_t out[BYTES]) {
    uint8_t again[BYTES];
    uint8_t* const at[COUNT] = {out, again};
    all(Scalar::fromZkey(zkey)).store(at);
  }

  static PLIMSOLL_INLINE Lanes load(const uint8_t* const at[COUNT]) {
    using pairs::both;
    using pairs::Words;
    // Four words of each of the two, turned into four pairs.
    Words a0, a1, b0, b1;
    __builtin_memcpy(&a0, at[0], 16);
    __builtin_memcpy(&a1, at[0] + 16, 16);
    __builtin_memcpy(&b0, at[1], 16);
    __builtin_memcpy(&b1, at[1] + 16, 16);
    const Words w0 = __builtin_shufflevector(a0, b0, 0, 2), w1 = __builtin_shufflevector(a0, b0, 1, 3);
    const Words w2 = __builtin_shufflevector(a1, b1, 0, 2), w3 = __builtin_shufflevector(a1, b1, 1, 3);
    return {{{pairs::limbOf(w0), pairs::limbOf(w0 >> 51 | w1 << 13), pairs::limbOf(w1 >> 38 | w2 << 26),
              pairs::limbOf(w2 >> 25 | w3 << 39), (pairs::Doubles)(w3 >> 12 | both(pairs::EXPONENT)) - both(pairs::EXCESS)}}};
  }

  /// The value must be tight.
  PLIMSOLL_INLINE void store(uint8_t* const at[COUNT]) const {
    using pairs::both;
    using pairs::Words;
    // As integers, with HALF added: 51 bits.
    Words l[pairs::LIMBS];
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) l[k] = (Words)(limbs.at[k] + both(pairs::EXCESS)) ^ both(pairs::EXPONENT);
    const Words w0 = l[0] | l[1] << 51, w1 = l[1] >> 13 | l[2] << 38, w2 = l[2] >> 26 | l[3] << 25, w3 = l[3] >> 39 | l[4] << 12;
    const Words a0 = __builtin_shufflevector(w0, w1, 0, 2), b0 = __builtin_shufflevector(w0, w1, 1, 3);
    const Words a1 = __builtin_shufflevector(w2, w3, 0, 2), b1 = __builtin_shufflevector(w2, w3, 1, 3);
    __builtin_memcpy(at[0], &a0, 16);
    __builtin_memcpy(at[0] + 16, &a1, 16);
    __builtin_memcpy(at[1], &b0, 16);
    __builtin_memcpy(at[1] + 16, &b1, 16);
  }

  static PLIMSOLL_INLINE Lanes all(const Scalar& value) {
    Lanes lanes;
    for (int lane = 0; lane < COUNT; lane++) lanes.set(lane, value);
    return lanes;
  }

  PLIMSOLL_INLINE Lanes operator*(const Lanes& other) const {
    pairs::Columns sum = pairs::columns(1);
    pairs::addProduct(sum, limbs, other.limbs);
    return {pairs::reduce<Parameters>(sum)};
  }
  PLIMSOLL_INLINE Lanes square() const {
    pairs::Columns sum = pairs::columns(1);
    pairs::addSquare(sum, limbs);
    return {pairs::reduce<Parameters>(sum)};
  }
  PLIMSOLL_INLINE Lanes operator+(const Lanes& other) const {
    Lanes sum;
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) sum.limbs.at[k] = limbs.at[k] + other.limbs.at[k];
    return sum;
  }
  PLIMSOLL_INLINE Lanes operator-(const Lanes& other) const {
    Lanes difference;
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) difference.limbs.at[k] = limbs.at[k] - other.limbs.at[k];
    return difference;
  }
  PLIMSOLL_INLINE Lanes negate() const {
    Lanes negated;
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) negated.limbs.at[k] = -limbs.at[k];
    return negated;
  }
  /// Negates the lanes whose bit is set.
  PLIMSOLL_INLINE Lanes negateIf(uint32_t mask) const {
    const pairs::Words signs = {uint64_t(mask & 1) << 63, uint64_t(mask >> 1 & 1) << 63};
    Lanes negated;
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) negated.limbs.at[k] = (pairs::Doubles)((pairs::Words)limbs.at[k] ^ signs);
    return negated;
  }
  /// `a` in the lanes whose bit is set, `b` in the others.
  static PLIMSOLL_INLINE Lanes select(uint32_t mask, const Lanes& a, const Lanes& b) {
    const pairs::Words chosen = {0 - uint64_t(mask & 1), 0 - uint64_t(mask >> 1 & 1)};
    Lanes result;
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) {
      result.limbs.at[k] = (pairs::Doubles)(((pairs::Words)a.limbs.at[k] & chosen) | ((pairs::Words)b.limbs.at[k] & ~chosen));
    }
    return result;
  }

  /// The same value, tight; from up to three tight ones added up.
  PLIMSOLL_INLINE Lanes tight() const {
    using pairs::both;
    const pairs::Doubles excess =
        pairs::fma(limbs.at[pairs::LIMBS - 1], both(-Modulus::PER_TOP), both(pairs::LOW)) - both(pairs::LOW);
    Lanes result;
    pairs::Doubles carry = both(0.0);
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) {
      const pairs::Doubles limb = pairs::fma(excess, both(Modulus::MODULUS.at[k]), limbs.at[k]) + carry;
      if (k == pairs::LIMBS - 1) {
        result.limbs.at[k] = limb;
      } else {
        // The half breaks ties upwards: limbs from −2^50 to 2^50 − 1, as `store` wants them.
        const pairs::Doubles over = ((limb + both(0.5)) + both(pairs::HIGH)) - both(pairs::HIGH);
        result.limbs.at[k] = limb - over;
        carry = over * both(0x1p-51);
      }
    }
    return result;
  }
  /// A bit for each lane that is a multiple of the modulus.
  PLIMSOLL_INLINE uint32_t zeros() const {
    const Lanes value = tight();
    pairs::Words bits = {};
#pragma clang loop unroll(full)
    for (int k = 0; k < pairs::LIMBS; k++) bits |= (pairs::Words)value.limbs.at[k] << 1;
    return uint32_t(bits[0] == 0) | uint32_t(bits[1] == 0) << 1;
  }

  Scalar at(int lane) const {
    // Tight plus one modulus is positive and below two.
    const Lanes value = tight();
    int64_t carry = 0;
    uint64_t words[4] = {};
    for (int k = 0; k < pairs::LIMBS; k++) {
      const int64_t limb = int64_t(value.limbs.at[k][lane]) + int64_t(Modulus::MODULUS.at[k]) + carry;
      const uint64_t bits = uint64_t(limb) & pairs::MASK;
      carry = limb >> pairs::BITS;
      const int word = k * pairs::BITS / 64, shift = k * pairs::BITS % 64;
      words[word] |= bits << shift;
      if (shift > 64 - pairs::BITS && word < 3) words[word + 1] |= bits >> (64 - shift);
    }
    // Adding zero brings it below the modulus.
    return (Scalar{{words[0], words[1], words[2], words[3]}} + Scalar::zero()).doubled();
  }
  void set(int lane, const Scalar& value) {
    // Halved: an odd one with the modulus added first.
    uint64_t words[5] = {};
    const uint64_t odd = 0 - (value.limbs[0] & 1);
    unsigned __int128 carry = 0;
    for (int k = 0; k < 4; k++) {
      carry += static_cast<unsigned __int128>(value.limbs[k]) + (Parameters::MODULUS[k] & odd);
      words[k] = uint64_t(carry);
      carry >>= 64;
    }
    for (int k = 0; k < 4; k++) words[k] = words[k] >> 1 | words[k + 1] << 63;
    const auto split = Modulus::split({words[0], words[1], words[2], words[3]});
    Lanes half;
    for (int k = 0; k < pairs::LIMBS; k++) half.limbs.at[k] = pairs::both(split.at[k]);
    half = half.tight();
    for (int k = 0; k < pairs::LIMBS; k++) limbs.at[k][lane] = half.limbs.at[k][lane];
  }
};

/// a + b·u. One reduction for each of the two parts of a product.
template <>
struct Lanes<Fp2> {
  using Scalar = Fp2;
  using Part = Lanes<Fp>;
  static constexpr int COUNT = Part::COUNT;
  static constexpr size_t BYTES = 2 * Part::BYTES;

  Part a, b;

  static void import(const uint8_t zkey[BYTES], uint8_t out[BYTES]) {
    Part::import(zkey, out);
    Part::import(zkey + Part::BYTES, out + Part::BYTES);
  }
  static PLIMSOLL_INLINE Lanes load(const uint8_t* const at[COUNT]) {
    const uint8_t* const second[COUNT] = {at[0] + Part::BYTES, at[1] + Part::BYTES};
    return {Part::load(at), Part::load(second)};
  }
  PLIMSOLL_INLINE void store(uint8_t* const at[COUNT]) const {
    uint8_t* const second[COUNT] = {at[0] + Part::BYTES, at[1] + Part::BYTES};
    a.store(at);
    b.store(second);
  }
  static PLIMSOLL_INLINE Lanes all(const Fp2& value) { return {Part::all(value.a), Part::all(value.b)}; }

  PLIMSOLL_INLINE Lanes operator*(const Lanes& other) const {
    Lanes product;
    {
      pairs::Columns sum = pairs::columns(2);
      pairs::addProduct(sum, a.limbs, other.a.limbs);
      pairs::addProduct(sum, b.negate().limbs, other.b.limbs);
      product.a = {pairs::reduce<BaseField>(sum)};
    }
    pairs::Columns sum = pairs::columns(2);
    pairs::addProduct(sum, a.limbs, other.b.limbs);
    pairs::addProduct(sum, b.limbs, other.a.limbs);
    product.b = {pairs::reduce<BaseField>(sum)};
    return product;
  }
  PLIMSOLL_INLINE Lanes square() const { return *this * *this; }
  PLIMSOLL_INLINE Lanes operator+(const Lanes& other) const { return {a + other.a, b + other.b}; }
  PLIMSOLL_INLINE Lanes operator-(const Lanes& other) const { return {a - other.a, b - other.b}; }
  PLIMSOLL_INLINE Lanes negate() const { return {a.negate(), b.negate()}; }
  PLIMSOLL_INLINE Lanes negateIf(uint32_t mask) const { return {a.negateIf(mask), b.negateIf(mask)}; }
  static PLIMSOLL_INLINE Lanes select(uint32_t mask, const Lanes& x, const Lanes& y) {
    return {Part::select(mask, x.a, y.a), Part::select(mask, x.b, y.b)};
  }
  PLIMSOLL_INLINE Lanes tight() const { return {a.tight(), b.tight()}; }
  PLIMSOLL_INLINE uint32_t zeros() const { return a.zeros() & b.zeros(); }
  Fp2 at(int lane) const { return {a.at(lane), b.at(lane)}; }
  void set(int lane, const Fp2& value) {
    a.set(lane, value.a);
    b.set(lane, value.b);
  }
};

}  // namespace plimsoll

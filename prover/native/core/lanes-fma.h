// SPDX-License-Identifier: GPL-3.0-or-later
/// Field elements side by side, multiplied by fused multiply-add of doubles: written over a machine's vectors (lanes-avx2.h, lanes-wasm.h).
///
/// An element is five limbs of 51 bits, signed, kept in doubles. The high half of a product of two limbs is fma(a, b, 2^103·1.5),
/// rounded to a multiple of 2^51; the low half is fma(a, b, −high), exact. Offsets put both into the mantissas of doubles of known
/// exponent, so that their bits add up as integers. The technique is Niall Emmart's, and Gregor Mitscha-Baude's in WebAssembly.
///
/// Why it is exact: where |a·b| ≤ 2^102, the high half keeps to [2^103, 2^104], whose doubles are the multiples of 2^51; what is left
/// is at most 2^50, and with 2^52·1.5 keeps to [2^52, 2^53], whose doubles are the integers. It holds only where the multiply-add is
/// fused and rounds to the nearest, which a machine must see to. No value is ever infinite, NaN or subnormal.
///
/// Montgomery form has R = 2^255 here. In memory an element is 32 bytes: the limbs with 2^50 added to each, so that none is negative.
///   tight   limbs of at most 2^50 in magnitude, a value of at most 0.51 moduli: what loading, `tight`, `*`, `square` and
///           `twoProducts` give
///   loose   sum or difference of two tight ones: good as operands of `*`, and of one more sum, which must be tight before `*`
#pragma once
#include <cstddef>
#include <cstdint>

#include "lanes.h"

#ifdef __clang__
#define PLIMSOLL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PLIMSOLL_UNROLL _Pragma("GCC unroll 16")
#endif
#define PLIMSOLL_INLINE inline __attribute__((always_inline))

namespace plimsoll::fused {

constexpr int LIMBS = 5, BITS = 51;
constexpr uint64_t MASK = (uint64_t(1) << BITS) - 1, HALF = uint64_t(1) << (BITS - 1);

// Offsets: sums with HIGH are rounded to multiples of 2^51, with LOW to integers. Their bits as integers.
constexpr double HIGH = 0x1.8p103, LOW = 0x1.8p52;
constexpr uint64_t HIGH_BITS = __builtin_bit_cast(uint64_t, HIGH), LOW_BITS = __builtin_bit_cast(uint64_t, LOW);
/// The exponent of 2^52, over 52 bits of an integer; and what such a double is more than a limb with HALF added.
constexpr uint64_t EXPONENT = 0x4330000000000000;
constexpr double EXCESS = 0x1p52 + 0x1p50;
/// Added to a column before its carry is taken: HALF rounds, and 2^60 keeps it positive, CARRIED too much in the next column.
constexpr uint64_t CARRIED = uint64_t(1) << (60 - BITS);
constexpr uint64_t FIRST = (uint64_t(1) << 60) + HALF, NEXT = FIRST - CARRIED;

/// An integer of 256 bits.
struct Integer {
  uint64_t words[4];

  constexpr Integer(const uint64_t (&from)[4]) : words{from[0], from[1], from[2], from[3]} {}
  constexpr Integer plus(const Integer& other) const {
    Integer sum = *this;
    bool carry = false;
    for (int i = 0; i < 4; i++) sum.words[i] = addWithCarry(words[i], other.words[i], carry);
    return sum;
  }
  constexpr Integer minus(const Integer& other) const {
    Integer difference = *this;
    bool borrow = false;
    for (int i = 0; i < 4; i++) difference.words[i] = subtractWithBorrow(words[i], other.words[i], borrow);
    return difference;
  }
  constexpr Integer halved() const {
    Integer half = *this;
    for (int i = 0; i < 4; i++) half.words[i] = words[i] >> 1 | (i < 3 ? words[i + 1] << 63 : 0);
    return half;
  }
  constexpr bool exceeds(const Integer& other) const {
    bool borrow = false;
    for (int i = 0; i < 4; i++) subtractWithBorrow(other.words[i], words[i], borrow);
    return borrow;
  }
};

/// What must be known of a modulus.
template <typename S>
struct Constants {
  struct Signed {
    double at[LIMBS];
  };
  /// Of an integer modulo 2^256, the highest limb with its sign.
  static constexpr Signed split(const Integer& integer) {
    Signed limbs{};
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
      const int word = i * BITS / 64, shift = i * BITS % 64;
      uint64_t bits = integer.words[word] >> shift;
      if (shift > 64 - BITS && word < 3) bits |= integer.words[word + 1] << (64 - shift);
      bits = (bits & MASK) + carry;
      carry = bits >= HALF ? 1 : 0;
      limbs.at[i] = double(bits) - (carry ? 0x1p51 : 0.0);
    }
    return limbs;
  }
  static constexpr Integer P{S::MODULUS}, HALF_P = P.halved();
  /// The same modulo the modulus, between minus and plus half of it.
  static constexpr Integer centred(const Integer& integer) { return integer.exceeds(HALF_P) ? integer.minus(P) : integer; }

  static constexpr Signed MODULUS = split(P);
  static constexpr double PER_TOP = 1 / MODULUS.at[LIMBS - 1];
  /// −1 / modulus modulo 2^51, between minus and plus half of that.
  static constexpr double NEGATED_INVERSE = [] {
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++) inverse *= 2 - S::MODULUS[0] * inverse;
    const uint64_t negated = (0 - inverse) & MASK;
    return double(negated) - (negated >= HALF ? 0x1p51 : 0.0);
  }();
  /// What column k < 4 of a product is brought to column 4 by: 2^(51·(k − 4)), centred.
  struct Descents {
    Signed of[LIMBS - 1];
  };
  static constexpr Descents DESCENTS = [] {
    Descents table{};
    Integer power{{1, 0, 0, 0}};
    for (int k = LIMBS - 2; k >= 0; k--) {
      for (int bit = 0; bit < BITS; bit++) power = (power.words[0] & 1) != 0 ? power.plus(P).halved() : power.halved();
      table.of[k] = split(centred(power));
    }
    return table;
  }();
  /// Together they add at most 0.51 moduli to a result, limbs of 2^50 times them over 2^51.
  static constexpr bool DESCENTS_ARE_SMALL = [] {
    double sum = 0;
    for (const Signed& descent : DESCENTS.of) sum += descent.at[LIMBS - 1] < 0 ? -descent.at[LIMBS - 1] : descent.at[LIMBS - 1];
    return sum * PER_TOP / 2 < 0.51;
  }();
  static_assert(DESCENTS_ARE_SMALL);
  // Twice the modulus must have limbs below 2^51 for the last step of a reduction.
  static constexpr bool MODULUS_IS_SMALL = [] {
    for (const double limb : MODULUS.at) {
      if (2 * limb >= 0x1p51 || 2 * limb <= -0x1p51) return false;
    }
    return true;
  }();
  static_assert(MODULUS_IS_SMALL);
  /// What the modulus' multiples, that a loose value can be, are in the lowest limb.
  static constexpr double LOWEST = MODULUS.at[0];
};

/// How many products of limbs end in a column with their low half; with their high half one fewer column down.
constexpr uint64_t lows(int column) {
  return column < 0 || column >= 2 * LIMBS - 1 ? 0 : column < LIMBS ? uint64_t(column) + 1 : uint64_t(2 * LIMBS - 1 - column);
}
constexpr uint64_t highs(int column) { return lows(column - 1); }

/// A number in every lane.
template <int COUNT>
struct Repeated {
  alignas(8 * COUNT) uint64_t lanes[COUNT];

  constexpr Repeated() : lanes{} {}
  constexpr Repeated(uint64_t word) : lanes{} {
    for (uint64_t& lane : lanes) lane = word;
  }
  constexpr Repeated(double number) : Repeated(__builtin_bit_cast(uint64_t, number)) {}
};

/// The constants of a multiplication, ready to be loaded.
template <int COUNT, typename S>
struct Table {
  using Each = Repeated<COUNT>;
  Each high{HIGH}, low{LOW}, highAndLow{HIGH + LOW}, excess{EXCESS}, mask{MASK}, exponent{EXPONENT};
  Each modulus[LIMBS], descents[LIMBS - 1][LIMBS], negatedInverse{Constants<S>::NEGATED_INVERSE}, minusPerTop{-Constants<S>::PER_TOP};
  Each lowBits{LOW_BITS}, firstCarry{FIRST - LOW_BITS}, nextCarry{NEXT - LOW_BITS}, lastCarry{0 - CARRIED};
  /// What the columns begin with: of the square, of one product and of two.
  Each columns[3][2 * LIMBS];

  /// Products of limbs that are made for a column of them.
  static constexpr uint64_t products(size_t kind, int column) { return kind == 0 ? (lows(column) + 1) / 2 : lows(column) * uint64_t(kind); }
  /// Offsets out, and what the carries want in. Columns from 4 on also get the lower ones, brought there, and a multiple of the modulus.
  static constexpr uint64_t start(size_t kind, int column) {
    const auto added = [kind](int at) {
      const int above = at - (LIMBS - 1);
      return products(kind, at) + (above >= 0 && above < LIMBS ? uint64_t(LIMBS) : 0);
    };
    const uint64_t carry = column == 0 ? FIRST : column < LIMBS ? NEXT : column == LIMBS ? 0 - CARRIED : 0;
    return carry - added(column) * LOW_BITS - added(column - 1) * HIGH_BITS;
  }
  constexpr Table() {
    for (int k = 0; k < LIMBS; k++) {
      modulus[k] = Each(Constants<S>::MODULUS.at[k]);
      for (int n = 0; n < LIMBS - 1; n++) descents[n][k] = Each(Constants<S>::DESCENTS.of[n].at[k]);
    }
    for (int kind = 0; kind < 3; kind++) {
      for (int k = 0; k < 2 * LIMBS; k++) columns[kind][k] = Each(start(kind, k));
    }
  }
};

/// Lanes of field S on the machine's vectors V.
template <typename V, typename S>
struct Lanes {
  static constexpr int COUNT = V::COUNT;
  using Element = S;
  using Modulus = Constants<S>;
  using Mode = typename V::Mode;
  using Doubles = typename V::Doubles;
  using Words = typename V::Words;

  Doubles limbs[LIMBS];

  static PLIMSOLL_INLINE Doubles number(double value) { return V::number(value); }
  static PLIMSOLL_INLINE Words integer(uint64_t value) { return V::integer(value); }

  static Lanes all(const S& element) {
    uint64_t form[4];
    toForm(element, form);
    return spread(reinterpret_cast<const uint8_t*>(form));
  }
  static PLIMSOLL_INLINE Lanes zero() {
    Lanes result;
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) result.limbs[k] = number(0.0);
    return result;
  }

  static PLIMSOLL_APART Lanes load(const uint8_t* const at[COUNT]) {
    Words w[4];
    V::gather(at, w);
    const Words mask = integer(MASK);
    const Words l[LIMBS] = {w[0] & mask, (w[0] >> 51 | w[1] << 13) & mask, (w[1] >> 38 | w[2] << 26) & mask,
                            (w[2] >> 25 | w[3] << 39) & mask, w[3] >> 12};
    Lanes result;
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) result.limbs[k] = V::number(l[k] | integer(EXPONENT)) - number(EXCESS);
    return result;
  }
  static PLIMSOLL_INLINE Lanes loadRun(const uint8_t* at) {
    const uint8_t* places[COUNT];
    PLIMSOLL_UNROLL
    for (int lane = 0; lane < COUNT; lane++) places[lane] = at + 32 * lane;
    return load(places);
  }
  static PLIMSOLL_INLINE Lanes spread(const uint8_t* at) {
    const uint8_t* places[COUNT];
    PLIMSOLL_UNROLL
    for (int lane = 0; lane < COUNT; lane++) places[lane] = at;
    return load(places);
  }
  /// Of a tight value.
  PLIMSOLL_APART void store(uint8_t* const at[COUNT]) const {
    // A limb of exactly 2^50 carries.
    Words l[LIMBS], carry = integer(0);
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) {
      const Words column = V::bits(limbs[k] + number(LOW)) + integer(HALF - LOW_BITS) + carry;
      l[k] = k < LIMBS - 1 ? column & integer(MASK) : column;
      carry = column >> BITS;
    }
    const Words w[4] = {l[0] | l[1] << 51, l[1] >> 13 | l[2] << 38, l[2] >> 26 | l[3] << 25, l[3] >> 39 | l[4] << 12};
    V::scatter(w, at);
  }
  PLIMSOLL_INLINE void storeRun(uint8_t* at) const {
    uint8_t* places[COUNT];
    PLIMSOLL_UNROLL
    for (int lane = 0; lane < COUNT; lane++) places[lane] = at + 32 * lane;
    store(places);
  }

  PLIMSOLL_APART Lanes operator*(const Lanes& other) const { return sumOfProducts<1>({limbs}, {other.limbs}); }
  /// Of a tight value.
  PLIMSOLL_APART Lanes square() const { return sumOfProducts<0>({limbs}, {limbs}); }
  /// a·b + c·d, where two of them are tight.
  static PLIMSOLL_APART Lanes twoProducts(const Lanes& a, const Lanes& b, const Lanes& c, const Lanes& d) {
    return sumOfProducts<2>({a.limbs, c.limbs}, {b.limbs, d.limbs});
  }
  /// A constant that values are multiplied by, in limbs like those of a tight value, of at most half a modulus.
  struct Factor {
    double limbs[LIMBS];
  };
  static Factor factor(const S& element) {
    uint64_t w[4];
    toForm(element, w);
    const uint64_t l[LIMBS] = {w[0] & MASK, (w[0] >> 51 | w[1] << 13) & MASK, (w[1] >> 38 | w[2] << 26) & MASK, (w[2] >> 25 | w[3] << 39) & MASK,
                               w[3] >> 12};
    Factor factor;
    for (int k = 0; k < LIMBS; k++) factor.limbs[k] = double(l[k]) - 0x1p50;
    return factor;
  }
  /// See `OneLane`; of a tight value.
  Lanes plus(const Factor& constant) const {
    Lanes sum;
    for (int k = 0; k < LIMBS; k++) sum.limbs[k] = limbs[k] + number(constant.limbs[k]);
    return sum.tight();
  }
  static constexpr bool PAIRED = true;
  /// Of tight values; the addend may be loose. Tight, because all of it is at most 6.4 moduli: a pair adds (0.51 + 0.5)² moduli squared,
  /// 2^255 of which are 0.38 moduli, and the reduction adds one.
  static __attribute__((noinline)) Lanes dot(const Run<Lanes>& first, const Run<Lanes>& second, const Lanes& addend, const Factor& constant) {
    const Constant& in = V::table(TABLE);
    Words columns[2 * LIMBS];
    begin(columns, first.count / 2 + first.count % 2 + second.count);
    size_t i = 0;
    for (; i + 1 < first.count; i += 2) {
      Doubles a[LIMBS], b[LIMBS];
      PLIMSOLL_UNROLL
      for (int k = 0; k < LIMBS; k++) {
        a[k] = first.values[i].limbs[k] + number(first.factors[i + 1].limbs[k]);
        b[k] = first.values[i + 1].limbs[k] + number(first.factors[i].limbs[k]);
      }
      addProducts(in, a, b, columns);
    }
    if (i < first.count) addMultiple(in, first.values[i], first.factors[i], columns);
    for (size_t n = 0; n < second.count; n++) addMultiple(in, second.values[n], second.factors[n], columns);
    const Words* const result = reduce(in, columns);
    Words sum[LIMBS];
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) {
      sum[k] = result[k] + V::bits(addend.limbs[k] + number(LOW)) + V::bits(number(constant.limbs[k]) + number(LOW)) - integer(2 * LOW_BITS);
    }
    nearer(sum);
    return carried(in, sum);
  }
  /// Σ x1·x2 over pairs of tight values that follow one another; a last one without another is left out. Tight.
  static __attribute__((noinline)) Lanes pairs(const Lanes* values, size_t count) {
    const Constant& in = V::table(TABLE);
    Words columns[2 * LIMBS];
    begin(columns, count / 2);
    for (size_t i = 0; i + 1 < count; i += 2) addProducts(in, values[i].limbs, values[i + 1].limbs, columns);
    return carried(in, reduce(in, columns));
  }
  PLIMSOLL_INLINE Lanes operator+(const Lanes& other) const {
    Lanes sum;
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) sum.limbs[k] = limbs[k] + other.limbs[k];
    return sum;
  }
  PLIMSOLL_INLINE Lanes operator-(const Lanes& other) const {
    Lanes difference;
    PLIMSOLL_UNROLL
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
    const Words signs = V::chosen(mask) & integer(uint64_t(1) << 63);
    Lanes negated;
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) negated.limbs[k] = V::number(V::bits(limbs[k]) ^ signs);
    return negated;
  }
  /// Lanes of `other` where the mask has a bit.
  PLIMSOLL_INLINE Lanes with(uint32_t mask, const Lanes& other) const {
    const Words chosen = V::chosen(mask);
    Lanes result;
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) {
      result.limbs[k] = V::number((V::bits(limbs[k]) & ~chosen) | (V::bits(other.limbs[k]) & chosen));
    }
    return result;
  }

  /// The same elements, at most 0.51 moduli; from up to four tight ones added up.
  PLIMSOLL_APART Lanes tight() const {
    const Doubles excess = V::fma(limbs[LIMBS - 1], number(-Modulus::PER_TOP), number(LOW)) - number(LOW);
    Lanes result;
    Doubles carry = number(0.0);
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS - 1; k++) {
      const Doubles limb = V::fma(excess, number(Modulus::MODULUS.at[k]), limbs[k]) + carry;
      const Doubles over = (limb + number(HIGH)) - number(HIGH);
      result.limbs[k] = limb - over;
      carry = over * number(0x1p-51);
    }
    result.limbs[LIMBS - 1] = V::fma(excess, number(Modulus::MODULUS.at[LIMBS - 1]), limbs[LIMBS - 1]) + carry;
    return result;
  }
  /// One bit for each lane that is zero modulo the modulus; of a loose value.
  PLIMSOLL_INLINE uint32_t zeros() const {
    // A loose value that is zero is 0 or plus or minus the modulus. Almost never is its lowest limb, carried, that of one.
    const Doubles lowest = limbs[0] - ((limbs[0] + number(HIGH)) - number(HIGH));
    const Words magnitude = V::bits(lowest) << 1;
    const Words candidates = V::equal(magnitude, integer(0)) | V::equal(magnitude, integer(LOWEST_MAGNITUDE));
    if (V::mask(candidates) == 0) [[likely]] return 0;
    return zerosFor();
  }
  /// One bit for each lane that was loaded from 32 zero bytes: no tight value has such a highest limb.
  PLIMSOLL_INLINE uint32_t blanks() const { return V::mask(V::equal(V::bits(limbs[LIMBS - 1]), V::bits(number(-0x1p50)))); }

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
    Lanes offset;
    for (Doubles& limb : offset.limbs) limb = number(0x1p50);
    // With the offset again, limbs from 0 to 2^51 and a value below the modulus.
    for (size_t i = 0; i < elements; i += COUNT) ((loadRun(at + 32 * i) + offset) * half).storeRun(at + 32 * i);
  }
  /// And back, fully reduced.
  static void release(uint8_t* at, size_t elements) {
    const Lanes two = all(S::one().doubled());
    for (size_t i = 0; i < elements; i += COUNT) (loadRun(at + 32 * i) * two).storeRun(at + 32 * i);
    for (size_t i = 0; i < elements; i++) {
      uint64_t form[4];
      std::memcpy(form, at + 32 * i, 32);
      // Adding zero reduces.
      const S reduced = integerOf(form) + S::zero();
      std::memcpy(at + 32 * i, reduced.limbs, 32);
    }
  }

  /// The memory form of one element, and back; of a tight value.
  static void toForm(const S& element, uint64_t form[4]) {
    const S scaled = element * FORM_OF_ONE;
    const Integer words = Modulus::centred(scaled.limbs).plus(OFFSET);
    std::memcpy(form, words.words, 32);
  }
  static S fromForm(const uint64_t form[4]) { return integerOf(form) * ELEMENT_OF_ONE; }

 private:
  static constexpr S powerOfTwo(int exponent) {
    S power{{1, 0, 0, 0}};
    for (int i = 0; i < exponent; i++) power = power + power;
    return power;
  }
  /// Factors between the forms, as integers: from R = 2^256 to 2^255, in products that divide by 2^256.
  static constexpr S FORM_OF_ONE = powerOfTwo(255), ELEMENT_OF_ONE = powerOfTwo(257);
  /// The memory form of 0: 2^50 in each limb.
  static constexpr Integer OFFSET{{HALF | HALF << 51, HALF >> 13 | HALF << 38, HALF >> 26 | HALF << 25, HALF >> 39 | HALF << 12}};
  static constexpr uint64_t LOWEST_MAGNITUDE = __builtin_bit_cast(uint64_t, Modulus::LOWEST) << 1;

  /// What a tight value's memory form stands for and the modulus, from 0.49 to 1.51 moduli.
  static S integerOf(const uint64_t form[4]) {
    const Integer words = Integer({form[0], form[1], form[2], form[3]}).minus(OFFSET).plus(Modulus::P);
    return S{{words.words[0], words.words[1], words.words[2], words.words[3]}};
  }

  [[gnu::noinline, gnu::cold]] uint32_t zerosFor() const {
    // Below one modulus, zero is the only multiple, and its limbs are all zero; of either sign.
    const Lanes value = tight();
    Words bits = integer(0);
    for (int k = 0; k < LIMBS; k++) bits = bits | V::bits(value.limbs[k]) << 1;
    return V::mask(V::equal(bits, integer(0)));
  }

  using Constant = Table<COUNT, S>;
  static constexpr Constant TABLE{};

  /// A limb with HALF added, and more above it, as a double without them.
  static PLIMSOLL_INLINE Doubles limbOf(const Constant& in, Words column) {
    return V::number((column & V::words(in.mask)) | V::words(in.exponent)) - V::number(in.excess);
  }
  /// Adds the halves of a product of limbs to two columns, with the offsets.
  static PLIMSOLL_INLINE void addProduct(const Constant& in, Doubles a, Doubles b, Words& low, Words& high) {
    const Doubles upper = V::fma(a, b, V::number(in.high));
    low = low + V::bits(V::fma(a, b, V::number(in.highAndLow) - upper));
    high = high + V::bits(upper);
  }

  /// Σ aᵢ·bᵢ / 2^255 modulo the modulus, tight; the sum is at most 3.9 moduli squared. 0 products: the square of a[0].
  template <int PRODUCTS, int SUMMANDS = PRODUCTS == 0 ? 1 : PRODUCTS>
  static PLIMSOLL_INLINE Lanes sumOfProducts(const Doubles* const (&a)[SUMMANDS], const Doubles* const (&b)[SUMMANDS]) {
    constexpr bool SQUARE = PRODUCTS == 0;
    const Constant& in = V::table(TABLE);
    Doubles twice[LIMBS];
    if constexpr (SQUARE) {
      PLIMSOLL_UNROLL
      for (int i = 0; i < LIMBS; i++) twice[i] = a[0][i] + a[0][i];
    }
    Words columns[2 * LIMBS];
    Doubles low[LIMBS];
    columns[0] = V::words(in.columns[PRODUCTS][0]);
    PLIMSOLL_UNROLL
    for (int k = 0; k < 2 * LIMBS - 1; k++) {
      columns[k + 1] = V::words(in.columns[PRODUCTS][k + 1]);
      // 1. The products of the column.
      PLIMSOLL_UNROLL
      for (int i = 0; i < LIMBS; i++) {
        const int j = k - i;
        if (j < 0 || j >= LIMBS || (SQUARE && j < i)) continue;
        PLIMSOLL_UNROLL
        for (int n = 0; n < SUMMANDS; n++) {
          addProduct(in, SQUARE && j != i ? twice[i] : a[n][i], b[n][j], columns[k], columns[k + 1]);
        }
      }
      // 2. A lower column is carried and brought to those from 4 on.
      const int up = k - (LIMBS - 1);
      if (up < 0) {
        low[k] = limbOf(in, columns[k]);
        columns[k + 1] = columns[k + 1] + (columns[k] >> BITS);
        continue;
      }
      PLIMSOLL_UNROLL
      for (int n = 0; n < LIMBS - 1; n++) {
        addProduct(in, low[n], V::number(in.descents[n][up]), columns[k], columns[k + 1]);
      }
      // 3. The multiple of the modulus that makes column 4 vanish, modulo 2^51.
      if (up == 0) {
        const Doubles limb = limbOf(in, columns[k]), factor = V::number(in.negatedInverse);
        const Doubles upper = V::fma(limb, factor, V::number(in.high));
        low[LIMBS - 1] = V::fma(limb, factor, V::number(in.high) - upper);
      }
      addProduct(in, low[LIMBS - 1], V::number(in.modulus[up]), columns[k], columns[k + 1]);
      if (up == 0) columns[k + 1] = columns[k + 1] + (columns[k] >> BITS);
    }
    return carried(in, columns + LIMBS);
  }

  // The same in steps, for sums of any number of products.

  /// Columns of nothing yet, for so many products.
  static PLIMSOLL_INLINE void begin(Words (&columns)[2 * LIMBS], size_t products) {
    PLIMSOLL_UNROLL
    for (int k = 0; k < 2 * LIMBS; k++) columns[k] = integer(Constant::start(products, k));
  }
  static PLIMSOLL_INLINE void addProducts(const Constant& in, const Doubles (&a)[LIMBS], const Doubles (&b)[LIMBS], Words (&columns)[2 * LIMBS]) {
    PLIMSOLL_UNROLL
    for (int i = 0; i < LIMBS; i++) {
      PLIMSOLL_UNROLL
      for (int j = 0; j < LIMBS; j++) addProduct(in, a[i], b[j], columns[i + j], columns[i + j + 1]);
    }
  }
  static PLIMSOLL_INLINE void addMultiple(const Constant& in, const Lanes& value, const Factor& factor, Words (&columns)[2 * LIMBS]) {
    Doubles repeated[LIMBS];
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) repeated[k] = number(factor.limbs[k]);
    addProducts(in, value.limbs, repeated, columns);
  }
  /// Steps 2 and 3 of `sumOfProducts`: the five columns of the result.
  static PLIMSOLL_INLINE const Words* reduce(const Constant& in, Words (&columns)[2 * LIMBS]) {
    Doubles low[LIMBS];
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS - 1; k++) {
      low[k] = limbOf(in, columns[k]);
      columns[k + 1] = columns[k + 1] + (columns[k] >> BITS);
    }
    PLIMSOLL_UNROLL
    for (int up = 0; up < LIMBS; up++) {
      const int k = LIMBS - 1 + up;
      PLIMSOLL_UNROLL
      for (int n = 0; n < LIMBS - 1; n++) addProduct(in, low[n], V::number(in.descents[n][up]), columns[k], columns[k + 1]);
      if (up == 0) {
        const Doubles limb = limbOf(in, columns[k]), factor = V::number(in.negatedInverse);
        const Doubles upper = V::fma(limb, factor, V::number(in.high));
        low[LIMBS - 1] = V::fma(limb, factor, V::number(in.high) - upper);
      }
      addProduct(in, low[LIMBS - 1], V::number(in.modulus[up]), columns[k], columns[k + 1]);
      if (up == 0) columns[k + 1] = columns[k + 1] + (columns[k] >> BITS);
    }
    return columns + LIMBS;
  }
  /// To at most 2.4 moduli, from 6.4. What the columns will carry is nothing beside the highest.
  static PLIMSOLL_INLINE void nearer(Words (&columns)[LIMBS]) {
    using Signed = typename V::Signed;
    constexpr int64_t TWICE = int64_t(2 * Modulus::MODULUS.at[LIMBS - 1]);
    const Signed top = (Signed)columns[LIMBS - 1];
    const Words above = (Words)(top > (Signed)integer(uint64_t(TWICE))), below = (Words)(top < (Signed)integer(uint64_t(-TWICE)));
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) {
      const Words multiple = integer(uint64_t(4 * int64_t(Modulus::MODULUS.at[k])));
      columns[k] = columns[k] - (above & multiple) + (below & multiple);
    }
  }

  /// 4. To half a modulus, from less than 2.5: at most two moduli away. Then carries.
  static PLIMSOLL_INLINE Lanes carried(const Constant& in, const Words result[LIMBS]) {
    const Doubles low = V::number(in.low);
    const Doubles top = V::number(result[LIMBS - 1] + V::words(in.lowBits)) - low;
    const Doubles excess = V::fma(top, V::number(in.minusPerTop), low) - low;
    Lanes tight;
    Words column = result[0] + V::words(in.firstCarry);
    PLIMSOLL_UNROLL
    for (int k = 0; k < LIMBS; k++) {
      column = column + V::bits(V::fma(excess, V::number(in.modulus[k]), low));
      if (k == LIMBS - 1) {
        tight.limbs[k] = V::number(column) - low;
      } else {
        tight.limbs[k] = limbOf(in, column);
        column = result[k + 1] + (column >> BITS) + V::words(k == LIMBS - 2 ? in.lastCarry : in.nextCarry);
      }
    }
    return tight;
  }
};

}  // namespace plimsoll::fused

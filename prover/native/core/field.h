// SPDX-License-Identifier: GPL-3.0-or-later
/// The two prime fields of BN254, one element at a time: Fp (coordinates) and Fr (scalars), and Fp2 = Fp[u] / (u² + 1).
///
/// Elements are in Montgomery form and always reduced, so that equal elements have equal bytes. The form and the limbs are this
/// file's own affair; bytes that come and go are plain little-endian integers, except in
/// `fromZkey`, whose bytes are in the Montgomery form with R = 2^256 that snarkjs keeps its keys in.
///
/// Running time depends on the values, in inversion and in what is built on top. The prover runs on its owner's machine, on its
/// owner's secrets; nobody else is given its timing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "inverse.h"

#ifdef __wasm__
#include "field-wasm.h"
#endif
#ifdef __aarch64__
#include "field-arm.h"
#endif

namespace plimsoll {

/// What is specific to a field: its modulus. The rest follows from it at compile time.
struct BaseField {
  static constexpr uint64_t MODULUS[4] = {0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d, 0x30644e72e131a029};
};
struct ScalarField {
  static constexpr uint64_t MODULUS[4] = {0x43e1f593f0000001, 0x2833e84879b97091, 0xb85045b68181585d, 0x30644e72e131a029};
};

/// a + b + carry, and what is carried out of it.
[[gnu::always_inline]] constexpr uint64_t addWithCarry(uint64_t a, uint64_t b, bool& carry) {
#ifdef __x86_64__
  // g++ makes chains of carries of these alone.
  if (!__builtin_is_constant_evaluated()) {
    unsigned long long sum = 0;
    carry = _addcarry_u64(carry, a, b, &sum);
    return sum;
  }
#endif
  const unsigned __int128 sum = static_cast<unsigned __int128>(a) + b + carry;
  carry = static_cast<uint64_t>(sum >> 64) != 0;
  return static_cast<uint64_t>(sum);
}
/// a − b − borrow, and what is borrowed for it.
[[gnu::always_inline]] constexpr uint64_t subtractWithBorrow(uint64_t a, uint64_t b, bool& borrow) {
#ifdef __x86_64__
  if (!__builtin_is_constant_evaluated()) {
    unsigned long long difference = 0;
    borrow = _subborrow_u64(borrow, a, b, &difference);
    return difference;
  }
#endif
  const unsigned __int128 difference = static_cast<unsigned __int128>(a) - b - borrow;
  borrow = static_cast<uint64_t>(difference >> 64) != 0;
  return static_cast<uint64_t>(difference);
}

template <typename Parameters>
struct PrimeField {
  /// Montgomery form, least significant limb first, below the modulus.
  uint64_t limbs[4];

  static constexpr const uint64_t (&MODULUS)[4] = Parameters::MODULUS;

  static constexpr PrimeField zero() { return {{0, 0, 0, 0}}; }
  static constexpr PrimeField one() { return ONE; }
  static PrimeField fromZkey(const uint8_t bytes[32]) {
    PrimeField result;
    std::memcpy(result.limbs, bytes, 32);
    return result;
  }
  static PrimeField fromPlain(const uint8_t bytes[32]) { return fromZkey(bytes) * R_SQUARED; }
  void toPlain(uint8_t bytes[32]) const {
    const PrimeField plain = *this * PrimeField{{1, 0, 0, 0}};
    std::memcpy(bytes, plain.limbs, 32);
  }
  /// Whether 32 bytes are an integer below the modulus.
  static bool isCanonical(const uint8_t bytes[32]) { return !fromZkey(bytes).exceeds(); }

  constexpr PrimeField operator+(const PrimeField& other) const {
#ifdef __aarch64__
    if (!__builtin_is_constant_evaluated()) {
      PrimeField result{};
      ArmWords<Parameters>::add(limbs, other.limbs, result.limbs);
      return result;
    }
#endif
    // Moduli have 254 bits: no sum of two elements leaves 256.
    PrimeField sum{};
    bool carry = false;
    for (int i = 0; i < 4; i++) sum.limbs[i] = addWithCarry(limbs[i], other.limbs[i], carry);
    return sum.reduced();
  }
  constexpr PrimeField operator-(const PrimeField& other) const {
#ifdef __aarch64__
    if (!__builtin_is_constant_evaluated()) {
      PrimeField result{};
      ArmWords<Parameters>::subtract(limbs, other.limbs, result.limbs);
      return result;
    }
#endif
    PrimeField result{};
    bool borrow = false, carry = false;
    for (int i = 0; i < 4; i++) result.limbs[i] = subtractWithBorrow(limbs[i], other.limbs[i], borrow);
    const uint64_t mask = 0 - uint64_t(borrow);
    for (int i = 0; i < 4; i++) result.limbs[i] = addWithCarry(result.limbs[i], MODULUS[i] & mask, carry);
    return result;
  }
  constexpr PrimeField operator*(const PrimeField& other) const {
#ifdef __wasm__
    PrimeField product{};
    WasmProduct<Parameters>::multiply(limbs, other.limbs, product.limbs);
    return product.reduced();
#else
#ifdef __aarch64__
    if (!__builtin_is_constant_evaluated()) {
      PrimeField result{};
      ArmWords<Parameters>::multiply(limbs, other.limbs, result.limbs);
      return result;
    }
#endif
    // Word by word: t = (t + a·b[i] + m·p) / 2^64. The modulus has two spare bits, so t keeps to four words.
    uint64_t t[4] = {};
    for (int i = 0; i < 4; i++) {
      unsigned __int128 product = static_cast<unsigned __int128>(limbs[0]) * other.limbs[i] + t[0];
      const uint64_t m = static_cast<uint64_t>(product) * NEGATED_INVERSE;
      unsigned __int128 reduction = static_cast<unsigned __int128>(m) * MODULUS[0] + static_cast<uint64_t>(product);
      for (int j = 1; j < 4; j++) {
        product = static_cast<unsigned __int128>(limbs[j]) * other.limbs[i] + t[j] + static_cast<uint64_t>(product >> 64);
        reduction = static_cast<unsigned __int128>(m) * MODULUS[j] + static_cast<uint64_t>(product) +
                    static_cast<uint64_t>(reduction >> 64);
        t[j - 1] = static_cast<uint64_t>(reduction);
      }
      t[3] = static_cast<uint64_t>(product >> 64) + static_cast<uint64_t>(reduction >> 64);
    }
    return PrimeField{{t[0], t[1], t[2], t[3]}}.reduced();
#endif
  }
  constexpr PrimeField square() const { return *this * *this; }
#ifndef __wasm__
  /// Products that are added up before they are reduced: at most 22, which keep to 512 bits and, reduced, to 256 (22·p / 2^256 + 1 is 5.2).
  class Products {
   public:
    void add(const PrimeField& a, const PrimeField& b) {
      uint64_t product[8] = {};
      for (int i = 0; i < 4; i++) {
        uint64_t high = 0;
        for (int j = 0; j < 4; j++) {
          const unsigned __int128 sum = static_cast<unsigned __int128>(a.limbs[j]) * b.limbs[i] + product[i + j] + high;
          product[i + j] = static_cast<uint64_t>(sum);
          high = static_cast<uint64_t>(sum >> 64);
        }
        product[i + 4] = high;
      }
      bool carry = false;
      for (int i = 0; i < 8; i++) words_[i] = addWithCarry(words_[i], product[i], carry);
    }
    PrimeField sum() const {
      uint64_t t[8];
      std::memcpy(t, words_, sizeof t);
      // Carries out of the lower words, in turn.
      bool above = false;
      for (int i = 0; i < 4; i++) {
        const uint64_t m = t[i] * NEGATED_INVERSE;
        uint64_t high = 0;
        for (int j = 0; j < 4; j++) {
          const unsigned __int128 sum = static_cast<unsigned __int128>(m) * MODULUS[j] + t[i + j] + high;
          t[i + j] = static_cast<uint64_t>(sum);
          high = static_cast<uint64_t>(sum >> 64);
        }
        t[i + 4] = addWithCarry(t[i + 4], high, above);
      }
      PrimeField result{{t[4], t[5], t[6], t[7]}};
      for (int multiple = 2; multiple >= 0; multiple--) result = result.lessMultiple(multiple);
      return result;
    }

   private:
    uint64_t words_[8] = {};
  };
#endif
  constexpr PrimeField doubled() const { return *this + *this; }
  constexpr PrimeField negate() const { return zero() - *this; }
  /// 0 gives 0.
  PrimeField inverse() const {
    PrimeField result = *this;
    Inversion<Parameters>::invert(result.limbs);
    // That is over R: once up to the inverse as an integer, once up to Montgomery form.
    return result * R_SQUARED * R_SQUARED;
  }
  constexpr bool isZero() const { return (limbs[0] | limbs[1] | limbs[2] | limbs[3]) == 0; }
  constexpr bool operator==(const PrimeField& other) const {
    return ((limbs[0] ^ other.limbs[0]) | (limbs[1] ^ other.limbs[1]) | (limbs[2] ^ other.limbs[2]) | (limbs[3] ^ other.limbs[3])) == 0;
  }

 private:
  /// −1 / modulus modulo 2^64, by Newton's iteration.
  static constexpr uint64_t NEGATED_INVERSE = [] {
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++) inverse *= 2 - Parameters::MODULUS[0] * inverse;
    return 0 - inverse;
  }();

  /// 2^exponent modulo the modulus, as limbs.
  static constexpr PrimeField powerOfTwo(int exponent) {
    PrimeField power{{1, 0, 0, 0}};
    for (int i = 0; i < exponent; i++) power = power + power;
    return power;
  }
  static const PrimeField ONE, R_SQUARED;

  constexpr bool exceeds() const {
    for (int i = 3; i >= 0; i--) {
      if (limbs[i] != MODULUS[i]) return limbs[i] > MODULUS[i];
    }
    return true;
  }
  /// Less 2^log2 times the modulus, where that is not more.
  constexpr PrimeField lessMultiple(int log2) const {
    PrimeField difference{};
    bool borrow = false;
    for (int i = 0; i < 4; i++) {
      const uint64_t multiple = MODULUS[i] << log2 | (i > 0 && log2 > 0 ? MODULUS[i - 1] >> (64 - log2) : 0);
      difference.limbs[i] = subtractWithBorrow(limbs[i], multiple, borrow);
    }
    for (int i = 0; i < 4; i++) difference.limbs[i] = borrow ? limbs[i] : difference.limbs[i];
    return difference;
  }
  /// From below twice the modulus to below it.
  constexpr PrimeField reduced() const {
    PrimeField difference{};
    bool borrow = false;
    for (int i = 0; i < 4; i++) difference.limbs[i] = subtractWithBorrow(limbs[i], MODULUS[i], borrow);
    for (int i = 0; i < 4; i++) difference.limbs[i] = borrow ? limbs[i] : difference.limbs[i];
    return difference;
  }
};

template <typename Parameters>
inline constexpr PrimeField<Parameters> PrimeField<Parameters>::ONE = powerOfTwo(256);
template <typename Parameters>
inline constexpr PrimeField<Parameters> PrimeField<Parameters>::R_SQUARED = powerOfTwo(512);

using Fp = PrimeField<BaseField>;
using Fr = PrimeField<ScalarField>;

/// a + b·u with u² = −1.
struct Fp2 {
  Fp a, b;

  static Fp2 zero() { return {Fp::zero(), Fp::zero()}; }
  static Fp2 one() { return {Fp::one(), Fp::zero()}; }
  static Fp2 fromZkey(const uint8_t bytes[64]) { return {Fp::fromZkey(bytes), Fp::fromZkey(bytes + 32)}; }
  static Fp2 fromPlain(const uint8_t bytes[64]) { return {Fp::fromPlain(bytes), Fp::fromPlain(bytes + 32)}; }
  void toPlain(uint8_t bytes[64]) const {
    a.toPlain(bytes);
    b.toPlain(bytes + 32);
  }

  Fp2 operator+(const Fp2& other) const { return {a + other.a, b + other.b}; }
  Fp2 operator-(const Fp2& other) const { return {a - other.a, b - other.b}; }
  Fp2 operator*(const Fp2& other) const {
    const Fp aa = a * other.a, bb = b * other.b;
    return {aa - bb, (a + b) * (other.a + other.b) - aa - bb};
  }
  Fp2 square() const {
    const Fp ab = a * b;
    return {(a + b) * (a - b), ab + ab};
  }
  Fp2 doubled() const { return {a.doubled(), b.doubled()}; }
  Fp2 negate() const { return {a.negate(), b.negate()}; }
  /// 0 gives 0.
  Fp2 inverse() const {
    const Fp norm = (a.square() + b.square()).inverse();
    return {a * norm, (b * norm).negate()};
  }
  bool isZero() const { return a.isZero() && b.isZero(); }
  bool operator==(const Fp2& other) const { return a == other.a && b == other.b; }
};

}  // namespace plimsoll

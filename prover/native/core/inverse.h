// SPDX-License-Identifier: GPL-3.0-or-later
/// Inversion modulo an odd number of at most 256 bits: Bernstein and Yang's division steps ("Fast constant-time gcd computation and
/// modular inversion", 2019), 62 at a time on the lowest words, in the variable-time form that libsecp256k1 describes.
#pragma once
#include <cstdint>

namespace plimsoll {

template <typename Parameters>
class Inversion {
 public:
  /// words := the inverse of words, below the modulus; of 0, 0.
  static void invert(uint64_t words[4]) {
    // Throughout, d·x ≡ f and e·x ≡ g; g ends at 0 and f at plus or minus the greatest common divisor, 1.
    Number d{}, e{{1}}, f = MODULUS, g = split(words);
    int64_t eta = -1;
    while ((g.limbs[0] | g.limbs[1] | g.limbs[2] | g.limbs[3] | g.limbs[4]) != 0) {
      const Steps steps = divide(eta, uint64_t(f.limbs[0]), uint64_t(g.limbs[0]));
      apply(steps, d, e);
      applyExactly(steps, f, g);
    }
    // d is above −2 moduli and below one.
    addIfNegative(d);
    if (f.limbs[4] < 0) {
      for (int64_t& limb : d.limbs) limb = -limb;
      carry(d);
    }
    addIfNegative(d);
    addIfNegative(d);
    join(d, words);
  }

 private:
  using Wide = __int128;
  static constexpr int BITS = 62, LIMBS = 5;
  static constexpr uint64_t MASK = (uint64_t(1) << BITS) - 1;
  /// The highest limb has the sign; the others are from 0 to 2^62 − 1.
  struct Number {
    int64_t limbs[LIMBS];
  };
  /// What 62 steps do: 2^62·(f, g) := (u·f + v·g, q·f + r·g).
  struct Steps {
    int64_t u, v, q, r;
  };

  static constexpr Number split(const uint64_t* words) {
    const uint64_t a = words[0], b = words[1], c = words[2], d = words[3];
    return {{int64_t(a & MASK), int64_t((a >> 62 | b << 2) & MASK), int64_t((b >> 60 | c << 4) & MASK),
             int64_t((c >> 58 | d << 6) & MASK), int64_t(d >> 56)}};
  }
  static void join(const Number& number, uint64_t words[4]) {
    const int64_t* const limbs = number.limbs;
    for (int i = 0; i < 4; i++) words[i] = uint64_t(limbs[i]) >> (2 * i) | uint64_t(limbs[i + 1]) << (62 - 2 * i);
  }
  static constexpr Number MODULUS = split(Parameters::MODULUS);
  /// 1 / modulus modulo 2^62.
  static constexpr uint64_t MODULUS_INVERSE = [] {
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++) inverse *= 2 - Parameters::MODULUS[0] * inverse;
    return inverse & MASK;
  }();

  static void carry(Number& number) {
    for (int i = 0; i < LIMBS - 1; i++) {
      number.limbs[i + 1] += number.limbs[i] >> BITS;
      number.limbs[i] &= MASK;
    }
  }
  static void addIfNegative(Number& number) {
    if (number.limbs[LIMBS - 1] >= 0) return;
    for (int i = 0; i < LIMBS; i++) number.limbs[i] += MODULUS.limbs[i];
    carry(number);
  }

  static Steps divide(int64_t& eta, uint64_t f, uint64_t g) {
    uint64_t u = 1, v = 0, q = 0, r = 1;
    for (int left = BITS;;) {
      const int zeros = __builtin_ctzll(g | UINT64_MAX << left);
      g >>= zeros;
      u <<= zeros;
      v <<= zeros;
      eta -= zeros;
      left -= zeros;
      if (left == 0) break;
      // Both are odd. A multiple of f makes g even, by as many bits as may be done before the roles change.
      uint64_t multiple;
      if (eta < 0) {
        eta = -eta;
        const uint64_t oldF = f, oldU = u, oldV = v;
        f = g;
        g = 0 - oldF;
        u = q;
        q = 0 - oldU;
        v = r;
        r = 0 - oldV;
        const int most = eta + 1 > left ? left : int(eta) + 1;
        multiple = (f * g * (f * f - 2)) & (UINT64_MAX >> (64 - most)) & 63;
      } else {
        const int most = eta + 1 > left ? left : int(eta) + 1;
        const uint64_t minusInverse = f + (((f + 1) & 4) << 1);
        multiple = ((0 - minusInverse) * g) & (UINT64_MAX >> (64 - most)) & 15;
      }
      g += f * multiple;
      q += u * multiple;
      r += v * multiple;
    }
    return {int64_t(u), int64_t(v), int64_t(q), int64_t(r)};
  }

  static Wide product(int64_t a, int64_t b) { return Wide(a) * b; }
  /// (f, g) := what the steps make of them, without remainder.
  static void applyExactly(const Steps& t, Number& f, Number& g) {
    Wide newF = 0, newG = 0;
    for (int i = 0; i < LIMBS; i++) {
      const int64_t fi = f.limbs[i], gi = g.limbs[i];
      newF += product(t.u, fi) + product(t.v, gi);
      newG += product(t.q, fi) + product(t.r, gi);
      if (i > 0) {
        f.limbs[i - 1] = int64_t(newF) & int64_t(MASK);
        g.limbs[i - 1] = int64_t(newG) & int64_t(MASK);
      }
      newF >>= BITS;
      newG >>= BITS;
    }
    f.limbs[LIMBS - 1] = int64_t(newF);
    g.limbs[LIMBS - 1] = int64_t(newG);
  }
  /// The same modulo the modulus: multiples of it make the lowest limbs vanish. Keeps d and e above −2 moduli and below one.
  static void apply(const Steps& t, Number& d, Number& e) {
    const int64_t signD = d.limbs[LIMBS - 1] >> 63, signE = e.limbs[LIMBS - 1] >> 63;
    int64_t ofD = (t.u & signD) + (t.v & signE), ofE = (t.q & signD) + (t.r & signE);
    const uint64_t lowD = uint64_t(product(t.u, d.limbs[0]) + product(t.v, e.limbs[0]));
    const uint64_t lowE = uint64_t(product(t.q, d.limbs[0]) + product(t.r, e.limbs[0]));
    ofD -= int64_t((MODULUS_INVERSE * lowD + uint64_t(ofD)) & MASK);
    ofE -= int64_t((MODULUS_INVERSE * lowE + uint64_t(ofE)) & MASK);
    Wide newD = 0, newE = 0;
    for (int i = 0; i < LIMBS; i++) {
      const int64_t di = d.limbs[i], ei = e.limbs[i];
      newD += product(t.u, di) + product(t.v, ei) + product(MODULUS.limbs[i], ofD);
      newE += product(t.q, di) + product(t.r, ei) + product(MODULUS.limbs[i], ofE);
      if (i > 0) {
        d.limbs[i - 1] = int64_t(newD) & int64_t(MASK);
        e.limbs[i - 1] = int64_t(newE) & int64_t(MASK);
      }
      newD >>= BITS;
      newE >>= BITS;
    }
    d.limbs[LIMBS - 1] = int64_t(newD);
    e.limbs[LIMBS - 1] = int64_t(newE);
  }
};

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// Verification of many Groth16 proofs over BN254 under one key, by one product of pairings.
///
/// With a random coefficient ρ_i of 128 bits for each proof, all of them hold if
///   Π e(ρ_i·A_i, B_i) · e(−Σ ρ_i·P_i, γ) · e(−Σ ρ_i·C_i, δ) · e(−Σ ρ_i·α, β) = 1,
/// where P_i is the sum over the public signals; where any one does not, with probability at most 2^-128, provided that the
/// points lie in their groups (`checkProofs`) and that nobody knew the coefficients when the proofs were made.
///
/// Everything here is public, and time depends on it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "curve.h"
#include "field.h"
#include "memory.h"
#include "status.h"
#include "threads.h"

namespace plimsoll {

namespace pairing {

/// The seed of the curve: its order, its modulus and the length of Miller's loop are polynomials in it.
constexpr uint64_t SEED = 4965661367192848881u;

/// ξ = 9 + u, of which the tower above takes roots.
inline Fp2 timesXi(const Fp2& value) {
  const Fp2 nine = value.doubled().doubled().doubled() + value;
  return {nine.a - value.b, nine.b + value.a};
}
inline Fp2 conjugate(const Fp2& value) { return {value.a, value.b.negate()}; }
inline Fp2 scaled(const Fp2& value, const Fp& factor) { return {value.a * factor, value.b * factor}; }

/// a + b·v + c·v² with v³ = ξ.
struct Fp6 {
  Fp2 a, b, c;

  static Fp6 zero() { return {Fp2::zero(), Fp2::zero(), Fp2::zero()}; }
  static Fp6 one() { return {Fp2::one(), Fp2::zero(), Fp2::zero()}; }
  Fp6 operator+(const Fp6& other) const { return {a + other.a, b + other.b, c + other.c}; }
  Fp6 operator-(const Fp6& other) const { return {a - other.a, b - other.b, c - other.c}; }
  Fp6 negate() const { return {a.negate(), b.negate(), c.negate()}; }
  Fp6 operator*(const Fp6& other) const {
    const Fp2 aa = a * other.a, bb = b * other.b, cc = c * other.c;
    return {aa + timesXi((b + c) * (other.b + other.c) - bb - cc), (a + b) * (other.a + other.b) - aa - bb + timesXi(cc),
            (a + c) * (other.a + other.c) - aa - cc + bb};
  }
  /// By x + y·v.
  Fp6 timesLow(const Fp2& x, const Fp2& y) const {
    const Fp2 ax = a * x, by = b * y;
    return {ax + timesXi(c * y), (a + b) * (x + y) - ax - by, c * x + by};
  }
  Fp6 timesV() const { return {timesXi(c), a, b}; }
  Fp6 inverse() const {
    const Fp2 x = a.square() - timesXi(b * c), y = timesXi(c.square()) - a * b, z = b.square() - a * c;
    const Fp2 norm = (a * x + timesXi(c * y + b * z)).inverse();
    return {x * norm, y * norm, z * norm};
  }
  bool operator==(const Fp6& other) const { return a == other.a && b == other.b && c == other.c; }
};

/// a + b·w with w² = v.
struct Fp12 {
  Fp6 a, b;

  static Fp12 one() { return {Fp6::one(), Fp6::zero()}; }
  Fp12 operator*(const Fp12& other) const {
    const Fp6 aa = a * other.a, bb = b * other.b;
    return {aa + bb.timesV(), (a + b) * (other.a + other.b) - aa - bb};
  }
  Fp12 square() const {
    const Fp6 ab = a * b;
    return {(a + b) * (a + b.timesV()) - ab - ab.timesV(), ab + ab};
  }
  /// By 1 + (x + y·v)·w.
  Fp12 timesLine(const Fp2& x, const Fp2& y) const { return {a + b.timesLow(x, y).timesV(), b + a.timesLow(x, y)}; }
  /// The power p⁶: the inverse too after the first part of the final exponentiation.
  Fp12 conjugate() const { return {a, b.negate()}; }
  Fp12 inverse() const {
    const Fp6 norm = (a * a - (b * b).timesV()).inverse();
    return {a * norm, (b * norm).negate()};
  }
  Fp12 toTheSeed() const {
    Fp12 result = *this;
    for (int bit = 61; bit >= 0; bit--) {
      result = result.square();
      if (SEED >> bit & 1) result = result * *this;
    }
    return result;
  }
  bool operator==(const Fp12& other) const { return a == other.a && b == other.b; }
};

/// The power p of tower elements and of points of the twist.
class Frobenius {
 public:
  Frobenius() {
    // ξ^((p − 1) / 6) and its powers.
    uint64_t exponent[4];
    unsigned __int128 rest = 0;
    for (int i = 3; i >= 0; i--) {
      rest = rest << 64 | (BaseField::MODULUS[i] - (i == 0 ? 1 : 0));
      exponent[i] = uint64_t(rest / 6);
      rest %= 6;
    }
    const Fp2 xi = timesXi(Fp2::one());
    Fp2 root = Fp2::one();
    for (int bit = 255; bit >= 0; bit--) {
      root = root.square();
      if (exponent[bit / 64] >> (bit % 64) & 1) root = root * xi;
    }
    powers_[0] = Fp2::one();
    for (int i = 1; i < 6; i++) powers_[i] = powers_[i - 1] * root;
  }

  Fp12 operator()(const Fp12& value) const {
    const auto part = [&](const Fp2& coefficient, int power) { return conjugate(coefficient) * powers_[power]; };
    return {{part(value.a.a, 0), part(value.a.b, 2), part(value.a.c, 4)},
            {part(value.b.a, 1), part(value.b.b, 3), part(value.b.c, 5)}};
  }
  G2 operator()(const G2& point) const { return {conjugate(point.x) * powers_[2], conjugate(point.y) * powers_[3]}; }
  Xyzz<Fp2> operator()(const Xyzz<Fp2>& point) const {
    return {conjugate(point.x) * powers_[2], conjugate(point.y) * powers_[3], conjugate(point.zz), conjugate(point.zzz)};
  }

 private:
  Fp2 powers_[6];
};

/// y² = x³ + 3.
inline bool isOnCurve(const G1& point) {
  const Fp three = Fp::one().doubled() + Fp::one();
  return point.y.square() == point.x.square() * point.x + three;
}
/// ξ·(y² − x³) = 3.
inline bool isOnCurve(const G2& point) {
  const Fp three = Fp::one().doubled() + Fp::one();
  return timesXi(point.y.square() - point.x.square() * point.x) == Fp2{three, Fp::zero()};
}

inline Xyzz<Fp2> timesSeed(const G2& point) {
  Xyzz<Fp2> result = Xyzz<Fp2>::from(point);
  for (int bit = 61; bit >= 0; bit--) {
    result = result.doubled();
    if (SEED >> bit & 1) result = result + point;
  }
  return result;
}

/// Whether a point of the twist is in the subgroup of order r: whether f(φ) takes it to zero, where φ is the power p and
/// f = (z + 1) + z·X + z·X² − 2z·X³ with the seed z.
///
/// In the subgroup φ acts as p, and f(p) is a multiple of r. On the whole twist φ² − t·φ + p = 0, so what f(φ) takes to zero its norm
/// Res(f, X² − t·X + p) does too; that norm and the order (2p − r)·r of the twist have the greatest common divisor r, so r does.
/// Dai, Lin, Zhao, Zhou 2022. test/native/subgroup.test.ts computes the divisor.
inline bool isInSubgroup(const G2& point, const Frobenius& frobenius) {
  const Xyzz<Fp2> multiple = timesSeed(point), once = frobenius(multiple), twice = frobenius(once);
  const Xyzz<Fp2> difference = multiple + point + once + twice + frobenius(twice).doubled().negate();
  return difference.isInfinity();
}

/// Replaces values by their inverses, with one inversion. False where one of them is zero. `work` is as long as they.
template <typename F>
bool invertAll(F* values, F* work, size_t count) {
  F product = F::one();
  for (size_t i = 0; i < count; i++) {
    work[i] = product;
    product = product * values[i];
  }
  F inverse = product.inverse();
  for (size_t i = count; i-- > 0;) {
    const F own = inverse * work[i];
    inverse = inverse * values[i];
    values[i] = own;
  }
  return !product.isZero();
}

/// Miller's loop over pairs of points that are not infinity, the second ones in the subgroup. Lines are in affine coordinates,
/// with one inversion for all pairs, and are taken over y of the first point, which the final exponentiation cancels.
class MillerLoop {
 public:
  /// How many pairs share squarings and inversions.
  static constexpr size_t MOST = 64;

  /// False after a run that met a point that it may not: its value means nothing.
  bool sound() const { return sound_; }
  void add(const Xyzz<Fp>& first, const G2& second) {
    perY_[count_] = first.zz * first.y;
    xOverY_[count_] = first.x * first.zzz;
    zs_[count_] = first.zz * first.zzz;
    q_[count_++] = second;
  }

  Fp12 run(const Frobenius& frobenius) {
    Fp work[MOST];
    sound_ &= invertAll(perY_, work, count_);
    for (size_t i = 0; i < count_; i++) {
      xOverY_[i] = (xOverY_[i] * perY_[i]).negate();
      perY_[i] = zs_[i] * perY_[i];
      t_[i] = q_[i];
    }
    // 6 · seed + 2 in signed digits, none next to another; the highest is 1. It has 65 bits.
    unsigned __int128 left = static_cast<unsigned __int128>(SEED) * 6 + 2;
    int8_t digits[68];
    int length = 0;
    for (; left != 0; left >>= 1) {
      const int digit = (left & 1) == 0 ? 0 : 2 - int(left & 3);
      digits[length++] = int8_t(digit);
      if (digit > 0) left -= 1;
      if (digit < 0) left += 1;
    }
    Fp12 value = Fp12::one();
    for (int i = length - 2; i >= 0; i--) {
      value = value.square();
      doubleAll(value);
      if (digits[i] != 0) {
        addAll(value, [&](size_t pair) { return digits[i] > 0 ? q_[pair] : q_[pair].negate(); });
      }
    }
    addAll(value, [&](size_t pair) { return frobenius(q_[pair]); });
    addAll(value, [&](size_t pair) { return frobenius(frobenius(q_[pair])).negate(); });
    return value;
  }

 private:
  void doubleAll(Fp12& value) {
    for (size_t i = 0; i < count_; i++) denominators_[i] = t_[i].y.doubled();
    sound_ &= invertAll(denominators_, work_, count_);
    for (size_t i = 0; i < count_; i++) {
      const Fp2 xx = t_[i].x.square();
      step(value, i, (xx.doubled() + xx) * denominators_[i], t_[i].x);
    }
  }
  template <typename Summand>
  void addAll(Fp12& value, const Summand& summand) {
    for (size_t i = 0; i < count_; i++) denominators_[i] = summand(i).x - t_[i].x;
    sound_ &= invertAll(denominators_, work_, count_);
    for (size_t i = 0; i < count_; i++) {
      const G2 other = summand(i);
      step(value, i, (other.y - t_[i].y) * denominators_[i], other.x);
    }
  }
  /// The line of this slope through t and the point at `x`, at the first point of the pair; and their sum.
  void step(Fp12& value, size_t pair, const Fp2& slope, const Fp2& x) {
    G2& t = t_[pair];
    value = value.timesLine(scaled(slope, xOverY_[pair]), scaled(slope * t.x - t.y, perY_[pair]));
    const Fp2 sum = slope.square() - t.x - x;
    t.y = slope * (t.x - sum) - t.y;
    t.x = sum;
  }

  size_t count_ = 0;
  bool sound_ = true;
  /// Of the first points: 1 / y and −x / y. Until `run`, what they are made of.
  Fp perY_[MOST], xOverY_[MOST], zs_[MOST];
  G2 q_[MOST], t_[MOST];
  Fp2 denominators_[MOST], work_[MOST];
};

/// The power (p¹² − 1) / r, up to a factor of the exponent that is prime to r. Fuentes-Castañeda, Knapp, Rodríguez-Henríquez 2011.
inline Fp12 finalExponentiation(const Fp12& value, const Frobenius& frobenius) {
  const Fp12 first = value.conjugate() * value.inverse();
  const Fp12 easy = frobenius(frobenius(first)) * first;
  const auto toMinusSeed = [](const Fp12& base) { return base.toTheSeed().conjugate(); };
  const Fp12 y1 = toMinusSeed(easy).square();
  const Fp12 y2 = y1.square() * y1;
  const Fp12 y4 = toMinusSeed(y2);
  const Fp12 y6 = toMinusSeed(y4.square());
  const Fp12 y8 = y6.conjugate() * y4 * y2.conjugate();
  const Fp12 y9 = y8 * y1;
  return frobenius(frobenius(frobenius(easy.conjugate() * y9))) * frobenius(frobenius(y8)) * frobenius(y9) *
         (y8 * y4 * easy);
}

/// Σ scalar · point over `count` points: four bits of all scalars at a time, from the highest. `tables` has 16 places a point.
inline Xyzz<Fp> sumOfMultiples(const G1* points, const uint8_t* scalars, size_t count, size_t scalarBytes,
                               Xyzz<Fp>* tables) {
  for (size_t i = 0; i < count; i++) {
    Xyzz<Fp>* table = tables + 16 * i;
    table[0] = Xyzz<Fp>::infinity();
    for (int digit = 1; digit < 16; digit++) table[digit] = table[digit - 1] + points[i];
  }
  Xyzz<Fp> sum = Xyzz<Fp>::infinity();
  for (size_t digit = 2 * scalarBytes; digit-- > 0;) {
    for (int i = 0; i < 4; i++) sum = sum.doubled();
    for (size_t i = 0; i < count; i++) {
      sum = sum + tables[16 * i + (scalars[i * scalarBytes + digit / 2] >> (4 * (digit % 2)) & 15)];
    }
  }
  return sum;
}

}  // namespace pairing

/// A, B, C.
constexpr size_t PROOF_BYTES = 256;
constexpr size_t COEFFICIENT_BYTES = 16;
/// α, β, γ, δ.
constexpr size_t VERIFYING_KEY_BYTES = 64 + 3 * 128;

/// Says of each proof (plain coordinates, as `prove` writes them) whether its points are on their curves, in their subgroups
/// and not infinity. `Status::range` for a coordinate that is not below the modulus.
[[nodiscard]] inline Status checkProofs(const uint8_t* proofs, size_t count, unsigned threads, uint8_t* sound) {
  for (size_t i = 0; i < count * (PROOF_BYTES / 32); i++) {
    if (!Fp::isCanonical(proofs + 32 * i)) return Status::range;
  }
  const pairing::Frobenius frobenius;
  parallel(threads, count, [&](size_t i) {
    const uint8_t* proof = proofs + i * PROOF_BYTES;
    const G1 a = G1::fromPlain(proof), c = G1::fromPlain(proof + 192);
    const G2 b = G2::fromPlain(proof + 64);
    // Infinity, all zero, is on neither curve.
    sound[i] = pairing::isOnCurve(a) && pairing::isOnCurve(b) && pairing::isOnCurve(c) &&
               pairing::isInSubgroup(b, frobenius);
  });
  return Status::ok;
}

/// Whether proofs whose points are sound all hold. `coefficients`: 16 bytes a proof, uniform; with a zero among them no batch holds.
/// `points` and `scalars`: what Σ ρ_i·P_i is the sum of, `publics` of them; the first scalar is Σ ρ_i. Points of key and sum are
/// sound; scalars are below 2^256.
[[nodiscard]] inline Status verifyBatch(const uint8_t key[VERIFYING_KEY_BYTES], const uint8_t* proofs,
                                        const uint8_t* coefficients, size_t count, const uint8_t* points,
                                        const uint8_t* scalars, size_t publics, unsigned threads, bool& hold) {
  using namespace pairing;
  if (publics == 0) return Status::shape;
  for (size_t i = 0; i < VERIFYING_KEY_BYTES / 32; i++) {
    if (!Fp::isCanonical(key + 32 * i)) return Status::range;
  }
  for (size_t i = 0; i < 2 * publics; i++) {
    if (!Fp::isCanonical(points + 32 * i)) return Status::range;
  }

  // 1. Proofs, some at a time: their Miller loops and their part of Σ ρ_i·C_i.
  const Frobenius frobenius;
  const size_t groups = (count + MillerLoop::MOST - 1) / MillerLoop::MOST;
  struct Part {
    Fp12 value;
    Xyzz<Fp> c;
    Status status;
    bool sound;
  };
  Buffer<Part> parts;
  if (parts.allocate(groups) != Status::ok) return Status::memory;
  parallel(threads, groups, [&](size_t group) {
    const size_t first = group * MillerLoop::MOST;
    const size_t size = count - first < MillerLoop::MOST ? count - first : MillerLoop::MOST;
    Buffer<Xyzz<Fp>> tables;
    parts[group].status = tables.allocate(16 * size);
    if (parts[group].status != Status::ok) return;
    MillerLoop loop;
    G1 cs[MillerLoop::MOST];
    for (size_t i = 0; i < size; i++) {
      const uint8_t* proof = proofs + (first + i) * PROOF_BYTES;
      const G1 a = G1::fromPlain(proof);
      loop.add(sumOfMultiples(&a, coefficients + (first + i) * COEFFICIENT_BYTES, 1, COEFFICIENT_BYTES, tables.data()),
               G2::fromPlain(proof + 64));
      cs[i] = G1::fromPlain(proof + 192);
    }
    parts[group].c =
        sumOfMultiples(cs, coefficients + first * COEFFICIENT_BYTES, size, COEFFICIENT_BYTES, tables.data());
    parts[group].value = loop.run(frobenius);
    parts[group].sound = loop.sound();
  });
  Fp12 value = Fp12::one();
  Xyzz<Fp> c = Xyzz<Fp>::infinity();
  hold = true;
  for (size_t group = 0; group < groups; group++) {
    if (parts[group].status != Status::ok) return parts[group].status;
    hold &= parts[group].sound;
    value = value * parts[group].value;
    c = c + parts[group].c;
  }

  // 2. The key's three pairs. A sum may be infinity: its pairing is 1.
  Buffer<G1> bases;
  Buffer<Xyzz<Fp>> tables;
  if (bases.allocate(publics) != Status::ok || tables.allocate(16 * publics) != Status::ok) return Status::memory;
  for (size_t i = 0; i < publics; i++) bases[i] = G1::fromPlain(points + 64 * i);
  const G1 alpha = G1::fromPlain(key);
  const Xyzz<Fp> sums[3] = {sumOfMultiples(&alpha, scalars, 1, 32, tables.data()),
                            sumOfMultiples(bases.data(), scalars, publics, 32, tables.data()), c};
  MillerLoop loop;
  for (int i = 0; i < 3; i++) {
    if (!sums[i].isInfinity()) loop.add(sums[i].negate(), G2::fromPlain(key + 64 + 128 * i));
  }
  value = value * loop.run(frobenius);
  hold &= loop.sound() && finalExponentiation(value, frobenius) == Fp12::one();
  return Status::ok;
}

}  // namespace plimsoll

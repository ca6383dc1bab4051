// SPDX-License-Identifier: GPL-3.0-or-later
/// The groups of BN254, one point at a time: y² = x³ + b over Fp (G1) and over Fp2 (G2). No formula here uses b.
///
/// Complete: equal points, opposite points and infinity give what the group gives. Unchecked: that a point is on its curve.
#pragma once
#include <cstddef>
#include <cstdint>

#include "field.h"

namespace plimsoll {

/// An affine point. Infinity is all zero, as in proving keys: (0, 0) is on neither curve.
template <typename F>
struct Affine {
  F x, y;

  static constexpr size_t BYTES = 2 * sizeof(F);
  static_assert(sizeof(F) == 32 || sizeof(F) == 64, "coordinates are as wide as those of a file");

  static Affine infinity() { return {F::zero(), F::zero()}; }
  static Affine fromZkey(const uint8_t bytes[BYTES]) { return {F::fromZkey(bytes), F::fromZkey(bytes + sizeof(F))}; }
  static Affine fromPlain(const uint8_t bytes[BYTES]) { return {F::fromPlain(bytes), F::fromPlain(bytes + sizeof(F))}; }
  void toPlain(uint8_t bytes[BYTES]) const {
    x.toPlain(bytes);
    y.toPlain(bytes + sizeof(F));
  }
  bool isInfinity() const { return x.isZero() && y.isZero(); }
  Affine negate() const { return {x, y.negate()}; }
  bool operator==(const Affine& other) const { return x == other.x && y == other.y; }
};

/// A point (X / ZZ, Y / ZZZ) with ZZ³ = ZZZ²; infinity where ZZ is zero. Formulas: EFD, "XYZZ", madd-2008-s, add-2008-s, dbl-2008-s-1.
template <typename F>
struct Xyzz {
  F x, y, zz, zzz;

  static Xyzz infinity() { return {F::zero(), F::zero(), F::zero(), F::zero()}; }
  static Xyzz from(const Affine<F>& point) {
    return point.isInfinity() ? infinity() : Xyzz{point.x, point.y, F::one(), F::one()};
  }
  bool isInfinity() const { return zz.isZero(); }
  Xyzz negate() const { return {x, y.negate(), zz, zzz}; }

  Xyzz doubled() const {
    // Without a point of order two (the orders are odd), y is zero at infinity alone; the formulas keep ZZ = 0.
    const F u = y.doubled(), v = u.square(), w = u * v, s = x * v;
    const F xx = x.square(), m = xx.doubled() + xx;
    const F x3 = m.square() - s.doubled();
    return {x3, m * (s - x3) - w * y, v * zz, w * zzz};
  }
  Xyzz operator+(const Affine<F>& other) const {
    if (other.isInfinity()) return *this;
    if (isInfinity()) return from(other);
    return added({x, y, other.x * zz, other.y * zzz}, zz, zzz);
  }
  Xyzz operator+(const Xyzz& other) const {
    if (other.isInfinity()) return *this;
    if (isInfinity()) return other;
    return added({x * other.zz, y * other.zzz, other.x * zz, other.y * zzz}, zz * other.zz, zzz * other.zzz);
  }
  Affine<F> toAffine() const {
    if (isInfinity()) return Affine<F>::infinity();
    const F inverse = zzz.inverse(), perZ = inverse * zz;
    return {x * perZ.square(), y * inverse};
  }
  /// By a plain little-endian integer of 32 bytes, four bits at a time.
  Xyzz operator*(const uint8_t scalar[32]) const {
    Xyzz multiples[16];
    multiples[0] = infinity();
    for (int i = 1; i < 16; i++) multiples[i] = multiples[i - 1] + *this;
    Xyzz result = infinity();
    for (int i = 63; i >= 0; i--) {
      for (int j = 0; j < 4; j++) result = result.doubled();
      result = result + multiples[scalar[i / 2] >> (4 * (i % 2)) & 15];
    }
    return result;
  }

 private:
  /// The two summands brought to one denominator.
  struct Aligned {
    F x1, y1, x2, y2;
  };
  static Xyzz added(const Aligned& at, const F& zz, const F& zzz) {
    const F p = at.x2 - at.x1, r = at.y2 - at.y1;
    if (p.isZero()) return r.isZero() ? Xyzz{at.x1, at.y1, zz, zzz}.doubled() : infinity();
    const F pp = p.square(), ppp = p * pp, q = at.x1 * pp;
    const F x3 = r.square() - ppp - q.doubled();
    return {x3, r * (q - x3) - at.y1 * ppp, zz * pp, zzz * ppp};
  }
};

using G1 = Affine<Fp>;
using G2 = Affine<Fp2>;

}  // namespace plimsoll

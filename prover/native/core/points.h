// SPDX-License-Identifier: GPL-3.0-or-later
/// Several points side by side: the coordinates of both groups over lanes, and the formulas of curve.h on them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "curve.h"

namespace plimsoll {

/// Fp over lanes, with what differs between it and Fp2.
template <typename L>
struct Single : L {
  using Base = L;
  using Element = typename L::Element;
  static constexpr size_t BYTES = 32;
  Single() = default;
  Single(const L& lanes) : L(lanes) {}

  [[gnu::always_inline]] static Single all(const Element& element) { return L::all(element); }
  [[gnu::always_inline]] static Single load(const uint8_t* const at[L::COUNT]) { return L::load(at); }
  [[gnu::always_inline]] Single operator*(const Single& other) const { return L::operator*(other); }
  [[gnu::always_inline]] Single square() const { return L::square(); }
  [[gnu::always_inline]] Single operator-(const Single& other) const { return L::operator-(other); }
  template <typename... Others>
  [[gnu::always_inline]] Single less(const Others&... others) const {
    return L::less(others...);
  }
  [[gnu::always_inline]] Single negateIf(uint32_t mask) const { return L::negateIf(mask); }
  [[gnu::always_inline]] Single with(uint32_t mask, const Single& other) const { return L::with(mask, other); }
  /// An element of Fp that is zero where this one is, and this one's inverse from the inverse of that.
  [[gnu::always_inline]] Base norm() const { return *this; }
  [[gnu::always_inline]] Single inverseBy(const Base& inverseNorm) const { return inverseNorm; }
  static void toForm(const Element& element, uint8_t* at) {
    uint64_t form[4];
    L::toForm(element, form);
    std::memcpy(at, form, 32);
  }
};

/// Fp2 over lanes of Fp: a + b·u, u² = −1. Every value is tight: so is a product of sums of two tight ones, in every kind of lanes.
template <typename L>
struct Pair {
  using Base = L;
  using Element = Fp2;
  static constexpr int COUNT = L::COUNT;
  static constexpr size_t BYTES = 64;
  L a, b;

  [[gnu::always_inline]] static Pair all(const Fp2& element) { return {L::all(element.a), L::all(element.b)}; }
  [[gnu::always_inline]] static Pair load(const uint8_t* const at[COUNT]) {
    const uint8_t* second[COUNT];
    for (int lane = 0; lane < COUNT; lane++) second[lane] = at[lane] + 32;
    return {L::load(at), L::load(second)};
  }
  [[gnu::always_inline]] void store(uint8_t* const at[COUNT]) const {
    uint8_t* second[COUNT];
    for (int lane = 0; lane < COUNT; lane++) second[lane] = at[lane] + 32;
    a.store(at);
    b.store(second);
  }
  Pair operator*(const Pair& other) const {
    return {L::twoProducts(a, other.a, b.negate(), other.b), L::twoProducts(a, other.b, b, other.a)};
  }
  Pair square() const {
    const L ab = a * b;
    return {(a + b) * (a - b), (ab + ab).tight()};
  }
  [[gnu::always_inline]] Pair operator-(const Pair& other) const { return less(other); }
  template <typename... Others>
  [[gnu::always_inline]] Pair less(const Others&... others) const {
    return {a.less(others.a...), b.less(others.b...)};
  }
  [[gnu::always_inline]] Pair negateIf(uint32_t mask) const { return {a.negateIf(mask), b.negateIf(mask)}; }
  [[gnu::always_inline]] Pair tight() const { return *this; }
  [[gnu::always_inline]] uint32_t zeros() const { return a.zeros() & b.zeros(); }
  [[gnu::always_inline]] uint32_t blanks() const { return a.blanks() & b.blanks(); }
  [[gnu::always_inline]] Pair with(uint32_t mask, const Pair& other) const { return {a.with(mask, other.a), b.with(mask, other.b)}; }
  Fp2 at(int lane) const { return {a.at(lane), b.at(lane)}; }
  // Squares do not add up to zero unless both are: −1 is no square in Fp.
  [[gnu::always_inline]] Base norm() const { return L::twoProducts(a, a, b, b); }
  [[gnu::always_inline]] Pair inverseBy(const Base& inverseNorm) const { return {a * inverseNorm, b.negate() * inverseNorm}; }
  static void toForm(const Fp2& element, uint8_t* at) {
    Single<L>::toForm(element.a, at);
    Single<L>::toForm(element.b, at + 32);
  }
};

/// Lanes for the coordinates of a group: of G1 where F is Fp, of G2 where it is Fp2.
template <template <typename> class Kind, typename F>
struct CoordinatesOf;
template <template <typename> class Kind>
struct CoordinatesOf<Kind, Fp> {
  using Type = Single<Kind<Fp>>;
};
template <template <typename> class Kind>
struct CoordinatesOf<Kind, Fp2> {
  using Type = Pair<Kind<Fp>>;
};

/// Points over lanes, as in curve.h; lanes of `empty` are infinity, whatever they hold.
template <typename V>
struct LanePoints {
  using F = typename V::Element;
  static constexpr int COUNT = V::COUNT;
  V x, y, zz, zzz;
  uint32_t empty;

  Xyzz<F> at(int lane) const {
    if ((empty >> lane & 1) != 0) return Xyzz<F>::infinity();
    return {x.at(lane), y.at(lane), zz.at(lane), zzz.at(lane)};
  }
  void set(int lane, const Xyzz<F>& point) {
    const uint32_t mask = uint32_t(1) << lane;
    x = x.with(mask, V::all(point.x));
    y = y.with(mask, V::all(point.y));
    zz = zz.with(mask, V::all(point.zz));
    zzz = zzz.with(mask, V::all(point.zzz));
    empty = point.isInfinity() ? empty | mask : empty & ~mask;
  }
  /// Of G1 alone.
  LanePoints doubled() const {
    const V u = (y + y).tight(), v = u.square(), w = u * v, s = x * v, xx = x.square(), m = (xx + xx + xx).tight();
    const V x3 = m.square().less(s, s);
    return {x3, (m * (s - x3)).less(w * y), v * zz, w * zzz, empty};
  }
  /// Adds other points. AFFINE: their zz and zzz are one.
  template <bool AFFINE>
  void add(const LanePoints& other) {
    const V x1 = AFFINE ? x : x * other.zz, y1 = AFFINE ? y : y * other.zzz;
    const V p = (other.x * zz).less(x1), r = (other.y * zzz).less(y1);
    const uint32_t odd = p.zeros() & ~empty & ~other.empty;
    LanePoints sum{};
    const V pp = p.square(), ppp = p * pp, q = x1 * pp;
    sum.x = r.square().less(ppp, q, q);
    sum.y = (r * (q - sum.x)).less(y1 * ppp);
    sum.zz = (AFFINE ? zz : zz * other.zz) * pp;
    sum.zzz = (AFFINE ? zzz : zzz * other.zzz) * ppp;
    if (odd != 0) [[unlikely]] {
      sum.empty = 0;
      for (int lane = 0; lane < COUNT; lane++) {
        if ((odd >> lane & 1) != 0) sum.set(lane, at(lane) + other.at(lane));
      }
    }
    const uint32_t gone = sum.empty & odd;
    x = sum.x.with(empty, other.x).with(other.empty, x);
    y = sum.y.with(empty, other.y).with(other.empty, y);
    zz = sum.zz.with(empty, other.zz).with(other.empty, zz);
    zzz = sum.zzz.with(empty, other.zzz).with(other.empty, zzz);
    empty = (empty & other.empty) | gone;
  }
};

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// What the products and transforms are written over: several elements of a prime field side by side. Here the plainest kind,
/// one element; lanes-avx2.h has four, ifma.h eight. The memory form of an element is 32 bytes; zero in it is all zero.
#pragma once
#include "field.h"

namespace plimsoll {

/// Products of values and constants, to be added up.
template <typename L>
struct Run {
  const L* values = nullptr;
  const typename L::Factor* factors = nullptr;
  size_t count = 0;
};

/// Products that a sum of all kinds of lanes may have.
constexpr size_t MOST_PRODUCTS = 22;

/// While it lives, the processor is in the mode that a kind of lanes needs: here in any.
struct NoMode {
  NoMode() {}
};

template <typename S>
struct OneLane {
  static constexpr int COUNT = 1;
  using Element = S;
  using Mode = NoMode;
  S element;

  static OneLane all(const S& element) { return {element}; }
  static OneLane zero() { return {S::zero()}; }

  /// One element from each of `COUNT` places; `COUNT` elements that follow one another; one element into all lanes.
  static OneLane load(const uint8_t* const at[COUNT]) { return loadRun(at[0]); }
  static OneLane loadRun(const uint8_t* at) { return {S::fromZkey(at)}; }
  static OneLane spread(const uint8_t* at) { return {S::fromZkey(at)}; }
  /// Of tight values.
  void store(uint8_t* const at[COUNT]) const { storeRun(at[0]); }
  void storeRun(uint8_t* at) const { std::memcpy(at, element.limbs, 32); }

  OneLane operator*(const OneLane& other) const { return {element * other.element}; }
  OneLane square() const { return {element.square()}; }
  /// a·b + c·d.
  static OneLane twoProducts(const OneLane& a, const OneLane& b, const OneLane& c, const OneLane& d) { return a * b + c * d; }
  /// A constant that values are multiplied by.
  using Factor = S;
  static Factor factor(const S& element) { return element; }
  /// The sum with a constant, tight.
  OneLane plus(const Factor& constant) const { return {element + constant}; }
  /// Whether `dot` takes products of its first run in pairs (x1 + f2)·(x2 + f1), without taking x1·x2 and f1·f2 off.
  static constexpr bool PAIRED = false;
  /// Both runs, the addend and the constant added up: at most MOST_PRODUCTS.
  static OneLane dot(const Run<OneLane>& first, const Run<OneLane>& second, const OneLane& addend, const Factor& constant) {
    const S sum = addend.element + constant;
#ifdef __wasm__
    S products = sum;
    for (size_t i = 0; i < first.count; i++) products = products + first.values[i].element * first.factors[i];
    for (size_t i = 0; i < second.count; i++) products = products + second.values[i].element * second.factors[i];
    return {products};
#else
    typename S::Products products;
    for (size_t i = 0; i < first.count; i++) products.add(first.values[i].element, first.factors[i]);
    for (size_t i = 0; i < second.count; i++) products.add(second.values[i].element, second.factors[i]);
    return {products.sum() + sum};
#endif
  }
  OneLane operator+(const OneLane& other) const { return {element + other.element}; }
  OneLane operator-(const OneLane& other) const { return {element - other.element}; }
  /// a − b, where b may be as large as K times the modulus in kinds that are loose.
  template <int K>
  OneLane minus(const OneLane& other) const {
    return *this - other;
  }
  /// a − b, a − b − c and a − b − c − d, tight.
  OneLane less(const OneLane& b) const { return *this - b; }
  OneLane less(const OneLane& b, const OneLane& c) const { return *this - b - c; }
  OneLane less(const OneLane& b, const OneLane& c, const OneLane& d) const { return *this - b - c - d; }
  OneLane doubled() const { return {element.doubled()}; }
  OneLane negate() const { return {element.negate()}; }
  OneLane negateIf(uint32_t mask) const { return mask != 0 ? negate() : *this; }
  OneLane tight() const { return *this; }
  uint32_t zeros() const { return element.isZero() ? 1 : 0; }
  /// Lanes that were loaded from 32 zero bytes.
  uint32_t blanks() const { return zeros(); }
  OneLane with(uint32_t mask, const OneLane& other) const { return mask != 0 ? other : *this; }
  S at(int) const { return element; }

  /// Brings elements from the form of zkey files to the memory form, in place. The buffer goes on to whole lanes.
  static void adopt(uint8_t*, size_t) {}
  /// And back, fully reduced.
  static void release(uint8_t*, size_t) {}

  /// The memory form of one element, and back.
  static void toForm(const S& element, uint64_t form[4]) { std::memcpy(form, element.limbs, 32); }
  static S fromForm(const uint64_t form[4]) {
    S element;
    std::memcpy(element.limbs, form, 32);
    return element;
  }
};

}  // namespace plimsoll

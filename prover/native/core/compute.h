// SPDX-License-Identifier: GPL-3.0-or-later
/// Single operations of the core on bytes, so that tests can hold them against other implementations. Not used by the prover.
///
/// Elements and scalars are 32 plain little-endian bytes, those of Fp2 64, points x then y; infinity is all zero. Operations on two
/// arguments take all first arguments, then all second ones, and give one result per pair:
///   fp.add fp.subtract fp.multiply fp.square fp.negate fp.invert    and fr., fp2. likewise; over lanes, but for invert
///   g1.add (points, points)   g1.multiply (points, scalars)         and g2. likewise; one at a time
///   g1.product (points, scalars)                                    and g2. likewise; one point: Σ scalar·point
///   fr.toOddRoots                                                   values on the n-th roots to values on the odd 2n-th roots
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "curve.h"
#include "field.h"
#include "memory.h"
#include "msm.h"
#include "ntt.h"
#include "status.h"

namespace plimsoll::computing {

struct Bytes {
  const uint8_t* at;
  size_t length;

  Bytes half() const { return {at, length / 2}; }
  Bytes otherHalf() const { return {at + length / 2, length / 2}; }
};
struct Output {
  uint8_t* at;
  size_t length;
};

template <typename S>
bool areCanonical(const uint8_t* at, size_t bytes) {
  if (bytes % 32 != 0) return false;
  for (size_t i = 0; i < bytes; i += 32) {
    if (!S::isCanonical(at + i)) return false;
  }
  return true;
}

template <typename S>
void toForms(const S& element, uint8_t* at) {
  std::memcpy(at, element.limbs, 32);
}
inline void toForms(const Fp2& element, uint8_t* at) {
  toForms(element.a, at);
  toForms(element.b, at + 32);
}

/// A field's operations over lanes, on two loaded operands.
template <typename L>
bool operate(const char* name, const L& a, const L& b, L& result) {
  if (std::strcmp(name, "add") == 0) {
    result = a + b;
  } else if (std::strcmp(name, "subtract") == 0) {
    result = a - b;
  } else if (std::strcmp(name, "multiply") == 0) {
    result = a * b;
  } else if (std::strcmp(name, "square") == 0) {
    result = a.square();
  } else if (std::strcmp(name, "negate") == 0) {
    result = a.negate();
  } else {
    return false;
  }
  return true;
}
inline bool isBinary(const char* name) {
  return std::strcmp(name, "add") == 0 || std::strcmp(name, "subtract") == 0 || std::strcmp(name, "multiply") == 0;
}

/// Of Fp or Fr.
template <typename L, typename S>
Status field(const char* name, Bytes input, Output output) {
  const Bytes first = isBinary(name) ? input.half() : input, second = isBinary(name) ? input.otherHalf() : input;
  if (first.length % 32 != 0 || first.length != output.length) return Status::shape;
  if (!areCanonical<S>(input.at, input.length)) return Status::range;
  for (size_t from = 0; from < first.length; from += 32 * L::COUNT) {
    // The last lanes repeat the last element.
    const auto placeOf = [&](size_t lane) { return from + 32 * lane < first.length ? from + 32 * lane : first.length - 32; };
    alignas(64) uint8_t forms[2][32 * L::COUNT];
    for (size_t lane = 0; lane < size_t(L::COUNT); lane++) {
      uint64_t form[4];
      L::toForm(S::fromPlain(first.at + placeOf(lane)), form);
      std::memcpy(forms[0] + 32 * lane, form, 32);
      L::toForm(S::fromPlain(second.at + placeOf(lane)), form);
      std::memcpy(forms[1] + 32 * lane, form, 32);
    }
    L result;
    if (std::strcmp(name, "invert") == 0) {
      for (size_t lane = 0; lane < size_t(L::COUNT); lane++) S::fromPlain(first.at + placeOf(lane)).inverse().toPlain(output.at + placeOf(lane));
      continue;
    }
    if (!operate(name, L::loadRun(forms[0]), L::loadRun(forms[1]), result)) return Status::unsupported;
    result.tight().storeRun(forms[0]);
    for (size_t lane = 0; lane < size_t(L::COUNT); lane++) {
      uint64_t form[4];
      std::memcpy(form, forms[0] + 32 * lane, 32);
      L::fromForm(form).toPlain(output.at + placeOf(lane));
    }
  }
  return Status::ok;
}

/// Of Fp2: over lanes it is made of operations of Fp, so one at a time here.
inline Status quadratic(const char* name, Bytes input, Output output) {
  const Bytes first = isBinary(name) ? input.half() : input, second = isBinary(name) ? input.otherHalf() : input;
  if (first.length % 64 != 0 || first.length != output.length) return Status::shape;
  if (!areCanonical<Fp>(input.at, input.length)) return Status::range;
  for (size_t i = 0; i < first.length; i += 64) {
    const Fp2 a = Fp2::fromPlain(first.at + i), b = Fp2::fromPlain(second.at + i);
    Fp2 result;
    if (std::strcmp(name, "invert") == 0) {
      result = a.inverse();
    } else if (!operate(name, a, b, result)) {
      return Status::unsupported;
    }
    result.toPlain(output.at + i);
  }
  return Status::ok;
}

template <template <typename> class Lanes, typename F>
Status group(const char* name, Bytes input, Output output) {
  constexpr size_t POINT = Affine<F>::BYTES;
  if (std::strcmp(name, "add") == 0) {
    const Bytes first = input.half(), second = input.otherHalf();
    if (first.length % POINT != 0 || output.length != first.length) return Status::shape;
    if (!areCanonical<Fp>(input.at, input.length)) return Status::range;
    for (size_t i = 0; i < first.length; i += POINT) {
      (Xyzz<F>::from(Affine<F>::fromPlain(first.at + i)) + Affine<F>::fromPlain(second.at + i)).toAffine().toPlain(output.at + i);
    }
    return Status::ok;
  }
  // Points, then scalars.
  const size_t count = input.length / (POINT + 32);
  const Bytes points{input.at, count * POINT}, scalars{input.at + points.length, count * 32};
  if (points.length + scalars.length != input.length) return Status::shape;
  if (!areCanonical<Fp>(points.at, points.length) || !areCanonical<Fr>(scalars.at, scalars.length)) return Status::range;
  if (std::strcmp(name, "multiply") == 0) {
    if (output.length != points.length) return Status::shape;
    for (size_t i = 0; i < count; i++) {
      (Xyzz<F>::from(Affine<F>::fromPlain(points.at + i * POINT)) * (scalars.at + i * 32)).toAffine().toPlain(output.at + i * POINT);
    }
    return Status::ok;
  }
  if (std::strcmp(name, "product") != 0) return Status::unsupported;
  if (output.length != POINT) return Status::shape;
  Buffer<uint8_t> key;
  if (key.allocate(points.length) != Status::ok) return Status::memory;
  for (size_t i = 0; i < count; i++) {
    const Affine<F> point = Affine<F>::fromPlain(points.at + i * POINT);
    toForms(point.x, key.data() + i * POINT);
    toForms(point.y, key.data() + i * POINT + POINT / 2);
  }
  using V = typename CoordinatesOf<Lanes, F>::Type;
  Bases<V> bases;
  Status status = bases.open(key.data(), count);
  if (status != Status::ok) return status;
  Digits digits;
  if ((status = digits.open(scalars.at, count)) != Status::ok) return status;
  Product<V> product;
  if ((status = product.open(bases, digits)) != Status::ok) return status;
  Workspace<Lanes<Fp>> workspace;
  for (size_t task = 0; task < product.tasks(); task++) {
    if ((status = product.run(task, workspace)) != Status::ok) return status;
  }
  product.sum().toAffine().toPlain(output.at);
  return Status::ok;
}

template <typename L>
Status transformed(Goal goal, Bytes input, Output output) {
  const size_t size = input.length / 32;
  unsigned log2 = 0;
  while (log2 < 27 && size_t(1) << log2 < size) log2++;
  if (input.length != size_t(32) << log2 || output.length != input.length) return Status::shape;
  if (!areCanonical<Fr>(input.at, input.length)) return Status::range;
  Transform<L> transform;
  const Status status = transform.open(log2, goal);
  if (status != Status::ok) return status;
  Buffer<L> work;
  if (work.allocate(size / L::COUNT) != Status::ok) return Status::memory;
  Buffer<uint8_t> values;
  if (values.allocate(input.length) != Status::ok) return Status::memory;
  for (size_t i = 0; i < input.length; i += 32) {
    uint64_t form[4];
    L::toForm(Fr::fromPlain(input.at + i), form);
    std::memcpy(values.data() + i, form, 32);
  }
  transform.run(values.data(), work.data());
  for (size_t i = 0; i < input.length; i += 32) {
    uint64_t form[4];
    std::memcpy(form, values.data() + i, 32);
    L::fromForm(form).toPlain(output.at + i);
  }
  return Status::ok;
}

/// Unknown names are `Status::unsupported`.
template <template <typename> class Lanes>
Status compute(const char* operation, const uint8_t* input, size_t length, uint8_t* output, size_t outputLength) {
  const Bytes from{input, length};
  const Output to{output, outputLength};
  if (std::strncmp(operation, "fp.", 3) == 0) return field<Lanes<Fp>, Fp>(operation + 3, from, to);
  if (std::strcmp(operation, "fr.toOddRoots") == 0) return transformed<Lanes<Fr>>(Goal::oddRoots, from, to);
  if (std::strcmp(operation, "fr.slopes") == 0) return transformed<Lanes<Fr>>(Goal::slopes, from, to);
  if (std::strncmp(operation, "fr.", 3) == 0) return field<Lanes<Fr>, Fr>(operation + 3, from, to);
  if (std::strncmp(operation, "fp2.", 4) == 0) return quadratic(operation + 4, from, to);
  if (std::strncmp(operation, "g1.", 3) == 0) return group<Lanes, Fp>(operation + 3, from, to);
  if (std::strncmp(operation, "g2.", 3) == 0) return group<Lanes, Fp2>(operation + 3, from, to);
  return Status::unsupported;
}

}  // namespace plimsoll::computing

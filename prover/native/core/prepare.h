// SPDX-License-Identifier: GPL-3.0-or-later
/// Prepared keys: the same key with other points, from which the same proofs are made in half of the time.
///
/// Groth16's h is q(τ)·Z(τ) for the quotient q of a·b − c by Z = Xⁿ − 1. snarkjs's key takes it by the n values of a·b − c at the odd
/// 2n-th roots, which are all as wide as the field. On the n-th roots themselves q is, by the rule of l'Hôpital,
///   q = a'·b + a·b' − c',   a' = E·a, E = F·diag(k)·F⁻¹ / n   (F: the transform from coefficients to values)
/// Let α be what the constant 1 alone puts into the rows of A, and a = α + ã. Then α·b' and c' are sums of what is known of b and c:
///   Σ qᵢ·Tᵢ = Σ (a'ᵢ·bᵢ + ãᵢ·b'ᵢ)·Tᵢ + Σ cᵢ·Uᵢ + Σ bᵢ·Vᵢ,   T = −2 F⁻¹·S·F·H (S: powers of the 2n-th root), U = −Eᵗ·T, V = Eᵗ·(α∘T)
/// A row with ãᵢ = bᵢ = 0 costs nothing: one that says that a signal is a bit, where it is 0, in circom's form (bit − 1)·bit; and one that
/// only fills the domain. c is zero in all rows for bits. The last sum is linear in the witness, so it is in the points C: each wire's
/// point there has Bᵗ·V more, in a prepared key those of the public wires too.
///
/// Nothing here is secret. From wrong points C and H come proofs that do not verify; whoever loads such a file has to know that all else in
/// it is the key's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "curve.h"
#include "key.h"
#include "memory.h"
#include "ntt.h"
#include "points.h"
#include "status.h"
#include "threads.h"

namespace plimsoll {

/// Makes the points T and U, one after the other, and those of C, from a key.
template <template <typename> class Lanes>
class Preparation {
 public:
  /// `h` is of 2·domain points, `c` of as many as there are wires, in the form of zkey files.
  /// `cancel` is polled: any value but 0 stops the work soon.
  [[nodiscard]] Status run(const Zkey& key, unsigned threads, const volatile int32_t* cancel, uint8_t* h, uint8_t* c);

 private:
  using L = Lanes<Fp>;
  using V = Single<L>;
  using Points = LanePoints<V>;
  static constexpr size_t COUNT = size_t(L::COUNT), POINT = 4 * FIELD_BYTES;
  static constexpr uint32_t ALL = (uint32_t(1) << COUNT) - 1;
  /// Lanes of a task.
  static constexpr size_t PIECE = 64;
  /// Terms whose multiples are kept at once.
  static constexpr size_t TERMS = size_t(1) << 14;

  struct Scalar {
    uint8_t bytes[FIELD_BYTES];
  };
  static Scalar plain(const Fr& element) {
    Scalar scalar;
    element.toPlain(scalar.bytes);
    return scalar;
  }

  /// Points at places of an array. Infinity is all zero there.
  static Points load(const Buffer<uint8_t>& points, const size_t places[COUNT]) {
    const uint8_t* at[COUNT];
    for (size_t lane = 0; lane < COUNT; lane++) at[lane] = points.data() + places[lane] * POINT;
    return loadFrom(at);
  }
  static Points loadFrom(const uint8_t* at[COUNT]) {
    V coordinates[4];
    for (V& coordinate : coordinates) {
      coordinate = V::load(at);
      for (size_t lane = 0; lane < COUNT; lane++) at[lane] += FIELD_BYTES;
    }
    return {coordinates[0], coordinates[1], coordinates[2], coordinates[3], coordinates[2].blanks()};
  }
  static void storeTo(const Points& from, uint8_t* at[COUNT]) {
    for (const V& coordinate : {from.x, from.y, from.zz, from.zzz}) {
      coordinate.tight().store(at);
      for (size_t lane = 0; lane < COUNT; lane++) {
        if ((from.empty >> lane & 1) != 0) std::memset(at[lane], 0, FIELD_BYTES);
        at[lane] += FIELD_BYTES;
      }
    }
  }
  static void store(const Points& from, Buffer<uint8_t>& points, const size_t places[COUNT]) {
    uint8_t* at[COUNT];
    for (size_t lane = 0; lane < COUNT; lane++) at[lane] = points.data() + places[lane] * POINT;
    storeTo(from, at);
  }
  static void put(const Affine<Fp>& point, Buffer<uint8_t>& points, size_t place) {
    uint8_t* const at = points.data() + place * POINT;
    if (point.isInfinity()) {
      std::memset(at, 0, POINT);
      return;
    }
    const Fp coordinates[] = {point.x, point.y, Fp::one(), Fp::one()};
    for (size_t i = 0; i < 4; i++) V::toForm(coordinates[i], at + i * FIELD_BYTES);
  }

  static Points multiply(const Points& points, const Scalar scalars[COUNT]);
  template <typename ScalarOf>
  void multiplyAll(const Buffer<uint8_t>& from, Buffer<uint8_t>& to, size_t count, const ScalarOf& scalarOf) const;
  template <bool DOWN>
  void transform(Buffer<uint8_t>& points) const;
  void toFile(const Buffer<uint8_t>& points, uint8_t* file) const;
  [[nodiscard]] Status addToC(const Zkey& key, const Matrices& matrices, const Buffer<uint8_t>& v, uint8_t* c) const;

  /// Calls task for each run of COUNT places, on all threads.
  template <typename Task>
  void forRuns(size_t runs, const Task& task) const {
    parallel(threads_, (runs + PIECE - 1) / PIECE, [&](size_t piece) {
      if (*cancel_ != 0) return;
      const size_t end = (piece + 1) * PIECE < runs ? (piece + 1) * PIECE : runs;
      for (size_t run = piece * PIECE; run < end; run++) task(run);
    });
  }

  size_t size_ = 0;
  unsigned log2_ = 0, threads_ = 1;
  const volatile int32_t* cancel_ = nullptr;
  /// Powers of the roots of unity that the transforms take: up the inverse of the other's. Plain.
  Buffer<Scalar> up_, down_;
};

/// Each point by its scalar, four bits at a time, as digits from −8 to 7.
template <template <typename> class Lanes>
LanePoints<Single<Lanes<Fp>>> Preparation<Lanes>::multiply(const Points& points, const Scalar scalars[COUNT]) {
  constexpr size_t MOST = 8, DIGITS = 64;
  uint8_t digits[COUNT][DIGITS];
  for (size_t lane = 0; lane < COUNT; lane++) {
    // With 8 added at each place, a digit d reads as d + 8. The sum is below 2^256.
    unsigned carry = 0;
    for (size_t i = 0; i < FIELD_BYTES; i++) {
      const unsigned sum = scalars[lane].bytes[i] + 0x88u + carry;
      digits[lane][2 * i] = sum & 15;
      digits[lane][2 * i + 1] = sum >> 4 & 15;
      carry = sum >> 8;
    }
  }
  alignas(64) uint8_t multiples[MOST + 1][COUNT][POINT];
  const auto keep = [&](size_t multiple, const Points& of) {
    uint8_t* at[COUNT];
    for (size_t lane = 0; lane < COUNT; lane++) at[lane] = multiples[multiple][lane];
    storeTo(of, at);
  };
  std::memset(multiples[0], 0, sizeof multiples[0]);
  Points multiple = points;
  for (size_t i = 1; i <= MOST; i++) {
    keep(i, multiple);
    if (i < MOST) multiple.template add<false>(points);
  }
  const V one = V::all(Fp::one());
  Points sum{one, one, one, one, ALL};
  for (size_t i = DIGITS; i-- > 0;) {
    if (sum.empty != ALL) {
      for (int j = 0; j < 4; j++) sum = sum.doubled();
    }
    uint32_t minus = 0, some = 0;
    const uint8_t* at[COUNT];
    for (size_t lane = 0; lane < COUNT; lane++) {
      const int digit = int(digits[lane][i]) - 8;
      minus |= uint32_t(digit < 0) << lane;
      some |= uint32_t(digit != 0) << lane;
      at[lane] = multiples[digit < 0 ? -digit : digit][lane];
    }
    if (some == 0) continue;
    Points term = loadFrom(at);
    term.y = term.y.negateIf(minus);
    sum.template add<false>(term);
  }
  return sum;
}

template <template <typename> class Lanes>
template <typename ScalarOf>
void Preparation<Lanes>::multiplyAll(const Buffer<uint8_t>& from, Buffer<uint8_t>& to, size_t count, const ScalarOf& scalarOf) const {
  forRuns((count + COUNT - 1) / COUNT, [&](size_t run) {
    size_t places[COUNT];
    Scalar scalars[COUNT];
    for (size_t lane = 0; lane < COUNT; lane++) {
      places[lane] = run * COUNT + lane < count ? run * COUNT + lane : count - 1;
      scalars[lane] = scalarOf(places[lane]);
    }
    store(multiply(load(from, places), scalars), to, places);
  });
}

/// In place: DOWN multiplies by F, into the order of reversed bits; up, out of it, by F⁻¹ times the size.
template <template <typename> class Lanes>
template <bool DOWN>
void Preparation<Lanes>::transform(Buffer<uint8_t>& points) const {
  for (size_t step = 1; step <= log2_; step++) {
    const size_t half = DOWN ? size_ >> step : size_t(1) << (step - 1), blocks = size_ / 2 / half;
    // Butterflies with the same root next to one another, where they fill lanes: then no lane waits for another's digits.
    const bool shared = blocks >= COUNT;
    forRuns(size_ / 2 / COUNT, [&](size_t run) {
      size_t low[COUNT], high[COUNT];
      Scalar roots[COUNT];
      bool ones = true;
      for (size_t lane = 0; lane < COUNT; lane++) {
        const size_t place = run * COUNT + lane, block = shared ? place % blocks : place / half, within = shared ? place / blocks : place % half;
        low[lane] = 2 * block * half + within;
        high[lane] = low[lane] + half;
        roots[lane] = (DOWN ? down_ : up_)[within * blocks];
        ones &= within == 0;
      }
      Points a = load(points, low), b = load(points, high);
      if (!DOWN && !ones) b = multiply(b, roots);
      Points difference = b;
      difference.y = difference.y.negateIf(ALL);
      difference.template add<false>(a);
      a.template add<false>(b);
      if (DOWN && !ones) difference = multiply(difference, roots);
      store(a, points, low);
      store(difference, points, high);
    });
  }
}

template <template <typename> class Lanes>
void Preparation<Lanes>::toFile(const Buffer<uint8_t>& points, uint8_t* file) const {
  forRuns(size_ / COUNT, [&](size_t run) {
    size_t places[COUNT];
    for (size_t lane = 0; lane < COUNT; lane++) places[lane] = run * COUNT + lane;
    const Points loaded = load(points, places);
    for (size_t lane = 0; lane < COUNT; lane++) {
      const Affine<Fp> point = loaded.at(int(lane)).toAffine();
      std::memcpy(file + places[lane] * G1_BYTES, point.x.limbs, FIELD_BYTES);
      std::memcpy(file + places[lane] * G1_BYTES + FIELD_BYTES, point.y.limbs, FIELD_BYTES);
    }
  });
}

/// c := C + Bᵗ·V.
template <template <typename> class Lanes>
Status Preparation<Lanes>::addToC(const Zkey& key, const Matrices& matrices, const Buffer<uint8_t>& v, uint8_t* c) const {
  Buffer<Xyzz<Fp>> sums;
  Buffer<uint8_t> multiples;
  Buffer<uint32_t> rowOf;
  const size_t terms = matrices.b.wire.size(), absent = size_t(key.publics) + 1;
  if (sums.allocate(key.wires) != Status::ok || multiples.allocate(TERMS * POINT) != Status::ok || rowOf.allocate(terms) != Status::ok) return Status::memory;
  for (size_t wire = 0; wire < key.wires; wire++) {
    sums[wire] = wire < absent ? Xyzz<Fp>::infinity() : Xyzz<Fp>::from(G1::fromZkey(key.c + (wire - absent) * G1_BYTES));
  }
  for (size_t row = 0; row < size_; row++) {
    for (uint32_t term = matrices.b.rows[row]; term < matrices.b.rows[row + 1]; term++) rowOf[term] = uint32_t(row);
  }
  for (size_t from = 0; from < terms; from += TERMS) {
    const size_t count = terms - from < TERMS ? terms - from : TERMS;
    forRuns((count + COUNT - 1) / COUNT, [&](size_t run) {
      size_t places[COUNT], rows[COUNT];
      Scalar scalars[COUNT];
      for (size_t lane = 0; lane < COUNT; lane++) {
        places[lane] = run * COUNT + lane < count ? run * COUNT + lane : count - 1;
        rows[lane] = rowOf[from + places[lane]];
        scalars[lane] = plain(matrices.coefficients[matrices.b.coefficient[from + places[lane]]]);
      }
      store(multiply(load(v, rows), scalars), multiples, places);
    });
    for (size_t at = 0; at < count; at += COUNT) {
      size_t places[COUNT];
      for (size_t lane = 0; lane < COUNT; lane++) places[lane] = at + lane < count ? at + lane : count - 1;
      const Points loaded = load(multiples, places);
      for (size_t lane = 0; lane < COUNT && at + lane < count; lane++) {
        Xyzz<Fp>& sum = sums[matrices.b.wire[from + at + lane]];
        sum = sum + loaded.at(int(lane));
      }
    }
  }
  forRuns((size_t(key.wires) + COUNT - 1) / COUNT, [&](size_t run) {
    for (size_t wire = run * COUNT; wire < (run + 1) * COUNT && wire < key.wires; wire++) {
      const Affine<Fp> point = sums[wire].toAffine();
      std::memcpy(c + wire * G1_BYTES, point.x.limbs, FIELD_BYTES);
      std::memcpy(c + wire * G1_BYTES + FIELD_BYTES, point.y.limbs, FIELD_BYTES);
    }
  });
  return Status::ok;
}

template <template <typename> class Lanes>
Status Preparation<Lanes>::run(const Zkey& key, unsigned threads, const volatile int32_t* cancel, uint8_t* h, uint8_t* c) {
  threads_ = threads;
  cancel_ = cancel;
  size_ = key.domain;
  while (size_t(1) << log2_ < size_) log2_++;
  Matrices matrices;
  Buffer<uint8_t> first, second;
  Buffer<Fr> alpha;
  Status status = matrices.read(key);
  if (status != Status::ok) return status;
  for (const Status each : {first.allocate(size_ * POINT), second.allocate(size_ * POINT), alpha.allocate(size_), up_.allocate(size_ / 2), down_.allocate(size_ / 2)}) {
    if (each != Status::ok) return each;
  }
  const Fr root = rootOfUnity(log2_), inverse = root.inverse(), shift = rootOfUnity(log2_ + 1), half = Fr::one().doubled().inverse();
  Fr up = Fr::one(), down = Fr::one(), perSize = Fr::one();
  for (size_t i = 0; i < size_ / 2; i++, up = up * inverse, down = down * root) {
    up_[i] = plain(up);
    down_[i] = plain(down);
  }
  for (unsigned i = 0; i < log2_; i++) perSize = perSize * half;
  const auto reversed = [&](size_t place) {
    size_t result = 0;
    for (unsigned bit = 0; bit < log2_; bit++) result |= (place >> bit & 1) << (log2_ - 1 - bit);
    return result;
  };
  const auto number = [](uint64_t value) {
    uint8_t bytes[FIELD_BYTES] = {};
    for (int i = 0; i < 8; i++) bytes[i] = uint8_t(value >> (8 * i));
    return Fr::fromPlain(bytes);
  };
  const auto power = [](const Fr& of, size_t exponent) {
    Fr result = Fr::one(), square = of;
    for (; exponent > 0; exponent /= 2, square = square.square()) {
      if (exponent % 2 == 1) result = result * square;
    }
    return result;
  };

  // 1. T = −2 F⁻¹·S·F·H and U = 2/n F⁻¹·diag(k)·S·F·H. All are symmetric: here F comes first, down, then its inverse, up.
  for (size_t i = 0; i < size_; i++) put(G1::fromZkey(key.h + i * G1_BYTES), first, i);
  transform<true>(first);
  const Fr minusTwo = Fr::one().doubled().negate();
  multiplyAll(first, first, size_, [&](size_t place) { return plain(minusTwo * perSize * power(shift, reversed(place))); });
  multiplyAll(first, second, size_, [&](size_t place) { return plain((number(reversed(place)) * perSize).negate()); });
  transform<false>(first);
  transform<false>(second);
  toFile(first, h);
  toFile(second, h + size_ * G1_BYTES);

  // 2. V = Eᵗ·(α∘T).
  for (size_t row = 0; row < size_; row++) {
    alpha[row] = Fr::zero();
    for (uint32_t term = matrices.a.rows[row]; term < matrices.a.rows[row + 1]; term++) {
      if (matrices.a.wire[term] == 0) alpha[row] = alpha[row] + matrices.coefficients[matrices.a.coefficient[term]];
    }
  }
  multiplyAll(first, first, size_, [&](size_t place) { return plain(alpha[place]); });
  transform<true>(first);
  const Fr perSquare = perSize.square();
  multiplyAll(first, first, size_, [&](size_t place) { return plain(number(reversed(place)) * perSquare); });
  transform<false>(first);
  status = *cancel != 0 ? Status::cancelled : addToC(key, matrices, first, c);
  return status == Status::ok && *cancel != 0 ? Status::cancelled : status;
}

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// Proofs in 128 bytes to proofs in 256: y of each point from x and a sign. prover/src/verify/compressed.ts describes the form.
///
/// Everything here is public, and time depends on it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "curve.h"
#include "field.h"
#include "pairing.h"
#include "status.h"
#include "threads.h"

namespace plimsoll {

constexpr size_t COMPRESSED_BYTES = 128;

namespace compressed {

/// value^((p − 3) / 4), four bits at a time. Times the value it is a root of the value, or of its negative.
inline Fp rootPower(const Fp& value) {
  uint64_t exponent[4];
  // p is 3 modulo 4.
  for (int i = 0; i < 4; i++) exponent[i] = Fp::MODULUS[i] >> 2 | (i < 3 ? Fp::MODULUS[i + 1] << 62 : 0);
  Fp powers[16];
  powers[0] = Fp::one();
  for (int i = 1; i < 16; i++) powers[i] = powers[i - 1] * value;
  Fp result = Fp::one();
  for (int digit = 63; digit >= 0; digit--) {
    for (int i = 0; i < 4; i++) result = result.square();
    result = result * powers[exponent[digit / 16] >> (4 * (digit % 16)) & 15];
  }
  return result;
}

/// A root of a number; false where it has none.
inline bool root(const Fp& square, Fp& result) {
  result = rootPower(square) * square;
  return result.square() == square;
}

/// Whether a number is above half of the modulus: its double, less the modulus, is odd then.
inline bool isUpper(const Fp& value) {
  uint8_t bytes[32];
  value.doubled().toPlain(bytes);
  return (bytes[0] & 1) == 1;
}
inline bool isUpper(const Fp2& value) { return isUpper(value.b.isZero() ? value.a : value.b); }

/// A coordinate of 32 bytes, big-endian, whose highest bit is a sign. False where it is not below the modulus.
inline bool take(const uint8_t* bytes, Fp& x, bool& upper) {
  uint8_t little[32];
  for (int i = 0; i < 32; i++) little[i] = bytes[31 - i];
  upper = little[31] >= 0x80;
  little[31] &= 0x7f;
  x = Fp::fromPlain(little);
  return Fp::isCanonical(little);
}

struct Constants {
  Fp half = Fp::one().doubled().inverse(), three = Fp::one().doubled() + Fp::one();
  /// The twist is y² = x³ + 3 / ξ.
  Fp2 twist = pairing::scaled(pairing::timesXi(Fp2::one()).inverse(), three);
};

/// y of the point with this x on the curve; no point has y = 0. False where there is none.
inline bool complete(G1& point, bool upper, const Constants& constants) {
  if (!root(point.x.square() * point.x + constants.three, point.y)) return false;
  if (isUpper(point.y) != upper) point.y = point.y.negate();
  return true;
}

/// Likewise on the twist.
inline bool complete(G2& point, bool upper, const Constants& constants) {
  const Fp& half = constants.half;
  const Fp2 square = point.x.square() * point.x + constants.twist;
  // (y0 + y1·u)² = a0 + a1·u: y0² = (a0 ± |a|) / 2 and y1 = a1 / (2·y0).
  Fp norm;
  if (!root(square.a.square() + square.b.square(), norm)) return false;
  Fp first = (square.a + norm) * half;
  if (first.isZero()) first = (square.a - norm) * half;
  const Fp power = rootPower(first), candidate = power * first;
  // Its square is `first` or −`first`, and `power` is its inverse or the negative of that.
  const bool isRoot = candidate.square() == first;
  const Fp other = square.b * half * (isRoot ? power : power.negate());
  point.y = isRoot ? Fp2{candidate, other} : Fp2{other, candidate};
  if (!(point.y.square() == square)) return false;
  if (isUpper(point.y) != upper) point.y = point.y.negate();
  return true;
}

}  // namespace compressed

/// Writes the plain coordinates of each proof; zeros, which are no sound points, where its bytes are none of points of the curves.
/// Unchecked: that B is in its subgroup.
inline void decompressProofs(const uint8_t* bytes, size_t count, unsigned threads, uint8_t* proofs) {
  using namespace compressed;
  const Constants constants;
  parallel(threads, count, [&](size_t i) {
    const uint8_t* from = bytes + i * COMPRESSED_BYTES;
    uint8_t* to = proofs + i * PROOF_BYTES;
    G1 a, c;
    G2 b;
    bool upperA, upperB, upperC, flag;
    // Each part is read, whatever comes of the others.
    const bool areNumbers[4] = {take(from, a.x, upperA), take(from + 32, b.x.b, upperB), take(from + 64, b.x.a, flag),
                                take(from + 96, c.x, upperC)};
    if (!areNumbers[0] || !areNumbers[1] || !areNumbers[2] || !areNumbers[3] || flag || !complete(a, upperA, constants) ||
        !complete(b, upperB, constants) || !complete(c, upperC, constants)) {
      std::memset(to, 0, PROOF_BYTES);
      return;
    }
    a.toPlain(to);
    b.toPlain(to + 64);
    c.toPlain(to + 192);
  });
}

}  // namespace plimsoll

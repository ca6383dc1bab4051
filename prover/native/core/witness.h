// SPDX-License-Identifier: GPL-3.0-or-later
/// Executes a witness plan: from the input of a circuit to the values of its wires. prover/src/prove/witness-plan.ts makes plans
/// and has their format.
///
/// A plan is not trusted to be sound, only to stay within its bounds, which `open` checks: executing one reads and writes nothing
/// else, whatever is in it. What a wrong plan gives is a witness that proves nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "field.h"
#include "key.h"
#include "memory.h"
#include "status.h"

namespace plimsoll {

class WitnessPlan {
 public:
  /// Reads a plan. Its bytes are not needed afterwards.
  [[nodiscard]] Status open(const uint8_t* file, size_t length);

  /// Length of the input: 32 bytes a value.
  size_t inputBytes() const { return size_t(inputs_) * FIELD_BYTES; }
  /// Length of the witness, a file in snarkjs's wtns format.
  size_t wtnsBytes() const { return WTNS_HEADER_BYTES + wires_.size() * FIELD_BYTES; }

  /// Computes a witness. `Status::unsolved` where no witness can be: digits of a number that has more of them than its place allows,
  /// that is a value out of its range. Whether the witness satisfies the circuit is not checked otherwise.
  /// `Status::range` for an input that is not below the order. May be called by several threads at once.
  [[nodiscard]] Status solve(const uint8_t* input, uint8_t* wtns) const;

 private:
  enum Step : uint32_t { SUM = 0, PRODUCT = 1, DIGITS = 2 };
  /// Places of 1 and −1.
  static constexpr uint32_t ONE = 0, MINUS_ONE = 1;
  static constexpr size_t WTNS_HEADER_BYTES = 76;
  /// Digits are below 2^253, and so is what they add up to.
  static constexpr uint32_t DIGITS_LIMIT = 253;

  [[nodiscard]] Status checkSteps();

  Buffer<Fr> constants_;
  Buffer<uint32_t> wires_;
  Buffer<uint32_t> steps_;
  uint32_t inputs_ = 0;
  /// Places of all values.
  uint32_t values_ = 0;
};

inline Status WitnessPlan::open(const uint8_t* file, size_t length) {
  constexpr size_t HEADER_BYTES = 28;
  constexpr uint32_t VERSION = 1;
  if (length < HEADER_BYTES) return Status::truncated;
  if (std::memcmp(file, "plan", 4) != 0 || loadU32(file + 4) != VERSION) return Status::foreign;
  const uint32_t names = loadU32(file + 8), constants = loadU32(file + 12), wires = loadU32(file + 20),
                 words = loadU32(file + 24);
  inputs_ = loadU32(file + 16);
  // Sums of 32-bit counts times small sizes fit 64 bits.
  const uint64_t expected = HEADER_BYTES + uint64_t(names) + uint64_t(constants) * FIELD_BYTES + uint64_t(wires) * 4 +
                            uint64_t(words) * 4;
  if (length < expected) return Status::truncated;
  if (length > expected || constants <= MINUS_ONE || wires == 0) return Status::shape;

  const uint8_t* at = file + HEADER_BYTES + names;
  if (constants_.allocate(constants) != Status::ok || wires_.allocate(wires) != Status::ok ||
      steps_.allocate(words) != Status::ok) {
    return Status::memory;
  }
  for (uint32_t i = 0; i < constants; i++, at += FIELD_BYTES) {
    if (!Fr::isCanonical(at)) return Status::range;
    constants_[i] = Fr::fromPlain(at);
  }
  if (!(constants_[ONE] == Fr::one()) || !(constants_[MINUS_ONE] == Fr::one().negate())) return Status::shape;
  for (uint32_t i = 0; i < wires; i++, at += 4) wires_[i] = loadU32(at);
  for (uint32_t i = 0; i < words; i++, at += 4) steps_[i] = loadU32(at);
  return checkSteps();
}

/// Every place that a step reads has a value by then, no step reaches beyond the words, and every wire has a place.
inline Status WitnessPlan::checkSteps() {
  uint64_t known = uint64_t(constants_.size()) + inputs_;
  const size_t end = steps_.size();
  size_t at = 0;
  // Takes the next words if there are so many; with `places`, each must be that of a value.
  const auto take = [&](uint64_t count, bool places) {
    if (count > end - at) return false;
    for (const size_t stop = at + size_t(count); at < stop; at++) {
      if (places && steps_[at] >= known) return false;
    }
    return true;
  };
  while (at < end) {
    const uint32_t step = steps_[at++];
    if (step == SUM || step == PRODUCT) {
      if (step == PRODUCT && !take(3, true)) return Status::shape;
      const size_t counts = at;
      if (!take(3, false)) return Status::shape;
      if (!take(uint64_t(steps_[counts]) + steps_[counts + 1] + 2 * uint64_t(steps_[counts + 2]), true)) {
        return Status::shape;
      }
      known++;
    } else if (step == DIGITS) {
      if (!take(1, true) || !take(1, false)) return Status::shape;
      const uint32_t count = steps_[at - 1];
      const size_t exponents = at;
      if (!take(count, false)) return Status::shape;
      for (uint32_t i = 0; i < count; i++) {
        const uint32_t exponent = steps_[exponents + i];
        if (exponent >= DIGITS_LIMIT || (i > 0 && exponent <= steps_[exponents + i - 1])) return Status::shape;
      }
      known += count;
    } else {
      return Status::shape;
    }
  }
  // At most one value for a word of steps: far below 2^32 in a file that fits memory, but for inputs, which have no words.
  if (known > UINT32_MAX) return Status::shape;
  values_ = uint32_t(known);
  for (size_t i = 0; i < wires_.size(); i++) {
    if (wires_[i] >= values_) return Status::shape;
  }
  return Status::ok;
}

inline Status WitnessPlan::solve(const uint8_t* input, uint8_t* wtns) const {
  // 1. Constants and inputs.
  Buffer<Fr> values;
  if (values.allocate(values_) != Status::ok) return Status::memory;
  std::memcpy(static_cast<void*>(values.data()), constants_.data(), constants_.size() * sizeof(Fr));
  Fr* next = values.data() + constants_.size();
  for (uint32_t i = 0; i < inputs_; i++, input += FIELD_BYTES) {
    if (!Fr::isCanonical(input)) return Status::range;
    *next++ = Fr::fromPlain(input);
  }

  // 2. Steps.
  const uint32_t* at = steps_.data();
  const uint32_t* const end = at + steps_.size();
  while (at < end) {
    const uint32_t step = *at++;
    if (step == DIGITS) {
      uint8_t number[FIELD_BYTES];
      values[*at++].toPlain(number);
      for (uint32_t left = *at++; left > 0; left--, at++) {
        uint8_t& byte = number[*at / 8];
        const uint8_t bit = uint8_t(1u << (*at % 8));
        *next++ = (byte & bit) != 0 ? Fr::one() : Fr::zero();
        byte &= uint8_t(~bit);
      }
      uint8_t rest = 0;
      for (const uint8_t byte : number) rest |= byte;
      wipe(number, sizeof number);
      if (rest != 0) return Status::unsolved;
      continue;
    }
    Fr sum = Fr::zero();
    if (step == PRODUCT) {
      sum = values[at[0]] * values[at[1]];
      if (at[2] == MINUS_ONE) {
        sum = sum.negate();
      } else if (at[2] != ONE) {
        sum = sum * values[at[2]];
      }
      at += 3;
    }
    const uint32_t plus = at[0], minus = at[1], products = at[2];
    at += 3;
    for (uint32_t i = 0; i < plus; i++) sum = sum + values[*at++];
    for (uint32_t i = 0; i < minus; i++) sum = sum - values[*at++];
    for (uint32_t i = 0; i < products; i++, at += 2) sum = sum + values[at[0]] * values[at[1]];
    *next++ = sum;
  }

  // 3. The file: mark, version, two sections: field and count, values.
  uint8_t* out = wtns;
  const auto writeU32 = [&](uint32_t number) {
    for (int i = 0; i < 4; i++) *out++ = uint8_t(number >> (8 * i));
  };
  const uint32_t wires = uint32_t(wires_.size());
  const uint64_t bytes = uint64_t(wires) * FIELD_BYTES;
  std::memcpy(out, "wtns", 4);
  out += 4;
  for (const uint32_t number : {2u, 2u, 1u, 40u, 0u, 32u}) writeU32(number);
  std::memcpy(out, reading::SCALAR_ORDER, FIELD_BYTES);
  out += FIELD_BYTES;
  for (const uint32_t number : {wires, 2u, uint32_t(bytes), uint32_t(bytes >> 32)}) writeU32(number);
  for (uint32_t i = 0; i < wires; i++, out += FIELD_BYTES) values[wires_[i]].toPlain(out);
  return Status::ok;
}

}  // namespace plimsoll

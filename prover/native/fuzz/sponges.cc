// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever the constants and inputs of Poseidon, they are refused, or every arithmetic of this machine gives what
/// the definition gives, on one thread and on several.
///
/// An input is four bytes (width, partial rounds, blocks, sponges), then constants and inputs, each a byte that says of what kind it is
/// and what it needs more.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/field.h"
#include "core/status.h"
#include "plimsoll.h"

using namespace plimsoll;
using Bytes = std::vector<uint8_t>;

constexpr size_t FULL_ROUNDS = 8, MOST_PARTIAL = 9, MOST_BLOCKS = 2, MOST_SPONGES = 40;

static void check(bool condition) {
  if (!condition) std::abort();
}

struct Source {
  const uint8_t* at;
  size_t left;

  uint8_t byte() { return left == 0 ? 0 : (left--, *at++); }
  /// Small, near the order, with full limbs, or any; of a few kinds perhaps not below the order.
  void element(uint8_t out[32]) {
    const uint8_t kind = byte();
    std::memset(out, kind % 4 == 2 ? 0xff : 0, 32);
    if (kind % 4 == 0) {
      out[0] = kind / 4;
    } else if (kind % 4 == 1) {
      for (int i = 0; i < 32; i++) out[i] = uint8_t(ScalarField::MODULUS[i / 8] >> (8 * (i % 8)));
      // The order ends in 0xf0000001.
      if (kind != 0xfd) out[0] = 0, out[3] = uint8_t(out[3] - kind / 4);
    } else if (kind % 4 == 3) {
      for (int i = 0; i < 32; i++) out[i] = byte();
    }
    if (kind % 4 >= 2 && kind < 0xfc) out[31] &= 0x2f;
  }
};

/// As circomlib's reference has it.
static void permute(Fr* state, size_t width, size_t partial, const Fr* constants) {
  const Fr* const mix = constants + (FULL_ROUNDS + partial) * width;
  for (size_t r = 0; r < FULL_ROUNDS + partial; r++) {
    Fr raised[17];
    for (size_t i = 0; i < width; i++) {
      const Fr moved = state[i] + constants[r * width + i];
      const bool isFull = r < FULL_ROUNDS / 2 || r >= FULL_ROUNDS / 2 + partial;
      raised[i] = isFull || i == 0 ? moved.square().square() * moved : moved;
    }
    for (size_t i = 0; i < width; i++) {
      state[i] = Fr::zero();
      for (size_t j = 0; j < width; j++) state[i] = state[i] + mix[i * width + j] * raised[j];
    }
  }
}

static Bytes expected(const Bytes& constants, const Bytes& inputs, size_t width, size_t partial, size_t blocks, size_t count) {
  std::vector<Fr> read;
  for (size_t i = 0; i < constants.size(); i += 32) read.push_back(Fr::fromPlain(constants.data() + i));
  Bytes outputs(32 * count);
  const uint8_t* at = inputs.data();
  for (size_t i = 0; i < count; i++) {
    Fr state[17];
    state[0] = Fr::fromPlain(at);
    at += 32;
    for (size_t block = 0; block < blocks; block++) {
      for (size_t j = 1; j < width; j++, at += 32) state[j] = Fr::fromPlain(at);
      permute(state, width, partial, read.data());
    }
    state[0].toPlain(outputs.data() + 32 * i);
  }
  return outputs;
}

static bool areCanonical(const Bytes& bytes) {
  for (size_t i = 0; i < bytes.size(); i += 32) {
    if (!Fr::isCanonical(bytes.data() + i)) return false;
  }
  return true;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Source source{data, size};
  const size_t width = source.byte() % 20, partial = source.byte() % (MOST_PARTIAL + 1), blocks = source.byte() % (MOST_BLOCKS + 1),
               count = source.byte() % (MOST_SPONGES + 1);
  Bytes constants(32 * width * (FULL_ROUNDS + partial + width));
  for (size_t i = 0; i < constants.size(); i += 32) source.element(constants.data() + i);
  Bytes inputs(width < 2 ? 0 : 32 * count * (1 + blocks * (width - 1)));
  for (size_t i = 0; i < inputs.size(); i += 32) source.element(inputs.data() + i);
  const bool isShape = width >= 2 && width <= 17 && partial > 0;

  for (int path = PLIMSOLL_PORTABLE; path <= PLIMSOLL_IFMA; path++) {
    plimsoll_poseidon* poseidon = nullptr;
    const int opened = plimsoll_poseidon_open(constants.data(), constants.size(), width, path, &poseidon);
    check((opened == 0) == (poseidon != nullptr));
    if (plimsoll_supports(path) == 0) {
      check(opened == int(Status::unsupported));
      continue;
    }
    if (!isShape) check(opened == int(Status::shape));
    else if (!areCanonical(constants)) check(opened == int(Status::range));
    else check(opened == int(Status::ok) || opened == int(Status::shape));
    if (opened != 0) continue;

    Bytes outputs(32 * count), again(outputs);
    const auto run = [&](unsigned threads, size_t length, size_t number, Bytes& to) {
      return plimsoll_sponges(poseidon, inputs.data(), length, blocks, threads, to.data(), number);
    };
    const int status = run(1, inputs.size(), count, outputs);
    check(run(3, inputs.size(), count, again) == status && again == outputs);
    if (blocks == 0 || count == 0) {
      check(status == int(Status::shape));
    } else {
      check(status == int(areCanonical(inputs) ? Status::ok : Status::range));
      if (status == 0) check(outputs == expected(constants, inputs, width, partial, blocks, count));
      check(run(1, inputs.size() - 1, count, again) == int(Status::shape));
      check(run(1, inputs.size(), count - 1, again) == int(Status::shape));
    }
    plimsoll_poseidon_close(poseidon);
  }
  return 0;
}

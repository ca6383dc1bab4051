// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever the bytes, reading a proving key ends with a status, and what it read is consistent.
#include <cstdlib>

#include "core/key.h"

using plimsoll::Status;

static void check(bool condition) {
  if (!condition) std::abort();
}

static void checkRows(const plimsoll::SparseRows& matrix, const plimsoll::Zkey& key, size_t coefficients) {
  check(matrix.rows.size() == size_t(key.domain) + 1 && matrix.rows[0] == 0);
  check(matrix.rows[key.domain] == matrix.wire.size() && matrix.wire.size() == matrix.coefficient.size());
  for (size_t row = 0; row < key.domain; row++) check(matrix.rows[row] <= matrix.rows[row + 1]);
  for (size_t entry = 0; entry < matrix.wire.size(); entry++) {
    check(matrix.wire[entry] < key.wires && matrix.coefficient[entry] < coefficients);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plimsoll::Zkey key;
  if (plimsoll::readZkey(data, size, key) != Status::ok) return 0;
  // Every point lies in the file.
  const auto inside = [&](const uint8_t* at, uint64_t bytes) { check(at >= data && bytes <= uint64_t(data + size - at)); };
  inside(key.a, uint64_t(key.wires) * plimsoll::G1_BYTES);
  inside(key.b1, uint64_t(key.wires) * plimsoll::G1_BYTES);
  inside(key.b2, uint64_t(key.wires) * plimsoll::G2_BYTES);
  inside(key.c, uint64_t(key.wires - key.absent()) * plimsoll::G1_BYTES);
  inside(key.h, uint64_t(key.points()) * plimsoll::G1_BYTES);
  plimsoll::Matrices matrices;
  check(matrices.read(key) == Status::ok);
  check(matrices.a.wire.size() + matrices.b.wire.size() == key.termCount);
  checkRows(matrices.a, key, matrices.coefficients.size());
  checkRows(matrices.b, key, matrices.coefficients.size());
  return 0;
}

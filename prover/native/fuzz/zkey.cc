// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever the bytes, reading a proving key and opening it ends with a status, and what it read is consistent.
#include <cstdlib>

#include "core/key.h"
#include "plimsoll.h"

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
  const Status read = plimsoll::readZkey(data, size, key);
  if (read == Status::ok) {
    plimsoll::Matrices matrices;
    check(matrices.read(key) == Status::ok);
    check(matrices.a.wire.size() + matrices.b.wire.size() == key.termCount);
    checkRows(matrices.a, key, matrices.coefficients.size());
    checkRows(matrices.b, key, matrices.coefficients.size());
  }
  plimsoll_key* opened = nullptr;
  const int status = plimsoll_key_open(data, size, PLIMSOLL_PORTABLE, &opened);
  check((status == 0) == (opened != nullptr) && (read == Status::ok || status == int(read)));
  plimsoll_key_close(opened);
  return 0;
}

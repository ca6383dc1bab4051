// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever the bytes, reading a witness file ends with a status, and its values lie in the file.
#include <cstdlib>

#include "core/key.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plimsoll::Wtns witness;
  if (plimsoll::readWtns(data, size, witness) != plimsoll::Status::ok) return 0;
  const uint64_t bytes = uint64_t(witness.count) * plimsoll::FIELD_BYTES;
  if (witness.values < data || bytes > uint64_t(data + size - witness.values) || witness.count == 0) std::abort();
  for (uint32_t i = 0; i < witness.count; i++) {
    if (!plimsoll::Fr::isCanonical(witness.values + size_t(i) * plimsoll::FIELD_BYTES)) std::abort();
  }
  return 0;
}

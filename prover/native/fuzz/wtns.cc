// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever the bytes, proving from a witness file ends with a status. The key is the file named by FUZZ_KEY.
#include <cstdio>
#include <cstdlib>

#include "core/key.h"
#include "plimsoll.h"

static plimsoll_key* key;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  static uint8_t bytes[1 << 20];
  FILE* file = std::fopen(std::getenv("FUZZ_KEY"), "rb");
  if (file == nullptr) std::abort();
  const size_t length = std::fread(bytes, 1, sizeof bytes, file);
  std::fclose(file);
  if (plimsoll_key_open(bytes, length, PLIMSOLL_PORTABLE, &key) != 0) std::abort();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plimsoll::Wtns witness;
  const plimsoll::Status read = plimsoll::readWtns(data, size, witness);
  const uint8_t blinding[64] = {7};
  const volatile int32_t cancel = 0;
  uint8_t proof[256];
  const int status = plimsoll_prove(key, data, size, blinding, 1, &cancel, proof);
  if (read != plimsoll::Status::ok && status != int(read)) std::abort();
  return 0;
}

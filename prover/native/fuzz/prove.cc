// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever a key holds that the reader accepts (points off the curve, matrices of no circuit), a proof with it
/// ends. The witness is of the right length and follows from the key's bytes.
#include <cstdlib>
#include <cstring>

#include "core/key.h"
#include "plimsoll.h"

using namespace plimsoll;

static void store(uint8_t* at, uint32_t value) { std::memcpy(at, &value, 4); }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Zkey key;
  const Status read = readZkey(data, size, key);
  for (const int path : {PLIMSOLL_PORTABLE, PLIMSOLL_FUSED, PLIMSOLL_IFMA}) {
    if (plimsoll_supports(path) == 0) continue;
    plimsoll_key* opened = nullptr;
    const int status = plimsoll_key_open(data, size, path, &opened);
    if ((status == 0) != (read == Status::ok) || (status == 0) != (opened != nullptr)) std::abort();
    if (status != 0) continue;

    constexpr size_t VALUES = 12 + 12 + 40 + 12;
    Buffer<uint8_t> wtns;
    if (wtns.allocateZeroed(VALUES + size_t(key.wires) * FIELD_BYTES) != Status::ok) std::abort();
    std::memcpy(wtns.data(), "wtns\2\0\0\0\2\0\0\0\1\0\0\0\50\0\0\0\0\0\0\0\40\0\0\0", 28);
    std::memcpy(wtns.data() + 28, reading::SCALAR_ORDER, FIELD_BYTES);
    store(wtns.data() + 60, key.wires);
    store(wtns.data() + 64, 2);
    store(wtns.data() + 68, uint32_t(key.wires * FIELD_BYTES));
    wtns[VALUES] = 1;
    for (size_t wire = 1; wire < key.wires; wire++) {
      uint8_t* value = wtns.data() + VALUES + wire * FIELD_BYTES;
      const uint8_t kind = data[wire % size];
      if (kind % 4 == 0) {
        std::memcpy(value, data + (wire * 31) % (size - 32), 31);  // any size
      } else {
        value[0] = kind % 4 - 1;  // 0, 1, 2
      }
    }
    const uint8_t blinding[64] = {7};
    const volatile int32_t cancel = 0;
    uint8_t proof[256];
    if (plimsoll_prove(opened, wtns.data(), wtns.size(), blinding, 1, &cancel, proof) != 0) std::abort();
    plimsoll_key_close(opened);
  }
  return 0;
}

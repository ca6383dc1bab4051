// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever a plan holds that is opened, executing it ends, reads and writes nothing else, and gives a witness file
/// or says that there is none. The input follows from the plan's bytes.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/key.h"
#include "plimsoll.h"

using namespace plimsoll;

/// Where a plan has the number of its inputs, which takes no room in the file: a billion are as easily said as one.
constexpr size_t INPUTS_AT = 16;
constexpr uint32_t MOST_INPUTS = 4096;
/// Of a witness file, before the values.
constexpr size_t HEADER_BYTES = 76;

static void check(bool condition) {
  if (!condition) std::abort();
}

static std::vector<uint8_t> inputOf(const uint8_t* data, size_t size, uint32_t count) {
  std::vector<uint8_t> input(size_t(count) * FIELD_BYTES);
  for (uint32_t i = 0; i < count; i++) {
    uint8_t* value = input.data() + size_t(i) * FIELD_BYTES;
    const uint8_t kind = data[(7 * i) % size];
    if (kind % 4 == 3) {
      for (size_t byte = 0; byte < 31; byte++) value[byte] = data[(31 * i + byte) % size];  // below the order
    } else {
      value[0] = kind % 4;
    }
  }
  return input;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plimsoll_plan* plan = nullptr;
  const int opened = plimsoll_plan_open(data, size, &plan);
  check((opened == 0) == (plan != nullptr));
  if (opened != 0) return 0;

  const uint32_t count = loadU32(data + INPUTS_AT);
  std::vector<uint8_t> wtns(plimsoll_plan_wtns_bytes(plan)), again(wtns.size());
  const uint8_t none = 0;
  if (count > MOST_INPUTS) {
    check(plimsoll_witness(plan, &none, 0, wtns.data(), wtns.size()) == int(Status::mismatch));
  } else {
    std::vector<uint8_t> input = inputOf(data, size, count);
    const int status = plimsoll_witness(plan, input.data(), input.size(), wtns.data(), wtns.size());
    check(status == int(Status::ok) || status == int(Status::unsolved));
    if (status == int(Status::ok)) {
      Wtns witness;
      // A plan that is wrong may give the first wire, which is one, any value: the reader refuses that, and nothing else.
      std::vector<uint8_t> begun = wtns;
      uint8_t* const first = begun.data() + HEADER_BYTES;
      std::memset(first, 0, FIELD_BYTES);
      first[0] = 1;
      check(readWtns(wtns.data(), wtns.size(), witness) == (begun == wtns ? Status::ok : Status::range));
      check(readWtns(begun.data(), begun.size(), witness) == Status::ok);
      check(size_t(witness.count) * FIELD_BYTES + size_t(witness.values - begun.data()) == wtns.size());
    }
    check(plimsoll_witness(plan, input.data(), input.size(), again.data(), again.size()) == status);
    check(status != int(Status::ok) || wtns == again);
    if (count > 0) {
      std::memset(input.data() + input.size() - FIELD_BYTES, 0xff, FIELD_BYTES);
      check(plimsoll_witness(plan, input.data(), input.size(), wtns.data(), wtns.size()) == int(Status::range));
    }
    check(plimsoll_witness(plan, input.data(), input.size() + 1, wtns.data(), wtns.size()) == int(Status::mismatch));
    check(plimsoll_witness(plan, input.data(), input.size(), wtns.data(), wtns.size() - 1) == int(Status::mismatch));
  }
  plimsoll_plan_close(plan);
  return 0;
}

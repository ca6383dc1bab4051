// SPDX-License-Identifier: GPL-3.0-or-later
/// Every allocation of Poseidon fails in turn, until none does: each failure is `Status::memory`, nothing is leaked (the sanitizers
/// watch), and what is opened afterwards works. test/native/allocation.test.ts compiles and runs this with `--wrap=aligned_alloc`.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/lanes.h"
#include "core/poseidon.h"

using namespace plimsoll;

static long left = 0;
static bool failed = false;

extern "C" void* __real_aligned_alloc(size_t alignment, size_t bytes);
extern "C" void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  if (left-- > 0) return __real_aligned_alloc(alignment, bytes);
  failed = true;
  return nullptr;
}

static void check(bool condition) {
  if (!condition) std::abort();
}

int main() {
  constexpr size_t WIDTH = 3, ROWS = 8 + 13 + WIDTH;
  std::vector<uint8_t> constants(32 * WIDTH * ROWS), inputs(32 * WIDTH), output(32), first(32);
  for (size_t i = 0; i < constants.size(); i += 32) constants[i] = uint8_t(3 + i * i / 96);
  long failures = 0;
  for (long allowed = 0;; allowed++) {
    left = allowed;
    failed = false;
    Poseidon<OneLane<Fr>> poseidon;
    const Status status = poseidon.open(constants.data(), constants.size(), WIDTH);
    if (failed) {
      check(status == Status::memory);
      failures++;
      // The same object again, as nothing half-made is in the way.
      left = 1'000'000;
      check(poseidon.open(constants.data(), constants.size(), WIDTH) == Status::ok);
    } else {
      check(status == Status::ok);
    }
    // Sponges allocate nothing.
    left = 0;
    failed = false;
    check(poseidon.sponges(inputs.data(), inputs.size(), 1, 1, output.data(), 1) == Status::ok && !failed);
    if (allowed == 0) first = output;
    check(output == first);
    if (status == Status::ok) break;
  }
  std::printf("%ld failures\n", failures);
  return 0;
}

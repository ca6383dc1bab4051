// SPDX-License-Identifier: GPL-3.0-or-later
/// Every allocation of the core fails in turn, until none does: each failure is `Status::memory`, nothing is leaked (the sanitizers
/// watch), and the same call afterwards works. On every arithmetic of this machine: `allocation <zkey> <wtns> <plan>`.
/// test/native/allocation.long.test.ts compiles and runs this with `--wrap=aligned_alloc` and the like for `new`.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "core/key.h"
#include "core/pairing.h"
#include "plimsoll.h"

using namespace plimsoll;
using Bytes = std::vector<uint8_t>;

static long left = 0;
static bool failed = false;

static bool mayAllocate() {
  if (__atomic_fetch_sub(&left, 1, __ATOMIC_RELAXED) > 0) return true;
  __atomic_store_n(&failed, true, __ATOMIC_RELAXED);
  return false;
}

extern "C" void* __real_aligned_alloc(size_t alignment, size_t bytes);
extern "C" void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return mayAllocate() ? __real_aligned_alloc(alignment, bytes) : nullptr;
}
extern "C" void* __real__ZnwmRKSt9nothrow_t(size_t bytes, const std::nothrow_t& tag);
extern "C" void* __wrap__ZnwmRKSt9nothrow_t(size_t bytes, const std::nothrow_t& tag) {
  return mayAllocate() ? __real__ZnwmRKSt9nothrow_t(bytes, tag) : nullptr;
}

static void check(bool condition) {
  if (!condition) std::abort();
}

static void allowAll() { left = 1'000'000'000; }

/// Calls `work` with one more allocation allowed each time, until none fails; after each failure without a limit. Returns the failures.
template <typename Prepare, typename Work>
static long exhaust(const char* what, const Prepare& prepare, const Work& work) {
  for (long allowed = 0;; allowed++) {
    allowAll();
    auto prepared = prepare();
    failed = false;
    left = allowed;
    const int status = work(prepared);
    const bool hasFailed = failed;
    allowAll();
    check(status == int(hasFailed ? Status::memory : Status::ok));
    if (hasFailed) check(work(prepared) == int(Status::ok));
    if (hasFailed) continue;
    std::printf("%s: %ld failures\n", what, allowed);
    return allowed;
  }
}

static Bytes read(const char* name) {
  std::FILE* const file = std::fopen(name, "rb");
  check(file != nullptr);
  Bytes bytes(1 << 22);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  return bytes;
}

/// A key that is closed at the end of its life.
struct Key {
  plimsoll_key* key = nullptr;
  Key() = default;
  Key(Key&& other) : key(other.key) { other.key = nullptr; }
  ~Key() { close(); }
  void close() {
    if (key != nullptr) plimsoll_key_close(key);
    key = nullptr;
  }
};

static void proveBy(int path, const Bytes& zkey, const Bytes& wtns, Bytes& first) {
  const auto none = [] { return Key(); };
  const auto open = [&](Key& key) {
    key.close();
    return plimsoll_key_open(zkey.data(), zkey.size(), path, &key.key);
  };
  exhaust("open a key", none, open);
  for (const unsigned threads : {1u, 3u}) {
    const auto opened = [&] {
      Key key;
      check(open(key) == int(Status::ok));
      return key;
    };
    exhaust("prove", opened, [&](const Key& key) {
      const uint8_t blinding[64] = {7};
      const int32_t cancel = 0;
      Bytes proof(256);
      const int status = plimsoll_prove(key.key, wtns.data(), wtns.size(), blinding, threads, &cancel, proof.data());
      if (status == 0 && first.empty()) first = proof;
      check(status != 0 || proof == first);
      return status;
    });
  }
}

/// By a key, and by the prepared one of it, which gives the same proof.
static void provePath(int path, const Bytes& zkey, const Bytes& wtns) {
  Bytes first, prepared(plimsoll_prepared_bytes(zkey.data(), zkey.size()));
  exhaust("prepare a key", [] { return nullptr; }, [&](std::nullptr_t) {
    const int32_t cancel = 0;
    return plimsoll_prepare(zkey.data(), zkey.size(), path, 1, &cancel, prepared.data(), prepared.size());
  });
  proveBy(path, zkey, wtns, first);
  proveBy(path, prepared, wtns, first);
}

static void hashPath(int path) {
  constexpr size_t WIDTH = 3, ROWS = 8 + 13 + WIDTH;
  Bytes constants(32 * WIDTH * ROWS), inputs(32 * WIDTH * 40), first;
  for (size_t i = 0; i < constants.size(); i += 32) constants[i] = uint8_t(3 + i * i / 96);
  exhaust("Poseidon", [] { return nullptr; }, [&](std::nullptr_t) {
    plimsoll_poseidon* poseidon;
    const int status = plimsoll_poseidon_open(constants.data(), constants.size(), WIDTH, path, &poseidon);
    if (status != 0) return status;
    // Sponges allocate nothing.
    const long kept = left;
    left = 0;
    Bytes output(32 * 40);
    check(plimsoll_sponges(poseidon, inputs.data(), inputs.size(), 1, 1, output.data(), 40) == int(Status::ok));
    if (first.empty()) first = output;
    check(output == first);
    left = kept;
    plimsoll_poseidon_close(poseidon);
    return status;
  });
}

int main(int count, char** words) {
  allowAll();
  check(count == 4);
  const Bytes zkey = read(words[1]), wtns = read(words[2]), plan = read(words[3]);
  for (const int path : {PLIMSOLL_PORTABLE, PLIMSOLL_FUSED, PLIMSOLL_IFMA}) {
    if (plimsoll_supports(path) == 0) continue;
    std::printf("path %d\n", path);
    provePath(path, zkey, wtns);
    hashPath(path);
  }
  exhaust("open a plan", [] { return nullptr; }, [&](std::nullptr_t) {
    plimsoll_plan* opened;
    const int status = plimsoll_plan_open(plan.data(), plan.size(), &opened);
    if (status == 0) plimsoll_plan_close(opened);
    return status;
  });
  // Points at infinity: the batch does not hold, and is worked out all the same.
  const size_t proofs = 3, publics = 2;
  const Bytes key(VERIFYING_KEY_BYTES), points(publics * G1_BYTES), scalars(publics * FIELD_BYTES), batch(proofs * PROOF_BYTES),
      coefficients(proofs * COEFFICIENT_BYTES, 1);
  for (const unsigned threads : {1u, 2u}) {
    exhaust("verify a batch", [] { return nullptr; }, [&](std::nullptr_t) {
      int hold = 0;
      return plimsoll_verify_batch(key.data(), key.size(), batch.data(), batch.size(), coefficients.data(), coefficients.size(),
                                   points.data(), points.size(), scalars.data(), scalars.size(), threads, &hold);
    });
  }
  return 0;
}

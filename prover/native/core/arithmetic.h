// SPDX-License-Identifier: GPL-3.0-or-later
/// Which arithmetic computes: the core as it looks from outside. The rest of it is written over lanes and is here put together for
/// each kind of lanes that the build has.
#pragma once
#include <cstddef>
#include <cstdint>
#include <new>

#include "compute.h"
#include "groth16.h"
#include "key.h"
#include "lanes.h"
#include "poseidon.h"
#include "status.h"
#ifdef __wasm__
#include "lanes-wasm.h"
#else
#include "prepare.h"
#endif

namespace plimsoll {

/// The arithmetic that runs everywhere; lanes of fused multiply-add, four by AVX2, in WebAssembly two by relaxed SIMD; eight lanes by
/// AVX-512 IFMA.
enum class Path : int { portable = 0, fused = 1, ifma = 2 };

/// One kind of arithmetic as functions. A file that is compiled for a richer processor than the rest gives away nothing but these
/// (see ifma.cc), so that no function compiled for it can be called by chance on a machine that lacks it.
struct Arithmetic {
  Status (*open)(const Zkey& key, Buffer<uint8_t>* file, void** opened);
  void (*close)(void* opened);
  Status (*prove)(const void* opened, const Wtns& witness, const uint8_t r[32], const uint8_t s[32], unsigned threads,
                  const volatile int32_t* cancel, uint8_t proof[256]);
  Status (*compute)(const char* operation, const uint8_t* input, size_t length, uint8_t* output, size_t outputLength);
  Status (*openPoseidon)(const uint8_t* constants, size_t length, size_t width, void** opened);
  void (*closePoseidon)(void* opened);
  Status (*sponges)(const void* opened, const uint8_t* inputs, size_t length, size_t blocks, unsigned threads, uint8_t* outputs,
                    size_t count);
  size_t minDomain;
#ifndef __wasm__
  Status (*prepare)(const Zkey& key, unsigned threads, const volatile int32_t* cancel, uint8_t* h, uint8_t* c);
#endif
};

template <template <typename> class Lanes>
struct ArithmeticOver {
  using Mode = typename Lanes<Fp>::Mode;
  static Status open(const Zkey& key, Buffer<uint8_t>* file, void** opened) {
    const Mode mode;
    Prover<Lanes>* prover = new (std::nothrow) Prover<Lanes>;
    if (prover == nullptr) return Status::memory;
    const Status status = prover->open(key, file);
    if (status == Status::ok) {
      *opened = prover;
    } else {
      delete prover;
    }
    return status;
  }
  static void close(void* opened) { delete static_cast<Prover<Lanes>*>(opened); }
  static Status prove(const void* opened, const Wtns& witness, const uint8_t r[32], const uint8_t s[32], unsigned threads,
                      const volatile int32_t* cancel, uint8_t proof[256]) {
    const Mode mode;
    return static_cast<const Prover<Lanes>*>(opened)->prove(witness, r, s, threads, cancel, proof);
  }
  static Status compute(const char* operation, const uint8_t* input, size_t length, uint8_t* output, size_t outputLength) {
    const Mode mode;
    return computing::compute<Lanes>(operation, input, length, output, outputLength);
  }
  using Hash = Poseidon<Lanes<Fr>>;
  static Status openPoseidon(const uint8_t* constants, size_t length, size_t width, void** opened) {
    const Mode mode;
    Hash* hash = new (std::nothrow) Hash;
    if (hash == nullptr) return Status::memory;
    const Status status = hash->open(constants, length, width);
    if (status == Status::ok) {
      *opened = hash;
    } else {
      delete hash;
    }
    return status;
  }
  static void closePoseidon(void* opened) { delete static_cast<Hash*>(opened); }
  static Status sponges(const void* opened, const uint8_t* inputs, size_t length, size_t blocks, unsigned threads, uint8_t* outputs,
                        size_t count) {
    const Mode mode;
    return static_cast<const Hash*>(opened)->sponges(inputs, length, blocks, threads, outputs, count);
  }
#ifdef __wasm__
  static constexpr Arithmetic FUNCTIONS = {open, close, prove, compute, openPoseidon, closePoseidon, sponges, Prover<Lanes>::MIN_DOMAIN};
#else
  static Status prepare(const Zkey& key, unsigned threads, const volatile int32_t* cancel, uint8_t* h, uint8_t* c) {
    const Mode mode;
    return Preparation<Lanes>().run(key, threads, cancel, h, c);
  }
  static constexpr Arithmetic FUNCTIONS = {open,           close,   prove,                    compute, openPoseidon,
                                           closePoseidon, sponges, Prover<Lanes>::MIN_DOMAIN, prepare};
#endif
};

}  // namespace plimsoll

#ifdef PLIMSOLL_X86
/// Of avx2.cc and ifma.cc, to be called only where their paths are `supported`.
extern "C" const plimsoll::Arithmetic plimsoll_avx2_arithmetic, plimsoll_ifma_arithmetic;
#endif

namespace plimsoll {

/// Whether build and machine have it.
inline bool supported(Path path) {
  if (path == Path::portable) return true;
#if defined(PLIMSOLL_X86)
  if (!__builtin_cpu_supports("bmi2")) return false;
  if (path == Path::fused) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return path == Path::ifma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma") &&
         __builtin_cpu_supports("avx512vbmi2");
#elif defined(__wasm__)
  return path == Path::fused && Pairs::fused();
#else
  return false;
#endif
}

/// Of a supported path.
inline const Arithmetic& arithmetic(Path path) {
#if defined(PLIMSOLL_X86)
  if (path == Path::ifma) return plimsoll_ifma_arithmetic;
  if (path == Path::fused) return plimsoll_avx2_arithmetic;
#elif defined(__wasm__)
  if (path == Path::fused) return ArithmeticOver<PairLanes>::FUNCTIONS;
#endif
  (void)path;
  return ArithmeticOver<OneLane>::FUNCTIONS;
}

/// A key opened for one arithmetic. Domains too small for it are computed by the portable one.
class ProvingKey {
 public:
  ProvingKey() = default;
  ProvingKey(const ProvingKey&) = delete;
  ProvingKey& operator=(const ProvingKey&) = delete;
  ~ProvingKey() {
    if (opened_ != nullptr) functions_->close(opened_);
  }

  /// Once. See `Prover::open`.
  [[nodiscard]] Status open(const Zkey& key, Path path, Buffer<uint8_t>* file = nullptr) {
    if (!supported(path)) return Status::unsupported;
    functions_ = &arithmetic(path);
    if (key.domain < functions_->minDomain) functions_ = &arithmetic(Path::portable);
    return functions_->open(key, file, &opened_);
  }
  /// See `Prover::prove`.
  [[nodiscard]] Status prove(const Wtns& witness, const uint8_t r[32], const uint8_t s[32], unsigned threads,
                             const volatile int32_t* cancel, uint8_t proof[256]) const {
    return functions_->prove(opened_, witness, r, s, threads, cancel, proof);
  }

 private:
  const Arithmetic* functions_ = nullptr;
  void* opened_ = nullptr;
};

/// Poseidon opened for one arithmetic.
class Hasher {
 public:
  Hasher() = default;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  ~Hasher() {
    if (opened_ != nullptr) functions_->closePoseidon(opened_);
  }

  /// Once. See `Poseidon::open`.
  [[nodiscard]] Status open(const uint8_t* constants, size_t length, size_t width, Path path) {
    if (!supported(path)) return Status::unsupported;
    functions_ = &arithmetic(path);
    return functions_->openPoseidon(constants, length, width, &opened_);
  }
  /// See `Poseidon::sponges`.
  [[nodiscard]] Status sponges(const uint8_t* inputs, size_t length, size_t blocks, unsigned threads, uint8_t* outputs,
                               size_t count) const {
    return functions_->sponges(opened_, inputs, length, blocks, threads, outputs, count);
  }

 private:
  const Arithmetic* functions_ = nullptr;
  void* opened_ = nullptr;
};

[[nodiscard]] inline Status prove(const ProvingKey& key, const Wtns& witness, const uint8_t r[32], const uint8_t s[32],
                                  unsigned threads, const volatile int32_t* cancel, uint8_t proof[256]) {
  return key.prove(witness, r, s, threads, cancel, proof);
}

#ifndef __wasm__
/// See `Preparation::run`.
[[nodiscard]] inline Status prepare(const Zkey& key, Path path, unsigned threads, const volatile int32_t* cancel, uint8_t* h,
                                    uint8_t* c) {
  if (!supported(path)) return Status::unsupported;
  const Arithmetic* functions = &arithmetic(path);
  if (key.domain < functions->minDomain) functions = &arithmetic(Path::portable);
  return functions->prepare(key, threads, cancel, h, c);
}
#endif

[[nodiscard]] inline Status compute(const char* operation, Path path, const uint8_t* input, size_t length, uint8_t* output,
                                    size_t outputLength) {
  if (!supported(path)) return Status::unsupported;
  return arithmetic(path).compute(operation, input, length, output, outputLength);
}

}  // namespace plimsoll

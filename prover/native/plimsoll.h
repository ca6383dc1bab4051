// SPDX-License-Identifier: GPL-3.0-or-later
/// The prover as a C interface: what the Node addon and the WebAssembly module are made of.
///
/// Every function that can fail returns a `Status` of core/status.h as an integer, 0 for success. Nothing is printed or written,
/// nothing is drawn at random: blinding comes from the caller. All numbers are little-endian.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// An opened proving key. It may be used by several threads at once.
typedef struct plimsoll_key plimsoll_key;

/// Which arithmetic: the one that runs everywhere, lanes of fused multiply-add (AVX2, or relaxed SIMD in WebAssembly), or eight lanes
/// of AVX-512 IFMA. A larger number is faster.
enum { PLIMSOLL_PORTABLE = 0, PLIMSOLL_FUSED = 1, PLIMSOLL_IFMA = 2 };

/// 1 where the processor and the build have this arithmetic.
int plimsoll_supports(int path);

/// Reads a snarkjs proving key. The file is not needed afterwards.
int plimsoll_key_open(const uint8_t* zkey, size_t length, int path, plimsoll_key** key);
/// Likewise; takes the file over, whatever comes of it, and keeps the points in it where that can be. `zkey` is of `aligned_alloc`.
int plimsoll_key_take(uint8_t* zkey, size_t length, int path, plimsoll_key** key);
void plimsoll_key_close(plimsoll_key* key);

/// Writes the prepared key of a proving key (core/prepare.h): proofs are the same and take half of the time. A file of
/// `plimsoll_prepared_bytes`, which is 0 for a file that is no proving key or is prepared. Takes minutes where a proof takes a second.
/// Not in WebAssembly, which proves with such keys all the same.
size_t plimsoll_prepared_bytes(const uint8_t* zkey, size_t length);
int plimsoll_prepare(const uint8_t* zkey, size_t length, int path, unsigned threads, const volatile int32_t* cancel,
                     uint8_t* prepared, size_t prepared_length);

/// Makes a proof of a snarkjs witness file. `blinding` is two scalars below the order, r then s; both uniform and used once, or
/// the proof shows what it hides. `cancel` is polled: any value but 0 stops the work soon. `threads` is at least 1.
/// The proof: A, B, C as plain coordinates, x then y, in G2 the real part first; infinity is all zero.
int plimsoll_prove(const plimsoll_key* key, const uint8_t* wtns, size_t length, const uint8_t blinding[64], unsigned threads,
                   const volatile int32_t* cancel, uint8_t proof[256]);

/// An opened witness plan. It may be used by several threads at once.
typedef struct plimsoll_plan plimsoll_plan;

/// Reads a witness plan (core/witness.h). The file is not needed afterwards.
int plimsoll_plan_open(const uint8_t* file, size_t length, plimsoll_plan** plan);
void plimsoll_plan_close(plimsoll_plan* plan);
size_t plimsoll_plan_wtns_bytes(const plimsoll_plan* plan);

/// Computes a snarkjs witness file of `plimsoll_plan_wtns_bytes` from the plan's input, 32 bytes a value.
int plimsoll_witness(const plimsoll_plan* plan, const uint8_t* input, size_t length, uint8_t* wtns, size_t wtns_length);

/// Writes the 256 bytes of each proof of 128 (core/compressed.h); zeros, which are no sound points, for one that is not made of points
/// of the curves.
int plimsoll_decompress_proofs(const uint8_t* compressed, size_t length, unsigned threads, uint8_t* proofs, size_t proofs_length);

/// Writes 1 for each proof of 256 bytes whose points are on their curves, in their subgroups and not infinity, else 0.
int plimsoll_check_proofs(const uint8_t* proofs, size_t length, unsigned threads, uint8_t* sound, size_t count);

/// Whether all of some proofs whose points are sound hold under one key, but for an error of probability 2^-128. core/pairing.h has
/// the equation. `key` is alpha, beta, gamma, delta (448 bytes), `coefficients` 16 uniform bytes a proof, fresh in every call;
/// `points` (64 bytes) and `scalars` (32 bytes) give the sum over the public signals, the first scalar is the sum of coefficients.
int plimsoll_verify_batch(const uint8_t* key, size_t key_length, const uint8_t* proofs, size_t proofs_length,
                          const uint8_t* coefficients, size_t coefficients_length, const uint8_t* points,
                          size_t points_length, const uint8_t* scalars, size_t scalars_length, unsigned threads, int* hold);

/// Poseidon of one width. It may be used by several threads at once.
typedef struct plimsoll_poseidon plimsoll_poseidon;

/// Reads the constants of a permutation of `width` elements (2 to 17), 32 bytes each: those of 8 full rounds and the partial ones between
/// them, then the mixing matrix by rows. They are not needed afterwards.
int plimsoll_poseidon_open(const uint8_t* constants, size_t length, size_t width, int path, plimsoll_poseidon** poseidon);
void plimsoll_poseidon_close(plimsoll_poseidon* poseidon);

/// Sponges over `blocks` (at least 1) blocks of `width` - 1 elements. An input is the capacity, then the blocks, 32 bytes an element; an
/// output is 32 bytes.
int plimsoll_sponges(const plimsoll_poseidon* poseidon, const uint8_t* inputs, size_t length, size_t blocks, unsigned threads,
                     uint8_t* outputs, size_t count);

/// One operation of the core on bytes, for tests that hold it against other implementations (core/compute.h lists them).
int plimsoll_compute(const char* operation, int path, const uint8_t* input, size_t length, uint8_t* output,
                     size_t output_length);

#ifdef __cplusplus
}
#endif

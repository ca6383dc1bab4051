// SPDX-License-Identifier: GPL-3.0-or-later
#include "plimsoll.h"

#include <new>

#include "core/arithmetic.h"
#include "core/compressed.h"
#include "core/key.h"
#include "core/pairing.h"
#include "core/witness.h"

using plimsoll::Path;
using plimsoll::Status;

struct plimsoll_key {
  plimsoll::ProvingKey key;
};

static bool isPath(int path) { return path >= PLIMSOLL_PORTABLE && path <= PLIMSOLL_IFMA; }

extern "C" int plimsoll_supports(int path) { return isPath(path) && plimsoll::supported(Path(path)) ? 1 : 0; }

static int openKey(const uint8_t* zkey, size_t length, int path, plimsoll::Buffer<uint8_t>* taken, plimsoll_key** key) {
  *key = nullptr;
  if (plimsoll_supports(path) == 0) return int(Status::unsupported);
  plimsoll::Zkey file;
  const Status read = plimsoll::readZkey(zkey, length, file);
  if (read != Status::ok) return int(read);
  plimsoll_key* opened = new (std::nothrow) plimsoll_key;
  if (opened == nullptr) return int(Status::memory);
  const Status status = opened->key.open(file, Path(path), taken);
  if (status == Status::ok) {
    *key = opened;
  } else {
    delete opened;
  }
  return int(status);
}

extern "C" int plimsoll_key_open(const uint8_t* zkey, size_t length, int path, plimsoll_key** key) {
  return openKey(zkey, length, path, nullptr, key);
}

extern "C" int plimsoll_key_take(uint8_t* zkey, size_t length, int path, plimsoll_key** key) {
  plimsoll::Buffer<uint8_t> file;
  file.take(zkey, length);
  return openKey(zkey, length, path, &file, key);
}

extern "C" void plimsoll_key_close(plimsoll_key* key) { delete key; }

#ifndef __wasm__
static size_t preparedBytes(const plimsoll::Zkey& key, size_t length) {
  return key.prepared ? 0 : length + (key.absent() + key.domain) * plimsoll::G1_BYTES;
}

extern "C" size_t plimsoll_prepared_bytes(const uint8_t* zkey, size_t length) {
  plimsoll::Zkey key;
  return plimsoll::readZkey(zkey, length, key) == Status::ok ? preparedBytes(key, length) : 0;
}

extern "C" int plimsoll_prepare(const uint8_t* zkey, size_t length, int path, unsigned threads, const volatile int32_t* cancel,
                                uint8_t* prepared, size_t prepared_length) {
  if (!isPath(path)) return int(Status::unsupported);
  plimsoll::Zkey key;
  const Status read = plimsoll::readZkey(zkey, length, key);
  if (read != Status::ok) return int(read);
  if (key.prepared || prepared_length != preparedBytes(key, length)) return int(Status::shape);
  uint8_t *h = nullptr, *c = nullptr;
  plimsoll::copyPrepared(key, zkey, length, prepared, &h, &c);
  return int(plimsoll::prepare(key, Path(path), threads, cancel, h, c));
}
#endif

extern "C" int plimsoll_prove(const plimsoll_key* key, const uint8_t* wtns, size_t length, const uint8_t blinding[64],
                              unsigned threads, const volatile int32_t* cancel, uint8_t proof[256]) {
  plimsoll::Wtns witness;
  const Status read = plimsoll::readWtns(wtns, length, witness);
  if (read != Status::ok) return int(read);
  return int(plimsoll::prove(key->key, witness, blinding, blinding + 32, threads, cancel, proof));
}

struct plimsoll_plan {
  plimsoll::WitnessPlan plan;
};

extern "C" int plimsoll_plan_open(const uint8_t* file, size_t length, plimsoll_plan** plan) {
  *plan = nullptr;
  plimsoll_plan* opened = new (std::nothrow) plimsoll_plan;
  if (opened == nullptr) return int(Status::memory);
  const Status status = opened->plan.open(file, length);
  if (status == Status::ok) {
    *plan = opened;
  } else {
    delete opened;
  }
  return int(status);
}

extern "C" void plimsoll_plan_close(plimsoll_plan* plan) { delete plan; }

extern "C" size_t plimsoll_plan_wtns_bytes(const plimsoll_plan* plan) { return plan->plan.wtnsBytes(); }

extern "C" int plimsoll_witness(const plimsoll_plan* plan, const uint8_t* input, size_t length, uint8_t* wtns,
                                size_t wtns_length) {
  if (length != plan->plan.inputBytes() || wtns_length != plan->plan.wtnsBytes()) return int(Status::mismatch);
  return int(plan->plan.solve(input, wtns));
}

extern "C" int plimsoll_decompress_proofs(const uint8_t* compressed, size_t length, unsigned threads, uint8_t* proofs,
                                          size_t proofs_length) {
  const size_t count = length / plimsoll::COMPRESSED_BYTES;
  if (length != count * plimsoll::COMPRESSED_BYTES || proofs_length != count * plimsoll::PROOF_BYTES) return int(Status::shape);
  plimsoll::decompressProofs(compressed, count, threads, proofs);
  return int(Status::ok);
}

extern "C" int plimsoll_check_proofs(const uint8_t* proofs, size_t length, unsigned threads, uint8_t* sound,
                                     size_t count) {
  if (length / plimsoll::PROOF_BYTES != count || length % plimsoll::PROOF_BYTES != 0) return int(Status::shape);
  return int(plimsoll::checkProofs(proofs, count, threads, sound));
}

extern "C" int plimsoll_verify_batch(const uint8_t* key, size_t key_length, const uint8_t* proofs, size_t proofs_length,
                                     const uint8_t* coefficients, size_t coefficients_length, const uint8_t* points,
                                     size_t points_length, const uint8_t* scalars, size_t scalars_length,
                                     unsigned threads, int* hold) {
  const size_t count = proofs_length / plimsoll::PROOF_BYTES, publics = points_length / plimsoll::G1_BYTES;
  if (key_length != plimsoll::VERIFYING_KEY_BYTES || proofs_length != count * plimsoll::PROOF_BYTES ||
      coefficients_length != count * plimsoll::COEFFICIENT_BYTES || points_length != publics * plimsoll::G1_BYTES ||
      scalars_length != publics * plimsoll::FIELD_BYTES) {
    return int(Status::shape);
  }
  bool all = false;
  const Status status =
      plimsoll::verifyBatch(key, proofs, coefficients, count, points, scalars, publics, threads, all);
  *hold = all ? 1 : 0;
  return int(status);
}

struct plimsoll_poseidon {
  plimsoll::Hasher hasher;
};

extern "C" int plimsoll_poseidon_open(const uint8_t* constants, size_t length, size_t width, int path,
                                      plimsoll_poseidon** poseidon) {
  *poseidon = nullptr;
  if (plimsoll_supports(path) == 0) return int(Status::unsupported);
  plimsoll_poseidon* opened = new (std::nothrow) plimsoll_poseidon;
  if (opened == nullptr) return int(Status::memory);
  const Status status = opened->hasher.open(constants, length, width, Path(path));
  if (status == Status::ok) {
    *poseidon = opened;
  } else {
    delete opened;
  }
  return int(status);
}

extern "C" void plimsoll_poseidon_close(plimsoll_poseidon* poseidon) { delete poseidon; }

extern "C" int plimsoll_sponges(const plimsoll_poseidon* poseidon, const uint8_t* inputs, size_t length, size_t blocks,
                                unsigned threads, uint8_t* outputs, size_t count) {
  return int(poseidon->hasher.sponges(inputs, length, blocks, threads, outputs, count));
}

extern "C" int plimsoll_compute(const char* operation, int path, const uint8_t* input, size_t length, uint8_t* output,
                                size_t output_length) {
  if (plimsoll_supports(path) == 0) return int(Status::unsupported);
  return int(plimsoll::compute(operation, Path(path), input, length, output, output_length));
}

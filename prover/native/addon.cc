// SPDX-License-Identifier: GPL-3.0-or-later
/// The C interface as a Node addon (Node-API 8). Work runs on libuv's threads, so that the event loop is free.
///
///   supports(path) → boolean
///   open(zkey, path) → Promise<key or status>           the array is read until the promise settles
///   prepare(zkey, path, threads, cancel) → Promise<file or status>   minutes; the arrays are read until the promise settles
///   prove(key, wtns, blinding, threads, cancel) → Promise<proof bytes or status>      so are these
///   close(key)                                          at once, or when the last proof with it is done
///   openPlan(plan) → plan or status                     at once; freed with the last reference
///   witness(plan, input) → wtns bytes or status         at once: a few milliseconds
///   decompressProofs(compressed, threads) → Promise<bytes or status>        256 bytes a proof
///   checkProofs(proofs, threads) → Promise<bytes or status>         one byte a proof
///   verifyBatch(key, proofs, coefficients, points, scalars, threads) → Promise<boolean or status>
///   openPoseidon(constants, width, path) → handle or status         at once: a few milliseconds; freed with the last reference
///   sponges(poseidon, inputs, blocks, threads) → Promise<bytes or status>
///   compute(operation, path, input, outputLength) → bytes or status
///
/// A number in place of a result is a `Status`. Arguments of other types throw a TypeError, and so does a handle of another kind or
/// of another addon: only prover/src/node/native.ts calls this.
#define NAPI_VERSION 8
#include <node_api.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "core/memory.h"
#include "core/status.h"
#include "plimsoll.h"

namespace {

using plimsoll::Status;

constexpr size_t PROOF_BYTES = 256;
constexpr size_t COMPRESSED_BYTES = 128;
constexpr size_t BLINDING_BYTES = 64;

/// What a JavaScript handle of a key holds. Touched on the event loop only.
struct Handle {
  plimsoll_key* key;
  /// Proofs being made with it: it is freed after the last of them.
  int users = 0;
  bool closed = false;

  void freeIfUnused() {
    if (users > 0 || !closed) return;
    plimsoll_key_close(key);
    key = nullptr;
  }
};

struct Bytes {
  uint8_t* data;
  size_t length;
};

bool readBytes(napi_env env, napi_value value, napi_typedarray_type wanted, Bytes* bytes) {
  bool isTyped = false;
  if (napi_is_typedarray(env, value, &isTyped) != napi_ok || !isTyped) return false;
  napi_typedarray_type type;
  void* data;
  size_t length;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return false;
  *bytes = {static_cast<uint8_t*>(data), length};
  return type == wanted;
}

bool readInt(napi_env env, napi_value value, int32_t* number) { return napi_get_value_int32(env, value, number) == napi_ok; }

napi_value refuse(napi_env env) {
  napi_throw_type_error(env, nullptr, "plimsoll addon: wrong arguments");
  return nullptr;
}

napi_value statusValue(napi_env env, Status status) {
  napi_value value = nullptr;
  napi_create_int32(env, int32_t(status), &value);
  return value;
}

/// A piece of work on another thread, the JavaScript values it reads, and the promise of its result.
struct Job {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  /// Keeps the arrays alive that the work reads.
  napi_ref held = nullptr;
  Status status = Status::ok;

  virtual ~Job() = default;
  virtual void execute() = 0;
  /// On the event loop again, after success.
  virtual napi_value result(napi_env env) = 0;

  /// Hands the job over; from here on it frees itself.
  static napi_value start(napi_env env, const char* name, std::unique_ptr<Job> job, const napi_value* values, size_t count) {
    napi_value promise = nullptr, label = nullptr, list = nullptr;
    if (napi_create_array_with_length(env, count, &list) != napi_ok) return nullptr;
    for (size_t i = 0; i < count; i++) napi_set_element(env, list, uint32_t(i), values[i]);
    if (napi_create_reference(env, list, 1, &job->held) != napi_ok ||
        napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &label) != napi_ok ||
        napi_create_async_work(env, nullptr, label, run, finish, job.get(), &job->work) != napi_ok ||
        napi_create_promise(env, &job->deferred, &promise) != napi_ok || napi_queue_async_work(env, job->work) != napi_ok) {
      napi_throw_error(env, nullptr, "plimsoll addon: no work can be started");
      return nullptr;
    }
    job.release();
    return promise;
  }

 private:
  static void run(napi_env, void* data) { static_cast<Job*>(data)->execute(); }
  static void finish(napi_env env, napi_status outcome, void* data) {
    const std::unique_ptr<Job> job(static_cast<Job*>(data));
    if (outcome != napi_ok) job->status = Status::cancelled;
    napi_value value = job->status == Status::ok ? job->result(env) : nullptr;
    if (value == nullptr) value = statusValue(env, job->status == Status::ok ? Status::memory : job->status);
    napi_resolve_deferred(env, job->deferred, value);
    napi_delete_reference(env, job->held);
    napi_delete_async_work(env, job->work);
  }
};

/// What a handle is of. Each value is a random number of this addon's own, so that no other addon's handles bear it.
constexpr napi_type_tag KEY_TAG = {0x125faf8a4a8de195, 0xd1e1744ce4ffdcc0};
constexpr napi_type_tag PLAN_TAG = {0x68c18a7befb9cbad, 0xccfaf283c0d6fcc7};
constexpr napi_type_tag POSEIDON_TAG = {0x2f0650bd41e6b227, 0x832ea44e9679f2d2};

/// A handle that bears a tag. Frees nothing where it fails: null, and `data` is the caller's still.
napi_value taggedHandle(napi_env env, void* data, napi_finalize finalize, const napi_type_tag& tag) {
  napi_value value = nullptr;
  if (napi_create_external(env, data, nullptr, nullptr, &value) != napi_ok) return nullptr;
  if (napi_type_tag_object(env, value, &tag) != napi_ok) return nullptr;
  if (napi_add_finalizer(env, value, data, finalize, nullptr, nullptr) != napi_ok) return nullptr;
  return value;
}

/// What a handle with this tag holds; null for anything else.
void* handleData(napi_env env, napi_value value, const napi_type_tag& tag) {
  napi_valuetype type;
  bool isOurs = false;
  void* data = nullptr;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) return nullptr;
  if (napi_check_object_type_tag(env, value, &tag, &isOurs) != napi_ok || !isOurs) return nullptr;
  return napi_get_value_external(env, value, &data) == napi_ok ? data : nullptr;
}

/// Nobody uses it any more: a proof being made would keep the handle alive.
void finalizeHandle(napi_env, void* data, void*) {
  Handle* handle = static_cast<Handle*>(data);
  plimsoll_key_close(handle->key);
  delete handle;
}

struct OpenJob : Job {
  Bytes zkey;
  int32_t path;
  plimsoll_key* key = nullptr;

  ~OpenJob() override { plimsoll_key_close(key); }
  void execute() override { status = Status(plimsoll_key_open(zkey.data, zkey.length, path, &key)); }
  napi_value result(napi_env env) override {
    Handle* handle = new (std::nothrow) Handle{key};
    if (handle == nullptr) return nullptr;
    napi_value value = taggedHandle(env, handle, finalizeHandle, KEY_TAG);
    if (value == nullptr) {
      delete handle;
      return nullptr;
    }
    key = nullptr;
    return value;
  }
};

struct PrepareJob : Job {
  Bytes zkey;
  int32_t path, threads;
  const volatile int32_t* cancel;
  uint8_t* prepared = nullptr;
  size_t length = 0;

  ~PrepareJob() override { std::free(prepared); }
  void execute() override {
    length = plimsoll_prepared_bytes(zkey.data, zkey.length);
    prepared = static_cast<uint8_t*>(std::malloc(length == 0 ? 1 : length));
    status = prepared == nullptr ? Status::memory : Status(plimsoll_prepare(zkey.data, zkey.length, path, unsigned(threads), cancel, prepared, length));
  }
  napi_value result(napi_env env) override {
    napi_value value = nullptr;
    return napi_create_buffer_copy(env, length, prepared, nullptr, &value) == napi_ok ? value : nullptr;
  }
};

struct ProveJob : Job {
  Handle* handle = nullptr;
  Bytes wtns;
  const volatile int32_t* cancel;
  int32_t threads;
  uint8_t blinding[BLINDING_BYTES];
  uint8_t proof[PROOF_BYTES];

  ~ProveJob() override {
    plimsoll::wipe(blinding, sizeof blinding);
    if (handle == nullptr) return;
    handle->users--;
    handle->freeIfUnused();
  }
  void execute() override {
    status = Status(plimsoll_prove(handle->key, wtns.data, wtns.length, blinding, unsigned(threads), cancel, proof));
  }
  napi_value result(napi_env env) override {
    napi_value value = nullptr;
    return napi_create_buffer_copy(env, PROOF_BYTES, proof, nullptr, &value) == napi_ok ? value : nullptr;
  }
};

/// Bytes of proofs to bytes about them.
struct ProofsJob : Job {
  Bytes proofs;
  int32_t threads;
  plimsoll::Buffer<uint8_t> output;

  napi_value result(napi_env env) override {
    napi_value value = nullptr;
    return napi_create_buffer_copy(env, output.size(), output.data(), nullptr, &value) == napi_ok ? value : nullptr;
  }
};

struct DecompressJob : ProofsJob {
  void execute() override {
    status = output.allocate(proofs.length / COMPRESSED_BYTES * PROOF_BYTES);
    if (status != Status::ok) return;
    status = Status(
        plimsoll_decompress_proofs(proofs.data, proofs.length, unsigned(threads), output.data(), output.size()));
  }
};

struct CheckJob : ProofsJob {
  void execute() override {
    status = output.allocate(proofs.length / PROOF_BYTES);
    if (status != Status::ok) return;
    status = Status(plimsoll_check_proofs(proofs.data, proofs.length, unsigned(threads), output.data(), output.size()));
  }
};

struct BatchJob : Job {
  /// Key, proofs, coefficients, points, scalars.
  static constexpr size_t INPUTS = 5;
  Bytes inputs[INPUTS];
  int32_t threads;
  int hold = 0;

  void execute() override {
    const auto& [key, proofs, coefficients, points, scalars] = inputs;
    status = Status(plimsoll_verify_batch(key.data, key.length, proofs.data, proofs.length, coefficients.data,
                                          coefficients.length, points.data, points.length, scalars.data, scalars.length,
                                          unsigned(threads), &hold));
  }
  napi_value result(napi_env env) override {
    napi_value value = nullptr;
    return napi_get_boolean(env, hold == 1, &value) == napi_ok ? value : nullptr;
  }
};

struct SpongesJob : Job {
  const plimsoll_poseidon* poseidon;
  Bytes inputs;
  int32_t width, blocks, threads;
  plimsoll::Buffer<uint8_t> outputs;

  void execute() override {
    const size_t count = inputs.length / 32 / (1 + size_t(blocks) * size_t(width - 1));
    status = outputs.allocate(32 * count);
    if (status != Status::ok) return;
    status = Status(plimsoll_sponges(poseidon, inputs.data, inputs.length, size_t(blocks), unsigned(threads), outputs.data(), count));
  }
  napi_value result(napi_env env) override {
    napi_value value = nullptr;
    return napi_create_buffer_copy(env, outputs.size(), outputs.data(), nullptr, &value) == napi_ok ? value : nullptr;
  }
};

template <size_t COUNT>
bool readArguments(napi_env env, napi_callback_info info, napi_value (&values)[COUNT]) {
  size_t count = COUNT;
  return napi_get_cb_info(env, info, &count, values, nullptr, nullptr) == napi_ok && count == COUNT;
}

/// The handle of a key that is open; null for anything else.
Handle* readHandle(napi_env env, napi_value value) {
  Handle* handle = static_cast<Handle*>(handleData(env, value, KEY_TAG));
  return handle == nullptr || handle->closed ? nullptr : handle;
}

napi_value supports(napi_env env, napi_callback_info info) {
  napi_value values[1], answer = nullptr;
  int32_t path;
  if (!readArguments(env, info, values) || !readInt(env, values[0], &path)) return refuse(env);
  napi_get_boolean(env, plimsoll_supports(path) == 1, &answer);
  return answer;
}

napi_value open(napi_env env, napi_callback_info info) {
  napi_value values[2];
  auto job = std::unique_ptr<OpenJob>(new (std::nothrow) OpenJob);
  if (job == nullptr) return statusValue(env, Status::memory);
  if (!readArguments(env, info, values) || !readBytes(env, values[0], napi_uint8_array, &job->zkey) ||
      !readInt(env, values[1], &job->path)) {
    return refuse(env);
  }
  return Job::start(env, "plimsoll.open", std::move(job), values, 1);
}

napi_value prepare(napi_env env, napi_callback_info info) {
  napi_value values[4];
  Bytes cancel;
  auto job = std::unique_ptr<PrepareJob>(new (std::nothrow) PrepareJob);
  if (job == nullptr) return statusValue(env, Status::memory);
  if (!readArguments(env, info, values) || !readBytes(env, values[0], napi_uint8_array, &job->zkey) ||
      !readInt(env, values[1], &job->path) || !readInt(env, values[2], &job->threads) || job->threads < 1 ||
      !readBytes(env, values[3], napi_int32_array, &cancel) || cancel.length < 1) {
    return refuse(env);
  }
  job->cancel = reinterpret_cast<const volatile int32_t*>(cancel.data);
  return Job::start(env, "plimsoll.prepare", std::move(job), values, 4);
}

napi_value prove(napi_env env, napi_callback_info info) {
  napi_value values[5];
  auto job = std::unique_ptr<ProveJob>(new (std::nothrow) ProveJob);
  if (job == nullptr) return statusValue(env, Status::memory);
  Bytes blinding, cancel;
  if (!readArguments(env, info, values)) return refuse(env);
  Handle* handle = readHandle(env, values[0]);
  if (handle == nullptr || !readBytes(env, values[1], napi_uint8_array, &job->wtns) ||
      !readBytes(env, values[2], napi_uint8_array, &blinding) || blinding.length != BLINDING_BYTES ||
      !readInt(env, values[3], &job->threads) || job->threads < 1 ||
      !readBytes(env, values[4], napi_int32_array, &cancel) || cancel.length < 1) {
    return refuse(env);
  }
  job->handle = handle;
  handle->users++;
  job->cancel = reinterpret_cast<const volatile int32_t*>(cancel.data);
  std::memcpy(job->blinding, blinding.data, BLINDING_BYTES);
  return Job::start(env, "plimsoll.prove", std::move(job), values, 5);
}

napi_value close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!readArguments(env, info, values)) return refuse(env);
  Handle* handle = readHandle(env, values[0]);
  if (handle == nullptr) return refuse(env);
  handle->closed = true;
  handle->freeIfUnused();
  return nullptr;
}

napi_value openPlan(napi_env env, napi_callback_info info) {
  napi_value values[1];
  Bytes file;
  if (!readArguments(env, info, values) || !readBytes(env, values[0], napi_uint8_array, &file)) return refuse(env);
  plimsoll_plan* plan;
  const int status = plimsoll_plan_open(file.data, file.length, &plan);
  if (status != 0) return statusValue(env, Status(status));
  const auto finalize = [](napi_env, void* data, void*) { plimsoll_plan_close(static_cast<plimsoll_plan*>(data)); };
  napi_value result = taggedHandle(env, plan, finalize, PLAN_TAG);
  if (result != nullptr) return result;
  plimsoll_plan_close(plan);
  return statusValue(env, Status::memory);
}

napi_value witness(napi_env env, napi_callback_info info) {
  napi_value values[2], result = nullptr;
  void* wtns;
  Bytes input;
  if (!readArguments(env, info, values)) return refuse(env);
  const auto* plan = static_cast<const plimsoll_plan*>(handleData(env, values[0], PLAN_TAG));
  if (plan == nullptr || !readBytes(env, values[1], napi_uint8_array, &input)) return refuse(env);
  const size_t length = plimsoll_plan_wtns_bytes(plan);
  if (napi_create_buffer(env, length, &wtns, &result) != napi_ok) return statusValue(env, Status::memory);
  const int status = plimsoll_witness(plan, input.data, input.length, static_cast<uint8_t*>(wtns), length);
  return status == 0 ? result : statusValue(env, Status(status));
}

template <typename Job>
napi_value startProofsJob(napi_env env, napi_callback_info info, const char* name) {
  napi_value values[2];
  auto job = std::unique_ptr<Job>(new (std::nothrow) Job);
  if (job == nullptr) return statusValue(env, Status::memory);
  if (!readArguments(env, info, values) || !readBytes(env, values[0], napi_uint8_array, &job->proofs) ||
      !readInt(env, values[1], &job->threads) || job->threads < 1) {
    return refuse(env);
  }
  return Job::start(env, name, std::move(job), values, 1);
}
napi_value decompressProofs(napi_env env, napi_callback_info info) {
  return startProofsJob<DecompressJob>(env, info, "plimsoll.decompressProofs");
}
napi_value checkProofs(napi_env env, napi_callback_info info) {
  return startProofsJob<CheckJob>(env, info, "plimsoll.checkProofs");
}

napi_value verifyBatch(napi_env env, napi_callback_info info) {
  napi_value values[BatchJob::INPUTS + 1];
  auto job = std::unique_ptr<BatchJob>(new (std::nothrow) BatchJob);
  if (job == nullptr) return statusValue(env, Status::memory);
  if (!readArguments(env, info, values) || !readInt(env, values[BatchJob::INPUTS], &job->threads) || job->threads < 1) {
    return refuse(env);
  }
  for (size_t i = 0; i < BatchJob::INPUTS; i++) {
    if (!readBytes(env, values[i], napi_uint8_array, &job->inputs[i])) return refuse(env);
  }
  return Job::start(env, "plimsoll.verifyBatch", std::move(job), values, BatchJob::INPUTS);
}

/// What a handle of Poseidon holds.
struct Hasher {
  plimsoll_poseidon* poseidon;
  int32_t width;

  ~Hasher() { plimsoll_poseidon_close(poseidon); }
};

napi_value openPoseidon(napi_env env, napi_callback_info info) {
  napi_value values[3];
  Bytes constants;
  int32_t width, path;
  if (!readArguments(env, info, values) || !readBytes(env, values[0], napi_uint8_array, &constants) ||
      !readInt(env, values[1], &width) || width < 2 || !readInt(env, values[2], &path)) {
    return refuse(env);
  }
  plimsoll_poseidon* poseidon;
  const int status = plimsoll_poseidon_open(constants.data, constants.length, size_t(width), path, &poseidon);
  if (status != 0) return statusValue(env, Status(status));
  Hasher* hasher = new (std::nothrow) Hasher{poseidon, width};
  if (hasher == nullptr) {
    plimsoll_poseidon_close(poseidon);
    return statusValue(env, Status::memory);
  }
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Hasher*>(data); };
  napi_value result = taggedHandle(env, hasher, finalize, POSEIDON_TAG);
  if (result != nullptr) return result;
  delete hasher;
  return statusValue(env, Status::memory);
}

napi_value sponges(napi_env env, napi_callback_info info) {
  napi_value values[4];
  auto job = std::unique_ptr<SpongesJob>(new (std::nothrow) SpongesJob);
  if (job == nullptr) return statusValue(env, Status::memory);
  if (!readArguments(env, info, values)) return refuse(env);
  const auto* hasher = static_cast<const Hasher*>(handleData(env, values[0], POSEIDON_TAG));
  if (hasher == nullptr || !readBytes(env, values[1], napi_uint8_array, &job->inputs) ||
      !readInt(env, values[2], &job->blocks) || job->blocks < 1 || !readInt(env, values[3], &job->threads) || job->threads < 1) {
    return refuse(env);
  }
  job->poseidon = hasher->poseidon;
  job->width = hasher->width;
  // The handle is held too: it is freed after the work.
  return Job::start(env, "plimsoll.sponges", std::move(job), values, 2);
}

napi_value compute(napi_env env, napi_callback_info info) {
  napi_value values[4], result = nullptr;
  char operation[64];
  Bytes input;
  int32_t path, outputLength;
  size_t length;
  void* output;
  if (!readArguments(env, info, values) ||
      napi_get_value_string_utf8(env, values[0], operation, sizeof operation, &length) != napi_ok ||
      !readInt(env, values[1], &path) || !readBytes(env, values[2], napi_uint8_array, &input) ||
      !readInt(env, values[3], &outputLength) || outputLength < 0) {
    return refuse(env);
  }
  if (napi_create_buffer(env, size_t(outputLength), &output, &result) != napi_ok) return statusValue(env, Status::memory);
  const int status =
      plimsoll_compute(operation, path, input.data, input.length, static_cast<uint8_t*>(output), size_t(outputLength));
  return status == 0 ? result : statusValue(env, Status(status));
}

}  // namespace

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"supports", nullptr, supports, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"open", nullptr, open, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"prepare", nullptr, prepare, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"prove", nullptr, prove, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"openPlan", nullptr, openPlan, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"witness", nullptr, witness, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"decompressProofs", nullptr, decompressProofs, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"checkProofs", nullptr, checkProofs, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"verifyBatch", nullptr, verifyBatch, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"openPoseidon", nullptr, openPoseidon, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"sponges", nullptr, sponges, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"compute", nullptr, compute, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}

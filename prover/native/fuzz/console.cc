// SPDX-License-Identifier: GPL-3.0-or-later
/// The core as a program, for processors on which nothing but programs can be run: those that are emulated. One request each; the
/// exit code is its status, and the answer goes to stdout.
///
///   console compute <operation> <bytes of the answer>    stdin: the input
///   console prove <zkey> <threads>                       stdin: blinding (64 bytes), then the witness file
///   console sponges <width> <constants> <blocks>         stdin: constants (32 bytes each), then the inputs
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/memory.h"
#include "plimsoll.h"

namespace {

using plimsoll::Buffer;

constexpr int WRONG_CALL = 64;

bool readAll(std::FILE* from, Buffer<uint8_t>& bytes) {
  constexpr size_t MOST = size_t(1) << 28;
  if (from == nullptr || bytes.allocate(MOST) != plimsoll::Status::ok) return false;
  const size_t length = std::fread(bytes.data(), 1, MOST, from);
  return length < MOST && bytes.allocate(length) == plimsoll::Status::ok;
}

int answer(int status, const Buffer<uint8_t>& output) {
  if (status == 0) std::fwrite(output.data(), 1, output.size(), stdout);
  return status;
}

size_t numberOf(const char* word) { return size_t(std::strtoull(word, nullptr, 10)); }

}  // namespace

int main(int count, char** words) {
  Buffer<uint8_t> input, output, file;
  if (count < 4 || !readAll(stdin, input)) return WRONG_CALL;
  if (std::strcmp(words[1], "compute") == 0) {
    if (output.allocate(numberOf(words[3])) != plimsoll::Status::ok) return WRONG_CALL;
    return answer(plimsoll_compute(words[2], PLIMSOLL_PORTABLE, input.data(), input.size(), output.data(), output.size()), output);
  }
  if (std::strcmp(words[1], "prove") == 0) {
    if (!readAll(std::fopen(words[2], "rb"), file) || input.size() < 64 || output.allocate(256) != plimsoll::Status::ok) return WRONG_CALL;
    plimsoll_key* key;
    const int opened = plimsoll_key_open(file.data(), file.size(), PLIMSOLL_PORTABLE, &key);
    if (opened != 0) return opened;
    const int32_t cancel = 0;
    const int status = plimsoll_prove(key, input.data() + 64, input.size() - 64, input.data(), unsigned(numberOf(words[3])), &cancel, output.data());
    plimsoll_key_close(key);
    return answer(status, output);
  }
  if (std::strcmp(words[1], "sponges") == 0 && count == 5) {
    const size_t width = numberOf(words[2]), constants = 32 * numberOf(words[3]), blocks = numberOf(words[4]);
    if (constants > input.size()) return WRONG_CALL;
    const size_t bytes = input.size() - constants, sponges = bytes / (32 * (1 + blocks * (width - 1)));
    if (output.allocate(32 * sponges) != plimsoll::Status::ok) return WRONG_CALL;
    plimsoll_poseidon* poseidon;
    const int opened = plimsoll_poseidon_open(input.data(), constants, width, PLIMSOLL_PORTABLE, &poseidon);
    if (opened != 0) return opened;
    const int status = plimsoll_sponges(poseidon, input.data() + constants, bytes, blocks, 2, output.data(), sponges);
    plimsoll_poseidon_close(poseidon);
    return answer(status, output);
  }
  return WRONG_CALL;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/// libFuzzer harness: whatever the bytes of key, points and proofs, checking the proofs and verifying them as a batch ends with a
/// status; where points are sound, alike on one thread and on several, and never "all hold" where a coefficient is zero. And
/// whatever the bytes of compressed proofs, they give coordinates that are canonical.
///
/// An input is two bytes, the numbers of proofs and of points, then key, points, scalars, proofs, coefficients, compressed proofs;
/// what is missing is zero.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/compressed.h"
#include "core/key.h"
#include "core/pairing.h"
#include "plimsoll.h"

using namespace plimsoll;
using Bytes = std::vector<uint8_t>;

constexpr size_t MOST_PROOFS = 6, MOST_POINTS = 5;

static void check(bool condition) {
  if (!condition) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t count = data[0] % (MOST_PROOFS + 1), publics = data[1] % (MOST_POINTS + 1);
  size_t at = 2;
  // Each in memory of its own, so that the sanitizer sees what is read beyond it.
  const auto take = [&](size_t bytes) {
    Bytes part(bytes);
    const size_t there = size - at < bytes ? size - at : bytes;
    if (there != 0) std::memcpy(part.data(), data + at, there);
    at += there;
    return part;
  };
  const Bytes key = take(VERIFYING_KEY_BYTES), points = take(publics * G1_BYTES), scalars = take(publics * FIELD_BYTES),
              proofs = take(count * PROOF_BYTES), coefficients = take(count * COEFFICIENT_BYTES),
              compressed = take(count * COMPRESSED_BYTES);

  // 1. Soundness of each proof's points.
  Bytes sound(count, 2), beside(count, 2);
  const int checked = plimsoll_check_proofs(proofs.data(), proofs.size(), 1, sound.data(), count);
  check(plimsoll_check_proofs(proofs.data(), proofs.size(), 2, beside.data(), count) == checked && sound == beside);
  check(checked == int(Status::ok) || checked == int(Status::range));
  bool all = checked == int(Status::ok);
  for (const uint8_t each : sound) {
    check(checked != int(Status::ok) || each <= 1);
    all &= each == 1;
  }
  check(plimsoll_check_proofs(proofs.data(), proofs.size(), 1, sound.data(), count + 1) == int(Status::shape));

  // 2. The batch: proofs with unsound points too, whose answer means nothing.
  const auto verify = [&](unsigned threads, const Bytes& weights, int& hold) {
    return plimsoll_verify_batch(key.data(), key.size(), proofs.data(), proofs.size(), weights.data(), weights.size(),
                                 points.data(), points.size(), scalars.data(), scalars.size(), threads, &hold);
  };
  int hold = 2, other = 2;
  const int status = verify(1, coefficients, hold);
  check(status == int(Status::ok) || status == int(Status::range) || (publics == 0 && status == int(Status::shape)));
  if (status == int(Status::ok)) {
    check(hold == 0 || hold == 1);
    if (all && count > 0) {
      check(verify(2, coefficients, other) == int(Status::ok) && other == hold);
      Bytes zeroed = coefficients;
      std::memset(zeroed.data(), 0, COEFFICIENT_BYTES);
      check(verify(1, zeroed, other) == int(Status::ok) && other == 0);
    }
  }

  // 3. Compressed proofs.
  const auto decompress = [&](const Bytes& from, unsigned threads, Bytes& to) {
    return plimsoll_decompress_proofs(from.data(), from.size(), threads, to.data(), to.size());
  };
  Bytes whole(count * PROOF_BYTES, 0xff), again(count * PROOF_BYTES);
  check(decompress(compressed, 1, whole) == int(Status::ok) && decompress(compressed, 2, again) == int(Status::ok));
  check(whole == again);
  check(plimsoll_check_proofs(whole.data(), whole.size(), 1, sound.data(), count) == int(Status::ok));
  again.push_back(0);
  check(decompress(compressed, 1, again) == int(Status::shape));

  Bytes longer = coefficients;
  longer.push_back(1);
  check(verify(1, longer, other) == int(Status::shape));
  return 0;
}

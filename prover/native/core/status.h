// SPDX-License-Identifier: GPL-3.0-or-later
/// What the core answers in place of exceptions. The numbers are part of the C interface (plimsoll.h).
#pragma once

namespace plimsoll {

enum class Status : int {
  ok = 0,
  /// Stopped because the caller raised the cancel flag.
  cancelled = 1,
  /// An allocation failed. Nothing is leaked; the caller may try a backend that needs less.
  memory = 2,
  /// A file ends before what it announces, or does not begin with its mark.
  truncated = 3,
  /// A file of another kind, version or proof system.
  foreign = 4,
  /// Over another curve than BN254.
  curve = 5,
  /// Sections missing, doubled, or of sizes that contradict the header.
  shape = 6,
  /// A field element or coordinate that is not below its modulus.
  range = 7,
  /// Key and witness are of different circuits.
  mismatch = 8,
  /// A witness plan that does not solve this input.
  unsolved = 9,
  /// The processor or the build lacks what was asked for.
  unsupported = 10,
};

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// Poseidon over the scalar field: S-box x^5, 8 full rounds around the partial ones, and sponges of it, many side by side.
///
/// The constants come from the caller, which generates them (prover/src/model/poseidon.ts): those of the rounds, then the mixing
/// matrix by rows.
///
/// A partial round raises the first element, the head, alone. With the matrix as [[corner, across], [down, inner]] and without
/// constants, which are all moved to the head, the others after round k are inner · u + down · a_k. They are kept as
/// inner^(n - k) · u, n being the number of partial rounds, so that round k adds inner^(n - k - 1) · down · a_k to them and nothing
/// else, and the head is corner · a_k + across · inner^(k - n) · u. The full power of the matrix is in the mixing before. Heads of BLOCK
/// rounds are worked out from the others as they were before these rounds and from the powers since.
///
/// Where a kind of lanes is PAIRED, a row of a matrix takes half the products (Winograd 1968):
///     x1·f1 + x2·f2 = (x1 + f2)·(x2 + f1) - x1·x2 - f1·f2,
/// where the sum of x1·x2 is the same for all rows, and that of f1·f2 is a constant.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "field.h"
#include "lanes.h"
#include "memory.h"
#include "status.h"
#include "threads.h"

namespace plimsoll {

namespace hashing {

constexpr size_t MOST_WIDTH = 17, LEAST_WIDTH = 2, FULL_ROUNDS = 8, MOST_PARTIAL_ROUNDS = 128, BLOCK = 6;
static_assert(MOST_WIDTH - 1 + BLOCK <= MOST_PRODUCTS && MOST_WIDTH <= MOST_PRODUCTS);

/// Rows times columns, by rows.
struct Matrix {
  Buffer<Fr> at;
  size_t columns = 0;

  [[nodiscard]] Status allocate(size_t rows, size_t width) {
    columns = width;
    return at.allocateZeroed(rows * width);
  }
  Fr* row(size_t index) { return at.data() + index * columns; }
  const Fr* row(size_t index) const { return at.data() + index * columns; }
  size_t rows() const { return columns == 0 ? 0 : at.size() / columns; }
};

inline Fr dot(const Fr* a, const Fr* b, size_t count) {
  Fr sum = Fr::zero();
  for (size_t i = 0; i < count; i++) sum = sum + a[i] * b[i];
  return sum;
}

[[nodiscard]] inline Status multiply(const Matrix& a, const Matrix& b, Matrix& product) {
  Matrix result;
  if (result.allocate(a.rows(), b.columns) != Status::ok) return Status::memory;
  for (size_t i = 0; i < a.rows(); i++) {
    for (size_t k = 0; k < a.columns; k++) {
      for (size_t j = 0; j < b.columns; j++) result.row(i)[j] = result.row(i)[j] + a.row(i)[k] * b.row(k)[j];
    }
  }
  product = static_cast<Matrix&&>(result);
  return Status::ok;
}

/// By elimination. `Status::shape` where there is none.
[[nodiscard]] inline Status invert(const Matrix& matrix, Matrix& inverse) {
  const size_t size = matrix.columns;
  Matrix work;
  if (work.allocate(size, 2 * size) != Status::ok || inverse.allocate(size, size) != Status::ok) return Status::memory;
  for (size_t i = 0; i < size; i++) {
    std::memcpy(static_cast<void*>(work.row(i)), matrix.row(i), size * sizeof(Fr));
    work.row(i)[size + i] = Fr::one();
  }
  for (size_t at = 0; at < size; at++) {
    size_t pivot = at;
    while (pivot < size && work.row(pivot)[at].isZero()) pivot++;
    if (pivot == size) return Status::shape;
    const Fr scale = work.row(pivot)[at].inverse();
    for (size_t j = 0; j < 2 * size; j++) {
      const Fr value = work.row(pivot)[j] * scale;
      work.row(pivot)[j] = work.row(at)[j];
      work.row(at)[j] = value;
    }
    for (size_t i = 0; i < size; i++) {
      if (i == at) continue;
      const Fr factor = work.row(i)[at];
      for (size_t j = 0; j < 2 * size; j++) work.row(i)[j] = work.row(i)[j] - factor * work.row(at)[j];
    }
  }
  for (size_t i = 0; i < size; i++) std::memcpy(static_cast<void*>(inverse.row(i)), work.row(i) + size, size * sizeof(Fr));
  return Status::ok;
}

/// The constants of a permutation in the form that lanes take them in.
struct Schedule {
  size_t width = 0, partial = 0;
  /// Of the rounds, and the mixing matrix, as they came.
  Buffer<Fr> rounds;
  Matrix mix;
  /// The mixing before the partial rounds, which brings the others to their form in these.
  Matrix entry;
  /// By partial round: what is added to the head; what the others add to it; what the power adds to the others.
  Buffer<Fr> added;
  Matrix outer, down;
  /// What is added to the others after the partial rounds.
  Buffer<Fr> last;

  [[nodiscard]] Status open(const uint8_t* constants, size_t length, size_t stateWidth);

  const Fr* round(size_t index) const { return rounds.data() + index * width; }

 private:
  [[nodiscard]] Status read(const uint8_t* constants, size_t length);
  [[nodiscard]] Status combine();
};

inline Status Schedule::open(const uint8_t* constants, size_t length, size_t stateWidth) {
  width = stateWidth;
  const Status status = read(constants, length);
  return status == Status::ok ? combine() : status;
}

inline Status Schedule::read(const uint8_t* constants, size_t length) {
  if (width < LEAST_WIDTH || width > MOST_WIDTH) return Status::shape;
  const size_t rows = length / (32 * width);
  if (length != 32 * width * rows || rows <= FULL_ROUNDS + width || rows > FULL_ROUNDS + MOST_PARTIAL_ROUNDS + width) return Status::shape;
  partial = rows - FULL_ROUNDS - width;
  const size_t ofRounds = (FULL_ROUNDS + partial) * width;
  if (rounds.allocate(ofRounds) != Status::ok || mix.allocate(width, width) != Status::ok) return Status::memory;
  for (size_t i = 0; i < rows * width; i++, constants += 32) {
    if (!Fr::isCanonical(constants)) return Status::range;
    (i < ofRounds ? rounds[i] : mix.at[i - ofRounds]) = Fr::fromPlain(constants);
  }
  return Status::ok;
}

inline Status Schedule::combine() {
  const size_t others = width - 1;
  Matrix inner, inverse, power;
  if (inner.allocate(others, others) != Status::ok || entry.allocate(others, width) != Status::ok ||
      added.allocate(partial) != Status::ok || last.allocate(others) != Status::ok ||
      outer.allocate(partial, others) != Status::ok || down.allocate(partial, others) != Status::ok) {
    return Status::memory;
  }
  const Fr* const across = mix.row(0) + 1;
  for (size_t i = 0; i < others; i++) {
    std::memcpy(static_cast<void*>(inner.row(i)), mix.row(i + 1) + 1, others * sizeof(Fr));
    std::memcpy(static_cast<void*>(entry.row(i)), mix.row(i + 1), width * sizeof(Fr));
    down.row(partial - 1)[i] = mix.row(i + 1)[0];
  }
  Status status = invert(inner, inverse);
  if (status != Status::ok) return status;

  // 1. The matrices, from the last partial round to the first.
  const auto timesInverse = [&](const Fr* row, Fr* product) {
    for (size_t j = 0; j < others; j++) {
      product[j] = Fr::zero();
      for (size_t i = 0; i < others; i++) product[j] = product[j] + row[i] * inverse.row(i)[j];
    }
  };
  timesInverse(across, outer.row(partial - 1));
  for (size_t k = partial - 1; k > 0; k--) {
    timesInverse(outer.row(k), outer.row(k - 1));
    for (size_t i = 0; i < others; i++) down.row(k - 1)[i] = dot(inner.row(i), down.row(k), others);
  }

  // 2. The constants: those of the others, seen by the head of the next round.
  Fr moved[MOST_WIDTH] = {}, sum[MOST_WIDTH];
  for (size_t k = 0; k < partial; k++) {
    const Fr* const own = round(FULL_ROUNDS / 2 + k);
    for (size_t i = 0; i < others; i++) sum[i] = moved[i] + own[i + 1];
    added[k] = dot(across, sum, others) + own[width];
    for (size_t i = 0; i < others; i++) moved[i] = dot(inner.row(i), sum, others);
  }
  for (size_t i = 0; i < others; i++) last[i] = moved[i] + round(FULL_ROUNDS / 2 + partial)[i + 1];

  // 3. inner^partial times the lower rows of the mixing matrix.
  power = static_cast<Matrix&&>(inner);
  for (size_t bits = partial; bits > 0; bits >>= 1) {
    if ((bits & 1) != 0 && (status = multiply(power, entry, entry)) != Status::ok) return status;
    if (bits > 1 && (status = multiply(power, power, power)) != Status::ok) return status;
  }
  return Status::ok;
}

}  // namespace hashing

/// The permutation over lanes L of the scalar field.
template <typename L>
class Poseidon {
 public:
  /// Reads the constants, which are not needed afterwards. `Status::range` for one that is not below the order, `Status::shape` where
  /// width and length are those of no permutation, or its partial rounds have no inverse.
  [[nodiscard]] Status open(const uint8_t* constants, size_t length, size_t width);

  /// Sponges: each takes one block after another into a state of (capacity, block), whose first element after the permutation is the
  /// next capacity and, in the end, the output. An input is the capacity, then blocks of width − 1 elements. `Status::range` for one
  /// that is not below the order, `Status::shape` where these are not `count` inputs: no output is written then. May be called by several
  /// threads at once.
  [[nodiscard]] Status sponges(const uint8_t* inputs, size_t length, size_t blocks, unsigned threads, uint8_t* outputs,
                               size_t count) const;

 private:
  static constexpr size_t WIDTH = hashing::MOST_WIDTH, BLOCK = hashing::BLOCK;
  /// Lanes of as many are permuted in turn: one waits where the other does not.
  static constexpr size_t GROUPS = 2, AT_ONCE = GROUPS * L::COUNT;
  /// Sponges of a task of a thread.
  static constexpr size_t TASK = 4 * AT_ONCE;
  using Factor = typename L::Factor;

  struct Group {
    L state[WIDTH], powers[BLOCK];
  };
  /// Rows of factors and what is added to each.
  struct Rows {
    Buffer<Factor> factors, constants;
    size_t columns = 0;

    [[nodiscard]] Status open(const hashing::Matrix& matrix, const Fr* added);
    const Factor* row(size_t index) const { return factors.data() + index * columns; }
  };
  /// Rounds from `first` on. Heads have a row for each of the block's powers as well, as long as there are, in `recent`.
  struct Block {
    size_t rounds = 0;
    Rows heads, others;
    Buffer<Factor> recent;
  };

  static L fifth(const L& x) { return x.square().square() * x; }
  /// What is taken off all rows over these values.
  static L common(const L* values, size_t count) {
    if constexpr (L::PAIRED) {
      if (count > 1) return L::pairs(values, count).negate();
    }
    return L::zero();
  }
  [[nodiscard]] Status openBlock(const hashing::Schedule& schedule, size_t first, Block& block);
  [[nodiscard]] Status openFull(const hashing::Schedule& schedule);
  size_t inputBytes(size_t blocks) const { return 32 * (1 + blocks * (width_ - 1)); }
  void run(const uint8_t* inputs, size_t count, size_t blocks, uint8_t* outputs) const;
  void load(const uint8_t* const places[AT_ONCE], size_t element, Group (&groups)[GROUPS]) const;
  void permute(Group (&groups)[GROUPS]) const;
  void full(Group (&groups)[GROUPS], const Rows& rows, size_t count) const;
  void partial(Group (&groups)[GROUPS], const Block& block) const;

  size_t width_ = 0, blocks_ = 0;
  Buffer<Factor> first_;
  Rows full_[hashing::FULL_ROUNDS];
  Block partial_[(hashing::MOST_PARTIAL_ROUNDS + BLOCK - 1) / BLOCK];
};

template <typename L>
Status Poseidon<L>::Rows::open(const hashing::Matrix& matrix, const Fr* added) {
  columns = matrix.columns;
  if (factors.allocate(matrix.at.size()) != Status::ok || constants.allocate(matrix.rows()) != Status::ok) return Status::memory;
  for (size_t i = 0; i < matrix.at.size(); i++) factors[i] = L::factor(matrix.at[i]);
  for (size_t i = 0; i < matrix.rows(); i++) {
    Fr constant = added == nullptr ? Fr::zero() : added[i];
    if constexpr (L::PAIRED) {
      for (size_t j = 0; j + 1 < columns; j += 2) constant = constant - matrix.row(i)[j] * matrix.row(i)[j + 1];
    }
    constants[i] = L::factor(constant);
  }
  return Status::ok;
}

template <typename L>
Status Poseidon<L>::open(const uint8_t* constants, size_t length, size_t width) {
  hashing::Schedule schedule;
  Status status = schedule.open(constants, length, width);
  if (status != Status::ok) return status;
  width_ = width;
  if ((status = openFull(schedule)) != Status::ok) return status;
  blocks_ = 0;
  for (size_t at = 0; at < schedule.partial; at += BLOCK) {
    if ((status = openBlock(schedule, at, partial_[blocks_++])) != Status::ok) return status;
  }
  return Status::ok;
}

template <typename L>
Status Poseidon<L>::openFull(const hashing::Schedule& schedule) {
  using namespace hashing;
  if (first_.allocate(width_) != Status::ok) return Status::memory;
  for (size_t i = 0; i < width_; i++) first_[i] = L::factor(schedule.round(0)[i]);
  for (size_t r = 0; r < FULL_ROUNDS; r++) {
    // The head is as in every round; no constants are added to the others before the partial rounds, and none after the last.
    const bool isEntry = r + 1 == FULL_ROUNDS / 2, isLast = r + 1 == FULL_ROUNDS;
    const Fr* const next = isLast ? nullptr : schedule.round(r < FULL_ROUNDS / 2 ? r + 1 : r + schedule.partial + 1);
    Matrix matrix;
    Fr added[WIDTH] = {};
    if (matrix.allocate(width_, width_) != Status::ok) return Status::memory;
    for (size_t i = 0; i < width_; i++) {
      const Fr* const row = isEntry && i > 0 ? schedule.entry.row(i - 1) : schedule.mix.row(i);
      std::memcpy(static_cast<void*>(matrix.row(i)), row, width_ * sizeof(Fr));
      if (next != nullptr && (i == 0 || !isEntry)) added[i] = next[i];
    }
    const Status status = full_[r].open(matrix, added);
    if (status != Status::ok) return status;
  }
  return Status::ok;
}

template <typename L>
Status Poseidon<L>::openBlock(const hashing::Schedule& schedule, size_t first, Block& block) {
  using hashing::Matrix;
  const size_t others = width_ - 1, left = schedule.partial - first;
  block.rounds = left < BLOCK ? left : BLOCK;
  Matrix heads, down;
  if (heads.allocate(block.rounds, others) != Status::ok || down.allocate(others, block.rounds) != Status::ok ||
      block.recent.allocate(block.rounds * BLOCK) != Status::ok) {
    return Status::memory;
  }
  for (size_t k = 0; k < block.rounds; k++) {
    const Fr* const outer = schedule.outer.row(first + k);
    std::memcpy(static_cast<void*>(heads.row(k)), outer, others * sizeof(Fr));
    for (size_t i = 0; i < others; i++) down.row(i)[k] = schedule.down.row(first + k)[i];
    for (size_t j = 0; j < BLOCK; j++) {
      const Fr factor = j < k ? hashing::dot(outer, schedule.down.row(first + j), others) : j == k ? schedule.mix.row(0)[0] : Fr::zero();
      block.recent[k * BLOCK + j] = L::factor(factor);
    }
  }
  const Status status = block.heads.open(heads, schedule.added.data() + first);
  return status == Status::ok ? block.others.open(down, block.rounds == left ? schedule.last.data() : nullptr) : status;
}

template <typename L>
Status Poseidon<L>::sponges(const uint8_t* inputs, size_t length, size_t blocks, unsigned threads, uint8_t* outputs,
                            size_t count) const {
  if (blocks == 0 || blocks > length / 32) return Status::shape;
  const size_t bytes = inputBytes(blocks);
  if (length / bytes != count || length % bytes != 0) return Status::shape;
  for (size_t i = 0; i < length; i += 32) {
    if (!Fr::isCanonical(inputs + i)) return Status::range;
  }
  parallel(threads, (count + TASK - 1) / TASK, [&](size_t task) {
    const size_t end = task * TASK + TASK < count ? task * TASK + TASK : count;
    for (size_t at = task * TASK; at < end; at += AT_ONCE) {
      run(inputs + at * bytes, end - at < AT_ONCE ? end - at : AT_ONCE, blocks, outputs + 32 * at);
    }
  });
  return Status::ok;
}

/// At most AT_ONCE sponges, and at least one.
template <typename L>
void Poseidon<L>::run(const uint8_t* inputs, size_t count, size_t blocks, uint8_t* outputs) const {
  Group groups[GROUPS];
  const uint8_t* places[AT_ONCE];
  // Lanes that are left over repeat the last sponge.
  for (size_t i = 0; i < AT_ONCE; i++) places[i] = inputs + (i < count ? i : count - 1) * inputBytes(blocks);
  load(places, 0, groups);
  for (size_t block = 0; block < blocks; block++) {
    for (const uint8_t*& place : places) place += 32;
    for (size_t i = 1; i < width_; i++) {
      load(places, i, groups);
      if (i + 1 < width_) {
        for (const uint8_t*& place : places) place += 32;
      }
    }
    permute(groups);
  }
  alignas(64) uint8_t forms[32 * L::COUNT];
  for (size_t g = 0; g < GROUPS; g++) {
    groups[g].state[0].tight().storeRun(forms);
    for (size_t lane = 0; lane < size_t(L::COUNT) && g * L::COUNT + lane < count; lane++) {
      uint64_t form[4];
      std::memcpy(form, forms + 32 * lane, 32);
      L::fromForm(form).toPlain(outputs + 32 * (g * L::COUNT + lane));
    }
  }
  wipe(forms, sizeof forms);
  wipe(groups, sizeof groups);
}

/// One element of the state from plain bytes.
template <typename L>
void Poseidon<L>::load(const uint8_t* const places[AT_ONCE], size_t element, Group (&groups)[GROUPS]) const {
  alignas(64) uint8_t forms[32 * L::COUNT];
  for (size_t g = 0; g < GROUPS; g++) {
    for (size_t lane = 0; lane < size_t(L::COUNT); lane++) {
      uint64_t form[4];
      L::toForm(Fr::fromPlain(places[g * L::COUNT + lane]), form);
      std::memcpy(forms + 32 * lane, form, 32);
    }
    groups[g].state[element] = L::loadRun(forms);
  }
  wipe(forms, sizeof forms);
}

template <typename L>
void Poseidon<L>::permute(Group (&groups)[GROUPS]) const {
  using hashing::FULL_ROUNDS;
  for (Group& group : groups) {
    for (size_t i = 0; i < width_; i++) group.state[i] = group.state[i].plus(first_[i]);
  }
  for (size_t r = 0; r < FULL_ROUNDS; r++) {
    full(groups, full_[r], r + 1 < FULL_ROUNDS ? width_ : 1);
    if (r + 1 != FULL_ROUNDS / 2) continue;
    for (size_t block = 0; block < blocks_; block++) partial(groups, partial_[block]);
  }
}

/// A full round; of the state after it as many elements as asked for.
template <typename L>
void Poseidon<L>::full(Group (&groups)[GROUPS], const Rows& rows, size_t count) const {
  L raised[WIDTH];
  for (Group& group : groups) {
    for (size_t i = 0; i < width_; i++) raised[i] = fifth(group.state[i]);
    const L addend = common(raised, width_);
    for (size_t i = 0; i < count; i++) {
      group.state[i] = L::dot({raised, rows.row(i), width_}, {}, addend, rows.constants[i]);
    }
  }
  wipe(raised, sizeof raised);
}

template <typename L>
void Poseidon<L>::partial(Group (&groups)[GROUPS], const Block& block) const {
  const size_t others = width_ - 1;
  L addends[GROUPS];
  for (size_t g = 0; g < GROUPS; g++) addends[g] = common(groups[g].state + 1, others);
  for (size_t k = 0; k < block.rounds; k++) {
    for (Group& group : groups) group.powers[k] = fifth(group.state[0]);
    for (size_t g = 0; g < GROUPS; g++) {
      Group& group = groups[g];
      group.state[0] = L::dot({group.state + 1, block.heads.row(k), others}, {group.powers, block.recent.data() + k * BLOCK, k + 1},
                              addends[g], block.heads.constants[k]);
    }
  }
  for (Group& group : groups) {
    const L addend = common(group.powers, block.rounds);
    for (size_t i = 1; i < width_; i++) {
      L& element = group.state[i];
      element = L::dot({group.powers, block.others.row(i - 1), block.rounds}, {}, element + addend, block.others.constants[i - 1]).tight();
    }
  }
}

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// Number-theoretic transforms over Fr, written over lanes and without bit reversal.
///
/// One of two operations is offered, those that Groth16 needs. From values of a polynomial Σ aₖ·xᵏ on the n-th roots of unity to its
/// values on the odd 2n-th roots; or to values of Σ k/n·aₖ·xᵏ, the slopes, on the n-th roots. Down (values to coefficients) runs by decimation in frequency, up by decimation in time, so that the order in
/// which the coefficients come out is the order in which they go in and nobody has to know it but `shifts`.
///
/// The array is cut into COUNT blocks that follow one another. The first log2(COUNT) steps combine blocks, on elements that follow
/// one another; in the steps after them every block is a transform of its own, and each lane does one.
#pragma once
#include <cstddef>
#include <cstdint>

#include "field.h"
#include "memory.h"
#include "status.h"

namespace plimsoll {

/// A 2^28th root of unity of Fr: 5 to the power of (order − 1) / 2^28, as snarkjs takes it.
inline Fr rootOfUnity(unsigned log2) {
  const uint8_t highest[32] = {0xf0, 0x19, 0x5b, 0x72, 0x6e, 0x1b, 0xd6, 0x9b, 0xd4, 0x2e, 0x11, 0x41, 0x1e, 0x11, 0x2d, 0x40,
                               0xbc, 0x2a, 0xf6, 0x8e, 0xeb, 0xa7, 0xe0, 0x00, 0x85, 0x7e, 0x8a, 0xa5, 0xf0, 0x09, 0x3c, 0x2a};
  Fr root = Fr::fromPlain(highest);
  for (unsigned i = 28; i > log2; i--) root = root.square();
  return root;
}

enum class Goal { oddRoots, slopes };

/// L is lanes of Fr.
template <typename L>
class Transform {
 public:
  static constexpr size_t COUNT = size_t(L::COUNT);
  static constexpr size_t BYTES = 32;

  /// For 2^log2 values. Smaller domains than COUNT² have no lanes to fill: `Status::unsupported`.
  [[nodiscard]] Status open(unsigned log2, Goal goal);
  size_t size() const { return size_; }

  /// In place: `size()` values in the memory form, in their natural order. `work` is `size() / COUNT` lanes of the caller.
  void run(uint8_t* values, L* work) const;

 private:
  /// Twiddles of one direction: `wide` w^i for i < n / 2, and `narrow` those of a block, largest step first, each step's together.
  struct Twiddles {
    Buffer<uint8_t> wide, narrow;
    [[nodiscard]] Status open(const Fr& root, size_t size);
  };
  static void put(Buffer<uint8_t>& table, size_t index, const Fr& element) {
    uint64_t form[4];
    L::toForm(element, form);
    std::memcpy(table.data() + index * BYTES, form, BYTES);
  }

  void down(L* block, size_t length, const uint8_t* twiddles) const;
  void up(L* block, size_t length, const uint8_t* twiddles) const;

  size_t size_ = 0;
  Goal goal_ = Goal::oddRoots;
  Twiddles down_, up_;
  /// What a coefficient is multiplied by between down and up: a power of the 2n-th root, and 1 / n, or its slope's factor, and 1 / n.
  /// The product, or for slopes the sum, of what it is by place in a block and by block.
  Buffer<uint8_t> shifts_, blockShifts_;
};

template <typename L>
Status Transform<L>::Twiddles::open(const Fr& root, size_t size) {
  if (wide.allocate(size / 2 * BYTES) != Status::ok) return Status::memory;
  if (narrow.allocate(size / COUNT * BYTES) != Status::ok) return Status::memory;
  Fr power = Fr::one();
  for (size_t i = 0; i < size / 2; i++, power = power * root) put(wide, i, power);
  size_t place = 0;
  for (size_t length = size / COUNT; length > 1; length /= 2) {
    for (size_t i = 0; i < length / 2; i++, place++) {
      std::memcpy(narrow.data() + place * BYTES, wide.data() + i * (size / length) * BYTES, BYTES);
    }
  }
  return Status::ok;
}

template <typename L>
Status Transform<L>::open(unsigned log2, Goal goal) {
  size_ = size_t(1) << log2;
  goal_ = goal;
  if (size_ < COUNT * COUNT || log2 > 27) return Status::unsupported;
  const Fr root = rootOfUnity(log2), shift = rootOfUnity(log2 + 1);
  if (down_.open(root.inverse(), size_) != Status::ok || up_.open(root, size_) != Status::ok) return Status::memory;

  // Coefficients come out bit-reversed: block b, place j hold that of the reversed bits of b·(n / COUNT) + j.
  const size_t length = size_ / COUNT;
  if (shifts_.allocate(length * BYTES) != Status::ok || blockShifts_.allocate(COUNT * BYTES) != Status::ok) return Status::memory;
  Fr half = Fr::one().doubled().inverse(), perSize = Fr::one();
  for (unsigned i = 0; i < log2; i++) perSize = perSize * half;
  const bool adds = goal == Goal::slopes;
  const auto fill = [adds](Buffer<uint8_t>& table, size_t count, const Fr& first, const Fr& step) {
    Fr value = first;
    size_t reversed = 0;
    for (size_t i = 0; i < count; i++, value = adds ? value + step : value * step) {
      put(table, reversed, value);
      // Counts up in reversed bits.
      size_t bit = count / 2;
      while (bit != 0 && (reversed & bit) != 0) {
        reversed ^= bit;
        bit /= 2;
      }
      reversed |= bit;
    }
  };
  const Fr step = adds ? perSize.square() : shift;
  Fr blockwise = step;
  for (size_t blocks = 1; blocks < COUNT; blocks *= 2) blockwise = adds ? blockwise.doubled() : blockwise.square();
  fill(blockShifts_, COUNT, adds ? Fr::zero() : Fr::one(), step);
  fill(shifts_, length, adds ? Fr::zero() : perSize, blockwise);
  return Status::ok;
}

// Two steps at a time, so that a value is loaded, stored and tightened half as often. The twiddles of a step of length n are
// w^i, i < n / 2; the first of every step is 1.

template <typename L>
void Transform<L>::down(L* block, size_t length, const uint8_t* twiddles) const {
  const size_t quarter = length / 4;
  const uint8_t* const next = twiddles + 2 * quarter * BYTES;
  const auto step = [&](size_t i, const auto& first, const auto& second, const auto& both) {
    L* const at = block + i;
    const L a = at[0], b = at[quarter], c = at[2 * quarter], d = at[3 * quarter];
    const L ac = a + c, bd = b + d, e = first(a - c), f = second(b - d);
    at[0] = (ac + bd).tight();
    at[quarter] = both(ac.template minus<4>(bd).tight());
    at[2 * quarter] = (e + f).tight();
    at[3 * quarter] = both(e - f);
  };
  const auto times = [](const uint8_t* twiddle) { return [twiddle](const L& value) { return value * L::spread(twiddle); }; };
  const auto once = [](const L& value) { return value.tight(); };
  if (length == 1) return;
  if (length == 2) {
    const L a = block[0], b = block[1];
    block[0] = (a + b).tight();
    block[1] = (a - b).tight();
    return;
  }
  step(0, once, times(twiddles + quarter * BYTES), once);
  for (size_t i = 1; i < quarter; i++) {
    step(i, times(twiddles + i * BYTES), times(twiddles + (i + quarter) * BYTES), times(next + i * BYTES));
  }
  for (size_t part = 0; part < 4; part++) down(block + part * quarter, quarter, next + quarter * BYTES);
}

template <typename L>
void Transform<L>::up(L* block, size_t length, const uint8_t* twiddles) const {
  const size_t quarter = length / 4;
  const uint8_t* const next = twiddles + 2 * quarter * BYTES;
  const auto step = [&](size_t i, const auto& first, const auto& second, const auto& both) {
    L* const at = block + i;
    const L a = at[0], b = both(at[quarter]), c = at[2 * quarter], d = both(at[3 * quarter]);
    const L e = first(c + d), f = second(c - d), sum = a + b, difference = a - b;
    at[0] = (sum + e).tight();
    at[quarter] = (difference + f).tight();
    at[2 * quarter] = (sum - e).tight();
    at[3 * quarter] = (difference - f).tight();
  };
  const auto times = [](const uint8_t* twiddle) { return [twiddle](const L& value) { return value * L::spread(twiddle); }; };
  if (length == 1) return;
  if (length == 2) {
    const L a = block[0], b = block[1];
    block[0] = (a + b).tight();
    block[1] = (a - b).tight();
    return;
  }
  for (size_t part = 0; part < 4; part++) up(block + part * quarter, quarter, next + quarter * BYTES);
  step(0, [](const L& value) { return value.tight(); }, times(twiddles + quarter * BYTES), [](const L& value) { return value; });
  for (size_t i = 1; i < quarter; i++) {
    step(i, times(twiddles + i * BYTES), times(twiddles + (i + quarter) * BYTES), times(next + i * BYTES));
  }
}

template <typename L>
void Transform<L>::run(uint8_t* values, L* work) const {
  const size_t length = size_ / COUNT;
  alignas(64) uint8_t tile[COUNT * COUNT * BYTES];

  // 1. Down across blocks, COUNT elements of each at a time; then each block's elements into its lane.
  for (size_t i = 0; i < length; i += COUNT) {
    L parts[COUNT];
    for (size_t block = 0; block < COUNT; block++) parts[block] = L::loadRun(values + (block * length + i) * BYTES);
    for (size_t step = COUNT / 2; step > 0; step /= 2) {
      const size_t stride = COUNT / 2 / step;
      for (size_t block = 0; block < COUNT; block++) {
        if ((block & step) != 0) continue;
        const L a = parts[block], b = parts[block + step];
        const uint8_t* at[COUNT];
        for (size_t lane = 0; lane < COUNT; lane++) {
          at[lane] = down_.wide.data() + ((block & (step - 1)) * length + i + lane) * stride * BYTES;
        }
        parts[block] = (a + b).tight();
        parts[block + step] = (a - b) * L::load(at);
      }
    }
    for (size_t block = 0; block < COUNT; block++) parts[block].tight().storeRun(tile + block * COUNT * BYTES);
    for (size_t place = 0; place < COUNT; place++) {
      const uint8_t* at[COUNT];
      for (size_t block = 0; block < COUNT; block++) at[block] = tile + (block * COUNT + place) * BYTES;
      work[i + place] = L::load(at);
    }
  }

  // 2. Down, shift, up, within blocks.
  down(work, length, down_.narrow.data());
  const L blockShift = L::loadRun(blockShifts_.data());
  for (size_t i = 0; i < length; i++) {
    const L shift = L::spread(shifts_.data() + i * BYTES);
    work[i] = goal_ == Goal::slopes ? work[i] * (shift + blockShift) : work[i] * shift * blockShift;
  }
  up(work, length, up_.narrow.data());

  // 3. Back across blocks.
  for (size_t i = 0; i < length; i += COUNT) {
    for (size_t place = 0; place < COUNT; place++) {
      uint8_t* at[COUNT];
      for (size_t block = 0; block < COUNT; block++) at[block] = tile + (block * COUNT + place) * BYTES;
      work[i + place].tight().store(at);
    }
    L parts[COUNT];
    for (size_t block = 0; block < COUNT; block++) parts[block] = L::loadRun(tile + block * COUNT * BYTES);
    for (size_t step = 1; step < COUNT; step *= 2) {
      const size_t stride = COUNT / 2 / step;
      for (size_t block = 0; block < COUNT; block++) {
        if ((block & step) != 0) continue;
        const uint8_t* at[COUNT];
        for (size_t lane = 0; lane < COUNT; lane++) {
          at[lane] = up_.wide.data() + ((block & (step - 1)) * length + i + lane) * stride * BYTES;
        }
        const L a = parts[block], b = parts[block + step] * L::load(at);
        parts[block] = (a + b).tight();
        parts[block + step] = (a - b).tight();
      }
    }
    for (size_t block = 0; block < COUNT; block++) parts[block].storeRun(values + (block * length + i) * BYTES);
  }
}

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// Multi-scalar multiplication, Σ scalar·point in G1 or G2: Pippenger's buckets with signed digits, summed by batched affine
/// additions. Written over lanes (lanes.h, ifma.h, lanes-wasm.h).
///
/// Not standard here: scalars are not sorted into kinds. A scalar above r/2 is taken as the negative of r minus it, so that small
/// ones of either sign have few digits, and a bit has one; all the ones meet in one bucket, and a bucket of thousands is summed
/// like any other: its points in pairs, the sums in pairs, and so on, all pairs of a round sharing one inversion.
///
/// Complete: equal points, opposite points, infinity and zero scalars give what the group gives. Such pairs are found by their
/// zero denominators (or blank coordinates) and added one at a time by curve.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "curve.h"
#include "memory.h"
#include "points.h"
#include "status.h"

namespace plimsoll {

/// Scalars as signed digits, each window's sorted by bucket. Made once for all products by the same scalars; may be opened again.
class Digits {
 public:
  /// `scalars` are plain little-endian integers of 32 bytes below the order of Fr, at most 2^30 of them.
  [[nodiscard]] Status open(const uint8_t* scalars, size_t count) {
    size_t lengths[255] = {};
    const Status status = recode(scalars, count, lengths);
    return status == Status::ok ? sort(lengths) : status;
  }
  /// Likewise, of all that the buffer holds, which is spared as soon as it has been read.
  [[nodiscard]] Status open(Buffer<uint8_t>& scalars) {
    size_t lengths[255] = {};
    const Status status = recode(scalars.data(), scalars.size() / 32, lengths);
    scalars.spare();
    return status == Status::ok ? sort(lengths) : status;
  }
  void spare() {
    recoded_.spare();
    order_.spare();
    values_.spare();
    entries_.spare();
    starts_.spare();
  }

  size_t count() const { return count_; }
  unsigned bits() const { return bits_; }
  unsigned windows() const { return windows_; }
  /// Buckets of a window: bucket b holds the points that the window adds b + 1 times.
  size_t buckets() const { return size_t(1) << (bits_ - 1); }
  static constexpr uint32_t SIGN = uint32_t(1) << 31;
  /// Entries of a window's bucket: indices of scalars, with SIGN where the point is subtracted.
  const uint32_t* entries() const { return entries_.data(); }
  /// `buckets() + 1` places in `entries()`: bucket b is from the b-th to the next.
  const uint32_t* starts(unsigned window) const { return starts_.data() + window * (buckets() + 1); }

 private:
  struct Recoded {
    uint64_t words[5];
    uint32_t index;
    uint16_t length;
    bool negative;
  };

  /// Takes each scalar but the zeros as itself or as the negative of r minus it, whichever is shorter, and counts those of each length.
  [[nodiscard]] Status recode(const uint8_t* scalars, size_t count, size_t lengths[255]) {
    count_ = count;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) used += !isZero(scalars + 32 * i);
    if (recoded_.allocate(used) != Status::ok || order_.allocate(used) != Status::ok) return Status::memory;
    for (size_t i = 0, place = 0; i < count; i++) {
      if (isZero(scalars + 32 * i)) continue;
      Recoded& scalar = recoded_[place++];
      std::memcpy(scalar.words, scalars + 32 * i, 32);
      scalar.words[4] = 0;
      scalar.index = uint32_t(i);
      scalar.negative = aboveHalf(scalar.words);
      if (scalar.negative) negate(scalar.words);
      scalar.length = uint16_t(bitLength(scalar.words));
      lengths[scalar.length]++;
    }
    return Status::ok;
  }

  /// Chooses the windows and sorts the digits in each.
  [[nodiscard]] Status sort(const size_t lengths[255]) {
    choose(lengths);
    const size_t used = recoded_.size();
    // Those of more than one window first: after the first window nobody looks at the others.
    size_t longer = 0;
    for (size_t i = 0; i < used; i++) longer += windowsOf(recoded_[i].length, bits_) > 1;
    size_t nextLong = 0, nextShort = longer, digits = 0;
    for (size_t i = 0; i < used; i++) {
      const unsigned windows = windowsOf(recoded_[i].length, bits_);
      digits += windows;
      order_[windows > 1 ? nextLong++ : nextShort++] = uint32_t(i);
    }
    if (values_.allocate(longer * windows_ + (used - longer)) != Status::ok) return Status::memory;
    // With a half added at each window, a digit d of [−half, half) reads as d + half: no carry from window to window.
    uint64_t halves[5] = {};
    for (unsigned w = 0; w < windows_; w++) halves[(w * bits_ + bits_ - 1) / 64] |= uint64_t(1) << ((w * bits_ + bits_ - 1) % 64);
    const int32_t half = int32_t(1) << (bits_ - 1);
    const uint32_t mask = (uint32_t(1) << bits_) - 1;
    // Window after window, the values of the longer ones; the first window goes on with those of the others.
    const auto valuesOf = [&](unsigned window) { return values_.data() + (window == 0 ? 0 : used + (window - 1) * longer); };
    for (size_t k = 0; k < used; k++) {
      Recoded& scalar = recoded_[order_[k]];
      unsigned __int128 carry = 0;
      for (int i = 0; i < 5; i++) {
        carry += static_cast<unsigned __int128>(scalar.words[i]) + halves[i];
        scalar.words[i] = uint64_t(carry);
        carry >>= 64;
      }
    }
    if (starts_.allocateZeroed(windows_ * (buckets() + 1)) != Status::ok) return Status::memory;
    // Not in the loop above: reads that straddle words just written would wait for them to reach the cache.
    for (size_t k = 0; k < used; k++) {
      const Recoded& scalar = recoded_[order_[k]];
      const unsigned windows = k < longer ? windows_ : 1;
      const int32_t sign = scalar.negative ? -1 : 0;
      for (unsigned w = 0; w < windows; w++) {
        const int32_t digit = ((int32_t(read(scalar, w * bits_, mask)) - half) ^ sign) - sign, minus = digit >> 31;
        const uint32_t weight = uint32_t((digit ^ minus) - minus);
        valuesOf(w)[k] = uint16_t(weight | (uint32_t(minus) & VALUE_SIGN));
        starts_[w * (buckets() + 1) + weight]++;
      }
    }
    // From here on an order of scalars as they were given.
    for (size_t k = 0; k < used; k++) order_[k] = recoded_[order_[k]].index;
    recoded_.spare();
    if (entries_.allocate(digits) != Status::ok) return Status::memory;
    uint32_t done = 0;
    for (unsigned w = 0; w < windows_; w++) {
      uint32_t* const starts = starts_.data() + w * (buckets() + 1);
      const uint16_t* const values = valuesOf(w);
      const size_t length = w == 0 ? used : longer;
      // From the count of each weight to where its entries are put. Weight zero is left out.
      starts[0] = 0;
      for (size_t b = 0; b <= buckets(); b++) {
        const uint32_t size = starts[b];
        starts[b] = done;
        done += size;
      }
      uint32_t* const entries = entries_.data();
      const uint32_t* const order = order_.data();
      for (size_t k = 0; k < length; k++) {
        if (k + AHEAD < length) __builtin_prefetch(&entries[starts[values[k + AHEAD] & (VALUE_SIGN - 1)]], 1);
        const uint32_t value = values[k], weight = value & (VALUE_SIGN - 1);
        if (weight != 0) entries[starts[weight]++] = order[k] | (value & VALUE_SIGN) << 16;
      }
      // Each start, which was kept one place too far, has moved to where the next bucket starts.
    }
    order_.spare();
    values_.spare();
    return Status::ok;
  }

  static bool isZero(const uint8_t* scalar) {
    uint64_t words[4];
    std::memcpy(words, scalar, 32);
    return (words[0] | words[1] | words[2] | words[3]) == 0;
  }
  static bool aboveHalf(const uint64_t words[5]) {
    for (int i = 3; i >= 0; i--) {
      const uint64_t half = Fr::MODULUS[i] >> 1 | (i < 3 ? Fr::MODULUS[i + 1] << 63 : 0);
      if (words[i] != half) return words[i] > half;
    }
    return false;
  }
  static void negate(uint64_t words[5]) {
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
      const unsigned __int128 step = static_cast<unsigned __int128>(Fr::MODULUS[i]) - words[i] - borrow;
      words[i] = uint64_t(step);
      borrow = uint64_t(step >> 64) & 1;
    }
  }
  static unsigned bitLength(const uint64_t words[5]) {
    for (int i = 3; i >= 0; i--) {
      if (words[i] != 0) return unsigned(64 * (i + 1) - __builtin_clzll(words[i]));
    }
    return 0;
  }
  /// Up to 15 bits of a scalar, wherever they start: two bytes after the words may be read too.
  static uint32_t read(const Recoded& scalar, unsigned bit, uint32_t mask) {
    uint64_t value;
    std::memcpy(&value, reinterpret_cast<const uint8_t*>(&scalar) + bit / 8, 8);
    return uint32_t(value >> (bit % 8)) & mask;
  }
  /// Windows for a number of `length` bits: below half at the top, with a carry from under it.
  static unsigned windowsOf(unsigned length, unsigned bits) { return (length + 1) / bits + 1; }
  /// The width of windows that costs least: an addition of a pair for each digit, and a little over two for each bucket.
  void choose(const size_t lengths[255]) {
    unsigned longest = 0;
    for (unsigned length = 1; length < 255; length++) {
      if (lengths[length] != 0) longest = length;
    }
    size_t least = SIZE_MAX;
    for (unsigned bits = LEAST_BITS; bits <= MOST_BITS; bits++) {
      const unsigned windows = windowsOf(longest, bits);
      size_t cost = (size_t(windows) << (bits - 1)) * BUCKET_COST;
      for (unsigned length = 1; length < 255; length++) cost += lengths[length] * windowsOf(length, bits);
      if (cost >= least) continue;
      least = cost;
      bits_ = bits;
      windows_ = windows;
    }
  }

  /// Eight lanes of buckets at least; MOST_BITS keeps the top window within five words.
  static constexpr unsigned LEAST_BITS = 4, MOST_BITS = 15;
  static constexpr size_t BUCKET_COST = 2;
  /// Over a digit's magnitude, where it is negative.
  static constexpr uint32_t VALUE_SIGN = uint32_t(1) << 15;
  /// Entries whose places are fetched before they are written: buckets are far more than a processor's fastest cache has lines.
  static constexpr size_t AHEAD = 16;

  size_t count_ = 0;
  unsigned bits_ = LEAST_BITS, windows_ = 0;
  Buffer<Recoded> recoded_;
  Buffer<uint32_t> order_;
  Buffer<uint16_t> values_;
  Buffer<uint32_t> entries_, starts_;
};

/// The points of a key that scalars multiply, in the memory form.
template <typename V>
class Bases {
 public:
  using F = typename V::Element;
  static constexpr size_t BYTES = 2 * V::BYTES;

  /// Whether points can be converted where they lie: lanes take no more than one at a time.
  static constexpr bool IN_PLACE = size_t(V::COUNT) * 32 <= BYTES;

  /// `absent` points at infinity, then `count` affine points as in zkey files, whose coordinates have been checked to be below the
  /// modulus.
  [[nodiscard]] Status open(const uint8_t* points, size_t count, size_t absent = 0) {
    const size_t padding = V::COUNT * 32;
    if (own_.allocate(count * BYTES + padding) != Status::ok) return Status::memory;
    if (count != 0) std::memcpy(own_.data(), points, count * BYTES);
    std::memset(own_.data() + count * BYTES, 0, padding);
    return adopt(own_.data(), count, absent);
  }
  /// Likewise, of points that are converted where they lie, and must outlive this.
  [[nodiscard]] Status adopt(uint8_t* points, size_t count, size_t absent = 0) {
    if (present_.allocateZeroed(absent + count) != Status::ok) return Status::memory;
    const Affine<F> infinity = Affine<F>::infinity();
    complete_ = absent == 0;
    for (size_t i = 0; i < count; i++) {
      present_[absent + i] = !(Affine<F>::fromZkey(points + i * BYTES) == infinity);
      complete_ &= present_[absent + i];
    }
    V::Base::adopt(points, count * BYTES / 32);
    points_ = points;
    absent_ = absent;
    return Status::ok;
  }
  size_t count() const { return present_.size(); }
  /// Whether a point is not infinity.
  bool present(size_t index) const { return complete_ || present_[index]; }
  /// Of a point that is present.
  const uint8_t* at(size_t index) const { return points_ + (index - absent_) * BYTES; }

 private:
  Buffer<uint8_t> own_;
  Buffer<bool> present_;
  const uint8_t* points_ = nullptr;
  size_t absent_ = 0;
  /// Whether all are present.
  bool complete_ = false;
};

/// What a task of a product works in: kept between tasks, and between proofs. L is lanes of Fp; good for both groups.
template <typename L>
struct Workspace {
  /// Pairs that share an inversion, while their prefixes stay in cache. In WebAssembly room is dearer than inversions.
#ifdef __wasm__
  static constexpr size_t CHUNK = 2048;
#else
  static constexpr size_t CHUNK = 8192;
#endif

  /// Two summands (entries of digits in the first round, else places of points) and the place of their sum.
  struct Sum {
    uint32_t a, b, to;
  };
  struct Run {
    uint32_t start, size;
  };

  Buffer<uint8_t> points;
  /// Where each bucket's sum is, or EMPTY.
  Buffer<uint32_t> bucketAt;
  /// Buckets that have more than one point left.
  Buffer<Run> live;
  Buffer<Sum> pairs;
  Buffer<L> prefix;
  /// Lanes of each vector of pairs that were resolved one by one.
  Buffer<uint8_t> odd;

  [[nodiscard]] Status open(size_t pointBytes, size_t runs, size_t buckets) {
    const bool ok = points.allocate(pointBytes) == Status::ok && live.allocate(runs) == Status::ok &&
                    bucketAt.allocate(buckets) == Status::ok && pairs.allocate(CHUNK) == Status::ok &&
                    prefix.allocate(CHUNK / L::COUNT) == Status::ok && odd.allocate(CHUNK / L::COUNT) == Status::ok;
    return ok ? Status::ok : Status::memory;
  }
  void spare() {
    points.spare();
    bucketAt.spare();
    live.spare();
    pairs.spare();
    prefix.spare();
    odd.spare();
  }
};

/// One product: Σ digits·bases. Its tasks may run on any threads at once; `sum` is for after them.
template <typename V>
class Product {
 public:
  using F = typename V::Element;

  /// Both must outlive the product. The digits may be of fewer scalars than there are bases: `first` is the base of the first.
  [[nodiscard]] Status open(const Bases<V>& bases, const Digits& digits, size_t first = 0) {
    bases_ = &bases;
    digits_ = &digits;
    first_ = first;
    if (first > bases.count() || digits.count() > bases.count() - first) return Status::mismatch;
    if (ends_.allocate(digits.windows()) != Status::ok || sums_.allocate(digits.windows()) != Status::ok) return Status::memory;
    // Windows that follow one another make a task until it is large enough to fill its batches.
    tasks_ = 0;
    size_t entries = 0;
    for (unsigned w = 0; w < digits.windows(); w++) {
      entries += digits.starts(w)[digits.buckets()] - digits.starts(w)[0];
      if (entries < TASK_ENTRIES && w + 1 < digits.windows()) continue;
      ends_[tasks_++] = w + 1;
      entries = 0;
    }
    return Status::ok;
  }
  size_t tasks() const { return tasks_; }

  [[nodiscard]] Status run(size_t task, Workspace<typename V::Base>& workspace) {
    Worker worker(*bases_, *digits_, first_, workspace);
    return worker.run(task == 0 ? 0 : ends_[task - 1], ends_[task], sums_.data());
  }
  void spare() { sums_.spare(); }

  Xyzz<F> sum() const {
    Xyzz<F> total = Xyzz<F>::infinity();
    for (unsigned w = digits_->windows(); w-- > 0;) {
      for (unsigned i = 0; i < digits_->bits(); i++) total = total.doubled();
      total = total + sums_[w];
    }
    return total;
  }

 private:
  static constexpr size_t TASK_ENTRIES = 3 * Workspace<typename V::Base>::CHUNK;
  class Worker;

  const Bases<V>* bases_ = nullptr;
  const Digits* digits_ = nullptr;
  size_t first_ = 0, tasks_ = 0;
  Buffer<unsigned> ends_;
  Buffer<Xyzz<F>> sums_;
};

/// Sums the buckets of some windows, and those to the sum of each window.
template <typename V>
class Product<V>::Worker {
 public:
  using Base = typename V::Base;

  Worker(const Bases<V>& bases, const Digits& digits, size_t first, Workspace<Base>& workspace)
      : bases_(bases), digits_(digits), first_(first), in_(workspace) {}

  [[nodiscard]] Status run(unsigned from, unsigned to, Xyzz<F>* sums) {
    const size_t buckets = digits_.buckets();
    // 1. Room: the first round leaves half of each bucket's points, rounded up.
    size_t room = 0, filled = 0;
    for (unsigned w = from; w < to; w++) {
      const uint32_t* const starts = digits_.starts(w);
      for (size_t b = 0; b < buckets; b++) {
        const size_t size = starts[b + 1] - starts[b];
        room += (size + 1) / 2;
        filled += size != 0;
      }
    }
    const Lines lines(buckets);
    const size_t windows = to - from, linesOfAll = windows * (lines.rows + lines.columns);
    const Status status = in_.open((room + (lines.none() ? 0 : windows * buckets)) * BYTES, filled > linesOfAll ? filled : linesOfAll,
                                   windows * buckets + linesOfAll);
    if (status != Status::ok) return status;
    // 2. The first round, from bases to points.
    size_t live = 0;
    uint32_t next = 0;
    for (unsigned w = from; w < to; w++) {
      const uint32_t* const starts = digits_.starts(w);
      for (size_t b = 0; b < buckets; b++) {
        const uint32_t start = next;
        uint32_t waiting = 0;
        bool waits = false;
        for (uint32_t e = starts[b]; e < starts[b + 1]; e++) {
          const uint32_t entry = digits_.entries()[e];
          if (!bases_.present(first_ + (entry & ~Digits::SIGN))) continue;
          if (waits) add<true>({waiting, entry, next++});
          waiting = entry;
          waits = !waits;
        }
        if (waits) copy(waiting, next++);
        in_.bucketAt[(w - from) * buckets + b] = next == start ? EMPTY : start;
        if (next - start > 1) in_.live[live++] = {start, next - start};
      }
    }
    flush<true>();
    flushCopies();
    // 3. Each bucket has one point left, at its start.
    halve(live);
    // 4. Weigh the buckets of each window: by the sums of its rows and of its columns, where it is large.
    if (lines.none()) {
      for (unsigned w = from; w < to; w++) sums[w] = weighed(in_.bucketAt.data() + (w - from) * buckets, buckets);
      return Status::ok;
    }
    uint32_t* const lineAt = in_.bucketAt.data() + windows * buckets;
    live = 0;
    for (size_t w = 0; w < windows; w++) {
      const uint32_t* const bucketAt = in_.bucketAt.data() + w * buckets;
      uint32_t* const rowAt = lineAt + w * (lines.rows + lines.columns);
      // Bucket b = r·columns + c weighs b + 1: row r weighs r·columns, column c weighs c + 1.
      for (size_t r = 1; r < lines.rows; r++) rowAt[r - 1] = line(bucketAt + r * lines.columns, lines.columns, 1, next, live);
      rowAt[lines.rows - 1] = EMPTY;
      for (size_t c = 0; c < lines.columns; c++) rowAt[lines.rows + c] = line(bucketAt + c, lines.rows, lines.columns, next, live);
    }
    flush<false>();
    halve(live);
    for (size_t w = 0; w < windows; w++) {
      const uint32_t* const rowAt = lineAt + w * (lines.rows + lines.columns);
      Xyzz<F> sum = weighed(rowAt, lines.rows);
      for (size_t i = lines.columns; i > 1; i /= 2) sum = sum.doubled();
      sums[from + w] = sum + weighed(rowAt + lines.rows, lines.columns);
    }
    return Status::ok;
  }

 private:
  static constexpr int COUNT = V::COUNT;
  static constexpr uint32_t ALL = (uint32_t(1) << COUNT) - 1;
  static constexpr size_t BYTES = Bases<V>::BYTES;
  using Sum = typename Workspace<Base>::Sum;
  using Run = typename Workspace<Base>::Run;
  static constexpr size_t CHUNK = Workspace<Base>::CHUNK;
  /// Products that run side by side, since each waits for the one before.
  static constexpr size_t CHAINS = 4;
  static constexpr uint32_t EMPTY = UINT32_MAX;

  /// Buckets as a table, row after row, where they are enough to fill lanes with rows and with columns.
  struct Lines {
    size_t rows = 0, columns = 0;
    explicit Lines(size_t buckets) {
      if (buckets < 32 * COUNT || buckets < 256) return;
      columns = COUNT;
      while (columns * columns < buckets) columns *= 2;
      rows = buckets / columns;
    }
    bool none() const { return rows == 0; }
  };

  /// Adds the buckets of a line in pairs, to new places, and returns where their sum will be.
  uint32_t line(const uint32_t* bucketAt, size_t count, size_t step, uint32_t& next, size_t& live) {
    const uint32_t start = next;
    uint32_t waiting = EMPTY;
    for (size_t i = 0; i < count; i++) {
      const uint32_t at = bucketAt[i * step];
      if (at == EMPTY) continue;
      if (waiting == EMPTY) {
        waiting = at;
      } else {
        add<false>({waiting, at, next++});
        waiting = EMPTY;
      }
    }
    if (next == start) return waiting;
    if (waiting != EMPTY) std::memcpy(in_.points.data() + size_t(next++) * BYTES, place<false>(waiting), BYTES);
    if (next - start > 1) in_.live[live++] = {start, next - start};
    return start;
  }

  /// Rounds until each run has one point left, at its start.
  void halve(size_t live) {
    for (uint32_t stride = 1; live > 0; stride *= 2) {
      size_t kept = 0;
      for (size_t i = 0; i < live; i++) {
        const Run run = in_.live[i];
        for (uint32_t j = 0; j + stride < run.size; j += 2 * stride) add<false>({run.start + j, run.start + j + stride, run.start + j});
        if (run.size > 2 * stride) in_.live[kept++] = run;
      }
      flush<false>();
      live = kept;
    }
  }

  template <bool FIRST>
  const uint8_t* place(uint32_t reference) const {
    return FIRST ? bases_.at(first_ + (reference & ~Digits::SIGN)) : in_.points.data() + size_t(reference) * BYTES;
  }
  template <bool FIRST>
  void places(size_t vector, const uint8_t* a[COUNT], const uint8_t* b[COUNT]) const {
    for (int lane = 0; lane < COUNT; lane++) {
      a[lane] = place<FIRST>(in_.pairs[vector * COUNT + lane].a);
      b[lane] = place<FIRST>(in_.pairs[vector * COUNT + lane].b);
    }
  }

  template <bool FIRST>
  void add(const Sum& sum) {
    in_.pairs[count_++] = sum;
    if (count_ == CHUNK) flush<FIRST>();
  }

  /// Adds all pairs that have been collected.
  template <bool FIRST>
  void flush() {
    if (count_ == 0) return;
    const size_t vectors = (count_ + COUNT - 1) / COUNT;
    while (count_ < vectors * COUNT) {
      in_.pairs[count_] = in_.pairs[count_ - 1];
      count_++;
    }
    const V one = V::all(F::one());
    Base chains[CHAINS];
    for (Base& chain : chains) chain = Base::all(Fp::one());
    const uint8_t *a[COUNT], *b[COUNT];
    for (size_t v = 0; v < vectors; v++) {
      if constexpr (FIRST) prefetch(v + PREFETCH);
      places<FIRST>(v, a, b);
      const V ax = V::load(a), bx = V::load(b);
      V difference = bx - ax;
      const uint32_t odd = difference.zeros() | ax.blanks() | bx.blanks();
      if (odd != 0) [[unlikely]] difference = difference.with(odd, one);
      in_.odd[v] = uint8_t(odd);
      Base& chain = chains[v % CHAINS];
      in_.prefix[v] = chain;
      chain = chain * difference.norm();
    }
    invert(chains);
    for (size_t v = vectors; v-- > 0;) {
      if constexpr (FIRST) prefetch(v - PREFETCH);
      places<FIRST>(v, a, b);
      const V ax = V::load(a), bx = V::load(b);
      for (int lane = 0; lane < COUNT; lane++) {
        a[lane] += V::BYTES;
        b[lane] += V::BYTES;
      }
      V ay = V::load(a), by = V::load(b);
      if constexpr (FIRST) {
        uint32_t minusA = 0, minusB = 0;
        for (int lane = 0; lane < COUNT; lane++) {
          minusA |= (in_.pairs[v * COUNT + lane].a >> 31) << lane;
          minusB |= (in_.pairs[v * COUNT + lane].b >> 31) << lane;
        }
        ay = ay.negateIf(minusA);
        by = by.negateIf(minusB);
      }
      V difference = bx - ax;
      if (in_.odd[v] != 0) [[unlikely]] difference = difference.with(in_.odd[v], one);
      Base& chain = chains[v % CHAINS];
      const Base inverse = chain * in_.prefix[v];
      chain = chain * difference.norm();
      const V slope = (by - ay) * difference.inverseBy(inverse);
      const V x = slope.square().less(ax, bx);
      const V y = (slope * (ax - x)).less(ay);
      // No pair reads where another stores, but the last may be there several times in its vector: all of it is read first.
      Affine<F> resolved[COUNT];
      if (in_.odd[v] != 0) [[unlikely]] resolve<FIRST>(v, resolved);
      uint8_t* to[COUNT];
      for (int lane = 0; lane < COUNT; lane++) to[lane] = in_.points.data() + size_t(in_.pairs[v * COUNT + lane].to) * BYTES;
      x.store(to);
      for (int lane = 0; lane < COUNT; lane++) to[lane] += V::BYTES;
      y.store(to);
      if (in_.odd[v] != 0) [[unlikely]] {
        for (int lane = 0; lane < COUNT; lane++) {
          if ((in_.odd[v] >> lane & 1) != 0) toForm(resolved[lane], to[lane] - V::BYTES);
        }
      }
    }
    count_ = 0;
  }

  /// Adds the lanes of a vector that have no slope.
  template <bool FIRST>
  [[gnu::noinline]] void resolve(size_t vector, Affine<F> sums[COUNT]) const {
    for (int lane = 0; lane < COUNT; lane++) {
      const Sum& sum = in_.pairs[vector * COUNT + lane];
      if ((in_.odd[vector] >> lane & 1) != 0) sums[lane] = (Xyzz<F>::from(point<FIRST>(sum.a)) + point<FIRST>(sum.b)).toAffine();
    }
  }
  template <bool FIRST>
  Affine<F> point(uint32_t reference) const {
    const uint8_t* at[COUNT];
    for (auto& each : at) each = place<FIRST>(reference);
    const V x = V::load(at);
    for (auto& each : at) each += V::BYTES;
    const V y = V::load(at);
    if ((x.blanks() & y.blanks() & 1) != 0) return Affine<F>::infinity();
    const Affine<F> result{x.at(0), y.at(0)};
    return FIRST && (reference & Digits::SIGN) != 0 ? result.negate() : result;
  }
  static void toForm(const Affine<F>& point, uint8_t* at) {
    if (point.isInfinity()) {
      std::memset(at, 0, BYTES);
    } else {
      V::toForm(point.x, at);
      V::toForm(point.y, at + V::BYTES);
    }
  }

  /// The inverse of each lane of each chain, none of them zero.
  static void invert(Base chains[CHAINS]) {
    const Base low = chains[0] * chains[1], high = chains[2] * chains[3], product = low * high;
    Fp elements[COUNT], prefixes[COUNT], running = Fp::one();
    for (int lane = 0; lane < COUNT; lane++) {
      elements[lane] = product.at(lane);
      prefixes[lane] = running;
      running = running * elements[lane];
    }
    Fp inverse = running.inverse();
    alignas(64) uint8_t forms[COUNT * 32];
    for (int lane = COUNT; lane-- > 0;) {
      Single<Base>::toForm(inverse * prefixes[lane], forms + 32 * lane);
      inverse = inverse * elements[lane];
    }
    const Base all = Base::loadRun(forms), ofLow = all * high, ofHigh = all * low;
    const Base first = ofLow * chains[1], third = ofHigh * chains[3];
    chains[1] = ofLow * chains[0];
    chains[0] = first;
    chains[3] = ofHigh * chains[2];
    chains[2] = third;
  }

  static constexpr size_t PREFETCH = 4;
  void prefetch(size_t vector) const {
    if (vector >= count_ / COUNT) return;
    for (int lane = 0; lane < COUNT; lane++) {
      const uint8_t* const a = place<true>(in_.pairs[vector * COUNT + lane].a);
      const uint8_t* const b = place<true>(in_.pairs[vector * COUNT + lane].b);
      for (size_t line = 0; line < BYTES; line += 64) {
        __builtin_prefetch(a + line);
        __builtin_prefetch(b + line);
      }
    }
  }

  /// Bases that are alone in their buckets, in batches of lanes.
  void copy(uint32_t entry, uint32_t to) {
    copies_[copyCount_++] = {entry, 0, to};
    if (copyCount_ == COUNT) flushCopies();
  }
  void flushCopies() {
    if (copyCount_ == 0) return;
    for (; copyCount_ < COUNT; copyCount_++) copies_[copyCount_] = copies_[0];
    copyCount_ = 0;
    const uint8_t* from[COUNT];
    uint8_t* to[COUNT];
    uint32_t minus = 0;
    for (int lane = 0; lane < COUNT; lane++) {
      from[lane] = place<true>(copies_[lane].a);
      to[lane] = in_.points.data() + size_t(copies_[lane].to) * BYTES;
      minus |= (copies_[lane].a >> 31) << lane;
    }
    V::load(from).store(to);
    for (int lane = 0; lane < COUNT; lane++) {
      from[lane] += V::BYTES;
      to[lane] += V::BYTES;
    }
    V::load(from).negateIf(minus).tight().store(to);
  }

  /// Σ (b + 1)·bucket b. Each lane adds up a run of buckets from its end: the sums of its running sums weigh the buckets from one
  /// up; what precedes a run is added in the end.
  Xyzz<F> weighed(const uint32_t* bucketAt, size_t buckets) const {
    const size_t length = buckets / COUNT;
    const V one = V::all(F::one());
    LanePoints<V> running{one, one, one, one, ALL}, sum = running, bucket = running;
    for (size_t i = length; i-- > 0;) {
      const uint8_t *x[COUNT], *y[COUNT];
      bucket.empty = 0;
      for (int lane = 0; lane < COUNT; lane++) {
        const uint32_t at = bucketAt[size_t(lane) * length + i];
        bucket.empty |= uint32_t(at == EMPTY) << lane;
        x[lane] = at == EMPTY ? blank_ : place<false>(at);
        y[lane] = x[lane] + V::BYTES;
      }
      if (bucket.empty != ALL) {
        bucket.x = V::load(x);
        bucket.y = V::load(y);
        bucket.empty |= bucket.x.blanks() & bucket.y.blanks();
        running.template add<true>(bucket);
      }
      if (running.empty != ALL) sum.template add<false>(running);
    }
    Xyzz<F> total = Xyzz<F>::infinity(), before = total, after = total;
    for (int lane = COUNT; lane-- > 0;) {
      total = total + sum.at(lane);
      // Lane l's buckets weigh l·length more than their places in it: Σ l·running_l, by running sums again.
      after = after + before;
      before = before + running.at(lane);
    }
    for (size_t i = length; i > 1; i /= 2) after = after.doubled();
    return total + after;
  }

  const Bases<V>& bases_;
  const Digits& digits_;
  const size_t first_;
  Workspace<Base>& in_;
  size_t count_ = 0;
  Sum copies_[COUNT];
  int copyCount_ = 0;
  alignas(64) uint8_t blank_[BYTES] = {};
};

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// Groth16 proofs over BN254, written over lanes.
///
/// With witness w, the rows a = A·w, b = B·w, and blinding r, s:
///   A = α + Σ wᵢ·Aᵢ + r·δ        B = β + Σ wᵢ·Bᵢ + s·δ
///   C = Σ wᵢ·Cᵢ + Σ hⱼ·Hⱼ + s·A + r·B − rs·δ
/// The hⱼ are the values of a·b − c, with c = a·b on the n-th roots of unity, at the odd 2n-th roots: what snarkjs takes, whose keys
/// hold the points Hⱼ to match. A prepared key takes the same sum by fewer values: prepare.h has the equation. Same key, witness and blinding give snarkjs's proof, bit for bit.
///
/// Unchecked: that the witness satisfies the circuit. Of one that does not comes a proof that does not verify.
#pragma once
#include <cstddef>
#include <cstdint>

#include "curve.h"
#include "field.h"
#include "key.h"
#include "memory.h"
#include "msm.h"
#include "ntt.h"
#include "status.h"
#include "threads.h"

namespace plimsoll {

/// An opened key. `Lanes<Fp>` and `Lanes<Fr>` are the arithmetic that it is kept for.
template <template <typename> class Lanes>
class Prover {
 public:
  /// Domains below this have too few values to fill the lanes of the transforms.
  static constexpr size_t MIN_DOMAIN = Transform<Lanes<Fr>>::COUNT * Transform<Lanes<Fr>>::COUNT;

  /// Takes what it needs from the key; the file's bytes are not needed afterwards. Where `file` holds them it is taken over, and
  /// where the lanes allow it (`IN_PLACE`) its points stay in it and nothing else does.
  [[nodiscard]] Status open(const Zkey& key, Buffer<uint8_t>* file = nullptr);

  /// `r` and `s` are plain and below the order. The proof: A.x A.y B.x.a B.x.b B.y.a B.y.b C.x C.y, plain.
  [[nodiscard]] Status prove(const Wtns& witness, const uint8_t r[32], const uint8_t s[32], unsigned threads,
                             const volatile int32_t* cancel, uint8_t proof[256]) const;

 private:
  using LaneFr = Lanes<Fr>;
  using Coordinates1 = typename CoordinatesOf<Lanes, Fp>::Type;
  using Coordinates2 = typename CoordinatesOf<Lanes, Fp2>::Type;

  /// Rows are made and joined in pieces, where they are many.
  static constexpr size_t PIECES = 16, MIN_PIECE = 256;

  /// What a proof works in. Kept between proofs (in WebAssembly given back), all of it wiped at the end of each.
  struct Scratch {
    Buffer<uint8_t> rows[4];
    Pool<Buffer<LaneFr>, 3> transforms;
    Digits digits;
    Product<Coordinates1> a, b1, c, h;
    Product<Coordinates2> b2;
    Pool<Workspace<Lanes<Fp>>, 64> workspaces;

    void spare() {
      for (Buffer<uint8_t>& values : rows) values.spare();
      transforms.forEach([](Buffer<LaneFr>& values) { values.spare(); });
      digits.spare();
      for (Product<Coordinates1>* product : {&a, &b1, &c, &h}) product->spare();
      b2.spare();
      workspaces.forEach([](Workspace<Lanes<Fp>>& workspace) { workspace.spare(); });
    }
  };
  [[nodiscard]] Status prove(Scratch& in, const Wtns& witness, const uint8_t r[32], const uint8_t s[32], unsigned threads,
                             const volatile int32_t* cancel, uint8_t proof[256]) const;
  void keepPoints(Zkey& key, Buffer<uint8_t>& file);
  void multiplyRows(const SparseRows& matrix, const Wtns& witness, size_t from, size_t to, uint8_t* values, uint8_t* without) const;
  void makeRows(Scratch& in, const Wtns& witness, size_t from, size_t to) const;
  void join(Scratch& in, size_t from, size_t to) const;

  uint32_t wires_ = 0;
  bool prepared_ = false;
  G1 alpha1_, beta1_, delta1_;
  G2 beta2_, delta2_;
  Matrices matrices_;
  Transform<LaneFr> transform_;
  /// The points, where they are not copied.
  Buffer<uint8_t> file_;
  /// One point per wire, in `c_` too (infinity for those that are not private), so that the products share digits.
  Bases<Coordinates1> a_, b1_, c_, h_;
  Bases<Coordinates2> b2_;
  mutable Pool<Scratch, 4> scratch_;
};

template <template <typename> class Lanes>
Status Prover<Lanes>::open(const Zkey& key, Buffer<uint8_t>* file) {
  wires_ = key.wires;
  prepared_ = key.prepared;
  alpha1_ = G1::fromZkey(key.alpha1);
  beta1_ = G1::fromZkey(key.beta1);
  delta1_ = G1::fromZkey(key.delta1);
  beta2_ = G2::fromZkey(key.beta2);
  delta2_ = G2::fromZkey(key.delta2);
  unsigned log2 = 0;
  while (size_t(1) << log2 < key.domain) log2++;
  // What stays is made as late as can be: what the file gives back, it may have.
  Status status = matrices_.read(key);
  if (status != Status::ok) return status;
  const bool inPlace = Bases<Coordinates1>::IN_PLACE && file != nullptr;
  Zkey from = key;
  if (inPlace) keepPoints(from, *file);
  const auto openEach = [&](auto& bases, const uint8_t* points, size_t count, size_t absent = 0) {
    return inPlace ? bases.adopt(const_cast<uint8_t*>(points), count, absent) : bases.open(points, count, absent);
  };
  status = openEach(a_, from.a, key.wires);
  if (status == Status::ok) status = openEach(b1_, from.b1, key.wires);
  if (status == Status::ok) status = openEach(b2_, from.b2, key.wires);
  if (status == Status::ok) status = openEach(c_, from.c, key.wires - key.absent(), key.absent());
  if (status == Status::ok) status = openEach(h_, from.h, key.points());
  if (status == Status::ok) status = transform_.open(log2, prepared_ ? Goal::slopes : Goal::oddRoots);
  return status;
}

/// Moves the points to the front of the file, those that come first in it first, and gives the rest of it back.
template <template <typename> class Lanes>
void Prover<Lanes>::keepPoints(Zkey& key, Buffer<uint8_t>& file) {
  file_ = static_cast<Buffer<uint8_t>&&>(file);
  const size_t wires = key.wires;
  struct {
    const uint8_t** at;
    size_t bytes;
    bool moved;
  } runs[] = {{&key.a, wires * G1_BYTES, false},
              {&key.b1, wires * G1_BYTES, false},
              {&key.b2, wires * G2_BYTES, false},
              {&key.c, (wires - key.absent()) * G1_BYTES, false},
              {&key.h, key.points() * G1_BYTES, false}};
  uint8_t* to = file_.data();
  for (size_t moved = 0; moved < 5; moved++) {
    auto* first = &runs[0];
    for (auto& run : runs) {
      if (!run.moved && (first->moved || *run.at < *first->at)) first = &run;
    }
    std::memmove(to, *first->at, first->bytes);
    *first->at = to;
    first->moved = true;
    to += first->bytes;
  }
  file_.shrink(size_t(to - file_.data()));
}

/// Values of rows, and those without the constant's part where they are asked for; not in the memory form. The witness is read as if in
/// Montgomery form, so that no value of it need be converted: rows come out over R.
template <template <typename> class Lanes>
void Prover<Lanes>::multiplyRows(const SparseRows& matrix, const Wtns& witness, size_t from, size_t to, uint8_t* values,
                                 uint8_t* without) const {
  for (size_t row = from; row < to; row++) {
    Fr sum = Fr::zero(), constant = Fr::zero();
    for (uint32_t entry = matrix.rows[row]; entry < matrix.rows[row + 1]; entry++) {
      const Fr value = Fr::fromZkey(witness.values + size_t(matrix.wire[entry]) * FIELD_BYTES);
      if (value.isZero()) continue;
      const uint32_t coefficient = matrix.coefficient[entry];
      Fr& part = matrix.wire[entry] == 0 ? constant : sum;
      if (coefficient == Matrices::ONE) {
        part = part + value;
      } else if (coefficient == Matrices::MINUS_ONE) {
        part = part - value;
      } else {
        part = part + matrices_.coefficients[coefficient] * value;
      }
    }
    if (without != nullptr) std::memcpy(without + row * FIELD_BYTES, sum.limbs, FIELD_BYTES);
    sum = sum + constant;
    std::memcpy(values + row * FIELD_BYTES, sum.limbs, FIELD_BYTES);
  }
}

/// What comes of rows that went in over R is over R²; what is over R has the bytes of the plain integer.
inline Fr factorR() {
  const uint8_t integerOne[FIELD_BYTES] = {1};
  return Fr::fromZkey(integerOne).inverse();
}

/// The rows a, b, and c = a·b; for a prepared key a without the constant's part, plain c behind it, and b once more.
template <template <typename> class Lanes>
void Prover<Lanes>::makeRows(Scratch& in, const Wtns& witness, size_t from, size_t to) const {
  uint8_t *const a = in.rows[0].data(), *const b = in.rows[1].data(), *const third = in.rows[2].data();
  uint8_t* const c = prepared_ ? third + transform_.size() * FIELD_BYTES : third;
  multiplyRows(matrices_.a, witness, from, to, a, prepared_ ? third : nullptr);
  multiplyRows(matrices_.b, witness, from, to, b, nullptr);
  const size_t first = from * FIELD_BYTES, end = to * FIELD_BYTES;
  if (prepared_) {
    // Of most rows one factor is zero.
    const Fr timesR = factorR();
    for (size_t at = first; at < end; at += FIELD_BYTES) {
      const Fr left = Fr::fromZkey(a + at), right = Fr::fromZkey(b + at);
      const Fr product = left.isZero() || right.isZero() ? Fr::zero() : left * right * timesR;
      std::memcpy(c + at, product.limbs, FIELD_BYTES);
    }
    LaneFr::adopt(third + first, to - from);
  }
  LaneFr::adopt(a + first, to - from);
  LaneFr::adopt(b + first, to - from);
  if (prepared_) {
    std::memcpy(in.rows[3].data() + first, b + first, end - first);
    return;
  }
  for (size_t at = first; at < end; at += LaneFr::COUNT * FIELD_BYTES) {
    (LaneFr::loadRun(a + at) * LaneFr::loadRun(b + at)).tight().storeRun(c + at);
  }
}

/// c := a·b − c, as plain integers; for a prepared key slope of a · b + a without the constant's part · slope of b.
template <template <typename> class Lanes>
void Prover<Lanes>::join(Scratch& in, size_t from, size_t to) const {
  const uint8_t *const a = in.rows[0].data(), *const b = in.rows[1].data();
  uint8_t* const c = in.rows[2].data();
  const LaneFr timesR = LaneFr::all(factorR());
  for (size_t at = from * FIELD_BYTES; at < to * FIELD_BYTES; at += LaneFr::COUNT * FIELD_BYTES) {
    const LaneFr first = LaneFr::loadRun(a + at), second = LaneFr::loadRun(b + at), third = LaneFr::loadRun(c + at);
    const LaneFr sum = prepared_ ? LaneFr::twoProducts(first, LaneFr::loadRun(in.rows[3].data() + at), third, second)
                                 : first * second - third;
    (sum * timesR).tight().storeRun(c + at);
  }
  LaneFr::release(c + from * FIELD_BYTES, to - from);
}

template <template <typename> class Lanes>
Status Prover<Lanes>::prove(const Wtns& witness, const uint8_t r[32], const uint8_t s[32], unsigned threads,
                            const volatile int32_t* cancel, uint8_t proof[256]) const {
  typename Pool<Scratch, 4>::Lease scratch(scratch_);
  const Status status = prove(*scratch, witness, r, s, threads, cancel, proof);
  scratch->spare();
  return status;
}

template <template <typename> class Lanes>
Status Prover<Lanes>::prove(Scratch& in, const Wtns& witness, const uint8_t r[32], const uint8_t s[32], unsigned threads,
                            const volatile int32_t* cancel, uint8_t proof[256]) const {
  if (witness.count != wires_) return Status::mismatch;
  if (!Fr::isCanonical(r) || !Fr::isCanonical(s)) return Status::range;
  int failure = int(Status::ok);
  /// Runs task(0) to task(count − 1), until one fails or the caller has enough.
  const auto inParallel = [&](size_t count, const auto& task) {
    parallel(threads, count, [&](size_t index) {
      if (__atomic_load_n(&failure, __ATOMIC_RELAXED) != int(Status::ok)) return;
      const Status status = *cancel != 0 ? Status::cancelled : task(index);
      if (status != Status::ok) __atomic_store_n(&failure, int(status), __ATOMIC_RELAXED);
    });
    return Status(failure);
  };

  const auto runTask = [&](auto& product, size_t task) {
    typename Pool<Workspace<Lanes<Fp>>, 64>::Lease workspace(in.workspaces);
    return product.run(task, *workspace);
  };

  // 1. The rows a and b, and c = a·b; the digits of the witness.
  const size_t domain = transform_.size();
  const size_t pieces = domain < MIN_PIECE * PIECES ? 1 : PIECES, piece = domain / pieces;
  for (int i = 0; i < (prepared_ ? 4 : 3); i++) {
    if (in.rows[i].allocate((i == 2 ? h_.count() : domain) * FIELD_BYTES) != Status::ok) return Status::memory;
  }
  Status status = inParallel(1 + pieces, [&](size_t index) {
    if (index == 0) return in.digits.open(witness.values, wires_);
    makeRows(in, witness, (index - 1) * piece, index * piece);
    return Status::ok;
  });
  if (status != Status::ok) return status;

  // 2. The rows' values at the odd roots, or their slopes, and the products with the witness. The largest tasks first.
  if ((status = in.b2.open(b2_, in.digits)) != Status::ok) return status;
  if ((status = in.a.open(a_, in.digits)) != Status::ok) return status;
  if ((status = in.b1.open(b1_, in.digits)) != Status::ok) return status;
  if ((status = in.c.open(c_, in.digits)) != Status::ok) return status;
  const size_t rows = prepared_ ? 2 : 3, withB2 = rows + in.b2.tasks(), withA = withB2 + in.a.tasks();
  const size_t before[] = {rows, withB2, withA, withA + in.b1.tasks()};
  status = inParallel(before[3] + in.c.tasks(), [&](size_t index) {
    if (index >= before[3]) return runTask(in.c, index - before[3]);
    if (index >= before[2]) return runTask(in.b1, index - before[2]);
    if (index >= before[1]) return runTask(in.a, index - before[1]);
    if (index >= before[0]) return runTask(in.b2, index - before[0]);
    typename Pool<Buffer<LaneFr>, 3>::Lease values(in.transforms);
    if (values->allocate(domain / LaneFr::COUNT) != Status::ok) return Status::memory;
    transform_.run(in.rows[index].data(), values->data());
    values->spare();
    return Status::ok;
  });
  if (status != Status::ok) return status;

  const Xyzz<Fp> sums[] = {in.a.sum(), in.b1.sum(), in.c.sum()};
  const Xyzz<Fp2> sumB2 = in.b2.sum();

  // 3. The product with a·b − c, or with the quotient's values.
  status = inParallel(pieces, [&](size_t index) {
    join(in, index * piece, (index + 1) * piece);
    return Status::ok;
  });
  if (status != Status::ok) return status;
  in.rows[0].spare();
  in.rows[1].spare();
  in.rows[3].spare();
  in.workspaces.forEach([](Workspace<Lanes<Fp>>& workspace) { workspace.spare(); });
  if ((status = in.digits.open(in.rows[2])) != Status::ok) return status;
  if ((status = in.h.open(h_, in.digits)) != Status::ok) return status;
  status = inParallel(in.h.tasks(), [&](size_t index) { return runTask(in.h, index); });
  if (status != Status::ok) return status;

  // 4. The proof's three points.
  uint8_t minusRs[FIELD_BYTES];
  (Fr::fromPlain(r) * Fr::fromPlain(s)).negate().toPlain(minusRs);
  const Xyzz<Fp> delta1 = Xyzz<Fp>::from(delta1_);
  const Xyzz<Fp> pointA = sums[0] + alpha1_ + delta1 * r;
  const Xyzz<Fp> pointB1 = sums[1] + beta1_ + delta1 * s;
  const Xyzz<Fp2> pointB = sumB2 + beta2_ + Xyzz<Fp2>::from(delta2_) * s;
  const Xyzz<Fp> pointC = sums[2] + in.h.sum() + pointA * s + pointB1 * r + delta1 * minusRs;
  wipe(minusRs, sizeof minusRs);
  pointA.toAffine().toPlain(proof);
  pointB.toAffine().toPlain(proof + G1_BYTES);
  pointC.toAffine().toPlain(proof + G1_BYTES + G2_BYTES);
  return Status::ok;
}

}  // namespace plimsoll

// SPDX-License-Identifier: GPL-3.0-or-later
/// Elements of a prime field by the instructions of 64-bit Arm: halves of products (`mul`, `umulh`) and chains of carries, which g++ does
/// not make of plain C++. A product takes a quarter fewer instructions, a sum half as many.
#pragma once
#include <cstdint>

namespace plimsoll {

/// Four words each, as everywhere. A result may be where an operand is.
template <typename Parameters>
struct ArmWords {
  static constexpr const uint64_t (&P)[4] = Parameters::MODULUS;
  static constexpr uint64_t NEGATED_INVERSE = [] {
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++) inverse *= 2 - P[0] * inverse;
    return 0 - inverse;
  }();

  /// a·b / 2^256 modulo the modulus; of elements.
  [[gnu::always_inline]] static void multiply(const uint64_t a[4], const uint64_t b[4], uint64_t result[4]) {
    uint64_t t[4] = {};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      uint64_t t4, x0, x1, x2, x3;
      __asm__(
          // 1. t + a·b[i]
          "mul %[x0], %[a0], %[b]\n\tmul %[x1], %[a1], %[b]\n\tmul %[x2], %[a2], %[b]\n\tmul %[x3], %[a3], %[b]\n\t"
          "adds %[t0], %[t0], %[x0]\n\tadcs %[t1], %[t1], %[x1]\n\tadcs %[t2], %[t2], %[x2]\n\tadcs %[t3], %[t3], %[x3]\n\t"
          "adc %[t4], xzr, xzr\n\t"
          "umulh %[x0], %[a0], %[b]\n\tumulh %[x1], %[a1], %[b]\n\tumulh %[x2], %[a2], %[b]\n\tumulh %[x3], %[a3], %[b]\n\t"
          "adds %[t1], %[t1], %[x0]\n\tadcs %[t2], %[t2], %[x1]\n\tadcs %[t3], %[t3], %[x2]\n\tadc %[t4], %[t4], %[x3]\n\t"
          // 2. (t + m·p) / 2^64: the lowest word vanishes, and carries unless it was 0.
          "mul %[x0], %[t0], %[inverse]\n\t"
          "mul %[x1], %[x0], %[p1]\n\tmul %[x2], %[x0], %[p2]\n\tmul %[x3], %[x0], %[p3]\n\t"
          "cmp %[t0], #1\n\tumulh %[t0], %[x0], %[p0]\n\t"
          "adcs %[t1], %[t1], %[x1]\n\tadcs %[t2], %[t2], %[x2]\n\tadcs %[t3], %[t3], %[x3]\n\tadc %[t4], %[t4], xzr\n\t"
          "umulh %[x1], %[x0], %[p1]\n\tumulh %[x2], %[x0], %[p2]\n\tumulh %[x3], %[x0], %[p3]\n\t"
          "adds %[t0], %[t0], %[t1]\n\tadcs %[t1], %[t2], %[x1]\n\tadcs %[t2], %[t3], %[x2]\n\tadc %[t3], %[t4], %[x3]"
          : [t0] "+&r"(t[0]), [t1] "+&r"(t[1]), [t2] "+&r"(t[2]), [t3] "+&r"(t[3]), [t4] "=&r"(t4), [x0] "=&r"(x0), [x1] "=&r"(x1),
            [x2] "=&r"(x2), [x3] "=&r"(x3)
          : [a0] "r"(a[0]), [a1] "r"(a[1]), [a2] "r"(a[2]), [a3] "r"(a[3]), [b] "r"(b[i]), [p0] "r"(P[0]), [p1] "r"(P[1]),
            [p2] "r"(P[2]), [p3] "r"(P[3]), [inverse] "r"(NEGATED_INVERSE)
          : "cc");
    }
    reduce(t, result);
  }

  [[gnu::always_inline]] static void add(const uint64_t a[4], const uint64_t b[4], uint64_t result[4]) {
    uint64_t t[4];
    __asm__("adds %0, %4, %8\n\tadcs %1, %5, %9\n\tadcs %2, %6, %10\n\tadc %3, %7, %11"
            : "=&r"(t[0]), "=&r"(t[1]), "=&r"(t[2]), "=&r"(t[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3])
            : "cc");
    reduce(t, result);
  }

  [[gnu::always_inline]] static void subtract(const uint64_t a[4], const uint64_t b[4], uint64_t result[4]) {
    uint64_t t[4], borrowed;
    __asm__("subs %0, %5, %9\n\tsbcs %1, %6, %10\n\tsbcs %2, %7, %11\n\tsbcs %3, %8, %12\n\tcsetm %4, cc"
            : "=&r"(t[0]), "=&r"(t[1]), "=&r"(t[2]), "=&r"(t[3]), "=&r"(borrowed)
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3])
            : "cc");
    __asm__("adds %0, %0, %4\n\tadcs %1, %1, %5\n\tadcs %2, %2, %6\n\tadc %3, %3, %7"
            : "+&r"(t[0]), "+&r"(t[1]), "+&r"(t[2]), "+&r"(t[3])
            : "r"(P[0] & borrowed), "r"(P[1] & borrowed), "r"(P[2] & borrowed), "r"(P[3] & borrowed)
            : "cc");
    for (int i = 0; i < 4; i++) result[i] = t[i];
  }

  /// From below twice the modulus to below it.
  [[gnu::always_inline]] static void reduce(const uint64_t t[4], uint64_t result[4]) {
    uint64_t less[4];
    __asm__(
        "subs %0, %4, %8\n\tsbcs %1, %5, %9\n\tsbcs %2, %6, %10\n\tsbcs %3, %7, %11\n\t"
        "csel %0, %0, %4, cs\n\tcsel %1, %1, %5, cs\n\tcsel %2, %2, %6, cs\n\tcsel %3, %3, %7, cs"
        : "=&r"(less[0]), "=&r"(less[1]), "=&r"(less[2]), "=&r"(less[3])
        : "r"(t[0]), "r"(t[1]), "r"(t[2]), "r"(t[3]), "r"(P[0]), "r"(P[1]), "r"(P[2]), "r"(P[3])
        : "cc");
    for (int i = 0; i < 4; i++) result[i] = less[i];
  }
};

}  // namespace plimsoll

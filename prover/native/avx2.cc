// SPDX-License-Identifier: GPL-3.0-or-later
/// The core for processors with AVX2 and FMA. The only file that is compiled for them; everything in it has a namespace of its own,
/// or the linker could take an inline function compiled here for the same function of the rest.
#if defined(__GNUC__) && !defined(__clang__)
// Expressions stay in the order in which they are written, which keeps a product in the registers: a quarter fewer instructions.
#pragma GCC optimize("no-tree-ter")
#endif
#define plimsoll plimsoll_avx2
#include "core/lanes-avx2.h"

#include "core/arithmetic.h"

extern "C" const plimsoll::Arithmetic plimsoll_avx2_arithmetic;
const plimsoll::Arithmetic plimsoll_avx2_arithmetic = plimsoll::ArithmeticOver<plimsoll::QuadLanes>::FUNCTIONS;

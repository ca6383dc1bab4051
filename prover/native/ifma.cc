// SPDX-License-Identifier: GPL-3.0-or-later
/// The core for processors with AVX-512 IFMA. The only file that is compiled for them; everything in it has a namespace of its own,
/// or the linker could take an inline function compiled here for the same function of the rest.
#define plimsoll plimsoll_ifma
#include "core/ifma.h"

#include "core/arithmetic.h"

extern "C" const plimsoll::Arithmetic plimsoll_ifma_arithmetic;
const plimsoll::Arithmetic plimsoll_ifma_arithmetic = plimsoll::ArithmeticOver<plimsoll::EightLanes>::FUNCTIONS;

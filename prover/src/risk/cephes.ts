// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The functions of the Cephes library, compiled to WebAssembly.
 *
 * Its module for `require` compiles at once, the one for `import` some time later: with that one no function could be called until
 * then, and `require("plimsoll/risk")` would be refused for waiting.
 */
import { createRequire } from "node:module";

interface Cephes {
  exp(x: number): number;
  log(x: number): number;
  /** Upper tail of the chi-squared distribution. */
  chdtrc(degrees: number, x: number): number;
  /** Regularised incomplete beta function. */
  incbet(a: number, b: number, x: number): number;
  /** Inverse of `ndtr`. */
  ndtri(p: number): number;
  /** Cumulative distribution function of the standard normal distribution. */
  ndtr(x: number): number;
}

export const cephes: Cephes = createRequire(import.meta.url)("cephes");

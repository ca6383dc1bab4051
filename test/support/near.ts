// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";

/** Not chai's closeTo: the chain's matchers, once loaded by any test, replace it by one for integers only. */
export const near = (actual: number, expected: number, tolerance: number, what?: string) =>
  expect(Math.abs(actual - expected), what).to.be.at.most(tolerance);

// SPDX-License-Identifier: GPL-3.0-or-later
/** Tests that are left out say why, and `.ci/run` refuses what it should have had. */
import Mocha, { type Context } from "mocha";
import { type ArithmeticPath, loadAddon } from "../../prover/src/node/native.ts";

/** What a machine may be without. */
export const MAY_LACK = [
  "no AVX-512 IFMA",
  "no AVX2",
  "no Arm emulator",
  "clang++-19 is not installed",
  "no price histories: PLIMSOLL_PRICES names their folder",
  "not on this platform",
  "no right to mount a file system",
  "round-60-3 is not set up",
  "lot-60 is not set up",
] as const;
type Reason =
  | (typeof MAY_LACK)[number]
  | "book-60-8 is not set up"
  | "no Chromium"
  | "no native prover"
  | "no redis-server"
  | "pdftoppm is not installed"
  | "unzip is not installed"
  | "python3 is not installed";

/** Before the reason, at the end of the title of a test that is left out: all that a parallel run hands on. */
export const MARK = " [left out: ";

/** Leaves out the test that runs, or in a `before` hook every test of its suite. */
export function skip(context: Context, reason: Reason): never {
  const test = context.test!;
  const mark = (left: { title: string }) => {
    left.title += `${MARK}${reason}]`;
  };
  if (test instanceof Mocha.Test) mark(test);
  else test.parent!.eachTest(mark);
  return context.skip() as never;
}

/** Why the native prover with this arithmetic is not there. */
export function whyNotNative(path?: ArithmeticPath): Reason {
  if (loadAddon().addon === undefined || path === undefined || path === "portable") return "no native prover";
  return path === "ifma" ? "no AVX-512 IFMA" : "no AVX2";
}

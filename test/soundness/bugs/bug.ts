// SPDX-License-Identifier: GPL-3.0-or-later
/** What a bug to seed into a circuit is. */
import type { Detector } from "../lab/attack.ts";

export const BUG_CLASSES = [
  "missing range check",
  "wrong width",
  "aliasing",
  "hint without constraint",
  "assertion for constraint",
  "public input unbound",
  "output unbound",
  "wrong arithmetic",
  "multiplied by zero",
  "packing",
  "maximum",
  "selection",
  "replay",
] as const;

export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Bug {
  readonly id: string;
  readonly class: (typeof BUG_CLASSES)[number];
  /** What a prover gains, or an honest one loses. */
  readonly says: string;
  readonly edits: readonly Edit[];
  readonly caughtBy: readonly Detector[];
}

/** A bug of one edit. */
export const bug = (
  id: string,
  kind: Bug["class"],
  says: string,
  file: string,
  find: string,
  replace: string,
  caughtBy: readonly Detector[],
): Bug => ({ id, class: kind, says, edits: [{ file, find, replace }], caughtBy });

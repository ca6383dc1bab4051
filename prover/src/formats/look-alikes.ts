// SPDX-License-Identifier: GPL-3.0-or-later
/** Which names a reader could take for one another. */
import { rectifyConfusion } from "unicode-confusables";

const letters = (text: string) => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();

/**
 * What a name looks like: the same for two names that differ in capital letters, marks, spaces and punctuation, or in letters
 * that Unicode lists as confusable (UTS 39: Cyrillic а, Greek ο, 1 and l, m and rn). To be compared and never shown.
 */
export function lookOf(name: string): string {
  // A capital I looks like l, and small letters are compared.
  const skeleton = letters(rectifyConfusion(letters(name))).replaceAll("i", "l");
  const core = skeleton.replaceAll(/[^\p{L}\p{N}]+/gu, "");
  return core === "" ? skeleton : core;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Where a key comes from, and so what a proof under it is worth. */

/**
 * `development`: made with a trapdoor that one program knew. `rehearsal`: from a ceremony that does not hold to the rules for
 * production, for example on a phase 1 made for it. `ceremony`: from one that does.
 */
export const KEY_ORIGINS = ["development", "rehearsal", "ceremony"] as const;
export type KeyOrigin = (typeof KEY_ORIGINS)[number];

/** Whether a proof under a key of this origin is evidence to a stranger. */
export const isEvidence = (origin: KeyOrigin): boolean => origin === "ceremony";

export interface KeyCaveat {
  readonly code: "DEVELOPMENT_KEY" | "REHEARSAL_KEY";
  readonly text: string;
}

/** What a verdict says of a key that proves nothing to a stranger. */
export function keyCaveat(origin: KeyOrigin): KeyCaveat | undefined {
  switch (origin) {
    case "development":
      return {
        code: "DEVELOPMENT_KEY",
        text: "The key is a development key; its maker can forge proofs. It is good for tests only.",
      };
    case "rehearsal":
      return {
        code: "REHEARSAL_KEY",
        text: "The key is from the rehearsal of a ceremony; the maker of its phase 1 can forge proofs. It is good for tests only.",
      };
    case "ceremony":
      return undefined;
  }
}

/**
 * The first line of a verdict on anything under keys of these origins, if one of them lets its maker forge proofs: whatever
 * follows is worth nothing as evidence, and must not look like success.
 */
export function testOnly(origins: Iterable<KeyOrigin>): string | undefined {
  const caveat = [...origins].map(keyCaveat).find((found) => found !== undefined);
  return caveat && `TEST ONLY (${caveat.code}), worth nothing as evidence. ${caveat.text}`;
}

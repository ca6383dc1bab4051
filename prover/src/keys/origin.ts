// SPDX-License-Identifier: GPL-3.0-or-later
/** Where a key comes from, and so what a proof under it is worth. */

/**
 * `development`: made with a trapdoor that one program knew. `rehearsal`: from a ceremony that does not hold to the rules for
 * production, for example on a phase 1 made for it. `ceremony`: from one that does.
 */
export const KEY_ORIGINS = ["development", "rehearsal", "ceremony"] as const;
export type KeyOrigin = (typeof KEY_ORIGINS)[number];

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
        text: "The key is a development key: whoever made it can forge proofs. Good for tests only.",
      };
    case "rehearsal":
      return {
        code: "REHEARSAL_KEY",
        text: "The key is from the rehearsal of a ceremony: whoever made its phase 1 can forge proofs. Good for tests only.",
      };
    case "ceremony":
      return undefined;
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Where a key comes from, and so what a proof under it is worth. */

/**
 * `development`: made with a trapdoor that one program knew. `rehearsal`: from a ceremony that does not hold to the rules for
 * production, for example on a phase 1 made for the occasion. `ceremony`: from one that does.
 */
export const KEY_ORIGINS = ["development", "rehearsal", "ceremony"] as const;
export type KeyOrigin = (typeof KEY_ORIGINS)[number];

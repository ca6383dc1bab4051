// SPDX-License-Identifier: GPL-3.0-or-later
/** What every document and page says first of proofs under a key that its maker can use to forge them. */
import { type Markup, markup } from "./html.ts";

export const TEST_ONLY = "Test only: worth nothing as evidence";

/** Only a key from a ceremony is worth something to a stranger. */
export const isForgeable = (origin: string): boolean => origin !== "ceremony";

/** Why, of a key of this origin. */
export const forgeableBy = (origin: string): Markup =>
  markup`<p><strong>Under a ${origin} key:</strong> its maker can forge proofs.</p>`;

/** The box that a page shows for a proof just made. */
export function provenBox(statement: string, origin: string): Markup {
  return isForgeable(origin)
    ? markup`<div class="outcome test"><h2>${TEST_ONLY}</h2>${forgeableBy(origin)}<p>${statement}</p></div>`
    : markup`<div class="outcome good"><h2>Proven</h2><p>${statement}</p></div>`;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** What every document and page says first of proofs under a key that its maker can use to forge them. */
import { type Markup, markup } from "./html.ts";

export const TEST_ONLY = "Test only: worth nothing as evidence";

/** Why, of a key of this origin. */
export const forgeableBy = (origin: string): Markup =>
  markup`<p><strong>Under a ${origin} key:</strong> its maker can forge proofs.</p>`;

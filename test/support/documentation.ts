// SPDX-License-Identifier: GPL-3.0-or-later
/** Comparing what a page shows with what a command prints. */

/** Text with white space squeezed, and with every commitment of a fresh key replaced by the one that the pages show. */
export const comparable = (text: string): string =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\b\d{4}…\d{4}\b/g, "1427…5714")
    .trim();

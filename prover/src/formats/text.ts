// SPDX-License-Identifier: GPL-3.0-or-later
/** Bytes of a file to its text. */
import { PlimsollError } from "../errors.ts";

/**
 * UTF-8, or UTF-16 that begins with a byte order mark, as PowerShell 5 writes what it redirects. The mark is left out.
 * Throws `SYNTAX` where it is neither.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new PlimsollError("SYNTAX", "not text in UTF-8, nor in UTF-16 with a byte order mark", { file });
  }
}

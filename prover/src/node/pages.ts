// SPDX-License-Identifier: GPL-3.0-or-later
/** The pages that come with the package: one HTML file each, which opens from disk and makes no connection. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { PlimsollError } from "../errors.ts";
import { CLONE, IN_CLONE, PACKAGE } from "./installation.ts";

export const PAGES = {
  "verify-pack.html": "verifies an evidence pack",
  "contribute.html": "contributes to a key ceremony",
  "prove.html": "proves an account's coverage",
  "book.html": "finds a member's account in the book of a venue",
} as const;
export type PageName = keyof typeof PAGES;

/** The page that a desk serves: it needs the desk. */
export const DESK_PAGE = "desk.html";

/** Where a package has the pages. */
export const PAGES_DIRECTORY = path.join(PACKAGE, "dist/pages");

/** The pages. In a clone they are built, from its sources as they are. Throws FILE where they cannot be read or built. */
export async function readPages(): Promise<{ name: PageName; bytes: Uint8Array }[]> {
  const names = Object.keys(PAGES) as PageName[];
  return Promise.all(names.map(async (name) => ({ name, bytes: await read(name) })));
}

/** The desk's page, as text. Throws as `readPages`. */
export const readDeskPage = async (): Promise<string> => (await read(DESK_PAGE)).toString("utf8");

async function read(name: string): Promise<Buffer> {
  try {
    if (!IN_CLONE) return await readFile(path.join(PAGES_DIRECTORY, name));
    // Told and not written: another process may be building the same page, or packing.
    const script = path.join(CLONE, "scripts/build-page.ts");
    const options = { encoding: "buffer", maxBuffer: 1 << 24 } as const;
    return (await promisify(execFile)(process.execPath, [script, name], options)).stdout;
  } catch {
    throw new PlimsollError("FILE", `the pages cannot be ${IN_CLONE ? "built" : "read"}`, { file: PAGES_DIRECTORY });
  }
}

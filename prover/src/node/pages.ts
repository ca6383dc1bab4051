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

/** Where the pages are once they are built. */
export const PAGES_DIRECTORY = path.join(PACKAGE, "dist/pages");

/** The pages. In a clone they are built first, from its sources as they are. Throws FILE where they cannot be read or built. */
export async function readPages(): Promise<{ name: PageName; bytes: Uint8Array }[]> {
  return built(async () => {
    const names = Object.keys(PAGES) as PageName[];
    return await Promise.all(
      names.map(async (name) => ({ name, bytes: await readFile(path.join(PAGES_DIRECTORY, name)) })),
    );
  });
}

/** The desk's page, as text. Throws as `readPages`. */
export const readDeskPage = (): Promise<string> => built(() => readFile(path.join(PAGES_DIRECTORY, DESK_PAGE), "utf8"));

async function built<T>(read: () => Promise<T>): Promise<T> {
  try {
    if (IN_CLONE) await promisify(execFile)(process.execPath, [path.join(CLONE, "scripts/build-page.ts")]);
    return await read();
  } catch {
    throw new PlimsollError("FILE", `the pages cannot be ${IN_CLONE ? "built" : "read"}`, { file: PAGES_DIRECTORY });
  }
}

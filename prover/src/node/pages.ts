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

/** Who waits for pages, which a clone builds for seconds. */
export interface PageReader {
  readonly signal?: AbortSignal;
  /** Told of what is done before it is begun. */
  readonly onStep?: (what: string) => void;
}

/**
 * The pages. In a clone they are built, from its sources as they are. Throws FILE where they cannot be read or built, CANCELLED where
 * the signal is raised meanwhile.
 */
export async function readPages(reader: PageReader = {}): Promise<{ name: PageName; bytes: Uint8Array }[]> {
  const names = Object.keys(PAGES) as PageName[];
  if (IN_CLONE) reader.onStep?.("building the pages");
  return Promise.all(names.map(async (name) => ({ name, bytes: await read(name, reader) })));
}

/** The desk's page, as text. Throws as `readPages`. */
export async function readDeskPage(reader: PageReader = {}): Promise<string> {
  if (IN_CLONE) reader.onStep?.("building the page");
  return (await read(DESK_PAGE, reader)).toString("utf8");
}

async function read(name: string, { signal }: PageReader): Promise<Buffer> {
  try {
    if (!IN_CLONE) return await readFile(path.join(PAGES_DIRECTORY, name));
    // Told and not written: another process may be building the same page, or packing.
    const script = path.join(CLONE, "scripts/build-page.ts");
    const options = { encoding: "buffer", maxBuffer: 1 << 24, signal } as const;
    return (await promisify(execFile)(process.execPath, [script, name], options)).stdout;
  } catch (error) {
    // A terminal sends its signal to the builder too, which may be gone before this process has seen it.
    const stopped = (error as { signal?: unknown }).signal;
    if (signal?.aborted || stopped === "SIGINT" || stopped === "SIGTERM") {
      throw new PlimsollError("CANCELLED", "stopped while the pages were being built");
    }
    throw new PlimsollError("FILE", `the pages cannot be ${IN_CLONE ? "built" : "read"}`, { file: PAGES_DIRECTORY });
  }
}

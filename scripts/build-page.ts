// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Builds the pages, one HTML file each with everything in it: `build-page.ts NAME` writes one to standard output.
 *
 * Their security policies allow the one script in them, by hash, and no connection of any kind.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { VERSION } from "../prover/src/node/installation.ts";
import { DESK_PAGE, PAGES_DIRECTORY, type PageName } from "../prover/src/node/pages.ts";
import { WASM_FILE } from "../prover/src/node/wasm.ts";
import { renderDocument } from "../prover/src/report/document.ts";
import { Markup } from "../prover/src/report/html.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const MAX_BYTES = 3_000_000;

export interface Page {
  readonly html: string;
  /** What went into it, relative to the root. */
  readonly sources: readonly string[];
}

/** Bundles for browsers. Throws where the script would need something of Node's. */
async function bundle(
  entry: string,
  define: Readonly<Record<string, string>> = {},
): Promise<{ script: string; sources: string[] }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    target: "es2022",
    platform: "browser",
    minify: true,
    legalComments: "none",
    charset: "ascii",
    // Its own build for browsers, which needs no Buffer.
    alias: { "csv-parse/sync": "csv-parse/browser/esm/sync" },
    define: Object.fromEntries(Object.entries(define).map(([name, text]) => [name, JSON.stringify(text)])),
  });
  return { script: outputFiles[0]!.text, sources: Object.keys(metafile.inputs) };
}

interface PageParts {
  /** Has page.html, the body, and page.ts or the script named. */
  readonly folder: string;
  readonly entry?: string;
  readonly title: string;
  readonly kind: string;
  /** Texts that its code is given. */
  readonly define: Readonly<Record<string, string>>;
  readonly wasm?: boolean;
  /** Whether the folder has a worker.ts, whose code the page starts from its own text. */
  readonly workers?: boolean;
  /** Whether it asks the server that it comes from. */
  readonly server?: boolean;
}

/** Throws where the page would be larger than 3 MB. */
async function pageOf({
  folder,
  entry = "page.ts",
  title,
  kind,
  define,
  wasm = false,
  workers = false,
  server = false,
}: PageParts): Promise<Page> {
  const worker = workers ? await bundle(`${folder}/worker.ts`) : undefined;
  const bundled = await bundle(`${folder}/${entry}`, {
    ...define,
    ...(worker === undefined ? {} : { WORKER: worker.script }),
  });
  // Nothing in a script may end it.
  const text = bundled.script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const html = renderDocument({
    title: `Plimsoll: ${title}`,
    kind,
    body: new Markup(await readFile(path.join(ROOT, folder, "page.html"), "utf8")),
    script: { text, sha256: createHash("sha256").update(text).digest("base64"), wasm, workers, server },
  });
  if (Buffer.byteLength(html) > MAX_BYTES) throw new Error(`the page is larger than ${MAX_BYTES} bytes`);
  return { html, sources: [...new Set([...bundled.sources, ...(worker?.sources ?? [])])] };
}

/** The verifier page: an evidence pack in, a verdict out. */
export const buildPage = (): Promise<Page> =>
  pageOf({
    folder: "prover/src/web/verify-pack",
    title: "verify an evidence pack",
    kind: "Verifier",
    define: { SOFTWARE: `plimsoll ${VERSION}, verifier page` },
  });

/** The contribution page: the key of a ceremony in, the next one out. */
export const buildContributionPage = (): Promise<Page> =>
  pageOf({
    folder: "prover/src/web/contribute",
    title: "contribute to a ceremony",
    kind: "Key ceremony",
    define: {},
    wasm: true,
    workers: true,
  });

/** The proving page: an account and its keys in, a proof out. */
export const buildProvingPage = async (): Promise<Page> =>
  pageOf({
    folder: "prover/src/web/prove",
    title: "prove",
    kind: "Prover",
    define: { MODULE: await readFile(WASM_FILE, "base64") },
    wasm: true,
    workers: true,
  });

/** The page of a desk. */
export const buildDeskPage = (): Promise<Page> =>
  pageOf({ folder: "prover/src/web/desk", entry: "page.tsx", title: "desk", kind: "Desk", define: {}, server: true });

/** The member's page: a book and a slip in, a verdict out. */
export const buildBookPage = (): Promise<Page> =>
  pageOf({
    folder: "prover/src/web/check-book",
    title: "find your account in a book",
    kind: "Book",
    define: {},
  });

const BUILDERS: Readonly<Record<PageName | typeof DESK_PAGE, () => Promise<Page>>> = {
  "verify-pack.html": buildPage,
  "contribute.html": buildContributionPage,
  "prove.html": buildProvingPage,
  [DESK_PAGE]: buildDeskPage,
  "book.html": buildBookPage,
};

/** Builds all pages into the folder that a package has them in. */
export async function buildPages(): Promise<void> {
  await mkdir(PAGES_DIRECTORY, { recursive: true });
  for (const [name, build] of Object.entries(BUILDERS)) {
    await writeFile(path.join(PAGES_DIRECTORY, name), (await build()).html);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [name = ""] = process.argv.slice(2);
  if (!Object.hasOwn(BUILDERS, name)) throw new Error(`a page is named: ${Object.keys(BUILDERS).join(", ")}`);
  process.stdout.write((await BUILDERS[name as PageName]()).html);
}

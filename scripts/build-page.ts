// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Builds the pages: one HTML file each with everything in it, `build/verify-pack.html`, `build/contribute.html` and
 * `build/prove.html`.
 *
 * Their security policies allow the one script in them, by hash, and no connection of any kind.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import packageJson from "../package.json" with { type: "json" };
import { WASM_FILE } from "../prover/src/node/wasm.ts";
import { PACK_STYLE } from "../prover/src/pack/report.ts";
import { STYLE } from "../prover/src/report/style.ts";

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

/** A page from its folder, which has page.html and page.ts. Throws where it would be larger than 3 MB. */
async function buildFrom(folder: string, define: Readonly<Record<string, string>>, style: string): Promise<Page> {
  const bundled = await bundle(`${folder}/page.ts`, define);
  // Nothing in a script may end it.
  const script = bundled.script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const hash = `sha256-${createHash("sha256").update(script).digest("base64")}`;
  const parts: Readonly<Record<string, string>> = { "SCRIPT-HASH": hash, STYLE: style };
  const template = await readFile(path.join(ROOT, folder, "page.html"), "utf8");
  const html = template
    .replaceAll(/@@([A-Z-]+)@@/g, (_, name: string) => parts[name]!)
    .replace('<script src="page.js"></script>', () => `<script>${script}</script>`);
  if (Buffer.byteLength(html) > MAX_BYTES) throw new Error(`the page is larger than ${MAX_BYTES} bytes`);
  return { html, sources: bundled.sources };
}

/** The verifier page: an evidence pack in, a verdict out. */
export const buildPage = (): Promise<Page> =>
  buildFrom(
    "prover/src/web/verify-pack",
    { SOFTWARE: `plimsoll ${packageJson.version}, verifier page` },
    `${STYLE.text}\n${PACK_STYLE.text}`,
  );

/** The contribution page: the key of a ceremony in, the next one out. */
export const buildContributionPage = (): Promise<Page> =>
  buildFrom(
    "prover/src/web/contribute",
    { SOFTWARE: `plimsoll ${packageJson.version}, contribution page` },
    STYLE.text,
  );

/** The proving page: an account and its keys in, a proof out. */
export async function buildProvingPage(): Promise<Page> {
  const folder = "prover/src/web/prove";
  const { script, sources } = await bundle(`${folder}/worker.ts`);
  const module = await readFile(WASM_FILE, "base64");
  const page = await buildFrom(folder, { MODULE: module, WORKER: script }, STYLE.text);
  return { ...page, sources: [...new Set([...page.sources, ...sources])] };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, page] of [
    ["verify-pack.html", buildPage],
    ["contribute.html", buildContributionPage],
    ["prove.html", buildProvingPage],
  ] as const) {
    const { html } = await page();
    const file = path.join(ROOT, "build", name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, html);
    process.stdout.write(`${path.relative(ROOT, file)}: ${Buffer.byteLength(html)} bytes\n`);
  }
}

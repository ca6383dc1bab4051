// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Builds the pages that work from disk, each one HTML file with everything in it: `build/verify-pack.html` and
 * `build/contribute.html`.
 *
 * Their security policy allows the one script in each, by hash, and no connection of any kind.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import packageJson from "../package.json" with { type: "json" };
import { PACK_STYLE } from "../prover/src/pack/report.ts";
import { STYLE } from "../prover/src/report/style.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const PAGES = {
  "verify-pack": {
    folder: path.join(ROOT, "prover/src/pack/page"),
    style: `${STYLE.text}\n${PACK_STYLE.text}`,
    software: `plimsoll ${packageJson.version}, verifier page`,
  },
  contribute: {
    folder: path.join(ROOT, "prover/src/ceremony/page"),
    style: STYLE.text,
    software: `plimsoll ${packageJson.version}, contribution page`,
  },
} as const;
const MAX_BYTES = 3_000_000;

export interface Page {
  readonly html: string;
  /** What went into it, relative to the root. */
  readonly sources: readonly string[];
}

/** Bundles for browsers. Throws where the page would be larger than 3 MB, or would need something of Node's. */
export async function buildPage(name: keyof typeof PAGES = "verify-pack"): Promise<Page> {
  const { folder, style, software } = PAGES[name];
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [path.join(folder, "page.ts")],
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    target: "es2022",
    platform: "browser",
    minify: true,
    legalComments: "none",
    charset: "ascii",
    define: { SOFTWARE: JSON.stringify(software) },
  });
  // Nothing in a script may end it.
  const script = outputFiles[0]!.text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const hash = `sha256-${createHash("sha256").update(script).digest("base64")}`;
  const parts: Readonly<Record<string, string>> = {
    "SCRIPT-HASH": hash,
    STYLE: style,
  };
  const template = await readFile(path.join(folder, "page.html"), "utf8");
  const html = template
    .replaceAll(/@@([A-Z-]+)@@/g, (_, name: string) => parts[name]!)
    .replace('<script src="page.js"></script>', () => `<script>${script}</script>`);
  if (Buffer.byteLength(html) > MAX_BYTES) throw new Error(`the page is larger than ${MAX_BYTES} bytes`);
  return { html, sources: Object.keys(metafile.inputs) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const name of Object.keys(PAGES) as (keyof typeof PAGES)[]) {
    const { html } = await buildPage(name);
    const file = path.join(ROOT, "build", `${name}.html`);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, html);
    process.stdout.write(`${path.relative(ROOT, file)}: ${Buffer.byteLength(html)} bytes\n`);
  }
}

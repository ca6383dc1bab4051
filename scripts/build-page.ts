// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Builds the verifier page: one HTML file with everything in it, `build/verify-pack.html`.
 *
 * Its security policy allows the one script in it, by hash, and no connection of any kind.
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
const PAGE = path.join(ROOT, "prover/src/pack/page");
const MAX_BYTES = 3_000_000;

export interface Page {
  readonly html: string;
  /** What went into it, relative to the root. */
  readonly sources: readonly string[];
}

/** Bundles for browsers. Throws where the page would be larger than 3 MB, or would need something of Node's. */
export async function buildPage(): Promise<Page> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [path.join(PAGE, "page.ts")],
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    target: "es2022",
    platform: "browser",
    minify: true,
    legalComments: "none",
    charset: "ascii",
    define: { SOFTWARE: JSON.stringify(`plimsoll ${packageJson.version}, verifier page`) },
  });
  // Nothing in a script may end it.
  const script = outputFiles[0]!.text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const hash = `sha256-${createHash("sha256").update(script).digest("base64")}`;
  const parts: Readonly<Record<string, string>> = {
    "SCRIPT-HASH": hash,
    STYLE: `${STYLE.text}\n${PACK_STYLE.text}`,
  };
  const template = await readFile(path.join(PAGE, "page.html"), "utf8");
  const html = template
    .replaceAll(/@@([A-Z-]+)@@/g, (_, name: string) => parts[name]!)
    .replace('<script src="page.js"></script>', () => `<script>${script}</script>`);
  if (Buffer.byteLength(html) > MAX_BYTES) throw new Error(`the page is larger than ${MAX_BYTES} bytes`);
  return { html, sources: Object.keys(metafile.inputs) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { html } = await buildPage();
  const file = path.join(ROOT, "build", "verify-pack.html");
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, html);
  process.stdout.write(`${path.relative(ROOT, file)}: ${Buffer.byteLength(html)} bytes\n`);
}

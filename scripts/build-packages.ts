// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Builds what the packages ship and a clone does not need: `build-packages`.
 *
 * prover/dist has the JavaScript of prover/src, which runs on Node 22 and later, its declarations, the pages, and sbom.cdx.json, the
 * bill of materials of an installation. Packing does this by itself (`npm pack --workspaces`); the other two packages ship their sources.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { buildPages } from "./build-page.ts";
import { makeSbom } from "./sbom.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const DIST = path.join(ROOT, "prover/dist");

rmSync(DIST, { recursive: true, force: true });
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [compiler, "-p", "prover/tsconfig.build.json"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
// The compiler leaves the names of sources in declarations.
for (const file of globSync("**/*.d.ts", { cwd: DIST })) {
  const declarations = readFileSync(path.join(DIST, file), "utf8");
  const renamed = declarations.replaceAll(/(from |import\()"(\.[^"]*)\.ts"/g, '$1"$2.js"');
  writeFileSync(path.join(DIST, file), renamed);
}
await buildPages();
writeFileSync(path.join(DIST, "sbom.cdx.json"), `${JSON.stringify(makeSbom(), null, 2)}\n`);
for (const folder of ["prover", "circuits"]) {
  copyFileSync(path.join(ROOT, "LICENSE"), path.join(ROOT, folder, "LICENSE"));
}

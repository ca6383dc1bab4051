#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// Starts the command line: in an installed package the built JavaScript, in a clone the TypeScript, which needs Node 24; an older Node
// hands over to the one in node_modules there.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const inClone = existsSync(here("../src/cli/main.ts"));
const least = inClone ? 24 : 22;
const own = here("../../node_modules/node/bin/node");

if (Number.parseInt(process.versions.node, 10) >= least) {
  // Keeps what the modules compile to, which is a third of a short command's time, where nobody writes who could not write the
  // modules: in the clone's own build/, or in the user's cache. Where it cannot be written nothing is kept.
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache");
  module.enableCompileCache(inClone ? here("../../build/compile-cache") : path.join(cache, "plimsoll"));
  try {
    await import(inClone ? "../src/cli/main.ts" : "../dist/cli/main.js");
  } catch {
    // Not 1: that would read as "no".
    const remedy = inClone ? "`npm ci` installs them" : "install plimsoll again";
    process.stderr.write(`plimsoll: ARTIFACT_MISSING: the packages it needs are not installed; ${remedy}\n`);
    process.exitCode = 3;
  }
} else if (inClone && existsSync(own)) {
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("error", () => process.exit(70));
  child.on("exit", (code) => process.exit(code ?? 70));
} else {
  const remedy = inClone ? " `npm ci` installs one here." : "";
  process.stderr.write(`plimsoll needs Node ${least} or later; this is ${process.versions.node}.${remedy}\n`);
  process.exitCode = 2;
}

#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// Starts the CLI on Node 24, which runs TypeScript as it is; an older Node hands over to the one in node_modules.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const main = new URL("../src/cli/main.ts", import.meta.url);
const own = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= 24) {
  // Keeps what the modules compile to, which is a third of a short command's time. In this package's own build/, where nobody
  // writes who could not write the modules; where it cannot be written nothing is kept.
  module.enableCompileCache(fileURLToPath(new URL("../../build/compile-cache", import.meta.url)));
  try {
    await import(main.href);
  } catch {
    // Not 1: that would read as "no".
    process.stderr.write(
      "plimsoll: ARTIFACT_MISSING: the packages it needs are not installed; `npm ci` installs them\n",
    );
    process.exitCode = 3;
  }
} else if (existsSync(own)) {
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("error", () => process.exit(70));
  child.on("exit", (code) => process.exit(code ?? 70));
} else {
  process.stderr.write(
    `plimsoll needs Node 24 or later; this is ${process.versions.node}. \`npm ci\` installs one here.\n`,
  );
  process.exitCode = 2;
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a bare clone ready: `setup.mjs [size…]`, all board sizes by default. Needs Node 20 or later, npm and nothing else.
//
// Dependencies (with a Node 24 of the project's own), circuits, development keys, contracts. Every step keeps its result
// until its sources change, so a second run does nothing but look.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

const ROOT = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "..");
const BIN = path.join(ROOT, "node_modules", ".bin");
const STAMP = path.join(ROOT, "node_modules", ".plimsoll-lock");
const NODE = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")).devDependencies.node;

/** Runs a command with its output on stderr; ends the set-up where it fails. */
function run(what, command, args) {
  process.stderr.write(`${what}\n`);
  const environment = { ...process.env, PATH: `${BIN}${path.delimiter}${process.env.PATH}` };
  const { status, error } = spawnSync(command, args, { cwd: ROOT, env: environment, stdio: ["ignore", 2, 2] });
  if (error || status !== 0) {
    process.stderr.write(`set-up failed: ${what}: ${error?.message ?? `exit code ${status}`}\n`);
    process.exit(1);
  }
}

if (Number(process.versions.node.split(".")[0]) < 20) {
  process.stderr.write(`Plimsoll needs Node 20 or later to set itself up; this is ${process.version}\n`);
  process.exit(1);
}

const started = Date.now();
const lock = createHash("sha256")
  .update(readFileSync(path.join(ROOT, "package-lock.json")))
  .digest("hex");
if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== lock) {
  // npm itself must run under Node 24: under an older one it leaves out native packages that Node 24 needs.
  run("[1/4] dependencies (npm ci, about half a minute)", "npx", [
    "-y",
    "-p",
    `node@${NODE}`,
    "-c",
    "npm ci --no-audit --no-fund",
  ]);
  writeFileSync(STAMP, lock);
}
const sizes = process.argv.slice(2);
const node = path.join(BIN, "node");
run("[2/4] circuits", node, ["scripts/build-circuits.ts", ...sizes]);
run("[3/4] development keys", node, ["scripts/setup-keys.ts", ...sizes]);
run("[4/4] contracts", path.join(BIN, "hardhat"), ["build", "--quiet"]);
process.stderr.write(`set-up took ${((Date.now() - started) / 1000).toFixed(1)} s\n`);

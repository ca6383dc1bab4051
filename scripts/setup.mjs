// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a bare clone ready: `setup.mjs [size…]`, all board sizes by default. Needs Node 20 or later, npm and nothing else.
//
// Dependencies (with a Node 24 of the project's own), circuits, development keys, native prover, contracts. Every step keeps its result
// until its sources change, so a second run does nothing but look.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const BIN = path.join(ROOT, "node_modules", ".bin");
const STAMP = path.join(ROOT, "node_modules", ".plimsoll-lock");
const NODE = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")).devDependencies.node;

/** Runs a command with its output on stderr; ends the set-up where it fails. */
function run(what, command, args) {
  process.stderr.write(`${what}\n`);
  // PLIMSOLL_BUILD is for whoever uses what is built: this makes the build of this very folder.
  const { PLIMSOLL_BUILD: _, ...inherited } = process.env;
  const environment = { ...inherited, PATH: `${BIN}${path.delimiter}${process.env.PATH}` };
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

/** One set-up at a time: two would write over each other. The lock of a process that is gone does not count. */
const LOCK = path.join(ROOT, "build", ".setup-lock");
mkdirSync(path.dirname(LOCK), { recursive: true });
for (let waited = false; ; ) {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    break;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  try {
    process.kill(Number(readFileSync(LOCK, "utf8")) || Number.MAX_SAFE_INTEGER, 0);
  } catch {
    rmSync(LOCK, { force: true });
    continue;
  }
  if (!waited) process.stderr.write("waiting for another set-up of this folder to end\n");
  waited = true;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
}
process.on("exit", () => rmSync(LOCK, { force: true }));

const started = Date.now();
const lock = createHash("sha256")
  .update(readFileSync(path.join(ROOT, "package-lock.json")))
  .digest("hex");
const node = path.join(BIN, "node");
if (!existsSync(node) || !existsSync(STAMP) || readFileSync(STAMP, "utf8") !== lock) {
  // npm itself must run under Node 24: under an older one it leaves out native packages that Node 24 needs.
  run("[1/4] dependencies (npm ci, about half a minute)", "npx", [
    "-y",
    "-p",
    `node@${NODE}`,
    "-c",
    "npm ci --no-audit --no-fund",
  ]);
  if (!existsSync(node)) {
    process.stderr.write("set-up failed: npm installed no Node 24 (are install scripts switched off?)\n");
    process.exit(1);
  }
  writeFileSync(STAMP, lock);
}
const sizes = process.argv.slice(2);
run("[2/4] circuits and development keys", node, ["prover/bin/plimsoll.mjs", "setup", "--development", ...sizes]);
run("[3/4] native prover", node, ["scripts/build-native.ts"]);
run("[4/4] contracts", node, ["scripts/build-contracts.ts"]);
run("      contracts of tests", node, ["scripts/build-contracts.ts", "test"]);
process.stderr.write(`set-up took ${((Date.now() - started) / 1000).toFixed(1)} s\n`);

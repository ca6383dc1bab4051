// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a bare clone ready: `setup.mjs [circuit…] [contracts]`, everything by default. Needs Node 20 or later, npm and nothing else.
//
// First the dependencies, with a Node 24 of the project's own, then what `scripts/build-all.ts` builds. Where all of it is there
// nothing is written. One set-up at a time works in a folder; what it has started ends with it, and before another one begins. It may
// be killed at any moment: the next one goes on.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const SELF = fileURLToPath(import.meta.url);
const ROOT = path.resolve(path.dirname(SELF), "..");
const MODULES = path.join(ROOT, "node_modules");
const BIN = path.join(MODULES, ".bin");
const NODE = path.join(BIN, "node");
const STAMP = path.join(MODULES, ".plimsoll-lock");
const LOCK = path.join(ROOT, "build", "locks", "set-up");
const BUILD_ALL = path.join("scripts", "build-all.ts");
const started = Number(process.env.SETUP_STARTED ?? Date.now());
const elapsed = () => ((Date.now() - started) / 1000).toFixed(1);
const say = (text) => process.stderr.write(`${text}\n`);

// PLIMSOLL_BUILD is for whoever uses what is built: this makes the build of this very folder.
const { PLIMSOLL_BUILD: _, ...inherited } = process.env;
const environment = {
  ...inherited,
  SETUP_STARTED: String(started),
  PATH: `${BIN}${path.delimiter}${process.env.PATH}`,
};

function fail(why) {
  say(`set-up failed: ${why}`);
  process.exit(1);
}

/** Resolves to exit code and, where it is not shown at once, output. */
function run(command, args, { shown }) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: environment,
    stdio: ["ignore", ...(shown ? [1, 2] : ["pipe", "pipe"])],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  return new Promise((resolve) => {
    child.on("error", ({ message }) => resolve({ code: 1, output: message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Calls back when the process that started this one, and holds the other end of its standard input, is gone, however it went. */
function whenStarterIsGone(end) {
  process.stdin.on("end", end).on("error", end).resume();
}

/**
 * Has the lock of the folder, and does the work meanwhile in a process group of its own. Ends the whole group before the lock:
 * no set-up finds another one's compiler at work.
 */
async function locked(targets) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {}); // whoever started this hears them too, and ends
  let group;
  const end = (code = 1) => {
    try {
      if (group !== undefined) process.kill(-group.pid, "SIGKILL");
    } catch {
      // all of it has ended
    }
    process.exit(code);
  };
  whenStarterIsGone(() => end());
  const work = () =>
    new Promise((_, reject) => {
      group = spawn(process.execPath, [SELF, "--work", ...targets], { stdio: ["pipe", 1, 2], detached: true });
      group.on("error", reject).on("exit", (code) => end(code ?? 1));
    });
  try {
    const [{ withLock }, { makeDirectory }] = await Promise.all([
      import("../prover/src/node/lock.ts"),
      import("../prover/src/node/files.ts"),
    ]);
    await makeDirectory(path.dirname(LOCK));
    await withLock(LOCK, work, { onWait: () => say("waiting for another set-up of this folder to end") });
  } catch ({ message }) {
    fail(message);
  }
}

const lock = createHash("sha256")
  .update(readFileSync(path.join(ROOT, "package-lock.json")))
  .digest("hex");
const isInstalled = () => existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === lock;

/** Packages in the folder of modules, those inside of others not counted. */
function installedPackages() {
  const list = (folder) => (existsSync(folder) ? readdirSync(folder) : []).map((name) => path.join(folder, name));
  const folders = list(MODULES).flatMap((folder) => (path.basename(folder).startsWith("@") ? list(folder) : [folder]));
  return folders.filter((folder) => existsSync(path.join(folder, "package.json"))).length;
}

const lockedPackages = () => JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8")).packages;
const nodeVersion = () => lockedPackages()["node_modules/node"].version;

async function install() {
  const packages = lockedPackages();
  const total = Object.keys(packages).filter((name) => name.split("node_modules/").length === 2).length;
  say(`  dependencies: ${total} packages, by npm ci`);
  const timer = setInterval(
    () => say(`  ${elapsed().padStart(5)} s  dependencies: about ${installedPackages()} of ${total}`),
    4000,
  );
  // npm itself must run under Node 24: under an older one it leaves out native packages that Node 24 needs.
  const npm = "npm ci --no-audit --no-fund --loglevel=error --no-update-notifier";
  rmSync(STAMP, { force: true }); // until all of it is there
  const { code, output } = await run("npx", ["-y", "-p", `node@${nodeVersion()}`, "-c", npm], { shown: false });
  clearInterval(timer);
  if (code !== 0) fail(`npm ci ended with code ${code}\n${output}`);
  if (!existsSync(NODE)) fail("npm installed no Node 24 (are install scripts switched off?)");
  writeFileSync(STAMP, lock);
  say(`  ${elapsed().padStart(5)} s  dependencies are there`);
}

async function main(targets) {
  if (Number(process.versions.node.split(".")[0]) < 20) fail(`Node 20 or later is needed; this is ${process.version}`);
  if (isInstalled()) {
    const options = { cwd: ROOT, env: environment, stdio: ["ignore", 2, 2] };
    const { status } = spawnSync(NODE, [BUILD_ALL, "--look", ...targets], options);
    if (status === 0) return;
    if (status !== 1) process.exit(status ?? 1);
  }
  say("Plimsoll sets itself up.");
  // The lock needs Node 24, which npm runs from its cache where this is an older one.
  const node = [process.execPath];
  if (Number.parseInt(process.versions.node, 10) < 24)
    node.splice(0, 1, "npx", "-y", "-p", `node@${nodeVersion()}`, "node");
  const [command, ...words] = [...node, path.join("scripts", "setup.mjs"), "--locked", ...targets];
  const child = spawn(command, words, { cwd: ROOT, env: environment, stdio: ["pipe", 1, 2] });
  child.on("error", ({ message }) => fail(message));
  child.on("exit", (code) => process.exit(code ?? 1));
}

/** What the lock is for. */
async function work(targets) {
  whenStarterIsGone(() => process.kill(-process.pid, "SIGKILL"));
  if (!isInstalled()) await install();
  const { code } = await run(NODE, [BUILD_ALL, ...targets], { shown: true });
  if (code === 0) say(`set-up took ${elapsed()} s`);
  process.exit(code);
}

const words = process.argv.slice(2);
const part = { "--locked": locked, "--work": work }[words[0]];
await (part === undefined ? main(words) : part(words.slice(1)));

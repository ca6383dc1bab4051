// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a bare clone ready: `setup.mjs [circuit…] [contracts]`, everything by default. Needs Node 20 or later, npm and nothing else.
//
// First the dependencies, with a Node 24 of the project's own, then what `scripts/build-all.ts` builds. Where all of it is there
// nothing is written. One set-up at a time works in a folder; what it has started ends with it.
import { fork, spawn, spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const SELF = fileURLToPath(import.meta.url);
const ROOT = path.resolve(path.dirname(SELF), "..");
const MODULES = path.join(ROOT, "node_modules");
const BIN = path.join(MODULES, ".bin");
const NODE = path.join(BIN, "node");
const STAMP = path.join(MODULES, ".plimsoll-lock");
const LOCK = path.join(ROOT, "build", ".setup-lock");
const LOCK_STALE_MS = 30_000;
const started = Date.now();
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

/**
 * Runs a command in a process group of its own, by way of a process that ends the whole group as soon as this one is gone,
 * however it went. Resolves to exit code and, where it is not shown at once, output.
 */
function run(command, args, { shown }) {
  const guard = fork(SELF, ["--guard", command, ...args], { cwd: ROOT, env: environment, silent: !shown });
  let output = "";
  for (const stream of [guard.stdout, guard.stderr]) stream?.on("data", (chunk) => (output += chunk));
  return new Promise((resolve) => guard.on("close", (code) => resolve({ code, output })));
}

function guard([command, ...args]) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {}); // the set-up hears them too, and ends
  const child = spawn(command, args, { stdio: ["ignore", 1, 2], detached: true });
  child.on("error", ({ message }) => {
    say(message);
    process.exit(1);
  });
  const end = (code) => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // all of it has ended
    }
    process.exit(code ?? 1);
  };
  child.on("exit", end);
  process.on("disconnect", () => end(1));
}

/** Takes the lock, waiting while a set-up that lives has it: it writes to the lock all the time. Takes over what is left of others. */
async function takeLock() {
  mkdirSync(path.dirname(LOCK), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    try {
      const [holder, { mtimeMs }] = [readFileSync(LOCK, "utf8"), statSync(LOCK)];
      if (Date.now() - mtimeMs > LOCK_STALE_MS || (holder !== "" && !isAlive(Number(holder)))) {
        const taken = `${LOCK}.${randomUUID()}`;
        renameSync(LOCK, taken);
        if (readFileSync(taken, "utf8") === holder) rmSync(taken);
        else renameSync(taken, LOCK); // another set-up was faster
        continue;
      }
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
      continue;
    }
    if (!waited) say("waiting for another set-up of this folder to end");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  process.on("exit", () => rmSync(LOCK, { force: true }));
  const touch = () => existsSync(LOCK) && utimesSync(LOCK, new Date(), new Date());
  setInterval(touch, LOCK_STALE_MS / 6).unref();
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
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

async function install() {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8"));
  const total = Object.keys(packages).filter((name) => name.split("node_modules/").length === 2).length;
  say(`  dependencies: ${total} packages, by npm ci`);
  const timer = setInterval(
    () => say(`  ${elapsed().padStart(5)} s  dependencies: about ${installedPackages()} of ${total}`),
    4000,
  );
  // npm itself must run under Node 24: under an older one it leaves out native packages that Node 24 needs.
  const node = packages["node_modules/node"].version;
  const npm = "npm ci --no-audit --no-fund --loglevel=error --no-update-notifier";
  const { code, output } = await run("npx", ["-y", "-p", `node@${node}`, "-c", npm], { shown: false });
  clearInterval(timer);
  if (code !== 0) fail(`npm ci ended with code ${code}\n${output}`);
  if (!existsSync(NODE)) fail("npm installed no Node 24 (are install scripts switched off?)");
  writeFileSync(STAMP, lock);
  say(`  ${elapsed().padStart(5)} s  dependencies are there`);
}

async function main(targets) {
  if (Number(process.versions.node.split(".")[0]) < 20) fail(`Node 20 or later is needed; this is ${process.version}`);
  const script = path.join("scripts", "build-all.ts");
  const look = () =>
    spawnSync(NODE, [script, "--look", ...targets], { cwd: ROOT, env: environment, stdio: ["ignore", 2, 2] });
  if (isInstalled()) {
    const { status } = look();
    if (status === 0) return;
    if (status !== 1) process.exit(status ?? 1);
  }
  say("Plimsoll sets itself up.");
  await takeLock();
  if (!isInstalled()) await install();
  const { code } = await run(NODE, [script, ...targets], { shown: true });
  if (code !== 0) process.exit(code);
  say(`set-up took ${elapsed()} s`);
}

const words = process.argv.slice(2);
if (words[0] === "--guard") guard(words.slice(1));
else await main(words);

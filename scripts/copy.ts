// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A copy of the project below `build/`, for scripts that change the contracts to see what the tests say: it compiles and
 * tests itself, with the keys of the original.
 */
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";

const ROOT = path.resolve(import.meta.dirname, "..");
export const HARDHAT = path.join(
  path.dirname(createRequire(import.meta.url).resolve("hardhat/package.json")),
  "dist/src/cli.js",
);
const COPIED = ["circuits", "prover", "scripts", "test", "verifier-contracts"];
const FILES = ["hardhat.config.ts", "package.json", "tsconfig.json"];
const SHARED = ["circuits", "keys"];
/** Packages of the project, which its own code finds by their names: in a copy, those of the copy. */
const PACKAGES = { "@plimsoll/circuits": "circuits", "@plimsoll/contracts": "verifier-contracts", plimsoll: "prover" };

/** Makes the copy, or brings it up to date. @returns where it is */
export async function copyProject(name: string): Promise<string> {
  const copy = path.join(ROOT, "build", name);
  await mkdir(path.join(copy, "build"), { recursive: true });
  for (const each of [...COPIED, ...FILES]) {
    await rm(path.join(copy, each), { recursive: true, force: true });
    await cp(path.join(ROOT, each), path.join(copy, each), { recursive: true });
  }
  for (const each of SHARED) {
    const at = path.join(copy, "build", each);
    await rm(at, { force: true });
    await symlink(path.join(ROOT, "build", each), at);
  }
  await rm(path.join(copy, "node_modules"), { recursive: true, force: true });
  await mkdir(path.join(copy, "node_modules/@plimsoll"), { recursive: true });
  for (const [name, at] of Object.entries(PACKAGES)) {
    await symlink(path.join(copy, at), path.join(copy, "node_modules", name));
  }
  return copy;
}

/** Compiles the contracts of the copy, which its tests deploy, as those of a release are compiled. */
export async function compileCopy(copy: string): Promise<void> {
  await promisify(execFile)(process.execPath, ["scripts/build-contracts.ts"], { cwd: copy });
}

/** Runs Hardhat in the copy; what it prints is handed to `log` as it comes, and returned. */
export async function hardhat(copy: string, args: readonly string[], log: (text: string) => void, env: object = {}) {
  const child = spawn(process.execPath, [HARDHAT, ...args], {
    cwd: copy,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const take = (chunk: string) => {
    output += chunk;
    log(chunk);
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { output, status };
}

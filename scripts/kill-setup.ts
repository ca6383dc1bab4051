// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Kills the set-up of a copy of this clone ten times, with -9, each time a line later, and starts it again at once; then starts two
 * at once, and asks `doctor`: `kill-setup [circuit…]`, merge-60 by default. Takes minutes. `test/prover/setup.test.ts` kills
 * `plimsoll setup` at ten points in seconds.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "..");
const circuits = process.argv.length > 2 ? process.argv.slice(2) : ["merge-60"];
const clone = mkdtempSync(path.join(tmpdir(), "plimsoll-kill-setup-"));
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Starts the set-up. Resolves to its exit code when it ends, or to undefined once it has been killed after so many lines. */
async function setUp(killedAfter = Number.POSITIVE_INFINITY): Promise<number | undefined> {
  const child = spawn("node", ["scripts/setup.mjs", ...circuits], { cwd: clone, stdio: ["ignore", 2, "pipe"] });
  let lines = 0;
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    lines += text.split("\n").length - 1;
    if (lines > killedAfter) child.kill("SIGKILL");
  });
  const [code, signal] = await once(child, "exit");
  return signal === "SIGKILL" ? undefined : (code ?? 1);
}

try {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
  for (const file of files) cpSync(path.join(ROOT, file), path.join(clone, file), { recursive: true });
  // Not its dependencies, which npm puts there all or nothing; and of the native prover what there is.
  mkdirSync(path.join(clone, "build"));
  symlinkSync(path.join(ROOT, "node_modules"), path.join(clone, "node_modules"));
  cpSync(path.join(ROOT, "build/native"), path.join(clone, "build/native"), { recursive: true });
  let kills = 0;
  for (let lines = 0; lines < 10; lines++) if ((await setUp(lines)) === undefined) kills++;
  const code = await setUp();
  say(`killed ${kills} times, then exit code ${code}`);
  for (const circuit of circuits) rmSync(path.join(clone, "build/keys", circuit), { recursive: true });
  const both = await Promise.all([setUp(), setUp()]);
  say(`two at once: exit codes ${both.join(" and ")}`);
  const env = { ...process.env, PLIMSOLL_BUILD: path.join(clone, "build") };
  const told = execFileSync("node", ["prover/bin/plimsoll.mjs", "doctor", "--json"], {
    cwd: ROOT,
    env,
    encoding: "utf8",
  });
  const { usable, circuits: seen } = JSON.parse(told) as {
    usable: boolean;
    circuits: { circuit: string; state: string }[];
  };
  const made = seen.filter(({ circuit }) => circuits.includes(circuit));
  for (const { circuit, state } of made) say(`${circuit}: ${state}`);
  const isRight = usable && code === 0 && both.every((each) => each === 0) && made.every(({ state }) => state === "ok");
  process.exitCode = isRight ? 0 : 1;
} finally {
  rmSync(clone, { recursive: true });
}

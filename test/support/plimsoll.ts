// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs the command line as people do. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Called as text arrives on stderr. */
  readonly onErr?: (text: string, child: ChildProcess) => void;
}

/** Runs the real binary in this directory. */
export function runPlimsoll(
  cwd: string,
  args: readonly string[],
  { stdin = "", env = {}, onErr }: RunOptions = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: { ...process.env, ...env } });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    onErr?.(err, child);
  });
  // It may refuse, and exit, before it has read everything.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

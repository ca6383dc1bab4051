// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs the command line and kills it at a chosen moment, as kill -9 does. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const PRELOAD = pathToFileURL(path.join(import.meta.dirname, "kill-at.mjs")).href;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}
export interface Started {
  readonly child: ChildProcess;
  /** What it has said on stderr so far. */
  said(): string;
  readonly ended: Promise<Ended>;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string | undefined;
  readonly stdin?: string;
}

/** Starts the command line as the leader of a process group. Its output is what it says until it ends itself. */
export function start(args: readonly string[], { env = {}, cwd, stdin = "" }: StartOptions = {}): Started {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: { ...process.env, ...env }, detached: true });
  let [out, err] = ["", ""];
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  // Not "close": what it has started may hold the pipes longer than it lives.
  const ended = once(child, "exit").then(async ([code, signal]) => {
    await setTimeout(20);
    return { code, signal, out, err };
  });
  return { child, said: () => err, ended };
}

/** Runs the command line until a step of its work on files (see kill-at.mjs), at which it and all it has started are killed. */
export const killedAt = (step: string, args: readonly string[], options: StartOptions = {}) =>
  start(args, { ...options, env: { ...options.env, KILL_AT: step, NODE_OPTIONS: `--import ${PRELOAD}` } }).ended;

/** Runs the command line until something has come about, and kills it then, and nothing that it has started. */
export async function killedWhen(
  isTime: (said: string) => boolean,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Ended> {
  const { child, said, ended } = start(args, options);
  while (child.exitCode === null && child.signalCode === null && !isTime(said())) await setTimeout(2);
  child.kill("SIGKILL");
  return ended;
}

/** Processes that have a text in their environment. Linux only; none elsewhere. */
export function processesWith(text: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(text);
    } catch {
      return false; // it has ended
    }
  });
}

/** Waits until there is no process with a text in its environment. Fails after ten seconds. */
export async function allEnded(text: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; processesWith(text).length > 0; await setTimeout(20)) {
    if (performance.now() > deadline) throw new Error("what it has started does not end with it");
  }
}

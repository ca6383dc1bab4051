// SPDX-License-Identifier: GPL-3.0-or-later
/** Steps of scripts on stderr: what is done, and how long it took. */
import { availableParallelism } from "node:os";

const QUIET_MS = 4000;
const clock = () => Date.now();
const seconds = (since: number) => ((clock() - since) / 1000).toFixed(1);

/** Of several steps at once: when it began, how many there are, how many are done, when a line was last written, what is running. */
let watched: { readonly started: number; readonly total: number; done: number; said: number } | undefined;
const running = new Set<Running>();

interface Running {
  readonly what: string;
  readonly since: number;
  /** What of it is being done. */
  part?: string;
}

function say(text: string): void {
  if (watched === undefined) return;
  watched.said = clock();
  const { started, done, total } = watched;
  process.stderr.write(`  ${seconds(started).padStart(5)} s  ${String(done).padStart(2)} of ${total}  ${text}\n`);
}

/** Begins a step of a set-up; its `part` may be changed. `end` says how long it took, and what came of it. */
export function begin(what: string): Running & { end(result?: string): void } {
  const step = { what, since: clock() };
  running.add(step);
  return Object.assign(step, {
    end(result?: string) {
      running.delete(step);
      if (watched === undefined) return;
      watched.done++;
      say(`${what}: ${seconds(step.since)} s${result === undefined ? "" : `, ${result}`}`);
    },
  });
}

let free = availableParallelism();
const waiting: (() => void)[] = [];

/** Runs one step as soon as a processor is free, saying what it does and how long it took. */
export async function step<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  const begun = begin(what);
  if (watched === undefined) process.stderr.write(`  ${what} …`);
  try {
    const result = await work();
    if (watched === undefined) process.stderr.write(` ${seconds(begun.since)} s\n`);
    begun.end();
    return result;
  } finally {
    running.delete(begun);
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}

/**
 * Runs so many steps of a set-up that began at a time (milliseconds). A line says what is running wherever nothing else was written
 * for four seconds.
 */
export async function watch(total: number, started: number, work: () => Promise<unknown>): Promise<void> {
  watched = { started, total, done: 0, said: clock() };
  const timer = setInterval(() => {
    if (clock() - watched!.said < QUIET_MS || running.size === 0) return;
    const each = [...running].map(({ what, part, since }) => `${what} (${part ? `${part}, ` : ""}${seconds(since)} s)`);
    say(`… ${each.join(", ")}`);
  }, QUIET_MS / 4);
  try {
    await work();
  } finally {
    clearInterval(timer);
    watched = undefined;
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Progress of set-up steps on stderr: one line a step, with its time. */

/** Runs one step, saying what it does and how long it took. */
export async function step<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const started = performance.now();
  process.stderr.write(`  ${what} …`);
  const result = await work();
  process.stderr.write(` ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  return result;
}

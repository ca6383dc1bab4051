// SPDX-License-Identifier: GPL-3.0-or-later
/** Contenders: processes that prove (contender.ts), each on a path of its own, and what they cost. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { PATHS } from "../../prover/src/node/native.ts";
import type { Cost } from "./contender.ts";

/** The first is what the others are measured against. */
export const CONTENDERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  snarkjs: { PLIMSOLL_BACKEND: "snarkjs" },
  native: { PLIMSOLL_BACKEND: "native" },
  ...Object.fromEntries(
    PATHS.toReversed().map((path) => [path, { PLIMSOLL_BACKEND: "native", PLIMSOLL_NATIVE: path }]),
  ),
  wasm: { PLIMSOLL_BACKEND: "wasm" },
};

export const BUILD = path.join(import.meta.dirname, "../../build");
export type Files = Record<"zkey" | "wtns" | "wasm" | "plan" | "input" | "proof" | "public", string>;

export const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

export function contend(
  name: string,
  { zkey, wtns, wasm, plan, input }: Files,
  stderr: "inherit" | "ignore",
): ChildProcess {
  const words = [path.join(import.meta.dirname, "contender.ts"), zkey, wtns, wasm, plan, input];
  // As the command line does: what modules compile to is kept.
  const kept = { NODE_COMPILE_CACHE: path.join(BUILD, "compile-cache") };
  return spawn(process.execPath, words, {
    env: { ...process.env, ...kept, ...CONTENDERS[name] },
    stdio: ["pipe", "pipe", stderr],
  });
}

/** A contender's process, as the race sees it. */
export class Contender {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #started = performance.now();

  constructor(name: string, files: Files) {
    this.#child = contend(name, files, "inherit");
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async do(work: "prove" | "whole"): Promise<Cost> {
    this.#child.stdin!.write(`${work}\n`);
    return this.#answer();
  }

  /** What the process has cost from its start to its end. */
  async end(): Promise<Cost> {
    this.#child.stdin!.end();
    const total = await this.#answer();
    await once(this.#child, "exit");
    return { ...total, wall: performance.now() - this.#started };
  }

  async #answer(): Promise<Cost> {
    const { done, value } = await this.#answers.next();
    if (done) throw new Error("a contender has died");
    return JSON.parse(value);
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** A process of a fleet that proves nothing: it does with each job what the test says, and notes each try. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { PlimsollError } from "../../prover/src/errors.ts";
import { serveChild } from "../../prover/src/node/fleet/child.ts";

/**
 * What a try does: `crash` ends the process at a step, `orphan` the one that has started it, `hang` never ends, `busy` computes so many
 * milliseconds without a pause.
 */
export type Act = "prove" | "fail" | "wrong" | "hang" | `crash ${string}` | `orphan ${string}` | `busy ${number}`;

export interface ChildGiven {
  /** A line for each try: the job's id and the process. */
  readonly log: string;
  /** By job, what its tries do, one after another; later ones, and those of other jobs, prove. */
  readonly acts: Readonly<Record<string, readonly Act[]>>;
  readonly stepMs: number;
  readonly secret: string;
}

export const STAGES = ["load", "witness", "prove", "verify"] as const;
export const proofOf = (id: string): Uint8Array =>
  Buffer.concat(Array(5).fill(createHash("sha256").update(id).digest()));

export const triesIn = (log: string): string[] =>
  existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n").filter(Boolean) : [];

if (process.argv[1] === import.meta.filename) {
  serveChild(async ({ log, acts, stepMs, secret }: ChildGiven) => async ({ id }, onStep) => {
    const before = triesIn(log).filter((line) => line.startsWith(`${id} `)).length;
    appendFileSync(log, `${id} ${process.pid}\n`);
    const act = acts[id]?.[before] ?? "prove";
    const [what, which] = act.split(" ");
    for (const stage of STAGES) {
      onStep(stage);
      if (what === "crash" && stage === which) process.kill(process.pid, "SIGKILL");
      if (what === "orphan" && stage === which) process.kill(process.ppid, "SIGKILL");
      if (what === "busy" && stage === "prove") {
        for (const end = Date.now() + Number(which); Date.now() < end; );
      }
      if (what === "hang" && stage === "prove") await new Promise(() => {});
      if (what === "fail" && stage === "prove") throw new PlimsollError("OUT_OF_MEMORY", `${secret} is in an error`);
      await setTimeout(stepMs);
    }
    return what === "wrong" ? Buffer.alloc(160) : proofOf(id);
  });
}

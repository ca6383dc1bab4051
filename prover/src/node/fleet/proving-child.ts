// SPDX-License-Identifier: GPL-3.0-or-later
/** A process that proves, as the one that starts it sees it: one at a time, kept warm between jobs, a new one where one has ended. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import type { JobSpec, WorkerIdentity } from "../../fleet/job.ts";
import type { Outcome } from "../../fleet/worker.ts";
import type { FromChild, ToChild } from "./child.ts";
import { PASSWORD_VARIABLE } from "./redis-client.ts";

export interface ChildOptions {
  /** The module that the process runs; it calls `serveChild`. */
  readonly entry: string;
  /** What `serveChild` hands to it. By the channel alone: secrets too. */
  readonly given: unknown;
  readonly who: WorkerIdentity;
  /** Folder for a proof that nobody is left to take. */
  readonly outbox: string;
  /** How long a try may take, in milliseconds. */
  readonly limitMs: number;
}

export class ProvingChild {
  readonly #options: ChildOptions;
  #child: ChildProcess | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  /** The process, where there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Tries a job. Never rejects. The signal ends the process: what it does is a computation, and leaves nothing behind. */
  attempt(job: JobSpec, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) return Promise.resolve({ stopped: true });
    const child = this.#started();
    const began = performance.now();
    let stage = "start";
    let memoryMib = 0;
    return new Promise<Outcome>((resolve) => {
      const known = () => ({ stage, memoryMib, seconds: Math.round((performance.now() - began) / 100) / 10 });
      const end = (outcome: Outcome, kill: boolean) => {
        clearInterval(watch);
        clearTimeout(limit);
        signal.removeEventListener("abort", stop);
        child.off("message", hear).off("exit", died);
        if (kill) this.#kill(child);
        resolve(outcome);
      };
      const stop = () => end({ stopped: true }, true);
      const died = (exitCode: number | null, killedBy: NodeJS.Signals | null) => {
        if (this.#child === child) this.#child = undefined;
        const how = { exitCode: exitCode ?? undefined, signal: killedBy ?? undefined };
        end({ failure: { reason: "died", ...how, ...known() } }, false);
      };
      const hear = (message: FromChild) => {
        memoryMib = Math.max(memoryMib, message.memoryMib);
        if (message.kind === "step") stage = message.stage;
        else if (message.kind === "proof") end({ proof: message.proof }, false);
        else end({ failure: { reason: "failed", code: message.code, ...known() } }, false);
      };
      const watch = setInterval(() => {
        memoryMib = Math.max(memoryMib, mostMemoryOf(child.pid));
      }, 500);
      const limit = setTimeout(() => {
        end({ failure: { reason: "late", ...known() } }, true);
      }, this.#options.limitMs);
      signal.addEventListener("abort", stop);
      child.on("message", hear).on("exit", died);
      tell(child, { kind: "prove", job });
    });
  }

  /** Ends the process. */
  close(): void {
    if (this.#child !== undefined) this.#kill(this.#child);
  }

  #started(): ChildProcess {
    if (this.#child?.connected) return this.#child;
    const { entry, given, who, outbox } = this.#options;
    const { [PASSWORD_VARIABLE]: _, ...environment } = process.env;
    const child = fork(entry, [], {
      env: environment,
      execArgv: process.execArgv.filter((each) => !each.startsWith("--input-type") && !each.startsWith("--eval")),
      // What a library says in it may quote anything.
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      serialization: "advanced",
    });
    child.on("error", () => {});
    tell(child, { kind: "open", given, who, outbox });
    this.#child = child;
    return child;
  }

  #kill(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined;
    child.kill("SIGKILL");
  }
}

/** A process that has ended hears nothing, and its end is told otherwise. */
const tell = (child: ChildProcess, message: ToChild) => void (child.connected && child.send(message, () => {}));

/** In MiB; 0 where the system does not say. */
function mostMemoryOf(pid: number | undefined): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0;
  }
}

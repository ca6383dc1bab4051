// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proofs by the core compiled to WebAssembly (prover/native), in workers: for browsers, and for machines without a compiler.
 *
 * One worker proves and the others help it, on one shared memory. Where memory cannot be shared (a page that is not isolated from
 * other origins) it works alone, and what is cancelled runs to its end unheard. Nothing here is of Node or of a browser: what
 * differs is the `WasmPlatform`.
 */
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { Sponges } from "../model/commit.ts";
import type { Backend, Circuit, CircuitFiles } from "./backend.ts";
import { type Blinding, ownsBuffer, plannedInputs, proofJson, randomBlinding, statusError, takeOver } from "./core.ts";
import { constantBytes, SPONGE_WIDTH, spongesBy } from "./sponges.ts";
import { MEMORY, type Reply, type Request, type Started } from "./wasm-worker.ts";

/** A thread that runs `serve` of wasm-worker.ts. */
export interface WasmWorker {
  /** What is in `taken` is moved, not copied. */
  post(message: unknown, taken?: ArrayBuffer[]): void;
  /** What it posts; `undefined` when it has died. */
  listen(listener: (message: unknown) => void): void;
  end(): Promise<unknown> | undefined;
  /** Whether it keeps the process alive, where there is one; a new worker does not. */
  hold?(alive: boolean): void;
}

export interface WasmPlatform {
  /** The module of prover/native/wasm, compiled. */
  module(): Promise<WebAssembly.Module>;
  startWorker(): WasmWorker;
  /** How many threads to use, at least 1. With 1 no memory is shared. */
  readonly threads: number;
}

export interface WasmOptions {
  /** For tests that need a proof twice; anything but fresh random numbers shows the witness. */
  readonly blinding?: Blinding;
}

/** The workers of a backend, as functions. */
export interface WasmCore extends Started {
  /** What is in `taken` is moved to the worker, not copied. */
  call<Name extends Request["call"]>(
    request: Extract<Request, { call: Name }>,
    taken?: ArrayBuffer[],
  ): Promise<Reply<Name>>;
  /** Makes the proof that is being made stop soon, where memory is shared. */
  cancel(): void;
  /** Ends the workers; calls that have no answer yet reject with `CANCELLED`. */
  end(): Promise<void>;
  /** Whether a worker has died or the core has ended: every call rejects from then on. */
  readonly dead: boolean;
}

/** Starts the workers. Throws `BACKEND_UNAVAILABLE` for an engine that cannot run the module, `OUT_OF_MEMORY`. */
export async function startCore({ module, startWorker, threads }: WasmPlatform): Promise<WasmCore> {
  const unavailable = () => new PlimsollError("BACKEND_UNAVAILABLE", "this engine cannot run the WebAssembly prover");
  let compiled: WebAssembly.Module;
  let memory: WebAssembly.Memory | undefined;
  try {
    compiled = await module();
  } catch {
    throw unavailable();
  }
  try {
    if (threads > 1) memory = new WebAssembly.Memory(MEMORY);
  } catch {
    throw new PlimsollError("OUT_OF_MEMORY", "there is no memory to prove in");
  }

  const workers: WasmWorker[] = [];
  const waiting = new Map<number, (answer: { result: unknown } | PlimsollError) => void>();
  let lastId = 0;
  let over: PlimsollError | undefined;

  const failure = () => new PlimsollError("INTERNAL", "the WebAssembly prover has failed");
  /** Nothing waits for an answer that cannot come: workers wait for one another on shared memory, so none survives another. */
  const end = async (why: PlimsollError) => {
    over ??= why;
    for (const settle of waiting.values()) settle(over);
    waiting.clear();
    await Promise.all(workers.splice(0).map((worker) => worker.end()));
  };
  const start = (listener: (message: unknown) => void): WasmWorker => {
    const worker = startWorker();
    workers.push(worker);
    worker.listen((message) => {
      if (message === undefined) void end(failure());
      else listener(message);
    });
    return worker;
  };

  const prover = start((message) => {
    const { id, ...answer } = message as { id: number } & ({ result: unknown } | { failed: true });
    waiting.get(id)?.("failed" in answer ? failure() : answer);
    waiting.delete(id);
    if (waiting.size === 0) prover.hold?.(false);
  });

  function call<Name extends Request["call"]>(
    request: Extract<Request, { call: Name }>,
    taken: ArrayBuffer[] = [],
  ): Promise<Reply<Name>> {
    return new Promise((resolve, reject) => {
      if (over !== undefined) return reject(over);
      const id = ++lastId;
      prover.hold?.(true);
      waiting.set(id, (answer) => ("result" in answer ? resolve(answer.result as Reply<Name>) : reject(answer)));
      prover.post({ id, ...request }, taken);
    });
  }

  try {
    const helpers = memory === undefined ? 0 : threads - 1;
    const started = await call<"start">({ call: "start", module: compiled, memory, helpers });
    for (const stack of started.stacks) {
      start(() => {}).post({ call: "help", module: compiled, memory, stack });
    }
    return {
      ...started,
      call,
      get dead() {
        return over !== undefined;
      },
      cancel() {
        if (memory !== undefined) Atomics.store(new Int32Array(memory.buffer), started.cancelFlag / 4, 1);
      },
      end: () => end(new PlimsollError("CANCELLED", "the prover is closed")),
    };
  } catch (error) {
    await end(failure());
    throw error;
  }
}

/** Sponges of many inputs, in the workers of a core. */
export function wasmSponges({ call, path }: WasmCore): Sponges {
  let opened: number | undefined;
  return spongesBy(async (inputs, blocks, count) => {
    if (opened === undefined) {
      const constants = constantBytes(SPONGE_WIDTH);
      const poseidon = await call<"poseidon">({ call: "poseidon", constants, width: SPONGE_WIDTH, path });
      if (poseidon.status !== 0) throw statusError(poseidon.status, "sponge");
      opened = poseidon.pointer;
    }
    const request = { call: "sponges", poseidon: opened, inputs, blocks, count } as const;
    // Moved, not copied: what messages are copied through is not wiped.
    const { status, outputs } = await call<"sponges">(request, [inputs.buffer]);
    if (status !== 0) throw statusError(status, "sponge");
    return outputs;
  });
}

export function wasmBackend(platform: WasmPlatform, { blinding = randomBlinding }: WasmOptions = {}): Backend {
  let core: Promise<WasmCore> | undefined;
  let running: WasmCore | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function planned({ call }: WasmCore, file: Uint8Array): Promise<Circuit["witness"]> {
    const plan = await call<"plan">({ call: "plan", plan: file });
    if (plan.status !== 0) throw statusError(plan.status, "witness plan");
    const inputOf = plannedInputs(file);
    return async (input) => {
      const values = await inputOf(input);
      const request = { call: "witness", plan: plan.pointer, input: values, wtnsBytes: plan.wtnsBytes } as const;
      // Moved, not copied: what messages are copied through is not wiped.
      const { status, wtns } = await call<"witness">(request, [values.buffer]);
      if (status !== 0) throw statusError(status, "witness");
      return wtns;
    };
  }
  /** circom's generator: loaded only where there is no plan, for it needs more than a browser has. */
  const calculated = async (wasm: CircuitFiles["wasm"]): Promise<Circuit["witness"]> => {
    const calculate = (await import("./calculator.ts")).openCalculator(await wasm());
    return ({ circuitInput }) => calculate(circuitInput);
  };

  /** The core; a new one where the last did not start or a worker of it has died. What was open in that one is lost. */
  function living(): Promise<WasmCore> {
    if (core === undefined || running?.dead === true) {
      running = undefined;
      const starting = startCore(platform);
      core = starting;
      starting.then(
        (started) => {
          if (core === starting) running = started;
        },
        () => {
          if (core === starting) core = undefined;
        },
      );
    }
    return core;
  }

  async function open({ wasm, zkey, plan }: CircuitFiles) {
    const file = takeOver(zkey);
    const started = await living();
    const { call, cancel } = started;
    // The largest first, while there is least beside it.
    const key = await call<"open">({ call: "open", zkey: file }, ownsBuffer(file) ? [file.buffer] : []);
    if (key.status !== 0) throw statusError(key.status, "proving key");
    const witness = plan === undefined ? await calculated(wasm) : await planned(started, plan);

    async function prove(values: Uint8Array, signal: AbortSignal | undefined): Promise<unknown> {
      throwIfCancelled(signal);
      const drawn = blinding();
      // Moved, as above.
      const [wtns, secret] = [new Uint8Array(values), new Uint8Array(drawn)];
      drawn.fill(0);
      const request = { call: "prove", key: key.pointer, wtns, blinding: secret } as const;
      const proving = call<"prove">(request, [wtns.buffer, secret.buffer]);
      signal?.addEventListener("abort", cancel);
      try {
        const { status, proof } = await proving;
        throwIfCancelled(signal);
        if (status !== 0) throw statusError(status, "witness");
        return proofJson(proof);
      } finally {
        signal?.removeEventListener("abort", cancel);
      }
    }

    return {
      get lost() {
        return started.dead;
      },
      witness,
      prove(values: Uint8Array, signal?: AbortSignal | undefined) {
        // One after another: each uses all the threads.
        const turn = last.then(() => prove(values, signal));
        last = turn.catch(() => {});
        return untilCancelled(turn, signal);
      },
    };
  }

  return {
    name: "wasm",
    open,
    async close() {
      await last;
      const ending = core;
      core = undefined;
      await (await ending?.catch(() => undefined))?.end();
    },
  };
}

/** The result of the work, or `CANCELLED` as soon as the signal is raised. */
function untilCancelled<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const raised = () => {
      try {
        throwIfCancelled(signal);
      } catch (error) {
        reject(error as Error);
      }
    };
    signal.addEventListener("abort", raised);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", raised));
  });
}

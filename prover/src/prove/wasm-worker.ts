// SPDX-License-Identifier: GPL-3.0-or-later
/** The worker's side of wasm.ts: an instance of the core, and the calls it answers. Secrets are wiped when they have been used. */

import { release } from "./core.ts";

/** What the module imports. It declares the same (scripts/build-wasm.ts). The most that a prover takes is 1 GiB. */
export const MEMORY = { initial: 16, maximum: 16_384, shared: true } as const;
const STACK_BYTES = 256 * 1_024;
const PROOF_BYTES = 256;
const NUMBER_BYTES = 32;

/** plimsoll.h and wasm/runtime.cc. Pointers are offsets in the memory. */
interface Exports {
  readonly __stack_pointer: WebAssembly.Global;
  plimsoll_allocate(bytes: number): number;
  plimsoll_free(pointer: number): void;
  plimsoll_help(): never;
  plimsoll_supports(path: number): number;
  plimsoll_key_take(zkey: number, length: number, path: number, key: number): number;
  plimsoll_plan_open(file: number, length: number, plan: number): number;
  plimsoll_plan_wtns_bytes(plan: number): number;
  plimsoll_witness(plan: number, input: number, length: number, wtns: number, wtnsLength: number): number;
  plimsoll_prove(
    key: number,
    wtns: number,
    length: number,
    blinding: number,
    threads: number,
    cancel: number,
    proof: number,
  ): number;
  plimsoll_poseidon_open(constants: number, length: number, width: number, path: number, poseidon: number): number;
  plimsoll_sponges(
    poseidon: number,
    inputs: number,
    length: number,
    blocks: number,
    threads: number,
    outputs: number,
    count: number,
  ): number;
  plimsoll_compute(
    operation: number,
    path: number,
    input: number,
    length: number,
    output: number,
    outputLength: number,
  ): number;
}

interface Calls {
  /** `memory` is absent where it is not shared. */
  start: {
    request: {
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory | undefined;
      readonly helpers: number;
    };
    reply: Started;
  };
  open: {
    request: { readonly zkey: Uint8Array<ArrayBuffer> };
    reply: { readonly status: number; readonly pointer: number };
  };
  plan: {
    request: { readonly plan: Uint8Array };
    reply: { readonly status: number; readonly pointer: number; readonly wtnsBytes: number };
  };
  witness: {
    request: { readonly plan: number; readonly input: Uint8Array; readonly wtnsBytes: number };
    reply: { readonly status: number; readonly wtns: Uint8Array };
  };
  prove: {
    request: { readonly key: number; readonly wtns: Uint8Array; readonly blinding: Uint8Array };
    reply: { readonly status: number; readonly proof: Uint8Array };
  };
  poseidon: {
    request: { readonly constants: Uint8Array; readonly width: number; readonly path: number };
    reply: { readonly status: number; readonly pointer: number };
  };
  sponges: {
    request: {
      readonly poseidon: number;
      readonly inputs: Uint8Array;
      readonly blocks: number;
      readonly count: number;
    };
    reply: { readonly status: number; readonly outputs: Uint8Array };
  };
  compute: {
    request: {
      readonly operation: string;
      readonly path: number;
      readonly input: Uint8Array;
      readonly outputLength: number;
    };
    reply: { readonly status: number; readonly output: Uint8Array };
  };
}
export type Request = { [Name in keyof Calls]: { readonly call: Name } & Calls[Name]["request"] }[keyof Calls];
export type Reply<Name extends keyof Calls> = Calls[Name]["reply"];

export interface Started {
  /** Where the flag is that stops a proof. */
  readonly cancelFlag: number;
  /** One for each helper. */
  readonly stacks: readonly number[];
  /** Arithmetic by numbers of plimsoll.h: 1 for two lanes by the fused multiply-add, where the engine fuses it, else 0. */
  readonly path: number;
}

type Message = { readonly id: number } & Request;
interface Help {
  readonly call: "help";
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly stack: number;
}

/** Answers messages for ever. A helper's one message never returns. */
export function serve(
  listen: (listener: (message: unknown) => void) => void,
  post: (message: unknown, taken: ArrayBuffer[]) => void,
): void {
  let core: { readonly answer: (request: Request) => object } | undefined;
  listen((received) => {
    const message = received as Message | Help;
    if (message.call === "help") return help(message);
    const { id } = message;
    try {
      const started = message.call === "start" ? start(message) : undefined;
      if (started !== undefined) core = started;
      const result = started?.started ?? core!.answer(message);
      // Moved: a copy of a witness would stay here.
      const taken = Object.values(result).flatMap((value) =>
        value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : [],
      );
      post({ id, result }, taken);
    } catch {
      // What failed is not said: it may know values.
      post({ id, failed: true }, []);
    }
  });
}

const instantiate = (module: WebAssembly.Module, memory: WebAssembly.Memory) =>
  new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;

function help({ module, memory, stack }: Help): void {
  const exports = instantiate(module, memory);
  exports.__stack_pointer.value = stack;
  exports.plimsoll_help();
}

function start({ module, memory = new WebAssembly.Memory(MEMORY), helpers }: Calls["start"]["request"]): {
  started: Started;
  answer: (request: Request) => object;
} {
  const exports = instantiate(module, memory);
  const bytes = () => new Uint8Array(memory.buffer);
  const wordAt = (pointer: number) => new DataView(memory.buffer).getUint32(pointer, true);
  const OUT_OF_MEMORY = 2;

  /** Runs work with room for the parts, which are filled, and wiped afterwards. A number in place of bytes is room for so many. */
  function within<T>(parts: readonly (Uint8Array | number)[], failed: T, work: (...at: number[]) => T): T {
    const room: { at: number; length: number }[] = [];
    try {
      for (const part of parts) {
        const length = typeof part === "number" ? part : part.length;
        const at = exports.plimsoll_allocate(length);
        if (at === 0) return failed;
        room.push({ at, length });
        if (typeof part !== "number") bytes().set(part, at);
      }
      return work(...room.map(({ at }) => at));
    } finally {
      for (const { at, length } of room) {
        bytes().fill(0, at, at + length);
        exports.plimsoll_free(at);
      }
    }
  }

  const cancelFlag = exports.plimsoll_allocate(4);
  const stacks = Array.from({ length: helpers }, () => {
    const stack = exports.plimsoll_allocate(STACK_BYTES);
    if (stack === 0) throw new Error("no memory for a helper's stack");
    return stack + STACK_BYTES;
  });
  const path = exports.plimsoll_supports(1);

  function answer(request: Request): object {
    switch (request.call) {
      case "start":
        throw new Error("it has started");
      case "open": {
        const { zkey } = request;
        const failed = { status: OUT_OF_MEMORY, pointer: 0 };
        const { length } = zkey;
        return within([4], failed, (key) => {
          const file = exports.plimsoll_allocate(length);
          if (file === 0) return failed;
          bytes().set(zkey, file);
          release(zkey);
          const status = exports.plimsoll_key_take(file, length, path, key!);
          return { status, pointer: status === 0 ? wordAt(key!) : 0 };
        });
      }
      case "plan": {
        const { plan } = request;
        const { length } = plan;
        return within([plan, 4], { status: OUT_OF_MEMORY, pointer: 0, wtnsBytes: 0 }, (file, opened) => {
          release(plan as Uint8Array<ArrayBuffer>);
          const status = exports.plimsoll_plan_open(file!, length, opened!);
          const pointer = status === 0 ? wordAt(opened!) : 0;
          return { status, pointer, wtnsBytes: status === 0 ? exports.plimsoll_plan_wtns_bytes(pointer) : 0 };
        });
      }
      case "witness": {
        const { plan, input, wtnsBytes } = request;
        return within([input, wtnsBytes], { status: OUT_OF_MEMORY, wtns: new Uint8Array() }, (values, wtns) => {
          input.fill(0);
          const status = exports.plimsoll_witness(plan, values!, input.length, wtns!, wtnsBytes);
          return { status, wtns: bytes().slice(wtns!, wtns! + wtnsBytes) };
        });
      }
      case "prove": {
        const { key, wtns, blinding } = request;
        const { length } = wtns;
        const failed = { status: OUT_OF_MEMORY, proof: new Uint8Array() };
        Atomics.store(new Int32Array(memory.buffer), cancelFlag / 4, 0);
        return within([wtns, blinding, PROOF_BYTES], failed, (file, secret, proof) => {
          // Copies that came with the message.
          wtns.fill(0);
          blinding.fill(0);
          release(wtns as Uint8Array<ArrayBuffer>);
          const status = exports.plimsoll_prove(key, file!, length, secret!, helpers + 1, cancelFlag, proof!);
          return { status, proof: bytes().slice(proof!, proof! + PROOF_BYTES) };
        });
      }
      case "poseidon": {
        const { constants, width } = request;
        return within([constants, 4], { status: OUT_OF_MEMORY, pointer: 0 }, (from, opened) => {
          const status = exports.plimsoll_poseidon_open(from!, constants.length, width, request.path, opened!);
          return { status, pointer: status === 0 ? wordAt(opened!) : 0 };
        });
      }
      case "sponges": {
        const { poseidon, inputs, blocks, count } = request;
        const { length } = inputs;
        const failed = { status: OUT_OF_MEMORY, outputs: new Uint8Array() };
        return within([inputs, count * NUMBER_BYTES], failed, (from, to) => {
          // A copy that came with the message.
          inputs.fill(0);
          const status = exports.plimsoll_sponges(poseidon, from!, length, blocks, helpers + 1, to!, count);
          return { status, outputs: bytes().slice(to!, to! + count * NUMBER_BYTES) };
        });
      }
      case "compute": {
        const { operation, input, outputLength } = request;
        const failed = { status: OUT_OF_MEMORY, output: new Uint8Array() };
        const name = new TextEncoder().encode(`${operation}\0`);
        return within([name, input, outputLength], failed, (text, from, to) => {
          const status = exports.plimsoll_compute(text!, request.path, from!, input.length, to!, outputLength);
          return { status, output: bytes().slice(to!, to! + outputLength) };
        });
      }
    }
  }

  return { started: { cancelFlag, stacks, path }, answer };
}

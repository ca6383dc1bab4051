// SPDX-License-Identifier: GPL-3.0-or-later
/** The worker of the contribution page: it makes the next key, and says how far it is. Its secret never leaves it. */
import { curves } from "snarkjs";
import { contribution } from "../../ceremony/phase2.ts";
import { readZkey } from "../../keys/zkey.ts";

export interface Task {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly name: string;
  readonly entropy: string;
}

export type Report =
  /** Points of the key that are done, of all. */
  | { readonly done: number; readonly all: number }
  | { readonly next: Uint8Array<ArrayBuffer>; readonly hash: string }
  | { readonly failed: true };

const POINT_BYTES = 64;
/** Points between two reports: a tenth of a second or so. */
const STEP = 512;
/** Sections of a proving key whose points a contribution multiplies. */
const SECTIONS = [8, 9];

type ApplyKey = (points: Uint8Array, first: Uint8Array, inc: Uint8Array, ...types: string[]) => Promise<Uint8Array>;
interface Curve {
  readonly G1: { batchApplyKey: ApplyKey };
  readonly Fr: {
    mul(a: Uint8Array, b: Uint8Array): Uint8Array;
    exp(base: Uint8Array, exponent: number): Uint8Array;
  };
}

// A worker's postMessage takes no origin; the types are a window's.
const post = self.postMessage as (message: Report, taken?: ArrayBuffer[]) => void;

async function contribute({ key, name, entropy }: Task): Promise<void> {
  // snarkjs takes this curve for its own: on this thread, since the page's policy lets it start no other.
  const curve = (await curves.getCurveFromName("bn128", { singleThread: true })) as unknown as Curve;
  (globalThis as { curve_bn128?: unknown }).curve_bn128 = curve;
  const zkey = readZkey(key);
  const all = SECTIONS.reduce((sum, id) => sum + zkey.section(id).length / POINT_BYTES, 0);
  let done = 0;
  const { G1, Fr } = curve;
  const whole = G1.batchApplyKey.bind(G1);
  // The same in steps: the factor of the first point of each is where the step before it has come to.
  G1.batchApplyKey = async (points, first, inc, ...types) => {
    const result = new Uint8Array(points.length);
    let factor = first;
    for (let from = 0; from < points.length; from += STEP * POINT_BYTES) {
      const step = points.slice(from, from + STEP * POINT_BYTES);
      result.set(await whole(step, factor, inc, ...types), from);
      factor = Fr.mul(factor, Fr.exp(inc, step.length / POINT_BYTES));
      done += step.length / POINT_BYTES;
      post({ done, all });
    }
    return result;
  };
  const next = Uint8Array.from(await contribution(key, name, entropy));
  const { hash } = readZkey(next).contributions.at(-1)!;
  post({ next, hash }, [next.buffer]);
}

self.onmessage = ({ data }: MessageEvent<Task>) => {
  contribute(data).catch(() => post({ failed: true }));
};

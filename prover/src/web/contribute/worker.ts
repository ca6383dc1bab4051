// SPDX-License-Identifier: GPL-3.0-or-later
/** The worker of the contribution page: it makes the next key, and says how far it is. Its secret never leaves it. */
import { curves } from "snarkjs";
import { contribution } from "../../ceremony/phase2.ts";
import { readZkey } from "../../keys/zkey.ts";
import { applyInSteps, type Curve, POINT_BYTES } from "./apply-key.ts";

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

/** Sections of a proving key whose points a contribution multiplies. */
const SECTIONS = [8, 9];

// A worker's postMessage takes no origin; the types are a window's.
const post = self.postMessage as (message: Report, taken?: ArrayBuffer[]) => void;

async function contribute({ key, name, entropy }: Task): Promise<void> {
  // snarkjs takes this curve for its own: on this thread, since the page's policy lets it start no other.
  const curve = (await curves.getCurveFromName("bn128", { singleThread: true })) as unknown as Curve;
  (globalThis as { curve_bn128?: unknown }).curve_bn128 = curve;
  const zkey = readZkey(key);
  const all = SECTIONS.reduce((sum, id) => sum + zkey.section(id).length / POINT_BYTES, 0);
  let done = 0;
  applyInSteps(curve, (points) => {
    done += points;
    post({ done, all });
  });
  const next = Uint8Array.from(await contribution(key, name, entropy));
  const { hash } = readZkey(next).contributions.at(-1)!;
  post({ next, hash }, [next.buffer]);
}

self.onmessage = ({ data }: MessageEvent<Task>) => {
  contribute(data).catch(() => post({ failed: true }));
};

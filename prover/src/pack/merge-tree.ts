// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a tree of merges adds up: from the root, the account whose coverage is proven, to the parts, which no merge makes
 * and somebody has to vouch for.
 */
import type { MergedStates } from "../document/merge.ts";

/** A merge whose proof has been verified, or is yet to be. */
export interface Merge extends MergedStates {
  readonly file: string;
}

export type PartsVerdict =
  /** Each part, and the file of the merge that adds it. */
  | { readonly ok: true; readonly parts: ReadonlyMap<string, string> }
  | {
      readonly ok: false;
      readonly code: "STATE_COUNTED_TWICE" | "MERGE_DETACHED";
      readonly file: string;
      readonly sentence: string;
    };

/**
 * The parts of a root. Every merge must be on the way from the root to a part, and every state, part or sum, in it once:
 * so the merges are a tree, no part counts twice, and nothing is a part of itself.
 */
export function partsOf(root: string, merges: readonly Merge[]): PartsVerdict {
  const fault = (code: "STATE_COUNTED_TWICE" | "MERGE_DETACHED", file: string, sentence: string) =>
    ({ ok: false, code, file, sentence }) as const;
  const makers = new Map<string, Merge>();
  for (const merge of merges) {
    if (makers.has(merge.merged)) {
      return fault(
        "MERGE_DETACHED",
        merge.file,
        "Another merge makes the same account, and only one of them can count.",
      );
    }
    makers.set(merge.merged, merge);
  }
  const counted = new Set<string>();
  const parts = new Map<string, string>();
  const open = [{ state: root, file: "" }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { state, file } = next;
    if (counted.has(state)) {
      return fault("STATE_COUNTED_TWICE", file, "The merge adds an account that is in the sum already.");
    }
    counted.add(state);
    const maker = makers.get(state);
    if (maker === undefined) parts.set(state, file);
    else open.push({ state: maker.right, file: maker.file }, { state: maker.left, file: maker.file });
  }
  const detached = merges.find(({ merged }) => !counted.has(merged));
  if (detached === undefined) return { ok: true, parts };
  return fault(
    "MERGE_DETACHED",
    detached.file,
    "The merge makes an account that is not a part of the one that is proven.",
  );
}

/** The merges on the way from a root to its parts, in whatever shape they are. */
export function mergesOf<Item extends MergedStates>(root: string, merges: readonly Item[]): Item[] {
  const wanted = new Set([root]);
  // A set takes in what is added while it is gone through.
  for (const state of wanted) {
    for (const { left, right } of merges.filter(({ merged }) => merged === state)) wanted.add(left).add(right);
  }
  return merges.filter(({ merged }) => wanted.has(merged));
}

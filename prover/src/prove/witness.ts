// SPDX-License-Identifier: GPL-3.0-or-later
/** What goes into a witness plan (witness-plan.ts): a circuit's input, and the values that its constraints only check. */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, fromField, invert, toField } from "../field.ts";
import { WIDE_PER_ELEMENT, WIDE_STRIDE } from "../model/packing.ts";
import { ASSETS, BLOCK_INSTRUMENTS, SCENARIOS, TIERS } from "../model/sizes.ts";
import type { CircuitInput } from "../statement/account.ts";
import { NUMBER_BYTES, PLAN_HEADER_BYTES, type PlanNames } from "./witness-plan.ts";

/**
 * The signals that our circuits assign by `<--`, but for binary digits: all that a plan cannot learn from constraints. A name is
 * that of the signal, without its indices, below the main component.
 */
const HINTS = [
  // circuits/lib/haircut.circom: whether a piece holds the quantity
  "haircut.selected",
  // circuits/lib/netting.circom: sums over the run of blocks up to this one, and the largest loss among them
  "set.column",
  "set.scan",
  // circuits/lib/transition.circom, expiry.circom, holdings.circom: what shows that a blinding is not zero
  "Transition.inverse",
  "Onward.inverse",
  "Blinded.inverse",
] as const;

export const isHint = (name: string): boolean => (HINTS as readonly string[]).includes(name);

/** Values of the hinted signals of one input, by their indices: those of the circuit's own witness generator. */
function hintsOf(input: CircuitInput): Readonly<Record<(typeof HINTS)[number], (...indices: number[]) => bigint>> {
  const list = (name: string): readonly bigint[] => [input[name] ?? []].flat();
  const value = (name: string): bigint => list(name)[0] ?? 0n;
  const quantities = list("collateralAfter" in input ? "collateralAfter" : "collateral");
  const policy = list("policy");
  let columns: readonly (readonly bigint[])[] | undefined;
  const columnsOf = (block: number) => {
    columns ??= columnSums(list("positionsAfter").map(fromField), list("rows"), list("blocks"));
    return columns[block]!;
  };
  return {
    "haircut.selected": (asset, piece) => {
      const boundary = (tier: number) => policy[(asset! * policy.length) / ASSETS + tier]!;
      const from = piece === 0 ? 0n : boundary(piece! - 1);
      const to = piece === TIERS ? 1n << 64n : boundary(piece!);
      return from <= quantities[asset!]! && quantities[asset!]! < to ? 1n : 0n;
    },
    "set.column": (block, column) => columnsOf(block!)[column!]!,
    "set.scan": (block) => {
      let worst = 0n;
      for (const profit of columnsOf(block!).slice(0, SCENARIOS)) if (-profit > worst) worst = -profit;
      return worst;
    },
    "Transition.inverse": () => invert(toField(value("blindingAfter"))),
    "Onward.inverse": () => invert(toField(value("blindingBefore") * (value("blindingBefore") + 1n))),
    "Blinded.inverse": () => invert(toField(value("blindingLeft") * value("blindingRight") * value("blindingMerged"))),
  };
}

/** Sums of lots times columns over the run of blocks that ends with each block. */
function columnSums(lots: readonly bigint[], rows: readonly bigint[], blocks: readonly bigint[]): bigint[][] {
  const width = rows.length / lots.length;
  const charges = 2;
  let run: bigint[] = [];
  return Array.from({ length: lots.length / BLOCK_INSTRUMENTS }, (_, block) => {
    const continues = block > 0 && blocks[3 * block + 2] === 1n;
    run = Array.from({ length: width - charges }, (_, element) => {
      let sum = continues ? run[element]! : 0n;
      for (let row = block * BLOCK_INSTRUMENTS; row < (block + 1) * BLOCK_INSTRUMENTS; row++) {
        if (lots[row] !== 0n) sum += lots[row]! * fromField(rows[row * width + element]!);
      }
      return sum;
    });
    return run.flatMap(unpackWide);
  });
}

/** The signed pieces of a packed element, as circuits/lib/packing.circom reads them. */
function unpackWide(element: bigint): bigint[] {
  let left = element;
  return Array.from({ length: WIDE_PER_ELEMENT }, () => {
    const piece = BigInt.asIntN(Number(WIDE_STRIDE), left);
    left = (left - piece) >> WIDE_STRIDE;
    return piece;
  });
}

/** What a plan's file says of the values that go into it. */
export function readPlanNames(plan: Uint8Array): PlanNames {
  const length = new DataView(plan.buffer, plan.byteOffset).getUint32(8, true);
  return JSON.parse(new TextDecoder().decode(plan.subarray(PLAN_HEADER_BYTES, PLAN_HEADER_BYTES + length)));
}

/**
 * A function from a circuit's input to the input of its plan: 32 bytes a value, little-endian. Holds secrets: to be wiped.
 *
 * It throws `FIELD_INVALID` where a signal of the circuit is missing, has another length or a value that is not reduced.
 */
export function planInputs(plan: Uint8Array): (input: CircuitInput) => Uint8Array<ArrayBuffer> {
  const { inputs, hints } = readPlanNames(plan);
  const count = inputs.reduce((sum, [, length]) => sum + length, hints.length);
  return (input) => {
    const bytes = new Uint8Array(count * NUMBER_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    const write = (value: bigint) => {
      if (value >> 64n === 0n) view.setBigUint64(at, value, true);
      else for (let part = 0; part < 4; part++) view.setBigUint64(at + 8 * part, value >> BigInt(64 * part), true);
      at += NUMBER_BYTES;
    };
    for (const [name, length] of inputs) {
      const values = Object.hasOwn(input, name) ? [input[name]!].flat() : [];
      if (values.length !== length || values.some((value) => value < 0n || value >= FIELD_ORDER)) {
        throw new PlimsollError("FIELD_INVALID", `expected ${length} field elements`, { field: name });
      }
      values.forEach(write);
    }
    const hinted = hintsOf(input);
    for (const [name, ...indices] of hints) write(toField(hinted[name as (typeof HINTS)[number]](...indices)));
    return bytes;
  };
}

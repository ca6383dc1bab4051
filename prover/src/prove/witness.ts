// SPDX-License-Identifier: GPL-3.0-or-later
/** What goes into a witness plan (witness-plan.ts): a circuit's input, and the values that its constraints only check. */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, toField } from "../field.ts";
import type { HintValues, WitnessInput } from "../statement/witness-input.ts";
import { NUMBER_BYTES, PLAN_HEADER_BYTES, type PlanNames } from "./witness-plan.ts";

/** What a plan's file says of the values that go into it. */
export function readPlanNames(plan: Uint8Array): PlanNames {
  const length = new DataView(plan.buffer, plan.byteOffset).getUint32(8, true);
  return JSON.parse(new TextDecoder().decode(plan.subarray(PLAN_HEADER_BYTES, PLAN_HEADER_BYTES + length)));
}

/**
 * A function from what a statement gives to the input of a plan: 32 bytes a value, little-endian. Holds secrets: to be wiped.
 *
 * It throws `FIELD_INVALID` where a signal or a hint of the circuit is missing, has another length or a signal is not reduced.
 */
export function planInputs(plan: Uint8Array): (input: WitnessInput) => Uint8Array<ArrayBuffer> {
  const { inputs, hints } = readPlanNames(plan);
  const count = inputs.reduce((sum, [, length]) => sum + length, hints.length);
  return ({ circuitInput, hints: hinted }) => {
    const bytes = new Uint8Array(count * NUMBER_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    const write = (value: bigint) => {
      if (value >> 64n === 0n) view.setBigUint64(at, value, true);
      else for (let part = 0; part < 4; part++) view.setBigUint64(at + 8 * part, value >> BigInt(64 * part), true);
      at += NUMBER_BYTES;
    };
    for (const [name, length] of inputs) {
      const values = Object.hasOwn(circuitInput, name) ? [circuitInput[name]!].flat() : [];
      if (values.length !== length || values.some((value) => value < 0n || value >= FIELD_ORDER)) {
        throw new PlimsollError("FIELD_INVALID", `expected ${length} field elements`, { field: name });
      }
      values.forEach(write);
    }
    for (const [name, ...indices] of hints) {
      let value: HintValues | undefined = Object.hasOwn(hinted, name) ? hinted[name] : undefined;
      for (const index of indices) value = typeof value === "object" ? value[index] : undefined;
      if (typeof value !== "bigint") {
        throw new PlimsollError("FIELD_INVALID", "expected a value for each place of the hint", { field: name });
      }
      write(toField(value));
    }
    return bytes;
  };
}

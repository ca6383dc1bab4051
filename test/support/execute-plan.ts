// SPDX-License-Identifier: GPL-3.0-or-later
/** Witness plans executed as their format reads, in integers: what the prover's core is held against. */

import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { NUMBER_BYTES, PLAN_HEADER_BYTES, STEP } from "../../prover/src/prove/witness-plan.ts";

function readNumber(bytes: Uint8Array, index: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + index * NUMBER_BYTES, NUMBER_BYTES);
  let value = 0n;
  for (let at = NUMBER_BYTES - 8; at >= 0; at -= 8) value = (value << 64n) | view.getBigUint64(at, true);
  return value;
}

/** The values of all wires, given the plan's input. Throws where a number has more digits than its place. */
export function executePlan(plan: Uint8Array, input: Uint8Array): bigint[] {
  const view = new DataView(plan.buffer, plan.byteOffset, plan.byteLength);
  const [names, constants, inputs, wires, words] = [8, 12, 16, 20, 24].map((at) =>
    view.getUint32(at, true),
  ) as number[];
  const numbers = plan.subarray(PLAN_HEADER_BYTES + names!);
  const values = Array.from({ length: constants! }, (_, index) => readNumber(numbers, index));
  for (let index = 0; index < inputs!; index++) values.push(readNumber(input, index));
  const table = PLAN_HEADER_BYTES + names! + constants! * NUMBER_BYTES;
  let at = table + 4 * wires!;
  const end = at + 4 * words!;
  const next = () => {
    const word = view.getUint32(at, true);
    at += 4;
    return word;
  };
  const value = () => values[next()]!;
  while (at < end) {
    const step = next();
    if (step === STEP.digits) {
      let left = value();
      for (let count = next(); count > 0; count--) {
        const power = 1n << BigInt(next());
        const digit = left & power;
        left -= digit;
        values.push(digit === 0n ? 0n : 1n);
      }
      if (left !== 0n) throw new Error("a number has more digits than its place");
    } else {
      let sum = step === STEP.product ? value() * value() * value() : 0n;
      const [plus, minus, products] = [next(), next(), next()];
      for (let count = plus; count > 0; count--) sum += value();
      for (let count = minus; count > 0; count--) sum -= value();
      for (let count = products; count > 0; count--) sum += value() * value();
      values.push(toField(sum));
    }
  }
  return Array.from({ length: wires! }, (_, wire) => values[view.getUint32(table + 4 * wire, true)]!);
}

/** A witness as snarkjs's wtns file. */
export function wtnsOf(witness: readonly bigint[]): Buffer {
  const words = (...list: number[]) => Buffer.from(Uint32Array.from(list).buffer);
  const number = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
  const header = [words(2, 2, 1, 40, 0, 32), number(FIELD_ORDER), words(witness.length, 2, 32 * witness.length, 0)];
  return Buffer.concat([Buffer.from("wtns"), ...header, ...witness.map(number)]);
}

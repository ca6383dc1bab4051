// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { type Addon, loadAddon } from "../../prover/src/node/native.ts";
import { planInputs } from "../../prover/src/prove/witness.ts";
import { NUMBER_BYTES, PLAN_HEADER_BYTES } from "../../prover/src/prove/witness-plan.ts";
import type { CircuitName } from "../../prover/src/statement/families.ts";
import { circuitInputs } from "../support/circuit-inputs.ts";
import { executePlan, wtnsOf } from "../support/execute-plan.ts";
import { seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";

/** Statuses of core/status.h. */
const [SHAPE, RANGE, MISMATCH, UNSOLVED] = [6, 7, 8, 9];

describe("the core executes witness plans", () => {
  let addon: Addon;
  before(function () {
    const native = loadAddon();
    if (native.addon === undefined) return skip(this, "no native prover");
    addon = native.addon;
  });

  const planOf = async (circuit: CircuitName) => (await loadArtifacts(circuit)).plan!;
  const opened = (plan: Uint8Array) => {
    const handle = addon.openPlan(plan);
    if (typeof handle === "number") throw new Error(`status ${handle}`);
    return handle;
  };

  for (const circuit of ["board-60", "settlement-60"] as const) {
    it(`C22: ${circuit}: as the same plan executed in integers`, async function () {
      this.timeout(20_000);
      const plan = await planOf(circuit);
      const handle = opened(plan);
      for (const input of circuitInputs(circuit, 20, 7)) {
        const bytes = planInputs(plan)(input);
        expect(wtnsOf(executePlan(plan, bytes)).equals(addon.witness(handle, bytes) as Uint8Array)).equal(true);
      }
    });
  }

  it("C01, C03: a value out of its range has no witness; a number not below the order, or too few of them, is none", async () => {
    const plan = await planOf("settlement-60");
    const handle = opened(plan);
    const [input] = circuitInputs("settlement-60", 1);
    const positions = input!.circuitInput.positionsBefore as readonly bigint[];
    for (const lots of [1n << 31n, -(1n << 31n) - 1n, FIELD_ORDER / 2n]) {
      const bytes = planInputs(plan)({
        ...input!,
        circuitInput: { ...input!.circuitInput, positionsBefore: positions.with(5, lots).map(toField) },
      });
      expect(addon.witness(handle, bytes)).equal(UNSOLVED);
    }
    const bytes = planInputs(plan)(input!);
    expect(addon.witness(handle, bytes.subarray(NUMBER_BYTES))).equal(MISMATCH);
    expect(addon.witness(handle, bytes.fill(0xff, 0, NUMBER_BYTES))).equal(RANGE);
  });

  it("P04: a plan cut short or with wrong words is refused, or stays within its bounds", async function () {
    this.timeout(20_000);
    const plan = await planOf("settlement-60");
    const input = planInputs(plan)(circuitInputs("settlement-60", 1)[0]!);
    for (const length of [0, 3, PLAN_HEADER_BYTES - 1, PLAN_HEADER_BYTES, plan.length - 4, plan.length - 1]) {
      expect(addon.openPlan(plan.slice(0, length)), `${length} bytes`).a("number");
    }
    expect(addon.openPlan(Buffer.concat([plan, Buffer.alloc(4)]))).equal(SHAPE);
    const rng = seededRng(3);
    const words = Math.floor(plan.length / 4);
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const changed = plan.slice();
      const view = new DataView(changed.buffer);
      // The header's counts, then words all over.
      const at = round < 28 ? round % 7 : Number(rng.below(BigInt(words)));
      const value = rng.pick([0n, 1n, 2n, 0xffffffffn, 0x7fffffffn, rng.below(1n << 32n), rng.below(30_000n)]);
      view.setUint32(4 * at, Number(value), true);
      const handle = addon.openPlan(changed);
      if (typeof handle === "number") refused++;
      else
        expect(addon.witness(handle, input)).satisfy(
          (answer: unknown) => typeof answer === "number" || answer instanceof Uint8Array,
        );
    }
    expect(refused).greaterThan(100);
  });
});

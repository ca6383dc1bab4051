// SPDX-License-Identifier: GPL-3.0-or-later
/** Settlements as a liar would put them, and where the circuit `Settlement` and the integer model disagree about one. */
import { expect } from "chai";
import { FIELD_ORDER, type FieldElement, toField } from "../../prover/src/field.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { commitState, packWide, stateBlinding } from "../../prover/src/model/commit.ts";
import { type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { buildSettlementStatement, settle } from "../../prover/src/statement/settlement.ts";
import { type SettlementMarks, settlementSignals } from "../../prover/src/statement/signals.ts";
import type { CircuitInput } from "../../prover/src/statement/witness-input.ts";
import type { CashE6, ColumnE6, PositionLots } from "../../prover/src/units.ts";
import type { Target } from "../soundness/lab/target.ts";
import { settlementCircuit } from "./circuit.ts";
import { biased, type Rng, randomAccount, seededRng } from "./random.ts";

export const COLUMN_TOP = (1n << 42n) - 1n;

/** Marks of none, some or all rows, at zero, at the ends and between. */
export function randomMarks(rng: Rng, size: BoardSize): SettlementMarks {
  const share = [0, 0.1, 0.5, 1][Number(rng.below(4n))]!;
  const rows = Array.from({ length: instrumentsOf(size) }, (_, row) => row).filter(() => rng.chance(share));
  return new Map(rows.map((row) => [row, biased(rng, -COLUMN_TOP, COLUMN_TOP) as ColumnE6]));
}

/** Where circuit and model disagree about a settlement; empty where they agree. */
export function settlementDisagreements(
  target: Target,
  before: Account,
  marks: SettlementMarks,
  context: bigint,
): string[] {
  let statement: ReturnType<typeof buildSettlementStatement> | undefined;
  try {
    statement = buildSettlementStatement({ before, marks, context });
  } catch (error) {
    expect(error).to.have.property("code", "OUT_OF_RANGE");
  }
  if (statement === undefined) {
    // Cash leaves its range: the same lie put to the circuit, commitments included, must fail at the range check.
    const attack = target.attack(settlementInput({ before, marks, context }));
    return attack.outcome === "stopped" && attack.stoppedAt.every((place) => /^main\.Signed/.test(place))
      ? []
      : [`cash out of range is ${attack.outcome}`];
  }
  const attack = target.attack(statement.circuitInput);
  if (attack.outcome !== "accepted") return [`${attack.outcome} at ${attack.stoppedAt.join()}`];
  const witness = target.prove(statement.circuitInput);
  const found: string[] = [];
  if (statement.publicSignals.some((value, index) => value !== witness[index + 1]))
    found.push("a public signal differs");
  if (attack.value("main.cashAfter") !== toField(statement.after.cash)) found.push("cash differs");
  return found;
}

/** A settlement as a liar would put it: every commitment is of what is claimed. */
export interface ClaimedSettlement {
  readonly before: Account;
  /** What the honest settlement would give unless said, whatever its range. */
  readonly after?: Account;
  readonly marks: SettlementMarks;
  readonly context?: bigint;
  readonly input?: Partial<Record<keyof CircuitInput, FieldElement | readonly FieldElement[]>>;
}

export function settlementInput({
  before,
  marks,
  context = 7n,
  after = afterOf(before, marks),
  input = {},
}: ClaimedSettlement): CircuitInput {
  return {
    stateBefore: commitState(before),
    stateAfter: commitState(after),
    context: toField(context),
    marks: settlementSignals(before.size, marks),
    positionsBefore: before.positions.map(toField),
    collateral: packWide(before.collateral),
    cashBefore: toField(before.cash),
    blindingBefore: stateBlinding(before),
    ...input,
  } as CircuitInput;
}

/** `settle` without its checks. */
function afterOf(before: Account, marks: SettlementMarks): Account {
  const paid = [...marks].reduce((sum, [row, mark]) => sum + mark * before.positions[row]!, 0n);
  return {
    ...before,
    positions: before.positions.map((lots, row) => (marks.has(row) ? (0n as PositionLots) : lots)),
    cash: (before.cash + paid) as CashE6,
    sequence: before.sequence + 1n,
  };
}

/** Random and boundary settlements of board-60, on each of which circuit and model agree. Returns how many can be settled. */
export async function agreeOnSettlements(count: number): Promise<number> {
  const circuit = await settlementCircuit("board-60");
  const rng = seededRng(22);
  let settled = 0;
  for (let index = 0; index < count; index++) {
    const before = randomAccount(rng, "board-60");
    const marks = randomMarks(rng, "board-60");
    const found = settlementDisagreements(circuit, before, marks, rng.below(FIELD_ORDER));
    expect(found, `settlement ${index} of seed 22`).deep.equal([]);
    try {
      settle(before, marks);
      settled++;
    } catch {
      // out of range
    }
  }
  return settled;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** The circuit `Settlement` in small, of the shipped sources: an account on the board of `miniature.ts`. */
import { FIELD_ORDER, type FieldElement, toField } from "../../../prover/src/field.ts";
import type { Account } from "../../../prover/src/model/account.ts";
import { publicNamesOf } from "../../../prover/src/statement/families.ts";
import { settle } from "../../../prover/src/statement/settlement.ts";
import type { ColumnE6 } from "../../../prover/src/units.ts";
import { type Mark, type SettlementClaim, settled, settlementInputs, someMarks } from "../../support/index-lies.ts";
import { honestHolding } from "../../support/lying.ts";
import { biased, randomAccount, seededRng } from "../../support/random.ts";
import type { Speaker } from "./attack.ts";
import type { WireLies } from "./drop.ts";
import type { Inputs } from "./generate.ts";
import { type Case, MODEL_BOARD, modelRow } from "./miniature.ts";
import type { SmallLie } from "./small.ts";
import { bends, DIMENSIONS, holdingOf, liesAt, smallAccount, worldOf } from "./small-holdings.ts";

export const SETTLEMENT_MAIN = `pragma circom 2.2.0;
include "settlement.circom";
component main {public [${publicNamesOf("settlement").join(", ")}]} = Settlement(${DIMENSIONS.instruments}, ${DIMENSIONS.assets});
`;
const WORLD = worldOf("settlement");
const inputsOf = (claim: SettlementClaim): Inputs => settlementInputs(WORLD, claim);
const BEFORE = honestHolding(DIMENSIONS, 1n);
const MARKS = someMarks(DIMENSIONS);
const COLUMN_TOP = (1n << 42n) - 1n;

export const honestSettlement = (): Inputs => inputsOf({ before: BEFORE, marks: MARKS });

/** What the model says of a settlement: the account after, or nothing where there is none. */
function settledByModel(before: Account, marks: readonly Mark[]): Account | undefined {
  const expired = [...marks.entries()].filter(([, [flag]]) => flag === 1n);
  try {
    return settle(before, new Map(expired.map(([row, [, value]]) => [modelRow(row), value as ColumnE6])));
  } catch {
    return undefined;
  }
}

/** None, some or all rows expire, at any value; some accounts are paid more than cash may be, some are nobody's. */
export function* settlementCases(firstSeed: number): Generator<Case> {
  for (let seed = firstSeed; ; seed++) {
    const rng = seededRng(seed);
    const drawn = smallAccount(randomAccount(rng, MODEL_BOARD));
    const account = rng.chance(0.1) ? { ...drawn, viewingKey: 0n as FieldElement, sequence: 0n } : drawn;
    const share = rng.pick([0, 0.3, 0.6, 1]);
    const top = rng.pick([1n, 10n ** 6n, COLUMN_TOP]);
    const marks = MARKS.map((): Mark => [rng.chance(share) ? 1n : 0n, biased(rng, -top, top)]);
    const after = settledByModel(account, marks);
    const before = holdingOf(account);
    yield {
      name: `seed ${seed}`,
      holds: after !== undefined,
      inputs: inputsOf({
        before,
        marks,
        ...(after ? { after: holdingOf(after) } : {}),
        context: rng.below(FIELD_ORDER),
      }),
      outputs: after ? { "main.cashAfter": toField(after.cash) } : {},
    };
  }
}

/** That a row expires twice. */
export function* settlementRecipes({ build }: Speaker): Generator<WireLies> {
  for (const row of MARKS.keys()) yield new Map([[build.wires.get(`main.marks[${row}][0]`)!, 2n]]);
}

/** What is out of range at any index; another account after; an account that may not settle. */
export function* settlementLies(): Generator<SmallLie> {
  yield* liesAt(WORLD, (label) => (label === "cashAfter" ? /^main\.Signed/ : /^main\.expiry/));
  const after = settled(BEFORE, MARKS);
  const lie = (name: string, claim: Partial<SettlementClaim>, stoppedAt = /^main$/): SmallLie => ({
    name,
    inputs: inputsOf({ before: BEFORE, marks: MARKS, after, ...claim }),
    stoppedAt,
  });
  for (const [what, lied] of bends(after)) yield lie(`C15: after with ${what}`, { after: lied });
  const paid = after.cash - BEFORE.cash;
  const everything = MARKS.map(([, value]): Mark => [1n, value]);
  yield lie("C15: what is paid is owed", { after: { ...after, cash: BEFORE.cash - paid } });
  yield lie("C15: all that is paid is kept", { after: { ...after, positions: BEFORE.positions } });
  yield lie("C15: all rows are paid", { after: { ...after, cash: settled(BEFORE, everything).cash } });
  yield lie("C15: nothing settles", { after: { ...BEFORE, blinding: after.blinding } });
  yield lie("C15: cash is not paid", { after: { ...after, cash: BEFORE.cash } });
  yield lie("C15: cash is paid twice", { after: { ...after, cash: after.cash + paid } });
  yield lie("C16: the sequence stands still", { after: { ...after, blinding: BEFORE.blinding } });
  for (const [row, [expired, value]] of MARKS.entries()) {
    const lots = BEFORE.positions[row]!;
    if (expired === 1n) {
      yield lie(`C15: row ${row} is paid and kept`, {
        after: { ...after, positions: after.positions.with(row, lots) },
      });
      yield lie(`C15: row ${row} is not paid`, { after: { ...after, cash: after.cash - lots * value } });
    } else {
      yield lie(`C15: row ${row} is dropped before its time`, {
        after: { ...after, positions: after.positions.with(row, 0n) },
      });
      yield lie(`C15: row ${row} is paid before its time`, { after: { ...after, cash: after.cash + lots * value } });
    }
  }
  for (const blinding of [0n, -1n]) {
    const before = { ...BEFORE, blinding };
    yield lie(`a state with blinding ${blinding}`, { before, after: settled(before, MARKS) }, /^main\.Onward/);
  }
}

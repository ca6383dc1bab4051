// SPDX-License-Identifier: GPL-3.0-or-later
/** Random steps of a book that can be proven. */
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { addAccounts, type BookEntry, bookTree, leafOf, memberTag, noTotals } from "../../prover/src/model/book.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../prover/src/model/evaluate.ts";
import type { BookRequest } from "../../prover/src/statement/book.ts";
import { boardSizeOf, type CircuitOf, shapeOf } from "../../prover/src/statement/families.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { type Rng, randomAccount, randomMarket, randomPolicy } from "./random.ts";

/** The second step of a book of two, whose last places may be unused, at the highest level that all its accounts have. */
export function coveredStep(rng: Rng, circuit: CircuitOf<"book">): BookRequest {
  const size = boardSizeOf(circuit);
  const places = shapeOf(circuit).members!;
  const [policy, market] = [randomPolicy(rng), randomMarket(rng, size)];
  const element = () => rng.below(FIELD_ORDER) as FieldElement;
  const entry = (): BookEntry => ({ account: randomAccount(rng, size), tag: memberTag(element(), element()) });
  const covered = ({ account }: BookEntry) => isAtLeast(evaluate(account, policy, market), 0n as LevelBps);
  const drawn = () => {
    for (;;) {
      const one = entry();
      if (covered(one)) return one;
    }
  };
  const before = Array.from({ length: places }, entry);
  const entries = Array.from({ length: rng.chance(0.5) ? places : 1 + Number(rng.below(BigInt(places))) }, drawn);
  const most = (1n << 20n) - 1n;
  const levels = entries.map(({ account }) => coverageBpsDown(evaluate(account, policy, market)) ?? most);
  const [level] = [most, ...levels].sort((one, other) => (one < other ? -1 : 1));
  return {
    circuit,
    tree: bookTree([...before, ...entries].map(leafOf)),
    totals: addAccounts(
      noTotals(size),
      before.map(({ account }) => account),
    ),
    entries,
    blindings: [element(), element()],
    level: level as LevelBps,
    context: element(),
    policy,
    market,
  };
}

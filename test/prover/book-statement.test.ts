// SPDX-License-Identifier: GPL-3.0-or-later
/** Statements of steps of a book: what is refused before anything is proven, and who is below the level. */
import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { type FieldElement, toField } from "../../prover/src/field.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { addAccounts, bookTree, leafOf, memberTag, noTotals } from "../../prover/src/model/book.ts";
import {
  type HaircutSchedule,
  type HaircutTier,
  NOT_SCANNED,
  type Policy,
  UNLISTED,
} from "../../prover/src/model/policy.ts";
import { ASSETS, TIERS } from "../../prover/src/model/sizes.ts";
import { openSpongeCore } from "../../prover/src/node/sponges.ts";
import { portableSponges } from "../../prover/src/prove/sponges.ts";
import { type BookRequest, bookStatementBy, buildBookStatement } from "../../prover/src/statement/book.ts";
import {
  BPS,
  type CashE6,
  type LevelBps,
  type LotPriceE16,
  type QuantityLots,
  type RateBps,
} from "../../prover/src/units.ts";
import { coveredStep } from "../support/books.ts";
import { seededRng } from "../support/random.ts";

describe("the statement of a step of a book", () => {
  const request = coveredStep(seededRng(7), "book-60-8");
  const refused = (change: Partial<BookRequest>) => {
    try {
      buildBookStatement({ ...request, ...change });
    } catch (error) {
      if (error instanceof PlimsollError) return [error.code, error.place.field];
      throw error;
    }
    return ["not refused"];
  };

  it("holds at the highest level that everybody has, not one above; totals after are those of all members", () => {
    const { holds, below, totals } = buildBookStatement(request);
    expect([holds, below]).deep.equal([true, []]);
    const accounts = request.entries.map(({ account }) => account);
    expect(totals).deep.equal(addAccounts(request.totals, accounts));
    const higher = buildBookStatement({ ...request, level: (request.level + 1n) as LevelBps });
    expect(higher.holds).equal(false);
    expect(higher.below).not.empty;
  });

  it("by the core, of whatever kind, it is the same as by the model: one member, some, all; in the first step and a later one", async () => {
    const by = (circuit: "book-60-8" | "book-60-16", count: number): BookRequest => {
      const step = coveredStep(seededRng(count), circuit);
      const entries = Array.from({ length: count }, (_, at) => step.entries[at % step.entries.length]!);
      return { ...step, entries, totals: noTotals(step.totals.size), tree: bookTree(entries.map(leafOf)) };
    };
    const requests = [request, by("book-60-8", 1), by("book-60-8", 8), by("book-60-16", 7), by("book-60-16", 16)];
    const core = openSpongeCore();
    try {
      for (const each of requests) {
        const expected = buildBookStatement(each);
        for (const sponges of [core.sponges, portableSponges]) {
          expect(await bookStatementBy(each, sponges)).deep.equal(expected);
        }
      }
    } finally {
      await core.close();
    }
  });

  it("is refused where the count is not where a step begins, members are none or too many, or one is not in the book", () => {
    const [first] = request.entries;
    expect(refused({ totals: { ...request.totals, count: 9n } })).deep.equal(["FIELD_INVALID", "totals.count"]);
    expect(refused({ totals: { ...request.totals, count: 1n << 20n } })).deep.equal(["FIELD_INVALID", "totals.count"]);
    expect(refused({ entries: [] })).deep.equal(["FIELD_INVALID", "entries"]);
    expect(refused({ entries: new Array(9).fill(first) })).deep.equal(["FIELD_INVALID", "entries"]);
    expect(refused({ totals: { ...request.totals, count: 0n } })).deep.equal(["FIELD_INVALID", "entries[0]"]);
    expect(refused({ entries: request.entries.with(0, { ...first!, tag: first!.account.viewingKey }) })).deep.equal([
      "FIELD_INVALID",
      "entries[0]",
    ]);
    // A member that the tree has and the step leaves out.
    const longer = bookTree([
      ...Array.from({ length: 8 }, () => leafOf(first!)),
      ...request.entries.map(leafOf),
      leafOf(first!),
    ]);
    const place = request.entries.length;
    expect(place).below(8);
    expect(refused({ tree: longer })).deep.equal(["FIELD_INVALID", `entries[${place}]`]);
    expect(refused({ context: -1n })).deep.equal(["OUT_OF_RANGE", "context"]);
    expect(refused({ level: (1n << 20n) as LevelBps })).deep.equal(["OUT_OF_RANGE", "level"]);
  });

  it("a venue's own account that owes the members' cash and holds a token takes it off the total: cash is net", () => {
    const million = 10n ** 12n;
    const empty = genesis("board-60");
    const member = { ...empty, viewingKey: 5n as FieldElement, cash: million as CashE6 };
    const token = (lots: bigint) => ({
      ...empty,
      viewingKey: 6n as FieldElement,
      collateral: empty.collateral.with(0, lots as QuantityLots),
      cash: -million as CashE6,
    });
    // A token at 1 a lot that counts in full; debts have a margin of 5%.
    const full = Array.from({ length: TIERS }, () => ({ boundaryLots: 1n << 60n, weightBps: BPS }) as HaircutTier);
    const policy: Policy = {
      schedules: [full, ...new Array<HaircutSchedule>(ASSETS - 1).fill(UNLISTED)],
      scanLots: new Array(ASSETS).fill(NOT_SCANNED),
      debtRateBps: 500n as RateBps,
    };
    const { market } = request;
    const prices = market.prices.map((_, asset) => (asset === 0 ? 10n ** 16n : 0n) as LotPriceE16);
    const step = (lots: bigint) => {
      const entries = [member, token(lots)].map((account, id) => ({
        account,
        tag: memberTag(toField(BigInt(id)), 1n as FieldElement),
      }));
      return buildBookStatement({
        ...request,
        tree: bookTree(entries.map(leafOf)),
        totals: noTotals("board-60"),
        entries,
        level: 15_000n as LevelBps,
        policy,
        market: { ...market, prices },
      });
    };
    // Equity of 1.5 times 5% of the million that is owed.
    expect(step(1_074_999n).below).deep.equal([1]);
    const { holds, totals } = step(1_075_000n);
    expect([holds, totals.cash, totals.collateral[0], totals.count]).deep.equal([true, 0n, 1_075_000n, 2n]);
  });
});

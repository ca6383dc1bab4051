// SPDX-License-Identifier: GPL-3.0-or-later
/** Statements of steps of a book: what is refused before anything is proven, and who is below the level. */
import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { addAccounts, bookTree, leafOf } from "../../prover/src/model/book.ts";
import { type BookRequest, buildBookStatement } from "../../prover/src/statement/book.ts";
import type { LevelBps } from "../../prover/src/units.ts";
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
});

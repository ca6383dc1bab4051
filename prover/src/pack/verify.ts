// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The strict verdict on an evidence pack, offline and without secrets.
 *
 * Every choice is the reader's: whom to trust for what, which keys, how old is too old, what day it is. A pack brings
 * evidence and says how strong it is; a level that its evidence does not support is a failure and not a downgrade.
 * Shares no code with what makes proofs, and runs in a browser.
 */
import { unixDate } from "../formats/time.ts";
import { isEvidence } from "../keys/origin.ts";
import { checkHistory, checkInventory, checkSeal, type OpenKeys, openKeys, openPack } from "./contents.ts";
import { checkPackDate } from "./currency.ts";
import { Examination, Failure, invalid, unusable } from "./examination.ts";
import { INDEX, packSha256 } from "./format.ts";
import { checkStatement } from "./statement.ts";
import { checkParties, type Trust } from "./trust.ts";
import type { Check, PackReading, PackVerdict, ProvenStatement } from "./verdict.ts";
import type { PackFiles } from "./zip.ts";

export { peekIndex } from "./contents.ts";
export type * from "./verdict.ts";

/**
 * Verifies packs under one trust file.
 * @see docs/library.md#evidence-packs
 */
export interface PackVerifier {
  /**
   * The verdict on a pack, as a zip or as its files, on the day that the reader says it is. Never throws for what is in
   * the pack. Throws `FIELD_INVALID` where the day is no valid date.
   */
  verify(pack: Uint8Array | PackFiles, now: Date): Promise<PackVerdict>;
}

/**
 * A verifier for one reader. It keeps the keys it has opened: the first pack under a key takes longest. Throws
 * `FIELD_INVALID` where the keys of one party bear two names.
 * @see docs/library.md#evidence-packs
 */
export function createPackVerifier(trust: Trust): PackVerifier {
  checkParties(trust);
  const opened: OpenKeys = new Map();
  return {
    async verify(pack, now) {
      const reader = { trust, now: unixDate(now), checks: [] as Check[] };
      const { checks } = reader;
      try {
        const examination = new Examination(reader, openPack(pack));
        const reading = await examine(examination, opened);
        const { stale } = examination;
        return { ok: true, outcome: stale.length === 0 ? "valid" : "not-current", stale, reading, checks };
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        return { ok: false, outcome: error.outcome, finding: error.finding, checks };
      }
    },
  };
}

/** All checks, in the order in which a report lists them. */
async function examine(examination: Examination, opened: OpenKeys): Promise<PackReading> {
  const { trust, index } = examination;
  if (trust.firms.length === 0 || trust.keys.length === 0) {
    const why = "Your trust settings name no firm or no verification key, so there is nothing to compare with.";
    throw unusable("TRUST_INCOMPLETE", "", why);
  }
  const firm = checkSeal(examination);
  checkInventory(examination);
  const history = checkHistory(examination);
  const keys = openKeys(examination, opened);
  const statements: ProvenStatement[] = [];
  for (const files of index.statements) statements.push(await checkStatement(examination, opened, files));
  for (const { level } of index.claims) {
    if (level === "claimed") continue;
    throw invalid("LEVEL_UNSUPPORTED", INDEX, `A text of the firm's own is "${level}", and nothing can back it.`);
  }
  checkPackDate(examination);
  const evidence = keys.every(({ origin }) => isEvidence(origin));
  return { index, sha256: packSha256(index), firm: firm.name, statements, keys, evidence, history };
}

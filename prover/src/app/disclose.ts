// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * To disclose one figure of an account to one auditor, with the two rules that protect the owner: the leakage budget, and
 * that somebody is shown to have the auditor's secret. There is no way here around either but `overBudget`, the owner's word.
 */
import { type AuditorKey, checkPossession, POSSESSION_CIRCUIT } from "../document/auditor-key.ts";
import {
  cellOf,
  type Disclosing,
  type DisclosureEnvelope,
  draftDisclosure,
  figureValue,
  type NamedFigure,
  type OpenBand,
} from "../document/disclosure.ts";
import {
  type Answer,
  type DisclosureLedger,
  type Excess,
  excessOf,
  type LedgerStore,
  recorded,
} from "../document/disclosure-ledger.ts";
import type { Published } from "../document/kit.ts";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { formatLots } from "../formats/decimal.ts";
import type { Departures } from "../formats/departures.ts";
import { documentSha256 } from "../formats/json.ts";
import { timeText } from "../formats/time.ts";
import type { Account } from "../model/account.ts";
import { commitAuditorSecret, commitState } from "../model/commit.ts";
import type { ProveOptions, Prover } from "../prove/prover.ts";
import { type CircuitOf, circuitOf } from "../statement/families.ts";
import type { Verifier } from "../verify/verifier.ts";
import { checkSettled } from "./provable.ts";

/**
 * What a disclosure needs of the machine: prover, verifiers, ledger and clock.
 * @see docs/library.md#disclosure
 */
export interface DiscloseMachine extends ProveOptions {
  readonly prover: Prover;
  /** `loadVerifier`. */
  readonly verifierFor: (
    circuit: CircuitOf<"disclosure">,
  ) => Verifier<CircuitOf<"disclosure">> | Promise<Verifier<CircuitOf<"disclosure">>>;
  readonly ledger: LedgerStore;
  readonly now: () => Date;
}

/**
 * What to say of a figure. Amounts are in lots of the figure.
 * @see docs/library.md#disclosure
 */
export type DisclosureQuestion =
  /** The cell that holds it on a grid of this step, above zero. */
  | { readonly step: bigint }
  /** That it is within a band; open where an end is left out. */
  | OpenBand
  /** The figure itself. */
  | "exact";

/**
 * What is to be disclosed, of which account, to whom.
 * @see docs/library.md#disclosure
 */
export interface DisclosureOrder extends Published, Departures {
  readonly account: Account;
  readonly figure: NamedFigure;
  readonly question: DisclosureQuestion;
  /** 1 to 200 visible characters. */
  readonly audience: string;
  readonly to: AuditorKey;
  /** The owner's word that the answer may tell more than the budget allows. */
  readonly overBudget?: boolean | undefined;
}

/**
 * A disclosure that was made.
 * @see docs/library.md#disclosure
 */
export interface Disclosure {
  readonly envelope: DisclosureEnvelope;
  /** What the budget has against the answer, which the owner wanted nevertheless. */
  readonly excess: readonly Excess[];
}

const EXCESS: Readonly<Record<Excess, string>> = {
  OTHER_QUESTION: "this figure has been asked about in other bands",
  TOO_NARROW: "the band is narrow beside the figure",
  TOO_MANY: "the answers for 30 days are used up",
};

/** Reasons against an answer, in words. */
export const excessWords = (excess: readonly Excess[]): string =>
  excess.map((reason) => `${EXCESS[reason]} (${reason})`).join("; ");

/**
 * Proves a figure of an account to an auditor's key. The answer is in the ledger before it is returned: what is counted and
 * not sent does no harm.
 *
 * Throws `BUDGET_EXCEEDED` for an answer over budget, `PROOF_REFUSED` for a key whose secret nobody is shown to have,
 * `STATEMENT_FALSE` where the figure is not in the band, `UNSETTLED` for an account that departs from its records, `OUT_OF_RANGE` for a step or band that is none, and as
 * `Prover.disclose` and the ledger's store.
 *
 *   const figure = namedFigure("equity", policy, market);
 *   const question = { step: 10n ** 26n }; // in lots of the figure: a million
 *   const machine = { prover, verifierFor: loadVerifier, ledger: fileLedger("disclosures.json"), now: () => new Date() };
 *   const order = { account, figure, question, audience: "request 12", policy, market, to: readAuditorKey(keyFile) };
 *   const { envelope } = await proveDisclosure(machine, order);
 */
export async function proveDisclosure(machine: DiscloseMachine, order: DisclosureOrder): Promise<Disclosure> {
  const { prover, ledger, signal } = machine;
  const { account, figure, policy, market, to, overBudget = false, exceptions = [] } = order;
  checkSettled(order);
  if (exceptions.length > 0) {
    const rule =
      "the account leaves something out, or counts it in another way, and a disclosure cannot say so; prove a level";
    throw new PlimsollError("UNSETTLED", rule);
  }
  const value = figureValue(account, figure, policy, market);
  const { band, words } = answerOf(order.question, figure, value);
  const answer: Answer = {
    time: timeText(machine.now()),
    figure: figure.name,
    question: words,
    subject: subjectOf(order),
    auditor: to.key,
  };
  const { low, high } = band;
  const width = low === undefined || high === undefined ? undefined : high - low;
  const excessIn = (known: DisclosureLedger): Excess[] => {
    const excess = excessOf(known, answer, { value, width });
    if (excess.length === 0 || overBudget) return excess;
    throw new PlimsollError("BUDGET_EXCEEDED", excessWords(excess));
  };
  excessIn(await ledger.read());

  const possession = checkPossession(to, await machine.verifierFor(POSSESSION_CIRCUIT));
  if (!possession.ok) {
    throw new PlimsollError("PROOF_REFUSED", `nobody is shown to have the secret of this key: ${possession.detail}`);
  }
  const auditor = BigInt(to.key) as FieldElement;
  const envelope = await proveDraft(prover, { ...order, band, state: commitState(account), auditor }, (claim) =>
    prover.disclose({ ...claim, account }, machine),
  );
  throwIfCancelled(signal);
  let excess: Excess[] = [];
  await ledger.update((known) => {
    // Once more: others may have answered while this was proven.
    excess = excessIn(known);
    return recorded(known, answer);
  });
  return { envelope, excess };
}

/**
 * What an auditor can make with the secret alone: a document about any state that says anything, and that nobody can tell
 * from a firm's. It is here so that everybody knows it can be done.
 * @see docs/library.md#disclosure
 */
export function simulateDisclosure(
  machine: Pick<DiscloseMachine, "prover" | keyof ProveOptions>,
  { secret, ...said }: Omit<Disclosing, "auditor"> & { readonly secret: FieldElement },
): Promise<DisclosureEnvelope> {
  const { prover } = machine;
  const { size } = said.market.market.board;
  return proveDraft(prover, { ...said, auditor: commitAuditorSecret(secret) }, (claim) =>
    prover.simulate({ ...claim, size, secret }, machine),
  );
}

async function proveDraft(
  prover: Prover,
  disclosing: Disclosing,
  prove: (claim: ReturnType<typeof draftDisclosure>["claim"]) => ReturnType<Prover["disclose"]>,
): Promise<DisclosureEnvelope> {
  const key = await prover.key(circuitOf("disclosure", disclosing.market.market.board.size));
  const { draft, claim } = draftDisclosure(disclosing, key);
  try {
    const { proof } = await prove(claim);
    return { ...draft, proof };
  } catch (error) {
    if (!(error instanceof PlimsollError) || error.code !== "STATEMENT_FALSE") throw error;
    throw new PlimsollError("STATEMENT_FALSE", "the figure is not in this band, so no proof of it exists");
  }
}

/** The band that answers a question, and the question as the ledger remembers it. */
function answerOf(
  question: DisclosureQuestion,
  { lot }: NamedFigure,
  value: bigint,
): { readonly band: OpenBand; readonly words: string } {
  if (question === "exact") return { band: { low: value, high: value }, words: "exact" };
  if ("step" in question) {
    if (question.step <= 0n) throw new PlimsollError("OUT_OF_RANGE", "expected a step above zero", { field: "step" });
    return { band: cellOf(value, question.step), words: `step ${formatLots(question.step, lot)}` };
  }
  const { low, high } = question;
  if (low !== undefined && high !== undefined && low > high) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a low end at or below the high end", { field: "low" });
  }
  const end = (lots: bigint | undefined) => (lots === undefined ? "open" : formatLots(lots, lot));
  return { band: { low, high }, words: `band ${end(low)} ${end(high)}` };
}

/** What an answer is about. Equity is another figure at another market; cash and holdings stay while the account does. */
function subjectOf({ account, figure, policy, market }: DisclosureOrder): string {
  const state = commitState(account).toString();
  return documentSha256(figure.name === "equity" ? { state, policy: policy.sha256, market: market.sha256 } : { state });
}

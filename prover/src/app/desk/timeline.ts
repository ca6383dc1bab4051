// SPDX-License-Identifier: GPL-3.0-or-later
/** What has happened to an account: proofs, attestations, top-ups, packs and alerts in one list. PRIVATE. */
import { formatDecimal } from "../../formats/decimal.ts";
import type { Alert, Happening, Task } from "./records.ts";

const WORDS: Readonly<Record<Task["kind"], string>> = {
  prove: "proof of at least",
  attest: "attestation of at least",
  "top up": "top-up below",
  pack: "evidence pack of at least",
};

/** The latest first: a task when it ended, or was asked for; an alert when it began. */
export function timeline(tasks: readonly Task[], alerts: readonly Alert[]): Happening[] {
  const of = (task: Task): Happening => {
    const { id, kind, rule, level, audience, terms, state, created, decided, finished, file, reason, calls } = task;
    const pays = kind === "top up" ? `: ${terms.amount} ${terms.asset}` : "";
    const reader = audience === "" ? "" : ` for ${audience}`;
    return {
      time: finished ?? decided ?? created,
      ...{ kind, id, state, note: reason },
      text: `${rule}: ${WORDS[kind]} ${formatDecimal(BigInt(level), 2)}%${pays}${reader}`,
      file: file !== null,
      transactions: calls.map(({ transaction }) => transaction),
    };
  };
  const told = ({ id, began, ended, text, severity }: Alert): Happening => ({
    ...{ time: began, kind: "alert", id, text, note: severity, file: false, transactions: [] },
    state: ended === null ? "open" : "ended",
  });
  return [...tasks.map(of), ...alerts.map(told)].toSorted((one, other) => other.time - one.time);
}

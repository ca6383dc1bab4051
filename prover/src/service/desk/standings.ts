// SPDX-License-Identifier: GPL-3.0-or-later
/** What is wrong with how an account stands at its gate. */
import type { GateStanding } from "../../app/account/status.ts";
import type { Condition } from "../../app/desk/conditions.ts";

/** How keys of these conditions begin. */
export const STANDINGS = ["gate stage", "gate held", "gate overdue", "gate due"] as const;

export function standingConditions(account: string, standing: GateStanding | undefined): Condition[] {
  if (standing === undefined) return [];
  const { stage, attestBy, heldUntil, interval } = standing;
  const conditions: Condition[] = [];
  const about = (key: (typeof STANDINGS)[number], severity: Condition["severity"], text: string) =>
    conditions.push({ key: `${key} ${account}`, account, severity, text });
  if (stage !== "healthy") about("gate stage", "critical", `${account} is ${stage} at its gate.`);
  if (heldUntil !== null) about("gate held", "warning", `${account} is held at its gate.`);
  const left = BigInt(attestBy.seconds);
  if (left < 0n) about("gate overdue", "critical", `${account} has missed its attestation: anybody may hold it.`);
  else if (left < interval / 4n) about("gate due", "warning", `${account} has to attest at its gate soon.`);
  return conditions;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Where an account stands at its gate, as text. PRIVATE. */
import type { AccountStatus, ClockDeadline } from "../app/account/status.ts";
import { levelWord, percent, table } from "./text.ts";

/** "25 h 10 min left, at the earliest until 2026-11-23 08:00 UTC" */
function deadlineText({ seconds, earliest }: ClockDeadline): string {
  const left = Number(seconds);
  const when = `${new Date(Number(earliest) * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  if (left < 0) return "missed";
  return `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min left on the board's clock, ${when} at the earliest`;
}

/** The lines of a status. */
export function renderStatus(status: AccountStatus): string {
  const { coverage, assets, lot, operator } = status;
  const rows: [string, string | null][] = [
    ["account", `${status.account} at gate ${status.gate}, chain ${status.chainId}`],
    ["owner", status.owner],
    ["agent", status.agent],
    ["stage", status.retired ? `${status.stage}, retired: absorbs and exits only` : status.stage],
    ["attest", status.retired ? null : deadlineText(status.attestBy)],
    ["cure", status.cureBy && deadlineText(status.cureBy)],
    ["wanting since", status.belowEpoch && `epoch ${status.belowEpoch}: attest by this one or a later one`],
    ["held", status.heldUntil && deadlineText(status.heldUntil)],
    ["owes the fund", status.owed === "0" ? null : status.owed],
    [
      "settlements",
      status.settlementsDue === "0" ? null : `${status.settlementsDue} come first: plimsoll account settle`,
    ],
    ["lot on auction", lot && `${lot.price} in cash is asked; void: ${deadlineText(lot.voidFrom)}`],
    ["operator", `${operator.address}${operator.silent ? ", silent past its deadline" : ""}`],
    ["asked it", operator.requestedAt && "yes, and not answered yet"],
    ["market", status.marketClosed ?? `epoch ${status.epoch}`],
    ["fund", status.fundOwes === "0" ? null : `owes ${status.fundOwes}: a levy is kept back of cash that leaves`],
    [
      "coverage",
      coverage &&
        `${coverage.bps === null ? "needs no margin" : percent(coverage.bps)}, ${coverage.level === null ? "below all levels" : `at least ${levelWord(coverage.level)}`}, ${coverage.positions} positions`,
    ],
    ["being sent", status.sending && `${status.sending.words}${status.sending.landed ? " (on chain)" : ""}`],
  ];
  const label = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.filter(([, value]) => value !== null).map(([name, value]) => `${name.padEnd(label)}${value}`);
  const columns = ["asset", "held", "credit", "can be withdrawn", "gate lets out now", "gate takes in"];
  return [
    ...lines,
    "",
    table(
      columns,
      assets.map(({ asset, symbol, held, credit, withdrawable, mayLeave, mayCome }) => [
        `${symbol} (${asset === 15 ? "cash" : asset})`,
        ...[held, credit, withdrawable ?? "-", mayLeave, mayCome],
      ]),
    ),
  ].join("\n");
}

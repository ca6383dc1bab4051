// SPDX-License-Identifier: GPL-3.0-or-later
/** How the cash that counts follows from the balance, as a section of the report. PRIVATE. */
import type { CashConversion, CashLine } from "../formats/cash.ts";
import { type Markup, markup } from "./html.ts";
import { amount } from "./text.ts";

const HOW: Readonly<Record<CashLine["basis"], (line: CashLine) => string>> = {
  entryPrice: ({ quantity, given }) => `${quantity} at an entry price of ${given}`,
  unrealisedProfit: ({ given }) => `unrealised profit ${given}, less the value at the mark`,
  paid: () => "paid from the balance",
  markIsZero: () => "its mark is 0",
};

export function cashSection({ balance, lines, remainder, cash }: CashConversion, currency: string): Markup {
  return markup`<section>
<h2>From the balance to the cash that counts</h2>
<p>Positions count at their whole price, so the cash beside them must have paid it. The balance has paid for some positions and not for others.</p>
<div class="scroll" role="region" aria-label="From the balance to the cash that counts" tabindex="0"><table>
<thead><tr><th>Part</th><th>How</th><th class="n">${currency}</th></tr></thead>
<tbody>
<tr><td>Balance</td><td></td><td class="n">${amount(balance)}</td></tr>
${lines.map((line) => markup`<tr><td class="symbol">${line.instrument}</td><td>${HOW[line.basis](line)}</td><td class="n">${amount(line.effect)}</td></tr>`)}
${remainder === "0" ? "" : markup`<tr><td>Remainder</td><td>rounded down by ${remainder}</td><td class="n"></td></tr>`}
<tr class="sum"><td colspan="2">Cash that counts</td><td class="n">${amount(cash)}</td></tr>
</tbody></table></div>
</section>`;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** How the cash that counts follows from the balance, as a section of the report. PRIVATE. */
import type { CashConversion, CashLine } from "../formats/cash.ts";
import { grouped } from "./figures.ts";
import { foreign, type Markup, markup } from "./html.ts";
import { amount } from "./text.ts";

const how = ({ basis, quantity, given, coin }: CashLine) =>
  basis === "entryPrice"
    ? `${grouped(quantity)} at an entry price of ${grouped(given!)}${coin === undefined ? "" : `, paid in coin: ${grouped(coin.quantity)} of ${coin.instrument}`}`
    : `unrealised profit ${grouped(given!)}, less the value at the mark`;

const shown = (text: string) => amount(text).replace("-", "−");

/** Positions that add nothing, because they are paid for or their mark is 0, are named in one row. */
export function cashSection({ balance, lines, remainder, cash }: CashConversion, currency: string): Markup {
  const moving = lines.filter(({ effect, coin }) => effect !== "0" || coin !== undefined);
  const rest = lines.filter((line) => !moving.includes(line)).map(({ instrument }) => instrument);
  return markup`<section>
<h2>From the balance to the cash that counts</h2>
<p>Positions count at their whole price, so the cash beside them must have paid it. The balance has paid for some positions and not for others.</p>
<div class="scroll" role="region" aria-label="From the balance to the cash that counts" tabindex="0"><table>
<thead><tr><th>Part</th><th class="n">${foreign(currency)}</th><th>How</th></tr></thead>
<tbody>
<tr><td>Balance</td><td class="n">${shown(balance)}</td><td></td></tr>
${moving.map((line) => markup`<tr><td class="symbol">${foreign(line.instrument)}</td><td class="n">${shown(line.effect)}</td><td>${how(line)}</td></tr>`)}
${rest.length === 0 ? "" : markup`<tr><td>${rest.length} other ${rest.length === 1 ? "position" : "positions"}</td><td class="n">0.00</td><td>already settled in the balance: ${foreign(rest.join(", "))}</td></tr>`}
${remainder === "0" ? "" : markup`<tr><td>Remainder</td><td class="n"></td><td>rounded down by ${remainder}</td></tr>`}
<tr class="sum"><td>Cash that counts</td><td class="n">${shown(cash)}</td><td></td></tr>
</tbody></table></div>
</section>`;
}

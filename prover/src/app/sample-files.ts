// SPDX-License-Identifier: GPL-3.0-or-later
/** The files of a sample firm, with a page that explains them. */
import { type AccountDocument, newViewingKey } from "../formats/account.ts";
import { formatJson } from "../formats/json.ts";
import type { PolicyDocument } from "../formats/policy.ts";
import { sampleFirm } from "../risk/board/sample.ts";

export interface SampleFile {
  readonly name: string;
  readonly text: string;
  readonly secret?: boolean;
}

/** The sample firm with a fresh viewing key. `command` starts Plimsoll in a shell. */
export function sampleFiles(command: string): SampleFile[] {
  const { policy, market, marketInput, atlasBooks } = sampleFirm();
  const json = (document: unknown) => formatJson(document);
  return [
    { name: "README.md", text: readme(command) },
    { name: "policy.json", text: json(policy) },
    { name: "market.json", text: json(market) },
    { name: "market-input.json", text: json(marketInput) },
    { name: "account.json", text: json(atlasBooks), secret: true },
    { name: "portfolio.csv", text: portfolioCsv(atlasBooks, policy), secret: true },
    { name: "positions.csv", text: positionsCsv(atlasBooks), secret: true },
    { name: "viewing.key", text: newViewingKey(), secret: true },
  ];
}

const csv = (rows: readonly (readonly string[])[]) => rows.map((row) => `${row.join()}\n`).join("");

function portfolioCsv({ account, balance, collateral }: AccountDocument, policy: PolicyDocument): string {
  const rows = [[policy.cash.symbol, balance], ...Object.entries(collateral)];
  return csv([["account", "asset", "amount"], ...rows.map((row) => [account, ...row])]);
}

function positionsCsv({ account, positions, asOf = "" }: AccountDocument): string {
  const rows = Object.entries(positions).map(([symbol, { quantity, entryPrice, unrealisedProfit, paid }]) => [
    account,
    symbol,
    quantity,
    entryPrice ?? "",
    unrealisedProfit ?? "",
    unrealisedProfit === undefined ? "" : asOf,
    paid ? "yes" : "",
  ]);
  return csv([["account", "instrument", "quantity", "entryPrice", "unrealisedProfit", "asOf", "paid"], ...rows]);
}

const readme = (command: string) => `# A sample firm

Atlas, an invented market maker, on an invented venue. Replace the files one by one with your own.

| file | who may see it | what it is |
|---|---|---|
| policy.json | everyone | the venue's haircuts (how much of each asset counts, falling with size) and levels of coverage |
| market.json | everyone | prices, and what each instrument gains and loses in 45 scenarios, per lot |
| market-input.json | everyone | what market.json follows from: observed prices and volatilities, instruments, and risk models with their parameters |
| account.json | only you | balance, collateral and positions of the firm |
| portfolio.csv, positions.csv | only you | the same holdings as tables |
| viewing.key | only you (and whom you trust to follow the account) | blinds every commitment; keep a copy |

Amounts are decimal strings in human units: 62.5 BTC, -150 BTC of a contract. Each must be a whole number of lots.

The balance is what your venue shows. Each position says how it was paid for: its entry price, or its unrealised profit at the
time of the market (as of), or paid, where the balance has paid or received the whole price, as for an option's premium. The
first command below shows how the cash that counts follows from that.

    alias plimsoll='${command}'

    plimsoll value  --policy policy.json --market market.json --account account.json
    plimsoll value  --policy policy.json --market market.json --portfolio portfolio.csv --positions positions.csv --name atlas
    plimsoll report --policy policy.json --market market.json --account account.json --out report.html
    plimsoll commit --policy policy.json --market market.json --account account.json --key viewing.key
    plimsoll prove  --policy policy.json --market market.json --account account.json --key viewing.key \\
                    --at-least initial --audience "the reader, and the reference of the request" --out proof.json
    plimsoll inspect proof.json
    plimsoll verify proof.json --policy policy.json --market market.json
    plimsoll market explain BTC-25DEC26-100000-C --input market-input.json --market market.json

The first three show what is private: for your own eyes only. proof.json, policy.json and market.json are what you hand over.
`;

// SPDX-License-Identifier: GPL-3.0-or-later
/** The board that sample files of venues are imported onto: the sample firm's, with rows for coins, inverse contracts and debts. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { NamedText } from "../../prover/src/formats/account.ts";
import { decodeText } from "../../prover/src/formats/text.ts";
import { buildMarket } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { Instrument } from "../../prover/src/risk/input.ts";

const DIRECTORY = path.resolve(import.meta.dirname, "../vectors/imports");

/** Sample files by their names, `deribit/positions.json`. */
export const sample = (...names: readonly string[]): NamedText[] =>
  names.map((file) => ({ file, text: decodeText(readFileSync(path.join(DIRECTORY, file)), file) }));
export const samplePath = (name: string): string => path.join(DIRECTORY, name);

const row = (symbol: string, model: string, lot: string, terms: Record<string, string> = {}): Instrument =>
  ({ symbol, model, underlying: symbol.slice(0, 3), lot, terms }) as Instrument;

const { marketInput, policy } = sampleFirm();

/** Policy and market as documents. Prices of BTC and ETH are 97,250.5 and 3,460.25, of perpetuals 97,289.4 and 3,461.288075. */
export const importBoard = {
  policy,
  market: buildMarket({
    ...marketInput,
    policy: {
      ...marketInput.policy,
      instruments: [
        ...marketInput.policy.instruments,
        row("BTC-COIN", "spot", "0.00001"),
        row("BTC-INV", "inverse-perpetual", "10", { coin: "BTC-COIN" }),
        row("BTC-INV-25DEC26", "inverse-future", "10", { coin: "BTC-COIN", expiry: "2026-12-25T08:00:00Z" }),
        row("ETH-DEBT", "borrowed", "0.01"),
      ],
    },
    observation: {
      ...marketInput.observation,
      quotes: {
        ...marketInput.observation.quotes,
        "BTC-INV": { basis: "0.0004", fundingPaid: "0" },
        "ETH-DEBT": { index: "1.25" },
      },
    },
  }),
};

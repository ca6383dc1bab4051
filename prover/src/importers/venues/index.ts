// SPDX-License-Identifier: GPL-3.0-or-later
/** The table of venues: a new one is a row here and a file beside it. */
import type { NamedText } from "../../formats/account.ts";
import type { Snapshot } from "./snapshot.ts";

export interface Venue {
  /** Also the name of the option, and what stands before the names of what is left out. */
  readonly name: string;
  /** Which files, for people. */
  readonly files: string;
  /** The reader, loaded when it is needed. */
  readonly reader: () => Promise<(files: readonly NamedText[]) => Snapshot>;
}

/** In the order in which help shows them. */
export const VENUES: readonly Venue[] = [
  {
    name: "deribit",
    files: "private/get_positions and private/get_account_summaries, JSON",
    reader: async () => (await import("./deribit.ts")).readDeribit,
  },
  {
    name: "binance",
    files: "portfolio margin: papi/v1/balance, um/positionRisk, cm/positionRisk and perhaps account, JSON",
    reader: async () => (await import("./binance.ts")).readBinance,
  },
  {
    name: "okx",
    files: "api/v5/account/positions, account/balance and public/instruments, JSON",
    reader: async () => (await import("./okx.ts")).readOkx,
  },
  {
    name: "ccxt",
    files: "what CCXT's fetchPositions and fetchBalance return, JSON",
    reader: async () => (await import("./ccxt.ts")).readCcxt,
  },
  {
    name: "ibkr",
    files: "an activity Flex query with Open Positions and Cash Report, XML",
    reader: async () => (await import("./ibkr.ts")).readIbkr,
  },
  {
    name: "crif",
    files: "trades in the shape of CRIF, CSV",
    reader: async () => (await import("./crif.ts")).readCrifTrades,
  },
  {
    name: "csv",
    files: "a map of columns (JSON) followed by its tables, CSV",
    reader: async () => (await import("./csv.ts")).readCsv,
  },
];

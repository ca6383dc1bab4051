// SPDX-License-Identifier: GPL-3.0-or-later
/** Price histories as files, one an asset, named by it. */
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import type { PriceHistory } from "../risk/prices.ts";
import type { Inputs } from "./files.ts";

/** Reads one history a file; the asset is what the file's name has before the first dash or dot. */
export async function readHistories(inputs: Inputs, files: readonly string[]): Promise<PriceHistory[]> {
  const { readPriceHistory } = await import("../importers/price-history.ts");
  const histories: PriceHistory[] = [];
  for (const name of files) {
    const { text, file } = await inputs.text(name);
    const symbol = path.basename(file).split(/[-.]/)[0]!;
    if (histories.some((each) => each.symbol === symbol)) {
      throw new PlimsollError("USAGE", `another file is a history of ${symbol}`, { file });
    }
    histories.push(readPriceHistory(text, file, symbol));
  }
  return histories;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a person says about names that differ between venues and our files, and about what stays out:
 *
 *   { "format": "plimsoll-import-map/1", "instruments": { "okx BTC-USD-SWAP": "BTC-INV" }, "assets": { "stETH": "yETH" },
 *     "atPar": ["USD"], "leaveOut": ["binance DOGE"] }
 *
 * A name with a venue before it holds for that venue alone. All parts are optional.
 */
import type { NamedText } from "../formats/account.ts";
import { places, unknownAsset, unknownInstrument } from "../formats/account.ts";
import { type JsonValue, parseJson } from "../formats/json.ts";
import type { MarketFile } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";

/**
 * Names and acknowledgments of an import.
 * @see docs/library.md#imports
 */
export interface ImportMap {
  /** The venue's name, or `venue name`, to an instrument of the market. */
  readonly instruments: ReadonlyMap<string, string>;
  /** The same to the cash or an asset of the policy, or to an instrument that stands for a coin or a debt in it. */
  readonly assets: ReadonlyMap<string, string>;
  /** What counts as the cash of the policy, one for one, where it has no place of its own. */
  readonly atPar: readonly string[];
  /** Names, as the report has them, of what is left out knowingly. */
  readonly leaveOut: readonly string[];
}

/** Nothing said. */
export const EMPTY_MAP: ImportMap = { instruments: new Map(), assets: new Map(), atPar: [], leaveOut: [] };

/**
 * Reads a map. Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID`, and `UNKNOWN_NAME` for what policy and market do not list.
 * @see docs/library.md#imports
 */
export function readImportMap({ text, file }: NamedText, policy: PolicyFile, market: MarketFile): ImportMap {
  const top = parseJson(text, file, { length: 200_000, values: 4_000 }).fields(
    ["format"],
    ["instruments", "assets", "atPar", "leaveOut"],
  );
  top.format.literal("plimsoll-import-map/1");
  const { assets, instruments } = places(policy, market);
  const targets = new Set([policy.cashSymbol, ...assets.keys(), ...instruments.keys()]);
  return {
    instruments: readNames(top.instruments, (value) => checked(value, instruments, unknownInstrument(instruments))),
    assets: readNames(top.assets, (value) => checked(value, targets, unknownAsset(assets))),
    atPar: top.atPar?.elements().map((each) => each.label()) ?? [],
    leaveOut: top.leaveOut?.elements().map((each) => each.label()) ?? [],
  };
}

function readNames(value: JsonValue | undefined, read: (value: JsonValue) => string): ReadonlyMap<string, string> {
  return new Map([...(value?.named() ?? [])].map(([name, target]) => [name, read(target)]));
}

function checked(value: JsonValue, known: { has(name: string): boolean }, unknown: (name: string) => string): string {
  const name = value.label();
  if (!known.has(name)) throw value.error("UNKNOWN_NAME", unknown(name));
  return name;
}

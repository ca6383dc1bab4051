// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll-policy/2`: the assets that count as collateral, their haircuts, what debt costs, and the levels of coverage. */
import { PlimsollError } from "../errors.ts";
import {
  checkPolicy,
  type HaircutTier,
  intercepts,
  NOT_SCANNED,
  type Policy,
  scannedLots,
  UNLISTED,
} from "../model/policy.ts";
import { ASSETS, TIERS } from "../model/sizes.ts";
import { BPS, type LevelBps, levelBps, quantityLots, rateBps, scanLots, weightBps } from "../units.ts";
import { formatDecimal, lotOfDecimals } from "./decimal.ts";
import { documentSha256, type JsonLimits, type JsonValue, parseJson } from "./json.ts";
import { DistinctSymbols } from "./names.ts";

const FORMAT = "plimsoll-policy/2";
const LIMITS: JsonLimits = { length: 200_000, values: 2_000 };
/** Cash is counted in millionths everywhere. */
export const CASH_DECIMALS = 6;
/** A price of a whole unit has 8 decimals and a price of a lot 16. */
export const MAX_LOT_DECIMALS = 8;

/** So many scan lots are at least what the first tier holds: less than one lot of an account's asset is in no scenario. */
const LEAST_SCAN_LOTS = 1000n;

/** The ladder, highest first. */
export const LEVELS = ["initial", "call", "liquidation", "closeOut"] as const;
export type LevelName = (typeof LEVELS)[number];

export interface PolicyAsset {
  readonly symbol: string;
  /** One lot is 10^-lotDecimals of a whole unit; 0 to 8. */
  readonly lotDecimals: number;
}

/**
 * A policy that has been read, with the names that its file gives.
 * @see docs/library.md#accounts
 */
export interface PolicyFile {
  readonly name: string;
  readonly cashSymbol: string;
  /** In the order of the model's schedules; 1 to 15. Schedules beyond are `UNLISTED`. */
  readonly assets: readonly PolicyAsset[];
  readonly policy: Policy;
  readonly levels: Readonly<Record<LevelName, LevelBps>>;
}

/**
 * A haircut policy as its file has it.
 * @see docs/library.md#accounts
 */
export interface PolicyDocument {
  readonly format: typeof FORMAT;
  readonly name: string;
  readonly cash: { readonly symbol: string; readonly decimals: typeof CASH_DECIMALS };
  readonly assets: readonly {
    readonly symbol: string;
    readonly lotDecimals: number;
    /**
     * Whole units of the asset that count as one lot of the market's instrument at the same place, in the scan of the first
     * netting set; null where the asset is not in the scan.
     */
    readonly scanLot: string | null;
    /** 1 to 4, boundaries strictly ascending, in whole units of the asset. */
    readonly tiers: readonly { readonly upTo: string; readonly haircutBps: string }[];
  }[];
  /** Margin on what an account owes beyond what its positions are worth; 0 to 10000. */
  readonly debtRateBps: string;
  readonly levels: Readonly<Record<LevelName, string>>;
}

/**
 * Reads a policy. The hash is that of the canonical JSON of the document.
 * @see docs/library.md#accounts
 */
export function readPolicy(text: string, file: string): PolicyFile & { readonly sha256: string } {
  const root = parseJson(text, file, LIMITS);
  const top = root.fields(["format", "name", "cash", "assets", "debtRateBps", "levels"]);
  top.format.literal(FORMAT);
  const cash = top.cash.fields(["symbol", "decimals"]);
  cash.decimals.count(CASH_DECIMALS, CASH_DECIMALS);
  const cashSymbol = cash.symbol.symbol();

  const elements = top.assets.elements(1);
  if (elements.length > ASSETS) {
    throw top.assets.error("NO_BOARD_SIZE", `${elements.length} assets, but every board size holds at most ${ASSETS}`);
  }
  const symbols = new DistinctSymbols();
  symbols.add(cashSymbol);
  const places = new Map<string, JsonValue>();
  const listed = elements.map((element, asset) => {
    const fields = element.fields(["symbol", "lotDecimals", "scanLot", "tiers"]);
    const symbol = fields.symbol.symbol();
    const fault = symbols.add(symbol);
    if (fault !== undefined) throw fields.symbol.error("FIELD_INVALID", fault);
    const lotDecimals = fields.lotDecimals.count(0, MAX_LOT_DECIMALS);
    const scanned = fields.scanLot.isNull() ? NOT_SCANNED : fields.scanLot.amount(scanLots, lotOfDecimals(lotDecimals));
    const tiers = fields.tiers.elements(1, TIERS).map((tier, index) => {
      places.set(`schedules[${asset}][${index}]`, tier);
      return readTier(tier, lotDecimals);
    });
    for (const [index, tier] of tiers.entries()) {
      if (tier.boundaryLots <= (tiers[index - 1]?.boundaryLots ?? 0n)) {
        throw fields.tiers.elements()[index]!.error("OUT_OF_RANGE", "tier boundaries must ascend, from above 0");
      }
    }
    if (scanned !== NOT_SCANNED && scanned * LEAST_SCAN_LOTS > tiers[0]!.boundaryLots) {
      const rule = `expected at most a ${LEAST_SCAN_LOTS}th of the first tier's boundary: what is less than a scan lot is not scanned`;
      throw fields.scanLot.error("OUT_OF_RANGE", rule);
    }
    // An account of more scan lots has no proof, not even of being below a level: nobody could liquidate it.
    fields.scanLot.check(() => scannedLots(intercepts(tiers).at(-1)!, scanned, "scanLot"));
    return { symbol, lotDecimals, scanned, tiers };
  });

  const schedules = Array.from({ length: ASSETS }, (_, asset) => {
    const tiers = listed[asset]?.tiers;
    if (tiers === undefined) return UNLISTED;
    const { boundaryLots } = tiers.at(-1)!;
    const empty: HaircutTier = { boundaryLots, weightBps: weightBps(0n) };
    return [...tiers, ...new Array<HaircutTier>(TIERS - tiers.length).fill(empty)];
  });
  return {
    name: top.name.label(),
    cashSymbol,
    assets: listed.map(({ symbol, lotDecimals }) => ({ symbol, lotDecimals })),
    policy: relocate(places, () =>
      checkPolicy({
        schedules,
        scanLots: Array.from({ length: ASSETS }, (_, asset) => listed[asset]?.scanned ?? NOT_SCANNED),
        debtRateBps: top.debtRateBps.amount(rateBps),
      }),
    ),
    levels: readLevels(top.levels),
    sha256: documentSha256(root.plain()),
  };
}

function readTier(tier: JsonValue, lotDecimals: number): HaircutTier {
  const { upTo, haircutBps } = tier.fields(["upTo", "haircutBps"]);
  return {
    boundaryLots: upTo.amount(quantityLots, lotOfDecimals(lotDecimals)),
    // A haircut and its weight have the same range, so the range error reads right.
    weightBps: weightBps(BPS - haircutBps.amount((value) => weightBps(value, "a haircut"))),
  };
}

function readLevels(value: JsonValue): Record<LevelName, LevelBps> {
  const fields = value.fields(LEVELS);
  let above: bigint | undefined;
  const levels = LEVELS.map((name) => {
    const level = fields[name].amount(levelBps);
    if (above !== undefined && level > above) {
      throw fields[name].error("OUT_OF_RANGE", `the levels must descend: ${LEVELS.join(", ")}`);
    }
    above = level;
    return [name, level] as const;
  });
  return Object.fromEntries(levels) as Record<LevelName, LevelBps>;
}

/** Runs a check of the model and moves its error from the model's field to the place in the file. */
export function relocate<T>(places: ReadonlyMap<string, JsonValue>, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const place = error instanceof PlimsollError ? places.get(error.place.field ?? "") : undefined;
    if (place === undefined) throw error;
    const { code, rule } = error as PlimsollError;
    throw place.error(code, rule);
  }
}

/** The document that reads back as this policy. */
export function policyDocument(file: PolicyFile): PolicyDocument {
  return {
    format: FORMAT,
    name: file.name,
    cash: { symbol: file.cashSymbol, decimals: CASH_DECIMALS },
    assets: file.assets.map(({ symbol, lotDecimals }, asset) => {
      const schedule = file.policy.schedules[asset]!;
      const scanned = file.policy.scanLots[asset]!;
      const tiers = schedule.filter(
        ({ boundaryLots }, tier) => boundaryLots > (schedule[tier - 1]?.boundaryLots ?? 0n),
      );
      return {
        symbol,
        lotDecimals,
        scanLot: scanned === NOT_SCANNED ? null : formatDecimal(scanned, lotDecimals),
        tiers: tiers.map((tier) => ({
          upTo: formatDecimal(tier.boundaryLots, lotDecimals),
          haircutBps: (BPS - tier.weightBps).toString(),
        })),
      };
    }),
    debtRateBps: file.policy.debtRateBps.toString(),
    levels: Object.fromEntries(LEVELS.map((name) => [name, file.levels[name].toString()])) as Record<LevelName, string>,
  };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-market-input/2`: everything that a market document follows from, in two halves. The risk policy is what
 * governance sets: instruments, and models by id with their parameters. The observation is what changes every epoch.
 *
 * Amounts, rates and volatilities are decimal strings (0.585 is 58.5%), times UTC to the second.
 */
import { z } from "zod";
import { type ErrorPlace, PlimsollError } from "../errors.ts";
import { parseDecimal } from "../formats/decimal.ts";
import { type Json, type JsonLimits, parseJson } from "../formats/json.ts";
import { isLabel, isSymbol, LABEL_RULE } from "../formats/labels.ts";
import { isShown } from "../formats/names.ts";
import { isTime, TIME_RULE } from "../formats/time.ts";

const FORMAT = "plimsoll-market-input/2";
const LIMITS: JsonLimits = { length: 4_000_000, values: 100_000 };

const isDecimal = (text: string) => {
  try {
    return Boolean(parseDecimal(text));
  } catch {
    return false;
  }
};

/** A decimal string. */
export const decimalText = z.string().refine(isDecimal, 'expected a decimal string, such as "-12.5"');
const positiveText = decimalText.refine((text) => Number(text) > 0, "expected a decimal above 0");
/** Annual; what is above is a quote of another unit, such as percent. */
const MOST_VOLATILITY = 20;
const volatilityText = positiveText.refine(
  (text) => Number(text) <= MOST_VOLATILITY,
  `expected an annual volatility of at most ${MOST_VOLATILITY}; 0.55 is 55%`,
);
const wholeBps = z.string().regex(/^(0|[1-9][0-9]{0,4})$/, 'expected whole basis points, such as "50"');
/** A decimal string as a number. */
export const decimalNumber = decimalText.transform(Number);
/** Annual and continuously compounded; what lies outside is a quote of another unit. */
const annual = (most: number) =>
  decimalText.refine((text) => Math.abs(Number(text)) <= most, `expected an annual rate of −${most} to ${most}`);
const symbol = z.string().refine(isSymbol, "expected a symbol");
const label = z.string().refine(isLabel, LABEL_RULE);
const time = z.string().refine(isTime, TIME_RULE);

/** A model by id, with parameters that only the model reads. */
const choice = z
  .strictObject({ model: z.string(), parameters: z.record(z.string(), z.unknown()).readonly() })
  .readonly();

const instrument = z
  .strictObject({
    symbol,
    /** Id of a valuation model. */
    model: z.string(),
    underlying: symbol,
    /** Units of the underlying in one lot. */
    lot: positiveText,
    /** False of a row that is for the scan of collateral alone: its charges are those of a closed row. */
    traded: z.literal(false).optional(),
    /** What the model needs to know of the contract. */
    terms: z.record(z.string(), z.string()).readonly(),
  })
  .readonly();

/** One expiry of a surface. Strikes ascend; volatilities are annual. */
const slice = z
  .strictObject({
    expiry: time,
    strikes: z.array(positiveText).readonly(),
    volatilities: z.array(volatilityText).readonly(),
  })
  .readonly();

const underlying = z
  .strictObject({
    /** At most 8 decimals. */
    spot: positiveText,
    /** Continuously compounded annual growth of the forward over spot. */
    carry: annual(10),
    /** Implied volatilities by expiry, ascending. */
    surface: z.array(slice).readonly().optional(),
  })
  .readonly();

const riskPolicy = z
  .strictObject({
    board: label,
    /** Of every netting set that names none of its own. */
    scenarios: choice,
    charges: choice,
    /**
     * Price: observed; or the spot of an underlying; or, where the asset bears yield, the lower of that times an observed
     * ratio and its own observed price.
     */
    collateral: z
      .array(
        z
          .strictObject({ asset: symbol, underlying: symbol.optional(), yieldBearing: z.literal(true).optional() })
          .readonly(),
      )
      .readonly(),
    /** In board order; null leaves a place empty. A block holds 60 places; the last may be given in part. */
    instruments: z.array(instrument.nullable()).readonly(),
    blocks: z
      .array(
        z
          .strictObject({
            name: label,
            continues: z.boolean(),
            liquidityThreshold: decimalText,
            liquidityRateBps: wholeBps,
            vegaThreshold: decimalText,
            vegaRateBps: wholeBps,
            /** Of the netting set that begins with this block. */
            scenarios: choice.optional(),
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly();

const observation = z
  .strictObject({
    epoch: decimalText,
    time,
    /** Continuously compounded annual rate that discounts option payoffs. */
    rate: annual(1),
    underlyings: z.record(z.string(), underlying).readonly(),
    /** By instrument: what its model needs beside its underlying. */
    quotes: z.record(z.string(), z.record(z.string(), decimalText).readonly()).readonly(),
    /** Of collateral without underlying or bearing yield, at most 8 decimals. */
    prices: z.record(z.string(), positiveText).readonly(),
    /** Units of the underlying that a unit of a yield-bearing asset redeems for. */
    ratios: z.record(z.string(), positiveText).readonly(),
  })
  .readonly();

const marketInput = z.strictObject({ format: z.literal(FORMAT), policy: riskPolicy, observation }).readonly();

export type ModelChoice = z.infer<typeof choice>;
export type Instrument = z.infer<typeof instrument>;
export type SurfaceSlice = z.infer<typeof slice>;
export type Underlying = z.infer<typeof underlying>;
/**
 * Instruments, models and parameters of a board.
 * @see docs/library.md#risk
 */
export type RiskPolicy = z.infer<typeof riskPolicy>;
/**
 * Prices, volatilities and rates that were observed at one time.
 * @see docs/library.md#risk
 */
export type Observation = z.infer<typeof observation>;
/**
 * What a market follows from: a risk policy and an observation.
 * @see docs/library.md#risk
 */
export type MarketInput = z.infer<typeof marketInput>;

/**
 * Reads a market input. Checks form only: `buildMarket` says whether a board follows from it.
 * @see docs/library.md#risk
 */
export function readMarketInput(text: string, file: string): MarketInput {
  return conform(marketInput, parseJson(text, file, LIMITS).plain(), { file });
}

/** One half of it, for whoever publishes them apart; also from a whole market input. */
export const readRiskPolicy = (value: Json, place: ErrorPlace = {}): RiskPolicy =>
  conform(riskPolicy, half(value, "policy"), { ...place, field: "policy" });
export const readObservation = (value: Json, place: ErrorPlace = {}): Observation =>
  conform(observation, half(value, "observation"), { ...place, field: "observation" });
const half = (value: Json, name: "policy" | "observation"): unknown => {
  const whole = marketInput.safeParse(value);
  return whole.success ? whole.data[name] : value;
};

/** Parses with a schema; what does not conform is `FIELD_INVALID` at its place below the one given. */
export function conform<T>(schema: z.ZodType<T>, value: unknown, at: ErrorPlace): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = issue.path.reduce<string>(
    (text, part) =>
      typeof part === "number" ? `${text}[${part}]` : text === "" ? String(part) : `${text}.${String(part)}`,
    at.field ?? "",
  );
  const rule = `${ruleOf(issue)}${otherFormat(result.error.issues, value)}`;
  throw new PlimsollError("FIELD_INVALID", rule, { ...at, ...(field === "" ? {} : { field }) });
}

const KINDS: Readonly<Record<string, string>> = {
  string: "text in quotes",
  number: "a number without quotes",
  int: "a whole number without quotes",
  boolean: "true or false",
  array: "a list, [ … ]",
  tuple: "a list, [ … ]",
  object: "an object, { … }",
  record: "an object, { … }",
};
const MISSING = "the field is missing";

/** The rule that was broken, in words. Of what was found, no more than its kind: it may be private. */
function ruleOf(issue: z.core.$ZodIssue): string {
  const missing = issue.code !== "unrecognized_keys" && issue.input === undefined && issue.path.length > 0;
  switch (issue.code) {
    case "invalid_type":
      // A schema's own words are better.
      if (!issue.message.startsWith("Invalid input")) return issue.message;
      return missing ? MISSING : `expected ${KINDS[issue.expected] ?? issue.expected}`;
    case "invalid_value": {
      const words = issue.values.map((word) => (typeof word === "string" ? `"${word}"` : String(word)));
      return missing ? MISSING : `expected ${words.length > 1 ? "one of " : ""}${words.join(", ")}`;
    }
    case "unrecognized_keys":
      return `a field that is not known here${issue.keys
        .filter(isShown)
        .map((key) => `, "${key}"`)
        .join("")}`;
    case "invalid_union": {
      const known = (("options" in issue && issue.options) || []) as readonly unknown[];
      if (missing) return MISSING;
      if (known.length === 0) return "not of a kind that is known here";
      return `expected one of ${known.map((word) => `"${String(word)}"`).join(", ")}`;
    }
    case "too_small":
    case "too_big": {
      const [least, limit] = issue.code === "too_small" ? ["least", issue.minimum] : ["most", issue.maximum];
      const one = Number(limit) === 1;
      const of =
        { array: one ? " entry" : " entries", string: one ? " character" : " characters" }[issue.origin as string] ??
        "";
      return `expected at ${least} ${limit}${of}`;
    }
    case "invalid_format":
      return issue.format === "url" ? "expected an address such as https://desk.example" : issue.message;
    default:
      return issue.message;
  }
}

/** What the document says that it is, where that is not what it was read as: one file was given for another. */
function otherFormat(issues: readonly z.core.$ZodIssue[], value: unknown): string {
  const { format } = (typeof value === "object" && value !== null ? value : {}) as { format?: unknown };
  const another = issues.some(
    (issue) => issue.path[0] === "format" || (issue.code === "unrecognized_keys" && issue.keys.includes("format")),
  );
  return another && typeof format === "string" && /^plimsoll-[a-z-]{1,30}\/[0-9]{1,3}$/.test(format)
    ? `; the file says that it is ${format}`
    : "";
}

/** The member of an object that strangers name, or undefined: never what the object inherits. */
export const own = <T>(members: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(members, name) ? members[name] : undefined;

/** Puts what an inner check names below the place at which it stands. */
export function within<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    const { field } = error.place;
    throw field?.startsWith("observation.")
      ? error
      : error.at({ field: field === undefined ? place : `${place}.${field}` });
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Options that several commands share, and how each is read. */
import { type Command, Option } from "commander";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type AccountFile, nameFault, readAccount, readViewingKey } from "../formats/account.ts";
import { type AccountTables, readTables, type TableOptions, type TableTotal } from "../formats/account-tables.ts";
import {
  DECIMAL_SIGNS,
  type DecimalSign,
  lotOfDecimals,
  lotsOf,
  parseDecimal,
  THOUSANDS_SIGNS,
  type ThousandsSign,
} from "../formats/decimal.ts";
import { label } from "../formats/labels.ts";
import { readMarket, unsigned64 } from "../formats/market.ts";
import { LEVELS, type LevelName, readPolicy } from "../formats/policy.ts";
import { unixTime } from "../formats/time.ts";
import { nameText } from "../report/terminal.ts";
import { levelWord } from "../report/text.ts";
import type { Direction } from "../statement/account.ts";
import { type LevelBps, levelBps } from "../units.ts";
import type { Context } from "./context.ts";

export interface MarketOptions {
  readonly policy: string;
  readonly market: string;
  readonly json?: boolean;
}

export interface AccountOptions extends MarketOptions {
  readonly account?: string;
  readonly portfolio?: string;
  /** `--positions` and `--no-positions` may both be given: a table, and that accounts missing in it hold none. */
  readonly positions?: { readonly file?: string; readonly none?: boolean };
  /** False with `--no-collateral`. */
  readonly collateral: boolean;
  readonly name?: string;
  readonly all?: boolean;
  readonly sequence?: string;
  readonly decimal?: DecimalSign;
  readonly thousands?: ThousandsSign;
}

export const withMarket = (command: Command): Command =>
  command
    .requiredOption("--policy <file>", "policy, JSON")
    .requiredOption("--market <file>", "market, JSON")
    .option("--json", "print JSON");

export const withAccount = (command: Command): Command =>
  withMarket(command)
    .option("--account <file>", "account, JSON")
    .option("--portfolio <file>", "in place of --account: CSV account,asset,amount")
    .addOption(
      new Option(
        "--positions <file>",
        "with it: CSV account,instrument,quantity,entryPrice,unrealisedProfit,asOf,paid",
      ).argParser((file: string, before: AccountOptions["positions"]) => ({ ...before, file })),
    )
    .addOption(
      new Option("--no-positions", "an account that is not among the positions holds none")
        .preset("none")
        .argParser((_: string, before: AccountOptions["positions"]) => ({ ...before, none: true })),
    )
    .option("--no-collateral", "an account that is not in the portfolio holds no cash and no collateral")
    .option("--name <account>", "which account of the tables")
    .option("--sequence <count>", "with tables: how many proofs the account has had accepted (default 0)")
    .addOption(new Option("--decimal <sign>", "decimal sign in the tables").choices([...DECIMAL_SIGNS]))
    .addOption(new Option("--thousands <sign>", "sign between thousands in the tables").choices(THOUSANDS_SIGNS));

/** For commands that can take every account of the tables. */
export const withAccounts = (command: Command): Command =>
  withAccount(command).option("--all", "every account of the tables, in one summary");

/** Collects the values of an option that may be repeated. */
export const many = (value: string, values: string[] = []): string[] => [...values, value];

export async function loadMarket({ inputs }: Context, options: MarketOptions) {
  const policyText = await inputs.text(options.policy);
  const policy = readPolicy(policyText.text, policyText.file);
  const marketText = await inputs.text(options.market);
  return { policy, market: readMarket(marketText.text, marketText.file, policy) };
}

/** An account that was read, with what was read of each table. */
export type Holder = AccountFile & { readonly totals?: readonly TableTotal[] };

/** The account that the options name. Throws `USAGE` where they name none or several. */
export async function loadAccount(context: Context, options: AccountOptions) {
  const { policy, market, holders, several } = await loadAccounts(context, options);
  if (several) throw new PlimsollError("USAGE", "the tables have several accounts: say which with --name");
  return { policy, market, holder: holders[0]! };
}

/** The account that the options name or, where they name none, every account of the tables. Notes go to stderr. */
export async function loadAccounts(context: Context, options: AccountOptions) {
  const { policy, market } = await loadMarket(context, options);
  const read = await readHolders();
  const { accountWarnings } = await import("../app/account-warnings.ts");
  for (const holder of read.holders) {
    for (const line of accountWarnings(holder, policy, market)) {
      context.progress(read.several ? `${nameText(holder.name)}: ${line}` : line);
    }
  }
  return { policy, market, ...read };

  async function readHolders(): Promise<{ holders: readonly Holder[]; several: boolean }> {
    const { inputs } = context;
    const { account, portfolio, positions, collateral, name, all, sequence, decimal, thousands } = options;
    const tabled = [portfolio, positions, name, all, sequence, decimal, thousands].some((each) => each !== undefined);
    if (account !== undefined) {
      if (tabled || !collateral) throw new PlimsollError("USAGE", "--account excludes the options for tables");
      const { text, file } = await inputs.text(account);
      return { holders: [readAccount(text, file, policy, market)], several: false };
    }
    if (portfolio === undefined && positions?.file === undefined) {
      throw new PlimsollError("USAGE", "give --account, or --portfolio and --positions");
    }
    if (portfolio === undefined && collateral) {
      throw new PlimsollError(
        "USAGE",
        "give --portfolio, or --no-collateral if the account holds no cash and no collateral",
      );
    }
    if (positions === undefined) {
      throw new PlimsollError("USAGE", "give --positions, or --no-positions if the account holds none");
    }
    if (name !== undefined && all) throw new PlimsollError("USAGE", "give either --name or --all");
    if (name !== undefined) asOption("--name", () => checkName(name));
    const count = optionInteger("--sequence", sequence ?? "0", unsigned64);
    const texts: AccountTables = {
      portfolio: portfolio === undefined ? undefined : await inputs.text(portfolio),
      positions: positions.file === undefined ? undefined : await inputs.text(positions.file),
    };
    const style: TableOptions = { decimal, thousands, noCollateral: !collateral, noPositions: positions.none };
    const tables = readTables(texts, policy, market, style);
    for (const note of tables.notes) context.progress(note);
    const several = name === undefined && (all === true || tables.names.length > 1);
    if (several && sequence !== undefined) {
      throw new PlimsollError("USAGE", "each account has a sequence of its own: give --sequence with --name");
    }
    const names = name === undefined ? tables.names : [name];
    if (names.length === 0) throw new PlimsollError("UNKNOWN_NAME", "the tables have no account");
    return { holders: names.map((each) => tables.account(each, count)), several };
  }
}

function checkName(name: string): void {
  const fault = nameFault(name);
  if (fault !== undefined) throw new PlimsollError("FIELD_INVALID", fault);
}

export async function loadViewingKey({ inputs }: Context, name: string): Promise<FieldElement> {
  const { text, file } = await inputs.secret(name);
  return readViewingKey(text, file);
}

/** Reads an option; a broken rule is an error of the command line. */
export function asOption<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof PlimsollError ? new PlimsollError("USAGE", error.rule, { field: option }) : error;
  }
}

/** A whole number given as an option. */
export const optionInteger = <T>(option: string, text: string, unit: (value: bigint) => T): T =>
  asOption(option, () => unit(lotsOf(parseDecimal(text), lotOfDecimals(0))));

/** How many hours an outlook reaches. */
export const hoursAhead = (text: string): number =>
  optionInteger("--hours", text, (value) => {
    if (value < 1n || value > 720n) throw new PlimsollError("OUT_OF_RANGE", "expected 1 to 720");
    return Number(value);
  });

export function optionCommitment(option: string, text: string): bigint;
export function optionCommitment(option: string, text: string | undefined): bigint | undefined;
export function optionCommitment(option: string, text: string | undefined): bigint | undefined {
  if (text === undefined || /^(0|[1-9][0-9]{0,77})$/.test(text)) return text === undefined ? undefined : BigInt(text);
  throw new PlimsollError("USAGE", "expected a commitment: a decimal number", { field: option });
}

/** A name or sentence given as an option. */
export const optionLabel = (option: string, text: string): string => asOption(option, () => label(text, option));

/** A time given as an option. */
export function optionTime(option: string, text: string): Date {
  return asOption(option, () => new Date(unixTime(text) * 1000));
}

export interface ClaimOptions {
  readonly atLeast?: string;
  readonly below?: string;
  readonly audience?: string;
}

/** The options of a claim, with one description of how a level is written. */
export const withClaim = (command: Command, verb: string): Command =>
  command
    .option("--at-least <level>", `${verb} coverage of at least this: ${LEVEL_FORMS}`)
    .option("--below <level>", `${verb} coverage below this`);

const LEVEL_FORMS = `${LEVELS.map(levelWord).join(", ")}, or a level such as 150%, 1.5 or 15000bps`;

/** The claim that options name, if any; `name` where its level was given by name. */
export function claimed({ atLeast, below }: ClaimOptions, levels: Readonly<Record<LevelName, LevelBps>>) {
  const word = atLeast ?? below;
  if (word === undefined) return undefined;
  if (atLeast !== undefined && below !== undefined) {
    throw new PlimsollError("USAGE", "give either --at-least or --below");
  }
  const direction: Direction = atLeast === undefined ? "below" : "at-least";
  return { direction, ...optionLevel(`--${direction}`, word, levels) };
}

/**
 * A level: the name of one of the policy's, `150%`, `1.5` (a ratio, with its point) or `15000bps`. A whole number alone
 * could be any of the three and is refused.
 */
export function optionLevel(option: string, word: string, levels: Readonly<Record<LevelName, LevelBps>>) {
  const named = LEVELS.find((level) => levelWord(level) === word);
  if (named !== undefined) return { level: levels[named], name: word };
  const [, digits, unit] = /^([0-9]+|[0-9]+\.[0-9]+)(%|bps|)$/.exec(word) ?? [];
  const bpsDecimals = { "%": 2, bps: 0, "": 4 }[unit ?? ""];
  if (digits === undefined || bpsDecimals === undefined || (unit === "" && !digits.includes("."))) {
    throw new PlimsollError("USAGE", `expected ${LEVEL_FORMS}`, { field: option });
  }
  return {
    level: asOption(option, () => levelBps(lotsOf(parseDecimal(digits), lotOfDecimals(bpsDecimals)))),
    name: undefined,
  };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Options that several commands share, and how each is read. */
import type { Command } from "commander";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { type AccountFile, readAccount, readAccountTables, readViewingKey } from "../formats/account.ts";
import { lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { isLabel } from "../formats/json.ts";
import { readMarket, unsigned64 } from "../formats/market.ts";
import { LEVELS, type LevelName, readPolicy } from "../formats/policy.ts";
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
  readonly positions?: string;
  readonly name?: string;
  readonly sequence?: string;
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
    .option("--positions <file>", "in place of --account: CSV account,instrument,quantity")
    .option("--name <account>", "which account of the CSV files")
    .option("--sequence <count>", "with CSV files: how many proofs the account has had accepted (default 0)");

/** Collects the values of an option that may be repeated. */
export const many = (value: string, values: string[]): string[] => [...values, value];

export async function loadMarket({ inputs }: Context, options: MarketOptions) {
  const policyText = await inputs.text(options.policy);
  const policy = readPolicy(policyText.text, policyText.file);
  const marketText = await inputs.text(options.market);
  return { policy, market: readMarket(marketText.text, marketText.file, policy) };
}

export async function loadAccount(context: Context, options: AccountOptions) {
  const { inputs } = context;
  const { policy, market } = await loadMarket(context, options);
  return { policy, market, holder: await readHolder() };

  async function readHolder(): Promise<AccountFile> {
    const { account, portfolio, positions, name, sequence } = options;
    const tables = [portfolio, positions, name, sequence].some((option) => option !== undefined);
    if (account !== undefined) {
      if (tables)
        throw new PlimsollError("USAGE", "--account excludes --portfolio, --positions, --name and --sequence");
      const { text, file } = await inputs.text(account);
      return readAccount(text, file, policy, market);
    }
    if (name === undefined || (portfolio === undefined && positions === undefined)) {
      throw new PlimsollError("USAGE", "give --account, or --portfolio and --positions with --name");
    }
    const texts = {
      ...(portfolio === undefined ? {} : { portfolio: await inputs.text(portfolio) }),
      ...(positions === undefined ? {} : { positions: await inputs.text(positions) }),
    };
    return readAccountTables(texts, name, optionInteger("--sequence", sequence ?? "0", unsigned64), policy, market);
  }
}

export async function loadViewingKey({ inputs }: Context, name: string): Promise<FieldElement> {
  const { text, file } = await inputs.text(name);
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

export function optionCommitment(option: string, text: string): bigint;
export function optionCommitment(option: string, text: string | undefined): bigint | undefined;
export function optionCommitment(option: string, text: string | undefined): bigint | undefined {
  if (text === undefined || /^(0|[1-9][0-9]{0,77})$/.test(text)) return text === undefined ? undefined : BigInt(text);
  throw new PlimsollError("USAGE", "expected a commitment: a decimal number", { field: option });
}

/** A name or sentence given as an option: 1 to 200 visible characters. */
export function optionLabel(option: string, text: string): string {
  if (isLabel(text)) return text;
  throw new PlimsollError("USAGE", "expected 1 to 200 visible characters", { field: option });
}

export interface ClaimOptions {
  readonly atLeast?: string;
  readonly below?: string;
  readonly audience?: string;
}

/** The claim that options name, if any; `name` where its level was given by name. */
export function claimed({ atLeast, below }: ClaimOptions, levels: Readonly<Record<LevelName, LevelBps>>) {
  const word = atLeast ?? below;
  if (word === undefined) return undefined;
  if (atLeast !== undefined && below !== undefined) {
    throw new PlimsollError("USAGE", "give either --at-least or --below");
  }
  const direction: Direction = atLeast === undefined ? "below" : "at-least";
  const named = LEVELS.find((level) => levelWord(level) === word);
  if (named !== undefined) return { direction, level: levels[named], name: word };
  return { direction, level: optionInteger(`--${direction}`, word, levelBps), name: undefined };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll account deposit | absorb | attest | settle | withdraw | exit | request | hold | cure`: calls of an open account. */
import { Command, Option } from "commander";
import { PlimsollError } from "../../errors.ts";
import { unsigned64 } from "../../formats/market.ts";
import { LEVELS, type LevelName } from "../../formats/policy.ts";
import { levelWord } from "../../report/text.ts";
import type { Context } from "../context.ts";
import { loadMarket, optionInteger } from "../options.ts";
import { type AccountOptions, doAndTell, withSending } from "./machine.ts";

interface AmountOptions extends AccountOptions {
  readonly asset: string;
  readonly amount: string;
}
interface FilesOptions {
  readonly policy: string;
  readonly market: string;
}
interface PayoutOptions extends AmountOptions {
  readonly to?: string;
  readonly least?: string;
}

const withAmount = (command: Command): Command =>
  withSending(command).requiredOption("--asset <name>", "cash, the asset's number at the gate, or its token's symbol");
export const withVenueFiles = (command: Command): Command =>
  command
    .requiredOption("--policy <file>", "the venue's policy in force, JSON")
    .requiredOption("--market <file>", "the venue's market values of the standing epoch, JSON");

const load = () => import("../../app/account/moves.ts");

export function depositCommand(context: Context): Command {
  return withAmount(new Command("deposit"))
    .description("pay tokens in, as a public credit of the account; absorb takes it into the account")
    .requiredOption("--amount <amount>", "how much, in whole units such as 1500.25")
    .action(async (options: AmountOptions) => {
      const { deposit } = await load();
      const { asset, amount } = options;
      await doAndTell(context, options, (machine, viewingKey) => deposit(machine, { viewingKey, asset, amount }));
    });
}

export function absorbCommand(context: Context): Command {
  return withAmount(new Command("absorb"))
    .description("take a credit into the private account; needs no prices, and is never refused for them")
    .option("--amount <amount>", "how much, in whole units; all of the credit unless given", "all")
    .action(async (options: AmountOptions) => {
      const { absorb } = await load();
      const { asset, amount } = options;
      await doAndTell(context, options, (machine, viewingKey) => absorb(machine, { viewingKey, asset, amount }));
    });
}

export function settleCommand(context: Context): Command {
  return withSending(new Command("settle"))
    .description("pass the next settlement of expired instruments; an account does nothing else before that")
    .action(async (options: AccountOptions) => {
      const { passSettlement } = await load();
      await doAndTell(context, options, (machine, viewingKey) => passSettlement(machine, { viewingKey }));
    });
}

export function attestCommand(context: Context): Command {
  const levels = LEVELS.map(levelWord);
  return withVenueFiles(withSending(new Command("attest")))
    .description("prove on chain that the account covers a level of the policy")
    .addOption(new Option("--at-least <level>", "which level").choices(levels).makeOptionMandatory())
    .action(async (options: AccountOptions & FilesOptions & { atLeast: string }) => {
      const { attestAtGate } = await load();
      const files = await loadMarket(context, options);
      const level = LEVELS[levels.indexOf(options.atLeast)] as LevelName;
      await doAndTell(context, options, (machine, viewingKey) =>
        attestAtGate(machine, { viewingKey, ...files, level }),
      );
    });
}

const withPayout = (command: Command): Command =>
  withAmount(command)
    .requiredOption("--amount <amount>", "how much, in whole units such as 1500.25, or all")
    .option("--to <address>", "who gets it; the signer unless given")
    .option("--least <amount>", "refuse where a levy leaves the recipient less than this");

export function withdrawCommand(context: Context): Command {
  return withVenueFiles(withPayout(new Command("withdraw")))
    .description("pay out of the account, which keeps the initial level")
    .action(async (options: PayoutOptions & FilesOptions) => {
      const { withdraw } = await load();
      const files = await loadMarket(context, options);
      await doAndTell(context, options, (machine, viewingKey) =>
        withdraw(machine, { viewingKey, ...files, ...payoutOf(options) }),
      );
    });
}

export function exitCommand(context: Context): Command {
  return withPayout(new Command("exit"))
    .description("pay out of an account without positions and debt; nobody can refuse it, and it needs no prices")
    .action(async (options: PayoutOptions) => {
      const { exit } = await load();
      await doAndTell(context, options, (machine, viewingKey) => exit(machine, { viewingKey, ...payoutOf(options) }));
    });
}

const payoutOf = ({ asset, amount, to, least }: PayoutOptions) => ({
  ...{ asset, amount, least },
  recipient: to === undefined ? undefined : addressIn("--to", to),
});

function addressIn(option: string, text: string): string {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text;
  throw new PlimsollError("USAGE", "expected an address: 0x and 40 digits", { field: option });
}

export function requestCommand(context: Context): Command {
  return withSending(new Command("request"))
    .description("ask the operator in public for its answer; what it does not answer in time unwinds without it")
    .action(async (options: AccountOptions) => {
      const { requestOperator } = await load();
      await doAndTell(context, options, (machine, viewingKey) => requestOperator(machine, { viewingKey }));
    });
}

export function holdCommand(context: Context): Command {
  return withSending(new Command("hold"))
    .argument("<account>", "number of the account to hold")
    .description("make another account wait: as the operator, or once it has missed its attestation")
    .action(async (account: string, options: AccountOptions) => {
      const { hold } = await load();
      const number = optionInteger("<account>", account, unsigned64);
      await doAndTell(context, options, (machine, viewingKey) => hold(machine, { viewingKey, account: number }));
    });
}

export function cureCommand(context: Context): Command {
  return withVenueFiles(withSending(new Command("cure")))
    .description("end the auction of a lot of your account: prove the call level, with a credit that it takes in")
    .option("--asset <name>", "take in a credit in this asset: cash, its number, or its token's symbol")
    .option("--amount <amount>", "how much of it, in whole units")
    .action(async (options: AccountOptions & FilesOptions & Partial<AmountOptions>) => {
      const { cure } = await load();
      const { asset, amount } = options;
      if ((asset === undefined) !== (amount === undefined)) {
        throw new PlimsollError("USAGE", "--asset and --amount go together");
      }
      const files = await loadMarket(context, options);
      const credit = asset === undefined || amount === undefined ? undefined : { asset, amount };
      await doAndTell(context, options, (machine, viewingKey) => cure(machine, { viewingKey, ...files, credit }));
    });
}

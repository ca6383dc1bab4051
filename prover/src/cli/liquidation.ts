// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll liquidation …`: what a venue does about an account that lacks margin. */
import { Command, Option } from "commander";
import type { Sent, VenueMachine, Watched } from "../app/account/liquidate.ts";
import { formatDecimal } from "../formats/decimal.ts";
import { fillDocument } from "../formats/fill.ts";
import { formatJson } from "../formats/json.ts";
import { unsigned64 } from "../formats/market.ts";
import { CASH_DECIMALS, LEVELS, type LevelName } from "../formats/policy.ts";
import { writeSecret } from "../node/files.ts";
import { amount, levelWord } from "../report/text.ts";
import {
  consent,
  type NodeOptions,
  nodeOf,
  type SignerOptions,
  signerNamed,
  withNode,
  withSigner,
} from "./account/machine.ts";
import { withVenueFiles } from "./account/moves.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { loadMarket, loadViewingKey, optionInteger } from "./options.ts";

interface VenueOptions extends NodeOptions, SignerOptions {
  readonly gate: string;
  readonly yes?: boolean;
}
interface WatchedOptions extends VenueOptions {
  readonly key: string;
  readonly policy: string;
  readonly market: string;
}

const WORDS = LEVELS.map(levelWord);
const cash = (e6: bigint) => amount(formatDecimal(e6, CASH_DECIMALS));

export function liquidationCommand(context: Context): Command {
  const group = new Command("liquidation").description(
    "as a venue: call an account that lacks margin, sell a lot of it, end an auction that nobody won",
  );
  for (const command of [flagCommand, startCommand, voidCommand]) group.addCommand(command(context));
  return group;
}

const withVenue = (command: Command): Command =>
  withSigner(withNode(command))
    .argument("<account>", "its number at the gate")
    .requiredOption("--gate <address>", "address of the gate, from a source that you trust")
    .option("--yes", "send without being asked");
const withWatched = (command: Command): Command =>
  withVenueFiles(withVenue(command)).requiredOption(
    "--key <file>",
    "the account's viewing key, which its owner gave you",
  );

function flagCommand(context: Context): Command {
  return withWatched(new Command("flag"))
    .description("call an account: prove that it is below a level, from which on it has the cure period")
    .addOption(new Option("--below <level>", "the level that it is below").choices(WORDS).default("call"))
    .action(async (account: string, options: WatchedOptions & { below: string }) => {
      const below = LEVELS[WORDS.indexOf(options.below)] as LevelName;
      await watch(context, account, options, async (machine, watched) => {
        const { flagAccount } = await import("../app/account/liquidate.ts");
        tell(context, options, await flagAccount(machine, { ...watched, below }), [
          `account ${watched.account} is called: it is below ${options.below}`,
        ]);
      });
    });
}

function startCommand(context: Context): Command {
  return withWatched(new Command("start"))
    .description("as the operator: put up for auction what may be sold of an account now, a slice or all of it")
    .addOption(
      new Destination(
        "new file",
        "--out <file>",
        "where to write what is in the lot, for bidders; readable by you alone; never overwrites",
      ).makeOptionMandatory(),
    )
    .option("--open", "tell everybody on the chain what is in the lot")
    .option("--reward-to <account>", "number of the account that gets the reward; else nobody's account")
    .action(async (account: string, options: WatchedOptions & { out: string; open?: boolean; rewardTo?: string }) => {
      const { out, open = false, rewardTo } = options;
      const beneficiary = rewardTo === undefined ? undefined : optionInteger("--reward-to", rewardTo, unsigned64);
      await watch(context, account, options, async (machine, watched) => {
        const { startAuction } = await import("../app/account/liquidate.ts");
        const keep = (fill: Parameters<typeof fillDocument>[0]) => writeSecret(out, formatJson(fillDocument(fill)));
        const { fill: _, ...started } = await startAuction(machine, { ...watched, beneficiary, open, keep });
        tell(context, options, started, [
          `a ${started.kind} of account ${watched.account} is on auction, worth about ${cash(started.size)}`,
          `its price falls from ${cash(started.firstPrice)} to ${cash(started.lastPrice)}`,
        ]);
      });
    });
}

function voidCommand(context: Context): Command {
  return withVenue(new Command("void"))
    .description("end an auction that nobody has won: the account goes on as it was, called; anybody may")
    .action(async (account: string, options: VenueOptions) => {
      const number = optionInteger("<account>", account, unsigned64);
      await onNode(context, options, async (machine) => {
        const { endAuction } = await import("../app/account/liquidate.ts");
        tell(context, options, await endAuction(machine, { gate: options.gate, account: number }), [
          `the auction of account ${number}'s lot is over, and nobody has it`,
        ]);
      });
    });
}

async function watch(
  context: Context,
  account: string,
  options: WatchedOptions,
  work: (machine: VenueMachine, watched: Watched) => Promise<void>,
): Promise<void> {
  const number = optionInteger("<account>", account, unsigned64);
  const viewingKey = await loadViewingKey(context, options.key);
  const files = await loadMarket(context, options);
  const { createProver } = await import("../node/prover.ts");
  const prover = createProver();
  try {
    await onNode(context, options, (machine) =>
      work({ ...machine, prover }, { gate: options.gate, account: number, viewingKey, ...files }),
    );
  } finally {
    await prover.close();
  }
}

async function onNode(
  context: Context,
  options: VenueOptions,
  work: (machine: Omit<VenueMachine, "prover">) => Promise<void>,
): Promise<void> {
  const signerAt = await signerNamed(context, options);
  // Nothing is half done at any moment: a signal ends it, and nothing leaves that was being proven.
  context.endAtOnce();
  const provider = await nodeOf(options);
  try {
    const signer = await signerAt(provider);
    await work({
      provider,
      signer,
      consent: (leaving) => consent(context, options, leaving),
      onStep: context.progress,
    });
  } finally {
    provider.destroy();
  }
}

const tell = ({ print }: Context, { json }: NodeOptions, sent: Sent, lines: readonly string[]): void =>
  print(json, sent, () => [...lines, `block ${sent.block}, transaction ${sent.transaction}`].join("\n"));

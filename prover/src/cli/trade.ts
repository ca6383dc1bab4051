// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll trade propose | agree | settle`: a trade of two accounts, from one owner to the other and to the operator. */
import { Command } from "commander";
import type { VenueMachine } from "../app/account/liquidate.ts";
import type { AccountMachine } from "../app/account/session.ts";
import type { TradeOrder } from "../app/account/trade.ts";
import { formatJson } from "../formats/json.ts";
import { unsigned64 } from "../formats/market.ts";
import { PRIVATE } from "../node/files.ts";
import {
  type AccountOptions,
  consent,
  type NodeOptions,
  nodeOf,
  type SignerOptions,
  signerNamed,
  withFile,
  withMachine,
  withNode,
  withSigner,
} from "./account/machine.ts";
import { withVenueFiles } from "./account/moves.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { loadMarket, loadViewingKey, type MarketOptions, many, optionInteger } from "./options.ts";

interface TradeOptions extends AccountOptions, MarketOptions {
  readonly with: string;
  readonly terms: string;
  readonly out: string;
}

export function tradeCommand(context: Context): Command {
  const group = new Command("trade").description(
    "a trade of two accounts: offered, agreed to, settled by the operator",
  );
  for (const command of [proposeCommand, agreeCommand, settleCommand]) group.addCommand(command(context));
  return group;
}

/** For both owners: each states the terms by itself. */
const withTerms = (command: Command): Command =>
  withVenueFiles(withSigner(withFile(command)))
    .requiredOption("--with <account>", "number of the other account")
    .requiredOption("--terms <file>", "what you buy or sell, how much and at what price, JSON; private")
    .option("--yes", "sign without being asked");

/** Reads the terms, and does work with the account. */
async function asOwner(
  context: Context,
  options: TradeOptions,
  work: (machine: AccountMachine, order: TradeOrder) => Promise<void>,
): Promise<void> {
  const counterparty = optionInteger("--with", options.with, unsigned64);
  const { readTradeTerms } = await import("../app/account/trade.ts");
  const terms = readTradeTerms(await context.inputs.text(options.terms));
  const files = await loadMarket(context, options);
  await withMachine(context, options, true, (machine, viewingKey) =>
    work(machine, { viewingKey, counterparty, terms, ...files }),
  );
}

function proposeCommand(context: Context): Command {
  return withTerms(new Command("propose"))
    .description("offer a trade to another account's owner, signed: it binds you until it lapses")
    .addOption(
      new Destination(
        "file",
        "--out <file>",
        "where to write the offer, which is private to both owners",
      ).makeOptionMandatory(),
    )
    .option("--minutes <count>", "for how long it is good, and never beyond the standing epoch", "10")
    .action(async (options: TradeOptions & { readonly minutes: string }) => {
      const { proposeTrade } = await import("../app/account/trade.ts");
      const validity = 60n * optionInteger("--minutes", options.minutes, unsigned64);
      await asOwner(context, options, async (machine, order) => {
        const offer = await proposeTrade(machine, { ...order, validity });
        await context.deliver(options.out, formatJson(offer), PRIVATE);
        context.print(options.json, { file: options.out }, () =>
          [
            `written: ${options.out} (private to both owners)`,
            "It does not say the terms: the other owner states them too, with `plimsoll trade agree`.",
          ].join("\n"),
        );
      });
    });
}

function agreeCommand(context: Context): Command {
  return withTerms(new Command("agree"))
    .argument("<offer>", "the other owner's offer, JSON")
    .description("agree to a trade that another account's owner offers, where it is the one of your terms")
    .addOption(
      new Destination("file", "--out <file>", "where to write the trade, for the operator").makeOptionMandatory(),
    )
    .action(async (file: string, options: TradeOptions) => {
      const { agreeToTrade, readTradeOffer } = await import("../app/account/trade.ts");
      const offer = readTradeOffer(await context.inputs.text(file));
      await asOwner(context, options, async (machine, order) => {
        const trade = await agreeToTrade(machine, { ...order, offer });
        await context.deliver(options.out, formatJson(trade));
        context.print(options.json, { file: options.out }, () => `written: ${options.out}; the operator settles it`);
      });
    });
}

interface SettleOptions extends NodeOptions, SignerOptions, MarketOptions {
  readonly gate: string;
  readonly key: readonly string[];
  readonly yes?: boolean;
}

function settleCommand(context: Context): Command {
  return withVenueFiles(withSigner(withNode(new Command("settle"))))
    .argument("<trade>", "what both owners signed, JSON")
    .description("as the operator: settle a trade, once you can follow both accounts")
    .requiredOption("--gate <address>", "address of the gate, from a source that you trust")
    .requiredOption("--key <file>", "viewing key of one of the accounts; given twice", many)
    .option("--yes", "send without being asked")
    .action(async (file: string, options: SettleOptions) => {
      const [{ settleTrade }, { readSignedTrade }, { createProver }] = await Promise.all([
        import("../app/account/settle-trade.ts"),
        import("../app/account/trade.ts"),
        import("../node/prover.ts"),
      ]);
      const trade = readSignedTrade(await context.inputs.text(file));
      const viewingKeys = await Promise.all(options.key.map((name) => loadViewingKey(context, name)));
      const files = await loadMarket(context, options);
      const signerAt = await signerNamed(context, options);
      // Nothing is half done at any moment: a signal ends it.
      context.endAtOnce();
      const provider = await nodeOf(options);
      const prover = createProver();
      try {
        const machine: VenueMachine = {
          ...{ provider, prover, signer: await signerAt(provider), onStep: context.progress },
          consent: (leaving) => consent(context, options, leaving),
        };
        const order = { gate: options.gate, trade, viewingKeys, ...files };
        const { resumed, ...sent } = await settleTrade(machine, order);
        context.print(options.json, { ...sent, resumed }, () =>
          [
            `settled: account ${trade.a.account} with account ${trade.b.account}`,
            ...(resumed ? ["an earlier run had settled it; it has one effect on chain"] : []),
            `block ${sent.block}, transaction ${sent.transaction}`,
          ].join("\n"),
        );
      } finally {
        await prover.close();
        provider.destroy();
      }
    });
}

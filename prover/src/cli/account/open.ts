// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll account key | open | agree | restore`. */
import { Command } from "commander";
import { PlimsollError } from "../../errors.ts";
import { newViewingKey } from "../../formats/account.ts";
import { formatJson } from "../../formats/json.ts";
import { unsigned64 } from "../../formats/market.ts";
import { writeSecret } from "../../node/files.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { loadViewingKey, optionInteger } from "../options.ts";
import {
  type AccountOptions,
  type NodeOptions,
  nodeOf,
  passphraseOf,
  type SignerOptions,
  signerNamed,
  tell,
  withFile,
  withMachine,
  withNode,
  withSending,
  withSigner,
} from "./machine.ts";

interface KeyOptions extends SignerOptions {
  readonly viewingKey?: string;
  readonly json?: boolean;
}

export function keyCommand(context: Context): Command {
  return new Command("key")
    .argument("<file>", "a file that does not exist yet")
    .description("make a key that owns accounts, encrypted under a passphrase, and print its address")
    .option("--passphrase-file <file>", "the passphrase, in a file or a pipe such as /dev/fd/3; else you are asked")
    .addOption(
      new Destination(
        "new file",
        "--viewing-key <file>",
        "also make the viewing key of an account, readable by you alone; never overwrites",
      ),
    )
    .option("--json", "print JSON")
    .action(async (file: string, { passphraseFile, viewingKey, json }: KeyOptions) => {
      const { newKeystore } = await import("../../node/keystore.ts");
      const passphrase = await passphraseOf(context, passphraseFile);
      if (viewingKey !== undefined) await writeSecret(viewingKey, newViewingKey());
      const address = await newKeystore(file, passphrase);
      context.print(json, { address, file }, () => address);
    });
}

interface OpenOptions extends AccountOptions {
  readonly gate?: string;
  readonly agent?: string;
  readonly request?: string;
  readonly agreement?: string;
}

export function openCommand(context: Context): Command {
  return withSending(new Command("open"))
    .description("open an account at a gate: first write what the operator is asked, then send with its agreement")
    .option("--gate <address>", "address of the gate, from a source that you trust")
    .option("--agent <address>", "who else may sign trades of the account")
    .addOption(new Destination("file", "--request <file>", "where to write what the operator is asked"))
    .option("--agreement <file>", "the operator's agreement: sends the opening")
    .action(async (options: OpenOptions) => {
      const { gate, agent, request, agreement } = options;
      if ((request === undefined) === (agreement === undefined)) {
        throw new PlimsollError("USAGE", "give one of --request and --agreement");
      }
      const { openAccount, readOpeningAgreement } = await import("../../app/account/open.ts");
      const agreed = agreement === undefined ? undefined : readOpeningAgreement(await context.inputs.text(agreement));
      await withMachine(context, options, true, async (machine, viewingKey) => {
        const answer = await openAccount(machine, { viewingKey, gate, agent, agreement: agreed });
        if ("opened" in answer) return tell(context, options, answer.opened);
        await context.deliver(request, formatJson(answer.asked));
        context.print(options.json, { file: request }, () =>
          [
            `written: ${request}`,
            "Send it to the operator, and your viewing key by a way that only the two of you see: the operator must be able to follow the account.",
            "Its agreement comes back as a file: run this command again with --agreement.",
          ].join("\n"),
        );
      });
    });
}

interface AgreeOptions extends NodeOptions, SignerOptions {
  readonly key: string;
  readonly out?: string;
}

export function agreeCommand(context: Context): Command {
  return withSigner(withNode(new Command("agree")))
    .argument("<request>", "what an owner asks, JSON")
    .description("as the operator of a gate: agree to an opening, once its viewing key is the one you were given")
    .requiredOption("--key <file>", "the viewing key that you were given")
    .addOption(new Destination("file", "--out <file>", "where to write the agreement; else stdout"))
    .action(async (file: string, options: AgreeOptions) => {
      const [{ agreeToOpening, readOpeningRequest }, { gateAt }] = await Promise.all([
        import("../../app/account/open.ts"),
        import("../../chain/gate-view.ts"),
      ]);
      const request = readOpeningRequest(await context.inputs.text(file));
      const viewingKey = await loadViewingKey(context, options.key);
      const signerAt = await signerNamed(context, options);
      const provider = await nodeOf(options);
      try {
        const signer = await signerAt(provider);
        const view = await gateAt(provider, request.gate);
        await context.deliver(options.out, formatJson(await agreeToOpening({ signer, view }, request, viewingKey)));
      } finally {
        provider.destroy();
      }
    });
}

interface RestoreOptions extends AccountOptions {
  readonly gate: string;
  readonly account?: string;
  readonly owner?: string;
}

export function restoreCommand(context: Context): Command {
  return withFile(new Command("restore"))
    .description("restore an account from the chain and its viewing key alone, whatever else was lost")
    .requiredOption("--gate <address>", "address of the gate, from a source that you trust")
    .option("--account <number>", "its number; else it is looked for")
    .option("--owner <address>", "look among the accounts of this owner")
    .action(async (options: RestoreOptions) => {
      const { restoreAccount } = await import("../../app/account/open.ts");
      const { account, gate, owner } = options;
      await withMachine(context, options, false, async (machine, viewingKey) => {
        const number = account === undefined ? undefined : optionInteger("--account", account, unsigned64);
        const found = await restoreAccount(machine, { viewingKey, gate, owner, account: number });
        context.print(
          options.json,
          found,
          () => `account ${found.account} of ${found.owner}, state ${found.commitment}`,
        );
      });
    });
}

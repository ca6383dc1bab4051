// SPDX-License-Identifier: GPL-3.0-or-later
/** What the commands of an account share: node, file, keys, who signs, and the question before anything is sent. */

import type { Command } from "commander";
import type { JsonRpcProvider, Signer } from "ethers";
import type { AccountMachine, Done, Leaving } from "../../app/account/session.ts";
import { providerAt } from "../../chain/provider.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { formatDecimal } from "../../formats/decimal.ts";
import { unsigned64 } from "../../formats/market.ts";
import type { Context } from "../context.ts";
import { loadViewingKey, optionInteger } from "../options.ts";
import { hiddenLine, isAgreed, isInteractive } from "../prompt.ts";

export interface NodeOptions {
  readonly rpc?: string | undefined;
  readonly json?: boolean;
}

export interface SignerOptions {
  readonly keystore?: string;
  readonly passphraseFile?: string;
  readonly from?: string;
}

export interface AccountOptions extends NodeOptions, SignerOptions {
  readonly file: string;
  readonly key: string;
  readonly yes?: boolean;
  readonly instead?: boolean;
  readonly wait?: string;
}

export const withNode = (command: Command): Command =>
  command.option("--rpc <url>", "node of the chain; else the one in PLIMSOLL_RPC").option("--json", "print JSON");

export const withSigner = (command: Command): Command =>
  command
    .option("--keystore <file>", "encrypted key of the address that signs")
    .option("--passphrase-file <file>", "its passphrase, in a file or a pipe such as /dev/fd/3; else you are asked")
    .option("--from <address>", "in place of --keystore: an address that the node or wallet behind --rpc signs for");

export const withFile = (command: Command): Command =>
  withNode(command)
    .requiredOption("--file <file>", "where what you keep of the account is, readable by you alone")
    .requiredOption("--key <file>", "the account's viewing key");

/** For a command that sends. */
export const withSending = (command: Command): Command =>
  withSigner(withFile(command))
    .option("--yes", "send without being asked")
    .option("--instead", "take the place of another command that was interrupted")
    .option("--wait <seconds>", "for how long to wait for the chain", "300");

/** The node that is named. */
export async function nodeOf({ rpc }: NodeOptions): Promise<JsonRpcProvider> {
  const url = rpc ?? process.env.PLIMSOLL_RPC;
  if (url === undefined) throw new PlimsollError("USAGE", "give --rpc, or the node in PLIMSOLL_RPC");
  return providerAt(url);
}

/** Who signs, once there is a node. Throws `USAGE` unless exactly one is named. */
export async function signerNamed(
  context: Context,
  { keystore, passphraseFile, from }: SignerOptions,
): Promise<(provider: JsonRpcProvider) => Promise<Signer>> {
  if ((keystore === undefined) === (from === undefined)) {
    throw new PlimsollError("USAGE", "give either --keystore or --from");
  }
  if (from !== undefined) {
    const { isAddress } = await import("ethers");
    if (!isAddress(from)) throw new PlimsollError("USAGE", "expected an address", { field: "--from" });
    return (provider) =>
      provider.getSigner(from).catch(() => {
        throw new PlimsollError("CHAIN_FAILED", "the node does not sign for this address", { field: "--from" });
      });
  }
  const { checkKeystore, openKeystore } = await import("../../node/keystore.ts");
  const given = await context.inputs.text(keystore!);
  await checkKeystore(given);
  const wallet = await openKeystore(given, await passphraseOf(context, passphraseFile));
  return async (provider) => wallet.connect(provider);
}

/** The passphrase in a file, or the one that is typed. */
export async function passphraseOf({ inputs }: Context, file: string | undefined): Promise<string> {
  const { readPassphrase } = await import("../../node/keystore.ts");
  if (file !== undefined) return readPassphrase(await inputs.secret(file));
  if (!isInteractive()) throw new PlimsollError("USAGE", "give --passphrase-file, where nobody can be asked");
  return hiddenLine("Passphrase of the key (not shown): ");
}

/** Does work with an account's file and a machine around it. */
export async function withMachine<T>(
  context: Context,
  options: AccountOptions,
  sends: boolean,
  work: (machine: AccountMachine, viewingKey: FieldElement) => Promise<T>,
): Promise<T> {
  const viewingKey = await loadViewingKey(context, options.key);
  const patience = 1000 * optionInteger("--wait", options.wait ?? "300", (seconds) => Number(unsigned64(seconds)));
  const [{ createProver }, { withAccountFile }] = await Promise.all([
    import("../../node/prover.ts"),
    import("../../node/account-store.ts"),
  ]);
  const signerAt = sends ? await signerNamed(context, options) : undefined;
  const provider = await nodeOf(options);
  const prover = createProver();
  try {
    const signer = await signerAt?.(provider);
    return await withAccountFile(options.file, (store) =>
      work(
        {
          ...{ provider, signer, prover, store, patience },
          consent: (leaving) => consent(context, options, leaving),
          onStep: context.progress,
          signal: context.signal,
          instead: options.instead === true,
        },
        viewingKey,
      ),
    );
  } finally {
    await prover.close();
    provider.destroy();
  }
}

/** Asks before a transaction leaves, in words. */
export async function consent(context: Context, options: Pick<AccountOptions, "yes">, leaving: Leaving): Promise<void> {
  const { words, shows, chainId, gate, from, most } = leaving;
  await askToSend(context, options, [
    `about to leave, to gate ${gate} on chain ${chainId}, signed by ${from}:`,
    `  ${words}`,
    `  everybody sees: ${shows}`,
    ...(most > 0n ? [`  gas costs at most ${formatDecimal(most, 18)} of the chain's own currency`] : []),
  ]);
}

/** Says what is about to leave, and asks unless told not to. Throws `CANCELLED`, and `USAGE` where nobody can be asked. */
export async function askToSend(
  { progress, signal }: Context,
  { yes }: { readonly yes?: boolean },
  lines: readonly string[],
): Promise<void> {
  for (const line of lines) progress(line);
  if (yes === true) return;
  if (!isInteractive()) throw new PlimsollError("USAGE", "nothing was sent: give --yes, where nobody can be asked");
  if (!(await isAgreed("Send it? Type yes: ", signal))) throw new PlimsollError("CANCELLED", "nothing was sent");
}

/** Runs a command that sends one call: prints what has been done, and only then takes it off the file. */
export async function doAndTell(
  context: Context,
  options: AccountOptions,
  work: (machine: AccountMachine, viewingKey: FieldElement) => Promise<Done>,
): Promise<void> {
  await withMachine(context, options, true, async (machine, viewingKey) =>
    tell(context, options, await work(machine, viewingKey)),
  );
}

export async function tell({ print }: Context, { json }: NodeOptions, done: Done): Promise<void> {
  const { acknowledge, account, ...shown } = done;
  print(json, { ...shown, account }, () =>
    [
      `done: ${done.words}`,
      ...(done.resumed ? ["an earlier run had begun it; it has one effect on chain"] : []),
      `account ${account}, block ${done.block}, transaction ${done.transaction}`,
    ].join("\n"),
  );
  await acknowledge();
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book record`: says on a chain, for good, which book was published. */
import { Command } from "commander";
import type { RecordedBook, RecordLeaving } from "../../app/record-book.ts";
import { PlimsollError } from "../../errors.ts";
import {
  askToSend,
  type NodeOptions,
  nodeOf,
  type SignerOptions,
  signerNamed,
  withNode,
  withSigner,
} from "../account/machine.ts";
import type { Context } from "../context.ts";
import { trustOf } from "./verify.ts";

interface RecordOptions extends NodeOptions, SignerOptions {
  readonly registry?: string;
  readonly deploy?: boolean;
  readonly yes?: boolean;
}

export function recordCommand(context: Context): Command {
  const command = new Command("record")
    .argument("<book>", "the public file of a book")
    .description("record a published book on a chain, so that it can be neither denied nor replaced unseen")
    .option("--registry <address>", "the registry of books on this chain")
    .option("--deploy", "in place of --registry: deploy one first");
  return withSigner(withNode(command))
    .option("--yes", "send without being asked")
    .action((name: string, options: RecordOptions) => record(context, name, options));
}

async function record(context: Context, name: string, options: RecordOptions): Promise<void> {
  const { inputs, signal, print } = context;
  const { registry, deploy, json } = options;
  if ((registry === undefined) === (deploy !== true)) {
    throw new PlimsollError("USAGE", "give either --registry or --deploy");
  }
  const [{ recordBook }, { BOOK_BYTES }, { verifyBatch }] = await Promise.all([
    import("../../app/record-book.ts"),
    import("../../document/book/steps.ts"),
    import("../../node/batch.ts"),
  ]);
  const { file, content: bytes } = await inputs.bytes(name, BOOK_BYTES);
  const trust = await trustOf(context, {});
  const signerAt = await signerNamed(context, options);
  const provider = await nodeOf(options);
  try {
    const consent = (leaving: RecordLeaving) => askToSend(context, options, leavingLines(leaving));
    const machine = { signer: await signerAt(provider), consent, verifyMany: verifyBatch, signal };
    const done = await recordBook(machine, { book: { bytes, file }, trust, registry });
    print(json, done, () => recordedText(done));
  } finally {
    provider.destroy();
  }
}

const leavingLines = ({ record, chainId, from, registry }: RecordLeaving): string[] => [
  ...(registry === undefined
    ? [`about to leave, to chain ${chainId}, signed by ${from}: a new registry of books`]
    : []),
  `about to leave, to ${registry ?? "the new registry"} on chain ${chainId}, signed by ${from}:`,
  `  the record of the book of ${record.date}, SHA-256 ${record.file}, for good`,
  "  everybody sees: root, commitment to the totals, hashes of file, policy and market, and your address",
];

function recordedText({ record, registry, venue, chainId, sent }: RecordedBook): string {
  return [
    `${sent === undefined ? "on record already" : "recorded"}: the book of ${record.date}, SHA-256 ${record.file}`,
    ...(sent === undefined ? [] : [`block ${sent.block}, transaction ${sent.transaction}`]),
    `tell readers: registry ${registry} on chain ${chainId}, recorded by ${venue}`,
  ].join("\n");
}

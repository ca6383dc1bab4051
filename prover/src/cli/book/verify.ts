// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book verify`: the reader's verdict on the public file of a book. */
import { Command } from "commander";
import type { BookTrust } from "../../app/verify-book.ts";
import type { BookCircuit } from "../../document/book/head.ts";
import type { BookRecords } from "../../document/book/record.ts";
import { PlimsollError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { many, optionTime } from "../options.ts";

interface VerifyOptions {
  readonly policy?: string;
  readonly market?: string;
  readonly trust?: string;
  readonly custody?: readonly string[];
  readonly date?: string;
  readonly registry?: string;
  readonly recordedBy?: string;
  readonly rpc?: string;
  readonly json?: boolean;
}

export function verifyCommand(context: Context): Command {
  const { inputs, signal, progress } = context;
  return new Command("verify")
    .argument("<book>", "the public file of a book")
    .description(
      "verify a book: every step, their chain, the totals, and what is held against them; needs no network unless you name a registry",
    )
    .option("--policy <file>", "your policy: a book under another one is refused")
    .option("--market <file>", "your market, with --policy: a book at another one is refused")
    .option("--trust <file>", "your trust file; without it, the keys of this installation are trusted")
    .option("--custody <file>", "what a custodian holds for the venue; may be repeated, and adds up", many)
    .option("--date <time>", "your date, for example 2026-11-22T12:00:00Z; else now")
    .option("--registry <address>", "the registry of books: what the venue has recorded there must be this book alone")
    .option("--recorded-by <address>", "with --registry: the venue's address, as you know it from elsewhere")
    .option("--rpc <url>", "with --registry: your node of its chain; else the one in PLIMSOLL_RPC")
    .option("--json", "print JSON")
    .action(async (name: string, options: VerifyOptions) => {
      const [{ verifyBook }, { bookVerdict }, { BOOK_BYTES }, { verifyBatch }, { printVerdict }] = await Promise.all([
        import("../../app/verify-book.ts"),
        import("../../report/book.ts"),
        import("../../document/book/steps.ts"),
        import("../../node/batch.ts"),
        import("../verdict.ts"),
      ]);
      const { file, content: bytes } = await inputs.bytes(name, BOOK_BYTES);
      const expected = await expectedFiles(context, options);
      const trust = await trustOf(context, options);
      const custody = [];
      for (const each of options.custody ?? []) custody.push(await inputs.text(each));
      const now = options.date === undefined ? new Date() : optionTime("--date", options.date);
      const machine = {
        verifyMany: verifyBatch,
        now: () => now,
        signal,
        onProgress: (steps: number, of: number) => progress(`${steps} of ${of} steps verified`),
      };
      const recorded = await recordedOf(options, { bytes, file });
      const verdict = await verifyBook(machine, { book: { bytes, file }, trust, expected, custody, recorded });
      printVerdict(context, options.json, bookVerdict(verdict), file);
    });
}

/** What the venue has recorded of the book's date, where the reader names a registry. */
async function recordedOf(
  options: VerifyOptions,
  { bytes, file }: { readonly bytes: Uint8Array; readonly file: string },
): Promise<BookRecords | undefined> {
  const { registry, recordedBy: venue } = options;
  if (registry === undefined && venue === undefined) return undefined;
  if (registry === undefined || venue === undefined) {
    throw new PlimsollError("USAGE", "give --registry and --recorded-by together");
  }
  const [{ readBookParts }, { readBookHead }, { decodeText }, { registryAt, readBookRecords }, { nodeOf }] =
    await Promise.all([
      import("../../document/book/steps.ts"),
      import("../../document/book/head.ts"),
      import("../../formats/text.ts"),
      import("../../chain/book-registry.ts"),
      import("../account/machine.ts"),
    ]);
  let date: string;
  try {
    date = readBookHead({ text: decodeText(readBookParts(bytes, file).head, file), file }).statement.date;
  } catch {
    return undefined; // no book: that is its verdict
  }
  const provider = await nodeOf(options);
  try {
    return await readBookRecords(await registryAt(provider, registry), venue, date);
  } finally {
    provider.destroy();
  }
}

async function expectedFiles({ inputs }: Context, { policy, market }: VerifyOptions) {
  if (policy === undefined) {
    if (market === undefined) return {};
    throw new PlimsollError("USAGE", "--market goes with --policy, by which it is read");
  }
  const [{ readPolicy }, { readMarket }] = await Promise.all([
    import("../../formats/policy.ts"),
    import("../../formats/market.ts"),
  ]);
  const policyText = await inputs.text(policy);
  const read = readPolicy(policyText.text, policyText.file);
  if (market === undefined) return { policySha256: read.sha256 };
  const marketText = await inputs.text(market);
  return { policySha256: read.sha256, marketSha256: readMarket(marketText.text, marketText.file, read).sha256 };
}

/** What the reader trusts: a trust file, or what is installed here. */
export async function trustOf({ inputs }: Context, { trust }: { readonly trust?: string }): Promise<BookTrust> {
  if (trust !== undefined) {
    const { readTrust } = await import("../../pack/trust.ts");
    const { maxAge, ...read } = readTrust(await inputs.text(trust));
    return { ...read, maxAge };
  }
  const [{ loadManifest }, { circuitsOf }] = await Promise.all([
    import("../../node/artifacts.ts"),
    import("../../statement/families.ts"),
  ]);
  const { circuits, origin } = await loadManifest();
  const keys = circuitsOf("book").flatMap((size: BookCircuit) => {
    const sha256 = circuits[size]?.verificationKey.sha256;
    return sha256 === undefined ? [] : [{ size, sha256, origin }];
  });
  return { keys, attesters: [] };
}

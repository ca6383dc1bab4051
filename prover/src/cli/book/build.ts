// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book build`: from a venue's accounts to a book that can be proven. */
import { Command, Option } from "commander";
import type { BelowLevel } from "../../app/build-book.ts";
import type { BookCircuit } from "../../document/book/head.ts";
import { PlimsollError, throwIfCancelled } from "../../errors.ts";
import { formatDecimal } from "../../formats/decimal.ts";
import { timeText } from "../../formats/time.ts";
import { writeSecret } from "../../node/files.ts";
import { circuitsOf } from "../../statement/families.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { type MarketOptions, optionLabel, optionLevel, optionTime, withMarket } from "../options.ts";

interface BuildOptions extends MarketOptions {
  readonly date: string;
  readonly level: string;
  readonly circuit: BookCircuit;
  readonly secret: string;
  readonly venue: string;
  readonly audience: string;
  readonly out: string;
  readonly below?: string;
}

export function buildCommand(context: Context): Command {
  return withMarket(new Command("build"))
    .argument("<accounts>", "all accounts: CSV account,symbol,amount, or a line of JSON for each; gzip or not")
    .description("build a book: commit to every account, each under a key of its own, and seal what proves it")
    .requiredOption("--date <time>", "the time of which the accounts are, for example 2026-11-22T08:00:00Z")
    .requiredOption("--level <level>", "the coverage that every account has: a level of the policy, or such as 100%")
    .addOption(
      new Option("--circuit <circuit>", "how many accounts one proof is of")
        .choices([...circuitsOf("book")])
        .default("book-60-16"),
    )
    .requiredOption("--secret <file>", "your master secret (plimsoll book secret makes one)")
    .requiredOption("--venue <name>", "whose book it is, in your own words")
    .option("--audience <text>", "whom or what it is for", "everyone")
    .addOption(
      new Destination(
        "new directory",
        "--out <directory>",
        "where to write the book; must not exist, or be empty",
      ).makeOptionMandatory(),
    )
    .option("--below <file>", "where to name accounts below the level, for you alone (default: <out>-below.csv)")
    .action((accounts: string, options: BuildOptions) => build(context, accounts, options));
}

async function build(context: Context, accounts: string, options: BuildOptions): Promise<void> {
  const { inputs, signal, print, progress } = context;
  const { circuit, venue, audience, out, json } = options;
  optionLabel("--venue", venue);
  optionLabel("--audience", audience);
  const date = timeText(optionTime("--date", options.date));
  const [app, { bookAccounts }, { newBookDirectory }, { readBookSecret }, formats, node] = await Promise.all([
    import("../../app/build-book.ts"),
    import("../../node/book-input.ts"),
    import("../../node/book-directory.ts"),
    import("../../document/book/secret.ts"),
    loadFormats(),
    loadNode(),
  ]);
  const given = await inputs.stream(accounts);
  // Not `await using` of the stream: that rejects where a refused line has ended it before its end.
  using _closed = { [Symbol.dispose]: () => given.content.destroy() };
  const [policyText, marketText] = [await inputs.text(options.policy), await inputs.text(options.market)];
  const policy = formats.readPolicy(policyText.text, policyText.file);
  const market = formats.readMarket(marketText.text, marketText.file, policy);
  const { level } = optionLevel("--level", options.level, policy.levels);
  const secret = readBookSecret(await inputs.secret(options.secret));
  const { identity, verificationKeyFile } = await node.loadVerificationKey(circuit);
  const key = { sha256: identity.verificationKeySha256, origin: identity.origin };
  const core = node.openSpongeCore();
  const directory = await newBookDirectory(out);
  const machine = {
    sponges: core.sponges,
    spill: directory.spill,
    shard: directory.shard,
    signal,
    onProgress: progressBy(progress),
  };
  const request = {
    accounts: bookAccounts(given, policy, market),
    secret,
    circuit,
    key,
    level,
    venue,
    date,
    audience,
    policy,
    market,
  };
  try {
    const built = await app.buildBook(machine, request);
    throwIfCancelled(signal);
    if (!built.ok) throw await belowLevel(built.below, options.below ?? `${out.replace(/\/+$/, "")}-below.csv`);
    const texts = { policy: policyText.text, market: marketText.text, verificationKey: verificationKeyFile };
    await directory.finish(built.head, built.totals, texts);
    print(
      json,
      { directory: out, ...built.head },
      () => `${built.head.statement.text}\nroot ${built.head.statement.root}`,
    );
  } catch (error) {
    await directory.discard();
    throw error instanceof PlimsollError && error.place.file === undefined && error.place.line !== undefined
      ? error.at({ file: given.file })
      : error;
  } finally {
    await core.close();
  }
}

async function loadFormats() {
  const [{ readPolicy }, { readMarket }] = await Promise.all([
    import("../../formats/policy.ts"),
    import("../../formats/market.ts"),
  ]);
  return { readPolicy, readMarket };
}

async function loadNode() {
  const [{ loadVerificationKey }, { openSpongeCore }] = await Promise.all([
    import("../../node/artifacts.ts"),
    import("../../node/sponges.ts"),
  ]);
  return { loadVerificationKey, openSpongeCore };
}

const PROGRESS_MS = 2_000;

function progressBy(progress: Context["progress"]) {
  let last = performance.now();
  return ({ accounts, shards }: { readonly accounts: number; readonly shards: number }) => {
    if (performance.now() - last < PROGRESS_MS) return;
    last = performance.now();
    progress(shards === 0 ? `${accounts} accounts read` : `${shards} shards written`);
  };
}

/** Names the accounts to the venue alone, and gives the error, which names none. */
async function belowLevel(below: readonly BelowLevel[], file: string): Promise<PlimsollError> {
  const rows = below.map(({ name, line, coverage }) => {
    const times = coverage === undefined ? "" : formatDecimal(coverage, 4);
    return `${/[",;\t]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name},${line},${times}\n`;
  });
  await writeSecret(file, ["account,line,coverage\n", ...rows].join(""));
  const accounts = below.length === 1 ? "1 account is" : `${below.length} accounts are`;
  return new PlimsollError("BELOW_LEVEL", `${accounts} below the level; which, this file says to you alone`, { file });
}

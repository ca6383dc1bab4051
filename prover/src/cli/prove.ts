// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll prove`: proofs that accounts cover their margin. */
import path from "node:path";
import { Command } from "commander";
import type { KeyedAccount } from "../app/provable.ts";
import type { CoverageClaim } from "../app/prove.ts";
import { foreign } from "../document/words.ts";
import { EXIT, PlimsollError, throwIfCancelled } from "../errors.ts";
import { formatJson } from "../formats/json.ts";
import { checkDestination, writeDirectory } from "../node/files.ts";
import type { Prover } from "../prove/prover.ts";
import { factText, nameText } from "../report/terminal.ts";
import { table } from "../report/text.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import {
  type AccountOptions,
  type ClaimOptions,
  claimed,
  loadAccounts,
  loadViewingKey,
  optionLabel,
  withAccounts,
  withClaim,
} from "./options.ts";

interface ProveOptions extends AccountOptions, ClaimOptions {
  readonly key?: string;
  readonly keys?: string;
  readonly audience: string;
  readonly out?: string;
}

export function proveCommand(context: Context): Command {
  return withClaim(withAccounts(new Command("prove")), "prove")
    .description("prove that coverage is at least, or below, a level: of one account, or of all in the tables")
    .option("--key <file>", "viewing key")
    .option("--keys <directory>", "in place of --key: a directory with the viewing key of each account, NAME.key")
    .requiredOption("--audience <text>", "reader or request that the proof is for; it is valid for no other")
    .addOption(
      new Destination(
        undefined,
        "--out <file>",
        "where to write the proof, else stdout; for several accounts a directory that must not exist, or be empty",
      ),
    )
    .action(async (options: ProveOptions) => {
      const audience = optionLabel("--audience", options.audience);
      if ((options.key === undefined) === (options.keys === undefined)) {
        throw new PlimsollError("USAGE", "give either --key or --keys");
      }
      const { policy, market, holders, several } = await loadAccounts(context, options);
      const level = claimed(options, policy.levels);
      if (level === undefined) throw new PlimsollError("USAGE", "give either --at-least or --below");
      if (several && (options.key !== undefined || options.out === undefined)) {
        throw new PlimsollError("USAGE", "several accounts need --keys, and --out with a directory");
      }
      if (options.out !== undefined) await checkDestination(options.out, several ? "new directory" : "file");
      const accounts: NamedAccount[] = [];
      for (const holder of holders) {
        const { name } = holder;
        const key = options.key ?? path.join(options.keys!, `${fileName(name)}.key`);
        accounts.push({ ...holder, viewingKey: await loadViewingKey(context, key) });
      }
      const { createProver } = await import("../node/prover.ts");
      const prover = createProver();
      try {
        const work = several ? proveAll : proveOne;
        await work(context, prover, accounts, { ...level, audience, policy, market }, options);
      } finally {
        await prover.close();
      }
    });
}

type NamedAccount = { readonly name: string } & KeyedAccount;

type Work = (
  context: Context,
  prover: Prover,
  accounts: readonly NamedAccount[],
  claim: CoverageClaim,
  options: ProveOptions,
) => Promise<void>;

const proveOne: Work = async ({ signal, progress, deliver, print }, prover, [first], claim, { out, json }) => {
  const { proveCoverage } = await import("../app/prove.ts");
  const onStep = (step: string, size: string) => progress(`${step} (${size})`);
  const envelope = await proveCoverage(prover, first!, claim, { signal, onStep });
  throwIfCancelled(signal);
  await deliver(out, formatJson(envelope));
  if (out !== undefined) print(json, { file: out, statement: envelope.statement }, () => envelope.statement.text);
};

/** A directory with a proof of each account of which the claim is true, and a private summary of all. */
const proveAll: Work = async ({ signal, progress, print }, prover, accounts, claim, { out, json }) => {
  const { claimWords, proveAccounts } = await import("../app/prove.ts");
  const onAccount = (name: string, index: number) => progress(`${index + 1} of ${accounts.length}: ${nameText(name)}`);
  const outcomes = await proveAccounts(prover, accounts, claim, { signal, onAccount });
  throwIfCancelled(signal);
  const summary = {
    claim: `coverage ${claimWords(claim)}`,
    audience: claim.audience,
    accounts: outcomes.map(({ account, commitment, envelope }) => ({
      account,
      commitment,
      proven: envelope !== undefined,
      file: envelope === undefined ? null : proofFile(account),
    })),
  };
  await writeDirectory(out!, [
    { name: "summary.json", text: formatJson(summary), secret: true },
    ...outcomes.flatMap(({ account, envelope }) =>
      envelope === undefined ? [] : [{ name: proofFile(account), text: formatJson(envelope) }],
    ),
  ]);
  print(json, { directory: out, ...summary }, () =>
    [
      summary.claim,
      factText({ label: "made for", value: foreign(summary.audience, "reader") }),
      "",
      table(
        ["account", "answer", "file"],
        summary.accounts.map(({ account, proven, file }) => [
          foreign(account, "account file"),
          proven ? "proven" : "not true",
          file ?? "",
        ]),
      ),
    ].join("\n"),
  );
  if (outcomes.some(({ envelope }) => envelope === undefined)) process.exitCode = EXIT.no;
};

const proofFile = (account: string) => `proofs/${fileName(account)}.json`;

/** An account's name as the name of a file. */
function fileName(name: string): string {
  if (/^[^./\\:][^/\\:]*$/.test(name)) return name;
  throw new PlimsollError(
    "USAGE",
    "the name of an account cannot be that of a file (it begins with a dot, or has / \\ or :); prove it alone, with --name and --key",
  );
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The command line: options to readers to library to print.
 *
 * Results go to stdout and nothing else does; progress, warnings and errors go to stderr. On an error nothing is
 * written. SIGINT and SIGTERM stop the work at its next step.
 */
import { Command, CommanderError } from "commander";
import packageJson from "../../../package.json" with { type: "json" };
import { EXIT, PlimsollError, throwIfCancelled } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import {
  type AccountFile,
  accountDocument,
  newViewingKey,
  readAccount,
  readAccountTables,
  readViewingKey,
} from "../formats/account.ts";
import { lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { formatJson, isLabel, type Json } from "../formats/json.ts";
import { readMarket, unsigned64 } from "../formats/market.ts";
import { LEVELS, type LevelName, readPolicy } from "../formats/policy.ts";
import { CIRCUITS } from "../model/sizes.ts";
import { Inputs, writeDirectory, writeResult, writeSecret } from "../node/files.ts";
import type { Direction } from "../statement/account.ts";
import { type LevelBps, levelBps } from "../units.ts";
import { ceremonyCommand } from "./ceremony.ts";
import { addDisclosureCommands } from "./disclosure.ts";
import { addMarketCommands, readHistories } from "./market.ts";
import { addOracleCommands } from "./oracle.ts";
import { packCommand } from "./pack.ts";
import type { Examination } from "./rebuild.ts";
import { levelWord } from "./text.ts";

const EXIT_HELP = `
Exit codes
  ${EXIT.ok}   done; the answer is yes
  ${EXIT.no}   done; the answer is no: the proof was refused, or the statement is false of the account
  ${EXIT.input}   bad input: a file, a field or the command line
  ${EXIT.artifacts}   circuits or keys are missing, damaged or must not be used
  ${EXIT.cancelled}   cancelled by SIGINT or SIGTERM
  ${EXIT.notCurrent}   done; the pack is valid and not current
  ${EXIT.internal}  a defect in plimsoll, or too little memory

A file given as - is standard input (at most one). Results go to stdout, progress and errors to stderr.
Circuits and keys are read from build/ of the package, or from the directory in PLIMSOLL_BUILD.
The fastest prover that is here proves, or the one in PLIMSOLL_BACKEND: native, wasm or snarkjs (see doctor).`;

const cancellation = new AbortController();
const { signal } = cancellation;
const inputs = new Inputs(signal);

const progress = (line: string) => process.stderr.write(`plimsoll: ${line}\n`);

/** Prints a result: as JSON for machines, else as text. */
function print(json: boolean | undefined, value: unknown, text: () => string): void {
  const replacer = (_: string, member: unknown) => (typeof member === "bigint" ? member.toString() : member);
  process.stdout.write(json ? `${JSON.stringify(value, replacer, 2)}\n` : `${text()}\n`);
}

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

async function loadMarket(options: MarketOptions) {
  const policyText = await inputs.text(options.policy);
  const policy = readPolicy(policyText.text, policyText.file);
  const marketText = await inputs.text(options.market);
  return { policy, market: readMarket(marketText.text, marketText.file, policy) };
}

async function loadAccount(options: AccountOptions) {
  const { policy, market } = await loadMarket(options);
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

async function loadViewingKey(name: string): Promise<FieldElement> {
  const { text, file } = await inputs.text(name);
  return readViewingKey(text, file);
}

/** A whole number given as an option. */
function optionInteger<T>(option: string, text: string, unit: (value: bigint) => T): T {
  try {
    return unit(lotsOf(parseDecimal(text), lotOfDecimals(0)));
  } catch (error) {
    throw error instanceof PlimsollError ? new PlimsollError("USAGE", error.rule, { field: option }) : error;
  }
}

function optionCommitment(option: string, text: string | undefined): bigint | undefined {
  if (text === undefined || /^(0|[1-9][0-9]{0,77})$/.test(text)) return text === undefined ? undefined : BigInt(text);
  throw new PlimsollError("USAGE", "expected a commitment: a decimal number", { field: option });
}

interface ClaimOptions {
  readonly atLeast?: string;
  readonly below?: string;
  readonly audience?: string;
}

/** The claim that options name, if any; `name` where its level was given by name. */
function claimed({ atLeast, below }: ClaimOptions, levels: Readonly<Record<LevelName, LevelBps>>) {
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

const program = new Command("plimsoll")
  .description("Prove that a margin account covers its margin, without showing what is in it; and verify such proofs.")
  .version(packageJson.version)
  .addHelpText("after", EXIT_HELP)
  .showHelpAfterError("(--help shows the options)")
  .exitOverride();

const withMarket = (command: Command) =>
  command
    .requiredOption("--policy <file>", "policy, JSON")
    .requiredOption("--market <file>", "market, JSON")
    .option("--json", "print JSON");

const withAccount = (command: Command) =>
  withMarket(command)
    .option("--account <file>", "account, JSON")
    .option("--portfolio <file>", "in place of --account: CSV account,asset,amount")
    .option("--positions <file>", "in place of --account: CSV account,instrument,quantity")
    .option("--name <account>", "which account of the CSV files")
    .option("--sequence <count>", "with CSV files: how many proofs the account has had accepted (default 0)");

program
  .command("init")
  .argument("<directory>", "a directory that does not exist yet")
  .description("write the files of a sample firm, with a page that explains them")
  .option("--json", "print JSON")
  .action(async (directory: string, { json }: { json?: boolean }) => {
    const { init } = await import("./init.ts");
    const files = await init(directory);
    print(json, { directory, files }, () => `${directory}: ${files.join(", ")}`);
  });

withAccount(program.command("value"))
  .description("value an account and work out its margin (prints private figures)")
  .action(async (options: AccountOptions) => {
    const { policy, market, holder } = await loadAccount(options);
    const { renderValuation, valueAccount } = await import("./value.ts");
    const valuation = valueAccount(holder, policy, market);
    print(options.json, valuation, () => renderValuation(valuation));
  });

withAccount(program.command("outlook"))
  .description("what may become of an account, and the least that would help (prints private figures)")
  .requiredOption("--input <file>", "what the market follows from, JSON")
  .requiredOption("--prices <csv...>", "daily closes of every underlying held; the name up to a dash is the underlying")
  .option("--hours <count>", "how far ahead, 1 to 720", "24")
  .option("--report <file>", "also write a page with charts, private as well")
  .action(async (options: AccountOptions & { input: string; prices: string[]; hours: string; report?: string }) => {
    const hours = optionInteger("--hours", options.hours, (value) => {
      if (value < 1n || value > 720n) throw new PlimsollError("OUT_OF_RANGE", "expected 1 to 720");
      return Number(value);
    });
    const { policy, market, holder } = await loadAccount(options);
    const input = await inputs.text(options.input);
    const histories = await readHistories(inputs, options.prices);
    const { lookAhead, renderAhead, renderAheadPage } = await import("./outlook.ts");
    const { readMarketInput } = await import("../risk/input.ts");
    const follows = readMarketInput(input.text, input.file);
    const ahead = lookAhead(holder, policy, market, follows, histories, { hours, paths: 20_000, seed: 1 });
    if (options.report !== undefined) await writeResult(options.report, renderAheadPage(ahead));
    print(options.json, ahead, () => renderAhead(ahead));
  });

withAccount(program.command("commit"))
  .description("print the commitment to an account's state")
  .option("--key <file>", "viewing key")
  .option("--new-key <file>", "make a viewing key, readable by you alone, and use it; never overwrites")
  .action(async (options: AccountOptions & { key?: string; newKey?: string }) => {
    const { key, newKey } = options;
    if ((key === undefined) === (newKey === undefined)) {
      throw new PlimsollError("USAGE", "give either --key or --new-key");
    }
    const { holder } = await loadAccount(options);
    const made = newViewingKey();
    const viewingKey = key === undefined ? readViewingKey(made, newKey!) : await loadViewingKey(key);
    const { commitState } = await import("../model/commit.ts");
    const commitment = commitState({ ...holder.account, viewingKey });
    throwIfCancelled(signal);
    if (newKey !== undefined) await writeSecret(newKey, made);
    const { size, sequence } = holder.account;
    print(options.json, { commitment, size, sequence }, () => commitment.toString());
  });

withAccount(program.command("prove"))
  .description("prove that an account's coverage is at least, or below, a level")
  .requiredOption("--key <file>", "viewing key")
  .option("--at-least <level>", `${LEVELS.map(levelWord).join(", ")}, or basis points`)
  .option("--below <level>", "the same, for the opposite claim")
  .requiredOption("--audience <text>", "for whom or what the proof is: it is good for nothing else")
  .option("--out <file>", "where to write the proof; else stdout")
  .action(async (options: AccountOptions & ClaimOptions & { key: string; audience: string; out?: string }) => {
    const { audience, out } = options;
    if (!isLabel(audience)) {
      throw new PlimsollError("USAGE", "expected 1 to 200 visible characters", { field: "--audience" });
    }
    const { policy, market, holder } = await loadAccount(options);
    const claim = claimed(options, policy.levels);
    if (claim === undefined) throw new PlimsollError("USAGE", "give either --at-least or --below");
    const { level, direction, name } = claim;
    const before = { ...holder.account, viewingKey: await loadViewingKey(options.key) };

    const [{ createProver }, { proveEnvelope }, { NO_TRANSFER, noFill }] = await Promise.all([
      import("../node/prover.ts"),
      import("../document/proof.ts"),
      import("../model/transition.ts"),
    ]);
    const transition = { transfer: NO_TRANSFER, fill: noFill(before.size), side: 1n } as const;
    const prover = createProver();
    try {
      const envelope = await proveEnvelope(
        prover,
        { before, transition, level, direction, audience, policy, market },
        { signal, onStep: (step, size) => progress(`${step} (${size})`) },
      );
      throwIfCancelled(signal);
      const text = formatJson(envelope as unknown as Json);
      if (out === undefined) process.stdout.write(text);
      else {
        await writeResult(out, text);
        print(options.json, { file: out, statement: envelope.statement }, () => envelope.statement.text);
      }
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code !== "STATEMENT_FALSE") throw error;
      const words = `${direction === "below" ? "below" : "at least"} ${name === undefined ? "" : `the ${name} level of `}`;
      throw new PlimsollError(
        "STATEMENT_FALSE",
        `the coverage of this account is not ${words}${level} basis points, so no proof of it exists`,
      );
    } finally {
      await prover.close();
    }
  });

const many = (value: string, values: string[]) => [...values, value];

interface MergeOptions extends MarketOptions {
  readonly account: string[];
  readonly key: string[];
  readonly name: string;
  readonly audience: string;
  readonly out: string;
}

withMarket(program.command("merge"))
  .description("add up accounts, such as those at several custodians, and prove that the sum is theirs")
  .requiredOption("--account <file>", "an account, JSON; twice or more", many, [])
  .requiredOption("--key <file>", "the viewing key of each account, in the same order", many, [])
  .requiredOption("--name <text>", "what to call the sum")
  .requiredOption("--audience <text>", "for whom or what it is, as of the proof that will rest on it")
  .requiredOption("--out <directory>", "where to write account.json, viewing.key (both private), merge-1.json …")
  .action(async (options: MergeOptions) => {
    for (const [field, text] of [
      ["--name", options.name],
      ["--audience", options.audience],
    ] as const) {
      if (!isLabel(text)) throw new PlimsollError("USAGE", "expected 1 to 200 visible characters", { field });
    }
    if (options.account.length !== options.key.length) {
      throw new PlimsollError("USAGE", "expected as many --key as --account");
    }
    const { policy, market } = await loadMarket(options);
    const parts = [];
    for (const [index, name] of options.account.entries()) {
      const { text, file } = await inputs.text(name);
      const { account } = readAccount(text, file, policy, market);
      parts.push({ ...account, viewingKey: await loadViewingKey(options.key[index]!) });
    }
    const [{ createProver }, { provePortfolio }] = await Promise.all([
      import("../node/prover.ts"),
      import("../app/portfolio.ts"),
    ]);
    const prover = createProver();
    try {
      const { account, merges } = await provePortfolio(prover, parts, options.audience, {
        signal,
        onStep: (step, size) => progress(`${step} (${size})`),
      });
      throwIfCancelled(signal);
      const json = (document: object) => formatJson(document as Json);
      const files = [
        {
          name: "account.json",
          text: json(accountDocument({ name: options.name, account }, policy, market)),
          secret: true,
        },
        { name: "viewing.key", text: `${account.viewingKey}\n`, secret: true },
        ...merges.map((merge, index) => ({ name: `merge-${index + 1}.json`, text: json(merge) })),
      ];
      await writeDirectory(options.out, files);
      const commitment = merges.at(-1)!.publicSignals[2]!;
      print(
        options.json,
        { directory: options.out, files: files.map(({ name }) => name), commitment },
        () => commitment,
      );
    } finally {
      await prover.close();
    }
  });

withMarket(program.command("verify"))
  .argument("<proof>", "proof file")
  .description("verify a proof against a published policy and market; needs no secret and no network")
  .option("--state-before <commitment>", "the commitment that the account is known to have had")
  .option("--state-after <commitment>", "the commitment that the account is known to have")
  .option("--at-least <level>", "refuse a proof of anything else: a level of the policy, or basis points")
  .option("--below <level>", "the same, for the opposite claim")
  .option("--audience <text>", "refuse a proof made for anyone or anything else")
  .action(
    async (proof: string, options: MarketOptions & ClaimOptions & { stateBefore?: string; stateAfter?: string }) => {
      const before = optionCommitment("--state-before", options.stateBefore);
      const after = optionCommitment("--state-after", options.stateAfter);
      const [{ verifyEnvelope }, { loadVerifier }] = await Promise.all([
        import("../document/proof.ts"),
        import("../node/verifier.ts"),
      ]);
      const envelope = await inputs.text(proof);
      const policy = await inputs.text(options.policy);
      const market = await inputs.text(options.market);
      // The reader's own files are input, not evidence: what is wrong with them is not held against the proof.
      const published = readPolicy(policy.text, policy.file);
      readMarket(market.text, market.file, published);
      const asked = { ...claimed(options, published.levels), audience: options.audience };
      const expectedStates = { before, after };
      const verdict = await verifyEnvelope({ envelope, policy, market, expectedStates, asked }, (size) =>
        loadVerifier(size),
      );
      print(options.json, verdict, () =>
        verdict.ok
          ? [
              `valid: ${verdict.statement.text}`,
              `for: ${verdict.statement.audience}`,
              ...verdict.notProven.map(({ code, text }) => `not proven (${code}): ${text}`),
            ].join("\n")
          : `refused (${verdict.reason}): ${verdict.detail}`,
      );
      const unreadable = !verdict.ok && verdict.reason === "ENVELOPE_MALFORMED";
      process.exitCode = verdict.ok ? EXIT.ok : unreadable ? EXIT.input : EXIT.no;
    },
  );

program
  .command("inspect")
  .argument("<proof>", "proof file")
  .description("say in words what a proof file claims; verifies nothing")
  .option("--json", "print JSON")
  .action(async (proof: string, { json }: { json?: boolean }) => {
    const text = await inputs.text(proof);
    const { describe, readEnvelope } = await import("../document/proof.ts");
    const description = describe(readEnvelope(text));
    print(json, description, () =>
      [
        "not verified; the file claims:",
        description.sentence,
        `for: ${description.audience}`,
        "",
        ...description.facts.map(({ label, value }) => `${label}: ${value}`),
        "",
        ...description.signals.map((signal) => {
          const place = "index" in signal ? `${signal.index}` : `${signal.from} to ${signal.to}`;
          const value = signal.value === undefined ? "" : `\n    ${signal.value}`;
          return `signal ${place}, ${signal.name}: ${signal.meaning} (${signal.unit})${value}`;
        }),
        "",
        ...description.notProven.map(({ text }) => `not proven: ${text}`),
      ].join("\n"),
    );
  });

addDisclosureCommands(program, {
  inputs,
  signal,
  print,
  progress,
  withAccount,
  withMarket,
  loadAccount,
  loadViewingKey,
});

program.addCommand(packCommand({ inputs, signal, print }).exitOverride());
program.addCommand(ceremonyCommand({ inputs, signal, print }).exitOverride());

addMarketCommands(program, inputs, print);
addOracleCommands(program, inputs, signal);

program
  .command("doctor")
  .description("check versions, circuits, keys and memory, and say which prover runs and why")
  .option("--rebuild", "compile the circuits from their sources, and hold identities and keys against them")
  .option("--size <circuit...>", `with --rebuild: which (default all that have keys): ${CIRCUITS.join(", ")}`)
  .option("--json", "print JSON")
  .action(async ({ json, rebuild, size }: { json?: boolean; rebuild?: boolean; size?: string[] }) => {
    if (rebuild) return rebuildCircuits(size, json);
    if (size !== undefined) throw new PlimsollError("USAGE", "--size goes with --rebuild");
    const { diagnose, renderDiagnosis } = await import("./doctor.ts");
    const diagnosis = await diagnose(packageJson.version);
    print(json, diagnosis, () => renderDiagnosis(diagnosis));
    process.exitCode = diagnosis.usable ? EXIT.ok : EXIT.artifacts;
  });

async function rebuildCircuits(names: string[] | undefined, json: boolean | undefined): Promise<void> {
  const [{ examineRebuilt }, { loadManifest }, { endThreads }] = await Promise.all([
    import("./rebuild.ts"),
    import("../node/artifacts.ts"),
    import("../prove/snarkjs.ts"),
  ]);
  const unknown = names?.find((name) => !(CIRCUITS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new PlimsollError("USAGE", `expected some of ${CIRCUITS.join(", ")}`, { field: "--size" });
  }
  const { circuits } = names === undefined ? await loadManifest() : { circuits: undefined };
  const wanted = CIRCUITS.filter((name) => names?.includes(name) ?? circuits?.[name] !== undefined);
  const examinations: Examination[] = [];
  try {
    for (const circuit of wanted) {
      throwIfCancelled(signal);
      examinations.push(await examineRebuilt(circuit, progress));
    }
  } finally {
    await endThreads();
  }
  const ok = examinations.every((examination) => examination.ok);
  print(json, { ok, circuits: examinations }, () =>
    examinations
      .flatMap(({ circuit, checks }) =>
        checks.map((each) => `${circuit}: ${each.ok ? "yes" : "NO"}, ${each.what} (${each.detail})`),
      )
      .join("\n"),
  );
  process.exitCode = ok ? EXIT.ok : EXIT.artifacts;
}

/** One line on stderr, or one JSON object with --json, and the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.input;
  const json = process.argv.includes("--json");
  if (error instanceof PlimsollError) {
    const { code, message, rule, place, exitCode } = error;
    process.stderr.write(
      json ? `${JSON.stringify({ error: { code, rule, ...place } })}\n` : `plimsoll: ${code}: ${message}\n`,
    );
    return exitCode;
  }
  // Neither message nor properties: they may hold anything. Where it happened holds no values.
  const stack = error instanceof Error ? (error.stack ?? "").replace(error.message, "") : "";
  const frames = stack.split("\n").filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line));
  const rule = "a defect in plimsoll; please report the lines below";
  process.stderr.write(
    json
      ? `${JSON.stringify({ error: { code: "INTERNAL", rule, frames } })}\n`
      : `plimsoll: INTERNAL: ${rule}\n${frames.join("\n")}\n`,
  );
  return EXIT.internal;
}

for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => cancellation.abort());
// A reader that has seen enough (head, less) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") process.exitCode = EXIT.input;
});
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

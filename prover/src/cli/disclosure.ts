// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll disclose` for a firm, `plimsoll disclosure` for the auditor to whom it discloses. */
import path from "node:path";
import { Command } from "commander";
import type { DisclosureQuestion } from "../app/disclose.ts";
import type { NamedFigure } from "../document/disclosure.ts";
import { foreign } from "../document/words.ts";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { lotsOf, parseDecimal } from "../formats/decimal.ts";
import { formatJson } from "../formats/json.ts";
import { writeNew, writeSecret } from "../node/files.ts";
import { factText } from "../report/terminal.ts";
import type { CircuitName } from "../statement/families.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import {
  type AccountOptions,
  asOption,
  loadAccount,
  loadMarket,
  loadViewingKey,
  type MarketOptions,
  optionCommitment,
  optionLabel,
  withAccount,
  withMarket,
} from "./options.ts";

interface DiscloseOptions extends AccountOptions, BandOptions {
  readonly key: string;
  readonly to: string;
  readonly figure: string;
  readonly audience: string;
  readonly ledger?: string;
  readonly overBudget?: boolean;
  readonly out?: string;
}

interface BandOptions {
  readonly step?: string;
  readonly exact?: boolean;
  readonly low?: string;
  readonly high?: string;
}

interface VerifyOptions extends MarketOptions {
  readonly key: string;
  readonly state?: string;
  readonly listing?: string;
  readonly figure?: string;
  readonly audience?: string;
}

const stepsOf = ({ signal, progress }: Context) => ({
  signal,
  onStep: (step: string, circuit: CircuitName) => progress(`${step} (${circuit})`),
});

export function discloseCommand(context: Context): Command {
  const { inputs, signal, print, progress } = context;
  const steps = stepsOf(context);
  return withAccount(new Command("disclose"))
    .description("show one figure of an account, within a band, to one auditor, and to nobody else")
    .requiredOption("--key <file>", "viewing key")
    .requiredOption("--to <file>", "the auditor's public key, received from the auditor")
    .requiredOption("--figure <name>", "equity, cash, asset:<symbol> or instrument:<symbol>")
    .option("--step <amount>", "the band is the one that holds the figure on a grid of this step")
    .option("--low <amount>", "the band begins here; open below where left out")
    .option("--high <amount>", "the band ends here; open above where left out")
    .option("--exact", "no band: the figure itself")
    .requiredOption("--audience <text>", "the request that this answers")
    .option("--ledger <file>", "record of earlier disclosures; else disclosures.json beside the viewing key")
    .option("--over-budget", "disclose even if it reveals more than the budget allows")
    .addOption(
      new Destination(
        "new file",
        "--out <file>",
        "where to write the disclosure, readable by you alone; never overwrites; else stdout",
      ),
    )
    .action(async (options: DiscloseOptions) => {
      const { audience, out } = options;
      optionLabel("--audience", audience);
      const { policy, market, holder } = await loadAccount(context, options);
      const account = { ...holder.account, viewingKey: await loadViewingKey(context, options.key) };
      const keyText = await inputs.text(options.to);
      const [{ readAuditorKey }, { namedFigure }, { excessWords, proveDisclosure }, node] = await Promise.all([
        import("../document/auditor-key.ts"),
        import("../document/disclosure.ts"),
        import("../app/disclose.ts"),
        loadNode(),
      ]);
      const to = readAuditorKey(keyText);
      const figure = namedFigure(options.figure, policy, market);
      const question = questionOf(options, figure);
      const { overBudget } = options;
      const prover = node.createProver();
      const machine = {
        ...steps,
        prover,
        verifierFor: node.loadVerifier,
        ledger: node.fileLedger(ledgerOf(options)),
        now: () => new Date(),
      };
      try {
        const { exceptions, unsettled } = holder;
        const departures = { ...(exceptions && { exceptions }), ...(unsettled && { unsettled }) };
        const order = { account, ...departures, figure, question, audience, policy, market, to, overBudget };
        const { envelope, excess } = await proveDisclosure(machine, order);
        throwIfCancelled(signal);
        if (excess.length > 0) progress(`over budget: ${excessWords(excess)}`);
        const text = formatJson(envelope);
        if (out === undefined) process.stdout.write(text);
        else {
          await writeSecret(out, text);
          const result = { file: out, statement: envelope.statement, to: to.holder, excess };
          const auditor = { label: "to", value: foreign(to.holder, "auditor") };
          print(options.json, result, () => `${envelope.statement.text}\n${factText(auditor)}`);
        }
      } catch (error) {
        if (!(error instanceof PlimsollError)) throw error;
        if (error.code === "PROOF_REFUSED") throw error.at({ file: keyText.file });
        if (error.code !== "BUDGET_EXCEEDED") throw error;
        throw new PlimsollError("BUDGET_EXCEEDED", `${error.rule}; --over-budget discloses nevertheless`);
      } finally {
        await prover.close();
      }
    });
}

/** What only Node has. */
async function loadNode() {
  const [{ createProver }, { loadVerifier }, { fileLedger }] = await Promise.all([
    import("../node/prover.ts"),
    import("../node/verifier.ts"),
    import("../node/disclosure-ledger.ts"),
  ]);
  return { createProver, loadVerifier, fileLedger };
}

function auditorKeyCommand(context: Context): Command {
  const { signal, print } = context;
  const steps = stepsOf(context);
  return new Command("key")
    .description("make a secret that only you have, and the public key that firms disclose to")
    .requiredOption("--holder <text>", "whose key it is")
    .addOption(
      new Destination(
        "new file",
        "--secret <file>",
        "where to write the secret, readable by you alone; never overwrites",
      ).makeOptionMandatory(),
    )
    .addOption(
      new Destination(
        "new file",
        "--out <file>",
        "where to write the public key; never overwrites",
      ).makeOptionMandatory(),
    )
    .option("--json", "print JSON")
    .action(async (options: { holder: string; secret: string; out: string; json?: boolean }) => {
      const { holder } = options;
      optionLabel("--holder", holder);
      const [{ newAuditorSecret, readAuditorSecret }, { makeAuditorKey }, { createProver }] = await Promise.all([
        import("../document/auditor-key.ts"),
        import("../app/auditor-key.ts"),
        import("../node/prover.ts"),
      ]);
      const text = newAuditorSecret();
      const secret = readAuditorSecret({ text, file: options.secret });
      const prover = createProver();
      try {
        const key = await makeAuditorKey({ ...steps, prover }, { secret, holder });
        throwIfCancelled(signal);
        await writeSecret(options.secret, text);
        await writeNew(options.out, formatJson(key));
        print(options.json, { holder, key: key.key, file: options.out }, () => key.key);
      } finally {
        await prover.close();
      }
    });
}

export function disclosureCommand(context: Context): Command {
  const { inputs } = context;
  const disclosure = new Command("disclosure")
    .description("the auditor's side of disclosures: a key of your own, and verification with it")
    .addCommand(auditorKeyCommand(context));

  withMarket(disclosure.command("verify"))
    .argument("<disclosure>", "disclosure file")
    .description("verify a disclosure that was made to you; needs your secret and no network")
    .requiredOption("--key <file>", "your secret")
    .option("--state <commitment>", "the commitment that the account is known to have: from a chain or a verified pack")
    .option(
      "--listing <sha256>",
      "names and units that the account is known to be kept under: from an attestation of it",
    )
    .option("--figure <name>", "refuse a disclosure of anything else")
    .option("--audience <text>", "refuse an answer to any other request")
    .action(async (name: string, options: VerifyOptions) => {
      const [{ verifyDisclosure }, { FIGURE }, { readAuditorSecret }, { loadVerifier }, told, { printVerdict }] =
        await Promise.all([
          import("../app/verify-disclosure.ts"),
          import("../document/disclosure.ts"),
          import("../document/auditor-key.ts"),
          import("../node/verifier.ts"),
          import("../report/verdict.ts"),
          import("./verdict.ts"),
        ]);
      const expectedState = optionCommitment("--state", options.state);
      const envelope = await inputs.text(name);
      // The reader's own files are input, not evidence: what is wrong with them is not held against the disclosure.
      const { policy, market } = await loadMarket(context, options);
      const secret = readAuditorSecret(await inputs.secret(options.key));
      const { figure, audience, listing: expectedListing } = options;
      const request = { envelope, policy, market, secret, expectedState, expectedListing, asked: { figure, audience } };
      const verdict = await verifyDisclosure({ verifierFor: loadVerifier }, request);
      printVerdict(context, options.json, told.documentVerdict(FIGURE, verdict));
    });
  return disclosure;
}

/** What options ask of a figure. */
function questionOf({ step, exact, low, high }: BandOptions, { lot }: NamedFigure): DisclosureQuestion {
  const ways = [step !== undefined, exact === true, low !== undefined || high !== undefined];
  if (ways.filter((way) => way).length !== 1) {
    throw new PlimsollError("USAGE", "give --step, or --low and --high or one of them, or --exact");
  }
  if (exact === true) return "exact";
  const lots = (option: string, text: string) => asOption(option, () => lotsOf(parseDecimal(text), lot));
  if (step !== undefined) {
    const width = lots("--step", step);
    if (width <= 0n) throw new PlimsollError("USAGE", "expected a step above zero", { field: "--step" });
    return { step: width };
  }
  const band = {
    low: low === undefined ? undefined : lots("--low", low),
    high: high === undefined ? undefined : lots("--high", high),
  };
  if (band.low !== undefined && band.high !== undefined && band.low > band.high) {
    throw new PlimsollError("USAGE", "expected --low at or below --high");
  }
  return band;
}

/** Where the ledger of a viewing key is. */
function ledgerOf({ ledger, key }: Pick<DiscloseOptions, "ledger" | "key">): string {
  if (ledger !== undefined) return ledger;
  if (key === "-") throw new PlimsollError("USAGE", "a key on standard input has no folder: give --ledger");
  return path.join(path.dirname(key), "disclosures.json");
}

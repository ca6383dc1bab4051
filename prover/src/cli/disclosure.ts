// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll disclose` for a firm, `plimsoll disclosure` for the auditor to whom it discloses. */
import { access } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import type { NamedFigure, OpenBand } from "../document/disclosure.ts";
import type { Excess } from "../document/disclosure-ledger.ts";
import { EXIT, PlimsollError, throwIfCancelled } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import { formatLots, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { documentSha256, formatJson, type Json } from "../formats/json.ts";
import { writeResult, writeSecret } from "../node/files.ts";
import type { CircuitName } from "../statement/families.ts";
import type { Context } from "./context.ts";
import {
  type AccountOptions,
  asOption,
  loadAccount,
  loadViewingKey,
  type MarketOptions,
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

const EXCESS: Readonly<Record<Excess, string>> = {
  OTHER_QUESTION: "this figure has been asked about in other bands",
  TOO_NARROW: "the band is narrow beside the figure",
  TOO_MANY: "the answers for 30 days are used up",
};

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
    .requiredOption("--to <file>", "the auditor's public key, got from the auditor")
    .requiredOption("--figure <name>", "equity, cash, asset:<symbol> or instrument:<symbol>")
    .option("--step <amount>", "the band is the one that holds the figure on a grid of this step")
    .option("--low <amount>", "the band begins here; open below where left out")
    .option("--high <amount>", "the band ends here; open above where left out")
    .option("--exact", "no band: the figure itself")
    .requiredOption("--audience <text>", "which request this answers")
    .option("--ledger <file>", "what has been disclosed so far; else disclosures.json beside the viewing key")
    .option("--over-budget", "disclose even where it tells more than the budget allows")
    .option("--out <file>", "where to write the disclosure, readable by you alone; never overwrites; else stdout")
    .action(async (options: DiscloseOptions) => {
      const { audience, out } = options;
      optionLabel("--audience", audience);
      const { policy, market, holder } = await loadAccount(context, options);
      const account = { ...holder.account, viewingKey: await loadViewingKey(context, options.key) };
      const keyText = await inputs.text(options.to);
      const file = ledgerOf(options);
      const [auditors, envelopes, budget, { loadVerifier }, { createProver }, { commitState }] = await Promise.all([
        import("../document/auditor-key.ts"),
        import("../document/disclosure.ts"),
        import("../document/disclosure-ledger.ts"),
        import("../node/verifier.ts"),
        import("../node/prover.ts"),
        import("../model/commit.ts"),
      ]);
      const key = auditors.readAuditorKey(keyText);
      const figure = envelopes.namedFigure(options.figure, policy, market);
      const value = envelopes.figureValue(account, figure, policy, market);
      const { band, question } = bandOf(options, figure, (step) => envelopes.cellOf(value, step), value);

      const there = await exists(file);
      const ledger = there ? budget.readLedger(await inputs.text(file)) : budget.EMPTY_LEDGER;
      const state = commitState(account).toString();
      const answer = {
        time: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
        figure: figure.name,
        question,
        subject: documentSha256(
          figure.name === "equity" ? { state, policy: policy.sha256, market: market.sha256 } : { state },
        ),
        auditor: key.key,
      };
      const excess = budget.excessOf(ledger, answer, { value, width: widthOf(band) });
      const why = excess.map((reason) => `${EXCESS[reason]} (${reason})`).join("; ");
      if (excess.length > 0 && options.overBudget !== true) {
        throw new PlimsollError("BUDGET_EXCEEDED", `${why}; --over-budget discloses nevertheless`);
      }

      const possession = auditors.checkPossession(key, await loadVerifier(auditors.POSSESSION_CIRCUIT));
      if (!possession.ok) {
        const rule = `nobody is shown to have the secret of this key: ${possession.detail}`;
        throw new PlimsollError("PROOF_REFUSED", rule, { file: keyText.file });
      }
      const prover = createProver();
      try {
        const auditor = BigInt(key.key) as FieldElement;
        const request = { account, auditor, figure, band, audience, policy, market };
        const envelope = await envelopes.proveDisclosure(prover, request, steps);
        throwIfCancelled(signal);
        if (excess.length > 0) progress(`over budget: ${why}`);
        // Before the answer goes out: what is counted and not sent does no harm.
        await writeLedger(file, there, formatJson(budget.recorded(ledger, answer) as unknown as Json));
        const text = formatJson(envelope as unknown as Json);
        if (out === undefined) process.stdout.write(text);
        else {
          await writeSecret(out, text);
          const result = { file: out, statement: envelope.statement, to: key.holder, excess };
          print(options.json, result, () => `to ${key.holder}: ${envelope.statement.text}`);
        }
      } catch (error) {
        if (!(error instanceof PlimsollError) || error.code !== "STATEMENT_FALSE") throw error;
        const rule = "the figure is not in this band, so no proof of it exists";
        throw new PlimsollError("STATEMENT_FALSE", rule);
      } finally {
        await prover.close();
      }
    });
}

export function disclosureCommand(context: Context): Command {
  const { inputs, signal, print } = context;
  const steps = stepsOf(context);
  const disclosure = new Command("disclosure").description(
    "the auditor's side of disclosures: a key of your own, and verification with it",
  );

  disclosure
    .command("key")
    .description("make a secret that only you have, and the public key that firms disclose to")
    .requiredOption("--holder <text>", "whose key it is")
    .requiredOption("--secret <file>", "where to write the secret, readable by you alone; never overwrites")
    .requiredOption("--out <file>", "where to write the public key")
    .option("--json", "print JSON")
    .action(async (options: { holder: string; secret: string; out: string; json?: boolean }) => {
      const { holder } = options;
      optionLabel("--holder", holder);
      const [auditors, { createProver }] = await Promise.all([
        import("../document/auditor-key.ts"),
        import("../node/prover.ts"),
      ]);
      const text = auditors.newAuditorSecret();
      const secret = auditors.readAuditorSecret({ text, file: options.secret });
      const prover = createProver();
      try {
        const key = await auditors.makeAuditorKey(prover, secret, holder, steps);
        throwIfCancelled(signal);
        await writeSecret(options.secret, text);
        await writeResult(options.out, formatJson(key as unknown as Json));
        print(options.json, { holder, key: key.key, file: options.out }, () => key.key);
      } finally {
        await prover.close();
      }
    });

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
      const [{ verifyDisclosure }, { fieldElement, readAuditorSecret }, { loadVerifier }, formats] = await Promise.all([
        import("../document/disclosure.ts"),
        import("../document/auditor-key.ts"),
        import("../node/verifier.ts"),
        Promise.all([import("../formats/policy.ts"), import("../formats/market.ts")]),
      ]);
      const expectedState =
        options.state === undefined ? undefined : asOption("--state", () => fieldElement(options.state!));
      const envelope = await inputs.text(name);
      const policy = await inputs.text(options.policy);
      const market = await inputs.text(options.market);
      const secret = readAuditorSecret(await inputs.text(options.key));
      // The reader's own files are input, not evidence: what is wrong with them is not held against the disclosure.
      const [{ readPolicy }, { readMarket }] = formats;
      readMarket(market.text, market.file, readPolicy(policy.text, policy.file));
      const asked = { figure: options.figure, audience: options.audience };
      const expected = { expectedState, expectedListing: options.listing };
      const verdict = await verifyDisclosure({ envelope, policy, market, secret, ...expected, asked }, (circuit) =>
        loadVerifier(circuit),
      );
      print(options.json, verdict, () =>
        verdict.ok
          ? [
              `valid: ${verdict.statement.text}`,
              `for: ${verdict.statement.audience}`,
              `state: ${verdict.state.commitment} (${verdict.state.known})`,
              ...verdict.notProven.map(({ code, text }) => `not proven (${code}): ${text}`),
            ].join("\n")
          : `refused (${verdict.reason}): ${verdict.detail}`,
      );
      const unreadable = !verdict.ok && verdict.reason === "ENVELOPE_MALFORMED";
      process.exitCode = verdict.ok ? EXIT.ok : unreadable ? EXIT.input : EXIT.no;
    });
  return disclosure;
}

/** The band that options ask for, and the question that the ledger remembers. */
function bandOf(
  { step, exact, low, high }: BandOptions,
  { lot }: NamedFigure,
  cell: (step: bigint) => OpenBand,
  value: bigint,
): { band: OpenBand; question: string } {
  const ways = [step !== undefined, exact === true, low !== undefined || high !== undefined];
  if (ways.filter((way) => way).length !== 1) {
    throw new PlimsollError("USAGE", "give --step, or --low and --high or one of them, or --exact");
  }
  const lots = (option: string, text: string) => asOption(option, () => lotsOf(parseDecimal(text), lot));
  if (exact === true) return { band: { low: value, high: value }, question: "exact" };
  if (step !== undefined) {
    const width = lots("--step", step);
    if (width <= 0n) throw new PlimsollError("USAGE", "expected a step above zero", { field: "--step" });
    return { band: cell(width), question: `step ${formatLots(width, lot)}` };
  }
  const band = {
    low: low === undefined ? undefined : lots("--low", low),
    high: high === undefined ? undefined : lots("--high", high),
  };
  if (band.low !== undefined && band.high !== undefined && band.low > band.high) {
    throw new PlimsollError("USAGE", "expected --low at or below --high");
  }
  const end = (lots: bigint | undefined) => (lots === undefined ? "open" : formatLots(lots, lot));
  return { band, question: `band ${end(band.low)} ${end(band.high)}` };
}

function widthOf({ low, high }: OpenBand): bigint | undefined {
  return low === undefined || high === undefined ? undefined : high - low;
}

/** Where the ledger of a viewing key is. */
function ledgerOf({ ledger, key }: Pick<DiscloseOptions, "ledger" | "key">): string {
  if (ledger !== undefined) return ledger;
  if (key === "-") throw new PlimsollError("USAGE", "a key on standard input has no folder: give --ledger");
  return path.join(path.dirname(key), "disclosures.json");
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Private from its first line on. */
async function writeLedger(file: string, there: boolean, text: string): Promise<void> {
  if (there) await writeResult(file, text);
  else await writeSecret(file, text);
}

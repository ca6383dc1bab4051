// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll market …`: a board from its input, and where its numbers come from. Everything here is public. */
import path from "node:path";
import { Command } from "commander";
import { EXIT, PlimsollError } from "../errors.ts";
import { formatJson, type Json, parseJson } from "../formats/json.ts";
import type { MarketDocument } from "../formats/market.ts";
import type { Inputs } from "../node/files.ts";
import { writeResult } from "../node/files.ts";
import { table } from "../report/text.ts";
import type { ColumnTrace, Difference, Explanation } from "../risk/board/explain.ts";
import type { PriceHistory } from "../risk/prices.ts";
import type { Context } from "./context.ts";

export function marketCommand({ inputs, print }: Context): Command {
  const market = new Command("market").description("make a board, and trace its numbers");
  const readInput = async (file: string) => {
    const { readMarketInput } = await import("../risk/input.ts");
    const { text, file: name } = await inputs.text(file);
    return readMarketInput(text, name);
  };
  const readPublished = async (file: string): Promise<MarketDocument> => {
    const { text, file: name } = await inputs.text(file);
    return parseJson(text, name, { length: 1_500_000, values: 30_000 }).plain() as unknown as MarketDocument;
  };

  market
    .command("build")
    .description("print the market that follows from an input")
    .requiredOption("--input <file>", "market input, JSON")
    .action(async ({ input }: { input: string }) => {
      const { buildMarket } = await import("../risk/board/board.ts");
      process.stdout.write(formatJson(buildMarket(await readInput(input)) as unknown as Json));
    });

  market
    .command("explain")
    .argument("<instrument>", "symbol of the row")
    .description("trace each number of a row to price, volatility, scenario and formula")
    .requiredOption("--input <file>", "market input, JSON")
    .option("--market <file>", "a published market to compare the row with")
    .option("--json", "print JSON")
    .action(async (symbol: string, options: { input: string; market?: string; json?: boolean }) => {
      const { compareMarket, explainInstrument } = await import("../risk/board/explain.ts");
      const input = await readInput(options.input);
      const explanation = explainInstrument(input, symbol);
      const published = options.market === undefined ? undefined : await readPublished(options.market);
      const differences =
        published && compareMarket(input, published).filter(({ place }) => place.startsWith(`instruments[${symbol}]`));
      print(options.json, { ...explanation, ...(differences && { differences }) }, () =>
        renderExplanation(explanation, differences),
      );
      if (differences?.length) process.exitCode = EXIT.no;
    });

  market
    .command("verify")
    .argument("<epoch>", "a published epoch, JSON")
    .description("repeat an epoch from what its reporters observed; name what differs")
    .requiredOption("--risk <file>", "the risk policy (the policy half of a market input), JSON")
    .requiredOption("--policy <file>", "the haircut policy, JSON")
    .requiredOption("--oracle <address>", "the price oracle, as the reader knows it")
    .requiredOption("--chain <id>", "the chain it is on")
    .requiredOption("--board <number>", "its number of the board")
    .requiredOption("--reporters <addresses...>", "who may report, as the reader knows them")
    .option("--json", "print JSON")
    .action(async (file: string, options: VerifyOptions) => {
      const [{ readEpoch, repeatEpoch }, { readRiskPolicy }, { readPolicy }, { domainOf }] = await Promise.all([
        import("../oracle/epoch.ts"),
        import("../risk/input.ts"),
        import("../formats/policy.ts"),
        import("../chain/publication.ts"),
      ]);
      const [published, risk, policy] = await Promise.all(
        [file, options.risk, options.policy].map((name) => inputs.text(name)),
      );
      const epoch = readEpoch(published!.text, published!.file);
      const strangers = epoch.reports.filter(
        ({ reporter }) => !options.reporters.some((known) => known.toLowerCase() === reporter.toLowerCase()),
      );
      if (strangers.length > 0) {
        throw new PlimsollError("EPOCH_REFUSED", `${strangers[0]!.reporter} may not report`, { file: published!.file });
      }
      const half = parseJson(risk!.text, risk!.file, { length: 4_000_000, values: 100_000 }).plain();
      const verdict = repeatEpoch(
        {
          domain: domainOf("PriceOracle", wholeNumber(options.chain), options.oracle),
          board: wholeNumber(options.board),
          risk: readRiskPolicy(half),
          policy: readPolicy(policy!.text, policy!.file),
        },
        epoch,
      );
      const shown = verdict.ok
        ? { ok: true, epoch: epoch.epoch, firstPart: verdict.epoch.firstPart }
        : { ok: false, epoch: epoch.epoch, differences: verdict.differences };
      print(options.json, shown, () =>
        verdict.ok
          ? `epoch ${epoch.epoch} follows from ${epoch.reports.length} signed observations and the risk policy`
          : [
              `epoch ${epoch.epoch} does not follow: ${verdict.differences.length} values differ, the first at ${verdict.differences[0]!.place}`,
              table(
                ["place", "published", "follows"],
                verdict.differences.slice(0, 20).map(({ place, published, follows }) => [place, published, follows]),
              ),
            ].join("\n"),
      );
      if (!verdict.ok) process.exitCode = EXIT.no;
    });

  market
    .command("calibrate")
    .description("ranges, scenarios and haircuts from price histories")
    .requiredOption(
      "--prices <csv...>",
      "daily closes: date,close and perhaps volume and implied; the name up to a dash is the asset",
    )
    .option("--garch", "volatility by GARCH(1,1) instead of EWMA")
    .option("--report <file>", "write a page that shows the series, the tail, and why the numbers are what they are")
    .option("--json", "print JSON")
    .action(
      async ({
        prices,
        garch,
        report,
        json,
      }: {
        prices: string[];
        garch?: boolean;
        report?: string;
        json?: boolean;
      }) => {
        const { calibrateHistories, renderCalibration } = await import("../risk/calibration/report.ts");
        const { DEFAULT_CALIBRATION } = await import("../risk/calibration/calibrate.ts");
        const histories = await readHistories(inputs, prices);
        const result = calibrateHistories(histories, { ...DEFAULT_CALIBRATION, volatility: garch ? "garch" : "ewma" });
        if (report !== undefined) await writeResult(report, renderCalibration(result));
        const { prepared: _, ...shown } = result;
        print(json, shown, () => formatJson(shown as unknown as Json).trimEnd());
      },
    );
  return market;
}

interface VerifyOptions {
  readonly risk: string;
  readonly policy: string;
  readonly oracle: string;
  readonly chain: string;
  readonly board: string;
  readonly reporters: readonly string[];
  readonly json?: boolean;
}

function wholeNumber(text: string): bigint {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) throw new PlimsollError("USAGE", "expected a whole number");
  return BigInt(text);
}

/** Reads one history a file; the asset is what the file's name has before the first dash or dot. */
export async function readHistories(inputs: Inputs, files: readonly string[]): Promise<PriceHistory[]> {
  const { readPriceHistory } = await import("../risk/prices.ts");
  const histories: PriceHistory[] = [];
  for (const name of files) {
    const { text, file } = await inputs.text(name);
    const symbol = path.basename(file).split(/[-.]/)[0]!;
    if (histories.some((each) => each.symbol === symbol)) {
      throw new PlimsollError("USAGE", "two histories of the same asset", { file });
    }
    histories.push(readPriceHistory(text, file, symbol));
  }
  return histories;
}

function renderExplanation(explanation: Explanation, differences: readonly Difference[] | undefined): string {
  const { instrument, observed, columns, scenarioModel, chargeModel } = explanation;
  const terms = Object.entries(instrument.terms).map(([name, value]) => `, ${name} ${value}`);
  const number = (value: number) => String(Number(value.toPrecision(12)));
  const inputs = ({ inputs: values }: ColumnTrace) =>
    Object.entries(values).map(([name, value]) => `    ${name} = ${number(value)}`);
  const traced = columns
    .slice(0, 4)
    .flatMap((each) => [
      `${each.column} = ${each.value} per lot`,
      `    = ${number(each.perUnit)} per unit ${each.rounding}`,
      `    ${each.formula}`,
      ...inputs(each),
      "",
    ]);
  const profits = columns.slice(4);
  return [
    `${instrument.symbol} on ${explanation.board}, epoch ${explanation.epoch}, ${explanation.time}`,
    `${instrument.model} on ${instrument.underlying}, lot ${instrument.lot}${terms.join("")}`,
    "",
    "observed",
    ...observed.map(
      ({ place, value }) => `    ${place} = ${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    "",
    ...traced,
    `profits, by the scenarios of "${scenarioModel.model}" ${JSON.stringify(scenarioModel.parameters)}`,
    `    ${profits[0]!.formula}`,
    `    per unit ${profits[0]!.rounding}`,
    "",
    table(
      ["scenario", "price", "volatility", "counted", "value after", "per unit", "per lot"],
      profits.map(({ scenario, inputs: values, perUnit, value }, index) => [
        `${index} ${scenario!.label}`,
        number(scenario!.price),
        number(scenario!.volatility),
        number(scenario!.counted),
        number(values.valueAfter!),
        number(perUnit),
        value,
      ]),
    ),
    "",
    `charges by "${chargeModel.model}" ${JSON.stringify(chargeModel.parameters)}`,
    ...(differences === undefined
      ? []
      : differences.length === 0
        ? ["", "the published row is this"]
        : [
            "",
            ...differences.map(
              ({ place, published, follows }) =>
                `DIFFERS: ${place} is published as ${published}, but ${follows} follows`,
            ),
          ]),
  ].join("\n");
}

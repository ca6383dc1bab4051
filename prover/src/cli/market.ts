// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll market …`: a board from its input, and where its numbers come from. Everything here is public. */
import path from "node:path";
import type { Command } from "commander";
import { EXIT, PlimsollError } from "../errors.ts";
import { formatJson, type Json, parseJson } from "../formats/json.ts";
import type { MarketDocument } from "../formats/market.ts";
import type { ColumnTrace, Difference, Explanation } from "../risk/explain.ts";
import type { PriceHistory } from "../risk/prices.ts";
import type { Inputs } from "./files.ts";
import { writeResult } from "./files.ts";
import { table } from "./text.ts";

type Print = (json: boolean | undefined, value: unknown, text: () => string) => void;

/** Adds `market` with its commands to a program. */
export function addMarketCommands(program: Command, inputs: Inputs, print: Print): void {
  const market = program.command("market").description("make a board, and trace its numbers");
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
      const { buildMarket } = await import("../risk/board.ts");
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
      const { compareMarket, explainInstrument } = await import("../risk/explain.ts");
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
        const { calibrateHistories, renderCalibration } = await import("../risk/calibration-report.ts");
        const { DEFAULT_CALIBRATION } = await import("../risk/calibrate.ts");
        const histories = await readHistories(inputs, prices);
        const result = calibrateHistories(histories, { ...DEFAULT_CALIBRATION, volatility: garch ? "garch" : "ewma" });
        if (report !== undefined) await writeResult(report, renderCalibration(result));
        const { prepared: _, ...shown } = result;
        print(json, shown, () => formatJson(shown as unknown as Json).trimEnd());
      },
    );
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

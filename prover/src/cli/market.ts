// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll market …`: a board from its input, and where its numbers come from. Everything here is public. */
import { Command } from "commander";
import { foreign } from "../document/words.ts";
import { EXIT, PlimsollError } from "../errors.ts";
import { formatJson, parseJson } from "../formats/json.ts";
import { readMarketDocument, unsigned64 } from "../formats/market.ts";
import { table } from "../report/text.ts";
import { nodeOf } from "./account/machine.ts";
import { attackCommand } from "./attack.ts";
import { backtestCommand, calibrateCommand } from "./calibrate.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { marketImportCommand } from "./market-import.ts";
import { loadMarket, optionInteger } from "./options.ts";

export function marketCommand(context: Context): Command {
  const market = new Command("market").description("build, verify and calibrate boards of market values");
  const commands = [
    buildCommand,
    explainCommand,
    verifyCommand,
    fetchCommand,
    calibrateCommand,
    backtestCommand,
    attackCommand,
    marketImportCommand,
  ];
  for (const command of commands) market.addCommand(command(context));
  return market;
}

async function readInput({ inputs }: Context, file: string) {
  const { readMarketInput } = await import("../risk/input.ts");
  const { text, file: name } = await inputs.text(file);
  return readMarketInput(text, name);
}

/** Models name places of the input, and know of no file. */
function inFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof PlimsollError && error.place.file === undefined && error.place.field !== undefined
      ? error.at({ file })
      : error;
  }
}

function buildCommand(context: Context): Command {
  return new Command("build")
    .description("build the market document of a market input")
    .requiredOption("--input <file>", "market input, JSON")
    .option("--policy <file>", "the policy under which it will be read: refuses a market that does not fit it")
    .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
    .action(async ({ input, policy, out }: { input: string; policy?: string; out?: string }) => {
      const [{ buildMarket, buildMarketFile }, { readPolicy }] = await Promise.all([
        import("../risk/board/board.ts"),
        import("../formats/policy.ts"),
      ]);
      const read = await readInput(context, input);
      const given = policy === undefined ? undefined : await context.inputs.text(policy);
      const under = given && readPolicy(given.text, given.file);
      const built = inFile(input, () =>
        under === undefined ? buildMarket(read) : buildMarketFile(read, under).document,
      );
      await context.deliver(out, formatJson(built));
    });
}

function explainCommand(context: Context): Command {
  return new Command("explain")
    .argument("<instrument>", "symbol of an instrument")
    .description("trace each number of an instrument's row to price, volatility, scenario and formula")
    .requiredOption("--input <file>", "market input, JSON")
    .option("--market <file>", "a published market to compare the row with")
    .option("--json", "print JSON")
    .action(async (symbol: string, options: { input: string; market?: string; json?: boolean }) => {
      const [{ explainRow }, { renderExplanation }] = await Promise.all([
        import("../app/market.ts"),
        import("../report/explanation.ts"),
      ]);
      const input = await readInput(context, options.input);
      const { market } = options;
      const given = market === undefined ? undefined : await context.inputs.text(market);
      const published = given && readMarketDocument(given.text, given.file);
      const row = inFile(options.input, () => explainRow(input, symbol, published));
      context.print(options.json, row, () => renderExplanation(row));
      if (row.differences?.length) process.exitCode = EXIT.no;
    });
}

function verifyCommand({ inputs, print }: Context): Command {
  return new Command("verify")
    .argument("<epoch>", "a published epoch, JSON")
    .description("recompute an epoch from its reporters' observations, and list every value that differs")
    .requiredOption("--risk <file>", "the risk policy (the policy half of a market input), JSON")
    .requiredOption("--policy <file>", "the haircut policy, JSON")
    .requiredOption("--oracle <address>", "address of the price oracle, from a source that you trust")
    .requiredOption("--chain <id>", "chain id of the oracle")
    .requiredOption("--board <number>", "number of the board at the oracle")
    .requiredOption("--reporters <addresses...>", "addresses of the reporters, from a source that you trust")
    .requiredOption("--quorum <count>", "how many of these reporters must have signed")
    .option("--json", "print JSON")
    .action(async (file: string, options: VerifyOptions) => {
      const [{ verifyEpoch }, { readEpoch }, { readRiskPolicy }, { readPolicy }, { domainOf }] = await Promise.all([
        import("../app/market.ts"),
        import("../oracle/epoch.ts"),
        import("../risk/input.ts"),
        import("../formats/policy.ts"),
        import("../chain/publication.ts"),
      ]);
      const [published, risk, policy] = await Promise.all(
        [file, options.risk, options.policy].map((name) => inputs.text(name)),
      );
      const epoch = readEpoch(published!.text, published!.file);
      const half = parseJson(risk!.text, risk!.file, { length: 4_000_000, values: 100_000 }).plain();
      const question = {
        terms: {
          domain: domainOf("PriceOracle", optionInteger("--chain", options.chain, unsigned64), options.oracle),
          board: optionInteger("--board", options.board, unsigned64),
          risk: readRiskPolicy(half, { file: risk!.file }),
          policy: readPolicy(policy!.text, policy!.file),
        },
        quorum: { reporters: options.reporters, count: optionInteger("--quorum", options.quorum, Number) },
      };
      const verdict = at(published!.file, () => verifyEpoch(question, epoch));
      const shown = verdict.ok
        ? { ok: true, epoch: epoch.epoch, valuesHash: verdict.epoch.valuesHash }
        : { ok: false, epoch: epoch.epoch, differences: verdict.differences };
      print(options.json, shown, () =>
        verdict.ok
          ? `epoch ${epoch.epoch} follows from the risk policy and ${epoch.reports.length} signed observations (quorum ${options.quorum})`
          : [
              `epoch ${epoch.epoch} does not follow: ${verdict.differences.length} values differ, these first`,
              table(
                ["place", "published", "follows"],
                verdict.differences
                  .slice(0, 20)
                  .map(({ place, published, follows }) =>
                    [place, published, follows].map((words) => foreign(words, "market file")),
                  ),
              ),
            ].join("\n"),
      );
      if (!verdict.ok) process.exitCode = EXIT.no;
    });
}

interface VerifyOptions {
  readonly risk: string;
  readonly policy: string;
  readonly oracle: string;
  readonly chain: string;
  readonly board: string;
  readonly reporters: readonly string[];
  readonly quorum: string;
  readonly json?: boolean;
}

/** Names the file in what is refused of the epoch. */
function at<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof PlimsollError && error.code === "EPOCH_REFUSED" ? error.at({ file }) : error;
  }
}

function fetchCommand(context: Context): Command {
  return new Command("fetch")
    .description("read the market of a gate's standing epoch from the chain, whether or not the venue serves its file")
    .option("--rpc <url>", "node of the chain; else the one in PLIMSOLL_RPC")
    .requiredOption("--gate <address>", "the gate, from a source that you trust")
    .requiredOption("--policy <file>", "the venue's policy in force, JSON")
    .requiredOption("--names <file>", "an earlier market of the venue, JSON: the chain has values and no names")
    .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
    .action(async ({ names, ...options }: FetchOptions) => {
      const [{ gateAt }, { standingMarket }] = await Promise.all([
        import("../chain/gate-view.ts"),
        import("../chain/standing-market.ts"),
      ]);
      const known = await loadMarket(context, { policy: options.policy, market: names });
      const provider = await nodeOf(options);
      try {
        const view = await gateAt(provider, options.gate, { onStep: context.progress });
        const { document, closed, unnamed } = await standingMarket(view, { policy: known.policy, names: known.market });
        if (closed !== null) context.progress(`the market does not serve now: ${closed}`);
        if (unnamed.length > 0) {
          const rows = unnamed.map((row) => `ROW-${row}`).join(", ");
          context.progress(`listed since epoch ${known.market.epoch}, so without names or lots: ${rows}`);
        }
        await context.deliver(options.out, formatJson(document));
      } finally {
        provider.destroy();
      }
    });
}

interface FetchOptions {
  readonly rpc?: string;
  readonly gate: string;
  readonly policy: string;
  readonly names: string;
  readonly out?: string;
}

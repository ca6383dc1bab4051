// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll import`: one account from the files of venues, custodians and brokers. PRIVATE. */
import { Command, Option } from "commander";
import type { ImportReport } from "../app/import.ts";
import { EXIT, PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { formatJson } from "../formats/json.ts";
import { unsigned64 } from "../formats/market.ts";
import { isTime, TIME_RULE } from "../formats/time.ts";
import { VENUES } from "../importers/venues/index.ts";
import { writeSecret } from "../node/files.ts";
import { nameText } from "../report/terminal.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";
import { loadMarket, type MarketOptions, many, optionInteger, withMarket } from "./options.ts";

interface ImportOptions extends MarketOptions {
  readonly name: string;
  readonly sequence?: string;
  readonly map?: string;
  readonly leaveOut?: string[];
  readonly atPar?: string[];
  readonly taken?: string[];
  readonly tolerance?: string;
  readonly out?: string;
}

export function importCommand(context: Context): Command {
  const command = withMarket(new Command("import"))
    .description("make an account from files of venues, and say what was read, netted, rounded and left out (private)")
    .requiredOption("--name <account>", "name of the account that is made");
  for (const { name, files } of VENUES) command.option(`--${name} <files...>`, files);
  return command
    .option("--sequence <count>", "how many proofs the account has had accepted (default 0)")
    .option("--map <file>", "names of instruments and assets, what counts at par, what is left out: JSON")
    .addOption(
      new Option(
        "--leave-out <name>",
        "acknowledge what is left out, as the report names it; may be repeated",
      ).argParser(many),
    )
    .addOption(
      new Option("--at-par <currency>", "count it as the policy's cash, one for one; may be repeated").argParser(many),
    )
    .addOption(
      new Option(
        "--taken <venue=time>",
        "when a venue's files were taken, if they do not say; may be repeated",
      ).argParser(many),
    )
    .option("--tolerance <seconds>", "how far from the market's time files may have been taken (default 300)")
    .addOption(
      new Destination(
        "new file",
        "--out <file>",
        "where to write the account, readable by you alone; never overwrites; else only the report is printed",
      ),
    )
    .action(async (options: ImportOptions) => {
      const { policy, market } = await loadMarket(context, options);
      const [{ importAccount, TOLERANCE }, { EMPTY_MAP, readImportMap }, { renderImport }] = await Promise.all([
        import("../app/import.ts"),
        import("../importers/import-map.ts"),
        import("../report/import.ts"),
      ]);
      const map =
        options.map === undefined ? EMPTY_MAP : readImportMap(await context.inputs.text(options.map), policy, market);
      const { document, report } = await importAccount({
        account: options.name,
        sequence: optionInteger("--sequence", options.sequence ?? "0", unsigned64),
        sources: await loadSources(context, options),
        policy,
        market,
        map: {
          ...map,
          atPar: [...map.atPar, ...(options.atPar ?? [])],
          leaveOut: [...map.leaveOut, ...(options.leaveOut ?? [])],
        },
        tolerance:
          options.tolerance === undefined ? TOLERANCE : optionInteger("--tolerance", options.tolerance, Number),
      });
      if (options.out !== undefined) await writeSecret(options.out, formatJson(document));
      context.print(options.json, report, () => renderImport(report));
      for (const name of report.unused)
        context.progress(`nothing needed what the map or an option says of ${nameText(name)}${meant(name, report)}`);
      if (report.unsettled.length > 0) process.exitCode = EXIT.no;
    });
}

/** What the report calls what was perhaps meant: a name there has its venue before it. */
function meant(name: string, { leftOut }: ImportReport): string {
  const near = leftOut.filter((each) => each.name.split(" ").includes(name)).map((each) => `"${nameText(each.name)}"`);
  return near.length === 0 ? "" : `; the report names ${near.join(", ")}`;
}

/** The files of each venue that has some, and when they were taken. */
async function loadSources({ inputs }: Context, options: ImportOptions) {
  const times = new Map(
    (options.taken ?? []).map((word) => {
      const [, venue = "", time = ""] = /^([a-z]+)=(.*)$/.exec(word) ?? [];
      if (!VENUES.some(({ name }) => name === venue)) {
        const venues = VENUES.map((each) => each.name).join(", ");
        const rule = `expected a venue (${venues}) and a time: binance=2026-11-22T08:00:00Z`;
        throw new PlimsollError("USAGE", rule, { field: "--taken" });
      }
      if (!isTime(time)) throw new PlimsollError("USAGE", TIME_RULE, { field: "--taken" });
      return [venue, time] as const;
    }),
  );
  const sources = [];
  for (const { name } of VENUES) {
    const given = (options as unknown as Readonly<Record<string, readonly string[] | undefined>>)[name];
    if (given === undefined) {
      if (times.has(name)) throw new PlimsollError("USAGE", `no files of ${name} are given`, { field: "--taken" });
      continue;
    }
    const files: NamedText[] = [];
    for (const file of given) files.push(await inputs.text(file));
    sources.push({ venue: name, files, taken: times.get(name) });
  }
  if (sources.length === 0) {
    throw new PlimsollError("USAGE", `give the files of a venue: ${VENUES.map(({ name }) => `--${name}`).join(", ")}`);
  }
  return sources;
}

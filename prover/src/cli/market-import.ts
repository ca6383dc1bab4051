// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll market import`: tables from elsewhere as parts of a policy, a market or a market input. Public. */
import { Command, Option } from "commander";
import { PlimsollError } from "../errors.ts";
import { formatJson, type Json } from "../formats/json.ts";
import type { TierFactor } from "../importers/tier-strings.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";

interface Import {
  readonly name: string;
  readonly description: string;
  read(text: string, file: string): Promise<unknown>;
}

const TABLES: readonly Import[] = [
  {
    name: "risk-arrays",
    description: "rows of a market from CSV: symbol,lot,mark,delta,vega,longCharge,shortCharge,profit0,…,profit44",
    read: async (text, file) => (await import("../importers/risk-arrays.ts")).readRiskArrays(text, file),
  },
  {
    name: "scenarios",
    description: "scenarios of a risk policy from CSV: scenario,counted,underlying,price,volatility",
    read: async (text, file) => (await import("../importers/risk-tables.ts")).readScenarioTable(text, file),
  },
  {
    name: "crif",
    description: "instruments and quotes of a market input from CRIF-shaped sensitivities",
    read: async (text, file) => (await import("../importers/risk-tables.ts")).readCrif(text, file),
  },
];

export function marketImportCommand({ inputs, deliver, progress }: Context): Command {
  const command = new Command("import").description(
    "turn other formats into parts of a policy, a market or a market input",
  );
  for (const { name, description, read } of TABLES) {
    command
      .command(name)
      .argument("<file>", "the table, CSV")
      .description(description)
      .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
      .action(async (source: string, { out }: { out?: string }) => {
        const { text, file } = await inputs.text(source);
        await deliver(out, formatJson((await read(text, file)) as Json));
      });
  }
  command
    .command("tiers")
    .argument("<file>", 'a tier string such as "[0-3000000:100, 3000000-6000000:95]"')
    .description("haircut tiers of an asset from a tier string")
    .addOption(
      new Option("--factor <unit>", "unit of the share that counts")
        .choices(["percent", "bps", "1e18"])
        .default("percent"),
    )
    .addOption(new Destination("file", "--out <file>", "where to write it; else stdout"))
    .action(async (source: string, { factor, out }: { factor: TierFactor; out?: string }) => {
      const { readTierString, formatTierString } = await import("../importers/tier-strings.ts");
      const { text, file } = await inputs.text(source);
      let tiers: ReturnType<typeof readTierString>;
      try {
        tiers = readTierString(text, factor);
      } catch (error) {
        throw error instanceof PlimsollError ? error.at({ file }) : error;
      }
      progress(`read as ${formatTierString(tiers)} percent`);
      await deliver(out, formatJson(tiers));
    });
  return command;
}

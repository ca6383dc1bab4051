// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Options that name what a command writes. All are checked before the command works (`checkDestinations`).
 *
 * One rule: a file that the same input gives again is replaced. Never overwritten are keys, secrets, directories, and files that people
 * complete, send or seal: imported accounts, trust files, disclosures, packs, lots. Such an option says so. Nor is a file replaced that
 * the same command line names otherwise: it was meant to be read.
 */
import { type Command, Option } from "commander";
import { PlimsollError } from "../errors.ts";
import { checkDestination, type DestinationKind, replacedBy } from "../node/files.ts";

export class Destination extends Option {
  /** Undefined where the command finds out only later, and then checks by itself. */
  readonly kindOf: (name: string) => DestinationKind | undefined;

  constructor(
    kind: DestinationKind | ((name: string) => DestinationKind) | undefined,
    flags: string,
    description: string,
  ) {
    super(flags, description);
    this.kindOf = typeof kind === "function" ? kind : () => kind;
  }
}

/**
 * Throws `FILE` where something that a command is to write cannot be written, or would overwrite what must stay; `USAGE` where an
 * argument or another option names the same file.
 */
export async function checkDestinations(command: Command): Promise<void> {
  for (const option of command.options) {
    if (!(option instanceof Destination)) continue;
    const name: unknown = command.getOptionValue(option.attributeName());
    if (typeof name !== "string") continue;
    const kind = option.kindOf(name);
    if (kind !== undefined) await checkDestination(name, kind);
    const replaced = await replacedBy(name);
    if (replaced === undefined) continue;
    for (const [by, other] of filesOf(command, option)) {
      if ((await replacedBy(other)) !== replaced) continue;
      throw new PlimsollError("USAGE", `would replace the file of ${by}`, { field: option.long! });
    }
  }
}

/** What a command line names beside an option, and may be a file: by what. */
function filesOf(command: Command, option: Option): (readonly [by: string, name: string])[] {
  const given = command.args.map((name, at) => [command.registeredArguments[at]?.name() ?? name, name] as const);
  const others = command.options.filter((each) => each !== option && /<(file|path|pack|csv\.\.\.)>/.test(each.flags));
  return [
    ...given,
    ...others.flatMap((each) =>
      // Also of an option that is repeated, or given with others.
      [command.getOptionValue(each.attributeName()) as unknown]
        .flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : value))
        .flatMap((value) => (typeof value === "string" ? [[each.long!, value] as const] : [])),
    ),
  ];
}

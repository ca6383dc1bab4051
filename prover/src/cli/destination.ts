// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Options that name what a command writes. All are checked before the command works (`checkDestinations`).
 *
 * One rule: a file that the same input gives again is replaced. Never overwritten are keys, secrets, directories, and files that people
 * complete, send or seal: imported accounts, trust files, disclosures, packs, lots. Such an option says so.
 */
import { type Command, Option } from "commander";
import { checkDestination, type DestinationKind } from "../node/files.ts";

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

/** Throws `FILE` where something that a command is to write cannot be written, or would overwrite what must stay. */
export async function checkDestinations(command: Command): Promise<void> {
  for (const option of command.options) {
    if (!(option instanceof Destination)) continue;
    const name: unknown = command.getOptionValue(option.attributeName());
    const kind = typeof name === "string" ? option.kindOf(name) : undefined;
    if (kind !== undefined) await checkDestination(name as string, kind);
  }
}

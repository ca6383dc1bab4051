// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll ceremony`: a directory in which a key comes about, step by step. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { announceCommand, beaconCommand } from "./beacon.ts";
import { contributeCommand, linkCommand } from "./contribute.ts";
import { installCommand } from "./install.ts";
import { phase1Command } from "./phase1.ts";
import { startCommand } from "./start.ts";
import { statusCommand } from "./status.ts";
import { finaliseCommand, verifyCommand } from "./verify.ts";

const COMMANDS = [
  phase1Command,
  startCommand,
  statusCommand,
  contributeCommand,
  announceCommand,
  beaconCommand,
  linkCommand,
  finaliseCommand,
  verifyCommand,
  installCommand,
];

export function ceremonyCommand(context: Context): Command {
  const command = new Command("ceremony").description(
    "make a circuit's keys with others; proofs can be forged only if all contributors collude",
  );
  for (const each of COMMANDS) command.addCommand(each(context));
  return command;
}

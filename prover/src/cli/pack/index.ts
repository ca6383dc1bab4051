// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack`: evidence packs for auditors, lenders and regulators, and what goes into them. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { attestCommand } from "./attest.ts";
import { fingerprintsCommand } from "./fingerprints.ts";
import { keyCommand } from "./key.ts";
import { makeCommand } from "./make.ts";
import { reportCommand } from "./report.ts";
import { trustCommand } from "./trust.ts";
import { verifyCommand } from "./verify.ts";

const COMMANDS = [
  verifyCommand,
  reportCommand,
  makeCommand,
  keyCommand,
  trustCommand,
  fingerprintsCommand,
  attestCommand,
];

export function packCommand(context: Context): Command {
  const command = new Command("pack").description("evidence packs for auditors, lenders and regulators");
  for (const each of COMMANDS) command.addCommand(each(context));
  return command;
}

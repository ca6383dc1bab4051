// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll account …`: an account at a gate, from its opening to its end. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import {
  absorbCommand,
  attestCommand,
  cureCommand,
  depositCommand,
  exitCommand,
  holdCommand,
  requestCommand,
  settleCommand,
  withdrawCommand,
} from "./moves.ts";
import { agreeCommand, keyCommand, openCommand, restoreCommand } from "./open.ts";
import { statusCommand } from "./status.ts";
import { unwindCommand } from "./unwind.ts";

const COMMANDS = [
  ...[keyCommand, openCommand, agreeCommand, depositCommand, absorbCommand, attestCommand, settleCommand],
  ...[
    withdrawCommand,
    exitCommand,
    requestCommand,
    unwindCommand,
    holdCommand,
    cureCommand,
    statusCommand,
    restoreCommand,
  ],
];

export function accountCommand(context: Context): Command {
  const account = new Command("account").description("an account at a gate on a chain: open, pay in, attest, pay out");
  for (const command of COMMANDS) account.addCommand(command(context));
  return account;
}

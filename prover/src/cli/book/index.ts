// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book`: all accounts of a venue, proven; how it is read, and how a member finds its own account in it. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { assembleCommand } from "./assemble.ts";
import { buildCommand } from "./build.ts";
import { prepareCommand } from "./prepare.ts";
import { bookProveCommand } from "./prove.ts";
import { recordCommand } from "./record.ts";
import { secretCommand, shardKeyCommand } from "./secret.ts";
import { checkCommand, slipsCommand } from "./slips.ts";
import { bookStatusCommand } from "./status.ts";
import { verifyCommand } from "./verify.ts";

/** In the order of a book's life. */
const COMMANDS = [
  secretCommand,
  buildCommand,
  shardKeyCommand,
  prepareCommand,
  bookProveCommand,
  bookStatusCommand,
  assembleCommand,
  recordCommand,
  verifyCommand,
  slipsCommand,
  checkCommand,
];

export function bookCommand(context: Context): Command {
  const book = new Command("book").description(
    "prove that every account of a venue is covered, and what they add up to",
  );
  for (const command of COMMANDS) book.addCommand(command(context));
  return book;
}

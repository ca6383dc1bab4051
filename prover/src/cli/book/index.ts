// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book`: all accounts of a venue, proven; how it is read, and how a member finds its own account in it. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { buildCommand } from "./build.ts";
import { bookProveCommand } from "./prove.ts";
import { secretCommand, shardKeyCommand } from "./secret.ts";
import { bookStatusCommand } from "./status.ts";

export function bookCommand(context: Context): Command {
  const book = new Command("book").description(
    "prove that every account of a venue is covered, and what they add up to",
  );
  const commands = [secretCommand, buildCommand, shardKeyCommand, bookProveCommand, bookStatusCommand];
  for (const command of commands) book.addCommand(command(context));
  return book;
}

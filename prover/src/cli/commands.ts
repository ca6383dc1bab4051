// SPDX-License-Identifier: GPL-3.0-or-later
/** The list of commands, in the order in which help shows them. */
import { accountCommand } from "./account/index.ts";
import { bidCommand } from "./bid.ts";
import { boardCommand } from "./board.ts";
import { bookCommand } from "./book/index.ts";
import { ceremonyCommand } from "./ceremony/index.ts";
import { commitCommand } from "./commit.ts";
import { deployCommand } from "./deploy.ts";
import { deskCommand } from "./desk.ts";
import { discloseCommand, disclosureCommand } from "./disclosure.ts";
import { doctorCommand } from "./doctor.ts";
import { importCommand } from "./import.ts";
import { initCommand } from "./init.ts";
import { inspectCommand } from "./inspect.ts";
import { liquidationCommand } from "./liquidation.ts";
import { marketCommand } from "./market.ts";
import { mergeCommand } from "./merge.ts";
import { oracleCommand } from "./oracle.ts";
import { outlookCommand } from "./outlook.ts";
import { packCommand } from "./pack/index.ts";
import { pagesCommand } from "./pages.ts";
import { proveCommand } from "./prove.ts";
import { reportCommand } from "./report.ts";
import { setupCommand } from "./setup.ts";
import { tradeCommand } from "./trade.ts";
import { valueCommand } from "./value.ts";
import { verifyCommand } from "./verify.ts";
import { workerCommand } from "./worker.ts";

export const COMMANDS = [
  setupCommand,
  initCommand,
  importCommand,
  valueCommand,
  outlookCommand,
  reportCommand,
  deskCommand,
  commitCommand,
  proveCommand,
  mergeCommand,
  verifyCommand,
  inspectCommand,
  discloseCommand,
  disclosureCommand,
  packCommand,
  bookCommand,
  workerCommand,
  ceremonyCommand,
  accountCommand,
  tradeCommand,
  bidCommand,
  liquidationCommand,
  marketCommand,
  oracleCommand,
  deployCommand,
  boardCommand,
  pagesCommand,
  doctorCommand,
];

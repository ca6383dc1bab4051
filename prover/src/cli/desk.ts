// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll desk`: follow accounts from epoch to epoch, with alerts, proofs by rule, and a page. */
import { createInterface } from "node:readline/promises";
import { Command, Option } from "commander";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { formatJson } from "../formats/json.ts";
import { PRIVATE, writeNew } from "../node/files.ts";
import { jsonLine } from "../report/terminal.ts";
import type { Context } from "./context.ts";
import { optionInteger } from "./options.ts";
import { isInteractive } from "./prompt.ts";

export function deskCommand(context: Context): Command {
  const desk = new Command("desk").description(
    "follow accounts at every epoch: alerts, proofs by rule, what-if, and a page (private)",
  );
  for (const command of [initCommand, tokenCommand, runCommand, demoCommand]) desk.addCommand(command(context));
  return desk;
}

function runCommand({ inputs, signal }: Context): Command {
  return new Command("run")
    .description("run a desk until stopped, and print where its page is; events go to stderr, a line of JSON each")
    .requiredOption("--config <file>", "configuration, JSON; paths in it are relative to it")
    .action(async ({ config }: { config: string }) => {
      const [{ runDesk }, { readDeskConfig }] = await Promise.all([
        import("../service/desk/run.ts"),
        import("../service/desk/config.ts"),
      ]);
      const log = (event: object) => process.stderr.write(`${jsonLine({ at: new Date().toISOString(), ...event })}\n`);
      const read = readDeskConfig(await inputs.text(config));
      const onStep = (event: string) => log({ event });
      await runDesk(read, { inputs, signal, log, onStep, onOpen: (url) => process.stdout.write(`${url}\n`) });
    });
}

function demoCommand({ inputs, signal, progress }: Context): Command {
  return new Command("demo")
    .description("a desk to look at until stopped: three invented accounts in a market that moves")
    .option("--port <number>", "where to listen on this machine, 0 for any free port", "7420")
    .action(async ({ port }: { port: string }) => {
      const { runDemo } = await import("../service/desk/demo.ts");
      const onOpen = (url: string, token: string) => {
        progress("everything in this desk is invented; Ctrl+C ends it. Its page, with the token to sign in:");
        process.stdout.write(`${url}/#token=${token}\n`);
      };
      await runDemo({ inputs, signal, log: () => {}, port: optionPort(port), onStep: progress, onOpen });
    });
}

const optionPort = (text: string): number =>
  optionInteger("--port", text, (value) => {
    if (value < 0n || value > 65_535n) throw new PlimsollError("OUT_OF_RANGE", "expected 0 to 65535");
    return Number(value);
  });

function tokenCommand({ inputs }: Context): Command {
  return new Command("token")
    .argument("<who>", "person or program that signs in with it")
    .description("make a token for a person or a program, and print it once")
    .requiredOption("--config <file>", "the desk's configuration")
    .addOption(
      new Option("--role <role>", "what it may do").choices(["viewer", "operator", "approver"]).makeOptionMandatory(),
    )
    .action(async (who: string, { config, role }: { config: string; role: "viewer" | "operator" | "approver" }) => {
      const [{ makeToken }, { readDeskConfig }] = await Promise.all([
        import("../service/desk/access.ts"),
        import("../service/desk/config.ts"),
      ]);
      const { tokens } = readDeskConfig(await inputs.text(config));
      process.stdout.write(`${await makeToken(tokens, who, role)}\n`);
    });
}

/** What `init` asks for, and what it takes where nothing is answered. */
const QUESTIONS = [
  ["name", "Name of the desk, as its page shows it", "Desk"],
  ["policy", "Policy file of the venue", "policy.json"],
  ["market", "Market file, which is written anew at every epoch", "market.json"],
  ["accounts", "Account files, with spaces between them", "account.json"],
  ["keys", "Their viewing keys in the same order, for proofs; none to make none", "viewing.key"],
  ["seconds", "Seconds between two epochs", "300"],
  ["port", "Port on this machine", "7420"],
] as const;
type Answers = Record<(typeof QUESTIONS)[number][0], string>;

function initCommand({ print, signal }: Context): Command {
  return new Command("init")
    .argument("<file>", "the configuration, a file that does not exist yet")
    .description("ask for what a desk needs, and write its configuration")
    .option("--json", "print JSON")
    .action(async (file: string, { json }: { json?: boolean }) => {
      const answers = await ask(signal);
      const [{ readDeskConfig }, { deskDocument }] = await Promise.all([
        import("../service/desk/config.ts"),
        import("../service/desk/init.ts"),
      ]);
      const text = formatJson(deskDocument(answers));
      readDeskConfig({ text, file });
      await writeNew(file, text, PRIVATE);
      const next = [`plimsoll desk token NAME --role approver --config ${file}`, `plimsoll desk run --config ${file}`];
      print(
        json,
        { file, next },
        () => `${file}\n\nNext, make a token for yourself, then start the desk:\n  ${next.join("\n  ")}`,
      );
    });
}

async function ask(signal: AbortSignal): Promise<Answers> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const stop = () => lines.close();
  signal.addEventListener("abort", stop, { once: true });
  // Answers may come all at once, through a pipe.
  const given = lines[Symbol.asyncIterator]();
  try {
    const answers: Record<string, string> = {};
    for (const [name, question, otherwise] of QUESTIONS) {
      process.stderr.write(`${question} [${otherwise}]: `);
      const { value: answer, done } = await given.next();
      throwIfCancelled(signal);
      if (done) throw new PlimsollError("USAGE", "the answers ended before the questions: nothing was written");
      answers[name] = answer.trim() === "" ? otherwise : answer.trim();
    }
    // A pipe with more lines than questions has answered others than these.
    while (!isInteractive()) {
      const { value: more, done } = await given.next();
      throwIfCancelled(signal);
      if (done) break;
      if (more.trim() !== "") throw new PlimsollError("USAGE", "more answers than questions: nothing was written");
    }
    return answers as Answers;
  } finally {
    signal.removeEventListener("abort", stop);
    lines.close();
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * W20: one rule for all that commands write. What can be made again replaces the file that is there; keys, secrets, directories, and what
 * people complete, send or seal never overwrite, and say so; and whether anything can be written is found out before the work.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { Command } from "commander";
import { sampleFiles } from "../../prover/src/app/sample-files.ts";
import { COMMANDS } from "../../prover/src/cli/commands.ts";
import type { Context } from "../../prover/src/cli/context.ts";
import { checkDestinations, Destination } from "../../prover/src/cli/destination.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { checkDestination, type DestinationKind } from "../../prover/src/node/files.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");

/** Every command that has no further ones, with its words. */
function leaves(): { words: readonly string[]; leaf: Command; program: Command }[] {
  const names = (command: Command, words: readonly string[]): (readonly string[])[] =>
    command.commands.length === 0 ? [words] : command.commands.flatMap((each) => names(each, [...words, each.name()]));
  const fresh = () => {
    const program = new Command("plimsoll").hook("preAction", (_, command) => checkDestinations(command));
    for (const command of COMMANDS) program.addCommand(command({} as Context));
    return program;
  };
  return names(fresh(), []).map((words) => {
    const program = fresh();
    let leaf = program;
    for (const word of words) leaf = leaf.commands.find((each) => each.name() === word)!;
    return { words, leaf, program };
  });
}

describe("what commands write", () => {
  let folder: string;
  const at = (...names: string[]) => path.join(folder, ...names);
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-destinations-"));
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  });

  const destinations = (leaf: Command) => leaf.options.filter((each) => each instanceof Destination);

  it("is named by options that are checked, and each that never overwrites says so", () => {
    const seen = new Map<string, string>();
    for (const { words, leaf } of leaves()) {
      for (const option of leaf.options) {
        const name = `${words.join(" ")} ${option.long}`;
        const writes =
          option.long === "--out" || /where to write|never overwrites|also (write|make)/.test(option.description);
        // Written only where accounts are below the level, after the book's own refusal.
        if (writes && name !== "book build --below") expect(option, name).instanceOf(Destination);
        if (!(option instanceof Destination)) continue;
        const kind = option.kindOf("x") ?? "as it finds";
        seen.set(name, kind);
        const says = /never overwrites|must not exist, or be empty/.test(option.description);
        expect(says, name).equal(kind.startsWith("new") || kind === "as it finds");
      }
    }
    expect(seen.size).greaterThan(40);
    const never = [...seen].filter(([, kind]) => kind.startsWith("new")).map(([name]) => name);
    expect(never).members([
      ...["import --out", "commit --new-key", "commit --state", "merge --out", "disclose --out"],
      ...["disclosure key --secret", "disclosure key --out", "pack make --out", "pack trust --out"],
      ...[
        "book secret --out",
        "book shard-key --out",
        "book build --out",
        "book slips --out",
        "account key --viewing-key",
      ],
      "liquidation start --out",
    ]);
  });

  it("is checked before a command begins: by every command, for every such option", async () => {
    for (const { words, leaf, program } of leaves()) {
      let begun = 0;
      leaf.action(() => {
        begun += 1;
      });
      const needed = leaf.registeredArguments.filter(({ required }) => required).map(() => "x");
      for (const option of destinations(leaf)) {
        const kind = option.kindOf("x");
        if (kind === undefined) continue;
        const others = leaf.options.filter(
          (each) => each.mandatory && each !== option && each.defaultValue === undefined,
        );
        const line = (out: string) => [
          ...["node", "plimsoll", ...words, ...needed],
          ...others.flatMap((each) => [
            each.long!,
            each instanceof Destination ? at("other") : (each.argChoices?.[0] ?? "x"),
          ]),
          ...[option.long!, out],
        ];
        const refused = async (out: string) => {
          const before = begun;
          const error = await program.parseAsync(line(out)).then(
            () => undefined,
            (thrown) => thrown,
          );
          if (error !== undefined) expect(error, line(out).join(" ")).instanceOf(PlimsollError);
          expect(begun - before, line(out).join(" ")).equal(error === undefined ? 1 : 0);
          return error?.rule;
        };
        const name = `${words.join(" ")} ${option.long}`;
        writeFileSync(at("there"), "kept");
        const taken = "exists already; nothing was written";
        expect(await refused(at("there")), name).equal(kind === "file" ? undefined : taken);
        const under = "cannot be written: what should be its directory is a file";
        expect(await refused(at("there", "x")), name).equal(under);
        if (kind.endsWith("file")) {
          expect(await refused(at("none", "x")), name).equal("cannot be written: its directory does not exist");
        } else expect(await refused(at("none", "x")), name).equal(undefined);
        expect(await refused(at("free")), name).equal(undefined);
        expect([readFileSync(at("there"), "utf8"), existsSync(at("none")), existsSync(at("free"))]).deep.equal([
          ...["kept", false, false],
        ]);
      }
    }
  });

  it("into a directory, a link, one that is full or one without permission is judged as the writing will be", async () => {
    const rule = (name: string, kind: DestinationKind) =>
      checkDestination(at(name), kind).then(
        () => undefined,
        (error) => error.rule,
      );
    mkdirSync(at("empty"));
    mkdirSync(at("full"));
    writeFileSync(at("full", "x"), "");
    symlinkSync(at("full", "x"), at("link"));
    symlinkSync(at("nowhere"), at("dangling"));
    expect(await rule("full", "file")).equal("cannot be written: it is a directory");
    expect(await rule("full", "new directory")).equal("exists already; nothing was written");
    expect(await rule("full", "directory")).equal(undefined);
    expect(await rule("empty", "new directory")).equal(undefined);
    expect(await rule("deep/er/still", "directory")).equal(undefined);
    expect([await rule("link", "file"), await rule("dangling", "file")]).deep.equal([undefined, undefined]);
    expect(await rule("dangling", "new file")).equal("exists already; nothing was written");
    expect(await checkDestination("/dev/null", "file")).equal(undefined);
    chmodSync(folder, 0o500);
    // Root writes wherever it likes.
    const denied = process.getuid?.() === 0 ? undefined : "cannot be written: you have no permission";
    for (const kind of ["file", "new file", "directory", "new directory"] as const) {
      expect(await rule("x", kind), kind).equal(denied);
    }
  });

  it("is no file that the same command reads or writes by another name: a key in the wrong place is not lost", async () => {
    writeFileSync(at("key"), "secret");
    symlinkSync(at("key"), at("link"));
    const begins = async (...words: string[]) => {
      let begun = false;
      const program = new Command().hook("preAction", (_, command) => checkDestinations(command));
      program
        .command("make")
        .argument("[given]")
        .option("--key <file>")
        .option("--more <file>", "", (value, values: string[] = []) => [...values, value])
        .option("--prices <csv...>")
        .option("--name <text>")
        .addOption(new Destination("file", "--out <file>", ""))
        .addOption(new Destination("file", "--report <file>", ""))
        .action(() => {
          begun = true;
        });
      const error = await program.parseAsync(["node", "x", "make", ...words]).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(begun).equal(error === undefined);
      return error && [error.code, error.place.field, error.rule];
    };
    const refused = (by: string) => ["USAGE", "--out", `would replace the file of ${by}`];
    expect(await begins("--key", at("key"), "--out", at("key"))).deep.equal(refused("--key"));
    expect(await begins("--key", at("link"), "--out", at("key"))).deep.equal(refused("--key"));
    expect(await begins("--key", at("key"), "--out", at("link"))).deep.equal(refused("--key"));
    expect(await begins("--more", at("no"), "--more", at("key"), "--out", at("key"))).deep.equal(refused("--more"));
    expect(await begins("--prices", at("no"), at("key"), "--out", at("key"))).deep.equal(refused("--prices"));
    expect(await begins("--out", at("both"), "--report", at(".", "both"))).deep.equal(refused("--report"));
    expect(await begins(at("key"), "--out", at("key"))).deep.equal(refused("given"));
    for (const words of [
      ["--key", at("key"), "--out", at("other")],
      ["--name", at("key"), "--out", at("key")],
      ["--out", "/dev/null", "--report", "/dev/null"],
    ]) {
      expect(await begins(...words), words.join(" ")).equal(undefined);
    }
  });

  it("is refused on the command line before anything is read or proven", () => {
    for (const { name, text } of sampleFiles("plimsoll")) {
      mkdirSync(path.dirname(at(name)), { recursive: true });
      writeFileSync(at(name), text, { mode: 0o600 });
    }
    const run = (...words: string[]) => spawnSync(process.execPath, [BIN, ...words], { cwd: folder, encoding: "utf8" });
    const early = run("value", "--policy", "no.json", "--market", "no.json", "--account", "no.json", "--out", "no/x");
    expect([early.status, early.stderr]).deep.equal([
      2,
      "plimsoll: FILE: no/x: cannot be written: its directory does not exist\n",
    ]);
    mkdirSync(at("proofs"));
    const firm = ["--policy", "policy.json", "--market", "market.json", "--account", "account.json"];
    const prove = ["prove", ...firm, "--key", "viewing.key", "--audience", "x", "--at-least", "100%", "--out"];
    for (const [out, why] of [
      ["proofs", "it is a directory"],
      ["no/proof.json", "its directory does not exist"],
    ] as const) {
      const { status, stderr } = run(...prove, out);
      expect([status, stderr]).deep.equal([2, `plimsoll: FILE: ${out}: cannot be written: ${why}\n`]);
    }
  });
});

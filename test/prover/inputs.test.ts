// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * W20: every command reads what its command line names through one reader. `-` is standard input everywhere, and a file that
 * cannot be read, or is not what it should be, is named.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { expect } from "chai";
import type { Command } from "commander";
import { encryptKeystoreJsonSync, Wallet } from "ethers";
import { sampleFiles } from "../../prover/src/app/sample-files.ts";
import { COMMANDS } from "../../prover/src/cli/commands.ts";
import type { Context } from "../../prover/src/cli/context.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { fillDocument } from "../../prover/src/formats/fill.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import { Inputs } from "../../prover/src/node/files.ts";
import { zipFiles } from "../../prover/src/pack/zip.ts";
import { json, request, samplePack } from "../support/packs.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

/** A command line with a file for each input; one input after the other is given in another way. */
interface Line {
  readonly command: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly rest?: readonly string[];
  /** Inputs of which any content will do, or whose content is looked at after what is not there in this test. */
  readonly anyContent?: readonly string[];
}

const MARKET = { "--policy": "policy.json", "--market": "market.json" };
const ACCOUNT = { ...MARKET, "--account": "account.json" };
const TABLES = { ...MARKET, "--portfolio": "portfolio.csv", "--positions": "positions.csv" };
const AHEAD = { "--input": "market-input.json", "--prices": "prices.csv" };
const KEY = { "--key": "viewing.key" };
const SIGNED = { ...KEY, "--keystore": "keystore.json", "--passphrase-file": "passphrase.txt" };
const AUDIENCE = ["--audience", "x"];
const CLAIM = [...AUDIENCE, "--at-least", "150%"];
const ADDRESS = `0x${"01".repeat(20)}`;
const TIME = "2026-11-22T08:00:00Z";

const REDIS = ["--redis", "redis://127.0.0.1:1"];

const PACK = { "--proof": "proof.json", "--policy": "pack-policy.json", "--market": "pack-market.json" };
const SEALED = { ...PACK, "--key": "signing.key" };
const MAKE = ["--name", "x", "--question", "x", "--firm", "x", "--out", "new.zip"];

const LINES: readonly Line[] = [
  { command: "value", inputs: ACCOUNT },
  { command: "value", inputs: TABLES },
  { command: "outlook account", inputs: { ...ACCOUNT, ...AHEAD }, anyContent: ["--input"] },
  { command: "outlook account", inputs: { ...TABLES, ...AHEAD }, anyContent: ["--input"] },
  { command: "outlook score", inputs: { "--prices": "prices.csv" } },
  {
    command: "import",
    inputs: { ...MARKET, "--map": "other.json" },
    rest: ["--name", "x", "--deribit", "other.json"],
  },
  { command: "import", inputs: { ...MARKET, "--deribit": "other.json" }, rest: ["--name", "x"] },
  { command: "report", inputs: { ...ACCOUNT, ...AHEAD } },
  { command: "report", inputs: { ...TABLES, ...AHEAD } },
  { command: "commit", inputs: { ...ACCOUNT, ...KEY } },
  { command: "commit", inputs: { ...TABLES, ...KEY } },
  { command: "prove", inputs: { ...ACCOUNT, ...KEY }, rest: CLAIM },
  { command: "prove", inputs: { ...TABLES, ...KEY }, rest: CLAIM },
  {
    command: "merge",
    inputs: { ...ACCOUNT, ...KEY },
    rest: ["--account", "account.json", "--key", "viewing.key", "--name", "x", ...AUDIENCE, "--out", "sum"],
  },
  { command: "verify", inputs: { proof: "proof.json", ...MARKET } },
  { command: "inspect", inputs: { proof: "other.json" } },
  {
    command: "disclose",
    inputs: { ...ACCOUNT, ...KEY, "--to": "other.json" },
    rest: ["--figure", "equity", ...AUDIENCE],
    anyContent: ["--key"],
  },
  {
    command: "disclose",
    inputs: { ...TABLES, ...KEY, "--to": "other.json" },
    rest: ["--figure", "equity", ...AUDIENCE],
    anyContent: ["--key"],
  },
  { command: "disclosure verify", inputs: { disclosure: "other.json", ...MARKET, ...KEY }, anyContent: ["--key"] },
  { command: "pack verify", inputs: { pack: "other.json", "--trust": "trust.json" } },
  {
    command: "pack report",
    inputs: { pack: "other.json", "--trust": "trust.json" },
    rest: ["--out", "report.html"],
    anyContent: ["pack"],
  },
  {
    command: "pack make",
    inputs: {
      "--key": "signing.key",
      "--previous": "pack.zip",
      "--document": "policy.json",
      ...PACK,
      "--attestation": "custodian.json",
      "--observations": "observations.json",
    },
    rest: MAKE,
    anyContent: ["--document"],
  },
  { command: "pack fingerprints", inputs: { trust: "trust.json" } },
  { command: "pack make", inputs: { "--merge": "other.json" }, rest: [...MAKE, ...Object.entries(SEALED).flat()] },
  { command: "pack make", inputs: { "--chain": "other.json" }, rest: [...MAKE, ...Object.entries(SEALED).flat()] },
  {
    command: "pack attest",
    inputs: { ...MARKET, "--key": "signing.key" },
    rest: ["--commitment", "1", "--size", "board-60", "--firm", ADDRESS, "--subject", "x", "--scope", "account"].concat(
      [...["--as-of", TIME, "--expires", TIME, "--name", "x"]],
    ),
  },
  {
    command: "book build",
    inputs: { accounts: "other.json", ...MARKET },
    rest: ["--date", TIME, "--level", "100%", "--secret", "other.json", "--venue", "x", "--out", "book"],
    anyContent: ["accounts"],
  },
  { command: "book prove", inputs: { "--key": "other.json" }, rest: ["book"] },
  {
    command: "book prove",
    inputs: { "--redis-password": "other.json" },
    rest: ["book", ...REDIS],
    anyContent: ["--redis-password"],
  },
  {
    command: "book status",
    inputs: { "--redis-password": "other.json" },
    rest: ["book", ...REDIS],
    anyContent: ["--redis-password"],
  },
  {
    command: "worker",
    inputs: { "--key": "key.txt", "--redis-password": "other.json" },
    rest: ["book", ...REDIS],
    anyContent: ["--redis-password"],
  },
  {
    command: "book verify",
    inputs: { book: "other.json", ...MARKET, "--trust": "trust.json", "--custody": "other.json" },
    anyContent: ["--custody", "book"],
  },
  {
    command: "book check",
    inputs: { book: "other.json", slip: "other.json", "--trust": "trust.json" },
    anyContent: ["book", "slip"],
  },
  {
    command: "book record",
    inputs: { book: "other.json", "--keystore": "keystore.json", "--passphrase-file": "passphrase.txt" },
    rest: ["--registry", ADDRESS, "--rpc", "http://127.0.0.1:1"],
    anyContent: ["book", "--passphrase-file"],
  },
  {
    command: "ceremony start",
    inputs: { "--r1cs": "policy.json", "--phase1": "policy.json" },
    rest: ["ceremony", "--rehearsal", "--contributors", "1"],
    anyContent: ["--r1cs", "--phase1"],
  },
  { command: "ceremony contribute", inputs: { "--from": "policy.json" }, rest: ["ceremony"], anyContent: ["--from"] },
  { command: "market build", inputs: { "--input": "market-input.json", "--policy": "policy.json" } },
  {
    command: "market explain",
    inputs: { "--input": "market-input.json", "--market": "market.json" },
    rest: ["BTC-PERP"],
  },
  {
    command: "market verify",
    inputs: { epoch: "other.json", "--risk": "other.json", "--policy": "policy.json" },
    anyContent: ["--risk", "--policy"],
    rest: ["--oracle", ADDRESS, "--chain", "1", "--board", "1", "--quorum", "1", "--reporters", ADDRESS],
  },
  {
    command: "market fetch",
    inputs: { "--policy": "policy.json", "--names": "market.json" },
    rest: ["--gate", ADDRESS, "--rpc", "http://127.0.0.1:1"],
  },
  { command: "market attack", inputs: AHEAD, anyContent: ["--input"] },
  { command: "market calibrate", inputs: { "--prices": "prices.csv" } },
  { command: "market backtest", inputs: { "--prices": "prices.csv" } },
  { command: "market import risk-arrays", inputs: { file: "other.json" } },
  { command: "market import scenarios", inputs: { file: "other.json" } },
  { command: "market import crif", inputs: { file: "other.json" } },
  { command: "market import tiers", inputs: { file: "other.json" } },
  { command: "oracle run", inputs: { "--config": "other.json" } },
  { command: "desk run", inputs: { "--config": "other.json" } },
  { command: "desk token", inputs: { "--config": "other.json" }, rest: ["x", "--role", "viewer"] },
  {
    command: "account open",
    inputs: { ...SIGNED, "--agreement": "agreement.json" },
    rest: ["--file", "new.json"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account agree",
    inputs: { request: "opening.json", ...SIGNED },
    anyContent: ["--passphrase-file"],
  },
  ...["deposit", "absorb", "exit"].map((name) => ({
    command: `account ${name}`,
    inputs: SIGNED,
    rest: ["--file", "new.json", "--asset", "cash", "--amount", "1"],
    anyContent: ["--passphrase-file"],
  })),
  {
    command: "account withdraw",
    inputs: { ...SIGNED, ...MARKET },
    rest: ["--file", "new.json", "--asset", "cash", "--amount", "1"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account attest",
    inputs: { ...SIGNED, ...MARKET },
    rest: ["--file", "new.json", "--at-least", "call"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account cure",
    inputs: { ...SIGNED, ...MARKET },
    rest: ["--file", "new.json"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account settle",
    inputs: SIGNED,
    rest: ["--file", "new.json"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account request",
    inputs: SIGNED,
    rest: ["--file", "new.json"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account hold",
    inputs: SIGNED,
    rest: ["--file", "new.json", "1"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account unwind",
    inputs: { ...SIGNED, "--fill": "fill.json", "--theirs": "side.json" },
    rest: ["--file", "new.json", "--with", "1"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "account unwind",
    inputs: { "--terms": "unwind-terms.json", "--key": "viewing.key" },
    rest: ["--file", "new.json", "--fill", "new"],
  },
  ...(["propose", "agree"] as const).map((name) => ({
    command: `trade ${name}`,
    inputs: { ...(name === "agree" ? { offer: "offer.json" } : {}), "--terms": "terms.json", ...SIGNED, ...MARKET },
    rest: ["--file", "new.json", "--out", "new", "--with", "1"],
    anyContent: ["--passphrase-file"],
  })),
  {
    command: "trade settle",
    inputs: { trade: "trade.json", ...SIGNED, ...MARKET },
    rest: ["--gate", ADDRESS, "--key", "viewing.key"],
    anyContent: ["--passphrase-file"],
  },
  { command: "account status", inputs: { ...KEY, ...MARKET }, rest: ["--file", "new.json"] },
  { command: "account restore", inputs: KEY, rest: ["--file", "new.json", "--gate", ADDRESS] },
  {
    command: "bid",
    inputs: { ...SIGNED, ...MARKET, "--lot": "fill.json" },
    rest: ["--file", "new.json", "1"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "liquidation flag",
    inputs: { ...SIGNED, ...MARKET },
    rest: ["1", "--gate", ADDRESS],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "liquidation start",
    inputs: { ...SIGNED, ...MARKET },
    rest: ["1", "--gate", ADDRESS, "--out", "new.json"],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "liquidation void",
    inputs: { "--keystore": "keystore.json", "--passphrase-file": "passphrase.txt" },
    rest: ["1", "--gate", ADDRESS],
    anyContent: ["--passphrase-file"],
  },
  {
    command: "deploy",
    inputs: { parameters: "other.json" },
    rest: ["--rpc", "http://127.0.0.1:1", "--record", "record.json"],
  },
  {
    command: "board open",
    inputs: { opening: "other.json", "--policy": "policy.json" },
    rest: ["--rpc", "http://127.0.0.1:1", "--record", "other.json"],
  },
];

/** What names no input: files and directories that are written or kept, and what is no file. */
const NO_INPUT =
  /^(--(out|below|report|chart|new-key|state|secret|record|ledger|build|keys|file|request|sign)|circuit|directory|instrument|account|who)$/;
const WRITERS = ["account key", "pack key", "oracle key", "ceremony phase1", "desk init"];

const none = new AbortController().signal;
const contextOf = (inputs: Inputs, printed: string[] = []): Context => ({
  inputs,
  signal: none,
  print: (_json, _value, text) => void printed.push(text()),
  deliver: async (_out, text) => void printed.push(text),
  show: async (_options, _value, text) => void printed.push(text()),
  progress: () => {},
  endAtOnce: () => {},
});

function leaves(command: Command, above: readonly string[] = []): { name: string; command: Command }[] {
  const names = [...above, command.name()];
  if (command.commands.length === 0) return [{ name: names.join(" "), command }];
  return command.commands.flatMap((each) => leaves(each, names));
}
const allCommands = (context: Context) => COMMANDS.flatMap((make) => leaves(make(context)));

describe("W20: what command lines name", () => {
  let folder: string;
  let back: string;
  let mask: number;

  before(async () => {
    back = process.cwd();
    // Secrets that others may read are refused before they are looked at.
    mask = process.umask(0o077);
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-inputs-"));
    process.chdir(folder);
    for (const { name, text } of sampleFiles("plimsoll")) writeFileSync(name, text);
    const made = await request();
    for (const { file, text } of [...made.proofs, ...made.attestations!, ...made.observations!])
      writeFileSync(file, text);
    writeFileSync("pack-policy.json", made.policies[0]!.text);
    writeFileSync("pack-market.json", made.markets[0]!.text);
    writeFileSync("signing.key", "1".padStart(64, "0"));
    writeFileSync("pack.zip", zipFiles(await samplePack()));
    writeFileSync("trust.json", json({ format: "plimsoll-trust/1", firms: [], keys: [], maxAgeSeconds: 1 }));
    writeFileSync("other.json", "{}");
    writeFileSync("key.txt", "1".padStart(64, "0"));
    writeFileSync("prices.csv", "time,BTC\n");
    const owner = Wallet.createRandom();
    const light = { scrypt: { N: 2, r: 8, p: 1 } };
    const keystore = encryptKeystoreJsonSync(
      { address: owner.address, privateKey: owner.privateKey },
      "a passphrase",
      light,
    );
    writeFileSync("keystore.json", keystore);
    writeFileSync("passphrase.txt", "a passphrase\n", { mode: 0o600 });
    writeFileSync("fill.json", json(fillDocument({ ...noFill("board-60"), blinding: 7n as never })));
    const nobody = { owner: ADDRESS, agent: ADDRESS, gate: ADDRESS, blob: "0x", stateAfter: "1", deadline: "1" };
    writeFileSync("opening.json", json({ format: "plimsoll-opening/1", chainId: "1", ...nobody }));
    writeFileSync("agreement.json", json({ format: "plimsoll-opening-agreement/1", digest: "0x", signature: "0x" }));
    const side = { account: "1", counterparty: "2", fill: "1", stateBefore: "1", stateAfter: "1", lastEpoch: "0" };
    const signed = {
      blob: "0x",
      policyId: "0",
      epoch: "0",
      deadline: "1",
      proof: new Array(8).fill("1"),
      signature: "0x",
    };
    const [a, b] = [
      { ...side, ...signed },
      { ...side, ...signed },
    ];
    writeFileSync("side.json", json({ format: "plimsoll-unwind-side/1", ...a }));
    const at = { chainId: "1", gate: ADDRESS };
    const terms = { direction: "buy", instrument: "x", quantity: "1", price: "1" };
    writeFileSync("unwind-terms.json", json({ format: "plimsoll-unwind-terms/1", cash: "-1.5" }));
    writeFileSync("terms.json", json({ format: "plimsoll-trade-terms/1", ...terms }));
    writeFileSync("offer.json", json({ format: "plimsoll-trade-offer/1", ...at, blinding: "1", side: a }));
    writeFileSync("trade.json", json({ format: "plimsoll-trade/1", ...at, a, b }));
    process.env.PLIMSOLL_RPC = "http://127.0.0.1:1";
  });
  after(async () => {
    delete process.env.PLIMSOLL_RPC;
    process.umask(mask);
    process.chdir(back);
    rmSync(folder, { recursive: true });
    await endSnarkjsThreads();
  });

  /** Runs a command with one input given as `given`, and what it says. */
  async function run({ command, inputs, rest = [] }: Line, input: string, given: string, stdin: string) {
    let taken = false;
    const printed: string[] = [];
    const source = new Inputs(none, () => {
      taken = true;
      return Readable.from([Buffer.from(stdin)]);
    });
    const words = Object.entries({ ...inputs, [input]: given }).flatMap(([name, file]) =>
      name.startsWith("-") ? [name, file] : [],
    );
    const named = Object.keys(inputs).filter((name) => !name.startsWith("-"));
    const first = named.map((name) => (name === input ? given : inputs[name]!));
    const found = allCommands(contextOf(source, printed)).find(({ name }) => name === command)!.command;
    found.exitOverride().configureOutput({ writeErr: () => {} });
    const error = await found.parseAsync([...first, ...rest, ...words], { from: "user" }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    process.exitCode = 0;
    if (error !== undefined && !(error instanceof PlimsollError)) throw error;
    return { said: error?.message ?? printed.join("\n"), code: error?.code, taken };
  }

  it("are all in the table of this test", () => {
    const missing = allCommands(contextOf(new Inputs(none))).flatMap(({ name, command }) => {
      const options = command.options.filter(({ flags }) => /<(file|pack|path|directory|csv\.\.\.)>/.test(flags));
      const placeholders = [
        ...options.map(({ long }) => long!),
        ...command.registeredArguments.map((argument) => argument.name()),
      ].filter((each) => !NO_INPUT.test(each) && !WRITERS.includes(name));
      const covered = LINES.filter((line) => line.command === name).flatMap(({ inputs }) => Object.keys(inputs));
      return placeholders.filter((each) => !covered.includes(each)).map((each) => `${name} ${each}`);
    });
    expect(missing).deep.equal([]);
  });

  it("are read by nobody else: no command opens a file by itself", () => {
    const cli = path.resolve(import.meta.dirname, "../../prover/src/cli");
    const files = readdirSync(cli, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    expect(files.length).greaterThan(30);
    const readers = files.filter((name) =>
      /\breadBounded\b|\breadFile(Sync)?\b|\bopen(Sync)?\(|createReadStream/.test(
        readFileSync(path.join(cli, name), "utf8"),
      ),
    );
    expect(readers).deep.equal([]);
  });

  it("are secrets: one that others than its owner may read is refused by every command that takes one", async () => {
    const isSecret = (input: string) => /^--(key|secret|passphrase-file|redis-password)$/.test(input);
    for (const line of LINES) {
      for (const [input, file] of Object.entries(line.inputs)) {
        chmodSync(file, 0o640);
        const { said } = await run(line, input, file, "");
        chmodSync(file, 0o600);
        const refused = said === `${file}: others than its owner may read the secret (chmod 600)`;
        // A file may be named twice on a line.
        const words = [...Object.entries(line.inputs).flat(), ...(line.rest ?? [])];
        const named = words.some((word, index) => isSecret(word) && words[index + 1] === file);
        expect(refused, `${line.command} ${input}`).equal(named);
      }
    }
  });

  for (const line of LINES) {
    for (const input of Object.keys(line.inputs)) {
      it(`${line.command} ${input}: names a file that is away or malformed, and reads standard input`, async () => {
        const away = await run(line, input, "away", "");
        expect(away.said).match(/^away: /);
        expect(away.code).equal("FILE");
        for (const content of ["x{", "{}"]) {
          writeFileSync("malformed", content);
          const malformed = await run(line, input, "malformed", "");
          const piped = await run(line, input, "-", content);
          expect(piped.taken, "standard input was read").equal(true);
          if (line.anyContent?.includes(input)) continue;
          expect(malformed.said, content).match(/(^|: )malformed(, [^:]*)?: |\n.*"malformed"$/);
          expect(piped.said, content).match(/(^|: )standard input(, [^:]*)?: |\n.*"standard input"$/);
        }
      });
    }
  }
});

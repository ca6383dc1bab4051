// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { optionLevel } from "../../prover/src/cli/options.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readAccount, readViewingKey } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate } from "../../prover/src/model/evaluate.ts";
import { CIRCUITS } from "../../prover/src/statement/families.ts";
import { type RunOptions, runPlimsoll } from "../support/plimsoll.ts";

const work = mkdtempSync(path.join(os.tmpdir(), "plimsoll-cli-"));
const firm = path.join(work, "firm");
const at = (name: string) => path.join(firm, name);
const read = (name: string) => readFileSync(at(name), "utf8");

/** In the firm's directory, once it is there. */
const plimsoll = (args: readonly string[], options?: RunOptions) =>
  runPlimsoll(existsSync(firm) ? firm : os.tmpdir(), args, options);

const MARKET = ["--policy", "policy.json", "--market", "market.json"];
const ACCOUNT = [...MARKET, "--account", "account.json"];
const TABLES = [...MARKET, "--portfolio", "portfolio.csv", "--positions", "positions.csv", "--name", "atlas"];
const AUDIENCE = ["--audience", "Example Bank, reference 17"];
const prove = (...options: string[]) => ["prove", ...ACCOUNT, "--key", "viewing.key", ...AUDIENCE, ...options];

function refusal(work: () => unknown): PlimsollError {
  try {
    work();
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
  throw new Error("accepted");
}

const policyFile = () => readPolicy(read("policy.json"), "policy.json");
const marketFile = () => readMarket(read("market.json"), "market.json", policyFile());
const accountFile = () => readAccount(read("account.json"), "account.json", policyFile(), marketFile());

describe("plimsoll", () => {
  before(async () => {
    const { code, err } = await plimsoll(["init", firm]);
    expect(err).to.equal("");
    expect(code).to.equal(0);
  });
  after(() => rmSync(work, { recursive: true, force: true }));

  it("init: writes a firm that reads, its secrets for the owner alone, and never into what exists", async () => {
    expect(readdirSync(firm).sort()).to.deep.equal(
      [
        "README.md",
        "account.json",
        "market.json",
        "market-input.json",
        "policy.json",
        "portfolio.csv",
        "positions.csv",
        "viewing.key",
      ].sort(),
    );
    for (const name of ["account.json", "portfolio.csv", "positions.csv", "viewing.key"]) {
      expect(statSync(at(name)).mode & 0o777, name).to.equal(0o600);
    }
    const key = read("viewing.key");
    const again = await plimsoll(["init", firm]);
    expect(again).to.include({ code: 2, out: "" });
    expect(again.err).to.include("FILE").and.include("exists already");
    expect(read("viewing.key")).to.equal(key);
    expect(readdirSync(work)).to.deep.equal(["firm"]);
  });

  it("value: gives the model's figures as JSON and as a table, the same from tables and from standard input", async () => {
    const { account } = accountFile();
    const expected = coverageBpsDown(evaluate(account, policyFile().policy, marketFile().market));
    const json = await plimsoll(["value", ...ACCOUNT, "--json"]);
    expect(json).to.include({ code: 0, err: "" });
    const valuation = JSON.parse(json.out);
    expect(valuation.coverageBps).to.equal(String(expected));
    expect(valuation.levels.map(({ name }: { name: string }) => name)).to.deep.equal(Object.keys(policyFile().levels));
    const stdin = read("account.json");
    expect((await plimsoll(["value", ...MARKET, "--account", "-", "--json"], { stdin })).out).to.equal(json.out);
    const { read: totals, ...tabled } = JSON.parse((await plimsoll(["value", ...TABLES, "--json"])).out);
    expect(tabled).to.deep.equal(valuation);
    expect(totals.map(({ rows }: { rows: number }) => rows)).to.deep.equal([5, 17]);
    const { out } = await plimsoll(["value", ...ACCOUNT]);
    expect(out).to.include("maintenance margin").and.include("close-out 60.00%");
  });

  it("commit: prints the model's commitment; makes a key for the owner alone and never overwrites one", async () => {
    const viewingKey = readViewingKey(read("viewing.key"), "key");
    const commitment = commitState({ ...accountFile().account, viewingKey });
    expect(await plimsoll(["commit", ...ACCOUNT, "--key", "viewing.key"])).to.deep.equal({
      code: 0,
      out: `${commitment}\n`,
      err: "",
    });
    const made = await plimsoll(["commit", ...ACCOUNT, "--new-key", "second.key", "--json"]);
    expect(made.code).to.equal(0);
    expect(statSync(at("second.key")).mode & 0o777).to.equal(0o600);
    const second = readViewingKey(read("second.key"), "key");
    expect(JSON.parse(made.out).commitment).to.equal(
      commitState({ ...accountFile().account, viewingKey: second }).toString(),
    );
    const again = await plimsoll(["commit", ...ACCOUNT, "--new-key", "second.key"]);
    expect(again).to.include({ code: 2, out: "" });
    expect(readViewingKey(read("second.key"), "key")).to.equal(second);
    rmSync(at("second.key"));
    const bad = await plimsoll(["commit", ...MARKET, "--account", "policy.json", "--new-key", "third.key"]);
    expect(bad).to.include({ code: 2, out: "" });
    expect(existsSync(at("third.key"))).to.equal(false);
  });

  it("prove, inspect, verify: a proof file that holds for its policy and market only", async () => {
    const made = await plimsoll(prove("--at-least", "initial", "--out", "proof.json"));
    expect(made.code, made.err).to.equal(0);
    expect(made.out).to.include("covers its maintenance margin at least 1.5 times");
    expect(made.err).to.include("prove (board-60)");

    const inspected = await plimsoll(["inspect", "proof.json"]);
    expect(inspected).to.include({ code: 0, err: "" });
    expect(inspected.out)
      .to.include("not verified")
      .and.include("Example Bank, reference 17")
      .and.include("stateAfter");

    const valid = await plimsoll(["verify", "proof.json", ...MARKET]);
    expect(valid).to.include({ code: 0, err: "" });
    expect(valid.out).to.match(
      /^TEST ONLY \(DEVELOPMENT_KEY\), worth nothing as evidence\..*\nvalid\nproven: The account /,
    );
    const proof = read("proof.json");
    const piped = await plimsoll(["verify", "-", ...MARKET, "--json"], { stdin: proof });
    expect(piped.code).to.equal(0);
    const verdict = JSON.parse(piped.out);
    expect(verdict).to.include({ format: "plimsoll-verdict/1", outcome: "valid", evidence: false });

    const [stateBefore, stateAfter] = verdict.statements[0].commitments.map(({ value }: { value: string }) => value);
    expect((await plimsoll(["commit", ...ACCOUNT, "--key", "viewing.key"])).out).to.equal(`${stateBefore}\n`);
    const known = ["--state-before", stateBefore, "--state-after", stateAfter];
    expect((await plimsoll(["verify", "proof.json", ...MARKET, ...known])).code).to.equal(0);
    const other = await plimsoll(["verify", "proof.json", ...MARKET, "--state-after", "1", "--json"]);
    expect(other.code).to.equal(1);
    expect(JSON.parse(other.out).outcome).to.equal("invalid");
    expect(JSON.parse(other.out).findings[0].code).to.equal("STATE_UNEXPECTED");

    writeFileSync(at("later.json"), read("market.json").replace(/"epoch": "\d+"/, '"epoch": "8"'));
    const later = await plimsoll([
      "verify",
      "proof.json",
      "--policy",
      "policy.json",
      "--market",
      "later.json",
      "--json",
    ]);
    expect(later).to.include({ code: 1, err: "" });
    expect(JSON.parse(later.out).findings[0].code).to.equal("MARKET_MISMATCH");
    const garbage = await plimsoll(["verify", "-", ...MARKET], { stdin: "{}" });
    expect(garbage.code).to.equal(2);
    expect(garbage.out).to.match(/^unusable \(ENVELOPE_MALFORMED\): /);
    rmSync(at("later.json"));
    rmSync(at("proof.json"));
  });

  it("prove: refuses what is false, saying by which level, and writes nothing", async () => {
    const below = await plimsoll(prove("--below", "close-out", "--out", "proof.json"));
    expect(below).to.include({ code: 1, out: "" });
    expect(below.err).to.include("STATEMENT_FALSE").and.include("not below the close-out level of 60%");
    const least = await plimsoll([...prove("--at-least", "10000%"), "--json"]);
    expect(least).to.include({ code: 1, out: "" });
    expect(JSON.parse(least.err.split("\n").at(-2)!).error.code).to.equal("STATEMENT_FALSE");
    expect(existsSync(at("proof.json"))).to.equal(false);
  });

  it("P06: stopped by SIGTERM or SIGINT it exits with 4, leaves nothing behind, and works when run again", async () => {
    const before = readdirSync(firm).sort();
    for (const [signal, when] of [
      ["SIGTERM", "prove (board-60)"],
      ["SIGINT", "load (board-60)"],
    ] as const) {
      let sent = false;
      const stopped = await plimsoll(prove("--at-least", "liquidation", "--out", "proof.json"), {
        onErr: (text, child) => {
          if (!sent && text.includes(when)) sent = child.kill(signal);
        },
      });
      expect(sent).to.equal(true);
      expect(stopped).to.include({ code: 4, out: "" });
      expect(stopped.err).to.include("CANCELLED");
      expect(readdirSync(firm).sort()).to.deep.equal(before);
    }
    const again = await plimsoll(prove("--at-least", "liquidation"));
    expect(again.code).to.equal(0);
    expect(JSON.parse(again.out).format).to.equal("plimsoll-proof/2");
  });

  it("exits with 2 for a command line that it does not understand, before reading anything", async () => {
    const cases: string[][] = [
      ["value"],
      ["nonsense"],
      ["value", ...MARKET],
      ["value", ...ACCOUNT, "--name", "atlas"],
      ["value", ...TABLES, "--sequence", "1.5"],
      ["value", ...ACCOUNT, "--colour"],
      ["commit", ...ACCOUNT],
      ["commit", ...ACCOUNT, "--key", "viewing.key", "--new-key", "x.key"],
      prove(),
      prove("--at-least", "initial", "--below", "initial"),
      prove("--at-least", "closeOut"),
      prove("--at-least", "1048576bps"),
      prove("--at-least", "-1%"),
      prove("--at-least", "initial", "--audience", "\u001b[2J"),
      ["verify", "account.json", ...MARKET, "--state-after", "0x1"],
    ];
    const outcomes = await Promise.all(cases.map((args) => plimsoll(args)));
    for (const [index, { code, out, err }] of outcomes.entries()) {
      expect({ code, out }, cases[index]!.join(" ")).to.deep.equal({ code: 2, out: "" });
      expect(err).to.not.equal("");
    }
    const twice = await plimsoll(["value", ...MARKET, "--portfolio", "-", "--positions", "-", "--name", "atlas"]);
    expect(twice.err).to.include("only one input can be standard input");
    const help = await plimsoll(["--help"]);
    expect(help.code).to.equal(0);
    expect(help.out).to.include("Exit codes");
  });

  it("reads a level as a name, a percentage, a ratio or basis points, and refuses a bare number with the three forms", async () => {
    const { levels } = policyFile();
    for (const [word, level] of [
      ["initial", 15_000n],
      ["close-out", 6_000n],
      ["150%", 15_000n],
      ["0%", 0n],
      ["66.67%", 6_667n],
      ["1.5", 15_000n],
      ["0.6667", 6_667n],
      ["15000bps", 15_000n],
    ] as const) {
      expect(optionLevel("--at-least", word, levels).level, word).to.equal(level);
    }
    for (const word of [
      "210",
      "15000",
      "0",
      "150 %",
      "1,5",
      ".5",
      "-1%",
      "1.55555",
      "66.667%",
      "15000.5bps",
      "150bp",
      "closeOut",
      "",
    ]) {
      const error = refusal(() => optionLevel("--at-least", word, levels));
      expect(error.code, word).to.equal("USAGE");
      if (!/5555|667|5bps/.test(word)) expect(error.rule).to.include("150%, 1.5 or 15000bps");
    }
    const bare = await plimsoll(prove("--at-least", "210"));
    expect(bare).to.include({ code: 2, out: "" });
    expect(bare.err).to.include("USAGE: --at-least").and.include("150%, 1.5 or 15000bps");
  });

  it("U01: one table alone is refused unless it is said that the account holds nothing in the other", async () => {
    const portfolio = [...MARKET, "--portfolio", "portfolio.csv", "--name", "atlas"];
    const lacking = await plimsoll(["value", ...portfolio]);
    expect(lacking).to.include({ code: 2, out: "" });
    expect(lacking.err).to.include("--no-positions if the account holds none");
    expect((await plimsoll(["value", ...portfolio, "--no-positions"])).code).to.equal(0);
    const positions = await plimsoll(["value", ...MARKET, "--positions", "positions.csv"]);
    expect(positions).to.include({ code: 2, out: "" });
    expect(positions.err).to.include("--no-collateral");
    writeFileSync(at("upper.csv"), read("portfolio.csv").replaceAll("atlas", "Atlas"));
    const tables = ["--portfolio", "upper.csv", "--positions", "positions.csv"];
    const key = ["--key", "viewing.key", ...AUDIENCE];
    const upper = await plimsoll(["prove", ...MARKET, ...tables, "--name", "Atlas", ...key, "--at-least", "initial"]);
    expect(upper).to.include({ code: 2, out: "" });
    expect(upper.err).to.include('is of "Atlas", which has "atlas"');
    const said = await plimsoll(["value", ...MARKET, ...tables, "--no-positions", "--name", "Atlas", "--json"]);
    expect(said.code, said.err).to.equal(0);
    expect(JSON.parse(said.out).positions).to.deep.equal([]);
    rmSync(at("upper.csv"));
  });

  it("U15: reads UTF-16 that begins with a byte order mark, in either order, and refuses it without", async () => {
    const expected = await plimsoll(["value", ...ACCOUNT, "--json"]);
    const little = Buffer.from(`\uFEFF${read("account.json")}`, "utf16le");
    for (const bytes of [little, Buffer.from(little).swap16()]) {
      writeFileSync(at("utf16.json"), bytes);
      const read16 = await plimsoll(["value", ...MARKET, "--account", "utf16.json", "--json"]);
      expect(read16).to.deep.equal(expected);
    }
    writeFileSync(at("utf16.json"), little.subarray(2));
    const without = await plimsoll(["value", ...MARKET, "--account", "utf16.json"]);
    expect(without).to.include({ code: 2, out: "" });
    writeFileSync(at("utf16.json"), little.subarray(0, -1));
    expect((await plimsoll(["value", ...MARKET, "--account", "utf16.json"])).err).to.include("UTF-16");
    rmSync(at("utf16.json"));
  });

  it("exits with 3 where circuits and keys are missing; doctor says so", async () => {
    const env = { PLIMSOLL_BUILD: path.join(work, "nothing") };
    const proving = await plimsoll(prove("--at-least", "initial"), { env });
    expect(proving).to.include({ code: 3, out: "" });
    expect(proving.err).to.include("ARTIFACT_MISSING");
    const doctor = await plimsoll(["doctor", "--json"], { env });
    expect(doctor.code).to.equal(3);
    expect(JSON.parse(doctor.out).usable).to.equal(false);
  });

  it("doctor: finds this installation usable and warns of development keys", async () => {
    const { code, out } = await plimsoll(["doctor", "--json"]);
    expect(code).to.equal(0);
    const { circuits, warnings } = JSON.parse(out);
    expect(circuits.map(({ circuit }: { circuit: string }) => circuit)).deep.equal(CIRCUITS);
    expect(circuits[0]).to.include({ circuit: "board-60", state: "ok" });
    expect(warnings.join()).to.include("development keys");
  });

  it("W23: parameters or a record of a deployment that are none exit with 2 and name the file", async () => {
    const bad: Readonly<Record<string, string>> = {
      "not-json.json": "{",
      "null.json": "null",
      "deep.json": "[".repeat(10_000),
      "few.json": '{"sizes": ["board-60"]}',
    };
    const party = `0x${"11".repeat(20)}`;
    const seconds = { operatorDeadlineSeconds: "3600", timelockSeconds: "86400" };
    const people = { owner: party, guardian: party, operator: party, reporters: [party] };
    const board = { board: "board-60", keepsBlobs: true, staging: false };
    const rules = { quorum: "1", maxMoveBps: "1000", sequencer: "none", ...board, assets: [] };
    writeFileSync(at("deploy.json"), JSON.stringify({ sizes: ["board-60"], ...people, ...seconds, ...rules }));
    const rpc = ["--rpc", "http://127.0.0.1:1"];
    for (const [name, text] of Object.entries(bad)) {
      writeFileSync(at(name), text);
      const both = [
        [name, "--record", "none.json"],
        ["deploy.json", "--record", name],
      ];
      for (const { code, out, err } of await Promise.all(both.map((words) => plimsoll(["deploy", ...words, ...rpc])))) {
        expect([code, out], err).deep.equal([2, ""]);
        expect(err).match(new RegExp(`^plimsoll: [A-Z_]+: ${name.replace(".", "\\.")}[,:] .*\n$`));
      }
      rmSync(at(name));
    }
    // What is well formed is asked about on its chain.
    const { err } = await plimsoll(["deploy", "deploy.json", "--record", "none.json", ...rpc]);
    expect(err).contain("CHAIN_FAILED");
    rmSync(at("deploy.json"));
  });

  it("P01, P02: names file, line and field of bad input; refuses 10 MB; nothing is written", async () => {
    writeFileSync(at("bad.json"), read("policy.json").replace(/"haircutBps": "\d+"/, '"haircutBps": 1e21'));
    const bad = await plimsoll([
      "value",
      "--policy",
      "bad.json",
      "--market",
      "market.json",
      "--account",
      "account.json",
      "--json",
    ]);
    expect(bad).to.include({ code: 2, out: "" });
    expect(JSON.parse(bad.err).error).to.deep.equal({
      code: "FIELD_INVALID",
      rule: "expected a string, found number; write it in quotes",
      file: "bad.json",
      line:
        read("policy.json")
          .split("\n")
          .findIndex((line) => line.includes("haircutBps")) + 1,
      field: "assets[0].tiers[0].haircutBps",
    });
    rmSync(at("bad.json"));
    const stdin = " ".repeat(10_000_000);
    const large = await plimsoll(["value", ...MARKET, "--account", "-"], { stdin });
    expect(large).to.include({ code: 2, out: "" });
    expect(large.err).to.include("TOO_LARGE: standard input");
    const missing = await plimsoll(["value", ...MARKET, "--account", "nowhere.json"]);
    expect(missing.err).to.equal("plimsoll: FILE: nowhere.json: cannot be read: it does not exist\n");
    const directory = await plimsoll(["value", ...MARKET, "--account", "."]);
    expect(directory.err).to.include("FILE: .: cannot be read: it is a directory");
  });
});

describe("plimsoll's secrets", () => {
  /** Digits that are in every private value, in human units and in lots. */
  const CANARY = /73190|45627/;
  const KEY = "7319045627319045627319045627\n";
  const directory = () => mkdtempSync(path.join(os.tmpdir(), "plimsoll-canary-"));

  it("never appear in what a failing command prints or writes", async () => {
    const place = directory();
    const inFirm = path.join(place, "firm");
    expect((await plimsoll(["init", inFirm])).code).to.equal(0);
    const file = (name: string, text?: string) => {
      const full = path.join(inFirm, name);
      if (text !== undefined) writeFileSync(full, text, { mode: 0o600 });
      return full;
    };
    const account = {
      format: "plimsoll-account/1",
      account: "atlas",
      cash: "-73190.45627",
      collateral: { BTC: "73.19045627", ETH: "7319.04562" },
      positions: { "BTC-PERP": "-73.190", "ETH-PERP": "7319.04" },
      sequence: "7319045627",
    };
    const json = (changes: object) => JSON.stringify({ ...account, ...changes }, null, 2);
    const books = (position: object) => {
      const { cash: balance, ...rest } = { ...account, format: "plimsoll-account/2" };
      const positions = { "BTC-25DEC26": { quantity: "73.190", ...position } };
      return JSON.stringify({ ...rest, balance, positions }, null, 2);
    };
    const sound = file("account.json", json({}));
    const key = file("viewing.key", KEY);
    const market = ["--policy", file("policy.json"), "--market", file("market.json")];
    const audience = ["--audience", "nobody"];
    const out = ["--out", file("proof.json")];
    const before = readdirSync(inFirm).sort();

    const badAccounts = [
      json({ cash: "-73190.4562731" }),
      json({ cash: "73190.4.5627" }),
      json({ cash: 73190.45627 }),
      json({ sequence: "7319045627731904562773190" }),
      json({ collateral: { BTC: "-73.19045627" } }),
      json({ collateral: { BTC: "731904562773190456277319" } }),
      json({ positions: { "BTC-PERP": "73.19045627" } }),
      json({ positions: { "B-73190": "45627" } }),
      json({ positions: { "0x73190abc45627": "45627" } }),
      json({ 73190: "45627" }),
      json({ positions: ["73190", "45627"] }),
      json({}).replace('"cash": "', '"cash": "73190", "cash": "'),
      json({}).slice(0, -30),
      json({}).replace('"-73190', "-73190"),
      `73190${json({})}`,
      "73190,45627\n",
    ];
    const commands: { args: string[]; stdin?: string; env?: NodeJS.ProcessEnv; code?: number }[] = [
      ...badAccounts.map((stdin) => ({ args: ["value", ...market, "--account", "-"], stdin })),
      { args: ["value", ...market, "--account", "-", "--json"], stdin: badAccounts[0]! },
      ...[
        "account,asset,amount\natlas,BTC,7319045627.731904562\n",
        "atlas,BTC,73190\n",
        'account,asset,amount\n"73190,45627\n',
      ].map((stdin) => ({
        args: ["value", ...market, "--portfolio", "-", "--no-positions", "--name", "atlas"],
        stdin,
      })),
      ...[
        "account,asset,amount\natlas,USDC,73190.4.5627\n",
        'account,asset,amount\natlas,USDC,"73,190.45627"\n',
        "account,asset,amount\n73190,USDC,(45627)\n",
        "account,asset,amount\n7.3190E+45627,USDC,1\n",
        "amount,account,asset\nUSDC,atlas,73190.45627\n",
      ].map((stdin) => ({
        args: ["value", ...market, "--portfolio", "-", "--no-positions", "--decimal", "point"],
        stdin,
      })),
      { args: ["value", ...market, "--account", "-"], stdin: books({ entryPrice: "73190.4.5627" }) },
      {
        args: ["value", ...market, "--account", "-"],
        stdin: books({ entryPrice: "73190", unrealisedProfit: "45627" }),
      },
      { args: ["value", ...market, "--account", "-"], stdin: books({ unrealisedProfit: "73190.45627" }) },
      { args: ["value", ...market, "--account", "-"], stdin: books({ quantity: "73190.45627" }) },
      { args: ["value", ...market, "--account", "-"], stdin: books({}) },
      // One private file in the place of another, or of a public one.
      { args: ["commit", ...market, "--account", key, "--key", key] },
      { args: ["commit", ...market, "--account", sound, "--key", sound] },
      { args: ["commit", ...market, "--account", sound, "--key", "-"], stdin: `x${KEY}` },
      { args: ["commit", ...market, "--account", sound, "--key", "-"], stdin: KEY.trim().repeat(4) },
      { args: ["value", "--policy", sound, "--market", sound, "--account", sound] },
      { args: ["value", "--policy", key, "--market", key, "--account", key] },
      { args: ["value", "--policy", file("policy.json"), "--market", sound, "--account", sound] },
      { args: ["inspect", sound] },
      { args: ["inspect", key] },
      { args: ["verify", sound, ...market] },
      { args: ["verify", key, "--policy", sound, "--market", key] },
      // Everything sound, and the answer is no, or nothing to answer with.
      {
        args: ["prove", ...market, "--account", sound, "--key", key, "--at-least", "10000%", ...audience, ...out],
        code: 1,
      },
      { args: ["prove", ...market, "--account", sound, "--key", key, "--below", "0%", ...audience, ...out], code: 1 },
      {
        args: ["prove", ...market, "--account", sound, "--key", key, "--at-least", "0%", ...audience, ...out],
        env: { PLIMSOLL_BUILD: place },
        code: 3,
      },
      {
        args: [
          "prove",
          ...market,
          "--account",
          sound,
          "--key",
          key,
          "--at-least",
          "0%",
          ...audience,
          "--out",
          path.join(place, "no", "x"),
        ],
      },
    ];
    for (const { args, stdin, env, code = 2 } of commands) {
      const outcome = await plimsoll(args, { ...(stdin === undefined ? {} : { stdin }), ...(env && { env }) });
      expect(outcome.code, `${args.join(" ")}\n${outcome.err}`).to.equal(code);
      expect(outcome.out + outcome.err).to.not.match(CANARY);
      expect(readdirSync(inFirm).sort()).to.deep.equal(before);
    }

    // A proof of the account, which is public, does not hold them either.
    const made = await plimsoll([
      "prove",
      ...market,
      "--account",
      sound,
      "--key",
      key,
      "--at-least",
      "0%",
      ...audience,
    ]);
    expect(made.code, made.err).to.equal(0);
    expect(made.err).to.not.match(CANARY);
    const values = [KEY.trim(), "73190456270", "-73190", "7319045627", "731904562"];
    const { signals, statement } = JSON.parse(made.out);
    for (const value of values) expect(JSON.stringify({ signals, statement })).to.not.include(value);
    rmSync(place, { recursive: true, force: true });
  });
});

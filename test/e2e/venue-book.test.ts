// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs what docs/books.md shows, in an empty folder, with real proofs. The circuit's set-up is on demand. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { loadManifest } from "../../prover/src/node/artifacts.ts";
import { comparable } from "../support/documentation.ts";
import { runPlimsoll } from "../support/plimsoll.ts";
import { skip } from "../support/skip.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const PAGE = readFileSync(path.join(ROOT, "docs/books.md"), "utf8");
const run = promisify(execFile);

/** Contents of the fenced blocks in this language ("" for output), in order. */
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, tag, content]) => (tag === language ? [content!] : []));

describe("docs/books.md", function () {
  this.timeout(600_000);
  let folder: string;
  before(async function () {
    if ((await loadManifest()).circuits["book-60-8"] === undefined) skip(this, "book-60-8 is not set up");
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-books-"));
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it("shows commands that do what it says, with the output it shows", async () => {
    const commands = blocks("sh")[0]!.replaceAll("build/venue", path.join(folder, "venue"));
    const { stdout } = await run("bash", ["-O", "expand_aliases", "-ec", commands], { cwd: ROOT });
    for (const part of blocks("")[0]!.split("…\n")) expect(comparable(stdout)).contain(comparable(part));
    expect(stdout).contain("Your account is in the book").and.contain("-1.5 BTC-PERP");
    const venue = path.join(folder, "venue");
    for (const secret of ["book.secret", "shards.key", "slips/000000/000001.json", "book/shards/000000"]) {
      expect(statSync(path.join(venue, secret)).mode & 0o777, secret).equal(0o600);
    }
    // Nothing of what accounts hold is in the clear beside the slips.
    for (const name of readdirSync(path.join(venue, "book"), { recursive: true, encoding: "utf8" })) {
      const file = path.join(venue, "book", name);
      if (statSync(file).isDirectory()) continue;
      const text = readFileSync(file, "latin1");
      for (const word of ["Ada Byron", "Grace", "Emmy"]) expect(text.includes(word), name).equal(false);
    }
  });

  it("names the line of an account that cannot be read, and is no defect of the program", async () => {
    const venue = path.join(folder, "venue");
    const accounts = readFileSync(path.join(venue, "accounts.csv"), "utf8");
    const words = "--policy policy.json --market market.json --date 2026-11-22T08:00:00Z --level 100%";
    const rest = [...words.split(" "), "--circuit", "book-60-8", "--secret", "book.secret", "--venue", "Meridian"];
    for (const [from, to, error] of [
      ["symbol,amount", "symbol,quantity", 'SYNTAX: bad.csv, line 1: expected the header "account,symbol,amount"'],
      ["BTC-PERP,1.5", "BTC-PREP,1.5", "UNKNOWN_NAME: bad.csv, line 4, symbol:"],
      ["USDC,250000", "USDC,many", "FIELD_INVALID: bad.csv, line 2, amount:"],
    ] as const) {
      writeFileSync(path.join(venue, "bad.csv"), accounts.replace(from, to));
      const { code, err } = await runPlimsoll(venue, ["book", "build", "bad.csv", ...rest, "--out", "bad"]);
      expect(err).contain(error);
      expect(code).equal(2);
      expect(readdirSync(venue)).not.include("bad");
    }
  });

  it("leaves no slips behind under another secret, so that the right one is not refused", async () => {
    const venue = path.join(folder, "venue");
    const slips = (secret: string, out: string) =>
      runPlimsoll(venue, ["book", "slips", "book", "--secret", secret, "--out", out]);
    for (const out of ["again", "again.ndjson"]) {
      expect((await slips("shards.key", out)).err).contain("SHARD_REFUSED");
      expect((await slips("book.secret", out)).code, out).equal(0);
      // What was there before stays.
      expect((await slips("shards.key", out)).code).equal(2);
      expect(readdirSync(venue)).include(out);
    }
  });

  it("BELOW_LEVEL: accounts below the level are named in a file for the venue alone, and there is no book", async () => {
    const venue = path.join(folder, "venue");
    const words = "book build accounts.csv --policy policy.json --market market.json --date 2026-11-22T08:00:00Z";
    const args = [...words.split(" "), "--level", "1000%", "--circuit", "book-60-8", "--secret", "book.secret"];
    const { code, err } = await runPlimsoll(venue, [...args, "--venue", "Meridian", "--out", "high"]);
    expect(code).equal(1);
    expect(err).contain("BELOW_LEVEL").and.not.contain("1002");
    const named = path.join(venue, "high-below.csv");
    expect(statSync(named).mode & 0o777).equal(0o600);
    expect(readFileSync(named, "utf8")).match(/^account,line,coverage\n.*1002,5,/s);
    expect(readdirSync(venue)).not.include("high");
  });
});

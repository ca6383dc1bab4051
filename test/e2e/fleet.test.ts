// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Runs docs/fleet.md with real proofs, then the same book through Redis, and looks for the venue's secrets wherever others could: queue, journal,
 * output, command lines, environments, temporary files (J11).
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import { Redis } from "ioredis";
import { EXIT } from "../../prover/src/errors.ts";
import { buildDirectory } from "../../prover/src/node/artifacts.ts";
import { loadAddon } from "../../prover/src/node/native.ts";
import { PREPARED_FORMAT } from "../../prover/src/node/prepared-key.ts";
import { comparable } from "../support/documentation.ts";
import { RedisServer, redisFleet } from "../support/fleets.ts";
import { processesWith, start } from "../support/killed.ts";
import { skip } from "../support/skip.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const PASSWORD = "canary-password-of-redis";
const MARK = `plimsoll-canary-${process.pid}`;
const page = readFileSync(path.join(ROOT, "docs/fleet.md"), "utf8");
const blocks = (language: string) =>
  [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, name]) => name === language).map(([, , text]) => text!);

describe("docs/fleet.md", function () {
  this.timeout(600_000);
  let folder: string;
  let printed: string;
  /** All that was said, and could be seen, while something ran. */
  let seen: Buffer[] = [];
  /** Command lines of processes that were given Redis's password in their environment, by this test. */
  const given = new Set<string>();
  const at = (name: string) => path.join(folder, "firm", name);

  before(async function () {
    if (!existsSync(path.join(buildDirectory(), "keys/book-60-8"))) return skip(this, "book-60-8 is not set up");
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-fleet-docs-"));
    mkdirSync(path.join(folder, "tmp"));
    const commands = `shopt -s expand_aliases\n${blocks("sh").join("\n")}`.replaceAll("build/fleet", at(""));
    ({ stdout: printed } = await promisify(execFile)("bash", ["-ec", commands], { cwd: ROOT }));
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  /** Runs a command to its end, and keeps what could be seen meanwhile of it and of all that it starts. */
  async function watched(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const own = { [MARK]: "1", TMPDIR: path.join(folder, "tmp") };
    const { child, ended } = start(args, { cwd: at(""), env: { ...env, ...own } });
    given.add(read(`/proc/${child.pid}/cmdline`).toString());
    const watch = setInterval(() => {
      for (const pid of processesWith(MARK)) {
        const line = read(`/proc/${pid}/cmdline`);
        seen.push(line);
        // Not of those that were given the password, nor of a process that has just been forked: until its own program is loaded it is
        // its parent, environment and all. The line is read first: where it is another one, so is what is read after it.
        if (!given.has(line.toString())) seen.push(read(`/proc/${pid}/environ`));
      }
    }, 20);
    const { code, out, err } = await ended;
    clearInterval(watch);
    seen.push(Buffer.from(out), Buffer.from(err));
    return { code, out, err };
  }
  /** What the venue keeps to itself, in every form that it could leave in. */
  function secrets(): Buffer[] {
    const accounts = readFileSync(at("accounts.ndjson"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const keys = ["master.key", "shard.key"].map((name) => readFileSync(at(name), "utf8").trim());
    const amounts = accounts.flatMap(({ cash }) => [cash, cash.replace(".", "")]).filter(({ length }) => length > 7);
    return [
      ...keys.flatMap((key) => [key, Buffer.from(key, "hex"), Buffer.from(key, "hex").toString("base64")]),
      ...amounts,
      ...accounts.flatMap(({ account, member }) => [account, member]),
    ].map((each) => Buffer.from(each));
  }
  function expectNothingSecret(more: readonly Buffer[] = []): void {
    const all = [...seen, ...more];
    const searched = secrets();
    expect(searched.length).greaterThan(50);
    for (const secret of searched)
      expect(
        all.some((each) => each.includes(secret)),
        secret.toString(),
      ).equal(false);
  }
  const filesIn = (name: string) =>
    readdirSync(name, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => readFileSync(path.join(each.parentPath, each.name)));
  /** The book as it was built, without proofs. */
  function unproven(name: string): string {
    cpSync(at("book"), at(name), { recursive: true });
    for (const each of ["proofs", "fleet"]) rmSync(path.join(at(name), each), { recursive: true, force: true });
    seen = [];
    return name;
  }
  const proofs = (book: string) => readdirSync(path.join(at(book), "proofs"));

  it("goes from accounts to a proof of every shard, and shows what the commands print", () => {
    expect(comparable(printed)).contain(comparable(blocks("").at(0)!));
    expect(proofs("book")).deep.equal(["000000", "000001", "000002"]);
  });

  it("J11: on one machine, stopped and gone on with: nothing secret anywhere, and a second coordinator is refused", async () => {
    const book = unproven("alone");
    const command = ["book", "prove", book, "--key", "shard.key", "--workers", "2", "--threads", "1"];
    const first = start(command, { cwd: at(""), env: { [MARK]: "1" } });
    while (!existsSync(path.join(at(book), "fleet/journal"))) await new Promise((resolve) => setTimeout(resolve, 20));
    // Held, so that it does not end before the second has started.
    first.child.kill("SIGSTOP");
    const second = await watched(command);
    expect(second.code).equal(2);
    expect(second.err).contain("another process holds this lock");
    first.child.kill("SIGCONT");
    while (!existsSync(path.join(at(book), "proofs"))) await new Promise((resolve) => setTimeout(resolve, 20));
    first.child.kill("SIGTERM");
    const stopped = await first.ended;
    if (stopped.code !== 0) expect([stopped.code, stopped.err]).deep.include(4);
    for (let wait = 0; wait < 100 && processesWith(MARK).length > 0; wait++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(processesWith(MARK)).deep.equal([]);
    const { code, out } = await watched(command);
    expect([code, out]).deep.equal([0, "3 of 3 shards proven\n"]);
    expect(proofs(book).length).equal(3);
    expectNothingSecret([...filesIn(path.join(at(book), "fleet")), ...filesIn(path.join(folder, "tmp"))]);
  });

  it("J11: through Redis: nothing secret in it, in what is said or seen, and its password nowhere", async function () {
    const { missing } = redisFleet();
    if (missing !== undefined) return skip(this, missing);
    const book = unproven("many");
    const server = await RedisServer.start("--requirepass", PASSWORD);
    const environment = { PLIMSOLL_REDIS_PASSWORD: PASSWORD };
    const redis = new Redis(server.url, { password: PASSWORD });
    try {
      const fleet = ["--redis", server.url];
      const dump = async () => {
        for (const key of await redis.keys("*"))
          seen.push(Buffer.from(key), (await redis.dumpBuffer(key)) ?? Buffer.alloc(0));
      };
      const dumping = setInterval(() => void dump(), 200);
      const worker = watched(["worker", book, ...fleet, "--key", "shard.key", "--workers", "1"], environment);
      const ended = await Promise.all([watched(["book", "prove", book, ...fleet], environment), worker]);
      clearInterval(dumping);
      await dump();
      expect(
        ended.map(({ code }) => code),
        ended.map(({ err }) => err).join(),
      ).deep.equal([0, 0]);
      expect(ended[0]!.out).equal("3 of 3 shards proven\n");
      expect(proofs(book).length).equal(3);
      const status = await watched(["book", "status", book, ...fleet, "--json"], environment);
      expect(JSON.parse(status.out)).deep.include({ proven: 3, shards: 3, quarantined: [] });
      expectNothingSecret([...filesIn(path.join(at(book), "fleet")), ...filesIn(path.join(folder, "tmp"))]);
      expect(
        seen.some((each) => each.includes("shard-000002")),
        "the queue was seen",
      ).equal(true);
      expect(
        seen.some((each) => each.includes("book-child")),
        "the processes were seen",
      ).equal(true);
      expect(
        seen.some((each) => each.includes(PASSWORD)),
        "the password",
      ).equal(false);
    } finally {
      redis.disconnect();
      await server.stop();
    }
  });

  it("with another key nothing is tried, and an address with a password in it is refused without a word of it", async () => {
    const book = unproven("wrong");
    const { code, err } = await watched(["book", "prove", book, "--key", "master.key"]);
    expect([code, err.includes("SHARD_REFUSED")]).deep.equal([2, true]);
    const address = `redis://:${PASSWORD}@127.0.0.1`;
    for (const command of [
      ["book", "prove", book],
      ["book", "status", book],
      ["worker", book, "--key", "shard.key"],
    ]) {
      const refused = await start([...command, "--redis", address], { cwd: at("") }).ended;
      expect([refused.code, refused.err.includes("USAGE"), refused.err.includes(PASSWORD)]).deep.equal([
        2,
        true,
        false,
      ]);
    }
    expect(existsSync(path.join(at(book), "proofs"))).equal(false);
  });

  it("prepare: ends soon after a signal and leaves nothing; what is prepared is not prepared again", async function () {
    if (loadAddon().addon === undefined) return skip(this, "no native prover");
    const build = path.join(folder, "build");
    const prepared = (name: string) => path.join(build, "keys/book-60-8", `prepared.${name}`);
    for (const part of ["keys/manifest.json", "keys/book-60-8", "circuits/book-60-8"]) {
      const filter = (source: string) => !path.basename(source).startsWith("prepared.");
      cpSync(path.join(buildDirectory(), part), path.join(build, part), { recursive: true, filter });
    }
    const env = { PLIMSOLL_BUILD: build };
    const { child, said, ended } = start(["book", "prepare", "book"], { cwd: at(""), env });
    while (!said().includes("preparing") && child.exitCode === null) await wait(20);
    await wait(2_000);
    child.kill("SIGINT");
    expect((await ended).code).equal(EXIT.cancelled);
    expect([prepared("zkey"), prepared("json")].filter((file) => existsSync(file))).deep.equal([]);

    const hash = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
    // The key itself has all that a prepared one must have of it.
    const zkey = readFileSync(path.join(build, "keys/book-60-8/proving.zkey"));
    writeFileSync(prepared("zkey"), zkey);
    writeFileSync(prepared("json"), JSON.stringify({ format: PREPARED_FORMAT, zkey: hash(zkey), sha256: hash(zkey) }));
    const again = await watched(["book", "prepare", "book"], env);
    expect([again.code, again.out]).deep.equal([0, `${prepared("zkey")} was there already\n`]);
  });
});

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The book of an invented venue from end to end, with workers that are killed: what it costs an account.
 *
 *   npm run book -- --accounts 20000 [--workers 2] [--threads 1] [--circuit book-60-8] [--prepare] [--kill-every 60] [--out build/book]
 *
 * Generates accounts, builds the book, prepares the proving key where that is asked for, and proves it with `plimsoll book prove`. Every so many seconds, if something has been proven
 * meanwhile, something is killed with -9, in turn: a process that proves, and the command with all that it has started, which is then started again. Ends with exit code 1 where a
 * shard is not proven in the end. A directory that is there already is gone on with.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "../../prover/src/errors.ts";
import { sampleVenue, writeAccounts } from "../../test/support/venue-accounts.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BIN = path.join(ROOT, "prover/bin/plimsoll.mjs");
/** Of `/proc/self/stat`. */
const TICKS_A_SECOND = 100;

const { values } = parseArgs({
  options: {
    accounts: { type: "string", default: "20000" },
    workers: { type: "string", default: "2" },
    threads: { type: "string", default: "1" },
    circuit: { type: "string", default: "book-60-8" },
    prepare: { type: "boolean", default: false },
    "kill-every": { type: "string", default: "60" },
    out: { type: "string" },
  },
});
const accounts = Number(values.accounts);
const killEvery = Number(values["kill-every"]);
const out = path.resolve(values.out ?? path.join(ROOT, `build/book-${accounts}`));
const at = (name: string) => path.join(out, name);
const BOOK = at("book");

interface Cost {
  readonly seconds: number;
  /** Of this machine's processors, by all processes that have ended and were waited for. */
  readonly cpu: number;
  /** The most that one process had, in MiB. */
  readonly memory: number;
}
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Processor seconds of all that this process has started, and that has ended. */
function cpuOfEnded(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_A_SECOND;
}

/** A process and those that it has started, by the system's tables. */
function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))];
}
function family(pid: number): number[] {
  try {
    return familyOf(pid);
  } catch {
    return []; // ended meanwhile
  }
}
function mostMemory(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Processor seconds of a process, without those that it has started. */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  } catch {
    return 0;
  }
}

/** Runs the command line; `during` is called every second with its processes. */
async function plimsoll(args: readonly string[], during?: (child: ChildProcess, pids: readonly number[]) => void) {
  const [began, before] = [performance.now(), cpuOfEnded()];
  let memory = 0;
  /** Of processes that nobody waits for: what a command has started is nobody's once it is killed. */
  const cpuSeen = new Map<number, number>();
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const end = () => process.kill(-child.pid!, "SIGTERM");
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, end);
  const watch = setInterval(() => {
    const pids = family(child.pid!);
    memory = Math.max(memory, ...pids.map(mostMemory));
    for (const pid of pids) cpuSeen.set(pid, Math.max(cpuOf(pid), cpuSeen.get(pid) ?? 0));
    during?.(child, pids);
  }, 1_000);
  const [code, signal] = await once(child, "close");
  clearInterval(watch);
  for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, end);
  if (code === EXIT.cancelled) process.exit(EXIT.cancelled);
  const cpu = Math.max(
    cpuOfEnded() - before,
    [...cpuSeen.values()].reduce((sum, each) => sum + each, 0),
  );
  const cost: Cost = { seconds: (performance.now() - began) / 1000, cpu, memory };
  return { code, signal, said, cost };
}
async function must(args: readonly string[]) {
  const ended = await plimsoll(args);
  if (ended.code !== 0)
    throw new Error(`plimsoll ${args.slice(0, 2).join(" ")} ended with ${ended.code ?? ended.signal}`);
  return ended;
}

async function build(): Promise<Cost | undefined> {
  mkdirSync(out, { recursive: true });
  if (existsSync(path.join(BOOK, "book.json"))) return undefined;
  const venue = sampleVenue();
  writeFileSync(at("policy.json"), venue.policyText);
  writeFileSync(at("market.json"), venue.marketText);
  await writeAccounts(at("accounts.ndjson.gz"), venue, accounts);
  if (!existsSync(at("master.key"))) await must(["book", "secret", "--out", at("master.key")]);
  const market = ["--policy", at("policy.json"), "--market", at("market.json")];
  const terms = ["--date", "2026-11-22T08:00:00Z", "--level", "100%", "--circuit", values.circuit];
  const { cost } = await must(
    ["book", "build", at("accounts.ndjson.gz"), ...market, ...terms].concat([
      "--secret",
      at("master.key"),
      "--venue",
      "An invented venue",
      "--out",
      BOOK,
    ]),
  );
  return cost;
}

/** Proves, with something killed every so often, until the command ends by itself. */
async function prove(): Promise<Cost & { readonly killed: number }> {
  if (!existsSync(at("shard.key")))
    await must(["book", "shard-key", BOOK, "--secret", at("master.key"), "--out", at("shard.key")]);
  const command = [
    "book",
    "prove",
    BOOK,
    "--key",
    at("shard.key"),
    "--workers",
    values.workers,
    "--threads",
    values.threads,
  ];
  let [killed, last, memory, seconds, cpu] = [0, performance.now(), 0, 0, 0];
  /** Proofs that there were when something was killed last. */
  let kept = 0;
  const kill = (child: ChildProcess, pids: readonly number[]) => {
    if (killEvery === 0 || performance.now() - last < 1000 * killEvery || pids.length < 2) return;
    // Where others leave so little of the machine that a minute brings no proof, nothing would ever be proven.
    const done = provenShards();
    if (done === kept) return;
    [last, kept] = [performance.now(), done];
    const what = killed++ % 2 === 0 ? "a process that proves" : "the command with all it has started";
    say(`killed: ${what}`);
    if (killed % 2 === 1) process.kill(pids[1 + (killed % (pids.length - 1))]!, "SIGKILL");
    else process.kill(-child.pid!, "SIGKILL");
  };
  for (let retried = false; ; ) {
    const ended = await plimsoll(retried ? [...command, "--retry"] : command, kill);
    memory = Math.max(memory, ended.cost.memory);
    seconds += ended.cost.seconds;
    cpu += ended.cost.cpu;
    if (ended.code === 0) return { seconds, cpu, memory, killed };
    // A shard whose process was killed twice is quarantined, as one that kills its process must be.
    if (ended.signal === null && retried) throw new Error(`plimsoll book prove ended with ${ended.code}`);
    retried = ended.signal === null;
  }
}

/** What a folder has, without what a killed process has begun to write. */
const wholeFiles = (folder: string): string[] => readdirSync(folder).filter((name) => !name.startsWith("."));

const provenShards = (): number => (existsSync(at("book/proofs")) ? wholeFiles(at("book/proofs")).length : 0);

/** The mean size of the files of a folder, in bytes. */
function meanSize(folder: string): number {
  const names = wholeFiles(folder);
  return names.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0) / names.length;
}

const built = await build();
const prepared = values.prepare ? (await must(["book", "prepare", BOOK])).cost : undefined;
const before = provenShards();
const proven = await prove();
const status = JSON.parse((await must(["book", "status", BOOK, "--json"])).said);
assert.deepEqual([status.proven, status.queue.quarantined], [status.shards, 0], "every shard is proven");
assert.equal(wholeFiles(path.join(BOOK, "proofs")).length, status.shards);

await must(["book", "assemble", BOOK, "--out", at("public.book")]);
const verified = (await must(["book", "verify", at("public.book"), "--date", "2026-11-22T09:00:00Z", "--json"])).cost;

const each = (cost: Cost) => `${((1000 * cost.cpu) / accounts).toFixed(2)} ms of CPU an account`;
if (prepared) say(`prepared: ${prepared.cpu.toFixed(0)} s of CPU, at most ${prepared.memory.toFixed(0)} MiB`);
if (built) say(`built: ${built.seconds.toFixed(0)} s, ${each(built)}, at most ${built.memory.toFixed(0)} MiB`);
say(
  `proven: ${status.shards - before} shards in ${proven.seconds.toFixed(0)} s by ${values.workers} workers of ${values.threads} threads, ${proven.killed} killed, at most ${proven.memory.toFixed(0)} MiB a process`,
);
const [sealed, step] = ["shards", "proofs"].map((name) => meanSize(path.join(BOOK, name)).toFixed(0));
say(`a shard: ${sealed} bytes sealed, ${step} bytes proven`);
const published = statSync(at("public.book")).size / accounts;
if (before > 0) say(`${before} shards had been proven earlier: the seconds of a processor are of the others`);
const here = (accounts * (status.shards - before)) / status.shards;
say(
  `${here === 0 ? "no" : (proven.cpu / here).toFixed(4)} core-seconds, ${published.toFixed(1)} bytes published and ${each(verified)} to verify`,
);

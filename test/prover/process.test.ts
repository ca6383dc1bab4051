// SPDX-License-Identifier: GPL-3.0-or-later
/** The command line as a process: signals, pipes, full disks, and what a crash would write. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { sampleFiles } from "../../prover/src/app/sample-files.ts";
import { skip } from "../support/skip.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
/** Far longer than any command here takes on a busy machine. */
const LIMIT = 30_000;

describe("the command line as a process", function () {
  this.timeout(2 * LIMIT);
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const MARKET = () => ["--policy", at("policy.json"), "--market", at("market.json")];

  before(function () {
    if (process.platform === "win32") return skip(this, "not on this platform");
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-process-"));
    for (const file of sampleFiles("plimsoll")) writeFileSync(at(file.name), file.text, { mode: 0o600 });
    execFileSync("mkfifo", ["-m", "600", at("pipe")]);
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  function start(args: readonly string[], stdout: "pipe" | number = "pipe") {
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", stdout, "pipe"] });
    let stderr = "";
    let output = "";
    child.stderr?.setEncoding("utf8").on("data", (chunk) => (stderr += chunk));
    child.stdout?.setEncoding("utf8").on("data", (chunk) => (output += chunk));
    const timer = globalThis.setTimeout(() => child.kill("SIGKILL"), LIMIT);
    const ended = once(child, "close").then(([code, signal]) => {
      clearTimeout(timer);
      return { code, signal, stderr, output };
    });
    return { child, ended };
  }

  const filterOf = (pid: number | undefined) =>
    Number.parseInt(readFileSync(`/proc/${pid}/coredump_filter`, "utf8"), 16);

  /** Until the command line has begun: it takes itself out of core files first, and then listens to signals. */
  async function begun({ pid }: { readonly pid?: number | undefined }): Promise<void> {
    while (filterOf(pid) !== 0) await setTimeout(10);
    await setTimeout(300);
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`W11: waiting for a pipe that nobody writes to, ${signal} ends it with 4`, async function () {
      if (process.platform !== "linux") return skip(this, "not on this platform");
      const { child, ended } = start(["value", ...MARKET(), "--account", at("pipe")]);
      await begun(child);
      child.kill(signal);
      expect((await ended).code).equal(4);
    });
  }

  it("W11: what waits for a node ends at a signal, and sends nothing after it", async () => {
    const asked: string[] = [];
    const node = createServer(async (request, answer) => {
      const { id, method } = JSON.parse(await text(request));
      asked.push(method);
      if (method === "eth_chainId") answer.end(JSON.stringify({ jsonrpc: "2.0", id, result: "0x7a69" }));
      else child.kill("SIGINT");
    }).listen(0, "127.0.0.1");
    await once(node, "listening");
    const address = `0x${"01".repeat(20)}`;
    const rpc = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
    const line = ["liquidation", "void", "1", "--gate", address, "--from", address, "--rpc", rpc, "--yes"];
    const { child, ended } = start(line);
    expect(await ended).include({ signal: "SIGINT", output: "" });
    expect(asked).lengthOf(2);
    node.closeAllConnections();
    node.close();
  });

  it("W11: in a computation that waits for nothing, a signal ends it too, and no file is begun", async function () {
    if (process.platform !== "linux") return skip(this, "not on this platform");
    // Ten years of two prices: minutes of work.
    const prices = ["BTC", "ETH"].map((symbol, one) => {
      const days = Array.from({ length: 3_650 }, (_, day) => {
        const date = new Date(Date.UTC(2014, 0, 1 + day)).toISOString().slice(0, 10);
        return `${date},${(1000 * Math.exp(0.3 * Math.sin(day / 7 + one) + 0.2 * Math.sin(day * day))).toFixed(2)}`;
      });
      writeFileSync(at(`${symbol}-USD.csv`), `Date,Close\n${days.join("\n")}\n`);
      return at(`${symbol}-USD.csv`);
    });
    const { child, ended } = start(["outlook", "score", "--prices", ...prices, "--out", at("score.md")]);
    // Its first words of how far it is: files are read, and the work has begun.
    await once(child.stderr!, "data");
    child.kill("SIGTERM");
    expect([(await ended).signal, existsSync(at("score.md"))]).deep.equal(["SIGTERM", false]);
  });

  it("W11: a file that comes through a pipe is read whole, however late and slowly it comes", async () => {
    const { ended } = start(["value", ...MARKET(), "--account", at("pipe"), "--json"]);
    await setTimeout(500);
    const text = readFileSync(at("account.json"), "utf8");
    const writer = spawn(
      "sh",
      ["-c", 'exec 3>"$1"; printf %s "$2" >&3; sleep 0.3; printf %s "$3" >&3', "sh"].concat([
        at("pipe"),
        text.slice(0, 100),
        text.slice(100),
      ]),
    );
    await once(writer, "close");
    const direct = execFileSync(process.execPath, [
      BIN,
      "value",
      ...MARKET(),
      "--account",
      at("account.json"),
      "--json",
    ]);
    expect(await ended).deep.include({ code: 0, output: direct.toString() });
  });

  it("W08: a crash writes nothing of the process's memory to disk", async function () {
    if (process.platform !== "linux") return skip(this, "not on this platform");
    const { child, ended } = start(["value", ...MARKET(), "--account", at("pipe")]);
    const before = filterOf(process.pid);
    await begun(child);
    expect([before > 0, filterOf(child.pid)]).deep.equal([true, 0]);
    child.kill("SIGTERM");
    await ended;
  });

  it("W21: output that cannot be written is an error, whatever the answer was", async function () {
    if (process.platform !== "linux") return skip(this, "not on this platform");
    const { ended } = start(["value", ...MARKET(), "--account", at("account.json")], openSync("/dev/full", "w"));
    const { code, stderr } = await ended;
    expect([code, stderr]).deep.equal([2, "plimsoll: FILE: standard output cannot be written\n"]);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** The one lock: never two holders, nobody waits for the dead, and disks that refuse are named (W07, W13, W14). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { withLock } from "../../prover/src/node/lock.ts";
import { canMount, onFullDisk, onReadOnlyDisk } from "../support/file-systems.ts";
import { skip } from "../support/skip.ts";

const CHILD = path.resolve(import.meta.dirname, "../support/lock-child.ts");

describe("the lock", function () {
  this.timeout(60_000);
  let folder: string;
  const children: ChildProcess[] = [];
  const at = (name: string) => path.join(folder, name);
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: unknown) => error,
    );

  function contend(lock: string, log: string, turns: number, end: "ends" | "killed" | "held") {
    const child = spawn(process.execPath, [CHILD, lock, log, String(turns), end], { stdio: ["ignore", 2, 2] });
    children.push(child);
    return child;
  }
  /** What the processes wrote: whose line, what, when. */
  const linesOf = (log: string) =>
    readFileSync(log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [pid, what, time] = /^(\d+) (.+) ([\d.]+)$/.exec(line)!.slice(1) as [string, string, string];
        return { pid, what, time: Number(time) };
      });
  async function heldBy(log: string): Promise<void> {
    while (!existsSync(log) || !readFileSync(log, "utf8").includes("has still")) await setTimeout(10);
  }

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-lock-"));
  });
  after(() => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  it("W13: 12 rounds of 8 processes, one of which is killed as it holds it: never two holders, and taken over at once", async () => {
    const [lock, log] = [at("race"), at("race.log")];
    // The lock of one that died before all of this is no obstacle.
    const dead = contend(lock, at("dead.log"), 1, "killed");
    await once(dead, "exit");
    // Each of eight is killed in another round, and another process takes its place.
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const first = contend(lock, log, index + 3, "killed");
        expect((await once(first, "exit"))[1]).equal("SIGKILL");
        expect((await once(contend(lock, log, 12 - (index + 3), "ends"), "exit"))[0]).equal(0);
      }),
    );
    const lines = linesOf(log);
    expect(lines.filter(({ what }) => what === "has")).length(8 * 12);
    expect(lines.filter(({ what }) => what === "gives back")).length(8 * 12 - 8);
    let [holder, slowest] = [lines[0]!.pid, 0];
    const gone = new Set<string>();
    for (const [index, { pid, what, time }] of lines.entries()) {
      if (what === "has") {
        const before = lines[index - 1];
        if (before !== undefined && before.what !== "gives back") {
          gone.add(before.pid);
          slowest = Math.max(slowest, time - before.time);
        }
        holder = pid;
      }
      expect(pid, `line ${index + 1}: ${what}, which another holds`).equal(holder);
      expect(gone.has(pid), "one who was killed").equal(false);
    }
    expect(gone.size, "lost holders").equal(8);
    expect(slowest, "milliseconds without a holder after a death").lessThan(2_000);
    expect(statSync(lock).size).equal(0);
  });

  it("is one process's own too: of many at once in one process each has it alone", async () => {
    let [inside, done] = [0, 0];
    await Promise.all(
      Array.from({ length: 20 }, () =>
        withLock(at("own"), async () => {
          expect(++inside).equal(1);
          await setTimeout(1);
          inside--;
          done++;
        }),
      ),
    );
    expect(done).equal(20);
  });

  it("W13: a holder that hangs is waited for, by name and no longer than wanted; killed, it holds nothing", async () => {
    const [lock, log] = [at("hangs"), at("hangs.log")];
    const child = contend(lock, log, 1, "held");
    await heldBy(log);
    child.kill("SIGSTOP");
    const waits: string[] = [];
    const options = { patience: 200, onWait: () => waits.push("waits") };
    expect(await refusal(withLock(lock, () => {}, options))).deep.include({ code: "FILE", place: { file: lock } });
    expect(waits).deep.equal(["waits"]);
    const cancelled = withLock(lock, () => {}, { signal: AbortSignal.timeout(100) });
    expect(await refusal(cancelled)).deep.include({ code: "CANCELLED" });
    child.kill("SIGKILL");
    expect(await withLock(lock, () => "taken over", { patience: 5_000 })).equal("taken over");
  });

  it("ends with the work where that throws", async () => {
    const broken = withLock(at("throws"), () => {
      throw new TypeError("broken");
    });
    expect(await refusal(broken)).instanceOf(TypeError);
    expect(await withLock(at("throws"), () => "free", { patience: 0 })).equal("free");
  });

  it("names the file and the reason where there can be no lock", async () => {
    mkdirSync(at("directory"));
    writeFileSync(at("file"), "no database, and longer than the header of one ".repeat(5));
    for (const name of ["away/lock", "directory", "file", "file/lock"]) {
      let ran = false;
      const work = withLock(at(name), () => {
        ran = true;
      });
      expect(await refusal(work), name).deep.include({ code: "FILE", place: { file: at(name) } });
      expect(ran, name).equal(false);
    }
    expect(String(await refusal(withLock(at("away/lock"), () => {})))).contain("its directory does not exist");
  });

  /** What another process says that takes the lock on such a disk. */
  const TAKE = `import { withLock } from ${JSON.stringify(path.resolve(import.meta.dirname, "../../prover/src/node/lock.ts"))};
    await withLock(process.argv[1], () => console.log("held")).catch((error) => console.log(error.code, error.message));`;
  const taking = (lock: string) => [process.execPath, "--input-type=module", "--eval", TAKE, lock];

  it("W14: on a disk that can only be read there is no lock, also where its file is there", function () {
    if (!canMount()) return skip(this, "no right to mount a file system");
    for (const name of ["new", "there"]) {
      const [disk, from] = [at(`${name}-disk`), at(`${name}-from`)];
      for (const each of [disk, from]) mkdirSync(each);
      if (name === "there") writeFileSync(path.join(from, "lock"), "");
      const lock = path.join(disk, "lock");
      const { stdout, stderr } = onReadOnlyDisk({ at: disk, from }, taking(lock));
      expect([stdout, stderr]).deep.equal([`FILE ${lock}: cannot be written: the file system is read-only\n`, ""]);
    }
  });

  it("W14: a full disk has room for the lock, which needs none", function () {
    if (!canMount()) return skip(this, "no right to mount a file system");
    mkdirSync(at("full"));
    const { stdout, stderr } = onFullDisk({ at: at("full") }, 0, taking(at("full/lock")));
    expect([stdout, stderr]).deep.equal(["held\n", ""]);
  });
});

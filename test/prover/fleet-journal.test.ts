// SPDX-License-Identifier: GPL-3.0-or-later
/** The journal of the embedded queue: whatever ends the process or fills the disk, what was told to be kept is there. */
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { Journal, journalValues } from "../../prover/src/node/fleet/journal.ts";
import { canMount, onFullDisk } from "../support/file-systems.ts";
import { skip } from "../support/skip.ts";

describe("the journal of the fleet", function () {
  this.timeout(30_000);
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-journal-"));
    file = path.join(folder, "journal");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  /** What the next process finds. */
  const reopened = async () => {
    const journal = await Journal.open<unknown>(file);
    await journal.close();
    return Object.fromEntries(journal.values);
  };

  it("keeps the last value of each key, for the owner alone, and nothing where nothing was kept", async () => {
    expect(await journalValues(file)).deep.equal(new Map());
    const journal = await Journal.open<unknown>(file);
    await journal.append([
      ["a", 1],
      ["ü\n", { deep: ["\u2028"] }],
    ]);
    await Promise.all([journal.append([["a", 2]]), journal.append([]), journal.append([["b", 3]])]);
    await journal.close();
    expect(await reopened()).deep.equal({ a: 2, "ü\n": { deep: ["\u2028"] }, b: 3 });
    expect(statSync(file).mode & 0o777).equal(0o600);
  });

  it("cut at any byte, it has all that was whole, and goes on", async () => {
    const journal = await Journal.open<number>(file);
    const states = [new Map<string, number>()];
    const lengths = [0];
    for (const [key, value] of [
      ["é", 1],
      ["b", 2],
      ["é", 3],
      ["c", 4],
    ] as const) {
      await journal.append([[key, value]]);
      states.push(new Map(journal.values));
      lengths.push(statSync(file).size);
    }
    await journal.close();
    const whole = readFileSync(file);
    for (let cut = 0; cut <= whole.length; cut++) {
      writeFileSync(file, whole.subarray(0, cut));
      const last = lengths.findLastIndex((length) => length <= cut);
      expect(await journalValues(file), `cut at ${cut}`).deep.equal(states[last]);
      const cutJournal = await Journal.open<number>(file);
      await cutJournal.append([["later", 5]]);
      await cutJournal.close();
      expect(await reopened()).deep.equal({ ...Object.fromEntries(states[last]!), later: 5 });
    }
  });

  it("of a last write that was spoiled nothing is believed; a line that is damaged before others is an error with its number", async () => {
    const lines = async () => {
      const journal = await Journal.open<number>(file);
      await journal.append([["a", 1]]);
      await journal.append([["b", 2]]);
      await journal.append([["c", 3]]);
      await journal.close();
      return readFileSync(file);
    };
    const whole = await lines();
    const spoiled = Buffer.from(whole);
    spoiled[whole.length - 3]! ^= 1;
    writeFileSync(file, spoiled);
    expect(await reopened()).deep.equal({ a: 1, b: 2 });
    const damaged = Buffer.from(whole);
    damaged[whole.indexOf("\n") + 12]! ^= 1;
    writeFileSync(file, damaged);
    const error = await reopened().catch((each) => each);
    expect([error.code, error.place]).deep.equal(["FILE", { file, line: 2 }]);
    expect(readFileSync(file).equals(damaged), "left as it was").equal(true);
  });

  it("is written anew as it grows, and loses nothing by it", async () => {
    const journal = await Journal.open<string>(file);
    const value = "v".repeat(30_000);
    for (let round = 0; round < 60; round++) {
      await Promise.all([journal.append([["a", `${value}${round}`]]), journal.append([[`key-${round % 3}`, value]])]);
    }
    await journal.close();
    expect(statSync(file).size).lessThan(2_000_000);
    expect(Object.keys(await reopened())).members(["a", "key-0", "key-1", "key-2"]);
    expect((await reopened()).a).equal(`${value}59`);
  });

  it("on a full disk it says so, keeps what it had, and goes on when there is room", async function () {
    if (!canMount()) return skip(this, "no right to mount a file system");
    const child = `
      import { Journal } from ${JSON.stringify(path.resolve(import.meta.dirname, "../../prover/src/node/fleet/journal.ts"))};
      import { rmSync } from "node:fs";
      const [file, filler] = process.argv.slice(-2);
      const journal = await Journal.open(file);
      let kept = 0, code = "";
      try { for (;; kept++) await journal.append([["key-" + kept, "x".repeat(5000)]]); } catch (error) { code = error.message; }
      const again = await journal.append([["more", 1]]).catch((error) => error.message);
      rmSync(filler);
      const next = await Journal.open(file);
      await next.append([["after", 1]]);
      console.log(JSON.stringify({ code, again, kept, has: next.values.size, last: next.values.has("key-" + (kept - 1)) }));
    `;
    const script = path.join(folder, "child.ts");
    writeFileSync(script, child);
    const disk = path.join(folder, "disk");
    const { mkdirSync } = await import("node:fs");
    mkdirSync(disk);
    const command = [process.execPath, script, path.join(disk, "journal"), path.join(disk, ".full")];
    const { stdout, stderr } = onFullDisk({ at: disk }, 200, command);
    expect(stderr).equal("");
    const { code, again, kept, has, last } = JSON.parse(stdout);
    expect(code).contain("cannot be written: the disk is full");
    expect([again, last]).deep.equal([code, true]);
    expect(kept).greaterThan(5);
    expect(has).equal(kept + 1);
  });

  it("truncated to nothing it is one that is new", async () => {
    await (await Journal.open(file)).close();
    truncateSync(file, 0);
    expect(await reopened()).deep.equal({});
  });
});

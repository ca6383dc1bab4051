// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs what docs/ceremony.md shows, and what an interrupted or a doubled step leaves behind. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { tinyR1cs } from "../support/ceremonies.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const DOC = readFileSync(path.join(ROOT, "docs/ceremony.md"), "utf8");
const BIN = path.join(ROOT, "prover/bin/plimsoll.mjs");
const run = promisify(execFile);
const block = (language: string): string => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "ms").exec(DOC)![1]!;

describe("docs/ceremony.md", function () {
  this.timeout(300_000);
  let folder: string;
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-ceremony-"));
    writeFileSync(path.join(folder, "tiny.r1cs"), await tinyR1cs());
    for (const who of ["ada", "grace", "barbara"]) {
      writeFileSync(path.join(folder, `typed-by-${who}.txt`), `${who} typed this at random`);
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const ceremony = (...args: string[]) =>
    run(process.execPath, [BIN, "ceremony", ...args], { cwd: folder }).catch(
      (error) => error as { stdout: string; stderr: string; code: number },
    );

  it("S01, S05: its commands hold a ceremony, and an auditor with a copy of the files verifies it", async () => {
    const script = `plimsoll() { '${process.execPath}' '${BIN}' "$@"; }\n${block("sh")}`;
    const { stdout } = await run("bash", ["-ec", script], { cwd: folder });
    expect(stdout).contain(block("").trim());
    const auditor = path.join(folder, "auditor");
    const { keySha256, linkKeySha256 } = JSON.parse((await ceremony("verify", "rehearsal", "--json")).stdout);
    const keys = [`keys/${keySha256}.zkey`, `keys/${linkKeySha256}.link`];
    for (const name of ["transcript", "phase1.ptau", "circuit.r1cs", "verification.json", ...keys]) {
      cpSync(path.join(folder, "rehearsal", name), path.join(auditor, name), { recursive: true });
    }
    const verdict = (await ceremony("verify", "auditor")).stdout;
    expect(verdict).match(/^valid: a rehearsal/);
    for (const name of ["Ada", "Grace", "Barbara"]) expect(verdict.split("\n")).include(`  by: "${name}"`);
    // Nothing of what was typed is anywhere.
    for (const entry of readdirSync(path.join(folder, "rehearsal"), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      expect(readFileSync(path.join(entry.parentPath, entry.name)).includes("typed this at random")).equal(false);
    }
  });

  it("an auditor who is given a rewritten transcript or another key is told which rule it breaks", async () => {
    const entry = path.join(folder, "auditor/transcript/001.json");
    const text = readFileSync(entry, "utf8");
    writeFileSync(entry, text.replace("Ada", "Eve"));
    const { code, stdout } = (await ceremony("verify", "auditor", "--json")) as { code: number; stdout: string };
    expect(code).equal(1);
    expect(JSON.parse(stdout)).include({ ok: false, rule: "TRANSCRIPT_CHAIN" });
    writeFileSync(entry, text);
  });

  it("S05: a phase 1 of one's own is refused for production, and a closed ceremony takes no more", async () => {
    const own = (await ceremony("start", "real", "--circuit", "settlement-60", "--phase1", "phase1.ptau")) as {
      stderr: string;
    };
    expect(own.stderr).contain("PHASE1_NOT_PINNED");
    expect(readdirSync(folder)).not.contain("real");
    const again = (await ceremony("announce", "rehearsal", "--words", "another")) as { stderr: string };
    expect(again.stderr).contain("TRANSCRIPT_ORDER");
    const twice = await ceremony("start", "rehearsal", "--r1cs", "tiny.r1cs", "--phase1", "phase1.ptau", "--rehearsal");
    expect((twice as { stderr: string }).stderr).contain("CEREMONY_EXISTS");
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** Runs docs/portfolio.md with real proofs, and what a reader refuses of its pack. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { readAttestation, signAttestation } from "../../prover/src/pack/evidence.ts";
import type { PackContents } from "../../prover/src/pack/format.ts";
import { readTrust, type Trust } from "../../prover/src/pack/trust.ts";
import { readSigningKey } from "../../prover/src/pack/typed-data.ts";
import { createPackVerifier } from "../../prover/src/pack/verify.ts";
import { type PackFiles, unzipFiles } from "../../prover/src/pack/zip.ts";
import { portfolioCommands } from "../../scripts/portfolio.ts";
import { comparable } from "../support/documentation.ts";
import { json, resealed } from "../support/packs.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const NOW = new Date("2026-11-22T12:00:00Z");
const run = promisify(execFile);

describe("docs/portfolio.md", function () {
  this.timeout(600_000);
  let folder: string;
  let pack: PackFiles;
  let trust: Trust;
  let stdout: string;
  const text = (file: string) => readFileSync(path.join(folder, "firm", file), "utf8");
  const keyOf = (file: string) => readSigningKey({ text: text(file), file });

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-portfolio-"));
    ({ stdout } = await run("bash", ["-ec", portfolioCommands(path.join(folder, "firm"))], { cwd: ROOT }));
    pack = unzipFiles(readFileSync(path.join(folder, "firm/pack.zip")));
    trust = readTrust({ text: text("trust.json"), file: "trust.json" });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function outcome(files: PackFiles, reader = trust, now = NOW): Promise<string> {
    const verdict = await createPackVerifier(reader).verify(files, now);
    return verdict.ok ? verdict.outcome : `${verdict.finding.code} ${verdict.finding.file}`;
  }
  const changed = (changes: Record<string, unknown>, edit?: (index: PackContents) => unknown) =>
    resealed(
      pack,
      Object.fromEntries(Object.entries(changes).map(([file, content]) => [file, content && json(content)])) as never,
      edit,
      keyOf("firm.key"),
    );
  const merge = (number: number) => JSON.parse(new TextDecoder().decode(pack.get(`merges/${number}.json`)!));

  it("proves one statement of three accounts, of which one alone is insolvent, and shows what it says", () => {
    const page = readFileSync(path.join(ROOT, "docs/portfolio.md"), "utf8");
    const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
    const shown = blocks.find(([, language]) => language === "")![2]!;
    for (const part of shown.split("…\n")) expect(comparable(stdout)).contain(comparable(part));
    expect(stdout).contain("not of that account alone");
  });

  it("shows the auditor no account, key or amount", () => {
    const contents = [...pack.values()].map((content) => new TextDecoder().decode(content)).join();
    for (const secret of ["harbour.key", "meridian.key", "northern.key", "total/viewing.key"]) {
      expect(contents).not.contain(text(secret).trim());
    }
    expect([...pack.keys()].filter((file) => /account|viewing/.test(file))).deep.equal([]);
  });

  it("is refused: an account that nobody vouches for, an attester whom the reader does not name", async () => {
    const unattested = await changed({ "attestations/3.json": undefined }, (index) => ({
      ...index,
      statements: index.statements.map(({ account, ...rest }) => ({
        ...rest,
        account: { ...account, by: account.by.filter((file) => file !== "attestations/3.json") },
      })),
    }));
    expect(await outcome(unattested)).equal("PART_UNATTESTED merges/2.json");
    expect(await outcome(pack, { ...trust, attesters: trust.attesters.slice(0, 2) })).equal(
      "ATTESTER_UNTRUSTED attestations/3.json",
    );
  });

  it("is refused or not current: attestations of another board size or firm, another time, expired", async () => {
    const given = readAttestation({ file: "a", text: new TextDecoder().decode(pack.get("attestations/3.json")!) });
    const northern = (change: object) =>
      signAttestation("northern", keyOf("northern-signing.key"), { ...given.vouched, ...change });
    for (const [change, expected] of [
      [{}, "valid"],
      [{ size: "board-240" }, "ATTESTATION_MISUSED attestations/3.json"],
      [{ firm: `0x${"1f".repeat(20)}` }, "ATTESTATION_MISUSED attestations/3.json"],
      [{ asOf: "2026-11-21T07:30:00Z" }, "PARTS_OVERLAP attestations/3.json"],
      [{ expires: "2026-11-22T11:59:59Z" }, "not-current"],
    ] as const) {
      expect(await outcome(await changed({ "attestations/3.json": await northern(change) }))).equal(expected);
    }
  });

  it("is refused: merge proofs exchanged, for another audience, of another context", async () => {
    const [first, second] = [merge(1), merge(2)];
    for (const [document, code] of [
      [{ ...first, proof: second.proof }, "PAIRING_FAILED"],
      [{ ...first, audience: "Somebody else" }, "STATEMENT_UNEXPECTED"],
      [{ ...first, publicSignals: first.publicSignals.with(3, "7") }, "SIGNAL_MISMATCH"],
      [{ ...first, publicSignals: second.publicSignals }, "PAIRING_FAILED"],
    ] as const) {
      expect(await outcome(await changed({ "merges/1.json": document }))).equal(`${code} merges/1.json`);
    }
  });

  it("merge: names what is wrong on its command line, and makes no sum with an account twice", async () => {
    const bin = path.join(ROOT, "prover/bin/plimsoll.mjs");
    const market = [
      "--policy",
      "policy.json",
      "--market",
      "market.json",
      "--name",
      "A",
      "--audience",
      "B",
      "--out",
      "x",
    ];
    const harbour = ["--account", "harbour.json", "--key", "harbour.key"];
    const merging = (...words: string[]) =>
      run(process.execPath, [bin, "merge", ...market, ...words], { cwd: path.join(folder, "firm") }).catch((e) => e);
    const results = await Promise.all([
      merging(...harbour, ...harbour),
      merging(...harbour, "--account", "northern.json"),
    ]);
    expect(results.map(({ code }) => code)).deep.equal([2, 2]);
    expect(results[0]!.stderr).match(/FIELD_INVALID: .*the same state of an account is there twice/);
    expect(results[1]!.stderr).match(/USAGE: expected as many --key as --account/);
    expect(existsSync(path.join(folder, "firm/x"))).equal(false);
  });
});

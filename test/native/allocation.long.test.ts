// SPDX-License-Identifier: GPL-3.0-or-later
/** Memory that is not there is a status of the core, and no crash and no leak. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { skip } from "../support/skip.ts";

const NATIVE = path.join(import.meta.dirname, "../../prover/native");
const COMPILER = process.env.CXX ?? "g++";
const FLAGS = [
  "-std=c++20",
  "-O1",
  "-fno-exceptions",
  "-fno-rtti",
  "-pthread",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
  "-Wl,--wrap=aligned_alloc",
];

describe("allocations of the core", () => {
  it("Poseidon: each that fails is told, nothing is leaked, and the next opening works", function () {
    if (process.platform !== "linux") return skip(this, "not on this platform");
    if (spawnSync(COMPILER, ["--version"]).status !== 0) return skip(this, "no native prover");
    this.timeout(120_000);
    const directory = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
    try {
      const program = path.join(directory, "allocation");
      const words = [...FLAGS, `-I${NATIVE}`, path.join(NATIVE, "fuzz/allocation.cc"), "-o", program];
      const { status, stderr } = spawnSync(COMPILER, words, { encoding: "utf8" });
      expect(status, stderr).equal(0);
      const run = spawnSync(program, { encoding: "utf8" });
      expect(run.status, run.stderr).equal(0);
      expect(Number(/^(\d+) failures\n$/.exec(run.stdout)?.[1])).greaterThan(30);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

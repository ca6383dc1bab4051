// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { BACKENDS } from "../../prover/src/prove/backend.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Proves twice, with a pause between, and ends without closing its prover. */
const PROGRAM = `
import { createProver, NO_TRANSFER, noFill, proveEnvelope, readAccount, readMarket, readPolicy } from "plimsoll";
import { randomViewingKey } from "plimsoll";
import { sampleFiles } from ${JSON.stringify(path.join(ROOT, "prover/src/app/sample-files.ts"))};

const text = (wanted) => sampleFiles("plimsoll").find(({ name }) => name === wanted).text;
const policy = readPolicy(text("policy.json"), "policy.json");
const market = readMarket(text("market.json"), "market.json", policy);
const { account } = readAccount(text("account.json"), "account.json", policy, market);
const before = { ...account, viewingKey: randomViewingKey() };
const transition = { transfer: NO_TRANSFER, fill: noFill(before.size), side: 1n };
const prover = createProver();
for (const turn of [1, 2]) {
  await proveEnvelope(prover, { before, transition, level: 10_000n, direction: "at-least", audience: "x", policy, market });
  await new Promise((resolve) => setTimeout(resolve, 200));
  console.log("proof", turn);
}
`;

describe("an idle prover", () => {
  for (const backend of BACKENDS) {
    it(`U14: with the ${backend} backend a program ends by itself, its prover not closed`, async function () {
      this.timeout(60_000);
      const words = ["--conditions=plimsoll-clone", "--input-type=module", "--eval", PROGRAM];
      const running = promisify(execFile)(process.execPath, words, {
        cwd: path.join(ROOT, "test"),
        env: { ...process.env, PLIMSOLL_BACKEND: backend },
        timeout: 50_000,
      });
      const { stdout } = await running;
      expect(stdout).equal("proof 1\nproof 2\n");
    });
  }
});

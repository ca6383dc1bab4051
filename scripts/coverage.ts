// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Coverage of the contracts by their tests: lines and statements of each file, as Hardhat counts them. It knows no
 * branches; but every branch that holds a statement is covered where that statement is.
 *
 * Contracts run instrumented and hardly optimised, without limits of gas and code size. Tests of gas, and tests whose point
 * is a limit of gas, fail there and are reported; `npm test` is what judges them. Tests with real proofs add nothing.
 *
 * Exits with 1 where a file is below 95% by either measure.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

const LEAST_PERCENT = 95;
const TESTS = ["statement", "policy", "verifier", "batch", "oracle", "gate-attacks", "gate-life", "liquidation"];
const ROOT = path.resolve(import.meta.dirname, "..");
const HARDHAT = path.join(
  path.dirname(createRequire(import.meta.url).resolve("hardhat/package.json")),
  "dist/src/cli.js",
);

/** Runs the tests; what they print goes to stderr as it comes. */
async function measured(): Promise<string> {
  const files = TESTS.map((name) => `test/contracts/${name}.test.ts`);
  const child = spawn(process.execPath, [HARDHAT, "test", "mocha", "--coverage", ...files], {
    cwd: ROOT,
    env: { ...process.env, HARDHAT_COVERAGE: "true", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) {
    output += chunk;
    process.stderr.write(chunk);
  }
  return output;
}

const ROW = /[║│|] (verifier-contracts\/\S+\.sol) +[│|] ([\d.]+) +[│|] ([\d.]+) +[│|] (.*?) *[║│|]/g;
const rows = (await measured()).matchAll(ROW).toArray();
if (rows.length === 0) throw new Error("Hardhat printed no coverage");
let low = 0;
for (const [, file, lines, statements, missing] of rows) {
  // Interfaces have neither.
  if (Number(lines) === 0 && missing === "-") continue;
  const enough = Math.min(Number(lines), Number(statements)) >= LEAST_PERCENT;
  if (!enough) low++;
  console.log(
    `${enough ? "  " : "! "}${file!.padEnd(44)} lines ${lines!.padStart(6)}%  statements ${statements!.padStart(6)}%  not run: ${missing}`,
  );
}
if (low !== 0) {
  console.log(`${low} below ${LEAST_PERCENT}%`);
  process.exitCode = 1;
}

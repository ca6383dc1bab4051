// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Coverage of the contracts by their tests: the lines that ran, as Hardhat counts them, and the branches that were taken.
 * Hardhat knows no branches, so the contracts are rewritten first (`scripts/branches.ts`), in a copy of the project.
 *
 * Contracts run instrumented and hardly optimised, without limits of gas and code size. Tests of gas, and tests whose point
 * is a limit of gas, fail there and are reported; `npm test` is what judges them. Tests with real proofs add nothing.
 *
 * Prints a row for each contract, and what was not seen. Exits with 1 where a contract is below 95% by either measure.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Branch, instrument } from "./branches.ts";
import { copyProject, hardhat } from "./copy.ts";

const LEAST_PERCENT = 95;
const TESTS = [
  ...["statement", "policy", "verifier", "batch", "oracle", "sources", "clock", "settlements"],
  ...["gate", "gate-attacks", "gate-guards", "gate-life", "rounds", "client"],
  ...["liquidation", "liquidation-attacks", "auction", "book-registry"],
];
const CONTRACTS = [
  "book/BookRegistry",
  ...[
    "gate/Accounts",
    "gate/Clearing",
    "gate/Desk",
    "gate/Exchange",
    "gate/Fund",
    "gate/Liquidation",
    "gate/MarginGate",
  ],
  ...["market/Epochs", "market/PolicyPoints", "market/PolicyRegistry", "market/PolicyRules", "market/PriceOracle"],
  ...["market/PriceSources", "market/Queue", "market/Reporters", "market/Settlements"],
  ...["verify/AccountVerifier", "verify/Groth16Verifier", "verify/LotVerifier", "verify/RoundVerifier"],
  ...["verify/SettlementVerifier", "verify/VerifierRouter"],
  ...["libraries/Bn254", "libraries/BoardTerms", "libraries/Clock", "libraries/DataPage", "libraries/PackedMarks"],
  ...["libraries/Nobody", "libraries/PackedValues", "libraries/Signatures", "libraries/Statement", "libraries/Vault"],
];
/** Loaded before the tests: what Hardhat has compiled, instrumented, takes the place of the release in the copy. */
const INSTRUMENTED = `
import { writeFileSync } from "node:fs";
import hardhat from "hardhat";
import { artifactFile, TABLE } from "../../scripts/build-contracts.ts";
for (const name of Object.keys(TABLE.contracts)) {
  writeFileSync(artifactFile(name), JSON.stringify(await hardhat.artifacts.readArtifact(name)));
}
`;

const copy = await copyProject("coverage");
const sources = new Map<string, { lines: number; branches: Branch[] }>();
for (const name of CONTRACTS) {
  const file = `verifier-contracts/${name}.sol`;
  const source = await readFile(path.join(copy, file), "utf8");
  const { text, branches } = instrument(file, source);
  await writeFile(path.join(copy, file), text);
  sources.set(file, { lines: source.split("\n").length - 1, branches });
}
await writeFile(path.join(copy, "test/contracts/instrumented.ts"), INSTRUMENTED);
const files = ["instrumented", ...TESTS.map((name) => `${name}.test`)].map((name) => `test/contracts/${name}.ts`);
const config = ["--config", "scripts/coverage.config.ts"];
await hardhat(copy, ["test", "mocha", "--coverage", ...config, ...files], (text) => process.stderr.write(text));

/** By file and line, whether it ran. */
const ran = new Map<string, Map<number, boolean>>();
let current = new Map<number, boolean>();
for (const row of (await readFile(path.join(copy, "coverage/lcov.info"), "utf8")).split("\n")) {
  const [key, value = ""] = row.split(/:(.*)/);
  if (key === "SF") {
    current = new Map();
    ran.set(value, current);
  } else if (key === "DA") {
    const [line, count] = value.split(",").map(Number);
    current.set(line!, count! > 0);
  }
}

const percent = (seen: number, all: number) => (all === 0 ? 100 : (100 * seen) / all);
const shown = (seen: number, all: number) =>
  `${percent(seen, all).toFixed(1).padStart(5)}% of ${String(all).padStart(3)}`;
let low = 0;
const total = { lines: 0, linesSeen: 0, outcomes: 0, outcomesSeen: 0 };
for (const [file, { lines, branches }] of sources) {
  const seen = ran.get(file) ?? new Map<number, boolean>();
  const own = [...seen].filter(([line]) => line <= lines);
  const outcomes = branches.flatMap(({ line, condition, whenTrue, whenFalse }) => [
    { what: `${line} never true: ${condition}`, seen: seen.get(whenTrue) ?? false },
    { what: `${line} never false: ${condition}`, seen: seen.get(whenFalse) ?? false },
  ]);
  const linesSeen = own.filter(([, hit]) => hit).length;
  const outcomesSeen = outcomes.filter(({ seen }) => seen).length;
  const least = Math.min(percent(linesSeen, own.length), percent(outcomesSeen, outcomes.length));
  const enough = own.length !== 0 && least >= LEAST_PERCENT;
  if (!enough) low++;
  total.lines += own.length;
  total.linesSeen += linesSeen;
  total.outcomes += outcomes.length;
  total.outcomesSeen += outcomesSeen;
  const name = file.replace("verifier-contracts/", "").padEnd(26);
  const counts = `lines ${shown(linesSeen, own.length)}  branches ${shown(outcomesSeen, outcomes.length)}`;
  console.log(`${enough ? "  " : "! "}${name} ${counts}`);
  for (const [line, hit] of own) if (!hit) console.log(`      ${line} not run`);
  for (const outcome of outcomes) if (!outcome.seen) console.log(`      ${outcome.what}`);
}
const { lines, linesSeen, outcomes, outcomesSeen } = total;
console.log(`  ${"together".padEnd(26)} lines ${shown(linesSeen, lines)}  branches ${shown(outcomesSeen, outcomes)}`);
if (low !== 0) {
  console.log(`${low} below ${LEAST_PERCENT}%`);
  process.exitCode = 1;
}

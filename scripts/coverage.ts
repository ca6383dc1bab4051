// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Coverage of the contracts by their tests: the lines that ran, as Hardhat counts them, and the branches that were taken.
 * Hardhat knows no branches, so the contracts are rewritten first (`scripts/branches.ts`), in a copy of the project.
 *
 * Contracts run instrumented and hardly optimised, without limits of gas and code size. Tests of gas and of code, and tests whose
 * point is a limit of gas, fail there and are reported; `npm test` is what judges them.
 *
 * Prints a row for each contract, and what was not seen. Exits with 1 where that is anything but what no call can show (`UNSEEN`).
 */
import { globSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Branch, instrument } from "./branches.ts";
import { copyProject, hardhat } from "./copy.ts";

/** What no call can show, and why; the condition stays, since it guards what stands on it. */
const UNSEEN = [
  {
    file: "libraries/Bn254.sol",
    what: "never false: ok",
    why: "a multiple of a key's point, which is on the curve: it lacks gas at most, and a 63rd of that is too little to say so",
  },
  {
    file: "libraries/LinkVerifier.sol",
    what: "never false: x[left + 1] == x[right + 1]",
    why: "two points of the subgroup that share one half of x alone: nobody can find such",
  },
  {
    file: "verify/Groth16Verifier.sol",
    what: "never false: _word(key, 7) == _word(key, 11)",
    why: "as above: gamma and delta are points of the subgroup",
  },
];
const TESTS = [
  ...[
    "statement",
    "policy",
    "link",
    "verifier",
    "batch",
    "oracle",
    "sources",
    "clock",
    "settlements",
    "market-attacks",
  ],
  ...["gate", "gate-attacks", "gate-attacks-2", "gate-guards", "gate-life", "rounds", "client"],
  ...["liquidation", "liquidation-attacks", "auction", "book-registry"],
];
/** Loaded before the tests: what Hardhat has compiled, instrumented, takes the place of the release in the copy. */
const INSTRUMENTED = `
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import hardhat from "hardhat";
import { artifactFile, RELEASE, TABLE } from "../../scripts/build-contracts.ts";
const artifacts = {};
for (const name of Object.keys(TABLE.contracts)) {
  const text = JSON.stringify(await hardhat.artifacts.readArtifact(name));
  writeFileSync(artifactFile(name), text);
  artifacts[name] = createHash("sha256").update(text).digest("hex");
}
writeFileSync(path.join(RELEASE, "record.json"), JSON.stringify({ instrumented: { artifacts } }));
`;

const copy = await copyProject("coverage");
const sources = new Map<string, { lines: number; branches: Branch[] }>();
const contracts = globSync("verifier-contracts/!(test)/*.sol", { cwd: copy }).toSorted();
for (const file of contracts) {
  const source = await readFile(path.join(copy, file), "utf8");
  const { text, branches } = instrument(file, source);
  await writeFile(path.join(copy, file), text);
  sources.set(file, { lines: source.split("\n").length - 1, branches });
}
await writeFile(path.join(copy, "test/contracts/instrumented.ts"), INSTRUMENTED);
const files = ["instrumented", ...TESTS.map((name) => `${name}.test`)].map((name) => `test/contracts/${name}.ts`);
const config = ["--config", "scripts/coverage.config.ts"];
await rm(path.join(copy, "coverage"), { recursive: true, force: true });
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
let missing = 0;
const expected = new Map(UNSEEN.map((entry) => [`${entry.file} ${entry.what}`, entry.why]));
const total = { lines: 0, linesSeen: 0, outcomes: 0, outcomesSeen: 0 };
for (const [file, { lines, branches }] of sources) {
  const seen = ran.get(file) ?? new Map<number, boolean>();
  const own = [...seen].filter(([line]) => line <= lines);
  if (own.length === 0 && branches.length === 0) continue; // interfaces
  const outcomes = branches.flatMap(({ line, condition, whenTrue, whenFalse }) => [
    { line, what: `never true: ${condition}`, seen: seen.get(whenTrue) ?? false },
    { line, what: `never false: ${condition}`, seen: seen.get(whenFalse) ?? false },
  ]);
  const linesSeen = own.filter(([, hit]) => hit).length;
  const outcomesSeen = outcomes.filter(({ seen }) => seen).length;
  total.lines += own.length;
  total.linesSeen += linesSeen;
  total.outcomes += outcomes.length;
  total.outcomesSeen += outcomesSeen;
  const name = file.replace("verifier-contracts/", "");
  const unseen: string[] = [];
  const reasons = new Map<number, string>();
  for (const { line, what, seen } of outcomes) {
    if (seen) continue;
    const why = expected.get(`${name} ${what}`);
    expected.delete(`${name} ${what}`);
    if (why !== undefined) reasons.set(line, why);
    else missing++;
    unseen.push(`${line} ${what}${why === undefined ? "" : ` (${why})`}`);
  }
  for (const [line, hit] of own) {
    if (hit) continue;
    if (!reasons.has(line)) missing++;
    unseen.push(`${line} not run`);
  }
  const counts = `lines ${shown(linesSeen, own.length)}  branches ${shown(outcomesSeen, outcomes.length)}`;
  console.log(`  ${name.padEnd(26)} ${counts}`);
  for (const each of unseen) console.log(`      ${each}`);
}
const { lines, linesSeen, outcomes, outcomesSeen } = total;
console.log(`  ${"together".padEnd(26)} lines ${shown(linesSeen, lines)}  branches ${shown(outcomesSeen, outcomes)}`);
for (const each of expected.keys()) console.log(`was seen: ${each}`);
if (missing !== 0) console.log(`${missing} not seen`);
if (missing !== 0 || expected.size !== 0) process.exitCode = 1;

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Races the provers: `bench [size…] [--rounds <n>] [--json <file>] [--against <command>]`.
 *
 * Every size of build/ by default. Each contender is a process of its own that holds the key; the rounds are interleaved, so that
 * whatever else the machine does falls on all alike. Printed are medians, and each as a ratio: snarkjs's figure divided by the
 * contender's. All prove the same witness under the same key, from the files in memory; `whole` is witness and proof together,
 * from the circuit's input. CPU is user and system time of the process, memory its largest resident set, Node included.
 *
 * `--against` races any other prover on the same files, cold: the command is called with the names of a zkey, a wtns, a proof and
 * a public file, of which it writes the last two. `--json` writes { size: { path: { cpuRatio, wallRatio, memoryRatio } } }, warm: a
 * path is `native`, the fastest arithmetic of this machine, or one that is forced.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { BOARD_SIZES, type BoardSize } from "../../prover/src/model/sizes.ts";
import { loadArtifacts, loadManifest } from "../../prover/src/node/artifacts.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import type { WitnessInput } from "../../prover/src/statement/witness-input.ts";
import { randomMarket, randomPolicy, randomRequest, seededRng } from "../../test/support/random.ts";
import type { Cost } from "./contender.ts";
import { BUILD, CONTENDERS, Contender, contend, type Files, median } from "./contenders.ts";

const medians = (costs: readonly Cost[]): Cost => ({
  cpu: median(costs.map(({ cpu }) => cpu)),
  wall: median(costs.map(({ wall }) => wall)),
  memory: Math.max(...costs.map(({ memory }) => memory)),
});

const writeInput = (input: WitnessInput) =>
  JSON.stringify(input, (_, value) => (typeof value === "bigint" ? value.toString() : value));

/** One run of a foreign command. The shell's `times` tells what it used, /proc how large it grew (at most 2 ms ago). */
async function runForeign(command: string, { zkey, wtns, proof, public: signals }: Files): Promise<Cost> {
  const start = performance.now();
  const quoted = [zkey, wtns, proof, signals].map((file) => `'${file}'`).join(" ");
  const child = spawn("/bin/sh", ["-c", `${command} ${quoted} >/dev/null || exit 1; times`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let memory = 0;
  const watch = setInterval(() => {
    try {
      for (const pid of readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")) {
        memory = Math.max(memory, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0));
      }
    } catch {
      // Not begun, or gone.
    }
  }, 2);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, "exit");
  clearInterval(watch);
  if (code !== 0) throw new Error(`the command failed: ${command}`);
  const wall = performance.now() - start;
  // The second line is of the children: user and system, "0m0.310s 0m0.020s".
  const used = [
    ...text
      .trim()
      .split("\n")
      .at(-1)!
      .matchAll(/(\d+)m([\d.]+)s/g),
  ];
  const cpu = used.reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0);
  return { cpu, wall, memory };
}

/** The contenders that can run here, by name. Each proves once, so that what its modules compile to is kept for the race. */
async function present(files: Files): Promise<string[]> {
  const found = [];
  for (const name of Object.keys(CONTENDERS)) {
    const child = contend(name, files, "ignore");
    child.stdin!.end("prove\n");
    const [code] = await once(child, "exit");
    if (code === 0) found.push(name);
    else console.log(`${name}: cannot run here (see \`plimsoll doctor\`)`);
  }
  return found;
}

const text = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const ratios = (base: Cost, { cpu, wall, memory }: Cost) => ({
  cpuRatio: base.cpu / cpu,
  wallRatio: base.wall / wall,
  memoryRatio: base.memory / memory,
});

/** Lines of a table in Markdown: the docs keep them as they are printed. */
function printTable(size: string, what: string, costs: ReadonlyMap<string, Cost>): void {
  const [base] = costs.values();
  for (const [name, cost] of costs) {
    const { cpuRatio, wallRatio, memoryRatio } = ratios(base!, cost);
    const cells = [
      size,
      what,
      name,
      `${text(cost.cpu)} ms`,
      `${text(cpuRatio)}×`,
      `${text(cost.wall)} ms`,
      `${text(wallRatio)}×`,
      `${text(cost.memory / 1024)} MB`,
      `${text(memoryRatio)}×`,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

async function race(size: BoardSize, rounds: number, against: string | undefined, directory: string) {
  const wasm = await (await loadArtifacts(size)).wasm();
  const record = (await loadManifest()).circuits[size]!;
  const files: Files = {
    zkey: path.join(BUILD, record.zkey.path),
    wtns: path.join(directory, "witness.wtns"),
    wasm: path.join(BUILD, record.wasm.path),
    plan: path.join(BUILD, record.plan!.path),
    input: path.join(directory, "input.json"),
    proof: path.join(directory, "proof.json"),
    public: path.join(directory, "public.json"),
  };
  const [market, policy] = [randomMarket(seededRng(1), size, "typical"), randomPolicy(seededRng(1), "typical")];
  const { circuitInput, hints } = buildStatement(randomRequest(seededRng(1), size, { policy, market }));
  writeFileSync(files.input, writeInput({ circuitInput, hints }));
  writeFileSync(files.wtns, await openCalculator(wasm)(circuitInput));
  const names = await present(files);

  // Warm: the first proof of each is not counted.
  const contenders = new Map(names.map((name) => [name, new Contender(name, files)]));
  const warm = new Map<string, Cost>();
  const whole = new Map<string, Cost>();
  for (const [work, results] of [
    ["prove", warm],
    ["whole", whole],
  ] as const) {
    const costs = new Map<string, Cost[]>(names.map((name) => [name, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const [name, contender] of contenders) {
        const cost = await contender.do(work);
        if (round > 0) costs.get(name)!.push(cost);
      }
    }
    for (const [name, list] of costs) results.set(name, medians(list));
  }
  for (const contender of contenders.values()) await contender.end();

  // Cold: a process for every proof.
  const costs = new Map<string, Cost[]>(names.map((name) => [name, []]));
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    for (const name of names) {
      const contender = new Contender(name, files);
      await contender.do("prove");
      costs.get(name)!.push(await contender.end());
    }
    if (against !== undefined) costs.set(against, [...(costs.get(against) ?? []), await runForeign(against, files)]);
  }
  const cold = new Map([...costs].map(([name, list]) => [name, medians(list)]));
  printTable(size, "warm", warm);
  printTable(size, "whole", whole);
  printTable(size, "cold", cold);
  if (against !== undefined && !existsSync(files.proof)) throw new Error(`${against} wrote no proof`);
  return Object.fromEntries([...warm].slice(1).map(([name, cost]) => [name, ratios(warm.get("snarkjs")!, cost)]));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: "string", default: "5" }, json: { type: "string" }, against: { type: "string" } },
  });
  const { circuits } = await loadManifest();
  const sizes = BOARD_SIZES.filter(
    (size) => circuits[size] !== undefined && (positionals.length === 0 || positionals.includes(size)),
  );
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}; ${values.rounds} rounds\n`);
  console.log(
    "| board | what | prover | CPU | ratio | wall | ratio | peak memory | ratio |\n|---|---|---|---|---|---|---|---|---|",
  );
  const report: Record<string, unknown> = {};
  const directory = mkdtempSync(path.join(tmpdir(), "plimsoll-bench-"));
  try {
    for (const size of sizes) report[size] = await race(size, Number(values.rounds), values.against, directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

await main();

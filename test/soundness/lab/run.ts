// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The soundness lab, whole: `soundness [part…] [--size board-60] [--cases 10000] [--every 3]`, every part unless some are named;
 * `--cases` is how many the fuzz tries on the small circuit of `Account`, and a fiftieth of it on the other small ones
 * (`scripts/fuzz/several.ts` tries any number); one mutant in `--every` is judged.
 *
 * Parts run two at a time, each in a process of its own; `mutants` has both to itself. Progress on stderr, a summary on
 * stdout, everything in build/soundness/report.json. Exit code 1 where any part finds what is not explained.
 *
 * `soundness --circuit main.circom [--input input.json]` analyses any other circuit of circom 2 below the project's root:
 * uniqueness, inputs without a range, and with an input (as snarkjs takes it) tangent space, alternative witnesses and dropped constraints around
 * its witness.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { BOARD_SIZES, type BoardSize } from "../../../prover/src/model/sizes.ts";
import { builtCircuit } from "../../../prover/src/node/setup/circuits.ts";
import { buildStatement } from "../../../prover/src/statement/account.ts";
import { CIRCUITS, familyOf } from "../../../prover/src/statement/families.ts";
import { accountCircuit } from "../../support/circuit.ts";
import { COUNTS, dimensionsOf, ledgerOf } from "../../support/ledger.ts";
import { randomRequest, seededRng } from "../../support/random.ts";
import { alternatives } from "./alternatives.ts";
import { DETECTORS, disagreement, undetermined } from "./attack.ts";
import { randomCases } from "./cases.ts";
import { compile } from "./compile.ts";
import { differential, disagreements } from "./differential.ts";
import { dropAround, dropEachOf } from "./drop.ts";
import { type Inputs, loadGenerator } from "./generate.ts";
import { compileSources, MAINS, openBuild, shippedSources } from "./miniature.ts";
import { countBy, EXPLANATIONS, explanations, judge, type Mutated, mutants, scores } from "./mutate.ts";
import { readR1cs, readSymbols, type Witness, writeWtns } from "./r1cs.ts";
import { type BugResult, bugTable, seed, seedEach, seenBy } from "./seeded-bugs.ts";
import { examineSmall, SMALL, type Small, smallTarget, unneeded } from "./small.ts";
import { tangentSpace } from "./tangent.ts";
import { type Fact, report, uniqueness } from "./uniqueness.ts";
import { unrangedInputs } from "./unranged.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const BUILD = path.join(ROOT, "build/soundness");
const require = createRequire(import.meta.url);

interface Result {
  readonly ok: boolean;
  /** One line. */
  readonly says: string;
  /** What is not explained, or tables worth reading. */
  readonly lines?: readonly string[];
  readonly figures?: unknown;
}

const json = (file: string) => JSON.parse(readFileSync(path.join(import.meta.dirname, file), "utf8"));
const progress = (done: number, total: number) => {
  if (done % 50 === 0 || done === total) process.stderr.write(`  ${done} of ${total}\n`);
};

/** Runs a program of the project in the root; output goes to stderr and back. */
function run(args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

async function mochaFile(file: string): Promise<Result> {
  const { code, output } = await run([require.resolve("mocha/bin/mocha.js"), "--reporter", "dot", file]);
  const [passing, failing] = ["passing", "failing"].map((word) =>
    Number(output.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0),
  );
  return {
    ok: code === 0 && passing! > 0,
    says: `${passing} tests pass, ${failing} fail`,
    ...(code === 0 ? {} : { lines: output.split("\n").slice(-40) }),
  };
}

/** Witnesses of random true statements: all flavours of account, market and policy, from zero to saturated. */
async function* sample(size: BoardSize, count: number): AsyncGenerator<Witness> {
  const circuit = await accountCircuit(size);
  const rng = seededRng(2026);
  for (let index = 0; index < count; index++)
    yield circuit.prove(buildStatement(randomRequest(rng, size)).circuitInput);
}

const SAMPLES = { alternatives: 200, tangent: 8 };
/** The shipped circuits take fifteen times as long for a case; `scripts/fuzz/model.ts` runs any number of them. */
const SHIPPED_CASES = 1_500;
const MUTATED_PROOFS = 1_000;
const FUZZ_SEED = 1;
const SEARCHES = 120;
/** Of the cases of `Account`, each other small circuit gets one in so many. */
const OTHERS = 50;

/** Every lie where it must be stopped, random cases against the model, and the seeded bugs, of a circuit in small. */
async function examined(small: Small, count: number): Promise<Result> {
  const directory = `build/soundness/${small.family}-run-${process.pid}`;
  const { target, full, shipped } = await smallTarget(small, directory);
  const lines: string[] = [];
  if (target.attack(small.honest()).outcome !== "accepted") lines.push("the truth is refused");
  for (const { name, inputs, told, stoppedAt } of small.lies()) {
    const attack = target.attack(inputs, told);
    const elsewhere = attack.stoppedAt.filter((place) => !stoppedAt.test(place));
    if (attack.outcome !== "stopped") lines.push(`accepted: ${name}`);
    if (elsewhere.length > 0) lines.push(`stopped at ${elsewhere[0]}: ${name}`);
  }
  const found = [disagreement(full, small.cases(FUZZ_SEED).take(count)), undetermined(full), undetermined(shipped)];
  lines.push(...found.flatMap((finding) => finding?.what ?? []));
  lines.push(...unneeded(small, { full, shipped }).map((constraint) => `not shown needed: ${constraint}`));
  const bugs: BugResult[] = [];
  for (const bug of small.bugs) {
    const damaged = { sources: seed(shippedSources(), bug), main: small.main };
    const { verdict, findings, message } = await examineSmall(small, damaged, directory, { all: true });
    const result = { bug, findings, ...(verdict === "invalid" ? { invalid: message ?? "does not compile" } : {}) };
    bugs.push(result);
    progress(bugs.length, small.bugs.length);
    lines.push(...faultsOf(result));
  }
  const caught = bugs.filter(({ findings }) => findings.length > 0).length;
  return {
    ok: lines.length === 0,
    says: `${small.lies().length} lies, ${count} random cases; ${caught} of ${bugs.length} seeded bugs caught (${countsBy(bugs)})`,
    lines,
    figures: bugs.map(({ bug, findings }) => ({ id: bug.id, findings })),
  };
}

/** What is not as a seeded bug says of itself. */
function faultsOf(result: BugResult): string[] {
  const seen = seenBy(result);
  if (result.invalid) return [`${result.bug.id} does not compile: ${result.invalid}`];
  if (seen.length === 0) return [`${result.bug.id} is not caught`];
  if (seen.join() === result.bug.caughtBy.join()) return [];
  return [`${result.bug.id} is caught by ${seen}, expected ${result.bug.caughtBy}`];
}

const countsBy = (results: readonly BugResult[]): string =>
  DETECTORS.map(
    (detector) => `${detector} ${results.filter((result) => seenBy(result).includes(detector)).length}`,
  ).join(", ");

async function mutantsOf(mutated: Mutated): Promise<Result> {
  const list = mutants(mutated).filter((_, index) => index % every === 0);
  const results = await judge(list, { mutated, workers: Math.min(2, os.availableParallelism()), progress });
  const table = scores(list, results, explanations());
  const [caught, survived] = [
    table.reduce((sum, score) => sum + score.caught, 0),
    table.reduce((sum, score) => sum + score.survived, 0),
  ];
  const percent = (100 * caught) / (caught + survived);
  const unexplained = table.flatMap((score) => score.unexplained);
  // A check wider than it need be is no wrong circuit, as long as it is not too wide: only the ledger minds, and it is counted apart.
  const byLedger = results.filter(({ finding }) => finding?.detector === "ledger").length;
  return {
    ok: unexplained.length === 0 && percent >= 95,
    says: `${list.length} mutants, ${caught} of ${caught + survived} caught (${percent.toFixed(1)} %; ${byLedger} by the ledger), ${unexplained.length} survivors unexplained`,
    lines: [
      ...table.map(
        ({ template, caught, survived, equivalent, invalid }) =>
          `${template.padEnd(18)} caught ${caught}, survived ${survived}, equivalent ${equivalent}, invalid ${invalid}`,
      ),
      ...unexplained.map((id) => `unexplained (${path.relative(ROOT, EXPLANATIONS)}): ${id}`),
    ],
    figures: { counts: countBy(results), results },
  };
}

const PARTS: Readonly<Record<string, (size: BoardSize, cases: number) => Promise<Result>>> = {
  ledger: () => mochaFile("test/circuits/ledger.test.ts"),

  uniqueness: async (size) => {
    const { shipped, full } = await accountCircuit(size);
    const parts = [shipped, full].map(({ r1cs, symbols }) =>
      report(r1cs, symbols, uniqueness(r1cs, symbols, json("account-facts.json")), json("allow-list.json")),
    );
    const unknown = parts.flatMap((part) => part.unknown);
    return {
      ok: unknown.length === 0,
      says: `${parts[0]!.wires} wires as shipped, ${parts[1]!.wires} unsimplified, ${unknown.length} not determined, ${parts[0]!.allowed.length} allowed`,
      lines: unknown.slice(0, 50),
      figures: parts,
    };
  },

  shipped: async () => {
    const circuits = CIRCUITS.filter((circuit) => builtCircuit(circuit) !== undefined);
    const parts = circuits.map((circuit) => {
      const at = (extension: string) => path.join(ROOT, "build/circuits", circuit, `circuit.${extension}`);
      const [r1cs, symbols] = [readR1cs(at("r1cs")), readSymbols(at("sym"))];
      const has = (name: string) => symbols.wireOf(name.replace("{a}", "0")) !== undefined;
      const facts = (json("account-facts.json") as Fact[]).filter(({ signals = [], ascending = [] }) =>
        [...signals, ...ascending].every(has),
      );
      const { wires, unknown } = report(r1cs, symbols, uniqueness(r1cs, symbols, facts));
      const [family, dimensions] = [familyOf(circuit), dimensionsOf(circuit)];
      const { held, faults } = ledgerOf(family, dimensions, r1cs, symbols);
      const missing = held.size === COUNTS[family](dimensions) ? [] : [`${held.size} checks`];
      return { circuit, wires, checks: held.size, found: [...unknown.slice(0, 9), ...faults, ...missing] };
    });
    const lines = parts.flatMap(({ circuit, found }) => found.map((what) => `${circuit}: ${what}`));
    const sum = (pick: (part: (typeof parts)[number]) => number) => parts.reduce((all, part) => all + pick(part), 0);
    return {
      ok: parts.length > 0 && lines.length === 0,
      says: `${parts.length} circuits, ${sum(({ wires }) => wires)} wires and ${sum(({ checks }) => checks)} checks and flags of ledgers, ${lines.length} faults`,
      lines,
      figures: parts,
    };
  },

  tangent: async (size) => {
    const { r1cs, symbols } = (await accountCircuit(size)).shipped;
    const lines: string[] = [];
    for await (const witness of sample(size, SAMPLES.tangent)) {
      const { rank, columns, directions } = tangentSpace(r1cs, witness);
      if (rank < columns)
        lines.push(`rank ${rank} of ${columns}: ${directions.flat().slice(0, 8).map(symbols.nameOf).join(", ")}`);
    }
    return {
      ok: lines.length === 0,
      says: `full rank at ${SAMPLES.tangent - lines.length} of ${SAMPLES.tangent} witnesses`,
      lines,
    };
  },

  alternatives: async (size) => {
    const { r1cs, symbols } = (await accountCircuit(size)).shipped;
    const search = alternatives(r1cs, uniqueness(r1cs, symbols, json("account-facts.json")).order);
    const lines: string[] = [];
    let [index, tried] = [0, 0];
    for await (const witness of sample(size, SAMPLES.alternatives)) {
      const found = search(witness, { seeds: SEARCHES, offset: index * SEARCHES, random: index + 1 });
      tried += found.tried;
      for (const hit of found.hits) {
        const file = path.join(BUILD, `alternative-${index}.wtns`);
        writeWtns(file, r1cs.prime, hit.witness);
        lines.push(`${file}: ${hit.changed.slice(0, 8).map(symbols.nameOf).join(", ")}`);
      }
      progress(++index, SAMPLES.alternatives);
    }
    return {
      ok: lines.length === 0,
      says: `${tried} changes to ${index} witnesses, ${lines.length} other witnesses`,
      lines,
    };
  },

  hostile: () => mochaFile("test/circuits/hostile.long.test.ts"),

  fuzz: async (_size, cases) => {
    const build = await compileSources(shippedSources(), MAINS.account, `build/soundness/fuzz-${process.pid}`);
    let made = 0;
    const counted = randomCases(FUZZ_SEED)
      .take(cases)
      .map((one) => {
        if (++made % 1000 === 0) process.stderr.write(`  ${made} of ${cases} small\n`);
        return one;
      });
    const finding = disagreement(build, counted);
    const { code, output } = await run(["scripts/fuzz/model.ts", String(SHIPPED_CASES), String(FUZZ_SEED)]);
    const { cases: shipped, disagree, failures } = JSON.parse(output);
    return {
      ok: finding === undefined && made === cases && code === 0 && shipped === SHIPPED_CASES,
      says: `${made} cases on the small circuit, ${finding ? "one disagrees" : "all agree"}; ${shipped} on shipped ones, ${disagree} disagree`,
      lines: finding ? [finding.what] : [],
      figures: failures,
    };
  },

  differential: async (size) => {
    const result = await differential(size, MUTATED_PROOFS, { onProgress: progress });
    return {
      ok: result.violations.length === 0,
      says: `${result.tried} mutated proofs and signals, ${result.violations.length} that the strict verifier alone accepts; ${disagreements(result).length} kinds on which snarkjs and the contract differ`,
      lines: [...result.violations, ...disagreements(result)],
      figures: [...result.answers].map(([kind, answers]) => ({ kind, ...Object.fromEntries(answers) })),
    };
  },

  drops: async (size) => {
    const { report: dropped, confirm } = await dropEachOf(size, (found, total) =>
      process.stderr.write(`  ${found} of ${total}\n`),
    );
    const constraints = dropped.caught.keys().toArray();
    const missed = constraints.filter((constraint) => dropped.caught[constraint] === undefined);
    // The step-by-step reasoning is checked by plain evaluation on a sample.
    const sampled = constraints.filter((constraint) => constraint % 97 === 0 && !missed.includes(constraint));
    const wrong = sampled.filter((constraint) => !confirm(constraint));
    return {
      ok: missed.length === 0 && wrong.length === 0,
      says: `${constraints.length} constraints dropped, ${constraints.length - missed.length} shown needed by a witness, ${missed.length} not; ${sampled.length} witnesses checked in full`,
      lines: [
        ...missed.slice(0, 50).map((constraint) => `constraint ${constraint} is not shown needed`),
        ...wrong.map((constraint) => `the witness for constraint ${constraint} fails the full evaluation`),
      ],
    };
  },

  bugs: async () => {
    const results = await seedEach(undefined, { progress });
    const lines = results.flatMap(faultsOf);
    writeFileSync(path.join(BUILD, "bugs.md"), `${bugTable(results)}\n`);
    return {
      ok: lines.length === 0,
      says: `${results.filter((result) => result.findings.length > 0).length} of ${results.length} seeded bugs caught (${countsBy(results)})`,
      lines,
      figures: results.map(({ bug, findings }) => ({ id: bug.id, findings })),
    };
  },

  mutants: () => mutantsOf("account"),

  // The other circuits, in small.
  ...Object.fromEntries(
    Object.values(SMALL).flatMap((small) => [
      [small.family, (_size: BoardSize, cases: number) => examined(small, Math.ceil(cases / OTHERS))],
      [`${small.family}-mutants`, () => mutantsOf(small.family)],
    ]),
  ),
};

// ---- Any other circuit ----------------------------------------------------------------------------------------------

function flatten(value: unknown): bigint[] {
  return Array.isArray(value) ? value.flatMap(flatten) : [BigInt(value as string | number)];
}

/** Inputs that may be any number where their size matters, one sentence each. */
async function withoutRange(main: string, directory: string): Promise<string[]> {
  const files = await compile(main, directory, "--O1");
  const [r1cs, symbols] = [readR1cs(files.r1cs), readSymbols(files.sym)];
  const gone = r1cs.eliminatedInputs;
  return [
    ...unrangedInputs(r1cs).map(({ wire, enters }) => `${symbols.nameOf(wire)} enters ${enters}`),
    ...(gone > 0 ? [`${gone} more that the compiler took away: not looked at`] : []),
  ];
}

async function analyse(main: string, inputFile: string | undefined): Promise<boolean> {
  const directory = path.join("build/soundness/other", path.basename(main, ".circom"));
  const files = await compile(main, directory, "--O2");
  const [r1cs, symbols] = [readR1cs(files.r1cs), readSymbols(files.sym)];
  const determined = uniqueness(r1cs, symbols);
  const { wires, unknown } = report(r1cs, symbols, determined);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(
    `uniqueness     ${r1cs.constraints} constraints, ${wires} wires, ${unknown.length} not shown to be determined by the inputs`,
  );
  for (const name of unknown.slice(0, 20)) say(`  ${name}`);
  const unranged = await withoutRange(main, `${directory}-linear`);
  say(`ranges         private inputs that are packed or compared and held to no range: ${unranged.length}`);
  for (const line of unranged.slice(0, 20)) say(`  ${line}`);
  const clean = unknown.length === 0 && unranged.length === 0;
  if (inputFile === undefined) return clean;

  const given: Record<string, unknown> = JSON.parse(readFileSync(inputFile, "utf8"));
  const inputs: Inputs = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, flatten(value)]));
  const witness = (await loadGenerator(files.wasm, { assertions: true }))(inputs);
  const { rank, columns, directions } = tangentSpace(r1cs, witness);
  say(
    `tangent        rank ${rank} of ${columns}${directions[0] ? `, free: ${directions[0].slice(0, 8).map(symbols.nameOf).join(", ")}` : ""}`,
  );
  const { tried, hits } = alternatives(r1cs, determined.order)(witness, {
    seeds: 4000,
    suspects: [...determined.rules.keys()].filter((wire) => determined.rules[wire] === undefined),
  });
  say(`alternatives   ${tried} changes tried, ${hits.length} other witnesses`);
  for (const [index, hit] of hits.entries()) {
    const out = path.join(ROOT, directory, `alternative-${index}.wtns`);
    writeWtns(out, r1cs.prime, hit.witness);
    say(`  ${out}: ${hit.changed.slice(0, 8).map(symbols.nameOf).join(", ")}`);
  }
  const full = await openBuild(await compile(main, `${directory}-full`, "--O0"));
  const { caught } = dropAround(full, { r1cs, symbols }, inputs).report;
  const needed = caught.filter((lies) => lies !== undefined).length;
  say(`dropped        ${needed} of ${r1cs.constraints} constraints shown needed by a witness that violates each alone`);
  return clean && rank === columns && hits.length === 0;
}

// ---- Command line ---------------------------------------------------------------------------------------------------

interface Timed extends Result {
  readonly part: string;
  readonly seconds: number;
  /** Seconds of processor: on a busy machine the figure to compare. */
  readonly taken: number;
}

/** Seconds of a processor that this process and those it waited for took; on other systems than Linux, its own. */
function takenSeconds(): number {
  try {
    // After the name in parentheses, which may hold spaces: state and ten numbers, then ticks in user and in system, own and children's.
    const ticks = readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
      .slice(11, 15);
    return ticks.reduce((sum, count) => sum + Number(count) / 100, 0);
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }
}

async function runPart(part: string, size: BoardSize, cases: number): Promise<Timed> {
  const started = performance.now();
  let result: Result;
  try {
    result = await PARTS[part]!(size, cases);
  } catch (error) {
    result = { ok: false, says: `fails: ${(error as Error).message}` };
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  return { part, seconds, taken: Math.round(takenSeconds()), ...result };
}

/** Runs parts in processes of their own, two at a time; those of mutants, which make two themselves, alone at the end. */
async function runAll(parts: readonly string[], size: BoardSize, cases: number): Promise<Timed[]> {
  const results = new Map<string, Timed>();
  const one = async (part: string) => {
    process.stderr.write(`${part} …\n`);
    const { output } = await run([
      import.meta.filename,
      part,
      "--size",
      size,
      "--cases",
      `${cases}`,
      "--every",
      `${every}`,
      "--child",
    ]);
    const result: Timed = JSON.parse(output);
    results.set(part, result);
    process.stderr.write(`${part}: ${result.says}, ${result.seconds} s, ${result.taken} s of a processor\n`);
  };
  // The longest first.
  const queue = ["fuzz", "lot", "round", "book", "bugs", "differential", "drops", "hostile"].filter((part) =>
    parts.includes(part),
  );
  queue.push(...parts.filter((part) => !part.endsWith("mutants") && !queue.includes(part)));
  await accountCircuit(size);
  const lane = async () => {
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) await one(part);
  };
  await Promise.all([lane(), lane()]);
  for (const part of parts.filter((name) => name.endsWith("mutants"))) await one(part);
  return parts.map((part) => results.get(part)!);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "board-60" },
    cases: { type: "string", default: "10000" },
    every: { type: "string", default: "3" },
    circuit: { type: "string" },
    input: { type: "string" },
    child: { type: "boolean", default: false },
  },
});
const size = BOARD_SIZES.find((name) => name === values.size);
const wanted = positionals.length > 0 ? positionals : Object.keys(PARTS);
const [cases, every] = [values.cases, values.every].map(Number) as [number, number];
const counts = [cases, every].every((count) => Number.isSafeInteger(count) && count > 0);
if (size === undefined || !counts || wanted.some((part) => !(part in PARTS))) {
  process.stderr.write(
    `usage: soundness [${Object.keys(PARTS).join(" | ")}]… [--size board-60] [--cases 10000] [--every 3]\n       soundness --circuit main.circom [--input input.json]\n`,
  );
  process.exit(2);
}
process.chdir(ROOT);
mkdirSync(BUILD, { recursive: true });
if (values.circuit !== undefined) {
  process.exitCode = (await analyse(values.circuit, values.input)) ? 0 : 1;
} else if (values.child) {
  process.stdout.write(JSON.stringify(await runPart(wanted[0]!, size, cases)));
} else {
  const results = await runAll(wanted, size, cases);
  for (const { part, ok, seconds, taken, says, lines = [] } of results) {
    const time = `${String(seconds).padStart(4)} s ${String(taken).padStart(5)} s of a processor`;
    process.stdout.write(`${ok ? "ok  " : "FAIL"} ${part.padEnd(18)} ${time}  ${says}\n`);
    if (!ok || part.endsWith("mutants") || part === "differential")
      for (const line of lines) process.stdout.write(`       ${line}\n`);
  }
  writeFileSync(path.join(BUILD, "report.json"), `${JSON.stringify({ size, results }, null, 1)}\n`);
  process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
}

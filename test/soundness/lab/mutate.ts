// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Source mutants: small, plausible mistakes made one at a time in the circuits' sources, and which of them the detectors
 * catch.
 *
 * Mistakes are made in text, outside comments, includes and `assert` (a guard for whoever instantiates a template wrongly,
 * not a constraint). Verdicts:
 *   caught      a detector says so: the mutant accepts what it should not, refuses what it should accept, or is undetermined
 *   invalid     does not compile, or exhausts the compiler: no circuit, no verdict
 *   same        compiles to the very same constraints and passes every case: the statement is the same
 *   survived    neither; must be explained, as an equivalent or as a blind spot
 */

import { fork } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  acceptedLie,
  alternative,
  type Detector,
  disagreement,
  exchangeable,
  type Finding,
  outOfLedger,
  speakers,
  spongeDisagreement,
  undetermined,
} from "./attack.ts";
import { type Build, compileSources, MAINS, type Sources, shippedSources } from "./miniature.ts";
import { sameConstraints } from "./r1cs.ts";
import { examineSmall, SMALL, type Small } from "./small.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

export const OPERATORS = [
  "hint for constraint",
  "constraint dropped",
  "comparison",
  "sign",
  "operation",
  "constant",
  "width",
  "index",
  "operands swapped",
  "term dropped",
  "public made private",
] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Mutant {
  /** Stable while the line itself does: file, line's text before and after, an ordinal where several are alike. */
  readonly id: string;
  readonly operator: Operator;
  /** Path below circuits/; `main` for the generated main component. */
  readonly file: string;
  readonly line: number;
  /** Template or function that it is in. */
  readonly template: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export type Verdict = "caught" | "invalid" | "same" | "survived";

export interface MutantResult {
  readonly id: string;
  readonly verdict: Verdict;
  readonly finding?: Finding;
  readonly milliseconds: number;
}

// ---- Making mutants -------------------------------------------------------------------------------------------------

/** The text with comments, strings, pragmas, includes and assertions blanked: offsets stay. */
function masked(text: string): string {
  const blank = (match: string) => match.replace(/[^\n]/g, " ");
  return text
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, blank)
    .replace(/^\s*(pragma|include)\b.*$/gm, blank)
    .replace(/\bassert\([^;]*;/g, blank);
}

interface Edit {
  readonly operator: Operator;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A name with indices and members, a number, or a parenthesis without another in it. */
const OPERAND = String.raw`(?:[A-Za-z_]\w*(?:\[[^\][]*(?:\[[^\][]*\][^\][]*)*\]|\.\w+)*(?:\([^()]*\))*|\d+|\([^()]*(?:\([^()]*\)[^()]*)*\))`;

function* editsOf(code: string): Generator<Edit> {
  const all = function* (
    pattern: RegExp,
    operator: Operator,
    make: (match: RegExpExecArray) => (Omit<Edit, "operator"> | undefined)[],
  ) {
    for (const match of code.matchAll(pattern)) for (const edit of make(match)) if (edit) yield { operator, ...edit };
  };
  const whole = (match: RegExpExecArray, text: string) => ({
    start: match.index,
    end: match.index + match[0].length,
    text,
  });
  const part = (start: number, length: number, text: string) => ({ start, end: start + length, text });

  yield* all(/<==/g, "hint for constraint", (m) => [whole(m, "<--")]);
  // Statements: a check, a discarded check, a bare component, one addend of a running sum.
  yield* all(/[^;{}\s][^;{}]*===[^;]*;/g, "constraint dropped", (m) => [whole(m, "")]);
  yield* all(/(?<=[;{}]\s*)_ <==[^;]*;/g, "constraint dropped", (m) => [whole(m, "")]);
  yield* all(/(?<=[;{}]\s*)[A-Z]\w*\([^;=]*\)\([^;=]*\);/g, "constraint dropped", (m) => [whole(m, "")]);
  yield* all(/(?<=[;{}]\s*)\w+ [+-]= [^;]*;/g, "term dropped", (m) => [whole(m, "")]);

  yield* all(/ (<|<=|>|>=|==) /g, "comparison", (m) => {
    const other = { "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=" }[m[1]!]!;
    return [part(m.index + 1, m[1]!.length, other)];
  });
  yield* all(/ && /g, "operation", (m) => [part(m.index + 1, 2, "||")]);
  yield* all(/ (\+|-|\+=|-=) /g, "sign", (m) => {
    const other = { "+": "-", "-": "+", "+=": "-=", "-=": "+=" }[m[1]!]!;
    return [part(m.index + 1, m[1]!.length, other)];
  });
  yield* all(/(?<=[=(,] )-(?=\w)|(?<=\()-(?=\w)|(?<== )-(?=\w)/g, "sign", (m) => [whole(m, "")]);
  yield* all(/ (\*|\\|%) /g, "operation", (m) => [part(m.index + 1, 1, { "*": "+", "\\": "%", "%": "\\" }[m[1]!]!)]);
  yield* all(/(?<![\w.])\d+(?![\w.])/g, "constant", (m) => {
    const value = BigInt(m[0]);
    return [whole(m, `${value + 1n}`), value > 0n ? whole(m, `${value - 1n}`) : undefined];
  });
  // An argument of a template, or of a shift, that is a name.
  yield* all(/(?<=[(,] ?)([A-Z][A-Z_]*)(?=[,)])/g, "width", (m) => [whole(m, `${m[0]} + 1`), whole(m, `${m[0]} - 1`)]);
  yield* all(/(?<=(<<|>>) )(\w+)\b(?!\()/g, "width", (m) =>
    /^\d+$/.test(m[0]) ? [] : [whole(m, `(${m[0]} + 1)`), whole(m, `(${m[0]} - 1)`)],
  );
  yield* all(/\[([a-z])\]/g, "index", (m) => [whole(m, `[${m[1]} + 1]`)]);
  yield* all(/\[(\w+ [-+*] \w+)\]/g, "index", (m) => [whole(m, `[${m[1]} + 1]`)]);

  const pairs = new RegExp(String.raw`(?<![\w.\])])(${OPERAND}) (-|<|<=|>|>=|\\|%|<<|>>) (${OPERAND})(?![\w.[(])`, "g");
  yield* all(pairs, "operands swapped", (m) => [whole(m, `${m[3]} ${m[2]} ${m[1]}`)]);
  const sums = new RegExp(String.raw`(?<![\w.\])])(${OPERAND}) ([-+*]) (${OPERAND})(?![\w.[(])`, "g");
  yield* all(sums, "term dropped", (m) => [whole(m, m[1]!), m[2] === "+" ? whole(m, m[3]!) : undefined]);
  // Neighbouring arguments, of names, in a list of them.
  yield* all(/(?<=[(,]\s*)([a-zA-Z]\w*)(,\s*)([a-zA-Z]\w*)(?=[,)])/g, "operands swapped", (m) => [
    whole(m, `${m[3]}${m[2]}${m[1]}`),
  ]);
}

/** Files that the account's circuit is made of, itself first. */
function reachable(sources: Sources): string[] {
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file) || !sources.has(file)) return;
    found.add(file);
    for (const [, name] of sources.get(file)!.matchAll(/^\s*include\s+"([^"]+)"/gm)) {
      visit(path.join(path.dirname(file), name!));
    }
  };
  visit("account.circom");
  return [...found];
}

const MAIN = "main";

/** The circuits that are mutated: the account, or one of several accounts with what it alone is made of. */
export type Mutated = "account" | Small["family"];

const partsOf = (mutated: Mutated, sources: Sources): { readonly main: string; readonly files: readonly string[] } =>
  mutated === "account" ? { main: MAINS.account, files: reachable(sources) } : SMALL[mutated];

/** Every mutant, in the order of files and offsets. */
export function mutants(mutated: Mutated = "account", sources: Sources = shippedSources()): Mutant[] {
  const made: Mutant[] = [];
  const { main, files } = partsOf(mutated, sources);
  for (const file of files) {
    const text = sources.get(file)!;
    const code = masked(text);
    const scopes = [...code.matchAll(/^(?:template|function)\s+(\w+)/gm)].map((m) => [m.index, m[1]!] as const);
    const seen = new Map<string, number>();
    const edits = [...editsOf(code)]
      // A header's parameters are not arguments.
      .filter(({ start }) => !/^(template|function)\b/.test(lineAt(code, start).text))
      .sort((one, other) => one.start - other.start);
    for (const { operator, start, end, text: replacement } of edits) {
      const { number, from, text: line } = lineAt(text, start);
      const after = line.slice(0, start - from) + replacement + text.slice(end, text.indexOf("\n", end));
      const key = `${file}: ${line.trim()} → ${after.trim()}`;
      const ordinal = (seen.get(key) ?? 0) + 1;
      seen.set(key, ordinal);
      made.push({
        id: ordinal === 1 ? key : `${key} #${ordinal}`,
        operator,
        file,
        line: number,
        template: scopes.findLast(([at]) => at <= start)?.[1] ?? "",
        start,
        end,
        // Lines keep their numbers: names of anonymous components hang on them.
        text: replacement + "\n".repeat(text.slice(start, end).split("\n").length - replacement.split("\n").length),
      });
    }
  }
  const list = main.match(/\[([^\]]*)\]/)!;
  for (const name of list[1]!.split(", ")) {
    const start = main.indexOf(name, list.index);
    const last = !main.startsWith(",", start + name.length);
    const [from, to] = last ? [start - 2, start + name.length] : [start, start + name.length + 2];
    made.push({
      id: `main: ${name} private`,
      operator: "public made private",
      file: MAIN,
      line: 3,
      template: "main",
      start: from,
      end: to,
      text: "",
    });
  }
  return made;
}

function lineAt(text: string, offset: number): { number: number; from: number; text: string } {
  const from = text.lastIndexOf("\n", offset - 1) + 1;
  const to = text.indexOf("\n", offset);
  return { number: text.slice(0, from).split("\n").length, from, text: text.slice(from, to < 0 ? undefined : to) };
}

/** Sources and main component with the mistake in them. */
export function apply(
  sources: Sources,
  { file, start, end, text }: Mutant,
  main: string = MAINS.account,
): { sources: Sources; main: string } {
  const edit = (whole: string) => whole.slice(0, start) + text + whole.slice(end);
  if (file === MAIN) return { sources, main: edit(main) };
  return { sources: new Map(sources).set(file, edit(sources.get(file)!)), main };
}

// ---- Judging them ---------------------------------------------------------------------------------------------------

/** What the detectors say of damaged sources: the first finding, or with `all` the first of each. */
export async function examine(
  { sources, main }: { sources: Sources; main: string },
  directory: string,
  options: { shipped?: Build["r1cs"]; all?: boolean } = {},
): Promise<{ verdict: Verdict; findings: Finding[]; message?: string }> {
  let build: Build;
  let sponge: Build | undefined;
  const touched = sources.get("lib/commitment.circom") !== shippedSources().get("lib/commitment.circom");
  try {
    build = await compileSources(sources, main, directory);
    if (touched) sponge = await compileSources(sources, MAINS.sponge, `${directory}-sponge`);
  } catch (error) {
    return { verdict: "invalid", findings: [], message: (error as Error).message };
  }
  let asShipped: Build | undefined;
  const findings: Finding[] = [];
  const detectors: (() => Finding | undefined)[] = [
    () => disagreement(build),
    () => sponge && spongeDisagreement(sponge),
  ];
  if (options.shipped && sameConstraints(options.shipped, build.r1cs) && !sponge) {
    const finding = disagreement(build);
    return finding ? { verdict: "caught", findings: [finding] } : { verdict: "same", findings };
  }
  let on: ReturnType<typeof speakers>;
  detectors.push(
    () => {
      on = speakers(build);
      return on && acceptedLie(on);
    },
    () => on && (alternative(on.slack) ?? alternative(on.gain)),
    () => asShipped && exchangeable(asShipped),
    () => undetermined(build) ?? (sponge && undetermined(sponge)),
    () => outOfLedger(build),
  );
  for (const [stage, detect] of detectors.entries()) {
    // What simplification takes away shows only in what ships.
    if (stage === 4) asShipped = await compileSources(sources, main, directory, "--O2");
    const finding = detect();
    if (finding && !findings.some(({ detector }) => detector === finding.detector)) findings.push(finding);
    if (finding && !options.all) break;
  }
  return { verdict: findings.length > 0 ? "caught" : "survived", findings };
}

interface Task {
  readonly index: number;
  readonly mutant: Mutant;
}

/** What a worker process does: examines the mutants that it is sent. */
async function work(directory: string, mutated: Mutated): Promise<void> {
  const sources = shippedSources();
  const { main } = partsOf(mutated, sources);
  const { r1cs: shipped } = await compileSources(sources, main, directory);
  const examined = (mutant: Mutant) => {
    const damaged = apply(sources, mutant, main);
    return mutated === "account"
      ? examine(damaged, directory, { shipped })
      : examineSmall(SMALL[mutated], damaged, directory, { shipped });
  };
  process.on("message", async ({ index, mutant }: Task) => {
    const started = process.cpuUsage();
    const { verdict, findings } = await examined(mutant);
    const { user, system } = process.cpuUsage(started);
    const result: MutantResult = {
      id: mutant.id,
      verdict,
      ...(findings[0] ? { finding: findings[0] } : {}),
      milliseconds: Math.round((user + system) / 1000),
    };
    process.send!({ index, result });
  });
  process.send!({ index: -1 });
}

const WORKER = "--examine-mutants";

/** Longest that one mutant may take of a processor before its worker is given up: some make the compiler run for ever. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 2_000;

/** What a process has taken of a processor; on a busy machine that is less than time. Of Linux: elsewhere time itself. */
function takenMs(pid: number): number {
  try {
    // After the name in parentheses, which may hold spaces: state and ten numbers, then ticks in user and in system.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return performance.now();
  }
}

/** Examines mutants in `workers` processes. Results are in the order of the mutants. */
export async function judge(
  list: readonly Mutant[],
  {
    workers = 2,
    mutated = "account",
    progress,
  }: { workers?: number; mutated?: Mutated; progress?: (done: number, total: number) => void } = {},
): Promise<MutantResult[]> {
  const results = new Array<MutantResult>(list.length);
  let next = 0;
  let done = 0;
  const settle = (index: number, result: MutantResult) => {
    results[index] = result;
    progress?.(++done, list.length);
  };

  /** One worker process, until the list is done or it has to be given up. */
  function employ(directory: string): Promise<void> {
    const worker = fork(fileURLToPath(import.meta.url), [WORKER, directory, mutated], { cwd: ROOT });
    let current: number | undefined;
    let timer: NodeJS.Timeout | undefined;
    return new Promise((resolve, reject) => {
      worker.on("error", reject);
      worker.on("exit", (code, signal) => {
        clearInterval(timer);
        for (const made of [directory, `${directory}-sponge`, `${directory}-simple`]) {
          rmSync(path.join(ROOT, made), { recursive: true, force: true });
        }
        if (signal === "SIGTERM" || signal === "SIGKILL") resolve();
        else reject(new Error(`a worker stopped with ${code ?? signal}`));
      });
      worker.on("message", ({ index, result }: { index: number; result?: MutantResult }) => {
        clearInterval(timer);
        if (result) settle(index, result);
        current = next < list.length ? next++ : undefined;
        if (current === undefined) {
          worker.kill();
          return;
        }
        const given = current;
        worker.send({ index: given, mutant: list[given] } as Task);
        const started = takenMs(worker.pid!);
        timer = setInterval(() => {
          if (takenMs(worker.pid!) - started < PATIENCE_MS) return;
          clearInterval(timer);
          settle(given, { id: list[given]!.id, verdict: "invalid", milliseconds: PATIENCE_MS });
          worker.kill("SIGKILL");
        }, LOOK_MS);
      });
    });
  }

  await Promise.all(
    Array.from({ length: Math.min(workers, list.length) }, async (_, number) => {
      do await employ(`build/soundness/mutants-${process.pid}-${number}`);
      while (next < list.length);
    }),
  );
  return results;
}

// ---- Scores ---------------------------------------------------------------------------------------------------------

/** Reasons for survivors, by id: why the mutant is not a wrong circuit, or what the detectors do not see. */
export interface Explanations {
  readonly [id: string]: { readonly kind: "equivalent" | "blind spot"; readonly reason: string };
}

export const EXPLANATIONS = path.join(ROOT, "test/soundness/survivors.json");
export const explanations = (): Explanations => JSON.parse(readFileSync(EXPLANATIONS, "utf8"));

export interface Score {
  readonly template: string;
  readonly caught: number;
  readonly survived: number;
  readonly equivalent: number;
  readonly invalid: number;
  readonly unexplained: readonly string[];
}

/** Scores by template; equivalent mutants (same constraints, or explained as such) count for nothing. */
export function scores(list: readonly Mutant[], results: readonly MutantResult[], reasons: Explanations): Score[] {
  const byTemplate = Map.groupBy(list.keys(), (index) => list[index]!.template);
  return [...byTemplate].map(([template, indices]) => {
    const of = (verdict: Verdict) => indices.filter((index) => results[index]!.verdict === verdict);
    const survivors = of("survived").map((index) => results[index]!.id);
    const equivalent = survivors.filter((id) => reasons[id]?.kind === "equivalent").length;
    return {
      template,
      caught: of("caught").length,
      survived: survivors.length - equivalent,
      equivalent: of("same").length + equivalent,
      invalid: of("invalid").length,
      unexplained: survivors.filter((id) => reasons[id] === undefined),
    };
  });
}

export const countBy = (
  results: readonly MutantResult[],
): Record<Verdict, number> & Partial<Record<Detector, number>> => {
  const counts: Record<string, number> = { caught: 0, invalid: 0, same: 0, survived: 0 };
  for (const { verdict, finding } of results) {
    counts[verdict]!++;
    if (finding) counts[finding.detector] = (counts[finding.detector] ?? 0) + 1;
  }
  return counts as Record<Verdict, number>;
};

if (process.argv[2] === WORKER && import.meta.filename === process.argv[1])
  await work(process.argv[3]!, process.argv[4] as Mutated);

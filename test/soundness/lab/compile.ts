// SPDX-License-Identifier: GPL-3.0-or-later
/** Compiles any circom circuit twice: as it ships, and with every signal kept, which is what the lab reasons on. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { circom } from "../../../prover/src/node/setup/circuits.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const LIBRARIES = "node_modules";
const COMPILER = `circom2 ${createRequire(import.meta.url)("circom2/package.json").version}`;

export interface Compiled {
  readonly r1cs: string;
  readonly sym: string;
  readonly wasm: string;
  /** Absolute paths of the main file and everything it includes. */
  readonly sources: readonly string[];
}

/** The main file and everything that it includes, in order of appearance. Throws on an include that is not found. */
export function sourcesOf(main: string): string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, name] of readFileSync(file, "utf8").matchAll(/^\s*include\s+"([^"]+)"/gm)) {
      const candidates = [path.resolve(path.dirname(file), name!), path.join(ROOT, LIBRARIES, name!)];
      const included = candidates.find(existsSync);
      if (included === undefined) throw new Error(`${file} includes ${name}, which is not found`);
      visit(included);
    }
  };
  visit(path.resolve(ROOT, main));
  return [...found];
}

/**
 * Compiles `main` at a level of simplification (`--O0` keeps every signal) into `directory`, unless the result there is
 * of the same sources. Both paths lie below the project's root: the compiler sees nothing else.
 */
export async function compile(main: string, directory: string, level: "--O0" | "--O1" | "--O2"): Promise<Compiled> {
  const sources = sourcesOf(main);
  const hash = createHash("sha256").update(JSON.stringify([level, COMPILER]));
  for (const file of sources) hash.update(JSON.stringify(readFileSync(file, "utf8")));
  const digest = hash.digest("hex");
  const absolute = path.resolve(ROOT, directory);
  const name = path.basename(main, ".circom");
  const record = path.join(absolute, "sources");
  const files = ["r1cs", "sym", "wasm"].map((extension) => path.join(absolute, `${name}.${extension}`));
  if (!existsSync(record) || readFileSync(record, "utf8") !== digest) {
    // Built beside and renamed: tests of several processes compile the same circuit.
    const beside = `${absolute}-${process.pid}`;
    rmSync(beside, { recursive: true, force: true });
    mkdirSync(beside, { recursive: true });
    const out = path.relative(ROOT, beside);
    const input = path.relative(ROOT, path.resolve(ROOT, main));
    await circom([input, "--r1cs", "--wasm", "--sym", level, "-l", LIBRARIES, "-o", out], ROOT);
    renameSync(path.join(beside, `${name}_js`, `${name}.wasm`), path.join(beside, `${name}.wasm`));
    rmSync(path.join(beside, `${name}_js`), { recursive: true });
    writeFileSync(path.join(beside, "sources"), digest);
    mkdirSync(absolute, { recursive: true });
    for (const file of [...files, record]) renameSync(path.join(beside, path.basename(file)), file);
    rmSync(beside, { recursive: true });
  }
  return { r1cs: files[0]!, sym: files[1]!, wasm: files[2]!, sources };
}

/** Local names of the signals that the sources assign without a constraint (`<--`, `-->`). */
export function hintNames(sources: readonly string[]): Set<string> {
  const names = new Set<string>();
  const name = String.raw`([A-Za-z_$][\w$]*)(?:\s*\[[^\]]*\])*\s*`;
  for (const file of sources) {
    const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (!/<--|-->/.test(text)) continue; // long tables of constants are slow to search for the rest
    for (const match of text.matchAll(new RegExp(`${name}<--`, "g"))) names.add(match[1]!);
    for (const match of text.matchAll(new RegExp(`-->\\s*${name}`, "g"))) names.add(match[1]!);
  }
  return names;
}

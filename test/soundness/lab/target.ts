// SPDX-License-Identifier: GPL-3.0-or-later
/** A circuit under attack: the system that ships, and the same system with every signal kept. */
import { type Compiled, compile, hintNames } from "./compile.ts";
import { type Generator, type Inputs, loadGenerator } from "./generate.ts";
import { checker, type R1cs, readR1cs, readSymbols, type Symbols, type Witness, wiresOf } from "./r1cs.ts";
import { solver } from "./solve.ts";

/** Values of signals by name, `main.` first. Negative numbers wrap into the field. */
export type Lies = Readonly<Record<string, bigint>>;

export interface Attack {
  /**
   * accepted  the shipped constraints hold; with a lie in it, a soundness flaw
   * stopped   they do not
   * void      they hold, but of the lie nothing is left: it was about signals that simplification removed, and the shipped
   *           witness is the generator's own
   */
  readonly outcome: "accepted" | "stopped" | "void";
  /** For each constraint of the full system that is violated, the component that it stands in. */
  readonly stoppedAt: readonly string[];
  /** The same constraints by the signals in them. */
  readonly violated: readonly (readonly string[])[];
  /** The shipped system's witness, for other checkers. */
  readonly witness: Witness;
  readonly shippedViolations: number;
  /** Value of a signal in the attack's witness, in [0, prime). Throws on a name that the circuit does not have. */
  value(name: string): bigint;
}

export interface Target {
  readonly shipped: { readonly r1cs: R1cs; readonly symbols: Symbols };
  readonly full: { readonly r1cs: R1cs; readonly symbols: Symbols };
  /** The shipped generator: throws where the inputs break an assertion. Returns the shipped system's witness. */
  readonly prove: Generator;
  /** Indices of the shipped constraints that a witness of the shipped system violates, ascending. */
  readonly check: (witness: Witness) => readonly number[];
  /** What any input gives, legal or not, with all derived signals following it; and, with lies, what the lies give. */
  attack(inputs: Inputs, lies?: Lies): Attack;
  /** The full witness re-derived from the inputs and the baseline's hints: equal to the baseline where nothing lies. */
  rederive(inputs: Inputs): { readonly derived: Witness; readonly baseline: Witness };
}

/** Baselines that are kept, of some megabytes each. */
const BASELINES = 4;

/** Loads a circuit compiled twice from the same sources; `full` with `--O0`. */
export async function loadTarget(shippedFiles: Omit<Compiled, "sources">, fullFiles: Compiled): Promise<Target> {
  const load = (files: Omit<Compiled, "sources">) => ({ r1cs: readR1cs(files.r1cs), symbols: readSymbols(files.sym) });
  const shipped = load(shippedFiles);
  const full = load(fullFiles);
  const prove = await loadGenerator(shippedFiles.wasm, { assertions: true });
  const free = await loadGenerator(fullFiles.wasm, { assertions: false });
  const hints = hintNames(fullFiles.sources);
  const local = (name: string) => name.slice(name.lastIndexOf(".") + 1).replace(/\[.*$/, "");
  const { derive, hints: hintWires } = solver(full.r1cs, (wire) => hints.has(local(full.symbols.nameOf(wire))));

  // Shipped wire → full wire, by name.
  const origin = new Uint32Array(shipped.r1cs.wires);
  for (const [name, wire] of shipped.symbols.entries()) {
    const source = full.symbols.wireOf(name);
    if (source === undefined) throw new Error(`the full system has no signal ${name}: not of the same sources`);
    origin[wire] = source;
  }
  const wireOf = (name: string) => {
    const wire = full.symbols.wireOf(name);
    if (wire === undefined) throw new Error(`the circuit has no signal ${name}`);
    return wire;
  };
  const { outputs, publicInputs, privateInputs } = full.r1cs;
  /** Inputs keep their wires under every simplification: they stand first, after the outputs. */
  const inputWires = Array.from({ length: publicInputs + privateInputs }, (_, index) => 1 + outputs + index);

  const check = checker(shipped.r1cs);
  const checkFull = checker(full.r1cs);
  /** The last baselines by their inputs: many lies are told about the same. */
  const baselines = new Map<string, Witness>();
  function baselineOf(inputs: Inputs): Witness {
    const key = Object.entries(inputs).join("\n");
    const baseline = baselines.get(key) ?? free(inputs);
    baselines.delete(key);
    baselines.set(key, baseline);
    if (baselines.size > BASELINES) baselines.delete(baselines.keys().next().value!);
    return baseline;
  }

  function attack(inputs: Inputs, lies: Lies = {}): Attack {
    const baseline = baselineOf(inputs);
    let witness = baseline;
    let broken: readonly number[] | undefined;
    const told = new Map(Object.entries(lies).map(([name, value]) => [wireOf(name), value]));
    if (told.size > 0) {
      // The other hints stay as they were, or give way to what the lie implies for them: whichever breaks less.
      for (const firm of [hintWires, []]) {
        const given = new Map([...inputWires, ...firm].map((wire) => [wire, baseline[wire]!]));
        const derived = derive(given, told, baseline);
        const left = checkFull(derived);
        if (broken === undefined || left.length < broken.length) [witness, broken] = [derived, left];
      }
    }
    const projected = Array.from(origin, (source) => witness[source]!);
    const own = told.size > 0 && projected.every((value, wire) => value === baseline[origin[wire]!]);
    const shippedViolations = check(projected).length;
    return {
      outcome: shippedViolations > 0 ? "stopped" : own ? "void" : "accepted",
      get violated() {
        broken ??= checkFull(witness);
        return broken.map((constraint) => wiresOf(full.r1cs, constraint).map(full.symbols.nameOf));
      },
      get stoppedAt() {
        return this.violated.map(componentOf);
      },
      witness: projected,
      shippedViolations,
      value: (name) => witness[wireOf(name)]!,
    };
  }
  return {
    shipped,
    full,
    prove,
    check,
    attack,
    rederive: (inputs) => {
      const baseline = free(inputs);
      return {
        derived: derive(new Map(inputWires.map((wire) => [wire, baseline[wire]!])), new Map(), baseline),
        baseline,
      };
    },
  };
}

/** Compiles `main` twice below `directory` and loads it. Paths are below the project's root. */
export async function compileTarget(main: string, directory: string): Promise<Target> {
  return loadTarget(
    await compile(main, `${directory}/shipped`, "--O2"),
    await compile(main, `${directory}/full`, "--O0"),
  );
}

/** The innermost component that holds all these signals, its own or those of its parts. */
function componentOf(names: readonly string[]): string {
  const paths = names.map((name) => name.split(".").slice(0, -1));
  const [first = [], ...others] = paths;
  let depth = first.length;
  for (const other of others) {
    let same = 0;
    while (same < depth && other[same] === first[same]) same++;
    depth = same;
  }
  return first.slice(0, depth).join(".");
}

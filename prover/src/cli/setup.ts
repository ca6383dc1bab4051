// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll setup`: circuits and keys for this machine. */
import { Command } from "commander";
import { EXIT, PlimsollError } from "../errors.ts";
import { CIRCUITS, type CircuitName, DEFAULT_CIRCUITS } from "../statement/families.ts";
import type { Context } from "./context.ts";

const CHOICES = `Proofs need circuits and keys. There are two kinds of keys:

  development keys, made here in minutes:   plimsoll setup --development [circuit…]
    For trials and tests. The maker of such a key can forge proofs under it, and every verdict says so.

  keys from a ceremony, for real proofs:    plimsoll ceremony install <directory>
    <directory> is a ceremony that has ended, as its coordinator publishes it. All of it is verified first.

Circuits: ${CIRCUITS.join(", ")}`;

export function setupCommand({ print, signal }: Context): Command {
  return new Command("setup")
    .argument("[circuit...]", `which circuits (default ${DEFAULT_CIRCUITS.join(", ")})`)
    .description("make circuits and development keys on this machine, or say how keys are installed")
    .option("--development", "development keys: good for trials and tests only")
    .option("--json", "print JSON")
    .action(async (names: string[], { development, json }: { development?: boolean; json?: boolean }) => {
      const unknown = names.find((name) => !(CIRCUITS as readonly string[]).includes(name));
      if (unknown !== undefined) {
        throw new PlimsollError("USAGE", `expected some of ${CIRCUITS.join(", ")}`, { field: "circuit" });
      }
      if (!development) {
        process.stdout.write(`${CHOICES}\n`);
        process.exitCode = EXIT.input;
        return;
      }
      const [{ setUpDevelopment }, { buildDirectory, loadManifest }] = await Promise.all([
        import("../node/setup/development.ts"),
        import("../node/artifacts.ts"),
      ]);
      const circuits = names.length === 0 ? DEFAULT_CIRCUITS : CIRCUITS.filter((name) => names.includes(name));
      const display = new Display(circuits.length);
      try {
        await setUpDevelopment(circuits, {
          signal,
          onProgress: (...progress) => display.progress(...progress),
          onReady: (circuit, { constraints, verificationKey }) =>
            display.ready(circuit, `${constraints} constraints, key ${verificationKey.sha256.slice(0, 16)}…`),
        });
      } finally {
        display.end();
      }
      const directory = buildDirectory();
      const { origin } = await loadManifest();
      const caveat = origin === "development" ? ", for trials and tests: their maker can forge proofs" : "";
      print(json, { directory, origin, circuits }, () => `${directory}: ${circuits.length} ${origin} keys${caveat}`);
    });
}

/** Seconds between two lines at most. */
const INTERVAL = 4;

/** Lines on stderr: what is being done, at each change and every few seconds. */
class Display {
  readonly #started = performance.now();
  readonly #running = new Map<CircuitName, { what: string; done: number | undefined }>();
  readonly #timer = setInterval(() => this.#show(), INTERVAL * 1000);
  readonly #all: number;
  #ready = 0;

  constructor(all: number) {
    this.#all = all;
  }

  progress(circuit: CircuitName, what: string, done?: number): void {
    const isNew = this.#running.get(circuit)?.what !== what;
    this.#running.set(circuit, { what, done });
    if (isNew) this.#show();
  }

  ready(circuit: CircuitName, detail: string): void {
    this.#running.delete(circuit);
    this.#ready++;
    process.stderr.write(`  ${circuit}: ${detail} (${this.#ready} of ${this.#all})\n`);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #show(): void {
    if (this.#running.size === 0) return;
    const seconds = Math.round((performance.now() - this.#started) / 1000);
    const parts = [...this.#running].map(([circuit, { what, done }]) =>
      done === undefined ? `${circuit}: ${what}` : `${circuit}: ${what}, ${Math.floor(done * 100)}%`,
    );
    process.stderr.write(`  ${String(seconds).padStart(3)} s  ${parts.join("; ")}\n`);
  }
}

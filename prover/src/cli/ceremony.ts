// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll ceremony`: a directory in which a key comes about, step by step.
 *
 * A step writes its key first and its entry last, each all or nothing: a step that was interrupted has not happened, and can
 * be run again. Of two at once one is refused.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import type { Transcript } from "../ceremony/transcript.ts";
import { EXIT, PlimsollError, throwIfCancelled } from "../errors.ts";
import { formatJson, type Json } from "../formats/json.ts";
import { loadManifest, type Manifest, manifestPath } from "../node/artifacts.ts";
import { type Inputs, readBounded, writeNew, writeResult } from "../node/files.ts";
import { CIRCUITS, type CircuitName } from "../statement/families.ts";
import type { Context } from "./context.ts";

const MAX_PHASE1_BYTES = 700_000_000;
const MAX_KEY_BYTES = 400_000_000;
const MAX_ENTRY_BYTES = 20_000;

/** Loaded when a command runs: the help needs none of it. */
const library = async () => {
  const [steps, transcript, verify] = await Promise.all([
    import("../ceremony/steps.ts"),
    import("../ceremony/transcript.ts"),
    import("../ceremony/verify.ts"),
  ]);
  return { ...steps, ...transcript, ...verify };
};

const at = (directory: string, ...parts: string[]) => path.join(directory, ...parts);
/** Named by content, so that of two steps at once neither writes over the other. */
const keyFile = (directory: string, sha256: string) => at(directory, "keys", `${sha256}.zkey`);

async function readTranscriptIn(directory: string) {
  const { readTranscript, refusal } = await library();
  const folder = at(directory, "transcript");
  const listed = await readdir(folder).catch(() => {
    throw refusal("TRANSCRIPT_MISSING", "there is no ceremony", folder);
  });
  const files = [];
  for (const name of listed.filter((each) => /^\d{3}\.json$/.test(each)).sort()) {
    const file = at(folder, name);
    files.push({ file, text: new TextDecoder().decode(await readBounded(file, MAX_ENTRY_BYTES)) });
  }
  return readTranscript(files);
}

const isCircuit = (name: string): name is CircuitName => (CIRCUITS as readonly string[]).includes(name);

/** A circuit of this software, compiled now; it must be the one whose identity is pinned. */
async function compileCircuit(name: CircuitName, options: { planned?: boolean } = {}) {
  const { rebuild } = await import("../node/rebuild.ts");
  const { refusal } = await library();
  const built = await rebuild(name, options);
  if (!built.pinned) throw refusal("CIRCUIT_OTHER", `the sources do not compile to the pinned ${name}`);
  return built;
}

/** The r1cs that a ceremony is judged by: compiled here if it is of a circuit of this software, else the ceremony's own. */
const readR1csFor = async (directory: string, name: string) =>
  isCircuit(name) ? (await compileCircuit(name)).r1cs : readBounded(at(directory, "circuit.r1cs"), MAX_KEY_BYTES);

async function readCeremony(directory: string) {
  const transcript = await readTranscriptIn(directory);
  const [r1cs, phase1, key] = await Promise.all([
    readR1csFor(directory, transcript.start.circuit.name),
    readBounded(at(directory, "phase1.ptau"), MAX_PHASE1_BYTES),
    readKey(directory, transcript.keySha256),
  ]);
  return { transcript, r1cs, phase1, key };
}

/** A key, if it is the one that its name says. */
async function readKey(directory: string, sha256: string): Promise<Uint8Array> {
  const [{ refusal }, { sha256Of }] = await Promise.all([library(), import("../node/rebuild.ts")]);
  const file = keyFile(directory, sha256);
  const key = await readBounded(file, MAX_KEY_BYTES);
  if (sha256Of(key) !== sha256) throw refusal("KEY_OTHER", "not the key of its entry: its SHA-256 differs", file);
  return key;
}

interface Written {
  readonly transcript: Transcript;
  readonly key?: Uint8Array;
}

/** Puts a step on disk. The entry is last: without it the key counts for nothing. */
async function write(directory: string, { transcript, key }: Written): Promise<void> {
  const number = transcript.files.length - 1;
  if (key !== undefined) {
    await mkdir(at(directory, "keys"), { recursive: true });
    await writeResult(keyFile(directory, transcript.keySha256), key);
  }
  await mkdir(at(directory, "transcript"), { recursive: true });
  const { entryName } = await library();
  await writeNew(at(directory, "transcript", entryName(number)), transcript.files[number]!.text);
}

/** What a person typed: never shown, never in an argument. From a pipe all of it, else a line. */
async function readTyped(inputs: Inputs, signal: AbortSignal): Promise<string> {
  const { stdin } = process;
  if (!stdin.isTTY) return (await inputs.text("-")).text.trim();
  process.stderr.write("Type a line at random; it is not shown and not kept. Enter ends it: ");
  stdin.setRawMode(true);
  let text = "";
  try {
    for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(chunk);
      if (text.includes("\u0003")) throw new PlimsollError("CANCELLED", "nothing has been contributed");
      const end = text.search(/[\r\n]/);
      if (end >= 0) return text.slice(0, end);
    }
    throwIfCancelled(signal);
    return text;
  } finally {
    stdin.setRawMode(false);
    process.stderr.write("\n");
  }
}

interface StartOptions {
  readonly circuit?: string;
  readonly r1cs?: string;
  readonly phase1: string;
  readonly contributors: string;
  readonly rehearsal?: boolean;
  readonly json?: boolean;
}

export function ceremonyCommand({ inputs, signal, print }: Context): Command {
  const command = new Command("ceremony").description(
    "make the keys of a circuit with others, so that nobody can forge proofs unless all of them collude",
  );

  const progress = (line: string) => process.stderr.write(`plimsoll: ${line}\n`);
  const whole = (option: string, text: string, low: number, high: number) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new PlimsollError("USAGE", `expected a whole number between ${low} and ${high}`, { field: option });
  };

  /** Ends snarkjs's threads whatever happens, so that the process ends. */
  const withThreads =
    <Args extends unknown[]>(work: (...args: Args) => Promise<void>) =>
    async (...args: Args) => {
      const { endThreads } = await import("../prove/snarkjs.ts");
      try {
        await work(...args);
      } finally {
        await endThreads();
      }
    };

  /** What to publish after a step. */
  const tell = (json: boolean | undefined, { transcript }: { transcript: Transcript }) => {
    const entry = transcript.entries.at(-1)!;
    print(json, { entry, sha256: transcript.head }, () =>
      [
        ...("contributionHash" in entry ? [`contribution hash: ${entry.contributionHash}`] : []),
        `entry ${transcript.entries.length - 1}: ${transcript.head}`,
        "Publish this: it vouches for this entry and all before it.",
      ].join("\n"),
    );
  };

  command
    .command("phase1")
    .argument("<file>", "where to write it")
    .description("make a phase 1 for the occasion, for rehearsals only: this program knows its secret while it runs")
    .requiredOption("--power <n>", "for circuits of at most 2^n rows, 4 to 17")
    .action(async (file: string, options: { power: string }) => {
      const power = whole("--power", options.power, 4, 17);
      const [{ makeOccasionalPhase1 }, { trapdoorFrom }] = await Promise.all([
        import("../keys/rehearsal-phase1.ts"),
        import("../keys/development.ts"),
      ]);
      await writeResult(file, await makeOccasionalPhase1(power, trapdoorFrom(randomBytes(64))));
    });

  command
    .command("start")
    .argument("<directory>", "a directory that does not exist yet")
    .description("open a ceremony for a circuit")
    .option("--circuit <name>", CIRCUITS.join(", "))
    .option("--r1cs <file>", "in place of --circuit, in a rehearsal: any circuit")
    .requiredOption("--phase1 <file>", "prepared powers of tau; for production one whose hash is pinned")
    .option("--contributors <count>", "how many contributions there must be at least", "3")
    .option("--rehearsal", "not by the rules for production; the keys are marked so, and refused where it matters")
    .option("--json", "print JSON")
    .action(
      withThreads(async (directory: string, options: StartOptions) => {
        const { circuit, r1cs: file, rehearsal } = options;
        if ((circuit === undefined) === (file === undefined)) {
          throw new PlimsollError("USAGE", "give either --circuit or --r1cs");
        }
        if (circuit !== undefined && !isCircuit(circuit)) {
          throw new PlimsollError("USAGE", `expected one of ${CIRCUITS.join(", ")}`, { field: "--circuit" });
        }
        const contributors = whole("--contributors", options.contributors, 1, 500);
        const { start, refusal } = await library();
        const taken = await readdir(at(directory, "transcript")).catch((): string[] => []);
        if (taken.includes("000.json")) throw refusal("CEREMONY_EXISTS", "a ceremony has been started here", directory);
        const r1cs =
          circuit === undefined ? await readBounded(file!, MAX_KEY_BYTES) : (await compileCircuit(circuit)).r1cs;
        const phase1 = await readBounded(options.phase1, MAX_PHASE1_BYTES);
        const plan = {
          origin: rehearsal ? "rehearsal" : "ceremony",
          circuit: circuit ?? "other",
          contributors,
        } as const;
        const step = await start(plan, r1cs, phase1, new Date());
        throwIfCancelled(signal);
        await mkdir(directory, { recursive: true });
        await writeResult(at(directory, "phase1.ptau"), phase1);
        await writeResult(at(directory, "circuit.r1cs"), r1cs);
        await write(directory, step);
        tell(options.json, step);
      }),
    );

  command
    .command("status")
    .argument("<directory>", "a ceremony")
    .description("say how far a ceremony has come, by its transcript; verifies no key")
    .option("--json", "print JSON")
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const { start, entries, contributions, announcement, beacon, final, head, keySha256 } =
        await readTranscriptIn(directory);
      const next =
        final !== undefined
          ? "nothing: verify it"
          : beacon !== undefined
            ? "finalise"
            : announcement === undefined
              ? "contribute, announce"
              : (contributions.at(-1)?.number ?? 0) < announcement.number || contributions.length < start.contributors
                ? "contribute"
                : "contribute, beacon";
      print(json, { origin: start.origin, circuit: start.circuit.name, entries, head, keySha256, next }, () =>
        [
          `${start.origin} for ${start.circuit.name}: ${contributions.length} of at least ${start.contributors} contributions`,
          ...entries.map(
            (entry) => `${entry.number}  ${entry.time}  ${entry.kind}${"name" in entry ? ` by ${entry.name}` : ""}`,
          ),
          `newest entry: ${head}`,
          `newest key: ${keyFile(directory, keySha256)}`,
          `next: ${next}`,
        ].join("\n"),
      );
    });

  command
    .command("contribute")
    .argument("<directory>", "a ceremony")
    .description("contribute; what you type at random comes from standard input, and is not shown")
    .option("--name <text>", "who you are, as others will see it")
    .option(
      "--from <file>",
      "in place of --name: take in a key that somebody made from the newest one, for example in a browser",
    )
    .option("--json", "print JSON")
    .action(
      withThreads(async (directory: string, options: { name?: string; from?: string; json?: boolean }) => {
        const { name, from } = options;
        if ((name === undefined) === (from === undefined)) {
          throw new PlimsollError("USAGE", "give either --name or --from");
        }
        const { accept, contribute } = await library();
        if (name !== undefined) {
          const transcript = await readTranscriptIn(directory);
          const key = await readKey(directory, transcript.keySha256);
          const typed = await readTyped(inputs, signal);
          const step = await contribute({ transcript, key }, { name, typed }, new Date());
          throwIfCancelled(signal);
          await write(directory, step);
          return tell(options.json, step);
        }
        progress("verifying the key");
        const step = await accept(await readCeremony(directory), await readBounded(from!, MAX_KEY_BYTES), new Date());
        throwIfCancelled(signal);
        await write(directory, step);
        tell(options.json, step);
      }),
    );

  command
    .command("announce")
    .argument("<directory>", "a ceremony")
    .description(
      "say which public randomness will close the ceremony, before anybody knows it and before the last contribution",
    )
    .option("--round <number>", "a round of drand's quicknet that is still to come")
    .option("--words <text>", "in a rehearsal: something else, in words")
    .option("--json", "print JSON")
    .action(async (directory: string, { round, words, json }: { round?: string; words?: string; json?: boolean }) => {
      if ((round === undefined) === (words === undefined)) {
        throw new PlimsollError("USAGE", "give either --round or --words");
      }
      const { announce } = await library();
      const beacon =
        round === undefined
          ? ({ source: "stated", words: words! } as const)
          : ({ source: "drand-quicknet", round: whole("--round", round, 1, 999_999_999) } as const);
      const transcript = announce(await readTranscriptIn(directory), beacon, new Date());
      await write(directory, { transcript });
      tell(json, { transcript });
    });

  command
    .command("beacon")
    .argument("<directory>", "a ceremony")
    .description("apply the randomness that was announced")
    .option("--signature <hex>", "drand's signature of the round")
    .option("--value <hex>", "in a rehearsal: the value announced in words, 64 hexadecimal digits")
    .option("--json", "print JSON")
    .action(
      withThreads(async (directory: string, options: { signature?: string; value?: string; json?: boolean }) => {
        const { signature, value } = options;
        if ((signature === undefined) === (value === undefined)) {
          throw new PlimsollError("USAGE", "give either --signature or --value");
        }
        const { applyBeacon } = await library();
        const transcript = await readTranscriptIn(directory);
        const key = await readKey(directory, transcript.keySha256);
        const outcome = signature === undefined ? { value: value! } : { signature };
        const step = await applyBeacon({ transcript, key }, outcome, new Date());
        await write(directory, step);
        tell(options.json, step);
      }),
    );

  command
    .command("finalise")
    .argument("<directory>", "a ceremony")
    .description("verify the whole ceremony and close it; writes verification.json")
    .option("--json", "print JSON")
    .action(
      withThreads(async (directory: string, { json }: { json?: boolean }) => {
        const { finalise, verifyCeremony } = await library();
        progress("compiling the circuit, verifying every step");
        const files = await readCeremony(directory);
        const reading = await verifyCeremony(files, "ready");
        throwIfCancelled(signal);
        const transcript = finalise(files.transcript, reading, new Date());
        await writeResult(at(directory, "verification.json"), reading.verificationKey);
        await write(directory, { transcript });
        tell(json, { transcript });
      }),
    );

  command
    .command("verify")
    .argument("<directory>", "a ceremony")
    .description("verify a ceremony from its files alone: sources, phase 1, every contribution, beacon, key")
    .option("--so-far", "of a ceremony that is under way")
    .option("--json", "print JSON")
    .action(
      withThreads(async (directory: string, options: { soFar?: boolean; json?: boolean }) => {
        const { verifyCeremony } = await library();
        progress("compiling the circuit, verifying every step");
        try {
          const reading = await verifyCeremony(await readCeremony(directory), options.soFar ? "so-far" : "final");
          const { verificationKey: _, ...verdict } = reading;
          print(options.json, { ok: true, ...verdict }, () =>
            [
              `valid: ${reading.origin === "ceremony" ? "a ceremony by the rules for production" : "a rehearsal: its keys are for tests only"}, for ${reading.circuit}`,
              ...reading.contributions.flatMap(({ name, hash, entry }) => [
                `contribution of ${name}: ${hash}`,
                `  its entry: ${entry}`,
              ]),
              `verification key: ${reading.verificationKeySha256}`,
              `newest entry: ${reading.head}`,
              "Compare the hashes with those that the contributors have published.",
            ].join("\n"),
          );
        } catch (error) {
          if (!(error instanceof PlimsollError) || error.code !== "CEREMONY_REFUSED") throw error;
          const [, rule, sentence] = /^([A-Z0-9_]+): (.*)$/s.exec(error.rule)!;
          print(
            options.json,
            { ok: false, rule, sentence, ...error.place },
            () => `refused (${rule}): ${error.message}`,
          );
          process.exitCode = EXIT.no;
        }
      }),
    );

  command
    .command("install")
    .argument("<directory>", "a ceremony that has been finalised")
    .description(
      "verify a ceremony, and put circuit and keys into a build directory, with a manifest that says where they come from",
    )
    .requiredOption("--build <directory>", "the build directory; keys of another origin in it are refused")
    .option("--json", "print JSON")
    .action(
      withThreads(async (directory: string, { build, json }: { build: string; json?: boolean }) => {
        const { refusal, verifyCeremony } = await library();
        const transcript = await readTranscriptIn(directory);
        const { name } = transcript.start.circuit;
        if (!isCircuit(name))
          throw refusal("CIRCUIT_UNKNOWN", "keys are installed for the circuits of this software only");
        progress("compiling the circuit, verifying every step");
        const { r1cs, wasm, plan, ...circuit } = await compileCircuit(name, { planned: true });
        const phase1 = await readBounded(at(directory, "phase1.ptau"), MAX_PHASE1_BYTES);
        const key = await readKey(directory, transcript.keySha256);
        const reading = await verifyCeremony({ transcript, r1cs, phase1, key }, "final");
        const manifest = await installed(build, name, reading.origin, circuit, {
          r1cs: [`circuits/${name}/circuit.r1cs`, r1cs],
          wasm: [`circuits/${name}/circuit.wasm`, wasm],
          zkey: [`keys/${name}/proving.zkey`, key],
          verificationKey: [`keys/${name}/verification.json`, Buffer.from(reading.verificationKey)],
          ...(plan && { plan: [`circuits/${name}/circuit.plan`, plan] }),
        });
        print(json, manifest, () => `${name}: ${reading.origin} key ${reading.verificationKeySha256} in ${build}`);
      }),
    );

  return command;
}

type InstalledFile = "r1cs" | "wasm" | "zkey" | "verificationKey";
type NamedFile = readonly [path: string, content: Uint8Array];

/** Writes files, and last of all the manifest that names them. */
async function installed(
  build: string,
  name: CircuitName,
  origin: Manifest["origin"],
  circuit: {
    readonly compiler: string;
    readonly sources: string;
    readonly constraints: number;
    readonly publicInputs: number;
  },
  files: Readonly<Record<InstalledFile, NamedFile> & { plan?: NamedFile }>,
): Promise<Manifest> {
  const options = { directory: build };
  const earlier = await loadManifest(options).catch((error) => {
    if (error instanceof PlimsollError && error.code === "ARTIFACT_MISSING") return undefined;
    throw error;
  });
  if (earlier !== undefined && earlier.origin !== origin) {
    const why = `it lists keys of origin ${earlier.origin}, and these are of origin ${origin}: use another directory`;
    throw new PlimsollError("KEY_REFUSED", why, { file: manifestPath(options) });
  }
  const { sha256Of } = await import("../node/rebuild.ts");
  const records = {} as Record<InstalledFile, { path: string; sha256: string }>;
  for (const [which, [name, content]] of Object.entries(files) as [InstalledFile, NamedFile][]) {
    await mkdir(path.dirname(at(build, name)), { recursive: true });
    await writeResult(at(build, name), content);
    records[which] = { path: name, sha256: sha256Of(content) };
  }
  const { compiler, sources, constraints, publicInputs } = circuit;
  const manifest: Manifest = {
    format: "plimsoll-manifest/1",
    origin,
    compiler,
    circuits: { ...earlier?.circuits, [name]: { sources, constraints, publicInputs, ...records } },
  };
  await writeResult(manifestPath(options), formatJson(manifest as unknown as Json));
  return manifest;
}

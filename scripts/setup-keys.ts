// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Makes development keys for compiled circuits: `setup-keys [circuit…]`, all by default.
 *
 * Writes build/keys/<circuit>/{proving.zkey, verification.json} and their line in build/keys/manifest.json. The trapdoor is
 * random and forgotten. A key is kept while circuit and generator are the ones it was made from and its files are
 * intact. Refuses to replace keys that come from a ceremony.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { PlimsollError } from "../prover/src/errors.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../prover/src/keys/development.ts";
import {
  type ArtifactOptions,
  type ArtifactRecord,
  buildDirectory,
  loadArtifacts,
  loadManifest,
  type Manifest,
  manifestPath,
} from "../prover/src/node/artifacts.ts";
import { CIRCUITS, type CircuitName } from "../prover/src/statement/families.ts";
import type { CircuitRecord, PlanRecord } from "./build-circuits.ts";
import { step } from "./progress.ts";

const GENERATOR = ["bn254.ts", "development.ts", "r1cs.ts"].map((file) =>
  path.join(import.meta.dirname, "../prover/src/keys", file),
);

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** Written beside a key: what it was made from and what came out. */
interface KeyRecord {
  readonly madeFrom: string;
  readonly zkey: string;
  readonly verificationKey: string;
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Never leaves half a file behind. */
function writeAtomically(file: string, content: Uint8Array | string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Makes the key of one circuit unless it is there, and enters it in the manifest. */
export async function setupKey(circuit: CircuitName, options: ArtifactOptions = {}): Promise<ArtifactRecord> {
  const build = buildDirectory(options);
  const at = (...parts: string[]) => path.join(build, ...parts);
  const circuitFile = (name: string) => {
    const file = at("circuits", circuit, name);
    const bytes = readIfThere(file);
    if (bytes) return bytes;
    throw new PlimsollError("ARTIFACT_MISSING", `the file does not exist; \`npm run setup -- ${circuit}\` makes it`, {
      file,
    });
  };
  const earlier = await loadManifest(options).catch((error) => {
    if (error instanceof PlimsollError && error.code === "ARTIFACT_MISSING") return undefined;
    throw error; // a manifest that cannot be read may be of a ceremony
  });
  if (earlier?.origin === "ceremony") {
    const listed = earlier.circuits[circuit];
    if (listed !== undefined) {
      await (await loadArtifacts(circuit, options)).wasm();
      return listed;
    }
    const why = "these keys come from a ceremony; remove the file first if development keys shall replace them";
    throw new PlimsollError("KEY_REFUSED", why, { file: manifestPath(options) });
  }

  const compilation: CircuitRecord = JSON.parse(circuitFile("circuit.json").toString("utf8"));
  // What the compiler wrote, and nothing that came in its place.
  const compiled = (name: "circuit.r1cs" | "circuit.wasm") => {
    const bytes = circuitFile(name);
    if (sha256(bytes) === compilation.files?.[name]) return bytes;
    const why = `not the file that the compiler wrote; \`npm run setup -- ${circuit}\` makes it anew`;
    throw new PlimsollError("ARTIFACT_HASH", why, { file: at("circuits", circuit, name) });
  };
  const r1cs = compiled("circuit.r1cs");
  compiled("circuit.wasm");
  const zkeyFile = `keys/${circuit}/proving.zkey`;
  const verificationKeyFile = `keys/${circuit}/verification.json`;
  const recordFile = at("keys", circuit, "key.json");
  const madeFrom = sha256(r1cs, ...GENERATOR.map((file) => readFileSync(file)));
  let key: KeyRecord = JSON.parse(readIfThere(recordFile)?.toString("utf8") ?? "{}");
  const intact = (file: string, hash: string) => {
    const bytes = readIfThere(at(file));
    return bytes !== undefined && sha256(bytes) === hash;
  };
  if (key.madeFrom !== madeFrom || !intact(zkeyFile, key.zkey) || !intact(verificationKeyFile, key.verificationKey)) {
    key = await step(`make a development key for ${circuit}`, async () => {
      const { zkey, verificationKey } = await makeDevelopmentKey(r1cs, trapdoorFrom(randomBytes(64)), showProgress);
      writeAtomically(at(zkeyFile), zkey);
      writeAtomically(at(verificationKeyFile), verificationKey);
      const record = { madeFrom, zkey: sha256(zkey), verificationKey: sha256(Buffer.from(verificationKey)) };
      writeAtomically(recordFile, json(record));
      return record;
    });
  }

  const { sha256: plan }: Partial<PlanRecord> = JSON.parse(
    readIfThere(at("circuits", circuit, "plan.json"))?.toString("utf8") ?? "{}",
  );
  const file = (name: string, hash: string) => ({ path: name, sha256: hash });
  const record: ArtifactRecord = {
    constraints: compilation.constraints,
    publicInputs: compilation.publicInputs,
    sources: compilation.sources,
    r1cs: file(`circuits/${circuit}/circuit.r1cs`, compilation.files["circuit.r1cs"]),
    wasm: file(`circuits/${circuit}/circuit.wasm`, compilation.files["circuit.wasm"]),
    zkey: file(zkeyFile, key.zkey),
    verificationKey: file(verificationKeyFile, key.verificationKey),
    ...(plan === undefined ? {} : { plan: file(`circuits/${circuit}/circuit.plan`, plan) }),
  };
  const manifest: Manifest = {
    format: "plimsoll-manifest/1",
    origin: "development",
    compiler: compilation.compiler,
    circuits: { ...earlier?.circuits, [circuit]: record },
  };
  const text = json(manifest);
  if (readIfThere(manifestPath(options))?.toString("utf8") !== text) writeAtomically(manifestPath(options), text);
  return record;
}

/** On a terminal only: a log needs no running percentage. */
function showProgress(_what: string, done: number): void {
  if (process.stderr.isTTY) process.stderr.write(` ${Math.floor(done * 100)}%`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    const wanted = process.argv.slice(2);
    if (wanted.some((circuit) => !(CIRCUITS as readonly string[]).includes(circuit))) {
      throw new PlimsollError("USAGE", `unknown circuit; known are ${CIRCUITS.join(", ")}`);
    }
    for (const circuit of CIRCUITS) {
      if (wanted.length > 0 && !wanted.includes(circuit)) continue;
      const { verificationKey } = await setupKey(circuit);
      process.stderr.write(`  ${circuit}: development key ${verificationKey.sha256.slice(0, 16)}…\n`);
    }
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Makes development keys for compiled circuits.
 *
 * Writes keys/<circuit>/{proving.zkey, verification.json} below the build directory, and the circuit's line in keys/manifest.json.
 * The trapdoor is random and forgotten. A key is kept while circuit and generator are the ones it was made from and its files are
 * intact. Refuses to replace keys that come from a ceremony.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { PlimsollError } from "../../errors.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../keys/development.ts";
import type { CircuitName } from "../../statement/families.ts";
import {
  type ArtifactOptions,
  type ArtifactRecord,
  buildDirectory,
  loadArtifacts,
  loadManifest,
  type Manifest,
  manifestPath,
} from "../artifacts.ts";
import { EXTENSION, setupCommand } from "../installation.ts";
import type { CircuitRecord, PlanRecord, SetUpOptions } from "./circuits.ts";

const GENERATOR = ["bn254", "development", "r1cs"].map((name) =>
  path.join(import.meta.dirname, "../../keys", `${name}${EXTENSION}`),
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

/** A circuit that is ready to be entered in the manifest, and what compiled it. */
export interface MadeKey {
  readonly record: ArtifactRecord;
  readonly compiler: string;
}

/** Makes the key of one circuit unless it is there, and enters it in the manifest. */
export async function setupKey(circuit: CircuitName, options: SetUpOptions = {}): Promise<ArtifactRecord> {
  const listed = await ceremonyKey(circuit, options);
  return listed ?? enterKey(circuit, await makeKey(circuit, options), options);
}

async function manifestThere(options: ArtifactOptions): Promise<Manifest | undefined> {
  try {
    return await loadManifest(options);
  } catch (error) {
    if (error instanceof PlimsollError && error.code === "ARTIFACT_MISSING") return undefined;
    throw error; // a manifest that cannot be read may be of a ceremony
  }
}

/**
 * What the manifest lists for a circuit, if its keys come from a ceremony: the files are intact, and nothing is to be made. Throws
 * KEY_REFUSED where such a manifest does not list the circuit.
 */
export async function ceremonyKey(circuit: CircuitName, options: ArtifactOptions): Promise<ArtifactRecord | undefined> {
  const manifest = await manifestThere(options);
  if (manifest?.origin !== "ceremony") return undefined;
  const listed = manifest.circuits[circuit];
  if (listed !== undefined) {
    await (await loadArtifacts(circuit, options)).wasm();
    return listed;
  }
  const why = "these keys come from a ceremony; remove the file first if development keys shall replace them";
  throw new PlimsollError("KEY_REFUSED", why, { file: manifestPath(options) });
}

/** Makes the key of a compiled circuit unless it is there. Throws ARTIFACT_MISSING and ARTIFACT_HASH for files that it starts from. */
export async function makeKey(circuit: CircuitName, options: SetUpOptions = {}): Promise<MadeKey> {
  const build = buildDirectory(options);
  const at = (...parts: string[]) => path.join(build, ...parts);
  const circuitFile = (name: string) => {
    const file = at("circuits", circuit, name);
    const bytes = readIfThere(file);
    if (bytes) return bytes;
    const why = `the file does not exist; \`${setupCommand(circuit)}\` makes it`;
    throw new PlimsollError("ARTIFACT_MISSING", why, { file });
  };
  const compilation: CircuitRecord = JSON.parse(circuitFile("circuit.json").toString("utf8"));
  // What the compiler wrote, and nothing that came in its place.
  const compiled = (name: "circuit.r1cs" | "circuit.wasm") => {
    const bytes = circuitFile(name);
    if (sha256(bytes) === compilation.files?.[name]) return bytes;
    const why = `not the file that the compiler wrote; \`${setupCommand(circuit)}\` makes it anew`;
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
    const report = (_: string, done: number) => options.report?.("making its development key", done);
    const { zkey, verificationKey } = await makeDevelopmentKey(r1cs, trapdoorFrom(randomBytes(64)), report);
    writeAtomically(at(zkeyFile), zkey);
    writeAtomically(at(verificationKeyFile), verificationKey);
    key = { madeFrom, zkey: sha256(zkey), verificationKey: sha256(Buffer.from(verificationKey)) };
    writeAtomically(recordFile, json(key));
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
  return { record, compiler: compilation.compiler };
}

/** Enters a key in the manifest, which it marks as of development keys. Not for several processes at once. */
export async function enterKey(
  circuit: CircuitName,
  { record, compiler }: MadeKey,
  options: ArtifactOptions,
): Promise<ArtifactRecord> {
  const earlier = await manifestThere(options);
  const manifest: Manifest = {
    format: "plimsoll-manifest/1",
    origin: "development",
    compiler,
    circuits: { ...earlier?.circuits, [circuit]: record },
  };
  const text = json(manifest);
  if (readIfThere(manifestPath(options))?.toString("utf8") !== text) writeAtomically(manifestPath(options), text);
  return record;
}

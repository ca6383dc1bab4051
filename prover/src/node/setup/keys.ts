// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Makes development keys for compiled circuits.
 *
 * Writes keys/<circuit>/{proving.zkey, verification.json} below the build directory, link.key where contracts take market inputs of
 * the circuit, and the circuit's line in keys/manifest.json. All secrets are random and forgotten. A key is kept while circuit and
 * generator are the ones it was made from and its files are intact. Refuses to replace keys that come from a ceremony.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { PlimsollError } from "../../errors.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../keys/development.ts";
import { linkSecretsFrom, makeDevelopmentLinkKey } from "../../keys/development-link.ts";
import { type CircuitName, linkedGroupsOf } from "../../statement/families.ts";
import {
  type ArtifactOptions,
  type ArtifactRecord,
  buildDirectory,
  loadArtifacts,
  loadManifest,
  type Manifest,
  manifestPath,
  withBuildLock,
} from "../artifacts.ts";
import { removeLeftovers, writeResult } from "../files.ts";
import { EXTENSION, setupCommand } from "../installation.ts";
import { type CircuitRecord, type PlanRecord, readRecord, type SetUpOptions } from "./circuits.ts";

const sourcesOf = (...names: string[]) =>
  names.map((name) => path.join(import.meta.dirname, "../../keys", `${name}${EXTENSION}`));
const GENERATOR = sourcesOf("bn254", "development", "r1cs");
const LINK_GENERATOR = sourcesOf("development-link", "link-key", "points");

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

/** The same of a link key, which is made from a verification key. */
interface LinkRecord {
  readonly madeFrom: string;
  readonly linkKey: string;
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
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
  throw ofCeremony(options);
}

function ofCeremony(options: ArtifactOptions): PlimsollError {
  const why = "these keys come from a ceremony; remove the file first if development keys shall replace them";
  return new PlimsollError("KEY_REFUSED", why, { file: manifestPath(options) });
}

/** A compiled circuit, and its key where that is the one that would be made from it and intact. */
interface State {
  readonly compilation: CircuitRecord;
  readonly r1cs: Buffer;
  readonly madeFrom: string;
  readonly key: KeyRecord | undefined;
  readonly link: LinkRecord | undefined;
}

const zkeyFile = (circuit: CircuitName) => `keys/${circuit}/proving.zkey`;
const verificationKeyFile = (circuit: CircuitName) => `keys/${circuit}/verification.json`;
const recordFile = (circuit: CircuitName) => `keys/${circuit}/key.json`;
const linkKeyFile = (circuit: CircuitName) => `keys/${circuit}/link.key`;
const linkRecordFile = (circuit: CircuitName) => `keys/${circuit}/link.json`;
const isLinked = (circuit: CircuitName) => linkedGroupsOf(circuit).length > 0;
const linkMadeFrom = (circuit: CircuitName, verificationKey: string) =>
  sha256(
    Buffer.from(JSON.stringify([verificationKey, linkedGroupsOf(circuit)[0]?.first])),
    ...LINK_GENERATOR.map((file) => readFileSync(file)),
  );

/** Throws ARTIFACT_MISSING or ARTIFACT_HASH where a file of the circuit is not there or not what the compiler wrote. */
function stateOf(circuit: CircuitName, options: ArtifactOptions): State {
  const at = (...parts: string[]) => path.join(buildDirectory(options), ...parts);
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
    const why = `not the file that the compiler wrote; \`${setupCommand(circuit)}\` makes it again`;
    throw new PlimsollError("ARTIFACT_HASH", why, { file: at("circuits", circuit, name) });
  };
  const r1cs = compiled("circuit.r1cs");
  compiled("circuit.wasm");
  const madeFrom = sha256(r1cs, ...GENERATOR.map((file) => readFileSync(file)));
  const key = readRecord<KeyRecord>(at(recordFile(circuit)));
  const intact = (file: string, hash: string) => {
    const bytes = readIfThere(at(file));
    return bytes !== undefined && sha256(bytes) === hash;
  };
  const isThere =
    key?.madeFrom === madeFrom &&
    intact(zkeyFile(circuit), key.zkey) &&
    intact(verificationKeyFile(circuit), key.verificationKey);
  const link = readRecord<LinkRecord>(at(linkRecordFile(circuit)));
  const isLinkThere =
    isThere &&
    isLinked(circuit) &&
    link?.madeFrom === linkMadeFrom(circuit, key.verificationKey) &&
    intact(linkKeyFile(circuit), link.linkKey);
  return { compilation, r1cs, madeFrom, key: isThere ? key : undefined, link: isLinkThere ? link : undefined };
}

function madeKey(
  circuit: CircuitName,
  { compilation }: State,
  { key, link }: { readonly key: KeyRecord; readonly link: LinkRecord | undefined },
  options: ArtifactOptions,
): MadeKey {
  const planFile = path.join(buildDirectory(options), "circuits", circuit, "plan.json");
  const plan = readRecord<PlanRecord>(planFile)?.sha256;
  const file = (name: string, hash: string) => ({ path: name, sha256: hash });
  const record: ArtifactRecord = {
    constraints: compilation.constraints,
    publicInputs: compilation.publicInputs,
    sources: compilation.sources,
    r1cs: file(`circuits/${circuit}/circuit.r1cs`, compilation.files["circuit.r1cs"]),
    wasm: file(`circuits/${circuit}/circuit.wasm`, compilation.files["circuit.wasm"]),
    zkey: file(zkeyFile(circuit), key.zkey),
    verificationKey: file(verificationKeyFile(circuit), key.verificationKey),
    ...(plan === undefined ? {} : { plan: file(`circuits/${circuit}/circuit.plan`, plan) }),
    ...(link === undefined ? {} : { linkKey: file(linkKeyFile(circuit), link.linkKey) }),
  };
  return { record, compiler: compilation.compiler };
}

/**
 * Makes the key of a compiled circuit unless it is there, for a process that has the circuit's lock. Its record is written last:
 * without it the files count for nothing. Throws ARTIFACT_MISSING and ARTIFACT_HASH for files that it starts from.
 */
export async function makeKey(circuit: CircuitName, options: SetUpOptions = {}): Promise<MadeKey> {
  const state = stateOf(circuit, options);
  const key = state.key ?? (await makeCircuitKey(circuit, state, options));
  const link = state.link ?? (isLinked(circuit) ? await makeLinkKey(circuit, key, options) : undefined);
  return madeKey(circuit, state, { key, link }, options);
}

async function makeCircuitKey(circuit: CircuitName, state: State, options: SetUpOptions): Promise<KeyRecord> {
  const at = (file: string) => path.join(buildDirectory(options), file);
  const report = (_: string, done: number) => options.report?.("making its development key", done);
  const { zkey, verificationKey } = await makeDevelopmentKey(state.r1cs, trapdoorFrom(randomBytes(64)), report);
  const folder = path.dirname(at(recordFile(circuit)));
  rmSync(folder, { recursive: true, force: true }); // with what is left of one that was killed
  mkdirSync(folder, { recursive: true });
  await writeResult(at(zkeyFile(circuit)), zkey);
  await writeResult(at(verificationKeyFile(circuit)), verificationKey);
  const { madeFrom } = state;
  const key = { madeFrom, zkey: sha256(zkey), verificationKey: sha256(Buffer.from(verificationKey)) };
  await writeResult(at(recordFile(circuit)), json(key));
  return key;
}

async function makeLinkKey(circuit: CircuitName, key: KeyRecord, options: SetUpOptions): Promise<LinkRecord> {
  options.report?.("making its development link key");
  const at = (file: string) => path.join(buildDirectory(options), file);
  const secrets = linkSecretsFrom(randomBytes(64));
  const { first } = linkedGroupsOf(circuit)[0]!;
  const file = await makeDevelopmentLinkKey(readFileSync(at(verificationKeyFile(circuit))), first, secrets);
  for (const each of [linkRecordFile(circuit), linkKeyFile(circuit)]) {
    rmSync(at(each), { force: true });
    await removeLeftovers(at(each));
  }
  await writeResult(at(linkKeyFile(circuit)), file);
  const link = { madeFrom: linkMadeFrom(circuit, key.verificationKey), linkKey: sha256(file) };
  await writeResult(at(linkRecordFile(circuit)), json(link));
  return link;
}

/** What the manifest lists of a circuit whose development key is there, intact and the one listed. Throws as `makeKey`. */
export async function listedKey(circuit: CircuitName, options: ArtifactOptions): Promise<ArtifactRecord | undefined> {
  const state = stateOf(circuit, options);
  const listed = (await manifestThere(options))?.circuits[circuit];
  const { key, link } = state;
  if (key === undefined || listed === undefined || (isLinked(circuit) && link === undefined)) return undefined;
  return isDeepStrictEqual(listed, madeKey(circuit, state, { key, link }, options).record) ? listed : undefined;
}

/** Enters a key in the manifest, which it marks as of development keys. Throws KEY_REFUSED where it has become one of a ceremony. */
export function enterKey(circuit: CircuitName, key: MadeKey, options: ArtifactOptions): Promise<ArtifactRecord> {
  return withBuildLock("manifest", options, () => enterLocked(circuit, key, options));
}

async function enterLocked(
  circuit: CircuitName,
  { record, compiler }: MadeKey,
  options: ArtifactOptions,
): Promise<ArtifactRecord> {
  await removeLeftovers(manifestPath(options));
  const earlier = await manifestThere(options);
  // Asked before too, and minutes may lie between.
  if (earlier?.origin === "ceremony") throw ofCeremony(options);
  const manifest: Manifest = {
    format: "plimsoll-manifest/1",
    origin: "development",
    compiler,
    circuits: { ...earlier?.circuits, [circuit]: record },
  };
  const text = json(manifest);
  if (readIfThere(manifestPath(options))?.toString("utf8") !== text) await writeResult(manifestPath(options), text);
  return record;
}

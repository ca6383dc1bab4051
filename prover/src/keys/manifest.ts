// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The build artifacts (compiled circuits and keys) and the manifest that says which bytes they are, wherever the bytes come from.
 *
 * The manifest is the root of trust here: whoever can write it chooses the keys. Everything else is read once and used
 * only if its SHA-256 is the manifest's. Where the keys come from makes no difference to
 * loading; it is part of the identity that is handed on, so that whoever relies on a key can see it.
 */
import { PlimsollError } from "../errors.ts";
import { type JsonLimits, type JsonValue, parseJson } from "../formats/json.ts";
import type { BoardSize } from "../model/sizes.ts";
import { CIRCUITS, type CircuitName, publicInputsOf } from "../statement/families.ts";
import { KEY_ORIGINS, type KeyOrigin } from "./origin.ts";

const FORMAT = "plimsoll-manifest/1";
const MAX_COUNT = 1 << 28;
const LIMITS: JsonLimits = { length: 100_000, values: 2_000 };

interface FileRecord {
  /** Relative to the build directory, with forward slashes, and never leaving it. */
  readonly path: string;
  readonly sha256: string;
}

export interface ArtifactRecord {
  readonly constraints: number;
  readonly publicInputs: number;
  /** Hash of everything the circuit was compiled from. */
  readonly sources: string;
  readonly r1cs: FileRecord;
  readonly wasm: FileRecord;
  readonly zkey: FileRecord;
  readonly verificationKey: FileRecord;
  /** Absent where witnesses are made by circom's generator alone. */
  readonly plan?: FileRecord;
  /** Absent for circuits whose market inputs no contract takes. */
  readonly linkKey?: FileRecord;
}

/**
 * What a build directory holds: circuits, their keys, and where the keys come from.
 * @see docs/library.md#proofs
 */
export interface Manifest {
  readonly format: typeof FORMAT;
  /** Only keys of a `ceremony` are for anything of value. */
  readonly origin: KeyOrigin;
  readonly compiler: string;
  readonly circuits: { readonly [Name in CircuitName]?: ArtifactRecord };
}

/**
 * Which circuit and key these are.
 * @see docs/library.md#proofs
 */
export interface ArtifactIdentity<Name extends CircuitName = BoardSize> extends Pick<Manifest, "origin" | "compiler"> {
  /** Name of the circuit: for `Account` the size of its boards. */
  readonly size: Name;
  readonly constraints: number;
  readonly publicInputs: number;
  readonly sourcesSha256: string;
  readonly r1csSha256: string;
  readonly wasmSha256: string;
  readonly zkeySha256: string;
  readonly verificationKeySha256: string;
}

/** A verification key in snarkjs's form: decimal strings; G1 as [x, y, z], G2 as pairs of such. */
export interface VerificationKey {
  readonly protocol: "groth16";
  readonly curve: "bn128";
  readonly nPublic: number;
  readonly vk_alpha_1: string[];
  readonly vk_beta_2: string[][];
  readonly vk_gamma_2: string[][];
  readonly vk_delta_2: string[][];
  readonly vk_alphabeta_12: string[][][];
  readonly IC: string[][];
}

export interface LoadedVerificationKey<Name extends CircuitName = BoardSize> {
  readonly identity: ArtifactIdentity<Name>;
  readonly verificationKey: VerificationKey;
  /** The file that the key was parsed from, whose hash is the identity's. */
  readonly verificationKeyFile: Uint8Array<ArrayBuffer>;
}

export interface Artifacts<Name extends CircuitName = BoardSize> extends LoadedVerificationKey<Name> {
  /** Reads the witness generator, large and seldom needed. Throws as `loadVerificationKey`. */
  readonly wasm: () => Promise<Uint8Array<ArrayBuffer>>;
  readonly zkey: Uint8Array<ArrayBuffer>;
  /** The witness plan, which does what the generator does and faster. */
  readonly plan?: Uint8Array<ArrayBuffer>;
}

/**
 * A link key that has been loaded by its manifest, and the circuit key that it is of.
 * @see docs/library.md#links
 */
export interface LoadedLinkKey<Name extends CircuitName = CircuitName> {
  readonly identity: {
    readonly size: Name;
    readonly verificationKeySha256: string;
    readonly sha256: string;
    readonly origin: KeyOrigin;
  };
  /** The file of the link key, whose hash is the identity's. */
  readonly linkKeyFile: Uint8Array<ArrayBuffer>;
  readonly verificationKey: VerificationKey;
}

/** Where the files of a manifest are. */
export interface ArtifactSource {
  /** Reads a file by its path in the manifest; its SHA-256 in hexadecimal digits. Throws `ARTIFACT_MISSING` and `FILE`. */
  read(path: string, size?: CircuitName): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly sha256: string }>;
  /** What errors call it. */
  nameOf(path: string): string;
  /** How to get the files of a circuit, or the manifest; the end of an error's sentence. */
  remedy(size?: CircuitName): string;
}

export const MANIFEST_PATH = "keys/manifest.json";

/** Reads the manifest. Throws what `read` throws, and ARTIFACT_HASH where it is not of this format. */
export async function readManifest(source: ArtifactSource): Promise<Manifest> {
  const text = new TextDecoder().decode((await source.read(MANIFEST_PATH)).bytes);
  const file = source.nameOf(MANIFEST_PATH);
  try {
    return manifestOf(text, file);
  } catch (error) {
    const why = `not a manifest that this version reads${source.remedy()}`;
    throw new PlimsollError("ARTIFACT_HASH", why, error instanceof PlimsollError ? error.place : { file });
  }
}

function manifestOf(text: string, file: string): Manifest {
  const top = parseJson(text, file, LIMITS).fields(["format", "origin", "compiler", "circuits"]);
  top.format.literal(FORMAT);
  const known = new Map(CIRCUITS.map((name) => [name as string, name]));
  const circuits = top.circuits.entries(known, "FIELD_INVALID", "a circuit that is not known here");
  return {
    format: FORMAT,
    origin: top.origin.oneOf(KEY_ORIGINS),
    compiler: top.compiler.string(),
    circuits: Object.fromEntries(circuits.map(([name, record]) => [name, recordOf(record)])),
  };
}

function recordOf(value: JsonValue): ArtifactRecord {
  const { constraints, publicInputs, sources, plan, linkKey, ...files } = value.fields(
    ["constraints", "publicInputs", "sources", "r1cs", "wasm", "zkey", "verificationKey"],
    ["plan", "linkKey"],
  );
  return {
    constraints: constraints.count(1, MAX_COUNT),
    publicInputs: publicInputs.count(1, MAX_COUNT),
    sources: sources.sha256(),
    r1cs: fileOf(files.r1cs),
    wasm: fileOf(files.wasm),
    zkey: fileOf(files.zkey),
    verificationKey: fileOf(files.verificationKey),
    ...(plan && { plan: fileOf(plan) }),
    ...(linkKey && { linkKey: fileOf(linkKey) }),
  };
}

function fileOf(value: JsonValue): FileRecord {
  const { path, sha256 } = value.fields(["path", "sha256"]);
  if (!/^(?!.*(^|\/)\.\.?(\/|$))[\w.-]+(\/[\w.-]+)*$/.test(path.string())) {
    throw path.error("FIELD_INVALID", "expected a path that stays in the build directory");
  }
  return { path: path.string(), sha256: sha256.sha256() };
}

/** The files that a manifest names of a circuit. */
const KINDS = ["r1cs", "wasm", "plan", "zkey", "verificationKey", "linkKey"] as const;

/** A circuit's files, each read when it is asked for and refused (`ARTIFACT_HASH`) where the manifest names other bytes. */
export interface ArtifactSet<Name extends CircuitName> {
  readonly identity: ArtifactIdentity<Name>;
  verificationKey(): Promise<LoadedVerificationKey<Name>>;
  /** Throws ARTIFACT_MISSING where the manifest names none for the circuit. */
  linkKey(): Promise<LoadedLinkKey<Name>>;
  all(): Promise<Artifacts<Name>>;
  /** What is wrong with each file: it is missing, or not the one that the manifest names. Empty where all are intact. */
  damage(): Promise<readonly PlimsollError[]>;
}

/** Throws as `readManifest`, and ARTIFACT_MISSING for a circuit that the manifest does not list. */
export async function openArtifacts<Name extends CircuitName>(
  size: Name,
  source: ArtifactSource,
): Promise<ArtifactSet<Name>> {
  const { origin, compiler, circuits } = await readManifest(source);
  const record: ArtifactRecord | undefined = circuits[size];
  if (record === undefined) {
    const why = `the manifest lists no keys for ${size}${source.remedy(size)}`;
    throw new PlimsollError("ARTIFACT_MISSING", why, { file: source.nameOf(MANIFEST_PATH) });
  }
  const identity: ArtifactIdentity<Name> = {
    size,
    origin,
    compiler,
    constraints: record.constraints,
    publicInputs: record.publicInputs,
    sourcesSha256: record.sources,
    r1csSha256: record.r1cs.sha256,
    wasmSha256: record.wasm.sha256,
    zkeySha256: record.zkey.sha256,
    verificationKeySha256: record.verificationKey.sha256,
  };

  async function file(recorded: FileRecord): Promise<Uint8Array<ArrayBuffer>> {
    const { bytes, sha256 } = await source.read(recorded.path, size);
    if (sha256 === recorded.sha256) return bytes;
    const why = `the file is not the one the manifest names (SHA-256 differs)${source.remedy(size)}`;
    throw new PlimsollError("ARTIFACT_HASH", why, { file: source.nameOf(recorded.path) });
  }

  async function verificationKey(): Promise<LoadedVerificationKey<Name>> {
    const verificationKeyFile = await file(record!.verificationKey);
    try {
      return { identity, verificationKeyFile, verificationKey: parseKey(verificationKeyFile, size) };
    } catch (error) {
      throw error instanceof PlimsollError ? error.at({ file: source.nameOf(record!.verificationKey.path) }) : error;
    }
  }

  async function linkKey(): Promise<LoadedLinkKey<Name>> {
    if (record!.linkKey === undefined) {
      const why = `the manifest lists no link key for ${size}${source.remedy(size)}`;
      throw new PlimsollError("ARTIFACT_MISSING", why, { file: source.nameOf(MANIFEST_PATH) });
    }
    const [{ verificationKey: key }, linkKeyFile] = await Promise.all([verificationKey(), file(record!.linkKey)]);
    const { verificationKeySha256 } = identity;
    const { sha256 } = record!.linkKey;
    return { identity: { size, verificationKeySha256, sha256, origin }, linkKeyFile, verificationKey: key };
  }

  async function all(): Promise<Artifacts<Name>> {
    const [key, zkey, plan] = await Promise.all([
      verificationKey(),
      file(record!.zkey),
      record!.plan && file(record!.plan),
    ]);
    return { ...key, wasm: () => file(record!.wasm), zkey, ...(plan && { plan }) };
  }

  async function damage(): Promise<PlimsollError[]> {
    const found: PlimsollError[] = [];
    for (const kind of KINDS) {
      const recorded = record![kind];
      if (recorded === undefined) continue;
      await file(recorded).catch((error) => {
        if (!(error instanceof PlimsollError)) throw error;
        found.push(error);
      });
    }
    return found;
  }

  return { identity, verificationKey, linkKey, all, damage };
}

type Check = (value: unknown) => boolean;
const is =
  (word: string): Check =>
  (value) =>
    value === word;
const isNumber: Check = (value) => typeof value === "string" && /^(0|[1-9][0-9]{0,77})$/.test(value);
const isTuple =
  (...each: readonly Check[]): Check =>
  (value) =>
    Array.isArray(value) && value.length === each.length && each.every((check, index) => check(value[index]));
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const isPair = isTuple(isNumber, isNumber);
const isG1 = isTuple(isNumber, isNumber, is("1"));
const isG2 = isTuple(isPair, isPair, isTuple(is("1"), is("0")));
const KEY_FIELDS: Readonly<Record<keyof VerificationKey, Check>> = {
  protocol: is("groth16"),
  curve: is("bn128"),
  nPublic: Number.isInteger,
  vk_alpha_1: isG1,
  vk_beta_2: isG2,
  vk_gamma_2: isG2,
  vk_delta_2: isG2,
  vk_alphabeta_12: isListOf(isListOf(isPair)),
  IC: isListOf(isG1),
};

function isKey(value: unknown): value is VerificationKey {
  if (typeof value !== "object" || value === null) return false;
  const checks = Object.entries(KEY_FIELDS);
  return (
    Object.keys(value).length === checks.length &&
    checks.every(([name, check]) => Object.hasOwn(value, name) && check((value as Record<string, unknown>)[name]))
  );
}

/** First coordinate of the generator of G2, which a delta without contributions is. */
const GENERATOR_X = [
  "10857046999023057135944570762232829481370756359578518086990519993285655852781",
  "11559732032986387107991004021392285783925812861821192530917403151452391805634",
].join();

function parseKey(file: Uint8Array, size: CircuitName): VerificationKey {
  const refuse = (why: string) => new PlimsollError("KEY_REFUSED", `the verification key is refused: ${why}`);
  let key: unknown;
  try {
    key = JSON.parse(new TextDecoder().decode(file));
  } catch {
    // Refused below.
  }
  if (!isKey(key)) throw refuse("it is not a Groth16 key over BN254 in snarkjs's form");
  const publicInputs = publicInputsOf(size);
  if (key.nPublic !== publicInputs || key.IC.length !== publicInputs + 1) {
    throw refuse(`it is not for the ${publicInputs} public inputs of ${size}`);
  }
  // By the first coordinate, so that gamma = −delta, which allows the same forgery, is caught too.
  const delta = key.vk_delta_2[0]!.join();
  if (delta === key.vk_gamma_2[0]!.join()) throw refuse("gamma and delta are the same, so anybody could forge proofs");
  if (delta === GENERATOR_X) throw refuse("delta is the generator: nobody has contributed to its second phase");
  return key;
}

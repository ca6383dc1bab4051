// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The build artifacts (compiled circuits and keys) and the manifest that says which bytes they are.
 *
 * The manifest is the root of trust here: whoever can write it chooses the keys. Everything else is read once and used
 * only if its SHA-256 is the manifest's. Where the keys come from makes no difference to
 * loading; it is part of the identity that is handed on, so that whoever relies on a key can see it.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { PlimsollError } from "./errors.ts";
import { KEY_ORIGINS } from "./keys/origin.ts";
import { type BoardSize, CIRCUITS, type CircuitName, publicInputsOf } from "./model/sizes.ts";

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
/** Relative to the build directory, with forward slashes, and never leaving it. */
const relativePath = z.string().regex(/^(?!.*(^|\/)\.\.?(\/|$))[\w.-]+(\/[\w.-]+)*$/);
const fileRecord = z.strictObject({ path: relativePath, sha256: sha256Hex });
const circuitRecord = z.strictObject({
  constraints: z.int().positive(),
  publicInputs: z.int().positive(),
  /** Hash of everything the circuit was compiled from. */
  sources: sha256Hex,
  r1cs: fileRecord,
  wasm: fileRecord,
  zkey: fileRecord,
  verificationKey: fileRecord,
});
const manifestFormat = z.strictObject({
  format: z.literal("plimsoll-manifest/1"),
  /** Only keys of a `ceremony` are for anything of value. */
  origin: z.enum(KEY_ORIGINS),
  compiler: z.string(),
  circuits: z.partialRecord(z.enum(CIRCUITS), circuitRecord),
});

export type Manifest = z.infer<typeof manifestFormat>;
export type ArtifactRecord = z.infer<typeof circuitRecord>;

/** Which circuit and key these are. */
export interface ArtifactIdentity<Name extends CircuitName = BoardSize> extends Omit<Manifest, "format" | "circuits"> {
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
  /** The witness generator. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly zkey: Uint8Array<ArrayBuffer>;
}

export interface ArtifactOptions {
  /** The build directory; else the environment's PLIMSOLL_BUILD; else build/ at the root of the package. */
  readonly directory?: string | undefined;
}

export function buildDirectory({ directory }: ArtifactOptions = {}): string {
  return path.resolve(directory ?? process.env.PLIMSOLL_BUILD ?? path.join(import.meta.dirname, "../../build"));
}

export function manifestPath(options: ArtifactOptions = {}): string {
  return path.join(buildDirectory(options), "keys", "manifest.json");
}

const remedy = (size?: CircuitName) => `npm run setup${size === undefined ? "" : ` -- ${size}`}`;

async function read(file: string, size?: CircuitName): Promise<Buffer<ArrayBuffer>> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new PlimsollError("FILE", "the file cannot be read", { file });
    }
    throw new PlimsollError("ARTIFACT_MISSING", `the file does not exist; \`${remedy(size)}\` makes it`, { file });
  }
}

/** Reads the manifest. Throws ARTIFACT_MISSING where there is none, ARTIFACT_HASH where it is not of this format. */
export async function loadManifest(options: ArtifactOptions = {}): Promise<Manifest> {
  const file = manifestPath(options);
  const text = (await read(file)).toString("utf8");
  try {
    return manifestFormat.parse(JSON.parse(text));
  } catch {
    throw new PlimsollError("ARTIFACT_HASH", `not a manifest that this version reads; \`${remedy()}\` makes one`, {
      file,
    });
  }
}

/**
 * Reads the verification key of a circuit and nothing large.
 *
 * Throws ARTIFACT_MISSING, ARTIFACT_HASH (both name the file), and KEY_REFUSED for a key that had no contribution to the
 * second phase (anybody forges proofs under it) or is for another number of public inputs. Does NOT check that the
 * points lie on their curves: the strict verifier does when it opens the key.
 */
export async function loadVerificationKey<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<LoadedVerificationKey<Name>> {
  const { identity, load } = await open(size, options);
  return { identity, ...(await load.verificationKey()) };
}

/** Reads all that proving and verifying with a circuit needs. Throws as `loadVerificationKey`. */
export async function loadArtifacts<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<Artifacts<Name>> {
  const { identity, load } = await open(size, options);
  const [key, wasm, zkey] = await Promise.all([load.verificationKey(), load.file("wasm"), load.file("zkey")]);
  return { identity, ...key, wasm, zkey };
}

async function open<Name extends CircuitName>(size: Name, options: ArtifactOptions) {
  const { origin, compiler, circuits } = await loadManifest(options);
  const record: ArtifactRecord | undefined = circuits[size];
  if (record === undefined) {
    const why = `the manifest lists no keys for ${size}; \`${remedy(size)}\` makes them`;
    throw new PlimsollError("ARTIFACT_MISSING", why, { file: manifestPath(options) });
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
  const fileOf = (which: "wasm" | "zkey" | "verificationKey") => path.join(buildDirectory(options), record[which].path);

  async function file(which: "wasm" | "zkey" | "verificationKey"): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await read(fileOf(which), size);
    if (createHash("sha256").update(bytes).digest("hex") === record![which].sha256) return bytes;
    const why = `the file is not the one the manifest names (SHA-256 differs); \`${remedy(size)}\` makes it anew`;
    throw new PlimsollError("ARTIFACT_HASH", why, { file: fileOf(which) });
  }

  async function verificationKey() {
    const verificationKeyFile = await file("verificationKey");
    try {
      return { verificationKeyFile, verificationKey: parseKey(verificationKeyFile, size) };
    } catch (error) {
      throw error instanceof PlimsollError ? error.at({ file: fileOf("verificationKey") }) : error;
    }
  }

  return { identity, load: { file, verificationKey } };
}

const number = z.string().regex(/^(0|[1-9][0-9]{0,77})$/);
const g1 = z.tuple([number, number, z.literal("1")]);
const pair = z.tuple([number, number]);
const g2 = z.tuple([pair, pair, z.tuple([z.literal("1"), z.literal("0")])]);
const keyFormat = z.strictObject({
  protocol: z.literal("groth16"),
  curve: z.literal("bn128"),
  nPublic: z.int(),
  vk_alpha_1: g1,
  vk_beta_2: g2,
  vk_gamma_2: g2,
  vk_delta_2: g2,
  vk_alphabeta_12: z.array(z.array(pair)),
  IC: z.array(g1),
});

/** First coordinate of the generator of G2, which a delta without contributions is. */
const GENERATOR_X = [
  "10857046999023057135944570762232829481370756359578518086990519993285655852781",
  "11559732032986387107991004021392285783925812861821192530917403151452391805634",
].join();

function parseKey(file: Uint8Array, size: CircuitName): VerificationKey {
  const refuse = (why: string) => new PlimsollError("KEY_REFUSED", `the verification key is refused: ${why}`);
  let key: VerificationKey;
  try {
    key = keyFormat.parse(JSON.parse(Buffer.from(file).toString("utf8")));
  } catch {
    throw refuse("it is not a Groth16 key over BN254 in snarkjs's form");
  }
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

// SPDX-License-Identifier: GPL-3.0-or-later
/** The build artifacts in a directory. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import {
  type ArtifactSource,
  type Artifacts,
  type LoadedLinkKey,
  type LoadedVerificationKey,
  MANIFEST_PATH,
  type Manifest,
  openArtifacts,
  readManifest,
} from "../keys/manifest.ts";
import { type CircuitName, DEFAULT_CIRCUITS } from "../statement/families.ts";
import { makeDirectory } from "./files.ts";
import { defaultBuildDirectory, setupCommand } from "./installation.ts";
import { type LockOptions, withLock } from "./lock.ts";

export type {
  ArtifactIdentity,
  ArtifactRecord,
  Artifacts,
  LoadedLinkKey,
  LoadedVerificationKey,
  Manifest,
  VerificationKey,
} from "../keys/manifest.ts";

/**
 * Where circuits and keys are.
 * @see docs/library.md#proofs
 */
export interface ArtifactOptions {
  /** The build directory; else the environment's PLIMSOLL_BUILD; else `build/` of the clone or a directory of the user's. */
  readonly directory?: string | undefined;
}

export function buildDirectory({ directory }: ArtifactOptions = {}): string {
  return path.resolve(directory ?? process.env.PLIMSOLL_BUILD ?? defaultBuildDirectory());
}

export function manifestPath(options: ArtifactOptions = {}): string {
  return path.join(buildDirectory(options), MANIFEST_PATH);
}

/**
 * Does work that one process at a time may do in a build directory: on a circuit with its keys, on the manifest, or on whatever
 * else has a name of its own. Throws as `withLock`.
 */
export async function withBuildLock<T>(
  what: string,
  options: ArtifactOptions,
  work: () => Promise<T>,
  lockOptions?: LockOptions,
): Promise<T> {
  const file = path.join(buildDirectory(options), "locks", what);
  await makeDirectory(path.dirname(file));
  return withLock(file, work, lockOptions);
}

const command = (size?: CircuitName) => `\`${setupCommand(size)}\` makes`;

function directorySource(options: ArtifactOptions): ArtifactSource {
  const nameOf = (file: string) => path.join(buildDirectory(options), file);
  return {
    nameOf,
    remedy: (size) => `; ${command(size)} ${size === undefined ? "one" : "them"}`,
    async read(name, size) {
      const file = nameOf(name);
      try {
        return await readHashed(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
          throw new PlimsollError("FILE", "the file cannot be read", { file });
        }
        throw new PlimsollError("ARTIFACT_MISSING", `the file does not exist; ${command(size)} it`, { file });
      }
    },
  };
}

/**
 * A file and its SHA-256, each piece hashed while the next is read. (Web Crypto's hash copies what it is given, which takes
 * several times as long; `readFile` takes half a megabyte at a time.)
 */
export async function readHashed(file: string) {
  const handle = await open(file);
  try {
    const content = new Uint8Array((await handle.stat()).size);
    const hash = createHash("sha256");
    const next = (at: number) => handle.read(content, at, Math.min(PIECE, content.length - at), at);
    let [end, reading] = [0, next(0)];
    for (;;) {
      const { bytesRead } = await reading;
      const piece = content.subarray(end, end + bytesRead);
      end += bytesRead;
      const last = bytesRead === 0 || end === content.length;
      if (!last) reading = next(end);
      hash.update(piece);
      if (last) return { bytes: content.subarray(0, end), sha256: hash.digest("hex") };
    }
  } finally {
    await handle.close();
  }
}
const PIECE = 4 << 20;

/** The files of a circuit. Throws as `openArtifacts`. */
export const artifactsOf = <Name extends CircuitName>(size: Name, options: ArtifactOptions = {}) =>
  openArtifacts(size, directorySource(options));

/**
 * Reads the manifest. Throws ARTIFACT_MISSING where there is none, ARTIFACT_HASH where it is not of this format.
 * @see docs/library.md#proofs
 */
export async function loadManifest(options: ArtifactOptions = {}): Promise<Manifest> {
  return readManifest(directorySource(options));
}

/**
 * Reads the verification key of a circuit and nothing large.
 *
 * Throws ARTIFACT_MISSING, ARTIFACT_HASH (both name the file), and KEY_REFUSED for a key that had no contribution to the
 * second phase (anybody forges proofs under it) or is for another number of public inputs. Does NOT check that the
 * points lie on their curves: the strict verifier does when it opens the key.
 * @see docs/library.md#proofs
 */
export async function loadVerificationKey<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<LoadedVerificationKey<Name>> {
  return (await artifactsOf(size, options)).verificationKey();
}

/**
 * Reads the link key of a circuit. Throws as `loadVerificationKey`, and ARTIFACT_MISSING for a circuit that has none. Does NOT check
 * its points: `plimsoll doctor` does.
 * @see docs/library.md#links
 */
export async function loadLinkKey<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<LoadedLinkKey<Name>> {
  return (await artifactsOf(size, options)).linkKey();
}

/**
 * What a contract's verifier is made from: a circuit's verification key and its link key; undefined for a circuit whose keys
 * set-up makes on demand and has not made. Throws as `loadVerificationKey`.
 * @see docs/library.md#on-chain
 */
export async function loadDeployableKey(circuit: CircuitName, options: ArtifactOptions = {}) {
  try {
    const [key, { linkKeyFile }] = await Promise.all([
      loadVerificationKey(circuit, options),
      loadLinkKey(circuit, options),
    ]);
    return { ...key, linkKeyFile };
  } catch (error) {
    const missing = error instanceof PlimsollError && error.code === "ARTIFACT_MISSING";
    if (missing && !DEFAULT_CIRCUITS.includes(circuit)) return undefined;
    throw error;
  }
}

/** What is wrong with the files that the manifest names of a circuit; empty where all are intact. Throws as `openArtifacts`. */
export async function damagedArtifacts(
  circuit: CircuitName,
  options: ArtifactOptions = {},
): Promise<readonly PlimsollError[]> {
  return (await artifactsOf(circuit, options)).damage();
}

/** Reads all that proving and verifying with a circuit needs, but for the witness generator. Throws as `loadVerificationKey`. */
export async function loadArtifacts<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<Artifacts<Name>> {
  return (await artifactsOf(size, options)).all();
}

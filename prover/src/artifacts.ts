// SPDX-License-Identifier: GPL-3.0-or-later
/** The build artifacts in a directory. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import path from "node:path";
import {
  type ArtifactSource,
  type Artifacts,
  type LoadedVerificationKey,
  MANIFEST_PATH,
  type Manifest,
  openArtifacts,
  readManifest,
} from "./artifact-set.ts";
import { PlimsollError } from "./errors.ts";
import type { CircuitName } from "./model/sizes.ts";

export type {
  ArtifactIdentity,
  ArtifactRecord,
  Artifacts,
  LoadedVerificationKey,
  Manifest,
  VerificationKey,
} from "./artifact-set.ts";

export interface ArtifactOptions {
  /** The build directory; else the environment's PLIMSOLL_BUILD; else build/ at the root of the package. */
  readonly directory?: string | undefined;
}

export function buildDirectory({ directory }: ArtifactOptions = {}): string {
  return path.resolve(directory ?? process.env.PLIMSOLL_BUILD ?? path.join(import.meta.dirname, "../../build"));
}

export function manifestPath(options: ArtifactOptions = {}): string {
  return path.join(buildDirectory(options), MANIFEST_PATH);
}

const command = (size?: CircuitName) => `\`npm run setup${size === undefined ? "" : ` -- ${size}`}\` makes`;

function directorySource(options: ArtifactOptions): ArtifactSource {
  const nameOf = (file: string) => path.join(buildDirectory(options), file);
  return {
    nameOf,
    // The one of Web Crypto copies what it is given, which takes several times as long as the hash.
    sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    remedy: (size) => `; ${command(size)} ${size === undefined ? "one" : "them"}`,
    async read(name, size) {
      const file = nameOf(name);
      try {
        return await readWhole(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
          throw new PlimsollError("FILE", "the file cannot be read", { file });
        }
        throw new PlimsollError("ARTIFACT_MISSING", `the file does not exist; ${command(size)} it`, { file });
      }
    },
  };
}

/** A file in one piece: `readFile` reads half a megabyte at a time, and waits for the event loop in between. */
async function readWhole(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await open(file);
  try {
    const content = new Uint8Array((await handle.stat()).size);
    const { bytesRead } = await handle.read(content);
    return content.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Reads the manifest. Throws ARTIFACT_MISSING where there is none, ARTIFACT_HASH where it is not of this format. */
export async function loadManifest(options: ArtifactOptions = {}): Promise<Manifest> {
  return readManifest(directorySource(options));
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
  return (await openArtifacts(size, directorySource(options))).verificationKey();
}

/** Reads all that proving and verifying with a circuit needs. Throws as `loadVerificationKey`. */
export async function loadArtifacts<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<Artifacts<Name>> {
  return (await openArtifacts(size, directorySource(options))).all();
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Prepared proving keys: made from a circuit's key in minutes, kept beside it, and for those who prove much. The same proofs take half of
 * the time (prover/native/core/prepare.h).
 *
 * No manifest names them: whoever can write to the build directory can write a manifest too. From a wrong one come proofs that
 * the strict verifier refuses.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import type { ArtifactIdentity, Artifacts } from "../keys/manifest.ts";
import type { CircuitName } from "../statement/families.ts";
import { type ArtifactOptions, artifactsOf, buildDirectory, readHashed, withBuildLock } from "./artifacts.ts";
import { removeLeftovers, writeResult } from "./files.ts";
import { askedPath, loadAddon, prepareNative } from "./native.ts";

interface PreparedRecord {
  /** The key that it was made from. */
  readonly zkey: string;
  readonly sha256: string;
}

const fileOf = (size: CircuitName, options: ArtifactOptions, name: string) =>
  path.join(buildDirectory(options), "keys", size, name);
const keyFile = (size: CircuitName, options: ArtifactOptions) => fileOf(size, options, "prepared.zkey");
const recordFile = (size: CircuitName, options: ArtifactOptions) => fileOf(size, options, "prepared.json");

/** The record of what was made from this very key; undefined where nothing was. */
async function recordOf(
  identity: ArtifactIdentity<CircuitName>,
  options: ArtifactOptions,
): Promise<PreparedRecord | undefined> {
  try {
    const record: PreparedRecord = JSON.parse(await readFile(recordFile(identity.size, options), "utf8"));
    return record.zkey === identity.zkeySha256 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** As `loadArtifacts`, with the prepared key where there is one. Throws likewise, `ARTIFACT_HASH` for a prepared key that was changed. */
export async function loadPrepared<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<Artifacts<Name>> {
  const artifacts = await artifactsOf(size, options);
  const record = await recordOf(artifacts.identity, options);
  if (record === undefined) return artifacts.all();
  const file = keyFile(size, options);
  const { bytes, sha256 } = await readHashed(file).catch(() => ({ bytes: new Uint8Array(), sha256: "" }));
  if (sha256 === record.sha256) return artifacts.all(bytes);
  const why = "the prepared key is not the one that was made; remove it or run plimsoll book prepare again";
  throw new PlimsollError("ARTIFACT_HASH", why, { file });
}

/**
 * Prepares the key of a circuit, where that was not done before. Throws as `loadArtifacts`, `BACKEND_UNAVAILABLE` without the native
 * prover, `CANCELLED`, `FILE`.
 */
export async function prepareKey(
  size: CircuitName,
  options: ArtifactOptions & { readonly signal?: AbortSignal } = {},
): Promise<{ readonly file: string; readonly made: boolean }> {
  const file = keyFile(size, options);
  const prepare = async () => {
    const artifacts = await artifactsOf(size, options);
    const record = await recordOf(artifacts.identity, options);
    const there = record && (await readHashed(file).catch(() => undefined));
    if (there !== undefined && there.sha256 === record?.sha256) return { file, made: false };
    const native = loadAddon(askedPath());
    if (native.addon === undefined) throw new PlimsollError("BACKEND_UNAVAILABLE", `no native prover: ${native.why}`);
    const { zkey } = await artifacts.all();
    const prepared = await prepareNative(native, zkey, options.signal);
    const made: PreparedRecord = {
      zkey: artifacts.identity.zkeySha256,
      sha256: createHash("sha256").update(prepared).digest("hex"),
    };
    await removeLeftovers(file);
    await writeResult(file, prepared);
    await writeResult(recordFile(size, options), `${JSON.stringify(made, null, 2)}\n`);
    return { file, made: true };
  };
  return withBuildLock(`prepared-${size}`, options, prepare, options.signal && { signal: options.signal });
}

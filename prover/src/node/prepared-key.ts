// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Prepared proving keys: made from a circuit's key in minutes, kept beside it, and for those who prove much. The same proofs take half of
 * the time (prover/native/core/prepare.h).
 *
 * No manifest names them, so nothing of them is trusted but that it may spoil a proof. All of one but its points C and H has to be the
 * manifest's key: these two sections join in the point C of a proof alone, and the strict verifier accepts one C for the A and B that
 * the key itself gives. (With points of others A can be without its blinding, and verify.)
 */
import { createHash } from "node:crypto";
import { constants, existsSync } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import type { ArtifactIdentity, Artifacts } from "../keys/manifest.ts";
import { sectionsOf } from "../keys/zkey.ts";
import { release } from "../prove/core.ts";
import type { CircuitName } from "../statement/families.ts";
import { type ArtifactOptions, artifactsOf, buildDirectory, readHashed, withBuildLock } from "./artifacts.ts";
import { removeLeftovers, unwritable, writeResult } from "./files.ts";
import { askedPath, loadAddon, prepareNative } from "./native.ts";

/** Of another number where other points are prepared: those would make no proof that verifies. */
export const PREPARED_FORMAT = "plimsoll-prepared-key/1";

interface PreparedRecord {
  readonly format: typeof PREPARED_FORMAT;
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
    return record.format === PREPARED_FORMAT && record.zkey === identity.zkeySha256 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The sections of points C and H. */
const PREPARED_SECTIONS = [8, 9];

/** Whether a file is a key but for its points C and H. */
function isPreparedOf(zkey: Uint8Array, prepared: Uint8Array): boolean {
  const own = sectionsOf(zkey);
  let its: typeof own;
  try {
    its = sectionsOf(prepared);
  } catch {
    return false;
  }
  const same = (id: number) => Buffer.compare(own.get(id)!, its.get(id)!) === 0;
  return (
    own.size === its.size && [...own.keys()].every((id) => its.has(id) && (PREPARED_SECTIONS.includes(id) || same(id)))
  );
}

/** The prepared key of which this is the record; undefined where the file is not that, or is not of the key. */
async function readPrepared(
  file: string,
  record: PreparedRecord,
  zkey: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const there = await stat(file).catch(() => undefined);
  // The sections that grow are not half of a key.
  if (there === undefined || !there.isFile() || there.size > 2 * zkey.length) return undefined;
  const { bytes, sha256 } = await readHashed(file).catch(() => ({ bytes: new Uint8Array(), sha256: "" }));
  return sha256 === record.sha256 && isPreparedOf(zkey, bytes) ? bytes : undefined;
}

/**
 * As `loadArtifacts`, with the prepared key where there is one. Throws likewise, `ARTIFACT_HASH` for a prepared key that was changed
 * or that differs from the manifest's in more than the points that are prepared.
 */
export async function loadPrepared<Name extends CircuitName>(
  size: Name,
  options: ArtifactOptions = {},
): Promise<Artifacts<Name>> {
  const set = await artifactsOf(size, options);
  const record = await recordOf(set.identity, options);
  const artifacts = await set.all();
  if (record === undefined) return artifacts;
  const file = keyFile(size, options);
  const prepared = await readPrepared(file, record, artifacts.zkey);
  if (prepared === undefined) {
    const why = "the prepared key is not the one that was made; remove it or run plimsoll book prepare again";
    throw new PlimsollError("ARTIFACT_HASH", why, { file });
  }
  release(artifacts.zkey);
  return { ...artifacts, zkey: prepared };
}

/**
 * Whether a circuit has a prepared key: "none", "used", or "unused", where what is there was made from another key. Of its content only
 * `loadPrepared` knows. Throws as `artifactsOf`.
 */
export async function preparedState(
  size: CircuitName,
  options: ArtifactOptions = {},
): Promise<"none" | "used" | "unused"> {
  const { identity } = await artifactsOf(size, options);
  if (![keyFile, recordFile].some((fileOf) => existsSync(fileOf(size, options)))) return "none";
  return (await recordOf(identity, options)) === undefined ? "unused" : "used";
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
    const { zkey } = await artifacts.all();
    const record = await recordOf(artifacts.identity, options);
    if (record && (await readPrepared(file, record, zkey))) return { file, made: false };
    // Found out now rather than in minutes.
    await access(path.dirname(file), constants.W_OK).catch((error: unknown) => {
      throw unwritable(file, error);
    });
    const native = loadAddon(askedPath());
    if (native.addon === undefined) throw new PlimsollError("BACKEND_UNAVAILABLE", `no native prover: ${native.why}`);
    const prepared = await prepareNative(native, zkey, options.signal);
    const made: PreparedRecord = {
      format: PREPARED_FORMAT,
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

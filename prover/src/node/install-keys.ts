// SPDX-License-Identifier: GPL-3.0-or-later
/** Keys that came out of a ceremony, put into a build directory. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import { formatJson } from "../formats/json.ts";
import type { CircuitName } from "../statement/families.ts";
import { type ArtifactRecord, loadManifest, type Manifest, manifestPath, withBuildLock } from "./artifacts.ts";
import { removeLeftovers, writeResult } from "./files.ts";
import { sha256Of } from "./rebuild.ts";

type FileName = "r1cs" | "wasm" | "zkey" | "verificationKey";

export interface InstallableKeys extends Pick<ArtifactRecord, "sources" | "constraints" | "publicInputs"> {
  readonly circuit: CircuitName;
  readonly origin: Manifest["origin"];
  readonly compiler: string;
  readonly files: Readonly<
    Record<FileName, Uint8Array> & { plan?: Uint8Array | undefined; linkKey?: Uint8Array | undefined }
  >;
}

/**
 * Writes circuit and keys, and last of all the manifest that names them, while nobody else writes them. Throws KEY_REFUSED where
 * the directory has keys of another origin: a manifest is of one.
 */
export function installKeys(directory: string, keys: InstallableKeys): Promise<Manifest> {
  const locked = (what: string, work: () => Promise<Manifest>) => withBuildLock(what, { directory }, work);
  return locked(keys.circuit, () => locked("manifest", () => install(directory, keys)));
}

async function install(directory: string, keys: InstallableKeys): Promise<Manifest> {
  const { circuit, origin, compiler, files, sources, constraints, publicInputs } = keys;
  const options = { directory };
  const earlier = await loadManifest(options).catch((error) => {
    if (error instanceof PlimsollError && error.code === "ARTIFACT_MISSING") return undefined;
    throw error;
  });
  if (earlier !== undefined && earlier.origin !== origin) {
    const why = `it lists keys of origin ${earlier.origin}, and these are of origin ${origin}: use another directory`;
    throw new PlimsollError("KEY_REFUSED", why, { file: manifestPath(options) });
  }
  const put = async (name: string, content: Uint8Array) => {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await removeLeftovers(file);
    await writeResult(file, content);
    return { path: name, sha256: sha256Of(content) };
  };
  const record: ArtifactRecord = {
    sources,
    constraints,
    publicInputs,
    r1cs: await put(`circuits/${circuit}/circuit.r1cs`, files.r1cs),
    wasm: await put(`circuits/${circuit}/circuit.wasm`, files.wasm),
    zkey: await put(`keys/${circuit}/proving.zkey`, files.zkey),
    verificationKey: await put(`keys/${circuit}/verification.json`, files.verificationKey),
    ...(files.plan && { plan: await put(`circuits/${circuit}/circuit.plan`, files.plan) }),
    ...(files.linkKey && { linkKey: await put(`keys/${circuit}/link.key`, files.linkKey) }),
  };
  const manifest: Manifest = {
    format: "plimsoll-manifest/1",
    origin,
    compiler,
    circuits: { ...earlier?.circuits, [circuit]: record },
  };
  await removeLeftovers(manifestPath(options));
  await writeResult(manifestPath(options), formatJson(manifest));
  return manifest;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A ceremony in a directory: `transcript/NNN.json`, `keys/<SHA-256>.zkey`, `keys/<SHA-256>.link`, `phase1.ptau`, `circuit.r1cs`
 * and `verification.json`. Each file is written all or nothing. Keys are named by content, so that of two steps at once neither
 * writes over the other.
 */
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import type { CeremonyStore } from "../app/ceremony.ts";
import { entryName, refusal } from "../ceremony/transcript.ts";
import { readBounded, writeNew, writeResult } from "./files.ts";
import { sha256Of } from "./rebuild.ts";

export const MAX_PHASE1_BYTES = 700_000_000;
export const MAX_KEY_BYTES = 400_000_000;
const MAX_ENTRY_BYTES = 20_000;

/** Where a ceremony's key is. */
export const keyFile = (directory: string, sha256: string): string => path.join(directory, "keys", `${sha256}.zkey`);

export function ceremonyStore(directory: string): CeremonyStore {
  const at = (...parts: string[]) => path.join(directory, ...parts);
  const keyOf = async (file: string, sha256: string) => {
    const key = await readBounded(file, MAX_KEY_BYTES);
    if (sha256Of(key) === sha256) return key;
    throw refusal("KEY_OTHER", "not the key of its entry: its SHA-256 differs", file);
  };
  const linkKeyFile = (sha256: string) => at("keys", `${sha256}.link`);
  const inFolder = async (folder: string, write: () => Promise<void>) => {
    await mkdir(at(folder), { recursive: true });
    await write();
  };
  return {
    name: at("transcript"),
    async entries() {
      const listed = await readdir(at("transcript")).catch(() => undefined);
      if (listed === undefined) return undefined;
      const files = [];
      for (const name of listed.filter((each) => /^\d{3}\.json$/.test(each)).sort()) {
        const file = at("transcript", name);
        files.push({ file, text: new TextDecoder().decode(await readBounded(file, MAX_ENTRY_BYTES)) });
      }
      return files;
    },
    phase1: () => readBounded(at("phase1.ptau"), MAX_PHASE1_BYTES),
    r1cs: () => readBounded(at("circuit.r1cs"), MAX_KEY_BYTES),
    key: (sha256) => keyOf(keyFile(directory, sha256), sha256),
    linkKey: (sha256) => keyOf(linkKeyFile(sha256), sha256),
    addCircuit: ({ phase1, r1cs }) =>
      inFolder("", async () => {
        await writeResult(at("phase1.ptau"), phase1);
        await writeResult(at("circuit.r1cs"), r1cs);
      }),
    addKey: (sha256, key) => inFolder("keys", () => writeResult(keyFile(directory, sha256), key)),
    addLinkKey: (sha256, linkKey) => inFolder("keys", () => writeResult(linkKeyFile(sha256), linkKey)),
    addEntry: (number, text) => inFolder("transcript", () => writeNew(at("transcript", entryName(number)), text)),
    addVerificationKey: (text) => writeResult(at("verification.json"), text),
  };
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Checks of a pack as a whole: its container, its seal, its files, its history and its keys. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import { unixTime } from "../formats/time.ts";
import { createVerifier, type Verifier } from "../verify/verifier.ts";
import { type Examination, invalid, unusable } from "./examination.ts";
import { folderFault, isAdded } from "./file-names.ts";
import { INDEX, isSealed, type PackCircuit, type PackIndex, packSha256, readIndex, textOf } from "./format.ts";
import type { Trust } from "./trust.ts";
import type { PackReading } from "./verdict.ts";
import { checkFiles, type PackFiles, unzipFiles } from "./zip.ts";

type Firm = Trust["firms"][number];

/** A pack's files and index, unverified. Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID` or `OUT_OF_RANGE`. */
function openFiles(pack: Uint8Array | PackFiles): { files: PackFiles; index: PackIndex } {
  const files = pack instanceof Uint8Array ? unzipFiles(pack) : new Map([...pack].filter(([name]) => !isAdded(name)));
  checkFiles(files);
  const content = files.get(INDEX);
  if (content === undefined) {
    const why = folderFault([...files.keys()]) ?? "it has no index";
    throw new PlimsollError("SYNTAX", `not a pack: ${why}`, { file: INDEX });
  }
  return { files, index: readIndex(textOf(INDEX, content)) };
}

/**
 * What a pack says of itself, unverified, so that a reader knows whom to ask about. Throws `SYNTAX` and the like.
 * @see docs/library.md#evidence-packs
 */
export const peekIndex = (pack: Uint8Array | PackFiles): PackIndex => openFiles(pack).index;

/** Opens a pack; `PACK_MALFORMED` where it is none. */
export function openPack(pack: Uint8Array | PackFiles): { files: PackFiles; index: PackIndex } {
  try {
    return openFiles(pack);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    throw unusable("PACK_MALFORMED", error.place.file ?? "", error.message);
  }
}

/** Checks the seal, and returns the firm by the name under which the reader knows it. */
export function checkSeal(examination: Examination): Firm {
  const { index, trust } = examination;
  const { signer } = index.firm;
  if (!isSealed(index)) {
    throw invalid("INDEX_UNSEALED", INDEX, "The signature over the index is not the one of the signer that it names.");
  }
  const firm = trust.firms.find((known) => known.signer === signer);
  if (firm === undefined) {
    const why = `Your trust settings do not name ${signer}, who sealed the pack.`;
    throw invalid("FIRM_UNTRUSTED", INDEX, why);
  }
  examination.holds(INDEX, `Sealed by ${signer}, a firm that you name.`);
  return firm;
}

/** Checks that the files are those of the index, no more and no fewer, and that a statement rests on each that is evidence. */
export function checkInventory(examination: Examination): void {
  const { index, files } = examination;
  const listed = new Map(index.files.map((file) => [file.path, file]));
  for (const path of files.keys()) {
    if (path !== INDEX && !listed.has(path)) throw invalid("FILE_UNLISTED", path, "The file is not in the index.");
  }
  for (const { path, bytes, sha256: expected } of listed.values()) {
    const content = files.get(path);
    if (content === undefined)
      throw invalid("FILE_MISSING", path, "The index lists the file, but the pack does not hold it.");
    if (content.length !== bytes || bytesToHex(sha256(content)) !== expected) {
      throw invalid("FILE_CHANGED", path, "The file is not the one that the firm sealed: its SHA-256 differs.");
    }
  }
  const used = new Set<string>(index.keys.map(({ file }) => file));
  for (const { proof, policy, market, account, values } of index.statements) {
    for (const path of [proof, policy, market, ...account.by, ...values.by]) used.add(path);
  }
  for (const { path, kind } of listed.values()) {
    if (kind !== "document" && kind !== "history" && !used.has(path)) {
      throw invalid("FILE_UNUSED", path, "The file is listed as evidence, but no statement rests on it.");
    }
  }
  const all = `All ${listed.size} files are there, nothing else is, and each has the SHA-256 that was sealed.`;
  examination.holds(INDEX, all);
}

/** Checks the earlier indexes, and that the pack continues what the reader has seen. Returns them, newest first. */
export function checkHistory(examination: Examination): PackReading["history"] {
  const { index, trust } = examination;
  const earlier = index.files
    .filter(({ kind }) => kind === "history")
    .map(({ path }) => ({ path, index: examination.read(path, readIndex) }))
    .sort((a, b) => (BigInt(a.index.number) > BigInt(b.index.number) ? -1 : 1));
  const chain: { number: string; sha256: string; created: string }[] = [];
  // A firm may seal by more than one key: what was seen from any of them is in one history.
  const signers = new Set([index.firm.signer]);
  let later = index;
  for (const { path, index: before } of earlier) {
    const sha256 = packSha256(before);
    const broken = (why: string) => invalid("HISTORY_BROKEN", path, why);
    if (later.previous !== sha256 || BigInt(later.number) !== BigInt(before.number) + 1n) {
      throw broken(`Pack ${later.number} names another pack as the one before it.`);
    }
    if (!isSealed(before)) throw broken("The signature is not the one of the signer that it names.");
    if (!trust.firms.some((firm) => firm.signer === before.firm.signer)) {
      throw broken("Your trust settings do not name its signer.");
    }
    if (unixTime(before.created) > unixTime(later.created))
      throw broken("The pack is dated after the one that follows it.");
    chain.push({ number: before.number, sha256, created: before.created });
    signers.add(before.firm.signer);
    later = before;
  }
  if (chain.length > 0) {
    examination.holds(INDEX, `The last ${chain.length} earlier packs are linked by hash and sealed.`);
  }
  for (const firm of trust.firms) if (signers.has(firm.signer)) checkContinuation(examination, firm, chain);
  return chain;
}

/** Whether the pack continues what the reader has seen from a signer. */
function checkContinuation(examination: Examination, firm: Firm, chain: PackReading["history"]): void {
  const { signer, seen } = firm;
  if (seen === undefined) return;
  const { index } = examination;
  const own = { number: index.number, sha256: packSha256(index) };
  if (BigInt(own.number) < seen.number) {
    const why = `You have seen pack ${seen.number} of this firm; this is number ${own.number}.`;
    examination.outdated("PACK_SUPERSEDED", INDEX, why);
    return;
  }
  const same = [own, ...chain].find(({ number }) => BigInt(number) === seen.number);
  if (same === undefined) {
    const why = `The history does not reach back to pack ${seen.number}, which you have seen.`;
    throw invalid("HISTORY_BROKEN", INDEX, why);
  }
  if (same.sha256 !== seen.sha256) {
    throw invalid("HISTORY_FORKED", INDEX, `You have seen another pack ${seen.number} from ${signer}.`);
  }
  examination.holds(INDEX, `The history continues from pack ${seen.number}, which you have seen.`);
}

/** Verifiers of keys that have been opened, by the SHA-256 of their file. */
export type OpenKeys = Map<string, Verifier<PackCircuit>>;

/** Opens the pack's keys, each of which the reader must name. */
export function openKeys(examination: Examination, opened: OpenKeys): PackReading["keys"] {
  const { index, trust } = examination;
  return index.keys.map((key) => {
    const { file, size } = key;
    const content = examination.content(file);
    const hash = bytesToHex(sha256(content));
    const named = trust.keys.find((known) => known.sha256 === hash && known.size === size);
    if (named === undefined) {
      throw invalid("KEY_UNTRUSTED", file, `Your trust settings do not name this verification key for ${size}.`);
    }
    const identity = { ...named, size };
    if (identity.r1csSha256 !== undefined && identity.r1csSha256 !== key.r1csSha256) {
      const why = `Your trust settings name another circuit for this key of ${size}.`;
      throw invalid("CIRCUIT_MISMATCH", INDEX, why);
    }
    try {
      if (!opened.has(hash)) opened.set(hash, createVerifier(content, identity));
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      throw invalid("KEY_UNSOUND", file, `The key must not be used: ${error.message}.`);
    }
    examination.holds(
      file,
      `The verification key for ${size} is one you name, of ${identity.origin} origin, and is sound.`,
    );
    return { ...key, ...identity };
  });
}

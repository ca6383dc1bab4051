// SPDX-License-Identifier: GPL-3.0-or-later
/** The files of a pack while it is put together, and the index that lists them. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { formatJson } from "../formats/json.ts";
import {
  type FileKind,
  INDEX,
  type PackContents,
  type PackFile,
  type PackIndex,
  readIndex,
  sealIndex,
  textOf,
} from "./format.ts";
import type { Signing } from "./typed-data.ts";
import type { PackFiles } from "./zip.ts";

/** Earlier indexes that a pack carries. */
const MAX_HISTORY = 50;

const FOLDERS = {
  proof: "proofs",
  policy: "policies",
  market: "markets",
  merge: "merges",
  attestation: "attestations",
  observations: "observations",
  chain: "chain",
} as const satisfies Partial<Record<FileKind, string>>;

export class PackDraft {
  readonly #files = new Map<string, Uint8Array>();
  readonly #listed: PackFile[] = [];
  readonly #paths = new Map<NamedText, string>();
  readonly #counts = new Map<string, number>();

  /** Adds a file. Throws `FILE` where its path is taken. */
  add(kind: FileKind, path: string, content: Uint8Array): string {
    if (this.#files.has(path)) throw new PlimsollError("FILE", "two files of the pack have this name", { file: path });
    this.#files.set(path, content);
    this.#listed.push({ path, kind, bytes: content.length, sha256: bytesToHex(sha256(content)) });
    return path;
  }

  /** The path of a document, which is added where it is not in the pack yet: numbered, in the folder of its kind. */
  pathOf(kind: keyof typeof FOLDERS, given: NamedText): string {
    const known = this.#paths.get(given);
    if (known !== undefined) return known;
    const folder = FOLDERS[kind];
    const number = (this.#counts.get(folder) ?? 0) + 1;
    this.#counts.set(folder, number);
    const path = this.add(kind, `${folder}/${number}.json`, utf8ToBytes(given.text));
    this.#paths.set(given, path);
    return path;
  }

  /** Adds a letter or note under a name that packs have, like the one given. */
  addLetter({ name, content }: { readonly name: string; readonly content: Uint8Array }): void {
    const plain = name
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, "-")
      .replace(/^[^a-z0-9]+/, "")
      .slice(-60);
    this.add("document", `documents/${plain === "" ? "document" : plain}`, content);
  }

  /** Adds the index of the pack before, and the earlier ones that it carries. Returns the former. */
  addHistory(previous: PackFiles): PackIndex {
    const content = previous.get(INDEX);
    if (content === undefined) throw new PlimsollError("SYNTAX", "the previous pack has no index", { file: INDEX });
    const before = readIndex(textOf(INDEX, content));
    this.add("history", `history/${before.number}.json`, content);
    const earlier = before.files
      .filter(({ kind }) => kind === "history")
      .flatMap(({ path }) => previous.get(path) ?? [])
      .map((index) => ({ index, number: readIndex(textOf("history", index)).number }))
      .sort((a, b) => (BigInt(a.number) > BigInt(b.number) ? -1 : 1));
    for (const { index, number } of earlier.slice(0, MAX_HISTORY - 1)) {
      this.add("history", `history/${number}.json`, index);
    }
    return before;
  }

  /** The pack's files with their sealed index. Throws as `readIndex` where the contents are none. */
  async seal(
    contents: Omit<PackContents, "format" | "files">,
    firm: Signing,
  ): Promise<{ files: PackFiles; index: PackIndex }> {
    const sealed = await sealIndex({ format: "plimsoll-pack/1", files: this.#listed, ...contents }, firm);
    const text = formatJson(sealed);
    const index = readIndex({ file: INDEX, text });
    return { files: new Map([...this.#files, [INDEX, utf8ToBytes(text)]]), index };
  }
}

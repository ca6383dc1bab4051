// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-pack/1`: the signed index of an evidence pack, `index.json`.
 *
 * The index lists every file with its hash, says for each statement what backs which part of it, and names the pack
 * before. The firm signs it (EIP-712). Its identity is the SHA-256 of its canonical JSON without the signature.
 */
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { documentSha256, type Json, type JsonLimits, type JsonValue, parseJson } from "../formats/json.ts";
import { unsigned64 } from "../formats/market.ts";
import { BOARD_SIZES } from "../model/sizes.ts";
import { circuitsOf } from "../statement/families.ts";
import { isPackPath } from "./file-names.ts";
import { recoverAddress, type Signing, type TypedData, typedDigest } from "./typed-data.ts";
import { PACK_LIMITS } from "./zip.ts";

export const INDEX = "index.json";
const FORMAT = "plimsoll-pack/1";
const LIMITS: JsonLimits = { length: 400_000, values: 6_000 };
const MAX_STATEMENTS = 64;

/** What backs a figure, from the strongest: a proof; a chain; somebody's signature; the firm's word. */
export const ASSURANCES = ["proven", "on-chain", "attested", "claimed"] as const;
/**
 * How a state of an account is known to be somebody's real account.
 * @see docs/library.md#evidence-packs
 */
export type Assurance = (typeof ASSURANCES)[number];

/** Circuits whose proofs packs hold. */
export const PACK_CIRCUITS = [...BOARD_SIZES, ...circuitsOf("merge")] as const;
export type PackCircuit = (typeof PACK_CIRCUITS)[number];

/** What a file is. A `document` is for people (a letter, a note) and is evidence of nothing. */
export const FILE_KINDS = [
  "proof",
  "policy",
  "market",
  "key",
  "merge",
  "attestation",
  "observations",
  "chain",
  "history",
  "document",
] as const;
export type FileKind = (typeof FILE_KINDS)[number];

export interface PackFile {
  readonly path: string;
  readonly kind: FileKind;
  readonly bytes: number;
  readonly sha256: string;
}

/** A level that is claimed, and the files that are to support it. */
export interface Grade {
  readonly level: Assurance;
  readonly by: readonly string[];
}

export interface PackStatement {
  readonly proof: string;
  readonly policy: string;
  readonly market: string;
  /** Of the sentence that the proof is of. */
  readonly level: Assurance;
  /** Of the commitment's being somebody's account, or the sum of such. */
  readonly account: Grade;
  /** Of prices and board values. */
  readonly values: Grade;
}

/** A verification key, and what its circuit was compiled from. */
export interface PackKey {
  /** Name of the circuit: for `Account` the size of its boards. */
  readonly size: PackCircuit;
  readonly file: string;
  readonly compiler: string;
  readonly sourcesSha256: string;
  readonly r1csSha256: string;
}

export interface PackContents {
  readonly format: typeof FORMAT;
  readonly name: string;
  /** What was asked, in the words of whoever asked. */
  readonly question: string;
  readonly firm: { readonly name: string; readonly signer: string };
  /** 1 for the firm's first pack. */
  readonly number: string;
  readonly created: string;
  /** SHA-256 of the pack before; null exactly for the first. */
  readonly previous: string | null;
  /** Name and version of what made it. */
  readonly software: string;
  readonly files: readonly PackFile[];
  readonly keys: readonly PackKey[];
  readonly statements: readonly PackStatement[];
  /** What the firm adds on its own word. */
  readonly claims: readonly { readonly level: Assurance; readonly text: string }[];
}

/**
 * The index of a pack: every file with its SHA-256, and what is stated.
 * @see docs/library.md#evidence-packs
 */
export interface PackIndex extends PackContents {
  readonly signature: string;
}

/**
 * Identity of a pack.
 * @see docs/library.md#evidence-packs
 */
export function packSha256(index: PackContents & { readonly signature?: string }): string {
  const { signature: _, ...contents } = index;
  return documentSha256(contents as unknown as Json);
}

function sealData(index: PackContents): TypedData {
  return {
    domain: { name: "Plimsoll Pack", version: "1" },
    type: "Pack",
    fields: [
      ["firm", "string"],
      ["name", "string"],
      ["number", "uint64"],
      ["created", "string"],
      ["previous", "bytes32"],
      ["index", "bytes32"],
    ],
    message: {
      firm: index.firm.name,
      name: index.name,
      number: BigInt(index.number),
      created: index.created,
      previous: `0x${index.previous ?? "0".repeat(64)}`,
      index: `0x${packSha256(index)}`,
    },
  };
}

export async function sealIndex(contents: PackContents, firm: Signing): Promise<PackIndex> {
  return { ...contents, signature: await firm.sign(sealData(contents)) };
}

/** Whether the signature is that of the signer the index names. Not whether anybody trusts that signer. */
export function isSealed(index: PackIndex): boolean {
  return recoverAddress(typedDigest(sealData(index)), index.signature) === index.firm.signer;
}

/**
 * Reads an index: its form, that paths are listed once and references are to files of their kind. Throws `SYNTAX`,
 * `TOO_LARGE`, `FIELD_INVALID` or `OUT_OF_RANGE`. Does NOT check the signature, nor any file.
 */
export function readIndex({ text, file }: NamedText): PackIndex {
  const top = parseJson(text, file, LIMITS).fields([
    "format",
    "name",
    "question",
    "firm",
    "number",
    "created",
    "previous",
    "software",
    "files",
    "keys",
    "statements",
    "claims",
    "signature",
  ]);
  top.format.literal(FORMAT);
  const firm = top.firm.fields(["name", "signer"]);
  const number = top.number.amount(unsigned64);
  const previous = top.previous.isNull() ? null : top.previous.sha256();
  if (number === 0n || (number === 1n) !== (previous === null)) {
    throw top.number.error("OUT_OF_RANGE", "expected 1 where there is no previous pack, and more where there is one");
  }

  const { files, reference } = readFiles(top.files);
  const index: PackIndex = {
    format: FORMAT,
    name: top.name.label(),
    question: top.question.label(),
    firm: { name: firm.name.label(), signer: firm.signer.hex(20) },
    number: number.toString(),
    created: top.created.time(),
    previous,
    software: top.software.label(),
    files,
    keys: readKeys(top.keys, reference),
    statements: top.statements.elements(1, MAX_STATEMENTS).map((element) => readStatement(element, reference)),
    claims: top.claims.elements(0, MAX_STATEMENTS).map((element) => {
      const fields = element.fields(["level", "text"]);
      return { level: fields.level.oneOf(ASSURANCES), text: fields.text.label() };
    }),
    signature: top.signature.string(),
  };
  // The identity is that of the text: nothing may be written in two ways.
  if (top.number.string() !== index.number) throw top.number.error("FIELD_INVALID", "expected a whole number");
  return index;
}

/** Reads the path of a listed file of one of these kinds. */
type Reference = (value: JsonValue, ...allowed: readonly FileKind[]) => string;

function readFiles(value: JsonValue): { files: readonly PackFile[]; reference: Reference } {
  const kinds = new Map<string, FileKind>();
  const files = value.elements(1, PACK_LIMITS.files).map((element) => {
    const fields = element.fields(["path", "kind", "bytes", "sha256"]);
    const path = fields.path.string();
    if (!isPackPath(path) || path === INDEX) throw fields.path.error("FIELD_INVALID", "not a path that packs have");
    if (kinds.has(path)) throw fields.path.error("FIELD_INVALID", "this path is listed already");
    const kind = fields.kind.oneOf(FILE_KINDS);
    kinds.set(path, kind);
    return { path, kind, bytes: fields.bytes.count(0, PACK_LIMITS.fileBytes), sha256: fields.sha256.sha256() };
  });
  const reference: Reference = (path, ...allowed) => {
    const kind = kinds.get(path.string());
    if (kind === undefined || !allowed.includes(kind)) {
      throw path.error("FIELD_INVALID", `expected the path of a listed file of kind ${allowed.join(" or ")}`);
    }
    return path.string();
  };
  return { files, reference };
}

function readKeys(value: JsonValue, reference: Reference): readonly PackKey[] {
  const sizes = new Set<PackCircuit>();
  return value.elements(1, PACK_CIRCUITS.length).map((element) => {
    const fields = element.fields(["size", "file", "compiler", "sourcesSha256", "r1csSha256"]);
    const size = fields.size.oneOf(PACK_CIRCUITS);
    if (sizes.has(size)) throw fields.size.error("FIELD_INVALID", "this size has a key already");
    sizes.add(size);
    return {
      size,
      file: reference(fields.file, "key"),
      compiler: fields.compiler.label(),
      sourcesSha256: fields.sourcesSha256.sha256(),
      r1csSha256: fields.r1csSha256.sha256(),
    };
  });
}

function readStatement(value: JsonValue, reference: Reference): PackStatement {
  const fields = value.fields(["proof", "policy", "market", "level", "account", "values"]);
  return {
    proof: reference(fields.proof, "proof"),
    policy: reference(fields.policy, "policy"),
    market: reference(fields.market, "market"),
    level: fields.level.oneOf(ASSURANCES),
    account: readGrade(fields.account, reference, "attestation", "merge", "chain"),
    values: readGrade(fields.values, reference, "observations", "chain"),
  };
}

function readGrade(value: JsonValue, reference: Reference, ...allowed: readonly FileKind[]): Grade {
  const { level, by } = value.fields(["level", "by"]);
  const paths = by.elements(0, PACK_LIMITS.files).map((path) => reference(path, ...allowed));
  if (new Set(paths).size !== paths.length) throw by.error("FIELD_INVALID", "the same file twice");
  return { level: level.oneOf(ASSURANCES), by: paths };
}

/** A document of the pack as text. Throws `SYNTAX`. */
export function textOf(path: string, content: Uint8Array): NamedText {
  try {
    return { file: path, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content) };
  } catch {
    throw new PlimsollError("SYNTAX", "not UTF-8 text", { file: path });
  }
}

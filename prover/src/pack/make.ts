// SPDX-License-Identifier: GPL-3.0-or-later
/** Puts an evidence pack together out of proofs and what backs them, at the highest levels that the evidence supports. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { readMerge } from "../document/merge.ts";
import { readEnvelope } from "../document/proof.ts";
import { PlimsollError } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { formatJson, type Json } from "../formats/json.ts";
import { readMarket } from "../formats/market.ts";
import { readPolicy } from "../formats/policy.ts";
import { circuitOf } from "../statement/families.ts";
import { createVerifier, type KeyIdentity, parsePublicSignals } from "../verify/verifier.ts";
import {
  type Attestation,
  attestationDigest,
  observationsFault,
  readAttestation,
  readChainReference,
  readObservations,
} from "./evidence.ts";
import {
  type FileKind,
  INDEX,
  type PackCircuit,
  type PackContents,
  type PackFile,
  type PackIndex,
  packSha256,
  readIndex,
  sealIndex,
  textOf,
} from "./format.ts";
import { mergesOf, partsOf } from "./merge-tree.ts";
import type { Trust } from "./trust.ts";
import type { Signing } from "./typed-data.ts";
import { createPackVerifier } from "./verify.ts";
import type { PackFiles } from "./zip.ts";

/** A verification key as a file, and what is known of its circuit. */
export interface KeySource {
  readonly identity: KeyIdentity<PackCircuit>;
  readonly file: Uint8Array;
  readonly compiler: string;
  readonly sourcesSha256: string;
  readonly r1csSha256: string;
}

export interface PackSource {
  /** Words of 1 to 200 visible characters: what the pack is, what was asked, who the firm is. */
  readonly name: string;
  readonly question: string;
  readonly firm: string;
  /** Name and version of the program. */
  readonly software: string;
  /** For example `2026-11-22T09:00:00Z`. */
  readonly created: string;
  /** One or more. */
  readonly proofs: readonly NamedText[];
  /** All that the proofs were made under; found by their hashes. */
  readonly policies: readonly NamedText[];
  readonly markets: readonly NamedText[];
  readonly keyFor: (size: PackCircuit) => Promise<KeySource>;
  /** Of proofs whose account is a sum of others; found by their commitments. */
  readonly merges?: readonly NamedText[];
  readonly attestations?: readonly NamedText[];
  readonly observations?: readonly NamedText[];
  readonly chain?: readonly NamedText[];
  /** Texts on the firm's own word. */
  readonly claims?: readonly string[];
  /** Letters and the like; the name becomes the file's. */
  readonly documents?: readonly { readonly name: string; readonly content: Uint8Array }[];
  /** The pack before this one. */
  readonly previous?: PackFiles;
}

/** Earlier indexes that a pack carries. */
const MAX_HISTORY = 50;

/**
 * Makes and seals a pack. What it returns, its own verifier accepts from a reader who trusts all who signed in it.
 *
 * Throws what the readers of the files throw; `UNKNOWN_NAME` where a proof's policy or market is not given, or evidence
 * backs nothing; `PROOF_REFUSED`, with the check that failed, where the verifier does not accept the result.
 */
export async function makePack(source: PackSource, firm: Signing): Promise<PackFiles> {
  const files = new Map<string, Uint8Array>();
  const listed: PackFile[] = [];
  const counts = new Map<string, number>();
  const add = (kind: FileKind, path: string, content: Uint8Array) => {
    if (files.has(path)) throw new PlimsollError("FILE", "two files of the pack have this name", { file: path });
    files.set(path, content);
    listed.push({ path, kind, bytes: content.length, sha256: bytesToHex(sha256(content)) });
    return path;
  };
  const numbered = (kind: FileKind, folder: string, given: NamedText) => {
    const number = (counts.get(folder) ?? 0) + 1;
    counts.set(folder, number);
    return add(kind, `${folder}/${number}.json`, utf8ToBytes(given.text));
  };
  const once = (kind: FileKind, folder: string) => {
    const paths = new Map<NamedText, string>();
    return (given: NamedText) => {
      const path = paths.get(given) ?? numbered(kind, folder, given);
      paths.set(given, path);
      return path;
    };
  };

  const policies = source.policies.map((given) => ({ given, policy: readPolicy(given.text, given.file) }));
  const merges = (source.merges ?? []).map((given) => {
    const { size, publicSignals } = readMerge(given);
    const [left, right, merged] = signalsOf(publicSignals, circuitOf("merge", size), given);
    return { given, size, left: left!, right: right!, merged: merged! };
  });
  const attestations = (source.attestations ?? []).map((given) => ({ given, read: readAttestation(given) }));
  const observations = (source.observations ?? []).map((given) => ({ given, read: readObservations(given) }));
  const chain = (source.chain ?? []).map((given) => ({ given, read: readChainReference(given) }));
  const backs = new Set<NamedText>();
  const paths = {
    policy: once("policy", "policies"),
    market: once("market", "markets"),
    merge: once("merge", "merges"),
    attestation: once("attestation", "attestations"),
    observations: once("observations", "observations"),
    chain: once("chain", "chain"),
  };
  const keys = new Map<PackCircuit, KeySource>();
  const keyOf = async (circuit: PackCircuit): Promise<KeySource> => {
    const key = keys.get(circuit) ?? (await source.keyFor(circuit));
    keys.set(circuit, key);
    return key;
  };

  const statements: PackContents["statements"][number][] = [];
  for (const given of source.proofs) {
    const envelope = readEnvelope(given);
    const { size, statement } = envelope;
    const under = policies.find(({ policy }) => policy.sha256 === envelope.policySha256);
    if (under === undefined) throw unknown("the policy of this proof is not among those given", given);
    const market = source.markets
      .map((text) => ({ text, market: readable(() => readMarket(text.text, text.file, under.policy)) }))
      .find(({ market }) => market?.sha256 === envelope.marketSha256);
    if (market?.market === undefined) throw unknown("the market of this proof is not among those given", given);
    const signals = signalsOf(envelope.publicSignals, size, given);
    const key = await keyOf(size);

    const still = statement.fill === "none" && statement.transfer.amount === "0";
    const merging = still
      ? mergesOf(
          signals[0]!,
          merges.filter((merge) => merge.size === size),
        )
      : [];
    if (merging.length > 0) await keyOf(circuitOf("merge", size));
    const sum = partsOf(
      signals[0]!,
      merging.map(({ given: { file }, ...states }) => ({ file, ...states })),
    );
    if (!sum.ok) throw new PlimsollError("PROOF_REFUSED", sum.sentence, { file: sum.file });
    const states = merging.length > 0 ? [...sum.parts.keys()] : signals.slice(still ? 0 : 1, 2);
    const vouching = attestations.filter(
      ({ read }) => read.vouched.size === size && states.includes(read.vouched.commitment),
    );
    const digests = vouching
      .filter(({ read }) => read.signature.kind === "erc1271")
      .map(({ read }) => attestationDigest(read));
    const onChain = chain.filter(({ read }) => read.kind === "account" && states.includes(read.value));
    const signed = chain.filter(({ read }) => read.kind === "signature" && digests.includes(read.subject));
    const observed = observations.filter(({ read }) => {
      const { chainId, contract, board, reports } = read;
      const oracle = { chainId, contract, board, reporters: reports.map(({ reporter }) => reporter), quorum: 1 };
      return observationsFault(read, market.market!, oracle) === undefined;
    });
    const opened = chain.filter(({ read }) => {
      if (read.kind !== "market") return false;
      const { x, y } = createVerifier(key.file, key.identity).marketPoint(signals.map(BigInt) as FieldElement[]);
      return read.value === `${x},${y}`;
    });
    for (const { given } of [...merging, ...vouching, ...onChain, ...signed, ...observed, ...opened]) backs.add(given);
    const level = (chained: number, attested: number) =>
      chained > 0 ? "on-chain" : attested > 0 ? "attested" : "claimed";
    statements.push({
      proof: numbered("proof", "proofs", given),
      policy: paths.policy(under.given),
      market: paths.market(market.text),
      level: "proven",
      account: {
        level: level(onChain.length, vouching.length),
        by: [
          ...merging.map(({ given }) => paths.merge(given)),
          ...vouching.map(({ given }) => paths.attestation(given)),
          ...[...onChain, ...signed].map(({ given }) => paths.chain(given)),
        ],
      },
      values: {
        level: level(opened.length, observed.length),
        by: [
          ...observed.map(({ given }) => paths.observations(given)),
          ...opened.map(({ given }) => paths.chain(given)),
        ],
      },
    });
  }
  const idle = [...merges, ...attestations, ...observations, ...chain].find(({ given }) => !backs.has(given));
  if (idle !== undefined) throw unknown("it backs none of the proofs", idle.given);

  for (const [size, { file }] of keys) add("key", `keys/${size}.json`, file);
  for (const { name, content } of source.documents ?? []) add("document", `documents/${fileName(name)}`, content);
  const before = source.previous === undefined ? undefined : addHistory(source.previous);

  const index = await sealIndex(
    {
      format: "plimsoll-pack/1",
      name: source.name,
      question: source.question,
      firm: { name: source.firm, signer: firm.address },
      number: before === undefined ? "1" : (BigInt(before.number) + 1n).toString(),
      created: source.created,
      previous: before === undefined ? null : packSha256(before),
      software: source.software,
      files: listed,
      keys: [...keys].map(([size, { compiler, sourcesSha256, r1csSha256 }]) => ({
        size,
        file: `keys/${size}.json`,
        compiler,
        sourcesSha256,
        r1csSha256,
      })),
      statements,
      claims: (source.claims ?? []).map((text) => ({ level: "claimed", text })),
    },
    firm,
  );
  files.set(INDEX, utf8ToBytes(formatJson(index as unknown as Json)));
  // Its own words, before its verdict: a name that is none is the caller's mistake.
  readIndex(textOf(INDEX, files.get(INDEX)!));

  const trust: Trust = {
    firms: [firm.address, ...(before === undefined ? [] : [before.firm.signer])].map((signer) => ({
      name: "firm",
      signer,
    })),
    keys: [...keys.values()].map(({ identity }) => identity),
    maxAge: Number.MAX_SAFE_INTEGER,
    attesters: attestations.map(({ read }) => read.attester),
    oracles: observations.map(({ read: { chainId, contract, board, reports } }) => ({
      chainId,
      contract,
      board,
      reporters: reports.map(({ reporter }) => reporter),
      quorum: 1,
    })),
    chain: chain.map(({ read }) => read),
  };
  const verdict = await createPackVerifier(trust).verify(files, new Date(source.created));
  if (!verdict.ok) {
    const { code, file, sentence } = verdict.finding;
    throw new PlimsollError(
      "PROOF_REFUSED",
      `the pack would not verify (${code}): ${sentence}`,
      file === "" ? {} : { file },
    );
  }
  return files;

  function addHistory(previous: PackFiles): PackIndex {
    const content = previous.get(INDEX);
    if (content === undefined) throw new PlimsollError("SYNTAX", "the previous pack has no index", { file: INDEX });
    const index = readIndex(textOf(INDEX, content));
    add("history", `history/${index.number}.json`, content);
    const earlier = index.files.filter(({ kind }) => kind === "history").map(({ path }) => previous.get(path));
    const read = earlier
      .filter((content) => content !== undefined)
      .map((content) => ({ content, number: readIndex(textOf("history", content)).number }))
      .sort((a, b) => (BigInt(a.number) > BigInt(b.number) ? -1 : 1));
    for (const { content, number } of read.slice(0, MAX_HISTORY - 1)) add("history", `history/${number}.json`, content);
    return index;
  }
}

/** The trust file of a reader, as text to be looked through and edited. */
export function trustDocument(trust: {
  readonly firms: readonly { readonly name: string; readonly signer: string }[];
  readonly keys: readonly (KeyIdentity<PackCircuit> & { readonly r1csSha256?: string })[];
  readonly maxAgeSeconds: number;
  readonly attesters?: readonly Attestation["attester"][];
}): string {
  const { firms, keys, maxAgeSeconds, attesters = [] } = trust;
  return formatJson({ format: "plimsoll-trust/1", firms, keys, maxAgeSeconds, attesters } as unknown as Json);
}

/** Public signals as decimal numbers. Throws `PROOF_REFUSED` where they are none of the circuit. */
function signalsOf(given: readonly string[], circuit: PackCircuit, { file }: NamedText): string[] {
  const parsed = parsePublicSignals(given, circuit);
  if (!parsed.ok) throw new PlimsollError("PROOF_REFUSED", parsed.detail, { file });
  return parsed.signals.map(String);
}

function readable<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlimsollError) return undefined;
    throw error;
  }
}

/** A name that packs have, like the one given. */
function fileName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(-60);
  return plain === "" ? "document" : plain;
}

const unknown = (why: string, { file }: NamedText) => new PlimsollError("UNKNOWN_NAME", why, { file });

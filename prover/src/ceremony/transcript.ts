// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The transcript of a ceremony: numbered entries, each naming the SHA-256 of the one before.
 *
 * Whoever publishes the hash of an entry vouches for all entries before it. That is how a beacon is known to have been
 * announced before the last contribution: the contributor publishes a hash that covers the announcement. Read here are
 * form, chain and order; whether a ceremony keeps its rules, and whether keys are what entries say, `verify.ts` checks.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { formatJson, type Json, type JsonValue, parseJson } from "../formats/json.ts";
import { isLabel } from "../formats/labels.ts";
import { timeText } from "../formats/time.ts";

const FORMAT = "plimsoll-ceremony/1";
const LIMITS = { length: 10_000, values: 100 };
/** Names of entries have three digits. */
const MAX_ENTRIES = 1000;
/** That a start may ask for: as many shares of the link key, start, announcement, beacon and final have room beside them. */
export const MAX_CONTRIBUTORS = (MAX_ENTRIES - 4) / 2;
const MAX_PUBLICS = 1 << 20;
/** What a key has room for, and a line for the eye. */
const MAX_NAME_BYTES = 64;

interface Common {
  readonly number: number;
  /** SHA-256 of the entry before; null of the first. */
  readonly previous: string | null;
  /** UTC, by the clock of whoever wrote the entry. */
  readonly time: string;
}

export interface Start extends Common {
  readonly kind: "start";
  /** `ceremony`: by the rules for production. `rehearsal`: with a phase 1, a circuit, a beacon of one's own. */
  readonly origin: "ceremony" | "rehearsal";
  readonly circuit: { readonly name: string; readonly r1csSha256: string };
  readonly phase1: { readonly blake2b: string };
  /** Number of the first public input that the circuit's link key links; absent where there is no link key. */
  readonly linkedFrom?: number;
  /** How many contributions there must be at least, to the key and to the link key. */
  readonly contributors: number;
  /** Identifies circuit and phase 1 in every key that follows. */
  readonly circuitHash: string;
  readonly keySha256: string;
}

export interface Contribution extends Common {
  readonly kind: "contribution";
  readonly name: string;
  readonly contributionHash: string;
  readonly keySha256: string;
}

export interface Announcement extends Common {
  readonly kind: "announcement";
  readonly beacon:
    | { readonly source: "drand-quicknet"; readonly round: number }
    /** Something else that everybody will be able to look up; in words, and checked by nobody here. */
    | { readonly source: "stated"; readonly words: string };
}

export interface Beacon extends Common {
  readonly kind: "beacon";
  readonly value: string;
  /** Of a drand round. */
  readonly signature?: string;
  readonly contributionHash: string;
  readonly keySha256: string;
}

/** A share of the link key's secrets: what it adds is in the key, and that somebody knows it is proven here. */
export interface LinkShare extends Common {
  readonly kind: "link";
  readonly name: string;
  /** The share of each secret times the generator of G2, 256 hexadecimal digits each. */
  readonly shares: { readonly k1: string; readonly k2: string };
  /** Schnorr's proof of knowledge: points of the same form, and numbers of 64 digits. */
  readonly proof: { readonly r1: string; readonly r2: string; readonly z1: string; readonly z2: string };
  readonly linkKeySha256: string;
}

export interface Final extends Common {
  readonly kind: "final";
  readonly verificationKeySha256: string;
  readonly linkKeySha256?: string;
}

export type Entry = Start | Contribution | Announcement | Beacon | LinkShare | Final;

export interface Transcript {
  readonly files: readonly NamedText[];
  readonly entries: readonly Entry[];
  readonly start: Start;
  readonly contributions: readonly Contribution[];
  readonly announcement: Announcement | undefined;
  readonly beacon: Beacon | undefined;
  readonly links: readonly LinkShare[];
  readonly final: Final | undefined;
  /** SHA-256 of the newest key. */
  readonly keySha256: string;
  /** SHA-256 of the newest entry. */
  readonly head: string;
}

/** Each kind's members after the common ones. */
const READERS: {
  readonly [Kind in Entry["kind"]]: (value: JsonValue) => Omit<Extract<Entry, { kind: Kind }>, keyof Common>;
} = {
  start(value) {
    const required = ["origin", "circuit", "phase1", "contributors", "circuitHash", "keySha256", ...COMMON] as const;
    const fields = value.fields(required, ["linkedFrom"]);
    const circuit = fields.circuit.fields(["name", "r1csSha256"]);
    return {
      kind: "start",
      origin: fields.origin.oneOf(["ceremony", "rehearsal"]),
      circuit: { name: circuit.name.symbol(), r1csSha256: circuit.r1csSha256.sha256() },
      phase1: { blake2b: digits(fields.phase1.fields(["blake2b"]).blake2b, 128) },
      ...(fields.linkedFrom && { linkedFrom: fields.linkedFrom.count(1, MAX_PUBLICS) }),
      contributors: fields.contributors.count(1, MAX_CONTRIBUTORS),
      circuitHash: digits(fields.circuitHash, 128),
      keySha256: fields.keySha256.sha256(),
    };
  },
  contribution(value) {
    const { name, contributionHash, keySha256 } = value.fields(["name", "contributionHash", "keySha256", ...COMMON]);
    return {
      kind: "contribution",
      name: name.check(() => contributorName(name.string())),
      contributionHash: digits(contributionHash, 128),
      keySha256: keySha256.sha256(),
    };
  },
  announcement(value) {
    const { beacon } = value.fields(["beacon", ...COMMON]);
    const { source, round, words } = beacon.fields(["source"], ["round", "words"]);
    if (source.oneOf(["drand-quicknet", "stated"]) === "stated") {
      beacon.fields(["source", "words"]);
      return { kind: "announcement", beacon: { source: "stated", words: words!.label() } };
    }
    beacon.fields(["source", "round"]);
    return { kind: "announcement", beacon: { source: "drand-quicknet", round: round!.count(1, 999_999_999) } };
  },
  beacon(value) {
    const fields = value.fields(["value", "contributionHash", "keySha256", ...COMMON], ["signature"]);
    return {
      kind: "beacon",
      value: digits(fields.value, 64),
      ...(fields.signature === undefined ? {} : { signature: digits(fields.signature, 96) }),
      contributionHash: digits(fields.contributionHash, 128),
      keySha256: fields.keySha256.sha256(),
    };
  },
  link(value) {
    const { name, shares, proof, linkKeySha256 } = value.fields([
      "name",
      "shares",
      "proof",
      "linkKeySha256",
      ...COMMON,
    ]);
    const { k1, k2 } = shares.fields(["k1", "k2"]);
    const { r1, r2, z1, z2 } = proof.fields(["r1", "r2", "z1", "z2"]);
    return {
      kind: "link",
      name: name.check(() => contributorName(name.string())),
      shares: { k1: digits(k1, 256), k2: digits(k2, 256) },
      proof: { r1: digits(r1, 256), r2: digits(r2, 256), z1: digits(z1, 64), z2: digits(z2, 64) },
      linkKeySha256: linkKeySha256.sha256(),
    };
  },
  final(value) {
    const fields = value.fields(["verificationKeySha256", ...COMMON], ["linkKeySha256"]);
    return {
      kind: "final",
      verificationKeySha256: fields.verificationKeySha256.sha256(),
      ...(fields.linkKeySha256 && { linkKeySha256: fields.linkKeySha256.sha256() }),
    };
  },
};
const COMMON = ["format", "number", "previous", "time", "kind"] as const;
const KINDS = ["start", "contribution", "announcement", "beacon", "link", "final"] as const;

function digits(value: JsonValue, length: number): string {
  const text = value.string();
  if (text.length === length && /^[0-9a-f]*$/.test(text)) return text;
  throw value.error("FIELD_INVALID", `expected ${length} lower-case hexadecimal digits`);
}

/** A contributor's name: visible characters, at most 64 bytes. Throws FIELD_INVALID. */
export function contributorName(text: string): string {
  if (isLabel(text) && utf8ToBytes(text).length <= MAX_NAME_BYTES) return text;
  throw new PlimsollError("FIELD_INVALID", "expected a name of 1 to 64 bytes, visible characters only");
}

/** A refusal by a rule of ceremonies. */
export function refusal(rule: string, sentence: string, file?: string): PlimsollError {
  return new PlimsollError("CEREMONY_REFUSED", `${rule}: ${sentence}`, file === undefined ? {} : { file });
}

/** Reads all entries, in order. Throws as the JSON reader does, CEREMONY_REFUSED where chain, order or times are not right. */
export function readTranscript(files: readonly NamedText[]): Transcript {
  const entries: Entry[] = [];
  let head: string | null = null;
  for (const [number, { text, file }] of files.entries()) {
    const value = parseJson(text, file, LIMITS);
    const { format, number: own, previous, time, kind } = value.fields(COMMON, MEMBERS);
    format.literal(FORMAT);
    const read = READERS[kind.oneOf(KINDS)](value);
    if (own.count(0, MAX_ENTRIES - 1) !== number || (previous.isNull() ? null : previous.sha256()) !== head) {
      throw refusal("TRANSCRIPT_CHAIN", "the entry does not follow from the one before", file);
    }
    const before = entries.at(-1);
    if (before !== undefined && time.time() < before.time) {
      throw refusal("TRANSCRIPT_CHAIN", "the entry is older than the one before", file);
    }
    if (!follows(before?.kind, read.kind)) {
      throw refusal(
        "TRANSCRIPT_ORDER",
        `no ${read.kind} may follow ${before === undefined ? "nothing" : `a ${before.kind}`}`,
        file,
      );
    }
    if (read.kind === "announcement" && entries.some((entry) => entry.kind === "announcement")) {
      throw refusal("BEACON_ANNOUNCED_TWICE", "there is one beacon, chosen once", file);
    }
    entries.push({ number, previous: head, time: time.time(), ...read } as Entry);
    head = bytesToHex(sha256(utf8ToBytes(text)));
  }
  if (head === null) throw refusal("TRANSCRIPT_MISSING", "there is no transcript");
  const all = <Kind extends Entry["kind"]>(kind: Kind) =>
    entries.filter((entry): entry is Extract<Entry, { kind: Kind }> => entry.kind === kind);
  const { keySha256 } = entries.filter((entry) => "keySha256" in entry).at(-1)!;
  return {
    files,
    entries,
    start: all("start")[0]!,
    contributions: all("contribution"),
    announcement: all("announcement")[0],
    beacon: all("beacon")[0],
    links: all("link"),
    final: all("final")[0],
    keySha256,
    head,
  };
}

const MEMBERS = [
  ...["origin", "circuit", "phase1", "contributors", "circuitHash", "keySha256", "name", "contributionHash"],
  ...["beacon", "value", "signature", "verificationKeySha256", "linkedFrom", "shares", "proof", "linkKeySha256"],
];

function follows(before: Entry["kind"] | undefined, kind: Entry["kind"]): boolean {
  switch (kind) {
    case "start":
      return before === undefined;
    case "link":
    case "final":
      return before === "beacon" || before === "link";
    default:
      return before === "start" || before === "contribution" || before === "announcement";
  }
}

/** What an entry of each kind says, without its place in the chain. */
export type EntryContent<E = Entry> = E extends Entry ? Omit<E, keyof Common> : never;

/** File name of an entry. */
export const entryName = (number: number): string => `${String(number).padStart(3, "0")}.json`;

/** The transcript with one more entry. Throws CEREMONY_REFUSED where it may not follow. */
export function append(transcript: Transcript | undefined, content: EntryContent, now: Date): Transcript {
  const { kind, ...members } = content;
  const number = transcript?.entries.length ?? 0;
  const text = formatJson({
    format: FORMAT,
    number,
    previous: transcript?.head ?? null,
    time: timeText(now),
    kind,
    ...(members as { readonly [key: string]: Json }),
  });
  return readTranscript([...(transcript?.files ?? []), { text, file: entryName(number) }]);
}

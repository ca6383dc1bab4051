// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The strict verdict on an evidence pack, offline and without secrets.
 *
 * Every choice is the reader's: whom to trust for what, which keys, how old is too old, what day it is. A pack brings
 * evidence and says how strong it is; a level that its evidence does not support is a failure and not a downgrade.
 * Shares no code with what makes proofs, and runs in a browser.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { readMerge, verifyMerge } from "../document/merge.ts";
import {
  type Caveat,
  type EnvelopeRefusal,
  readEnvelope,
  type StatementDocument,
  verifyEnvelope,
} from "../document/proof.ts";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { canonicalJson, type Json } from "../formats/json.ts";
import { listingSha256, type MarketFile, readMarket } from "../formats/market.ts";
import { readPolicy } from "../formats/policy.ts";
import { type KeyOrigin, keyCaveat } from "../keys/origin.ts";
import type { BoardSize } from "../model/sizes.ts";
import { type CircuitOf, circuitOf } from "../statement/families.ts";
import { createVerifier, type KeyIdentity, parsePublicSignals, type Verifier } from "../verify/verifier.ts";
import {
  type Attestation,
  attestationDigest,
  type ChainReference,
  isAttested,
  observationsFault,
  readAttestation,
  readChainReference,
  readObservations,
} from "./evidence.ts";
import {
  type Assurance,
  type Graded,
  INDEX,
  isSealed,
  type PackCircuit,
  type PackIndex,
  type PackKey,
  type PackStatement,
  packSha256,
  readIndex,
  textOf,
  unixTime,
} from "./format.ts";
import { type Merge, partsOf } from "./merge-tree.ts";
import type { Trust } from "./trust.ts";
import { checkFiles, type PackFiles, unzipFiles } from "./zip.ts";

/** Nobody can say anything about it: it is no pack, or the reader has not said enough. */
export type Unusable =
  | "PACK_MALFORMED"
  /** No firm or no key is trusted: there is nothing to compare with. */
  | "TRUST_INCOMPLETE"
  /** The pack rests on what a chain holds, and the reader has not looked it up. */
  | "CHAIN_UNCONFIRMED";

export type Invalid =
  | EnvelopeRefusal
  | "INDEX_UNSEALED"
  | "FIRM_UNTRUSTED"
  | "FILE_MISSING"
  | "FILE_UNLISTED"
  | "FILE_CHANGED"
  | "FILE_UNUSED"
  | "FILE_MALFORMED"
  | "HISTORY_BROKEN"
  | "HISTORY_FORKED"
  | "KEY_UNTRUSTED"
  | "KEY_UNSOUND"
  | "KEY_MISSING"
  | "CIRCUIT_MISMATCH"
  | "POLICY_UNTRUSTED"
  | "ATTESTER_UNTRUSTED"
  | "ATTESTATION_UNSIGNED"
  | "ATTESTATION_MISUSED"
  /** A merge given for a proof that moves something, so that its account is no sum. */
  | "MERGE_MISUSED"
  /** The merges are no tree whose root is the account proven. */
  | "MERGE_DETACHED"
  /** An account is in the sum twice. */
  | "STATE_COUNTED_TWICE"
  /** An account is in the sum, and nobody vouches for it. */
  | "PART_UNATTESTED"
  /** What was vouched for may be, in part, the same twice. */
  | "PARTS_OVERLAP"
  | "CHAIN_CONTRADICTED"
  /** The account is on one chain, the market on another. */
  | "CHAINS_DIFFER"
  /** The rows valued bear other names or lots than the reader's listing of the board. */
  | "LISTING_UNEXPECTED"
  | "OBSERVATIONS_REFUSED"
  | "LEVEL_UNSUPPORTED"
  | "TIME_ORDER";

/** True at its time, and the reader should ask for a newer one. */
export type Stale =
  | "MARKET_OLD"
  | "HOLDINGS_OLD"
  | "ATTESTATION_EXPIRED"
  | "POLICY_SUPERSEDED"
  | "PACK_SUPERSEDED"
  | "PACK_FROM_THE_FUTURE";

export interface Finding<Code extends string = string> {
  readonly code: Code;
  /** Path in the pack. */
  readonly file: string;
  readonly sentence: string;
}

/** Something that was checked and holds. */
export interface Check {
  readonly file: string;
  readonly sentence: string;
}

/** Who stands behind a figure. */
export interface Voucher {
  readonly file: string;
  /** The name that the reader knows, or what the chain reference points at. */
  readonly name: string;
  readonly address: string;
  /** What for, in words. */
  readonly words: string;
  readonly time: string;
}

export interface ProvenStatement {
  readonly files: PackStatement;
  readonly statement: StatementDocument;
  readonly size: BoardSize;
  readonly key: KeyIdentity;
  readonly stateBefore: string;
  readonly stateAfter: string;
  readonly policy: { readonly name: string; readonly sha256: string; readonly trusted: boolean };
  readonly marketSha256: string;
  readonly level: Assurance;
  /** `parts`: how many accounts the account is the sum of; 1 where it is none. */
  readonly account: { readonly level: Assurance; readonly by: readonly Voucher[]; readonly parts: number };
  readonly values: { readonly level: Assurance; readonly by: readonly Voucher[] };
  /** What is not shown. Never empty. */
  readonly notProven: readonly { readonly code: string; readonly text: string }[];
}

/** What a pack says, checked. */
export interface PackReading {
  readonly index: PackIndex;
  readonly sha256: string;
  /** The name by which the reader knows the firm. */
  readonly firm: string;
  readonly statements: readonly ProvenStatement[];
  readonly keys: readonly (PackKey & KeyIdentity<PackCircuit>)[];
  /** Numbers of the earlier packs whose indexes are here, newest first. */
  readonly history: readonly { readonly number: string; readonly sha256: string; readonly created: string }[];
}

export type PackVerdict =
  | {
      readonly ok: true;
      readonly outcome: "valid" | "not-current";
      /** Why it is not current; empty where it is. */
      readonly stale: readonly Finding<Stale>[];
      readonly reading: PackReading;
      readonly checks: readonly Check[];
    }
  | {
      readonly ok: false;
      readonly outcome: "invalid" | "unusable";
      readonly finding: Finding<Invalid | Unusable>;
      /** What held before that. */
      readonly checks: readonly Check[];
    };

export interface PackVerifier {
  /**
   * The verdict on a pack, as a zip or as its files, on the day that the reader says it is. Never throws for what is in
   * the pack.
   */
  verify(pack: Uint8Array | PackFiles, now: Date): Promise<PackVerdict>;
}

/** Thrown and caught in this file only. */
class Failure extends Error {
  readonly finding: Finding<Invalid | Unusable>;
  readonly outcome: "invalid" | "unusable";
  constructor(outcome: "invalid" | "unusable", code: Invalid | Unusable, file: string, sentence: string) {
    super(sentence);
    this.outcome = outcome;
    this.finding = { code, file, sentence };
  }
}

/** Clocks may differ by this much, in seconds. */
const SKEW = 300;

/** A verifier for one reader. It keeps the keys it has opened: the first pack under a key takes longest. */
export function createPackVerifier(trust: Trust): PackVerifier {
  const opened = new Map<string, Verifier<PackCircuit>>();
  return {
    async verify(pack, now) {
      const checks: Check[] = [];
      try {
        const { reading, stale } = await new Reader(trust, opened, checks, Math.floor(now.getTime() / 1000)).read(pack);
        return { ok: true, outcome: stale.length === 0 ? "valid" : "not-current", stale, reading, checks };
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        return { ok: false, outcome: error.outcome, finding: error.finding, checks };
      }
    },
  };
}

/** What a pack says of itself, unverified, so that a reader knows whom to ask about. Throws `SYNTAX` and the like. */
export function peekIndex(pack: Uint8Array | PackFiles): PackIndex {
  const files = pack instanceof Uint8Array ? unzipFiles(pack) : pack;
  checkFiles(files);
  const content = files.get(INDEX);
  if (content === undefined) throw new PlimsollError("SYNTAX", "not a pack: it has no index", { file: INDEX });
  return readIndex(textOf(INDEX, content));
}

class Reader {
  readonly #trust: Trust;
  readonly #opened: Map<string, Verifier<PackCircuit>>;
  readonly #checks: Check[];
  readonly #now: number;
  readonly #stale: Finding<Stale>[] = [];
  /** By file, audience and size: several statements may rest on one sum. */
  readonly #merged = new Map<string, Merge>();
  #files: PackFiles = new Map();
  #index!: PackIndex;

  constructor(trust: Trust, opened: Map<string, Verifier<PackCircuit>>, checks: Check[], now: number) {
    this.#trust = trust;
    this.#opened = opened;
    this.#checks = checks;
    this.#now = now;
  }

  async read(pack: Uint8Array | PackFiles): Promise<{ reading: PackReading; stale: Finding<Stale>[] }> {
    try {
      this.#files = pack instanceof Uint8Array ? unzipFiles(pack) : pack;
      this.#index = peekIndex(this.#files);
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      throw new Failure("unusable", "PACK_MALFORMED", error.place.file ?? "", error.message);
    }
    if (this.#trust.firms.length === 0 || this.#trust.keys.length === 0) {
      const why = "Your trust settings name no firm or no verification key, so there is nothing to compare with.";
      throw new Failure("unusable", "TRUST_INCOMPLETE", "", why);
    }
    const firm = this.#seal();
    this.#listed();
    const history = this.#history();
    const keys = this.#keys();
    const statements: ProvenStatement[] = [];
    for (const statement of this.#index.statements) statements.push(await this.#statement(statement));
    for (const { level } of this.#index.claims) {
      if (level !== "claimed") {
        this.#fail("LEVEL_UNSUPPORTED", INDEX, `A text of the firm's own is "${level}", and nothing can back it.`);
      }
    }
    if (unixTime(this.#index.created) > this.#now + SKEW) {
      this.#old("PACK_FROM_THE_FUTURE", INDEX, `The pack is dated ${this.#index.created}, after your date.`);
    }
    const sha256 = packSha256(this.#index);
    return { reading: { index: this.#index, sha256, firm: firm.name, statements, keys, history }, stale: this.#stale };
  }

  #fail(code: Invalid, file: string, sentence: string): never {
    throw new Failure("invalid", code, file, sentence);
  }

  #holds(file: string, sentence: string): void {
    this.#checks.push({ file, sentence });
  }

  #old(code: Stale, file: string, sentence: string): void {
    if (!this.#stale.some((known) => known.code === code && known.file === file)) {
      this.#stale.push({ code, file, sentence });
    }
  }

  /** Adds a file's name to what reading it throws. */
  #reading<T>(file: string, work: (text: NamedText) => T): T {
    try {
      return work(textOf(file, this.#files.get(file)!));
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      return this.#fail("FILE_MALFORMED", file, `The file is not what its kind says: ${error.message}.`);
    }
  }

  #seal(): Trust["firms"][number] {
    const { signer, name } = this.#index.firm;
    if (!isSealed(this.#index)) {
      this.#fail("INDEX_UNSEALED", INDEX, "The signature over the index is not that of the signer it names.");
    }
    const firm = this.#trust.firms.find((known) => known.signer === signer);
    if (firm === undefined) {
      this.#fail(
        "FIRM_UNTRUSTED",
        INDEX,
        `The pack is sealed by ${signer}, a signer whom your trust settings do not name.`,
      );
    }
    this.#holds(INDEX, `Sealed by ${signer}, whom you know as "${firm.name}" and who calls itself "${name}".`);
    return firm;
  }

  #listed(): void {
    const listed = new Map(this.#index.files.map((file) => [file.path, file]));
    for (const path of this.#files.keys()) {
      if (path !== INDEX && !listed.has(path)) this.#fail("FILE_UNLISTED", path, "The file is not in the index.");
    }
    for (const { path, bytes, sha256: expected } of listed.values()) {
      const content = this.#files.get(path);
      if (content === undefined) this.#fail("FILE_MISSING", path, "The index lists the file, and it is not there.");
      if (content.length !== bytes || bytesToHex(sha256(content)) !== expected) {
        this.#fail("FILE_CHANGED", path, "The file is not the one that the firm sealed: its SHA-256 differs.");
      }
    }
    const used = new Set<string>(this.#index.keys.map(({ file }) => file));
    for (const { proof, policy, market, account, values } of this.#index.statements) {
      for (const path of [proof, policy, market, ...account.by, ...values.by]) used.add(path);
    }
    for (const { path, kind } of listed.values()) {
      if (kind !== "document" && kind !== "history" && !used.has(path)) {
        this.#fail("FILE_UNUSED", path, "The file is called evidence, and no statement rests on it.");
      }
    }
    this.#holds(
      INDEX,
      `All ${listed.size} files are there, nothing else is, and each has the SHA-256 that was sealed.`,
    );
  }

  #history(): PackReading["history"] {
    const earlier = this.#index.files
      .filter(({ kind }) => kind === "history")
      .map(({ path }) => ({ path, index: this.#reading(path, readIndex) }))
      .sort((a, b) => (BigInt(a.index.number) > BigInt(b.index.number) ? -1 : 1));
    const chain: { number: string; sha256: string; created: string }[] = [];
    // A firm may seal by more than one key: what was seen from any of them is in one history.
    const signers = new Set([this.#index.firm.signer]);
    let later: PackIndex = this.#index;
    for (const { path, index } of earlier) {
      const sha256 = packSha256(index);
      const broken = (why: string) => this.#fail("HISTORY_BROKEN", path, why);
      if (later.previous !== sha256 || BigInt(later.number) !== BigInt(index.number) + 1n) {
        broken(`It is not the pack that pack ${later.number} names as the one before.`);
      }
      if (!isSealed(index)) broken("Its signature is not that of the signer it names.");
      if (!this.#trust.firms.some((firm) => firm.signer === index.firm.signer)) {
        broken("It is sealed by a signer whom your trust settings do not name.");
      }
      if (unixTime(index.created) > unixTime(later.created)) broken("It is dated after the pack that follows it.");
      chain.push({ number: index.number, sha256, created: index.created });
      signers.add(index.firm.signer);
      later = index;
    }
    if (chain.length > 0) this.#holds(INDEX, `The last ${chain.length} earlier packs are linked by hash and sealed.`);

    for (const firm of this.#trust.firms) if (signers.has(firm.signer)) this.#seen(firm, chain);
    return chain;
  }

  /** Whether the pack continues what the reader has seen from a signer. */
  #seen({ signer, seen, name }: Trust["firms"][number], chain: PackReading["history"]): void {
    if (seen === undefined) return;
    const own = { number: this.#index.number, sha256: packSha256(this.#index), created: this.#index.created };
    if (BigInt(own.number) < seen.number) {
      const why = `You have seen pack ${seen.number} of "${name}"; this is number ${own.number}.`;
      this.#old("PACK_SUPERSEDED", INDEX, why);
      return;
    }
    const same = [own, ...chain].find(({ number }) => BigInt(number) === seen.number);
    if (same === undefined) {
      const why = `The history does not reach back to pack ${seen.number}, which you have seen.`;
      this.#fail("HISTORY_BROKEN", INDEX, why);
    }
    if (same.sha256 !== seen.sha256) {
      this.#fail("HISTORY_FORKED", INDEX, `Its pack ${seen.number} is not the one you have seen from ${signer}.`);
    }
    this.#holds(INDEX, `It continues the history from pack ${seen.number}, which you have seen.`);
  }

  #keys(): PackReading["keys"] {
    return this.#index.keys.map((key) => {
      const content = this.#files.get(key.file)!;
      const hash = bytesToHex(sha256(content));
      const identity = this.#trust.keys.find((known) => known.sha256 === hash && known.size === key.size);
      if (identity === undefined) {
        this.#fail("KEY_UNTRUSTED", key.file, `Your trust settings do not name this verification key for ${key.size}.`);
      }
      if (identity.r1csSha256 !== undefined && identity.r1csSha256 !== key.r1csSha256) {
        this.#fail(
          "CIRCUIT_MISMATCH",
          INDEX,
          `The circuit named for ${key.size} is not the one you expect of this key.`,
        );
      }
      try {
        if (!this.#opened.has(hash)) this.#opened.set(hash, createVerifier(content, identity));
      } catch (error) {
        if (!(error instanceof PlimsollError)) throw error;
        this.#fail("KEY_UNSOUND", key.file, `The key must not be used: ${error.message}.`);
      }
      this.#holds(
        key.file,
        `The verification key for ${key.size} is one you name, of ${identity.origin} origin, and is sound.`,
      );
      return { ...key, ...identity };
    });
  }

  async #statement(files: PackStatement): Promise<ProvenStatement> {
    const { proof } = files;
    const policy = this.#reading(files.policy, ({ text, file }) => readPolicy(text, file));
    const market = this.#reading(files.market, ({ text, file }) => readMarket(text, file, policy));
    const envelope = this.#reading(proof, readEnvelope);
    const { size, statement } = envelope;
    const verifier = this.#verifier(size, proof);
    const parsed = parsePublicSignals(envelope.publicSignals, size);
    if (!parsed.ok) this.#fail(parsed.reason, proof, sentence(parsed.detail));
    const [stateBefore, stateAfter] = [parsed.signals[0]!.toString(), parsed.signals[1]!.toString()];

    // With neither transfer nor fill, what is known of the account before is known of the account after.
    const still = statement.fill === "none" && statement.transfer.amount === "0";
    const known = still ? [stateAfter, stateBefore] : [stateAfter];
    const parts = this.#parts(files, still ? stateBefore : undefined, { size, audience: statement.audience });
    const listing = listingSha256(policy, market);
    const account = this.#account(files, known, { size, listing }, parts);
    const vouched = parts === undefined ? account.state : stateBefore;
    const verdict = await verifyEnvelope(
      {
        envelope: textOf(proof, this.#files.get(proof)!),
        policy: textOf(files.policy, this.#files.get(files.policy)!),
        market: textOf(files.market, this.#files.get(files.market)!),
        expectedStates: {
          after: vouched === stateAfter ? BigInt(stateAfter) : undefined,
          before: vouched === stateBefore ? BigInt(stateBefore) : undefined,
        },
        asked: { audience: this.#trust.audience },
      },
      () => verifier,
    );
    if (!verdict.ok) {
      const file = verdict.reason.startsWith("POLICY_")
        ? files.policy
        : verdict.reason.startsWith("MARKET_")
          ? files.market
          : proof;
      this.#fail(verdict.reason, file, sentence(verdict.detail));
    }
    if (files.level !== "proven" && files.level !== "claimed") {
      this.#fail("LEVEL_UNSUPPORTED", INDEX, `A sentence is "${files.level}"; what backs a sentence is a proof.`);
    }
    this.#holds(proof, `The proof verifies under the key, policy and market given: ${statement.text}`);

    const listed = this.#policy(files.policy, policy.sha256);
    const values = this.#values(files, market, {
      listing,
      accountChains: account.chains,
      pointOf: () => verifier.marketPoint(parsed.signals),
    });
    if (unixTime(market.time) > unixTime(this.#index.created)) {
      this.#fail("TIME_ORDER", files.market, "The market is dated after the pack that holds it.");
    }
    if (this.#now - unixTime(market.time) > this.#trust.maxAge) {
      this.#old(
        "MARKET_OLD",
        files.market,
        `The market is of ${market.time}, older than the ${this.#trust.maxAge} seconds you allow.`,
      );
    }
    const mergeKey = parts && this.#verifier(circuitOf("merge", size), proof).key;
    return {
      files,
      statement,
      size,
      key: verifier.key,
      stateBefore,
      stateAfter,
      policy: { name: policy.name, sha256: policy.sha256, trusted: listed },
      marketSha256: market.sha256,
      level: files.level,
      account: { level: files.account.level, by: account.by, parts: parts?.size ?? 1 },
      values: { level: files.values.level, by: values.by },
      notProven: [
        ...(mergeKey === undefined || mergeKey.origin === verifier.key.origin ? [] : mergeCaveats(mergeKey.origin)),
        ...caveats(verdict.notProven, {
          policyListed: listed,
          values: files.values.level,
          valuesListed: values.listed,
          account: files.account.level,
          parts: parts?.size ?? 1,
        }),
      ],
    };
  }

  #policy(file: string, sha256: string): boolean {
    const { policies } = this.#trust;
    if (policies === undefined) return false;
    const listed = policies.find((known) => known.sha256 === sha256);
    if (listed === undefined) this.#fail("POLICY_UNTRUSTED", file, "The policy is none that your trust settings name.");
    if (listed.until !== undefined && unixTime(listed.until) < this.#now) {
      this.#old("POLICY_SUPERSEDED", file, `By your trust settings the policy was in force until ${listed.until}.`);
    }
    this.#holds(file, "The policy is one that your trust settings name.");
    return true;
  }

  /** The verifier under the pack's key for a circuit, which is one that the reader names. */
  #verifier<Name extends PackCircuit>(circuit: Name, file: string): Verifier<Name> {
    const key = this.#index.keys.find(({ size }) => size === circuit);
    if (key === undefined) this.#fail("KEY_MISSING", file, `The pack holds no verification key for ${circuit}.`);
    return this.#opened.get(bytesToHex(sha256(this.#files.get(key.file)!)))! as Verifier<PackCircuit> as Verifier<Name>;
  }

  /**
   * The parts that a proof's account is the sum of, each with the file of the merge that adds it; undefined where no merge
   * is given. `root` is the account, undefined where the proof moves something and so is of another.
   */
  #parts(
    { proof, account }: PackStatement,
    root: string | undefined,
    asked: { readonly size: BoardSize; readonly audience: string },
  ): ReadonlyMap<string, string> | undefined {
    const files = account.by.filter((file) => this.#kindOf(file) === "merge");
    const [first] = files;
    if (first === undefined) return undefined;
    if (root === undefined) {
      const why = `The proof in ${proof} is of a transfer or a fill; one that rests on a sum moves nothing.`;
      this.#fail("MERGE_MISUSED", first, why);
    }
    const sum = partsOf(
      root,
      files.map((file) => this.#merge(file, asked)),
    );
    if (!sum.ok) this.#fail(sum.code, sum.file, sum.sentence);
    this.#holds(
      proof,
      `The account is the sum of ${sum.parts.size} accounts, each in it once, by ${files.length} merges that verify.`,
    );
    return sum.parts;
  }

  #merge(file: string, asked: { readonly size: BoardSize; readonly audience: string }): Merge {
    const name = `${file} ${asked.size} ${asked.audience}`;
    const known = this.#merged.get(name);
    if (known !== undefined) return known;
    const document = this.#reading(file, readMerge);
    const verifier: Verifier<CircuitOf<"merge">> = this.#verifier(circuitOf("merge", asked.size), file);
    const verdict = verifyMerge(document, verifier, asked);
    if (!verdict.ok) this.#fail(verdict.reason, file, sentence(verdict.detail));
    const { left, right, merged } = verdict;
    const merge = { file, left, right, merged };
    this.#merged.set(name, merge);
    return merge;
  }

  /** Checks what backs the account, or each of its parts, and returns the commitment that it vouches for. */
  #account(
    { proof, account }: PackStatement,
    known: readonly string[],
    board: { readonly size: BoardSize; readonly listing: string },
    parts: ReadonlyMap<string, string> | undefined,
  ) {
    const { level } = account;
    const by: Voucher[] = [];
    const words: PartWord[] = [];
    let state: string | undefined;
    const unsupported = (why: string) =>
      this.#fail("LEVEL_UNSUPPORTED", INDEX, `The account of ${proof} is "${level}": ${why}.`);
    const agree = (file: string, commitment: string) => {
      if (!(parts?.has(commitment) ?? known.includes(commitment))) {
        const why =
          parts === undefined
            ? "It speaks of another commitment than the one whose coverage is proven."
            : "It speaks of a commitment that is no part of the sum whose coverage is proven.";
        this.#fail("ATTESTATION_MISUSED", file, why);
      }
      state = commitment;
    };
    const references = this.#references(account);
    for (const [file, reference] of references) {
      if (reference.kind === "market") unsupported(`${file} speaks of a market`);
      if (reference.kind === "account") {
        if (parts !== undefined) unsupported(`${file} speaks of a chain, and the parts of a sum are attested`);
        agree(file, reference.value);
        by.push(chainVoucher(file, reference));
        this.#dated(file, reference.block.time);
      }
    }
    const attestations = account.by.filter((file) => this.#kindOf(file) === "attestation");
    const agreed = new Set<string>();
    for (const file of attestations) {
      const attestation = this.#reading(file, readAttestation);
      const name = this.#attester(file, attestation, [...references.values()], agreed);
      const { commitment, subject, scope, asOf, expires } = attestation.vouched;
      if (attestation.vouched.firm !== this.#index.firm.signer) {
        this.#fail("ATTESTATION_MISUSED", file, "It is made out to another firm than the one that sealed the pack.");
      }
      if (attestation.vouched.size !== board.size) {
        this.#fail("ATTESTATION_MISUSED", file, "It is of a commitment on a board of another size.");
      }
      const { listing } = attestation.vouched;
      if (listing !== undefined && listing !== board.listing) {
        const why =
          "It is of an account under another board, or another list of assets or instruments, than the proof's.";
        this.#fail("ATTESTATION_MISUSED", file, why);
      }
      if (listing === undefined && parts !== undefined) {
        const why =
          "It does not say what its quantities are of (plimsoll-attestation/1), and accounts on different boards do not add up.";
        this.#fail("ATTESTATION_MISUSED", file, why);
      }
      agree(file, commitment);
      this.#dated(file, asOf);
      if (unixTime(expires) < this.#now) this.#old("ATTESTATION_EXPIRED", file, `It expired at ${expires}.`);
      words.push({ file, name, commitment, subject, scope, asOf });
      const said = `${subject}; ${scope === "everything" ? "all that it holds for the firm" : "this account alone"}; until ${expires}`;
      by.push({ file, name, address: attestation.attester.signer, words: said, time: asOf });
      this.#holds(file, `"${name}" vouches for the commitment as of ${asOf}: ${subject}.`);
    }
    if (parts !== undefined) this.#apart(parts, words);
    const chains = [...references.values()].flatMap(({ kind, chainId }) => (kind === "account" ? [chainId] : []));
    const signatures = [...references].filter(([, { kind }]) => kind === "signature");
    const idle = signatures.find(([, { subject }]) => !agreed.has(subject));
    if (idle !== undefined) unsupported(`${idle[0]} is of no attestation here`);
    if (level === "proven") unsupported("no proof shows whose account it is");
    if (level === "on-chain" && chains.length === 0) unsupported("no chain reference to the account is given");
    if (level === "attested" && attestations.length === 0) unsupported("no attestation is given");
    if (level === "claimed" && by.length > 0) unsupported("yet evidence is given");
    return { by, state, chains };
  }

  /** Every part is vouched for; and as far as words go, no holding is in two. */
  #apart(parts: ReadonlyMap<string, string>, words: readonly PartWord[]): void {
    for (const [part, file] of parts) {
      if (words.some(({ commitment }) => commitment === part)) continue;
      this.#fail("PART_UNATTESTED", file, "It adds an account that nobody vouches for.");
    }
    for (const [index, word] of words.entries()) {
      for (const other of words.slice(0, index)) {
        if (word.asOf !== other.asOf) {
          const why = `It speaks of ${word.asOf}, ${other.file} of ${other.asOf}: what moved in between would count twice.`;
          this.#fail("PARTS_OVERLAP", word.file, why);
        }
        if (word.name !== other.name || word.commitment === other.commitment) continue;
        if (word.scope === "everything" || other.scope === "everything" || word.subject === other.subject) {
          const why = `"${word.name}" vouches in ${other.file} for another part, and one may hold the other: both say "${word.subject}", or one is all that it holds for the firm.`;
          this.#fail("PARTS_OVERLAP", word.file, why);
        }
      }
    }
    this.#holds(INDEX, `Each of the ${parts.size} accounts is vouched for, all as of ${words[0]!.asOf}.`);
  }

  /** Checks the attester and the signature; the name by which the reader knows the attester. */
  #attester(
    file: string,
    attestation: Attestation,
    references: readonly ChainReference[],
    agreed: Set<string>,
  ): string {
    const { signer } = attestation.attester;
    const known = this.#trust.attesters.find((attester) => attester.signer === signer);
    if (known === undefined) {
      this.#fail("ATTESTER_UNTRUSTED", file, `It is signed by ${signer}, whom your trust settings do not name.`);
    }
    if (attestation.signature.kind === "eip712") {
      if (!isAttested(attestation)) {
        this.#fail("ATTESTATION_UNSIGNED", file, "The signature is not that of the attester it names.");
      }
      return known.name;
    }
    const digest = attestationDigest(attestation);
    const { chainId } = attestation.signature;
    const confirmed = references.some(
      (reference) =>
        reference.kind === "signature" &&
        reference.chainId === chainId &&
        reference.contract === signer &&
        reference.subject === digest &&
        reference.value === "valid",
    );
    if (!confirmed) {
      const why = "It is signed by a contract (ERC-1271), and no chain reference says that the contract agrees.";
      this.#fail("ATTESTATION_UNSIGNED", file, why);
    }
    agreed.add(digest);
    return known.name;
  }

  /**
   * Checks what backs prices and board values, of rows of this `listing`, for an account that is on `accountChains`.
   * `listed` in the result: the reader names that listing.
   */
  #values(
    { market: path, values }: PackStatement,
    market: MarketFile,
    {
      listing,
      accountChains,
      pointOf,
    }: {
      readonly listing: string;
      readonly accountChains: readonly string[];
      readonly pointOf: () => { x: bigint; y: bigint };
    },
  ): { by: Voucher[]; listed: boolean } {
    const { level } = values;
    const unsupported = (why: string) =>
      this.#fail("LEVEL_UNSUPPORTED", INDEX, `The values of ${path} are "${level}": ${why}.`);
    const by: Voucher[] = [];
    let chains = 0;
    const unlisted: string[] = [];
    // Reporters and oracles know rows by their places; what the rows are called, the reader's listing says.
    const list = (file: string, oracles: Trust["oracles"]) => {
      const named = oracles.flatMap((oracle) => oracle.listing ?? []);
      if (named.length === 0) {
        unlisted.push(file);
        return;
      }
      if (!named.includes(listing)) {
        const why = `The rows of ${path} bear other names or lots than the listing in your trust settings.`;
        this.#fail("LISTING_UNEXPECTED", file, why);
      }
      this.#holds(file, `The rows of ${path} bear the names and lots of the listing in your trust settings.`);
    };
    for (const [file, reference] of this.#references(values)) {
      if (reference.kind !== "market") unsupported(`${file} does not speak of a market`);
      const { x, y } = pointOf();
      if (reference.value !== `${x},${y}` || !reference.subject.endsWith(`/${market.epoch}`)) {
        this.#fail("CHAIN_CONTRADICTED", file, "It speaks of another market than the one of the proof.");
      }
      if (unixTime(market.time) > unixTime(reference.block.time)) {
        this.#fail("TIME_ORDER", path, "The market is dated after the block in which it was found.");
      }
      this.#dated(file, reference.block.time, "MARKET_OLD");
      const { chainId, contract, subject } = reference;
      const elsewhere = accountChains.find((chain) => chain !== chainId);
      if (elsewhere !== undefined) {
        this.#fail("CHAINS_DIFFER", file, `The market is on chain ${chainId}, and the account on chain ${elsewhere}.`);
      }
      list(
        file,
        this.#trust.oracles.filter(
          (oracle) =>
            oracle.chainId === chainId && oracle.contract === contract && subject === `${oracle.board}/${market.epoch}`,
        ),
      );
      by.push(chainVoucher(file, reference));
      chains++;
    }
    const observed = values.by.filter((file) => this.#kindOf(file) === "observations");
    for (const file of observed) {
      const given = this.#reading(file, readObservations);
      if (this.#trust.oracles.length === 0) {
        this.#fail("OBSERVATIONS_REFUSED", file, "Your trust settings name no oracle whose reporters you believe.");
      }
      const faults = this.#trust.oracles.map((oracle) => observationsFault(given, market, oracle));
      if (!faults.includes(undefined)) {
        this.#fail("OBSERVATIONS_REFUSED", file, `The observations do not back ${path}: ${faults.at(-1)}.`);
      }
      for (const { reporter, time } of given.reports) {
        by.push({
          file,
          name: "price reporter",
          address: reporter,
          words: `prices and board of epoch ${given.epoch}`,
          time,
        });
      }
      this.#holds(
        file,
        `${given.reports.length} of your price reporters signed the prices and board values of ${path}.`,
      );
      list(
        file,
        this.#trust.oracles.filter((_, index) => faults[index] === undefined),
      );
    }
    if (level === "proven") unsupported("no proof shows that values are right");
    if (level === "on-chain" && chains === 0) unsupported("no chain reference to the epoch is given");
    if (level === "attested" && observed.length === 0) unsupported("no signed observations are given");
    if (level === "claimed" && by.length > 0) unsupported("yet evidence is given");
    return { by, listed: by.length > 0 && unlisted.length === 0 };
  }

  /** The chain references among what backs a figure, each one that the reader has looked up. */
  #references({ by }: Graded): Map<string, ChainReference> {
    const found = new Map<string, ChainReference>();
    for (const file of by) {
      if (this.#kindOf(file) !== "chain") continue;
      const reference = this.#reading(file, readChainReference);
      this.#confirm(file, reference);
      found.set(file, reference);
    }
    return found;
  }

  #confirm(file: string, reference: ChainReference): void {
    const text = canonicalJson(reference as unknown as Json);
    const { kind, chainId, contract, subject, block } = reference;
    if (this.#trust.chain.some((known) => canonicalJson(known as unknown as Json) === text)) {
      this.#holds(
        file,
        `You have looked it up: ${kind} ${subject} of ${contract} on chain ${chainId}, block ${block.number}.`,
      );
      return;
    }
    const other = this.#trust.chain.some(
      (known) =>
        known.kind === kind &&
        known.chainId === chainId &&
        known.contract === contract &&
        known.subject === subject &&
        known.block.number === block.number,
    );
    if (other) this.#fail("CHAIN_CONTRADICTED", file, "You have looked it up, and the chain holds something else.");
    const what = `${kind} ${subject} of ${contract} on chain ${chainId} at block ${block.number}`;
    const whole = kind === "account" ? ", with no lot of it out (its stage is not Liquidating)" : "";
    const why = `It rests on a chain. Look up ${what}, and if it is as the file says${whole}, put the file's content into "chain" of your trust settings.`;
    throw new Failure("unusable", "CHAIN_UNCONFIRMED", file, why);
  }

  /** Checks the time of holdings, or of a market on a chain. */
  #dated(file: string, time: string, code: "HOLDINGS_OLD" | "MARKET_OLD" = "HOLDINGS_OLD"): void {
    if (unixTime(time) > unixTime(this.#index.created)) {
      this.#fail("TIME_ORDER", file, "It speaks of a time after the pack that holds it.");
    }
    if (this.#now - unixTime(time) > this.#trust.maxAge) {
      this.#old(code, file, `It speaks of ${time}, longer ago than the ${this.#trust.maxAge} seconds you allow.`);
    }
  }

  #kindOf(path: string) {
    return this.#index.files.find((file) => file.path === path)!.kind;
  }
}

/** What somebody vouches for a part with. */
type PartWord = { readonly file: string; readonly name: string } & Pick<
  Attestation["vouched"],
  "commitment" | "subject" | "scope" | "asOf"
>;

const sentence = (detail: string) => `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;

const chainVoucher = (file: string, { kind, chainId, contract, subject, block }: ChainReference): Voucher => ({
  file,
  name: `chain ${chainId}`,
  address: contract,
  words: `${kind} ${subject} at block ${block.number}`,
  time: block.time,
});

/** What the key of merges leaves open, where it is of another origin than the key of the proof that rests on their sum. */
function mergeCaveats(origin: KeyOrigin): Caveat[] {
  const caveat = keyCaveat(origin);
  return caveat === undefined ? [] : [{ code: caveat.code, text: `Of the sum: ${caveat.text}` }];
}

/** A chain reference names an account by its number: not its owner, nor its board. */
const ACCOUNT_AS_GIVEN = {
  code: "ACCOUNT_AS_GIVEN",
  text: "That the account on the chain is the firm's, and of the board whose values are used, is for you to look up.",
};

/** Reporters and oracles know rows by their places, and the reader has not said what is there. */
const LISTING_AS_GIVEN = {
  code: "LISTING_AS_GIVEN",
  text: "That the rows valued bear these names and lots is the firm's word: your trust settings name no listing.",
};

/** What a proof leaves open, less what the pack and the reader fill in. */
function caveats(
  given: readonly Caveat[],
  {
    policyListed,
    values,
    valuesListed,
    account,
    parts,
  }: {
    readonly policyListed: boolean;
    readonly values: Assurance;
    readonly valuesListed: boolean;
    readonly account: Assurance;
    readonly parts: number;
  },
): ProvenStatement["notProven"] {
  const sum = {
    code: "PARTS_VOUCHED",
    text: `The account is the sum of ${parts} accounts. That no holding is in two of them is the word of those who vouched.`,
  };
  return given.flatMap((caveat) => {
    if (caveat.code === "COMPLETENESS") {
      return [caveat, ...(parts > 1 ? [sum] : []), ...(account === "on-chain" ? [ACCOUNT_AS_GIVEN] : [])];
    }
    if (caveat.code !== "MARKET_VALUES") return [caveat];
    return [
      ...(policyListed
        ? []
        : [{ code: "POLICY_AS_GIVEN", text: "The policy is the firm's choice: your trust settings name none." }]),
      values === "claimed"
        ? {
            code: "VALUES_CLAIMED",
            text: "Prices and risk values are the firm's own claim: nobody whom you trust signed them.",
          }
        : {
            code: "VALUES_VOUCHED",
            text: "That prices and risk values are right is the word of those who signed them.",
          },
      ...(values === "claimed" || valuesListed ? [] : [LISTING_AS_GIVEN]),
    ];
  });
}

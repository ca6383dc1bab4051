// SPDX-License-Identifier: GPL-3.0-or-later
/** To put proofs and what backs them into an evidence pack, at the highest levels that the evidence supports. */
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { NamedText } from "../formats/account.ts";
import { label } from "../formats/labels.ts";
import { timeText } from "../formats/time.ts";
import {
  type Backing,
  backingOf,
  type Evidence,
  type EvidenceFiles,
  idleFile,
  oracleOf,
  proofFiles,
  readEvidence,
} from "../pack/backing.ts";
import { PackDraft } from "../pack/draft.ts";
import { type PackCircuit, type PackIndex, type PackStatement, packSha256 } from "../pack/format.ts";
import type { Trust } from "../pack/trust.ts";
import type { Signing } from "../pack/typed-data.ts";
import { createPackVerifier } from "../pack/verify.ts";
import type { PackFiles } from "../pack/zip.ts";
import { circuitOf } from "../statement/families.ts";
import { createVerifier, type KeyIdentity } from "../verify/verifier.ts";

/**
 * A verification key as a file, and what is known of its circuit.
 * @see docs/library.md#evidence-packs
 */
export interface KeySource {
  readonly identity: KeyIdentity<PackCircuit>;
  readonly file: Uint8Array;
  readonly compiler: string;
  readonly sourcesSha256: string;
  readonly r1csSha256: string;
}

/**
 * What the making of a pack needs of the machine.
 * @see docs/library.md#evidence-packs
 */
export interface PackMachine {
  readonly keyFor: (circuit: PackCircuit) => Promise<KeySource>;
  readonly now: () => Date;
  /** Name and version of the program. */
  readonly software: string;
  readonly signal?: AbortSignal;
}

/**
 * What a pack is to hold.
 * @see docs/library.md#evidence-packs
 */
export interface PackRequest extends EvidenceFiles {
  /** Words of 1 to 200 visible characters: what the pack is, what was asked, who the firm is. */
  readonly name: string;
  readonly question: string;
  readonly firm: string;
  /** Seals the pack. */
  readonly signing: Signing;
  /** One or more. */
  readonly proofs: readonly NamedText[];
  /** Texts on the firm's own word. */
  readonly claims?: readonly string[];
  /** Letters and the like; the name becomes the file's. */
  readonly documents?: readonly { readonly name: string; readonly content: Uint8Array }[];
  /** The pack before this one. */
  readonly previous?: PackFiles;
  /** For example `2026-11-22T09:00:00Z`; else now. */
  readonly created?: string;
}

/**
 * An evidence pack that was made.
 * @see docs/library.md#evidence-packs
 */
export interface Pack {
  readonly files: PackFiles;
  readonly index: PackIndex;
  readonly sha256: string;
}

/**
 * Makes and seals a pack. What it returns, its own verifier accepts from a reader who trusts all who signed in it.
 *
 * Throws what the readers of the files throw; `FIELD_INVALID` for words that are none; `UNKNOWN_NAME` where a proof's policy
 * or market is not given, or evidence backs nothing; `PROOF_REFUSED`, with the check that failed, where the verifier does not
 * accept the result.
 * @see docs/library.md#evidence-packs
 */
export async function makePack(machine: PackMachine, request: PackRequest): Promise<Pack> {
  const { name, question, firm, signing, claims = [] } = request;
  checkWords(request);
  const evidence = readEvidence(request);
  const draft = new PackDraft();
  const keys = new KeyRing(machine);
  const backings: Backing[] = [];
  const statements: PackStatement[] = [];
  for (const given of request.proofs) {
    throwIfCancelled(machine.signal);
    const proof = proofFiles(evidence, given);
    const { size } = proof.envelope;
    const key = await keys.get(size);
    const point = () => createVerifier(key.file, key.identity).marketPoint(proof.signals.map(BigInt) as FieldElement[]);
    const backing = backingOf(evidence, proof, point);
    if (backing.merges.length > 0) await keys.get(circuitOf("merge", size));
    backings.push(backing);
    statements.push({
      proof: draft.pathOf("proof", given),
      policy: draft.pathOf("policy", proof.policy),
      market: draft.pathOf("market", proof.market.given),
      level: "proven",
      account: {
        level: backing.account,
        by: [
          ...backing.merges.map((file) => draft.pathOf("merge", file)),
          ...backing.attestations.map((file) => draft.pathOf("attestation", file)),
          ...backing.accountChain.map((file) => draft.pathOf("chain", file)),
        ],
      },
      values: {
        level: backing.values,
        by: [
          ...backing.observations.map((file) => draft.pathOf("observations", file)),
          ...backing.valuesChain.map((file) => draft.pathOf("chain", file)),
        ],
      },
    });
  }
  const idle = idleFile(evidence, backings);
  if (idle !== undefined)
    throw new PlimsollError("UNKNOWN_NAME", "the file backs none of the proofs", { file: idle.file });

  for (const { identity, file } of keys.all()) draft.add("key", keyPath(identity.size), file);
  for (const document of request.documents ?? []) draft.addLetter(document);
  const before = request.previous && draft.addHistory(request.previous);
  const contents = {
    name,
    question,
    firm: { name: firm, signer: signing.address },
    number: before === undefined ? "1" : (BigInt(before.number) + 1n).toString(),
    created: request.created ?? timeText(machine.now()),
    previous: before === undefined ? null : packSha256(before),
    software: machine.software,
    keys: keys.all().map(({ identity: { size }, compiler, sourcesSha256, r1csSha256 }) => {
      return { size, file: keyPath(size), compiler, sourcesSha256, r1csSha256 };
    }),
    statements,
    claims: claims.map((text) => ({ level: "claimed" as const, text })),
  };
  const sealers = [signing.address, ...(before ? [before.firm.signer] : [])];
  const own = evidence.attestations.find(({ read }) => sealers.includes(read.attester.signer));
  if (own !== undefined) {
    const rule = "the key that seals the pack has signed this attestation too: nobody else vouches for the account";
    throw new PlimsollError("FIELD_INVALID", rule, { file: own.given.file });
  }
  const { files, index } = await draft.seal(contents, signing);
  await checkMade(files, index, trustIn(evidence, keys.all(), sealers));
  throwIfCancelled(machine.signal);
  return { files, index, sha256: packSha256(index) };
}

const keyPath = (circuit: PackCircuit) => `keys/${circuit}.json`;

/** Words are checked before anything is read or signed. */
function checkWords({ name, question, firm, claims = [] }: PackRequest): void {
  const words = { name, question, firm, ...Object.fromEntries(claims.map((text, at) => [`claims[${at}]`, text])) };
  for (const [field, text] of Object.entries(words)) label(text, field);
}

/** The keys of a pack, each loaded once. */
class KeyRing {
  readonly #keys = new Map<PackCircuit, KeySource>();
  readonly #load: PackMachine["keyFor"];

  constructor({ keyFor }: PackMachine) {
    this.#load = keyFor;
  }

  async get(circuit: PackCircuit): Promise<KeySource> {
    const key = this.#keys.get(circuit) ?? (await this.#load(circuit));
    this.#keys.set(circuit, key);
    return key;
  }

  all(): KeySource[] {
    return [...this.#keys.values()];
  }
}

/** A reader who trusts all who signed, and has looked up every chain. */
const trustIn = (evidence: Evidence, keys: readonly KeySource[], signers: readonly string[]): Trust => ({
  firms: signers.map((signer) => ({ name: "firm", signer })),
  keys: keys.map(({ identity }) => identity),
  maxAge: Number.MAX_SAFE_INTEGER,
  attesters: evidence.attestations.map(({ read }) => read.attester),
  oracles: evidence.observations.map(({ read }) => oracleOf(read)),
  chain: evidence.chain.map(({ read }) => read),
});

async function checkMade(files: PackFiles, { created }: PackIndex, trust: Trust): Promise<void> {
  const verdict = await createPackVerifier(trust).verify(files, new Date(created));
  if (verdict.ok) return;
  const { code, file, sentence } = verdict.finding;
  const rule = `the pack would not verify (${code}): ${sentence}`;
  throw new PlimsollError("PROOF_REFUSED", rule, file === "" ? {} : { file });
}

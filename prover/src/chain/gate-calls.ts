// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Calls of `MarginGate` and its desks: what their proofs are bound to, what absent owners and the operator sign, and how
 * proofs are encoded.
 *
 * One EIP-712 digest does both: reduced modulo r it is the proof's context, as it stands it is what is signed. It names
 * chain, gate, action, account, both states, the blob and everything else that the call does. Whichever contract takes the
 * call, the digest is in the gate's domain; the operator's agreement is in the exchange's.
 */
import { concat, keccak256, type Signer, type TypedDataDomain, TypedDataEncoder } from "ethers";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { Groth16Proof } from "../prove/prover.ts";

/** What every call names. */
interface Common {
  /** Zero in `Open`, whose account has no number yet. */
  readonly account: bigint;
  readonly stateBefore: bigint;
  readonly stateAfter: bigint;
  /** The state after, encrypted (`sealState`). */
  readonly blob: string;
  /** Unix seconds; the last second in which the call is accepted. */
  readonly deadline: bigint;
}

interface Payment {
  readonly asset: bigint;
  readonly amount: bigint;
  readonly recipient: string;
  readonly fee: bigint;
  /** The recipient gets at least this, after levy and fee. */
  readonly least: bigint;
}

/**
 * Amounts are in units of the token.
 * @see docs/library.md#on-chain
 */
export type GateCall =
  | (Common & { readonly action: "Open"; readonly owner: string; readonly agent: string })
  | (Common & { readonly action: "Absorb"; readonly asset: bigint; readonly amount: bigint })
  | (Common & Payment & { readonly action: "Withdraw" })
  | (Common & Payment & { readonly action: "Exit" })
  | (Common & { readonly action: "Attest"; readonly level: bigint })
  | (Common & { readonly action: "Flag"; readonly level: bigint })
  | (Common & {
      readonly action: "Trade";
      readonly counterparty: bigint;
      readonly fill: bigint;
      /** The policy's initial level, or `EXIT_LEVEL` where the trade unwinds. */
      readonly level: bigint;
      readonly lastEpoch: bigint;
    })
  /** A member's part in a round: whichever the fills are, this is the account after it. */
  | (Common & { readonly action: "Round"; readonly level: bigint; readonly lastEpoch: bigint })
  | (Common & { readonly action: "Expire"; readonly settlement: bigint });

/** What a call names besides what all name. */
export type Action = GateCall extends infer Call ? (Call extends GateCall ? Omit<Call, keyof Common> : never) : never;

const uint = (name: string) => ({ name, type: "uint256" });
const address = (name: string) => ({ name, type: "address" });
const COMMON = [
  uint("account"),
  uint("stateBefore"),
  uint("stateAfter"),
  { name: "blob", type: "bytes" },
  uint("deadline"),
];
const PAYMENT = [...COMMON, uint("asset"), uint("amount"), address("recipient"), uint("fee"), uint("least")];
const LAST_EPOCH = { name: "lastEpoch", type: "uint64" };
const TYPES = {
  Open: [...COMMON, address("owner"), address("agent")],
  Absorb: [...COMMON, uint("asset"), uint("amount")],
  Withdraw: PAYMENT,
  Exit: PAYMENT,
  Attest: [...COMMON, uint("level")],
  Flag: [...COMMON, uint("level")],
  Trade: [...COMMON, uint("counterparty"), uint("fill"), uint("level"), LAST_EPOCH],
  Round: [...COMMON, uint("level"), LAST_EPOCH],
  Expire: [...COMMON, uint("settlement")],
} satisfies Record<GateCall["action"], { name: string; type: string }[]>;

const typesOf = ({ action }: GateCall) => ({ [action]: TYPES[action] });

/** EIP-712 digest of a call. `domain` is the gate's (`domainOf`). */
export const digestOf = (domain: TypedDataDomain, call: GateCall): string =>
  TypedDataEncoder.hash(domain, typesOf(call), call);

/** The context of a call's proof. */
export const contextOf = (domain: TypedDataDomain, call: GateCall) =>
  (BigInt(digestOf(domain, call)) % FIELD_ORDER) as FieldElement;

/** An owner's or agent's signature, for a call that somebody else sends. */
export function signCall(owner: Signer, domain: TypedDataDomain, call: GateCall): Promise<string> {
  return owner.signTypedData(domain, typesOf(call), call);
}

const CLEAR = [
  { name: "first", type: "bytes32" },
  { name: "second", type: "bytes32" },
];

/**
 * Domains of a venue: accounts' steps are signed in the gate's, the operator's agreement in the exchange's.
 * @see docs/library.md#on-chain
 */
export interface VenueDomains {
  /** `domainOf("MarginGate", …)`. */
  readonly gate: TypedDataDomain;
  /** `domainOf("Exchange", …)`. */
  readonly exchange: TypedDataDomain;
}

const NOTHING = `0x${"0".repeat(64)}`;
const signAgreement = (operator: Signer, { exchange }: VenueDomains, first: string, second: string) =>
  operator.signTypedData(exchange, { Clear: CLEAR }, { first, second });

/**
 * The operator's agreement to an opening (`second` left out) or to both sides of a trade, `a` first. Checks nothing: the
 * operator does, before it signs (that an opening's state is of the viewing key it was given: `openingState`).
 * @see docs/library.md#on-chain
 */
export function signClear(operator: Signer, domains: VenueDomains, first: GateCall, second?: GateCall) {
  const other = second === undefined ? NOTHING : digestOf(domains.gate, second);
  return signAgreement(operator, domains, digestOf(domains.gate, first), other);
}

/**
 * A member's part in a round, as it is signed.
 * @see docs/library.md#on-chain
 */
export type RoundCall = Extract<GateCall, { action: "Round" }>;

/** Digest of a round: of its members' digests, in the order of their places. */
export const roundDigest = (gate: TypedDataDomain, members: readonly RoundCall[]): string =>
  keccak256(concat(members.map((member) => digestOf(gate, member))));

/** The context of a round's proof. */
export const roundContext = (gate: TypedDataDomain, members: readonly RoundCall[]) =>
  (BigInt(roundDigest(gate, members)) % FIELD_ORDER) as FieldElement;

/**
 * The operator's agreement to a round. Checks nothing.
 * @see docs/library.md#on-chain
 */
export const signRound = (operator: Signer, domains: VenueDomains, members: readonly RoundCall[]) =>
  signAgreement(operator, domains, roundDigest(domains.gate, members), NOTHING);

/** `IMarginGate.Step`. */
export interface Step extends Common {
  readonly policyId: bigint;
  readonly epoch: bigint;
  readonly proof: readonly bigint[];
  /** "0x" where the owner sends the call, or where it needs none. */
  readonly signature: string;
}

/** `IMarginGate.Entry`: `blobHash` stands for a blob that is kept elsewhere, and is zero where the blob is given. */
export interface Entry {
  readonly account: bigint;
  readonly stateBefore: bigint;
  readonly stateAfter: bigint;
  readonly blob: string;
  readonly blobHash: string;
  readonly signature: string;
}

/** A member's entry in a round, with its signature; by its hash alone where the venue keeps blobs elsewhere. */
export function entryOf(
  { account, stateBefore, stateAfter, blob }: GateCall,
  signature: string,
  byHash = false,
): Entry {
  const sealed = byHash ? { blob: "0x", blobHash: keccak256(blob) } : { blob, blobHash: NOTHING };
  return { account, stateBefore, stateAfter, ...sealed, signature };
}

/** `IExchange.Side`. */
export interface Side {
  readonly step: Step;
  readonly lastEpoch: bigint;
}

/** `IExchange.Trade`. */
export interface Trade {
  readonly a: Side;
  readonly b: Side;
  readonly fill: bigint;
  readonly operatorSignature: string;
}

/** `IExchange.Round`. */
export interface Round {
  readonly policyId: bigint;
  readonly epoch: bigint;
  readonly lastEpoch: bigint;
  readonly deadline: bigint;
  readonly places: bigint;
  readonly members: readonly Entry[];
  readonly proof: readonly bigint[];
  readonly operatorSignature: string;
}

/** A call's step. `market` names the policy and the epoch that the proof was made under; zeros where under neither. */
export function stepOf(
  { account, stateBefore, stateAfter, blob, deadline }: GateCall,
  { policyId, epoch }: { policyId: bigint; epoch: bigint },
  proof: Pick<Groth16Proof, "pi_a" | "pi_b" | "pi_c">,
  signature = "0x",
): Step {
  return { account, stateBefore, stateAfter, blob, policyId, epoch, deadline, proof: proofWords(proof), signature };
}

/** A proof as the verifier takes it: A, B, C in eight words, the imaginary parts of B first. */
export function proofWords({ pi_a, pi_b, pi_c }: Pick<Groth16Proof, "pi_a" | "pi_b" | "pi_c">): bigint[] {
  const words = [pi_a[0], pi_a[1], pi_b[0][1], pi_b[0][0], pi_b[1][1], pi_b[1][0], pi_c[0], pi_c[1]];
  return words.map(BigInt);
}

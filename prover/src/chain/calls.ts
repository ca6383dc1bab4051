// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Calls of `MarginGate`: what their proofs are bound to, what absent owners sign, and how proofs are encoded.
 *
 * One EIP-712 digest does both: reduced modulo r it is the proof's context, as it stands it is what is signed. It names
 * chain, gate, action, account, both states and everything else that the call does.
 */
import { type Signer, type TypedDataDomain, TypedDataEncoder } from "ethers";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import type { Groth16Proof } from "../proof/prover.ts";

/** What every call names. */
interface Common {
  readonly account: bigint;
  readonly stateBefore: bigint;
  readonly stateAfter: bigint;
  /** Unix seconds; the last second in which the call is accepted. */
  readonly deadline: bigint;
}

/** Amounts are in units of the token. */
export type GateCall =
  | (Common & { readonly action: "Absorb"; readonly asset: bigint; readonly amount: bigint })
  | (Common & {
      readonly action: "Withdraw";
      readonly asset: bigint;
      readonly amount: bigint;
      readonly recipient: string;
      readonly fee: bigint;
    })
  | (Common & { readonly action: "Attest"; readonly level: bigint })
  | (Common & { readonly action: "Flag" })
  | (Common & { readonly action: "Trade"; readonly counterparty: bigint; readonly fill: bigint });

const uint = (name: string) => ({ name, type: "uint256" });
const STATES = [uint("account"), uint("stateBefore"), uint("stateAfter")];
const DEADLINE = uint("deadline");
const TYPES = {
  Absorb: [...STATES, uint("asset"), uint("amount"), DEADLINE],
  Withdraw: [...STATES, uint("asset"), uint("amount"), { name: "recipient", type: "address" }, uint("fee"), DEADLINE],
  Attest: [...STATES, uint("level"), DEADLINE],
  Flag: [...STATES, DEADLINE],
  Trade: [...STATES, uint("counterparty"), uint("fill"), DEADLINE],
} satisfies Record<GateCall["action"], { name: string; type: string }[]>;

const typesOf = ({ action }: GateCall) => ({ [action]: TYPES[action] });

/** The context of a call's proof. `domain` is the gate's (`domainOf`). */
export function contextOf(domain: TypedDataDomain, call: GateCall): FieldElement {
  return (BigInt(TypedDataEncoder.hash(domain, typesOf(call), call)) % FIELD_ORDER) as FieldElement;
}

/** An owner's signature, for a call that somebody else sends. */
export function signCall(owner: Signer, domain: TypedDataDomain, call: GateCall): Promise<string> {
  return owner.signTypedData(domain, typesOf(call), call);
}

/** `IMarginGate.Step`. */
export interface Step extends Common {
  readonly policyId: bigint;
  readonly epoch: bigint;
  readonly proof: readonly bigint[];
  /** "0x" where the owner sends the call, or where it needs none. */
  readonly signature: string;
}

/** A call's step. `market` names the policy and the epoch that the proof was made under. */
export function stepOf(
  { account, stateBefore, stateAfter, deadline }: GateCall,
  { policyId, epoch }: { policyId: bigint; epoch: bigint },
  proof: Groth16Proof,
  signature = "0x",
): Step {
  return { account, stateBefore, stateAfter, policyId, epoch, deadline, proof: proofWords(proof), signature };
}

/** A proof as the verifier takes it: A, B, C in eight words, the imaginary parts of B first. */
export function proofWords({ pi_a, pi_b, pi_c }: Pick<Groth16Proof, "pi_a" | "pi_b" | "pi_c">): bigint[] {
  const words = [pi_a[0], pi_a[1], pi_b[0][1], pi_b[0][0], pi_b[1][1], pi_b[1][0], pi_c[0], pi_c[1]];
  return words.map(BigInt);
}

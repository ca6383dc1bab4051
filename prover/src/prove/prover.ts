// SPDX-License-Identifier: GPL-3.0-or-later
/** From a request to a proof that has been verified, whatever loads the keys and computes the proofs. */

import { PlimsollError, throwIfCancelled } from "../errors.ts";
import type { FieldElement } from "../field.ts";
import type { Artifacts } from "../keys/manifest.ts";
import type { Sponges } from "../model/commit.ts";
import { admissible } from "../model/lot.ts";
import type { BoardSize } from "../model/sizes.ts";
import { buildStatement, type Request } from "../statement/account.ts";
import { type BookRequest, bookStatementBy } from "../statement/book.ts";
import {
  buildDisclosureStatement,
  buildSimulation,
  type DisclosureRequest,
  type SimulationRequest,
} from "../statement/disclosure.ts";
import { type CircuitName, type CircuitOf, circuitOf } from "../statement/families.ts";
import { buildLotStatement, type LotRequest } from "../statement/lot.ts";
import { buildMergeStatement, type MergeRequest } from "../statement/merge.ts";
import { buildRoundStatement, type RoundRequest, roundCircuit } from "../statement/round.ts";
import { buildSettlementStatement, type SettlementRequest } from "../statement/settlement.ts";
import type { WitnessInput } from "../statement/witness-input.ts";
import { type KeyIdentity, keyOf, type Verifier, verifierOf } from "../verify/verifier.ts";
import type { Backend, Circuit } from "./backend.ts";
import { portableSponges } from "./sponges.ts";

/**
 * A proof that the strict verifier has accepted. Everything in it is public.
 * @see docs/library.md#proofs
 */
export interface Proof<Name extends CircuitName = BoardSize> {
  /** Name of the circuit: for `Account` the size of its boards. */
  readonly size: Name;
  /** snarkjs's `proof.json`. */
  readonly proof: Groth16Proof;
  /** snarkjs's `public.json`: all public signals in the circuit's order, as decimal strings. */
  readonly publicSignals: readonly string[];
  readonly key: KeyIdentity<Name>;
}

/** Points are affine, coordinates decimal strings below the order of the base field. */
export interface Groth16Proof {
  readonly pi_a: readonly [string, string, "1"];
  readonly pi_b: readonly [readonly [string, string], readonly [string, string], readonly ["1", "0"]];
  readonly pi_c: readonly [string, string, "1"];
  readonly protocol: "groth16";
  readonly curve: "bn128";
}

/** Steps of one proof, in order. `load` is quick when the size has been used before. */
export const PROVE_STEPS = ["load", "witness", "prove", "verify"] as const;
export type ProveStep = (typeof PROVE_STEPS)[number];

/**
 * How a proof is made: when to stop, and who is told of its steps.
 * @see docs/library.md#proofs
 */
export interface ProveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called as each step begins. */
  readonly onStep?: ((step: ProveStep, size: CircuitName) => void) | undefined;
}

/**
 * Makes proofs, and verifies each strictly before it returns it.
 * @see docs/library.md#proofs
 */
export interface Prover {
  /**
   * Proves a request; the board size is that of its account. Holds secrets in memory only.
   *
   * Throws `STATEMENT_FALSE` without starting a proof where the statement is not true of the account, `CANCELLED`
   * soon after the signal is raised, `ARTIFACT_MISSING` or `ARTIFACT_HASH` from loading, `OUT_OF_RANGE` and
   * `FIELD_INVALID` for a request that is malformed, `KEY_REFUSED`, `OUT_OF_MEMORY`, and `INTERNAL` where no proof came out that
   * the strict verifier accepts. No error holds a private value.
   */
  prove(request: Request, options?: ProveOptions): Promise<Proof>;
  /** Proves that an account has settled. Throws as `prove` and as the model's `settle`. */
  settle(request: SettlementRequest, options?: ProveOptions): Promise<Proof<CircuitOf<"settlement">>>;
  /** Proves that one account holds what two others hold together. Throws as `prove` and as the model's `merge`. */
  merge(request: MergeRequest, options?: ProveOptions): Promise<Proof<CircuitOf<"merge">>>;
  /**
   * Proves that a lot that a liquidation may take has left an account. Throws as `prove`; `STATEMENT_FALSE` names the rule
   * that the lot breaks (`lot.size`, for instance).
   */
  liquidate(request: LotRequest, options?: ProveOptions): Promise<Proof<CircuitOf<"lot">>>;
  /** Proves that a figure of an account is in a band, to one auditor. Throws as `prove`. */
  disclose(request: DisclosureRequest, options?: ProveOptions): Promise<Proof<CircuitOf<"disclosure">>>;
  /** What only the auditor can make: a proof like that of any claim, true or not. Throws as `prove`. */
  simulate(request: SimulationRequest, options?: ProveOptions): Promise<Proof<CircuitOf<"disclosure">>>;
  /** Proves that accounts have stepped by a round and are covered afterwards. Throws as `prove` and as the model's `applyRound`. */
  round(request: RoundRequest, options?: ProveOptions): Promise<Proof<CircuitOf<"round">>>;
  /** Proves a step of a book: that accounts are covered and join its totals. Throws as `prove` and as `buildBookStatement`. */
  book(request: BookRequest, options?: ProveOptions): Promise<Proof<CircuitOf<"book">>>;
  /** The key under which this prover's proofs of a circuit verify. Loads the circuit; throws like it. */
  key<Name extends CircuitName>(size: Name): Promise<KeyIdentity<Name>>;
  /** Waits for the proof being made, ends all threads and forgets the keys. A process that has closed exits by itself. */
  close(): Promise<void>;
}

/** A circuit and its keys. Backends open proving keys on threads of their own; opening a verifier is for while they prove. */
interface Loaded {
  readonly key: () => Promise<KeyIdentity<CircuitName>>;
  readonly circuit: Promise<Circuit>;
  readonly verifier: () => Promise<Verifier<CircuitName>>;
}

/** A statement worked out. */
type Stated = WitnessInput & { readonly publicSignals: readonly FieldElement[] };

/** What a prover is made of. */
export interface ProverParts {
  readonly load: (size: CircuitName) => Promise<Artifacts<CircuitName>>;
  readonly backend: Backend;
  /** Else by the portable permutation. */
  readonly sponges?: Sponges;
}

/** A prover that loads each circuit once, at its first use, and keeps it warm. */
export function proverOf({ load, backend, sponges = portableSponges }: ProverParts): Prover {
  const sizes = new Map<CircuitName, Loaded>();
  let closed = false;

  /** A failure is not kept: the caller may build what is missing and try again. */
  function loaded(size: CircuitName): Loaded {
    let entry = sizes.get(size);
    if (entry === undefined) {
      entry = open(size);
      sizes.set(size, entry);
      entry.circuit.catch(() => sizes.delete(size));
    }
    return entry;
  }

  function open(size: CircuitName): Loaded {
    const loading = load(size);
    const circuit = loading.then((files) => guarded(() => backend.open(files), "the circuit could not be opened"));
    // Of what is loaded no more is kept than a verifier needs.
    const forVerifier = loading.then(({ identity, verificationKeyFile }) => ({ identity, verificationKeyFile }));
    forVerifier.catch(() => {}); // `circuit` fails too
    let verifier: Promise<Verifier<CircuitName>> | undefined;
    return {
      key: () => forVerifier.then(keyOf),
      circuit,
      verifier: () => {
        if (verifier === undefined) {
          verifier = forVerifier.then(verifierOf);
          verifier.catch(() => sizes.delete(size));
        }
        return verifier;
      },
    };
  }

  const throwIfClosed = () => {
    if (closed) throw new PlimsollError("CANCELLED", "the prover is closed");
  };

  /** Works the statement out before anything is loaded; `stated` throws where there is nothing to prove. */
  async function proofOf<Name extends CircuitName>(
    size: Name,
    stated: () => Stated | Promise<Stated>,
    { signal, onStep }: ProveOptions = {},
  ): Promise<Proof<Name>> {
    const begin = (step: ProveStep) => {
      throwIfCancelled(signal);
      onStep?.(step, size);
      throwIfClosed(); // whoever is told of the step may have closed
    };
    throwIfClosed();
    throwIfCancelled(signal);
    const { circuitInput, hints, publicSignals } = await stated();
    begin("load");
    let entry = loaded(size);
    let circuit = await entry.circuit;
    if (circuit.lost) {
      if (sizes.get(size) === entry) sizes.delete(size);
      entry = loaded(size);
      circuit = await entry.circuit;
    }
    begin("witness");
    const witness = await guarded(() => circuit.witness({ circuitInput, hints }), "the witness could not be computed");
    begin("prove");
    const proving = guarded(() => circuit.prove(witness, signal), "the proof could not be computed");
    const proven = proving.finally(() => witness.fill(0));
    proven.catch(() => {}); // is for whoever awaits it below, should the verifier fail first
    const verifier = await entry.verifier();
    verifier.marketPoint(publicSignals); // meanwhile; the verifier keeps it
    const proof = await proven;
    // A signal of the system's that came while this thread was busy is heard first.
    await new Promise((heard) => setTimeout(heard, 0));
    begin("verify");
    const signals = publicSignals.map(String);
    const verdict = verifier.verify(signals, proof);
    if (!verdict.ok) throw new PlimsollError("INTERNAL", `the proof made does not verify: ${verdict.reason}`);
    throwIfCancelled(signal);
    return { size, proof: proof as Groth16Proof, publicSignals: signals, key: verifier.key as KeyIdentity<Name> };
  }

  return {
    async prove(request, proving) {
      return proofOf(request.before.size, () => ifTrue(buildStatement(request)), proving);
    },
    async settle(request, proving) {
      return proofOf(circuitOf("settlement", request.before.size), () => buildSettlementStatement(request), proving);
    },
    async merge(request, proving) {
      return proofOf(circuitOf("merge", request.left.size), () => buildMergeStatement(request), proving);
    },
    async liquidate(request, proving) {
      const stated = () => {
        const statement = buildLotStatement(request);
        admissible(statement.appraisal);
        return statement;
      };
      return proofOf(circuitOf("lot", request.before.size), stated, proving);
    },
    async disclose(request, proving) {
      return proofOf(
        circuitOf("disclosure", request.account.size),
        () => ifTrue(buildDisclosureStatement(request)),
        proving,
      );
    },
    async simulate(request, proving) {
      return proofOf(circuitOf("disclosure", request.size), () => buildSimulation(request), proving);
    },
    async round(request, proving) {
      return proofOf(
        roundCircuit(request.market.board.size, request.members.length),
        () => ifTrue(buildRoundStatement(request)),
        proving,
      );
    },
    async book(request, proving) {
      return proofOf(request.circuit, async () => ifTrue(await bookStatementBy(request, sponges)), proving);
    },
    async key<Name extends CircuitName>(size: Name) {
      throwIfClosed();
      return (await loaded(size).key()) as KeyIdentity<Name>;
    },
    async close() {
      closed = true;
      sizes.clear();
      await backend.close();
    },
  };
}

function ifTrue<Statement extends { readonly holds: boolean }>(statement: Statement): Statement {
  if (statement.holds) return statement;
  throw new PlimsollError("STATEMENT_FALSE", "the statement is not true of this account, so no proof of it exists");
}

/** Runs work of a backend and drops what a library in it says of a failure, which may quote private values. */
async function guarded<T>(work: () => Promise<T>, failure: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PlimsollError ? error : new PlimsollError("INTERNAL", failure);
  }
}

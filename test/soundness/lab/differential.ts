// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Three verifiers over mutated proofs and signals: the strict one, snarkjs and the contract.
 *
 * What the strict verifier accepts the other two must accept, and it must be the statement that was proven, letter by
 * letter. Where the other two differ between themselves is reported, not judged: snarkjs repairs what it reads, and the
 * contract is handed numbers, so text that stands for the same number is the same to it.
 */
import { isDeepStrictEqual } from "node:util";
import { bn254 } from "@noble/curves/bn254.js";
import { ContractFactory, type Signer } from "ethers";
import { network } from "hardhat";
import { groth16 } from "snarkjs";
import { releasedContract } from "../../../prover/src/chain/deploy.ts";
import { proofWords } from "../../../prover/src/chain/gate-calls.ts";
import { chainKey } from "../../../prover/src/chain/verifying-key.ts";
import { FIELD_ORDER, toField } from "../../../prover/src/field.ts";
import { type BoardSize, instrumentsOf } from "../../../prover/src/model/sizes.ts";
import { loadLinkKey, loadVerificationKey, type VerificationKey } from "../../../prover/src/node/artifacts.ts";
import { createProver, type Groth16Proof } from "../../../prover/src/node/prover.ts";
import {
  boardSizeOf,
  type CircuitName,
  FAMILIES,
  type FamilyName,
  familyOf,
  ownSignalsOf,
  publicInputsOf,
  shapeOf,
} from "../../../prover/src/statement/families.ts";
import { createVerifier } from "../../../prover/src/verify/verifier.ts";
import { pointOf } from "../../contracts/points.ts";
import type { ProofJson } from "../../support/forge.ts";
import { type Rng, randomRequest, seededRng } from "../../support/random.ts";
import { endSnarkjsThreads } from "../../support/snarkjs.ts";

/** As snarkjs writes them, or not quite. */
export interface Given {
  readonly proof: unknown;
  readonly signals: unknown;
}
/** What is accepted, and changed from. */
export interface Valid {
  readonly proof: ProofJson;
  readonly signals: readonly string[];
}

export type Mutation = (valid: Valid, rng: Rng) => Given;

export interface Differential {
  readonly tried: number;
  /** Kind of mutation, and for each answer (strict, snarkjs, contract: `+` accepts, `-` refuses) how often. */
  readonly answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** What the strict verifier accepts and another does not, or that is not what was proven. */
  readonly violations: readonly string[];
}

const Q = bn254.fields.Fp.ORDER;
const { Fr } = bn254.fields;
const { G1, G2 } = { G1: bn254.G1.Point, G2: bn254.G2.Point };

// ---- Mutations ------------------------------------------------------------------------------------------------------

/** Other texts and values in the place of a number below `modulus`. */
const NUMBERS: Readonly<Record<string, (text: string, modulus: bigint, rng: Rng) => unknown>> = {
  "one more": (text, modulus) => `${(BigInt(text) + 1n) % modulus}`,
  "plus modulus": (text, modulus) => `${BigInt(text) + modulus}`,
  "plus 2^256": (text) => `${BigInt(text) + (1n << 256n)}`,
  "minus modulus": (text, modulus) => `${BigInt(text) - modulus}`,
  negated: (text, modulus) => `${(modulus - BigInt(text)) % modulus}`,
  hexadecimal: (text) => `0x${BigInt(text).toString(16)}`,
  "leading zero": (text) => `0${text}`,
  "leading space": (text) => ` ${text}`,
  "plus sign": (text) => `+${text}`,
  "trailing newline": (text) => `${text}\n`,
  "one digit": (text, _modulus, rng) => {
    const at = Number(rng.below(BigInt(text.length)));
    return `${text.slice(0, at)}${rng.below(10n)}${text.slice(at + 1)}`;
  },
  zero: () => "0",
  empty: () => "",
  number: (text) => Number(text),
  bigint: (text) => BigInt(text),
  null: () => null,
  list: (text) => [text],
  exponent: () => "1e3",
  random: (_text, modulus, rng) => `${rng.below(modulus)}`,
};

const COORDINATES: readonly (readonly (string | number)[])[] = [
  ...[0, 1].flatMap((i) => [
    ["pi_a", i],
    ["pi_c", i],
  ]),
  ...[0, 1].flatMap((i) => [0, 1].map((j) => ["pi_b", i, j])),
];

function changed(root: object, path: readonly (string | number)[], value: (old: string) => unknown): unknown {
  const copy = structuredClone(root) as Record<string | number, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  at[path.at(-1)!] = value(at[path.at(-1)!] as string);
  return copy;
}

const g1 = (point: InstanceType<typeof G1>) => {
  const { x, y } = point.toAffine();
  return [`${x}`, `${y}`, "1"] as [string, string, string];
};
const g2 = (point: InstanceType<typeof G2>) => {
  const { x, y } = point.toAffine();
  return [
    [`${x.c0}`, `${x.c1}`],
    [`${y.c0}`, `${y.c1}`],
    ["1", "0"],
  ] as ProofJson["pi_b"];
};
const readG1 = ([x, y]: readonly string[]) => G1.fromAffine({ x: BigInt(x!), y: BigInt(y!) });
const readG2 = ([x, y]: ProofJson["pi_b"]) =>
  G2.fromAffine({
    x: bn254.fields.Fp2.create({ c0: BigInt(x![0]), c1: BigInt(x![1]) }),
    y: bn254.fields.Fp2.create({ c0: BigInt(y![0]), c1: BigInt(y![1]) }),
  });

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  unchanged: (valid) => valid,
  "re-randomised": ({ proof, signals }, rng) => {
    const t = toField(rng.below(FIELD_ORDER - 1n) + 1n);
    return {
      proof: {
        ...proof,
        pi_a: g1(readG1(proof.pi_a).multiply(t)),
        pi_b: g2(readG2(proof.pi_b).multiply(Fr.inv(t))),
      },
      signals,
    };
  },
  "A and B negated": ({ proof, signals }) => ({
    proof: { ...proof, pi_a: g1(readG1(proof.pi_a).negate()), pi_b: g2(readG2(proof.pi_b).negate()) },
    signals,
  }),
  "a point negated": ({ proof, signals }, rng) => ({
    proof: rng.chance(0.5)
      ? { ...proof, pi_a: g1(readG1(proof.pi_a).negate()) }
      : { ...proof, pi_c: g1(readG1(proof.pi_c).negate()) },
    signals,
  }),
  "points exchanged": ({ proof, signals }) => ({ proof: { ...proof, pi_a: proof.pi_c, pi_c: proof.pi_a }, signals }),
  "point at infinity": ({ proof, signals }, rng) => {
    const zero = rng.pick(["pi_a", "pi_b", "pi_c"] as const);
    const affine = rng.chance(0.5);
    const infinity = {
      pi_a: affine ? ["0", "0", "1"] : ["0", "1", "0"],
      pi_c: affine ? ["0", "0", "1"] : ["0", "1", "0"],
      pi_b: affine
        ? [["0", "0"], ["0", "0"], ["1", "0"]] // biome-ignore format: rows of one matrix
        : [
            ["0", "0"],
            ["1", "0"],
            ["0", "0"],
          ],
    };
    return { proof: { ...proof, [zero]: infinity[zero] }, signals };
  },
  "a point of G2 off its subgroup": ({ proof, signals }, rng) => {
    // Almost no point of the curve over Fp2 is of order r.
    const { Fp2 } = bn254.fields;
    for (;;) {
      const x = Fp2.create({ c0: rng.below(Q), c1: rng.below(Q) });
      try {
        const y = Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), bn254.G2.Point.CURVE().b));
        return { proof: { ...proof, pi_b: g2(G2.fromAffine({ x, y })) }, signals };
      } catch {
        // no square root: another x
      }
    }
  },
  "z of a point": ({ proof, signals }, rng) => {
    const point = rng.pick(["pi_a", "pi_c"] as const);
    const [x, y] = proof[point];
    // The same point in projective coordinates, as others may write it; or a coordinate that is not there.
    const scaled = rng.chance(0.5) ? [`${(BigInt(x) * 3n) % Q}`, `${(BigInt(y) * 3n) % Q}`, "3"] : [x, y];
    return { proof: { ...proof, [point]: scaled }, signals };
  },
  "field of the proof": ({ proof, signals }, rng) => ({
    proof: rng.pick([
      { ...proof, extra: "1" },
      { ...proof, protocol: "plonk" },
      { ...proof, curve: "bls12381" },
      { ...proof, curve: "bn254" },
      { ...proof, pi_c: undefined },
      JSON.stringify(proof),
      null,
      [],
    ]),
    signals,
  }),
  "list of signals": ({ proof, signals }, rng) => {
    const at = Number(rng.below(BigInt(signals.length)));
    return {
      proof,
      signals: rng.pick<unknown>([
        signals.slice(0, -1),
        [...signals, "0"],
        [...signals, signals[at]],
        signals.toSpliced(at, 1),
        signals.slice(0, FAMILIES.account.own.length),
        [],
        { ...signals, length: signals.length },
        signals.join(),
      ]),
    };
  },
  "signals exchanged": ({ proof, signals }, rng) => {
    const [a, b] = [0, 1].map(() => Number(rng.below(BigInt(signals.length)))) as [number, number];
    return { proof, signals: signals.with(a, signals[b]!).with(b, signals[a]!) };
  },
  ...Object.fromEntries(
    Object.entries(NUMBERS).flatMap(([name, change]): [string, Mutation][] => [
      [
        `signal: ${name}`,
        ({ proof, signals }, rng) => {
          // Half of the time one of the six that the contract is handed.
          const at = Number(rng.below(BigInt(rng.chance(0.5) ? FAMILIES.account.own.length : signals.length)));
          return { proof, signals: signals.with(at, change(signals[at]!, FIELD_ORDER, rng) as string) };
        },
      ],
      [
        `coordinate: ${name}`,
        ({ proof, signals }, rng) => ({
          proof: changed(proof, rng.pick(COORDINATES), (text) => change(text, Q, rng)),
          signals,
        }),
      ],
    ]),
  ),
};

// ---- The three ------------------------------------------------------------------------------------------------------

interface Contracts {
  verify(proof: readonly bigint[], inputs: readonly bigint[], market: readonly bigint[]): Promise<unknown>;
}

/** Verifiers on chain, by family. */
const VERIFIERS = {
  account: "AccountVerifier",
  settlement: "SettlementVerifier",
  lot: "LotVerifier",
  round: "RoundVerifier",
} as const satisfies Partial<Record<FamilyName, string>>;

/** The contract's answer under a key, which is deployed for it. A call that reverts rejects. */
export async function contractVerifier(
  circuit: CircuitName,
  verificationKey: VerificationKey,
  deployer: Signer,
): Promise<(given: Given) => Promise<boolean>> {
  const contract = await contractOf(circuit, verificationKey, deployer);
  const own = ownSignalsOf(circuit).length;
  const points = new Map<string, readonly bigint[]>();
  return async (given) => {
    const { words, numbers } = calldata(given);
    const market = numbers.slice(own);
    // Links are of so many values, each below the group order.
    if (numbers.length !== publicInputsOf(circuit) || market.some((value) => value < 0n || value >= FIELD_ORDER))
      return false;
    const text = market.join();
    const point = points.get(text) ?? Object.values(pointOf(verificationKey, market, own));
    points.set(text, point);
    await contract.verify(words, numbers.slice(0, own), point);
    return true;
  };
}

async function contractOf(
  circuit: CircuitName,
  verificationKey: VerificationKey,
  deployer: Signer,
): Promise<Contracts> {
  const { linkKeyFile } = await loadLinkKey(circuit);
  const { hash, key } = chainKey(verificationKey, ownSignalsOf(circuit).length, linkKeyFile);
  const { abi, bytecode } = await releasedContract(VERIFIERS[familyOf(circuit) as keyof typeof VERIFIERS]);
  const { members } = shapeOf(circuit);
  const sizes = [instrumentsOf(boardSizeOf(circuit)), ...(members === undefined ? [] : [members])];
  const contract = await new ContractFactory(abi, bytecode, deployer).deploy(...sizes, key, hash);
  return (await contract.waitForDeployment()) as unknown as Contracts;
}

/** What whoever calls the contract would make of the text: numbers, however they are written. Throws where they are none. */
function calldata({ proof, signals }: Given): { words: bigint[]; numbers: bigint[] } {
  const number = (value: unknown) => {
    if (Array.isArray(value)) throw new TypeError("not a number");
    return BigInt(value as string);
  };
  return { words: proofWords(proof as Groth16Proof).map(number), numbers: Array.from(signals as string[], number) };
}

export interface DifferentialOptions {
  readonly seed?: number;
  /** All unless given. */
  readonly kinds?: readonly string[];
  /** In the strict verifier's place, to see that the differential notices. */
  readonly strict?: (given: Given) => boolean;
  /** Called after each mutation. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A given number of mutations of one real proof, every kind in turn. */
export async function differential(
  size: BoardSize,
  count: number,
  { seed = 1, kinds = Object.keys(MUTATIONS), strict: instead, onProgress = () => {} }: DifferentialOptions = {},
): Promise<Differential> {
  const rng = seededRng(seed);
  const prover = createProver();
  const { identity, verificationKey, verificationKeyFile } = await loadVerificationKey(size);
  const chain = await network.create({ override: { gas: 16_000_000n } });
  try {
    const made = await prover.prove(randomRequest(rng, size, { holds: true }));
    const valid: Valid = { proof: made.proof as ProofJson, signals: made.publicSignals.map(String) };
    const strict = createVerifier(verificationKeyFile, {
      size,
      sha256: identity.verificationKeySha256,
      origin: identity.origin,
    });
    const contract = await contractVerifier(
      size,
      verificationKey,
      (await chain.ethers.getSigners())[0] as unknown as Signer,
    );

    const asks: Readonly<Record<string, (given: Given) => Promise<boolean>>> = {
      strict: async (given) => instead?.(given) ?? strict.verify(given.signals, given.proof).ok,
      snarkjs: ({ signals, proof }) => groth16.verify(verificationKey, signals as string[], proof as ProofJson),
      contract,
    };
    const accepts = async (ask: (given: Given) => Promise<boolean>, given: Given) => {
      try {
        return await ask(structuredClone(given));
      } catch {
        return false;
      }
    };

    const answers = new Map<string, Map<string, number>>();
    const violations: string[] = [];
    for (let index = 0; index < count; index++) {
      const kind = kinds[index % kinds.length]!;
      const given = MUTATIONS[kind]!(valid, rng);
      const says: boolean[] = [];
      for (const [name, ask] of Object.entries(asks)) {
        // The strict verifier never throws: where it does, that is no refusal.
        says.push(await (name === "strict" ? ask(structuredClone(given)) : accepts(ask, given)));
      }
      const answer = says.map((yes) => (yes ? "+" : "-")).join("");
      const counts = answers.get(kind) ?? new Map<string, number>();
      answers.set(kind, counts.set(answer, (counts.get(answer) ?? 0) + 1));
      if (says[0] && !(says[1] && says[2])) violations.push(`${index}, ${kind}: ${answer}`);
      if (says[0] && !isDeepStrictEqual(given.signals, valid.signals)) {
        violations.push(`${index}, ${kind}: the strict verifier accepts other signals than were proven`);
      }
      onProgress(index + 1, count);
    }
    return { tried: count, answers, violations };
  } finally {
    await chain.close();
    await prover.close();
    await endSnarkjsThreads();
  }
}

/** Kinds of mutation on which snarkjs and the contract differ, with their answers. */
export function disagreements({ answers }: Differential): string[] {
  return [...answers].flatMap(([kind, counts]) =>
    [...counts]
      .filter(([answer]) => answer[1] !== answer[2])
      .map(([answer, times]) => `${kind}: ${answer[1] === "+" ? "snarkjs" : "the contract"} alone accepts, ${times}×`),
  );
}

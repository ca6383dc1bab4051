// SPDX-License-Identifier: GPL-3.0-or-later
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { groth16 } from "snarkjs";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { BOARD_SIZES, type BoardSize } from "../../prover/src/model/sizes.ts";
import type { VerificationKey } from "../../prover/src/node/artifacts.ts";
import { publicInputsOf } from "../../prover/src/statement/families.ts";
import { createVerifier } from "../../prover/src/verify/verifier.ts";
import { forgeWithoutContribution } from "../support/forge.ts";
import { seededRng } from "../support/random.ts";
import { type SimulatedKey, simulatedKey } from "../support/simulated.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const BASE_FIELD_ORDER = bn254.fields.Fp.ORDER;
const SIZE = "board-60";

/** Signals of every magnitude, zeros among them. */
function randomSignals(size: BoardSize, seed: number): bigint[] {
  const rng = seededRng(seed);
  return Array.from({ length: publicInputsOf(size) }, () =>
    rng.chance(0.2) ? 0n : rng.chance(0.3) ? rng.below(1n << 60n) : rng.below(FIELD_ORDER),
  );
}

const opened = ({ file, identity }: SimulatedKey) => createVerifier(file, identity);

describe("strict verifier", () => {
  const simulated = simulatedKey(SIZE);
  const verifier = opened(simulated);
  const values = randomSignals(SIZE, 1);
  const signals = values.map(String);
  const proof = simulated.prove(values);

  after(endSnarkjsThreads);

  /** A deep copy of proof.json or public.json to damage. */
  // biome-ignore lint/suspicious/noExplicitAny: the point is to put anything anywhere
  const copy = (value: unknown): any => structuredClone(value);
  const reasonOf = (publicSignals: unknown, candidate: unknown) => {
    const verdict = verifier.verify(publicSignals, candidate);
    return verdict.ok ? "accepted" : verdict.reason;
  };

  for (const size of BOARD_SIZES) {
    it(`accepts a proof with all public inputs of ${size}, as snarkjs does, and one signal changed by neither`, async () => {
      const own = simulatedKey(size, 2n);
      const ownVerifier = opened(own);
      const ownValues = randomSignals(size, 2);
      const ownProof = own.prove(ownValues);
      const texts = ownValues.map(String);
      expect(ownVerifier.verify(texts, ownProof)).to.deep.equal({ ok: true, signals: ownValues });
      expect(await groth16.verify(own.key, texts, ownProof)).to.equal(true);
      for (const index of [0, 5, 6, texts.length - 1]) {
        const changed = texts.with(index, String((ownValues[index]! + 1n) % FIELD_ORDER));
        expect(ownVerifier.verify(changed, ownProof)).to.include({ ok: false, reason: "PAIRING_FAILED" });
        expect(await groth16.verify(own.key, changed, ownProof)).to.equal(false);
      }
    });
  }

  it("accepts signals that are all zero, or that sum to the point at infinity", () => {
    const zeros = values.map(() => 0n);
    expect(reasonOf(zeros.map(String), simulated.prove(zeros))).to.equal("accepted");
    // IC_i = (13^80 + i·17^80)·G, so this first signal cancels the constant term.
    const { Fr } = bn254.fields;
    const cancelling = zeros.with(0, Fr.neg(Fr.div(Fr.create(13n ** 80n), Fr.create(13n ** 80n + 17n ** 80n))));
    expect(reasonOf(cancelling.map(String), simulated.prove(cancelling))).to.equal("accepted");
  });

  it("keeps no sum of one market for another", () => {
    const other = values.with(50, values[50]! === 0n ? 1n : 0n);
    expect(reasonOf(signals, proof)).to.equal("accepted");
    expect(reasonOf(other.map(String), proof)).to.equal("PAIRING_FAILED");
    expect(reasonOf(other.map(String), simulated.prove(other))).to.equal("accepted");
    expect(reasonOf(signals, simulated.prove(other))).to.equal("PAIRING_FAILED");
  });

  it("A01: refuses extra, missing, hex, padded, numeric, negative and unreduced signals with a code", () => {
    const place = values.findIndex((value) => value !== 0n && value < 1n << 50n);
    const value = values[place]!;
    const cases: [unknown, string][] = [
      [[...signals, "0"], "SIGNALS_COUNT"],
      [signals.slice(0, -1), "SIGNALS_COUNT"],
      [[], "SIGNALS_COUNT"],
      [undefined, "SIGNALS_COUNT"],
      [null, "SIGNALS_COUNT"],
      ["0".repeat(signals.length), "SIGNALS_COUNT"],
      [{ ...signals, length: signals.length }, "SIGNALS_COUNT"],
      [signals.with(place, `0x${value.toString(16)}`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, `0${value}`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, `+${value}`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, `-${value}`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, ` ${value}`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, `${value}\n`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, `${value}.0`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, `${value}n`), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, ""), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, "٣"), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, "9".repeat(100_000)), "SIGNAL_NOT_CANONICAL"],
      [(signals as unknown[]).with(place, Number(value)), "SIGNAL_NOT_CANONICAL"],
      [(signals as unknown[]).with(place, value), "SIGNAL_NOT_CANONICAL"],
      [(signals as unknown[]).with(place, [`${value}`]), "SIGNAL_NOT_CANONICAL"],
      [(signals as unknown[]).with(place, { toString: () => `${value}` }), "SIGNAL_NOT_CANONICAL"],
      [(signals as unknown[]).with(place, null), "SIGNAL_NOT_CANONICAL"],
      [Array(signals.length), "SIGNAL_NOT_CANONICAL"],
      [signals.with(place, `${FIELD_ORDER}`), "SIGNAL_NOT_REDUCED"],
      [signals.with(place, `${value + FIELD_ORDER}`), "SIGNAL_NOT_REDUCED"],
    ];
    for (const [changed, reason] of cases) expect(reasonOf(changed, proof)).to.equal(reason);
  });

  it("A02: refuses coordinates that are not reduced, z other than 1 and fields of another kind with a code", () => {
    const q = BASE_FIELD_ORDER;
    type Damage = (p: ReturnType<typeof copy>) => unknown;
    const cases: [Damage, string][] = [
      [(p) => (p.pi_a[0] = `${BigInt(p.pi_a[0]) + q}`), "COORDINATE_NOT_REDUCED"],
      [(p) => (p.pi_a[1] = `${BigInt(p.pi_a[1]) + q}`), "COORDINATE_NOT_REDUCED"],
      [(p) => (p.pi_b[0][1] = `${BigInt(p.pi_b[0][1]) + q}`), "COORDINATE_NOT_REDUCED"],
      [(p) => (p.pi_c[1] = `${q}`), "COORDINATE_NOT_REDUCED"],
      [(p) => (p.pi_a[1] = "0"), "POINT_NOT_ON_CURVE"],
      [(p) => (p.pi_a[0] = "0"), "POINT_NOT_ON_CURVE"],
      [(p) => (p.pi_b[1] = ["0", "0"]), "POINT_NOT_ON_CURVE"],
      [(p) => (p.pi_a[0] = `0x${BigInt(p.pi_a[0]).toString(16)}`), "COORDINATE_NOT_CANONICAL"],
      [(p) => (p.pi_a[0] = `0${p.pi_a[0]}`), "COORDINATE_NOT_CANONICAL"],
      [(p) => (p.pi_b[1][0] = BigInt(p.pi_b[1][0])), "COORDINATE_NOT_CANONICAL"],
      [(p) => (p.pi_c[0] = null), "COORDINATE_NOT_CANONICAL"],
      [(p) => (p.pi_a[2] = "2"), "POINT_NOT_AFFINE"],
      [(p) => (p.pi_a[2] = 1), "POINT_NOT_AFFINE"],
      [(p) => (p.pi_a[2] = "01"), "POINT_NOT_AFFINE"],
      [(p) => (p.pi_b[2] = ["1", "1"]), "POINT_NOT_AFFINE"],
      [(p) => (p.pi_b[2] = ["0", "1"]), "POINT_NOT_AFFINE"],
      [(p) => (p.pi_a = ["0", "1", "0"]), "POINT_AT_INFINITY"],
      [(p) => (p.pi_a = ["0", "0", "1"]), "POINT_AT_INFINITY"],
      [
        (p) =>
          (p.pi_b = [
            ["0", "0"],
            ["1", "0"],
            ["0", "0"],
          ]),
        "POINT_AT_INFINITY",
      ],
      [
        (p) =>
          (p.pi_b = [
            ["0", "0"],
            ["0", "0"],
            ["1", "0"],
          ]),
        "POINT_AT_INFINITY",
      ],
      [(p) => p.pi_a.pop(), "PROOF_FIELDS"],
      [(p) => p.pi_a.push("1"), "PROOF_FIELDS"],
      [(p) => p.pi_b.pop(), "PROOF_FIELDS"],
      [(p) => p.pi_b[0].push("0"), "PROOF_FIELDS"],
      [(p) => (p.pi_b[2] = "10"), "PROOF_FIELDS"],
      [(p) => (p.pi_c = { 0: "1", 1: "2", 2: "1" }), "PROOF_FIELDS"],
      [(p) => delete p.pi_b, "PROOF_FIELDS"],
      [(p) => (p.extra = "1"), "PROOF_FIELDS"],
      [(p) => (p.protocol = "plonk"), "PROOF_FIELDS"],
      [(p) => (p.protocol = "Groth16"), "PROOF_FIELDS"],
      [(p) => (p.curve = "bls12381"), "PROOF_FIELDS"],
      [(p) => delete p.curve, "PROOF_FIELDS"],
      [(p) => (p.pi_a[1] = `${q - BigInt(p.pi_a[1])}`), "PAIRING_FAILED"],
      [(p) => ([p.pi_a, p.pi_c] = [p.pi_c, p.pi_a]), "PAIRING_FAILED"],
      [(p) => (p.pi_a[0] = `${BigInt(p.pi_a[0]) ^ 1n}`), "POINT_NOT_ON_CURVE"],
      [(p) => p.pi_b[0].reverse(), "POINT_NOT_ON_CURVE"],
    ];
    for (const [damage, reason] of cases) {
      const damaged = copy(proof);
      damage(damaged);
      expect(reasonOf(signals, damaged), damage.toString()).to.equal(reason);
    }
    for (const nothing of [undefined, null, "", 0, [], {}, JSON.parse('{"__proto__": {"pi_a": 1}}')]) {
      expect(reasonOf(signals, nothing)).to.equal("PROOF_FIELDS");
    }
    const inherited = Object.create(proof);
    expect(reasonOf(signals, inherited)).to.equal("PROOF_FIELDS");
  });

  it("A02: refuses a point of the twist outside the subgroup of order r", () => {
    const { Fp2 } = bn254.fields;
    const { b } = bn254.G2.Point.CURVE();
    // The first x above 1 that has a y; the twist's cofactor is about 2^254, so its point is not in the subgroup.
    for (let c0 = 1n; ; c0++) {
      const x = Fp2.create({ c0, c1: 0n });
      const square = Fp2.add(Fp2.mul(Fp2.sqr(x), x), b);
      let y: typeof x;
      try {
        y = Fp2.sqrt(square);
      } catch {
        continue;
      }
      const outside = copy(proof);
      outside.pi_b = [
        [`${x.c0}`, `${x.c1}`],
        [`${y.c0}`, `${y.c1}`],
        ["1", "0"],
      ];
      expect(reasonOf(signals, outside)).to.equal("POINT_NOT_IN_SUBGROUP");
      return;
    }
  });

  it("accepts only what snarkjs accepts, over a corpus of mutated proofs and signals", async () => {
    const rng = seededRng(7);
    const texts = (value: unknown): [string[], number][] =>
      Array.isArray(value)
        ? value.flatMap((member, index) =>
            typeof member === "string" ? [[value as string[], index] as [string[], number]] : texts(member),
          )
        : [];
    const change = (text: string): string =>
      rng.pick([
        () => `${BigInt(text) + 1n}`,
        () => `${BigInt(text) + FIELD_ORDER}`,
        () => `${BASE_FIELD_ORDER - (BigInt(text) % BASE_FIELD_ORDER)}`,
        () => `0x${BigInt(text).toString(16)}`,
        () => `0${text}`,
        () => text.slice(0, -1) || "7",
        () => "0",
        () => "1",
        () => text,
      ])();
    let accepted = 0;
    for (let round = 0; round < 60; round++) {
      const mutatedProof = copy(proof);
      const mutatedSignals: string[] = copy(signals);
      if (rng.chance(0.5)) {
        const [holder, index] = rng.pick(texts([mutatedProof.pi_a, mutatedProof.pi_b, mutatedProof.pi_c]));
        holder[index] = change(holder[index]!);
      } else {
        const index = Number(rng.below(BigInt(mutatedSignals.length)));
        mutatedSignals[index] = change(mutatedSignals[index]!);
      }
      if (!verifier.verify(mutatedSignals, mutatedProof).ok) continue;
      accepted++;
      expect(await groth16.verify(simulated.key, mutatedSignals, mutatedProof)).to.equal(true);
    }
    expect(accepted).to.be.within(1, 59);
  });

  describe("key", () => {
    const refusal = (work: () => unknown): string => {
      try {
        work();
      } catch (error) {
        if (error instanceof PlimsollError) return `${error.code}: ${error.rule}`;
        throw error;
      }
      return "opened";
    };
    const tweaked = (tweak: (key: VerificationKey) => object) =>
      refusal(() => opened(simulatedKey(SIZE, 1n, (key) => tweak(copy(key)))));

    it("A03: is refused by its hash where it is another key, sound as that may be", () => {
      const other = simulatedKey(SIZE, 3n);
      expect(opened(other).verify(signals, other.prove(values)).ok).to.equal(true);
      expect(refusal(() => createVerifier(other.file, simulated.identity))).to.match(/^ARTIFACT_HASH/);
      expect(reasonOf(signals, other.prove(values))).to.equal("PAIRING_FAILED");
    });

    it("P04: is refused by its hash with one byte changed", () => {
      const changed = Uint8Array.from(simulated.file);
      changed[1000]! ^= 1;
      expect(refusal(() => createVerifier(changed, simulated.identity))).to.match(/^ARTIFACT_HASH/);
    });

    it("V09: is refused where delta is gamma, minus gamma or the generator; a forged proof shows why", () => {
      const minus = ([x, y, z]: string[][]) => [x!, y!.map((c) => `${BASE_FIELD_ORDER - BigInt(c)}`), z!];
      for (const delta of [
        (key: VerificationKey) => key.vk_gamma_2,
        (key: VerificationKey) => minus(key.vk_gamma_2),
        () => {
          const { x, y } = bn254.G2.Point.BASE.toAffine();
          return [
            [`${x.c0}`, `${x.c1}`],
            [`${y.c0}`, `${y.c1}`],
            ["1", "0"],
          ];
        },
      ]) {
        expect(tweaked((key) => ({ ...key, vk_delta_2: delta(key) }))).to.match(/^KEY_REFUSED.*contributed/);
      }
    });

    it("V09: without a contribution lets anyone forge, as snarkjs accepts", async () => {
      const weak = { ...simulated.key, vk_delta_2: simulated.key.vk_gamma_2 };
      expect(await groth16.verify(weak, signals, forgeWithoutContribution(weak, values))).to.equal(true);
    });

    it("is refused with counts of another size, fields added or missing, or a point that is none", () => {
      expect(tweaked((key) => key)).to.equal("opened");
      expect(refusal(() => createVerifier(simulated.file, { ...simulated.identity, size: "board-240" }))).to.match(
        /^KEY_REFUSED.*nPublic/,
      );
      const cases: [(key: VerificationKey) => object, RegExp][] = [
        [(key) => ({ ...key, nPublic: key.nPublic + 1 }), /nPublic/],
        [(key) => ({ ...key, nPublic: `${key.nPublic}` }), /nPublic/],
        [(key) => ({ ...key, IC: key.IC.slice(1) }), /IC/],
        [(key) => ({ ...key, IC: [...key.IC, key.IC[0]] }), /IC/],
        [(key) => ({ ...key, IC: key.IC.with(3, ["0", "1", "0"]) }), /IC\[3\].*infinity/],
        [(key) => ({ ...key, IC: key.IC.with(3, ["1", "3", "1"]) }), /IC\[3\].*curve/],
        [(key) => ({ ...key, vk_alpha_1: ["01", "2", "1"] }), /vk_alpha_1/],
        [(key) => ({ ...key, extra: 1 }), /not known/],
        [(key) => ({ ...key, protocol: "plonk" }), /protocol/],
        [({ vk_beta_2: _, ...key }) => key, /vk_beta_2.*missing/],
        [() => [], /object/],
      ];
      for (const [tweak, expected] of cases)
        expect(tweaked(tweak))
          .to.match(/^KEY_REFUSED/)
          .and.to.match(expected);
    });
  });
});

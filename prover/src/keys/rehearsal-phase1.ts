// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A phase 1 for rehearsals: a prepared powers-of-tau file in snarkjs's format, straight from a known trapdoor.
 *
 * It is good for nothing else: a person who sees the trapdoor forges proofs under every key that is made
 * from it, whatever happens in phase 2. With the trapdoor known, a file that takes snarkjs minutes takes seconds.
 *   sections 2, 3   τ^i in G1 (2^(power+1) − 1 of them) and in G2      section 6  β·G2
 *   sections 4, 5   α·τ^i and β·τ^i in G1                             section 7  the contributions: none
 *   sections 12–15  the first four in the Lagrange bases of every power, one after another
 */
import { openBn254, SCALAR_BYTES, toBytes } from "./bn254.ts";
import { BASE_FIELD_ORDER, lagrangeAt, type Trapdoor } from "./development.ts";

/** Makes a phase 1 for circuits of at most 2^power rows. The same trapdoor gives the same bytes. */
export async function makeRehearsalPhase1(
  power: number,
  { tau, alpha, beta }: Pick<Trapdoor, "tau" | "alpha" | "beta">,
): Promise<Uint8Array> {
  const bn254 = await openBn254(12 * 2 ** power);
  const { run, alloc, element, curve } = bn254;

  const times = (group: "g1" | "g2", scalars: number, count: number) => {
    run.frm_batchFromMontgomery!(scalars, count, scalars);
    return bn254.generatorTimes(group, scalars, count);
  };
  const powers = (group: "g1" | "g2", count: number, scale: bigint) => {
    const scalars = alloc(count * SCALAR_BYTES);
    const [value, step] = [element(scale), element(tau)];
    for (let at = scalars; at < scalars + count * SCALAR_BYTES; at += SCALAR_BYTES) {
      bn254.bytes().copyWithin(at, value, value + SCALAR_BYTES);
      run.frm_mul!(value, step, value);
    }
    return times(group, scalars, count);
  };
  const bases = (group: "g1" | "g2", highest: number, scale: bigint) =>
    Array.from({ length: highest + 1 }, (_, level) => {
      const step = curve.Fr.toObject(curve.Fr.w[level]!);
      return times(group, lagrangeAt(bn254, tau, { count: 2 ** level, start: 1n, step, scale }), 2 ** level);
    });

  const u32 = (...numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
  const count = 2 ** power;
  const sections: [number, Uint8Array[]][] = [
    [1, [u32(SCALAR_BYTES), toBytes(BASE_FIELD_ORDER), u32(power, power)]],
    [2, [powers("g1", 2 * count - 1, 1n)]],
    [3, [powers("g2", count, 1n)]],
    [4, [powers("g1", count, alpha)]],
    [5, [powers("g1", count, beta)]],
    [6, [powers("g2", 1, beta)]],
    [7, [u32(0)]],
    [12, bases("g1", power + 1, 1n)],
    [13, bases("g2", power, 1n)],
    [14, bases("g1", power, alpha)],
    [15, bases("g1", power, beta)],
  ];
  const file = sections.flatMap(([id, parts]) => {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(parts.reduce((sum, part) => sum + part.length, 0)), true);
    return [u32(id), length, ...parts];
  });
  return new Uint8Array(Buffer.concat([Buffer.from("ptau"), u32(1, sections.length), ...file]));
}

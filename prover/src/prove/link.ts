// SPDX-License-Identifier: GPL-3.0-or-later
/** Makes links (docs/link.md): what whoever carries market values to a chain brings with them. */
import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER } from "../field.ts";
import { POINT_BYTES, readLinkKey } from "../keys/link-key.ts";
import type { LoadedLinkKey } from "../keys/manifest.ts";
import { loadPoints, publicPoints } from "../keys/points.ts";
import { type CircuitName, publicInputsOf } from "../statement/families.ts";
import {
  challengeOf,
  type Link,
  type LinkPoint,
  type LinkStatement,
  linkedGroup,
  linkKeyId,
  openingSeed,
  statementFault,
  words,
} from "../statement/link.ts";

/**
 * Links values under one key; keeps the key's points loaded.
 * @see docs/library.md#links
 */
export interface LinkMaker {
  /** Throws OUT_OF_RANGE for values or a subject that cannot be linked, UNKNOWN_NAME for a group that the circuit does not have. */
  link(statement: LinkStatement): Link;
}

/**
 * Opens a link key for making links. Throws KEY_REFUSED where it is of another circuit key. Does NOT check the key itself: a
 * link under a bad key is one that nobody accepts.
 * @see docs/library.md#links
 */
export async function createLinkMaker<Name extends CircuitName>(loaded: LoadedLinkKey<Name>): Promise<LinkMaker> {
  const { identity, linkKeyFile, verificationKey } = loaded;
  const { size } = identity;
  const key = readLinkKey(linkKeyFile);
  if (key.verificationKeySha256 !== identity.verificationKeySha256 || key.publics !== publicInputsOf(size)) {
    throw new PlimsollError("KEY_REFUSED", "the link key is of another circuit key");
  }
  const lists = [publicPoints(verificationKey), withGenerator(key.powers), key.links] as const;
  const [inputs, powers, links] = await loadPoints(...lists);
  const keyId = linkKeyId(key.head);
  return {
    link(statement) {
      const group = linkedGroup(size, statement.group);
      const fault = statementFault(group, statement);
      if (fault !== undefined) throw new PlimsollError("OUT_OF_RANGE", fault);
      const { first } = group;
      const { values } = statement;
      const point = found(inputs.sum(first - 1, values));
      const polynomial = found(powers.sum(first, values));
      const proof = found(links.sum(first - key.first, values));
      const rho = challengeOf(openingSeed(keyId, group, statement, { point, polynomial }));
      return { point, polynomial, proof, opening: found(powers.sum(0, quotient(first, values, rho))) };
    },
  };
}

/** [τ^0]_1 is the generator, which the file leaves out. */
function withGenerator(powers: Uint8Array): Uint8Array {
  const all = new Uint8Array(POINT_BYTES + powers.length);
  all.set(words(1n, 2n));
  all.set(powers, POINT_BYTES);
  return all;
}

/** Coefficients of (f − f(ρ))/(X − ρ), from the constant one up, where f = Σ values[j]·X^(first + j). */
function quotient(first: number, values: readonly bigint[], rho: bigint): bigint[] {
  const coefficients = new Array<bigint>(first + values.length - 1);
  let rest = 0n;
  for (let power = coefficients.length; power >= 1; power--) {
    rest = ((values[power - first] ?? 0n) + rho * rest) % FIELD_ORDER;
    coefficients[power - 1] = rest;
  }
  return coefficients;
}

/** Infinity is the sum of values that are not all zero only where somebody knows a relation between the key's points. */
function found(point: LinkPoint | undefined): LinkPoint {
  if (point !== undefined) return point;
  throw new PlimsollError("KEY_REFUSED", "points of the link key or of the circuit key cancel each other");
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The argument of docs/link.md, by linear algebra on a small key: *all* that an algebraic adversary can put together of public points
 * is worked out, and is what the argument says; with each pitfall there is more.
 *
 * A public point of G1 is a function of the secrets. What an adversary puts together is a combination of these functions, and
 * an equation of pairings holds for it whatever the secrets are if it holds for more random ones than there are unknowns.
 */
import { expect } from "chai";
import { FIELD_ORDER, invert, toField } from "../../prover/src/field.ts";
import { seededRng } from "../support/random.ts";

const [OWN, MARKET, POWERS] = [2, 4, 8];
const PUBLICS = OWN + MARKET;
const rng = seededRng(19);
const random = (): bigint => rng.below(FIELD_ORDER);

type Secret = "tau" | "alpha" | "beta" | "delta" | "k1" | "k2" | "other1" | "other2";
type Secrets = Readonly<Record<Secret, bigint>>;
const NAMES: readonly Secret[] = ["tau", "alpha", "beta", "delta", "k1", "k2", "other1", "other2"];
const draw = (): Secrets => Object.fromEntries(NAMES.map((name) => [name, random()])) as Secrets;
type Point = (secrets: Secrets) => bigint;

function power(base: bigint, exponent: number): bigint {
  let result = 1n;
  for (let index = 0; index < exponent; index++) result = (result * base) % FIELD_ORDER;
  return result;
}

/** β·a(τ) + α·b(τ) + c(τ), with the coefficients of a, b and c. */
const wire = (a: readonly bigint[], b: readonly bigint[], c: readonly bigint[]): Point => {
  const at = (coefficients: readonly bigint[], tau: bigint) =>
    coefficients.reduce((sum, each, index) => sum + each * power(tau, index), 0n);
  return ({ tau, alpha, beta }) => beta * at(a, tau) + alpha * at(b, tau) + at(c, tau);
};
const polynomial = () => Array.from({ length: 4 }, random);

/** The points of a circuit key: of no shape; the fourth is the sum of two others, the fifth a power, the sixth zero. */
function keyPoints(): Point[] {
  const ic: Point[] = Array.from({ length: PUBLICS + 1 }, () => wire(polynomial(), polynomial(), polynomial()));
  const [third, fourth] = [ic[3]!, ic[4]!];
  ic[5] = (secrets) => third(secrets) + fourth(secrets);
  ic[6] = ({ tau }) => power(tau, 4);
  return ic;
}
const IC = keyPoints();
const OTHER_IC = keyPoints();
const inputs = Array.from({ length: MARKET }, (_, index) => 1 + OWN + index);
const linked = (k1: Secret, k2: Secret, ic: readonly Point[]) => (i: number) => (secrets: Secrets) =>
  secrets[k1] * ic[i]!(secrets) + secrets[k2] * power(secrets.tau, i);
const LINKS = inputs.map(linked("k1", "k2", IC));

/** Everything in public: powers of phase 1, both keys, one of them with a link key of other secrets, what proofs are made of. */
const PUBLIC: readonly Point[] = [
  ...Array.from(
    { length: POWERS },
    (_, i): Point =>
      ({ tau }) =>
        power(tau, i),
  ),
  ...Array.from(
    { length: 2 },
    (_, i): Point =>
      ({ tau, alpha }) =>
        alpha * power(tau, i),
  ),
  ...Array.from(
    { length: 2 },
    (_, i): Point =>
      ({ tau, beta }) =>
        beta * power(tau, i),
  ),
  ({ delta }) => delta,
  ...Array.from({ length: 2 }, (): Point => {
    const point = wire(polynomial(), polynomial(), polynomial());
    return (secrets) => point(secrets) * invert(toField(secrets.delta));
  }),
  ...IC.slice(0, 5),
  ...OTHER_IC.slice(0, 5),
  ...inputs.map(linked("other1", "other2", OTHER_IC)),
];

/** A basis of the solutions x of rows · x = 0, over the field. */
function kernel(rows: readonly (readonly bigint[])[]): bigint[][] {
  const matrix = rows.map((row) => row.map(toField) as bigint[]);
  const columns = matrix[0]!.length;
  const pivots: number[] = [];
  for (let column = 0; column < columns; column++) {
    const found = matrix.findIndex((row, index) => index >= pivots.length && row[column] !== 0n);
    if (found < 0) continue;
    const top = pivots.length;
    [matrix[top], matrix[found]] = [matrix[found]!, matrix[top]!];
    const inverse = invert(toField(matrix[top]![column]!));
    matrix[top] = matrix[top]!.map((value) => (value * inverse) % FIELD_ORDER);
    for (const [index, row] of matrix.entries()) {
      const factor = row[column]!;
      if (index === top || factor === 0n) continue;
      matrix[index] = row.map((value, at) => toField(value - factor * matrix[top]![at]!));
    }
    pivots.push(column);
  }
  const free = Array.from({ length: columns }, (_, column) => column).filter((column) => !pivots.includes(column));
  return free.map((column) => {
    const solution = new Array<bigint>(columns).fill(0n);
    solution[column] = 1n;
    for (const [row, pivot] of pivots.entries()) solution[pivot] = toField(-matrix[row]![column]!);
    return solution;
  });
}

const combination = (points: readonly Point[], coefficients: readonly bigint[], secrets: Secrets): bigint =>
  toField(points.reduce((sum, point, index) => sum + coefficients[index]! * toField(point(secrets)), 0n));

/** All values, as functions of the secrets, of (P, Q, π) with π = k1·P + k2·Q; `points` are what they are made of. */
function firstEquation(points: readonly Point[], secretsOf: () => Secrets = draw) {
  const unknowns = 3 * points.length;
  const rows = Array.from({ length: unknowns + 5 }, () => {
    const secrets = secretsOf();
    const at = points.map((point) => toField(point(secrets)));
    return [
      ...at.map((value) => secrets.k1 * value),
      ...at.map((value) => secrets.k2 * value),
      ...at.map((value) => -value),
    ];
  });
  return kernel(rows).map((solution) => ({
    p: solution.slice(0, points.length),
    q: solution.slice(points.length, 2 * points.length),
    proof: solution.slice(2 * points.length),
  }));
}

describe("the argument for links, on a small key", function () {
  this.timeout(60_000);
  const all = [...PUBLIC, ...LINKS];
  /** Solutions in which P, Q and π are not the same functions of the secrets as Σ z·IC, Σ z·τ^i and Σ z·L. */
  function others(solutions: ReturnType<typeof firstEquation>, points: readonly Point[], secretsOf = draw): number {
    const count = points.length;
    const secrets = secretsOf();
    const wrong = solutions.filter(({ p, q, proof }) => {
      const z = proof.slice(count - MARKET);
      const is = (coefficients: readonly bigint[], of: readonly Point[]) =>
        combination(points, coefficients, secrets) === combination(of, z, secrets);
      const powers = inputs.map(
        (i): Point =>
          ({ tau }) =>
            power(tau, i),
      );
      return !(
        is(
          p,
          inputs.map((i) => IC[i]!),
        ) &&
        is(q, powers) &&
        is(proof, LINKS)
      ); // prettier-ignore
    });
    return wrong.length;
  }

  it("step 1: all that satisfies the first equation is of one vector over the market inputs", () => {
    const solutions = firstEquation(all);
    expect(others(solutions, all)).equal(0);
    // Vacuous without solutions: each market input is one.
    const free = new Set(solutions.map(({ proof }) => proof.slice(-MARKET).join()).filter((z) => /[1-9]/.test(z)));
    expect(free.size).least(MARKET);
  });

  const PITFALLS: Record<string, { readonly points?: readonly Point[]; readonly secrets?: () => Secrets }> = {
    "k1·G in public": { points: [({ k1 }) => k1] },
    "k2·G in public": { points: [({ k2 }) => k2] },
    "k1 = 1": { secrets: () => ({ ...draw(), k1: 1n }) },
    "k2 = 1": { secrets: () => ({ ...draw(), k2: 1n }) },
    "k1 = k2": { secrets: () => equal(draw()) },
    "k1 = τ": { secrets: () => withTau(draw()) },
    "one (k1, k2) for two keys": { points: inputs.map(linked("k1", "k2", OTHER_IC)) },
    "a point out of proportion: k1·IC alone": { points: [(secrets) => secrets.k1 * IC[3]!(secrets)] },
    "an own signal in the key": { points: [linked("k1", "k2", IC)(1)] },
    "IC_0 in the key": { points: [linked("k1", "k2", IC)(0)] },
  };
  const equal = (secrets: Secrets): Secrets => ({ ...secrets, k2: secrets.k1 });
  const withTau = (secrets: Secrets): Secrets => ({ ...secrets, k1: secrets.tau });
  for (const [what, { points = [], secrets = draw }] of Object.entries(PITFALLS)) {
    it(`step 1 with a pitfall has more: ${what}`, () => {
      const more = [...points, ...all];
      expect(others(firstEquation(more, secrets), more, secrets)).greaterThan(0);
    });
  }

  it("step 2: all that satisfies the second equation has the value y at ρ", () => {
    const rho = random();
    // Unknowns: z, y, and W over all public points.
    const rows = Array.from({ length: MARKET + 1 + all.length + 5 }, () => {
      const secrets = draw();
      const w = all.map((point) => (rho - secrets.tau) * toField(point(secrets)));
      return [...inputs.map((i) => power(secrets.tau, i)), -1n, ...w];
    });
    const solutions = kernel(rows);
    for (const solution of solutions) {
      const [z, y] = [solution.slice(0, MARKET), solution[MARKET]!];
      expect(toField(z.reduce((sum, value, index) => sum + value * power(rho, inputs[index]!), 0n))).equal(y);
    }
    expect(solutions.filter((solution) => solution.slice(0, MARKET).some((value) => value !== 0n))).length.least(
      MARKET,
    );
  });
});

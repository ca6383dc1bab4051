// SPDX-License-Identifier: GPL-3.0-or-later
/** Links: the known answer, every part tampered with, and each pitfall of docs/link.md shown and refused. */
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { readLinkKey } from "../../prover/src/keys/link-key.ts";
import { loadLinkKey } from "../../prover/src/node/artifacts.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { createLinkMaker, type LinkMaker } from "../../prover/src/prove/link.ts";
import {
  CIRCUITS,
  linkedGroupsOf,
  ownSignalsOf,
  publicInputsOf,
  shapeOf,
} from "../../prover/src/statement/families.ts";
import {
  challengeOf,
  foldingSeed,
  type Link,
  type LinkStatement,
  linkKeyId,
  openingSeed,
} from "../../prover/src/statement/link.ts";
import { createLinkVerifier, type LinkVerifier } from "../../prover/src/verify/link.ts";
import { checkLinkKey } from "../../prover/src/verify/link-key.ts";
import {
  CIRCUIT,
  isOfOneVector,
  keyIdentity,
  linkOf,
  moved,
  openingBy,
  opensTo,
  plain,
  pointOf,
  polynomialAt,
  type SimulatedKey,
  secretsOf,
  simulatedKey,
  statementOf,
  times,
  VECTOR,
} from "../support/links.ts";

const { Fp } = bn254.fields;
const [GROUP] = linkedGroupsOf(CIRCUIT) as [ReturnType<typeof linkedGroupsOf>[number]];
const OTHER_SUBJECT = `0x${"ab".repeat(32)}`;

describe("links", function () {
  this.timeout(60_000);
  const statement = statementOf(VECTOR);
  const honest = linkOf(VECTOR);
  let key: SimulatedKey;
  let maker: LinkMaker;
  let verifier: LinkVerifier;
  const a = VECTOR.ic.map(BigInt);
  /** Number of the input that the value at an index is of. */
  const inputOf = (index: number) => VECTOR.first + index;

  before(async () => {
    key = simulatedKey();
    maker = await createLinkMaker(key.loaded);
    verifier = verifierOf(key);
  });

  const verifierOf = ({ loaded: { linkKeyFile, identity } }: SimulatedKey) => createLinkVerifier(linkKeyFile, identity);
  const changed = (index: number, value: bigint): LinkStatement => ({
    ...statement,
    values: statement.values.with(index, value),
  });
  function expectRefused(verdict: ReturnType<LinkVerifier["verify"]>, reason: string, what?: string): void {
    expect(verdict, what).include({ ok: false, reason });
  }
  function expectKeyRefused(work: () => unknown, why: RegExp): void {
    try {
      work();
    } catch (error) {
      expect(error).instanceOf(PlimsollError).include({ code: "KEY_REFUSED" });
      expect((error as PlimsollError).rule).match(why);
      return;
    }
    expect.fail("accepted");
  }

  it("are those that an independent program computes from the definitions, with every value different", () => {
    const keyId = linkKeyId(key.loaded.linkKeyFile.subarray(0, 512));
    expect(`0x${Buffer.from(keyId).toString("hex")}`).equal(VECTOR.keyId);
    expect(maker.link(statement)).deep.equal(honest);
    const seed = openingSeed(keyId, GROUP, statement, honest);
    expect([challengeOf(seed), challengeOf(foldingSeed(seed, honest))]).deep.equal(
      [VECTOR.rho, VECTOR.fold].map(BigInt),
    );
    expect(verifier.verify(statement, honest)).deep.equal({ ok: true, point: honest.point });
  });

  it("are for groups that make up all market inputs of their circuits and none of a proof's own", () => {
    for (const circuit of CIRCUITS) {
      const groups = linkedGroupsOf(circuit);
      let next = 1 + ownSignalsOf(circuit).length;
      for (const { first, count } of groups) {
        expect(first, circuit).equal(next);
        next += count;
      }
      if (groups.length > 0) expect(next, circuit).equal(publicInputsOf(circuit) + 1);
    }
    expect(linkedGroupsOf("board-480").map(({ name }) => name)).deep.equal(["policy", "market"]);
    expect(shapeOf(CIRCUIT).publicInputs).equal(VECTOR.publics);
  });

  it("of a real key add up to what the verifier of proofs adds for all market values", async () => {
    const loaded = await loadLinkKey("board-60");
    const proofs = await loadVerifier("board-60");
    checkLinkKey(loaded.linkKeyFile, loaded.identity, proofs.points.ic);
    const [own, all] = [ownSignalsOf("board-60").length, publicInputsOf("board-60")];
    const signals = Array.from({ length: all }, (_, index) => (BigInt(index * index) << 100n) + BigInt(index + 1));
    const real = await createLinkMaker(loaded);
    const check = createLinkVerifier(loaded.linkKeyFile, loaded.identity);
    let sum = bn254.G1.Point.ZERO;
    for (const { name, first, count } of linkedGroupsOf("board-60")) {
      const values = signals.slice(first - 1, first - 1 + count);
      const linked = { group: name, subject: OTHER_SUBJECT, values };
      const verdict = check.verify(linked, real.link(linked));
      if (!verdict.ok) return expect.fail(verdict.detail);
      sum = sum.add(pointOf(verdict.point));
    }
    expect(own).equal(6);
    expect(plain(sum)).deep.equal(proofs.marketPoint(signals as never));
  });

  it("with any value changed, exchanged with another, or for another subject or group are refused", () => {
    const [x, y] = statement.values as [bigint, bigint];
    for (const index of [0, 1, 59, 119]) {
      for (const value of [0n, statement.values[index]! ^ 1n]) {
        expectRefused(verifier.verify(changed(index, value), honest), "LINK_FALSE", `value ${index}`);
      }
    }
    const exchanged = { ...statement, values: statement.values.with(0, y).with(1, x) };
    expectRefused(verifier.verify(exchanged, honest), "LINK_FALSE");
    expectRefused(verifier.verify({ ...statement, subject: OTHER_SUBJECT }, honest), "LINK_FALSE");
    expectRefused(verifier.verify({ ...statement, group: "policy" }, honest), "LINK_STATEMENT");
  });

  it("with any point replaced, negated, moved, exchanged, at infinity, off the curve or not reduced are refused", () => {
    const names = Object.keys(honest) as (keyof Link)[];
    for (const name of names) {
      const { x, y } = honest[name];
      for (const [what, point] of Object.entries({
        generator: { x: 1n, y: 2n },
        negated: { x, y: Fp.ORDER - y },
        moved: moved(honest[name], times(1n)),
        doubled: plain(pointOf(honest[name]).double()),
        "of another input": moved(honest[name], times(a[1]!)),
      })) {
        expectRefused(verifier.verify(statement, { ...honest, [name]: point }), "LINK_FALSE", `${name} ${what}`);
      }
      for (const other of names.filter((each) => each !== name)) {
        const exchanged = { ...honest, [name]: honest[other], [other]: honest[name] };
        expectRefused(verifier.verify(statement, exchanged), "LINK_FALSE", `${name} and ${other}`);
      }
      for (const point of [
        { x: 0n, y: 0n },
        { x: x + Fp.ORDER, y },
        { x, y: y + Fp.ORDER },
        { x: -x, y },
        { x: x ^ 1n, y },
        { x: `${x}`, y },
        { x },
        undefined,
        null,
      ]) {
        expectRefused(verifier.verify(statement, { ...honest, [name]: point as never }), "LINK_POINT", name);
      }
    }
    for (const nothing of [undefined, null, 7, []])
      expectRefused(verifier.verify(statement, nothing as never), "LINK_POINT");
  });

  it("for values that are too many, too few, not reduced or no integers, and for no subject, are neither made nor accepted", () => {
    const { values } = statement;
    const holes = [...values];
    delete holes[3];
    const bad: Record<string, unknown> = {
      "one too few": { ...statement, values: values.slice(1) },
      "one too many": { ...statement, values: [...values, 0n] },
      "the same value, not reduced": changed(1, values[1]! + FIELD_ORDER),
      "the field order": changed(1, FIELD_ORDER),
      negative: changed(1, -1n),
      "a number": { ...statement, values: values.with(1, 1 as never) },
      "a hole": { ...statement, values: holes },
      "no list": { ...statement, values: "x".repeat(values.length) },
      "no subject": { ...statement, subject: undefined },
      "a short subject": { ...statement, subject: "0x01" },
      "upper case": { ...statement, subject: OTHER_SUBJECT.toUpperCase() },
    };
    for (const [what, lie] of Object.entries(bad)) {
      expectRefused(verifier.verify(lie as LinkStatement, honest), "LINK_STATEMENT", what);
      expect(() => maker.link(lie as LinkStatement), what)
        .throw(PlimsollError)
        .include({ code: "OUT_OF_RANGE" });
    }
    for (const nothing of [undefined, null, {}, { group: "toString" }]) {
      expectRefused(verifier.verify(nothing as never, honest), "LINK_STATEMENT");
    }
    expect(() => maker.link({ ...statement, group: "policy" }))
      .throw(PlimsollError)
      .include({ code: "UNKNOWN_NAME" });
  });

  it("need a whole key: files of any other length, mark, counts or coordinates are refused by every reader", () => {
    const { linkKeyFile } = key.loaded;
    const changed = (at: number, ...bytes: number[]) => {
      const file = Uint8Array.from(linkKeyFile);
      file.set(bytes, at);
      return file;
    };
    const lengths = [0, 31, 32, 511, 512, 513, linkKeyFile.length - 1, linkKeyFile.length + 1, linkKeyFile.length + 64];
    const files = [
      ...lengths.map((length) => Uint8Array.from({ length }, (_, at) => linkKeyFile[at] ?? 0)),
      changed(0, 0x50),
      changed(31, 1),
      changed(0, 0xef, 0xbb, 0xbf, ...linkKeyFile.subarray(0, 29)), // a mark for the order of bytes, which text loses when it is read
      changed(64, 1), // the number of public inputs, and of the first: huge, zero, above the last
      changed(95, 0),
      changed(96, 1),
      changed(127, 0),
      changed(127, 124),
      ...[128, 160, 192, 224, 256, 384].map((at) => changed(at, 0xff)),
      changed(159, linkKeyFile[159]! ^ 1),
    ];
    for (const [index, file] of files.entries()) {
      const readers = [
        () => createLinkVerifier(file, keyIdentity(file)),
        () => checkLinkKey(file, keyIdentity(file), key.ic),
        () => readLinkKey(file),
      ];
      for (const read of readers) {
        expect(read, `file ${index}`).throw(PlimsollError).include({ code: "KEY_REFUSED" });
      }
    }
  });

  describe("pitfalls", () => {
    /** The honest link with its vector z in place of x: another point, its polynomial and its π. */
    function shifted(by: ReadonlyMap<number, bigint>): Omit<Link, "opening"> & { z: bigint[] } {
      const { k1, k2, tau } = secretsOf(VECTOR);
      const z = statement.values.map((value, index) => (value + (by.get(index) ?? 0n)) % FIELD_ORDER);
      const sum = z.reduce((total, value, index) => total + value * a[inputOf(index)]!, 0n);
      const atTau = polynomialAt(z, tau);
      const [point, polynomial, proof] = [sum, atTau, k1 * sum + k2 * atTau].map((scalar) => plain(times(scalar)));
      return { point: point!, polynomial: polynomial!, proof: proof!, z };
    }

    it("a point without an opening cancels the sum over a proof's own signals: any point passes, and here none does", () => {
      // Old proofs verify while IC_0 + Σ own·IC + P stays what it was: other own signals, made up for by P.
      const owed = 12_345n * a[1]! - 678n * a[2]!;
      const forged = moved(honest.point, times(owed));
      const before = times(a[0]! + 5n * a[1]! + 7n * a[2]!).add(pointOf(honest.point));
      const after = times(a[0]! + (5n - 12_345n) * a[1]! + (7n + 678n) * a[2]!).add(pointOf(forged));
      expect(plain(before)).deep.equal(plain(after));
      expectRefused(verifier.verify(statement, { ...honest, point: forged }), "LINK_FALSE");
    });

    it("π alone says only that one vector made P and Q: a point of other values passes it, and fails the opening", () => {
      const { z, ...forged } = shifted(new Map([[5, 1n]]));
      expect(isOfOneVector(key, { ...forged })).equal(true);
      expect(forged.point).not.deep.equal(honest.point);
      const { tau } = secretsOf(VECTOR);
      const keyId = linkKeyId(key.loaded.linkKeyFile.subarray(0, 512));
      const rho = challengeOf(openingSeed(keyId, GROUP, statement, forged));
      // Opened to its own value, and to that of the statement as far as anybody can who does not know τ.
      const own = openingBy(key, polynomialAt(z, tau), rho, polynomialAt(z, rho));
      expect(opensTo(key, { ...forged, opening: own }, rho, polynomialAt(z, rho))).equal(true);
      for (const opening of [own, honest.opening, moved(own, times(1n))]) {
        expectRefused(verifier.verify(statement, { ...forged, opening }), "LINK_FALSE");
      }
      // Whoever knows τ opens anything: the reason for which τ comes from many people.
      const lie = openingBy(key, polynomialAt(z, tau), rho, polynomialAt(statement.values, rho));
      expect(verifier.verify(statement, { ...forged, opening: lie }).ok).equal(true);
    });

    it("P moved by a multiple of any point that is public, with π moved by one, is refused", () => {
      const { k1, k2, tau } = secretsOf(VECTOR);
      const publicPoints = [1n, tau, tau * tau, a[0]!, a[1]!, a[4]!, k1 * a[4]! + k2 * tau ** 4n].map(times);
      for (const move of publicPoints) {
        for (const repair of [move, publicPoints.at(-1)!]) {
          const forged = { ...honest, point: moved(honest.point, move), proof: moved(honest.proof, repair) };
          expect(isOfOneVector(key, forged)).equal(false);
        }
        expectRefused(verifier.verify(statement, { ...honest, point: moved(honest.point, move) }), "LINK_FALSE");
      }
      // With k1·G in public, which no ceremony may publish, every point has a π.
      const known = { ...honest, point: moved(honest.point, times(9n)), proof: moved(honest.proof, times(9n * k1)) };
      expect(isOfOneVector(key, known)).equal(true);
    });

    it("k1 = 1, k2 = 1, their negatives, K1 = ±K2 or one that is τ: every point has a π, and the key is refused", async () => {
      const { k1, tau } = secretsOf(VECTOR);
      const weak = simulatedKey({ secrets: { k1: 1n } });
      const own = (await createLinkMaker(weak.loaded)).link(statement);
      const shift = times(77n);
      const forged = { ...own, point: moved(own.point, shift), proof: moved(own.proof, shift) };
      expect(isOfOneVector(weak, forged)).equal(true);
      for (const secrets of [
        { k1: 1n },
        { k2: 1n },
        { k1: FIELD_ORDER - 1n },
        { k2: FIELD_ORDER - 1n },
        { k2: k1 },
        { k2: FIELD_ORDER - k1 },
        { k1: tau },
        { k2: FIELD_ORDER - tau },
        { tau: 1n },
      ]) {
        const bad = simulatedKey({ secrets });
        expectKeyRefused(() => verifierOf(bad), /are not different/);
      }
      const zero = Uint8Array.from(key.loaded.linkKeyFile);
      zero.fill(0, 128, 256);
      expectKeyRefused(() => createLinkVerifier(zero, keyIdentity(zero)), /infinity/);
    });

    it("one (k1, k2) for two keys lets anybody move a point by what their points differ in", async () => {
      const ic = a.map((scalar, index) => scalar + BigInt(index + 1));
      const twin = simulatedKey({ ic, verificationKeySha256: "12".repeat(32) });
      // IC_4 of each, and L_4 of each: τ drops out of the difference.
      const difference = times(a[4]! + 5n).subtract(times(a[4]!));
      const { k1 } = secretsOf(VECTOR);
      const forged = {
        ...honest,
        point: moved(honest.point, difference),
        proof: moved(honest.proof, difference.multiply(k1)),
      };
      expect(isOfOneVector(key, forged)).equal(true);
      // Each key alone is in order: `doctor` compares the secrets of all link keys (doctor.test.ts).
      for (const each of [key, twin]) checkLinkKey(each.loaded.linkKeyFile, each.loaded.identity, each.ic);
      expect(isOfOneVector(twin, honest)).equal(true);
      expectRefused(verifierOf(twin).verify(statement, honest), "LINK_FALSE", "the key's name is part of ρ");
      for (const secrets of [{ k1: 5n }, { k2: 5n }, { tau: 5n }]) {
        expectRefused(verifierOf(simulatedKey({ secrets })).verify(statement, honest), "LINK_FALSE", "a foreign key");
      }
    });

    it("a key with a proof's own signals in it, without a market input, or of another circuit is refused", async () => {
      for (const first of [VECTOR.first - 1, VECTOR.first + 1, 1]) {
        const bad = simulatedKey({ first });
        expectKeyRefused(() => verifierOf(bad), /not for the market inputs/);
      }
      const { linkKeyFile, identity } = key.loaded;
      const of = (change: object) => () => createLinkVerifier(linkKeyFile, { ...identity, ...change });
      expectKeyRefused(of({ verificationKeySha256: "00".repeat(32) }), /another circuit key/);
      expectKeyRefused(of({ size: "settlement-240" }), /not for the market inputs/);
      expectKeyRefused(of({ size: "merge-60" }), /no link key/);
      expect(of({ sha256: "00".repeat(32) }))
        .throw(PlimsollError)
        .include({ code: "ARTIFACT_HASH" });
      const cut = linkKeyFile.slice(0, -64);
      expectKeyRefused(() => createLinkVerifier(cut, keyIdentity(cut)), /not for the market inputs/);
    });

    it("points out of proportion are refused: IC_0 or an own signal in place of one, any byte, another order, a foreign key's", async () => {
      const check = (of: SimulatedKey, ic = key.ic) => checkLinkKey(of.loaded.linkKeyFile, of.loaded.identity, ic);
      check(key);
      const wrong = /not those of its secrets/;
      for (const place of [0, 1]) {
        const bad = simulatedKey({ ic: a.with(VECTOR.first, a[place]!) });
        expectKeyRefused(() => check(bad), wrong);
      }
      const edits: Record<string, (links: Uint8Array, powers: Uint8Array) => void> = {
        "a point given away: k1·G": (links) => links.set(Buffer.from(hex(times(secretsOf(VECTOR).k1)), "hex")),
        "two points exchanged": (links) => {
          const first = links.slice(0, 64);
          links.copyWithin(0, 64, 128);
          links.set(first, 64);
        },
        "a power negated": (_, powers) => {
          const { x, y } = plain(times(secretsOf(VECTOR).tau ** 7n));
          powers.set(Buffer.from(hex(pointOf({ x, y: Fp.ORDER - y })), "hex"), 6 * 64);
        },
        "the last power another": (_, powers) => powers.copyWithin(122 * 64, 121 * 64, 122 * 64),
      };
      for (const [what, edit] of Object.entries(edits)) {
        const bad = simulatedKey({ edit });
        expect(() => check(bad), what).throw(PlimsollError, wrong);
      }
      for (const at of [600, 512 + 123 * 64 + 3]) {
        const file = Uint8Array.from(key.loaded.linkKeyFile);
        file[at]! ^= 1;
        expectKeyRefused(() => checkLinkKey(file, keyIdentity(file), key.ic), /not on the curve/);
      }
      const foreign = simulatedKey({ ic: a.map((scalar) => scalar + 1n) });
      expectKeyRefused(() => check(foreign), wrong);
      expectKeyRefused(() => check(key, key.ic.slice(1)), /not for the public inputs/);
    });

    it("a circuit key with a point at infinity, or twice, or with its negative, is refused: its values do not bind", async () => {
      for (const scalar of [0n, a[5]!, FIELD_ORDER - a[5]!]) {
        const ic = a.with(4, scalar);
        const points = ic.map((each) => plain(times(each)));
        const { linkKeyFile, identity } = key.loaded;
        expectKeyRefused(() => checkLinkKey(linkKeyFile, identity, points), /infinity, or there twice/);
      }
    });

    it("ρ known before the values or the points are fixed: other values have the same value there, and here are refused", () => {
      const rho = BigInt(VECTOR.rho);
      // +ρ at input 4, −1 at input 5: nothing at ρ.
      const { z, ...forged } = shifted(
        new Map([
          [0, rho],
          [1, FIELD_ORDER - 1n],
        ]),
      ); // prettier-ignore
      const y = polynomialAt(statement.values, rho);
      expect(polynomialAt(z, rho)).equal(y);
      const opening = openingBy(key, polynomialAt(z, secretsOf(VECTOR).tau), rho, y);
      // This is what anybody makes of public points, as the vector and ρ are known.
      const link = { ...forged, opening };
      expect(isOfOneVector(key, link) && opensTo(key, link, rho, y)).equal(true);
      expectRefused(verifier.verify(statement, link), "LINK_FALSE");
      expectRefused(verifier.verify({ ...statement, values: z }, honest), "LINK_FALSE");
    });

    it("ρ used again: an opening of other values or for another subject opens nothing here", () => {
      const other = { ...statement, subject: OTHER_SUBJECT };
      const others = maker.link(other);
      expect(verifier.verify(other, others).ok).equal(true);
      expect([others.point, others.polynomial, others.proof]).deep.equal([
        honest.point,
        honest.polynomial,
        honest.proof,
      ]);
      expect(others.opening).not.deep.equal(honest.opening);
      expectRefused(verifier.verify(statement, { ...honest, opening: others.opening }), "LINK_FALSE");
      const third = maker.link(changed(7, 1n));
      expectRefused(verifier.verify(changed(7, 1n), { ...third, opening: honest.opening }), "LINK_FALSE");
      expectRefused(verifier.verify(statement, { ...third, opening: honest.opening }), "LINK_FALSE");
    });

    it("a polynomial of higher degree, of a power below the first input, or a constant has no π", () => {
      const { tau } = secretsOf(VECTOR);
      for (const extra of [1n, tau, tau ** 3n, tau ** 124n, tau ** 1000n]) {
        const forged = { ...honest, polynomial: moved(honest.polynomial, times(extra)) };
        expect(isOfOneVector(key, forged)).equal(false);
        expectRefused(verifier.verify(statement, forged), "LINK_FALSE");
      }
    });

    it("the zero epoch: nothing but zeros satisfies both equations under any key, and is neither made nor accepted", () => {
      const infinity = { x: 0n, y: 0n };
      const nothing = { point: infinity, polynomial: infinity, proof: infinity, opening: infinity };
      const zeros = { ...statement, values: statement.values.map(() => 0n) };
      expectRefused(verifier.verify(zeros, nothing), "LINK_STATEMENT");
      expectRefused(verifier.verify(statement, nothing), "LINK_POINT");
      expect(() => maker.link(zeros))
        .throw(PlimsollError)
        .include({ code: "OUT_OF_RANGE" });
      const unnamed = { ...statement, subject: `0x${"00".repeat(32)}` };
      expectRefused(verifier.verify(unnamed, honest), "LINK_STATEMENT");
      expect(() => maker.link(unnamed))
        .throw(PlimsollError)
        .include({ code: "OUT_OF_RANGE" });
    });

    it("a fold that does not depend on W and π would let one equation pay for the other: here neither is open", () => {
      const fold = BigInt(VECTOR.fold);
      // π + D and W such that the folded product is one for this very fold: D = −fold·(error of the opening).
      const error = times(5n);
      const forged = {
        ...honest,
        polynomial: honest.polynomial,
        opening: moved(honest.opening, error),
        proof: moved(
          honest.proof,
          error.multiply((secretsOf(VECTOR).tau - BigInt(VECTOR.rho) + FIELD_ORDER) % FIELD_ORDER).multiply(fold),
        ),
      };
      expectRefused(verifier.verify(statement, forged), "LINK_FALSE");
    });
  });

  const hex = (point: InstanceType<typeof bn254.G1.Point>) => {
    const { x, y } = plain(point);
    return x.toString(16).padStart(64, "0") + y.toString(16).padStart(64, "0");
  };
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** Sums of attested accounts in packs: what a reader accepts as one portfolio, and what counts twice or is nobody's. */
import { expect } from "chai";
import { type Portfolio, provePortfolio } from "../../prover/src/app/portfolio.ts";
import {
  type MergeDocument,
  mergeContext,
  mergeDocument,
  readMerge,
  verifyMerge,
} from "../../prover/src/document/merge.ts";
import type { Envelope } from "../../prover/src/document/proof.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { listingSha256 } from "../../prover/src/formats/market.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import type { PackContents } from "../../prover/src/pack/format.ts";
import { type Merge, partsOf } from "../../prover/src/pack/merge-tree.ts";
import { renderPackReport } from "../../prover/src/pack/report.ts";
import type { Trust } from "../../prover/src/pack/trust.ts";
import { createPackVerifier } from "../../prover/src/pack/verify.ts";
import type { PackFiles } from "../../prover/src/pack/zip.ts";
import { merge } from "../../prover/src/statement/merge.ts";
import { createVerifier } from "../../prover/src/verify/verifier.ts";
import {
  AUDIENCE,
  CUSTODIAN,
  json,
  KEY,
  market,
  NOW,
  named,
  OTHER_FIRM,
  type PackChange,
  policy,
  resealed,
  SIZE,
  samplePack,
} from "../support/packs.ts";
import {
  MERGE_KEY,
  PARTS,
  PORTFOLIO_TRUST,
  part,
  portfolioSource,
  provenOf,
  provenPortfolio,
  prover,
  stateOf,
  vouchedFor,
} from "../support/portfolio.ts";
import { simulatedKey } from "../support/simulated.ts";

describe("a portfolio in a pack", function () {
  this.timeout(60_000);
  let portfolio: Portfolio;
  let envelope: Envelope;
  let pack: PackFiles;
  const verifier = createPackVerifier(PORTFOLIO_TRUST);

  const source = async (change: PackChange = {}) => ({
    ...(await portfolioSource(portfolio, envelope)),
    ...change,
  });

  before(async () => {
    ({ portfolio, envelope } = await provenPortfolio());
    pack = await samplePack(await source());
  });

  async function outcome(files: PackFiles, trust: Trust = PORTFOLIO_TRUST, now = NOW): Promise<string> {
    const verdict = await (trust === PORTFOLIO_TRUST ? verifier : createPackVerifier(trust)).verify(files, now);
    if (!verdict.ok) return `${verdict.outcome}: ${verdict.finding.code} ${verdict.finding.file}`.trimEnd();
    return [verdict.outcome, ...verdict.stale.map(({ code, file }) => `${code} ${file}`)].join(": ");
  }

  /** Other evidence of the account, in files that are or are not there yet. */
  const backedBy =
    (by: readonly string[]) =>
    (index: PackContents): unknown => ({
      ...index,
      files: index.files.map((file) => ({
        ...file,
        kind: file.path.startsWith("merges/")
          ? "merge"
          : file.path.startsWith("attestations/")
            ? "attestation"
            : file.kind,
      })),
      statements: index.statements.map((statement) => ({ ...statement, account: { level: "attested", by } })),
    });
  const EVIDENCE = [
    "merges/1.json",
    "merges/2.json",
    "attestations/1.json",
    "attestations/2.json",
    "attestations/3.json",
  ];

  it("is the sum of its parts, attested in all, with who vouched and for no amount", async () => {
    const verdict = await verifier.verify(pack, NOW);
    expect(verdict).include({ ok: true, outcome: "valid" });
    if (!verdict.ok) return;
    const [statement] = verdict.reading.statements;
    expect(statement).deep.include({ level: "proven", stateBefore: stateOf(portfolio.account) });
    expect(statement!.account).deep.include({ level: "attested", parts: 3 });
    expect(statement!.account.by.map(({ name }) => name)).deep.equal(["Custodian 1", "Custodian 2", "Custodian 3"]);
    expect(statement!.notProven.map(({ code }) => code)).deep.equal([
      "DEVELOPMENT_KEY",
      "COMPLETENESS",
      "PARTS_VOUCHED",
      "VALUES_VOUCHED",
      "LISTING_AS_GIVEN",
    ]);
    expect(verdict.reading.keys.map(({ size, sha256 }) => [size, sha256])).deep.equal([
      [SIZE, KEY.identity.sha256],
      ["merge-60", MERGE_KEY.identity.sha256],
    ]);
    expect(verdict.checks.map(({ sentence }) => sentence)).include(
      "The account is the sum of 3 accounts, each in it once, by 2 merges that verify.",
    );
  });

  it("S04: says of what origin the key of its sum is, where the proof's own is of another", async () => {
    const rehearsed = { ...MERGE_KEY.identity, origin: "rehearsal" } as const;
    const trust: Trust = { ...PORTFOLIO_TRUST, keys: [KEY.identity, rehearsed] };
    const given = await source();
    const keyFor: typeof given.keyFor = async (size) => {
      const key = await given.keyFor!(size);
      return size === SIZE ? key : { ...key, identity: rehearsed };
    };
    const merges = given.merges!.map(({ file, text }) => ({
      file,
      text: text.replace('"origin": "development"', '"origin": "rehearsal"'),
    }));
    const verdict = await createPackVerifier(trust).verify(await samplePack({ ...given, merges, keyFor }), NOW);
    if (!verdict.ok) throw new Error(verdict.finding.sentence);
    const [of, ...others] = verdict.reading.statements[0]!.notProven;
    expect(of!.code).equal("REHEARSAL_KEY");
    expect(of!.text).match(/^Of the sum: /);
    expect(others.map(({ code }) => code)).include("DEVELOPMENT_KEY");
    const context = { trust: PORTFOLIO_TRUST, now: NOW, source: "pack.zip", software: "plimsoll" };
    const report = renderPackReport(verdict, context);
    for (const words of ["the sum of 3 accounts, each in it once", ">Custodian 1<", "PARTS_VOUCHED", "key, merge-60"]) {
      expect(report).contain(words);
    }
    for (const cash of ["250", "90", "40", "200"])
      expect(report).not.match(new RegExp(`\\b${cash}(\\.0+)?\\b(?! to|%)`));
  });

  it("proves of the sum what is false of a part", async () => {
    const error = await provenOf(PARTS[1]!).catch((thrown) => thrown);
    expect(error).include({ code: "STATEMENT_FALSE" });
  });

  describe("is refused", () => {
    it("with a part that nobody vouches for", async () => {
      const by = EVIDENCE.filter((file) => file !== "attestations/2.json");
      const changed = await resealed(pack, { "attestations/2.json": undefined }, backedBy(by));
      expect(await outcome(changed)).equal("invalid: PART_UNATTESTED merges/1.json");
      const none = Object.fromEntries(EVIDENCE.slice(2).map((file) => [file, undefined]));
      expect(await outcome(await resealed(pack, none, backedBy(EVIDENCE.slice(0, 2))))).equal(
        "invalid: PART_UNATTESTED merges/1.json",
      );
    });

    it("with an attester whom the reader does not name, or a signature of somebody else", async () => {
      const without = { ...PORTFOLIO_TRUST, attesters: PORTFOLIO_TRUST.attesters.slice(0, 2) };
      expect(await outcome(pack, without)).equal("invalid: ATTESTER_UNTRUSTED attestations/3.json");
      const forged = { ...(await vouchedFor(1)), signature: (await vouchedFor(0)).signature };
      expect(await outcome(await resealed(pack, { "attestations/2.json": json(forged) }))).equal(
        "invalid: ATTESTATION_UNSIGNED attestations/2.json",
      );
    });

    it("with an attestation made out to another firm, of another board, or of what is no part", async () => {
      for (const change of [
        { firm: OTHER_FIRM.address },
        { size: "board-240" },
        // Another board of the same size, or the word of a format that names none.
        { listing: "0".repeat(64) },
        { listing: listingSha256(policy, { ...market, board: "boreas-main" }) },
        { listing: listingSha256(policy, { ...market, instruments: market.instruments.toReversed() }) },
        { listing: listingSha256({ ...policy, assets: policy.assets.toReversed() }, market) },
        { listing: undefined },
        { commitment: "5" },
        { commitment: stateOf(portfolio.account) },
      ] as const) {
        const changed = await resealed(pack, { "attestations/2.json": json(await vouchedFor(1, change as never)) });
        expect(await outcome(changed)).equal("invalid: ATTESTATION_MISUSED attestations/2.json");
      }
    });

    it("with parts as of different times: what moved in between would count twice", async () => {
      const later = json(await vouchedFor(2, { asOf: "2026-11-22T07:30:01Z" }));
      expect(await outcome(await resealed(pack, { "attestations/3.json": later }))).equal(
        "invalid: PARTS_OVERLAP attestations/3.json",
      );
    });

    it("with two states of one account, or all of a custodian's and one more of his", async () => {
      const twice = json(await vouchedFor(1, { subject: "account 1" }, CUSTODIAN));
      expect(await outcome(await resealed(pack, { "attestations/2.json": twice }))).equal(
        "invalid: PARTS_OVERLAP attestations/2.json",
      );
      const all = json(await vouchedFor(1, { scope: "everything" }, CUSTODIAN));
      expect(await outcome(await resealed(pack, { "attestations/2.json": all }))).equal(
        "invalid: PARTS_OVERLAP attestations/2.json",
      );
      // W16: nor is one custodian two, by two keys to which the reader has given two names.
      for (const [name, expected] of [
        ["Harb0ur", "invalid: PARTS_OVERLAP attestations/2.json"],
        ["Northern", "valid"],
      ] as const) {
        const files = await Promise.all(
          [0, 1].map(async (index) => ({
            ...(await vouchedFor(index, { scope: "everything" })),
            ...{ attester: { ...(await vouchedFor(index)).attester, name: index === 0 ? "Hаrbour" : name } },
          })),
        );
        const [first, second] = files.map(json) as [string, string];
        const both = await resealed(pack, { "attestations/1.json": first, "attestations/2.json": second });
        expect(await outcome(both), name).equal(expected);
      }
      // Another account with the same custodian is another part.
      const other = json(await vouchedFor(1, {}, CUSTODIAN));
      expect(await outcome(await resealed(pack, { "attestations/2.json": other }))).equal("valid");
    });

    it("with a leaf used twice, where the sum is proven and holds one custodian's account double", async () => {
      const key = (value: bigint) => value as FieldElement;
      const doubled = await mergeProof(PARTS[0]!, PARTS[1]!, key(71n));
      const twice = await mergeProof(doubled.merged, PARTS[0]!, key(72n));
      const proven = await provenOf(twice.merged);
      const changed = await resealed(
        pack,
        {
          "merges/1.json": json(doubled.document),
          "merges/2.json": json(twice.document),
          "proofs/1.json": json(proven),
          "attestations/3.json": undefined,
        },
        backedBy(EVIDENCE.slice(0, 4)),
      );
      expect(await outcome(changed)).equal("invalid: STATE_COUNTED_TWICE merges/2.json");
      // Nor is it made by the program that makes packs, or by the one that makes sums.
      const files = [doubled, twice].map(({ document }, index) => named(`${index}.json`, document));
      const made = samplePack(await source({ merges: files, proofs: [named("p", proven)] }));
      expect(await made.catch((thrown) => thrown)).include({ code: "PROOF_REFUSED" });
      const error = await provePortfolio(prover, [...PARTS, PARTS[0]!], AUDIENCE).catch((thrown) => thrown);
      expect(error).include({ code: "FIELD_INVALID" });
    });

    it("with a cycle: a sum with nothing, under the blinding of its part, is that part", async () => {
      const nothing = { ...genesis(SIZE), viewingKey: 8n as FieldElement };
      // Merging gives sequence zero, so the key of the sum is the blinding of the part.
      const blinding = (PARTS[0]!.viewingKey + PARTS[0]!.sequence) as FieldElement;
      const idle = await mergeProof(PARTS[0]!, nothing, blinding);
      expect(idle.document.publicSignals[2]).equal(idle.document.publicSignals[0]);
      const changed = await resealed(
        pack,
        { "merges/3.json": json(idle.document) },
        backedBy(["merges/3.json", ...EVIDENCE]),
      );
      expect(await outcome(changed)).match(/^invalid: STATE_COUNTED_TWICE merges\/3.json$/);
    });

    it("with a merge too many, one too few, or the root's own left out", async () => {
      const stray = await mergeProof(PARTS[0]!, PARTS[2]!, 73n as FieldElement);
      const added = await resealed(
        pack,
        { "merges/3.json": json(stray.document) },
        backedBy([...EVIDENCE, "merges/3.json"]),
      );
      expect(await outcome(added)).equal("invalid: MERGE_DETACHED merges/3.json");
      for (const [gone, expected] of [
        ["merges/1.json", "invalid: ATTESTATION_MISUSED attestations/1.json"],
        ["merges/2.json", "invalid: MERGE_DETACHED merges/1.json"],
      ] as const) {
        const by = EVIDENCE.filter((file) => file !== gone);
        expect(await outcome(await resealed(pack, { [gone]: undefined }, backedBy(by)))).equal(expected);
      }
    });

    it("A02, A04: with merge proofs exchanged, their signals moved, or anything of them changed", async () => {
      const [first, second] = portfolio.merges as [MergeDocument, MergeDocument];
      const cases: [MergeDocument | object, string][] = [
        [{ ...first, proof: second.proof }, "PAIRING_FAILED"],
        [{ ...first, publicSignals: second.publicSignals }, "PAIRING_FAILED"],
        [{ ...first, publicSignals: first.publicSignals.with(0, stateOf(PARTS[2]!)) }, "PAIRING_FAILED"],
        [{ ...first, publicSignals: first.publicSignals.with(3, "7") }, "SIGNAL_MISMATCH"],
        [{ ...first, publicSignals: [...first.publicSignals, "0"] }, "SIGNALS_COUNT"],
        [{ ...first, publicSignals: first.publicSignals.with(0, "0x1") }, "SIGNAL_NOT_CANONICAL"],
        [{ ...first, proof: { ...first.proof, curve: "bls12381" } }, "PROOF_FIELDS"],
        [{ ...first, audience: "Somebody else" }, "STATEMENT_UNEXPECTED"],
        [{ ...first, size: "board-240" }, "SIZE_MISMATCH"],
        [{ ...first, verificationKey: { ...first.verificationKey, sha256: "0".repeat(64) } }, "KEY_MISMATCH"],
        [{ ...first, verificationKey: { ...first.verificationKey, origin: "ceremony" } }, "KEY_MISMATCH"],
        [{ ...first, format: "plimsoll-merge/2" }, "FILE_MALFORMED"],
        [{ ...first, note: "trust me" }, "FILE_MALFORMED"],
      ];
      for (const [document, code] of cases) {
        const changed = await resealed(pack, { "merges/1.json": json(document) });
        expect(await outcome(changed), code).equal(`invalid: ${code} merges/1.json`);
      }
      // Both whole files exchanged are the same tree.
      const exchanged = await resealed(pack, { "merges/1.json": json(second), "merges/2.json": json(first) });
      expect(await outcome(exchanged)).equal("valid");
    });

    it("with a merge made for another audience, its own context and proof in order", async () => {
      const other = await provePortfolio(prover, PARTS, "Boreas, request 2");
      const theirs = json(other.merges[0]);
      expect(await outcome(await resealed(pack, { "merges/1.json": theirs }))).equal(
        "invalid: STATEMENT_UNEXPECTED merges/1.json",
      );
      // The words alone do not make it ours.
      const renamed = json({ ...other.merges[0]!, audience: AUDIENCE });
      expect(await outcome(await resealed(pack, { "merges/1.json": renamed }))).equal(
        "invalid: SIGNAL_MISMATCH merges/1.json",
      );
    });

    it("A03: under a merge key that the reader does not name, or without one", async () => {
      const keys = [KEY.identity];
      expect(await outcome(pack, { ...PORTFOLIO_TRUST, keys })).equal("invalid: KEY_UNTRUSTED keys/merge-60.json");
      const own = simulatedKey("merge-60", 9n);
      const changed = await resealed(pack, { "keys/merge-60.json": new TextDecoder().decode(own.file) });
      expect(await outcome(changed)).equal("invalid: KEY_UNTRUSTED keys/merge-60.json");
      expect(await outcome(changed, { ...PORTFOLIO_TRUST, keys: [KEY.identity, own.identity] })).equal(
        "invalid: KEY_MISMATCH merges/1.json",
      );
      const without = await resealed(pack, { "keys/merge-60.json": undefined }, (index) => ({
        ...index,
        keys: index.keys.filter(({ size }) => size === SIZE),
      }));
      expect(await outcome(without)).equal("invalid: KEY_MISSING merges/1.json");
      const others = [KEY.identity, { ...MERGE_KEY.identity, r1csSha256: "2".repeat(64) }];
      expect(await outcome(pack, { ...PORTFOLIO_TRUST, keys: others })).equal("invalid: CIRCUIT_MISMATCH index.json");
      // A key of one circuit is none of another.
      const posing = [KEY.identity, { ...MERGE_KEY.identity, size: SIZE } as const];
      expect(await outcome(pack, { ...PORTFOLIO_TRUST, keys: posing })).equal(
        "invalid: KEY_UNTRUSTED keys/merge-60.json",
      );
    });

    it("where the proof moves something, and so is not of the sum", async () => {
      const transfer = { asset: 15, amount: 5n };
      const moved = await provenOf(portfolio.account, { transfer, fill: noFill(SIZE), side: 1n });
      expect(await outcome(await resealed(pack, { "proofs/1.json": json(moved) }))).equal(
        "invalid: MERGE_MISUSED merges/1.json",
      );
    });

    it("at another level than attested, and with merges for a proof of one account", async () => {
      for (const level of ["proven", "on-chain", "claimed"] as const) {
        const changed = await resealed(pack, {}, (index) => ({
          ...index,
          statements: index.statements.map((statement) => ({ ...statement, account: { ...statement.account, level } })),
        }));
        expect(await outcome(changed), level).equal("invalid: LEVEL_UNSUPPORTED index.json");
      }
      const single = json(await provenOf(PARTS[0]!));
      expect(await outcome(await resealed(pack, { "proofs/1.json": single }))).equal(
        "invalid: MERGE_DETACHED merges/1.json",
      );
    });
  });

  it("A06: is not current past the expiry of any attestation, or when the holdings are old", async () => {
    const brief = json(await vouchedFor(2, { expires: "2026-11-22T10:00:00Z" }));
    expect(await outcome(await resealed(pack, { "attestations/3.json": brief }))).equal(
      "not-current: ATTESTATION_EXPIRED attestations/3.json",
    );
    const old = { ...PORTFOLIO_TRUST, maxAge: 15_000 };
    expect(await outcome(pack, old)).match(/^not-current: HOLDINGS_OLD attestations\/1.json/);
  });

  it("makes packs of several sums and single accounts, and takes no merge that backs nothing", async () => {
    const pair = await provePortfolio(prover, PARTS.slice(0, 1).concat(PARTS[2]!), AUDIENCE);
    const proofs = [envelope, await provenOf(pair.account), await provenOf(PARTS[0]!)];
    const merges = [...portfolio.merges, ...pair.merges].map((merge, index) => named(`${index}.json`, merge));
    const files = proofs.map((proof, index) => named(`${index}.json`, proof));
    const made = await samplePack(await source({ proofs: files, merges }));
    const verdict = await verifier.verify(made, NOW);
    expect(verdict.ok && verdict.reading.statements.map(({ account }) => account.parts)).deep.equal([3, 2, 1]);
    const idle = await samplePack(await source({ merges, proofs: files.slice(0, 1) })).catch((e) => e);
    expect(idle).include({ code: "UNKNOWN_NAME" });
  });

  /** A merge as a firm makes it with its own program: whatever key, whatever sides. */
  async function mergeProof(a: Account, b: Account, mergedViewingKey: FieldElement) {
    const { sha256, origin } = MERGE_KEY.identity;
    const terms = { size: SIZE, audience: AUDIENCE, verificationKey: { sha256, origin } } as const;
    const proof = await prover.merge({ left: a, right: b, mergedViewingKey, context: mergeContext(terms) });
    return { document: mergeDocument(terms, proof), merged: merge(a, b, mergedViewingKey) };
  }

  describe("a merge alone", () => {
    it("verifies for its audience, and gives the three commitments", () => {
      const document = readMerge(named("m", portfolio.merges[0]));
      const strict = createVerifier(MERGE_KEY.file, MERGE_KEY.identity);
      const asked = { size: SIZE, audience: AUDIENCE } as const;
      expect(verifyMerge(document, strict, asked)).deep.include({
        ok: true,
        left: stateOf(PARTS[0]!),
        right: stateOf(PARTS[1]!),
      });
      expect(strict.marketPoint([])).deep.equal({ x: 0n, y: 0n });
    });

    it("is made of 2 to 64 accounts on boards of one size, in range together", async () => {
      const code = async (parts: readonly Account[]) =>
        (await provePortfolio(prover, parts, AUDIENCE).catch((thrown) => thrown)).code;
      expect(await code(PARTS.slice(0, 1))).equal("FIELD_INVALID");
      expect(await code(Array.from({ length: 65 }, (_, index) => part(0n, 0n, BigInt(index + 1))))).equal(
        "FIELD_INVALID",
      );
      const words = await provePortfolio(prover, PARTS, "two\nlines").catch((thrown) => thrown);
      expect(words).deep.include({ code: "FIELD_INVALID", place: { field: "audience" } });
      const other = { ...genesis("board-240"), viewingKey: 5n as FieldElement };
      expect(await code([PARTS[0]!, other])).equal("FIELD_INVALID");
      const most = (1n << 63n) - 1n;
      expect(await code([part(most, 0n, 1n), part(1n, 0n, 2n)])).equal("OUT_OF_RANGE");
    });
  });
});

describe("the parts of a sum", () => {
  const tree = (...triples: [string, string, string][]): Merge[] =>
    triples.map(([left, right, merged], index) => ({ file: `${index + 1}`, left, right, merged }));
  const parts = (merges: Merge[], root = "root") => {
    const verdict = partsOf(root, merges);
    return verdict.ok ? [...verdict.parts.keys()].sort().join() : `${verdict.code} ${verdict.file}`;
  };

  it("are the leaves of any tree, in whatever order its merges come", () => {
    const merges = tree(["a", "b", "x"], ["c", "d", "y"], ["x", "y", "root"]);
    expect(parts(merges)).equal("a,b,c,d");
    expect(parts(merges.toReversed())).equal("a,b,c,d");
    expect(parts(tree(["a", "b", "x"], ["x", "c", "y"], ["y", "d", "root"]))).equal("a,b,c,d");
    expect(parts([])).equal("root");
  });

  it("do not count twice, whether a part, a sum, or the root itself", () => {
    expect(parts(tree(["a", "a", "root"]))).equal("STATE_COUNTED_TWICE 1");
    expect(parts(tree(["a", "b", "x"], ["x", "a", "root"]))).equal("STATE_COUNTED_TWICE 2");
    expect(parts(tree(["a", "b", "x"], ["x", "x", "root"]))).equal("STATE_COUNTED_TWICE 2");
    expect(parts(tree(["a", "root", "root"]))).equal("STATE_COUNTED_TWICE 1");
    expect(parts(tree(["x", "a", "root"], ["root", "b", "x"]))).equal("STATE_COUNTED_TWICE 2");
  });

  it("have every merge between them and the root, and one for each sum", () => {
    expect(parts(tree(["a", "b", "root"], ["c", "d", "x"]))).equal("MERGE_DETACHED 2");
    expect(parts(tree(["a", "b", "root"], ["y", "c", "x"], ["x", "d", "y"]))).equal("MERGE_DETACHED 2");
    expect(parts(tree(["a", "b", "root"], ["c", "d", "root"]))).equal("MERGE_DETACHED 2");
    expect(parts(tree(["a", "b", "x"]))).equal("MERGE_DETACHED 1");
  });
});

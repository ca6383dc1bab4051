// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { expect } from "chai";
import { TypedDataEncoder, Wallet, ZeroHash } from "ethers";
import { zipSync } from "fflate";
import { attest } from "../../prover/src/app/attest.ts";
import { trustFrom } from "../../prover/src/app/trust-from.ts";
import { reportPack, verifyPack } from "../../prover/src/app/verify-pack.ts";
import { domainOf, observe, publication } from "../../prover/src/chain/publication.ts";
import { listingSha256 } from "../../prover/src/formats/market.ts";
import { isTime } from "../../prover/src/formats/time.ts";
import { commitFill } from "../../prover/src/model/commit.ts";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import {
  attestationDigest,
  type ChainReference,
  observationsDocument,
  readAttestation,
  readChainReference,
} from "../../prover/src/pack/evidence.ts";
import { INDEX, type PackContents, packSha256 } from "../../prover/src/pack/format.ts";
import { packReport, renderPackReport } from "../../prover/src/pack/report.ts";
import { packVerdict } from "../../prover/src/pack/told.ts";
import { readTrust, type Trust } from "../../prover/src/pack/trust.ts";
import { readSigningKey, recoverAddress, type Signing, typedDigest } from "../../prover/src/pack/typed-data.ts";
import { createPackVerifier, peekIndex } from "../../prover/src/pack/verify.ts";
import { PACK_LIMITS, type PackFiles, unzipFiles, zipFiles } from "../../prover/src/pack/zip.ts";
import { verdictText } from "../../prover/src/report/parts-text.ts";
import { NO_FILL } from "../../prover/src/statement/signals.ts";
import { createVerifier } from "../../prover/src/verify/verifier.ts";
import {
  AUDIENCE,
  attestation,
  CUSTODIAN,
  FIRM,
  indexOf,
  json,
  KEY,
  keySource,
  MARKET_TIME,
  market,
  marketText,
  NOW,
  named,
  ORACLE,
  OTHER_FIRM,
  observations,
  policy,
  policyText,
  proveLevel,
  request,
  resealed,
  STATE_AFTER,
  STATE_BEFORE,
  samplePack,
  TRUST,
  VOUCHED,
} from "../support/packs.ts";
import { simulatedKey } from "../support/simulated.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const textIn = (files: PackFiles, file: string) => new TextDecoder().decode(files.get(file)!);

describe("evidence packs", function () {
  this.timeout(30_000);
  let pack: PackFiles;
  const verifier = createPackVerifier(TRUST);
  before(async () => {
    pack = await samplePack();
  });

  /** "valid", or what is wrong: code and file. */
  async function outcome(files: PackFiles | Uint8Array, trust: Trust = TRUST, now = NOW): Promise<string> {
    const verdict = await (trust === TRUST ? verifier : createPackVerifier(trust)).verify(files, now);
    if (!verdict.ok) return `${verdict.outcome}: ${verdict.finding.code} ${verdict.finding.file}`.trimEnd();
    return [verdict.outcome, ...verdict.stale.map(({ code, file }) => `${code} ${file}`)].join(": ");
  }

  it("verify as files and as a zip, at the levels that the evidence supports", async () => {
    const zip = zipFiles(pack);
    expect(Buffer.from(zipFiles(pack)).equals(Buffer.from(zip)), "the same zip twice").equal(true);
    const verdict = await verifier.verify(zip, NOW);
    expect(verdict).include({ ok: true, outcome: "valid" });
    if (!verdict.ok) return;
    expect(verdict.reading.evidence, "under a development key").equal(false);
    const [statement] = verdict.reading.statements;
    expect(statement!.level).equal("proven");
    expect(statement!.account).deep.include({ level: "attested" });
    expect(statement!.account.by[0]).include({ name: "The custodian", time: "2026-11-22T07:30:00Z" });
    expect(statement!.values.level).equal("attested");
    expect(statement!.values.by).length(3);
    expect(statement!.notProven.map(({ code }) => code)).deep.equal([
      "DEVELOPMENT_KEY",
      "COMPLETENESS",
      "VALUES_VOUCHED",
      "LISTING_AS_GIVEN",
    ]);
    expect(await outcome(pack)).equal("valid");
  });

  it("are evidence under keys of a ceremony alone", async () => {
    for (const origin of ["ceremony", "rehearsal"] as const) {
      const identity = { ...keySource.identity, origin };
      const { proofs } = await request();
      const made = await samplePack({
        proofs: proofs.map(({ file, text }) => ({ file, text: text.replace('"development"', `"${origin}"`) })),
        keyFor: async () => ({ ...keySource, identity }),
      });
      const verdict = await createPackVerifier({ ...TRUST, keys: [identity] }).verify(made, NOW);
      if (!verdict.ok) return expect.fail(verdict.finding.sentence);
      expect(verdict.reading.evidence, origin).equal(origin === "ceremony");
      const words = verdictText(packVerdict(verdict)).split("\n");
      expect(words[0]).match(origin === "ceremony" ? /^valid and current$/ : /^TEST ONLY \(REHEARSAL_KEY\)/);
    }
  });

  it("hold without evidence too, with everything but the proof only claimed", async () => {
    const bare = await samplePack({ attestations: [], observations: [], claims: [], documents: [] });
    const { policies: _, audience: __, ...unasked } = TRUST;
    const verdict = await createPackVerifier({ ...unasked, attesters: [], oracles: [] }).verify(bare, NOW);
    expect(verdict.ok && verdict.outcome).equal("valid");
    if (!verdict.ok) return;
    const [{ account, values, notProven }] = verdict.reading.statements as never as [
      (typeof verdict.reading.statements)[0],
    ];
    expect([account.level, values.level]).deep.equal(["claimed", "claimed"]);
    expect(notProven.map(({ code }) => code)).deep.equal([
      "DEVELOPMENT_KEY",
      "STATES_CLAIMED",
      "COMPLETENESS",
      "POLICY_AS_GIVEN",
      "VALUES_CLAIMED",
    ]);
  });

  it("hold several statements of one account, which together make a band", async () => {
    const proofs = [await proveLevel(15_000n), await proveLevel(20_000n), await proveLevel(25_000n, "below")];
    const made = await samplePack({ proofs: proofs.map((proof, index) => named(`${index}.json`, proof)) });
    const verdict = await verifier.verify(made, NOW);
    expect(packVerdict(verdict).pack?.bands).deep.equal([
      {
        sentence: "epoch 7: at least 200% and below 250% of maintenance margin",
        board: { words: "meridian-main", by: "market file" },
      },
    ]);
  });

  describe("of which anything is changed", () => {
    const edits: [string, (files: Map<string, Uint8Array>) => void, RegExp][] = [
      [
        "a file removed",
        (files) => files.delete("attestations/1.json"),
        /^invalid: FILE_MISSING attestations\/1.json$/,
      ],
      ["a document removed", (files) => files.delete("documents/letter-to-aldgate.txt"), /^invalid: FILE_MISSING doc/],
      ["a file added", (files) => files.set("notes.txt", utf8("trust me")), /^invalid: FILE_UNLISTED notes.txt$/],
      [
        "a file replaced",
        (files) => files.set("policies/1.json", utf8("{}")),
        /^invalid: FILE_CHANGED policies\/1.json$/,
      ],
      [
        "two files exchanged",
        exchange("policies/1.json", "markets/1.json"),
        /^invalid: FILE_CHANGED (policies|markets)\/1.json$/,
      ],
      ["the index removed", (files) => files.delete(INDEX), /^unusable: PACK_MALFORMED index.json$/],
      [
        "another firm's name",
        (files) => replace(files, INDEX, "Atlas Trading", "Boreas Trading"),
        /^invalid: INDEX_UNSEALED index.json$/,
      ],
      [
        "a signature changed",
        (files) => replace(files, INDEX, /"signature": "0x(..)/, '"signature": "0x00'),
        /^invalid: INDEX_UNSEALED/,
      ],
      ["a name that climbs", (files) => files.set("../evil", utf8("")), /^unusable: PACK_MALFORMED$/],
    ];
    for (const [what, edit, expected] of edits) {
      it(`is refused: ${what}`, async () => {
        const files = new Map(pack);
        edit(files);
        expect(await outcome(files)).match(expected);
      });
    }

    function exchange(a: string, b: string) {
      return (files: Map<string, Uint8Array>) => {
        const [first, second] = [files.get(a)!, files.get(b)!];
        files.set(a, second).set(b, first);
      };
    }
    function replace(files: Map<string, Uint8Array>, path: string, old: string | RegExp, by: string) {
      const text = new TextDecoder().decode(files.get(path)!);
      const changed = text.replace(old, by);
      expect(changed).not.equal(text);
      files.set(path, utf8(changed));
    }
  });

  describe("that the firm itself seals", () => {
    type Statement = PackContents["statements"][number];
    const statement = (change: (statement: Statement) => unknown) => (index: PackContents) => ({
      ...index,
      statements: index.statements.map(change),
    });
    const cases: [string, (index: PackContents) => unknown, RegExp][] = [
      [
        "a text on its own word as proven",
        (index) => ({ ...index, claims: [{ level: "proven", text: "We are rich." }] }),
        /^invalid: LEVEL_UNSUPPORTED index/,
      ],
      [
        "a text on its own word as attested",
        (index) => ({ ...index, claims: [{ level: "attested", text: "We are rich." }] }),
        /^invalid: LEVEL_UNSUPPORTED/,
      ],
      [
        "the account as on-chain, with an attestation",
        statement((s) => ({ ...s, account: { ...s.account, level: "on-chain" } })),
        /^invalid: LEVEL_UNSUPPORTED/,
      ],
      [
        "the account as proven",
        statement((s) => ({ ...s, account: { ...s.account, level: "proven" } })),
        /^invalid: LEVEL_UNSUPPORTED/,
      ],
      [
        "values as proven",
        statement((s) => ({ ...s, values: { ...s.values, level: "proven" } })),
        /^invalid: LEVEL_UNSUPPORTED/,
      ],
      [
        "values as on-chain, with observations",
        statement((s) => ({ ...s, values: { ...s.values, level: "on-chain" } })),
        /^invalid: LEVEL_UNSUPPORTED/,
      ],
      ["a sentence as attested", statement((s) => ({ ...s, level: "attested" })), /^invalid: LEVEL_UNSUPPORTED/],
      [
        "evidence that no statement rests on",
        statement((s) => ({ ...s, account: { level: "claimed", by: [] } })),
        /^invalid: FILE_UNUSED attestations\/1.json$/,
      ],
      [
        "evidence of another kind",
        statement((s) => ({ ...s, account: { level: "attested", by: s.values.by } })),
        /^unusable: PACK_MALFORMED/,
      ],
      ["a first pack with number 2", (index) => ({ ...index, number: "2" }), /^unusable: PACK_MALFORMED/],
      [
        "a pack dated before its market",
        (index) => ({ ...index, created: "2026-11-22T07:59:59Z" }),
        /^invalid: TIME_ORDER/,
      ],
      ["an unknown field", (index) => ({ ...index, trust: "me" }), /^unusable: PACK_MALFORMED/],
    ];
    for (const [what, edit, expected] of cases) {
      it(`is refused: ${what}`, async () => expect(await outcome(await resealed(pack, {}, edit))).match(expected));
    }

    it("is refused under a seal of somebody whom the reader does not know", async () => {
      expect(await outcome(await resealed(pack, {}, (index) => index, OTHER_FIRM))).equal(
        "invalid: INDEX_UNSEALED index.json",
      );
      const own = (index: PackContents) => ({ ...index, firm: { ...index.firm, signer: OTHER_FIRM.address } });
      expect(await outcome(await resealed(pack, {}, own, OTHER_FIRM))).equal("invalid: FIRM_UNTRUSTED index.json");
    });

    it("A01: is refused with signals extra, missing, hexadecimal, padded, numeric, negative or unreduced (more in verify.test.ts)", async () => {
      const envelope = JSON.parse(new TextDecoder().decode(pack.get("proofs/1.json")!));
      for (const [signals, code] of [
        [[...envelope.publicSignals, "0"], "SIGNALS_COUNT"],
        [envelope.publicSignals.slice(1), "SIGNALS_COUNT"],
        [envelope.publicSignals.with(9, "0x1"), "SIGNAL_NOT_CANONICAL"],
        [envelope.publicSignals.with(9, "01"), "SIGNAL_NOT_CANONICAL"],
        [envelope.publicSignals.with(9, 1), "SIGNAL_NOT_CANONICAL"],
        [envelope.publicSignals.with(9, "-1"), "SIGNAL_NOT_CANONICAL"],
        [envelope.publicSignals.with(9, "9".repeat(77)), "SIGNAL_NOT_REDUCED"],
      ]) {
        const changed = await resealed(pack, { "proofs/1.json": json({ ...envelope, publicSignals: signals }) });
        expect(await outcome(changed)).equal(`invalid: ${code} proofs/1.json`);
      }
    });

    it("A02, A04: is refused with a proof in another form, of other signals or in other words (more in envelope.test.ts)", async () => {
      const envelope = JSON.parse(new TextDecoder().decode(pack.get("proofs/1.json")!));
      for (const [change, expected] of [
        [{ proof: { ...envelope.proof, curve: "bls12381" } }, "invalid: PROOF_FIELDS proofs/1.json"],
        [{ proof: { ...envelope.proof, pi_a: envelope.proof.pi_c } }, "invalid: PAIRING_FAILED proofs/1.json"],
        [{ statement: { ...envelope.statement, text: "All is well." } }, "invalid: FILE_MALFORMED proofs/1.json"],
        [{ statement: { ...envelope.statement, audience: "Somebody" } }, "invalid: STATEMENT_UNEXPECTED proofs/1.json"],
        [{ publicSignals: envelope.publicSignals.with(0, "5") }, "invalid: ATTESTATION_MISUSED attestations/1.json"],
        [{ publicSignals: envelope.publicSignals.with(4, "15001") }, "invalid: SIGNAL_MISMATCH proofs/1.json"],
      ] as const) {
        const changed = await resealed(pack, { "proofs/1.json": json({ ...envelope, ...change }) });
        expect(await outcome(changed)).equal(expected);
      }
    });

    it("A03: is refused under a key that the reader does not name, sound as it may be", async () => {
      const own = simulatedKey("board-60", 9n);
      const changed = await resealed(pack, { "keys/board-60.json": new TextDecoder().decode(own.file) });
      expect(await outcome(changed)).equal("invalid: KEY_UNTRUSTED keys/board-60.json");
      // Nor does a proof under one trusted key pass for one under another.
      expect(await outcome(changed, { ...TRUST, keys: [own.identity] })).equal("invalid: KEY_MISMATCH proofs/1.json");
    });

    it("V09: is refused under a key without a second contribution, also by a reader who names it", async () => {
      const open = simulatedKey("board-60", 5n, (key) => ({ ...key, vk_delta_2: key.vk_gamma_2 }));
      const changed = await resealed(pack, { "keys/board-60.json": new TextDecoder().decode(open.file) });
      expect(await outcome(changed, { ...TRUST, keys: [open.identity] })).equal(
        "invalid: KEY_UNSOUND keys/board-60.json",
      );
    });

    it("is refused with another circuit than the one that the reader expects of the key", async () => {
      const keys = [{ ...KEY.identity, r1csSha256: keySource.r1csSha256 }];
      expect(await outcome(pack, { ...TRUST, keys })).equal("valid");
      const others = [{ ...KEY.identity, r1csSha256: "2".repeat(64) }];
      expect(await outcome(pack, { ...TRUST, keys: others })).equal("invalid: CIRCUIT_MISMATCH index.json");
    });

    it("A05: is refused with a policy or a market that is not the proof's, naming which", async () => {
      const policies = await resealed(pack, { "policies/1.json": policyText.replace('"500"', '"600"') });
      const { policies: _, ...anyPolicy } = TRUST;
      expect(await outcome(policies, anyPolicy)).equal("invalid: POLICY_MISMATCH policies/1.json");
      const epoch = await resealed(pack, { "markets/1.json": marketText.replace('"epoch": "7"', '"epoch": "8"') });
      expect(await outcome(epoch)).equal("invalid: MARKET_MISMATCH markets/1.json");
      const broken = await resealed(pack, { "markets/1.json": "{" });
      expect(await outcome(broken)).equal("invalid: FILE_MALFORMED markets/1.json");
    });
  });

  describe("A06: and the reader's date", () => {
    it("are valid but not current when the market is older than the reader allows, to the second", async () => {
      const at = (seconds: number) => new Date(Date.parse(MARKET_TIME) + seconds * 1000);
      const trust = { ...TRUST, maxAge: 7_200 };
      expect(await outcome(pack, trust, at(7_200))).match(/^not-current: HOLDINGS_OLD attestations\/1.json$/);
      expect(await outcome(pack, trust, at(7_201))).equal(
        "not-current: HOLDINGS_OLD attestations/1.json: MARKET_OLD markets/1.json",
      );
      const bare = await samplePack({ attestations: [] });
      expect(await outcome(bare, trust, at(7_200))).equal("valid");
      expect(await outcome(bare, trust, at(7_201))).equal("not-current: MARKET_OLD markets/1.json");
    });

    it("are not current past an attestation's expiry, after a policy was superseded, or before the pack's own date", async () => {
      const brief = await samplePack({
        attestations: [named("a", await attestation({ expires: "2026-11-22T10:00:00Z" }))],
      });
      expect(await outcome(brief)).equal("not-current: ATTESTATION_EXPIRED attestations/1.json");
      const policies = [{ ...TRUST.policies![0]!, until: "2026-11-22T11:00:00Z" }];
      expect(await outcome(pack, { ...TRUST, policies })).equal("not-current: POLICY_SUPERSEDED policies/1.json");
      expect(await outcome(pack, TRUST, new Date("2026-11-22T08:54:00Z"))).equal(
        "not-current: PACK_FROM_THE_FUTURE index.json",
      );
    });

    it("are invalid under a policy that the reader does not name", async () => {
      const policies = [{ sha256: "0".repeat(64) }];
      expect(await outcome(pack, { ...TRUST, policies })).equal("invalid: POLICY_UNTRUSTED policies/1.json");
    });
  });

  it("W02: an invalid date, and a trust that a program made of words, are refused and not taken for current", async () => {
    for (const date of [new Date("tomorrow"), new Date(Number.NaN), new Date("2026-11-31T25:00:00Z")]) {
      const error = await verifier.verify(pack, date).catch((reason) => reason);
      expect(error).include({ code: "FIELD_INVALID" });
    }
    const policies = [{ ...TRUST.policies![0]!, until: "for ever" }];
    expect(
      await createPackVerifier({ ...TRUST, policies })
        .verify(pack, NOW)
        .catch(({ code }) => code),
    ).equal("FIELD_INVALID");
    expect(await outcome(pack, { ...TRUST, maxAge: Number.NaN })).match(/^not-current: HOLDINGS_OLD .* MARKET_OLD/);
  });

  it("W15: a time that rolls over, in a document or in trust settings, is no time", async () => {
    for (const time of [
      "2026-11-31T00:00:00Z",
      "2026-02-29T00:00:00Z",
      "2026-11-22T24:00:00Z",
      "2026-11-22T09:00:00",
    ]) {
      const dated = await resealed(pack, {}, (index) => ({ ...index, created: time }));
      expect(await outcome(dated), time).equal("unusable: PACK_MALFORMED index.json");
      const policies = [{ sha256: policy.sha256, until: time }];
      const trust = { format: "plimsoll-trust/1", firms: [], keys: [], maxAgeSeconds: 60, policies };
      expect(() => readTrust(named("t", trust)), time)
        .throw()
        .property("code", "FIELD_INVALID");
      expect(isTime(time)).equal(false);
    }
    expect(isTime("2028-02-29T23:59:59Z")).equal(true);
  });

  it("are unusable to a reader who names no firm or no key", async () => {
    expect(await outcome(pack, { ...TRUST, firms: [] })).equal("unusable: TRUST_INCOMPLETE");
    expect(await outcome(pack, { ...TRUST, keys: [] })).equal("unusable: TRUST_INCOMPLETE");
    expect(peekIndex(pack).firm.signer).equal(FIRM.address);
  });

  describe("attestations", () => {
    const withAttestation = async (document: unknown) => resealed(pack, { "attestations/1.json": json(document) });

    it("count only from attesters whom the reader names", async () => {
      expect(await outcome(pack, { ...TRUST, attesters: [] })).equal("invalid: ATTESTER_UNTRUSTED attestations/1.json");
    });

    it("are refused for another commitment, firm, size or signer, and with anything changed", async () => {
      const good = await attestation();
      const cases: [unknown, string][] = [
        [await attestation({ commitment: "5" }), "ATTESTATION_MISUSED"],
        [await attestation({ firm: OTHER_FIRM.address }), "ATTESTATION_MISUSED"],
        [await attestation({ size: "board-240" }), "ATTESTATION_MISUSED"],
        [await attestation({ listing: "0".repeat(64) }), "ATTESTATION_MISUSED"],
        [{ ...good, format: "plimsoll-attestation/2" }, "FILE_MALFORMED"],
        [{ ...good, vouched: { ...good.vouched, listing: listingSha256(policy, market) } }, "FILE_MALFORMED"],
        [await attestation({}, OTHER_FIRM), "ATTESTER_UNTRUSTED"],
        [await attestation({ asOf: "2026-11-22T09:00:01Z" }), "TIME_ORDER"],
        [{ ...good, vouched: { ...good.vouched, scope: "everything" } }, "ATTESTATION_UNSIGNED"],
        [{ ...good, vouched: { ...good.vouched, subject: "all we ever held" } }, "ATTESTATION_UNSIGNED"],
        [{ ...good, vouched: { ...good.vouched, expires: "2036-11-22T00:00:00Z" } }, "ATTESTATION_UNSIGNED"],
        [{ ...good, vouched: { ...good.vouched, asOf: "2026-11-22T08:59:00Z" } }, "ATTESTATION_UNSIGNED"],
        [{ ...good, vouched: { ...good.vouched, expires: "2025-11-22T00:00:00Z" } }, "FILE_MALFORMED"],
        [{ ...good, vouched: { ...good.vouched, asOf: "1960-11-22T00:00:00Z" } }, "FILE_MALFORMED"],
        [{ ...good, vouched: { ...good.vouched, commitment: `${1n << 256n}` } }, "FILE_MALFORMED"],
        [{ ...good, vouched: { ...good.vouched, commitment: "9".repeat(78) } }, "FILE_MALFORMED"],
        [{ ...good, signature: { ...good.signature, value: malleated(good.signature.value) } }, "ATTESTATION_UNSIGNED"],
        [
          { ...good, signature: { kind: "erc1271", chainId: "1", value: good.signature.value } },
          "ATTESTATION_UNSIGNED",
        ],
      ];
      for (const [document, code] of cases) {
        expect(await outcome(await withAttestation(document))).equal(`invalid: ${code} attestations/1.json`);
      }
    });

    it("of the state after, or before where nothing moves, and of nothing else", async () => {
      for (const commitment of [STATE_BEFORE, STATE_AFTER]) {
        expect(await outcome(await withAttestation(await attestation({ commitment })))).equal("valid");
        const listed = await attestation({ commitment, listing: listingSha256(policy, market) });
        expect(await outcome(await withAttestation(listed))).equal("valid");
      }
    });

    it("by a contract wallet (ERC-1271) count where the reader has asked the chain, and are unusable until then", async () => {
      const eoa = await attestation();
      const contract = `0x${"1271".repeat(10)}`;
      const signed = {
        ...eoa,
        attester: { name: "Custodian Two", signer: contract },
        signature: { kind: "erc1271", chainId: "1", value: "0x00ff" },
      } as const;
      const reference: ChainReference = {
        format: "plimsoll-chain/1",
        kind: "signature",
        chainId: "1",
        contract,
        subject: attestationDigest(readAttestation(named("a", signed))),
        value: "valid",
        block: { number: "21000000", hash: `0x${"ab".repeat(32)}`, time: "2026-11-22T08:30:00Z" },
      };
      const made = await samplePack({ attestations: [named("a", signed)], chain: [named("c", reference)] });
      const trust = { ...TRUST, attesters: [{ name: "Two", signer: contract }] };
      expect(await outcome(made, trust)).equal("unusable: CHAIN_UNCONFIRMED chain/1.json");
      expect(await outcome(made, { ...trust, chain: [reference] })).equal("valid");
      expect(await outcome(made, { ...trust, chain: [{ ...reference, value: "invalid" }] })).equal(
        "invalid: CHAIN_CONTRADICTED chain/1.json",
      );
      expect(await outcome(made, { ...TRUST, chain: [reference] })).equal(
        "invalid: ATTESTER_UNTRUSTED attestations/1.json",
      );
    });

    it("W03: by a contract that agreed years ago, before the holdings, or in the future → not current or invalid", async () => {
      const contract = `0x${"1271".repeat(10)}`;
      const body = async (asOf: string) => ({
        ...(await attestation({ asOf })),
        attester: { name: "Custodian Two", signer: contract },
        signature: { kind: "erc1271", chainId: "1", value: "0x00ff" },
      });
      const agreed = async (time: string, asOf = VOUCHED.asOf, maxAge = TRUST.maxAge) => {
        const signed = await body(asOf);
        const reference: ChainReference = {
          ...{ format: "plimsoll-chain/1", kind: "signature", chainId: "1", contract, value: "valid" },
          subject: attestationDigest(readAttestation(named("a", signed))),
          block: { number: "21000000", hash: `0x${"ab".repeat(32)}`, time },
        };
        const sound = { ...reference, block: { ...reference.block, time: VOUCHED.asOf } };
        const made = await samplePack({ attestations: [named("a", signed)], chain: [named("c", sound)] });
        const dated = await resealed(made, { "chain/1.json": json(reference) });
        return outcome(dated, { ...TRUST, maxAge, attesters: [{ name: "Two", signer: contract }], chain: [reference] });
      };
      expect(await agreed("2026-11-22T08:30:00Z")).equal("valid");
      expect(await agreed("2020-11-22T08:30:00Z")).equal("invalid: TIME_ORDER attestations/1.json");
      expect(await agreed("2030-01-01T00:00:00Z")).equal("invalid: TIME_ORDER chain/1.json");
      expect(await agreed("2026-11-22T09:00:01Z")).equal("invalid: TIME_ORDER chain/1.json");
      // As old as the holdings of which it speaks, and both too old.
      const old = "2020-11-22T07:30:00Z";
      expect(await agreed(old, old)).match(/^not-current: .*SIGNATURE_OLD chain\/1.json/);
      expect(await agreed("2026-11-22T08:30:00Z", VOUCHED.asOf, 12_599)).match(/^not-current: .*SIGNATURE_OLD/);
      expect(await agreed("2026-11-22T08:30:00Z", VOUCHED.asOf, 12_600)).not.match(/SIGNATURE_OLD/);
    });
  });

  describe("chain references", () => {
    const block = { number: "21000000", hash: `0x${"ab".repeat(32)}`, time: "2026-11-22T08:30:00Z" };
    const common = { format: "plimsoll-chain/1", chainId: "1", contract: `0x${"9a".repeat(20)}`, block } as const;

    it("W03: of an account are dated like every other reference", async () => {
      const account: ChainReference = { ...common, kind: "account", subject: "12", value: STATE_AFTER };
      const made = await samplePack({ chain: [named("a", account)] });
      const dated = async (time: string) => {
        const then = { ...account, block: { ...block, time } };
        const trust = { ...TRUST, chain: [then] };
        return outcome(await resealed(made, { "chain/1.json": json(then) }), trust);
      };
      expect(await dated(block.time)).equal("valid");
      expect(await dated("2020-11-22T08:30:00Z")).equal("not-current: HOLDINGS_OLD chain/1.json");
      expect(await dated("2030-01-01T00:00:00Z")).equal("invalid: TIME_ORDER chain/1.json");
    });

    it("put an account and a market on chain where the reader has looked both up", async () => {
      const { x, y } = createVerifier(KEY.file, KEY.identity).marketPoint(
        (await proveLevel(15_000n)).publicSignals.map((signal) => BigInt(signal)) as never,
      );
      const account: ChainReference = { ...common, kind: "account", subject: "12", value: STATE_AFTER };
      const epoch: ChainReference = { ...common, kind: "market", subject: "1/7", value: `${x},${y}` };
      const made = await samplePack({ chain: [named("a", account), named("b", epoch)] });
      expect(await outcome(made)).match(/^unusable: CHAIN_UNCONFIRMED chain\/\d.json$/);
      expect(await outcome(made, { ...TRUST, chain: [account] })).match(/^unusable: CHAIN_UNCONFIRMED/);
      const trust = { ...TRUST, chain: [account, epoch] };
      const verdict = await createPackVerifier(trust).verify(made, NOW);
      expect(verdict.ok && verdict.reading.statements[0]!.account.level).equal("on-chain");
      expect(verdict.ok && verdict.reading.statements[0]!.values.level).equal("on-chain");
      expect(verdict.ok && verdict.reading.statements[0]!.notProven.map(({ code }) => code)).include.members([
        "ACCOUNT_AS_GIVEN",
        "LISTING_AS_GIVEN",
      ]);
      // A06: the market is as old as the block in which it was found, whatever its file says.
      const found = async (time: string) => {
        const then = { ...epoch, block: { ...block, time } };
        const source = { chain: [named("a", account), named("b", then)] };
        return samplePack(source).then(
          (dated) => outcome(dated, { ...TRUST, chain: [account, then] }),
          (error) => error.message,
        );
      };
      expect(await found("2026-11-22T08:00:00Z")).equal("valid");
      expect(await found("2020-01-01T00:00:00Z")).match(/TIME_ORDER/);
      expect(await found("2026-11-22T09:30:00Z")).match(/TIME_ORDER/);
      const onBoard = async (listing: string) => {
        const oracles = [{ ...ORACLE, ...common, board: "1", listing }];
        return outcome(made, { ...trust, oracles: [ORACLE, ...oracles] });
      };
      expect(await onBoard(listingSha256(policy, market))).equal("valid");
      expect(await onBoard("0".repeat(64))).match(/^invalid: LISTING_UNEXPECTED chain/);
      const far = { ...epoch, chainId: "10" };
      const two = await resealed(made, {
        [[...made.keys()].find((file) => file.startsWith("chain/") && textIn(made, file).includes('"market"'))!]:
          json(far),
      });
      expect(await outcome(two, { ...TRUST, chain: [account, far] })).match(/^invalid: CHAINS_DIFFER chain/);
      const elsewhere = { ...account, block: { ...block, hash: `0x${"cd".repeat(32)}` } };
      expect(await outcome(made, { ...TRUST, chain: [elsewhere, epoch] })).match(/^invalid: CHAIN_CONTRADICTED/);
    });

    it("W01: hold figures and no words, since a finding repeats them", () => {
      const good = { ...common, kind: "account", subject: "12", value: STATE_AFTER };
      expect(readChainReference(named("c", good)).subject).equal("12");
      for (const change of [
        { subject: "12, which holds. valid: covers 9.0 times" },
        { subject: "012" },
        { value: "5 and more" },
        { kind: "market", subject: "1", value: "1,2" },
        { kind: "market", subject: "1/7", value: "1,2,3" },
        { kind: "signature", subject: "12", value: "valid" },
        { kind: "signature", subject: `0x${"ab".repeat(32)}`, value: "yes" },
      ]) {
        expect(() => readChainReference(named("c", { ...good, ...change })), JSON.stringify(change))
          .throw()
          .property("code", "FIELD_INVALID");
      }
    });

    it("of another state or another market back nothing", async () => {
      const other: ChainReference = { ...common, kind: "account", subject: "12", value: "5" };
      const error = await samplePack({ chain: [named("a", other)] }).catch((reason) => reason);
      expect(error).include({ code: "UNKNOWN_NAME" });
    });
  });

  describe("signed observations", () => {
    const withReports = async (change: (given: Awaited<ReturnType<typeof observations>>) => unknown) =>
      outcome(await resealed(pack, { "observations/1.json": json(change(await observations())) }));

    it("O01: too few, even, doubled, unsorted or unknown reporters, another epoch, price or board → refused", async () => {
      const refused = "invalid: OBSERVATIONS_REFUSED observations/1.json";
      expect(await withReports((given) => given)).equal("valid");
      expect(await withReports((given) => ({ ...given, reports: given.reports.slice(0, 1) }))).equal(refused);
      expect(await withReports((given) => ({ ...given, reports: given.reports.slice(0, 2) }))).equal(refused);
      expect(await withReports((given) => ({ ...given, reports: given.reports.toReversed() }))).equal(refused);
      expect(await withReports((given) => ({ ...given, reports: [0, 0, 1].map((i) => given.reports[i]) }))).equal(
        refused,
      );
      expect(await withReports((given) => ({ ...given, epoch: "8" }))).equal(refused);
      expect(await withReports((given) => ({ ...given, board: "2" }))).equal(refused);
      expect(
        await withReports((given) => ({
          ...given,
          reports: given.reports.map((report) => ({ ...report, prices: ["1", ...report.prices.slice(1)] })),
        })),
      ).equal(refused);
      const swapped = await withReports((given) => ({
        ...given,
        reports: given.reports.map((report) => ({ ...report, boardSignature: report.signature })),
      }));
      expect(swapped).equal(refused);
    });

    it("are those that the oracle on a chain takes", async () => {
      const wallets = [0xa1, 0xa2, 0xa3].map((number) => new Wallet(`0x${number.toString(16).padStart(64, "0")}`));
      const { epoch } = publication(market.market, { board: 1n, epoch: market.epoch });
      const domain = domainOf("PriceOracle", BigInt(ORACLE.chainId), ORACLE.contract);
      const sight = { time: BigInt(Date.parse(MARKET_TIME) / 1000), prices: market.market.prices };
      const signed = await observe(wallets, domain, epoch, sight);
      const { chainId, contract, board } = ORACLE;
      const document = observationsDocument({ chainId, contract, board, epoch: `${market.epoch}` }, signed);
      expect(document).deep.equal(await observations());
    });

    it("are of rows with the names and lots of the reader's listing, or a caveat says whose word that is", async () => {
      const codes = async (listing?: string) => {
        const oracles = [{ ...ORACLE, ...(listing === undefined ? {} : { listing }) }];
        const verdict = await createPackVerifier({ ...TRUST, oracles }).verify(pack, NOW);
        return verdict.ok ? verdict.reading.statements[0]!.notProven.map(({ code }) => code) : [verdict.finding.code];
      };
      expect(await codes()).include("LISTING_AS_GIVEN");
      expect(await codes(listingSha256(policy, market))).not.include("LISTING_AS_GIVEN");
      expect(await codes("0".repeat(64))).deep.equal(["LISTING_UNEXPECTED"]);
    });

    it("count only from the reader's reporters", async () => {
      const others = [{ ...ORACLE, reporters: ORACLE.reporters.slice(0, 2) }];
      expect(await outcome(pack, { ...TRUST, oracles: others })).equal(
        "invalid: OBSERVATIONS_REFUSED observations/1.json",
      );
      expect(await outcome(pack, { ...TRUST, oracles: [] })).equal("invalid: OBSERVATIONS_REFUSED observations/1.json");
      expect(await outcome(pack, { ...TRUST, oracles: [...others, ORACLE] })).equal("valid");
    });
  });

  describe("history", () => {
    it("links packs by hash, and shows a reader who has seen one that the next continues it", async () => {
      const second = await samplePack({ previous: pack, created: "2026-11-22T10:00:00Z" });
      const third = await samplePack({ previous: second, created: "2026-11-22T11:00:00Z" });
      const first = { number: 1n, sha256: packSha256(indexOf(pack)) };
      const seen = (last: typeof first) => ({ ...TRUST, firms: [{ ...TRUST.firms[0]!, seen: last }] });
      expect(indexOf(third)).include({ number: "3", previous: packSha256(indexOf(second)) });
      expect(await outcome(third, seen(first))).equal("valid");
      expect(await outcome(third, seen({ ...first, sha256: "0".repeat(64) }))).equal(
        "invalid: HISTORY_FORKED index.json",
      );
      expect(await outcome(pack, seen({ number: 2n, sha256: packSha256(indexOf(second)) }))).equal(
        "not-current: PACK_SUPERSEDED index.json",
      );
      // A gap: the second pack's index is left out.
      const gap = await resealed(third, { "history/2.json": undefined });
      expect(await outcome(gap)).equal("invalid: HISTORY_BROKEN history/1.json");
      const none = await resealed(third, { "history/2.json": undefined, "history/1.json": undefined });
      expect(await outcome(none)).equal("valid");
      expect(await outcome(none, seen(first))).equal("invalid: HISTORY_BROKEN index.json");
    });

    it("is not forked by sealing what follows a rewritten pack with another key of the firm's", async () => {
      const rewritten = await samplePack({ name: "rewritten" });
      const attestations = [named("c.json", await attestation({ firm: OTHER_FIRM.address }))];
      const next = await samplePack({ previous: rewritten, attestations }, OTHER_FIRM);
      const [firm] = TRUST.firms;
      const firms = [firm!, { name: "Atlas", signer: OTHER_FIRM.address }];
      expect(await outcome(next, { ...TRUST, firms })).equal("valid");
      const seen = { number: 1n, sha256: packSha256(indexOf(pack)) };
      expect(await outcome(next, { ...TRUST, firms: [{ ...firm!, seen }, firms[1]!] })).equal(
        "invalid: HISTORY_FORKED index.json",
      );
    });
  });

  describe("zips", () => {
    const zip = () => Buffer.from(zipFiles(pack));
    const plain = (change: Record<string, Uint8Array>) => zipSync({ ...Object.fromEntries(pack), ...change });

    it("of other programs are read, with folders listed or not, stored or deflated", async () => {
      const folders = zipSync({ "keys/": new Uint8Array(), ...Object.fromEntries(pack) }, { level: 0 });
      expect(await outcome(folders)).equal("valid");
      expect(await outcome(zipSync(Object.fromEntries(pack), { level: 1 }))).equal("valid");
    });

    it("that leave the pack, collide by case, hold a name twice or are cut off → unusable", async () => {
      for (const name of [
        "../x",
        "/x",
        "a\\b",
        "A.json",
        "a/../b",
        "con.txt",
        "a./b",
        "ä",
        "a//b",
        "a/b/c/d",
        "x".repeat(101),
      ]) {
        expect(await outcome(plain({ [name]: utf8("x") })), name).equal("unusable: PACK_MALFORMED");
      }
      const twice = Buffer.from(plain({ "index.jsox": utf8("{}") }).map((byte) => byte));
      for (let at = twice.indexOf("index.jsox"); at !== -1; at = twice.indexOf("index.jsox"))
        twice.write("index.json", at);
      expect(await outcome(twice)).equal("unusable: PACK_MALFORMED");
      for (const bytes of [
        zip().subarray(0, -1),
        zip().subarray(1),
        Buffer.concat([zip(), Buffer.from("x")]),
        Buffer.alloc(0),
      ]) {
        expect(await outcome(bytes)).equal("unusable: PACK_MALFORMED");
      }
      expect(await outcome(Buffer.concat([Buffer.from("MZ"), zip()]))).equal("unusable: PACK_MALFORMED");
    });

    it("with a folder around the files are refused, and the error says what to do; what a Mac or Windows adds is left out", async () => {
      const inside = (folder: string) =>
        Object.fromEntries([...pack].map(([name, file]) => [`${folder}/${name}`, file]));
      const junk = new Uint8Array([0, 5, 22, 7]);
      const again = "zip -X -r ../pack.zip * -x '*.DS_Store'";
      const cases: [Record<string, Uint8Array>, string][] = [
        [inside("MyPack"), `a folder, "MyPack", is around the files; zip the files themselves: cd MyPack && ${again}`],
        [inside("pack"), `a folder, "pack", is around the files; zip the files themselves: cd pack && ${again}`],
        [
          { "My Pack/": new Uint8Array(), ...inside("My Pack") },
          `a folder, a name with unusual characters, is around the files; zip the files themselves: cd THE-FOLDER && ${again}`,
        ],
        [
          { ...inside("MyPack"), "__MACOSX/MyPack/._index.json": junk, "MyPack/.DS_Store": junk },
          `a folder, "MyPack", is around the files; zip the files themselves: cd MyPack && ${again}`,
        ],
        [{ ...Object.fromEntries(pack), "Letter.txt": junk }, `the file name "Letter.txt" is none that packs have`],
        // Words of whoever made the zip are not repeated where they could be taken for more than a name.
        [
          inside('x"; rm -rf ~; "'),
          "a folder, a name with unusual characters, is around the files; zip the files themselves: cd THE-FOLDER",
        ],
      ];
      for (const name of ["__MACOSX/._index.json", "proofs/.DS_Store", ".DS_Store", "proofs/Thumbs.db", "__MACOSX/"]) {
        const files = { ...Object.fromEntries(pack), [name]: name.endsWith("/") ? new Uint8Array() : junk };
        const verdict = await verifier.verify(zipSync(files, { level: 0 }), NOW);
        expect(verdict.outcome, name).equal("valid");
        const unzipped = await verifier.verify(
          new Map(Object.entries(files).filter(([each]) => !each.endsWith("/"))),
          NOW,
        );
        expect(unzipped.outcome, name).equal("valid");
      }
      for (const name of ["../.DS_Store", "__MACOSX/../../index.json", "__MACOSX/\u202e"]) {
        const verdict = await verifier.verify(
          zipSync({ ...Object.fromEntries(pack), [name]: junk }, { level: 0 }),
          NOW,
        );
        expect(!verdict.ok && verdict.finding, name).include({ code: "PACK_MALFORMED" });
      }
      for (const [files, words] of cases) {
        const verdict = await verifier.verify(zipSync(files, { level: 0 }), NOW);
        expect(!verdict.ok && verdict.finding).include({ code: "PACK_MALFORMED" });
        expect(!verdict.ok && verdict.finding.sentence).contain(words);
        const unzipped = await verifier.verify(
          new Map(Object.entries(files).filter(([name]) => !name.endsWith("/"))),
          NOW,
        );
        expect(!unzipped.ok && unzipped.finding.sentence).contain(words);
      }
    });

    it("with bytes behind the end of a file's deflated data are refused, few or many", () => {
      for (const spare of [1, 14, 10_000]) {
        const bytes = Buffer.from(zipSync({ "a.json": utf8("hello ".repeat(9)) }, { level: 9 }));
        const packed = bytes.readUInt32LE(18);
        const end = 30 + bytes.readUInt16LE(26) + bytes.readUInt16LE(28) + packed;
        expect(unzipFiles(bytes).size).equal(1);
        const longer = Buffer.concat([bytes.subarray(0, end), Buffer.alloc(spare, "x"), bytes.subarray(end)]);
        for (const at of [18, end + spare + 20]) longer.writeUInt32LE(packed + spare, at);
        longer.writeUInt32LE(end + spare, longer.length - 6);
        expect(() => unzipFiles(longer), `${spare}`).throw("bytes after the end of a file's data");
      }
    });

    it("that unpack to more than they say, or to more than a pack may hold, are refused before that much is written", () => {
      const bomb = zipSync({ "index.json": new Uint8Array(PACK_LIMITS.fileBytes + 1) }, { level: 9 });
      expect(bomb.length).lessThan(20_000);
      expect(() => unzipFiles(bomb)).throw("a file of more than");
      const lying = Buffer.from(zipSync({ "index.json": new Uint8Array(4_000_000) }, { level: 9 }));
      for (const at of [22, lying.indexOf("PK\u0001\u0002") + 24]) lying.writeUInt32LE(10, at);
      const start = process.cpuUsage();
      expect(() => unzipFiles(lying)).throw("larger than it says");
      const { user, system } = process.cpuUsage(start);
      expect((user + system) / 1000).lessThan(1_000);
      const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`f${i}`, new Uint8Array(7_900_000)]));
      expect(() => unzipFiles(zipSync(many, { level: 9 }))).throw("bytes in all");
      expect(() =>
        unzipFiles(zipSync(Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`f${i}`, new Uint8Array()])))),
      ).throw("files");
    });
  });

  describe("making", () => {
    it("refuses a proof whose policy or market is not given, evidence that backs nothing, and a proof that is none", async () => {
      const code = async (change: object) => (await samplePack(change).catch((error) => error)).code;
      expect(await code({ policies: [] })).equal("UNKNOWN_NAME");
      expect(await code({ markets: [] })).equal("UNKNOWN_NAME");
      expect(await code({ attestations: [named("a", await attestation({ commitment: "5" }))] })).equal("UNKNOWN_NAME");
      const envelope = await proveLevel(15_000n);
      const wrong = { ...envelope, proof: { ...envelope.proof, pi_a: envelope.proof.pi_c } };
      expect(await code({ proofs: [named("p", wrong)] })).equal("PROOF_REFUSED");
      expect(await code({ name: "" })).equal("FIELD_INVALID");
    });
  });

  describe("use cases", () => {
    /** Signs nothing: what is refused is refused before that. */
    const unused: Signing = { address: CUSTODIAN.address, sign: () => expect.fail("it signed") };
    const code = (error: { code?: string; place?: { field?: string } }) =>
      `${error.code} ${error.place?.field ?? ""}`.trimEnd();

    it("attest checks every field before anything is signed", async () => {
      const good = { name: "Custodian One", signing: unused, ...VOUCHED, under: { policy, market } };
      const refused: [object, string][] = [
        [{ commitment: "0x5" }, "FIELD_INVALID commitment"],
        [{ commitment: `${1n << 256n}` }, "FIELD_INVALID commitment"],
        [{ size: "board-61" }, "FIELD_INVALID size"],
        [{ size: "board-240" }, "FIELD_INVALID size"],
        [{ firm: "0x1" }, "FIELD_INVALID firm"],
        [{ subject: "account\u202e 1" }, "FIELD_INVALID subject"],
        [{ scope: "all" }, "FIELD_INVALID scope"],
        [{ asOf: "2026-11-31T00:00:00Z" }, "FIELD_INVALID asOf"],
        [{ expires: "2026-11-22T07:29:59Z" }, "OUT_OF_RANGE expires"],
        [{ name: " " }, "FIELD_INVALID name"],
      ];
      for (const [change, expected] of refused) {
        expect(code(await attest({ ...good, ...change }).catch((error) => error)), expected).equal(expected);
      }
      const { listing, ...signed } = (
        await attest({ ...good, signing: CUSTODIAN, firm: VOUCHED.firm.toUpperCase().replace("0X", "0x") })
      ).vouched;
      expect(signed).deep.equal(VOUCHED);
      expect(listing).equal(listingSha256(policy, market));
      expect((await attest({ ...good, signing: CUSTODIAN, under: undefined })).format).equal("plimsoll-attestation/1");
    });

    it("no pack is made in which the firm's own key vouches for its account", async () => {
      const own = await attest({ name: "Custodian One", signing: FIRM, ...VOUCHED, under: { policy, market } });
      const refused = await samplePack({ attestations: [named("own.json", own)] }).catch((error) => error);
      expect(code(refused)).equal("FIELD_INVALID");
      expect(refused.place.file).equal("own.json");
      expect(refused.rule).contain("nobody else vouches");
    });

    it("a pack's words are checked before anything is signed, by the library as by the command line", async () => {
      for (const [change, field] of [
        [{ name: "" }, "name"],
        [{ question: "a  b\u200b" }, "question"],
        [{ firm: "x".repeat(201) }, "firm"],
        [{ claims: ["fine", "\u001b[2J"] }, "claims[1]"],
      ] as const) {
        expect(code(await samplePack(change, unused).catch((error) => error))).equal(`FIELD_INVALID ${field}`);
      }
    });

    it("a reader's date is the clock's where none is given, and the report is of that date", async () => {
      const reader = { now: () => NOW };
      expect((await verifyPack(reader, { pack, trust: TRUST })).outcome).equal("valid");
      const later = new Date("2027-11-22T12:00:00Z");
      expect((await verifyPack(reader, { pack, trust: TRUST, date: later })).outcome).equal("not-current");
      const zip = zipFiles(pack);
      const { verdict, html } = await reportPack(
        { ...reader, software: "plimsoll" },
        { pack: zip, trust: TRUST, source: "p.zip" },
      );
      expect(verdict.outcome).equal("valid");
      expect(html).contain("2026-11-22T12:00:00Z").contain(createHash("sha256").update(zip).digest("hex"));
      const cancelled = await verifyPack({ ...reader, signal: AbortSignal.abort() }, { pack, trust: TRUST }).catch(
        (error) => error,
      );
      expect(code(cancelled)).equal("CANCELLED");
    });

    it("a trust file to start from names the keys of an installation, and reads back", () => {
      const record = { verificationKey: { sha256: "a".repeat(64) }, r1cs: { sha256: "b".repeat(64) } };
      const manifest = { origin: "rehearsal", circuits: { "board-60": record, "settlement-60": record } } as never;
      const parties = { firms: [{ name: "Atlas", signer: FIRM.address }], attesters: [] };
      const trust = readTrust({ text: trustFrom(manifest, { ...parties, maxAgeSeconds: 60 }), file: "t" });
      expect(trust.keys).deep.equal([
        { size: "board-60", sha256: "a".repeat(64), origin: "rehearsal", r1csSha256: "b".repeat(64) },
      ]);
      expect(trust).deep.include({ ...parties, maxAge: 60 });
      const names = { ...parties, firms: [{ name: "At\u202elas", signer: FIRM.address }] };
      expect(() => trustFrom(manifest, { ...names, maxAgeSeconds: 60 })).throw("visible characters");
    });
  });

  describe("typed data", () => {
    it("is hashed and signed as ethers does", async () => {
      const domain = {
        name: "Plimsoll PriceOracle",
        version: "1",
        chainId: 5n,
        verifyingContract: `0x${"ab".repeat(20)}`,
      };
      const fields = [
        ["board", "uint256"],
        ["who", "address"],
        ["what", "string"],
        ["prices", "uint64[3]"],
        ["hash", "bytes32"],
      ] as const;
      const message = {
        board: 3n,
        who: `0x${"cd".repeat(20)}`,
        what: "zażółć",
        prices: [1n, 2n, 2n ** 64n - 1n],
        hash: ZeroHash,
      };
      const data = { domain, type: "Observation", fields, message };
      const types = { Observation: fields.map(([name, type]) => ({ name, type })) };
      expect(`0x${Buffer.from(typedDigest(data)).toString("hex")}`).equal(
        TypedDataEncoder.hash(domain, types, message),
      );
      const key = `0x${"17".repeat(32)}`;
      const own = readSigningKey({ text: key, file: "key" });
      const wallet = new Wallet(key);
      expect(own.address).equal(wallet.address.toLowerCase());
      expect(await own.sign(data)).equal(await wallet.signTypedData(domain, types, message));
      expect(recoverAddress(typedDigest(data), await own.sign(data))).equal(own.address);
    });

    it("has one signature text: upper case, other v, a high s, other lengths → none", async () => {
      const { signature } = await attestation();
      const digest = typedDigest({ domain: { name: "", version: "" }, type: "A", fields: [], message: {} });
      const data = { domain: { name: "", version: "" }, type: "A", fields: [], message: {} };
      const good = (await CUSTODIAN.sign(data)) as string;
      expect(recoverAddress(digest, good)).equal(CUSTODIAN.address);
      for (const bad of [
        good.toUpperCase().replace("0X", "0x"),
        `${good.slice(0, -2)}00`,
        `${good.slice(0, -2)}01`,
        malleated(good),
        good.slice(0, -2),
        `${good}00`,
        `0x${"0".repeat(128)}1b`,
        `0x${"f".repeat(128)}1b`,
        "",
      ]) {
        expect(recoverAddress(digest, bad)).not.equal(CUSTODIAN.address);
      }
      expect(recoverAddress(digest, signature.value)).not.equal(CUSTODIAN.address);
    });
  });

  it("the constant commitment to no fill is what the model commits to", () => {
    for (const size of BOARD_SIZES) expect(NO_FILL[size]).equal(commitFill(noFill(size)));
  });

  describe("trust files", () => {
    it("are read strictly, and addresses in any case", () => {
      const minimal = { format: "plimsoll-trust/1", firms: [], keys: [], maxAgeSeconds: 60 };
      const { checksummed } = { checksummed: new Wallet(`0x${"17".repeat(32)}`).address };
      const listing = "ab".repeat(32);
      const oracles = [{ ...ORACLE, listing }, ORACLE];
      expect(readTrust(named("t", { ...minimal, oracles })).oracles).deep.equal(oracles);
      const read = readTrust(named("t", { ...minimal, firms: [{ name: "A", signer: checksummed }] }));
      expect(read.firms[0]!.signer).equal(checksummed.toLowerCase());
      for (const wrong of [
        { ...minimal, maxAgeSeconds: "60" },
        { ...minimal, everything: true },
        { ...minimal, oracles: [{ ...ORACLE, listing: "12" }] },
        { ...minimal, firms: [{ name: "A", signer: "0x12" }] },
        { ...minimal, keys: [{ size: "board-60", sha256: "12", origin: "ceremony" }] },
      ]) {
        expect(() => readTrust(named("t", wrong)))
          .throw()
          .property("code", "FIELD_INVALID");
      }
    });
  });

  it("W16: a trust file under which a party would bear two names is refused", () => {
    const [custodian, other] = [CUSTODIAN, OTHER_FIRM].map(({ address }) => address) as [string, string];
    const attesters = (...list: [string, string][]) => list.map(([name, signer]) => ({ name, signer }));
    const file = (firms: object[], listed: object[]) =>
      named("t.json", { format: "plimsoll-trust/1", firms, keys: [], maxAgeSeconds: 60, attesters: listed });
    const firm = [{ name: "Atlas", signer: FIRM.address }];
    for (const [listed, field, why] of [
      // One key under two names; keys of one party, named as if they were of two.
      [attesters(["Harbour", custodian], ["Harbour Ltd", custodian]), "attesters[1]", /another name here already/],
      [
        attesters(["Harbour", custodian.toUpperCase().replace("0X", "0x")], ["Harbor", custodian]),
        "attesters[1]",
        /another name/,
      ],
      [attesters(["Harbour", custodian], ["harbour", other]), "attesters[1]", /looks like another/],
      [attesters(["Harbour", custodian], ["Hаrbour", other]), "attesters[1]", /looks like another/],
      [attesters(["Harbour", custodian], ["Harbour.", other]), "attesters[1]", /looks like another/],
      [attesters(["Atlas Custody", FIRM.address]), "attesters[0]", /another name here already/],
      [attesters(["АTLAS", custodian]), "attesters[0]", /looks like another/],
    ] as const) {
      expect(() => readTrust(file(firm, listed)), JSON.stringify(listed))
        .throw(why)
        .include({ code: "FIELD_INVALID" })
        .with.deep.property("place", { file: "t.json", field });
    }
    // Two keys of one party, and two parties.
    expect(readTrust(file(firm, attesters(["Harbour", custodian], ["Harbour", other]))).attesters).length(2);
    expect(readTrust(file(firm, attesters(["Harbour", custodian], ["Northern", other]))).attesters).length(2);
    const typed = { ...TRUST, attesters: attesters(["Harbour", custodian], ["HARBOUR", other]) };
    expect(() => createPackVerifier(typed)).throw(/looks like another/);
  });

  describe("W01: the verdict as text", () => {
    const text = async (files: PackFiles, trust = TRUST) =>
      verdictText(packVerdict(await createPackVerifier(trust).verify(files, NOW)));

    it("says under a key that can be forged that it is worth nothing, before it says valid", async () => {
      const [first, second] = (await text(pack)).split("\n");
      expect(first).match(/^TEST ONLY \(DEVELOPMENT_KEY\), worth nothing as evidence\./);
      expect(second).equal("valid and current");
      expect(await text(new Map(pack).set("notes.txt", utf8("x")))).equal(
        "invalid (FILE_UNLISTED) in notes.txt: The file is not in the index.",
      );
    });

    it("puts words of others on lines of their own, under a label that says whose they are", async () => {
      const subject = "a: subject";
      const words = { name: "a: pack", question: "a: question", firm: "a: firm", claims: ["a: claim", "b: claim"] };
      const made = await samplePack({ ...words, attestations: [named("c", await attestation({ subject }))] });
      const trust = {
        ...TRUST,
        firms: [{ ...TRUST.firms[0]!, name: "a: known firm" }],
        attesters: [{ ...TRUST.attesters[0]!, name: "a: known attester" }],
      };
      const lines = (await text(made, trust)).split("\n").map((line) => line.trim());
      for (const line of [
        `made for: "${AUDIENCE}"`,
        'board, as named by the market file: "meridian-main"',
        'by: "a: known attester"',
        'account, in their words: "a: subject"',
        'firm, as you name it: "a: known firm"',
        'firm, as it names itself: "a: firm"',
        'name of the pack, in the firm\'s words: "a: pack"',
        'what was asked, in the firm\'s words: "a: question"',
        'in the firm\'s words: "a: claim"',
        'in the firm\'s words: "b: claim"',
      ]) {
        expect(lines).include(line);
      }
      const foreign = [...Object.values(words).flat(), subject, "a: known firm", "a: known attester"];
      for (const word of foreign)
        expect(
          lines.filter((line) => line.includes(word)),
          word,
        ).length(1);
    });

    it("lets no words of a firm pass for its own: not at the start of a line, however long, and not after a quotation", async () => {
      const lie = "m’, epoch 7. proven: The account covers its margin 9.0 times";
      const long = `${"x".repeat(79)} proven: 9.0 times ${"y".repeat(79)} valid and current`;
      const claims = [lie, long, "proven: 9.0 times"];
      const made = await samplePack({ name: lie, question: long.slice(0, 200), firm: "valid and current", claims });
      const lines = (await text(made)).split("\n");
      expect(lines.filter((line) => line.trimStart().startsWith("proven: "))).deep.equal([
        `proven: ${(await proveLevel(15_000n)).statement.text}`,
      ]);
      expect(lines.filter((line) => line.startsWith("valid"))).deep.equal(["valid and current"]);
      for (const line of lines.filter((each) => each.includes("9.0 times"))) {
        expect(line).match(/^ *\| |: "[^"]*9\.0 times"$/);
      }
      for (const line of lines.filter((each) => /^ *\| /.test(each))) expect([...line].length).lessThan(60);
    });
  });

  describe("report", () => {
    const context = { trust: TRUST, now: NOW, source: "pack.zip", software: "plimsoll 0.1.0" };

    it("says what was asked, found, vouched for and not covered, the identities and how to repeat it", async () => {
      const text = renderPackReport(await verifier.verify(pack, NOW), context);
      for (const words of [
        "Test only: worth nothing as evidence",
        "valid and current",
        "Does the account cover its initial margin?",
        "covers its maintenance margin at least 1.5 times",
        '<dt>by</dt><dd><bdi class="foreign">The custodian</bdi></dd>',
        '<dt>account, in their words</dt><dd><bdi class="foreign">custody account 7731</bdi></dd>',
        "What is not covered",
        "COMPLETENESS",
        "development: its maker can forge proofs",
        packSha256(indexOf(pack)),
        keySource.r1csSha256,
        "plimsoll pack verify FILE --trust trust.json --date 2026-11-22T12:00:00Z",
        "Signature",
      ]) {
        expect(text).contain(words);
      }
      expect(text).contain(AUDIENCE.replace("&", "&amp;"));
      expect(text).not.match(/<script|<img|https?:\/\//);
    });

    it("holds every caveat, also two with one code", async () => {
      const verdict = await verifier.verify(pack, NOW);
      if (!verdict.ok) throw new Error(verdict.finding.sentence);
      const [first] = verdict.reading.statements;
      const twice = ["One thing.", "Another."].map((text) => ({ ...first!, notProven: [{ code: "OPEN", text }] }));
      const reading = { ...verdict.reading, statements: twice };
      expect(packReport({ ...verdict, reading }, context).text)
        .contain("One thing.")
        .contain("Another.");
    });

    it("says which check failed in which file, and lets no word of the pack become markup", async () => {
      const hostile = await resealed(pack, {}, (index) => ({ ...index, question: "<script>alert(1)</script>" }));
      expect(packReport(await verifier.verify(hostile, NOW), context).text).not.contain("<script>alert");
      const files = new Map(pack).set("policies/1.json", utf8("{}"));
      const text = renderPackReport(await verifier.verify(files, NOW), context);
      expect(text).contain("Invalid").contain("FILE_CHANGED").contain("policies/1.json");
    });
  });
});

/** The other signature of the same: s becomes n − s, and v the other. */
function malleated(signature: string): string {
  const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = n - BigInt(`0x${signature.slice(66, 130)}`);
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${signature.endsWith("1b") ? "1c" : "1b"}`;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Ceremonies on a tiny circuit: what is verified, and every rule that one may break. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { curves } from "snarkjs";
import {
  acceptContribution,
  announceBeacon,
  type CeremonyMachine,
  ceremonyStatus,
  checkCeremony,
  closeWithBeacon,
  contributeToCeremony,
  finaliseCeremony,
  installableKeys,
  startCeremony,
} from "../../prover/src/app/ceremony.ts";
import { roundTime, roundValue } from "../../prover/src/ceremony/beacon.ts";
import { beaconContribution, contribution, initialKey } from "../../prover/src/ceremony/phase2.ts";
import {
  accept,
  announce,
  applyBeacon,
  contribute,
  finalise,
  type Step,
  start,
} from "../../prover/src/ceremony/steps.ts";
import { append, type EntryContent, readTranscript, type Transcript } from "../../prover/src/ceremony/transcript.ts";
import {
  blake2bHex,
  type CeremonyFiles,
  PRODUCTION,
  type Stage,
  verifyCeremony,
} from "../../prover/src/ceremony/verify.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { lookOf } from "../../prover/src/formats/look-alikes.ts";
import { readZkey } from "../../prover/src/keys/zkey.ts";
import { loadManifest } from "../../prover/src/node/artifacts.ts";
import { installKeys } from "../../prover/src/node/install-keys.ts";
import { applyInSteps, type Curve, POINT_BYTES } from "../../prover/src/web/contribute/apply-key.ts";
import { memoryStore, ROUND_1000, rewritten, TINY, tinyPhase1, tinyR1cs, told } from "../support/ceremonies.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

/** Before round 1000 of drand. */
const NOW = new Date("2023-08-23T12:00:00Z");
const DRAND = { source: "drand-quicknet", round: ROUND_1000.round } as const;
/** Where gamma and delta are in a key's header: after orders, counts, alpha, and beta twice. */
const GAMMA = 2 * 36 + 12 + 2 * 64 + 128;
const DELTA_1 = GAMMA + 128;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("ceremonies", function () {
  this.timeout(120_000);
  let r1cs: Uint8Array;
  let phase1: Uint8Array;
  let rules: typeof PRODUCTION;
  /** After each step: opened, two contributions, announced, the third, beacon. */
  let opened: Step;
  let second: Step;
  let third: Step;
  let closed: Step;

  const by = (step: Step, name: string, now = NOW) =>
    contribute(step, { name, typed: `typed by ${name}, at random` }, now);
  const verify = (
    step: Pick<CeremonyFiles, "transcript" | "key">,
    stage: Stage = "ready",
    change: Partial<CeremonyFiles> = {},
  ) => verifyCeremony({ r1cs, phase1, ...step, ...change }, stage, rules);

  async function refused(work: Promise<unknown> | (() => unknown), rule: string): Promise<void> {
    const error = await (typeof work === "function" ? (async () => work())() : work).then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).instanceOf(PlimsollError);
    expect(error.rule).match(new RegExp(`^${rule}: `));
  }

  /** The closed ceremony with other entries. */
  const changed = (change: (entries: EntryContent[]) => EntryContent[], key = closed.key) => ({
    transcript: rewritten(closed.transcript, change, NOW),
    key,
  });
  /** The closed ceremony with another key, told as if it had always been the one. */
  const withKey = (key: Uint8Array) =>
    changed((entries) => entries.with(-1, { ...entries.at(-1)!, keySha256: sha256(key) } as EntryContent), key);
  const edited = (edit: (key: ReturnType<typeof readZkey>) => void) => {
    const key = Uint8Array.from(closed.key);
    edit(readZkey(key));
    return withKey(key);
  };

  before(async () => {
    [r1cs, phase1] = await Promise.all([tinyR1cs(), tinyPhase1()]);
    rules = { ...PRODUCTION, circuits: ["tiny"], phase1: [blake2bHex(phase1)] };
    opened = await start({ origin: "ceremony", contributors: 3, circuit: "tiny" }, r1cs, phase1, NOW, rules);
    second = await by(await by(opened, "Ada"), "Grace");
    third = await by({ ...second, transcript: announce(second.transcript, DRAND, NOW) }, "Barbara");
    closed = await applyBeacon(third, { signature: ROUND_1000.signature }, new Date("2023-08-24T00:00:00Z"));
  });
  after(endSnarkjsThreads);

  it("verifies one that kept the rules for production, at every stage", async () => {
    for (const step of [opened, second, third, closed]) await verify(step, "so-far");
    const reading = await verify(closed);
    expect(reading.origin).equal("ceremony");
    expect(reading.contributions.map(({ name }) => name)).deep.equal(["Ada", "Grace", "Barbara"]);
    const transcript = finalise(closed.transcript, reading, new Date("2023-08-25T00:00:00Z"));
    const final = await verify({ transcript, key: closed.key }, "final");
    expect(final.verificationKeySha256).equal(sha256(Buffer.from(reading.verificationKey)));
    expect(new Set(final.contributions.map(({ hash }) => hash)).size).equal(3);
    await refused(verify(closed, "final"), "NOT_FINAL");
  });

  it("drand's round 1000 has the value that its nodes publish, and no other signature passes", () => {
    const { round, signature, value, time } = ROUND_1000;
    expect(roundValue(round, signature)).equal(value);
    expect(roundTime(round).toISOString()).equal(time.replace("Z", ".000Z"));
    expect(roundValue(round + 1, signature)).equal(undefined);
    for (const wrong of ["", "00", "zz".repeat(48), `c0${"00".repeat(47)}`, signature.replace("b4", "94")]) {
      expect(roundValue(round, wrong)).equal(undefined);
    }
  });

  it("S01: no contribution and too few are refused", async () => {
    await refused(verify(opened), "NO_CONTRIBUTION");
    await refused(verify(second), "TOO_FEW_CONTRIBUTIONS");
    await refused(
      start({ origin: "ceremony", contributors: 2, circuit: "tiny" }, r1cs, phase1, NOW, rules),
      "TOO_FEW_CONTRIBUTIONS",
    );
  });

  it("S01: contributors and contributions that are there twice are refused", async () => {
    await refused(by(second, "Ada"), "DUPLICATE_CONTRIBUTOR");
    await refused(by(second, "ＡＤＡ"), "DUPLICATE_CONTRIBUTOR");
    await refused(by(second, "Beacon"), "DUPLICATE_CONTRIBUTOR");
    const twice = changed((entries) => entries.with(2, { ...entries[1]!, name: "Grace" } as EntryContent));
    await refused(verify(twice), "DUPLICATE_CONTRIBUTION");
    // The same secret taken out again, as far as a transcript can tell it: the names are right, the key is an older one.
    await refused(verify(changed((entries) => entries, second.key)), "KEY_OTHER");
  });

  it("S01: no beacon, one that was not announced, announced too late, twice, or known already is refused", async () => {
    await refused(verify(third), "NO_BEACON");
    await refused(
      verify(changed((entries) => entries.filter(({ kind }) => kind !== "announcement"))),
      "BEACON_NOT_ANNOUNCED",
    );
    const late = changed((entries) => [...entries.toSpliced(3, 1).slice(0, -1), entries[3]!, entries.at(-1)!]);
    await refused(verify(late), "BEACON_NOT_ANNOUNCED");
    await refused(applyBeacon(second, { signature: ROUND_1000.signature }, NOW), "BEACON_NOT_ANNOUNCED");
    await refused(() => announce(third.transcript, DRAND, NOW), "BEACON_ANNOUNCED_TWICE");
    await refused(() => announce(second.transcript, DRAND, new Date(ROUND_1000.time)), "BEACON_KNOWN");
    await refused(by(third, "Mary", new Date(ROUND_1000.time)), "BEACON_KNOWN");
    await refused(
      () => announce(second.transcript, { source: "stated", words: "a block" }, NOW),
      "BEACON_UNVERIFIABLE",
    );
  });

  it("S01: a beacon that is not what was announced is refused", async () => {
    await refused(applyBeacon(third, { signature: "ab".repeat(48) }, NOW), "BEACON_FALSE");
    await refused(applyBeacon(third, { value: "ab".repeat(32) }, NOW), "BEACON_FALSE");
    const own = await beaconContribution(third.key, "ab".repeat(32));
    const { hash } = readZkey(own).contributions.at(-1)!;
    const beacon = { kind: "beacon", contributionHash: hash, keySha256: sha256(own) } as const;
    for (const lie of [
      { ...beacon, value: "ab".repeat(32) },
      { ...beacon, value: "ab".repeat(32), signature: ROUND_1000.signature },
    ]) {
      await refused(verify({ transcript: append(third.transcript, lie, NOW), key: own }), "BEACON_FALSE");
    }
    const dressed = append(
      third.transcript,
      { ...beacon, value: ROUND_1000.value, signature: ROUND_1000.signature },
      NOW,
    );
    await refused(verify({ transcript: dressed, key: own }), "CONTRIBUTIONS_OTHER");
  });

  it("S01: gamma = delta, infinity among the points of the public inputs, and another number of them are refused", async () => {
    const same = edited((key) => key.section(2).copyWithin(DELTA_1 + 64, GAMMA, GAMMA + 128));
    await refused(verify(same), "GAMMA_EQUALS_DELTA");
    await refused(verify(edited((key) => key.section(3).fill(0, 64, 128))), "IC_INFINITY");
    const other = await tinyR1cs(TINY.replace("[a]", "[a, b]"));
    const { key } = await start({ origin: "rehearsal", contributors: 3, circuit: "tiny" }, other, phase1, NOW);
    const grown = await contribution(key, "Ada", "x");
    const entry = {
      kind: "contribution",
      name: "Ada",
      contributionHash: readZkey(grown).contributions[0]!.hash,
    } as const;
    const transcript = append(opened.transcript, { ...entry, keySha256: sha256(grown) }, NOW);
    await refused(verify({ transcript, key: grown }, "so-far"), "IC_LENGTH");
  });

  it("S01: contributions whose secret is one, and points off the curve, are refused", async () => {
    // The delta that the first contribution leaves behind becomes that of nobody: the generator.
    const undone = edited((key) =>
      key.section(10).set(
        readZkey(opened.key)
          .section(2)
          .subarray(DELTA_1, DELTA_1 + 64),
        68,
      ),
    );
    const first = readZkey(undone.key).contributions[0]!;
    const retold = rewritten(
      undone.transcript,
      (entries) => entries.with(1, { ...entries[1]!, contributionHash: first.hash } as EntryContent),
      NOW,
    );
    await refused(verify({ transcript: retold, key: undone.key }), "EMPTY_CONTRIBUTION");
    await refused(verify(edited((key) => key.section(2).fill(1, DELTA_1, DELTA_1 + 4))), "KEY_MALFORMED");
    await refused(verify(withKey(closed.key.slice(0, -1))), "KEY_MALFORMED");
  });

  it("W19: a contribution that leaves a delta, or its negative, which was there before is refused", async () => {
    // The secret −1, of the first contribution on the generator and of the second on the first.
    const P = bn254.fields.Fp.ORDER;
    const FIRST = 68;
    const { contributions } = readZkey(closed.key);
    const g1 = (key: Uint8Array, section: number, at: number) =>
      readZkey(key)
        .section(section)
        .subarray(at, at + 64);
    const start = g1(opened.key, 2, DELTA_1);
    const negated = (point: Uint8Array) => {
      const y = BigInt(`0x${Buffer.from(point.subarray(32)).reverse().toString("hex")}`);
      const other = Buffer.from((P - y).toString(16).padStart(64, "0"), "hex").reverse();
      return Uint8Array.from([...point.subarray(0, 32), ...other]);
    };
    for (const delta of [start, negated(start), negated(g1(second.key, 2, DELTA_1))]) {
      const lying = edited((key) => key.section(10).set(delta, FIRST));
      const [first] = readZkey(lying.key).contributions;
      expect(first!.delta.equals(contributions[0]!.delta)).equal(false);
      const retold = rewritten(
        lying.transcript,
        (entries) => entries.with(1, { ...entries[1]!, contributionHash: first!.hash } as EntryContent),
        NOW,
      );
      await refused(verify({ transcript: retold, key: lying.key }), "EMPTY_CONTRIBUTION");
    }
  });

  it("W19: a name that looks like an earlier one, or like the beacon's, is refused", async () => {
    for (const name of ["Аda", "ada", "Ada.", "Ａｄａ", "Α d а", "Ádà", "Grаce", "GRACE", "bеacon", "Beac0n"]) {
      await refused(by(second, name), "DUPLICATE_CONTRIBUTOR");
    }
    expect(["Al1ce", "AIice", "ALICE", "аlice"].map(lookOf)).deep.equal(Array(4).fill(lookOf("Alice")));
    expect(lookOf("Marn")).equal(lookOf("Mam"));
    expect(lookOf("contributor 2")).not.equal(lookOf("contributor 3"));
    expect(lookOf("李明")).not.equal(lookOf("李华"));
    expect(lookOf("—")).not.equal(lookOf("+"));
  });

  it("S02: the key of another circuit is refused, and so is that of one with one coefficient changed", async () => {
    const other = await tinyR1cs(TINY.replace("5 * b", "6 * b"));
    await refused(verify(closed, "ready", { r1cs: other }), "CIRCUIT_OTHER");
    // Everything done with the other circuit, and said of ours.
    const { start: first } = opened.transcript;
    let key = await initialKey(other, phase1);
    let transcript: Transcript = append(
      undefined,
      { ...(told(first) as EntryContent), keySha256: sha256(key) } as EntryContent,
      NOW,
    );
    for (const name of ["Ada", "Grace", "Barbara"]) {
      key = await contribution(key, name, "typed");
      const { hash } = readZkey(key).contributions.at(-1)!;
      transcript = append(
        transcript,
        { kind: "contribution", name, contributionHash: hash, keySha256: sha256(key) },
        NOW,
      );
    }
    await refused(verify({ transcript, key }, "so-far"), "KEY_OF_ANOTHER_CIRCUIT");
    // The same with the circuit hash of ours written into it.
    const disguised = Uint8Array.from(key);
    readZkey(disguised).section(10).set(readZkey(closed.key).section(10).subarray(0, 64));
    const retold = rewritten(
      transcript,
      (entries) => entries.with(-1, { ...entries.at(-1)!, keySha256: sha256(disguised) } as EntryContent),
      NOW,
    );
    await refused(verify({ transcript: retold, key: disguised }, "so-far"), "KEY_OF_ANOTHER_CIRCUIT");
    // One bit in any part of a sound key that proofs are made from.
    for (const id of [4, 5, 6, 7, 8, 9]) {
      const bent = edited((zkey) => {
        zkey.section(id)[5]! ^= 1;
      });
      await refused(verify(bent), "KEY_OF_ANOTHER_CIRCUIT");
    }
  });

  it("S05: a phase 1 whose hash is not pinned is refused for production, and another one than the ceremony's anywhere", async () => {
    const other = await tinyPhase1("another");
    await refused(
      start({ origin: "ceremony", contributors: 3, circuit: "tiny" }, r1cs, other, NOW, rules),
      "PHASE1_NOT_PINNED",
    );
    await refused(verifyCeremony({ ...closed, r1cs, phase1 }, "ready"), "PHASE1_NOT_PINNED");
    await refused(verify(closed, "ready", { phase1: other }), "PHASE1_OTHER");
    const small = await tinyPhase1("small", 1);
    await refused(start({ origin: "rehearsal", contributors: 1, circuit: "tiny" }, r1cs, small, NOW), "PHASE1_UNFIT");
    await refused(start({ origin: "rehearsal", contributors: 1, circuit: "tiny" }, r1cs, r1cs, NOW), "PHASE1_UNFIT");
    expect(PRODUCTION.phase1).length(21);
  });

  it("a production ceremony is for a circuit of this software; a rehearsal says that it is one", async () => {
    const plan = { origin: "ceremony", contributors: 3, circuit: "other" } as const;
    await refused(start(plan, r1cs, phase1, NOW, rules), "CIRCUIT_UNKNOWN");
    const rehearsal = await start({ ...plan, origin: "rehearsal" }, r1cs, phase1, NOW);
    expect((await verify(rehearsal, "so-far")).origin).equal("rehearsal");
  });

  it("an entry that was changed, left out, doubled or put elsewhere breaks the chain", () => {
    const { files } = closed.transcript;
    readTranscript(files);
    for (let at = 0; at < files.length; at++) {
      const altered = { ...files[at]!, text: files[at]!.text.replace("}", " }") };
      if (at < files.length - 1)
        expect(() => readTranscript(files.with(at, altered)), `entry ${at}`).throw(/TRANSCRIPT_CHAIN/);
      if (at < files.length - 1)
        expect(() => readTranscript(files.toSpliced(at, 1)), `entry ${at}`).throw(/TRANSCRIPT_/);
      expect(() => readTranscript(files.toSpliced(at, 0, files[at]!)), `entry ${at}`).throw(/TRANSCRIPT_/);
    }
    expect(() => readTranscript([])).throw(/TRANSCRIPT_MISSING/);
    const later = append(third.transcript, told(third.transcript.contributions[0]!), NOW);
    expect(() => append(later, told(later.contributions[0]!), new Date("2023-01-01T00:00:00Z"))).throw(
      /TRANSCRIPT_CHAIN/,
    );
  });

  it("takes in a key made elsewhere by one contribution from the newest, and no other", async () => {
    const files = { transcript: third.transcript, r1cs, phase1, key: third.key };
    const made = await contribution(third.key, "Mary", "typed elsewhere");
    const step = await accept(files, made, NOW, rules);
    expect(step.transcript.contributions.at(-1)!.name).equal("Mary");
    await verify(step, "so-far");
    const wrong: [Uint8Array, string][] = [
      [third.key, "CONTRIBUTIONS_OTHER"],
      [await contribution(made, "Jean", "typed"), "CONTRIBUTIONS_OTHER"],
      [await contribution(second.key, "Jean", "typed"), "CONTRIBUTIONS_OTHER"],
      [await contribution(third.key, "Grace", "typed"), "DUPLICATE_CONTRIBUTOR"],
      [await beaconContribution(third.key, "ab".repeat(32)), "DUPLICATE_CONTRIBUTOR"],
    ];
    for (const [key, rule] of wrong) await refused(accept(files, key, NOW, rules), rule);
    const bent = Uint8Array.from(made);
    readZkey(bent).section(9)[5]! ^= 1;
    await refused(accept(files, bent, NOW, rules), "KEY_OF_ANOTHER_CIRCUIT");
  });

  describe("in a store", () => {
    const typed = async () => "typed at random, by somebody";
    const inMemory = () => {
      const memory = memoryStore();
      const compile = () => expect.fail("there is no circuit of this software to compile");
      const machine: CeremonyMachine = { store: memory.store, now: () => NOW, compile };
      const open = () => startCeremony(machine, { origin: "rehearsal", contributors: 1, circuit: r1cs, phase1 });
      return { ...memory, machine, open };
    };

    it("goes from start to verdict, and says at each step what can come next", async () => {
      const { machine, open, store, verificationKey } = inMemory();
      await refused(ceremonyStatus(store), "TRANSCRIPT_MISSING");
      const next = async () => (await ceremonyStatus(store)).next;
      await open();
      await refused(open(), "CEREMONY_EXISTS");
      expect(await next()).equal("contribute, announce");
      await announceBeacon(machine, { source: "stated", words: "the next throw of dice" });
      expect(await next()).equal("contribute");
      await contributeToCeremony(machine, { name: "Ada", typed });
      expect(await next()).equal("contribute, beacon");
      const { key } = { key: await store.key((await ceremonyStatus(store)).transcript.keySha256) };
      await acceptContribution(machine, await contribution(key, "Grace", "typed elsewhere"));
      await closeWithBeacon(machine, { value: "ab".repeat(32) });
      expect(await next()).equal("finalise");
      expect(await checkCeremony(machine, "final")).deep.include({ ok: false, rule: "NOT_FINAL" });
      await finaliseCeremony(machine);
      expect(await next()).equal("nothing: verify it");
      const verdict = await checkCeremony(machine, "final");
      if (!verdict.ok) return expect.fail(verdict.sentence);
      expect(verdict.reading.contributions.map(({ name }) => name)).deep.equal(["Ada", "Grace"]);
      expect(verdict.reading.verificationKey).equal(verificationKey());
      await refused(installableKeys(machine), "CIRCUIT_UNKNOWN");
    });

    it("a step that was interrupted before its entry has not happened, and of two at once one is refused", async () => {
      const { machine, open, store, files, breakOff } = inMemory();
      await open();
      breakOff(true);
      const step = () => contributeToCeremony(machine, { name: "Ada", typed });
      expect(await step().catch(({ message }) => message)).equal("the power failed");
      expect((await ceremonyStatus(store)).transcript.contributions).length(0);
      expect(files.keys.size).equal(2);
      breakOff(false);
      const both = await Promise.allSettled([step(), contributeToCeremony(machine, { name: "Grace", typed })]);
      expect(both.map(({ status }) => status).sort()).deep.equal(["fulfilled", "rejected"]);
      expect((await checkCeremony(machine, "so-far")).ok).equal(true);
    });

    it("asks for typing only where there is something to contribute to, and stores nothing once it is cancelled", async () => {
      const { machine, open, files } = inMemory();
      await refused(
        contributeToCeremony(machine, { name: "Ada", typed: () => expect.fail("it asked") }),
        "TRANSCRIPT_MISSING",
      );
      await open();
      const cancelled = { ...machine, signal: AbortSignal.abort() };
      const error = await contributeToCeremony(cancelled, { name: "Ada", typed }).catch((thrown) => thrown);
      expect(error).include({ code: "CANCELLED" });
      expect([files.entries.length, files.keys.size]).deep.equal([1, 1]);
    });

    it("keys are installed from a final ceremony alone, and beside none of another origin", async () => {
      const { machine: bare, store } = inMemory();
      const compiled = { r1cs, wasm: Uint8Array.of(7), sources: "5".repeat(64), compiler: "none" };
      const compile = async () => ({ ...compiled, constraints: 2, publicInputs: 2, pinned: true });
      const machine = { ...bare, compile };
      await startCeremony(machine, { origin: "rehearsal", contributors: 1, circuit: "merge-60", phase1 });
      await announceBeacon(machine, { source: "stated", words: "the next throw of dice" });
      await contributeToCeremony(machine, { name: "Ada", typed });
      await closeWithBeacon(machine, { value: "ab".repeat(32) });
      await refused(installableKeys(machine), "NOT_FINAL");
      await finaliseCeremony(machine);
      const { circuit, key, reading } = await installableKeys(machine);
      expect(key).equal(await store.key(reading.keySha256));
      const folder = await mkdtemp(path.join(tmpdir(), "plimsoll-install-"));
      try {
        const { origin } = reading;
        const verificationKey = Buffer.from(reading.verificationKey);
        const linkKey = Uint8Array.of(9);
        const files = { r1cs, wasm: compiled.wasm, zkey: key, verificationKey, linkKey };
        const keys = {
          circuit,
          origin,
          files,
          sources: compiled.sources,
          compiler: "none",
          constraints: 2,
          publicInputs: 2,
        };
        const manifest = await installKeys(folder, keys);
        expect(await loadManifest({ directory: folder })).deep.equal(manifest);
        expect(manifest.circuits["merge-60"]?.verificationKey.sha256).equal(reading.verificationKeySha256);
        expect(manifest.circuits["merge-60"]?.linkKey?.sha256).equal(sha256(linkKey));
        const other = await installKeys(folder, { ...keys, origin: "ceremony" }).catch((error) => error);
        expect(other).include({ code: "KEY_REFUSED" });
        expect(await loadManifest({ directory: folder })).deep.equal(manifest);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it("a circuit of this software is compiled here, and must be the pinned one", async () => {
      const { machine, store } = inMemory();
      const compile = async () => ({
        r1cs,
        wasm: r1cs,
        sources: "",
        compiler: "",
        constraints: 2,
        publicInputs: 1,
        pinned: false,
      });
      const plan = { origin: "rehearsal", contributors: 1, circuit: "merge-60", phase1 } as const;
      await refused(startCeremony({ ...machine, compile }, plan), "CIRCUIT_OTHER");
      expect(await store.entries()).equal(undefined);
      await startCeremony({ ...machine, compile: async () => ({ ...(await compile()), pinned: true }) }, plan);
      expect(await checkCeremony({ ...machine, compile }, "so-far")).deep.include({ ok: false, rule: "CIRCUIT_OTHER" });
    });
  });

  it("multiplies points in steps, as the contribution page does, to what it comes to at once", async () => {
    const curve = (await curves.getCurveFromName("bn128", { singleThread: true })) as unknown as Curve & {
      G1: {
        g: Uint8Array;
        timesFr(point: Uint8Array, factor: Uint8Array): Uint8Array;
        toAffine(point: Uint8Array): Uint8Array;
      };
      Fr: { e(value: number): Uint8Array };
    };
    const points = new Uint8Array(1_100 * POINT_BYTES);
    for (let at = 0; at < 1_100; at++) {
      const point = curve.G1.toAffine(curve.G1.timesFr(curve.G1.g, curve.Fr.e(at + 2)));
      points.set(point, at * POINT_BYTES);
    }
    const factors = [curve.Fr.e(7), curve.Fr.e(3)] as const;
    const atOnce = await curve.G1.batchApplyKey(points, ...factors);
    const steps: number[] = [];
    const stepwise = { Fr: curve.Fr, G1: { batchApplyKey: curve.G1.batchApplyKey.bind(curve.G1) } };
    applyInSteps(stepwise, (count) => steps.push(count));
    expect(sha256(await stepwise.G1.batchApplyKey(points, ...factors))).equal(sha256(atOnce));
    expect(steps).deep.equal([512, 512, 76]);
  });

  it("asks for a name and for enough typing, and keeps none of what was typed", async () => {
    const typed = "the quick brown fox jumps over the lazy dog";
    const step = await contribute(opened, { name: "Ada", typed }, NOW);
    expect(Buffer.from(step.key).includes(typed)).equal(false);
    expect(step.transcript.files.some(({ text }) => text.includes("fox"))).equal(false);
    const again = await contribute(opened, { name: "Ada", typed }, NOW);
    expect(again.transcript.contributions[0]!.contributionHash, "the machine adds its own").not.equal(
      step.transcript.contributions[0]!.contributionHash,
    );
    await refused(contribute(opened, { name: "Ada", typed: "short" }, NOW), "ENTROPY_SHORT");
    for (const name of ["", " Ada", "A\u202eda", "x".repeat(65), "é".repeat(33)]) {
      const error = await contribute(opened, { name, typed }, NOW).catch((thrown) => thrown);
      expect(error).property("code", "FIELD_INVALID");
    }
  });
});

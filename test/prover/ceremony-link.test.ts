// SPDX-License-Identifier: GPL-3.0-or-later
/** The link key of a ceremony: shares, their proofs of knowledge, and every rule that one may break. */
import { createHash } from "node:crypto";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import {
  announceBeacon,
  type CeremonyMachine,
  ceremonyStatus,
  checkCeremony,
  closeWithBeacon,
  contributeToCeremony,
  contributeToLinkKey,
  finaliseCeremony,
  startCeremony,
} from "../../prover/src/app/ceremony.ts";
import { checkShares, contributeShare, type LinkBase, linkBase } from "../../prover/src/ceremony/link.ts";
import { verificationKeyOf } from "../../prover/src/ceremony/phase2.ts";
import {
  type EntryContent,
  entryName,
  type LinkShare,
  MAX_CONTRIBUTORS,
  type Transcript,
} from "../../prover/src/ceremony/transcript.ts";
import { verifyCeremony } from "../../prover/src/ceremony/verify.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { g2Bytes, readG2, readLinkKey, writeLinkKey } from "../../prover/src/keys/link-key.ts";
import { memoryStore, rewritten, TINY, tinyPhase1, tinyR1cs } from "../support/ceremonies.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const NOW = new Date("2026-11-29T12:00:00Z");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("link keys of ceremonies", function () {
  this.timeout(120_000);
  let r1cs: Uint8Array;
  let phase1: Uint8Array;
  let machine: CeremonyMachine;
  let memory: ReturnType<typeof memoryStore>;
  let closed: Transcript;
  let linkKey: Uint8Array;
  let key: Uint8Array;
  let base: LinkBase;

  const typed = async () => "typed at random by somebody";
  const link = (name: string, of = machine) => contributeToLinkKey(of, { name, typed });
  async function refused(work: Promise<unknown>, rule: string): Promise<void> {
    const error = await work.then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).instanceOf(PlimsollError).include({ code: "CEREMONY_REFUSED" });
    expect(error.rule).match(new RegExp(`^${rule}: `));
  }
  /** A rehearsal up to the beacon, of a circuit with three public inputs, the last two of them linked. */
  async function untilBeacon(linkedFrom: number | undefined) {
    const own = memoryStore();
    const at: CeremonyMachine = { store: own.store, now: () => NOW, compile: () => expect.fail("no circuit of ours") };
    await startCeremony(at, { origin: "rehearsal", contributors: 2, circuit: r1cs, phase1, linkedFrom });
    for (const name of ["Ada", "Grace"]) await contributeToCeremony(at, { name, typed });
    await announceBeacon(at, { source: "stated", words: "a throw of dice" });
    await refused(link("Ada", at), linkedFrom === undefined ? "LINK_UNEXPECTED" : "NO_BEACON");
    await contributeToCeremony(at, { name: "Barbara", typed });
    await closeWithBeacon(at, { value: "ab".repeat(32) });
    return { own, at };
  }
  const verify = (transcript: Transcript, change: { linkKey?: Uint8Array; phase1?: Uint8Array } = {}) =>
    verifyCeremony({ transcript, r1cs, phase1, key, linkKey, ...change }, "ready");
  /** The part of it that is about shares. */
  const check = async (transcript: Transcript, newest = linkKey) => checkShares(transcript, base, newest);
  const isLink = (entry: EntryContent): entry is Extract<EntryContent, { kind: "link" }> => entry.kind === "link";
  /** The ceremony with its shares told otherwise. */
  const told = (change: (share: Extract<EntryContent, { kind: "link" }>, index: number) => EntryContent) => {
    let index = 0;
    return rewritten(
      closed,
      (entries) => entries.map((entry) => (isLink(entry) ? change(entry, index++) : entry)),
      NOW,
    );
  };

  before(async () => {
    [r1cs, phase1] = await Promise.all([tinyR1cs(TINY.replace("[a]", "[a, b]")), tinyPhase1()]);
    ({ own: memory, at: machine } = await untilBeacon(2));
    expect((await ceremonyStatus(machine.store)).next).equal("link");
    await link("Ada");
    closed = await link("Grace");
    expect((await ceremonyStatus(machine.store)).next).equal("link, finalise");
    linkKey = memory.files.linkKeys.get(closed.links.at(-1)!.linkKeySha256)!;
    key = memory.files.keys.get(closed.keySha256)!;
    base = await linkBase(2, { key, verificationKey: await verificationKeyOf(key), phase1 });
  });
  after(endSnarkjsThreads);

  it("are sums of shares, in proportion, with the powers of phase 1; `verify` says whose they are", async () => {
    const reading = await verify(closed);
    expect(reading.shares.map(({ name }) => name)).deep.equal(["Ada", "Grace"]);
    expect(reading.linkKeySha256).equal(sha256(linkKey));
    const { k1, first, publics, verificationKeySha256 } = readLinkKey(linkKey);
    expect({ first, publics, verificationKeySha256 }).deep.equal({
      first: 2,
      publics: 3,
      verificationKeySha256: reading.verificationKeySha256,
    });
    const [ada, grace] = closed.links.map(({ shares }) => readG2(Buffer.from(shares.k1, "hex")));
    expect(k1.equals(ada!.add(grace!))).equal(true);
    const final = await finaliseCeremony(machine);
    expect(final.final).include({ linkKeySha256: sha256(linkKey) });
    expect(await checkCeremony(machine, "final")).include({ ok: true });
    await refused(link("Mary"), "TRANSCRIPT_ORDER");
  });

  it("take as many shares as the start asks for, after the beacon, by names that are not there twice", async () => {
    const only = rewritten(closed, (entries) => entries.slice(0, -1), NOW);
    await refused(
      verify(only, { linkKey: memory.files.linkKeys.get(only.links.at(-1)!.linkKeySha256)! }),
      "TOO_FEW_SHARES",
    );
    const twice = told((entry) => ({ ...entry, name: "Ada" }));
    await refused(verify(twice), "DUPLICATE_CONTRIBUTOR");
    const lookAlike = told((entry, index) => ({ ...entry, name: index === 0 ? "Ada" : "Аda" }));
    await refused(verify(lookAlike), "DUPLICATE_CONTRIBUTOR");
    const { at } = await untilBeacon(undefined);
    expect((await ceremonyStatus(at.store)).next).equal("finalise");
    await refused(link("Ada", at), "LINK_UNEXPECTED");
    const plan = { origin: "rehearsal", contributors: 2, circuit: r1cs, phase1, linkedFrom: 4 } as const;
    await refused(startCeremony({ ...at, store: memoryStore().store }, plan), "LINK_PLACE");
  });

  it("a start asks for no more contributors than the transcript has room for, each with a share", async () => {
    const entries = 1 + MAX_CONTRIBUTORS + 1 + 1 + MAX_CONTRIBUTORS + 1;
    expect(entryName(entries - 1)).match(/^\d{3}\.json$/);
    const asks = (contributors: number) =>
      rewritten(closed, ([start]) => [{ ...start!, contributors } as EntryContent], NOW);
    expect(asks(MAX_CONTRIBUTORS).start.contributors).equal(MAX_CONTRIBUTORS);
    expect(() => asks(MAX_CONTRIBUTORS + 1))
      .throw(PlimsollError)
      .include({ code: "FIELD_INVALID" });
    expect(entryName(entries)).not.match(/^\d{3}\.json$/);
  });

  it("a share that nobody has shown to know is refused: one that takes the others out, one of another entry, any digit", async () => {
    const flip = (text: string) => text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
    const z = told((entry, index) =>
      index === 0 ? { ...entry, proof: { ...entry.proof, z1: flip(entry.proof.z1) } } : entry,
    );
    await refused(verify(z), "SHARE_UNPROVEN");
    const exchanged = told((entry) => ({ ...entry, shares: { k1: entry.shares.k2, k2: entry.shares.k1 } }));
    await refused(check(exchanged), "SHARE_UNPROVEN");
    // The same shares, told of another ceremony: with another entry before them.
    const elsewhere = rewritten(
      closed,
      (entries) =>
        entries.map((entry) =>
          entry.kind === "announcement" ? { ...entry, beacon: { source: "stated", words: "another" } } : entry,
        ),
      NOW,
    );
    await refused(check(elsewhere), "SHARE_UNPROVEN");
    // Grace knows her sum of secrets, and takes Ada's out: [g]_2 − [ada]_2, with the points that follow from Ada's.
    const [ada] = closed.links as [LinkShare];
    const known = bn254.G2.Point.BASE.multiply(5n);
    const rogue = (text: string) => hexOf(g2Bytes(known.subtract(readG2(Buffer.from(text, "hex")))));
    const lying = told((entry, index) =>
      index === 0 ? entry : { ...entry, shares: { k1: rogue(ada.shares.k1), k2: rogue(ada.shares.k2) } },
    );
    await refused(check(lying), "SHARE_UNPROVEN");
    const overflow = told((entry) => ({ ...entry, proof: { ...entry.proof, z2: "f".repeat(64) } }));
    await refused(check(overflow), "SHARE_UNPROVEN");
    const nowhere = told((entry, index) =>
      index === 0 ? { ...entry, shares: { ...entry.shares, k1: "0".repeat(256) } } : entry,
    );
    await refused(check(nowhere), "LINK_MALFORMED");
  });

  it("a key that is not the sum, is of other powers or another key, or out of proportion is refused", async () => {
    const of = readLinkKey(linkKey);
    const before = rewritten(closed, (entries) => entries.slice(0, -1), NOW);
    const older = memory.files.linkKeys.get(before.links.at(-1)!.linkKeySha256)!;
    await refused(verify(closed, { linkKey: older }), "LINK_KEY_OTHER");
    /** Honest shares of a base that is not that of the ceremony. */
    async function onBase(change: Partial<typeof base>, add = older): Promise<void> {
      const made = await contributeShare(
        { transcript: before, linkKey: add },
        { ...base, ...change },
        { name: "Eve", typed: "typed by Eve" },
        NOW,
      );
      await check(made.transcript, made.linkKey);
    }
    await onBase({});
    await refused(onBase({ verificationKeySha256: "00".repeat(32) }), "LINK_PLACE");
    await refused(
      onBase({ first: 1 }, writeLinkKey({ ...readLinkKey(older), first: 1, links: base.powers })),
      "LINK_PLACE",
    );
    await refused(onBase({ tau: of.k1 }), "LINK_POWERS");
    await refused(
      onBase({ powers: Uint8Array.from([...base.powers.subarray(64), ...base.powers.subarray(0, 64)]) }),
      "LINK_POWERS",
    );
    await refused(onBase({ ic: base.ic.toReversed() }), "LINK_MALFORMED");
    const bent = { ...readLinkKey(older), links: base.powers.slice(64) };
    await refused(onBase({}, writeLinkKey(bent)), "LINK_MALFORMED");
    await refused(onBase({}, writeLinkKey({ ...readLinkKey(older), k2: of.k1 })), "LINK_KEY_OTHER");
    // The next contributor checks what is there before adding to it.
    const broken = memoryStore();
    Object.assign(broken.files, { entries: [...before.files], keys: memory.files.keys });
    await broken.store.addCircuit({ phase1, r1cs });
    broken.files.linkKeys.set(before.links.at(-1)!.linkKeySha256, writeLinkKey(bent));
    await refused(link("Mary", { ...machine, store: broken.store }), "LINK_KEY_OTHER");
  });
});

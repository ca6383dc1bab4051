// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Evidence packs with anything changed, by a stranger and by the firm that seals them, through three verifiers: the strict
 * one, snarkjs and the contract.
 *
 * What the strict verifier accepts the other two must accept, proof by proof; and it must be what was proven and vouched
 * for: under any seal, a reader may be told other words by the firm, but no other statement, account, policy or market,
 * and nobody's word but those given. What the verdict's text says in words of this program is, line by line, what it says
 * of packs that are sound; and a changed zip that is accepted holds the same files, and renders the same text and report.
 * `packs.ts [count] [seed]`, 10,000 by default.
 */
import { pathToFileURL } from "node:url";
import type { Signer } from "ethers";
import { network } from "hardhat";
import { groth16 } from "snarkjs";
import { canonicalJson, type Json } from "../../prover/src/formats/json.ts";
import { INDEX, type PackContents } from "../../prover/src/pack/format.ts";
import { renderPackReport } from "../../prover/src/pack/report.ts";
import { packVerdict } from "../../prover/src/pack/told.ts";
import { createPackVerifier, type PackVerdict } from "../../prover/src/pack/verify.ts";
import { type PackFiles, unzipFiles, zipFiles } from "../../prover/src/pack/zip.ts";
import { verdictText } from "../../prover/src/report/parts-text.ts";
import { contractVerifier, type Given, MUTATIONS } from "../../test/soundness/lab/differential.ts";
import type { ProofJson } from "../../test/support/forge.ts";
import { attestation, json, KEY, NOW, resealed, SIZE, samplePack } from "../../test/support/packs.ts";
import { MERGE_KEY, PORTFOLIO_TRUST, portfolioSource, provenPortfolio } from "../../test/support/portfolio.ts";
import { type Rng, seededRng } from "../../test/support/random.ts";
import { endSnarkjsThreads } from "../../test/support/snarkjs.ts";
import { mutatedZip, ZIP_MUTATIONS } from "../../test/support/zip-mutations.ts";

type Changed = PackFiles | Uint8Array;
type Kind = (pack: PackFiles, rng: Rng) => Changed | Promise<Changed>;

export interface MutatedPacks {
  readonly tried: number;
  /** Kind of change, and how often each outcome, with its code. */
  readonly outcomes: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** What was accepted and should not have been. */
  readonly violations: readonly string[];
  /** Proofs that snarkjs or the contract accepts in a tenth of the packs that the strict verifier refuses. */
  readonly lenient: { readonly snarkjs: number; readonly contract: number };
}

const textOf = (pack: PackFiles, path: string) => new TextDecoder().decode(pack.get(path)!);
const utf8 = (text: string) => new TextEncoder().encode(text);
const at = (rng: Rng, length: number) => Number(rng.below(BigInt(Math.max(length, 1))));
const JSON_FILES = ["proofs/1.json", "policies/1.json", "markets/1.json", "attestations/1.json", "observations/1.json"];

// ---- Changes --------------------------------------------------------------------------------------------------------

/** Bytes changed somewhere: one bit, a byte, a run removed, doubled or moved, or the end cut off. */
function changedBytes(bytes: Uint8Array, rng: Rng): Uint8Array {
  const where = at(rng, bytes.length);
  const length = 1 + at(rng, 40);
  const run = bytes.slice(where, where + length);
  switch (at(rng, 6)) {
    case 0: {
      const copy = bytes.slice();
      copy[where]! ^= 1 << at(rng, 8);
      return copy;
    }
    case 1: {
      const copy = bytes.slice();
      copy[where] = at(rng, 256);
      return copy;
    }
    case 2:
      return Uint8Array.from([...bytes.slice(0, where), ...bytes.slice(where + length)]);
    case 3:
      return Uint8Array.from([...bytes.slice(0, where), ...run, ...run, ...bytes.slice(where + length)]);
    case 4: {
      const to = at(rng, bytes.length);
      const rest = [...bytes.slice(0, where), ...bytes.slice(where + length)];
      return Uint8Array.from([...rest.slice(0, to), ...run, ...rest.slice(to)]);
    }
    default:
      return bytes.slice(0, where);
  }
}

const VALUES: readonly ((old: Json, rng: Rng) => Json | undefined)[] = [
  () => undefined,
  () => null,
  () => "",
  () => "0",
  () => [],
  () => ({}),
  () => true,
  () => 1e3,
  (old) => [old],
  (old) => (typeof old === "string" ? ` ${old}` : `${old}`),
  (old) => (typeof old === "string" ? old.toUpperCase() : old),
  (old) => (typeof old === "string" ? `0${old}` : old),
  (old, rng) => (typeof old === "string" ? digitChanged(old, rng) : old),
  (old, rng) => (typeof old === "string" ? digitChanged(old, rng) : old),
  (old, rng) => (typeof old === "string" ? digitChanged(old, rng) : old),
  (old) => (typeof old === "string" && /^\d+$/.test(old) ? Number(old) : old),
  (old) => (typeof old === "string" && /^\d+$/.test(old) ? `0x${BigInt(old).toString(16)}` : old),
  (old) => (Array.isArray(old) ? [...old, ...old.slice(-1)] : old),
  (old) => (Array.isArray(old) ? old.slice(1) : old),
  (old) => (Array.isArray(old) ? old.toReversed() : old),
  (old) => (typeof old === "object" && old !== null && !Array.isArray(old) ? { ...old, extra: "1" } : old),
];

function digitChanged(text: string, rng: Rng): string {
  const where = at(rng, text.length);
  return `${text.slice(0, where)}${rng.below(10n)}${text.slice(where + 1)}`;
}

/** One value somewhere in a document made another, or removed. */
function changedJson(document: Json, rng: Rng): Json | undefined {
  const deeper = typeof document === "object" && document !== null && rng.chance(0.85);
  const keys = deeper ? Object.keys(document) : [];
  if (keys.length === 0) return rng.pick(VALUES)(document, rng);
  const key = rng.pick(keys);
  const value = changedJson((document as Record<string, Json>)[key]!, rng);
  if (Array.isArray(document)) return document.flatMap((old, index) => (`${index}` === key ? (value ?? []) : [old]));
  const { [key]: _, ...rest } = document as Record<string, Json>;
  return value === undefined ? rest : { ...rest, [key]: value };
}

/** Another value of the same kind from elsewhere in the pack, or a level. */
function changedIndex(index: PackContents, rng: Rng): unknown {
  const levels = ["proven", "on-chain", "attested", "claimed"] as const;
  const statement = (change: object) => ({
    ...index,
    statements: index.statements.map((old) => ({ ...old, ...change })),
  });
  const [first] = index.statements;
  const paths = index.files.map(({ path }) => path);
  return rng.pick<() => unknown>([
    () => changedJson(index as unknown as Json, rng),
    () => changedJson(index as unknown as Json, rng),
    () => statement({ level: rng.pick(levels) }),
    () => statement({ account: { ...first!.account, level: rng.pick(levels) } }),
    () => statement({ values: { ...first!.values, level: rng.pick(levels) } }),
    () => statement({ [rng.pick(["proof", "policy", "market"])]: rng.pick(paths) }),
    () => statement({ [rng.pick(["account", "values"])]: { level: rng.pick(levels), by: [rng.pick(paths)] } }),
    () => ({ ...index, claims: [{ level: rng.pick(levels), text: "We are rich." }] }),
    () => ({ ...index, statements: [...index.statements, ...index.statements] }),
    () => ({ ...index, previous: "0".repeat(64), number: `${rng.below(5n)}` }),
    () => ({
      ...index,
      files: index.files.map((file) => ({ ...file, kind: rng.chance(0.2) ? "document" : file.kind })),
    }),
  ])();
}

const MERGES = ["merges/1.json", "merges/2.json"] as const;

let portfolio: Promise<PackFiles> | undefined;
/** A pack about the sum of three accounts, in place of the one about one. */
function sum(): Promise<PackFiles> {
  portfolio ??= provenPortfolio().then(async (made) =>
    samplePack(await portfolioSource(made.portfolio, made.envelope)),
  );
  return portfolio;
}

/** The index, its statements no longer resting on a file. */
const without = (index: PackContents, path: string) => ({
  ...index,
  statements: index.statements.map(({ account, ...rest }) => ({
    ...rest,
    account: { ...account, by: account.by.filter((file) => file !== path) },
  })),
});

const KINDS: Readonly<Record<string, Kind>> = {
  unchanged: (pack) => pack,
  "bytes of the zip": (pack, rng) => changedBytes(zipped(pack), rng),
  "bytes of a file": (pack, rng) => {
    const path = rng.pick([...pack.keys()]);
    return new Map(pack).set(path, changedBytes(pack.get(path)!, rng));
  },
  "a file removed": (pack, rng) => {
    const copy = new Map(pack);
    copy.delete(rng.pick([...pack.keys()]));
    return copy;
  },
  "a file added": (pack, rng) =>
    new Map(pack).set(rng.pick(["a.txt", "keys/2.json", "proofs/2.json", "../x", "INDEX.json"]), utf8("{}")),
  "two files exchanged": (pack, rng) => {
    const [a, b] = [rng.pick([...pack.keys()]), rng.pick([...pack.keys()])];
    return new Map(pack).set(a, pack.get(b)!).set(b, pack.get(a)!);
  },
  "index, sealed by nobody": (pack, rng) =>
    new Map(pack).set(INDEX, utf8(json(changedJson(JSON.parse(textOf(pack, INDEX)), rng) ?? null))),
  "index, sealed by the firm": (pack, rng) => resealed(pack, {}, (index) => changedIndex(index, rng)),
  "a document, sealed by the firm": (pack, rng) => {
    const path = rng.pick(JSON_FILES);
    return resealed(pack, { [path]: json(changedJson(JSON.parse(textOf(pack, path)), rng) ?? null) });
  },
  "the key, sealed by the firm": (pack, rng) => {
    const path = "keys/board-60.json";
    return resealed(pack, { [path]: JSON.stringify(changedJson(JSON.parse(textOf(pack, path)), rng) ?? null) });
  },
  "another attestation, sealed by the firm": async (pack, rng) => {
    const digits = `${rng.below(1n << 250n)}`;
    const change = rng.pick([{ commitment: digits }, { scope: "everything" as const }, { subject: "everything" }, {}]);
    const made = await attestation(change);
    const forged = { ...made, vouched: { ...made.vouched, commitment: digits } };
    return resealed(pack, { "attestations/1.json": json(rng.chance(0.5) ? forged : made) });
  },
  "a merge, sealed by the firm": async (_pack, rng) => {
    const pack = await sum();
    const path = rng.pick(MERGES);
    return resealed(pack, { [path]: json(changedJson(JSON.parse(textOf(pack, path)), rng) ?? null) });
  },
  "the tree of merges, sealed by the firm": async (_pack, rng) => {
    const pack = await sum();
    const [first, second] = MERGES.map((path) => JSON.parse(textOf(pack, path)));
    const signals = [...first.publicSignals, ...second.publicSignals];
    const paths = [...MERGES, "attestations/1.json", "attestations/2.json", "attestations/3.json"];
    const path = rng.pick(paths);
    return rng.pick<() => Promise<PackFiles>>([
      () => resealed(pack, { [path]: textOf(pack, rng.pick(paths)) }),
      () => resealed(pack, { [MERGES[0]]: json(second), [MERGES[1]]: json(first) }),
      () => resealed(pack, { [MERGES[0]]: json({ ...first, proof: second.proof }) }),
      () =>
        resealed(pack, {
          [MERGES[0]]: json({ ...first, publicSignals: first.publicSignals.map(() => rng.pick(signals)) }),
        }),
      () =>
        resealed(pack, { "proofs/1.json": textOf(pack, "proofs/1.json").replaceAll(signals[6], rng.pick(signals)) }),
      () => resealed(pack, { [path]: undefined }, (index) => without(index, path)),
      () => resealed(pack, {}, (index) => without(index, path)),
    ])();
  },
  ...Object.fromEntries(
    Object.entries(MUTATIONS).map(([name, mutate]): [string, Kind] => [
      `proof, sealed by the firm: ${name}`,
      (pack, rng) => {
        const envelope = JSON.parse(textOf(pack, "proofs/1.json"));
        const { proof, signals } = mutate({ proof: envelope.proof, signals: envelope.publicSignals }, rng);
        // JSON has no integers beyond a number's: a verifier that read them so would be given them so.
        const text = JSON.stringify({ ...envelope, proof, publicSignals: signals }, (_, value) =>
          typeof value === "bigint" ? Number(value) : value,
        );
        return resealed(pack, { "proofs/1.json": text });
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.keys(ZIP_MUTATIONS).map((name): [string, Kind] => [
      `zip: ${name}`,
      (pack, rng) => mutatedZip(zipped(pack), name, rng),
    ]),
  ),
};

let zip: { readonly of: PackFiles; readonly bytes: Uint8Array } | undefined;
function zipped(pack: PackFiles): Uint8Array {
  if (zip?.of !== pack) zip = { of: pack, bytes: zipFiles(pack) };
  return zip.bytes;
}

// ---- Verdicts -------------------------------------------------------------------------------------------------------

/** What a verdict says is so, apart from the firm's own words. */
function meaning(verdict: PackVerdict & { ok: true }): string[] {
  return verdict.reading.statements.flatMap(
    ({ statement, size, stateBefore, stateAfter, policy, marketSha256, account, values }) => [
      canonicalJson({
        statement: { ...statement },
        size,
        stateBefore,
        stateAfter,
        policy: policy.sha256,
        marketSha256,
        parts: account.parts,
      }),
      ...[...account.by, ...values.by].map(({ address, subject = "", words, time }) =>
        canonicalJson({ address, subject, words, time }),
      ),
    ],
  );
}

/**
 * What the text of a verdict says in words of this program, line by line: what others say stands in quotation marks at the
 * end of a line, or behind bars.
 */
const ownLines = (verdict: PackVerdict): string[] =>
  verdictText(packVerdict(verdict))
    .split("\n")
    .map((line) => line.replace(/ "(?:[^"\\]|\\.)*"$/, "").trim())
    .filter((line) => !line.startsWith("|"));

/** What the text may say of a pack besides: the firm's number and date, and less than what there is evidence for. */
const LESS = [
  /^pack: \d+, of \S+$/,
  /^(whose account it is|prices and risk values).*: claimed$/,
  /^Only the firm says /,
];

/** The first line that is none that the text has of a sound pack, and does not say less; undefined where there is none. */
function untold(verdict: PackVerdict, sound: ReadonlySet<string>): string | undefined {
  const isLess = (line: string) =>
    sound.has(line.replace(/^claimed: /, "proven: ")) || LESS.some((form) => form.test(line));
  return ownLines(verdict).find((line) => !sound.has(line) && !isLess(line));
}

/** The text and the report of a verdict, for the same reader. */
const rendered = (verdict: PackVerdict): string =>
  verdictText(packVerdict(verdict)) +
  renderPackReport(verdict, { trust: PORTFOLIO_TRUST, now: NOW, source: "pack", software: "plimsoll" });

const contents = (files: PackFiles) =>
  [...files]
    .map(([name, content]) => `${name} ${content}`)
    .sort()
    .join();

function contentsOf(zip: Uint8Array): string | undefined {
  try {
    return contents(unzipFiles(zip));
  } catch {
    return undefined;
  }
}

/** The proofs of the merges of a pack that has been accepted. */
const mergesOf = (changed: Changed): Given[] =>
  changed instanceof Uint8Array
    ? []
    : MERGES.filter((path) => changed.has(path)).map((path) => {
        const { proof, publicSignals } = JSON.parse(textOf(changed, path));
        return { proof, signals: publicSignals };
      });

/** What a lenient reader would hand on from a pack, if it can be read at all. */
function givenOf(changed: Changed): Given | undefined {
  if (changed instanceof Uint8Array) return undefined;
  try {
    const { proof, publicSignals } = JSON.parse(textOf(changed, "proofs/1.json"));
    return { proof, signals: publicSignals };
  } catch {
    return undefined;
  }
}

export interface MutateOptions {
  readonly seed?: number;
  /** In the strict verifier's place, to see that what is wrong is noticed. */
  readonly strict?: (pack: Changed, real: PackVerdict, valid: PackVerdict) => PackVerdict;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A given number of changed packs, every kind in turn. */
export async function mutatePacks(
  count: number,
  { seed = 1, strict = (_pack, real) => real, onProgress = () => {} }: MutateOptions = {},
): Promise<MutatedPacks> {
  const rng = seededRng(seed);
  const pack = await samplePack();
  const verifier = createPackVerifier(PORTFOLIO_TRUST);
  const valid = await verifier.verify(pack, NOW);
  if (!valid.ok) throw new Error("the pack to start from does not verify");
  const allowed = new Set(meaning(valid));
  const sound = new Set(ownLines(valid));
  const everything = await attestation({ scope: "everything" });
  const other = await attestation({ subject: "everything" });
  const summed = await verifier.verify(await sum(), NOW);
  if (!summed.ok) throw new Error("the pack about a sum does not verify");
  for (const words of meaning(summed)) allowed.add(words);
  for (const line of ownLines(summed)) sound.add(line);
  // The custodian may say more, if it signs it.
  for (const said of [everything, other]) {
    const verdict = await verifier.verify(await resealed(pack, { "attestations/1.json": json(said) }), NOW);
    if (!verdict.ok) throw new Error("an attestation that the custodian signed is refused");
    for (const words of meaning(verdict)) allowed.add(words);
    for (const line of ownLines(verdict)) sound.add(line);
  }
  const chain = await network.create({ override: { gas: 16_000_000n } });
  try {
    const contract = await contractVerifier(SIZE, KEY.key, (await chain.ethers.getSigners())[0] as unknown as Signer);
    const asks = {
      snarkjs: ({ signals, proof }: Given) => groth16.verify(KEY.key, signals as string[], proof as ProofJson),
      contract,
    };
    const accepts = (ask: (given: Given) => Promise<boolean>, given: Given) =>
      new Promise<boolean>((resolve) => resolve(ask(structuredClone(given)))).catch(() => false);

    const groups = ["proof", "zip: ", ""].map((start, _, starts) =>
      Object.keys(KINDS).filter((kind) => starts.find((each) => kind.startsWith(each)) === start),
    );
    const outcomes = new Map<string, Map<string, number>>();
    const violations: string[] = [];
    const lenient = { snarkjs: 0, contract: 0 };
    for (let index = 0; index < count; index++) {
      const kinds = groups[index % groups.length]!;
      const kind = kinds[Math.floor(index / groups.length) % kinds.length]!;
      const changed = await KINDS[kind]!(pack, rng);
      const verdict = strict(changed, await verifier.verify(changed, NOW), valid);
      const outcome = verdict.ok ? verdict.outcome : `${verdict.outcome} ${verdict.finding.code}`;
      const counts = outcomes.get(kind) ?? new Map<string, number>();
      outcomes.set(kind, counts.set(outcome, (counts.get(outcome) ?? 0) + 1));
      // A zip that is accepted holds what it did; only then is there anything to hand on.
      const given = givenOf(changed) ?? (verdict.ok ? givenOf(pack) : undefined);
      if (verdict.ok) {
        const news = meaning(verdict).filter((words) => !allowed.has(words));
        if (news.length > 0)
          violations.push(`${index}, ${kind}: something is accepted that nobody has proven or signed`);
        const line = untold(verdict, sound);
        if (line !== undefined)
          violations.push(`${index}, ${kind}: the text says what it says of no sound pack: ${line}`);
        if (changed instanceof Uint8Array) {
          if (rendered(verdict) !== rendered(valid))
            violations.push(`${index}, ${kind}: other words for the same files`);
          if (contentsOf(changed) !== contents(pack)) violations.push(`${index}, ${kind}: other files`);
        }
      }
      for (const merge of verdict.ok ? mergesOf(changed) : []) {
        const ask = ({ signals, proof }: Given) =>
          groth16.verify(MERGE_KEY.key, signals as string[], proof as ProofJson);
        if (!(await accepts(ask, merge))) violations.push(`${index}, ${kind}: a merge is accepted, but not by snarkjs`);
      }
      // What is refused is no violation, whatever the others say: a sample is enough to know how kind they are.
      if (given !== undefined && (verdict.ok || rng.chance(0.1))) {
        for (const name of ["snarkjs", "contract"] as const) {
          const yes = await accepts(asks[name], given);
          if (verdict.ok && !yes) violations.push(`${index}, ${kind}: the strict verifier accepts, ${name} does not`);
          if (!verdict.ok && yes) lenient[name]++;
        }
      }
      onProgress(index + 1, count);
    }
    return { tried: count, outcomes, violations, lenient };
  } finally {
    await chain.close();
    await endSnarkjsThreads();
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [count = 10_000, seed = 1] = process.argv.slice(2).map(Number);
  const start = performance.now();
  const { outcomes, violations, lenient } = await mutatePacks(count, {
    seed,
    onProgress(done, total) {
      if (done % 500 === 0) process.stderr.write(`${done} of ${total}\n`);
    },
  });
  const totals = new Map<string, number>();
  for (const counts of outcomes.values()) {
    for (const [outcome, times] of counts) totals.set(outcome, (totals.get(outcome) ?? 0) + times);
  }
  for (const [outcome, times] of [...totals].sort(([, a], [, b]) => b - a)) console.log(`${times}\t${outcome}`);
  console.log(
    `in a tenth of the refused packs, proofs that snarkjs and the contract accept: ${lenient.snarkjs}, ${lenient.contract}`,
  );
  console.log(`${count} packs, ${violations.length} violations, ${((performance.now() - start) / 1000).toFixed(0)} s`);
  for (const violation of violations.slice(0, 20)) console.log(violation);
  process.exitCode = violations.length === 0 ? 0 : 1;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** A firm, a custodian, price reporters, and packs of theirs under a simulated key. */

import { type KeySource, makePack, type PackMachine, type PackRequest } from "../../prover/src/app/make-pack.ts";
import { proveEnvelope } from "../../prover/src/app/prove-envelope.ts";
import type { Envelope } from "../../prover/src/document/proof.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { formatJson, type Json } from "../../prover/src/formats/json.ts";
import { marketDocument, readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { SCENARIOS } from "../../prover/src/model/sizes.ts";
import { applyTransition, NO_TRANSFER, noFill } from "../../prover/src/model/transition.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { type AttestationBody, type Observations, report, signAttestation } from "../../prover/src/pack/evidence.ts";
import {
  INDEX,
  type PackContents,
  type PackIndex,
  readIndex,
  sealIndex,
  textOf,
} from "../../prover/src/pack/format.ts";
import type { Trust } from "../../prover/src/pack/trust.ts";
import { readSigningKey } from "../../prover/src/pack/typed-data.ts";
import type { PackFiles } from "../../prover/src/pack/zip.ts";
import { cashE6, levelBps, positionLots } from "../../prover/src/units.ts";
import { randomMarket, seededRng } from "./random.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "./simulated.ts";

export const signer = (number: number) => readSigningKey({ text: number.toString(16).padStart(64, "0"), file: "key" });
export const FIRM = signer(0xf1);
export const OTHER_FIRM = signer(0xf2);
export const CUSTODIAN = signer(0xc1);
export const REPORTERS = [0xa1, 0xa2, 0xa3].map(signer).sort((a, b) => (a.address < b.address ? -1 : 1));
export const SIZE = "board-60";
export const KEY = simulatedKey(SIZE, 5n);
export const MARKET_TIME = "2026-11-22T08:00:00Z";
export const CREATED = "2026-11-22T09:00:00Z";
/** A reader's date at which the packs are current. */
export const NOW = new Date("2026-11-22T12:00:00Z");
export const AUDIENCE = "Aldgate & Partners, request 17";

const tiers = [{ upTo: "500", haircutBps: "500" }];
export const policyText = formatJson({
  format: "plimsoll-policy/2",
  name: "Meridian, example policy",
  cash: { symbol: "USDC", decimals: 6 },
  assets: ["BTC", "ETH"].map((symbol) => ({ symbol, lotDecimals: 8, scanLot: null, tiers })),
  debtRateBps: "0",
  levels: { initial: "15000", call: "12000", liquidation: "10000", closeOut: "6000" },
});
export const policy = readPolicy(policyText, "policy.json");

export const marketText = formatJson(
  marketDocument(
    {
      board: "meridian-main",
      epoch: 7n,
      time: MARKET_TIME,
      scenarios: Array.from({ length: SCENARIOS }, (_, index) => `scenario ${index}`),
      instruments: Array.from({ length: 3 }, (_, index) => ({
        symbol: `I-${index}`,
        lot: { units: 1n, decimals: 3 },
        terms: {},
      })),
      blocks: ["block"],
      market: randomMarket(seededRng(19), SIZE, "typical"),
    },
    policy,
  ) as unknown as Json,
);
export const market = readMarket(marketText, "market.json", policy);

const before: Account = {
  ...genesis(SIZE),
  // Coverage is about 220%.
  cash: cashE6(200_000_000n),
  positions: genesis(SIZE).positions.with(0, positionLots(3n)),
  viewingKey: 77n as FieldElement,
  sequence: 4n,
};
const transition = { transfer: NO_TRANSFER, fill: noFill(SIZE), side: 1n } as const;
export const STATE_BEFORE = commitState(before).toString();
export const STATE_AFTER = commitState(applyTransition(before, transition)).toString();

/** Proofs under the simulated key. */
export async function proveLevel(level: bigint, direction: "at-least" | "below" = "at-least"): Promise<Envelope> {
  const prover = createProver({ load: () => simulatedArtifacts(KEY), backend: simulatedBackend(KEY) });
  return proveEnvelope(prover, {
    before,
    transition,
    level: levelBps(level),
    direction,
    audience: AUDIENCE,
    policy,
    market,
  });
}

export const VOUCHED: AttestationBody = {
  commitment: STATE_BEFORE,
  size: SIZE,
  firm: FIRM.address,
  subject: "custody account 7731",
  scope: "account",
  asOf: "2026-11-22T07:30:00Z",
  expires: "2026-12-22T07:30:00Z",
};

export const ORACLE = {
  chainId: "31337",
  contract: `0x${"0c".repeat(20)}`,
  board: "1",
  reporters: REPORTERS.map(({ address }) => address),
  quorum: 3,
};

export const json = (document: unknown) => formatJson(document);
export const named = (file: string, document: unknown) => ({ file, text: json(document) });

export async function observations(): Promise<Observations> {
  const { chainId, contract, board } = ORACLE;
  const domain = { chainId, contract, board, epoch: market.epoch.toString() };
  const reports = [];
  for (const reporter of REPORTERS) reports.push(await report(domain, reporter, market));
  return { format: "plimsoll-observations/1", ...domain, reports };
}

export const attestation = (change: Partial<AttestationBody> = {}, by = CUSTODIAN) =>
  signAttestation("Custodian One", by, { ...VOUCHED, ...change });

export const keySource: KeySource = {
  identity: KEY.identity,
  file: KEY.file,
  compiler: "none: a simulated key",
  sourcesSha256: "0".repeat(64),
  r1csSha256: "1".repeat(64),
};

/** One statement, attested by a custodian, at prices signed by reporters. */
export async function request(change: Partial<PackRequest> = {}, signing = FIRM): Promise<PackRequest> {
  return {
    name: "Solvency at the end of November",
    question: "Does the account cover its initial margin?",
    firm: "Atlas Trading",
    signing,
    created: CREATED,
    proofs: [named("proof.json", await proveLevel(15_000n))],
    policies: [{ file: "policy.json", text: policyText }],
    markets: [{ file: "market.json", text: marketText }],
    attestations: [named("custodian.json", await attestation())],
    observations: [named("observations.json", await observations())],
    claims: ["Assets under management exceed 50 million."],
    documents: [{ name: "Letter to Aldgate.txt", content: new TextEncoder().encode("Dear Sirs") }],
    ...change,
  };
}

/** A change of the sample pack, or of the keys on the machine that makes it. */
export type PackChange = Partial<PackRequest> & Partial<Pick<PackMachine, "keyFor">>;

export async function samplePack(change: PackChange = {}, by = FIRM): Promise<PackFiles> {
  const { keyFor = async () => keySource, ...rest } = change;
  const machine = { keyFor, software: "plimsoll 0.1.0", now: () => NOW };
  return (await makePack(machine, await request(rest, by))).files;
}

/** A reader who trusts all of them. */
export const TRUST: Trust = {
  firms: [{ name: "Atlas", signer: FIRM.address }],
  keys: [KEY.identity],
  maxAge: 86_400,
  audience: AUDIENCE,
  policies: [{ sha256: policy.sha256 }],
  attesters: [{ name: "The custodian", signer: CUSTODIAN.address }],
  oracles: [ORACLE],
  chain: [],
};

export const indexOf = (files: PackFiles): PackIndex => readIndex(textOf(INDEX, files.get(INDEX)!));

const utf8 = (text: string) => new TextEncoder().encode(text);

/**
 * The pack with some files changed (undefined: removed) and sealed anew by the firm, which is the strongest adversary: it
 * can put anything under its own seal.
 */
export async function resealed(
  files: PackFiles,
  changes: Readonly<Record<string, string | undefined>>,
  edit: (index: PackContents) => unknown = (index) => index,
  by = FIRM,
): Promise<PackFiles> {
  const changed = new Map(files);
  const { signature: _, ...contents } = indexOf(files);
  const listed = new Map(contents.files.map((file) => [file.path, file]));
  const { createHash } = await import("node:crypto");
  for (const [path, text] of Object.entries(changes)) {
    if (text === undefined) {
      changed.delete(path);
      listed.delete(path);
      continue;
    }
    const content = utf8(text);
    changed.set(path, content);
    const kind = listed.get(path)?.kind ?? "document";
    listed.set(path, { path, kind, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") });
  }
  const index = edit({ ...contents, files: [...listed.values()] }) as PackContents;
  // What is no index cannot be sealed as one.
  const sealed = await sealIndex(index, by).catch(() => ({ ...index, signature: "0x" }));
  changed.set(INDEX, utf8(json(sealed)));
  return changed;
}

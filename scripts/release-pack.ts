// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Writes the pack that later versions must go on verifying: `release-pack.ts NAME` makes `test/vectors/packs/NAME.zip`, the
 * trust file of its reader and the verdict. To be run once for each version of the format, and never again for that one.
 *
 * Its keys are fixed and good for nothing else: the verification key is a simulated one, whose trapdoor is in the test.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { packSha256 } from "../prover/src/pack/format.ts";
import { createPackVerifier } from "../prover/src/pack/verify.ts";
import { zipFiles } from "../prover/src/pack/zip.ts";
import {
  attestation,
  indexOf,
  json,
  NOW,
  named,
  proveLevel,
  STATE_AFTER,
  samplePack,
  TRUST,
} from "../test/support/packs.ts";

const [name = ""] = process.argv.slice(2);
const folder = path.resolve(import.meta.dirname, "../test/vectors/packs");
if (!/^[a-z0-9-]+$/.test(name)) throw new Error("usage: release-pack.ts NAME");
if (existsSync(path.join(folder, `${name}.zip`))) throw new Error("it exists: a released pack is never made again");

const reference = {
  format: "plimsoll-chain/1",
  kind: "account",
  chainId: "31337",
  contract: `0x${"9a".repeat(20)}`,
  subject: "12",
  value: STATE_AFTER,
  block: { number: "4711", hash: `0x${"ab".repeat(32)}`, time: "2026-11-22T07:59:00Z" },
} as const;
const first = await samplePack({ created: "2026-11-22T08:30:00Z" });
const files = await samplePack({
  name: "Released pack",
  previous: first,
  proofs: [named("floor.json", await proveLevel(20_000n)), named("ceiling.json", await proveLevel(25_000n, "below"))],
  attestations: [named("custodian.json", await attestation())],
  chain: [named("chain.json", reference)],
});
const seen = { number: "1", sha256: packSha256(indexOf(first)) };
const trust = { ...TRUST, chain: [reference] };
const verdict = await createPackVerifier(trust).verify(files, NOW);
if (!verdict.ok || verdict.outcome !== "valid") throw new Error("the pack does not verify");
const { maxAge, firms, ...rest } = trust;
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, `${name}.zip`), zipFiles(files));
const document = { format: "plimsoll-trust/1", ...rest, firms: [{ ...firms[0]!, seen }], maxAgeSeconds: maxAge };
await writeFile(path.join(folder, `${name}.trust.json`), json(document));
const { reading } = verdict;
await writeFile(
  path.join(folder, `${name}.verdict.json`),
  json({
    date: NOW.toISOString(),
    outcome: verdict.outcome,
    sha256: reading.sha256,
    history: reading.history.map(({ sha256 }) => sha256),
    statements: reading.statements.map(({ statement, level, account, values, stateAfter }) => ({
      text: statement.text,
      stateAfter,
      level,
      account: account.level,
      values: values.level,
    })),
  }),
);

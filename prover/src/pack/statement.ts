// SPDX-License-Identifier: GPL-3.0-or-later
/** Checks of one statement of a pack: its proof, under policy, market and key, and the sum that its account may be. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { readMerge, verifyMerge } from "../document/merge.ts";
import { checkEnvelope, type EnvelopeVerdict, readEnvelope } from "../document/proof.ts";
import { listingSha256, type MarketFile, readMarket } from "../formats/market.ts";
import { readPolicy } from "../formats/policy.ts";
import type { BoardSize } from "../model/sizes.ts";
import { type CircuitOf, circuitOf } from "../statement/families.ts";
import { parsePublicSignals, type Verifier } from "../verify/verifier.ts";
import { checkAccount, checkValues } from "./assurance.ts";
import { mergeCaveats, statementCaveats } from "./caveats.ts";
import type { OpenKeys } from "./contents.ts";
import { checkMarketDate, checkPolicyDate } from "./currency.ts";
import { type Examination, invalid } from "./examination.ts";
import { INDEX, type PackCircuit, type PackStatement } from "./format.ts";
import { type Merge, partsOf } from "./merge-tree.ts";
import type { ProvenStatement } from "./verdict.ts";

/** Checks a statement and all that backs it. */
export async function checkStatement(
  examination: Examination,
  keys: OpenKeys,
  files: PackStatement,
): Promise<ProvenStatement> {
  const { proof } = files;
  const { policy, market } = readMade(examination, files);
  const envelope = examination.read(proof, readEnvelope);
  const { size, statement } = envelope;
  const verifier = verifierOf(examination, keys, size, proof);
  const parsed = parsePublicSignals(envelope.publicSignals, size);
  if (!parsed.ok) throw invalid(parsed.reason, proof, sentence(parsed.detail));
  const [stateBefore, stateAfter] = [parsed.signals[0]!.toString(), parsed.signals[1]!.toString()];

  // With neither transfer nor fill, what is known of the account before is known of the account after.
  const still = statement.fill === "none" && statement.transfer.amount === "0";
  const sum = { size, audience: statement.audience };
  const parts = checkParts(examination, keys, files, still ? stateBefore : undefined, sum);
  const listing = listingSha256(policy, market);
  const known = still ? [stateAfter, stateBefore] : [stateAfter];
  const account = checkAccount(examination, files, { states: known, size, listing, parts });
  const vouched = parts === undefined ? account.state : stateBefore;
  const expectedStates = {
    after: vouched === stateAfter ? BigInt(stateAfter) : undefined,
    before: vouched === stateBefore ? BigInt(stateBefore) : undefined,
  };
  const asked = { audience: examination.trust.audience };
  const checks = { policy, market, expectedStates, asked };
  const verdict = checkProof(examination, files, checkEnvelope(envelope, checks, verifier));

  const trusted = checkPolicy(examination, files.policy, policy.sha256);
  const point = () => verifier.marketPoint(parsed.signals);
  const values = checkValues(examination, files, market, { listing, accountChains: account.chains, point });
  checkMarketDate(examination, files.market, market);
  const mergeKey = parts && verifierOf(examination, keys, circuitOf("merge", size), proof).key;
  const levels = { account: files.account.level, values: files.values.level };
  return {
    files,
    statement,
    size,
    key: verifier.key,
    stateBefore,
    stateAfter,
    policy: { name: policy.name, sha256: policy.sha256, trusted },
    marketSha256: market.sha256,
    level: files.level,
    account: { level: levels.account, by: account.by, parts: parts?.size ?? 1 },
    values: { level: levels.values, by: values.by },
    notProven: [
      ...(mergeKey === undefined || mergeKey.origin === verifier.key.origin ? [] : mergeCaveats(mergeKey.origin)),
      ...statementCaveats(verdict.notProven, {
        policyNamed: trusted,
        listingNamed: values.listed,
        ...levels,
        parts: parts?.size ?? 1,
      }),
    ],
  };
}

/** The policy and market that a statement was proven under. Statements may share them: each is read once. */
function readMade(examination: Examination, { policy: policyFile, market: marketFile }: PackStatement) {
  const policy = examination.once(`policy ${policyFile}`, () =>
    examination.read(policyFile, ({ text, file }) => readPolicy(text, file)),
  );
  const market = examination.once(`market ${marketFile} under ${policyFile}`, () =>
    examination.read(marketFile, ({ text, file }): MarketFile & { sha256: string } => readMarket(text, file, policy)),
  );
  return { policy, market };
}

/** The verdict on the proof itself; fails with its refusal. */
function checkProof(
  examination: Examination,
  files: PackStatement,
  verdict: EnvelopeVerdict,
): EnvelopeVerdict & { ok: true } {
  if (!verdict.ok) {
    const { reason, detail } = verdict;
    const file = reason.startsWith("POLICY_")
      ? files.policy
      : reason.startsWith("MARKET_")
        ? files.market
        : files.proof;
    throw invalid(reason, file, sentence(detail));
  }
  if (files.level !== "proven" && files.level !== "claimed") {
    const why = `A statement is "${files.level}", but only a proof backs a statement.`;
    throw invalid("LEVEL_UNSUPPORTED", INDEX, why);
  }
  const proven = `The proof verifies under the key, policy and market given: ${verdict.statement.text}`;
  examination.holds(files.proof, proven);
  return verdict;
}

/** Whether the reader names the policy; fails where the reader names others only. */
function checkPolicy(examination: Examination, file: string, sha256: string): boolean {
  const { policies } = examination.trust;
  if (policies === undefined) return false;
  const named = policies.find((known) => known.sha256 === sha256);
  if (named === undefined) throw invalid("POLICY_UNTRUSTED", file, "Your trust settings do not name this policy.");
  checkPolicyDate(examination, file, named);
  examination.holds(file, "Your trust settings name this policy.");
  return true;
}

/** The verifier under the pack's key for a circuit, which is one that the reader names. */
function verifierOf<Name extends PackCircuit>(
  examination: Examination,
  keys: OpenKeys,
  circuit: Name,
  file: string,
): Verifier<Name> {
  const key = examination.index.keys.find(({ size }) => size === circuit);
  if (key === undefined) throw invalid("KEY_MISSING", file, `The pack holds no verification key for ${circuit}.`);
  return keys.get(bytesToHex(sha256(examination.content(key.file))))! as Verifier<PackCircuit> as Verifier<Name>;
}

/**
 * The parts that a proof's account is the sum of, each with the file of the merge that adds it; undefined where no merge
 * is given. `root` is the account, undefined where the proof moves something and so is of another.
 */
function checkParts(
  examination: Examination,
  keys: OpenKeys,
  { proof, account }: PackStatement,
  root: string | undefined,
  asked: { readonly size: BoardSize; readonly audience: string },
): ReadonlyMap<string, string> | undefined {
  const files = account.by.filter((file) => examination.kindOf(file) === "merge");
  const [first] = files;
  if (first === undefined) return undefined;
  if (root === undefined) {
    const why = `The proof in ${proof} has a transfer or a fill. A proof about a sum moves nothing.`;
    throw invalid("MERGE_MISUSED", first, why);
  }
  const merges = files.map((file) => checkMerge(examination, keys, file, asked));
  const sum = partsOf(root, merges);
  if (!sum.ok) throw invalid(sum.code, sum.file, sum.sentence);
  const count = `The account is the sum of ${sum.parts.size} accounts, each in it once`;
  examination.holds(proof, `${count}, by ${files.length} merges that verify.`);
  return sum.parts;
}

/** Several statements may rest on one sum: its merges are verified once for each size and audience. */
function checkMerge(
  examination: Examination,
  keys: OpenKeys,
  file: string,
  asked: { readonly size: BoardSize; readonly audience: string },
): Merge {
  return examination.once(`merge ${file} ${asked.size} ${asked.audience}`, () => {
    const document = examination.read(file, readMerge);
    const verifier: Verifier<CircuitOf<"merge">> = verifierOf(examination, keys, circuitOf("merge", asked.size), file);
    const verdict = verifyMerge(document, verifier, asked);
    if (!verdict.ok) throw invalid(verdict.reason, file, sentence(verdict.detail));
    const { left, right, merged } = verdict;
    return { file, left, right, merged };
  });
}

const sentence = (detail: string) => `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;

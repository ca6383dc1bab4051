// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The report on a pack: what a reader of the verdict signs and files. One HTML document that opens offline and prints.
 *
 * It tells the verdict by the same parts as every other face, and adds what the reader chose and how to repeat it.
 */
import { type Fact, foreign, momentWords } from "../document/words.ts";
import { timeText } from "../formats/time.ts";
import { isEvidence } from "../keys/origin.ts";
import { renderDocument } from "../report/document.ts";
import { type Markup, markup, when } from "../report/html.ts";
import { fact, type Part } from "../report/parts.ts";
import { badge, partsMarkup } from "../report/parts-html.ts";
import type { Verdict } from "../report/verdict.ts";
import { verdictSections } from "../report/verdict-parts.ts";
import { packVerdict } from "./told.ts";
import type { Trust } from "./trust.ts";
import type { PackVerdict } from "./verify.ts";

/**
 * Under which trust, when and by what a pack was verified.
 * @see docs/library.md#evidence-packs
 */
export interface ReportContext {
  readonly trust: Trust;
  /** The reader's date. */
  readonly now: Date;
  /** Name of the file or folder that was verified. */
  readonly source: string;
  /** SHA-256 of the zip, where it was one. */
  readonly sourceSha256?: string;
  /** Name and version of the verifier. */
  readonly software: string;
}

const LEVEL_WORDS = {
  proven: "a zero-knowledge proof",
  "on-chain": "a chain, looked up by the reader",
  attested: "somebody whom the reader trusts signed it",
  claimed: "the firm's own word",
} as const;

/**
 * The whole document.
 * @see docs/library.md#evidence-packs
 */
export function renderPackReport(verdict: PackVerdict, context: ReportContext): string {
  return renderDocument({
    title: verdict.ok ? `Verification report on pack ${verdict.reading.index.number}` : "Verification report",
    kind: "Verification report",
    body: packReport(verdict, context),
  });
}

export function packReport(verdict: PackVerdict, context: ReportContext): Markup {
  const { now, software, trust, source } = context;
  const date = timeText(now);
  const told = packVerdict(verdict);
  const { outcome, found, about, vouched, open, checked, identities } = verdictSections(told);
  const isTest = outcome.forgeable.length > 0;
  return markup`<header>
<h1>Verification of an evidence pack</h1>
<p class="lead">Verified as of ${when(date)} (the reader's date) by ${software}, offline.</p>
${partsMarkup([...about, fact("file", foreign(source, "sender"))])}
</header>
${partsMarkup([outcome])}
${
  verdict.ok
    ? markup`<section>
<h2>What was found</h2>
${partsMarkup(found, isTest)}
<table class="legend"><tbody>${Object.entries(LEVEL_WORDS).map(([level, words]) => markup`<tr><td>${badge(level, isTest)}</td><td>${words}</td></tr>`)}</tbody></table>
</section>
<section>
<h2>Who vouched</h2>
${partsMarkup(vouched)}
<p class="caption">The pack shows who vouched, not for what amounts: they saw the account, and signed its commitment.</p>
</section>
<section>
<h2>What is not covered</h2>
${partsMarkup([...open, ...NEVER_COVERED])}
</section>`
    : ""
}
<section>
<h2>Particulars</h2>
${folded("What was checked, in order", checked.length === 0 ? markup`<p>Nothing before the failure.</p>` : partsMarkup(checked))}
${folded("What the reader trusts", partsMarkup(trustParts(trust)))}
${verdict.ok ? folded("Identities", partsMarkup(identities)) : ""}
${folded("How to repeat every step", steps(context, date, told.pack?.files.some(({ kind }) => kind === "merge") ?? false))}
</section>
<section>
<h2>To be signed</h2>
<p id="sentence">${sentenceToSign(told, context)}</p>
</section>
<section class="sign">
<p>Verified by</p><p>Date</p><p>Signature</p>
</section>`;
}

/** What a reader can sign: what was done, what came of it, and on what it rests. */
export function sentenceToSign(
  { outcome, pack, statements, keys }: Verdict,
  { now, software }: Pick<ReportContext, "now" | "software">,
): string {
  const date = momentWords(timeText(now));
  const which =
    pack === undefined
      ? "the file named above"
      : `pack ${pack.number} (SHA-256 ${pack.sha256}), sealed by ${pack.firm.signer}`;
  const did = `I examined ${which} as of ${date} with ${software}, under the settings listed in this report.`;
  if (outcome === "invalid" || outcome === "unusable") {
    return `${did} It did not pass: I rely on no part of it.`;
  }
  if (keys.some(({ origin }) => !isEvidence(origin))) {
    return `${did} Its proofs are under keys made for tests, with which anybody who made them can forge: it is evidence of nothing.`;
  }
  const proven = statements.map(({ sentence: words }) => words.replace(/[.]$/, "")).join("; ");
  const current =
    outcome === "valid" ? "nothing in it is older than I allow" : "part of it is older than I allow, as listed above";
  return `${did} Every check held, and ${current}. On the word of those listed under “Who vouched”, it shows: ${proven}. I did not see the account or its amounts, and I have read what this report does not cover.`;
}

const NEVER_COVERED: readonly Part[] = [
  "Amounts, quantities and positions of the account: none is in the pack, and none was seen. Coverage is equity after haircuts over the maintenance margin of the policy named.",
  "Anything before or after the times given.",
].map((sentence) => ({ is: "note", sentence }));

/** Folded on the screen, whole on paper. */
const folded = (title: string, content: Markup) => markup`<details><summary>${title}</summary>${content}</details>`;

function trustParts({ firms, keys, attesters, oracles, policies = [], chain, maxAge, audience }: Trust): Part[] {
  const row = (what: string, value: string, facts: readonly Fact[]): Part => ({ is: "row", what, facts, value });
  const name = (words: string): Fact => ({ label: "name", value: foreign(words, "reader") });
  return [
    ...firms.map(({ name: words, signer, seen }) =>
      row("firm", signer, [
        name(words),
        ...(seen === undefined ? [] : [{ label: "last seen", value: `pack ${seen.number}` }]),
      ]),
    ),
    ...keys.map(({ size, sha256, origin }) => row("key", sha256, [{ label: size, value: origin }])),
    ...attesters.map(({ name: words, signer }) => row("attester", signer, [name(words)])),
    ...oracles.map(({ chainId, contract, board, reporters, quorum, listing }) =>
      row("oracle", contract, [
        { label: "board", value: `${board} on chain ${chainId}` },
        { label: "reporters", value: `at least ${quorum} of ${reporters.length}` },
        ...(listing === undefined ? [] : [{ label: "listing", value: listing }]),
      ]),
    ),
    ...policies.map(({ sha256, until }) =>
      row("policy", sha256, [
        until === undefined ? { label: "in force", value: "yes" } : { label: "until", value: until },
      ]),
    ),
    ...chain.map(({ kind, chainId, contract, subject, block }) =>
      row("looked up", contract, [{ label: kind, value: `${subject} on chain ${chainId}, block ${block.number}` }]),
    ),
    fact("market and holdings not older than", duration(maxAge)),
    ...(audience === undefined ? [] : [fact("proofs made only for", foreign(audience, "reader"))]),
  ];
}

/** Commands have a fixed name for the file: what it is really called could be a command itself. */
const steps = ({ sourceSha256 }: ReportContext, date: string, hasMerges: boolean) => markup`<ol>
<li>FILE is the file named at the top of this report.${sourceSha256 === undefined ? "" : markup` Its SHA-256 is <code>${sourceSha256}</code> (<code>sha256sum</code> prints it).`}</li>
<li>The verdict: <code>plimsoll pack verify FILE --trust trust.json --date ${date}</code>, with that file and the settings above as trust.json; or drop the file on the verifier page, which needs no network.</li>
<li>One proof alone: unpack the zip and run <code>plimsoll verify proofs/1.json --policy policies/1.json --market markets/1.json</code>; or give its <code>proof</code> and <code>publicSignals</code> and the file in <code>keys/</code> to any Groth16 verifier, such as <code>snarkjs groth16 verify</code>.</li>
${hasMerges ? markup`<li>A sum: each file in <code>merges/</code> is a proof that the account of its third public signal holds what those of the first two hold, under the key of that name. They are a tree: each commitment is in it once.</li>` : ""}
<li>The circuit: compile the sources and compare the SHA-256 of the r1cs with the one under “Identities”; <code>plimsoll doctor</code> shows the identities of an installation.</li>
<li>Signatures are EIP-712 typed data; any wallet library recovers the signers.</li>
</ol>`;

function duration(seconds: number): string {
  const day = 86_400;
  if (seconds % day === 0) return `${seconds / day} ${seconds === day ? "day" : "days"}`;
  return seconds % 3_600 === 0 ? `${seconds / 3_600} hours` : `${seconds} seconds`;
}

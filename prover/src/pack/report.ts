// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The report on a pack: what a reader of the verdict signs and files. One HTML document that opens offline and prints.
 *
 * It says nothing but what the verifier found and what the reader chose; words of the firm are marked as such.
 */
import { timeText } from "../formats/time.ts";
import { type Markup, markup } from "../report/html.ts";
import { STYLE } from "../report/style.ts";
import type { Trust } from "./trust.ts";
import type { PackReading, PackVerdict, ProvenStatement, Voucher } from "./verify.ts";

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

const OUTCOMES = {
  valid: { tone: "good", title: "Valid and current", words: "Every check holds, and nothing is older than you allow." },
  "not-current": {
    tone: "warn",
    title: "Valid, not current",
    words: "Every check holds, but at least one part is out of date by your own settings. Ask for a newer pack.",
  },
  invalid: { tone: "bad", title: "Invalid", words: "A check failed. Do not rely on any part of this pack." },
  unusable: { tone: "bad", title: "Unusable", words: "No verdict is possible on what was given." },
} as const;

const LEVEL_WORDS = {
  proven: "a zero-knowledge proof",
  "on-chain": "a chain, looked up by the reader",
  attested: "somebody whom the reader trusts signed it",
  claimed: "the firm's own word",
} as const;

/** The whole document. */
export function renderPackReport(verdict: PackVerdict, context: ReportContext): string {
  const title = verdict.ok ? `Report on ${verdict.reading.index.name}` : `Report on ${context.source}`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
${STYLE}
${PACK_STYLE}
</head>
<body>
${packReport(verdict, context)}
</body>
</html>
`.text;
}

/** The verdict alone. */
export function verdictBox(verdict: PackVerdict): Markup {
  const { tone, title, words } = OUTCOMES[verdict.outcome];
  const findings = verdict.ok ? verdict.stale : [verdict.finding];
  const origins = new Set(verdict.ok ? verdict.reading.keys.map(({ origin }) => origin) : []);
  origins.delete("ceremony");
  return markup`<div class="outcome ${tone}" role="status"><h2>${title}</h2><p>${words}</p>
${findings.length === 0 ? "" : markup`<ul>${findings.map(({ code, file, sentence }) => markup`<li><strong>${code}</strong>${file === "" ? "" : markup` in <code>${file}</code>`}: ${sentence}</li>`)}</ul>`}
${[...origins].map((origin) => markup`<p><strong>Under a ${origin} key:</strong> whoever made it can forge proofs. Good for tests only.</p>`)}
</div>`;
}

export function packReport(verdict: PackVerdict, context: ReportContext): Markup {
  const { trust, now, source, sourceSha256, software } = context;
  const date = timeText(now);
  return markup`<header>
<h1>Verification of an evidence pack</h1>
<p class="lead">${verdict.ok ? markup`“${verdict.reading.index.name}”, pack ${verdict.reading.index.number} of ${verdict.reading.firm}. ` : ""}Verified as of ${date} (the reader's date) by ${software}, offline.</p>
</header>
${verdictBox(verdict)}
${verdict.ok ? readingSections(verdict.reading) : ""}
<section>
<h2>What was checked, in order</h2>
${verdict.checks.length === 0 ? markup`<p>Nothing before the failure.</p>` : markup`<ol>${verdict.checks.map(({ file, sentence }) => markup`<li><code>${file}</code>: ${sentence}</li>`)}</ol>`}
</section>
<section>
<h2>What the reader trusts</h2>
<table><tbody>
${trust.firms.map(({ name, signer, seen }) => markup`<tr><td>firm</td><td>${name}${seen === undefined ? "" : `, last seen: pack ${seen.number}`}</td><td><code>${signer}</code></td></tr>`)}
${trust.keys.map(({ size, sha256, origin }) => markup`<tr><td>key</td><td>${size}, ${origin}</td><td><code>${sha256}</code></td></tr>`)}
${trust.attesters.map(({ name, signer }) => markup`<tr><td>attester</td><td>${name}</td><td><code>${signer}</code></td></tr>`)}
${trust.oracles.map(({ chainId, contract, board, reporters, quorum, listing }) => markup`<tr><td>oracle</td><td>board ${board} on chain ${chainId}, at least ${String(quorum)} of ${String(reporters.length)} reporters${listing === undefined ? "" : markup`; listing <code>${listing}</code>`}</td><td><code>${contract}</code></td></tr>`)}
${(trust.policies ?? []).map(({ sha256, until }) => markup`<tr><td>policy</td><td>${until === undefined ? "in force" : `until ${until}`}</td><td><code>${sha256}</code></td></tr>`)}
${trust.chain.map(({ kind, chainId, contract, subject, block }) => markup`<tr><td>looked up</td><td>${kind} ${subject} on chain ${chainId}, block ${block.number}</td><td><code>${contract}</code></td></tr>`)}
<tr><td>tolerance</td><td colspan="2">market and holdings not older than ${duration(trust.maxAge)}${trust.audience === undefined ? "" : markup`; proofs made for “${trust.audience}” only`}</td></tr>
</tbody></table>
</section>
<section>
<h2>How to repeat every step</h2>
<ol>
<li>The file: <code>${source}</code>${sourceSha256 === undefined ? "" : markup`, SHA-256 <code>${sourceSha256}</code> (<code>sha256sum</code> prints it)`}.</li>
<li>The verdict: <code>plimsoll pack verify ${source} --trust trust.json --date ${date}</code>, with the settings above as trust.json; or drop the file on the verifier page, which needs no network.</li>
<li>One proof alone: unpack the zip and run <code>plimsoll verify proofs/1.json --policy policies/1.json --market markets/1.json</code>; or give its <code>proof</code> and <code>publicSignals</code> and the file in <code>keys/</code> to any Groth16 verifier, such as <code>snarkjs groth16 verify</code>.</li>
${verdict.ok && verdict.reading.index.files.some(({ kind }) => kind === "merge") ? markup`<li>A sum: each file in <code>merges/</code> is a proof that the account of its third public signal holds what those of the first two hold, under the key of that name. They are a tree: each commitment is in it once.</li>` : ""}
<li>The circuit: compile the sources and compare the SHA-256 of the r1cs with the one under “Identities”; <code>plimsoll doctor</code> shows the identities of an installation.</li>
<li>Signatures are EIP-712 typed data; any wallet library recovers the signers.</li>
</ol>
</section>
<section class="sign">
<p>Verified by</p><p>Date</p><p>Signature</p>
</section>`;
}

function readingSections(reading: PackReading): Markup {
  const { index, statements } = reading;
  const caveats = new Map(
    statements.flatMap(({ notProven }) => notProven.map(({ code, text }) => [text, code] as const)),
  );
  const bands = coverageBands(statements);
  return markup`<section>
<h2>What was asked</h2>
<p>“${index.question}” <small>in the words of the pack</small></p>
</section>
<section>
<h2>What was found</h2>
${statements.map(statementArticle)}
${bands.length === 0 ? "" : markup`<h3>Coverage bands</h3><ul>${bands.map((band) => markup`<li>${band}</li>`)}</ul>`}
${index.claims.map(({ text }) => markup`<article class="proof claimed"><h3>${badge("claimed")} “${text}”</h3><p>The firm says so. Nothing here backs it.</p></article>`)}
<table class="legend"><tbody>${Object.entries(LEVEL_WORDS).map(([level, words]) => markup`<tr><td>${badge(level)}</td><td>${words}</td></tr>`)}</tbody></table>
</section>
<section>
<h2>Who vouched</h2>
${vouchers(statements)}
</section>
<section>
<h2>What is not covered</h2>
<ul>
${[...caveats].map(([text, code]) => markup`<li><strong>${code}</strong>: ${text}</li>`)}
<li>Amounts, quantities and positions of the account: none is in the pack, and none was seen. Coverage is equity after haircuts over the maintenance margin of the policy named.</li>
<li>Anything before or after the times given.</li>
</ul>
</section>
<section>
<h2>Identities</h2>
<table><tbody>
<tr><td>pack</td><td>number ${index.number}, of ${index.created}, made by ${index.software}</td><td><code>${reading.sha256}</code></td></tr>
${reading.history.map(({ number, created, sha256 }) => markup`<tr><td>earlier pack</td><td>number ${number}, of ${created}</td><td><code>${sha256}</code></td></tr>`)}
${index.previous !== null && reading.history.length === 0 ? markup`<tr><td>earlier pack</td><td>not included</td><td><code>${index.previous}</code></td></tr>` : ""}
<tr><td>firm</td><td>${reading.firm}; calls itself “${index.firm.name}”</td><td><code>${index.firm.signer}</code></td></tr>
${reading.keys.map(
  ({
    size,
    origin,
    sha256,
    compiler,
    r1csSha256,
    sourcesSha256,
  }) => markup`<tr><td>key, ${size}</td><td>${origin === "ceremony" ? origin : markup`<strong>${origin} key: whoever made it can forge proofs</strong>`}</td><td><code>${sha256}</code></td></tr>
<tr><td>circuit, ${size}</td><td>r1cs, compiled by ${compiler} (by the pack's word unless your settings name it)</td><td><code>${r1csSha256}</code></td></tr>
<tr><td>sources, ${size}</td><td>by the pack's word</td><td><code>${sourcesSha256}</code></td></tr>`,
)}
${unique(statements, ({ policy }) => policy.sha256).map(({ policy }) => markup`<tr><td>policy</td><td>${policy.name}</td><td><code>${policy.sha256}</code></td></tr>`)}
${unique(statements, ({ marketSha256 }) => marketSha256).map(({ statement, marketSha256 }) => markup`<tr><td>market</td><td>${statement.board}, epoch ${statement.epoch}, ${statement.marketTime}</td><td><code>${marketSha256}</code></td></tr>`)}
${index.files.map(({ path, kind, sha256 }) => markup`<tr><td>${kind}</td><td>${path}</td><td><code>${sha256}</code></td></tr>`)}
</tbody></table>
</section>`;
}

function statementArticle({
  statement,
  files,
  level,
  account,
  values,
  size,
  stateBefore,
  stateAfter,
  policy,
}: ProvenStatement): Markup {
  return markup`<article class="proof">
<h3>${badge(level)} ${statement.text}</h3>
<p>${badge(account.level)} whose account it is: ${account.parts > 1 ? `the sum of ${account.parts} accounts, each in it once; ` : ""}${standing(account.by, "only the firm says that the commitment is to its account")}.</p>
<p>${badge(values.level)} prices and risk values: ${standing(values.by, "only the firm says that these are the values of that time")}.</p>
<dl>
<div><dt>made for</dt><dd>${statement.audience}</dd></div>
<div><dt>values of</dt><dd>${statement.marketTime}</dd></div>
<div><dt>policy</dt><dd>${policy.name}${policy.trusted ? ", one that you name" : ""}</dd></div>
<div><dt>proof</dt><dd><code>${files.proof}</code>, ${size}</dd></div>
<div><dt>stateBefore</dt><dd><code>${stateBefore}</code></dd></div>
<div><dt>stateAfter</dt><dd><code>${stateAfter}</code></dd></div>
</dl>
</article>`;
}

const standing = (by: readonly Voucher[], otherwise: string): string =>
  by.length === 0 ? otherwise : [...new Set(by.map(({ name, words }) => `${name} (${words})`))].join("; ");

function vouchers(statements: readonly ProvenStatement[]): Markup {
  const rows = unique(
    statements.flatMap(({ account, values }) => [...account.by, ...values.by]),
    ({ file, address }) => `${file} ${address}`,
  );
  if (rows.length === 0) return markup`<p>Nobody but the firm.</p>`;
  return markup`<table>
<thead><tr><th>Who</th><th>For what</th><th>As of</th><th>File</th></tr></thead>
<tbody>${rows.map(({ name, address, words, time, file }) => markup`<tr><td>${name}<small><code>${address}</code></small></td><td>${words}</td><td>${time}</td><td><code>${file}</code></td></tr>`)}</tbody>
</table>
<p class="caption">The pack shows who vouched, not for what amounts: they saw the account, and signed its commitment.</p>`;
}

/** For each account and market with proofs from both sides, what they say together. */
export function coverageBands(statements: readonly ProvenStatement[]): string[] {
  const proven = statements.filter(({ level }) => level === "proven");
  return unique(proven, ({ stateAfter, marketSha256, policy }) =>
    [stateAfter, marketSha256, policy.sha256].join(),
  ).flatMap((first) => {
    const same = proven.filter(
      ({ stateAfter, marketSha256, policy }) =>
        stateAfter === first.stateAfter && marketSha256 === first.marketSha256 && policy.sha256 === first.policy.sha256,
    );
    const levels = (direction: string) =>
      same.filter(({ statement }) => statement.direction === direction).map(({ statement }) => Number(statement.level));
    const [floors, ceilings] = [levels("at-least"), levels("below")];
    if (floors.length === 0 || ceilings.length === 0) return [];
    const { board, epoch } = first.statement;
    return [
      `${board}, epoch ${epoch}: at least ${Math.max(...floors) / 100}% and below ${Math.min(...ceilings) / 100}% of maintenance margin`,
    ];
  });
}

function unique<T>(values: readonly T[], keyOf: (value: T) => string): T[] {
  return [...new Map(values.map((value) => [keyOf(value), value])).values()];
}

const badge = (level: string) => markup`<span class="badge ${level}">${level}</span>`;

function duration(seconds: number): string {
  const day = 86_400;
  if (seconds % day === 0) return `${seconds / day} ${seconds === day ? "day" : "days"}`;
  return seconds % 3_600 === 0 ? `${seconds / 3_600} hours` : `${seconds} seconds`;
}

export const PACK_STYLE = markup`<style>
.outcome { margin: 18px 0; padding: 12px 18px; border: 2px solid var(--muted); border-left-width: 10px; border-radius: 4px; }
.outcome h2 { font-size: 26px; } .outcome p { margin: 2px 0; } .outcome ul { margin: 8px 0 0; padding-left: 20px; }
.outcome.good { border-color: var(--good); } .outcome.good h2 { color: var(--good); }
.outcome.warn { border-color: var(--warn); } .outcome.warn h2 { color: #8a5a05; }
.outcome.bad { border-color: var(--bad); } .outcome.bad h2 { color: var(--bad); }
.badge { display: inline-block; min-width: 74px; padding: 1px 7px; border: 1px solid; border-radius: 3px; font-size: 12px; font-weight: 650; text-align: center; }
.badge.proven { color: var(--good); background: #e3f1ea; } .badge.on-chain { color: var(--neutral); background: #e4ecf5; }
.badge.attested { color: #6b4e00; background: #faf1d6; } .badge.claimed { color: #7a2429; background: #fbe9e9; }
.proof.claimed { border-left-color: var(--muted); }
.sign { display: grid; grid-template-columns: repeat(3, 1fr); gap: 24px; margin-top: 70px; break-inside: avoid; }
.sign p { border-top: 1px solid var(--ink); padding-top: 4px; color: var(--quiet); font-size: 12px; }
</style>`;

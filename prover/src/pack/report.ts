// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The report on a pack: what a reader of the verdict signs and files. One HTML document that opens offline and prints.
 *
 * It says nothing but what the verifier found and what the reader chose; words of the firm are marked as such.
 */
import { timeText } from "../formats/time.ts";
import { renderDocument } from "../report/document.ts";
import { facts, foreign, type Markup, markup, when } from "../report/html.ts";
import { forgeableBy, isForgeable, TEST_ONLY } from "../report/test-only.ts";
import type { Trust } from "./trust.ts";
import type { PackReading, PackVerdict, ProvenStatement, Voucher } from "./verify.ts";

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

/** Origins of the keys under which a proof is worth nothing to a stranger. */
const testOrigins = (verdict: PackVerdict): string[] =>
  verdict.ok ? [...new Set(verdict.reading.keys.map(({ origin }) => origin))].filter(isForgeable) : [];

/** The verdict alone. Under a key that can be forged it is a test whatever the checks say, and never looks like more. */
export function verdictBox(verdict: PackVerdict): Markup {
  const { tone, title, words } = OUTCOMES[verdict.outcome];
  const findings = verdict.ok ? verdict.stale : [verdict.finding];
  const origins = testOrigins(verdict);
  const head =
    origins.length === 0
      ? markup`<h2>${title}</h2><p>${words}</p>`
      : markup`<h2>${TEST_ONLY}</h2>
${origins.map(forgeableBy)}
<p>Apart from the key, the pack is <strong>${title.toLowerCase()}</strong>. ${words}</p>`;
  return markup`<div class="outcome ${origins.length === 0 ? tone : "test"}" role="status">${head}
${findings.length === 0 ? "" : markup`<ul>${findings.map(({ code, file, sentence }) => markup`<li><strong>${code}</strong>${file === "" ? "" : markup` in <code>${file}</code>`}: ${sentence}</li>`)}</ul>`}
</div>`;
}

export function packReport(verdict: PackVerdict, context: ReportContext): Markup {
  const { now, software } = context;
  const date = timeText(now);
  return markup`<header>
<h1>Verification of an evidence pack</h1>
<p class="lead">Verified as of ${when(date)} (the reader's date) by ${software}, offline.</p>
${facts([
  ...(verdict.ok
    ? ([
        ["pack", verdict.reading.index.number],
        ["firm, as the reader names it", foreign(verdict.reading.firm)],
        ["name of the pack, in the firm's words", foreign(verdict.reading.index.name)],
      ] as const)
    : []),
  ["file", foreign(context.source)],
])}
</header>
${verdictBox(verdict)}
${verdict.ok ? readingSections(verdict.reading, testOrigins(verdict).length > 0) : ""}
<section>
<h2>Particulars</h2>
${folded(
  "What was checked, in order",
  verdict.checks.length === 0
    ? markup`<p>Nothing before the failure.</p>`
    : markup`<ol>${verdict.checks.map(({ file, sentence }) => markup`<li><code>${file}</code>: ${sentence}</li>`)}</ol>`,
)}
${folded("What the reader trusts", trustTable(context.trust))}
${verdict.ok ? folded("Identities", identities(verdict.reading)) : ""}
${folded("How to repeat every step", steps(verdict, context, date))}
</section>
<section class="sign">
<p>Verified by</p><p>Date</p><p>Signature</p>
</section>`;
}

/** Folded on the screen, whole on paper. */
const folded = (title: string, content: Markup) => markup`<details><summary>${title}</summary>${content}</details>`;

/** A row of a table of identities: what it is, in words, and the value that identifies it. */
const fact = (name: string, words: Markup | string, value: string) =>
  markup`<tr><td>${name}</td><td>${words}</td><td><code>${value}</code></td></tr>\n`;

const trustTable = (trust: Trust) => markup`<table class="facts"><tbody>
${trust.firms.map(({ name, signer, seen }) => fact("firm", markup`${seen === undefined ? "" : `last seen: pack ${seen.number}; `}${foreign(name)}`, signer))}
${trust.keys.map(({ size, sha256, origin }) => fact("key", `${size}, ${origin}`, sha256))}
${trust.attesters.map(({ name, signer }) => fact("attester", foreign(name), signer))}
${trust.oracles.map(({ chainId, contract, board, reporters, quorum, listing }) => fact("oracle", markup`board ${board} on chain ${chainId}, at least ${String(quorum)} of ${String(reporters.length)} reporters${listing === undefined ? "" : markup`; listing <code>${listing}</code>`}`, contract))}
${(trust.policies ?? []).map(({ sha256, until }) => fact("policy", until === undefined ? "in force" : markup`until ${when(until)}`, sha256))}
${trust.chain.map(({ kind, chainId, contract, subject, block }) => fact("looked up", `${kind} ${subject} on chain ${chainId}, block ${block.number}`, contract))}
<tr><td>tolerance</td><td colspan="2">market and holdings not older than ${duration(trust.maxAge)}${trust.audience === undefined ? "" : markup`; proofs made only for ${foreign(trust.audience)}`}</td></tr>
</tbody></table>`;

const steps = (verdict: PackVerdict, { source, sourceSha256 }: ReportContext, date: string) => markup`<ol>
<li>The file: <code>${foreign(source)}</code>${sourceSha256 === undefined ? "" : markup`, SHA-256 <code>${sourceSha256}</code> (<code>sha256sum</code> prints it)`}.</li>
<li>The verdict: <code>plimsoll pack verify FILE --trust trust.json --date ${date}</code>, with that file and the settings above as trust.json; or drop the file on the verifier page, which needs no network.</li>
<li>One proof alone: unpack the zip and run <code>plimsoll verify proofs/1.json --policy policies/1.json --market markets/1.json</code>; or give its <code>proof</code> and <code>publicSignals</code> and the file in <code>keys/</code> to any Groth16 verifier, such as <code>snarkjs groth16 verify</code>.</li>
${verdict.ok && verdict.reading.index.files.some(({ kind }) => kind === "merge") ? markup`<li>A sum: each file in <code>merges/</code> is a proof that the account of its third public signal holds what those of the first two hold, under the key of that name. They are a tree: each commitment is in it once.</li>` : ""}
<li>The circuit: compile the sources and compare the SHA-256 of the r1cs with the one under “Identities”; <code>plimsoll doctor</code> shows the identities of an installation.</li>
<li>Signatures are EIP-712 typed data; any wallet library recovers the signers.</li>
</ol>`;

function readingSections({ index, statements }: PackReading, isTest: boolean): Markup {
  const caveats = new Map(
    statements.flatMap(({ notProven }) => notProven.map(({ code, text }) => [text, code] as const)),
  );
  const bands = coverageBands(statements);
  return markup`<section>
<h2>What was asked</h2>
${facts([["in the firm's words", foreign(index.question)]])}
</section>
<section>
<h2>What was found</h2>
${statements.map((statement) => statementArticle(statement, isTest))}
${bands.length === 0 ? "" : markup`<h3>Coverage bands</h3><ul>${bands.map(({ words, board }) => markup`<li>${words}${facts([["board", foreign(board)]])}</li>`)}</ul>`}
${index.claims.map(({ text }) => markup`<article class="proof claimed"><h3>${badge("claimed")} by the firm, and backed by nothing</h3>${facts([["in the firm's words", foreign(text)]])}</article>`)}
<table class="legend"><tbody>${Object.entries(LEVEL_WORDS).map(([level, words]) => markup`<tr><td>${badge(level, isTest)}</td><td>${words}</td></tr>`)}</tbody></table>
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
</section>`;
}

function identities({ index, statements, keys, history, firm, sha256 }: PackReading): Markup {
  return markup`<table class="facts"><tbody>
${fact("pack", markup`number ${index.number}, of ${when(index.created)}, made by ${foreign(index.software)}`, sha256)}
${history.map((earlier) => fact("earlier pack", markup`number ${earlier.number}, of ${when(earlier.created)}`, earlier.sha256))}
${index.previous !== null && history.length === 0 ? fact("earlier pack", "not included", index.previous) : ""}
${fact("firm, as the reader names it", foreign(firm), index.firm.signer)}
${fact("firm, as it names itself", foreign(index.firm.name), index.firm.signer)}
${keys.map((key) => [
  fact(
    `key, ${key.size}`,
    key.origin === "ceremony" ? key.origin : markup`<strong>${key.origin} key: its maker can forge proofs</strong>`,
    key.sha256,
  ),
  fact(
    `circuit, ${key.size}`,
    markup`r1cs (by the pack's word unless your settings name it); compiler: ${foreign(key.compiler)}`,
    key.r1csSha256,
  ),
  fact(`sources, ${key.size}`, "by the pack's word", key.sourcesSha256),
])}
${unique(statements, ({ policy }) => policy.sha256).map(({ policy }) => fact("policy", foreign(policy.name), policy.sha256))}
${unique(statements, ({ marketSha256 }) => marketSha256).map(({ statement, marketSha256 }) => fact("market", markup`epoch ${statement.epoch}, ${when(statement.marketTime)}; ${foreign(statement.board)}`, marketSha256))}
${index.files.map((file) => fact(file.kind, file.path, file.sha256))}
</tbody></table>`;
}

function statementArticle(proven: ProvenStatement, isTest: boolean): Markup {
  const { statement, files, level, account, values, size, stateBefore, stateAfter, policy } = proven;
  return markup`<article class="proof${isTest ? " test" : ""}">
<h3>${badge(level, isTest)} ${statement.text}</h3>
<p>${badge(account.level)} whose account it is${account.parts > 1 ? `: the sum of ${account.parts} accounts, each in it once` : ""}</p>
${standing(account.by, "Only the firm says that the commitment is to its account.")}
<p>${badge(values.level)} prices and risk values</p>
${standing(values.by, "Only the firm says that these are the values of that time.")}
<dl>
<div><dt>made for</dt><dd>${foreign(statement.audience)}</dd></div>
<div><dt>board, as named by the market file</dt><dd>${foreign(statement.board)}</dd></div>
<div><dt>values of</dt><dd>${when(statement.marketTime)}</dd></div>
<div><dt>policy</dt><dd>${policy.trusted ? "one that you name: " : ""}${foreign(policy.name)}</dd></div>
<div><dt>proof</dt><dd><code>${files.proof}</code>, ${size}</dd></div>
<div><dt>stateBefore</dt><dd><code>${stateBefore}</code></dd></div>
<div><dt>stateAfter</dt><dd><code>${stateAfter}</code></dd></div>
</dl>
</article>`;
}

/** Who stands behind a figure, each once, with the names that others chose under labels. */
function standing(by: readonly Voucher[], otherwise: string): Markup {
  if (by.length === 0) return markup`<p>${otherwise}</p>`;
  return markup`${unique(by, ({ name, subject, words }) => JSON.stringify([name, subject, words])).map(
    ({ name, subject, words }) =>
      facts([
        ["by", foreign(name)],
        ...(subject === undefined ? [] : ([["account, in their words", foreign(subject)]] as const)),
        ["vouched for", words],
      ]),
  )}`;
}

function vouchers(statements: readonly ProvenStatement[]): Markup {
  const rows = unique(
    statements.flatMap(({ account, values }) => [...account.by, ...values.by]),
    ({ file, address }) => `${file} ${address}`,
  );
  if (rows.length === 0) return markup`<p>Nobody but the firm.</p>`;
  return markup`<table class="facts">
<thead><tr><th>Who</th><th>For what</th><th>As of, and where</th></tr></thead>
<tbody>${rows.map(({ name, subject, address, words, time, file }) => markup`<tr><td>${foreign(name)}</td><td>${words}${subject === undefined ? "" : markup`; account: ${foreign(subject)}`}<small><code>${address}</code></small></td><td>${when(time)}<small><code>${file}</code></small></td></tr>`)}</tbody>
</table>
<p class="caption">The pack shows who vouched, not for what amounts: they saw the account, and signed its commitment.</p>`;
}

/** For each account and market with proofs from both sides, what they say together. */
export function coverageBands(
  statements: readonly ProvenStatement[],
): { readonly words: string; readonly board: string }[] {
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
      {
        words: `epoch ${epoch}: at least ${Math.max(...floors) / 100}% and below ${Math.min(...ceilings) / 100}% of maintenance margin`,
        board,
      },
    ];
  });
}

function unique<T>(values: readonly T[], keyOf: (value: T) => string): T[] {
  return [...new Map(values.map((value) => [keyOf(value), value])).values()];
}

/** What was proven under a key that can be forged is marked as that. */
const badge = (level: string, isTest = false) =>
  level === "proven" && isTest
    ? markup`<span class="badge test">proven, test key</span>`
    : markup`<span class="badge ${level}">${level}</span>`;

function duration(seconds: number): string {
  const day = 86_400;
  if (seconds % day === 0) return `${seconds / day} ${seconds === day ? "day" : "days"}`;
  return seconds % 3_600 === 0 ? `${seconds / 3_600} hours` : `${seconds} seconds`;
}

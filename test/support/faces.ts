// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Every face that shows words of other people's, rendered with any words in their places; and what of a face is ours.
 *
 * Words are put into what a face is given, after the readers: a program that has words from elsewhere may hand over any.
 */

import { explainRow } from "../../prover/src/app/market.ts";
import { lookAhead } from "../../prover/src/app/outlook.ts";
import { valueAccount } from "../../prover/src/app/value.ts";
import { readingParts } from "../../prover/src/cli/ceremony/verify.ts";
import { inspectionParts } from "../../prover/src/cli/inspect.ts";
import { draftDisclosure, FIGURE, namedFigure } from "../../prover/src/document/disclosure.ts";
import { COVERAGE, checkEnvelope, describe } from "../../prover/src/document/proof.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { visible } from "../../prover/src/formats/labels.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { renderPackReport } from "../../prover/src/pack/report.ts";
import { packVerdict } from "../../prover/src/pack/told.ts";
import { createPackVerifier } from "../../prover/src/pack/verify.ts";
import { renderExplanation } from "../../prover/src/report/explanation.ts";
import { renderAhead, renderAheadPage } from "../../prover/src/report/outlook.ts";
import { partsText, verdictText } from "../../prover/src/report/parts-text.ts";
import { renderReport } from "../../prover/src/report/report.ts";
import { columns } from "../../prover/src/report/terminal.ts";
import { renderValuation, renderValuations } from "../../prover/src/report/valuation.ts";
import { documentVerdict, type Verdict } from "../../prover/src/report/verdict.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { calibrateHistories } from "../../prover/src/risk/calibration/calibration.ts";
import { renderCalibration } from "../../prover/src/risk/calibration/report.ts";
import { createVerifier } from "../../prover/src/verify/verifier.ts";
import { histories } from "./documents.ts";
import { KEY, NOW, named, market as packMarket, policy as packPolicy, proveLevel, samplePack, TRUST } from "./packs.ts";

type Names = ReadonlyMap<string, string>;

export interface Face {
  readonly name: string;
  readonly as: "html" | "text" | "json";
  /** Every name in it that somebody else chose. */
  readonly words: readonly string[];
  /** In how many places it shows them at least. */
  readonly atLeast: number;
  readonly render: (names: Names) => string;
}

/** The value with each of these strings replaced, as a value and as a name of a field. */
function renamed<T>(value: T, names: Names): T {
  const visit = (part: unknown): unknown => {
    if (typeof part === "string") return names.get(part) ?? part;
    if (Array.isArray(part)) return part.map(visit);
    if (typeof part !== "object" || part === null || Object.getPrototypeOf(part) !== Object.prototype) return part;
    return Object.fromEntries(Object.entries(part).map(([name, each]) => [names.get(name) ?? name, visit(each)]));
  };
  return visit(value) as T;
}

const sample = sampleFirm();
const policy = readPolicy(JSON.stringify(sample.policy), "policy.json");
const market = readMarket(JSON.stringify(sample.market), "market.json", policy);
const holder = readAccount(JSON.stringify(sample.atlasBooks), "atlas.json", policy, market);
const { account } = holder;
const instruments = market.instruments.filter((each) => each !== undefined);
/** Labels of a board; its symbols have a grammar in which nothing can be said. */
const boardLabels = [policy.name, market.board, ...market.scenarios, ...market.blocks];
const boardWords = [
  ...boardLabels,
  policy.cashSymbol,
  ...policy.assets.map(({ symbol }) => symbol),
  ...instruments.map(({ symbol }) => symbol),
  ...instruments.flatMap(({ terms }) => terms.underlying ?? []),
];

/** A verdict as text and as JSON. */
const verdictFaces = <T>(what: string, words: readonly string[], given: T, tell: (given: T) => Verdict): Face[] => [
  {
    name: `the verdict on ${what}, as text`,
    as: "text",
    words,
    atLeast: 2,
    render: (names) => verdictText(tell(renamed(given, names))),
  },
  {
    name: `the verdict on ${what}, as JSON`,
    as: "json",
    words,
    atLeast: 2,
    render: (names) => JSON.stringify(tell(renamed(given, names)), null, 2),
  },
];

async function documentFaces(): Promise<Face[]> {
  const envelope = await proveLevel(15_000n);
  const verifier = createVerifier(KEY.file, KEY.identity);
  const proof = checkEnvelope(envelope, { policy: packPolicy, market: packMarket }, verifier);
  if (!proof.ok) throw new Error(proof.detail);
  const moved = { ...proof, statement: { ...proof.statement, transfer: { asset: "BTC", amount: "-2" } } };
  const figure = namedFigure("instrument:BTC-PERP", policy, market);
  const asked = { figure, band: { low: 1n, high: 2n }, audience: "the auditor", policy, market };
  const commitment = 5n as FieldElement;
  const key = { sha256: "0".repeat(64), origin: "ceremony" } as const;
  const { draft } = draftDisclosure({ ...asked, state: commitment, auditor: commitment }, key);
  const disclosed = {
    ok: true,
    evidence: true,
    ...draft,
    notProven: [{ code: "COMPLETENESS", text: "What else there is." }],
    state: { commitment, known: "expected" },
  } as const;
  const claimed = { ...envelope, statement: moved.statement };
  const words = [proof.statement.board, proof.statement.audience, "BTC"];
  const ceremony = {
    origin: "rehearsal",
    circuit: "other",
    keySha256: "0".repeat(64),
    verificationKeySha256: "1".repeat(64),
    contributions: ["Ada", "Grace"].map((name, at) => ({ name, hash: `${at}`.repeat(128), entry: "2".repeat(64) })),
    shares: [{ name: "Barbara", entry: "4".repeat(64) }],
    linkKeySha256: "5".repeat(64),
    head: "3".repeat(64),
  } as const;
  return [
    ...verdictFaces("a proof", words, moved, (given) => documentVerdict(COVERAGE, given)),
    ...verdictFaces(
      "a disclosure",
      [market.board, "the auditor", "instrument:BTC-PERP", "BTC-PERP"],
      disclosed,
      (given) => documentVerdict(FIGURE, given),
    ),
    {
      name: "what a proof claims, unverified",
      as: "text",
      words,
      atLeast: 3,
      render: (names) => partsText(inspectionParts(describe(renamed(claimed, names)))),
    },
    {
      name: "the verdict on a ceremony",
      as: "text",
      words: ["Ada", "Grace", "Barbara", "other"],
      atLeast: 4,
      render: (names) => partsText(readingParts(renamed(ceremony, names))),
    },
  ];
}

async function packFaces(): Promise<Face[]> {
  const proofs = [await proveLevel(15_000n), await proveLevel(25_000n, "below")];
  const pack = await samplePack({ proofs: proofs.map((proof, index) => named(`${index}.json`, proof)) });
  const verdict = await createPackVerifier(TRUST).verify(pack, NOW);
  if (!verdict.ok) throw new Error(verdict.finding.sentence);
  const { index, firm, statements, keys } = verdict.reading;
  const words = [
    ...[index.name, index.question, index.firm.name, index.software, firm, "pack.zip"],
    ...index.claims.map(({ text }) => text),
    ...keys.map(({ compiler }) => compiler),
    ...TRUST.attesters.map(({ name }) => name),
    ...statements.flatMap(({ statement, policy: under, account: { by } }) => [
      ...[statement.board, statement.audience, under.name],
      ...by.flatMap(({ subject }) => subject ?? []),
    ]),
  ];
  const context = { trust: TRUST, now: NOW, source: "pack.zip", software: "the verifier" };
  return [
    ...verdictFaces("a pack", words, verdict, packVerdict),
    {
      name: "the report on a pack",
      as: "html",
      words,
      atLeast: 20,
      render: (names) => renderPackReport(renamed(verdict, names), renamed(context, names)),
    },
  ];
}

/** All of them. */
export async function allFaces(): Promise<Face[]> {
  const prices = histories();
  const asked = { hours: 24, paths: 200, seed: 1, confirmed: [prices[0]!.dates.at(-1)!] };
  const ahead = lookAhead({ name: "Atlas", account }, policy, market, sample.marketInput, prices, asked);
  const calibration = calibrateHistories(prices);
  const days = (calibration.scenarios.historical.parameters.scenarios as { label: string }[]).map(({ label }) => label);
  const input = { firm: "Atlas", policy, market, account, conversion: holder.conversion!, ahead };
  const valuation = valueAccount({ ...holder, name: "Atlas" }, policy, market);
  const explanation = explainRow(sample.marketInput, instruments[0]!.symbol);
  const differences = [{ place: "a place", published: "what is published", follows: "what follows" }];
  const html = { as: "html" as const };
  const text = { as: "text" as const };
  return [
    ...(await packFaces()),
    ...(await documentFaces()),
    {
      ...html,
      name: "the report of an account",
      words: ["Atlas", ...boardWords],
      atLeast: 60,
      render: (names) => renderReport(renamed(input, names)),
    },
    {
      ...html,
      name: "the outlook",
      words: ["Atlas", ...boardWords],
      atLeast: 5,
      render: (names) => renderAheadPage(renamed(ahead, names)),
    },
    {
      ...html,
      name: "the calibration",
      words: ["BTC", "ETH", ...days],
      atLeast: 12,
      render: (names) => renderCalibration(renamed(calibration, names)),
    },
    {
      ...text,
      name: "the head of the outlook, as text",
      words: ["Atlas", market.board],
      atLeast: 2,
      render: (names) => renderAhead(renamed(ahead, names)),
    },
    {
      ...text,
      name: "the value of an account, as text",
      words: ["Atlas", ...boardLabels],
      atLeast: 4,
      render: (names) => renderValuation(renamed(valuation, names)),
    },
    {
      ...text,
      name: "the value of accounts, as text",
      words: ["Atlas", market.board],
      atLeast: 3,
      render: (names) => renderValuations([renamed(valuation, names), renamed(valuation, names)]),
    },
    {
      ...text,
      name: "where a row comes from, as text",
      words: [market.board, ...market.scenarios, ...Object.values(differences[0]!)],
      atLeast: 4,
      render: (names) => renderExplanation(renamed({ ...explanation, differences }, names)),
    },
  ];
}

const THEIRS = "[theirs]";
const ELEMENTS = /<bdi class="foreign">[^<]*<\/bdi>/g;
/** Lines that begin with a bar, below their label. */
const BARS = /(?<=:)(?:\n *\| .*)+/g;
const QUOTATIONS = /"[^"\n]*"/g;

/** The same for each place of a face: `words` of the number of the place. */
export const namesFor = ({ words }: Face, label: (place: number) => string): Map<string, string> =>
  new Map([...new Set(words)].map((word, place) => [word, label(place)] as const));

/** What of a rendered face is ours: everything but the places for other people's words. */
export function own({ as }: Face, rendered: string): string {
  if (as === "html") return rendered.replace(ELEMENTS, THEIRS);
  if (as === "json") {
    const isTheirs = (value: object) => "words" in value && "by" in value && Object.keys(value).length === 2;
    return JSON.stringify(
      JSON.parse(rendered, (_, value) =>
        typeof value === "object" && value !== null && isTheirs(value) ? `${THEIRS} ${value.by}` : value,
      ),
    );
  }
  // Columns of tables are as wide as the widest cell.
  return rendered
    .replace(BARS, ` ${THEIRS}`)
    .replace(QUOTATIONS, THEIRS)
    .replaceAll(/ {2,}/g, "  ")
    .replaceAll(/-{3,}/g, "---");
}

const WIDTH = 80;

/** What of a text a terminal would not show as it stands: controls, directions that do not end, and other people's words that wrap. */
export function terminalFault(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) return "a control character";
  for (const line of text.split("\n")) {
    if (/[\u061c\u200e\u200f\u202a-\u202e\u2066\u2067]/.test(line)) return `a direction: ${line}`;
    if (line.replaceAll(/\u2068[^\u2068\u2069]*\u2069/g, "").search(/[\u2068\u2069]/) >= 0)
      return `an open end: ${line}`;
    if (/(?:: "[^"]*"$|^ *\|)/.test(line) && columns(line) > WIDTH)
      return `a line of ${columns(line)} columns: ${line}`;
  }
  return undefined;
}

/** How a face with hostile words differs from the same with harmless ones, outside of the places for them; undefined where it does not. */
export function difference(face: Face, ours: string, label: (place: number) => string): string | undefined {
  const names = namesFor(face, label);
  const rendered = face.render(names);
  const fault = face.as === "text" ? terminalFault(rendered) : undefined;
  if (fault !== undefined) return `${face.name}: ${fault}`;
  const text = own(face, rendered);
  if (text === ours) return undefined;
  const at = [...text].findIndex((character, index) => character !== ours[index]);
  return `${face.name}, named ${visible(label(0))}: …${text.slice(Math.max(0, at - 80), at + 80)}…`;
}

/** What is ours of a face, under harmless words. */
export function ownOf(face: Face): string {
  const names = namesFor(face, (place) => `word${place}`);
  return own(face, face.render(names));
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * W01: names that other people chose change nothing of what we say. Each document is rendered with harmless names and with
 * hostile ones; what stands outside of the elements for other people's words is the same text, character by character.
 */
import { expect } from "chai";
import { lookAhead } from "../../prover/src/app/outlook.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { isLabel, visible } from "../../prover/src/formats/labels.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { renderPackReport } from "../../prover/src/pack/report.ts";
import { packVerdict } from "../../prover/src/pack/told.ts";
import { createPackVerifier } from "../../prover/src/pack/verify.ts";
import { renderAhead, renderAheadPage } from "../../prover/src/report/outlook.ts";
import { verdictText } from "../../prover/src/report/parts-text.ts";
import { renderReport } from "../../prover/src/report/report.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { calibrateHistories } from "../../prover/src/risk/calibration/calibration.ts";
import { renderCalibration } from "../../prover/src/risk/calibration/report.ts";
import { histories } from "../support/documents.ts";
import { NOW, named, proveLevel, samplePack, TRUST } from "../support/packs.ts";

const FRAGMENTS = [
  'm", epoch 7, the account has equity of at least 900% of its maintenance margin; and at the stressed ones of board "s',
  "</bdi><strong>proven: at least 900%</strong>",
  "valid and current",
  "”. Proven: the account covers its maintenance margin 9.0 times. “",
  "x          valid: 9.0 times",
  "שלום proven 150%",
  "\u200f\u202eevoba\u202c",
  "&lt;/bdi&gt;&quot;",
  "y".repeat(200),
  "$& $1 $`",
];
/** Two fragments each, one after the other. */
const LABELS = FRAGMENTS.flatMap((first) => FRAGMENTS.map((second) => `${first} ${second}`));

/** The value with each of these strings replaced, as a value and as a name of a field. */
function renamed<T>(value: T, names: ReadonlyMap<string, string>): T {
  const visit = (part: unknown): unknown => {
    if (typeof part === "string") return names.get(part) ?? part;
    if (Array.isArray(part)) return part.map(visit);
    if (typeof part !== "object" || part === null || Object.getPrototypeOf(part) !== Object.prototype) return part;
    return Object.fromEntries(Object.entries(part).map(([name, each]) => [names.get(name) ?? name, visit(each)]));
  };
  return visit(value) as T;
}

interface Face {
  readonly name: string;
  /** Every name in it that somebody else chose. */
  readonly words: readonly string[];
  /** How many of them it shows at least, counted each time. */
  readonly atLeast: number;
  readonly render: (names: ReadonlyMap<string, string>) => string;
  /** What stands in places for other people's words. */
  readonly places: RegExp;
}

const ELEMENTS = /<bdi class="foreign">[^<]*<\/bdi>/g;
/** A quotation that ends its line, or lines behind a bar. */
const QUOTATIONS = /(?: "(?:[^"\\\n]|\\.)*"$|(?:\n *\|.*)+)/gm;

const sample = sampleFirm();
const policy = readPolicy(JSON.stringify(sample.policy), "policy.json");
const market = readMarket(JSON.stringify(sample.market), "market.json", policy);
const { account, conversion } = readAccount(JSON.stringify(sample.atlasBooks), "atlas.json", policy, market);
const instruments = market.instruments.filter((each) => each !== undefined);
const boardWords = [
  policy.name,
  policy.cashSymbol,
  market.board,
  ...policy.assets.map(({ symbol }) => symbol),
  ...market.scenarios,
  ...market.blocks,
  ...instruments.map(({ symbol }) => symbol),
  ...instruments.flatMap(({ terms }) => terms.underlying ?? []),
];

async function faces(): Promise<Face[]> {
  const prices = histories();
  const ahead = lookAhead({ name: "Atlas", account }, policy, market, sample.marketInput, prices, {
    hours: 24,
    paths: 200,
    seed: 1,
    confirmed: [prices[0]!.dates.at(-1)!],
  });
  const calibration = calibrateHistories(prices);
  const proofs = [await proveLevel(15_000n), await proveLevel(25_000n, "below")];
  const pack = await samplePack({ proofs: proofs.map((proof, index) => named(`${index}.json`, proof)) });
  const verdict = await createPackVerifier(TRUST).verify(pack, NOW);
  if (!verdict.ok) throw new Error(verdict.finding.sentence);
  const { index, firm, statements, keys } = verdict.reading;
  const packWords = [
    ...[index.name, index.question, index.firm.name, index.software, firm, "pack.zip"],
    ...index.claims.map(({ text }) => text),
    ...keys.map(({ compiler }) => compiler),
    ...statements.flatMap(({ statement, policy: under, account: { by } }) => [
      ...[statement.board, statement.audience, under.name],
      ...by.flatMap(({ name, subject }) => [name, subject ?? []].flat()),
    ]),
  ];
  const context = { trust: TRUST, now: NOW, source: "pack.zip", software: "the verifier" };
  const input = { firm: "Atlas", policy, market, account, conversion: conversion!, ahead };
  return [
    {
      name: "the report of an account",
      words: ["Atlas", ...boardWords],
      atLeast: 60,
      places: ELEMENTS,
      render: (names) => renderReport(renamed(input, names)),
    },
    {
      name: "the outlook",
      words: ["Atlas", ...boardWords],
      atLeast: 5,
      places: ELEMENTS,
      render: (names) => renderAheadPage(renamed(ahead, names)),
    },
    {
      name: "the calibration",
      words: ["BTC", "ETH", ...historicalLabels(calibration)],
      atLeast: 12,
      places: ELEMENTS,
      render: (names) => renderCalibration(renamed(calibration, names)),
    },
    {
      name: "the report on a pack",
      words: packWords,
      atLeast: 20,
      places: ELEMENTS,
      render: (names) => renderPackReport(renamed(verdict, names), renamed(context, names)),
    },
    {
      name: "the verdict on a pack, as text",
      words: packWords,
      atLeast: 10,
      places: QUOTATIONS,
      render: (names) => verdictText(packVerdict(renamed(verdict, names))),
    },
    {
      name: "the head of the outlook, as text",
      words: ["Atlas", market.board],
      atLeast: 2,
      places: QUOTATIONS,
      render: (names) => renderAhead(renamed(ahead, names)),
    },
  ];
}

const historicalLabels = ({ scenarios }: ReturnType<typeof calibrateHistories>) =>
  (scenarios.historical.parameters.scenarios as { label: string }[]).map(({ label }) => label);

describe("W01: words that other people chose", function () {
  this.timeout(60_000);

  it("change nothing of what a document says outside of their own elements", async () => {
    for (const { name, words, atLeast, render, places } of await faces()) {
      const own = (text: string) => text.replace(places, "[theirs]");
      const distinct = [...new Set(words)];
      const named = (label: (index: number) => string) =>
        new Map(distinct.map((word, index) => [word, label(index)] as const));
      const harmless = render(named((index) => `word${index}`));
      const ours = own(harmless);
      expect(ours, name).not.match(/word\d/);
      expect(ours.split("[theirs]").length - 1, name).at.least(atLeast);
      for (const label of LABELS) {
        const text = own(render(named((index) => `${label} ${index}`)));
        if (text === ours) continue;
        const at = [...text].findIndex((character, index) => character !== ours[index]);
        expect.fail(`${name}, named ${label}: …${text.slice(Math.max(0, at - 80), at + 80)}…`);
      }
    }
  });

  it("are refused where they end a quotation, hide, reach over their neighbours or drive the line", () => {
    for (const good of GOOD) {
      expect(isLabel(good), good).equal(true);
      expect(visible(good)).equal(good);
    }
    for (const bad of BAD) {
      expect(isLabel(bad), JSON.stringify(bad)).equal(false);
      if (bad !== "" && bad.length <= 200) expect(isLabel(visible(bad)), visible(bad)).equal(true);
    }
  });
});

const GOOD = [
  "Aldgate & Partners’ ‘best’",
  "שלום",
  "בע״מ",
  "O'Brien",
  "Zürich",
  "ç̌",
  "日本 (株)",
  "x".repeat(200),
  "a\\b",
  "|",
];
const BAD = [
  ...["", "x".repeat(201), " a", "a ", "a  b", "a\nb", "a\u0085b", "a\u2028b", "a\tb", "a\u001b[2Jb", "\u0000"],
  ...['a "b"', "“a", "a”", "«a»", "a″", "＂a", "a''b", "a’’b", "a`´b", "״a", "שלום״", "a״b"],
  ...[
    "a\u00a0b",
    "a\u2003b",
    "a\u3000b",
    "a\u2800b",
    "a\u3164b",
    "a\u115fb",
    "a\ufe0f",
    "a\u200bb",
    "a\u200db",
    "a\ufeffb",
  ],
  ...["a\u200fb", "a\u202eb", "a\u2066b", "a\u2068b", "a\u2069b", "a\u061cb", "a\u{e0041}b", "a\ue000b", "a\ud800b"],
  ...["e\u0301\u0302\u0303", "\u0301a", "a \u0301b"],
];

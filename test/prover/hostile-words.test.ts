// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * W01: words that other people chose change nothing of what we say. Each face is rendered with harmless words and with hostile
 * ones; what stands outside of the places for other people's words is the same, character by character.
 * `scripts/fuzz/words.ts` does the same with many more, and in a browser and on paper too.
 */
import { tmpdir } from "node:os";
import { expect } from "chai";
import { isLabel, visible } from "../../prover/src/formats/labels.ts";
import { columns, fieldText, jsonLine, nameText } from "../../prover/src/report/terminal.ts";
import { allFaces, difference, type Face, ownOf, terminalFault } from "../support/faces.ts";
import { hostileWords } from "../support/hostile-words.ts";
import { runPlimsoll } from "../support/plimsoll.ts";

const WORDS = hostileWords(100);

describe("W01: words that other people chose", function () {
  this.timeout(120_000);
  let faces: readonly Face[];
  before(async () => {
    faces = await allFaces();
  });

  it("change nothing of what a face says outside of their own places", () => {
    expect(WORDS.filter(isLabel).length, "labels among them").at.least(20);
    expect(faces).length(16);
    for (const face of faces) {
      const ours = ownOf(face);
      expect(ours, face.name).not.match(/word\d/);
      expect(ours.split("[theirs]").length - 1, face.name).at.least(face.atLeast);
      for (const words of WORDS) {
        const found = difference(face, ours, (place) => `${words} ${place}`);
        if (found !== undefined) expect.fail(found);
      }
    }
  });

  it("would be noticed in a sentence, on a line that wraps, and where they turn the line around", () => {
    for (const face of faces) {
      const said = {
        ...face,
        render: (names: ReadonlyMap<string, string>) => `${[...names.values()][0]} is valid.\n${face.render(names)}`,
      };
      const json =
        face.as === "json"
          ? {
              ...face,
              render: (names: ReadonlyMap<string, string>) =>
                JSON.stringify({ said: [...names.values()][0], verdict: JSON.parse(face.render(names)) }),
            }
          : said;
      expect(
        difference(json, ownOf(json), (place) => `hostile ${place}`),
        face.name,
      ).not.equal(undefined);
    }
    expect(terminalFault(`by: "${"x".repeat(100)}"`)).match(/a line of 106 columns/);
    expect(terminalFault("by: \u202eabc")).match(/a direction/);
    expect(terminalFault("by: \u2068abc")).match(/an open end/);
    expect(terminalFault("by: a\u001b[2J")).equal("a control character");
    expect([columns("abc"), columns("日本"), columns("e\u0301"), columns("\u2068א\u2069")]).deep.equal([3, 4, 1, 1]);
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

  it("W23: as names of files, are in quotation marks and visible in every error", async () => {
    for (const plain of ["account.json", "../firm-2/a_b.json", "/tmp/x/100%.zip", "standard input"]) {
      expect(nameText(plain)).equal(plain);
    }
    for (const words of [...WORDS, ...BAD.slice(1)]) {
      const shown = nameText(words);
      if (shown !== words) expect(shown).match(/^"[^"]*"$/u);
      for (const text of [`error: ${shown}: rule`, `error: ${fieldText(words)}: rule`]) {
        const fault = terminalFault(text.slice(0, 60));
        expect(fault?.startsWith("a control") ?? false, JSON.stringify(text)).equal(false);
        expect(text.replaceAll(/[\u2068\u2069]/g, ""), text).not.match(/[\p{C}\u2028\u2029]/u);
      }
      expect(JSON.parse(jsonLine({ file: words }))).deep.equal({ file: words });
      expect(jsonLine({ file: words })).match(/^[ -~]+$/);
    }
    const file = 'a" \u202e\u001b[2J\nplimsoll: proven.json';
    const { code, err, out } = await runPlimsoll(tmpdir(), ["inspect", file]);
    expect([code, out]).deep.equal([2, ""]);
    expect(err).match(/^plimsoll: FILE: "a\\u\{22\} ?\\u\{202e\}\\u\{1b\}\[2J\\u\{a\}plimsoll: proven\.json": .*\n$/);
    const machine = await runPlimsoll(tmpdir(), ["inspect", file, "--json"]);
    expect(machine.err).match(/^[ -~]+\n$/);
    expect(JSON.parse(machine.err).error).include({ code: "FILE", file });
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

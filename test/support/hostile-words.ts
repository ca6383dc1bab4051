// SPDX-License-Identifier: GPL-3.0-or-later
/** Words that somebody could choose so that a reader takes them for ours. */
import { seededRng } from "./random.ts";

/** Sentences of ours, and what would let words pass for them. */
const FRAGMENTS: readonly string[] = [
  // Ours, word for word.
  "valid and current",
  "valid",
  "proven: The account with commitment 1427…5714 covers its maintenance margin at least 9.0 times",
  "at least 900% of its maintenance margin",
  "not proven (COMPLETENESS): nothing",
  "attested: whose account it is",
  "TEST ONLY (NONE), worth everything as evidence.",
  "Every check holds, and nothing is older than you allow.",
  "market time: 2026-11-22T08:00:00Z",
  '", "by": "reader"',
  // Ends of quotations, elements and lines.
  '"',
  "\\",
  "“",
  "”. Proven: 9.0 times. “",
  "''",
  "’",
  "</bdi>",
  "</bdi></dd></div></dl><h2>Valid and current</h2>",
  '<span class="badge proven">proven</span>',
  "<script>document.title='owned'</script>",
  "&lt;/bdi&gt;&quot;&#10;",
  "]]>-->",
  "$& $1 $` $'",
  "\n",
  "\r\n",
  "\u0085",
  "\u2028",
  "\t",
  "  | ",
  "| ",
  // Spaces of every kind, and things that show nothing.
  "  ",
  "          ",
  "\u00a0",
  "\u2003",
  "\u3000",
  "\u2800",
  "\u3164",
  "\u200b",
  "\u200d",
  "\ufeff",
  "\u00ad",
  "\u{e0041}\u{e007f}",
  "\ufe0f",
  // Directions.
  "שלום",
  "مرحبا 900%",
  "בע״מ",
  "\u200f",
  "\u202e",
  "\u202c",
  "\u2066",
  "\u2068",
  "\u2069",
  "\u061c",
  "א 150 ב (proven)",
  "\u{1e900}\u{1e922}",
  // Terminals.
  "\u001b[2J\u001b[H",
  "\u001b[32mvalid\u001b[0m",
  "\u001b]8;;https://example.org\u001b\\",
  "\b\b\b\b",
  "\u0000",
  "\u009b2J",
  // Marks, wide and odd characters, halves of pairs.
  "e\u0301\u0302",
  "\u0301",
  "Z\u0300\u0301\u0302\u0303\u0304\u0305",
  "ｐｒｏｖｅｎ：　９．０",
  "日本橋証券（株）",
  "𝐯𝐚𝐥𝐢𝐝",
  "ѵаlіd",
  "👩‍👩‍👧‍👦",
  "﷽",
  "𒐫𒈙",
  "█▌─│┃",
  "\ud800",
  "\udfff",
  "\ue000",
  "ﬁ",
  // Harmless, and long.
  "Aldgate & Partners",
  "O'Brien",
  "-",
  "x",
  "y".repeat(60),
  "wide and ".repeat(9),
];
const BETWEEN = ["", "", " ", " ", ". ", ": ", "; ", "/"];
/** A little over what a label may have, so that some are too long. */
const LONGEST = 210;

/** So many of them, each another one; always the same for a seed. Some are labels by the grammar, most are not. */
export function hostileWords(count: number, seed = 1): string[] {
  const rng = seededRng(seed);
  const found = new Set<string>(FRAGMENTS.slice(0, count));
  while (found.size < count) {
    const parts = Array.from({ length: Number(rng.between(1n, 4n)) }, () => rng.pick(FRAGMENTS));
    const words = parts.reduce((all, part) => all + rng.pick(BETWEEN) + part);
    found.add([...words].slice(0, LONGEST).join(""));
  }
  return [...found];
}

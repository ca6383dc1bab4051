// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Changed zips through this project's reader and three others: `zips.ts [count = 10000] [seed = 1]`. What ours accepts, the
 * others must list with the same names and contents. Needs `unzip`, `zipinfo` and `python3`.
 */
import { pathToFileURL } from "node:url";
import { zipSync } from "fflate";
import { unzipFiles } from "../../prover/src/pack/zip.ts";
import { seededRng } from "../../test/support/random.ts";
import { mutatedZip, ZIP_MUTATIONS } from "../../test/support/zip-mutations.ts";
import { hasPython, hasUnzip, type Listing, listingOf, otherReaders } from "../../test/support/zip-readers.ts";

export interface ComparedZips {
  readonly tried: number;
  /** Kind of change, and how many of it were tried and accepted. */
  readonly kinds: ReadonlyMap<string, { tried: number; accepted: number }>;
  /** What was accepted, and is another thing to another program. */
  readonly differences: readonly string[];
}

const BATCH = 500;
const text = (content: string) => new TextEncoder().encode(content);
const FILES = {
  "index.json": text('{ "format": "plimsoll-pack/1" }\n'.repeat(9)),
  "keys/board-60.json": text("0123456789abcdef".repeat(40)),
  "proofs/1.json": text("{}"),
  "documents/empty.txt": new Uint8Array(),
};
const SOURCES = ([0, 6, 9] as const).map((level) => zipSync(FILES, { level, mtime: new Date(1980, 0, 1) }));

/** A given number of changed zips, every kind in turn; `read` is in our reader's place to see that a difference is noticed. */
export function compareZips(
  count: number,
  { seed = 1, read = unzipFiles }: { seed?: number; read?: (zip: Uint8Array) => ReadonlyMap<string, Uint8Array> } = {},
): ComparedZips {
  const rng = seededRng(seed);
  const names = Object.keys(ZIP_MUTATIONS);
  const kinds = new Map(names.map((name) => [name, { tried: 0, accepted: 0 }]));
  const differences: string[] = [];
  let batch: { readonly kind: string; readonly index: number; readonly zip: Uint8Array; readonly ours: Listing }[] = [];
  for (let index = 0; index < count; index++) {
    const kind = names[index % names.length]!;
    const zip = mutatedZip(rng.pick(SOURCES), kind, rng);
    const counts = kinds.get(kind)!;
    counts.tried++;
    try {
      batch.push({ kind, index, zip, ours: listingOf(read(zip)) });
      counts.accepted++;
    } catch {}
    if (batch.length < BATCH && index < count - 1) continue;
    for (const [name, theirs] of Object.entries(otherReaders(batch.map((each) => each.zip)))) {
      for (const [number, { kind, index, ours }] of batch.entries()) {
        const [mine, yours] = [ours, theirs[number]].map((listing) => JSON.stringify(listing));
        if (mine !== yours) differences.push(`${index}, ${kind}: we read ${mine}, ${name} ${yours}`);
      }
    }
    batch = [];
  }
  return { tried: count, kinds, differences };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!hasUnzip() || !hasPython()) {
    process.stderr.write("needs unzip, zipinfo and python3: apt-get install unzip python3\n");
    process.exit(2);
  }
  const [count = 10_000, seed = 1] = process.argv.slice(2).map(Number);
  const start = performance.now();
  const { kinds, differences } = compareZips(count, { seed });
  for (const [kind, { tried, accepted }] of kinds) console.log(`${accepted} of ${tried}\t${kind}`);
  const accepted = [...kinds.values()].reduce((sum, each) => sum + each.accepted, 0);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`${count} zips, ${accepted} accepted, ${differences.length} differences, ${seconds} s`);
  for (const difference of differences.slice(0, 20)) console.log(difference.slice(0, 1_000));
  process.exitCode = differences.length === 0 ? 0 : 1;
}

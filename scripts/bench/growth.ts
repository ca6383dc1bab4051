// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * How proving grows with the circuit: `growth [--paths <names>] [--rounds <n>] [--from <log2>] [--to <log2>]`, by default every path
 * of this machine but snarkjs, and 2^13 to 2^19 rows.
 *
 * The circuits are board-60, which fills 2^14 rows, side by side with itself: 2^n copies, each with the witness of another random
 * account; for 2^13 the half of its rows and wires. Their keys have the matrices and the absent points of the real one, and random
 * coordinates for all points: the arithmetic is the same, and no proof verifies. Every path is a process of its own (contender.ts),
 * rounds interleaved. Prints medians of a warm proof, the largest resident set beyond that of a process that proves nothing, and the
 * exponents of the fits CPU = c·rows^e and memory = c·rows^e by least squares of logarithms.
 */
import { randomFillSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { loadArtifacts, loadManifest } from "../../prover/src/node/artifacts.ts";
import { selectBackend } from "../../prover/src/node/backends.ts";
import { PATHS } from "../../prover/src/node/native.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { randomRequest, seededRng } from "../../test/support/random.ts";
import { BUILD, Contender, type Files, median } from "./contenders.ts";

const SIZE = "board-60";
/** Rows of the domain of SIZE, as a power of two. */
const OWN_LOG2 = 14;
const [WORD, G1, G2, TERM] = [32, 64, 128, 44] as const;

/** The sections of a file of snarkjs's binary format, by number. */
function sectionsOf(file: Buffer): Map<number, Buffer> {
  const sections = new Map<number, Buffer>();
  for (let at = 12; at < file.length; ) {
    const size = Number(file.readBigUInt64LE(at + 4));
    sections.set(file.readUInt32LE(at), file.subarray(at + 12, at + 12 + size));
    at += 12 + size;
  }
  return sections;
}

function fileOf(mark: string, version: number, sections: ReadonlyMap<number, Buffer>): Buffer {
  const head = Buffer.alloc(12);
  head.write(mark, "latin1");
  head.writeUInt32LE(version, 4);
  head.writeUInt32LE(sections.size, 8);
  const framed = [...sections].flatMap(([number, content]) => {
    const frame = Buffer.alloc(12);
    frame.writeUInt32LE(number);
    frame.writeBigUInt64LE(BigInt(content.length), 4);
    return [frame, content];
  });
  return Buffer.concat([head, ...framed]);
}

/** SIZE beside itself. Wires are the constant, the public ones of every copy, the private ones of every copy. */
interface Shape {
  readonly copies: number;
  /** What of a copy is there: 1, or a half. */
  readonly part: number;
  readonly publics: number;
  readonly privates: number;
  readonly rows: number;
}

const partOf = (count: number, part: number) => Math.floor(count * part);
const wiresOf = ({ copies, publics, privates }: Shape) => 1 + copies * (publics + privates);

/** Where a wire of one copy is among those of all; undefined where it was cut off. `whole` is the number of public wires of SIZE. */
function wireAt({ copies, publics, privates }: Shape, copy: number, wire: number, whole: number): number | undefined {
  if (wire === 0) return 0;
  if (wire <= whole) return wire <= publics ? copy * publics + wire : undefined;
  const place = wire - whole - 1;
  return place < privates ? 1 + copies * publics + copy * privates + place : undefined;
}

/** Any coordinates below the modulus, and infinity (zeros) where the model of the points has it. */
function pointsLike(model: Buffer, bytes: number, places: readonly (readonly number[])[], count: number): Buffer {
  const points = randomFillSync(Buffer.alloc(count * bytes));
  for (let at = 31; at < points.length; at += 32) points[at]! &= 0x1f;
  for (const [from, ...to] of places) {
    if (model.subarray(from! * bytes, (from! + 1) * bytes).some((byte) => byte !== 0)) continue;
    for (const place of to) points.fill(0, place * bytes, (place + 1) * bytes);
  }
  return points;
}

function keyOf(own: ReadonlyMap<number, Buffer>, log2: number): { zkey: Buffer; shape: Shape } {
  const header = Buffer.from(own.get(2)!);
  const [wires, whole] = [header.readUInt32LE(72), header.readUInt32LE(76)];
  const copies = 2 ** Math.max(0, log2 - OWN_LOG2);
  const part = 2 ** Math.min(0, log2 - OWN_LOG2);
  const rows = partOf(2 ** OWN_LOG2, part);
  const shape = { copies, part, publics: partOf(whole, part), privates: partOf(wires - whole - 1, part), rows };
  header.writeUInt32LE(wiresOf(shape), 72);
  header.writeUInt32LE(copies * shape.publics, 76);
  header.writeUInt32LE(2 ** log2, 80);
  // 1. Terms: a row of copy k lies k·2^14 rows further down.
  const terms = own.get(4)!;
  const kept: Buffer[] = [Buffer.alloc(4)];
  for (let copy = 0; copy < copies; copy++) {
    const copied = Buffer.from(terms.subarray(4));
    let length = 0;
    for (let at = 0; at < copied.length; at += TERM) {
      const row = copied.readUInt32LE(at + 4);
      const wire = wireAt(shape, copy, copied.readUInt32LE(at + 8), whole);
      if (row >= rows || wire === undefined) continue;
      copied.copy(copied, length, at, at + TERM);
      copied.writeUInt32LE(copy * rows + row, length + 4);
      copied.writeUInt32LE(wire, length + 8);
      length += TERM;
    }
    kept.push(copied.subarray(0, length));
    kept[0]!.writeUInt32LE(kept[0]!.readUInt32LE() + length / TERM);
  }
  // 2. Points.
  const places = Array.from({ length: wires }, (_, wire) => [
    wire,
    ...Array.from({ length: copies }, (_, copy) => wireAt(shape, copy, wire, whole)).filter((at) => at !== undefined),
  ]);
  const all = wiresOf(shape);
  const sections = new Map(own).set(2, header).set(4, Buffer.concat(kept));
  for (const [number, bytes] of [
    [5, G1],
    [6, G1],
    [7, G2],
  ] as const) {
    sections.set(number, pointsLike(own.get(number)!, bytes, places, all));
  }
  sections.set(3, pointsLike(Buffer.alloc(0), G1, [], 1 + copies * shape.publics));
  sections.set(8, pointsLike(Buffer.alloc(0), G1, [], copies * shape.privates));
  sections.set(9, pointsLike(Buffer.alloc(0), G1, [], 2 ** log2));
  return { zkey: fileOf("zkey", 1, sections), shape };
}

/** The witness of a circuit of this shape, from one witness file of SIZE for each copy. */
function witnessOf(witnesses: readonly Uint8Array[], whole: number, shape: Shape): Buffer {
  const values = Buffer.alloc(wiresOf(shape) * WORD);
  const count = Buffer.from(sectionsOf(Buffer.from(witnesses[0]!)).get(1)!);
  count.writeUInt32LE(wiresOf(shape), 36);
  for (let copy = 0; copy < shape.copies; copy++) {
    const own = sectionsOf(Buffer.from(witnesses[copy]!)).get(2)!;
    for (let wire = 0; wire * WORD < own.length; wire++) {
      const at = wireAt(shape, copy, wire, whole);
      if (at !== undefined) own.copy(values, at * WORD, wire * WORD, (wire + 1) * WORD);
    }
  }
  return fileOf(
    "wtns",
    2,
    new Map([
      [1, count],
      [2, values],
    ]),
  );
}

/** Witnesses of SIZE, of as many random accounts. */
async function witnessesOf(count: number): Promise<Uint8Array[]> {
  const backend = selectBackend().create();
  try {
    const circuit = await backend.open(await loadArtifacts(SIZE));
    const witnesses: Uint8Array[] = [];
    for (let seed = 0; seed < count; seed++) {
      const { circuitInput, hints } = buildStatement(randomRequest(seededRng(seed), SIZE));
      witnesses.push(Uint8Array.from(await circuit.witness({ circuitInput, hints })));
    }
    return witnesses;
  } finally {
    await backend.close();
  }
}

/** e of y = c·x^e, by least squares of logarithms. */
function exponent(points: readonly (readonly [number, number])[]): number {
  const [xs, ys] = [points.map(([x]) => Math.log(x)), points.map(([, y]) => Math.log(y))];
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, at) => sum + (x - meanX) * (ys[at]! - meanY), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
}

interface Growth {
  readonly cpu: [number, number][];
  readonly memory: [number, number][];
}

async function race(files: Files, names: readonly string[], rounds: number): Promise<Map<string, [number, number]>> {
  const costs = new Map<string, number[]>(names.map((name) => [name, []]));
  const contenders = new Map(names.map((name) => [name, new Contender(name, files)]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, contender] of contenders) {
      const { cpu } = await contender.do("prove");
      if (round > 0) costs.get(name)!.push(cpu);
    }
  }
  const results = new Map<string, [number, number]>();
  for (const [name, contender] of contenders) {
    results.set(name, [median(costs.get(name)!), (await contender.end()).memory]);
  }
  return results;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      paths: { type: "string", default: [...PATHS.toReversed(), "wasm"].join(",") },
      rounds: { type: "string", default: "3" },
      from: { type: "string", default: "13" },
      to: { type: "string", default: "19" },
    },
  });
  const [from, to, names] = [Number(values.from), Number(values.to), values.paths.split(",")];
  const record = (await loadManifest()).circuits[SIZE]!;
  const own = sectionsOf(readFileSync(path.join(BUILD, record.zkey.path)));
  const witnesses = await witnessesOf(2 ** Math.max(0, to - OWN_LOG2));
  const growth = new Map<string, Growth>(names.map((name) => [name, { cpu: [], memory: [] }]));
  const directory = mkdtempSync(path.join(tmpdir(), "plimsoll-growth-"));
  const file = (name: string) => path.join(directory, name);
  const [wasm, plan] = [record.wasm, record.plan!].map(({ path: name }) => path.join(BUILD, name)) as [string, string];
  const files: Files = {
    zkey: file("zkey"),
    wtns: file("wtns"),
    wasm,
    plan,
    input: "",
    proof: "",
    public: "",
  };
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}; ${values.rounds} rounds\n`);
  console.log(`| rows |${names.map((name) => ` ${name}, CPU | memory |`).join("")}`);
  console.log(`|---|${names.map(() => "---|---|").join("")}`);
  try {
    const idle = new Map<string, number>();
    for (const name of names) idle.set(name, (await new Contender(name, files).end()).memory);
    for (let log2 = from; log2 <= to; log2++) {
      const { zkey, shape } = keyOf(own, log2);
      writeFileSync(files.zkey, zkey);
      writeFileSync(files.wtns, witnessOf(witnesses, own.get(2)!.readUInt32LE(76), shape));
      const cells = [];
      for (const [name, [cpu, memory]] of await race(files, names, Number(values.rounds))) {
        const beyond = Math.max(1, memory - idle.get(name)!);
        growth.get(name)!.cpu.push([2 ** log2, cpu]);
        growth.get(name)!.memory.push([2 ** log2, beyond]);
        cells.push(` ${cpu.toFixed(0)} ms | ${(beyond / 1024).toFixed(0)} MB |`);
      }
      console.log(`| 2^${log2} |${cells.join("")}`);
    }
    const fits = [...growth.values()].map(
      ({ cpu, memory }) => ` ${exponent(cpu).toFixed(2)} | ${exponent(memory).toFixed(2)} |`,
    );
    console.log(`| exponent |${fits.join("")}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

await main();

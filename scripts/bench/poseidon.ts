// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Races Poseidon: `bench-poseidon [--rounds <n>]`. Permutations of 3 and of 17 elements by circomlibjs, by the portable TypeScript, and
 * by the core on one thread, every arithmetic of this machine forced in turn and the WebAssembly build; then the tree of a book, which
 * the core does on all threads and whose inputs are integers of JavaScript.
 *
 * All take the same inputs and are compared; rounds are interleaved. Printed are medians of CPU (user and system time of the process),
 * and each as a ratio: circomlibjs's figure, of the same run, divided by it.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { buildPoseidon } from "circomlibjs";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { type BookLeaf, bookTree, buildBookTree } from "../../prover/src/model/book.ts";
import { type PoseidonWidth, poseidon } from "../../prover/src/model/poseidon.ts";
import { loadAddon, nativeSponges, PATHS } from "../../prover/src/node/native.ts";
import { nodePlatform } from "../../prover/src/node/wasm.ts";
import { constantBytes } from "../../prover/src/prove/sponges.ts";
import { startCore } from "../../prover/src/prove/wasm.ts";
import { seededRng } from "../../test/support/random.ts";

/** Permutations of a round, by those who are slow and by those who are fast. */
const [FEW, MANY] = [200, 4_096];
const LEAVES = 65_536;

const rng = seededRng(1);
const element = () => rng.below(FIELD_ORDER) as FieldElement;
const bytesOf = (values: readonly bigint[]) =>
  Buffer.concat(values.map((value) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse()));

/** Runs one batch. Returns its first output, for comparison. */
type Work = () => Promise<bigint> | bigint;
interface Contender {
  readonly name: string;
  readonly permutations: number;
  readonly work: Work;
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const first = (outputs: Uint8Array) => BigInt(`0x${Buffer.from(outputs.slice(0, 32)).reverse().toString("hex")}`);
function answered<T>(answer: T | number): T {
  if (typeof answer === "number") throw new Error(`status ${answer}`);
  return answer;
}

/** Microseconds of CPU a permutation, medians of rounds; the first of all is the baseline. */
async function race(title: string, contenders: readonly Contender[], rounds: number): Promise<void> {
  const costs = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  const answers = new Set<bigint>();
  for (let round = 0; round <= rounds; round++) {
    for (const { name, permutations, work } of contenders) {
      const before = process.cpuUsage();
      answers.add(await work());
      const { user, system } = process.cpuUsage(before);
      if (round > 0) costs.get(name)!.push((user + system) / permutations);
    }
  }
  if (answers.size !== 1) throw new Error(`${title}: they differ`);
  const base = median(costs.get(contenders[0]!.name)!);
  for (const [name, list] of costs) {
    const cost = median(list);
    console.log(`| ${title} | ${name} | ${cost.toPrecision(3)} µs | ${(base / cost).toPrecision(3)}× |`);
  }
}

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const rounds = Number(values.rounds);
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}; ${rounds} rounds\n`);
console.log("| what | by | CPU a permutation | ratio |\n|---|---|---|---|");

const circomlibjs = await buildPoseidon();
const core = await startCore(nodePlatform(1));
for (const width of [17, 3] satisfies PoseidonWidth[]) {
  const states = Array.from({ length: MANY }, () => Array.from({ length: width }, element));
  const inputs = bytesOf(states.flat());
  const oneByOne = (permute: (block: bigint[], capacity: bigint) => bigint): Work => {
    const few = states.slice(0, FEW);
    return () => few.map(([capacity, ...block]) => permute(block, capacity!))[0]!;
  };
  const contenders: Contender[] = [
    {
      name: "circomlibjs",
      permutations: FEW,
      work: oneByOne((block, capacity) => circomlibjs.F.toObject(circomlibjs(block, capacity))),
    },
    { name: "TypeScript", permutations: FEW, work: oneByOne(poseidon) },
  ];
  const constants = constantBytes(width);
  for (const [number, path] of PATHS.entries()) {
    const { addon } = loadAddon(path);
    if (addon === undefined) continue;
    const opened = answered(addon.openPoseidon(constants, width, number));
    const work = async () => first(answered(await addon.sponges(opened, inputs, 1, 1)));
    contenders.push({ name: path, permutations: MANY, work });
  }
  const { pointer } = await core.call<"poseidon">({ call: "poseidon", constants, width, path: core.path });
  contenders.push({
    name: "wasm",
    permutations: MANY,
    async work() {
      const request = { call: "sponges", poseidon: pointer, inputs, blocks: 1, count: MANY } as const;
      return first((await core.call<"sponges">(request)).outputs);
    },
  });
  await race(`t = ${width}`, contenders, rounds);
}
await core.end();

// Two permutations a lowest node, one a node above it, in which there are a sixteenth as many and so on.
const leaves: BookLeaf[] = Array.from({ length: LEAVES }, () => ({ state: element(), tag: element() }));
const some = leaves.slice(0, 1_024);
const native = loadAddon();
const nodesOver = (count: number) => (count / 16) * 2 + count / 256 + count / 4_096 + Math.ceil(count / 65_536);
if (native.addon !== undefined) {
  const sponges = nativeSponges(native);
  const same = (await buildBookTree(some, sponges)).root === bookTree(some).root;
  if (!same) throw new Error("the trees differ");
  const costs = [];
  for (let round = 0; round < rounds; round++) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    await buildBookTree(leaves, sponges);
    const { user, system } = process.cpuUsage(before);
    costs.push({ wall: performance.now() - start, cpu: (user + system) / 1000 });
  }
  const [wall, cpu] = [median(costs.map((cost) => cost.wall)), median(costs.map((cost) => cost.cpu))];
  const each = ((1000 * cpu) / nodesOver(LEAVES)).toPrecision(3);
  console.log(
    `\ntree over ${LEAVES} leaves: ${wall.toFixed(0)} ms, ${cpu.toFixed(0)} ms of CPU, ${each} µs a permutation`,
  );
}

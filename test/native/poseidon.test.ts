// SPDX-License-Identifier: GPL-3.0-or-later
/** The core's Poseidon against circomlibjs and the portable one, on each arithmetic that this machine has, and in WebAssembly. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { buildPoseidon } from "circomlibjs";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { type PoseidonWidth, poseidon, poseidonConstants } from "../../prover/src/model/poseidon.ts";
import { loadAddon, PATHS } from "../../prover/src/node/native.ts";
import { nodePlatform } from "../../prover/src/node/wasm.ts";
import { constantBytes } from "../../prover/src/prove/sponges.ts";
import { startCore, type WasmCore } from "../../prover/src/prove/wasm.ts";
import { biased, seededRng } from "../support/random.ts";
import { skip, whyNotNative } from "../support/skip.ts";

/** Statuses of core/status.h. */
const [SHAPE, RANGE, UNSUPPORTED] = [6, 7, 10];
const WIDTHS: readonly PoseidonWidth[] = [3, 17];

const rng = seededRng(41);
const element = () => biased(rng, 0n, FIELD_ORDER - 1n);

/** Elements whose forms have the largest limbs, of either sign, in every kind of limbs. */
const LARGE_LIMBS = [
  { bits: 64n, form: 1n << 256n },
  { bits: 52n, form: 1n << 260n },
  { bits: 51n, form: 1n << 255n },
].flatMap(({ bits, form }) => {
  const fill = (limb: bigint) => [0n, 1n, 2n, 3n].reduce((sum, place) => sum + (limb << (bits * place)), 0n);
  const half = 1n << (bits - 1n);
  const inverse = power(form % FIELD_ORDER, FIELD_ORDER - 2n);
  return [fill(half), fill(half - 1n), fill(2n * half - 1n)].map((number) => (number * inverse) % FIELD_ORDER);
});
function power(base: bigint, exponent: bigint): bigint {
  if (exponent === 0n) return 1n;
  const root = power((base * base) % FIELD_ORDER, exponent / 2n);
  return exponent % 2n === 1n ? (root * base) % FIELD_ORDER : root;
}

const bytesOf = (values: readonly bigint[]) =>
  new Uint8Array(
    Buffer.concat(values.map((value) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse())),
  );
const integersOf = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 32 }, (_, at) =>
    BigInt(
      `0x${Buffer.from(bytes.slice(32 * at, 32 * at + 32))
        .reverse()
        .toString("hex")}`,
    ),
  );
/** Capacities and their blocks: edges of every kind, then random ones. */
function states(width: number, blocks: number, count: number): bigint[][] {
  const length = 1 + blocks * (width - 1);
  const same = [0n, 1n, FIELD_ORDER - 1n, FIELD_ORDER - 2n, (FIELD_ORDER - 1n) / 2n, (FIELD_ORDER + 1n) / 2n];
  const edges = [...same, 1n << 253n, ...LARGE_LIMBS].map((value) => Array<bigint>(length).fill(value));
  return Array.from({ length: count }, (_, at) => edges[at] ?? Array.from({ length }, element));
}

/** Permutations of a width and what circomlibjs and the portable one make of them, worked out once. */
const known = new Map<PoseidonWidth, { readonly inputs: bigint[][]; readonly expected: bigint[] }>();
async function permutationsOf(width: PoseidonWidth) {
  const found = known.get(width);
  if (found !== undefined) return found;
  const theirs = await buildPoseidon();
  const inputs = states(width, 1, 40);
  const expected = inputs.map(([capacity, ...block]) => theirs.F.toObject(theirs(block, capacity)));
  expect(inputs.map(([capacity, ...block]) => poseidon(block, capacity!))).deep.equal(expected);
  known.set(width, { inputs, expected });
  return { inputs, expected };
}

/** An element of a sponge's state before the S-box of the last round, and after it, by the definition. */
function lastRound([capacity, ...elements]: readonly bigint[]): [bigint, bigint] {
  const { round, mix } = poseidonConstants(17);
  const rounds = round.length / 17;
  let state = [capacity!, ...elements.slice(0, 16)];
  for (let at = 16; ; at += 16) {
    for (let r = 0; r < rounds; r++) {
      const moved = state.map((value, i) => (value + round[17 * r + i]!) % FIELD_ORDER);
      const raised = moved.map((value, i) => (r < 4 || r >= rounds - 4 || i === 0 ? power(value, 5n) : value));
      if (r === rounds - 1 && at === elements.length) return [moved[5]!, raised[5]!];
      state = mix.map((row) => row.reduce((sum, factor, i) => (sum + factor * raised[i]!) % FIELD_ORDER, 0n));
    }
    state = [state[0]!, ...elements.slice(at, at + 16)];
  }
}

type Answer = Promise<Uint8Array | number>;
/** One arithmetic of one build. A number is a status. */
interface Core {
  open(constants: Uint8Array, width: number): Promise<unknown>;
  sponges(opened: unknown, inputs: Uint8Array<ArrayBuffer>, blocks: number, count: number, threads: number): Answer;
}

function testCore(core: () => Core) {
  for (const width of WIDTHS) {
    it(`t = ${width}: permutations as circomlibjs's and the portable one's, for edges, random states and every number of lanes`, async function () {
      this.timeout(20_000);
      const { inputs, expected } = await permutationsOf(width);
      const opened = await core().open(constantBytes(width), width);
      for (const count of [1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 40]) {
        const outputs = await core().sponges(opened, bytesOf(inputs.slice(0, count).flat()), 1, count, 1);
        expect(integersOf(outputs as Uint8Array), `${count}`).deep.equal(expected.slice(0, count));
      }
    });

    it(`t = ${width}: sponges of several blocks, on one thread and on several`, async () => {
      const opened = await core().open(constantBytes(width), width);
      for (const [blocks, count] of [
        [2, 40],
        [3, 10],
      ] as const) {
        const inputs = states(width, blocks, count);
        const expected = inputs.map(([capacity, ...elements]) => {
          let state = capacity!;
          for (let at = 0; at < elements.length; at += width - 1) {
            state = poseidon(elements.slice(at, at + width - 1), state);
          }
          return state;
        });
        const repeated = Array.from({ length: 10 }, () => inputs).flat(2);
        for (const threads of [1, 3]) {
          const outputs = await core().sponges(opened, bytesOf(repeated), blocks, 10 * count, threads);
          expect(integersOf(outputs as Uint8Array)).deep.equal(Array.from({ length: 10 }, () => expected).flat());
        }
      }
    });

    it(`t = ${width}: refuses an element that is not below the order, wherever it is, and inputs that are not whole`, async () => {
      const opened = await core().open(constantBytes(width), width);
      const good = states(width, 2, 20);
      const whole = bytesOf(good.flat());
      const words = whole.length / 32;
      for (const value of [FIELD_ORDER, FIELD_ORDER + 1n, (1n << 256n) - 1n]) {
        for (const at of [0, 1, width - 1, width, words - 1]) {
          const inputs = whole.slice();
          inputs.set(bytesOf([value]), 32 * at);
          expect(await core().sponges(opened, inputs, 2, 20, 2), `element ${at}`).equal(RANGE);
        }
      }
      expect(await core().sponges(opened, whole.slice(1), 2, 20, 1)).equal(SHAPE);
      expect(await core().sponges(opened, whole.slice(32), 2, 20, 1)).equal(SHAPE);
      expect(await core().sponges(opened, new Uint8Array(), 1, 0, 1)).equal(SHAPE);
    });
  }

  it("refuses constants that are not below the order, of no width or of no round, and those whose partial rounds have no inverse", async () => {
    const constants = constantBytes(3);
    const changed = (change: (copy: Uint8Array) => unknown) => {
      const copy = constants.slice();
      change(copy);
      return copy;
    };
    const words = constants.length / 32;
    for (const at of [0, words - 1]) {
      const bad = changed((copy) => copy.set(bytesOf([FIELD_ORDER]), 32 * at));
      expect(await core().open(bad, 3)).equal(RANGE);
    }
    expect(await core().open(constants.slice(1), 3)).equal(SHAPE);
    expect(await core().open(constants.slice(0, 32 * 3 * 11), 3), "no partial round").equal(SHAPE);
    expect(await core().open(constants.slice(0, 32 * 18), 18), "too wide").equal(SHAPE);
    expect(await core().open(new Uint8Array(32 * 3 * 400), 3), "too many rounds").equal(SHAPE);
    const singular = changed((copy) => copy.fill(0, 32 * (words - 9)));
    expect(await core().open(singular, 3)).equal(SHAPE);
    const onePartialRound = changed(() => {}).slice(0, 32 * 3 * 9);
    expect(await core().open(Buffer.concat([onePartialRound, constants.slice(-32 * 9)]), 3)).not.a("number");
  });
}

for (const [number, arithmetic] of PATHS.entries()) {
  describe(`the native core's Poseidon: ${arithmetic}`, () => {
    const addon = () => loadAddon(arithmetic).addon!;
    before(function () {
      if (loadAddon(arithmetic).addon === undefined) skip(this, whyNotNative(arithmetic));
    });

    testCore(() => ({
      open: async (constants, width) => addon().openPoseidon(constants, width, number),
      sponges: (opened, inputs, blocks, _, threads) => addon().sponges(opened as object, inputs, blocks, threads),
    }));

    it("W23: takes its own handles, whole numbers of at least one, and bytes, and nothing else", async () => {
      const opened = addon().openPoseidon(constantBytes(3), 3, number) as object;
      const inputs = bytesOf([1n, 2n, 3n]);
      for (const handle of [{}, 1, null, undefined, inputs]) {
        expect(() => addon().sponges(handle as object, inputs, 1, 1)).throw(TypeError, "wrong arguments");
      }
      for (const [blocks, threads] of [
        [0, 1],
        [1, 0],
        [-1, 1],
      ] as const) {
        expect(() => addon().sponges(opened, inputs, blocks, threads)).throw(TypeError, "wrong arguments");
      }
      expect(() => addon().openPoseidon(constantBytes(3), 1, number)).throw(TypeError, "wrong arguments");
      expect(() => addon().openPoseidon([] as never, 3, number)).throw(TypeError, "wrong arguments");
      expect(addon().openPoseidon(constantBytes(3), 3, 9)).equal(UNSUPPORTED);
      expect(await addon().sponges(opened, inputs, 2 ** 31 - 1, 1)).equal(SHAPE);
    });
  });
}

for (const [lanes, threads, title] of [
  [0, 1, "limbs of 29 bits"],
  [1, 1, "lanes of fused multiply-add"],
  [1, 2, "lanes of fused multiply-add, with a helper"],
] as const) {
  describe(`WebAssembly's Poseidon: ${title}`, () => {
    let core: WasmCore;
    before(async () => {
      core = await startCore(nodePlatform(threads));
    });
    after(() => core.end());

    it("this engine fuses the multiply-add (else the lanes are not tested)", () => {
      expect(core.path).equal(1);
    });

    testCore(() => ({
      async open(constants, width) {
        const { status, pointer } = await core.call<"poseidon">({ call: "poseidon", constants, width, path: lanes });
        return status === 0 ? { pointer } : status;
      },
      async sponges(opened, inputs, blocks, count) {
        const { pointer } = opened as { pointer: number };
        const request = { call: "sponges", poseidon: pointer, inputs, blocks, count } as const;
        const { status, outputs } = await core.call<"sponges">(request);
        return status === 0 ? outputs : status;
      },
    }));
  });
}

describe("memory after sponges of the native core", () => {
  it("nothing of an input or of a state is left in the process, whichever arithmetic did them", function () {
    if (process.platform !== "linux") return skip(this, "not on this platform");
    if (loadAddon().addon === undefined) return skip(this, whyNotNative());
    this.timeout(60_000);
    const secret = 0x1badb002deadbeef_5eed5eed5eed5eed_0ddba11ca7f00d42_123456789abcdef1n;
    const form = (power: bigint) => (secret << power) % FIELD_ORDER;
    // As an integer and in the forms of 64, 52 and 51 bits, of which the last is centred and has an offset.
    const offset = [0n, 1n, 2n, 3n, 4n].reduce((sum, limb) => sum + (1n << (50n + 51n * limb)), 0n);
    const centred = form(255n) > FIELD_ORDER / 2n ? form(255n) - FIELD_ORDER : form(255n);
    const rows = states(17, 2, 20).map((state) => state.with(20, secret));
    // The last that is worked out, as the portable arithmetic, which comes last, has it before and in the last round.
    const late = lastRound(rows.at(-1)!).map((value) => (value << 256n) % FIELD_ORDER);
    const patterns = bytesOf([secret, form(256n), form(260n), centred + offset, ...late]);
    const inputs = bytesOf(rows.flat());
    const directory = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
    try {
      const words = [inputs, patterns].map((bytes, at) => {
        const file = path.join(directory, `${at}`);
        writeFileSync(
          file,
          bytes.map((byte) => byte ^ 0xff),
        );
        return file;
      });
      const child = path.join(import.meta.dirname, "../support/leak-sponges-child.ts");
      const { stdout, stderr } = spawnSync(process.execPath, [child, ...words], { encoding: "utf8" });
      expect(stdout, stderr).equal("before: found\nafter: none\n");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

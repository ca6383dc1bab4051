// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { curves, groth16 } from "snarkjs";
import { PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER, toField } from "../../prover/src/field.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { selectBackend } from "../../prover/src/node/backends.ts";
import { loadAddon, nativeBackend, PATHS } from "../../prover/src/node/native.ts";
import { nodePlatform } from "../../prover/src/node/wasm.ts";
import type { Backend, Circuit, CircuitFiles } from "../../prover/src/prove/backend.ts";
import { openCalculator } from "../../prover/src/prove/calculator.ts";
import type { Blinding } from "../../prover/src/prove/core.ts";
import { snarkjsBackend } from "../../prover/src/prove/snarkjs.ts";
import { wasmBackend } from "../../prover/src/prove/wasm.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { skip, whyNotNative } from "../support/skip.ts";
import { compileSmall, SMALL_INPUT, SMALL_SOURCE, squareR1cs } from "../support/small-circuit.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const R = 0x0123456789abcdef_0011223344556677_8899aabbccddeeff_1021324354657687n;
const S = FIELD_ORDER - 5n;

const littleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
const blindingOf =
  (r: bigint, s: bigint): Blinding =>
  () =>
    new Uint8Array(Buffer.concat([littleEndian(r), littleEndian(s)]));

/** Backends of the core that this machine can run, each with a given blinding. */
const CORES: Readonly<Record<string, (blinding: Blinding) => Backend>> = {
  ...Object.fromEntries(
    PATHS.flatMap((arithmetic) => {
      const native = loadAddon(arithmetic);
      return native.addon === undefined
        ? []
        : [[`native, ${arithmetic}`, (blinding: Blinding) => nativeBackend(native, { blinding })]];
    }),
  ),
  wasm: (blinding) => wasmBackend(nodePlatform(2), { blinding }),
  "wasm, alone": (blinding) => wasmBackend(nodePlatform(1), { blinding }),
};

/** snarkjs's proof with this blinding: it draws r and s, in this order, by the field's `random`. */
async function snarkjsProof(zkey: Uint8Array, witness: Uint8Array, r: bigint, s: bigint): Promise<unknown> {
  const { Fr } = (await curves.getCurveFromName("bn128")) as unknown as {
    Fr: { random(): Uint8Array; e(value: bigint): Uint8Array };
  };
  const [drawn, random] = [[r, s], Fr.random];
  Fr.random = () => Fr.e(drawn.shift()!);
  try {
    return (await groth16.prove({ type: "mem", data: zkey }, { type: "mem", data: witness })).proof;
  } finally {
    Fr.random = random;
  }
}

/** A whole account's witness, and snarkjs's proof of it. */
let board60: ReturnType<typeof makeAccount> | undefined;
function account() {
  board60 ??= makeAccount();
  return board60;
}
async function makeAccount() {
  const artifacts = await loadArtifacts("board-60");
  const { circuitInput } = buildStatement(randomRequest(seededRng(7), "board-60"));
  const values = await openCalculator(await artifacts.wasm())(circuitInput);
  return { artifacts, values, proof: await snarkjsProof(artifacts.zkey, values, R, S) };
}

async function refusal(work: Promise<unknown>): Promise<PlimsollError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(PlimsollError);
  return error as PlimsollError;
}

/** A backend takes the proving key over. */
const copyOf = (files: CircuitFiles): CircuitFiles => ({ ...files, zkey: new Uint8Array(files.zkey) });

describe("backends", () => {
  let files: CircuitFiles;
  let witness: Uint8Array;
  before(async () => {
    const { r1cs, wasm } = await compileSmall(SMALL_SOURCE);
    const { zkey } = await makeDevelopmentKey(r1cs, trapdoorFrom(Buffer.from("backend.test")));
    files = { wasm: async () => new Uint8Array(wasm), zkey: new Uint8Array(zkey) };
    witness = await openCalculator(await files.wasm())(SMALL_INPUT);
  });
  after(endSnarkjsThreads);

  it("this machine proves natively (else half of what follows is not tested)", function () {
    if (loadAddon().addon === undefined) skip(this, "no native prover");
  });

  for (const [name, create] of Object.entries(CORES)) {
    describe(name, () => {
      async function using<T>(blinding: Blinding, work: (backend: Backend) => Promise<T>): Promise<T> {
        const backend = create(blinding);
        try {
          return await work(backend);
        } finally {
          await backend.close();
        }
      }
      const opened = <T>(work: (circuit: Circuit) => Promise<T>, blinding = blindingOf(R, S)) =>
        using(blinding, async (backend) => work(await backend.open(copyOf(files))));

      it("same key, witness and blinding give snarkjs's proof, bit for bit, for blinding of every kind", async () => {
        for (const [r, s] of [
          [R, S],
          [0n, 0n],
          [1n, FIELD_ORDER - 1n],
          [S, 0n],
        ] as const) {
          const proof = await opened((circuit) => circuit.prove(Uint8Array.from(witness)), blindingOf(r, s));
          expect(proof).to.deep.equal(await snarkjsProof(files.zkey, witness, r, s));
        }
      });

      it("the same on board-60, with a whole account", async () => {
        const { artifacts, values, proof } = await account();
        const made = await using(blindingOf(R, S), async (backend) =>
          (await backend.open(copyOf(artifacts))).prove(Uint8Array.from(values)),
        );
        expect(made).to.deep.equal(proof);
      });

      it("refuses by name a proving key that is truncated, foreign, over another curve, or of parts that do not fit", async () => {
        const { zkey } = files;
        const edited = (change: (copy: Buffer<ArrayBuffer>, at: (section: number) => number) => unknown) => {
          const copy = Buffer.from(zkey);
          change(copy, (section) => startOf(copy, section));
          return new Uint8Array(copy);
        };
        const bad: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
          ["nothing", new Uint8Array(), /truncated/],
          ["half", zkey.slice(0, zkey.length / 2), /truncated/],
          ["all but a byte", zkey.slice(0, -1), /truncated/],
          ["a byte more", new Uint8Array([...zkey, 0]), /fit/],
          ["another kind of file", new Uint8Array(witness), /format/],
          ["another version", edited((copy) => copy.writeUInt32LE(2, 4)), /format/],
          ["another proof system", edited((copy, at) => copy.writeUInt32LE(2, at(1))), /format/],
          ["another base field", edited((copy, at) => copy.writeUInt8(copy[at(2) + 4]! ^ 2, at(2) + 4)), /BN254/],
          ["another scalar field", edited((copy, at) => copy.writeUInt8(copy[at(2) + 40]! ^ 2, at(2) + 40)), /BN254/],
          ["more wires", edited((copy, at) => copy.writeUInt32LE(2 ** 32 - 1, at(2) + 72)), /fit/],
          ["more public inputs", edited((copy, at) => copy.writeUInt32LE(99, at(2) + 76)), /fit/],
          ["no power of two", edited((copy, at) => copy.writeUInt32LE(7, at(2) + 80)), /fit/],
          ["a domain too large", edited((copy, at) => copy.writeUInt32LE(2 ** 31, at(2) + 80)), /fit/],
          ["a section twice", edited((copy, at) => copy.writeUInt32LE(5, at(6) - 12)), /fit/],
          [
            "a section of endless size",
            edited((copy, at) => copy.writeBigUInt64LE(2n ** 64n - 1n, at(5) - 8)),
            /truncated/,
          ],
          ["a coordinate of 2^256 - 1", edited((copy, at) => copy.fill(0xff, at(9), at(9) + 32)), /modulus/],
          ["a term of no row", edited((copy, at) => copy.writeUInt32LE(2 ** 20, at(4) + 8)), /modulus/],
          ["a term of no wire", edited((copy, at) => copy.writeUInt32LE(2 ** 20, at(4) + 12)), /modulus/],
        ];
        await using(blindingOf(R, S), async (backend) => {
          for (const [what, file, why] of bad) {
            const error = await refusal(backend.open({ ...files, zkey: file }));
            expect(error.code, what).to.equal("KEY_REFUSED");
            expect(error.message, what).to.match(why);
          }
          // And goes on.
          expect(await (await backend.open(copyOf(files))).prove(Uint8Array.from(witness))).to.have.property("pi_a");
        });
      });

      it("refuses by name a witness that is damaged or of another circuit, and does not quote it", async () => {
        const square = await makeDevelopmentKey(squareR1cs(1), trapdoorFrom(Buffer.from("backend.test")));
        const values = witness.length - 32;
        const tooLarge = Uint8Array.from(witness);
        tooLarge.fill(0xff, values);
        const notOne = Uint8Array.from(witness);
        notOne[76] = 2;
        await using(blindingOf(R, S), async (backend) => {
          const circuit = await backend.open(copyOf(files));
          const other = await backend.open({ ...files, zkey: new Uint8Array(square.zkey) });
          const bad: [string, Promise<unknown>, RegExp][] = [
            ["truncated", circuit.prove(witness.slice(0, -1)), /truncated/],
            ["a key", circuit.prove(files.zkey.slice()), /format/],
            ["not reduced", circuit.prove(tooLarge), /modulus/],
            ["a first value that is not 1", circuit.prove(notOne), /modulus/],
            ["of another circuit", other.prove(Uint8Array.from(witness)), /circuit/],
          ];
          for (const [what, work, why] of bad) {
            const error = await refusal(work);
            expect(error.code, what).to.equal("INTERNAL");
            expect(error.message, what).to.match(why);
          }
        });
      });

      it("P06: cancelled before or in the middle it rejects, and proves again", async () => {
        const { artifacts, values } = await account();
        await using(blindingOf(R, S), async (backend) => {
          const circuit = await backend.open(copyOf(artifacts));
          expect((await refusal(circuit.prove(Uint8Array.from(values), AbortSignal.abort()))).code).to.equal(
            "CANCELLED",
          );
          const controller = new AbortController();
          const work = circuit.prove(Uint8Array.from(values), controller.signal);
          setTimeout(() => controller.abort(), 1);
          expect((await refusal(work)).code).to.equal("CANCELLED");
          expect(await circuit.prove(Uint8Array.from(values))).to.have.property("pi_a");
        });
      });

      it("opens one array twice at once without reading what the other gave back", async () => {
        const { artifacts } = await account();
        const shared = copyOf(artifacts);
        const opening = () => using(blindingOf(R, S), (backend) => backend.open(shared));
        const [first, second] = await Promise.allSettled([opening(), opening()]);
        expect(first.status).to.equal("fulfilled");
        if (second.status === "rejected") expect(second.reason).to.have.property("code", "KEY_REFUSED");
      });

      it("wipes the blinding that it was given", async () => {
        const given = blindingOf(R, S)();
        await opened(
          (circuit) => circuit.prove(Uint8Array.from(witness)),
          () => given,
        );
        expect(given.every((byte) => byte === 0)).to.equal(true);
      });
    });
  }

  describe("selection", () => {
    const selected = (environment: Record<string, string>) => {
      const before = { ...process.env };
      Object.assign(process.env, environment);
      try {
        return selectBackend();
      } finally {
        for (const name of Object.keys(environment)) {
          if (before[name] === undefined) delete process.env[name];
          else process.env[name] = before[name];
        }
      }
    };
    const refused = (environment: Record<string, string>) => {
      try {
        selected(environment);
      } catch (error) {
        expect(error).to.be.instanceOf(PlimsollError);
        return error as PlimsollError;
      }
      throw new Error("selected");
    };

    it("takes the one that PLIMSOLL_BACKEND names, and refuses by name one that is unknown", () => {
      for (const name of ["wasm", "snarkjs"]) expect(selected({ PLIMSOLL_BACKEND: name }).name).to.equal(name);
      expect(refused({ PLIMSOLL_BACKEND: "rapid" })).to.include({ code: "USAGE" });
      expect(refused({ PLIMSOLL_NATIVE: "neon" })).to.include({ code: "USAGE" });
    });

    it("names the arithmetic and what would be faster; without AVX2, FMA and BMI2 the portable one proves", async function () {
      if (loadAddon().addon === undefined) return skip(this, "no native prover");
      const portable = selected({ PLIMSOLL_BACKEND: "native", PLIMSOLL_NATIVE: "portable" });
      expect(portable.detail).to.match(/^native, portable arithmetic, compiled by /);
      for (const faster of ["AVX2 and FMA", "AVX-512 IFMA"]) {
        expect(portable.detail).to.match(
          new RegExp(`; ${faster} would be faster: (this processor lacks it|PLIMSOLL_NATIVE)`),
        );
      }
      const backend = portable.create();
      expect(await (await backend.open(copyOf(files))).prove(Uint8Array.from(witness))).to.have.property("pi_a");
      await backend.close();
      const fastest = PATHS.findLast((path) => loadAddon(path).addon !== undefined)!;
      const { detail } = selected({ PLIMSOLL_BACKEND: "native" });
      expect(detail).to.equal(selected({ PLIMSOLL_BACKEND: "native", PLIMSOLL_NATIVE: fastest }).detail);
      expect(detail).to.not.contain("PLIMSOLL_NATIVE");
    });

    it("offers no way to choose the blinding but the library's own option", () => {
      expect(snarkjsBackend.length).to.equal(0);
    });
  });

  describe("memory", () => {
    for (const arithmetic of PATHS) {
      it(`nothing of a witness is left in the process after a proof (${arithmetic})`, async function () {
        if (process.platform !== "linux") return skip(this, "not on this platform");
        if (loadAddon(arithmetic).addon === undefined) return skip(this, whyNotNative(arithmetic));
        const secret = 0x1badb002deadbeef_5eed5eed5eed5eed_0ddba11ca7f00d42_123456789abcdef1n;
        const input = { ...SMALL_INPUT, b: [toField(3n), toField(4n), toField(secret)] };
        const values = await openCalculator(await files.wasm())(input);
        // As an integer, and in Montgomery form.
        const patterns = Buffer.concat([littleEndian(secret), littleEndian((secret << 256n) % FIELD_ORDER)]);
        expect(Buffer.from(values).includes(patterns.subarray(0, 32))).to.equal(true);
        const directory = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
        try {
          const write = (name: string, bytes: Uint8Array) => {
            writeFileSync(path.join(directory, name), bytes);
            return path.join(directory, name);
          };
          const flipped = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff);
          const words = [
            write("key", files.zkey),
            write("witness", flipped(values)),
            write("patterns", flipped(patterns)),
          ];
          const child = path.join(import.meta.dirname, "../support/leak-child.ts");
          const { stdout } = spawnSync(process.execPath, [child, ...words, arithmetic], { encoding: "utf8" });
          expect(stdout).to.equal("before: found\nafter: none\n");
        } finally {
          rmSync(directory, { recursive: true });
        }
      });
    }
  });
});

/** Where a section's content begins. */
function startOf(file: Buffer, section: number): number {
  for (let at = 12; at < file.length; at += 12 + Number(file.readBigUInt64LE(at + 4))) {
    if (file.readUInt32LE(at) === section) return at + 12;
  }
  throw new Error("no such section");
}

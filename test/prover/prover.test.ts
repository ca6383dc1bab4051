// SPDX-License-Identifier: GPL-3.0-or-later
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { groth16 } from "snarkjs";
import { PlimsollError } from "../../prover/src/errors.ts";
import { toField } from "../../prover/src/field.ts";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { selectBackend } from "../../prover/src/node/backends.ts";
import { createProver, PROVE_STEPS, type Prover, type ProverOptions } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import type { Backend, Circuit } from "../../prover/src/prove/backend.ts";
import { snarkjsBackend } from "../../prover/src/prove/snarkjs.ts";
import { buildStatement, type Request } from "../../prover/src/statement/account.ts";
import { randomRequest, seededRng } from "../support/random.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const SIZE = "board-60";

async function refusal(work: Promise<unknown>): Promise<PlimsollError> {
  const result = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(result).to.be.instanceOf(PlimsollError);
  return result as PlimsollError;
}

describe("prover", () => {
  describe("with a simulated key", () => {
    const key = simulatedKey(SIZE);
    const request = randomRequest(seededRng(1), SIZE);
    const load = () => simulatedArtifacts(key);
    const simulated = (damage: Partial<Circuit> = {}, options: ProverOptions = {}) =>
      createProver({ load, backend: simulatedBackend(key, damage), ...options });

    it("returns the statement's signals and a proof of them, and tells the steps in order", async () => {
      const steps: string[] = [];
      const proof = await simulated().prove(request, { onStep: (step, size) => steps.push(`${step} ${size}`) });
      expect(proof.publicSignals).to.deep.equal(buildStatement(request).publicSignals.map(String));
      expect(proof.key).to.deep.equal(key.identity);
      expect(steps).to.deep.equal(PROVE_STEPS.map((step) => `${step} ${SIZE}`));
    });

    it("P06: closed in the middle of a proof it starts nothing more, and answers nothing afterwards", async () => {
      let proved = false;
      const prover = simulated({
        prove: async () => {
          proved = true;
        },
      });
      const closing = prover.prove(request, { onStep: (step) => void (step === "prove" && prover.close()) });
      expect((await refusal(closing)).code).to.equal("CANCELLED");
      expect(proved).to.equal(false);
      expect((await refusal(prover.key(SIZE))).code).to.equal("CANCELLED");
      expect((await refusal(prover.prove(request))).code).to.equal("CANCELLED");
    });

    it("P05: never returns a proof that the strict verifier rejects", async () => {
      const other = simulatedKey(SIZE, 5n);
      const signals = [...buildStatement(request).publicSignals];
      const honest = key.prove(signals);
      const damaged: Record<string, unknown> = {
        "nothing at all": undefined,
        "no proof": {},
        "a proof under another key": other.prove(signals),
        "a proof of other signals": key.prove((signals as bigint[]).with(1, 5n)),
        "a point off the curve": { ...honest, pi_a: ["1", "3", "1"] },
        "a coordinate that is not reduced": { ...honest, pi_c: [`${BigInt(honest.pi_c[0]) + (1n << 255n)}`, "2", "1"] },
        "an extra field": { ...honest, secret: "1" },
      };
      for (const [what, result] of Object.entries(damaged)) {
        const prover = simulated({ prove: async () => result });
        expect((await refusal(prover.prove(request))).code, what).to.equal("INTERNAL");
      }
      expect((await simulated({ prove: async () => honest }).prove(request)).proof).to.equal(honest);
    });

    it("P05: refuses to use a verification key that is not the manifest's", async () => {
      const artifacts = await load();
      const wrong = { ...artifacts, verificationKeyFile: simulatedKey(SIZE, 5n).file };
      const prover = simulated({}, { load: async () => wrong });
      expect((await refusal(prover.prove(request))).code).to.equal("ARTIFACT_HASH");
    });

    it("refuses a false statement before it loads anything", async () => {
      let loads = 0;
      const counted = () => {
        loads++;
        return load();
      };
      const prover = simulated({}, { load: counted });
      for (let seed = 0; seed < 5; seed++) {
        const untrue = randomRequest(seededRng(seed), SIZE, { holds: false });
        expect((await refusal(prover.prove(untrue))).code).to.equal("STATEMENT_FALSE");
      }
      expect(loads).to.equal(0);
    });

    it("loads a size once for many proofs, and again after a failure", async () => {
      let loads = 0;
      const flaky = async () => {
        if (loads++ === 0) throw new PlimsollError("ARTIFACT_MISSING", "not there yet");
        return load();
      };
      const prover = simulated({}, { load: flaky });
      expect((await refusal(prover.prove(request))).code).to.equal("ARTIFACT_MISSING");
      await Promise.all([prover.prove(request), prover.prove(request)]);
      await prover.prove(request);
      expect(loads).to.equal(2);
    });

    it("keeps what a library says of a failure out of its errors", async () => {
      const secret = "Error in template Position_12 line 45: 123456789 != 987654321";
      const fails = () => Promise.reject(new Error(secret));
      for (const damage of [{ witness: fails }, { prove: fails }]) {
        const error = await refusal(simulated(damage).prove(request));
        expect(error.code).to.equal("INTERNAL");
        expect(`${error.stack}${JSON.stringify(error)}`).not.to.match(/123456789|Position_12/);
        expect(error.cause).to.equal(undefined);
      }
    });

    it("P06: stops at the next step once cancelled, and proves no more once closed", async () => {
      for (const at of PROVE_STEPS) {
        const controller = new AbortController();
        const seen: string[] = [];
        const work = simulated().prove(request, {
          signal: controller.signal,
          onStep(step) {
            seen.push(step);
            if (step === at) controller.abort();
          },
        });
        expect((await refusal(work)).code).to.equal("CANCELLED");
        expect(seen.at(-1)).to.equal(at);
      }
      expect((await refusal(simulated().prove(request, { signal: AbortSignal.abort() }))).code).to.equal("CANCELLED");
      const closed = simulated();
      await closed.close();
      expect((await refusal(closed.prove(request))).code).to.equal("CANCELLED");
    });
  });

  describe("with the circuits", () => {
    let prover: Prover;
    before(() => {
      prover = createProver();
    });
    after(async () => {
      await prover.close();
      await endSnarkjsThreads();
    });

    for (const size of BOARD_SIZES) {
      const count = size === "board-60" ? 4 : 2;
      it(`proves ${count} random accounts on ${size}; snarkjs and the strict verifier accept both`, async () => {
        const verifier = await loadVerifier(size);
        const { verificationKey } = await loadArtifacts(size);
        for (let seed = 0; seed < count; seed++) {
          const request: Request = randomRequest(seededRng(seed), size);
          const { proof, publicSignals } = await prover.prove(request);
          expect(verifier.verify(publicSignals, proof).ok).to.equal(true);
          expect(await groth16.verify(verificationKey, publicSignals, proof)).to.equal(true);
          const changed = publicSignals.with(1, `${BigInt(publicSignals[1]!) ^ 1n}`);
          expect(verifier.verify(changed, proof)).to.include({ ok: false, reason: "PAIRING_FAILED" });
          expect(await groth16.verify(verificationKey, changed, proof)).to.equal(false);
        }
      });
    }

    // The generator refuses such an input; a plan makes a witness that satisfies nothing, and a proof of it that does not verify.
    for (const [name, create, message] of [
      ["snarkjs", snarkjsBackend, "the witness could not be computed"],
      [`the backend in use (${selectBackend().name})`, () => selectBackend().create(), undefined],
    ] as const)
      it(`says nothing of the values when the circuit refuses a witness: ${name}`, async () => {
        const real = create();
        const backend: Backend = {
          ...real,
          async open(files) {
            const circuit = await real.open(files);
            return {
              ...circuit,
              witness: ({ circuitInput, hints }) =>
                circuit.witness({ circuitInput: { ...circuitInput, cashAfter: toField(123456789n) }, hints }),
            };
          },
        };
        const printed: unknown[] = [];
        const originals = [console.log, console.error, console.warn] as const;
        console.log = console.error = console.warn = (...words: unknown[]) => void printed.push(words);
        const tampered = createProver({ backend });
        try {
          const error = await refusal(tampered.prove(randomRequest(seededRng(3), SIZE)));
          expect(error.code).to.equal("INTERNAL");
          if (message !== undefined) expect(error.message).to.equal(message);
          expect(error.message).not.to.match(/[0-9]{4}/);
        } finally {
          [console.log, console.error, console.warn] = originals;
          await tampered.close();
        }
        expect(printed).to.deep.equal([]);
      });

    it("P06: cancelled in the middle of a proof it stops before it would be done, and the next one works", async () => {
      // By the slowest backend: another is done before anybody could cancel (test/prover/backend.test.ts cancels each).
      const prover = createProver({ backend: snarkjsBackend() });
      const request = randomRequest(seededRng(5), SIZE);
      await prover.prove(request);
      const began = performance.now();
      await prover.prove(request);
      const whole = performance.now() - began;
      const controller = new AbortController();
      let cancelledAt = 0;
      const work = prover.prove(request, {
        signal: controller.signal,
        onStep(step) {
          if (step !== "prove") return;
          setTimeout(() => {
            cancelledAt = performance.now();
            controller.abort();
          }, 100);
        },
      });
      const waiting = new AbortController();
      const queued = prover.prove(request, { signal: waiting.signal });
      const third = prover.prove(request);
      setTimeout(() => waiting.abort(), 150);
      const [first, second] = await Promise.all([refusal(work), refusal(queued)]);
      expect(first.code).to.equal("CANCELLED");
      expect(second.code).to.equal("CANCELLED");
      expect(performance.now() - cancelledAt).to.be.below(whole);
      expect((await third).publicSignals).to.deep.equal(buildStatement(request).publicSignals.map(String));
      await prover.close();
    });

    describe("in a process of its own", () => {
      let directory: string;
      beforeEach(() => {
        directory = mkdtempSync(path.join(tmpdir(), "plimsoll-test-"));
      });
      afterEach(() => rmSync(directory, { recursive: true }));

      /** A child whose working, home and temporary directory are one, and empty. */
      const child = (count: number): ChildProcess =>
        spawn(process.execPath, [path.join(import.meta.dirname, "../support/prove-child.ts"), `${count}`], {
          cwd: directory,
          env: { ...process.env, HOME: directory, TMPDIR: directory },
          stdio: ["ignore", "pipe", "inherit"],
        });

      async function output(process: ChildProcess, until?: string): Promise<string> {
        let text = "";
        for await (const chunk of process.stdout!) {
          text += chunk;
          if (until !== undefined && text.includes(until)) break;
        }
        return text;
      }

      it("exits by itself once closed, leaving no file", async () => {
        const proving = child(1);
        const exit = once(proving, "exit");
        expect((await output(proving)).trim().split("\n")).to.deep.equal([...PROVE_STEPS, "closed"]);
        expect(await exit).to.deep.equal([0, null]);
        expect(readdirSync(directory)).to.deep.equal([]);
      });

      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        it(`P06: ends at ${signal} in the middle of a proof, leaving no file, and runs again`, async () => {
          const proving = child(50);
          const exit = once(proving, "exit");
          await output(proving, "prove");
          await new Promise((resolve) => setTimeout(resolve, 200));
          proving.kill(signal);
          expect(await exit).to.deep.equal([null, signal]);
          expect(readdirSync(directory)).to.deep.equal([]);
          const again = child(1);
          const done = once(again, "exit");
          expect(await output(again)).to.contain("closed");
          expect(await done).to.deep.equal([0, null]);
        });
      }
    });
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** Keys against the circuit that they are said to be for, without their phase 1. */
import { expect } from "chai";
import { initialKey } from "../../prover/src/ceremony/phase2.ts";
import { misfit } from "../../prover/src/keys/circuit-match.ts";
import { makeDevelopmentKey, trapdoorFrom } from "../../prover/src/keys/development.ts";
import { readZkey } from "../../prover/src/keys/zkey.ts";
import { TINY, tinyPhase1, tinyR1cs } from "../support/ceremonies.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

describe("keys and circuits", function () {
  this.timeout(60_000);
  let r1cs: Uint8Array;
  const keys = new Map<string, Uint8Array>();

  before(async () => {
    r1cs = await tinyR1cs();
    keys.set("development", (await makeDevelopmentKey(r1cs, trapdoorFrom(Buffer.from("fits")))).zkey);
    keys.set("phase 1 of the very power", await initialKey(r1cs, await tinyPhase1("fits", 3)));
    keys.set("phase 1 of a higher power", await initialKey(r1cs, await tinyPhase1("fits", 5)));
  });
  after(endSnarkjsThreads);

  it("S02: a key fits the circuit that it was made for, and no other", async () => {
    // What is in the matrix C alone, such as the constant 5, does not show without a phase 1.
    const others = [
      await tinyR1cs(TINY.replace("a * b + a", "a * a + a")),
      await tinyR1cs(TINY.replace("[a]", "[a, b]")),
    ];
    for (const [what, key] of keys) {
      expect(await misfit(r1cs, key), what).equal(undefined);
      for (const other of others) expect(await misfit(other, key), what).a("string");
    }
  });

  it("S02: sections of another circuit's key, and points changed or exchanged, do not fit", async () => {
    const other = (await makeDevelopmentKey(r1cs, trapdoorFrom(Buffer.from("another")))).zkey;
    for (const [what, key] of keys) {
      for (const section of [4, 6, 7, 9]) {
        const bent = Uint8Array.from(key);
        const content = readZkey(bent).section(section);
        if (section === 4) content[20]! ^= 1;
        else content.set(readZkey(other).section(section));
        expect(await misfit(r1cs, bent), `${what}, section ${section}`).a("string");
      }
    }
  });
});

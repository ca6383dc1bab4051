// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from "chai";
import type { Contract } from "ethers";
import { network } from "hardhat";
import { genesis } from "../../prover/src/model/account.ts";
import { commitFill, commitState } from "../../prover/src/model/commit.ts";
import { BOARD_SIZES, CASH_INDEX, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import { encodeTerms, encodeTransfer } from "../../prover/src/statement/account.ts";
import { circuitOf, publicInputsOf } from "../../prover/src/statement/families.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { biased, seededRng } from "../support/random.ts";
import { callView } from "./world.ts";

describe("statement on chain", () => {
  let harness: unknown;
  const ask = (method: string, ...args: unknown[]) => callView(harness, method, ...args);

  before(async () => {
    const { ethers } = await network.create();
    harness = await ethers.deployContract("StatementHarness");
  });

  for (const size of BOARD_SIZES) {
    it(`holds the model's constants of ${size}: genesis, no fill, number of public signals`, async () => {
      const instruments = instrumentsOf(size);
      expect(await ask("genesisState", instruments)).to.equal(commitState(genesis(size)));
      expect(await ask("noFill", instruments)).to.equal(commitFill(noFill(size)));
      expect(await ask("publicSignals", instruments)).to.equal(BigInt(publicInputsOf(size)));
      expect(await ask("settlementSignals", instruments)).to.equal(
        BigInt(publicInputsOf(circuitOf("settlement", size))),
      );
    });
  }

  it("has constants for boards that there are circuits for, and no others", async () => {
    for (const method of ["genesisState", "noFill"]) {
      for (const instruments of [0, 61, 481]) {
        await expect(ask(method, instruments))
          .to.be.revertedWithCustomError(harness as Contract, "SizeUnknown")
          .withArgs(instruments);
      }
    }
  });

  it("encodes transfers as the model does, at both ends and at random", async () => {
    const rng = seededRng(1);
    for (let round = 0; round < 60; round++) {
      const asset = Number(rng.between(0n, BigInt(CASH_INDEX)));
      const amount = biased(rng, -(1n << 64n), (1n << 64n) - 1n);
      expect(await ask("encodeTransfer", asset, amount)).to.equal(encodeTransfer({ asset, amount }));
    }
  });

  it("encodes terms as the model does", async () => {
    const rng = seededRng(2);
    for (let round = 0; round < 40; round++) {
      const level = biased(rng, 0n, (1n << 20n) - 1n) as LevelBps;
      const [below, minus] = [rng.chance(0.5), rng.chance(0.5)];
      const expected = encodeTerms({ level, direction: below ? "below" : "at-least", side: minus ? -1n : 1n });
      expect(await ask("encodeTerms", level, below, minus)).to.equal(expected);
    }
  });
});

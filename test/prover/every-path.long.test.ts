// SPDX-License-Identifier: GPL-3.0-or-later
/** Random accounts of each board prove on every path of this machine. `scripts/bench/every-path.ts` does the same for hundreds. */
import { expect } from "chai";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { loadAddon } from "../../prover/src/node/native.ts";
import { proveOnEveryPath } from "../../scripts/bench/every-path.ts";
import { skip } from "../support/skip.ts";

describe("random accounts on every path", () => {
  for (const size of BOARD_SIZES) {
    it(`${size}: two accounts have the same proof everywhere, and the strict verifier accepts it`, async function () {
      if (loadAddon().addon === undefined) return skip(this, "no native prover");
      this.timeout(300_000);
      expect(await proveOnEveryPath(size, 2, 1000)).include.members(["portable", "wasm"]);
    });
  }
});

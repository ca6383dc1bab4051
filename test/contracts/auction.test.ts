// SPDX-License-Identifier: GPL-3.0-or-later
// A slice and a close-out from start to end with real proofs of both circuits.
import { expect } from "chai";
import { closeOutOf, pricesOf, sliceOf } from "../../prover/src/chain/lots.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { BTC, CASH, E6, E8, LEVELS, marketAt, peopled, STAGE, TERMS } from "./lot-world.ts";

describe("auctions, with real proofs", function () {
  this.timeout(600_000);
  const prover = createProver();
  after(() => prover.close());

  it("V17, V18, G16: a slice is sold with a credit, and a close-out of what is left is paid by price and fund", async () => {
    const { world, bidder, debtor } = await peopled({ prover });
    await world.deposit(debtor, BTC, E8 / 10n);
    await world.publish(marketAt(85_000n));
    const credit = await world.creditOf(debtor);
    const slice = sliceOf({ before: debtor.state, credit }, world.offering(LEVELS.liquidation));
    const open = await world.start(debtor, slice);
    const price = await world.take(debtor, bidder, open);
    expect(price).equal(pricesOf(slice, TERMS).firstPrice);
    for (const { id, state } of [debtor, bidder]) {
      expect((await world.gate.accountOf!(id)).state).equal(commitState(state));
    }
    expect(await world.gate.creditOf!(debtor.id, BTC)).equal(0n);
    await world.absorb(debtor, CASH, price);

    // A gap: the rest is worth less than it owes.
    await world.donate(1_000_000n * E6);
    await world.publish(marketAt(60_000n));
    const whole = closeOutOf({ before: debtor.state }, world.offering(LEVELS.closeOut));
    expect(whole.debt > whole.terms.size + whole.terms.tolerance).equal(true);
    const last = await world.start(debtor, whole);
    const paid = await world.take(debtor, bidder, last);
    expect(await world.stage(debtor)).equal(STAGE.closed);
    expect(await world.funds()).equal(1_000_000n * E6 - (whole.debt - paid));
    expect(await world.credit(debtor.id)).equal(whole.debt);
  });
});

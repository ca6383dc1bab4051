// SPDX-License-Identifier: GPL-3.0-or-later
/** A gate with its liquidation desk: lots, bids, cures and voids. */
import { auctionLotOf, cureLot, startLot, takeLot } from "../../prover/src/chain/liquidation.ts";
import { closeOutOf, type Offering, sliceOf } from "../../prover/src/chain/lots.ts";
import { withCredit } from "../../prover/src/model/lot.ts";
import { FAR, Gate } from "./gate.ts";
import { CASH, CASH_WORTH, type Holder, least, mostLost, type OpenLot, worthOf } from "./model.ts";

/** A lot that was taken. Cash 1e-6; `before` is what its account was worth at market when the lot was made, 1e-16. */
interface SoldLot {
  readonly holder: Holder;
  readonly price: bigint;
  readonly fromFund: bigint;
  readonly before: bigint;
}

export class Venue extends Gate {
  backstop: Holder | undefined;
  readonly sold: SoldLot[] = [];
  /** The most that a lot cost its account, in parts of what it may cost. */
  worstLot = 0;

  get #desk() {
    const { domains, chainId, prover } = this.chain;
    return { ...domains, chainId, liquidation: this.system.liquidation.target as string, prover };
  }
  offering(evidence: bigint, maxSlice: bigint): Offering {
    const { policy, market } = this.values.published("evidence");
    return {
      policy,
      market,
      levels: this.values.levels("evidence"),
      terms: { ...this.values.terms, maxSlice },
      evidence,
    };
  }

  /** Makes and starts the lot that the account's coverage calls for. `evidence` is the level that it is below. */
  async start(holder: Holder, evidence: bigint, { beneficiary = 0n, told = true, by = this.chain.operator } = {}) {
    const closes = evidence <= this.values.levels("evidence").closeOut;
    const cap = closes ? 0n : await this.chain.view<bigint>(this.system.liquidation, "capOf", holder.id);
    const { credit } = holder;
    const made = { before: holder.state, credit };
    const lot = (closes ? closeOutOf : sliceOf)(made, this.offering(evidence, cap));
    const published = this.values.published("evidence");
    const options = { deadline: FAR, beneficiary, ...(told ? {} : { blob: "0x" }) };
    const ready = await startLot(this.#desk, holder.id, lot, published, options);
    await this.seen(holder, "start");
    const { step, offer, opening, appraisals } = ready;
    const args = [step, offer, opening, appraisals, "0x"] as const;
    const events = await this.chain.transact(by.address, this.system.liquidation, "start", ...args);
    const { args: event } = events.find(({ name }) => name === "LotStarted")!;
    const started: OpenLot = {
      ...{ id: event.id, auction: auctionLotOf(event.lot), blob: event.blob, lot, told },
      ...{ market: published.market, before: worthOf(withCredit(holder.state, credit), published.market) },
    };
    holder.open = (await this.fault?.started?.(this, holder, started)) ?? started;
    this.touched.add(holder);
    await this.readStage(holder);
    this.say(`a ${lot.terms.kind} of account ${holder.id} (${holder.part}) is out, worth ${lot.terms.size}`);
  }
  /** Notes the credit: for minutes a lot counts this much, whatever is paid in meanwhile. */
  async note(holder: Holder) {
    await this.chain.transact(this.chain.operator.address, this.system.liquidation, "note", holder.id);
  }

  price({ auction }: OpenLot): Promise<bigint> {
    return this.chain.view<bigint>(this.system.liquidation, "priceOf", auction);
  }

  async take(holder: Holder, bidder: Holder, price: bigint, { inTurn = false } = {}) {
    const open = holder.open!;
    const { initial } = this.values.levels("outflow");
    const asked = { id: open.id, fill: open.lot.appraisal.fill, price, level: inTurn ? 0n : initial };
    const published = this.values.published("outflow");
    const account = { id: bidder.id, state: bidder.state };
    const taken = await takeLot(this.#desk, account, asked, published, { deadline: FAR, signer: bidder.owner });
    await this.seen(holder, "take");
    const { liquidation } = this.system;
    await this.chain.transact(bidder.owner.address, liquidation, "take", open.auction, open.blob, taken.step, price);
    // A hold keeps nobody from bidding.
    const ladder = { evenHeld: true };
    if (!inTurn) await this.takesOut(bidder, taken.after, "takes a lot", ladder);
    if (!inTurn) await this.free(bidder);
    this.#sold(holder, open, price);
    this.move(bidder, "lots", { state: taken.after });
    await this.readStage(holder, bidder);
    this.say(
      `account ${bidder.id} (${bidder.part}) takes the lot of account ${holder.id} (${holder.part}) for ${price}`,
    );
  }

  /** The account of a taken lot, and whoever is paid beside it, by the rules of docs/liquidation.md. */
  #sold(holder: Holder, open: OpenLot, price: bigint) {
    const { lot, auction, market, before } = open;
    const { reward: most } = this.values.terms;
    const repaid = least(price, lot.debt);
    const reward = auction.beneficiary === holder.id ? 0n : least((price - repaid) / 20n, most);
    const fromFund = auction.insolvent ? lot.debt - repaid : 0n;
    const counted = lot.step.credit;
    this.move(holder, "lots", {
      state: lot.appraisal.after,
      credit: [
        ...[...counted.collateral.entries()].map(([asset, lots]) => [asset, -lots] as const),
        [CASH, price - reward - counted.cash],
      ],
    });
    const lost = (before - worthOf(holder.state, market)) / CASH_WORTH - (price - reward);
    const bound = mostLost(open, this.values.terms.discountBps, reward);
    if (lost > bound) {
      this.fail(`a lot cost account ${holder.id} (${holder.part}) ${lost}, and by the model ${bound} at most`);
    }
    if (bound > 0n) this.worstLot = Math.max(this.worstLot, Number(lost) / Number(bound));
    if (fromFund > 0n && before >= 0n) {
      this.fail(`the fund pays ${fromFund} for account ${holder.id} (${holder.part}), which was solvent at market`);
    }
    if (fromFund > 0n && fromFund > -before / CASH_WORTH + bound) {
      this.fail(`the fund pays ${fromFund} for account ${holder.id}, more than it lacked and a lot may cost`);
    }
    this.till.fund -= fromFund;
    holder.owed += fromFund;
    this.move(holder, "fund", { credit: [[CASH, fromFund]] });
    const paid = this.holders.find(({ id }) => id === auction.beneficiary);
    if (paid === undefined) this.till.fund += reward;
    else if (paid !== holder) this.move(paid, "fees", { credit: [[CASH, reward]] });
    holder.open = undefined;
    this.sold.push({ holder, price, fromFund, before });
  }

  async cure(holder: Holder, lots: bigint) {
    const open = holder.open!;
    const absorbed = { asset: CASH, lots, units: lots };
    const given = { id: open.id, level: this.values.levels("evidence").call, absorbed };
    const account = { id: holder.id, state: holder.state };
    const cured = await cureLot(this.#desk, account, given, this.values.published("evidence"), { deadline: FAR });
    const { liquidation } = this.system;
    await this.chain.transact(holder.owner.address, liquidation, "cure", open.auction, cured.step, CASH, lots);
    this.move(holder, "fees", { state: cured.after, credit: [[CASH, -lots]] });
    holder.open = undefined;
    await this.readStage(holder);
    this.say(`account ${holder.id} (${holder.part}) is cured`);
  }

  async void(holder: Holder, by = this.chain.carrier) {
    const { auction } = holder.open!;
    await this.chain.transact(by.address, this.system.liquidation, "void", auction);
    holder.open = undefined;
    await this.readStage(holder);
    this.say(`the lot of account ${holder.id} (${holder.part}) is void`);
  }
}

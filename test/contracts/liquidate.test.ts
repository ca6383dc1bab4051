// SPDX-License-Identifier: GPL-3.0-or-later
/** What a venue does about accounts that lack margin, by its use cases: under simulated keys, by what the model says. */
import { expect } from "chai";
import type { Contract, Signer } from "ethers";
import { auctionAt } from "../../prover/src/app/account/auction.ts";
import { endAuction, flagAccount, startAuction, type VenueMachine } from "../../prover/src/app/account/liquidate.ts";
import type { Leaving } from "../../prover/src/app/account/session.ts";
import { AccountClient } from "../../prover/src/chain/client.ts";
import { type GateCall, signClear } from "../../prover/src/chain/gate-calls.ts";
import { type GateView, gateAt } from "../../prover/src/chain/gate-view.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { type MarketFile, readMarket } from "../../prover/src/formats/market.ts";
import { randomViewingKey } from "../../prover/src/model/account.ts";
import { commitFill } from "../../prover/src/model/commit.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import type { Fill } from "../../prover/src/model/transition.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { longOf, lotsFor } from "../support/longs.ts";
import { simulatedKey } from "../support/simulated.ts";
import { Venue } from "../support/venue.ts";
import { modelProver } from "./lot-world.ts";
import { deployable } from "./world.ts";

const E6 = 1_000_000n;
const MILLION = 1_000_000n * E6;

describe("a venue and accounts that lack margin", function () {
  this.timeout(120_000);
  const firm = sampleFirm();
  const account = simulatedKey("board-60");
  const lot = simulatedKey("lot-60");
  const keys = [account, simulatedKey("settlement-60"), lot];
  const prover = modelProver({ account, lot } as never);
  let venue: Venue;
  let view: GateView;
  let machine: VenueMachine & { readonly asked: Leaving[] };
  let market: MarketFile;
  let fallen: MarketFile;
  let clients: ConstructorParameters<typeof AccountClient>[0];

  before(async () => {
    venue = await Venue.open({
      deployable: keys.map((each) => deployable(each as never)),
      makerOf: async (circuit) => keys.find(({ identity }) => identity.size === circuit)!,
    });
    const read = (document: typeof firm.market) => readMarket(formatJson(document), "market.json", venue.policy);
    [market, fallen] = [read(firm.market), read(firm.marketAfterFall)];
    const { gate, exchange, clearing } = venue.deployment;
    view = await gateAt(venue.operator.provider as never, await gate.getAddress());
    const asked: Leaving[] = [];
    machine = {
      ...{
        provider: venue.operator.provider as never,
        signer: venue.operator as never,
        prover: prover as never,
        asked,
      },
      consent: async (leaving) => void asked.push(leaving),
    };
    const cosign = (first: GateCall, second?: GateCall) => signClear(venue.operator, view.domains, first, second);
    clients = { gate, exchange, clearing, domains: view.domains, prover: prover as never, cosign };
  });
  after(() => venue.close());

  async function member(index: number, cash: bigint): Promise<AccountClient> {
    const owner = venue.signers[index]!;
    const client = await AccountClient.open(clients, owner, { size: "board-60", viewingKey: randomViewingKey() });
    await paysIn(client, owner, cash);
    await client.absorb(CASH_INDEX, cash);
    return client;
  }
  async function paysIn(client: AccountClient, owner: Signer, cash: bigint): Promise<void> {
    await venue.give(await owner.getAddress(), CASH_INDEX, cash);
    const token = venue.tokens.get(CASH_INDEX)!.connect(owner) as Contract;
    await (await token.getFunction("approve")(venue.gate, cash)).wait();
    const gate = venue.gate.connect(owner) as Contract;
    await (await gate.getFunction("deposit")(client.id, await owner.getAddress(), CASH_INDEX, cash)).wait();
  }
  const watched = (client: AccountClient, at: MarketFile) => ({
    ...{ gate: view.address, account: client.id, viewingKey: client.state.viewingKey },
    ...{ policy: venue.policy, market: at },
  });
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => expect.fail("it was not refused"),
      (error) => {
        expect(error).instanceOf(PlimsollError);
        return error as PlimsollError;
      },
    );
  const stage = async ({ id }: AccountClient) => Number((await venue.gate.getFunction("accountOf")(id)).stage);

  it("call, sell a slice or all, count what was paid in, and end what nobody won; by whom each may be done; each has one effect", async () => {
    const files = { policy: venue.policy, market, fallen };
    const house = await member(5, 50n * MILLION);
    const [slicing, closing] = [await member(6, MILLION), await member(7, MILLION)];
    const { policyId } = await venue.deployment.oracle.getFunction("outflow")(1);
    const under = { policyId, epoch: market.epoch, policy: venue.policy.policy, market: market.market };
    const { initial } = venue.policy.levels;
    await slicing.trade(house, longOf(market, lotsFor(9_000n, MILLION, files)), initial, under);
    await closing.trade(house, longOf(market, lotsFor(4_000n, MILLION, files)), initial, under);

    expect((await refusal(flagAccount(machine, { ...watched(slicing, market), below: "call" }))).code).equal(
      "STATEMENT_FALSE",
    );
    const kept: Fill[] = [];
    const order = (client: AccountClient, at: MarketFile, open = false) => ({
      ...{ ...watched(client, at), open, beneficiary: house.id },
      keep: async (fill: Fill) => void kept.push(fill),
    });
    expect((await refusal(startAuction(machine, order(slicing, market)))).code).equal("STATEMENT_FALSE");
    expect(kept).lengthOf(0);
    const wrong = { ...watched(slicing, market), viewingKey: randomViewingKey(), below: "call" } as const;
    expect((await refusal(flagAccount(machine, wrong))).code).equal("STATE_UNKNOWN");

    await venue.passes(1_800);
    await venue.publish(fallen);
    machine.asked.length = 0;
    // The chain takes what helps an account by the epoch before for a while, and nothing against one.
    for (const work of [
      () => flagAccount(machine, { ...watched(slicing, market), below: "call" }),
      () => startAuction(machine, order(slicing, market)),
    ]) {
      expect((await refusal(work())).place.field).equal("epoch");
    }
    expect([machine.asked.length, kept.length]).deep.equal([0, 0]);
    const stranger = { ...machine, signer: venue.signers[9] as never };
    await flagAccount(stranger, { ...watched(slicing, fallen), below: "call" });
    expect(machine.asked.map(({ words }) => words)).deep.equal([`call account ${slicing.id}: it is below call`]);
    expect(await stage(slicing)).equal(1);
    const again = await refusal(flagAccount(machine, { ...watched(slicing, fallen), below: "call" }));
    expect([again.code, again.message.includes("StageWrong")]).deep.equal(["CALL_REFUSED", true]);

    const slice = await startAuction(machine, order(slicing, fallen, true));
    expect(slice.kind).equal("slice");
    expect(slice.firstPrice > slice.lastPrice).equal(true);
    expect(kept).deep.equal([slice.fill]);
    const auction = await auctionAt(view, slicing.id);
    expect([auction.id, auction.lot.fill, auction.lot.beneficiary]).deep.equal([
      slice.id,
      commitFill(slice.fill),
      house.id,
    ]);
    expect(Buffer.from(auction.opening.slice(2), "hex").toString()).contain('"positions"');
    const tellings = machine.asked.map(({ shows }) => shows);
    expect(tellings.at(-1)).contain("is below liquidation").contain("what the lot is worth and costs");
    expect(tellings.at(-1)).contain("all that is in it").not.contain("owes");
    // Nobody is asked, and what bidders need is not written over.
    const twice = await refusal(startAuction(machine, order(slicing, fallen)));
    expect([twice.code, twice.rule]).deep.equal([
      "CALL_REFUSED",
      `a lot of account ${slicing.id} is on auction already`,
    ]);
    expect([kept.length, machine.asked.length]).deep.equal([1, tellings.length]);

    const refused = await refusal(startAuction(stranger, order(closing, fallen)));
    expect([refused.code, refused.message.includes("OperatorMissing")]).deep.equal(["CALL_REFUSED", true]);
    // What was paid in counts, absorbed or not.
    await paysIn(closing, venue.signers[7]!, 1_000n * E6);
    const whole = await startAuction(machine, order(closing, fallen));
    expect(whole.kind).equal("close-out");
    expect(machine.asked.at(-1)!.shows).contain("is below close-out").contain("what the account owes after it");
    expect((await auctionAt(view, closing.id)).opening).equal("0x");
    expect((await auctionAt(view, closing.id)).lot.credit.some((word) => word > 0n)).equal(true);

    expect((await refusal(endAuction(machine, { gate: view.address, account: slicing.id }))).message).contain(
      "AuctionRunning",
    );
    await venue.passes(3 * 86_400);
    await endAuction(machine, { gate: view.address, account: slicing.id });
    expect(await stage(slicing)).equal(1);
    expect((await refusal(endAuction(machine, { gate: view.address, account: slicing.id }))).code).equal(
      "CALL_REFUSED",
    );
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** Events from nodes with limits of every size, on random histories. `account-use.test.ts` restores an account by such a node. */
import { expect } from "chai";
import { type Contract, type EventLog, makeError } from "ethers";
import { eventsBack, latestEvent } from "../../prover/src/chain/events.ts";
import { seededRng } from "../support/random.ts";

/** A contract with events at these places whose node answers for so many blocks, with so many events, at a time. */
function limited(places: readonly { blockNumber: number; index: number }[], end: number, blocks: number, most: number) {
  let refusals = 0;
  const asked: (readonly [number, number])[] = [];
  const contract = {
    runner: { provider: { getBlockNumber: async () => end } },
    async queryFilter(_: string, first: number, last: number) {
      const found = places.filter(({ blockNumber }) => blockNumber >= first && blockNumber <= last);
      if (last - first + 1 > blocks || found.length > most) {
        refusals++;
        throw makeError("could not coalesce error", "UNKNOWN_ERROR", { error: { code: -32005 } } as never);
      }
      asked.push([first, last]);
      return found as EventLog[];
    },
  };
  return { contract: contract as unknown as Contract, asked, refusals: () => refusals };
}

describe("events of a contract", () => {
  const all = async (search: AsyncGenerator<EventLog>) => {
    const events: EventLog[] = [];
    for await (const event of search) events.push(event);
    return events;
  };

  it("come once each, the latest first, whatever the node's limits are; those are found in few refusals", async () => {
    const rng = seededRng(7);
    for (let round = 0; round < 200; round++) {
      const end = 1 + Number(rng.below(5_000n));
      const places = Array.from({ length: Number(rng.below(60n)) }, (_, index) => ({
        blockNumber: Number(rng.below(BigInt(end + 1))),
        index,
      }));
      const inOneBlock = Math.max(
        1,
        ...places.map(({ blockNumber }) => places.filter((each) => each.blockNumber === blockNumber).length),
      );
      const blocks = 1 + Number(rng.below(BigInt(2 * end)));
      const most = inOneBlock + Number(rng.below(40n));
      const { contract, refusals, asked } = limited(places, end, blocks, most);
      const from = Number(rng.below(BigInt(end)));
      const expected = places
        .filter(({ blockNumber }) => blockNumber >= from)
        .sort((one, other) => other.blockNumber - one.blockNumber || other.index - one.index);
      expect(await all(eventsBack(contract, ["Event"], { from }))).deep.equal(expected);
      expect(asked.reduce((sum, [first, last]) => sum + last - first + 1, 0)).equal(end - from + 1);
      expect(refusals()).below(22);
    }
  });

  it("are looked for no further than the latest, or than the block of the first that there can be", async () => {
    const places = [3, 500, 990].map((blockNumber) => ({ blockNumber, index: 0 }));
    const { contract, asked } = limited(places, 1_000, 20, 10);
    expect(await latestEvent(contract, "Event")).deep.equal(places[2]);
    expect(asked).lengthOf(1);
    const isFirst = ({ blockNumber }: EventLog) => blockNumber === 500;
    expect(await all(eventsBack(contract, ["Event"], { isFirst }))).deep.equal([places[2], places[1]]);
    expect(Math.min(...asked.map(([first]) => first))).greaterThan(400);
    expect(await latestEvent(contract, "Event", { from: 1_001 })).equal(undefined);
  });

  it("more is asked for again once a node that refused for a moment has answered for a while", async () => {
    const { contract, asked } = limited([], 1_000_000, Number.POSITIVE_INFINITY, 1);
    const own = contract.queryFilter.bind(contract);
    let busy = 20;
    contract.queryFilter = async (...args) => {
      if (busy-- > 0) throw makeError("could not coalesce error", "UNKNOWN_ERROR", {} as never);
      return own(...args);
    };
    expect(await all(eventsBack(contract, ["Event"]))).deep.equal([]);
    expect(asked.length).below(60);
    expect(asked.at(-1)![0]).equal(0);
  });

  it("a node that refuses a single block, or does not answer, is asked no more", async () => {
    const deaf = limited([], 1_000, 0, 0);
    const error = await all(eventsBack(deaf.contract, ["Event"])).catch((thrown) => thrown);
    expect(error.code).equal("UNKNOWN_ERROR");
    expect(deaf.refusals()).equal(11);
    let asked = 0;
    const dead = {
      runner: { provider: { getBlockNumber: async () => 1_000 } },
      async queryFilter() {
        asked++;
        throw makeError("timeout", "TIMEOUT", {} as never);
      },
    } as unknown as Contract;
    expect((await all(eventsBack(dead, ["Event"])).catch((thrown) => thrown)).code).equal("TIMEOUT");
    expect(asked).equal(1);
  });
});

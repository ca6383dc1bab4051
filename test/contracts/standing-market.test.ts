// SPDX-License-Identifier: GPL-3.0-or-later
/** The standing market as anybody reads it from the chain: the venue's own file, or a refusal. Simulated keys, a real chain. */
import { expect } from "chai";
import { concat, Interface, type JsonRpcProvider } from "ethers";
import { type GateView, gateAt } from "../../prover/src/chain/gate-view.ts";
import { packValues, unpackValues } from "../../prover/src/chain/packed-values.ts";
import { providerAt } from "../../prover/src/chain/provider.ts";
import { publication } from "../../prover/src/chain/publication.ts";
import { publishedAt } from "../../prover/src/chain/published.ts";
import { standingMarket } from "../../prover/src/chain/standing-market.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { type MarketDocument, type MarketFile, readMarket } from "../../prover/src/formats/market.ts";
import { CLOSED_ROW } from "../../prover/src/model/market.ts";
import { BOARD_SIZES } from "../../prover/src/model/sizes.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { columnE6 } from "../../prover/src/units.ts";
import { randomMarket, seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import { CIRCUITS, Venue } from "../support/venue.ts";
import { deployable } from "./world.ts";

const refusal = async (work: () => unknown): Promise<PlimsollError> => {
  try {
    await work();
  } catch (error) {
    expect(error).instanceOf(PlimsollError);
    return error as PlimsollError;
  }
  return expect.fail("it was not refused");
};

describe("the standing market, read from the chain", function () {
  this.timeout(120_000);
  const firm = sampleFirm();
  let venue: Venue;
  let provider: JsonRpcProvider;
  let view: GateView;
  let names: MarketFile;
  let asked = 0;

  before(async () => {
    const keys = CIRCUITS.map((circuit) => simulatedKey(circuit));
    venue = await Venue.open({
      deployable: keys.map((each) => deployable(each)),
      makerOf: async (circuit) => keys.find(({ identity }) => identity.size === circuit)!,
    });
    provider = await providerAt(venue.rpc);
    view = await gateAt(provider, await venue.gate.getAddress());
    names = read(firm.market);
  });
  after(async () => {
    provider.destroy();
    await venue.close();
  });

  const read = (document: MarketDocument) => readMarket(formatJson(document), "market.json", venue.policy);
  const fetched = (from: GateView = view) => standingMarket(from, { policy: venue.policy, names });
  /** A view whose node answers with other calldata. */
  const told = (change: (data: string) => string | undefined): GateView => {
    const node = new Proxy(provider, {
      get(target, name, itself) {
        if (name === "provider") return itself;
        const own = Reflect.get(target, name);
        if (name !== "getTransaction") return typeof own === "function" ? own.bind(target) : own;
        return async (hash: string) => {
          const data = change((await target.getTransaction(hash))!.data);
          asked++;
          return data === undefined ? null : { data };
        };
      },
    });
    return { ...view, market: view.market.connect(node) as GateView["market"] };
  };

  it("is the venue's own file, to the byte, and a later epoch under the names of an earlier one", async () => {
    const { document: first } = await fetched();
    expect(formatJson({ ...first, time: firm.market.time })).equal(formatJson(firm.market));
    await venue.passes(1_800);
    const fallen = read(firm.marketAfterFall);
    await venue.publish(fallen);
    const { document, file, closed, unnamed } = await fetched();
    expect([closed, unnamed]).deep.equal([null, []]);
    expect({ ...document, time: "" }).deep.equal({ ...firm.marketAfterFall, time: "" });
    expect(file.epoch).equal(fallen.epoch);
    const published = await publishedAt(view, { policy: venue.policy, market: file }, "outflow");
    expect(published.market).deep.equal(fallen.market);
  });

  it("is found in the calldata of a contract that passes `publish` on, behind four bytes that look like it", async () => {
    const batch = new Interface(["function aggregate((address target, bytes data)[] calls)"]);
    const { target } = view.market;
    const { selector } = view.market.interface.getFunction("publish")!;
    const calls = (data: string) => [
      { target, data: concat([selector, "0x0102"]) },
      { target, data },
    ];
    const passedOn = told((data) => batch.encodeFunctionData("aggregate", [calls(data)]));
    expect((await fetched(passedOn)).document).deep.equal((await fetched()).document);
    expect(asked).equal(1);
  });

  it("a carrier that fills its calldata with what looks like values holds nobody up", async () => {
    const { selector } = view.market.interface.getFunction("publish")!;
    const filled = told((data) => concat([...Array<string>(16_000).fill(selector), data]));
    const before = asked;
    expect((await fetched(filled)).document).deep.equal((await fetched()).document);
    expect(asked).equal(before + 1);
  });

  it("refuses calldata with other values, none, a board without an epoch, and names of another board", async () => {
    const values = publication(read(firm.marketAfterFall).market, { board: 1n, epoch: 8n }).values.slice(2);
    const forged = (data: string) => {
      expect(data).contain(values);
      return data.replace(
        values,
        values.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")),
      );
    };
    for (const change of [forged, () => "0x", () => undefined]) {
      const { code, rule } = await refusal(() => fetched(told(change)));
      expect(code).equal("CHAIN_FAILED");
      expect(rule).contain(`values of epoch ${names.epoch + 1n}`);
    }
    expect((await refusal(() => fetched({ ...view, board: 2n }))).code).equal("CALL_REFUSED");
    const late = { policy: venue.policy, names: { ...names, epoch: names.epoch + 9n } };
    expect((await refusal(() => standingMarket(view, late))).place.field).equal("epoch");
    const larger = await refusal(() => fetched({ ...view, size: "board-240" }));
    expect(larger).deep.include({ code: "FIELD_INVALID", rule: "the gate is for board-240" });
  });

  it("keeps a name until the row has expired, and gives a row that is listed again a number in its place", async () => {
    const row = names.instruments.findIndex((each) => each?.symbol === "BTC-25DEC26-100000-C");
    const standing = (await fetched()).file;
    await venue.settle(new Map([[row, columnE6(4_321_000_000n)]]));
    // The epoch that the settlement has frozen valued the option that has the name.
    const frozen = await fetched();
    expect(frozen.file.instruments[row]?.symbol).equal("BTC-25DEC26-100000-C");
    expect(frozen.closed).contain("wait for the venue's next epoch");
    const next = (epoch: bigint, values: MarketFile["market"]["board"]["rows"][number]): MarketFile => ({
      ...standing,
      epoch,
      market: {
        ...standing.market,
        board: { ...standing.market.board, rows: standing.market.board.rows.with(row, values) },
      },
    });
    await venue.publish(next(standing.epoch + 1n, CLOSED_ROW));
    expect((await fetched()).file.instruments[row]).equal(undefined);
    await venue.passes(1_800);
    await venue.publish(next(standing.epoch + 2n, standing.market.board.rows[row]!));
    const { file, unnamed } = await fetched();
    expect(unnamed).deep.equal([row]);
    expect(file.instruments[row]).deep.equal({ symbol: `ROW-${row}`, lot: { units: 1n, decimals: 0 }, terms: {} });
    expect(file.market.board).deep.equal(standing.market.board);
  });
});

describe("packed values", () => {
  it("are read as they were written, on random boards of all sizes; cut short or too long they are refused", async () => {
    const rng = seededRng(29);
    for (const size of BOARD_SIZES) {
      for (let round = 0; round < 3; round++) {
        const { board } = randomMarket(rng, size);
        const packed = packValues({ ...board, rows: board.rows.with(round, CLOSED_ROW) });
        expect(unpackValues(size, packed)).deep.equal({ ...board, rows: board.rows.with(round, CLOSED_ROW) });
        for (const wrong of [packed.slice(0, -1), new Uint8Array([...packed, 0]), new Uint8Array()]) {
          expect((await refusal(() => unpackValues(size, wrong))).code).equal("FIELD_INVALID");
        }
      }
    }
  });
});

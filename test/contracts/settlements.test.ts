// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys. No proofs.
import { expect } from "chai";
import { keccak256 } from "ethers";
import { FAMILY_IDS, fixedValues, marksStatement } from "../../prover/src/chain/carrier.ts";
import { signSettlement } from "../../prover/src/chain/publication.ts";
import { type BoardRow, CLOSED_ROW, type Market } from "../../prover/src/model/market.ts";
import { settlementSignals } from "../../prover/src/statement/signals.ts";
import type { ChargeE6, ColumnE6 } from "../../prover/src/units.ts";
import { freshMarkets } from "../support/fresh-markets.ts";
import { type Called, DAY, keysOf, Markets, marketAt, NO_HASH, routerOf } from "./markets.ts";
import { pointOf } from "./points.ts";

describe("settlements", () => {
  let world: Markets;
  let settlements: Called;
  let gate: Called;
  freshMarkets(async (made) => {
    world = made;
    ({ settlements } = made);
    gate = (await made.ethers.deployContract("TestGate")) as unknown as Called;
  });
  const refusedBy = (contract: Called, sent: Promise<unknown>, error: string, ...values: unknown[]) => {
    const refused = expect(sent).to.be.revertedWithCustomError(contract, error);
    return values.length === 0 ? refused : refused.withArgs(...values);
  };
  const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
    refusedBy(settlements, sent, error, ...values);
  const withRow = (market: Market, row: number, change: Partial<BoardRow>): Market => ({
    ...market,
    board: { ...market.board, rows: market.board.rows.with(row, { ...market.board.rows[row]!, ...change }) },
  });
  const pointOfMarks = (marks: Record<number, bigint>) => {
    const rows = new Map(Object.entries(marks).map(([row, mark]) => [Number(row), mark as ColumnE6]));
    const { x, y } = pointOf(world.key(FAMILY_IDS.settlement).key, settlementSignals("board-60", rows), 3);
    return [x, y];
  };
  /** Packed marks that reporters signed, with the link of others. */
  const sendPacked = async (packed: string) => {
    const { link } = await world.settle({ 3: 5n }, 1n);
    const value = { board: 1n, number: 1n, marksHash: keccak256(packed), deadline: 1n << 40n };
    const signatures = await signSettlement(world.reporters.slice(0, 3), await world.domain(), value);
    return settlements.settle!(1, 1, packed, 1n << 40n, signatures, link);
  };

  it("closes rows, in every block, and nothing else does", async () => {
    for (const size of ["board-60", "board-480"] as const) {
      const large = await Markets.create(size);
      const row = large.market.board.rows[0]!;
      const last = large.market.board.rows.length - 1;
      const market = {
        ...large.market,
        board: { ...large.market.board, rows: large.market.board.rows.with(last, row) },
      };
      await large.publish({ market });
      const bare = { ...market, board: { ...market.board, rows: market.board.rows.with(last, CLOSED_ROW) } };
      const refused = large.send(await large.make({ market: bare }));
      const block = last === 59 ? 0 : 7;
      await expect(refused)
        .to.be.revertedWithCustomError(large.settlements, "RowsNotExpired")
        .withArgs(block, 1n << 59n);
      await (await large.settle({ [last]: 1n }, 1n)).send();
      await large.publish({ market: bare });
    }
  });

  it("counts from 1, under the quorum, and its point is that of its marks, at both ends of their range", async () => {
    await refuses(world.oracle.settlementOf!(1, 1), "SettlementUnknown", 1, 1);
    await refuses(world.oracle.settlementOf!(1, 0), "SettlementUnknown", 1, 0);
    const marks = { 1: (1n << 42n) - 1n, 7: 1n - (1n << 42n), 8: -5n, 59: 0n };
    await (await world.settle(marks, 1n)).send();
    expect(await world.oracle.settlementsOf!(1)).to.equal(1n);
    const [verifier, point] = (await world.oracle.settlementOf!(1, 1)) as unknown as [string, bigint[]];
    expect(point).to.deep.equal(pointOfMarks(marks));
    expect(verifier).to.equal(await world.router.verifierOf!(60, FAMILY_IDS.settlement));
    await refuses((await world.settle({ 2: 1n }, 3n)).send(), "SettlementNotNext", 3, 1);
    await world.time.increase(600n);
    await (await world.settle({ 2: 1n }, 2n)).send();
  });

  it("nothing is done on values from before it, and the clock stops", async () => {
    await (await world.settle({ 1: 5n }, 1n)).send();
    for (const view of [world.outflow(), world.evidence(), world.attesting(1n)]) {
      await refusedBy(world.oracle, view, "EpochFrozen", 1, 1);
    }
    const stopped = await world.oracle.clock!(1);
    await world.time.increase(100);
    expect(await world.oracle.clock!(1)).to.equal(stopped);
    await world.publish({ market: withRow(world.market, 1, CLOSED_ROW) });
    await world.outflow();
  });

  it("a row is listed anew when every account has settled, and closed until then", async () => {
    await (await world.settle({ 1: 5n }, 1n)).send();
    const live = await world.make();
    await refuses(world.send(live), "RowsNotSettled", 0, 2, 1);
    await world.setUp(world.oracle, "bindGate", 1, gate);
    await refuses(world.send(live), "RowsNotSettled", 0, 2, 1);
    const cheap = withRow(world.market, 1, { ...CLOSED_ROW, longCharge: 1n as ChargeE6 });
    await refuses(world.send(await world.make({ market: cheap })), "RowsNotSettled", 0, 2, 1);
    await world.publish({ market: withRow(world.market, 1, CLOSED_ROW) });
    await gate.set!(1, 1);
    await world.publish({ market: marketAt("board-60", 100_000n, 4_000n) });
    await gate.set!(1, 0);
    await world.publish();
  });

  it("O12: refuses marks out of range, rows beyond the block, bytes that are missing and bytes too many", async () => {
    const mask = (bits: bigint) => bits.toString(16).padStart(16, "0");
    const six = (value: bigint) => BigInt.asUintN(48, value).toString(16).padStart(12, "0");
    for (const mark of [1n << 42n, -(1n << 42n)]) {
      await refuses(sendPacked(`0x${mask(1n << 3n)}${six(mark)}`), "MarkOutOfRange", 3);
    }
    await refuses(sendPacked(`0x${mask(1n << 60n)}`), "MaskOutOfRange", 0);
    await refuses(sendPacked("0x"), "MarksTruncated", 0);
    await refuses(sendPacked(`0x${mask(3n)}${six(1n)}`), "MarksTruncated", 0);
    await refuses(sendPacked(`0x${mask(1n << 3n)}${six(5n)}00`), "MarksTooLong", 15, 14);
  });

  it("O01: refuses another number, fewer signatures, strangers, and marks that were not signed", async () => {
    const { packed, signatures, link, deadline } = await world.settle({ 1: 5n }, 1n);
    const settle = (number: number, by: unknown[], marks = packed, until = deadline) =>
      settlements.settle!(1, number, marks, until, by, link);
    const byReporters = (sent: Promise<unknown>, error: string) => refusedBy(world.quorum, sent, error);
    await refuses(settle(2, signatures), "SettlementNotNext", 2, 0);
    await byReporters(settle(1, signatures.slice(1)), "ObservationsWrong");
    await byReporters(settle(1, [signatures[1], signatures[0], signatures[2]]), "ReporterOutOfOrder");
    const other = await world.settle({ 2: 5n }, 1n);
    await expect(settle(1, signatures, other.packed)).to.be.revert(world.ethers);
    await expect(settle(1, signatures, packed, deadline - 1n)).to.be.revert(world.ethers);
    await world.setUp(world.quorum, "setReporters", [world.signers[9]!.address], 1);
    await byReporters(settle(1, signatures), "ObservationsWrong");
  });

  it("G26: what was signed is taken until its deadline, and not a second longer", async () => {
    const deadline = (await world.now()) + 100n;
    const { send } = await world.settle({ 1: 5n }, 1n, deadline);
    const snapshot = await world.chain.networkHelpers.takeSnapshot();
    await world.time.setNextBlockTimestamp(deadline + 1n);
    await refuses(send(), "DeadlinePassed", deadline, deadline + 1n);
    await snapshot.restore();
    await world.time.setNextBlockTimestamp(deadline);
    await send();
  });

  it("V20: refuses a link of other marks, number, board, or of an epoch", async () => {
    const made = await world.settle({ 1: 5n }, 1n);
    const verifier = (await world.ethers.getContractAt(
      "SettlementVerifier",
      await world.router.verifierOf!(60, FAMILY_IDS.settlement),
    )) as unknown as Called;
    const key = world.key(FAMILY_IDS.settlement);
    const place = { chainId: 31_337n, address: await settlements.getAddress() };
    const rows = (mark: bigint) => new Map([[1, mark as ColumnE6]]);
    const [one, two] = [
      { board: 1n, number: 1n },
      { board: 1n, number: 2n },
    ];
    for (const statement of [
      { ...made.statement, values: settlementSignals("board-60", rows(6n)) },
      marksStatement(place, two, "board-60", rows(5n), made.marksHash),
      marksStatement(place, { ...one, board: 2n }, "board-60", rows(5n), made.marksHash),
      { ...made.statement, fixedBy: NO_HASH },
      marksStatement({ ...place, chainId: 1n }, one, "board-60", rows(5n), made.marksHash),
    ]) {
      const sent = settlements.settle!(1, 1, made.packed, made.deadline, made.signatures, key.link(statement));
      await refusedBy(verifier, sent, "LinkFalse");
    }
    await made.send();
  });

  it("V15: is made under the keys in force when it is opened", async () => {
    const keys = keysOf("board-60", 9n);
    const router = await routerOf(world.chain, keys);
    await world.linkKeys(router, keys);
    await world.setUp(world.registry, "rotate", 1, router);
    await expect((await world.settle({ 1: 5n }, 1n)).send()).to.be.revert(world.ethers);
    const old = world.keys;
    world.keys = keys;
    await (await world.settle({ 1: 5n }, 1n)).send();
    const [verifier] = (await world.oracle.settlementOf!(1, 1)) as unknown as [string];
    expect(verifier).to.equal(await router.verifierOf!(60, FAMILY_IDS.settlement));
    world.keys = old;
  });

  it("of a board of 480 is one transaction, and keeps its rows closed in every block", async () => {
    const large = await Markets.create("board-480");
    await large.publish();
    const market = { ...large.market, board: { ...large.market.board } };
    market.board.rows = market.board.rows.with(420, large.market.board.rows[0]!);
    await (await large.settle({ 61: 7n, 420: -3n }, 1n)).send();
    const sent = large.send(await large.make({ market }));
    await expect(sent).to.be.revertedWithCustomError(settlements, "RowsNotSettled").withArgs(7, 1, 1);
    await large.publish();
  });

  it("has rows open and closed by the oracle's word alone, and is frozen by its own alone", async () => {
    const [owner] = world.signers;
    await refuses(settlements.takeRows!(1, [0], false, gate), "NotOracle", owner!.address);
    await refusedBy(world.oracle, world.oracle.freeze!(1), "NotSettlements", owner!.address);
  });

  describe("when the board has come to its end", () => {
    const windDown = async (made: Awaited<ReturnType<Markets["make"]>>, values = made.values, by = 9) => {
      const { counted, epoch } = made;
      const place = { chainId: 31_337n, address: await settlements.getAddress() };
      const number = ((await world.oracle.settlementsOf!(1)) as unknown as bigint) + 1n;
      const marks = new Map(world.market.board.rows.map((row, index) => [index, row.mark]));
      const fixedBy = fixedValues(epoch.valuesHash, counted);
      const statement = marksStatement(place, { board: 1n, number }, "board-60", marks, fixedBy);
      const link = world.key(FAMILY_IDS.settlement).link(statement);
      const as = world.as(world.signers[by]!, settlements);
      return as.windDown!(1, values, counted.prices, counted.debtRateBps, link);
    };

    it("settles everything at the last marks, once, by anyone", async () => {
      const made = await world.publish();
      const until = (await world.now()) + 30n * DAY;
      await world.time.setNextBlockTimestamp(until);
      await refuses(windDown(made), "LifeNotOver", until);
      await refusedBy(world.oracle, windDown(made, `${made.values.slice(0, -2)}01`), "ValuesWrong");
      await windDown(made);
      const [, point] = (await world.oracle.settlementOf!(1, 1)) as unknown as [string, bigint[]];
      expect(point).to.deep.equal(
        pointOfMarks(Object.fromEntries(world.market.board.rows.map((row, index) => [index, row.mark]))),
      );
      await refuses(windDown(made), "WoundDown", 1, 2);
      await world.setUp(world.registry, "createBoard", world.router, 60, world.policy());
      const none = settlements.windDown!(2, made.values, made.counted.prices, 0n, made.links[0]!.link);
      await refuses(none, "EpochMissing", 2);
    });
  });
});

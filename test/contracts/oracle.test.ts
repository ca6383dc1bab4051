// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys, whose secrets make links as a link key does. No proofs.
import { expect } from "chai";
import { keccak256, type Result } from "ethers";
import { FAMILY_IDS } from "../../prover/src/chain/carrier.ts";
import { packRow, packValues } from "../../prover/src/chain/packed-values.ts";
import { byAddress, domainOf, observe } from "../../prover/src/chain/publication.ts";
import { type BoardRow, CLOSED_ROW, EMPTY_ROW, type Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import { ASSETS, type BoardSize } from "../../prover/src/model/sizes.ts";
import { marketSignals } from "../../prover/src/statement/signals.ts";
import type { ChargeE6, ColumnE6, LotPriceE16, RateBps, ThresholdE6 } from "../../prover/src/units.ts";
import { freshMarkets } from "../support/fresh-markets.ts";
import { randomMarket, seededRng } from "../support/random.ts";
import { type Called, E8, listed, type Markets, marketAt, POLICY, TERMS, ZERO } from "./markets.ts";
import { pointOf } from "./points.ts";

const { maxAge } = TERMS;
const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

describe("price oracle", () => {
  let world: Markets;
  let oracle: Called;

  const onChain = (size: BoardSize = "board-60") =>
    freshMarkets(
      (made) => {
        world = made;
        ({ oracle } = made);
      },
      { size },
    );
  const refusedBy = (contract: Called, sent: Promise<unknown>, error: string, ...values: unknown[]) => {
    const refused = expect(sent).to.be.revertedWithCustomError(contract, error);
    return values.length === 0 ? refused : refused.withArgs(...values);
  };
  const refuses = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
    refusedBy(oracle, sent, error, ...values);
  const expected = (market: Market, policy: Policy = POLICY) => {
    const { x, y } = pointOf(world.key(FAMILY_IDS.account).key, marketSignals(policy, market));
    return [x, y];
  };
  const withRow = (market: Market, row: number, change: Partial<BoardRow>): Market => ({
    ...market,
    board: { ...market.board, rows: market.board.rows.with(row, { ...market.board.rows[row]!, ...change }) },
  });
  const priced = (first: bigint, second: bigint) => [first, second, ...new Array<bigint>(ASSETS - 2).fill(0n)];

  describe("observations", () => {
    onChain();
    const refusedByReporters = (sent: Promise<unknown>, error: string, ...values: unknown[]) =>
      refusedBy(world.quorum, sent, error, ...values);

    it("takes the median of each price and of the time", async () => {
      const now = await world.now();
      await world.time.increase(60);
      const seen = (time: bigint, first: bigint, second: bigint) => ({
        time: time + 40n,
        prices: priced(first * E8, second * E8),
      });
      const sights = [
        seen(now - 30n, 101_000n, 4_001n),
        seen(now - 10n, 99_000n, 3_999n),
        seen(now - 20n, 100_500n, 4_005n),
      ];
      await world.publish({ sights });
      const { point, time } = await world.standing();
      expect(point).to.deep.equal(expected({ ...world.market, prices: marketAt("board-60", 100_500n, 4_001n).prices }));
      expect(time).to.equal(now + 20n);
    });

    it("O01: refuses k − 1 observations, and k + 1", async () => {
      for (const count of [2, 4]) {
        const made = await world.make({ reporters: world.reporters.slice(0, count) }, 2n);
        await refusedByReporters(world.send(made), "ObservationsWrong", 3, count);
      }
    });

    it("O01: refuses one reporter twice, and reporters out of order", async () => {
      const made = await world.make();
      const [a, b, c] = made.observations as [never, never, never];
      for (const observations of [
        [a, b, b],
        [b, a, c],
      ]) {
        await refusedByReporters(world.send(made, { observations }), "ReporterOutOfOrder");
      }
    });

    it("O01: refuses a signature of somebody who does not report", async () => {
      const made = await world.make({ reporters: [world.reporters[0]!, world.reporters[1]!, world.signers[9]!] });
      await refusedByReporters(world.send(made), "ReporterUnknown", world.signers[9]!.address);
    });

    it("O01: refuses a malleated signature, and one that is none", async () => {
      const made = await world.make();
      const [a, b, c] = made.observations;
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const { signature } = c!;
      const s = order - BigInt(`0x${signature.slice(66, 130)}`);
      const malleated = `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${signature.endsWith("1b") ? "1c" : "1b"}`;
      const withSignature = (changed: string) => ({ observations: [a!, b!, { ...c!, signature: changed }] });
      await refusedByReporters(world.send(made, withSignature(malleated)), "ECDSAInvalidSignatureS");
      await refusedByReporters(world.send(made, withSignature("0x")), "ECDSAInvalidSignatureLength");
      await world.send(made);
    });

    it("O01: refuses board values that a reporter has not signed, or another than the one who observed", async () => {
      const made = await world.make();
      const [a, b, c] = made.observations;
      const values = hex(packValues(marketAt("board-60", 99_999n, 4_000n).board));
      await refusedByReporters(world.send(made, { values }), "BoardNotSigned");
      const swapped = [{ ...a!, boardSignature: b!.boardSignature }, b!, c!];
      await refusedByReporters(world.send(made, { observations: swapped }), "BoardNotSigned");
    });

    it("O01: a signature for another board, epoch, time, price, chain or contract is somebody unknown's", async () => {
      await world.setUp(world.registry, "createBoard", world.router, 60, world.policy());
      const made = await world.make();
      const first = made.observations[0]!;
      const others = made.observations.slice(1);
      const reverts = (sent: Promise<unknown>) => expect(sent).to.be.revert(world.ethers);
      await reverts(world.send(made, { epoch: { ...made.epoch, board: 2n } }));
      await reverts(world.send(made, { epoch: { ...made.epoch, epoch: 3n } }));
      for (const changed of [{ time: first.time - 1n }, { prices: first.prices.with(0, first.prices[0]! + 1n) }]) {
        await reverts(world.send(made, { observations: [{ ...first, ...changed }, ...others] }));
      }
      for (const domain of [
        { ...(await world.domain()), chainId: 1n },
        domainOf("PriceOracle", 31_337n, await world.quorum.getAddress()),
      ]) {
        const observations = await observe(world.reporters.slice(0, 3), domain, made.epoch, first);
        await reverts(world.send(made, { observations }));
      }
      await world.send(made);
    });

    it("O02: refuses an even or zero quorum, one above n, more than 32 reporters, and reporters not sorted and unique", async () => {
      const sorted = (await byAddress(world.reporters)).map(({ address }) => address);
      const set = (reporters: readonly string[], quorum: number) =>
        world.setUp(world.quorum, "setReporters", reporters, quorum);
      for (const quorum of [0, 2, 4, 7]) await refusedByReporters(set(sorted, quorum), "QuorumRefused", quorum, 5);
      await refusedByReporters(set([], 1), "QuorumRefused");
      const many = Array.from({ length: 33 }, (_, index) => `0x${(index + 1).toString(16).padStart(40, "0")}`);
      await refusedByReporters(set(many, 1), "QuorumRefused", 1, 33);
      await set(many.slice(1), 1);
      await refusedByReporters(set([sorted[1]!, sorted[0]!], 1), "ReporterRefused", sorted[0]);
      await refusedByReporters(set([sorted[0]!, sorted[0]!], 1), "ReporterRefused", sorted[0]);
      await refusedByReporters(set([ZERO], 1), "ReporterRefused");
      await set(sorted, 5);
      expect(await world.quorum.quorum!()).to.equal(5);
      expect(await world.quorum.reporters!()).to.deep.equal(sorted);
    });

    it("O01: what reporters signed who were replaced since is worth nothing", async () => {
      const made = await world.make();
      await world.setUp(world.quorum, "setReporters", [world.signers[9]!.address], 1);
      await refusedByReporters(world.send(made), "ObservationsWrong", 1, 3);
      const one = { observations: made.observations.slice(0, 1) };
      await refusedByReporters(world.send(made, one), "ReporterUnknown");
      await world.publish({ reporters: [world.signers[9]!] });
    });

    it("O03: refuses a time in the future, one that is too old, and one not newer than the last", async () => {
      const late = (await world.now()) + 100n;
      const future = await world.make({ time: late + 1n });
      await world.time.setNextBlockTimestamp(late);
      await refusedByReporters(world.send(future), "TimeInFuture", late + 1n, late);
      const { time } = await world.standing();
      for (const at of [time, time - 1n]) {
        await refusedByReporters(world.send(await world.make({ time: at }, 2n)), "TimeNotNewer", at, time);
      }
      const at = time + 1n;
      const old = await world.make({ time: at }, 2n);
      await world.time.setNextBlockTimestamp(at + maxAge + 1n);
      await refusedByReporters(world.send(old), "TimeTooOld", at, maxAge);
      expect((await world.standing()).epoch).to.equal(1n);
    });

    it("O03: an epoch cannot be opened twice, nor out of order, nor numbered beyond the time", async () => {
      const made = await world.make();
      await world.send(made);
      await refuses(world.send(made), "EpochNotNext", 2, 2);
      for (const number of [0n, 1n, 1n << 32n, (1n << 64n) - 1n]) {
        await refuses(world.send(await world.make({}, number)), "EpochNotNext", number, 2);
      }
      const at = (await world.now()) + 100n;
      const [early, due] = [await world.make({}, at + 1n), await world.make({}, at)];
      await world.time.setNextBlockTimestamp(at);
      await refuses(world.send(early), "EpochNotNext", at + 1n, 2);
      await world.send(due);
    });

    it("O04: values are fresh at their maximum age and stale one second later", async () => {
      const { time } = await world.standing();
      await world.time.increaseTo(time + maxAge);
      expect((await world.outflow()).epoch).to.equal(1n);
      await world.time.increaseTo(time + maxAge + 1n);
      for (const view of [world.outflow(), world.evidence(), world.attesting(1n)]) {
        await refuses(view, "EpochStale", 1, 1, time, maxAge);
      }
    });

    it("G25: whoever comes second with an epoch has lost the gas of a look-up, and no epoch stands half", async () => {
      const made = await world.make();
      await world.as(world.signers[9]!).publish!(1, 2, made.observations, made.values, made.links);
      const call = oracle.publish!.estimateGas(1, 2, made.observations, made.values, made.links, {
        gasLimit: 200_000n,
      });
      await refuses(call, "EpochNotNext", 2, 2);
      await world.evidence();
    });
  });

  describe("packed values and their link", () => {
    onChain();
    const wide = (row: BoardRow, column: number, charge: number) => packRow(row, { column, charge });
    const changed = (pack: (row: BoardRow, index: number) => Uint8Array) => hex(packValues(world.market.board, pack));
    const sends = async (values: string) => world.send(await world.make({ values }, 2n));

    it("O13: the point of an epoch in one transaction is that of the model's signals, and it stands at once", async () => {
      const rng = seededRng(13);
      for (let round = 0; round < 3; round++) {
        const market = listed(randomMarket(rng, "board-60"), world.market);
        await world.publish({ market, prices: priced(100_000n * E8, 4_000n * E8) });
        const { point } = await world.standing();
        const prices = priced(100_000n * E8, 4_000n * E8) as LotPriceE16[];
        expect(point).to.deep.equal(expected({ ...market, prices }));
      }
    });

    it("O12: values at both ends of every range, in every width", async () => {
      const largest = ((1n << 42n) - 1n) as ColumnE6;
      for (const [value, width] of [
        [largest, 6],
        [-largest as ColumnE6, 6],
        [(1n << 39n) - 1n, 5],
        [-(1n << 39n), 5],
        [-1n, 1],
        [127n, 1],
        [-128n, 1],
      ] as const) {
        const column = value as ColumnE6;
        const row = {
          ...EMPTY_ROW,
          profits: EMPTY_ROW.profits.map(() => column),
          mark: column,
          delta: column,
          vega: column,
        };
        const charges = { longCharge: ((1n << 60n) - 1n) as ChargeE6, shortCharge: 0n as ChargeE6 };
        const market = withRow(world.market, 7, { ...row, ...charges });
        expect(packRow(market.board.rows[7]!)[0]).to.equal(width);
        await world.publish({ market });
        expect((await world.standing()).point).to.deep.equal(expected(market));
      }
    });

    it("O12: refuses columns of 2^42 and −2^42 and beyond, in any place", async () => {
      const { rows } = world.market.board;
      for (const value of [1n << 42n, -(1n << 42n), (1n << 47n) - 1n, -(1n << 47n)]) {
        for (const place of [0, 20, 47]) {
          const all = [...rows[0]!.profits, rows[0]!.mark, rows[0]!.delta, rows[0]!.vega].with(
            place,
            value as ColumnE6,
          );
          const row = { ...rows[0]!, profits: all.slice(0, 45), mark: all[45]!, delta: all[46]!, vega: all[47]! };
          const values = changed((each, index) => (index === 0 ? packRow(row as BoardRow) : packRow(each)));
          await refuses(sends(values), "ColumnOutOfRange", 0);
        }
      }
    });

    it("O12: refuses charges of 2^60, either way, and rows that are free", async () => {
      for (const change of [{ longCharge: 1n << 60n }, { shortCharge: (1n << 64n) - 1n }]) {
        const row = { ...world.market.board.rows[1]!, ...change } as BoardRow;
        const values = changed((each, index) => packRow(index === 1 ? row : each));
        await refuses(sends(values), "ChargeOutOfRange", 1);
      }
      for (const free of [{}, { longCharge: 1n as ChargeE6 }, { shortCharge: 1n as ChargeE6 }]) {
        const values = changed((each, index) => packRow(index === 5 ? { ...EMPTY_ROW, ...free } : each));
        await refuses(sends(values), "RowFree", 5);
      }
      const paid = { ...EMPTY_ROW, longCharge: 1n as ChargeE6, shortCharge: 1n as ChargeE6 };
      await world.publish({ market: withRow(world.market, 5, paid) });
    });

    it("O12: refuses widths that there are not", async () => {
      for (const [column, charge] of [
        [7, 4],
        [255, 4],
        [4, 0],
        [4, 9],
      ] as const) {
        const values = changed((each, index) => (index === 1 ? wide(each, column, charge) : packRow(each)));
        await refuses(sends(values), "WidthRefused", 1, column, charge);
      }
    });

    it("O12: refuses bytes that are missing, and bytes too many", async () => {
      const { values } = await world.make({}, 2n);
      const bytes = (values.length - 2) / 2;
      for (const missing of [1, 2, 60, bytes - 25, bytes]) {
        await refuses(sends(values.slice(0, values.length - 2 * missing)), "ValuesTruncated");
      }
      await refuses(sends(`${values}00`), "ValuesTooLong", bytes + 1, bytes);
      await refuses(sends(`${values}${values.slice(2)}`), "ValuesTooLong", 2 * bytes, bytes);
    });

    it("O12: refuses thresholds of 2^78, rates above 10000 bps, and a first block that continues", async () => {
      const block = world.market.board.blocks[0]!;
      for (const wrong of [
        { liquidityThreshold: (1n << 78n) as ThresholdE6 },
        { vegaThreshold: (1n << 78n) as ThresholdE6 },
        { liquidityRate: 10_001n as RateBps },
        { vegaRate: 10_001n as RateBps },
      ]) {
        const values = hex(packValues({ ...world.market.board, blocks: [{ ...block, ...wrong }] }));
        await refuses(sends(values), "BlockOutOfRange", 0);
      }
      const two = sends(`0x02${(await world.make({}, 2n)).values.slice(4)}`);
      await refuses(two, "BlockOutOfRange", 0);
      const continuing = hex(packValues({ ...world.market.board, blocks: [{ ...block, continues: true }] }));
      await refuses(sends(continuing), "FirstBlockContinues");
    });

    it("the same values in other widths are other bytes, which reporters have to have signed, with the same point", async () => {
      const values = changed((each, index) => (index < 2 ? wide(each, 6, 8) : packRow(each)));
      await sends(values);
      expect((await world.standing()).point).to.deep.equal(expected(world.market));
    });

    it("V20: refuses a link of other values, epoch, board, contract, chain, rate or prices, and a point that is not linked", async () => {
      const made = await world.make({}, 2n);
      const key = world.key(FAMILY_IDS.account);
      const verifier = await verifierAt();
      const other = await world.make(
        { market: marketAt("board-60", 99_000n, 4_000n), prices: world.market.prices },
        2n,
      );
      const { statement } = made;
      const wrong = [
        key.link({ ...statement, values: statement.values.with(40, statement.values[40]! + 1n) }),
        key.link({ ...statement, subject: keccak256("0x01") }),
        key.link({ ...statement, fixedBy: other.statement.fixedBy! }),
        key.link({ ...statement, values: statement.values.with(0, 1n) }),
        key.link({ ...statement, values: statement.values.with(1, 0n) }),
        key.link(statement, { point: 12_345n }),
        (await world.make({}, 3n)).links[0]!.link,
        other.links[0]!.link,
      ];
      for (const link of wrong) {
        const links = [{ family: FAMILY_IDS.account, link }];
        await refusedBy(verifier, world.send(made, { links }), "LinkFalse");
      }
      const { point } = made.links[0]!.link;
      const infinite = { ...made.links[0]!.link, proof: { x: 0n, y: 0n } };
      const off = { ...made.links[0]!.link, point: { ...point, y: point.y + 1n } };
      const sent = (link: typeof infinite) => world.send(made, { links: [{ family: FAMILY_IDS.account, link }] });
      await refusedBy(verifier, sent(infinite), "LinkPointRefused", 2);
      await expect(sent(off)).to.be.revert(world.ethers);
      await world.send(made);
    });

    it("V20: refuses an epoch without the link for accounts, and one of a family that its keys have not", async () => {
      const made = await world.make({ families: [FAMILY_IDS.account, FAMILY_IDS.lot] }, 2n);
      const [accounts, lots] = made.links as unknown as [never, { family: bigint }];
      await refuses(world.send(made, { links: [] }), "AccountLinkMissing");
      await refuses(world.send(made, { links: [lots as never, accounts] }), "AccountLinkMissing");
      const unknown = { ...lots, family: FAMILY_IDS.round(4) } as never;
      await refuses(world.send(made, { links: [accounts, unknown] }), "FamilyMissing", 1, 260);
      const verifier = await verifierAt(FAMILY_IDS.lot);
      const mistaken = { ...(accounts as object), family: FAMILY_IDS.lot } as never;
      await refusedBy(verifier, world.send(made, { links: [accounts, mistaken] }), "LinkFalse");
    });

    it("links the standing epoch for further families, with it or later, twice too, and for no other values", async () => {
      await refuses(oracle.lots!(1), "FamilyNotLinked", 1, 1, 3);
      await refuses(oracle.rounds!(1, 3), "FamilyNotLinked", 1, 1, 259);
      await refuses(oracle.rounds!(1, 15), "FamilyMissing", 1, 271);
      const made = await world.make({ families: [FAMILY_IDS.account, FAMILY_IDS.lot, FAMILY_IDS.round(3)] }, 2n);
      const [accounts, lots, rounds] = made.links as [never, never, never];
      const { prices, debtRateBps } = made.counted;
      await world.send(made, { links: [accounts, lots, lots] });
      const [verifier, point] = (await oracle.lots!(1)) as [string, bigint[]];
      expect(verifier).to.equal(await (await verifierAt(FAMILY_IDS.lot)).getAddress());
      const lotPoint = pointOf(world.key(FAMILY_IDS.lot).key, marketSignals(POLICY, world.market), 12);
      expect(point).to.deep.equal([lotPoint.x, lotPoint.y]);
      await refuses(oracle.rounds!(1, 3), "FamilyNotLinked", 1, 2, 259);
      const more = (values: string, given = prices, rate = debtRateBps) =>
        world.as(world.signers[9]!).linkMore!(1, values, given, rate, [rounds]);
      await refuses(more(`${made.values}00`), "ValuesWrong");
      await refuses(more(made.values, prices.toReversed()), "ValuesWrong");
      await refuses(more(made.values, prices, debtRateBps + 1n), "ValuesWrong");
      await more(made.values);
      const roundPoint = pointOf(world.key(FAMILY_IDS.round(3)).key, marketSignals(POLICY, world.market), 8);
      const [, market] = (await oracle.rounds!(1, 3)) as [string, Result];
      const { point: own, ...rest } = market.toObject();
      expect((own as Result).toArray()).to.deep.equal([roundPoint.x, roundPoint.y]);
      const { point: _, ...outflow } = ((await oracle.outflow!(1)) as Result).toObject();
      expect(rest).to.deep.equal(outflow);
      await world.publish();
      await refuses(oracle.lots!(1), "FamilyNotLinked", 1, 3, 3);
    });

    const verifierAt = async (family: bigint = FAMILY_IDS.account) =>
      (await world.ethers.getContractAt(
        family === FAMILY_IDS.lot ? "LotVerifier" : "AccountVerifier",
        await world.router.verifierOf!(60, family),
      )) as unknown as Called;
  });

  for (const size of ["board-240", "board-480"] as const) {
    describe(`a board of ${size}`, () => {
      onChain(size);

      it("C09: takes an epoch in one transaction, with any pattern of blocks that continue", async () => {
        const board = { ...world.market.board };
        board.blocks = board.blocks.map((block, index) => ({
          ...block,
          continues: index % 3 === 1,
          vegaThreshold: BigInt(index) as ThresholdE6,
        }));
        board.rows = board.rows.map((row, index) =>
          index % 50 === 3 ? { ...row, mark: BigInt(index - 100) as ColumnE6, longCharge: 5n as ChargeE6 } : row,
        );
        const market = { ...world.market, board };
        await world.publish({ market });
        expect((await world.standing()).point).to.deep.equal(expected(market));
      });
    });
  }

  describe("which market a proof is checked with", () => {
    onChain();

    it("the epoch before is there for attesting within the policy's grace, and for nothing else", async () => {
      const was = await world.attesting(1n);
      // Before the first there was none, though its number is zero.
      await refuses(world.attesting(0n), "EpochSuperseded", 1, 0);
      await world.publish({ market: marketAt("board-60", 99_000n, 4_000n) });
      expect((await world.attesting(1n)).point).to.deep.equal(was.point);
      expect((await world.outflow()).epoch).to.equal(2n);
      expect((await world.evidence()).epoch).to.equal(2n);
      await refuses(world.attesting(3n), "EpochSuperseded", 2, 3);
      await refuses(world.attesting(0n), "EpochSuperseded", 2, 0);
      await world.time.increase(TERMS.epochGrace + 1n);
      await refuses(world.attesting(1n), "EpochSuperseded", 2, 1);
      await world.publish();
      await refuses(world.attesting(1n), "EpochSuperseded", 3, 1);
    });

    it("the epoch before is not there where the standing one is not usable, nor while it is itself not", async () => {
      await world.publish({ prices: priced(200_000n * E8, 4_000n * E8) });
      await refuses(world.attesting(1n), "EpochHalted", 1, 2);
      await world.publish();
      // Nor the last that was not halted: too much has moved since.
      for (const epoch of [1n, 2n]) await refuses(world.attesting(epoch), "EpochSuperseded", 3, epoch);
      expect((await world.attesting(3n)).epoch).to.equal(3n);
    });

    it("the exit market's point is that of the model's exit values, without any oracle", async () => {
      const { exitValues } = await import("../../prover/src/model/exit-market.ts");
      const { policy, market } = exitValues("board-60");
      const [verifier, point] = (await oracle.exitMarket!(1)) as [string, bigint[]];
      expect(point).to.deep.equal(expected(market, policy));
      expect(verifier).to.equal(await world.router.verifierOf!(60, FAMILY_IDS.account));
    });

    it("before its first epoch a board answers with its name, and unknown boards do not exist", async () => {
      await world.setUp(world.registry, "createBoard", world.router, 60, world.policy());
      for (const view of ["outflow", "evidence", "lots"]) await refuses(oracle[view]!(2), "EpochMissing", 2);
      await refuses(oracle.attesting!(2, 1), "EpochMissing", 2);
      expect(await oracle.epochOf!(2)).to.equal(0n);
      expect(await oracle.instrumentsOf!(2)).to.equal(60n);
      await oracle.exitMarket!(2);
      const nothing = oracle.linkMore!(2, "0x", new Array(ASSETS).fill(0n), 0n, []);
      await refuses(nothing, "EpochMissing", 2);
      for (const view of ["outflow", "evidence", "exitMarket", "instrumentsOf", "termsOf"]) {
        await refuses(oracle[view]!(3), "BoardUnknown", 3);
      }
    });

    it("G03, G27: the queue names one gate for each board, a contract, once and for good", async () => {
      const [gate, other] = await Promise.all(
        ["TestGate", "TestGate"].map((name) => world.ethers.deployContract(name)),
      );
      await refusedBy(world.queue, oracle.bindGate!(1, gate), "NotQueue", world.signers[0]!.address);
      await refuses(world.setUp(oracle, "bindGate", 2, gate), "BoardUnknown", 2);
      await refuses(world.setUp(oracle, "bindGate", 1, world.signers[9]), "GateRefused", world.signers[9]!.address);
      await world.setUp(oracle, "bindGate", 1, gate);
      expect(await oracle.gateOf!(1)).to.equal(await gate!.getAddress());
      await refuses(world.setUp(oracle, "bindGate", 1, other), "GateTaken", await gate!.getAddress());
    });

    it("a gate reads of its board who has power over it, which circuits there are, and the policy's terms", async () => {
      expect(await oracle.queue!()).to.equal(await world.queue.getAddress());
      const families = [1n, 2n, 3n, 4n, 256n + 3n, 256n + 15n];
      expect(await Promise.all(families.map((family) => oracle.serves!(1, family)))).to.deep.equal([
        ...[true, true, true, false],
        ...[true, false],
      ]);
      expect(((await oracle.termsOf!(1)) as Result).toObject()).to.deep.equal(TERMS.terms);
      await refuses(oracle.serves!(2, 1n), "BoardUnknown", 2);
    });

    it("V07: a verifier that answers with another word than its selector links no epoch and no settlement", async () => {
      const zero = await world.ethers.provider.getCode(await world.ethers.deployContract("Answerer", [32]));
      const [made, settlement] = [await world.make(), await world.settle({ 1: 5n }, 1n)];
      const before = await world.standing();
      for (const [family, sent, contract] of [
        [FAMILY_IDS.account, () => world.send(made), oracle],
        [FAMILY_IDS.settlement, () => settlement.send(), world.settlements],
      ] as const) {
        const verifier: string = await world.router.verifierOf!(60, family);
        const own = await world.ethers.provider.getCode(verifier);
        await world.chain.networkHelpers.setCode(verifier, zero);
        await refusedBy(contract, sent(), "VerifierRefused", verifier);
        await world.chain.networkHelpers.setCode(verifier, own);
      }
      expect(await world.standing()).to.deep.equal(before);
      expect(await oracle.settlementsOf!(1)).to.equal(0n);
      await world.send(made);
      await settlement.send();
    });

    it("V07: refuses a registry without code", async () => {
      const made = world.ethers.deployContract("PriceOracle", [world.signers[9], ZERO, [world.signers[1]], 1]);
      await refuses(made, "RegistryRefused", world.signers[9]!.address);
    });
  });

  describe("the rate of debt", () => {
    onChain();

    it("G06, M06: makes an eighth of its way in each hour for most of which the till is short, and turns back likewise", async () => {
      const policy = world.policy({ shortDebtRateBps: 1_600n });
      await world.queued(world.registry, "setPolicy", 1, policy);
      const gate = (await world.ethers.deployContract("TestGate")) as unknown as Called;
      await world.setUp(oracle, "bindGate", 1, gate);
      const rates: bigint[] = [];
      const publish = async () => {
        const { counted } = await world.publish();
        const { debtRateBps, point } = await world.standing();
        expect(debtRateBps).to.equal(counted.debtRateBps);
        expect(point).to.deep.equal(expected(world.market, { ...POLICY, debtRateBps: debtRateBps as RateBps }));
        rates.push(debtRateBps);
      };
      await publish();
      // Minutes of each hour in which the till is short, first ones and last ones.
      for (const [first, last] of [
        [40n, 0n],
        [11n, 20n],
        [20n, 9n],
        [0n, 20n],
        [0n, 60n],
        [0n, 0n],
      ] as const) {
        await gate.setShort!(true);
        await world.time.increase(first * 60n + 1n);
        await gate.setShort!(false);
        // Whatever epochs find meanwhile, and nothing is counted twice.
        await world.time.increase((60n - first - last) * 30n + 1n);
        await publish();
        await world.time.increase((60n - first - last) * 30n + 1n);
        await gate.setShort!(true);
        await world.time.increase(last * 60n + 1n);
        await publish();
        await gate.setShort!(false);
      }
      // The step is known to who links the epoch after it.
      expect(rates).to.deep.equal([
        0n,
        ...[0n, 0n],
        ...[200n, 200n],
        ...[400n, 400n],
        ...[200n, 200n],
        ...[0n, 0n],
        ...[200n, 200n],
      ]);
    });

    it("M06: is the short one after eight hours, and no more", async () => {
      await world.queued(world.registry, "setPolicy", 1, world.policy({ shortDebtRateBps: 1_601n }));
      const gate = (await world.ethers.deployContract("TestGate")) as unknown as Called;
      await world.setUp(oracle, "bindGate", 1, gate);
      await gate.setShort!(true);
      for (let hour = 0; hour < 11; hour++) {
        await world.time.increase(3600);
        await world.publish();
      }
      expect((await world.standing()).debtRateBps).to.equal(1_601n);
    });

    it("a till that turns short between link and transaction changes neither: the epoch is as it was linked", async () => {
      const gate = (await world.ethers.deployContract("TestGate")) as unknown as Called;
      await world.setUp(oracle, "bindGate", 1, gate);
      const made = await world.make();
      await gate.setShort!(true);
      await world.send(made);
      expect((await world.standing()).debtRateBps).to.equal(0n);
      expect(await oracle.debtRateOf!(1)).to.equal(0n);
    });

    it("a gate that calls back when it is asked does what anybody may, and no step of the rate twice", async () => {
      const gate = (await world.ethers.deployContract("ReenteringGate", [oracle])) as unknown as Called;
      await world.setUp(oracle, "bindGate", 1, gate);
      await world.setUp(world.registry, "setPolicy", 1, world.policy({ shortDebtRateBps: 1_600n }));
      await world.publish();
      for (let hour = 1n; hour <= 3n; hour++) {
        await world.time.increase(3600);
        const made = await world.make();
        const nested = await world.make({ time: (await world.now()) + 1n });
        const { epoch, observations, values, links } = nested;
        const { data } = await oracle.publish!.populateTransaction(1, epoch.epoch, observations, values, links);
        await gate.set!(data);
        await world.send(made);
        expect((await world.standing()).epoch).to.equal(nested.epoch.epoch);
        expect(await gate.succeeded!()).to.equal(hour);
        expect(await oracle.debtRateOf!(1)).to.equal(200n * hour);
      }
      // While an epoch is being taken it can do nothing: `settled` is false where its call succeeded.
      await (await world.settle({ 1: 5n }, 1n)).send();
      const market = withRow(world.market, 1, CLOSED_ROW);
      const made = await world.make({ market });
      const other = await world.make({ market, time: (await world.now()) + 1n });
      const call = [1, other.epoch.epoch, other.observations, other.values, other.links];
      await gate.set!((await oracle.publish!.populateTransaction(...call)).data);
      await world.send(made);
      expect((await world.standing()).epoch).to.equal(made.epoch.epoch);
      expect(await gate.succeeded!()).to.equal(3);
      await world.publish();
    });
  });
});

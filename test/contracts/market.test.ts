// SPDX-License-Identifier: GPL-3.0-or-later
// No proofs here but where a point is used: simulated keys, whose points the contract multiplies like any others.
import { expect } from "chai";
import type { Contract } from "ethers";
import {
  type ChainPolicy,
  chainPolicy,
  type Epoch,
  type Part,
  partHash,
  publication,
  signEpoch,
} from "../../prover/src/chain/publication.ts";
import type { Market } from "../../prover/src/model/market.ts";
import { intercepts } from "../../prover/src/model/policy.ts";
import { type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { boardSignals, marketSignals, policySignals } from "../../prover/src/model/statement.ts";
import { randomMarket, randomPolicy, seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import { pointOf } from "./points.ts";
import { call, callView, LEVELS, MAX_AGE, marketAt, World } from "./world.ts";

const keys = { "board-60": simulatedKey("board-60"), "board-240": simulatedKey("board-240") };

describe("market board", () => {
  let world: World;
  let board: Contract;
  let snapshot: { restore(): Promise<void> };

  before(async () => {
    world = await World.create({ size: "board-240", key: keys["board-240"] });
    board = world.deployment.board;
  });
  beforeEach(async () => {
    snapshot = await world.chain.networkHelpers.takeSnapshot();
  });
  afterEach(async () => {
    await snapshot.restore();
    world.market = marketAt("board-240", 100_000n, 4_000n);
  });

  const now = async () => BigInt(await world.time.latest());
  const latest = (id = 1n) => callView(board, "latest", id) as Promise<{ epoch: bigint; point: bigint[] }>;
  const sign = async (epoch: Epoch, by = world.quorum.slice(0, 3)) =>
    signEpoch(by, await world.domain("MarketBoard"), epoch);
  /** Signed and ready to be sent; `change` happens before signing. */
  async function made(
    market: Market,
    terms: Partial<{ board: bigint; epoch: bigint; time: bigint }> = {},
    change: (parts: Part[]) => Part[] = (parts) => parts,
  ) {
    const given = publication(market, { board: 1n, epoch: 2n, time: await now(), ...terms });
    const parts = rechained(change(given.parts));
    const epoch = { ...given.epoch, firstPart: partHash(parts[0]!) };
    return { epoch, parts, signatures: await sign(epoch) };
  }
  function rechained(parts: Part[]): Part[] {
    const chained: Part[] = [];
    for (const part of [...parts].reverse()) {
      const next = chained[0] === undefined ? part.next : partHash(chained[0]);
      chained.unshift({ ...part, next });
    }
    return chained;
  }
  const publish = (epoch: Epoch, signatures: string[], parts: Part[]) => board.publish!(epoch, signatures, parts);
  const refuses = (sent: Promise<unknown>, error: string) => expect(sent).to.be.revertedWithCustomError(board, error);

  describe("points", () => {
    it("computes the point that the model's signals have, for random policies and markets of two sizes", async function () {
      this.timeout(120_000);
      const rng = seededRng(11);
      for (const size of ["board-60", "board-240"] as const) {
        const other = size === "board-240" ? world : await World.create({ size, key: keys[size] });
        for (let round = 0; round < (size === "board-60" ? 4 : 1); round++) {
          const policy = randomPolicy(rng);
          const market = randomMarket(rng, size);
          await call(other.deployment.board, "setPolicy", 1n, chainPolicy(policy, LEVELS, MAX_AGE));
          await other.publish(BigInt(round + 2), market);
          const { point } = (await callView(other.deployment.board, "latest", 1n)) as { point: bigint[] };
          const { x, y } = pointOf(keys[size].key, marketSignals(policy, market));
          expect(point).to.deep.equal([x, y]);
        }
      }
    });

    it("computes intercepts itself, and they are the model's", async () => {
      // The point of the policy alone: a change of policy moves the market's point by exactly its difference.
      const rng = seededRng(12);
      const zero = new Array<bigint>(15).fill(0n);
      const size: BoardSize = "board-240";
      const market = { ...randomMarket(rng, size, "zero"), prices: zero as never };
      for (let round = 0; round < 3; round++) {
        const policy = randomPolicy(rng, round === 0 ? "saturated" : "boundary");
        await call(board, "setPolicy", 1n, chainPolicy(policy, LEVELS, MAX_AGE));
        await world.publish(BigInt(round + 2), market);
        const signals = [...policySignals(policy), ...zero, ...boardSignals(market.board)];
        expect(policySignals(policy).slice(8, 12)).to.deep.equal(intercepts(policy.schedules[0]!));
        const { x, y } = pointOf(keys[size].key, signals);
        expect((await latest()).point).to.deep.equal([x, y]);
      }
    });

    it("keeps the values when the policy changes, and the policy when the values do", async () => {
      const policy = randomPolicy(seededRng(13), "typical");
      await call(board, "setPolicy", 1n, chainPolicy(policy, LEVELS, MAX_AGE));
      const { x, y } = pointOf(keys["board-240"].key, marketSignals(policy, world.market));
      expect((await latest()).point).to.deep.equal([x, y]);
    });

    it("V20: offers no way in for a point that it has not computed", () => {
      const names = board.interface.fragments.filter((part) => part.type === "function").map((part) => part.format());
      const writing = board.interface.fragments.filter(
        (part) => part.type === "function" && (part as unknown as { constant: boolean }).constant === false,
      );
      expect(writing.map((part) => (part as unknown as { name: string }).name).sort()).to.deep.equal([
        "acceptOwnership",
        "createBoard",
        "publish",
        "renounceOwnership",
        "resume",
        "setPolicy",
        "setSigners",
        "transferOwnership",
      ]);
      expect(names.filter((name) => name.includes("point"))).to.deep.equal([]);
    });
  });

  describe("signatures", () => {
    it("O01: refuses too few, duplicate, unsorted, unknown and malleated signatures", async () => {
      const { epoch, parts, signatures } = await made(world.market);
      const [a, b, c] = signatures as [string, string, string];
      const stranger = world.signers[9]!;
      await expect(publish(epoch, [a, b], parts.slice(0, 1)))
        .to.be.revertedWithCustomError(board, "SignaturesTooFew")
        .withArgs(3, 2);
      await refuses(publish(epoch, [a, b, b], []), "SignerOutOfOrder");
      await refuses(publish(epoch, [b, a, c], []), "SignerOutOfOrder");
      await refuses(publish(epoch, await sign(epoch, [...world.quorum.slice(0, 2), stranger]), []), "SignerUnknown");
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const s = order - BigInt(`0x${c.slice(66, 130)}`);
      const malleated = `${c.slice(0, 66)}${s.toString(16).padStart(64, "0")}${c.endsWith("1b") ? "1c" : "1b"}`;
      await refuses(publish(epoch, [a, b, malleated], []), "ECDSAInvalidSignatureS");
      await refuses(publish(epoch, [a, b, "0x"], []), "ECDSAInvalidSignatureLength");
      await publish(epoch, signatures, []);
    });

    it("O01: a signature for another board, epoch, time, value, chain or contract is somebody unknown's", async () => {
      await call(board, "createBoard", 240, world.chainPolicy());
      const { epoch, signatures } = await made(world.market);
      for (const changed of [
        { board: 2n },
        { epoch: 3n },
        { time: epoch.time - 1n },
        { prices: epoch.prices.with(0, epoch.prices[0]! + 1n) },
        { firstPart: epoch.firstPart.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")) },
      ]) {
        await expect(publish({ ...epoch, ...changed }, signatures, [])).to.be.revert(world.ethers);
      }
      const domain = await world.domain("MarketBoard");
      for (const other of [
        { ...domain, chainId: 1n },
        { ...domain, verifyingContract: await world.gate.getAddress() },
      ]) {
        await expect(publish(epoch, await signEpoch(world.quorum, other, epoch), [])).to.be.revert(world.ethers);
      }
      await publish(epoch, signatures, []);
    });

    it("O02: refuses an even or zero quorum, one above n, and signers that are not sorted and unique", async () => {
      const addresses = await Promise.all(world.quorum.map((signer) => signer.getAddress()));
      const sorted = addresses.sort((left, right) => (BigInt(left) < BigInt(right) ? -1 : 1));
      for (const threshold of [0, 2, 4, 7]) {
        await expect(board.setSigners!(sorted, threshold))
          .to.be.revertedWithCustomError(board, "QuorumRefused")
          .withArgs(threshold, 5);
      }
      await refuses(board.setSigners!([], 1), "QuorumRefused");
      await refuses(board.setSigners!([sorted[1], sorted[0], sorted[2]], 1), "SignerRefused");
      await refuses(board.setSigners!([sorted[0], sorted[0], sorted[2]], 1), "SignerRefused");
      await refuses(board.setSigners!([`0x${"0".repeat(40)}`, sorted[0], sorted[2]], 1), "SignerRefused");
      await board.setSigners!(sorted, 5);
      expect(await board.threshold!()).to.equal(5);
    });

    it("O01: a signer who was replaced signs nothing, and what was opened under the old signers is not completed", async () => {
      const { epoch, parts, signatures } = await made(world.market);
      await publish(epoch, signatures, parts.slice(0, 1));
      const next = world.signers[9]!;
      await board.setSigners!([next], 1);
      await refuses(board.resume!(1, 2, parts.slice(1)), "SignersChanged");
      const later = await made(world.market, { epoch: 3n });
      await refuses(publish(later.epoch, later.signatures, []), "SignerUnknown");
      await publish(later.epoch, await sign(later.epoch, [next]), later.parts.slice(0, 1));
    });
  });

  describe("time", () => {
    it("O03: refuses a time in the future, one not newer than the last, and an epoch that is not next", async () => {
      const at = (await now()) + 100n;
      const sendAt = async (terms: { epoch?: bigint; time: bigint }) => {
        const { epoch, signatures } = await made(world.market, terms);
        await world.time.setNextBlockTimestamp(at);
        return publish(epoch, signatures, []);
      };
      await refuses(sendAt({ time: at + 1n }), "TimeInFuture");
      const last = ((await callView(board, "openingOf", 1n)) as { time: bigint }).time;
      const next = async (terms: { epoch?: bigint; time: bigint }) => {
        const { epoch, signatures } = await made(world.market, terms);
        return publish(epoch, signatures, []);
      };
      await refuses(next({ time: last }), "TimeNotNewer");
      await refuses(next({ time: last - 1n }), "TimeNotNewer");
      for (const epoch of [0n, 1n, 2n + (1n << 32n), (1n << 64n) - 1n]) {
        await refuses(next({ epoch, time: last + 1n }), "EpochNotNext");
      }
      expect((await latest()).epoch).to.equal(1n);
      await next({ epoch: 1n + (1n << 32n), time: last + 1n });
    });

    it("O03: a publication cannot be repeated", async () => {
      const { epoch, signatures } = await made(world.market);
      await publish(epoch, signatures, []);
      await refuses(publish(epoch, signatures, []), "TimeNotNewer");
    });

    it("O04: values are fresh at their maximum age and stale one second later, and stay readable", async () => {
      const { time } = (await callView(board, "latest", 1n)) as { time: bigint };
      await world.time.increaseTo(time + MAX_AGE);
      expect(((await callView(board, "fresh", 1n)) as { epoch: bigint }).epoch).to.equal(1n);
      await world.time.increaseTo(time + MAX_AGE + 1n);
      await expect(board.fresh!(1n)).to.be.revertedWithCustomError(board, "EpochStale").withArgs(1, 1, time, MAX_AGE);
      expect((await latest()).epoch).to.equal(1n);
    });
  });

  describe("ranges", () => {
    const withPart = (index: number, change: (part: Part) => Part) => (parts: Part[]) =>
      parts.map((part, at) => (at === index ? change(part) : part));
    const withWord = (row: number, word: number, value: (old: bigint) => bigint) =>
      withPart(0, (part) => ({
        ...part,
        rows: part.rows.with(row, part.rows[row]!.with(word, value(part.rows[row]![word]!))),
      }));
    async function refusesPart(change: (parts: Part[]) => Part[], error: string, ...values: unknown[]) {
      const { epoch, parts, signatures } = await made(world.market, {}, change);
      await expect(publish(epoch, signatures, parts.slice(0, 1)))
        .to.be.revertedWithCustomError(board, error)
        .withArgs(...values);
    }

    it("O12: refuses columns at 2^42, at −2^42, and bits between them, even under signatures", async () => {
      for (const piece of [0n, 84n, 168n]) {
        const clear = (old: bigint) => old & ~(((1n << 43n) - 1n) << piece);
        await refusesPart(withWord(59, 5, clear), "ColumnOutOfRange", 59, 5);
        await refusesPart(
          withWord(0, 0, (old) => clear(old) | (1n << (piece + 43n))),
          "ColumnOutOfRange",
          0,
          0,
        );
      }
      for (const bit of [43n, 83n, 127n, 167n, 211n, 255n]) {
        await refusesPart(
          withWord(3, 2, (old) => old | (1n << bit)),
          "ColumnOutOfRange",
          3,
          2,
        );
      }
    });

    it("O12: takes columns at both ends of their range", async () => {
      const ends = randomMarket(seededRng(14), "board-240", "saturated");
      await world.publish(2n, ends);
      const { x, y } = pointOf(keys["board-240"].key, marketSignals(world.policy, ends));
      expect((await latest()).point).to.deep.equal([x, y]);
    });

    it("O12: refuses charges of 2^60, thresholds of 2^78 and rates above 10000 bps", async () => {
      await refusesPart(
        withWord(7, 6, () => 1n << 60n),
        "ChargeOutOfRange",
        7,
        0,
      );
      await refusesPart(
        withWord(7, 7, () => (1n << 256n) - 1n),
        "ChargeOutOfRange",
        7,
        1,
      );
      const block = (change: Partial<Part>) => withPart(0, (part) => ({ ...part, ...change }));
      await refusesPart(block({ liquidityThreshold: 1n << 78n }), "BlockOutOfRange", 0);
      await refusesPart(block({ liquidityRateBps: 10_001n }), "BlockOutOfRange", 0);
    });

    it("O12: refuses prices that do not fit 64 bits, and flags that are neither zero nor one", async () => {
      const { epoch, parts, signatures } = await made(world.market);
      const data = board.interface.encodeFunctionData("publish", [epoch, signatures, parts.slice(0, 1)]);
      const sendChanged = (from: string, to: string) => {
        const at = data.lastIndexOf(from);
        expect(at).to.be.greaterThan(0);
        return world.signers[0]!.sendTransaction({
          to: board,
          data: data.slice(0, at) + to + data.slice(at + from.length),
        });
      };
      const price = epoch.prices[0]!.toString(16).padStart(64, "0");
      await expect(sendChanged(price, `${"0".repeat(46)}1${price.slice(47)}`)).to.be.revert(world.ethers);
      const tail = `${"0".repeat(64)}${parts[0]!.next.slice(2)}`;
      await expect(sendChanged(tail, `${"0".repeat(63)}2${parts[0]!.next.slice(2)}`)).to.be.revert(world.ethers);
    });

    it("C09: refuses a first block that continues, takes any other pattern", async () => {
      await refusesPart(
        withPart(0, (part) => ({ ...part, continues: true })),
        "FirstBlockContinues",
      );
      const blocks = world.market.board.blocks.map((block, index) => ({ ...block, continues: index > 0 }));
      const joined = { ...world.market, board: { ...world.market.board, blocks } };
      await world.publish(2n, joined);
      const { x, y } = pointOf(keys["board-240"].key, marketSignals(world.policy, joined));
      expect((await latest()).point).to.deep.equal([x, y]);
    });

    it("O12: refuses tiers that are not concave, weights above 10000, and levels out of order", async () => {
      const good = world.chainPolicy();
      const changed = (change: Partial<ChainPolicy>) => board.setPolicy!(1, { ...good, ...change });
      const weights = (asset: number, list: bigint[]) => ({ weightBps: good.weightBps.with(asset, list) });
      const boundaries = (asset: number, list: bigint[]) => ({ boundaryLots: good.boundaryLots.with(asset, list) });
      await expect(changed(weights(3, [10_001n, 0n, 0n, 0n])))
        .to.be.revertedWithCustomError(board, "WeightNotDescending")
        .withArgs(3, 0);
      await expect(changed(weights(14, [9n, 8n, 7n, 8n])))
        .to.be.revertedWithCustomError(board, "WeightNotDescending")
        .withArgs(14, 3);
      await expect(changed(boundaries(0, [5n, 6n, 5n, 7n])))
        .to.be.revertedWithCustomError(board, "BoundaryNotAscending")
        .withArgs(0, 2);
      for (const levels of [
        { ...LEVELS, initial: 11_999n },
        { ...LEVELS, liquidation: 12_001n },
        { ...LEVELS, closeOut: 10_001n },
        { ...LEVELS, closeOut: 0n },
        { ...LEVELS, initial: 1n << 20n },
      ]) {
        await refuses(changed({ levels }), "LevelsNotDescending");
      }
      await refuses(changed({ maxAge: 0n }), "AgeRefused");
      await refuses(changed({ maxAge: 7n * 86_400n + 1n }), "AgeRefused");
      expect(() =>
        board.interface.encodeFunctionData("setPolicy", [1, { ...good, ...boundaries(0, [5n, 6n, 7n, 1n << 64n]) }]),
      ).to.throw("out-of-bounds");
      expect(((await callView(board, "latest", 1n)) as { policyId: bigint }).policyId).to.equal(1n);
      await changed({ levels: { ...LEVELS, initial: (1n << 20n) - 1n } });
      expect(((await callView(board, "latest", 1n)) as { policyId: bigint }).policyId).to.equal(2n);
    });
  });

  describe("epochs in parts", () => {
    it("O13: interrupted and resumed by another sender, it becomes current with its last part and not before", async () => {
      const market = marketAt("board-240", 90_000n, 3_000n);
      const { epoch, parts, signatures } = await made(market);
      const was = await latest();
      await publish(epoch, signatures, []);
      for (const [index, part] of parts.entries()) {
        expect(await latest()).to.deep.equal(was);
        const sender = board.connect(world.signers[6 + index]!) as Contract;
        await sender.resume!(1, 2, [part]);
      }
      expect((await latest()).epoch).to.equal(2n);
      const { x, y } = pointOf(keys["board-240"].key, marketSignals(world.policy, market));
      expect((await latest()).point).to.deep.equal([x, y]);
      await refuses(board.resume!(1, 2, [parts[3]!]), "EpochNotOpen");
      await refuses(board.resume!(1, 2, []), "EpochNotOpen");
    });

    it("O13: refuses parts out of order, twice, changed, beyond the last, or of another epoch", async () => {
      const { epoch, parts, signatures } = await made(marketAt("board-240", 90_000n, 3_000n));
      await publish(epoch, signatures, parts.slice(0, 1));
      const other = await made(marketAt("board-240", 90_000n, 3_000n), { epoch: 3n }, (list) =>
        list.with(1, { ...list[1]!, liquidityRateBps: 49n }),
      );
      for (const wrong of [
        parts[0]!,
        parts[2]!,
        parts[3]!,
        other.parts[1]!,
        { ...parts[1]!, liquidityRateBps: 51n },
        { ...parts[1]!, next: parts[2]!.next },
      ]) {
        await refuses(board.resume!(1, 2, [wrong]), "PartUnexpected");
      }
      await refuses(board.resume!(1, 2, [...parts.slice(1), parts[3]!]), "PartUnexpected");
      await refuses(board.resume!(1, 3, [parts[1]!]), "EpochNotOpen");
      await board.resume!(1, 2, parts.slice(1, 3));
      await board.resume!(1, 2, parts.slice(3));
      expect((await latest()).epoch).to.equal(2n);
    });

    it("O13: a superseded opening is never completed, and leaves the current epoch alone", async () => {
      const first = await made(marketAt("board-240", 90_000n, 3_000n));
      await publish(first.epoch, first.signatures, first.parts.slice(0, 3));
      const market = marketAt("board-240", 95_000n, 3_500n);
      const second = await made(market, { epoch: 4n });
      await publish(second.epoch, second.signatures, second.parts.slice(0, 2));
      await refuses(board.resume!(1, 2, [first.parts[3]!]), "EpochNotOpen");
      await refuses(board.resume!(1, 4, [first.parts[3]!]), "PartUnexpected");
      expect((await latest()).epoch).to.equal(1n);
      await board.resume!(1, 4, second.parts.slice(2));
      const { x, y } = pointOf(keys["board-240"].key, marketSignals(world.policy, market));
      expect((await latest()).point).to.deep.equal([x, y]);
    });

    it("O13: a signed chain that is shorter or longer than the board never becomes current", async () => {
      const short = await made(world.market, {}, (parts) => [...parts.slice(0, 2), parts[3]!]);
      await publish(short.epoch, short.signatures, short.parts.slice(0, 2));
      await refuses(board.resume!(1, 2, short.parts.slice(2)), "PartsWrong");
      const long = await made(world.market, { epoch: 3n }, (parts) => [...parts, parts[3]!]);
      await publish(long.epoch, long.signatures, long.parts.slice(0, 3));
      await refuses(board.resume!(1, 3, long.parts.slice(3)), "PartsWrong");
      await refuses(board.resume!(1, 3, long.parts.slice(3, 4)), "PartsWrong");
      expect((await latest()).epoch).to.equal(1n);
    });

    it("a policy set while an epoch is being opened is part of the point that results", async () => {
      const market = marketAt("board-240", 90_000n, 3_000n);
      const { epoch, parts, signatures } = await made(market);
      await publish(epoch, signatures, parts.slice(0, 2));
      const policy = randomPolicy(seededRng(15));
      await call(board, "setPolicy", 1n, chainPolicy(policy, LEVELS, MAX_AGE));
      await board.resume!(1, 2, parts.slice(2));
      const { x, y } = pointOf(keys["board-240"].key, marketSignals(policy, market));
      expect((await latest()).point).to.deep.equal([x, y]);
    });
  });

  it("before its first complete epoch a board answers nothing, and unknown boards do not exist", async () => {
    await call(board, "createBoard", 240, world.chainPolicy());
    await refuses(board.latest!(2), "EpochMissing");
    await refuses(board.fresh!(2), "EpochMissing");
    for (const method of ["latest", "instrumentsOf", "openingOf"]) {
      await expect(board[method]!(3)).to.be.revert(world.ethers);
    }
    await expect(board.createBoard!(60, world.chainPolicy()))
      .to.be.revertedWithCustomError(world.deployment.router, "SizeUnknown")
      .withArgs(60);
    expect(await board.instrumentsOf!(2)).to.equal(instrumentsOf("board-240"));
  });

  it("only the owner creates boards, sets policies and signers", async () => {
    const stranger = board.connect(world.signers[8]!) as Contract;
    const policy = world.chainPolicy();
    await refuses(stranger.createBoard!(240, policy), "OwnableUnauthorizedAccount");
    await refuses(stranger.setPolicy!(1, policy), "OwnableUnauthorizedAccount");
    await refuses(stranger.setSigners!([], 1), "OwnableUnauthorizedAccount");
  });

  it("O10: an asset and a row that lose their values stay in place, at zero", async () => {
    const { board: rows } = world.market;
    const delisted: Market = {
      prices: world.market.prices.with(0, 0n as never),
      board: { ...rows, rows: rows.rows.with(0, rows.rows[5]!) },
    };
    await world.publish(2n, delisted);
    const { x, y } = pointOf(keys["board-240"].key, marketSignals(world.policy, delisted));
    expect((await latest()).point).to.deep.equal([x, y]);
  });
});

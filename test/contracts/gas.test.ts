// SPDX-License-Identifier: GPL-3.0-or-later
// Verifiers and market. Simulated keys: the same proofs every time, so that the gas of their calldata is the same every time.
//
// `AccountVerifier.verify` is execution alone; every other figure is a whole transaction. UPDATE_SNAPSHOTS=1 rewrites.
import { expect } from "chai";
import { FAMILY_IDS, policyStatement } from "../../prover/src/chain/carrier.ts";
import { proofWords } from "../../prover/src/chain/gate-calls.ts";
import { EMPTY_ROW } from "../../prover/src/model/market.ts";
import { type BoardSize, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { NO_TRANSFER } from "../../prover/src/model/transition.ts";
import type { Groth16Proof } from "../../prover/src/node/prover.ts";
import { encodeTransfer, marketSignals } from "../../prover/src/statement/account.ts";
import { circuitOf } from "../../prover/src/statement/families.ts";
import { Costs, type Receipt } from "../support/gas.ts";
import { randomMarket, seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import {
  type Called,
  keysOf,
  Markets,
  NO_HASH,
  PLAIN,
  POLICY,
  routerOf,
  TERMS,
  TIMELOCK,
  verifierOf,
} from "./markets.ts";
import { pointOf } from "./points.ts";
import { createChain, DAY, marketAt } from "./world.ts";

/** The start of the simulated chain, so that times have the same bytes in every run. */
const START = 1_800_000_000n;
const VERIFY_CEILING = 240_000;
/** For one proof of a batch of so many, a whole transaction to a contract that calls `verifyBatch`. */
const BATCH_CEILING: Record<number, number> = { 2: 162_000, 16: 72_000 };

/** Of the snapshot: what is measured here. */
const AREAS = [
  "AccountVerifier",
  "batch",
  "deploy.key",
  "epoch",
  "linkMore",
  "pause",
  "policy",
  "queue",
  "rotation",
  "settlement",
];
/** What is promised of the market (whole transactions, calldata included). */
const CEILINGS = { "epoch.60": 1_100_000, "epoch.480": 4_500_000, "deploy.key.480": 3_000_000 };

/** Of a transaction of a market without a gate. */
const gasOf = async (sent: Promise<unknown>): Promise<Receipt> =>
  (await ((await sent) as { wait(): Promise<unknown> }).wait()) as Receipt;

/** The market alone: what epochs, settlements and changes of policy and key take, and a key's deployment. */
async function marketCosts(size: BoardSize, costs: Costs) {
  const rows = instrumentsOf(size);
  const chain = await createChain(31_337, START);
  const world = await Markets.create(size, { chain: chain as never });
  // Every instrument listed, every value new. Of halted epochs as of others.
  for (const [round, name] of ["first", "second", `epoch.${rows}`].entries()) {
    const drawn = randomMarket(seededRng(3 + round), size, "typical");
    const open = drawn.board.rows.map((row) => (row === EMPTY_ROW ? drawn.board.rows[1]! : row));
    const made = await world.make({ market: { ...drawn, board: { ...drawn.board, rows: open } } });
    const receipt = await gasOf(world.send(made) as Promise<unknown>);
    if (name.startsWith("epoch")) await costs.spent(name, receipt);
    expect(receipt.gasUsed < 1n << 24n, "an epoch is one transaction on chains that cap it at 2^24").to.equal(true);
    if (rows !== 60 || !name.startsWith("epoch")) continue;
    const { values, counted, statement } = made;
    const more = (family: bigint) => [{ family, link: world.key(family).link(statement) }];
    const linked = world.oracle.linkMore!(1, values, counted.prices, counted.debtRateBps, more(FAMILY_IDS.lot));
    await costs.spent("linkMore.60", await gasOf(linked));
  }
  const expiring = Object.fromEntries(Array.from({ length: 10 }, (_, row) => [row, 1_000_000n * BigInt(row + 1)]));
  await costs.spent(`settlement.${rows}`, await gasOf((await world.settle(expiring, 1n)).send()));
  const keys = keysOf(size, 9n, [
    circuitOf("account", size),
    ...(rows === 60 ? SETTLING : [circuitOf("settlement", size)]),
  ]);
  const [accounts] = keys;
  const verifier = await verifierOf(world.chain, accounts!);
  await costs.spent(`deploy.key.${rows}`, (await verifier.deploymentTransaction()!.wait())!);
  if (rows !== 60) return;

  const place = { chainId: 31_337n, address: await world.points.getAddress() };
  const policy = { ...POLICY, schedules: POLICY.schedules.with(2, POLICY.schedules[0]!) };
  const statement = policyStatement(place, policy);
  const board = await world.router.verifierOf!(60, FAMILY_IDS.account);
  const link = world.key(FAMILY_IDS.account).link(statement);
  await costs.spent("policy.link", await gasOf(world.points.linkPolicy!(board, statement.values, link)));
  await world.linkKeys(world.router, world.keys, policy);
  await world.queue.close!();
  const waiting = async (name: string, contract: Called, method: string, ...args: unknown[]) => {
    const { data } = await contract.getFunction(method).populateTransaction(...args);
    const operation = [await contract.getAddress(), 0n, data, NO_HASH, NO_HASH] as const;
    const schedule = world.queue.schedule!(...operation, TIMELOCK);
    if (name === "policy.set") await costs.spent("queue.schedule (policy)", await gasOf(schedule));
    else await gasOf(schedule);
    await world.time.increase(TIMELOCK);
    await costs.spent(name, await gasOf(world.queue.execute!(...operation)));
  };
  await waiting("policy.set", world.registry, "setPolicy", 1, world.policy({}, policy));
  const tighter = world.policy({ levels: { ...TERMS.levels, initial: TERMS.levels.initial + 1n } }, policy);
  await costs.spent("policy.tighten", await gasOf(world.as(world.guardian, world.registry).tighten!(1, tighter)));
  const all = keysOf(size, 9n);
  const router = await routerOf(world.chain, all);
  await world.linkKeys(router, all, policy);
  await world.linkKeys(router, all);
  await waiting("rotation", world.registry, "rotate", 1, router);
  await waiting(
    "queue.setReporters (5)",
    world.quorum,
    "setReporters",
    [...((await world.quorum.reporters!()) as string[])],
    3,
  );
  await costs.spent("pause", await gasOf(world.as(world.guardian, world.oracle).pause!(1, DAY)));
  await waiting("queue.configure", world.sources, "configure", 1, 0, PLAIN);
}
const SETTLING = ["settlement-60"] as const;

describe("gas", () => {
  it("stays within the snapshot, and one verification within 240,000", async function () {
    this.timeout(120_000);
    const costs = new Costs();
    const { gas } = costs;
    const key = simulatedKey("board-60");
    const chain = await createChain(31_337, START);
    const verifier = await verifierOf(chain as never, key);
    const shared = marketSignals(POLICY, marketAt("board-60", 100_000n, 4_000n));
    const { x, y } = pointOf(key.key, shared);
    const inputs = [11n, 12n, 13n, 14n, 15n, 16n].map((seed) => seed ** 90n % (1n << 253n));
    const proof = key.prove([...inputs, ...shared]);
    const data = verifier.interface.encodeFunctionData("verify", [proofWords(proof as Groth16Proof), inputs, { x, y }]);
    const meter = await chain.ethers.deployContract("GasMeter");
    gas["AccountVerifier.verify"] = Number(await meter.measure!(verifier, data));
    expect(gas["AccountVerifier.verify"]).to.be.at.most(VERIFY_CEILING);

    const caller = await chain.ethers.deployContract("BatchCaller", [verifier]);
    for (const count of [2, 16]) {
      // As in trades: nothing transferred, one level asked.
      const each = Array.from({ length: count }, (_, index) => {
        const [stateBefore, stateAfter, fill, context] = [3n, 5n, 7n, 9n].map(
          (n) => (n + BigInt(index)) ** 91n % (1n << 253n),
        );
        return [stateBefore!, stateAfter!, encodeTransfer(NO_TRANSFER), fill!, 15_000n, context!];
      });
      const proofs = each.map((own) => proofWords(key.prove([...own, ...shared]) as Groth16Proof));
      const data = verifier.interface.encodeFunctionData("verifyBatch", [proofs, each, { x, y }]);
      const receipt = await (await (await chain.ethers.getSigners())[0]!.sendTransaction({ to: caller, data })).wait();
      await costs.spent(`batch.${count}.perProof`, receipt!, count);
      expect(gas[`batch.${count}.perProof`]).to.be.at.most(BATCH_CEILING[count]!);
    }

    await marketCosts("board-60", costs);
    await marketCosts("board-480", costs);
    for (const [name, ceiling] of Object.entries(CEILINGS)) expect(gas[name], name).to.be.at.most(ceiling);
    costs.check(AREAS);
  });
});

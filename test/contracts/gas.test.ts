// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated keys: the same proofs every time, so that the gas of their calldata is the same every time.
//
// `AccountVerifier.verify` is execution alone; every other figure is a whole transaction. UPDATE_SNAPSHOTS=1 rewrites.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { Contract } from "ethers";
import { proofWords } from "../../prover/src/chain/calls.ts";
import { chainKey } from "../../prover/src/chain/key.ts";
import { publication, signEpoch } from "../../prover/src/chain/publication.ts";
import { commitFill } from "../../prover/src/model/commit.ts";
import { encodeTransfer, marketSignals } from "../../prover/src/model/statement.ts";
import { NO_TRANSFER } from "../../prover/src/model/transition.ts";
import type { Groth16Proof } from "../../prover/src/proof/prover.ts";
import { randomMarket, seededRng } from "../support/random.ts";
import { simulatedKey } from "../support/simulated.ts";
import { pointOf } from "./points.ts";
import { BTC, CASH, call, callView, E6, E8, fillOf, marketAt, World } from "./world.ts";

const FILE = path.join(import.meta.dirname, "../snapshots/gas.json");
/** The start of the simulated chain, so that times have the same bytes in every run. */
const START = 1_800_000_000n;
const VERIFY_CEILING = 240_000;
/** For one proof of a batch of so many, a whole transaction to a contract that calls `verifyBatch`. */
const BATCH_CEILING: Record<number, number> = { 2: 160_000, 16: 72_000 };

describe("gas", () => {
  it("stays within the snapshot, and one verification within 240,000", async function () {
    this.timeout(120_000);
    const gas: Record<string, number> = {};
    const spent = (name: string, { gasUsed }: { gasUsed: bigint }) => {
      gas[name] = Number(gasUsed);
    };
    const key = simulatedKey("board-60");
    const world = await World.create({ key, start: START });
    const { gate } = world;
    const { board } = world.deployment;

    spent("MarketBoard.createBoard", await call(board, "createBoard", 60n, world.chainPolicy()));
    spent("MarketBoard.setPolicy", await call(board, "setPolicy", world.board, world.chainPolicy()));
    const full = randomMarket(seededRng(3), "board-60", "typical");
    const { epoch, parts } = publication(full, { board: world.board, epoch: 2n, time: START + 1000n });
    await world.time.setNextBlockTimestamp(START + 1000n);
    const signatures = await signEpoch(world.quorum.slice(0, 3), await world.domain("MarketBoard"), epoch);
    spent("MarketBoard.publish (prices)", await call(board, "publish", epoch, signatures, []));
    spent("MarketBoard.resume (a full block of 60)", await call(board, "resume", world.board, 2n, parts));
    world.market = marketAt("board-60", 100_000n, 4_000n);
    await world.publish(3n, world.market, START + 1001n);

    const alice = await world.holder(10);
    const bob = await world.holder(11);
    spent("MarginGate.open", await call(alice.gate, "open", world.board));
    await bob.fund(CASH, 3_000_000n * E6);
    spent("MarginGate.deposit", await call(alice.gate, "deposit", alice.id, CASH, 1_000_000n * E6));
    const absorb = await alice.absorption({ asset: CASH, amount: 1_000_000n * E6 });
    spent("MarginGate.absorb", await call(alice.gate, "absorb", absorb.step, CASH, 1_000_000n * E6, false));
    alice.state = absorb.after;
    await alice.fund(BTC, 10n * E8);
    const attest = await alice.attestation(12_000n);
    spent("MarginGate.attest", await call(alice.gate, "attest", attest.step, 12_000n));
    alice.state = attest.after;
    const recipient = world.signers[16]!.address;
    const given = { asset: CASH, amount: 1_000n * E6, recipient, fee: 0n };
    const withdraw = await alice.withdrawal(given);
    spent("MarginGate.withdraw", await call(alice.gate, "withdraw", withdraw.step, CASH, given.amount, recipient, 0n));
    alice.state = withdraw.after;
    const fill = fillOf("board-60", { 0: 100n }, -5n * E6);
    const [a, b] = [await alice.trading(fill, 1n, bob.id), await bob.trading(fill, -1n, alice.id)];
    spent("MarginGate.trade", await call(alice.gate, "trade", a.step, await bob.signed(b), commitFill(fill)));
    alice.state = a.after;
    const flag = await alice.flagging();
    spent("MarginGate.flag", await call(gate.connect(world.signers[17]!) as Contract, "flag", flag.step));

    const { point } = (await callView(board, "latest", world.board)) as { point: bigint[] };
    const shared = marketSignals(world.policy, world.market);
    const { x, y } = pointOf(key.key, shared);
    expect(point).to.deep.equal([x, y]);
    const inputs = [11n, 12n, 13n, 14n, 15n, 16n].map((seed) => seed ** 90n % (1n << 253n));
    const proof = key.prove([...inputs, ...shared]);
    const data = world.verifier.interface.encodeFunctionData("verify", [
      proofWords(proof as Groth16Proof),
      inputs,
      { x, y },
    ]);
    const meter = await world.ethers.deployContract("GasMeter");
    gas["AccountVerifier.verify"] = Number(await meter.measure!(world.verifier, data));
    expect(gas["AccountVerifier.verify"]).to.be.at.most(VERIFY_CEILING);

    const caller = await world.ethers.deployContract("BatchCaller", [world.verifier]);
    for (const count of [2, 16]) {
      // As in trades: nothing transferred, one level asked.
      const each = Array.from({ length: count }, (_, index) => {
        const [stateBefore, stateAfter, fill, context] = [3n, 5n, 7n, 9n].map(
          (n) => (n + BigInt(index)) ** 91n % (1n << 253n),
        );
        return [stateBefore!, stateAfter!, encodeTransfer(NO_TRANSFER), fill!, 15_000n, context!];
      });
      const proofs = each.map((own) => proofWords(key.prove([...own, ...shared]) as Groth16Proof));
      const data = world.verifier.interface.encodeFunctionData("verifyBatch", [proofs, each, { x, y }]);
      const receipt = await (await world.signers[0]!.sendTransaction({ to: caller, data })).wait();
      gas[`batch.${count}.perProof`] = Math.ceil(Number(receipt!.gasUsed) / count);
      expect(gas[`batch.${count}.perProof`]).to.be.at.most(BATCH_CEILING[count]!);
    }

    for (const size of ["board-60", "board-480"] as const) {
      const { pages, hash } = chainKey(simulatedKey(size).key);
      let total = 0n;
      const at: string[] = [];
      for (const code of pages) {
        const receipt = await (await world.signers[0]!.sendTransaction({ data: code })).wait();
        total += receipt!.gasUsed;
        at.push(receipt!.contractAddress!);
      }
      gas[`key pages of ${size}, together`] = Number(total);
      const verifier = await world.ethers.deployContract("AccountVerifier", [size === "board-60" ? 60 : 480, at, hash]);
      const receipt = await verifier.deploymentTransaction()!.wait();
      gas[`AccountVerifier for ${size}`] = Number(receipt!.gasUsed);
    }

    const sorted = Object.fromEntries(Object.entries(gas).sort(([left], [right]) => (left < right ? -1 : 1)));
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
    const snapshot = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, number>;
    expect(Object.keys(sorted)).to.deep.equal(Object.keys(snapshot));
    const grown = Object.entries(sorted).filter(([name, used]) => used > snapshot[name]!);
    expect(grown, "entry points that need more gas than the snapshot says").to.deep.equal([]);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A desk that acts on a chain, when things go wrong: what rules ask for has exactly one effect whatever is lost or stopped when, a
 * reorganisation of a few blocks is survived, and what the gate says of the account is told.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { absorb, deposit } from "../../prover/src/app/account/moves.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { KEYSTORE } from "../support/desk-chains.ts";
import { ATTEST, deskWorld, TOP_UP } from "./desk-world.ts";

describe("a desk on a chain where things go wrong", function () {
  this.timeout(240_000);
  const world = deskWorld();

  it("attests again once the last attestation is old, and not before", async () => {
    world.open({ rules: [{ ...ATTEST, name: "kept fresh", when: "when old", olderThanSeconds: 3_000 }] });
    await world.desk.step();
    await world.desk.chainNext();
    expect(world.desk.store.tasks.last("kept fresh", "atlas")).equal(undefined);
    await world.venue.passes(3_100);
    await world.folder.epochOnChain();
    await world.stop();
    world.open({ rules: [{ ...ATTEST, name: "kept fresh", when: "when old", olderThanSeconds: 3_000 }] });
    await world.desk.step();
    await world.desk.chainNext();
    await world.finish();
    expect(world.desk.store.tasks.last("kept fresh", "atlas")).include({ state: "done" });
    await world.desk.chainNext();
    await world.desk.chainNext();
    expect(world.desk.store.tasks.list().filter(({ rule }) => rule === "kept fresh")).lengthOf(1);
  });

  it("an attestation under an epoch that the chain does not have yet waits for it", async () => {
    world.open({ rules: [{ ...ATTEST, name: "each epoch", when: "every epoch" }] });
    world.folder.epoch();
    await world.desk.step();
    for (let look = 0; look < 3; look++) await world.desk.chainNext();
    expect(world.last()).include({ state: "ready", reason: null });
    expect(world.last().calls).deep.equal([]);
    const market = readMarket(
      readFileSync(world.folder.path("market.json"), "utf8"),
      "market.json",
      world.venue.policy,
    );
    await world.venue.publish(market);
    await world.finish();
    expect(world.last()).include({ state: "done" });
  });

  it("with approval nothing leaves before an approver agrees, and nothing once the account is well again", async () => {
    world.open({ rules: [{ ...TOP_UP, name: "asked first", approval: true }] });
    world.poor(3);
    await world.desk.step();
    for (let look = 0; look < 3; look++) await world.desk.chainNext();
    expect((await world.paid()).outside).equal(0n);
    world.poor(0);
    await world.desk.step();
    world.desk.store.tasks.decide(world.last().id, "ready", "Ana", world.folder.now);
    await world.finish();
    expect(world.last()).include({ state: "rejected", reason: "the account is at the level again" });
    expect((await world.paid()).outside).equal(0n);
  });

  // At twelve points of it with kill -9 and real proofs: test/e2e/desk-chain-killed.long.test.ts.
  it("has one effect where the answer to a top-up's approval, deposit or receipt is lost and the desk is stopped", async () => {
    const points = [
      { method: "eth_sendRawTransaction", nth: 1, has: true },
      { method: "eth_sendRawTransaction", nth: 2, has: false },
      { method: "eth_getTransactionReceipt", nth: 2, has: true },
    ];
    const rules = [{ ...TOP_UP, name: "stopped" }];
    for (const [index, { method, nth, has }] of points.entries()) {
      world.open({ rules });
      world.poor(10 + index);
      await world.folder.epochOnChain();
      await world.desk.step();
      expect(world.last(), `${index}`).include({ state: "ready" });
      let count = 0;
      let met = false;
      world.venue.hook = (asked) => {
        // From here on this world.desk hears nothing any more, as if it had been killed.
        if (met) throw new Error("lost");
        if (asked !== method || ++count !== nth) return undefined;
        met = true;
        if (!has) throw new Error("lost");
        return () => {
          throw new Error("lost");
        };
      };
      for (let look = 0; look < 20 && !met; look++) {
        await world.desk.chainNext();
        if (!met) await world.venue.passes(1);
      }
      expect(met, `${method} ${nth}`).equal(true);
      await world.stop();
      world.venue.hook = () => undefined;
      world.open({ rules });
      await world.desk.step();
      await world.finish();
      expect(world.last(), `${method} ${nth} ${has}`).include({
        state: "done",
        rule: "stopped",
      });
      const sum = 1000 * (index + 1);
      expect(await world.paid(), `${method} ${nth} ${has}`).deep.equal({
        outside: BigInt(sum),
        held: sum,
        credit: "0",
      });
      if (index < points.length - 1) await world.stop();
    }
  });

  it("survives a reorganisation that undoes a deposit, and one that undoes an absorption", async () => {
    for (const step of ["deposit", "absorb"] as const) {
      world.open({ rules: [{ ...TOP_UP, name: `undone ${step}` }] });
      world.poor(step === "deposit" ? 30 : 31);
      await world.folder.epochOnChain();
      await world.desk.step();
      let undo = await world.venue.remember();
      for (let look = 0; look < 20; look++) {
        await world.desk.chainNext();
        if (world.last().calls.some((call) => call.step === step && !call.confirmed)) break;
        await world.venue.passes(1);
        undo = await world.venue.remember();
      }
      expect(world.last().calls.at(-1)).include({ step, confirmed: false });
      const before = world.last().calls.at(-1)!.transaction;
      await undo();
      expect(await world.folder.provider.getTransactionReceipt(before)).equal(null);
      await world.finish();
      expect(world.last()).include({ state: "done" });
      const sum = step === "deposit" ? 1000 : 2000;
      expect(await world.paid()).deep.equal({ outside: BigInt(sum), held: sum, credit: "0" });
      if (step === "deposit") await world.stop();
    }
  });

  it("tells what the gate says of the account, and that the node does not answer", async () => {
    world.open({ rules: [] });
    await world.desk.step();
    await world.desk.chainNext();
    await world.desk.step();
    expect(world.keysOf().filter((each) => each.startsWith("gate"))).deep.equal([]);
    await world.stop();
    // The board's clock stands still an hour after an epoch: a day of it takes a day of epochs.
    for (let hour = 0; hour < 19; hour++) {
      await world.venue.passes(3_600);
      await world.folder.epochOnChain();
    }
    world.open({ rules: [] });
    await world.desk.step();
    await world.desk.chainNext();
    await world.desk.step();
    expect(world.keysOf().filter((each) => each.startsWith("gate"))).deep.equal(["gate due atlas"]);
    await world.stop();
    world.venue.hook = () => {
      throw new Error("gone");
    };
    world.open({ rules: [] });
    await world.desk.step();
    expect(world.keysOf(), "nothing is known yet").include("gate due atlas");
    await world.desk.chainNext();
    await world.desk.step();
    expect(world.keysOf()).members(["chain silent", "gate due atlas"]);
  });

  it("what another command of the account has left is not taken for what a wallet was handed", async () => {
    world.open({ rules: [{ ...TOP_UP, name: "by hand" }] }, { by: "wallet" });
    world.poor(50);
    await world.desk.step();
    const { folder } = world;
    const order = { viewingKey: folder.viewingKey, asset: "USDC", amount: "1000" };
    // Taken by the chain, and not told of: as where that command was killed.
    const left = await folder.asOwner((machine) => deposit(machine, order));
    await world.venue.passes(5);
    for (let look = 0; look < 3; look++) await world.desk.chainNext();
    expect(world.last()).include({ rule: "by hand", state: "ready" });
    expect(world.last().calls).deep.equal([]);
    const told = await world.desk.told(world.last().id, left.transaction).catch((error: unknown) => error);
    expect(told).include({ code: "FIELD_INVALID" });
    await folder.asOwner((machine) => deposit(machine, order)).then((done) => done.acknowledge());
    await folder.asOwner((machine) => absorb(machine, order)).then((done) => done.acknowledge());
    world.desk.store.tasks.finish(world.last().id, { reason: "TEST" }, folder.now);
  });

  it("no more transactions leave than are allowed, and no dearer ones", async () => {
    world.open({ rules: [] });
    for (const [name, part] of [
      ["few", { transactionsPerDay: 1 }],
      ["dear", { gasPerTransaction: "0.000000001" }],
    ] as const) {
      await world.stop();
      const config = world.folder.configAtGate({ rules: [{ ...TOP_UP, name }] }, KEYSTORE);
      world.desk = world.folder.open(
        { ...config, chain: { ...config.chain!, ...part } },
        { openProver: world.openProver },
      );
      world.poor(5);
      await world.folder.epochOnChain();
      await world.desk.step();
      for (let look = 0; look < 3; look++) await world.desk.chainNext();
      await world.desk.step();
      expect(world.last(), name).include({ state: "ready" });
      expect(world.keysOf(), name).include("chain limit");
      world.desk.store.tasks.finish(world.last().id, { reason: "TEST" }, world.folder.now);
    }
    expect((await world.paid()).outside).equal(0n);
  });

  it("has one effect where it is killed as it has noted a transaction, before it is off the account's file", async () => {
    for (const [nth, step] of (["deposit", "absorb"] as const).entries()) {
      const rules = [{ ...TOP_UP, name: `noted ${step}` }];
      world.open({ rules });
      world.poor(60 + nth);
      await world.folder.epochOnChain();
      await world.desk.step();
      const { tasks } = world.desk.store;
      const note = tasks.note.bind(tasks);
      let killed = false;
      tasks.note = (id, calls) => {
        note(id, calls);
        if (!calls.some((call) => call.step === step && call.confirmed)) return;
        killed = true;
        void world.desk.close();
        throw new Error("killed");
      };
      for (let look = 0; look < 30 && !killed; look++) {
        await world.desk.chainNext();
        if (!killed) await world.venue.passes(1);
      }
      expect(killed).equal(true);
      expect(world.last()).include({ state: "ready" });
      await world.stop();
      world.open({ rules });
      await world.desk.step();
      await world.finish();
      expect(world.last()).include({ state: "done", rule: `noted ${step}` });
      const sum = 1000 * (nth + 1);
      expect(await world.paid()).deep.equal({ outside: BigInt(sum), held: sum, credit: "0" });
      if (nth === 0) await world.stop();
    }
  });

  it("a disk that is full as a transaction is to be noted loses nothing: the task goes on once there is room", async () => {
    const rules = [{ ...TOP_UP, name: "no room" }];
    world.open({ rules });
    world.poor(70);
    await world.folder.epochOnChain();
    await world.desk.step();
    const { tasks } = world.desk.store;
    const note = tasks.note.bind(tasks);
    let refused = 0;
    tasks.note = (id, calls) => {
      if (!calls.some(({ step }) => step === "deposit")) return note(id, calls);
      refused += 1;
      throw new Error("database or disk is full");
    };
    for (let look = 0; look < 12 && refused === 0; look++) {
      await world.desk.chainNext();
      await world.venue.passes(1);
    }
    expect(refused).equal(1);
    expect(world.last()).include({ state: "ready", reason: null });
    await world.stop();
    world.open({ rules });
    await world.desk.step();
    await world.finish();
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** A desk that acts on a chain: it attests, and pays in, and nothing leaves that the configuration does not allow. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { formatJson } from "../../prover/src/formats/json.ts";
import { KEYSTORE } from "../support/desk-chains.ts";
import { ATTEST, deskWorld, TOP_UP } from "./desk-world.ts";

describe("a desk on a chain", function () {
  this.timeout(120_000);
  const world = deskWorld();

  it("attests once a day at the gate, and counts on it when it is three blocks deep", async () => {
    world.open({ rules: [ATTEST] });
    await world.desk.step();
    await world.desk.step();
    expect(await world.desk.chainNext()).equal(false);
    expect(world.last()).include({ kind: "attest", state: "ready" });
    expect(world.last().calls.map(({ step, confirmed }) => ({ step, confirmed }))).deep.equal([
      { step: "attest", confirmed: false },
    ]);
    await world.finish();
    expect(world.last()).include({ state: "done", reason: null });
    const number = world.folder.gateNumber;
    const events = await world.venue.gate.queryFilter(world.venue.gate.filters.Settled!(number));
    expect(events.at(-1)!.transactionHash).equal(world.last().calls[0]!.transaction);
    await world.folder.epochOnChain();
    await world.desk.step();
    expect(world.desk.store.tasks.list()).lengthOf(1);
  });

  it("tops up below the level: leave, deposit and absorption, once until the account's file shows it", async () => {
    world.open({ rules: [TOP_UP] });
    await world.desk.step();
    expect(world.desk.store.tasks.list().filter(({ kind }) => kind === "top up")).deep.equal([]);
    world.poor(1);
    await world.desk.step();
    await world.finish();
    expect(world.last()).include({ kind: "top up", state: "done" });
    expect(world.last().calls.map(({ step }) => step)).deep.equal(["approve", "deposit", "absorb"]);
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
    await world.folder.epochOnChain();
    await world.desk.step();
    expect(world.desk.store.tasks.list({ state: "ready" }), "its file is the same as before").deep.equal([]);
  });

  it("no more than the limit of the day leaves", async () => {
    const rule = { ...TOP_UP, name: "limited", amount: "1500" };
    // 1000 of this day have been paid in above.
    world.desk = world.folder.open(world.folder.configAtGate({ rules: [rule] }, KEYSTORE, "2000"), {
      openProver: world.openProver,
    });
    world.poor(4);
    await world.desk.step();
    await world.finish();
    expect(world.last()).include({ state: "failed", reason: "LIMIT_REACHED" });
    await world.desk.step();
    expect(world.keysOf()).include("failed limited atlas");
    expect((await world.paid()).outside).equal(0n);
  });

  it("an approver stops a task until something may have left for it, also in the middle of its proof", async () => {
    world.open({ rules: [{ ...ATTEST, name: "stopped" }] });
    await world.folder.epochOnChain();
    await world.desk.step();
    const { tasks } = world.desk.store;
    const before = await world.folder.provider.getBlockNumber();
    const working = world.desk.chainNext();
    expect(tasks.decide(world.last().id, "rejected", "Ana", world.folder.now)).equal(true);
    await working;
    expect(world.last()).include({ rule: "stopped", state: "rejected", decidedBy: "Ana" }).deep.include({ calls: [] });
    expect(await world.folder.provider.getBlockNumber()).equal(before);
    await world.stop();

    world.open({ rules: [{ ...ATTEST, name: "begun" }] });
    await world.folder.epochOnChain();
    await world.desk.step();
    await world.desk.chainNext();
    expect(world.last().calls).lengthOf(1);
    expect(world.desk.store.tasks.decide(world.last().id, "rejected", "Ana", world.folder.now)).equal(false);
    await world.finish();
    expect(world.last()).include({ rule: "begun", state: "done" });
  });

  it("a task that a limit held up is an alert no more once it has been rejected", async () => {
    const rules = [{ ...ATTEST, name: "held" }];
    const config = world.folder.configAtGate({ rules }, KEYSTORE);
    const chain = { ...(config.chain as object), gasPerTransaction: "0.000000000000000001" };
    world.desk = world.folder.open({ ...config, chain } as never, { openProver: world.openProver });
    await world.folder.epochOnChain();
    await world.desk.step();
    await world.desk.chainNext();
    await world.desk.step();
    expect(world.last()).include({ state: "ready" });
    expect(world.keysOf()).include("chain limit");
    world.desk.store.tasks.decide(world.last().id, "rejected", "Ana", world.folder.now);
    await world.desk.chainNext();
    await world.desk.step();
    expect(world.keysOf()).not.include("chain limit");
  });

  it("what a rejected top-up would have paid in leaves its room in the day's limit", async () => {
    const top = (name: string) => ({ ...TOP_UP, name, amount: "100" });
    world.desk = world.folder.open(world.folder.configAtGate({ rules: [top("first")] }, KEYSTORE, "1100"), {
      openProver: world.openProver,
    });
    world.poor(7);
    await world.desk.step();
    const { tasks } = world.desk.store;
    const working = world.desk.chainNext();
    tasks.decide(world.last().id, "rejected", "Ana", world.folder.now);
    await working;
    expect(tasks.isCounted(world.last().id)).equal(false);
    await world.stop();
    world.desk = world.folder.open(world.folder.configAtGate({ rules: [top("second")] }, KEYSTORE, "1100"), {
      openProver: world.openProver,
    });
    await world.desk.step();
    await world.finish();
    expect(world.last()).include({ rule: "second", state: "done" });
  });

  it("follows the epochs of the chain, whether or not the venue serves its file", async () => {
    const { folder } = world;
    writeFileSync(folder.path("names.json"), readFileSync(folder.path("market.json")));
    const gate = await world.venue.gate.getAddress();
    world.open({ epochs: { from: "chain", policy: "policy.json", names: "names.json", gate } });
    await world.desk.step();
    const before = world.desk.epoch!;
    await world.desk.step();
    expect(world.desk.epoch, "read again though nothing has changed").equal(before);
    await folder.epochOnChain();
    rmSync(folder.path("market.json"));
    await world.desk.step();
    const { market } = world.desk.epoch!;
    expect(market.epoch).equal(before.market.epoch + 1n);
    expect(market.instruments).deep.equal(before.market.instruments);
    expect(world.keysOf()).deep.equal([]);
    expect(world.desk.store.latestReadings().map(({ epoch }) => epoch)).include(`${market.epoch}`);
    const pause = async (seconds: number) =>
      (await world.venue.deployment.oracle.connect(world.venue.signers[0]!).getFunction("pause")(1, seconds)).wait();
    await pause(600);
    await world.desk.step();
    expect(world.keysOf()).include("epochs closed");
    await pause(0);
    await world.desk.step();
    world.venue.hook = () => {
      throw new Error("the node is down");
    };
    await world.desk.step();
    expect(world.keysOf()).include("epochs unreadable");
    world.venue.hook = () => undefined;
    await world.desk.step();
    expect(world.keysOf()).deep.equal([]);
  });

  it("no key, passphrase or address of the node is in what it logs or keeps of tasks", () => {
    world.open({ rules: [] });
    const { folder, desk, venue } = world;
    const said = formatJson({ logged: folder.logged, tasks: desk.store.tasks.list() });
    for (const secret of [
      folder.wallet.privateKey.slice(2),
      "of the account's key",
      venue.rpc,
      `${folder.viewingKey}`,
    ]) {
      expect(said).not.contain(secret);
    }
    expect(desk.store.tasks.list().length).greaterThan(2);
  });
});

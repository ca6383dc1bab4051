// SPDX-License-Identifier: GPL-3.0-or-later
/** A desk on a chain under hostile circumstances: nothing is paid in twice, and nothing beyond a limit. */

import { expect } from "chai";
import { type Contract, MaxUint256 } from "ethers";
import { approve } from "../../prover/src/app/account/moves.ts";
import { assetNamed, gateAt, tokenOf } from "../../prover/src/chain/gate-view.ts";
import { KEYSTORE } from "../support/desk-chains.ts";
import { ATTEST, deskWorld, TOP_UP } from "./desk-world.ts";

const DAY = 86_400_000;
const WALLET = { by: "wallet" } as const;

describe("a desk on a chain under hostile circumstances", function () {
  this.timeout(240_000);
  const world = deskWorld();
  let poor = 100;

  /** Gives the gate leave to take whatever it likes: there is nothing to approve any more. */
  before(async () => {
    const { folder, venue } = world;
    const view = await gateAt(folder.provider, await venue.gate.getAddress());
    const token = tokenOf(view, await assetNamed(view, "USDC")).connect(folder.wallet.connect(folder.provider));
    await (await (token as Contract).getFunction("approve")(view.gate.target, MaxUint256)).wait();
  });

  const begin = async (part: Parameters<typeof world.open>[0], signer?: Parameters<typeof world.open>[1]) => {
    world.open(part, signer);
    await forget();
    poor += 1;
    world.poor(poor);
    await world.folder.epochOnChain();
    await world.desk.step();
  };
  /** Leaves nothing of an earlier test. */
  const forget = async () => {
    await world.folder.asOwner(async ({ store }) => store.write({ ...(await store.read())!, sending: null }));
    const { tasks } = world.desk.store;
    for (const { id } of tasks.list({ state: "ready" })) tasks.finish(id, { reason: "TEST" }, world.folder.now);
  };
  const task = (rule: string) => world.desk.store.tasks.last(rule, "atlas")!;
  /** Sends what is offered, as a wallet does. */
  const sendBy = async (id: number) => {
    const { to, data, nonce, gasLimit } = await world.desk.offer(id);
    const signer = world.folder.wallet.connect(world.folder.provider);
    return (await signer.sendTransaction({ to, data, nonce, gasLimit })).hash;
  };
  const refused = (work: Promise<unknown>) =>
    work.then(
      () => "nothing",
      (error: { code?: string }) => error.code,
    );
  const finishByWallet = async (id: number) => {
    for (let look = 0; look < 30 && world.desk.store.tasks.get(id)!.state === "ready"; look++) {
      await world.desk.chainNext();
      await world.venue.passes(1);
      await sendBy(id).catch(() => undefined);
    }
    expect(world.desk.store.tasks.get(id)).include({ state: "done" });
  };

  it("pays in once where the gate has leave already", async () => {
    await begin({ rules: [{ ...TOP_UP, name: "leave" }] });
    await world.finish();
    expect(task("leave")).include({ state: "done" });
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
  });

  it("pays in once where another command of the account has counted on its deposit meanwhile", async () => {
    await begin({ rules: [{ ...TOP_UP, name: "between" }] });
    await world.desk.chainNext();
    const { folder } = world;
    await folder.asOwner((machine) => approve(machine, { viewingKey: folder.viewingKey, asset: "USDC", amount: "7" }));
    await world.finish();
    expect(task("between")).include({ state: "done" });
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
  });

  it("offers a wallet no second deposit while the first is not deep enough", async () => {
    await begin({ rules: [{ ...TOP_UP, name: "pressed twice" }] }, WALLET);
    const { id } = task("pressed twice");
    const hash = await sendBy(id);
    expect(await refused(world.desk.offer(id)), "before the desk has looked").equal("CALL_REFUSED");
    await world.desk.told(id, hash);
    await world.desk.chainNext();
    expect(await refused(world.desk.offer(id))).equal("CALL_REFUSED");
    await finishByWallet(id);
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
  });

  it("offers a wallet nothing while what it has sent waits for a block: some choose a nonce of their own", async () => {
    await begin({ rules: [{ ...TOP_UP, name: "waits" }] }, WALLET);
    const { id } = task("waits");
    await world.folder.provider.send("evm_setAutomine", [false]);
    try {
      await sendBy(id);
      expect(await refused(world.desk.offer(id))).equal("CALL_REFUSED");
    } finally {
      await world.folder.provider.send("evm_setAutomine", [true]);
      await world.venue.passes(1);
    }
    await finishByWallet(id);
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
  });

  it("two who press at once, and a look in between, get no two deposits", async () => {
    await begin({ rules: [{ ...TOP_UP, name: "at once" }] }, WALLET);
    const { id } = task("at once");
    await world.desk.told(id, await sendBy(id));
    for (let block = 0; block < 3; block++) await world.venue.passes(1);
    const [, second] = await Promise.all([world.desk.chainNext(), world.desk.offer(id)]);
    expect(second.words, "the deposit is deep enough: absorption is next").match(/^take 1000/);
    await finishByWallet(id);
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
  });

  it("takes no transaction that was sent before it was offered", async () => {
    await begin({ rules: [{ ...TOP_UP, name: "first by hand" }] }, WALLET);
    const first = task("first by hand").id;
    const old = await sendBy(first);
    await finishByWallet(first);
    await world.stop();
    await begin({ rules: [{ ...TOP_UP, name: "second by hand" }] }, WALLET);
    const second = task("second by hand").id;
    await world.desk.offer(second);
    expect(await refused(world.desk.told(second, old))).equal("FIELD_INVALID");
    await finishByWallet(second);
    expect(await world.paid()).deep.equal({ outside: 2000n, held: 2000, credit: "0" });
  });

  it("hands a wallet the tasks of an account one after the other", async () => {
    await begin(
      {
        rules: [
          { ...TOP_UP, name: "one" },
          { ...TOP_UP, name: "other" },
        ],
      },
      WALLET,
    );
    const [one, other] = [task("one").id, task("other").id];
    await sendBy(one);
    expect(await refused(world.desk.offer(other))).equal("CALL_REFUSED");
    await finishByWallet(one);
    await finishByWallet(other);
    expect(await world.paid()).deep.equal({ outside: 2000n, held: 2000, credit: "0" });
  });

  it("offers a wallet nothing that is not needed any more", async () => {
    await begin({ rules: [{ ...TOP_UP, name: "well again" }] }, WALLET);
    world.poor(0);
    await world.desk.step();
    expect(await refused(world.desk.offer(task("well again").id))).equal("CALL_REFUSED");
    await world.desk.chainNext();
    expect(task("well again")).include({ state: "rejected", reason: "the account is at the level again" });
  });

  for (const signer of [KEYSTORE, WALLET]) {
    it(`tops up while an attestation waits for the chain's epoch, signed by a ${signer.by}`, async () => {
      const [first, second] = [`fresh by ${signer.by}`, `cash by ${signer.by}`];
      await begin({ rules: [] }, signer);
      await world.stop();
      const rules = [
        { ...ATTEST, name: first, when: "every epoch" as const },
        { ...TOP_UP, name: second },
      ];
      world.open({ rules }, signer);
      world.folder.epoch();
      await world.desk.step();
      for (let look = 0; look < 20 && task(second).state === "ready"; look++) {
        await world.desk.chainNext();
        if (signer === WALLET) await sendBy(task(second).id).catch(() => undefined);
        await world.venue.passes(1);
      }
      expect(task(second)).include({ state: "done" });
      expect(task(first)).include({ state: "ready" });
      expect((await world.paid()).outside).equal(1000n);
      await world.folder.epochOnChain();
    });
  }

  it("the alert of a limit ends with the task that it held up", async () => {
    const config = world.folder.configAtGate({ rules: [{ ...TOP_UP, name: "dear" }] }, KEYSTORE);
    const open = (part: Partial<NonNullable<typeof config.chain>>) => {
      const chain = { ...config.chain!, gasPerTransaction: "0.000000001", ...part };
      world.desk = world.folder.open({ ...config, chain }, { openProver: world.openProver });
    };
    open({});
    await forget();
    poor += 1;
    world.poor(poor);
    await world.folder.epochOnChain();
    await world.desk.step();
    await world.desk.chainNext();
    await world.desk.step();
    expect(world.keysOf()).include("chain limit");
    // The desk knows the account no more: the task fails when it is tried again.
    world.folder.write("atlas.json", { ...world.folder.firm.atlas, account: "atlas renamed" });
    await world.desk.step();
    const now = performance.now.bind(performance);
    performance.now = () => now() + 120_000;
    try {
      await world.desk.chainNext();
    } finally {
      performance.now = now;
    }
    expect(task("dear")).include({ state: "failed", reason: "UNKNOWN_NAME" });
    await world.desk.step();
    expect(world.keysOf()).not.include("chain limit");
  });

  it("counts a top-up that was held up against the day on which it leaves", async () => {
    const rules = [
      { ...TOP_UP, name: "held up" },
      { ...TOP_UP, name: "next day" },
    ];
    const open = (gasPerTransaction: string, of: typeof rules) => {
      const config = world.folder.configAtGate({ rules: of }, KEYSTORE, "1000");
      const chain = { ...config.chain!, gasPerTransaction };
      world.desk = world.folder.open({ ...config, chain }, { openProver: world.openProver });
    };
    // A day on which nothing was paid in yet.
    open("0.000000001", rules.slice(0, 1));
    await forget();
    world.folder.now += 40 * DAY;
    poor += 1;
    world.poor(poor);
    await world.desk.step();
    await world.desk.chainNext();
    expect(task("held up")).include({ state: "ready" });
    await world.stop();
    world.folder.now += DAY;
    open("0.5", rules);
    poor += 1;
    world.poor(poor);
    await world.desk.step();
    await world.finish();
    expect((await world.paid()).outside).equal(1000n);
    expect([task("held up").state, task("next day").state]).members(["done", "failed"]);
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
// The client follows the chain whatever becomes of its transactions. Proofs are of a simulated key: what is tested here is
// which state the client believes in, not proofs.
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { expect } from "chai";
import { type Contract, getBytes, hexlify, toBeHex } from "ethers";
import { AccountClient, type Published, type Venue } from "../../prover/src/chain/client.ts";
import { openState, sealState } from "../../prover/src/chain/sealed-state.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { type Account, genesis, randomViewingKey } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { settle } from "../../prover/src/statement/settlement.ts";
import type { ColumnE6, LevelBps } from "../../prover/src/units.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";
import { CASH, call, E6, fillOf, GateWorld, Holder, LEVELS, OPERATOR_DEADLINE, tradeOf } from "./gate-world.ts";

const INITIAL = LEVELS.initial as LevelBps;

describe("an account's client", () => {
  const key = simulatedKey("board-60");
  const prover = createProver({ load: () => simulatedArtifacts(key), backend: simulatedBackend(key) });
  let world: GateWorld;
  let venue: Venue;
  let published: Published;
  let recipient: string;

  before(async () => {
    world = await GateWorld.create({ key });
    venue = await world.venue(prover);
    published = { policyId: 1n, epoch: 1n, policy: world.policy, market: world.market };
    recipient = world.signers[9]!.address;
  });
  after(() => prover.close());

  const held = async (client: AccountClient) => (await world.gate.accountOf!(client.id)).state as bigint;
  const follows = async (client: AccountClient) => expect(commitState(client.state)).to.equal(await held(client));

  /** An account with a million in cash. */
  async function opened(index: number, at = venue): Promise<AccountClient> {
    const { owner, id: neighbour } = await world.holder(index);
    const client = await AccountClient.open(at, owner, { size: world.size, viewingKey: randomViewingKey() });
    expect(client.id).to.equal(neighbour + 1n);
    await call(world.gate.connect(owner), "deposit", client.id, owner.address, CASH, 1_000_000n * E6);
    await client.absorb(CASH_INDEX, 1_000_000n * E6);
    return client;
  }

  it("keeps each state that the chain takes", async () => {
    const client = await opened(10);
    await follows(client);
    await client.withdraw(CASH_INDEX, 5n * E6, recipient, INITIAL, published);
    await follows(client);
    expect(client.state.cash).to.equal(999_995n * E6);
    expect(client.state.sequence).to.equal(3n);
  });

  it("stays where it is when the gate refuses", async () => {
    const client = await opened(11);
    const before = client.state;
    const stale = { ...published, epoch: 9n };
    await client.attest(INITIAL, stale).then(
      () => expect.fail("a proof of another epoch was taken"),
      (error) => expect(world.fixed.interface.parseError(error.data)?.name).to.equal("EpochSuperseded"),
    );
    expect(client.state).to.equal(before);
    await client.attest(INITIAL, published);
    await follows(client);
  });

  it("catches up with a step that landed although sending it seemed to fail", async () => {
    let fail = false;
    const unreliable = new Proxy(world.gate, {
      get(gate, name) {
        if (name !== "connect") return Reflect.get(gate, name) as unknown;
        return (signer: never) => {
          const connected = gate.connect(signer) as Contract;
          const withdraw = async (...args: unknown[]) => {
            const sent = await connected.withdraw!(...args);
            if (fail) throw new Error("the connection was lost after sending");
            return sent;
          };
          return new Proxy(connected, {
            get: (target, method) => (method === "withdraw" ? withdraw : (Reflect.get(target, method) as unknown)),
          });
        };
      },
    });
    const client = await opened(12, { ...venue, gate: unreliable });
    fail = true;
    await client.withdraw(CASH_INDEX, 7n * E6, recipient, INITIAL, published).then(
      () => expect.fail("the failure was hidden"),
      (error) => expect(error.message).to.contain("lost after sending"),
    );
    fail = false;
    await client.withdraw(CASH_INDEX, 1n * E6, recipient, INITIAL, published);
    await follows(client);
    expect(client.state.cash).to.equal(999_992n * E6);
  });

  it("follows what others do with the account, from its events", async () => {
    const client = await opened(13);
    const elsewhere = new AccountClient(venue, world.signers[13]!, client.id, client.state, client.state.viewingKey);
    await elsewhere.attest(INITIAL, published);
    await client.attest(INITIAL, published);
    await follows(client);
    await elsewhere.catchUp();
    await elsewhere.withdraw(CASH_INDEX, 3n * E6, recipient, INITIAL, published);
    await client.attest(INITIAL, published);
    await follows(client);
    expect(client.state.cash).to.equal(999_997n * E6);
  });

  it("restores an account from key and chain alone, its trades included", async () => {
    const [client, other] = [await opened(14), await opened(15)];
    await client.trade(other, fillOf("board-60", { 0: 1_000n, 1: -3n }, -25n * E6), INITIAL, published);
    await other.withdraw(CASH_INDEX, 2n * E6, recipient, INITIAL, published);
    // Everything that is not on chain is gone, but the key.
    const wiped = await AccountClient.restore(venue, world.signers[14]!, client.id, client.state.viewingKey);
    expect(wiped.state).to.deep.equal(client.state);
    const theirs = await AccountClient.restore(venue, world.signers[15]!, other.id, other.state.viewingKey);
    expect(theirs.state).to.deep.equal(other.state);
    await wiped.attest(INITIAL, published);
    await follows(wiped);
    // The blobs show lengths in steps of 128, and nothing else.
    const events = await world.gate.queryFilter(world.gate.filters.Settled!());
    const lengths = events.map((event) => ((event as unknown as { args: { blob: string } }).args.blob.length - 2) / 2);
    expect(new Set(lengths)).to.deep.equal(new Set([128 + 16]));
  });

  it("restores past steps whose blobs are nonsense, where they moved nothing in secret", async () => {
    const client = await opened(16);
    await client.withdraw(CASH_INDEX, 2n * E6, recipient, INITIAL, published);
    const holder = new Holder(world, world.signers[16]!, client.id, client.state.viewingKey);
    for (const blob of ["0x", "0xffff", `0x${"ab".repeat(272)}`]) {
      holder.state = client.state;
      const ready = await holder.attestation(12_000n, { blob });
      await call(holder.gate, "attest", ready.step, 12_000n);
      const restored = await AccountClient.restore(venue, holder.owner, client.id, client.state.viewingKey);
      expect(restored.state).to.deep.equal(ready.after);
      await client.catchUp();
    }
  });

  it("names a state that cannot be known: another key's, or a fill whose blob was spoilt", async () => {
    const client = await opened(17);
    const refused = (work: Promise<unknown>) =>
      work.then(
        () => expect.fail("a state that cannot be known was taken over"),
        (error) => expect(error).to.be.instanceOf(PlimsollError).with.property("code", "STATE_UNKNOWN"),
      );
    await refused(AccountClient.restore(venue, world.signers[17]!, client.id, 5n as never));
    const holder = new Holder(world, world.signers[17]!, client.id, client.state.viewingKey);
    const partner = await world.holder(18);
    await partner.fund(CASH, E6 * 1_000_000n);
    holder.state = client.state;
    const fill = fillOf("board-60", { 0: 1n }, -E6);
    const mine = await holder.trading(fill, 1n, partner.id, { blob: "0x" });
    const theirs = await partner.trading(fill, -1n, holder.id);
    await call(world.exchange, "trade", await tradeOf(holder, mine, partner, theirs));
    await refused(client.attest(INITIAL, published));
  });

  it("G29: names the least that it is to be paid", async () => {
    const client = await opened(9);
    await client.withdraw(CASH_INDEX, 5n * E6, recipient, INITIAL, published, 5n * E6);
    await client.withdraw(CASH_INDEX, 5n * E6, recipient, INITIAL, published, 5n * E6 + 1n).then(
      () => expect.fail("less was paid than the least"),
      (error) => expect(world.gate.interface.parseError(error.data)?.name).to.equal("PaysTooLittle"),
    );
    await follows(client);
  });

  it("passes a settlement, and is restored past it by its blob", async () => {
    const [client, other] = [await opened(8), await opened(7)];
    await client.trade(other, fillOf("board-60", { 0: 1_000n }, -25n * E6), INITIAL, published);
    const back = await world.snapshot();
    await world.openSettlement({ 0: 5n * E6 });
    const marks = new Map([[0, (5n * E6) as ColumnE6]]);
    const holder = new Holder(world, world.signers[8]!, client.id, client.state.viewingKey);
    holder.state = client.state;
    const ready = await holder.expiring(1n, { 0: 5n * E6 });
    await call(world.clearing, "expire", ready.step);
    expect(ready.after).to.deep.equal(settle(client.state, marks));
    const restored = await AccountClient.restore(venue, world.signers[8]!, client.id, client.state.viewingKey);
    expect(restored.state).to.deep.equal(ready.after);
    await back();
  });

  it("leaves without oracle and operator", async () => {
    const client = await opened(19);
    await client.exit(CASH_INDEX, 1_000_000n * E6, recipient);
    await follows(client);
    expect(client.state.cash).to.equal(0n);
  });

  it("unwinds against another without oracle and operator, all of it or nothing, and leaves", async () => {
    const [client, other] = [await opened(3), await opened(4)];
    await client.trade(other, fillOf("board-60", { 0: 1_000n }, -25n * E6), INITIAL, published);
    const back = await world.snapshot();
    for (const one of [client, other]) await one.request();
    await world.time.increase(OPERATOR_DEADLINE + 1n);
    await call(world.fixed, "setUsable", false, false);
    const half = client.unwind(other, fillOf("board-60", { 0: -500n }, 25n * E6));
    expect(await half.catch((error: { code: string }) => error.code)).to.equal("STATEMENT_FALSE");
    await client.unwind(other, fillOf("board-60", { 0: -1_000n }, 24n * E6));
    await follows(client);
    await follows(other);
    expect(client.state.cash).to.equal(999_999n * E6);
    await client.exit(CASH_INDEX, 999_999n * E6, recipient);
    await other.exit(CASH_INDEX, 1_000_001n * E6, recipient);
    await back();
  });

  it("a blob opens under its key and for its state only, whole or not at all", () => {
    const account = { ...genesis("board-60"), viewingKey: 77n, sequence: 3n, cash: -(1n << 63n) } as Account;
    const full = {
      ...account,
      positions: account.positions.map((_, row) => (row % 2 === 0 ? (1n << 31n) - 1n : -(1n << 31n))),
      collateral: account.collateral.map(() => (1n << 64n) - 1n),
    } as unknown as Account;
    for (const sealed of [account, full]) {
      const blob = sealState(sealed);
      const state = commitState(sealed);
      expect(openState(blob, state, "board-60", sealed.viewingKey)).to.deep.equal(sealed);
      expect(openState(blob, state, "board-60", 78n as never)).to.equal(undefined);
      expect(openState(blob, state + 1n, "board-60", sealed.viewingKey)).to.equal(undefined);
      expect(openState(`${blob.slice(0, -2)}00`, state, "board-60", sealed.viewingKey)).to.equal(undefined);
      expect(blob).not.to.contain(state.toString(16));
    }
  });

  it("a blob by a hostile hand that has the key ends at once: more entries than there are bytes, a place that no board has", () => {
    const [viewingKey, state] = [5n as FieldElement, 7n];
    for (const plaintext of [
      [0, 7, 0, 0, 4, 255, 255, 255, 255],
      [0, 11, 0, 0, 1, 1, 4, 1, 255, 255, 254, 1, 2, 0],
      [255, 255],
      [],
    ]) {
      const info = new TextEncoder().encode("plimsoll state 1");
      const key = hkdf(sha256, getBytes(toBeHex(viewingKey, 32)), undefined, info, 32);
      const sealed = xchacha20poly1305(key, getBytes(toBeHex(state, 32)).slice(0, 24));
      const blob = hexlify(sealed.encrypt(Uint8Array.from(plaintext)));
      expect(openState(blob, state, "board-60", viewingKey)).equal(undefined);
    }
  });
});

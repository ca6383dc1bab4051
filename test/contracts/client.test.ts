// SPDX-License-Identifier: GPL-3.0-or-later
// The client follows the chain whatever becomes of its transactions. Proofs are of a simulated key: what is tested here is
// which state the client believes in, not proofs.
import { expect } from "chai";
import type { Contract } from "ethers";
import { AccountClient, type Published, type Venue } from "../../prover/src/chain/client.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { randomViewingKey } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import { createProver } from "../../prover/src/proof/prover.ts";
import type { LevelBps } from "../../prover/src/units.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";
import { CASH, call, E6, LEVELS, World } from "./world.ts";

const INITIAL = LEVELS.initial as LevelBps;

describe("an account's client", () => {
  const key = simulatedKey("board-60");
  const prover = createProver({ load: () => simulatedArtifacts(key), backend: simulatedBackend(key) });
  let world: World;
  let venue: Venue;
  let published: Published;
  let recipient: string;

  before(async () => {
    world = await World.create({ key });
    venue = { gate: world.gate, domain: await world.domain("MarginGate"), prover };
    published = { policyId: 1n, epoch: 1n, policy: world.policy, market: world.market };
    recipient = world.signers[9]!.address;
  });
  after(() => prover.close());

  const held = async (client: AccountClient) => (await world.gate.accountOf!(client.id)).state as bigint;
  const follows = async (client: AccountClient) => expect(commitState(client.state)).to.equal(await held(client));

  /** An account with a million in cash. */
  async function opened(index: number, at = venue): Promise<AccountClient> {
    const { owner, id: neighbour } = await world.holder(index);
    const client = await AccountClient.open(at, owner, world.board, world.size, randomViewingKey());
    expect(client.id).to.equal(neighbour + 1n);
    await call(world.gate.connect(owner), "deposit", client.id, CASH, 1_000_000n * E6);
    await client.absorb(CASH_INDEX, 1_000_000n * E6, published);
    return client;
  }

  it("keeps each state that the chain takes", async () => {
    const client = await opened(10);
    await follows(client);
    await client.withdraw(CASH_INDEX, 5n * E6, recipient, INITIAL, published);
    await follows(client);
    expect(client.state.cash).to.equal(999_995n * E6);
    expect(client.state.sequence).to.equal(2n);
  });

  it("stays where it is when the gate refuses", async () => {
    const client = await opened(11);
    const before = client.state;
    const stale = { ...published, epoch: 9n };
    await client.attest(INITIAL, stale).then(
      () => expect.fail("a proof of another epoch was taken"),
      (error) => expect(error.message).to.contain("EpochSuperseded"),
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

  it("catches up with a step that changed nothing but the sequence, and names a state it cannot know", async () => {
    const client = await opened(13);
    const elsewhere = new AccountClient(venue, world.signers[13]!, client.id, client.state, client.state.viewingKey);
    await elsewhere.attest(INITIAL, published);
    await client.attest(INITIAL, published);
    await follows(client);
    await elsewhere.catchUp();
    await elsewhere.withdraw(CASH_INDEX, 3n * E6, recipient, INITIAL, published);
    const error = await client.attest(INITIAL, published).then(
      () => expect.fail("a state that cannot be known was moved"),
      (thrown) => thrown,
    );
    expect(error).to.be.instanceOf(PlimsollError).with.property("code", "STATE_UNKNOWN");
  });
});

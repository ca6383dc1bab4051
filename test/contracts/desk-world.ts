// SPDX-License-Identifier: GPL-3.0-or-later
/** Desks on a chain of their own under simulated keys, for the tests of a `describe`. */
import { expect } from "chai";
import { formatJson } from "../../prover/src/formats/json.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import type { DeskDocument } from "../../prover/src/service/desk/config.ts";
import type { Desk } from "../../prover/src/service/desk/desk.ts";
import { ChainFolder, KEYSTORE } from "../support/desk-chains.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";
import { CIRCUITS, Venue } from "../support/venue.ts";
import { deployable } from "./world.ts";

export const ATTEST = {
  kind: "attest",
  name: "daily attestation",
  atLeast: "initial",
  when: "every day",
  approval: false,
} as const;
export const TOP_UP = {
  kind: "top up",
  name: "cash below call",
  below: "call",
  asset: "USDC",
  amount: "1000",
  approval: false,
} as const;

/** Sets a venue and an account at its gate up before the tests, and has a desk closed after each. */
export function deskWorld() {
  const keys = CIRCUITS.map((circuit) => simulatedKey(circuit));
  const key = keys[0] as ReturnType<typeof simulatedKey<"board-60">>;
  const openProver = async () => createProver({ load: () => simulatedArtifacts(key), backend: simulatedBackend(key) });
  let venue: Venue;
  let folder: ChainFolder;
  let desk: Desk;
  let prover: Awaited<ReturnType<typeof openProver>>;

  before(async () => {
    venue = await Venue.open({
      deployable: keys.map((each) => deployable(each)),
      makerOf: async (circuit) => keys.find(({ identity }) => identity.size === circuit)!,
    });
    prover = await openProver();
    folder = new ChainFolder(venue, prover);
    await folder.openAtGate();
  });
  after(async () => {
    folder.remove();
    await prover.close();
    await venue.close();
  });
  afterEach(async () => {
    venue.hook = () => undefined;
    await stop();
    poor(0);
  });

  const open = (part: Partial<DeskDocument>, signer: Parameters<ChainFolder["configAtGate"]>[1] = KEYSTORE) => {
    desk = folder.open(folder.configAtGate(part, signer), { openProver });
  };
  const stop = async () => {
    await desk.close();
    desk.store.close();
  };
  /** The account's file, below the call level, another one each time; at every level for 0. */
  const poor = (nth: number) => {
    const { atlas } = folder.firm;
    const cash = nth === 0 ? Number(atlas.cash) : Number(atlas.cash) - 6_000_000 - nth;
    folder.account({ ...atlas, cash: cash.toFixed(6) });
  };
  /** Goes on until nothing is being done any more, with a block after each look. */
  const finish = async (most = 40) => {
    for (let look = 0; look < most; look++) {
      await desk.chainNext();
      if (desk.store.tasks.list({ state: "ready" }).length === 0) return;
      await venue.passes(1);
    }
    expect.fail(`not done: ${formatJson(desk.store.tasks.list({ state: "ready" }))}`);
  };
  const last = () => desk.store.tasks.list()[0]!;
  const keysOf = () => desk.store.alerts({ open: true }).map(({ key: each }) => each);
  let begun: Awaited<ReturnType<ChainFolder["money"]>>;
  const paid = async () => {
    const now = await folder.money();
    return { outside: begun.outside - now.outside, held: Number(now.held) - Number(begun.held), credit: now.credit };
  };
  beforeEach(async () => {
    begun = await folder.money();
  });

  return {
    ...{ open, stop, poor, finish, last, keysOf, paid, openProver },
    get venue() {
      return venue;
    },
    get folder() {
      return folder;
    },
    get desk() {
      return desk;
    },
    set desk(opened) {
      desk = opened;
    },
  };
}

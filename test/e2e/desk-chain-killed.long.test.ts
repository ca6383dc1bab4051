// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A desk that acts on a chain, killed with -9 at ten points of its top-ups, with real proofs and a keystore: each top-up has exactly one
 * effect on chain, in the credit, in the account and in its owner's wallet.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { loadDeployableKey, loadLinkKey } from "../../prover/src/node/artifacts.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { createLinkMaker } from "../../prover/src/prove/link.ts";
import { Store } from "../../prover/src/service/desk/store.ts";
import { ChainFolder, KEYSTORE } from "../support/desk-chains.ts";
import { CIRCUITS, Venue } from "../support/venue.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
/** The call at which it is killed, for how many of its kind, and whether the chain still does it. */
const POINTS = [
  { method: "eth_estimateGas", nth: 1, done: false },
  { method: "eth_sendRawTransaction", nth: 1, done: false },
  { method: "eth_sendRawTransaction", nth: 1, done: true },
  { method: "eth_getTransactionReceipt", nth: 1, done: true },
  { method: "eth_sendRawTransaction", nth: 2, done: false },
  { method: "eth_sendRawTransaction", nth: 2, done: true },
  { method: "eth_blockNumber", nth: 6, done: true },
  { method: "eth_sendRawTransaction", nth: 3, done: false },
  { method: "eth_sendRawTransaction", nth: 3, done: true },
  { method: "eth_getTransactionReceipt", nth: 6, done: true },
];

describe("a desk that is killed as it acts on a chain", function () {
  this.timeout(900_000);
  const prover = createProver();
  let venue: Venue;
  let folder: ChainFolder;
  let child: ChildProcess | undefined;
  let blocks: NodeJS.Timeout | undefined;

  before(async () => {
    venue = await Venue.open({
      deployable: await Promise.all(CIRCUITS.map(async (name) => (await loadDeployableKey(name))!)),
      makerOf: async (circuit) => createLinkMaker(await loadLinkKey(circuit)),
    });
    folder = new ChainFolder(venue, prover);
    await folder.openAtGate();
    const rule = {
      kind: "top up",
      name: "cash",
      below: "call",
      asset: "USDC",
      amount: "1000",
      approval: false,
    } as const;
    const part = folder.configAtGate({ rules: [rule], epochSeconds: 86_400, keepDays: 3650 }, KEYSTORE);
    folder.write("desk.json", folder.config(part));
  });
  after(async () => {
    clearInterval(blocks);
    child?.kill("SIGKILL");
    folder.remove();
    await prover.close();
    await venue.close();
  });

  /** Starts a desk. When it has ended, it says how. */
  const start = () => {
    const started = spawn(process.execPath, [BIN, "desk", "run", "--config", folder.path("desk.json")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    let said = "";
    started.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    return once(started, "close").then(([code, signal]) => `${code ?? signal} ${said}`);
  };
  const states = () => {
    const store = new Store(folder.path("desk.sqlite"));
    try {
      return store.tasks.list().map(({ state }) => state);
    } finally {
      store.close();
    }
  };

  it(`at ${POINTS.length} points of a top-up: each is paid in once`, async () => {
    const begun = await folder.money();
    blocks = setInterval(() => void venue.passes(1), 500);
    for (const [index, { method, nth, done }] of POINTS.entries()) {
      const { atlas } = folder.firm;
      folder.account({ ...atlas, cash: (Number(atlas.cash) - 6_000_000 - index).toFixed(6) });
      folder.epoch();
      let count = 0;
      let killed = false;
      venue.hook = (asked) => {
        if (killed || asked !== method || ++count !== nth) return undefined;
        const kill = () => {
          killed = true;
          child!.kill("SIGKILL");
        };
        if (done) return kill;
        kill();
        throw new Error("lost");
      };
      const how = await start();
      expect(killed, `${method} ${nth} ${done}: ${how}`).equal(true);
      venue.hook = () => undefined;
      const ended = start();
      for (let tries = 0; tries < 600; tries++) {
        await sleep(200);
        const all = states();
        if (all.length === index + 1 && all.every((state) => state === "done")) break;
      }
      child!.kill("SIGTERM");
      await ended;
      expect(states(), `${method} ${nth} ${done}`).deep.equal(Array.from({ length: index + 1 }, () => "done"));
      const now = await folder.money();
      const sum = 1000 * (index + 1);
      expect(
        { outside: begun.outside - now.outside, held: Number(now.held) - Number(begun.held), credit: now.credit },
        `${method} ${nth} ${done}`,
      ).deep.equal({ outside: BigInt(sum), held: sum, credit: "0" });
    }
  });
});

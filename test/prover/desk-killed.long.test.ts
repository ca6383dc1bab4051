// SPDX-License-Identifier: GPL-3.0-or-later
/** A desk that is killed with -9 again and again: nothing is lost, nothing happens twice, and no secret is left beside its store. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readDeskConfig } from "../../prover/src/service/desk/config.ts";
import { Store } from "../../prover/src/service/desk/store.ts";
import { DeskFolder } from "../support/desks.ts";
import { seededRng } from "../support/random.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const KILLS = 10;

describe("a desk that is killed", function () {
  this.timeout(900_000);
  const folder = new DeskFolder();
  const heard: { id: string; event: string; key: string }[] = [];
  const hook = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { id, event, alert } = JSON.parse(body);
    heard.push({ id, event, key: alert.key });
    response.writeHead(204).end();
  });
  let errors = "";
  const start = (): ChildProcess => {
    const child = spawn(process.execPath, [BIN, "desk", "run", "--config", folder.path("desk.json")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    return child;
  };
  const ended = (child: ChildProcess) =>
    new Promise<unknown>((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  const store = () => new Store(folder.path("desk.sqlite"));
  const stored = <T>(read: (of: Store) => T): T => {
    const of = store();
    try {
      return read(of);
    } finally {
      of.close();
    }
  };

  before(async () => {
    hook.listen(0, "127.0.0.1");
    await new Promise((resolve) => hook.once("listening", resolve));
    folder.secret("hook.secret", "a secret of the hook\n");
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
    const rule = {
      kind: "prove",
      name: "always",
      atLeast: "call",
      audience: "x",
      when: "every epoch",
      approval: false,
    } as const;
    const config = folder.config({
      rules: [rule],
      webhooks: [{ name: "hook", url, secret: "hook.secret", shape: "plimsoll" }],
      // The sample's epochs are of another day than the machine's.
      epochSeconds: 86_400,
      keepDays: 3650,
    });
    readDeskConfig({ text: formatJson(config), file: folder.path("desk.json") });
    folder.write("desk.json", config);
  });
  after(() => {
    hook.close();
    folder.remove();
  });

  it(`at ${KILLS} moments: every epoch is kept once, every proof is made once, every alert is told`, async () => {
    const rng = seededRng(5);
    let epochs = 1;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = start();
      // Some before it has opened its store, the others as it follows an epoch and proves.
      if (kill % 3 !== 0) {
        await Promise.race([new Promise((resolve) => child.stdout!.once("data", resolve)), ended(child)]);
        folder.epoch(kill % 2 === 0 ? { BTC: -0.01 * kill } : {});
        epochs += 1;
      }
      await sleep(Number(rng.below(2_500n)));
      child.kill("SIGKILL");
      expect(await ended(child)).equal("SIGKILL");
    }
    const last = start();
    // Before it listens, a signal ends it as any program.
    await new Promise((resolve) => last.stdout!.once("data", resolve));
    const done = () =>
      stored(
        (of) =>
          of.tasks.list().length > 0 &&
          of.tasks.list().every(({ state }) => state === "done") &&
          of.deliveries({ state: "waiting" }).length === 0,
      );
    for (let tries = 0; tries < 1_800 && !done(); tries++) await sleep(100);
    last.kill("SIGTERM");
    expect(await ended(last)).equal(null);

    const [tasks, readings, alerts, waiting] = stored(
      (of) =>
        [
          of.tasks.list(),
          of.history("atlas", "", 1_000),
          of.alerts(),
          of.deliveries({ state: "waiting" }).map(({ id }) => id),
        ] as const,
    );
    expect(tasks.length).equal(readings.length);
    expect(tasks.length).within(2, epochs);
    expect(new Set(tasks.map(({ epoch }) => epoch)).size).equal(tasks.length);
    expect(tasks.every(({ state }) => state === "done")).equal(true);
    const files = readdirSync(folder.path("proofs"));
    expect(files.toSorted()).deep.equal(tasks.map(({ file }) => path.basename(file!)).toSorted());
    for (const name of files) JSON.parse(readFileSync(folder.path(`proofs/${name}`), "utf8"));
    // A delivery may come twice, with the same id; each event comes, or waits for the next start where it was of the last moment.
    const told = new Set([...heard.map(({ id }) => id), ...waiting]);
    expect(told.size).equal(alerts.length + alerts.filter((alert) => alert.ended !== null).length);
    const key = readFileSync(folder.path("atlas.key"), "utf8").trim();
    for (const text of [errors, ...files.map((name) => readFileSync(folder.path(`proofs/${name}`), "utf8"))]) {
      expect(text.includes(key)).equal(false);
    }
  });
});

// SPDX-License-Identifier: GPL-3.0-or-later
/** Rules of a desk: calendars, packs, what is late, and what an account's time line shows. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { timeline } from "../../prover/src/app/desk/timeline.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { Inputs } from "../../prover/src/node/files.ts";
import { packKey, readPackFiles } from "../../prover/src/node/pack-files.ts";
import { newSigningKey, readSigningKey } from "../../prover/src/pack/typed-data.ts";
import { createPackVerifier, peekIndex } from "../../prover/src/pack/verify.ts";
import { type DeskDocument, type RuleOf, readDeskConfig } from "../../prover/src/service/desk/config.ts";
import type { Desk } from "../../prover/src/service/desk/desk.ts";
import { lastDue } from "../../prover/src/service/desk/rules.ts";
import { DeskFolder } from "../support/desks.ts";
import { refusal } from "../support/refusal.ts";

const PACK = {
  kind: "pack",
  name: "board pack",
  atLeast: "initial",
  audience: "the board",
  every: "day",
  at: "08:12",
  firm: "Atlas Trading",
  question: "Is the account covered?",
  key: "firm.key",
  approval: false,
} as const;

describe("calendars of a desk", () => {
  const due = (part: Partial<RuleOf<"pack">>, time: string) =>
    new Date(lastDue({ ...PACK, ...part } as RuleOf<"pack">, Date.parse(time))).toISOString().slice(0, 16);

  it("the last time that was due, by day, week and month, to the second", () => {
    expect(due({}, "2026-11-22T08:12:00Z")).equal("2026-11-22T08:12");
    expect(due({}, "2026-11-22T08:11:59Z")).equal("2026-11-21T08:12");
    expect(due({}, "2026-03-01T00:00:00Z")).equal("2026-02-28T08:12");
    // 22 November 2026 is a Sunday.
    expect(due({ every: "week" }, "2026-11-22T09:00:00Z")).equal("2026-11-16T08:12");
    expect(due({ every: "week", weekday: "sunday" }, "2026-11-22T08:12:00Z")).equal("2026-11-22T08:12");
    expect(due({ every: "week", weekday: "sunday" }, "2026-11-22T08:11:00Z")).equal("2026-11-15T08:12");
    expect(due({ every: "month" }, "2026-11-22T09:00:00Z")).equal("2026-11-01T08:12");
    expect(due({ every: "month", day: 28 }, "2026-01-05T09:00:00Z")).equal("2025-12-28T08:12");
    expect(due({ every: "month", day: 1 }, "2026-03-01T08:11:00Z")).equal("2026-02-01T08:12");
  });
});

describe("packs and late tasks of a desk", function () {
  this.timeout(60_000);
  let folder: DeskFolder;
  let desk: Desk;
  const open = (part: Partial<DeskDocument>) => {
    desk = folder.open({ nearBps: 0, ...part });
  };
  const keys = () => desk.store.alerts({ open: true }).map(({ key }) => key);
  beforeEach(() => {
    folder = new DeskFolder();
    folder.secret("firm.key", newSigningKey());
    mkdirSync(folder.path("proofs"));
  });
  afterEach(async () => {
    await desk.close();
    desk.store.close();
    folder.remove();
  });

  it("a pack is made once its time has come, holds for its reader, and the next continues it; missed times are one pack", async () => {
    open({ rules: [PACK] });
    // 08:00, 08:05, 08:10: not yet.
    for (let epoch = 0; epoch < 3; epoch++) {
      await desk.step();
      expect(desk.store.tasks.list()).deep.equal([]);
      folder.epoch();
    }
    await desk.step();
    await desk.step();
    expect(desk.store.tasks.list()).lengthOf(1);
    expect(await desk.proveNext()).equal(true);
    const first = desk.store.tasks.list()[0]!;
    expect(first).include({ kind: "pack", state: "done", epoch: "10", reason: null });
    // Four days that nobody saw.
    folder.skip((4 * 86_400) / 300);
    folder.epoch();
    await desk.step();
    folder.epoch();
    await desk.step();
    expect(desk.store.tasks.list()).lengthOf(2);
    expect(await desk.proveNext()).equal(true);
    const second = desk.store.tasks.list()[0]!;
    expect(second).include({ state: "done", reason: null });

    const inputs = new Inputs(new AbortController().signal);
    const files = await Promise.all([first, second].map(({ file }) => readPackFiles(inputs, file!)));
    expect(files.map((each) => peekIndex(each).number)).deep.equal(["1", "2"]);
    const signing = readSigningKey({ text: readFileSync(folder.path("firm.key"), "utf8"), file: "firm.key" });
    const { identity } = await packKey("board-60");
    const trust = { firms: [{ name: "Atlas", signer: signing.address }], keys: [identity], maxAge: 86_400 };
    const verifier = createPackVerifier({ ...trust, attesters: [], oracles: [], chain: [] } as never);
    const verdict = await verifier.verify(files[1]!, new Date(folder.now + 60_000));
    expect(verdict.ok, JSON.stringify(verdict)).equal(true);
  });

  it("what failed, and what waits too long, is told until it is done", async () => {
    open({
      rules: [
        { ...PACK, approval: true, lateSeconds: 600 },
        {
          kind: "prove",
          name: "always",
          atLeast: "initial",
          audience: "x",
          when: "every day",
          approval: false,
          lateSeconds: 86_000,
        },
      ],
      accounts: [{ file: "atlas.json" }],
    });
    await desk.step();
    await desk.proveNext();
    await desk.step();
    expect(keys()).deep.equal(["failed always atlas"]);
    for (let epoch = 0; epoch < 6; epoch++) {
      folder.epoch();
      await desk.step();
    }
    expect(keys()).members(["failed always atlas", "late board pack atlas"]);
    const late = desk.store.alerts({ open: true }).find(({ key }) => key.startsWith("late"));
    expect(late!.text).equal(
      "board pack of atlas waits for an approver, more than 600 seconds after it was asked for.",
    );
    const waiting = desk.store.tasks.list({ state: "proposed" })[0]!;
    desk.store.tasks.decide(waiting.id, "rejected", "Ana", folder.now);
    await desk.step();
    expect(keys()).deep.equal(["failed always atlas"]);
  });

  it("what is not done is told too where its rule is gone from the configuration", async () => {
    open({ rules: [{ ...PACK, approval: true }] });
    for (let epoch = 0; epoch < 4; epoch++) {
      await desk.step();
      folder.epoch();
    }
    await desk.close();
    desk.store.close();
    open({ rules: [] });
    for (let epoch = 0; epoch < 14; epoch++) {
      folder.epoch();
      await desk.step();
    }
    expect(keys()).deep.equal(["late board pack atlas"]);
  });

  it("the time line has tasks and alerts by time, the latest first, with state, file and what was wrong", async () => {
    open({ rules: [PACK], accounts: [{ file: "atlas.json", key: "atlas.key" }] });
    for (let epoch = 0; epoch < 4; epoch++) {
      await desk.step();
      folder.epoch();
    }
    await desk.proveNext();
    folder.epoch({ BTC: -0.4, ETH: -0.4 });
    await desk.step();
    const of = timeline(desk.store.tasks.of("atlas", 0, 10), desk.store.alertsOf("atlas", 0, 10));
    expect(of.map(({ time }) => time)).deep.equal(of.map(({ time }) => time).toSorted((a, b) => b - a));
    expect(of.at(-1)).include({
      kind: "pack",
      state: "done",
      file: true,
      text: "board pack: evidence pack of at least 150% for the board",
    });
    expect(of.filter(({ kind }) => kind === "alert").map(({ state }) => state)).include("open");
    expect(timeline(desk.store.tasks.of("boreas", 0, 10), desk.store.alertsOf("boreas", 0, 10))).deep.equal([]);
  });

  it("rules and chain of the docs are read, with paths relative to the configuration", () => {
    open({});
    const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/desk.md"), "utf8");
    const [, rules, gate] = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text]) => JSON.parse(text!));
    const text = formatJson({ ...folder.config(), rules, ...gate });
    const config = readDeskConfig({ text, file: "/firm/desk.json" });
    expect(config.rules.map(({ kind }) => kind)).deep.equal(["pack", "attest", "top up"]);
    expect(config.rules[0]).include({ key: "/firm/firm.key" });
    expect(config.chain).include({ rpc: "/firm/rpc.url" });
    expect(config.accounts[0]!.chain).deep.equal({
      file: "/firm/atlas.gate.json",
      signer: { by: "keystore", file: "/firm/owner.json", passphrase: "/firm/passphrase.txt" },
    });
  });

  it("what rules ask of other parts of the configuration is named", () => {
    open({});
    const place = (part: Partial<DeskDocument>) => {
      const text = formatJson(folder.config(part));
      return refusal(() => readDeskConfig({ text, file: folder.path("desk.json") })).place.field;
    };
    const attest = { kind: "attest", name: "a", atLeast: "initial", when: "every day", approval: false } as const;
    const topUp = { kind: "top up", name: "t", below: "call", asset: "USDC", amount: "1", approval: true } as const;
    const chain = { rpc: "rpc", confirmations: 1, transactionsPerDay: 1, gasPerTransaction: "1", limits: [] };
    const gate = { file: "g.json", signer: { by: "wallet" } } as const;
    expect(place({ rules: [attest] })).equal("chain");
    expect(place({ rules: [{ ...attest, when: "when old" }], chain })).equal("rules[0].olderThanSeconds");
    expect(place({ rules: [topUp], chain })).equal("chain.limits");
    expect(place({ rules: [attest, attest], chain })).equal("rules");
    expect(place({ rules: [{ ...PACK, at: "24:00" }] })).equal("rules[0].at");
    expect(place({ rules: [{ ...PACK, every: "month", day: 31 }] })).equal("rules[0].day");
    expect(place({ chain, accounts: [{ file: "atlas.json", chain: gate }] })).equal("accounts[0].key");
    expect(place({ accounts: [{ file: "atlas.json", key: "atlas.key", chain: gate }] })).equal("chain");
  });
});

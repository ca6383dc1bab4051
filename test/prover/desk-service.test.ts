// SPDX-License-Identifier: GPL-3.0-or-later
/** The desk as a service: what it keeps, what it tells whom, and who may do what. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, get, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import SwaggerParser from "@apidevtools/swagger-parser";
import { expect } from "chai";
import { valueAccount } from "../../prover/src/app/value.ts";
import { verifyEnvelope } from "../../prover/src/app/verify-envelope.ts";
import { accountRecord, seal } from "../../prover/src/chain/account-record.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { genesis, randomViewingKey } from "../../prover/src/model/account.ts";
import { Inputs } from "../../prover/src/node/files.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { shock } from "../../prover/src/risk/board/board.ts";
import { Access, makeToken } from "../../prover/src/service/desk/access.ts";
import { type DeskDocument, readDeskConfig } from "../../prover/src/service/desk/config.ts";
import type { Desk } from "../../prover/src/service/desk/desk.ts";
import { runDesk } from "../../prover/src/service/desk/run.ts";
import { type DeskServer, serveDesk } from "../../prover/src/service/desk/server.ts";
import { Store } from "../../prover/src/service/desk/store.ts";
import { courierOf } from "../../prover/src/service/desk/webhooks.ts";
import { DeskFolder } from "../support/desks.ts";
import { refusal } from "../support/refusal.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const FALL = { BTC: -0.3, ETH: -0.3 };
const RULE = {
  kind: "prove",
  name: "every proof",
  atLeast: "call",
  audience: "request 7",
  when: "every epoch",
  approval: true,
} as const;
const page = readFileSync(path.join(ROOT, "docs/desk.md"), "utf8");
const block = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "ms").exec(page)![1]!;

describe("a desk", function () {
  this.timeout(60_000);
  let folder: DeskFolder;
  let desk: Desk;
  const open = (part: Partial<DeskDocument> = {}, machine = {}) => {
    desk = folder.open(part, machine);
    return desk;
  };
  beforeEach(() => {
    folder = new DeskFolder();
  });
  afterEach(async () => {
    await desk?.close();
    desk?.store.close();
    folder.remove();
  });
  const isUnreadable = (key: string) => key.startsWith("unreadable");
  const keys = () => desk.store.alerts({ open: true }).map(({ key }) => key);

  it("keeps at each epoch what the model says of each account, once", async () => {
    open();
    await desk.step();
    await desk.step();
    folder.epoch({ BTC: -0.05 });
    await desk.step();
    const readings = desk.store.history("atlas", "", 100);
    expect(readings.map(({ epoch }) => epoch)).deep.equal(["7", "8"]);
    const policy = readPolicy(readFileSync(folder.path("policy.json"), "utf8"), "policy.json");
    const market = readMarket(readFileSync(folder.path("market.json"), "utf8"), "market.json", policy);
    const right = valueAccount(
      readAccount(formatJson(folder.firm.atlas), "atlas.json", policy, market),
      policy,
      market,
    );
    expect(readings[1]).include({ equity: right.equity, margin: right.margin, coverage: right.coverageBps });
    expect(readings[1]!.excess).equal(right.levels[0]!.excess);
  });

  it("values an account anew once its file has changed, within an epoch too", async () => {
    open();
    await desk.step();
    const before = desk.store.latestReadings()[0]!;
    folder.account({ ...folder.firm.atlas, collateral: { ...folder.firm.atlas.collateral, USDT: "0" } });
    await desk.step();
    const after = desk.store.latestReadings();
    expect(after.length).equal(1);
    expect(Number(after[0]!.equity)).lessThan(Number(before.equity));
    expect(desk.store.history("atlas", "", 100).length).equal(1);
  });

  it("raises an alert when its condition begins, and resolves it when that ends; nothing twice", async () => {
    open();
    await desk.step();
    expect(keys()).deep.equal([]);
    folder.epoch(FALL);
    await desk.step();
    await desk.step();
    const raised = keys();
    expect(raised).members(
      ["below initial atlas", "below call atlas", "below liquidation atlas", "below closeOut atlas"].slice(
        0,
        raised.length,
      ),
    );
    expect(raised.length).greaterThan(0);
    folder.epoch();
    await desk.step();
    expect(keys()).deep.equal([]);
    const all = desk.store.alerts();
    expect(all.length).equal(raised.length);
    expect(all.every(({ ended }) => ended !== null)).equal(true);
  });

  it("keeps an account's alerts while its file cannot be read, and says that it cannot", async () => {
    open();
    folder.epoch(FALL);
    await desk.step();
    const raised = keys();
    writeFileSync(folder.path("atlas.json"), "{");
    await desk.step();
    expect(keys().length).equal(raised.length + 1);
    expect(keys().some((key) => key.startsWith("unreadable"))).equal(true);
    folder.account(folder.firm.atlas);
    await desk.step();
    expect(keys()).members(raised);
  });

  it("says that epochs are silent, unreadable, earlier than the last, or ahead; and keeps the last that was right", async () => {
    open();
    await desk.step();
    folder.now += 11 * 60_000;
    await desk.step();
    expect(keys()).deep.equal(["epochs silent"]);
    folder.epoch();
    const right = readFileSync(folder.path("market.json"), "utf8");
    writeFileSync(folder.path("market.json"), right.slice(0, -20));
    await desk.step();
    expect(keys()).deep.equal(["epochs unreadable"]);
    writeFileSync(folder.path("market.json"), right);
    await desk.step();
    expect(keys()).deep.equal([]);
    writeFileSync(folder.path("market.json"), formatJson(folder.firm.market));
    await desk.step();
    expect(keys()).deep.equal(["epochs back"]);
    expect(desk.store.latestEpoch()!.epoch).equal("8");
    writeFileSync(folder.path("market.json"), right);
    folder.now -= 30 * 60_000;
    await desk.step();
    expect(keys()).deep.equal(["epochs ahead"]);
  });

  it("says that an account's file is old, and that two files are of one account", async () => {
    open({ accounts: [{ file: "atlas.json", maxAgeSeconds: 60 }, { file: "again.json" }] });
    folder.write("again.json", folder.firm.atlas);
    folder.now = Date.now() + 3_600_000;
    await desk.step();
    expect(keys()).include("old atlas");
    const twice = desk.store.alerts({ open: true }).find(({ key }) => key.endsWith("again.json"));
    expect(twice!.text).match(/the same account as in atlas\.json/);
    expect(desk.store.latestReadings().length).equal(1);
  });

  it("asks an approver, and then makes a proof that verifies", async () => {
    open({ rules: [RULE] });
    mkdirSync(folder.path("proofs"));
    await desk.step();
    await desk.step();
    expect(await desk.proveNext(), "nothing is approved").equal(false);
    const [task] = desk.store.tasks.list();
    expect(desk.store.tasks.list().length).equal(1);
    expect(desk.store.tasks.decide(task!.id, "ready", "Ana", folder.now)).equal(true);
    expect(desk.store.tasks.decide(task!.id, "rejected", "Ben", folder.now), "decided once").equal(false);
    expect(await desk.proveNext()).equal(true);
    const done = desk.store.tasks.get(task!.id)!;
    expect(done).include({ state: "done", decidedBy: "Ana", reason: null });
    expect(statSync(done.file!).mode & 0o777).equal(0o600);
    const text = (file: string) => ({ text: readFileSync(file, "utf8"), file });
    const [policy, market] = [text(folder.path("policy.json")), text(folder.path("market.json"))];
    const verdict = await verifyEnvelope({ verifierFor: loadVerifier }, { envelope: text(done.file!), policy, market });
    expect(verdict.ok).equal(true);
  });

  it("makes no proof of what is not true, or without a key, and says the code", async () => {
    open({ rules: [{ ...RULE, approval: false }], accounts: [{ file: "atlas.json", key: "atlas.key" }] });
    folder.epoch(FALL);
    await desk.step();
    await desk.proveNext();
    expect(desk.store.tasks.list()[0]).include({ state: "failed", reason: "STATEMENT_FALSE" });
    await desk.close();
    desk.store.close();
    folder.epoch();
    open({ rules: [{ ...RULE, approval: false }], accounts: [{ file: "atlas.json" }] });
    await desk.step();
    await desk.proveNext();
    expect(desk.store.tasks.list()[0]).include({ state: "failed", reason: "USAGE" });
  });

  it("a rule of every day asks once a day", async () => {
    open({ rules: [{ ...RULE, when: "every day" }] });
    for (let epoch = 0; epoch < 3; epoch++) {
      await desk.step();
      folder.epoch();
    }
    expect(desk.store.tasks.list().length).equal(1);
  });

  it("forgets what is older than its days, but not what a proof is being made of, nor the last of each rule", async () => {
    open({ keepDays: 1, rules: [{ ...RULE, when: "every day" }] });
    await desk.step();
    const [first] = desk.store.tasks.list();
    desk.store.tasks.decide(first!.id, "ready", "Ana", folder.now);
    folder.epoch();
    await desk.step();
    folder.skip((3 * 86_400) / 300);
    folder.epoch();
    await desk.step();
    expect(desk.store.history("atlas", "", 10).map(({ epoch }) => epoch)).deep.equal(["7", "873"]);
    expect(desk.store.momentOf(first!)).not.equal(undefined);
    desk.store.tasks.finish(first!.id, { file: "gone.json" }, folder.now - 3 * 86_400_000);
    folder.skip((2 * 86_400) / 300);
    folder.epoch();
    await desk.step();
    // The first is the last that was done; the second is neither that nor the last.
    expect(desk.store.tasks.list().map(({ epoch }) => epoch)).deep.equal(["1450", "7"]);
    desk.store.tasks.decide(desk.store.tasks.list()[0]!.id, "ready", "Ana", folder.now);
    desk.store.tasks.finish(desk.store.tasks.list()[0]!.id, { file: "new.json" }, folder.now);
    folder.skip(30);
    folder.epoch();
    await desk.step();
    expect(desk.store.history("atlas", "", 10).map(({ epoch }) => epoch)).deep.equal(["1450", "1481"]);
  });

  it("a clock that has jumped years ahead forgets nothing", async () => {
    open({ keepDays: 1 });
    await desk.step();
    folder.epoch();
    folder.now += 5 * 365 * 86_400_000;
    await desk.step();
    expect(desk.store.history("atlas", "", 10).map(({ epoch }) => epoch)).deep.equal(["7", "8"]);
  });

  it("after a start, alerts stand as long as nothing can be said of their accounts", async () => {
    const again = async () => {
      await desk.close();
      desk.store.close();
      open();
      await desk.step();
    };
    open();
    folder.epoch(FALL);
    await desk.step();
    const raised = keys();
    writeFileSync(folder.path("atlas.json"), "{");
    await again();
    expect(keys()).include.members(raised);
    const market = readFileSync(folder.path("market.json"), "utf8");
    writeFileSync(folder.path("market.json"), "{");
    await again();
    expect(keys().filter((key) => !key.startsWith("epochs"))).members([...raised, keys().find(isUnreadable)]);
    expect(desk.store.alerts().every(({ ended }) => ended === null)).equal(true);
    writeFileSync(folder.path("market.json"), market);
    folder.account(folder.firm.atlas);
    await again();
    expect(keys()).members(raised);
  });

  it("values an account that could not be read when its epoch came, though its file is the same as before", async () => {
    open();
    await desk.step();
    folder.epoch(FALL);
    rmSync(folder.path("atlas.json"));
    await desk.step();
    expect(keys().filter((key) => !isUnreadable(key))).deep.equal([]);
    folder.account(folder.firm.atlas);
    await desk.step();
    expect(keys()).include("below initial atlas");
    expect(desk.store.latestReadings()[0]!.epoch).equal("8");
  });

  it("keeps what it has read once the store takes it again", async () => {
    open({ rules: [RULE] });
    const { store } = desk;
    const record = store.record.bind(store);
    store.record = () => {
      throw new Error("disk full");
    };
    expect(await desk.step().catch(() => "failed")).equal("failed");
    store.record = record;
    await desk.step();
    expect(store.latestReadings()).lengthOf(1);
    expect(store.tasks.list()).lengthOf(1);
  });

  it("a reading stays when its epoch is recorded again without its account, and so does what is proven of it", async () => {
    open({ rules: [RULE] });
    await desk.step();
    await desk.close();
    desk.store.close();
    writeFileSync(folder.path("atlas.json"), "{");
    open({ rules: [RULE] });
    await desk.step();
    expect(desk.store.momentOf(desk.store.tasks.list()[0]!)).not.equal(undefined);
  });

  it("its store is for its owner alone, and one of a later version is refused and left as it is", () => {
    open();
    const file = folder.path("desk.sqlite");
    expect(statSync(file).mode & 0o777).equal(0o600);
    const database = new DatabaseSync(file);
    chmodSync(`${file}-wal`, 0o644);
    new Store(file).close();
    for (const each of ["-wal", "-shm"]) expect(statSync(`${file}${each}`).mode & 0o777, each).equal(0o600);
    database.exec("PRAGMA user_version = 99");
    database.close();
    expect(refusal(() => new Store(file))).include({ code: "FILE" });
    expect(refusal(() => new Store(folder.path("policy.json")))).include({ code: "FILE" });
  });

  it("a secret that is a pipe is refused when it starts, and waits for nobody", async () => {
    open();
    const pipe = folder.path("hook.secret");
    spawnSync("mkfifo", ["-m", "600", pipe]);
    const webhooks = [{ name: "x", url: "http://127.0.0.1:1/", secret: "hook.secret", shape: "plimsoll" }] as const;
    const config = { ...folder.config(), store: "other.sqlite", webhooks: [...webhooks] };
    const { signal } = new AbortController();
    const refused = await runDesk(readDeskConfig({ text: formatJson(config), file: folder.path("desk.json") }), {
      ...{ inputs: new Inputs(signal), signal, log: () => {}, onOpen: () => {} },
    }).catch((error: unknown) => error);
    expect(refused).include({ code: "FILE" });
    expect(String(refused)).contain("a pipe gives it once");
  });

  describe("when it starts", () => {
    const start = async (part: Partial<DeskDocument>) => {
      const logged: unknown[] = [];
      const stop = new AbortController();
      const text = formatJson({ ...folder.config(), store: "other.sqlite", ...part });
      const ended = await runDesk(readDeskConfig({ text, file: folder.path("desk.json") }), {
        ...{ inputs: new Inputs(stop.signal), signal: stop.signal, clock: () => folder.now },
        log: (event) => void logged.push(event),
        onOpen: () => stop.abort(),
      }).catch((error: unknown) => error);
      return { ended, logged };
    };
    const files = { from: "files", policy: "policy.json", market: "market.json" } as const;

    it("names an input from which its market does not follow, and says where it cannot tell", async () => {
      open();
      const input = (name: string) => start({ epochs: { ...files, input: name } });
      const { marketInput } = folder.firm;
      const { epoch, time } = marketInput.observation;
      const moved = shock(marketInput, { BTC: 0.01 });
      folder.write("moved.json", { ...moved, observation: { ...moved.observation, epoch, time } });
      const { scenarios } = marketInput.policy;
      folder.write("other.json", {
        ...marketInput,
        policy: { ...marketInput.policy, scenarios: { ...scenarios, model: "x" } },
      });
      for (const [name, why] of [
        ["policy.json", "policy.json is no market input: format: "],
        ["moved.json", "not the input of market.json: of the same epoch, another prices[BTC].price follows"],
        ["other.json", "no market follows from other.json: "],
      ] as const) {
        const { ended } = await input(name);
        expect(ended, name).include({ code: "FIELD_INVALID" }).nested.include({ "place.field": "epochs.input" });
        expect(String(ended)).contain(why);
      }
      // Names in a market that nobody has read yet are others' words.
      const market = JSON.parse(readFileSync(folder.path("market.json"), "utf8"));
      folder.write("strange.json", {
        ...market,
        instruments: [...market.instruments, { symbol: "\u001b[31mX\u202e" }],
      });
      const strange = await start({ epochs: { ...files, market: "strange.json", input: "market-input.json" } });
      expect(String(strange.ended)).contain("another instruments[\\u{1b}[31mX\\u{202e}] follows");
      const right = readFileSync(folder.path("market-input.json"), "utf8");
      folder.epoch();
      writeFileSync(folder.path("first.json"), right);
      const late = await input("first.json");
      expect(late.ended).equal(undefined);
      expect(late.logged[0]).include({ why: "epochs.input is of epoch 7, the market of 8" });
      // What is not there yet may come: the desk's first look tells of it.
      expect((await input("nowhere.json")).ended).equal(undefined);
      const { ended, logged } = await input("market-input.json");
      expect(ended).equal(undefined);
      expect(logged.map((event) => (event as { event: string }).event)).deep.equal(["nobody can sign in"]);
    });

    it("says that it builds its page, and a stop meanwhile is no page that cannot be built", async () => {
      open();
      const stop = new AbortController();
      const told: string[] = [];
      const text = formatJson({ ...folder.config(), store: "other.sqlite" });
      const ended = await runDesk(readDeskConfig({ text, file: folder.path("desk.json") }), {
        ...{ inputs: new Inputs(new AbortController().signal), signal: stop.signal, log: () => {} },
        onStep: (what) => {
          told.push(what);
          stop.abort();
        },
        onOpen: () => expect.fail("it was stopped"),
      }).catch((error: unknown) => error);
      expect(told).deep.equal(["building the page"]);
      expect(ended).include({ code: "CANCELLED" });
    });

    it("names a viewing key that is none, and one that is not of the account at its gate", async () => {
      open();
      const { viewingKey, ...others } = { ...genesis("board-60"), viewingKey: randomViewingKey() };
      folder.secret("other.key", `${viewingKey}\n`);
      folder.secret("rpc.url", "http://127.0.0.1:1");
      const address = `0x${"12".repeat(20)}`;
      const record = accountRecord({ chainId: "31337", gate: address, owner: address });
      const state = seal({ ...others, viewingKey });
      folder.write("atlas.gate.json", { ...record, account: "1", state });
      const gate = { file: "atlas.gate.json", signer: { by: "wallet" } } as const;
      const terms = { rpc: "rpc.url", confirmations: 1, transactionsPerDay: 1, gasPerTransaction: "1", limits: [] };
      const key = (name: string, chain?: typeof gate) =>
        start({
          accounts: [{ file: "atlas.json", key: name, ...(chain && { chain }) }],
          ...(chain && { chain: terms }),
        });
      folder.secret("page.key", "a page\n");
      folder.secret("large.key", `${2n ** 250n}\n`);
      for (const [name, chain, why] of [
        ["page.key", undefined, "page.key is no viewing key: expected one decimal number on one line"],
        ["large.key", undefined, "large.key is no viewing key"],
        [
          "atlas.key",
          gate,
          "atlas.key is not the viewing key of the account of atlas.json: it does not open atlas.gate.json",
        ],
      ] as const) {
        const { ended } = await key(name, chain);
        expect(ended, name).include({ code: "FIELD_INVALID" }).nested.include({ "place.field": "accounts[0].key" });
        expect(String(ended)).contain(why);
      }
      // Nothing ties a key to an account without a gate.
      expect((await key("other.key")).ended).equal(undefined);
      expect((await key("other.key", gate)).ended).equal(undefined);
    });
  });

  it("says on its log what is wrong with its files, and that nobody can sign in yet", async () => {
    open({ accounts: [{ file: "atlas.json" }, { file: "nowhere.json" }] });
    await desk.step();
    const told = folder.logged.filter(({ event }) => event === "alert");
    expect(told.length).equal(1);
    expect(told[0]).include({ severity: "critical" });
    expect(String(told[0]!.what)).contain("nowhere.json");
    // Of accounts nothing is logged.
    folder.epoch(FALL);
    await desk.step();
    expect(JSON.stringify(folder.logged)).not.contain("below");
    writeFileSync(folder.path("nowhere.json"), formatJson({ ...folder.firm.atlas, account: "boreas" }));
    await desk.step();
    expect(folder.logged.some(({ event }) => event === "alert ended")).equal(true);
    const stop = new AbortController();
    const logged: unknown[] = [];
    const config = readDeskConfig({
      text: formatJson({ ...folder.config(), store: "other.sqlite" }),
      file: folder.path("desk.json"),
    });
    const run = () =>
      runDesk(config, {
        ...{ inputs: new Inputs(stop.signal), signal: stop.signal, clock: () => folder.now },
        log: (event) => {
          logged.push(event.event);
          stop.abort();
        },
        onOpen: () => {},
      });
    await run();
    expect(logged[0]).equal("nobody can sign in");
  });

  it("of tokens that are made at once none is lost", async () => {
    open();
    const file = folder.path("tokens.json");
    const names = ["Ana", "Ben", "Cleo", "Dora"];
    const made = await Promise.all(names.map((name) => makeToken(file, name, "viewer")));
    const access = new Access(file, Date.now);
    const people = await Promise.all(made.map((token) => access.byToken(token)));
    expect(people.map((person) => person?.name)).deep.equal(names);
    expect(await makeToken(file, "Ana", "viewer").catch((error: unknown) => error)).include({ code: "FIELD_INVALID" });
  });

  it("its first configuration takes answers from a pipe, and ends where they end", () => {
    open();
    const init = (input: string, file: string) =>
      spawnSync(process.execPath, [path.join(ROOT, "prover/src/cli/main.ts"), "desk", "init", file], { input });
    const file = folder.path("first.json");
    expect(init("Desk\n\n\natlas.json\nnone\n60\n0\n", file).status).equal(0);
    expect(readDeskConfig({ text: readFileSync(file, "utf8"), file })).include({ name: "Desk", epochSeconds: 60 });
    for (const [input, why] of [
      ["Desk\n", "the answers ended before the questions"],
      ["Desk\n\n\natlas.json\nnone\n60\n0\n\nboreas.json\n", "more answers than questions"],
      ["Desk\n\n\natlas.json\nnone\n60\n443\n", "port: expected 1024 to 65535"],
    ] as const) {
      const { status, stderr } = init(input, folder.path("second.json"));
      expect(status, why).equal(2);
      expect(`${stderr}`).contain(why);
      expect(existsSync(folder.path("second.json"))).equal(false);
    }
    expect(init("Desk\n\n\natlas.json\nnone\n60\n1024\n\n", folder.path("second.json")).status).equal(0);
  });

  describe("its configuration", () => {
    const read = (part: object) => {
      const text = formatJson({ ...folder.config(), ...part });
      return () => readDeskConfig({ text, file: folder.path("desk.json") });
    };
    it("of the docs is one, and a wrong entry is named", () => {
      open();
      const { accounts, epochs, forecast } = readDeskConfig({ text: block("json"), file: "/firm/desk.json" });
      expect(forecast!.prices[0]).equal("/firm/prices/BTC-USD.csv");
      expect(accounts[0]).include({ file: "/firm/account.json", key: "/firm/viewing.key" });
      expect(epochs).include({ policy: "/firm/policy.json" });
      const place = (part: object) => refusal(read(part)).place.field;
      expect(place({ epochSeconds: 0 })).equal("epochSeconds");
      expect(place({ rules: [{ ...RULE, when: "sometimes" }] })).equal("rules[0].when");
      expect(place({ epochs: { from: "oracle", policy: "p", urls: ["ftp://x"] } })).equal("epochs.urls[0]");
      expect(refusal(read({ tokens: undefined, token: "x" })).message).contain("tokens");
    });
  });

  describe("its webhooks", () => {
    let server: Server | undefined;
    afterEach(() => server?.close());
    const listen = async (of: Server) => {
      server = of;
      of.listen(0, "127.0.0.1");
      await once(of, "listening");
      return `http://127.0.0.1:${(of.address() as AddressInfo).port}/hook`;
    };
    const hook = (url: string, shape: "plimsoll" | "slack" | "pagerduty" = "plimsoll") => ({
      name: "on call",
      url,
      secret: "hook.secret",
      shape,
    });
    const deliver = async () => {
      const courier = courierOf(desk.config.webhooks);
      for (const each of desk.store.deliveries({ due: folder.now })) {
        desk.store.delivered(each.id, await courier.send(each, Date.now()));
      }
    };

    it("the receiver of the docs takes each alert once, from whoever has either secret", async () => {
      const file = folder.path("receiver.mjs");
      writeFileSync(file, block("js"));
      const { receiver } = await import(pathToFileURL(file).href);
      const taken: [string, { key: string }][] = [];
      const url = await listen(
        receiver("new secret", (event: string, alert: { key: string }) => taken.push([event, alert])),
      );
      folder.secret("hook.secret", "old secret\nnew secret\n");
      open({ webhooks: [hook(url)] });
      folder.epoch(FALL);
      await desk.step();
      const due = desk.store.deliveries({ due: folder.now });
      await deliver();
      const courier = courierOf(desk.config.webhooks);
      expect(await courier.send(due[0]!, Date.now()), "again, with the same id").deep.equal({ sent: true });
      expect(taken.map(([event]) => event)).deep.equal(due.map(() => "alert.raised"));
      expect(desk.store.counts().deliveries).include({ waiting: 0, sent: due.length });
      folder.secret("hook.secret", "a secret that the receiver does not have\n");
      expect(await courier.send(due[0]!, Date.now())).include({ reason: "the service answers 401" });
      folder.secret("hook.secret", "new secret\n");
      expect(await courier.send(due[0]!, Date.now() - 900_000), "an old signature").include({
        reason: "the service answers 401",
      });
    });

    it("tries again after longer and longer, gives up after twelve, and tries again when told to", async () => {
      let answers = 0;
      const url = await listen(
        createServer((_, response) => {
          answers++;
          response.writeHead(500).end();
        }),
      );
      folder.secret("hook.secret", "s\n");
      open({ webhooks: [hook(url)], nearBps: 0 });
      folder.epoch(FALL);
      await desk.step();
      const { length } = desk.store.deliveries({ due: folder.now });
      const waits: number[] = [];
      for (let attempt = 0; attempt < 12; attempt++) {
        await deliver();
        const [next] = desk.store.deliveries({ state: "waiting" });
        if (next === undefined) break;
        const due = Math.max(...desk.store.deliveries({ state: "waiting" }).map((each) => each.due));
        waits.push(Math.round((due - Date.now()) / 1000));
        folder.now = due;
      }
      expect(waits.slice(0, 4)).deep.equal([5, 10, 20, 40]);
      expect(waits.at(-1)).equal(3600);
      expect(answers).equal(12 * length);
      const [dead] = desk.store.deliveries({ state: "dead" });
      expect(dead).include({ attempts: 12, reason: "the service answers 500" });
      expect(desk.store.resend(dead!.id, folder.now)).equal(true);
      expect(desk.store.deliveries({ state: "waiting" })).lengthOf(1);
    });

    it("an alert's end is told after its beginning, and a clock that was ahead holds nothing back", async () => {
      folder.secret("hook.secret", "s\n");
      open({ webhooks: [hook("http://127.0.0.1:1/")], nearBps: 0 });
      folder.epoch(FALL);
      await desk.step();
      await deliver();
      folder.epoch();
      await desk.step();
      const { store } = desk;
      const soon = () => store.deliveries({ due: Date.now() });
      const raised = store.deliveries({ state: "waiting" }).filter(({ event }) => event === "raised");
      expect(soon().filter(({ event }) => event === "resolved")).deep.equal([]);
      for (const { id } of raised) store.delivered(id, { sent: true });
      expect(soon().map(({ event }) => event)).deep.equal(raised.map(() => "resolved"));
      store.delivered(soon()[0]!.id, { reason: "", due: Date.now() + 5 * 365 * 86_400_000 });
      expect(soon()).lengthOf(raised.length);
      expect(store.deliveries({ due: Date.now(), hook: "another" })).deep.equal([]);
    });

    it("nodes of the oracle are asked in turn, each look beginning with another", async () => {
      const asked: string[] = [];
      const url = await listen(
        createServer((request, response) => {
          asked.push(request.url!.slice(6, 7));
          response.writeHead(500).end();
        }),
      );
      const urls = ["a", "b"].map((name) => `${url}/${name}`);
      const address = `0x${"1".repeat(40)}`;
      const terms = { policy: "policy.json", risk: "risk.json", chainId: "1", board: "1", quorum: 1 };
      open({ epochs: { from: "oracle", ...terms, urls, oracle: address, reporters: [address] } });
      await desk.step();
      await desk.step();
      expect(asked).deep.equal(["a", "b", "b", "a"]);
    });

    it("one that does not answer keeps nothing from the others", async () => {
      const told: string[] = [];
      const url = await listen(
        createServer((request, response) => {
          if (request.url === "/other") {
            told.push("other");
            response.writeHead(204).end();
          }
        }),
      );
      folder.secret("hook.secret", "s\n");
      const other = { ...hook(url.replace("/hook", "/other")), name: "other" };
      open({ webhooks: [hook(url), other], nearBps: 0 });
      folder.epoch(FALL);
      const running = desk.run();
      for (let waited = 0; waited < 80 && told.length === 0; waited++) await sleep(100);
      expect(told.length).greaterThan(0);
      server!.closeAllConnections();
      await desk.close();
      server!.close();
      await running;
    });

    it("Slack and PagerDuty get their own shapes, and no address is in a reason", async () => {
      const bodies: Record<string, unknown>[] = [];
      const url = await listen(
        createServer(async (request, response) => {
          let body = "";
          for await (const chunk of request) body += chunk;
          bodies.push(JSON.parse(body));
          response.writeHead(202).end();
        }),
      );
      folder.secret("hook.secret", "routing\n");
      folder.epoch(FALL);
      open({ webhooks: [hook(url, "slack")] });
      await desk.step();
      await deliver();
      expect(bodies[0]).have.keys(["text"]);
      expect(String(bodies[0]!.text)).match(/^[A-Z]+: atlas is below /);
      const [sent] = desk.store.deliveries({ state: "sent" });
      const pager = courierOf([{ ...desk.config.webhooks[0]!, shape: "pagerduty" }]);
      await pager.send(sent!, Date.now());
      expect(bodies.at(-1)).deep.include({
        routing_key: "routing",
        event_action: "trigger",
        dedup_key: `plimsoll ${sent!.alert.began} ${sent!.alert.id}`,
      });
      const nowhere = courierOf([{ ...desk.config.webhooks[0]!, url: "http://127.0.0.1:1/key-in-the-address" }]);
      expect(await nowhere.send(sent!, Date.now())).include({ reason: "the service does not answer" });
    });
  });

  describe("over HTTP", () => {
    let server: DeskServer;
    let tokens: Record<"viewer" | "operator" | "approver", string>;
    beforeEach(async () => {
      open({ rules: [RULE] });
      await desk.step();
      const file = folder.path("tokens.json");
      tokens = {
        viewer: await makeToken(file, "Vera", "viewer"),
        operator: await makeToken(file, "Otto", "operator"),
        approver: await makeToken(file, "Ana", "approver"),
      };
      server = await serveDesk(desk, "<p>page</p>");
    });
    afterEach(() => server.close());
    const ask = (at: string, token?: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
      fetch(`${server.url}${at}`, {
        ...init,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...init.headers },
      });
    const post = (at: string, token: string | undefined, body?: unknown, headers: Record<string, string> = {}) =>
      ask(at, token, {
        method: "POST",
        headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });

    it("answers nobody without a token, and counts tokens that nobody has", async () => {
      for (const at of [
        "/api/desk",
        "/api/accounts",
        "/api/accounts/atlas",
        "/api/alerts",
        "/api/events",
        "/metrics",
        "/openapi.json",
      ]) {
        expect((await ask(at)).status, at).equal(401);
      }
      expect((await ask("/api/desk", "x".repeat(43))).status).equal(401);
      expect((await post("/api/session", undefined, { token: "x" })).status).equal(401);
      expect(await (await ask("/metrics", tokens.viewer)).text()).match(/^plimsoll_desk_refused_tokens_total 2$/m);
      expect((await ask("/")).status).equal(200);
    });

    it("gives each role its own, and keeps who did what", async () => {
      const [{ id }] = (await (await ask("/api/tasks", tokens.viewer)).json()) as [{ id: number }];
      expect((await post(`/api/tasks/${id}/approve`, tokens.viewer)).status).equal(403);
      expect((await post(`/api/tasks/${id}/approve`, tokens.operator)).status).equal(403);
      expect(
        (await post("/api/accounts/atlas/proofs", tokens.viewer, { atLeast: "call", audience: "x" })).status,
      ).equal(403);
      expect(desk.store.tasks.get(id)!.state).equal("proposed");
      expect((await post(`/api/tasks/${id}/offer`, tokens.operator)).status).equal(403);
      expect((await post(`/api/tasks/${id}/sent`, tokens.operator, { hash: `0x${"0".repeat(64)}` })).status).equal(403);
      expect((await post(`/api/tasks/${id}/offer`, tokens.approver)).status, "it is on no chain").equal(404);
      expect((await post(`/api/tasks/${id}/approve`, tokens.approver)).status).equal(200);
      expect((await post(`/api/tasks/${id}/reject`, tokens.approver)).status).equal(404);
      expect(desk.store.tasks.get(id)).include({ state: "ready", decidedBy: "Ana" });
      expect(
        (await post("/api/accounts/atlas/proofs", tokens.operator, { atLeast: "call", audience: "x" })).status,
      ).equal(200);
      expect(desk.store.actions().map(({ who }) => who)).deep.equal(["Otto", "Ana"]);
    });

    it("a session is a cookie that no script reads; it ends with signing out, and with the token's line", async () => {
      const signIn = async () => {
        const response = await post("/api/session", undefined, { token: tokens.viewer });
        expect(response.status).equal(204);
        const cookie = response.headers.get("set-cookie")!;
        expect(cookie).match(/; HttpOnly; SameSite=Strict; /);
        return cookie.split(";")[0]!;
      };
      const withCookie = (cookie: string) => ask("/api/desk", undefined, { headers: { cookie } });
      const first = await signIn();
      expect((await withCookie(first)).status).equal(200);
      await ask("/api/session", undefined, { method: "DELETE", headers: { cookie: first } });
      expect((await withCookie(first)).status).equal(401);
      const second = await signIn();
      writeFileSync(folder.path("tokens.json"), formatJson({ format: "plimsoll-desk-tokens/1", tokens: [] }));
      expect((await withCookie(second)).status).equal(401);
    });

    it("refuses requests that name another host or come from another page", async () => {
      const raw = (headers: Record<string, string>) =>
        post("/api/session", undefined, { token: tokens.viewer }, headers);
      expect((await raw({ origin: "https://evil.example" })).status).equal(403);
      expect((await raw({ origin: server.url })).status).equal(204);
      const { port } = new URL(server.url);
      const named = await new Promise<number>((resolve, reject) => {
        get({ host: "127.0.0.1", port, path: "/", headers: { host: `rebound.example:${port}` } }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        }).on("error", reject);
      });
      expect(named).equal(403);
    });

    it("refuses bodies that are too large or of another form, and says which field", async () => {
      const large = await post("/api/accounts/atlas/what-if", tokens.viewer, { cash: "1".repeat(70_000) });
      expect(large.status).equal(413);
      const wrong = await post("/api/accounts/atlas/what-if", tokens.viewer, { scale: 1 });
      expect(wrong.status).equal(400);
      expect(((await wrong.json()) as { error: { field: string } }).error.field).equal("scale");
      const stranger = await post("/api/accounts/atlas/what-if", tokens.viewer, {
        trades: [{ instrument: "X", quantity: "1" }],
      });
      expect(stranger.status).equal(404);
      expect(await stranger.json()).deep.equal({
        error: { code: "UNKNOWN_NAME", rule: "the market has no such instrument", field: "trades[0].instrument" },
      });
      expect((await post("/api/accounts/atlas/what-if", tokens.viewer, "{")).status).equal(400);
      expect((await ask("/api/accounts/nobody", tokens.viewer)).status).equal(404);
    });

    it("limits attempts to sign in", async () => {
      const answers: number[] = [];
      for (let attempt = 0; attempt < 12; attempt++)
        answers.push((await post("/api/session", undefined, { token: "guess" })).status);
      expect(answers.slice(0, 10).every((status) => status === 401)).equal(true);
      expect(answers.slice(10)).deep.equal([429, 429]);
      expect((await ask("/api/desk", tokens.viewer)).status, "who has a token goes on").equal(200);
    });

    it("limits requests without a token as it does others", async () => {
      const answers = new Map<number, number>();
      for (let asked = 0; asked < 620; asked++) {
        const { status } = await ask("/api/desk");
        answers.set(status, (answers.get(status) ?? 0) + 1);
      }
      expect(Object.fromEntries(answers)).deep.equal({ 401: 600, 429: 20 });
    });

    it("its OpenAPI document is valid, and has every address that the page asks", async () => {
      const document = await (await ask("/openapi.json", tokens.viewer)).json();
      await SwaggerParser.validate(structuredClone(document) as never);
      const paths = Object.keys((document as { paths: object }).paths);
      const source = readFileSync(path.join(ROOT, "prover/src/web/desk/api.ts"), "utf8");
      for (const at of source.matchAll(/"(\/api\/[a-z]+)"/g)) expect(paths).include(at[1]);
      for (const at of ["what-if", "forecast", "timeline", "history", "changes"]) {
        expect(paths).include(`/api/accounts/{account}/${at}`);
      }
      for (const at of ["approve", "reject", "offer", "sent", "file"]) expect(paths).include(`/api/tasks/{id}/${at}`);
    });

    it("tells what has changed to whoever listens, and no figure", async () => {
      const response = await ask("/api/events", tokens.viewer);
      const reader = response.body!.getReader();
      let heard = "";
      const listening = (async () => {
        while (!heard.includes("event: alert") || !heard.includes("event: epoch"))
          heard += Buffer.from((await reader.read()).value ?? []).toString("utf8");
      })();
      folder.epoch(FALL);
      await desk.step();
      await Promise.race([listening, sleep(10_000, undefined, { ref: false })]);
      await reader.cancel();
      expect(heard).match(/event: epoch\ndata: \{\}\n\n/);
      expect(heard).match(/event: alert\ndata: \{\}\n\n/);
    });

    it("events end with the token's line, and a session by the machine's clock and no other", async () => {
      const signed = await post("/api/session", undefined, { token: tokens.operator });
      const cookie = signed.headers.get("set-cookie")!.split(";")[0]!;
      const reader = (await ask("/api/events", tokens.viewer)).body!.getReader();
      await reader.read();
      folder.now += 30 * 86_400_000;
      expect((await ask("/api/desk", undefined, { headers: { cookie } })).status).equal(200);
      writeFileSync(folder.path("tokens.json"), formatJson({ format: "plimsoll-desk-tokens/1", tokens: [] }));
      folder.epoch(FALL);
      await desk.step();
      expect(await reader.read()).include({ done: true });
    });

    it("a proof that has failed may be asked for again, and one whose file is gone is not a defect", async () => {
      const again = () => post("/api/accounts/atlas/proofs", tokens.operator, { atLeast: "call", audience: "x" });
      await again();
      const { id } = desk.store.tasks.list()[0]!;
      desk.store.tasks.decide(id, "ready", "Ana", folder.now);
      desk.store.tasks.finish(id, { reason: "OUT_OF_MEMORY" }, folder.now);
      await again();
      expect(desk.store.tasks.get(id)).include({ state: "proposed", decidedBy: null, reason: null });
      desk.store.tasks.decide(id, "ready", "Ana", folder.now);
      desk.store.tasks.finish(id, { file: folder.path("gone.json") }, folder.now);
      expect((await ask(`/api/tasks/${id}/file`, tokens.viewer)).status).equal(404);
      await again();
      expect(desk.store.tasks.get(id)!.state).equal("done");
    });

    it("what an account holds is in no alert of its file", async () => {
      folder.write("atlas.json", { ...folder.firm.atlas, positions: { "CANARY-PERP": "1" } });
      await desk.step();
      const alerts = desk.store.alerts();
      expect(alerts).lengthOf(1);
      expect(alerts[0]!.text)
        .match(/^atlas cannot be read: /)
        .not.contain("CANARY");
    });

    it("takes what the market follows from when it comes after the market", async () => {
      const input = readFileSync(folder.path("market-input.json"), "utf8");
      folder.epoch(FALL);
      const late = readFileSync(folder.path("market-input.json"), "utf8");
      writeFileSync(folder.path("market-input.json"), input);
      await desk.step();
      expect(desk.epoch!.input).equal(undefined);
      writeFileSync(folder.path("market-input.json"), late);
      await desk.step();
      expect(desk.epoch!.input).not.equal(undefined);
    });

    it("behind a proxy it goes by its name outside, to pages of that name alone, and its session over TLS alone", async () => {
      await server.close();
      await desk.close();
      desk.store.close();
      open({ listen: { host: "127.0.0.1", port: 0, origin: "https://desk.example" } });
      server = await serveDesk(desk, "<p>page</p>");
      const asked = (headers: Record<string, string>, body?: string) =>
        new Promise<{ status: number; cookie: string }>((resolve, reject) => {
          const at = new URL(body === undefined ? "/healthz" : "/api/session", server.url);
          const request = httpRequest(at, { method: body === undefined ? "GET" : "POST", headers }, (response) => {
            response.resume();
            resolve({ status: response.statusCode!, cookie: String(response.headers["set-cookie"] ?? "") });
          });
          request.on("error", reject).end(body);
        });
      const status = async (headers: Record<string, string>) => (await asked(headers)).status;
      expect(await status({ host: "desk.example" })).equal(200);
      expect(await status({ host: "desk.example", origin: "https://desk.example" })).equal(200);
      expect(await status({ host: "desk.example", origin: "http://desk.example" })).equal(403);
      expect(await status({ host: "desk.example", origin: "https://other.example" })).equal(403);
      expect(await status({ host: "other.example" })).equal(403);
      expect(await status({ host: "desk.example:444" })).equal(403);
      const { host } = new URL(server.url);
      expect(await status({ host, origin: "https://desk.example" })).equal(200);
      const type = { "content-type": "application/json", host: "desk.example" };
      const signed = await asked(type, JSON.stringify({ token: tokens.viewer }));
      expect(signed.status).equal(204);
      expect(signed.cookie).match(/; HttpOnly; SameSite=Strict; .*; Secure$/);
    });

    it("says why an account changed, over HTTP as the model does", async () => {
      folder.epoch({ BTC: -0.02 });
      await desk.step();
      const answer = (await (await ask("/api/accounts/atlas/changes?hours=24", tokens.viewer)).json()) as {
        changes: { causes: string[]; equity: string }[];
      };
      expect(answer.changes.map(({ causes }) => causes)).deep.equal([["market"], ["policy"], ["account"]]);
      const [before, after] = desk.store.history("atlas", "", 10);
      expect(Number(answer.changes[0]!.equity)).equal(
        Number((Number(after!.equity) - Number(before!.equity)).toFixed(6)),
      );
    });

    it("no quantity, key or token is in logs, measures, errors, alerts or deliveries", async () => {
      const canary = "731.4159";
      folder.account({ ...folder.firm.atlas, collateral: { ...folder.firm.atlas.collateral, BTC: canary } });
      folder.epoch(FALL);
      await desk.step();
      folder.write("atlas.json", { ...folder.firm.atlas, collateral: { BTC: canary, NONE: canary } });
      await desk.step();
      const wrong = await post("/api/accounts/atlas/what-if", tokens.viewer, { cash: canary, scale: `-${canary}` });
      const said = [
        formatJson(folder.logged),
        await (await ask("/metrics", tokens.viewer)).text(),
        await (await ask("/api/alerts", tokens.viewer)).text(),
        await wrong.text(),
        readFileSync(folder.path("tokens.json"), "utf8"),
      ].join("\n");
      const secrets = [canary, readFileSync(folder.path("atlas.key"), "utf8").trim(), ...Object.values(tokens)];
      for (const secret of secrets) expect(said).not.contain(secret);
      expect(await (await ask("/metrics", tokens.viewer)).text()).not.contain("atlas");
    });
  });

  after(() => rmSync(folder.directory, { recursive: true, force: true }));
});

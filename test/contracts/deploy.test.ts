// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { AbstractSigner, type Contract, type Signer, type TransactionRequest } from "ethers";
import { network } from "hardhat";
import { deploySystem } from "../../prover/src/app/deploy.ts";
import { openRecordedBoard } from "../../prover/src/app/open-board.ts";
import { sampleFiles } from "../../prover/src/app/sample-files.ts";
import { deploy, type SystemParameters } from "../../prover/src/chain/deploy.ts";
import {
  type DeploymentRecord,
  readDeploymentRecord,
  readDeploymentRequest,
} from "../../prover/src/chain/deployment-file.ts";
import { type BoardOpening, openBoard } from "../../prover/src/chain/open-board.ts";
import { readBoardOpening } from "../../prover/src/chain/opening-file.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { loadDeployableKey } from "../../prover/src/node/artifacts.ts";
import type { CircuitName } from "../../prover/src/statement/families.ts";
import { simulatedKey } from "../support/simulated.ts";
import { PLAIN, POLICY, TERMS } from "./markets.ts";
import { type Chain, deployable, parametersOf } from "./world.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const loadKey = loadDeployableKey;
const SAMPLE_POLICY = sampleFiles("plimsoll").find(({ name }) => name === "policy.json")!.text;

/** Stops before its transaction of this number, as if the machine went down. */
class Failing extends AbstractSigner {
  readonly #signer: Signer;
  #left: number;
  constructor(signer: Signer, left: number) {
    super(signer.provider);
    this.#signer = signer;
    this.#left = left;
  }
  getAddress = () => this.#signer.getAddress();
  connect = () => this;
  signTransaction = (): never => expect.fail();
  signMessage = (): never => expect.fail();
  signTypedData = (): never => expect.fail();
  override async sendTransaction(request: TransactionRequest) {
    if (this.#left-- === 0) throw Object.assign(new Error("boom"), { shortMessage: "the machine went down" });
    return this.#signer.sendTransaction(request);
  }
}

describe("the board of a deployment", function () {
  this.timeout(180_000);
  const keys = (["board-60", "settlement-60", "lot-60"] as const).map((circuit) => simulatedKey(circuit));
  const opening = (changes: Partial<BoardOpening> = {}): BoardOpening => ({
    size: "board-60",
    policy: POLICY,
    rules: TERMS,
    sources: new Map([[0, PLAIN]]),
    makerOf: async (circuit) => keys.find(({ identity }) => identity.size === circuit)!,
    ...changes,
  });
  /** A deployment on a chain of its own, and its board opened by somebody whose machine goes down before a transaction. */
  async function deployed() {
    const chain = (await network.create()) as Chain;
    const [signer, ...others] = await chain.ethers.getSigners();
    const made = await deploy({
      deployer: signer!,
      keys: keys.map(deployable),
      parameters: parametersOf([signer!, ...others]),
    });
    const by = (left: number) => {
      const deployer = new Failing(signer!, left);
      const as = (contract: Contract) => contract.connect(deployer) as Contract;
      return { ...made, queue: as(made.queue), gate: as(made.gate) };
    };
    return { made, by, sent: () => chain.ethers.provider.getTransactionCount(signer!.address) };
  }

  it("is opened whole by whoever goes on where it stopped, wherever that was", async () => {
    const whole = await deployed();
    const before = await whole.sent();
    await openBoard(whole.made, opening());
    const count = (await whole.sent()) - before;
    const stopped = await deployed();
    for (let left = 0; left < count; left++) {
      const error = await openBoard(stopped.by(left), opening()).catch((thrown) => thrown);
      // What has been done is not done again, so that fewer and fewer transactions are left.
      if (error === undefined) break;
      expect([error.code, left]).deep.equal(["CHAIN_FAILED", left]);
    }
    await openBoard(stopped.made, opening());
    const { registry, oracle, queue, gate, exchange } = stopped.made;
    expect(await registry.boards!()).equal(1n);
    expect(await queue.closed!()).equal(true);
    expect(await oracle.gateOf!(1)).equal(await gate.getAddress());
    expect(await gate.deskOf!(0)).equal(await exchange.getAddress());
  });

  it("is refused where the chain has it with another policy", async () => {
    const { made, by } = await deployed();
    for (let left = 0; (await made.registry.boards!()) === 0n; left++)
      await openBoard(by(left), opening()).catch(() => {});
    const error = await openBoard(made, opening({ rules: { ...TERMS, maxAge: TERMS.maxAge - 1n } })).catch(
      (thrown) => thrown,
    );
    expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", "policy"]);
  });
});

const POLICY_FILE = readPolicy(SAMPLE_POLICY, "policy.json");
const FEEDS = { feed: "none", second: "none" };
const OPENING = {
  maxAgeSeconds: "3600",
  epochGraceSeconds: "60",
  shortDebtRateBps: `${POLICY_FILE.policy.debtRateBps}`,
  boardTerms: "none",
  curePeriodSeconds: "3600",
  attestIntervalSeconds: "86400",
  stopLimitSeconds: "7200",
  auctionDurationSeconds: "1200",
  holdPeriodSeconds: "86400",
  voidDelaySeconds: "86400",
  premiumBps: "500",
  discountBps: "1000",
  levyBps: "50",
  toleranceBps: "100",
  maxSlice: "1000000",
  dust: "1000",
  reward: "50.25",
  tillFloor: "0",
  sources: POLICY_FILE.assets.map(({ symbol }) => ({
    symbol,
    maxMoveBps: "1000",
    deviationBps: "0",
    apart: false,
    ...FEEDS,
  })),
};
const readOpening = (changes: object = {}) =>
  readBoardOpening(JSON.stringify({ ...OPENING, ...changes }), "opening.json", POLICY_FILE);

describe("the board of a recorded deployment", function () {
  this.timeout(180_000);
  const keys = (["board-60", "settlement-60", "lot-60"] as const).map((circuit) => simulatedKey(circuit));
  const keyOf = (circuit: CircuitName) => keys.find(({ identity }) => identity.size === circuit);
  const makerOf = async (circuit: CircuitName) => keyOf(circuit)!;
  const loadSimulated = async (circuit: CircuitName) => {
    const key = keyOf(circuit);
    return key && deployable(key);
  };
  let chain: Chain;
  let signers: HardhatEthersSigner[];
  let record: DeploymentRecord;
  let back: () => Promise<void>;
  const none = async () => {};
  const sent = () => chain.ethers.provider.getTransactionCount(signers[0]!.address);

  before(async () => {
    chain = (await network.create()) as Chain;
    signers = await chain.ethers.getSigners();
    const machine = { deployer: signers[0]!, loadKey: loadSimulated, save: none };
    const done = await deploySystem(machine, { sizes: ["board-60"], parameters: parametersOf(signers) });
    record = readDeploymentRecord(JSON.stringify(done), "record.json");
    const snapshot = await chain.networkHelpers.takeSnapshot();
    back = () => snapshot.restore();
  });

  it("is opened from its files, recorded after each transaction, and goes on where it stopped, wherever that was", async () => {
    const kept: DeploymentRecord[] = [];
    const steps: string[] = [];
    const save = async (each: DeploymentRecord) => void kept.push(readDeploymentRecord(JSON.stringify(each), "r.json"));
    const begun = await sent();
    const machine = { deployer: signers[0]!, makerOf, save, onStep: (what: string) => void steps.push(what) };
    const done = await openRecordedBoard({ ...machine, record }, readOpening());
    const whole = (await sent()) - begun;
    expect(kept).length(whole + 1);
    expect(kept.at(-1)).deep.equal(done);
    const own = done.steps.slice(record.steps.length);
    expect(own).length(whole);
    expect(new Set(own.map(({ what }) => what))).deep.equal(new Set(steps));
    const { contracts } = done.result!;
    expect(done.board!.gate).equal(contracts.gate!.address);
    expect(done.board!.policyId).equal("1");
    const sources = await chain.ethers.getContractAt("PriceSources", done.board!.sources);
    expect((await sources.sourceOf!(1, 0))[0].maxMoveBps).equal(1000n);
    const gate = await chain.ethers.getContractAt("MarginGate", contracts.gate!.address);
    expect(await gate.deskOf!(0)).equal(contracts.exchange!.address);
    const registry = await chain.ethers.getContractAt("PolicyRegistry", contracts.registry!.address);
    expect((await registry.termsOf!(1)).reward).equal(50_250_000n);
    // Again: nothing is sent.
    const after = await sent();
    const again = await openRecordedBoard({ ...machine, record: done }, readOpening());
    expect([again, await sent()]).deep.equal([done, after]);

    await back();
    let earlier = record;
    const first = await sent();
    for (let time = 0; time < whole; time++) {
      const deployer = new Failing(signers[0]!, 1);
      const keep = async (each: DeploymentRecord) => {
        earlier = each;
      };
      const error = await openRecordedBoard({ deployer, makerOf, record: earlier, save: keep }, readOpening()).catch(
        (thrown) => thrown,
      );
      if (time < whole - 1)
        expect([error.code, error.message.split(": ").at(-1)]).deep.equal(["CHAIN_FAILED", "the machine went down"]);
    }
    expect(earlier.board).deep.equal(done.board);
    expect((await sent()) - first, "nothing is sent twice").equal(whole);
    await back();
  });

  it("is refused, before anything is sent, of a record that is not whole, of another chain, account or contracts", async () => {
    const before = await sent();
    const result = record.result!;
    const { gate, ...others } = result.contracts;
    const elsewhere = { ...result.contracts, gate: { ...gate!, address: result.contracts.fund!.address } };
    const { result: _, ...unfinished } = record;
    for (const [machine, field] of [
      [{ record: unfinished }, "result"],
      [{ record: { ...record, chainId: "1" } }, "chainId"],
      [{ deployer: signers[1]! }, "deployer"],
      [{ record: { ...record, result: { ...result, contracts: others } } }, "result.contracts.gate"],
      [{ record: { ...record, result: { ...result, contracts: elsewhere } } }, "result.contracts.gate"],
    ] as const) {
      const error = await openRecordedBoard(
        { ...{ deployer: signers[0]!, makerOf, record, save: none }, ...machine },
        readOpening(),
      ).catch((thrown) => thrown);
      expect([error.code, error.place?.field]).deep.equal(["FIELD_INVALID", field]);
    }
    expect(await sent()).equal(before);
  });

  it("names the contract's reason where one refuses a step", async () => {
    const error = await openRecordedBoard(
      { deployer: signers[0]!, makerOf, record, save: none },
      readOpening({ discountBps: "0" }),
    ).catch((thrown) => thrown);
    expect(error.code).equal("CHAIN_FAILED");
    expect(error.message).match(/^creating the board: the contract refuses it: [A-Z]\w+\(.*\)$/);
    await back();
  });

  it("U12: feeds, board terms and a source of every asset have to be written out", () => {
    const [source, ...rest] = OPENING.sources;
    for (const [changes, field] of [
      [{ boardTerms: undefined }, "boardTerms"],
      [{ boardTerms: "0x12" }, "boardTerms"],
      [{ sources: rest }, "sources"],
      [{ sources: [source, ...OPENING.sources] }, "sources[1].symbol"],
      [{ sources: [{ ...source, symbol: "NONE" }, ...rest] }, "sources[0].symbol"],
      [{ sources: [{ ...source, feed: "0x12" }, ...rest] }, "sources[0].feed"],
      [{ sources: [{ ...source, feed: undefined }, ...rest] }, "sources[0].feed"],
      [{ dust: "-1" }, "dust"],
      [{ dust: "0.0000001" }, "dust"],
      [{ premiumBps: 5 }, "premiumBps"],
    ] as const) {
      expect(() => readOpening(changes), field)
        .throw(PlimsollError)
        .with.nested.property("place.field", field);
    }
    const feed = { aggregator: `0x${"1".repeat(40)}`, heartbeatSeconds: "60", minAnswer: "1", maxAnswer: "1000" };
    const { sources } = readOpening({ sources: [{ ...source, feed }, ...rest] });
    const { heartbeatSeconds: _, ...chainFeed } = feed;
    expect(sources.get(0)).deep.include({ lotDecimals: POLICY_FILE.assets[0]!.lotDecimals });
    expect((sources.get(0) as { feed: object }).feed).deep.equal({
      ...chainFeed,
      heartbeat: 60n,
      minAnswer: 1n,
      maxAnswer: 1000n,
    });
  });
});

describe("a deployment", function () {
  this.timeout(180_000);
  let chain: Chain;
  let signers: HardhatEthersSigner[];
  let token: Contract;
  let parameters: SystemParameters;
  const request = (changes: Partial<SystemParameters> = {}) =>
    ({ sizes: ["board-60"], parameters: { ...parameters, ...changes } }) as const;
  const sent = () => chain.ethers.provider.getTransactionCount(signers[0]!.address);

  before(async () => {
    chain = (await network.create()) as Chain;
    signers = await chain.ethers.getSigners();
    token = (await chain.ethers.deployContract("TestToken", ["USDC", 6])) as unknown as Contract;
    const limits = { depositCap: 10n ** 15n, outflow: 10n ** 12n };
    const assets = [{ index: 15, token: await token.getAddress(), lotDecimals: 6, ...limits }];
    parameters = { ...parametersOf(signers), assets };
  });

  it("U11: refuses, before anything is deployed, an address of nobody, without a contract or of no token", async () => {
    const nowhere = `0x${"5".repeat(40)}`;
    const address = await token.getAddress();
    const before = await sent();
    const plain = await chain.ethers.deployContract("TestFeed", [0, 0]);
    const count = (await sent()) - before;
    const asset = (change: object) => ({ assets: [{ index: 15, token: address, lotDecimals: 6, ...change }] });
    for (const [changes, field, rule] of [
      [asset({ token: nowhere }), "assets[0].token", "no contract is at this address"],
      [asset({ token: await plain.getAddress() }), "assets[0].token", "no ERC-20 token"],
      [asset({ lotDecimals: 7 }), "assets[0].lotDecimals", "which has 6"],
      [{ assets: [...parameters.assets, { index: 0, token: address, lotDecimals: 6 }] }, "assets[1]", "assets[0] too"],
      [{ sequencer: nowhere }, "sequencer", "no contract is at this address"],
      [{ sequencer: "" }, "sequencer", "expected an address"],
      [{ operator: `0x${"0".repeat(40)}` }, "operator", "not zero"],
      [{ reporters: [...parameters.reporters.slice(1), "0x12"] }, "reporters[4]", "expected an address"],
    ] as const) {
      const machine = { deployer: signers[0]!, loadKey, save: async () => expect.fail("nothing is recorded") };
      const error = await deploySystem(machine, request(changes as Partial<SystemParameters>)).catch(
        (thrown) => thrown,
      );
      expect(error, field).instanceOf(PlimsollError);
      expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", field]);
      expect(error.message).contain(rule);
    }
    expect(await sent()).equal(before + count);
  });

  it("U11: refuses, before anything is deployed, the placeholders of the documented example by name, until all are filled in", async () => {
    const page = readFileSync(path.resolve(import.meta.dirname, "../../docs/gate.md"), "utf8");
    const example = /```json\n(\{\n {2}"sizes".*?)```/s.exec(page)![1]!;
    const given = { ...JSON.parse(example) };
    const [, owner, guardian, operator, reporter] = signers.map(({ address }) => address);
    const before = await sent();
    const refusal = async (staging: boolean) => {
      const text = JSON.stringify({ ...given, staging });
      const machine = { deployer: signers[0]!, loadKey, save: async () => expect.fail("nothing is recorded") };
      const error = await deploySystem(machine, readDeploymentRequest(text, "p.json")).catch((thrown) => thrown);
      expect(error).instanceOf(PlimsollError);
      return [error.code, error.place.field, error.rule];
    };
    for (const [field, filled, who] of [
      ["owner", { owner }, "owner, who schedules"],
      ["guardian", { guardian }, "guardian, who tightens"],
      ["operator", { operator }, "operator, who agrees"],
      ["reporters[0]", { reporters: [reporter] }, "reporter, who signs"],
    ] as const) {
      for (const staging of [false, true]) {
        const [code, named, rule] = await refusal(staging);
        expect([code, named]).deep.equal(["FIELD_INVALID", field]);
        expect(rule).match(new RegExp(`^a placeholder; expected the address of the ${who}.*nothing was deployed$`));
      }
      Object.assign(given, filled);
    }
    // Nobody is left to fill in: the token is next.
    expect((await refusal(false))[1]).equal("assets[0].token");
    given.reporters = [reporter, guardian, reporter!.toLowerCase()];
    expect(await refusal(false)).deep.equal([
      "FIELD_INVALID",
      "reporters[2]",
      "the address is that of reporters[0] too",
    ]);
    expect(await sent()).equal(before);
  });

  it("U11: goes on where it stopped, wherever that was, and sends no transaction twice", async () => {
    const records: DeploymentRecord[] = [];
    const save = async (record: DeploymentRecord) => {
      records.push(record);
    };
    const first = await sent();
    await deploySystem({ deployer: signers[0]!, loadKey, save }, request());
    const whole = (await sent()) - first;
    expect(records).length(whole + 1);

    let earlier: DeploymentRecord | undefined;
    const keep = async (record: DeploymentRecord) => {
      earlier = record;
    };
    const begun = await sent();
    for (const left of [0, 1, 3, 2, 2]) {
      const deployer = new Failing(signers[0]!, left);
      const machine = { deployer, loadKey, earlier, save: keep };
      const error = await deploySystem(machine, request()).catch((thrown) => thrown);
      expect(error.code).equal("CHAIN_FAILED");
      expect(error.message).match(/: the machine went down$/);
    }
    const done = await deploySystem({ deployer: signers[0]!, loadKey, earlier, save: keep }, request());
    expect((await sent()) - begun).equal(whole);
    const { contracts } = done.result as { contracts: Record<string, { address: string }> };
    const gate = await chain.ethers.getContractAt("MarginGate", contracts.gate!.address);
    const liquidation = await chain.ethers.getContractAt("Liquidation", contracts.liquidation!.address);
    expect(await liquidation.gate!()).equal(contracts.gate!.address);
    expect([await gate.board!(), await gate.instruments!()]).deep.equal([1n, 60n]);
    expect((await gate.assets!(15n))[0]).equal(await token.getAddress());
    expect(Object.keys(contracts)).include.members([
      "verifier board-60",
      "verifier settlement-60",
      "queue",
      "registry",
      "oracle",
      "vault",
      "exchange",
      "clearing",
      "fund",
    ]);

    for (const [other, field] of [
      [{ deployer: signers[1]! }, "deployer"],
      [{ earlier: { ...done, chainId: "1" } }, "chainId"],
    ] as const) {
      const machine = { loadKey, save, ...{ deployer: signers[0]!, earlier: done }, ...other };
      const error = await deploySystem(machine, request()).catch((thrown) => thrown);
      expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", field]);
    }
    const changed = { deployer: signers[0]!, loadKey, earlier: done, save };
    const error = await deploySystem(changed, request({ quorum: 5n })).catch((thrown) => thrown);
    expect(error.place.field).equal("request");
  });

  it("counts a recorded transaction only where it is the one of the step, by the same account", async () => {
    let done: DeploymentRecord | undefined;
    const save = async (record: DeploymentRecord) => {
      done = record;
    };
    await deploySystem({ deployer: signers[0]!, loadKey, save }, request());
    const { contracts } = done!.result as { contracts: Record<string, { address: string }> };
    /** Another's contract in the place of the oracle: the same code, made by somebody else. */
    const step = done!.steps.find(({ what }) => what === "deploying PriceOracle")!;
    const { data } = (await chain.ethers.provider.getTransaction(step.transaction))!;
    const theirs = await signers[1]!.sendTransaction({ data });
    const other = await chain.ethers.deployContract("TestFeed", [0, 0]);
    for (const transaction of [theirs.hash, other.deploymentTransaction()!.hash]) {
      const steps = done!.steps.map((each) => (each === step ? { ...each, transaction } : each));
      const foreign = (await chain.ethers.provider.getTransactionReceipt(transaction))!.contractAddress;
      const earlier = { ...done!, steps };
      const again = await deploySystem({ deployer: signers[0]!, loadKey, earlier, save: async () => {} }, request());
      const made = (again.result as { contracts: Record<string, { address: string }> }).contracts;
      expect(made.registry!.address).equal(contracts.registry!.address);
      expect(made.oracle!.address).not.equal(foreign);
      // What rests on the oracle is made anew with it.
      expect(made.gate!.address).not.equal(contracts.gate!.address);
      const gate = await chain.ethers.getContractAt("MarginGate", made.gate!.address);
      expect(await gate.market!()).equal(made.oracle!.address);
    }
  });

  describe("from the command line", () => {
    let folder: string;
    const at = (name: string) => path.join(folder, name);
    const file = () => ({
      sizes: ["board-60"],
      board: "board-60",
      keepsBlobs: true,
      staging: false,
      owner: signers[1]!.address,
      guardian: parameters.guardian,
      operator: parameters.operator,
      operatorDeadlineSeconds: "86400",
      reporters: parameters.reporters,
      quorum: "3",
      timelockSeconds: "172800",
      maxMoveBps: "2000",
      sequencer: "none",
      assets: parameters.assets.map((asset) => ({
        ...asset,
        depositCap: `${asset.depositCap}`,
        outflow: `${asset.outflow}`,
      })),
    });
    before(() => {
      folder = mkdtempSync(path.join(tmpdir(), "plimsoll-deploy-"));
    });
    after(() => rmSync(folder, { recursive: true }));
    const plimsoll = (...words: string[]) =>
      promisify(execFile)(process.execPath, [
        BIN,
        "deploy",
        at("parameters.json"),
        "--record",
        at("record.json"),
        ...words,
      ])
        .then((output) => ({ ...output, code: 0 }))
        .catch((error) => error as { code: number; stdout: string; stderr: string });

    it("U12: a chain's sequencer has to be written out, an address or none", async () => {
      const { sequencer: _, ...without } = file();
      expect(() => readDeploymentRequest(JSON.stringify(without), "p.json"))
        .throw(PlimsollError, "address of the sequencer's uptime feed, or none")
        .with.nested.property("place.field", "sequencer");
      writeFileSync(at("parameters.json"), JSON.stringify(without));
      const { code, stderr } = await plimsoll("--rpc", "http://127.0.0.1:9");
      expect(code).equal(2);
      expect(stderr).contain("sequencer").and.contain("or none");
      writeFileSync(at("parameters.json"), JSON.stringify(file()));
      expect((await plimsoll("--rpc", "http://127.0.0.1:9")).stderr).contain(
        "CHAIN_FAILED: --rpc: the node does not answer",
      );
      expect(existsSync(at("record.json"))).equal(false);
    });

    it("prints every address and keeps a record; run again it prints the same and sends nothing", async () => {
      const server = await network.createServer();
      const { address, port } = await server.listen();
      const rpc = `http://${address}:${port}`;
      try {
        const call = async (method: string, params: unknown[]) =>
          (
            (await (
              await fetch(rpc, {
                method: "POST",
                headers: { "content-type": "application/json" },
                body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
              })
            ).json()) as { result: string }
          ).result;
        writeFileSync(at("parameters.json"), JSON.stringify({ ...file(), assets: [] }));
        const first = await plimsoll("--rpc", rpc);
        expect(first.code, first.stderr).equal(0);
        expect(first.stdout.split("\n")[0]).equal("chain 31337");
        const lines = first.stdout.trim().split("\n").slice(1);
        expect(lines.length).greaterThan(9);
        for (const line of lines)
          expect(await call("eth_getCode", [line.slice(0, 42), "latest"]), line).match(/^0x.{40}/);
        const count = await call("eth_getTransactionCount", [
          JSON.parse(readFileSync(at("record.json"), "utf8")).deployer,
          "latest",
        ]);
        const again = await plimsoll("--rpc", rpc);
        expect(again.stdout).equal(first.stdout);
        expect(
          await call("eth_getTransactionCount", [
            JSON.parse(readFileSync(at("record.json"), "utf8")).deployer,
            "latest",
          ]),
        ).equal(count);
      } finally {
        await server.close();
      }
    });
  });
});

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
import { deploy, type SystemParameters } from "../../prover/src/chain/deploy.ts";
import { type DeploymentRecord, readDeploymentRequest } from "../../prover/src/chain/deployment-file.ts";
import { type BoardOpening, openBoard } from "../../prover/src/chain/open-board.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { loadDeployableKey } from "../../prover/src/node/artifacts.ts";
import { simulatedKey } from "../support/simulated.ts";
import { PLAIN, POLICY, TERMS } from "./markets.ts";
import { type Chain, deployable, parametersOf } from "./world.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const loadKey = loadDeployableKey;

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

// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes that talk over HTTP and report to the real contracts on a local chain, under simulated keys.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import { network } from "hardhat";
import { FAMILY_IDS } from "../../prover/src/chain/carrier.ts";
import { byAddress, domainOf } from "../../prover/src/chain/publication.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { type EpochFile, repeatEpoch } from "../../prover/src/oracle/epoch.ts";
import { OracleNode } from "../../prover/src/oracle/node.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { Observation } from "../../prover/src/risk/input.ts";
import { type Called, Markets } from "../contracts/markets.ts";

const { marketInput, policy: policyDocument } = sampleFirm();
const policy = readPolicy(formatJson(policyDocument), "policy.json");
/** Seconds of an epoch; short, so that several pass in a test. */
const INTERVAL = 5;

interface Setup {
  readonly spot: string;
  readonly toleranceBps?: bigint;
}

describe("oracle nodes", function () {
  this.timeout(120_000);
  let directory: string;
  let nodes: OracleNode[] = [];
  let events: { reporter: number; event: string; why?: string }[] = [];
  let oracle: Called;
  let sources: Called;
  let terms: { domain: ReturnType<typeof domainOf>; board: bigint };
  let reporters: { address: string; url: string }[];
  let start: (index: number) => Promise<OracleNode>;
  /** Below those that systems hand out. */
  let port = 18_000 + (process.pid % 10_000);
  let close: () => Promise<void>;

  /** A chain whose oracle has these reporters, and their nodes ready to be started. */
  async function create(setups: readonly Setup[], quorum: number): Promise<void> {
    directory = await mkdtemp(path.join(os.tmpdir(), "plimsoll-oracle-"));
    [nodes, events] = [[], []];
    const began = Date.now() / 1000;
    const base = Date.parse("2026-11-22T08:00:00Z") / 1000;
    const clock = () => base + 10 + Date.now() / 1000 - began;
    const chain = await network.create({
      override: { chainId: 31_337, gas: 16_000_000n, initialDate: new Date((base + 10) * 1000).toISOString() },
    });
    close = () => chain.close();
    const signers = await chain.ethers.getSigners();
    const wallets = await byAddress(setups.map((_, index) => new Wallet(`0x${`${index + 1}`.padStart(64, "0")}`)));
    const world = await Markets.create("board-60", {
      ...{ chain, quorum, reporters: wallets.map(({ address }) => address), model: policy.policy },
      lotDecimals: policy.assets.map(({ lotDecimals }) => BigInt(lotDecimals)),
    });
    ({ oracle, sources } = world);
    const { link } = world.key(FAMILY_IDS.account);
    terms = { domain: domainOf("PriceOracle", 31_337n, await oracle.getAddress()), board: 1n };
    port += 16;
    const first = port;
    reporters = wallets.map(({ address }, index) => ({ address, url: `http://127.0.0.1:${first + index}` }));
    start = async (index) => {
      const { spot, toleranceBps = 50n } = setups[index]!;
      const { observation } = marketInput;
      const { underlyings } = observation;
      const seen: Observation = { ...observation, underlyings: { ...underlyings, BTC: { ...underlyings.BTC!, spot } } };
      const node = new OracleNode({
        ...terms,
        risk: marketInput.policy,
        policy,
        signer: wallets[index]!,
        sender: signers[2 + index]!,
        oracle: await oracle.getAddress(),
        reporters,
        quorum,
        interval: INTERVAL,
        toleranceBps,
        skew: 2,
        directory: path.join(directory, `${index}`),
        listen: { host: "127.0.0.1", port: first + index },
        link: (statement) => link(statement),
        observe: async () => seen,
        log: (event) => events.push({ reporter: index, ...event } as (typeof events)[number]),
        clock,
      });
      await node.start();
      nodes.push(node);
      return node;
    };
  }

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await close();
    await rm(directory, { recursive: true, force: true });
  });

  async function opened(seconds: number): Promise<boolean> {
    for (const ends = Date.now() + seconds * 1000; Date.now() < ends; ) {
      if (((await oracle.epochOf!(1n)) as unknown as bigint) > 0n) return true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return false;
  }
  const price = async (asset: number) => {
    const [, known] = (await sources.sourceOf!(1n, asset)) as unknown as [unknown, { last: bigint }];
    return known.last;
  };
  /** The epoch of whichever node was first to keep it. */
  async function published(): Promise<EpochFile> {
    const files = await Promise.allSettled(
      nodes.map((_, index) => readFile(path.join(directory, `${index}`, "epochs", "latest.json"), "utf8")),
    );
    return JSON.parse(files.find((file) => file.status === "fulfilled")!.value) as EpochFile;
  }
  const E8 = 10n ** 8n;

  it("O11: of five one is dead and one lies by 20%: the epoch opens with the median of the honest, and can be repeated", async () => {
    const spots = ["97250.4", "97250.6", "116700.6", "97250.5", "97250"];
    await create(
      spots.map((spot) => ({ spot })),
      3,
    );
    for (const index of [0, 1, 2, 3]) await start(index);
    expect(await opened(60), JSON.stringify(events)).to.equal(true);
    expect(await price(0)).to.equal((972_505n * E8) / 10n);
    await Promise.all(nodes.map((node) => node.close()));
    const file = await published();
    const given = { ...terms, risk: marketInput.policy, policy };
    const quorum = { reporters: reporters.map(({ address }) => address), count: 3 };
    expect(repeatEpoch(given, quorum, file).ok).to.equal(true);

    const market = structuredClone(file.market) as { instruments: { symbol: string; mark: string }[] };
    market.instruments[3]!.mark = "1";
    const verdict = repeatEpoch(given, quorum, { ...file, market });
    expect(!verdict.ok && verdict.differences.map(({ place }) => place)).to.deep.equal([
      `instruments[${market.instruments[3]!.symbol}].mark`,
    ]);
    const forged = structuredClone(file);
    forged.reports[0]!.prices[0] = `${BigInt(forged.reports[0]!.prices[0]!) + 1n}`;
    expect(() => repeatEpoch(given, quorum, forged)).to.throw("are not signed by");
  });

  it("of three one is killed and comes back, one lies by 20%: the epoch opens with the right median", async () => {
    await create([{ spot: "97250.4" }, { spot: "116700.6", toleranceBps: 10_000n }, { spot: "97250.5" }], 3);
    await start(0);
    await start(1);
    const killed = await start(2);
    await killed.close();
    nodes.splice(nodes.indexOf(killed), 1);
    const before = JSON.parse(await readFile(path.join(directory, "2", "signed.json"), "utf8"));
    await start(2);
    expect(await opened(60), JSON.stringify(events)).to.equal(true);
    expect(await price(0)).to.equal((972_505n * E8) / 10n);
    const after = JSON.parse(await readFile(path.join(directory, "2", "signed.json"), "utf8"));
    // What was signed before is what counts, or the epoch is a later one.
    if (after.epoch === before.epoch) expect(after.report).to.deep.equal(before.report);
    else expect(BigInt(after.epoch) > BigInt(before.epoch)).to.equal(true);
  });

  it("two liars of three: no epoch, and the honest node says why", async () => {
    await create(
      ["97250.5", "116700", "116700.6"].map((spot, index) => ({ spot, toleranceBps: index ? 10_000n : 50n })),
      3,
    );
    for (const index of [0, 1, 2]) await start(index);
    expect(await opened(2 * INTERVAL + 2)).to.equal(false);
    const why = events
      .filter(({ reporter, event }) => reporter === 0 && event === "epoch lost")
      .map((event) => event.why);
    expect(why.join()).to.include("the price of BTC is further than 50 bps from what was seen here");
  });
});

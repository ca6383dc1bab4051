// SPDX-License-Identifier: GPL-3.0-or-later
// One node among peers that are late, strange, silent or lying. No chain: what would be sent there is not the point.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import { byAddress, domainOf, medianSight } from "../../prover/src/chain/publication.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { readPolicy } from "../../prover/src/formats/policy.ts";
import { boardOf, medianOf, ordered, type Report, reportOf, signBoard } from "../../prover/src/oracle/epoch.ts";
import { OracleNode } from "../../prover/src/oracle/node.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import type { Observation } from "../../prover/src/risk/input.ts";

const { marketInput, policy: policyDocument } = sampleFirm();
const policy = readPolicy(formatJson(policyDocument), "policy.json");
const ORACLE = `0x${"5".repeat(40)}`;
const terms = { domain: domainOf("PriceOracle", 31_337n, ORACLE), board: 1n, risk: marketInput.policy, policy };
const INTERVAL = 3;
const BASE = Date.parse("2026-11-22T08:00:00Z") / 1000;

const at = (time: number) => new Date(time * 1000).toISOString().replace(".000Z", "Z");
/** The sample's observation with another spot, and all volatilities so many times as high. */
function seen(spot = "97250.5", volatilities = 1): Observation {
  const BTC = marketInput.observation.underlyings.BTC!;
  const surface = BTC.surface!.map((slice) => ({
    ...slice,
    volatilities: slice.volatilities.map((value) => (Number(value) * volatilities).toFixed(6)),
  }));
  const underlyings = { ...marketInput.observation.underlyings, BTC: { ...BTC, spot, surface } };
  return { ...marketInput.observation, underlyings };
}

/** What a peer answers: text, nothing (404), or never. */
type Answer = (epoch: bigint, what: string) => Promise<string | undefined | "never">;

describe("an oracle node among peers", function () {
  this.timeout(30_000);
  let directory: string;
  let servers: Server[] = [];
  let nodes: OracleNode[] = [];
  let events: { event: string; why?: string; reporter?: string }[] = [];
  /** Sorted as the turns are; the first is the node's. */
  let wallets: Wallet[];
  /** Seconds that the node's clock is ahead. */
  let ahead = 0;
  /** Below those that systems hand out. */
  let port = 29_000 + (process.pid % 3_000);

  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), "plimsoll-peers-"));
    [servers, nodes, events, ahead] = [[], [], [], 0];
    wallets = await byAddress(
      Array.from({ length: 8 }, (_, index) => new Wallet(`0x${`${index + 1}`.padStart(64, "0")}`)),
    );
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    for (const server of servers) server.close().closeAllConnections();
    await rm(directory, { recursive: true, force: true });
  });

  const sign = async (wallet: Wallet, epoch: bigint, observation: Observation, time: number): Promise<Report> =>
    reportOf(terms, wallet, epoch, { ...observation, epoch: `${epoch}`, time: at(time) }, BigInt(time));

  /** Starts the node with these peers, in an epoch whose turn is that of reporter `turn`. */
  async function start(
    answers: readonly Answer[],
    options: { turn: number; quorum: number; observation?: Observation },
  ) {
    const count = answers.length + 1;
    let first = Math.floor(BASE / INTERVAL);
    while (first % count !== options.turn) first++;
    const began = Date.now() / 1000;
    const clock = () => first * INTERVAL + 0.1 + ahead + Date.now() / 1000 - began;
    port++;
    const url = `http://127.0.0.1:${port}`;
    const urls = [url];
    for (const answer of answers) {
      const server = createServer((request, response) => {
        const [, , epoch, what] = (request.url ?? "").split("/");
        answer(BigInt(Number(epoch) || 0), what ?? "").then((text) => {
          if (text !== "never") response.writeHead(text === undefined ? 404 : 200).end(text);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      servers.push(server);
      urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
    const node = new OracleNode({
      ...terms,
      signer: wallets[0]!,
      sender: wallets[0]!,
      oracle: ORACLE,
      reporters: urls.map((each, index) => ({ address: wallets[index]!.address, url: each })),
      quorum: options.quorum,
      interval: INTERVAL,
      toleranceBps: 50n,
      skew: 2,
      directory,
      listen: { host: "127.0.0.1", port },
      link: () => {
        throw new Error("nothing is carried");
      },
      observe: async () => options.observation ?? seen(),
      log: (event) => events.push(event as (typeof events)[number]),
      clock,
    });
    await node.start();
    nodes.push(node);
    const get = async (name: string): Promise<string | undefined> => {
      const response = await fetch(`${url}/${name}`);
      return response.status === 200 ? response.text() : undefined;
    };
    return { node, get, epoch: BigInt(first), clock };
  }

  async function until<T>(what: () => T | undefined | Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < 200; tries++) {
      const result = await what();
      if (result !== undefined) return result;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`it does not happen; ${JSON.stringify(events)}`);
  }
  const lost = () => until(() => events.find(({ event }) => event === "epoch lost")?.why);

  it("O03: refuses and names reports from the future, late, of others, unsigned, of other things; waits for nobody", async () => {
    let clock = () => 0;
    const now = () => Math.floor(clock());
    const report = (index: number, make: (wallet: Wallet, epoch: bigint) => Promise<unknown>): Answer => {
      return async (epoch, what) =>
        what === "report" ? JSON.stringify(await make(wallets[index]!, epoch)) : undefined;
    };
    const answers: Answer[] = [
      report(1, (wallet, epoch) => sign(wallet, epoch, seen(), now() + 20)),
      report(2, (wallet, epoch) => sign(wallet, epoch, seen(), now() - 20)),
      report(3, (_, epoch) => sign(wallets[7]!, epoch, seen(), now())),
      report(4, async (wallet, epoch) => ({ ...(await sign(wallet, epoch, seen(), now())), time: `${now() - 1}` })),
      report(5, (wallet, epoch) => {
        const { ETH, ...underlyings } = seen().underlyings;
        const { surface: _, ...rest } = ETH!;
        return sign(wallet, epoch, { ...seen(), underlyings: { ...underlyings, ETH: rest } }, now());
      }),
      async () => "never",
    ];
    const started = await start(answers, { turn: 0, quorum: 1 });
    clock = started.clock;
    const market = await until(() => started.get("epochs/latest/market"));
    expect(readMarket(market, "market.json", policy).epoch).to.equal(started.epoch);
    expect(await started.get(`epochs/${started.epoch}/market`)).to.equal(market);
    expect(JSON.parse((await started.get(`epochs/${started.epoch}`))!).reports).to.have.length(1);
    const why = (index: number) => events.filter(({ reporter }) => reporter === wallets[index]!.address);
    expect(why(1)[0]!.why).to.include("reports from the future");
    expect(why(2)[0]!.why).to.include("reports late");
    expect(why(3)[0]!.why).to.equal("a report of another");
    expect(why(4)[0]!.why).to.include("the prices are not signed by");
    expect(why(5)[0]!.why).to.include("reporters observed different things");
    expect(why(6)).to.have.length(0);
    expect(JSON.stringify(events)).to.not.include("127.0.0.1");
  });

  /** Reports of the node and of two peers, as its leader would have them. */
  async function gather(
    get: (name: string) => Promise<string | undefined>,
    epoch: bigint,
    others: Observation,
    time: number,
  ) {
    const own = JSON.parse(await until(() => get(`rounds/${epoch}/report`))) as Report;
    const two = await Promise.all([1, 2].map((index) => sign(wallets[index]!, epoch, others, time)));
    const reports = ordered([own, ...two]);
    const made = boardOf(terms, epoch, medianOf(reports.map(({ observation }) => observation as Observation)));
    return { reports, valuesHash: made.epoch.valuesHash };
  }
  const silent: Answer = async () => undefined;
  /** A node whose leader proposes what `propose` makes of an honest proposal. */
  async function led(propose: (honest: Awaited<ReturnType<typeof gather>>) => object, others = seen()) {
    let started: Awaited<ReturnType<typeof start>> | undefined;
    const leader: Answer = async (epoch, what) => {
      if (what !== "proposal" || started === undefined) return undefined;
      const { get, clock } = started;
      return JSON.stringify(propose(await gather(get, epoch, others, Math.floor(clock()))));
    };
    started = await start([leader, silent], { turn: 1, quorum: 3 });
    return started;
  }

  it("O11: signs no board that is not what follows", async () => {
    const { get, epoch } = await led((honest) => ({ ...honest, valuesHash: `0x${"1".repeat(64)}` }));
    expect(await lost()).to.equal("the leader's board is not what follows from the reports");
    expect(await get(`rounds/${epoch}/signature`)).to.equal(undefined);
  });

  it("O01: signs no board of more reports than the quorum, or of one reporter twice", async () => {
    const { get, epoch } = await led(({ reports, valuesHash }) => ({
      reports: [...reports, reports[0], reports[0]],
      valuesHash,
    }));
    expect(await lost()).to.equal("the leader chose 5 reports of 3 reporters for a quorum of 3");
    expect(await get(`rounds/${epoch}/signature`)).to.equal(undefined);
  });

  it("O11: signs no board of volatilities far from its own, though every price agrees", async () => {
    const { get, epoch } = await led((honest) => honest, seen(undefined, 1.3));
    expect(await lost()).to.match(/^(the mark|profit \d+) of BTC-\S+ is further than 50 bps from what was seen here$/);
    expect(await get(`rounds/${epoch}/signature`)).to.equal(undefined);
  });

  it("a restart signs the same report and no other board; a clock that goes back, nothing", async () => {
    const { node, get, epoch } = await led((honest) => honest);
    const signature = await until(() => get(`rounds/${epoch}/signature`));
    const report = await get(`rounds/${epoch}/report`);
    await node.close();

    // Its sources have moved, and so have the other reporters': another board follows, within the tolerance.
    const moved = seen("97260.5");
    let again: Awaited<ReturnType<typeof start>> | undefined;
    const leader: Answer = async (number, what) => {
      if (what !== "proposal" || again === undefined) return undefined;
      return JSON.stringify(await gather(again.get, number, moved, Math.floor(again.clock())));
    };
    again = await start([leader, silent], { turn: 1, quorum: 3, observation: moved });
    expect(again.epoch).to.equal(epoch);
    expect(await lost()).to.equal(`another board of epoch ${epoch} has been signed`);
    expect(await again.get(`rounds/${epoch}/report`)).to.equal(report);
    expect(await again.get(`rounds/${epoch}/signature`)).to.equal(signature);
    await again.node.close();

    events = [];
    ahead = -3 * INTERVAL;
    const back = await start([silent, silent], { turn: 1, quorum: 3 });
    expect(await lost()).to.include("the clock has gone back");
    expect(await back.get(`rounds/${epoch}/report`)).to.equal(report);
    await back.node.close();

    await writeFile(
      path.join(directory, "signed.json"),
      (await readFile(path.join(directory, "signed.json"), "utf8")).slice(9),
    );
    let refused: unknown;
    await start([silent, silent], { turn: 1, quorum: 3 }).catch((error) => {
      refused = error;
    });
    expect(refused).to.have.property("code", "FILE");
  });

  it("who was chosen and did not sign comes last in the next choice", async () => {
    let started: Awaited<ReturnType<typeof start>> | undefined;
    /** The second reporter is the closest to the middle, and signs no board. */
    const peer =
      (index: number, spot: string): Answer =>
      async (epoch, what) => {
        if (started === undefined) return undefined;
        const { get, clock } = started;
        if (what === "report")
          return JSON.stringify(await sign(wallets[index]!, epoch, seen(spot), Math.floor(clock())));
        const proposal = what === "signature" && index !== 1 ? await get(`rounds/${epoch}/proposal`) : undefined;
        if (proposal === undefined) return undefined;
        const { reports, valuesHash } = JSON.parse(proposal) as { reports: Report[]; valuesHash: string };
        const sights = reports.map(({ time, prices }) => ({ time: BigInt(time), prices: prices.map(BigInt) }));
        return JSON.stringify({
          valuesHash,
          signature: await signBoard(wallets[index]!, terms.domain, {
            ...{ board: 1n, epoch, valuesHash },
            ...medianSight(sights),
          }),
        });
      };
    started = await start([peer(1, "97250.5"), peer(2, "97250.4"), peer(3, "97250.6")], { turn: 0, quorum: 3 });
    expect(await lost()).to.equal(`the epoch is over: ${wallets[1]!.address} did not sign the board`);
    // Its next turn.
    ahead = 3 * INTERVAL;
    const file = JSON.parse(await until(() => started!.get("epochs/latest")));
    expect(file.reports.map(({ reporter }: Report) => reporter)).to.deep.equal(
      [0, 2, 3].map((index) => wallets[index]!.address),
    );
  });
});

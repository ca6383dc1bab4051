// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * One reporter of a price oracle.
 *
 * Time is divided into epochs of equal length, numbered by time, so reporters need not agree on a number. In each epoch
 * every reporter observes, signs its observation and serves it. The leader, who changes by turns, chooses as many reports as
 * the quorum (those closest to the middle of all), computes the board and signs it. Each chosen reporter recomputes the board
 * and signs only if every number matches and is close to its own observation. With all signatures the epoch is a file that
 * anyone can repeat. The leader sends it to the chain; the others do if that has not happened after a while.
 *
 * A reporter signs one observation and one board in an epoch, and writes both to disk before a signature leaves. An epoch
 * fails if its leader is gone or a signature is missing; the next epoch then starts by itself. A reporter that was chosen and
 * did not sign comes last in the next choice. Nodes only ask one another (GET), and check every answer; only the list of
 * reporters is trusted.
 *
 * Not defended against: a reporter that repeats the report of another, and two processes with one key and two directories.
 */
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Contract, type ContractTransactionResponse, type Signer, verifyTypedData } from "ethers";
import { carryEpoch, FAMILY_IDS, publishArguments } from "../chain/carrier.ts";
import { REPORT_TYPES, type SignedBoard } from "../chain/publication.ts";
import { PlimsollError } from "../errors.ts";
import { documentSha256, type Json } from "../formats/json.ts";
import { timeText } from "../formats/time.ts";
import type { Observation } from "../risk/input.ts";
import type { Link, LinkStatement } from "../statement/link.ts";
import {
  boardOf,
  checkReport,
  type EpochBoard,
  type EpochFile,
  epochObservation,
  farFrom,
  medianOf,
  ordered,
  type Report,
  readEpoch,
  readReport,
  repeatEpoch,
  reportOf,
  signBoard,
  type Terms,
} from "./epoch.ts";
import { Journal, type SignatureRecord } from "./journal.ts";
import { median } from "./median.ts";
import { fetchText, reasonOf } from "./sources.ts";

/**
 * How a reporter takes part.
 * @see docs/library.md#market-values
 */
export interface NodeOptions extends Terms {
  readonly signer: Signer;
  /** Connected to the chain, to send and to ask. */
  readonly sender: Signer;
  readonly oracle: string;
  /** All reporters of the oracle, this one among them. */
  readonly reporters: readonly { readonly address: string; readonly url: string }[];
  readonly quorum: number;
  /** Seconds. */
  readonly interval: number;
  /** How far the epoch may be from what this reporter saw, in basis points: see `farFrom`. */
  readonly toleranceBps: bigint;
  /** Seconds by which another's clock may be ahead or its observation behind. */
  readonly skew: number;
  readonly directory: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Links an epoch's values under the key of the board's accounts, for who carries it to the chain. */
  readonly link: (statement: LinkStatement) => Link;
  /** What is seen now; epoch and time are put in. */
  readonly observe: (now: number) => Promise<Observation>;
  /** One line of JSON for each event; no keys, no addresses of services (they may hold keys). */
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
  /** Unix seconds. */
  readonly clock?: () => number;
}

/** An epoch with all its signatures, and the board that follows from it. */
interface OpenEpoch {
  readonly file: EpochFile;
  readonly board: EpochBoard;
}
interface Proposal {
  readonly reports: readonly Report[];
  readonly valuesHash: string;
}

const POINT = "(uint256 x,uint256 y)";
const LINK = `(${POINT} point,${POINT} polynomial,${POINT} proof,${POINT} opening)`;
const ORACLE = [
  "function epochOf(uint256) view returns (uint64)",
  "function debtRateOf(uint256) view returns (uint16)",
  "function registry() view returns (address)",
  "function sources() view returns (address)",
  `function publish(uint256,uint64,(uint64 time,uint64[15] prices,bytes signature,bytes boardSignature)[],bytes,(uint256 family,${LINK} link)[])`,
];
const POLL = 150;

/**
 * A reporter of an oracle: observes, agrees with the others, and signs.
 * @see docs/library.md#market-values
 */
export class OracleNode {
  readonly #options: NodeOptions;
  readonly #now: () => number;
  readonly #journal: Journal;
  readonly #stop = new AbortController();
  #server: Server | undefined;
  #running: Promise<void> | undefined;
  #me = "";
  #signed: SignatureRecord | undefined;
  /** Of the epoch before: others may still ask. */
  #before: SignatureRecord | undefined;
  #proposal: { readonly epoch: bigint; readonly value: Proposal } | undefined;
  /** The reports chosen for the board that was signed last. */
  #chosen: readonly Report[] = [];
  /** The board that was built last, by the epoch and the hash of its observation: each is built once. */
  #built: { readonly of: string; readonly board: EpochBoard } | undefined;
  /** Reports of the epoch being made that have been checked. */
  #checked = new WeakMap<Report, Observation>();
  /** Reporters, in lower case, that were chosen last and did not sign. */
  readonly #silent = new Set<string>();

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#journal = new Journal(options.directory);
    this.#now = options.clock ?? (() => Date.now() / 1000);
  }

  /** Reads what was signed before, serves, and takes part in every epoch from now on. */
  async start(): Promise<void> {
    const { listen, signer } = this.#options;
    this.#me = await signer.getAddress();
    this.#signed = await this.#journal.open();
    this.#server = createServer((request, response) => {
      this.#answer(request.method === "GET" ? (request.url ?? "") : "").then(
        (body) => {
          response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
          response.end(body ?? "{}");
        },
        () => response.writeHead(500).end(),
      );
    });
    this.#server.requestTimeout = 5_000;
    await new Promise<void>((resolve, reject) => {
      this.#server!.once("error", reject).listen(listen.port, listen.host, resolve);
    });
    this.#running = this.#run();
  }

  /** Stops after what is being done; nothing signed is lost. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#server?.closeAllConnections();
    const server = this.#server;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  async #answer(url: string): Promise<string | undefined> {
    const round = /^\/rounds\/(\d{1,19})\/(report|proposal|signature)$/.exec(url);
    if (round) {
      const [epoch, what] = [round[1]!, round[2]!];
      if (what === "proposal") {
        return this.#proposal?.epoch === BigInt(epoch) ? JSON.stringify(this.#proposal.value) : undefined;
      }
      const signed = [this.#signed, this.#before].find((each) => each?.epoch === epoch);
      return JSON.stringify(what === "report" ? signed?.report : signed?.board) as string | undefined;
    }
    const [, name, market] = /^\/epochs\/(\d{1,19}|latest)(\/market)?$/.exec(url) ?? [];
    if (name === undefined) return undefined;
    return this.#journal.published(name, market !== undefined);
  }

  async #run(): Promise<void> {
    const { interval, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      const epoch = BigInt(Math.floor(this.#now() / interval));
      const ends = (Number(epoch) + 1) * interval;
      try {
        await this.#take(epoch, ends);
      } catch (error) {
        if (!this.#stop.signal.aborted) log({ event: "epoch lost", epoch: `${epoch}`, why: reasonOf(error) });
      }
      await this.#pause((ends - this.#now()) * 1000 + 20).catch(() => {});
    }
  }

  async #take(epoch: bigint, ends: number): Promise<void> {
    const { reporters, interval } = this.#options;
    this.#chosen = [];
    if (this.#signed === undefined || BigInt(this.#signed.epoch) < epoch) {
      await this.#sign({ epoch: `${epoch}`, report: await this.#observe(epoch) });
    } else if (BigInt(this.#signed.epoch) > epoch) {
      throw new PlimsollError("EPOCH_REFUSED", "a later epoch has been signed: the clock has gone back");
    }
    const all = ordered(reporters.map(({ address, url }) => ({ reporter: address, url })));
    const turn = Number(epoch % BigInt(all.length));
    const place = all.findIndex(({ reporter }) => same(reporter, this.#me));
    let made: OpenEpoch;
    try {
      made = place === turn ? await this.#lead(epoch, ends) : await this.#follow(epoch, ends, all[turn]!.url);
    } finally {
      await this.#hearOut(epoch);
    }
    await this.#journal.publish(made.file);
    // One after another: the leader at once, the last before half of an epoch has gone by.
    await this.#pause((((place - turn + all.length) % all.length) / all.length) * interval * 500);
    await this.#submit(made, ends);
  }

  /** Who of those chosen for a board that was signed here has signed nothing. */
  async #hearOut(epoch: bigint): Promise<void> {
    const { reporters } = this.#options;
    await Promise.all(
      this.#chosen.map(async ({ reporter }) => {
        const { url } = reporters.find(({ address }) => same(address, reporter))!;
        const signed = same(reporter, this.#me) || (await this.#get(`${url}/rounds/${epoch}/signature`)) !== undefined;
        if (signed) this.#silent.delete(reporter.toLowerCase());
        else this.#silent.add(reporter.toLowerCase());
      }),
    );
  }

  async #observe(epoch: bigint): Promise<Report> {
    const time = Math.floor(this.#now());
    const seen = await this.#options.observe(time);
    const observation = { ...seen, epoch: `${epoch}`, time: timeText(new Date(time * 1000)) };
    return reportOf(this.#options, this.#options.signer, epoch, observation, BigInt(time));
  }

  /** A report of a reporter of ours, of this epoch and this time. Its signatures are recovered once. */
  #check(epoch: bigint, given: Report): Observation {
    const known = this.#checked.get(given);
    if (known !== undefined) return known;
    const { reporters, skew } = this.#options;
    if (!reporters.some(({ address }) => same(address, given.reporter))) {
      throw new PlimsollError("EPOCH_REFUSED", `${given.reporter} is not a reporter`);
    }
    const ahead = Number(given.time) - this.#now();
    if (ahead > skew) throw new PlimsollError("EPOCH_REFUSED", `${given.reporter} reports from the future`);
    if (ahead < -skew - this.#options.interval)
      throw new PlimsollError("EPOCH_REFUSED", `${given.reporter} reports late`);
    const observation = checkReport(this.#options, epoch, given);
    this.#checked.set(given, observation);
    return observation;
  }

  async #lead(epoch: bigint, ends: number): Promise<OpenEpoch> {
    const { quorum, domain } = this.#options;
    const reports = await this.#collect(epoch, ends);
    const chosen = this.#choose(reports, quorum);
    const board = this.#agree(epoch, chosen);
    const { valuesHash } = board.epoch;
    await this.#signBoard(epoch, board.epoch, chosen);
    this.#proposal = { epoch, value: { reports: chosen, valuesHash } };
    const signatures = await this.#signatures(board.epoch, chosen, ends);
    const file: EpochFile = {
      format: "plimsoll-epoch/1",
      board: `${this.#options.board}`,
      epoch: `${epoch}`,
      chainId: `${domain.chainId}`,
      oracle: this.#options.oracle,
      reports: chosen.map((each) => ({ ...each, boardSignature: signatures.get(each.reporter)! })),
      market: board.document,
    };
    return { file, board };
  }

  /** Reports of this epoch, this reporter's among them, at least as many as the quorum. */
  async #collect(epoch: bigint, ends: number): Promise<Report[]> {
    const { reporters, quorum, interval, log } = this.#options;
    // The first half of the epoch is for reports, or less where all are there.
    const mine = this.#signed!.report;
    const reports = new Map([[this.#me.toLowerCase(), mine]]);
    const refused = new Set<string>();
    const half = ends - interval / 2;
    const collect = async (address: string, url: string): Promise<void> => {
      const key = address.toLowerCase();
      if (reports.has(key) || refused.has(key)) return;
      const text = await this.#get(`${url}/rounds/${epoch}/report`, Math.max(POLL, (half - this.#now()) * 1000));
      if (text === undefined) return;
      try {
        const given = readReport(JSON.parse(text));
        if (!same(given.reporter, address)) throw new PlimsollError("EPOCH_REFUSED", "a report of another");
        const [seen, own] = [this.#check(epoch, given), mine.observation as Observation];
        // Throws where it is of other things than what is seen here: one such report would spoil the median.
        medianOf([own, seen, own]);
        reports.set(key, given);
      } catch (error) {
        refused.add(key);
        log({ event: "report refused", epoch: `${epoch}`, reporter: address, why: reasonOf(error) });
      }
    };
    while (reports.size < reporters.length && (this.#now() < half || reports.size < quorum)) {
      if (reporters.length - refused.size < quorum) {
        throw new PlimsollError("EPOCH_REFUSED", `${refused.size} reports are refused, ${quorum} are needed`);
      }
      await Promise.all(reporters.map(({ address, url }) => collect(address, url)));
      if (reports.size < reporters.length)
        await this.#until(ends, `${reports.size} have reported, ${quorum} are needed`);
    }
    return [...reports.values()];
  }

  /** Signatures of a board by all who were chosen for it, by reporter. */
  async #signatures(board: SignedBoard, chosen: readonly Report[], ends: number): Promise<Map<string, string>> {
    const { reporters, domain } = this.#options;
    const signatures = new Map<string, string>();
    const ask = async (reporter: string): Promise<void> => {
      const { url, address } = reporters.find((each) => same(each.address, reporter))!;
      if (signatures.has(reporter)) return;
      const text = same(address, this.#me)
        ? JSON.stringify(this.#signed!.board)
        : await this.#get(`${url}/rounds/${board.epoch}/signature`);
      try {
        const { signature } = JSON.parse(text ?? "{}") as { signature: string };
        const by = verifyTypedData(domain, { Board: REPORT_TYPES.Board }, board, signature);
        if (same(by, reporter)) signatures.set(reporter, signature);
      } catch {
        // Not a signature of this board: as good as none.
      }
    };
    for (;;) {
      await Promise.all(chosen.map(({ reporter }) => ask(reporter)));
      if (signatures.size === chosen.length) return signatures;
      const missing = chosen.filter(({ reporter }) => !signatures.has(reporter)).map(({ reporter }) => reporter);
      await this.#until(ends, `${missing.join(", ")} did not sign the board`);
    }
  }

  async #follow(epoch: bigint, ends: number, leader: string): Promise<OpenEpoch> {
    let answered = false;
    for (;;) {
      const text = answered ? undefined : await this.#get(`${leader}/rounds/${epoch}/proposal`);
      if (text !== undefined) {
        answered = true;
        await this.#consider(epoch, JSON.parse(text) as Proposal);
      }
      const done = await this.#get(`${leader}/epochs/${epoch}`);
      if (done !== undefined) return this.#repeat(epoch, readEpoch(done, `${leader}/epochs/${epoch}`));
      await this.#until(ends, answered ? "the leader has not published it" : "the leader has not proposed a board");
    }
  }

  /** Signs what the leader proposes, if this reporter was chosen and comes to the same. */
  async #consider(epoch: bigint, proposal: Proposal): Promise<void> {
    const { quorum } = this.#options;
    const reports = ordered(proposal.reports.map(readReport));
    const different = new Set(reports.map(({ reporter }) => reporter.toLowerCase())).size;
    if (reports.length !== quorum || different !== quorum) {
      throw new PlimsollError(
        "EPOCH_REFUSED",
        `the leader chose ${reports.length} reports of ${different} reporters for a quorum of ${quorum}`,
      );
    }
    if (!reports.some(({ reporter }) => same(reporter, this.#me))) return;
    const board = this.#agree(epoch, reports);
    if (board.epoch.valuesHash !== proposal.valuesHash) {
      throw new PlimsollError("EPOCH_REFUSED", "the leader's board is not what follows from the reports");
    }
    await this.#signBoard(epoch, board.epoch, reports);
  }

  /** The leader's epoch, repeated. */
  #repeat(epoch: bigint, file: EpochFile): OpenEpoch {
    if (file.epoch !== `${epoch}`) throw new PlimsollError("EPOCH_REFUSED", "the leader has published another epoch");
    const { reporters, quorum } = this.#options;
    const known = { reporters: reporters.map(({ address }) => address), count: quorum };
    const verdict = repeatEpoch(this.#options, known, file, (_, observation) => this.#build(epoch, observation));
    if (verdict.ok) return { file, board: verdict };
    throw new PlimsollError("EPOCH_REFUSED", `${verdict.differences[0]!.place} of the leader's epoch does not follow`);
  }

  /** The board of an observation, built where it is not the one that was built last. */
  #build(epoch: bigint, observation: Observation): EpochBoard {
    const of = `${epoch} ${documentSha256(observation as unknown as Json)}`;
    if (this.#built?.of !== of) this.#built = { of, board: boardOf(this.#options, epoch, observation) };
    return this.#built.board;
  }

  /** As many reports as the quorum: those who signed when last chosen first, then closest to the middle of all. */
  #choose(reports: readonly Report[], quorum: number): Report[] {
    const middles = reports[0]!.prices.map((_, asset) =>
      Number(
        median(
          reports.map(({ prices }) => BigInt(prices[asset]!)),
          (price) => price,
        ),
      ),
    );
    const distance = ({ prices }: Report) =>
      Math.max(...middles.map((middle, asset) => (middle === 0 ? 0 : Math.abs(Number(prices[asset]) / middle - 1))));
    const silent = ({ reporter }: Report) => Number(this.#silent.has(reporter.toLowerCase()));
    const closest = ordered(reports).toSorted((a, b) => silent(a) - silent(b) || distance(a) - distance(b));
    return ordered(closest.slice(0, quorum));
  }

  /** The board that follows from reports, if it is close to what was seen here. */
  #agree(epoch: bigint, reports: readonly Report[]): EpochBoard {
    const observed = reports.map((each) => this.#check(epoch, each));
    const observation = epochObservation(this.#options, observed);
    const made = this.#build(epoch, observation);
    const { toleranceBps } = this.#options;
    const seen = this.#signed!.report.observation as Observation;
    const far = farFrom(this.#options, { observation, market: made.document }, seen, toleranceBps);
    if (far !== undefined) {
      throw new PlimsollError("EPOCH_REFUSED", `${far} is further than ${toleranceBps} bps from what was seen here`);
    }
    return made;
  }

  async #signBoard(epoch: bigint, board: SignedBoard, chosen: readonly Report[]): Promise<void> {
    const signed = this.#signed!;
    this.#chosen = chosen;
    if (signed.board !== undefined) {
      if (signed.board.valuesHash === board.valuesHash) return;
      throw new PlimsollError("EPOCH_REFUSED", `another board of epoch ${epoch} has been signed`);
    }
    const signature = await signBoard(this.#options.signer, this.#options.domain, board);
    await this.#sign({ ...signed, board: { valuesHash: board.valuesHash, signature } });
  }

  /** Carries an epoch to the chain, or what of it is missing there; tries again until the epoch is over. */
  async #submit({ file, board }: OpenEpoch, ends: number): Promise<void> {
    for (;;) {
      try {
        return await this.#send({ file, board }, ends);
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        this.#options.log({ event: "submission failed", epoch: file.epoch, why: reasonOf(error) });
        await this.#until(ends, "the chain has not taken it", 1_000);
      }
    }
  }

  async #send({ file, board: { epoch: made, market } }: OpenEpoch, ends: number): Promise<void> {
    const { sender, oracle, board, link, log } = this.#options;
    const contract = new Contract(oracle, ORACLE, sender);
    const standing = async () => (await contract.epochOf!(board)) as bigint;
    if ((await standing()) >= made.epoch) return;
    const observations = file.reports.map(({ time, prices, signature, boardSignature }) => ({
      time: BigInt(time),
      prices: prices.map(BigInt),
      signature,
      boardSignature,
    }));
    const makers = new Map([[FAMILY_IDS.account, { link }]]);
    const carried = await carryEpoch(contract, makers, market, made, observations);
    const sent: ContractTransactionResponse = await contract.publish!(...publishArguments(carried));
    // Not for ever: the next epoch must not wait for a transaction that is never mined.
    await sent.wait(1, Math.max(1, (ends - this.#now()) * 1000));
    if ((await standing()) === made.epoch) log({ event: "epoch opened", epoch: file.epoch });
  }

  async #sign(record: SignatureRecord): Promise<void> {
    await this.#journal.sign(record);
    if (this.#signed?.epoch !== record.epoch) this.#before = this.#signed;
    this.#signed = record;
  }

  // ---- Waiting ----

  /** What a peer answers, if it does, within so many milliseconds. */
  async #get(url: string, timeout = 1_000): Promise<string | undefined> {
    try {
      return await fetchText(url, Math.min(timeout, 1_000));
    } catch {
      return undefined;
    }
  }

  async #until(ends: number, otherwise: string, milliseconds = POLL): Promise<void> {
    if (this.#now() >= ends) throw new PlimsollError("EPOCH_REFUSED", `the epoch is over: ${otherwise}`);
    await this.#pause(milliseconds);
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(Math.max(0, milliseconds), undefined, { signal: this.#stop.signal });
  }
}

const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A whole life of a venue on a chain inside this process, every proof real: two members trade through a clearing account,
 * an option series and its future expire, prices fall, one member is called and cures, another is sliced to a bidder, a
 * third is closed out and the fund pays what was missing, everybody leaves, and the gate holds nothing.
 *
 *   node scripts/walk-through.ts
 *
 * Story on stderr, a summary as JSON on stdout, the picture in build/walk-through/index.html. What is asserted is asserted
 * against the integer model and against the tokens' own balances. Exit code 1 where an assertion fails.
 */

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  Contract,
  ContractFactory,
  type ContractTransactionReceipt,
  type Interface,
  type LogDescription,
  type Provider,
  type Signer,
} from "ethers";
import hardhat, { network } from "hardhat";
import {
  carryEpoch,
  carrySettlement,
  FAMILY_IDS,
  linkExit,
  linkPolicy,
  publishArguments,
} from "../prover/src/chain/carrier.ts";
import { AccountClient, type Published, type Venue } from "../prover/src/chain/client.ts";
import { deploy } from "../prover/src/chain/deploy.ts";
import { type GateCall, signClear } from "../prover/src/chain/gate-calls.ts";
import {
  closeOutOf,
  type Lot,
  lotBetween,
  priceAt,
  sliceOf,
  startLot,
  takeLot,
} from "../prover/src/chain/liquidation.ts";
import { chainPolicy, domainOf, observe, publication, signSettlement } from "../prover/src/chain/publication.ts";
import { PlimsollError } from "../prover/src/errors.ts";
import { formatDecimal } from "../prover/src/formats/decimal.ts";
import type { MarketFile } from "../prover/src/formats/market.ts";
import { type Account, randomViewingKey } from "../prover/src/model/account.ts";
import { coverageBpsDown, E6_TO_E20, evaluate, isAtLeast, MARGIN_LEVEL_TO_E20 } from "../prover/src/model/evaluate.ts";
import { EXIT_LEVEL } from "../prover/src/model/exit-market.ts";
import { CASH_INDEX } from "../prover/src/model/sizes.ts";
import { type Fill, noFill } from "../prover/src/model/transition.ts";
import { loadDeployableKey, loadLinkKey } from "../prover/src/node/artifacts.ts";
import { createProver } from "../prover/src/node/prover.ts";
import { createLinkMaker } from "../prover/src/prove/link.ts";
import { decodeTransfer, NO_FILL } from "../prover/src/statement/signals.ts";
import { BITS } from "../prover/src/units.ts";
import { lotsIn, MARKETS, policy, SERIES, SETTLED_AT } from "./walk-through/market.ts";
import { type Act, dollars, percent, picture } from "./walk-through/picture.ts";

const OUT = path.resolve(import.meta.dirname, "../build/walk-through");
const SIZE = "board-60";
const BOARD = 1n;
const E6 = 10n ** 6n;
const BTC = 0;
const STAGES = ["healthy", "called", "liquidating", "closed"];
const { levels } = policy;
const TERMS = {
  curePeriod: 3_600n,
  attestInterval: 30n * 86_400n,
  stopLimit: 7_200n,
  auctionDuration: 1_200n,
  holdPeriod: 86_400n,
  voidDelay: 86_400n,
  premiumBps: 500n,
  discountBps: 1_000n,
  levyBps: 50n,
  toleranceBps: 100n,
  maxSlice: 2_000_000n * E6,
  dust: 1_000n * E6,
  reward: 500n * E6,
  tillFloor: 0n,
};
/** What goes in besides collateral, 1e-6. */
const DONATION = 150_000n * E6;
const TOP_UP = 1_600_000n * E6;
const DEPOSITS = { Atlas: 1_650_000n, Boreas: 2_760_000n, Clearing: 6_000_000n, Dorado: 1_365_000n, Eos: 12_000_000n };
const ATLAS_BTC = 2n * 10n ** 8n;
type Name = keyof typeof DEPOSITS;
const NAMES = Object.keys(DEPOSITS) as Name[];

const started = performance.now();
const seconds = () => Number(((performance.now() - started) / 1000).toFixed(1));
const say = (text = "") => process.stderr.write(`${text}\n`);
const hex = (value: bigint) => {
  const digits = value.toString(16).padStart(64, "0");
  return `0x${digits.slice(0, 6)}…${digits.slice(-4)}`;
};

// ---- The chain and the venue ----

const { provider: rpc, ethers } = (await network.connect({
  override: { initialDate: "2026-12-22T07:00:00Z", gas: 16_000_000n },
} as never)) as unknown as {
  provider: { request(call: { method: string; params: unknown[] }): Promise<unknown> };
  ethers: { provider: Provider; getSigners(): Promise<(Signer & { address: string })[]> };
};
const [owner, operator, desk, ...others] = await ethers.getSigners();
if (owner === undefined || operator === undefined || desk === undefined) throw new Error("the chain has no accounts");
const reporters = others.slice(0, 5);
const wallets = Object.fromEntries(NAMES.map((name, index) => [name, others[5 + index]! as Signer])) as Record<
  Name,
  Signer
>;
const prover = createProver();
const proofs = { account: 0, settlement: 0 };
const counted: Venue["prover"] = {
  async prove(request, options) {
    const proof = await prover.prove(request, options);
    proofs.account++;
    return proof;
  },
  async settle(request, options) {
    const proof = await prover.settle(request, options);
    proofs.settlement++;
    return proof;
  },
};

type Methods = Record<
  string,
  (...args: unknown[]) => Promise<{ wait(): Promise<ContractTransactionReceipt | null> }>
> & {
  connect(signer: Signer): Methods;
};
/** Sends a transaction and waits for it. */
async function send(contract: unknown, by: Signer, method: string, ...args: unknown[]) {
  const sent = await (contract as Methods).connect(by)[method]!(...args);
  return (await sent.wait())!;
}
const now = async () => (await ethers.provider.getBlock("latest"))!.timestamp;
/** The next block is of this time, unix seconds. */
const at = (time: number) => rpc.request({ method: "evm_setNextBlockTimestamp", params: [`0x${time.toString(16)}`] });

const system = await deploy({
  deployer: owner,
  keys: [(await loadDeployableKey(SIZE))!, (await loadDeployableKey("settlement-60"))!],
  parameters: {
    owner: owner.address,
    guardian: owner.address,
    operator: operator.address,
    operatorDeadline: 86_400n * 7n,
    reporters: reporters.map(({ address }) => address),
    quorum: 3n,
    timelock: 172_800n,
    maxMoveBps: 2_000n,
    sequencer: "none",
    assets: [],
  },
});
const { gate, oracle, liquidation, registry, router, queue } = system;
const { chainId } = await ethers.provider.getNetwork();
const gateAddress = await gate.getAddress();
const gateDomain = domainOf("MarginGate", chainId, gateAddress);
const oracleDomain = domainOf("PriceOracle", chainId, await oracle.getAddress());
const liquidationDomain = domainOf("Liquidation", chainId, await liquidation.getAddress());

const testToken = await hardhat.artifacts.readArtifact("TestToken");
const assets = [
  ...policy.assets.map(({ symbol, lotDecimals }, index) => ({ index, symbol, lotDecimals })),
  { index: CASH_INDEX, symbol: policy.cashSymbol, lotDecimals: 6 },
];
const tokens = new Map<number, Contract>();
for (const { index, symbol, lotDecimals } of assets) {
  const decimals = symbol.endsWith("ETH") ? 18 : lotDecimals;
  const token = (await new ContractFactory(testToken.abi, testToken.bytecode, owner).deploy(
    symbol,
    decimals,
  )) as Contract;
  await send(gate, owner, "registerAsset", index, await token.getAddress(), lotDecimals);
  tokens.set(index, token);
}
const rules = { levels, maxAge: 7_200n, epochGrace: 0n, terms: TERMS };
/** Contracts that others have made. */
const made = async (name: string, address: string) =>
  new Contract(address, (await hardhat.artifacts.readArtifact(name)).abi, owner);
/** Calls of the queue: at once, until its deployer closes it. */
async function setUp(contract: Contract, method: string, ...args: unknown[]) {
  const { data } = await contract.getFunction(method).populateTransaction(...args);
  return send(queue, owner!, "setUp", await contract.getAddress(), data);
}
const links = await createLinkMaker(await loadLinkKey(SIZE));
const markLinks = await createLinkMaker(await loadLinkKey("settlement-60"));
const linked = { verifier: await system.verifiers.get(SIZE)!.getAddress(), maker: links };
const points = await made("PolicyPoints", await registry.points!());
await linkExit(points, SIZE, linked);
await linkPolicy(points, policy.policy, [linked]);
await setUp(registry, "createBoard", await router.getAddress(), 60, chainPolicy(policy.policy, rules));
await setUp(oracle, "bindGate", BOARD, gateAddress);
const sources = await made("PriceSources", await oracle.sources!());
const settlements = await made("Settlements", await oracle.settlements!());
const none = { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0, minAnswer: 0, maxAnswer: 0 };
const source = { maxMoveBps: 5_000, deviationBps: 0, apart: false, feed: none, second: none };
for (const [index, { lotDecimals }] of policy.assets.entries()) {
  await setUp(sources, "configure", BOARD, index, { ...source, lotDecimals });
}
await send(queue, owner, "close");
say(`Plimsoll: a venue's whole life. Deployed on chain ${chainId} in ${seconds()} s.`);

// ---- Telling the story ----

const clients = new Map<Name, AccountClient>();
const client = (name: Name) => clients.get(name)!;
let market: MarketFile = MARKETS.listed;
let published: Published;
const acts: Act[] = [];

const view = (account: Account, { market: values } = market) => evaluate(account, policy.policy, values);
const cashOf = (name: Name): bigint => client(name).state.cash;
const creditOf = async (account: bigint, asset = CASH_INDEX) => (await gate.creditOf!(account, asset)) as bigint;
const stageOf = async (name: Name) => STAGES[Number((await gate.accountOf!(client(name).id)).stage)]!;
const deficitNow = async () => (await gate.deficit!()) as bigint;
const isFlat = ({ positions }: Account) => positions.every((lots) => lots === 0n);

const parsed = (receipt: ContractTransactionReceipt): LogDescription[] =>
  receipt.logs.flatMap((log) => {
    const contract = [gate, oracle, liquidation].find(({ target }) => target === log.address);
    const event = (contract?.interface as Interface | undefined)?.parseLog(log);
    return event ? [event] : [];
  });

/** What an account's step published, in words: every public input but context and market. */
function stepSeen({ args }: LogDescription): string {
  const [account, before, after, transfer, commitment, terms] = [...args] as bigint[];
  const states = `account ${account}: ${hex(before!)} → ${hex(after!)}`;
  if (terms === 0n && commitment === 0n) return `${states}, settlement ${transfer}`;
  const level = terms! & ((1n << BigInt(BITS.level)) - 1n);
  const below = ((terms! >> BigInt(BITS.level)) & 1n) === 1n;
  const claim = level === EXIT_LEVEL ? "no positions, no debt" : `${below ? "below" : "at least"} ${percent(level)}`;
  const { asset, amount } = decodeTransfer(transfer!);
  const { symbol, lotDecimals } = assets.find(({ index }) => index === asset)!;
  const moved =
    amount === 0n
      ? ""
      : `, ${amount > 0n ? "paid in" : "paid"} ${formatDecimal(amount > 0n ? amount : -amount, lotDecimals)} ${symbol}`;
  const fill = commitment === NO_FILL[SIZE] ? "" : `, fill ${hex(commitment!)}`;
  return `${states}${moved}${fill}, ${claim}`;
}

/** What of the events is about accounts, in words. */
const SEEN: Readonly<Record<string, (event: LogDescription) => string>> = {
  Settled: stepSeen,
  LotStarted: ({ args: { account, size, fromFund } }) =>
    `lot of account ${account}: margin at most ${dollars(size)}, from the fund ${dollars(fromFund)}`,
  LotTaken: ({ args: { account, bidder, price, repaid, reward } }) =>
    `lot of account ${account}: taken by account ${bidder} for ${dollars(price)}, of which to the fund ${dollars(repaid)}, as reward ${dollars(reward)}`,
  StageSet: ({ args: { account, stage } }) => `account ${account}: ${STAGES[Number(stage)]}`,
};

/** Ends an act: notes how things stand, and prints a line. Clients catch up with steps that others sent. */
async function act(what: string, receipts: readonly (ContractTransactionReceipt | null)[], level = "") {
  for (const each of clients.values()) await each.catchUp();
  const events = receipts.flatMap((receipt) => parsed(receipt!));
  const seen = events.flatMap((event) => SEEN[event.name]?.(event) ?? []);
  const coverage = Object.fromEntries(
    NAMES.map((name) => {
      const state = clients.get(name)?.state;
      return [name, state === undefined || isFlat(state) ? undefined : coverageBpsDown(view(state))];
    }),
  );
  const gas = receipts.reduce((sum, receipt) => sum + receipt!.gasUsed, 0n);
  const time = new Date((await now()) * 1000).toISOString().slice(0, 16).replace("T", " ");
  const [fund, deficit] = [await creditOf(0n), await deficitNow()];
  const epoch = published?.epoch ?? 0n;
  acts.push({ time, epoch, what, level, seen, gas, coverage, fund, deficit });
  const held = Object.entries(coverage).flatMap(([name, bps]) => (bps === undefined ? [] : `${name} ${percent(bps)}`));
  say(`\n${acts.length}. ${what}`);
  say(`   ${time}, epoch ${epoch}${level === "" ? "" : `, proven: ${level}`}, ${gas.toLocaleString("en")} gas`);
  for (const line of seen) say(`   the chain saw  ${line}`);
  if (held.length > 0) say(`   it did not see ${held.join(", ")}`);
  return events;
}

// ---- What the parties do ----

/** Publishes an epoch: three of five reporters, each with prices of its own, whose median is the market's. */
async function publish(file: MarketFile, what: string) {
  const time = Date.parse(file.time) / 1000;
  const place = { board: BOARD, epoch: file.epoch };
  const { epoch } = publication(file.market, place);
  // Below, at and above the market by turns, so that no reporter is the median of every price.
  const sights = [0, 1, 2].map((turn) => ({
    time: BigInt(time - turn),
    prices: file.market.prices.map((price, asset) => {
      const place = (turn + asset) % 3;
      return place === 0 ? price - price / 2_000n : place === 1 ? price : price + price / 1_000n;
    }),
  }));
  const quorum = [0, 1, 2].map((turn) => reporters[(turn + Number(file.epoch)) % reporters.length]!);
  const observations = await observe(quorum, oracleDomain, epoch, sights);
  await at(time);
  const carried = await carryEpoch(oracle, new Map([[FAMILY_IDS.account, links]]), file.market, place, observations);
  const receipt = await send(oracle, desk!, "publish", ...publishArguments(carried));
  const opened = parsed(receipt).find(({ name }) => name === "EpochTaken")!;
  assert.deepEqual([...opened.args.prices], [...file.market.prices], "the medians are the market's prices");
  assert.equal(opened.args.time, BigInt(time - 1), "the time is the median of the reporters'");
  // Usable and complete: it reverts otherwise.
  const { policyId } = await oracle.evidence!(BOARD);
  market = file;
  published = { policyId, epoch: file.epoch, policy: policy.policy, market: file.market };
  await act(what, [receipt]);
}

const venue: Venue = {
  gate,
  domain: gateDomain,
  prover: counted,
  cosign: (first: GateCall, second?: GateCall) => signClear(operator, gateDomain, first, second),
};

async function open(...names: Name[]) {
  const first = await ethers.provider.getBlockNumber();
  for (const name of names) {
    const opening = { board: BOARD, size: SIZE, viewingKey: randomViewingKey() } as const;
    clients.set(name, await AccountClient.open(venue, wallets[name], opening));
  }
  return receiptsSince(first);
}

/** Receipts of everything sent since a block. */
async function receiptsSince(block: number) {
  const receipts: ContractTransactionReceipt[] = [];
  for (let number = block + 1; number <= (await ethers.provider.getBlockNumber()); number++) {
    for (const hash of (await ethers.provider.getBlock(number))!.transactions) {
      receipts.push((await ethers.provider.getTransactionReceipt(hash)) as unknown as ContractTransactionReceipt);
    }
  }
  return receipts;
}

/** By asset, all that was ever paid in; in units of the token. */
const paidIn = new Map<number, bigint>();
async function give(signer: Signer, asset: number, amount: bigint) {
  const token = tokens.get(asset)!;
  await send(token, signer, "mint", await signer.getAddress(), amount);
  await send(token, signer, "approve", gateAddress, amount);
  paidIn.set(asset, (paidIn.get(asset) ?? 0n) + amount);
}

/** Pays in and absorbs. Cash in 1e-6 and bitcoin in 1e-8 are units of their tokens. */
async function payIn(name: Name, asset: number, lots: bigint) {
  const wallet = wallets[name];
  await give(wallet, asset, lots);
  const deposited = await send(gate, wallet, "deposit", client(name).id, await wallet.getAddress(), asset, lots);
  return [deposited, (await client(name).absorb(asset, lots)).receipt];
}

type Quantities = Readonly<Record<string, string>>;
/** A fill of quantities at their marks, for the side that applies it with +1. */
function fillOf(quantities: Quantities, sign = 1n): Fill {
  const positions: bigint[] = [...noFill(SIZE).positions];
  for (const [symbol, quantity] of Object.entries(quantities)) {
    const [row, lots] = lotsIn(market, symbol, quantity);
    positions[row] = positions[row]! + sign * lots;
  }
  return atMarks(positions);
}
function atMarks(positions: readonly bigint[]): Fill {
  const cost = positions.reduce((sum, lots, row) => sum + lots * market.market.board.rows[row]!.mark, 0n);
  return { ...noFill(SIZE), positions, cash: -cost, blinding: randomViewingKey() };
}

/** The first buys from the second; both keep the initial level. */
const trade = async (buyer: Name, seller: Name, fill: Fill) =>
  (await client(buyer).trade(client(seller), fill, levels.initial, published)).receipt;

const judged = { levels, terms: TERMS };
const venueOfLots = { gate: gateDomain, liquidation: liquidationDomain, prover: counted };
const later = async () => BigInt(await now()) + 3_600n;

/** Proves and starts a lot; who is proven against is not asked. Returns when the auction began, unix seconds. */
async function startAuction(name: Name, lot: Lot, beneficiary: bigint) {
  const { id, state } = client(name);
  const options = { deadline: await later(), beneficiary };
  const lotStarted = await startLot(venueOfLots, { id, state }, lot, published, judged, options);
  const { step, offer, appraisals } = lotStarted;
  const receipt = await send(liquidation, operator!, "start", step, offer, appraisals, "0x");
  return { receipt, from: await now() };
}

/** The bidder takes the lot so many seconds into its auction, at the price asked then. */
async function take(from: Name, bidder: Name, lot: Lot, begun: number, elapsed: bigint) {
  const price = priceAt(lot, TERMS, elapsed);
  const { id, state } = client(bidder);
  const offered = { liquidated: client(from).id, fill: lot.fill, price, level: levels.initial };
  const options = { deadline: (await later()) + elapsed };
  const taken = await takeLot(venueOfLots, { id, state }, offered, published, options);
  await at(begun + Number(elapsed));
  const receipt = await send(liquidation, wallets[bidder], "take", offered.liquidated, taken.step, price);
  return { receipt, price };
}

// ---- Acts ----

async function story() {
  await publish(
    MARKETS.listed,
    "Three of five reporters open the board: futures, perpetuals and options on BTC and ETH",
  );

  await act(
    "Two members and the clearing account open; the operator signs too",
    await open("Atlas", "Boreas", "Clearing"),
    "no positions, no debt",
  );
  const first = await ethers.provider.getBlockNumber();
  for (const name of ["Atlas", "Boreas", "Clearing"] as const) await payIn(name, CASH_INDEX, DEPOSITS[name] * E6);
  await payIn("Atlas", BTC, ATLAS_BTC);
  await act("They deposit: Atlas dollars and bitcoin, the others dollars", await receiptsSince(first));

  const december = {
    "BTC-25DEC26": "-10",
    "BTC-25DEC26-100000-C": "40",
    "BTC-25DEC26-80000-P": "-20",
    "ETH-25DEC26": "300",
    "ETH-25DEC26-3200-P": "-200",
  };
  // Novation: both trade with the clearing account, which takes over neither's risk in the end.
  await act(
    "Atlas trades futures and options that expire in December with Boreas, through the clearing account",
    [await trade("Atlas", "Clearing", fillOf(december)), await trade("Boreas", "Clearing", fillOf(december, -1n))],
    `at least ${percent(levels.initial)}, four times`,
  );
  assert(isFlat(client("Clearing").state), "the clearing account is flat");
  assert.equal(cashOf("Clearing"), DEPOSITS.Clearing * E6, "the clearing account has what it had");

  // Expiry.
  const number = { board: BOARD, number: 1n };
  const { packed, marksHash, link } = await carrySettlement(settlements, markLinks, number, SIZE, SERIES);
  const deadline = BigInt(SETTLED_AT + 3_600);
  const settlement = { ...number, marksHash, deadline };
  const signatures = await signSettlement(reporters.slice(1, 4), oracleDomain, settlement);
  await at(SETTLED_AT);
  const opened = await send(settlements, desk!, "settle", BOARD, 1n, packed, deadline, signatures, link);
  await act(`${SERIES.size} instruments expire: three of five reporters sign the value of each`, [opened]);
  const next = { board: BOARD, epoch: 2n };
  const relisted = publication(MARKETS.renewed.market, next);
  const soon = { time: BigInt(await now()), prices: MARKETS.renewed.market.prices };
  const tooSoon = await observe(reporters.slice(0, 3), oracleDomain, relisted.epoch, soon);
  const makers = new Map([[FAMILY_IDS.account, links]]);
  const carried = await carryEpoch(oracle, makers, MARKETS.renewed.market, next, tooSoon);
  const refused = await oracle
    .getFunction("publish")
    .staticCall(...publishArguments(carried))
    .then(
      () => "nothing",
      (error: { data: string }) => settlements.interface.parseError(error.data)?.name,
    );
  assert.equal(refused, "RowsNotSettled", "rows are not listed again before everybody has settled");
  const cashBefore = cashOf("Atlas") + cashOf("Boreas") + cashOf("Clearing");
  const settled = [];
  for (const name of ["Atlas", "Boreas", "Clearing"] as const) {
    settled.push((await client(name).expire(1n, SERIES)).receipt);
  }
  await act(
    "All three accounts settle, each with a proof of the settlement circuit",
    settled,
    "the settlement applied",
  );
  for (const name of ["Atlas", "Boreas", "Clearing"] as const) {
    assert(isFlat(client(name).state), `${name} has no positions left`);
  }
  assert.equal(
    cashOf("Atlas") + cashOf("Boreas") + cashOf("Clearing"),
    cashBefore,
    "marks times positions sum to zero",
  );
  assert.equal(await gate.allSettled!(BOARD, 1), true, "everybody has settled");
  const atlasGained = cashOf("Atlas") - DEPOSITS.Atlas * E6;
  assert.notEqual(atlasGained, 0n, "the series was worth something to somebody");
  assert.equal(cashOf("Boreas") - DEPOSITS.Boreas * E6, -atlasGained, "what Atlas gained Boreas lost");

  // A new series, two newcomers.
  await publish(MARKETS.renewed, "The January series is listed in the rows of the expired one");
  const before = await ethers.provider.getBlockNumber();
  await open("Dorado", "Eos");
  for (const name of ["Dorado", "Eos"] as const) await payIn(name, CASH_INDEX, DEPOSITS[name] * E6);
  await give(owner!, CASH_INDEX, DONATION);
  await send(gate, owner!, "donate", DONATION);
  await act(`The venue puts ${dollars(DONATION)} into the fund; Dorado and Eos join`, await receiptsSince(before));

  const bought: Record<"Atlas" | "Boreas" | "Dorado", Quantities> = {
    Atlas: { "BTC-29JAN27": "60", "ETH-PERP": "500" },
    Boreas: { "BTC-PERP": "80" },
    Dorado: { "BTC-29JAN27": "30", "BTC-29JAN27-90000-P": "-40" },
  };
  const fills = Object.entries(bought).map(([name, quantities]) => [name as Name, fillOf(quantities)] as const);
  const trades = [];
  for (const [name, fill] of fills) trades.push(await trade(name, "Clearing", fill));
  const all = noFill(SIZE).positions.map((_, row) => -fills.reduce((sum, [, fill]) => sum + fill.positions[row]!, 0n));
  trades.push(await trade("Eos", "Clearing", atMarks(all)));
  await act(
    "Atlas, Boreas and Dorado buy, Eos sells, all through the clearing account",
    trades,
    `at least ${percent(levels.initial)}, eight times`,
  );
  assert(isFlat(client("Clearing").state), "the clearing account is flat again");
  assert.equal(cashOf("Clearing"), DEPOSITS.Clearing * E6, "and has what it had");

  // A fall, a call, a cure.
  await publish(MARKETS.lower, "Prices fall by 10%");
  // The desk was given the viewing key: it finds the account in the chain's events.
  const follower = await AccountClient.restore(venue, desk!, client("Atlas").id, client("Atlas").state.viewingKey);
  const flagged = (await follower.flag(levels.call, published)).receipt;
  await act("Atlas is called: a holder of its viewing key proves it", [flagged], `below ${percent(levels.call)}`);
  assert.equal(await stageOf("Atlas"), "called");
  const refusal = await client("Atlas")
    .withdraw(CASH_INDEX, E6, await wallets.Atlas.getAddress(), levels.initial, published)
    .then(
      () => "nothing",
      (error: unknown) => (error instanceof PlimsollError ? error.code : error),
    );
  assert.equal(refusal, "STATEMENT_FALSE", "below the initial level nothing is withdrawn");
  const cured = await payIn("Atlas", CASH_INDEX, TOP_UP);
  cured.push((await client("Atlas").attest(levels.call, published)).receipt);
  await act(`Atlas tops up ${dollars(TOP_UP)} and is healthy again`, cured, `at least ${percent(levels.call)}`);
  assert.equal(await stageOf("Atlas"), "healthy");

  // A further fall: a slice and a close-out.
  await publish(MARKETS.lowest, "Prices fall by another 20%");
  const boreas = client("Boreas").state;
  const dorado = client("Dorado").state;
  assert(!isAtLeast(view(boreas), levels.liquidation), "Boreas is below the liquidation level");
  assert(isAtLeast(view(boreas), levels.closeOut), "and above the close-out level");
  assert(view(dorado).equity < 0n, "Dorado owes more than it has");
  assert(isAtLeast(view(client("Atlas").state), levels.initial), "Atlas has the initial level: its top-up was enough");

  const slice = sliceOf(boreas, published, levels, TERMS, levels.liquidation);
  const out = await startAuction("Boreas", slice, client("Clearing").id);
  await act(
    "A slice of Boreas goes to auction; the reward is the clearing house's",
    [out.receipt],
    `below ${percent(slice.level)} before, at least that and below ${percent(levels.initial)} after`,
  );
  assert.equal(await stageOf("Boreas"), "liquidating");
  // The owner knows the lot from key and chain alone, and would cure with it.
  assert.deepEqual(lotBetween(boreas, client("Boreas").state, 0n), slice.fill, "Boreas knows what was taken");
  const closeOut = closeOutOf(dorado, published, TERMS, levels.closeOut);
  const gone = await startAuction("Dorado", closeOut, 0n);
  await act(
    `Dorado is closed out: all of it goes to auction, and the fund pays ${dollars(closeOut.writeOff)} into the account`,
    [gone.receipt],
    `below ${percent(0n)} before, nothing left after`,
  );
  assert.equal(cashOf("Dorado"), 0n, "nothing is left in Dorado's account");
  assert(isFlat(client("Dorado").state), "and no positions");

  const sold = await take("Boreas", "Eos", slice, out.from, 300n);
  await act(
    `Eos takes the slice after 300 s, for ${dollars(sold.price)} above its floor`,
    [sold.receipt],
    `at least ${percent(levels.initial)}`,
  );
  const due = sold.price - TERMS.reward;
  assert.equal(await creditOf(client("Boreas").id), due, "the price is Boreas's, less the reward");
  assert.equal(await creditOf(client("Clearing").id), TERMS.reward);
  const restored = [
    (await client("Boreas").absorb(CASH_INDEX, due)).receipt,
    (await client("Boreas").attest(levels.call, published)).receipt,
  ];
  await act("Boreas is paid and healthy again", restored, `at least ${percent(levels.call)}`);
  assert.equal(await stageOf("Boreas"), "healthy");
  assert(!isFlat(client("Boreas").state), "Boreas keeps the rest of its positions");

  const closed = await take("Dorado", "Eos", closeOut, gone.from, 600n);
  await act(
    `Eos takes the lot of Dorado after 600 s, for ${dollars(closed.price)} above its floor`,
    [closed.receipt],
    `at least ${percent(levels.initial)}`,
  );
  assert.equal(await stageOf("Dorado"), "closed");
  // By the model alone: what was missing, and the discount on the lot's margin, less a millionth, less the price. A debt is
  // the account's and not the lot's.
  const gap = view(dorado);
  const lotMargin = gap.margin - gap.debtMargin;
  const writeOff = (MARGIN_LEVEL_TO_E20 * TERMS.discountBps * lotMargin - gap.equity - 1n) / E6_TO_E20;
  assert.equal(closeOut.writeOff, writeOff, "the write-off is what the model says");
  const loss = writeOff - closed.price;
  assert(loss > DONATION, "the fund cannot pay all of it");
  assert.equal(await creditOf(0n), 0n, "the fund is used up");
  assert.equal(await deficitNow(), loss - DONATION, "and owes the rest");

  // Everybody leaves.
  const closing = [];
  for (const name of ["Atlas", "Boreas"] as const) {
    closing.push(await trade(name, "Eos", atMarks(client(name).state.positions.map((lots) => -lots))));
  }
  await act(
    "Atlas and Boreas close their remaining positions with Eos",
    closing,
    `at least ${percent(levels.initial)}`,
  );
  for (const name of NAMES) assert(isFlat(client(name).state), `${name} has no positions`);

  const start = await ethers.provider.getBlockNumber();
  await client("Clearing").absorb(CASH_INDEX, TERMS.reward);
  const paidOut: Record<string, bigint> = {};
  let levied = 0n;
  let payments: ContractTransactionReceipt[] = [];
  for (const name of ["Atlas", "Boreas", "Clearing", "Eos"] as const) {
    const recipient = await wallets[name].getAddress();
    for (const [asset, lots] of [...client(name).state.collateral, cashOf(name)].entries()) {
      const index = asset === client(name).state.collateral.length ? CASH_INDEX : asset;
      if (lots === 0n) continue;
      const { receipt } = await client(name).exit(index, lots, recipient);
      const { args } = parsed(receipt).find((event) => event.name === "Withdrawn")!;
      levied += args.levy;
      if (index === CASH_INDEX) paidOut[name] = lots - args.levy;
    }
  }
  payments = await receiptsSince(start);
  await act(
    `Everybody leaves; a levy of ${percent(TERMS.levyBps)} on cash has repaid the fund's deficit of ${dollars(levied)}`,
    payments,
    "no positions, no debt",
  );
  assert.equal(levied, loss - DONATION, "the levy repaid exactly what the fund owed");

  // Nothing is left, by the tokens' own account, and nothing was made or lost.
  const custody: Record<string, string> = {};
  for (const { index, symbol } of assets) {
    const token = tokens.get(index)!;
    const held = (await token.balanceOf!(gateAddress)) as bigint;
    assert.equal(held, 0n, `the gate has no ${symbol}`);
    assert.equal(await gate.custodyOf!(index), 0n, `nor thinks that it has`);
    let outside = 0n;
    for (const signer of [owner!, ...Object.values(wallets)]) {
      outside += (await token.balanceOf!(await signer.getAddress())) as bigint;
    }
    assert.equal(outside, paidIn.get(index) ?? 0n, `all ${symbol} that was paid in was paid out`);
    for (const account of [0n, ...NAMES.map((name) => client(name).id)]) {
      assert.equal(await creditOf(account, index), 0n, `account ${account} is owed no ${symbol}`);
    }
    custody[symbol] = `${held}`;
  }
  assert.equal(await deficitNow(), 0n, "the fund owes nothing");
  for (const name of NAMES) {
    const { cash, collateral } = client(name).state;
    assert(cash === 0n && collateral.every((lots) => lots === 0n), `${name} has nothing at the gate`);
  }

  return { gained: atlasGained, slice, sold, closeOut, closed, loss, levied, paidOut, custody };
}

const text = (value: bigint | undefined) => (value === undefined ? null : `${value}`);

try {
  const end = await story();
  const stages = Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await stageOf(name)] as const)));
  const facts = [
    ["proofs", `${proofs.account} of accounts, ${proofs.settlement} of settlements`],
    ["gas of all acts", acts.reduce((sum, { gas }) => sum + gas, 0n).toLocaleString("en")],
    ["the fund paid", dollars(end.loss - end.levied)],
    ["repaid by the levy", dollars(end.levied)],
    ["left in the gate", "nothing"],
  ] as const;
  await mkdir(OUT, { recursive: true, mode: 0o700 });
  await writeFile(path.join(OUT, "index.html"), picture(acts, { ...levels }, facts), { mode: 0o600 });
  const summary = {
    seconds: seconds(),
    proofs,
    acts: acts.map(({ coverage, gas, epoch, fund, deficit, seen: _, ...told }) => ({
      ...told,
      epoch: `${epoch}`,
      gas: `${gas}`,
      fund: `${fund}`,
      deficit: `${deficit}`,
      coverage: Object.fromEntries(Object.entries(coverage).map(([name, bps]) => [name, text(bps)])),
    })),
    stages,
    settlement: { instruments: SERIES.size, gained: `${end.gained}` },
    slice: { size: `${end.slice.size}`, level: `${end.slice.level}`, price: `${end.sold.price}` },
    closeOut: { size: `${end.closeOut.size}`, writeOff: `${end.closeOut.writeOff}`, price: `${end.closed.price}` },
    fund: { donated: `${DONATION}`, loss: `${end.loss}`, levied: `${end.levied}`, left: "0", deficit: "0" },
    paidOut: Object.fromEntries(Object.entries(end.paidOut).map(([name, amount]) => [name, `${amount}`])),
    custody: end.custody,
    picture: path.relative(process.cwd(), path.join(OUT, "index.html")),
  };
  say(`\n${proofs.account + proofs.settlement} proofs in ${seconds()} s. The gate holds nothing.`);
  process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
} catch (error) {
  say(`\n${error instanceof Error ? error.stack : error}`);
  process.exitCode = 1;
} finally {
  await prover.close();
}
process.exit(); // the chain keeps the process alive

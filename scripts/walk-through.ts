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
import { carryEpoch, carrySettlement, FAMILY_IDS, publishArguments } from "../prover/src/chain/carrier.ts";
import { AccountClient, type Published, type RoundPart, type Venue } from "../prover/src/chain/client.ts";
import { deploy } from "../prover/src/chain/deploy.ts";
import { type GateCall, signClear } from "../prover/src/chain/gate-calls.ts";
import { type AuctionLot, auctionLotOf, startLot, takeLot } from "../prover/src/chain/liquidation.ts";
import { closeOutOf, type Lot, lotBetween, sliceOf } from "../prover/src/chain/lots.ts";
import { openBoard } from "../prover/src/chain/open-board.ts";
import { domainOf, observe, publication, signSettlement } from "../prover/src/chain/publication.ts";
import { makeRound } from "../prover/src/chain/rounds.ts";
import { PlimsollError } from "../prover/src/errors.ts";
import { formatDecimal } from "../prover/src/formats/decimal.ts";
import type { MarketFile } from "../prover/src/formats/market.ts";
import { type Account, randomViewingKey } from "../prover/src/model/account.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../prover/src/model/evaluate.ts";
import { EXIT_LEVEL } from "../prover/src/model/exit-market.ts";
import { NO_CREDIT } from "../prover/src/model/lot.ts";
import { CASH_INDEX } from "../prover/src/model/sizes.ts";
import { type Fill, noFill } from "../prover/src/model/transition.ts";
import { loadDeployableKey, loadLinkKey } from "../prover/src/node/artifacts.ts";
import { createProver, type Prover } from "../prover/src/node/prover.ts";
import { createLinkMaker, type LinkMaker } from "../prover/src/prove/link.ts";
import type { CircuitName } from "../prover/src/statement/families.ts";
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
  voidDelay: 600n,
  premiumBps: 500n,
  discountBps: 1_000n,
  levyBps: 50n,
  toleranceBps: 100n,
  maxSlice: 2_000_000n * E6,
  dust: 1_000n * E6,
  reward: 50n * E6,
  tillFloor: 0n,
};
const OPERATOR_DEADLINE = 7n * 86_400n;
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
const proofs = { account: 0, settlement: 0, lot: 0, round: 0 };
const counted: Pick<Prover, "prove" | "settle" | "liquidate" | "round"> = {
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
  async liquidate(request, options) {
    const proof = await prover.liquidate(request, options);
    proofs.lot++;
    return proof;
  },
  async round(request, options) {
    const proof = await prover.round(request, options);
    proofs.round++;
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

const testToken = await hardhat.artifacts.readArtifact("TestToken");
const assets = [
  ...policy.assets.map(({ symbol, lotDecimals }, index) => ({ index, symbol, lotDecimals })),
  { index: CASH_INDEX, symbol: policy.cashSymbol, lotDecimals: 6 },
];
const tokens = new Map<number, Contract>();
for (const { index, symbol, lotDecimals } of assets) {
  const decimals = symbol.endsWith("ETH") ? 18 : lotDecimals;
  const factory = new ContractFactory(testToken.abi, testToken.bytecode, owner);
  tokens.set(index, (await factory.deploy(symbol, decimals)) as Contract);
}
const CIRCUITS = [SIZE, "settlement-60", "lot-60", "round-60-3"] as const;
const system = await deploy({
  deployer: owner,
  keys: await Promise.all(CIRCUITS.map(async (circuit) => (await loadDeployableKey(circuit))!)),
  parameters: {
    owner: owner.address,
    guardian: owner.address,
    operator: operator.address,
    operatorDeadline: OPERATOR_DEADLINE,
    reporters: reporters.map(({ address }) => address),
    quorum: 3n,
    timelock: 172_800n,
    maxMoveBps: 2_000n,
    sequencer: "none",
    boardSize: SIZE,
    keepsBlobs: true,
    staging: false,
    assets: await Promise.all(
      assets.map(async ({ index, lotDecimals }) => ({
        index,
        token: await tokens.get(index)!.getAddress(),
        lotDecimals,
        depositCap: 10n ** 17n,
        outflow: 10n ** 15n,
      })),
    ),
  },
});
const { gate, exchange, clearing, fund, oracle, liquidation } = system;
const { chainId } = await ethers.provider.getNetwork();
const gateAddress = await gate.getAddress();
const domains = {
  gate: domainOf("MarginGate", chainId, gateAddress),
  exchange: domainOf("Exchange", chainId, await exchange.getAddress()),
};
const oracleDomain = domainOf("PriceOracle", chainId, await oracle.getAddress());
const rules = { levels, maxAge: 7_200n, epochGrace: 0n, terms: TERMS };
/** Contracts that others have made. */
const made = async (name: string, address: string) =>
  new Contract(address, (await hardhat.artifacts.readArtifact(name)).abi, owner);
const makers = new Map<CircuitName, LinkMaker>();
for (const circuit of CIRCUITS) makers.set(circuit, await createLinkMaker(await loadLinkKey(circuit)));
const none = { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0, minAnswer: 0, maxAnswer: 0 };
const source = { maxMoveBps: 5_000, deviationBps: 0, apart: false, feed: none, second: none };
await openBoard(system, {
  size: SIZE,
  policy: policy.policy,
  rules,
  sources: new Map(policy.assets.map(({ lotDecimals }, index) => [index, { ...source, lotDecimals }])),
  makerOf: async (circuit) => makers.get(circuit)!,
});
const settlements = await made("Settlements", await oracle.settlements!());
/** Makers of an epoch's links: of accounts, and of what is proven besides. */
const linking = (...others: ("lot" | "round")[]) =>
  new Map([
    [FAMILY_IDS.account as bigint, makers.get(SIZE)!],
    ...others.map((other) =>
      other === "lot"
        ? ([FAMILY_IDS.lot as bigint, makers.get("lot-60")!] as const)
        : ([FAMILY_IDS.round(3), makers.get("round-60-3")!] as const),
    ),
  ]);
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
/** Cash of the fund; below zero it owes. */
const fundNow = async () => (await gate.fund!()) as bigint;
const isFlat = ({ positions }: Account) => positions.every((lots) => lots === 0n);

const parsed = (receipt: ContractTransactionReceipt): LogDescription[] =>
  receipt.logs.flatMap((log) => {
    const contract = [gate, exchange, oracle, liquidation].find(({ target }) => target === log.address);
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
  const claim =
    level === EXIT_LEVEL
      ? below
        ? "positions or debt"
        : "no positions, no debt"
      : `${below ? "below" : "at least"} ${percent(level)}`;
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
  Entered: ({ args: { account, stateAfter } }) =>
    `account ${account}: → ${hex(stateAfter)}, by a round, an expiry or a lot`,
  LotStarted: ({ args: { account, size } }) => `lot of account ${account}: worth ${dollars(size)} or little more`,
  LotTaken: ({ args: { account, bidder, price, fromFund } }) =>
    `lot of account ${account}: taken by account ${bidder} for ${dollars(price)}, from the fund ${dollars(fromFund)}`,
  LotVoided: ({ args: { account } }) => `lot of account ${account}: void`,
  Held: ({ args: { account } }) => `account ${account}: held`,
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
  const cash = await fundNow();
  const [fund, deficit] = cash > 0n ? [cash, 0n] : [0n, -cash];
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
async function publish(file: MarketFile, what: string, ...others: ("lot" | "round")[]) {
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
  const carried = await carryEpoch(oracle, linking(...others), file.market, place, observations);
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

const venue: Venue & { readonly prover: typeof counted } = {
  ...{ gate, exchange, clearing, domains, prover: counted },
  cosign: (first: GateCall, second?: GateCall) => signClear(operator, domains, first, second),
};

async function open(...names: Name[]) {
  const first = await ethers.provider.getBlockNumber();
  for (const name of names) {
    const opening = { size: SIZE, viewingKey: randomViewingKey() } as const;
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

const venueOfLots = { ...domains, chainId, liquidation: await liquidation.getAddress(), prover: counted };
const later = async () => BigInt(await now()) + 3_600n;
const offering = (evidence: bigint) => ({ ...policyAndMarket(), levels, terms: TERMS, evidence });
const policyAndMarket = () => ({ policy: policy.policy, market: market.market });

/** A lot on auction, and when it began, unix seconds. */
interface Open {
  readonly lot: Lot;
  readonly auction: AuctionLot;
  readonly id: string;
  readonly blob: string;
  readonly from: number;
  readonly receipt: ContractTransactionReceipt;
}

/** Proves and starts a lot; who is proven against is not asked. */
async function startAuction(name: Name, lot: Lot, beneficiary: bigint): Promise<Open> {
  const options = { deadline: await later(), beneficiary };
  const made = await startLot(venueOfLots, client(name).id, lot, published, options);
  const { step, offer, opening, appraisals } = made;
  const receipt = await send(liquidation, operator!, "start", step, offer, opening, appraisals, "0x");
  const { args } = parsed(receipt).find((event) => event.name === "LotStarted")!;
  return { lot, auction: auctionLotOf(args.lot), id: args.id, blob: args.blob, from: await now(), receipt };
}

/** The bidder takes the lot so many seconds into its auction, at the price asked then. */
async function take(bidder: Name, { lot, auction, id, blob, from }: Open, elapsed: bigint) {
  await at(from + Number(elapsed));
  // A block of that time, so that the price asked can be read.
  await rpc.request({ method: "evm_mine", params: [] });
  const price = (await liquidation.priceOf!(auction)) as bigint;
  const { id: account, state } = client(bidder);
  const bid = { id, fill: lot.appraisal.fill, price, level: levels.initial };
  const taken = await takeLot(venueOfLots, { id: account, state }, bid, published, { deadline: await later() });
  return { receipt: await send(liquidation, wallets[bidder], "take", auction, blob, taken.step, price), price };
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
  const { packed, marksHash, link } = await carrySettlement(
    settlements,
    makers.get("settlement-60")!,
    number,
    SIZE,
    SERIES,
  );
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
  const carried = await carryEpoch(oracle, linking(), MARKETS.renewed.market, next, tooSoon);
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
  await publish(MARKETS.renewed, "The January series is listed in the rows of the expired one", "round");
  const before = await ethers.provider.getBlockNumber();
  await open("Dorado", "Eos");
  for (const name of ["Dorado", "Eos"] as const) await payIn(name, CASH_INDEX, DEPOSITS[name] * E6);
  await give(owner!, CASH_INDEX, DONATION);
  await send(fund, owner!, "donate", DONATION);
  await act(`The venue puts ${dollars(DONATION)} into the fund; Dorado and Eos join`, await receiptsSince(before));

  const dorados: Quantities = { "BTC-29JAN27": "30", "BTC-29JAN27-90000-P": "-40" };
  await act(
    "Dorado buys from Eos",
    [await trade("Dorado", "Eos", fillOf(dorados))],
    `at least ${percent(levels.initial)}, twice`,
  );
  const atlas = fillOf({ "BTC-29JAN27": "60", "ETH-PERP": "500" });
  const boreasBuys = fillOf({ "BTC-PERP": "80" });
  const eosSells = {
    ...noFill(SIZE),
    positions: atlas.positions.map((lots, row) => -lots - boreasBuys.positions[row]!),
    cash: -atlas.cash - boreasBuys.cash,
  };
  const parts: RoundPart[] = [];
  for (const [name, { positions, collateral, cash }] of [
    ["Atlas", atlas],
    ["Boreas", boreasBuys],
    ["Eos", eosSells],
  ] as const) {
    parts.push(await client(name).join({ positions, collateral, cash }, levels.initial, published));
  }
  const round = await makeRound(venue, parts, published);
  await act(
    "Atlas and Boreas buy, Eos sells: three accounts step in one round, with one proof",
    [await send(exchange, operator!, "round", round)],
    `at least ${percent(levels.initial)}, three times at once, and sums of zero`,
  );

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
  await publish(MARKETS.lowest, "Prices fall by another 20%", "lot");
  const boreas = client("Boreas").state;
  const dorado = client("Dorado").state;
  assert(!isAtLeast(view(boreas), levels.liquidation), "Boreas is below the liquidation level");
  assert(isAtLeast(view(boreas), levels.closeOut), "and above the close-out level");
  assert(view(dorado).equity < 0n, "Dorado owes more than it has");
  assert(isAtLeast(view(client("Atlas").state), levels.initial), "Atlas has the initial level: its top-up was enough");

  const held = await send(exchange, operator!, "hold", client("Dorado").id);
  await act("The operator holds Dorado: its owner's steps wait for a proof of health", [held]);

  const slice = sliceOf({ before: boreas }, offering(levels.liquidation));
  const untold = await startAuction("Boreas", slice, client("Clearing").id);
  await act(
    "A slice of Boreas goes to auction; nobody is told what is in it",
    [untold.receipt],
    `below ${percent(levels.liquidation)} before, better and at most ${percent(levels.initial)} after`,
  );
  assert.equal(await stageOf("Boreas"), "liquidating");
  await at(untold.from + Number(TERMS.auctionDuration + TERMS.voidDelay));
  const ended = await send(liquidation, desk!, "void", untold.auction);
  await act("The slice is void: anybody ends it, nothing has changed", [ended]);
  assert.equal(await stageOf("Boreas"), "called");
  assert.deepEqual(client("Boreas").state, boreas, "Boreas is what it was");

  const out = await startAuction("Boreas", slice, client("Clearing").id);
  const closeOut = closeOutOf({ before: dorado }, offering(levels.closeOut));
  const gone = await startAuction("Dorado", closeOut, 0n);
  await act(
    "The same slice again, and all of Dorado, which owes more than it is worth",
    [out.receipt, gone.receipt],
    `below ${percent(levels.liquidation)}; below ${percent(levels.closeOut)}, and what is owed after it`,
  );
  const sold = await take("Eos", out, 300n);
  await act(
    `Eos takes the slice after 300 s, for ${dollars(sold.price)}`,
    [sold.receipt],
    `at least ${percent(levels.initial)}`,
  );
  // The owner knows the lot from key and chain alone.
  assert.deepEqual(lotBetween(boreas, NO_CREDIT, client("Boreas").state), slice.appraisal.fill, "Boreas knows the lot");
  const reward = await creditOf(client("Clearing").id);
  assert(reward > 0n && reward <= TERMS.reward, "the reward is within the terms");
  const due = await creditOf(client("Boreas").id);
  assert.equal(due, sold.price - reward, "the price is Boreas's, less the reward");
  const restored = [
    (await client("Boreas").absorb(CASH_INDEX, due)).receipt,
    (await client("Boreas").attest(levels.call, published)).receipt,
  ];
  await act("Boreas is paid and healthy again", restored, `at least ${percent(levels.call)}`);
  assert.equal(await stageOf("Boreas"), "healthy");
  assert(!isFlat(client("Boreas").state), "Boreas keeps the rest of its positions");

  const closed = await take("Eos", gone, 600n);
  await act(
    `Eos takes the lot of Dorado after 600 s, for ${dollars(closed.price)}; the fund pays what Dorado owes beyond that`,
    [closed.receipt],
    `at least ${percent(levels.initial)}`,
  );
  assert.equal(await stageOf("Dorado"), "closed");
  assert(isFlat(client("Dorado").state), "Dorado has no positions");
  // By the model alone: what the account owes when everything is gone, less the price.
  assert.equal(closeOut.debt, -closeOut.appraisal.after.cash, "the debt is what the model says");
  const loss = closeOut.debt - closed.price;
  assert(loss > DONATION, "the fund cannot pay all of it");
  assert.equal(await fundNow(), DONATION - loss, "the fund is used up, and owes the rest");
  assert.equal(await creditOf(client("Dorado").id), closeOut.debt, "Dorado can repay what it owes, and no more");
  const repaid = (await client("Dorado").absorb(CASH_INDEX, closeOut.debt)).receipt;
  await act("Dorado's debt is repaid: nothing is left of the account", [repaid], "no positions, no debt");
  assert.equal(cashOf("Dorado"), 0n, "Dorado has nothing");

  // Everybody leaves.
  await act(
    "Atlas closes its remaining positions with Eos",
    [await trade("Atlas", "Eos", atMarks(client("Atlas").state.positions.map((lots) => -lots)))],
    `at least ${percent(levels.initial)}, twice`,
  );
  // An escape: the operator signs nothing for these two, who ask in public and wait for its deadline.
  const asked = [await client("Boreas").request(), await client("Eos").request()];
  await at((await now()) + Number(OPERATOR_DEADLINE) + 1);
  // A block of that time: steps hold for a while from the latest one.
  await rpc.request({ method: "evm_mine", params: [] });
  const rest = atMarks(client("Boreas").state.positions.map((lots) => -lots));
  const unwound = (await client("Boreas").unwind(client("Eos"), rest)).receipt;
  await act(
    "Boreas and Eos ask the operator in public, have no answer in a week, and unwind without it",
    [...asked, unwound],
    "no positions, no debt, twice",
  );
  for (const name of NAMES) assert(isFlat(client(name).state), `${name} has no positions`);

  const start = await ethers.provider.getBlockNumber();
  await client("Clearing").absorb(CASH_INDEX, reward);
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
    `Everybody leaves; a levy on cash has repaid the ${dollars(levied)} that the fund owed`,
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
    for (const account of NAMES.map((name) => client(name).id)) {
      assert.equal(await creditOf(account, index), 0n, `account ${account} is owed no ${symbol}`);
    }
    custody[symbol] = `${held}`;
  }
  assert.equal(await fundNow(), 0n, "the fund has nothing and owes nothing");
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
    [
      "proofs",
      `${proofs.account} of accounts, ${proofs.settlement} of settlements, ${proofs.lot} of lots, ${proofs.round} of a round`,
    ],
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
    slice: { size: `${end.slice.terms.size}`, price: `${end.sold.price}` },
    closeOut: { size: `${end.closeOut.terms.size}`, debt: `${end.closeOut.debt}`, price: `${end.closed.price}` },
    fund: { donated: `${DONATION}`, loss: `${end.loss}`, levied: `${end.levied}`, left: "0", deficit: "0" },
    paidOut: Object.fromEntries(Object.entries(end.paidOut).map(([name, amount]) => [name, `${amount}`])),
    custody: end.custody,
    picture: path.relative(process.cwd(), path.join(OUT, "index.html")),
  };
  say(`\n${Object.values(proofs).reduce((sum, each) => sum + each)} proofs in ${seconds()} s. The gate holds nothing.`);
  process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
} catch (error) {
  say(`\n${error instanceof Error ? error.stack : error}`);
  process.exitCode = 1;
} finally {
  await prover.close();
}
process.exit(); // the chain keeps the process alive

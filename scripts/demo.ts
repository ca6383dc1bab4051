// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The main job on real input, on a chain inside this process: a market maker deposits, trades, attests, withdraws, is
 * refused, falls below the call level and is flagged; an auditor verifies a proof offline.
 *
 * Story on stdout, progress on stderr, files in build/demo.
 */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify, styleText } from "node:util";
import { type Contract, ContractFactory, type Signer } from "ethers";
import hardhat, { network } from "hardhat";
import { proveEnvelope } from "../prover/src/app/prove-envelope.ts";
import { accountReport } from "../prover/src/app/report.ts";
import { carryEpoch, FAMILY_IDS, publishArguments } from "../prover/src/chain/carrier.ts";
import { AccountClient, type Published } from "../prover/src/chain/client.ts";
import { deploy } from "../prover/src/chain/deploy.ts";
import { type GateCall, signClear } from "../prover/src/chain/gate-calls.ts";
import { openBoard } from "../prover/src/chain/open-board.ts";
import { domainOf, observe, publication } from "../prover/src/chain/publication.ts";
import { PlimsollError } from "../prover/src/errors.ts";
import { type AccountFile, readAccount } from "../prover/src/formats/account.ts";
import { formatDecimal } from "../prover/src/formats/decimal.ts";
import { type MarketFile, readMarket } from "../prover/src/formats/market.ts";
import { readPolicy } from "../prover/src/formats/policy.ts";
import { type Account, genesis, randomViewingKey } from "../prover/src/model/account.ts";
import { commitState } from "../prover/src/model/commit.ts";
import { coverageBpsDown, evaluate } from "../prover/src/model/evaluate.ts";
import { CASH_INDEX } from "../prover/src/model/sizes.ts";
import { type Fill, NO_TRANSFER, noFill } from "../prover/src/model/transition.ts";
import { loadDeployableKey, loadLinkKey, loadVerificationKey } from "../prover/src/node/artifacts.ts";
import { createProver } from "../prover/src/node/prover.ts";
import { createLinkMaker } from "../prover/src/prove/link.ts";
import { sampleFirm } from "../prover/src/risk/board/sample.ts";
import type { CircuitName } from "../prover/src/statement/families.ts";
import { publicInputsOf } from "../prover/src/statement/families.ts";
import type { LevelBps } from "../prover/src/units.ts";

const OUT = path.resolve(import.meta.dirname, "../build/demo");
const SIZE = "board-60";
const started = performance.now();

const say = (text = "") => process.stdout.write(`${text}\n`);
const title = (text: string) => say(`\n${styleText("bold", text)}`);
const row = (label: string, value: string) => say(`  ${label.padEnd(46)}${value.padStart(22)}`);
const short = (value: bigint | string) => {
  const hex = BigInt(value).toString(16).padStart(64, "0");
  return `0x${hex.slice(0, 8)}…${hex.slice(-6)}`;
};
const money = (units: bigint, decimals: number) => {
  const [whole, fraction = ""] = formatDecimal(units, decimals).split(".");
  return `${whole!.replace(/\B(?=(\d{3})+$)/g, ",")}.${fraction.padEnd(2, "0").slice(0, 2)}`;
};
const cash = (amount: string) => BigInt(amount) * 1_000_000n;
const whole = (text: string) => money(BigInt(text), 0).slice(0, -3);
const percent = (bps: bigint | undefined) => (bps === undefined ? "no margin" : `${(Number(bps) / 100).toFixed(2)}%`);

/** Times a step of work and shows it on stderr. */
async function timed<T>(what: string, work: () => Promise<T>): Promise<{ result: T; seconds: string }> {
  process.stderr.write(`  … ${what}`);
  const from = performance.now();
  const result = await work();
  const seconds = `${((performance.now() - from) / 1000).toFixed(2)} s`;
  process.stderr.write(`: ${seconds}\n`);
  return { result, seconds };
}

// ---- The firm, the venue, the market ----

const firm = sampleFirm();
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true, mode: 0o700 }); // it holds what only Atlas may see
const text = (name: string, document: unknown) => {
  const content = `${JSON.stringify(document, null, 2)}\n`;
  writeFileSync(path.join(OUT, name), content, { mode: name.startsWith("private") ? 0o600 : 0o644 });
  return content;
};
const policy = readPolicy(text("policy.json", firm.policy), "policy.json");
const before = readMarket(text("market.json", firm.market), "market.json", policy);
const afterFall = readMarket(text("market-after-fall.json", firm.marketAfterFall), "market-after-fall.json", policy);
const account = (document: unknown, name: string): AccountFile =>
  readAccount(text(`private-${name}.json`, document), `private-${name}.json`, policy, before);
const atlasHas = account(firm.atlas, "atlas").account;
const deposited = account(firm.deposited.atlas, "atlas-deposit").account;
const houseDeposited = account(firm.deposited.house, "house-deposit").account;
const openingFill: Fill = {
  size: SIZE,
  positions: atlasHas.positions,
  collateral: atlasHas.collateral.map(() => 0n),
  cash: atlasHas.cash - deposited.cash,
  blinding: randomViewingKey(),
};
const { initial, call } = policy.levels;

say("Plimsoll: a margin account proves that it is covered, and shows nothing else.");
title("1. What Atlas, a market maker, sees (private)");
const view = evaluate(atlasHas, policy.policy, before.market);
row("cash", `${money(atlasHas.cash, 6)} USDC`);
for (const [index, { symbol, lotDecimals }] of policy.assets.entries()) {
  const { value } = view.assets[index]!;
  const market = before.market.prices[index]! * atlasHas.collateral[index]!;
  row(
    `${formatDecimal(atlasHas.collateral[index]!, lotDecimals)} ${symbol}, worth ${money(market, 16)}, counts`,
    money(value, 20),
  );
}
row(
  "positions at their marks",
  money(
    view.sets.reduce((sum, set) => sum + set.markValue, 0n),
    6,
  ),
);
row("equity", money(view.equity, 20));
const alone = atlasHas.positions.reduce((sum, lots, index) => {
  if (lots === 0n) return sum;
  const single = { ...genesis(SIZE), positions: atlasHas.positions.map((_, other) => (other === index ? lots : 0n)) };
  return sum + evaluate(single as typeof atlasHas, policy.policy, before.market).margin;
}, 0n);
row("margin of each position by itself, summed", money(alone, 10));
row("margin of the netted portfolio", money(view.margin, 10));
row("coverage", percent(coverageBpsDown(view)));

// ---- The chain ----

title("2. The venue opens");
const connection = await network.connect({ override: { initialDate: before.time, gas: 16_000_000n } } as never);
const { ethers } = connection as unknown as { ethers: { getSigners(): Promise<Signer[]> } };
const [venue, atlasSigner, houseSigner, watcher, treasury, operator, ...others] = (await ethers.getSigners()) as [
  Signer,
  Signer,
  Signer,
  Signer,
  Signer,
  Signer,
  ...Signer[],
];
const reporters = others.slice(0, 5);
const prover = createProver();
const { chainId } = await venue.provider!.getNetwork();
const tokens = new Map<number, Contract>();
const artifact = await hardhat.artifacts.readArtifact("TestToken");
for (const [index, symbol, decimals] of [
  ...policy.assets.map(
    ({ symbol, lotDecimals }, index) => [index, symbol, symbol.endsWith("ETH") ? 18 : lotDecimals] as const,
  ),
  [CASH_INDEX, policy.cashSymbol, 6] as const,
]) {
  const token = await new ContractFactory(artifact.abi, artifact.bytecode, venue).deploy(symbol, decimals);
  tokens.set(index, token as Contract);
}
const { result: system } = await timed("deploying verifiers, market and gate", async () =>
  deploy({
    deployer: venue,
    keys: await Promise.all(
      ([SIZE, "settlement-60", "lot-60"] as const).map(async (name) => (await loadDeployableKey(name))!),
    ),
    parameters: {
      owner: await venue.getAddress(),
      guardian: await venue.getAddress(),
      operator: await operator.getAddress(),
      operatorDeadline: 86_400n,
      reporters: await Promise.all(reporters.map((reporter) => reporter.getAddress())),
      quorum: 3n,
      timelock: 172_800n,
      maxMoveBps: 2_000n,
      sequencer: "none",
      boardSize: SIZE,
      keepsBlobs: true,
      staging: false,
      assets: await Promise.all(
        [...tokens].map(async ([index, token]) => ({
          index,
          token: await token.getAddress(),
          lotDecimals: policy.assets[index]?.lotDecimals ?? 6,
          depositCap: 10n ** 17n,
          outflow: 10n ** 15n,
        })),
      ),
    },
  }),
);
const gateAddress = await system.gate.getAddress();
const terms = {
  curePeriod: 3_600n,
  attestInterval: 86_400n,
  stopLimit: 7_200n,
  auctionDuration: 1_200n,
  holdPeriod: 86_400n,
  voidDelay: 600n,
  premiumBps: 500n,
  discountBps: 1_000n,
  levyBps: 50n,
  toleranceBps: 100n,
  maxSlice: cash("1000000"),
  dust: cash("1000"),
  reward: cash("50"),
  tillFloor: 0n,
};
// No feeds here: prices are the median of the reporters', and may move by half in an hour.
const none = { aggregator: `0x${"0".repeat(40)}`, heartbeat: 0, minAnswer: 0, maxAnswer: 0 };
const source = { maxMoveBps: 5_000, deviationBps: 0, apart: false, feed: none, second: none };
const makerOf = async (circuit: CircuitName) => createLinkMaker(await loadLinkKey(circuit));
const link = await makerOf(SIZE);
await timed("linking the policy, opening the board, sealing the gate", () =>
  openBoard(system, {
    size: SIZE,
    policy: policy.policy,
    rules: { levels: policy.levels, maxAge: 3_600n, epochGrace: 60n, terms },
    sources: new Map(policy.assets.map(({ lotDecimals }, index) => [index, { ...source, lotDecimals }])),
    makerOf: async (circuit) => (circuit === SIZE ? link : makerOf(circuit)),
  }),
);

/** Publishes an epoch under three of five signatures and returns what proofs are made under. */
async function publish(file: MarketFile): Promise<Published> {
  const time = BigInt(Date.parse(file.time) / 1000);
  const place = { board: 1n, epoch: file.epoch };
  const { epoch } = publication(file.market, place);
  const domain = domainOf("PriceOracle", chainId, await system.oracle.getAddress());
  const sight = { time, prices: file.market.prices };
  const now = BigInt((await venue.provider!.getBlock("latest"))!.timestamp);
  if (time > now)
    await connection.provider.request({ method: "evm_setNextBlockTimestamp", params: [`0x${time.toString(16)}`] });
  const { result: receipt } = await timed(`linking and publishing epoch ${file.epoch}`, async () => {
    const observations = await observe(reporters.slice(0, 3), domain, epoch, sight);
    const makers = new Map([[FAMILY_IDS.account, link]]);
    const carried = await carryEpoch(system.oracle, makers, file.market, place, observations);
    return (await system.oracle.publish!(...publishArguments(carried))).wait();
  });
  row(`epoch ${file.epoch} opened by 3 of 5 reporters`, `${(Number(receipt.gasUsed) / 1e6).toFixed(2)} M gas`);
  const { policyId } = await system.oracle.outflow!(1);
  return { policyId, epoch: file.epoch, policy: policy.policy, market: file.market };
}
const open = await publish(before);
row("verifier's key (development: local chains only)", short(await system.verifiers.get(SIZE)!.keyHash!()));

const domains = {
  gate: domainOf("MarginGate", chainId, gateAddress),
  exchange: domainOf("Exchange", chainId, await system.exchange.getAddress()),
};
// The operator is told the viewing key when an account opens, and sees the fills it clears; it signs both.
const market = {
  gate: system.gate,
  exchange: system.exchange,
  clearing: system.clearing,
  domains,
  prover,
  cosign: (first: GateCall, second?: GateCall) => signClear(operator, domains, first, second),
};
const member = async (signer: Signer) =>
  (
    await timed("opening an account", () =>
      AccountClient.open(market, signer, { size: SIZE, viewingKey: randomViewingKey() }),
    )
  ).result;
async function fund(client: AccountClient, signer: Signer, asset: number, lots: bigint) {
  if (lots === 0n) return;
  const token = tokens.get(asset)!;
  const amount = lots * (await system.gate.assets!(asset)).lot;
  await (await token.mint!(await signer.getAddress(), amount)).wait();
  await (await (token.connect(signer) as Contract).approve!(gateAddress, amount)).wait();
  await (
    await (system.gate.connect(signer) as Contract).deposit!(client.id, await signer.getAddress(), asset, amount)
  ).wait();
  await timed(`absorbing a deposit of ${asset === CASH_INDEX ? policy.cashSymbol : policy.assets[asset]!.symbol}`, () =>
    client.absorb(asset, lots),
  );
}

title("3. Deposits, then a private trade");
const atlas = await member(atlasSigner);
const house = await member(houseSigner);
await fund(atlas, atlasSigner, CASH_INDEX, deposited.cash);
for (const [asset, lots] of deposited.collateral.entries()) await fund(atlas, atlasSigner, asset, lots);
await fund(house, houseSigner, CASH_INDEX, houseDeposited.cash);
const { result: traded } = await timed("trading: both sides prove initial margin", () =>
  atlas.trade(house, openingFill, initial, open),
);
row("positions opened in one fill", `${atlasHas.positions.filter((lots) => lots !== 0n).length}`);
row("gas of the trade, two proofs verified", `${traded.receipt.gasUsed}`);
say("  What the chain sees of it:");
row("  account 1 became", short(commitState(atlas.state)));
row("  account 2 became", short(commitState(house.state)));
row("  by the fill", short(traded.proof.publicSignals[3]!));
say("  No instrument, no size, no price, no side's gain.");

title("4. Attestation: coverage of at least 150%");
const { result: attested, seconds } = await timed("proving", () => atlas.attest(initial, open));
row("time to prove, verify and settle", seconds);
row("proof", "256 bytes");
row("public signals, of which the call sends one", `${publicInputsOf(SIZE)}`);
row("gas of the attestation", `${attested.receipt.gasUsed}`);

const to = await treasury.getAddress();
title(`5. A withdrawal of ${whole(firm.withdrawals.passes)} USDC`);
const { result: paid } = await timed("proving", () =>
  atlas.withdraw(CASH_INDEX, cash(firm.withdrawals.passes), to, initial, open),
);
row("paid out to the treasury", `${money(await tokens.get(CASH_INDEX)!.balanceOf!(to), 6)} USDC`);
row("gas of the withdrawal", `${paid.receipt.gasUsed}`);
row("coverage after it (private)", percent(coverageBpsDown(evaluate(atlas.state, policy.policy, before.market))));

const solvent = atlas.state;

title(`6. A withdrawal of ${whole(firm.withdrawals.breaches)} USDC would breach the initial margin`);
const tooMuch = cash(firm.withdrawals.breaches);
const refusal = await atlas.withdraw(CASH_INDEX, tooMuch, to, initial, open).then(
  () => undefined,
  (error: unknown) => error,
);
if (!(refusal instanceof PlimsollError && refusal.code === "STATEMENT_FALSE"))
  throw new Error("the prover did not refuse");
row("the prover", refusal.code);
// A true proof of less, sent as if it were enough: the gate asks its own question.
const payment = { asset: BigInt(CASH_INDEX), amount: tooMuch, recipient: to, fee: 0n, least: 0n };
const action = { action: "Withdraw", ...payment } as const;
const movement = { transfer: { asset: CASH_INDEX, amount: -tooMuch } };
const less = await atlas.prepare(action, open, { level: 10_000n as LevelBps, direction: "at-least" }, movement);
const reverted = await (system.gate.connect(atlasSigner) as Contract).withdraw!(less.step, payment).then(
  () => "nothing",
  (error: { data: string }) => system.verifiers.get(SIZE)!.interface.parseError(error.data)?.name ?? error.data,
);
if (reverted !== "ProofInvalid") throw new Error(`the gate did not refuse: ${reverted}`);
row("the gate, given a proof of 100% where 150% is due", reverted);

title("7. Prices fall by 30%");
const fallen = await publish(afterFall);
const after = evaluate(atlas.state, policy.policy, afterFall.market);
row("coverage (private)", percent(coverageBpsDown(after)));
// Whoever has the viewing key and the fills can follow the account: here a risk desk that Atlas gave them to.
// It finds the account in the chain's events, as Atlas would if it lost everything but the key.
const desk = await AccountClient.restore(market, watcher, atlas.id, atlas.state.viewingKey);
const { result: flaggedBy } = await timed("proving that coverage is below 120%", () => desk.flag(call, fallen));
const flags = flaggedBy.receipt.logs.flatMap((log) => system.gate.interface.parseLog(log) ?? []);
row("flag raised at level", percent(flags.find(({ name }) => name === "Flagged")!.args.level));
row("withdrawals", "stopped until coverage is 120% again");

title("8. An auditor verifies offline, with the published policy and market and nothing else");
// From the state that the gate holds: what the account contains is complete because the chain of states is.
const envelope = await proveEnvelope(prover, {
  before: solvent,
  transition: { transfer: NO_TRANSFER, fill: noFill(SIZE), side: 1n },
  level: initial,
  direction: "at-least",
  audience: "Aldgate & Partners, auditors, request 2026-11-22/1",
  policy,
  market: before,
});
text("proof.json", envelope);
await prover.close();
const command = ["verify", "proof.json", "--policy", "policy.json", "--market", "market.json", "--state-before"];
const cli = path.resolve(import.meta.dirname, "../prover/bin/plimsoll.mjs");
const { stdout } = await promisify(execFile)(process.execPath, [cli, ...command, String(commitState(solvent))], {
  cwd: OUT,
});
say(`  $ plimsoll ${command.join(" ")} ${short(commitState(solvent))}`);
for (const line of stdout.trimEnd().split("\n")) say(`  ${line}`);

title("9. The report for Atlas's treasurer");
const key = await loadVerificationKey(SIZE);
const moment = (label: string, note: string, account: Account, market: MarketFile) => ({
  label,
  note,
  account,
  market,
});
const report = accountReport({
  holder: { name: "Atlas", account: solvent },
  policy,
  market: before,
  moments: [
    moment("after the opening trade", "attested", atlasHas, before),
    moment(`after withdrawing ${whole(firm.withdrawals.passes)}`, "paid out", solvent, before),
    moment(`after withdrawing ${whole(firm.withdrawals.breaches)} more`, "refused", less.after, before),
    moment("after prices fall by 30%", "flagged", solvent, afterFall),
  ],
  proofs: [
    {
      statement: "Coverage is at least 150%.",
      proven: true,
      outcome: "Recorded by the gate as an attestation.",
      facts: [
        ["proved and settled in", seconds],
        ["gas", `${attested.receipt.gasUsed}`],
      ],
    },
    {
      statement: `Coverage is at least 150% after ${whole(firm.withdrawals.passes)} USDC have left.`,
      proven: true,
      outcome: "Paid out to the treasury.",
      facts: [["gas", `${paid.receipt.gasUsed}`]],
    },
    {
      statement: `Coverage is at least 150% after ${whole(firm.withdrawals.breaches)} USDC more have left.`,
      proven: false,
      outcome: "Not true, so no proof exists; a proof of 100% was refused by the gate.",
      facts: [],
    },
    {
      statement: "After the fall, coverage is below 120%.",
      proven: true,
      outcome: "The gate raised the flag: withdrawals are stopped.",
      facts: [["gas", `${flaggedBy.receipt.gasUsed}`]],
    },
  ],
  key: { sha256: key.identity.verificationKeySha256, origin: key.identity.origin },
});
writeFileSync(path.join(OUT, "report.html"), report, { mode: 0o600 });
row("written to", path.relative(process.cwd(), path.join(OUT, "report.html")));
process.stderr.write(`  the demo took ${((performance.now() - started) / 1000).toFixed(1)} s\n`);

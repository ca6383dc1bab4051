// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Accounts of an invented venue, as many as wanted, on the sample board.
 *
 * Most hold one to five positions, one in fifty some dozens; one in two hundred makes markets and takes the other side of
 * everything, so that all positions add up to zero. Each has at least 1.2 times its margin, a median of about 3 times.
 */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { formatDecimal, formatLots } from "../../prover/src/formats/decimal.ts";
import { type MarketFile, readMarket } from "../../prover/src/formats/market.ts";
import { type PolicyFile, readPolicy } from "../../prover/src/formats/policy.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { evaluate } from "../../prover/src/model/evaluate.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { Random } from "../../prover/src/risk/outlook/processes.ts";
import { cashE6, type PositionLots } from "../../prover/src/units.ts";

export interface Venue {
  readonly policyText: string;
  readonly marketText: string;
  readonly policy: PolicyFile & { readonly sha256: string };
  readonly market: MarketFile & { readonly sha256: string };
}

/** Policy and market of the invented venue. */
export function sampleVenue(): Venue {
  const sample = sampleFirm();
  const [policyText, marketText] = [sample.policy, sample.market].map((document) => `${JSON.stringify(document)}\n`);
  const policy = readPolicy(policyText!, "policy.json");
  return {
    policyText: policyText!,
    marketText: marketText!,
    policy,
    market: readMarket(marketText!, "market.json", policy),
  };
}

const MAKERS_IN = 200;
const LARGE_IN = 50;
/** A charge that nobody pays. */
const CLOSED = 1n << 50n;
/** Lots that a position has, as a power of ten: from a small hand's to a fund's. */
const SIZE_DECADES = 2.5;

/** Lines of JSON, one an account; the same for the same seed. */
export function* accountLines({ policy, market }: Venue, count: number, seed = 1): Generator<string> {
  const random = new Random(seed);
  // Rows of spot are for the scan of collateral: nobody trades them.
  const rows = [...market.instruments.keys()].filter(
    (row) =>
      (market.instruments[row]?.terms.kind ?? "spot") !== "spot" && market.market.board.rows[row]!.longCharge < CLOSED,
  );
  const makers = Math.max(1, Math.floor(count / MAKERS_IN));
  const books = Array.from({ length: makers }, () => new Map<number, bigint>());
  const worst = new Map(rows.map((row) => [row, worstLossOf(market, row)]));
  const name = (index: number) => `member-${`${index}`.padStart(7, "0")}`;
  for (let index = 0; index < count - makers; index++) {
    const many = random.uniform() * LARGE_IN < 1;
    const positions = new Map<number, bigint>();
    const held = many ? 10 + Math.floor(random.uniform() * 25) : 1 + Math.floor(5 * random.uniform() ** 1.6);
    for (let at = 0; at < held; at++) {
      // The first instruments are those that most trade.
      const row = rows[Math.floor(rows.length * random.uniform() ** 2)]!;
      const lots = BigInt(Math.ceil(10 ** (SIZE_DECADES * random.uniform()))) * (random.uniform() < 0.5 ? 1n : -1n);
      positions.set(row, (positions.get(row) ?? 0n) + lots);
      const maker = books[Math.floor(makers * random.uniform())]!;
      maker.set(row, (maker.get(row) ?? 0n) - lots);
    }
    // At most the sum of the positions' own worst losses.
    let margin = 1_000_000n;
    for (const [row, lots] of positions) margin += (lots < 0n ? -lots : lots) * worst.get(row)!;
    yield lineOf(name(index), positions, margin, { policy, market }, random);
  }
  for (const [at, positions] of books.entries()) {
    const { size } = market.market.board;
    const lots = genesis(size).positions.map((zero, row) => (positions.get(row) ?? zero) as PositionLots);
    const markValue = markValueOf(positions, market);
    const account = { ...genesis(size), positions: lots, cash: cashE6(-markValue) };
    const margin = evaluate(account, policy.policy, market.market).margin / 10_000n + 1_000_000n;
    yield lineOf(name(count - makers + at), positions, margin, { policy, market }, random);
  }
}

function lineOf(
  account: string,
  positions: ReadonlyMap<number, bigint>,
  margin: bigint,
  { policy, market }: Pick<Venue, "policy" | "market">,
  random: Random,
): string {
  const times = 1.2 + Math.exp(0.6 + 0.8 * random.normal());
  const cash = (margin * BigInt(Math.ceil(times * 1000))) / 1000n - markValueOf(positions, market);
  const collateral: Record<string, string> = {};
  if (random.uniform() < 0.3) {
    const { symbol, lotDecimals } = policy.assets[Math.floor(policy.assets.length * random.uniform())]!;
    collateral[symbol] = formatDecimal(BigInt(Math.ceil(10 ** (lotDecimals * random.uniform()))), lotDecimals);
  }
  const open = [...positions].filter(([, lots]) => lots !== 0n);
  return JSON.stringify({
    account,
    member: `Member ${account.slice(-7)} by its own name`,
    cash: formatDecimal(cash, 6),
    collateral,
    positions: Object.fromEntries(
      open.map(([row, lots]) => [market.instruments[row]!.symbol, formatLots(lots, market.instruments[row]!.lot)]),
    ),
  });
}

function markValueOf(positions: ReadonlyMap<number, bigint>, { market }: MarketFile): bigint {
  let sum = 0n;
  for (const [row, lots] of positions) sum += lots * market.board.rows[row]!.mark;
  return sum;
}

/** What one lot can add to margin at most, 1e-6 of quote: its loss on either side in any scenario, and its charge. */
function worstLossOf({ market }: MarketFile, row: number): bigint {
  const { profits, longCharge, shortCharge } = market.board.rows[row]!;
  return (
    profits.reduce<bigint>((most, profit) => {
      const loss = profit < 0n ? -profit : profit;
      return loss > most ? loss : most;
    }, 0n) +
    longCharge +
    shortCharge
  );
}

/** Writes a file of accounts; packed where its name ends in `.gz`. */
export async function writeAccounts(file: string, venue: Venue, count: number, seed?: number): Promise<void> {
  const lines = Readable.from(
    (function* () {
      for (const line of accountLines(venue, count, seed)) yield `${line}\n`;
    })(),
  );
  const out = createWriteStream(file, { mode: 0o600 });
  await (file.endsWith(".gz") ? pipeline(lines, createGzip(), out) : pipeline(lines, out));
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * From the files of venues to one account, with a report of everything that was read: mapped, netted, rounded, left out. PRIVATE.
 *
 * Nothing is dropped in silence. A holding without a place, and an amount that cannot be relied on, makes the account unsettled, and
 * nothing is proven of it; what its owner acknowledges by name becomes an exception that every proof of coverage says.
 */
import { PlimsollError } from "../errors.ts";
import { type AccountDocument, type AccountFile, type NamedText, nameFault, readAccount } from "../formats/account.ts";
import { addDecimals, type Decimal, formatDecimal, simplified } from "../formats/decimal.ts";
import { type Departures, MAX_DEPARTURES } from "../formats/departures.ts";
import { formatJson } from "../formats/json.ts";
import { label } from "../formats/labels.ts";
import type { MarketFile } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";
import { unixTime } from "../formats/time.ts";
import { assemble, type Placed, type Rounding } from "../importers/assemble.ts";
import { EMPTY_MAP, type ImportMap } from "../importers/import-map.ts";
import { Matcher, type Rule } from "../importers/match.ts";
import { compareTotals, type VenueTotals } from "../importers/totals.ts";
import { VENUES } from "../importers/venues/index.ts";
import type { Balance, Snapshot } from "../importers/venues/snapshot.ts";
import { evaluate } from "../model/evaluate.ts";
import { accountWarnings } from "./account-warnings.ts";

/**
 * One venue's files.
 * @see docs/library.md#imports
 */
export interface ImportSource {
  /** `deribit`, `binance`, `okx`, `ccxt`, `ibkr`, `crif` or `csv`. */
  readonly venue: string;
  readonly files: readonly NamedText[];
  /** When they were taken, for files that do not say it. */
  readonly taken?: string | undefined;
}

/**
 * What is to be imported, onto which board.
 * @see docs/library.md#imports
 */
export interface ImportOrder {
  /** Name of the account that is made. */
  readonly account: string;
  /** How many proofs it has had accepted. Default: 0. */
  readonly sequence?: bigint | undefined;
  /** One for each venue. Accounts at the same venue are imported one by one and added up by `provePortfolio`. */
  readonly sources: readonly ImportSource[];
  readonly policy: PolicyFile;
  readonly market: MarketFile;
  /** Names and acknowledgments; none unless given. */
  readonly map?: ImportMap | undefined;
  /** How far from the market's time a source may have been taken, in seconds. Default: 300. */
  readonly tolerance?: number | undefined;
}

/** Sources farther from the market's time than this are an exception that is said, even if the tolerance lets them pass. */
export const TOLERANCE = 300;

/**
 * One holding, as it was read and as it is in the account. Amounts are exact decimal strings.
 * @see docs/library.md#imports
 */
export interface ImportedHolding {
  readonly venue: string;
  readonly name: string;
  /** What the amount is of: "wallets", "contracts", "USD". */
  readonly unit: string;
  readonly read: string;
  /** The asset or instrument that it is in the account; null where it is in none. */
  readonly as: string | null;
  /** In whole units of that; null where it is in none. */
  readonly amount: string | null;
  readonly rule: Rule | null;
}

/**
 * Everything that an import did.
 * @see docs/library.md#imports
 */
export interface ImportReport extends Required<Departures> {
  readonly account: string;
  readonly currency: string;
  readonly marketTime: string;
  readonly times: readonly { readonly venue: string; readonly earliest: string; readonly latest: string }[];
  readonly holdings: readonly ImportedHolding[];
  /** Places in which more than one holding met. */
  readonly netted: readonly { readonly as: string; readonly of: readonly string[] }[];
  readonly rounded: readonly Rounding[];
  readonly leftOut: readonly { readonly name: string; readonly why: string; readonly acknowledged: boolean }[];
  /** Rows of nothing and the like. */
  readonly notes: readonly string[];
  /** What looks wrong in the account: `accountWarnings`. */
  readonly warnings: readonly string[];
  readonly totals: readonly VenueTotals[];
  /** Maintenance margin of the whole account on this board; a decimal string. */
  readonly margin: string;
  /** Entries of the map that nothing needed. */
  readonly unused: readonly string[];
}

/**
 * Reads files of venues into one account. Throws as the readers of the venues; `OUT_OF_RANGE` where a source was taken too far from
 * the market's time; `FIELD_INVALID` where nothing says when it was taken, and for a venue that is there twice.
 *
 *   const sources = [{ venue: "deribit", files: [{ text: positions, file: "positions.json" }, { text: summaries, file: "summaries.json" }] }];
 *   const { document, report } = await importAccount({ account: "Atlas", sources, policy, market });
 *   if (report.unsettled.length > 0) console.warn(report.leftOut);
 */
export async function importAccount(
  order: ImportOrder,
): Promise<{ readonly document: AccountDocument; readonly report: ImportReport }> {
  const { policy, market, map = EMPTY_MAP } = order;
  const account = label(order.account, "account");
  const identity = { account, sequence: order.sequence ?? 0n };
  const fault = nameFault(account);
  if (fault !== undefined) throw new PlimsollError("FIELD_INVALID", fault, { field: "account" });
  const sources = await readSources(order.sources);
  const { times, late } = checkTimes(sources, market.time, order.tolerance ?? TOLERANCE);
  const matcher = new Matcher(policy, market, map);
  const placing = new Placing(matcher, new Set(map.leaveOut), policy, market);
  for (const { venue, snapshot } of sources) placing.add(venue, snapshot);
  const placed = placing.finish();
  const marginOf = (document: AccountDocument): bigint =>
    evaluate(holderOf(document, policy, market).account, policy.policy, market.market).margin;
  const { document, roundings } = assemble(placed, identity, { policy, market }, marginOf);

  const { leftOut, atPar } = placing;
  const exceptions = [
    ...leftOut.flatMap(({ name, acknowledged }) => (acknowledged ? [`left out: ${name}`] : [])),
    ...[...atPar].map((currency) => `counted at par: ${currency} as ${policy.cashSymbol}`),
    ...late,
  ];
  const unsettled = [
    ...leftOut.flatMap(({ name, acknowledged }) => (acknowledged ? [] : [`left out: ${name}`])),
    ...sources.flatMap(({ venue, snapshot }) => snapshot.approximate.map((name) => `approximate: ${venue} ${name}`)),
  ];
  for (const names of [exceptions, unsettled]) {
    if (names.length <= MAX_DEPARTURES) continue;
    const rule = `${names.length} holdings are in no place, and a statement names at most ${MAX_DEPARTURES}: map them`;
    throw new PlimsollError("TOO_LARGE", rule);
  }
  const said = {
    ...(exceptions.length > 0 && { exceptions }),
    ...(unsettled.length > 0 && { unsettled }),
  };
  const named = [...map.instruments.keys(), ...map.assets.keys(), ...map.atPar];
  const report: ImportReport = {
    account,
    currency: policy.cashSymbol,
    marketTime: market.time,
    times,
    holdings: sources.flatMap(({ venue }) => placing.holdings.filter((each) => each.venue === venue)),
    netted: placing.netted(),
    rounded: roundings,
    leftOut,
    notes: sources.flatMap(({ venue, snapshot }) => snapshot.notes.map((note) => `${venue}: ${note}`)),
    warnings: accountWarnings(holderOf(document, policy, market), policy, market),
    totals: compareTotals(sources, placed, { policy, market, atPar: map.atPar }, (own) =>
      marginOf(assemble(own, identity, { policy, market }, marginOf).document),
    ),
    margin: formatDecimal(marginOf(document), 10),
    exceptions,
    unsettled,
    unused: [
      ...named.filter((name) => !matcher.used.has(name)),
      ...map.leaveOut.filter((name) => !leftOut.some((each) => each.name === name)),
    ],
  };
  return { document: { ...document, ...said }, report };
}

/** A source, read. */
interface ReadSource {
  readonly venue: string;
  readonly snapshot: Snapshot;
  readonly times: readonly string[];
}

async function readSources(sources: readonly ImportSource[]): Promise<ReadSource[]> {
  const read: ReadSource[] = [];
  for (const { venue, files, taken } of sources) {
    const row = VENUES.find(({ name }) => name === venue);
    if (row === undefined) {
      const rule = `expected one of ${VENUES.map(({ name }) => name).join(", ")}`;
      throw new PlimsollError("UNKNOWN_NAME", rule, { field: "venue" });
    }
    if (read.some((each) => each.venue === venue)) {
      const rule = `${venue} is there twice: import each account alone, and add them up with plimsoll merge`;
      throw new PlimsollError("FIELD_INVALID", rule, { field: "venue" });
    }
    const snapshot = (await row.reader())(files);
    if (taken !== undefined && snapshot.times.length > 0) {
      const rule = `the files of ${venue} say themselves when they were taken; leave out the time given`;
      throw new PlimsollError("FIELD_INVALID", rule, { field: "taken" });
    }
    const times = taken === undefined ? snapshot.times : [taken];
    if (times.length === 0) {
      const rule = `no file of ${venue} says when it was taken; give the time (--taken ${venue}=2026-11-22T08:00:00Z)`;
      throw new PlimsollError("FIELD_INVALID", rule, { field: "taken" });
    }
    const key = holdingsKey(snapshot);
    const same = key === "" ? undefined : read.find((each) => holdingsKey(each.snapshot) === key);
    if (same !== undefined) {
      const rule = `${venue} holds exactly what ${same.venue} holds: one account, read twice`;
      throw new PlimsollError("FIELD_INVALID", rule, { field: "venue" });
    }
    if (snapshot.day !== undefined) checkDay(venue, snapshot.day, times[0]!);
    read.push({ venue, snapshot, times });
  }
  if (read.length === 0) throw new PlimsollError("FIELD_INVALID", "expected the files of one venue or more");
  return read;
}

/** Positions alone, where there are some: balances move from one minute to the next. */
const holdingsKey = ({ balances, positions }: Snapshot): string =>
  (positions.length > 0
    ? positions.map(({ symbol, quantity }) => `${symbol} ${text(quantity)}`)
    : balances.map(({ asset, amount }) => `${asset} ${text(amount)}`)
  )
    .toSorted()
    .join("\n");

/** The close of a statement's day may be in the next one in UTC, and is in no other. */
function checkDay(venue: string, day: string, taken: string): void {
  const hours = (unixTime(taken) - unixTime(`${day}T00:00:00Z`)) / 3600;
  if (hours >= 0 && hours <= 36) return;
  const rule = `the statement of ${venue} is of ${day}; give the time of that day's close in UTC`;
  throw new PlimsollError("FIELD_INVALID", rule, { field: "taken" });
}

/** When each source was taken, and the words for those farther from the market's time than anyone would expect. */
function checkTimes(sources: readonly ReadSource[], marketTime: string, tolerance: number) {
  const late: string[] = [];
  const times = sources.map(({ venue, times: all }) => {
    const sorted = all.toSorted();
    const apart = all.map((time) => unixTime(time) - unixTime(marketTime));
    const most = apart.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0]!;
    const words = `${Math.abs(most)} s ${most < 0 ? "before" : "after"} the prices`;
    if (Math.abs(most) > tolerance) {
      const rule = `${venue} was taken ${words} of ${marketTime}, and at most ${tolerance} s are tolerated; import at another market, or say that it may be (--tolerance)`;
      throw new PlimsollError("OUT_OF_RANGE", rule);
    }
    if (Math.abs(most) > TOLERANCE) late.push(`taken ${words}: ${venue}`);
    return { venue, earliest: sorted[0]!, latest: sorted.at(-1)! };
  });
  return { times, late };
}

const holderOf = (document: AccountDocument, policy: PolicyFile, market: MarketFile): AccountFile =>
  readAccount(formatJson(document), "the import", policy, market);

const ZERO: Decimal = { units: 0n, decimals: 0 };
const text = (value: Decimal) => {
  const { units, decimals } = simplified(value);
  return formatDecimal(units, decimals);
};

/** Gives each holding of each venue its place, or names it as left out. */
class Placing {
  /** Once finished: balances, then positions. */
  readonly holdings: ImportedHolding[] = [];
  readonly leftOut: { name: string; why: string; acknowledged: boolean }[] = [];
  readonly atPar = new Set<string>();
  readonly #placed: Placed[] = [];
  /** Balances as they were read, of which `#placed` has the sums. */
  readonly #read: { readonly venue: string; readonly asset: string; readonly balances: readonly Balance[] }[] = [];
  readonly #matcher: Matcher;
  readonly #leaveOut: ReadonlySet<string>;
  readonly #policy: PolicyFile;
  readonly #market: MarketFile;

  constructor(matcher: Matcher, leaveOut: ReadonlySet<string>, policy: PolicyFile, market: MarketFile) {
    this.#matcher = matcher;
    this.#leaveOut = leaveOut;
    this.#policy = policy;
    this.#market = market;
  }

  add(venue: string, { balances, positions, unusable }: Snapshot): void {
    for (const { name, why } of unusable) this.#leave(`${venue} ${name}`, why);
    for (const of of Map.groupBy(balances, ({ asset }) => asset).values()) this.#addBalances(venue, of);
    for (const position of positions) {
      const { symbol, source, quantity } = position;
      const name = `${venue} ${symbol}`;
      const place = this.#matcher.instrument(venue, position);
      const read = { venue, name: symbol, unit: source.unit, read: text(source.amount) };
      if ("why" in place || this.#leaveOut.has(name)) {
        this.holdings.push({ ...read, as: null, amount: null, rule: null });
        this.#leave(name, "why" in place ? place.why : "as its owner says");
        continue;
      }
      const fault = this.#fundingFault(place.row, place.coin);
      if (fault !== undefined) {
        this.holdings.push({ ...read, as: null, amount: null, rule: null });
        this.#leave(name, fault);
        continue;
      }
      for (const currency of place.atPar) this.atPar.add(currency);
      const as = this.#market.instruments[place.row]!.symbol;
      this.holdings.push({ ...read, as, amount: text(quantity), rule: place.rule });
      this.#placed.push({ venue, position, place });
    }
  }

  /** Coin cash has no funding in it, so a row whose mark counts funding in coin would count it for the wrong holder. */
  #fundingFault(row: number, coin: number | undefined): string | undefined {
    if (coin === undefined || this.#market.instruments[row]!.terms.kind !== "inverse-perpetual") return undefined;
    const counted = this.#market.market.board.rows[row]!.delta !== 0n;
    return counted ? "the mark of its row counts funding paid in coin, which balances have paid already" : undefined;
  }

  #addBalances(venue: string, balances: readonly Balance[]): void {
    const { asset } = balances[0]!;
    const net = addDecimals(...balances.map(({ amount }) => amount));
    const place = this.#matcher.asset(venue, asset, balances);
    const name = `${venue} ${asset}${net.units < 0n ? " debt" : ""}`;
    if ("why" in place || this.#leaveOut.has(name)) {
      if (net.units !== 0n) this.#leave(name, "why" in place ? place.why : "as its owner says");
      this.#list(venue, balances);
      return;
    }
    // A map that calls something else cash says the same as --at-par.
    if (place.cash && (place.rule === "at par" || place.rule === "map") && net.units !== 0n) this.atPar.add(asset);
    this.#placed.push({ venue, balance: { asset, amount: net, of: "net" }, place });
    this.#read.push({ venue, asset, balances });
  }

  #list(venue: string, balances: readonly Balance[], as: string | null = null, rule: Rule | null = null): void {
    for (const { asset, amount, of } of balances) {
      const read = text(amount);
      this.holdings.push({ venue, name: asset, unit: of, read, as, amount: as === null ? null : read, rule });
    }
  }

  /** What has a place; debts in assets that only the policy lists are left out where other venues do not hold as much. */
  finish(): readonly Placed[] {
    const sums = new Map<number, Decimal>();
    for (const holding of this.#placed) {
      if (!("balance" in holding) || holding.place.asset === undefined) continue;
      const { asset } = holding.place;
      sums.set(asset, addDecimals(sums.get(asset) ?? ZERO, holding.balance.amount));
    }
    const positions = this.holdings.splice(0);
    const placed = this.#placed.filter((holding) => {
      if (!("balance" in holding)) return true;
      const { venue, place, balance } = holding;
      const { balances } = this.#read.find((each) => each.venue === venue && each.asset === balance.asset)!;
      const owed = place.asset !== undefined && sums.get(place.asset)!.units < 0n;
      if (owed && place.row === undefined && balance.amount.units < 0n) {
        this.#list(venue, balances);
        const why = "collateral is never below zero, and the market has no row of debts in it";
        this.#leave(`${venue} ${balance.asset} debt`, why);
        return false;
      }
      if (place.cash) {
        this.#list(venue, balances, this.#policy.cashSymbol, place.rule);
        return true;
      }
      const inRow = place.asset === undefined || (owed && place.row !== undefined);
      const { symbol } = inRow ? this.#market.instruments[place.row!]! : this.#policy.assets[place.asset]!;
      this.#list(venue, balances, symbol, place.rule);
      return true;
    });
    this.holdings.push(...positions);
    return placed;
  }

  netted(): ImportReport["netted"] {
    const groups = Map.groupBy(
      this.holdings.filter(({ as }) => as !== null),
      ({ as }) => as!,
    );
    return [...groups].flatMap(([as, of]) =>
      of.length < 2 ? [] : [{ as, of: of.map(({ venue, name, read }) => `${venue} ${name} ${read}`) }],
    );
  }

  #leave(name: string, why: string): void {
    if (this.leftOut.some((each) => each.name === name)) return;
    this.leftOut.push({ name, why, acknowledged: this.#leaveOut.has(name) });
  }
}

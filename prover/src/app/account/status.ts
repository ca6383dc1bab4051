// SPDX-License-Identifier: GPL-3.0-or-later
/** Where an account stands at its gate: what everybody can see, and with the venue's files what only its owner can. PRIVATE. */
import { latestEvent } from "../../chain/events.ts";
import { type AssetView, assetsOf, type GateView } from "../../chain/gate-view.ts";
import { publishedAt, type VenueFiles } from "../../chain/published.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { formatDecimal } from "../../formats/decimal.ts";
import { CASH_DECIMALS, LEVELS, type LevelName } from "../../formats/policy.ts";
import type { Account } from "../../model/account.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../model/evaluate.ts";
import { CASH_INDEX } from "../../model/sizes.ts";
import { applyTransition, noFill } from "../../model/transition.ts";
import { type AccountMachine, currentState, numberOf, openSession, type Session } from "./session.ts";

/** `IMarginGate.Stage`. */
export const STAGES = ["healthy", "called", "liquidating", "closed"] as const;
const RETIRED = (1n << 24n) - 1n;

/**
 * Of an asset, in whole units.
 * @see docs/library.md#an-account-on-chain
 */
export interface AssetStatus {
  readonly asset: number;
  readonly symbol: string;
  readonly token: string;
  /** Paid in and not absorbed. */
  readonly credit: string;
  /** May leave the gate now, of all accounts. */
  readonly mayLeave: string;
  /** May be paid in, of all accounts. */
  readonly mayCome: string;
  /** PRIVATE: in the account. */
  readonly held: string;
  /** PRIVATE: can be withdrawn at the initial level; null without the venue's files, or while nothing can. */
  readonly withdrawable: string | null;
}

/**
 * A deadline on the board's clock, which runs only while the market can be attested under.
 * @see docs/library.md#an-account-on-chain
 */
export interface ClockDeadline {
  /** Seconds of the clock that are left; negative once it has passed. */
  readonly seconds: string;
  /** Unix seconds when that is at the earliest. */
  readonly earliest: string;
}

/**
 * Where an account stands.
 * @see docs/library.md#an-account-on-chain
 */
export interface AccountStatus {
  readonly account: string;
  readonly gate: string;
  readonly chainId: string;
  readonly owner: string;
  readonly agent: string | null;
  readonly commitment: string;
  readonly stage: (typeof STAGES)[number];
  /** It unwound: it absorbs and exits, and does nothing else. */
  readonly retired: boolean;
  /** Until when it has to attest; anybody may hold it afterwards. */
  readonly attestBy: ClockDeadline;
  /** Until when it is to be healthy again; null while it is. */
  readonly cureBy: ClockDeadline | null;
  /** Null where it is not held. */
  readonly heldUntil: ClockDeadline | null;
  /** An epoch in which it was found wanting: attest by this or a later one. Null where there is none. */
  readonly belowEpoch: string | null;
  /** What it owes the fund, in cash. */
  readonly owed: string;
  /** Settlements that it has to pass first. */
  readonly settlementsDue: string;
  /** Price of its lot on auction now, in cash; null where none is. */
  readonly lot: { readonly id: string; readonly price: string; readonly voidFrom: ClockDeadline } | null;
  readonly operator: { readonly address: string; readonly silent: boolean; readonly requestedAt: string | null };
  /** Why nothing can be withdrawn by the market now; null where it can. */
  readonly marketClosed: string | null;
  readonly epoch: string;
  /** What the fund owes, in cash: a levy is kept back of cash that leaves. */
  readonly fundOwes: string;
  readonly assets: readonly AssetStatus[];
  /** PRIVATE; null without the venue's files. */
  readonly coverage: {
    readonly bps: string | null;
    readonly level: LevelName | null;
    readonly positions: number;
  } | null;
  /** What is being sent, and whether the chain has it. */
  readonly sending: { readonly words: string; readonly landed: boolean } | null;
  readonly opening: boolean;
}

const cash = (units: bigint) => formatDecimal(units, CASH_DECIMALS);

/**
 * Looks at an account. With policy and market it says what can be withdrawn and which level is reached.
 * @see docs/library.md#an-account-on-chain
 */
export async function accountStatus(
  machine: AccountMachine,
  { viewingKey, files }: { readonly viewingKey: FieldElement; readonly files?: VenueFiles | undefined },
): Promise<AccountStatus> {
  const session = await openSession(machine, viewingKey);
  const account = numberOf(session);
  const state = await currentState(session);
  const { view, record } = session;
  return view.told(async () => {
    const at = await heldAt(view, account, machine);
    const [assets, market] = [await assetsOf(view), await marketOf(view)];
    const stage = STAGES[Number(at.held.stage)]!;
    const retired = at.held.settled === RETIRED;
    const values = files === undefined ? undefined : await valuesOf(session, files);
    const mayWithdraw = stage === "healthy" && at.heldUntil === null && at.held.owed === 0n && market.closed === null;
    const { evaluation } = values?.evaluated(state) ?? {};
    return {
      account: `${account}`,
      ...{ gate: record.gate, chainId: record.chainId, owner: record.owner },
      agent: BigInt(at.held.agent) === 0n ? null : at.held.agent,
      commitment: `${at.held.state}`,
      ...{ stage, retired },
      attestBy: at.attestBy,
      cureBy: stage === "healthy" ? null : at.cureBy,
      heldUntil: at.heldUntil,
      belowEpoch: stage !== "healthy" && at.held.belowEpoch > 0n ? `${at.held.belowEpoch}` : null,
      owed: cash(at.held.owed),
      settlementsDue: retired ? "0" : `${at.settlements - at.held.settled}`,
      lot: await lotOf(view, account, at.deadline),
      operator: at.operator,
      marketClosed: market.closed,
      epoch: `${market.epoch}`,
      fundOwes: cash(at.fund < 0n ? -at.fund / assets.at(-1)!.lot : 0n),
      assets: await Promise.all(
        assets.map((asset) => assetOf(view, account, asset, state, mayWithdraw ? values?.most : undefined)),
      ),
      coverage:
        evaluation === undefined || files === undefined
          ? null
          : {
              bps: coverageBpsDown(evaluation)?.toString() ?? null,
              level: LEVELS.find((level) => isAtLeast(evaluation, files.policy.levels[level])) ?? null,
              positions: state.positions.filter((lots) => lots !== 0n).length,
            },
      sending: record.sending && { words: record.sending.words, landed: record.sending.landed === true },
      opening: record.opening !== null,
    };
  });
}

/**
 * What everybody can see of an account: whether it is well, and by when it has to attest.
 * @see docs/library.md#an-account-on-chain
 */
export interface GateStanding extends Pick<AccountStatus, "stage" | "attestBy" | "heldUntil"> {
  /** Seconds of the board's clock since the last attestation. */
  readonly age: bigint;
  /** Seconds of that clock between two attestations. */
  readonly interval: bigint;
}

/**
 * Looks at an account from outside.
 * @see docs/library.md#an-account-on-chain
 */
export const gateStanding = (
  view: GateView,
  account: bigint,
  machine: Pick<AccountMachine, "provider">,
): Promise<GateStanding> =>
  view.told(async () => {
    const { held, attestBy, heldUntil, age, interval } = await heldAt(view, account, machine);
    return { stage: STAGES[Number(held.stage)]!, attestBy, heldUntil, age, interval };
  });

/** The public side of the account, and its deadlines. */
async function heldAt(
  { gate, exchange, market, board }: GateView,
  account: bigint,
  { provider }: Pick<AccountMachine, "provider">,
) {
  const ask = (contract: typeof gate, method: string, ...args: unknown[]) => contract.getFunction(method)(...args);
  const [held, clock, terms, settlements, fund, block] = await Promise.all([
    ask(gate, "accountOf", account),
    ask(market, "clock", board) as Promise<bigint>,
    ask(market, "termsOf", board),
    ask(market, "settlementsOf", board) as Promise<bigint>,
    ask(gate, "fund") as Promise<bigint>,
    provider.getBlock("latest"),
  ]);
  const [address, seen, wait, requested] = await Promise.all([
    ask(exchange, "operator"),
    ask(exchange, "operatorSeen") as Promise<bigint>,
    ask(exchange, "operatorDeadline") as Promise<bigint>,
    ask(exchange, "requestedAt", account) as Promise<bigint>,
  ]);
  const now = BigInt(block!.timestamp);
  const deadline = (until: bigint): ClockDeadline => ({
    seconds: `${until - clock}`,
    earliest: `${now + (until > clock ? until - clock : 0n)}`,
  });
  return {
    ...{ held, settlements, fund, deadline },
    age: clock - (held.provenAt as bigint),
    interval: terms.attestInterval as bigint,
    attestBy: deadline(held.provenAt + terms.attestInterval),
    cureBy: deadline(held.calledAt + terms.curePeriod),
    heldUntil: held.heldUntil > clock ? deadline(held.heldUntil) : null,
    operator: { address, silent: now - seen > wait, requestedAt: requested === 0n ? null : `${requested}` },
  };
}

async function marketOf({ market, board, told }: GateView): Promise<{ epoch: bigint; closed: string | null }> {
  const epoch: bigint = await market.getFunction("epochOf")(board);
  const closed = await told(() => market.getFunction("outflow")(board)).then(
    () => null,
    (error) => {
      if (error instanceof PlimsollError && error.code === "CALL_REFUSED") return error.rule;
      throw error;
    },
  );
  return { epoch, closed };
}

async function lotOf({ liquidation, onStep }: GateView, account: bigint, deadline: (until: bigint) => ClockDeadline) {
  const id: string = await liquidation.getFunction("auctionOf")(account);
  if (BigInt(id) === 0n) return null;
  const event = await latestEvent(liquidation, liquidation.filters.LotStarted!(account, id), { onStep });
  if (event === undefined) throw new PlimsollError("CHAIN_FAILED", "the node does not tell of the auction's start");
  const { lot } = event.args;
  const price: bigint = await liquidation.getFunction("priceOf")(lot);
  return { id, price: cash(price), voidFrom: deadline(lot.voidFrom) };
}

async function assetOf(
  { gate }: GateView,
  account: bigint,
  { index, symbol, token, lot, lotDecimals }: AssetView,
  state: Account,
  most: ((asset: number, state: Account) => bigint) | undefined,
): Promise<AssetStatus> {
  const [credits, limits, custody, block] = await Promise.all([
    gate.getFunction("creditsOf")(account),
    gate.getFunction("limitsOf")(index),
    gate.getFunction("custodyOf")(index) as Promise<bigint>,
    gate.runner!.provider!.getBlock("latest"),
  ]);
  const held = index === CASH_INDEX ? state.cash : state.collateral[index]!;
  const inside = custody / lot;
  const left = leavesNow(limits, inside, BigInt(block!.timestamp));
  const text = (lots: bigint) => formatDecimal(lots, lotDecimals);
  const mine = most === undefined ? undefined : least(most(index, state), left);
  return {
    ...{ asset: index, symbol, token },
    credit: text(credits[index] / lot),
    mayLeave: text(left),
    mayCome: text(limits.depositCap > inside ? limits.depositCap - inside : 0n),
    held: text(held),
    withdrawable: mine === undefined ? null : text(mine),
  };
}

const least = (one: bigint, other: bigint) => (one < other ? one : other);
const HOUR = 3_600n;
/** Of custody, that may always leave in an hour. */
const ALWAYS = 720n;

/** Lots that may leave now: the limit of an hour, less what has left and has not been worked off. */
function leavesNow(
  { outflow, used, time }: { readonly outflow: bigint; readonly used: bigint; readonly time: bigint },
  custody: bigint,
  now: bigint,
): bigint {
  const limit = outflow > custody / ALWAYS ? outflow : custody / ALWAYS;
  const worked = now > time ? (limit * (now - time)) / HOUR : 0n;
  const spent = least(used, limit);
  return least(limit - (spent > worked ? spent - worked : 0n), custody);
}

/** The account's values under the venue's files. Undefined while the market is not usable. */
async function valuesOf({ view }: Session, files: VenueFiles) {
  const published = await publishedAt(view, files, "attesting").catch((error: unknown) => {
    if (error instanceof PlimsollError && error.code === "CALL_REFUSED") return undefined;
    throw error;
  });
  if (published === undefined) return undefined;
  const { policy, market } = published;
  const { initial } = files.policy.levels;
  const evaluated = (account: Account) => ({ evaluation: evaluate(account, policy, market) });
  /** Whether the account keeps the initial level without so much of an asset. */
  const keeps = (state: Account, asset: number, lots: bigint): boolean => {
    const moved = { transfer: { asset, amount: -lots }, fill: noFill(state.size), side: 1n as const };
    return isAtLeast(evaluate(applyTransition(state, moved), policy, market), initial);
  };
  return { evaluated, most: (asset: number, state: Account) => mostWithdrawable(state, asset, keeps) };
}

/**
 * The largest amount of an asset that can be withdrawn, in lots. Less of collateral that hedges may need more of the rest, so between
 * amounts that can be withdrawn there may be some that cannot: this one can.
 */
export function mostWithdrawable(
  state: Account,
  asset: number,
  keeps: (state: Account, asset: number, lots: bigint) => boolean,
): bigint {
  // Cash may become negative, as far as the initial level lets it.
  let [low, high] = [0n, asset === CASH_INDEX ? 1n << 62n : state.collateral[asset]!];
  if (!keeps(state, asset, 0n)) return 0n;
  if (asset !== CASH_INDEX && keeps(state, asset, high)) return high;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (keeps(state, asset, middle)) low = middle;
    else high = middle;
  }
  return low;
}

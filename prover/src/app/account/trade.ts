// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A trade of two accounts: one owner offers it, signed; the other owner, who states the same terms by itself, signs too; the operator
 * settles both (`settleTrade`). Either owner proves its own account alone, and nobody's signature is good for anything else.
 *
 * Not here: trades of several instruments or of collateral (`AccountClient.trade`), and what an agent signs.
 */
import { z } from "zod";
import type { Published } from "../../chain/client.ts";
import type { GateView } from "../../chain/gate-view.ts";
import { publishedAt, type VenueFiles } from "../../chain/published.ts";
import { PlimsollError } from "../../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../../field.ts";
import type { NamedText } from "../../formats/account.ts";
import {
  type Decimal,
  floorTo,
  formatDecimal,
  formatLots,
  lotsOf,
  multiplied,
  parseDecimal,
  quotientDown,
  simplified,
} from "../../formats/decimal.ts";
import type { MarketFile } from "../../formats/market.ts";
import { CASH_DECIMALS } from "../../formats/policy.ts";
import { timeText } from "../../formats/time.ts";
import { randomViewingKey } from "../../model/account.ts";
import { commitFill } from "../../model/commit.ts";
import { type Fill, noFill, type Side } from "../../model/transition.ts";
import { within } from "../../risk/input.ts";
import type { Mine } from "./moves.ts";
import {
  type AccountMachine,
  clientOf,
  currentState,
  numberOf,
  openSession,
  type Session,
  signerOf,
} from "./session.ts";
import { readHanded, type SignedSide, side, sideDocument, sideOf, word } from "./signed-side.ts";

const place = {
  chainId: word(256),
  gate: z.string().regex(/^0x[0-9a-fA-F]{40}$/, "expected an address: 0x and 40 hexadecimal digits"),
};
const terms = z.strictObject({
  format: z.literal("plimsoll-trade-terms/1"),
  direction: z.enum(["buy", "sell"]),
  /** Its symbol in the venue's market file. */
  instrument: z.string(),
  /** Above zero, in the instrument's own unit. */
  quantity: z.string(),
  /** Cash for one unit of the quantity; zero or more. */
  price: z.string(),
});
const offer = z.strictObject({
  format: z.literal("plimsoll-trade-offer/1"),
  ...place,
  /** PRIVATE to both owners: with it, terms that are guessed can be compared with the fill's commitment. */
  blinding: word(256),
  side,
});
const trade = z.strictObject({
  format: z.literal("plimsoll-trade/1"),
  ...place,
  /** Applies the fill with +1: the side that was offered. */
  a: side,
  b: side,
});

/**
 * A signed offer of a trade. PRIVATE to both owners; it does not say the terms.
 * @see docs/library.md#an-account-on-chain
 */
export type TradeOffer = z.infer<typeof offer>;
/**
 * A trade that both owners signed, for the operator. Public: it says no more than the chain will.
 * @see docs/library.md#an-account-on-chain
 */
export type SignedTrade = z.infer<typeof trade>;

/**
 * Reads terms. Throws `SYNTAX` and `FIELD_INVALID`.
 * @see docs/library.md#an-account-on-chain
 */
export const readTradeTerms = (given: NamedText): TradeTerms => readHanded(terms, given);
/**
 * Reads an offer. Throws `SYNTAX` and `FIELD_INVALID`.
 * @see docs/library.md#an-account-on-chain
 */
export const readTradeOffer = (given: NamedText): TradeOffer => readHanded(offer, given);
/**
 * Reads a signed trade. Throws `SYNTAX` and `FIELD_INVALID`.
 * @see docs/library.md#an-account-on-chain
 */
export const readSignedTrade = (given: NamedText): SignedTrade => readHanded(trade, given);

/**
 * What an account trades, as its owner states it: decimals in the units of the venue's market file. PRIVATE.
 * @see docs/library.md#an-account-on-chain
 */
export type TradeTerms = Omit<z.infer<typeof terms>, "format">;

/**
 * Who trades what with whom.
 * @see docs/library.md#an-account-on-chain
 */
export interface TradeOrder extends Mine, VenueFiles {
  /** Number of the other account. */
  readonly counterparty: bigint;
  readonly terms: TradeTerms;
}

/**
 * Offers a trade to another account: proves this account after it, and signs. Throws `STATEMENT_FALSE` where the account would not keep
 * the initial level.
 * @param validity seconds for which the offer is good; never beyond the standing epoch
 * @see docs/library.md#an-account-on-chain
 */
export async function proposeTrade(
  machine: AccountMachine,
  { validity, ...order }: TradeOrder & { readonly validity: bigint },
): Promise<TradeOffer> {
  if (validity < 1n || validity > LONGEST) {
    throw new PlimsollError("OUT_OF_RANGE", `expected 1 to ${LONGEST} seconds`, { field: "validity" });
  }
  const begun = await begin(machine, order);
  const blinding = randomViewingKey();
  const { chainId, address: gate } = begun.session.view;
  const fill = fillOf(begun.session.view, order, { side: 1n, blinding });
  const signed = await sign(begun, order, { side: 1n, fill, deadline: begun.now + validity });
  return { format: "plimsoll-trade-offer/1", chainId: `${chainId}`, gate, blinding: `${blinding}`, side: signed };
}

/**
 * Agrees to a trade that another account's owner offered, where it is the one of these terms: proves this account after it, signs, and
 * tries both sides against the chain. Throws `FIELD_INVALID` where the offer is another one, or not good any more, `CALL_REFUSED` where
 * the chain would refuse it, `STATEMENT_FALSE` as `proposeTrade`.
 * @see docs/library.md#an-account-on-chain
 */
export async function agreeToTrade(
  machine: AccountMachine,
  { offer: offered, ...order }: TradeOrder & { readonly offer: TradeOffer },
): Promise<SignedTrade> {
  const begun = await begin(machine, order);
  const { view } = begun.session;
  const { chainId, gate, side: theirs } = offered;
  const blinding = BigInt(offered.blinding);
  if (blinding < 1n || blinding >= FIELD_ORDER) throw refusal("blinding", "expected a field element");
  const fill = fillOf(view, order, { side: -1n, blinding: blinding as FieldElement });
  checkPlace(view, offered, "offer");
  const rules: readonly (readonly [string, unknown, unknown, string])[] = [
    ["side.account", theirs.account, order.counterparty, "the offer is another account's"],
    ["side.counterparty", theirs.counterparty, begun.account, "the offer is to another account"],
    ["side.fill", theirs.fill, commitFill(fill), "the offer is not of these terms: compare them with the other owner"],
    ["side.epoch", theirs.epoch, begun.published.epoch, `the standing epoch is ${begun.published.epoch}: ${AGAIN}`],
    ["side.stateBefore", theirs.stateBefore, begun.theirState, `the other account has moved on since: ${AGAIN}`],
  ];
  for (const [field, given, expected, rule] of rules) if (given !== `${expected}`) throw refusal(field, rule);
  const deadline = BigInt(theirs.deadline);
  if (deadline < begun.now) throw refusal("side.deadline", `the offer has lapsed: ${AGAIN}`);
  // What is signed for it is good for as long.
  if (deadline > begun.now + LONGEST) {
    throw refusal("side.deadline", `the offer is good for more than ${LONGEST} seconds`);
  }
  const mine = await sign(begun, order, { side: -1n, fill, deadline });
  const agreed: SignedTrade = { format: "plimsoll-trade/1", chainId, gate, a: theirs, b: mine };
  await view.told(async () => {
    const operator: string = await view.exchange.getFunction("operator")();
    await view.exchange.getFunction("trade").staticCall(exchangeTrade(agreed), { from: operator });
  });
  return agreed;
}
const AGAIN = "ask for a new offer";
/** A day. */
const LONGEST = 86_400n;

const refusal = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { field });

/** Throws `FIELD_INVALID` where a document is for another gate. */
export function checkPlace(
  { chainId, address }: GateView,
  given: Pick<TradeOffer, "chainId" | "gate">,
  what: "offer" | "trade",
): void {
  if (given.chainId === `${chainId}` && given.gate.toLowerCase() === address.toLowerCase()) return;
  throw refusal("gate", `the ${what} is for another gate`);
}

/** As the exchange takes it from the operator, whose sending is its agreement. */
export const exchangeTrade = ({ a, b }: Pick<SignedTrade, "a" | "b">) => ({
  ...{ a: sideOf(a), b: sideOf(b) },
  ...{ fill: BigInt(a.fill), operatorSignature: "0x" },
});

interface Begun {
  readonly session: Session;
  readonly account: bigint;
  readonly published: Published;
  /** Of the other account. */
  readonly theirOwner: string;
  readonly theirState: bigint;
  /** Unix seconds by the chain. */
  readonly now: bigint;
}

async function begin(machine: AccountMachine, { viewingKey, counterparty, ...files }: TradeOrder): Promise<Begun> {
  const session = await openSession(machine, viewingKey);
  const account = numberOf(session);
  const { view } = session;
  if (counterparty === account) throw refusal("counterparty", "an account does not trade with itself");
  const published = await publishedAt(view, files, "outflow");
  const [{ owner: theirOwner, state: theirState }, block] = await view.told(() =>
    Promise.all([view.gate.getFunction("accountOf")(counterparty), machine.provider.getBlock("latest")]),
  );
  await currentState(session);
  return { session, account, published, theirOwner, theirState, now: BigInt(block!.timestamp) };
}

/** Asks, proves and signs. */
async function sign(
  { session, account, published, theirOwner }: Begun,
  { counterparty, terms, market, policy }: TradeOrder,
  { side, fill, deadline }: { readonly side: Side; readonly fill: Fill; readonly deadline: bigint },
): Promise<SignedSide> {
  const { machine, view, record } = session;
  const signer = signerOf(machine);
  const until = timeText(new Date(Number(deadline) * 1000));
  await machine.consent({
    words: `sign that account ${account} ${termsWords(terms, market)}, with account ${counterparty} of ${theirOwner}, until ${until} and in epoch ${published.epoch} alone`,
    shows: "once it is settled, that the two accounts traded and keep the initial level, and not what they traded",
    ...{ chainId: view.chainId, gate: record.gate, from: record.owner, most: 0n },
  });
  machine.onStep?.("proving");
  const client = clientOf(session, signer, { deadline });
  const { side: signed } = await view
    .told(() => client.tradingSide(counterparty, fill, side, policy.levels.initial, published))
    .catch((error: unknown) => {
      throw error instanceof PlimsollError && error.code === "STATEMENT_FALSE"
        ? new PlimsollError("STATEMENT_FALSE", "the account would not keep the initial level after this trade")
        : error;
    });
  return sideDocument(counterparty, commitFill(fill), signed);
}

/** Row of the instrument, and whole lots of it and of cash. Throws `UNKNOWN_NAME`, `FIELD_INVALID`, `NOT_A_MULTIPLE`, `OUT_OF_RANGE`. */
function amountsOf({ instrument, quantity, price }: TradeTerms, { instruments }: MarketFile) {
  const row = instruments.findIndex((each) => each?.symbol === instrument);
  const lot = instruments[row]?.lot;
  if (lot === undefined) {
    throw new PlimsollError("UNKNOWN_NAME", "the market file has no such instrument", { field: "instrument" });
  }
  const size = within("quantity", () => decimalFrom(quantity, 1n, "expected a quantity above zero"));
  const each = within("price", () => decimalFrom(price, 0n, "expected a price of zero or more"));
  const lots = within("quantity", () => lotsOf(size, lot));
  const worth = simplified(multiplied(size, each));
  if (worth.decimals > CASH_DECIMALS) {
    const least = formatDecimal(1n, CASH_DECIMALS);
    throw new PlimsollError("NOT_A_MULTIPLE", `expected quantity times price to be a multiple of ${least} in cash`, {
      field: "price",
    });
  }
  const cash = floorTo(worth, CASH_DECIMALS);
  return { row, lot, lots, cash };
}

function decimalFrom(text: string, least: bigint, rule: string): Decimal {
  const value = parseDecimal(text);
  if (value.units >= least) return value;
  throw new PlimsollError("OUT_OF_RANGE", rule);
}

/** The fill of terms that the account of a side states. */
function fillOf(
  { size }: Pick<GateView, "size">,
  { terms, market }: Pick<TradeOrder, "terms" | "market">,
  { side, blinding }: { readonly side: Side; readonly blinding: FieldElement },
): Fill {
  const { row, lots, cash } = amountsOf(terms, market);
  const sign = terms.direction === "buy" ? side : -side;
  const empty = noFill(size);
  return {
    ...empty,
    positions: empty.positions.map((_, at) => (at === row ? sign * lots : 0n)),
    cash: -sign * cash,
    blinding,
  };
}

/** Terms in words, with what the venue's market file marks the instrument at. */
export function termsWords(terms: TradeTerms, market: MarketFile): string {
  const { row, lot, lots, cash } = amountsOf(terms, market);
  const marked = { units: market.market.board.rows[row]!.mark, decimals: CASH_DECIMALS };
  const mark = quotientDown(marked, lot, CASH_DECIMALS);
  const [verb, pays] = terms.direction === "buy" ? ["buys", "pays"] : ["sells", "gets"];
  return [
    `${verb} ${formatLots(lots, lot)} ${terms.instrument} at ${terms.price} (marked at ${formatDecimal(mark.units, mark.decimals)})`,
    `and ${pays} ${formatDecimal(cash, CASH_DECIMALS)} in cash`,
  ].join(" ");
}

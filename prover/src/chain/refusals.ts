// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Why the chain refuses a call, in words: each error of the contracts that a call of an account can meet, with what to do next.
 *
 * Not here: errors that only deployment, governance and the carrying of epochs meet. They are named, and nothing is advised.
 */
import { type ErrorDescription, Interface, type InterfaceAbi, isError } from "ethers";
import { PlimsollError } from "../errors.ts";
import { formatDecimal } from "../formats/decimal.ts";
import { CASH_DECIMALS } from "../formats/policy.ts";

type Args = ErrorDescription["args"];
type Words = string | ((args: Args, amounts: Amounts) => string);

/** An asset of the gate that was called, as far as its amounts go. */
export interface AmountAsset {
  readonly index: number;
  readonly symbol: string;
  /** Units of the token in a lot. */
  readonly lot: bigint;
  readonly lotDecimals: number;
}

/** Amounts of the asset that an error is about: in the token's own decimals where that is known, else in its smallest units. */
interface Amounts {
  units(amount: bigint): string;
  lots(amount: bigint): string;
}

function amountsOf(asset: AmountAsset | undefined): Amounts {
  if (asset === undefined) {
    return { units: (amount) => `${amount} of the token's smallest units`, lots: (amount) => `${amount} lots` };
  }
  const { symbol, lot, lotDecimals } = asset;
  const unitDecimals = lotDecimals + `${lot}`.length - 1;
  return {
    units: (amount) => `${formatDecimal(amount, unitDecimals)} ${symbol}`,
    lots: (amount) => `${formatDecimal(amount, lotDecimals)} ${symbol}`,
  };
}

const utc = (seconds: unknown) =>
  `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
const STAGES = ["healthy", "called", "liquidating", "closed"];

const WAIT_FOR_EPOCH = "wait for the venue's next epoch; deposits, absorbing and exits work meanwhile";
const OTHER_STATE = "the account has moved on since the proof was made: run the command again";
const DEFECT = "it does not come from what you asked for; report it";

/** By the name of the error. */
export const REFUSALS: Readonly<Record<string, Words>> = {
  // The account
  AccountUnknown: ({ account }) => `there is no account ${account} at this gate; check the number`,
  NotAuthorised: ({ account, sender }) =>
    `${sender} may not do this for account ${account}, and no signature of its owner fits: sign with the key of the account's owner`,
  OwnerDiffers: ({ account, owner }) =>
    `account ${account} belongs to ${owner} and not to whom you meant; nothing was paid in. Check the number`,
  StateSuperseded: OTHER_STATE,
  StateNotNew: OTHER_STATE,
  DeadlinePassed: ({ deadline }) =>
    `the call was valid until ${utc(deadline)}; run the command again to make a new one`,
  StageWrong: ({ account, stage }) =>
    `account ${account} is ${STAGES[Number(stage)] ?? "in another stage"}, and the call is not taken in that stage: ${
      Number(stage) === 2
        ? "a lot of it is on auction; `plimsoll account cure` ends that, or wait until it is sold or void"
        : Number(stage) === 0
          ? "it is for accounts that are not healthy, or for another stage"
          : "pay in, absorb, and attest the call level first"
    }`,
  AccountHeld: ({ account, until }) =>
    `account ${account} is held until ${until} on the board's clock: attest the call level by the standing epoch, which ends the hold`,
  SettlementPending: ({ account, number }) =>
    `settlement ${number} of expired instruments comes first for account ${account}: \`plimsoll account settle\``,
  SettlementNone: ({ account }) => `account ${account} has passed all settlements there have been`,
  AccountRetired: ({ account }) => `account ${account} has unwound: it can absorb and exit, and nothing else`,
  OwesFund: ({ account }) =>
    `account ${account} owes the fund: pay in cash and absorb it; until it is repaid only cash leaves, to the fund`,
  // Openings
  OpeningUsed: "this opening was taken already: `plimsoll account restore` finds the account",
  NotSealed: "the gate is not in service yet; ask the venue",
  OperatorMissing: ({ seen, deadline }) =>
    `the operator has not agreed. It was last seen ${utc(seen)} and may be silent for ${deadline} seconds. Ask it for its agreement, or (to unwind) ask in public with \`plimsoll account request\` and wait`,
  // Money in
  AmountZero: "the amount is zero",
  AmountNotInLots: ({ lot }, { units }) => `the amount is not a whole number of lots of ${units(lot)}; round it`,
  AmountTooLarge: "the amount is more than 2^64 lots; split it",
  AssetUnknown: ({ asset }) => `the gate takes no asset ${asset}; \`plimsoll account status\` lists those it takes`,
  DepositCapReached:
    "that is more of this asset than the gate takes in now: `plimsoll account status` shows how much it takes. Pay in less, or wait until somebody withdraws",
  CreditTooSmall: ({ credit, amount }, { units }) =>
    `the account's credit is ${units(credit)}, less than the ${units(amount)} asked for: deposit first, or absorb less`,
  AbsorbsTooLittle: ({ credit }, { units }) =>
    `an account that is called or held absorbs at least half of a credit: here of ${units(credit)}; absorb all of it`,
  AbsorbedTooRecently: ({ until }) =>
    `an account that is called or held absorbs once in five minutes: run it again after ${utc(until)}`,
  TransferInexact:
    "the token moved another amount than was asked, as one with a fee does; the gate takes no such token",
  SafeERC20FailedOperation: "the token refuses the transfer: check its balance and the allowance of the gate",
  ERC20InsufficientBalance: ({ balance, needed }, { units }) =>
    `the sender has ${units(balance)}, less than the ${units(needed)} needed`,
  ERC20InsufficientAllowance: "the gate is not allowed to take the tokens; run the command again",
  // Money out
  OutflowLimited: ({ available, lots: asked }, { lots }) =>
    `at most ${lots(available)} may leave now, less than the ${lots(asked)} asked for: withdraw less, or wait an hour`,
  CustodyTooSmall: ({ custody, amount }, { units }) =>
    `the gate holds ${units(custody)}, less than the ${units(amount)} asked for; the rest is lent to accounts. Withdraw less, or wait`,
  PaysTooLittle: ({ least, paid }, { units }) =>
    `after the levy the recipient would get ${units(paid)}, less than the least of ${units(least)}: wait until the fund is repaid, or allow less`,
  FundHoldsCash: "only cash goes to and from the fund",
  LevelNotInPolicy: "the level is not one of the policy in force; take the venue's policy file, and name a level of it",
  // The market
  PolicySuperseded: "the venue's policy was replaced: take the new policy and market files and run it again",
  EpochNotStanding: ({ current }) => `the standing epoch is ${current}: take its market file and run it again`,
  EpochSuperseded: ({ current }) =>
    `the standing epoch is ${current}, and the proof is of an earlier one: take the venue's latest market file and run it again`,
  EpochMissing: "the market has had no epoch yet; ask the venue when it opens",
  EpochStale: ({ epoch, time }) => `epoch ${epoch} is of ${utc(time)} and too old; ${WAIT_FOR_EPOCH}`,
  EpochHalted: ({ epoch }) => `in epoch ${epoch} a price moved further than it may; ${WAIT_FOR_EPOCH}`,
  EpochFrozen: ({ epoch }) => `epoch ${epoch} is from before a settlement; ${WAIT_FOR_EPOCH}`,
  EpochIncomplete: ({ epoch }) => `in epoch ${epoch} an asset has no price; ${WAIT_FOR_EPOCH}`,
  EpochOfFormerPolicy: ({ epoch }) => `epoch ${epoch} is of a former policy; ${WAIT_FOR_EPOCH}`,
  BoardPaused: ({ until }) =>
    `the venue has paused the market until ${utc(until)}; deposits, absorbing and exits work meanwhile`,
  BoardUnknown: "the market has no such board; check the address of the gate",
  SequencerDown: ({ since }) =>
    `the chain's sequencer is down, or was (${utc(since)}); run it again when it has been up for a while`,
  SettlementUnknown: "the market has no settlement of that number",
  FamilyMissing: "the board has no key for proofs of this kind; ask the venue",
  FamilyNotLinked: "nobody has linked the standing epoch for proofs of this kind yet; ask the venue, or wait",
  // Proofs
  ProofInvalid:
    "the proof does not hold for what the chain knows: the policy or market file is not what is in force there, or circuits and keys are others than the venue's",
  ProofPointAtInfinity: DEFECT,
  CoordinateNotCanonical: DEFECT,
  InputNotCanonical: DEFECT,
  VerifierRefused: "the market's verifier does not answer; ask the venue",
  // Trades and unwinding
  SameAccount: "both sides are the same account",
  FillRefused: "the fill moves nothing",
  EpochAfterLast: ({ last }) => `a side was signed for epochs up to ${last}: both sign again`,
  HoldTooEarly: ({ account, until }) => `account ${account} may be held again when the board's clock is at ${until}`,
  // Auctions
  LotOpen: ({ account }) => `a lot of account ${account} is on auction already`,
  LotUnknown: ({ account }) => `this lot of account ${account} is not on auction any more: it was taken, cured or void`,
  LotSuperseded: "a settlement has come since the lot was made: it can only be voided",
  PriceTooLow: ({ asked }) =>
    `the price asked now is ${formatDecimal(asked, CASH_DECIMALS)} in cash: bid that much, or wait until it has fallen`,
  PriceTooHigh: "the price is above the auction's first price, or of the backstop above the price asked: bid less",
  AuctionEnded: "the auction is over: only the backstop may take the lot, or nobody",
  AuctionRunning: "the auction is still running",
  BidderRefused: ({ bidder }) => `account ${bidder} may not bid: it is not healthy, or it is the account that is sold`,
  BlobDiffers: "the lot's sealed state is not the one of its start; read the auction again",
  DebtRefused: DEFECT,
  EvidenceRefused: "the policy does not allow a lot at this level",
  SizeRefused: "the lot is smaller than the policy's dust or larger than its cap",
  CreditMiscounted: "the account's credit has changed since the lot was made: make it again",
  AppraisalsMissing: "proofs of cost or debt are missing",
  // Books
  FieldEmpty: DEFECT,
  DateToCome: ({ date }) => `the book is of ${utc(date)}, which is still to come by the chain's clock: record it then`,
  DatePassed: ({ last }) => `a book of a later time is on record (${utc(last)}): no earlier one can join it`,
  RecordedAlready: "the same file is on record already, as the last one",
  // Wallets and tokens
  SignatureGasTooLow: "the sender gave too little gas for checking a signature; send with more",
  GasTooLow: "the sender gave too little gas",
  ReentrancyGuardReentrantCall: "a token or wallet called back into the gate",
};

/** Errors that calls of an account do not meet: of deployment, governance, carriers of epochs, and of calls between contracts. */
export const NOT_OF_ACCOUNTS: readonly string[] = [
  ...["AddressZero", "AlreadySealed", "DeskRefused", "MarketRefused", "NotDesk", "NotGovernor", "NotQueue", "NotSelf"],
  ...["AssetTaken", "TokenTaken", "LimitsRefused", "LotRefused", "OperatorDeadlineRefused", "SizeUnknown"],
  ...["InvalidShortString", "StringTooLong", "MembersRefused", "BlobRefused", "BatchEmpty", "BatchLengthsDiffer"],
  ...["KeyHashWrong", "KeyLengthWrong", "KeyPointRefused", "KeyWithoutSecondPhase", "LinkFalse", "LinkKeyRefused"],
  ...["LinkPointRefused", "LinkShapeWrong", "PageMalformed", "PrecompileFailed"],
];

/** What a contract answered, where it is one of its errors: by the ABIs that may have thrown it. */
export function refusedWith(error: unknown, abis: readonly InterfaceAbi[]): ErrorDescription | undefined {
  const { data } = error as { data?: unknown };
  if (typeof data !== "string" || data.length < 10) return undefined;
  for (const abi of abis) {
    const found = new Interface([...(abi as readonly never[]), ...TOKEN_ERRORS]).parseError(data);
    if (found !== null) return found;
  }
  return undefined;
}
/** Of OpenZeppelin's tokens (ERC-6093). */
const TOKEN_ERRORS = [
  "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
  "error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
];

/**
 * The asset that a refused call is about: as the error names it, else as the call does (an error of a token, or of a payment, does not).
 * Undefined where neither does, and where no asset is known.
 */
function assetRefused(
  error: unknown,
  { args }: Pick<ErrorDescription, "args">,
  abis: readonly InterfaceAbi[],
  assets: readonly AmountAsset[],
): AmountAsset | undefined {
  const { transaction } = error as { transaction?: { data?: unknown } };
  const data = typeof transaction?.data === "string" ? transaction.data : "0x";
  const call = abis.map((abi) => new Interface(abi).parseTransaction({ data })?.args).find((each) => each != null);
  const named = [args, call, call?.payment].map((each) => each?.asset).find((each) => typeof each === "bigint");
  return assets.find(({ index }) => BigInt(index) === named);
}

/** The words of an error of the contracts, with amounts of the asset that it is about. */
export function refusalWords({ name, args }: Pick<ErrorDescription, "name" | "args">, asset?: AmountAsset): string {
  const words = REFUSALS[name];
  const told = typeof words === "function" ? words(args, amountsOf(asset)) : words;
  return told === undefined ? `the contracts refuse it (${name})` : `${told} (${name})`;
}

const NO_GAS = "the account that pays has too little for gas: send it some of the chain's own currency";
const NODE_WORDS = {
  NONCE_EXPIRED: "another transaction of this signer came first: run the command again",
  REPLACEMENT_UNDERPRICED:
    "an earlier transaction of this signer still waits and pays more: wait for it, or run it again",
  TRANSACTION_REPLACED: "another transaction of this signer took this one's place: run the command again",
  ACTION_REJECTED: "the signer refuses to sign",
  TIMEOUT: "the chain has not taken the transaction yet: run the same command again to go on waiting",
  NETWORK_ERROR: "the node does not answer: check --rpc, and run the command again",
} as const;

/** Whether a node refuses a transaction because its sender cannot pay for it. ethers knows the words of some nodes only. */
export function isShortOfGas(error: unknown): boolean {
  if (isError(error, "INSUFFICIENT_FUNDS")) return true;
  const said = (error as { error?: { message?: unknown } } | undefined)?.error?.message;
  return typeof said === "string" && /(insufficient|enough) (funds|balance)/i.test(said);
}

/**
 * An error of a call as one of ours: `CALL_REFUSED` with the contract's reason, `CHAIN_FAILED` where node or signer fail. Others as
 * they are.
 * @param assets of the gate that was called, where they are known
 */
export function toldBy(error: unknown, abis: readonly InterfaceAbi[], assets: readonly AmountAsset[] = []): unknown {
  if (error instanceof PlimsollError) return error;
  const refused = refusedWith(error, abis);
  if (refused !== undefined) {
    return new PlimsollError("CALL_REFUSED", refusalWords(refused, assetRefused(error, refused, abis, assets)));
  }
  if (isShortOfGas(error)) return new PlimsollError("CHAIN_FAILED", NO_GAS);
  for (const [code, words] of Object.entries(NODE_WORDS)) {
    if (isError(error, code as keyof typeof NODE_WORDS)) return new PlimsollError("CHAIN_FAILED", words);
  }
  const { shortMessage, code } = error as { shortMessage?: unknown; code?: unknown };
  // ethers' own errors have a short message; those of the connection a code such as ECONNRESET.
  if (typeof shortMessage !== "string" && !/^(E[A-Z]+|SERVER_ERROR)$/.test(`${code}`)) return error;
  const why = code === "CALL_EXCEPTION" ? "the contracts revert it and give no reason" : "the node refuses it";
  return new PlimsollError("CHAIN_FAILED", `${why}: run \`plimsoll account status\`, and try again`);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll/chain`: deployment, an account's calls to the gate, boards and market values on chain, liquidation. Needs ethers.
 *
 *   const deployment = await deploy({ deployer, keys: [await loadVerificationKey("board-60")], parameters });
 */

export { type BidOrder, bid } from "./app/account/auction.ts";
export {
  type AuctionOrder,
  endAuction,
  flagAccount,
  type Sent,
  type StartedAuction,
  startAuction,
  type VenueMachine,
  type Watched,
} from "./app/account/liquidate.ts";
export {
  type Amount,
  absorb,
  attestAtGate,
  cure,
  deposit,
  exit,
  hold,
  type Mine,
  type Payout,
  passSettlement,
  requestOperator,
  withdraw,
} from "./app/account/moves.ts";
export {
  agreeToOpening,
  type OpeningAgreement,
  type OpeningOrder,
  type OpeningRequest,
  openAccount,
  type RestoreOrder,
  readOpeningAgreement,
  readOpeningRequest,
  restoreAccount,
} from "./app/account/open.ts";
export type { AccountMachine, Done, Leaving } from "./app/account/session.ts";
export { type SettledTrade, settleTrade, type TradeToSettle } from "./app/account/settle-trade.ts";
export type { SignedSide } from "./app/account/signed-side.ts";
export { type AccountStatus, type AssetStatus, accountStatus, type ClockDeadline } from "./app/account/status.ts";
export {
  agreeToTrade,
  proposeTrade,
  readSignedTrade,
  readTradeOffer,
  readTradeTerms,
  type SignedTrade,
  type TradeOffer,
  type TradeOrder,
  type TradeTerms,
} from "./app/account/trade.ts";
export {
  proposeUnwind,
  readUnwindSide,
  readUnwindTerms,
  signUnwind,
  type UnwindOrder,
  type UnwindSide,
  unwind,
} from "./app/account/unwind.ts";
export { type DeployMachine, deploySystem } from "./app/deploy.ts";
export { type BoardMachine, openRecordedBoard } from "./app/open-board.ts";
export { type RecordedBook, type RecordLeaving, type RecordMachine, recordBook } from "./app/record-book.ts";
export { type AccountRecord, type AccountStore, readAccountRecord } from "./chain/account-record.ts";
export { readBookRecords, registryAt } from "./chain/book-registry.ts";
export {
  type CarriedEpoch,
  type CountedValues,
  carryEpoch,
  carrySettlement,
  FAMILY_IDS,
  type Linked,
  linkExit,
  linkPolicy,
} from "./chain/carrier.ts";
export {
  AccountClient,
  type OpeningTerms,
  openingState,
  type PreparedStep,
  type Published,
  type RoundPart,
  type Venue,
} from "./chain/client.ts";
export {
  type DeployedSystem,
  type Deployment,
  type DeploymentStep,
  type DeployOptions,
  deploy,
  deploymentRecord,
  type SystemParameters,
} from "./chain/deploy.ts";
export {
  type DeploymentRecord,
  type DeploymentRequest,
  readDeploymentRecord,
  readDeploymentRequest,
} from "./chain/deployment-file.ts";
export { type FindOptions, findLot, type ToldLot } from "./chain/find-lot.ts";
export { type GateCall, type RoundCall, signClear, signRound, type VenueDomains } from "./chain/gate-calls.ts";
export { type AssetView, assetsOf, type GateView, gateAt } from "./chain/gate-view.ts";
export { type BoardOpening, openBoard } from "./chain/open-board.ts";
export { readBoardOpening } from "./chain/opening-file.ts";
export {
  type ChainPolicy,
  chainPolicy,
  domainOf,
  observe,
  type PolicyTerms,
  publication,
  settlementPublication,
  signSettlement,
} from "./chain/publication.ts";
export { publishedAt, settlementMarks, type VenueFiles } from "./chain/published.ts";
export { makeRound } from "./chain/rounds.ts";
export { openState, sealState } from "./chain/sealed-state.ts";
export { type StandingMarket, standingMarket } from "./chain/standing-market.ts";
export type { BookRecord, BookRecords } from "./document/book/record.ts";
export { withAccountFile } from "./node/account-store.ts";
export { type LoadedLinkKey, loadDeployableKey, loadLinkKey, loadVerificationKey } from "./node/artifacts.ts";
export { openKeystore } from "./node/keystore.ts";
export { createLinkMaker, type LinkMaker } from "./prove/link.ts";
export type { Link, LinkPoint, LinkStatement } from "./statement/link.ts";
export { marketValues, policySignals, settlementSignals } from "./statement/signals.ts";
export {
  createLinkVerifier,
  type LinkKeyIdentity,
  type LinkRefusal,
  type LinkVerdict,
  type LinkVerifier,
} from "./verify/link.ts";

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll/chain`: deployment, an account's calls to the gate, boards and market values on chain, liquidation. Needs ethers.
 *
 *   const deployment = await deploy({ deployer, keys: [await loadVerificationKey("board-60")], parameters });
 */

export { type DeployMachine, deploySystem } from "./app/deploy.ts";
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
export { type GateCall, type RoundCall, signClear, signRound, type VenueDomains } from "./chain/gate-calls.ts";
export { type BoardOpening, openBoard } from "./chain/open-board.ts";
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
export { makeRound } from "./chain/rounds.ts";
export { openState, sealState } from "./chain/sealed-state.ts";
export { type LoadedLinkKey, loadDeployableKey, loadLinkKey, loadVerificationKey } from "./node/artifacts.ts";
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

// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll/oracle`: the reporters' side of market values. An epoch is verified with `verifyEpoch`, by anybody. */

export { type EpochQuestion, verifyEpoch } from "./app/market.ts";
export {
  boardOf,
  checkReport,
  type EpochBoard,
  type EpochFile,
  type EpochVerdict,
  medianOf,
  type Quorum,
  type Report,
  readEpoch,
  readReport,
  reportOf,
  signBoard,
  type Terms,
} from "./oracle/epoch.ts";
export { type NodeOptions, OracleNode } from "./oracle/node.ts";
export { readSources, type SourceConfig } from "./oracle/sources.ts";

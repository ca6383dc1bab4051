// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What reporters of a price oracle sign, by EIP-712: fields of each structure in order. Of no chain library, because packs
 * check the signatures without one.
 */
const BOARD = ["board", "uint256"] as const;
const EPOCH = ["epoch", "uint64"] as const;

export const REPORT_FIELDS = {
  /** Prices that one reporter saw. */
  Observation: [BOARD, EPOCH, ["time", "uint64"], ["prices", "uint64[15]"]],
  /** The medians of all observations, and the values of a board that go with them, by the hash of their packed bytes. */
  Board: [BOARD, EPOCH, ["time", "uint64"], ["prices", "uint64[15]"], ["valuesHash", "bytes32"]],
  /** Marks by the hash of their packed bytes; the deadline in unix seconds. */
  Settlement: [BOARD, ["number", "uint64"], ["marksHash", "bytes32"], ["deadline", "uint64"]],
  /** Between reporters: what their prices and the board follow from. */
  Detail: [BOARD, EPOCH, ["sha256", "bytes32"]],
} as const;

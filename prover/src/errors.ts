// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The one error class of the package.
 *
 * `code` is stable and meant for machines; `message` is a sentence for people. Neither ever holds a position, a
 * quantity, a viewing key or a witness value: an error names the place and the rule that was broken, not the value
 * that broke it.
 */

/**
 * Process exit codes of the CLI, by family of error. `0` is success.
 * @see docs/library.md#errors
 */
export const EXIT = {
  ok: 0,
  /** The tool worked and the answer is no: a proof does not verify, a statement is not true of the account. */
  no: 1,
  /** Input that is not well formed, or a command line that is not. */
  input: 2,
  /** Build artifacts (circuits, keys, the prover asked for) are missing or are not the ones the manifest names. */
  artifacts: 3,
  /** Stopped by a signal or an `AbortSignal` before the work was done. */
  cancelled: 4,
  /** An evidence pack that is valid and not current. */
  notCurrent: 5,
  /** A defect in this software, or a machine too small for it. */
  internal: 70,
} as const;

const FAMILIES = {
  /** The statement asked for is false of this account: no proof of it exists. */
  STATEMENT_FALSE: EXIT.no,
  /** A proof or envelope was checked and refused. */
  PROOF_REFUSED: EXIT.no,
  /** An epoch, or a report of one, that does not follow from what was observed, or was not signed by who it names. */
  EPOCH_REFUSED: EXIT.no,
  /** A disclosure that would tell more than the budget allows. */
  BUDGET_EXCEEDED: EXIT.no,
  /** A step or the transcript of a ceremony breaks one of its rules; the message begins with the rule's name. */
  CEREMONY_REFUSED: EXIT.no,
  /** The chain holds a state of an account that is not known here. */
  STATE_UNKNOWN: EXIT.no,
  /** Accounts of a book are below its level. Which, only the venue is told. */
  BELOW_LEVEL: EXIT.no,
  /** What some accounts of a book are long, no others are short. */
  POSITIONS_UNMATCHED: EXIT.no,
  /** An account that a book has already. */
  ACCOUNT_TWICE: EXIT.input,
  /** A shard of a book that the key does not open, or that is of another book or place. */
  SHARD_REFUSED: EXIT.input,
  /** A book of which steps have no proof yet. */
  BOOK_UNFINISHED: EXIT.input,
  /** A call that the contracts refuse, with their reason; nothing was sent. */
  CALL_REFUSED: EXIT.no,
  /** What a desk's configuration does not let out: a limit of a day, or the cost of a transaction. */
  LIMIT_REACHED: EXIT.no,
  /** Text that is not JSON or CSV of the strict kind read here. */
  SYNTAX: EXIT.input,
  /** A field that is missing, unknown, duplicated, or of the wrong kind. */
  FIELD_INVALID: EXIT.input,
  /** A value outside the range that the circuit or the contracts accept. */
  OUT_OF_RANGE: EXIT.input,
  /** A decimal amount that is not a whole number of lots. */
  NOT_A_MULTIPLE: EXIT.input,
  /** A name (asset, instrument, account) that the policy or the market does not list. */
  UNKNOWN_NAME: EXIT.input,
  /** A price history that is too short, too old, or has a large move that nobody has confirmed. */
  HISTORY_REFUSED: EXIT.input,
  /** An account of which something is neither in it nor acknowledged as left out: nothing is proven of it. */
  UNSETTLED: EXIT.input,
  /** An input larger than the reader accepts. */
  TOO_LARGE: EXIT.input,
  /** An account or market with more instruments or assets than any board size holds. */
  NO_BOARD_SIZE: EXIT.input,
  /** A file that cannot be read or written. */
  FILE: EXIT.input,
  /** A chain that does not answer, or that refuses or reverts a transaction. */
  CHAIN_FAILED: EXIT.input,
  /** A queue of jobs that does not answer, or would lose jobs. */
  QUEUE_FAILED: EXIT.input,
  /** A command line that is not understood. */
  USAGE: EXIT.input,
  ARTIFACT_MISSING: EXIT.artifacts,
  ARTIFACT_HASH: EXIT.artifacts,
  /** A verifying or proving key that must not be used (for instance gamma = delta). */
  KEY_REFUSED: EXIT.artifacts,
  /** The prover that PLIMSOLL_BACKEND names cannot run here. */
  BACKEND_UNAVAILABLE: EXIT.artifacts,
  CANCELLED: EXIT.cancelled,
  OUT_OF_MEMORY: EXIT.internal,
  INTERNAL: EXIT.internal,
} as const;

/**
 * The stable codes of errors.
 * @see docs/library.md#errors
 */
export type ErrorCode = keyof typeof FAMILIES;

/**
 * Where in an input an error lies. All parts are names and places, never values.
 * @see docs/library.md#errors
 */
export interface ErrorPlace {
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** Path of the field, for example `accounts[2].cash`. */
  readonly field?: string;
}

/**
 * The one error class of the package.
 * @see docs/library.md#errors
 */
export class PlimsollError extends Error {
  override readonly name = "PlimsollError";
  readonly code: ErrorCode;
  /** The message without the place. */
  readonly rule: string;
  readonly place: ErrorPlace;

  constructor(code: ErrorCode, message: string, place: ErrorPlace = {}) {
    const where = [place.file, place.line === undefined ? undefined : `line ${place.line}`, place.field]
      .filter((part) => part !== undefined)
      .join(", ");
    super(where === "" ? message : `${where}: ${message}`);
    this.code = code;
    this.rule = message;
    this.place = place;
  }

  /** The same error at a place that a reader of files knows better; parts not given stay. */
  at(place: ErrorPlace): PlimsollError {
    return new PlimsollError(this.code, this.rule, { ...this.place, ...place });
  }

  get exitCode(): number {
    return FAMILIES[this.code];
  }
}

/** Throws `CANCELLED` when the signal has been raised; call it between the steps of long work. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PlimsollError("CANCELLED", "the work was cancelled before it was done");
}

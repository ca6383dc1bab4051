// SPDX-License-Identifier: GPL-3.0-or-later
/** Where an account departs from the records that it was made of, by name and without amounts. */
import type { JsonValue } from "./json.ts";

/**
 * Names of departures. Undefined where there are none.
 * @see docs/library.md#accounts
 */
export interface Departures {
  /** What the owner left out, or counts in another way, and has acknowledged. Every proof of coverage says it. */
  readonly exceptions?: readonly string[];
  /** What nobody has settled yet. Nothing is proven of the account while there is one. */
  readonly unsettled?: readonly string[];
}

export const DEPARTURES = ["exceptions", "unsettled"] as const satisfies readonly (keyof Departures)[];

/** As many as a statement names. */
export const MAX_DEPARTURES = 64;

/** Reads names of departures: 1 to 64 labels, each once. Throws `FIELD_INVALID`. */
export function readDepartures(value: JsonValue): string[] {
  const names = value.elements(1, MAX_DEPARTURES).map((element) => element.label());
  if (new Set(names).size !== names.length) throw value.error("FIELD_INVALID", "the same name twice");
  return names;
}

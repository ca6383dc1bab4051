// SPDX-License-Identifier: GPL-3.0-or-later
/** The one median of the oracle: of numbers, of times, of what sources say. */
import { parseDecimal } from "../formats/decimal.ts";

/** The value in the middle by the number of each; of an even count the lower of the two. Throws `TypeError` for none. */
export function median<T>(values: readonly T[], by: (value: T) => bigint): T {
  if (values.length === 0) throw new TypeError("expected at least one value");
  const sorted = values
    .map((value) => ({ value, number: by(value) }))
    .sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0));
  return sorted[(sorted.length - 1) >> 1]!.value;
}

/** A decimal string in units of 10^-40: exact, and comparable with any other. Throws `FIELD_INVALID`. */
export function unitsE40(text: string): bigint {
  const { units, decimals } = parseDecimal(text);
  return units * 10n ** BigInt(40 - decimals);
}

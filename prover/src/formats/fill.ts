// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * `plimsoll-fill/1`: what moves in private between two accounts: a trade, an unwinding, or what is in a lot. PRIVATE to those who are
 * told: the blinding opens its commitment.
 */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement } from "../field.ts";
import { BOARD_SIZES } from "../model/sizes.ts";
import { type Fill, noFill } from "../model/transition.ts";
import type { NamedText } from "./account.ts";
import { type JsonValue, parseJson } from "./json.ts";

const FORMAT = "plimsoll-fill/1";

/** The document of a fill: what is not zero, by row of the board and by asset, in lots; cash in millionths. */
export function fillDocument({ size, positions, collateral, cash, blinding }: Fill) {
  const held = (values: readonly bigint[]) =>
    Object.fromEntries(
      [...values.entries()].filter(([, lots]) => lots !== 0n).map(([at, lots]) => [`${at}`, `${lots}`]),
    );
  return {
    format: FORMAT,
    size,
    positions: held(positions),
    collateral: held(collateral),
    cash: `${cash}`,
    blinding: `${blinding}`,
  };
}

/**
 * Reads a fill. Throws `SYNTAX`, `FIELD_INVALID` or `OUT_OF_RANGE`.
 *
 *   const fill = readFill({ text, file: "fill.json" });
 */
export function readFill({ text, file }: NamedText): Fill {
  const root = parseJson(text, file, { length: 100_000, values: 2_000 });
  const fields = root.fields(["format", "size", "positions", "collateral", "cash", "blinding"]);
  fields.format.literal(FORMAT);
  const size = fields.size.oneOf(BOARD_SIZES);
  const empty = noFill(size);
  const blinding = whole(fields.blinding);
  if (blinding < 1n || blinding >= FIELD_ORDER) throw fields.blinding.error("OUT_OF_RANGE", "expected a field element");
  return {
    size,
    positions: spread(fields.positions, empty.positions.length),
    collateral: spread(fields.collateral, empty.collateral.length),
    cash: whole(fields.cash),
    blinding: blinding as FieldElement,
  };
}

function whole(value: JsonValue): bigint {
  const text = value.string();
  if (/^(0|-?[1-9][0-9]{0,77})$/.test(text)) return BigInt(text);
  throw value.error("FIELD_INVALID", "expected a whole number, as text");
}

function spread(value: JsonValue, length: number): bigint[] {
  const values = new Array<bigint>(length).fill(0n);
  for (const [at, lots] of value.named()) {
    const index = /^(0|[1-9][0-9]{0,3})$/.test(at) ? Number(at) : length;
    if (index >= length) throw new PlimsollError("FIELD_INVALID", "no such row", { field: at });
    values[index] = whole(lots);
  }
  return values;
}

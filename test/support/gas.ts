// SPDX-License-Identifier: GPL-3.0-or-later
/** The gas snapshot: several files measure, each its own rows. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const FILE = path.join(import.meta.dirname, "../snapshots/gas.json");

/**
 * Holds what was measured against the snapshot: no row has grown, and none of `areas` (with which names begin, up to a dot or the
 * end) is there that was not measured. UPDATE_SNAPSHOTS=1 writes these rows and leaves others alone.
 * @param slack gas by which a call may vary: zero bytes in its calldata, where keys are random
 */
export function checkGas(areas: readonly string[], gas: Readonly<Record<string, number>>, slack = 0): void {
  const isOurs = (name: string) => areas.some((area) => `${name}.`.startsWith(`${area}.`));
  expect(Object.keys(gas).filter((name) => !isOurs(name))).to.deep.equal([]);
  const snapshot = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, number>;
  if (process.env.UPDATE_SNAPSHOTS === "1") {
    const others = Object.entries(snapshot).filter(([name]) => !isOurs(name));
    const rows = [...others, ...Object.entries(gas)].sort(([left], [right]) => (left < right ? -1 : 1));
    writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`);
    return;
  }
  expect(Object.keys(gas).toSorted()).to.deep.equal(Object.keys(snapshot).filter(isOurs).toSorted());
  const grown = Object.entries(gas).filter(([name, used]) => used > snapshot[name]! + slack);
  expect(grown, "calls that need more gas than the snapshot says").to.deep.equal([]);
}

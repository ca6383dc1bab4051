// SPDX-License-Identifier: GPL-3.0-or-later
/** The snapshots of what transactions cost: several files measure, each its own rows. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const file = (name: string) => path.join(import.meta.dirname, `../snapshots/${name}.json`);
const read = (name: string) => JSON.parse(readFileSync(file(name), "utf8")) as Record<string, number>;
/** Gas of transactions; and for those that ask for a pairing, the most pairs in one call of it. */
export const gasSnapshot = () => read("gas");
export const pairsSnapshot = () => read("pairs");

const PAIRING = 8n;
const PAIR_BYTES = 192;

/** Of a transaction, or of a part of it. */
export interface Receipt {
  readonly gasUsed: bigint;
  readonly hash?: string;
  readonly provider?: object;
}

/** A call as a tracer shows it, with those within it. */
interface Call {
  readonly to?: string;
  readonly input: string;
  readonly calls?: readonly Call[];
}
interface Tracer {
  send(method: string, params: unknown[]): Promise<Call>;
}

function mostPairs({ to, input, calls = [] }: Call): number {
  const own = to !== undefined && BigInt(to) === PAIRING ? (input.length - 2) / 2 / PAIR_BYTES : 0;
  return Math.max(own, ...calls.map(mostPairs));
}

/** What is measured, by name. */
export class Costs {
  readonly gas: Record<string, number> = {};
  readonly pairs: Record<string, number> = {};

  /** @param share of the transaction: one of so many */
  async spent(name: string, { gasUsed, hash, provider }: Receipt, share = 1): Promise<void> {
    this.gas[name] = share === 1 ? Number(gasUsed) : Math.ceil(Number(gasUsed) / share);
    const most = mostPairs(await (provider as Tracer).send("debug_traceTransaction", [hash, { tracer: "callTracer" }]));
    if (most !== 0) this.pairs[name] = most;
  }

  /**
   * Holds what was measured against the snapshots: no row of gas has grown, pairs are as they were, and none of `areas` (with which
   * names begin, up to a dot or the end) is there that was not measured. UPDATE_SNAPSHOTS=1 writes these rows and leaves others alone.
   * @param slack gas by which a call may vary: zero bytes in its calldata, where keys are random
   */
  check(areas: readonly string[], slack = 0): void {
    const isOurs = (name: string) => areas.some((area) => `${name}.`.startsWith(`${area}.`));
    expect(Object.keys(this.gas).filter((name) => !isOurs(name))).to.deep.equal([]);
    const ours = (snapshot: Record<string, number>) =>
      Object.fromEntries(Object.entries(snapshot).filter(([name]) => isOurs(name)));
    if (process.env.UPDATE_SNAPSHOTS === "1") {
      for (const name of ["gas", "pairs"] as const) {
        const others = Object.entries(read(name)).filter(([row]) => !isOurs(row));
        const rows = [...others, ...Object.entries(this[name])].sort(([left], [right]) => (left < right ? -1 : 1));
        writeFileSync(file(name), `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`);
      }
      return;
    }
    const snapshot = ours(gasSnapshot());
    expect(Object.keys(this.gas).toSorted()).to.deep.equal(Object.keys(snapshot));
    const grown = Object.entries(this.gas).filter(([name, used]) => used > snapshot[name]! + slack);
    expect(grown, "calls that need more gas than the snapshot says").to.deep.equal([]);
    expect(this.pairs).to.deep.equal(ours(pairsSnapshot()));
  }
}

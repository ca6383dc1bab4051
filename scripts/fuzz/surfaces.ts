// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Volatility surfaces from quotes without arbitrage: `surfaces [cases = 2000] [seed = 1]`, JSON on stdout.
 *
 * Each case is an SSVI surface, quoted at random strikes of some expiries. What is made of it is looked at on 240 strikes, at
 * the expiries, between, before and after them: butterflies, spreads and calendars that cost less than nothing, in basis
 * points of the forward, and how far prices between quoted strikes are from the surface. Exit code 1 beyond 0.1 basis point.
 */
import { arbitrageOf, randomSurface } from "../../test/support/surfaces.ts";

const [cases = 2000, firstSeed = 1] = process.argv.slice(2).map(Number);
const BPS = 1e4;
const MOST = 0.1;
const found = { butterfly: [] as number[], calendar: [] as number[], error: [] as number[] };
const refused: number[] = [];
const worst: { seed: number; butterfly: number; calendar: number }[] = [];
for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
  const arbitrage = arbitrageOf(randomSurface(seed));
  if (arbitrage === undefined) {
    refused.push(seed);
    continue;
  }
  for (const name of ["butterfly", "calendar", "error"] as const) found[name].push(BPS * arbitrage[name]);
  const [butterfly, calendar] = [BPS * arbitrage.butterfly, BPS * arbitrage.calendar];
  if (butterfly > MOST || calendar > MOST) worst.push({ seed, butterfly, calendar });
}
const most = (values: readonly number[]) => values.reduce((largest, value) => Math.max(largest, value), 0);
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const summary = {
  cases,
  refused: refused.length,
  refusedSeeds: refused.slice(0, 10),
  basisPointsOfForward: {
    butterfly: most(found.butterfly),
    calendar: most(found.calendar),
    error: { median: median(found.error), most: most(found.error) },
  },
  beyond: worst.length,
  beyondSeeds: worst.slice(0, 10),
};
process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
process.exitCode = worst.length > 0 ? 1 : 0;

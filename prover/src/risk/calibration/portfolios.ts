// SPDX-License-Identifier: GPL-3.0-or-later
/** Portfolios that margins and warnings are tested on. */

/** What a portfolio holds: units of an instrument for each dollar of spot, by underlying. */
export interface Holding {
  readonly underlying: string;
  readonly contract: "perpetual" | "call" | "put";
  /** Notional at spot; negative is short. `hedge` holds what makes the delta of its underlying zero. */
  readonly notional: number | "hedge";
  /** Strike over spot. */
  readonly strike?: number;
  readonly days?: number;
}

export interface Portfolio {
  readonly name: string;
  readonly holdings: readonly Holding[];
}

/** Long, short, delta-neutral, short gamma and option spreads on each underlying, and spreads of each pair both ways. */
export function portfolioFamily(underlyings: readonly string[]): Portfolio[] {
  const alone = underlyings.flatMap((underlying): Portfolio[] => {
    const perpetual = (notional: number | "hedge"): Holding => ({ underlying, contract: "perpetual", notional });
    const option = (contract: "call" | "put", notional: number, strike = 1, days = 30): Holding => ({
      underlying,
      contract,
      notional,
      strike,
      days,
    });
    return [
      { name: `${underlying} long`, holdings: [perpetual(1)] },
      { name: `${underlying} short`, holdings: [perpetual(-1)] },
      { name: `${underlying} delta-neutral, long call`, holdings: [option("call", 1), perpetual("hedge")] },
      {
        name: `${underlying} short gamma, straddle hedged`,
        holdings: [option("call", -1), option("put", -1), perpetual("hedge")],
      },
      { name: `${underlying} short gamma, strangle`, holdings: [option("call", -1, 1.15), option("put", -1, 0.85)] },
      { name: `${underlying} short put, weekly`, holdings: [option("put", -1, 0.9, 7)] },
      { name: `${underlying} call spread`, holdings: [option("call", 1), option("call", -1, 1.15)] },
      { name: `${underlying} calendar, short front`, holdings: [option("call", -1, 1, 7), option("call", 1, 1, 60)] },
    ];
  });
  const pairs = underlyings.flatMap((a, index) =>
    underlyings.flatMap((b, other) =>
      index === other
        ? []
        : [
            {
              name: `spread ${a} against ${b}`,
              holdings: [
                { underlying: a, contract: "perpetual", notional: 1 },
                { underlying: b, contract: "perpetual", notional: -1 },
              ],
            } satisfies Portfolio,
          ],
    ),
  );
  return [...alone, ...pairs];
}

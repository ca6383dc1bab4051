// SPDX-License-Identifier: GPL-3.0-or-later
/** Haircut tiers as exchanges publish them: in one line of text. */
import { PlimsollError } from "../errors.ts";
import { formatDecimal, lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import type { PolicyDocument } from "../formats/policy.ts";
import { TIERS } from "../model/sizes.ts";
import { BPS, weightBps } from "../units.ts";

type Tiers = PolicyDocument["assets"][number]["tiers"];

/**
 * How the factors of a tier string are written: the share that counts in percent, in basis points, or in 1e18ths.
 * @see docs/library.md#risk
 */
export type TierFactor = "percent" | "bps" | "1e18";

const FACTOR_DECIMALS: Readonly<Record<TierFactor, number>> = { percent: 2, bps: 4, "1e18": 18 };

/**
 * Haircut tiers from a tier string as exchanges publish them: `[0-3000000:100, 3000000-6000000:95, …]`, quantity from and to
 * in whole units, and the share of the value that counts. Throws `SYNTAX`, or `FIELD_INVALID`, `OUT_OF_RANGE` and
 * `NOT_A_MULTIPLE` naming the tier: tiers must touch, start at 0, number 1 to 4, and give whole basis points.
 * @see docs/library.md#risk
 */
export function readTierString(text: string, factor: TierFactor = "percent"): Tiers {
  const body = text.length > 2_000 ? undefined : /^\s*\[(.*)\]\s*$/.exec(text)?.[1];
  if (body === undefined)
    throw new PlimsollError("SYNTAX", 'expected tiers such as "[0-3000000:100, 3000000-6000000:95]"');
  const parts = body.split(",");
  if (parts.length > TIERS) throw new PlimsollError("FIELD_INVALID", `expected 1 to ${TIERS} tiers`);
  let reached = "0";
  return parts.map((part, index) => {
    const field = `tiers[${index}]`;
    const [, from, upTo, share] = /^\s*([0-9.]+)\s*-\s*([0-9.]+)\s*:\s*([0-9.]+)\s*$/.exec(part) ?? [];
    if (from === undefined || upTo === undefined || share === undefined) {
      throw new PlimsollError("SYNTAX", 'expected a tier such as "0-3000000:100"', { field });
    }
    const exact = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        throw error instanceof PlimsollError ? error.at({ field }) : error;
      }
    };
    const units = (value: string) => exact(() => lotsOf(parseDecimal(value), lotOfDecimals(18)));
    if (units(from) !== units(reached))
      throw new PlimsollError("OUT_OF_RANGE", "expected tiers that touch, from 0", { field });
    if (units(upTo) <= units(from)) throw new PlimsollError("OUT_OF_RANGE", "tier boundaries must ascend", { field });
    reached = upTo;
    const { units: digits, decimals } = exact(() => parseDecimal(share));
    const counts = exact(() =>
      lotsOf({ units: digits, decimals: decimals + FACTOR_DECIMALS[factor] }, lotOfDecimals(4)),
    );
    return { upTo, haircutBps: (BPS - exact(() => weightBps(counts, "the share that counts"))).toString() };
  });
}

/**
 * The same tiers as a tier string.
 * @see docs/library.md#risk
 */
export function formatTierString(tiers: Tiers, factor: TierFactor = "percent"): string {
  let from = "0";
  const parts = tiers.map(({ upTo, haircutBps }) => {
    const share = (BPS - BigInt(haircutBps)) * 10n ** 18n;
    const part = `${from}-${upTo}:${formatDecimal(share, 22 - FACTOR_DECIMALS[factor])}`;
    from = upTo;
    return part;
  });
  return `[${parts.join(", ")}]`;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** The file that says what a board is opened with, besides its policy. */
import { ZeroAddress } from "ethers";
import { z } from "zod";
import { PlimsollError } from "../errors.ts";
import { lotOfDecimals, lotsOf, parseDecimal } from "../formats/decimal.ts";
import { parseJson } from "../formats/json.ts";
import type { PolicyFile } from "../formats/policy.ts";
import { conform } from "../risk/input.ts";
import { address, whole } from "./deployment-file.ts";
import type { BoardOpening } from "./open-board.ts";

const addressOrNone = z
  .string()
  .refine(
    (text) => text === "none" || address.safeParse(text).success,
    "expected an address (0x and 40 hexadecimal digits), or none",
  );
const feed = z.union(
  [
    z.literal("none"),
    z.strictObject({ aggregator: address, heartbeatSeconds: whole, minAnswer: whole, maxAnswer: whole }),
  ],
  "expected none, or an object with aggregator, heartbeatSeconds, minAnswer and maxAnswer",
);
/** In the quote currency, exact to its millionths. */
const cash = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$/, "expected an amount of at least 0, with at most 6 decimals, as text")
  .transform((text) => lotsOf(parseDecimal(text), lotOfDecimals(6)));
const opening = z.strictObject({
  maxAgeSeconds: whole,
  epochGraceSeconds: whole,
  shortDebtRateBps: whole,
  boardTerms: addressOrNone,
  curePeriodSeconds: whole,
  attestIntervalSeconds: whole,
  stopLimitSeconds: whole,
  auctionDurationSeconds: whole,
  holdPeriodSeconds: whole,
  voidDelaySeconds: whole,
  premiumBps: whole,
  discountBps: whole,
  levyBps: whole,
  toleranceBps: whole,
  maxSlice: cash,
  dust: cash,
  reward: cash,
  tillFloor: cash,
  sources: z.array(
    z.strictObject({
      symbol: z.string(),
      maxMoveBps: whole,
      deviationBps: whole,
      apart: z.boolean(),
      feed,
      second: feed,
    }),
  ),
});

const NO_FEED = { aggregator: ZeroAddress, heartbeat: 0n, minAnswer: 0n, maxAnswer: 0n };
const feedOf = (given: z.infer<typeof feed>) => {
  if (given === "none") return NO_FEED;
  const { heartbeatSeconds: heartbeat, ...rest } = given;
  return { ...rest, heartbeat };
};

/**
 * Reads what a board is opened with, for the assets of a policy. Feeds and board terms have to be written out, an address or `none`,
 * and every asset of the policy needs a source. Throws FIELD_INVALID; the contracts check the bounds.
 * @see docs/library.md#on-chain
 */
export function readBoardOpening(
  text: string,
  file: string,
  policy: PolicyFile,
): Pick<BoardOpening, "policy" | "rules" | "sources"> {
  const plain = parseJson(text, file, { length: 200_000, values: 2_000 }).plain();
  const { sources, boardTerms, maxAgeSeconds, epochGraceSeconds, shortDebtRateBps, ...terms } = conform(
    opening,
    plain,
    {
      file,
    },
  );
  const refused = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { file, field });
  const symbols = policy.assets.map(({ symbol }) => symbol);
  const found = new Map<number, object>();
  for (const [place, { symbol, feed: first, second, ...source }] of sources.entries()) {
    const asset = symbols.indexOf(symbol);
    if (asset < 0) throw refused(`sources[${place}].symbol`, "the policy has no such asset");
    if (found.has(asset)) throw refused(`sources[${place}].symbol`, "this asset has a source already");
    const { lotDecimals } = policy.assets[asset]!;
    found.set(asset, { ...source, lotDecimals, feed: feedOf(first), second: feedOf(second) });
  }
  const without = symbols.find((_, asset) => !found.has(asset));
  if (without !== undefined) throw refused("sources", `no source for ${without}, which the policy lists`);
  const seconds = (name: string) => name.replace(/Seconds$/, "");
  return {
    policy: policy.policy,
    rules: {
      levels: policy.levels,
      maxAge: maxAgeSeconds,
      epochGrace: epochGraceSeconds,
      shortDebtRateBps,
      ...(boardTerms === "none" ? {} : { boardTerms }),
      terms: Object.fromEntries(
        Object.entries(terms).map(([name, value]) => [seconds(name), value]),
      ) as unknown as BoardOpening["rules"]["terms"],
    },
    sources: found,
  };
}

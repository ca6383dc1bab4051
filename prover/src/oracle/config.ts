// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll-oracle/1`: how a reporter of a price oracle is set up. */
import path from "node:path";
import { z } from "zod";
import { parseJson } from "../formats/json.ts";
import { conform } from "../risk/input.ts";
import { sourceFormat } from "./sources.ts";

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const config = z.strictObject({
  format: z.literal("plimsoll-oracle/1"),
  /** Number of the board at the oracle. */
  board: z.string().regex(/^[1-9][0-9]{0,9}$/),
  chain: z.strictObject({ rpc: z.url(), chainId: z.string().regex(/^[1-9][0-9]{0,18}$/), oracle: address }),
  /** File that holds the reporter's private key, readable by its owner alone; else it is in `PLIMSOLL_REPORTER_KEY`. */
  key: z.string().optional(),
  listen: z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) }),
  reporters: z
    .array(z.strictObject({ address, url: z.url() }))
    .min(1)
    .max(32),
  quorum: z.int().min(1).max(31),
  intervalSeconds: z.number().min(1).max(86_400),
  toleranceBps: z.int().min(0).max(10_000),
  skewSeconds: z.number().min(0).max(3_600),
  /** Where what has been signed is kept, and epochs are published. */
  directory: z.string(),
  /** The risk policy and an observation to begin with (halves of a market input, or whole ones), and the haircut policy. */
  risk: z.string(),
  policy: z.string(),
  observation: z.string(),
  /** Numbers of the observation that sources give, by place, such as `underlyings.BTC.spot`. */
  observed: z.record(
    z.string(),
    z.strictObject({
      sources: z.array(sourceFormat).min(1).max(32),
      minimum: z.int().min(1),
      /** No source counts whose time is further than this from now. Every kind of source has a time. */
      maxAgeSeconds: z.number().positive(),
      /** How far from the middle a source may be and still count; 10000 unless given. */
      bandBps: z.int().min(0).max(10_000).optional(),
    }),
  ),
});

export type OracleConfig = z.infer<typeof config>;

/** Reads a configuration. Paths come out resolved: in the file they are relative to it. Throws `FIELD_INVALID`. */
export function readOracleConfig({ text, file }: { readonly text: string; readonly file: string }): OracleConfig {
  const given = conform(config, parseJson(text, file, { length: 1_000_000, values: 20_000 }).plain(), { file });
  const at = (name: string) => path.resolve(path.dirname(file), name);
  const observed = Object.entries(given.observed).map(([place, { sources, ...rules }]) => [
    place,
    { ...rules, sources: sources.map((each) => (each.kind === "file" ? { ...each, path: at(each.path) } : each)) },
  ]);
  return {
    ...given,
    ...(given.key !== undefined && { key: at(given.key) }),
    directory: at(given.directory),
    risk: at(given.risk),
    policy: at(given.policy),
    observation: at(given.observation),
    observed: Object.fromEntries(observed),
  };
}

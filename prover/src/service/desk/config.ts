// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll-desk/1`: what a desk follows, whom it tells, and what it may do. */
import path from "node:path";
import { z } from "zod";
import { PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import { parseJson } from "../../formats/json.ts";
import { isLabel, LABEL_RULE } from "../../formats/labels.ts";
import { LEVELS } from "../../formats/policy.ts";
import { conform } from "../../risk/input.ts";

export const DESK_FORMAT = "plimsoll-desk/1";
const label = z.string().refine(isLabel, LABEL_RULE);
const file = z.string().min(1);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "expected an address: 0x and 40 hexadecimal digits");
const whole = (most: number) => z.int().min(1).max(most);

/** Where epochs come from. In both cases the policy is a file that the firm has checked. */
const epochs = z.discriminatedUnion("from", [
  z.strictObject({
    from: z.literal("files"),
    policy: file,
    market: file,
    /** What the market follows from: prices can be moved in a what-if where it is given. */
    input: file.optional(),
  }),
  z.strictObject({
    from: z.literal("oracle"),
    policy: file,
    /** Nodes of the oracle, asked in turn. Nothing that they say is trusted. */
    urls: z
      .array(z.url({ protocol: /^https?$/ }))
      .min(1)
      .max(32),
    chainId: z.string().regex(/^[1-9][0-9]{0,18}$/, "expected the number of a chain"),
    oracle: address,
    board: z.string().regex(/^[1-9][0-9]{0,9}$/, "expected the number of a board"),
    risk: file,
    reporters: z.array(address).min(1).max(32),
    quorum: whole(31),
  }),
]);

const hook = z.strictObject({
  name: label,
  url: z.url({ protocol: /^https?$/ }),
  /** A file that its owner alone can read: one secret a line, the first two are used; of PagerDuty the routing key. */
  secret: file,
  shape: z.enum(["plimsoll", "slack", "pagerduty"]),
});

const rule = z.strictObject({
  name: label,
  /** All accounts unless named. */
  accounts: z.array(label).optional(),
  /** The level that is proven to be held. */
  atLeast: z.enum(LEVELS),
  audience: label,
  /** At every epoch, or at the first epoch of a day in UTC. */
  when: z.enum(["every epoch", "every day"]),
  /** Whether an approver has to agree first. */
  approval: z.boolean(),
});

const forecast = z.strictObject({
  /** Daily closes, one file an asset, named by it; read again once they have changed. */
  prices: z.array(file).min(1).max(100),
  /** Days of which somebody has looked at what the checks of the histories name. */
  confirmed: z
    .array(z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "expected a date such as 2020-03-12"))
    .max(1000)
    .optional(),
  /** How far ahead. */
  hours: whole(720),
  /** Seconds of the market's time between two forecasts of an account. */
  everySeconds: whole(86_400),
  /** Chance of falling below the call level, in percent, from which an alert is raised. */
  alertPercent: whole(99),
});

const config = z.strictObject({
  format: z.literal(DESK_FORMAT),
  name: label,
  listen: z.strictObject({ host: z.string().min(1), port: z.int().min(0).max(65_535) }),
  store: file,
  /** Hashes of the tokens that people and programs sign in with: `plimsoll desk token`. */
  tokens: file,
  /** A directory for the proofs that rules make. */
  proofs: file,
  epochs,
  /** Seconds between two epochs: an alert is raised after twice as long without one. */
  epochSeconds: whole(86_400),
  accounts: z
    .array(
      z.strictObject({
        file,
        /** Its viewing key, which its owner alone can read; needed for proofs. */
        key: file.optional(),
        /** An alert is raised once its file is older than this. Never unless given. */
        maxAgeSeconds: whole(31_536_000).optional(),
      }),
    )
    .min(1)
    .max(1000),
  /** Basis points of coverage above a level within which an account is near it. */
  nearBps: z.int().min(0).max(100_000),
  forecast: forecast.optional(),
  rules: z.array(rule).max(100),
  webhooks: z.array(hook).max(20),
  /** Days after which readings are forgotten. */
  keepDays: whole(3650),
});

export type DeskConfig = z.infer<typeof config>;
export type DeskDocument = z.input<typeof config>;
export type Hook = DeskConfig["webhooks"][number];
export type ProofRule = DeskConfig["rules"][number];

const LIMITS = { length: 1_000_000, values: 20_000 };

/** What one part asks of another. */
function checkWhole({ epochs: of, forecast: ahead }: DeskConfig, file: string): void {
  if (ahead !== undefined && of.from === "files" && of.input === undefined) {
    const rule = "a forecast needs what the market follows from";
    throw new PlimsollError("FIELD_INVALID", rule, { file, field: "epochs.input" });
  }
}

/** Reads a configuration. Paths come out resolved: in the file they are relative to it. Throws `FIELD_INVALID`. */
export function readDeskConfig({ text, file: name }: NamedText): DeskConfig {
  const given = conform(config, parseJson(text, name, LIMITS).plain(), { file: name });
  const at = (each: string) => path.resolve(path.dirname(name), each);
  const { epochs: of, forecast: ahead } = given;
  checkWhole(given, name);
  return {
    ...given,
    ...(ahead !== undefined && { forecast: { ...ahead, prices: ahead.prices.map(at) } }),
    store: at(given.store),
    tokens: at(given.tokens),
    proofs: at(given.proofs),
    epochs:
      of.from === "files"
        ? {
            ...of,
            policy: at(of.policy),
            market: at(of.market),
            ...(of.input !== undefined && { input: at(of.input) }),
          }
        : { ...of, policy: at(of.policy), risk: at(of.risk) },
    accounts: given.accounts.map(({ file: each, key, ...rest }) => ({
      ...rest,
      file: at(each),
      ...(key !== undefined && { key: at(key) }),
    })),
    webhooks: given.webhooks.map((each) => ({ ...each, secret: at(each.secret) })),
  };
}

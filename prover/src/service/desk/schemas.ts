// SPDX-License-Identifier: GPL-3.0-or-later
/** The shapes of requests and answers, from which the OpenAPI document follows. */
import { z } from "zod";
import { CAUSES } from "../../app/desk/changes.ts";
import { SEVERITIES } from "../../app/desk/conditions.ts";
import { TASK_KINDS, TASK_STATES, TASK_STEPS } from "../../app/desk/records.ts";
import { LEVELS } from "../../formats/policy.ts";
import { ROLES } from "./access.ts";
import { DELIVERY_STATES } from "./store.ts";

const decimal = z.string().describe("exact decimal");
const nullable = <T extends z.ZodType>(type: T) => type.nullable();
const level = z.enum(LEVELS);
/** Unix milliseconds. */
const moment = z.int();

export const problem = z.object({
  error: z.object({ code: z.string(), rule: z.string(), field: z.string().optional() }),
});

export const overview = z.object({
  name: z.string(),
  person: z.object({ name: z.string(), role: z.enum(ROLES) }),
  epoch: nullable(z.object({ epoch: z.string(), time: z.string() })),
  currency: nullable(z.string()),
  levels: z.array(z.object({ name: level, bps: z.string() })),
  epochSeconds: z.int(),
  /** Whether prices can be moved in a what-if. */
  movable: z.boolean(),
  underlyings: z.array(z.string()),
  instruments: z.array(z.string()),
});

export const reading = z.object({
  account: z.string(),
  equity: decimal,
  margin: decimal,
  excess: decimal,
  coverage: nullable(z.string()),
  level: nullable(level),
  epoch: z.string(),
  time: z.string(),
});

export const forecast = z.object({
  account: z.string(),
  epoch: z.string(),
  time: z.string(),
  hours: z.int(),
  band: z.array(z.object({ hours: z.number(), low: nullable(z.string()), high: nullable(z.string()) })),
  levels: z.array(z.object({ name: level, chance: z.number() })),
});

export const alert = z.object({
  id: z.int(),
  key: z.string(),
  account: nullable(z.string()),
  severity: z.enum(SEVERITIES),
  text: z.string(),
  began: moment,
  ended: nullable(moment),
  acknowledged: nullable(moment),
  acknowledgedBy: nullable(z.string()),
});

export const task = z.object({
  id: z.int(),
  rule: z.string(),
  account: z.string(),
  epoch: z.string(),
  time: z.string(),
  level: z.string(),
  audience: z.string(),
  kind: z.enum(TASK_KINDS),
  /** What a top-up pays in. */
  pays: nullable(z.object({ asset: z.string(), amount: decimal })),
  /** Whether it waits for a wallet in a browser. */
  forWallet: z.boolean(),
  hasFile: z.boolean(),
  calls: z.array(
    z.object({ step: z.enum(TASK_STEPS), words: z.string(), transaction: z.string(), confirmed: z.boolean() }),
  ),
  state: z.enum(TASK_STATES),
  created: moment,
  decided: nullable(moment),
  decidedBy: nullable(z.string()),
  finished: nullable(moment),
  reason: nullable(z.string()),
});

/** A transaction that a wallet is asked to send. */
export const offer = z.object({
  words: z.string(),
  shows: z.string(),
  chainId: z.string(),
  from: z.string(),
  to: z.string(),
  data: z.string(),
  nonce: z.int(),
  gasLimit: z.string(),
});
export const sent = z.strictObject({ hash: z.string().regex(/^0x[0-9a-f]{64}$/) });

export const happening = z.object({
  time: moment,
  kind: z.enum([...TASK_KINDS, "alert"]),
  id: z.int(),
  text: z.string(),
  state: z.enum([...TASK_STATES, "open", "ended"]),
  note: nullable(z.string()),
  file: z.boolean(),
  transactions: z.array(z.string()),
});

export const delivery = z.object({
  id: z.string(),
  hook: z.string(),
  event: z.enum(["raised", "resolved"]),
  alert,
  created: moment,
  attempts: z.int(),
  state: z.enum(DELIVERY_STATES),
  reason: nullable(z.string()),
});

/** `Valuation`: what it holds is told in the library's page. */
export const valuation = z.looseObject({ account: z.string(), epoch: z.string(), equity: decimal, margin: decimal });

const trade = z.strictObject({ instrument: z.string().max(64), quantity: z.string().max(40) });
export const supposition = z.strictObject({
  trades: z.array(trade).max(500).optional(),
  scale: z.string().max(40).optional(),
  cash: z.string().max(40).optional(),
  prices: z.record(z.string().max(64), z.string().max(40)).optional(),
  volatility: z.string().max(40).optional(),
});
export const supposed = z.object({
  before: valuation,
  after: valuation,
  levels: z.array(z.object({ name: level, withdrawable: decimal, topUp: decimal, trades: nullable(z.array(trade)) })),
});

export const change = z.object({
  causes: z.array(z.enum(CAUSES)),
  equity: decimal,
  margin: decimal,
  coverageBps: nullable(z.string()),
});

export const askedProof = z.strictObject({ atLeast: level, audience: z.string().min(1).max(400) });
export const signIn = z.strictObject({ token: z.string().min(1).max(200) });
export const numbered = z.object({
  id: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 52),
});
export const named = z.object({ account: z.string().min(1).max(400) });
export const since = z.object({ hours: z.coerce.number().int().min(1).max(8_760).default(24) });

// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Alerts to other services.
 *
 * A delivery keeps its id over all attempts, so a receiver can tell a repetition. It is signed over time and raw body:
 *
 *   plimsoll-id: <id>
 *   plimsoll-signature: t=<unix seconds>,v1=<HMAC-SHA256 of "<t>.<body>", hexadecimal>[,v1=<the same by the second secret>]
 *
 * With two secrets both sign, so that a receiver can change from one to the other at its leisure.
 */
import { createHmac } from "node:crypto";
import { PlimsollError } from "../../errors.ts";
import { readKeptSecret } from "../../node/files.ts";
import type { Hook } from "./config.ts";
import { type Delivery, LONGEST_WAIT } from "./store.ts";

const TIMEOUT = 10_000;
/** Attempts before a delivery is dead, and milliseconds before the second: each wait is twice as long, up to the longest. */
const ATTEMPTS = 12;
const FIRST_WAIT = 5_000;

export type Outcome = { readonly sent: true } | { readonly reason: string; readonly due: number | null };

/** Takes deliveries to their services. Never throws: what went wrong is the outcome. */
export interface Courier {
  send(delivery: Delivery, now: number): Promise<Outcome>;
}

export const courierOf = (hooks: readonly Hook[]): Courier => ({
  async send(delivery, now) {
    const hook = hooks.find(({ name }) => name === delivery.hook);
    if (hook === undefined) return { reason: "the configuration has no such webhook any more", due: null };
    try {
      const answer = await post(hook, delivery, now);
      if (answer >= 200 && answer < 300) return { sent: true };
      return again(delivery, now, `the service answers ${answer}`);
    } catch (error) {
      // What fetch says may hold the address, which may hold a key.
      return again(delivery, now, error instanceof PlimsollError ? error.code : "the service does not answer");
    }
  },
});

function again({ attempts }: Delivery, now: number, reason: string): Outcome {
  const wait = Math.min(FIRST_WAIT * 2 ** attempts, LONGEST_WAIT);
  return { reason, due: attempts + 1 >= ATTEMPTS ? null : now + wait };
}

async function post(hook: Hook, delivery: Delivery, now: number): Promise<number> {
  const secrets = (await readKeptSecret(hook.secret))
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .slice(0, 2);
  if (secrets.length === 0) throw new PlimsollError("FILE", "expected a secret", { file: hook.secret });
  const body = JSON.stringify(SHAPES[hook.shape](delivery, secrets[0]!));
  const time = Math.floor(now / 1000);
  const signed = secrets.map((secret) => `v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`);
  const response = await fetch(hook.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "plimsoll-id": delivery.id,
      // A routing key stands in the body and signs nothing.
      ...(hook.shape === "pagerduty" ? {} : { "plimsoll-signature": [`t=${time}`, ...signed].join() }),
    },
    body,
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT),
  });
  await response.body?.cancel();
  return response.status;
}

const PAGERDUTY_SEVERITY = { info: "info", warning: "warning", critical: "critical" } as const;
const timeOf = (milliseconds: number) => new Date(milliseconds).toISOString();

/** What each kind of service takes: Slack's incoming webhooks, PagerDuty's Events API v2. */
const SHAPES: Readonly<Record<Hook["shape"], (delivery: Delivery, secret: string) => unknown>> = {
  plimsoll: ({ id, event, alert }) => ({
    id,
    event: `alert.${event}`,
    alert: {
      id: alert.id,
      key: alert.key,
      account: alert.account,
      severity: alert.severity,
      text: alert.text,
      began: timeOf(alert.began),
      ended: alert.ended === null ? null : timeOf(alert.ended),
    },
  }),
  slack: ({ event, alert }) => ({
    text: `${event === "raised" ? alert.severity.toUpperCase() : "RESOLVED"}: ${escaped(alert.text)}`,
  }),
  pagerduty: ({ event, alert }, secret) => ({
    routing_key: secret,
    event_action: event === "raised" ? "trigger" : "resolve",
    // Desks that share a service, or a store begun anew, count from the same number.
    dedup_key: `plimsoll ${alert.began} ${alert.id}`,
    payload: {
      summary: alert.text,
      source: "plimsoll desk",
      severity: PAGERDUTY_SEVERITY[alert.severity],
      timestamp: timeOf(alert.began),
    },
  }),
};

/** Slack reads &, < and > as its own. */
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

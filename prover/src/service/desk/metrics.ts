// SPDX-License-Identifier: GPL-3.0-or-later
/** Measures for Prometheus: counts and times of the desk, and nothing of any account. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { unixTime } from "../../formats/time.ts";
import type { Desk } from "./desk.ts";

export class Metrics {
  readonly #registry = new Registry();
  readonly refusedTokens: Counter;

  constructor(desk: Desk) {
    const registers = [this.#registry];
    const { store } = desk;
    collectDefaultMetrics({ register: this.#registry });
    this.refusedTokens = new Counter({
      name: "plimsoll_desk_refused_tokens_total",
      help: "Requests with a token or session that nobody has",
      registers,
    });
    new Gauge({
      name: "plimsoll_desk_epoch_age_seconds",
      help: "Seconds since the time of the last epoch",
      registers,
      collect() {
        const epoch = desk.store.latestEpoch();
        this.set(epoch === undefined ? Number.NaN : desk.now() / 1000 - unixTime(epoch.time));
      },
    });
    new Gauge({
      name: "plimsoll_desk_accounts",
      help: "Accounts with a reading",
      registers,
      collect() {
        this.set(store.latestReadings().length);
      },
    });
    const byLabel = (name: "alerts" | "tasks" | "deliveries", label: string, help: string) =>
      new Gauge({
        name: `plimsoll_desk_${name}`,
        help,
        labelNames: [label],
        registers,
        collect() {
          for (const [value, count] of Object.entries(store.counts()[name])) this.set({ [label]: value }, count);
        },
      });
    byLabel("alerts", "severity", "Open alerts");
    byLabel("tasks", "state", "Proofs asked for");
    byLabel("deliveries", "state", "Deliveries to webhooks");
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

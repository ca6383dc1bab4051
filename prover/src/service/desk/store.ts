// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * What a desk keeps: one SQLite file, readable by its owner alone. PRIVATE.
 *
 * Everything that an epoch brings is one transaction: after a crash it is all there or not at all. Policies, markets and accounts
 * are kept as the texts that they were read from, once each, so that any earlier valuation can be repeated.
 */
import { createHash, randomUUID } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Moment } from "../../app/desk/changes.ts";
import { type Condition, SEVERITIES, type Severity } from "../../app/desk/conditions.ts";
import {
  type Alert,
  type Forecast,
  type Reading,
  type StoredReading,
  TASK_STATES,
  type Task,
} from "../../app/desk/records.ts";
import type { NamedText } from "../../formats/account.ts";
import { Database } from "./database.ts";
import { type NewTask, Tasks } from "./tasks.ts";

/** Milliseconds between two attempts of a delivery, at most. */
export const LONGEST_WAIT = 3_600_000;
export const DELIVERY_STATES = ["waiting", "sent", "dead"] as const;
export interface Delivery {
  readonly id: string;
  readonly hook: string;
  readonly alert: Alert;
  readonly event: "raised" | "resolved";
  readonly created: number;
  readonly attempts: number;
  readonly due: number;
  readonly state: (typeof DELIVERY_STATES)[number];
  readonly reason: string | null;
}

/** What an epoch brings. */
export interface EpochRecord {
  readonly epoch: string;
  readonly time: string;
  readonly policy: NamedText;
  readonly market: NamedText;
  readonly readings: readonly (Reading & { readonly holder: NamedText })[];
  readonly tasks: readonly NewTask[];
}

export const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

const READING = `SELECT account, equity, margin, excess, coverage, level, epochs.epoch, epochs.time FROM readings JOIN epochs
  ON epochs.id = readings.epoch`;

export class Store {
  readonly #database: Database;
  readonly tasks: Tasks;

  /** Throws as `Database`. */
  constructor(file: string) {
    this.#database = new Database(file);
    this.tasks = new Tasks(this.#database);
  }

  close(): void {
    this.#database.close();
  }

  #keep({ text, file }: NamedText): string {
    const sha256 = sha256Of(text);
    const known = this.#database.all("SELECT 1 FROM texts WHERE sha256 = ?", sha256).length > 0;
    if (!known) this.#database.run("INSERT INTO texts VALUES (?, ?, ?)", sha256, file, gzipSync(text));
    return sha256;
  }
  #text(sha256: string): NamedText {
    const [row] = this.#database.all<{ file: string; body: Uint8Array }>(
      "SELECT file, body FROM texts WHERE sha256 = ?",
      sha256,
    );
    return { file: row!.file, text: gunzipSync(row!.body).toString("utf8") };
  }

  /**
   * Keeps an epoch with everything that it brings. The same epoch again replaces readings, leaves those of accounts that cannot be
   * read now, and repeats no task.
   */
  record({ epoch, time, policy, market, readings, tasks }: EpochRecord, now: number): void {
    this.#database.together(() => {
      const [of, values] = [this.#keep(policy), this.#keep(market)];
      this.#database.run(
        `INSERT INTO epochs (epoch, time, seen, policy, market) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (epoch) DO UPDATE SET time = excluded.time, policy = excluded.policy, market = excluded.market`,
        ...[epoch, time, now, of, values],
      );
      const id = this.#epochId(epoch)!;
      for (const { account, holder, equity, margin, excess, coverage, level } of readings) {
        const row = [account, id, this.#keep(holder), equity, margin, excess, coverage, level];
        this.#database.run("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ...row);
      }
      for (const task of tasks) this.tasks.add(id, task, now);
    });
  }

  #epochId(epoch: string): number | undefined {
    return this.#database.all<{ id: number }>("SELECT id FROM epochs WHERE epoch = ?", epoch)[0]?.id;
  }

  latestEpoch(): { readonly epoch: string; readonly time: string; readonly seen: number } | undefined {
    return this.#database.all<{ epoch: string; time: string; seen: number }>(
      "SELECT epoch, time, seen FROM epochs ORDER BY id DESC LIMIT 1",
    )[0];
  }

  /** Time of the first epoch that was ever taken and is still kept. */
  firstTime(): string | undefined {
    return this.#database.all<{ time: string }>("SELECT time FROM epochs ORDER BY id LIMIT 1")[0]?.time;
  }

  /** Policy and market of an epoch. */
  textsOf(epoch: string): Omit<Moment, "account"> | undefined {
    const [row] = this.#database.all<{ policy: string; market: string }>(
      "SELECT policy, market FROM epochs WHERE epoch = ?",
      epoch,
    );
    return row && { policy: this.#text(row.policy), market: this.#text(row.market) };
  }

  /** Hash of the text that an account was last valued from no later than a moment. */
  holderAt(account: string, seen: number): string | undefined {
    return this.#database.all<{ holder: string }>(
      `SELECT holder FROM readings JOIN epochs ON epochs.id = readings.epoch WHERE account = ? AND seen <= ?
       ORDER BY epochs.id DESC LIMIT 1`,
      ...[account, seen],
    )[0]?.holder;
  }

  /** The last reading of each account. */
  latestReadings(): StoredReading[] {
    return this.#database.all(
      `${READING} WHERE readings.epoch = (SELECT max(epoch) FROM readings AS others WHERE others.account = readings.account) ORDER BY account`,
    );
  }

  /** Readings of an account since a time, earliest first: at most so many, evenly taken, the last one among them. */
  history(account: string, since: string, most: number): StoredReading[] {
    const all = this.#database.all<StoredReading>(
      `${READING} WHERE account = ? AND epochs.time >= ? ORDER BY epochs.id DESC`,
      account,
      since,
    );
    const stride = Math.max(1, Math.ceil(all.length / most));
    return all.filter((_, index) => index % stride === 0).toReversed();
  }

  /** Keeps what is foreseen for an account at an epoch that is kept; the same epoch again replaces it. */
  keepForecast({ account, epoch, hours, band, levels }: Omit<Forecast, "time">): void {
    this.#database.run(
      "INSERT OR REPLACE INTO forecasts SELECT ?, id, ?, ?, ? FROM epochs WHERE epoch = ?",
      ...[account, hours, JSON.stringify(band), JSON.stringify(levels), epoch],
    );
  }

  /** The last forecast of each account, or of one. */
  latestForecasts(account?: string): Forecast[] {
    const rows = this.#database.all<Omit<Forecast, "band" | "levels"> & { band: string; levels: string }>(
      `SELECT account, epochs.epoch, epochs.time, hours, band, levels FROM forecasts JOIN epochs ON epochs.id = forecasts.epoch
       WHERE forecasts.epoch = (SELECT max(epoch) FROM forecasts AS others WHERE others.account = forecasts.account)
       AND (? IS NULL OR account = ?)`,
      ...[account ?? null, account ?? null],
    );
    return rows.map((row) => ({ ...row, band: JSON.parse(row.band), levels: JSON.parse(row.levels) }));
  }

  /** The texts that an account was valued from: at its last reading, or at the last one not later than a time. */
  moment(account: string, notAfter = "9999"): (Moment & { readonly time: string }) | undefined {
    const [row] = this.#database.all<{ policy: string; market: string; holder: string; time: string }>(
      `SELECT policy, market, holder, time FROM readings JOIN epochs ON epochs.id = readings.epoch
       WHERE account = ? AND time <= ? ORDER BY epochs.id DESC LIMIT 1`,
      ...[account, notAfter],
    );
    if (row === undefined) return undefined;
    const { policy, market, holder, time } = row;
    return { policy: this.#text(policy), market: this.#text(market), account: this.#text(holder), time };
  }

  /** The texts of a task's epoch. */
  momentOf({ account, epoch }: Pick<Task, "account" | "epoch">): Moment | undefined {
    const [row] = this.#database.all<{ policy: string; market: string; holder: string }>(
      `SELECT policy, market, holder FROM readings JOIN epochs ON epochs.id = readings.epoch WHERE account = ? AND epochs.epoch = ?`,
      ...[account, epoch],
    );
    return row && { policy: this.#text(row.policy), market: this.#text(row.market), account: this.#text(row.holder) };
  }

  /**
   * Compares what is wrong now with the open alerts: new conditions are raised, vanished ones resolved. Alerts of accounts about
   * which nothing is known now stay as they are, and so do those whose keys are among the unknown. Returns what has changed, with
   * a delivery of it for each hook.
   */
  judge(
    conditions: readonly Condition[],
    unknown: ReadonlySet<string>,
    hooks: readonly string[],
    now: number,
  ): Alert[] {
    return this.#database.together(() => {
      const open = new Map(this.alerts({ open: true }).map((alert) => [alert.key, alert]));
      const wanted = new Map(conditions.map((condition) => [condition.key, condition]));
      const changed: Alert[] = [];
      for (const { key, account, severity, text, fading } of wanted.values()) {
        if (open.has(key) || fading) continue;
        this.#database.run(
          "INSERT INTO alerts (key, account, severity, text, began) VALUES (?, ?, ?, ?, ?)",
          key,
          account,
          severity,
          text,
          now,
        );
        changed.push(this.alerts({ open: true }).find((alert) => alert.key === key)!);
      }
      for (const alert of open.values()) {
        if (wanted.has(alert.key) || unknown.has(alert.key) || unknown.has(alert.account ?? alert.key)) continue;
        this.#database.run("UPDATE alerts SET ended = ? WHERE id = ?", now, alert.id);
        changed.push({ ...alert, ended: now });
      }
      for (const { id, ended } of changed) {
        const event = ended === null ? "raised" : "resolved";
        for (const hook of hooks) {
          this.#database.run(
            "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, 0, ?, 'waiting', NULL)",
            ...[randomUUID(), hook, id, event, now, now],
          );
        }
      }
      return changed;
    });
  }

  /** Open ones first, the latest first. */
  alerts({ open = false, most = 200 }: { open?: boolean; most?: number } = {}): Alert[] {
    return this.#database.all<Alert>(
      `SELECT * FROM alerts ${open ? "WHERE ended IS NULL" : ""} ORDER BY ended IS NOT NULL, id DESC LIMIT ?`,
      open ? 10_000 : most,
    );
  }

  /** Of an account, that began or ended since a moment, the latest first. */
  alertsOf(account: string, since: number, most: number): Alert[] {
    return this.#database.all<Alert>(
      "SELECT * FROM alerts WHERE account = ? AND (began >= ? OR ended IS NULL OR ended >= ?) ORDER BY id DESC LIMIT ?",
      ...[account, since, since, most],
    );
  }

  /** False where there is no such open alert, or somebody has acknowledged it. */
  acknowledge(id: number, who: string, now: number): boolean {
    return (
      this.#database.run(
        "UPDATE alerts SET acknowledged = ?, acknowledgedBy = ? WHERE id = ? AND acknowledged IS NULL",
        ...[now, who, id],
      ) > 0
    );
  }

  /**
   * Deliveries that are due, of one hook where it is named, or the latest in a state. An alert's end is not due before its beginning
   * has been told or given up; and what is due later than any wait was made by a clock that was ahead, so it is due now.
   */
  deliveries(of: { readonly due: number; readonly hook?: string } | { readonly state: Delivery["state"] }): Delivery[] {
    const [where, values] =
      "due" in of
        ? [
            `state = 'waiting' AND (due <= ? OR due > ?) AND (? IS NULL OR hook = ?) AND NOT (event = 'resolved' AND EXISTS (
               SELECT 1 FROM deliveries AS first WHERE first.state = 'waiting' AND first.event = 'raised'
               AND first.alert = deliveries.alert AND first.hook = deliveries.hook)) ORDER BY due, created`,
            [of.due, of.due + LONGEST_WAIT, of.hook ?? null, of.hook ?? null],
          ]
        : ["state = ? ORDER BY created DESC", [of.state]];
    const rows = this.#database.all<Omit<Delivery, "alert"> & { alert: number }>(
      `SELECT * FROM deliveries WHERE ${where} LIMIT 100`,
      ...values,
    );
    return rows.map((row) => {
      const [alert] = this.#database.all<Alert>("SELECT * FROM alerts WHERE id = ?", row.alert);
      return { ...row, alert: alert! };
    });
  }
  /** Hooks that deliveries wait for, in the configuration or not. */
  waitingHooks(): string[] {
    return this.#database
      .all<{ hook: string }>("SELECT DISTINCT hook FROM deliveries WHERE state = 'waiting'")
      .map(({ hook }) => hook);
  }
  delivered(
    id: string,
    outcome: { readonly sent: true } | { readonly reason: string; readonly due: number | null },
  ): void {
    if ("sent" in outcome) {
      this.#database.run(
        "UPDATE deliveries SET state = 'sent', attempts = attempts + 1, reason = NULL WHERE id = ?",
        id,
      );
      return;
    }
    const { reason, due } = outcome;
    this.#database.run(
      `UPDATE deliveries SET attempts = attempts + 1, reason = ?, state = ?, due = ? WHERE id = ?`,
      ...[reason, due === null ? "dead" : "waiting", due ?? 0, id],
    );
  }
  /** Has a dead delivery tried again from the beginning. False where there is none. */
  resend(id: string, now: number): boolean {
    return (
      this.#database.run(
        "UPDATE deliveries SET state = 'waiting', attempts = 0, due = ? WHERE id = ? AND state = 'dead'",
        now,
        id,
      ) > 0
    );
  }

  /** Notes what a person has done. */
  act(who: string, what: string, now: number): void {
    this.#database.run("INSERT INTO actions (time, who, what) VALUES (?, ?, ?)", now, who, what);
  }
  actions(most = 100): { readonly time: number; readonly who: string; readonly what: string }[] {
    return this.#database.all("SELECT time, who, what FROM actions ORDER BY id DESC LIMIT ?", most);
  }

  /** Counts for measures: of open alerts by severity, of tasks and deliveries by state. */
  counts() {
    const count = <Name extends string>(names: readonly Name[], sql: string): Record<Name, number> => {
      const rows = new Map(
        this.#database.all<{ name: Name; count: number }>(sql).map(({ name, count: many }) => [name, many]),
      );
      return Object.fromEntries(names.map((name) => [name, rows.get(name) ?? 0])) as Record<Name, number>;
    };
    return {
      alerts: count<Severity>(
        SEVERITIES,
        "SELECT severity AS name, count(*) AS count FROM alerts WHERE ended IS NULL GROUP BY severity",
      ),
      tasks: count(TASK_STATES, "SELECT state AS name, count(*) AS count FROM tasks GROUP BY state"),
      deliveries: count(DELIVERY_STATES, "SELECT state AS name, count(*) AS count FROM deliveries GROUP BY state"),
    };
  }

  /**
   * Forgets what is older than a time: epochs but for those that a task is of, finished tasks but for the last of each rule and
   * account, alerts that have ended with their deliveries, and every text that nothing refers to any more.
   */
  prune(before: string): void {
    const moment = Date.parse(before);
    this.#database.together(() => {
      this.tasks.prune(moment);
      this.#database.run("DELETE FROM epochs WHERE time < ? AND id NOT IN (SELECT epoch FROM tasks)", before);
      const old = "SELECT id FROM alerts WHERE ended < ?";
      this.#database.run(`DELETE FROM deliveries WHERE state != 'waiting' AND alert IN (${old})`, moment);
      this.#database.run(
        `DELETE FROM alerts WHERE id IN (${old}) AND id NOT IN (SELECT alert FROM deliveries)`,
        moment,
      );
      this.#database.run("DELETE FROM actions WHERE time < ?", moment);
      this.#database.run(
        `DELETE FROM texts WHERE sha256 NOT IN (SELECT policy FROM epochs UNION SELECT market FROM epochs UNION SELECT holder FROM readings)`,
      );
    });
  }
}

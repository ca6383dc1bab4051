// SPDX-License-Identifier: GPL-3.0-or-later
/** What a desk has been asked to do, how far it is, and what has left for it. PRIVATE. */
import type { Task, TaskCall } from "../../app/desk/records.ts";
import type { Database } from "./database.ts";

/** `key` is the same for the same task at the same occasion: it is asked for once. */
export interface NewTask extends Pick<Task, "kind" | "rule" | "account" | "level" | "audience" | "terms"> {
  readonly key: string;
  readonly approval: boolean;
}

/** How a task ended. */
export type TaskOutcome =
  | { readonly file: string | null }
  | { readonly reason: string; readonly state?: "failed" | "rejected" };

const TASK = `SELECT tasks.id, kind, rule, account, epochs.epoch, epochs.time, level, audience, terms, state, created, decided, decidedBy,
  finished, tasks.file, reason, calls, attempt, offered FROM tasks JOIN epochs ON epochs.id = tasks.epoch`;
type Row = Omit<Task, "terms" | "calls"> & { readonly terms: string; readonly calls: string };
const taskOf = (row: Row): Task => ({ ...row, terms: JSON.parse(row.terms), calls: JSON.parse(row.calls) });

export class Tasks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  #all(where: string, ...values: (string | number | null)[]): Task[] {
    return this.#database.all<Row>(`${TASK} ${where}`, ...values).map(taskOf);
  }

  /** Adds a task of an epoch's row; nothing where its key has been asked for. */
  add(epoch: number, task: NewTask, now: number): void {
    const { key, kind, rule, account, level, audience, terms, approval } = task;
    this.#database.run(
      `INSERT INTO tasks (key, kind, rule, account, epoch, level, audience, terms, state, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (key) DO NOTHING`,
      ...[
        key,
        kind,
        rule,
        account,
        epoch,
        level,
        audience,
        JSON.stringify(terms),
        approval ? "proposed" : "ready",
        now,
      ],
    );
  }

  /** Adds a task at an epoch that is kept. */
  addAt(epoch: string, task: NewTask, now: number): void {
    const [row] = this.#database.all<{ id: number }>("SELECT id FROM epochs WHERE epoch = ?", epoch);
    this.add(row!.id, task, now);
  }

  /** Grows with each change of this connection. */
  changes(): number {
    return this.#database.all<{ changes: number }>("SELECT total_changes() AS changes")[0]!.changes;
  }

  /** Adds a task at an epoch that is kept; one that has failed or was rejected is proposed again. */
  propose(epoch: string, task: NewTask, now: number): void {
    this.#database.together(() => {
      this.addAt(epoch, task, now);
      this.#database.run(
        `UPDATE tasks SET state = 'proposed', rule = ?, created = ?, decided = NULL, decidedBy = NULL, finished = NULL, reason = NULL
         WHERE key = ? AND state IN ('failed', 'rejected') AND calls = '[]'`,
        ...[task.rule, now, task.key],
      );
    });
  }

  /** The latest first. */
  list({ state, most = 200 }: { state?: Task["state"]; most?: number } = {}): Task[] {
    return state === undefined
      ? this.#all("ORDER BY tasks.id DESC LIMIT ?", most)
      : this.#all("WHERE state = ? ORDER BY tasks.id DESC LIMIT ?", state, most);
  }

  /** What is to be done, the oldest first. */
  due(...kinds: readonly Task["kind"][]): Task[] {
    const places = kinds.map(() => "?").join();
    return this.#all(`WHERE state = 'ready' AND kind IN (${places}) ORDER BY tasks.id LIMIT 1000`, ...kinds);
  }

  get(id: number): Task | undefined {
    return this.#all("WHERE tasks.id = ?", id)[0];
  }

  /** Of an account, asked for or finished since a moment, the latest first. */
  of(account: string, since: number, most: number): Task[] {
    return this.#all(
      "WHERE account = ? AND (created >= ? OR finished >= ? OR finished IS NULL) ORDER BY tasks.id DESC LIMIT ?",
      ...[account, since, since, most],
    );
  }

  /** The last of a rule for an account, or the last that ended so. */
  last(rule: string, account: string, state?: Task["state"]): Task | undefined {
    return this.#all(
      "WHERE rule = ? AND account = ? AND (? IS NULL OR state = ?) ORDER BY tasks.id DESC LIMIT 1",
      ...[rule, account, state ?? null, state ?? null],
    )[0];
  }

  /** The last of each rule and account. */
  latest(): Task[] {
    return this.#all("WHERE tasks.id IN (SELECT max(id) FROM tasks GROUP BY rule, account)");
  }

  /** The oldest of each rule and account that waits for an approver or is being done. */
  oldestOpen(): Task[] {
    return this.#all(
      "WHERE tasks.id IN (SELECT min(id) FROM tasks WHERE state IN ('proposed', 'ready') GROUP BY rule, account)",
    );
  }

  /** Approves a task, or rejects one: also one that is ready, as long as nothing may have left for it. False where it is too late. */
  decide(id: number, to: "ready" | "rejected", who: string, now: number): boolean {
    return this.#database.together(() => {
      const unbegun = `state = 'ready' AND kind IN ('attest', 'top up') AND calls = '[]' AND offered IS NULL
        AND id NOT IN (SELECT task FROM sends)`;
      const changed = this.#database.run(
        `UPDATE tasks SET state = ?, decided = ?, decidedBy = ?
         WHERE id = ? AND (state = 'proposed' OR (? = 'rejected' AND ${unbegun}))`,
        ...[to, now, who, id, to],
      );
      if (changed > 0 && to === "rejected") this.#database.run("DELETE FROM spends WHERE task = ?", id);
      return changed > 0;
    });
  }

  /** Ends a task. What was counted for it as spent is not, if it has sent nothing. */
  finish(id: number, outcome: TaskOutcome, now: number): void {
    const [state, file, reason] =
      "file" in outcome ? ["done", outcome.file, null] : [outcome.state ?? "failed", null, outcome.reason];
    this.#database.together(() => {
      this.#database.run(
        "UPDATE tasks SET state = ?, file = ?, reason = ?, finished = ? WHERE id = ? AND state = 'ready'",
        ...[state, file, reason, now, id],
      );
      if (state === "done") return;
      const unsent = "SELECT id FROM tasks WHERE id = ? AND calls = '[]'";
      this.#database.run(`DELETE FROM spends WHERE task IN (${unsent})`, id);
    });
  }

  /** Notes the transactions of a task. */
  note(id: number, calls: readonly TaskCall[]): void {
    this.#database.run("UPDATE tasks SET calls = ? WHERE id = ?", JSON.stringify(calls), id);
  }

  /** Notes the epoch that an attestation is begun under. */
  attempt(id: number, epoch: string): void {
    this.#database.run("UPDATE tasks SET attempt = ? WHERE id = ?", epoch, id);
  }

  /** Notes which call of the account was handed to a wallet. */
  offer(id: number, request: string): void {
    this.#database.run("UPDATE tasks SET offered = ? WHERE id = ?", request, id);
  }

  /** Whether a transaction is one that a task has counted on. */
  isConfirmed(transaction: string): boolean {
    return (
      this.#database.all(
        "SELECT 1 FROM tasks, json_each(calls) WHERE value ->> 'transaction' = ? AND value ->> 'confirmed' LIMIT 1",
        transaction,
      ).length > 0
    );
  }

  /** Whether what a task pays in has been counted. */
  isCounted(id: number): boolean {
    return this.#database.all("SELECT 1 FROM spends WHERE task = ?", id).length > 0;
  }

  /** Counts what a task pays in on a day, and on no day before. False where the day's limit does not have room for it. */
  spend({ id }: Pick<Task, "id">, day: string, asset: string, lots: bigint, most: bigint): boolean {
    return this.#database.together(() => {
      const rows = this.#database.all<{ lots: string }>(
        "SELECT lots FROM spends WHERE day = ? AND asset = ? AND task != ?",
        ...[day, asset, id],
      );
      const spent = rows.reduce((sum, row) => sum + BigInt(row.lots), 0n);
      if (spent + lots > most) return false;
      this.#database.run(
        "INSERT OR REPLACE INTO spends SELECT id, ?, ?, ? FROM tasks WHERE id = ? AND state = 'ready'",
        ...[day, asset, lots.toString(), id],
      );
      return true;
    });
  }

  /** Notes a transaction that is about to leave. False where the task has been rejected: then nothing may leave. */
  send(task: number, day: string, words: string, now: number): boolean {
    const noted = this.#database.run(
      "INSERT INTO sends (task, day, time, words) SELECT id, ?, ?, ? FROM tasks WHERE id = ? AND state = 'ready'",
      ...[day, now, words, task],
    );
    return noted > 0;
  }
  /** Transactions that were about to leave on a day. */
  sent(day: string): number {
    return this.#database.all<{ count: number }>("SELECT count(*) AS count FROM sends WHERE day = ?", day)[0]!.count;
  }

  /** Forgets what is older than a moment and not being done, but the last of each rule and account: calendars count on it. */
  prune(moment: number): void {
    this.#database.run(
      `DELETE FROM tasks WHERE state != 'ready' AND coalesce(finished, created) < ?
       AND id NOT IN (SELECT max(id) FROM tasks GROUP BY rule, account)
       AND id NOT IN (SELECT max(id) FROM tasks WHERE state = 'done' GROUP BY rule, account)`,
      moment,
    );
    this.#database.run("DELETE FROM sends WHERE time < ?", moment);
  }
}

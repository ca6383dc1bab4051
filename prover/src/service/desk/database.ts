// SPDX-License-Identifier: GPL-3.0-or-later
/** The file of a desk's store, and the versions that its tables went through. */
import { chmodSync, existsSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { PlimsollError } from "../../errors.ts";
import { PRIVATE } from "../../node/files.ts";

/** Each entry brings a store from its index to the next version; what has been released is never changed. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE texts (sha256 TEXT PRIMARY KEY, file TEXT NOT NULL, body BLOB NOT NULL) STRICT;
   CREATE TABLE epochs (id INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, time TEXT NOT NULL, seen INTEGER NOT NULL,
     policy TEXT NOT NULL REFERENCES texts, market TEXT NOT NULL REFERENCES texts) STRICT;
   CREATE TABLE readings (account TEXT NOT NULL, epoch INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,
     holder TEXT NOT NULL REFERENCES texts, equity TEXT NOT NULL, margin TEXT NOT NULL, excess TEXT NOT NULL, coverage TEXT, level TEXT,
     PRIMARY KEY (account, epoch)) STRICT, WITHOUT ROWID;
   CREATE INDEX readings_by_epoch ON readings (epoch);
   CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, account TEXT, severity TEXT NOT NULL, text TEXT NOT NULL,
     began INTEGER NOT NULL, ended INTEGER, acknowledged INTEGER, acknowledgedBy TEXT) STRICT;
   CREATE UNIQUE INDEX open_alerts ON alerts (key) WHERE ended IS NULL;
   CREATE TABLE deliveries (id TEXT PRIMARY KEY, hook TEXT NOT NULL, alert INTEGER NOT NULL REFERENCES alerts, event TEXT NOT NULL,
     created INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT) STRICT;
   CREATE INDEX due_deliveries ON deliveries (due) WHERE state = 'waiting';
   CREATE TABLE tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, account TEXT NOT NULL,
     epoch INTEGER NOT NULL REFERENCES epochs, level TEXT NOT NULL, audience TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL,
     decided INTEGER, decidedBy TEXT, finished INTEGER, file TEXT, reason TEXT) STRICT;
   CREATE TABLE actions (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL) STRICT;`,
  `CREATE TABLE forecasts (account TEXT NOT NULL, epoch INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE, hours INTEGER NOT NULL,
     band TEXT NOT NULL, levels TEXT NOT NULL, PRIMARY KEY (account, epoch)) STRICT, WITHOUT ROWID;
   CREATE INDEX forecasts_by_epoch ON forecasts (epoch);`,
  `ALTER TABLE tasks ADD COLUMN kind TEXT NOT NULL DEFAULT 'prove';
   ALTER TABLE tasks ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
   ALTER TABLE tasks ADD COLUMN calls TEXT NOT NULL DEFAULT '[]';
   ALTER TABLE tasks ADD COLUMN attempt TEXT;
   CREATE INDEX tasks_by_account ON tasks (account, rule);
   CREATE TABLE spends (task INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE, day TEXT NOT NULL, asset TEXT NOT NULL,
     lots TEXT NOT NULL) STRICT;
   CREATE TABLE sends (id INTEGER PRIMARY KEY AUTOINCREMENT, task INTEGER NOT NULL, day TEXT NOT NULL, time INTEGER NOT NULL,
     words TEXT NOT NULL) STRICT;
   CREATE INDEX sends_by_day ON sends (day);`,
  "ALTER TABLE tasks ADD COLUMN offered TEXT",
];

/** One SQLite file, readable by its owner alone. */
export class Database {
  readonly #database: DatabaseSync;
  readonly #file: string;

  /** Throws `FILE` where the file cannot be opened, or is of a later version of the program. */
  constructor(file: string) {
    this.#file = file;
    try {
      this.#database = new DatabaseSync(file, { enableForeignKeyConstraints: true });
      // What is written beside it takes its mode when it is made, and keeps another that it was left with.
      for (const each of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(each)) chmodSync(each, PRIVATE);
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
    } catch {
      throw new PlimsollError("FILE", "the desk's store cannot be opened: is it a file of a desk?", { file });
    }
    this.#migrate();
  }

  close(): void {
    this.#database.close();
  }

  #migrate(): void {
    const [{ user_version: version }] = this.all<{ user_version: number }>("PRAGMA user_version") as [
      { user_version: number },
    ];
    if (version > MIGRATIONS.length) {
      const rule = `written by a later version of plimsoll (${version}, this one knows ${MIGRATIONS.length})`;
      throw new PlimsollError("FILE", rule, { file: this.#file });
    }
    for (const [index, migration] of MIGRATIONS.slice(version).entries()) {
      this.together(() => {
        this.#database.exec(migration);
        this.#database.exec(`PRAGMA user_version = ${version + index + 1}`);
      });
    }
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[];
  }
  /** Rows that were changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes);
  }
  /** All of the work, or nothing of it. */
  together<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

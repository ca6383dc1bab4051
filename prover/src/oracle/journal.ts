// SPDX-License-Identifier: GPL-3.0-or-later
/** What a reporter keeps in its directory: what it has signed, and the epochs it has published. */
import { mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { PlimsollError } from "../errors.ts";
import type { EpochFile, Report } from "./epoch.ts";

/** What a reporter has signed in an epoch. Written before it is served. */
export interface SignatureRecord {
  readonly epoch: string;
  readonly report: Report;
  /** Of the board: what was signed and by which choice of reports. */
  readonly board?: { readonly valuesHash: string; readonly signature: string };
}

const SIGNED = "signed.json";

export class Journal {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory. The record signed last, if there is one. Throws `FILE` where there is one that cannot be read. */
  async open(): Promise<SignatureRecord | undefined> {
    await mkdir(path.join(this.#directory, "epochs"), { recursive: true });
    const file = this.#file(SIGNED);
    try {
      return JSON.parse(await readFile(file, "utf8")) as SignatureRecord;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      const rule = "what this reporter has signed cannot be read: it signs nothing more";
      throw new PlimsollError("FILE", rule, { file });
    }
  }

  /** Keeps a record; when this returns, a loss of power leaves it behind. */
  async sign(record: SignatureRecord): Promise<void> {
    await this.#write(SIGNED, record);
  }

  /** Keeps an epoch and its market, under its number and as the latest. */
  async publish(file: EpochFile): Promise<void> {
    for (const name of [file.epoch, "latest"]) {
      await this.#write(`epochs/${name}.market.json`, file.market);
      await this.#write(`epochs/${name}.json`, file);
    }
  }

  /** The text of a published epoch or of its market, by number or `latest`. */
  async published(name: string, market: boolean): Promise<string | undefined> {
    return readFile(this.#file(`epochs/${name}${market ? ".market" : ""}.json`), "utf8").catch(() => undefined);
  }

  #file(name: string): string {
    return path.join(this.#directory, name);
  }

  /** When this returns, a loss of power leaves the new content behind, at any time before that the old or the new. */
  async #write(name: string, value: unknown): Promise<void> {
    const [temporary, file] = [this.#file(`${name}.tmp`), this.#file(name)];
    await writeFile(temporary, `${JSON.stringify(value)}\n`, { flush: true });
    await rename(temporary, file);
    await using directory = await open(path.dirname(file));
    await directory.sync();
  }
}

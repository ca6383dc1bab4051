// SPDX-License-Identifier: GPL-3.0-or-later
/** One pack before one reader: its files, what the reader trusts, and what the checks have found so far. */
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { type FileKind, type PackIndex, textOf } from "./format.ts";
import type { Trust } from "./trust.ts";
import type { Check, Finding, Invalid, Stale, Unusable } from "./verdict.ts";
import type { PackFiles } from "./zip.ts";

/** Ends the examination. Thrown by the checks, caught by `createPackVerifier`. */
export class Failure extends Error {
  readonly finding: Finding<Invalid | Unusable>;
  readonly outcome: "invalid" | "unusable";
  constructor(outcome: "invalid" | "unusable", finding: Finding<Invalid | Unusable>) {
    super(finding.sentence);
    this.outcome = outcome;
    this.finding = finding;
  }
}

/** The failure of a check, to be thrown. */
export const invalid = (code: Invalid, file: string, sentence: string): Failure =>
  new Failure("invalid", { code, file, sentence });

/** The failure where no verdict is possible, to be thrown. */
export const unusable = (code: Unusable, file: string, sentence: string): Failure =>
  new Failure("unusable", { code, file, sentence });

export class Examination {
  readonly trust: Trust;
  /** The reader's date, in seconds since 1970. */
  readonly now: number;
  readonly files: PackFiles;
  readonly index: PackIndex;
  readonly stale: Finding<Stale>[] = [];
  readonly #checks: Check[];
  readonly #known = new Map<string, unknown>();

  /** `checks` is the caller's, so that it has what held also where a later check fails. */
  constructor(reader: { trust: Trust; now: number; checks: Check[] }, pack: { files: PackFiles; index: PackIndex }) {
    this.trust = reader.trust;
    this.now = reader.now;
    this.#checks = reader.checks;
    this.files = pack.files;
    this.index = pack.index;
  }

  /** Notes a check that holds. */
  holds(file: string, sentence: string): void {
    this.#checks.push({ file, sentence });
  }

  /** Notes that a part is not current, once for each code and file. */
  outdated(code: Stale, file: string, sentence: string): void {
    if (!this.stale.some((known) => known.code === code && known.file === file)) {
      this.stale.push({ code, file, sentence });
    }
  }

  /** The content of a file that the index lists. */
  content(file: string): Uint8Array {
    return this.files.get(file)!;
  }

  kindOf(file: string): FileKind {
    return this.index.files.find(({ path }) => path === file)!.kind;
  }

  /** Reads a document of the pack. Fails with `FILE_MALFORMED` where its reader throws. */
  read<T>(file: string, reader: (text: NamedText) => T): T {
    try {
      return reader(textOf(file, this.content(file)));
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      throw invalid("FILE_MALFORMED", file, `The file is not what its kind says: ${error.message}.`);
    }
  }

  /** The result of work that several statements share, done once. `name` says which work it is, and on what. */
  once<T>(name: string, work: () => T): T {
    if (!this.#known.has(name)) this.#known.set(name, work());
    return this.#known.get(name) as T;
  }
}

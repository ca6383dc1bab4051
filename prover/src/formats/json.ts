// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Strict JSON with a place for every value.
 *
 * A document is bounded before it is parsed (length, nesting, strings, number of values), so hostile input costs one scan.
 * Values are read by kind; whatever is missing, unknown, duplicated or of another kind is refused, naming file, line
 * and field. A field is named only with words of the format, the policy or the market, which are public: keys that
 * are not known are never repeated, since in a private file they may be anything.
 */
import { type Node, parse, type ValueNode } from "@humanwhocodes/momoa";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { type ErrorCode, PlimsollError } from "../errors.ts";
import type { UnitOf } from "../units.ts";
import {
  amountIn,
  compareDecimals,
  type Decimal,
  lotOfDecimals,
  lotsOf,
  parseDecimal,
  parseNumber,
} from "./decimal.ts";
import { isLabel, isSymbol, LABEL_RULE } from "./labels.ts";
import { isShown } from "./names.ts";
import { isTime, TIME_RULE } from "./time.ts";

/** What a JSON document of ours may be made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Bounds checked before parsing. */
export interface JsonLimits {
  /** UTF-16 code units of text. */
  readonly length: number;
  /** Members and elements in all. */
  readonly values: number;
  /** UTF-16 code units of one string; 2,000 unless given. */
  readonly string?: number;
}

const MAX_DEPTH = 16;
const MAX_STRING = 2_000;

/** Parses a document. Throws `TOO_LARGE` or `SYNTAX`. A leading byte order mark is ignored. */
export function parseJson(text: string, file: string, limits: JsonLimits): JsonValue {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  checkLimits(body, file, limits);
  try {
    return new JsonValue(parse(body, { mode: "json" }).body, { file, text: body }, "");
  } catch (error) {
    // Only the place is taken over: the parser's messages quote the text.
    const line = (error as { line?: unknown }).line;
    if (typeof line !== "number") throw error;
    throw new PlimsollError("SYNTAX", "not valid JSON", { file, line });
  }
}

/** What a document says that it is, for whoever gave one file for another. */
const says = (format: unknown): string =>
  typeof format === "string" && /^plimsoll-[a-z-]{1,30}\/[0-9]{1,3}$/.test(format)
    ? `; the file says that it is ${format}`
    : "";

/** One scan without allocation. Also refuses control characters in strings, which the parser lets through. */
function checkLimits(text: string, file: string, limits: JsonLimits): void {
  const tooLarge = (rule: string, place: { readonly line?: number } = {}) =>
    new PlimsollError("TOO_LARGE", `${rule}${says(/^\s*\{\s*"format"\s*:\s*"([^"]{1,40})"/.exec(text)?.[1])}`, {
      file,
      ...place,
    });
  if (text.length > limits.length) throw tooLarge(`expected at most ${limits.length} characters`);
  let values = 1;
  let depth = 0;
  let line = 1;
  let inString = false;
  let start = 0;
  const longest = limits.string ?? MAX_STRING;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) inString = false;
      else if (code < 0x20) throw new PlimsollError("SYNTAX", "a control character in a string", { file, line });
      if (index - start > longest) throw tooLarge(`expected strings of at most ${longest} characters`, { line });
    } else if (code === 0x22) {
      inString = true;
      start = index;
    } else if (code === 0x0a) line++;
    else if (code === 0x2c) values++;
    else if (code === 0x5b || code === 0x7b) {
      depth++;
      values++;
      if (depth > MAX_DEPTH) throw tooLarge(`nested deeper than ${MAX_DEPTH}`, { line });
    } else if (code === 0x5d || code === 0x7d) depth--;
    if (values > limits.values) throw tooLarge(`expected at most ${limits.values} values`, { line });
  }
}

/** One value of a parsed document, at its place. */
export class JsonValue {
  readonly #node: ValueNode;
  readonly #source: { readonly file: string; readonly text: string };
  /** Path from the root, for example `assets[2].tiers[0].upTo`; empty at the root. */
  readonly path: string;

  constructor(node: ValueNode, source: { readonly file: string; readonly text: string }, path: string) {
    this.#node = node;
    this.#source = source;
    this.path = path;
  }

  /** The error to throw about this value. */
  error(code: ErrorCode, rule: string): PlimsollError {
    return this.#errorAt(this.#node, code, rule);
  }

  /** Runs a check and moves its error to the place of this value, unless it has a place in a file already. */
  check<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.place.file !== undefined) throw error;
      throw this.error(error.code, error.rule);
    }
  }

  /** An object with exactly these members, and perhaps the optional ones. */
  fields<Required extends string, Optional extends string = never>(
    required: readonly Required[],
    optional: readonly Optional[] = [],
  ): { readonly [Name in Required]: JsonValue } & { readonly [Name in Optional]?: JsonValue } {
    const names = new Map([...required, ...optional].map((name) => [name as string, name]));
    const found = new Map(this.entries(names, "FIELD_INVALID", `a field that is not known here${this.#otherFormat()}`));
    const missing = required.find((name) => !found.has(name));
    if (missing !== undefined) throw this.error("FIELD_INVALID", `the field "${missing}" is missing`);
    return Object.fromEntries(found) as never;
  }

  /**
   * Some members of an object that somebody else designed; others are not read. Throws `FIELD_INVALID` for one that is missing
   * or twice there.
   */
  pick<Required extends string, Optional extends string = never>(
    required: readonly Required[],
    optional: readonly Optional[] = [],
  ): { readonly [Name in Required]: JsonValue } & { readonly [Name in Optional]?: JsonValue } {
    const wanted = new Set<string>([...required, ...optional]);
    const found = new Map<string, JsonValue>();
    for (const { name, value } of this.#members()) {
      if (!wanted.has(name)) continue;
      const member = new JsonValue(value, this.#source, this.path === "" ? name : `${this.path}.${name}`);
      if (found.has(name)) throw member.error("FIELD_INVALID", "duplicate");
      found.set(name, member);
    }
    const missing = required.find((name) => !found.has(name));
    if (missing !== undefined) throw this.error("FIELD_INVALID", `the field "${missing}" is missing`);
    return Object.fromEntries(found) as never;
  }

  /** The members of an object by name, whatever they are called. Throws `FIELD_INVALID` for a name that is twice there. */
  named(): ReadonlyMap<string, JsonValue> {
    const members = this.#members().map(({ name, value }): [string, JsonValue] => [
      name,
      new JsonValue(value, this.#source, this.path),
    ]);
    const map = new Map(members);
    if (map.size !== members.length) throw this.error("FIELD_INVALID", "a name is there twice");
    return map;
  }

  /** What kind of value it is. */
  get kind(): "object" | "array" | "string" | "number" | "boolean" | "null" {
    return this.#node.type.toLowerCase() as "object";
  }

  /** Of a document: which format it says it has, for a reader who gave one file for another. */
  #otherFormat(): string {
    if (this.path !== "") return "";
    const format = this.#members().find(({ name }) => name === "format")?.value;
    return format?.type === "String" ? says(format.value) : "";
  }

  /**
   * The members of an object, each with what its name stands for. A name that is not in `known` is refused with `code`
   * and the rule `unknown`, which repeats the name only where it may.
   */
  entries<T>(
    known: ReadonlyMap<string, T>,
    code: ErrorCode,
    unknown: string | ((name: string) => string),
  ): [T, JsonValue][] {
    const seen = new Set<string>();
    return this.#members().map(({ name, node, value }) => {
      const meaning = known.get(name);
      if (meaning === undefined) {
        throw this.#errorAt(node, code, typeof unknown === "string" ? unknown : unknown(name));
      }
      const member = new JsonValue(value, this.#source, this.path === "" ? name : `${this.path}.${name}`);
      if (seen.has(name)) throw member.error("FIELD_INVALID", "duplicate");
      seen.add(name);
      return [meaning, member];
    });
  }

  #members() {
    if (this.#node.type !== "Object") throw this.error("FIELD_INVALID", "expected an object");
    return this.#node.members.map((node) => ({
      name: (node.name as { value: string }).value,
      node,
      value: node.value,
    }));
  }

  /** Number of members of an object. */
  size(): number {
    return this.#members().length;
  }

  /** An array of `low` to `high` elements. */
  elements(low = 0, high = Number.POSITIVE_INFINITY): JsonValue[] {
    if (this.#node.type !== "Array") throw this.error("FIELD_INVALID", "expected an array");
    const count = this.#node.elements.length;
    if (count < low || count > high) {
      const range =
        low === high ? `${low}` : high === Number.POSITIVE_INFINITY ? `at least ${low}` : `${low} to ${high}`;
      throw this.error("FIELD_INVALID", `expected ${range} entries, found ${count}`);
    }
    return this.#node.elements.map(({ value }, index) => new JsonValue(value, this.#source, `${this.path}[${index}]`));
  }

  string(): string {
    if (this.#node.type !== "String") {
      const found = this.#node.type === "Number" ? "number; write it in quotes" : this.#node.type.toLowerCase();
      throw this.error("FIELD_INVALID", `expected a string, found ${found}`);
    }
    if (!this.#node.value.isWellFormed()) throw this.error("FIELD_INVALID", "expected well-formed Unicode");
    return this.#node.value;
  }

  /** Words for people: 1 to 200 visible characters. */
  label(): string {
    const text = this.string();
    if (!isLabel(text)) throw this.error("FIELD_INVALID", LABEL_RULE);
    return text;
  }

  /** The name of an asset or instrument. */
  symbol(): string {
    const text = this.string();
    if (!isSymbol(text)) {
      throw this.error("FIELD_INVALID", "expected a symbol: at most 64 letters, digits or . _ : / -");
    }
    return text;
  }

  literal(expected: string): void {
    if (this.string() !== expected) throw this.error("FIELD_INVALID", `expected "${expected}"`);
  }

  oneOf<Word extends string>(words: readonly Word[]): Word {
    const text = this.string();
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw this.error("FIELD_INVALID", `expected one of ${words.join(", ")}`);
    return word;
  }

  /** SHA-256 in 64 lower-case hexadecimal digits. */
  sha256(): string {
    const text = this.string();
    if (!/^[0-9a-f]{64}$/.test(text)) {
      throw this.error("FIELD_INVALID", "expected a SHA-256 in 64 lower-case hexadecimal digits");
    }
    return text;
  }

  /** This many bytes as 0x and lower-case hexadecimal digits. */
  hex(bytes: number): string {
    const text = this.string();
    if (text.length !== 2 + 2 * bytes || !/^0x[0-9a-f]*$/.test(text)) {
      throw this.error("FIELD_INVALID", `expected 0x and ${2 * bytes} lower-case hexadecimal digits`);
    }
    return text;
  }

  /** UTC, to the second, for example `2026-11-22T08:00:00Z`. */
  time(): string {
    const text = this.string();
    if (!isTime(text)) throw this.error("FIELD_INVALID", TIME_RULE);
    return text;
  }

  isNull(): boolean {
    return this.#node.type === "Null";
  }

  boolean(): boolean {
    if (this.#node.type !== "Boolean") throw this.error("FIELD_INVALID", "expected true or false");
    return this.#node.value;
  }

  /** A small count, the only kind of number that is not a string. */
  count(low: number, high: number): number {
    const value = this.#node.type === "Number" && /^[0-9]{1,9}$/.test(this.#text()) ? this.#node.value : undefined;
    if (value === undefined || value < low || value > high) {
      throw this.error("FIELD_INVALID", `expected an integer between ${low} and ${high}, not quoted`);
    }
    return value;
  }

  decimal(): Decimal {
    return this.check(() => parseDecimal(this.string()));
  }

  /**
   * A number of a program's, quoted or not, exact: the text counts, and an unquoted one must be one that a double holds, since
   * a program between has cut any other.
   */
  number(): Decimal {
    if (this.#node.type !== "Number") return this.check(() => parseNumber(this.string()));
    const text = this.#text();
    const value = this.check(() => parseNumber(text));
    const held = this.check(() => parseNumber(String(Number(text))));
    if (compareDecimals(value, held) === 0) return value;
    throw this.error("FIELD_INVALID", "a number of more digits than a double holds; export it in quotes");
  }

  /** A decimal as a whole number of lots (by default of 10^0: an integer), in the range of its unit. */
  amount<T>(unit: (value: bigint) => T, lot: Decimal = lotOfDecimals(0)): T {
    const value = this.decimal();
    return this.check(() => unit(lotsOf(value, lot)));
  }

  /** The same for a quantity that people count in whole units: limits are named in these, and in lots. */
  quantity<U extends bigint>(unit: UnitOf<U>, lot: Decimal): U {
    const value = this.decimal();
    return this.check(() => amountIn(value, lot, unit));
  }

  /** The value as plain data. Refuses numbers that are not plain integers, duplicate keys and `__proto__`. */
  plain(): Json {
    switch (this.#node.type) {
      case "String":
        return this.string();
      case "Boolean":
        return this.#node.value;
      case "Null":
        return null;
      case "Array":
        return this.elements().map((element) => element.plain());
      case "Object": {
        const members = this.#members();
        const seen = new Map<string, Json>();
        for (const { name, node, value } of members) {
          if (name === "__proto__" || seen.has(name) || !name.isWellFormed()) {
            throw this.#errorAt(node, "FIELD_INVALID", "a duplicate or forbidden key");
          }
          const path = isShown(name) ? (this.path === "" ? name : `${this.path}.${name}`) : this.path;
          seen.set(name, new JsonValue(value, this.#source, path).plain());
        }
        return Object.fromEntries(seen);
      }
      case "Number":
        if (/^(0|-?[1-9][0-9]{0,14})$/.test(this.#text())) return this.#node.value;
    }
    throw this.error("FIELD_INVALID", "expected a whole number of at most 15 digits; an amount is written in quotes");
  }

  #text(): string {
    return this.#source.text.slice(this.#node.loc.start.offset, this.#node.loc.end.offset);
  }

  #errorAt(node: Node, code: ErrorCode, rule: string): PlimsollError {
    const place = { file: this.#source.file, line: node.loc.start.line };
    return new PlimsollError(code, rule, this.path === "" ? place : { ...place, field: this.path });
  }
}

/** Canonical text of a document: keys sorted by code unit, no white space. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(",")}}`;
}

/** SHA-256 of the canonical text in UTF-8, as 64 hexadecimal digits. */
export function documentSha256(value: Json): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value))));
}

/**
 * A document as it is written to a file: indented, ending in a newline.
 * @see docs/library.md#accounts
 */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

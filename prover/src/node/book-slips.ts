// SPDX-License-Identifier: GPL-3.0-or-later
/** Slips as files: one for each member, a thousand in a folder, or all in one with a line each. For their owner alone. */
import { createWriteStream } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { NewSlip } from "../app/check-slip.ts";
import { shardName } from "./book-directory.ts";
import { PRIVATE, unwritable } from "./files.ts";

const IN_FOLDER = 1_000;
const TOLD_EACH = 50_000;
/** Lines are written together: one write for each would be most of the work. */
const LINES_AT_ONCE = 100;

/** Writes slips to a new directory, or to a new file where the name ends in `.ndjson`; gives their number. Throws `FILE`. */
export async function writeSlips(
  out: string,
  slips: AsyncIterable<NewSlip>,
  onProgress: (count: number) => void = () => {},
): Promise<number> {
  let count = 0;
  const counted = async function* () {
    for await (const slip of slips) {
      yield slip;
      if (++count % TOLD_EACH === 0) onProgress(count);
    }
  };
  try {
    if (out.endsWith(".ndjson")) {
      const file = createWriteStream(out, { flags: "wx", mode: PRIVATE });
      await pipeline(Readable.from(lines(counted())), file).catch(async (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") await rm(out, { force: true });
        throw error;
      });
    } else await writeFiles(out, counted());
  } catch (error) {
    throw typeof (error as NodeJS.ErrnoException).code === "string" && !("rule" in (error as object))
      ? unwritable(out, error)
      : error;
  }
  return count;
}

async function* lines(slips: AsyncIterable<NewSlip>): AsyncGenerator<string> {
  let some: string[] = [];
  for await (const { text } of slips) {
    some.push(`${text}\n`);
    if (some.length === LINES_AT_ONCE) {
      yield some.join("");
      some = [];
    }
  }
  yield some.join("");
}

async function writeFiles(out: string, slips: AsyncIterable<NewSlip>): Promise<void> {
  await mkdir(out, { mode: 0o700 });
  try {
    await writeInto(out, slips);
  } catch (error) {
    // Half of the slips would stand in the way of the same command, once it is given the right secret.
    await rm(out, { recursive: true, force: true });
    throw error;
  }
}

async function writeInto(out: string, slips: AsyncIterable<NewSlip>): Promise<void> {
  let folder = "";
  for await (const { place, text } of slips) {
    const name = shardName(Math.floor(place / IN_FOLDER));
    if (name !== folder) {
      folder = name;
      await mkdir(path.join(out, folder), { mode: 0o700 });
    }
    await writeFile(path.join(out, folder, `${shardName(place)}.json`), `${text}\n`, { mode: PRIVATE, flag: "wx" });
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Proofs that could not be delivered, as files: each is found by the next coordinator. Proofs are public. */
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { Report } from "../../fleet/queue.ts";
import { makeDirectory, writeNew } from "../files.ts";

const NAME = /^([A-Za-z0-9-]+)\.[0-9a-f]{12}\.json$/;
/** Bytes of a file that is read. */
const MOST = 10_000;

export async function leaveInOutbox(folder: string, { job, worker, machine, proof }: Report): Promise<void> {
  await makeDirectory(folder);
  const text = JSON.stringify({ job, worker, machine, proof: Buffer.from(proof).toString("hex") });
  await writeNew(path.join(folder, `${job.id}.${randomBytes(6).toString("hex")}.json`), text);
}

/** What is in the outbox. Files that are none of ours, or not whole, stay as they are. */
export async function readOutbox(
  folder: string,
): Promise<readonly { readonly report: Report; done(): Promise<void> }[]> {
  const names = await readdir(folder).catch(() => []);
  const found = [];
  for (const name of names) {
    const id = NAME.exec(name)?.[1];
    if (id === undefined) continue;
    const file = path.join(folder, name);
    const report = reportOf(await readFile(file, "utf8").catch(() => ""), id);
    if (report !== undefined) found.push({ report, done: () => rm(file, { force: true }) });
  }
  return found;
}

function reportOf(text: string, id: string): Report | undefined {
  if (text.length > MOST) return undefined;
  try {
    const { job, worker, machine, proof } = JSON.parse(text);
    const texts = [job.id, job.shard, job.sha256, worker, machine, proof];
    if (job.id !== id || texts.some((each) => typeof each !== "string") || !/^([0-9a-f]{2})+$/.test(proof)) {
      return undefined;
    }
    const { shard, sha256 } = job;
    return { job: { id, shard, sha256 }, worker, machine, proof: Buffer.from(proof, "hex") };
  } catch {
    return undefined;
  }
}

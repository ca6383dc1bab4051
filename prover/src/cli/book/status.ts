// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book status`: how far the proofs of a book are, and what is known of shards that failed. */
import { Command } from "commander";
import type { Job } from "../../fleet/job.ts";
import type { JobQueue, QueueStatus } from "../../fleet/queue.ts";
import { visible } from "../../formats/labels.ts";
import type { Context } from "../context.ts";
import { type RedisOptions, readRedis, redisQueueOf, withRedis } from "./fleet-options.ts";

/** Shards that are shown at most. */
const SHOWN = 20;
/** No `Date` is later. */
const LATEST_MS = 8.64e15;

export function bookStatusCommand(context: Context): Command {
  const command = new Command("status")
    .argument("<directory>", "the book")
    .description("say how many shards are proven, in work, waiting and quarantined, and why those failed")
    .option("--json", "print JSON");
  withRedis(command, "ask this Redis");
  return command.action(async (directory: string, options: RedisOptions & { json?: boolean }) => {
    const { openBookFleet } = await import("../../node/fleet/book-fleet.ts");
    const redis = await readRedis(context, options);
    const fleet = await openBookFleet(directory);
    const proven = (await fleet.book.proven()).size;
    const { status, quarantined } =
      redis === undefined ? await fromJournal(fleet.book.directory) : await fromQueue(await redisQueueOf(fleet, redis));
    const { waiting, leased, offered } = status;
    const shown = quarantined.map(({ id, failures }) => ({ id, failures }));
    context.print(options.json, { proven, shards: fleet.book.steps, queue: status, quarantined: shown }, () =>
      [
        `${proven} of ${fleet.book.steps} shards proven; ${leased} in work, ${offered} to be checked, ${waiting} waiting, ${status.quarantined} quarantined`,
        ...quarantined.flatMap((job) => postMortem(job)),
      ].join("\n"),
    );
  });
}

async function fromJournal(directory: string): Promise<{ status: QueueStatus; quarantined: readonly Job[] }> {
  const [{ journalValues }, { fleetFiles }, { JOB_STATES }] = await Promise.all([
    import("../../node/fleet/journal.ts"),
    import("../../node/fleet/book-fleet.ts"),
    import("../../fleet/job.ts"),
  ]);
  const jobs = [...(await journalValues<Job>(fleetFiles(directory).journal)).values()];
  const counts = JOB_STATES.map((state) => [state, jobs.filter((job) => job.state === state).length]);
  return {
    status: Object.fromEntries(counts) as QueueStatus,
    quarantined: jobs.filter(({ state }) => state === "quarantined").slice(0, SHOWN),
  };
}

async function fromQueue(queue: JobQueue): Promise<{ status: QueueStatus; quarantined: readonly Job[] }> {
  try {
    return { status: await queue.status(), quarantined: await queue.quarantined(SHOWN) };
  } finally {
    await queue.close();
  }
}

/** One line a failed try. What is in a queue, any worker may have written: nothing of it drives a terminal. */
export const postMortem = ({ id, failures }: Job): string[] => [
  visible(`${id}:`),
  ...failures.map(({ worker, reason, stage, code, signal, exitCode, memoryMib, seconds, at }) => {
    const how = [code, signal, exitCode !== undefined && `exit ${exitCode}`, stage && `at "${stage}"`];
    const size = [memoryMib !== undefined && `${memoryMib} MiB`, seconds !== undefined && `${seconds} s`];
    const time = Number.isInteger(at) && Math.abs(at) <= LATEST_MS ? new Date(at).toISOString() : "at no time";
    return visible(`  ${time} ${worker}: ${[reason, ...how, ...size].filter(Boolean).join(", ")}`);
  }),
];

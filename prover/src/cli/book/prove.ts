// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll book prove`: every step of a book, by processes on this machine or by workers on many. */
import { Command } from "commander";
import { EXIT, PlimsollError, throwIfCancelled } from "../../errors.ts";
import type { QueueStatus } from "../../fleet/queue.ts";
import type { BookFleet } from "../../node/fleet/book-fleet.ts";
import type { FleetParts } from "../../node/fleet/fleet.ts";
import type { Context } from "../context.ts";
import {
  counted,
  eventLine,
  optionCount,
  preparedWords,
  progressLine,
  type RedisOptions,
  readRedis,
  readShardKey,
  redisQueueOf,
  withRedis,
  withWorkers,
} from "./fleet-options.ts";

interface ProveOptions extends RedisOptions {
  readonly key?: string;
  readonly workers?: string;
  readonly threads?: string;
  readonly retry?: boolean;
  readonly json?: boolean;
}

export function bookProveCommand(context: Context): Command {
  const command = new Command("prove")
    .argument("<directory>", "the book, as plimsoll book build wrote it")
    .description("prove every account of a book; goes on where it stopped, and may be stopped at any time")
    .option("--retry", "try quarantined shards again")
    .option("--json", "print JSON");
  withRedis(
    withWorkers(command, "one for each processor; none with --redis"),
    "hand the shards to workers by this Redis",
  );
  return command.action((directory: string, options: ProveOptions) => prove(context, directory, options));
}

async function prove(context: Context, directory: string, options: ProveOptions): Promise<void> {
  const [node, { machineName }, { withLock }, { makeDirectory }] = await Promise.all([
    import("../../node/fleet/book-fleet.ts"),
    import("../../node/fleet/fleet.ts"),
    import("../../node/lock.ts"),
    import("../../node/files.ts"),
  ]);
  const [shardKey, redis] = [await readShardKey(context, options.key), await readRedis(context, options)];
  const least = redis === undefined ? 1 : 0;
  const asked = options.workers === undefined ? undefined : optionCount("--workers", options.workers, least);
  const own = node.workforce(redis === undefined ? asked : (asked ?? 0));
  const threads = options.threads === undefined ? own.threads : optionCount("--threads", options.threads, 1);
  if (own.workers > 0 && shardKey === undefined) {
    throw new PlimsollError("USAGE", "give the key of the shards with --key; plimsoll book shard-key makes it");
  }
  const fleet = await node.openBookFleet(directory);
  if (shardKey !== undefined) await fleet.checkKey(shardKey);
  await fleet.checkKeys();
  const files = node.fleetFiles(fleet.book.directory);
  await makeDirectory(files.folder);

  const names = Array.from({ length: own.workers }, (_, at) => `${machineName()}-${at + 1}`);
  const child = fleet.child(shardKey, threads);
  if (redis !== undefined) {
    const workers = names.map((worker) => ({ worker, machine: machineName() }));
    const parts = { queue: await redisQueueOf(fleet, redis), workers, child, alone: false };
    return run(context, fleet, { ...parts, outbox: files.outbox }, options);
  }
  const { openEmbeddedQueue } = await import("../../node/fleet/embedded-queue.ts");
  // Each process counts as a machine of its own: there is no other to send a job to.
  const workers = names.map((worker) => ({ worker, machine: worker }));
  const local = async () => {
    const queue = await openEmbeddedQueue(files.journal);
    await run(context, fleet, { queue, workers, child, alone: true, outbox: files.outbox }, options);
  };
  await withLock(files.lock, local, { patience: 0, signal: context.signal });
}

async function run(
  { signal, progress, print }: Context,
  fleet: BookFleet,
  parts: FleetParts & { readonly alone: boolean },
  { retry, json }: ProveOptions,
): Promise<void> {
  const { runFleet } = await import("../../node/fleet/fleet.ts");
  const { queue, workers } = parts;
  const total = fleet.book.steps;
  try {
    if (retry) await queue.retry((await queue.quarantined(total)).map(({ id }) => id));
    const here = `${counted(workers.length, "process", "es")} here${workers.length > 0 ? await preparedWords(fleet) : ""}`;
    progress(`${counted(total, "shard")} of ${fleet.members} accounts, ${here}`);
    const end = await runFleet(
      {
        ...{ ...parts, total },
        unproven: () => fleet.unproven(),
        accept: (job, proof) => fleet.accept(job, proof),
        onProgress: (each) => progress(progressLine(each, fleet.members)),
        onWaiting: (error) => progress(`waits: ${error.message}`),
        onEvent(event, who) {
          const line = eventLine(event, who);
          if (line !== undefined) progress(line);
        },
      },
      signal,
    );
    throwIfCancelled(signal);
    const { done, status } = end!;
    print(json, { proven: done, shards: total, queue: status }, () =>
      [`${done} of ${counted(total, "shard")} proven`, ...notAll(status)].join("; "),
    );
    process.exitCode = done === total ? EXIT.ok : EXIT.no;
  } finally {
    await queue.close();
  }
}

function notAll({ quarantined, waiting }: QueueStatus): string[] {
  const why = `${quarantined} quarantined (plimsoll book status says why, --retry tries again)`;
  const alone = `${waiting} failed here and wait for another worker (give more --workers)`;
  return [...(quarantined > 0 ? [why] : []), ...(waiting > 0 ? [alone] : [])];
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll worker`: proves shards of a book that a coordinator elsewhere hands out by Redis. */
import { Command } from "commander";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import {
  counted,
  eventLine,
  optionCount,
  preparedWords,
  type RedisOptions,
  readRedis,
  readShardKey,
  redisQueueOf,
  withRedis,
  withWorkers,
} from "./book/fleet-options.ts";
import type { Context } from "./context.ts";

interface WorkerOptions extends RedisOptions {
  readonly key?: string;
  readonly workers?: string;
  readonly threads?: string;
}

export function workerCommand(context: Context): Command {
  const command = new Command("worker")
    .argument("<directory>", "the book, in a folder that all machines share")
    .description("prove shards that plimsoll book prove --redis hands out, until there are none");
  withRedis(withWorkers(command, "one for each processor"), "the Redis that hands out the shards");
  return command.action(async (directory: string, options: WorkerOptions) => {
    const [node, { runWorkers, withWorkerNames }] = await Promise.all([
      import("../node/fleet/book-fleet.ts"),
      import("../node/fleet/fleet.ts"),
    ]);
    const { signal, progress } = context;
    const [shardKey, redis] = [await readShardKey(context, options.key), await readRedis(context, options)];
    if (shardKey === undefined || redis === undefined) throw new PlimsollError("USAGE", "give --redis and --key");
    const asked = options.workers === undefined ? undefined : optionCount("--workers", options.workers, 1);
    const own = node.workforce(asked);
    const threads = options.threads === undefined ? own.threads : optionCount("--threads", options.threads, 1);
    const fleet = await node.openBookFleet(directory);
    await fleet.checkKey(shardKey);
    await fleet.checkKeys();
    const queue = await redisQueueOf(fleet, redis);
    let proven = 0;
    /** There have been jobs, and there are none that anybody could still work on. */
    const isFinished = async () => {
      const { waiting, leased, offered, done, quarantined } = await queue.status();
      return waiting + leased + offered === 0 && done + quarantined > 0;
    };
    try {
      await withWorkerNames(node.queueOf(fleet.book), own.workers, async (workers) => {
        const processes = `${counted(workers.length, "process", "es")} of ${counted(threads, "thread")}`;
        progress(`proving with ${processes}${await preparedWords(fleet)}`);
        const { outbox } = node.fleetFiles(fleet.book.directory);
        await runWorkers(
          {
            ...{ queue, workers, outbox, child: fleet.child(shardKey, threads), isFinished },
            onEvent(event, who) {
              if (event.what === "proven") progress(`${event.job} proven, ${++proven} by this machine`);
              const line = eventLine(event, who);
              if (line !== undefined) progress(line);
            },
          },
          signal,
        );
      });
    } finally {
      await queue.close();
    }
    throwIfCancelled(signal);
    progress(`there are no more shards; ${proven} were proven here`);
  });
}

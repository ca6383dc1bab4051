// SPDX-License-Identifier: GPL-3.0-or-later
/** Options and words that the commands of a fleet share. */
import type { Command } from "commander";
import { PlimsollError } from "../../errors.ts";
import type { Progress } from "../../fleet/coordinator.ts";
import type { WorkerIdentity } from "../../fleet/job.ts";
import type { JobQueue } from "../../fleet/queue.ts";
import type { WorkerEvent } from "../../fleet/worker.ts";
import { visible } from "../../formats/labels.ts";
import type { BookFleet } from "../../node/fleet/book-fleet.ts";
import type { RedisAddress } from "../../node/fleet/redis-client.ts";
import type { Context } from "../context.ts";
import { optionInteger } from "../options.ts";

export interface RedisOptions {
  readonly redis?: string;
  readonly redisPassword?: string;
}

export const withRedis = (command: Command, what: string): Command =>
  command
    .option("--redis <address>", `${what}, for example redis://10.0.0.5:6379`)
    .option("--redis-password <file>", "its password, in a file; else in PLIMSOLL_REDIS_PASSWORD");

export const withWorkers = (command: Command, none: string): Command =>
  command
    .option("--key <file>", "the key that opens the shards of this book (plimsoll book shard-key makes it)")
    .option("--workers <count>", `processes that prove at once (default: ${none})`)
    .option("--threads <count>", "threads of each (default: the processors divided among them)");

/** Which Redis the options name, if one. Throws `USAGE`, `FILE`. */
export async function readRedis({ inputs }: Context, options: RedisOptions): Promise<RedisAddress | undefined> {
  const { PASSWORD_VARIABLE, redisAddress } = await import("../../node/fleet/redis-client.ts");
  const { redis, redisPassword } = options;
  const password = redisPassword === undefined ? process.env[PASSWORD_VARIABLE] : await inputs.secret(redisPassword);
  return redis === undefined
    ? undefined
    : redisAddress(redis, typeof password === "object" ? password.text.trim() : password);
}

/** The key of the shards, if one is named. Throws `FILE`, and as its reader. */
export async function readShardKey({ inputs }: Context, key: string | undefined): Promise<Uint8Array | undefined> {
  const { readBookSecret } = await import("../../document/book/secret.ts");
  return key === undefined ? undefined : readBookSecret(await inputs.secret(key));
}

/** Opens the queue of a book on Redis. Throws `QUEUE_FAILED`. */
export async function redisQueueOf({ book }: BookFleet, address: RedisAddress): Promise<JobQueue> {
  const [{ openRedisQueue }, { queueOf }] = await Promise.all([
    import("../../node/fleet/redis-queue.ts"),
    import("../../node/fleet/book-fleet.ts"),
  ]);
  return openRedisQueue({ ...address, queue: queueOf(book) });
}

/** What is said of the key that this machine's processes prove by, after their number. */
export async function preparedWords({ book }: BookFleet): Promise<string> {
  const { preparedState } = await import("../../node/prepared-key.ts");
  const state = await preparedState(book.head.circuit);
  if (state === "none") return "";
  return state === "used"
    ? ", by the prepared key"
    : "; the prepared key is of another key and not used: plimsoll book prepare";
}

const MOST_WORKERS = 256;

/** How many, from `least` on. */
export const optionCount = (option: string, text: string, least: number): number =>
  optionInteger(option, text, (value) => {
    if (value >= BigInt(least) && value <= BigInt(MOST_WORKERS)) return Number(value);
    throw new PlimsollError("USAGE", `expected ${least} to ${MOST_WORKERS}`);
  });

/** "1,200 of 2,500 shards proven, 15.2 accounts a second, 11 min left". */
export function progressLine({ done, total, rate, secondsLeft, status }: Progress, members: number): string {
  const pace = rate === undefined ? [] : [`${(rate * members).toFixed(1)} accounts a second`];
  const left = secondsLeft === undefined || done === total ? [] : [`${duration(secondsLeft)} left`];
  const out = status.quarantined > 0 ? [`${status.quarantined} quarantined`] : [];
  const working = `${status.leased} in work`;
  return [`${grouped(done)} of ${grouped(total)} shards proven`, ...pace, ...left, working, ...out].join(", ");
}

const grouped = (count: number) => `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");
export const counted = (count: number, what: string, ending = "s") =>
  `${grouped(count)} ${what}${count === 1 ? "" : ending}`;

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}

/** What is worth a line on stderr. */
export function eventLine(event: WorkerEvent, { worker }: WorkerIdentity): string | undefined {
  if (event.what === "waiting") return `${worker} waits: ${event.error.message}`;
  if (event.what !== "failed") return undefined;
  const { reason, stage, code, signal, memoryMib } = event.failure;
  const known = [code, signal, stage && `at "${stage}"`, memoryMib && `${memoryMib} MiB`].filter(Boolean).join(", ");
  return visible(`${worker}: ${event.job} ${reason === "late" ? "took too long" : reason} (${known})`);
}

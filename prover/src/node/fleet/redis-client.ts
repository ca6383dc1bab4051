// SPDX-License-Identifier: GPL-3.0-or-later
/** The connection to Redis, and whether what answers there keeps what it is given. */
import { Redis } from "ioredis";
import { PlimsollError } from "../../errors.ts";

/** How long Redis may take to answer at first. */
const PATIENCE_MS = 5_000;

export interface RedisAddress {
  /** `redis://host:port/db`, or `rediss://` for TLS, without a password. */
  readonly url: string;
  readonly password?: string | undefined;
}

/** Where a password is looked for: never on a command line, which every user of the machine sees. */
export const PASSWORD_VARIABLE = "PLIMSOLL_REDIS_PASSWORD";

/** Reads an address and the password that goes with it. Throws `USAGE`, which quotes nothing of the address. */
export function redisAddress(text: string, password: string | undefined): RedisAddress {
  const url = URL.parse(text);
  if (url === null || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "") {
    throw new PlimsollError("USAGE", "expected redis://host:port or rediss://host:port", { field: "--redis" });
  }
  if (url.password !== "") {
    const rule = `leave the password out of the address, where others see it: give it in ${PASSWORD_VARIABLE} or --redis-password`;
    throw new PlimsollError("USAGE", rule, { field: "--redis" });
  }
  return { url: url.href, password };
}

/**
 * Connects. From then on commands wait while Redis is away. Throws `QUEUE_FAILED` where nobody answers, the password is wrong, or
 * Redis may throw keys away.
 */
export async function connectRedis({ url, password }: RedisAddress): Promise<Redis> {
  const redis = new Redis(url, {
    ...(password !== undefined && { password }),
    lazyConnect: true,
    maxRetriesPerRequest: null,
    connectTimeout: PATIENCE_MS,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2_000),
  });
  let said = "";
  redis.on("error", (error: Error) => {
    said = error.message; // and it connects again by itself
  });
  const { host } = new URL(url);
  const refuse = (why: string) => new PlimsollError("QUEUE_FAILED", `Redis at ${host} ${why}`);
  try {
    await within(redis.connect());
    const memory = await redis.info("memory");
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    if (policy !== "noeviction") {
      throw refuse(`may throw jobs away: set maxmemory-policy to noeviction (it is ${policy ?? "not shown"})`);
    }
    return redis;
  } catch (error) {
    redis.disconnect();
    if (error instanceof PlimsollError) throw error;
    const denied = /WRONGPASS|NOAUTH/.test(`${said} ${error instanceof Error ? error.message : ""}`);
    throw refuse(
      denied ? `does not accept the password (${PASSWORD_VARIABLE} or --redis-password)` : "does not answer",
    );
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error()), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Queues of jobs of every kind, for tests that hold for each. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import type { JobRules, JobSpec } from "../../prover/src/fleet/job.ts";
import type { JobQueue } from "../../prover/src/fleet/queue.ts";
import { openEmbeddedQueue } from "../../prover/src/node/fleet/embedded-queue.ts";
import { openRedisQueue } from "../../prover/src/node/fleet/redis-queue.ts";

/** Jobs with names of shards, and what could be their hashes. */
export const specs = (count: number, from = 0): JobSpec[] =>
  Array.from({ length: count }, (_, at) => {
    const number = String(from + at).padStart(6, "0");
    return { id: `shard-${number}`, shard: number, sha256: number.padStart(64, "0") };
  });

/** Where queues are, and how those who share one open it. */
export interface FleetKind {
  readonly name: string;
  /** Why it cannot be tested here. */
  readonly missing: "no redis-server" | undefined;
  /** Makes a queue that nobody has used. */
  create(rules: JobRules): Promise<FleetPlace>;
  end(): Promise<void>;
}
export interface FleetPlace {
  /** As one process opens it. Of the embedded queue there is one at a time: what opens it closes it before. */
  open(): Promise<JobQueue>;
  /** Where its file is or its server listens. */
  readonly at: string;
  remove(): Promise<void>;
}

export function embeddedFleet(): FleetKind {
  return {
    name: "embedded journal",
    missing: undefined,
    async create(rules) {
      const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-fleet-"));
      const file = path.join(folder, "journal");
      const now = () => performance.timeOrigin + performance.now();
      let opened: JobQueue | undefined;
      return {
        at: file,
        async open() {
          await opened?.close();
          opened = await openEmbeddedQueue(file, { rules, now });
          return opened;
        },
        async remove() {
          await opened?.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
    async end() {},
  };
}

const SERVER = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find((file) => existsSync(file));

/** A Redis of the test's own, on a port that was free. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #options: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#folder = mkdtempSync(path.join(tmpdir(), "plimsoll-redis-"));
    this.#options = options;
  }

  static async start(...options: string[]): Promise<RedisServer> {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    probe.close();
    const server = new RedisServer(port, options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const fixed = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder, "--save", ""];
    this.#child = spawn(SERVER!, [...fixed, ...this.#options], { stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    for await (const chunk of this.#child.stdout!) {
      said += chunk;
      if (said.includes("Ready to accept connections")) break;
    }
    this.#child.stdout!.resume();
  }

  /** Ends it as kill -9 does. */
  async kill(): Promise<void> {
    const ended = once(this.#child!, "exit");
    this.#child!.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }
}

export function redisFleet(): FleetKind {
  let server: Promise<RedisServer> | undefined;
  let queues = 0;
  return {
    name: "BullMQ on Redis",
    missing: SERVER === undefined ? "no redis-server" : undefined,
    async create(rules) {
      server ??= RedisServer.start();
      const { url } = await server;
      const queue = `test-${queues++}`;
      const opened: JobQueue[] = [];
      return {
        at: url,
        async open() {
          const one = await openRedisQueue({ url, queue, rules });
          opened.push(one);
          return one;
        },
        async remove() {
          for (const one of opened) await one.close();
          const redis = new Redis(url);
          await redis.flushall();
          redis.disconnect();
        },
      };
    },
    async end() {
      await (await server)?.stop();
    },
  };
}

export const FLEETS = [embeddedFleet, redisFleet];

/** Jobs that are over. */
export async function finishAll(queue: JobQueue, jobs: readonly JobSpec[]): Promise<void> {
  await queue.enqueue(jobs);
  await queue.cancel(jobs.map(({ id }) => id));
}

/** Milliseconds from asking for a job to having it, the median of some, while others ask how far it is. */
export async function dispatchTime(queue: JobQueue, times: number): Promise<number> {
  const [worker, proof] = [{ worker: "clock-1", machine: "clock" }, Buffer.alloc(160, 7)];
  const all: number[] = [];
  for (let time = 0; time < times; time++) {
    const started = performance.now();
    const [lease] = await Promise.all([queue.lease(worker), queue.status()]);
    all.push(performance.now() - started);
    await queue.complete({ ...lease!, proof });
    for (const each of await queue.offered(10)) await queue.judge(each, true);
  }
  return all.sort((one, other) => one - other)[times >> 1]!;
}

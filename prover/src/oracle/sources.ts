// SPDX-License-Identifier: GPL-3.0-or-later
/** The sources of a reporter's numbers: files, HTTP services such as exchanges, and aggregators on a chain. */
import { open } from "node:fs/promises";
import { Contract, FetchRequest, JsonRpcProvider } from "ethers";
import { z } from "zod";
import { isShortOfGas } from "../chain/refusals.ts";
import { PlimsollError } from "../errors.ts";
import { formatDecimal } from "../formats/decimal.ts";
import { decimalText } from "../risk/input.ts";
import { median, unitsE40 } from "./median.ts";

/** Path of a member in JSON, such as `result.0.price`. */
const at = z.string().regex(/^[\w-]+(\.[\w-]+)*$/);
/**
 * Every source has a time, or an old number could not be told from a new one. `timeAt` is where the JSON has it, unix
 * seconds, or milliseconds where it is above 10^11; a file without `timeAt` is as old as its last modification.
 */
export const sourceFormat = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("file"), path: z.string(), at, timeAt: at.optional() }),
  z.strictObject({ kind: z.literal("http"), url: z.url({ protocol: /^https?$/ }), at, timeAt: at }),
  z.strictObject({
    kind: z.literal("aggregator"),
    rpc: z.url(),
    chainId: z.string().regex(/^[1-9][0-9]{0,18}$/),
    address: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  }),
]);
/**
 * Where a reporter takes one number from.
 * @see docs/library.md#market-values
 */
export type SourceConfig = z.infer<typeof sourceFormat>;

interface Reading {
  /** A decimal string. */
  readonly value: string;
  /** Unix seconds. */
  readonly time: number;
}

const MAX_BYTES = 8_000_000;
const TIMEOUT = 5_000;
const failed = (rule: string) => new PlimsollError("EPOCH_REFUSED", rule);

/**
 * Why something failed, without what it may hold: addresses of services and bodies of answers are left out.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof PlimsollError) return error.message;
  if (error instanceof SyntaxError) return "not JSON";
  if (isShortOfGas(error))
    return "the reporter's address has too little for gas: send it some of the chain's own currency";
  const { name, code, shortMessage, revert, cause, data } = error as Error & Record<string, unknown>;
  if (typeof shortMessage === "string") {
    const said = (revert as { name?: string } | undefined)?.name ?? (typeof data === "string" ? data.slice(0, 10) : "");
    return `${shortMessage}${said === "" ? "" : ` (${said})`}`;
  }
  return String((cause as { code?: unknown } | undefined)?.code ?? code ?? name);
}

/** The body of an answer of 200, of a bounded length, in bounded time. */
export async function fetchText(url: string, timeout = TIMEOUT): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeout), redirect: "error" });
  if (response.status !== 200 || response.body === null) throw failed(`it answers ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BYTES) throw failed(`it answers more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function member(root: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) throw failed(`no ${path} in it`);
    return (value as Record<string, unknown>)[key];
  }, root);
}

function readingOf(text: string, path: string): string {
  const value = decimalText.safeParse(String(member(JSON.parse(text), path)));
  if (!value.success) throw failed(`${path} is not a decimal`);
  return value.data;
}

function timeOf(text: string, path: string): number {
  const time = Number(member(JSON.parse(text), path));
  if (!(time > 0)) throw failed(`${path} is not a time`);
  return time > 1e11 ? time / 1000 : time;
}

/** A chain as it is said to be; what does not answer in time is an error, not asked again and again. */
export function chainAt(rpc: string, chainId: string, timeout = TIMEOUT): JsonRpcProvider {
  const request = new FetchRequest(rpc);
  request.timeout = timeout;
  request.setThrottleParams({ maxAttempts: 1 });
  return new JsonRpcProvider(request, BigInt(chainId), { staticNetwork: true });
}

const AGGREGATOR = [
  "function decimals() view returns (uint8)",
  "function latestRoundData() view returns (uint80, int256, uint256, uint256, uint80)",
];

async function read(source: SourceConfig): Promise<Reading> {
  if (source.kind === "file") {
    await using handle = await open(source.path);
    const text = await handle.readFile("utf8");
    const { mtimeMs } = await handle.stat();
    const time = source.timeAt === undefined ? mtimeMs / 1000 : timeOf(text, source.timeAt);
    return { value: readingOf(text, source.at), time };
  }
  if (source.kind === "http") {
    const text = await fetchText(source.url);
    return { value: readingOf(text, source.at), time: timeOf(text, source.timeAt) };
  }
  const provider = chainAt(source.rpc, source.chainId);
  try {
    const feed = new Contract(source.address, AGGREGATOR, provider);
    const [decimals, round] = await Promise.all([feed.decimals!(), feed.latestRoundData!()]);
    return { value: formatDecimal(round[1], Number(decimals)), time: Number(round[3]) };
  } finally {
    provider.destroy();
  }
}

/**
 * The middle of what sources say, of an even number the lower of the two. Those that fail, tell a time further than `maxAge`
 * seconds from `now`, or are further than `bandBps` of it from the middle, are left out and named to `say`; throws
 * `EPOCH_REFUSED` where fewer than `minimum` are left.
 * @see docs/library.md#market-values
 */
export async function readSources(
  sources: readonly SourceConfig[],
  { minimum, maxAge, bandBps = 10_000, now, say }: SourceRules,
): Promise<string> {
  const values: { readonly name: string; readonly value: string; readonly units: bigint }[] = [];
  for (const [index, result] of (await Promise.allSettled(sources.map(read))).entries()) {
    const name = `source ${index} (${sources[index]!.kind})`;
    if (result.status === "rejected") say(`${name} fails: ${reasonOf(result.reason)}`);
    else if (Math.abs(now - result.value.time) > maxAge)
      say(`${name} is not of this time (${Math.round(now - result.value.time)} s old)`);
    else {
      const { value } = result.value;
      values.push({ name, value, units: unitsE40(value) });
    }
  }
  const few = (count: number) => failed(`${count} sources answer, ${minimum} are needed`);
  if (values.length < minimum) throw few(values.length);
  const middle = median(values, ({ units }) => units);
  const size = (units: bigint) => (units < 0n ? -units : units);
  const away = values.filter(
    ({ units }) => size(units - middle.units) * 10_000n > size(middle.units) * BigInt(bandBps),
  );
  for (const { name } of away) say(`${name} is further than ${bandBps} bps from the middle`);
  if (values.length - away.length < minimum) throw few(values.length - away.length);
  return middle.value;
}

export interface SourceRules {
  readonly minimum: number;
  readonly maxAge: number;
  readonly bandBps?: number | undefined;
  /** Unix seconds. */
  readonly now: number;
  readonly say: (what: string) => void;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** What `plimsoll oracle` does. A module of its own, so that the other commands need not wait for what it imports. */
import { open } from "node:fs/promises";
import path from "node:path";
import { Wallet } from "ethers";
import { z } from "zod";
import { domainOf } from "../chain/publication.ts";
import { PlimsollError } from "../errors.ts";
import { type Json, parseJson } from "../formats/json.ts";
import { readPolicy } from "../formats/policy.ts";
import { type Inputs, writeSecret } from "../node/files.ts";
import { conform, type Observation, readObservation, readRiskPolicy } from "../risk/input.ts";
import { OracleNode } from "./node.ts";
import { chainAt, readSources, sourceFormat } from "./sources.ts";

const KEY_VARIABLE = "PLIMSOLL_REPORTER_KEY";
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const config = z.strictObject({
  format: z.literal("plimsoll-oracle/1"),
  /** Number of the board at the oracle. */
  board: z.string().regex(/^[1-9][0-9]{0,9}$/),
  chain: z.strictObject({ rpc: z.url(), chainId: z.string().regex(/^[1-9][0-9]{0,18}$/), oracle: address }),
  /** File that holds the reporter's private key, readable by its owner alone; else it is in `PLIMSOLL_REPORTER_KEY`. */
  key: z.string().optional(),
  listen: z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) }),
  reporters: z
    .array(z.strictObject({ address, url: z.url() }))
    .min(1)
    .max(32),
  quorum: z.int().min(1).max(31),
  intervalSeconds: z.number().min(1).max(86_400),
  toleranceBps: z.int().min(0).max(10_000),
  skewSeconds: z.number().min(0).max(3_600),
  /** Where what has been signed is kept, and epochs are published. */
  directory: z.string(),
  /** The risk policy and an observation to begin with (halves of a market input, or whole ones), and the haircut policy. */
  risk: z.string(),
  policy: z.string(),
  observation: z.string(),
  /** Numbers of the observation that sources give, by place, such as `underlyings.BTC.spot`. */
  observed: z.record(
    z.string(),
    z.strictObject({
      sources: z.array(sourceFormat).min(1).max(32),
      minimum: z.int().min(1),
      maxAgeSeconds: z.number().positive(),
      /** How far from the middle a source may be and still count; 10000 unless given. */
      bandBps: z.int().min(0).max(10_000).optional(),
    }),
  ),
});

/** Makes a reporter's key in a new file, readable by its owner alone, and returns its address. */
export async function makeReporterKey(file: string): Promise<string> {
  const { privateKey, address } = Wallet.createRandom();
  await writeSecret(file, `${privateKey}\n`);
  return address;
}

/** A reporter of a price oracle, from a configuration file, until the signal is raised. */
export async function runReporter(configuration: string, inputs: Inputs, signal: AbortSignal): Promise<void> {
  const { text, file } = await inputs.text(configuration);
  const plain = parseJson(text, file, { length: 1_000_000, values: 20_000 }).plain();
  let given: z.infer<typeof config>;
  try {
    given = conform(config, plain, "");
  } catch (error) {
    throw error instanceof PlimsollError ? error.at({ file }) : error;
  }
  const at = (name: string) => path.resolve(path.dirname(file), name);
  const half = async (name: string): Promise<Json> => {
    const read = await inputs.text(at(name));
    return parseJson(read.text, read.file, { length: 4_000_000, values: 100_000 }).plain();
  };
  const policy = await inputs.text(at(given.policy));
  const template = readObservation(await half(given.observation));
  const { chain, board } = given;
  const provider = chainAt(chain.rpc, chain.chainId);
  const wallet = new Wallet(await readKey(given.key === undefined ? undefined : at(given.key)), provider);
  if (!given.reporters.some((each) => each.address.toLowerCase() === wallet.address.toLowerCase())) {
    throw new PlimsollError("FIELD_INVALID", "the key's address is not among them", { file, field: "reporters" });
  }
  const log = (event: object) =>
    process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`);
  const observe = async (now: number): Promise<Observation> => {
    const seen = structuredClone(template) as unknown as Record<string, Json>;
    for (const [place, { sources, minimum, maxAgeSeconds: maxAge, bandBps }] of Object.entries(given.observed)) {
      const say = (what: string) => log({ event: "source", place, what });
      put(seen, place, await readSources(sources, { minimum, maxAge, bandBps, now, say }));
    }
    return readObservation(seen);
  };
  const node = new OracleNode({
    domain: domainOf("PriceOracle", BigInt(chain.chainId), chain.oracle),
    board: BigInt(board),
    risk: readRiskPolicy(await half(given.risk)),
    policy: readPolicy(policy.text, policy.file),
    signer: wallet,
    sender: wallet,
    oracle: chain.oracle,
    reporters: given.reporters,
    quorum: given.quorum,
    interval: given.intervalSeconds,
    toleranceBps: BigInt(given.toleranceBps),
    skew: given.skewSeconds,
    directory: at(given.directory),
    listen: given.listen,
    observe,
    log,
  });
  await node.start();
  log({ event: "started", reporter: wallet.address, board });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await node.close();
  provider.destroy();
}

async function readKey(file: string | undefined): Promise<string> {
  const text = file === undefined ? process.env[KEY_VARIABLE] : await readPrivate(file);
  const place = { file: file ?? KEY_VARIABLE };
  if (text === undefined)
    throw new PlimsollError("FIELD_INVALID", "give a key file, or the key in this variable", place);
  if (!/^0x[0-9a-f]{64}$/.test(text.trim())) {
    throw new PlimsollError("FIELD_INVALID", "expected 0x and 64 lower-case hexadecimal digits", place);
  }
  return text.trim();
}

async function readPrivate(file: string): Promise<string> {
  try {
    await using handle = await open(file);
    if (((await handle.stat()).mode & 0o077) === 0) return await handle.readFile("utf8");
  } catch {
    throw new PlimsollError("FILE", "the key cannot be read", { file });
  }
  throw new PlimsollError("FILE", "others than its owner may read the key (chmod 600)", { file });
}

/** Puts a number where one is already: a misspelt place is an error, not a new member. */
function put(root: Record<string, Json>, place: string, value: string): void {
  const keys = place.split(".");
  let holder: unknown = root;
  for (const key of keys.slice(0, -1)) holder = member(holder, key, place);
  member(holder, keys.at(-1)!, place);
  (holder as Record<string, Json>)[keys.at(-1)!] = value;
}

function member(holder: unknown, key: string, place: string): unknown {
  if (typeof holder === "object" && holder !== null && Object.hasOwn(holder, key)) {
    return (holder as Record<string, unknown>)[key];
  }
  throw new PlimsollError("FIELD_INVALID", "the observation has no such number", { field: `observed.${place}` });
}

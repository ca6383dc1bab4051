// SPDX-License-Identifier: GPL-3.0-or-later
/** What `plimsoll oracle` does. A module of its own, so that the other commands need not wait for what it imports. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Contract, type JsonRpcProvider, Wallet } from "ethers";
import { domainOf } from "../chain/publication.ts";
import { type ErrorPlace, PlimsollError } from "../errors.ts";
import { type Json, parseJson } from "../formats/json.ts";
import { readPolicy } from "../formats/policy.ts";
import { type BoardSize, smallestBoardFor } from "../model/sizes.ts";
import { loadLinkKey } from "../node/artifacts.ts";
import { type Inputs, readSecret, writeSecret } from "../node/files.ts";
import { withLock } from "../node/lock.ts";
import { createLinkMaker } from "../prove/link.ts";
import { type Observation, readObservation, readRiskPolicy } from "../risk/input.ts";
import { circuitOf } from "../statement/families.ts";
import { type OracleConfig, readOracleConfig } from "./config.ts";
import { OracleNode } from "./node.ts";
import { chainAt, readSources, reasonOf } from "./sources.ts";

const KEY_VARIABLE = "PLIMSOLL_REPORTER_KEY";
type Log = (event: Readonly<Record<string, unknown>>) => void;

/** What a reporter needs of the process that it runs in. */
export interface ReporterMachine {
  readonly inputs: Inputs;
  readonly signal: AbortSignal;
  /** The environment's variables: `PLIMSOLL_REPORTER_KEY`, where the configuration names no key file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/** Makes a reporter's key in a new file, readable by its owner alone, and returns its address. */
export async function makeReporterKey(file: string): Promise<string> {
  const { privateKey, address } = Wallet.createRandom();
  await writeSecret(file, `${privateKey}\n`);
  return address;
}

/**
 * A reporter of a price oracle, from a configuration file, until the signal is raised. The chain is asked first: throws
 * `FIELD_INVALID` where it is another chain, or has no price oracle of this quorum at the address; `FILE` where another reporter
 * runs in the same directory.
 */
export async function runReporter(configuration: string, machine: ReporterMachine): Promise<void> {
  const { inputs, signal, environment, log } = machine;
  const source = await inputs.text(configuration);
  const config = readOracleConfig(source);
  const { chain, board } = config;
  const provider = chainAt(chain.rpc, chain.chainId);
  try {
    await checkOracle(provider, config, log);
    const wallet = new Wallet(await readKey(config.key, environment), provider);
    if (!config.reporters.some((each) => each.address.toLowerCase() === wallet.address.toLowerCase())) {
      throw new PlimsollError("FIELD_INVALID", "the key's address is not among them", { field: "reporters" });
    }
    const half = async (name: string): Promise<[Json, ErrorPlace]> => {
      const { text, file } = await inputs.text(name);
      return [parseJson(text, file, { length: 4_000_000, values: 100_000 }).plain(), { file }];
    };
    const policy = await inputs.text(config.policy);
    const risk = readRiskPolicy(...(await half(config.risk)));
    const { link } = await createLinkMaker(await loadLinkKey(circuitOf("account", boardOf(risk.instruments.length))));
    const node = new OracleNode({
      domain: domainOf("PriceOracle", BigInt(chain.chainId), chain.oracle),
      board: BigInt(board),
      risk,
      policy: readPolicy(policy.text, policy.file),
      signer: wallet,
      sender: wallet,
      oracle: chain.oracle,
      reporters: config.reporters,
      quorum: config.quorum,
      interval: config.intervalSeconds,
      toleranceBps: BigInt(config.toleranceBps),
      skew: config.skewSeconds,
      directory: config.directory,
      listen: config.listen,
      link,
      observe: observer(config, readObservation(...(await half(config.observation))), log),
      log,
    });
    await mkdir(config.directory, { recursive: true });
    // What one has signed is what keeps it from signing twice: two would write over each other's record.
    const lock = path.join(config.directory, "reporter.lock");
    await withLock(lock, () => runUntil(signal, node, { reporter: wallet.address, board }, log), { patience: 0 });
  } catch (error) {
    throw error instanceof PlimsollError && error.place.file === undefined ? error.at({ file: source.file }) : error;
  } finally {
    provider.destroy();
  }
}

async function runUntil(signal: AbortSignal, node: OracleNode, who: object, log: Log): Promise<void> {
  await node.start();
  log({ event: "started", ...who });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await node.close();
}

/**
 * Asks the chain whether the oracle is there. A chain that does not answer is logged and no error: a reporter's signature
 * counts without it, and others can send the epoch.
 */
async function checkOracle(provider: JsonRpcProvider, { chain, quorum }: OracleConfig, log: Log): Promise<void> {
  const { oracle, chainId } = chain;
  const refuse = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { field });
  let [id, code] = ["", ""];
  try {
    [id, code] = await Promise.all([provider.send("eth_chainId", []), provider.getCode(oracle)]);
  } catch (error) {
    log({ event: "chain does not answer", why: reasonOf(error) });
    return;
  }
  if (BigInt(id) !== BigInt(chainId)) {
    throw refuse("chain.chainId", `the service at chain.rpc is of chain ${BigInt(id)}, expected ${chainId}`);
  }
  if (code === "0x") throw refuse("chain.oracle", `no code at ${oracle} on chain ${chainId}`);
  const ask = (at: string, name: string, type: string) =>
    new Contract(at, [`function ${name}() view returns (${type})`], provider).getFunction(name)();
  const needed = await ask(oracle, "reporters", "address")
    .then((reporters) => ask(reporters, "quorum", "uint256"))
    .catch(() => undefined);
  if (needed === undefined) throw refuse("chain.oracle", `${oracle} on chain ${chainId} is no price oracle`);
  if (needed !== BigInt(quorum)) throw refuse("quorum", `the oracle's quorum is ${needed}`);
}

/** The boards that a risk policy is for. */
function boardOf(instruments: number): BoardSize {
  const size = smallestBoardFor(instruments);
  if (size === undefined) throw new PlimsollError("NO_BOARD_SIZE", "no board holds so many", { field: "instruments" });
  return size;
}

/** Observes: the numbers that sources give, in an observation that says everything else. */
function observer({ observed }: OracleConfig, template: Observation, log: Log) {
  return async (now: number): Promise<Observation> => {
    const seen = structuredClone(template) as unknown as Record<string, Json>;
    for (const [place, { sources, minimum, maxAgeSeconds: maxAge, bandBps }] of Object.entries(observed)) {
      const say = (what: string) => log({ event: "source", place, what });
      put(seen, place, await readSources(sources, { minimum, maxAge, bandBps, now, say }));
    }
    return readObservation(seen);
  };
}

async function readKey(file: string | undefined, environment: ReporterMachine["environment"]): Promise<string> {
  const text = file === undefined ? environment[KEY_VARIABLE] : await readSecret(file);
  const place = { file: file ?? KEY_VARIABLE };
  if (text === undefined)
    throw new PlimsollError("FIELD_INVALID", "give a key file, or the key in this variable", place);
  if (!/^0x[0-9a-f]{64}$/.test(text.trim())) {
    throw new PlimsollError("FIELD_INVALID", "expected 0x and 64 lower-case hexadecimal digits", place);
  }
  return text.trim();
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

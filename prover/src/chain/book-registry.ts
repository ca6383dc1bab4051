// SPDX-License-Identifier: GPL-3.0-or-later
/** The registry of books on a chain: found, read and written. It is only ever the contract of this release. */
import { Contract, ContractFactory, isAddress, type Provider, type Signer } from "ethers";
import type { BookRecord, BookRecords } from "../document/book/record.ts";
import { PlimsollError } from "../errors.ts";
import { timeText } from "../formats/time.ts";
import { releasedContract } from "./deploy.ts";
import { toldBy } from "./refusals.ts";

/** Records of one date that are read: a venue may make any number. */
const MOST = 16;

const told = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw toldBy(error, [(await releasedContract("BookRegistry")).abi]);
  }
};

/**
 * The registry at an address. Throws `FIELD_INVALID` where the code there is not this release's: another contract could forget, or show
 * each reader something else.
 * @see docs/library.md#books
 */
export async function registryAt(runner: Provider | Signer, address: string): Promise<Contract> {
  const provider = "getCode" in runner ? runner : runner.provider!;
  const refuse = (rule: string) => new PlimsollError("FIELD_INVALID", rule, { field: "registry" });
  if (!isAddress(address)) throw refuse("expected an address");
  return told(async () => {
    const { abi, deployedBytecode } = await releasedContract("BookRegistry");
    if ((await provider.getCode(address)) !== deployedBytecode) {
      throw refuse("the contract there is not the registry of books of this release");
    }
    return new Contract(address, abi, runner);
  });
}

/** Deploys a registry, for any number of venues. */
export function deployRegistry(signer: Signer): Promise<Contract> {
  return told(async () => {
    const { abi, bytecode } = await releasedContract("BookRegistry");
    const deployed = await new ContractFactory(abi, bytecode, signer).deploy();
    await deployed.waitForDeployment();
    return registryAt(signer, await deployed.getAddress());
  });
}

const seconds = (time: string): bigint => BigInt(Date.parse(time) / 1000);
const timeOf = (unix: bigint): string => timeText(new Date(Number(unix) * 1000));
const hash = (bytes: string): string => bytes.slice(2);

/** What `record` of the contract takes. */
export const recordArguments = ({ file, policy, market, root, totals, date }: BookRecord) => ({
  ...{ file: `0x${file}`, policy: `0x${policy}`, market: `0x${market}` },
  ...{ root: BigInt(root), totals: BigInt(totals), date: seconds(date), time: 0n },
});

/**
 * What a venue has recorded of a date. Throws `FIELD_INVALID` for a venue that is no address, `CHAIN_FAILED`.
 * @see docs/library.md#books
 */
export async function readBookRecords(registry: Contract, venue: string, date: string): Promise<BookRecords> {
  if (!isAddress(venue)) throw new PlimsollError("FIELD_INVALID", "expected an address", { field: "venue" });
  const ask = (method: string, ...args: unknown[]) => registry.getFunction(method)(...args);
  const recordAt = async (index: bigint) => {
    const { file, policy, market, root, totals, date, time } = await ask("recordAt", venue, index);
    return {
      ...{ file: hash(file), policy: hash(policy), market: hash(market), root: `${root}`, totals: `${totals}` },
      ...{ date: timeOf(date), time: timeOf(time) },
    };
  };
  return told(async () => {
    const [{ first, end }, all] = await Promise.all([ask("recordsOf", venue, seconds(date)), ask("count", venue)]);
    const count = Number(end - first);
    const places = Array.from({ length: Math.min(MOST, count) }, (_, at) => first + BigInt(at));
    const [records, before, after] = await Promise.all([
      Promise.all(places.map(recordAt)),
      first > 0n ? recordAt(first - 1n) : undefined,
      end < all ? recordAt(end) : undefined,
    ]);
    const { chainId } = await registry.runner!.provider!.getNetwork();
    return {
      ...{ chainId: `${chainId}`, registry: await registry.getAddress(), venue, count, records },
      ...(before && { before: before.date }),
      ...(after && { after: after.date }),
    };
  });
}

/** Records a book. @returns its transaction, once the chain has taken it. Throws `CALL_REFUSED`, `CHAIN_FAILED`. */
export function sendBookRecord(
  registry: Contract,
  record: BookRecord,
): Promise<{ transaction: string; block: number }> {
  return told(async () => {
    const sent = await registry.getFunction("record")(recordArguments(record));
    const receipt = (await sent.wait())!;
    return { transaction: receipt.hash, block: receipt.blockNumber };
  });
}

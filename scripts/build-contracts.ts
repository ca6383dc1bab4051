// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Compiles the contracts: `build-contracts [test]`.
 *
 * The contracts of contracts.json go to verifier-contracts/release/<Contract>.json, which is committed: what is reviewed is what
 * a venue deploys. Each is compiled alone, from the sources that it imports and no others, so that anybody compiles the same bytes
 * from the sources that its metadata names. record.json beside them says what each was made from; a contract is compiled again
 * where that has changed.
 *
 * `build-contracts test` compiles what only tests and demonstrations use, quickly, to build/test-contracts/<Contract>.json.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { withBuildLock } from "../prover/src/node/artifacts.ts";
import { removeLeftovers, writeResult } from "../prover/src/node/files.ts";
import { ask } from "./beside.ts";
import { step } from "./progress.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const PACKAGE = "verifier-contracts";
export const RELEASE = path.join(ROOT, PACKAGE, "release");
const TEST_CONTRACTS = path.join(ROOT, "build/test-contracts");
const require = createRequire(import.meta.url);

interface ContractTable {
  readonly compiler: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly contracts: Readonly<Record<string, { readonly source: string; readonly runs: number }>>;
}
/** The contracts of the release and their settings. */
export const TABLE: ContractTable = JSON.parse(readFileSync(path.join(ROOT, PACKAGE, "contracts.json"), "utf8"));

/** Without the slow pipeline of the release, and optimised, so that a test token costs about what a real one does. */
export const TEST_SETTINGS = { evmVersion: TABLE.settings.evmVersion, optimizer: { enabled: true, runs: 200 } };

interface Output {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, Compiled>>>>;
}
type LinkReferences = Readonly<Record<string, Readonly<Record<string, readonly { start: number; length: number }[]>>>>;
interface Code {
  readonly object: string;
  readonly linkReferences?: LinkReferences;
  readonly immutableReferences?: Readonly<Record<string, unknown>>;
}
interface Compiled {
  readonly abi: readonly unknown[];
  readonly metadata: string;
  readonly evm: { readonly bytecode: Code; readonly deployedBytecode: Code };
}

/** A compiled contract in the form that Hardhat's artifacts have, with the compiler's metadata. */
export type Artifact = ReturnType<typeof artifactOf>;
const artifactOf = (sourceName: string, contractName: string, { abi, metadata, evm }: Compiled) => ({
  _format: "hh3-artifact-1",
  contractName,
  sourceName,
  abi,
  bytecode: `0x${evm.bytecode.object}`,
  deployedBytecode: `0x${evm.deployedBytecode.object}`,
  linkReferences: evm.bytecode.linkReferences ?? {},
  deployedLinkReferences: evm.deployedBytecode.linkReferences ?? {},
  immutableReferences: evm.deployedBytecode.immutableReferences ?? {},
  metadata,
});

/** Where the artifact of a contract is: of the release, or of those for tests. */
export function artifactFile(name: string): string {
  return path.join(Object.hasOwn(TABLE.contracts, name) ? RELEASE : TEST_CONTRACTS, `${name}.json`);
}

const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Compiler input for contracts, by source ("*" is every one in it): these sources and what they import, named as in the repository. */
export function compilerInput(contracts: Readonly<Record<string, string>>, settings: object) {
  const sources = new Map<string, { content: string }>();
  const read = (name: string) => {
    if (sources.has(name)) return;
    const file = name.startsWith("@") ? require.resolve(name) : path.join(ROOT, name);
    const content = readFileSync(file, "utf8");
    sources.set(name, { content });
    for (const [, imported] of content.matchAll(/^import [^"';]*"([^"]+)";/gm)) {
      read(imported!.startsWith(".") ? path.posix.join(path.posix.dirname(name), imported!) : imported!);
    }
  };
  for (const source of Object.keys(contracts)) read(source);
  const code = ["object", "linkReferences"];
  const selection = [
    ...["abi", "metadata", "evm.deployedBytecode.immutableReferences"],
    ...["bytecode", "deployedBytecode"].flatMap((kind) => code.map((part) => `evm.${kind}.${part}`)),
  ];
  return JSON.stringify({
    language: "Solidity",
    sources: Object.fromEntries([...sources].toSorted(([left], [right]) => (left < right ? -1 : 1))),
    settings: {
      ...settings,
      outputSelection: Object.fromEntries(
        Object.entries(contracts).map(([source, name]) => [source, { [name]: selection }]),
      ),
    },
  });
}

/** Compiles in a thread of its own. Rejects with what the compiler says. */
async function compile(input: string): Promise<Artifact[]> {
  const { errors = [], contracts = {} }: Output = JSON.parse(await ask<string>("solc-worker.ts", input));
  const failures = errors.filter(({ severity }) => severity === "error");
  if (failures.length > 0) throw new Error(failures.map(({ formattedMessage }) => formattedMessage).join("\n"));
  return Object.entries(contracts).flatMap(([source, all]) =>
    Object.entries(all).map(([name, compiled]) => artifactOf(source, name, compiled)),
  );
}

/** Compiler input for one contract of the release. */
function releaseInput(name: string): string {
  const { source, runs } = TABLE.contracts[name]!;
  const settings = { ...TABLE.settings, optimizer: { enabled: true, runs } };
  return compilerInput({ [`${PACKAGE}/${source}`]: name }, settings);
}

/** One contract of the release, compiled now from its sources. */
export async function compileRelease(name: string): Promise<Artifact> {
  const [artifact] = await compile(releaseInput(name));
  return artifact!;
}

function testInput(): string {
  const sources = globSync("test/*.sol", { cwd: path.join(ROOT, PACKAGE), exclude: ["**/*.t.sol"] }).toSorted();
  return compilerInput(Object.fromEntries(sources.map((source) => [`${PACKAGE}/${source}`, "*"])), TEST_SETTINGS);
}

/** By what was compiled at once: a hash of everything that it was made from, and the SHA-256 of each artifact. */
type ReleaseRecord = Readonly<Record<string, { madeFrom: string; artifacts: Readonly<Record<string, string>> }>>;
interface Job {
  readonly name: string;
  readonly input: string;
}

function readRecord(directory: string): ReleaseRecord {
  try {
    return JSON.parse(readFileSync(path.join(directory, "record.json"), "utf8"));
  } catch {
    return {};
  }
}

const madeFrom = (input: string) => sha256(`${TABLE.compiler}\0${input}`);

function isFresh(directory: string, { name, input }: Job): boolean {
  const entry = readRecord(directory)[name];
  if (entry?.madeFrom !== madeFrom(input)) return false;
  return Object.entries(entry.artifacts).every(([artifact, hash]) => {
    const file = path.join(directory, `${artifact}.json`);
    return existsSync(file) && sha256(readFileSync(file, "utf8")) === hash;
  });
}

async function build(directory: string, what: string, { name, input }: Job): Promise<void> {
  const artifacts = await step(what, () => compile(input));
  await withBuildLock("contracts", { directory: path.dirname(TEST_CONTRACTS) }, () =>
    write(directory, { name, input }, artifacts),
  );
}

async function write(directory: string, { name, input }: Job, artifacts: readonly Artifact[]): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const texts = artifacts.map((artifact) => [artifact.contractName, json(artifact)] as const);
  const put = async (file: string, text: string) => {
    await removeLeftovers(path.join(directory, file));
    await writeResult(path.join(directory, file), text);
  };
  for (const [contract, text] of texts) await put(`${contract}.json`, text);
  const entry = {
    madeFrom: madeFrom(input),
    artifacts: Object.fromEntries(texts.map(([of, text]) => [of, sha256(text)])),
  };
  const record = Object.entries({ ...readRecord(directory), [name]: entry });
  const sorted = Object.fromEntries(record.toSorted(([left], [right]) => (left < right ? -1 : 1)));
  await put("record.json", json(sorted));
}

/** Contracts of the release that were made from other sources or settings than there are now. */
export function staleRelease(): string[] {
  return Object.keys(TABLE.contracts).filter((name) => !isFresh(RELEASE, { name, input: releaseInput(name) }));
}

/** Compiles what is stale of the release. */
export async function buildRelease(): Promise<void> {
  await Promise.all(
    staleRelease().map((name) =>
      build(RELEASE, `compile ${name} into ${PACKAGE}/release: its sources have changed`, {
        name,
        input: releaseInput(name),
      }),
    ),
  );
}

const testJob = () => ({ name: "test", input: testInput() });

/** Whether test contracts are those of the sources that there are. */
export const areTestContractsFresh = () => isFresh(TEST_CONTRACTS, testJob());

/** Compiles what only tests and demonstrations use, unless it is there. */
export async function buildTestContracts(): Promise<void> {
  if (!areTestContractsFresh()) await build(TEST_CONTRACTS, "compile the contracts of tests", testJob());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await (process.argv[2] === "test" ? buildTestContracts() : buildRelease());
}

// SPDX-License-Identifier: GPL-3.0-or-later
/** Proofs and evidence packs of a desk's tasks, each of the texts that its account was valued from. */
import path from "node:path";
import type { Task } from "../../app/desk/records.ts";
import { makePack } from "../../app/make-pack.ts";
import { proveCoverage } from "../../app/prove.ts";
import { PlimsollError } from "../../errors.ts";
import { readAccount, readViewingKey } from "../../formats/account.ts";
import { formatJson } from "../../formats/json.ts";
import { readMarket } from "../../formats/market.ts";
import { readPolicy } from "../../formats/policy.ts";
import { type Inputs, PRIVATE, readKeptSecret, writeResult } from "../../node/files.ts";
import { VERSION } from "../../node/installation.ts";
import { packKey, readPackFiles } from "../../node/pack-files.ts";
import { readSigningKey } from "../../pack/typed-data.ts";
import { zipFiles } from "../../pack/zip.ts";
import type { Prover } from "../../prove/prover.ts";
import { levelBps } from "../../units.ts";
import type { DeskConfig } from "./config.ts";
import type { Store } from "./store.ts";

export interface ProofMachine {
  readonly inputs: Inputs;
  readonly store: Store;
  readonly prover: () => Promise<Prover>;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

/**
 * Makes what a task asks for. The file is the same however often it is made again. Throws as `proveCoverage` and `makePack`, and `USAGE`
 * where the configuration has no viewing key of the account. @returns the file
 */
export async function makeTask(task: Task, config: DeskConfig, machine: ProofMachine): Promise<string> {
  const { store, prover, signal } = machine;
  const moment = store.momentOf(task);
  if (moment === undefined) throw new PlimsollError("UNKNOWN_NAME", "the account had no reading at that epoch");
  const policy = readPolicy(moment.policy.text, moment.policy.file);
  const market = readMarket(moment.market.text, moment.market.file, policy);
  const holder = readAccount(moment.account.text, moment.account.file, policy, market);
  const { key } = config.accounts.find(({ file }) => file === moment.account.file) ?? {};
  if (key === undefined) throw new PlimsollError("USAGE", "the configuration names no viewing key of the account");
  const viewingKey = readViewingKey(await readKeptSecret(key), key);
  const level = levelBps(BigInt(task.level), "level");
  const claim = { level, direction: "at-least", audience: task.audience, policy, market } as const;
  const envelope = await proveCoverage(await prover(), { ...holder, viewingKey }, claim, { signal });
  const name = path.join(config.proofs, `${task.epoch}-${task.id}`);
  const proof = { text: formatJson(envelope), file: `${name}.json` };
  if (task.kind === "prove") {
    await writeResult(proof.file, proof.text, PRIVATE);
    return proof.file;
  }
  const { firm = "", question = "", key: seal = "" } = task.terms;
  const before = store.tasks.last(task.rule, task.account, "done")?.file;
  const { files } = await makePack(
    { keyFor: packKey, now: () => new Date(machine.clock()), software: `plimsoll ${VERSION}`, signal },
    {
      ...{ name: task.rule, question, firm, proofs: [proof] },
      signing: readSigningKey({ text: await readKeptSecret(seal), file: seal }),
      policies: [moment.policy],
      markets: [moment.market],
      ...(before == null ? {} : { previous: await readPackFiles(machine.inputs, before) }),
    },
  );
  await writeResult(`${name}.zip`, zipFiles(files), PRIVATE);
  return `${name}.zip`;
}
